//! Cases from the field, each a test whose name is its claim and whose text anybody can read.
//!
//! The hardest that the trade knows have numbers. Those that what there is so far can meet:
//!
//! - case 1: a building is demolished while something lives in it: `checkups`, `case_1_…`; policies,
//!   fund balances and renovations are not there yet
//! - case 2: merge, split, logical buildings: `lineage`
//! - case 3: entered by mistake, or demolished: `error`
//! - case 4: a border changes, a code changes or comes back: `border`
//! - case 5: a back-dated correction of an inspection: `checkups`
//! - case 6: a paper that comes late: `checkups`
//! - case 7: a signer who turns out not to have been entitled: `checkups`
//! - case 13: a building moves to another compound: `moves`, `case_13_…`; projects are not there yet
//! - case 14: unknown and imprecise dates: `dates`
//! - case 15: two inspectors offline, and an insurer, see one defect: `checkups`
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod border;
mod checkups;
#[path = "../registry/city.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod city;
mod dates;
mod error;
mod lineage;
mod moves;
mod page;

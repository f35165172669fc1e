//! Cases from the field, as texts that anybody can read.
//!
//! Each `*.txt` of this folder is a scenario: a line a step, with the answer beneath. `texts` plays it
//! on both floors, in process and over gRPC, by one `reader`; what the two answer is the same, and
//! is what is written. `reader` has the language.
//!
//! The hardest that the trade knows have numbers. Those that what there is so far can meet:
//!
//! - case 1: a building is demolished while something lives in it: `demolished-while-lived-in`,
//!   and while a policy and a claim run, `demolished-while-insured`; fund balances and renovations are
//!   not there yet
//! - case 2: merge, split, logical buildings: `merges-and-splits`
//! - case 3: entered by mistake, or demolished: `error-or-demolition`, `taken-back`
//! - case 4: a border changes, a code changes or comes back: `borders-and-codes`
//! - case 5: a back-dated correction of an inspection: `false-report`
//! - case 6: a paper that comes late: `late-paper`
//! - case 7: a signer who turns out not to have been entitled: `invalid-signer`
//! - case 9: one roof is paid for by warranty, fund and claim: `paid-for-twice`; what is refunded to
//!   households is not there yet
//! - case 12: the period of a cover follows the acceptance, which is corrected: `cover-period-trap`
//! - case 13: a building moves to another compound: `moved-building`; projects are not there yet
//! - case 14: unknown and imprecise dates: `imprecise-dates`
//! - case 15: two inspectors offline, and an insurer, see one defect: `seen-by-three`
//!
//! What has ended is joined with nothing: `joined-with-ended`. A report is of another building:
//! `report-of-another-building`. A notice or an inspection was of another day: `notice-day`, `misread-day`.
//! What is seen again after its repair is not repaired: `seen-again`.
//! What was accepted gives way only to what was accepted: `superseded`.
//! What no correction makes of a life: `never-so`. A city's rules are kept row by row: `cycles-of-a-draft`. What ends after its place has moved is taken away where it is by then: `end-after-the-move`.
//!
//! What needs more than a text says is a test beside them: `moves` counts the moved building on every
//! day as ever known, `lineage` looks at every field of what is merged and split.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

#[path = "../registry/city.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod city;
mod floor;
mod in_process;
mod lineage;
mod moves;
mod over_grpc;
mod page;
mod play;
mod reader;
#[path = "../support/served.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod served;
mod texts;

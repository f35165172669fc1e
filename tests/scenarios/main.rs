//! Cases from the field, each a test whose name is its claim and whose text anybody can read.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod border;
mod checkups;
#[path = "../registry/city.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod city;
mod dates;
mod error;
mod lineage;
mod page;

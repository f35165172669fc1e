//! The command line, against a server that follows a script and on data directories of its own.

mod asked;
#[path = "../registry/city.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
mod city;
mod erase;
mod offline;
#[path = "../support/raw.rs"]
mod raw;

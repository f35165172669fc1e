//! Bytes from outside, arbitrary and made of valid ones, thrown at every door where such bytes come
//! in: nothing panics, nothing is taken for whole that is not, nothing refused leaves a trace.
//!
//! The same tests run longer with `ANJU_FUZZ_ROUNDS`; `ANJU_FUZZ_SEED` gives the inputs of a run
//! again, and `ANJU_FUZZ_INPUT` throws one saved file. A failure tells seed and file.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod files;
mod mutate;
#[path = "../support/raw.rs"]
mod raw;
mod requests;
#[path = "../support/served.rs"]
mod served;
mod stored;
mod words;

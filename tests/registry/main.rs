//! The registry on the memory store: commands, corrections, totals, sweeps, cases.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
#![expect(clippy::option_option, reason = "a field may be said to be unknown")]

mod boxes;
mod budget;
mod cases;
mod checkups;
mod city;
mod claims;
mod covers;
mod diffs;
mod ends;
mod gate;
mod imports;
mod insured;
mod life;
mod listed;
mod mending;
mod oracle;
mod paper_rows;
mod papers;
mod paths;
mod reads;
mod rebuild;
mod recounts;
mod refusals;
mod requests;
mod row_days;
mod row_ends;
mod stages;
mod story;
mod sweeps;
mod totals;
mod underwriting;
mod undone;
mod within;

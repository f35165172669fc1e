//! The registry on the memory store: commands, corrections, totals, sweeps, cases.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod budget;
mod cases;
mod city;
mod gate;
mod life;
mod oracle;
mod reads;
mod rebuild;
mod requests;
mod story;
mod sweeps;
mod totals;

//! Anju (安居): a housing lifecycle registry.
//!
//! One idea: a journal of facts, and everything else derived from it. The floors, from the ground
//! up; each may use only what is below it (`tests/architecture.rs` holds that):
//!
//! - [`kernel`]: the words everything is written in.
//! - [`cli`]: the subcommands.
//! - [`exchange`]: files to rows and rows to files.
//! - [`store`]: journal and state as bytes.

pub mod cli;
pub mod domain;
pub mod exchange;
pub mod kernel;
pub mod proto;
pub mod store;

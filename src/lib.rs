//! Anju (安居): a housing lifecycle registry.
//!
//! One idea: a journal of facts, and everything else derived from it. The floors, from the ground
//! up; each may use only what is below it (`tests/architecture.rs` holds that):
//!
//! - [`kernel`]: the words everything is written in.
//! - [`domain`]: pure rules and types.
//! - [`store`]: journal and state as bytes.
//! - [`client`]: the registry as its callers see it.
//! - [`cli`]: the command line.

pub mod cli;
pub mod client;
pub mod domain;
pub mod kernel;
pub mod proto;
pub mod store;

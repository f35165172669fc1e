//! Anju (安居): a housing lifecycle registry.
//!
//! One idea: a journal of facts, and everything else derived from it. The floors, from the ground
//! up; each may use only what is below it (`tests/architecture.rs` holds that):
//!
//! - [`kernel`]: the words everything is written in.
//! - [`store`]: journal and state as bytes.
//! - [`auth`]: who is calling, and what they may do.
//! - [`config`]: what the server is told by its keepers.
//! - [`listener`]: connections, plain or TLS.
//! - [`telemetry`]: what the server says about itself.

pub mod auth;
pub mod config;
pub mod kernel;
pub mod listener;
pub mod store;
pub mod telemetry;

//! Anju (安居): a housing lifecycle registry.
//!
//! One idea: a journal of facts, and everything else derived from it. The floors, from the ground
//! up; each may use only what is below it (`tests/architecture.rs` holds that):
//!
//! - [`kernel`]: the words everything is written in; [`proto`]: generated messages.
//! - [`domain`]: the rules of the trade, pure; [`store`]: journal and state as bytes.
//! - [`registry`]: commands, `apply`, and all that is derived.
//! - [`auth`]: who is calling and what a caller may do.
//! - [`client`]: the registry as its callers see it.
//! - [`config`], [`telemetry`], [`listener`]: settings, logs and metrics, connections.
//! - [`cli`]: the command line.

pub mod auth;
pub mod cli;
pub mod client;
pub mod config;
pub mod domain;
pub mod kernel;
pub mod listener;
pub mod proto;
pub mod registry;
pub mod store;
pub mod telemetry;

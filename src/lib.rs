//! Anju (安居): a housing lifecycle registry.
//!
//! One idea: a journal of facts, and everything else derived from it. The floors, from the ground
//! up; each may use only what is below it (`tests/house/floors.rs` holds that):
//!
//! - [`kernel`]: the words everything is written in; [`proto`]: generated messages.
//! - [`domain`]: the rules of the trade, pure; [`store`]: journal and state as bytes.
//! - [`registry`]: commands, `apply`, and all that is derived.
//! - [`auth`]: who is calling and what a caller may do; [`exchange`]: files to rows and back.
//! - [`service`]: the API over gRPC; the wire types stop there.
//! - [`client`]: the registry as its callers see it.
//! - [`config`], [`telemetry`], [`listener`], [`server`]: settings, logs and metrics, connections,
//!   and all of it put together.
//! - [`cli`]: the command line.

pub mod auth;
pub mod cli;
pub mod client;
pub mod config;
pub mod domain;
pub mod exchange;
pub mod kernel;
pub mod listener;
pub mod proto;
pub mod registry;
pub mod server;
pub mod service;
pub mod store;
pub mod telemetry;

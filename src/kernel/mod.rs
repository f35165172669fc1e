//! The words everything is written in: ids, days, stamps, hashes, violations, limits.
//!
//! Pure and small. Nothing here knows a building, a byte on disk or a connection.

pub mod fen;
pub mod hash;
pub mod id;
pub mod limit;
pub mod page;
pub mod position;
pub mod share;
pub mod time;
pub mod violation;

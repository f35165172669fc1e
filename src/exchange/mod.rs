//! Files to rows and rows to files.
//!
//! One table ([`mod@column`]) says what a column is called, how its cells are read and how they are
//! written, so that what is written is read back exactly. Nothing here knows a connection, and
//! nothing here judges what the registry alone can judge: a row either says something that can be
//! understood, or all that cannot be is listed with its column and a stable reason.

pub mod carried;
pub mod cell;
pub mod column;
pub mod draft;
pub mod edition;
pub mod header;
pub mod paper_column;
mod policy_cell;
pub mod policy_column;
pub mod reject;
pub mod row;
pub mod sample;
pub mod table;
pub mod write;

//! The command line.

pub mod field;
pub mod message;
pub mod set;
pub mod table;

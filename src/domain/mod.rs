//! The rules of the trade: pure, without clock, disk or network.

pub mod building;
pub mod compound;
pub mod content;
pub mod place;
pub mod region;
pub mod unit;

//! The rules and the types that they are written in. Pure: no clock, no input or output, no store.
//!
//! Uses only the kernel. Whatever a rule needs from elsewhere is an argument, if need be a trait
//! that the caller fulfils.

pub mod author;
pub mod body;
pub mod building;
pub mod checkup;
pub mod claim;
pub mod compound;
pub mod content;
pub mod coverage;
pub mod cycle;
pub mod due;
pub mod finding;
pub mod grade;
pub mod house_code;
pub mod insured;
pub mod key;
pub mod merkle;
pub mod order;
pub mod party;
pub mod periods;
pub mod place;
pub mod plan;
pub mod plausibility;
pub mod policy;
pub mod product;
pub mod qualification;
pub mod reference;
pub mod reference_diff;
pub mod reference_file;
pub mod region;
pub mod report;
pub mod signer;
pub mod succession;
pub mod tables;
pub mod text;
pub mod timeline;
pub mod totals;
pub mod underwriting;
pub mod unit;
pub mod work;

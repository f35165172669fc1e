//! Commands, `apply`, and all that is derived: the only room that knows the journal's messages.

mod error;
mod fact;
mod space;

pub use crate::registry::{
    error::{Class, Error, Refusal},
    fact::{Body, Conflict, Fact, ItemOutcome, ItemRecord, SourceRow},
};

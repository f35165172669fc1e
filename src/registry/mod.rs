//! Commands, `apply`, and all that is derived: the only room that knows the journal's messages.

mod apply;
mod case;
mod entry;
mod error;
mod fact;
mod history;
mod overlay;
mod record;
mod request;
mod space;
mod state;
mod sweep;
mod totals;
mod work;

pub use crate::registry::{
    case::{Case, Contradiction},
    entry::{Entry, Link, RequestMark, Text, withhold},
    error::{Class, Error, Refusal},
    fact::{Body, Conflict, Fact, ItemOutcome, ItemRecord, SourceRow},
};

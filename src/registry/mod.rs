//! Commands, `apply`, and all that is derived: the only room that knows the journal's messages.

mod apply;
mod audit;
mod cache;
mod case;
mod command;
mod commands;
mod engine;
mod entry;
mod error;
mod fact;
mod history;
mod overlay;
mod query;
mod read;
mod rebuild;
mod record;
mod request;
mod search;
mod space;
mod state;
mod sweep;
mod totals;
mod tx;
mod work;
mod writer;

pub use crate::registry::{
    audit::{Checkpoint, FieldDiff, HistoryRow, SUITE, SubjectDiff},
    case::{Case, Contradiction},
    command::{
        Change, Command, Correct, End, Import, ImportRow, Merge, MergeInto, Reference, Register,
        Retract, RowMode, Split, SplitPart,
    },
    engine::{Options, Registry},
    entry::{Entry, Link, RequestMark, Text, withhold},
    error::{Class, Error, Refusal},
    fact::{Body, Conflict, Fact, ItemOutcome, ItemRecord, SourceRow},
    query::{CodeMatch, Series, TotalRow, Totals},
    read::{At, ListOf, Seen},
    rebuild::{catch_up, rebuild, replay},
    search::{Search, Sought},
    tx::{Call, Decided},
    writer::{Frontier, Observed, Outcome},
};

//! Commands, `apply`, and all that is derived: the only room that knows the journal's messages.

mod apply;
mod audit;
mod below;
mod cache;
mod case;
mod checkup;
mod claims;
mod command;
mod commands;
mod coverage;
mod diff;
mod dossier;
mod due;
mod dump;
mod engine;
mod entry;
mod erase;
mod error;
mod fact;
mod findings;
mod guarded;
mod history;
mod insured;
mod line;
mod merged;
mod notices;
mod orders;
mod overlay;
mod parts;
mod policies;
mod product;
mod proved;
mod query;
mod read;
mod rebuild;
mod record;
mod recount;
mod reference;
mod reports;
mod request;
mod search;
mod signing;
mod space;
mod state;
mod subject_part;
mod subjects;
mod sweep;
mod term;
mod totals;
mod tx;
pub mod underwriting;
mod verify;
mod work;
mod works;
mod writer;

pub use crate::registry::{
    audit::{Checkpoint, HistoryRow, SUITE},
    case::{Case, Contradiction, Days, InDoubt, Span},
    checkup::DueFor,
    claims::{ClaimSeen, ClaimStages},
    command::{
        AdvanceReport, Change, Command, Correct, End, Erase, FindingRow, FollowFinding, Import,
        ImportRow, Merge, MergeInto, ObserveFinding, PaperRow, RecordReport, Reference, Register,
        ReportRow, ReportStep, Retract, RowEnd, RowLife, RowMode, RowPart, RowPeriod, Sighting,
        SignedRow, Split, SplitPart, Which,
    },
    coverage::{CoverSeen, Coverage},
    diff::{FieldDiff, SubjectDiff},
    due::{CheckUps, DueDays, DueListed},
    dump::{Contents, DumpError, DumpReader, DumpWriter, load},
    engine::{Options, Registry, beyond},
    entry::{Entry, Gone, Hidden, Link, RequestMark, Text, show, withhold},
    erase::{blanked, finish_erasures},
    error::{Class, Error, Refusal},
    fact::{Body, Conflict, Fact, ItemOutcome, ItemRecord, SourceRow},
    findings::{EventSeen, FindingSeen, FindingsWanted},
    orders::OrdersWanted,
    parts::TotalOf,
    policies::led_by_another,
    product::ProductSeen,
    proved::{NotAnEntry, Opened, OpenedPart, open_entry, sayings},
    query::{
        CodeMatch, ListedTotals, Series, SideBySide, Termed, TotalRow, Totals, UnderWay, Wanted,
    },
    read::{At, Editions, ListOf, OrderStates, Seen},
    rebuild::{catch_up, rebuild, replay},
    reports::{REPORT_STATES, ReportStand, ReportsWanted},
    search::{Search, Sought},
    subject_part::SubjectParts,
    tx::{Call, Decided},
    verify::{
        FINDINGS_MAX, Finding, Findings, JournalCheck, JournalSummary, PartitionSummary,
        check_roots, compare_states,
    },
    works::{Paid, WorkSeen},
    writer::{Frontier, Observed, Outcome},
};

//! What can be asked of the registry, as plain values: the edge makes them, tests make them up.

use std::collections::BTreeSet;

use crate::{
    domain::{
        content::Content,
        finding::{Observation, Saying},
        report::Signatures,
        timeline::EndCause,
    },
    kernel::{
        hash::Hash,
        id::{BuildingId, CaseId, FindingId, IdSeed, Kind, RegionId, ReportId, SubjectId},
        position::Seq,
        time::{Day, ImpreciseDay},
    },
};

/// A command. It names what it is about; where it goes is in the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Registers one subject.
    Register(Register),
    /// Registers several.
    RegisterAll {
        /// What to register.
        items: Vec<Register>,
        /// Take the good and refuse the bad; otherwise one bad item refuses all.
        per_item: bool,
    },
    /// The world changed.
    Change(Change),
    /// An entry was wrong.
    Correct(Correct),
    /// A subject ends.
    End(End),
    /// Subjects become one.
    Merge(Merge),
    /// A subject becomes several.
    Split(Split),
    /// An entry is taken back.
    Retract(Retract),
    /// A case is given to somebody.
    AssignCase {
        /// Which.
        case: CaseId,
        /// Whom: an opaque key.
        assignee: String,
    },
    /// A case is closed.
    SettleCase {
        /// Which.
        case: CaseId,
        /// 1 stands, 2 corrected, 3 unfounded.
        outcome: u32,
    },
    /// An edition of reference data is loaded: registered, corrected, or there already.
    LoadReference {
        /// The edition.
        edition: Register,
        /// It is there, and its text was wrong.
        is_correction: bool,
    },
    /// A report is drafted with what it found, and perhaps signed and submitted at once.
    RecordReport(Box<RecordReport>),
    /// A report takes a step.
    AdvanceReport(AdvanceReport),
    /// Somebody saw a defect.
    ObserveFinding(Box<ObserveFinding>),
    /// What follows on a finding.
    FollowFinding(FollowFinding),
    /// Rows of an outside source are taken in.
    Import(Import),
    /// The free text of entries is erased for ever.
    Erase(Erase),
}

/// A report with what it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordReport {
    /// The id, but for its partition.
    pub seed: IdSeed,
    /// What is said of it, without its steps.
    pub content: Content,
    /// The last day of the looking.
    pub inspected: Day,
    /// What was found, with the index that each has in the request.
    pub findings: Vec<(usize, Sighting)>,
    /// The steps that it takes at once, with their days: signed, or signed and submitted.
    pub steps: Vec<(ReportStep, Day)>,
    /// Why fields are doubted.
    pub sentences: Vec<(String, String)>,
}

/// An observation, and of which finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Which finding.
    pub finding: Which,
    /// The day on which it was seen.
    pub on: Day,
    /// The time on that day, in seconds.
    pub second_of_day: Option<u32>,
    /// The caller's key of order.
    pub order_key: Vec<u8>,
    /// What was seen. In a report, the report is filled in.
    pub observation: Observation,
}

/// A finding that is new, or known already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// A new one, with its id but for the partition.
    New(IdSeed),
    /// One that is there, or was merged into one that is.
    Known(FindingId),
}

/// A step of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportStep {
    /// It is signed.
    Sign(Signatures),
    /// It is submitted.
    Submit,
    /// It is accepted.
    Accept,
    /// It is returned, for the call's reason.
    Return,
    /// Another one takes its place.
    Supersede(ReportId),
}

/// A report takes a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvanceReport {
    /// Which.
    pub report: ReportId,
    /// As for a change.
    pub etag: Option<Seq>,
    /// The step.
    pub step: ReportStep,
    /// Its day.
    pub on: Day,
}

/// Somebody saw a defect of a building.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObserveFinding {
    /// The building.
    pub building: BuildingId,
    /// As for a change, of a finding that is known.
    pub etag: Option<Seq>,
    /// What was seen.
    pub observed: Sighting,
}

/// What follows on a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowFinding {
    /// Which.
    pub finding: FindingId,
    /// As for a change.
    pub etag: Option<Seq>,
    /// The day.
    pub on: Day,
    /// The time on that day, in seconds.
    pub second_of_day: Option<u32>,
    /// The caller's key of order.
    pub order_key: Vec<u8>,
    /// What is said. Why is in the call.
    pub saying: Saying,
}

/// A subject to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The id, but for its partition.
    pub seed: IdSeed,
    /// What is said of it. Its parents are named here.
    pub content: Content,
    /// Since when it exists.
    pub exists_from: ImpreciseDay,
    /// For a region: it begins a partition of its own.
    pub opens_partition: bool,
    /// Why fields are doubted: field and sentence.
    pub sentences: Vec<(String, String)>,
}

/// Fields that have other values from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whose.
    pub subject: SubjectId,
    /// The number of its last entry, if the caller wants nothing to have come between.
    pub etag: Option<Seq>,
    /// The first day.
    pub from: Day,
    /// The time on that day, in seconds.
    pub second_of_day: Option<u32>,
    /// The caller's key of order.
    pub order_key: Vec<u8>,
    /// The values.
    pub content: Content,
    /// Why fields are doubted.
    pub sentences: Vec<(String, String)>,
}

/// What an entry should have said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correct {
    /// Whose entry.
    pub subject: SubjectId,
    /// As for a change.
    pub etag: Option<Seq>,
    /// The entry; `None`: the newest that says something about every field named.
    pub entry: Option<Seq>,
    /// The day from which it should have held; `None`: the day it has.
    pub from: Option<Day>,
    /// The fields that were wrong. What is not named stays as the entry said it.
    pub content: Content,
    /// Since when it exists, when that is what was wrong.
    pub exists_from: Option<ImpreciseDay>,
    /// The first day on which it was no more, when that is what was wrong.
    pub ended_on: Option<ImpreciseDay>,
    /// Why fields are doubted.
    pub sentences: Vec<(String, String)>,
}

/// A subject's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Which.
    pub subject: SubjectId,
    /// As for a change.
    pub etag: Option<Seq>,
    /// The first day on which it is no more.
    pub day: ImpreciseDay,
    /// Why.
    pub cause: EndCause,
}

/// Subjects that become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The kind of all of them.
    pub kind: Kind,
    /// Those that end.
    pub subjects: Vec<SubjectId>,
    /// The first day of the one.
    pub day: Day,
    /// What they become.
    pub into: MergeInto,
}

/// What merged subjects become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeInto {
    /// One that is there.
    Existing(SubjectId),
    /// A new one.
    New {
        /// Its id.
        seed: IdSeed,
        /// Its fields.
        content: Box<Content>,
    },
}

/// A subject that becomes several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Which.
    pub subject: SubjectId,
    /// As for a change.
    pub etag: Option<Seq>,
    /// The first day of the parts.
    pub day: Day,
    /// The parts.
    pub parts: Vec<SplitPart>,
    /// For a region: where each of its children goes, by the index of the part.
    pub assignments: Vec<(SubjectId, usize)>,
    /// Whether it lives on beside what is taken out of it.
    pub keeps: bool,
}

/// A part of a split subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitPart {
    /// Its id.
    pub seed: IdSeed,
    /// Its fields; parents that are not named are those of the split subject.
    pub content: Content,
    /// Its share by area: numerator and denominator.
    pub share: (u64, u64),
}

/// An entry taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retract {
    /// Whose entry.
    pub subject: SubjectId,
    /// As for a change.
    pub etag: Option<Seq>,
    /// The entry; `None`: the registration.
    pub entry: Option<Seq>,
}

/// What is to be erased, and by whose order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erase {
    /// The entries, of the partition where the command goes.
    pub entries: Vec<Seq>,
    /// The kinds of their parts; only 2, the free text, can be.
    pub kinds: Vec<u32>,
    /// The order, as a court or an authority numbers it.
    pub order: String,
    /// Who ordered it: an opaque key.
    pub ordered_by: String,
}

/// How a row that differs from what its source last said is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowMode {
    /// The world changed.
    Change,
    /// The source was wrong before.
    Correction,
}

/// Rows of an outside source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The source.
    pub source: String,
    /// How rows that differ are taken.
    pub mode: RowMode,
    /// The regions in which rows are taken, each by itself; `None` for everywhere.
    pub within: Option<BTreeSet<RegionId>>,
    /// For whom an insurer sends them: of policies only those that one of these companies leads are
    /// taken, each by itself. `None` for any other caller.
    pub insurers: Option<BTreeSet<String>>,
    /// The rows, and the index that each has in the request.
    pub rows: Vec<(u32, ImportRow)>,
    /// Items that could not even be read: they are answered with the rest.
    pub unread: Vec<crate::registry::ItemRecord>,
}

/// A reference of a row to another subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// By our id.
    Id(SubjectId),
    /// By the key of the same source.
    Key(String),
    /// By the key of a source.
    SourceKey(String, String),
    /// By an outside number: scheme and value.
    Identifier(String, String),
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRow {
    /// Its key in the source.
    pub key: String,
    /// The hash of all that the row says.
    pub hash: Hash,
    /// The id, if it is new.
    pub seed: IdSeed,
    /// What it says, without what it refers to.
    pub content: Content,
    /// What it refers to: the field's API name (`parent_id`, `compound_id`, `community_id`,
    /// `physical_id`, `building_id`, `body_id`, `order_id`, `report_id`, `unit_id`, `region_id`, and
    /// once for each object `object_ids` or, unless it is named by id, `objects.building` and the
    /// like) and the reference.
    pub references: Vec<(&'static str, Kind, Reference)>,
    /// Since when it exists, says the row.
    pub exists_from: Option<ImpreciseDay>,
    /// Since when it exists, when it is new and the row does not say it.
    pub exists_from_when_new: Option<ImpreciseDay>,
    /// From when a change holds.
    pub from: Option<Day>,
    /// How it ended, if the row says that it did.
    pub end: Option<RowEnd>,
    /// What it says of other days.
    pub life: RowLife,
    /// For a region: it begins a partition.
    pub opens_partition: bool,
    /// What it says beside, of what is no place.
    pub paper: Option<PaperRow>,
}

/// What a row says of other days than the rest of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowLife {
    /// What it was before, each up to a day.
    pub earlier: Vec<RowPeriod>,
    /// What it will be, each from a day on.
    pub later: Vec<RowPeriod>,
    /// What was taken out of it while it lived on.
    pub split_off: Vec<RowPart>,
}

impl RowLife {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.earlier.is_empty() && self.later.is_empty() && self.split_off.is_empty()
    }
}

/// Other values of fields, up to a day or from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPeriod {
    /// Up to which day, or from which on.
    pub day: Day,
    /// The fields, without what they refer to.
    pub content: Content,
    /// What they refer to, as in [`ImportRow`].
    pub references: Vec<(&'static str, Kind, Reference)>,
}

/// What was taken out of what a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPart {
    /// When.
    pub day: Day,
    /// What.
    pub part: Reference,
    /// Its share by area.
    pub share: (u64, u64),
}

/// The end of what a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowEnd {
    /// The first day on which it is no more.
    pub day: ImpreciseDay,
    /// Why.
    pub cause: EndCause,
    /// Of a merge or split: what stands in its place, each with its share by area.
    pub successors: Vec<(Reference, (u64, u64))>,
}

/// What a row says of a report or a finding, beside its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaperRow {
    /// Of a report.
    Report(ReportRow),
    /// Of a finding.
    Finding(FindingRow),
}

/// A report's days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    /// The last day of the looking.
    pub inspected: Day,
    /// Who signed, and when.
    pub signed: Option<SignedRow>,
    /// When it was submitted.
    pub submitted: Option<Day>,
}

/// Signatures of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRow {
    /// Who.
    pub signers: Vec<Reference>,
    /// For what scope.
    pub scope: String,
    /// When.
    pub on: Day,
}

/// The days of an observation, which is the event of the row's content, and of the notice that
/// followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingRow {
    /// The day.
    pub on: Day,
    /// The day of the notice, and the deadline that it says.
    pub notice: Option<(Day, Option<Day>)>,
}

impl ImportRow {
    /// Since when it exists, if it is new.
    pub fn beginning(&self) -> Option<ImpreciseDay> {
        self.exists_from.or(self.exists_from_when_new)
    }
}

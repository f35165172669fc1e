//! What a scenario asks of the registry, whichever floor answers: plain values, in the words of the
//! API, with ids as text.

use std::collections::BTreeMap;

use anju::kernel::{id::Kind, time::Day};

/// Who acts: a name, and the role that its credential has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Office,
    Inspector,
    Insurer,
    Patrol,
    /// 住建局: another pair of eyes.
    Bureau,
}

impl Who {
    pub(crate) const ALL: [Self; 5] =
        [Self::Office, Self::Inspector, Self::Insurer, Self::Patrol, Self::Bureau];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Office => "office",
            Self::Inspector => "inspector",
            Self::Insurer => "insurer",
            Self::Patrol => "patrol",
            Self::Bureau => "bureau",
        }
    }
}

/// One thing that is said of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// A field of the API and its value; `None` for unknown or none.
    Field { name: String, value: Option<String> },
    /// An outside number or code.
    Number { scheme: String, value: String },
    /// A field that is doubted, and why.
    Doubt { field: String, sentence: String },
    /// A qualification.
    Licence { scope: String, from: String, until: Option<String> },
    /// Where a signer works, and since when.
    Employed { body: String, from: String },
    /// A grade on the ladder of the survey of buildings.
    Grade { value: String },
    /// Who insures, alone.
    Insurer { company: String },
    /// What is insured.
    Insures { ids: Vec<String> },
    /// What paid for work, in fen.
    Funding { source: String, amount: u64 },
    /// Covers with their sums insured, in fen.
    Covers { items: Vec<(String, u64)> },
}

/// All that is said of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Saying {
    pub(crate) kind: Kind,
    pub(crate) said: Vec<Said>,
}

/// What somebody saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    /// Of which finding; `None` for a new one.
    pub(crate) finding: Option<String>,
    pub(crate) on: String,
    pub(crate) source: String,
    pub(crate) observer: String,
    pub(crate) class: String,
    pub(crate) severity: String,
    pub(crate) storey: Option<i16>,
}

/// A step of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Sign { signers: Vec<String>, scope: String },
    Submit,
    Accept,
    Return,
    Supersede { by: String },
}

/// What follows on a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    Notified { deadline: Option<String> },
    Fixed { repairer: String },
    Verified { verifier: String },
    Closed,
}

/// A step of a claim; amounts in fen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClaimStep {
    Registered { number: String },
    Checked,
    Surveyed { amount: u64 },
    Approved { amount: u64 },
    Reserved { amount: u64 },
    Cash,
    Repair,
    Accepted,
    Paid { amount: u64, to: String, work: Option<String>, invoice: Option<String> },
    Closed,
    Declined { code: String },
    Withdrawn,
    Reopened,
}

/// Something that pays for work; the amount in fen, the invoice as what is written on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fund {
    pub(crate) source: String,
    pub(crate) amount: u64,
    pub(crate) invoice: Option<String>,
}

/// What is asked of covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) part: String,
    pub(crate) cause: String,
    pub(crate) lost: String,
    pub(crate) noticed: Option<String>,
}

/// A cover beside a loss: policy, cover, answer, what is left in fen, and what stands against it.
pub(crate) type CoverLine = (String, String, String, u64, Vec<String>);

/// A part of what is split: what is said of it, and its share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) saying: Saying,
    pub(crate) share: (u64, u64),
}

/// What merged subjects become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Into {
    Known(String),
    New(Saying),
}

/// A report with what it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paper {
    pub(crate) saying: Saying,
    pub(crate) inspected: String,
    /// Signers and scope; signed on the day of the inspection.
    pub(crate) signed: Option<(Vec<String>, String)>,
    pub(crate) is_submitted: bool,
    pub(crate) findings: Vec<Observed>,
}

/// Something that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Register { saying: Saying, from: String, opens_partition: bool },
    Reference { text: String, region: String },
    Change { id: String, from: String, saying: Saying },
    Correct(Correct),
    End { id: String, on: String, cause: String },
    Merge { kind: Kind, ids: Vec<String>, into: Into, on: String },
    Split(Split),
    Retract { id: String, entry: Option<u64> },
    Transfer { id: String, parent: String, from: String },
    Report(Paper),
    Advance { report: String, step: Step, on: String },
    Observe { building: String, etag: Option<u64>, seen: Observed },
    Follow { finding: String, on: String, follow: Follow },
    Claim { claim: String, on: String, step: ClaimStep },
    Cancel { policy: String, from: String },
    Fund { work: String, on: String, fund: Fund },
}

/// What an entry should have said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Correct {
    pub(crate) id: String,
    pub(crate) entry: Option<u64>,
    pub(crate) from: Option<String>,
    pub(crate) began: Option<String>,
    pub(crate) ended: Option<String>,
    pub(crate) saying: Saying,
}

/// A subject that becomes several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) id: String,
    pub(crate) on: String,
    pub(crate) parts: Vec<Part>,
    /// A child, and the number of the part to which it goes.
    pub(crate) assignments: Vec<(String, usize)>,
    pub(crate) keeps: bool,
}

/// What came of an act: what it made or was about, its entries, and the number after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) ids: Vec<String>,
    pub(crate) entries: Vec<u64>,
    pub(crate) seq: u64,
    /// Findings that may be the same as the one that was observed.
    pub(crate) alike: Vec<String>,
}

/// One thing that is wrong: its reason, and the field that it is about.
pub(crate) type Wrong = (String, String);

/// Up to where something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Now,
    /// At the end of a day in China.
    Day(Day),
    /// After an entry.
    Seq(u64),
}

/// The two times of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    pub(crate) valid: Option<Day>,
    pub(crate) known: Known,
}

/// One total: measure, term (may be empty), certain and possible amount.
pub(crate) type Total = (String, String, i64, i64);

/// A relative of a subject: which, since when, by what share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relative {
    pub(crate) id: String,
    pub(crate) day: String,
    pub(crate) share: (u64, u64),
}

/// A subject as it is seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) etag: u64,
    /// `EXISTS`, `NOT_YET`, `ENDED`, `ENTERED_IN_ERROR`, `UNKNOWN`.
    pub(crate) presence: String,
    pub(crate) since: String,
    /// The day of its end, and the cause.
    pub(crate) end: Option<(String, String)>,
    pub(crate) successors: Vec<Relative>,
    pub(crate) predecessors: Vec<Relative>,
    /// Fields, outside numbers and doubts, by name.
    pub(crate) fields: BTreeMap<String, String>,
    /// The state of a report, and whether it is in doubt: `NONE`, `POSSIBLE`, `CERTAIN`.
    pub(crate) report: Option<(String, String)>,
}

/// An entry of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) kind: String,
    pub(crate) from: String,
    pub(crate) is_corrected: bool,
    pub(crate) is_in_doubt: bool,
    pub(crate) reason: String,
}

/// When a check-up is due, and what the last ones gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DueView {
    /// `DUE`, `EXEMPT`, `UNKNOWN`, `NO_RULES`, `ENDED`, `NOT_THERE`.
    pub(crate) answer: String,
    pub(crate) on: String,
    pub(crate) is_overdue: bool,
    /// Earliest and latest day, empty for never.
    pub(crate) exempt_until: (String, String),
    pub(crate) next: (String, String),
    pub(crate) because: Vec<String>,
    pub(crate) counted_from: String,
    /// Values, and whether they are in doubt.
    pub(crate) grades: Vec<(String, bool)>,
    pub(crate) colour: Option<(String, bool)>,
    pub(crate) open_findings: u32,
}

/// A finding as it is seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FindingView {
    pub(crate) stage: String,
    pub(crate) since: String,
    pub(crate) class: String,
    pub(crate) severity: String,
    pub(crate) deadline: String,
    pub(crate) ids: usize,
    /// Where it stands when its building became others.
    pub(crate) stands_in: Vec<String>,
    /// Day, observer and severity.
    pub(crate) seen: Vec<(String, String, String)>,
}

/// How a claim stands, and its amounts in fen by their names.
pub(crate) type ClaimView = (String, Vec<(String, u64)>);

/// A floor that answers.
pub(crate) trait Floor {
    /// Sets the clock to ten in the morning of a day in China.
    fn tick(&mut self, day: Day);
    /// Does something.
    fn act(&mut self, who: Who, reason: &str, act: &Act) -> Result<Done, Vec<Wrong>>;
    /// What is counted, zeros too.
    fn totals(&mut self, id: &str, time: &Time) -> Result<Vec<Total>, Vec<Wrong>>;
    /// What of a measure which subject adds: certain and possible.
    fn explain(
        &mut self,
        id: &str,
        measure: &str,
        time: &Time,
    ) -> Result<Vec<(String, i64, i64)>, Vec<Wrong>>;
    /// A subject.
    fn get(&mut self, id: &str, time: &Time) -> Result<View, Vec<Wrong>>;
    /// What was said of it, in the order in which it became known.
    fn history(&mut self, id: &str, known: Known) -> Result<Vec<Told>, Vec<Wrong>>;
    /// When a building is to be checked.
    fn due(&mut self, id: &str, time: &Time) -> Result<DueView, Vec<Wrong>>;
    /// The buildings of a holder by the days on which they are due.
    fn due_list(&mut self, id: &str) -> Result<Vec<(String, String)>, Vec<Wrong>>;
    /// Open cases about a subject: the reason, and all that each is about.
    fn cases(&mut self, id: &str, known: Known) -> Result<Vec<(String, Vec<String>)>, Vec<Wrong>>;
    /// Who had a code on a day or ever, from when until when; empty for today.
    fn code(
        &mut self,
        scheme: &str,
        code: &str,
        day: Option<Day>,
    ) -> Result<Vec<(String, String, String)>, Vec<Wrong>>;
    /// A finding.
    fn finding(&mut self, id: &str, time: &Time) -> Result<FindingView, Vec<Wrong>>;
    /// Where a claim stands, and the amounts of its stages in fen, by name.
    fn claim(&mut self, id: &str, time: &Time) -> Result<ClaimView, Vec<Wrong>>;
    /// What paid for work: day, amount in fen, source.
    fn paid(&mut self, id: &str, time: &Time) -> Result<Vec<(String, u64, String)>, Vec<Wrong>>;
    /// Which covers answer for a loss of a building.
    fn coverage(
        &mut self,
        id: &str,
        loss: &Loss,
        known: Known,
    ) -> Result<Vec<CoverLine>, Vec<Wrong>>;
    /// What of a kind is in a holder.
    fn list(&mut self, kind: Kind, holder: &str, time: &Time) -> Result<Vec<String>, Vec<Wrong>>;
}

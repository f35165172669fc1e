//! The underwriter's file (承保档案), item by item: what the entries of one subject say of it on a day.
//!
//! The items here follow from the life of one subject and from nothing else. So whoever has its
//! entries finds them again without the registry, and sees whether somebody changed them. What is
//! not known is an item too, and so is what the registry keeps no record of. No item has free text
//! but the sentence of a doubt, which is gone once it is erased.
//!
//! The items of a file of one format version never change: another word, another order, another item
//! is another version ([`FORMAT`]).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        claim::{self, Step},
        content::{Content, Fields},
        finding,
        report::state_on,
        timeline::{EndCause, Presence, Saying, Statement, Timeline},
        work::{self, Funding},
    },
    kernel::{
        fen::Fen,
        id::{Kind, SubjectId},
        position::Seq,
        time::{Answer, Day, Stamp},
    },
};

/// The version of the file's format, its items among it.
pub const FORMAT: u32 = 1;

/// The fields of a building, each an item of its own, in the order of the file.
const BUILDING_FIELDS: [&str; 16] = [
    "name",
    "address",
    "completed",
    "structure",
    "storeys_above",
    "storeys_below",
    "height_cm",
    "floor_area_cm2",
    "use",
    "design_life_years",
    "protection",
    "lift_count",
    "location",
    "compound_id",
    "community_id",
    "physical_id",
];

/// What underwriters ask for and the registry keeps no record of, in the order of the file. What comes
/// to be recorded leaves this list, and with that the format's version changes.
pub const NOT_RECORDED: [&str; 15] = [
    "acceptance_certificate",
    "illegal_alterations",
    "design_drawings",
    "as_built_drawings",
    "tilt_and_settlement_series",
    "renovation_items",
    "nearby_works",
    "lift_inspection",
    "gas_inspection",
    "exterior_wall_type",
    "flood_zone",
    "seismic_zone",
    "vacancy",
    "rental_share",
    "fund_balance",
];

/// What an item is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Worth {
    /// It follows from the entries that it names.
    Said,
    /// The registry found it by its rules and its reference data. It is the registry's word.
    Reckoned,
    /// Nobody said it, or it was said to be unknown.
    Unknown,
    /// The registry keeps no record of such things.
    NotRecorded,
    /// There is something, and this reader does not reach it.
    Withheld,
}

/// One thing that is told of a building. The order of the fields is that of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// What it is: a word of the format.
    pub item: String,
    /// What it is worth.
    pub is: Worth,
    /// The subject that it is about, where that is not the chapter's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The value of what has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The values of what has several; none: said to be unknown or none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub says: BTreeMap<String, Option<String>>,
    /// The first day on which it holds; left out: since the subject exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The first day on which it holds no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Why it is unknown or withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The value is doubted, and why; empty when the sentence was erased or is withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubted: Option<String>,
    /// The entries that say it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Seq>,
    /// When the last of them became known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
}

impl Item {
    /// An item that says nothing yet.
    pub fn new(item: &str, is: Worth) -> Self {
        Self {
            item: item.to_owned(),
            is,
            about: None,
            value: None,
            says: BTreeMap::new(),
            from: None,
            until: None,
            because: None,
            doubted: None,
            entries: Vec::new(),
            recorded: None,
        }
    }

    /// The same because of something.
    pub fn because(mut self, why: &str) -> Self {
        self.because = Some(why.to_owned());
        self
    }

    /// The same about another subject.
    pub fn about(mut self, subject: impl Into<SubjectId>) -> Self {
        self.about = Some(subject.into().to_string());
        self
    }

    /// The same with a value.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.says.insert(name.to_owned(), Some(value.to_string()));
        self
    }

    /// The same with a value, where there is one.
    pub fn with_some(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The same resting on entries.
    pub fn resting_on(mut self, mut entries: Vec<Seq>, sources: &Sources) -> Self {
        entries.sort_unstable();
        entries.dedup();
        self.recorded =
            entries.iter().filter_map(|seq| sources.recorded(*seq)).max().map(|at| at.to_string());
        self.entries = entries;
        self
    }
}

/// What the entries of one subject have beside what its life is folded from.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<Seq, Source>);

#[derive(Clone, Debug)]
struct Source {
    recorded: Stamp,
    sentences: Vec<(String, String)>,
}

impl Sources {
    /// Adds an entry: when it was recorded, and its sentences about fields.
    pub fn put(&mut self, seq: Seq, recorded: Stamp, sentences: Vec<(String, String)>) {
        self.0.insert(seq, Source { recorded, sentences });
    }

    /// Whether there is such an entry.
    pub fn has(&self, seq: Seq) -> bool {
        self.0.contains_key(&seq)
    }

    fn recorded(&self, seq: Seq) -> Option<Stamp> {
        self.0.get(&seq).map(|source| source.recorded)
    }

    fn sentence(&self, seq: Seq, field: &str) -> Option<&str> {
        let sentences = &self.0.get(&seq)?.sentences;
        sentences.iter().find(|(name, _)| name == field).map(|(_, sentence)| sentence.as_str())
    }
}

/// All that follows from the entries of a subject for a day, in the order of the file.
pub fn said(subject: SubjectId, life: &Timeline, day: Day, sources: &Sources) -> Vec<Item> {
    let view = View { life, day, sources };
    match subject.kind() {
        Kind::Building => view.building(),
        Kind::Finding => view.events(),
        Kind::Report => vec![view.report()],
        Kind::Claim => view.claim(),
        Kind::Work => view.work(),
        kind => vec![view.record(kind)],
    }
}

/// What the registry keeps no record of.
pub fn not_recorded() -> Vec<Item> {
    NOT_RECORDED.iter().map(|item| Item::new(item, Worth::NotRecorded)).collect()
}

/// The word for whether something is there.
pub const fn presence_word(presence: Presence) -> &'static str {
    match presence {
        Presence::Exists => "exists",
        Presence::NotYet => "not_yet",
        Presence::Ended => "ended",
        Presence::EnteredInError => "entered_in_error",
        Presence::Unknown => "unknown",
    }
}

const fn end_word(cause: EndCause) -> &'static str {
    match cause {
        EndCause::Demolished => "demolished",
        EndCause::Destroyed => "destroyed",
        EndCause::Merged => "merged",
        EndCause::Split => "split",
        EndCause::Abolished => "abolished",
        EndCause::Other => "other",
    }
}

/// A day from which something holds; `None` for what holds from the beginning.
fn first_day(day: Day) -> Option<String> {
    (day > Day::MIN).then(|| day.to_string())
}

/// What one statement says, field by field.
type Words<'l> = (&'l Statement, BTreeMap<String, Option<String>>);

/// A life on a day.
struct View<'l> {
    life: &'l Timeline,
    day: Day,
    sources: &'l Sources,
}

impl<'l> View<'l> {
    /// The statements that say fields up to the day.
    fn statements(&self) -> impl Iterator<Item = (&'l Statement, &'l Content)> {
        let day = self.day;
        self.life.contents().take_while(move |(statement, _)| statement.from <= day)
    }

    fn building(&self) -> Vec<Item> {
        let mut items = vec![self.existence()];
        items.extend(self.lineage());
        let words: Vec<Words<'_>> = self
            .statements()
            .map(|(statement, content)| (statement, content.texts().into_iter().collect()))
            .collect();
        for field in BUILDING_FIELDS {
            items.extend(self.field(field, &words));
        }
        let said = words.iter().flat_map(|(_, said)| said.keys());
        let schemes: BTreeSet<&String> =
            said.filter(|field| field.starts_with("identifiers.")).collect();
        for scheme in schemes {
            items.extend(self.field(scheme, &words));
        }
        items
    }

    /// Since when it is there, and until when.
    fn existence(&self) -> Item {
        let mut entries = Vec::new();
        let mut item = Item::new("existence", Worth::Said)
            .with("presence", presence_word(self.life.presence(self.day)));
        if let Some((statement, from)) = self.life.registration() {
            entries.push(statement.seq);
            item = item.with("exists_from", from);
        }
        if let Some(end) = self.life.end() {
            entries.push(end.said_by);
            item = item.with("ended_on", end.day).with("end_cause", end_word(end.cause));
        }
        item.resting_on(entries, self.sources)
    }

    /// What it came from and what it became, up to the day.
    fn lineage(&self) -> Vec<Item> {
        let mut items = Vec::new();
        for (statement, edges, _) in self.life.successions() {
            if statement.from > self.day {
                continue;
            }
            for edge in edges {
                let share = format!("{}/{}", edge.share_numerator, edge.share_denominator);
                let mut item = Item::new("lineage", Worth::Said)
                    .with("from", edge.from)
                    .with("into", edge.into)
                    .with("share_of_area", share);
                item.from = first_day(statement.from);
                items.push(item.resting_on(vec![statement.seq], self.sources));
            }
        }
        items
    }

    /// A field, span by span up to the day; the last one holds on it.
    fn field(&self, field: &str, words: &[Words<'_>]) -> Vec<Item> {
        let mut spans: Vec<(Day, Option<String>, Vec<Seq>)> = Vec::new();
        for (statement, said) in words {
            let Some(value) = said.get(field) else { continue };
            match spans.last_mut() {
                Some((_, last, entries)) if last == value => entries.push(statement.seq),
                Some((from, last, entries)) if *from == statement.from => {
                    (*last, *entries) = (value.clone(), vec![statement.seq]);
                }
                _ => spans.push((statement.from, value.clone(), vec![statement.seq])),
            }
        }
        if spans.is_empty() {
            return vec![Item::new(field, Worth::Unknown).because("never_said")];
        }
        let untils = spans.iter().skip(1).map(|(from, ..)| first_day(*from)).collect::<Vec<_>>();
        let untils = untils.into_iter().chain([None]);
        let mut items = Vec::new();
        for ((from, value, entries), until) in spans.iter().zip(untils) {
            let is = if value.is_some() { Worth::Said } else { Worth::Unknown };
            let mut item = Item::new(field, is);
            item.because = value.is_none().then(|| "said_to_be_unknown".to_owned());
            item.value.clone_from(value);
            item.from = first_day(*from);
            let mut entries = entries.clone();
            if until.is_none()
                && let Some((seq, sentence)) = self.doubt(field, words)
            {
                entries.push(seq);
                item.doubted = Some(sentence);
            }
            item.until = until;
            items.push(item.resting_on(entries, self.sources));
        }
        items
    }

    /// The entry that doubts a field on the day, and its sentence.
    fn doubt(&self, field: &str, words: &[Words<'_>]) -> Option<(Seq, String)> {
        let name = format!("doubts.{field}");
        let last = words.iter().rfind(|(_, said)| said.contains_key(&name));
        let (statement, said) = last?;
        said.get(&name)?.as_ref()?;
        let sentence = self.sources.sentence(statement.seq, field).unwrap_or_default();
        Some((statement.seq, sentence.to_owned()))
    }

    /// All fields on the day in one item.
    fn record(&self, kind: Kind) -> Item {
        let mut item = Item::new(kind.word(), Worth::Said);
        let mut entries = Vec::new();
        if let Some((statement, from)) = self.life.registration() {
            entries.push(statement.seq);
            item = item.with("exists_from", from);
        }
        if let Some(end) = self.life.end() {
            entries.push(end.said_by);
            item = item.with("ended_on", end.day).with("end_cause", end_word(end.cause));
        }
        item = self.fields(item);
        entries.extend(self.statements().map(|(statement, _)| statement.seq));
        item.resting_on(entries, self.sources)
    }

    fn fields(&self, mut item: Item) -> Item {
        let content = self.life.content_at(self.day);
        let texts = content.map(|content| content.texts()).unwrap_or_default();
        // The text of an edition is in the entry, and as long as that; what is said one after another
        // has items of its own.
        let is_told = |name: &str| !matches!(name, "text" | "boundary" | "step" | "funding");
        item.says.extend(texts.into_iter().filter(|(name, _)| is_told(name)));
        item
    }

    fn report(&self) -> Item {
        let item = self.record(Kind::Report);
        let inspected = item.says.get("exists_from").cloned().flatten();
        let state = state_on(self.life, self.day);
        item.with_some("inspected", inspected)
            .with("state", state.word())
            .with_some("state_since", state.since())
    }

    /// A claim: what is said of the loss, where it stands and what each stage comes to; then its steps.
    fn claim(&self) -> Vec<Item> {
        let item = self.record(Kind::Claim);
        let Some(claim) = claim::of_timeline(self.life, self.day) else { return vec![item] };
        let some = |amount: Fen| (amount > Fen::ZERO).then_some(amount);
        let item = item
            .with("stage", claim.stage.word())
            .with_some("assessed", claim.assessed)
            .with_some("appraised", claim.appraised)
            .with_some("approved", claim.approved)
            .with_some("reserved", claim.reserved)
            .with_some("paid", some(claim.paid))
            .with_some("recovered", some(claim.recovered));
        let mut items = vec![item];
        for event in &claim.events {
            let item =
                Item::new("step", Worth::Said).with("on", event.on).with("what", event.step.word());
            let item = step_words(item, &event.step);
            let (role, institution) = (&event.by.role, &event.by.institution);
            let against = event.out_of_place.iter().map(claim::Refusal::reason);
            let against = against.collect::<Vec<_>>().join(" ");
            let item = item
                .with_some("role", (!role.is_empty()).then_some(role))
                .with_some("institution", (!institution.is_empty()).then_some(institution))
                .with_some("changes_nothing", (!against.is_empty()).then_some(against));
            items.push(item.resting_on(self.saying(event.seq), self.sources));
        }
        items
    }

    /// A work item: what was done, then what paid for it by its own word; what claims paid they say.
    fn work(&self) -> Vec<Item> {
        let mut items = vec![self.record(Kind::Work)];
        let work = work::of_timeline(self.life, self.day);
        for funded in work.into_iter().flat_map(|work| work.funded) {
            let item = funding(Worth::Said, funded.on, &funded.funding);
            items.push(item.resting_on(self.saying(funded.seq), self.sources));
        }
        items
    }

    /// The entries that say what stands in a place: the one that made it, and the last that corrected it.
    fn saying(&self, place: Seq) -> Vec<Seq> {
        let found = self.life.places().iter().find(|found| found.seq == place);
        [place].into_iter().chain(found.map(|found| found.statement.seq)).collect()
    }

    /// What was said of a finding, one after another.
    fn events(&self) -> Vec<Item> {
        let registered = self.life.registration().map(|(first, day)| (first.seq, day.latest()));
        let mut items = Vec::new();
        for statement in self.life.statements() {
            let (Saying::Registered { content, .. } | Saying::Changed(content)) = &statement.saying
            else {
                continue;
            };
            let on = match registered {
                Some((seq, day)) if seq == statement.seq => day,
                _ => statement.from,
            };
            let Fields::Finding(said) = &content.fields else { continue };
            let Some(told) = said.event.as_ref().filter(|_| on <= self.day) else { continue };
            let name = match told.saying {
                finding::Saying::Observed(_) => "observation",
                _ => "step",
            };
            let item = Item::new(name, Worth::Said)
                .with("on", on)
                .with("what", told.saying.word())
                .with_some("building_id", said.building.flatten());
            let item = event_words(item, &told.saying);
            let (role, institution) = (&told.by.role, &told.by.institution);
            let item = item
                .with_some("role", (!role.is_empty()).then_some(role))
                .with_some("institution", (!institution.is_empty()).then_some(institution));
            items.push(item.resting_on(vec![statement.seq], self.sources));
        }
        items
    }
}

/// Money that paid for a work item.
pub fn funding(worth: Worth, on: Day, funding: &Funding) -> Item {
    let reference = &funding.reference;
    Item::new("funding", worth)
        .with("on", on)
        .with("source", funding.source.word())
        .with("amount", funding.amount)
        .with_some("reference", (!reference.is_empty()).then_some(reference))
        .with_some("invoice", funding.invoice)
}

/// What a step of a claim says.
fn step_words(item: Item, step: &Step) -> Item {
    match step {
        Step::CoverageChecked { answer, against } => item
            .with(
                "answer",
                match answer {
                    Answer::Yes => "yes",
                    Answer::No => "no",
                    Answer::Unknown => "unknown",
                },
            )
            .with_some("against", (!against.is_empty()).then(|| against.join(" "))),
        Step::Surveyed { assessed: amount }
        | Step::Approved { amount }
        | Step::Reserved { amount } => item.with("amount", amount),
        Step::Declined { code } => item.with("code", code),
        Step::Settling(way) => item.with("settlement", way.word()),
        Step::Paid(payment) => item
            .with("amount", payment.amount)
            .with("to", &payment.to.0)
            .with_some("invoice", payment.invoice)
            .with_some("work_id", payment.work),
        Step::Recovered { amount, from } => item.with("amount", amount).with("from", &from.0),
        Step::Appraised { amount, by } => item.with("amount", amount).with("by", &by.0),
        Step::Registered
        | Step::Accepted
        | Step::Closed
        | Step::Withdrawn
        | Step::Disputed
        | Step::Reopened => item,
    }
}

/// What an event of a finding says.
fn event_words(item: Item, saying: &finding::Saying) -> Item {
    use finding::Saying;
    match saying {
        Saying::Observed(seen) => item
            .with("class", &seen.class)
            .with("severity", seen.severity.word())
            .with("source", seen.source.word())
            .with("observer", &seen.observer.0)
            .with_some("report_id", seen.report)
            .with_some("entrance", seen.place.entrance.as_ref())
            .with_some("floor", seen.place.floor)
            .with_some("unit_id", seen.place.unit)
            .with_some("part", seen.place.part.as_ref()),
        Saying::Assessed { class, severity, .. } => {
            item.with("class", class).with("severity", severity.word())
        }
        Saying::Notified { deadline } => item.with_some("deadline", *deadline),
        Saying::DeadlineMoved { deadline, .. } => item.with("deadline", deadline),
        Saying::Planned { repairer }
        | Saying::RepairBegan { repairer }
        | Saying::ReportedFixed { repairer } => item.with("repairer", &repairer.0),
        Saying::Verified { verifier } | Saying::VerificationFailed { verifier, .. } => {
            item.with("verifier", &verifier.0)
        }
        Saying::MeasureTaken(measure) | Saying::MeasureLifted(measure) => {
            item.with("measure", measure.word())
        }
        Saying::Included(project) => {
            let number = u128::from_be_bytes(project.0.to_bytes());
            item.with("project", format!("{number:032x}"))
        }
        _ => item,
    }
}

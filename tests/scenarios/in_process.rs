//! The registry itself, without a wire.

use std::{collections::BTreeMap, str::FromStr, sync::Arc};

use anju::{
    domain::{
        author::Author,
        building::{BuildingUse, Structure},
        claim::{Payment, Settlement, Step as ClaimSaid, Told as ClaimTold},
        content::{Content, Fields, Said as Field, Shared},
        coverage::Damage,
        due::{Bounds, DueAnswer},
        finding::{self, Observation, PartyKey, Place, Source, catalogue::Severity},
        grade::{Aspect, Grade, Ladder, Scale, Scope},
        policy::{CoverItem, Insurer, Standing},
        qualification::{CompanyKey, Employment, Period, Qualification},
        reference_file,
        region::Level,
        report::{ReportKind, Signatures},
        timeline::{EndCause, Presence},
        totals::{Certainty, Measure},
        unit::UnitUse,
        work::{Funding, FundingSource},
    },
    kernel::{
        fen::Fen,
        hash::Hash,
        id::{IdSeed, Kind, SubjectId},
        page::PageRequest,
        position::Partition,
        share::Share,
        time::{Answer, Clock, Day, ImpreciseDay, KnownAt, ManualClock, ReadTime, Stamp},
    },
    registry::{
        self, AdvanceReport, Call, Change, Command, DueDays, DueFor, End, Error, Fact,
        FollowFinding, ListOf, Merge, MergeInto, ObserveFinding, Options, Outcome, RecordReport,
        Register, Registry, ReportStep, RequestMark, Retract, Sighting, SplitPart, Wanted, Which,
    },
    store::memory::MemoryStore,
};

use crate::floor::{
    Act, ClaimStep, ClaimView, Correct, CoverLine, Done, DueView, FindingView, Floor, Follow, Fund,
    Into, Known, Loss, Observed, Paper, Relative, Said, Saying, Split, Step, Time, Told, Total,
    View, Who, Wrong,
};

/// Rows of any list: no scenario has more.
const ROWS: usize = 500;

pub(crate) struct InProcess {
    registry: Registry,
    clock: Arc<ManualClock>,
    next: u64,
}

/// The moment at which the scenarios' day begins to be used: ten in the morning in China.
pub(crate) fn morning(day: Day) -> Stamp {
    format!("{day}T02:00:00Z").parse().unwrap()
}

/// The last moment of a day in China.
pub(crate) fn end_of(day: Day) -> Stamp {
    format!("{day}T15:59:59.999999Z").parse().unwrap()
}

impl InProcess {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(morning("2020-01-01".parse().unwrap())));
        let store = Arc::new(MemoryStore::new());
        let its = Arc::clone(&clock) as Arc<dyn Clock>;
        let registry = Registry::open(store, its, Options::default(), &mut |_, _| {}).unwrap();
        Self { registry, clock, next: 0 }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn seed(&mut self) -> IdSeed {
        IdSeed { unix_ms: 1_764_000_000_000, random: self.number() }
    }

    fn sighting(&mut self, seen: &Observed, source: Source) -> Sighting {
        let finding = match &seen.finding {
            Some(id) => Which::Known(read(id)),
            None => Which::New(self.seed()),
        };
        let severity = Severity::ALL.into_iter().find(|one| one.word() == seen.severity).unwrap();
        let observation = Observation {
            source,
            observer: PartyKey(seen.observer.clone()),
            class: seen.class.clone(),
            severity,
            place: Place { floor: seen.storey, ..Place::default() },
            report: None,
        };
        let on = read(&seen.on);
        Sighting { finding, on, second_of_day: None, order_key: Vec::new(), observation }
    }

    /// The command, and the partition where it goes.
    fn command(&mut self, act: &Act) -> (Partition, Command) {
        match act {
            Act::Register { saying, from, opens_partition } => {
                self.register(saying, from, *opens_partition)
            }
            Act::Reference { text, region } => self.reference(text, read(region)),
            Act::Change { id, from, saying } => {
                on(id, |subject| Command::Change(change(subject, from, saying)))
            }
            Act::Correct(correct) => on(&correct.id, |subject| corrected(subject, correct)),
            Act::End { id, on: day, cause } => on(id, |subject| {
                let cause = EndCause::ALL.into_iter().find(|one| words_of(*one) == *cause).unwrap();
                Command::End(End { subject, etag: None, day: read(day), cause })
            }),
            Act::Merge { kind, ids, into, on: day } => self.merge(*kind, ids, into, day),
            Act::Split(split) => self.split(split),
            Act::Retract { id, entry } => {
                on(id, |subject| Command::Retract(Retract { subject, etag: None, entry: *entry }))
            }
            Act::Transfer { id, parent, from } => {
                let said =
                    Said::Field { name: "parent_id".to_owned(), value: Some(parent.clone()) };
                let saying = Saying { kind: Kind::Region, said: vec![said] };
                on(id, |subject| Command::Change(change(subject, from, &saying)))
            }
            Act::Report(paper) => self.paper(paper),
            Act::Advance { report, step, on: day } => on(report, |subject| {
                let report = subject.try_into().unwrap();
                let step = report_step(step);
                let step = AdvanceReport { report, etag: None, step, on: read(day) };
                Command::AdvanceReport(step)
            }),
            Act::Observe { building, etag, seen } => {
                let source = Source::ALL.into_iter().find(|one| one.word() == seen.source);
                let observed = self.sighting(seen, source.unwrap());
                on(building, |subject| {
                    let building = subject.try_into().unwrap();
                    let observe = ObserveFinding { building, etag: *etag, observed };
                    Command::ObserveFinding(Box::new(observe))
                })
            }
            Act::Follow { finding, on: day, follow } => on(finding, |subject| {
                Command::FollowFinding(FollowFinding {
                    finding: subject.try_into().unwrap(),
                    etag: None,
                    on: read(day),
                    second_of_day: None,
                    order_key: Vec::new(),
                    saying: followed(follow),
                })
            }),
            Act::Claim { .. } | Act::Fund { .. } | Act::Cancel { .. } => insured_act(act),
        }
    }

    fn register(
        &mut self,
        saying: &Saying,
        from: &str,
        opens_partition: bool,
    ) -> (Partition, Command) {
        let content = content(saying);
        let holder = content.located_in().first().copied();
        let register = Register {
            seed: self.seed(),
            content,
            exists_from: read(from),
            opens_partition,
            sentences: sentences(saying),
        };
        let partition = holder.map_or(Partition::ROOT, SubjectId::partition);
        (partition, Command::Register(register))
    }

    fn merge(
        &mut self,
        kind: Kind,
        ids: &[String],
        into: &Into,
        day: &str,
    ) -> (Partition, Command) {
        let into = match into {
            Into::Known(id) => MergeInto::Existing(read(id)),
            Into::New(saying) => {
                MergeInto::New { seed: self.seed(), content: Box::new(content(saying)) }
            }
        };
        let subjects = ids.iter().map(|id| read(id)).collect();
        on(&ids[0], |_| Command::Merge(Merge { kind, subjects, day: read(day), into }))
    }

    fn reference(&mut self, text: &str, region: SubjectId) -> (Partition, Command) {
        let head = reference_file::head(text).unwrap();
        let mut content = Content::empty(Kind::Reference);
        let Fields::Reference(fields) = &mut content.fields else { unreachable!() };
        fields.region = some(region.try_into().unwrap());
        fields.table = some(head.table.word().to_owned());
        fields.name = some(head.name);
        fields.edition = some(head.edition);
        fields.text = some(text.to_owned());
        let edition = Register {
            seed: self.seed(),
            content,
            exists_from: ImpreciseDay::exactly(head.from.min(self.clock.now().day())),
            opens_partition: false,
            sentences: Vec::new(),
        };
        (region.partition(), Command::LoadReference { edition, is_correction: false })
    }

    fn split(&mut self, split: &Split) -> (Partition, Command) {
        let mut parts = Vec::new();
        for part in &split.parts {
            let content = content(&part.saying);
            parts.push(SplitPart { seed: self.seed(), content, share: part.share });
        }
        let assigned = split.assignments.iter().map(|(child, part)| (read(child), *part));
        let assignments = assigned.collect();
        on(&split.id, |subject| {
            Command::Split(registry::Split {
                subject,
                etag: None,
                day: read(&split.on),
                parts,
                assignments,
                keeps: split.keeps,
            })
        })
    }

    fn paper(&mut self, paper: &Paper) -> (Partition, Command) {
        let content = content(&paper.saying);
        let partition = content.located_in()[0].partition();
        let inspected: Day = read(&paper.inspected);
        let mut findings = Vec::new();
        for (index, seen) in paper.findings.iter().enumerate() {
            let source = Source::ALL.into_iter().find(|one| one.word() == seen.source).unwrap();
            findings.push((index, self.sighting(seen, source)));
        }
        let mut steps = Vec::new();
        if let Some((signers, scope)) = &paper.signed {
            let step = Step::Sign { signers: signers.clone(), scope: scope.clone() };
            steps.push((report_step(&step), inspected));
        }
        if paper.is_submitted {
            steps.push((ReportStep::Submit, inspected));
        }
        let record = RecordReport {
            seed: self.seed(),
            content,
            inspected,
            findings,
            steps,
            sentences: sentences(&paper.saying),
        };
        (partition, Command::RecordReport(Box::new(record)))
    }

    fn time(time: &Time) -> ReadTime {
        ReadTime { valid_at: time.valid, known_at: known(time.known) }
    }
}

fn known(known: Known) -> KnownAt {
    match known {
        Known::Now => KnownAt::Now,
        Known::Day(day) => KnownAt::Stamp(end_of(day)),
        Known::Seq(seq) => KnownAt::Seq(seq),
    }
}

fn read<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn on(id: &str, command: impl FnOnce(SubjectId) -> Command) -> (Partition, Command) {
    let subject: SubjectId = read(id);
    (subject.partition(), command(subject))
}

fn words_of(cause: EndCause) -> String {
    format!("{cause:?}").to_lowercase()
}

#[expect(clippy::unnecessary_wraps, reason = "fields are said so")]
fn some<T>(value: T) -> Field<T> {
    Some(Some(value))
}

fn change(subject: SubjectId, from: &str, saying: &Saying) -> Change {
    Change {
        subject,
        etag: None,
        from: read(from),
        second_of_day: None,
        order_key: Vec::new(),
        content: content(saying),
        sentences: sentences(saying),
    }
}

fn corrected(subject: SubjectId, correct: &Correct) -> Command {
    Command::Correct(registry::Correct {
        subject,
        etag: None,
        entry: correct.entry,
        from: correct.from.as_deref().map(read),
        content: content(&correct.saying),
        exists_from: correct.began.as_deref().map(read),
        ended_on: correct.ended.as_deref().map(read),
        sentences: sentences(&correct.saying),
    })
}

fn report_step(step: &Step) -> ReportStep {
    match step {
        Step::Sign { signers, scope } => ReportStep::Sign(Signatures {
            signers: signers.iter().map(|id| read(id)).collect(),
            scope: scope.clone(),
        }),
        Step::Submit => ReportStep::Submit,
        Step::Accept => ReportStep::Accept,
        Step::Return => ReportStep::Return,
        Step::Supersede { by } => ReportStep::Supersede(read(by)),
    }
}

fn followed(follow: &Follow) -> finding::Saying {
    match follow {
        Follow::Notified { deadline } => {
            finding::Saying::Notified { deadline: deadline.as_deref().map(read) }
        }
        Follow::Fixed { repairer } => {
            finding::Saying::ReportedFixed { repairer: PartyKey(repairer.clone()) }
        }
        Follow::Verified { verifier } => {
            finding::Saying::Verified { verifier: PartyKey(verifier.clone()) }
        }
        Follow::Closed => finding::Saying::Closed,
    }
}

/// The command of an act about a policy, a claim or work.
fn insured_act(act: &Act) -> (Partition, Command) {
    match act {
        Act::Claim { claim, on: day, step } => {
            on(claim, |subject| Command::Change(claim_step(subject, day, step)))
        }
        Act::Fund { work, on: day, fund } => on(work, |subject| {
            let saying = Saying { kind: Kind::Work, said: Vec::new() };
            let mut change = change(subject, day, &saying);
            let Fields::Work(fields) = &mut change.content.fields else { unreachable!() };
            fields.funding = Some(funding(fund));
            Command::Change(change)
        }),
        Act::Cancel { policy, from } => on(policy, |subject| {
            let said = Said::Field {
                name: "policy_standing".to_owned(),
                value: Some(Standing::Cancelled.word().to_owned()),
            };
            let saying = Saying { kind: Kind::Policy, said: vec![said] };
            Command::Change(change(subject, from, &saying))
        }),
        other => panic!("{other:?}"),
    }
}

fn funding(fund: &Fund) -> Funding {
    let source = FundingSource::ALL.into_iter().find(|one| one.word() == fund.source);
    Funding {
        source: source.unwrap(),
        amount: Fen::new(fund.amount).unwrap(),
        reference: String::new(),
        invoice: fund.invoice.as_ref().map(|text| Hash::of(&[text.as_bytes()])),
    }
}

fn claim_step(subject: SubjectId, day: &str, step: &ClaimStep) -> Change {
    let mut content = Content::empty(Kind::Claim);
    let fen = |amount: u64| Fen::new(amount).unwrap();
    let Fields::Claim(fields) = &mut content.fields else { unreachable!() };
    let step = match step {
        ClaimStep::Registered { number } => {
            fields.number = some(number.clone());
            ClaimSaid::Registered
        }
        ClaimStep::Checked => {
            ClaimSaid::CoverageChecked { answer: Answer::Unknown, against: Vec::new() }
        }
        ClaimStep::Surveyed { amount } => ClaimSaid::Surveyed { assessed: fen(*amount) },
        ClaimStep::Approved { amount } => ClaimSaid::Approved { amount: fen(*amount) },
        ClaimStep::Reserved { amount } => ClaimSaid::Reserved { amount: fen(*amount) },
        ClaimStep::Cash => ClaimSaid::Settling(Settlement::Cash),
        ClaimStep::Repair => ClaimSaid::Settling(Settlement::Repair),
        ClaimStep::Accepted => ClaimSaid::Accepted,
        ClaimStep::Paid { amount, to, work, invoice } => ClaimSaid::Paid(Payment {
            amount: fen(*amount),
            to: PartyKey(to.clone()),
            invoice: invoice.as_ref().map(|text| Hash::of(&[text.as_bytes()])),
            work: work.as_deref().map(read),
        }),
        ClaimStep::Closed => ClaimSaid::Closed,
        ClaimStep::Declined { code } => ClaimSaid::Declined { code: code.clone() },
        ClaimStep::Withdrawn => ClaimSaid::Withdrawn,
        ClaimStep::Reopened => ClaimSaid::Reopened,
    };
    fields.step = Some(ClaimTold::new(step, Author::default()));
    Change {
        subject,
        etag: None,
        from: read(day),
        second_of_day: None,
        order_key: Vec::new(),
        content: Content { shared: Shared::default(), ..content },
        sentences: Vec::new(),
    }
}

fn sentences(saying: &Saying) -> Vec<(String, String)> {
    let doubts = saying.said.iter().filter_map(|said| match said {
        Said::Doubt { field, sentence } => Some((field.clone(), sentence.clone())),
        _ => None,
    });
    doubts.collect()
}

/// What is said, as the registry has it.
fn content(saying: &Saying) -> Content {
    let mut content = Content::empty(saying.kind);
    let mut grades = Vec::new();
    for said in &saying.said {
        match said {
            Said::Number { scheme, value } => {
                let numbers = content.shared.identifiers.entry(scheme.clone()).or_default();
                numbers.push(value.clone());
            }
            Said::Doubt { field, .. } => {
                content.shared.doubts.insert(field.clone(), true);
            }
            Said::Field { name, value } => put(&mut content.fields, name, value.as_deref()),
            Said::Licence { scope, from, until } => {
                let until = until.as_deref().map(read);
                let licence = Qualification {
                    scope: scope.clone(),
                    certificate: "C-1".to_owned(),
                    period: Period { from: read(from), until },
                    suspensions: Vec::new(),
                };
                licences(&mut content.fields)
                    .get_or_insert_default()
                    .get_or_insert_default()
                    .push(licence);
            }
            Said::Employed { body, from } => {
                let period = Period { from: read(from), until: None };
                let Fields::Signer(signer) = &mut content.fields else { unreachable!() };
                signer.employments = some(vec![Employment { body: read(body), period }]);
            }
            Said::Funding { source, amount } => {
                let Fields::Work(work) = &mut content.fields else { unreachable!() };
                let (source, amount) = (source.clone(), *amount);
                work.funding = Some(funding(&Fund { source, amount, invoice: None }));
            }
            Said::Insurer { .. } | Said::Insures { .. } | Said::Covers { .. } => {
                insured(&mut content.fields, said);
            }
            Said::Grade { value } => grades.push(Grade {
                ladder: Ladder {
                    scale: Scale::Survey,
                    edition: "2020".to_owned(),
                    scope: Scope::Building,
                    aspect: Aspect::Whole,
                },
                value: value.clone(),
            }),
        }
    }
    if let Fields::Report(report) = &mut content.fields
        && !grades.is_empty()
    {
        report.grades = some(grades);
    }
    content
}

/// What is said of a policy beside plain fields.
fn insured(fields: &mut Fields, said: &Said) {
    let Fields::Policy(policy) = fields else { panic!("only policies insure") };
    match said {
        Said::Insurer { company } => {
            let company = CompanyKey(company.clone());
            policy.insurers = some(vec![Insurer { company, share: Share::WHOLE }]);
        }
        Said::Insures { ids } => policy.objects = some(ids.iter().map(|id| read(id)).collect()),
        Said::Covers { items } => {
            let item = |(cover, sum): &(String, u64)| CoverItem {
                cover: cover.clone(),
                from: None,
                until: None,
                sum_insured: Fen::new(*sum).unwrap(),
                per_event: None,
                per_household: None,
                per_person: None,
                deductible: Fen::ZERO,
            };
            policy.covers = some(items.iter().map(item).collect());
        }
        other => panic!("{other:?}"),
    }
}

fn licences(fields: &mut Fields) -> &mut Field<Vec<Qualification>> {
    match fields {
        Fields::Signer(signer) => &mut signer.qualifications,
        Fields::Body(body) => &mut body.qualifications,
        _ => panic!("only bodies and signers have qualifications"),
    }
}

/// One of several values by the word that the API has for it.
fn choice<T: ToString>(word: &str, from_number: fn(u32) -> Option<T>) -> T {
    let mut known = (1..32).filter_map(from_number);
    let found = known.find(|one| one.to_string().eq_ignore_ascii_case(word));
    found.unwrap_or_else(|| panic!("there is no {word}"))
}

fn put(fields: &mut Fields, name: &str, value: Option<&str>) {
    #[expect(clippy::unnecessary_wraps, reason = "fields are said so")]
    fn said<T: FromStr<Err: std::fmt::Debug>>(value: Option<&str>) -> Field<T> {
        Some(value.map(read))
    }
    match (fields, name) {
        (Fields::Region(fields), "level") => {
            fields.level = value.map(|word| choice(word, Level::from_number));
        }
        (Fields::Region(fields), "name") => fields.name = said(value),
        (Fields::Region(fields), "parent_id") => fields.parent = said(value),
        (Fields::Compound(fields), "name") => fields.name = said(value),
        (Fields::Compound(fields), "address") => fields.address = said(value),
        (Fields::Compound(fields), "built") => fields.built = said(value),
        (Fields::Compound(fields), "community_id") => fields.community = said(value),
        (Fields::Building(fields), "name") => fields.name = said(value),
        (Fields::Building(fields), "address") => fields.address = said(value),
        (Fields::Building(fields), "compound_id") => fields.compound = said(value),
        (Fields::Building(fields), "community_id") => fields.community = said(value),
        (Fields::Building(fields), "completed") => fields.completed = said(value),
        (Fields::Building(fields), "design_life_years") => fields.design_life_years = said(value),
        (Fields::Building(fields), "structure") => {
            fields.structure = Some(value.map(|word| choice(word, Structure::from_number)));
        }
        (Fields::Building(fields), "storeys_above") => fields.storeys_above = said(value),
        (Fields::Building(fields), "floor_area_cm2") => fields.floor_area_cm2 = said(value),
        (Fields::Building(fields), "use") => {
            fields.building_use = Some(value.map(|word| choice(word, BuildingUse::from_number)));
        }
        (Fields::Building(fields), "lift_count") => fields.lift_count = said(value),
        (Fields::Building(fields), "physical_id") => fields.physical = said(value),
        (Fields::Unit(fields), "number") => fields.number = said(value),
        (Fields::Unit(fields), "building_id") => fields.building = said(value),
        (Fields::Unit(fields), "area_cm2") => fields.area_cm2 = said(value),
        (Fields::Unit(fields), "use") => {
            fields.unit_use = Some(value.map(|word| choice(word, UnitUse::from_number)));
        }
        (Fields::Body(fields), "name") => fields.name = said(value),
        (Fields::Body(fields), "region_id") => fields.region = said(value),
        (Fields::Signer(fields), "region_id") => fields.region = said(value),
        (Fields::Report(fields), "building_id") => fields.building = said(value),
        (Fields::Report(fields), "body_id") => fields.body = said(value),
        (Fields::Report(fields), "kind") => {
            let kinds = (1..32).filter_map(ReportKind::from_number);
            let kind =
                value.map(|word| kinds.into_iter().find(|kind| kind.word() == word).unwrap());
            fields.kind = Some(kind);
        }
        (fields, name) => put_insured(fields, name, value),
    }
}

/// The same of policies, claims and work.
fn put_insured(fields: &mut Fields, name: &str, value: Option<&str>) {
    #[expect(clippy::unnecessary_wraps, reason = "fields are said so")]
    fn said<T: FromStr<Err: std::fmt::Debug>>(value: Option<&str>) -> Field<T> {
        Some(value.map(read))
    }
    match (fields, name) {
        (Fields::Policy(fields), "region_id") => fields.region = said(value),
        (Fields::Policy(fields), "policy_number") => fields.number = said(value),
        (Fields::Policy(fields), "product") => fields.product = said(value),
        (Fields::Policy(fields), "clause") => fields.clause = said(value),
        (Fields::Policy(fields), "policy_standing") => {
            fields.standing = Some(value.map(|word| choice(word, Standing::from_number)));
        }
        (Fields::Claim(fields), "building_id") => fields.building = said(value),
        (Fields::Claim(fields), "policy_id") => fields.policy = said(value),
        (Fields::Claim(fields), "cover") => fields.cover = said(value),
        (Fields::Claim(fields), "part") => fields.part = said(value),
        (Fields::Claim(fields), "cause") => fields.cause = said(value),
        (Fields::Claim(fields), "lost_on") => fields.lost_on = said(value),
        (Fields::Claim(fields), "event_key") => fields.event = said(value),
        (Fields::Claim(fields), "claimed_fen") => {
            fields.claimed = Some(value.map(|fen| Fen::new(fen.parse().unwrap()).unwrap()));
        }
        (Fields::Work(fields), "building_id") => fields.building = said(value),
        (Fields::Work(fields), "part") => fields.part = said(value),
        (Fields::Work(fields), "done") => fields.done = said(value),
        (Fields::Work(fields), "cost_fen") => {
            fields.cost = Some(value.map(|fen| Fen::new(fen.parse().unwrap()).unwrap()));
        }
        (fields, name) => panic!("the runner does not know {name} of {fields:?}"),
    }
}

fn wrong(error: Error) -> Vec<Wrong> {
    match error {
        Error::Refused(refusals) => {
            refusals.into_iter().map(|refusal| (refusal.reason, refusal.field)).collect()
        }
        Error::Invalid(violations) => {
            let list = violations.list().iter();
            list.map(|one| (one.reason.to_owned(), one.field.clone())).collect()
        }
        other => panic!("{other}"),
    }
}

fn relative(id: SubjectId, day: Day, share: (u64, u64)) -> Relative {
    Relative { id: id.to_string(), day: day.to_string(), share }
}

fn bounds(bounds: Bounds) -> (String, String) {
    let text = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    (text(bounds.earliest), text(bounds.latest))
}

fn rows() -> PageRequest {
    PageRequest { rows: ROWS, after: Vec::new() }
}

impl Floor for InProcess {
    fn tick(&mut self, day: Day) {
        self.clock.set(morning(day));
    }

    fn act(&mut self, who: Who, reason: &str, act: &Act) -> Result<Done, Vec<Wrong>> {
        let (partition, command) = self.command(act);
        let number = self.number();
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let call = Call {
            partition,
            author: Author { subject: who.name().to_owned(), ..Author::default() },
            request: Some(RequestMark { id, hash: Hash::of(&[&id]) }),
            reason: reason.to_owned(),
            validate_only: false,
            overrides: Vec::new(),
            seed: Hash::of(&[&id]).0,
        };
        let done = self.registry.execute(call, command).map_err(wrong)?;
        let Outcome { decided, position, entries, .. } = done;
        let mut alike = Vec::new();
        if let (Act::Observe { .. }, Some(id)) = (act, decided.subjects.first()) {
            let finding = (*id).try_into().unwrap();
            let found = self.registry.findings_alike(&[finding], ReadTime::NOW).map_err(wrong)?;
            alike = found.into_iter().flat_map(|(_, alike)| alike).collect();
        }
        Ok(Done {
            ids: decided.subjects.iter().map(ToString::to_string).collect(),
            entries,
            seq: position.seq,
            alike: alike.into_iter().map(|id| SubjectId::from(id).to_string()).collect(),
        })
    }

    fn totals(&mut self, id: &str, time: &Time) -> Result<Vec<Total>, Vec<Wrong>> {
        let subject: SubjectId = read(id);
        let found = self.registry.totals_of(subject, Self::time(time), Wanted::Terms);
        let found = found.map_err(wrong)?;
        let mut sums: BTreeMap<Measure, (i64, i64)> = BTreeMap::new();
        for measure in Measure::ALL.into_iter().filter(|measure| !measure.is_termed()) {
            sums.insert(measure, (0, 0));
        }
        for (cell, amount) in found.amounts.iter() {
            let Some(sum) = cell.measure().and_then(|measure| sums.get_mut(&measure)) else {
                continue;
            };
            sum.1 += amount;
            if cell.certainty() == Certainty::Certain {
                sum.0 += amount;
            }
        }
        let plain = sums.into_iter().map(|(measure, (certain, possible))| {
            (measure.name().to_owned(), String::new(), certain, possible)
        });
        let termed = found.termed.iter().map(|(measure, term, certain, possible)| {
            (measure.name().to_owned(), term.to_owned(), certain, possible)
        });
        Ok(plain.chain(termed).collect())
    }

    fn explain(
        &mut self,
        id: &str,
        measure: &str,
        time: &Time,
    ) -> Result<Vec<(String, i64, i64)>, Vec<Wrong>> {
        let subject: SubjectId = read(id);
        let measure = Measure::from_name(measure).unwrap();
        let found = self.registry.explain(subject, measure, None, Self::time(time), &rows());
        let (found, _) = found.map_err(wrong)?;
        assert!(found.next.is_none());
        let rows = found.rows.into_iter().map(|row| {
            let (mut certain, mut possible) = (0, 0);
            for (cell, amount) in row.amounts.iter() {
                if !measure.is_termed() && cell.measure() == Some(measure) {
                    possible += amount;
                    certain += if cell.certainty() == Certainty::Certain { amount } else { 0 };
                }
            }
            for (of, _, its_certain, its_possible) in row.termed.iter() {
                if of == measure {
                    (certain, possible) = (certain + its_certain, possible + its_possible);
                }
            }
            (row.subject.to_string(), certain, possible)
        });
        Ok(rows.collect())
    }

    fn get(&mut self, id: &str, time: &Time) -> Result<View, Vec<Wrong>> {
        let subject: SubjectId = read(id);
        let seen = self.registry.get(subject, Self::time(time)).map_err(wrong)?;
        let presence = match seen.presence {
            Presence::Exists => "EXISTS",
            Presence::NotYet => "NOT_YET",
            Presence::Ended => "ENDED",
            Presence::EnteredInError => "ENTERED_IN_ERROR",
            Presence::Unknown => "UNKNOWN",
        };
        let edges = seen.edges.iter();
        let of =
            |edge: &anju::domain::timeline::Edge| (edge.share_numerator, edge.share_denominator);
        let into = edges.clone().filter(|(_, edge)| edge.from == subject && edge.into != subject);
        let from = edges.filter(|(_, edge)| edge.into == subject && edge.from != subject);
        let doubts =
            seen.doubts.iter().map(|(field, why)| (format!("doubts.{field}"), why.clone()));
        let unshown = ["grades", "qualifications", "employments"];
        let fields = seen.content.texts().into_iter().filter_map(|(field, value)| {
            let is_shown = !unshown.contains(&field.as_str()) && !field.starts_with("doubts.");
            Some((field, value?)).filter(|_| is_shown)
        });
        let stand = seen.report_stand.as_deref();
        Ok(View {
            etag: seen.etag,
            presence: presence.to_owned(),
            since: seen.exists_from.map(|day| day.to_string()).unwrap_or_default(),
            end: seen.end.map(|end| (end.day.to_string(), words_of(end.cause))),
            successors: into.map(|(day, edge)| relative(edge.into, *day, of(edge))).collect(),
            predecessors: from.map(|(day, edge)| relative(edge.from, *day, of(edge))).collect(),
            fields: fields.chain(doubts).collect(),
            report: stand.map(|stand| {
                let doubt = match stand.doubt {
                    Answer::No => "NONE",
                    Answer::Unknown => "POSSIBLE",
                    Answer::Yes => "CERTAIN",
                };
                (stand.state.word().to_owned(), doubt.to_owned())
            }),
        })
    }

    fn history(&mut self, id: &str, until: Known) -> Result<Vec<Told>, Vec<Wrong>> {
        let subject: SubjectId = read(id);
        let found = self.registry.history(subject, known(until), &rows()).map_err(wrong)?;
        assert!(found.next.is_none());
        let told = found.rows.into_iter().map(|row| {
            let fact = row.entry.body.unwrap().fact;
            let from = match &fact {
                Fact::Registered { exists_from: day, .. } | Fact::Ended { day, .. } => {
                    day.to_string()
                }
                _ => row.entry.valid_from.map(|day| day.to_string()).unwrap_or_default(),
            };
            let kind =
                if matches!(fact, Fact::Succession { .. }) { "succession" } else { fact.word() };
            Told {
                kind: kind.to_owned(),
                from,
                is_corrected: row.corrected_by.is_some(),
                is_in_doubt: row.in_doubt,
                reason: row.entry.text.map(|text| text.reason).unwrap_or_default(),
            }
        });
        Ok(told.collect())
    }

    fn due(&mut self, id: &str, time: &Time) -> Result<DueView, Vec<Wrong>> {
        let found = self.registry.check_ups(read(id), Self::time(time)).map_err(wrong)?;
        let answer = match found.presence {
            Presence::Ended => "ENDED",
            Presence::NotYet | Presence::EnteredInError => "NOT_THERE",
            _ => "NO_RULES",
        };
        let mut view = DueView { answer: answer.to_owned(), ..DueView::default() };
        if answer == "ENDED" {
            view.on = found.ended.unwrap().to_string();
        }
        if let Some(segment) = &found.due {
            view.is_overdue = segment.answer.is_overdue_on(found.valid_at) == Answer::Yes;
            view.counted_from =
                segment.basis.counted_from.map(|(day, _)| day.to_string()).unwrap_or_default();
            view.open_findings = segment.basis.open_finding_count;
            match &segment.answer {
                DueAnswer::Due { on } => {
                    "DUE".clone_into(&mut view.answer);
                    view.on = on.to_string();
                }
                DueAnswer::Exempt { until, then_due } => {
                    "EXEMPT".clone_into(&mut view.answer);
                    (view.exempt_until, view.next) = (bounds(*until), bounds(*then_due));
                }
                DueAnswer::Unknown { because, due, .. } => {
                    "UNKNOWN".clone_into(&mut view.answer);
                    view.because = because.iter().map(ToString::to_string).collect();
                    view.next = bounds(*due);
                }
            }
        }
        let grades = found.grades.iter();
        view.grades = grades.map(|one| (one.grade.value.clone(), one.is_in_doubt)).collect();
        view.colour = found.colour.map(|one| (one.colour.colour.value, one.is_in_doubt));
        Ok(view)
    }

    fn due_list(&mut self, id: &str) -> Result<Vec<(String, String)>, Vec<Wrong>> {
        let days = DueDays { from: None, to: None, with_uncertain: true };
        let found = self.registry.list_due(read::<SubjectId>(id), days, &rows()).map_err(wrong)?;
        let rows = found.0.rows.into_iter().map(|row| {
            let how = match row.what {
                DueFor::CheckUp => "",
                DueFor::AfterExemption => " after its exemption",
                DueFor::Unknown => " or later",
            };
            let day = if row.day == Day::MAX { "never".to_owned() } else { row.day.to_string() };
            (SubjectId::from(row.building).to_string(), format!("{day}{how}"))
        });
        Ok(rows.collect())
    }

    fn cases(&mut self, id: &str, until: Known) -> Result<Vec<(String, Vec<String>)>, Vec<Wrong>> {
        let subject: SubjectId = read(id);
        let (home, until) = (subject.partition(), known(until));
        let found = self.registry.cases(home, Some(subject), false, until, &rows());
        let rows = found.map_err(wrong)?.rows.into_iter().map(|(_, case)| {
            let about = case.subjects.iter().map(ToString::to_string).collect();
            (case.what.reason().to_owned(), about)
        });
        Ok(rows.collect())
    }

    fn code(
        &mut self,
        scheme: &str,
        code: &str,
        day: Option<Day>,
    ) -> Result<Vec<(String, String, String)>, Vec<Wrong>> {
        let found = self.registry.resolve_code(scheme, code, day, None, KnownAt::Now);
        let rows = found.map_err(wrong)?.0.into_iter().map(|found| {
            let until = found.until.map(|day| day.to_string()).unwrap_or_default();
            (SubjectId::from(found.region).to_string(), found.from.to_string(), until)
        });
        Ok(rows.collect())
    }

    fn finding(&mut self, id: &str, time: &Time) -> Result<FindingView, Vec<Wrong>> {
        let found = self.registry.finding(read(id), Self::time(time)).map_err(wrong)?;
        let view = found.view.unwrap();
        let seen = view.observations.iter().map(|(_, on, seen)| {
            (on.to_string(), seen.observer.0.clone(), seen.severity.word().to_owned())
        });
        let mut seen = seen.collect::<Vec<_>>();
        seen.sort();
        Ok(FindingView {
            stage: view.stage.word().to_owned(),
            since: view.since.to_string(),
            class: view.class.clone(),
            severity: found.aged.map_or(view.severity, |aged| aged.severity).word().to_owned(),
            deadline: view.deadline.map(|day| day.to_string()).unwrap_or_default(),
            ids: found.numbers.len(),
            stands_in: found.stands_in.iter().map(|id| SubjectId::from(*id).to_string()).collect(),
            seen,
        })
    }

    fn claim(&mut self, id: &str, time: &Time) -> Result<ClaimView, Vec<Wrong>> {
        let subject: SubjectId = read(id);
        let seen = self.registry.get(subject, Self::time(time)).map_err(wrong)?;
        let claim = seen.claim.unwrap().claim;
        let some = |amount: Fen| (amount > Fen::ZERO).then_some(amount);
        let named = [
            ("claimed", claim.content.claimed.flatten()),
            ("assessed", claim.assessed),
            ("approved", claim.approved),
            ("reserved", claim.reserved),
            ("paid", some(claim.paid)),
        ];
        let amounts =
            named.into_iter().filter_map(|(name, amount)| Some((name.to_owned(), amount?.count())));
        Ok((claim.stage.word().to_owned(), amounts.collect()))
    }

    fn paid(&mut self, id: &str, time: &Time) -> Result<Vec<(String, u64, String)>, Vec<Wrong>> {
        let subject: SubjectId = read(id);
        let seen = self.registry.get(subject, Self::time(time)).map_err(wrong)?;
        let paid = seen.work.unwrap().paid.into_iter().map(|paid| {
            let source = paid.funding.source.word().to_owned();
            (paid.on.to_string(), paid.funding.amount.count(), source)
        });
        Ok(paid.collect())
    }

    fn coverage(
        &mut self,
        id: &str,
        loss: &Loss,
        until: Known,
    ) -> Result<Vec<CoverLine>, Vec<Wrong>> {
        let damage = Damage {
            part: loss.part.clone(),
            cause: loss.cause.clone(),
            lost_on: read(&loss.lost),
            noticed_on: read(loss.noticed.as_ref().unwrap_or(&loss.lost)),
        };
        let time = ReadTime { valid_at: None, known_at: known(until) };
        let found = self.registry.coverage(read(id), &damage, time).map_err(wrong)?;
        let lines = found.covers.into_iter().map(|cover| {
            let answer = match cover.answer {
                Answer::Yes => "YES",
                Answer::No => "NO",
                Answer::Unknown => "UNKNOWN",
            };
            let against = cover.against.iter().map(|one| one.reason().to_owned()).collect();
            (cover.number, cover.item.cover, answer.to_owned(), cover.left.count(), against)
        });
        Ok(lines.collect())
    }

    fn list(&mut self, kind: Kind, holder: &str, time: &Time) -> Result<Vec<String>, Vec<Wrong>> {
        let of = ListOf::Below(kind, read(holder));
        let found = self.registry.list(of, Self::time(time), &rows()).map_err(wrong)?;
        assert!(found.next.is_none());
        Ok(found.rows.into_iter().map(|seen| seen.id.to_string()).collect())
    }
}

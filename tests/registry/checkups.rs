//! Check-ups on the registry: what is counted step by step is what a recount from the facts gives,
//! whatever comes in whatever order.

use std::{collections::BTreeMap, sync::Arc};

use anju::{
    domain::{
        author::Author,
        content::{Content, Fields},
        finding::{
            FindingContent, Observation, PartyKey, Place, Saying, Source, Told, catalogue::Severity,
        },
        grade::{Aspect, Grade, Ladder, Scale, Scope},
        qualification::{Employment, Period, Qualification},
        report::{Judgement, ReportKind, Signatures},
        timeline::EndCause,
        totals::Measure,
    },
    kernel::{
        id::{BodyId, BuildingId, FindingId, Kind, SignerId, SubjectId},
        page::PageRequest,
        time::{Day, KnownAt, ReadTime},
    },
    registry::{
        AdvanceReport, Command, Correct, DueDays, DueFor, End, Error, FindingSeen, FindingsWanted,
        FollowFinding, Merge, MergeInto, ObserveFinding, Outcome, Register, Registry, ReportStep,
        Sighting, Split, SplitPart, Wanted, Which,
    },
    store::{Store, memory::MemoryStore},
};
use proptest::prelude::*;

use crate::{
    city::{City, building, day, fields, said},
    oracle::Oracle,
    papers::Desk,
    rebuild::{journal_of, state},
    stages::check_stages,
    story::cases,
};

pub(crate) const GRADES: &str = include_str!("../../data/reference/grades-example.toml");
const COLOURS: &str = include_str!("../../data/reference/colours-example.toml");
pub(crate) const FINDINGS: &str = include_str!("../../data/reference/findings-example.toml");
pub(crate) const CYCLE: &str = include_str!("../../data/reference/cycle/zhengzhou-2025-draft.toml");

/// A city with two streets that things are said about.
pub(crate) struct Town {
    pub(crate) city: City,
    pub(crate) streets: [SubjectId; 2],
    pub(crate) communities: [SubjectId; 2],
    pub(crate) compounds: [SubjectId; 2],
    pub(crate) buildings: Vec<SubjectId>,
    body: BodyId,
    signer: SignerId,
    reports: Vec<SubjectId>,
    pub(crate) findings: Vec<SubjectId>,
    drafts: Vec<SubjectId>,
    editions: Vec<SubjectId>,
    /// What was moved, merged and split, with the entries.
    moved: Vec<(SubjectId, u64)>,
}

fn by(person: &str) -> Author {
    Author { subject: person.to_owned(), ..Author::default() }
}

fn licence(from: &str, until: Option<&str>) -> Vec<Qualification> {
    vec![Qualification {
        scope: "structure".to_owned(),
        certificate: "C-1".to_owned(),
        period: Period {
            from: from.parse().unwrap(),
            until: until.map(|until| until.parse().unwrap()),
        },
        suspensions: Vec::new(),
    }]
}

impl Town {
    pub(crate) fn on(city: City) -> Self {
        let streets = ["一街", "二街"].map(|name| city.street(name));
        let communities = streets.map(|street| city.community("社区", street));
        let compounds = communities.map(|community| city.compound("小区", community));
        let district = city.district;
        let body = fields(Kind::Body, |fields| {
            if let Fields::Body(body) = fields {
                body.region = Some(district.try_into().ok());
                body.name = Some(Some("检测机构".to_owned()));
                body.qualifications = Some(Some(licence("2010-01-01", None)));
            }
        });
        let body: BodyId = city.register(body, "2000", false).unwrap().try_into().unwrap();
        let mut signer = fields(Kind::Signer, |fields| {
            if let Fields::Signer(signer) = fields {
                signer.region = Some(district.try_into().ok());
                signer.qualifications = Some(Some(licence("2010-01-01", None)));
                let period = Period { from: "2010-01-01".parse().unwrap(), until: None };
                signer.employments = Some(Some(vec![Employment { body, period }]));
            }
        });
        signer.shared.identifiers.insert("person".to_owned(), vec!["p-1".to_owned()]);
        let signer: SignerId = city.register(signer, "2000", false).unwrap().try_into().unwrap();
        Self {
            city,
            streets,
            communities,
            compounds,
            buildings: Vec::new(),
            body,
            signer,
            reports: Vec::new(),
            findings: Vec::new(),
            drafts: Vec::new(),
            editions: Vec::new(),
            moved: Vec::new(),
        }
    }

    pub(crate) fn load(&mut self, region: SubjectId, table: &str, edition: &str, text: &str) {
        let content = fields(Kind::Reference, |fields| {
            if let Fields::Reference(reference) = fields {
                reference.region = Some(region.try_into().ok());
                reference.table = Some(Some(table.to_owned()));
                reference.name = Some(Some(table.to_owned()));
                reference.edition = Some(Some(edition.to_owned()));
                reference.text = Some(Some(text.to_owned()));
            }
        });
        if let Ok(id) = self.city.register(content, "2000", false) {
            self.editions.push(id);
        }
    }

    pub(crate) fn dwelling(&mut self, compound: SubjectId, completed: &str) -> SubjectId {
        let mut content = building(compound, 1_000);
        if let Fields::Building(fields) = &mut content.fields {
            fields.completed = Some(completed.parse().ok());
            fields.design_life_years = Some(Some(50));
            fields.building_use = Some(anju::domain::building::BuildingUse::from_number(1));
        }
        let id = self.city.register(content, "<2000-01-01", false).unwrap();
        self.buildings.push(id);
        id
    }

    /// A report as it was accepted.
    pub(crate) fn report(
        &mut self,
        building: SubjectId,
        inspected: &str,
        grade: &str,
        kind: ReportKind,
    ) {
        let (body, signer) = (self.body, self.signer);
        let content = fields(Kind::Report, |fields| {
            if let Fields::Report(report) = fields {
                report.building = Some(building.try_into().ok());
                report.kind = Some(Some(kind));
                report.body = Some(Some(body));
                report.grades = Some(Some(vec![Grade {
                    ladder: Ladder {
                        scale: Scale::Survey,
                        edition: "2020".to_owned(),
                        scope: Scope::Building,
                        aspect: Aspect::Whole,
                    },
                    value: grade.to_owned(),
                }]));
                report.signed = Some(Some(Signatures {
                    signers: [signer].into(),
                    scope: "structure".to_owned(),
                }));
                report.submitted = Some(Some(by("li")));
                report.judged = Some(Some(Judgement { is_accepted: true, by: by("wang") }));
            }
        });
        if let Ok(id) = self.city.register(content, inspected, false) {
            self.reports.push(id);
        }
    }

    pub(crate) fn observe(
        &mut self,
        building: SubjectId,
        on: &str,
        class: &str,
        severity: Severity,
    ) {
        let saying = Saying::Observed(Observation {
            source: Source::Inspector,
            observer: PartyKey("p-1".to_owned()),
            class: class.to_owned(),
            severity,
            place: Place::default(),
            report: None,
        });
        let content = finding_says(Some(building), saying, "li");
        if let Ok(id) = self.city.register(content, on, false) {
            self.findings.push(id);
        }
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.city.registry
    }

    pub(crate) fn nodes(&self) -> Vec<SubjectId> {
        let mut nodes = vec![self.city.district];
        nodes.extend(self.streets);
        nodes.extend(self.communities);
        nodes.extend(self.compounds);
        nodes
    }
}

fn finding_says(building: Option<SubjectId>, saying: Saying, person: &str) -> Content {
    fields(Kind::Finding, |fields| {
        if let Fields::Finding(finding) = fields {
            **finding = FindingContent {
                building: building.map(|id| id.try_into().ok()),
                event: Some(Told { saying, by: by(person) }),
            };
        }
    })
}

/// What a node counts, by measure and term; certain and possible.
pub(crate) type Counts = BTreeMap<(&'static str, String), (i64, i64)>;

pub(crate) fn told(registry: &Registry, node: SubjectId, time: ReadTime) -> Counts {
    let totals = registry.totals_of(node, time, Wanted::Terms).unwrap();
    let mut told = Counts::new();
    for (measure, term, certain, possible) in totals.termed.iter() {
        told.insert((measure.name(), term.to_owned()), (certain, possible));
    }
    told
}

/// The same from the rows of every measure.
pub(crate) fn explained(registry: &Registry, node: SubjectId, time: ReadTime) -> Counts {
    let mut sums = Counts::new();
    for measure in Measure::ALL.into_iter().filter(|measure| measure.is_termed()) {
        let mut page = PageRequest { rows: 50, after: Vec::new() };
        loop {
            let (rows, _) = registry.explain(node, measure, None, time, &page).unwrap();
            for row in rows.rows {
                for (measure, term, certain, possible) in row.termed.iter() {
                    let sum = sums.entry((measure.name(), term.to_owned())).or_default();
                    *sum = (sum.0 + certain, sum.1 + possible);
                }
            }
            match rows.next {
                Some(next) => page.after = next,
                None => break,
            }
        }
    }
    sums.retain(|_, sum| *sum != (0, 0));
    sums
}

/// The due list of a node, all pages.
pub(crate) fn listed(registry: &Registry, node: SubjectId) -> Vec<(BuildingId, Day)> {
    let days = DueDays { from: None, to: None, with_uncertain: false };
    let mut page = PageRequest { rows: 2, after: Vec::new() };
    let mut all = Vec::new();
    loop {
        let (rows, _) = registry.list_due(node, days, &page).unwrap();
        for row in &rows.rows {
            assert_eq!(row.what, DueFor::CheckUp);
            all.push((row.building, row.day));
        }
        match rows.next {
            Some(next) => page.after = next,
            None => return all,
        }
    }
}

/// The same by asking for every building.
pub(crate) fn computed(town: &Town, node: SubjectId) -> Vec<(BuildingId, Day)> {
    use anju::{domain::due::DueAnswer, registry::ListOf};
    let registry = town.registry();
    let page = PageRequest { rows: 1_000, after: Vec::new() };
    let list = registry.list(ListOf::Below(Kind::Building, node), ReadTime::NOW, &page).unwrap();
    let mut due = Vec::new();
    for seen in list.rows {
        let building = BuildingId::try_from(seen.id).unwrap();
        let check_ups = registry.check_ups(building, ReadTime::NOW).unwrap();
        if let Some(DueAnswer::Due { on }) = check_ups.due.map(|segment| segment.answer) {
            due.push((on, building));
        }
    }
    due.sort();
    due.into_iter().map(|(on, building)| (building, on)).collect()
}

/// The findings with an open notice of a node, the oldest notice first, all pages.
fn aged(registry: &Registry, node: SubjectId, bucket: Option<u32>) -> Vec<FindingId> {
    let wanted =
        FindingsWanted { is_by_age: true, bucket_from_days: bucket, ..FindingsWanted::default() };
    let mut page = PageRequest { rows: 2, after: Vec::new() };
    let mut all = Vec::new();
    loop {
        let (rows, _) = registry.list_findings(node, &wanted, ReadTime::NOW, &page).unwrap();
        all.extend(rows.rows.iter().map(|row| row.leads_to));
        match rows.next {
            Some(next) => page.after = next,
            None => return all,
        }
    }
}

/// The day from which the notice of a finding ages, from what was said of it alone.
fn served(found: &FindingSeen, today: Day) -> Option<Day> {
    // Nobody has seen it, or nobody says how to age it.
    found.view.as_ref().filter(|view| view.stage.is_open())?;
    found.aged?;
    let mut events: Vec<_> = found
        .events
        .iter()
        .filter(|seen| seen.out_of_place.is_none() && seen.event.on <= today)
        .map(|seen| &seen.event)
        .collect();
    events.sort_by_key(|event| (event.on, event.id));
    let (mut is_open, mut served) = (true, None);
    for event in events {
        match event.saying {
            Saying::Notified { .. } => served = served.or(Some(event.on)),
            Saying::Closed | Saying::Waived { .. } | Saying::ObjectGone { .. } => is_open = false,
            Saying::Reopened { .. } => (is_open, served) = (true, None),
            _ => {}
        }
    }
    served.filter(|_| is_open)
}

/// The same lists by asking for every finding.
fn check_aged(town: &Town, node: SubjectId) {
    use anju::registry::ListOf;
    let registry = town.registry();
    let today = registry.now().day();
    let page = PageRequest { rows: 1_000, after: Vec::new() };
    let list = registry.list(ListOf::Below(Kind::Building, node), ReadTime::NOW, &page).unwrap();
    let here: Vec<SubjectId> = list.rows.iter().map(|seen| seen.id).collect();
    let mut expected = Vec::new();
    for id in &town.findings {
        let id = FindingId::try_from(*id).unwrap();
        let found = registry.finding(id, ReadTime::NOW).unwrap();
        // Where it counts, when its building became another.
        let place = found.stands_in.first().copied().or(found.building);
        let is_here = place.is_some_and(|building| here.contains(&building.into()));
        if let Some(on) = served(&found, today).filter(|_| is_here && found.leads_to == id) {
            expected.push((on, id));
        }
    }
    expected.sort();
    let ids = |of: &[(Day, FindingId)]| of.iter().map(|(_, id)| *id).collect::<Vec<_>>();
    assert_eq!(aged(registry, node, None), ids(&expected), "by age in {node}");
    // The spans as the example file has them, to the day.
    let counted = told(registry, node, ReadTime::NOW);
    for (from, to) in [(0, 30), (31, 90), (91, 180), (181, 365), (366, i32::MAX)] {
        let age = |on: &Day| today.number() - on.number();
        let mut of_span = expected.clone();
        of_span.retain(|(on, _)| (from..=to).contains(&age(on)));
        let listed = aged(registry, node, u32::try_from(from).ok());
        assert_eq!(listed, ids(&of_span), "from {from} days on in {node}");
        let term = if to == i32::MAX { format!("{from}..") } else { format!("{from}..{to}") };
        let key = (Measure::FindingsByAge.name(), term);
        let certain = counted.get(&key).map_or(0, |(certain, _)| *certain);
        assert_eq!(usize::try_from(certain).unwrap(), of_span.len(), "{key:?} in {node}");
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Act {
    what: u8,
    a: u8,
    b: u8,
    c: u8,
}

pub(crate) fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>())
        .prop_map(|(what, a, b, c)| Act { what, a, b, c });
    prop::collection::vec(act, 1..60)
}

const INSPECTED: [&str; 6] =
    ["2001-05-04", "2016-02-29", "2020-07-01", "2024-03-31", "2025-12-31", "2026-11-01"];

fn pick<T: Copy>(list: &[T], by: u8) -> Option<T> {
    (!list.is_empty()).then(|| list[usize::from(by) % list.len()])
}

/// Days of notices, on both sides of every span of ages.
const SERVED: [&str; 8] = [
    "2025-11-22",
    "2025-11-23",
    "2026-05-26",
    "2026-05-27",
    "2026-08-24",
    "2026-08-25",
    "2026-10-23",
    "2026-10-24",
];

impl Town {
    pub(crate) fn follow(
        &self,
        finding: SubjectId,
        on: &str,
        saying: Saying,
        who: u8,
    ) -> Result<Outcome, Error> {
        let mut call = self.city.call(finding.partition());
        call.author = by(["li", "zhao"][usize::from(who) % 2]);
        let follow = FollowFinding {
            finding: finding.try_into().unwrap(),
            etag: None,
            on: day(on),
            second_of_day: None,
            order_key: Vec::new(),
            saying,
        };
        self.registry().execute(call, Command::FollowFinding(follow))
    }

    /// A draft that has seen something new, and something that is known if it is of the building.
    fn draft(&mut self, building: SubjectId, on: &str, known: Option<SubjectId>) {
        let content = fields(Kind::Report, |fields| {
            if let Fields::Report(report) = fields {
                report.building = Some(building.try_into().ok());
                report.kind = Some(Some(ReportKind::Patrol));
            }
        });
        let Ok(report) = self.city.register(content, on, false) else { return };
        self.drafts.push(report);
        let new = Which::New(self.city.seed());
        let known = known.map(|id| Which::Known(id.try_into().unwrap()));
        for finding in [new].into_iter().chain(known) {
            let observed = Sighting {
                finding,
                on: day(on),
                second_of_day: None,
                order_key: Vec::new(),
                observation: Observation {
                    source: Source::Patrol,
                    observer: PartyKey("grid-7".to_owned()),
                    class: "GAS.RISER".to_owned(),
                    severity: Severity::Unsafe,
                    place: Place::default(),
                    report: report.try_into().ok(),
                },
            };
            let building = building.try_into().unwrap();
            let observe = ObserveFinding { building, etag: None, observed };
            let call = self.city.call(self.city.home());
            let command = Command::ObserveFinding(Box::new(observe));
            if let Ok(done) = self.registry().execute(call, command)
                && matches!(finding, Which::New(_))
            {
                self.findings.push(done.decided.subjects[0]);
            }
        }
    }

    /// Submits a draft, or takes its last step back.
    fn advance(&mut self, report: SubjectId, how: u8) {
        if how.is_multiple_of(3) {
            let page = PageRequest { rows: 100, after: Vec::new() };
            let rows = self.registry().history(report, KnownAt::Now, &page).unwrap().rows;
            let last = rows.last().map(|row| row.entry.seq);
            let _ = self.city.retract(report, last);
            return;
        }
        let report = report.try_into().unwrap();
        let step =
            AdvanceReport { report, etag: None, step: ReportStep::Submit, on: day("2026-11-02") };
        let call = self.city.call(self.city.home());
        let _ = self.registry().execute(call, Command::AdvanceReport(step));
    }

    fn note(&mut self, subject: SubjectId, done: Result<Outcome, Error>) {
        if let Ok(done) = done
            && let Some(entry) = done.entries.first()
        {
            self.moved.push((subject, *entry));
        }
    }

    /// Merges two buildings, splits one, or demolishes it; what comes of it is among the buildings.
    fn join(&mut self, one: SubjectId, other: SubjectId, on: &str, how: u8) {
        let new = || MergeInto::New {
            seed: self.city.seed(),
            content: Box::new(Content::empty(Kind::Building)),
        };
        let command = match how % 4 {
            0 => Command::Merge(Merge {
                kind: Kind::Building,
                subjects: vec![one, other],
                day: day(on),
                into: new(),
            }),
            1 => Command::Merge(Merge {
                kind: Kind::Building,
                subjects: vec![one],
                day: day(on),
                into: MergeInto::Existing(other),
            }),
            2 => {
                let (cause, day) = (EndCause::Demolished, said(on));
                Command::End(End { subject: one, etag: None, day, cause })
            }
            _ => {
                let part = |share| SplitPart {
                    seed: self.city.seed(),
                    content: Content::empty(Kind::Building),
                    share,
                };
                let parts = vec![part((1, 3)), part((2, 3))];
                let (assignments, keeps) = (Vec::new(), how.is_multiple_of(2));
                let (subject, day) = (one, day(on));
                Command::Split(Split { subject, etag: None, day, parts, assignments, keeps })
            }
        };
        let done = self.city.run(self.city.home(), command);
        if done.is_ok() {
            let page = PageRequest { rows: 1_000, after: Vec::new() };
            let of = anju::registry::ListOf::Below(Kind::Building, self.city.district);
            let all = self.registry().list(of, ReadTime::NOW, &page).unwrap().rows;
            self.buildings.extend(all.iter().map(|seen| seen.id));
            self.buildings.sort_unstable();
            self.buildings.dedup();
            let rows = self.registry().history(one, KnownAt::Now, &page).unwrap().rows;
            self.moved.extend(rows.last().map(|row| (one, row.entry.seq)));
        }
    }

    /// What is known is seen again, perhaps in what its building became.
    fn observe_again(&self, finding: SubjectId, building: SubjectId, on: &str) {
        let observed = Sighting {
            finding: Which::Known(finding.try_into().unwrap()),
            on: day(on),
            second_of_day: None,
            order_key: Vec::new(),
            observation: Observation {
                source: Source::Owner,
                observer: PartyKey("o-1".to_owned()),
                class: "STR.CRACK".to_owned(),
                severity: Severity::Unsafe,
                place: Place::default(),
                report: None,
            },
        };
        let building = building.try_into().unwrap();
        let observe = ObserveFinding { building, etag: None, observed };
        let call = self.city.call(self.city.home());
        let _ = self.registry().execute(call, Command::ObserveFinding(Box::new(observe)));
    }

    #[expect(clippy::too_many_lines, reason = "one act a line or two")]
    pub(crate) fn act(&mut self, act: Act) {
        let Act { what, a, b, c } = act;
        let on = INSPECTED[usize::from(c) % INSPECTED.len()];
        let some = pick(&self.buildings, a);
        match what % 25 {
            0 | 1 => {
                let built = ["1980s", "1994-06-30", "unknown", "2010", "1960..1976"];
                let compound = self.compounds[usize::from(a) % 2];
                self.dwelling(compound, built[usize::from(b) % built.len()]);
            }
            2 => self.load(self.city.city, "findings", &format!("f{b}"), FINDINGS),
            3 => self.load(self.city.city, "grades", &format!("g{b}"), GRADES),
            4 => self.load(self.city.city, "colours", &format!("c{b}"), COLOURS),
            5 => {
                let regions = [self.city.city, self.streets[0], self.communities[1]];
                let text = CYCLE
                    .replace("\"30 years\"", ["\"30 years\"", "\"20 years\""][usize::from(b) % 2]);
                self.load(regions[usize::from(a) % 3], "cycle", &format!("r{b}"), &text);
            }
            6 | 7 => {
                let grade = ["A", "B", "C"][usize::from(b) % 3];
                let kinds = [ReportKind::CheckUp, ReportKind::CheckUp, ReportKind::Patrol];
                if let Some(building) = some {
                    self.report(building, on, grade, kinds[usize::from(b) % 3]);
                }
            }
            8 | 9 => {
                let class = ["STR.CRACK", "GAS.RISER", "STA.CLUTTER"][usize::from(b) % 3];
                let severity = Severity::ALL[usize::from(b / 3) % 3];
                if let Some(building) = some {
                    self.observe(building, on, class, severity);
                }
            }
            10 => {
                let party = || PartyKey("firm".to_owned());
                let sayings = [
                    Saying::Notified { deadline: Some(day("2026-10-01")) },
                    Saying::ReportedFixed { repairer: party() },
                    Saying::Verified { verifier: PartyKey("other".to_owned()) },
                    Saying::Closed,
                    Saying::Waived { reason: String::new() },
                ];
                if let Some(finding) = pick(&self.findings, a) {
                    let saying = sayings[usize::from(b) % sayings.len()].clone();
                    let _ = self.follow(finding, on, saying, b);
                }
            }
            11 => {
                let lists = [&self.reports, &self.findings, &self.editions];
                if let Some(subject) = pick(lists[usize::from(b) % 3], a) {
                    let _ = self.city.retract(subject, None);
                }
            }
            12 => {
                let until = [None, Some("2015-01-01"), Some("2024-06-30")][usize::from(b) % 3];
                let content = fields(Kind::Signer, |fields| {
                    if let Fields::Signer(signer) = fields {
                        signer.qualifications = Some(Some(licence("2010-01-01", until)));
                    }
                });
                let _ = self.city.correct(Correct {
                    subject: self.signer.into(),
                    etag: None,
                    entry: None,
                    from: None,
                    content,
                    exists_from: None,
                    ended_on: None,
                    sentences: Vec::new(),
                });
            }
            13 => {
                if let Some(building) = some {
                    let content = fields(Kind::Building, |fields| {
                        if let Fields::Building(fields) = fields {
                            match b % 3 {
                                0 => fields.completed = Some("1994".parse().ok()),
                                1 => {
                                    let compound = self.compounds[usize::from(c) % 2];
                                    fields.compound = Some(compound.try_into().ok());
                                }
                                _ => fields.design_life_years = Some(Some(30)),
                            }
                        }
                    });
                    let _ = self.city.change(building, on, content);
                }
            }
            14 => {
                let compound = self.compounds[usize::from(a) % 2];
                let to = self.communities[usize::from(b) % 2];
                let content = fields(Kind::Compound, |fields| {
                    if let Fields::Compound(fields) = fields {
                        fields.community = Some(to.try_into().ok());
                    }
                });
                let done = self.city.change(compound, on, content);
                self.note(compound, done);
            }
            15 | 16 => {
                if let Some(finding) = pick(&self.findings, a) {
                    let on = SERVED[usize::from(b) % SERVED.len()];
                    let _ = self.follow(finding, on, Saying::Notified { deadline: None }, c);
                }
            }
            17 => {
                if let Some(building) = some {
                    self.draft(building, on, pick(&self.findings, b));
                }
            }
            18 => {
                if let Some(report) = pick(&self.drafts, a) {
                    self.advance(report, b);
                }
            }
            20 => {
                let community = self.communities[usize::from(a) % 2];
                let to = self.streets[usize::from(b) % 2];
                let content = fields(Kind::Region, |fields| {
                    if let Fields::Region(fields) = fields {
                        fields.parent = Some(to.try_into().ok());
                    }
                });
                let done = self.city.change(community, on, content);
                self.note(community, done);
            }
            21 | 22 => {
                if let (Some(one), Some(other)) = (some, pick(&self.buildings, b)) {
                    self.join(one, other, on, c);
                }
            }
            23 => {
                if let Some((subject, entry)) = pick(&self.moved, a) {
                    let _ = self.city.retract(subject, Some(entry));
                }
            }
            24 => {
                let now = pick(&self.buildings, b);
                if let (Some(finding), Some(building)) = (pick(&self.findings, a), now) {
                    self.observe_again(finding, building, on);
                }
            }
            _ => {
                let (report, building) = (pick(&self.reports, a), pick(&self.buildings, b));
                if let (Some(report), Some(building)) = (report, building) {
                    let content = fields(Kind::Report, |fields| {
                        if let Fields::Report(fields) = fields {
                            fields.building = Some(building.try_into().ok());
                        }
                    });
                    let _ = self.city.correct(Correct {
                        subject: report,
                        etag: None,
                        entry: None,
                        from: None,
                        content,
                        exists_from: Some(on.parse().unwrap()),
                        ended_on: None,
                        sentences: Vec::new(),
                    });
                }
            }
        }
    }
}

fn counted_step_by_step_is_counted_at_once(acts: &[Act], choice: usize) {
    let kept = Arc::new(MemoryStore::new());
    let mut town = Town::on(City::on(Arc::clone(&kept) as Arc<dyn Store>));
    for act in acts {
        town.act(*act);
    }
    let registry = town.registry();
    // What a command did not finish, the writer does before its next.
    while registry.work_under_way(town.city.home()).unwrap().sweep_count > 0 {
        std::thread::yield_now();
    }
    let head = kept.heads().iter().find(|head| head.partition == town.city.home()).unwrap().seq;
    let days = ["1999-12-31", "2016-03-01", "2025-06-30", "2026-11-23", "2031-05-05", "2060-01-01"];
    let nodes = town.nodes();
    for (index, node) in [nodes[0], nodes[1 + choice % 6]].into_iter().enumerate() {
        let valid = day(days[(choice + index) % days.len()]);
        let now = ReadTime { valid_at: Some(valid), known_at: KnownAt::Now };
        assert_eq!(told(registry, node, now), explained(registry, node, now), "{node} {valid}");
        let seq = 1 + (choice as u64 * 7) % head;
        let then = ReadTime { valid_at: Some(valid), known_at: KnownAt::Seq(seq) };
        if registry.totals(node, then).is_ok() {
            let (told, rows) = (told(registry, node, then), explained(registry, node, then));
            assert_eq!(told, rows, "{node} on {valid} as known with {seq}");
        }
    }
    for node in nodes {
        assert_eq!(listed(registry, node), computed(&town, node), "due in {node}");
        check_aged(&town, node);
    }
    let oracle = Oracle::read(kept.as_ref(), town.city.home(), head);
    check_stages(&town, &oracle, day(days[1 + choice % 5]));
    let live = state(kept.as_ref());
    let copy = journal_of(kept.as_ref());
    anju::registry::replay(&copy, &copy, &mut |_, _| {}).unwrap();
    let rebuilt = state(&copy);
    for key in live.keys().chain(rebuilt.keys()) {
        let space = key.get(3).map(|byte| char::from(*byte));
        assert_eq!(live.get(key), rebuilt.get(key), "space {space:?} key {key:?}");
    }
}

proptest! {
    #![proptest_config(cases(5))]

    #[test]
    fn check_ups_counted_step_by_step_are_counted_at_once(acts in acts(), choice in 0..1_000_usize) {
        counted_step_by_step_is_counted_at_once(&acts, choice);
    }
}

#[test]
fn a_signer_found_invalid_puts_all_reports_in_doubt_and_it_can_be_undone() {
    let mut town = Town::on(City::new());
    for (table, text) in [("grades", GRADES), ("colours", COLOURS), ("cycle", CYCLE)] {
        town.load(town.city.city, table, "1", text);
    }
    let compound = town.compounds[0];
    for _ in 0..3 {
        let building = town.dwelling(compound, "1980-05-01");
        town.report(building, "2026-03-01", "A", ReportKind::CheckUp);
    }
    let node = town.city.district;
    let before = told(town.registry(), node, ReadTime::NOW);
    assert_eq!(before[&("buildings_by_due_state", "scheduled".to_owned())], (3, 3));
    let content = fields(Kind::Signer, |fields| {
        if let Fields::Signer(signer) = fields {
            signer.qualifications = Some(Some(licence("2010-01-01", Some("2025-12-31"))));
        }
    });
    let correct = Correct {
        subject: town.signer.into(),
        etag: None,
        entry: None,
        from: None,
        content,
        exists_from: None,
        ended_on: None,
        sentences: Vec::new(),
    };
    let outcome = town.city.correct(correct).unwrap();
    let doubted = told(town.registry(), node, ReadTime::NOW);
    let count = |counts: &Counts, measure: &'static str, term: &str| {
        counts.get(&(measure, term.to_owned())).copied().unwrap_or((0, 0))
    };
    assert_eq!(count(&doubted, "check_ups_of_month", "check_up"), (0, 0));
    let grade = "survey 2020 building whole A in_doubt";
    assert_eq!(count(&doubted, "buildings_by_grade", grade), (3, 3), "{doubted:?}");
    // The day by which buildings of 1980 are first checked, since no check-up counts any more.
    let due = listed(town.registry(), node);
    assert!(due.iter().all(|(_, on)| *on == day("2026-12-31")), "{due:?}");
    let wrong = outcome.entries[0];
    let again = fields(Kind::Signer, |fields| {
        if let Fields::Signer(signer) = fields {
            signer.qualifications = Some(Some(licence("2010-01-01", None)));
        }
    });
    let correct = Correct {
        subject: town.signer.into(),
        etag: None,
        entry: Some(wrong),
        from: None,
        content: again,
        exists_from: None,
        ended_on: None,
        sentences: Vec::new(),
    };
    town.city.correct(correct).unwrap();
    assert_eq!(told(town.registry(), node, ReadTime::NOW), before);
}

/// A town in which notices of every age are open.
pub(crate) fn noticed() -> Town {
    let mut town = Town::on(City::new());
    for (table, text) in [("findings", FINDINGS), ("grades", GRADES)] {
        town.load(town.city.city, table, "1", text);
    }
    for (index, on) in SERVED.into_iter().enumerate() {
        let building = town.dwelling(town.compounds[index % 2], "1980-05-01");
        town.observe(building, "2025-01-10", "STR.CRACK", Severity::RepairBy);
        let finding = *town.findings.last().unwrap();
        town.follow(finding, on, Saying::Notified { deadline: None }, 0).unwrap();
    }
    town
}

#[test]
fn open_notices_are_listed_by_age_to_the_day_and_leave_the_list_with_what_ends_them() {
    let mut town = noticed();
    for node in town.nodes() {
        check_aged(&town, node);
    }
    let district = town.city.district;
    assert_eq!(aged(town.registry(), district, None), {
        let ids = town.findings.iter().map(|id| FindingId::try_from(*id).unwrap());
        ids.collect::<Vec<_>>()
    });
    // One is waived, one begins anew, one building moves, and a street is another's from a day on.
    let waived = Saying::Waived { reason: String::new() };
    for finding in [town.findings[0], town.findings[3]] {
        town.follow(finding, "2026-11-01", waived.clone(), 0).unwrap();
    }
    let again = Saying::Reopened { reason: String::new() };
    town.follow(town.findings[3], "2026-11-02", again, 0).unwrap();
    town.follow(town.findings[3], "2026-11-03", Saying::Notified { deadline: None }, 0).unwrap();
    let moved = fields(Kind::Building, |fields| {
        if let Fields::Building(fields) = fields {
            fields.compound = Some(town.compounds[1].try_into().ok());
        }
    });
    town.city.change(town.buildings[2], "2026-11-01", moved).unwrap();
    // What is being repaired is open, and its notice as old as it was.
    for (finding, saying) in [
        (town.findings[1], Saying::Planned { repairer: PartyKey("firm".to_owned()) }),
        (town.findings[5], Saying::ReportedFixed { repairer: PartyKey("firm".to_owned()) }),
    ] {
        town.follow(finding, "2026-11-04", saying, 0).unwrap();
    }
    let counts = |town: &Town| {
        town.nodes().iter().map(|node| aged(town.registry(), *node, None).len()).collect::<Vec<_>>()
    };
    for node in town.nodes() {
        check_aged(&town, node);
    }
    assert_eq!(counts(&town), [7, 2, 5, 2, 5, 2, 5]);
    assert_eq!(aged(town.registry(), district, None).last().copied(), {
        town.findings[3].try_into().ok()
    });
    // A day passes, and nothing is written: the spans are those of the day of the read.
    let of_span = |town: &Town| aged(town.registry(), district, Some(31));
    let ids = |of: [usize; 2]| of.map(|index| FindingId::try_from(town.findings[index]).unwrap());
    assert_eq!(of_span(&town), ids([5, 6]));
    town.city.tick("2026-11-24T04:00:00Z");
    assert_eq!(of_span(&town), ids([6, 7]));
    // Without a catalogue nothing has an age.
    let catalogue = town.editions[0];
    town.city.retract(catalogue, None).unwrap();
    assert_eq!(counts(&town), [0; 7]);
    for node in town.nodes() {
        check_aged(&town, node);
    }
    town.load(town.city.city, "findings", "2", FINDINGS);
    assert_eq!(counts(&town), [7, 2, 5, 2, 5, 2, 5]);
}

#[test]
fn a_rule_that_was_only_judged_counts_for_nobody() {
    let desk = Desk::new();
    let completed = |year: &str| {
        fields(Kind::Building, |fields| {
            if let Fields::Building(building) = fields {
                building.completed = Some(year.parse().ok());
                building.design_life_years = Some(Some(50));
                building.building_use = Some(anju::domain::building::BuildingUse::from_number(1));
            }
        })
    };
    desk.city.change(desk.building.into(), "1992-01-01", completed("1988-05-01")).unwrap();
    let judged = fields(Kind::Reference, |fields| {
        if let Fields::Reference(reference) = fields {
            reference.region = Some(desk.city.city.try_into().ok());
            reference.table = Some(Some("cycle".to_owned()));
            reference.name = Some(Some("cycle".to_owned()));
            reference.edition = Some(Some("1".to_owned()));
            reference.text = Some(Some(CYCLE.to_owned()));
        }
    });
    let load = Command::Register(Register {
        seed: desk.city.seed(),
        content: judged,
        exists_from: said("2000"),
        opens_partition: false,
        sentences: Vec::new(),
    });
    let mut call = desk.city.call(desk.city.home());
    call.validate_only = true;
    desk.city.registry.execute(call, load).unwrap();
    // Counted after it, in a command of its own: there is no rule.
    desk.city.change(desk.building.into(), "1993-01-01", completed("1989-05-01")).unwrap();
    assert_eq!(listed(&desk.city.registry, desk.city.district), []);
    desk.check_rebuild();
    desk.load("cycle", CYCLE);
    let due = listed(&desk.city.registry, desk.city.district);
    assert_eq!(due, [(desk.building, day("2027-12-31"))]);
    desk.check_rebuild();
}

//! Made-up stories: random commands on a small city, good and bad, some of them sent twice.
//!
//! An [`Act`] is a few numbers, so that a failing story shrinks to few acts; what they mean is
//! decided against what the story has made so far.

use std::collections::BTreeMap;

use anju::{
    domain::{
        content::{Content, Fields},
        policy::{CoverItem, Insurer, Premium, PremiumPayer, Standing},
        qualification::CompanyKey,
        region::Level,
        timeline::EndCause,
    },
    kernel::{
        fen::Fen,
        hash::Hash,
        id::{BuildingId, CaseId, CompoundId, IdSeed, Kind, RawId, RegionId, SubjectId},
        page::PageRequest,
        position::{Partition, Seq},
        share::Share,
        time::{Day, ImpreciseDay, KnownAt, Stamp},
    },
    registry::{
        Call, Change, Command, Correct, End, Entry, Erase, Error, Fact, Import, ImportRow, Merge,
        MergeInto, Outcome, Reference, Register, Retract, RowEnd, RowLife, RowMode, Split,
        SplitPart,
    },
};
use proptest::prelude::*;

use crate::city::{City, day, said};

/// Days on which things happen, with the edges of months and years among them.
pub(crate) const DAYS: [&str; 20] = [
    "1979-06-30",
    "1985-12-31",
    "1986-01-01",
    "1990-02-28",
    "1990-03-01",
    "1995-07-01",
    "2000-01-01",
    "2000-01-31",
    "2005-06-15",
    "2010-12-31",
    "2015-01-01",
    "2019-11-30",
    "2020-03-01",
    "2024-02-29",
    "2026-06-30",
    "2026-07-01",
    "2026-11-22",
    "2026-12-31",
    "2027-07-01",
    "2030-01-01",
];

/// Days as people know them.
const SAID: [&str; 14] = [
    "<1986",
    "1980",
    "1980s",
    "1985..1990",
    "1986-01-01",
    "1990",
    "1990-03-01",
    "2000-01",
    "2000-01-01",
    "unknown",
    "1983..2003",
    "2010s",
    "2024-02-29",
    "2026-11-22",
];

pub(crate) const PRODUCTS: &str = include_str!("../../data/reference/products-example.toml");

const KINDS: [Kind; 4] = [Kind::Region, Kind::Compound, Kind::Building, Kind::Unit];

/// One step of a story.
#[derive(Clone)]
pub(crate) struct Act {
    what: u8,
    a: u16,
    b: u16,
    c: u16,
    day: u8,
    said: u8,
}

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, a, b, c, day, said } = self;
        write!(f, "({what}, {a}, {b}, {c}, {day}, {said})")
    }
}

pub(crate) fn acts(most: usize) -> impl Strategy<Value = Vec<Act>> {
    let act = (0_u8..116, any::<u16>(), any::<u16>(), any::<u16>(), any::<u8>(), any::<u8>())
        .prop_map(|(what, a, b, c, day, said)| Act { what, a, b, c, day, said });
    proptest::collection::vec(act, 1..most)
}

/// The factor by which `ANJU_TEST_CASES` multiplies the cases of every property.
pub(crate) fn cases(usual: u32) -> ProptestConfig {
    let factor = std::env::var("ANJU_TEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig {
        cases: usual * factor.unwrap_or(1_u32),
        max_shrink_time: 20_000,
        ..ProptestConfig::default()
    }
}

/// A command that was sent and what came of it.
struct Sent {
    call: Call,
    command: Command,
    outcome: Option<Outcome>,
}

pub(crate) struct Story {
    pub(crate) city: City,
    pub(crate) districts: [SubjectId; 2],
    pub(crate) streets: Vec<SubjectId>,
    pub(crate) communities: Vec<SubjectId>,
    pub(crate) compounds: Vec<SubjectId>,
    pub(crate) buildings: Vec<SubjectId>,
    pub(crate) units: Vec<SubjectId>,
    pub(crate) policies: Vec<SubjectId>,
    entries_of: BTreeMap<SubjectId, Vec<Seq>>,
    /// Entries that took others back, with a subject of theirs.
    retractions: Vec<(SubjectId, Seq)>,
    read_up_to: Seq,
    sent: Vec<Sent>,
    /// How often each kind of act was accepted and refused.
    pub(crate) tally: BTreeMap<&'static str, (u32, u32)>,
    /// The reasons for refusals.
    pub(crate) reasons: BTreeMap<String, u32>,
}

impl Story {
    /// Two districts, three streets, three communities, two compounds, a building, and a list of insurance
    /// products.
    pub(crate) fn new() -> Self {
        Self::on(City::new())
    }

    pub(crate) fn on(city: City) -> Self {
        let other = city.region(Level::District, "二七区", Some(city.city), false);
        let mut story = Self {
            districts: [city.district, other],
            city,
            streets: Vec::new(),
            communities: Vec::new(),
            compounds: Vec::new(),
            buildings: Vec::new(),
            units: Vec::new(),
            policies: Vec::new(),
            entries_of: BTreeMap::new(),
            retractions: Vec::new(),
            read_up_to: 0,
            sent: Vec::new(),
            tally: BTreeMap::new(),
            reasons: BTreeMap::new(),
        };
        let city = &story.city;
        let one = city.street("一街道");
        let two = city.street("二街道");
        city.region(Level::Street, "三街道", Some(other), false);
        let first = city.community("甲社区", one);
        city.community("乙社区", one);
        city.community("丙社区", two);
        let compound = city.compound("第一小区", first);
        city.compound("第二小区", first);
        city.building(compound, "1986-01-01", 1_000);
        let products = crate::city::fields(Kind::Reference, |fields| {
            if let Fields::Reference(reference) = fields {
                reference.region = Some(city.city.try_into().ok());
                reference.table = Some(Some("products".to_owned()));
                reference.name = Some(Some("products".to_owned()));
                reference.edition = Some(Some("1".to_owned()));
                reference.text = Some(Some(PRODUCTS.to_owned()));
            }
        });
        city.register(products, "2000", false).unwrap();
        story.learn();
        story
    }

    pub(crate) fn tell(acts: &[Act]) -> Self {
        let mut story = Self::new();
        for act in acts {
            story.act(act);
        }
        story
    }

    pub(crate) fn home(&self) -> Partition {
        self.city.home()
    }

    pub(crate) fn head(&self) -> Seq {
        self.city.registry.frontier(self.home()).seq
    }

    /// Everything that totals can be asked of in one partition.
    pub(crate) fn nodes(&self) -> Vec<SubjectId> {
        [&self.districts[..], &self.streets, &self.communities, &self.compounds].concat()
    }

    pub(crate) fn everything(&self) -> Vec<SubjectId> {
        [&self.nodes()[..], &self.buildings, &self.units, &self.policies].concat()
    }

    /// Reads the new entries, for the subjects that they begin.
    pub(crate) fn learn(&mut self) {
        let head = self.head();
        for seq in self.read_up_to + 1..=head {
            let entry = entry(&self.city, self.home(), seq);
            for link in &entry.subjects {
                self.entries_of.entry(link.subject).or_default().push(seq);
            }
            let (subject, content) = match entry.body.map(|body| body.fact) {
                Some(Fact::Registered { subject, content, .. }) if entry.corrects.is_empty() => {
                    (subject, content)
                }
                Some(Fact::Retracted { subjects }) => {
                    self.retractions.extend(subjects.last().map(|subject| (*subject, seq)));
                    continue;
                }
                _ => continue,
            };
            match &content.fields {
                Fields::Region(region) => match region.level {
                    Some(Level::Street) => self.streets.push(subject),
                    Some(Level::Community) => self.communities.push(subject),
                    _ => {}
                },
                Fields::Compound(_) => self.compounds.push(subject),
                Fields::Building(_) => self.buildings.push(subject),
                Fields::Unit(_) => self.units.push(subject),
                Fields::Policy(_) => self.policies.push(subject),
                _ => {}
            }
        }
        self.read_up_to = head;
    }

    fn seed(&self) -> IdSeed {
        self.city.seed()
    }

    fn send(&mut self, name: &'static str, command: Command) {
        let mut call = self.city.call(self.home());
        call.overrides = ["FLOOR_AREA", "UNIT_AREA", "AREA_PER_UNIT"].map(str::to_owned).to_vec();
        let answer = self.city.registry.execute(call.clone(), command.clone());
        self.count(name, &answer);
        self.sent.push(Sent { call, command, outcome: answer.ok() });
        self.learn();
    }

    fn count(&mut self, name: &'static str, answer: &Result<Outcome, Error>) {
        let tally = self.tally.entry(name).or_default();
        match answer {
            Ok(_) => tally.0 += 1,
            Err(Error::Refused(refusals)) => {
                tally.1 += 1;
                for refusal in refusals {
                    *self.reasons.entry(refusal.reason.clone()).or_default() += 1;
                }
            }
            Err(other) => panic!("{name}: {other}"),
        }
    }

    pub(crate) fn act(&mut self, act: &Act) {
        match act.what {
            0..=2 => self.register("register a region", act, self.region(act)),
            3..=6 => self.register("register a compound", act, self.compound(act)),
            7..=16 => self.register("register a building", act, self.building(act)),
            17..=22 => self.register("register a unit", act, self.unit(act)),
            23..=29 => self.change("change a building", pick(&self.buildings, act.a), act),
            30..=33 => self.change("change a compound", pick(&self.compounds, act.a), act),
            34..=39 => {
                let regions = [&self.streets[..], &self.communities].concat();
                self.change("change a region", pick(&regions, act.a), act);
            }
            40..=42 => self.change("change a unit", pick(&self.units, act.a), act),
            43..=53 => self.correct(act),
            54..=59 => self.end(act),
            60..=66 => self.merge(act),
            67..=73 => self.split(act),
            74..=79 => self.retract(act),
            80..=82 => self.reinstate(act),
            83..=85 => self.case(act),
            86..=89 => self.tick(act),
            90..=93 => self.again(act),
            94..=95 => self.nonsense(act),
            96 => self.several(act),
            97 => self.erase(act),
            98..=99 => self.import(act),
            100..=107 => self.register("register a policy", act, self.policy(act)),
            108..=111 => self.change("change a policy", pick(&self.policies, act.a), act),
            112..=113 => self.stand(act),
            _ => self.correct_one(pick(&self.policies, act.a), act),
        }
    }

    fn register(&mut self, name: &'static str, act: &Act, content: Option<Content>) {
        let Some(content) = content else { return };
        let item = self.item(act, content);
        self.send(name, Command::Register(item));
    }

    fn item(&self, act: &Act, content: Content) -> Register {
        Register {
            seed: self.seed(),
            content,
            exists_from: imprecise(act),
            opens_partition: false,
            sentences: Vec::new(),
        }
    }

    fn region(&self, act: &Act) -> Option<Content> {
        let mut content = Content::empty(Kind::Region);
        if let Fields::Region(fields) = &mut content.fields {
            let is_street = act.c.is_multiple_of(3);
            let (level, parent) = if is_street {
                (Level::Street, pick(&self.districts, act.a)?)
            } else {
                (Level::Community, pick(&self.streets, act.a)?)
            };
            fields.level = Some(level);
            fields.name = Some(Some(format!("区划{}", act.b % 7)));
            fields.parent = Some(parent.try_into().ok());
        }
        identify(&mut content, act);
        Some(content)
    }

    fn compound(&self, act: &Act) -> Option<Content> {
        Some(crate::city::compound(&format!("小区{}", act.b % 5), pick(&self.communities, act.a)?))
    }

    /// In a compound, in a community, in both; physical or logical.
    fn building(&self, act: &Act) -> Option<Content> {
        let mut content = Content::empty(Kind::Building);
        if let Fields::Building(fields) = &mut content.fields {
            let compound = CompoundId::try_from(pick(&self.compounds, act.a)?).ok();
            let community = RegionId::try_from(pick(&self.communities, act.b)?).ok();
            let how = act.c % 8;
            if how != 0 {
                fields.compound = Some(compound);
            }
            if how <= 2 {
                fields.community = Some(community);
            }
            if how == 3 {
                let physical = pick(&self.buildings, act.b)?;
                fields.physical = Some(BuildingId::try_from(physical).ok());
            }
            if !act.c.is_multiple_of(5) {
                fields.floor_area_cm2 = Some(Some(area(act)));
            }
            if act.b.is_multiple_of(3) {
                fields.completed = Some(Some(imprecise(act)));
            }
        }
        identify(&mut content, act);
        Some(content)
    }

    fn unit(&self, act: &Act) -> Option<Content> {
        let mut content = Content::empty(Kind::Unit);
        if let Fields::Unit(fields) = &mut content.fields {
            fields.building = Some(pick(&self.buildings, act.a)?.try_into().ok());
            fields.number = Some(Some(format!("{}", act.b % 40)));
            if !act.c.is_multiple_of(4) {
                fields.area_cm2 = Some(Some(area(act)));
            }
        }
        Some(content)
    }

    /// Of what it insures, how, and for how long.
    fn policy(&self, act: &Act) -> Option<Content> {
        let mut content = Content::empty(Kind::Policy);
        if let Fields::Policy(fields) = &mut content.fields {
            let code = ["IDI", "IDI", "EBS"][usize::from(act.b) % 3];
            let clause = if code == "IDI" { "2019-example" } else { "2024-example" };
            fields.region = Some(self.kept_for(act)?.try_into().ok());
            fields.number = Some(Some(format!("P{}", act.b % 97)));
            fields.product = Some(Some(code.to_owned()));
            fields.clause = Some(Some(clause.to_owned()));
            let company = CompanyKey("EXAMPLE".to_owned());
            fields.insurers = Some(Some(vec![Insurer { company, share: Share::WHOLE }]));
            fields.objects = Some(Some(self.objects(act)?));
            fields.covers = Some(Some(covers(code, act)));
            let payer = PremiumPayer::ALL[usize::from(act.c) % 5];
            fields.premiums = Some(Some(vec![premium(payer, act)]));
            let stands = if act.c.is_multiple_of(4) { Standing::Quoted } else { Standing::Bound };
            fields.standing = Some(Some(stands));
        }
        Some(content)
    }

    /// A street, a district, or the city.
    fn kept_for(&self, act: &Act) -> Option<SubjectId> {
        let mut regions = [&self.districts[..], &self.streets, &self.communities].concat();
        regions.push(self.city.city);
        pick(&regions, act.c)
    }

    /// One or two things, often buildings.
    fn objects(&self, act: &Act) -> Option<Vec<SubjectId>> {
        let lists = [&self.buildings, &self.buildings, &self.compounds, &self.units];
        let mut objects = vec![pick(lists[usize::from(act.a / 7) % 4], act.a)?];
        if act.b.is_multiple_of(2) {
            objects.extend(pick(lists[usize::from(act.c) % 4], act.b));
        }
        objects.dedup();
        Some(objects)
    }

    /// Binds it, or lets it be over.
    fn stand(&mut self, act: &Act) {
        let Some(subject) = pick(&self.policies, act.a) else { return };
        let mut content = Content::empty(Kind::Policy);
        if let Fields::Policy(fields) = &mut content.fields {
            fields.standing = Some(Some(Standing::ALL[1 + usize::from(act.b) % 3]));
        }
        let change = Change {
            subject,
            etag: None,
            from: on(act),
            second_of_day: None,
            order_key: Vec::new(),
            content,
            sentences: Vec::new(),
        };
        self.send("bind or end a policy", Command::Change(change));
    }

    /// Some fields of a subject, with parents of the right kind.
    fn fields(&self, subject: SubjectId, act: &Act) -> Content {
        let mut content = Content::empty(subject.kind());
        let community = pick(&self.communities, act.b).and_then(|id| RegionId::try_from(id).ok());
        let compound = pick(&self.compounds, act.b).and_then(|id| CompoundId::try_from(id).ok());
        let building = pick(&self.buildings, act.b).and_then(|id| BuildingId::try_from(id).ok());
        match &mut content.fields {
            Fields::Region(fields) => {
                let parents: &[_] =
                    if self.streets.contains(&subject) { &self.districts } else { &self.streets };
                match act.c % 6 {
                    0 => fields.name = Some(Some(format!("改名{}", act.b % 4))),
                    _ => fields.parent = pick(parents, act.b).map(|id| id.try_into().ok()),
                }
            }
            Fields::Compound(fields) => match act.c % 5 {
                0 => fields.name = Some(Some(format!("新村{}", act.b % 4))),
                _ => fields.community = Some(community),
            },
            Fields::Building(fields) => match act.c % 10 {
                0 => fields.name = Some(Some(format!("{}号楼", act.b % 9))),
                1 => fields.community = Some(None),
                2..=3 => fields.community = Some(community),
                4..=5 => fields.compound = Some(compound),
                6 => fields.physical = Some(building),
                7 => fields.physical = Some(None),
                8 => fields.completed = Some(Some(imprecise(act))),
                _ => fields.floor_area_cm2 = Some((!act.b.is_multiple_of(7)).then(|| area(act))),
            },
            Fields::Unit(fields) => match act.c % 3 {
                0 => fields.building = Some(building),
                _ => fields.area_cm2 = Some((!act.b.is_multiple_of(7)).then(|| area(act))),
            },
            Fields::Policy(fields) => match act.c % 5 {
                0 => fields.region = self.kept_for(act).map(|id| id.try_into().ok()),
                1 => {
                    let payer = PremiumPayer::ALL[usize::from(act.b) % 5];
                    fields.premiums = Some(Some(vec![premium(payer, act)]));
                }
                2 => fields.covers = Some(Some(covers("IDI", act))),
                _ => fields.objects = self.objects(act).map(Some),
            },
            _ => {}
        }
        if act.a.is_multiple_of(4) {
            identify(&mut content, act);
        }
        content
    }

    fn change(&mut self, name: &'static str, subject: Option<SubjectId>, act: &Act) {
        let Some(subject) = subject else { return };
        let change = Change {
            subject,
            etag: None,
            from: on(act),
            second_of_day: act.said.is_multiple_of(5).then_some(u32::from(act.a) % 86_400),
            order_key: if act.said.is_multiple_of(7) { vec![act.said] } else { Vec::new() },
            content: self.fields(subject, act),
            sentences: Vec::new(),
        };
        self.send(name, Command::Change(change));
    }

    /// An entry of the subject, or none.
    fn entry_of(&self, subject: SubjectId, choice: u16) -> Option<Seq> {
        if choice.is_multiple_of(3) {
            return None;
        }
        let known = self.entries_of.get(&subject)?;
        known.get(usize::from(choice / 3) % known.len()).copied()
    }

    fn correct(&mut self, act: &Act) {
        self.correct_one(pick(&self.everything(), act.a), act);
    }

    fn correct_one(&mut self, subject: Option<SubjectId>, act: &Act) {
        let Some(subject) = subject else { return };
        let mut correct = Correct {
            subject,
            etag: None,
            entry: self.entry_of(subject, act.b),
            from: None,
            content: Content::empty(subject.kind()),
            exists_from: None,
            ended_on: None,
            sentences: Vec::new(),
        };
        match act.c % 6 {
            0 => correct.exists_from = Some(imprecise(act)),
            1 => correct.ended_on = Some(imprecise(act)),
            2 => correct.from = Some(on(act)),
            3 => {
                correct.from = Some(on(act));
                correct.content = self.fields(subject, act);
            }
            _ => correct.content = self.fields(subject, act),
        }
        self.send("correct", Command::Correct(correct));
    }

    fn end(&mut self, act: &Act) {
        let kind = pick(&KINDS, act.c).unwrap_or(Kind::Building);
        let Some(subject) = pick(&self.of_kind(kind), act.a) else { return };
        let day =
            if act.b.is_multiple_of(3) { imprecise(act) } else { ImpreciseDay::exactly(on(act)) };
        let cause = if kind == Kind::Building { EndCause::Demolished } else { EndCause::Abolished };
        self.send("end", Command::End(End { subject, etag: None, day, cause }));
    }

    fn of_kind(&self, kind: Kind) -> Vec<SubjectId> {
        match kind {
            Kind::Region => [&self.streets[..], &self.communities].concat(),
            Kind::Compound => self.compounds.clone(),
            Kind::Building => self.buildings.clone(),
            _ => self.units.clone(),
        }
    }

    fn merge(&mut self, act: &Act) {
        let kind = pick(&KINDS, act.c).unwrap_or(Kind::Building);
        let list = if kind == Kind::Region && act.said.is_multiple_of(2) {
            self.communities.clone()
        } else if kind == Kind::Region {
            self.streets.clone()
        } else {
            self.of_kind(kind)
        };
        let (Some(first), Some(second)) = (pick(&list, act.a), pick(&list, act.b)) else { return };
        let (subjects, into) = if act.c % 8 < 4 {
            (vec![first], MergeInto::Existing(second))
        } else {
            let content = named(kind, act);
            (vec![first, second], MergeInto::New { seed: self.seed(), content: Box::new(content) })
        };
        self.send("merge", Command::Merge(Merge { kind, subjects, day: on(act), into }));
    }

    fn split(&mut self, act: &Act) {
        let kind = pick(&KINDS, act.c).unwrap_or(Kind::Building);
        let Some(subject) = pick(&self.of_kind(kind), act.a) else { return };
        let keeps = act.b.is_multiple_of(2);
        let count = if keeps { 1 } else { 2 };
        let share = if keeps { (1, 3) } else { (1, 2) };
        let parts = (0..count)
            .map(|_| SplitPart { seed: self.seed(), content: named(kind, act), share })
            .collect();
        // Everything that may live in it; what does not makes a refusal.
        let children = self.children(subject);
        let assignments = children
            .into_iter()
            .enumerate()
            .filter(|(index, _)| !keeps || (usize::from(act.said) + index).is_multiple_of(2))
            .map(|(index, child)| (child, (usize::from(act.b) + index) % count))
            .collect();
        let split = Split { subject, etag: None, day: on(act), parts, assignments, keeps };
        self.send("split", Command::Split(split));
    }

    /// Subjects that say today that they are in a holder.
    fn children(&self, holder: SubjectId) -> Vec<SubjectId> {
        let now = anju::kernel::time::ReadTime::NOW;
        self.everything()
            .into_iter()
            .filter(|id| {
                self.city.registry.get(*id, now).is_ok_and(|seen| {
                    seen.end.is_none()
                        && seen.exists_from.is_some()
                        && seen.content.references().contains(&holder)
                })
            })
            .collect()
    }

    fn retract(&mut self, act: &Act) {
        let Some(subject) = pick(&self.everything(), act.a) else { return };
        let entry = self.entry_of(subject, act.b.saturating_add(act.c % 3));
        self.send("retract", Command::Retract(Retract { subject, etag: None, entry }));
    }

    /// Takes a retraction back: one of the last, or any.
    fn reinstate(&mut self, act: &Act) {
        let last = &self.retractions[self.retractions.len().saturating_sub(4)..];
        let of = if act.c.is_multiple_of(3) { &self.retractions } else { last };
        let Some((subject, entry)) = pick(of, act.a) else { return };
        let retract = Retract { subject, etag: None, entry: Some(entry) };
        self.send("take a retraction back", Command::Retract(retract));
    }

    pub(crate) fn open_cases(&self) -> Vec<CaseId> {
        let page = PageRequest { rows: 100, after: Vec::new() };
        let cases = self.city.registry.cases(self.home(), None, false, KnownAt::Now, &page);
        cases.unwrap().rows.into_iter().map(|(id, _)| id).collect()
    }

    fn erase(&mut self, act: &Act) {
        let erase = Erase {
            entries: vec![Seq::from(act.a) % (self.head() + 1)],
            kinds: vec![if act.b.is_multiple_of(8) { 1 } else { 2 }],
            order: "order-1".to_owned(),
            ordered_by: "court-1".to_owned(),
        };
        let call = self.city.call(self.home());
        let answer = self.city.registry.erase(call.clone(), erase.clone());
        self.count("erase", &answer);
        self.sent.push(Sent { call, command: Command::Erase(erase), outcome: answer.ok() });
        self.learn();
    }

    fn case(&mut self, act: &Act) {
        let Some(case) = pick(&self.open_cases(), act.a) else { return };
        let command = if act.b.is_multiple_of(2) {
            Command::AssignCase { case, assignee: format!("person-{}", act.c % 3) }
        } else {
            Command::SettleCase { case, outcome: 1 + u32::from(act.c % 3) }
        };
        let mut call = self.city.call(self.home());
        if !act.c.is_multiple_of(4) {
            "another".clone_into(&mut call.author.subject);
        }
        let answer = self.city.registry.execute(call.clone(), command.clone());
        let name = if act.b.is_multiple_of(2) { "assign a case" } else { "settle a case" };
        self.count(name, &answer);
        self.sent.push(Sent { call, command, outcome: answer.ok() });
        self.learn();
    }

    /// Time passes: hours or days, seldom weeks.
    fn tick(&mut self, act: &Act) {
        const HOUR: i64 = 3_600_000_000;
        let hours = match act.a % 4 {
            0 => 1,
            1 => 9,
            2 => 24,
            _ => 24 * 5,
        };
        let now = self.city.registry.now();
        self.city.clock.set(Stamp::from_micros(now.micros() + hours * HOUR));
    }

    /// The same request once more: what was accepted is answered as before.
    fn again(&mut self, act: &Act) {
        if self.sent.is_empty() {
            return;
        }
        let index = usize::from(act.a) % self.sent.len();
        let sent = &self.sent[index];
        let (call, command) = (sent.call.clone(), sent.command.clone());
        let before = sent.outcome.clone();
        let head = self.head();
        let answer = self.city.registry.execute(call, command);
        self.count("again", &answer);
        let week = 7 * 24 * 3_600_000_000_i64;
        // What wrote nothing is judged anew.
        if let Some(before) = before
            && !before.entries.is_empty()
            && before.stamp.micros() > self.city.registry.now().micros() - week
        {
            let after = answer.unwrap();
            assert!(after.repeated);
            assert_eq!(before.entries, after.entries);
            assert_eq!(before.position, after.position);
            assert_eq!(before.stamp, after.stamp);
            assert_eq!(before.decided, after.decided);
            assert_eq!(self.head(), head);
        }
        self.learn();
    }

    /// Commands that no state makes right.
    fn nonsense(&mut self, act: &Act) {
        let nobody = SubjectId::new(
            pick(&KINDS, act.a).unwrap_or(Kind::Unit),
            RawId::new(1, self.home(), u64::from(act.b)),
        );
        let empty = Content::empty(nobody.kind());
        let command = match act.c % 5 {
            0 => Command::Retract(Retract { subject: nobody, etag: None, entry: None }),
            1 => Command::Register(self.item(act, empty)),
            2 => Command::Split(Split {
                subject: nobody,
                etag: None,
                day: on(act),
                parts: Vec::new(),
                assignments: Vec::new(),
                keeps: false,
            }),
            3 => Command::End(End {
                subject: pick(&self.buildings, act.a).unwrap_or(nobody),
                etag: Some(u64::MAX),
                day: imprecise(act),
                cause: EndCause::Demolished,
            }),
            _ => {
                Command::SettleCase { case: CaseId::new(RawId::new(1, self.home(), 1)), outcome: 1 }
            }
        };
        let head = self.head();
        self.send("nonsense", command);
        assert_eq!(self.head(), head, "nonsense was accepted");
    }

    fn several(&mut self, act: &Act) {
        let mut items = Vec::new();
        for step in 0..4_u16 {
            let act =
                Act { a: act.a.wrapping_add(step), c: act.c.wrapping_add(step), ..act.clone() };
            items.extend(self.building(&act).map(|content| self.item(&act, content)));
            items.extend(self.unit(&act).map(|content| self.item(&act, content)));
        }
        let per_item = act.b.is_multiple_of(2);
        self.send("register several", Command::RegisterAll { items, per_item });
    }

    fn import(&mut self, act: &Act) {
        let mut rows = Vec::new();
        for index in 0..3_u32 {
            let number = (u32::from(act.a) + index) % 6;
            let mut content = Content::empty(Kind::Building);
            if let Fields::Building(fields) = &mut content.fields {
                fields.name = Some(Some(format!("导入{number}")));
                fields.floor_area_cm2 = Some(Some(area(act)));
            }
            let compound = pick(&self.compounds, act.b).map(Reference::Id);
            rows.push((
                index,
                ImportRow {
                    key: format!("row-{number}"),
                    hash: Hash::of(&[&area(act).to_be_bytes(), &act.b.to_be_bytes()]),
                    seed: self.seed(),
                    content,
                    references: compound
                        .map(|compound| ("compound_id", Kind::Compound, compound))
                        .into_iter()
                        .collect(),
                    exists_from: Some(imprecise(act)),
                    exists_from_when_new: None,
                    from: act.c.is_multiple_of(2).then(|| on(act)),
                    life: RowLife::default(),
                    opens_partition: false,
                    end: (act.c % 5 == 1 && index < 2).then(|| row_end(act, number)),
                    paper: None,
                },
            ));
        }
        let mode = if act.c.is_multiple_of(3) { RowMode::Correction } else { RowMode::Change };
        let import = Import {
            source: "survey".to_owned(),
            mode,
            within: None,
            insurers: None,
            rows,
            unread: Vec::new(),
        };
        self.send("import", Command::Import(import));
    }
}

/// How a row ends: demolished, or merged into the next.
fn row_end(act: &Act, number: u32) -> RowEnd {
    if act.b.is_multiple_of(2) {
        let day = ImpreciseDay::exactly(on(act));
        return RowEnd { day, cause: EndCause::Demolished, successors: Vec::new() };
    }
    let into = Reference::Key(format!("row-{}", (number + 1) % 6));
    let day = ImpreciseDay::exactly(on(act));
    RowEnd { day, cause: EndCause::Merged, successors: vec![(into, (1, 1))] }
}

pub(crate) fn entry(city: &City, partition: Partition, seq: Seq) -> Entry {
    let bytes = city.registry.store().entries_at(partition, &[seq]).unwrap();
    Entry::decode(&bytes[0]).unwrap().0
}

fn pick<T: Copy>(list: &[T], choice: u16) -> Option<T> {
    let index = usize::from(choice).checked_rem(list.len())?;
    list.get(index).copied()
}

fn on(act: &Act) -> Day {
    day(DAYS[usize::from(act.day) % DAYS.len()])
}

fn imprecise(act: &Act) -> ImpreciseDay {
    // The first ones are early, so that most holders are there before what is in them.
    let index = usize::from(act.said) % 28;
    said(SAID[if index < SAID.len() { index } else { index % 5 }])
}

fn area(act: &Act) -> u64 {
    (u64::from(act.b % 50) + 10) * 10_000
}

/// Covers of a product: of one that counts from completion, its own days seldom.
fn covers(code: &str, act: &Act) -> Vec<CoverItem> {
    let own = (day(DAYS[usize::from(act.day) % 12]), day(DAYS[8 + usize::from(act.said) % 12]));
    let own = (own.0 <= own.1).then_some(own);
    let item = |cover: &str, days: Option<(Day, Day)>| CoverItem {
        cover: cover.to_owned(),
        from: days.map(|(from, _)| from),
        until: days.map(|(_, until)| until),
        sum_insured: Fen::new(area(act)).unwrap(),
        per_event: None,
        per_household: None,
        per_person: None,
        deductible: Fen::ZERO,
    };
    let always = Some((day("1990-03-01"), day("2026-11-22")));
    match code {
        "IDI" => vec![item("STR", None), item("WTR", own.filter(|_| act.c.is_multiple_of(2)))],
        _ => vec![item("COLLAPSE", own.or(always))],
    }
}

fn premium(payer: PremiumPayer, act: &Act) -> Premium {
    let amount = Fen::new(u64::from(act.b % 50) + 1).unwrap();
    Premium { amount, payer, reference: String::new() }
}

/// An outside number of a small pool, now and then, so that they meet.
fn identify(content: &mut Content, act: &Act) {
    if act.c % 7 == 1 {
        let value = format!("H{}", act.b % 4);
        content.shared.identifiers.insert("house".to_owned(), vec![value]);
    }
}

fn named(kind: Kind, act: &Act) -> Content {
    let mut content = Content::empty(kind);
    match &mut content.fields {
        Fields::Region(fields) => fields.name = Some(Some(format!("新区划{}", act.b % 5))),
        Fields::Compound(fields) => fields.name = Some(Some(format!("新小区{}", act.b % 5))),
        Fields::Building(fields) => fields.floor_area_cm2 = Some(Some(area(act))),
        Fields::Unit(fields) => fields.area_cm2 = Some(Some(area(act))),
        _ => {}
    }
    content
}

/// The stories of the properties are worth nothing if their commands are all refused.
#[test]
fn stories_have_every_kind_of_command_accepted_and_refused() {
    use proptest::{
        strategy::ValueTree,
        test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut tally: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let mut reasons: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..60 {
        let acts = acts(70).new_tree(&mut runner).unwrap().current();
        let story = Story::tell(&acts);
        for (name, (accepted, refused)) in story.tally {
            let sum = tally.entry(name).or_default();
            *sum = (sum.0 + accepted, sum.1 + refused);
        }
        for (reason, count) in story.reasons {
            *reasons.entry(reason).or_default() += count;
        }
    }
    for (name, (accepted, _)) in &tally {
        assert!(*name == "nonsense" || *accepted >= 1, "{name}: {tally:?} {reasons:?}");
    }
    assert_eq!(tally.len(), 24, "{tally:?}");
    assert!(reasons.len() >= 20, "{reasons:?}");
}

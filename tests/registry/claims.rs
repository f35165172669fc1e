//! What claims come to, on the registry: totals against an oracle that takes the steps of one claim at
//! a time, up to one day, and climbs from its building and its policy.

use std::collections::{BTreeMap, BTreeSet};

use anju::{
    domain::{
        author::Author,
        claim::{ClaimContent, Payment, Settlement, Step, Told},
        content::{Content, Fields},
        finding::PartyKey,
        policy::{CoverItem, Insurer, Premium, PremiumPayer, Standing},
        qualification::CompanyKey,
        totals::Measure,
    },
    kernel::{
        fen::Fen,
        id::{Kind, SubjectId},
        position::Seq,
        share::Share,
        time::{Answer, Day, ImpreciseDay, KnownAt, ReadTime},
    },
    registry::{Change, Command, Correct, Error, Register, Retract},
};
use proptest::prelude::*;

use crate::{
    checkups::Counts,
    city::{City, day, fields},
    insured::{explained_of, told_of},
    oracle::{self, Life, Oracle},
    story::{Act, DAYS, Story, acts, cases},
};

const MEASURES: [Measure; 5] = [
    Measure::ClaimsByStage,
    Measure::ClaimsByCause,
    Measure::ClaimsByAge,
    Measure::ClaimAmounts,
    Measure::Losses,
];

/// A claim as it stands on a day.
#[derive(Default)]
pub(crate) struct Stands {
    is_registered: bool,
    noticed: Option<Day>,
    stage: &'static str,
    /// By the word of the stage that said it.
    sums: BTreeMap<&'static str, i64>,
    /// The day of the last step.
    last: Option<Day>,
}

fn count(fen: Fen) -> i64 {
    i64::try_from(fen.count()).unwrap()
}

impl Stands {
    /// What is held ready for it, or was paid on it.
    pub(crate) fn held(&self) -> i64 {
        let approved = if self.stage == "closed" { 0 } else { self.sum("approved") };
        approved.max(self.sum("paid"))
    }

    fn sum(&self, word: &str) -> i64 {
        self.sums.get(word).copied().unwrap_or_default()
    }

    fn take(&mut self, step: &Step) {
        let (stage, said) = match step {
            Step::Registered => {
                self.is_registered = true;
                ("registered", None)
            }
            Step::CoverageChecked { .. } if ["surveyed", "appraised"].contains(&self.stage) => {
                (self.stage, None)
            }
            Step::CoverageChecked { .. } => ("checked", None),
            Step::Surveyed { assessed } => {
                self.sums.remove("appraised");
                ("surveyed", Some(("assessed", count(*assessed))))
            }
            Step::Approved { amount } => ("approved", Some(("approved", count(*amount)))),
            Step::Reserved { amount } => ("reserved", Some(("reserved", count(*amount)))),
            Step::Settling(_) => ("settling", None),
            Step::Accepted => ("accepted", None),
            Step::Paid(payment) => {
                let paid = self.sum("paid") + count(payment.amount);
                let stage = if self.stage == "recourse" { "recourse" } else { "paid" };
                (stage, Some(("paid", paid)))
            }
            Step::Recovered { amount, .. } => {
                ("recourse", Some(("recovered", self.sum("recovered") + count(*amount))))
            }
            Step::Closed => ("closed", None),
            Step::Declined { .. } | Step::Withdrawn => {
                self.sums.remove("reserved");
                let stage = if matches!(step, Step::Withdrawn) { "withdrawn" } else { "declined" };
                (stage, Some(("approved", self.sum("paid"))))
            }
            Step::Disputed => ("disputed", None),
            Step::Appraised { amount, .. } => ("appraised", Some(("appraised", count(*amount)))),
            Step::Reopened => {
                self.sums.remove("reserved");
                let stage = if self.is_registered { "reopened" } else { "noticed" };
                (stage, Some(("approved", self.sum("paid"))))
            }
        };
        self.stage = stage;
        self.sums.extend(said);
    }
}

fn says<T>(life: &Life, of: impl Fn(&ClaimContent) -> Option<Option<T>>) -> Option<T> {
    life.value(Day::MAX, |content| match &content.fields {
        Fields::Claim(claim) => of(claim),
        _ => None,
    })
}

/// How a claim stands on a day; `None` before its notice.
pub(crate) fn stands(life: &Life, on: Day) -> Option<Stands> {
    let noticed = life.begins()?.latest();
    if on < noticed {
        return None;
    }
    let mut stands = Stands { noticed: Some(noticed), stage: "noticed", ..Stands::default() };
    let claimed = life.value(on, |content| match &content.fields {
        Fields::Claim(claim) => claim.claimed,
        _ => None,
    });
    stands.sums.extend(claimed.map(|sum| ("claimed", count(sum))));
    for (from, content) in life.said() {
        if let Fields::Claim(claim) = &content.fields
            && let Some(told) = claim.step.as_ref().filter(|_| from <= on)
        {
            stands.take(&told.step);
            stands.last = Some(from);
        }
    }
    Some(stands)
}

fn age(noticed: Day, on: Day) -> &'static str {
    match on.number() - noticed.number() {
        0..=30 => "0..30",
        31..=90 => "31..90",
        91..=180 => "91..180",
        181..=365 => "181..365",
        _ => "366..",
    }
}

/// All that claims come to on a day, by node.
fn counts(oracle: &Oracle, on: Day) -> BTreeMap<SubjectId, Counts> {
    let mut counts: BTreeMap<SubjectId, Counts> = BTreeMap::new();
    for (_, life) in oracle.lives.iter().filter(|(id, _)| id.kind() == Kind::Claim) {
        let Some(stands) = stands(life, on) else { continue };
        let policy = says(life, |claim| claim.policy).map(SubjectId::from);
        let policy_life = policy.and_then(|policy| oracle.lives.get(&policy));
        let product = policy_life.and_then(|life| {
            life.value(on, |content| match &content.fields {
                Fields::Policy(policy) => policy.product.clone(),
                _ => None,
            })
        });
        let product = product.unwrap_or_else(|| "unknown".to_owned());
        let mut all = Vec::new();
        let mut put = |measure: Measure, word: &str, sum: i64| {
            all.push((measure.name(), format!("{product} {word}"), sum));
        };
        put(Measure::ClaimsByStage, stands.stage, 1);
        if !["closed", "declined", "withdrawn"].contains(&stands.stage) {
            let cause = says(life, |claim| claim.cause.clone());
            put(Measure::ClaimsByCause, &cause.unwrap_or_else(|| "unknown".to_owned()), 1);
            put(Measure::ClaimsByAge, age(stands.noticed.unwrap(), on), 1);
        }
        for (word, sum) in &stands.sums {
            put(Measure::ClaimAmounts, word, *sum);
        }
        let building = SubjectId::from(says(life, |claim| claim.building).unwrap());
        let mut nodes = oracle.holders(building, on);
        nodes.insert(building);
        for node in nodes {
            for (measure, term, sum) in &all {
                let to = counts.entry(node).or_default().entry((*measure, term.clone()));
                let to = to.or_default();
                *to = (to.0 + sum, to.1 + sum);
            }
        }
        let loss = stands.sum("paid") - stands.sum("recovered");
        let (certain, possible) = policy_life.map_or((false, false), |life| life.is_there(on));
        for node in policy.iter().flat_map(|policy| oracle.holders(*policy, on)) {
            let key = (Measure::Losses.name(), product.clone());
            let to = counts.entry(node).or_default().entry(key).or_default();
            to.0 += if certain { loss } else { 0 };
            to.1 += if possible { loss } else { 0 };
        }
    }
    for counts in counts.values_mut() {
        counts.retain(|_, sum| *sum != (0, 0));
    }
    counts
}

/// Something that is done about claims.
#[derive(Clone)]
pub(crate) struct Deed {
    pub(crate) what: u8,
    pub(crate) a: u16,
    pub(crate) b: u16,
    pub(crate) c: u16,
    pub(crate) day: u8,
}

impl std::fmt::Debug for Deed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, a, b, c, day } = self;
        write!(f, "({what}, {a}, {b}, {c}, {day})")
    }
}

pub(crate) fn deeds(most: usize) -> impl Strategy<Value = Vec<Deed>> {
    let deed = (0_u8..26, any::<u16>(), any::<u16>(), any::<u16>(), any::<u8>());
    let deed = deed.prop_map(|(what, a, b, c, day)| Deed { what, a, b, c, day });
    prop::collection::vec(deed, 1..most)
}

/// A story with claims in it: acts and deeds in turn.
pub(crate) struct Tale {
    pub(crate) story: Story,
    pub(crate) claims: Vec<SubjectId>,
    pub(crate) tally: BTreeMap<&'static str, u32>,
}

fn pick<T: Copy>(list: &[T], by: u16) -> Option<T> {
    list.get(usize::from(by).checked_rem(list.len())?).copied()
}

fn fen(sum: u64) -> Fen {
    Fen::new(sum).unwrap()
}

fn party() -> PartyKey {
    PartyKey("party-1".to_owned())
}

fn claim_of(of: impl FnOnce(&mut ClaimContent)) -> Content {
    fields(Kind::Claim, |fields| {
        if let Fields::Claim(claim) = fields {
            of(claim);
        }
    })
}

fn stepped(step: Step) -> Content {
    claim_of(|claim| {
        if step == Step::Registered {
            claim.number = Some(Some("C".to_owned()));
        }
        claim.step = Some(Told::new(step, Author::default()));
    })
}

/// A cover of much and for long.
fn long_cover(cover: &str) -> CoverItem {
    CoverItem {
        cover: cover.to_owned(),
        from: Some(day("1986-01-01")),
        until: Some(day("2029-12-31")),
        sum_insured: fen(100_000),
        per_event: None,
        per_household: None,
        per_person: None,
        deductible: Fen::ZERO,
    }
}

/// A policy by which much is insured for long.
fn policy(region: SubjectId, number: &str, objects: Vec<SubjectId>) -> Content {
    fields(Kind::Policy, |fields| {
        if let Fields::Policy(policy) = fields {
            policy.region = Some(region.try_into().ok());
            policy.number = Some(Some(number.to_owned()));
            policy.product = Some(Some("EBS".to_owned()));
            policy.clause = Some(Some("2024-example".to_owned()));
            let company = CompanyKey("EXAMPLE".to_owned());
            policy.insurers = Some(Some(vec![Insurer { company, share: Share::WHOLE }]));
            policy.objects = Some(Some(objects));
            policy.covers = Some(Some(vec![long_cover("COLLAPSE")]));
            let reference = String::new();
            let payer = PremiumPayer::ALL[0];
            policy.premiums = Some(Some(vec![Premium { amount: fen(700), payer, reference }]));
            policy.standing = Some(Some(Standing::Bound));
        }
    })
}

impl Tale {
    pub(crate) fn new() -> Self {
        let mut story = Story::new();
        let (street, building, compounds) =
            (story.streets[0], story.buildings[0], story.compounds.clone());
        let city = &story.city;
        city.register(policy(street, "T-1", compounds), "1985..1986", false).unwrap();
        city.register(policy(city.district, "T-2", vec![building]), "1986-01-01", false).unwrap();
        story.learn();
        Self { story, claims: Vec::new(), tally: BTreeMap::new() }
    }

    fn tell(acts: &[Act], deeds: &[Deed]) -> Self {
        let mut tale = Self::new();
        for index in 0..acts.len().max(deeds.len()) {
            if let Some(act) = acts.get(index) {
                tale.story.act(act);
            }
            if let Some(deed) = deeds.get(index) {
                tale.deed(deed);
            }
        }
        tale
    }

    pub(crate) fn send(&mut self, name: &'static str, who: &str, command: Command) -> bool {
        let mut call = self.story.city.call(self.story.home());
        who.clone_into(&mut call.author.subject);
        match self.story.city.registry.execute(call, command) {
            Ok(outcome) => {
                if name == "register" {
                    self.claims.extend(outcome.decided.subjects);
                }
                *self.tally.entry(name).or_default() += 1;
                true
            }
            Err(Error::Refused(_)) => false,
            Err(other) => panic!("{name}: {other}"),
        }
    }

    pub(crate) fn deed(&mut self, deed: &Deed) {
        match deed.what {
            0..=4 => self.register(deed),
            5..=12 => self.advance(deed),
            13..=17 => self.turn(deed),
            18..=20 => self.correct(deed),
            21..=22 => self.retract(deed),
            _ => self.rename(deed),
        }
        self.story.learn();
    }

    fn register(&mut self, deed: &Deed) {
        let policies = &self.story.policies;
        // The first two are always good for a claim.
        let policies = if deed.c.is_multiple_of(4) { &policies[..] } else { &policies[..2] };
        let Some(policy) = pick(policies, deed.a) else { return };
        let buildings = &self.story.buildings;
        let buildings = if deed.b.is_multiple_of(2) { &buildings[..] } else { &buildings[..1] };
        let Some(building) = pick(buildings, deed.b / 2) else { return };
        let (cover, causes): (_, &[&str]) = match deed.c % 8 {
            0 => ("STR", &["LATENT_DEFECT"]),
            _ => ("COLLAPSE", &["COLLAPSE", "AGEING", "NEARBY_WORKS"]),
        };
        let noticed = day(DAYS[3 + usize::from(deed.day) % 13]);
        // Most losses are said to be of an event of their own, so that none is told twice.
        let event = format!("E{}", self.claims.len());
        let event = (!deed.a.is_multiple_of(5)).then_some(Some(event));
        let content = claim_of(|claim| {
            claim.event = event;
            claim.building = Some(building.try_into().ok());
            claim.policy = Some(policy.try_into().ok());
            claim.cover = Some(Some(cover.to_owned()));
            claim.part = Some(Some("STRUCTURE".to_owned()));
            claim.cause = pick(causes, deed.c / 8).map(|cause| Some(cause.to_owned()));
            claim.lost_on = Some(Some(noticed));
            claim.claimant = Some(Some("owner-1".to_owned()));
            if !deed.a.is_multiple_of(3) {
                claim.claimed = Some(Some(fen(1 + u64::from(deed.a % 500))));
            }
        });
        let register = Register {
            seed: self.story.city.seed(),
            content,
            exists_from: ImpreciseDay::exactly(noticed),
            opens_partition: false,
            sentences: Vec::new(),
        };
        self.send("register", "handler", Command::Register(register));
    }

    pub(crate) fn life(&self, claim: SubjectId) -> Life {
        let head = self.story.head();
        let store = self.story.city.registry.store();
        Oracle::read(store, self.story.home(), head).lives.remove(&claim).unwrap()
    }

    fn step(&mut self, claim: SubjectId, from: Day, step: Step) -> bool {
        let who = if matches!(step, Step::Paid(_)) { "cashier" } else { "handler" };
        let mut content = stepped(step.clone());
        if let (Step::Registered, Fields::Claim(said)) = (&step, &mut content.fields) {
            let nth = self.claims.iter().position(|id| *id == claim).unwrap();
            said.number = Some(Some(format!("C{nth}")));
        }
        let change = Change {
            subject: claim,
            etag: None,
            from,
            second_of_day: None,
            order_key: Vec::new(),
            content,
            sentences: vec![("step".to_owned(), "a test".to_owned())],
        };
        self.send(step.word(), who, Command::Change(change))
    }

    /// Some steps of the way to the end.
    pub(crate) fn advance(&mut self, deed: &Deed) {
        let Some(claim) = pick(&self.claims, deed.a) else { return };
        for nth in 0..=u64::from(deed.b % 7) {
            let Some(stands) = stands(&self.life(claim), Day::MAX) else { return };
            let sum = 10 + (u64::from(deed.c) + nth) % 90;
            let step = match stands.stage {
                "noticed" => Step::Registered,
                "registered" | "reopened" => {
                    Step::CoverageChecked { answer: Answer::Unknown, against: Vec::new() }
                }
                "checked" => Step::Surveyed { assessed: fen(sum + 100) },
                "surveyed" | "appraised" => Step::Approved { amount: fen(100) },
                "approved" => Step::Reserved { amount: fen(sum) },
                "reserved" => Step::Settling(Settlement::Cash),
                "settling" => Step::Accepted,
                "accepted" => {
                    Step::Paid(Payment { amount: fen(40), to: party(), invoice: None, work: None })
                }
                "paid" if deed.c.is_multiple_of(2) => {
                    Step::Recovered { amount: fen(sum % 30), from: party() }
                }
                "paid" | "recourse" => Step::Closed,
                _ => return,
            };
            let last = stands.last.or(stands.noticed).unwrap();
            if !self.step(claim, last.later(u32::from(deed.day) % 120), step) {
                return;
            }
        }
    }

    /// Declined, withdrawn, disputed, appraised, reopened, or surveyed anew.
    fn turn(&mut self, deed: &Deed) {
        let Some(claim) = pick(&self.claims, deed.a) else { return };
        let Some(stands) = stands(&self.life(claim), Day::MAX) else { return };
        let step = match (stands.stage, deed.c % 4) {
            ("closed" | "declined" | "withdrawn", _) => Step::Reopened,
            ("disputed", 1..) => Step::Appraised { amount: fen(130), by: party() },
            (_, 0) => Step::Withdrawn,
            (_, 1) => Step::Declined { code: "EXAMPLE".to_owned() },
            ("recourse", _) => {
                Step::Paid(Payment { amount: fen(5), to: party(), invoice: None, work: None })
            }
            _ => Step::Disputed,
        };
        let last = stands.last.or(stands.noticed).unwrap();
        self.step(claim, last.later(u32::from(deed.day) % 90), step);
    }

    /// The entries that say something of a claim.
    pub(crate) fn entries_of(&self, claim: SubjectId) -> Vec<Seq> {
        let entries = oracle::entries(self.story.city.registry.store(), self.story.home());
        let of = entries.into_iter();
        let of = of.filter(|entry| entry.subjects.iter().any(|link| link.subject == claim));
        of.map(|entry| entry.seq).collect()
    }

    /// Another loss, or another day of what was said.
    fn correct(&mut self, deed: &Deed) {
        let Some(subject) = pick(&self.claims, deed.a) else { return };
        let building = pick(&self.story.buildings, deed.c);
        let policy = pick(&self.story.policies, deed.c);
        let mut correct = Correct {
            subject,
            etag: None,
            entry: None,
            from: None,
            content: Content::empty(Kind::Claim),
            exists_from: None,
            ended_on: None,
            sentences: Vec::new(),
        };
        match deed.b % 6 {
            0 => {
                correct.content =
                    claim_of(|it| it.building = building.map(|id| id.try_into().ok()));
            }
            1 => {
                correct.content = claim_of(|it| it.policy = policy.map(|id| id.try_into().ok()));
            }
            2 => {
                let sum = fen(1 + u64::from(deed.c % 70));
                correct.content = claim_of(|it| it.claimed = Some(Some(sum)));
            }
            3 => {
                correct.content = claim_of(|it| it.cause = Some(Some("AGEING".to_owned())));
            }
            4 => {
                // The last step on another day.
                correct.entry = self.entries_of(subject).pop();
                correct.from = Some(day(DAYS[10 + usize::from(deed.day) % 10]));
            }
            _ => {
                correct.exists_from =
                    Some(ImpreciseDay::exactly(day(DAYS[3 + usize::from(deed.day) % 13])));
            }
        }
        let name = ["building", "policy", "sum", "cause", "day", "notice"][usize::from(deed.b % 6)];
        self.send(name, "handler", Command::Correct(correct));
    }

    fn retract(&mut self, deed: &Deed) {
        let Some(subject) = pick(&self.claims, deed.a) else { return };
        let entries = self.entries_of(subject);
        let entry = match deed.b % 4 {
            0 => pick(&entries, deed.c),
            _ => entries.last().copied(),
        };
        let name = if entries.len() < 2 { "retract all" } else { "retract" };
        self.send(name, "handler", Command::Retract(Retract { subject, etag: None, entry }));
    }

    /// Of a policy another product, or another place.
    fn rename(&mut self, deed: &Deed) {
        let Some(subject) = pick(&self.story.policies, deed.a % 3) else { return };
        let regions = [&self.story.districts[..], &self.story.communities].concat();
        let content = fields(Kind::Policy, |fields| {
            if let Fields::Policy(policy) = fields {
                if deed.b.is_multiple_of(2) {
                    let (code, cover) =
                        [("RES", "HOME"), ("EBS", "COLLAPSE")][usize::from(deed.c) % 2];
                    policy.product = Some(Some(code.to_owned()));
                    policy.covers = Some(Some(vec![long_cover(cover)]));
                } else {
                    policy.region = pick(&regions, deed.c).map(|id| id.try_into().ok());
                }
            }
        });
        let change = Change {
            subject,
            etag: None,
            from: day(DAYS[usize::from(deed.day) % DAYS.len()]),
            second_of_day: None,
            order_key: Vec::new(),
            content,
            sentences: Vec::new(),
        };
        let name = if deed.b.is_multiple_of(2) { "product" } else { "move" };
        self.send(name, "handler", Command::Change(change));
    }

    fn nodes(&self) -> Vec<SubjectId> {
        [&self.story.nodes()[..], &self.story.buildings].concat()
    }
}

/// Days on both sides of what the tales say, and of every age that claims of them come to.
fn days() -> Vec<Day> {
    let mut days: Vec<Day> = DAYS.iter().map(|text| day(text)).collect();
    for noticed in ["1990-03-01", "2010-12-31", "2020-03-01"].map(day) {
        days.extend([30, 31, 90, 91, 180, 181, 365, 366].map(|age| noticed.later(age)));
    }
    days.extend([day("2026-11-23"), day("2060-01-01")]);
    days
}

fn now_is_a_recount(acts: &[Act], deeds: &[Deed]) {
    let tale = Tale::tell(acts, deeds);
    let registry = &tale.story.city.registry;
    let oracle = Oracle::read(registry.store(), tale.story.home(), tale.story.head());
    for on in days() {
        let mut counted = counts(&oracle, on);
        for node in tale.nodes() {
            let time = ReadTime { valid_at: Some(on), known_at: KnownAt::Now };
            let counted = counted.remove(&node).unwrap_or_default();
            let told = told_of(registry, node, time, &MEASURES);
            assert_eq!(told, counted, "{node} on {on}, known now");
        }
    }
}

fn any_position_is_a_recount(acts: &[Act], deeds: &[Deed], choice: usize) {
    let tale = Tale::tell(acts, deeds);
    let registry = &tale.story.city.registry;
    let all = days();
    let mut oracle = Oracle::default();
    for entry in oracle::entries(registry.store(), tale.story.home()) {
        oracle.hear(&entry);
        let seq = usize::try_from(entry.seq).unwrap();
        for on in [0, 7].map(|step| all[(choice + seq * 5 + step) % all.len()]) {
            let mut counted = counts(&oracle, on);
            let time = ReadTime { valid_at: Some(on), known_at: KnownAt::Seq(entry.seq) };
            for node in tale.nodes().into_iter().filter(|node| oracle.lives.contains_key(node)) {
                let counted = counted.remove(&node).unwrap_or_default();
                let told = told_of(registry, node, time, &MEASURES);
                assert_eq!(told, counted, "{node} on {on}, known with entry {}", entry.seq);
            }
        }
    }
}

fn rows_are_the_total(acts: &[Act], deeds: &[Deed], known: u16, on: u8) {
    let tale = Tale::tell(acts, deeds);
    let registry = &tale.story.city.registry;
    let all = days();
    let valid_at = Some(all[usize::from(on) % all.len()]);
    let known = KnownAt::Seq(1 + Seq::from(known) % tale.story.head());
    for known_at in [KnownAt::Now, known] {
        let time = ReadTime { valid_at, known_at };
        for node in tale.story.nodes() {
            let rows = explained_of(registry, node, time, &MEASURES);
            let told = told_of(registry, node, time, &MEASURES);
            assert_eq!(rows, told, "{node} on {valid_at:?} {known_at:?}");
        }
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn what_claims_come_to_is_counted_as_a_recount_counts_it(
        acts in acts(40), deeds in deeds(40)
    ) {
        now_is_a_recount(&acts, &deeds);
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn what_claims_came_to_as_known_with_any_entry_is_counted_so(
        acts in acts(30), deeds in deeds(30), choice in 0_usize..100
    ) {
        any_position_is_a_recount(&acts, &deeds, choice);
    }

    #[test]
    fn rows_of_what_claims_come_to_are_its_total(
        acts in acts(30), deeds in deeds(30), known in any::<u16>(), on in any::<u8>()
    ) {
        rows_are_the_total(&acts, &deeds, known, on);
    }
}

/// The properties are worth nothing when the claims of their tales go nowhere.
#[test]
fn tales_lead_claims_everywhere_and_move_them() {
    use proptest::{
        strategy::ValueTree,
        test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut tally: BTreeMap<&'static str, u32> = BTreeMap::new();
    let (mut terms, mut nodes) = (BTreeSet::new(), BTreeSet::new());
    let (mut stages, mut products) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..60 {
        let told = (acts(40), deeds(40)).new_tree(&mut runner).unwrap().current();
        let tale = Tale::tell(&told.0, &told.1);
        for (name, times) in &tale.tally {
            *tally.entry(name).or_default() += times;
        }
        let store = tale.story.city.registry.store();
        let oracle = Oracle::read(store, tale.story.home(), tale.story.head());
        for life in tale.claims.iter().filter_map(|claim| oracle.lives.get(claim)) {
            let days = life.days().into_iter();
            stages.extend(days.filter_map(|on| stands(life, on)).map(|stands| stands.stage));
        }
        for on in days() {
            for (node, counts) in counts(&oracle, on) {
                for (measure, term) in counts.into_keys() {
                    nodes.insert((measure, node.kind()));
                    products.insert(term.split(' ').next().unwrap().to_owned());
                    terms.insert(format!("{measure} {}", term.split(' ').next_back().unwrap()));
                }
            }
        }
    }
    for name in
        ["building", "policy", "sum", "cause", "day", "notice", "retract", "product", "move"]
    {
        assert!(tally.contains_key(name), "{name}: {tally:?}");
    }
    for stage in anju::domain::claim::Stage::ALL.map(anju::domain::claim::Stage::word) {
        assert!(stages.contains(stage) || stage == "noticed", "{stage}: {stages:?} {tally:?}");
    }
    for term in ["claimed", "assessed", "appraised", "approved", "reserved", "paid", "recovered"] {
        assert!(terms.contains(&format!("claim_amounts_by_stage_fen {term}")), "{term}: {terms:?}");
    }
    for age in ["0..30", "31..90", "91..180", "181..365", "366.."] {
        assert!(terms.contains(&format!("open_claims_by_notice_age {age}")), "{age}: {terms:?}");
    }
    assert!(products.contains("RES"), "{products:?}");
    assert!(terms.contains("claims_by_stage noticed"), "{terms:?}");
    assert!(nodes.contains(&("claims_by_stage", Kind::Building)), "{nodes:?}");
}

/// A building that is gone keeps its claims, and they go where it goes.
#[test]
fn what_was_paid_stays_counted_when_the_building_moves_and_is_gone() {
    let mut tale = Tale::new();
    tale.register(&Deed { what: 0, a: 1, b: 1, c: 1, day: 9 });
    tale.advance(&Deed { what: 5, a: 0, b: 6, c: 1, day: 0 });
    tale.advance(&Deed { what: 5, a: 0, b: 0, c: 1, day: 0 });
    let city: &City = &tale.story.city;
    let (building, other) = (tale.story.buildings[0], tale.story.communities[2]);
    let compound = city.compound("第三小区", other);
    let moved = fields(Kind::Building, |fields| {
        if let Fields::Building(building) = fields {
            building.compound = Some(compound.try_into().ok());
        }
    });
    city.change(building, "2025-01-01", moved).unwrap();
    let end = anju::registry::End {
        subject: building,
        etag: None,
        day: ImpreciseDay::exactly(day("2026-01-01")),
        cause: anju::domain::timeline::EndCause::Demolished,
    };
    city.run(city.home(), Command::End(end)).unwrap();
    let told = |node, on| {
        let time = ReadTime { valid_at: Some(day(on)), known_at: KnownAt::Now };
        let told = told_of(&city.registry, node, time, &MEASURES);
        let of = |measure: Measure, term: &str| {
            told.get(&(measure.name(), term.to_owned())).map_or(0, |(certain, _)| *certain)
        };
        (of(Measure::ClaimsByStage, "EBS paid"), of(Measure::ClaimAmounts, "EBS paid"))
    };
    let here = tale.story.compounds[0];
    assert_eq!(told(here, "2024-12-31"), (1, 40));
    assert_eq!((told(here, "2025-01-01"), told(compound, "2025-01-01")), ((0, 0), (1, 40)));
    assert_eq!((told(compound, "2026-06-30"), told(building, "2026-06-30")), ((1, 40), (1, 40)));
}

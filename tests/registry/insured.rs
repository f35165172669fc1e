//! What is insured, on the registry: totals of insurance against an oracle that asks of one day at a
//! time who names what, and counts months itself.

use std::collections::{BTreeMap, BTreeSet};

use anju::{
    domain::{
        content::{Content, Fields},
        policy::{CoverItem, Insurer, PolicyContent, Standing},
        qualification::CompanyKey,
        totals::Measure,
    },
    kernel::{
        fen::Fen,
        id::{Kind, SubjectId},
        page::PageRequest,
        position::Seq,
        share::Share,
        time::{Day, ImpreciseDay, KnownAt, ReadTime},
    },
    registry::{Command, Registry, Split, SplitPart, Wanted},
};
use proptest::prelude::*;

use crate::{
    checkups::Counts,
    city::{City, day, fields},
    oracle::{self, Life, Oracle},
    story::{Act, DAYS, PRODUCTS, Story, acts, cases},
};

const MEASURES: [Measure; 8] = [
    Measure::InsuredBuildings,
    Measure::InsuredBuildingsByPart,
    Measure::InsuredUnits,
    Measure::InsuredUnitsByPart,
    Measure::Policies,
    Measure::SumInsured,
    Measure::Premium,
    Measure::PremiumByProduct,
];

/// Certain and possible.
type Both = (bool, bool);

fn both((a, b): Both, (c, d): Both) -> Both {
    (a && c, b && d)
}

fn either((a, b): Both, (c, d): Both) -> Both {
    (a || c, b || d)
}

/// The parts that the covers of the example file answer for.
fn parts(cover: &str) -> &'static [&'static str] {
    match cover {
        "STR" | "COLLAPSE" => &["FOUNDATION", "STRUCTURE"],
        "WTR" => &["WATERPROOFING", "INSULATION"],
        other => panic!("{other}"),
    }
}

/// So many months after a day, by the Civil Code: the day of the same number, or the month's last.
pub(crate) fn months_after(from: Day, months: i32) -> Day {
    let text = from.to_string();
    let number = |at: std::ops::Range<usize>| text[at].parse::<i32>().unwrap();
    let (year, month, on) = (number(0..4), number(5..7) - 1, number(8..10));
    let all = year * 12 + month + months;
    let (year, month) = (all.div_euclid(12), all.rem_euclid(12) + 1);
    (1..=on).rev().find_map(|on| format!("{year:04}-{month:02}-{on:02}").parse().ok()).unwrap()
}

/// Whether a cover holds on a day, of a building with this completion.
fn holds(item: &CoverItem, completed: ImpreciseDay, on: Day) -> Both {
    if let (Some(from), Some(until)) = (item.from, item.until) {
        let is_in = from <= on && on <= until;
        return (is_in, is_in);
    }
    let (wait, months) = match item.cover.as_str() {
        "STR" => (24, 120),
        "WTR" => (0, 60),
        other => panic!("{other}"),
    };
    let begins = |day: Day| if wait == 0 { day } else { months_after(day, wait).next() };
    let ends = |day: Day| months_after(day, months);
    let (earliest, latest) = (completed.earliest(), completed.latest());
    // A day that is not known at all is no day of the calendar.
    let begun =
        (latest < Day::MAX && begins(latest) <= on, earliest == Day::MIN || begins(earliest) <= on);
    let not_over =
        (earliest > Day::MIN && on <= ends(earliest), latest == Day::MAX || on <= ends(latest));
    both(begun, not_over)
}

fn said<T>(life: &Life, on: Day, of: impl Fn(&PolicyContent) -> Option<Option<T>>) -> Option<T> {
    life.value(on, |content| match &content.fields {
        Fields::Policy(policy) => of(policy),
        _ => None,
    })
}

/// A policy on a day.
struct Then {
    there: Both,
    stands: Standing,
    product: String,
    objects: Vec<SubjectId>,
    covers: Vec<CoverItem>,
}

fn then(life: &Life, on: Day) -> Then {
    Then {
        there: life.is_there(on),
        stands: said(life, on, |policy| policy.standing).unwrap_or(Standing::Quoted),
        product: said(life, on, |policy| policy.product.clone()).unwrap_or_default(),
        objects: said(life, on, |policy| policy.objects.clone()).unwrap_or_default(),
        covers: said(life, on, |policy| policy.covers.clone()).unwrap_or_default(),
    }
}

pub(crate) fn building_says<T>(
    life: &Life,
    on: Day,
    of: impl Fn(&anju::domain::building::BuildingContent) -> Option<Option<T>>,
) -> Option<T> {
    life.value(on, |content: &Content| match &content.fields {
        Fields::Building(building) => of(building),
        _ => None,
    })
}

pub(crate) fn building_of(life: &Life, on: Day) -> Option<SubjectId> {
    life.value(on, |content| match &content.fields {
        Fields::Unit(unit) => unit.building.map(|id| id.map(SubjectId::from)),
        _ => None,
    })
}

/// All that was said, as it is on one day.
pub(crate) struct OnDay<'o> {
    oracle: &'o Oracle,
    on: Day,
    policies: Vec<(SubjectId, Then)>,
}

impl<'o> OnDay<'o> {
    pub(crate) fn new(oracle: &'o Oracle, on: Day) -> Self {
        let policies = oracle.lives.iter().filter(|(id, _)| id.kind() == Kind::Policy);
        let policies = policies.map(|(id, life)| (*id, then(life, on))).collect();
        Self { oracle, on, policies }
    }

    fn life(&self, id: SubjectId) -> Option<&'o Life> {
        self.oracle.lives.get(&id)
    }

    pub(crate) fn completed(&self, building: SubjectId) -> ImpreciseDay {
        let life = self.life(building);
        let said = life.and_then(|life| building_says(life, Day::MAX, |it| it.completed));
        said.unwrap_or(ImpreciseDay::UNKNOWN)
    }

    /// All that a subject came from.
    pub(crate) fn came_from(&self, own: SubjectId) -> BTreeSet<SubjectId> {
        let mut found = BTreeSet::new();
        let mut next = vec![own];
        while let Some(one) = next.pop() {
            let Some(life) = self.life(one) else { continue };
            for before in life.came_from(one, self.on) {
                let is_real = self.life(before).is_some_and(|life| life.begins().is_some());
                if is_real && before != own && found.insert(before) {
                    next.push(before);
                }
            }
        }
        found
    }

    /// What insures a building when it is named, each with the completion that counts.
    fn named_for(&self, building: SubjectId) -> Vec<(SubjectId, ImpreciseDay)> {
        let Some(life) = self.life(building) else { return Vec::new() };
        let own = self.completed(building);
        let mut named = vec![(building, own)];
        let compound = building_says(life, self.on, |it| it.compound);
        named.extend(compound.map(|id| (id.into(), own)));
        let physical = building_says(life, self.on, |it| it.physical);
        named.extend(physical.map(|id| (id.into(), own)));
        named.extend(self.came_from(building).into_iter().map(|id| (id, self.completed(id))));
        named
    }

    /// By product and by product and part, whether something is insured.
    fn insured(&self, named: &[(SubjectId, ImpreciseDay)]) -> BTreeMap<(bool, String), Both> {
        let mut found = BTreeMap::new();
        for (_, policy) in &self.policies {
            if policy.stands != Standing::Bound {
                continue;
            }
            for (_, completed) in named.iter().filter(|(id, _)| policy.objects.contains(id)) {
                for item in &policy.covers {
                    let is = both(policy.there, holds(item, *completed, self.on));
                    let mut put = |is_part: bool, term: String| {
                        let sum = found.entry((is_part, term)).or_insert((false, false));
                        *sum = either(*sum, is);
                    };
                    put(false, "any".to_owned());
                    put(false, policy.product.clone());
                    for part in parts(&item.cover) {
                        put(true, format!("{} {part}", policy.product));
                    }
                }
            }
        }
        found
    }

    /// The completions of the buildings that a policy insures.
    fn completions(&self, policy: &Then) -> BTreeSet<ImpreciseDay> {
        let mut found = BTreeSet::new();
        for object in &policy.objects {
            match object.kind() {
                Kind::Building => drop(found.insert(self.completed(*object))),
                Kind::Unit => {
                    let building = self.life(*object).and_then(|life| building_of(life, self.on));
                    found.extend(building.map(|id| self.completed(id)));
                }
                _ => {
                    for (id, life) in &self.oracle.lives {
                        let is_in = id.kind() == Kind::Building
                            && building_says(life, self.on, |it| it.compound).map(SubjectId::from)
                                == Some(*object);
                        if is_in && life.is_there(self.on).1 {
                            found.insert(self.completed(*id));
                        }
                    }
                }
            }
        }
        found
    }

    /// Where a bound policy stands, and the sum that it answers for.
    fn bound(&self, policy: &Then) -> (&'static str, (i64, i64)) {
        let completions = self.completions(policy);
        let (mut all, mut sum) = (Vec::new(), (0, 0));
        for item in &policy.covers {
            let own = item.from.map(|_| BTreeSet::from([ImpreciseDay::UNKNOWN]));
            let completions = own.as_ref().unwrap_or(&completions);
            let days = completions.iter().map(|completed| {
                let is = holds(item, *completed, self.on);
                // A period that is counted is longer than the steps by which it is looked for, and all
                // that is known has been completed long before it is looked for no more.
                let later = (self.on.number()..day("2100-01-01").number()).step_by(200);
                let is_to_come = match item.from {
                    Some(from) => self.on < from,
                    None => {
                        later.filter_map(Day::from_number).any(|on| holds(item, *completed, on).1)
                    }
                };
                (is, is_to_come)
            });
            let days: Vec<(Both, bool)> = days.collect();
            let count = i64::try_from(item.sum_insured.count()).unwrap();
            if days.iter().any(|(is, _)| is.0) {
                sum.0 += count;
            }
            if days.iter().any(|(is, _)| is.1) {
                sum.1 += count;
            }
            all.extend(days);
        }
        let is_open = all.iter().any(|(is, _)| is.1);
        let state = if all.iter().any(|(is, _)| is.0) {
            "in_force"
        } else if is_open {
            "unknown"
        } else if !all.is_empty() && all.iter().all(|(_, is_to_come)| !is_to_come) {
            "expired"
        } else {
            "bound"
        };
        (state, sum)
    }

    fn put(&self, counts: &mut BTreeMap<SubjectId, Counts>, id: SubjectId, what: What) {
        for holder in self.oracle.holders(id, self.on) {
            let key = (what.measure.name(), what.term.clone());
            let sum = counts.entry(holder).or_default().entry(key).or_default();
            *sum = (sum.0 + what.certain, sum.1 + what.possible);
        }
    }

    fn counts(&self) -> BTreeMap<SubjectId, Counts> {
        let mut counts = BTreeMap::new();
        for (id, life) in &self.oracle.lives {
            let there = life.is_there(self.on);
            let (by_product, by_part, named) = match id.kind() {
                Kind::Building if building_says(life, self.on, |it| it.physical).is_none() => (
                    Measure::InsuredBuildings,
                    Measure::InsuredBuildingsByPart,
                    self.named_for(*id),
                ),
                Kind::Unit => {
                    let Some(building) = building_of(life, self.on) else { continue };
                    let mut named = self.named_for(building);
                    let completed = self.completed(building);
                    named.push((*id, completed));
                    named.extend(self.came_from(*id).into_iter().map(|id| (id, completed)));
                    (Measure::InsuredUnits, Measure::InsuredUnitsByPart, named)
                }
                _ => continue,
            };
            for ((is_part, term), is) in self.insured(&named) {
                let measure = if is_part { by_part } else { by_product };
                self.put(&mut counts, *id, What::of(measure, term, both(there, is), (1, 1)));
            }
        }
        for (id, policy) in &self.policies {
            let Then { there, stands, product, .. } = policy;
            let (state, sum) = match stands {
                Standing::Bound => self.bound(policy),
                Standing::Quoted => ("quoted", (0, 0)),
                Standing::Cancelled => ("cancelled", (0, 0)),
                Standing::Lapsed => ("lapsed", (0, 0)),
            };
            let term = format!("{product} {state}");
            self.put(&mut counts, *id, What::of(Measure::Policies, term, *there, (1, 1)));
            self.put(&mut counts, *id, What::of(Measure::SumInsured, product.clone(), *there, sum));
            let life = self.life(*id).unwrap();
            let was_bound =
                life.days().into_iter().filter(|from| *from <= self.on).any(|from| {
                    said(life, from, |policy| policy.standing) == Some(Standing::Bound)
                });
            let premiums = said(life, self.on, |policy| policy.premiums.clone());
            for premium in premiums.into_iter().flatten().filter(|_| was_bound) {
                let amount = i64::try_from(premium.amount.count()).unwrap();
                for (measure, term) in [
                    (Measure::Premium, premium.payer.word().to_owned()),
                    (Measure::PremiumByProduct, product.clone()),
                ] {
                    let what = What::of(measure, term, *there, (amount, amount));
                    self.put(&mut counts, *id, what);
                }
            }
        }
        for counts in counts.values_mut() {
            counts.retain(|_, sum| *sum != (0, 0));
        }
        counts
    }
}

struct What {
    measure: Measure,
    term: String,
    certain: i64,
    possible: i64,
}

impl What {
    fn of(measure: Measure, term: String, is: Both, (certain, possible): (i64, i64)) -> Self {
        let certain = if is.0 { certain } else { 0 };
        let possible = if is.1 { possible } else { 0 };
        Self { measure, term, certain, possible }
    }
}

fn told(registry: &Registry, node: SubjectId, time: ReadTime) -> Counts {
    told_of(registry, node, time, &MEASURES)
}

/// What is told of some measures by term.
pub(crate) fn told_of(
    registry: &Registry,
    node: SubjectId,
    time: ReadTime,
    measures: &[Measure],
) -> Counts {
    let totals = registry.totals_of(node, time, Wanted::Terms).unwrap();
    let terms = totals.termed.iter().filter(|(measure, ..)| measures.contains(measure));
    terms
        .map(|(measure, term, certain, possible)| {
            ((measure.name(), term.to_owned()), (certain, possible))
        })
        .collect()
}

/// The sums of the rows of some measures by term.
pub(crate) fn explained_of(
    registry: &Registry,
    node: SubjectId,
    time: ReadTime,
    measures: &[Measure],
) -> Counts {
    let mut sums = Counts::new();
    for measure in measures.iter().copied() {
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

fn days() -> Vec<Day> {
    let mut days = vec![day("2026-11-23"), day("2031-05-05"), day("2060-01-01")];
    days.extend(DAYS.iter().map(|text| day(text)));
    // Edges of the periods that are counted from the days of the stories.
    for text in ["1988-01-02", "1995-12-31", "1996-01-01", "2000-03-01", "2002-02-01", "2010-01-31"]
    {
        days.extend([day(text), day(text).next()]);
    }
    days
}

/// Every node, and the buildings, whose units are counted in them.
fn nodes(story: &Story) -> Vec<SubjectId> {
    [&story.nodes()[..], &story.buildings].concat()
}

fn now_is_a_recount(acts: &[Act]) {
    let story = Story::tell(acts);
    let registry = &story.city.registry;
    let oracle = Oracle::read(registry.store(), story.home(), story.head());
    for on in days() {
        let mut counted = OnDay::new(&oracle, on).counts();
        for node in nodes(&story) {
            let time = ReadTime { valid_at: Some(on), known_at: KnownAt::Now };
            let counted = counted.remove(&node).unwrap_or_default();
            assert_eq!(told(registry, node, time), counted, "{node} on {on}, known now");
        }
        // What is kept for the city is in its total and in no district's.
        let time = ReadTime { valid_at: Some(on), known_at: KnownAt::Now };
        let mut sum = counted.remove(&story.city.city).unwrap_or_default();
        let all = OnDay::new(&oracle, on).counts();
        for district in story.districts {
            for (key, (certain, possible)) in all.get(&district).cloned().unwrap_or_default() {
                let to = sum.entry(key).or_default();
                *to = (to.0 + certain, to.1 + possible);
            }
        }
        sum.retain(|_, sum| *sum != (0, 0));
        assert_eq!(told(registry, story.city.city, time), sum, "the city on {on}");
    }
}

fn any_position_is_a_recount(acts: &[Act], choice: usize) {
    let story = Story::tell(acts);
    let registry = &story.city.registry;
    let all = days();
    let mut oracle = Oracle::default();
    for entry in oracle::entries(registry.store(), story.home()) {
        oracle.hear(&entry);
        let seq = usize::try_from(entry.seq).unwrap();
        for on in [0, 7].map(|step| all[(choice + seq * 5 + step) % all.len()]) {
            let mut counted = OnDay::new(&oracle, on).counts();
            let time = ReadTime { valid_at: Some(on), known_at: KnownAt::Seq(entry.seq) };
            for node in nodes(&story) {
                let is_known = oracle.lives.contains_key(&node);
                let counted = counted.remove(&node).unwrap_or_default();
                if is_known {
                    let told = told(registry, node, time);
                    assert_eq!(told, counted, "{node} on {on}, known with entry {}", entry.seq);
                }
            }
        }
    }
}

fn rows_are_the_total(acts: &[Act], known: u16, on: u8) {
    let story = Story::tell(acts);
    let registry = &story.city.registry;
    let all = days();
    let valid_at = Some(all[usize::from(on) % all.len()]);
    let known = KnownAt::Seq(1 + Seq::from(known) % story.head());
    for known_at in [KnownAt::Now, known] {
        let time = ReadTime { valid_at, known_at };
        for node in story.nodes() {
            let rows = explained_of(registry, node, time, &MEASURES);
            assert_eq!(rows, told(registry, node, time), "{node} on {valid_at:?} {known_at:?}");
        }
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn what_is_insured_is_counted_as_a_recount_counts_it(acts in acts(70)) {
        now_is_a_recount(&acts);
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn what_was_insured_as_known_with_any_entry_is_counted_so(
        acts in acts(45), choice in 0_usize..100
    ) {
        any_position_is_a_recount(&acts, choice);
    }

    #[test]
    fn rows_of_what_is_insured_are_its_total(
        acts in acts(45), known in any::<u16>(), on in any::<u8>()
    ) {
        rows_are_the_total(&acts, known, on);
    }
}

/// The properties are worth nothing when nothing in their stories is insured.
#[test]
fn stories_insure_things_certainly_and_possibly_and_by_what_they_came_from() {
    use proptest::{
        strategy::ValueTree,
        test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (mut certain, mut possible_only) = (BTreeSet::new(), BTreeSet::new());
    let mut by_predecessor = 0;
    for _ in 0..60 {
        let acts = acts(70).new_tree(&mut runner).unwrap().current();
        let story = Story::tell(&acts);
        let oracle = Oracle::read(story.city.registry.store(), story.home(), story.head());
        for on in ["1995-07-01", "2019-11-30", "2027-07-01"].map(day) {
            let then = OnDay::new(&oracle, on);
            for building in &story.buildings {
                let named =
                    then.came_from(*building).into_iter().map(|id| (id, then.completed(id)));
                let is_insured = then.insured(&named.collect::<Vec<_>>()).values().any(|is| is.1);
                by_predecessor +=
                    usize::from(is_insured && then.life(*building).unwrap().is_there(on).1);
            }
            for ((measure, term), (sure, all)) in then.counts().into_values().flatten() {
                let state = term.split(' ').next_back().unwrap_or_default().to_owned();
                let what = if measure == "policies_by_state" { state } else { measure.to_owned() };
                if sure > 0 {
                    certain.insert(what.clone());
                }
                if all > sure {
                    possible_only.insert(what);
                }
            }
        }
    }
    assert!(by_predecessor > 0);
    for measure in MEASURES.map(Measure::name).into_iter().filter(|it| *it != "policies_by_state") {
        assert!(certain.contains(measure) && possible_only.contains(measure), "{measure}");
    }
    for state in ["quoted", "bound", "in_force", "expired", "cancelled", "lapsed", "unknown"] {
        assert!(certain.contains(state), "{state}: {certain:?}");
    }
}

/// What is told of some nodes on some days is what the oracle counts.
fn is_exact(city: &City, nodes: &[SubjectId], days: &[&str]) {
    let head = city.registry.frontier(city.home()).seq;
    let oracle = Oracle::read(city.registry.store(), city.home(), head);
    for on in days.iter().map(|text| day(text)) {
        let counted = OnDay::new(&oracle, on).counts();
        for node in nodes {
            let time = ReadTime { valid_at: Some(on), known_at: KnownAt::Now };
            let counted = counted.get(node).cloned().unwrap_or_default();
            assert_eq!(told(&city.registry, *node, time), counted, "{node} on {on}");
        }
    }
}

#[expect(clippy::too_many_lines, reason = "one life after another")]
#[test]
fn a_completion_that_turns_out_another_moves_the_cover_of_what_the_building_became() {
    let city = City::new();
    let community = city.community("甲社区", city.street("一街道"));
    let [here, there] = ["一小区", "二小区"].map(|name| city.compound(name, community));
    let products = fields(Kind::Reference, |fields| {
        if let Fields::Reference(reference) = fields {
            reference.region = Some(city.city.try_into().ok());
            reference.table = Some(Some("products".to_owned()));
            reference.name = Some(Some("products".to_owned()));
            reference.edition = Some(Some("1".to_owned()));
            reference.text = Some(Some(PRODUCTS.to_owned()));
        }
    });
    city.register(products, "2000", false).unwrap();
    let completed = |text: &str| {
        fields(Kind::Building, |fields| {
            if let Fields::Building(building) = fields {
                building.completed = Some(text.parse().ok());
            }
        })
    };
    let whole = city.building(here, "2010-01-01", 1_000);
    city.change(whole, "2010-01-02", completed("2010-01-01")).unwrap();
    let unit = city.unit(whole, "2010-01-01");
    let policy = fields(Kind::Policy, |fields| {
        if let Fields::Policy(policy) = fields {
            policy.region = Some(city.district.try_into().ok());
            policy.number = Some(Some("P-1".to_owned()));
            policy.product = Some(Some("IDI".to_owned()));
            policy.clause = Some(Some("2019-example".to_owned()));
            let company = CompanyKey("EXAMPLE".to_owned());
            policy.insurers = Some(Some(vec![Insurer { company, share: Share::WHOLE }]));
            policy.objects = Some(Some(vec![whole]));
            policy.covers = Some(Some(vec![CoverItem {
                cover: "WTR".to_owned(),
                from: None,
                until: None,
                sum_insured: Fen::new(100).unwrap(),
                per_event: None,
                per_household: None,
                per_person: None,
                deductible: Fen::ZERO,
            }]));
            policy.standing = Some(Some(Standing::Bound));
        }
    });
    city.register(policy, "2009-01-01", false).unwrap();
    let part =
        || SplitPart { seed: city.seed(), content: Content::empty(Kind::Building), share: (1, 2) };
    let split = Split {
        subject: whole,
        etag: None,
        day: day("2013-01-01"),
        parts: vec![part(), part()],
        assignments: vec![(unit, 0)],
        keeps: false,
    };
    let parts = city.run(city.home(), Command::Split(split)).unwrap().decided.subjects;
    let part = parts.into_iter().find(|id| *id != whole).unwrap();
    let moved = fields(Kind::Building, |fields| {
        if let Fields::Building(building) = fields {
            building.compound = Some(there.try_into().ok());
        }
    });
    city.change(part, "2014-01-01", moved).unwrap();
    let nodes = [city.district, here, there, part];
    let days = ["2012-12-31", "2013-01-01", "2014-06-01", "2015-01-01", "2015-01-02", "2015-09-01"];
    let on = |text: &str| {
        let time = ReadTime { valid_at: Some(day(text)), known_at: KnownAt::Now };
        told(&city.registry, city.district, time)
            .get(&("insured_buildings_by_product", "any".to_owned()))
            .map_or(0, |(certain, _)| *certain)
    };
    is_exact(&city, &nodes, &days);
    assert_eq!(["2012-12-31", "2014-06-01", "2015-09-01"].map(on), [1, 2, 0]);
    // The parts are not named by the entry.
    city.change(whole, "2010-01-03", completed("2010-09-01")).unwrap();
    is_exact(&city, &nodes, &days);
    assert_eq!(["2012-12-31", "2014-06-01", "2015-09-01"].map(on), [1, 2, 2]);
}

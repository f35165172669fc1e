//! Recounts that take several steps: what they concern is refused meanwhile, and nothing else; what is
//! told is what a recomputation gives.

use std::sync::Arc;

use anju::{
    domain::{
        content::Fields,
        policy::{CoverItem, Insurer, Standing},
        qualification::CompanyKey,
        totals::Measure,
    },
    kernel::{
        fen::Fen,
        id::{BuildingId, Kind, SubjectId},
        page::PageRequest,
        position::Seq,
        share::Share,
        time::{Day, KnownAt, ReadTime},
    },
    registry::{Command, DueDays, Error, Outcome, Register, Registry, Wanted},
    store::Store,
};

use crate::{
    checkups::{CYCLE, Counts, Town, computed, explained, listed, told},
    city::{City, building, day, fields, said},
    gate::Gate,
    rebuild::{journal_of, state},
    story::PRODUCTS,
};

/// More than is done at once.
const MANY: usize = 230;
/// Few enough for a recomputation.
const FEW: usize = 6;

struct Scene {
    gate: Arc<Gate>,
    town: Town,
    /// The last entry before what is recounted.
    before: Seq,
}

impl Drop for Scene {
    fn drop(&mut self) {
        // The writer ends only when its last commit has passed.
        self.gate.open();
    }
}

impl Scene {
    /// Many dwellings in the first street, few in the second, and the city's rules.
    fn new() -> Self {
        let gate = Arc::new(Gate::default());
        let mut town = Town::on(City::on(Arc::clone(&gate) as Arc<dyn Store>));
        let city = town.city.city;
        town.load(city, "cycle", "of the city", CYCLE);
        let [crowded, quiet] = town.compounds;
        for (compound, count) in [(crowded, MANY), (quiet, FEW)] {
            for chunk in (0..count).collect::<Vec<_>>().chunks(100) {
                let items = chunk.iter().map(|index| dwelling(&town.city, compound, *index));
                let items = items.collect();
                let all = Command::RegisterAll { items, per_item: false };
                town.city.run(town.city.home(), all).unwrap();
            }
        }
        let mut scene = Self { gate, town, before: 0 };
        scene.settled();
        scene.before = scene.head();
        scene
    }

    fn registry(&self) -> &Registry {
        self.town.registry()
    }

    fn head(&self) -> Seq {
        self.registry().frontier(self.town.city.home()).seq
    }

    /// Waits until nothing is being counted.
    fn settled(&self) {
        let home = self.town.city.home();
        while self.registry().work_under_way(home).unwrap().sweep_count > 0 {
            std::thread::yield_now();
        }
    }

    /// Does something whose recount takes several steps, and holds these up.
    fn begin(&mut self, act: impl FnOnce(&mut Town)) {
        self.gate.close_after(1);
        act(&mut self.town);
        assert!(self.is_recounting());
        let (done, total) = self.progress();
        assert!(done < total, "{done} of {total}");
    }

    /// Buildings that are done, and of how many.
    fn progress(&self) -> (u64, u64) {
        let work = self.registry().work_under_way(self.town.city.home()).unwrap();
        (work.recounted_count.unwrap(), work.recount_total.unwrap())
    }

    fn is_recounting(&self) -> bool {
        let home = self.town.city.home();
        self.registry().work_under_way(home).unwrap().recounted_count.is_some()
    }

    /// Lets one more step be done: it waits longer when the one before it was held up.
    fn step(&self) {
        let before = self.head();
        self.gate.pass_one();
        while self.head() == before {
            std::thread::yield_now();
        }
    }

    /// Moves that are under way are done before a recount is.
    fn moved(&self) {
        let home = self.town.city.home();
        while self.registry().work_under_way(home).unwrap().sweep_count > 1 {
            self.step();
        }
    }

    /// Counts of some nodes on days, as now, and what is due in them.
    fn told(&self, nodes: &[SubjectId]) -> Vec<(Counts, Vec<(BuildingId, Day)>)> {
        let all = nodes.iter().map(|node| {
            let counts = self.counts(*node, "2026-11-23", KnownAt::Now).unwrap();
            (counts, listed(self.registry(), *node))
        });
        all.collect()
    }

    fn counts(&self, node: SubjectId, valid: &str, known: KnownAt) -> Result<Counts, String> {
        let time = ReadTime { valid_at: Some(day(valid)), known_at: known };
        refused(self.registry().totals_of(node, time, Wanted::Terms))
            .map(|_| told(self.registry(), node, time))
    }

    /// What is told is what the rows sum to.
    fn is_exact(&self, node: SubjectId, valid: &str, known: KnownAt) {
        let time = ReadTime { valid_at: Some(day(valid)), known_at: known };
        let told = self.counts(node, valid, known).unwrap();
        assert_eq!(told, explained(self.registry(), node, time), "{node} on {valid}");
    }

    fn due(&self, node: SubjectId) -> Result<(), String> {
        let days = DueDays { from: None, to: None, with_uncertain: false };
        let page = PageRequest { rows: 2, after: Vec::new() };
        refused(self.registry().list_due(node, days, &page)).map(|_| ())
    }

    /// Counts of these days are refused.
    fn refuses_counts(&self, node: SubjectId, days: &[&str]) {
        let under_way = Err("SWEEP_UNDER_WAY".to_owned());
        for valid in days {
            assert_eq!(self.counts(node, valid, KnownAt::Now), under_way, "{node} on {valid}");
        }
    }

    /// Counts of these days and lists of a node are refused.
    fn refuses(&self, node: SubjectId, days: &[&str]) {
        self.refuses_counts(node, days);
        assert_eq!(self.due(node), Err("SWEEP_UNDER_WAY".to_owned()), "due in {node}");
    }

    /// It comes to an end, and everything is as recomputed, and as replayed.
    fn ends(&self) {
        self.gate.open();
        self.settled();
        self.is_exact(self.town.city.district, "2031-01-01", KnownAt::Now);
        for node in self.town.nodes().into_iter().skip(3) {
            self.is_exact(node, "2026-11-23", KnownAt::Now);
            assert_eq!(listed(self.registry(), node), computed(&self.town, node), "due in {node}");
        }
        let live = state(self.gate.as_ref());
        let copy = journal_of(self.gate.as_ref());
        anju::registry::replay(&copy, &copy, &mut |_, _| {}).unwrap();
        let rebuilt = state(&copy);
        for key in live.keys().chain(rebuilt.keys()) {
            let space = key.get(3).map(|byte| char::from(*byte));
            assert_eq!(live.get(key), rebuilt.get(key), "space {space:?} key {key:?}");
        }
        let left = live.keys().filter(|key| key.get(3) == Some(&b'z')).count();
        assert_eq!(left, 0, "keys of a recount that has ended");
    }
}

fn refused<T>(answer: Result<T, Error>) -> Result<T, String> {
    answer.map_err(|error| match error {
        Error::Refused(refusals) => refusals[0].reason.clone(),
        error => panic!("{error}"),
    })
}

fn dwelling(city: &City, compound: SubjectId, index: usize) -> Register {
    let mut content = building(compound, 1_000);
    if let Fields::Building(fields) = &mut content.fields {
        let completed = format!("{}-05-01", 1970 + index % 40);
        fields.completed = Some(completed.parse().ok());
        fields.design_life_years = Some(Some(50));
        fields.building_use = Some(anju::domain::building::BuildingUse::from_number(1));
    }
    Register {
        seed: city.seed(),
        content,
        exists_from: said("<2000-01-01"),
        opens_partition: false,
        sentences: Vec::new(),
    }
}

/// The rules of a smaller region, from a day on: everything younger is obliged.
fn stricter(from: &str) -> String {
    CYCLE
        .replace("\"30 years\"", "\"20 years\"")
        .replace("from = 2026-01-01", &format!("from = {from}"))
        .replace("standing = \"draft\"", "standing = \"in_force\"")
}

fn into(community: SubjectId) -> anju::domain::content::Content {
    fields(Kind::Compound, |fields| {
        if let Fields::Compound(fields) = fields {
            fields.community = Some(community.try_into().ok());
        }
    })
}

fn changed(town: &Town, subject: SubjectId, from: &str, to: SubjectId) -> Outcome {
    town.city.change(subject, from, into(to)).unwrap()
}

#[test]
fn a_rule_of_one_street_is_counted_there_alone() {
    let mut scene = Scene::new();
    let [street, other] = scene.town.streets;
    let before = scene.counts(street, "2026-11-23", KnownAt::Now).unwrap();
    let earlier = scene.counts(street, "2026-06-30", KnownAt::Now);
    let apart = [other, scene.town.communities[1], scene.town.compounds[1]];
    let told = scene.told(&apart);
    scene.begin(|town| town.load(street, "cycle", "of the street", &stricter("2026-07-01")));
    let mut steps = 0;
    while scene.is_recounting() && steps < 4 {
        scene.refuses(street, &["2026-07-01", "2026-11-23"]);
        scene.refuses(scene.town.compounds[0], &["2026-11-23"]);
        scene.refuses(scene.town.city.district, &["2026-11-23"]);
        // Not what was so before the rule, nor what was known before it, nor another street.
        assert_eq!(scene.counts(street, "2026-06-30", KnownAt::Now), earlier);
        let known = KnownAt::Seq(scene.before);
        assert_eq!(scene.counts(street, "2026-11-23", known), Ok(before.clone()));
        assert_eq!(scene.told(&apart), told);
        steps += 1;
        scene.step();
    }
    assert!(steps >= 2, "{steps}");
    scene.ends();
    assert_ne!(scene.counts(street, "2026-11-23", KnownAt::Now), Ok(before));
}

#[test]
fn a_border_that_moves_is_counted_where_it_moved_and_from_that_day_on() {
    let mut scene = Scene::new();
    let [street, other] = scene.town.streets;
    let community = scene.town.communities[1];
    let quiet = scene.town.compounds[1];
    scene.town.load(other, "cycle", "of the street", &stricter("2026-01-01"));
    let third = scene.town.city.street("三街");
    let [here, there] = [other, third].map(|street| scene.town.city.community("又一社区", street));
    let apart = scene.town.city.compound("小区", there);
    scene.town.dwelling(apart, "1999-05-01");
    // From one community of the street to another no rule is another.
    changed(&scene.town, quiet, "2026-05-01", here);
    assert!(!scene.is_recounting());
    changed(&scene.town, quiet, "2026-05-02", community);
    scene.settled();
    scene.before = scene.head();
    let crowded = scene.town.compounds[0];
    let moving = [crowded, community, other, scene.town.city.district];
    let counts = |scene: &Scene, valid: &str, known: KnownAt| {
        moving.map(|node| scene.counts(node, valid, known))
    };
    let earlier = counts(&scene, "2026-06-30", KnownAt::Now);
    let before = counts(&scene, "2026-11-23", KnownAt::Now);
    let apart = [quiet, here, third, there, apart];
    let told = scene.told(&apart);
    scene.begin(|town| drop(changed(town, crowded, "2026-07-01", community)));
    scene.moved();
    let mut steps = 0;
    while scene.is_recounting() && steps < 4 {
        for node in moving {
            scene.refuses(node, &["2026-07-01", "2026-11-23"]);
        }
        assert_eq!(counts(&scene, "2026-06-30", KnownAt::Now), earlier);
        assert_eq!(counts(&scene, "2026-11-23", KnownAt::Seq(scene.before)), before);
        // What it left has nothing of it any more, and what lies in the same street is not concerned.
        assert_eq!(scene.told(&[street]), [(Counts::new(), Vec::new())]);
        assert_eq!(scene.told(&apart), told);
        steps += 1;
        scene.step();
    }
    assert!(steps >= 2, "{steps}");
    scene.ends();
}

#[test]
fn what_is_touched_during_a_recount_is_counted_once() {
    let mut scene = Scene::new();
    let [street, _] = scene.town.streets;
    let page = PageRequest { rows: 700, after: Vec::new() };
    let of = anju::registry::ListOf::Below(Kind::Building, street);
    let all = scene.registry().list(of, ReadTime::NOW, &page).unwrap().rows;
    let (first, last) = (all[0].id, all[all.len() - 1].id);
    scene.begin(|town| town.load(street, "cycle", "of the street", &stricter("2026-07-01")));
    // One that was reached, one that was not, and one of the other street, which never will be; and a
    // move of the last into what is not recounted.
    let apart = scene.town.compounds[1];
    scene.gate.open();
    for (building, life) in [(first, 30), (last, 30), (first, 60)] {
        let content = fields(Kind::Building, |fields| {
            if let Fields::Building(fields) = fields {
                fields.design_life_years = Some(Some(life));
            }
        });
        scene.town.city.change(building, "2001-01-01", content).unwrap();
    }
    let content = fields(Kind::Building, |fields| {
        if let Fields::Building(fields) = fields {
            fields.compound = Some(apart.try_into().ok());
        }
    });
    scene.town.city.change(last, "2026-08-01", content).unwrap();
    scene.town.dwelling(apart, "1999-05-01");
    scene.town.dwelling(scene.town.compounds[0], "1999-05-01");
    scene.ends();
    // And again: nothing is left of the first that would keep the second from a building.
    scene.begin(|town| town.load(street, "cycle", "later", &stricter("2026-09-01")));
    scene.ends();
}

/// A policy of these covers on some things, for the district.
fn insure(
    town: &Town,
    number: &str,
    objects: Vec<SubjectId>,
    covers: Vec<CoverItem>,
) -> Result<SubjectId, Error> {
    let content = fields(Kind::Policy, |fields| {
        if let Fields::Policy(policy) = fields {
            policy.region = Some(town.city.district.try_into().ok());
            policy.number = Some(Some(number.to_owned()));
            policy.product = Some(Some("IDI".to_owned()));
            policy.clause = Some(Some("2019-example".to_owned()));
            let company = CompanyKey("EXAMPLE".to_owned());
            policy.insurers = Some(Some(vec![Insurer { company, share: Share::WHOLE }]));
            policy.objects = Some(Some(objects));
            policy.covers = Some(Some(covers));
            policy.standing = Some(Some(Standing::Bound));
        }
    });
    town.city.register(content, "2000-01-01", false)
}

fn cover(code: &str, days: Option<(&str, &str)>) -> CoverItem {
    CoverItem {
        cover: code.to_owned(),
        from: days.map(|(from, _)| day(from)),
        until: days.map(|(_, until)| day(until)),
        sum_insured: Fen::new(1_000).unwrap(),
        per_event: None,
        per_household: None,
        per_person: None,
        deductible: Fen::ZERO,
    }
}

fn count(counts: &Counts, measure: Measure, term: &str) -> (i64, i64) {
    counts.get(&(measure.name(), term.to_owned())).copied().unwrap_or_default()
}

#[expect(clippy::too_many_lines, reason = "one life after another")]
#[test]
fn a_policy_on_many_buildings_is_counted_step_by_step_and_each_building_once() {
    let mut scene = Scene::new();
    scene.town.load(scene.town.city.city, "products", "1", PRODUCTS);
    let [crowded, quiet] = scene.town.compounds;
    let page = PageRequest { rows: 700, after: Vec::new() };
    let of = anju::registry::ListOf::Below(Kind::Building, crowded);
    let all = scene.registry().list(of, ReadTime::NOW, &page).unwrap().rows;
    let (first, last) = (all[0].id, all[all.len() - 1].id);
    let [one, other] = [first, last].map(|building| scene.town.city.unit(building, "2000"));
    scene.settled();
    scene.before = scene.head();
    let before = scene.counts(crowded, "2026-11-23", KnownAt::Now).unwrap();
    let apart = [quiet, scene.town.streets[1]];
    let told = scene.told(&apart);
    let days = Some(("2020-01-01", "2029-12-31"));
    let covers = vec![cover("STR", None), cover("WTR", days)];
    let mut made = None;
    scene.begin(|town| {
        made = insure(town, "P-1", vec![crowded, other], covers.clone()).ok();
    });
    let mut steps = 0;
    while scene.is_recounting() && steps < 3 {
        for (node, days) in
            [(crowded, &["2010-01-01", "2026-11-23"][..]), (scene.town.streets[0], &["2026-11-23"])]
        {
            scene.refuses_counts(node, days);
            // What is due does not follow from what is insured.
            assert_eq!(scene.due(node), Ok(()), "due in {node}");
        }
        // Not what was so before the policy, nor what was known before it, nor another street.
        assert!(scene.counts(crowded, "1999-12-31", KnownAt::Now).is_ok());
        let known = KnownAt::Seq(scene.before);
        assert_eq!(scene.counts(crowded, "2026-11-23", known), Ok(before.clone()));
        assert_eq!(scene.told(&apart), told);
        steps += 1;
        scene.step();
    }
    assert!(steps >= 2, "{steps}");
    // Meanwhile units and buildings come, a completion turns out another, one is demolished, one moves,
    // and a policy insures a few; another on as many waits, and so does a word on the first.
    let policy = made.unwrap();
    std::thread::scope(|scope| {
        let town = &scene.town;
        let refusals = scope.spawn(move || {
            let many = insure(town, "P-2", vec![crowded], vec![cover("STR", None)]);
            let content = fields(Kind::Policy, |fields| {
                if let Fields::Policy(policy) = fields {
                    policy.objects = Some(Some(vec![quiet]));
                }
            });
            [refused(many).err(), refused(town.city.change(policy, "2026-01-01", content)).err()]
        });
        while !refusals.is_finished() && scene.is_recounting() {
            scene.step();
        }
        let waits = Some("SWEEP_UNDER_WAY".to_owned());
        if scene.is_recounting() {
            assert_eq!(refusals.join().unwrap(), [waits.clone(), waits]);
        }
    });
    scene.gate.open();
    for building in [first, last] {
        scene.town.city.unit(building, "2015");
        let completed = fields(Kind::Building, |fields| {
            if let Fields::Building(fields) = fields {
                fields.completed = Some("2018".parse().ok());
            }
        });
        scene.town.city.change(building, "2001-01-01", completed).unwrap();
    }
    scene.town.city.retract(one, None).unwrap();
    let moved = fields(Kind::Building, |fields| {
        if let Fields::Building(fields) = fields {
            fields.compound = Some(quiet.try_into().ok());
        }
    });
    scene.town.city.change(last, "2022-01-01", moved).unwrap();
    let newer = scene.town.dwelling(crowded, "2016-05-01");
    scene.settled();
    let _ = insure(&scene.town, "P-3", vec![quiet, newer], vec![cover("WTR", days)]);
    scene.ends();
    let now = scene.counts(crowded, "2026-11-23", KnownAt::Now).unwrap();
    // All that are in the compound but the one that moved away, and the new one.
    let (many, few) = (i64::try_from(MANY).unwrap(), (2, 2));
    assert_eq!(count(&now, Measure::InsuredBuildings, "any"), (many, many), "{now:?}");
    // The unit that is named goes on being insured where its building went.
    let there = scene.counts(quiet, "2026-11-23", KnownAt::Now).unwrap();
    assert_eq!(count(&there, Measure::InsuredUnits, "any"), few, "{there:?}");
}

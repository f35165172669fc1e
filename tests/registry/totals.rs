//! Totals against the oracle: any story, any day, as known with any entry.

use anju::{
    domain::{region::Level, totals::Measure},
    kernel::{
        id::SubjectId,
        page::PageRequest,
        position::Seq,
        time::{Day, KnownAt, Month, ReadTime, Stamp},
    },
    registry::{Registry, TotalOf, Totals, Wanted},
};
use proptest::prelude::*;

use crate::{
    city::{City, day},
    oracle::{self, MEASURES, Oracle, Sums},
    story::{Act, DAYS, Story, acts, cases},
};

fn days() -> Vec<Day> {
    let mut days = vec![day("1900-01-01"), day("2026-11-23"), day("2027-01-15"), day("2100-01-01")];
    for text in DAYS {
        days.extend([day(text).previous(), day(text), day(text).next()]);
    }
    for text in ["1983-01-01", "1985-01-01", "1989-12-31", "1990-12-31", "2003-12-31", "2010-01-01"]
    {
        days.extend([day(text), day(text).next()]);
    }
    days.sort();
    days.dedup();
    days
}

fn told(registry: &Registry, node: SubjectId, valid: Day, known: KnownAt) -> Sums {
    let time = ReadTime { valid_at: Some(valid), known_at: known };
    oracle::answered(&registry.totals(node, time).unwrap())
}

fn counted(oracle: &Oracle, days: &[Day], nodes: &[SubjectId]) -> Vec<(Day, SubjectId, Sums)> {
    let mut counted = Vec::new();
    for day in days {
        let totals = oracle.totals(*day);
        for node in nodes {
            counted.push((*day, *node, totals.get(node).cloned().unwrap_or_default()));
        }
    }
    counted
}

fn now_equals_a_recount(acts: &[Act]) {
    let story = Story::tell(acts);
    let registry = &story.city.registry;
    let oracle = Oracle::read(registry.store(), story.home(), story.head());
    for (day, node, counted) in counted(&oracle, &days(), &story.nodes()) {
        let told = told(registry, node, day, KnownAt::Now);
        assert_eq!(told, counted, "{node} on {day}, known now");
    }
}

fn every_position_equals_a_recount(acts: &[Act], choice: usize) {
    let story = Story::tell(acts);
    let registry = &story.city.registry;
    let all = days();
    let mut oracle = Oracle::default();
    for entry in oracle::entries(registry.store(), story.home()) {
        oracle.hear(&entry);
        let seq = usize::try_from(entry.seq).unwrap();
        let some = [0, 7, 31].map(|step| all[(choice + seq * 5 + step) % all.len()]);
        for (day, node, counted) in counted(&oracle, &some, &story.nodes()) {
            let told = told(registry, node, day, KnownAt::Seq(entry.seq));
            assert_eq!(told, counted, "{node} on {day}, known with entry {}", entry.seq);
        }
    }
}

fn stamps_equal_positions(acts: &[Act]) {
    let story = Story::tell(acts);
    let registry = &story.city.registry;
    // Stamps run ahead of a clock that stands still.
    story.city.clock.set(Stamp::from_micros(registry.now().micros() + 1_000_000));
    let valid = day("2026-11-22");
    let mut oracle = Oracle::default();
    let entries = oracle::entries(registry.store(), story.home());
    for (index, entry) in entries.iter().enumerate() {
        oracle.hear(entry);
        if entries.get(index + 1).is_some_and(|next| next.stamp == entry.stamp) {
            continue;
        }
        let known = KnownAt::Stamp(entry.stamp);
        for (day, node, counted) in counted(&oracle, &[valid], &story.districts) {
            assert_eq!(told(registry, node, day, known), counted, "{node} at {}", entry.stamp);
        }
        // A city is the sum of its districts, as known at the same moment.
        let both = oracle.totals(valid);
        let mut sum = Sums::new();
        for district in story.districts {
            for (measure, (certain, possible)) in both.get(&district).cloned().unwrap_or_default() {
                let to = sum.entry(measure).or_default();
                *to = (to.0 + certain, to.1 + possible);
            }
        }
        assert_eq!(told(registry, story.city.city, valid, known), sum, "the city");
        assert_eq!(told(registry, story.city.province, valid, known), sum, "the province");
    }
}

fn series_equals_the_ends_of_its_months(acts: &[Act], known: u16) {
    let story = Story::tell(acts);
    let registry = &story.city.registry;
    let known = 1 + Seq::from(known) % story.head();
    let (from, to) = (Month { year: 1985, month: 11 }, Month { year: 2024, month: 10 });
    for (known, seq) in [(KnownAt::Now, story.head()), (KnownAt::Seq(known), known)] {
        let oracle = Oracle::read(registry.store(), story.home(), seq);
        for node in story.nodes() {
            let series = registry.series(node, from, to, known, Wanted::Spine).unwrap();
            assert_eq!(series.months.len(), 39 * 12);
            for (month, amounts, _) in series.months.iter().step_by(5) {
                let counted = oracle.totals(month.last()).remove(&node).unwrap_or_default();
                assert_eq!(oracle::sums(amounts.iter()), counted, "{node} in {month} at {known:?}");
            }
        }
    }
}

fn rows_sum_to_the_total(acts: &[Act], known: u16, on: u8) {
    let story = Story::tell(acts);
    let registry = &story.city.registry;
    let all = days();
    let valid = all[usize::from(on) % all.len()];
    let known = 1 + Seq::from(known) % story.head();
    for known_at in [KnownAt::Now, KnownAt::Seq(known)] {
        let time = ReadTime { valid_at: Some(valid), known_at };
        for node in story.nodes() {
            let total = told(registry, node, valid, known_at);
            let mut sum = Sums::new();
            for measure in MEASURES {
                let mut rows = Vec::new();
                let mut page = PageRequest { rows: 3, after: Vec::new() };
                loop {
                    let (some, _) = registry.explain(node, measure, None, time, &page).unwrap();
                    rows.extend(some.rows);
                    let Some(next) = some.next else { break };
                    page.after = next;
                }
                let mut subjects = rows.iter().map(|row| row.subject).collect::<Vec<_>>();
                subjects.sort();
                subjects.dedup();
                assert_eq!(subjects.len(), rows.len(), "a row is told twice");
                sum.extend(oracle::explained(&rows));
            }
            assert_eq!(sum, total, "the rows of {node} on {valid} at {known_at:?}");
        }
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn totals_known_now_equal_a_recount(acts in acts(60)) {
        now_equals_a_recount(&acts);
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn totals_known_at_every_entry_equal_a_recount(acts in acts(45), choice in 0_usize..100) {
        every_position_equals_a_recount(&acts, choice);
    }

    #[test]
    fn totals_known_at_a_moment_are_those_of_its_last_entry(acts in acts(40)) {
        stamps_equal_positions(&acts);
    }

    #[test]
    fn a_series_tells_the_last_days_of_its_months(acts in acts(40), known in any::<u16>()) {
        series_equals_the_ends_of_its_months(&acts, known);
    }

    #[test]
    fn explained_rows_sum_to_the_total_of_the_same_read(
        acts in acts(40), known in any::<u16>(), on in any::<u8>()
    ) {
        rows_sum_to_the_total(&acts, known, on);
    }
}

fn buildings(totals: &Totals) -> i64 {
    let of_buildings = totals.amounts.iter();
    let of_buildings = of_buildings.filter(|(cell, _)| cell.measure() == Some(Measure::Buildings));
    of_buildings.map(|(_, amount)| amount).sum()
}

#[test]
fn a_sum_over_districts_is_of_the_positions_that_it_states_while_they_are_written_to() {
    let city = City::new();
    let other = city.region(Level::District, "二七区", Some(city.city), false);
    let districts = [city.district, other];
    let compounds = districts.map(|district| {
        let street = city.region(Level::Street, "一街道", Some(district), false);
        city.compound("示例小区", city.community("甲社区", street))
    });
    let is_done = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::SeqCst;
    let now = ReadTime { valid_at: Some(day("2026-11-23")), known_at: KnownAt::Now };
    let mut read = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..150 {
                for compound in compounds {
                    city.building(compound, "1990-05-01", 10);
                }
            }
            is_done.store(true, order);
        });
        while !is_done.load(order) {
            let totals = city.registry.totals(TotalOf::Everything, now).unwrap();
            // One of each position: the same again says nothing new, and takes as long to recount.
            if read.last().is_none_or(|last: &Totals| last.positions != totals.positions) {
                read.push(totals);
            }
        }
    });
    for totals in &read {
        let [root, home] = totals.positions.as_slice() else { panic!("{:?}", totals.positions) };
        assert_eq!((root.partition.number(), home.partition), (0, city.home()));
        let then = ReadTime { known_at: KnownAt::Seq(home.seq), ..now };
        let counted = districts.map(|node| buildings(&city.registry.totals(node, then).unwrap()));
        assert_eq!(buildings(totals), counted.iter().sum::<i64>(), "{home}");
    }
    assert_eq!(buildings(&city.registry.totals(TotalOf::Everything, now).unwrap()), 300);
    assert!(read.len() > 1);
}

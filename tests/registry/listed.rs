//! Lists of check-ups and findings over several cities, at any two times, beside what is so of each
//! building and finding by itself.

use std::collections::BTreeSet;

use anju::{
    domain::{due::DueAnswer, finding::Saying, finding::catalogue::Severity, region::Level},
    kernel::{
        id::{BuildingId, FindingId, SubjectId},
        page::PageRequest,
        position::{Partition, Position},
        time::{KnownAt, ReadTime},
    },
    registry::{Error, FindingsWanted},
};

use crate::{
    checkups::{CYCLE, FINDINGS, GRADES, Town, noticed},
    city::{at, day},
};

/// Two cities of a province with notices in both, and what was known when the first had some.
struct Province {
    town: Town,
    other: SubjectId,
    /// Buildings and findings that were known by then.
    known: (usize, usize),
    then: ReadTime,
}

impl Province {
    fn new() -> Self {
        let mut town = noticed();
        let other = town.city.region(Level::City, "洛阳市", Some(town.city.province), true);
        let district = town.city.region(Level::District, "老城区", Some(other), false);
        let street = town.city.region(Level::Street, "三街", Some(district), false);
        let compound = town.city.compound("小区", town.city.community("社区", street));
        for (table, text) in [("findings", FINDINGS), ("grades", GRADES), ("cycle", CYCLE)] {
            town.load(other, table, "1", text);
        }
        town.load(town.city.city, "cycle", "1", CYCLE);
        let add = |town: &mut Town, served: &str| {
            let building = town.dwelling(compound, "1980-05-01");
            town.observe(building, "2025-02-10", "STR.TILT", Severity::Unsafe);
            let finding = *town.findings.last().unwrap();
            town.follow(finding, served, Saying::Notified { deadline: None }, 0).unwrap();
        };
        add(&mut town, "2026-01-10");
        let known = (town.buildings.len(), town.findings.len());
        let both = [town.city.home(), other.partition()];
        let stamp =
            both.map(|partition| town.registry().frontier(partition).stamp).into_iter().max();
        town.city.tick("2026-12-01T02:00:00Z");
        for served in ["2026-03-10", "2025-12-31"] {
            add(&mut town, served);
        }
        let then = ReadTime { valid_at: None, known_at: KnownAt::Stamp(stamp.unwrap()) };
        Self { town, other, known, then }
    }

    /// The four combinations of the two times, and a day on which fewer notices were served.
    fn times(&self) -> Vec<ReadTime> {
        let past = at("2026-02-01", KnownAt::Now);
        let both = ReadTime { valid_at: past.valid_at, ..self.then };
        vec![ReadTime::NOW, past, self.then, both, at("2026-03-10", KnownAt::Now)]
    }

    /// The findings that are wanted at a time, by asking for each of them.
    fn each(&self, wanted: &FindingsWanted, time: ReadTime) -> BTreeSet<FindingId> {
        let findings = self.town.findings.iter().enumerate();
        let known = findings.filter(|(index, _)| is_known(*index, self.known.1, time));
        let ids = known.map(|(_, id)| FindingId::try_from(*id).unwrap());
        ids.filter(|id| {
            let found = self.town.registry().finding(*id, time).unwrap();
            let notice = found.aged.and_then(|aged| aged.notice);
            let bucket = notice.map(|(_, bucket)| bucket.from_days);
            found.view.is_some()
                && (!wanted.has_notice || notice.is_some())
                && wanted.bucket_from_days.is_none_or(|asked| bucket == Some(asked))
        })
        .collect()
    }

    /// The same from the list, all pages of so many rows.
    fn listed(
        &self,
        of: SubjectId,
        wanted: &FindingsWanted,
        time: ReadTime,
        rows: usize,
    ) -> (Vec<FindingId>, Vec<Position>) {
        let mut page = PageRequest { rows, after: Vec::new() };
        let mut all = Vec::new();
        loop {
            let registry = self.town.registry();
            let (found, read_at) = registry.list_findings(of, wanted, time, &page).unwrap();
            all.extend(found.rows.iter().map(|row| row.leads_to));
            match found.next {
                Some(next) => page.after = next,
                None => return (all, read_at),
            }
        }
    }
}

fn is_known(index: usize, known: usize, time: ReadTime) -> bool {
    time.known_at == KnownAt::Now || index < known
}

/// Those of the cities that were read.
fn partitions(read_at: &[Position]) -> Vec<Partition> {
    let known: BTreeSet<_> = read_at.iter().map(|position| position.partition).collect();
    assert_eq!(known.len(), read_at.len(), "{read_at:?}");
    known.into_iter().filter(|partition| *partition != Partition::ROOT).collect()
}

#[test]
fn findings_of_a_province_are_listed_city_after_city_at_any_time() {
    let province = Province::new();
    let (home, other) = (province.town.city.home(), province.other.partition());
    let top = province.town.city.province;
    for time in province.times() {
        for wanted in [
            FindingsWanted::default(),
            FindingsWanted { has_notice: true, ..FindingsWanted::default() },
            FindingsWanted { bucket_from_days: Some(0), ..FindingsWanted::default() },
            FindingsWanted { bucket_from_days: Some(31), ..FindingsWanted::default() },
        ] {
            let each = province.each(&wanted, time);
            for rows in [1, 3, 50] {
                let (listed, read_at) = province.listed(top, &wanted, time, rows);
                assert!(listed.is_sorted_by_key(|id| (id.partition(), *id)), "{listed:?}");
                assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), each, "{time:?}");
                assert_eq!(listed.len(), each.len(), "{time:?}");
                assert_eq!(partitions(&read_at), [home, other]);
            }
            let of_other = each.iter().copied().filter(|id| id.partition() == other);
            let (listed, read_at) = province.listed(province.other, &wanted, time, 2);
            assert_eq!(listed, of_other.collect::<Vec<_>>(), "{time:?}");
            assert_eq!(partitions(&read_at), [other]);
        }
    }
    let everything = province.each(&FindingsWanted::default(), ReadTime::NOW);
    assert_eq!(everything.len(), 11);
}

#[test]
fn by_age_a_province_is_listed_as_of_now_with_all_that_was_read() {
    let province = Province::new();
    let top = province.town.city.province;
    let wanted = FindingsWanted { is_by_age: true, ..FindingsWanted::default() };
    let (listed, read_at) = province.listed(top, &wanted, ReadTime::NOW, 3);
    let served = |id: &FindingId| {
        let found = province.town.registry().finding(*id, ReadTime::NOW).unwrap();
        found.view.unwrap().notified_on
    };
    assert!(listed.is_sorted_by_key(served), "{listed:?}");
    assert_eq!(listed.len(), 11);
    let (home, other) = (province.town.city.home(), province.other.partition());
    assert_eq!(partitions(&read_at), [home, other]);
    let page = PageRequest { rows: 3, after: Vec::new() };
    for time in &province.times()[1..] {
        for of in [top, province.other] {
            let refused = province.town.registry().list_findings(of, &wanted, *time, &page);
            let Err(Error::Refused(refusals)) = refused else { panic!("{of} was listed") };
            assert_eq!(refusals[0].reason, "ORDER_ONLY_NOW");
        }
        // Of a building it is.
        let building = province.town.buildings[0];
        assert_eq!(province.listed(building, &wanted, *time, 3).0.len(), 1);
    }
}

#[test]
fn what_was_due_in_a_province_is_listed_city_after_city_at_any_time() {
    let province = Province::new();
    let (home, other) = (province.town.city.home(), province.other.partition());
    for time in province.times() {
        let buildings = province.town.buildings.iter().enumerate();
        let known = buildings.filter(|(index, _)| is_known(*index, province.known.0, time));
        let ids = known.map(|(_, id)| BuildingId::try_from(*id).unwrap());
        let each = ids.map(|id| {
            let due = province.town.registry().check_ups(id, time).unwrap().due;
            (id, due.map(|segment| segment.answer))
        });
        let each = each.collect::<Vec<_>>();
        let is_due = |(_, answer): &(BuildingId, Option<DueAnswer>)| {
            *answer == Some(DueAnswer::Due { on: day("2026-12-31") })
        };
        assert!(each.iter().all(is_due), "{time:?}: {each:?}");
        for rows in [1, 4, 50] {
            let mut page = PageRequest { rows, after: Vec::new() };
            let mut listed = Vec::new();
            loop {
                let top = province.town.city.province;
                let (found, read_at) =
                    province.town.registry().list_due_at(top, time, &page).unwrap();
                assert_eq!(partitions(&read_at), [home, other]);
                let rows = found.rows.into_iter();
                listed.extend(rows.map(|row| (row.building, row.due.map(|due| due.answer))));
                match found.next {
                    Some(next) => page.after = next,
                    None => break,
                }
            }
            assert!(listed.is_sorted_by_key(|(id, _)| (id.partition(), *id)));
            let sorted = |rows: &[(BuildingId, Option<DueAnswer>)]| {
                let mut rows = rows.to_vec();
                rows.sort_by_key(|(id, _)| *id);
                rows
            };
            assert_eq!(sorted(&listed), sorted(&each), "{time:?}");
        }
    }
    // A number of an entry is one city's.
    let number = province.town.registry().frontier(other).seq - 3;
    let seq = ReadTime { valid_at: None, known_at: KnownAt::Seq(number) };
    let page = PageRequest { rows: 4, after: Vec::new() };
    let refused = province.town.registry().list_due_at(province.town.city.province, seq, &page);
    let Err(Error::Refused(refusals)) = refused else { panic!("the province was listed") };
    assert_eq!(refusals[0].reason, "POSITION_OF_ONE_PARTITION");
    // There all of the city is gone through. The last building was not known yet.
    let mut page = PageRequest { rows: 1, after: Vec::new() };
    let mut listed = Vec::new();
    while listed.len() < 9 {
        let (found, read_at) =
            province.town.registry().list_due_at(province.other, seq, &page).unwrap();
        assert_eq!(read_at, [Position { partition: other, seq: number }]);
        listed.extend(found.rows.into_iter().map(|row| SubjectId::from(row.building)));
        match found.next {
            Some(next) => page.after = next,
            None => break,
        }
    }
    let of_other = province.town.buildings.iter().filter(|id| id.partition() == other);
    assert_eq!(listed, of_other.copied().take(2).collect::<Vec<_>>());
}

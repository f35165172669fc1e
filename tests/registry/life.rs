//! Lives of regions, compounds, buildings and units, and what they add up to.

use std::fmt::Write as _;

use anju::{
    domain::content::{Content, Fields},
    kernel::{
        id::Kind,
        page::PageRequest,
        time::{KnownAt, ReadTime, Stamp},
    },
    registry::{Correct, Error},
};
use expect_test::expect;

use crate::city::{City, at, fields};

pub(crate) fn reasons(error: Error) -> Vec<String> {
    match error {
        Error::Refused(refusals) => refusals.into_iter().map(|refusal| refusal.reason).collect(),
        other => panic!("{other}"),
    }
}

#[test]
fn totals_follow_a_building_on_both_axes() {
    let city = City::new();
    let street = city.street("林山寨街道");
    let community = city.community("百花里社区", street);
    let compound = city.compound("示例小区", community);
    let first = city.building(compound, "1990-05-01", 3_000);
    city.building(compound, "1980s", 1_000);
    city.unit(first, "1990-05-01");
    let before = city.registry.frontier(city.home()).seq;
    let area = fields(Kind::Building, |fields| {
        if let Fields::Building(building) = fields {
            building.floor_area_cm2 = Some(Some(3_300 * 10_000));
        }
    });
    city.correct(Correct {
        subject: first,
        etag: None,
        entry: None,
        from: None,
        content: area,
        exists_from: None,
        ended_on: None,
        sentences: vec![],
    })
    .unwrap();
    let mut told = String::new();
    for subject in [compound, community, street, city.district, city.city, city.province] {
        told.push_str(&city.totals(subject, ReadTime::NOW));
        told.push('\n');
    }
    for (valid, known) in [
        ("1985-01-01", KnownAt::Now),
        ("1990-04-30", KnownAt::Now),
        ("1990-05-01", KnownAt::Now),
        ("1990-05-01", KnownAt::Seq(before)),
        ("1990-05-01", KnownAt::Seq(before - 1)),
        ("1990-05-01", KnownAt::Seq(before - 2)),
    ] {
        writeln!(told, "{valid} {known:?} {}", city.totals(street, at(valid, known))).unwrap();
    }
    expect![[r"
        2 buildings 4300 m², 1 units, 0 compounds
        2 buildings 4300 m², 1 units, 1 compounds
        2 buildings 4300 m², 1 units, 1 compounds
        2 buildings 4300 m², 1 units, 1 compounds
        2 buildings 4300 m², 1 units, 1 compounds
        2 buildings 4300 m², 1 units, 1 compounds
        1985-01-01 Now 0..1 buildings 0..1000 m², 0 units, 1 compounds
        1990-04-30 Now 1 buildings 1000 m², 0 units, 1 compounds
        1990-05-01 Now 2 buildings 4300 m², 1 units, 1 compounds
        1990-05-01 Seq(9) 2 buildings 4000 m², 1 units, 1 compounds
        1990-05-01 Seq(8) 2 buildings 4000 m², 0 units, 1 compounds
        1990-05-01 Seq(7) 1 buildings 3000 m², 0 units, 1 compounds
    "]]
    .assert_eq(&told);
}

#[test]
fn a_moved_community_takes_its_past_and_future_along() {
    let city = City::new();
    let (one, two) = (city.street("一街道"), city.street("二街道"));
    let community = city.community("甲社区", one);
    let compound = city.compound("示例小区", community);
    let first = city.building(compound, "1990-05-01", 1_000);
    city.unit(first, "1991-01-01");
    let before = city.registry.frontier(city.home()).seq;
    let to_two = fields(Kind::Region, |fields| {
        if let Fields::Region(region) = fields {
            region.parent = Some(Some(two.try_into().unwrap()));
        }
    });
    city.change(community, "2026-07-01", to_two).unwrap();
    // A late paper about a building from before the move, and one from after it.
    city.building(compound, "2000-01-01", 500);
    city.building(compound, "2026-08-01", 200);
    let mut told = String::new();
    for valid in ["1999-12-31", "2026-06-30", "2026-07-01", "2026-08-01"] {
        for street in [one, two] {
            writeln!(told, "{valid} {}", city.totals(street, at(valid, KnownAt::Now))).unwrap();
        }
    }
    writeln!(told, "then {}", city.totals(one, at("2026-08-01", KnownAt::Seq(before)))).unwrap();
    expect![[r"
        1999-12-31 1 buildings 1000 m², 1 units, 1 compounds
        1999-12-31 0 buildings 0 m², 0 units, 0 compounds
        2026-06-30 2 buildings 1500 m², 1 units, 1 compounds
        2026-06-30 0 buildings 0 m², 0 units, 0 compounds
        2026-07-01 0 buildings 0 m², 0 units, 0 compounds
        2026-07-01 2 buildings 1500 m², 1 units, 1 compounds
        2026-08-01 0 buildings 0 m², 0 units, 0 compounds
        2026-08-01 3 buildings 1700 m², 1 units, 1 compounds
        then 1 buildings 1000 m², 1 units, 1 compounds
    "]]
    .assert_eq(&told);
}

#[test]
fn a_building_in_error_never_was_and_a_demolished_one_was() {
    let city = City::new();
    let community = city.community("甲社区", city.street("一街道"));
    let compound = city.compound("示例小区", community);
    let kept = city.building(compound, "1990-05-01", 1_000);
    let error = city.building(compound, "1990-05-01", 700);
    city.unit(error, "1990-05-01");
    city.retract(error, None).unwrap();
    city.run(
        kept.partition(),
        anju::registry::Command::End(anju::registry::End {
            subject: kept,
            etag: None,
            day: "2020-03-01".parse().unwrap(),
            cause: anju::domain::timeline::EndCause::Demolished,
        }),
    )
    .unwrap();
    let refused = reasons(city.retract(compound, None).unwrap_err());
    assert_eq!(refused, ["LIVING_DEPENDENTS"]);
    let mut told = String::new();
    for valid in ["2000-01-01", "2021-01-01"] {
        writeln!(told, "{valid} {}", city.totals(community, at(valid, KnownAt::Now))).unwrap();
    }
    expect![[r"
        2000-01-01 1 buildings 1000 m², 0 units, 1 compounds
        2021-01-01 0 buildings 0 m², 0 units, 1 compounds
    "]]
    .assert_eq(&told);
}

#[test]
fn a_total_that_was_read_is_carried_along_with_every_write() {
    let city = City::new();
    let (one, two) = (city.street("一街道"), city.street("二街道"));
    let community = city.community("甲社区", one);
    let compound = city.compound("示例小区", community);
    let other = city.compound("示例二村", city.community("乙社区", two));
    let nodes = [compound, other, community, one, two, city.district, city.city];
    let check = || {
        for node in nodes {
            // A position bypasses what is remembered; a city is read over several partitions.
            let head = city.registry.frontier(city.home()).seq;
            let known = if node == city.city {
                KnownAt::Stamp(city.registry.frontier(city.home()).stamp)
            } else {
                KnownAt::Seq(head)
            };
            let anew = ReadTime { valid_at: None, known_at: known };
            assert_eq!(city.totals(node, ReadTime::NOW), city.totals(node, anew), "{node}");
        }
    };
    check();
    for year in 1985..1995 {
        let building = city.building(compound, &format!("{year}-05-01"), 1_000);
        check();
        city.unit(building, &format!("{year}-06-01"));
        check();
        if year % 3 == 0 {
            let moved = fields(Kind::Building, |fields| {
                if let Fields::Building(building) = fields {
                    building.compound = Some(Some(other.try_into().unwrap()));
                }
            });
            city.change(building, "2020-01-01", moved).unwrap();
            check();
        }
        if year % 4 == 0 {
            city.retract(building, None).unwrap();
            check();
        }
    }
}

#[test]
fn nothing_more_is_said_of_what_was_entered_in_error() {
    let city = City::new();
    let community = city.community("甲社区", city.street("一街道"));
    let compound = city.compound("示例小区", community);
    let error = city.building(compound, "1990-05-01", 700);
    let area = || {
        fields(Kind::Building, |fields| {
            if let Fields::Building(building) = fields {
                building.floor_area_cm2 = Some(Some(900 * 10_000));
            }
        })
    };
    // A statement beside the registration, which a correction could take for its own.
    city.change(error, "2000-01-01", area()).unwrap();
    city.retract(error, None).unwrap();
    let correction = Correct {
        subject: error,
        etag: None,
        entry: None,
        from: None,
        content: area(),
        exists_from: None,
        ended_on: None,
        sentences: vec![],
    };
    assert_eq!(reasons(city.correct(correction).unwrap_err()), ["ENTERED_IN_ERROR"]);
    let changed = city.change(error, "2001-01-01", area());
    assert_eq!(reasons(changed.unwrap_err()), ["ENTERED_IN_ERROR"]);
}

#[test]
fn a_difference_is_asked_from_earlier_to_later() {
    let city = City::new();
    // Both lie before the first entry.
    let [early, late] =
        [1_000_000, 2_000_000].map(|micros| KnownAt::Stamp(Stamp::from_micros(micros)));
    let page = PageRequest { rows: 10, after: Vec::new() };
    let asked = |from, to| city.registry.diff(city.district, from, to, &page);
    assert_eq!(reasons(asked(late, early).unwrap_err()), ["KNOWN_ORDER"]);
    assert!(asked(early, late).unwrap().0.rows.is_empty());
}

#[test]
fn a_correction_of_something_else_leaves_the_words_of_a_doubt() {
    let city = City::new();
    let compound = city.compound("示例小区", city.community("甲社区", city.street("一街道")));
    let building = city.building(compound, "1990-05-01", 500);
    let correct = |content: Content, sentences: &[(&str, &str)]| {
        let sentences =
            sentences.iter().map(|(field, why)| ((*field).to_owned(), (*why).to_owned())).collect();
        let correction = Correct {
            subject: building,
            etag: None,
            entry: None,
            from: None,
            content,
            exists_from: None,
            ended_on: None,
            sentences,
        };
        city.correct(correction).unwrap();
    };
    let doubted = |is: bool| {
        let mut content = Content::empty(Kind::Building);
        content.shared.doubts.insert("completed".to_owned(), is);
        content
    };
    let lifts = |count: u16| {
        fields(Kind::Building, |fields| {
            if let Fields::Building(building) = fields {
                building.lift_count = Some(Some(count));
            }
        })
    };
    let told = || city.registry.get(building, ReadTime::NOW).unwrap().doubts;
    let is = |why: &str| vec![("completed".to_owned(), why.to_owned())];
    correct(doubted(true), &[("completed", "the plan says 1987")]);
    let known = city.registry.frontier(city.home()).seq;
    for count in [1, 2] {
        correct(lifts(count), &[]);
        assert_eq!(told(), is("the plan says 1987"));
    }
    correct(doubted(true), &[("completed", "the deed says 1988")]);
    correct(lifts(3), &[]);
    assert_eq!(told(), is("the deed says 1988"));
    let then = ReadTime { valid_at: None, known_at: KnownAt::Seq(known + 1) };
    assert_eq!(city.registry.get(building, then).unwrap().doubts, is("the plan says 1987"));
    correct(doubted(false), &[]);
    assert!(told().is_empty());
}

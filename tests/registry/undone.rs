//! Retractions that were wrong: what they took back stands again, with all that went along.

use std::fmt::Write as _;

use anju::{
    domain::{content::Fields, region::Level, timeline::EndCause},
    kernel::{
        id::{Kind, SubjectId},
        page::PageRequest,
        position::Seq,
        time::{KnownAt, ReadTime},
    },
    registry::{
        Change, Command, End, Error, ListOf, Merge, MergeInto, Outcome, Register, Split, SplitPart,
    },
};
use expect_test::expect;

use crate::{
    city::{City, at, building, day, fields, said},
    life::reasons,
};

/// The number of the last entry about a subject.
#[expect(clippy::unnecessary_wraps, reason = "commands have it as an option")]
fn last(city: &City, id: SubjectId) -> Option<Seq> {
    Some(city.registry.get(id, ReadTime::NOW).unwrap().etag)
}

fn end(city: &City, subject: SubjectId, on: &str) -> Result<Outcome, Error> {
    let end = End { subject, etag: None, day: said(on), cause: EndCause::Demolished };
    city.run(city.home(), Command::End(end))
}

/// What is open, by reason.
fn open_cases(city: &City) -> Vec<&'static str> {
    let page = PageRequest { rows: 100, after: Vec::new() };
    let cases = city.registry.cases(city.home(), None, false, KnownAt::Now, &page).unwrap();
    cases.rows.into_iter().map(|(_, case)| case.what.reason()).collect()
}

fn settled(city: &City) -> SubjectId {
    city.compound("示例小区", city.community("甲社区", city.street("一街道")))
}

#[test]
fn a_building_comes_back_with_its_units_and_is_as_it_was() {
    let city = City::new();
    let compound = settled(&city);
    let item = Register {
        seed: city.seed(),
        content: building(compound, 1_000),
        exists_from: said("1990-05-01"),
        opens_partition: false,
        sentences: Vec::new(),
    };
    let registered = city.run(city.home(), Command::Register(item)).unwrap();
    let block = registered.decided.subjects[0];
    let flats = [city.unit(block, "1990-05-01"), city.unit(block, "1990-05-01")];
    let named = fields(Kind::Building, |fields| {
        if let Fields::Building(building) = fields {
            building.name = Some(Some("东楼".to_owned()));
        }
    });
    city.change(block, "2001-01-01", named).unwrap();
    let seen = |id| city.registry.get(id, ReadTime::NOW).unwrap();
    let before = (seen(block), seen(flats[0]));
    let mut told = String::new();
    let mut tell = |what: &str| {
        writeln!(told, "{what}: {}", city.totals(compound, ReadTime::NOW)).unwrap();
    };
    tell("at first");
    city.retract(block, None).unwrap();
    tell("taken back");
    // Sent again, it is no undoing.
    for entry in [None, registered.entries.first().copied(), Some(Seq::MAX)] {
        assert_eq!(reasons(city.retract(block, entry).unwrap_err()), ["ENTRY_NOT_FOUND"]);
    }
    let alone = city.retract(flats[0], last(&city, flats[0]));
    assert_eq!(reasons(alone.unwrap_err()), ["ENTERED_IN_ERROR"]);
    let retraction = last(&city, block);
    let answer = city.retract(block, retraction).unwrap();
    assert_eq!(answer.decided.subjects, [block]);
    tell("and there again");
    assert_eq!(reasons(city.retract(block, retraction).unwrap_err()), ["ENTRY_NOT_FOUND"]);
    let after = (seen(block), seen(flats[0]));
    assert_eq!((before.0.content, before.1.content), (after.0.content, after.1.content));
    assert_eq!(before.0.exists_from, after.0.exists_from);
    assert_eq!(before.1.exists_from, after.1.exists_from);
    city.retract(block, None).unwrap();
    tell("taken back again");
    city.retract(block, last(&city, block)).unwrap();
    tell("and there again");
    assert_eq!(open_cases(&city), Vec::<&str>::new());
    expect![[r"
        at first: 1 buildings 1000 m², 2 units, 0 compounds
        taken back: 0 buildings 0 m², 0 units, 0 compounds
        and there again: 1 buildings 1000 m², 2 units, 0 compounds
        taken back again: 0 buildings 0 m², 0 units, 0 compounds
        and there again: 1 buildings 1000 m², 2 units, 0 compounds
    "]]
    .assert_eq(&told);
}

#[test]
fn a_number_given_away_since_makes_a_case_and_a_holder_that_never_was_a_refusal() {
    let city = City::new();
    let compound = settled(&city);
    let numbered = || {
        let mut content = building(compound, 500);
        content.shared.identifiers.insert("house".to_owned(), vec!["H1".to_owned()]);
        city.register(content, "1990-05-01", false).unwrap()
    };
    let first = numbered();
    city.retract(first, None).unwrap();
    let second = numbered();
    city.retract(first, last(&city, first)).unwrap();
    assert_eq!(open_cases(&city), ["IDENTIFIER_TAKEN"]);
    city.retract(second, None).unwrap();
    assert_eq!(open_cases(&city), Vec::<&str>::new());
    city.retract(first, None).unwrap();
    city.retract(compound, None).unwrap();
    let refused = city.retract(first, last(&city, first));
    assert_eq!(reasons(refused.unwrap_err()), ["ENTERED_IN_ERROR"]);
    city.retract(compound, last(&city, compound)).unwrap();
    city.retract(first, last(&city, first)).unwrap();
    assert_eq!(city.totals(compound, ReadTime::NOW), "1 buildings 500 m², 0 units, 0 compounds");
    // What stands outside the life of its holder is a case.
    city.retract(first, None).unwrap();
    end(&city, compound, "2000-01-01").unwrap();
    city.retract(first, last(&city, first)).unwrap();
    assert_eq!(open_cases(&city), ["OUTSIDE_PARENT_LIFE"]);
}

#[test]
fn a_change_comes_back_with_its_sentence_and_is_judged_beside_what_stands() {
    let city = City::new();
    let block = city.building(settled(&city), "1990-05-01", 1_000);
    let said = |fill: fn(&mut anju::domain::building::BuildingContent)| {
        fields(Kind::Building, |fields| {
            if let Fields::Building(building) = fields {
                fill(building);
            }
        })
    };
    let mut content = said(|building| building.height_cm = Some(Some(900)));
    content.shared.doubts.insert("height_cm".to_owned(), true);
    let change = Change {
        subject: block,
        etag: None,
        from: day("2000-01-01"),
        second_of_day: Some(60),
        order_key: b"key".to_vec(),
        content,
        sentences: vec![("height_cm".to_owned(), "the plan says 1 000".to_owned())],
    };
    let changed = city.run(city.home(), Command::Change(change)).unwrap();
    let seen = || city.registry.get(block, ReadTime::NOW).unwrap();
    let before = seen();
    city.retract(block, changed.entries.first().copied()).unwrap();
    let retraction = last(&city, block);
    let tower = said(|building| building.storeys_above = Some(Some(30)));
    let tower = city.change(block, "2001-01-01", tower).unwrap();
    let refused = city.retract(block, retraction).unwrap_err();
    assert!(format!("{refused}").contains("30 storeys do not make 9.00 m"), "{refused}");
    assert_eq!(reasons(refused), ["STOREY_HEIGHT"]);
    city.retract(block, tower.entries.first().copied()).unwrap();
    city.retract(block, retraction).unwrap();
    assert_eq!(seen().content, before.content);
    assert_eq!(seen().doubts, before.doubts);
    assert_eq!(before.doubts.len(), 1);
}

#[test]
fn a_merge_and_a_split_come_back_with_all_that_they_moved() {
    let city = City::new();
    let compound = settled(&city);
    let [one, two, four] = [0; 3].map(|_| city.building(compound, "1990-05-01", 1_000));
    let flats = [one, two, four].map(|block| city.unit(block, "1990-05-01"));
    let content = || fields(Kind::Building, |_| {});
    let merge = Merge {
        kind: Kind::Building,
        subjects: vec![one, two],
        day: day("2020-06-01"),
        into: MergeInto::New { seed: city.seed(), content: Box::new(content()) },
    };
    let merged = city.run(city.home(), Command::Merge(merge)).unwrap();
    let whole = merged.decided.subjects[0];
    let part = || SplitPart { seed: city.seed(), content: content(), share: (1, 2) };
    let split = Split {
        subject: four,
        etag: None,
        day: day("2020-06-01"),
        parts: vec![part(), part()],
        assignments: vec![(flats[2], 1)],
        keeps: false,
    };
    let halves = city.run(city.home(), Command::Split(split)).unwrap().decided.subjects;
    let everything = [&[compound, one, two, four, whole][..], &halves, &flats].concat();
    let told = || {
        let mut told = String::new();
        for id in &everything {
            for valid in ["2020-05-31", "2020-06-01"] {
                let seen = city.registry.get(*id, at(valid, KnownAt::Now)).unwrap();
                let holders = seen.content.references();
                let (edges, there) = (seen.edges, seen.presence);
                write!(told, "{id} {valid} {there:?} {holders:?} {edges:?}").unwrap();
                if id.kind() != Kind::Unit {
                    write!(told, " {}", city.totals(*id, at(valid, KnownAt::Now))).unwrap();
                }
                told.push('\n');
            }
        }
        told
    };
    let before = told();
    city.retract(two, last(&city, two)).unwrap();
    city.retract(four, last(&city, four)).unwrap();
    let apart = told();
    let made = city.retract(whole, last(&city, whole));
    assert_eq!(reasons(made.unwrap_err()), ["IN_SUCCESSION"]);
    // By any that took part; the answer is about whom the retraction was about.
    let again = city.retract(one, last(&city, one)).unwrap();
    assert_eq!(again.decided.subjects, [two]);
    city.retract(halves[0], last(&city, four)).unwrap();
    assert_eq!(told(), before);
    city.retract(one, last(&city, one)).unwrap();
    city.retract(four, last(&city, four)).unwrap();
    assert_eq!(told(), apart);
    // What was put in since lives outside its holder; what ended since cannot end once more.
    city.unit(one, "1990-05-01");
    city.retract(one, last(&city, one)).unwrap();
    assert_eq!(open_cases(&city), ["OUTSIDE_PARENT_LIFE"]);
    let retraction = last(&city, four);
    end(&city, four, "2021-01-01").unwrap();
    assert_eq!(reasons(city.retract(four, retraction).unwrap_err()), ["ALREADY_ENDED"]);
}

/// What a merge made and what lives in it since are judged again by every later retraction.
#[test]
fn what_a_merge_made_again_still_holds_what_is_put_into_it() {
    let city = City::new();
    let compound = settled(&city);
    let subjects = vec![
        city.building(compound, "1990-05-01", 1_000),
        city.building(compound, "1990-05-01", 1_000),
    ];
    let one = subjects[0];
    let content = Box::new(fields(Kind::Building, |_| {}));
    let into = MergeInto::New { seed: city.seed(), content };
    let merge = Merge { kind: Kind::Building, subjects, day: day("2020-06-01"), into };
    let whole = city.run(city.home(), Command::Merge(merge)).unwrap().decided.subjects[0];
    city.retract(one, last(&city, one)).unwrap();
    city.retract(one, last(&city, one)).unwrap();
    let flat = city.unit(whole, "2020-06-01");
    let refused = city.retract(one, last(&city, one));
    assert_eq!(reasons(refused.unwrap_err()), ["LIVING_DEPENDENTS"]);
    city.retract(flat, None).unwrap();
    city.retract(one, last(&city, one)).unwrap();
}

#[test]
fn a_district_comes_back_in_both_partitions_that_know_it() {
    let city = City::new();
    let other = city.region(Level::District, "二七区", Some(city.city), false);
    let children = || {
        let parent = city.city.try_into().unwrap();
        let page = PageRequest { rows: 100, after: Vec::new() };
        let list = city.registry.list(ListOf::Regions(Some(parent)), ReadTime::NOW, &page);
        list.unwrap().rows.into_iter().map(|seen| seen.id).collect::<Vec<_>>()
    };
    assert!(children().contains(&other));
    city.retract(other, None).unwrap();
    assert!(!children().contains(&other));
    city.retract(other, last(&city, other)).unwrap();
    assert!(children().contains(&other));
}

#[test]
fn a_unit_that_comes_back_is_counted_again() {
    let city = City::new();
    let compound = settled(&city);
    // Of 16 m², two units have no less than 8 m² each, and a third has.
    let block = city.building(compound, "1990-05-01", 16);
    let item = || Register {
        seed: city.seed(),
        content: fields(Kind::Unit, |fields| {
            if let Fields::Unit(unit) = fields {
                unit.building = Some(Some(block.try_into().unwrap()));
            }
        }),
        exists_from: said("1990-05-01"),
        opens_partition: false,
        sentences: Vec::new(),
    };
    let register = || city.run(city.home(), Command::Register(item()));
    let one = register().unwrap().decided.subjects[0];
    register().unwrap();
    for _ in 0..3 {
        assert_eq!(reasons(register().unwrap_err()), ["AREA_PER_UNIT"]);
        city.retract(one, None).unwrap();
        city.retract(one, last(&city, one)).unwrap();
    }
    city.retract(one, None).unwrap();
    register().unwrap();
    let refused = city.retract(one, last(&city, one));
    assert_eq!(reasons(refused.unwrap_err()), ["AREA_PER_UNIT"]);
}

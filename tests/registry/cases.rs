//! Cases: corrections that contradict what was accepted later.

use std::fmt::Write as _;

use anju::{
    domain::content::Fields,
    kernel::{
        id::{Kind, SubjectId},
        page::PageRequest,
        time::{KnownAt, ReadTime},
    },
    registry::{Command, Correct, Error, Outcome},
};
use expect_test::expect;

use crate::city::{City, fields, said};

fn began(city: &City, subject: SubjectId, exists_from: &str) -> Result<Outcome, Error> {
    city.correct(Correct {
        subject,
        etag: None,
        entry: None,
        from: None,
        content: fields(subject.kind(), |_| {}),
        exists_from: Some(said(exists_from)),
        ended_on: None,
        sentences: Vec::new(),
    })
}

/// The cases that a subject is in, as known now or with an entry.
fn told(city: &City, subject: SubjectId, known: KnownAt) -> String {
    let page = PageRequest { rows: 10, after: Vec::new() };
    let cases = city.registry.cases(city.home(), Some(subject), true, known, &page).unwrap();
    let seen = city.registry.get(subject, ReadTime { valid_at: None, known_at: known }).unwrap();
    let mut text = String::new();
    for (id, case) in cases.rows {
        let state = match (case.is_open(), case.outcome) {
            (true, _) => "open",
            (false, None) => "cleared",
            (false, Some(_)) => "settled",
        };
        let doubts = seen.cases.iter().find(|(other, _)| *other == id).map(|(_, seqs)| seqs.len());
        let doubts = doubts.map_or("nothing in doubt".to_owned(), |count| {
            format!("{count} of its entries in doubt")
        });
        let head = case.what.message();
        writeln!(text, "{state}: {head}; {doubts}").unwrap();
    }
    if text.is_empty() { "no case\n".to_owned() } else { text }
}

#[test]
fn a_compound_found_to_be_younger_puts_its_building_in_doubt_until_that_is_corrected() {
    let city = City::new();
    let community = city.community("甲社区", city.street("一街道"));
    let compound = city.compound("示例小区", community);
    let building = city.building(compound, "1985-05-01", 500);
    let before = city.registry.frontier(city.home()).seq;
    let mut text = format!("before: {}", told(&city, building, KnownAt::Now));
    began(&city, compound, "1990").unwrap();
    let between = city.registry.frontier(city.home()).seq;
    city.tick("2026-12-01T02:00:00Z");
    write!(text, "the compound is of 1990: {}", told(&city, building, KnownAt::Now)).unwrap();
    began(&city, building, "1991-05-01").unwrap();
    write!(text, "the building is of 1991: {}", told(&city, building, KnownAt::Now)).unwrap();
    for seq in [before, between] {
        write!(text, "as known at {seq}: {}", told(&city, building, KnownAt::Seq(seq))).unwrap();
    }
    expect![[r"
        before: no case
        the compound is of 1990: open: it is there on days when what it is in is not; 1 of its entries in doubt
        the building is of 1991: cleared: it is there on days when what it is in is not; nothing in doubt
        as known at 7: no case
        as known at 8: open: it is there on days when what it is in is not; 1 of its entries in doubt
    "]].assert_eq(&text);
}

#[test]
fn a_case_is_settled_by_another_person_only_and_not_twice() {
    let city = City::new();
    let community = city.community("甲社区", city.street("一街道"));
    let compound = city.compound("示例小区", community);
    let building = city.building(compound, "1985-05-01", 500);
    began(&city, compound, "1990").unwrap();
    let page = PageRequest { rows: 10, after: Vec::new() };
    let open = |city: &City| {
        let cases = city.registry.cases(city.home(), None, false, KnownAt::Now, &page).unwrap();
        cases.rows.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    let case = open(&city)[0];
    let settle = |person: &str| {
        let mut call = city.call(city.home());
        call.author.subject = "the-city-system".to_owned();
        call.author.person = person.to_owned();
        city.registry.execute(call, Command::SettleCase { case, outcome: 1 })
    };
    let refused = |answer: Result<Outcome, Error>| match answer {
        Err(Error::Refused(refusals)) => refusals[0].reason.clone(),
        other => panic!("{other:?}"),
    };
    // The correction came from the credential "tester", without a person.
    let own = city.run(city.home(), Command::SettleCase { case, outcome: 1 });
    assert_eq!(refused(own), "FOUR_EYES");
    settle("person-2").unwrap();
    assert_eq!(refused(settle("person-3")), "CASE_CLOSED");
    assert!(open(&city).is_empty());
    // What was settled does not come up again with the next correction.
    began(&city, compound, "1991").unwrap();
    assert!(open(&city).is_empty());
    let seen = city.registry.get(building, ReadTime::NOW).unwrap();
    assert!(seen.cases.is_empty());
    // Once it was gone, it is new when it comes back, and open until somebody looks at it again.
    began(&city, compound, "1980").unwrap();
    assert!(open(&city).is_empty());
    began(&city, compound, "1992").unwrap();
    assert_eq!(open(&city).len(), 1);
    assert_eq!(city.registry.get(building, ReadTime::NOW).unwrap().cases.len(), 1);
    assert_eq!(building.kind(), Kind::Building);
}

/// What is open in a partition: what it is, how many are in doubt and how many still are.
fn open_ones(city: &City) -> Vec<String> {
    let page = PageRequest { rows: 100, after: Vec::new() };
    let cases = city.registry.cases(city.home(), None, false, KnownAt::Now, &page).unwrap().rows;
    let told = cases.into_iter().map(|(id, case)| {
        let subjects = city.registry.case_subjects(id, &case, KnownAt::Now, &page).unwrap().rows;
        let days = case.days.unwrap();
        let against = days.against.unwrap().from;
        let accepted = days.accepted.from;
        let entries: usize = subjects.iter().map(|one| one.entries.len()).sum();
        format!(
            "{} of {} with {entries} entries, accepted from {accepted} against {against}",
            subjects.len(),
            case.in_doubt
        )
    });
    let mut told = told.collect::<Vec<_>>();
    told.sort();
    told
}

#[test]
fn one_correction_against_many_buildings_is_one_case_which_each_leaves_by_itself() {
    let city = City::new();
    let community = city.community("甲社区", city.street("一街道"));
    let compound = city.compound("示例小区", community);
    let days = ["1985-05-01", "1986-05-01", "1987-05-01", "1995-05-01"];
    let buildings = days.map(|day| city.building(compound, day, 500));
    let before = city.registry.frontier(city.home()).seq;
    began(&city, compound, "1990").unwrap();
    let between = city.registry.frontier(city.home()).seq;
    let of_days = "accepted from 1985-05-01 against 1990-01-01";
    assert_eq!(open_ones(&city), [format!("3 of 3 with 3 entries, {of_days}")]);
    let counted = |city: &City| city.registry.work_under_way(city.home()).unwrap().open_case_count;
    assert_eq!(counted(&city), 1);
    for (building, told) in buildings.iter().zip(["open", "open", "open", "no case"]) {
        let told_now = self::told(&city, *building, KnownAt::Now);
        assert!(told_now.starts_with(told), "{told_now}");
    }
    began(&city, buildings[0], "1991-05-01").unwrap();
    assert_eq!(open_ones(&city), [format!("2 of 3 with 2 entries, {of_days}")]);
    // It comes up again by itself, when it is said again, as a case of its own.
    began(&city, buildings[0], "1984-05-01").unwrap();
    let again = "1 of 1 with 1 entries, accepted from 1984-05-01 against 1990-01-01".to_owned();
    let both = [again, format!("2 of 3 with 2 entries, {of_days}")];
    assert_eq!(open_ones(&city), both);
    began(&city, buildings[0], "1991-05-01").unwrap();
    // As it was known: nothing, then all three.
    assert_eq!(self::told(&city, buildings[0], KnownAt::Seq(before)), "no case\n");
    let then = self::told(&city, buildings[0], KnownAt::Seq(between));
    assert!(then.contains("1 of its entries in doubt"), "{then}");
    began(&city, buildings[1], "1991-05-01").unwrap();
    began(&city, buildings[2], "1991-05-01").unwrap();
    assert_eq!(open_ones(&city), Vec::<String>::new());
    assert_eq!(counted(&city), 0);
    for subject in buildings.into_iter().chain([compound]) {
        let seen = city.registry.get(subject, ReadTime::NOW).unwrap();
        assert!(seen.cases.is_empty());
    }
}

#[test]
fn a_case_of_many_is_settled_at_once_and_goes_with_its_cause() {
    let city = City::new();
    let community = city.community("甲社区", city.street("一街道"));
    let compound = city.compound("示例小区", community);
    let buildings = ["1985-05-01", "1986-05-01"].map(|day| city.building(compound, day, 500));
    began(&city, compound, "1990").unwrap();
    began(&city, compound, "1980").unwrap();
    assert_eq!(open_ones(&city), Vec::<String>::new());
    began(&city, compound, "1990").unwrap();
    let page = PageRequest { rows: 10, after: Vec::new() };
    let cases = city.registry.cases(city.home(), None, false, KnownAt::Now, &page).unwrap();
    let [(case, _)] = cases.rows[..] else { panic!("one case") };
    let mut call = city.call(city.home());
    call.author.subject = "the-city-system".to_owned();
    call.author.person = "person-2".to_owned();
    city.registry.execute(call, Command::SettleCase { case, outcome: 1 }).unwrap();
    for subject in buildings.into_iter().chain([compound]) {
        let seen = city.registry.get(subject, ReadTime::NOW).unwrap();
        assert!(seen.cases.is_empty());
    }
    began(&city, compound, "1991").unwrap();
    assert_eq!(open_ones(&city), Vec::<String>::new());
}

/// Settles the only open case of a city by another person.
fn settle_the_only_one(city: &City) {
    let page = PageRequest { rows: 10, after: Vec::new() };
    let cases = city.registry.cases(city.home(), None, false, KnownAt::Now, &page).unwrap();
    let [(case, _)] = cases.rows[..] else { panic!("{} cases", cases.rows.len()) };
    let mut call = city.call(city.home());
    "the-city-system".clone_into(&mut call.author.subject);
    "person-2".clone_into(&mut call.author.person);
    city.registry.execute(call, Command::SettleCase { case, outcome: 1 }).unwrap();
}

#[test]
fn what_was_settled_and_goes_by_a_change_is_new_when_it_comes_back() {
    let city = City::new();
    let community = city.community("甲社区", city.street("一街道"));
    let [first, second] = ["一院", "二院"].map(|name| city.compound(name, community));
    let building = city.building(first, "1985-05-01", 500);
    began(&city, first, "1990").unwrap();
    settle_the_only_one(&city);
    // A change of something else leaves it settled.
    let area = crate::city::building(first, 600);
    city.change(building, "1995-01-01", area).unwrap();
    began(&city, first, "1991").unwrap();
    assert_eq!(open_ones(&city), Vec::<String>::new());
    // Moved from its first day on, it is outside of nothing.
    let moved = fields(Kind::Building, |fields| {
        if let Fields::Building(fields) = fields {
            fields.compound = Some(second.try_into().ok());
        }
    });
    city.change(building, "1985-05-01", moved.clone()).unwrap();
    let back = fields(Kind::Building, |fields| {
        if let Fields::Building(fields) = fields {
            fields.compound = Some(first.try_into().ok());
        }
    });
    city.change(building, "1996-01-01", back).unwrap();
    assert_eq!(open_ones(&city), Vec::<String>::new());
    // What moved it is taken back, and the same contradiction is there again.
    let entry = city.registry.history(building, KnownAt::Now, &page_of(50)).unwrap();
    let of_that_day = entry.rows.iter().filter(|row| {
        let valid_from = row.entry.valid_from.map(|day| day.to_string());
        valid_from.as_deref() == Some("1985-05-01")
    });
    let last = of_that_day.map(|row| row.entry.seq).max().unwrap();
    city.retract(building, Some(last)).unwrap();
    assert_eq!(open_ones(&city).len(), 1, "{:?}", open_ones(&city));
}

fn page_of(rows: usize) -> PageRequest {
    PageRequest { rows, after: Vec::new() }
}

#[test]
fn a_number_that_two_have_is_one_case_whichever_of_them_is_looked_at() {
    let city = City::new();
    let community = city.community("甲社区", city.street("一街道"));
    let compound = city.compound("示例小区", community);
    let numbered = |number: &str| {
        let mut content = fields(Kind::Building, |_| {});
        content.shared.identifiers.insert("census".to_owned(), vec![number.to_owned()]);
        content
    };
    let [one, two] = ["1985", "1986"].map(|since| city.building(compound, since, 500));
    city.change(one, "1990-01-01", numbered("7")).unwrap();
    city.change(two, "1990-01-01", numbered("8")).unwrap();
    let correct = |subject: SubjectId, number: &str| {
        let content = numbered(number);
        let (etag, entry, from, exists_from, ended_on) = (None, None, None, None, None);
        let sentences = Vec::new();
        let correct =
            Correct { subject, etag, entry, from, content, exists_from, ended_on, sentences };
        city.correct(correct).unwrap();
    };
    correct(one, "8");
    settle_the_only_one(&city);
    // The other one is looked at, and has the number as before.
    city.change(two, "1995-01-01", crate::city::building(compound, 700)).unwrap();
    assert_eq!(open_ones(&city), Vec::<String>::new());
    // It gets another number, by a change; and the same one again.
    city.change(two, "1990-01-01", numbered("9")).unwrap();
    assert_eq!(open_ones(&city), Vec::<String>::new());
    correct(two, "8");
    assert_eq!(open_ones(&city).len(), 1);
}

//! Differences between two states of knowledge: each subject once, however many pages it takes.

use anju::{
    domain::content::{Content, Fields},
    kernel::{
        id::{Kind, SubjectId},
        page::PageRequest,
        position::Seq,
        time::KnownAt,
    },
    registry::{Correct, Error, SubjectDiff},
};

use crate::city::{City, fields};

fn lifts(count: u16) -> Content {
    fields(Kind::Building, |fields| {
        if let Fields::Building(building) = fields {
            building.lift_count = Some(Some(count));
        }
    })
}

/// All pages of a difference, of so many rows each.
fn all(city: &City, of: SubjectId, from: Seq, to: Seq, rows: usize) -> Vec<SubjectDiff> {
    let (mut found, mut after) = (Vec::new(), Vec::new());
    loop {
        let page = PageRequest { rows, after };
        let (page, ..) =
            city.registry.diff(of, KnownAt::Seq(from), KnownAt::Seq(to), &page).unwrap();
        assert!(page.rows.len() <= rows);
        found.extend(page.rows);
        match page.next {
            Some(next) => after = next,
            None => return found,
        }
    }
}

fn told(diffs: &[SubjectDiff]) -> Vec<(SubjectId, Vec<Seq>, Vec<String>)> {
    let fields = |diff: &SubjectDiff| {
        let each = diff.fields.iter().map(|field| {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            format!("{} {}→{}", field.field, text(&field.old), text(&field.new))
        });
        each.collect()
    };
    diffs.iter().map(|diff| (diff.subject, diff.entries.clone(), fields(diff))).collect()
}

#[test]
fn both_states_are_compared_whatever_was_said_between_them() {
    let city = City::new();
    let community = city.community("甲社区", city.street("一街道"));
    let compound = city.compound("示例小区", community);
    let buildings = [(); 5].map(|()| city.building(compound, "1990-05-01", 500));
    let head = || city.registry.frontier(city.home()).seq;
    let before = head();
    // Twice the same building, and the others between: what it comes to in the end is told once.
    for count in [1, 2, 3] {
        for building in buildings {
            city.change(building, "2001-01-01", lifts(count)).unwrap();
        }
    }
    let units = [(); 2].map(|()| city.unit(buildings[1], "1991-01-01"));
    city.retract(units[1], None).unwrap();
    let after = head();
    for of in [compound, community, city.district, city.city] {
        let whole = all(&city, of, before, after, 1_000);
        assert_eq!(whole.len(), 6, "{of}");
        for diff in &told(&whole) {
            if buildings.contains(&diff.0) {
                assert_eq!((diff.1.len(), &diff.2[..]), (3, &["lift_count →3".to_owned()][..]));
            }
        }
        // Said and taken back between them, it was in nothing by either.
        assert!(whole.iter().all(|diff| diff.subject != units[1]));
        for rows in [1, 2, 3] {
            assert_eq!(told(&all(&city, of, before, after, rows)), told(&whole), "{of} by {rows}");
        }
    }
    assert_eq!(all(&city, buildings[1], before, after, 10).len(), 2, "the building and its unit");
    assert_eq!(all(&city, units[0], before, after, 10).len(), 1);
    // In the middle it is what was known in the middle.
    let middle = told(&all(&city, buildings[4], before + 5, before + 10, 10));
    assert_eq!(middle[0].2, ["lift_count 1→2"]);
}

#[test]
fn a_correction_is_told_of_its_subject_and_of_nobody_else() {
    let city = City::new();
    let compound = city.compound("示例小区", city.community("甲社区", city.street("一街道")));
    let [one, other] = [(); 2].map(|()| city.building(compound, "1990-05-01", 500));
    let before = city.registry.frontier(city.home()).seq;
    city.correct(Correct {
        subject: one,
        etag: None,
        entry: None,
        from: None,
        content: lifts(4),
        exists_from: None,
        ended_on: None,
        sentences: vec![],
    })
    .unwrap();
    let after = city.registry.frontier(city.home()).seq;
    let told = told(&all(&city, city.city, before, after, 10));
    assert_eq!(told, [(one, vec![after], vec!["lift_count →4".to_owned()])]);
    assert!(all(&city, other, before, after, 10).is_empty());
}

#[test]
fn who_was_never_known_is_not_there() {
    let city = City::new();
    for kind in [Kind::Building, Kind::Unit, Kind::Region] {
        let nobody = SubjectId::new(kind, city.seed().born_in(city.home()));
        let page = PageRequest { rows: 10, after: Vec::new() };
        match city.registry.diff(nobody, KnownAt::Seq(0), KnownAt::Now, &page) {
            Err(Error::Refused(refusals)) => {
                let told = refusals.iter().map(|one| (one.reason.as_str(), one.field.as_str()));
                assert_eq!(told.collect::<Vec<_>>(), [("NOT_FOUND", "subject_id")]);
            }
            other => panic!("{other:?}"),
        }
    }
}

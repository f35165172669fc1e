//! What lies in a box of the map: what is there on the day asked for, each once.

use anju::{
    domain::{
        content::{Content, Fields},
        place::{BoundingBox, Crs, Point},
        timeline::EndCause,
    },
    kernel::{
        id::{Kind, SubjectId},
        page::PageRequest,
        time::KnownAt,
    },
    registry::{Command, End, ListOf, Search, Sought},
};

use crate::city::{City, at, building, fields, said};

/// One latitude for all, in units of 1e-7 degrees.
const NORTH: i64 = 347_500_000;

fn point(east: i64) -> Point {
    Point::new(Crs::Cgcs2000, east, NORTH).unwrap()
}

/// A band between two longitudes.
pub(crate) fn around(west: i64, east: i64) -> BoundingBox {
    let corner = |x, y| Point::new(Crs::Cgcs2000, x, y).unwrap();
    BoundingBox::new(corner(west, NORTH - 100), corner(east, NORTH + 100)).unwrap()
}

/// A compound or building with its point.
pub(crate) fn placed(mut content: Content, east: i64) -> Content {
    match &mut content.fields {
        Fields::Building(fields) => fields.location = Some(Some(point(east))),
        Fields::Compound(fields) => fields.location = Some(Some(point(east))),
        _ => {}
    }
    content
}

/// The buildings of a box on all pages of two rows.
fn in_box(city: &City, wanted: BoundingBox, valid: &str, known: KnownAt) -> Vec<SubjectId> {
    let search = Search {
        partition: city.home(),
        sought: Sought::Box(wanted),
        kinds: vec![Kind::Building],
        below: None,
    };
    let mut page = PageRequest { rows: 2, after: Vec::new() };
    let mut found = Vec::new();
    loop {
        let some = city.registry.search(&search, at(valid, known), &page).unwrap();
        found.extend(some.rows.into_iter().map(|seen| seen.id));
        let Some(next) = some.next else {
            found.sort_unstable();
            return found;
        };
        page.after = next;
    }
}

#[test]
fn a_box_lists_what_is_there_on_its_day_as_other_lists_do() {
    let city = City::new();
    let compound = city.compound("示例小区", city.community("甲社区", city.street("一街道")));
    let build = |exists_from: &str| {
        let content = placed(building(compound, 1_000), 1_134_000_000);
        city.register(content, exists_from, false).unwrap()
    };
    let (old, new, rough) = (build("1985-01-01"), build("2010-01-01"), build("2000s"));
    let error = build("1985-01-01");
    let day = said("2015-01-01");
    let end = End { subject: old, etag: None, day, cause: EndCause::Demolished };
    city.run(city.home(), Command::End(end)).unwrap();
    let before = city.registry.frontier(city.home()).seq;
    city.retract(error, None).unwrap();
    let band = || around(1_134_000_000, 1_134_000_000);
    for (valid, expected) in [
        ("1984-12-31", vec![]),
        ("1985-01-01", vec![old]),
        ("2005-01-01", vec![old, rough]),
        ("2010-01-01", vec![old, new, rough]),
        ("2015-01-01", vec![new, rough]),
    ] {
        assert_eq!(in_box(&city, band(), valid, KnownAt::Now), expected, "{valid}");
        let then = in_box(&city, band(), valid, KnownAt::Seq(before));
        assert_eq!(then.contains(&error), valid >= "1985", "{valid}");
        let page = PageRequest { rows: 100, after: Vec::new() };
        let of = ListOf::Below(Kind::Building, compound);
        let list = city.registry.list(of, at(valid, KnownAt::Seq(before)), &page).unwrap();
        assert_eq!(then, list.rows.iter().map(|seen| seen.id).collect::<Vec<_>>(), "{valid}");
    }
}

#[test]
fn what_was_moved_within_a_box_is_listed_once() {
    let city = City::new();
    let compound = city.compound("示例小区", city.community("甲社区", city.street("一街道")));
    let build = |east| city.register(placed(building(compound, 500), east), "1985", false).unwrap();
    let places = [1_134_000_000, 1_134_300_000, 1_134_600_000];
    let mut listed = places.map(build).to_vec();
    for (from, east) in [("2000-01-01", places[2]), ("2010-01-01", places[1])] {
        let moved = placed(fields(Kind::Building, |_| {}), east);
        city.change(listed[0], from, moved).unwrap();
    }
    let band = || around(places[0], places[2]);
    listed.sort_unstable();
    for valid in ["1990-01-01", "2005-01-01", "2015-01-01"] {
        assert_eq!(in_box(&city, band(), valid, KnownAt::Now), listed, "{valid}");
    }
}

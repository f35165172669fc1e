//! What is in one place after another, and never in two.

use anju::{
    domain::content::{Content, Fields},
    kernel::{
        id::{Kind, SubjectId},
        page::PageRequest,
        position::Seq,
        time::KnownAt,
    },
    registry::{Correct, ListOf},
};
use expect_test::expect;

use crate::{
    city::{at, day, fields},
    page::{NOW, Page, corrected, demolish},
};

fn in_compound(compound: SubjectId) -> Content {
    fields(Kind::Building, |fields| {
        if let Fields::Building(building) = fields {
            building.compound = Some(Some(compound.try_into().unwrap()));
        }
    })
}

/// Where a block is listed on a day as known then.
fn listed(page: &Page, compounds: [SubjectId; 2], valid: &str, known: KnownAt) -> Vec<SubjectId> {
    let rows = PageRequest { rows: 100, after: Vec::new() };
    let has_it = |compound: &SubjectId| {
        let of = ListOf::Below(Kind::Building, *compound);
        !page.city.registry.list(of, at(valid, known), &rows).unwrap().rows.is_empty()
    };
    compounds.into_iter().filter(has_it).collect()
}

/// The block is counted, and listed, in one compound on every day that it is there.
fn is_counted_once(page: &Page, compounds: [SubjectId; 2], seq: Seq, is_demolished: bool) {
    let once = "1 buildings 1000 m², 1 units, 2 compounds";
    let gone = "0 buildings 0 m², 0 units, 2 compounds";
    let known = KnownAt::Seq(seq);
    let days = ["1986-01-01", "2018-02-28", "2018-03-01", "2020-05-31", "2020-06-01"];
    for valid in days.into_iter().chain(["2023-12-31", "2024-01-01", "2026-11-23"]) {
        let is_gone = is_demolished && valid >= "2024-01-01";
        let whole = page.city.totals(page.city.district, at(valid, known));
        assert_eq!(whole, if is_gone { gone } else { once }, "{valid}, known {seq}");
        let places = listed(page, compounds, valid, known);
        assert_eq!(places.len(), usize::from(!is_gone), "{valid}, known {seq}");
        for compound in compounds {
            let counted = page.city.totals(compound, at(valid, known));
            let is_here = places.contains(&compound);
            let expected = if is_here { once } else { gone }.replace("2 comp", "0 comp");
            assert_eq!(counted, expected, "{valid}, known {seq}");
        }
    }
}

/// Case 13 of the hard ones, as far as there are no projects yet: a building that moved to another
/// compound. Also of the days before the move, and of what was known before it was corrected.
#[test]
fn case_13_a_block_that_moved_to_another_compound_is_counted_once_on_every_day_as_ever_known() {
    let mut page = Page::new();
    let [north, south] = ["一街道", "二街道"].map(|street| {
        let community = page.city.community("甲社区", page.city.street(street));
        page.city.compound("示例小区", community)
    });
    page.name(north, "the north compound");
    page.name(south, "the south compound");
    let block = page.city.building(north, "1985", 1_000);
    page.city.unit(block, "1985");
    page.name(block, "the block");
    let first = page.head();
    let answer = page.city.change(block, "2020-06-01", in_compound(south));
    page.answer("moved on 2020-06-01", answer);
    let moved = page.head();
    for valid in ["2020-05-31", "2020-06-01"] {
        page.totals(north, valid, NOW);
        page.totals(south, valid, NOW);
    }
    let correct = Correct {
        entry: page.last(block),
        from: Some(day("2018-03-01")),
        ..corrected(block, in_compound(south))
    };
    let answer = page.city.correct(correct);
    page.answer("it was on 2018-03-01", answer);
    let mended = page.head();
    for (when, known) in [("as was known before", KnownAt::Seq(moved)), ("as is known now", NOW)] {
        page.line(&format!("{when}:"));
        page.totals(north, "2019-01-01", known);
        page.totals(south, "2019-01-01", known);
    }
    let answer = demolish(&page.city, block, "2024-01-01");
    page.answer("demolished on 2024-01-01", answer);
    let last = page.head();
    for known in [first, moved, mended, last] {
        is_counted_once(&page, [north, south], known, known == last);
    }
    page.line("counted once, and listed once, on every day and as known after each of these");
    expect![[r"
        moved on 2020-06-01: done
        the north compound on 2020-05-31: 1 buildings 1000 m², 1 units, 0 compounds
        the south compound on 2020-05-31: 0 buildings 0 m², 0 units, 0 compounds
        the north compound on 2020-06-01: 0 buildings 0 m², 0 units, 0 compounds
        the south compound on 2020-06-01: 1 buildings 1000 m², 1 units, 0 compounds
        it was on 2018-03-01: done
        as was known before:
        the north compound on 2019-01-01: 1 buildings 1000 m², 1 units, 0 compounds
        the south compound on 2019-01-01: 0 buildings 0 m², 0 units, 0 compounds
        as is known now:
        the north compound on 2019-01-01: 0 buildings 0 m², 0 units, 0 compounds
        the south compound on 2019-01-01: 1 buildings 1000 m², 1 units, 0 compounds
        demolished on 2024-01-01: done
        counted once, and listed once, on every day and as known after each of these
    "]]
    .assert_eq(&page.text);
}

//! Merges, splits and logical buildings: what goes on in what, and that nothing counts twice.

use anju::{
    domain::content::{Content, Fields},
    kernel::id::Kind,
    registry::{Command, Merge, MergeInto, Split, SplitPart},
};
use expect_test::expect;

use crate::{
    city::{building, day, fields},
    page::{NOW, Page, floor_area},
};

#[test]
fn one_block_sold_as_two_is_counted_once() {
    let mut page = Page::new();
    let street = page.city.street("一街道");
    let community = page.city.community("甲社区", street);
    let compound = page.city.compound("示例小区", community);
    page.name(compound, "the compound");
    let block = page.city.building(compound, "1990-05-01", 3_000);
    for _ in 0..2 {
        let mut content = building(compound, 1_500);
        if let Fields::Building(fields) = &mut content.fields {
            fields.physical = Some(Some(block.try_into().unwrap()));
        }
        let part = page.city.register(content, "1990-05-01", false).unwrap();
        page.city.unit(part, "1990-05-01");
    }
    page.totals(compound, "2026-11-22", NOW);
    expect![[r"
        the compound on 2026-11-22: 1 buildings 3000 m², 2 units, 0 compounds
    "]]
    .assert_eq(&page.text);
}

#[test]
fn two_blocks_joined_by_an_extension_go_on_in_one() {
    let mut page = Page::new();
    let community = page.city.community("甲社区", page.city.street("一街道"));
    let compound = page.city.compound("示例小区", community);
    page.name(compound, "the compound");
    let one = page.city.building(compound, "1985", 1_000);
    let two = page.city.building(compound, "1990-05-01", 800);
    page.city.unit(one, "1985");
    page.city.unit(two, "1990-05-01");
    let merge = Merge {
        kind: Kind::Building,
        subjects: vec![one, two],
        day: day("2020-06-01"),
        into: MergeInto::New { seed: page.city.seed(), content: Box::new(floor_area(2_000)) },
    };
    let answer = page.city.run(page.city.home(), Command::Merge(merge));
    let whole = page.answer("joined on 2020-06-01", answer).unwrap().decided.subjects[0];
    page.name(one, "block one");
    page.name(two, "block two");
    page.name(whole, "the joined block");
    for valid in ["2020-05-31", "2020-06-01"] {
        page.totals(compound, valid, NOW);
        page.totals(whole, valid, NOW);
    }
    for id in [one, two, whole] {
        page.life(id, "2020-06-01");
    }
    expect![[r"
        joined on 2020-06-01: done
        the compound on 2020-05-31: 2 buildings 1800 m², 2 units, 0 compounds
        the joined block on 2020-05-31: 0 buildings 0 m², 0 units, 0 compounds
        the compound on 2020-06-01: 1 buildings 2000 m², 2 units, 0 compounds
        the joined block on 2020-06-01: 0 buildings 0 m², 2 units, 0 compounds
        block one on 2020-06-01: is there no more, goes on in the joined block since 2020-06-01
        block two on 2020-06-01: is there no more, goes on in the joined block since 2020-06-01
        the joined block on 2020-06-01: is there, comes from block one on 2020-06-01, comes from block two on 2020-06-01
    "]].assert_eq(&page.text);
}

#[test]
fn a_unit_split_in_two_goes_on_in_both_by_their_shares() {
    let mut page = Page::new();
    let community = page.city.community("甲社区", page.city.street("一街道"));
    let compound = page.city.compound("示例小区", community);
    page.name(compound, "the compound");
    let block = page.city.building(compound, "1985", 1_000);
    let unit = page.city.unit(block, "1985");
    page.name(unit, "the unit");
    let area = |m2: u64| -> Content {
        fields(Kind::Unit, |fields| {
            if let Fields::Unit(unit) = fields {
                unit.area_cm2 = Some(Some(m2 * 10_000));
            }
        })
    };
    let part = |share| SplitPart { seed: page.city.seed(), content: area(40), share };
    let split = |parts| {
        Command::Split(Split {
            subject: unit,
            etag: None,
            day: day("2018-03-01"),
            parts,
            assignments: Vec::new(),
            keeps: false,
        })
    };
    let uneven = page.city.run(page.city.home(), split(vec![part((3, 8)), part((4, 8))]));
    let even = page.city.run(page.city.home(), split(vec![part((3, 8)), part((5, 8))]));
    page.answer("split into 3/8 and 4/8", uneven);
    let parts = page.answer("split into 3/8 and 5/8", even).unwrap().decided.subjects;
    page.name(parts[0], "the smaller part");
    page.name(parts[1], "the larger part");
    for id in [unit, parts[0], parts[1]] {
        page.life(id, "2018-03-01");
    }
    page.totals(compound, "2018-02-28", NOW);
    page.totals(compound, "2018-03-01", NOW);
    expect![[r"
        split into 3/8 and 4/8: refused, the shares sum to one exactly, or to less than one when the subject lives on
        split into 3/8 and 5/8: done
        the unit on 2018-03-01: is there no more, goes on in the smaller part with 3/8 since 2018-03-01, goes on in the larger part with 5/8 since 2018-03-01
        the smaller part on 2018-03-01: is there, comes from the unit with 3/8 on 2018-03-01
        the larger part on 2018-03-01: is there, comes from the unit with 5/8 on 2018-03-01
        the compound on 2018-02-28: 1 buildings 1000 m², 1 units, 0 compounds
        the compound on 2018-03-01: 1 buildings 1000 m², 2 units, 0 compounds
    "]].assert_eq(&page.text);
}

//! Entered by mistake, demolished, and corrected later.

use anju::{
    kernel::{id::Kind, time::KnownAt},
    registry::{Command, Merge, MergeInto},
};
use expect_test::expect;

use crate::{
    city::{building, day},
    page::{NOW, Page, corrected, demolish, floor_area},
};

#[test]
fn a_duplicate_never_was_and_a_demolished_block_was_until_its_day() {
    let mut page = Page::new();
    let community = page.city.community("甲社区", page.city.street("一街道"));
    page.name(community, "the community");
    let compound = page.city.compound("示例小区", community);
    let block = page.city.building(compound, "1985", 1_000);
    let twice = page.city.building(compound, "1985", 1_000);
    page.name(block, "the block");
    page.name(twice, "the duplicate");
    page.city.unit(block, "1985");
    page.city.unit(twice, "1985");
    let before = page.head();
    let answer = page.city.retract(twice, None);
    page.answer("the duplicate is taken back", answer);
    let answer = demolish(&page.city, block, "2020-03-01");
    page.answer("the block was demolished on 2020-03-01", answer);
    for valid in ["2000-01-01", "2020-02-29", "2020-03-01"] {
        page.totals(community, valid, NOW);
    }
    page.line("as was known before:");
    page.totals(community, "2000-01-01", KnownAt::Seq(before));
    page.life(block, "2026-11-22");
    page.life(twice, "2000-01-01");
    expect![[r"
        the duplicate is taken back: done
        the block was demolished on 2020-03-01: done
        the community on 2000-01-01: 1 buildings 1000 m², 1 units, 1 compounds
        the community on 2020-02-29: 1 buildings 1000 m², 1 units, 1 compounds
        the community on 2020-03-01: 0 buildings 0 m², 0 units, 1 compounds
        as was known before:
        the community on 2000-01-01: 2 buildings 2000 m², 2 units, 1 compounds
        the block on 2026-11-22: is there no more
        the duplicate on 2000-01-01: was entered in error and never existed
    "]]
    .assert_eq(&page.text);
}

#[test]
fn a_back_dated_correction_changes_the_past_only_as_it_is_known_since() {
    let mut page = Page::new();
    let community = page.city.community("甲社区", page.city.street("一街道"));
    page.name(community, "the community");
    let compound = page.city.compound("示例小区", community);
    page.city.tick("2026-12-01T02:00:00Z");
    let block = page.city.building(compound, "1985", 1_000);
    let december = page.head();
    page.city.tick("2027-10-01T02:00:00Z");
    let answer = page.city.correct(corrected(block, floor_area(900)));
    page.answer("in October the area of 1 000 m² is corrected to 900 m²", answer);
    page.line("the report of December is told again as it was sent:");
    page.totals(community, "2026-11-30", KnownAt::Seq(december));
    page.line("and as it is known now:");
    page.totals(community, "2026-11-30", NOW);
    expect![[r"
        in October the area of 1 000 m² is corrected to 900 m²: done
        the report of December is told again as it was sent:
        the community on 2026-11-30: 1 buildings 1000 m², 0 units, 1 compounds
        and as it is known now:
        the community on 2026-11-30: 1 buildings 900 m², 0 units, 1 compounds
    "]]
    .assert_eq(&page.text);
}

#[test]
fn the_wrong_one_of_two_was_taken_back_and_is_there_again() {
    let mut page = Page::new();
    let community = page.city.community("甲社区", page.city.street("一街道"));
    page.name(community, "the community");
    let compound = page.city.compound("示例小区", community);
    let numbered = |page: &Page, number: &str| {
        let mut content = building(compound, 1_000);
        content.shared.identifiers.insert("house".to_owned(), vec![number.to_owned()]);
        let block = page.city.register(content, "1985", false).unwrap();
        page.city.unit(block, "1985");
        block
    };
    let block = numbered(&page, "H1");
    page.name(block, "block 1");
    let answer = page.city.retract(block, None);
    page.answer("block 1 is taken back as a duplicate", answer);
    let retraction = page.last(block);
    let new = numbered(&page, "H1");
    page.name(new, "the newcomer");
    page.totals(community, "2000-01-01", NOW);
    let before = page.head();
    let answer = page.city.retract(block, retraction);
    page.answer("it was none: the retraction is taken back", answer);
    page.totals(community, "2000-01-01", NOW);
    page.cases();
    let answer = page.city.retract(block, retraction);
    page.answer("the retraction is taken back again", answer);
    let answer = page.city.retract(new, None);
    page.answer("the newcomer is taken back", answer);
    page.totals(community, "2000-01-01", NOW);
    page.cases();
    page.line("as was known while block 1 was thought to be none:");
    page.totals(community, "2000-01-01", KnownAt::Seq(before));
    page.life(block, "2000-01-01");
    page.life(new, "2000-01-01");
    expect![[r"
        block 1 is taken back as a duplicate: done
        the community on 2000-01-01: 1 buildings 1000 m², 1 units, 1 compounds
        it was none: the retraction is taken back: done
        the community on 2000-01-01: 2 buildings 2000 m², 2 units, 1 compounds
        cases: block 1 and the newcomer: another subject has the same outside number on the same day
        the retraction is taken back again: refused, what entry 10 of bld_01KAV9FT00000020000000000D took back was said again by entry 14
        the newcomer is taken back: done
        the community on 2000-01-01: 1 buildings 1000 m², 1 units, 1 compounds
        cases: none
        as was known while block 1 was thought to be none:
        the community on 2000-01-01: 1 buildings 1000 m², 1 units, 1 compounds
        block 1 on 2000-01-01: is there
        the newcomer on 2000-01-01: was entered in error and never existed
    "]].assert_eq(&page.text);
}

#[test]
fn a_demolition_and_a_merge_are_taken_back_and_were_so_after_all() {
    let mut page = Page::new();
    let community = page.city.community("甲社区", page.city.street("一街道"));
    let compound = page.city.compound("示例小区", community);
    page.name(compound, "the compound");
    let [one, two, three] = [0; 3].map(|_| page.city.building(compound, "1985", 1_000));
    page.name(one, "block 1");
    page.name(two, "block 2");
    page.name(three, "block 3");
    for block in [one, two, three] {
        page.city.unit(block, "1985");
    }
    let merge = Merge {
        kind: Kind::Building,
        subjects: vec![one, two],
        day: day("2010-01-01"),
        into: MergeInto::New { seed: page.city.seed(), content: Box::new(floor_area(2_000)) },
    };
    let answer = page.city.run(page.city.home(), Command::Merge(merge));
    let whole = page.answer("1 and 2 are joined", answer).unwrap().decided.subjects[0];
    page.name(whole, "the joined block");
    let answer = demolish(&page.city, three, "2010-01-01");
    page.answer("3 is demolished", answer);
    page.totals(compound, "2011-01-01", NOW);
    for (what, block) in [("joined", one), ("demolished", three)] {
        let answer = page.city.retract(block, page.last(block));
        page.answer(&format!("it was not {what}"), answer);
    }
    page.totals(compound, "2011-01-01", NOW);
    for (what, block) in [("joined", two), ("demolished", three)] {
        let answer = page.city.retract(block, page.last(block));
        page.answer(&format!("it was {what} after all"), answer);
    }
    page.totals(compound, "2011-01-01", NOW);
    for block in [one, two, three, whole] {
        page.life(block, "2011-01-01");
    }
    page.cases();
    expect![[r"
        1 and 2 are joined: done
        3 is demolished: done
        the compound on 2011-01-01: 1 buildings 2000 m², 2 units, 0 compounds
        it was not joined: done
        it was not demolished: done
        the compound on 2011-01-01: 3 buildings 3000 m², 3 units, 0 compounds
        it was joined after all: done
        it was demolished after all: done
        the compound on 2011-01-01: 1 buildings 2000 m², 2 units, 0 compounds
        block 1 on 2011-01-01: is there no more, goes on in the joined block since 2010-01-01
        block 2 on 2011-01-01: is there no more, goes on in the joined block since 2010-01-01
        block 3 on 2011-01-01: is there no more
        the joined block on 2011-01-01: is there, comes from block 1 on 2010-01-01, comes from block 2 on 2010-01-01
        cases: none
    "]].assert_eq(&page.text);
}

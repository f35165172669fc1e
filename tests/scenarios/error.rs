//! Entered by mistake, demolished, and corrected later.

use anju::kernel::time::KnownAt;
use expect_test::expect;

use crate::page::{NOW, Page, corrected, demolish, floor_area};

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

//! Days that are known roughly are never made exact.

use expect_test::expect;

use crate::page::{NOW, Page};

#[test]
fn a_block_of_the_eighties_is_certain_after_them_and_possible_within() {
    let mut page = Page::new();
    let community = page.city.community("甲社区", page.city.street("一街道"));
    page.name(community, "the community");
    let compound = page.city.register(crate::city::compound("老小区", community), "<1980", false);
    let compound = compound.unwrap();
    let eighties = page.city.building(compound, "1980s", 1_000);
    let before = page.city.building(compound, "<1985", 100);
    let unknown = page.city.building(compound, "unknown", 10);
    page.name(eighties, "the block of the 1980s");
    page.name(before, "the block from before 1985");
    page.name(unknown, "the block of unknown age");
    for valid in ["1979-12-31", "1980-01-01", "1985-01-01", "1989-12-31", "2000-12-31"] {
        for id in [eighties, before, unknown] {
            page.life(id, valid);
        }
        page.totals(community, valid, NOW);
    }
    expect![[r"
        the block of the 1980s on 1979-12-31: is not there yet
        the block from before 1985 on 1979-12-31: may be there, which is not known
        the block of unknown age on 1979-12-31: may be there, which is not known
        the community on 1979-12-31: 0..2 buildings 0..110 m², 0 units, 1 compounds
        the block of the 1980s on 1980-01-01: may be there, which is not known
        the block from before 1985 on 1980-01-01: may be there, which is not known
        the block of unknown age on 1980-01-01: may be there, which is not known
        the community on 1980-01-01: 0..3 buildings 0..1110 m², 0 units, 1 compounds
        the block of the 1980s on 1985-01-01: may be there, which is not known
        the block from before 1985 on 1985-01-01: is there
        the block of unknown age on 1985-01-01: may be there, which is not known
        the community on 1985-01-01: 1..3 buildings 100..1110 m², 0 units, 1 compounds
        the block of the 1980s on 1989-12-31: is there
        the block from before 1985 on 1989-12-31: is there
        the block of unknown age on 1989-12-31: may be there, which is not known
        the community on 1989-12-31: 2..3 buildings 1100..1110 m², 0 units, 1 compounds
        the block of the 1980s on 2000-12-31: is there
        the block from before 1985 on 2000-12-31: is there
        the block of unknown age on 2000-12-31: may be there, which is not known
        the community on 2000-12-31: 2..3 buildings 1100..1110 m², 0 units, 1 compounds
    "]]
    .assert_eq(&page.text);
}

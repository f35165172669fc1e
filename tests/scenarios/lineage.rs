//! Merges, splits and logical buildings: what goes on in what, and that nothing counts twice.

use std::fmt::Write as _;

use anju::{
    domain::{
        building::{BuildingUse, Structure},
        content::{Content, Fields},
    },
    kernel::id::{Kind, SubjectId},
    registry::{Command, Merge, MergeInto, Split, SplitPart},
};
use expect_test::expect;

use crate::{
    city::{day, fields, said},
    page::{NOW, Page, today},
};

/// A building of which much is known.
fn known_well(compound: SubjectId, area_cm2: u64) -> Content {
    let mut content = fields(Kind::Building, |fields| {
        if let Fields::Building(fields) = fields {
            fields.name = Some(Some("旧楼".to_owned()));
            fields.address = Some(Some("人民路12号".to_owned()));
            fields.compound = Some(Some(compound.try_into().unwrap()));
            fields.completed = Some(Some(said("1985")));
            fields.design_life_years = Some(Some(50));
            fields.structure = Some(Some(Structure::BrickConcrete));
            fields.storeys_above = Some(Some(5));
            fields.building_use = Some(Some(BuildingUse::Dwelling));
            fields.floor_area_cm2 = Some(Some(area_cm2));
            fields.lift_count = Some(Some(2));
        }
    });
    content.shared.identifiers.insert("census".to_owned(), vec![format!("{area_cm2}")]);
    content.shared.doubts.insert("completed".to_owned(), true);
    content
}

fn name(name: &str) -> Content {
    fields(Kind::Building, |fields| {
        if let Fields::Building(fields) = fields {
            fields.name = Some(Some(name.to_owned()));
        }
    })
}

/// What is said of a subject, with its doubts.
fn told(page: &mut Page, id: SubjectId) {
    let seen = page.city.registry.get(id, today()).unwrap();
    let texts = seen.content.texts().into_iter().filter(|(field, _)| field != "compound_id");
    let texts = texts.map(|(field, value)| format!("{field} {}", value.unwrap_or_default()));
    let mut line = format!("{}: {}", page.named(id), texts.collect::<Vec<_>>().join(", "));
    for (_, sentence) in seen.doubts {
        write!(line, " ({})", sentence.replace(&id.to_string(), "itself")).unwrap();
    }
    for (id, name) in page.names() {
        line = line.replace(&id.to_string(), name);
    }
    page.line(&line);
}

#[test]
fn parts_are_as_the_whole_was_and_no_square_centimetre_is_lost() {
    let mut page = Page::new();
    let community = page.city.community("甲社区", page.city.street("一街道"));
    let compound = page.city.compound("示例小区", community);
    page.name(compound, "the compound");
    let content = known_well(compound, 10_000_001);
    let block = page.city.register(content, "1985", false).unwrap();
    page.name(block, "the block");
    let split = |keeps, parts: &[(&str, (u64, u64))]| {
        let part = |(text, share): &(&str, (u64, u64))| SplitPart {
            seed: page.city.seed(),
            content: name(text),
            share: *share,
        };
        Command::Split(Split {
            subject: block,
            etag: None,
            day: day("2024-01-01"),
            parts: parts.iter().map(part).collect(),
            assignments: Vec::new(),
            keeps,
        })
    };
    let [out, thirds] = [
        split(true, &[("附楼", (1, 3))]),
        split(false, &[("东", (1, 3)), ("中", (1, 3)), ("西", (1, 3))]),
    ];
    let home = page.city.home();
    let answer = page.city.run(home, out);
    let answer = page.answer("a third is taken out", answer).unwrap();
    let part = page.name(answer.decided.subjects[0], "what was taken out");
    told(&mut page, block);
    told(&mut page, part);
    page.totals(compound, "2024-01-01", NOW);
    let answer = page.city.retract(block, answer.entries.last().copied());
    page.answer("that is taken back", answer);
    told(&mut page, block);
    let answer = page.city.run(home, thirds);
    let answer = page.answer("split in three", answer).unwrap();
    for (id, name) in answer.decided.subjects.iter().zip(["east", "middle", "west"]) {
        page.name(*id, name);
    }
    for id in answer.decided.subjects {
        told(&mut page, id);
    }
    page.totals(compound, "2023-12-31", NOW);
    page.totals(compound, "2024-01-01", NOW);
    expect![[r"
        a third is taken out: done
        the block: address 人民路12号, completed 1985, design_life_years 50, doubts.completed doubted, floor_area_cm2 6666668, identifiers.census 10000001, lift_count 2, name 旧楼, storeys_above 5, structure BRICK_CONCRETE, use DWELLING ()
        what was taken out: address 人民路12号, completed 1985, design_life_years 50, doubts.completed doubted, floor_area_cm2 3333333, name 附楼, storeys_above 5, structure BRICK_CONCRETE, use DWELLING (it was doubted of the block)
        the compound on 2024-01-01: 2 buildings 1000 m², 0 units, 0 compounds
        that is taken back: done
        the block: address 人民路12号, completed 1985, design_life_years 50, doubts.completed doubted, floor_area_cm2 10000001, identifiers.census 10000001, lift_count 2, name 旧楼, storeys_above 5, structure BRICK_CONCRETE, use DWELLING ()
        split in three: done
        east: address 人民路12号, completed 1985, design_life_years 50, doubts.completed doubted, floor_area_cm2 3333334, name 东, storeys_above 5, structure BRICK_CONCRETE, use DWELLING (it was doubted of the block)
        middle: address 人民路12号, completed 1985, design_life_years 50, doubts.completed doubted, floor_area_cm2 3333334, name 中, storeys_above 5, structure BRICK_CONCRETE, use DWELLING (it was doubted of the block)
        west: address 人民路12号, completed 1985, design_life_years 50, doubts.completed doubted, floor_area_cm2 3333333, name 西, storeys_above 5, structure BRICK_CONCRETE, use DWELLING (it was doubted of the block)
        the compound on 2023-12-31: 1 buildings 1000 m², 0 units, 0 compounds
        the compound on 2024-01-01: 3 buildings 1000 m², 0 units, 0 compounds
    "]].assert_eq(&page.text);
}

#[test]
fn what_is_merged_is_as_the_first_was_with_the_area_of_all() {
    let mut page = Page::new();
    let community = page.city.community("甲社区", page.city.street("一街道"));
    let compound = page.city.compound("示例小区", community);
    page.name(compound, "the compound");
    let area = [10_000_001, 20_000_002, 30_000_003];
    let [one, two, three] =
        area.map(|area| page.city.register(known_well(compound, area), "1985", false).unwrap());
    page.name(one, "one");
    page.name(two, "two");
    page.name(three, "three");
    let merge = |subjects, on, into| {
        Command::Merge(Merge { kind: Kind::Building, subjects, day: day(on), into })
    };
    let home = page.city.home();
    let new = MergeInto::New { seed: page.city.seed(), content: Box::new(name("合并楼")) };
    let answer = page.city.run(home, merge(vec![one, two], "2024-01-01", new));
    let answer = page.answer("one and two become one", answer).unwrap();
    let whole = page.name(answer.decided.subjects[0], "the whole");
    told(&mut page, whole);
    let answer = page.city.run(home, merge(vec![whole], "2024-07-01", MergeInto::Existing(three)));
    let answer = page.answer("three takes that in", answer).unwrap();
    told(&mut page, three);
    page.totals(compound, "2023-12-31", NOW);
    page.totals(compound, "2024-07-01", NOW);
    let answer = page.city.retract(three, answer.entries.last().copied());
    page.answer("that is taken back", answer);
    told(&mut page, three);
    page.totals(compound, "2024-07-01", NOW);
    let unknown = page.city.building(compound, "1985", 1_000);
    let content = fields(Kind::Building, |fields| {
        if let Fields::Building(fields) = fields {
            fields.floor_area_cm2 = Some(None);
        }
    });
    page.city.change(unknown, "2023-01-01", content).unwrap();
    let new = MergeInto::New { seed: page.city.seed(), content: Box::new(name("合并楼")) };
    let answer = page.city.run(home, merge(vec![three, unknown], "2024-01-01", new));
    let answer = page.answer("one of unknown area joins in", answer).unwrap();
    let whole = page.name(answer.decided.subjects[0], "what that makes");
    told(&mut page, whole);
    expect![[r"
        one and two become one: done
        the whole: address 人民路12号, completed 1985, design_life_years 50, doubts.completed doubted, floor_area_cm2 30000003, lift_count 4, name 合并楼, storeys_above 5, structure BRICK_CONCRETE, use DWELLING (it was doubted of one or two)
        three takes that in: done
        three: address 人民路12号, completed 1985, design_life_years 50, doubts.completed doubted, floor_area_cm2 60000006, identifiers.census 30000003, lift_count 6, name 旧楼, storeys_above 5, structure BRICK_CONCRETE, use DWELLING ()
        the compound on 2023-12-31: 3 buildings 6000 m², 0 units, 0 compounds
        the compound on 2024-07-01: 1 buildings 6000 m², 0 units, 0 compounds
        that is taken back: done
        three: address 人民路12号, completed 1985, design_life_years 50, doubts.completed doubted, floor_area_cm2 30000003, identifiers.census 30000003, lift_count 2, name 旧楼, storeys_above 5, structure BRICK_CONCRETE, use DWELLING ()
        the compound on 2024-07-01: 2 buildings 6000 m², 0 units, 0 compounds
        one of unknown area joins in: done
        what that makes: address 人民路12号, completed 1985, design_life_years 50, doubts.completed doubted, name 合并楼, storeys_above 5, structure BRICK_CONCRETE, use DWELLING (it was doubted of three or bld_01KAV9FT00000020000000000Q)
    "]].assert_eq(&page.text);
}

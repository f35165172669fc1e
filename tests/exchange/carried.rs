//! The files that the repository carries are what the generator makes, are read without a fault,
//! and cannot be mistaken for real houses.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::{Read as _, Write as _},
};

use anju::exchange::{
    carried::{CarriedFile, carried},
    column::FileKind,
    draft::Draft,
    sample::{SOURCE, SampleCity, Size, communities},
    write::{Mark, RowWriter},
};
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};

fn file(name: &str) -> CarriedFile {
    carried().into_iter().find(|file| file.name == name).unwrap()
}

fn city() -> SampleCity {
    SampleCity::new(communities().unwrap(), Size::CARRIED)
}

fn generated(kind: FileKind) -> Vec<u8> {
    let city = city();
    let mut writer = RowWriter::new(kind, Mark::LeftOut, Vec::new()).unwrap();
    let rows: Box<dyn Iterator<Item = Draft>> = match kind {
        FileKind::Compounds => Box::new(city.compounds()),
        FileKind::Buildings => Box::new(city.buildings()),
        FileKind::Units => Box::new(city.units(Size::CARRIED_WITH_UNITS)),
        FileKind::Regions | FileKind::Inspections | FileKind::Findings | FileKind::Policies => {
            Box::new(std::iter::empty())
        }
    };
    for row in rows {
        writer.write(row).unwrap();
    }
    writer.finish().unwrap()
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(bytes).read_to_end(&mut unpacked).unwrap();
    unpacked
}

fn drafts(file: CarriedFile) -> Vec<Draft> {
    file.drafts().unwrap()
}

/// `UPDATE_EXPECT=1` writes the files.
#[test]
fn the_made_up_files_are_what_the_generator_makes() {
    for kind in [FileKind::Compounds, FileKind::Buildings, FileKind::Units] {
        let name = format!("{}.csv.gz", kind.word());
        let made = generated(kind);
        if env::var_os("UPDATE_EXPECT").is_some() {
            let mut packer = GzEncoder::new(Vec::new(), Compression::best());
            packer.write_all(&made).unwrap();
            let path = format!("{}/data/zhengzhou/{name}", env!("CARGO_MANIFEST_DIR"));
            fs::write(path, packer.finish().unwrap()).unwrap();
        } else {
            assert!(unpacked(file(&name).bytes) == made, "{name} is not what is made now");
        }
    }
}

#[test]
fn every_carried_row_is_read_and_refers_to_a_carried_row() {
    let mut keys: BTreeMap<FileKind, BTreeSet<String>> = BTreeMap::new();
    let mut counts = Vec::new();
    for file in carried() {
        let drafts = drafts(file);
        counts.push((file.name, drafts.len()));
        for draft in drafts {
            let known = |kind: FileKind, reference: &Option<anju::proto::v1::Reference>| {
                use anju::proto::v1::reference::Reference::{Id, Identifier, Key, SourceKey};
                match reference.as_ref().and_then(|each| each.reference.as_ref()) {
                    Some(Key(key)) => keys[&kind].contains(key),
                    Some(Identifier(code)) => keys[&kind].contains(&code.value),
                    Some(Id(_) | SourceKey(_)) => false,
                    None => true,
                }
            };
            assert!(
                file.name == "provinces.csv" || known(FileKind::Regions, &draft.parent_of_region)
            );
            assert!(known(FileKind::Regions, &draft.community_of), "{draft:?}");
            assert!(known(FileKind::Compounds, &draft.compound_of), "{draft:?}");
            assert!(known(FileKind::Buildings, &draft.building_of), "{draft:?}");
            let key = draft.key.unwrap();
            assert!(keys.entry(file.kind).or_default().insert(key.clone()), "{key} is there twice");
        }
    }
    expect_test::expect![[r#"[("provinces.csv", 1), ("cities.csv", 1), ("districts.csv", 15), ("streets.csv.gz", 208), ("communities.csv.gz", 3306), ("compounds.csv.gz", 330), ("buildings.csv.gz", 3507), ("units.csv.gz", 3230)]"#]].assert_eq(&format!("{counts:?}"));
}

#[test]
fn nothing_made_up_can_be_mistaken_for_real() {
    for name in ["compounds.csv.gz", "buildings.csv.gz", "units.csv.gz"] {
        for draft in drafts(file(name)) {
            assert_eq!(draft.source.as_deref(), Some(SOURCE));
            for said in [&draft.compound.name, &draft.building.name] {
                assert!(said.as_ref().is_none_or(|said| said.starts_with("示例·")), "{said:?}");
            }
        }
    }
}

#[test]
fn the_carried_files_are_small() {
    let bytes: usize = carried().iter().map(|file| file.bytes.len()).sum();
    assert!(bytes < 1_500_000, "{bytes}");
}

#[test]
fn made_up_days_are_exact_rough_and_unknown_as_in_a_real_city() {
    let mut shapes: BTreeMap<&str, usize> = BTreeMap::new();
    for draft in drafts(file("buildings.csv.gz")) {
        let day = draft.building.completed.unwrap();
        let shape = match day.as_str() {
            "unknown" => "unknown",
            day if day.starts_with('<') => "before",
            day if day.contains("..") => "between",
            day if day.ends_with('s') => "decade",
            day if day.len() == 4 => "year",
            day if day.len() == 7 => "month",
            _ => "day",
        };
        *shapes.entry(shape).or_default() += 1;
    }
    assert_eq!(shapes.len(), 7, "{shapes:?}");
    assert!(shapes["day"] * 2 > shapes.values().sum::<usize>(), "{shapes:?}");
}

#[test]
fn a_city_of_any_size_is_made_without_being_kept() {
    let city = SampleCity::new(communities().unwrap(), Size::of_buildings(20_000));
    let mut keys = BTreeSet::new();
    let mut names = BTreeSet::new();
    for draft in city.compounds() {
        assert!(names.insert(draft.compound.name.unwrap()));
    }
    let buildings = city.buildings().take(20_000).filter(|draft| keys.insert(draft.key.clone()));
    assert_eq!(buildings.count(), 20_000);
}

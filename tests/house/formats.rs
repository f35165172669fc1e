//! What must be readable for ever: stored samples of every fact and of an entry, and the form of
//! the messages.
//!
//! `tests/samples` was written by the first version that could. A sample is never changed; what is
//! new is added. A difference here means that journals that exist would be read otherwise.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fmt::Write as _;

use crate::checkups;
use anju::{
    domain::{
        author::Author,
        content::{Content, Fields},
        region::Level,
        timeline::{Edge, EndCause},
    },
    kernel::{
        hash::Hash,
        id::{CaseId, Kind, RawId, RegionId, SubjectId},
        position::Partition,
        time::{Month, Stamp},
    },
    registry::{
        Body, Class, Conflict, Entry, Fact, ItemOutcome, ItemRecord, Link, Refusal, RequestMark,
        SourceRow, Text, withhold,
    },
};
use expect_test::expect_file;
use prost::Message as _;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet};

const SEED: [u8; 32] = [7; 32];

fn partition() -> Partition {
    Partition::new(1).unwrap()
}

fn subject(kind: Kind, number: u64) -> SubjectId {
    SubjectId::new(kind, RawId::new(1_764_000_000_000, partition(), number))
}

fn contents() -> Vec<Content> {
    let mut region = Content::empty(Kind::Region);
    if let Fields::Region(fields) = &mut region.fields {
        fields.level = Some(Level::Street);
        fields.name = Some(Some("林山寨街道".to_owned()));
        fields.parent = Some(Some(subject(Kind::Region, 1).try_into().unwrap()));
    }
    region.shared.identifiers.insert("nbs".to_owned(), vec!["410102003".to_owned()]);
    let mut compound = Content::empty(Kind::Compound);
    if let Fields::Compound(fields) = &mut compound.fields {
        fields.name = Some(Some("示例小区".to_owned()));
        fields.aliases = Some(Some(vec!["一号院".to_owned()]));
        fields.community = Some(Some(subject(Kind::Region, 2).try_into().unwrap()));
        fields.built = Some(Some("1980s".parse().unwrap()));
    }
    compound.shared.doubts.insert("built".to_owned(), true);
    let mut building = Content::empty(Kind::Building);
    if let Fields::Building(fields) = &mut building.fields {
        fields.name = Some(None);
        fields.address = Some(Some("示例路1号".to_owned()));
        fields.compound = Some(Some(subject(Kind::Compound, 3).try_into().unwrap()));
        fields.community = Some(None);
        fields.completed = Some(Some("<1986".parse().unwrap()));
        fields.design_life_years = Some(Some(50));
        fields.storeys_above = Some(Some(6));
        fields.storeys_below = Some(Some(0));
        fields.height_cm = Some(Some(1_820));
        fields.floor_area_cm2 = Some(Some(31_254_500));
        fields.lift_count = Some(Some(0));
        fields.structure = Some(anju::domain::building::Structure::from_number(1));
        fields.building_use = Some(anju::domain::building::BuildingUse::from_number(2));
        fields.protection = Some(anju::domain::building::Protection::from_number(3));
        fields.physical = Some(Some(subject(Kind::Building, 4).try_into().unwrap()));
    }
    let mut unit = Content::empty(Kind::Unit);
    if let Fields::Unit(fields) = &mut unit.fields {
        fields.building = Some(Some(subject(Kind::Building, 4).try_into().unwrap()));
        fields.entrance = Some(Some("2".to_owned()));
        fields.floor = Some(Some(-1));
        fields.number = Some(Some("301".to_owned()));
        fields.area_cm2 = Some(Some(802_300));
        fields.unit_use = Some(anju::domain::unit::UnitUse::from_number(4));
    }
    vec![region, compound, building, unit]
}

/// One of every kind of fact, with everything in it that it can have.
fn facts() -> Vec<(String, Body)> {
    let [region, compound, building, unit] = contents().try_into().unwrap();
    let exists_from = "1983..1985".parse().unwrap();
    let one = subject(Kind::Building, 5);
    let case = CaseId::new(RawId::new(1_764_000_000_000, partition(), 6));
    let own = RegionId::new(RawId::new(1_764_000_000_000, partition(), 7));
    let edge = Edge {
        from: one,
        into: subject(Kind::Building, 8),
        share_numerator: 1,
        share_denominator: 3,
    };
    let item = ItemRecord {
        index: 3,
        outcome: ItemOutcome::Conflict,
        subject: Some(one),
        refusals: vec![Refusal::of(Class::Conflict, "ETAG_MISMATCH", "etag", "read it again")],
        conflicts: vec![Conflict {
            field: "name".to_owned(),
            row: Some("一号楼".to_owned()),
            registry: None,
        }],
        is_partly_taken: false,
        row: None,
    };
    let heard = ItemRecord {
        is_partly_taken: true,
        row: Some(SourceRow {
            source: "survey".to_owned(),
            key: "row-2".to_owned(),
            hash: Hash([8; 32]),
            said: Some(building.clone()),
        }),
        ..item.clone()
    };
    let month = |year, month| Some(Month { year, month });
    let register = |subject, content| Fact::Registered { subject, exists_from, content };
    let plain = |fact| Body { fact, overridden: Vec::new(), source_row: None };
    let from_a_source = Body {
        fact: Fact::Changed { subject: one, content: building.clone() },
        overridden: vec!["FLOOR_AREA".to_owned()],
        source_row: Some(SourceRow {
            source: "survey".to_owned(),
            key: "row-1".to_owned(),
            hash: Hash([9; 32]),
            said: Some(building.clone()),
        }),
    };
    let day = "2020".parse().unwrap();
    let spine = [
        ("registered region", plain(register(subject(Kind::Region, 9), region))),
        ("registered compound", plain(register(subject(Kind::Compound, 9), compound))),
        ("registered building", plain(register(one, building))),
        ("registered unit", plain(register(subject(Kind::Unit, 9), unit))),
        ("changed", from_a_source),
        ("ended", plain(Fact::Ended { subject: one, day, cause: EndCause::Demolished })),
        ("split", plain(Fact::Succession { split: true, edges: vec![edge], ended: vec![one] })),
        ("merged", plain(Fact::Succession { split: false, edges: vec![edge], ended: vec![] })),
        ("retracted", plain(Fact::Retracted { subjects: vec![one] })),
        ("partition begun", plain(Fact::PartitionBegun(Some(own)))),
        ("partition listed", plain(Fact::PartitionListed { partition: partition(), region: own })),
        (
            "sweep step",
            plain(Fact::SweepStep {
                opened_by: 12,
                node: subject(Kind::Region, 2),
                after: month(1986, 5),
                up_to: month(1999, 12),
            }),
        ),
        ("case assigned", plain(Fact::CaseAssigned { case, assignee: "person-1".to_owned() })),
        ("case settled", plain(Fact::CaseSettled { case, outcome: 2 })),
        ("batch recorded", plain(Fact::BatchRecorded { item_count: 5, items: vec![item] })),
        (
            "batch recorded with what a source said",
            plain(Fact::BatchRecorded { item_count: 5, items: vec![heard] }),
        ),
    ];
    let mut facts =
        spine.into_iter().map(|(name, body)| (name.to_owned(), body)).collect::<Vec<_>>();
    facts.extend(checkups::facts());
    facts
}

fn an_entry() -> Entry {
    let (_, body) = facts().swap_remove(4);
    Entry {
        registry: [1; 16],
        partition: partition(),
        seq: 77,
        stamp: Stamp::from_micros(1_795_399_200_000_001),
        valid_from: Some("2020-03-01".parse().unwrap()),
        second_of_day: Some(3_600),
        order_key: vec![1, 2, 3],
        author: Author {
            subject: "the-city-system".to_owned(),
            person: "person-1".to_owned(),
            role: "registrar".to_owned(),
            institution: "bureau-1".to_owned(),
        },
        request: Some(RequestMark { id: [2; 16], hash: Hash([3; 32]) }),
        corrects: vec![12],
        basis: vec![10, 11],
        subjects: vec![Link {
            subject: subject(Kind::Building, 5),
            previous_seq: 12,
            previous_leaf: Some(Hash([4; 32])),
            entry_count: 2,
        }],
        command_seq: 76,
        body: Some(body),
        text: Some(Text {
            reason: "a paper was found".to_owned(),
            sentences: vec![("built".to_owned(), "two papers differ".to_owned())],
        }),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn samples(text: &str) -> Vec<(&str, Vec<u8>)> {
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    lines.map(|(name, digits)| (name, unhex(digits))).collect()
}

#[test]
fn facts_are_written_as_ever() {
    let mut text = String::new();
    for (name, body) in facts() {
        writeln!(text, "{name}: {}", hex(&body.encode())).unwrap();
    }
    expect_file!["../samples/facts.txt"].assert_eq(&text);
}

#[test]
fn stored_facts_are_read_as_what_they_were_and_written_back_the_same() {
    let stored = samples(include_str!("../samples/facts.txt"));
    assert_eq!(stored.len(), facts().len());
    for ((name, bytes), (expected_name, expected)) in stored.into_iter().zip(facts()) {
        assert_eq!(name, expected_name);
        let read = Body::decode(&bytes).unwrap();
        assert_eq!(read, expected, "{name}");
        assert_eq!(hex(&read.encode()), hex(&bytes), "{name}");
        let word = name.split(' ').take(2).collect::<Vec<_>>().join(" ");
        assert!(word.starts_with(read.fact.word()), "{name} is {}", read.fact.word());
    }
}

#[test]
fn every_kind_of_fact_has_a_sample() {
    let set = FileDescriptorSet::decode(anju::proto::fact::DESCRIPTORS).unwrap();
    let messages = set.file.iter().flat_map(|file| &file.message_type);
    let fact = messages.into_iter().find(|message| message.name() == "Fact").unwrap();
    let kinds = fact.field.iter().filter(|field| field.oneof_index.is_some()).count();
    let mut words = facts().iter().map(|(_, body)| body.fact.word()).collect::<Vec<_>>();
    words.sort_unstable();
    words.dedup();
    // Merges and splits are one kind.
    assert_eq!(words.len(), kinds + 1);
}

#[test]
fn a_stored_entry_is_read_as_what_it_was_and_written_back_the_same() {
    let (bytes, leaf) = an_entry().encode(&SEED);
    let text = format!("entry: {}\nleaf: {leaf}\n", hex(&bytes));
    expect_file!["../samples/entry.txt"].assert_eq(&text);
    let stored = samples(include_str!("../samples/entry.txt"));
    let (entry, leaf) = Entry::decode(&stored[0].1).unwrap();
    assert_eq!(entry, an_entry());
    assert_eq!(leaf.0.as_slice(), stored[1].1);
    assert_eq!(entry.encode(&SEED).0, stored[0].1);
    // What is withheld leaves the leaf as it is.
    let (withheld, same) = Entry::decode(&withhold(&stored[0].1).unwrap()).unwrap();
    assert_eq!(same, leaf);
    assert_eq!(withheld, Entry { body: None, text: None, ..an_entry() });
}

#[test]
fn an_entry_with_a_changed_byte_in_a_part_is_not_read() {
    let stored = samples(include_str!("../samples/entry.txt"));
    let bytes = &stored[0].1;
    let (_, leaf) = Entry::decode(bytes).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        if let Ok((entry, other)) = Entry::decode(&changed) {
            let is_told = other != leaf || entry.body.is_none() || entry.text.is_none();
            assert!(is_told, "byte {at} was changed and nothing shows it");
        }
    }
}

/// One line for every field and enum value.
fn form(descriptors: &[u8], package: &str) -> String {
    fn message(path: &str, of_message: &DescriptorProto, to: &mut Vec<String>) {
        let path = format!("{path}.{}", of_message.name());
        for field in &of_message.field {
            let of = field.type_name().trim_start_matches('.');
            let kind = format!("{:?} {:?} {of}", field.label(), field.r#type());
            let kind = kind.trim_end();
            let group = match (field.oneof_index, field.proto3_optional()) {
                (_, true) => " optional",
                (Some(_), _) => " oneof",
                _ => "",
            };
            to.push(format!("{path} {} {} {kind}{group}", field.number(), field.name()));
        }
        for range in &of_message.reserved_range {
            to.push(format!("{path} reserved {}..{}", range.start(), range.end()));
        }
        for nested in &of_message.nested_type {
            message(&path, nested, to);
        }
        for nested in &of_message.enum_type {
            values(&path, nested, to);
        }
    }
    fn values(path: &str, of: &EnumDescriptorProto, to: &mut Vec<String>) {
        for value in &of.value {
            to.push(format!("{path}.{} {} {}", of.name(), value.number(), value.name()));
        }
    }
    let set = FileDescriptorSet::decode(descriptors).unwrap();
    let mut lines = Vec::new();
    for file in set.file.iter().filter(|file| file.package() == package) {
        for found in &file.message_type {
            message(package, found, &mut lines);
        }
        for found in &file.enum_type {
            values(package, found, &mut lines);
        }
        for service in &file.service {
            for method in &service.method {
                lines.push(format!(
                    "{package}.{}/{} {} -> {}{}",
                    service.name(),
                    method.name(),
                    method.input_type(),
                    if method.server_streaming() { "stream " } else { "" },
                    method.output_type()
                ));
            }
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

#[test]
fn no_field_of_the_journal_is_renumbered_or_retyped() {
    let form = form(anju::proto::fact::DESCRIPTORS, "anju.fact.v1");
    assert!(form.lines().count() > 80);
    expect_file!["../samples/fact-v1.txt"].assert_eq(&form);
}

#[test]
fn no_field_of_the_api_is_renumbered_or_retyped() {
    let form = form(anju::proto::v1::DESCRIPTORS, "anju.v1");
    assert!(form.lines().count() > 200);
    expect_file!["../samples/api-v1.txt"].assert_eq(&form);
}

//! What must be readable for ever: stored samples of every fact and of an entry, and the form of
//! the messages.
//!
//! `tests/samples` was written by the first version that could. A sample is never changed; what is
//! new is added. A difference here means that journals that exist would be read otherwise.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fmt::Write as _;

use crate::{checkups, insurance};
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
        Body, Class, Conflict, Entry, Fact, Gone, Hidden, ItemOutcome, ItemRecord, Link, Refusal,
        RequestMark, SourceRow, SubjectParts, Text, blanked, show, withhold,
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
    let [item, heard] = items(one, &building);
    let month = |year, month| Some(Month { year, month });
    let register = |subject, content| Fact::Registered { subject, exists_from, content };
    let plain = |fact| Body { fact, overridden: Vec::new(), source_row: None };
    let day = "2020".parse().unwrap();
    let spine = [
        ("registered region", plain(register(subject(Kind::Region, 9), region))),
        ("registered compound", plain(register(subject(Kind::Compound, 9), compound))),
        ("registered building", plain(register(one, building.clone()))),
        ("registered unit", plain(register(subject(Kind::Unit, 9), unit))),
        ("changed", from_a_source(one, building)),
        ("ended", plain(Fact::Ended { subject: one, day, cause: EndCause::Demolished })),
        ("split", plain(Fact::Succession { split: true, edges: vec![edge], ended: vec![one] })),
        ("merged", plain(Fact::Succession { split: false, edges: vec![edge], ended: vec![] })),
        ("retracted", plain(Fact::Retracted { subjects: vec![one] })),
        ("erased", plain(an_erasure(one))),
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
    facts.extend(insurance::facts());
    facts
}

/// An item of a batch, and one that remembers what a source said.
fn items(subject: SubjectId, said: &Content) -> [ItemRecord; 2] {
    let item = ItemRecord {
        index: 3,
        outcome: ItemOutcome::Conflict,
        subject: Some(subject),
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
            said: Some(said.clone()),
        }),
        ..item.clone()
    };
    [item, heard]
}

fn from_a_source(subject: SubjectId, content: Content) -> Body {
    Body {
        fact: Fact::Changed { subject, content: content.clone() },
        overridden: vec!["FLOOR_AREA".to_owned()],
        source_row: Some(SourceRow {
            source: "survey".to_owned(),
            key: "row-1".to_owned(),
            hash: Hash([9; 32]),
            said: Some(content),
        }),
    }
}

fn an_erasure(subject: SubjectId) -> Fact {
    Fact::Erased {
        seq: 12,
        kinds: vec![2],
        order: "（2026）豫01行终1号".to_owned(),
        ordered_by: "court-1".to_owned(),
        subjects: vec![subject],
    }
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
        hidden: Hidden::default(),
    }
}

/// Two buildings, of which one goes on in both and the other ends.
fn an_entry_about_several() -> Entry {
    let [one, two, three] = [5, 8, 13].map(|number| subject(Kind::Building, number));
    let edge =
        |from, into, share_numerator| Edge { from, into, share_numerator, share_denominator: 3 };
    let fact = Fact::Succession {
        split: false,
        edges: vec![edge(three, two, 3), edge(one, two, 2), edge(one, three, 1)],
        ended: vec![three, one],
    };
    let before = an_entry();
    let first = *before.subjects.first().unwrap();
    let link = |subject| Link { subject, ..first };
    Entry {
        subjects: fact.subjects().into_iter().map(link).collect(),
        body: Some(Body { fact, overridden: vec!["STOREYS".to_owned()], source_row: None }),
        ..before
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
        write!(text, "{name}: {}", hex(&body.encode())).unwrap();
        for (subject, part) in body.fact.subjects().iter().zip(body.fact.encode_parts()) {
            write!(text, " {}/{}", hex(&subject.to_bytes()), hex(&part)).unwrap();
        }
        writeln!(text).unwrap();
    }
    expect_file!["../samples/facts.txt"].assert_eq(&text);
}

#[test]
fn stored_facts_are_read_as_what_they_were_and_written_back_the_same() {
    let lines = include_str!("../samples/facts.txt").lines();
    let stored: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    assert_eq!(stored.len(), facts().len());
    for ((name, digits), (expected_name, expected)) in stored.into_iter().zip(facts()) {
        assert_eq!(name, expected_name);
        let mut digits = digits.split(' ');
        let common = unhex(digits.next().unwrap());
        let parts: Vec<_> = digits.map(|part| part.split_once('/').unwrap()).collect();
        let parts: Vec<_> = parts
            .into_iter()
            .map(|(id, part)| (SubjectId::from_slice(&unhex(id)).unwrap(), unhex(part)))
            .collect();
        let shown = parts.iter().map(|(subject, part)| (*subject, Some(part.as_slice())));
        let given = SubjectParts { parts: shown.collect(), subject_count: parts.len() };
        let read = Body::decode(&common, &given).unwrap();
        assert_eq!(read, expected, "{name}");
        assert_eq!(hex(&read.encode()), hex(&common), "{name}");
        let written: Vec<_> = parts.into_iter().map(|(_, part)| part).collect();
        assert_eq!(read.fact.encode_parts(), written, "{name}");
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
fn stored_entries_are_read_as_what_they_were_and_written_back_the_same() {
    let mut text = String::new();
    for (name, entry) in [("", an_entry()), (" about several", an_entry_about_several())] {
        let (bytes, leaf) = entry.encode(&SEED);
        write!(text, "entry{name}: {}\nleaf{name}: {leaf}\n", hex(&bytes)).unwrap();
    }
    let blanked = blanked(&an_entry().encode(&SEED).0).unwrap();
    writeln!(text, "entry without its text: {}", hex(&blanked)).unwrap();
    expect_file!["../samples/entry.txt"].assert_eq(&text);
    let stored = samples(include_str!("../samples/entry.txt"));
    for (stored, expected) in stored.chunks_exact(2).zip([an_entry(), an_entry_about_several()]) {
        let (entry, leaf) = Entry::decode(&stored[0].1).unwrap();
        assert_eq!(entry, expected);
        assert_eq!(leaf.0.as_slice(), stored[1].1);
        assert_eq!(entry.encode(&SEED).0, stored[0].1);
        // What is withheld leaves the leaf as it is.
        let (withheld, same) = Entry::decode(&withhold(&stored[0].1).unwrap()).unwrap();
        assert_eq!(same, leaf);
        let subjects = withheld.hidden.subjects.clone();
        let hidden = Hidden { subjects, text: Some(Gone::Withheld) };
        assert_eq!(withheld, Entry { body: None, text: None, hidden, ..expected });
        assert!(!withheld.is_whole() && entry.is_whole());
    }
    let (name, bytes) = stored.last().unwrap();
    assert_eq!(*name, "entry without its text");
    let (entry, leaf) = Entry::decode(bytes).unwrap();
    assert_eq!(leaf.0.as_slice(), stored[1].1);
    let hidden = Hidden { text: Some(Gone::Blanked), ..Hidden::default() };
    assert_eq!(entry, Entry { text: None, hidden, ..an_entry() });
}

#[test]
fn who_reaches_one_of_several_subjects_is_shown_its_part_and_no_other() {
    let whole = an_entry_about_several();
    let (bytes, leaf) = whole.encode(&SEED);
    let Some(Body { fact: Fact::Succession { edges, ended, .. }, .. }) = &whole.body else {
        panic!("it is a merge");
    };
    let all = whole.body.as_ref().unwrap().fact.subjects();
    let share = |edge: &Edge| (edge.share_numerator, edge.share_denominator);
    for chosen in 0..1_usize << all.len() {
        let (reached, hidden): (Vec<_>, Vec<_>) =
            (0..all.len()).partition(|index| chosen >> index & 1 == 1);
        let reached: Vec<_> = reached.into_iter().map(|index| all[index]).collect();
        let hidden: Vec<_> = hidden.into_iter().map(|index| all[index]).collect();
        let shown = show(&bytes, &reached).unwrap();
        let (entry, same) = Entry::decode(&shown).unwrap();
        assert_eq!((same, &entry.subjects), (leaf, &whole.subjects));
        assert_eq!(entry.hidden.subjects, hidden);
        assert_eq!(entry.text.is_some(), !reached.is_empty());
        let Some(body) = entry.body else {
            assert!(reached.is_empty());
            continue;
        };
        let of_reached =
            |edge: &&Edge| reached.contains(&edge.from) || reached.contains(&edge.into);
        let expected = Fact::Succession {
            split: false,
            edges: edges.iter().filter(of_reached).copied().collect(),
            ended: ended.iter().filter(|subject| reached.contains(subject)).copied().collect(),
        };
        assert_eq!(body.fact, expected);
        // Nor do the bytes say more than that.
        let parts = anju::proto::fact::Entry::decode(&shown[..]).unwrap().parts;
        for edge in edges.iter().filter(|edge| !of_reached(edge)) {
            let (numerator, denominator) = share(edge);
            let said =
                [0x18, u8::try_from(numerator).unwrap(), 0x20, u8::try_from(denominator).unwrap()];
            let from = edge.from.to_bytes();
            let is_said = parts.iter().any(|part| {
                part.content.windows(said.len()).any(|window| window == said)
                    && part.content.windows(from.len()).any(|window| window == from)
            });
            assert!(!is_said, "{edge:?} for {reached:?}");
        }
    }
}

#[test]
fn parts_that_are_not_those_of_one_fact_are_not_read() {
    let whole = an_entry_about_several();
    let fact = &whole.body.as_ref().unwrap().fact;
    let common = whole.body.as_ref().unwrap().encode();
    let good: Vec<_> = fact.subjects().into_iter().zip(fact.encode_parts()).collect();
    let read = |parts: &[(SubjectId, Vec<u8>)], subject_count: usize| {
        let parts = parts.iter().map(|(subject, part)| (*subject, Some(part.as_slice())));
        Body::decode(&common, &SubjectParts { parts: parts.collect(), subject_count })
    };
    assert_eq!(&read(&good, 3).unwrap().fact, fact);
    let mut swapped = good.clone();
    (swapped[0].1, swapped[1].1) = (good[1].1.clone(), good[0].1.clone());
    let mut twice = good.clone();
    twice[2].1 = good[1].1.clone();
    let mut emptied = good.clone();
    emptied[0].1.clear();
    for (parts, subject_count) in
        [(&swapped, 3), (&twice, 3), (&emptied, 3), (&good, 4), (&good[..2].to_vec(), 3)]
    {
        read(parts, subject_count).unwrap_err();
    }
    // What is about one subject has no parts.
    let (_, one) = facts().swap_remove(4);
    let parts = SubjectParts { parts: vec![(good[0].0, Some(&[]))], subject_count: 1 };
    Body::decode(&one.encode(), &parts).unwrap_err();
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

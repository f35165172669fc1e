//! What is done to a data directory without a server: checking, rebuilding, dumping, loading. Every
//! kind of tampering is tried, and must be found.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anju::{
    cli::{self, Arguments, Outcome},
    domain::content::Fields,
    kernel::{
        hash::Hash,
        id::Kind,
        position::{Partition, Position, Seq},
        time::Stamp,
    },
    proto::fact as stored,
    registry::{
        Correct, Entry, Findings, JournalCheck, JournalSummary, Registry, check_roots,
        compare_states, replay,
    },
    store::{
        Direction, Group, KeyRange, NewEntry, Store,
        embedded::{EmbeddedOptions, EmbeddedStore, Loading, Reserve, for_each_entry},
        memory::MemoryStore,
    },
};
use clap::Parser as _;
use prost::Message as _;

use crate::city::{City, fields};

pub(crate) type Entries = Vec<(Partition, Seq, Vec<u8>)>;

pub(crate) fn options() -> EmbeddedOptions {
    EmbeddedOptions {
        cache_bytes: 16 * 1024 * 1024,
        segment_bytes: 64 * 1024,
        reserve: Reserve { bytes: 0, percent: 0 },
        idle: Duration::from_secs(3_600),
        ..EmbeddedOptions::default()
    }
}

pub(crate) fn open(path: &Path) -> EmbeddedStore {
    EmbeddedStore::open(path, options()).unwrap().0
}

/// A city with something of everything: corrections, retractions, a moved community.
fn build(store: Arc<dyn Store>, buildings: u64) {
    let city = City::on(store);
    let (one, two) = (city.street("一街道"), city.street("二街道"));
    let community = city.community("甲社区", one);
    let compound = city.compound("示例小区", community);
    let mut built = Vec::new();
    for number in 0..buildings {
        built.push(city.building(compound, "1990-05-01", 1_000 + number));
    }
    city.unit(built[0], "1991-01-01");
    let area = fields(Kind::Building, |fields| {
        if let Fields::Building(building) = fields {
            building.floor_area_cm2 = Some(Some(77 * 10_000));
        }
    });
    let correct = Correct {
        subject: built[0],
        etag: None,
        entry: None,
        from: None,
        content: area,
        exists_from: None,
        ended_on: None,
        sentences: vec![("floor_area_cm2".to_owned(), "measured again".to_owned())],
    };
    city.correct(correct).unwrap();
    city.retract(built[1], None).unwrap();
    let to_two = fields(Kind::Region, |fields| {
        if let Fields::Region(region) = fields {
            region.parent = Some(Some(two.try_into().unwrap()));
        }
    });
    city.change(community, "2026-07-01", to_two).unwrap();
    city.registry.close();
}

/// A data directory with such a city, closed.
fn filled(buildings: u64) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    build(Arc::new(open(directory.path())), buildings);
    directory
}

pub(crate) fn anju(words: &[&str], data: &Path) -> (Result<Outcome, String>, Vec<u8>) {
    let data = format!("data_dir={}", data.display());
    let settings =
        ["--setting", &data, "--setting", "store.segment_mib=1", "--setting", "store.cache_mib=16"];
    let mut line = vec!["anju"];
    line.extend_from_slice(words);
    line.extend_from_slice(&settings);
    let mut written = Vec::new();
    let outcome = run(&line, &mut written);
    (outcome, written)
}

fn run(line: &[&str], written: &mut Vec<u8>) -> Result<Outcome, String> {
    came_to(line, written).map_err(|error| format!("{error:#}"))
}

pub(crate) fn came_to(line: &[&str], written: &mut Vec<u8>) -> anyhow::Result<Outcome> {
    let arguments = Arguments::try_parse_from(line).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(cli::run(&arguments, written, false))
}

/// The exit code of a load, and what it says.
pub(crate) fn load(file: &Path, data: &Path) -> (u8, String) {
    let (file, data) = (file.display().to_string(), format!("data_dir={}", data.display()));
    let settings = ["--setting", &data, "--setting", "store.segment_mib=1"];
    let line = [&["anju", "load", &file][..], &settings].concat();
    let outcome = came_to(&line, &mut Vec::new());
    (cli::exit_code(&outcome), outcome.map_or_else(|error| format!("{error:#}"), |_| String::new()))
}

/// What `anju verify` finds, as `reason place`, each reason once.
pub(crate) fn verified(
    words: &[&str],
    data: &Path,
) -> (Outcome, BTreeSet<String>, serde_json::Value) {
    let (outcome, written) = anju(&[&["verify", "--json"], words].concat(), data);
    let report: serde_json::Value = serde_json::from_slice(&written).unwrap();
    let outcome = outcome.unwrap();
    assert_eq!(report["ok"], outcome == Outcome::Fine);
    let findings = report["findings"].as_array().unwrap();
    let reason = |finding: &serde_json::Value| finding["reason"].as_str().unwrap().to_owned();
    (outcome, findings.iter().map(reason).collect(), report)
}

pub(crate) fn set<'a>(reasons: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    reasons.into_iter().map(str::to_owned).collect()
}

pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn state(store: &dyn Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    let everything = KeyRange { from: Vec::new(), to: vec![0xff; 8] };
    store.view().unwrap().scan(&everything, Direction::Up, usize::MAX).unwrap()
}

pub(crate) fn entries(path: &Path) -> Entries {
    let mut entries = Vec::new();
    for_each_entry(
        path,
        &mut |partition, seq, bytes| {
            entries.push((partition, seq, bytes.to_vec()));
            Ok(())
        },
        &mut |_, _| {},
    )
    .unwrap();
    entries
}

pub(crate) fn checked(entries: &Entries) -> (JournalSummary, Findings) {
    let mut check = JournalCheck::new();
    for (partition, seq, bytes) in entries {
        check.entry(*partition, *seq, bytes);
    }
    check.finish()
}

pub(crate) fn reasons(findings: &Findings) -> BTreeSet<String> {
    set(findings.list().iter().map(|finding| finding.reason))
}

/// The keys of sled as it is, without the store.
fn with_sled(path: &Path, change: impl FnOnce(&sled::Db)) {
    let db = sled::Config::new().path(path.join("state")).open().unwrap();
    change(&db);
    db.flush().unwrap();
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_good_directory_is_found_well() {
    let directory = filled(300);
    let before = names(directory.path());
    let (outcome, found, report) = verified(&[], directory.path());
    assert_eq!((outcome, found), (Outcome::Fine, BTreeSet::new()));
    let keys = report["state"]["keys"].as_u64().unwrap();
    assert!(keys > 1_000, "more than one page is compared: {keys}");
    let count = u64::try_from(entries(directory.path()).len()).unwrap();
    assert_eq!(report["entries"], count);
    assert_eq!(report["state"]["replayed_entries"], count);
    assert_eq!(names(directory.path()), before, "nothing is left behind");
    let (outcome, said) = anju(&["verify"], directory.path());
    assert_eq!(outcome, Ok(Outcome::Fine));
    assert!(String::from_utf8(said).unwrap().ends_with("all is well 完好\n"));
}

#[test]
fn a_state_that_is_behind_is_brought_up_to_date_and_found_well() {
    let directory = filled(3);
    let other = tempfile::tempdir().unwrap();
    let store = open(other.path());
    let group = |(partition, seq, bytes)| NewEntry { partition, seq, bytes };
    let entries = entries(directory.path()).into_iter().map(group).collect();
    store.commit(Group { entries, steps: Vec::new() }).unwrap();
    assert_eq!(store.heads()[0].applied, 0);
    drop(store);
    assert_eq!(verified(&[], other.path()).0, Outcome::Fine);
    assert_eq!(state(&open(other.path())), state(&open(directory.path())));
}

#[test]
fn the_journal_can_be_checked_and_dumped_beside_an_open_store() {
    let directory = filled(3);
    let store = open(directory.path());
    assert_eq!(verified(&["--journal"], directory.path()).0, Outcome::Fine);
    let dump = directory.path().join("beside.dump");
    let out = dump.display().to_string();
    assert_eq!(anju(&["dump", "--out", &out], directory.path()).0, Ok(Outcome::Fine));
    let (in_use, _) = anju(&["verify"], directory.path());
    let in_use = in_use.unwrap_err();
    assert!(in_use.contains("--journal") && in_use.contains("in use"), "{in_use}");
    assert!(anju(&["rebuild"], directory.path()).0.unwrap_err().contains("stop the server"));
    drop(store);
    assert_eq!(verified(&[], directory.path()).0, Outcome::Fine);
}

#[test]
fn where_there_is_no_registry_none_is_begun() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("none");
    let out = directory.path().join("dump").display().to_string();
    for words in [&["verify"][..], &["verify", "--journal"], &["rebuild"], &["dump", "--out", &out]]
    {
        let refused = anju(words, &missing).0.unwrap_err();
        assert!(refused.contains("there is no registry in"), "{refused}");
    }
    assert_eq!(names(directory.path()), Vec::<String>::new());
}

#[test]
fn every_flipped_byte_of_the_journal_is_found() {
    let directory = filled(3);
    let segment = directory.path().join("journal").join("00000001.seg");
    let good = fs::read(&segment).unwrap();
    let used = good.iter().rposition(|byte| *byte != 0).unwrap();
    let mut tried = 0;
    for at in (0..used).step_by(331).chain([used]) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs::write(&segment, bad).unwrap();
        let (outcome, found, _) = verified(&["--journal"], directory.path());
        assert_eq!((outcome, found), (Outcome::Partly, set(["JOURNAL_DAMAGED"])), "byte {at}");
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
    fs::write(&segment, good).unwrap();
    assert_eq!(verified(&["--journal"], directory.path()).0, Outcome::Fine);
    // That the store does not open for it is no second finding; what can still be read is told.
    let mut bad = fs::read(&segment).unwrap();
    bad[used / 2] ^= 0x10;
    fs::write(&segment, bad).unwrap();
    let (_, found, report) = verified(&[], directory.path());
    assert_eq!((found, &report["finding_count"]), (set(["JOURNAL_DAMAGED"]), &1.into()));
    let note = report["notes"][0].as_str().unwrap();
    assert!(note.contains("the state was not looked at"), "{note}");
    assert!(report["entries"].as_u64().unwrap() > 0);
}

#[test]
fn a_missing_segment_is_named_and_found_once() {
    let directory = filled(250);
    let journal = directory.path().join("journal");
    assert!(journal.join("00000002.seg").exists(), "{:?}", names(&journal));
    for missing in ["00000002.seg", "00000001.seg"] {
        fs::remove_file(journal.join(missing)).unwrap();
        for flags in [&[][..], &["--journal"]] {
            let (outcome, found, report) = verified(flags, directory.path());
            assert_eq!((outcome, found), (Outcome::Partly, set(["JOURNAL_DAMAGED"])));
            assert_eq!(report["finding_count"], 1, "{report}");
            let place = report["findings"][0]["place"].as_str().unwrap();
            assert!(place.contains(missing), "{place}");
        }
    }
}

/// An entry's bytes with its envelope changed, and every hash in it left as it was.
fn with_envelope(bytes: &[u8], change: impl FnOnce(&mut stored::Envelope)) -> Vec<u8> {
    let mut entry = stored::Entry::decode(bytes).unwrap();
    let mut envelope = stored::Envelope::decode(&entry.envelope[..]).unwrap();
    change(&mut envelope);
    entry.envelope = envelope.encode_to_vec();
    entry.encode_to_vec()
}

fn with_parts(bytes: &[u8], change: impl FnOnce(&mut Vec<stored::Part>)) -> Vec<u8> {
    let mut entry = stored::Entry::decode(bytes).unwrap();
    change(&mut entry.parts);
    entry.encode_to_vec()
}

/// Said anew, as a writer would: all hashes are right.
fn said_anew(bytes: &[u8], change: impl FnOnce(&mut Entry)) -> Vec<u8> {
    let (mut entry, _) = Entry::decode(bytes).unwrap();
    change(&mut entry);
    entry.encode(&[9; 32]).0
}

type Tamper = fn(&[u8]) -> Vec<u8>;

/// Each with the reasons that it must be found for. Done to the first building's registration,
/// which later entries follow.
const TAMPERINGS: &[(&str, Tamper, &[&str])] = &[
    (
        "another fact under the same hash",
        |bytes| with_parts(bytes, |parts| *parts[0].content.last_mut().unwrap() ^= 1),
        &["PART_HASH"],
    ),
    ("another salt", |bytes| with_parts(bytes, |parts| parts[0].salt[3] ^= 1), &["PART_HASH"]),
    (
        "the fact withheld",
        |bytes| with_parts(bytes, |parts| parts[0] = stored::Part::default()),
        &["FACT_MISSING"],
    ),
    (
        "a part less",
        |bytes| with_parts(bytes, |parts| drop(parts.pop())),
        &["BACK_LINK", "ENTRY_UNREADABLE"],
    ),
    (
        "a part more",
        |bytes| with_parts(bytes, |parts| parts.push(stored::Part::default())),
        &["BACK_LINK", "ENTRY_UNREADABLE"],
    ),
    (
        "another fact, all hashes right",
        |bytes| said_anew(bytes, |entry| entry.text.as_mut().unwrap().reason.push('!')),
        &["BACK_LINK"],
    ),
    (
        "another author, all hashes right",
        |bytes| said_anew(bytes, |entry| entry.author.subject.push('x')),
        &["BACK_LINK"],
    ),
    (
        "an earlier stamp",
        |bytes| with_envelope(bytes, |envelope| envelope.stamp_us -= 1_000_000),
        &["BACK_LINK", "STAMP_ORDER"],
    ),
    (
        "another begin of the command",
        |bytes| with_envelope(bytes, |envelope| envelope.command_seq += 1),
        &["BACK_LINK", "COMMAND_SEQ"],
    ),
    (
        "it corrects an entry to come",
        |bytes| with_envelope(bytes, |envelope| envelope.corrects = vec![envelope.seq]),
        &["BACK_LINK", "REFERENCE_NOT_EARLIER"],
    ),
    (
        "it rests on nothing",
        |bytes| with_envelope(bytes, |envelope| envelope.basis = vec![0]),
        &["BACK_LINK", "REFERENCE_NOT_EARLIER"],
    ),
    (
        "another registry",
        |bytes| with_envelope(bytes, |envelope| envelope.registry[0] ^= 1),
        &["BACK_LINK", "REGISTRY_DIFFERS"],
    ),
    (
        "another place",
        |bytes| with_envelope(bytes, |envelope| envelope.seq += 1),
        &["BACK_LINK", "POSITION_DIFFERS"],
    ),
    (
        "no subject",
        |bytes| with_envelope(bytes, |envelope| envelope.subjects.clear()),
        &["BACK_LINK", "SUBJECTS_DIFFER"],
    ),
    (
        "another number among the subject's entries",
        |bytes| with_envelope(bytes, |envelope| envelope.subjects[0].entry_count += 1),
        &["BACK_LINK"],
    ),
    (
        "a format to come",
        |bytes| with_envelope(bytes, |envelope| envelope.format += 1),
        &["BACK_LINK", "ENTRY_UNREADABLE"],
    ),
    (
        "bytes beside the envelope",
        |bytes| [bytes, &[0x7a, 0x02, b'h', b'i']].concat(),
        &["BYTES_UNBOUND"],
    ),
    ("no entry at all", |_| vec![0xff; 40], &["BACK_LINK", "ENTRY_UNREADABLE"]),
];

/// The number in [`entries`] of the registration of the first building.
fn first_building(entries: &Entries) -> usize {
    let is_building = |(_, _, bytes): &(Partition, Seq, Vec<u8>)| {
        let (entry, _) = Entry::decode(bytes).unwrap();
        entry.subjects.first().is_some_and(|link| link.subject.kind() == Kind::Building)
    };
    entries.iter().position(is_building).unwrap()
}

#[test]
fn every_tampering_with_an_entry_is_found_for_what_it_is() {
    let directory = filled(3);
    let good = entries(directory.path());
    assert_eq!(checked(&good).1, Findings::default());
    let at = first_building(&good);
    for (what, tamper, expected) in TAMPERINGS {
        let mut bad = good.clone();
        bad[at].2 = tamper(&good[at].2);
        assert_ne!(bad, good, "{what}");
        let (summary, findings) = checked(&bad);
        assert_eq!(reasons(&findings), set(expected.iter().copied()), "{what}: {findings:?}");
        assert!(findings.count() <= 3, "{what} is not a thousand findings: {findings:?}");
        assert_eq!(summary.entry_count, checked(&good).0.entry_count);
    }
}

#[test]
fn a_tampering_with_the_newest_entry_shows_in_the_root() {
    let directory = filled(3);
    let good = entries(directory.path());
    let store = open(directory.path());
    let mut bad = good.clone();
    let last = bad.last_mut().unwrap();
    // Nothing follows that could tell: only the root can.
    last.2 = said_anew(&last.2, |entry| entry.order_key.push(1));
    for (entries, expected) in [(good, set([])), (bad, set(["ROOT_DIFFERS"]))] {
        let (summary, mut findings) = checked(&entries);
        assert_eq!(findings, Findings::default());
        check_roots(&store, &summary, &mut findings).unwrap();
        assert_eq!(reasons(&findings), expected);
    }
}

#[test]
fn commands_and_numbers_that_do_not_go_on_are_found() {
    let directory = filled(3);
    let good = entries(directory.path());
    let at = first_building(&good);
    let (home, seq, bytes) = good[at].clone();
    let same_command = |change: fn(&mut Entry)| {
        let (before, _) = Entry::decode(&good[at].2).unwrap();
        let mut bad = good.clone();
        bad[at + 1].2 = said_anew(&good[at + 1].2, |entry| {
            entry.command_seq = before.command_seq;
            entry.stamp = before.stamp;
            entry.request = before.request;
            change(entry);
        });
        let mut found = reasons(&checked(&bad).1);
        found.remove("BACK_LINK");
        found
    };
    assert_eq!(same_command(|_| {}), set([]));
    let later = |entry: &mut Entry| entry.stamp = Stamp::from_micros(entry.stamp.micros() + 1);
    assert_eq!(same_command(later), set(["STAMP_IN_COMMAND"]));
    assert_eq!(same_command(|entry| entry.request = None), set(["COMMAND_MIXED"]));

    let mut bad = good.clone();
    bad.remove(at);
    assert!(reasons(&checked(&bad).1).contains("SEQ_GAP"));
    let mut twice = good;
    twice.insert(at, (home, seq, bytes));
    assert!(reasons(&checked(&twice).1).contains("SEQ_GAP"));
}

#[test]
fn an_entry_rewritten_in_a_journal_with_right_checksums_is_found() {
    let directory = filled(3);
    let mut bad = entries(directory.path());
    let at = first_building(&bad);
    let (name, tamper, _) = TAMPERINGS[0];
    assert_eq!(name, "another fact under the same hash");
    bad[at].2 = tamper(&bad[at].2);
    let other = tempfile::tempdir().unwrap();
    let store = open(other.path());
    let group = |(partition, seq, bytes)| NewEntry { partition, seq, bytes };
    let entries = bad.into_iter().map(group).collect();
    store.commit(Group { entries, steps: Vec::new() }).unwrap();
    drop(store);
    let (outcome, found, report) = verified(&["--journal"], other.path());
    assert_eq!((outcome, found), (Outcome::Partly, set(["PART_HASH"])));
    assert!(report["findings"][0]["place"].as_str().unwrap().contains(':'));
    // Nor does a state follow from it.
    let (_, found, _) = verified(&[], other.path());
    assert_eq!(found, set(["PART_HASH", "STATE_UNREADABLE"]));
    assert_eq!(names(other.path()), ["journal", "lock", "run", "state"]);
}

/// A change behind the store's back, at a key as sled has it.
type Change = fn(&sled::Db, &[u8]);

#[test]
fn every_kind_of_tampering_with_the_state_is_found() {
    let directory = filled(3);
    let key_of = |space: u8| -> Vec<u8> {
        let rows = state(&open(directory.path()));
        let (key, _) = rows.into_iter().rfind(|(key, _)| key[3] == space).unwrap();
        [b"k", &key[..]].concat()
    };
    let flip: Change = |db, key| {
        let mut value = db.get(key).unwrap().unwrap().to_vec();
        *value.last_mut().unwrap() ^= 1;
        db.insert(key, value).unwrap();
    };
    let drop_key: Change = |db, key| assert!(db.remove(key).unwrap().is_some());
    let add: Change = |db, key| assert!(db.insert([key, b"x"].concat(), b"y").unwrap().is_none());
    for (space, change, expected) in [
        (b'T', flip, set(["STATE_VALUE"])),
        (b'M', flip, set(["STATE_VALUE"])),
        (b'N', drop_key, set(["STATE_MISSING"])),
        (b'C', drop_key, set(["STATE_MISSING"])),
        (b'N', add, set(["STATE_SURPLUS"])),
        (b'E', flip, set(["ROOT_DIFFERS", "STATE_VALUE"])),
        (b'E', drop_key, set(["ROOT_DIFFERS", "STATE_MISSING"])),
    ] {
        let copy = tempfile::tempdir().unwrap();
        let key = key_of(space);
        copy_tree(directory.path(), copy.path());
        with_sled(copy.path(), |db| change(db, &key));
        let (outcome, found, report) = verified(&[], copy.path());
        let space = char::from(space);
        assert_eq!((outcome, found), (Outcome::Partly, expected), "{space}: {report}");
        let place = report["findings"].as_array().unwrap().last().unwrap()["place"].clone();
        assert!(place.as_str().unwrap().contains(&format!(" {space} ")), "{place}");
        assert!(!copy.path().join("state.scratch").exists());
        // And a rebuild mends it.
        assert_eq!(anju(&["rebuild"], copy.path()).0, Ok(Outcome::Fine));
        assert_eq!(verified(&[], copy.path()).0, Outcome::Fine);
    }
}

#[test]
fn a_state_that_was_not_believed_is_reported_once() {
    let directory = filled(3);
    with_sled(directory.path(), |db| drop(db.insert(b"mv", b"another").unwrap()));
    let (outcome, found, _) = verified(&[], directory.path());
    assert_eq!((outcome, found), (Outcome::Partly, set(["STATE_SET_ASIDE"])));
    assert_eq!(verified(&[], directory.path()).0, Outcome::Fine);
}

#[test]
fn only_so_many_findings_are_told_and_all_are_counted() {
    let (one, other) = (MemoryStore::new(), MemoryStore::new());
    build(Arc::new(MemoryStore::new()), 2);
    let directory = filled(2);
    let store = open(directory.path());
    replay_into(&store, &one);
    let mut findings = Findings::default();
    let keys = compare_states(&one, &other, &mut findings, &mut |_| {}).unwrap();
    assert!(keys > 100);
    assert_eq!((findings.count(), findings.list().len()), (keys, 100));
    assert_eq!(reasons(&findings), set(["STATE_SURPLUS"]));
}

/// Takes entries and state of `from` over into an empty store.
fn replay_into(from: &EmbeddedStore, to: &MemoryStore) {
    for head in from.heads() {
        let limit = anju::store::Limit { entries: usize::MAX, bytes: usize::MAX };
        let found = from.entries(head.partition, 1, limit).unwrap();
        let entries = (1..).zip(found).map(|(seq, bytes)| {
            let partition = head.partition;
            NewEntry { partition, seq, bytes }
        });
        to.commit(Group { entries: entries.collect(), steps: Vec::new() }).unwrap();
    }
    replay(to, to, &mut |_, _| {}).unwrap();
}

#[test]
fn a_rebuilt_state_is_the_same_byte_for_byte() {
    let directory = filled(40);
    let store = open(directory.path());
    let before = state(&store);
    // Another engine comes to the same state.
    let memory = MemoryStore::new();
    replay_into(&store, &memory);
    assert_eq!(state(&memory), before);
    drop(store);
    let (outcome, said) = anju(&["rebuild", "--json"], directory.path());
    assert_eq!(outcome, Ok(Outcome::Fine));
    let said: serde_json::Value = serde_json::from_slice(&said).unwrap();
    assert_eq!(said["entries"], u64::try_from(entries(directory.path()).len()).unwrap());
    assert!(said["entries_per_second"].as_u64().unwrap() > 0);
    assert_eq!(state(&open(directory.path())), before);
}

fn dump(data: &Path, to: &Path) -> serde_json::Value {
    let out = to.display().to_string();
    let (outcome, said) = anju(&["dump", "--json", "--out", &out], data);
    assert_eq!(outcome, Ok(Outcome::Fine));
    serde_json::from_slice(&said).unwrap()
}

#[test]
fn a_dump_that_was_loaded_dumps_the_same_bytes() {
    let directory = filled(40);
    let work = tempfile::tempdir().unwrap();
    let first = work.path().join("first.dump");
    let dumped = dump(directory.path(), &first);
    for name in ["packed.dump.gz", "plain.dump"] {
        let file = work.path().join(name);
        dump(directory.path(), &file);
        let is_packed = fs::read(&file).unwrap().starts_with(&[0x1f, 0x8b]);
        assert_eq!(is_packed, name.contains(".gz"));
        let loaded = work.path().join(format!("{name}.loaded"));
        let path = file.display().to_string();
        let (outcome, said) = anju(&["load", "--json", &path], &loaded);
        assert_eq!(outcome, Ok(Outcome::Fine));
        let said: serde_json::Value = serde_json::from_slice(&said).unwrap();
        assert_eq!(said, dumped);
        let again = work.path().join(format!("{name}.again"));
        assert_eq!(dump(&loaded, &again), dumped);
        assert_eq!(fs::read(&again).unwrap(), fs::read(&first).unwrap());
        assert_eq!(verified(&[], &loaded).0, Outcome::Fine);
        assert_eq!(state(&open(&loaded)), state(&open(directory.path())));
    }
    let (outcome, written) = anju(&["dump", "--out", "-"], directory.path());
    assert_eq!((outcome, written), (Ok(Outcome::Fine), fs::read(&first).unwrap()));
    let refused = anju(&["dump", "--out", &first.display().to_string()], directory.path()).0;
    assert!(refused.unwrap_err().contains("cannot be written"));
}

#[test]
fn a_loaded_registry_goes_on() {
    let directory = filled(3);
    let work = tempfile::tempdir().unwrap();
    let (file, loaded) = (work.path().join("a.dump"), work.path().join("loaded"));
    dump(directory.path(), &file);
    anju(&["load", &file.display().to_string()], &loaded).0.unwrap();
    build(Arc::new(open(&loaded)), 2);
    assert!(entries(&loaded).len() > entries(directory.path()).len());
    assert_eq!(verified(&[], &loaded).0, Outcome::Fine);
}

#[test]
fn a_damaged_dump_is_refused_and_leaves_the_directory_empty() {
    let directory = filled(2);
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("a.dump");
    dump(directory.path(), &file);
    let good = fs::read(&file).unwrap();
    let mut damaged: Vec<(String, Vec<u8>)> = Vec::new();
    for length in (0..good.len()).step_by(good.len() / 24).chain([7, 20, good.len() - 1]) {
        damaged.push((format!("cut to {length}"), good[..length].to_vec()));
    }
    for at in (0..good.len()).step_by(good.len() / 24).chain([8, 12, good.len() - 1]) {
        let mut flipped = good.clone();
        flipped[at] ^= 0x04;
        damaged.push((format!("flipped {at}"), flipped));
    }
    damaged.push(("longer".to_owned(), [&good[..], b"\0"].concat()));
    let (bad, target) = (work.path().join("bad.dump"), work.path().join("target"));
    for (what, bytes) in damaged {
        fs::write(&bad, bytes).unwrap();
        let (code, refused) = load(&bad, &target);
        let is_named = ["cut off after", "is damaged after", "is no dump", "not what"];
        // What bears another version may be whole.
        let expected = if refused.contains("has format version") { 1 } else { 3 };
        assert!(code == expected, "{what}: exit {code}: {refused}");
        let is_named = is_named.iter().any(|name| refused.contains(name));
        assert!(is_named || expected == 1, "{what}: {refused}");
        assert!(!target.exists() || names(&target).is_empty(), "{what}: {:?}", names(&target));
    }
    fs::write(&bad, good).unwrap();
    assert_eq!(load(&work.path().join("none.dump"), &target).0, 1, "a file that is not there");
    assert_eq!(load(&bad, &target), (0, String::new()));
    assert_eq!(load(&bad, &target).0, 1, "a directory that is full");
}

/// The dump with the SHA-256 at its end made right.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let body = bytes.len() - 32;
    let digest = Hash::of(&[&bytes[..body]]);
    bytes.truncate(body);
    bytes.extend_from_slice(&digest.0);
    bytes
}

#[test]
fn a_dump_whose_own_sum_is_right_is_still_held_to_its_roots() {
    let directory = filled(2);
    let work = tempfile::tempdir().unwrap();
    let (file, target) = (work.path().join("a.dump"), work.path().join("target"));
    dump(directory.path(), &file);
    let good = fs::read(&file).unwrap();
    assert_eq!(resealed(good.clone()), good);
    let root = good.len() - 32 - 1;
    let head = good.len() - 32 - 32 - 8;
    let partition = head - 4;
    for (what, at) in [("root", root), ("head", head), ("partition", partition)] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&file, resealed(bad)).unwrap();
        let refused = anju(&["load", &file.display().to_string()], &target).0.unwrap_err();
        assert!(refused.contains("is not what the dump says"), "{what}: {refused}");
        assert!(names(&target).is_empty());
    }
    // An entry that was said anew, with everything else made right but the root.
    let mut all = entries(directory.path());
    let last = all.last_mut().unwrap();
    last.2 = said_anew(&last.2, |entry| entry.author.subject.push('x'));
    let footer = good.len() - 32 - 4 - 44 * 2 - 4;
    let mut bad = good[..28].to_vec();
    for (_, _, bytes) in &all {
        bad.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_le_bytes());
        bad.extend_from_slice(bytes);
    }
    bad.extend_from_slice(&good[footer..]);
    fs::write(&file, resealed(bad)).unwrap();
    let refused = anju(&["load", &file.display().to_string()], &target).0.unwrap_err();
    assert!(refused.contains("is not what the dump says"), "{refused}");
}

#[test]
fn a_load_needs_an_empty_directory() {
    let directory = filled(2);
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("a.dump");
    dump(directory.path(), &file);
    let before = entries(directory.path());
    let path = file.display().to_string();
    let refused = anju(&["load", &path], directory.path()).0.unwrap_err();
    assert!(refused.contains("not empty"), "{refused}");
    assert_eq!(entries(directory.path()), before);
}

#[test]
fn nothing_starts_on_a_load_that_was_broken_off() {
    let directory = filled(2);
    let work = tempfile::tempdir().unwrap();
    let (file, target) = (work.path().join("a.dump"), work.path().join("target"));
    dump(directory.path(), &file);
    let loading = Loading::begin(&target).unwrap();
    let (store, _) = loading.open(options()).unwrap();
    let some = entries(directory.path()).into_iter().take(4);
    let group = |(partition, seq, bytes)| NewEntry { partition, seq, bytes };
    store.commit(Group { entries: some.map(group).collect(), steps: Vec::new() }).unwrap();
    store.close().unwrap();
    let broken_off = "was broken off";
    let opened = EmbeddedStore::open(&target, options()).err().unwrap().to_string();
    assert!(opened.contains(broken_off), "{opened}");
    let path = file.display().to_string();
    let out = work.path().join("b.dump").display().to_string();
    for words in [&["load", &path][..], &["rebuild"], &["dump", "--out", &out]] {
        let refused = anju(words, &target).0.unwrap_err();
        assert!(refused.contains(broken_off), "{words:?}: {refused}");
    }
    for words in [&[][..], &["--journal"]] {
        assert_eq!(verified(words, &target).0, Outcome::Partly);
    }
    assert!(!Path::new(&out).exists());
    // Whoever began it may end it.
    loading.abandon().unwrap();
    assert!(names(&target).is_empty());
    assert_eq!(anju(&["load", &path], &target).0, Ok(Outcome::Fine));
}

#[test]
fn a_configuration_with_a_key_that_is_none_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("anju.toml");
    let path = file.display().to_string();
    fs::write(&file, "[store]\ncache_mib = 64\n").unwrap();
    let (outcome, said) = anju(&["config", "check", "--config", &path], directory.path());
    assert_eq!(outcome, Ok(Outcome::Fine), "{}", String::from_utf8_lossy(&said));
    fs::write(&file, "listn = \"a\"\n[store]\ncache_mb = 64\n").unwrap();
    let refused = anju(&["config", "check", "--config", &path], directory.path()).0.unwrap_err();
    assert!(refused.contains("listn") && refused.contains("store.cache_mb"), "{refused}");
    let (_, shown) = anju(&["config", "show"], directory.path());
    assert!(String::from_utf8(shown).unwrap().contains("store.cache_mib = 16  # flag"));
}

#[test]
fn a_new_token_is_known_by_the_file_that_a_server_reads() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("not-there-yet");
    let words = ["token", "new", "--role", "auditor", "--subject", "audit", "--everywhere"];
    let (outcome, said) = anju(&words, &data);
    assert_eq!(outcome, Ok(Outcome::Fine));
    let secret = String::from_utf8(said).unwrap();
    let file = data.join("tokens.toml");
    let tokens = anju::auth::token::TokenFile::load(&file).unwrap();
    assert_eq!(tokens.find(secret.trim()).unwrap().grant.subject, "audit");
    assert!(!fs::read_to_string(&file).unwrap().contains(secret.trim()), "hashes only");
    let words = ["token", "new", "--role", "king", "--subject", "audit", "--everywhere"];
    assert!(anju(&words, &data).0.unwrap_err().contains("--role"));
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from_digit(u32::from(digit), 16).unwrap()).collect()
}

/// A proof of an entry as `anju prove fetch` saves it.
fn proof(registry: &Registry, at: Position) -> serde_json::Value {
    let (checkpoint, bytes, path) = registry.inclusion(at.partition, at.seq, None).unwrap();
    serde_json::json!({
        "format": "anju-proof-1",
        "seq": at.seq,
        "entry": hex(&bytes),
        "checkpoint": {
            "registry_id": hex(&checkpoint.registry),
            "partition": at.partition.number(),
            "size": checkpoint.size,
            "root": checkpoint.root.to_string(),
            "suite": anju::registry::SUITE,
            "stamp": checkpoint.stamp.to_string(),
        },
        "inclusion": path.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn prove(file: &Path, proof: &serde_json::Value) -> (Result<Outcome, String>, String) {
    fs::write(file, proof.to_string()).unwrap();
    let mut written = Vec::new();
    let path: PathBuf = file.to_owned();
    let outcome = run(&["anju", "prove", "check", &path.display().to_string()], &mut written);
    (outcome, String::from_utf8(written).unwrap())
}

#[test]
fn a_saved_answer_is_checked_offline_and_no_byte_of_it_can_be_changed() {
    let city = City::new();
    let community = city.community("甲社区", city.street("一街道"));
    let building = city.building(city.compound("示例小区", community), "1990-05-01", 1_000);
    let seq = city.registry.frontier(city.home()).seq;
    let good = proof(&city.registry, Position { partition: city.home(), seq });
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("proof.json");
    let (outcome, said) = prove(&file, &good);
    assert_eq!(outcome, Ok(Outcome::Fine), "{said}");
    assert!(said.contains("parts shown, and unchanged: 2"), "{said}");
    assert!(said.contains(&format!("it says about: {building}, its first entry")), "{said}");
    assert!(said.contains("it says fact: registered"), "{said}");
    let bytes = good["entry"].as_str().unwrap().len() / 2;
    for at in 0..bytes {
        let mut bad = good.clone();
        let mut digits = good["entry"].as_str().unwrap().to_owned();
        let digit = &digits[at * 2..=at * 2];
        let other = if digit == "0" { "1" } else { "0" };
        digits.replace_range(at * 2..=at * 2, other);
        bad["entry"] = digits.into();
        assert_eq!(prove(&file, &bad).0, Ok(Outcome::Partly), "byte {at}");
    }
    // Nor can anything be put in beside what the leaf binds.
    for more in ["0a00", "1200", "7a026869"] {
        let mut bad = good.clone();
        bad["entry"] = format!("{}{more}", good["entry"].as_str().unwrap()).into();
        assert_eq!(prove(&file, &bad).0, Ok(Outcome::Partly), "{more}");
    }
}

/// Runs `anju prove` on an underwriter's file with these bytes.
fn prove_file(directory: &Path, bytes: &[u8], more: &[&str]) -> (Result<Outcome, String>, String) {
    let path = directory.join("house.jsonl");
    fs::write(&path, bytes).unwrap();
    let path = path.display().to_string();
    let mut written = Vec::new();
    let outcome = run(&[&["anju", "prove", &path], more].concat(), &mut written);
    (outcome, String::from_utf8(written).unwrap())
}

#[test]
fn a_kept_underwriters_file_is_checked_offline_and_a_changed_byte_is_told_with_its_line() {
    let good = include_bytes!("../samples/underwriting-v1.jsonl");
    let directory = tempfile::tempdir().unwrap();
    let (outcome, said) = prove_file(directory.path(), good, &[]);
    assert_eq!(outcome, Ok(Outcome::Fine), "{said}");
    assert!(said.starts_with("proved 已证明:\n  what its entries say of bld_"), "{said}");
    assert!(said.contains("compare its root with somebody else's checkpoint"), "{said}");
    // Against itself, as something that was kept.
    let kept = directory.path().join("kept.jsonl");
    fs::write(&kept, good).unwrap();
    let kept = kept.display().to_string();
    let (outcome, said) = prove_file(directory.path(), good, &["--against", &kept]);
    assert_eq!(outcome, Ok(Outcome::Fine), "{said}");
    assert!(said.contains("entries that was kept is that of the file"), "{said}");
    // The very first byte, one of an entry, one of an item, and the last.
    let line_of = |at: usize| good[..=at].split(|byte| *byte == b'\n').count();
    let of = |text: &[u8]| good.windows(text.len()).position(|some| some == text).unwrap();
    for at in [0, of(b"\"bytes\":\"") + 40, of(b"1986-05-01"), good.len() - 3] {
        let mut bad = good.to_vec();
        bad[at] ^= 1;
        let (outcome, said) = prove_file(directory.path(), &bad, &[]);
        assert_eq!(outcome, Ok(Outcome::Partly), "byte {at}: {said}");
        let line = format!("WRONG 不符:\n  line {}: ", line_of(at));
        assert!(said.starts_with(&line), "byte {at}: {said}");
        assert!(!said.contains("is found anew from"), "{said}");
    }
    // A checkpoint of another past.
    let other = directory.path().join("other.json");
    let header: serde_json::Value =
        serde_json::from_slice(good.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    let checkpoint = serde_json::json!({
        "format": "anju-checkpoint-1",
        "checkpoint": {
            "registry_id": header["registry"],
            "partition": 1,
            "size": header["tree"]["size"],
            "root": "00".repeat(32),
            "suite": anju::registry::SUITE,
            "stamp": header["recorded"],
        },
    });
    fs::write(&other, checkpoint.to_string()).unwrap();
    let other = other.display().to_string();
    let (outcome, said) = prove_file(directory.path(), good, &["--against", &other]);
    assert_eq!(outcome, Ok(Outcome::Partly), "{said}");
    assert!(said.contains("somebody was shown another past"), "{said}");
}

#[test]
fn every_wrong_setting_is_told_to_programs_with_its_name_and_reason() {
    let settings = [("listen", "0.0.0.0:50051"), ("store.cache", "64"), ("writer.queue", "many")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let args = cli::config::SettingArgs { config: None, settings };
    let refused = cli::offline::settings(&args).unwrap_err();
    let told: serde_json::Value = serde_json::from_str(&cli::told(&refused, true)).unwrap();
    assert_eq!(told["error"]["exitCode"], 2);
    let violations = told["error"]["violations"].as_array().unwrap();
    let found = violations.iter().map(|one| (one["field"].as_str(), one["reason"].as_str()));
    let expected = [
        ("store.cache", "UNKNOWN_SETTING"),
        ("writer.queue", "BAD_VALUE"),
        ("listen", "TLS_REQUIRED"),
    ];
    assert_eq!(
        found.collect::<BTreeSet<_>>(),
        expected.map(|(field, reason)| (Some(field), Some(reason))).into_iter().collect()
    );
}

//! Free text erased on an order: gone from every file, and nothing else is any different.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anju::{
    cli::{
        self, Outcome,
        prove::{self, ProofFile, SavedCheckpoint},
    },
    domain::{author::Author, content::Fields},
    kernel::{
        id::{Kind, SubjectId},
        page::PageRequest,
        position::{Partition, Position, Seq},
        time::{KnownAt, SystemClock},
    },
    registry::{
        Call, Change, Command, Entry, Erase, Error, Fact, Gone, HistoryRow, Options, Registry,
        SUITE, open_entry,
    },
    store::embedded::{
        EmbeddedOptions, EmbeddedStore,
        faults::{Fault, FaultFiles, Left},
        verify_journal,
    },
};

use crate::{
    city::{City, fields},
    offline::{
        anju, came_to, checked, copy_tree, entries, load, open, options, reasons, set, verified,
    },
};

const SECRET: &str = "三单元的租户王某长期拖欠房租";

/// A city, and the building and entry with a sentence that should never have been written.
struct Told {
    directory: tempfile::TempDir,
    building: SubjectId,
    at: Position,
}

fn fill(city: &City) -> (SubjectId, Position) {
    let community = city.community("甲社区", city.street("一街道"));
    let compound = city.compound("示例小区", community);
    let building = city.building(compound, "1990-05-01", 1_000);
    let content = fields(Kind::Building, |fields| {
        if let Fields::Building(building) = fields {
            building.lift_count = Some(Some(2));
        }
    });
    let change = Change {
        subject: building,
        etag: None,
        from: "2020-01-01".parse().unwrap(),
        second_of_day: None,
        order_key: Vec::new(),
        content,
        sentences: vec![("lift_count".to_owned(), SECRET.to_owned())],
    };
    let call = Call { reason: "as the tenant said".to_owned(), ..city.call(city.home()) };
    let outcome = city.registry.execute(call, Command::Change(change)).unwrap();
    // Frames and segments behind it, so that much would have to follow a changed checksum.
    for _ in 0..120 {
        city.building(compound, "1991-05-01", 900);
    }
    (building, outcome.position)
}

fn told() -> Told {
    let directory = tempfile::tempdir().unwrap();
    let city = City::on(Arc::new(open(directory.path())));
    let (building, at) = fill(&city);
    city.registry.close();
    Told { directory, building, at }
}

fn holds(path: &Path, words: &[u8]) -> bool {
    if path.is_dir() {
        let mut files = fs::read_dir(path).unwrap();
        return files.any(|entry| holds(&entry.unwrap().path(), words));
    }
    fs::read(path).unwrap().windows(words.len()).any(|window| window == words)
}

fn erase(entries: &[&str], data: &Path) -> (u8, String, serde_json::Value) {
    let flags =
        ["--order", "（2026）豫01行终1号", "--ordered-by", "court-12", "--person", "clerk-3"];
    let why = ["--reason", "names a tenant", "--json", "--setting", "clock.allow_behind=true"];
    let words = [&["erase"], entries, &flags, &why].concat();
    let (outcome, written) = anju_coded(&words, data);
    let said = serde_json::from_slice(&written).unwrap_or_default();
    (cli::exit_code(&outcome), outcome.map_or_else(|e| format!("{e:#}"), |_| String::new()), said)
}

fn anju_coded(words: &[&str], data: &Path) -> (anyhow::Result<Outcome>, Vec<u8>) {
    let data = format!("data_dir={}", data.display());
    let line =
        [&["anju"], words, &["--setting", &data, "--setting", "store.segment_mib=1"]].concat();
    let mut written = Vec::new();
    let outcome = came_to(&line, &mut written);
    (outcome, written)
}

/// A registry on files that hold one.
fn registry_on(store: EmbeddedStore) -> Registry {
    let clock = Arc::new(SystemClock);
    Registry::open(Arc::new(store), clock, Options::default(), &mut |_, _| {}).unwrap()
}

fn call(partition: Partition) -> Call {
    Call {
        partition,
        author: Author::registry(),
        request: None,
        reason: "names a tenant".to_owned(),
        validate_only: false,
        overrides: Vec::new(),
        seed: [5; 32],
    }
}

fn order(seq: Seq, kinds: &[u32]) -> Erase {
    Erase {
        entries: vec![seq],
        kinds: kinds.to_vec(),
        order: "1".to_owned(),
        ordered_by: "court-12".to_owned(),
    }
}

fn history(registry: &Registry, subject: SubjectId) -> Vec<HistoryRow> {
    let page = PageRequest { rows: 50, after: Vec::new() };
    registry.history(subject, KnownAt::Now, &page).unwrap().rows
}

#[test]
fn a_text_is_erased_from_every_file_and_all_else_stands() {
    let Told { directory, building, at } = told();
    let path = directory.path();
    assert!(holds(path, SECRET.as_bytes()));
    let before = entries(path);
    let (then, _) = checked(&before);
    let older = path.with_extension("older.dump");
    let older = older.to_str().unwrap();
    assert_eq!(anju(&["dump", "--out", older], path).0, Ok(Outcome::Fine));
    let files = segments(path);
    let proved_before = proof(path, at);

    let (code, error, said) = erase(&[&at.to_string()], path);
    assert_eq!((code, error.as_str()), (0, ""));
    assert_eq!(said["erased"][0], at.to_string());
    assert_eq!(said["same_words_count"], 0);
    assert!(!holds(path, SECRET.as_bytes()));
    // The old salt is gone with it, without which nobody can try texts against the hash.
    let index = before.iter().position(|(p, seq, _)| (*p, *seq) == (at.partition, at.seq)).unwrap();
    let opened = open_entry(&before[index].2).unwrap();
    let (salt, _) = opened.parts[1].shown.clone().unwrap();
    assert!(!holds(path, &salt));

    // Every other byte of the entries is what it was; the tree only grew.
    let after = entries(path);
    assert_eq!(after.len(), before.len() + 1);
    for (number, (was, is)) in before.iter().zip(&after).enumerate() {
        assert_eq!(was == is, number != index, "{number}");
    }
    assert_eq!(checked(&after[..before.len()].to_vec()).0, then);
    let (entry, _) = Entry::decode(&after[index].2).unwrap();
    assert_eq!((entry.text.is_none(), entry.hidden.text), (true, Some(Gone::Blanked)));
    assert_eq!(open_entry(&after[index].2).unwrap().parts[1].shown, None);
    // Of the files only the entry and what was appended differ: no frame was written again.
    let differing = files
        .iter()
        .zip(segments(path))
        .map(|(was, is)| was.iter().zip(is).filter(|(was, is)| **was != *is && **was != 0).count());
    assert!(differing.sum::<usize>() < before[index].2.len());

    assert_eq!(verified(&[], path).1, set([]));
    assert_eq!(verified(&["--journal"], path).1, set([]));
    assert_eq!(anju(&["rebuild"], path).0, Ok(Outcome::Fine));
    assert_eq!(verified(&[], path).1, set([]));
    shows_by_whose_order(path, building, at);
    // A proof that somebody kept is as good as ever, and so is one of today with that checkpoint.
    let kept = proved_before.checkpoint.clone();
    let wrong = |file: &ProofFile| prove::verify(file, Some(&kept), prove::read_entry).wrong;
    assert_eq!(wrong(&proved_before), Vec::<String>::new());
    let now = ProofFile {
        checkpoint: kept.clone(),
        inclusion: proved_before.inclusion.clone(),
        ..proof(path, at)
    };
    assert_eq!(wrong(&now), Vec::<String>::new());
    let verdict = prove::verify(&proof(path, at), None, prove::read_entry);
    assert!(verdict.wrong.is_empty(), "{verdict:?}");
    let says = |words: &str| verdict.proved.iter().any(|line| line.contains(words));
    assert!(says("parts shown, and unchanged: 1") && says("erased by the registry's word: 1"));
    assert!(!says("withheld"), "{verdict:?}");

    // A dump carries it as it is now, and one made before as it was then.
    let newer = path.with_extension("newer.dump");
    assert_eq!(anju(&["dump", "--out", newer.to_str().unwrap()], path).0, Ok(Outcome::Fine));
    for (dump, has_words) in [(newer.as_path(), false), (Path::new(older), true)] {
        assert_eq!(holds(dump, SECRET.as_bytes()), has_words);
        let restored = tempfile::tempdir().unwrap();
        assert_eq!(load(dump, restored.path()), (0, String::new()));
        assert_eq!(holds(restored.path(), SECRET.as_bytes()), has_words);
        assert_eq!(verified(&[], restored.path()).1, set([]));
        fs::remove_file(dump).unwrap();
    }
}

/// What `anju prove fetch` saves.
fn proof(path: &Path, at: Position) -> ProofFile {
    let registry = registry_on(open(path));
    let (checkpoint, bytes, path) = registry.inclusion(at.partition, at.seq, None).unwrap();
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    };
    ProofFile {
        format: "anju-proof-1".to_owned(),
        seq: at.seq,
        entry: hex(&bytes),
        leaf: None,
        checkpoint: SavedCheckpoint {
            registry_id: hex(&checkpoint.registry),
            partition: checkpoint.partition.number(),
            size: checkpoint.size,
            root: checkpoint.root.to_string(),
            suite: SUITE.to_owned(),
            stamp: checkpoint.stamp.to_string(),
        },
        inclusion: path.iter().map(ToString::to_string).collect(),
        older: None,
    }
}

/// All bytes of the segments in use.
fn segments(path: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = fs::read_dir(path.join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "seg"))
        .collect();
    files.sort();
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

fn shows_by_whose_order(path: &Path, building: SubjectId, at: Position) {
    let registry = registry_on(open(path));
    let rows = history(&registry, building);
    let [registered, changed, erased] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((registered.erased_by, changed.erased_by), (None, Some(erased.position.seq)));
    assert_eq!(changed.position, at);
    let author = &erased.entry.author;
    assert_eq!((author.subject.as_str(), author.person.as_str()), ("anju", "clerk-3"));
    assert_eq!(erased.entry.text.as_ref().unwrap().reason, "names a tenant");
    let expected = Fact::Erased {
        seq: at.seq,
        kinds: vec![2],
        order: "（2026）豫01行终1号".to_owned(),
        ordered_by: "court-12".to_owned(),
        subjects: vec![building],
    };
    assert_eq!(erased.entry.body.as_ref().unwrap().fact, expected);
}

#[test]
fn only_texts_that_are_there_are_erased_and_everything_wrong_is_told_at_once() {
    let Told { directory, at, .. } = told();
    let path = directory.path();
    let count = entries(path).len();
    let (good, none) = (at.to_string(), "1:99999");
    let (code, error, _) = erase(&[&good, none, &good, "1:1"], path);
    assert_eq!(code, 5, "{error}");
    for told in ["entries[1]: entry 1:99999", "NOT_FOUND", "entries[2]: the same", "REPEATED"] {
        assert!(error.contains(told), "{told} in {error}");
    }
    assert!(!error.contains("entries[0]"), "{error}");
    assert_eq!(erase(&[none], path).0, 4);
    let bad = ["--order", " ", "--ordered-by", "王法官", "--reason", "his number is 13800138000"];
    let (outcome, _) = anju_coded(&[&["erase", "1:5", "0:1"], &bad[..]].concat(), path);
    let error = format!("{:#}", outcome.as_ref().unwrap_err());
    assert_eq!(cli::exit_code(&outcome), 2, "{error}");
    for told in ["--order: ", "--ordered-by: ", "--reason: no identity", "of one partition"] {
        assert!(error.contains(told), "{told} in {error}");
    }
    let held = open(path);
    let (code, error, _) = erase(&[&good], path);
    assert!(code == 1 && error.starts_with("stop the server first"), "{code} {error}");
    drop(held);
    // Nothing was written by any of these.
    assert_eq!(entries(path).len(), count);
    assert!(holds(path, SECRET.as_bytes()));

    let registry = registry_on(open(path));
    let refused = |erase: Erase| match registry.erase(call(at.partition), erase) {
        Err(Error::Refused(refusals)) => refusals[0].reason.clone(),
        other => panic!("{other:?}"),
    };
    // What the state follows from can never be.
    for kinds in [&[1][..], &[3], &[2, 1], &[]] {
        assert_eq!(refused(order(at.seq, kinds)), "NOT_ERASABLE", "{kinds:?}");
    }
    registry.erase(call(at.partition), order(at.seq, &[2])).unwrap();
    assert_eq!(refused(order(at.seq, &[2])), "ALREADY_ERASED");
    drop(registry);
    assert!(!holds(path, SECRET.as_bytes()));
}

/// Until the next segment and all side files are there, so that none of them meets a fault.
fn wait_for_side_work(path: &Path) {
    let used = verify_journal(path, &mut |_, _| {}).unwrap().segment_count;
    let count = |extension: &str| {
        let files = fs::read_dir(path.join("journal")).unwrap().map(|file| file.unwrap().path());
        files.filter(|file| file.extension().is_some_and(|found| found == extension)).count() as u64
    };
    let begun = Instant::now();
    while (count("seg"), count("idx")) != (used + 1, used - 1) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{used} segments are in use");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Erases in a registry whose files fail, cuts the power, and opens it again.
fn erased_with_a_fault(fault: (Fault, &'static str, usize), left: Left) -> (bool, bool) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let files = FaultFiles::new();
    let options = || EmbeddedOptions { files: Arc::new(files.clone()), ..options() };
    let city = City::on(Arc::new(EmbeddedStore::open(path, options()).unwrap().0));
    let (_, at) = fill(&city);
    wait_for_side_work(path);
    let (kind, extension, after) = fault;
    files.plan(kind, extension, after);
    let done = city.registry.erase(call(at.partition), order(at.seq, &[2]));
    assert!(done.is_err() && files.planned_count() == 0, "{done:?}");
    city.registry.close();
    drop(city);
    files.power_cut(left).unwrap();
    drop(registry_on(EmbeddedStore::open(path, options()).unwrap().0));
    let is_said = entries(path).iter().any(|(_, _, bytes)| {
        let (entry, _) = Entry::decode(bytes).unwrap();
        matches!(entry.body.unwrap().fact, Fact::Erased { .. })
    });
    assert_eq!(checked(&entries(path)).1.count(), 0);
    assert_eq!(verified(&[], path).1, set([]));
    (is_said, holds(path, SECRET.as_bytes()))
}

#[test]
fn a_registry_that_stops_in_between_has_erased_all_or_nothing_at_its_next_start() {
    let (mut all, mut nothing) = (0, 0);
    for left in [Left::Nothing, Left::Everything, Left::Some(1), Left::Some(2)] {
        // The entry that says so; the file with what is to be written; the segment.
        for fault in [
            (Fault::Write, "seg", 0),
            (Fault::Sync, "seg", 0),
            (Fault::ShortWrite(40), "tmp", 0),
            (Fault::Sync, "tmp", 0),
            (Fault::ShortWrite(60), "seg", 1),
            (Fault::Sync, "seg", 1),
        ] {
            match erased_with_a_fault(fault, left) {
                (true, false) => all += 1,
                (false, true) => nothing += 1,
                (is_said, _) => panic!("{fault:?} {left:?}: {is_said}, and not done"),
            }
        }
    }
    assert!(all >= 16 && nothing >= 4, "{all} {nothing}");
}

#[test]
fn what_is_said_and_not_done_is_found_and_done_by_whoever_comes_next() {
    let Told { directory, at, .. } = told();
    let path = directory.path();
    let registry = registry_on(open(path));
    // As if the process were killed behind the commit.
    registry.execute(call(at.partition), Command::Erase(order(at.seq, &[2]))).unwrap();
    drop(registry);
    assert!(holds(path, SECRET.as_bytes()));
    assert_eq!(verified(&["--journal"], path).1, set(["NOT_ERASED"]));
    for words in [&["verify"][..], &["rebuild"]] {
        let copy = tempfile::tempdir().unwrap();
        copy_tree(path, copy.path());
        assert_eq!(anju(words, copy.path()).0, Ok(Outcome::Fine), "{words:?}");
        assert!(!holds(copy.path(), SECRET.as_bytes()), "{words:?}");
    }
    let (code, error, _) = erase(&[&at.to_string()], path);
    assert!(code == 5 && error.contains("ALREADY_ERASED"), "{code} {error}");
    assert!(!holds(path, SECRET.as_bytes()));
    assert_eq!(verified(&[], path).1, set([]));
}

#[test]
fn a_text_that_is_missing_unasked_is_found() {
    let Told { directory, at, .. } = told();
    let path = directory.path();
    let before = entries(path);
    assert_eq!(erase(&[&at.to_string()], path).0, 0);
    let after = entries(path);
    let index = before.iter().position(|(p, seq, _)| (*p, *seq) == (at.partition, at.seq)).unwrap();
    let found = |entries: &[(Partition, Seq, Vec<u8>)]| reasons(&checked(&entries.to_vec()).1);
    assert_eq!(found(&after), set([]));
    // Without the entry that says by whose order.
    assert_eq!(found(&after[..before.len()]), set(["BLANKED_UNASKED"]));
    let mut back = after.clone();
    back[index] = before[index].clone();
    assert_eq!(found(&back), set(["NOT_ERASED"]));
    let mut withheld = before.clone();
    let mut entry: anju::proto::fact::Entry = prost::Message::decode(&before[index].2[..]).unwrap();
    entry.parts[1] = anju::proto::fact::Part::default();
    withheld[index].2 = prost::Message::encode_to_vec(&entry);
    assert_eq!(found(&withheld), set(["TEXT_MISSING"]));
}

#[test]
fn the_same_words_elsewhere_are_told() {
    let Told { directory, at, .. } = told();
    let path = directory.path();
    fs::write(path.join("journal").join("cut-1.bin"), format!("torn {SECRET} off")).unwrap();
    let (code, error, said) = erase(&[&at.to_string()], path);
    assert_eq!((code, error.as_str()), (0, ""));
    let files = said["files_with_words"].as_array().unwrap();
    assert!(files.len() == 1 && files[0].as_str().unwrap().ends_with("cut-1.bin"), "{said}");
    // All entries of the test have one reason.
    let (code, _, said) = erase(&[&Position { seq: at.seq - 1, ..at }.to_string()], path);
    assert_eq!(code, 0);
    assert_eq!(said["same_words_in"].as_array().unwrap().len(), 100);
    assert!(said["same_words_count"].as_u64().unwrap() > 120, "{said}");
}

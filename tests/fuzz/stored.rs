//! What is stored: entries, proofs, dumps, segments of the journal. One that was harmed is never
//! taken for whole.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anju::{
    cli::prove::{self, Older, ProofFile, SavedCheckpoint},
    domain::{
        author::Author,
        content::{Content, Fields},
        region::Level,
        timeline::EndCause,
    },
    kernel::{
        hash::Hash,
        id::{IdSeed, Kind, SubjectId},
        position::{Partition, Seq},
        time::{Clock, ManualClock, Stamp},
    },
    registry::{
        Call, Change, Command, DumpReader, DumpWriter, End, Entry, Options, Outcome, Register,
        Registry, Retract, blanked, load, open_entry, sayings, show,
        underwriting::{KnownTree, Line, check},
        withhold,
    },
    store::{
        Direction, Group, KeyRange, Limit, NewEntry, Store, StoreError,
        embedded::{EmbeddedOptions, EmbeddedStore, Reserve, verify_journal},
        memory::MemoryStore,
    },
};

use crate::mutate::Door;

const NO_LIMIT: Limit = Limit { entries: usize::MAX, bytes: usize::MAX };
const NOW: &str = "2026-06-01T04:00:00Z";

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::new(NOW.parse::<Stamp>().unwrap()))
}

/// A registry with a few buildings and most kinds of facts of the spine.
struct Small {
    registry: Registry,
    next: u64,
}

impl Small {
    fn on(store: Arc<dyn Store>) -> Self {
        let registry = Registry::open(store, clock(), Options::default(), &mut |_, _| {}).unwrap();
        Self { registry, next: 0 }
    }

    fn run(&mut self, partition: Partition, command: Command) -> Outcome {
        self.next += 1;
        let call = Call {
            partition,
            author: Author { subject: "setup".to_owned(), ..Author::default() },
            request: None,
            reason: "as the paper says".to_owned(),
            validate_only: false,
            overrides: Vec::new(),
            seed: Hash::of(&[&self.next.to_be_bytes()]).0,
        };
        self.registry.execute(call, command).unwrap()
    }

    fn register(&mut self, content: Content, opens_partition: bool) -> SubjectId {
        self.next += 1;
        let partition = content.located_in().first().map_or(Partition::ROOT, |id| id.partition());
        let register = Register {
            seed: IdSeed { unix_ms: 1_780_000_000_000, random: self.next },
            content,
            exists_from: "1980s".parse().unwrap(),
            opens_partition,
            sentences: Vec::new(),
        };
        self.run(partition, Command::Register(register)).decided.subjects[0]
    }

    fn region(&mut self, level: Level, parent: Option<SubjectId>) -> SubjectId {
        let mut content = Content::empty(Kind::Region);
        if let Fields::Region(fields) = &mut content.fields {
            fields.level = Some(level);
            fields.name = Some(Some("某地".to_owned()));
            fields.parent = parent.map(|id| Some(id.try_into().unwrap()));
        }
        self.register(content, level == Level::City)
    }

    /// Fills it; the last building is what was said of most.
    fn fill(&mut self) -> SubjectId {
        let mut above = None;
        for level in
            [Level::Province, Level::City, Level::District, Level::Street, Level::Community]
        {
            above = Some(self.region(level, above));
        }
        let mut compound = Content::empty(Kind::Compound);
        if let Fields::Compound(fields) = &mut compound.fields {
            fields.name = Some(Some("示例小区".to_owned()));
            fields.community = Some(Some(above.unwrap().try_into().unwrap()));
        }
        let compound = self.register(compound, false);
        let mut last = compound;
        for area in [10_000_000, 20_000_000] {
            last = self.register(building(compound, area), false);
        }
        let home = last.partition();
        let mut content = Content::empty(Kind::Building);
        if let Fields::Building(fields) = &mut content.fields {
            fields.floor_area_cm2 = Some(None);
        }
        let change = Change {
            subject: last,
            etag: None,
            from: "2001-01-01".parse().unwrap(),
            second_of_day: None,
            order_key: Vec::new(),
            content,
            sentences: Vec::new(),
        };
        self.run(home, Command::Change(change));
        let day = "2020".parse().unwrap();
        let end = End { subject: last, etag: None, day, cause: EndCause::Demolished };
        let ended = self.run(home, Command::End(end));
        let entry = ended.entries.last().copied();
        self.run(home, Command::Retract(Retract { subject: last, etag: None, entry }));
        last
    }
}

fn building(compound: SubjectId, area: u64) -> Content {
    let mut content = Content::empty(Kind::Building);
    if let Fields::Building(fields) = &mut content.fields {
        fields.name = Some(Some("1号楼".to_owned()));
        fields.compound = Some(Some(compound.try_into().unwrap()));
        fields.floor_area_cm2 = Some(Some(area));
    }
    content
}

/// All entries of a store, partition by partition.
fn entries(store: &dyn Store) -> Vec<(Partition, Vec<Vec<u8>>)> {
    let of = |partition| store.entries(partition, 1, NO_LIMIT).unwrap();
    store.heads().into_iter().map(|head| (head.partition, of(head.partition))).collect()
}

#[test]
fn a_harmed_entry_is_refused_or_says_what_its_leaf_says() {
    let store = Arc::new(MemoryStore::new());
    let subject = Small::on(Arc::clone(&store) as Arc<dyn Store>).fill();
    let samples: Vec<Vec<u8>> =
        entries(store.as_ref()).into_iter().flat_map(|(_, entries)| entries).collect();
    let leaves: Vec<(Entry, Hash)> =
        samples.iter().map(|bytes| Entry::decode(bytes).unwrap()).collect();
    let door = Door { name: "entry", samples, words: &[], inputs: 2_500 };
    door.throw(|input| {
        let _ = open_entry(input);
        let _ = (withhold(input), show(input, &[subject]), blanked(input));
        let _ = prove::read_entry(input);
        let Ok((entry, leaf)) = Entry::decode(input) else { return };
        let _ = sayings(&entry);
        // A leaf binds all that an entry says: whoever has the same leaf says the same, or less.
        let same = leaves.iter().find(|(_, other)| *other == leaf);
        if let Some((original, _)) = same
            && entry.is_whole()
        {
            assert_eq!(&entry, original, "another entry has the same leaf");
        }
    });
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn a_harmed_proof_proves_nothing_else() {
    let store = Arc::new(MemoryStore::new());
    let mut small = Small::on(Arc::clone(&store) as Arc<dyn Store>);
    let home = small.fill().partition();
    let registry = &small.registry;
    let saved = |size: Option<u64>| {
        let found = registry.checkpoint(home, size).unwrap();
        SavedCheckpoint {
            registry_id: hex(&found.registry),
            partition: home.number(),
            size: found.size,
            root: found.root.to_string(),
            suite: anju::registry::SUITE.to_owned(),
            stamp: found.stamp.to_string(),
        }
    };
    let head = registry.frontier(home).seq;
    let texts = |proof: &[Hash]| proof.iter().map(ToString::to_string).collect::<Vec<_>>();
    let whole = |seq: Seq| {
        let (_, bytes, proof) = registry.inclusion(home, seq, None).unwrap();
        let (_, _, grown) = registry.consistency(home, 3, None).unwrap();
        ProofFile {
            format: "anju-proof-1".to_owned(),
            seq,
            entry: hex(&bytes),
            leaf: None,
            checkpoint: saved(None),
            inclusion: texts(&proof),
            older: Some(Older { checkpoint: saved(Some(3)), consistency: texts(&grown) }),
        }
    };
    let proofs = [whole(1), whole(head / 2), whole(head)];
    let samples = proofs.iter().map(|proof| serde_json::to_vec(proof).unwrap()).collect();
    let kept = saved(None);
    let door = Door {
        name: "proof",
        samples,
        words: &["\"older\":null", "\"seq\":", "ab", "00", "[]", "{}", "null", "\\u0000"],
        inputs: 1_500,
    };
    door.throw(|input| {
        let Ok(file) = serde_json::from_slice::<ProofFile>(input) else { return };
        let verdict = prove::verify(&file, Some(&kept), prove::read_entry);
        if verdict.wrong.is_empty() {
            // Proved by the tree that was kept: then it is an entry of that tree.
            let bytes = (0..file.entry.len() / 2)
                .map(|at| u8::from_str_radix(&file.entry[at * 2..at * 2 + 2], 16).unwrap());
            let (entry, leaf) = Entry::decode(&bytes.collect::<Vec<_>>()).unwrap();
            let original = registry.bytes(home, file.seq).unwrap();
            let (original, its_leaf) = Entry::decode(&original).unwrap();
            assert_eq!(leaf, its_leaf);
            if entry.is_whole() {
                assert_eq!(entry, original);
            }
        } else {
            assert!(verdict.proved.is_empty(), "a half-broken proof is no proof");
        }
    });
}

/// The lines of a file with sums that fit them: what somebody would write who harms it on purpose.
fn summed(input: &[u8]) -> Vec<u8> {
    let (mut before, mut bytes) = (String::new(), Vec::new());
    for line in input.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let end = line.len().saturating_sub(26);
        let text = if line[end..].starts_with(b",\"sum\":\"") { &line[..end] } else { line };
        let mut sum = Hash::of(&[before.as_bytes(), text]).to_string();
        sum.truncate(16);
        for part in [text, b",\"sum\":\"", sum.as_bytes(), b"\"}\n"] {
            bytes.extend_from_slice(part);
        }
        before = sum;
    }
    bytes
}

#[test]
fn a_harmed_underwriters_file_is_told_or_has_the_entries_of_its_tree() {
    let good = include_bytes!("../samples/underwriting-v1.jsonl");
    assert_eq!(summed(good), good);
    let looked = |input: &[u8], kept: Option<&KnownTree>| {
        let mut entries = Vec::new();
        let found = check(&mut &input[..], kept, &mut |line| {
            if let Line::Entry(entry) = line {
                entries.push((entry.entry, entry.recorded.clone()));
            }
        });
        (found.unwrap(), entries)
    };
    let (found, entries) = looked(good, None);
    let header = found.header.unwrap();
    let kept = KnownTree {
        registry: header.registry.clone(),
        partition: 1,
        size: header.tree.size,
        root: header.tree.root.clone(),
        older: None,
    };
    let words = &["\"is\":\"reckoned\"", "\"says\":{}", "\"entries\":[]", "null", "{}", "\n", "00"];
    let door = Door { name: "underwriting", samples: vec![good.to_vec()], words, inputs: 150 };
    door.throw(|input| {
        if input != good {
            assert!(!looked(input, None).0.is_fine(), "a harmed file was taken for whole");
        }
        let (found, told) = looked(&summed(input), Some(&kept));
        if found.is_fine() {
            assert_eq!(found.header.unwrap().tree, header.tree);
            let is_known = |entry| entries.contains(entry);
            assert!(told.iter().all(is_known), "an entry that is not in the tree");
        }
    });
}

#[test]
fn a_harmed_dump_is_not_loaded_as_whole() {
    let store = Arc::new(MemoryStore::new());
    Small::on(Arc::clone(&store) as Arc<dyn Store>).fill();
    let all = entries(store.as_ref());
    let mut writer = DumpWriter::new(Vec::new());
    for bytes in all.iter().flat_map(|(_, entries)| entries) {
        writer.entry(bytes).unwrap();
    }
    let (dump, _) = writer.finish().unwrap();
    let door = Door { name: "dump", samples: vec![dump.clone()], words: &[], inputs: 400 };
    door.throw(|input| {
        let into = MemoryStore::new();
        let loaded = DumpReader::new(input)
            .and_then(|reader| load(reader, &into, &mut |_| {}, &mut |_, _| {}));
        if loaded.is_ok() {
            assert_eq!(input, dump, "another file was loaded as whole");
            assert_eq!(entries(&into), all);
        }
    });
}

fn options() -> EmbeddedOptions {
    EmbeddedOptions {
        cache_bytes: 16 * 1024 * 1024,
        segment_bytes: 4 * 1024,
        flush_every_ms: 3_600_000,
        reserve: Reserve { bytes: 0, percent: 0 },
        idle: Duration::from_secs(3_600),
        lock_patience: Duration::ZERO,
        ..EmbeddedOptions::default()
    }
}

fn journal_files(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory.join("journal")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// Whether what was read is the begin of what was written.
fn is_prefix(found: &[(Partition, Vec<Vec<u8>>)], all: &[(Partition, Vec<Vec<u8>>)]) -> bool {
    found.iter().all(|(partition, entries)| {
        let whole = all.iter().find(|(other, _)| other == partition);
        whole.is_some_and(|(_, whole)| whole.starts_with(entries))
    })
}

#[test]
fn a_harmed_journal_is_cut_at_its_tail_or_named_as_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), options()).unwrap().0;
    let memory = Arc::new(MemoryStore::new());
    Small::on(Arc::clone(&memory) as Arc<dyn Store>).fill();
    let all = entries(memory.as_ref());
    for (partition, entries) in &all {
        for (seq, bytes) in (1..).zip(entries) {
            let entry = NewEntry { partition: *partition, seq, bytes: bytes.clone() };
            store.commit(Group { entries: vec![entry], steps: Vec::new() }).unwrap();
        }
    }
    store.close().unwrap();
    let files = journal_files(directory.path());
    let contents: Vec<_> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(files.len() > 1);
    let mut which = 0;
    let door = Door { name: "journal", samples: contents.clone(), words: &[], inputs: 120 };
    door.throw(|input| {
        which = (which + 1) % files.len();
        let copy = tempfile::tempdir().unwrap();
        fs::create_dir_all(copy.path().join("journal")).unwrap();
        for (at, (path, bytes)) in files.iter().zip(&contents).enumerate() {
            let bytes = if at == which { input } else { bytes };
            fs::write(copy.path().join("journal").join(path.file_name().unwrap()), bytes).unwrap();
        }
        let _ = verify_journal(copy.path(), &mut |_, _| {});
        match EmbeddedStore::open(copy.path(), options()) {
            Ok((store, _)) => {
                for head in store.heads() {
                    match store.entries(head.partition, 1, NO_LIMIT) {
                        Ok(found) => assert!(is_prefix(&[(head.partition, found)], &all)),
                        Err(error) => assert!(is_damage(&error), "{error}"),
                    }
                }
            }
            Err(error) => assert!(is_damage(&error), "{error}"),
        }
    });
}

type Files = Vec<(PathBuf, Vec<u8>)>;

/// The files below a directory, by their paths in it.
fn files_below(top: &Path) -> Files {
    let mut files = Vec::new();
    let mut next = vec![top.to_owned()];
    while let Some(directory) = next.pop() {
        for file in fs::read_dir(directory).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                next.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                files.push((path.strip_prefix(top).unwrap().to_owned(), bytes));
            }
        }
    }
    files.sort();
    files
}

/// The whole state of a registry that is started on these files, `harmed` in the place of one.
fn state_on(files: &Files, harmed: (&Path, &[u8])) -> Vec<(Vec<u8>, Vec<u8>)> {
    let directory = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let bytes = if path == harmed.0 { harmed.1 } else { bytes };
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let store = Arc::new(EmbeddedStore::open(directory.path(), options()).unwrap().0);
    let started = Small::on(Arc::clone(&store) as Arc<dyn Store>);
    let everything = KeyRange { from: Vec::new(), to: vec![0xff; 8] };
    let state = store.view().unwrap().scan(&everything, Direction::Up, usize::MAX).unwrap();
    started.registry.close();
    state
}

#[test]
fn a_harmed_redo_file_leads_to_the_same_state() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::open(directory.path(), options()).unwrap().0);
    let mut small = Small::on(Arc::clone(&store) as Arc<dyn Store>);
    small.fill();
    // As a killed process leaves them: what was said to the state is in the redo file alone.
    let files = files_below(directory.path());
    small.registry.close();
    drop((small, store));
    let is_redo = |path: &Path| path.file_name().unwrap().to_string_lossy().starts_with("redo-");
    let redo: Vec<_> = files.iter().filter(|(path, _)| is_redo(path)).collect();
    let [(path, whole)] = redo[..] else { panic!("{} redo files", redo.len()) };
    let expected = state_on(&files, (path, whole));
    assert!(whole.len() > 1_000 && expected.len() > 50, "{} bytes", whole.len());
    let door = Door { name: "redo", samples: vec![whole.clone()], words: &[], inputs: 40 };
    door.throw(|input| {
        assert!(state_on(&files, (path, input)) == expected, "the state is another one");
    });
}

/// Whether an error names what it found, instead of failing at something else.
const fn is_damage(error: &StoreError) -> bool {
    matches!(error, StoreError::Damage { .. })
}

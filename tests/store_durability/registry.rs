//! What the tests of the embedded store share: a registry so small that its whole state follows
//! from the number of its entries.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anju::{
    kernel::position::{Partition, Seq},
    store::{
        Direction, Group, KeyRange, Limit, NewEntry, Step, Store, StoreError, Write,
        embedded::{EmbeddedOptions, EmbeddedStore, OpenReport, Reserve, files::Files},
    },
};

pub(crate) const SEGMENT_BYTES: u64 = 4 * 1024;
const NO_LIMIT: Limit = Limit { entries: usize::MAX, bytes: usize::MAX };

/// How many entries each partition has.
pub(crate) type Heads = BTreeMap<Partition, Seq>;

pub(crate) fn partition(number: u32) -> Partition {
    Partition::new(number).unwrap()
}

/// Small segments, no background marks, no reserve.
pub(crate) fn options() -> EmbeddedOptions {
    EmbeddedOptions {
        cache_bytes: 16 * 1024 * 1024,
        // Little, so that most of what is written goes all the way.
        buffer_bytes: 4 * 1024,
        // Not while a test copies its files.
        flush_every_ms: 3_600_000,
        segment_bytes: SEGMENT_BYTES,
        reserve: Reserve { bytes: 0, percent: 0 },
        idle: Duration::from_secs(3_600),
        lock_patience: Duration::ZERO,
        ..EmbeddedOptions::default()
    }
}

pub(crate) fn options_with(files: impl Files + 'static) -> EmbeddedOptions {
    EmbeddedOptions { files: Arc::new(files), ..options() }
}

pub(crate) fn open(path: &Path) -> (EmbeddedStore, OpenReport) {
    EmbeddedStore::open(path, options()).unwrap()
}

/// The bytes of an entry: they say which it is, and differ in length.
pub(crate) fn entry_bytes(partition: Partition, seq: Seq) -> Vec<u8> {
    let length = 10 + usize::try_from(seq * 37 % 150).unwrap();
    format!("entry {partition}:{seq} ").into_bytes().into_iter().cycle().take(length).collect()
}

/// What an entry does to the state: the newest, one of seven older ones, and one taken away.
pub(crate) fn step(partition: Partition, seq: Seq) -> Step {
    let key = |name: u8, number: u8| [&partition.to_bytes()[..], &[name, number]].concat();
    let number = u8::try_from(seq % 7).unwrap();
    let mut writes = vec![
        Write { key: key(b'n', 0), value: Some(seq.to_be_bytes().to_vec()) },
        Write { key: key(b'o', number), value: Some(entry_bytes(partition, seq)) },
    ];
    if seq.is_multiple_of(3) {
        writes.push(Write { key: key(b'o', (number + 1) % 7), value: None });
    }
    Step { applied: vec![(partition, seq)], writes }
}

/// The next entries of these partitions, a step each.
pub(crate) fn group(heads: &Heads, of: &[u32]) -> Group {
    let mut heads = heads.clone();
    let mut group = Group::default();
    for number in of {
        let partition = partition(*number);
        let seq = heads.entry(partition).or_insert(0);
        *seq += 1;
        group.entries.push(NewEntry { partition, seq: *seq, bytes: entry_bytes(partition, *seq) });
        group.steps.push(step(partition, *seq));
    }
    group
}

/// What the heads are after a group of these partitions.
pub(crate) fn after(heads: &Heads, of: &[u32]) -> Heads {
    let mut heads = heads.clone();
    for number in of {
        *heads.entry(partition(*number)).or_insert(0) += 1;
    }
    heads
}

pub(crate) fn commit(
    store: &EmbeddedStore,
    heads: &mut Heads,
    of: &[u32],
) -> Result<(), StoreError> {
    store.commit(group(heads, of))?;
    *heads = after(heads, of);
    Ok(())
}

pub(crate) fn heads(store: &dyn Store) -> Heads {
    store.heads().iter().map(|head| (head.partition, head.seq)).collect()
}

/// Replays what the state is behind; says how many entries that were.
pub(crate) fn replay(store: &dyn Store) -> u64 {
    let mut count = 0;
    for head in store.heads() {
        for (seq, bytes) in (head.applied + 1..)
            .zip(store.entries(head.partition, head.applied + 1, NO_LIMIT).unwrap())
        {
            assert_eq!(bytes, entry_bytes(head.partition, seq));
            store.replay(vec![step(head.partition, seq)]).unwrap();
            count += 1;
        }
    }
    count
}

/// Journal and state are exactly those of these heads.
pub(crate) fn assert_is(store: &dyn Store, expected: &Heads) {
    assert_eq!(&heads(store), expected);
    let mut state = BTreeMap::new();
    for (partition, head) in expected {
        let wanted: Vec<_> = (1..=*head).map(|seq| entry_bytes(*partition, seq)).collect();
        assert_eq!(store.entries(*partition, 1, NO_LIMIT).unwrap(), wanted);
        for seq in 1..=*head {
            for write in step(*partition, seq).writes {
                match write.value {
                    Some(value) => state.insert(write.key, value),
                    None => state.remove(&write.key),
                };
            }
        }
    }
    let view = store.view().unwrap();
    for (partition, head) in expected {
        assert_eq!(view.applied(*partition), *head);
    }
    let everything = KeyRange { from: Vec::new(), to: vec![0xff; 8] };
    let found = view.scan(&everything, Direction::Up, usize::MAX).unwrap();
    assert_eq!(found, state.into_iter().collect::<Vec<_>>());
}

/// A copy of a directory. A running store may be taking drafts away meanwhile.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            match fs::copy(&path, &target) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    assert_eq!(path.extension().unwrap(), "tmp");
                }
                copied => assert!(copied.is_ok(), "{copied:?}"),
            }
        }
    }
}

pub(crate) fn segment(path: &Path, number: u32) -> PathBuf {
    path.join("journal").join(format!("{number:08}.seg"))
}

pub(crate) fn side_file(path: &Path, number: u32) -> PathBuf {
    path.join("journal").join(format!("{number:08}.idx"))
}

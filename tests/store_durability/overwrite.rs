//! Entries overwritten where they lie: whole or not at all, whenever the process or the machine
//! stops, and then what was there is nowhere in the directory.

#![expect(clippy::indexing_slicing, reason = "a test ends at the first surprise")]

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anju::store::{
    Group, Limit, NewEntry, Store, StoreError,
    embedded::{
        EmbeddedStore,
        faults::{Fault, FaultFiles, Left},
        verify_journal,
    },
    with_sum_of,
};

use crate::registry::{options, options_with, partition};

const SECRET: &[u8] = b"what a court wants to be gone";
const ALL: Limit = Limit { entries: usize::MAX, bytes: usize::MAX };

/// Entries of many sectors, the third of which holds the secret again and again.
fn entries() -> Vec<Vec<u8>> {
    let plain = |number: u8| vec![number; 700];
    let secret = SECRET.iter().copied().cycle().take(2_100).collect();
    vec![plain(1), plain(2), secret, plain(4), plain(5), plain(6), plain(7)]
}

fn emptied(old: &[u8]) -> Vec<u8> {
    let mut new = vec![0; old.len()];
    new[..8].copy_from_slice(b"was here");
    with_sum_of(old, new, 8).unwrap()
}

/// Segments of 4 KiB: the third entry begins in the first of several, or lies in the last.
fn fill(store: &EmbeddedStore, count: usize) {
    for (seq, bytes) in (1..).zip(entries().into_iter().take(count)) {
        let entries = vec![NewEntry { partition: partition(1), seq, bytes }];
        store.commit(Group { entries, steps: Vec::new() }).unwrap();
    }
}

fn all(store: &EmbeddedStore) -> Vec<Vec<u8>> {
    store.entries(partition(1), 1, ALL).unwrap()
}

fn holds_secret(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds_secret(&path);
        }
        fs::read(path).unwrap().windows(SECRET.len()).any(|window| window == SECRET)
    })
}

/// Overwrites with a fault planned, cuts the power, and says whether the entry is overwritten when
/// the directory is opened again.
fn overwrite(count: usize, fault: Option<(Fault, &'static str)>, left: Left) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let files = FaultFiles::new();
    let options = || options_with(files.clone());
    let (store, _) = EmbeddedStore::open(path, options()).unwrap();
    fill(&store, count);
    drop(store);
    // So that side files are there.
    let (store, _) = EmbeddedStore::open(path, options()).unwrap();
    let report = verify_journal(path, &mut |_, _| {}).unwrap();
    let head = report.heads;
    // And the spare segment, so that no other file meets the fault.
    let spare = path.join("journal").join(format!("{:08}.seg", report.segment_count + 1));
    let begun = Instant::now();
    while !spare.exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", spare.display());
        thread::sleep(Duration::from_millis(1));
    }
    if let Some((fault, extension)) = fault {
        files.plan(fault, extension, 0);
    }
    let new = emptied(&entries()[2]);
    let done = store.overwrite(partition(1), 3, &new);
    assert_eq!(done.is_err(), fault.is_some(), "{done:?}");
    assert_eq!(files.planned_count(), 0);
    if done.is_err() {
        // Nothing may be written on top of what is half done.
        let next = NewEntry { partition: partition(1), seq: count as u64 + 1, bytes: vec![1] };
        let refused = store.commit(Group { entries: vec![next], steps: Vec::new() });
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    drop(store);
    files.power_cut(left).unwrap();
    // Also before anybody finished it.
    assert_eq!(verify_journal(path, &mut |_, _| {}).unwrap().heads, head);

    let (store, report) = EmbeddedStore::open(path, options()).unwrap();
    assert_eq!(report.cut, None);
    let mut expected = entries();
    expected.truncate(count);
    let is_overwritten = all(&store)[2] != expected[2];
    if is_overwritten {
        expected[2] = new;
    }
    assert_eq!(all(&store), expected);
    assert_eq!(holds_secret(path), !is_overwritten);
    // It is whole, and goes on.
    let next = NewEntry { partition: partition(1), seq: count as u64 + 1, bytes: vec![1] };
    store.commit(Group { entries: vec![next], steps: Vec::new() }).unwrap();
    drop(store);
    assert!(!path.join("overwriting").exists() && !path.join("overwriting.tmp").exists());
    // Nor do the side files lead elsewhere than the segments.
    for entry in fs::read_dir(path.join("journal")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "idx") {
            fs::remove_file(file).unwrap();
        }
    }
    let (store, _) = EmbeddedStore::open(path, crate::registry::options()).unwrap();
    assert_eq!(all(&store)[..count], expected);
    is_overwritten
}

#[test]
fn an_entry_is_overwritten_whole_or_not_at_all_whenever_the_power_fails() {
    let lefts = [Left::Nothing, Left::Everything].into_iter().chain((0..12).map(Left::Some));
    let early = [Fault::Write, Fault::ShortWrite(100), Fault::DiskFull(1_000), Fault::Sync];
    let late = [Fault::Write, Fault::ShortWrite(5), Fault::DiskFull(1_500), Fault::Sync];
    let mut done = 0;
    for (number, left) in lefts.enumerate() {
        // In a segment that was left, and in the one that is being filled.
        let count = if number % 2 == 0 { entries().len() } else { 3 };
        assert!(overwrite(count, None, left), "{left:?}");
        for fault in early {
            assert!(!overwrite(count, Some((fault, "tmp")), left), "{fault:?} {left:?}");
        }
        for fault in late {
            // What the file of new bytes says is done, whatever became of the segment.
            assert!(overwrite(count, Some((fault, "seg")), left), "{fault:?} {left:?}");
            done += 1;
        }
    }
    assert_eq!(done, 56);
}

#[test]
fn what_is_to_be_overwritten_elsewhere_is_not_written_here() {
    let directory = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    for path in [directory.path(), other.path()] {
        let files = FaultFiles::new();
        let (store, _) = EmbeddedStore::open(path, options_with(files.clone())).unwrap();
        fill(&store, 3);
        files.plan(Fault::Write, "seg", 0);
        store.overwrite(partition(1), 3, &emptied(&entries()[2])).unwrap_err();
    }
    let good = fs::read(directory.path().join("overwriting")).unwrap();
    let marked = other.path().join("overwriting");
    let mut damaged = good.clone();
    damaged[60] ^= 1;
    // That of another directory, one that is damaged, and one whose entry is another.
    for bad in [good, damaged, Vec::new()] {
        fs::write(&marked, bad).unwrap();
        let error = EmbeddedStore::open(other.path(), options()).unwrap_err();
        assert!(matches!(error, StoreError::Damage { .. }), "{error}");
        assert!(marked.exists() && holds_secret(other.path()));
    }
}

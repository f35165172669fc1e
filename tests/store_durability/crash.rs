//! Failed writes, failed syncs, full disks and power cuts: what was acknowledged is there after a
//! start, what was not is there whole or not at all.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anju::store::{
    Store, StoreError,
    embedded::{
        EmbeddedOptions, EmbeddedStore, Reserve,
        faults::{Fault, FaultFiles, Left, Operation},
        files::Space,
        verify_journal,
    },
};
use proptest::prelude::*;

use crate::registry::{Heads, after, assert_is, commit, heads, options, options_with, replay};

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "seg")
}

#[test]
fn no_commit_returns_before_everything_it_wrote_was_synced() {
    let directory = tempfile::tempdir().unwrap();
    let files = FaultFiles::new();
    let (store, _) = EmbeddedStore::open(directory.path(), options_with(files.clone())).unwrap();
    let mut heads = Heads::new();
    for _ in 0..60 {
        files.note("called");
        commit(&store, &mut heads, &[1, 2, 1]).unwrap();
        files.note("returned");
    }
    let (mut unsynced, mut unnamed) = (Vec::<PathBuf>::new(), Vec::<PathBuf>::new());
    let (mut writes, mut turns, mut wrote) = (0, 0, false);
    for operation in files.operations() {
        match operation {
            Operation::Write(path, offset, _) if is_segment(&path) => {
                turns += u32::from(offset == 0);
                unsynced.push(path);
                (writes, wrote) = (writes + 1, true);
            }
            Operation::Sync(path) => unsynced.retain(|unsynced| *unsynced != path),
            Operation::Rename(_, path) if is_segment(&path) => unnamed.push(path),
            Operation::SyncDirectory(path) => {
                unnamed.retain(|unnamed| unnamed.parent() != Some(path.as_path()));
            }
            Operation::Note(note) if note == "called" => wrote = false,
            Operation::Note(_) => {
                assert!(wrote, "a commit returned and wrote nothing");
                assert_eq!(unsynced, Vec::<PathBuf>::new());
            }
            _ => {}
        }
        // A segment that is in use has a durable name.
        assert!(unsynced.iter().all(|path| !unnamed.contains(path)));
    }
    assert_eq!(writes, 60);
    assert!(turns >= 2, "several segments were to be used");
}

/// Commits until one fails; the heads acknowledged, and those if the failed one counts.
fn commit_until_failure(store: &EmbeddedStore, groups: &[Vec<u32>]) -> (Heads, Option<Heads>) {
    let mut acknowledged = heads(store);
    for of in groups {
        match commit(store, &mut acknowledged, of) {
            Ok(()) => assert_is(store, &acknowledged),
            Err(StoreError::Unavailable(_)) => {
                let unknown = after(&acknowledged, of);
                return (acknowledged, Some(unknown));
            }
            Err(other) => panic!("{other}"),
        }
    }
    (acknowledged, None)
}

fn survives(groups: &[Vec<u32>], fault: Fault, nth: usize, left: Left, groups_after: &[Vec<u32>]) {
    let directory = tempfile::tempdir().unwrap();
    let files = FaultFiles::new();
    let options = || options_with(files.clone());
    let (store, _) = EmbeddedStore::open(directory.path(), options()).unwrap();
    files.plan(fault, "seg", nth);
    let (acknowledged, unknown) = commit_until_failure(&store, groups);
    if unknown.is_some() {
        assert!(store.stats().read_only);
        assert_is(&store, &acknowledged);
        let writes_so_far = segment_writes(&files);
        for _ in 0..2 {
            let error = commit(&store, &mut acknowledged.clone(), &[1]).unwrap_err();
            assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        }
        drop(store);
        assert_eq!(segment_writes(&files), writes_so_far, "written after a failure");
    } else {
        drop(store);
    }
    files.power_cut(left).unwrap();

    let (store, report) = EmbeddedStore::open(directory.path(), options()).unwrap();
    let mut found = heads(&store);
    assert!(found == acknowledged || Some(&found) == unknown.as_ref(), "{found:?} {report:?}");
    replay(&store);
    assert_is(&store, &found);
    for of in groups_after {
        commit(&store, &mut found, of).unwrap();
    }
    assert_is(&store, &found);
    drop(store);
    let report = verify_journal(directory.path(), &mut |_, _| {}).unwrap();
    assert_eq!((report.tail, report.entry_count), (None, found.values().sum()));
    files.power_cut(left).unwrap();
    let (store, report) = EmbeddedStore::open(directory.path(), options()).unwrap();
    assert_eq!(report.cut, None);
    replay(&store);
    assert_is(&store, &found);
}

/// Writes and syncs of segments, those that failed included.
fn segment_writes(files: &FaultFiles) -> usize {
    let of_segment = |operation: &Operation| match operation {
        Operation::Write(path, ..) | Operation::Sync(path) | Operation::Fail(path) => {
            is_segment(path)
        }
        _ => false,
    };
    files.operations().iter().filter(|operation| of_segment(operation)).count()
}

fn groups() -> impl Strategy<Value = Vec<Vec<u32>>> {
    prop::collection::vec(prop::collection::vec(1_u32..4, 1..12), 1..20)
}

fn faults() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Write),
        (0_usize..1_500).prop_map(Fault::ShortWrite),
        (0_usize..1_500).prop_map(Fault::DiskFull),
        Just(Fault::Sync),
    ]
}

fn lefts() -> impl Strategy<Value = Left> {
    prop_oneof![
        2 => Just(Left::Nothing),
        1 => Just(Left::Everything),
        5 => any::<u64>().prop_map(Left::Some),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 120, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_acknowledged_survives_faults_and_power_cuts(
        groups in groups(),
        fault in faults(),
        nth in 0_usize..16,
        left in lefts(),
        groups_after in groups(),
    ) {
        survives(&groups, fault, nth, left, &groups_after);
    }
}

#[test]
fn an_entry_never_shows_half_written_while_its_write_fails() {
    for bytes in 0..120 {
        let directory = tempfile::tempdir().unwrap();
        let files = FaultFiles::new();
        let (store, _) =
            EmbeddedStore::open(directory.path(), options_with(files.clone())).unwrap();
        let mut heads = Heads::new();
        commit(&store, &mut heads, &[1, 1]).unwrap();
        files.plan(Fault::ShortWrite(bytes), "seg", 0);
        commit(&store, &mut heads.clone(), &[1, 2]).unwrap_err();
        assert_is(&store, &heads);
        let report = verify_journal(directory.path(), &mut |_, _| {}).unwrap();
        assert_eq!(report.entry_count, 2);
    }
}

#[test]
fn a_segment_that_cannot_be_made_fails_its_commit_and_no_later_one() {
    let directory = tempfile::tempdir().unwrap();
    let files = FaultFiles::new();
    let (store, _) = EmbeddedStore::open(directory.path(), options_with(files.clone())).unwrap();
    let mut heads = Heads::new();
    // The keeper meets some of these, a commit that needs the segment the others.
    for _ in 0..6 {
        files.plan(Fault::DiskFull(100), "tmp", 0);
    }
    let mut refused = 0;
    while files.planned_count() > 0 || heads.values().sum::<u64>() < 200 {
        match commit(&store, &mut heads, &[1, 2, 3, 1, 2, 3]) {
            Ok(()) => {}
            Err(StoreError::Io { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(refused <= 6);
    }
    assert_is(&store, &heads);
    drop(store);
    let (store, _) = EmbeddedStore::open(directory.path(), options_with(files)).unwrap();
    assert_is(&store, &heads);
}

#[test]
fn writes_are_refused_below_the_reserve_and_reads_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let files = FaultFiles::new();
    files.set_space(Space { free_bytes: 4_999, total_bytes: 100_000 });
    let reserve = Reserve { bytes: 1_000, percent: 5 };
    let options = || EmbeddedOptions { reserve, ..options_with(files.clone()) };
    let (store, _) = EmbeddedStore::open(directory.path(), options()).unwrap();
    let mut heads = Heads::new();
    match commit(&store, &mut heads, &[1]).unwrap_err() {
        StoreError::DiskReserve { free, reserve } => assert_eq!((free, reserve), (4_999, 5_000)),
        other => panic!("{other}"),
    }
    assert_is(&store, &heads);
    files.set_space(Space { free_bytes: 5_000, total_bytes: 100_000 });
    commit(&store, &mut heads, &[1]).unwrap();
    assert_is(&store, &heads);
    drop(store);
    files.set_space(Space { free_bytes: 999, total_bytes: 10_000 });
    let (store, _) = EmbeddedStore::open(directory.path(), options()).unwrap();
    assert!(matches!(commit(&store, &mut heads, &[1]), Err(StoreError::DiskReserve { .. })));
    assert_is(&store, &heads);
}

#[test]
fn a_state_that_was_not_synced_is_rebuilt_on_another_boot_only() {
    let directory = tempfile::tempdir().unwrap();
    let files = FaultFiles::new();
    let options = || options_with(files.clone());
    let (path, killed) = (directory.path().join("a"), directory.path().join("b"));
    let (store, _) = EmbeddedStore::open(&path, options()).unwrap();
    let mut heads = Heads::new();
    for _ in 0..5 {
        commit(&store, &mut heads, &[1, 2]).unwrap();
    }
    crate::registry::copy_tree(&path, &killed);
    drop(store);
    // Killed on the same boot: sled's files are as it left them.
    let (store, report) = EmbeddedStore::open(&killed, options()).unwrap();
    assert_eq!((report.clean, report.state_set_aside), (false, None));
    replay(&store);
    assert_is(&store, &heads);
    drop(store);
    fs::remove_dir_all(&killed).unwrap();
    crate::registry::copy_tree(&path, &killed);

    // Ended cleanly, then another boot: believed.
    let next_boot = FaultFiles::new();
    next_boot.power_cut(Left::Everything).unwrap();
    let options = || options_with(next_boot.clone());
    let (store, report) = EmbeddedStore::open(&killed, options()).unwrap();
    assert_eq!((report.clean, report.state_set_aside), (true, None));
    assert_is(&store, &heads);
    let again = directory.path().join("c");
    crate::registry::copy_tree(&killed, &again);
    drop(store);

    // Killed, then another boot: set aside, unless the caller says that it looks itself.
    let third_boot = FaultFiles::new();
    third_boot.power_cut(Left::Everything).unwrap();
    third_boot.power_cut(Left::Everything).unwrap();
    let trusting =
        EmbeddedOptions { trust_unsynced_state: true, ..options_with(third_boot.clone()) };
    let copy = directory.path().join("d");
    crate::registry::copy_tree(&again, &copy);
    let (_, report) = EmbeddedStore::open(&copy, trusting).unwrap();
    assert_eq!(report.state_set_aside, None);
    let (store, report) = EmbeddedStore::open(&again, options_with(third_boot)).unwrap();
    assert!(report.state_set_aside.unwrap().contains("synced"));
    assert!(store.heads().iter().all(|head| head.applied == 0));
    replay(&store);
    assert_is(&store, &heads);
}

#[test]
fn a_state_found_damaged_while_reading_is_replaced_live() {
    let directory = tempfile::tempdir().unwrap();
    let options =
        || EmbeddedOptions { cache_bytes: 256 * 1024, buffer_bytes: 16 * 1024, ..options() };
    let (store, _) = EmbeddedStore::open(directory.path(), options()).unwrap();
    let mut heads = Heads::new();
    for number in 1..400 {
        let of: Vec<u32> = (0..10).flat_map(|_| [number, number + 1]).collect();
        commit(&store, &mut heads, &of).unwrap();
    }
    let db = directory.path().join("state/db");
    let length = usize::try_from(fs::metadata(&db).unwrap().len()).unwrap();
    // What sled keeps in memory is little; the rest it must read from here.
    let handle = fs::OpenOptions::new().write(true).open(&db).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&handle, &vec![0x5a; length], 0).unwrap();
    let everything = anju::store::KeyRange { from: Vec::new(), to: vec![0xff; 8] };
    let read = || {
        let view = store.view().unwrap();
        view.scan(&everything, anju::store::Direction::Up, usize::MAX).err()
    };
    let error = read().expect("what was overwritten is noticed");
    assert!(matches!(error, StoreError::Damage { .. }), "{error}");
    assert!(store.state_damaged());
    assert!(matches!(commit(&store, &mut heads.clone(), &[1]), Err(StoreError::Rebuilding { .. })));
    store.clear_state().unwrap();
    assert!(!store.state_damaged() && directory.path().join("state.aside").exists());
    assert_eq!(replay(&store), heads.values().sum::<u64>());
    assert_is(&store, &heads);
    commit(&store, &mut heads, &[1, 5]).unwrap();
    drop(store);
    let (store, report) = EmbeddedStore::open(directory.path(), options()).unwrap();
    assert!(report.clean);
    assert_is(&store, &heads);
}

#[test]
fn what_a_start_serves_is_durable() {
    let directory = tempfile::tempdir().unwrap();
    let files = FaultFiles::new();
    let (store, _) = EmbeddedStore::open(directory.path(), options_with(files.clone())).unwrap();
    let mut heads = Heads::new();
    commit(&store, &mut heads, &[1, 2]).unwrap();
    // Written to the last byte, then the process ends before it is synced.
    files.plan(Fault::ShortWrite(usize::MAX), "seg", 0);
    commit(&store, &mut heads.clone(), &[1, 2, 3]).unwrap_err();
    drop(store);
    let (store, _) = EmbeddedStore::open(directory.path(), options_with(files.clone())).unwrap();
    let served = after(&heads, &[1, 2, 3]);
    replay(&store);
    assert_is(&store, &served);
    // The end of this run must not be what makes it durable.
    files.plan(Fault::Write, "seg", 0);
    drop(store);
    assert_eq!(files.planned_count(), 0);
    files.power_cut(Left::Nothing).unwrap();
    let (store, _) = EmbeddedStore::open(directory.path(), options_with(files)).unwrap();
    replay(&store);
    assert_is(&store, &served);
}

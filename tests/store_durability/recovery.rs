//! What a start of the embedded store makes of what it finds: torn tails, flipped bytes, states
//! that are gone, old or foreign.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anju::store::{
    Limit, Store, StoreError,
    embedded::{EmbeddedOptions, EmbeddedStore, verify_journal},
};

use crate::registry::{
    Heads, SEGMENT_BYTES, after, assert_is, commit, copy_tree, entry_bytes, heads, open, options,
    partition, replay, segment, side_file,
};

/// A store with a few groups in one segment.
fn small(path: &Path) -> (EmbeddedStore, Heads) {
    let (store, mut heads) = (open(path).0, Heads::new());
    for of in [&[1][..], &[1, 2, 1], &[2], &[1, 2]] {
        commit(&store, &mut heads, of).unwrap();
    }
    (store, heads)
}

/// A store with many groups over several segments.
fn large(path: &Path) -> (EmbeddedStore, Heads) {
    let (store, mut heads) = (open(path).0, Heads::new());
    for round in 0..40 {
        let of: &[u32] = if round % 3 == 0 { &[1, 7, 1] } else { &[1, 2] };
        commit(&store, &mut heads, of).unwrap();
    }
    assert!(segment(path, 3).exists());
    (store, heads)
}

fn damage(error: &StoreError) -> String {
    match error {
        StoreError::Damage { place, what } => format!("{place}: {what}"),
        other => panic!("{other}"),
    }
}

fn open_error(path: &Path) -> StoreError {
    EmbeddedStore::open(path, options()).err().unwrap()
}

#[test]
fn everything_is_there_after_a_clean_end() {
    let directory = tempfile::tempdir().unwrap();
    let (store, heads) = large(directory.path());
    assert_is(&store, &heads);
    store.close().unwrap();
    let (store, report) = open(directory.path());
    assert!(report.clean && report.cut.is_none() && report.state_set_aside.is_none());
    assert_eq!(report.entry_count, heads.values().sum::<u64>());
    assert_is(&store, &heads);
    let head = store.heads()[0];
    assert_eq!(head.applied, head.seq);
}

#[test]
fn everything_is_there_after_the_process_was_killed() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut heads) = large(&directory.path().join("a"));
    copy_tree(&directory.path().join("a"), &directory.path().join("b"));
    drop(store);
    let (store, report) = open(&directory.path().join("b"));
    assert!(!report.clean);
    assert_eq!((report.cut, report.state_set_aside), (None, None));
    replay(&store);
    assert_is(&store, &heads);
    commit(&store, &mut heads, &[1, 2, 7]).unwrap();
    assert_is(&store, &heads);
}

/// Opens a journal that consists of one segment with these bytes.
fn open_segment(bytes: &[u8]) -> (tempfile::TempDir, Result<EmbeddedStore, StoreError>, bool) {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("journal")).unwrap();
    fs::write(segment(directory.path(), 1), bytes).unwrap();
    let opened = EmbeddedStore::open(directory.path(), options());
    let (opened, cut) = match opened {
        Ok((store, report)) => {
            if let Some(cut) = &report.cut {
                assert_eq!(fs::read(&cut.kept).unwrap().len() as u64, cut.bytes);
            }
            (Ok(store), report.cut.is_some())
        }
        Err(error) => (Err(error), false),
    };
    (directory, opened, cut)
}

/// The segment before and after a last group, and the heads.
fn two_images() -> (Vec<u8>, Heads, Vec<u8>, Heads) {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut heads) = small(directory.path());
    let (before, heads_before) = (fs::read(segment(directory.path(), 1)).unwrap(), heads.clone());
    commit(&store, &mut heads, &[2, 1]).unwrap();
    (before, heads_before, fs::read(segment(directory.path(), 1)).unwrap(), heads)
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_nothing_else_is_lost() {
    let (before, heads_before, after, heads_after) = two_images();
    let differs = |(old, new): (&u8, &u8)| old != new;
    let first = before.iter().zip(&after).position(differs).unwrap();
    let last = before.iter().zip(&after).rposition(differs).unwrap();
    for end in first..=last + 1 {
        let mut torn = before.clone();
        torn[first..end].copy_from_slice(&after[first..end]);
        let was_torn = torn != before && torn != after;
        let (directory, store, cut) = open_segment(&torn);
        assert_eq!(cut, was_torn, "{end}");
        let store = store.unwrap();
        let report = verify_journal(directory.path(), &mut |_, _| {}).unwrap();
        assert_eq!(report.tail, None, "what was cut is gone");
        replay(&store);
        let mut heads = if torn == after { heads_after.clone() } else { heads_before.clone() };
        assert_is(&store, &heads);
        commit(&store, &mut heads, &[2, 2, 5]).unwrap();
        drop(store);
        let report = verify_journal(directory.path(), &mut |_, _| {}).unwrap();
        assert_eq!(report.tail, None);
        let store = open(directory.path()).0;
        assert_is(&store, &heads);
    }
}

#[test]
fn a_tail_that_lost_its_first_bytes_is_cut() {
    let (before, heads_before, after, _) = two_images();
    let first = before.iter().zip(&after).position(|(old, new)| old != new).unwrap();
    for skipped in [1, 4, 8, 31, 32, 60] {
        let mut torn = after.clone();
        torn[first..first + skipped].fill(0);
        let (_directory, store, cut) = open_segment(&torn);
        let store = store.unwrap();
        assert!(cut, "{skipped}");
        assert_eq!(heads(&store), heads_before);
    }
}

#[test]
fn a_tail_that_the_state_has_seen_is_never_cut() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = small(directory.path());
    let bytes = fs::read(segment(directory.path(), 1)).unwrap();
    store.close().unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let mut damaged = bytes;
    damaged[last] ^= 1;
    // As it was before the mark of the clean end, which would tell already.
    fs::write(segment(directory.path(), 1), &damaged).unwrap();
    fs::remove_file(directory.path().join("run")).unwrap();
    let error = open_error(directory.path());
    assert!(damage(&error).contains("has seen what was here"), "{error}");
    assert_eq!(fs::read(segment(directory.path(), 1)).unwrap(), damaged);
}

#[test]
fn every_flipped_byte_of_a_journal_is_found_by_verification() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = large(directory.path());
    let count = || verify_journal(directory.path(), &mut |_, _| {}).unwrap().segment_count;
    let last = u32::try_from(count()).unwrap();
    let begin = Instant::now();
    while !segment(directory.path(), last + 1).exists() {
        assert!(begin.elapsed() < Duration::from_secs(20), "no spare segment was made");
        thread::yield_now();
    }
    drop(store);
    assert_eq!(u64::from(last), count());
    let whole = verify_journal(directory.path(), &mut |_, _| {}).unwrap();
    assert_eq!(whole.tail, None);
    for number in 1..=last + 1 {
        let path = segment(directory.path(), number);
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&path, &flipped).unwrap();
            match verify_journal(directory.path(), &mut |_, _| {}) {
                Err(error) => drop(damage(&error)),
                Ok(report) => {
                    // Only what is behind the last frame, or that frame itself, may be a tail.
                    assert!(report.tail.is_some(), "byte {at} of segment {number}");
                    assert!(number >= last && report.frame_count + 1 >= whole.frame_count);
                }
            }
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(verify_journal(directory.path(), &mut |_, _| {}).unwrap(), whole);
}

#[test]
fn every_flipped_byte_of_the_frames_is_found_by_a_start() {
    let (_, heads_before, bytes, _) = two_images();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    // Every byte of the header and the first frame, then fewer: a start takes its time.
    let places = (0..200).chain((200..=end).step_by(7));
    for at in places {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x40;
        let (_directory, store, cut) = open_segment(&flipped);
        match store {
            Err(error) => drop(damage(&error)),
            Ok(store) => {
                assert!(cut, "byte {at}");
                assert_eq!(heads(&store), heads_before, "byte {at}");
            }
        }
    }
}

#[test]
fn a_frame_of_another_place_or_directory_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = large(directory.path());
    drop(store);
    let (first, second) = (segment(directory.path(), 1), segment(directory.path(), 2));
    let (first_bytes, second_bytes) = (fs::read(&first).unwrap(), fs::read(&second).unwrap());
    fs::write(&first, &second_bytes).unwrap();
    fs::write(&second, &first_bytes).unwrap();
    damage(&verify_journal(directory.path(), &mut |_, _| {}).unwrap_err());
    damage(&open_error(directory.path()));
    fs::write(&first, &first_bytes).unwrap();
    fs::write(&second, &second_bytes).unwrap();
    verify_journal(directory.path(), &mut |_, _| {}).unwrap();

    let other = tempfile::tempdir().unwrap();
    let (store, _) = large(other.path());
    drop(store);
    fs::copy(segment(other.path(), 2), &second).unwrap();
    damage(&verify_journal(directory.path(), &mut |_, _| {}).unwrap_err());
    damage(&open_error(directory.path()));
}

#[test]
fn a_missing_segment_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = large(&directory.path().join("whole"));
    drop(store);
    let count =
        verify_journal(&directory.path().join("whole"), &mut |_, _| {}).unwrap().segment_count;
    for number in 1..=u32::try_from(count).unwrap() {
        let copy = directory.path().join(format!("without {number}"));
        copy_tree(&directory.path().join("whole"), &copy);
        fs::remove_file(segment(&copy, number)).unwrap();
        damage(&open_error(&copy));
        damage(&verify_journal(&copy, &mut |_, _| {}).unwrap_err());
    }
    let copy = directory.path().join("without any");
    copy_tree(&directory.path().join("whole"), &copy);
    fs::remove_dir_all(copy.join("journal")).unwrap();
    damage(&open_error(&copy));
}

#[test]
fn a_next_segment_that_is_half_made_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut heads) = small(directory.path());
    drop(store);
    fs::write(segment(directory.path(), 2), vec![0; 1_000]).unwrap();
    fs::write(directory.path().join("journal/00000003.seg.tmp"), [1, 2, 3]).unwrap();
    let (store, report) = open(directory.path());
    assert_eq!(report.cut, None);
    while !segment(directory.path(), 3).exists() {
        commit(&store, &mut heads, &[1, 1, 1]).unwrap();
    }
    assert_eq!(fs::metadata(segment(directory.path(), 2)).unwrap().len(), SEGMENT_BYTES);
    assert_is(&store, &heads);
}

#[test]
fn a_first_frame_of_a_segment_that_was_torn_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut heads) = small(directory.path());
    drop(store);
    let mut torn = vec![0; usize::try_from(SEGMENT_BYTES).unwrap()];
    torn[600..700].fill(7);
    fs::write(segment(directory.path(), 2), &torn).unwrap();
    let (store, report) = open(directory.path());
    let cut = report.cut.unwrap();
    assert_eq!(fs::read(cut.kept).unwrap(), &torn[..700]);
    while !segment(directory.path(), 3).exists() {
        commit(&store, &mut heads, &[1, 1, 1]).unwrap();
    }
    assert_is(&store, &heads);
}

#[test]
fn side_files_are_made_again_when_they_are_missing_or_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let (store, heads) = large(directory.path());
    drop(store);
    let first = side_file(directory.path(), 1);
    let whole = fs::read(&first).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&first, &damaged).unwrap();
    fs::remove_file(side_file(directory.path(), 2)).unwrap();
    let (store, report) = open(directory.path());
    assert_eq!(report.side_files_made, 2);
    assert_eq!(fs::read(&first).unwrap(), whole);
    assert_is(&store, &heads);
    drop(store);
    assert_eq!(open(directory.path()).1.side_files_made, 0);
}

#[test]
fn an_entry_longer_than_a_segment_makes_its_segment_longer() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut heads) = small(directory.path());
    let many = [3; 200];
    commit(&store, &mut heads, &many).unwrap();
    commit(&store, &mut heads, &[3]).unwrap();
    assert_is(&store, &heads);
    drop(store);
    verify_journal(directory.path(), &mut |_, _| {}).unwrap();
    assert_is(&open(directory.path()).0, &heads);
}

/// Makes the state of a closed store into something else; the rebuilt one must be the same.
fn state_is_rebuilt_after(what: &str, change: &dyn Fn(&Path), set_aside: bool) {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut heads) = small(directory.path());
    store.close().unwrap();
    copy_tree(&directory.path().join("state"), &directory.path().join("older"));
    let (store, _) = open(directory.path());
    for _ in 0..10 {
        commit(&store, &mut heads, &[2, 9]).unwrap();
    }
    store.close().unwrap();
    change(directory.path());
    let (store, report) = open(directory.path());
    assert_eq!(report.state_set_aside.is_some(), set_aside, "{what}: {report:?}");
    assert_eq!(directory.path().join("state.aside").exists(), set_aside, "{what}");
    assert!(replay(&store) > 0, "{what}");
    assert_is(&store, &heads);
    commit(&store, &mut heads, &[1, 9]).unwrap();
    store.close().unwrap();
    let (store, report) = open(directory.path());
    assert_eq!(report.state_set_aside, None, "{what}");
    assert_is(&store, &heads);
}

fn replace_state(path: &Path, by: &Path) {
    fs::remove_dir_all(path.join("state")).unwrap();
    copy_tree(by, &path.join("state"));
}

#[test]
fn a_state_that_is_gone_old_or_broken_is_rebuilt() {
    state_is_rebuilt_after(
        "deleted",
        &|path| fs::remove_dir_all(path.join("state")).unwrap(),
        false,
    );
    state_is_rebuilt_after(
        "emptied",
        &|path| {
            fs::remove_dir_all(path.join("state")).unwrap();
            fs::create_dir(path.join("state")).unwrap();
        },
        false,
    );
    state_is_rebuilt_after("older", &|path| replace_state(path, &path.join("older")), false);
    let random: Vec<u8> = (0..100_000_u64)
        .flat_map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())
        .collect();
    state_is_rebuilt_after(
        "random bytes",
        &|path| fs::write(path.join("state/db"), &random).unwrap(),
        true,
    );
    state_is_rebuilt_after(
        "a file in its place",
        &|path| {
            fs::remove_dir_all(path.join("state")).unwrap();
            fs::write(path.join("state"), "no directory").unwrap();
        },
        true,
    );
}

#[test]
fn the_state_of_another_directory_is_set_aside() {
    let other = tempfile::tempdir().unwrap();
    let (store, _) = small(other.path());
    store.close().unwrap();
    state_is_rebuilt_after(
        "foreign",
        &|path| replace_state(path, &other.path().join("state")),
        true,
    );
}

#[test]
fn a_state_of_another_history_of_the_same_journal_is_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (directory.path().join("first"), directory.path().join("second"));
    let (store, heads) = small(&first);
    store.close().unwrap();
    copy_tree(&first, &second);
    // The same numbers in both, but grouped otherwise.
    let (store, mut heads_first) = (open(&first).0, heads.clone());
    commit(&store, &mut heads_first, &[1, 2]).unwrap();
    commit(&store, &mut heads_first, &[1, 2]).unwrap();
    store.close().unwrap();
    let (store, mut heads_second) = (open(&second).0, heads);
    commit(&store, &mut heads_second, &[1, 2, 1, 2]).unwrap();
    store.close().unwrap();
    assert_eq!(heads_first, heads_second);
    replace_state(&first, &second.join("state"));
    let (store, report) = open(&first);
    assert!(report.state_set_aside.unwrap().contains("another entry"));
    replay(&store);
    assert_is(&store, &heads_first);
}

#[test]
fn a_state_beyond_the_journal_is_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let (store, heads_before) = small(directory.path());
    store.close().unwrap();
    let journal = directory.path().join("journal");
    copy_tree(&journal, &directory.path().join("older"));
    let (store, mut heads) = (open(directory.path()).0, heads_before.clone());
    commit(&store, &mut heads, &[1]).unwrap();
    store.close().unwrap();
    fs::remove_dir_all(&journal).unwrap();
    copy_tree(&directory.path().join("older"), &journal);
    // The marker tells that there was more; whoever restores an older journal takes it away.
    assert!(damage(&open_error(directory.path())).contains("there was a frame"));
    fs::remove_file(directory.path().join("run")).unwrap();
    let (store, report) = open(directory.path());
    assert!(report.state_set_aside.is_some());
    replay(&store);
    assert_is(&store, &heads_before);
}

#[test]
fn a_second_process_is_refused_by_the_path() {
    let directory = tempfile::tempdir().unwrap();
    let (_store, _) = small(directory.path());
    match open_error(directory.path()) {
        StoreError::InUse(path) => assert_eq!(path, directory.path().display().to_string()),
        other => panic!("{other}"),
    }
}

#[test]
fn an_idle_journal_says_that_its_entries_are_durable() {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions { idle: Duration::from_millis(1), ..options() };
    let (store, _) = EmbeddedStore::open(directory.path(), options).unwrap();
    let mut heads = Heads::new();
    for round in 1..=3 {
        commit(&store, &mut heads, &[1]).unwrap();
        let begin = Instant::now();
        let frames = || verify_journal(directory.path(), &mut |_, _| {}).unwrap().frame_count;
        while frames() < round * 2 {
            assert!(begin.elapsed() < Duration::from_secs(20), "no mark was written");
            thread::yield_now();
        }
    }
    assert_is(&store, &heads);
}

#[test]
fn a_clean_end_leaves_a_mark_so_that_a_flipped_last_entry_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = small(directory.path());
    let bytes = fs::read(segment(directory.path(), 1)).unwrap();
    store.close().unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let mut closed = fs::read(segment(directory.path(), 1)).unwrap();
    closed[last] ^= 1;
    fs::write(segment(directory.path(), 1), closed).unwrap();
    fs::remove_dir_all(directory.path().join("state")).unwrap();
    assert!(damage(&open_error(directory.path())).contains("an intact frame follows"));
}

#[test]
fn a_journal_is_verified_beside_a_running_writer() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut heads) = small(directory.path());
    let path = directory.path().to_owned();
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stop = std::sync::Arc::clone(&done);
    let reader = thread::spawn(move || {
        let (mut last, mut count) = (0, 0);
        while !stop.load(std::sync::atomic::Ordering::SeqCst) || count == 0 {
            let report = verify_journal(&path, &mut |done, total| assert!(done <= total)).unwrap();
            assert!(report.entry_count >= last);
            last = report.entry_count;
            count += 1;
        }
        count
    });
    for _ in 0..400 {
        commit(&store, &mut heads, &[1, 2, 3]).unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(reader.join().unwrap() > 0);
    let report = verify_journal(directory.path(), &mut |_, _| {}).unwrap();
    assert_eq!(report.entry_count, heads.values().sum::<u64>());
}

#[test]
fn entries_are_handed_out_in_the_order_of_the_journal() {
    let directory = tempfile::tempdir().unwrap();
    let (store, heads) = large(directory.path());
    let (mut seen, mut steps) = (Heads::new(), 0);
    let report = anju::store::embedded::for_each_entry(
        directory.path(),
        &mut |partition, seq, bytes| {
            seen = after(&seen, &[partition.number()]);
            assert_eq!(seen[&partition], seq);
            assert_eq!(bytes, crate::registry::entry_bytes(partition, seq));
            Ok(())
        },
        &mut |_, _| steps += 1,
    )
    .unwrap();
    assert_eq!(seen, heads);
    assert_eq!(report.heads.len(), heads.len());
    assert!(steps >= 2);
    drop(store);
}

#[test]
fn an_entry_that_was_changed_on_the_disk_is_never_handed_out() {
    let directory = tempfile::tempdir().unwrap();
    let (store, heads) = small(directory.path());
    let path = segment(directory.path(), 1);
    let bytes = fs::read(&path).unwrap();
    let (partition, seq) = (partition(2), 2);
    let content = entry_bytes(partition, seq);
    let begin = bytes.windows(content.len()).position(|window| window == content).unwrap();
    let limit = Limit { entries: 1, bytes: usize::MAX };
    for at in begin - 24..begin + content.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x20;
        fs::write(&path, &flipped).unwrap();
        for read in [store.entries(partition, seq, limit), store.entries_at(partition, &[1, seq])] {
            let text = damage(&read.unwrap_err());
            assert!(text.contains(&format!("00000001.seg byte {}", begin - 24)), "{text}");
        }
        // Others are read as ever.
        assert_eq!(store.entries(partition, 1, limit).unwrap(), [entry_bytes(partition, 1)]);
    }
    fs::write(&path, &bytes).unwrap();
    assert_is(&store, &heads);
}

//! Kills, torn files and half-written epochs against a model.

use std::{collections::BTreeMap, fs, path::Path};

use proptest::prelude::*;

use super::{
    Applied, Opened, Prepared, Refused, State, StateOptions, StateView,
    opened::{BEGUN_KEY, DONE_KEY},
    redo,
};
use crate::{
    kernel::position::Partition,
    store::{Direction, Key, KeyRange, Value, View as _, Write, embedded::segment::DirectoryId},
};

type Model = BTreeMap<Key, Value>;

fn options(path: &Path, buffer_bytes: u64) -> StateOptions {
    StateOptions {
        path: path.join("state"),
        aside: path.join("aside"),
        directory: DirectoryId([7; 16]),
        cache_bytes: 1 << 20,
        buffer_bytes,
        flush_every_ms: 3_600_000,
        is_kept: true,
    }
}

fn open(options: &StateOptions) -> Opened {
    super::open(options).unwrap()
}

fn begin(options: &StateOptions) -> State {
    State::new(options.clone(), open(options))
}

fn one() -> Partition {
    Partition::new(1).unwrap()
}

/// Step `seq`: some keys set, some taken away.
fn step(seq: u64, changes: &[(u8, Option<u8>)]) -> Prepared {
    let writes = changes.iter().map(|(key, value)| Write {
        key: vec![*key],
        value: value.map(|value| vec![value; usize::from(value)]),
    });
    let applied = Applied { seq, frame: seq, crc: 0 };
    Prepared::new(writes.collect(), vec![(one(), applied)])
}

fn change(model: &mut Model, changes: &[(u8, Option<u8>)]) {
    for (key, value) in changes {
        match value {
            Some(value) => model.insert(vec![*key], vec![*value; usize::from(*value)]),
            None => model.remove(&vec![*key]),
        };
    }
}

fn everything() -> KeyRange {
    KeyRange { from: vec![], to: vec![0xff; 4] }
}

fn assert_is(view: &StateView<'_>, model: &Model) {
    let rows = view.scan(&everything(), Direction::Up, usize::MAX).unwrap();
    assert_eq!(rows, model.clone().into_iter().collect::<Vec<_>>());
    let down = view.scan(&everything(), Direction::Down, 3).unwrap();
    assert_eq!(down, rows.iter().rev().take(3).cloned().collect::<Vec<_>>());
    for key in 0..=u8::MAX {
        assert_eq!(view.get(&[key]).unwrap().as_ref(), model.get(&vec![key]));
    }
}

/// What is done to a state.
#[derive(Clone, Debug)]
enum Act {
    Write(Vec<(u8, Option<u8>)>),
    /// The process is killed, wherever the thread that writes to sled is.
    Kill,
    Close,
    /// The last bytes of the redo file that is being written are lost.
    Tear(u8),
}

fn act() -> impl Strategy<Value = Act> {
    let change = (any::<u8>(), proptest::option::of(0..40_u8));
    prop_oneof![
        8 => proptest::collection::vec(change, 0..30).prop_map(Act::Write),
        2 => Just(Act::Kill),
        1 => Just(Act::Close),
        1 => (1..60_u8).prop_map(Act::Tear),
    ]
}

/// Whatever happens, the state is what it was after the step that it says it has reached.
fn check(acts: Vec<Act>, buffer_bytes: u64) {
    let directory = tempfile::tempdir().unwrap();
    let options = options(directory.path(), buffer_bytes);
    let mut state = begin(&options);
    let mut models = vec![Model::new()];
    for act in acts {
        match act {
            Act::Write(changes) => {
                let mut model = models.last().unwrap().clone();
                change(&mut model, &changes);
                state.apply(vec![step(models.len() as u64, &changes)], |_| {}).unwrap();
                models.push(model);
            }
            Act::Kill => {
                state.discard();
                state = begin(&options);
            }
            Act::Close => {
                assert!(state.close());
                let opened = open(&options);
                assert!(opened.older.is_none() && opened.newer.is_empty());
                drop(opened);
                state = begin(&options);
            }
            Act::Tear(count) => {
                state.discard();
                if let Some(last) = redo::epochs(&options.path).unwrap().last() {
                    let path = options.path.join(format!("redo-{last:010}"));
                    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
                    let length = file.metadata().unwrap().len();
                    file.set_len(length.saturating_sub(u64::from(count))).unwrap();
                }
                match super::open(&options) {
                    Ok(opened) => state = State::new(options.clone(), opened),
                    // sled had some of it, and what is torn had the rest.
                    Err(Refused::Unfit(why)) => {
                        assert!(why.contains("the rest is missing"), "{why}");
                        return;
                    }
                    Err(Refused::Busy) => panic!("nobody has it"),
                }
                models.truncate(usize::try_from(state.applied(one())).unwrap() + 1);
            }
        }
        assert_eq!(state.applied(one()), models.len() as u64 - 1);
        assert_is(&state.view(), models.last().unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn a_state_is_what_its_position_says(
        acts in proptest::collection::vec(act(), 1..24),
        buffer_bytes in prop_oneof![Just(1_u64), 1_000..20_000_u64, Just(u64::MAX)],
    ) {
        check(acts, buffer_bytes);
    }
}

/// A state of which some writes are in sled, and its redo file.
fn half_drained(path: &Path) -> (StateOptions, Model) {
    let options = options(path, u64::MAX);
    let state = begin(&options);
    let changes = (0..200).map(|key| (key, Some(9))).collect::<Vec<_>>();
    let mut model = Model::new();
    change(&mut model, &changes);
    state.apply(vec![step(1, &changes)], |_| {}).unwrap();
    {
        let mut tree = state.shared.write();
        tree.redo.take().unwrap().seal().unwrap();
        let db = tree.db.as_ref().unwrap();
        db.insert(BEGUN_KEY, &1_u64.to_le_bytes()).unwrap();
        for (key, value) in tree.newer.iter().take(100) {
            db.insert(key, value.unwrap().as_slice()).unwrap();
        }
    }
    state.discard();
    (options, model)
}

#[test]
fn what_sled_has_half_of_is_completed() {
    let directory = tempfile::tempdir().unwrap();
    let (options, model) = half_drained(directory.path());
    let state = begin(&options);
    assert_eq!(state.applied(one()), 1);
    assert_is(&state.view(), &model);
    assert!(state.close());
    let db = sled::open(&options.path).unwrap();
    assert_eq!(db.get(DONE_KEY).unwrap().unwrap().as_ref(), &1_u64.to_le_bytes());
    assert_eq!(db.scan_prefix(b"k").count(), 200);
}

#[test]
fn what_sled_has_half_of_is_not_believed_without_its_redo_file() {
    let directory = tempfile::tempdir().unwrap();
    let (options, _) = half_drained(directory.path());
    redo::remove(&options.path, 1).unwrap();
    let Err(Refused::Unfit(why)) = super::open(&options) else { panic!("it was believed") };
    assert_eq!(why, "it has some of the writes of epoch 1, and the rest is missing");
}

#[test]
fn a_redo_file_of_another_state_is_not_taken() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(directory.path(), u64::MAX);
    let state = begin(&options);
    state.apply(vec![step(1, &[(1, Some(1))])], |_| {}).unwrap();
    state.discard();
    let kept = fs::read(options.path.join("redo-0000000001")).unwrap();
    fs::remove_dir_all(&options.path).unwrap();
    begin(&options).discard();
    fs::write(options.path.join("redo-0000000001"), kept).unwrap();
    let state = begin(&options);
    assert_eq!(state.applied(one()), 0);
    assert_is(&state.view(), &Model::new());
}

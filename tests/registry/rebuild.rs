//! The state computed anew is the state that was there, byte for byte.

use std::{collections::BTreeMap, sync::Arc};

use anju::{
    kernel::position::Seq,
    registry::{Options, Registry, replay},
    store::{Direction, Group, Key, KeyRange, Limit, NewEntry, Store, Value, memory::MemoryStore},
};
use proptest::prelude::*;

use crate::{
    city::City,
    story::{Act, Story, acts, cases},
};

/// Every key of the state with its value.
pub(crate) fn state(store: &dyn Store) -> BTreeMap<Key, Value> {
    let range = KeyRange { from: Vec::new(), to: vec![0xff; 8] };
    let view = store.view().unwrap();
    view.scan(&range, Direction::Up, usize::MAX).unwrap().into_iter().collect()
}

/// A store with the same entries and no state.
pub(crate) fn journal_of(store: &dyn Store) -> MemoryStore {
    let copy = MemoryStore::new();
    let limit = Limit { entries: usize::MAX, bytes: usize::MAX };
    for head in store.heads() {
        let entries = store.entries(head.partition, 1, limit).unwrap();
        let entries = (1..)
            .zip(entries)
            .map(|(seq, bytes)| NewEntry { partition: head.partition, seq, bytes })
            .collect();
        copy.commit(Group { entries, steps: Vec::new() }).unwrap();
    }
    copy
}

/// A registry that has only the first entries of the city's partition.
pub(crate) fn known_up_to(city: &City, last: Seq) -> Registry {
    let all = city.registry.store();
    let copy = MemoryStore::new();
    let limit = Limit { entries: usize::MAX, bytes: usize::MAX };
    for head in all.heads() {
        let entries = all.entries(head.partition, 1, limit).unwrap();
        let entries = (1..)
            .zip(entries)
            .filter(|(seq, _)| head.partition != city.home() || *seq <= last)
            .map(|(seq, bytes)| NewEntry { partition: head.partition, seq, bytes })
            .collect();
        copy.commit(Group { entries, steps: Vec::new() }).unwrap();
    }
    let clock = Arc::clone(&city.clock) as Arc<dyn anju::kernel::time::Clock>;
    Registry::open(Arc::new(copy), clock, Options::default(), &mut |_, _| {}).unwrap()
}

/// Names the first key that differs, instead of printing two states.
fn compare(live: &BTreeMap<Key, Value>, rebuilt: &BTreeMap<Key, Value>) {
    let keys = live.keys().chain(rebuilt.keys());
    for key in keys {
        let space = key.get(3).map(|byte| char::from(*byte));
        assert_eq!(
            live.get(key),
            rebuilt.get(key),
            "partition {:?}, space {space:?}, key {:?}: live, rebuilt",
            key.get(..3),
            key.get(4..)
        );
    }
}

fn rebuilt_equals_live(acts: &[Act]) {
    let kept = Arc::new(MemoryStore::new());
    let mut story = Story::on(City::on(Arc::clone(&kept) as Arc<dyn Store>));
    for act in acts {
        story.act(act);
    }
    let live = state(kept.as_ref());
    let copy = journal_of(kept.as_ref());
    assert!(state(&copy).is_empty());
    replay(&copy, &copy, &mut |_, _| {}).unwrap();
    compare(&live, &state(&copy));
    // And once more in place.
    anju::registry::rebuild(kept.as_ref(), &mut |_, _| {}).unwrap();
    compare(&live, &state(kept.as_ref()));
}

/// A registry that is opened again in the middle of a story goes on as if nothing had been.
fn reopened_equals_live(acts: &[Act], cut: usize) {
    let kept = Arc::new(MemoryStore::new());
    let mut story = Story::on(City::on(Arc::clone(&kept) as Arc<dyn Store>));
    for act in &acts[..cut % acts.len()] {
        story.act(act);
    }
    // Part of the state is lost; opening finds what is missing.
    kept.clear_state().unwrap();
    story.city.reopen(Arc::clone(&kept) as Arc<dyn Store>);
    for act in &acts[cut % acts.len()..] {
        story.act(act);
    }
    let live = state(kept.as_ref());
    let copy = journal_of(kept.as_ref());
    replay(&copy, &copy, &mut |_, _| {}).unwrap();
    compare(&live, &state(&copy));
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn a_rebuilt_state_equals_the_live_one_byte_for_byte(acts in acts(70)) {
        rebuilt_equals_live(&acts);
    }

    #[test]
    fn a_story_goes_on_after_its_state_was_lost(acts in acts(50), cut in any::<usize>()) {
        reopened_equals_live(&acts, cut);
    }
}

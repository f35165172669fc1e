//! One suite for every store: random histories against maps that know nothing of stores.
//!
//! A history is a list of acts: groups of entries and steps, conflicts, replays after a cleared
//! state, and reopening where a store can be reopened. After every act everything that can be read
//! is compared with the model.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;

use crate::{
    kernel::position::{Partition, Seq},
    store::{
        Direction, Group, Head, Key, KeyRange, Limit, NewEntry, Step, Store, StoreError, Value,
        View, Write, memory::MemoryStore, with_sum_of,
    },
};

/// Partitions used: neighbours, the first and the last that there can be.
const PARTITIONS: [u32; 4] = [0, 1, 2, Partition::MAX];

/// One thing that is done to a store.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Commits entries, each with its writes; a step ends where the flag says so.
    Commit(Vec<Fact>),
    /// The same, but the first entry skips a number.
    Gap(Vec<Fact>),
    /// Appends entries without steps, then replays everything that is behind.
    AppendThenReplay(Vec<Fact>),
    /// Overwrites an entry, chosen by the number, with other bytes of the same sum.
    Overwrite(prop::sample::Index, Vec<u8>),
    /// Clears the state and replays.
    Rebuild,
    /// Closes and opens again, where that means something.
    Reopen,
}

/// One entry and what it changes.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    partition: usize,
    bytes: Vec<u8>,
    writes: Vec<(u8, Option<Vec<u8>>)>,
    ends_step: bool,
}

/// What must be so, as plain maps.
#[derive(Clone, Debug, Default)]
struct Model {
    entries: BTreeMap<Partition, Vec<Fact>>,
    state: BTreeMap<Key, Value>,
}

pub(crate) fn acts() -> impl Strategy<Value = Vec<Act>> {
    let value = prop_oneof![
        1 => Just(None),
        3 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Some),
    ];
    let fact = (
        0..PARTITIONS.len(),
        prop::collection::vec(any::<u8>(), 0..300),
        prop::collection::vec((0_u8..12, value), 0..4),
        any::<bool>(),
    )
        .prop_map(|(partition, bytes, writes, ends_step)| Fact {
            partition,
            bytes,
            writes,
            ends_step,
        });
    let facts = || prop::collection::vec(fact.clone(), 1..8);
    let act = prop_oneof![
        10 => facts().prop_map(Act::Commit),
        1 => facts().prop_map(Act::Gap),
        1 => facts().prop_map(Act::AppendThenReplay),
        1 => (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..300))
            .prop_map(|(which, noise)| Act::Overwrite(which, noise)),
        1 => Just(Act::Rebuild),
        1 => Just(Act::Reopen),
    ];
    prop::collection::vec(act, 1..25)
}

/// Puts noise in the place of an entry, and is refused what would not fit there.
fn overwrites(store: &impl Store, model: &mut Model, which: prop::sample::Index, noise: &[u8]) {
    let partitions: Vec<_> = model.entries.keys().copied().collect();
    if partitions.is_empty() {
        return;
    }
    let partition = partitions[which.index(partitions.len())];
    let entries = model.entries.get_mut(&partition).unwrap();
    let index = which.index(entries.len());
    let (seq, old) = (index as u64 + 1, entries[index].bytes.clone());
    let new: Vec<u8> = noise.iter().cycle().take(old.len()).copied().collect();
    let shorter = old.get(1..).unwrap_or(&[0]);
    assert!(matches!(store.overwrite(partition, seq, shorter), Err(StoreError::Io { .. })));
    if crc32c::crc32c(&new) != crc32c::crc32c(&old) {
        assert!(matches!(store.overwrite(partition, seq, &new), Err(StoreError::Io { .. })));
    }
    store.overwrite(partition, entries.len() as u64 + 1, &old).unwrap_err();
    store.overwrite(partition, 0, &old).unwrap_err();
    if let Some(new) = with_sum_of(&old, new, 0) {
        store.overwrite(partition, seq, &new).unwrap();
        entries[index].bytes = new;
    }
}

/// Runs a history on `store`; `reopen` closes a store and opens it again.
pub(crate) fn check<S: Store>(mut store: S, reopen: &dyn Fn(S) -> S, history: &[Act]) {
    let mut model = Model::default();
    for act in history {
        match act {
            Act::Commit(facts) => {
                store.commit(group(&model, facts)).unwrap();
                model.take(facts);
            }
            Act::Gap(facts) => refuses_a_gap(&store, &model, facts),
            Act::AppendThenReplay(facts) => {
                let mut group = group(&model, facts);
                group.steps.clear();
                store.commit(group).unwrap();
                refuses_steps_while_behind(&store, &model, facts);
                model.take(facts);
                replay(&store, &model);
            }
            Act::Overwrite(which, noise) => overwrites(&store, &mut model, *which, noise),
            Act::Rebuild => {
                store.clear_state().unwrap();
                assert!(store.heads().iter().all(|head| head.applied == 0));
                assert_eq!(everything(store.view().unwrap().as_ref()), []);
                replay(&store, &model);
            }
            Act::Reopen => store = reopen(store),
        }
        same(&store, &model);
    }
}

impl Model {
    fn head(&self, partition: Partition) -> Seq {
        self.entries.get(&partition).map_or(0, |entries| entries.len() as u64)
    }

    fn take(&mut self, facts: &[Fact]) {
        for fact in facts {
            for (key, value) in &fact.writes {
                let key = state_key(fact, *key);
                match value {
                    Some(value) => self.state.insert(key, value.clone()),
                    None => self.state.remove(&key),
                };
            }
            self.entries.entry(partition(fact)).or_default().push(fact.clone());
        }
    }
}

fn partition(fact: &Fact) -> Partition {
    Partition::new(PARTITIONS[fact.partition]).unwrap()
}

/// A few keys, so that they meet; of different lengths, so that their order is that of bytes.
fn state_key(fact: &Fact, key: u8) -> Key {
    let mut bytes = partition(fact).to_bytes().to_vec();
    bytes.extend(std::iter::repeat_n(0xff, usize::from(key % 3)));
    bytes.push(key.wrapping_mul(23));
    bytes
}

fn step(facts: &[(Seq, &Fact)]) -> Step {
    let (mut applied, mut writes) = (BTreeMap::new(), BTreeMap::new());
    for (seq, fact) in facts {
        applied.insert(partition(fact), *seq);
        for (key, value) in &fact.writes {
            writes.insert(state_key(fact, *key), value.clone());
        }
    }
    let writes = writes.into_iter().map(|(key, value)| Write { key, value }).collect();
    Step { applied: applied.into_iter().collect(), writes }
}

fn group(model: &Model, facts: &[Fact]) -> Group {
    let mut heads = BTreeMap::new();
    let mut numbered = Vec::new();
    for fact in facts {
        let partition = partition(fact);
        let head = heads.entry(partition).or_insert_with(|| model.head(partition));
        *head += 1;
        numbered.push((*head, fact));
    }
    let entry = |(seq, fact): &(Seq, &Fact)| NewEntry {
        partition: partition(fact),
        seq: *seq,
        bytes: fact.bytes.clone(),
    };
    let entries = numbered.iter().map(entry).collect();
    let steps = numbered.chunk_by(|before, _| !before.1.ends_step).map(step).collect();
    Group { entries, steps }
}

fn refuses_a_gap(store: &dyn Store, model: &Model, facts: &[Fact]) {
    let mut group = group(model, facts);
    let partition = group.entries[0].partition;
    let head = model.head(partition);
    for entry in group.entries.iter_mut().filter(|entry| entry.partition == partition) {
        entry.seq += 1;
    }
    let found = head + 2;
    match store.commit(group).unwrap_err() {
        StoreError::Conflict { partition: at, head: said, found: asked } => {
            assert_eq!((at, said, asked), (partition, head, found));
        }
        other => panic!("{other}"),
    }
}

/// Entries were appended without steps; a group with steps would build on a state without them.
fn refuses_steps_while_behind(store: &dyn Store, model: &Model, facts: &[Fact]) {
    let mut after = model.clone();
    after.take(facts);
    let refused = store.commit(group(&after, facts)).unwrap_err();
    assert!(matches!(refused, StoreError::Rebuilding { .. }), "{refused}");
}

/// Replays what is behind, a partition at a time, three entries a step.
fn replay(store: &dyn Store, model: &Model) {
    for head in store.heads() {
        let mut next = head.applied + 1;
        loop {
            let limit = Limit { entries: 3, bytes: 500 };
            let read = store.entries(head.partition, next, limit).unwrap();
            if read.is_empty() {
                break;
            }
            let facts: Vec<_> = (next..)
                .zip(&read)
                .map(|(seq, bytes)| {
                    let index = usize::try_from(seq - 1).unwrap();
                    let fact = &model.entries[&head.partition][index];
                    assert_eq!(&fact.bytes, bytes);
                    (seq, fact)
                })
                .collect();
            store.replay(vec![step(&facts)]).unwrap();
            next += read.len() as u64;
        }
    }
}

fn everything(view: &dyn View) -> Vec<(Key, Value)> {
    let range = KeyRange { from: Vec::new(), to: vec![0xff; 9] };
    view.scan(&range, Direction::Up, usize::MAX).unwrap()
}

fn same(store: &dyn Store, model: &Model) {
    let heads: Vec<_> = model
        .entries
        .iter()
        .map(|(partition, entries)| {
            let seq = entries.len() as u64;
            Head { partition: *partition, seq, applied: seq }
        })
        .collect();
    assert_eq!(store.heads(), heads);
    for (partition, facts) in &model.entries {
        same_entries(store, *partition, facts);
    }
    same_state(store.view().unwrap().as_ref(), model);
}

fn same_entries(store: &dyn Store, partition: Partition, facts: &[Fact]) {
    let wanted: Vec<_> = facts.iter().map(|fact| fact.bytes.clone()).collect();
    let no_limit = Limit { entries: usize::MAX, bytes: usize::MAX };
    assert_eq!(store.entries(partition, 0, no_limit).unwrap(), wanted);
    let head = facts.len() as u64;
    assert_eq!(store.entries(partition, head + 1, no_limit).unwrap(), Vec::<Vec<u8>>::new());
    for from in 1..=head.min(5) {
        for limit in [Limit { entries: 2, bytes: 1_000 }, Limit { entries: 0, bytes: 0 }] {
            let read = store.entries(partition, from, limit).unwrap();
            let begin = usize::try_from(from - 1).unwrap();
            assert!(wanted[begin..].starts_with(&read));
            let sum: usize = read.iter().map(Vec::len).sum();
            assert!(read.len() == 1 || (read.len() <= limit.entries && sum <= limit.bytes));
        }
    }
    let backwards: Vec<Seq> = (1..=head).rev().collect();
    let read = store.entries_at(partition, &backwards).unwrap();
    assert!(read.iter().eq(wanted.iter().rev()));
    for missing in [0, head + 1] {
        let error = store.entries_at(partition, &[missing]).unwrap_err();
        assert!(matches!(error, StoreError::Damage { .. }), "{error}");
    }
}

fn same_state(view: &dyn View, model: &Model) {
    for (partition, entries) in &model.entries {
        assert_eq!(view.applied(*partition), entries.len() as u64);
    }
    let all: Vec<_> = model.state.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    assert_eq!(everything(view), all);
    for (key, value) in &all {
        assert_eq!(view.get(key).unwrap().as_ref(), Some(value));
        let mut absent = key.clone();
        absent.push(0);
        assert_eq!(view.get(&absent).unwrap(), None);
    }
    let Some((first, _)) = all.get(all.len() / 3) else { return };
    let Some((last, _)) = all.last() else { return };
    let range = KeyRange { from: first.clone(), to: last.clone() };
    let inside: Vec<_> =
        all.iter().filter(|(key, _)| range.from <= *key && *key < range.to).cloned().collect();
    for limit in [0, 1, 3, usize::MAX] {
        let up: Vec<_> = inside.iter().take(limit).cloned().collect();
        assert_eq!(view.scan(&range, Direction::Up, limit).unwrap(), up);
        let down: Vec<_> = inside.iter().rev().take(limit).cloned().collect();
        assert_eq!(view.scan(&range, Direction::Down, limit).unwrap(), down);
    }
    let upside_down = KeyRange { from: range.to, to: range.from };
    assert_eq!(view.scan(&upside_down, Direction::Up, 9).unwrap(), []);
}

mod embedded {
    use std::path::Path;

    use super::*;
    use crate::store::embedded::{EmbeddedOptions, EmbeddedStore, Reserve};

    pub(super) fn options() -> EmbeddedOptions {
        EmbeddedOptions {
            cache_bytes: 16 * 1024 * 1024,
            segment_bytes: 4 * 1024,
            reserve: Reserve { bytes: 0, percent: 0 },
            ..EmbeddedOptions::default()
        }
    }

    pub(super) fn open(path: &Path) -> EmbeddedStore {
        let (store, report) = EmbeddedStore::open(path, options()).unwrap();
        assert!(report.clean, "{report:?}");
        assert_eq!(report.cut, None);
        assert_eq!(report.state_set_aside, None);
        store
    }

    pub(super) fn conforms(history: &[Act]) {
        let directory = tempfile::tempdir().unwrap();
        let reopen = |store: EmbeddedStore| {
            store.close().unwrap();
            open(directory.path())
        };
        check(open(directory.path()), &reopen, history);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_memory_store_conforms(history in acts()) {
        check(MemoryStore::new(), &|store| store, &history);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn the_embedded_store_conforms(history in acts()) {
        embedded::conforms(&history);
    }
}

/// Readers run while a writer commits groups of two steps that keep two keys equal.
fn readers_never_see_half_a_group<S: Store + 'static>(store: S) {
    let store = Arc::new(store);
    let partition = Partition::new(7).unwrap();
    let key = move |name: u8| [&partition.to_bytes()[..], &[name]].concat();
    let rounds = 200_u64;
    let reader = |store: Arc<S>| {
        move || {
            let mut seen = 0;
            while seen < rounds * 2 {
                let view = store.view().unwrap();
                let range = KeyRange { from: key(0), to: key(9) };
                let rows = view.scan(&range, Direction::Up, 10).unwrap();
                let applied = view.applied(partition);
                // Heads may be asked for beside a view, and are those of the same moment.
                let head = store.heads().first().copied();
                assert!(head.is_none_or(|head| (head.seq, head.applied) == (applied, applied)));
                drop(view);
                assert!(applied >= seen && applied.is_multiple_of(2), "{applied} after {seen}");
                let value = applied.to_be_bytes().to_vec();
                let wanted = if applied == 0 { vec![] } else { vec![value.clone(), value] };
                assert_eq!(rows.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), wanted);
                seen = applied;
            }
        }
    };
    let readers: Vec<_> = (0..2).map(|_| std::thread::spawn(reader(Arc::clone(&store)))).collect();
    for round in 1..=rounds {
        let last = round * 2;
        let value = Some(last.to_be_bytes().to_vec());
        let step = |seq, name| Step {
            applied: vec![(partition, seq)],
            writes: vec![Write { key: key(name), value: value.clone() }],
        };
        let entry = |seq| NewEntry { partition, seq, bytes: vec![1] };
        let entries = vec![entry(last - 1), entry(last)];
        store.commit(Group { entries, steps: vec![step(last - 1, 1), step(last, 2)] }).unwrap();
    }
    for reader in readers {
        reader.join().unwrap();
    }
}

#[test]
fn readers_of_the_memory_store_never_see_half_a_group() {
    readers_never_see_half_a_group(MemoryStore::new());
}

#[test]
fn readers_of_the_embedded_store_never_see_half_a_group() {
    let directory = tempfile::tempdir().unwrap();
    readers_never_see_half_a_group(embedded::open(directory.path()));
}

#[test]
fn a_thread_that_would_wait_for_its_own_view_is_stopped_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(embedded::open(directory.path()));
    let entry = NewEntry { partition: Partition::ROOT, seq: 1, bytes: vec![1] };
    let group = Group { entries: vec![entry], steps: Vec::new() };
    let writer = {
        let (store, group) = (Arc::clone(&store), group.clone());
        move || {
            let _view = store.view().unwrap();
            store.commit(group)
        }
    };
    assert!(std::thread::spawn(writer).join().is_err());
    let reader = {
        let store = Arc::clone(&store);
        move || {
            let _view = store.view().unwrap();
            drop(store.view());
        }
    };
    assert!(std::thread::spawn(reader).join().is_err());
    assert_eq!(store.heads(), []);
    store.commit(group).unwrap();
    assert_eq!(store.heads().len(), 1);
}

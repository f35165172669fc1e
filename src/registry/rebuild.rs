//! Computing the state again from the entries.

use crate::{
    kernel::position::{Partition, Seq},
    registry::{
        apply,
        entry::Entry,
        erase::finish_erasures,
        error::Error,
        space::LAYOUT,
        state::{Live, State},
        work::Work,
    },
    store::{Limit, Store},
};

/// Entries replayed at a time.
const PAGE: Limit = Limit { entries: 1_000, bytes: 4 * 1024 * 1024 };

/// Replays what the state does not reflect yet. A state of another layout, or one that turns out to
/// be damaged, is thrown away first. Then erases what was to be erased when the last run ended.
pub fn catch_up(store: &dyn Store, progress: &mut dyn FnMut(u64, u64)) -> Result<(), Error> {
    let caught_up = catch_up_as_it_is(store, progress).and_then(|()| finish_erasures(store));
    match caught_up {
        Err(error) if store.state_damaged() || matches!(error, Error::StateDamaged(_)) => {
            tracing::warn!(%error, "the state is computed again from the journal");
            rebuild(store, progress)
        }
        done => done.map(|_| ()),
    }
}

fn catch_up_as_it_is(store: &dyn Store, progress: &mut dyn FnMut(u64, u64)) -> Result<(), Error> {
    let live = Live(store);
    let mut is_other_layout = false;
    for head in store.heads() {
        let is_started = head.applied > 0;
        is_other_layout |= is_started && live.meta(head.partition)?.layout != LAYOUT;
    }
    if is_other_layout {
        store.clear_state()?;
    }
    replay(store, store, progress)
}

/// Throws the state away and computes it again.
pub fn rebuild(store: &dyn Store, progress: &mut dyn FnMut(u64, u64)) -> Result<(), Error> {
    store.clear_state()?;
    replay(store, store, progress)?;
    finish_erasures(store).map(|_| ())
}

/// Applies the entries of `journal` that `state` does not reflect yet to `state`, which may be
/// another store.
pub fn replay(
    journal: &dyn Store,
    state: &dyn Store,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), Error> {
    let applied = |partition: Partition| {
        state.heads().into_iter().find(|head| head.partition == partition).map_or(0, |h| h.applied)
    };
    let heads = journal.heads();
    let todo = heads.iter().map(|head| (*head, applied(head.partition))).collect::<Vec<_>>();
    let total = todo.iter().map(|(head, applied)| head.seq - applied).sum();
    let mut done = 0;
    for (head, applied) in todo {
        let mut from: Seq = applied + 1;
        while from <= head.seq {
            let entries = journal.entries(head.partition, from, PAGE)?;
            if entries.is_empty() {
                return Err(Error::unreadable(format!("entry {}:{from}", head.partition)));
            }
            let count = u64::try_from(entries.len()).unwrap_or(0);
            let mut work = Work::new(state);
            for bytes in &entries {
                let (entry, leaf) = Entry::decode(bytes)?;
                apply::apply(&mut work, &entry, leaf)?;
            }
            work.accept();
            state.replay(work.into_steps()?)?;
            from += count;
            done += count;
            progress(done, total);
        }
    }
    Ok(())
}

//! Computing the state again from the entries.

use crate::{
    kernel::position::{Partition, Seq},
    registry::{
        apply, checkup,
        entry::Entry,
        erase::finish_erasures,
        error::Error,
        space::LAYOUT,
        state::{Live, State},
        work::{Rules, Work},
    },
    store::{Head, Limit, Store},
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
    let mut rules = Rules::default();
    for (head, applied) in todo {
        let mut from: Seq = applied + 1;
        while from <= head.seq {
            let entries = whole_commands(journal, head, from)?;
            if entries.is_empty() {
                return Err(Error::unreadable(format!("entry {}:{from}", head.partition)));
            }
            let count = u64::try_from(entries.len()).unwrap_or(0);
            let mut work = Work::new(state, std::mem::take(&mut rules));
            let mut command = 0;
            for bytes in &entries {
                let (entry, leaf) = Entry::decode(bytes)?;
                if entry.command_seq != command {
                    // What a command concerns is compared when it is over, as it was at first.
                    checkup::settle(&mut work)?;
                    command = entry.command_seq;
                }
                apply::apply(&mut work, &entry, leaf)?;
            }
            checkup::settle(&mut work)?;
            work.accept();
            rules = work.take_rules();
            state.replay(work.into_steps()?)?;
            from += count;
            done += count;
            progress(done, total);
        }
    }
    Ok(())
}

/// The next entries of a partition, to the end of a command: a page that ended within one would
/// compare what the command concerns too early.
fn whole_commands(journal: &dyn Store, head: Head, from: Seq) -> Result<Vec<Vec<u8>>, Error> {
    let mut limit = PAGE;
    loop {
        let mut entries = journal.entries(head.partition, from, limit)?;
        let count = u64::try_from(entries.len()).unwrap_or(0);
        if entries.is_empty() || from + count > head.seq {
            return Ok(entries);
        }
        let Some(last) = entries.last() else { return Ok(entries) };
        let command = Entry::decode(last)?.0.command_seq;
        let whole = command.saturating_sub(from);
        if whole > 0 {
            entries.truncate(usize::try_from(whole).unwrap_or(usize::MAX));
            return Ok(entries);
        }
        limit = Limit { entries: limit.entries * 2, bytes: limit.bytes * 2 };
    }
}

//! What an imported city takes: keys, bytes, memory.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

use crate::{
    cli::bench::{
        city::City,
        figure::{Budget, Figure, Figures, Unit, ratio},
        machine::memory,
    },
    kernel::limit::VIEW_ROWS_MAX,
    store::{Direction, KeyRange, Limit},
};

/// Bytes looked at from a file's end at a time.
const BLOCK_BYTES: usize = 1 << 20;
/// Entries read at a time.
const PAGE: Limit = Limit { entries: 10_000, bytes: 8 << 20 };

/// Counts, outside of any measured time.
pub(super) fn tell(city: &City, data: &Path, figures: &mut Figures) -> anyhow::Result<()> {
    let (entries, entry_bytes) = entries(city)?;
    let (spaces, key_value_bytes) = keys(city)?;
    let keys = spaces.values().sum();
    let stats = city.registry.stats();
    let (_, most) = memory("self");
    let journal = written(&data.join("journal"))?;
    let figure = |name: &str, value, unit| Figure::new("import", name, value, unit);
    figures.add(figure("entries", entries, Unit::Count));
    figures.add(figure("encoded entries", entry_bytes, Unit::Bytes));
    figures.add(figure("journal", journal, Unit::Bytes));
    let filled = stats.journal_bytes.saturating_sub(journal);
    figures.add(figure("zeros ahead in the journal", filled, Unit::Bytes));
    figures.add(
        figure("journal : encoded entries", ratio(journal, entry_bytes), Unit::Thousandths)
            .within(Budget::AtMost(1_300)),
    );
    figures.add(figure("state keys", keys, Unit::Count).within(Budget::AtMost(16_000_000)));
    for (space, count) in spaces {
        figures.add(figure(&format!("state keys of space {space}"), count, Unit::Count));
    }
    figures.add(figure("state keys and values", key_value_bytes, Unit::Bytes));
    figures.add(figure("state on the disk", stats.state_bytes, Unit::Bytes));
    let both = journal + stats.state_bytes;
    figures.add(
        figure("journal + state : encoded entries", ratio(both, entry_bytes), Unit::Thousandths)
            .within(Budget::AtMost(12_000)),
    );
    let syncs = stats.sync_micros.saturating_mul(1_000).checked_div(stats.sync_count).unwrap_or(0);
    figures.add(figure("a sync of the journal", syncs, Unit::Nanoseconds));
    figures.add(figure("memory at most, server and callers", most, Unit::Bytes));
    Ok(())
}

/// Bytes of the files of the journal without the zeros at their ends: what is filled ahead takes
/// room but holds nothing yet.
fn written(journal: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(journal)? {
        let mut file = fs::File::open(entry?.path())?;
        let mut block = vec![0; BLOCK_BYTES];
        let mut end = file.metadata()?.len();
        while end > 0 {
            let from = end.saturating_sub(BLOCK_BYTES as u64);
            let block = block.get_mut(..usize::try_from(end - from)?).unwrap_or_default();
            file.seek(SeekFrom::Start(from))?;
            file.read_exact(block)?;
            if let Some(last) = block.iter().rposition(|byte| *byte != 0) {
                end = from + last as u64 + 1;
                break;
            }
            end = from;
        }
        bytes += end;
    }
    Ok(bytes)
}

fn entries(city: &City) -> anyhow::Result<(u64, u64)> {
    let (mut count, mut bytes) = (0, 0);
    for (partition, frontier) in city.registry.partitions() {
        let mut from = 1;
        while from <= frontier.seq {
            let page = city.registry.entries(partition, from, PAGE)?;
            anyhow::ensure!(!page.is_empty(), "entry {partition}:{from} cannot be read");
            from += u64::try_from(page.len())?;
            count += u64::try_from(page.len())?;
            bytes += u64::try_from(page.iter().map(Vec::len).sum::<usize>())?;
        }
    }
    Ok((count, bytes))
}

/// Keys of each space, by its letter, and the bytes of all keys and values.
fn keys(city: &City) -> anyhow::Result<(BTreeMap<char, u64>, u64)> {
    let (mut spaces, mut bytes) = (BTreeMap::new(), 0);
    let mut range = KeyRange { from: Vec::new(), to: vec![0xff; 64] };
    loop {
        let page = city.registry.store().view()?.scan(&range, Direction::Up, VIEW_ROWS_MAX)?;
        let Some((last, _)) = page.last() else { return Ok((spaces, bytes)) };
        range.from = [last.as_slice(), &[0]].concat();
        for (key, value) in &page {
            // After the partition's three bytes.
            let space = key.get(3).copied().map_or('?', char::from);
            *spaces.entry(space).or_insert(0) += 1;
            bytes += u64::try_from(key.len() + value.len())?;
        }
    }
}

//! What an imported city takes: keys, bytes, memory.

use crate::{
    cli::bench::{
        city::City,
        figure::{Budget, Figure, Figures, Unit, ratio},
        machine::memory,
    },
    kernel::limit::VIEW_ROWS_MAX,
    store::{Direction, KeyRange, Limit},
};

/// Entries read at a time.
const PAGE: Limit = Limit { entries: 10_000, bytes: 8 << 20 };

/// Counts, outside of any measured time.
pub(super) fn tell(city: &City, figures: &mut Figures) -> anyhow::Result<()> {
    let (entries, entry_bytes) = entries(city)?;
    let (keys, key_value_bytes) = keys(city)?;
    let (stats, _) = city.registry.stats();
    let (_, most) = memory("self");
    let figure = |name: &str, value, unit| Figure::new("import", name, value, unit);
    figures.add(figure("entries", entries, Unit::Count));
    figures.add(figure("encoded entries", entry_bytes, Unit::Bytes));
    figures.add(figure(
        "journal, without what is zero-filled ahead",
        stats.journal_bytes,
        Unit::Bytes,
    ));
    figures.add(
        figure(
            "journal : encoded entries",
            ratio(stats.journal_bytes, entry_bytes),
            Unit::Thousandths,
        )
        .within(Budget::AtMost(1_300)),
    );
    figures.add(figure("state keys", keys, Unit::Count).within(Budget::AtMost(16_000_000)));
    figures.add(figure("state keys and values", key_value_bytes, Unit::Bytes));
    figures.add(figure("state on the disk", stats.state_bytes, Unit::Bytes));
    let both = stats.journal_bytes + stats.state_bytes;
    figures.add(
        figure("journal + state : encoded entries", ratio(both, entry_bytes), Unit::Thousandths)
            .within(Budget::AtMost(12_000)),
    );
    let syncs = stats.sync_micros.saturating_mul(1_000).checked_div(stats.sync_count).unwrap_or(0);
    figures.add(figure("a sync of the journal", syncs, Unit::Nanoseconds));
    figures.add(figure("memory at most, server and callers", most, Unit::Bytes));
    Ok(())
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

fn keys(city: &City) -> anyhow::Result<(u64, u64)> {
    let (mut count, mut bytes) = (0, 0);
    let mut range = KeyRange { from: Vec::new(), to: vec![0xff; 64] };
    loop {
        let page = city.registry.store().view()?.scan(&range, Direction::Up, VIEW_ROWS_MAX)?;
        let Some((last, _)) = page.last() else { return Ok((count, bytes)) };
        range.from = [last.as_slice(), &[0]].concat();
        count += u64::try_from(page.len())?;
        bytes += page.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum::<u64>();
    }
}

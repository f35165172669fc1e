//! Totals as difference cells: what landed on a node, by month, bucket of known time, and day.
//!
//! The total of a node on day T as known at K is the sum of its cells of valid days up to T in
//! buckets up to K; a K within a bucket adds what the bucket's entries up to K changed, found by
//! folding their subjects before and after.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use crate::{
    domain::totals::{Amounts, Landings, Targets, contributions},
    kernel::{
        id::{BuildingId, Kind, SubjectId},
        position::{Partition, Seq},
        time::{Day, Month},
    },
    registry::{
        checkup, entry,
        error::Error,
        history::timeline_at,
        insured, line,
        record::{put, read},
        space::{Space, below, seq_key, subject_key},
        state::State,
        work::{Local, Work},
    },
    store::{Direction, Key, KeyRange},
};

/// The stored form of a cell value: day of the month, then cells and amounts.
type StoredCells = Vec<(u8, Vec<(u32, i64)>)>;

/// Rows read at a time.
const ROWS: usize = 512;

/// One month of one bucket of a node.
#[derive(Clone, Debug)]
pub(crate) struct ProfileRow {
    /// The month of the valid days.
    pub month: Month,
    /// The bucket of known time.
    pub bucket: u32,
    /// What landed on which day.
    pub days: BTreeMap<Day, Amounts>,
}

/// The key of a cell value, without the chunk.
pub(crate) fn cell_key(node: Local, month: Month, bucket: u32) -> Key {
    let mut key = subject_key(node.0, Space::Total, node.1);
    key.extend_from_slice(&month.number().to_be_bytes());
    key.extend_from_slice(&bucket.to_be_bytes());
    key
}

/// All cells of a node.
pub(crate) fn node_range(node: Local) -> KeyRange {
    below(subject_key(node.0, Space::Total, node.1))
}

/// Reads a cell value.
pub(crate) fn read_cells(month: Month, bytes: &[u8]) -> Result<BTreeMap<Day, Amounts>, Error> {
    let stored: StoredCells = read(bytes)?;
    let first = month.first().number();
    stored
        .into_iter()
        .map(|(day, pairs)| {
            let day = Day::from_number(first + i32::from(day))
                .ok_or_else(|| Error::damaged_state("a cell"))?;
            Ok((day, Amounts::from_pairs(pairs)))
        })
        .collect()
}

/// Writes a cell value.
pub(crate) fn write_cells(days: &BTreeMap<Day, Amounts>) -> Result<Vec<u8>, Error> {
    let stored: StoredCells = days
        .iter()
        .map(|(day, amounts)| {
            let place = day.number() - day.month().first().number();
            let pairs = amounts.iter().map(|(cell, amount)| (cell.number(), amount)).collect();
            (u8::try_from(place).unwrap_or(0), pairs)
        })
        .collect();
    put(&stored)
}

/// The cells of a node after a month and up to one, in order, at most `limit` rows.
pub(crate) fn profile(
    state: &dyn State,
    node: Local,
    after: Option<Month>,
    up_to: Option<Month>,
    limit: usize,
) -> Result<Vec<ProfileRow>, Error> {
    let prefix = subject_key(node.0, Space::Total, node.1);
    let mut range = below(prefix.clone());
    if let Some(after) = after {
        range.from = [prefix.as_slice(), &after.next().number().to_be_bytes()].concat();
    }
    if let Some(up_to) = up_to {
        range.to = [prefix.as_slice(), &up_to.next().number().to_be_bytes()].concat();
    }
    let mut rows: Vec<ProfileRow> = Vec::new();
    let mut waiting: Option<(Month, u32, usize, Vec<u8>)> = None;
    loop {
        let page = state.scan(&range, Direction::Up, ROWS)?;
        let is_last = page.len() < ROWS;
        for (key, value) in &page {
            let (month, bucket, chunk) = read_cell_key(key, prefix.len())?;
            if chunk == 0 {
                let (&count, bytes) =
                    value.split_first().ok_or_else(|| Error::damaged_state("a cell"))?;
                waiting = Some((month, bucket, usize::from(count), bytes.to_vec()));
            } else if let Some((.., bytes)) = &mut waiting {
                bytes.extend_from_slice(value);
            }
            if let Some((month, bucket, count, bytes)) = &waiting
                && usize::from(chunk) + 1 == *count
            {
                let days = read_cells(*month, bytes)?;
                rows.push(ProfileRow { month: *month, bucket: *bucket, days });
                waiting = None;
                if rows.len() >= limit {
                    return Ok(rows);
                }
            }
        }
        match page.last() {
            Some((key, _)) if !is_last => {
                range = crate::registry::space::after(range, key);
            }
            _ => return Ok(rows),
        }
    }
}

fn read_cell_key(key: &[u8], prefix: usize) -> Result<(Month, u32, u8), Error> {
    let unreadable = || Error::damaged_state("the key of a cell");
    let rest = key.get(prefix..).ok_or_else(unreadable)?;
    let (month, rest) = rest.split_first_chunk().ok_or_else(unreadable)?;
    let (bucket, rest) = rest.split_first_chunk().ok_or_else(unreadable)?;
    let month = Month::from_number(u32::from_be_bytes(*month)).ok_or_else(unreadable)?;
    let chunk = rest.first().copied().ok_or_else(unreadable)?;
    Ok((month, u32::from_be_bytes(*bucket), chunk))
}

/// Lets amounts land and flow on to the ancestors.
pub(crate) fn land(
    work: &mut Work<'_>,
    partition: Partition,
    landings: Landings,
    bucket: u32,
) -> Result<(), Error> {
    let mut landings = landings;
    while !landings.is_empty() {
        let mut next = Landings::default();
        for (node, day, amounts) in landings.iter() {
            work.add_cell((partition, node), day, bucket, amounts);
            let sweeps = work.sweeps(partition)?;
            // Of a sweep that is under way, months not done yet still go by the old parents.
            let sweep = sweeps.iter().find(|sweep| {
                sweep.node == node && sweep.done.is_none_or(|done| day.month() > done)
            });
            match sweep {
                Some(sweep) => sweep.old.flow(day, amounts, 1, &mut next),
                None => work.targets(partition, node)?.flow(day, amounts, 1, &mut next),
            }
        }
        landings = next;
    }
    Ok(())
}

/// The bucket in which an entry lies, and whether the bucket ends with it.
pub(crate) fn bucket_at(
    state: &dyn State,
    partition: Partition,
    seq: Seq,
) -> Result<(u32, Seq, bool), Error> {
    let space = key_of(partition);
    let to = seq_key(partition, Space::Bucket, seq.saturating_add(1));
    let range = KeyRange { from: space.from.clone(), to: to.clone() };
    let Some((key, value)) = state.scan(&range, Direction::Down, 1)?.pop() else {
        return Ok((0, 0, true));
    };
    let first = key
        .get(4..12)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u64::from_be_bytes)
        .ok_or_else(|| Error::damaged_state("a bucket"))?;
    let bucket =
        value.try_into().map(u32::from_be_bytes).map_err(|_| Error::damaged_state("a bucket"))?;
    let next = state.get(&to)?.is_some();
    Ok((bucket, first, next))
}

fn key_of(partition: Partition) -> KeyRange {
    below(crate::registry::space::key(partition, Space::Bucket))
}

/// The totals of a node as they stand in the cells, on the days of `days`, which ascend, with the
/// buckets up to `bucket`.
fn in_cells(
    state: &dyn State,
    node: SubjectId,
    bucket: u32,
    days: &[Day],
) -> Result<Vec<Amounts>, Error> {
    let Some(last) = days.last() else {
        return Ok(Vec::new());
    };
    let mut sums = Vec::with_capacity(days.len());
    let mut sum = Amounts::default();
    // Buckets come in any order within a month; days of a month are added in order.
    let mut month_days: BTreeMap<Day, Amounts> = BTreeMap::new();
    let mut upcoming = days.iter();
    let mut wanted = upcoming.next();
    let mut add_until = |days: &mut BTreeMap<Day, Amounts>, before: Option<Day>| {
        while let Some(entry) = days.first_entry() {
            if before.is_some_and(|before| *entry.key() >= before) {
                break;
            }
            let (day, amounts) = entry.remove_entry();
            while wanted.is_some_and(|on| *on < day) {
                sums.push(sum.clone());
                wanted = upcoming.next();
            }
            sum.add_all(&amounts, 1);
        }
    };
    for row in profile(state, (node.partition(), node), None, Some(last.month()), usize::MAX)? {
        add_until(&mut month_days, Some(row.month.first()));
        if row.bucket <= bucket {
            for (day, amounts) in row.days {
                month_days.entry(day).or_default().add_all(&amounts, 1);
            }
        }
    }
    add_until(&mut month_days, None);
    while sums.len() < days.len() {
        sums.push(sum.clone());
    }
    Ok(sums)
}

/// The totals of a node on ascending days as known with entry `known` of its partition.
///
/// `now` says that `known` is the last entry: then all cells count.
pub(crate) fn totals_at(
    state: &dyn State,
    node: SubjectId,
    known: Option<Seq>,
    days: &[Day],
) -> Result<Vec<Amounts>, Error> {
    let partition = node.partition();
    // What is known with the last entry is all that is known.
    let head = state.meta(partition)?.seq;
    let Some(known) = known.filter(|known| *known < head) else {
        return in_cells(state, node, u32::MAX, days);
    };
    let (bucket, first, is_whole) = bucket_at(state, partition, known)?;
    if is_whole {
        return in_cells(state, node, bucket, days);
    }
    let mut sums = match bucket.checked_sub(1) {
        Some(before) => in_cells(state, node, before, days)?,
        None => vec![Amounts::default(); days.len()],
    };
    for subject in touched(state, partition, first, known)? {
        add_subject(state, node, subject, known, days, 1, &mut sums)?;
        add_subject(state, node, subject, first - 1, days, -1, &mut sums)?;
    }
    Ok(sums)
}

/// The subjects of the entries from `first` to `last`.
pub(crate) fn touched(
    state: &dyn State,
    partition: Partition,
    first: Seq,
    last: Seq,
) -> Result<BTreeSet<SubjectId>, Error> {
    let mut subjects = BTreeSet::new();
    let mut from = first;
    while from <= last {
        let to = last.min(from + 255);
        let numbers = (from..=to).collect::<Vec<_>>();
        for bytes in state.entries_at(partition, &numbers)? {
            let (entry, _) = entry::Entry::decode(&bytes)?;
            for link in &entry.subjects {
                subjects.insert(link.subject);
                subjects.extend(counted_by(state, partition, link.subject, &entry)?);
            }
        }
        from = to + 1;
    }
    // What a building became, or came from, counts by it in part.
    let mut lines = BTreeSet::new();
    for building in subjects.iter().filter(|subject| subject.kind() == Kind::Building) {
        lines.extend(line::ever(state, partition, *building)?);
    }
    subjects.extend(lines);
    if state.meta(partition)?.has_policies() {
        subjects.extend(insured::concerned(state, partition, &subjects, (first - 1, last))?);
    }
    Ok(subjects)
}

/// The buildings by which what is said about them counts: the one that the entry names, and the one
/// that is known now.
fn counted_by(
    state: &dyn State,
    partition: Partition,
    subject: SubjectId,
    entry: &entry::Entry,
) -> Result<Vec<SubjectId>, Error> {
    if !matches!(subject.kind(), Kind::Report | Kind::Finding) {
        return Ok(Vec::new());
    }
    let named = entry.body.as_ref().and_then(|body| body.fact.content()?.about());
    let record = state.record(partition, subject)?;
    let mut buildings = named.map(SubjectId::from).into_iter().collect::<Vec<_>>();
    if let Some(record) = record {
        // Wherever it ever was said to be: the timeline keeps what corrections replaced elsewhere.
        let numbers = crate::registry::history::entry_numbers(state, partition, subject, &record)?;
        for bytes in state.entries_at(partition, &numbers)? {
            let (other, _) = entry::Entry::decode(&bytes)?;
            let named = other.body.as_ref().and_then(|body| body.fact.content()?.about());
            buildings.extend(named.map(SubjectId::from));
        }
    }
    buildings.sort_unstable();
    buildings.dedup();
    Ok(buildings)
}

/// Adds what one subject contributes to a node, climbing from where it lands.
fn add_subject(
    state: &dyn State,
    node: SubjectId,
    subject: SubjectId,
    known: Seq,
    days: &[Day],
    times: i64,
    sums: &mut [Amounts],
) -> Result<(), Error> {
    let Some(timeline) = timeline_at(state, node.partition(), subject, Some(known))? else {
        return Ok(());
    };
    let mut landings = contributions(&timeline);
    if let Ok(building) = BuildingId::try_from(subject) {
        landings.add_all(&checkup::landings_at(state, building, Some(known))?, 1);
    }
    if state.meta(node.partition())?.has_policies() {
        landings.add_all(&insured::landings_at(state, subject, known)?, 1);
    }
    let mut chains: BTreeMap<SubjectId, Targets> = BTreeMap::new();
    for (day, sum) in days.iter().zip(sums) {
        let mut at: BTreeMap<SubjectId, Amounts> = BTreeMap::new();
        for (landed, _, amounts) in landings.iter().filter(|(_, on, _)| on <= day) {
            at.entry(landed).or_default().add_all(amounts, 1);
        }
        while let Some((landed, amounts)) = at.pop_first() {
            if landed == node {
                sum.add_all(&amounts, times);
                continue;
            }
            let chain = match chains.entry(landed) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(
                    timeline_at(state, node.partition(), landed, Some(known))?
                        .map(|timeline| Targets::of(&timeline))
                        .unwrap_or_default(),
                ),
            };
            let mut flowed = Landings::default();
            for target in chain.on(*day) {
                let amounts = amounts.flowing();
                flowed.add_at(*target, *day, &amounts);
            }
            for (next, _, amounts) in flowed.iter() {
                at.entry(next).or_default().add_all(amounts, 1);
            }
        }
    }
    Ok(())
}

/// What one subject adds to a node on a day: the row of an explained total.
pub(crate) fn row_of(
    state: &dyn State,
    node: SubjectId,
    subject: SubjectId,
    known: Option<Seq>,
    day: Day,
) -> Result<Amounts, Error> {
    let known = match known {
        Some(known) => known,
        None => Seq::MAX,
    };
    let mut sums = [Amounts::default()];
    add_subject(state, node, subject, known, &[day], 1, &mut sums)?;
    let [sum] = sums;
    Ok(sum)
}

/// Whether a subject of this kind holds others whose totals it passes on.
pub(crate) fn is_node(kind: Kind) -> bool {
    matches!(kind, Kind::Region | Kind::Compound | Kind::Building)
}

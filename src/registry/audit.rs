//! What was said and when: histories, differences between two states of knowledge, and proofs.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{merkle, timeline::Timeline},
    kernel::{
        hash::Hash,
        id::{Kind, RegionId, SubjectId},
        limit,
        page::{Page, PageRequest},
        position::{Partition, Position, Seq},
        time::{Day, KnownAt, Stamp},
    },
    registry::{
        case,
        engine::{Registry, beyond},
        entry::{Entry, stamp_of},
        erase::erased_by,
        error::{Class, Error, Refusal},
        history::{entry_numbers, timeline_at},
        read::{At, leads_to},
        state::{Live, State},
        work::{StateTiles, tree_error},
    },
};

/// The one hash suite so far.
pub const SUITE: &str = "rfc6962-sha256";

/// Entries that one page of a difference looks through.
const DIFF_ENTRIES_MAX: u64 = 5_000;

/// An entry of a subject, with what became of it.
#[derive(Clone, Debug)]
pub struct HistoryRow {
    /// Where it stands.
    pub position: Position,
    /// The entry.
    pub entry: Entry,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The entry that stands in its place.
    pub corrected_by: Option<Seq>,
    /// Whether a case puts it in doubt.
    pub in_doubt: bool,
    /// The entry by which its text was erased.
    pub erased_by: Option<Seq>,
}

/// What became known about one subject.
#[derive(Clone, Debug)]
pub struct SubjectDiff {
    /// The subject.
    pub subject: SubjectId,
    /// The entries that became known.
    pub entries: Vec<Seq>,
    /// What is said differently of which days.
    pub fields: Vec<FieldDiff>,
}

/// A field that is said differently of a span of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDiff {
    /// The field.
    pub field: String,
    /// The first day.
    pub from: Day,
    /// The first day beyond.
    pub until: Option<Day>,
    /// What was said before; `None`: nothing, or unknown.
    pub old: Option<String>,
    /// What is said after.
    pub new: Option<String>,
}

/// The size and root of a partition's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The registry.
    pub registry: [u8; 16],
    /// The partition.
    pub partition: Partition,
    /// How many entries.
    pub size: u64,
    /// The root over their leaves.
    pub root: Hash,
    /// The stamp of the last of them.
    pub stamp: Stamp,
}

impl Registry {
    /// The entries of a subject that were known, oldest first.
    pub fn history(
        &self,
        subject: SubjectId,
        known_at: KnownAt,
        page: &PageRequest,
    ) -> Result<Page<HistoryRow>, Error> {
        self.history_of(subject, None, known_at, page)
    }

    /// The entries of a subject that were known, oldest first: with a day, those that bear on it.
    /// These hold from it or from a day before it, correct or take back one that does, or hold from
    /// no day.
    pub fn history_of(
        &self,
        subject: SubjectId,
        day: Option<Day>,
        known_at: KnownAt,
        page: &PageRequest,
    ) -> Result<Page<HistoryRow>, Error> {
        let partition = subject.partition();
        let known = self.known(partition, known_at)?;
        let live = Live(self.store());
        let missing = || Error::refused(Refusal::missing("subject_id", subject));
        let record = live.record(partition, subject)?.ok_or_else(missing)?;
        let mut numbers = entry_numbers(&live, partition, subject, &record)?;
        numbers.retain(|seq| known.is_none_or(|known| *seq <= known));
        let timeline = timeline_at(&live, partition, subject, known)?.ok_or_else(missing)?;
        if let Some(day) = day {
            numbers = bearing_on(&live, partition, &numbers, day)?;
        }
        let mut doubted = BTreeSet::new();
        for (id, case) in case::of_subject(&live, partition, subject)? {
            let was_open = known.is_none_or(|known| case.opened_by <= known)
                && case.closed_by.is_none_or(|by| known.is_some_and(|known| by > known));
            if was_open {
                let doubts = case::doubts_of(&live, (id, &case), subject, known)?;
                doubted.extend(doubts.unwrap_or_default());
            }
        }
        let after = page.after.as_slice().try_into().map_or(0, u64::from_be_bytes);
        let mut left = numbers.into_iter().filter(|seq| *seq > after).collect::<Vec<_>>();
        let more = left.len() > page.rows;
        left.truncate(page.rows);
        let next = left.last().filter(|_| more).map(|seq| seq.to_be_bytes().to_vec());
        let mut rows = Vec::new();
        for bytes in live.entries_at(partition, &left)? {
            let (entry, _) = Entry::decode(&bytes)?;
            rows.push(HistoryRow {
                position: Position { partition, seq: entry.seq },
                corrected_by: timeline.corrected_by(entry.seq),
                in_doubt: doubted.contains(&entry.seq),
                erased_by: erased_by(&live, partition, entry.seq)?,
                entry,
                bytes,
            });
        }
        Ok(Page { rows, next })
    }

    /// What became known of a subject, or of all that is in a region or compound, after `from` and
    /// up to `to`. A page looks through at most 5 000 entries and may be short.
    pub fn diff(
        &self,
        subject: SubjectId,
        from: KnownAt,
        to: KnownAt,
        page: &PageRequest,
    ) -> Result<(Page<SubjectDiff>, Position, Position), Error> {
        let partition = self.diff_partition(subject)?;
        let head = self.frontier(partition).seq;
        let (first, last) = match (
            called("known_from", self.known(partition, from)),
            called("known_to", self.known(partition, to)),
        ) {
            (Err(Error::Refused(mut refusals)), Err(Error::Refused(more))) => {
                refusals.extend(more);
                return Err(Error::Refused(refusals));
            }
            (first, last) => (first?.unwrap_or(head), last?.unwrap_or(head)),
        };
        // Two moments before the first entry are one position, and still in the wrong order.
        let is_backwards =
            matches!((from, to), (KnownAt::Stamp(from), KnownAt::Stamp(to)) if from > to);
        if is_backwards || first > last {
            return Err(Error::refused(Refusal::of(
                Class::Invalid,
                "KNOWN_ORDER",
                "known_from",
                "what was known first comes first",
            )));
        }
        let positions = (Position { partition, seq: first }, Position { partition, seq: last });
        let live = Live(self.store());
        let is_holder = matches!(subject.kind(), Kind::Region | Kind::Compound | Kind::Building);
        let mut found: BTreeMap<SubjectId, Vec<Seq>> = BTreeMap::new();
        let mut cursor = page.after.as_slice().try_into().map_or(first, u64::from_be_bytes);
        let until = last.min(cursor.saturating_add(DIFF_ENTRIES_MAX));
        while cursor < until {
            let numbers = (cursor + 1..=until.min(cursor + 256)).collect::<Vec<_>>();
            for bytes in live.entries_at(partition, &numbers)? {
                let (entry, _) = Entry::decode(&bytes)?;
                for link in &entry.subjects {
                    found.entry(link.subject).or_default().push(entry.seq);
                }
            }
            cursor = numbers.last().copied().unwrap_or(until);
        }
        let mut rows = Vec::new();
        for (id, entries) in found {
            let belongs = id == subject
                || is_holder && self.was_below(&live, partition, id, subject, first, last)?;
            if belongs {
                // Across pages a subject is told once for each page that has entries of it.
                let start = page.after.as_slice().try_into().map_or(first, u64::from_be_bytes);
                let fields = differences(
                    timeline_at(&live, partition, id, Some(start))?.as_deref(),
                    timeline_at(&live, partition, id, Some(until))?.as_deref(),
                );
                rows.push(SubjectDiff { subject: id, entries, fields });
            }
        }
        let next = (until < last).then(|| until.to_be_bytes().to_vec());
        Ok((Page { rows, next }, positions.0, positions.1))
    }

    fn diff_partition(&self, subject: SubjectId) -> Result<Partition, Error> {
        match RegionId::try_from(subject) {
            Ok(region) => self.tree_partition(region),
            Err(_) => Ok(subject.partition()),
        }
    }

    /// Whether a subject was below a holder on its last day, before or after.
    fn was_below(
        &self,
        state: &dyn State,
        partition: Partition,
        id: SubjectId,
        holder: SubjectId,
        first: Seq,
        last: Seq,
    ) -> Result<bool, Error> {
        let today = self.now().day();
        for known in [first, last] {
            let at = At { day: today, known: Some(known) };
            if let Some(timeline) = timeline_at(state, partition, id, Some(known))?
                && let Some(content) = timeline.content_at(today)
                && leads_to(state, partition, &content, holder, at)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The tree of a partition, now or at a past size. Refuses a size that is not reached, and at
    /// once one that lies so far ahead that what is in flight does not reach it either.
    pub fn checkpoint(&self, partition: Partition, size: Option<u64>) -> Result<Checkpoint, Error> {
        self.checkpoint_of("size", partition, size)
    }

    fn checkpoint_of(
        &self,
        field: &str,
        partition: Partition,
        size: Option<u64>,
    ) -> Result<Checkpoint, Error> {
        let live = Live(self.store());
        let meta = live.meta(partition)?;
        let size = size.unwrap_or(meta.seq);
        if size.saturating_sub(limit::ENTRIES_IN_FLIGHT_MAX) > meta.seq {
            return Err(Error::refused(beyond(field, partition, meta.seq)));
        }
        if size > meta.seq {
            return Err(Error::NotReached(Position { partition, seq: size }.to_string()));
        }
        let tiles = StateTiles { state: &live, partition };
        let root = merkle::root(&tiles, size).map_err(tree_error)?;
        let stamp = match size {
            0 => Stamp::default(),
            size => stamp_of(&self.bytes(partition, size)?)?,
        };
        Ok(Checkpoint { registry: meta.registry, partition, size, root, stamp })
    }

    /// The bytes of an entry.
    pub fn bytes(&self, partition: Partition, seq: Seq) -> Result<Vec<u8>, Error> {
        if seq == 0 || seq > self.frontier(partition).seq {
            let position = Position { partition, seq };
            return Err(Error::refused(Refusal::missing("seq", format!("entry {position}"))));
        }
        self.store()
            .entries_at(partition, &[seq])?
            .pop()
            .ok_or_else(|| Error::unreadable(format!("entry {partition}:{seq}")))
    }

    /// Proves that an entry is in the tree of a size (now, when none is given).
    pub fn inclusion(
        &self,
        partition: Partition,
        seq: Seq,
        size: Option<u64>,
    ) -> Result<(Checkpoint, Vec<u8>, Vec<Hash>), Error> {
        let checkpoint = self.checkpoint(partition, size)?;
        let bytes = self.bytes(partition, seq)?;
        if seq > checkpoint.size {
            return Err(Error::refused(Refusal::of(
                Class::Invalid,
                "BEYOND_SIZE",
                "size",
                "a tree of this size does not have the entry",
            )));
        }
        let live = Live(self.store());
        let tiles = StateTiles { state: &live, partition };
        let proof = merkle::inclusion(&tiles, seq - 1, checkpoint.size).map_err(tree_error)?;
        Ok((checkpoint, bytes, proof))
    }

    /// Proves that the tree of a size goes on from the tree of a smaller one.
    pub fn consistency(
        &self,
        partition: Partition,
        old: u64,
        new: Option<u64>,
    ) -> Result<(Checkpoint, Checkpoint, Vec<Hash>), Error> {
        let new = self.checkpoint_of("new_size", partition, new)?;
        if old > new.size {
            return Err(Error::refused(Refusal::of(
                Class::Invalid,
                "BEYOND_SIZE",
                "old_size",
                "the older tree is the smaller one",
            )));
        }
        let old = self.checkpoint_of("old_size", partition, Some(old))?;
        let live = Live(self.store());
        let tiles = StateTiles { state: &live, partition };
        let proof = merkle::consistency(&tiles, old.size, new.size).map_err(tree_error)?;
        Ok((old, new, proof))
    }
}

/// A refusal of what is known by the field of a difference that says it.
fn called<T>(field: &str, known: Result<T, Error>) -> Result<T, Error> {
    let as_asked = |refusal: Refusal| match refusal.field.strip_prefix("context.read_time.known_at")
    {
        Some(rest) => Refusal { field: format!("{field}{rest}"), ..refusal },
        None => refusal,
    };
    known.map_err(|error| match error {
        Error::Refused(refusals) => Error::Refused(refusals.into_iter().map(as_asked).collect()),
        error => error,
    })
}

/// Everything that two timelines say differently, by field and span of days.
fn differences(old: Option<&Timeline>, new: Option<&Timeline>) -> Vec<FieldDiff> {
    let mut days = BTreeSet::from([Day::MIN]);
    for timeline in [old, new].into_iter().flatten() {
        days.extend(timeline.statements().map(|statement| statement.from));
    }
    let days = days.into_iter().collect::<Vec<_>>();
    let texts = |timeline: Option<&Timeline>, day: Day| -> BTreeMap<String, Option<String>> {
        let Some(timeline) = timeline.filter(|timeline| timeline.registration().is_some()) else {
            return BTreeMap::new();
        };
        timeline
            .content_at(day)
            .map(|content| content.texts())
            .unwrap_or_default()
            .into_iter()
            .collect()
    };
    let mut found: Vec<FieldDiff> = Vec::new();
    let mut note = |field: &str,
                    from: Day,
                    until: Option<Day>,
                    old: Option<String>,
                    new: Option<String>| {
        let goes_on = found.iter_mut().find(|diff| {
            diff.field == field && diff.until == Some(from) && diff.old == old && diff.new == new
        });
        match goes_on {
            Some(diff) => diff.until = until,
            None => found.push(FieldDiff { field: field.to_owned(), from, until, old, new }),
        }
    };
    for (index, day) in days.iter().enumerate() {
        let until = days.get(index + 1).copied();
        let (before, after) = (texts(old, *day), texts(new, *day));
        let fields = before.keys().chain(after.keys()).collect::<BTreeSet<_>>();
        for field in fields {
            let (was, is) = (before.get(field), after.get(field));
            if was != is {
                note(field, *day, until, was.cloned().flatten(), is.cloned().flatten());
            }
        }
    }
    let life = |timeline: Option<&Timeline>| {
        let timeline = timeline?;
        let from = timeline.exists_from()?;
        let end = timeline.end().map_or_else(String::new, |end| format!(" until {}", end.day));
        Some(format!("exists from {from}{end}"))
    };
    let (was, is) = (life(old), life(new));
    if was != is {
        found.push(FieldDiff {
            field: "life".to_owned(),
            from: Day::MIN,
            until: None,
            old: was,
            new: is,
        });
    }
    found.sort_by(|one, other| (&one.field, one.from).cmp(&(&other.field, other.from)));
    found
}

/// Of entries of a subject, oldest first, those that bear on a day.
fn bearing_on(
    state: &dyn State,
    partition: Partition,
    numbers: &[Seq],
    day: Day,
) -> Result<Vec<Seq>, Error> {
    let mut bearing = Vec::new();
    for some in numbers.chunks(256) {
        for bytes in state.entries_at(partition, some)? {
            let (entry, _) = Entry::decode(&bytes)?;
            // What corrects an entry comes after it.
            let is_of_one = entry.corrects.iter().any(|seq| bearing.binary_search(seq).is_ok());
            if is_of_one || entry.valid_from.is_none_or(|from| from <= day) {
                bearing.push(entry.seq);
            }
        }
    }
    Ok(bearing)
}

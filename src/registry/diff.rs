//! What became known of a subject, or of all that is in a region, between two states of knowledge.
//!
//! Both states are compared as they were, however much was said between them: what was said and taken
//! back again differs in nothing, and each subject is told once.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{region::Level, timeline::Timeline},
    kernel::{
        id::{Kind, RegionId, SubjectId},
        page::{Page, PageRequest},
        position::{Partition, Position, Seq},
        time::{Day, KnownAt},
    },
    registry::{
        engine::Registry,
        entry::Entry,
        error::{Class, Error, Refusal},
        history::{entry_numbers, timeline_at},
        read::{At, leads_to, level_of},
        state::{Live, State},
    },
};

/// Entries that one page looks through.
const ENTRIES_MAX: u64 = 20_000;
/// Entries that are read at once.
const ENTRIES: u64 = 256;

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

/// What is compared.
struct Between<'s> {
    state: &'s Live<'s>,
    partition: Partition,
    first: Seq,
    last: Seq,
}

impl Registry {
    /// What became known of a subject, or of all that is in a region, compound or building, after
    /// `from` and up to `to`: each subject once, in the order in which something was said of them. Of
    /// a province what partition 0 keeps; each of its cities is asked by itself. A page looks through
    /// at most 20 000 entries and may be short, or empty. Refuses (`NOT_FOUND`) what was never known.
    pub fn diff(
        &self,
        subject: SubjectId,
        from: KnownAt,
        to: KnownAt,
        page: &PageRequest,
    ) -> Result<(Page<SubjectDiff>, Position, Position), Error> {
        let live = Live(self.store());
        let partition = diff_partition(&live, subject)?;
        let (first, last) = self.between(partition, from, to)?;
        let positions = (Position { partition, seq: first }, Position { partition, seq: last });
        let is_known = live.record(partition, subject)?.is_some()
            || live.record(Partition::ROOT, subject)?.is_some();
        if !is_known {
            return Err(Error::refused(Refusal::missing("subject_id", subject)));
        }
        let between = Between { state: &live, partition, first, last };
        let is_holder = matches!(subject.kind(), Kind::Region | Kind::Compound | Kind::Building);
        let found = if is_holder {
            between.page_of_all_in(subject, self.now().day(), page)?
        } else {
            let rows = between.row(subject, &between.numbers(subject)?)?;
            Page { rows: rows.into_iter().collect(), next: None }
        };
        Ok((found, positions.0, positions.1))
    }

    /// The entries by which the two states of knowledge are told.
    fn between(
        &self,
        partition: Partition,
        from: KnownAt,
        to: KnownAt,
    ) -> Result<(Seq, Seq), Error> {
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
        Ok((first, last))
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

/// The partition that keeps what is in something: of a city its own, and of a province partition 0,
/// which keeps what lies between cities.
fn diff_partition(state: &dyn State, subject: SubjectId) -> Result<Partition, Error> {
    if RegionId::try_from(subject).is_err() {
        return Ok(subject.partition());
    }
    let record = state.record(subject.partition(), subject)?;
    let content = record.and_then(|record| record.timeline.content_at(Day::MAX));
    let level = content.as_ref().and_then(level_of);
    Ok(if level == Some(Level::Province) { Partition::ROOT } else { subject.partition() })
}

impl Between<'_> {
    /// The entries of a subject that became known.
    fn numbers(&self, subject: SubjectId) -> Result<Vec<Seq>, Error> {
        let Some(record) = self.state.record(self.partition, subject)? else {
            return Ok(Vec::new());
        };
        let mut numbers = entry_numbers(self.state, self.partition, subject, &record)?;
        numbers.retain(|seq| (self.first + 1..=self.last).contains(seq));
        Ok(numbers)
    }

    /// What became of a subject by these entries; `None` without any.
    fn row(&self, subject: SubjectId, entries: &[Seq]) -> Result<Option<SubjectDiff>, Error> {
        if entries.is_empty() {
            return Ok(None);
        }
        let [old, new] = [self.first, self.last]
            .map(|known| timeline_at(self.state, self.partition, subject, Some(known)));
        let fields = differences(old?.as_deref(), new?.as_deref());
        Ok(Some(SubjectDiff { subject, entries: entries.to_vec(), fields }))
    }

    /// A holder and all that is in it, by the first entry of each that became known.
    fn page_of_all_in(
        &self,
        holder: SubjectId,
        today: Day,
        page: &PageRequest,
    ) -> Result<Page<SubjectDiff>, Error> {
        let (after, told) = read_place(&page.after).unwrap_or((self.first, 0));
        // The entry at which the last page ended may have more subjects.
        let mut cursor = if told > 0 { after.saturating_sub(1) } else { after };
        let until = self.last.min(cursor.saturating_add(ENTRIES_MAX));
        let mut rows = Vec::new();
        let mut seen = BTreeSet::new();
        while cursor < until {
            let numbers = (cursor + 1..=until.min(cursor + ENTRIES)).collect::<Vec<_>>();
            for bytes in self.state.entries_at(self.partition, &numbers)? {
                let (entry, _) = Entry::decode(&bytes)?;
                for (index, link) in (1_u32..).zip(&entry.subjects) {
                    let is_told = entry.seq == after && index <= told;
                    if is_told || !seen.insert(link.subject) {
                        continue;
                    }
                    rows.extend(self.first_row(holder, link.subject, entry.seq, today)?);
                    if rows.len() >= page.rows {
                        let is_last = entry.seq == self.last
                            && usize::try_from(index).is_ok_and(|at| at == entry.subjects.len());
                        let next = (!is_last).then(|| place(entry.seq, index));
                        return Ok(Page { rows, next });
                    }
                }
            }
            cursor = numbers.last().copied().unwrap_or(until);
        }
        Ok(Page { rows, next: (until < self.last).then(|| place(until, 0)) })
    }

    /// A subject at an entry, when that is the first of it that became known, and it is in the holder.
    fn first_row(
        &self,
        holder: SubjectId,
        subject: SubjectId,
        seq: Seq,
        today: Day,
    ) -> Result<Option<SubjectDiff>, Error> {
        let numbers = self.numbers(subject)?;
        let is_first = numbers.first() == Some(&seq);
        if is_first && (subject == holder || self.was_below(subject, holder, today)?) {
            return self.row(subject, &numbers);
        }
        Ok(None)
    }

    /// Whether a subject was below a holder on a day, before or after.
    fn was_below(&self, id: SubjectId, holder: SubjectId, today: Day) -> Result<bool, Error> {
        for known in [self.first, self.last] {
            let at = At { day: today, known: Some(known) };
            if let Some(timeline) = timeline_at(self.state, self.partition, id, Some(known))?
                && let Some(content) = timeline.content_at(today)
                && leads_to(self.state, self.partition, &content, &[holder], at)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Where a page ended: an entry, and how many of its subjects were looked at.
fn place(seq: Seq, subjects: u32) -> Vec<u8> {
    [&seq.to_be_bytes()[..], &subjects.to_be_bytes()[..]].concat()
}

fn read_place(bytes: &[u8]) -> Option<(Seq, u32)> {
    let (seq, subjects) = bytes.split_at_checked(size_of::<Seq>())?;
    Some((Seq::from_be_bytes(seq.try_into().ok()?), u32::from_be_bytes(subjects.try_into().ok()?)))
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

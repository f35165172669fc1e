//! What a source said of a subject, who says what stands now, and where a row disagrees with
//! others.
//!
//! What stands is told apart by who said it, value by value: a correction repeats the fields that it
//! leaves alone, and is no voice for them. A source is never in conflict with itself, in whatever
//! order its rows came; others are never overwritten, on no day of which a row speaks.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    domain::content::{Content, FieldText},
    kernel::{
        id::SubjectId,
        position::{Partition, Seq},
        time::{Day, ImpreciseDay},
    },
    registry::{
        command::{Correct, RowMode},
        entry::Entry,
        error::Error,
        fact::{Conflict, Fact, SourceRow},
        history::entry_numbers,
        record::Record,
        request,
        state::State,
        tx::Tx,
    },
};

/// The name by which the day since when a subject exists is told beside its fields. It stands in the
/// registration, and what is said of fields holds for it.
pub(crate) const BEGINNING: &str = "exists_from";

/// A value that stands somewhere in a life.
#[derive(Clone, Debug)]
struct Voice {
    /// `None` for unknown or none.
    value: Option<String>,
    /// The entry that brought it there.
    seq: Seq,
    /// Whether the source itself said it.
    is_own: bool,
}

/// What a source last said of a field.
#[derive(Clone, Debug)]
struct Last {
    value: Option<String>,
    /// The entry that says so.
    seq: Seq,
    /// The place in which it was taken over; `None` when it was not.
    place: Option<Seq>,
}

/// What a row says anew, and where it is in conflict.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// What is taken over.
    pub fresh: Vec<Fresh>,
    /// What stays as others said it.
    pub conflicts: Vec<Conflict>,
}

/// What a row says anew.
#[derive(Debug)]
pub(crate) struct Fresh {
    /// Of a correction: the entry whose place it takes.
    pub entry: Option<Seq>,
    /// The fields.
    pub content: Content,
    /// Since when it exists.
    pub exists_from: Option<ImpreciseDay>,
}

impl Fresh {
    /// The correction of a subject by what is said anew.
    pub(crate) fn correction(self, subject: SubjectId) -> Correct {
        let Self { entry, content, exists_from } = self;
        Correct {
            subject,
            etag: None,
            entry,
            from: None,
            content,
            exists_from,
            ended_on: None,
            sentences: Vec::new(),
        }
    }
}

/// What was said of a subject, field by field.
pub(crate) struct Said {
    record: Arc<Record>,
    places: BTreeMap<Seq, BTreeMap<String, Voice>>,
    /// What stood in places that are empty: it may be said again as it was.
    emptied: BTreeMap<Seq, BTreeMap<String, Voice>>,
    last: BTreeMap<String, Last>,
    whole: Content,
    /// Whether what it said last is told by no entry of the subject.
    is_heard_only: bool,
}

impl Said {
    /// All that was said of a subject, as seen by a source that knows it by a key.
    pub(crate) fn by_source(
        tx: &mut Tx<'_, '_>,
        id: SubjectId,
        source: &str,
        key: &str,
    ) -> Result<Self, Error> {
        let mut said = Self::of(tx, id, source, Some(key))?;
        if let Some((seq, heard)) = heard(tx, tx.partition(), id, source, key)? {
            said.note(seq, None, (&heard, None), &BTreeMap::new());
            said.is_heard_only = true;
        }
        Ok(said)
    }

    /// Whether the source itself said since when the subject exists, in a place.
    pub(crate) fn is_own_beginning(&self, place: Seq) -> bool {
        let voice = self.places.get(&place).and_then(|voices| voices.get(BEGINNING));
        voice.is_some_and(|voice| voice.is_own)
    }

    /// Whether what the source said last is told by no entry of the subject.
    pub(crate) fn is_heard_only(&self) -> bool {
        self.is_heard_only
    }

    /// A file of ours says what the registry has, until somebody edits it.
    pub(crate) fn as_exported(
        tx: &mut Tx<'_, '_>,
        id: SubjectId,
        source: &str,
    ) -> Result<Self, Error> {
        let mut said = Self::of(tx, id, source, None)?;
        if let Some(now) = said.record.timeline.content_at(tx.today()) {
            let since = said.record.timeline.exists_from().map(|day| day.to_string());
            said.note(Seq::MAX, None, (&now, since), &BTreeMap::new());
        }
        Ok(said)
    }

    fn of(
        tx: &mut Tx<'_, '_>,
        id: SubjectId,
        source: &str,
        key: Option<&str>,
    ) -> Result<Self, Error> {
        let record = tx.must("key", id)?;
        let whole = Content::empty(id.kind());
        let mut said = Self {
            record,
            places: BTreeMap::new(),
            emptied: BTreeMap::new(),
            last: BTreeMap::new(),
            whole,
            is_heard_only: false,
        };
        let partition = id.partition();
        let numbers = entry_numbers(tx.work, partition, id, &said.record)?;
        for bytes in tx.work.entries_at(partition, &numbers)? {
            let (entry, _) = Entry::decode(&bytes)?;
            said.hear(entry, source, key);
        }
        Ok(said)
    }

    fn hear(&mut self, entry: Entry, source: &str, key: Option<&str>) {
        let Some(body) = entry.body else { return };
        let timeline = &self.record.timeline;
        let filled: Vec<Seq> =
            entry.corrects.iter().filter_map(|seq| timeline.place_of(*seq)).collect();
        // One correction of several entries stands in the place of the first; the others are empty.
        for emptied in filled.iter().skip(1) {
            self.places.insert(*emptied, BTreeMap::new());
        }
        let place = filled.first().copied().unwrap_or(entry.seq);
        let (content, since) = match body.fact {
            Fact::Registered { content, exists_from, .. } => (content, Some(exists_from)),
            Fact::Changed { content, .. } => (content, None),
            Fact::Retracted { .. } => {
                let stood = self.places.insert(place, BTreeMap::new());
                self.emptied.extend(stood.map(|voices| (place, voices)));
                return;
            }
            _ => return,
        };
        let is_own = body.source_row.as_ref().is_some_and(|row| row.source == source);
        let mut voices = BTreeMap::new();
        let emptied = self.emptied.remove(&place);
        let before = emptied.or_else(|| self.places.remove(&place)).unwrap_or_default();
        for (field, value) in with_beginning(&content, since) {
            let voice = match before.get(&field) {
                Some(voice) if voice.value == value => voice.clone(),
                _ => Voice { value, seq: entry.seq, is_own },
            };
            voices.insert(field, voice);
        }
        if let Some(row) =
            body.source_row.filter(|row| row.source == source && Some(row.key.as_str()) == key)
        {
            let heard = row.said.unwrap_or(content);
            // A correction repeats it; then the source says nothing of it.
            let since = voices.get(BEGINNING).filter(|voice| voice.seq == entry.seq);
            let since = since.and_then(|voice| voice.value.clone());
            self.note(entry.seq, Some(place), (&heard, since), &voices);
        }
        self.places.insert(place, voices);
    }

    /// Notes what the source said with an entry, and since when the subject exists, and what of it was
    /// taken over.
    fn note(
        &mut self,
        seq: Seq,
        place: Option<Seq>,
        (heard, since): (&Content, Option<String>),
        taken: &BTreeMap<String, Voice>,
    ) {
        let since = since.map(|since| (BEGINNING.to_owned(), Some(since)));
        for (field, value) in heard.texts().into_iter().chain(since) {
            let is_taken = taken.get(&field).is_some_and(|voice| voice.value == value);
            let before = self.last.get(&field).filter(|last| last.value == value);
            let before = before.and_then(|last| last.place);
            let place = if is_taken { place } else { before };
            self.last.insert(field, Last { value, seq, place });
        }
        self.whole.lay(heard);
    }

    /// All that the source has said when it says a row too.
    pub(crate) fn with(&self, row: &Content) -> Content {
        let mut whole = self.whole.clone();
        whole.lay(row);
        whole
    }

    /// Judges what a row says: from a day on, or in place of what its source said before.
    pub(crate) fn judge(
        &self,
        (row, since): (&Content, Option<ImpreciseDay>),
        mode: RowMode,
        from: Day,
        today: Day,
    ) -> Judged {
        if self.record.timeline.registration().is_none() {
            // It was entered in error, which hides all that is said of it but to its own command.
            let is_anew = row
                .texts()
                .iter()
                .any(|(field, value)| self.last.get(field).is_none_or(|last| last.value != *value));
            let fresh = Fresh { entry: None, content: row.clone(), exists_from: None };
            let fresh = if is_anew { vec![fresh] } else { Vec::new() };
            return Judged { fresh, conflicts: Vec::new() };
        }
        let mut judged = Judged::default();
        let mut fresh: BTreeMap<Option<Seq>, Vec<String>> = BTreeMap::new();
        for (field, value) in with_beginning(row, since) {
            let said = value.as_deref();
            let verdict = match self.where_taken(&field, said) {
                Some(place) => self.still_stands(&field, said, place, today),
                None => self.anew(&field, said, mode, from, today),
            };
            match verdict {
                Verdict::Nothing => {}
                Verdict::Fresh(place) => fresh.entry(place).or_default().push(field),
                Verdict::Conflict(registry) => {
                    judged.conflicts.push(Conflict { field, row: value, registry });
                }
            }
        }
        for (entry, fields) in fresh {
            let is_fresh = |field: &str| fields.iter().any(|name| name == field);
            let mut content = row.clone();
            content.retain(&is_fresh);
            let exists_from = since.filter(|_| is_fresh(BEGINNING));
            judged.fresh.push(Fresh { entry, content, exists_from });
        }
        judged
    }

    /// The place where a source's last word on a field was taken over, when it says the same again.
    fn where_taken(&self, field: &str, value: Option<&str>) -> Option<Seq> {
        self.last.get(field).filter(|last| last.value.as_deref() == value)?.place
    }

    /// A field that is said again is left alone, unless others corrected what was taken over.
    fn still_stands(&self, field: &str, value: Option<&str>, place: Seq, today: Day) -> Verdict {
        let voice = self.places.get(&place).and_then(|voices| voices.get(field));
        let registry = match voice {
            Some(voice) => voice.value.clone(),
            None => self
                .sayings(field)
                .iter()
                .rfind(|(from, _, _)| *from <= today)
                .and_then(|(_, _, voice)| voice.value.clone()),
        };
        if registry.as_deref() == value { Verdict::Nothing } else { Verdict::Conflict(registry) }
    }

    /// A field that is said anew: from its day on, and up to today in any case, nobody else may
    /// have said otherwise since.
    fn anew(
        &self,
        field: &str,
        value: Option<&str>,
        mode: RowMode,
        from: Day,
        today: Day,
    ) -> Verdict {
        let sayings = self.sayings(field);
        let (place, from) = match mode {
            RowMode::Change => (None, from),
            RowMode::Correction => {
                let place = self.to_correct(field, &sayings);
                let standing = place.and_then(|place| self.record.timeline.standing_in(place));
                (place, standing.map_or(Day::MIN, |statement| statement.from))
            }
        };
        let current = match place {
            Some(place) => sayings.iter().find(|(_, other, _)| *other == place),
            None => sayings.iter().rfind(|(day, _, _)| *day <= from),
        };
        let later = sayings.iter().filter(|(day, _, _)| *day > from && *day <= today);
        let mut opposed = current.into_iter().chain(later).map(|(_, _, voice)| *voice);
        if let Some(voice) = opposed.rfind(|voice| self.opposes(field, value, voice)) {
            return Verdict::Conflict(voice.value.clone());
        }
        match current {
            Some((_, _, voice)) if voice.value.as_deref() == value => Verdict::Nothing,
            _ => Verdict::Fresh(place),
        }
    }

    /// Whether a value is what somebody else said, and not what the source has come round to since.
    fn opposes(&self, field: &str, value: Option<&str>, voice: &Voice) -> bool {
        let is_agreed = self
            .last
            .get(field)
            .is_some_and(|last| last.seq > voice.seq && last.value == voice.value);
        voice.value.as_deref() != value && !voice.is_own && !is_agreed
    }

    /// Where a correction by the source belongs: where it last said the field itself; where
    /// nobody did, to the registration.
    fn to_correct(&self, field: &str, sayings: &[(Day, Seq, &Voice)]) -> Option<Seq> {
        let stands = |place: &Seq| sayings.iter().any(|(_, other, _)| other == place);
        let last = self.last.get(field).and_then(|last| last.place).filter(stands);
        let own = sayings.iter().filter(|(_, _, voice)| voice.is_own);
        let own = own.max_by_key(|(_, _, voice)| voice.seq).map(|(_, place, _)| *place);
        let any = sayings.last().map(|(_, place, _)| *place);
        let timeline = &self.record.timeline;
        let first = || timeline.registration().and_then(|(first, _)| timeline.place_of(first.seq));
        last.or(own).or(any).or_else(first)
    }

    /// What stands of a field, in the order in which it is laid: from which day, where, and who.
    fn sayings(&self, field: &str) -> Vec<(Day, Seq, &Voice)> {
        let timeline = &self.record.timeline;
        let sayings = timeline.contents().filter_map(|(statement, _)| {
            let place = timeline.place_of(statement.seq)?;
            Some((statement.from, place, self.places.get(&place)?.get(field)?))
        });
        sayings.collect()
    }
}

/// The fields of a content, and since when its subject exists.
fn with_beginning(content: &Content, since: Option<ImpreciseDay>) -> Vec<FieldText> {
    let mut texts = content.texts();
    texts.extend(since.map(|day| (BEGINNING.to_owned(), Some(day.to_string()))));
    texts
}

/// What becomes of a field of a row.
enum Verdict {
    /// The registry has it already.
    Nothing,
    /// It is taken over.
    Fresh(Option<Seq>),
    /// Somebody else has said this.
    Conflict(Option<String>),
}

/// What a source said last without anything of it being taken over, which is no part of the
/// subject's history.
fn heard(
    tx: &Tx<'_, '_>,
    partition: Partition,
    id: SubjectId,
    source: &str,
    key: &str,
) -> Result<Option<(Seq, Content)>, Error> {
    let Some(known) = request::source(tx.work, partition, source, id.kind(), key)? else {
        return Ok(None);
    };
    let Some(Fact::BatchRecorded { items, .. }) =
        tx.work.entry(partition, known.seq)?.body.map(|body| body.fact)
    else {
        return Ok(None);
    };
    let row = items.into_iter().filter(|item| item.subject == Some(id)).find_map(|item| item.row);
    let is_its = |row: &SourceRow| row.source == source && row.key == key;
    Ok(row.filter(is_its).and_then(|row| row.said).map(|said| (known.seq, said)))
}

//! Applying an entry: the only way in which state changes. It writes, decides nothing, and needs
//! nothing but the entry and the state of its own partition.

use std::collections::BTreeSet;

use crate::{
    domain::{
        content::Content,
        place::{self, Crs, Point},
        text,
        timeline::Timeline,
        totals::{Landings, Targets, contributions},
    },
    kernel::{
        hash::Hash,
        id::{Kind, SubjectId},
        position::Partition,
    },
    registry::{
        case, checkup,
        entry::Entry,
        error::Error,
        fact::{Body, Fact},
        history::{block_key, statement_of},
        insured, line,
        record::{Meta, Record, SEQS_IN_BLOCK, put, read},
        recount,
        request::{self, RequestRecord},
        space::{LAYOUT, Space, key, seq_key, subject_key, text_key},
        state::State,
        sweep,
        totals::{is_node, land},
        work::Work,
        works,
    },
    store::Key,
};

/// Entries of known time in one bucket.
const BUCKET_ENTRIES_MAX: u64 = 50_000;

/// Applies the next entry of its partition.
pub(crate) fn apply(work: &mut Work<'_>, entry: &Entry, leaf: Hash) -> Result<(), Error> {
    let partition = entry.partition;
    let fact = entry.body.as_ref().map(|body| &body.fact);
    if entry.seq != entry.command_seq && may_begin_bucket(work, entry, fact)? {
        // What the command did so far counts in the bucket of that: it is known with its last entry.
        checkup::settle(work)?;
    }
    advance(work, entry)?;
    // With the number that has just gone up, so that the two agree whenever the work is flushed.
    work.add_leaf(partition, entry.seq, leaf);
    if entry.seq == entry.command_seq
        && let Some(mark) = entry.request
    {
        let record = RequestRecord { hash: mark.hash, first: entry.seq };
        work.put(request::request_key(partition, entry.stamp.day(), &mark.id), Some(put(&record)?));
        request::forget(work, partition, entry.stamp.day())?;
    }
    // A part that is not there must not be taken for one that says nothing.
    let body = entry
        .body
        .as_ref()
        .filter(|_| entry.is_whole())
        .ok_or_else(|| Error::unreadable(format!("entry {partition}:{}", entry.seq)))?;
    for link in &entry.subjects {
        if link.subject.kind() == Kind::Reference {
            work.meta_mut(partition)?.reference = Some((entry.seq, leaf));
        }
        apply_to_subject(work, entry, body, link.subject, leaf)?;
    }
    match &body.fact {
        Fact::PartitionBegun(region) => work.meta_mut(partition)?.region = *region,
        Fact::PartitionListed { partition: listed, .. } => {
            let meta = work.meta_mut(partition)?;
            meta.partition_max = meta.partition_max.max(listed.number());
        }
        Fact::SweepStep { opened_by, node, up_to, .. } => {
            sweep::apply_step(work, partition, *opened_by, *node, *up_to)?;
        }
        Fact::RecountStep { opened_by, up_to, .. } => {
            checkup::apply_step(work, partition, *opened_by, *up_to)?;
        }
        Fact::BatchRecorded { items, .. } => {
            for item in items {
                if let (Some(subject), Some(row)) = (item.subject, &item.row) {
                    request::put_source(work, entry, subject, row)?;
                }
            }
        }
        Fact::CaseAssigned { case, assignee } => case::apply_assigned(work, *case, assignee)?,
        Fact::CaseSettled { case, outcome } => {
            case::apply_settled(work, entry.seq, *case, *outcome)?;
        }
        Fact::Erased { seq, .. } => {
            let by = entry.seq.to_be_bytes().to_vec();
            work.put(seq_key(partition, Space::Erased, *seq), Some(by));
        }
        _ => {}
    }
    work.applied(partition, entry.seq);
    Ok(())
}

/// Whether a bucket of known time may begin with an entry: it is time for one, or what the entry is about
/// can move what is in it, or be counted anew.
fn may_begin_bucket(
    work: &mut Work<'_>,
    entry: &Entry,
    fact: Option<&Fact>,
) -> Result<bool, Error> {
    if begins_bucket(work.head(entry.partition)?, entry) {
        return Ok(true);
    }
    Ok(match fact {
        Some(Fact::SweepStep { .. } | Fact::RecountStep { .. }) => true,
        // Nothing is in what is new, and nothing rests on it.
        Some(Fact::Registered { .. }) if entry.corrects.is_empty() => false,
        _ => entry.subjects.iter().any(|link| {
            let kind = link.subject.kind();
            is_node(kind)
                || matches!(kind, Kind::Reference | Kind::Signer | Kind::Body | Kind::Policy)
        }),
    })
}

/// Whether it is time for another bucket.
fn begins_bucket(meta: &Meta, entry: &Entry) -> bool {
    let is_full = entry.seq - meta.bucket_first >= BUCKET_ENTRIES_MAX;
    let day = entry.stamp.day().number();
    entry.seq == 1 || meta.bucket_closed || is_full || day != meta.bucket_day
}

/// Moves the partition on to the entry, and into another bucket when it is time.
fn advance(work: &mut Work<'_>, entry: &Entry) -> Result<(), Error> {
    let partition = entry.partition;
    let meta = work.meta_mut(partition)?;
    if meta.seq + 1 != entry.seq {
        return Err(Error::Bug(format!(
            "entry {partition}:{} does not follow entry {}",
            entry.seq, meta.seq
        )));
    }
    meta.layout = LAYOUT;
    meta.registry = entry.registry;
    meta.seq = entry.seq;
    meta.stamp = entry.stamp;
    if begins_bucket(meta, entry) {
        begin_bucket(work, entry)?;
    }
    Ok(())
}

pub(crate) fn begin_bucket(work: &mut Work<'_>, entry: &Entry) -> Result<(), Error> {
    let meta = work.meta_mut(entry.partition)?;
    meta.bucket += 1;
    meta.bucket_first = entry.seq;
    meta.bucket_day = entry.stamp.day().number();
    meta.bucket_closed = false;
    let bucket = meta.bucket;
    let key = seq_key(entry.partition, Space::Bucket, entry.seq);
    work.put(key, Some(bucket.to_be_bytes().to_vec()));
    Ok(())
}

fn apply_to_subject(
    work: &mut Work<'_>,
    entry: &Entry,
    body: &Body,
    subject: SubjectId,
    leaf: Hash,
) -> Result<(), Error> {
    let partition = entry.partition;
    checkup::touch_for(work, entry, subject)?;
    insured::note(work, partition, subject)?;
    let old = work.known(partition, subject)?;
    let mut record = match &old {
        Some(record) => record.as_ref().clone(),
        None => Record {
            timeline: Timeline::default(),
            last_seq: 0,
            last_leaf: Hash::default(),
            entry_count: 0,
            recent: Vec::new(),
            source: None,
            open_case_count: 0,
            settled_case_count: 0,
            unit_count: 0,
        },
    };
    if let Some(statement) = statement_of(entry, subject) {
        record.timeline.push(statement, &entry.corrects);
    }
    note_entry(work, &mut record, subject, entry, leaf)?;
    let said = match &body.fact {
        Fact::Registered { content, .. } | Fact::Changed { content, .. } => Some(content),
        _ => None,
    };
    if let Some(content) = said {
        index(work, partition, subject, content)?;
        works::index(work, partition, subject, content);
    }
    if let Some(row) = &body.source_row {
        record.source = Some((row.source.clone(), row.key.clone()));
        request::put_source(work, entry, subject, row)?;
    }
    let nothing = Timeline::default();
    let before = old.as_ref().map_or(&nothing, |record| &record.timeline);
    if subject.kind() == Kind::Unit && old.is_some() {
        count_again(work, partition, before, &record.timeline)?;
    }
    let moved = Moved::between(subject, before, &record.timeline);
    work.put_record(partition, subject, record);
    moved.apply(work, entry, subject)?;
    recount::after_entry(work, entry, subject, old.is_none())?;
    line::after_entry(work, entry, subject)?;
    case::after_entry(work, entry, subject, before)
}

/// Puts the entry's number among those of the subject.
fn note_entry(
    work: &mut Work<'_>,
    record: &mut Record,
    subject: SubjectId,
    entry: &Entry,
    leaf: Hash,
) -> Result<(), Error> {
    if record.recent.len() == SEQS_IN_BLOCK {
        let block = record.entry_count / u64::try_from(SEQS_IN_BLOCK).unwrap_or(1) - 1;
        let full = std::mem::take(&mut record.recent);
        work.put(block_key(entry.partition, subject, block), Some(put(&full)?));
    }
    record.recent.push(entry.seq);
    record.entry_count += 1;
    record.last_seq = entry.seq;
    record.last_leaf = leaf;
    Ok(())
}

/// Writes the ever keys of what was said.
fn index(
    work: &mut Work<'_>,
    partition: Partition,
    subject: SubjectId,
    content: &Content,
) -> Result<(), Error> {
    for holder in content.references() {
        // What a report found is asked of its building.
        if subject.kind() == Kind::Finding && holder.kind() == Kind::Report {
            continue;
        }
        let mut key = subject_key(partition, Space::Child, holder);
        key.extend_from_slice(&subject.to_bytes());
        if subject.kind() == Kind::Unit && work.get(&key)?.is_none() {
            count_unit(work, partition, holder, true)?;
        }
        work.put(key, Some(Vec::new()));
    }
    for (scheme, values) in &content.shared.identifiers {
        for value in values {
            let mut key = text_key(partition, Space::Identifier, &[scheme, value]);
            key.extend_from_slice(&subject.to_bytes());
            work.put(key, Some(Vec::new()));
        }
    }
    for searched in content.searched_texts() {
        post(work, partition, subject, searched)?;
    }
    if let Some(point) = content.location() {
        work.put(point_key(partition, subject, point), Some(Vec::new()));
    }
    Ok(())
}

/// Counts a unit no more in any building that it ever was in, or again, when an entry took its
/// registration back or said it again.
fn count_again(
    work: &mut Work<'_>,
    partition: Partition,
    before: &Timeline,
    after: &Timeline,
) -> Result<(), Error> {
    let (was, is) = (before.registration().is_some(), after.registration().is_some());
    if was == is {
        return Ok(());
    }
    let life = if was { before } else { after };
    let holders = life.contents().flat_map(|(_, content)| content.references());
    for holder in holders.collect::<BTreeSet<_>>() {
        count_unit(work, partition, holder, is)?;
    }
    Ok(())
}

/// Counts a unit of a building, which a rule of plausibility asks for.
fn count_unit(
    work: &mut Work<'_>,
    partition: Partition,
    building: SubjectId,
    is_more: bool,
) -> Result<(), Error> {
    work.count(partition, building, |record| {
        record.unit_count = if is_more {
            record.unit_count.saturating_add(1)
        } else {
            record.unit_count.saturating_sub(1)
        };
    })
}

/// The begin of the keys of places of a kind of subject in one reference system.
pub(crate) fn place_key(partition: Partition, kind: Kind, crs: Crs) -> Key {
    let mut key = key(partition, Space::Place);
    key.push(kind as u8);
    key.extend_from_slice(&crs.number().to_be_bytes());
    key
}

/// The key by which a subject is found at a point.
pub(crate) fn point_key(partition: Partition, subject: SubjectId, point: Point) -> Key {
    let mut key = place_key(partition, subject.kind(), point.crs());
    key.extend_from_slice(&place::cell(point).to_bytes());
    key.extend_from_slice(&subject.to_bytes());
    key
}

/// Posts a text: its shape, if it is new, with the shape's grams; then the text's numbers.
fn post(
    work: &mut Work<'_>,
    partition: Partition,
    subject: SubjectId,
    searched: &str,
) -> Result<(), Error> {
    let shape = text::shape(searched);
    if shape.shape.is_empty() {
        return Ok(());
    }
    let shape_key = text_key(partition, Space::Shape, &[&shape.shape]);
    let number = if let Some(bytes) = work.get(&shape_key)? {
        read::<u32>(&bytes)?
    } else {
        new_shape(work, partition, shape_key, &shape.shape)?
    };
    let mut posting = key(partition, Space::Posting);
    posting.extend_from_slice(&number.to_be_bytes());
    posting.extend_from_slice(&text::posting_key(&shape.numbers));
    posting.extend_from_slice(&subject.to_bytes());
    work.put(posting, Some(Vec::new()));
    Ok(())
}

/// Numbers a shape that was not seen before and posts its grams.
fn new_shape(
    work: &mut Work<'_>,
    partition: Partition,
    shape_key: Key,
    shape: &str,
) -> Result<u32, Error> {
    let meta = work.meta_mut(partition)?;
    meta.shape_count += 1;
    let number = meta.shape_count;
    work.put(shape_key, Some(put(&number)?));
    let mut text_of = key(partition, Space::ShapeText);
    text_of.extend_from_slice(&number.to_be_bytes());
    work.put(text_of, Some(shape.as_bytes().to_vec()));
    for gram in text::grams(shape) {
        let mut key = text_key(partition, Space::Gram, &[&gram]);
        key.extend_from_slice(&number.to_be_bytes());
        work.put(key, Some(Vec::new()));
    }
    Ok(number)
}

/// What an entry changes in the totals.
struct Moved {
    landings: Landings,
    /// Where the amounts of what is in the subject went, if they go elsewhere now.
    old_targets: Option<Targets>,
}

impl Moved {
    /// The difference that an entry makes.
    fn between(subject: SubjectId, before: &Timeline, after: &Timeline) -> Self {
        let mut landings = contributions(after);
        landings.add_all(&contributions(before), -1);
        let old_targets = is_node(subject.kind())
            .then(|| Targets::of(before))
            .filter(|old| *old != Targets::of(after));
        Self { landings, old_targets }
    }

    /// Adds the difference to the totals; when the subject's parents changed, what is in it moves
    /// with it.
    fn apply(self, work: &mut Work<'_>, entry: &Entry, subject: SubjectId) -> Result<(), Error> {
        let moves = self.old_targets.is_some() && work.has_cells((entry.partition, subject))?;
        if moves && work.head(entry.partition)?.bucket_first != entry.seq {
            // What is known from here on must be told apart from what was known before.
            begin_bucket(work, entry)?;
        }
        let bucket = work.head(entry.partition)?.bucket;
        land(work, entry.partition, self.landings, bucket)?;
        match self.old_targets {
            Some(old) if moves => {
                sweep::open(work, entry, subject, old.clone())?;
                recount::after_move(work, entry, subject, &old)
            }
            _ => Ok(()),
        }
    }
}

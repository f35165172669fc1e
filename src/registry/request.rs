//! Requests that were answered, and rows of outside sources that were taken in.
//!
//! A request is remembered for seven days of the partition's stamps; a row of a source for ever.

use serde::{Deserialize, Serialize};

use crate::{
    kernel::{
        hash::Hash,
        id::{Kind, SubjectId},
        limit,
        position::{Partition, Position, Seq},
        time::{Day, Stamp},
    },
    registry::{
        entry::Entry,
        error::{Class, Error, Refusal},
        fact::{Fact, ItemRecord, SourceRow},
        record::{oldest_request_day, put, read},
        space::{Space, below, key, text_key},
        state::State,
        tx::Decided,
        work::Work,
        writer::Outcome,
    },
    store::{Direction, Key, KeyRange},
};

/// Requests forgotten with one entry: more than one entry brings, so that all are in the end.
const FORGOTTEN_MAX: usize = 8;

/// What is kept of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RequestRecord {
    /// The hash of what was asked.
    pub hash: Hash,
    /// The first entry that it wrote.
    pub first: Seq,
}

/// What a source last said with a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceRecord {
    /// The subject.
    pub subject: SubjectId,
    /// The hash of the row.
    pub hash: Hash,
    /// The entry.
    pub seq: Seq,
}

/// The key of a request of a day.
pub(crate) fn request_key(partition: Partition, day: Day, id: &[u8; 16]) -> Key {
    let mut key = key(partition, Space::Request);
    key.extend_from_slice(&day.to_bytes());
    key.extend_from_slice(id);
    key
}

/// The first entry of a request that was answered in the last days; a refusal when it asked for
/// something else.
pub(crate) fn find(
    state: &dyn State,
    partition: Partition,
    today: Day,
    id: &[u8; 16],
    hash: Hash,
) -> Result<Option<Seq>, Error> {
    for back in 0..=limit::REQUEST_DAYS {
        let Some(day) = Day::from_number(today.number() - back) else { break };
        let Some(bytes) = state.get(&request_key(partition, day, id))? else { continue };
        let record: RequestRecord = read(&bytes)?;
        if record.hash != hash {
            return Err(Error::refused(Refusal::of(
                Class::AlreadyExists,
                "REQUEST_ID_REUSED",
                "context.request_id",
                "this request id was used for another request",
            )));
        }
        return Ok(Some(record.first));
    }
    Ok(None)
}

/// Forgets some requests that are older than they need be.
pub(crate) fn forget(work: &mut Work<'_>, partition: Partition, today: Day) -> Result<(), Error> {
    let oldest = oldest_request_day(today);
    if work.head(partition)?.requests_from >= oldest {
        return Ok(());
    }
    let Some(first_kept) = Day::from_number(oldest) else {
        return Ok(());
    };
    let all = below(key(partition, Space::Request));
    let to = [key(partition, Space::Request).as_slice(), &first_kept.to_bytes()].concat();
    let old = work.scan(&KeyRange { from: all.from, to }, Direction::Up, FORGOTTEN_MAX)?;
    if old.len() < FORGOTTEN_MAX {
        work.meta_mut(partition)?.requests_from = oldest;
    }
    for (key, _) in old {
        work.put(key, None);
    }
    Ok(())
}

/// The key of a source's row.
pub(crate) fn source_key(partition: Partition, source: &str, kind: Kind, row_key: &str) -> Key {
    let mut key = text_key(partition, Space::Source, &[source]);
    key.push(kind as u8);
    key.extend_from_slice(row_key.as_bytes());
    key
}

/// What a source last said with a key.
pub(crate) fn source(
    state: &dyn State,
    partition: Partition,
    source: &str,
    kind: Kind,
    row_key: &str,
) -> Result<Option<SourceRecord>, Error> {
    state.get(&source_key(partition, source, kind, row_key))?.map(|bytes| read(&bytes)).transpose()
}

/// Notes what a source said.
pub(crate) fn put_source(
    work: &mut Work<'_>,
    entry: &Entry,
    subject: SubjectId,
    row: &SourceRow,
) -> Result<(), Error> {
    let key = source_key(entry.partition, &row.source, subject.kind(), &row.key);
    let record = SourceRecord { subject, hash: row.hash, seq: entry.seq };
    work.put(key, Some(put(&record)?));
    Ok(())
}

/// The answer that a request was given first, from the entries that it wrote.
pub(crate) fn first_answer(
    state: &dyn State,
    partition: Partition,
    first: Seq,
) -> Result<Outcome, Error> {
    let head = state.meta(partition)?.seq;
    let mut outcome = Outcome {
        decided: Decided::default(),
        position: Position { partition, seq: first },
        entries: Vec::new(),
        stamp: Stamp::default(),
        repeated: true,
        sweep_under_way: false,
    };
    let mut made = Vec::new();
    let mut about = Vec::new();
    let mut merged_into = None;
    let mut is_succession = false;
    let mut batch: Option<(u32, Vec<ItemRecord>)> = None;
    for seq in first..=head {
        let entry = state.entry(partition, seq)?;
        if entry.command_seq != first {
            break;
        }
        outcome.position.seq = seq;
        outcome.stamp = entry.stamp;
        outcome.entries.push(seq);
        match entry.body.map(|body| body.fact) {
            Some(Fact::Registered { subject, .. }) if entry.corrects.is_empty() => {
                made.push(subject);
            }
            // A long list of items takes several entries.
            Some(Fact::BatchRecorded { item_count, items }) => {
                batch.get_or_insert((item_count, Vec::new())).1.extend(items);
            }
            // Said again after it was taken back: about whom the retraction was about.
            Some(Fact::Succession { .. }) if !entry.corrects.is_empty() => {
                about = subjects_of(state, partition, &entry.corrects)?;
            }
            Some(Fact::Succession { edges, .. }) => {
                is_succession = true;
                merged_into = edges.first().map(|edge| edge.into);
            }
            Some(Fact::CaseAssigned { case, .. } | Fact::CaseSettled { case, .. }) => {
                about.push(case.into());
            }
            // What ends with a subject comes before it; what is corrected or taken back because of
            // another entry rests on that.
            Some(fact @ (Fact::Ended { .. } | Fact::Retracted { .. }))
                if entry.basis.is_empty() || about.is_empty() =>
            {
                about = fact.subjects();
            }
            Some(fact) => about.extend(fact.subjects()),
            None => {}
        }
    }
    if !is_succession {
        outcome.decided.item_count = u32::try_from(made.len()).unwrap_or(u32::MAX);
    }
    outcome.decided.subjects = match (made.is_empty(), merged_into) {
        (false, _) => made,
        (true, Some(into)) => vec![into],
        // Of a batch that made nothing, the items say all.
        (true, None) if batch.is_some() => Vec::new(),
        (true, None) => about.into_iter().take(1).collect(),
    };
    if let Some((item_count, items)) = batch {
        outcome.decided.item_count = item_count;
        outcome.decided.items = items;
    }
    Ok(outcome)
}

/// The subjects of the first of some entries.
fn subjects_of(
    state: &dyn State,
    partition: Partition,
    seqs: &[Seq],
) -> Result<Vec<SubjectId>, Error> {
    let Some(first) = seqs.first() else { return Ok(Vec::new()) };
    let entry = state.entry(partition, *first)?;
    Ok(entry.body.map(|body| body.fact.subjects()).unwrap_or_default())
}

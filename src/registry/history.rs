//! The entries of a subject, and its life folded from those that were known.

use std::sync::Arc;

use crate::{
    domain::timeline::{EndCause, Saying, Statement, Timeline},
    kernel::{
        id::SubjectId,
        position::{Partition, Seq},
        time::{Day, Stamp},
    },
    registry::{
        entry::{Entry, stamp_of},
        error::Error,
        fact::Fact,
        record::{Record, SEQS_IN_BLOCK, read},
        space::{Space, subject_key},
        state::State,
    },
    store::Key,
};

/// The key of a full block of entry numbers.
pub(crate) fn block_key(partition: Partition, subject: SubjectId, block: u64) -> Key {
    let mut key = subject_key(partition, Space::History, subject);
    key.extend_from_slice(&block.to_be_bytes());
    key
}

/// The numbers of a subject's entries, oldest first.
pub(crate) fn entry_numbers(
    state: &dyn State,
    partition: Partition,
    subject: SubjectId,
    record: &Record,
) -> Result<Vec<Seq>, Error> {
    let in_blocks = record.entry_count - u64::try_from(record.recent.len()).unwrap_or(0);
    let blocks = in_blocks / u64::try_from(SEQS_IN_BLOCK).unwrap_or(1);
    let mut numbers = Vec::new();
    for block in 0..blocks {
        let bytes = state
            .get(&block_key(partition, subject, block))?
            .ok_or_else(|| Error::damaged_state(format!("the history of {subject}")))?;
        numbers.extend(read::<Vec<Seq>>(&bytes)?);
    }
    numbers.extend_from_slice(&record.recent);
    Ok(numbers)
}

/// The life of a subject as known with entry `known` (`None`: now). `None` when nothing was known.
pub(crate) fn timeline_at(
    state: &dyn State,
    partition: Partition,
    subject: SubjectId,
    known: Option<Seq>,
) -> Result<Option<Arc<Timeline>>, Error> {
    let Some(record) = state.record(partition, subject)? else {
        return Ok(None);
    };
    let Some(known) = known.filter(|known| *known < record.last_seq) else {
        return Ok(Some(Arc::new(record.timeline)));
    };
    let mut numbers = entry_numbers(state, partition, subject, &record)?;
    numbers.retain(|seq| *seq <= known);
    if numbers.is_empty() {
        return Ok(None);
    }
    let mut timeline = Timeline::default();
    for bytes in state.entries_at(partition, &numbers)? {
        let (entry, _) = Entry::decode(&bytes)?;
        if let Some(statement) = statement_of(&entry, subject) {
            timeline.push(statement, &entry.corrects);
        }
    }
    Ok(Some(Arc::new(timeline)))
}

/// What an entry says about one of its subjects.
pub(crate) fn statement_of(entry: &Entry, subject: SubjectId) -> Option<Statement> {
    let from = entry.valid_from.unwrap_or(Day::MIN);
    let (from, saying) = match &entry.body.as_ref()?.fact {
        Fact::Registered { exists_from, content, .. } => {
            (Day::MIN, Saying::Registered { exists_from: *exists_from, content: content.clone() })
        }
        Fact::Changed { content, .. } => (from, Saying::Changed(content.clone())),
        Fact::Ended { day, cause, .. } => (from, Saying::Ended { day: *day, cause: *cause }),
        Fact::Succession { split, edges, ended } => {
            let cause = if *split { EndCause::Split } else { EndCause::Merged };
            let edges = edges
                .iter()
                .filter(|edge| edge.from == subject || edge.into == subject)
                .copied()
                .collect();
            let ends = ended.contains(&subject).then_some(cause);
            (from, Saying::Succession { edges, ends })
        }
        Fact::Retracted { .. } => (from, Saying::Retracted),
        _ => return None,
    };
    Some(Statement {
        seq: entry.seq,
        from,
        second: entry.second_of_day,
        key: entry.order_key.clone(),
        saying,
    })
}

/// The last entry stamped at or before `stamp`, of those up to `head`; 0 for none.
pub(crate) fn seq_at_stamp(
    state: &dyn State,
    partition: Partition,
    head: Seq,
    stamp: Stamp,
) -> Result<Seq, Error> {
    let (mut low, mut high) = (0, head);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let bytes = state
            .entries_at(partition, &[middle])?
            .pop()
            .ok_or_else(|| Error::unreadable(format!("entry {partition}:{middle}")))?;
        if stamp_of(&bytes)? <= stamp {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(low)
}

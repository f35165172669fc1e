//! What every store asks of a group before it writes anything.

use std::collections::BTreeMap;

use crate::{
    kernel::{
        limit::{ENTRY_BYTES_MAX, VALUE_BYTES_MAX},
        position::{Partition, Seq},
    },
    store::{Group, NewEntry, Step, StoreError},
};

/// Each entry must follow its partition's head without a gap and be no longer than one may be.
pub(crate) fn entries(
    entries: &[NewEntry],
    head: &dyn Fn(Partition) -> Seq,
) -> Result<(), StoreError> {
    let mut heads = BTreeMap::new();
    for entry in entries {
        let head = heads.entry(entry.partition).or_insert_with(|| head(entry.partition));
        if entry.seq != *head + 1 {
            let (partition, found) = (entry.partition, entry.seq);
            return Err(StoreError::Conflict { partition, head: *head, found });
        }
        *head = entry.seq;
        if entry.bytes.len() > ENTRY_BYTES_MAX {
            let what = format!(
                "entry {}:{} has {} bytes, more than {ENTRY_BYTES_MAX}",
                entry.partition,
                entry.seq,
                entry.bytes.len()
            );
            return Err(StoreError::Io { what, source: std::io::ErrorKind::InvalidInput.into() });
        }
    }
    Ok(())
}

/// Only as many bytes with the same CRC-32C may take the place of an entry's: then whatever lies
/// around it stays true.
pub(crate) fn overwriting(
    partition: Partition,
    seq: Seq,
    old: &[u8],
    new: &[u8],
) -> Result<(), StoreError> {
    if old.len() == new.len() && crc32c::crc32c(old) == crc32c::crc32c(new) {
        return Ok(());
    }
    let what = format!("entry {partition}:{seq} cannot be overwritten with bytes of another sum");
    Err(StoreError::Io { what, source: std::io::ErrorKind::InvalidInput.into() })
}

/// The steps of a group must take its partitions from their heads on; the entries of a group
/// without steps wait for a replay.
pub(crate) fn steps_of_group(
    group: &Group,
    head: &dyn Fn(Partition) -> Seq,
    applied: &dyn Fn(Partition) -> Seq,
) -> Result<(), StoreError> {
    for (partition, _) in group.steps.iter().flat_map(|step| &step.applied) {
        let (done, total) = (applied(*partition), head(*partition));
        if done < total {
            return Err(StoreError::Rebuilding { done, total });
        }
    }
    let mut heads = BTreeMap::new();
    for entry in &group.entries {
        heads.insert(entry.partition, entry.seq);
    }
    let head_after = |partition| heads.get(&partition).copied().unwrap_or_else(|| head(partition));
    steps(&group.steps, &head_after, applied);
    Ok(())
}

/// Steps never go back, and never beyond the entries: anything else is a mistake of the caller.
pub(crate) fn steps(
    steps: &[Step],
    head: &dyn Fn(Partition) -> Seq,
    applied: &dyn Fn(Partition) -> Seq,
) {
    let mut last = BTreeMap::new();
    for step in steps {
        for (partition, seq) in &step.applied {
            let last = last.entry(*partition).or_insert_with(|| applied(*partition));
            let (before, head) = (*last, head(*partition));
            assert!(
                before <= *seq && *seq <= head,
                "a step to {partition}:{seq} cannot follow {before}; the head is {head}"
            );
            *last = *seq;
        }
        let value_bytes = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
        debug_assert!(
            step.writes.iter().all(|write| value_bytes(&write.value) <= VALUE_BYTES_MAX),
            "a value is longer than {VALUE_BYTES_MAX} bytes"
        );
    }
}

/// An entry was asked for that is not there.
pub(crate) fn no_such_entry(partition: Partition, seq: Seq) -> StoreError {
    let place = format!("entry {partition}:{seq}");
    StoreError::Damage { place, what: "there is no such entry".to_owned() }
}

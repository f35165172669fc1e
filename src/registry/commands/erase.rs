//! Ordering that the free text of entries is erased.

use std::collections::BTreeSet;

use crate::{
    kernel::position::Position,
    registry::{
        command::Erase,
        commands::rules::{needs_reason, settle},
        entry::{Gone, PART_TEXT},
        erase::erased_by,
        error::{Class, Error, Refusal},
        fact::Fact,
        state::State as _,
        tx::{Decided, Draft, Tx},
    },
};

/// Says of every entry that its text is erased; the text itself goes when this is durable.
pub(crate) fn erase(tx: &mut Tx<'_, '_>, command: Erase) -> Result<Decided, Error> {
    let Erase { entries, kinds, order, ordered_by } = command;
    let mut refusals = Vec::new();
    needs_reason(tx, &mut refusals);
    for (field, text) in [("order", &order), ("ordered_by", &ordered_by)] {
        if text.is_empty() {
            let message = format!("{field} is required");
            refusals.push(Refusal::of(Class::Invalid, "REQUIRED", field, message));
        }
    }
    if kinds.iter().any(|kind| *kind != PART_TEXT) || kinds.is_empty() {
        refusals.push(Refusal::rule(
            "NOT_ERASABLE",
            "kinds",
            "only free text (kind 2) can be erased: the state follows from all other parts",
        ));
    }
    let mut known = BTreeSet::new();
    let partition = tx.partition();
    for (index, seq) in entries.iter().enumerate() {
        let field = format!("entries[{index}]");
        if known.insert(*seq) {
            refusals.extend(judge(tx, &field, Position { partition, seq: *seq })?);
        } else {
            let message = "the same entry is named twice";
            refusals.push(Refusal::of(Class::Invalid, "REPEATED", &field, message));
        }
    }
    settle(refusals)?;
    let mut about = Vec::new();
    for seq in entries {
        let target = tx.work.entry(partition, seq)?;
        let subjects: Vec<_> = target.subjects.iter().map(|link| link.subject).collect();
        about.extend(subjects.first());
        let fact = Fact::Erased {
            seq,
            kinds: kinds.clone(),
            order: order.clone(),
            ordered_by: ordered_by.clone(),
            subjects,
        };
        tx.accept(Draft::new(partition, fact))?;
    }
    about.truncate(1);
    Ok(Decided { subjects: about, ..Decided::default() })
}

/// Why the text of an entry cannot be erased.
fn judge(tx: &mut Tx<'_, '_>, field: &str, position: Position) -> Result<Option<Refusal>, Error> {
    let Position { partition, seq } = position;
    if seq == 0 || seq > tx.work.head(partition)?.seq {
        return Ok(Some(Refusal::missing(field, format!("entry {position}"))));
    }
    if let Some(by) = erased_by(tx.work, partition, seq)? {
        let message = format!("the text of entry {position} was erased by entry {by}");
        return Ok(Some(Refusal::rule("ALREADY_ERASED", field, message)));
    }
    let entry = tx.work.entry(partition, seq)?;
    Ok(match (entry.text, entry.hidden.text) {
        (None, None) => {
            let message = format!("entry {position} has no free text");
            Some(Refusal::rule("NO_TEXT", field, message))
        }
        (None, Some(Gone::Withheld | Gone::Blanked)) => {
            let message = format!("the text of entry {position} is not there");
            Some(Refusal::rule("ALREADY_ERASED", field, message))
        }
        (Some(_), _) => None,
    })
}

//! Assigning and settling cases.

use crate::{
    kernel::id::CaseId,
    registry::{
        case::{self, Case},
        commands::rules::settle as all_well,
        error::{Error, Refusal},
        fact::Fact,
        state::State,
        tx::{Decided, Draft, Tx},
    },
};

/// A case, and what is against working on it.
fn open_case(tx: &Tx<'_, '_>, id: CaseId) -> Result<(Case, Vec<Refusal>), Error> {
    let case =
        case::find(tx.work, id)?.ok_or_else(|| Error::refused(Refusal::missing("id", id)))?;
    let closed =
        (!case.is_open()).then(|| Refusal::rule("CASE_CLOSED", "id", "the case is closed"));
    Ok((case, closed.into_iter().collect()))
}

/// Gives a case to somebody.
pub(crate) fn assign(tx: &mut Tx<'_, '_>, id: CaseId, assignee: String) -> Result<Decided, Error> {
    let (_, refusals) = open_case(tx, id)?;
    all_well(refusals)?;
    tx.accept(Draft::new(id.partition(), Fact::CaseAssigned { case: id, assignee }))?;
    Ok(Decided { subjects: vec![id.into()], ..Decided::default() })
}

/// Closes a case. Four eyes: not by the person whose entry opened it.
pub(crate) fn settle(tx: &mut Tx<'_, '_>, id: CaseId, outcome: u32) -> Result<Decided, Error> {
    let (case, mut refusals) = open_case(tx, id)?;
    let opener = tx.work.entry(id.partition(), case.opened_by)?.author;
    if opener.same_person(&tx.call.author) {
        refusals.push(Refusal::rule(
            "FOUR_EYES",
            "",
            "a case is settled by another person than the one whose entry opened it, with a \
             credential of another person",
        ));
    }
    all_well(refusals)?;
    tx.accept(Draft::new(id.partition(), Fact::CaseSettled { case: id, outcome }))?;
    Ok(Decided { subjects: vec![id.into()], ..Decided::default() })
}

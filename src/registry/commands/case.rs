//! Assigning and settling cases.

use crate::{
    kernel::id::CaseId,
    registry::{
        case::{self, Case},
        error::{Error, Refusal},
        fact::Fact,
        state::State,
        tx::{Decided, Draft, Tx},
    },
};

fn open_case(tx: &Tx<'_, '_>, id: CaseId) -> Result<Case, Error> {
    let case =
        case::find(tx.work, id)?.ok_or_else(|| Error::refused(Refusal::missing("id", id)))?;
    if !case.is_open() {
        return Err(Error::refused(Refusal::rule("CASE_CLOSED", "id", "the case is closed")));
    }
    Ok(case)
}

/// Gives a case to somebody.
pub(crate) fn assign(tx: &mut Tx<'_, '_>, id: CaseId, assignee: String) -> Result<Decided, Error> {
    open_case(tx, id)?;
    tx.accept(Draft::new(id.partition(), Fact::CaseAssigned { case: id, assignee }))?;
    Ok(Decided { subjects: vec![id.into()], ..Decided::default() })
}

/// Closes a case. Four eyes: not by the person whose entry opened it.
pub(crate) fn settle(tx: &mut Tx<'_, '_>, id: CaseId, outcome: u32) -> Result<Decided, Error> {
    let case = open_case(tx, id)?;
    let opener = tx.work.entry(id.partition(), case.opened_by)?.author;
    if opener.same_person(&tx.call.author) {
        return Err(Error::refused(Refusal::rule(
            "FOUR_EYES",
            "",
            "a case is not settled by the person whose entry opened it",
        )));
    }
    tx.accept(Draft::new(id.partition(), Fact::CaseSettled { case: id, outcome }))?;
    Ok(Decided { subjects: vec![id.into()], ..Decided::default() })
}

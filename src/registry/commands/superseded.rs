//! One report in the place of another.

use crate::{
    domain::report::{self, state_on},
    kernel::{
        id::{Kind, ReportId, SubjectId},
        time::Day,
    },
    registry::{
        commands::{
            report::{Paper, paper_of, refusal_of},
            rules::entered_in_error,
        },
        error::{Error, Refusal},
        space::child_prefix,
        subjects::Subjects,
        tx::Tx,
    },
};

/// A report is followed by another of its own building, which it does not itself follow. What was
/// accepted gives way only to what was accepted, too, and not on the word of who submitted either.
pub(crate) fn supersedes(
    tx: &mut Tx<'_, '_>,
    paper: &Paper,
    newer: ReportId,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let id = SubjectId::from(newer);
    let known = if id.partition() == paper.building.partition() {
        tx.work.known(id.partition(), id)?
    } else {
        None
    };
    let Some(record) = known else {
        refusals.push(Refusal::missing("by_id", id));
        return Ok(());
    };
    if record.timeline.registration().is_none() {
        refusals.push(entered_in_error("by_id", id));
        return Ok(());
    }
    let newer = paper_of(newer, &record)?;
    if newer.building != paper.building {
        let message = format!("{id} is of another building");
        refusals.push(Refusal::rule("REPORT_OTHER_BUILDING", "by_id", message));
    }
    if let Err(refusal) = newer.report.kind.fulfils(paper.report.kind) {
        refusals.push(refusal_of(&refusal, "by_id"));
    }
    if matches!(newer.report.state, report::State::Superseded { .. }) {
        let message = format!("{id} was superseded itself: name the one that took its place");
        refusals.push(Refusal::rule("REPORT_STATE", "by_id", message));
    }
    let report::State::Accepted { submission, .. } = &paper.report.state else { return Ok(()) };
    let by = &tx.call.author;
    match &newer.report.state {
        report::State::Accepted { submission: of_newer, .. } => {
            if submission.by.same_person(by) || of_newer.by.same_person(by) {
                refusals.push(four_eyes());
            }
        }
        // Told of above.
        report::State::Superseded { .. } => {}
        state => {
            let message = format!(
                "{id} is {}: what was accepted gives way to what was accepted itself",
                state.word()
            );
            refusals.push(Refusal::rule("REPORT_STATE", "by_id", message));
        }
    }
    Ok(())
}

pub(crate) fn four_eyes() -> Refusal {
    let message = "whoever submitted a report does not correct or replace it once it was accepted";
    Refusal::rule("FOUR_EYES", "", message)
}

/// What stands against that a report is accepted no more: others that were accepted gave way to it.
pub(crate) fn took_the_place(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Ok(newer) = ReportId::try_from(id) else { return Ok(()) };
    let mut older = Subjects::below(child_prefix(id.partition(), id, Kind::Report));
    while let Some(other) = older.next(tx.work)? {
        let Some(record) = tx.work.known(other.partition(), other)? else { continue };
        let state = state_on(&record.timeline, Day::MAX);
        if matches!(state, report::State::Superseded { by, was_accepted: true, .. } if by == newer)
            && record.timeline.registration().is_some()
        {
            let message = format!(
                "{other} was accepted and gave way to it: take that step back first, by its entry"
            );
            refusals.push(Refusal::rule("SUPERSEDES_ANOTHER", "id", message));
        }
    }
    Ok(())
}

//! A report that was of another building than was said: what hangs on it must be of that one, too.

use crate::{
    domain::{
        finding,
        report::{self, state_on},
        timeline::Timeline,
    },
    kernel::{
        id::{BuildingId, FindingId, Kind, ReportId, SubjectId},
        time::Day,
    },
    registry::{
        dossier::{building_of, said_about},
        error::{Error, Refusal},
        record::Record,
        tx::Tx,
    },
};

/// Where a report says of which building it is.
const FIELD: &str = "fields.building_id";
/// Subjects that a refusal names; how many more there are it counts.
const NAMED_MAX: usize = 5;

/// What stands against that a report comes to be of another building: what it found was found in the
/// one that it was of, and a claim that names it, or a report that follows it or that it follows, is of
/// that one. Each is put right first, and by a word of its own: nobody moves what others saw.
pub(crate) fn judge(
    tx: &mut Tx<'_, '_>,
    id: ReportId,
    life: &Timeline,
    building: BuildingId,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Some(was) = building_of(life).filter(|was| *was != building) else { return Ok(()) };
    let found = standing_about(tx, was, Kind::Finding, |of, record| {
        let finding = FindingId::try_from(of).ok();
        let finding = finding.and_then(|of| finding::of_timeline(of, &record.timeline));
        finding.is_some_and(|finding| finding.reports().contains(&id))
    })?;
    if !found.is_empty() {
        let message = format!(
            "it found {} in {was}: take its observations back first, or the findings, then say of \
             which building it is, and observe there",
            some_of(&found)
        );
        refusals.push(Refusal::rule("REPORT_HAS_FINDINGS", FIELD, message));
    }
    let claims = standing_about(tx, was, Kind::Claim, |_, record| {
        let content = record.timeline.content_at(Day::MAX);
        content.is_some_and(|content| content.references().contains(&id.into()))
    })?;
    let mut others =
        standing_about(tx, was, Kind::Report, |_, record| follows(&record.timeline, id))?;
    others.extend(followed(tx, life, building)?);
    for (linked, what) in [(claims, "claims of"), (others, "reports of")] {
        if !linked.is_empty() {
            let message = format!("{what} {was} name it, or are named by it: {}", some_of(&linked));
            refusals.push(Refusal::rule("REPORT_OTHER_BUILDING", FIELD, message));
        }
    }
    Ok(())
}

/// What was said about a building, as far as it stands and something holds of it.
pub(crate) fn standing_about(
    tx: &mut Tx<'_, '_>,
    building: BuildingId,
    kind: Kind,
    does: impl Fn(SubjectId, &Record) -> bool,
) -> Result<Vec<SubjectId>, Error> {
    let mut found = Vec::new();
    for other in said_about(tx.work, building, kind)? {
        let Some(record) = tx.work.known(other.partition(), other)? else { continue };
        if record.timeline.registration().is_some() && does(other, &record) {
            found.push(other);
        }
    }
    Ok(found)
}

/// Whether a report gave way to another one.
fn follows(life: &Timeline, newer: ReportId) -> bool {
    let state = state_on(life, Day::MAX);
    matches!(state, report::State::Superseded { by, .. } if by == newer)
}

/// The report of another building that took this one's place.
fn followed(
    tx: &mut Tx<'_, '_>,
    life: &Timeline,
    building: BuildingId,
) -> Result<Option<SubjectId>, Error> {
    let state = state_on(life, Day::MAX);
    let report::State::Superseded { by, .. } = state else { return Ok(None) };
    let record = tx.work.known(by.partition(), by.into())?;
    let of = record.and_then(|record| building_of(&record.timeline));
    Ok((of != Some(building)).then_some(by.into()))
}

fn some_of(ids: &[SubjectId]) -> String {
    let named = ids.iter().take(NAMED_MAX).map(ToString::to_string).collect::<Vec<_>>();
    match ids.len().saturating_sub(NAMED_MAX) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

//! What no word of anybody makes of a life, and no reason overrides: an end before the beginning, a
//! building that lies nowhere, or that is a part of itself.

use crate::{
    domain::{
        building::BuildingContent,
        content::{Content, Fields},
        timeline::{Segment, Timeline},
    },
    kernel::id::{BuildingId, Kind, SubjectId},
    registry::{
        error::{Class, Error, Refusal},
        space::child_prefix,
        state::State as _,
        subjects::Subjects,
        tx::Tx,
    },
};

/// Notes what stands against what a change or a correction makes of a life. What was so before is
/// nobody's fault now.
pub(crate) fn judge(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    before: &Timeline,
    after: &Timeline,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let has_no_day = |life: &Timeline| life.possible_span().is_some_and(|(from, gone)| gone < from);
    if has_no_day(after) && !has_no_day(before) {
        let field =
            if before.exists_from() == after.exists_from() { "ended_on" } else { "exists_from" };
        let message = "it would end before it begins: correct the other day first";
        refusals.push(Refusal::of(Class::Invalid, "ENDS_BEFORE_IT_BEGINS", field, message));
    }
    let Ok(building) = BuildingId::try_from(id) else { return Ok(()) };
    let nowhere = |life: &Timeline| first_segment(life, |fields| !is_somewhere(fields));
    if let Some(segment) = nowhere(after)
        && nowhere(before).is_none_or(|known| known.from != segment.from)
    {
        let message = format!(
            "a building lies in a compound, or directly in a community, on every day: from {} on it \
             would lie in neither",
            segment.from
        );
        refusals.push(Refusal::of(Class::Invalid, "REQUIRED", "fields.compound_id", message));
    }
    let is_part =
        |life: &Timeline| first_segment(life, |fields| fields.physical.flatten().is_some());
    if is_part(after).is_some() && is_part(before).is_none() {
        refusals.extend(parts_of(tx, building)?);
    }
    let is_own = |fields: &BuildingContent| fields.physical.flatten() == Some(building);
    if first_segment(after, is_own).is_some() && first_segment(before, is_own).is_none() {
        let message = "a building is no part of itself";
        refusals.push(Refusal::rule("NOT_PHYSICAL", "fields.physical_id", message));
    }
    Ok(())
}

fn is_somewhere(fields: &BuildingContent) -> bool {
    fields.compound.flatten().is_some() || fields.community.flatten().is_some()
}

/// The first part of a building's life of which something is so.
fn first_segment(life: &Timeline, is: impl Fn(&BuildingContent) -> bool) -> Option<Segment> {
    let (_, gone) = life.possible_span()?;
    life.segments().into_iter().find(|segment| match &segment.content {
        Content { fields: Fields::Building(fields), .. } => segment.from < gone && is(fields),
        _ => false,
    })
}

/// A refusal of making a building a part of another that has parts itself.
fn parts_of(tx: &mut Tx<'_, '_>, building: BuildingId) -> Result<Option<Refusal>, Error> {
    let (partition, id) = (building.partition(), SubjectId::from(building));
    let mut named = Subjects::below(child_prefix(partition, id, Kind::Building));
    while let Some(other) = named.next(tx.work)? {
        let Some(record) = tx.work.record(partition, other)? else { continue };
        let is_its = |fields: &BuildingContent| fields.physical.flatten() == Some(building);
        if other != id && first_segment(&record.timeline, is_its).is_some() {
            let message = format!("it has logical buildings, {other} among them");
            return Ok(Some(Refusal::rule("NOT_PHYSICAL", "fields.physical_id", message)));
        }
    }
    Ok(None)
}

//! Orders as they stand: what their own entries say, and whether a report that names them was
//! accepted.

use crate::{
    domain::{
        content::{Content, Fields},
        order::{OrderContent, OrderState, is_answered_by},
        timeline::Timeline,
    },
    kernel::{
        id::{Kind, OrderId, SubjectId},
        limit,
        position::Partition,
        time::Day,
    },
    registry::{
        dossier::gone_from,
        error::Error,
        history::timeline_at,
        read::At,
        space::{below, child_prefix, subject_at_end},
        state::State,
    },
    store::Direction,
};

/// Subjects of a kind that name, or ever named, another one.
pub(crate) fn naming(
    state: &dyn State,
    partition: Partition,
    kind: Kind,
    named: SubjectId,
) -> Result<Vec<SubjectId>, Error> {
    let prefix = child_prefix(partition, named, kind);
    let rows = state.scan(&below(prefix), Direction::Up, limit::VIEW_ROWS_MAX)?;
    Ok(rows.iter().filter_map(|(key, _)| subject_at_end(key)).collect())
}

/// Where a subject that is an order stands; `None` for any other. With its building an order that
/// nobody has answered has come to nothing, whether that was said of it or not: one of before may be
/// recorded after the building's end.
pub(crate) fn state_of(
    state: &dyn State,
    partition: Partition,
    id: SubjectId,
    content: &Content,
    at: At,
) -> Result<Option<OrderState>, Error> {
    let said = said_state(state, partition, id, content, at)?;
    let Fields::Order(OrderContent { building: Some(Some(building)), .. }) = &content.fields else {
        return Ok(said);
    };
    if !said.is_some_and(OrderState::is_open) {
        return Ok(said);
    }
    let life = timeline_at(state, partition, SubjectId::from(*building), at.known)?;
    let gone_from = life.and_then(|life| gone_from(&life));
    let is_gone = gone_from.is_some_and(|gone| gone <= at.day);
    Ok(if is_gone { Some(OrderState::Cancelled) } else { said })
}

/// The same by what was said of the order and its reports alone.
fn said_state(
    state: &dyn State,
    partition: Partition,
    id: SubjectId,
    content: &Content,
    at: At,
) -> Result<Option<OrderState>, Error> {
    let (Fields::Order(content), Ok(order)) = (&content.fields, OrderId::try_from(id)) else {
        return Ok(None);
    };
    let mut is_answered = false;
    for report in naming(state, partition, Kind::Report, id)? {
        if let Some(report) = timeline_at(state, partition, report, at.known)? {
            is_answered = is_answered || is_answered_by(order, &report, at.day);
        }
    }
    Ok(Some(content.state(is_answered)))
}

/// Where an order with this life stands on a day by what was said, with all that is known.
pub(crate) fn state_on(
    state: &dyn State,
    id: SubjectId,
    timeline: &Timeline,
    day: Day,
) -> Result<Option<OrderState>, Error> {
    let Some(content) = timeline.content_at(day).or_else(|| timeline.content_at(Day::MAX)) else {
        return Ok(None);
    };
    said_state(state, id.partition(), id, &content, At { day, known: None })
}

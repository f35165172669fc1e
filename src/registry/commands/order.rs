//! What stands against an order, or against what is said of one.

use crate::{
    domain::{
        content::{Content, Fields},
        order::{OrderContent, OrderState, Setting, objections, overlaps},
        report::ReportKind,
        timeline::{Saying, Statement, Timeline},
    },
    kernel::{
        id::{BuildingId, Kind, OrderId, SubjectId},
        time::Day,
    },
    registry::{
        command::Correct,
        commands::plan,
        error::{Class, Error, Refusal},
        orders::{naming, state_on},
        record::Record,
        tx::Tx,
    },
};

/// What stands against a new order that is set on `day`. One of the past may have a deadline of the
/// past, but none before its own day.
pub(crate) fn new(
    tx: &mut Tx<'_, '_>,
    content: &Content,
    day: Day,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Fields::Order(order) = &content.fields else { return Ok(()) };
    let building = match order.building.flatten() {
        Some(building) => {
            let record = tx.work.known(building.partition(), building.into())?;
            record.map(|record| record.timeline.presence(day))
        }
        None => None,
    };
    let setting = Setting {
        building,
        deadline_from: Some(day),
        body: body_on(tx, order, day)?,
        open: open_beside(tx, order, None)?,
        ..Setting::default()
    };
    tell(order, &setting, refusals);
    plan::still_stands(tx, order, day, refusals)
}

/// What stands against a change of an order from `from` on; a deadline is none before that day.
pub(crate) fn changed(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    record: &Record,
    said: &Content,
    from: Day,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Fields::Order(said) = &said.fields else { return Ok(()) };
    let today = tx.today();
    let keeps = match record.timeline.content_at(Day::MAX).map(|content| content.fields) {
        Some(Fields::Order(order)) => order.building.flatten().zip(order.kind.flatten()),
        _ => None,
    };
    // What it stays has no other open order beside it, but for one that began after its deadline.
    let open = match said.deadline {
        Some(_) => open_later(tx, id, record, said)?,
        None => None,
    };
    let setting = Setting {
        deadline_from: Some(from),
        body: body_on(tx, said, from)?,
        state: state_on(tx.work, id, &record.timeline, today)?,
        keeps,
        open,
        ..Setting::default()
    };
    tell(said, &setting, refusals);
    plan::still_stands(tx, said, from, refusals)
}

/// What stands against a correction: an entry may be wrong of an order that is done, and its
/// deadline may lie in the past.
pub(crate) fn corrected(
    tx: &mut Tx<'_, '_>,
    record: &Record,
    wrong: &Statement,
    correct: &Correct,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Fields::Order(said) = &correct.content.fields else { return Ok(()) };
    let from = match &wrong.saying {
        Saying::Registered { exists_from, .. } => {
            correct.exists_from.unwrap_or(*exists_from).earliest()
        }
        _ => correct.from.unwrap_or(wrong.from),
    };
    let setting = Setting {
        body: body_on(tx, said, from)?,
        open: open_after(tx, correct.subject, &record.timeline, said)?,
        ..Setting::default()
    };
    tell(said, &setting, refusals);
    Ok(())
}

/// What stands against an order that a retraction, or the undoing of one, has opened again.
pub(crate) fn reopened(tx: &mut Tx<'_, '_>, id: SubjectId, before: &Timeline) -> Result<(), Error> {
    if id.kind() != Kind::Order {
        return Ok(());
    }
    let today = tx.today();
    let Some(after) = tx.work.known(id.partition(), id)? else { return Ok(()) };
    let after = &after.timeline;
    let is_open = |timeline: &Timeline, state: Option<OrderState>| {
        timeline.registration().is_some() && state.is_some_and(OrderState::is_open)
    };
    let was = state_on(tx.work, id, before, today)?;
    let is = state_on(tx.work, id, after, today)?;
    if is_open(before, was) || !is_open(after, is) {
        return Ok(());
    }
    let Some(Content { fields: Fields::Order(order), .. }) = after.content_at(today) else {
        return Ok(());
    };
    let setting = Setting { open: open_beside(tx, &order, Some(id))?, ..Setting::default() };
    let mut refusals = Vec::new();
    tell(&order, &setting, &mut refusals);
    if refusals.is_empty() { Ok(()) } else { Err(Error::Refused(refusals)) }
}

fn tell(said: &OrderContent, setting: &Setting, refusals: &mut Vec<Refusal>) {
    for objection in objections(said, setting) {
        let (reason, field) = (objection.reason(), objection.field());
        refusals.push(Refusal::of(Class::Precondition, reason, field, objection.to_string()));
    }
}

/// The body that is named, and what it may do on a day.
fn body_on(
    tx: &mut Tx<'_, '_>,
    order: &OrderContent,
    day: Day,
) -> Result<Option<crate::domain::order::Standing>, Error> {
    let Some(body) = order.body.flatten() else { return Ok(None) };
    let Some(record) = tx.work.known(body.partition(), body.into())? else { return Ok(None) };
    let presence = record.timeline.presence(day);
    let qualifications = match record.timeline.content_at(day).map(|content| content.fields) {
        Some(Fields::Body(body)) => body.qualifications.flatten().unwrap_or_default(),
        _ => Vec::new(),
    };
    Ok(Some(crate::domain::order::Standing { presence, qualifications, day }))
}

/// Another open order of the building and kind, once a change or correction has been said.
fn open_after(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    timeline: &Timeline,
    said: &OrderContent,
) -> Result<Option<OrderId>, Error> {
    if said.building.is_none() && said.kind.is_none() {
        return Ok(None);
    }
    let today = tx.today();
    if !state_on(tx.work, id, timeline, today)?.is_some_and(OrderState::is_open) {
        return Ok(None);
    }
    let Some(Content { fields: Fields::Order(mut order), .. }) = timeline.content_at(today) else {
        return Ok(None);
    };
    order.lay(said);
    open_beside(tx, &order, Some(id))
}

/// An open order of the building and kind that began after this one, and before what its deadline
/// would be.
fn open_later(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    record: &Record,
    said: &OrderContent,
) -> Result<Option<OrderId>, Error> {
    let timeline = &record.timeline;
    let content = timeline.content_at(Day::MAX).map(|content| content.fields);
    let (Some(Fields::Order(mut order)), Some(from)) = (content, timeline.exists_from()) else {
        return Ok(None);
    };
    order.lay(said);
    let Some(other) = open_beside(tx, &order, Some(id))? else { return Ok(None) };
    let record = tx.work.known(other.partition(), other.into())?;
    let began = record.and_then(|record| record.timeline.exists_from());
    Ok(Some(other).filter(|_| began.is_some_and(|began| from.earliest() < began.earliest())))
}

/// Another open order of the same building and kind.
fn open_beside(
    tx: &mut Tx<'_, '_>,
    order: &OrderContent,
    but: Option<SubjectId>,
) -> Result<Option<OrderId>, Error> {
    let (Some(building), Some(kind)) = (order.building.flatten(), order.kind.flatten()) else {
        return Ok(None);
    };
    for other in naming(tx.work, building.partition(), Kind::Order, building.into())? {
        if Some(other) != but
            && let Some(from) = open_from(tx, other, building, kind)?
            && overlaps(order.deadline.flatten(), from)
        {
            return Ok(OrderId::try_from(other).ok());
        }
    }
    Ok(None)
}

/// The day of another order, when it asks for the same and is open.
fn open_from(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    building: BuildingId,
    kind: ReportKind,
) -> Result<Option<Day>, Error> {
    let Some(record) = tx.work.known(id.partition(), id)? else { return Ok(None) };
    let Some(from) = record.timeline.exists_from() else { return Ok(None) };
    let today = tx.today();
    let is_same = match record.timeline.content_at(today).map(|content| content.fields) {
        Some(Fields::Order(order)) => {
            order.building.flatten() == Some(building) && order.kind.flatten() == Some(kind)
        }
        _ => false,
    };
    let state = state_on(tx.work, id, &record.timeline, today)?;
    let is_open = is_same && state.is_some_and(OrderState::is_open);
    Ok(is_open.then(|| from.earliest()))
}

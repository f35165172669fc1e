//! Orders as they stand: what their own entries say, and whether a report that names them was
//! accepted. Nothing of it is kept: with a report that is superseded or taken back its order is open
//! again by itself.

use crate::{
    domain::{
        content::{Content, Fields},
        order::{OrderContent, OrderState, answered_since},
        timeline::Timeline,
    },
    kernel::{
        id::{Kind, OrderId, ReportId, SubjectId},
        limit,
        page::{Page, PageRequest},
        position::Partition,
        time::Day,
    },
    registry::{
        dossier::gone_from,
        engine::Registry,
        error::{Class, Error, Refusal},
        history::timeline_at,
        read::{At, OrderStates, Seen},
        space::{below, child_prefix, subject_at_end},
        state::State,
    },
    store::Direction,
};

/// Pages of orders that are looked at for a list in the order of deadlines.
const SORTED_PAGES_MAX: usize = 20;

/// Where an order stands, and the report that it was answered by.
pub(crate) type OrderStand = (OrderState, Option<ReportId>);

/// Which orders are asked for. What is `None` or false is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrdersWanted {
    /// In one of these states.
    pub states: OrderStates,
    /// Only those that are open after their deadline on the day of the read.
    pub is_overdue: bool,
    /// Only with a deadline on or after this day.
    pub deadline_from: Option<Day>,
    /// Only with a deadline on or before this day.
    pub deadline_to: Option<Day>,
    /// In the order of the deadlines.
    pub is_by_deadline: bool,
}

impl OrdersWanted {
    /// Whether an order is one of them.
    pub(crate) fn has(&self, seen: &Seen) -> bool {
        let Some(state) = seen.order_state else { return false };
        let deadline = deadline_of(seen);
        let is_within = |day: Day| {
            self.deadline_from.is_none_or(|from| from <= day)
                && self.deadline_to.is_none_or(|to| day <= to)
        };
        let is_any_day = self.deadline_from.is_none() && self.deadline_to.is_none();
        let is_overdue = state.is_open() && deadline.is_some_and(|day| day < seen.valid_at);
        self.states.has(state)
            && deadline.map_or(is_any_day, is_within)
            && (is_overdue || !self.is_overdue)
    }
}

fn deadline_of(seen: &Seen) -> Option<Day> {
    match &seen.content.fields {
        Fields::Order(order) => order.deadline.flatten(),
        _ => None,
    }
}

impl Registry {
    /// The orders that are wanted in the order of their deadlines, those without one last. Refuses
    /// `LIST_TOO_LONG` where 40 000 orders would have to be looked at for it.
    pub(crate) fn orders_by_deadline(
        &self,
        holder: SubjectId,
        wanted: OrdersWanted,
        at: At,
        page: &PageRequest,
    ) -> Result<Page<Seen>, Error> {
        let mut found = Vec::new();
        let mut request = PageRequest { rows: usize::MAX, after: Vec::new() };
        for _ in 0..SORTED_PAGES_MAX {
            let is_wanted = |seen: &Seen| wanted.has(seen);
            let read = self.list_below(Kind::Order, holder, at, &request, &is_wanted)?;
            found.extend(read.rows.into_iter().map(|seen| {
                let deadline = deadline_of(&seen).unwrap_or(Day::MAX).to_bytes();
                ([&deadline[..], &seen.id.to_bytes()].concat(), seen)
            }));
            let Some(after) = read.next else {
                return Ok(page_of(found, page));
            };
            request.after = after;
        }
        let message = "too many orders to put them in the order of their deadlines: name a smaller \
                       region, a plan or a body, or list them in the order of ids";
        Err(Error::refused(Refusal::of(Class::Invalid, "LIST_TOO_LONG", "order_by", message)))
    }
}

/// A page of what is put in order by places.
fn page_of(mut found: Vec<(Vec<u8>, Seen)>, page: &PageRequest) -> Page<Seen> {
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut rest = found.into_iter().filter(|(place, _)| *place > page.after).peekable();
    let (mut rows, mut last) = (Vec::new(), None);
    while rows.len() < page.rows
        && let Some((place, seen)) = rest.next()
    {
        rows.push(seen);
        last = Some(place);
    }
    Page { rows, next: last.filter(|_| rest.peek().is_some()) }
}

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
) -> Result<Option<OrderStand>, Error> {
    let said = said_state(state, partition, id, content, at)?;
    let Fields::Order(OrderContent { building: Some(Some(building)), .. }) = &content.fields else {
        return Ok(said);
    };
    if !said.is_some_and(|(state, _)| state.is_open()) {
        return Ok(said);
    }
    let life = timeline_at(state, partition, SubjectId::from(*building), at.known)?;
    let gone_from = life.and_then(|life| gone_from(&life));
    let is_gone = gone_from.is_some_and(|gone| gone <= at.day);
    Ok(if is_gone { Some((OrderState::Cancelled, None)) } else { said })
}

/// The same by what was said of the order and its reports alone. Of several reports that answer it the
/// first that was accepted is told.
fn said_state(
    state: &dyn State,
    partition: Partition,
    id: SubjectId,
    content: &Content,
    at: At,
) -> Result<Option<OrderStand>, Error> {
    let (Fields::Order(content), Ok(order)) = (&content.fields, OrderId::try_from(id)) else {
        return Ok(None);
    };
    let mut answer: Option<(Day, ReportId)> = None;
    for report in naming(state, partition, Kind::Report, id)? {
        let (Ok(id), Some(life)) =
            (ReportId::try_from(report), timeline_at(state, partition, report, at.known)?)
        else {
            continue;
        };
        if let Some(since) = answered_since(order, &life, at.day) {
            answer = answer.into_iter().chain([(since, id)]).min();
        }
    }
    Ok(Some((content.state(answer.is_some()), answer.map(|(_, report)| report))))
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
    let stand = said_state(state, id.partition(), id, &content, At { day, known: None })?;
    Ok(stand.map(|(state, _)| state))
}

//! What goes with a building: its open findings have lost their object, its open orders are asked of
//! nobody any more. It comes back, or moves to another day, with the building's end. Of a building that
//! becomes another, only the orders go.

use crate::{
    domain::{
        content::{Content, Fields, Shared},
        finding::{FindingContent, Saying, Told},
        order::{OrderContent, OrderState},
        timeline::{self, Statement},
    },
    kernel::{
        id::{BuildingId, Kind, SubjectId},
        position::Seq,
        time::{Day, ImpreciseDay},
    },
    registry::{
        dossier::{self, Knowing, building_of, findings},
        error::Error,
        fact::Fact,
        orders::state_on,
        state::State,
        tx::{Draft, Tx},
    },
};

/// What was said of a subject because a building ended.
pub(crate) struct WentWith {
    /// Which.
    pub id: SubjectId,
    /// What says so now.
    pub statement: Statement,
}

/// The day on which something goes with a building that ended on `day`: the first on which it
/// certainly is no more, as far as that has come.
pub(crate) fn day_of(day: ImpreciseDay, today: Day) -> Day {
    day.latest().min(today).max(day.earliest())
}

/// Says of all that is open about a building that it goes with it. To be said before the end itself.
pub(crate) fn goes_with(
    tx: &mut Tx<'_, '_>,
    building: BuildingId,
    day: ImpreciseDay,
) -> Result<(), Error> {
    let partition = building.partition();
    let on = day_of(day, tx.today());
    for (id, finding) in findings(tx.work, building, Knowing::at(None))? {
        // What a draft found goes with it, too: it may be submitted yet.
        let view = finding.as_submitted().view_on(Day::MAX);
        let Some(view) = view.filter(|view| view.stage.is_open()) else { continue };
        let told = Told {
            saying: Saying::ObjectGone { reason: String::new() },
            by: tx.call.author.clone(),
        };
        let fields = FindingContent { building: None, event: Some(told) };
        let content =
            Content { fields: Fields::Finding(Box::new(fields)), shared: Shared::default() };
        let fact = Fact::Changed { subject: id.into(), content };
        // What was seen in the ruins is gone after it was seen.
        tx.accept(Draft::new(partition, fact).from(on.max(view.first_observed)))?;
    }
    orders_go(tx, building, day)
}

/// Says of the open orders of a building that they are cancelled with it.
pub(crate) fn orders_go(
    tx: &mut Tx<'_, '_>,
    building: BuildingId,
    day: ImpreciseDay,
) -> Result<(), Error> {
    let partition = building.partition();
    let on = day_of(day, tx.today());
    for id in dossier::said_about(tx.work, building, Kind::Order)? {
        let Some(record) = tx.work.known(partition, id)? else { continue };
        let timeline = &record.timeline;
        let Some((_, begun)) = timeline.registration() else { continue };
        if building_of(timeline) != Some(building)
            || !state_on(tx.work, id, timeline, Day::MAX)?.is_some_and(OrderState::is_open)
        {
            continue;
        }
        let fields = OrderContent { cancelled: Some(Some(true)), ..OrderContent::default() };
        let content = Content { fields: Fields::Order(fields), shared: Shared::default() };
        let fact = Fact::Changed { subject: id, content };
        tx.accept(Draft::new(partition, fact).from(on.max(begun.latest())))?;
    }
    Ok(())
}

/// What went with buildings by the command that made `place`, and was not corrected or taken back by
/// itself since.
pub(crate) fn went_with(
    tx: &mut Tx<'_, '_>,
    buildings: &[SubjectId],
    place: Seq,
) -> Result<Vec<WentWith>, Error> {
    let Some(partition) = buildings.first().map(|building| building.partition()) else {
        return Ok(Vec::new());
    };
    let first = tx.work.entry(partition, place)?.command_seq;
    let head = tx.work.head(partition)?.seq;
    let mut said = Vec::new();
    let mut ends = Vec::new();
    for number in first..=head {
        let entry = tx.work.entry(partition, number)?;
        if entry.command_seq != first {
            break;
        }
        match entry.body.map(|body| body.fact) {
            Some(Fact::Changed { subject, content }) if is_going(&content) => {
                said.push((number, subject));
            }
            Some(Fact::Ended { .. }) => ends.push(number),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for (number, id) in said {
        let Some(record) = tx.work.known(partition, id)? else { continue };
        let timeline = &record.timeline;
        let is_of =
            building_of(timeline).is_some_and(|building| buildings.contains(&building.into()));
        let Some(statement) = timeline.standing_in(number).filter(|_| is_of).cloned() else {
            continue;
        };
        if statement.saying == timeline::Saying::Retracted {
            continue;
        }
        if statement.seq != number {
            let basis = tx.work.entry(partition, statement.seq)?.basis;
            if !basis.iter().any(|seq| ends.contains(seq)) {
                continue;
            }
        }
        found.push(WentWith { id, statement });
    }
    Ok(found)
}

/// Whether this is said of what goes with a building.
fn is_going(content: &Content) -> bool {
    match &content.fields {
        Fields::Order(order) => order.cancelled == Some(Some(true)),
        Fields::Finding(finding) => {
            let saying = finding.event.as_ref().map(|told| &told.saying);
            matches!(saying, Some(Saying::ObjectGone { .. }))
        }
        _ => false,
    }
}

//! What stands against a claim, or against what is said of one.

use std::sync::Arc;

use crate::{
    domain::{
        author::Author,
        claim::{self, Claim, ClaimContent, NUMBER_SCHEME, Step, item_of},
        content::{Content, Fields},
        coverage::days_of,
        finding::PartyKey,
        party,
        plausibility::Implausible,
        policy::{CoverItem, PolicyContent},
        tables::Tables,
        timeline::{Presence, Saying, Statement, Timeline},
    },
    kernel::{
        fen::Fen,
        id::{BuildingId, Kind, SubjectId},
        time::{Answer, Day, ImpreciseDay},
    },
    registry::{
        claims::{Looked, look, same_loss},
        command::Correct,
        commands::{finding::not_exact, rules::weigh, work},
        coverage::{chain_of, policy_on, unknown_fields},
        error::{Class, Error, Refusal},
        policies::completed,
        read::At,
        tx::Tx,
    },
};

/// Says of a claim what follows from the registry and its caller: the outside number, who takes a step,
/// and whether the cover answers.
pub(crate) fn prepared(
    tx: &mut Tx<'_, '_>,
    id: Option<SubjectId>,
    content: &mut Content,
    before: Option<&Timeline>,
) -> Result<(), Error> {
    let Fields::Claim(said) = &mut content.fields else { return Ok(()) };
    let beside = before.and_then(|life| claim::of_timeline(life, Day::MAX));
    let mut whole = beside.as_ref().map(|claim| claim.content.clone()).unwrap_or_default();
    whole.lay(said);
    if let Some(told) = &mut said.step {
        told.by = tx.call.author.clone();
        if let (Step::CoverageChecked { answer, against }, Some(id), Some(mut claim)) =
            (&mut told.step, id, beside)
        {
            claim.content = whole.clone();
            let looked = looked(tx, id, &claim)?;
            *answer = looked.as_ref().map_or(Answer::No, Looked::answer);
            *against = looked.map(|looked| looked.reasons()).unwrap_or_default();
        }
    }
    if (said.number.is_some() || said.policy.is_some())
        && let Some(number) = identifier(tx, &whole)?
    {
        content.shared.identifiers.insert(NUMBER_SCHEME.to_owned(), vec![number]);
    }
    Ok(())
}

/// The same of a correction, beside what the wrong statement says: who took a step is not changed by who
/// corrects what was said of it, who stands for it as well from then on.
pub(crate) fn prepared_anew(
    tx: &mut Tx<'_, '_>,
    wrong: &Statement,
    life: &Timeline,
    correct: &mut Correct,
) -> Result<(), Error> {
    prepared(tx, Some(correct.subject), &mut correct.content, Some(life))?;
    let (Saying::Registered { content: stood, .. } | Saying::Changed(stood)) = &wrong.saying else {
        return Ok(());
    };
    if let (Fields::Claim(stood), Fields::Claim(said)) =
        (&stood.fields, &mut correct.content.fields)
        && let (Some(stood), Some(said)) = (&stood.step, &mut said.step)
        && stood.step.word() == said.step.word()
    {
        let corrector = std::mem::replace(&mut said.by, stood.by.clone());
        said.corrected_by.clone_from(&stood.corrected_by);
        if !stood.said_by().any(|by| by.same_person(&corrector)) {
            said.corrected_by.push(corrector);
        }
    }
    Ok(())
}

/// The outside number of a claim: that of its policy's first insurer.
fn identifier(tx: &mut Tx<'_, '_>, claim: &ClaimContent) -> Result<Option<String>, Error> {
    let (Some(number), Some(policy)) = (claim.number.clone().flatten(), claim.policy.flatten())
    else {
        return Ok(None);
    };
    let Some(record) = tx.work.known(policy.partition(), policy.into())? else { return Ok(None) };
    let policy = policy_on(&record.timeline, Day::MAX).unwrap_or_default();
    Ok(policy.insurers().first().map(|insurer| format!("{}/{number}", insurer.company)))
}

fn looked(tx: &mut Tx<'_, '_>, id: SubjectId, claim: &Claim) -> Result<Option<Looked>, Error> {
    let tables = tx.work.tables(id.partition())?;
    look(tx.work, &tables, id, claim, None)
}

/// What stands against a new claim.
pub(crate) fn new(
    tx: &mut Tx<'_, '_>,
    content: &Content,
    noticed: ImpreciseDay,
    refusals: &mut Vec<Refusal>,
    overridden: &mut Vec<String>,
) -> Result<(), Error> {
    let Fields::Claim(said) = &content.fields else { return Ok(()) };
    if said.step.is_some() {
        let message = "a claim begins with its notice: what follows is said by steps";
        refusals.push(Refusal::of(Class::Invalid, "NOT_HERE", "fields.step", message));
    }
    let Some(noticed) = noticed.exact() else {
        refusals.push(not_exact());
        return Ok(());
    };
    of_loss(tx, said, noticed, refusals)?;
    let told = Claim::noticed(said.as_ref().clone(), noticed);
    let found = told_already(tx, None, &told, "fields.lost_on")?;
    weigh(tx, "", found, refusals, overridden);
    Ok(())
}

/// What a change makes of a claim that another one tells of already, once `after` is its life.
pub(crate) fn told_anew(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    said: &Content,
    after: &Timeline,
    refusals: &mut Vec<Refusal>,
    overridden: &mut Vec<String>,
) -> Result<(), Error> {
    let Fields::Claim(said) = &said.fields else { return Ok(()) };
    // What was withdrawn is told again by being reopened.
    let is_reopened = matches!(said.step.as_ref().map(|told| &told.step), Some(Step::Reopened));
    if !said.says_fields() && !is_reopened {
        return Ok(());
    }
    let Some(claim) = claim::of_timeline(after, Day::MAX) else { return Ok(()) };
    let stood = tx.work.known(id.partition(), id)?;
    let stood = stood.and_then(|record| claim::of_timeline(&record.timeline, Day::MAX));
    if stood.is_some_and(|stood| stood.is_of_same_loss(&claim)) {
        return Ok(());
    }
    let field = if is_reopened { "step" } else { "fields.lost_on" };
    let found = told_already(tx, Some(id), &claim, field)?;
    weigh(tx, "", found, refusals, overridden);
    Ok(())
}

/// Another claim that tells of the same loss. There may be two of them, and then the caller insists.
fn told_already(
    tx: &mut Tx<'_, '_>,
    id: Option<SubjectId>,
    claim: &Claim,
    field: &'static str,
) -> Result<Vec<Implausible>, Error> {
    let others = same_loss(tx.work, id, claim)?;
    let found = others.first().map(|other| Implausible {
        reason: "LOSS_TOLD_ALREADY",
        field,
        message: format!(
            "{other} tells of a loss of this part by this cause on this day, on the same cover: if it \
             is another loss, say so by its event, household or person, or insist"
        ),
        is_overridable: true,
    });
    Ok(found.into_iter().collect())
}

/// What stands against what is said of a claim, once `after` is its life. `path` is where a step stands.
pub(crate) fn said(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    said: &Content,
    after: &Timeline,
    path: &str,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Fields::Claim(said) = &said.fields else { return Ok(()) };
    let Some(claim) = claim::of_timeline(after, Day::MAX) else { return Ok(()) };
    let before = refusals.len();
    let stood = tx.work.known(id.partition(), id)?;
    let stood = stood.and_then(|record| claim::of_timeline(&record.timeline, Day::MAX));
    let is_other_notice = stood.is_some_and(|stood| stood.noticed != claim.noticed);
    if said.says_fields() || is_other_notice {
        of_loss(tx, &claim.content, claim.noticed, refusals)?;
    }
    let step = said.step.as_ref().map(|told| &told.step);
    if matches!(step, Some(Step::Registered)) && claim.content.number.clone().flatten().is_none() {
        let message = "a claim that is registered has a number";
        let field = format!("{path}.registered.claim_number");
        refusals.push(Refusal::of(Class::Invalid, "REQUIRED", &field, message));
    }
    of_order(&claim, path, refusals);
    // A step that moves no money rests on no cover; whatever is corrected may.
    let is_money = |step: &Step| matches!(step, Step::Approved { .. } | Step::Paid(_));
    let rests_on_cover = path != "step" || step.is_none_or(is_money);
    match step {
        Some(step) if path == "step" => {
            work::paid_by_claim(tx, id, &claim, step, after, refusals)?;
        }
        // More than the work cost is a case; work on another building is none of this claim's.
        Some(Step::Paid(payment)) => {
            let field = format!("{path}.paid.work_id");
            work::of_its_building(tx, &claim, payment.work, &field, refusals)?;
        }
        _ => {}
    }
    if let Some(Step::Paid(payment)) = step
        && payment.work.is_none()
    {
        refusals.extend(work::unnamed(tx, &claim, &format!("{path}.paid.work_id"))?);
    }
    if let Some(Step::Appraised { by, .. }) = step {
        of_third_party(tx, &claim, by, path, refusals)?;
    }
    if refusals.len() == before && rests_on_cover {
        let item = of_cover(tx, id, &claim, path, refusals)?;
        if let (Some(Step::Approved { .. }), Some(item)) = (step, item) {
            refusals.extend(whose_loss(&claim, &item, path));
        }
        if let Some(Step::Approved { .. }) = step.filter(|_| path == "step") {
            refusals.extend(checked_otherwise(&claim).filter(|_| refusals.len() == before));
        }
    }
    Ok(())
}

/// A refusal of an approval, by a cover with limits per household or person, of a loss that is said to be
/// of none.
fn whose_loss(claim: &Claim, item: &CoverItem, path: &str) -> Option<Refusal> {
    if claim.keys().tell_whose(item) {
        return None;
    }
    let limits = [("household", item.per_household), ("person", item.per_person)];
    let limits = limits.into_iter().filter(|(_, limit)| limit.is_some());
    let limits = limits.map(|(of, _)| of).collect::<Vec<_>>().join(" and per ");
    let message = format!(
        "the cover has a limit per {limits}: say whose loss it is, by its unit, household_key or \
         person_key, then approve it"
    );
    Some(Refusal::rule("WHOSE_LOSS", path, message))
}

/// A refusal of an approval by a check that found that the cover does not answer: it answers now, and
/// whoever reads the claim has to see why.
fn checked_otherwise(claim: &Claim) -> Option<Refusal> {
    let checks = claim.events.iter().filter(|event| event.out_of_place.is_empty());
    let last = checks.rev().find_map(|event| match &event.step {
        Step::CoverageChecked { answer, .. } => Some((event.on, *answer)),
        _ => None,
    });
    let (on, answer) = last.filter(|(_, answer)| *answer != Answer::Yes)?;
    let word = if answer == Answer::No { "does not answer" } else { "may not answer" };
    let message = format!("the check of {on} says that the cover {word}: check it again first");
    Some(Refusal::rule("CLAIM_NOT_CHECKED", "step", message))
}

/// Who says what a disputed loss comes to is none of those who pay for it.
fn of_third_party(
    tx: &mut Tx<'_, '_>,
    claim: &Claim,
    by: &PartyKey,
    path: &str,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Some(policy) = claim.content.policy.flatten() else { return Ok(()) };
    let Some(record) = tx.work.known(policy.partition(), policy.into())? else { return Ok(()) };
    let lost_on = claim.content.lost_on.flatten().unwrap_or(claim.noticed);
    let then = policy_on(&record.timeline, lost_on).unwrap_or_default();
    if then.insurers().iter().any(|insurer| party::are_same(&insurer.company.0, &by.0)) {
        let message = format!("{} insures the loss, and is no third party", by.0);
        let field = format!("{path}.appraised.by");
        refusals.push(Refusal::rule("NOT_THIRD_PARTY", &field, message));
    }
    Ok(())
}

/// What stands against the life of a claim after an entry of it was taken back, or said again: steps that
/// do not follow any more, and money for which others have taken the room.
pub(crate) fn reviewed(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    before: &Timeline,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    if id.kind() != Kind::Claim {
        return Ok(());
    }
    let Some(record) = tx.work.known(id.partition(), id)? else { return Ok(()) };
    let was = claim::of_timeline(before, Day::MAX);
    let claim = claim::of_timeline(&record.timeline, Day::MAX);
    refusals.extend(was.as_ref().and_then(|was| taken_back(was, claim.as_ref(), &tx.call.author)));
    let Some(claim) = claim else { return Ok(()) };
    let found = refusals.len();
    of_order(&claim, "id", refusals);
    let rests_on =
        |claim: &Claim| (claim.held(), claim.loss(), claim.keys(), claim.content.ground());
    if refusals.len() == found && was.as_ref().map(rests_on) != Some(rests_on(&claim)) {
        of_cover(tx, id, &claim, "id", refusals)?;
    }
    Ok(())
}

/// A refusal of taking back that money was paid: with the whole claim, or by whoever approved it and
/// could have it paid once more.
fn taken_back(was: &Claim, is: Option<&Claim>, by: &Author) -> Option<Refusal> {
    let paid = was.paid;
    let Some(is) = is else {
        let message = format!(
            "{paid} was paid on it: take each payment back first, by its entry, where none was made"
        );
        return (paid > Fen::ZERO).then(|| Refusal::rule("CLAIM_PAID", "id", message));
    };
    let message = "whoever approved a claim does not take back that it was paid";
    (is.paid < paid && was.is_approved_by(by)).then(|| Refusal::rule("FOUR_EYES", "id", message))
}

/// Steps that do not follow where they stand.
fn of_order(claim: &Claim, path: &str, refusals: &mut Vec<Refusal>) {
    for event in &claim.events {
        for refusal in &event.out_of_place {
            let field =
                if path == "id" { path.to_owned() } else { format!("{path}{}", refusal.field()) };
            let message = format!("{refusal} (on {})", event.on);
            refusals.push(Refusal::rule(refusal.reason(), &field, message));
        }
    }
}

/// What is approved stays within what the cover pays, and the cover answers; with the item that does.
fn of_cover(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    claim: &Claim,
    path: &str,
    refusals: &mut Vec<Refusal>,
) -> Result<Option<CoverItem>, Error> {
    let held = claim.held();
    if held.count() == 0 {
        return Ok(None);
    }
    let Some(looked) = looked(tx, id, claim)? else { return Ok(None) };
    if looked.answer() != Answer::Yes {
        let message = format!("the cover does not answer: {}", looked.sentences());
        refusals.push(Refusal::rule("CLAIM_NOT_COVERED", path, message));
        return Ok(None);
    }
    let item = looked.cover.map(|cover| cover.item);
    let Some(payable) = looked.payable.filter(|payable| held > payable.amount()) else {
        return Ok(item);
    };
    let most = payable.amount();
    let message = format!("{held} yuan is more than the {most} that is payable: {payable}");
    let field = if path == "id" { path.to_owned() } else { format!("{path}.approved.amount_fen") };
    refusals.push(Refusal::rule("APPROVED_ABOVE_LIMIT", &field, message));
    Ok(item)
}

/// What stands against what is said of a loss.
fn of_loss(
    tx: &mut Tx<'_, '_>,
    said: &ClaimContent,
    noticed: Day,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Some(building) = said.building.flatten() else { return Ok(()) };
    let lost_on = said.lost_on.flatten();
    if let Some(lost_on) = lost_on.filter(|lost_on| *lost_on > noticed) {
        let message =
            format!("notice was given on {noticed}, and nothing is told before it happens");
        let message = format!("{lost_on} is later: {message}");
        refusals.push(Refusal::of(Class::Invalid, "OUT_OF_RANGE", "fields.lost_on", message));
    }
    of_place(tx, said, building, refusals)?;
    if let (Some(lost_on), Some(record)) =
        (lost_on, tx.work.known(building.partition(), building.into())?)
        && record.timeline.presence(lost_on) == Presence::Ended
    {
        let message = format!("{building} was no more on {lost_on}");
        refusals.push(Refusal::rule("OBJECT_ABSENT", "fields.building_id", message));
    }
    let tables = tx.work.tables(building.partition())?;
    let (part, cause) = (said.part.clone().flatten(), said.cause.clone().flatten());
    unknown_fields(&tables, part.as_deref(), cause.as_deref(), refusals);
    of_policy(tx, said, building, noticed, &tables, refusals)
}

/// The unit is in the building, and what is named is about it.
fn of_place(
    tx: &mut Tx<'_, '_>,
    said: &ClaimContent,
    building: BuildingId,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let mut named: Vec<(String, SubjectId, &str)> = Vec::new();
    let unit = said.unit.flatten().map(SubjectId::from);
    named.extend(unit.map(|id| ("fields.unit_id".to_owned(), id, "UNIT_OTHER_BUILDING")));
    for (index, id) in said.findings().iter().enumerate() {
        let field = format!("fields.finding_ids[{index}]");
        named.push((field, SubjectId::from(*id), "FINDING_OTHER_BUILDING"));
    }
    for (index, id) in said.reports().iter().enumerate() {
        let field = format!("fields.report_ids[{index}]");
        named.push((field, SubjectId::from(*id), "REPORT_OTHER_BUILDING"));
    }
    for (field, id, reason) in named {
        // What is not known, or is elsewhere, was told of as a reference.
        let Some(record) = tx.work.known(id.partition(), id)? else { continue };
        let is_of_building = record
            .timeline
            .contents()
            .any(|(_, content)| content.located_in().contains(&building.into()));
        if record.timeline.registration().is_some() && !is_of_building {
            let message = format!("{id} is not of the building that the claim is of");
            refusals.push(Refusal::rule(reason, &field, message));
        }
    }
    Ok(())
}

/// The policy ever named the building, has the cover, and some period of it holds the loss.
fn of_policy(
    tx: &mut Tx<'_, '_>,
    said: &ClaimContent,
    building: BuildingId,
    noticed: Day,
    tables: &Arc<Tables>,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Some(policy) = said.policy.flatten() else { return Ok(()) };
    let Some(record) = tx.work.known(policy.partition(), policy.into())? else { return Ok(()) };
    if record.timeline.registration().is_none() {
        return Ok(());
    }
    let lost_on = said.lost_on.flatten().unwrap_or(noticed);
    let at = At { day: lost_on, known: None };
    let (_, near) = chain_of(tx.work, building.into(), at)?;
    let mut chain = near.into_iter().map(|near| near.object).collect::<Vec<_>>();
    chain.extend(said.unit.flatten().map(SubjectId::from));
    let ever = record.timeline.contents().any(|(_, content)| match &content.fields {
        Fields::Policy(policy) => policy.objects().iter().any(|object| chain.contains(object)),
        _ => false,
    });
    if !ever {
        let message = "the policy never insured it, nor what it is in";
        refusals.push(Refusal::rule("NOT_INSURED", "fields.policy_id", message));
    }
    let then = policy_on(&record.timeline, lost_on.max(Day::MIN)).unwrap_or_default();
    let codes: Vec<&str> = then.covers().iter().map(|item| item.cover.as_str()).collect();
    if let Some(cover) = said.cover.clone().flatten()
        && !codes.contains(&cover.as_str())
    {
        let message = format!("{cover:?} is none of the policy's covers: {}", codes.join(", "));
        refusals.push(Refusal::of(Class::Invalid, "COVER_UNKNOWN", "fields.cover", message));
    }
    if said.lost_on.flatten().is_some()
        && is_outside(tx, &then, building, (lost_on, noticed), tables)?
    {
        let message = format!("neither {lost_on} nor {noticed} lies in a period of the policy");
        refusals.push(Refusal::rule("LOSS_OUTSIDE_COVER", "fields.lost_on", message));
    }
    Ok(())
}

/// Whether loss and notice certainly lie outside the periods of every cover.
fn is_outside(
    tx: &mut Tx<'_, '_>,
    policy: &PolicyContent,
    building: BuildingId,
    (lost_on, noticed): (Day, Day),
    tables: &Tables,
) -> Result<bool, Error> {
    let completed = completed(tx.work, building, At { day: lost_on, known: None })?;
    let product = policy.clause().and_then(|(code, clause)| tables.product(code, clause));
    let may_hold = |day: Day| {
        policy.covers().iter().any(|item| {
            if item_of(std::slice::from_ref(item), &item.cover, day).is_none() {
                return false;
            }
            let cover = product.and_then(|(_, product)| product.covers.get(&item.cover));
            days_of(item, cover, completed)
                .is_none_or(|days| days.first.earliest() <= day && day <= days.last.latest())
        })
    };
    Ok(!policy.covers().is_empty() && !may_hold(lost_on) && !may_hold(noticed))
}

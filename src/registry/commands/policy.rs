//! What stands against a policy, or against what is said of one.

use crate::{
    domain::{
        content::{Content, Fields},
        coverage::against_clause,
        policy::{NUMBER_SCHEME, Objection, PolicyContent, Standing, objections},
        timeline::{Presence, Statement, Timeline},
    },
    kernel::{
        id::{Kind, SubjectId},
        time::Day,
    },
    registry::{
        command::Correct,
        error::{Class, Error, Refusal},
        tx::Tx,
    },
};

/// Says the outside number of a policy that gets another number or another first insurer: it
/// follows from these.
pub(crate) fn numbered(content: &mut Content, beside: Option<&Content>) {
    let Fields::Policy(said) = &content.fields else { return };
    if said.number.is_none() && said.insurers.is_none() {
        return;
    }
    let mut whole = match beside.map(|content| &content.fields) {
        Some(Fields::Policy(beside)) => beside.as_ref().clone(),
        _ => PolicyContent::default(),
    };
    whole.lay(said);
    if let Some(number) = whole.identifier() {
        content.shared.identifiers.insert(NUMBER_SCHEME.to_owned(), vec![number]);
    }
}

/// The same of a correction, beside what the wrong statement says.
pub(crate) fn numbered_anew(wrong: &Statement, timeline: &Timeline, correct: &mut Correct) {
    let beside = timeline.content_at(wrong.from);
    numbered(&mut correct.content, beside.as_ref());
}

/// What stands against a new policy.
pub(crate) fn new(
    tx: &mut Tx<'_, '_>,
    content: &Content,
    from: Day,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Fields::Policy(policy) = &content.fields else { return Ok(()) };
    tell(objections(policy), Class::Invalid, refusals);
    beside_clause(tx, policy, policy, content, refusals)?;
    if !matches!(policy.stands(), Standing::Quoted | Standing::Bound) {
        let message = format!("a policy begins as quoted or bound, not {}", policy.stands());
        refusals.push(Refusal::of(
            Class::Invalid,
            "POLICY_STATE",
            "fields.policy_standing",
            message,
        ));
    }
    objects_on(tx, policy, &[], from, refusals)
}

/// What stands against what is said of a policy from `from` on, once `after` is its life.
pub(crate) fn said(
    tx: &mut Tx<'_, '_>,
    said: &Content,
    before: &Timeline,
    after: &Timeline,
    from: Day,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let Fields::Policy(said) = &said.fields else { return Ok(()) };
    let Some(whole) = after.content_at(from) else { return Ok(()) };
    let Fields::Policy(policy) = &whole.fields else { return Ok(()) };
    tell(objections(policy), Class::Invalid, refusals);
    beside_clause(tx, said, policy, &whole, refusals)?;
    steps(after, refusals);
    let was = before.content_at(from).map(|content| content.fields);
    let known = match &was {
        Some(Fields::Policy(was)) => was.objects(),
        _ => &[],
    };
    objects_on(tx, said, known, from, refusals)
}

/// What stands against the life of a policy after an entry of it was taken back, or said again.
pub(crate) fn reviewed(tx: &mut Tx<'_, '_>, id: SubjectId) -> Result<(), Error> {
    if id.kind() != Kind::Policy {
        return Ok(());
    }
    let Some(record) = tx.work.known(id.partition(), id)? else { return Ok(()) };
    let mut refusals = Vec::new();
    if record.timeline.registration().is_some() {
        steps(&record.timeline, &mut refusals);
    }
    if refusals.is_empty() { Ok(()) } else { Err(Error::Refused(refusals)) }
}

/// The steps of a life one after another: each may follow on the one before.
fn steps(life: &Timeline, refusals: &mut Vec<Refusal>) {
    let mut stands: Option<Standing> = None;
    for (statement, content) in life.contents() {
        let Fields::Policy(policy) = &content.fields else { continue };
        let Some(next) = policy.standing.flatten() else { continue };
        let was = stands.unwrap_or(Standing::Quoted);
        let begins = stands.is_none() && matches!(next, Standing::Quoted | Standing::Bound);
        if !begins && !was.may_become(next) {
            let message = if was == next {
                format!("the policy is {was} already on {}", statement.from)
            } else {
                format!("what is {was} on {} does not become {next}", statement.from)
            };
            refusals.push(Refusal::of(Class::Precondition, "POLICY_STATE", "id", message));
        }
        stands = Some(next);
    }
}

/// What stands against a policy beside the clause that it names, where something of that is said.
fn beside_clause(
    tx: &mut Tx<'_, '_>,
    said: &PolicyContent,
    policy: &PolicyContent,
    whole: &Content,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    if said.product.is_none() && said.clause.is_none() && said.covers.is_none() {
        return Ok(());
    }
    let Some((code, clause)) = policy.clause() else { return Ok(()) };
    let Some(region) = whole.located_in().first().copied() else { return Ok(()) };
    let tables = tx.work.tables(region.partition())?;
    if tables.products().next().is_none() {
        let message = "no list of insurance products is loaded: load one with anju reference load";
        refusals.push(Refusal::rule("REFERENCE_MISSING", "fields.product", message));
        return Ok(());
    }
    if let Some((_, product)) = tables.product(code, clause) {
        tell(against_clause(policy, product), Class::Invalid, refusals);
    } else {
        let message = format!("no list of products has {code:?} with the clause {clause:?}");
        refusals.push(Refusal::rule("CLAUSE_UNKNOWN", "fields.clause", message));
    }
    Ok(())
}

/// What is newly insured has not ended by the day from which it is.
fn objects_on(
    tx: &mut Tx<'_, '_>,
    said: &PolicyContent,
    known: &[SubjectId],
    from: Day,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    for (index, object) in said.objects().iter().enumerate() {
        if known.contains(object) {
            continue;
        }
        let Some(record) = tx.work.known(object.partition(), *object)? else { continue };
        if record.timeline.presence(from) == Presence::Ended {
            let message = format!("{object} is no more on {from}");
            let field = format!("fields.object_ids[{index}]");
            refusals.push(Refusal::rule("OBJECT_ABSENT", &field, message));
        }
    }
    Ok(())
}

fn tell(found: Vec<Objection>, class: Class, refusals: &mut Vec<Refusal>) {
    for Objection { reason, field, message } in found {
        refusals.push(Refusal::of(class, reason, &format!("fields.{field}"), message));
    }
}

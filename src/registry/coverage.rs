//! Which covers answer for a damage: every policy that ever named what was damaged, or what that
//! was in or came from, as it was on the day of the loss and as is known.

use std::collections::BTreeSet;

use crate::{
    domain::{
        claim::payable::left,
        content::Fields,
        coverage::{Against, Beside, Damage, gone, judge},
        policy::{CoverItem, PolicyContent, Standing},
        product::{Days, Named},
        tables::Tables,
        timeline::Timeline,
    },
    kernel::{
        fen::Fen,
        id::{BuildingId, Kind, PolicyId, SubjectId},
        position::{Partition, Position},
        share::{Share, share_out},
        time::{Answer, Day, ImpreciseDay, ReadTime},
    },
    registry::{
        claims::Others,
        dossier::Knowing,
        engine::Registry,
        error::{Class, Error, Refusal},
        history::timeline_at,
        insured::predecessors,
        policies::{building_of_unit, completed},
        read::At,
        reference,
        space::child_prefix,
        state::{Durable, State},
        subjects::Subjects,
    },
};

/// A cover beside a damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoverSeen {
    /// The policy.
    pub policy: PolicyId,
    /// Its number.
    pub number: String,
    /// The object by which it is insured; `None` when it is not, on the day of the loss.
    pub object: Option<SubjectId>,
    /// Whether that is what the damaged thing came from by a merge or split.
    pub is_by_predecessor: bool,
    /// The item.
    pub item: CoverItem,
    /// Its days for the damaged building, as far as they are known.
    pub days: Option<Days>,
    /// What stands against it.
    pub against: Vec<Against>,
    /// Whether it answers.
    pub answer: Answer,
    /// What is left of the sum insured beside what is held ready for claims, or was paid on them.
    pub left: Fen,
    /// What of the sum insured each insurer answers for.
    pub insurers: Vec<(String, Fen)>,
}

/// What answers for a damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Every cover: first those that answer, then those of which it cannot be said.
    pub covers: Vec<CoverSeen>,
    /// When the building was completed.
    pub completed: ImpreciseDay,
    /// What it was read at.
    pub position: Position,
}

impl Coverage {
    /// Whether anything answers.
    pub fn answer(&self) -> Answer {
        let is = |answer| self.covers.iter().any(|cover| cover.answer == answer);
        if is(Answer::Yes) {
            Answer::Yes
        } else if is(Answer::Unknown) {
            Answer::Unknown
        } else {
            Answer::No
        }
    }
}

impl Registry {
    /// Which covers answer for a damage of a building or unit. The day of the read is that of the
    /// loss. Refuses (`NOT_FOUND`) what was not known then, and parts and causes that no list of
    /// products has.
    pub fn coverage(
        &self,
        damaged: SubjectId,
        damage: &Damage,
        time: ReadTime,
    ) -> Result<Coverage, Error> {
        let partition = damaged.partition();
        let read = ReadTime { valid_at: Some(damage.lost_on), ..time };
        let at = self.at(partition, read)?;
        let state = Durable::new(self.store())?;
        let mut refusals = Vec::new();
        let field = if damaged.kind() == Kind::Unit { "unit_id" } else { "building_id" };
        if timeline_at(&state, partition, damaged, at.known)?.is_none() {
            refusals.push(Refusal::missing(field, damaged));
        }
        let tables = reference::known(&state, partition, at.known)?;
        unknown_words(&tables, Some(&damage.part), Some(&damage.cause), &mut refusals);
        if !refusals.is_empty() {
            return Err(Error::Refused(refusals));
        }
        let (building, chain) = chain_of(&state, damaged, at)?;
        let completed = match building {
            Some(building) => completed(&state, building, at)?,
            None => ImpreciseDay::UNKNOWN,
        };
        let life = timeline_at(&state, partition, damaged, at.known)?;
        let gone = life.and_then(|life| gone(&life, damage.lost_on));
        let damaged = Damaged { chain, completed, gone };
        let mut covers = Vec::new();
        for policy in naming(&state, partition, damaged.chain.iter().map(|near| near.object))? {
            let Some(life) = timeline_at(&state, partition, policy.into(), at.known)? else {
                continue;
            };
            // What was said of it since is not known yet.
            if !names_any(&life, &damaged.chain) {
                continue;
            }
            let others = Others { policy, life: &life, tables: &tables, known: at.known };
            for cover in beside(&life, policy, &damaged, damage, &tables) {
                let held = others.sharing(&state, partition, &cover.item, None)?;
                let left = left(&cover.item, &held);
                covers.push(CoverSeen { left, ..cover });
            }
        }
        covers.sort_by_key(|cover| (order(cover.answer), cover.policy));
        let seq = match at.known {
            Some(known) => known,
            None => state.meta(partition)?.seq,
        };
        Ok(Coverage { covers, completed, position: Position { partition, seq } })
    }
}

const fn order(answer: Answer) -> u8 {
    match answer {
        Answer::Yes => 0,
        Answer::Unknown => 1,
        Answer::No => 2,
    }
}

/// Parts and causes that no list of products has are mistyped.
fn unknown_words(
    tables: &Tables,
    part: Option<&str>,
    cause: Option<&str>,
    refusals: &mut Vec<Refusal>,
) {
    if tables.products().next().is_none() {
        let message = "no list of insurance products is loaded: load one with anju reference load";
        refusals.push(Refusal::rule("REFERENCE_MISSING", "part", message));
        return;
    }
    let parts = tables.products().flat_map(|(_, products)| products.parts());
    let causes = tables.products().flat_map(|(_, products)| products.causes());
    refusals.extend(part.and_then(|part| unknown("part", "PART_UNKNOWN", part, parts)));
    refusals.extend(cause.and_then(|cause| unknown("cause", "CAUSE_UNKNOWN", cause, causes)));
}

/// The same of the fields of a record.
pub(crate) fn unknown_fields(
    tables: &Tables,
    part: Option<&str>,
    cause: Option<&str>,
    refusals: &mut Vec<Refusal>,
) {
    let mut words = Vec::new();
    unknown_words(tables, part, cause, &mut words);
    refusals.extend(words.into_iter().map(|refusal| {
        let field = format!("fields.{}", refusal.field);
        Refusal { field, ..refusal }
    }));
}

/// Refuses a code that is none of those of the lists.
fn unknown<'p>(
    field: &str,
    reason: &str,
    code: &str,
    lists: impl Iterator<Item = &'p Named>,
) -> Option<Refusal> {
    let known: BTreeSet<&str> = lists.map(|named| named.code.as_str()).collect();
    if known.contains(code) {
        return None;
    }
    let known = known.into_iter().collect::<Vec<_>>().join(", ");
    let message = format!("{code:?} is none of {known}");
    Some(Refusal::of(Class::Invalid, reason, field, message))
}

/// Something by which what was damaged is insured when a policy names it.
pub(crate) struct Nearby {
    pub object: SubjectId,
    /// Whether what was damaged came from it.
    pub is_predecessor: bool,
    /// When it was completed, where that is not when what was damaged was.
    pub completed: Option<ImpreciseDay>,
}

/// What was damaged.
pub(crate) struct Damaged {
    /// By what it is insured, nearest first.
    pub chain: Vec<Nearby>,
    pub completed: ImpreciseDay,
    pub gone: Option<Against>,
}

/// What was damaged, what it is in on the day of the loss, and what these came from; with the
/// building.
pub(crate) fn chain_of(
    state: &dyn State,
    damaged: SubjectId,
    at: At,
) -> Result<(Option<BuildingId>, Vec<Nearby>), Error> {
    let of = |object: SubjectId| Nearby { object, is_predecessor: false, completed: None };
    let mut chain = vec![of(damaged)];
    let building = match damaged.kind() {
        Kind::Unit => building_of_unit(state, damaged, at)?,
        _ => BuildingId::try_from(damaged).ok(),
    };
    let mut after = Vec::new();
    if damaged.kind() == Kind::Unit {
        after.extend(before_of(state, damaged, at)?);
    }
    let Some(building) = building else { return Ok((None, chain)) };
    if damaged != building.into() {
        chain.push(of(building.into()));
    }
    let life = timeline_at(state, building.partition(), building.into(), at.known)?;
    let content = life.and_then(|life| life.content_at(at.day));
    if let Some(Fields::Building(fields)) = content.map(|content| content.fields) {
        chain.extend(fields.physical.flatten().map(|id| of(id.into())));
        chain.extend(fields.compound.flatten().map(|id| of(id.into())));
    }
    after.extend(before_of(state, building.into(), at)?);
    chain.extend(after);
    Ok((Some(building), chain))
}

/// What a subject came from by the day.
fn before_of(state: &dyn State, subject: SubjectId, at: At) -> Result<Vec<Nearby>, Error> {
    let life = timeline_at(state, subject.partition(), subject, at.known)?;
    let Some(life) = life else { return Ok(Vec::new()) };
    let before = predecessors(state, subject, &life, Knowing::at(at.known))?.into_iter();
    let before = before.filter(|before| before.from <= at.day);
    let nearby = before.map(|before| Nearby {
        object: before.subject,
        is_predecessor: true,
        completed: before.completed,
    });
    Ok(nearby.collect())
}

/// The policies that ever named any of some subjects, each once.
pub(crate) fn naming(
    state: &dyn State,
    partition: Partition,
    chain: impl IntoIterator<Item = SubjectId>,
) -> Result<Vec<PolicyId>, Error> {
    let mut found = Vec::new();
    for named in chain {
        let mut policies = Subjects::below(child_prefix(partition, named, Kind::Policy));
        while let Some(id) = policies.next(state)? {
            found.extend(PolicyId::try_from(id));
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Whether a policy names any of some things, on any day.
pub(crate) fn names_any(life: &Timeline, chain: &[Nearby]) -> bool {
    life.contents().any(|(_, content)| match &content.fields {
        Fields::Policy(policy) => {
            policy.objects().iter().any(|object| chain.iter().any(|near| near.object == *object))
        }
        _ => false,
    })
}

/// Every cover of a policy beside a damage; none of one that was entered in error.
pub(crate) fn beside(
    life: &Timeline,
    policy: PolicyId,
    damaged: &Damaged,
    damage: &Damage,
    tables: &Tables,
) -> Vec<CoverSeen> {
    if life.registration().is_none() {
        return Vec::new();
    }
    let then = policy_on(life, damage.lost_on);
    let at_notice = policy_on(life, damage.noticed_on).unwrap_or_default();
    // Of a loss before the first word of the policy its covers are those that it begins with.
    let first = life.contents().next().and_then(|(_, content)| match &content.fields {
        Fields::Policy(policy) => Some(policy.as_ref().clone()),
        _ => None,
    });
    let Some(then) = then.or(first) else { return Vec::new() };
    let stood_at_notice = at_notice.stands();
    let judging = Judging { policy, then: &then, stood_at_notice, damaged, damage, tables };
    let is_begun = begun(life, damage.lost_on);
    let mut named = damaged.chain.iter().filter(|near| then.objects().contains(&near.object));
    let mut covers = judging.by(named.next(), is_begun);
    // What came from several that the policy names is insured by each of them. The nearest is told,
    // unless by another one more answers.
    for near in named.filter(|near| near.completed.is_some()) {
        for (cover, other) in covers.iter_mut().zip(judging.by(Some(near), is_begun)) {
            if order(other.answer) < order(cover.answer) {
                *cover = other;
            }
        }
    }
    covers
}

/// A policy as it was on the day of a loss, beside the loss.
struct Judging<'j> {
    policy: PolicyId,
    then: &'j PolicyContent,
    stood_at_notice: Standing,
    damaged: &'j Damaged,
    damage: &'j Damage,
    tables: &'j Tables,
}

impl Judging<'_> {
    /// Its covers, when what was damaged is insured by an object, or by none.
    fn by(&self, object: Option<&Nearby>, is_begun: bool) -> Vec<CoverSeen> {
        let Self { policy, then, damaged, .. } = *self;
        let product = then.clause().and_then(|(code, clause)| self.tables.product(code, clause));
        let beside = Beside {
            policy: then,
            stood_at_notice: self.stood_at_notice,
            is_named: object.is_some() && is_begun,
            gone: damaged.gone,
            product: product.map(|(_, product)| product),
            completed: object.and_then(|near| near.completed).unwrap_or(damaged.completed),
        };
        let shares: Vec<Share> = then.insurers().iter().map(|insurer| insurer.share).collect();
        let judged = judge(&beside, self.damage).into_iter().map(|judged| CoverSeen {
            policy,
            number: then.number.clone().flatten().unwrap_or_default(),
            object: object.map(|near| near.object),
            is_by_predecessor: object.is_some_and(|near| near.is_predecessor),
            item: judged.item.clone(),
            left: judged.item.sum_insured,
            days: judged.days,
            answer: judged.answer(),
            insurers: then
                .insurers()
                .iter()
                .map(|insurer| insurer.company.0.clone())
                .zip(share_out(judged.item.sum_insured, &shares))
                .collect(),
            against: judged.against,
        });
        judged.collect()
    }
}

/// Whether the policy had begun by a day, at the latest that its first day can be.
fn begun(life: &Timeline, day: Day) -> bool {
    life.exists_from().is_some_and(|from| from.earliest() <= day)
}

pub(crate) fn policy_on(life: &Timeline, day: Day) -> Option<PolicyContent> {
    match life.content_at(day)?.fields {
        Fields::Policy(policy) => Some(*policy),
        _ => None,
    }
}

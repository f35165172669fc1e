//! Claims beside the covers that they are on: whether these answer, and what they pay at most, as is
//! known.

use std::collections::BTreeSet;

use crate::{
    domain::{
        claim::{
            self, Claim, Ground, Stage, item_of,
            payable::{Held, Payable, payable},
        },
        content::{Content, Fields},
        coverage::{Damage, gone},
        insured,
        policy::{CoverItem, PolicyContent},
        product::{Product, Trigger},
        tables::Tables,
        timeline::Timeline,
    },
    kernel::{
        fen::Fen,
        id::{Kind, PolicyId, SubjectId},
        position::{Partition, Seq},
        share::{Share, share_out},
        time::{Answer, Day},
    },
    registry::{
        case::{Contradiction, Found},
        coverage::{CoverSeen, Damaged, Nearby, beside, chain_of, names_any, policy_on},
        dossier::said_about,
        engine::Registry,
        entry::Entry,
        error::Error,
        history::timeline_at,
        policies::completed,
        read::{At, last_stood},
        space::{Space, child_prefix, subject_key},
        state::{Live, State},
        subjects::Subjects,
        work::Work,
        works,
    },
};

/// Claims of one policy, building or unit that an entry about it is held against.
const CLAIMS_MAX: usize = 20_000;

impl Registry {
    /// The policy that a claim is on, by what is said of it now.
    pub fn policy_of_claim(&self, claim: SubjectId) -> Result<Option<PolicyId>, Error> {
        let state = Live(self.store());
        let Some(record) = state.record(claim.partition(), claim)? else { return Ok(None) };
        if record.timeline.registration().is_some() {
            return Ok(policy_in(&record.timeline));
        }
        // Of what was entered in error, what was said of it before decides.
        let life = last_stood(&state, claim, &record)?;
        Ok(life.and_then(|life| policy_in(&life)))
    }
}

/// A claim with the cover that it is on.
pub(crate) struct Looked {
    /// The cover beside the damage; `None` when the policy has none of that code.
    pub cover: Option<CoverSeen>,
    /// What it pays at most, once the loss was surveyed.
    pub payable: Option<Payable>,
}

impl Looked {
    /// Whether the cover answers.
    pub(crate) fn answer(&self) -> Answer {
        self.cover.as_ref().map_or(Answer::No, |cover| cover.answer)
    }

    /// What stands against it, by its reasons.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let against = self.cover.iter().flat_map(|cover| &cover.against);
        match &self.cover {
            None => vec!["COVER_UNKNOWN".to_owned()],
            Some(_) => against.map(|against| against.reason().to_owned()).collect(),
        }
    }

    /// The same in sentences.
    pub(crate) fn sentences(&self) -> String {
        match &self.cover {
            None => "the policy has no such cover on the day of the loss".to_owned(),
            Some(cover) => {
                let against =
                    cover.against.iter().map(|against| format!("{against} ({})", against.reason()));
                against.collect::<Vec<_>>().join("; ")
            }
        }
    }
}

/// A claim beside its cover, as known with entry `known` (`None`: now).
pub(crate) fn look(
    state: &dyn State,
    tables: &Tables,
    id: SubjectId,
    claim: &Claim,
    known: Option<Seq>,
) -> Result<Option<Looked>, Error> {
    let Some(ground) = claim.content.ground() else { return Ok(None) };
    let partition = ground.building.partition();
    let Some(life) = timeline_at(state, partition, ground.policy.into(), known)? else {
        return Ok(Some(Looked { cover: None, payable: None }));
    };
    let at = At { day: ground.lost_on, known };
    let damaged = damaged(state, &ground, at)?;
    let damage = Damage {
        part: ground.part.clone(),
        cause: ground.cause.clone(),
        lost_on: ground.lost_on,
        noticed_on: claim.noticed.max(ground.lost_on),
    };
    let covers = beside(&life, ground.policy, &damaged, &damage, tables);
    let cover = chosen(covers, &ground, &life, claim, tables);
    let payable = match (&cover, claim.loss()) {
        (Some(cover), Some(loss)) => {
            let others = Others { policy: ground.policy, life: &life, tables, known };
            let held = others.sharing(state, partition, &cover.item, Some(id))?;
            Some(payable(loss, &cover.item, &claim.keys(), &held))
        }
        _ => None,
    };
    Ok(Some(Looked { cover, payable }))
}

/// What was damaged and by what it is insured, nearest first.
fn damaged(state: &dyn State, ground: &Ground, at: At) -> Result<Damaged, Error> {
    let (_, of_building) = chain_of(state, ground.building.into(), at)?;
    let unit = Some(ground.damaged).filter(|damaged| damaged.kind() == Kind::Unit);
    let unit = unit.map(|object| Nearby { object, is_predecessor: false, completed: None });
    let chain = unit.into_iter().chain(of_building).collect();
    let completed = completed(state, ground.building, at)?;
    let life = timeline_at(state, ground.damaged.partition(), ground.damaged, at.known)?;
    let gone = life.and_then(|life| gone(&life, at.day));
    Ok(Damaged { chain, completed, gone })
}

/// Of several items of one cover the one that the loss falls under by its day, or else the first.
fn chosen(
    covers: Vec<CoverSeen>,
    ground: &Ground,
    life: &Timeline,
    claim: &Claim,
    tables: &Tables,
) -> Option<CoverSeen> {
    let policy = policy_on(life, ground.lost_on).unwrap_or_default();
    let counts = day_that_counts(&policy, tables, &ground.cover, ground.lost_on, claim.noticed);
    let fits = item_of(policy.covers(), &ground.cover, counts).cloned();
    let mut of_code = covers.into_iter().filter(|cover| cover.item.cover == ground.cover);
    let first = of_code.next()?;
    if fits.as_ref().is_none_or(|item| *item == first.item) {
        return Some(first);
    }
    of_code.find(|cover| Some(&cover.item) == fits.as_ref()).or(Some(first))
}

/// The day that decides under which item a loss falls.
fn day_that_counts(
    policy: &PolicyContent,
    tables: &Tables,
    cover: &str,
    lost_on: Day,
    noticed: Day,
) -> Day {
    let product: Option<&Product> = policy
        .clause()
        .and_then(|(code, clause)| tables.product(code, clause))
        .map(|(_, product)| product);
    let cover = product.and_then(|product| product.covers.get(cover));
    match cover.map(|cover| cover.trigger) {
        Some(Trigger::Notice) => noticed,
        _ => lost_on,
    }
}

/// The claims of a policy, as far as they share its limits.
pub(crate) struct Others<'o> {
    /// The policy.
    pub policy: PolicyId,
    /// Its life.
    pub life: &'o Timeline,
    /// The products.
    pub tables: &'o Tables,
    /// The last entry known; `None` for all.
    pub known: Option<Seq>,
}

impl Others<'_> {
    /// What is held for claims on an item, but for one of them. An endorsement that moves the days of
    /// an item leaves it the same, so that items of one cover whose days overlap are one.
    pub(crate) fn sharing(
        &self,
        state: &dyn State,
        partition: Partition,
        item: &CoverItem,
        but: Option<SubjectId>,
    ) -> Result<Vec<Held>, Error> {
        let mut held = Vec::new();
        let mut claims = Subjects::below(approved_key(partition, self.policy.into()));
        while let Some(id) = claims.next(state)? {
            if Some(id) == but {
                continue;
            }
            let Some(life) = timeline_at(state, partition, id, self.known)? else { continue };
            let Some(other) = claim::of_timeline(&life, Day::MAX) else { continue };
            let amount = other.held();
            if amount.count() > 0 && self.is_on(&other, item) {
                held.push(Held { keys: other.keys(), amount });
            }
        }
        Ok(held)
    }

    fn is_on(&self, other: &Claim, item: &CoverItem) -> bool {
        let Some(ground) = other.content.ground() else { return false };
        if ground.policy != self.policy || ground.cover != item.cover {
            return false;
        }
        let policy = policy_on(self.life, ground.lost_on).unwrap_or_default();
        let lost_on = ground.lost_on;
        let counts = day_that_counts(&policy, self.tables, &item.cover, lost_on, other.noticed);
        let days =
            |item: &CoverItem| (item.from.unwrap_or(Day::MIN), item.until.unwrap_or(Day::MAX));
        let (from, until) = days(item);
        match item_of(policy.covers(), &item.cover, counts).map(days) {
            Some((other_from, other_until)) => from <= other_until && other_from <= until,
            // What falls under no item any more is held all the same.
            None => true,
        }
    }
}

/// The keys of the claims that ever were approved on a policy.
fn approved_key(partition: Partition, policy: SubjectId) -> Vec<u8> {
    subject_key(partition, Space::Approved, policy)
}

/// Notes of a claim that it was approved on its policy: ever.
pub(crate) fn index(work: &mut Work<'_>, partition: Partition, id: SubjectId) -> Result<(), Error> {
    if id.kind() != Kind::Claim {
        return Ok(());
    }
    let Some(record) = work.known(partition, id)? else { return Ok(()) };
    let Some(claim) = claim::of_timeline(&record.timeline, Day::MAX) else { return Ok(()) };
    let Some(policy) = claim.content.policy.flatten().filter(|_| claim.held().count() > 0) else {
        return Ok(());
    };
    let mut key = approved_key(partition, policy.into());
    key.extend_from_slice(&id.to_bytes());
    work.put(key, Some(Vec::new()));
    Ok(())
}

/// The subjects whose contradictions an entry about another may make or take away: claims, by what is
/// said of their policy, building or unit or of another claim that shares their limits, and policies, by
/// the ends of what they insure.
pub(crate) fn concerned(
    work: &Work<'_>,
    entry: &Entry,
    subject: SubjectId,
    before: &Timeline,
    after: &Timeline,
) -> Result<Vec<SubjectId>, Error> {
    let partition = entry.partition;
    // What has just begun is named by nothing yet.
    if before.places().is_empty() {
        return Ok(Vec::new());
    }
    let life_changed = before.possible_span() != after.possible_span();
    let is_corrected = !entry.corrects.is_empty();
    let mut prefixes = Vec::new();
    match subject.kind() {
        Kind::Claim if is_corrected => {
            let policies = [before, after].into_iter().flat_map(policies_of);
            prefixes.extend(policies.map(|policy| approved_key(partition, policy.into())));
            // Others on its building may tell of the same loss, or told of it.
            let lost = [before, after].map(|life| claim::of_timeline(life, Day::MAX));
            let lost = lost.map(|claim| claim.map(|claim| (claim.content.ground(), claim.keys())));
            if lost[0] != lost[1] {
                let grounds = lost.into_iter().flatten().filter_map(|(ground, _)| ground);
                let buildings = grounds.map(|ground| SubjectId::from(ground.building));
                prefixes.extend(buildings.map(|id| child_prefix(partition, id, Kind::Claim)));
            }
        }
        Kind::Policy => {
            prefixes.push(approved_key(partition, subject));
            // What it never insured has no claim on it.
            let named = |life: &Timeline| (life.registration().is_some(), insured::objects(life));
            if is_corrected && named(before) != named(after) {
                prefixes.push(child_prefix(partition, subject, Kind::Claim));
            }
        }
        Kind::Building | Kind::Unit | Kind::Compound => {
            if life_changed {
                prefixes.push(child_prefix(partition, subject, Kind::Policy));
            }
            if life_changed || is_corrected || rests_on_it(before, after) {
                prefixes.push(child_prefix(partition, subject, Kind::Claim));
            }
        }
        _ => {}
    }
    let mut found = BTreeSet::new();
    // Money that is said anew may be too much for the work, or pay an invoice of others.
    let is_money = matches!(subject.kind(), Kind::Claim | Kind::Work);
    if is_money && is_corrected {
        found.extend(works::beside(work, partition, [before, after])?);
    }
    for prefix in prefixes {
        let mut subjects = Subjects::below(prefix);
        while found.len() < CLAIMS_MAX
            && let Some(id) = subjects.next(work)?
        {
            found.insert(id);
        }
    }
    if subject.kind() == Kind::Policy {
        found.insert(subject);
    } else {
        found.remove(&subject);
    }
    Ok(found.into_iter().collect())
}

/// The policy that a claim is on, by its life.
pub(crate) fn policy_in(life: &Timeline) -> Option<PolicyId> {
    policies_of(life).pop_last()
}

fn policies_of(life: &Timeline) -> BTreeSet<PolicyId> {
    let named = life.contents().filter_map(|(_, content)| match &content.fields {
        Fields::Claim(claim) => claim.policy.flatten(),
        _ => None,
    });
    named.collect()
}

/// Whether something changed on which the answer of a cover rests: the completion of a building, and
/// what it or a unit is in.
fn rests_on_it(before: &Timeline, after: &Timeline) -> bool {
    let of = |content: &Content| match &content.fields {
        Fields::Building(building) => (building.completed.flatten(), content.holders()),
        _ => (None, content.holders()),
    };
    before.spans(of) != after.spans(of)
}

/// What contradicts a claim: a policy that never insured what was damaged, a loss that another claim tells
/// of; and once it is approved, a cover that certainly does not answer, or limits that are less than what
/// was approved.
pub(crate) fn contradictions(
    state: &dyn State,
    tables: &Tables,
    id: SubjectId,
    life: &Timeline,
) -> Result<Vec<Found>, Error> {
    let Some(claim) = claim::of_timeline(life, Day::MAX) else { return Ok(Vec::new()) };
    let told = life.registration().map(|(statement, _)| statement.seq);
    let found = |what: Contradiction, other: Option<SubjectId>, doubts: Vec<Seq>| Found {
        what,
        other,
        doubts,
        detail: claim.content.cover.clone().flatten().unwrap_or_default(),
        days: None,
    };
    let mut all = Vec::new();
    // Of two that tell of one loss the younger is in doubt.
    let older = same_loss(state, Some(id), &claim)?.into_iter().filter(|other| *other < id).min();
    if older.is_some() {
        let doubts = told.into_iter().collect();
        all.push(found(Contradiction::LossToldAlready, older, doubts));
    }
    let policy = claim.content.policy.flatten().map(SubjectId::from);
    let held = claim.held();
    if held.count() == 0 {
        if !claim.stage.is_over() && !is_insured(state, &claim)? {
            let doubts = told.into_iter().collect();
            all.push(found(Contradiction::ClaimNotInsured, policy, doubts));
        }
        return Ok(all);
    }
    let Some(looked) = look(state, tables, id, &claim, None)? else { return Ok(all) };
    let what = match (looked.answer(), looked.payable) {
        (Answer::No, _) => Some(Contradiction::ClaimNotCovered),
        (_, Some(payable)) if held > payable.amount() => Some(Contradiction::ApprovedAboveLimit),
        _ => None,
    };
    all.extend(what.map(|what| found(what, policy, claim.money_entries())));
    Ok(all)
}

/// Whether the policy of a claim names what was damaged, or what that is in or came from, on any day.
fn is_insured(state: &dyn State, claim: &Claim) -> Result<bool, Error> {
    let Some(ground) = claim.content.ground() else { return Ok(true) };
    let Some(record) = state.record(ground.policy.partition(), ground.policy.into())? else {
        return Ok(true);
    };
    let at = At { day: ground.lost_on, known: None };
    let damaged = damaged(state, &ground, at)?;
    let life = &record.timeline;
    Ok(life.registration().is_some() && names_any(life, &damaged.chain))
}

/// Other claims that tell of the loss of a claim, as is known now.
pub(crate) fn same_loss(
    state: &dyn State,
    id: Option<SubjectId>,
    claim: &Claim,
) -> Result<Vec<SubjectId>, Error> {
    let mut found = Vec::new();
    let Some(building) = claim.content.building.flatten() else { return Ok(found) };
    for other in said_about(state, building, Kind::Claim)? {
        if Some(other) == id {
            continue;
        }
        let Some(record) = state.record(other.partition(), other)? else { continue };
        let its = claim::of_timeline(&record.timeline, Day::MAX);
        if its.is_some_and(|its| its.is_of_same_loss(claim)) {
            found.push(other);
        }
    }
    Ok(found)
}

/// A claim as it is answered.
#[derive(Clone, Debug)]
pub struct ClaimSeen {
    /// As it stands on the day of the read.
    pub claim: Claim,
    /// What of the paid amount each insurer bears, by its share on the day of the loss; empty while
    /// nothing is paid.
    pub borne: Vec<(String, Fen)>,
}

/// How a subject that is a claim stands; `None` for any other.
pub(crate) fn seen(
    state: &dyn State,
    life: &Timeline,
    content: &Content,
    at: At,
) -> Result<Option<Box<ClaimSeen>>, Error> {
    if !matches!(content.fields, Fields::Claim(_)) {
        return Ok(None);
    }
    let Some(claim) = claim::of_timeline(life, at.day) else { return Ok(None) };
    let borne = if claim.paid > Fen::ZERO { borne(state, &claim, at)? } else { Vec::new() };
    Ok(Some(Box::new(ClaimSeen { claim, borne })))
}

fn borne(state: &dyn State, claim: &Claim, at: At) -> Result<Vec<(String, Fen)>, Error> {
    let Some(policy) = claim.content.policy.flatten() else { return Ok(Vec::new()) };
    let life = timeline_at(state, policy.partition(), policy.into(), at.known)?;
    let lost_on = claim.content.lost_on.flatten().unwrap_or(claim.noticed);
    let then = life.and_then(|life| policy_on(&life, lost_on)).unwrap_or_default();
    let shares: Vec<Share> = then.insurers().iter().map(|insurer| insurer.share).collect();
    let companies = then.insurers().iter().map(|insurer| insurer.company.0.clone());
    Ok(companies.zip(share_out(claim.paid, &shares)).collect())
}

/// A set of stages of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimStages(u32);

impl ClaimStages {
    /// These stages; all of them when none is named.
    pub fn of(stages: &[Stage]) -> Self {
        let stages = if stages.is_empty() { &Stage::ALL[..] } else { stages };
        Self(stages.iter().fold(0, |set, stage| set | 1 << (*stage as u32)))
    }

    /// Whether a stage is one of them.
    pub const fn has(self, stage: Stage) -> bool {
        self.0 & 1 << (stage as u32) != 0
    }
}

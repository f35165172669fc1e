//! What several commands ask of the state.

use std::sync::Arc;

use crate::{
    domain::{
        content::{Content, Fields},
        plausibility::Implausible,
        region::Level,
        timeline::Timeline,
    },
    kernel::{
        id::{Kind, SubjectId},
        position::{Partition, Seq},
        time::Day,
    },
    registry::{
        case::{self, Contradiction, Found},
        error::{Class, Error, Refusal},
        history::entry_numbers,
        read::level_of,
        record::Record,
        space::{Space, subject_key},
        subjects::Subjects,
        tx::{Draft, Tx},
    },
};

/// The number of a statement that is judged before it is recorded.
const NOT_YET_RECORDED: Seq = u64::MAX;
/// Subjects below one holder that a command goes through.
const CHILDREN_MAX: usize = 20_000;

/// What is known of a subject that a command is about. Notes that nothing is, or that it is not as
/// the caller saw it last: what else is wrong is told against what stands now.
pub(crate) fn subject(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    etag: Option<Seq>,
    refusals: &mut Vec<Refusal>,
) -> Result<Option<Arc<Record>>, Error> {
    let Some(record) = tx.work.known(id.partition(), id)? else {
        refusals.push(Refusal::missing("id", id));
        return Ok(None);
    };
    if let Some(etag) = etag.filter(|etag| *etag != record.last_seq) {
        refusals.push(Refusal::of(
            Class::Conflict,
            "ETAG_MISMATCH",
            "etag",
            format!("its last entry is {}, not {etag}: read it again", record.last_seq),
        ));
    }
    Ok(Some(record))
}

/// The same for what more is to be said of: notes that it was entered in error, and then knows
/// nothing of it. When it is there after all, its
/// retraction is taken back.
pub(crate) fn real_subject(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    etag: Option<Seq>,
    refusals: &mut Vec<Refusal>,
) -> Result<Option<Arc<Record>>, Error> {
    let record = subject(tx, id, etag, refusals)?;
    Ok(record.filter(|record| {
        let is_real = record.timeline.registration().is_some();
        if !is_real {
            refusals.push(entered_in_error("id", id));
        }
        is_real
    }))
}

/// What never existed is worked on by nobody.
pub(crate) fn entered_in_error(field: &str, id: SubjectId) -> Refusal {
    let message = format!("{id} was entered in error and never existed");
    Refusal::rule("ENTERED_IN_ERROR", field, message)
}

/// Notes refusals, so that what else is wrong can be told with them; any other error stays one.
pub(crate) fn noted<T>(
    outcome: Result<T, Error>,
    refusals: &mut Vec<Refusal>,
) -> Result<Option<T>, Error> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(Error::Refused(more)) => {
            refusals.extend(more);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A refusal of an item, by its path in the request.
pub(crate) fn of_item(index: u32, refusal: Refusal) -> Refusal {
    let point = if refusal.field.is_empty() { "" } else { "." };
    Refusal { field: format!("requests[{index}]{point}{}", refusal.field), ..refusal }
}

/// The partitions that know a subject of this content: what lies between cities is known in
/// partition 0 as well.
pub(crate) fn homes(id: SubjectId, content: &Content) -> Vec<Partition> {
    let own = id.partition();
    let is_between = level_of(content).is_some_and(|level| level <= Level::District);
    if is_between && own != Partition::ROOT { vec![own, Partition::ROOT] } else { vec![own] }
}

/// The partitions that know a subject, whatever is said of it now.
pub(crate) fn known_in(tx: &mut Tx<'_, '_>, id: SubjectId) -> Result<Vec<Partition>, Error> {
    let own = id.partition();
    let is_elsewhere = id.kind() == Kind::Region
        && own != Partition::ROOT
        && tx.work.known(Partition::ROOT, id)?.is_some();
    Ok(if is_elsewhere { vec![own, Partition::ROOT] } else { vec![own] })
}

/// Records a fact about a subject in every partition that knows it, and gives its number in the
/// subject's own.
pub(crate) fn record_everywhere(
    tx: &mut Tx<'_, '_>,
    homes: &[Partition],
    subject: SubjectId,
    draft: Draft,
) -> Result<Seq, Error> {
    let own = subject.partition();
    let mut others = Vec::new();
    for partition in homes.iter().copied().filter(|partition| *partition != own) {
        let corrects = elsewhere(tx, own, partition, subject, &draft.corrects)?;
        others.push(Draft { partition, corrects, basis: Vec::new(), ..draft.clone() });
    }
    let seq = tx.accept(Draft { partition: own, ..draft })?;
    for other in others {
        tx.accept(other)?;
    }
    Ok(seq)
}

/// The numbers that entries of a subject have in another partition: it has the same entries there,
/// in the same order.
fn elsewhere(
    tx: &mut Tx<'_, '_>,
    own: Partition,
    other: Partition,
    subject: SubjectId,
    seqs: &[Seq],
) -> Result<Vec<Seq>, Error> {
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    let (Some(here), Some(there)) = (tx.work.known(own, subject)?, tx.work.known(other, subject)?)
    else {
        return Err(Error::Bug(format!("{subject} is not known in partition {other}")));
    };
    let here = entry_numbers(tx.work, own, subject, &here)?;
    let there = entry_numbers(tx.work, other, subject, &there)?;
    Ok(here
        .iter()
        .zip(&there)
        .filter(|(number, _)| seqs.contains(number))
        .map(|(_, number)| *number)
        .collect())
}

/// Splits what is implausible into refusals and overridden rules.
pub(crate) fn weigh(
    tx: &Tx<'_, '_>,
    prefix: &str,
    found: Vec<Implausible>,
    refusals: &mut Vec<Refusal>,
    overridden: &mut Vec<String>,
) {
    for implausible in found {
        let is_overridden = implausible.is_overridable
            && tx.call.overrides.iter().any(|rule| rule == implausible.reason);
        if is_overridden {
            overridden.push(implausible.reason.to_owned());
        } else {
            let hint = if implausible.is_overridable { " (can be overridden)" } else { "" };
            refusals.push(Refusal::of(
                Class::Invalid,
                implausible.reason,
                &format!("{prefix}{}", implausible.field),
                format!("{}{hint}", implausible.message),
            ));
        }
    }
    if !overridden.is_empty() {
        needs_reason(tx, refusals);
    }
}

/// Notes, once, that the caller does not say why.
pub(crate) fn needs_reason(tx: &Tx<'_, '_>, refusals: &mut Vec<Refusal>) {
    let missing = reason_missing();
    if tx.call.reason.is_empty() && !refusals.contains(&missing) {
        refusals.push(missing);
    }
}

/// Corrections, retractions and overrides are never without a reason.
pub(crate) fn reason_missing() -> Refusal {
    Refusal::of(Class::Invalid, "REASON_MISSING", "context.reason", "say why in one sentence")
}

/// Refusals for what a timeline newly contradicts.
pub(crate) fn contradictions(
    tx: &mut Tx<'_, '_>,
    subject: SubjectId,
    before: &Timeline,
    after: &Timeline,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    if rests_alike(before, after) {
        return Ok(());
    }
    let partition = subject.partition();
    let known = case::contradictions(tx.work, partition, subject, before)?;
    for found in case::contradictions(tx.work, partition, subject, after)? {
        let is_known = known.iter().any(|known| {
            known.what == found.what && known.other == found.other && known.detail == found.detail
        });
        if !is_known && !is_of_error(tx, &found, refusals)? {
            refusals.push(refusal_of(&found, subject.kind(), before, after));
        }
    }
    Ok(())
}

/// Whether all that a life can contradict is as it was: its beginning, its holders and its outside
/// numbers. Most changes are of other things, and looking holders and numbers up is dear. After an
/// end, whatever is said can contradict it.
fn rests_alike(before: &Timeline, after: &Timeline) -> bool {
    let [before, after] = [before, after].map(|life| {
        let rests_on = |content: &Content| (content.holders(), content.shared.identifiers.clone());
        let begins = life.registration().map(|(_, from)| from);
        (begins, life.end().is_none(), life.spans(rests_on))
    });
    before.1 && before == after
}

/// Whether a subject lies outside the life of a holder only because that was entered in error, which
/// is refused already.
fn is_of_error(tx: &mut Tx<'_, '_>, found: &Found, refusals: &[Refusal]) -> Result<bool, Error> {
    let Some(holder) = found.other.filter(|_| found.what == Contradiction::OutsideParentLife)
    else {
        return Ok(false);
    };
    let record = tx.work.known(holder.partition(), holder)?;
    let never_was = record.is_some_and(|record| record.timeline.registration().is_none());
    Ok(never_was && refusals.iter().any(|refusal| refusal.reason == "ENTERED_IN_ERROR"))
}

fn refusal_of(found: &Found, kind: Kind, before: &Timeline, after: &Timeline) -> Refusal {
    let mut message = found.what.message().to_owned();
    let mut field = match (found.what, kind) {
        (Contradiction::IdentifierOverlap, Kind::Region) => "fields.codes",
        (Contradiction::IdentifierOverlap, Kind::Policy) => "fields.policy_number",
        (Contradiction::IdentifierOverlap, Kind::Claim) => "fields.claim_number",
        (Contradiction::IdentifierOverlap, _) => "fields.identifiers",
        (Contradiction::EndsBeforeItBegins, _) => "ended_on",
        (Contradiction::OutsideParentLife, _) if before.registration().is_none() => "exists_from",
        _ => "",
    };
    if found.what == Contradiction::SaidAfterItsEnd {
        // The first of them says what has to be corrected.
        let said = after.contents().map(|(statement, _)| statement);
        let mut said = said.filter(|said| found.doubts.contains(&said.seq));
        if let Some(first) = said.next() {
            let more = said.count();
            let what = if first.seq == NOT_YET_RECORDED {
                field = "from";
                format!("what is said now holds from {}", first.from)
            } else {
                field = "ended_on";
                format!("entry {} holds from {}", first.seq, first.from)
            };
            message = format!("{message}: {what}");
            if more > 0 {
                message = format!("{message}, and {more} more");
            }
        }
    }
    if !found.detail.is_empty() {
        message = format!("{message}: {}", found.detail);
    }
    if let Some(other) = found.other {
        message = format!("{message} ({other})");
    }
    Refusal::rule(found.what.reason(), field, message)
}

/// Checks that the subjects a content names are there, of the right kind and in the same partition.
pub(crate) fn references(
    tx: &mut Tx<'_, '_>,
    partition: Partition,
    content: &Content,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let mut named: Vec<(&str, SubjectId, Option<Level>)> = Vec::new();
    match &content.fields {
        Fields::Region(region) => {
            let above = region.level.and_then(Level::above);
            named.extend(region.parent.flatten().map(|id| ("fields.parent_id", id.into(), above)));
        }
        Fields::Compound(compound) => named.extend(
            compound
                .community
                .flatten()
                .map(|id| ("fields.community_id", id.into(), Some(Level::Community))),
        ),
        Fields::Building(building) => {
            named.extend(
                building.compound.flatten().map(|id| ("fields.compound_id", id.into(), None)),
            );
            named.extend(
                building
                    .community
                    .flatten()
                    .map(|id| ("fields.community_id", id.into(), Some(Level::Community))),
            );
            named.extend(
                building.physical.flatten().map(|id| ("fields.physical_id", id.into(), None)),
            );
        }
        Fields::Unit(unit) => {
            named.extend(unit.building.flatten().map(|id| ("fields.building_id", id.into(), None)));
        }
        _ => named
            .extend(content.named().into_iter().map(|(field, id)| (field_path(field), id, None))),
    }
    for (field, id, level) in named {
        // A district's city may be known in partition 0 only.
        let is_between = matches!(level, Some(Level::Province | Level::City));
        if id.partition() != partition && !is_between {
            refusals.push(Refusal::rule(
                "OTHER_PARTITION",
                field,
                format!("{id} belongs to another partition"),
            ));
            continue;
        }
        let Some(record) = tx.work.known(id.partition(), id)? else {
            refusals.push(Refusal::missing(field, id));
            continue;
        };
        if record.timeline.registration().is_none() {
            refusals.push(entered_in_error(field, id));
            // What it was is no measure any more.
            continue;
        }
        let found = record.timeline.content_at(Day::MAX).and_then(|content| level_of(&content));
        if level.is_some() && found != level {
            let wanted = level.map_or_else(String::new, |level| level.to_string());
            refusals.push(Refusal::rule("LEVEL", field, format!("{id} is not a {wanted}")));
        }
        let is_part = record.timeline.content_at(Day::MAX).is_some_and(|content| {
            matches!(content.fields, Fields::Building(building) if building.physical.flatten().is_some())
        });
        if field == "fields.physical_id" && is_part {
            refusals.push(Refusal::rule(
                "NOT_PHYSICAL",
                field,
                format!("{id} is itself a logical building"),
            ));
        }
    }
    Ok(())
}

/// Where a field of what is said about the spine stands in a request.
fn field_path(field: &str) -> &'static str {
    match field {
        "building_id" => "fields.building_id",
        "order_id" => "fields.order_id",
        "plan_id" => "fields.plan_id",
        "body_id" => "fields.body_id",
        "employments" => "fields.employments",
        "signers" => "fields.signers",
        "report_id" => "fields.report_id",
        "superseded_by" => "fields.superseded_by",
        "object_ids" => "fields.object_ids",
        "unit_id" => "fields.unit_id",
        "policy_id" => "fields.policy_id",
        "work_id" => "step.paid.work_id",
        "finding_ids" => "fields.finding_ids",
        "report_ids" => "fields.report_ids",
        _ => "fields.region_id",
    }
}

/// A subject below a holder.
pub(crate) struct ChildOf {
    /// Which.
    pub id: SubjectId,
    /// What is known of it.
    pub record: Arc<Record>,
}

/// The subjects that are, or may be, in a holder on or after a day.
pub(crate) fn living_children(
    tx: &mut Tx<'_, '_>,
    holder: SubjectId,
    from: Day,
) -> Result<Vec<ChildOf>, Error> {
    let partition = holder.partition();
    let mut children = Vec::new();
    let mut subjects = Subjects::below(subject_key(partition, Space::Child, holder));
    while let Some(id) = subjects.next(tx.work)? {
        let Some(record) = tx.work.known(partition, id)? else { continue };
        if is_in(&record.timeline, holder, from) {
            children.push(ChildOf { id, record });
        }
        if children.len() > CHILDREN_MAX {
            return Err(Error::refused(Refusal::rule(
                "TOO_MANY_CHILDREN",
                "",
                format!("{holder} holds more than {CHILDREN_MAX} subjects: move them first"),
            )));
        }
    }
    Ok(children)
}

fn is_in(timeline: &Timeline, holder: SubjectId, from: Day) -> bool {
    let Some((_, gone)) = timeline.possible_span() else {
        return false;
    };
    gone > from && was_in(timeline, holder, from)
}

/// Whether a holder is named as that of a subject on or after a day, whether or not it is there then.
pub(crate) fn was_in(timeline: &Timeline, holder: SubjectId, from: Day) -> bool {
    timeline
        .spans(|content| content.holders().contains(&holder))
        .iter()
        .any(|(_, until, is_in)| *is_in && until.is_none_or(|until| until > from))
}

/// A content that only says which holder a subject is in.
pub(crate) fn placed_in(kind: Kind, holder: SubjectId, old: SubjectId, now: &Content) -> Content {
    let mut content = Content::empty(kind);
    match (&mut content.fields, &now.fields) {
        (Fields::Region(fields), _) => fields.parent = Some(holder.try_into().ok()),
        (Fields::Compound(fields), _) => fields.community = Some(holder.try_into().ok()),
        (Fields::Building(fields), Fields::Building(building)) => match old.kind() {
            Kind::Compound => fields.compound = Some(holder.try_into().ok()),
            Kind::Building => fields.physical = Some(holder.try_into().ok()),
            _ => {
                // Only buildings that have a community of their own name it.
                if building.community.flatten().is_some() {
                    fields.community = Some(holder.try_into().ok());
                }
            }
        },
        (Fields::Unit(fields), _) => fields.building = Some(holder.try_into().ok()),
        _ => {}
    }
    content
}

/// Refuses to move what is in a node while an earlier move is under way.
pub(crate) fn no_sweep(
    tx: &mut Tx<'_, '_>,
    partition: Partition,
    node: SubjectId,
) -> Result<(), Error> {
    let open = tx.work.sweeps(partition)?;
    let first = tx.work.command_entries().first().map(|entry| entry.seq);
    // Sweeps of this very command do not count, since they move in its order; but one node is not
    // moved twice before it has arrived.
    let is_earlier = |opened: Seq| first.is_none_or(|first| opened < first);
    match open.iter().find(|sweep| sweep.node == node || is_earlier(sweep.opened_by)) {
        Some(sweep) => Err(Error::refused(Refusal::of(
            Class::Conflict,
            "SWEEP_UNDER_WAY",
            "",
            format!("what entry {} moved is still being moved: try again", sweep.opened_by),
        ))),
        None => Ok(()),
    }
}

/// All refusals, or none.
pub(crate) fn settle(refusals: Vec<Refusal>) -> Result<(), Error> {
    if refusals.is_empty() { Ok(()) } else { Err(Error::Refused(refusals)) }
}

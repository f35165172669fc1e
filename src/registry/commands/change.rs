//! Saying that the world changed.

use crate::{
    domain::{
        content::{Content, Fields},
        plausibility,
        region::Level,
        timeline::{Saying, Statement},
    },
    kernel::{
        id::{BuildingId, SubjectId},
        time::Day,
    },
    registry::{
        command::Change,
        commands::{
            claim, finding, lived, order, plan, policy,
            register::unit_count,
            report,
            rules::{
                contradictions, homes, no_sweep, noted, real_subject, record_everywhere,
                references, settle, weigh,
            },
            work,
        },
        error::{Class, Error, Refusal},
        fact::{Fact, SourceRow},
        read::level_of,
        record::Record,
        tx::{Decided, Draft, Tx},
    },
};

/// Says that fields have other values from a day on.
pub(crate) fn change(tx: &mut Tx<'_, '_>, command: Change) -> Result<Decided, Error> {
    let id = command.subject;
    say(tx, command, None, Vec::new())?;
    Ok(Decided { subjects: vec![id], ..Decided::default() })
}

/// Decides and records a change; what is refused already is told with the rest.
pub(crate) fn say(
    tx: &mut Tx<'_, '_>,
    mut command: Change,
    source_row: Option<SourceRow>,
    mut refusals: Vec<Refusal>,
) -> Result<(), Error> {
    let id = command.subject;
    let record = real_subject(tx, id, command.etag, &mut refusals)?;
    // A row of a source may have nothing new to say but that it was read.
    if command.content.is_empty() && source_row.is_none() {
        refusals.push(Refusal::of(Class::Invalid, "NOTHING_SAID", "fields", "no field is named"));
    }
    let mut overridden = Vec::new();
    judge(tx, id, record.as_deref(), &command.content, &mut refusals, &mut overridden)?;
    finding::has_own_commands(id.kind(), &mut refusals);
    not_observed_before(tx, &command.content, command.from, &mut refusals);
    let Some(record) = record else { return settle(refusals) };
    let beside = record.timeline.content_at(command.from);
    policy::numbered(&mut command.content, beside.as_ref());
    claim::prepared(tx, Some(id), &mut command.content, Some(&record.timeline))?;
    not_before_it_begins(&record, command.from, &mut refusals);
    order::changed(tx, id, &record, &command.content, command.from, &mut refusals)?;
    report::changed(tx, id, &record, &command.content, &mut refusals)?;
    let statement = Statement {
        seq: u64::MAX,
        from: command.from,
        second: command.second_of_day,
        key: command.order_key.clone(),
        saying: Saying::Changed(command.content.clone()),
    };
    let mut after = record.timeline.clone();
    after.push(statement, &[]);
    policy::said(tx, &command.content, &record.timeline, &after, command.from, &mut refusals)?;
    lived::judge(tx, id, &record.timeline, &after, &mut refusals)?;
    plan::beside(tx, id, &record.timeline, &after, &mut refusals)?;
    claim::said(tx, id, &command.content, &after, "step", &mut refusals)?;
    claim::told_anew(tx, id, &command.content, &after, &mut refusals, &mut overridden)?;
    work::said(tx, id, &command.content, &after, &mut refusals)?;
    contradictions(tx, id, &record.timeline, &after, &mut refusals)?;
    settle(refusals)?;

    let now = record.timeline.content_at(command.from).unwrap_or(command.content.clone());
    let homes = homes(id, &now);
    let draft = Draft {
        second_of_day: command.second_of_day,
        order_key: command.order_key,
        sentences: command.sentences,
        overridden,
        source_row,
        ..Draft::new(id.partition(), Fact::Changed { subject: id, content: command.content })
            .from(command.from)
    };
    record_everywhere(tx, &homes, id, draft)?;
    Ok(())
}

/// What can only be observed is not said of days to come.
pub(crate) fn not_observed_before(
    tx: &Tx<'_, '_>,
    content: &Content,
    from: Day,
    refusals: &mut Vec<Refusal>,
) {
    if from <= tx.today() {
        return;
    }
    for (field, _) in content.texts() {
        if !plausibility::is_disposed(&field) {
            refusals.push(Refusal::of(
                Class::Invalid,
                "FUTURE_DATE",
                "from",
                format!("{field} can only be observed, and {from} is still to come"),
            ));
        }
    }
}

/// Nothing is said of days on which its subject certainly is not there yet.
pub(crate) fn not_before_it_begins(record: &Record, from: Day, refusals: &mut Vec<Refusal>) {
    let Some(begins) = record.timeline.exists_from() else { return };
    if from < begins.earliest() {
        let message = format!(
            "it is there since {begins}, and what is said now holds from {from}: if it was there \
             before, correct that first"
        );
        refusals.push(Refusal::rule("SAID_BEFORE_IT_BEGINS", "from", message));
    }
}

/// What a newly said content must satisfy in itself and beside what stands. Where nothing is known
/// of its subject, in itself alone.
pub(crate) fn judge(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    record: Option<&Record>,
    content: &Content,
    refusals: &mut Vec<Refusal>,
    overridden: &mut Vec<String>,
) -> Result<(), Error> {
    if content.kind() != id.kind() {
        return Err(Error::Bug(format!("a {:?} cannot be said of {id}", content.kind())));
    }
    let Some(record) = record else {
        references(tx, id.partition(), content, refusals)?;
        let found = plausibility::check(content, tx.today());
        weigh(tx, "fields.", found, refusals, overridden);
        return Ok(());
    };
    let first = record.timeline.contents().next().map(|(_, content)| content);
    let level = first.and_then(level_of);
    let mut whole = content.clone();
    if let Fields::Region(region) = &mut whole.fields {
        if region.level.is_some() && region.level != level {
            refusals.push(Refusal::of(
                Class::Invalid,
                "LEVEL",
                "fields.level",
                "a region keeps its level: end it and create another",
            ));
        }
        region.level = level;
        if level == Some(Level::Province) && region.parent.flatten().is_some() {
            let message = "a province belongs to no other region";
            refusals.push(Refusal::rule("LEVEL", "fields.parent_id", message));
            region.parent = None;
        }
    }
    must_stay(content, level, refusals);
    references(tx, id.partition(), &whole, refusals)?;
    if !content.holders().is_empty() {
        noted(no_sweep(tx, id.partition(), id), refusals)?;
    }
    // Rules that compare fields see what is said beside what stands now.
    let mut beside = record.timeline.content_at(tx.today()).unwrap_or_else(|| whole.clone());
    let mut was = plausibility::check(&beside, tx.today());
    was.extend(plausibility::check_units_in(&beside, record.unit_count));
    let building = building_of(&beside);
    beside.lay(&whole);
    let mut found = plausibility::check(&beside, tx.today());
    found.extend(plausibility::check_units_in(&beside, record.unit_count));
    if building_of(&beside) != building {
        found.extend(unit_count(tx, &beside)?);
    }
    found.retain(|implausible| !was.contains(implausible));
    weigh(tx, "fields.", found, refusals, overridden);
    Ok(())
}

/// The building that a unit is in.
fn building_of(unit: &Content) -> Option<BuildingId> {
    match &unit.fields {
        Fields::Unit(unit) => unit.building.flatten(),
        _ => None,
    }
}

/// Some fields have a value as long as their subject lives.
fn must_stay(content: &Content, level: Option<Level>, refusals: &mut Vec<Refusal>) {
    let gone = match &content.fields {
        Fields::Region(region) => vec![
            ("name", region.name == Some(None)),
            ("parent_id", region.parent == Some(None) && level != Some(Level::Province)),
        ],
        Fields::Compound(compound) => vec![
            ("name", compound.name == Some(None)),
            ("community_id", compound.community == Some(None)),
        ],
        Fields::Unit(unit) => vec![("building_id", unit.building == Some(None))],
        Fields::Body(body) => {
            vec![("name", body.name == Some(None)), ("region_id", body.region == Some(None))]
        }
        Fields::Signer(signer) => vec![("region_id", signer.region == Some(None))],
        Fields::Plan(plan) => {
            vec![("year", plan.year == Some(None)), ("region_id", plan.region == Some(None))]
        }
        Fields::Order(order) => {
            vec![("building_id", order.building == Some(None)), ("kind", order.kind == Some(None))]
        }
        Fields::Report(report) => vec![
            ("building_id", report.building == Some(None)),
            ("kind", report.kind == Some(None)),
        ],
        Fields::Finding(finding) => vec![("building_id", finding.building == Some(None))],
        Fields::Reference(reference) => vec![
            ("region_id", reference.region == Some(None)),
            ("text", reference.text == Some(None)),
        ],
        Fields::Policy(policy) => vec![
            ("region_id", policy.region == Some(None)),
            ("policy_number", policy.number == Some(None)),
            ("product", policy.product == Some(None)),
            ("clause", policy.clause == Some(None)),
            ("insurers", policy.insurers.is_some() && policy.insurers().is_empty()),
            ("object_ids", policy.objects.is_some() && policy.objects().is_empty()),
            ("covers", policy.covers.is_some() && policy.covers().is_empty()),
        ],
        Fields::Claim(claim) => vec![
            ("building_id", claim.building == Some(None)),
            ("policy_id", claim.policy == Some(None)),
            ("cover", claim.cover == Some(None)),
            ("part", claim.part == Some(None)),
            ("cause", claim.cause == Some(None)),
            ("lost_on", claim.lost_on == Some(None)),
        ],
        Fields::Work(work) => vec![
            ("building_id", work.building == Some(None)),
            ("part", work.part == Some(None)),
            ("done", work.done == Some(None)),
        ],
        Fields::Building(_) => Vec::new(),
    };
    for (field, _) in gone.into_iter().filter(|(_, is_gone)| *is_gone) {
        refusals.push(Refusal::of(
            Class::Invalid,
            "REQUIRED",
            &format!("fields.{field}"),
            "this cannot be unknown or none",
        ));
    }
}

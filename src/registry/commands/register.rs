//! Registering subjects.

use crate::{
    domain::{
        content::{Content, Fields},
        plausibility,
        region::Level,
        timeline::{Saying, Statement, Timeline},
    },
    kernel::{
        id::{RegionId, SubjectId},
        position::Partition,
        time::{Day, ImpreciseDay},
    },
    registry::{
        command::Register,
        commands::{
            claim, order, plan, policy,
            row_life::{FieldsFrom, Further, RowDays},
            rules::{contradictions, homes, of_item, record_everywhere, references, settle, weigh},
            work,
        },
        error::{Class, Error, Refusal},
        fact::{Fact, ItemRecord, SourceRow},
        read::level_of,
        tx::{Decided, Draft, Tx},
    },
};

/// Registers one subject.
pub(crate) fn one(tx: &mut Tx<'_, '_>, item: Register) -> Result<Decided, Error> {
    let id = register(tx, item, None, Unresolved::default(), Further::default())?;
    Ok(Decided { subjects: vec![id], items: Vec::new(), item_count: 1 })
}

/// Registers several: all or none, or each by itself.
pub(crate) fn all(
    tx: &mut Tx<'_, '_>,
    list: Vec<Register>,
    per_item: bool,
) -> Result<Decided, Error> {
    let item_count = u32::try_from(list.len()).unwrap_or(u32::MAX);
    let (mut subjects, mut items, mut refusals) = (Vec::new(), Vec::new(), Vec::new());
    for (index, item) in (0_u32..).zip(list) {
        match register(tx, item, None, Unresolved::default(), Further::default()) {
            Ok(id) => subjects.push(id),
            Err(Error::Refused(refused)) if per_item => {
                items.push(ItemRecord::refused(index, refused));
            }
            Err(Error::Refused(refused)) => {
                refusals.extend(refused.into_iter().map(|refusal| of_item(index, refusal)));
            }
            Err(error) => return Err(error),
        }
    }
    settle(refusals)?;
    if subjects.is_empty() {
        // A wholly refused command wrote nothing and is judged anew.
        return Err(Error::Refused(
            items
                .into_iter()
                .flat_map(|item| {
                    let index = item.index;
                    item.refusals.into_iter().map(move |refusal| of_item(index, refusal))
                })
                .collect(),
        ));
    }
    if !items.is_empty() {
        let fact = Fact::BatchRecorded { item_count, items: items.clone() };
        tx.accept(Draft::new(tx.partition(), fact))?;
    }
    Ok(Decided { subjects, items, item_count })
}

/// References that lead nowhere: their fields, and what is told of them. What they hold cannot be
/// registered, but judged without them.
#[derive(Default)]
pub(crate) struct Unresolved {
    /// The fields, without the path to them.
    pub fields: Vec<&'static str>,
    /// What is told.
    pub refusals: Vec<Refusal>,
}

/// Decides and records the beginning of a subject; that of one that has ended is judged by its whole
/// life.
pub(crate) fn register(
    tx: &mut Tx<'_, '_>,
    item: Register,
    source_row: Option<SourceRow>,
    unresolved: Unresolved,
    further: Further<'_>,
) -> Result<SubjectId, Error> {
    let Register { seed, mut content, exists_from, opens_partition, sentences } = item;
    policy::numbered(&mut content, None);
    claim::prepared(tx, None, &mut content, None)?;
    let Unresolved { fields, mut refusals } = unresolved;
    let partition = if fields.is_empty() {
        home(tx, &content, opens_partition, &mut refusals)?
    } else {
        tx.partition()
    };
    let subject = SubjectId::new(content.kind(), seed.born_in(partition));
    let mut overridden = Vec::new();
    let life = Some((exists_from, further));
    judge(tx, subject, &content, life, &fields, &mut refusals, &mut overridden)?;
    settle(refusals)?;

    if opens_partition {
        open_partition(tx, partition, subject)?;
    }
    let basis = basis_of(tx, partition, &content)?;
    let homes = homes(subject, &content);
    let from = exists_from.earliest();
    let draft = Draft {
        basis,
        sentences,
        overridden,
        source_row,
        ..Draft::new(partition, Fact::Registered { subject, exists_from, content }).from(from)
    };
    record_everywhere(tx, &homes, subject, draft)?;
    Ok(subject)
}

/// What stands against a subject that is to begin. Without a day nothing is said of its life, and
/// what is `unresolved` is not missed.
pub(crate) fn judge(
    tx: &mut Tx<'_, '_>,
    subject: SubjectId,
    content: &Content,
    life: Option<(ImpreciseDay, Further<'_>)>,
    unresolved: &[&'static str],
    refusals: &mut Vec<Refusal>,
    overridden: &mut Vec<String>,
) -> Result<(), Error> {
    let (partition, today) = (subject.partition(), tx.today());
    let states = life.and_then(|(_, further)| further.life).map(RowDays::states);
    let is_plain = states.is_none();
    match states {
        Some(states) => judge_states(tx, partition, states, unresolved, refusals, overridden)?,
        None => judge_references(tx, partition, content, unresolved, refusals)?,
    }
    if let Some((exists_from, further)) = life {
        let mut found = plausibility::check_beginning(content, exists_from, today);
        let end = further.end.map(|end| end.implausible(content, today));
        found.extend(end.unwrap_or_default());
        weigh(tx, "", found, refusals, overridden);
        if let Some(life) = further.life {
            life.judge_days(tx, exists_from, refusals);
        }
    }
    if is_plain {
        judge_values(tx, content, true, refusals, overridden)?;
    }
    if tx.work.known(partition, subject)?.is_some() {
        refusals.push(Refusal::of(
            Class::Conflict,
            "ID_COLLISION",
            "",
            "the id that was drawn is taken: try again",
        ));
    }
    let Some((exists_from, further)) = life else { return Ok(()) };
    order::new(tx, content, exists_from.earliest(), refusals)?;
    policy::new(tx, content, exists_from.earliest(), refusals)?;
    claim::new(tx, content, exists_from, refusals, overridden)?;
    work::new(tx, content, exists_from, refusals)?;
    let statement = Statement {
        seq: 0,
        from: Day::MIN,
        second: None,
        key: Vec::new(),
        saying: Saying::Registered { exists_from, content: content.clone() },
    };
    let mut timeline = Timeline::fold([(statement, Vec::new())]);
    if let Some(life) = further.life {
        life.lay_over(subject, &mut timeline);
        life.go_on(tx, subject, refusals)?;
    }
    if let Some(end) = further.end {
        timeline.push(end.statement(subject), &[]);
        end.goes_on(tx, refusals)?;
    }
    plan::beside(tx, subject, &Timeline::default(), &timeline, refusals)?;
    contradictions(tx, subject, &Timeline::default(), &timeline, refusals)
}

/// What a subject that is to begin needs, and what it names.
fn judge_references(
    tx: &mut Tx<'_, '_>,
    partition: Partition,
    content: &Content,
    unresolved: &[&'static str],
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    let mut missing = Vec::new();
    required(content, &mut missing);
    missing.retain(|refusal| match refusal.field.as_str() {
        // A building may have its community instead.
        "fields.compound_id" => !unresolved.iter().any(|field| *field != "physical_id"),
        path => !unresolved.iter().any(|field| path.strip_prefix("fields.") == Some(*field)),
    });
    refusals.append(&mut missing);
    references(tx, partition, content, refusals)
}

/// What is implausible in the fields of a subject that is to begin. How many units a building has is
/// asked of where it is now, as of what is moved it is not asked at all.
fn judge_values(
    tx: &mut Tx<'_, '_>,
    content: &Content,
    is_now: bool,
    refusals: &mut Vec<Refusal>,
    overridden: &mut Vec<String>,
) -> Result<(), Error> {
    let mut found = plausibility::check(content, tx.today());
    if is_now {
        found.extend(unit_count(tx, content)?);
    }
    weigh(tx, "fields.", found, refusals, overridden);
    Ok(())
}

/// What stands against the fields of all its days: what is so on several of them is told once, by the path
/// of the row's own fields if it is so in these.
fn judge_states(
    tx: &mut Tx<'_, '_>,
    partition: Partition,
    mut states: Vec<FieldsFrom>,
    unresolved: &[&'static str],
    refusals: &mut Vec<Refusal>,
    overridden: &mut Vec<String>,
) -> Result<(), Error> {
    states.sort_by_key(|state| state.path != "fields.");
    let mut told: Vec<Refusal> = Vec::new();
    for FieldsFrom { path, content, .. } in states {
        let (mut own, mut broken) = (Vec::new(), Vec::new());
        judge_references(tx, partition, &content, unresolved, &mut own)?;
        judge_values(tx, &content, path == "fields.", &mut own, &mut broken)?;
        for refusal in own.into_iter().filter(|refusal| !told.contains(refusal)).collect::<Vec<_>>()
        {
            let field = match refusal.field.strip_prefix("fields.") {
                Some(field) => format!("{path}{field}"),
                None => refusal.field.clone(),
            };
            told.push(refusal.clone());
            refusals.push(Refusal { field, ..refusal });
        }
        overridden.extend(broken);
    }
    overridden.sort();
    overridden.dedup();
    Ok(())
}

/// The registrations of what the subject is in, as far as its own partition knows them: an entry
/// rests on entries of its own partition only.
fn basis_of(
    tx: &mut Tx<'_, '_>,
    partition: Partition,
    content: &Content,
) -> Result<Vec<u64>, Error> {
    let mut basis = Vec::new();
    for holder in content.references() {
        if let Some(record) = tx.work.known(partition, holder)?
            && let Some((statement, _)) = record.timeline.registration()
        {
            basis.push(statement.seq);
        }
    }
    basis.sort_unstable();
    basis.dedup();
    Ok(basis)
}

/// The partition in which a new subject is born: its holder's, or one of its own.
fn home(
    tx: &mut Tx<'_, '_>,
    content: &Content,
    opens_partition: bool,
    refusals: &mut Vec<Refusal>,
) -> Result<Partition, Error> {
    let holder = content.located_in().first().copied();
    let inherited = holder.map_or(Partition::ROOT, SubjectId::partition);
    let level = level_of(content);
    if opens_partition {
        let may_open =
            level.is_some_and(|level| level <= Level::District) && inherited == Partition::ROOT;
        if !may_open {
            refusals.push(Refusal::rule(
                "PARTITION_NESTED",
                "opens_partition",
                "only a province, city or district that is in no partition yet begins one",
            ));
            return Ok(inherited);
        }
        let next = tx.work.head(Partition::ROOT)?.partition_max + 1;
        let Some(next) = Partition::new(next) else {
            let message = "no number is left";
            refusals.push(Refusal::rule("PARTITIONS_FULL", "opens_partition", message));
            return Ok(inherited);
        };
        return Ok(next);
    }
    let is_local = level.is_none_or(|level| level > Level::District);
    if is_local && inherited == Partition::ROOT {
        refusals.push(Refusal::rule(
            "PARTITION_MISSING",
            "",
            "no city or county above it has begun a partition",
        ));
    }
    Ok(inherited)
}

/// Begins a partition with the region that is its own.
fn open_partition(
    tx: &mut Tx<'_, '_>,
    partition: Partition,
    subject: SubjectId,
) -> Result<(), Error> {
    let region = RegionId::try_from(subject).map_err(|error| Error::Bug(error.to_string()))?;
    tx.accept(Draft::new(Partition::ROOT, Fact::PartitionListed { partition, region }))?;
    tx.accept(Draft::new(partition, Fact::PartitionBegun(Some(region))))?;
    Ok(())
}

/// What every subject of a kind needs.
#[expect(clippy::too_many_lines, reason = "one arm for each kind")]
fn required(content: &Content, refusals: &mut Vec<Refusal>) {
    let mut need = |is_there: bool, field: &str, message: &str| {
        if !is_there {
            refusals.push(Refusal::of(
                Class::Invalid,
                "REQUIRED",
                &format!("fields.{field}"),
                message,
            ));
        }
    };
    match &content.fields {
        Fields::Region(region) => {
            need(region.level.is_some(), "level", "a region has a level");
            need(region.name.flatten_ref().is_some(), "name", "a region has a name");
            let is_top = region.level == Some(Level::Province);
            let has_parent = region.parent.flatten().is_some();
            need(is_top || has_parent, "parent_id", "a region below the province has a parent");
            need(!(is_top && has_parent), "parent_id", "a province has no parent here");
        }
        Fields::Compound(compound) => {
            need(compound.name.flatten_ref().is_some(), "name", "a compound has a name");
            let is_placed = compound.community.flatten().is_some();
            need(is_placed, "community_id", "a compound is in a community");
        }
        Fields::Building(building) => {
            let is_placed =
                building.compound.flatten().is_some() || building.community.flatten().is_some();
            need(is_placed, "compound_id", "a building is in a compound or in a community");
        }
        Fields::Unit(unit) => {
            need(unit.building.flatten().is_some(), "building_id", "a unit is in a building");
        }
        Fields::Body(body) => {
            need(body.name.flatten_ref().is_some(), "name", "a body has a name");
            need(body.region.flatten().is_some(), "region_id", "a body is kept by a region");
        }
        Fields::Signer(signer) => {
            need(signer.region.flatten().is_some(), "region_id", "a signer is kept by a region");
            let has_key = content.shared.identifiers.values().any(|values| !values.is_empty());
            need(has_key, "identifiers", "a signer has a key of the system that knows them");
        }
        Fields::Plan(plan) => {
            need(plan.region.flatten().is_some(), "region_id", "a plan is a region's");
            need(plan.year.flatten().is_some(), "year", "a plan is of a year");
        }
        Fields::Order(order) => {
            need(order.building.flatten().is_some(), "building_id", "an order is of a building");
            need(order.kind.flatten().is_some(), "kind", "an order says what is asked for");
        }
        Fields::Report(report) => {
            need(report.building.flatten().is_some(), "building_id", "a report is of a building");
            need(report.kind.flatten().is_some(), "kind", "a report is of a kind");
        }
        Fields::Finding(finding) => {
            need(finding.building.flatten().is_some(), "building_id", "a finding is in a building");
            need(finding.event.is_some(), "observation", "a finding begins with an observation");
        }
        Fields::Policy(policy) => {
            need(policy.region.flatten().is_some(), "region_id", "a policy is kept for a region");
            need(policy.number.flatten_ref().is_some(), "policy_number", "a policy has a number");
            need(policy.product.flatten_ref().is_some(), "product", "a policy is of a product");
            need(policy.clause.flatten_ref().is_some(), "clause", "a policy is of a clause");
            need(!policy.insurers().is_empty(), "insurers", "a policy has an insurer");
            need(!policy.objects().is_empty(), "object_ids", "a policy insures something");
            need(!policy.covers().is_empty(), "covers", "a policy covers something");
        }
        Fields::Claim(claim) => {
            need(claim.building.flatten().is_some(), "building_id", "a claim is of a building");
            need(claim.policy.flatten().is_some(), "policy_id", "a claim is on a policy");
            need(claim.cover.flatten_ref().is_some(), "cover", "a claim is on a cover");
            need(claim.part.flatten_ref().is_some(), "part", "a claim is of a part");
            need(claim.cause.flatten_ref().is_some(), "cause", "a claim says the cause");
            need(claim.lost_on.flatten().is_some(), "lost_on", "a claim says when it happened");
        }
        Fields::Work(work) => {
            need(work.building.flatten().is_some(), "building_id", "work is done on a building");
            need(work.part.flatten_ref().is_some(), "part", "work is done on a part");
            need(work.done.flatten_ref().is_some(), "done", "say what was done");
        }
        Fields::Reference(reference) => {
            let is_placed = reference.region.flatten().is_some();
            need(is_placed, "region_id", "an edition holds in a region");
            need(reference.text.flatten_ref().is_some(), "text", "an edition has its text");
        }
    }
}

/// Looks into a said field without taking it.
trait FlattenRef<T> {
    fn flatten_ref(&self) -> Option<&T>;
}

impl<T> FlattenRef<T> for Option<Option<T>> {
    fn flatten_ref(&self) -> Option<&T> {
        self.as_ref().and_then(Option::as_ref)
    }
}

/// Whether one more unit is plausible in its building.
pub(crate) fn unit_count(
    tx: &mut Tx<'_, '_>,
    content: &Content,
) -> Result<Vec<plausibility::Implausible>, Error> {
    let Fields::Unit(unit) = &content.fields else {
        return Ok(Vec::new());
    };
    let Some(building) = unit.building.flatten() else {
        return Ok(Vec::new());
    };
    let Some(record) = tx.work.known(building.partition(), building.into())? else {
        return Ok(Vec::new());
    };
    let Some(content) = record.timeline.content_at(tx.today()) else {
        return Ok(Vec::new());
    };
    Ok(plausibility::check_unit_count(&content, record.unit_count + 1))
}

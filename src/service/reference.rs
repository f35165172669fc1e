//! Editions of reference data on the wire: loaded, listed, compared and taken back.

use std::collections::BTreeSet;

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        content::{Content, Fields, Shared},
        cycle::{self, CycleRuleSet},
        grade,
        reference::{self, ReferenceContent},
        reference_diff::{self, Side},
        reference_file::{self, Edition, Sketch, Standing, Table},
        totals::Measure,
    },
    kernel::{
        id::{IdSeed, Kind, ReferenceId, RegionId, SubjectId},
        limit,
        page::PageRequest,
        position::Partition,
        time::{ImpreciseDay, KnownAt, ReadTime},
        violation::Violations,
    },
    proto::v1::{self, reference_service_server::ReferenceService},
    registry::{Command, Editions, ListOf, Refusal, Register, Registry, Seen, Wanted},
    service::{
        Api, Plan, Way, Write, Written,
        common::{self, FieldReader},
        kind::{Listing, Parts, Resource, answer, resource, take_over},
        misread::Misread,
        status,
    },
};

impl Resource for v1::ReferenceEdition {
    const KIND: Kind = Kind::Reference;
    type Fields = v1::ReferenceFields;

    // Nothing is said of an edition but by its file.
    fn read(_: v1::ReferenceFields, _: &mut FieldReader) -> Fields {
        Fields::Reference(ReferenceContent::default())
    }

    fn write(content: Content, _: Vec<v1::FieldDoubt>) -> v1::ReferenceFields {
        let Fields::Reference(fields) = content.fields else {
            return v1::ReferenceFields::default();
        };
        v1::ReferenceFields {
            region_id: fields.region.flatten().map(|id| id.to_string()),
            table: fields.table.flatten(),
            name: fields.name.flatten(),
            edition: fields.edition.flatten(),
            text: fields.text.flatten(),
        }
    }

    fn new(parts: Parts<v1::ReferenceFields>) -> Self {
        let Parts { id, etag, life, fields, case_ids, entries_in_doubt } = parts;
        let text = fields.as_ref().and_then(|fields| fields.text.as_deref());
        let head = text.and_then(|text| reference_file::head(text).ok()).map(write_head);
        Self { id, etag, life, fields, case_ids, entries_in_doubt, head }
    }
}

pub(crate) fn write_head(head: Edition) -> v1::ReferenceHead {
    let standing = match head.standing {
        Standing::InForce => v1::ReferenceStanding::InForce,
        Standing::Draft => v1::ReferenceStanding::Draft,
        Standing::Example => v1::ReferenceStanding::Example,
    };
    v1::ReferenceHead {
        title: head.title.unwrap_or_default(),
        standing: standing.into(),
        from: head.from.to_string(),
        until: head.until.map(|until| until.to_string()).unwrap_or_default(),
        source: head.source,
        notes: head.notes,
    }
}

/// Where an edition is to hold: what was named, or else what its file says.
pub(crate) struct Place {
    pub partition: Partition,
    pub named: Option<RegionId>,
}

impl Way {
    /// The partition that is named, the region's, or the only one.
    pub(crate) fn partition_of(
        &self,
        violations: &mut Violations,
        region_id: &str,
        partition: Option<u32>,
    ) -> Option<Place> {
        let named = common::optional::<RegionId>(violations, "region_id", region_id);
        if let Some(region) = named {
            if partition.is_some_and(|number| number != region.partition().number()) {
                let message = "the region belongs to another partition";
                violations.add("partition", "CONFLICTING", message);
            }
            return Some(Place { partition: region.partition(), named });
        }
        if !region_id.is_empty() {
            return None;
        }
        let cities = self.registry().partitions().into_iter().map(|(partition, _)| partition);
        let cities = cities.filter(|partition| *partition != Partition::ROOT).collect::<Vec<_>>();
        let found = match (partition, cities.as_slice()) {
            (Some(number), _) => cities.iter().copied().find(|city| city.number() == number),
            (None, [only]) => Some(*only),
            (None, _) => {
                let message = "there is more than one partition, or none: name the region";
                violations.add("partition", "REQUIRED", message);
                return None;
            }
        };
        let missing = ("OUT_OF_RANGE", "there is no such partition of a city".to_owned());
        let partition = violations.take("partition", found.ok_or(missing))?;
        Some(Place { partition, named: None })
    }
}

/// The catalogues of grades that are loaded in a partition.
fn grades(registry: &Registry, partition: Partition) -> Vec<grade::Catalogue> {
    let editions = Editions { table: Some(Table::Grades), ..Editions::default() };
    let page = PageRequest { rows: limit::VIEW_ROWS_MAX, after: Vec::new() };
    let loaded = registry.list(ListOf::References(partition, editions), ReadTime::NOW, &page);
    let rows = registry.noticed(loaded).map(|page| page.rows).unwrap_or_default();
    let text = |seen: Seen| match seen.content.fields {
        Fields::Reference(edition) => edition.text.flatten(),
        _ => None,
    };
    rows.into_iter()
        .filter_map(text)
        .filter_map(|text| grade::Catalogue::read(&text).ok())
        .collect()
}

/// The region in which an edition holds.
fn region_of(
    registry: &Registry,
    violations: &mut Violations,
    place: &Place,
    own: Option<RegionId>,
    head: &Sketch,
) -> Option<RegionId> {
    let field = if place.named.is_some() { "region_id" } else { "text.jurisdiction" };
    let region = match (place.named, &head.jurisdiction) {
        (Some(named), _) => Some(named),
        (None, None) => own,
        (None, Some(code)) => {
            // Without its first day any will do.
            let day = head.from;
            let found = registry.resolve_code(&code.scheme, &code.code, day, None, KnownAt::Now);
            let found: BTreeSet<RegionId> = found
                .map(|(found, _)| found)
                .unwrap_or_default()
                .into_iter()
                .map(|found| found.region)
                .collect();
            let above = own.map(|own| registry.regions_above(own.into()));
            let above = above.and_then(Result::ok).unwrap_or_default();
            let within = found.iter().copied().find(|region| region.partition() == place.partition);
            // What holds in the province holds in all of a city of it.
            within.or_else(|| own.filter(|_| found.iter().any(|region| above.contains(region))))
        }
    };
    if region.is_none() {
        let message = "no region of the partition, and none above it, has this code then";
        violations.add(field, "JURISDICTION", message);
    }
    if let Some(table) = head.table.filter(|table| !reference::may_be_local(*table))
        && region.is_some()
        && region != own
    {
        let message = format!("an edition of {} holds in the whole partition", table.word());
        violations.add(field, "JURISDICTION", message);
    }
    region
}

/// The region is a field of the edition, and one of the request's own.
const NAMES: [(&str, &str); 1] = [("fields.region_id", "region_id")];

/// What a load brings.
struct Loading {
    text: String,
    is_correction: bool,
    place: Option<Place>,
    own: Option<RegionId>,
}

fn load_plan(
    registry: &Registry,
    mut violations: Violations,
    loading: Loading,
    seed: IdSeed,
) -> Result<Plan, Misread<Plan>> {
    let Loading { text, is_correction, place, own } = loading;
    let grades = place.as_ref().map(|place| grades(registry, place.partition)).unwrap_or_default();
    if let Err(wrong) = reference::check(&text, &grades.iter().collect::<Vec<_>>()) {
        take_over(&mut violations, "text", &wrong);
    }
    // What it would be, where and since when, is judged by what can be read of its head.
    let head = reference_file::sketch(&text);
    let unplaced =
        |violations| Misread { needs_reason: is_correction, ..Misread::from(violations) };
    let Some(place) = place else { return Err(unplaced(violations)) };
    let region = region_of(registry, &mut violations, &place, own, &head);
    let Some(region) = region else { return Err(unplaced(violations)) };
    // It is there since it holds, or since it was loaded when that came first.
    let today = registry.now().day();
    let exists_from = ImpreciseDay::exactly(head.from.map_or(today, |from| from.min(today)));
    let content = ReferenceContent {
        region: Some(Some(region)),
        table: Some(head.table.map(|table| table.word().to_owned())),
        name: Some(head.name),
        edition: Some(head.edition),
        text: Some(Some(text)),
    };
    let edition = Register {
        seed,
        content: Content { fields: Fields::Reference(content), shared: Shared::default() },
        exists_from,
        opens_partition: false,
        sentences: Vec::new(),
    };
    let plan = Plan {
        command: Command::LoadReference { edition, is_correction },
        partition: place.partition,
        named: vec![("region_id".to_owned(), region.into())],
        needs_everything: false,
        needs_reason: is_correction,
        warnings: Vec::new(),
    };
    Misread::check(violations, plan)
}

/// Warns of an edition of cycles whose check-ups are due no earlier than a day on which those of the
/// edition that it follows were due already: what was overdue counts from the new day on.
fn restarted(registry: &Registry, plan: &Plan) -> Option<String> {
    let Command::LoadReference { edition, .. } = &plan.command else { return None };
    let (region, set) = cycles_of(&edition.content)?;
    let editions =
        Editions { region: None, table: Some(Table::Cycle), holds_on: Some(set.edition.from) };
    let page = PageRequest { rows: limit::VIEW_ROWS_MAX, after: Vec::new() };
    let of = ListOf::References(plan.partition, editions);
    let loaded = registry.list(of, ReadTime::NOW, &page).ok()?.rows;
    let others = loaded.into_iter().filter_map(|seen| cycles_of(&seen.content));
    let others = others.filter(|(its, _)| *its == region).map(|(_, other)| other);
    let others: Vec<_> = others.filter(|other| other.edition != set.edition).collect();
    // What it takes the place of on its first day.
    let before = cycle::in_force(&others.iter().collect::<Vec<_>>(), set.edition.from)?;
    let is_in_force = cycle::in_force(&[before, &set], set.edition.from) == Some(&set);
    let (was, is) = (before.first_duty(), set.first_duty());
    if !is_in_force || is <= was {
        return None;
    }
    let time = ReadTime { valid_at: Some(is.previous()), known_at: KnownAt::Now };
    let totals = registry.totals_of(SubjectId::from(region), time, Wanted::Terms).ok();
    let overdue = totals.and_then(|totals| {
        let mut terms = totals.termed.iter();
        let found =
            terms.find(|(measure, term, ..)| *measure == Measure::Due && *term == "overdue");
        found.map(|(.., certain, _)| certain)
    });
    let count = overdue.map_or_else(String::new, |count| {
        format!(" (overdue on the day before, as known now: {count})")
    });
    Some(format!(
        "what was overdue before {is} counts from {is} on{count}: the edition that \
         it follows, {}, has check-ups due since {was}; say duty_since = {was} to keep that",
        before.edition.edition.escape_default()
    ))
}

/// The cycles of an edition, and where they hold.
fn cycles_of(content: &Content) -> Option<(RegionId, CycleRuleSet)> {
    let Fields::Reference(fields) = &content.fields else { return None };
    if fields.table.as_ref()?.as_deref() != Some(Table::Cycle.word()) {
        return None;
    }
    let text = fields.text.clone().flatten()?;
    Some((fields.region.flatten()?, cycle::read::rule_set(&text).ok()?))
}

impl Write {
    async fn load(
        self,
        asked: v1::LoadReferenceRequest,
    ) -> Result<(Written, Option<v1::ReferenceEdition>), Status> {
        let mut violations = Violations::default();
        let v1::LoadReferenceRequest { context: _, text, region_id, partition, correction } = asked;
        let place = self.way.partition_of(&mut violations, &region_id, partition);
        let own = match &place {
            Some(place) => self.way.region_of(place.partition)?,
            None => None,
        };
        let loading = Loading { text, is_correction: correction, place, own };
        let seed = common::id_seed(self.registry().now()).map_err(status::status)?;
        let plan = load_plan(self.registry(), violations, loading, seed);
        let restarted = plan.as_ref().ok().and_then(|plan| restarted(self.registry(), plan));
        let mut written = self.with_names(&NAMES).run(plan).await?;
        let is_new = written.is_only_judged() || !written.outcome.entries.is_empty();
        if let Some(message) = restarted.filter(|_| is_new) {
            written.warn("DUTY_RESTARTED", &message);
        }
        let loaded = written.see(written.made())?;
        Ok((written, loaded.map(resource)))
    }
}

/// What both texts are compared to.
fn diff(old: &str, new: &str, read_at: String) -> v1::DiffReferencesResponse {
    let lines = reference_diff::lines(old, new).into_iter().map(|(side, text)| {
        let side = match side {
            Side::Both => v1::DiffSide::Both,
            Side::Old => v1::DiffSide::A,
            Side::New => v1::DiffSide::B,
        };
        v1::DiffLine { side: side.into(), text: text.to_owned() }
    });
    let changes = reference_diff::keys(old, new).into_iter().map(|change| v1::KeyChange {
        key: change.key,
        before: change.old,
        after: change.new,
    });
    v1::DiffReferencesResponse { lines: lines.collect(), changes: changes.collect(), read_at }
}

fn text_of(seen: Seen) -> String {
    match seen.content.fields {
        Fields::Reference(edition) => edition.text.flatten().unwrap_or_default(),
        _ => String::new(),
    }
}

fn table(violations: &mut Violations, word: &str) -> Option<Table> {
    if word.is_empty() {
        return None;
    }
    let known = Table::ALL.map(Table::word).join(", ");
    let found = Table::ALL.into_iter().find(|table| table.word() == word);
    let wrong = ("UNKNOWN_VALUE", format!("{word:?} is none of {known}"));
    violations.take("table", found.ok_or(wrong))
}

#[tonic::async_trait]
impl ReferenceService for Api {
    async fn load_reference(
        &self,
        request: Request<v1::LoadReferenceRequest>,
    ) -> Result<Response<v1::LoadReferenceResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.load(asked).await?;
        let unchanged = !done.0.is_only_judged() && done.0.outcome.entries.is_empty();
        Ok(answer(done, |receipt, reference| v1::LoadReferenceResponse {
            receipt,
            reference,
            unchanged,
        }))
    }

    async fn get_reference(
        &self,
        request: Request<v1::GetReferenceRequest>,
    ) -> Result<Response<v1::GetReferenceResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let (reference, read_at) = way.get_one(asked.context, &asked.id).await?;
        Ok(Response::new(v1::GetReferenceResponse { reference, read_at }))
    }

    async fn list_references(
        &self,
        request: Request<v1::ListReferencesRequest>,
    ) -> Result<Response<v1::ListReferencesResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let listing = Listing {
            context: asked.context.take(),
            page_size: std::mem::take(&mut asked.page_size),
            page_token: std::mem::take(&mut asked.page_token),
            order_by: asked.order_by.clone(),
        };
        let mut place = Violations::default();
        let of = way.partition_of(&mut place, &asked.region_id, asked.partition);
        let (mut references, next_page_token, read_at) = way
            .list::<v1::ReferenceEdition, _>(&asked, listing, |violations| {
                take_over(violations, "", &place);
                let table = table(violations, &asked.table);
                let holds_on = common::optional(violations, "holds_on", &asked.holds_on);
                let Place { partition, named: region } = of?;
                let editions = Editions { region, table, holds_on };
                let judged_by = region.map(|region| ("region_id", SubjectId::from(region)));
                Some((ListOf::References(partition, editions), judged_by))
            })
            .await?;
        for reference in &mut references {
            // A page of texts would be of megabytes.
            if let Some(fields) = &mut reference.fields {
                fields.text = None;
            }
        }
        Ok(Response::new(v1::ListReferencesResponse { references, next_page_token, read_at }))
    }

    async fn diff_references(
        &self,
        request: Request<v1::DiffReferencesRequest>,
    ) -> Result<Response<v1::DiffReferencesResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let old = common::required::<ReferenceId>(&mut violations, "a_id", &asked.a_id);
        let new = common::required::<ReferenceId>(&mut violations, "b_id", &asked.b_id);
        let time = way.reading(asked.context, violations).await?;
        let (Some(old), Some(new)) = (old, new) else {
            return Err(status::bug("two ids were read and are not there"));
        };
        let mut texts = Vec::new();
        let mut read_at = String::new();
        for (field, id) in [("a_id", old), ("b_id", new)] {
            way.check_reach(field, id.into())?;
            let seen = way.get(id.into(), time).await.map_err(|status| match status.code() {
                tonic::Code::NotFound => status::refused(&[Refusal::missing(field, id)]),
                _ => status,
            })?;
            read_at = seen.position.to_string();
            texts.push(text_of(seen));
        }
        let [old, new] = texts.as_slice() else {
            return Err(status::bug("two texts were read and are not there"));
        };
        Ok(Response::new(diff(old, new, read_at)))
    }

    async fn retract_reference(
        &self,
        request: Request<v1::RetractReferenceRequest>,
    ) -> Result<Response<v1::RetractReferenceResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.retract(&asked.id, &asked.etag, asked.entry).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, reference| v1::RetractReferenceResponse {
            receipt,
            reference,
            case_ids,
        }))
    }
}

//! What a row says, taken apart into the slots that columns fill, and put together again as the
//! message that the registry takes.

use std::mem::take;

use crate::{
    exchange::column::FileKind,
    kernel::id::Kind,
    proto::v1::{
        BuildingFields, CompoundFields, EndCause, ExportPeriod, ExportReference, ExportRow,
        FindingPlace, Identifier, ImportBuilding, ImportCompound, ImportFinding, ImportInspection,
        ImportObject, ImportPart, ImportPeriod, ImportPolicy, ImportRegion, ImportRow,
        ImportSuccessor, ImportUnit, Life, Location, Observation, PolicyFields, Presence,
        Reference, RegionFields, RegionLevel, Relative, ReportFields, SourceKey, UnitFields,
        export_period::Fields, export_row::Subject, import_object::Object,
        import_period::Row as PeriodRow, import_row::Row, reference,
    },
};

/// The source that is written for rows that no source ever said. Their key is the subject's id.
pub const EXPORT_SOURCE: &str = "anju-export";

/// The slots of every kind of row. A row fills those of its own kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The statistical code of the city or district that it lies in.
    pub district_code: Option<String>,
    /// The row's own source, when the file's is not meant.
    pub source: Option<String>,
    /// The source's key.
    pub key: Option<String>,
    /// The registry's id; tells where the row belongs, and is not sent.
    pub id: Option<String>,
    /// Since when it exists.
    pub exists_from: Option<String>,
    /// Since when it exists, when it is new and does not say it itself.
    pub exists_from_when_new: Option<String>,
    /// From when a change holds.
    pub from: Option<String>,
    /// The first day on which it was no more.
    pub ended_on: Option<String>,
    /// Why it ended.
    pub end_cause: i32,
    /// What it was merged or split into.
    pub successors: Vec<Successor>,
    /// The source of the keys of those, when it is not the row's: one, or one for each.
    pub successor_sources: Vec<String>,
    /// What it was before, each up to a day.
    pub earlier: Vec<DraftPeriod>,
    /// What it will be, each from a day on.
    pub later: Vec<DraftPeriod>,
    /// What was taken out of it while it lived on, each with its day.
    pub split_off: Vec<Successor>,
    /// The source of the keys of those, in the same way as of successors.
    pub split_off_sources: Vec<String>,
    /// Whether a region begins a partition.
    pub opens_partition: Option<bool>,
    /// Fields said to be unknown or none.
    pub cleared: Vec<String>,
    /// What is said of a region.
    pub region: RegionFields,
    /// What is said of a compound.
    pub compound: CompoundFields,
    /// What is said of a building.
    pub building: BuildingFields,
    /// What is said of a unit.
    pub unit: UnitFields,
    /// The region above.
    pub parent_of_region: Option<Reference>,
    /// The community.
    pub community_of: Option<Reference>,
    /// The compound of a building.
    pub compound_of: Option<Reference>,
    /// The building of a unit.
    pub building_of: Option<Reference>,
    /// The physical building of a logical one.
    pub physical_of: Option<Reference>,
    /// The source of the key of the region above, when it is not the row's.
    pub parent_source: Option<String>,
    /// The source of the community's key.
    pub community_source: Option<String>,
    /// The source of the compound's key.
    pub compound_source: Option<String>,
    /// The source of the building's key.
    pub building_source: Option<String>,
    /// The source of the physical building's key.
    pub physical_source: Option<String>,
    /// The reference system of the location.
    pub location_system: i32,
    /// Degrees of longitude.
    pub longitude: Option<String>,
    /// Degrees of latitude.
    pub latitude: Option<String>,
    /// What is said of a report.
    pub report: ReportFields,
    /// The body that made a report.
    pub body_of: Option<Reference>,
    /// The order that a report answers.
    pub order_of: Option<Reference>,
    /// The day of an inspection.
    pub inspected_on: Option<String>,
    /// Who signed a report.
    pub signers: Vec<Reference>,
    /// For what scope.
    pub scope: Option<String>,
    /// When.
    pub signed_on: Option<String>,
    /// When a report was submitted.
    pub submitted_on: Option<String>,
    /// Where a report stands.
    pub state: i32,
    /// The report in which a finding stands.
    pub report_of: Option<Reference>,
    /// The source of the report's key.
    pub report_source: Option<String>,
    /// The day on which a finding was seen.
    pub observed_on: Option<String>,
    /// The class of a finding.
    pub class: Option<String>,
    /// How bad it looked.
    pub severity: i32,
    /// In what part it was seen.
    pub seen_by: i32,
    /// Who saw it.
    pub observer: Option<String>,
    /// The entrance.
    pub entrance: Option<String>,
    /// The storey.
    pub floor: Option<i32>,
    /// The part of the building.
    pub part: Option<String>,
    /// The unit.
    pub unit_of: Option<Reference>,
    /// The source of the unit's key.
    pub unit_source: Option<String>,
    /// The day of the notice.
    pub notified_on: Option<String>,
    /// The last day for the repair.
    pub deadline: Option<String>,
    /// What is said of a policy.
    pub policy: PolicyFields,
    /// The region that a policy is kept for.
    pub region_of: Option<Reference>,
    /// The source of that region's key.
    pub region_source: Option<String>,
    /// What is insured.
    pub objects: Vec<ImportObject>,
    /// The source of the keys of what is insured.
    pub object_source: Option<String>,
    /// Since when a policy is bound.
    pub bound_on: Option<String>,
    /// Since when a policy is cancelled or has lapsed.
    pub over_on: Option<String>,
}

/// Other values of fields, up to a day or from a day on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DraftPeriod {
    /// The day.
    pub day: String,
    /// The slots of the row's kind that are otherwise.
    pub fields: Draft,
}

/// Something that is insured; `None` of what cannot be.
pub(super) fn object_of(kind: Kind, reference: Reference) -> Option<ImportObject> {
    let object = match kind {
        Kind::Building => Object::Building(reference),
        Kind::Compound => Object::Compound(reference),
        Kind::Unit => Object::Unit(reference),
        _ => return None,
    };
    Some(ImportObject { object: Some(object) })
}

/// The inverse of [`object_of`].
pub(super) fn object_parts(object: ImportObject) -> Option<(Kind, Reference)> {
    Some(match object.object? {
        Object::Building(reference) => (Kind::Building, reference),
        Object::Compound(reference) => (Kind::Compound, reference),
        Object::Unit(reference) => (Kind::Unit, reference),
    })
}

/// What stands in the place of a subject, or was taken out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Successor {
    /// Which; a key is one of the row's source, or of the one that the draft names for it.
    pub reference: Reference,
    /// The share, by area, that went into it.
    pub share: (u64, u64),
    /// Of what was taken out of one that lives on: when.
    pub day: Option<String>,
}

impl Successor {
    /// Whether it is named by a key.
    pub(super) fn is_by_key(&self) -> bool {
        matches!(self.reference.reference, Some(reference::Reference::Key(_)))
    }
}

/// The code by which a region is named elsewhere.
pub(super) fn code_of(codes: &[Identifier]) -> Option<&Identifier> {
    ["stats12", "gbt2260"]
        .into_iter()
        .find_map(|scheme| codes.iter().find(|code| code.scheme == scheme))
}

impl Draft {
    /// The row as the registry takes it.
    pub fn into_row(mut self, kind: FileKind) -> ImportRow {
        let (successors, sources) = (take(&mut self.successors), take(&mut self.successor_sources));
        let successors = sourced(successors, &sources).map(|(reference, successor)| {
            let (share_numerator, share_denominator) = match successor.share {
                (1, 1) => (0, 0),
                share => share,
            };
            ImportSuccessor { reference, share_numerator, share_denominator }
        });
        let successors = successors.collect();
        let (parts, sources) = (take(&mut self.split_off), take(&mut self.split_off_sources));
        let split_off = sourced(parts, &sources).map(|(reference, part)| {
            let (share_numerator, share_denominator) = part.share;
            let day = part.day.unwrap_or_default();
            ImportPart { day, reference, share_numerator, share_denominator }
        });
        let split_off = split_off.collect();
        let earlier = into_periods(take(&mut self.earlier), kind);
        let later = into_periods(take(&mut self.later), kind);
        let location = match (&self.longitude, &self.latitude) {
            (Some(longitude), Some(latitude)) => Some(Location {
                system: self.location_system,
                longitude: longitude.clone(),
                latitude: latitude.clone(),
            }),
            _ => None,
        };
        let row = match kind {
            FileKind::Inspections => return self.into_inspection(),
            FileKind::Findings => return self.into_finding(),
            FileKind::Policies => return self.into_policy(),
            FileKind::Regions => Row::Region(ImportRegion {
                fields: Some(self.region),
                parent: of_source(self.parent_of_region, self.parent_source),
                opens_partition: self.opens_partition.unwrap_or(false),
            }),
            FileKind::Compounds => Row::Compound(ImportCompound {
                fields: Some(CompoundFields { location, ..self.compound }),
                community: of_source(self.community_of, self.community_source),
            }),
            FileKind::Buildings => Row::Building(ImportBuilding {
                fields: Some(BuildingFields { location, ..self.building }),
                compound: of_source(self.compound_of, self.compound_source),
                community: of_source(self.community_of, self.community_source),
                physical: of_source(self.physical_of, self.physical_source),
            }),
            FileKind::Units => Row::Unit(ImportUnit {
                fields: Some(self.unit),
                building: of_source(self.building_of, self.building_source),
            }),
        };
        ImportRow {
            key: self.key.unwrap_or_default(),
            row: Some(row),
            exists_from: self.exists_from.unwrap_or_default(),
            exists_from_when_new: self.exists_from_when_new.unwrap_or_default(),
            from: self.from.unwrap_or_default(),
            cleared: self.cleared,
            ended_on: self.ended_on.unwrap_or_default(),
            end_cause: self.end_cause,
            successors,
            earlier,
            later,
            split_off,
        }
    }

    fn into_inspection(self) -> ImportRow {
        let inspection = ImportInspection {
            fields: Some(self.report),
            building: of_source(self.building_of, self.building_source),
            body: self.body_of,
            order: self.order_of,
            inspected_on: self.inspected_on.unwrap_or_default(),
            signers: self.signers,
            scope: self.scope.unwrap_or_default(),
            signed_on: self.signed_on.unwrap_or_default(),
            submitted_on: self.submitted_on.unwrap_or_default(),
            state: self.state,
        };
        ImportRow {
            key: self.key.unwrap_or_default(),
            row: Some(Row::Inspection(inspection)),
            cleared: self.cleared,
            ..ImportRow::default()
        }
    }

    fn into_finding(self) -> ImportRow {
        let place = FindingPlace {
            entrance: self.entrance,
            floor: self.floor,
            unit_id: None,
            part: self.part,
        };
        let observation = Observation {
            source: self.seen_by,
            observer: self.observer.unwrap_or_default(),
            class: self.class.unwrap_or_default(),
            severity: self.severity,
            place: (place != FindingPlace::default()).then_some(place),
            report_id: String::new(),
        };
        let finding = ImportFinding {
            building: of_source(self.building_of, self.building_source),
            report: of_source(self.report_of, self.report_source),
            unit: of_source(self.unit_of, self.unit_source),
            observed_on: self.observed_on.unwrap_or_default(),
            observation: Some(observation),
            notified_on: self.notified_on.unwrap_or_default(),
            deadline: self.deadline.unwrap_or_default(),
        };
        ImportRow {
            key: self.key.unwrap_or_default(),
            row: Some(Row::Finding(finding)),
            cleared: self.cleared,
            ..ImportRow::default()
        }
    }

    fn into_policy(self) -> ImportRow {
        let source = self.object_source;
        let named = |object: ImportObject| {
            let (kind, reference) = object_parts(object)?;
            object_of(kind, of_source(Some(reference), source.clone())?)
        };
        let policy = ImportPolicy {
            fields: Some(self.policy),
            region: of_source(self.region_of, self.region_source),
            objects: self.objects.into_iter().filter_map(named).collect(),
            bound_on: self.bound_on.unwrap_or_default(),
            over_on: self.over_on.unwrap_or_default(),
        };
        ImportRow {
            key: self.key.unwrap_or_default(),
            row: Some(Row::Policy(policy)),
            exists_from: self.exists_from.unwrap_or_default(),
            exists_from_when_new: self.exists_from_when_new.unwrap_or_default(),
            from: self.from.unwrap_or_default(),
            cleared: self.cleared,
            ..ImportRow::default()
        }
    }

    /// What no two rows of a file have in common, beside the source: the key, and of a finding also
    /// the day and who saw it.
    pub fn identity(&self, kind: FileKind) -> String {
        let key = self.key.clone().unwrap_or_default();
        if kind != FileKind::Findings {
            return key;
        }
        let [on, observer] = [&self.observed_on, &self.observer].map(|part| part.as_deref());
        let (on, observer) = (on.unwrap_or_default(), observer.unwrap_or_default());
        format!("{key}\0{on}\0{}\0{observer}", self.seen_by)
    }

    /// Takes a row apart; the inverse of [`Draft::into_row`].
    pub fn of_row(source: Option<String>, row: ImportRow) -> Self {
        let mut draft = Self {
            source,
            key: said(row.key),
            exists_from: said(row.exists_from),
            exists_from_when_new: said(row.exists_from_when_new),
            from: said(row.from),
            cleared: row.cleared,
            ended_on: said(row.ended_on),
            end_cause: row.end_cause,
            ..Self::default()
        };
        for successor in row.successors {
            let share = match (successor.share_numerator, successor.share_denominator) {
                (0, 0) => (1, 1),
                share => share,
            };
            let found = put_sourced(successor.reference, &mut draft.successor_sources);
            draft.successors.push(Successor { reference: found, share, day: None });
        }
        for part in row.split_off {
            let (share, day) = ((part.share_numerator, part.share_denominator), Some(part.day));
            let found = put_sourced(part.reference, &mut draft.split_off_sources);
            draft.split_off.push(Successor { reference: found, share, day });
        }
        draft.tidy_sources();
        draft.earlier = row.earlier.into_iter().map(DraftPeriod::of_row).collect();
        draft.later = row.later.into_iter().map(DraftPeriod::of_row).collect();
        match row.row {
            Some(Row::Region(region)) => {
                draft.region = region.fields.unwrap_or_default();
                (draft.parent_of_region, draft.parent_source) = parted(region.parent);
                draft.opens_partition = region.opens_partition.then_some(true);
            }
            Some(Row::Compound(compound)) => {
                draft.compound = compound.fields.unwrap_or_default();
                draft.take_location(|draft| draft.compound.location.take());
                (draft.community_of, draft.community_source) = parted(compound.community);
            }
            Some(Row::Building(building)) => {
                draft.building = building.fields.unwrap_or_default();
                draft.take_location(|draft| draft.building.location.take());
                (draft.compound_of, draft.compound_source) = parted(building.compound);
                (draft.community_of, draft.community_source) = parted(building.community);
                (draft.physical_of, draft.physical_source) = parted(building.physical);
            }
            Some(Row::Unit(unit)) => {
                draft.unit = unit.fields.unwrap_or_default();
                (draft.building_of, draft.building_source) = parted(unit.building);
            }
            Some(Row::Inspection(row)) => draft.take_inspection(row),
            Some(Row::Finding(row)) => draft.take_finding(row),
            Some(Row::Policy(row)) => draft.take_policy(row),
            None => {}
        }
        draft
    }

    fn take_inspection(&mut self, row: ImportInspection) {
        self.report = row.fields.unwrap_or_default();
        (self.building_of, self.building_source) = parted(row.building);
        (self.body_of, self.order_of) = (row.body, row.order);
        self.inspected_on = said(row.inspected_on);
        (self.signers, self.scope) = (row.signers, said(row.scope));
        (self.signed_on, self.submitted_on) = (said(row.signed_on), said(row.submitted_on));
        self.state = row.state;
    }

    fn take_finding(&mut self, row: ImportFinding) {
        (self.building_of, self.building_source) = parted(row.building);
        (self.report_of, self.report_source) = parted(row.report);
        (self.unit_of, self.unit_source) = parted(row.unit);
        let seen = row.observation.unwrap_or_default();
        (self.seen_by, self.severity) = (seen.source, seen.severity);
        (self.observer, self.class) = (said(seen.observer), said(seen.class));
        let place = seen.place.unwrap_or_default();
        (self.entrance, self.floor, self.part) = (place.entrance, place.floor, place.part);
        self.observed_on = said(row.observed_on);
        (self.notified_on, self.deadline) = (said(row.notified_on), said(row.deadline));
    }

    fn take_policy(&mut self, row: ImportPolicy) {
        self.policy = row.fields.unwrap_or_default();
        (self.region_of, self.region_source) = parted(row.region);
        for (kind, reference) in row.objects.into_iter().filter_map(object_parts) {
            let (reference, source) = parted(Some(reference));
            self.object_source = self.object_source.take().or(source);
            self.objects.extend(object_of(kind, reference.unwrap_or_default()));
        }
        (self.bound_on, self.over_on) = (said(row.bound_on), said(row.over_on));
    }

    fn take_location(&mut self, location: impl Fn(&mut Self) -> Option<Location>) {
        if let Some(location) = location(self) {
            self.location_system = location.system;
            self.longitude = Some(location.longitude);
            self.latitude = Some(location.latitude);
        }
    }

    /// What a subject of the registry would say as a row of its source: with its whole life where all
    /// that ever was is asked for. `None` for a subject that was entered in error. Doubts are left
    /// out: they are what people say of a row.
    pub fn of_export(row: ExportRow, is_whole: bool) -> Option<Self> {
        let mut draft = Self::default();
        let (id, life) = match row.subject? {
            Subject::Region(region) => {
                draft.take_region(region.fields.unwrap_or_default());
                (region.id, region.life)
            }
            Subject::Compound(compound) => {
                draft.take_compound(compound.fields.unwrap_or_default());
                (compound.id, compound.life)
            }
            Subject::Building(building) => {
                draft.take_building(building.fields.unwrap_or_default());
                (building.id, building.life)
            }
            Subject::Unit(unit) => {
                draft.take_unit(unit.fields.unwrap_or_default());
                (unit.id, unit.life)
            }
        };
        draft.take_life(life.unwrap_or_default(), is_whole, row.split_off)?;
        draft.earlier = row.earlier.into_iter().map(DraftPeriod::of_export).collect();
        draft.later = row.later.into_iter().map(DraftPeriod::of_export).collect();
        let imported = !row.source.is_empty() && !row.key.is_empty();
        draft.source = Some(if imported { row.source } else { EXPORT_SOURCE.to_owned() });
        draft.key = Some(if imported { row.key } else { id.clone() });
        draft.id = Some(id);
        for named in &row.references {
            draft.name_elsewhere(named);
        }
        draft.sort_parts();
        draft.tidy_sources();
        Some(draft)
    }

    fn take_region(&mut self, fields: RegionFields) {
        self.region = fields;
        self.parent_of_region = by_id(self.region.parent_id.take());
        self.region.doubts.clear();
    }

    fn take_compound(&mut self, fields: CompoundFields) {
        self.compound = fields;
        self.take_location(|draft| draft.compound.location.take());
        self.community_of = by_id(self.compound.community_id.take());
        self.compound.doubts.clear();
    }

    fn take_building(&mut self, fields: BuildingFields) {
        self.building = fields;
        self.take_location(|draft| draft.building.location.take());
        self.compound_of = by_id(self.building.compound_id.take());
        self.community_of = by_id(self.building.community_id.take());
        self.physical_of = by_id(self.building.physical_id.take());
        self.building.doubts.clear();
    }

    fn take_unit(&mut self, fields: UnitFields) {
        self.unit = fields;
        self.building_of = by_id(self.unit.building_id.take());
        self.unit.doubts.clear();
    }

    /// Names another subject, wherever the row names it, as it is known in other registries too: by
    /// its key in the row's source, by its code, or by its key in another source.
    fn name_elsewhere(&mut self, named: &ExportReference) {
        let imported = !named.source.is_empty() && !named.key.is_empty();
        let (source, key) = if imported {
            (named.source.clone(), named.key.clone())
        } else {
            (EXPORT_SOURCE.to_owned(), named.id.clone())
        };
        let is_own = self.source.as_ref() == Some(&source);
        let own = if is_own { String::new() } else { source.clone() };
        name_successors(&mut self.successors, &mut self.successor_sources, &named.id, (&key, &own));
        name_successors(&mut self.split_off, &mut self.split_off_sources, &named.id, (&key, &own));
        let by = match code_of(&named.codes) {
            _ if is_own => (by_key(&key), None),
            Some(code) => (by_identifier(&code.scheme, &code.value), None),
            None => (by_key(&key), Some(source)),
        };
        self.name_relations(&named.id, &by);
        for period in self.earlier.iter_mut().chain(&mut self.later) {
            period.fields.name_relations(&named.id, &by);
        }
    }

    /// Names a subject, where it is named by its id.
    fn name_relations(&mut self, id: &str, by: &(Option<Reference>, Option<String>)) {
        let slots = [
            (&mut self.parent_of_region, &mut self.parent_source),
            (&mut self.community_of, &mut self.community_source),
            (&mut self.compound_of, &mut self.compound_source),
            (&mut self.building_of, &mut self.building_source),
            (&mut self.physical_of, &mut self.physical_source),
        ];
        for (slot, source) in slots {
            if slot.as_ref().is_some_and(|slot| is_id(slot, id)) {
                (*slot, *source) = by.clone();
            }
        }
    }

    /// Puts the parts of a split into the order of their days and keys, with the sources of these.
    fn sort_parts(&mut self) {
        let sources = take(&mut self.split_off_sources);
        let mut keys = 0;
        let mut parts = Vec::new();
        for part in take(&mut self.split_off) {
            let source = if part.is_by_key() { sources.get(keys).cloned() } else { None };
            keys += usize::from(part.is_by_key());
            parts.push((part, source));
        }
        let name = |part: &Successor| format!("{:?}", part.reference);
        parts.sort_by(|(one, _), (other, _)| (&one.day, name(one)).cmp(&(&other.day, name(other))));
        for (part, source) in parts {
            self.split_off_sources.extend(source);
            self.split_off.push(part);
        }
    }

    /// Says one source once, and the row's own not at all.
    fn tidy_sources(&mut self) {
        for sources in [&mut self.successor_sources, &mut self.split_off_sources] {
            let first = sources.first().cloned();
            if let Some(first) = first
                && sources.iter().all(|source| *source == first)
            {
                *sources = said(first).into_iter().collect();
            }
        }
    }

    fn take_life(&mut self, life: Life, is_whole: bool, parts: Vec<Relative>) -> Option<()> {
        if life.presence() == Presence::EnteredInError {
            return None;
        }
        let is_succession = matches!(life.end_cause(), EndCause::Merged | EndCause::Split);
        let is_to_come = life.presence() == Presence::Exists;
        self.exists_from = said(life.exists_from);
        if is_succession && is_to_come && !is_whole {
            // What will stand in its place is not there, and in no file.
            return Some(());
        }
        self.ended_on = said(life.ended_on);
        self.end_cause = life.end_cause;
        for relative in life.successors {
            // Something may be taken out of it on the day of its end.
            let is_end = self.ended_on.as_ref() == Some(&relative.day);
            if is_succession && is_end && !parts.contains(&relative) {
                self.successors.extend(successor(relative, false));
            }
        }
        self.split_off.extend(parts.into_iter().filter_map(|part| successor(part, true)));
        Some(())
    }

    /// Where the row belongs, as far as it says so itself.
    pub fn place(&self, kind: FileKind) -> Place {
        let level = self.region.level();
        let above_street =
            matches!(level, RegionLevel::Province | RegionLevel::City | RegionLevel::District);
        if kind == FileKind::Regions && above_street {
            return Place::Root;
        }
        let references = [
            &self.parent_of_region,
            &self.community_of,
            &self.compound_of,
            &self.building_of,
            &self.physical_of,
            &self.report_of,
            &self.unit_of,
            &self.region_of,
        ];
        let insured = self.objects.iter().filter_map(|object| object.object.as_ref());
        let insured =
            insured.map(|(Object::Building(of) | Object::Compound(of) | Object::Unit(of))| of);
        let insured = insured.filter_map(|each| each.reference.as_ref());
        let named = references.into_iter().flatten().filter_map(|each| each.reference.as_ref());
        let named = named.chain(insured);
        // The row's own id may be of another registry, where the numbers of partitions are others.
        if let Some(place) = self.district_code.as_ref().and_then(|code| Place::district(code)) {
            return place;
        }
        let mut place = self.id.clone().map_or(Place::Unsaid, Place::OfId);
        for reference in named {
            match reference {
                reference::Reference::Id(id) => return Place::OfId(id.clone()),
                reference::Reference::Identifier(code) if code.scheme == "stats12" => {
                    place = Place::district(&code.value).unwrap_or(place);
                }
                reference::Reference::Identifier(_)
                | reference::Reference::Key(_)
                | reference::Reference::SourceKey(_) => {}
            }
        }
        let own = self.region.codes.iter().find(|code| code.scheme == "stats12");
        own.and_then(|code| Place::district(&code.value)).unwrap_or(place)
    }
}

impl DraftPeriod {
    fn of_export(period: ExportPeriod) -> Self {
        let mut fields = Draft { cleared: period.cleared, ..Draft::default() };
        match period.fields {
            Some(Fields::Region(region)) => fields.take_region(region),
            Some(Fields::Compound(compound)) => fields.take_compound(compound),
            Some(Fields::Building(building)) => fields.take_building(building),
            Some(Fields::Unit(unit)) => fields.take_unit(unit),
            None => {}
        }
        Self { day: period.day, fields }
    }

    fn of_row(period: ImportPeriod) -> Self {
        let row = period.row.map(|row| match row {
            PeriodRow::Region(row) => Row::Region(row),
            PeriodRow::Compound(row) => Row::Compound(row),
            PeriodRow::Building(row) => Row::Building(row),
            PeriodRow::Unit(row) => Row::Unit(row),
        });
        let row = ImportRow { row, cleared: period.cleared, ..ImportRow::default() };
        let fields = Draft { opens_partition: None, ..Draft::of_row(None, row) };
        Self { day: period.day, fields }
    }
}

/// A relative by its id; with its day, where it was taken out of one that lives on.
fn successor(relative: Relative, is_part: bool) -> Option<Successor> {
    let share = (relative.share_numerator, relative.share_denominator);
    let day = is_part.then_some(relative.day);
    by_id(Some(relative.id)).map(|reference| Successor { reference, share, day })
}

/// What was otherwise, as the registry takes it.
fn into_periods(periods: Vec<DraftPeriod>, kind: FileKind) -> Vec<ImportPeriod> {
    let into = |DraftPeriod { day, fields }: DraftPeriod| {
        let ImportRow { row, cleared, .. } = fields.into_row(kind);
        let row = match row {
            Some(Row::Region(row)) => Some(PeriodRow::Region(row)),
            Some(Row::Compound(row)) => Some(PeriodRow::Compound(row)),
            Some(Row::Building(row)) => Some(PeriodRow::Building(row)),
            Some(Row::Unit(row)) => Some(PeriodRow::Unit(row)),
            // Of these no row says other days.
            Some(Row::Inspection(_) | Row::Finding(_) | Row::Policy(_)) | None => None,
        };
        ImportPeriod { day, row, cleared }
    };
    periods.into_iter().map(into).collect()
}

/// References with the sources of their keys: one for all of them, or one for each.
fn sourced(
    successors: Vec<Successor>,
    sources: &[String],
) -> impl Iterator<Item = (Option<Reference>, Successor)> {
    let mut keys = 0;
    successors.into_iter().map(move |successor| {
        let mut source = None;
        if successor.is_by_key() {
            let index = if sources.len() == 1 { 0 } else { keys };
            source = sources.get(index).cloned().and_then(said);
            keys += 1;
        }
        (of_source(Some(successor.reference.clone()), source), successor)
    })
}

/// The inverse of [`sourced`], for one.
fn put_sourced(reference: Option<Reference>, sources: &mut Vec<String>) -> Reference {
    let (reference, source) = parted(reference);
    let reference = reference.unwrap_or_default();
    if matches!(reference.reference, Some(reference::Reference::Key(_))) {
        sources.push(source.unwrap_or_default());
    }
    reference
}

/// Names by a key what stands in the place of a subject, in the order of the keys.
fn name_successors(
    successors: &mut [Successor],
    sources: &mut Vec<String>,
    id: &str,
    (key, source): (&str, &str),
) {
    let mut keys = 0;
    for successor in successors {
        if is_id(&successor.reference, id) {
            successor.reference = by_key(key).unwrap_or_default();
            sources.insert(keys, source.to_owned());
        }
        keys += usize::from(successor.is_by_key());
    }
}

fn is_id(reference: &Reference, id: &str) -> bool {
    matches!(&reference.reference, Some(reference::Reference::Id(own)) if own == id)
}

/// What a row says about the partition to which it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A province, city or district: the registry finds the partition itself.
    Root,
    /// That of this id.
    OfId(String),
    /// That of the district with this code of six digits.
    OfDistrict(String),
    /// Nothing.
    Unsaid,
}

impl Place {
    fn district(code: &str) -> Option<Self> {
        let digits = code.get(..6)?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| Self::OfDistrict(digits.to_owned()))
    }
}

fn said(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// A reference by id; `None` for none.
pub fn by_id(id: Option<String>) -> Option<Reference> {
    let id = id.filter(|id| !id.is_empty())?;
    Some(Reference { reference: Some(reference::Reference::Id(id)) })
}

/// A reference by a key of the same source.
pub fn by_key(key: &str) -> Option<Reference> {
    Some(Reference { reference: Some(reference::Reference::Key(key.to_owned())) })
}

/// A key of the row's source as one of the source that is named.
fn of_source(reference: Option<Reference>, source: Option<String>) -> Option<Reference> {
    match (reference?.reference?, source) {
        (reference::Reference::Key(key), Some(source)) => Some(Reference {
            reference: Some(reference::Reference::SourceKey(SourceKey { source, key })),
        }),
        (other, _) => Some(Reference { reference: Some(other) }),
    }
}

/// The inverse of [`of_source`].
fn parted(reference: Option<Reference>) -> (Option<Reference>, Option<String>) {
    match reference.and_then(|reference| reference.reference) {
        Some(reference::Reference::SourceKey(of)) => (by_key(&of.key), Some(of.source)),
        other => (other.map(|other| Reference { reference: Some(other) }), None),
    }
}

/// A reference by an outside number.
pub fn by_identifier(scheme: &str, value: &str) -> Option<Reference> {
    let identifier = Identifier { scheme: scheme.to_owned(), value: value.to_owned() };
    Some(Reference { reference: Some(reference::Reference::Identifier(identifier)) })
}

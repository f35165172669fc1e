//! Facts as the registry works with them, and their stored form.
//!
//! Reading a fact gives back exactly what was written (a property holds it), so that replaying the
//! journal gives the state that was there.

mod checkup;
mod claim;
mod policy;
mod work;

use prost::Message as _;

use crate::{
    domain::{
        building::{BuildingContent, BuildingUse, Protection, Structure},
        compound::{CompoundContent, Management},
        content::{Content, Fields, Said, Shared},
        place::{Boundary, Crs, Point},
        region::{Level, RegionContent},
        timeline::{Edge, EndCause},
        unit::{UnitContent, UnitUse},
    },
    kernel::{
        hash::Hash,
        id::{BuildingId, CaseId, RawId, RegionId, SubjectId},
        limit,
        position::{Partition, Seq},
        time::{Day, ImpreciseDay, Month},
    },
    proto::fact as stored,
    registry::{
        error::{Class, Error, Refusal},
        subject_part::SubjectParts,
    },
};

/// What was said and accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A subject begins.
    Registered {
        /// Which.
        subject: SubjectId,
        /// Since when it exists.
        exists_from: ImpreciseDay,
        /// Its fields.
        content: Content,
    },
    /// Fields have other values from the entry's day on.
    Changed {
        /// Whose.
        subject: SubjectId,
        /// Which values.
        content: Content,
    },
    /// A subject ends.
    Ended {
        /// Which.
        subject: SubjectId,
        /// The first day on which it is no more.
        day: ImpreciseDay,
        /// Why.
        cause: EndCause,
    },
    /// Subjects merge or split on the entry's day.
    Succession {
        /// Whether it is a split.
        split: bool,
        /// What goes where.
        edges: Vec<Edge>,
        /// The predecessors that end with it.
        ended: Vec<SubjectId>,
    },
    /// What the corrected entries say of these subjects never was so.
    Retracted {
        /// The subjects of those entries.
        subjects: Vec<SubjectId>,
    },
    /// Parts of an earlier entry were blanked.
    Erased {
        /// Which entry.
        seq: Seq,
        /// The kinds of the parts.
        kinds: Vec<u32>,
        /// The order by which it was done.
        order: String,
        /// Who ordered it.
        ordered_by: String,
        /// The entry's subjects.
        subjects: Vec<SubjectId>,
    },
    /// A partition begins; its region, unless it is partition 0.
    PartitionBegun(Option<RegionId>),
    /// In partition 0: a partition exists.
    PartitionListed {
        /// Its number.
        partition: Partition,
        /// Its region.
        region: RegionId,
    },
    /// Part of the work of a sweep was done.
    SweepStep {
        /// The entry that opened the sweep.
        opened_by: Seq,
        /// The node whose profile moves.
        node: SubjectId,
        /// Done before: up to this month.
        after: Option<Month>,
        /// Done now: up to this month; `None` for the rest.
        up_to: Option<Month>,
    },
    /// Part of the work of a sweep over buildings was done.
    RecountStep {
        /// The entry that opened the sweep.
        opened_by: Seq,
        /// Done before: up to this building.
        after: Option<BuildingId>,
        /// Done now: up to this building; `None` for the rest.
        up_to: Option<BuildingId>,
    },
    /// A case was given to somebody.
    CaseAssigned {
        /// Which.
        case: CaseId,
        /// Whom.
        assignee: String,
    },
    /// A case was settled.
    CaseSettled {
        /// Which.
        case: CaseId,
        /// 1 stands, 2 corrected, 3 unfounded.
        outcome: u32,
    },
    /// What became of the items of a batch that were not simply created.
    BatchRecorded {
        /// Items in all.
        item_count: u32,
        /// Those that were not created.
        items: Vec<ItemRecord>,
    },
}

/// What became of an item of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRecord {
    /// Which item, from 0.
    pub index: u32,
    /// What became of it.
    pub outcome: ItemOutcome,
    /// The subject that it is about.
    pub subject: Option<SubjectId>,
    /// Why it was refused.
    pub refusals: Vec<Refusal>,
    /// Fields that were left as somebody else said them.
    pub conflicts: Vec<Conflict>,
    /// Of a row in conflict: whether what else it says was taken.
    pub is_partly_taken: bool,
    /// What a source said of a subject when nothing of it was taken: no entry of the subject says it.
    pub row: Option<SourceRow>,
}

impl ItemRecord {
    /// An item that was refused.
    pub fn refused(index: u32, refusals: Vec<Refusal>) -> Self {
        Self {
            index,
            outcome: ItemOutcome::Refused,
            subject: None,
            refusals,
            conflicts: Vec::new(),
            is_partly_taken: false,
            row: None,
        }
    }

    /// The bytes of its stored form.
    pub(crate) fn stored_len(&self) -> usize {
        put_item(self.clone()).encoded_len()
    }
}

/// What became of an item. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ItemOutcome {
    /// A new subject.
    Created = 1,
    /// A known subject, something new.
    Changed = 2,
    /// Nothing new.
    Unchanged = 3,
    /// Something new that somebody else has said differently since.
    Conflict = 4,
    /// Refused.
    Refused = 5,
}

/// A field that a row says and somebody else has said since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Its name.
    pub field: String,
    /// What the row says.
    pub row: Option<String>,
    /// What the registry has.
    pub registry: Option<String>,
}

/// The row of an outside source that said a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRow {
    /// The source.
    pub source: String,
    /// Its key of the row.
    pub key: String,
    /// The hash of the row's cells.
    pub hash: Hash,
    /// What it said, where that is more than the fact took over.
    pub said: Option<Content>,
}

impl SourceRow {
    /// Whether it is short enough to be remembered beside other rows in one entry.
    pub(crate) fn is_short(&self) -> bool {
        put_source_row(self.clone()).encoded_len() < limit::ENTRY_BYTES_MAX / 4
    }
}

/// A fact with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The fact.
    pub fact: Fact,
    /// Plausibility rules that were overridden.
    pub overridden: Vec<String>,
    /// Where it comes from, when an import said it.
    pub source_row: Option<SourceRow>,
}

impl Fact {
    /// The subjects it is about, whose histories it belongs to.
    pub fn subjects(&self) -> Vec<SubjectId> {
        match self {
            Self::Registered { subject, .. }
            | Self::Changed { subject, .. }
            | Self::Ended { subject, .. } => vec![*subject],
            Self::Succession { edges, ended, .. } => {
                let mut subjects =
                    edges.iter().flat_map(|edge| [edge.from, edge.into]).collect::<Vec<_>>();
                subjects.extend(ended);
                subjects.sort_unstable();
                subjects.dedup();
                subjects
            }
            Self::Retracted { subjects } | Self::Erased { subjects, .. } => subjects.clone(),
            _ => Vec::new(),
        }
    }

    /// The fields that it says of its one subject.
    pub fn content(&self) -> Option<&Content> {
        match self {
            Self::Registered { content, .. } | Self::Changed { content, .. } => Some(content),
            _ => None,
        }
    }

    /// The word for people.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Registered { .. } => "registered",
            Self::Changed { .. } => "changed",
            Self::Ended { .. } => "ended",
            Self::Succession { split: true, .. } => "split",
            Self::Succession { .. } => "merged",
            Self::Retracted { .. } => "retracted",
            Self::Erased { .. } => "erased",
            Self::PartitionBegun(_) => "partition begun",
            Self::PartitionListed { .. } => "partition listed",
            Self::SweepStep { .. } => "sweep step",
            Self::RecountStep { .. } => "recount step",
            Self::CaseAssigned { .. } => "case assigned",
            Self::CaseSettled { .. } => "case settled",
            Self::BatchRecorded { .. } => "batch recorded",
        }
    }
}

impl Body {
    /// The stored form, without what stands in the parts of single subjects.
    pub fn encode(&self) -> Vec<u8> {
        let fact = match self.fact.clone() {
            Fact::Registered { subject, exists_from, content } => {
                stored::fact::Fact::Registered(stored::Registered {
                    subject: bytes(subject),
                    exists_from: Some(span(exists_from)),
                    content: Some(put_content(content)),
                })
            }
            Fact::Changed { subject, content } => stored::fact::Fact::Changed(stored::Changed {
                subject: bytes(subject),
                content: Some(put_content(content)),
            }),
            Fact::Ended { subject, day, cause } => stored::fact::Fact::Ended(stored::Ended {
                subject: bytes(subject),
                day: Some(span(day)),
                cause: i32::from(cause as u8),
            }),
            Fact::Succession { split, .. } => {
                stored::fact::Fact::Succession(stored::Succession { split })
            }
            other => put_administrative(other),
        };
        stored::Fact {
            fact: Some(fact),
            overridden: self.overridden.clone(),
            source_row: self.source_row.clone().map(put_source_row),
        }
        .encode_to_vec()
    }

    /// Reads the stored form: what all may see who see anything, and the parts of those of the
    /// entry's subjects that are shown.
    pub fn decode(content: &[u8], parts: &SubjectParts<'_>) -> Result<Self, Error> {
        let unreadable = || Error::unreadable("a fact");
        let message = stored::Fact::decode(content).map_err(|_| unreadable())?;
        let fact = message.fact.and_then(|fact| read_fact(fact, parts)).ok_or_else(unreadable)?;
        let source_row = match message.source_row {
            Some(row) => Some(read_source_row(row).ok_or_else(unreadable)?),
            None => None,
        };
        Ok(Self { fact, overridden: message.overridden, source_row })
    }
}

fn put_administrative(fact: Fact) -> stored::fact::Fact {
    match fact {
        Fact::PartitionListed { partition, region } => {
            stored::fact::Fact::PartitionListed(stored::PartitionListed {
                partition: partition.number(),
                region: bytes(region.into()),
            })
        }
        Fact::SweepStep { opened_by, node, after, up_to } => {
            stored::fact::Fact::SweepStep(stored::SweepStep {
                opened_by,
                node: bytes(node),
                after_month: after.map(Month::number),
                up_to_month: up_to.map(Month::number),
            })
        }
        Fact::RecountStep { opened_by, after, up_to } => {
            stored::fact::Fact::RecountStep(stored::RecountStep {
                opened_by,
                after: after.map(|id| bytes(id.into())),
                up_to: up_to.map(|id| bytes(id.into())),
            })
        }
        Fact::CaseAssigned { case, assignee } => {
            stored::fact::Fact::CaseAssigned(stored::CaseAssigned {
                case_id: bytes(case.into()),
                assignee,
            })
        }
        Fact::CaseSettled { case, outcome } => {
            stored::fact::Fact::CaseSettled(stored::CaseSettled {
                case_id: bytes(case.into()),
                outcome: i32::try_from(outcome).unwrap_or(0),
            })
        }
        Fact::BatchRecorded { item_count, items } => {
            stored::fact::Fact::BatchRecorded(stored::BatchRecorded {
                item_count,
                items: items.into_iter().map(put_item).collect(),
            })
        }
        Fact::PartitionBegun(region) => {
            stored::fact::Fact::PartitionBegun(stored::PartitionBegun {
                region: region.map(|region| bytes(region.into())).unwrap_or_default(),
            })
        }
        Fact::Erased { seq, kinds, order, ordered_by, .. } => {
            stored::fact::Fact::Erased(stored::Erased { seq, kinds, order, ordered_by })
        }
        // Of what never was so nothing is common but that. The others are written by the caller.
        _ => stored::fact::Fact::Retracted(stored::Retracted::default()),
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each kind of fact")]
fn read_fact(fact: stored::fact::Fact, parts: &SubjectParts<'_>) -> Option<Fact> {
    let has_parts = matches!(
        fact,
        stored::fact::Fact::Succession(_)
            | stored::fact::Fact::Retracted(_)
            | stored::fact::Fact::Erased(_)
    );
    (has_parts || parts.parts.is_empty()).then_some(())?;
    Some(match fact {
        stored::fact::Fact::Registered(fact) => Fact::Registered {
            subject: SubjectId::from_slice(&fact.subject)?,
            exists_from: read_span(fact.exists_from?)?,
            content: read_content(fact.content?)?,
        },
        stored::fact::Fact::Changed(fact) => Fact::Changed {
            subject: SubjectId::from_slice(&fact.subject)?,
            content: read_content(fact.content?)?,
        },
        stored::fact::Fact::Ended(fact) => Fact::Ended {
            subject: SubjectId::from_slice(&fact.subject)?,
            day: read_span(fact.day?)?,
            cause: EndCause::from_number(u32::try_from(fact.cause).ok()?)?,
        },
        stored::fact::Fact::Succession(fact) => parts.succession(fact.split)?,
        stored::fact::Fact::Retracted(_) => Fact::Retracted { subjects: parts.subjects()? },
        stored::fact::Fact::Erased(fact) => Fact::Erased {
            seq: fact.seq,
            kinds: fact.kinds,
            order: fact.order,
            ordered_by: fact.ordered_by,
            subjects: parts.subjects()?,
        },
        stored::fact::Fact::PartitionBegun(fact) => {
            let region = if fact.region.is_empty() {
                None
            } else {
                Some(SubjectId::from_slice(&fact.region)?.try_into().ok()?)
            };
            Fact::PartitionBegun(region)
        }
        stored::fact::Fact::PartitionListed(fact) => Fact::PartitionListed {
            partition: Partition::new(fact.partition)?,
            region: SubjectId::from_slice(&fact.region)?.try_into().ok()?,
        },
        stored::fact::Fact::SweepStep(fact) => {
            let month = |number: Option<u32>| match number {
                Some(number) => Month::from_number(number).map(Some),
                None => Some(None),
            };
            Fact::SweepStep {
                opened_by: fact.opened_by,
                node: SubjectId::from_slice(&fact.node)?,
                after: month(fact.after_month)?,
                up_to: month(fact.up_to_month)?,
            }
        }
        stored::fact::Fact::RecountStep(fact) => {
            let building = |id: Option<Vec<u8>>| match id {
                Some(id) => SubjectId::from_slice(&id)?.try_into().ok().map(Some),
                None => Some(None),
            };
            Fact::RecountStep {
                opened_by: fact.opened_by,
                after: building(fact.after)?,
                up_to: building(fact.up_to)?,
            }
        }
        stored::fact::Fact::CaseAssigned(fact) => Fact::CaseAssigned {
            case: SubjectId::from_slice(&fact.case_id)?.try_into().ok()?,
            assignee: fact.assignee,
        },
        stored::fact::Fact::CaseSettled(fact) => Fact::CaseSettled {
            case: SubjectId::from_slice(&fact.case_id)?.try_into().ok()?,
            outcome: u32::try_from(fact.outcome).ok()?,
        },
        stored::fact::Fact::BatchRecorded(fact) => Fact::BatchRecorded {
            item_count: fact.item_count,
            items: fact.items.into_iter().map(read_item).collect::<Option<_>>()?,
        },
    })
}

fn bytes(subject: SubjectId) -> Vec<u8> {
    subject.to_bytes().to_vec()
}

fn span(day: ImpreciseDay) -> stored::DaySpan {
    stored::DaySpan { earliest: day.earliest().number(), latest: day.latest().number() }
}

fn read_span(span: stored::DaySpan) -> Option<ImpreciseDay> {
    ImpreciseDay::new(Day::from_number(span.earliest)?, Day::from_number(span.latest)?)
}

fn put_source_row(row: SourceRow) -> stored::SourceRow {
    stored::SourceRow {
        source: row.source,
        key: row.key,
        hash: row.hash.0.to_vec(),
        said: row.said.map(put_content),
    }
}

fn read_source_row(row: stored::SourceRow) -> Option<SourceRow> {
    let said = match row.said {
        Some(said) => Some(read_content(said)?),
        None => None,
    };
    Some(SourceRow { source: row.source, key: row.key, hash: Hash::from_slice(&row.hash)?, said })
}

fn put_item(item: ItemRecord) -> stored::ItemRecord {
    stored::ItemRecord {
        index: item.index,
        outcome: u32::from(item.outcome as u8),
        subject: item.subject.map(bytes).unwrap_or_default(),
        refusals: item
            .refusals
            .into_iter()
            .map(|refusal| stored::Refusal {
                reason: refusal.reason,
                field: refusal.field,
                message: refusal.message,
                class: refusal.class as u32,
            })
            .collect(),
        conflicts: item
            .conflicts
            .into_iter()
            .map(|conflict| stored::Conflict {
                field: conflict.field,
                row_value: conflict.row,
                registry_value: conflict.registry,
            })
            .collect(),
        partly_taken: item.is_partly_taken,
        row: item.row.map(put_source_row),
    }
}

fn read_item(item: stored::ItemRecord) -> Option<ItemRecord> {
    let outcome = [
        ItemOutcome::Created,
        ItemOutcome::Changed,
        ItemOutcome::Unchanged,
        ItemOutcome::Conflict,
        ItemOutcome::Refused,
    ]
    .into_iter()
    .find(|outcome| *outcome as u32 == item.outcome)?;
    let subject =
        if item.subject.is_empty() { None } else { Some(SubjectId::from_slice(&item.subject)?) };
    Some(ItemRecord {
        index: item.index,
        outcome,
        subject,
        refusals: item
            .refusals
            .into_iter()
            .map(|refusal| Refusal {
                reason: refusal.reason,
                field: refusal.field,
                message: refusal.message,
                class: Class::from_number(refusal.class),
            })
            .collect(),
        conflicts: item
            .conflicts
            .into_iter()
            .map(|conflict| Conflict {
                field: conflict.field,
                row: conflict.row_value,
                registry: conflict.registry_value,
            })
            .collect(),
        is_partly_taken: item.partly_taken,
        row: match item.row {
            Some(row) => Some(read_source_row(row)?),
            None => None,
        },
    })
}

/// Writes fields and notes which were said to be unknown.
struct Unknown(Vec<u32>);

impl Unknown {
    fn put<T, U>(&mut self, number: u32, said: Said<T>, to: impl FnOnce(T) -> U) -> Option<U> {
        match said {
            Some(Some(value)) => Some(to(value)),
            Some(None) => {
                self.0.push(number);
                None
            }
            None => None,
        }
    }
}

fn put_point(point: Point) -> stored::Point {
    stored::Point { crs: u32::from(point.crs().number()), x: point.x(), y: point.y() }
}

fn put_content(content: Content) -> stored::Content {
    let mut unknown = Unknown(Vec::new());
    let fields = match content.fields {
        Fields::Region(region) => stored::content::Content::Region(stored::RegionContent {
            level: region.level.map(|level| level as u32),
            name: unknown.put(2, region.name, |name| name),
            parent: unknown.put(3, region.parent, |id| bytes(id.into())),
        }),
        Fields::Compound(compound) => {
            stored::content::Content::Compound(put_compound(compound, &mut unknown))
        }
        Fields::Building(building) => {
            stored::content::Content::Building(put_building(building, &mut unknown))
        }
        Fields::Unit(unit) => stored::content::Content::Unit(stored::UnitContent {
            building: unknown.put(1, unit.building, |id| bytes(id.into())),
            entrance: unknown.put(2, unit.entrance, |text| text),
            floor: unknown.put(3, unit.floor, i32::from),
            number: unknown.put(4, unit.number, |text| text),
            area_cm2: unknown.put(5, unit.area_cm2, |area| area),
            r#use: unknown.put(6, unit.unit_use, |value| value as u32),
        }),
        Fields::Policy(policy) => {
            stored::content::Content::Policy(policy::put(*policy, &mut unknown))
        }
        Fields::Claim(claim) => stored::content::Content::Claim(claim::put(*claim, &mut unknown)),
        Fields::Work(work) => stored::content::Content::Work(work::put(*work, &mut unknown)),
        other => checkup::put(other, &mut unknown)
            .unwrap_or_else(|| stored::content::Content::Unit(stored::UnitContent::default())),
    };
    let (doubted, undoubted): (Vec<_>, Vec<_>) =
        content.shared.doubts.into_iter().partition(|(_, doubted)| *doubted);
    let names = |list: Vec<(String, bool)>| list.into_iter().map(|(field, _)| field).collect();
    stored::Content {
        content: Some(fields),
        unknown: unknown.0,
        doubted: names(doubted),
        undoubted: names(undoubted),
        identifiers: content
            .shared
            .identifiers
            .into_iter()
            .map(|(scheme, values)| stored::Identifiers { scheme, values })
            .collect(),
    }
}

fn put_compound(compound: CompoundContent, unknown: &mut Unknown) -> stored::CompoundContent {
    stored::CompoundContent {
        name: unknown.put(1, compound.name, |text| text),
        aliases: unknown.put(2, compound.aliases, |values| stored::Strings { values }),
        address: unknown.put(3, compound.address, |text| text),
        community: unknown.put(4, compound.community, |id| bytes(id.into())),
        built: unknown.put(5, compound.built, span),
        location: unknown.put(6, compound.location, put_point),
        boundary: unknown.put(7, compound.boundary, |boundary| stored::Points {
            crs: boundary.points().first().map_or(0, |point| u32::from(point.crs().number())),
            coordinates: boundary
                .points()
                .iter()
                .flat_map(|point| [point.x(), point.y()])
                .collect(),
        }),
        management: unknown.put(8, compound.management, |value| value as u32),
    }
}

fn put_building(building: BuildingContent, unknown: &mut Unknown) -> stored::BuildingContent {
    stored::BuildingContent {
        name: unknown.put(1, building.name, |text| text),
        address: unknown.put(2, building.address, |text| text),
        compound: unknown.put(3, building.compound, |id| bytes(id.into())),
        community: unknown.put(4, building.community, |id| bytes(id.into())),
        completed: unknown.put(5, building.completed, span),
        design_life_years: unknown.put(6, building.design_life_years, u32::from),
        structure: unknown.put(7, building.structure, |value| value as u32),
        storeys_above: unknown.put(8, building.storeys_above, u32::from),
        storeys_below: unknown.put(9, building.storeys_below, u32::from),
        height_cm: unknown.put(10, building.height_cm, |height| height),
        floor_area_cm2: unknown.put(11, building.floor_area_cm2, |area| area),
        r#use: unknown.put(12, building.building_use, |value| value as u32),
        lift_count: unknown.put(13, building.lift_count, u32::from),
        protection: unknown.put(14, building.protection, |value| value as u32),
        location: unknown.put(15, building.location, put_point),
        physical: unknown.put(16, building.physical, |id| bytes(id.into())),
    }
}

/// Reads fields; one that cannot be read makes the whole fact unreadable.
struct Known(Vec<u32>);

impl Known {
    fn get<T, U>(
        &self,
        number: u32,
        value: Option<T>,
        to: impl FnOnce(T) -> Option<U>,
    ) -> Option<Said<U>> {
        match value {
            Some(value) => to(value).map(|value| Some(Some(value))),
            None => Some(self.0.contains(&number).then_some(None)),
        }
    }

    fn id<T: TryFrom<SubjectId>>(&self, number: u32, value: Option<Vec<u8>>) -> Option<Said<T>> {
        self.get(number, value, |id| SubjectId::from_slice(&id)?.try_into().ok())
    }
}

fn read_crs(number: u32) -> Option<Crs> {
    u16::try_from(number).ok().and_then(Crs::from_number)
}

fn read_point(point: stored::Point) -> Option<Point> {
    Point::new(read_crs(point.crs)?, point.x, point.y).ok()
}

fn read_content(content: stored::Content) -> Option<Content> {
    let known = Known(content.unknown);
    let fields = match content.content? {
        stored::content::Content::Region(region) => Fields::Region(RegionContent {
            level: match region.level {
                Some(level) => Some(Level::from_number(level)?),
                None => None,
            },
            name: known.get(2, region.name, Some)?,
            parent: known.id(3, region.parent)?,
        }),
        stored::content::Content::Compound(compound) => {
            Fields::Compound(read_compound(compound, &known)?)
        }
        stored::content::Content::Building(building) => {
            Fields::Building(read_building(building, &known)?)
        }
        stored::content::Content::Unit(unit) => Fields::Unit(UnitContent {
            building: known.id(1, unit.building)?,
            entrance: known.get(2, unit.entrance, Some)?,
            floor: known.get(3, unit.floor, |floor| i16::try_from(floor).ok())?,
            number: known.get(4, unit.number, Some)?,
            area_cm2: known.get(5, unit.area_cm2, Some)?,
            unit_use: known.get(6, unit.r#use, UnitUse::from_number)?,
        }),
        stored::content::Content::Policy(policy) => {
            Fields::Policy(Box::new(policy::read(policy, &known)?))
        }
        stored::content::Content::Claim(claim) => {
            Fields::Claim(Box::new(claim::read(claim, &known)?))
        }
        stored::content::Content::Work(work) => Fields::Work(Box::new(work::read(work, &known)?)),
        other => checkup::read(other, &known)?,
    };
    let doubts = content
        .doubted
        .into_iter()
        .map(|field| (field, true))
        .chain(content.undoubted.into_iter().map(|field| (field, false)))
        .collect();
    let identifiers =
        content.identifiers.into_iter().map(|entry| (entry.scheme, entry.values)).collect();
    Some(Content { fields, shared: Shared { identifiers, doubts } })
}

fn read_compound(compound: stored::CompoundContent, known: &Known) -> Option<CompoundContent> {
    Some(CompoundContent {
        name: known.get(1, compound.name, Some)?,
        aliases: known.get(2, compound.aliases, |strings| Some(strings.values))?,
        address: known.get(3, compound.address, Some)?,
        community: known.id(4, compound.community)?,
        built: known.get(5, compound.built, read_span)?,
        location: known.get(6, compound.location, read_point)?,
        boundary: known.get(7, compound.boundary, |points| {
            let crs = read_crs(points.crs)?;
            let ring = points.coordinates.chunks_exact(2).map(|pair| match pair {
                [x, y] => Point::new(crs, *x, *y).ok(),
                _ => None,
            });
            Boundary::new(ring.collect::<Option<_>>()?).ok()
        })?,
        management: known.get(8, compound.management, Management::from_number)?,
    })
}

fn read_building(building: stored::BuildingContent, known: &Known) -> Option<BuildingContent> {
    let small = |number: u32| u16::try_from(number).ok();
    Some(BuildingContent {
        name: known.get(1, building.name, Some)?,
        address: known.get(2, building.address, Some)?,
        compound: known.id(3, building.compound)?,
        community: known.id(4, building.community)?,
        completed: known.get(5, building.completed, read_span)?,
        design_life_years: known.get(6, building.design_life_years, small)?,
        structure: known.get(7, building.structure, Structure::from_number)?,
        storeys_above: known.get(8, building.storeys_above, small)?,
        storeys_below: known.get(9, building.storeys_below, small)?,
        height_cm: known.get(10, building.height_cm, Some)?,
        floor_area_cm2: known.get(11, building.floor_area_cm2, Some)?,
        building_use: known.get(12, building.r#use, BuildingUse::from_number)?,
        lift_count: known.get(13, building.lift_count, small)?,
        protection: known.get(14, building.protection, Protection::from_number)?,
        location: known.get(15, building.location, read_point)?,
        physical: known.id(16, building.physical)?,
    })
}

/// The case id that a case's opening entry and content give it.
pub(crate) fn derived_case_id(unix_ms: u64, partition: Partition, parts: &[&[u8]]) -> CaseId {
    let hash = Hash::of(parts);
    let mut random = [0; 8];
    for (to, from) in random.iter_mut().zip(hash.0) {
        *to = from;
    }
    CaseId::new(RawId::new(unix_ms, partition, u64::from_be_bytes(random)))
}

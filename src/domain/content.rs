//! What is said about a subject: fields that may be stated, stated as unknown, or left out.
//!
//! A content never holds what was not said. Laying a newer content over an older one takes what the
//! newer one says, be it a value or "unknown", and leaves the rest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        body::BodyContent,
        building::BuildingContent,
        claim::ClaimContent,
        compound::CompoundContent,
        finding::{self, FindingContent},
        order::OrderContent,
        place::Point,
        plan::PlanContent,
        policy::PolicyContent,
        reference::ReferenceContent,
        region::RegionContent,
        report::ReportContent,
        signer::SignerContent,
        unit::UnitContent,
        work::WorkContent,
    },
    kernel::id::{BuildingId, Kind, SubjectId},
};

/// A field that was not said (`None`), was said to be unknown or none (`Some(None)`), or has a value.
pub type Said<T> = Option<Option<T>>;

/// Takes what `newer` says, if it says anything.
pub fn lay<T: Clone>(older: &mut Said<T>, newer: &Said<T>) {
    if newer.is_some() {
        older.clone_from(newer);
    }
}

/// Outside numbers and codes by scheme. A scheme that is named has just these values.
pub type Identifiers = BTreeMap<String, Vec<String>>;

/// What every kind of subject can have said about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// Outside numbers and codes.
    pub identifiers: Identifiers,
    /// Fields by name: doubted from now on, or doubted no more.
    pub doubts: BTreeMap<String, bool>,
}

/// The fields of one kind of subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fields {
    /// 行政区划
    Region(RegionContent),
    /// 小区
    Compound(CompoundContent),
    /// 栋
    Building(BuildingContent),
    /// 户
    Unit(UnitContent),
    /// 机构
    Body(BodyContent),
    /// 签字人
    Signer(SignerContent),
    /// 体检计划
    Plan(PlanContent),
    /// 体检任务
    Order(OrderContent),
    /// 体检报告
    Report(Box<ReportContent>),
    /// 问题
    Finding(Box<FindingContent>),
    /// An edition of reference data.
    Reference(ReferenceContent),
    /// 保险单
    Policy(Box<PolicyContent>),
    /// 理赔
    Claim(Box<ClaimContent>),
    /// 维修工程项
    Work(Box<WorkContent>),
}

/// All that one fact says about one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The fields of its kind.
    pub fields: Fields,
    /// What every kind has.
    pub shared: Shared,
}

/// The name of a field and its value as text, `None` for unknown or none.
pub type FieldText = (String, Option<String>);

impl Content {
    /// A content that says nothing.
    pub fn empty(kind: Kind) -> Self {
        let fields = match kind {
            Kind::Region => Fields::Region(RegionContent::default()),
            Kind::Compound => Fields::Compound(CompoundContent::default()),
            Kind::Unit => Fields::Unit(UnitContent::default()),
            Kind::Body => Fields::Body(BodyContent::default()),
            Kind::Signer => Fields::Signer(SignerContent::default()),
            Kind::Plan => Fields::Plan(PlanContent::default()),
            Kind::Order => Fields::Order(OrderContent::default()),
            Kind::Report => Fields::Report(Box::default()),
            Kind::Finding => Fields::Finding(Box::default()),
            Kind::Reference => Fields::Reference(ReferenceContent::default()),
            Kind::Policy => Fields::Policy(Box::default()),
            Kind::Claim => Fields::Claim(Box::default()),
            Kind::Work => Fields::Work(Box::default()),
            // A case has no content; a building's is as good as any.
            Kind::Building | Kind::Case => Fields::Building(BuildingContent::default()),
        };
        Self { fields, shared: Shared::default() }
    }

    /// Which kind of subject it is about.
    pub fn kind(&self) -> Kind {
        match self.fields {
            Fields::Region(_) => Kind::Region,
            Fields::Compound(_) => Kind::Compound,
            Fields::Building(_) => Kind::Building,
            Fields::Unit(_) => Kind::Unit,
            Fields::Body(_) => Kind::Body,
            Fields::Signer(_) => Kind::Signer,
            Fields::Plan(_) => Kind::Plan,
            Fields::Order(_) => Kind::Order,
            Fields::Report(_) => Kind::Report,
            Fields::Finding(_) => Kind::Finding,
            Fields::Reference(_) => Kind::Reference,
            Fields::Policy(_) => Kind::Policy,
            Fields::Claim(_) => Kind::Claim,
            Fields::Work(_) => Kind::Work,
        }
    }

    /// Takes over what `newer` says. Contents of different kinds leave each other alone.
    pub fn lay(&mut self, newer: &Self) {
        match (&mut self.fields, &newer.fields) {
            (Fields::Region(older), Fields::Region(newer)) => older.lay(newer),
            (Fields::Compound(older), Fields::Compound(newer)) => older.lay(newer),
            (Fields::Building(older), Fields::Building(newer)) => older.lay(newer),
            (Fields::Unit(older), Fields::Unit(newer)) => older.lay(newer),
            (Fields::Body(older), Fields::Body(newer)) => older.lay(newer),
            (Fields::Signer(older), Fields::Signer(newer)) => older.lay(newer),
            (Fields::Plan(older), Fields::Plan(newer)) => older.lay(newer),
            (Fields::Order(older), Fields::Order(newer)) => older.lay(newer),
            (Fields::Report(older), Fields::Report(newer)) => older.lay(newer),
            (Fields::Finding(older), Fields::Finding(newer)) => older.lay(newer),
            (Fields::Reference(older), Fields::Reference(newer)) => older.lay(newer),
            (Fields::Policy(older), Fields::Policy(newer)) => older.lay(newer),
            (Fields::Claim(older), Fields::Claim(newer)) => older.lay(newer),
            (Fields::Work(older), Fields::Work(newer)) => older.lay(newer),
            _ => return,
        }
        for (scheme, values) in &newer.shared.identifiers {
            self.shared.identifiers.insert(scheme.clone(), values.clone());
        }
        for (field, doubted) in &newer.shared.doubts {
            self.shared.doubts.insert(field.clone(), *doubted);
        }
    }

    /// Every field that is said, as text, in the order of the names: `identifiers.<scheme>` and
    /// `doubts.<field>` among them.
    pub fn texts(&self) -> Vec<FieldText> {
        let mut texts = match &self.fields {
            Fields::Region(fields) => fields.texts(),
            Fields::Compound(fields) => fields.texts(),
            Fields::Building(fields) => fields.texts(),
            Fields::Unit(fields) => fields.texts(),
            Fields::Body(fields) => fields.texts(),
            Fields::Signer(fields) => fields.texts(),
            Fields::Plan(fields) => fields.texts(),
            Fields::Order(fields) => fields.texts(),
            Fields::Report(fields) => fields.texts(),
            Fields::Finding(fields) => fields.texts(),
            Fields::Reference(fields) => fields.texts(),
            Fields::Policy(fields) => fields.texts(),
            Fields::Claim(fields) => fields.texts(),
            Fields::Work(fields) => fields.texts(),
        };
        for (scheme, values) in &self.shared.identifiers {
            let value = (!values.is_empty()).then(|| values.join(","));
            texts.push((format!("identifiers.{scheme}"), value));
        }
        for (field, doubted) in &self.shared.doubts {
            texts.push((format!("doubts.{field}"), doubted.then(|| "doubted".to_owned())));
        }
        texts.sort();
        texts
    }

    /// Keeps only the fields that `keep` wants, by the names of [`Content::texts`].
    pub fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        match &mut self.fields {
            Fields::Region(fields) => fields.retain(keep),
            Fields::Compound(fields) => fields.retain(keep),
            Fields::Building(fields) => fields.retain(keep),
            Fields::Unit(fields) => fields.retain(keep),
            Fields::Body(fields) => fields.retain(keep),
            Fields::Signer(fields) => fields.retain(keep),
            Fields::Plan(fields) => fields.retain(keep),
            Fields::Order(fields) => fields.retain(keep),
            Fields::Report(fields) => fields.retain(keep),
            Fields::Finding(fields) => fields.retain(keep),
            Fields::Reference(fields) => fields.retain(keep),
            Fields::Policy(fields) => fields.retain(keep),
            Fields::Claim(fields) => fields.retain(keep),
            Fields::Work(fields) => fields.retain(keep),
        }
        self.shared.identifiers.retain(|scheme, _| keep(&format!("identifiers.{scheme}")));
        self.shared.doubts.retain(|field, _| keep(&format!("doubts.{field}")));
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.texts().is_empty()
    }

    /// The subjects that it names: parent, compound, community, building, and whatever else it is
    /// found by.
    pub fn references(&self) -> Vec<SubjectId> {
        let mut named = self.located_in();
        match &self.fields {
            Fields::Signer(fields) => {
                let employments = fields.employments.iter().flatten().flatten();
                named.extend(employments.map(|employment| SubjectId::from(employment.body)));
            }
            Fields::Order(fields) => {
                named.extend(fields.plan.flatten().map(SubjectId::from));
                named.extend(fields.body.flatten().map(SubjectId::from));
            }
            Fields::Report(fields) => {
                named.extend(fields.order.flatten().map(SubjectId::from));
                named.extend(fields.body.flatten().map(SubjectId::from));
                let signed = fields.signed.iter().flatten();
                let signers = signed.flat_map(|signed| &signed.signers);
                named.extend(signers.map(|signer| SubjectId::from(*signer)));
                named.extend(fields.superseded.flatten().map(SubjectId::from));
            }
            Fields::Finding(fields) => {
                if let Some(event) = &fields.event
                    && let finding::Saying::Observed(seen) = &event.saying
                {
                    named.extend(seen.report.map(SubjectId::from));
                }
            }
            Fields::Policy(fields) => named.extend(fields.objects()),
            Fields::Claim(fields) => {
                named.extend(fields.unit.flatten().map(SubjectId::from));
                named.extend(fields.policy.flatten().map(SubjectId::from));
                named.extend(fields.findings().iter().copied().map(SubjectId::from));
                named.extend(fields.reports().iter().copied().map(SubjectId::from));
                named.extend(fields.work().map(SubjectId::from));
            }
            Fields::Work(fields) => {
                named.extend(fields.findings().iter().copied().map(SubjectId::from));
            }
            _ => {}
        }
        named
    }

    /// The subjects that it names, with the names of the fields: of what is said about the spine.
    pub fn named(&self) -> Vec<(&'static str, SubjectId)> {
        let field = |id: &SubjectId| match (self.kind(), id.kind()) {
            (Kind::Policy, Kind::Building | Kind::Compound | Kind::Unit) => "object_ids",
            (Kind::Claim | Kind::Work, Kind::Finding) => "finding_ids",
            (_, Kind::Work) => "work_id",
            (Kind::Claim, Kind::Report) => "report_ids",
            (_, Kind::Building) => "building_id",
            (_, Kind::Unit) => "unit_id",
            (_, Kind::Policy) => "policy_id",
            (_, Kind::Order) => "order_id",
            (_, Kind::Plan) => "plan_id",
            (Kind::Signer, Kind::Body) => "employments",
            (_, Kind::Body) => "body_id",
            (_, Kind::Signer) => "signers",
            (Kind::Report, Kind::Report) => "superseded_by",
            (_, Kind::Report) => "report_id",
            _ => "region_id",
        };
        self.references().into_iter().map(|id| (field(&id), id)).collect()
    }

    /// The subjects by whose place its own is known: its holders, and the building that it is about.
    pub fn located_in(&self) -> Vec<SubjectId> {
        let mut places = self.holders();
        places.extend(self.about().map(SubjectId::from));
        places
    }

    /// The building that it is about without living in it.
    pub fn about(&self) -> Option<BuildingId> {
        match &self.fields {
            Fields::Order(fields) => fields.building.flatten(),
            Fields::Report(fields) => fields.building.flatten(),
            Fields::Finding(fields) => fields.building.flatten(),
            Fields::Claim(fields) => fields.building.flatten(),
            Fields::Work(fields) => fields.building.flatten(),
            _ => None,
        }
    }

    /// The subjects in which it lives: it is there only as long as they are, and counted by them. What
    /// is only said *about* a subject, such as a report, does not live in it.
    pub fn holders(&self) -> Vec<SubjectId> {
        fn put<T: Copy + Into<SubjectId>>(field: Said<T>, to: &mut Vec<SubjectId>) {
            to.extend(field.flatten().map(Into::into));
        }
        let mut named = Vec::new();
        match &self.fields {
            Fields::Region(fields) => put(fields.parent, &mut named),
            Fields::Compound(fields) => put(fields.community, &mut named),
            Fields::Building(fields) => {
                put(fields.compound, &mut named);
                put(fields.community, &mut named);
                put(fields.physical, &mut named);
            }
            Fields::Unit(fields) => put(fields.building, &mut named),
            Fields::Body(fields) => put(fields.region, &mut named),
            Fields::Signer(fields) => put(fields.region, &mut named),
            Fields::Plan(fields) => put(fields.region, &mut named),
            Fields::Reference(fields) => put(fields.region, &mut named),
            Fields::Policy(fields) => put(fields.region, &mut named),
            Fields::Order(_)
            | Fields::Report(_)
            | Fields::Finding(_)
            | Fields::Claim(_)
            | Fields::Work(_) => {}
        }
        named
    }

    /// The point by which it can be found.
    pub fn location(&self) -> Option<Point> {
        match &self.fields {
            Fields::Compound(fields) => fields.location.flatten(),
            Fields::Building(fields) => fields.location.flatten(),
            _ => None,
        }
    }

    /// The names and addresses by which it can be searched.
    pub fn searched_texts(&self) -> Vec<&str> {
        let mut texts: Vec<&str> = Vec::new();
        match &self.fields {
            Fields::Region(fields) => {
                texts.extend(fields.name.iter().flatten().map(String::as_str));
            }
            Fields::Compound(fields) => {
                texts.extend(fields.name.iter().flatten().map(String::as_str));
                texts.extend(fields.aliases.iter().flatten().flatten().map(String::as_str));
                texts.extend(fields.address.iter().flatten().map(String::as_str));
            }
            Fields::Building(fields) => {
                texts.extend(fields.name.iter().flatten().map(String::as_str));
                texts.extend(fields.address.iter().flatten().map(String::as_str));
            }
            Fields::Body(fields) => {
                texts.extend(fields.name.iter().flatten().map(String::as_str));
            }
            _ => {}
        }
        texts
    }
}

/// Puts a said field among the texts.
#[expect(clippy::ref_option, reason = "a field is kept as it was said")]
pub(crate) fn push<T: ToString>(texts: &mut Vec<FieldText>, name: &str, field: &Said<T>) {
    if let Some(value) = field {
        texts.push((name.to_owned(), value.as_ref().map(ToString::to_string)));
    }
}

/// Puts a said list among the texts.
#[expect(clippy::ref_option, reason = "a field is kept as it was said")]
pub(crate) fn push_list<T: ToString>(texts: &mut Vec<FieldText>, name: &str, field: &Said<Vec<T>>) {
    if let Some(list) = field {
        let joined = list
            .as_ref()
            .map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        texts.push((name.to_owned(), joined));
    }
}

/// Drops a field that is not wanted.
pub(crate) fn drop_unless<T>(keep: &dyn Fn(&str) -> bool, name: &str, field: &mut Said<T>) {
    if !keep(name) {
        *field = None;
    }
}

//! What is said about a subject: fields that may be stated, stated as unknown, or left out.
//!
//! A content never holds what was not said. Laying a newer content over an older one takes what the
//! newer one says, be it a value or "unknown", and leaves the rest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        building::BuildingContent, compound::CompoundContent, place::Point, region::RegionContent,
        unit::UnitContent,
    },
    kernel::id::{Kind, SubjectId},
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
        }
    }

    /// Takes over what `newer` says. Contents of different kinds leave each other alone.
    pub fn lay(&mut self, newer: &Self) {
        match (&mut self.fields, &newer.fields) {
            (Fields::Region(older), Fields::Region(newer)) => older.lay(newer),
            (Fields::Compound(older), Fields::Compound(newer)) => older.lay(newer),
            (Fields::Building(older), Fields::Building(newer)) => older.lay(newer),
            (Fields::Unit(older), Fields::Unit(newer)) => older.lay(newer),
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
        }
        self.shared.identifiers.retain(|scheme, _| keep(&format!("identifiers.{scheme}")));
        self.shared.doubts.retain(|field, _| keep(&format!("doubts.{field}")));
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.texts().is_empty()
    }

    /// The subjects that it names: parent, compound, community, building.
    pub fn references(&self) -> Vec<SubjectId> {
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
        }
        named
    }

    /// The point by which it can be found.
    pub fn location(&self) -> Option<Point> {
        match &self.fields {
            Fields::Compound(fields) => fields.location.flatten(),
            Fields::Building(fields) => fields.location.flatten(),
            Fields::Region(_) | Fields::Unit(_) => None,
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
            Fields::Unit(_) => {}
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

/// Drops a field that is not wanted.
pub(crate) fn drop_unless<T>(keep: &dyn Fn(&str) -> bool, name: &str, field: &mut Said<T>) {
    if !keep(name) {
        *field = None;
    }
}

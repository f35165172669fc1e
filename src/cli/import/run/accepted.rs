//! What a dry run would have taken, for the rows that refer to it.

use std::collections::BTreeSet;

use crate::{
    kernel::hash::Hash,
    proto::v1::{
        ImportBuilding, ImportCompound, ImportPeriod, ImportRegion, ImportRow, ImportUnit,
        Reference, import_period::Row as PeriodRow, import_row::Row, reference,
    },
};

/// What a dry run would have taken.
#[derive(Default)]
pub(super) struct Accepted(BTreeSet<[u8; 16]>);

impl Accepted {
    pub(super) fn add(&mut self, source: &str, key: &str) {
        self.0.insert(short_hash(source, key));
    }

    pub(super) fn has(&self, source: &str, key: &str) -> bool {
        self.0.contains(&short_hash(source, key))
    }

    /// Whether what a row of a source refers to in a field would have been taken.
    pub(super) fn has_named(&self, source: &str, row: &ImportRow, field: &str) -> bool {
        let named = match listed(field) {
            Some(("successors", index, _)) => {
                row.successors.get(index).and_then(|each| each.reference.as_ref())
            }
            Some(("split_off", index, _)) => {
                row.split_off.get(index).and_then(|each| each.reference.as_ref())
            }
            Some(("earlier", index, field)) => of_period(row.earlier.get(index), field),
            Some(("later", index, field)) => of_period(row.later.get(index), field),
            _ => related(row.row.as_ref(), field),
        };
        match named.and_then(|each| each.reference.as_ref()) {
            Some(reference::Reference::Key(key)) => self.has(source, key),
            Some(reference::Reference::SourceKey(of)) => self.has(&of.source, &of.key),
            _ => false,
        }
    }
}

/// A key of a source in few bytes.
pub(super) fn short_hash(source: &str, key: &str) -> [u8; 16] {
    let Hash(hash) = Hash::of(&[source.as_bytes(), b"\0", key.as_bytes()]);
    let mut short = [0; 16];
    short.copy_from_slice(hash.get(..16).unwrap_or(&[0; 16]));
    short
}

/// The list, the index and the rest of a path such as `earlier[0].compound_id`.
fn listed(field: &str) -> Option<(&str, usize, &str)> {
    let (list, rest) = field.split_once('[')?;
    let (index, rest) = rest.split_once(']')?;
    Some((list, index.parse().ok()?, rest.strip_prefix('.').unwrap_or(rest)))
}

fn of_period<'a>(period: Option<&'a ImportPeriod>, field: &str) -> Option<&'a Reference> {
    let field = field.strip_suffix("_id").unwrap_or(field);
    let named = match period?.row.as_ref()? {
        PeriodRow::Region(row) => of_region(row),
        PeriodRow::Compound(row) => of_compound(row),
        PeriodRow::Building(row) => of_building(row),
        PeriodRow::Unit(row) => of_unit(row),
    };
    named.into_iter().find(|(name, _)| *name == field).and_then(|(_, reference)| reference)
}

/// What a row refers to by a relation.
fn related<'a>(row: Option<&'a Row>, field: &str) -> Option<&'a Reference> {
    let field = field.strip_suffix("_id").unwrap_or(field);
    let named = match row? {
        Row::Region(row) => of_region(row),
        Row::Compound(row) => of_compound(row),
        Row::Building(row) => of_building(row),
        Row::Unit(row) => of_unit(row),
        // What they name is in other files.
        Row::Inspection(_) | Row::Finding(_) | Row::Policy(_) => Vec::new(),
    };
    named.into_iter().find(|(name, _)| *name == field).and_then(|(_, reference)| reference)
}

/// Relations by their names.
type Related<'a> = Vec<(&'static str, Option<&'a Reference>)>;

fn of_region(row: &ImportRegion) -> Related<'_> {
    vec![("parent", row.parent.as_ref())]
}

fn of_compound(row: &ImportCompound) -> Related<'_> {
    vec![("community", row.community.as_ref())]
}

fn of_building(row: &ImportBuilding) -> Related<'_> {
    vec![
        ("compound", row.compound.as_ref()),
        ("community", row.community.as_ref()),
        ("physical", row.physical.as_ref()),
    ]
}

fn of_unit(row: &ImportUnit) -> Related<'_> {
    vec![("building", row.building.as_ref())]
}

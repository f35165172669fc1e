//! What a dry run would have taken, for the rows that refer to it.

use std::collections::BTreeSet;

use crate::{
    kernel::hash::Hash,
    proto::v1::{ImportRow, Reference, import_row::Row, reference},
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
        let field = field.strip_suffix("_id").unwrap_or(field);
        let of_list = field.strip_prefix("successors[").and_then(|rest| rest.strip_suffix(']'));
        let named = match of_list {
            Some(index) => {
                let index = index.parse::<usize>().ok();
                index.and_then(|index| row.successors.get(index)?.reference.as_ref())
            }
            None => references(row)
                .into_iter()
                .find(|(name, _)| *name == field)
                .and_then(|(_, reference)| reference.as_ref()),
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

/// What a row refers to, by the name of the relation.
fn references(row: &ImportRow) -> Vec<(&'static str, &Option<Reference>)> {
    match &row.row {
        Some(Row::Region(region)) => vec![("parent", &region.parent)],
        Some(Row::Compound(compound)) => vec![("community", &compound.community)],
        Some(Row::Building(each)) => vec![
            ("compound", &each.compound),
            ("community", &each.community),
            ("physical", &each.physical),
        ],
        Some(Row::Unit(unit)) => vec![("building", &unit.building)],
        // What they name is in other files.
        Some(Row::Inspection(_) | Row::Finding(_)) | None => Vec::new(),
    }
}

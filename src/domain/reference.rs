//! Editions of reference data, as they are loaded into a partition: dated facts like all others.
//!
//! The text of the file is kept as it was, so that everybody can read by what was judged; what it
//! says is read from it by `reference_file` and the readers of the tables.

use serde::{Deserialize, Serialize};

use crate::{
    domain::content::{FieldText, Said, drop_unless, lay, push},
    kernel::{hash::Hash, id::RegionId},
};

/// Bytes of one file, so that it fits one entry.
pub const FILE_BYTES_MAX: usize = 56 * 1024;

/// What is said of an edition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceContent {
    /// The region in and below which it holds: its jurisdiction, or the partition's own region.
    pub region: Said<RegionId>,
    /// The word of its table.
    pub table: Said<String>,
    /// Its name.
    pub name: Said<String>,
    /// Its edition.
    pub edition: Said<String>,
    /// The file.
    pub text: Said<String>,
}

impl ReferenceContent {
    pub(crate) fn lay(&mut self, newer: &Self) {
        lay(&mut self.region, &newer.region);
        lay(&mut self.table, &newer.table);
        lay(&mut self.name, &newer.name);
        lay(&mut self.edition, &newer.edition);
        lay(&mut self.text, &newer.text);
    }

    /// The file itself is told by its hash.
    pub(crate) fn texts(&self) -> Vec<FieldText> {
        let mut texts = Vec::new();
        push(&mut texts, "region_id", &self.region);
        push(&mut texts, "table", &self.table);
        push(&mut texts, "name", &self.name);
        push(&mut texts, "edition", &self.edition);
        let hash = |text: &String| format!("sha256:{}", Hash::of(&[text.as_bytes()]));
        push(&mut texts, "text", &self.text.as_ref().map(|text| text.as_ref().map(hash)));
        texts
    }

    pub(crate) fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        drop_unless(keep, "region_id", &mut self.region);
        drop_unless(keep, "table", &mut self.table);
        drop_unless(keep, "name", &mut self.name);
        drop_unless(keep, "edition", &mut self.edition);
        drop_unless(keep, "text", &mut self.text);
    }
}

//! Editions of reference data, as they are loaded into a partition: dated facts like all others.
//!
//! The text of the file is kept as it was, so that everybody can read by what was judged; what it
//! says is read from it by `reference_file` and the readers of the tables.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        content::{FieldText, Said, drop_unless, lay, push},
        grade,
        house_code::CheckTable,
        reference_file::{self, Edition, Table},
        tables::Parsed,
    },
    kernel::{hash::Hash, id::RegionId, violation::Violations},
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

/// Reads a file by the reader of its table, and answers with its head or with everything that is
/// wrong. Colours are read beside `grades`, the catalogues of grades that are loaded: the values
/// that they map must be those of one of them.
pub fn check(text: &str, grades: &[&grade::Catalogue]) -> Result<Edition, Violations> {
    if text.len() > FILE_BYTES_MAX {
        let mut violations = Violations::default();
        violations.add("", "TOO_LONG", format!("a file has at most {FILE_BYTES_MAX} bytes"));
        return Err(violations);
    }
    // A head that is wrong is told by the table's own reader, with all that follows it.
    let Some(table) = table_of(text) else { return reference_file::head(text) };
    match table {
        Table::HouseCodeCheck => CheckTable::read(text).map(|_| ()),
        table => Parsed::read(table, text, grades).map(|_| ()),
    }?;
    reference_file::head(text)
}

fn table_of(text: &str) -> Option<Table> {
    let file = text.parse::<toml::Table>().ok()?;
    let word = file.get("table")?.as_str()?;
    Table::ALL.into_iter().find(|table| table.word() == word)
}

/// Whether an edition of a table may hold in a part of a partition only: how often buildings are
/// checked may differ from district to district, but not what words mean.
pub const fn may_be_local(table: Table) -> bool {
    matches!(table, Table::Cycle)
}

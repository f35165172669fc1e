//! The files that the binary carries: one real city's regions, and made-up compounds, buildings
//! and units in it. `data/README.md` says where they come from.

use std::io::Cursor;

use crate::exchange::{
    column::FileKind,
    draft::Draft,
    edition::{self, Edition},
    header::{Layout, Mapping},
    row::{self, Fault},
    table::{Table, TableError},
};

/// A file that the binary carries.
#[derive(Clone, Copy, Debug)]
pub struct CarriedFile {
    /// Its name below `data/zhengzhou`.
    pub name: &'static str,
    /// What its rows are about.
    pub kind: FileKind,
    /// Its bytes, packed when the name ends in `.gz`.
    pub bytes: &'static [u8],
}

impl CarriedFile {
    /// Reads it.
    pub fn table(&self) -> Result<Table, TableError> {
        Table::read(Cursor::new(self.bytes))
    }

    /// Its rows, each with its source and the day since which it exists.
    pub fn drafts(&self) -> Result<Vec<Draft>, CarriedError> {
        let table = self.table()?;
        let edition = match self.kind {
            FileKind::Regions => Edition::recognise(table.headers()),
            _ => None,
        };
        let bind = || Layout::bind(self.kind, table.headers(), &Mapping::default(), false);
        let layout = if edition.is_none() {
            Some(bind().map_err(|faults| {
                let messages = faults.into_iter().map(|fault| fault.message);
                CarriedError::Header(messages.collect())
            })?)
        } else {
            None
        };
        let mut drafts = Vec::new();
        for record in table {
            let record = record?;
            let draft = match (&edition, &layout) {
                (Some(edition), _) => edition.read(&record),
                (None, Some(layout)) => row::read(layout, &record),
                (None, None) => continue,
            };
            let mut draft = draft.map_err(CarriedError::Row)?;
            if edition.is_some() {
                draft.source = Some(edition::SOURCE.to_owned());
                draft.exists_from = Some(edition::EXISTS_FROM.to_owned());
            }
            drafts.push(draft);
        }
        Ok(drafts)
    }
}

/// Why a carried file cannot be read. A test holds that every one can.
#[derive(Debug, thiserror::Error)]
pub enum CarriedError {
    /// It is no table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Its header is not understood.
    #[error("the header cannot be used: {0:?}")]
    Header(Vec<String>),
    /// One of its rows is not understood.
    #[error("a row cannot be used: {0:?}")]
    Row(Vec<Fault>),
}

macro_rules! carry {
    ($name:literal, $kind:ident) => {
        CarriedFile {
            name: $name,
            kind: FileKind::$kind,
            bytes: include_bytes!(concat!("../../data/zhengzhou/", $name)),
        }
    };
}

/// Every file, in the order in which they are imported.
pub const fn carried() -> [CarriedFile; 8] {
    [
        carry!("provinces.csv", Regions),
        carry!("cities.csv", Regions),
        carry!("districts.csv", Regions),
        carry!("streets.csv.gz", Regions),
        carry!("communities.csv.gz", Regions),
        carry!("compounds.csv.gz", Compounds),
        carry!("buildings.csv.gz", Buildings),
        carry!("units.csv.gz", Units),
    ]
}

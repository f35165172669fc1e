//! The files that the binary carries: one real city's regions, and made-up compounds, buildings
//! and units in it. `data/README.md` says where they come from.

use std::io::Cursor;

use crate::exchange::{
    column::FileKind,
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

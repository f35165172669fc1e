//! The reference data of a partition, read from the editions that are known at a position.
//!
//! Reading a file costs more than finding it, and gives the same again: what was read is remembered
//! by the hash of its text.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    domain::{
        content::Fields,
        grade,
        reference_file::Table,
        tables::{Loaded, Parsed, Tables},
    },
    kernel::{
        hash::Hash,
        id::{Kind, ReferenceId, RegionId, SubjectId},
        position::{Partition, Seq},
        time::Day,
    },
    registry::{error::Error, history::timeline_at, state::State, subjects::Subjects},
};

/// Files remembered at most.
const REMEMBERED_MAX: usize = 256;
/// Editions of one partition looked at.
const EDITIONS_MAX: usize = 1_000;

/// Files that were read, by the hash of the text and of the scales that it was read with.
static REMEMBERED: Mutex<BTreeMap<Hash, Arc<Parsed>>> = Mutex::new(BTreeMap::new());

/// The tables of partitions, by the leaf of the last entry about any of their editions, which no other
/// partition and no other registry has.
static KNOWN: Mutex<BTreeMap<Hash, Arc<Tables>>> = Mutex::new(BTreeMap::new());

/// The file of an edition.
struct File {
    id: ReferenceId,
    region: RegionId,
    table: Table,
    text: String,
}

/// The tables of a partition as known with entry `known` (`None`: now). Those that no later entry has
/// changed are read once.
pub(crate) fn known(
    state: &dyn State,
    partition: Partition,
    known: Option<Seq>,
) -> Result<Arc<Tables>, Error> {
    let last = state.meta(partition)?.reference;
    let Some((_, leaf)) = last.filter(|(seq, _)| known.is_none_or(|known| *seq <= known)) else {
        return Ok(Arc::new(tables(state, partition, known, &|_| None)?));
    };
    let remembered = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(tables) = remembered().get(&leaf) {
        return Ok(Arc::clone(tables));
    }
    let tables = Arc::new(tables(state, partition, known, &|_| None)?);
    let mut remembered = remembered();
    if remembered.len() >= REMEMBERED_MAX {
        remembered.clear();
    }
    remembered.insert(leaf, Arc::clone(&tables));
    Ok(tables)
}

/// The tables of a partition as known with entry `known` (`None`: now), where `as_of` says of one
/// edition as of which entry it is to be read instead.
pub(crate) fn tables(
    state: &dyn State,
    partition: Partition,
    known: Option<Seq>,
    as_of: &dyn Fn(SubjectId) -> Option<Seq>,
) -> Result<Tables, Error> {
    let mut files = Vec::new();
    let mut editions = Subjects::of_kind(partition, Kind::Reference);
    while files.len() < EDITIONS_MAX
        && let Some(id) = editions.next(state)?
    {
        let known = as_of(id).or(known);
        let Some(timeline) = timeline_at(state, partition, id, known)? else { continue };
        if timeline.registration().is_none() {
            continue;
        }
        let content = timeline.content_at(Day::MAX);
        files.extend(content.and_then(|content| file_of(id, content.fields)));
    }
    Ok(read_all(files))
}

fn file_of(id: SubjectId, fields: Fields) -> Option<File> {
    let Fields::Reference(fields) = fields else { return None };
    let word = fields.table.flatten()?;
    Some(File {
        id: id.try_into().ok()?,
        region: fields.region.flatten()?,
        table: Table::ALL.into_iter().find(|table| table.word() == word)?,
        text: fields.text.flatten()?,
    })
}

/// Reads the files, scales of grades before what names them. One that cannot be read any more says
/// nothing: it was read when it was accepted.
fn read_all(mut files: Vec<File>) -> Tables {
    files.sort_by_key(|file| (file.table != Table::Grades, file.id));
    let mut editions: Vec<Loaded> = Vec::new();
    for file in files {
        let parsed = {
            let grades = editions.iter().filter_map(|loaded| match loaded.parsed.as_ref() {
                Parsed::Grades(catalogue) => Some(catalogue),
                _ => None,
            });
            parsed(&file, &grades.collect::<Vec<_>>())
        };
        if let Some(parsed) = parsed {
            editions.push(Loaded { id: file.id, region: file.region, parsed });
        } else {
            tracing::error!(reference.id = %file.id, "an edition cannot be read any more");
        }
    }
    Tables::new(editions)
}

fn parsed(file: &File, grades: &[&grade::Catalogue]) -> Option<Arc<Parsed>> {
    let beside = match file.table {
        Table::Colours => {
            let names = grades.iter().map(|grades| format!("{:?}", grades.edition));
            names.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    };
    let hash = Hash::of(&[&[file.table as u8], beside.as_bytes(), &[0], file.text.as_bytes()]);
    let mut remembered = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(parsed) = remembered.get(&hash) {
        return Some(Arc::clone(parsed));
    }
    let parsed = Arc::new(Parsed::read(file.table, &file.text, grades).ok()?);
    if remembered.len() >= REMEMBERED_MAX {
        remembered.clear();
    }
    remembered.insert(hash, Arc::clone(&parsed));
    Some(parsed)
}

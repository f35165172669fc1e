//! Rows: the cells of one record to what they say, or all that is wrong with them.

use crate::{
    exchange::{
        cell,
        column::{By, Column, FileKind, Form, Word},
        draft::{Draft, DraftPeriod, Successor, by_id, by_identifier, by_key, object_of},
        header::{AREA_UNITS, Bound, LENGTH_UNITS, Layout, bound_of},
        paper_column::{GRADE_ASPECTS, GRADE_SCALES, GRADE_SCOPES},
        policy_cell,
        table::Record,
    },
    kernel::{
        hash::Hash,
        id::{Kind, SubjectId},
        limit::{
            BOUNDARY_POINTS_MAX, IDENTIFIER_CHARS_MAX, NAME_CHARS_MAX, SCHEME_CHARS_MAX, amount_max,
        },
    },
    proto::v1::{
        Boundary, Document, Grade, Identifier, ImportObject, Reference, RegionLevel, Vertex,
        reference,
    },
};

/// Bytes of one cell.
const CELL_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a cell that says what was otherwise on other days.
const PERIODS_BYTES_MAX: usize = 256 * 1024;

/// Columns that say, beside the relations, which subject a row is about and where that is.
/// Without other days, the rest may be where it was not on all of its own.
const PLACING: [&str; 8] =
    ["key", "source", "id", "level", "city_code", "ended_on", "earlier", "later"];

/// Columns that say a place together.
const DEGREES: [&str; 3] = ["longitude", "latitude", "location_system"];

/// Every reason for which a row is refused here or by the importer, with what it means. The
/// registry's own reasons come beside these.
pub const REASONS: &[(&str, &str)] = &[
    ("CELL_ENCODING", "The cell is not in the encoding of the file."),
    ("CELL_TOO_LONG", "The cell has more than 16 KiB; of `earlier` and `later` 256 KiB."),
    ("COORDINATES_INCOMPLETE", "Longitude, latitude and reference system are given together."),
    (
        "DUPLICATE_KEY",
        "An earlier row of the file has the same source and key; of findings, also day and observer.",
    ),
    ("FIELD_COUNT", "The row has more or fewer cells than the header has columns."),
    ("NOT_A_CODE", "A statistical code has 12 digits."),
    ("NOT_A_COORDINATE", "Degrees are decimal numbers of at most 7 decimals."),
    ("NOT_A_COVER", "A cover is written as code;sum=amount, and more of name=value."),
    ("NOT_A_DAY", "The cell is not a day in any form that is taken."),
    ("NOT_A_FLAG", "The cell is neither yes nor no."),
    ("NOT_A_GRADE", "A grade is written as scale;edition;scope;value."),
    ("NOT_A_NUMBER", "The cell is not a number in plain digits."),
    ("NOT_A_PAPER", "A paper is written as sha256;bytes;type."),
    ("NOT_A_PART", "What was taken out is written as day;key;share."),
    ("NOT_A_PERIOD", "What was otherwise is written as day;column=value;column=value."),
    ("NOT_A_PREMIUM", "A part of a premium is written as amount;payer."),
    ("NOT_A_SHARE", "An insurer is written with its share: 60% or 2/3."),
    ("NOT_AN_ID", "The cell is not an id of the registry, or of something else."),
    ("NOT_AN_IDENTIFIER", "An outside number is written as scheme:value."),
    ("NOT_AN_OUTLINE", "An outline is a reference system and at least three points."),
    ("NOT_CLEARABLE", "What the column says cannot be said to be none."),
    ("OUT_OF_RANGE", "The number is outside its range."),
    (
        "PARTITION_UNKNOWN",
        "Nothing says which city the row belongs to, or the registry has it not.",
    ),
    ("REFERENCE_TWICE", "Two columns name the same relation."),
    ("REQUIRED", "The cell must not be empty."),
    ("TEXT_TOO_LONG", "The text has too many characters."),
    ("TOO_MANY", "The list is too long."),
    ("TOO_PRECISE", "The number has more decimals than are kept; nothing is rounded."),
    ("UNIT_NOT_TAKEN", "Numbers in 万 or another unit are not taken."),
    ("UNKNOWN_WORD", "The word is none of those that the column has."),
];

/// What is wrong with one cell of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The header of the column; empty for the row as a whole.
    pub column: String,
    /// The stable reason.
    pub reason: String,
    /// One sentence.
    pub message: String,
}

impl Fault {
    /// A fault of one column.
    pub fn new(column: &str, reason: &str, message: impl Into<String>) -> Self {
        Self { column: column.to_owned(), reason: reason.to_owned(), message: message.into() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let blank = if self.column.is_empty() { "" } else { " " };
        write!(f, "{}{blank}{}: {}", self.column, self.reason, self.message)
    }
}

/// Reads one record. All that is wrong with it is answered at once.
pub fn read(layout: &Layout, record: &Record) -> Result<Draft, Vec<Fault>> {
    let (draft, faults) = read_all(layout, record);
    if faults.is_empty() { Ok(draft) } else { Err(faults) }
}

/// A record as far as it can be read, for the registry to judge.
#[derive(Debug)]
pub struct Rest {
    /// What it says beside what is wrong with it; `None` when its cells may stand below other headers
    /// than their own.
    pub draft: Option<Draft>,
    /// Whether that says which subject it is about and where that is. Otherwise it can only be judged
    /// by itself.
    pub is_placed: bool,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

/// Reads one record as far as it can be read.
pub fn rest(layout: &Layout, record: &Record) -> Rest {
    let (draft, faults) = read_all(layout, record);
    let is_placed = |fault: &Fault| {
        let mut columns = layout.columns();
        let column = columns.find(|(header, _)| *header == fault.column);
        column.and_then(|(_, bound)| bound).is_some_and(|bound| {
            let is_relation = matches!(bound.column.form, Form::Reference(..) | Form::Objects(..));
            let name = bound.column.name;
            // Without the source of a relation's key the row's own would be looked in.
            !is_relation && !PLACING.contains(&name) && !name.ends_with("_source")
        })
    };
    let is_placed = draft.key.is_some() && faults.iter().all(is_placed);
    let is_whole = faults.iter().all(|fault| fault.reason != "FIELD_COUNT");
    Rest { draft: is_whole.then_some(draft), is_placed, faults }
}

fn read_all(layout: &Layout, record: &Record) -> (Draft, Vec<Fault>) {
    let mut draft = Draft::default();
    let mut faults = Vec::new();
    let mut width = 0;
    for (index, (header, bound)) in layout.columns().enumerate() {
        width = index + 1;
        let Some(bound) = bound else { continue };
        let raw = record.cells.get(index).unwrap_or("");
        if record.unreadable.contains(&index) {
            faults.push(Fault::new(header, "CELL_ENCODING", "not in the encoding of the file"));
        } else if raw.len() > bytes_max(bound.column) {
            let message = format!("the cell has more than {} KiB", bytes_max(bound.column) / 1024);
            faults.push(Fault::new(header, "CELL_TOO_LONG", message));
        } else if let Err((reason, message)) = put(layout.kind, &mut draft, bound, raw) {
            faults.push(Fault::new(header, reason, message));
        }
    }
    let count = record.cells.len();
    // A spreadsheet may leave empty cells behind the last column. A row that is too short may be
    // one that was cut off, so that even what it has is not to be trusted.
    if count < width || record.cells.iter().skip(width).any(|cell| !cell.is_empty()) {
        let message = format!("{count} cells below {width} columns; is a comma not quoted?");
        faults.push(Fault::new("", "FIELD_COUNT", message));
    } else {
        check(layout, &draft, &mut faults);
    }
    (draft, faults)
}

/// How many bytes a cell of a column may have.
fn bytes_max(column: &Column) -> usize {
    if matches!(column.form, Form::Periods(_)) { PERIODS_BYTES_MAX } else { CELL_BYTES_MAX }
}

/// Puts one cell into its slot.
fn put(kind: FileKind, draft: &mut Draft, bound: Bound, raw: &str) -> Result<(), cell::Fault> {
    let (text, guarded) = cell::unguard(raw);
    if text.is_empty() && !guarded {
        return Ok(());
    }
    let column = bound.column;
    if !guarded && (cell::is_none(text) || (cell::is_unknown(text) && cannot_hold(column))) {
        return clear(draft, column);
    }
    match column.form {
        Form::Text(most, slot) | Form::Token(most, slot) => {
            *slot(draft) = Some(bounded(text, most)?);
        }
        Form::Day(slot) => *slot(draft) = Some(cell::imprecise_day(text)?.to_string()),
        Form::ExactDay(slot) => *slot(draft) = Some(cell::exact_day(text)?.to_string()),
        Form::Count(least, most, units, slot) => {
            let number = cell::whole(text, units, least.into(), most.into())?;
            *slot(draft) = Some(narrowed(number)?);
        }
        Form::Storey(slot) => {
            *slot(draft) = Some(narrowed(cell::whole(text, &["层", "楼"], -50, 300)?)?);
        }
        Form::Area(slot) => {
            let area = cell::scaled_with_unit(text, AREA_UNITS, bound.decimals)?;
            *slot(draft) = Some(within(area, bound)?);
        }
        Form::Height(slot) => {
            let height = cell::scaled_with_unit(text, LENGTH_UNITS, bound.decimals)?;
            *slot(draft) = Some(narrowed(within(height, bound)?)?);
        }
        Form::Word(words, slot) => *slot(draft) = word(words, text)?,
        Form::List(most, slot) => *slot(draft) = list(text, most)?,
        Form::Identifiers(slot) => {
            let identifiers = identifiers(text)?;
            slot(draft).extend(identifiers);
        }
        Form::Scheme(scheme, slot) => {
            for value in cell::split(text) {
                let value = bounded(&value, IDENTIFIER_CHARS_MAX)?;
                slot(draft).push(Identifier { scheme: scheme.to_owned(), value });
            }
        }
        Form::Reference(by, slot) => {
            let reference = reference(by, column, text)?;
            if slot(draft).is_some() {
                return Err(("REFERENCE_TWICE", "another column names it already".to_owned()));
            }
            *slot(draft) = reference;
        }
        Form::References(kind, slot) => *slot(draft) = references(kind, text)?,
        Form::Successors(by, slot) => slot(draft).extend(successors(by, column, text)?),
        Form::Parts(by, slot) => slot(draft).extend(parts(by, column, text)?),
        Form::Periods(slot) => *slot(draft) = periods(kind, text)?,
        Form::Grades(slot) => *slot(draft) = grades(text)?,
        Form::Documents(slot) => *slot(draft) = documents(text)?,
        Form::Insurers(slot) => *slot(draft) = policy_cell::insurers(text)?,
        Form::Covers(slot) => *slot(draft) = policy_cell::covers(text)?,
        Form::Premiums(slot) => *slot(draft) = policy_cell::premiums(text)?,
        Form::Objects(kind, by, slot) => slot(draft).extend(objects(kind, by, text)?),
        Form::Degrees(most, slot) => *slot(draft) = Some(cell::degrees(text, most)?),
        Form::Outline(slot) => *slot(draft) = Some(outline(text)?),
        Form::Flag(slot) => *slot(draft) = Some(flag(text)?),
    }
    Ok(())
}

/// Whether "unknown" is no value of the column, so that it says that the field is unknown.
fn cannot_hold(column: &Column) -> bool {
    !column.field.is_empty()
        && matches!(
            column.form,
            Form::Count(..)
                | Form::Storey(_)
                | Form::Area(_)
                | Form::Height(_)
                | Form::Word(..)
                | Form::Degrees(..)
                | Form::Reference(..)
        )
}

fn clear(draft: &mut Draft, column: &Column) -> Result<(), cell::Fault> {
    if let Form::Scheme(scheme, slot) = column.form {
        slot(draft).push(Identifier { scheme: scheme.to_owned(), value: String::new() });
        return Ok(());
    }
    if column.field.is_empty() {
        let message = format!("{:?} cannot be said to be none", column.name);
        return Err(("NOT_CLEARABLE", message));
    }
    let field = column.field.to_owned();
    if !draft.cleared.contains(&field) {
        draft.cleared.push(field);
    }
    Ok(())
}

/// What no cell shows by itself.
fn check(layout: &Layout, draft: &Draft, faults: &mut Vec<Fault>) {
    let is_faulted = |name: &str| faults.iter().any(|fault| layout.is_said_by(name, &fault.column));
    let is_in_community = draft.community_of.is_some() || is_faulted("community_id");
    let has_degrees = !DEGREES.iter().any(|name| layout.lacks(name) || is_faulted(name));
    let mut require = |name: &str, missing: bool| {
        // A cell that could not be read is not missing.
        let header = layout.header_of(name).to_owned();
        if missing
            && !layout.lacks(name)
            && !faults.iter().any(|fault| layout.is_said_by(name, &fault.column))
        {
            faults.push(Fault::new(&header, "REQUIRED", format!("{name} must not be empty")));
        }
    };
    require("key", draft.key.is_none());
    match layout.kind {
        FileKind::Regions => {
            let level = draft.region.level();
            require("level", level == RegionLevel::Unspecified);
            require("name", draft.region.name.is_none());
            let parentless = draft.parent_of_region.is_none();
            let top = matches!(level, RegionLevel::Province | RegionLevel::Unspecified);
            require("parent_id", parentless && !top);
        }
        FileKind::Compounds => {
            require("name", draft.compound.name.is_none());
            require("community_id", draft.community_of.is_none());
        }
        FileKind::Buildings => {
            require("compound_id", draft.compound_of.is_none() && !is_in_community);
        }
        FileKind::Units => require("building_id", draft.building_of.is_none()),
        FileKind::Inspections => {
            require("building_id", draft.building_of.is_none());
            require("kind", draft.report.kind == 0);
            require("inspected_on", draft.inspected_on.is_none());
        }
        FileKind::Findings => {
            require("building_id", draft.building_of.is_none());
            require("observed_on", draft.observed_on.is_none());
            require("class", draft.class.is_none());
            require("severity", draft.severity == 0);
            require("seen_by", draft.seen_by == 0);
            require("observer", draft.observer.is_none());
        }
        // What a new policy needs, one that is known need not say again.
        FileKind::Policies => {}
    }
    check_end(layout, draft, faults);
    check_sources(layout, draft, faults);
    let parts = [draft.longitude.is_some(), draft.latitude.is_some(), draft.location_system != 0];
    let any_degrees = draft.longitude.is_some() || draft.latitude.is_some();
    if any_degrees && has_degrees && parts.contains(&false) {
        let message = "longitude, latitude and location_system are given together";
        faults.push(Fault::new(layout.header_of("longitude"), "COORDINATES_INCOMPLETE", message));
    }
}

/// A source that is named is that of a key.
fn check_sources(layout: &Layout, draft: &Draft, faults: &mut Vec<Fault>) {
    for (name, source, reference) in [
        ("parent_key", &draft.parent_source, &draft.parent_of_region),
        ("community_key", &draft.community_source, &draft.community_of),
        ("compound_key", &draft.compound_source, &draft.compound_of),
        ("building_key", &draft.building_source, &draft.building_of),
        ("physical_key", &draft.physical_source, &draft.physical_of),
        ("report_key", &draft.report_source, &draft.report_of),
        ("unit_key", &draft.unit_source, &draft.unit_of),
        ("region_key", &draft.region_source, &draft.region_of),
    ] {
        let named = reference.as_ref().and_then(|each| each.reference.as_ref());
        let by_key = matches!(named, Some(reference::Reference::Key(_)));
        // A cell that could not be read is told already.
        let is_told =
            named.is_none() && faults.iter().any(|fault| layout.is_said_by(name, &fault.column));
        if source.is_some() && !by_key && !is_told {
            let message = format!("a source is named for {name}, but there is no key");
            faults.push(Fault::new(layout.header_of(name), "REQUIRED", message));
        }
    }
}

/// An end has a day and a cause, and the sources of successors are one, or one for each.
fn check_end(layout: &Layout, draft: &Draft, faults: &mut Vec<Fault>) {
    let is_faulted = |faults: &[Fault], name: &str| {
        faults.iter().any(|fault| layout.is_said_by(name, &fault.column))
    };
    let mut require = |name: &str, message: String| {
        if !layout.lacks(name) && !is_faulted(faults, name) {
            faults.push(Fault::new(layout.header_of(name), "REQUIRED", message));
        }
    };
    let more = draft.end_cause != 0 || !draft.successors.is_empty();
    match &draft.ended_on {
        None if more => require("ended_on", "an end has a day: ended_on".to_owned()),
        Some(_) if draft.end_cause == 0 => {
            require("end_cause", "say why it ended: end_cause must not be empty".to_owned());
        }
        _ => {}
    }
    for (path, column, successors, sources) in [
        ("successors", "successor_source", &draft.successors, &draft.successor_sources),
        ("split_off", "split_off_source", &draft.split_off, &draft.split_off_sources),
    ] {
        let keys = successors.iter().filter(|successor| successor.is_by_key()).count();
        let sources = sources.len();
        if sources > 1 && sources != keys && !is_faulted(faults, path) {
            let message = format!("{sources} sources for {keys} keys: give one, or one for each");
            faults.push(Fault::new(layout.header_of(column), "REQUIRED", message));
        }
    }
}

pub(super) fn bounded(text: &str, most: usize) -> Result<String, cell::Fault> {
    let count = text.chars().count();
    if count > most {
        return Err(("TEXT_TOO_LONG", format!("{count} characters; at most {most} are taken")));
    }
    Ok(text.to_owned())
}

fn narrowed<T: TryFrom<i64>>(number: i64) -> Result<T, cell::Fault> {
    T::try_from(number).map_err(|_| ("OUT_OF_RANGE", format!("{number} is out of range")))
}

/// An area or a height within what can be kept; otherwise the range is told in the column's unit.
fn within(number: i64, bound: Bound) -> Result<i64, cell::Fault> {
    let most = amount_max(bound.column.field).unwrap_or(i64::MAX);
    if (1..=most).contains(&number) {
        return Ok(number);
    }
    let unit = match (bound.column.form, bound.decimals) {
        (Form::Area(_), 0) => "cm²",
        (Form::Area(_), _) => "m²",
        (_, 0) => "cm",
        _ => "m",
    };
    let [number, least, most] =
        [number, 1, most].map(|amount| cell::show_scaled(amount, bound.decimals));
    Err(("OUT_OF_RANGE", format!("{number} {unit} is not between {least} and {most} {unit}")))
}

pub(super) fn word(words: &'static [Word], text: &str) -> Result<i32, cell::Fault> {
    let same = |word: &&Word| {
        word.name.eq_ignore_ascii_case(text)
            || word.chinese.iter().any(|chinese| chinese.eq_ignore_ascii_case(text))
    };
    words.iter().find(same).map(|word| word.number).ok_or_else(|| {
        let known: Vec<_> = words
            .iter()
            .map(|word| format!("{} ({})", word.name, word.chinese.first().unwrap_or(&"")))
            .collect();
        ("UNKNOWN_WORD", format!("{text:?} is none of {}", known.join(", ")))
    })
}

fn list(text: &str, most: usize) -> Result<Vec<String>, cell::Fault> {
    let texts = cell::split(text);
    if texts.len() > most {
        return Err(("TOO_MANY", format!("at most {most} are taken")));
    }
    texts.iter().map(|text| bounded(text.trim(), NAME_CHARS_MAX)).collect()
}

fn identifier(text: &str) -> Result<Identifier, cell::Fault> {
    match text.split_once(':') {
        Some((scheme, value)) if !scheme.is_empty() => Ok(Identifier {
            scheme: bounded(scheme, SCHEME_CHARS_MAX)?,
            value: bounded(value, IDENTIFIER_CHARS_MAX)?,
        }),
        _ => Err(("NOT_AN_IDENTIFIER", format!("{text:?} is not scheme:value"))),
    }
}

/// Other subjects, by id or by an outside number.
fn references(kind: Kind, text: &str) -> Result<Vec<Reference>, cell::Fault> {
    let one = |text: &String| {
        let text = text.trim();
        if text.contains(':') {
            let Identifier { scheme, value } = identifier(text)?;
            return Ok(by_identifier(&scheme, &value));
        }
        Ok(by_id(Some(id_of(kind, text)?)))
    };
    let read = cell::split(text).iter().map(one).collect::<Result<Vec<_>, _>>()?;
    Ok(read.into_iter().flatten().collect())
}

/// What is insured: ids of anything that can be, or keys or outside numbers of one kind.
fn objects(kind: Option<Kind>, by: By, text: &str) -> Result<Vec<ImportObject>, cell::Fault> {
    let one = |text: &String| {
        let text = text.trim();
        let (kind, reference) = match (by, kind) {
            (By::Key, Some(kind)) => (kind, by_key(&bounded(text, IDENTIFIER_CHARS_MAX)?)),
            (By::Id, _) | (_, None) => {
                let id: SubjectId = text.parse().map_err(|bad| ("NOT_AN_ID", format!("{bad}")))?;
                (id.kind(), by_id(Some(id.to_string())))
            }
            (_, Some(kind)) => {
                let Identifier { scheme, value } = identifier(text)?;
                (kind, by_identifier(&scheme, &value))
            }
        };
        object_of(kind, reference.unwrap_or_default()).ok_or_else(|| {
            let found = kind.word();
            let message =
                format!("the id of a {found}; buildings, compounds and units are insured");
            ("NOT_AN_ID", message)
        })
    };
    cell::split(text).iter().map(one).collect()
}

/// What stands in the place of a subject, each perhaps with its share behind a semicolon.
fn successors(by: By, column: &Column, text: &str) -> Result<Vec<Successor>, cell::Fault> {
    let one = |text: &String| {
        let text = text.trim();
        let parted = text.rsplit_once(';').and_then(|(name, part)| Some((name, share_of(part)?)));
        let (name, share) = parted.unwrap_or((text, (1, 1)));
        let reference = reference(by, column, name)?.unwrap_or_default();
        Ok(Successor { reference, share, day: None })
    };
    cell::split(text).iter().map(one).collect()
}

/// What was taken out of a subject, each as day;key;share.
fn parts(by: By, column: &Column, text: &str) -> Result<Vec<Successor>, cell::Fault> {
    let one = |text: &String| {
        let parted = text.trim().split_once(';').and_then(|(day, rest)| {
            let (name, share) = rest.rsplit_once(';')?;
            Some((day, name, share_of(share)?))
        });
        let (day, name, share) = parted.ok_or_else(|| {
            let message = format!("{text:?} is not day;key;share: 2019-03-01;B-2;1/3");
            ("NOT_A_PART", message)
        })?;
        let day = Some(cell::exact_day(day)?.to_string());
        let reference = reference(by, column, name)?.unwrap_or_default();
        Ok(Successor { reference, share, day })
    };
    cell::split(text).iter().map(one).collect()
}

/// What was otherwise, each as day;column=value;column=value. The columns are those of the kind.
fn periods(kind: FileKind, text: &str) -> Result<Vec<DraftPeriod>, cell::Fault> {
    let one = |text: &String| {
        let mut parts = cell::split_by(';', text).into_iter();
        let day = parts.next().unwrap_or_default();
        let day = cell::exact_day(day.trim())?.to_string();
        let mut fields = Draft::default();
        for part in parts {
            let said = part.split_once('=').and_then(|(header, value)| {
                Some((header.trim(), bound_of(kind, header.trim())?, value))
            });
            let (header, bound, value) = said.ok_or_else(|| {
                let message = format!("{part:?} is not column=value: floor_area_m2=250");
                ("NOT_A_PERIOD", message)
            })?;
            let bound = bound.map_err(|message| ("UNIT_NOT_TAKEN", message))?;
            put(kind, &mut fields, bound, value)
                .map_err(|(reason, message)| (reason, format!("{day} {header}: {message}")))?;
        }
        Ok(DraftPeriod { day, fields })
    };
    cell::split(text).iter().map(one).collect()
}

/// A share, as it is written: `1/3`.
pub(super) fn share_of(text: &str) -> Option<(u64, u64)> {
    let (part, whole) = text.split_once('/')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(part) || !is_number(whole) {
        return None;
    }
    Some((part.parse().ok()?, whole.parse().ok()?))
}

/// An id of any kind, as it is written.
fn any_id(text: &str) -> Result<Option<Reference>, cell::Fault> {
    let id: SubjectId = text.parse().map_err(|bad| ("NOT_AN_ID", format!("{bad}")))?;
    Ok(by_id(Some(id.to_string())))
}

/// An id of a kind, as it is written.
fn id_of(kind: Kind, text: &str) -> Result<String, cell::Fault> {
    let id: SubjectId = text.parse().map_err(|bad| ("NOT_AN_ID", format!("{bad}")))?;
    if id.kind() != kind {
        let (found, asked) = (id.kind().word(), kind.word());
        return Err(("NOT_AN_ID", format!("the id of a {found}; of a {asked} is asked for")));
    }
    Ok(id.to_string())
}

/// Grades: `scale;edition;scope;value`, and perhaps the aspect.
fn grades(text: &str) -> Result<Vec<Grade>, cell::Fault> {
    let one = |text: &String| {
        let parts: Vec<&str> = text.split(';').map(str::trim).collect();
        let (scale, edition, scope, value, aspect) = match parts.as_slice() {
            [scale, edition, scope, value] => (*scale, *edition, *scope, *value, None),
            [scale, edition, scope, value, aspect] => {
                (*scale, *edition, *scope, *value, Some(*aspect))
            }
            _ => {
                let message = "a grade is scale;edition;scope;value: SURVEY;2020;BUILDING;B";
                return Err(("NOT_A_GRADE", message.to_owned()));
            }
        };
        let aspect = aspect.map(|aspect| word(GRADE_ASPECTS, aspect)).transpose()?;
        Ok(Grade {
            scale: word(GRADE_SCALES, scale)?,
            edition: bounded(edition, IDENTIFIER_CHARS_MAX)?,
            scope: word(GRADE_SCOPES, scope)?,
            aspect: aspect.unwrap_or_default(),
            value: bounded(value, IDENTIFIER_CHARS_MAX)?,
        })
    };
    cell::split(text).iter().map(one).collect()
}

/// Papers: `sha256;bytes;type`, and perhaps where it lies.
fn documents(text: &str) -> Result<Vec<Document>, cell::Fault> {
    let one = |text: &String| {
        let mut parts = text.splitn(4, ';').map(str::trim);
        let (Some(sha256), Some(size), Some(media_type)) =
            (parts.next(), parts.next(), parts.next())
        else {
            let message = "a paper is sha256;bytes;type: 9f86…;48211;application/pdf";
            return Err(("NOT_A_PAPER", message.to_owned()));
        };
        if Hash::from_hex(sha256).is_none() {
            let message = "a SHA-256 has 64 hexadecimal digits".to_owned();
            return Err(("NOT_A_PAPER", message));
        }
        Ok(Document {
            sha256: sha256.to_owned(),
            size_bytes: cell::whole(size, &["B", "字节"], 0, i64::MAX)?.unsigned_abs(),
            media_type: bounded(media_type, IDENTIFIER_CHARS_MAX)?,
            uri: parts.next().unwrap_or_default().to_owned(),
        })
    };
    cell::split(text).iter().map(one).collect()
}

fn identifiers(text: &str) -> Result<Vec<Identifier>, cell::Fault> {
    cell::split(text).iter().map(|text| identifier(text)).collect()
}

fn reference(by: By, column: &Column, text: &str) -> Result<Option<Reference>, cell::Fault> {
    Ok(match by {
        By::Id => {
            let expected = match column.name {
                "compound_id" => Kind::Compound,
                "building_id" | "physical_id" => Kind::Building,
                "body_id" => Kind::Body,
                "order_id" => Kind::Order,
                "report_id" => Kind::Report,
                "unit_id" => Kind::Unit,
                // Of the row's own kind, which the registry knows.
                "successor_ids" | "split_off_ids" => return any_id(text),
                _ => Kind::Region,
            };
            by_id(Some(id_of(expected, text)?))
        }
        By::Key => by_key(&bounded(text, IDENTIFIER_CHARS_MAX)?),
        By::Identifier => {
            let Identifier { scheme, value } = identifier(text)?;
            by_identifier(&scheme, &value)
        }
        By::Code => {
            if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
                let message = format!(
                    "{text:?} is not a statistical code of 12 digits; a spreadsheet may have made \
                     a number of it"
                );
                return Err(("NOT_A_CODE", message));
            }
            by_identifier("stats12", text)
        }
    })
}

fn outline(text: &str) -> Result<Boundary, cell::Fault> {
    let bad = |message: String| ("NOT_AN_OUTLINE", message);
    let (system, points) = text
        .split_once(';')
        .ok_or_else(|| bad("an outline is SYSTEM;longitude latitude;…".to_owned()))?;
    let system = word(crate::exchange::column::SYSTEMS, system)?;
    let mut vertices = Vec::new();
    for point in points.split(';') {
        let (longitude, latitude) = point
            .trim()
            .split_once(' ')
            .ok_or_else(|| bad(format!("{point:?} is not a longitude, a blank and a latitude")))?;
        let longitude = cell::degrees(longitude, 180)?;
        vertices.push(Vertex { longitude, latitude: cell::degrees(latitude, 90)? });
    }
    if !(3..=BOUNDARY_POINTS_MAX).contains(&vertices.len()) {
        let message = format!("{} points; 3 to {BOUNDARY_POINTS_MAX} are taken", vertices.len());
        return Err(bad(message));
    }
    Ok(Boundary { system, vertices })
}

fn flag(text: &str) -> Result<bool, cell::Fault> {
    match text {
        "true" | "yes" | "是" | "1" => Ok(true),
        "false" | "no" | "否" | "0" => Ok(false),
        _ => Err(("NOT_A_FLAG", format!("{text:?} is neither true nor false"))),
    }
}

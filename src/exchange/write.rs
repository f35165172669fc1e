//! Rows to cells: the inverse of reading, column by column.

use std::io;

use crate::{
    exchange::{
        cell,
        column::{By, Column, FileKind, Form, Word},
        draft::{Draft, DraftPeriod, Successor, code_of, object_parts},
        header::Bound,
        paper_column::{GRADE_ASPECTS, GRADE_SCALES, GRADE_SCOPES},
        policy_cell,
        row::share_of,
    },
    proto::v1::{Boundary, Document, ExportReference, Grade, Identifier, Reference, reference},
};

/// Whether a file begins with a byte order mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// For Excel, which otherwise takes a file for one in the system's old encoding.
    Written,
    /// For everything else.
    LeftOut,
}

/// Writes rows of one kind as CSV that is read back exactly.
pub struct RowWriter<W: io::Write> {
    kind: FileKind,
    columns: Vec<&'static Column>,
    writer: csv::Writer<W>,
}

impl<W: io::Write> RowWriter<W> {
    /// Writes the header row.
    pub fn new(kind: FileKind, mark: Mark, mut output: W) -> io::Result<Self> {
        if mark == Mark::Written {
            output.write_all("\u{FEFF}".as_bytes())?;
        }
        let columns: Vec<_> = kind.columns().filter(|column| column.exported).collect();
        let mut writer = csv::Writer::from_writer(output);
        writer.write_record(columns.iter().map(|column| column.name))?;
        Ok(Self { kind, columns, writer })
    }

    /// Writes one row.
    pub fn write(&mut self, mut draft: Draft) -> io::Result<()> {
        for column in &self.columns {
            let text = guarded(self.kind, column, &mut draft);
            self.writer.write_field(text.as_bytes())?;
        }
        self.writer.write_record(None::<&[u8]>)?;
        Ok(())
    }

    /// Writes what is still held back and gives the output back.
    pub fn finish(self) -> io::Result<W> {
        self.writer.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

/// A value of the API's, as the registry tells it in a conflict, in the words and the unit of a
/// column: square metres, 砖混. What has no other words is told as it is.
pub fn in_words(bound: Bound, value: &str) -> String {
    if value.is_empty() {
        return cell::NONE.to_owned();
    }
    match bound.column.form {
        Form::Area(_) | Form::Height(_) => match value.parse() {
            Ok(number) => cell::show_scaled(number, bound.decimals),
            Err(_) => value.to_owned(),
        },
        Form::Word(words, _) => {
            let found = words.iter().find(|word| word.name.eq_ignore_ascii_case(value));
            let chinese = found.and_then(|word| word.chinese.first().map(|first| (word, first)));
            chinese.map_or_else(
                || value.to_owned(),
                |(word, chinese)| format!("{} {chinese}", word.name),
            )
        }
        _ => value.to_owned(),
    }
}

/// What a conflict on a relation says that the registry has, in the words of a column: a code, a key,
/// an outside number. `None` when it is known by nothing of the kind.
pub fn named_in_words(bound: Bound, named: &ExportReference, source: &str) -> Option<String> {
    let Form::Reference(by, _) = bound.column.form else { return None };
    let code = code_of(&named.codes);
    let key = (!named.key.is_empty()).then(|| {
        let is_same = named.source == source;
        if is_same { named.key.clone() } else { format!("{} of {}", named.key, named.source) }
    });
    match by {
        By::Id => None,
        By::Key => key,
        By::Code => code.filter(|code| code.scheme == "stats12").map(|code| code.value.clone()),
        By::Identifier => code.map(|code| format!("{}:{}", code.scheme, code.value)),
    }
}

/// The text of one cell as it is written.
fn guarded(kind: FileKind, column: &Column, draft: &mut Draft) -> String {
    if let Form::Periods(slot) = column.form {
        return cell::join(slot(draft).iter_mut().map(|period| shown_period(kind, period)));
    }
    let (text, is_text) = show(column, draft);
    if is_text { cell::guard(&text).into_owned() } else { text }
}

/// What is otherwise up to a day, or from a day on: the day and the cells of its columns.
fn shown_period(kind: FileKind, DraftPeriod { day, fields }: &mut DraftPeriod) -> String {
    let columns = kind.own_columns().iter().filter(|column| column.exported);
    let cells = columns.filter_map(|column| {
        let text = guarded(kind, column, fields);
        (!text.is_empty()).then(|| format!("{}={text}", column.name))
    });
    cell::join_by(';', std::iter::once(day.clone()).chain(cells))
}

/// The text of one cell, and whether it may be anything, so that it has to be guarded.
fn show(column: &Column, draft: &mut Draft) -> (String, bool) {
    let cleared = !column.field.is_empty() && draft.cleared.iter().any(|f| f == column.field);
    let text = shown(column, draft);
    if text.is_empty() && cleared && writes_cleared(column) {
        return (cell::NONE.to_owned(), false);
    }
    let is_text = matches!(
        column.form,
        Form::Text(..)
            | Form::Token(..)
            | Form::List(..)
            | Form::References(..)
            | Form::Successors(..)
            | Form::Parts(..)
            | Form::Grades(_)
            | Form::Documents(_)
            | Form::Insurers(_)
            | Form::Covers(_)
            | Form::Premiums(_)
            | Form::Objects(..)
            | Form::Identifiers(_)
            | Form::Scheme(..)
            | Form::Reference(By::Key | By::Identifier, _)
    );
    (text, is_text)
}

/// Several columns may say one field; one of them says that there is none.
fn writes_cleared(column: &Column) -> bool {
    !matches!(column.form, Form::Reference(By::Key | By::Identifier | By::Code, _))
        && column.name != "latitude"
}

fn shown(column: &Column, draft: &mut Draft) -> String {
    match column.form {
        Form::Text(_, slot)
        | Form::Token(_, slot)
        | Form::Degrees(_, slot)
        | Form::Day(slot)
        | Form::ExactDay(slot) => slot(draft).clone().unwrap_or_default(),
        Form::Count(.., slot) => text(slot(draft).as_ref()),
        Form::Storey(slot) => text(slot(draft).as_ref()),
        Form::Area(slot) => slot(draft).map(|a| cell::show_scaled(a, 4)).unwrap_or_default(),
        Form::Height(slot) => {
            slot(draft).map(|h| cell::show_scaled(h.into(), 2)).unwrap_or_default()
        }
        Form::Word(words, slot) => word(words, *slot(draft)).to_owned(),
        Form::List(_, slot) => cell::join(slot(draft)),
        Form::References(_, slot) => {
            let named = |each: &Reference| named(By::Id, each).or(named(By::Identifier, each));
            cell::join(slot(draft).iter().filter_map(named))
        }
        Form::Successors(by, slot) => {
            cell::join(slot(draft).iter().filter_map(|each| successor(by, each)))
        }
        Form::Parts(by, slot) => cell::join(slot(draft).iter().filter_map(|each| part(by, each))),
        // These are written with the columns of their kind.
        Form::Periods(_) => String::new(),
        Form::Grades(slot) => cell::join(slot(draft).iter().map(grade)),
        Form::Documents(slot) => cell::join(slot(draft).iter().map(document)),
        Form::Insurers(slot) => cell::join(slot(draft).iter().map(policy_cell::show_insurer)),
        Form::Covers(slot) => cell::join(slot(draft).iter().map(policy_cell::show_cover)),
        Form::Premiums(slot) => cell::join(slot(draft).iter().map(policy_cell::show_premium)),
        Form::Objects(kind, by, slot) => cell::join(slot(draft).iter().filter_map(|each| {
            let (own, named) = object_parts(each.clone())?;
            self::named(by, &named).filter(|_| kind.is_none_or(|kind| kind == own))
        })),
        Form::Identifiers(slot) => identifiers(slot(draft)),
        Form::Scheme(scheme, slot) => {
            let values = slot(draft).iter().filter(|each| each.scheme == scheme);
            cell::join(values.map(|each| &each.value))
        }
        Form::Reference(by, slot) => {
            slot(draft).as_ref().and_then(|r| named(by, r)).unwrap_or_default()
        }
        Form::Outline(slot) => slot(draft).as_ref().map(outline).unwrap_or_default(),
        Form::Flag(slot) => text(slot(draft).as_ref()),
    }
}

fn text<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn word(words: &'static [Word], number: i32) -> &'static str {
    words.iter().find(|word| word.number == number).map_or("", |word| word.name)
}

fn identifiers(identifiers: &[Identifier]) -> String {
    cell::join(identifiers.iter().map(|each| format!("{}:{}", each.scheme, each.value)))
}

fn named(by: By, reference: &Reference) -> Option<String> {
    match (by, reference.reference.as_ref()?) {
        (By::Id, reference::Reference::Id(id)) => Some(id.clone()),
        (By::Key, reference::Reference::Key(key)) => Some(key.clone()),
        (By::Identifier, reference::Reference::Identifier(Identifier { scheme, value })) => {
            Some(format!("{scheme}:{value}"))
        }
        _ => None,
    }
}

/// One that stands in the place of a subject, with its share unless that is all.
fn successor(by: By, successor: &Successor) -> Option<String> {
    let name = named(by, &successor.reference)?;
    let (part, whole) = successor.share;
    let ends_as_share = name.rsplit_once(';').is_some_and(|(_, end)| share_of(end).is_some());
    let is_left_out = (part, whole) == (1, 1) && !ends_as_share;
    Some(if is_left_out { name } else { format!("{name};{part}/{whole}") })
}

/// One that was taken out of a subject, with its day and share.
fn part(by: By, part: &Successor) -> Option<String> {
    let name = named(by, &part.reference)?;
    let (share, whole) = part.share;
    Some(format!("{};{name};{share}/{whole}", part.day.as_deref().unwrap_or_default()))
}

fn grade(grade: &Grade) -> String {
    let scale = word(GRADE_SCALES, grade.scale);
    let scope = word(GRADE_SCOPES, grade.scope);
    let text = format!("{scale};{};{scope};{}", grade.edition, grade.value);
    match word(GRADE_ASPECTS, grade.aspect) {
        "" => text,
        aspect => format!("{text};{aspect}"),
    }
}

fn document(paper: &Document) -> String {
    let text = format!("{};{};{}", paper.sha256, paper.size_bytes, paper.media_type);
    if paper.uri.is_empty() { text } else { format!("{text};{}", paper.uri) }
}

fn outline(boundary: &Boundary) -> String {
    let mut text = word(crate::exchange::column::SYSTEMS, boundary.system).to_owned();
    for vertex in &boundary.vertices {
        for part in [";", &vertex.longitude, " ", &vertex.latitude] {
            text.push_str(part);
        }
    }
    text
}

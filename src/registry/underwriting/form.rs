//! The lines of an underwriter's file, as bytes.
//!
//! A file is lines of JSON in UTF-8, each ended by one line feed: a header, then chapter by chapter
//! the entries of a subject and the items that are told of it, then an end. The last field of every
//! line is a sum over the line and the sum before it, so that a byte that was changed, a line that was
//! taken out and a file that was cut short are told with their place. The sums protect against
//! accidents; against people it is the tree's root that does. `docs/underwriting.md` has all of it.
//!
//! A line has one form: what was read is written again and compared, so that there are no two files of
//! one content.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    domain::underwriting::{FORMAT, Item},
    kernel::{hash::Hash, position::Seq},
    registry::error::Error,
};

/// The longest line: an entry of 64 KiB in hexadecimal digits, its proof, and room.
pub const LINE_BYTES_MAX: usize = 512 * 1024;
/// Hexadecimal digits of a line's sum.
const SUM_DIGITS: usize = 16;
/// What stands before the sum.
const SUM_FIELD: &str = ",\"sum\":\"";
/// What stands behind it.
const SUM_END: &str = "\"}";

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The version of the format.
    #[serde(rename = "anju_underwriting")]
    pub format: u32,
    /// The registry: 32 hexadecimal digits.
    pub registry: String,
    /// The building.
    pub building: String,
    /// The day of which the file tells.
    pub valid_at: String,
    /// The last entry that was known: `partition:seq`.
    pub known_at: String,
    /// When that was recorded.
    pub recorded: String,
    /// The positions at which the file was read, the building's partition first; another is named
    /// where reach is judged by what it keeps.
    pub read_at: Vec<String>,
    /// For whom.
    pub reader: Reader,
    /// The tree of the building's partition up to that entry.
    pub tree: Tree,
    /// An older tree that it grew out of, when it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older: Option<OlderTree>,
}

/// What decides what a reader is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reader {
    /// The role.
    pub role: String,
    /// The regions in which, and below which, the reader reaches; left out: everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<String>>,
    /// The companies whose policies the reader is shown; left out: those of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub companies: Option<Vec<String>>,
}

/// A Merkle tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// The hash suite.
    pub suite: String,
    /// How many entries it has.
    pub size: u64,
    /// Its root: 64 hexadecimal digits.
    pub root: String,
}

/// An older tree, and the hashes by which it is seen that the other grew out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OlderTree {
    /// How many entries it has.
    pub size: u64,
    /// Its root.
    pub root: String,
    /// The proof of consistency (RFC 6962).
    pub consistency: Vec<String>,
}

/// What a chapter is of, in the order of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// The building asked for.
    Building,
    /// A building that became it.
    Predecessor,
    /// A building that it became.
    Successor,
    /// The building of which it is a logical part.
    PhysicalBuilding,
    /// Its compound.
    Compound,
    /// A region that it lies in, nearest first.
    Region,
    /// A report.
    Report,
    /// A body that made a report.
    Body,
    /// A finding.
    Finding,
    /// An order of a check-up.
    Order,
    /// A policy.
    Policy,
    /// A claim.
    Claim,
    /// A work item: a repair and what paid for it.
    Work,
    /// An edition of reference data that an answer rests on.
    Reference,
    /// What the registry keeps no record of.
    NotRecorded,
}

/// The first line of a chapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// Of what.
    pub chapter: Of,
    /// The subject; none of what the registry keeps no record of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// How many entries follow: all that the subject had.
    pub entry_count: u64,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryLine {
    /// Its number.
    pub entry: Seq,
    /// When it was recorded.
    pub recorded: String,
    /// Its bytes as the registry keeps them, without the parts that are withheld, in hexadecimal digits.
    pub bytes: String,
    /// The hashes from its leaf to the root.
    pub proof: Vec<String>,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// What the file has.
    pub end: Counts,
}

/// How much a file has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Lines, this one included.
    pub lines: u64,
    /// Chapters.
    pub chapters: u64,
    /// Entries, one that is in two chapters twice.
    pub entries: u64,
    /// Items.
    pub items: u64,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The first.
    Header(Box<Header>),
    /// The first of a chapter.
    Chapter(Chapter),
    /// An entry.
    Entry(Box<EntryLine>),
    /// An item.
    Item(Box<Item>),
    /// The last.
    End(Counts),
}

/// Why a line is not one of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It has no sum at its end.
    #[error("it does not end with a sum: it was cut short, or is no line of such a file")]
    NoSum,
    /// Its sum is another.
    #[error("its sum is {told}, and by what stands in it {found}: something in it was changed")]
    Sum {
        /// The sum that stands there.
        told: String,
        /// The sum that follows.
        found: String,
    },
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It is another version's.
    #[error("the format is version {0}, and this program knows version {FORMAT}")]
    Version(u64),
    /// It is written in another way than the format says.
    #[error("it is not written as the format has it")]
    OtherForm,
}

/// Writes the lines of one file.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    sum: String,
    counts: Counts,
}

impl Writer {
    /// Writes the header.
    pub fn header(&mut self, header: &Header, to: &mut Vec<u8>) -> Result<(), Error> {
        self.put(header, to)
    }

    /// Begins a chapter.
    pub fn chapter(&mut self, chapter: &Chapter, to: &mut Vec<u8>) -> Result<(), Error> {
        self.counts.chapters += 1;
        self.put(chapter, to)
    }

    /// Writes an entry.
    pub fn entry(&mut self, entry: &EntryLine, to: &mut Vec<u8>) -> Result<(), Error> {
        self.counts.entries += 1;
        self.put(entry, to)
    }

    /// Writes an item.
    pub fn item(&mut self, item: &Item, to: &mut Vec<u8>) -> Result<(), Error> {
        self.counts.items += 1;
        self.put(item, to)
    }

    /// Writes the end.
    pub fn end(&mut self, to: &mut Vec<u8>) -> Result<(), Error> {
        let end = Counts { lines: self.counts.lines + 1, ..self.counts };
        self.put(&End { end }, to)
    }

    fn put<T: Serialize>(&mut self, line: &T, to: &mut Vec<u8>) -> Result<(), Error> {
        let text = text_of(line).ok_or_else(|| Error::Bug("a line of a file".to_owned()))?;
        self.sum = sum_of(&self.sum, &text);
        self.counts.lines += 1;
        for part in [text.as_str(), SUM_FIELD, &self.sum, SUM_END, "\n"] {
            to.extend_from_slice(part.as_bytes());
        }
        Ok(())
    }
}

/// A line without its closing brace.
fn text_of<T: Serialize>(line: &T) -> Option<String> {
    let mut text = serde_json::to_string(line).ok()?;
    (text.pop() == Some('}')).then_some(text)
}

fn sum_of(before: &str, text: &str) -> String {
    let mut sum = Hash::of(&[before.as_bytes(), text.as_bytes()]).to_string();
    sum.truncate(SUM_DIGITS);
    sum
}

/// Reads the lines of one file, one after another.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    sum: String,
}

impl Lines {
    /// Reads the next line, without its line feed. After one that is broken the next is judged by the
    /// sum that stands in it, so that one harm is told once.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Line, Broken> {
        let whole = std::str::from_utf8(bytes)
            .map_err(|_| Broken::Unreadable("it is not UTF-8".to_owned()))?;
        let rest = whole.strip_suffix(SUM_END).ok_or(Broken::NoSum)?;
        let at = rest.len().checked_sub(SUM_DIGITS).ok_or(Broken::NoSum)?;
        let (text, told) = rest.split_at_checked(at).ok_or(Broken::NoSum)?;
        let text = text.strip_suffix(SUM_FIELD).ok_or(Broken::NoSum)?;
        let found = sum_of(&std::mem::replace(&mut self.sum, told.to_owned()), text);
        if told != found {
            return Err(Broken::Sum { told: told.to_owned(), found });
        }
        read_text(text)
    }
}

fn read_text(text: &str) -> Result<Line, Broken> {
    let is = |field: &str| text.strip_prefix("{\"").is_some_and(|rest| rest.starts_with(field));
    if is("anju_underwriting\"") {
        let version = text.split([':', ',']).nth(1).and_then(|number| number.parse::<u64>().ok());
        if let Some(version) = version.filter(|version| *version != u64::from(FORMAT)) {
            return Err(Broken::Version(version));
        }
        return parsed(text, |header| Line::Header(Box::new(header)));
    }
    if is("chapter\"") {
        return parsed(text, Line::Chapter);
    }
    if is("entry\"") {
        return parsed(text, |entry| Line::Entry(Box::new(entry)));
    }
    if is("item\"") {
        return parsed(text, |item| Line::Item(Box::new(item)));
    }
    parsed(text, |End { end }| Line::End(end))
}

fn parsed<T: Serialize + DeserializeOwned>(
    text: &str,
    line: impl FnOnce(T) -> Line,
) -> Result<Line, Broken> {
    let read = serde_json::from_str::<T>(&format!("{text}}}"));
    let read = read.map_err(|error| Broken::Unreadable(error.to_string()))?;
    if text_of(&read).as_deref() != Some(text) {
        return Err(Broken::OtherForm);
    }
    Ok(line(read))
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().map_or('0', char::from);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The inverse of [`hex`]; `None` for anything else.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs
        .map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        })
        .collect()
}

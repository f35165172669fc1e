//! A table in a file, row by row: gzip or not, UTF-8 with or without a byte order mark, or GB18030.
//!
//! Memory is bounded by the longest record, whatever the file. What kind of file it is, is decided
//! on its first 64 KiB; a cell that cannot be read in that encoding is the fault of its row alone.
//! Only what makes all that follows doubtful (a damaged gzip stream, a quote that is never closed)
//! ends the reading, and says on which line.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Cursor, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use csv::{ByteRecord, StringRecord};
use encoding_rs::GB18030;
use flate2::read::MultiGzDecoder;

use crate::{exchange::reject::ADDED_COLUMNS, kernel::time::Day};

/// Bytes on which the encoding is decided.
const HEAD_BYTES: usize = 64 * 1024;
/// Bytes of one record; a longer one is taken for an unclosed quote.
const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// Columns of a file.
pub const COLUMNS_MAX: usize = 256;
/// How the line begins that declares what a file is.
const DECLARATION_PREFIX: &str = "# anju:";

const UTF8_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];

/// How the bytes of a file are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Only ASCII so far: decided by the first row that has more.
    Undecided,
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// GB18030, which contains GBK and GB2312.
    Gb18030,
}

/// What a row that differs from what its source last said means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The world changed.
    Change,
    /// The source was wrong before.
    Correction,
}

impl Mode {
    /// The word that files and flags use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Correction => "correction",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Change, Self::Correction].into_iter().find(|mode| mode.word() == word)
    }
}

/// What the first line of a file declares about its rows:
/// `# anju: source=zhengzhou-census, mode=correction, from=2024-07-01`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declaration {
    /// Where the rows come from.
    pub source: Option<String>,
    /// What a row that differs means.
    pub mode: Option<Mode>,
    /// From when a change holds.
    pub from: Option<Day>,
}

impl Declaration {
    /// The line, without its end.
    pub fn line(&self) -> String {
        let mut parts = Vec::new();
        if let Some(source) = &self.source {
            parts.push(format!("source={source}"));
        }
        if let Some(mode) = self.mode {
            parts.push(format!("mode={}", mode.word()));
        }
        if let Some(from) = self.from {
            parts.push(format!("from={from}"));
        }
        format!("{DECLARATION_PREFIX} {}", parts.join(", "))
    }

    /// Reads the line; a spreadsheet may have put quotes around it and commas behind it.
    fn read(line: &str) -> Result<Self, TableError> {
        let line = line.trim().trim_matches('"');
        let mut declaration = Self::default();
        for part in line.strip_prefix(DECLARATION_PREFIX).unwrap_or(line).split(',') {
            let part = part.trim().trim_matches('"').trim();
            if part.is_empty() {
                continue;
            }
            let bad = || TableError::Declaration(part.to_owned());
            let (name, value) = part.split_once('=').ok_or_else(bad)?;
            let value = value.trim();
            match name.trim() {
                "source" if !value.is_empty() => declaration.source = Some(value.to_owned()),
                "mode" => declaration.mode = Some(Mode::from_word(value).ok_or_else(bad)?),
                "from" => declaration.from = Some(value.parse().map_err(|_| bad())?),
                _ => return Err(bad()),
            }
        }
        Ok(declaration)
    }
}

/// Why a file cannot be read, or not any further.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be opened.
    #[error("the file cannot be opened")]
    Open(#[source] io::Error),
    /// Reading failed.
    #[error("reading failed after line {line}")]
    Read {
        /// The last line that was read.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// One record goes on and on.
    #[error(
        "the row that begins on line {line} is longer than 1 MiB; is a quotation mark not closed?"
    )]
    RecordTooLong {
        /// Where it begins.
        line: u64,
    },
    /// There is no header row.
    #[error("the file is empty; its first row must name the columns")]
    Empty,
    /// UTF-16, as some spreadsheets write it.
    #[error("the file is UTF-16; save it as \"CSV UTF-8\"")]
    Utf16,
    /// An Excel workbook.
    #[error("the file is an Excel workbook; save it as \"CSV UTF-8\"")]
    Workbook,
    /// Neither UTF-8 nor GB18030.
    #[error("line {line} is neither UTF-8 nor GB18030")]
    Encoding {
        /// The first such line.
        line: u64,
    },
    /// Too many columns.
    #[error("the file has more than {COLUMNS_MAX} columns")]
    Columns,
    /// Not a declaration.
    #[error(
        "{0:?} in the first line is not understood; it looks like \
         `# anju: source=zhengzhou-census, mode=change, from=2024-07-01`, mode is change or correction"
    )]
    Declaration(String),
}

/// One row as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line on which it begins.
    pub line: u64,
    /// Its cells; one that could not be read has replacement characters in it.
    pub cells: StringRecord,
    /// The cells that could not be read in the file's encoding, counted from 0.
    pub unreadable: Vec<usize>,
}

/// A file being read.
pub struct Table {
    reader: csv::Reader<Bounded>,
    budget: Arc<AtomicUsize>,
    /// Whether the end was read, which is not so behind a row that has one.
    is_ended: Arc<AtomicBool>,
    lines_before: u64,
    last_line: u64,
    encoding: Encoding,
    declaration: Declaration,
    headers: Vec<String>,
    record: ByteRecord,
}

impl Table {
    /// Opens a file. `progress` counts the bytes read of it, as they are on disk.
    pub fn open(path: &Path, progress: Arc<AtomicU64>) -> Result<Self, TableError> {
        let file = File::open(path).map_err(TableError::Open)?;
        Self::read(Counted { inner: file, count: progress })
    }

    /// Reads the declaration and the header row from `source`.
    pub fn read(source: impl Read + Send + 'static) -> Result<Self, TableError> {
        let mut source = uncompressed(source)?;
        let head = take_head(&mut source).map_err(|source| TableError::Read { line: 0, source })?;
        let whole = head.len() < HEAD_BYTES;
        if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
            return Err(TableError::Utf16);
        }
        if head.starts_with(b"PK\x03\x04") {
            return Err(TableError::Workbook);
        }
        let marked = head.starts_with(UTF8_MARK);
        let body = head.get(if marked { UTF8_MARK.len() } else { 0 }..).unwrap_or_default();
        let encoding = if marked { Encoding::Utf8 } else { encoding_of(body, whole)? };

        let (declaration, rest) = split_declaration(body, encoding)?;
        let lines_before = u64::from(rest.len() < body.len());
        let delimiter = delimiter_of(rest);
        let budget = Arc::new(AtomicUsize::new(RECORD_BYTES_MAX));
        let is_ended = Arc::<AtomicBool>::default();
        // The last line is given an end, so that every row has one: see `inner_lines`.
        let chained = Cursor::new(rest.to_vec()).chain(source).chain(Cursor::new(*b"\n"));
        let chained = Box::new(chained);
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(csv::Terminator::Any(b'\n'))
            .delimiter(delimiter)
            .from_reader(Bounded {
                inner: chained,
                budget: Arc::clone(&budget),
                is_ended: Arc::clone(&is_ended),
            });
        let mut table = Self {
            reader,
            budget,
            is_ended,
            lines_before,
            last_line: lines_before,
            encoding,
            declaration,
            headers: Vec::new(),
            record: ByteRecord::new(),
        };
        let header = table.next().ok_or(TableError::Empty)??;
        if !header.unreadable.is_empty() {
            return Err(TableError::Encoding { line: header.line });
        }
        // Those that a reject file adds come on top: what was taken is taken again.
        let own = header.cells.iter().filter(|cell| !ADDED_COLUMNS.contains(cell));
        if own.count() > COLUMNS_MAX {
            return Err(TableError::Columns);
        }
        table.headers = header.cells.iter().map(|cell| cell.trim().to_owned()).collect();
        Ok(table)
    }

    /// What the first line declares; empty when there is no such line.
    pub const fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    /// The header row.
    pub fn headers(&self) -> &[String] {
        &self.headers
    }

    /// The encoding found so far.
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    fn strings(&mut self) -> (StringRecord, Vec<usize>) {
        if self.encoding != Encoding::Gb18030 {
            match StringRecord::from_byte_record(self.record.clone()) {
                Ok(cells) => {
                    if self.encoding == Encoding::Undecided && !self.record.as_slice().is_ascii() {
                        self.encoding = Encoding::Utf8;
                    }
                    return (cells, Vec::new());
                }
                Err(_) if self.encoding == Encoding::Undecided => {
                    if self.record.iter().all(|cell| gb18030(cell).is_some()) {
                        self.encoding = Encoding::Gb18030;
                    }
                }
                Err(_) => {}
            }
        }
        let mut cells = StringRecord::new();
        let mut unreadable = Vec::new();
        for (index, bytes) in self.record.iter().enumerate() {
            let text = match self.encoding {
                Encoding::Gb18030 => gb18030(bytes),
                Encoding::Utf8 | Encoding::Undecided => {
                    std::str::from_utf8(bytes).ok().map(Cow::Borrowed)
                }
            };
            if let Some(text) = text {
                cells.push_field(&text);
            } else {
                unreadable.push(index);
                cells.push_field(&String::from_utf8_lossy(bytes));
            }
        }
        (cells, unreadable)
    }
}

impl Iterator for Table {
    type Item = Result<Record, TableError>;

    /// The next row that has anything in it. After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.budget.store(RECORD_BYTES_MAX, Ordering::Relaxed);
            let more = self.reader.read_byte_record(&mut self.record);
            match more {
                Ok(false) => return None,
                Ok(true) => {}
                Err(_) if self.budget.load(Ordering::Relaxed) == 0 => {
                    return Some(Err(TableError::RecordTooLong { line: self.last_line + 1 }));
                }
                Err(error) => {
                    let source = match error.into_kind() {
                        csv::ErrorKind::Io(source) => source,
                        kind => io::Error::other(format!("{kind:?}")),
                    };
                    return Some(Err(TableError::Read { line: self.last_line, source }));
                }
            }
            self.last_line = self.lines_before + self.reader.position().line().saturating_sub(1);
            // A quote that the file never closes takes in the end that the last line was given.
            let is_open = u64::from(self.is_ended.load(Ordering::Relaxed));
            let line = (self.last_line + is_open).saturating_sub(inner_lines(&self.record));
            drop_carriage_return(&mut self.record);
            if self.record.iter().all(<[u8]>::is_empty) {
                continue;
            }
            let (cells, unreadable) = self.strings();
            return Some(Ok(Record { line, cells, unreadable }));
        }
    }
}

/// Line ends inside quoted cells. The reader is behind the end of the record, blank lines before it
/// included, so the line on which it begins is found by counting back.
fn inner_lines(record: &ByteRecord) -> u64 {
    let ends = record.as_slice().split(|byte| *byte == b'\n').count();
    u64::try_from(ends.saturating_sub(1)).unwrap_or(0)
}

/// Takes the `\r` of a `\r\n` off the last cell.
fn drop_carriage_return(record: &mut ByteRecord) {
    let last = record.len().saturating_sub(1);
    if record.get(last).is_some_and(|cell| cell.ends_with(b"\r")) {
        let mut mended = ByteRecord::with_capacity(record.as_slice().len(), record.len());
        for (index, cell) in record.iter().enumerate() {
            let cell = if index == last { cell.strip_suffix(b"\r").unwrap_or(cell) } else { cell };
            mended.push_field(cell);
        }
        *record = mended;
    }
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.fetch_add(u64::try_from(read).unwrap_or(0), Ordering::Relaxed);
        Ok(read)
    }
}

/// Fails once more than the budget was read since it was last set.
struct Bounded {
    inner: Box<dyn Read + Send>,
    budget: Arc<AtomicUsize>,
    is_ended: Arc<AtomicBool>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let budget = self.budget.load(Ordering::Relaxed);
        if budget == 0 {
            return Err(io::Error::other("the record is too long"));
        }
        let wanted = buffer.len().min(budget);
        let read = match buffer.get_mut(..wanted) {
            Some(part) => self.inner.read(part)?,
            None => 0,
        };
        self.budget.store(budget - read, Ordering::Relaxed);
        self.is_ended.fetch_or(read == 0, Ordering::Relaxed);
        Ok(read)
    }
}

/// Looks at the first two bytes and unpacks what gzip packed.
fn uncompressed(
    mut source: impl Read + Send + 'static,
) -> Result<Box<dyn Read + Send>, TableError> {
    let mut magic = Vec::new();
    source
        .by_ref()
        .take(2)
        .read_to_end(&mut magic)
        .map_err(|source| TableError::Read { line: 0, source })?;
    let packed = magic == [0x1F, 0x8B];
    let whole = Cursor::new(magic).chain(source);
    Ok(if packed { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

fn take_head(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    source.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Decides by the lines: most that are not ASCII must be readable in one encoding.
fn encoding_of(body: &[u8], whole: bool) -> Result<Encoding, TableError> {
    // The last line of a longer file is cut somewhere.
    let end = if whole { body.len() } else { body.iter().rposition(|b| *b == b'\n').unwrap_or(0) };
    let mut lines = [0_u32; 2];
    let mut neither = None;
    for (number, line) in (1..).zip(body.get(..end).unwrap_or_default().split(|b| *b == b'\n')) {
        if line.is_ascii() {
            continue;
        }
        let [utf8, other] = &mut lines;
        if std::str::from_utf8(line).is_ok() {
            *utf8 += 1;
        } else if gb18030(line).is_some() {
            *other += 1;
        } else if neither.is_none() {
            neither = Some(number);
        }
    }
    match (lines, neither) {
        ([0, 0], None) => Ok(Encoding::Undecided),
        ([0, 0], Some(line)) => Err(TableError::Encoding { line }),
        ([utf8, other], _) if utf8 >= other => Ok(Encoding::Utf8),
        _ => Ok(Encoding::Gb18030),
    }
}

fn gb18030(bytes: &[u8]) -> Option<Cow<'_, str>> {
    GB18030.decode_without_bom_handling_and_without_replacement(bytes)
}

/// Takes the declaring line off the front, if there is one.
fn split_declaration(body: &[u8], encoding: Encoding) -> Result<(Declaration, &[u8]), TableError> {
    let quoted = body.strip_prefix(b"\"").unwrap_or(body);
    if !quoted.starts_with(DECLARATION_PREFIX.as_bytes()) {
        return Ok((Declaration::default(), body));
    }
    let end = body.iter().position(|byte| *byte == b'\n').map_or(body.len(), |end| end + 1);
    let (line, rest) = body.split_at_checked(end).unwrap_or((body, &[]));
    let text = match encoding {
        Encoding::Gb18030 => gb18030(line),
        Encoding::Utf8 | Encoding::Undecided => std::str::from_utf8(line).ok().map(Cow::Borrowed),
    };
    let text = text.ok_or(TableError::Encoding { line: 1 })?;
    Ok((Declaration::read(&text)?, rest))
}

/// A tab when the header row has tabs and no comma.
fn delimiter_of(body: &[u8]) -> u8 {
    let header = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if header.contains(&b'\t') && !header.contains(&b',') { b'\t' } else { b',' }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn table(bytes: &[u8]) -> Table {
        Table::read(Cursor::new(bytes.to_vec())).unwrap()
    }

    fn rows(bytes: &[u8]) -> Vec<(u64, Vec<String>)> {
        table(bytes)
            .map(Result::unwrap)
            .map(|record| (record.line, record.cells.iter().map(str::to_owned).collect()))
            .collect()
    }

    fn failure(bytes: &[u8]) -> TableError {
        match Table::read(Cursor::new(bytes.to_vec())) {
            Ok(mut table) => table.find_map(Result::err).unwrap(),
            Err(error) => error,
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    const TEXT: &str = "名称,地址\n春和苑,中原路1号\n锦园,\"嵩山路2号,后院\"\n";

    #[test]
    fn every_encoding_reads_the_same_packed_or_not() {
        let expected = rows(TEXT.as_bytes());
        assert_eq!(expected[1], (3, vec!["锦园".to_owned(), "嵩山路2号,后院".to_owned()]));
        let marked = [UTF8_MARK, TEXT.as_bytes()].concat();
        let (gb, _, _) = GB18030.encode(TEXT);
        for bytes in [marked, gb.into_owned(), TEXT.as_bytes().to_vec()] {
            assert_eq!(rows(&bytes), expected);
            assert_eq!(rows(&gzip(&bytes)), expected);
            assert_eq!(table(&bytes).headers(), ["名称", "地址"]);
        }
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        let numbers =
            |text: &str| rows(text.as_bytes()).iter().map(|row| row.0).collect::<Vec<_>>();
        assert_eq!(numbers("a,b\n1,2\n3,4\n5,6"), [2, 3, 4]);
        assert_eq!(numbers("a,b\r\n1,2\r\n3,4\r\n5,6\r\n"), [2, 3, 4]);
        assert_eq!(numbers("a,b\r\n1,\"x\r\ny\"\r\n3,4\r\n"), [2, 4]);
        assert_eq!(numbers("a,b\n\n1,2\n\n\n3,4\n"), [3, 6]);
        assert_eq!(numbers("a,b\r\n,\r\n1,2\r\n"), [3]);
        assert_eq!(numbers("# anju: source=x\na,b\n1,2\n"), [3]);
        assert_eq!(numbers("# anju: source=x\r\na,b\r\n1,2\r\n"), [3]);
        assert_eq!(numbers("a,b\n1,2\n3,\"4\n5,6\n"), [2, 3], "a quote is never closed");
        assert_eq!(numbers("a,b\n1,2\n3,\"4"), [2, 3]);
        assert_eq!(numbers("a,b\n1,2\n3,\"4\n\""), [2, 3]);
    }

    #[test]
    fn the_encoding_of_an_ascii_beginning_is_decided_by_the_first_row_that_shows_it() {
        let plain = "a,b\n".to_owned() + &"1,2\n".repeat(30_000);
        for encoding in [encoding_rs::UTF_8, GB18030] {
            let (last, _, _) = encoding.encode("3,郑州\n");
            let bytes = [plain.as_bytes(), &last].concat();
            let found = rows(&bytes);
            assert_eq!(found.last().unwrap(), &(30_002, vec!["3".to_owned(), "郑州".to_owned()]));
        }
    }

    #[test]
    fn a_cell_of_another_encoding_spoils_only_its_row() {
        let (gb, _, _) = GB18030.encode("错行,乙\n");
        let bytes = [TEXT.as_bytes(), &gb, "末行,丙\n".as_bytes()].concat();
        let records: Vec<Record> = table(&bytes).map(Result::unwrap).collect();
        let faults: Vec<_> = records.iter().map(|r| (r.line, r.unreadable.clone())).collect();
        assert_eq!(faults, [(2, vec![]), (3, vec![]), (4, vec![0, 1]), (5, vec![])]);
        assert_eq!(&records[3].cells[0], "末行");
    }

    #[test]
    fn what_is_no_table_is_refused_by_name() {
        assert!(matches!(failure(b""), TableError::Empty));
        assert!(matches!(failure(b"\xFF\xFEa\0"), TableError::Utf16));
        assert!(matches!(failure(b"PK\x03\x04rest"), TableError::Workbook));
        assert!(matches!(failure(b"a,b\n1,\xFF\xFF\n"), TableError::Encoding { line: 2 }));
        assert!(matches!(failure(b"# anju: mode=guess\na\n"), TableError::Declaration(_)));
        let wide = ["a"; COLUMNS_MAX + 1].join(",");
        assert!(matches!(failure(wide.as_bytes()), TableError::Columns));
    }

    #[test]
    fn a_quote_that_is_never_closed_ends_the_reading_with_its_line() {
        let text = "a,b\n1,2\n3,\"".to_owned() + &"x\n".repeat(2 * RECORD_BYTES_MAX);
        assert!(matches!(failure(text.as_bytes()), TableError::RecordTooLong { line: 3 }));
    }

    #[test]
    fn a_damaged_gzip_stream_ends_the_reading_after_what_was_whole() {
        let text = "a,b\n".to_owned() + &"1,2\n".repeat(50_000);
        let mut packed = gzip(text.as_bytes());
        packed.truncate(packed.len() - 20);
        let mut read = 0;
        let mut table = table(&packed);
        let error = loop {
            match table.next().unwrap() {
                Ok(_) => read += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, TableError::Read { line, .. } if line > read));
    }

    #[test]
    fn a_declaration_reads_as_it_is_written_even_through_a_spreadsheet() {
        let declaration = Declaration {
            source: Some("普查2025".to_owned()),
            mode: Some(Mode::Correction),
            from: Day::from_ymd(2024, 7, 1),
        };
        let line = declaration.line();
        assert_eq!(line, "# anju: source=普查2025, mode=correction, from=2024-07-01");
        for line in [line.clone(), format!("{line},,,"), format!("\"{line}\",,")] {
            let bytes = format!("{line}\r\na,b\r\n1,2\r\n");
            assert_eq!(table(bytes.as_bytes()).declaration(), &declaration);
        }
        let (gb, _, _) = GB18030.encode("# anju: source=普查\n名称\n甲\n");
        assert_eq!(table(&gb).declaration().source.as_deref(), Some("普查"));
    }

    #[test]
    fn tabs_part_the_cells_of_a_file_without_commas() {
        assert_eq!(rows(b"a\tb\n1\t2,3\n")[0].1, ["1", "2,3"]);
    }
}

//! The file of rows that were not taken: as they stood, with the line and the reasons behind them.
//!
//! It is a file that can be mended and fed back: the two columns that it adds are passed over, and
//! its first line declares the source and the mode that the rows were read with.
//!
//! Rows are written as they are rejected, so that a run which is cut short leaves them behind, and
//! put into the order of their lines at the end: batches are not answered in that of the file.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
};

use csv::StringRecord;

use crate::exchange::table::Declaration;

/// The columns that a reject file adds, and that are passed over when it is fed back.
pub const ADDED_COLUMNS: [&str; 2] = ["reject_line", "reject_reasons"];

/// A file of rejected rows, made when the first row is rejected.
pub struct Rejects {
    path: PathBuf,
    exact: bool,
    declaration: Declaration,
    headers: Vec<String>,
    /// The columns that are written: all but those that an earlier reject file added.
    kept: Vec<usize>,
    written: Option<Written>,
}

/// What was written so far.
struct Written {
    file: BufWriter<File>,
    /// Bytes before the first row.
    head: u64,
    /// Bytes in all.
    bytes: u64,
    rows: Vec<Row>,
}

/// Where a row of the file stands.
#[derive(Clone, Copy)]
struct Row {
    /// The line on which it stood.
    line: u64,
    from: u64,
    bytes: u64,
}

impl Rejects {
    /// Rejects of `input`, beside it, under a name that is not taken: `a.csv.gz` has
    /// `a.rejects.csv`, then `a.2.rejects.csv`.
    pub fn beside(input: &Path, declaration: Declaration, headers: Vec<String>) -> Self {
        let name = input.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.strip_suffix(".gz").unwrap_or(&name);
        let stem = stem.strip_suffix(".csv").unwrap_or(stem);
        let path = input.with_file_name(format!("{stem}.rejects.csv"));
        Self { exact: false, ..Self::at(path, declaration, headers) }
    }

    /// Rejects under a given name, which must not be taken.
    pub fn at(path: PathBuf, declaration: Declaration, headers: Vec<String>) -> Self {
        let own = |header: &String| !ADDED_COLUMNS.contains(&header.as_str());
        let kept = (0..).zip(&headers).filter(|(_, header)| own(header)).map(|(index, _)| index);
        let kept = kept.collect();
        Self { path, exact: true, declaration, headers, kept, written: None }
    }

    /// Writes a row as it stood.
    pub fn add(&mut self, line: u64, cells: &StringRecord, reasons: &str) -> io::Result<()> {
        if self.written.is_none() {
            self.written = Some(self.create()?);
        }
        let Some(written) = &mut self.written else { return Ok(()) };
        let number = line.to_string();
        // A short row is filled up, so that the added columns stand below their headers.
        let row = self.kept.iter().map(|index| cells.get(*index).unwrap_or(""));
        let row = record(row.chain([number.as_str(), reasons]))?;
        written.file.write_all(&row)?;
        let bytes = row.len() as u64;
        written.rows.push(Row { line, from: written.bytes, bytes });
        written.bytes += bytes;
        Ok(())
    }

    /// Closes the file, its rows in the order of their lines; answers where it is, if there is one,
    /// and how many rows it has.
    pub fn finish(self) -> io::Result<Option<(PathBuf, u64)>> {
        let Self { path, written, .. } = self;
        let Some(Written { mut file, head, rows, .. }) = written else { return Ok(None) };
        file.flush()?;
        drop(file);
        let count = rows.len() as u64;
        if !rows.is_sorted_by_key(|row| row.line) {
            in_order(&path, head, rows)?;
        }
        Ok(Some((path, count)))
    }

    fn create(&mut self) -> io::Result<Written> {
        let mut file = BufWriter::new(self.create_new()?);
        // Excel takes a file without the mark for the system's old encoding.
        let mut head = format!("\u{FEFF}{}\n", self.declaration.line()).into_bytes();
        let headers = self.kept.iter().filter_map(|index| self.headers.get(*index));
        let headers = headers.map(String::as_str);
        head.extend(record(headers.chain(ADDED_COLUMNS))?);
        file.write_all(&head)?;
        let head = head.len() as u64;
        Ok(Written { file, head, bytes: head, rows: Vec::new() })
    }

    /// A reject file may be under repair: none is ever overwritten.
    fn create_new(&mut self) -> io::Result<File> {
        let first = self.path.clone();
        let name = first.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for number in 2_u32.. {
            match OpenOptions::new().write(true).create_new(true).open(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !self.exact => {
                    let stem = name.strip_suffix(".rejects.csv").unwrap_or(&name);
                    self.path = first.with_file_name(format!("{stem}.{number}.rejects.csv"));
                }
                other => return other,
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// One record as it stands in a file.
fn record<'c>(cells: impl Iterator<Item = &'c str>) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    writer.write_record(cells)?;
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

/// Writes the file anew with its rows in the order of their lines, and puts it in the place of the
/// old one when it is whole.
fn in_order(path: &Path, head: u64, mut rows: Vec<Row>) -> io::Result<()> {
    rows.sort_by_key(|row| row.line);
    let mut name = OsString::from(path);
    name.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(name);
    let sorted = copy_rows(path, &part, head, &rows).and_then(|()| fs::rename(&part, path));
    if sorted.is_err() {
        // What was rejected stays where it is, in another order.
        let _ = fs::remove_file(&part);
    }
    sorted
}

fn copy_rows(from: &Path, to: &Path, head: u64, rows: &[Row]) -> io::Result<()> {
    let mut source = BufReader::new(File::open(from)?);
    let target = OpenOptions::new().write(true).create_new(true).open(to)?;
    let mut target = BufWriter::new(target);
    io::copy(&mut source.by_ref().take(head), &mut target)?;
    let mut at = head;
    for row in rows {
        // Within what is read already nothing is read again.
        let step = i64::try_from(row.from).unwrap_or(i64::MAX);
        source.seek_relative(step - i64::try_from(at).unwrap_or(i64::MAX))?;
        io::copy(&mut source.by_ref().take(row.bytes), &mut target)?;
        at = row.from + row.bytes;
    }
    target.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::table::{Mode, Table};
    use std::io::Cursor;

    fn written(path: &Path) -> (Declaration, Vec<String>, Vec<StringRecord>) {
        let table = Table::read(Cursor::new(fs::read(path).unwrap())).unwrap();
        let (declaration, headers) = (table.declaration().clone(), table.headers().to_vec());
        (declaration, headers, table.map(|record| record.unwrap().cells).collect())
    }

    #[test]
    fn rows_come_back_as_they_stood_with_what_they_were_read_as() {
        let directory = tempfile::tempdir().unwrap();
        let input = directory.path().join("楼栋.csv.gz");
        let declaration = Declaration {
            source: Some("census".to_owned()),
            mode: Some(Mode::Correction),
            from: None,
        };
        let headers = vec!["key".to_owned(), "名称".to_owned()];
        let mut rejects = Rejects::beside(&input, declaration.clone(), headers.clone());
        let raw = StringRecord::from(vec!["=1", "'a,\"b\" 楼"]);
        rejects.add(7, &raw, "名称 TEXT_TOO_LONG: …").unwrap();
        rejects.add(9, &StringRecord::from(vec!["2"]), "FIELD_COUNT").unwrap();
        let (path, rows) = rejects.finish().unwrap().unwrap();
        assert_eq!((path.file_name().unwrap().to_str().unwrap(), rows), ("楼栋.rejects.csv", 2));
        let (found, columns, records) = written(&path);
        assert_eq!(found, declaration);
        assert_eq!(columns, ["key", "名称", "reject_line", "reject_reasons"]);
        assert_eq!(records[0], vec!["=1", "'a,\"b\" 楼", "7", "名称 TEXT_TOO_LONG: …"]);
        assert_eq!(records[1], vec!["2", "", "9", "FIELD_COUNT"]);

        let mut again = Rejects::beside(&input, declaration, headers);
        again.add(1, &raw, "x").unwrap();
        let (path, _) = again.finish().unwrap().unwrap();
        assert!(path.ends_with("楼栋.2.rejects.csv"), "an earlier file is under repair");
    }

    #[test]
    fn rows_stand_in_the_order_of_their_lines() {
        let directory = tempfile::tempdir().unwrap();
        let input = directory.path().join("a.csv");
        let headers = vec!["key".to_owned(), "name".to_owned()];
        let mut rejects = Rejects::beside(&input, Declaration::default(), headers);
        // As batches are answered; one cell has a line end in it, and there is more than a buffer.
        let long = "名".repeat(9_000);
        for line in [300, 4, 5, 200, 201, 3, 1_000, 7] {
            let name = if line % 2 == 0 { format!("two\nlines {line}") } else { long.clone() };
            let cells = StringRecord::from(vec![line.to_string(), name]);
            rejects.add(line, &cells, "WRONG: \"so\"").unwrap();
        }
        let (path, rows) = rejects.finish().unwrap().unwrap();
        let (_, _, records) = written(&path);
        let lines: Vec<_> = records.iter().map(|record| record[2].to_owned()).collect();
        assert_eq!(lines, ["3", "4", "5", "7", "200", "201", "300", "1000"]);
        assert_eq!(rows, 8);
        for record in &records {
            assert_eq!(record[0], record[2]);
            assert_eq!(record[3], *"WRONG: \"so\"");
            let is_long = record[1] == long;
            assert!(is_long || record[1] == format!("two\nlines {}", &record[0]), "{record:?}");
        }
        // Nothing else is left behind.
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn without_a_reject_there_is_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let input = directory.path().join("a.csv");
        let rejects = Rejects::beside(&input, Declaration::default(), Vec::new());
        assert!(rejects.finish().unwrap().is_none());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}

//! The file of rows that were not taken: as they stood, with the line and the reasons behind them.
//!
//! It is a file that can be mended and fed back: the two columns that it adds are passed over, and
//! its first line declares the source and the mode that the rows were read with.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write as _},
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
    writer: Option<csv::Writer<BufWriter<File>>>,
    rows: u64,
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
        Self { path, exact: true, declaration, headers, kept, writer: None, rows: 0 }
    }

    /// Writes a row as it stood.
    pub fn add(&mut self, line: u64, cells: &StringRecord, reasons: &str) -> io::Result<()> {
        if self.writer.is_none() {
            self.writer = Some(self.create()?);
        }
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let line = line.to_string();
        // A short row is filled up, so that the added columns stand below their headers.
        let row = self.kept.iter().map(|index| cells.get(*index).unwrap_or(""));
        writer.write_record(row.chain([line.as_str(), reasons]))?;
        self.rows += 1;
        Ok(())
    }

    /// Closes the file; answers where it is, if there is one, and how many rows it has.
    pub fn finish(self) -> io::Result<Option<(PathBuf, u64)>> {
        match self.writer {
            None => Ok(None),
            Some(mut writer) => {
                writer.flush()?;
                Ok(Some((self.path, self.rows)))
            }
        }
    }

    fn create(&mut self) -> io::Result<csv::Writer<BufWriter<File>>> {
        let file = self.create_new()?;
        let mut file = BufWriter::new(file);
        // Excel takes a file without the mark for the system's old encoding.
        file.write_all("\u{FEFF}".as_bytes())?;
        writeln!(file, "{}", self.declaration.line())?;
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(file);
        let headers = self.kept.iter().filter_map(|index| self.headers.get(*index));
        let headers = headers.map(String::as_str);
        writer.write_record(headers.chain(ADDED_COLUMNS))?;
        Ok(writer)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::table::{Mode, Table};
    use std::{fs, io::Cursor};

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
    fn without_a_reject_there_is_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let input = directory.path().join("a.csv");
        let rejects = Rejects::beside(&input, Declaration::default(), Vec::new());
        assert!(rejects.finish().unwrap().is_none());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}

//! Filling an empty data directory from elsewhere, so that a filling that was not finished can
//! never be taken for a registry.
//!
//! A file, `loading`, is durable before the first entry is written and taken away after the last
//! one was found to be right. Whoever meets it refuses the directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::store::{
    StoreError,
    embedded::{
        EmbeddedOptions, EmbeddedStore, OpenReport,
        files::{Files as _, SystemFiles},
        journal::failure,
    },
};

/// The file that says so.
const MARK: &str = "loading";
/// What is in the root of an empty disk.
const BELONGS_TO_THE_DISK: &str = "lost+found";
/// All that a store makes in a data directory.
const DIRECTORIES: [&str; 4] = ["journal", "state", "state.aside", "state.scratch"];
const FILES: [&str; 3] = ["run", "lock", "overwriting"];

/// A data directory that is being filled.
#[derive(Debug)]
pub struct Loading {
    path: PathBuf,
}

impl Loading {
    /// Begins to fill `path`, which must be empty or not be there.
    pub fn begin(path: &Path) -> Result<Self, StoreError> {
        refuse_unfinished(path)?;
        let fails = |source| failure("it cannot be made ready", path, source);
        fs::create_dir_all(path).map_err(fails)?;
        for found in fs::read_dir(path).map_err(fails)? {
            if found.map_err(fails)?.file_name() == BELONGS_TO_THE_DISK {
                continue;
            }
            let what = format!("{}: only an empty directory can be filled", path.display());
            let source = io::ErrorKind::DirectoryNotEmpty.into();
            return Err(StoreError::Io { what, source });
        }
        SystemFiles.create(&path.join(MARK)).and_then(|mark| mark.sync()).map_err(fails)?;
        SystemFiles.sync_directory(path).map_err(fails)?;
        Ok(Self { path: path.to_owned() })
    }

    /// Opens the store to be filled.
    pub fn open(
        &self,
        options: EmbeddedOptions,
    ) -> Result<(EmbeddedStore, OpenReport), StoreError> {
        EmbeddedStore::open_any(&self.path, options)
    }

    /// Says that everything is there. The store must be closed.
    pub fn finish(self) -> Result<(), StoreError> {
        self.take_mark_away()
    }

    /// Takes away what was filled in. The store must be closed.
    pub fn abandon(self) -> Result<(), StoreError> {
        for name in DIRECTORIES {
            absent_is_fine(fs::remove_dir_all(self.path.join(name)))
                .map_err(|source| failure("it cannot be removed", &self.path.join(name), source))?;
        }
        for name in FILES {
            absent_is_fine(fs::remove_file(self.path.join(name)))
                .map_err(|source| failure("it cannot be removed", &self.path.join(name), source))?;
        }
        self.take_mark_away()
    }

    fn take_mark_away(&self) -> Result<(), StoreError> {
        let mark = self.path.join(MARK);
        let fails = |source| failure("it cannot be removed", &mark, source);
        SystemFiles.remove(&mark).map_err(fails)?;
        SystemFiles.sync_directory(&self.path).map_err(fails)
    }
}

/// Refuses a directory that was not filled to the end.
pub(crate) fn refuse_unfinished(path: &Path) -> Result<(), StoreError> {
    let mark = path.join(MARK);
    match fs::symlink_metadata(&mark) {
        Ok(_) => Err(StoreError::Damage {
            place: mark.display().to_string(),
            what: "a load into this directory is under way or was broken off; if none is running, \
                   empty the directory and load again"
                .to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failure("it cannot be looked for", &mark, error)),
    }
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

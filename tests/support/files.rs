//! What may happen to a directory while nobody looks.

use std::{fs, path::Path};

/// Copies a directory.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Puts random bytes in the place of every file's.
pub(crate) fn overwrite(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            overwrite(&path);
        } else {
            let length = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
            let mut noise = vec![0; length];
            ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut noise).unwrap();
            fs::write(&path, noise).unwrap();
        }
    }
}

/// What became of a registry's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing.
    Kept,
    /// One of before is in its place.
    Older,
    /// A directory with nothing in it.
    Empty,
    /// No directory.
    Gone,
    /// Random bytes in all its files.
    Noise,
}

impl State {
    pub(crate) const ALL: [Self; 5] =
        [Self::Kept, Self::Older, Self::Empty, Self::Gone, Self::Noise];

    /// Does it to the state of a data directory.
    pub(crate) fn put(self, data: &Path, older: &Path) {
        let state = data.join("state");
        match self {
            Self::Kept => {}
            Self::Older => {
                fs::remove_dir_all(&state).unwrap();
                copy(older, &state);
            }
            Self::Empty => {
                fs::remove_dir_all(&state).unwrap();
                fs::create_dir(&state).unwrap();
            }
            Self::Gone => fs::remove_dir_all(&state).unwrap(),
            Self::Noise => overwrite(&state),
        }
    }
}

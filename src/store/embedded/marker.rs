//! The marker: how the last run ended, and how long the journal was known to be.
//!
//! A small text file, `run`, written whole at every start and at every clean end. sled does not
//! sync what it writes, so after an end that was not clean its files are to be believed only while
//! the same kernel runs that had them in memory.
//!
//! ```text
//! anju 1
//! directory 30313233343536373839616263646566
//! boot 5f0f9ae5-1c8b-4e5f-a3a1-0d9d1c1b2f11
//! end clean
//! frame 812 deadbeef
//! crc 01234567
//! ```

use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
};

use crate::store::{
    StoreError,
    embedded::{
        files::{Files, read_all, write_whole},
        segment::DirectoryId,
    },
};

/// What the marker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) directory: DirectoryId,
    /// The boot that wrote it.
    pub(crate) boot: String,
    /// Whether the run ended with everything closed and synced.
    pub(crate) clean: bool,
    /// A frame that the journal had when it was written.
    pub(crate) frame: u64,
    /// That frame's CRC.
    pub(crate) link: u32,
}

impl Marker {
    /// `None` when there is none, or none that is intact.
    pub(crate) fn read(files: &dyn Files, data: &Path) -> io::Result<Option<Self>> {
        let handle = match files.open_read(&path(data)) {
            Ok(handle) => handle,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = read_all(handle.as_ref())?;
        Ok(std::str::from_utf8(&bytes).ok().and_then(Self::decode))
    }

    pub(crate) fn write(&self, files: &dyn Files, data: &Path) -> io::Result<()> {
        write_whole(files, &path(data), self.encode().as_bytes())
    }

    /// The journal must still have what it had when this was written. `last`: the number and CRC
    /// of its last frame.
    pub(crate) fn check(
        &self,
        directory: DirectoryId,
        last: (u64, u32),
        journal: &Path,
    ) -> Result<(), StoreError> {
        let (frame, link) = last;
        let what = if self.directory != directory {
            format!("it is of data directory {directory}, the rest of {}", self.directory)
        } else if self.frame > frame {
            format!("it ends with frame {frame}, and there was a frame {}", self.frame)
        } else if self.frame == frame && self.link != link {
            format!("its last frame {frame} is not the one that was there")
        } else {
            return Ok(());
        };
        Err(StoreError::Damage { place: journal.display().to_string(), what })
    }

    fn encode(&self) -> String {
        let end = if self.clean { "clean" } else { "open" };
        let mut text = format!(
            "anju 1\ndirectory {}\nboot {}\nend {end}\nframe {} {:08x}\n",
            self.directory, self.boot, self.frame, self.link
        );
        let crc = crc32c::crc32c(text.as_bytes());
        // Writing to a string cannot fail.
        let _ = writeln!(text, "crc {crc:08x}");
        text
    }

    fn decode(text: &str) -> Option<Self> {
        let (body, crc) = text.split_at_checked(text.rfind("crc ")?)?;
        let crc = u32::from_str_radix(crc.strip_prefix("crc ")?.strip_suffix('\n')?, 16).ok()?;
        (crc == crc32c::crc32c(body.as_bytes())).then_some(())?;
        let mut lines = body.lines();
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        (field("anju")? == "1").then_some(())?;
        let directory = DirectoryId::from_hex(field("directory")?)?;
        let boot = field("boot")?.to_owned();
        let clean = field("end")? == "clean";
        let (frame, link) = field("frame")?.split_once(' ')?;
        let link = u32::from_str_radix(link, 16).ok()?;
        Some(Self { directory, boot, clean, frame: frame.parse().ok()?, link })
    }
}

/// Where it lies.
pub(crate) fn path(data: &Path) -> PathBuf {
    data.join("run")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(clean: bool) -> Marker {
        Marker {
            directory: DirectoryId(*b"0123456789abcdef"),
            boot: "5f0f9ae5-1c8b-4e5f-a3a1-0d9d1c1b2f11".to_owned(),
            clean,
            frame: 812,
            link: 0xdead_beef,
        }
    }

    #[test]
    fn a_marker_reads_back_as_written() {
        for clean in [true, false] {
            assert_eq!(Marker::decode(&marker(clean).encode()), Some(marker(clean)));
        }
    }

    #[test]
    fn a_marker_with_a_flipped_byte_is_none() {
        let text = marker(true).encode();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let flipped = String::from_utf8(bytes).unwrap();
            assert_eq!(Marker::decode(&flipped), None, "byte {at}");
        }
    }
}

//! Redo files: what was said to the state and has not reached sled for good.
//!
//! ```text
//! file    redo-0000000012, 12 being the epoch
//!         frames, one directly after the other
//!
//! frame   0  4  bytes of the body
//!         4  4  CRC32C of the body
//!         8     the body: its kind (1), then
//!               1  begin: directory (16), incarnation of the state (16), epoch (8), positions
//!               2  writes: positions; number of writes (4); per write key and value
//!               3  seal: nothing follows in this file
//!
//! positions  number (4), then per partition: its number (4), entry (8), frame (8), CRC (4)
//! key, value length (4) and bytes; a value of length 2³²−1 takes the key away
//! ```
//!
//! What stays true: a file holds all writes of its epoch, in order, up to where it is intact. It is
//! not synced: after a killed process the kernel has it, and after a stop of the machine the state
//! is not believed at all.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    kernel::position::{Partition, Seq},
    store::embedded::{
        frame::{u32_at, u64_at},
        segment::DirectoryId,
        state::{Applied, buffer::Buffer},
    },
};

const BEGIN: u8 = 1;
const WRITES: u8 = 2;
const SEAL: u8 = 3;
const GONE: u32 = u32::MAX;
/// Beyond this a length is taken for damage.
const BODY_BYTES_MAX: usize = 512 * 1024 * 1024;

/// How far each partition is reflected.
pub(super) type Positions = BTreeMap<Partition, Applied>;

/// Whose writes a file holds, and on top of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Begin {
    pub(super) directory: DirectoryId,
    /// Drawn when the state was made, so that files of another one are told apart.
    pub(super) incarnation: [u8; 16],
    pub(super) epoch: u64,
    /// How far the state had come before the first write.
    pub(super) positions: Positions,
}

/// The file that is being written.
#[derive(Debug)]
pub(super) struct Redo {
    file: File,
    bytes: Vec<u8>,
}

/// What a file holds.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) begin: Begin,
    pub(super) buffer: Buffer,
    /// How far the state has come with the last write.
    pub(super) positions: Positions,
    /// Whether the file was ended.
    pub(super) is_sealed: bool,
    /// Bytes that are intact.
    intact: u64,
}

impl Redo {
    /// Makes the file of an epoch; one of that name is replaced.
    pub(super) fn begin(directory: &Path, begin: &Begin) -> io::Result<Self> {
        let options = OpenOptions::new().write(true).create(true).truncate(true).to_owned();
        let mut redo = Self { file: options.open(path(directory, begin.epoch))?, bytes: vec![] };
        redo.frame(BEGIN, |body| {
            body.extend_from_slice(&begin.directory.0);
            body.extend_from_slice(&begin.incarnation);
            body.extend_from_slice(&begin.epoch.to_le_bytes());
            put_positions(&begin.positions, body);
        })?;
        redo.write()?;
        Ok(redo)
    }

    /// Goes on with a file behind what is intact in it.
    pub(super) fn go_on(directory: &Path, read: &Read) -> io::Result<Self> {
        let path = path(directory, read.begin.epoch);
        OpenOptions::new().write(true).open(&path)?.set_len(read.intact)?;
        Ok(Self { file: OpenOptions::new().append(true).open(&path)?, bytes: vec![] })
    }

    /// Notes the writes of a step. They are in the file after [`Redo::write`].
    pub(super) fn note<'a>(
        &mut self,
        positions: &Positions,
        writes: impl ExactSizeIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> io::Result<()> {
        self.frame(WRITES, |body| {
            put_positions(positions, body);
            put_length(writes.len(), body);
            for (key, value) in writes {
                put_bytes(Some(key), body);
                put_bytes(value, body);
            }
        })
    }

    /// Writes what was noted.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let written = self.file.write_all(&self.bytes);
        self.bytes.clear();
        written
    }

    /// Ends the file.
    pub(super) fn seal(mut self) -> io::Result<()> {
        self.frame(SEAL, |_| {})?;
        self.write()
    }

    fn frame(&mut self, kind: u8, body: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 8]);
        self.bytes.push(kind);
        body(&mut self.bytes);
        let written = self.bytes.get(begin + 8..).unwrap_or_default();
        let length = u32::try_from(written.len()).map_err(io::Error::other)?;
        let head = [length.to_le_bytes(), crc32c::crc32c(written).to_le_bytes()].concat();
        if let Some(place) = self.bytes.get_mut(begin..begin + 8) {
            place.copy_from_slice(&head);
        }
        Ok(())
    }
}

/// The epochs of which there is a file, in order.
pub(super) fn epochs(directory: &Path) -> io::Result<Vec<u64>> {
    let mut epochs = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("redo-"));
        epochs.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    epochs.sort_unstable();
    Ok(epochs)
}

/// Takes the file of an epoch away.
pub(super) fn remove(directory: &Path, epoch: u64) -> io::Result<()> {
    match fs::remove_file(path(directory, epoch)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Reads the file of an epoch as far as it is intact; `None` when not even its begin is.
pub(super) fn read(directory: &Path, epoch: u64) -> io::Result<Option<Read>> {
    let bytes = fs::read(path(directory, epoch))?;
    Ok(decode(&bytes))
}

fn path(directory: &Path, epoch: u64) -> PathBuf {
    directory.join(format!("redo-{epoch:010}"))
}

fn decode(bytes: &[u8]) -> Option<Read> {
    let (body, mut rest) = split_frame(bytes)?;
    let begin = read_begin(body.strip_prefix(&[BEGIN])?)?;
    let positions = begin.positions.clone();
    let mut read =
        Read { begin, buffer: Buffer::default(), positions, is_sealed: false, intact: 0 };
    while !read.is_sealed
        && let Some((body, next)) = split_frame(rest)
    {
        match body.split_first()? {
            (&WRITES, body) => take_writes(body, &mut read)?,
            (&SEAL, []) => read.is_sealed = true,
            _ => return None,
        }
        rest = next;
    }
    read.intact = u64::try_from(bytes.len() - rest.len()).ok()?;
    Some(read)
}

/// The body of the frame that `bytes` begin with, and what follows it.
fn split_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::try_from(u32_at(bytes, 0)?).ok().filter(|it| *it <= BODY_BYTES_MAX)?;
    let body = bytes.get(8..8 + length)?;
    let is_intact = u32_at(bytes, 4)? == crc32c::crc32c(body);
    is_intact.then(|| (body, bytes.get(8 + length..).unwrap_or_default()))
}

fn read_begin(body: &[u8]) -> Option<Begin> {
    let directory = DirectoryId(body.get(..16)?.try_into().ok()?);
    let incarnation = body.get(16..32)?.try_into().ok()?;
    let epoch = u64_at(body, 32)?;
    let (positions, rest) = read_positions(body.get(40..)?)?;
    rest.is_empty().then_some(Begin { directory, incarnation, epoch, positions })
}

fn take_writes(body: &[u8], read: &mut Read) -> Option<()> {
    let (positions, rest) = read_positions(body)?;
    let count = u32_at(rest, 0)?;
    let mut rest = rest.get(4..)?;
    for _ in 0..count {
        let (key, after_key) = read_bytes(rest)?;
        let (value, after) = read_bytes(after_key)?;
        read.buffer.put(key?.to_vec(), value.map(<[u8]>::to_vec));
        rest = after;
    }
    read.positions.extend(positions);
    rest.is_empty().then_some(())
}

fn put_positions(positions: &Positions, to: &mut Vec<u8>) {
    put_length(positions.len(), to);
    for (partition, applied) in positions {
        to.extend_from_slice(&partition.number().to_le_bytes());
        to.extend_from_slice(&applied.seq.to_le_bytes());
        to.extend_from_slice(&applied.frame.to_le_bytes());
        to.extend_from_slice(&applied.crc.to_le_bytes());
    }
}

fn read_positions(bytes: &[u8]) -> Option<(Positions, &[u8])> {
    let count = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let (rows, rest) = bytes.get(4..)?.split_at_checked(count.checked_mul(24)?)?;
    let row = |row: &[u8]| {
        let seq: Seq = u64_at(row, 4)?;
        let applied = Applied { seq, frame: u64_at(row, 12)?, crc: u32_at(row, 20)? };
        Some((Partition::new(u32_at(row, 0)?)?, applied))
    };
    Some((rows.chunks_exact(24).map(row).collect::<Option<_>>()?, rest))
}

fn put_length(length: usize, to: &mut Vec<u8>) {
    to.extend_from_slice(&u32::try_from(length).unwrap_or(GONE).to_le_bytes());
}

fn put_bytes(bytes: Option<&[u8]>, to: &mut Vec<u8>) {
    match bytes {
        Some(bytes) => {
            put_length(bytes.len(), to);
            to.extend_from_slice(bytes);
        }
        None => to.extend_from_slice(&GONE.to_le_bytes()),
    }
}

type MaybeBytes<'a> = Option<&'a [u8]>;

fn read_bytes(bytes: &[u8]) -> Option<(MaybeBytes<'_>, &[u8])> {
    let length = u32_at(bytes, 0)?;
    let rest = bytes.get(4..)?;
    if length == GONE {
        return Some((None, rest));
    }
    let (bytes, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((Some(bytes), rest))
}

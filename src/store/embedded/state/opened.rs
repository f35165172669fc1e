//! What a state holds when it is opened, and whether that is to be believed.

use sled::Db;

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::{
    kernel::position::Partition,
    store::embedded::{
        frame::{u32_at, u64_at},
        segment::DirectoryId,
        state::{
            Applied, Refused, StateOptions,
            buffer::Buffer,
            redo::{self, Begin, Positions, Redo},
            tree::{guarded, open_sled, release},
        },
    },
};

const LAYOUT: u8 = 2;
const VERSION_KEY: &[u8] = b"mv";
/// The epoch whose writes began to go to sled last.
pub(super) const BEGUN_KEY: &[u8] = b"mb";
/// The last epoch whose writes are all in sled.
pub(super) const DONE_KEY: &[u8] = b"md";
const POSITION_PREFIX: &[u8] = b"mp";

/// A state that was just opened and not looked at yet.
pub(crate) struct Opened {
    pub(crate) db: Db,
    pub(crate) applied: Positions,
    pub(super) incarnation: [u8; 16],
    /// Of what is written next.
    pub(super) epoch: u64,
    /// The epoch before it, when not all of its writes are in sled.
    pub(super) older: Option<Buffer>,
    pub(super) newer: Buffer,
    /// The file of the epoch, if it was begun.
    pub(super) redo: Option<Redo>,
}

/// Opens what is there, or makes an empty state.
pub(crate) fn open(options: &StateOptions) -> Result<Opened, Refused> {
    let db = open_sled(options)?;
    match guarded(|| read(&db, options)) {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(why)) | Err(why) => {
            release(db, &options.path);
            Err(Refused::Unfit(why))
        }
    }
}

fn read(db: &Db, options: &StateOptions) -> Result<Opened, String> {
    let incarnation = read_version(db, options.directory)?;
    let (begun, done) = (read_epoch(db, BEGUN_KEY)?, read_epoch(db, DONE_KEY)?);
    let mut opened = Opened {
        db: db.clone(),
        applied: read_positions(db)?,
        incarnation,
        epoch: done + 1,
        older: None,
        newer: Buffer::default(),
        redo: None,
    };
    if begun < done || begun > done + 1 {
        return Err(format!("it took up the writes of epoch {begun} after those of {done}"));
    }
    take_redo(&mut opened, options, begun > done)?;
    if opened.applied.is_empty() && db.scan_prefix(b"k").next().transpose().map_err(says)?.is_some()
    {
        return Err("it does not say how far it has come".to_owned());
    }
    Ok(opened)
}

/// Takes over what the redo files hold beyond sled. When sled has some of an epoch's writes
/// already, it must get all of them.
fn take_redo(opened: &mut Opened, options: &StateOptions, is_begun: bool) -> Result<(), String> {
    let fails = |error: std::io::Error| format!("its redo files cannot be read: {error}");
    let epochs = redo::epochs(&options.path).map_err(fails)?;
    let first = opened.epoch;
    for epoch in epochs.iter().filter(|epoch| **epoch < first) {
        // What a run that was killed had no time to remove.
        redo::remove(&options.path, *epoch).map_err(fails)?;
    }
    for epoch in epochs.into_iter().filter(|epoch| *epoch >= first) {
        let is_expected = epoch == opened.epoch && opened.redo.is_none();
        let read = redo::read(&options.path, epoch).map_err(fails)?;
        let read = read.filter(|_| is_expected).filter(|read| follows(read, opened, options));
        let Some(read) = read else {
            // Nothing of it is in sled, unless sled says so: the journal has it all.
            redo::remove(&options.path, epoch).map_err(fails)?;
            continue;
        };
        opened.applied.clone_from(&read.positions);
        if read.is_sealed && opened.older.is_none() {
            opened.older = Some(read.buffer);
            opened.epoch += 1;
        } else {
            opened.redo = Some(Redo::go_on(&options.path, &read).map_err(fails)?);
            opened.newer = read.buffer;
        }
    }
    if is_begun && opened.older.is_none() {
        return Err(format!("it has some of the writes of epoch {first}, and the rest is missing"));
    }
    Ok(())
}

/// Whether a redo file goes on from what was opened so far.
fn follows(read: &redo::Read, opened: &Opened, options: &StateOptions) -> bool {
    let begin = Begin {
        directory: options.directory,
        incarnation: opened.incarnation,
        epoch: opened.epoch,
        positions: read.begin.positions.clone(),
    };
    // A state that has some of an epoch's writes may have some of its positions as well.
    let is_behind = |(partition, applied): (&Partition, &Applied)| {
        opened.applied.get(partition).is_some_and(|reached| reached.seq >= applied.seq)
    };
    read.begin == begin && read.begin.positions.iter().all(is_behind)
}

/// The incarnation of a state of this layout and data directory.
fn read_version(db: &Db, directory: DirectoryId) -> Result<[u8; 16], String> {
    let mut version = vec![LAYOUT];
    version.extend_from_slice(&directory.0);
    match db.get(VERSION_KEY).map_err(says)? {
        Some(found) => found
            .strip_prefix(version.as_slice())
            .and_then(|rest| rest.try_into().ok())
            .ok_or_else(|| "it is of another data directory or layout".to_owned()),
        None if db.iter().next().is_none() => {
            let mut incarnation = [0; 16];
            SystemRandom::new()
                .fill(&mut incarnation)
                .map_err(|_| "the system gives no random bytes".to_owned())?;
            version.extend_from_slice(&incarnation);
            db.insert(VERSION_KEY, version).map_err(says)?;
            Ok(incarnation)
        }
        None => Err("it does not say of which data directory it is".to_owned()),
    }
}

fn read_epoch(db: &Db, key: &[u8]) -> Result<u64, String> {
    match db.get(key).map_err(says)? {
        Some(value) => value
            .as_ref()
            .try_into()
            .map(u64::from_le_bytes)
            .map_err(|_| "an epoch in it cannot be read".to_owned()),
        None => Ok(0),
    }
}

fn read_positions(db: &Db) -> Result<Positions, String> {
    let mut positions = Positions::new();
    for row in db.scan_prefix(POSITION_PREFIX) {
        let (key, value) = row.map_err(says)?;
        let (partition, applied) =
            position(&key, &value).ok_or("a position in it cannot be read")?;
        positions.insert(partition, applied);
    }
    Ok(positions)
}

fn says(error: sled::Error) -> String {
    format!("sled does not read it: {error}")
}

fn position(key: &[u8], value: &[u8]) -> Option<(Partition, Applied)> {
    let partition = Partition::from_bytes(key.strip_prefix(POSITION_PREFIX)?.try_into().ok()?);
    let applied =
        Applied { seq: u64_at(value, 0)?, frame: u64_at(value, 8)?, crc: u32_at(value, 16)? };
    (value.len() == 20).then_some((partition, applied))
}

/// The key and value that say how far a partition is reflected.
pub(super) fn position_row(partition: Partition, applied: &Applied) -> (Vec<u8>, Vec<u8>) {
    let mut value = applied.seq.to_le_bytes().to_vec();
    value.extend_from_slice(&applied.frame.to_le_bytes());
    value.extend_from_slice(&applied.crc.to_le_bytes());
    ([POSITION_PREFIX, &partition.to_bytes()].concat(), value)
}

//! A registry's entries in one file that belongs to no engine.
//!
//! ⚑ The format is frozen. Numbers are little-endian.
//!
//! ```text
//! 8   "ANJUDUMP"
//! 4   format version, 1
//! 16  the registry's id
//!     for each entry, in the order of the journal: 4 its length, not 0; then its bytes
//! 4   0
//! 4   number of partitions
//!     for each partition, in order: 4 its number, 8 its last entry, 32 the root of its tree
//! 32  SHA-256 of everything before
//! ```
//!
//! What stays true: a file is taken only as a whole; the last bytes say so. What was loaded is
//! believed only after heads and roots, worked out from the entries and again from the new state,
//! are those of the file.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
};

use crate::{
    kernel::{
        hash::Hash,
        limit::ENTRY_BYTES_MAX,
        position::{Partition, Position, Seq},
        time::Stamp,
    },
    registry::{
        entry::Entry,
        error::Error,
        rebuild,
        state::Live,
        verify::{Tree, root_of_state},
    },
    store::{Group, NewEntry, Store, StoreError},
};

const MAGIC: &[u8; 8] = b"ANJUDUMP";
const VERSION: u32 = 1;
/// What is committed at a time while loading, in whole commands; one sync for each.
const GROUP_BYTES: usize = 8 * 1024 * 1024;
/// A command larger than this is cut: no frame takes more.
const GROUP_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Why a dump cannot be made or loaded.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The file, or whatever it is written to.
    #[error("the dump cannot be read or written")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("this is no dump of a registry")]
    NotADump,
    /// It was made by a newer program.
    #[error("the dump has format version {0}; this program knows version 1")]
    Version(u32),
    /// It ends too early.
    #[error("the dump is cut off after {entries} entries")]
    Truncated {
        /// Entries that were read whole.
        entries: u64,
    },
    /// It is not what was written.
    #[error("the dump is damaged after {entries} entries: {what}")]
    Damaged {
        /// Entries that were read whole.
        entries: u64,
        /// What was expected and found.
        what: String,
    },
    /// There is nothing to dump.
    #[error("there are no entries")]
    Empty,
    /// Where it is to be loaded there are entries already.
    #[error("the store is not empty")]
    NotEmpty,
    /// What was loaded is not what the dump holds.
    #[error("partition {partition} is not what the dump says: {what}")]
    Differs {
        /// The partition.
        partition: Partition,
        /// How.
        what: String,
    },
    /// An entry that cannot be read, or the store.
    #[error(transparent)]
    Registry(#[from] Error),
}

impl DumpError {
    /// Whether the file is not what was once written, or the store that it is made from. A file that
    /// begins as no dump does is taken for a damaged one, since it was given as a dump.
    pub const fn is_damage(&self) -> bool {
        match self {
            Self::NotADump
            | Self::Truncated { .. }
            | Self::Damaged { .. }
            | Self::Differs { .. }
            | Self::Registry(Error::Store(StoreError::Damage { .. })) => true,
            Self::Io(_) | Self::Version(_) | Self::Empty | Self::NotEmpty | Self::Registry(_) => {
                false
            }
        }
    }
}

/// What a dump holds, as its end says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The registry.
    pub registry: [u8; 16],
    /// Each partition's last entry, and the root over all of its entries.
    pub partitions: Vec<(Position, Hash)>,
}

impl Contents {
    /// Entries of all partitions.
    pub fn entry_count(&self) -> u64 {
        self.partitions.iter().map(|(head, _)| head.seq).sum()
    }
}

/// Heads and trees of the entries that went by.
#[derive(Debug, Default)]
struct Trees {
    registry: Option<[u8; 16]>,
    by_partition: BTreeMap<Partition, Tree>,
    entry_count: u64,
}

impl Trees {
    /// Takes the next entry; answers where it stands and its stamp.
    fn add(&mut self, bytes: &[u8]) -> Result<(Position, Stamp), DumpError> {
        // Every part is checked here: a backup that cannot be replayed is refused when it is made.
        let (entry, leaf) = Entry::decode(bytes)?;
        let position = Position { partition: entry.partition, seq: entry.seq };
        if !entry.is_whole() {
            return Err(self.damaged(format!("a part of entry {position} is withheld")));
        }
        if *self.registry.get_or_insert(entry.registry) != entry.registry {
            return Err(self.damaged(format!("entry {position} is of another registry")));
        }
        let tree = self.by_partition.entry(entry.partition).or_default();
        if entry.seq != tree.size() + 1 {
            let size = tree.size();
            return Err(self.damaged(format!("entry {position} follows entry {size}")));
        }
        tree.push(leaf);
        self.entry_count += 1;
        Ok((position, entry.stamp))
    }

    fn damaged(&self, what: String) -> DumpError {
        DumpError::Damaged { entries: self.entry_count, what }
    }

    fn contents(&self) -> Option<Contents> {
        let partition = |(partition, tree): (&Partition, &Tree)| {
            (Position { partition: *partition, seq: tree.size() }, tree.root())
        };
        Some(Contents {
            registry: self.registry?,
            partitions: self.by_partition.iter().map(partition).collect(),
        })
    }
}

/// Writes a dump, entry by entry; holds none of them.
pub struct DumpWriter<W: Write> {
    to: W,
    digest: ring::digest::Context,
    trees: Trees,
}

impl<W: Write> DumpWriter<W> {
    /// Nothing is written before the first entry.
    pub fn new(to: W) -> Self {
        let digest = ring::digest::Context::new(&ring::digest::SHA256);
        Self { to, digest, trees: Trees::default() }
    }

    /// Writes the next entry. Those of each partition come in order, without gaps.
    pub fn entry(&mut self, bytes: &[u8]) -> Result<(), DumpError> {
        let is_first = self.trees.registry.is_none();
        self.trees.add(bytes)?;
        if let Some(registry) = self.trees.registry.filter(|_| is_first) {
            self.put(MAGIC)?;
            self.put(&VERSION.to_le_bytes())?;
            self.put(&registry)?;
        }
        let length = u32::try_from(bytes.len())
            .map_err(|_| self.trees.damaged("an entry is too long".to_owned()))?;
        self.put(&length.to_le_bytes())?;
        self.put(bytes)
    }

    /// Writes the end. The file is whole only after this.
    pub fn finish(mut self) -> Result<(W, Contents), DumpError> {
        let contents = self.trees.contents().ok_or(DumpError::Empty)?;
        self.put(&0_u32.to_le_bytes())?;
        let count = u32::try_from(contents.partitions.len()).unwrap_or(u32::MAX);
        self.put(&count.to_le_bytes())?;
        for (head, root) in &contents.partitions {
            self.put(&head.partition.number().to_le_bytes())?;
            self.put(&head.seq.to_le_bytes())?;
            self.put(&root.0)?;
        }
        let digest = self.digest.clone().finish();
        self.to.write_all(digest.as_ref())?;
        self.to.flush()?;
        Ok((self.to, contents))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), DumpError> {
        self.digest.update(bytes);
        self.to.write_all(bytes)?;
        Ok(())
    }
}

/// Reads a dump, entry by entry.
pub struct DumpReader<R: Read> {
    from: R,
    digest: ring::digest::Context,
    registry: [u8; 16],
    entry_count: u64,
}

impl<R: Read> DumpReader<R> {
    /// Reads the begin.
    pub fn new(from: R) -> Result<Self, DumpError> {
        let digest = ring::digest::Context::new(&ring::digest::SHA256);
        let mut reader = Self { from, digest, registry: [0; 16], entry_count: 0 };
        let magic = reader.take::<8>().map_err(|error| match error {
            DumpError::Truncated { .. } => DumpError::NotADump,
            other => other,
        })?;
        if magic != *MAGIC {
            return Err(DumpError::NotADump);
        }
        match u32::from_le_bytes(reader.take()?) {
            VERSION => {}
            version => return Err(DumpError::Version(version)),
        }
        reader.registry = reader.take()?;
        Ok(reader)
    }

    /// The registry that the file names.
    pub fn registry(&self) -> [u8; 16] {
        self.registry
    }

    /// The next entry; `None` after the last.
    fn entry(&mut self) -> Result<Option<Vec<u8>>, DumpError> {
        let length = u32::from_le_bytes(self.take()?);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length == 0 {
            return Ok(None);
        }
        if length > ENTRY_BYTES_MAX {
            return Err(self.damaged(format!("an entry of {length} bytes")));
        }
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        self.entry_count += 1;
        Ok(Some(bytes))
    }

    /// Reads the end, and that it is the end.
    fn contents(&mut self) -> Result<Contents, DumpError> {
        let count = u32::from_le_bytes(self.take()?);
        let mut partitions = Vec::new();
        for _ in 0..count {
            let number = u32::from_le_bytes(self.take()?);
            let partition = Partition::new(number)
                .ok_or_else(|| self.damaged(format!("there is no partition {number}")))?;
            let seq = u64::from_le_bytes(self.take()?);
            partitions.push((Position { partition, seq }, Hash(self.take()?)));
        }
        let digest = Hash::from_slice(self.digest.clone().finish().as_ref());
        if Some(Hash(self.take()?)) != digest {
            return Err(self.damaged("its SHA-256 is another".to_owned()));
        }
        if self.from.read(&mut [0])? != 0 {
            return Err(self.damaged("something follows its end".to_owned()));
        }
        Ok(Contents { registry: self.registry, partitions })
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], DumpError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), DumpError> {
        match self.from.read_exact(bytes) {
            Ok(()) => {
                self.digest.update(bytes);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(DumpError::Truncated { entries: self.entry_count })
            }
            // What does not unpack is damage, not a failing disk.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
                ) =>
            {
                Err(self.damaged(error.to_string()))
            }
            Err(error) => Err(DumpError::Io(error)),
        }
    }

    fn damaged(&self, what: String) -> DumpError {
        DumpError::Damaged { entries: self.entry_count, what }
    }
}

/// Loads a dump into an empty store, computes the state, and proves that both are what the file
/// says. `read` hears of entries read, `replayed` of entries replayed and of how many.
///
/// After an error the store may hold a part of the entries: it is of no use.
pub fn load<R: Read>(
    mut dump: DumpReader<R>,
    store: &dyn Store,
    read: &mut dyn FnMut(u64),
    replayed: &mut dyn FnMut(u64, u64),
) -> Result<Contents, DumpError> {
    if !store.heads().is_empty() {
        return Err(DumpError::NotEmpty);
    }
    let mut trees = Trees { registry: Some(dump.registry()), ..Trees::default() };
    let mut group = Group::default();
    let mut group_bytes = 0;
    let mut last_stamp = None;
    while let Some(bytes) = dump.entry()? {
        let (position, stamp) = trees.add(&bytes).map_err(|error| unfit(error, &dump))?;
        // Entries of one command share their stamp, and stay in one frame.
        let is_between = last_stamp != Some(stamp);
        if group_bytes >= GROUP_BYTES_MAX || group_bytes >= GROUP_BYTES && is_between {
            store.commit(std::mem::take(&mut group)).map_err(Error::from)?;
            group_bytes = 0;
            read(trees.entry_count);
        }
        last_stamp = Some(stamp);
        group_bytes += bytes.len();
        let Position { partition, seq } = position;
        group.entries.push(NewEntry { partition, seq, bytes });
    }
    let said = dump.contents()?;
    if !group.entries.is_empty() {
        store.commit(group).map_err(Error::from)?;
    }
    read(trees.entry_count);
    let found = trees.contents().ok_or(DumpError::Empty)?;
    compare(&said.partitions, &found.partitions, "entries")?;

    rebuild::catch_up(store, replayed)?;
    let live = Live(store);
    let mut of_state = Vec::new();
    for head in store.heads() {
        let head = Position { partition: head.partition, seq: head.applied };
        of_state.push((head, root_of_state(&live, head)?));
    }
    compare(&said.partitions, &of_state, "state")?;
    Ok(said)
}

/// Something in the file that is no entry is damage of the file.
fn unfit<R: Read>(error: DumpError, dump: &DumpReader<R>) -> DumpError {
    match error {
        DumpError::Registry(error) => {
            DumpError::Damaged { entries: dump.entry_count - 1, what: error.to_string() }
        }
        other => other,
    }
}

fn compare(
    said: &[(Position, Hash)],
    found: &[(Position, Hash)],
    of: &str,
) -> Result<(), DumpError> {
    let seq_of = |heads: &[(Position, Hash)], partition: Partition| -> Option<(Seq, Hash)> {
        let (head, root) = heads.iter().find(|(head, _)| head.partition == partition)?;
        Some((head.seq, *root))
    };
    for (Position { partition, .. }, _) in said.iter().chain(found) {
        let (said, found) = (seq_of(said, *partition), seq_of(found, *partition));
        if said != found {
            let words = |of: Option<(Seq, Hash)>| match of {
                Some((seq, root)) => format!("{seq} entries with root {root}"),
                None => "nothing".to_owned(),
            };
            let what = format!("it says {}, and the {of} come to {}", words(said), words(found));
            return Err(DumpError::Differs { partition: *partition, what });
        }
    }
    Ok(())
}

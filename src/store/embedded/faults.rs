//! Files that fail on purpose, for tests: of the store, and of whatever stands on it.
//!
//! Everything goes to real files. Beside them this remembers what a power cut would leave: contents
//! as of each file's last sync, names as of each directory's. What a failed sync was to make
//! durable stays lost, as on a real system, however often it is synced again.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::store::embedded::files::{Files, Handle, Space, SystemFiles, read_all};

/// What is kept or lost together when the power fails.
const SECTOR_BYTES: usize = 512;

/// Something that was done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A file was made.
    Create(PathBuf),
    /// Bytes were written, all that were asked for.
    Write(PathBuf, u64, usize),
    /// A file's content became durable.
    Sync(PathBuf),
    /// A directory's names became durable.
    SyncDirectory(PathBuf),
    /// A file got another name.
    Rename(PathBuf, PathBuf),
    /// A file was taken away.
    Remove(PathBuf),
    /// A write or sync was made to fail.
    Fail(PathBuf),
    /// The test says where it is.
    Note(String),
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A write fails; nothing of it is there.
    Write,
    /// A write fails after so many bytes.
    ShortWrite(usize),
    /// A write fails since the disk is full, after so many bytes.
    DiskFull(usize),
    /// A sync fails, and what it was for is lost.
    Sync,
}

/// What is left of writes that were not synced when the power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// Everything.
    Everything,
    /// Some sectors and names, chosen by this seed.
    Some(u64),
}

#[derive(Debug)]
struct Planned {
    fault: Fault,
    extension: &'static str,
    /// So many operations of its kind still succeed.
    after: usize,
}

#[derive(Debug, Default)]
struct Content {
    path: PathBuf,
    durable: Vec<u8>,
    lost: bool,
}

#[derive(Debug, Default)]
struct World {
    operations: Vec<Operation>,
    planned: VecDeque<Planned>,
    contents: Vec<Content>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    space: Option<Space>,
    boot: u64,
}

/// Real files between which a test can stand. Clones are the same files.
#[derive(Clone, Debug, Default)]
pub struct FaultFiles {
    world: Arc<Mutex<World>>,
}

#[derive(Debug)]
struct FaultHandle {
    inner: Arc<dyn Handle>,
    content: usize,
    world: Arc<Mutex<World>>,
}

impl FaultFiles {
    /// Files that do not fail yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets an operation on a file with this extension fail, after so many of its kind succeeded.
    /// Faults planned earlier come first.
    pub fn plan(&self, fault: Fault, extension: &'static str, after: usize) {
        self.world().planned.push_back(Planned { fault, extension, after });
    }

    /// How many planned faults have not come yet.
    pub fn planned_count(&self) -> usize {
        self.world().planned.len()
    }

    /// The room that the disk says it has.
    pub fn set_space(&self, space: Space) {
        self.world().space = Some(space);
    }

    /// Puts a remark between the operations.
    pub fn note(&self, remark: impl Into<String>) {
        self.world().operations.push(Operation::Note(remark.into()));
    }

    /// What was done so far.
    pub fn operations(&self) -> Vec<Operation> {
        self.world().operations.clone()
    }

    /// Makes the files what a power cut would leave, and the next boot another one. No file may be
    /// open.
    pub fn power_cut(&self, left: Left) -> io::Result<()> {
        let mut world = self.world();
        world.planned.clear();
        world.boot += 1;
        let mut chance = Chance { left, state: 0 };
        if let Left::Some(seed) = left {
            chance.state = seed;
        }
        let names: BTreeSet<PathBuf> =
            world.names.keys().chain(world.durable_names.keys()).cloned().collect();
        let mut images = BTreeMap::new();
        for name in names {
            let (now, durable) = (world.names.get(&name), world.durable_names.get(&name));
            let chosen = if now == durable || chance.keeps() { now } else { durable };
            let Some(content) = chosen.and_then(|chosen| world.contents.get(*chosen)) else {
                continue;
            };
            let written = fs::read(&content.path).unwrap_or_else(|_| content.durable.clone());
            images.insert(name, chance.mix(&content.durable, &written));
        }
        let old: Vec<_> = world.names.keys().cloned().collect();
        for name in old {
            fs::remove_file(name)?;
        }
        world.names.clear();
        world.contents.clear();
        for (name, image) in images {
            fs::write(&name, &image)?;
            let id = world.contents.len();
            world.contents.push(Content { path: name.clone(), durable: image, lost: false });
            world.names.insert(name, id);
        }
        world.durable_names = world.names.clone();
        Ok(())
    }

    fn world(&self) -> MutexGuard<'_, World> {
        locked(&self.world)
    }

    fn handle(&self, inner: Arc<dyn Handle>, path: &Path) -> io::Result<Arc<dyn Handle>> {
        let mut world = self.world();
        let content = if let Some(content) = world.names.get(path) {
            *content
        } else {
            // It was there before; a test that begins with it may rely on it.
            let durable = read_all(inner.as_ref())?;
            let content = world.add(path, durable);
            world.durable_names.insert(path.to_owned(), content);
            content
        };
        drop(world);
        Ok(Arc::new(FaultHandle { inner, content, world: Arc::clone(&self.world) }))
    }
}

/// Which of the bytes and names that were not synced are left.
struct Chance {
    left: Left,
    state: u64,
}

impl Chance {
    fn keeps(&mut self) -> bool {
        match self.left {
            Left::Nothing => false,
            Left::Everything => true,
            Left::Some(_) => {
                // SplitMix64: a plain generator, so that a seed says everything.
                self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                (mixed ^ (mixed >> 31)) & 1 == 1
            }
        }
    }

    fn mix(&mut self, durable: &[u8], written: &[u8]) -> Vec<u8> {
        let mut image = Vec::with_capacity(durable.len().max(written.len()));
        let length = if self.keeps() { written.len() } else { durable.len() };
        let mut at = 0;
        while at < length {
            let end = (at + SECTOR_BYTES).min(length);
            let old = durable.get(at..end.min(durable.len())).unwrap_or_default();
            let new = written.get(at..end.min(written.len())).unwrap_or_default();
            let sector = if old == new || self.keeps() { new } else { old };
            image.extend_from_slice(sector);
            image.resize(end, 0);
            at = end;
        }
        image
    }
}

impl World {
    fn add(&mut self, path: &Path, durable: Vec<u8>) -> usize {
        self.contents.push(Content { path: path.to_owned(), durable, lost: false });
        self.names.insert(path.to_owned(), self.contents.len() - 1);
        self.contents.len() - 1
    }

    fn path(&self, content: usize) -> PathBuf {
        self.contents.get(content).map(|content| content.path.clone()).unwrap_or_default()
    }

    /// Nothing of this content can be read any more but what was durable.
    fn forget_path(&mut self, content: usize) {
        if let Some(content) = self.contents.get_mut(content) {
            content.path = PathBuf::new();
        }
    }

    /// The fault that is due, if the next one is of this kind and for this file.
    fn due(&mut self, path: &Path, sync: bool) -> Option<Fault> {
        let next = self.planned.front_mut()?;
        let of_kind = (next.fault == Fault::Sync) == sync;
        let of_file = path.extension().is_some_and(|extension| extension == next.extension);
        if !of_kind || !of_file {
            return None;
        }
        if next.after > 0 {
            next.after -= 1;
            return None;
        }
        self.operations.push(Operation::Fail(path.to_owned()));
        self.planned.pop_front().map(|planned| planned.fault)
    }
}

impl Files for FaultFiles {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Handle>> {
        let inner = SystemFiles.create(path)?;
        let mut world = self.world();
        world.add(path, Vec::new());
        world.operations.push(Operation::Create(path.to_owned()));
        drop(world);
        self.handle(inner, path)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn Handle>> {
        self.handle(SystemFiles.open(path)?, path)
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn Handle>> {
        self.handle(SystemFiles.open_read(path)?, path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemFiles.rename(from, to)?;
        let mut world = self.world();
        if let Some(content) = world.names.remove(from) {
            if let Some(replaced) = world.names.insert(to.to_owned(), content) {
                world.forget_path(replaced);
            }
            if let Some(content) = world.contents.get_mut(content) {
                to.clone_into(&mut content.path);
            }
        }
        world.operations.push(Operation::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemFiles.remove(path)?;
        let mut world = self.world();
        if let Some(removed) = world.names.remove(path) {
            world.forget_path(removed);
        }
        world.operations.push(Operation::Remove(path.to_owned()));
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        SystemFiles.list(directory)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        SystemFiles.sync_directory(directory)?;
        let mut world = self.world();
        let inside = |path: &PathBuf| path.parent() == Some(directory);
        world.durable_names.retain(|path, _| !inside(path));
        let now: Vec<_> = world
            .names
            .iter()
            .filter(|(path, _)| inside(path))
            .map(|(path, content)| (path.clone(), *content))
            .collect();
        world.durable_names.extend(now);
        world.operations.push(Operation::SyncDirectory(directory.to_owned()));
        Ok(())
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        match self.world().space {
            Some(space) => Ok(space),
            None => SystemFiles.space(path),
        }
    }

    fn boot_id(&self) -> io::Result<String> {
        Ok(format!("boot {}", self.world().boot))
    }
}

impl Handle for FaultHandle {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut world = locked(&self.world);
        let path = world.path(self.content);
        let (count, kind) = match world.due(&path, false) {
            None | Some(Fault::Sync) => {
                self.inner.write_at(bytes, offset)?;
                world.operations.push(Operation::Write(path, offset, bytes.len()));
                return Ok(());
            }
            Some(Fault::Write) => (0, io::ErrorKind::Other),
            Some(Fault::ShortWrite(count)) => (count, io::ErrorKind::WriteZero),
            Some(Fault::DiskFull(count)) => (count, io::ErrorKind::StorageFull),
        };
        self.inner.write_at(bytes.get(..count).unwrap_or(bytes), offset)?;
        Err(io::Error::new(kind, "a write was made to fail"))
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(into, offset)
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = locked(&self.world);
        let path = world.path(self.content);
        let fails = world.due(&path, true).is_some();
        if fails {
            if let Some(content) = world.contents.get_mut(self.content) {
                content.lost = true;
            }
            return Err(io::Error::other("a sync was made to fail"));
        }
        self.inner.sync()?;
        let written = read_all(self.inner.as_ref())?;
        if let Some(content) = world.contents.get_mut(self.content)
            && !content.lost
        {
            content.durable = written;
        }
        world.operations.push(Operation::Sync(path));
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }
}

fn locked(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

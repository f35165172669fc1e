//! A file as it is written: part by part, never all of it in memory.

use crate::{
    domain::{
        merkle,
        underwriting::{FORMAT, Sources, said},
    },
    kernel::{
        id::{BuildingId, SubjectId},
        position::{Position, Seq},
        time::{Day, ReadTime},
    },
    registry::{
        audit::SUITE,
        engine::Registry,
        entry::Entry,
        error::{Class, Error, Refusal},
        history::{entry_numbers, timeline_at},
        state::{Live, State},
        underwriting::{
            form::{Chapter, EntryLine, Header, OlderTree, Tree, Writer, hex},
            gather::{Planned, chapters},
            reach::{Judge, ReaderReach},
        },
        work::{StateTiles, tree_error},
    },
};

/// Bytes of a part, at least, but for the last one.
const PART_BYTES: usize = 64 * 1024;
/// Entries read at a time.
const ENTRIES_AT_ONCE: usize = 32;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The building.
    pub building: BuildingId,
    /// On which day, by which knowledge.
    pub time: ReadTime,
    /// For whom.
    pub reader: ReaderReach,
    /// The size of an older tree of which the file is to show that its tree grew out of it.
    pub since: Option<u64>,
}

/// A file that is being written.
pub struct UnderwritingFile {
    at: Position,
    day: Day,
    judge: Judge,
    header: Option<Box<Header>>,
    planned: std::vec::IntoIter<Planned>,
    current: Option<Current>,
    writer: Writer,
    is_over: bool,
}

/// The chapter that is being written.
struct Current {
    planned: Planned,
    /// The entries that are still to be written.
    left: std::vec::IntoIter<Seq>,
    sources: Sources,
}

impl UnderwritingFile {
    /// Plans a file. Refuses a building that was not known then (`NOT_FOUND`), knowledge of moments
    /// and entries to come, and an older tree that is the larger one (`BEYOND_SIZE`).
    pub fn open(registry: &Registry, question: Question) -> Result<Self, Error> {
        let Question { building, time, reader, since } = question;
        let at = registry.position(building.partition(), time.known_at)?;
        let day = time.valid_at.unwrap_or_else(|| registry.now().day());
        let tree = registry.checkpoint(at.partition, Some(at.seq))?;
        let older = since.map(|size| older(registry, at, size)).transpose()?;
        let mut judge = Judge::new(reader, building, at, tree.stamp);
        let read_at = judge.positions(registry)?;
        let planned = chapters(registry, &mut judge, building, at, day)?;
        let header = Header {
            format: FORMAT,
            registry: hex(&tree.registry),
            building: building.to_string(),
            valid_at: day.to_string(),
            known_at: at.to_string(),
            recorded: tree.stamp.to_string(),
            read_at: read_at.iter().map(ToString::to_string).collect(),
            reader: judge.reader().stated(),
            tree: Tree { suite: SUITE.to_owned(), size: tree.size, root: tree.root.to_string() },
            older,
        };
        Ok(Self {
            at,
            day,
            judge,
            header: Some(Box::new(header)),
            planned: planned.into_iter(),
            current: None,
            writer: Writer::default(),
            is_over: false,
        })
    }

    /// The position at which it is read: asked for again with it, the file is the same.
    pub const fn position(&self) -> Position {
        self.at
    }

    /// The next part; `None` behind the last.
    pub fn next_part(&mut self, registry: &Registry) -> Result<Option<Vec<u8>>, Error> {
        let mut part = Vec::new();
        while part.len() < PART_BYTES && !self.is_over {
            self.step(registry, &mut part)?;
        }
        Ok((!part.is_empty()).then_some(part))
    }

    fn step(&mut self, registry: &Registry, part: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(header) = self.header.take() {
            return self.writer.header(&header, part);
        }
        if let Some(mut current) = self.current.take() {
            if current.left.len() > 0 {
                self.entries(registry, &mut current, part)?;
                self.current = Some(current);
                return Ok(());
            }
            return self.items(registry, current, part);
        }
        if let Some(planned) = self.planned.next() {
            self.begin(registry, planned, part)
        } else {
            self.is_over = true;
            self.writer.end(part)
        }
    }

    fn begin(
        &mut self,
        registry: &Registry,
        planned: Planned,
        part: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut numbers = Vec::new();
        if let Some(subject) = planned.subject {
            let state = Live(registry.store());
            let record = state.record(self.at.partition, subject)?.ok_or_else(|| gone(subject))?;
            numbers = entry_numbers(&state, self.at.partition, subject, &record)?;
            numbers.retain(|seq| *seq <= self.at.seq);
        }
        let chapter = Chapter {
            chapter: planned.of,
            subject: planned.subject.map(|subject| subject.to_string()),
            entry_count: u64::try_from(numbers.len()).unwrap_or(u64::MAX),
        };
        self.writer.chapter(&chapter, part)?;
        let left = numbers.into_iter();
        self.current = Some(Current { planned, left, sources: Sources::default() });
        Ok(())
    }

    fn entries(
        &mut self,
        registry: &Registry,
        current: &mut Current,
        part: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let numbers: Vec<Seq> = current.left.by_ref().take(ENTRIES_AT_ONCE).collect();
        let state = Live(registry.store());
        let tiles = StateTiles { state: &state, partition: self.at.partition };
        for bytes in state.entries_at(self.at.partition, &numbers)? {
            let (entry, _) = Entry::decode(&bytes)?;
            let shown = self.judge.shown(registry, &entry, bytes)?;
            let (seen, _) = Entry::decode(&shown)?;
            let sentences = seen.text.map(|text| text.sentences).unwrap_or_default();
            current.sources.put(entry.seq, entry.stamp, sentences);
            let proof = merkle::inclusion(&tiles, entry.seq.saturating_sub(1), self.at.seq);
            let proof = proof.map_err(tree_error)?;
            let line = EntryLine {
                entry: entry.seq,
                recorded: entry.stamp.to_string(),
                bytes: hex(&shown),
                proof: proof.iter().map(ToString::to_string).collect(),
            };
            self.writer.entry(&line, part)?;
        }
        Ok(())
    }

    fn items(
        &mut self,
        registry: &Registry,
        current: Current,
        part: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let Current { planned, sources, .. } = current;
        if let Some(subject) = planned.subject {
            let state = Live(registry.store());
            let life = timeline_at(&state, self.at.partition, subject, Some(self.at.seq))?;
            let life = life.ok_or_else(|| gone(subject))?;
            for item in said(subject, &life, self.day, &sources) {
                self.writer.item(&item, part)?;
            }
        }
        for item in planned.items {
            self.writer.item(&item, part)?;
        }
        Ok(())
    }
}

fn gone(subject: SubjectId) -> Error {
    Error::damaged_state(format!("the record of {subject}"))
}

/// An older tree, and the proof that the file's grew out of it.
fn older(registry: &Registry, at: Position, size: u64) -> Result<OlderTree, Error> {
    if size > at.seq {
        let message = "the older tree is the smaller one";
        return Err(Error::refused(Refusal::of(
            Class::Invalid,
            "BEYOND_SIZE",
            "since_size",
            message,
        )));
    }
    let (older, _, proof) = registry.consistency(at.partition, size, Some(at.seq))?;
    Ok(OlderTree {
        size,
        root: older.root.to_string(),
        consistency: proof.iter().map(ToString::to_string).collect(),
    })
}

//! A file checked without the registry that wrote it: line by line, one chapter in memory at a time.
//!
//! Of every entry it is seen that it is in the tree with the header's root, of every chapter that its
//! entries have no gap, and of every item that says to follow from entries that it does: it is found
//! anew from them. What the registry reckons is taken for its word and counted as that.

use std::io::{self, BufRead, Read as _};

use crate::{
    domain::{
        merkle,
        timeline::Timeline,
        underwriting::{Item, Sources, Worth, not_recorded, said},
    },
    kernel::{
        hash::Hash,
        id::{Kind, SubjectId},
        position::{Partition, Position, Seq},
        time::Day,
    },
    registry::{
        audit::SUITE,
        entry::Entry,
        history::statement_of,
        proved::open_entry,
        underwriting::{
            form::{
                Chapter, Counts, EntryLine, Header, LINE_BYTES_MAX, Line, Lines, Of, OlderTree,
                hex, unhex,
            },
            reckon,
        },
    },
};

/// Things that are told to be wrong; more are counted.
const WRONG_TOLD_MAX: usize = 100;

/// A tree that is known from elsewhere: a checkpoint that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownTree {
    /// The registry: 32 hexadecimal digits.
    pub registry: String,
    /// The partition's number.
    pub partition: u32,
    /// How many entries it has.
    pub size: u64,
    /// Its root: 64 hexadecimal digits.
    pub root: String,
    /// Older trees that it is shown to have grown out of.
    pub older: Option<OlderTree>,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The line, from 1.
    pub line: u64,
    /// What, in one sentence.
    pub what: String,
}

/// What a check came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The header, when it can be read.
    pub header: Option<Header>,
    /// What the file has.
    pub counts: Counts,
    /// Items that were found anew from the entries.
    pub said: u64,
    /// Items that are the registry's word.
    pub reckoned: u64,
    /// Items that are withheld.
    pub withheld: u64,
    /// Parts of entries that are withheld.
    pub withheld_parts: u64,
    /// Parts of entries that were erased for ever, by the registry's word.
    pub erased_parts: u64,
    /// How the tree that was kept fits, when there is one and it does.
    pub kept: Option<String>,
    /// What does not hold, up to a number.
    pub wrong: Vec<Wrong>,
    /// How many more things do not hold.
    pub more_wrong: u64,
}

impl Checked {
    /// Whether all of it holds.
    pub fn is_fine(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// Checks a file. `each` is handed every line that can be read, in order.
pub fn check<R: BufRead>(
    input: &mut R,
    against: Option<&KnownTree>,
    each: &mut dyn FnMut(&Line),
) -> io::Result<Checked> {
    let mut checking = Checking::default();
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
        if input.by_ref().take(limit).read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        checking.number += 1;
        if bytes.pop() != Some(b'\n') {
            checking.wrong(
                "it does not end with a line feed: the file was cut short, or the line is too long",
            );
            skip_line(input)?;
            checking.harmed();
            continue;
        }
        match checking.lines.read(&bytes) {
            Ok(line) => {
                each(&line);
                checking.take(line);
            }
            Err(broken) => {
                checking.wrong(&broken.to_string());
                checking.harmed();
            }
        }
    }
    checking.number += 1;
    if !checking.is_over {
        checking.wrong("the file has no end: lines are missing");
    }
    checking.compare(against);
    checking.checked.counts = checking.counts;
    Ok(checking.checked)
}

fn skip_line<R: BufRead>(input: &mut R) -> io::Result<()> {
    loop {
        let held = input.fill_buf()?;
        if held.is_empty() {
            return Ok(());
        }
        let end = held.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(held.len(), |at| at + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

#[derive(Default)]
struct Checking {
    lines: Lines,
    number: u64,
    checked: Checked,
    counts: Counts,
    frame: Option<Frame>,
    open: Option<Open>,
    last_of: Option<Of>,
    is_over: bool,
    /// Whether a line before this one could not be read: what it said is not known.
    is_harmed: bool,
}

/// What the header says, read.
#[derive(Clone)]
struct Frame {
    registry: String,
    building: SubjectId,
    day: Day,
    partition: Partition,
    size: u64,
    root: Hash,
}

/// The chapter that is being read.
struct Open {
    chapter: Chapter,
    subject: Option<SubjectId>,
    life: Timeline,
    sources: Sources,
    seen: u64,
    last: Option<(Seq, Hash)>,
    /// What follows from the entries and has not come yet, once the first item came.
    expected: Option<std::vec::IntoIter<Item>>,
    /// Whether something in it does not hold: what follows from it is not looked at.
    is_broken: bool,
}

impl Checking {
    fn wrong(&mut self, what: &str) {
        if self.checked.wrong.len() < WRONG_TOLD_MAX {
            self.checked.wrong.push(Wrong { line: self.number, what: what.to_owned() });
        } else {
            self.checked.more_wrong += 1;
        }
    }

    /// A line could not be read: what depends on it is not judged by it.
    fn harmed(&mut self) {
        self.counts.lines += 1;
        self.is_harmed = true;
        if let Some(open) = &mut self.open {
            open.is_broken = true;
        }
    }

    fn take(&mut self, line: Line) {
        self.counts.lines += 1;
        if self.is_over {
            self.wrong("there is something behind the end");
            return;
        }
        if self.number == 1 && !matches!(line, Line::Header(_)) {
            self.wrong("the first line is not the header of such a file");
        }
        match line {
            Line::Header(header) => self.header(*header),
            Line::Chapter(chapter) => self.begin(chapter),
            Line::Entry(entry) => {
                self.counts.entries += 1;
                if let Err(what) = self.entry(&entry) {
                    self.wrong(&what);
                    if let Some(open) = &mut self.open {
                        open.is_broken = true;
                    }
                }
            }
            Line::Item(item) => {
                self.counts.items += 1;
                if let Err(what) = self.item(&item) {
                    self.wrong(&what);
                }
            }
            Line::End(counts) => self.end(counts),
        }
    }

    fn header(&mut self, header: Header) {
        if self.number != 1 {
            self.wrong("there is a second header");
            return;
        }
        match frame(&header) {
            Ok(frame) => self.frame = Some(frame),
            Err(what) => self.wrong(&what),
        }
        self.checked.header = Some(header);
    }

    fn begin(&mut self, chapter: Chapter) {
        self.close();
        self.counts.chapters += 1;
        if self.last_of.is_some_and(|last| chapter.chapter < last) {
            self.wrong("the chapter stands in another order than the format has");
        }
        let is_first = self.last_of.is_none() && !self.is_harmed;
        if is_first && chapter.chapter != Of::Building {
            self.wrong("the first chapter is that of the building");
        }
        self.last_of = Some(chapter.chapter);
        let subject = chapter.subject.as_deref().map(str::parse::<SubjectId>);
        let subject = match subject {
            Some(Ok(subject)) if Some(subject.kind()) == kind_of(chapter.chapter) => Some(subject),
            None if chapter.chapter == Of::NotRecorded && chapter.entry_count == 0 => None,
            _ => {
                self.wrong("the chapter is not of such a subject");
                None
            }
        };
        let building = self.frame.as_ref().map(|frame| frame.building);
        if chapter.chapter == Of::Building && building.is_some() && subject != building {
            self.wrong("the chapter is of another building than the header names");
        }
        self.open = Some(Open {
            chapter,
            subject,
            life: Timeline::default(),
            sources: Sources::default(),
            seen: 0,
            last: None,
            expected: None,
            is_broken: self.frame.is_none(),
        });
    }

    fn entry(&mut self, line: &EntryLine) -> Result<(), String> {
        let outside = || "an entry stands outside a chapter".to_owned();
        let open = self.open.as_mut().ok_or_else(outside)?;
        let Some(frame) = &self.frame else { return Ok(()) };
        let subject = open.subject.ok_or("this chapter has no entries")?;
        if open.expected.is_some() {
            return Err("an entry stands behind the items".to_owned());
        }
        let (entry, leaf, gone) = proved(line, frame)?;
        self.checked.withheld_parts += gone.withheld;
        self.checked.erased_parts += gone.erased;
        let own = entry.subjects.iter().find(|other| other.subject == subject);
        let own = own.ok_or_else(|| format!("the entry is not about {subject}"))?;
        open.seen += 1;
        if !open.is_broken {
            let before = (own.previous_seq, own.previous_leaf);
            let last = open.last.map_or((0, None), |(seq, leaf)| (seq, Some(leaf)));
            if before != last || own.entry_count != open.seen {
                let told = own.entry_count;
                return Err(format!(
                    "by its own word it is entry {told} of {subject}, behind entry {}: entries are \
                     missing, or in another order",
                    own.previous_seq
                ));
            }
        }
        open.last = Some((entry.seq, leaf));
        if let Some(statement) = statement_of(&entry, subject) {
            open.life.push(statement, &entry.corrects);
        }
        let sentences = entry.text.map(|text| text.sentences).unwrap_or_default();
        open.sources.put(entry.seq, entry.stamp, sentences);
        Ok(())
    }

    fn item(&mut self, item: &Item) -> Result<(), String> {
        match item.is {
            Worth::Reckoned => self.checked.reckoned += 1,
            Worth::Withheld => self.checked.withheld += 1,
            Worth::Said | Worth::Unknown | Worth::NotRecorded => {}
        }
        let outside = || "an item stands outside a chapter".to_owned();
        let open = self.open.as_mut().ok_or_else(outside)?;
        let Some(frame) = self.frame.as_ref().filter(|_| !open.is_broken) else { return Ok(()) };
        if open.expected.is_none() {
            let count = open.chapter.entry_count;
            if open.seen != count {
                open.is_broken = true;
                return Err(format!(
                    "the chapter was to have {count} entries, and {} stand before its items",
                    open.seen
                ));
            }
            open.expected = Some(expected(open, frame.day).into_iter());
        }
        if let Some(should) = open.expected.as_mut().and_then(Iterator::next) {
            if should == *item {
                self.checked.said += 1;
                return Ok(());
            }
            open.is_broken = true;
            let should = serde_json::to_string(&should).unwrap_or_default();
            return Err(format!(
                "the item does not follow from the entries, by which it is {should}"
            ));
        }
        let is_known = reckon::WORDS.binary_search(&item.item.as_str()).is_ok()
            && matches!(item.is, Worth::Reckoned | Worth::Withheld | Worth::Unknown);
        if !is_known {
            return Err("no entry says this item, and the registry reckons no such".to_owned());
        }
        match item.entries.iter().find(|seq| !open.sources.has(**seq)) {
            Some(seq) => {
                Err(format!("the item rests on entry {seq}, which the chapter does not have"))
            }
            None => Ok(()),
        }
    }

    /// Ends the chapter that is being read: nothing that follows from its entries may be missing.
    fn close(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        let Some(frame) = self.frame.as_ref().filter(|_| !open.is_broken) else { return };
        if open.seen != open.chapter.entry_count {
            self.wrong("the chapter before this line has fewer or more entries than it says");
            return;
        }
        let expected = match open.expected.take() {
            Some(expected) => expected,
            None => expected(&open, frame.day).into_iter(),
        };
        if let Some(missing) = expected.into_iter().next() {
            let missing = serde_json::to_string(&missing).unwrap_or_default();
            self.wrong(&format!("the chapter before this line lacks the item {missing}"));
        }
    }

    fn end(&mut self, told: Counts) {
        self.close();
        self.is_over = true;
        if self.last_of != Some(Of::NotRecorded) && !self.is_harmed {
            self.wrong("the chapter of what is not recorded is missing");
        }
        if told != self.counts && !self.is_harmed {
            self.wrong("the file has fewer or more lines than its end says");
        }
    }

    fn compare(&mut self, against: Option<&KnownTree>) {
        let (Some(kept), Some(header)) = (against, self.checked.header.clone()) else { return };
        let Some(frame) = self.frame.clone() else { return };
        self.number = 1;
        match fits(kept, &header, &frame) {
            Ok(how) => self.checked.kept = Some(how),
            Err(what) => self.wrong(&what),
        }
    }
}

/// The items that follow from what a chapter's entries say.
fn expected(open: &Open, day: Day) -> Vec<Item> {
    match open.subject {
        Some(subject) => said(subject, &open.life, day, &open.sources),
        None => not_recorded(),
    }
}

fn kind_of(of: Of) -> Option<Kind> {
    Some(match of {
        Of::Building | Of::Predecessor | Of::Successor | Of::PhysicalBuilding => Kind::Building,
        Of::Compound => Kind::Compound,
        Of::Region => Kind::Region,
        Of::Report => Kind::Report,
        Of::Body => Kind::Body,
        Of::Finding => Kind::Finding,
        Of::Order => Kind::Order,
        Of::Policy => Kind::Policy,
        Of::Claim => Kind::Claim,
        Of::Work => Kind::Work,
        Of::Reference => Kind::Reference,
        Of::NotRecorded => return None,
    })
}

fn frame(header: &Header) -> Result<Frame, String> {
    let building = header.building.parse::<SubjectId>().map_err(|error| error.to_string())?;
    if building.kind() != Kind::Building {
        return Err("the header names no building".to_owned());
    }
    let day = header.valid_at.parse().map_err(|_| "valid_at is no day".to_owned())?;
    let known: Position =
        header.known_at.parse().map_err(|_| "known_at is no position".to_owned())?;
    if header.tree.suite != SUITE {
        return Err(format!("the hash suite {:?} is not known here", header.tree.suite));
    }
    if known.seq != header.tree.size || building.partition() != known.partition {
        return Err("the tree is not that of the position".to_owned());
    }
    if header.read_at.first() != Some(&header.known_at) {
        return Err("the file was not read at the position that it names".to_owned());
    }
    let root = read_hash(&header.tree.root)?;
    if let Some(older) = &header.older {
        let path = read_hashes(&older.consistency)?;
        merkle::verify_consistency(older.size, read_hash(&older.root)?, known.seq, root, &path)
            .map_err(|error| format!("the tree did not grow out of the older one: {error}"))?;
    }
    Ok(Frame {
        registry: header.registry.clone(),
        building,
        day,
        partition: known.partition,
        size: header.tree.size,
        root,
    })
}

/// Parts of an entry that are not there.
#[derive(Default)]
struct NotThere {
    withheld: u64,
    erased: u64,
}

/// An entry that is what its envelope says, and in the tree.
fn proved(line: &EntryLine, frame: &Frame) -> Result<(Entry, Hash, NotThere), String> {
    let bytes = unhex(&line.bytes).ok_or("the entry's bytes are not hexadecimal")?;
    let opened = open_entry(&bytes).map_err(|error| format!("the entry: {error}"))?;
    let position = Position { partition: frame.partition, seq: line.entry };
    if opened.position != position {
        return Err(format!("the entry calls itself {}, not {position}", opened.position));
    }
    if hex(&opened.registry) != frame.registry {
        return Err("the entry is of another registry".to_owned());
    }
    if opened.stamp.to_string() != line.recorded {
        return Err(format!(
            "the entry was recorded at {}, not at {}",
            opened.stamp, line.recorded
        ));
    }
    if let Some(part) = opened.parts.iter().position(|part| !part.is_as_named()) {
        return Err(format!("part {} of the entry is not what the envelope says", part + 1));
    }
    let leaf = merkle::leaf_hash(&opened.envelope);
    let index = line.entry.checked_sub(1).ok_or("entries are numbered from 1")?;
    let path = read_hashes(&line.proof)?;
    merkle::verify_inclusion(leaf, index, frame.size, &path, frame.root)
        .map_err(|error| format!("the entry is not in the tree: {error}"))?;
    let mut gone = NotThere::default();
    for part in opened.parts.iter().filter(|part| part.shown.is_none()) {
        if part.is_blanked {
            gone.erased += 1;
        } else {
            gone.withheld += 1;
        }
    }
    let (entry, _) = Entry::decode(&bytes).map_err(|_| "the entry cannot be read".to_owned())?;
    Ok((entry, leaf, gone))
}

/// How a tree that was kept and that of a file belong together.
fn fits(kept: &KnownTree, header: &Header, frame: &Frame) -> Result<String, String> {
    let is_of_same = kept.partition == frame.partition.number()
        && kept.registry.eq_ignore_ascii_case(&frame.registry);
    if !is_of_same {
        return Err(
            "the tree that was kept is another registry's, or another partition's".to_owned()
        );
    }
    let kept_root = read_hash(&kept.root)?;
    if kept.size == frame.size {
        if kept_root != frame.root {
            return Err(format!(
                "the trees of {} entries have different roots: somebody was shown another past",
                kept.size
            ));
        }
        return Ok(format!("the tree of {} entries that was kept is that of the file", kept.size));
    }
    if let Some(older) = header.older.as_ref().filter(|older| older.size == kept.size) {
        if read_hash(&older.root)? != kept_root {
            return Err(format!(
                "the tree of {} entries that was kept is not the one that the file's grew out of: \
                 somebody was shown another past",
                kept.size
            ));
        }
        return Ok(format!(
            "the file's tree grew out of the one of {} entries that was kept",
            kept.size
        ));
    }
    if let Some(older) = kept.older.as_ref().filter(|older| older.size == frame.size) {
        let path = read_hashes(&older.consistency)?;
        merkle::verify_consistency(frame.size, frame.root, kept.size, kept_root, &path).map_err(
            |error| format!("the tree that was kept did not grow out of the file's: {error}"),
        )?;
        return Ok(format!(
            "the tree of {} entries that was kept grew out of the file's",
            kept.size
        ));
    }
    Err(format!(
        "nothing shows how the tree of {} entries that was kept and the file's of {} belong together: \
         fetch the file anew with --since, or a proof with --since the file",
        kept.size, frame.size
    ))
}

fn read_hash(text: &str) -> Result<Hash, String> {
    Hash::from_hex(text).ok_or_else(|| "a hash is not 64 hexadecimal digits".to_owned())
}

fn read_hashes(texts: &[String]) -> Result<Vec<Hash>, String> {
    texts.iter().map(|text| read_hash(text)).collect()
}

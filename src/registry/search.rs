//! Search by outside number, by name and address text, by place.
//!
//! All of them walk ever keys, fold each candidate to the time of the read and keep what held then,
//! so that a search of the past finds what was there in the past.

use std::collections::BTreeSet;

use crate::{
    domain::{
        content::Content,
        place::{BoundingBox, cells},
        text::{self, Query},
    },
    kernel::{
        id::{Kind, SubjectId},
        limit,
        page::{Page, PageRequest},
        position::Partition,
        time::ReadTime,
    },
    registry::{
        apply::{place_key, point_key},
        engine::Registry,
        error::{Class, Error, Refusal},
        read::{At, Seen, is_listed, leads_to, see},
        record::read,
        space::{Space, after, below, key, subject_at_end, text_key},
        state::{Live, State},
    },
    store::{Direction, KeyRange},
};

/// Shapes of texts that one search looks at.
const SHAPES_MAX: usize = 5_000;
/// Key ranges that a box may have.
const BOX_RANGES_MAX: usize = 2_000;

/// What is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    /// An outside number: scheme and value.
    Identifier(String, String),
    /// Words of a name or address.
    Text(String),
    /// What lies in a box.
    Box(BoundingBox),
}

/// A search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Where.
    pub partition: Partition,
    /// For what.
    pub sought: Sought,
    /// Of which kinds.
    pub kinds: Vec<Kind>,
    /// Only below this region or compound.
    pub below: Option<SubjectId>,
}

/// A page under way.
struct Found<'a> {
    state: &'a dyn State,
    search: &'a Search,
    at: At,
    rows: Vec<Seen>,
    rows_max: usize,
    folded: usize,
    seen: BTreeSet<SubjectId>,
    last: Vec<u8>,
}

impl Registry {
    /// Searches. A page folds at most 2 000 candidates and may be short.
    pub fn search(
        &self,
        search: &Search,
        time: ReadTime,
        page: &PageRequest,
    ) -> Result<Page<Seen>, Error> {
        let at = self.at(search.partition, time)?;
        let live = Live(self.store());
        let mut found = Found {
            state: &live,
            search,
            at,
            rows: Vec::new(),
            rows_max: page.rows,
            folded: 0,
            seen: BTreeSet::new(),
            last: Vec::new(),
        };
        let ranges = match &search.sought {
            Sought::Identifier(scheme, value) => {
                vec![below(text_key(search.partition, Space::Identifier, &[scheme, value]))]
            }
            Sought::Text(words) => text_ranges(&live, search.partition, words)?,
            Sought::Box(wanted) => box_ranges(search, wanted)?,
        };
        let is_whole = found.walk(&ranges, &page.after)?;
        let next = (!is_whole).then_some(found.last);
        Ok(Page { rows: found.rows, next })
    }
}

impl Found<'_> {
    /// Walks the ranges in order from a key on; `false` when the page is full before the end.
    fn walk(&mut self, ranges: &[KeyRange], cursor: &[u8]) -> Result<bool, Error> {
        for range in ranges {
            if !cursor.is_empty() && range.to.as_slice() <= cursor {
                continue;
            }
            let mut range = range.clone();
            if !cursor.is_empty() {
                range = after(range, cursor);
            }
            loop {
                let keys = self.state.scan(&range, Direction::Up, 256)?;
                let is_end = keys.len() < 256;
                for (key, _) in &keys {
                    let is_full = self.rows.len() >= self.rows_max
                        || self.folded >= limit::FOLDS_PER_PAGE_MAX;
                    if is_full {
                        return Ok(false);
                    }
                    self.take(key)?;
                }
                match keys.last() {
                    Some((key, _)) if !is_end => range = after(range, key),
                    _ => break,
                }
            }
        }
        Ok(true)
    }

    fn take(&mut self, key: &[u8]) -> Result<(), Error> {
        self.last = key.to_vec();
        let Some(id) = subject_at_end(key) else { return Ok(()) };
        let is_placed = matches!(self.search.sought, Sought::Box(_));
        if !self.search.kinds.contains(&id.kind()) || (!is_placed && !self.seen.insert(id)) {
            return Ok(());
        }
        self.folded += 1;
        let partition = self.search.partition;
        let Some(seen) = see(self.state, partition, id, self.at)? else { return Ok(()) };
        if seen.exists_from.is_none() || !self.holds(&seen) {
            return Ok(());
        }
        // One that was moved is met where it was, too: it belongs where it is.
        if is_placed
            && seen.content.location().is_none_or(|point| point_key(partition, id, point) != key)
        {
            return Ok(());
        }
        // A subject may be met by several keys; it belongs to the first that leads to it.
        if self.first_key(id, &seen.content)?.is_some_and(|first| first.as_slice() < key) {
            return Ok(());
        }
        if let Some(holder) = self.search.below
            && holder != id
            && !leads_to(self.state, partition, &seen.content, &[holder], self.at)?
        {
            return Ok(());
        }
        self.rows.push(seen);
        Ok(())
    }

    /// Whether the candidate had what is sought at the time of the read. What is sought by its place
    /// is a list, of what is there; a number or name is also that of what is no more.
    fn holds(&self, seen: &Seen) -> bool {
        let content = &seen.content;
        match &self.search.sought {
            Sought::Identifier(scheme, value) => content
                .shared
                .identifiers
                .get(scheme)
                .is_some_and(|values| values.iter().any(|other| other == value)),
            Sought::Text(words) => {
                let query = text::query(words);
                matches_any(&query, content)
            }
            Sought::Box(wanted) => {
                is_listed(seen.presence)
                    && content
                        .location()
                        .is_some_and(|point| wanted.contains(point).unwrap_or(false))
            }
        }
    }

    /// The first key of the search's ranges by which a subject is met for what holds now.
    fn first_key(&self, id: SubjectId, content: &Content) -> Result<Option<Vec<u8>>, Error> {
        let Sought::Text(words) = &self.search.sought else { return Ok(None) };
        let query = text::query(words);
        let texts = content.searched_texts();
        let mut first = None;
        for text in texts.iter().filter(|text| text::matches(&query, text)) {
            let shape = text::shape(text);
            let shape_key = text_key(self.search.partition, Space::Shape, &[&shape.shape]);
            let Some(bytes) = self.state.get(&shape_key)? else { continue };
            let number: u32 = read(&bytes)?;
            let mut key = key(self.search.partition, Space::Posting);
            key.extend_from_slice(&number.to_be_bytes());
            key.extend_from_slice(&text::posting_key(&shape.numbers));
            key.extend_from_slice(&id.to_bytes());
            if first.as_ref().is_none_or(|first| key < *first) {
                first = Some(key);
            }
        }
        Ok(first)
    }
}

/// Whether one of the names and addresses matches, or all of them together.
fn matches_any(query: &Query, content: &Content) -> bool {
    let texts = content.searched_texts();
    texts.iter().any(|text| text::matches(query, text))
}

/// The postings of all shapes that can match.
fn text_ranges(
    state: &dyn State,
    partition: Partition,
    words: &str,
) -> Result<Vec<KeyRange>, Error> {
    let query = text::query(words);
    if query.is_empty() {
        return Err(Error::refused(Refusal::of(
            Class::Invalid,
            "QUERY_EMPTY",
            "text",
            "there is no letter or digit to search for",
        )));
    }
    let grams = query.grams();
    if grams.is_empty() {
        return Err(Error::refused(Refusal::of(
            Class::Invalid,
            "QUERY_NUMBERS_ONLY",
            "text",
            "numbers alone are in too many addresses: add a word",
        )));
    }
    let mut shapes: Option<BTreeSet<u32>> = None;
    for gram in grams {
        // What very many have narrows nothing down, as long as anything else does.
        let Some(posted) = shapes_of(state, partition, &gram)? else { continue };
        shapes = Some(match shapes {
            Some(shapes) => shapes.intersection(&posted).copied().collect(),
            None => posted,
        });
    }
    let Some(shapes) = shapes else {
        return Err(Error::refused(Refusal::of(
            Class::Invalid,
            "QUERY_TOO_WIDE",
            "text",
            "too many names and addresses have this: add a word",
        )));
    };
    let mut ranges = Vec::new();
    for number in shapes {
        let mut text_of = key(partition, Space::ShapeText);
        text_of.extend_from_slice(&number.to_be_bytes());
        let Some(bytes) = state.get(&text_of)? else { continue };
        let shape = String::from_utf8_lossy(&bytes);
        if text::matches_shape(&query, &shape) {
            let mut prefix = key(partition, Space::Posting);
            prefix.extend_from_slice(&number.to_be_bytes());
            prefix.extend(text::numbers_prefix(&query, &shape).unwrap_or_default());
            ranges.push(below(prefix));
        }
    }
    ranges.sort_by(|one, other| one.from.cmp(&other.from));
    Ok(ranges)
}

/// The shapes that have a gram; `None` when they are too many to be gone through.
fn shapes_of(
    state: &dyn State,
    partition: Partition,
    gram: &str,
) -> Result<Option<BTreeSet<u32>>, Error> {
    let mut range = below(text_key(partition, Space::Gram, &[gram]));
    let mut shapes = BTreeSet::new();
    loop {
        let keys = state.scan(&range, Direction::Up, 512)?;
        let is_end = keys.len() < 512;
        for (key, _) in &keys {
            if let Some(number) = key.last_chunk::<4>() {
                shapes.insert(u32::from_be_bytes(*number));
            }
        }
        if shapes.len() > SHAPES_MAX {
            return Ok(None);
        }
        match keys.last() {
            Some((key, _)) if !is_end => range = after(range, key),
            _ => return Ok(Some(shapes)),
        }
    }
}

/// For each kind, the places of the box's cells.
fn box_ranges(search: &Search, wanted: &BoundingBox) -> Result<Vec<KeyRange>, Error> {
    let cells = cells(wanted, BOX_RANGES_MAX).ok_or_else(|| {
        Error::refused(Refusal::of(
            Class::Invalid,
            "BOX_TOO_LARGE",
            "box",
            "the box is too large: make it smaller or list a region",
        ))
    })?;
    let mut ranges = Vec::new();
    for kind in &search.kinds {
        let prefix = place_key(search.partition, *kind, wanted.crs());
        ranges.extend(cells.iter().map(|range| {
            let keys = range.keys();
            KeyRange {
                from: [prefix.as_slice(), &keys.start].concat(),
                to: [prefix.as_slice(), &keys.end].concat(),
            }
        }));
    }
    ranges.sort_by(|one, other| one.from.cmp(&other.from));
    Ok(ranges)
}

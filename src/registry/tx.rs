//! A command at work: it reads, decides, and hands over facts, which are applied at once so that
//! what it decides next sees them.

use std::collections::BTreeMap;

use crate::{
    domain::author::Author,
    kernel::{
        id::SubjectId,
        position::{Partition, Seq},
        time::{Day, Stamp},
    },
    registry::{
        apply,
        entry::{Entry, Hidden, Link, RequestMark, Text},
        error::{Error, Refusal},
        fact::{Body, Fact, ItemRecord, SourceRow},
        record::Record,
        recount,
        work::Work,
    },
    store::NewEntry,
};

/// What every command brings with it.
#[derive(Clone, Debug)]
pub struct Call {
    /// Where the command goes: the partition of the id that it names.
    pub partition: Partition,
    /// Who calls.
    pub author: Author,
    /// The request's mark; `None` for what the registry does by itself.
    pub request: Option<RequestMark>,
    /// Why, in the caller's words.
    pub reason: String,
    /// Judge only.
    pub validate_only: bool,
    /// Plausibility rules that may be broken.
    pub overrides: Vec<String>,
    /// Random bytes, from which salts are derived.
    pub seed: [u8; 32],
}

/// A fact to be recorded, with what the envelope says of it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// Where.
    pub partition: Partition,
    /// What.
    pub fact: Fact,
    /// From which day it holds.
    pub valid_from: Option<Day>,
    /// The caller's time on that day.
    pub second_of_day: Option<u32>,
    /// The caller's key of order.
    pub order_key: Vec<u8>,
    /// The entries whose place it takes.
    pub corrects: Vec<Seq>,
    /// The entries on which the decision relied.
    pub basis: Vec<Seq>,
    /// Sentences about fields.
    pub sentences: Vec<(String, String)>,
    /// Rules that were overridden.
    pub overridden: Vec<String>,
    /// Where it comes from.
    pub source_row: Option<SourceRow>,
}

impl Draft {
    /// A fact with nothing beside it.
    pub(crate) fn new(partition: Partition, fact: Fact) -> Self {
        Self {
            partition,
            fact,
            valid_from: None,
            second_of_day: None,
            order_key: Vec::new(),
            corrects: Vec::new(),
            basis: Vec::new(),
            sentences: Vec::new(),
            overridden: Vec::new(),
            source_row: None,
        }
    }

    /// From which day it holds.
    pub(crate) fn from(self, day: Day) -> Self {
        Self { valid_from: Some(day), ..self }
    }

    /// Which entries it corrects.
    pub(crate) fn correcting(self, seqs: Vec<Seq>) -> Self {
        Self { corrects: seqs, ..self }
    }
}

/// What a command came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// The subjects that it made or was about, in the order of the request.
    pub subjects: Vec<SubjectId>,
    /// For batches: the items that were not simply created.
    pub items: Vec<ItemRecord>,
    /// For batches: how many items there were.
    pub item_count: u32,
}

/// A command at work.
pub(crate) struct Tx<'w, 'a> {
    /// The state, with what was decided so far.
    pub(crate) work: &'w mut Work<'a>,
    /// What came with the command.
    pub(crate) call: &'w Call,
    stamp: Stamp,
    first: BTreeMap<Partition, Seq>,
}

impl<'w, 'a> Tx<'w, 'a> {
    /// Begins a command.
    pub(crate) fn new(work: &'w mut Work<'a>, call: &'w Call, stamp: Stamp) -> Self {
        Self { work, call, stamp, first: BTreeMap::new() }
    }

    /// The command's stamp.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The stamp's day in China.
    pub(crate) fn today(&self) -> Day {
        self.stamp.day()
    }

    /// Where the command went.
    pub(crate) fn partition(&self) -> Partition {
        self.call.partition
    }

    /// What its partition knows of a subject; a refusal when it knows nothing.
    pub(crate) fn must(
        &mut self,
        field: &str,
        subject: SubjectId,
    ) -> Result<std::sync::Arc<Record>, Error> {
        let record = self.work.known(subject.partition(), subject)?;
        record.ok_or_else(|| Error::refused(Refusal::missing(field, subject)))
    }

    /// The first entry that the command wrote in a partition.
    pub(crate) fn began(&self, partition: Partition) -> Option<Seq> {
        self.first.get(&partition).copied()
    }

    /// Records a fact and applies it. Decides nothing and never refuses.
    pub(crate) fn accept(&mut self, draft: Draft) -> Result<Seq, Error> {
        let partition = draft.partition;
        let head = self.work.head(partition)?;
        let (seq, mut registry) = (head.seq + 1, head.registry);
        if seq == 1 && partition != Partition::ROOT {
            registry = self.work.head(Partition::ROOT)?.registry;
        }
        if seq == 1 && partition == Partition::ROOT {
            // The registry's own id, born with its first entry.
            for (to, from) in registry.iter_mut().zip(self.call.seed) {
                *to = from;
            }
        }
        let command_seq = *self.first.entry(partition).or_insert(seq);
        recount::no_recount(self.work, partition, command_seq, &draft.fact, &draft.corrects)?;
        let mut subjects = Vec::new();
        for subject in draft.fact.subjects() {
            let before = self.work.known(partition, subject)?;
            subjects.push(Link {
                subject,
                previous_seq: before.as_ref().map_or(0, |record| record.last_seq),
                previous_leaf: before.as_ref().map(|record| record.last_leaf),
                entry_count: before.as_ref().map_or(0, |record| record.entry_count) + 1,
            });
        }
        let has_text = !self.call.reason.is_empty() || !draft.sentences.is_empty();
        let entry = Entry {
            registry,
            partition,
            seq,
            stamp: self.stamp,
            valid_from: draft.valid_from,
            second_of_day: draft.second_of_day,
            order_key: draft.order_key,
            author: self.call.author.clone(),
            request: self.call.request,
            corrects: draft.corrects,
            basis: draft.basis,
            subjects,
            command_seq,
            body: Some(Body {
                fact: draft.fact,
                overridden: draft.overridden,
                source_row: draft.source_row,
            }),
            text: has_text
                .then(|| Text { reason: self.call.reason.clone(), sentences: draft.sentences }),
            hidden: Hidden::default(),
        };
        let (bytes, leaf) = entry.encode(&self.call.seed);
        if bytes.len() > crate::kernel::limit::ENTRY_BYTES_MAX {
            return Err(Error::refused(Refusal::rule(
                "ENTRY_TOO_LARGE",
                "",
                format!("the fact takes {} bytes and may take 65536", bytes.len()),
            )));
        }
        self.work.append(NewEntry { partition, seq, bytes });
        apply::apply(self.work, &entry, leaf)?;
        Ok(seq)
    }
}

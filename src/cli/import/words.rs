//! What is wrong with rows, in English and in Chinese.

use std::{collections::BTreeSet, io};

use crate::{client, exchange::row::Fault};

/// All of it on one line: column, reason and an English sentence each.
pub(super) fn english(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The same with the Chinese sentence of each, for the file of rejects: whoever mends a row reads
/// nothing else.
pub(super) fn both(faults: &[Fault]) -> String {
    let both = |fault: &Fault| match client::chinese(&fault.reason) {
        Some(chinese) => format!("{fault} {chinese}"),
        None => fault.to_string(),
    };
    faults.iter().map(both).collect::<Vec<_>>().join("; ")
}

/// The Chinese sentence of a reason.
pub(super) fn of_reason(reason: &str) -> Vec<&'static str> {
    client::chinese(reason).into_iter().collect()
}

/// The Chinese sentences, each once.
pub(super) fn chinese(faults: &[Fault]) -> Vec<&'static str> {
    let mut told = Vec::new();
    for sentence in faults.iter().filter_map(|fault| client::chinese(&fault.reason)) {
        if !told.contains(&sentence) {
            told.push(sentence);
        }
    }
    told
}

/// The Chinese sentences that stand below the rows which are told, each once.
#[derive(Default)]
pub(super) struct Told(BTreeSet<&'static str>);

impl Told {
    /// Those of a row that do not stand above already.
    pub(super) fn new_of(&mut self, sentences: &[&'static str]) -> Vec<&'static str> {
        sentences.iter().copied().filter(|sentence| self.0.insert(sentence)).collect()
    }

    /// Writes them, a line each.
    pub(super) fn write(
        &mut self,
        sentences: &[&'static str],
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        self.new_of(sentences).iter().try_for_each(|sentence| writeln!(out, "    {sentence}"))
    }
}

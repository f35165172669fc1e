//! A page that a scenario writes: what was done, and what is told afterwards.

use std::fmt::Write as _;

use anju::{
    domain::{content::Content, timeline::EndCause},
    kernel::{
        id::SubjectId,
        position::Seq,
        time::{KnownAt, ReadTime},
    },
    registry::{Command, Correct, End, Error, Outcome},
};

use crate::city::{City, at, said};

/// Lines of text, made beside the registry.
pub(crate) struct Page {
    pub(crate) city: City,
    pub(crate) text: String,
    names: Vec<(SubjectId, String)>,
}

impl Page {
    pub(crate) fn new() -> Self {
        Self { city: City::new(), text: String::new(), names: Vec::new() }
    }

    pub(crate) fn name(&mut self, id: SubjectId, name: &str) -> SubjectId {
        self.names.push((id, name.to_owned()));
        id
    }

    pub(crate) fn named(&self, id: SubjectId) -> String {
        let found = self.names.iter().find(|(other, _)| *other == id);
        found.map_or_else(|| id.kind().word().to_owned(), |(_, name)| name.clone())
    }

    pub(crate) fn names(&self) -> Vec<(SubjectId, &str)> {
        self.names.iter().map(|(id, name)| (*id, name.as_str())).collect()
    }

    pub(crate) fn line(&mut self, line: &str) {
        writeln!(self.text, "{line}").unwrap();
    }

    pub(crate) fn head(&self) -> Seq {
        self.city.registry.frontier(self.city.home()).seq
    }

    /// The number of the last entry about a subject.
    pub(crate) fn last(&self, id: SubjectId) -> Option<Seq> {
        self.city.registry.get(id, ReadTime::NOW).ok().map(|seen| seen.etag)
    }

    /// A line with the totals of a subject.
    pub(crate) fn totals(&mut self, id: SubjectId, valid: &str, known: KnownAt) {
        let totals = self.city.totals(id, at(valid, known));
        let line = format!("{} on {valid}: {totals}", self.named(id));
        self.line(&line);
    }

    pub(crate) fn answer(&mut self, what: &str, answer: Result<Outcome, Error>) -> Option<Outcome> {
        let told = match &answer {
            Ok(_) => "done".to_owned(),
            Err(Error::Refused(refusals)) => format!("refused, {}", refusals[0].message),
            Err(error) => error.to_string(),
        };
        self.line(&format!("{what}: {told}"));
        answer.ok()
    }
}

pub(crate) fn demolish(city: &City, subject: SubjectId, on: &str) -> Result<Outcome, Error> {
    let end = End { subject, etag: None, day: said(on), cause: EndCause::Demolished };
    city.run(subject.partition(), Command::End(end))
}

pub(crate) fn corrected(subject: SubjectId, content: Content) -> Correct {
    Correct {
        subject,
        etag: None,
        entry: None,
        from: None,
        content,
        exists_from: None,
        ended_on: None,
        sentences: Vec::new(),
    }
}

pub(crate) const NOW: KnownAt = KnownAt::Now;

pub(crate) fn today() -> ReadTime {
    ReadTime::NOW
}

//! A page that a scenario writes: what was done, and what is told afterwards.

use std::fmt::Write as _;

use anju::{
    domain::{
        content::{Content, Fields},
        timeline::{EndCause, Presence},
    },
    kernel::{
        id::{Kind, SubjectId},
        page::PageRequest,
        position::Seq,
        time::{KnownAt, ReadTime},
    },
    registry::{Command, Correct, End, Error, Outcome},
};

use crate::city::{City, at, day, fields, said};

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

    /// A line with what people have to look at.
    pub(crate) fn cases(&mut self) {
        let page = PageRequest { rows: 100, after: Vec::new() };
        let home = self.city.home();
        let cases = self.city.registry.cases(home, None, false, KnownAt::Now, &page).unwrap();
        let cases = cases.rows.into_iter().map(|(_, case)| {
            let concerned = case.subjects.iter().map(|id| self.named(*id)).collect::<Vec<_>>();
            format!("{}: {}", concerned.join(" and "), case.what.message())
        });
        let cases = cases.collect::<Vec<_>>();
        let told = if cases.is_empty() { "none".to_owned() } else { cases.join("; ") };
        self.line(&format!("cases: {told}"));
    }

    /// A line with the totals of a subject.
    pub(crate) fn totals(&mut self, id: SubjectId, valid: &str, known: KnownAt) {
        let totals = self.city.totals(id, at(valid, known));
        let line = format!("{} on {valid}: {totals}", self.named(id));
        self.line(&line);
    }

    /// Whether a subject is there, and what became of it.
    pub(crate) fn life(&mut self, id: SubjectId, valid: &str) {
        let seen = self.city.registry.get(id, at(valid, KnownAt::Now)).unwrap();
        let mut line = format!("{} on {valid}: ", self.named(id));
        line.push_str(match seen.presence {
            Presence::Exists => "is there",
            Presence::NotYet => "is not there yet",
            Presence::Ended => "is there no more",
            Presence::EnteredInError => "was entered in error and never existed",
            Presence::Unknown => "may be there, which is not known",
        });
        for (from, edge) in seen.edges {
            let share = if edge.share_numerator == edge.share_denominator {
                String::new()
            } else {
                format!(" with {}/{}", edge.share_numerator, edge.share_denominator)
            };
            if edge.from == id {
                write!(line, ", goes on in {}{share} since {from}", self.named(edge.into)).unwrap();
            } else {
                write!(line, ", comes from {}{share} on {from}", self.named(edge.from)).unwrap();
            }
        }
        self.line(&line);
    }

    /// Who had a code on a day, or ever.
    pub(crate) fn code(&mut self, code: &str, valid: Option<&str>) {
        let found = self.city.registry.resolve_code(
            "gb2260",
            code,
            valid.map(day),
            Some(self.city.home()),
            KnownAt::Now,
        );
        let mut regions = Vec::new();
        for found in found.unwrap().0 {
            let until = found.until.map_or("today".to_owned(), |until| until.to_string());
            let name = self.named(found.region.into());
            regions.push(format!("{name} (from {} to {until})", found.from));
        }
        let when = valid.map_or("without a date".to_owned(), |valid| format!("on {valid}"));
        let whose = if regions.is_empty() { "nobody's".to_owned() } else { regions.join(" or ") };
        self.line(&format!("code {code} {when}: {whose}"));
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

pub(crate) fn coded(code: &str) -> Content {
    let mut content = Content::empty(Kind::Region);
    content.shared.identifiers.insert("gb2260".to_owned(), vec![code.to_owned()]);
    content
}

pub(crate) fn in_region(parent: SubjectId) -> Content {
    fields(Kind::Region, |fields| {
        if let Fields::Region(region) = fields {
            region.parent = Some(Some(parent.try_into().unwrap()));
        }
    })
}

pub(crate) fn floor_area(m2: u64) -> Content {
    fields(Kind::Building, |fields| {
        if let Fields::Building(building) = fields {
            building.floor_area_cm2 = Some(Some(m2 * 10_000));
        }
    })
}

pub(crate) const NOW: KnownAt = KnownAt::Now;

pub(crate) fn today() -> ReadTime {
    ReadTime::NOW
}

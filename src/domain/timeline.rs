//! The life of one subject, folded from what was said about it.
//!
//! Every saying has a *place*: its own, or that of the entry which it corrects. A correction
//! replaces what stands in the place; a retraction empties it; sayings of a later valid day still
//! win. Folding never fails and does not depend on when it is done: pushing the sayings of a
//! subject one by one in the order of their entries gives the same timeline as folding them at once.

use serde::{Deserialize, Serialize};

use crate::{
    domain::content::Content,
    kernel::{
        id::SubjectId,
        position::Seq,
        time::{Answer, Day, ImpreciseDay},
    },
};

/// Why a life ended. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum EndCause {
    /// 拆除
    Demolished = 1,
    /// 灭失
    Destroyed = 2,
    /// 合并
    Merged = 3,
    /// 拆分
    Split = 4,
    /// 撤销
    Abolished = 5,
    /// 其他
    Other = 6,
}

impl EndCause {
    /// Every cause.
    pub const ALL: [Self; 6] = [
        Self::Demolished,
        Self::Destroyed,
        Self::Merged,
        Self::Split,
        Self::Abolished,
        Self::Other,
    ];

    /// Whether what ended goes on in others.
    pub const fn is_succession(self) -> bool {
        matches!(self, Self::Merged | Self::Split)
    }

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Demolished => "DEMOLISHED",
            Self::Destroyed => "DESTROYED",
            Self::Merged => "MERGED",
            Self::Split => "SPLIT",
            Self::Abolished => "ABOLISHED",
            Self::Other => "OTHER",
        }
    }

    /// The cause with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| *cause as u32 == number)
    }
}

/// That one subject goes on in another, wholly or with a share by area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge {
    /// The predecessor.
    pub from: SubjectId,
    /// The successor.
    pub into: SubjectId,
    /// The predecessor's share that goes over: numerator …
    pub share_numerator: u64,
    /// … and denominator.
    pub share_denominator: u64,
}

/// What one entry says about one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Saying {
    /// It exists since then, and this holds from the beginning.
    Registered {
        /// Since when.
        exists_from: ImpreciseDay,
        /// Its fields.
        content: Content,
    },
    /// Fields have other values from the saying's day on.
    Changed(Content),
    /// It is no more.
    Ended {
        /// The first day on which it is no more.
        day: ImpreciseDay,
        /// Why.
        cause: EndCause,
    },
    /// It takes part in a merge or split on the saying's day.
    Succession {
        /// Its own edges.
        edges: Vec<Edge>,
        /// Why it ends with it, if it does.
        ends: Option<EndCause>,
    },
    /// What was said in this place never was so.
    Retracted,
}

/// A saying with what orders it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The entry.
    pub seq: Seq,
    /// The day from which it holds; [`Day::MIN`] for a registration.
    pub from: Day,
    /// The caller's time on that day, in seconds.
    pub second: Option<u32>,
    /// The caller's key that orders what is of the same day and time.
    pub key: Vec<u8>,
    /// What is said.
    pub saying: Saying,
}

/// A place in the timeline and what stands there now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The entry that made the place; it does not change.
    pub seq: Seq,
    /// What stands there: the newest of the chain of corrections.
    pub statement: Statement,
}

/// The life of a subject as known at some position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// In the order in which they are laid over each other.
    places: Vec<Place>,
    /// Corrections and the place that each of them filled, in the order of the entries.
    chain: Vec<(Seq, Seq)>,
}

/// The end of a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The first day on which it is no more.
    pub day: ImpreciseDay,
    /// Why.
    pub cause: EndCause,
    /// The entry that says so.
    pub said_by: Seq,
}

/// Whether a subject is there on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Exists,
    /// Not yet.
    NotYet,
    /// No more.
    Ended,
    /// It was entered in error and never existed.
    EnteredInError,
    /// It cannot be said: its first or its last day is imprecise.
    Unknown,
}

/// A span of days in which the same content holds: from `from` to the day before `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The first day.
    pub from: Day,
    /// The first day beyond it; `None` for the last span.
    pub until: Option<Day>,
    /// What holds.
    pub content: Content,
}

impl Timeline {
    /// Folds the sayings of a subject, given in the order of their entries.
    pub fn fold(sayings: impl IntoIterator<Item = (Statement, Vec<Seq>)>) -> Self {
        let mut timeline = Self::default();
        for (statement, corrects) in sayings {
            timeline.push(statement, &corrects);
        }
        timeline
    }

    /// Adds the saying of the next entry. `corrects` are the entries whose place it takes.
    pub fn push(&mut self, statement: Statement, corrects: &[Seq]) {
        let filled = corrects.iter().filter_map(|seq| self.place_of(*seq)).collect::<Vec<_>>();
        if filled.is_empty() {
            let seq = statement.seq;
            self.insert(Place { seq, statement });
            return;
        }
        for (nth, seq) in filled.into_iter().enumerate() {
            self.chain.push((statement.seq, seq));
            let Some(index) = self.places.iter().position(|place| place.seq == seq) else {
                continue;
            };
            let mut place = self.places.remove(index);
            // One correction of several entries stands in the place of the first; the others are empty.
            if nth == 0 {
                place.statement = Self::in_place(&statement, &place.statement);
            } else {
                place.statement =
                    Statement { seq: statement.seq, saying: Saying::Retracted, ..place.statement };
            }
            self.insert(place);
        }
    }

    /// A retraction keeps the day of what it empties, so that the place can be filled again there.
    fn in_place(new: &Statement, old: &Statement) -> Statement {
        match new.saying {
            Saying::Retracted => {
                Statement { seq: new.seq, saying: Saying::Retracted, ..old.clone() }
            }
            _ => new.clone(),
        }
    }

    fn insert(&mut self, place: Place) {
        fn order(place: &Place) -> (Day, Option<u32>, &[u8], Seq) {
            let statement = &place.statement;
            (statement.from, statement.second, &statement.key, place.seq)
        }
        let index = self.places.partition_point(|other| order(other) < order(&place));
        self.places.insert(index, place);
    }

    /// The place that an entry made or filled.
    pub fn place_of(&self, seq: Seq) -> Option<Seq> {
        if self.places.iter().any(|place| place.seq == seq) {
            return Some(seq);
        }
        self.chain.iter().find(|(by, _)| *by == seq).map(|(_, place)| *place)
    }

    /// What stands in a place now.
    pub fn standing_in(&self, place: Seq) -> Option<&Statement> {
        self.places.iter().find(|other| other.seq == place).map(|other| &other.statement)
    }

    /// Everything that stands, in the order in which it is laid, retracted places left out.
    pub fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.places
            .iter()
            .map(|place| &place.statement)
            .filter(|statement| statement.saying != Saying::Retracted)
    }

    /// Everything that was said, retracted places included.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The correction that stands in the place which `seq` made or filled, when it is not `seq`.
    pub fn corrected_by(&self, seq: Seq) -> Option<Seq> {
        let standing = self.standing_in(self.place_of(seq)?)?.seq;
        (standing != seq).then_some(standing)
    }

    /// The registration, unless it was retracted.
    pub fn registration(&self) -> Option<(&Statement, ImpreciseDay)> {
        self.statements().find_map(|statement| match &statement.saying {
            Saying::Registered { exists_from, .. } => Some((statement, *exists_from)),
            _ => None,
        })
    }

    /// Since when it exists; `None` when it never did.
    pub fn exists_from(&self) -> Option<ImpreciseDay> {
        self.registration().map(|(_, day)| day)
    }

    /// The earliest end that was said and stands.
    pub fn end(&self) -> Option<End> {
        self.statements()
            .filter_map(|statement| match &statement.saying {
                Saying::Ended { day, cause } => {
                    Some(End { day: *day, cause: *cause, said_by: statement.seq })
                }
                Saying::Succession { ends: Some(cause), .. } => Some(End {
                    day: ImpreciseDay::exactly(statement.from),
                    cause: *cause,
                    said_by: statement.seq,
                }),
                _ => None,
            })
            .min_by_key(|end| (end.day, end.said_by))
    }

    /// What it is as a part of merges and splits: what says so, its edges, and why it ends with it, if
    /// it does.
    pub fn successions(&self) -> impl Iterator<Item = (&Statement, &[Edge], Option<EndCause>)> {
        self.statements().filter_map(|statement| match &statement.saying {
            Saying::Succession { edges, ends } => Some((statement, edges.as_slice(), *ends)),
            _ => None,
        })
    }

    /// Merges and splits that it took part in, with their days.
    pub fn edges(&self) -> impl Iterator<Item = (Day, Edge)> {
        self.successions()
            .flat_map(|(statement, edges, _)| edges.iter().map(|edge| (statement.from, *edge)))
    }

    /// Whether it is there on `day`.
    pub fn presence(&self, day: Day) -> Presence {
        let Some(from) = self.exists_from() else {
            return Presence::EnteredInError;
        };
        let ended = self.end().map_or(Answer::No, |end| end.day.on_or_before(day));
        match (from.on_or_before(day), ended) {
            (_, Answer::Yes) => Presence::Ended,
            (Answer::No, _) => Presence::NotYet,
            (Answer::Yes, Answer::No) => Presence::Exists,
            _ => Presence::Unknown,
        }
    }

    /// The first day on which it can be there and the first on which it certainly is no more; `None`
    /// when it never was.
    pub fn possible_span(&self) -> Option<(Day, Day)> {
        let from = self.exists_from()?;
        Some((from.earliest(), self.end().map_or(Day::MAX, |end| end.day.latest())))
    }

    /// The days on which it is certainly there: from the first, to the day before the second. They
    /// may be none.
    pub fn certain_span(&self) -> Option<(Day, Day)> {
        let from = self.exists_from()?;
        Some((from.latest(), self.end().map_or(Day::MAX, |end| end.day.earliest())))
    }

    /// The fields on `day`. What is said of days before or after its life is answered too.
    pub fn content_at(&self, day: Day) -> Option<Content> {
        let mut contents = self
            .contents()
            .take_while(|(statement, _)| statement.from <= day)
            .map(|(_, content)| content);
        let mut laid = contents.next()?.clone();
        for newer in contents {
            laid.lay(newer);
        }
        Some(laid)
    }

    /// The statements that say fields, in the order in which they are laid.
    pub fn contents(&self) -> impl Iterator<Item = (&Statement, &Content)> {
        self.statements().filter_map(|statement| match &statement.saying {
            Saying::Registered { content, .. } | Saying::Changed(content) => {
                Some((statement, content))
            }
            _ => None,
        })
    }

    /// The spans of days with their contents, without gaps, from the first statement on.
    pub fn segments(&self) -> Vec<Segment> {
        let mut segments: Vec<Segment> = Vec::new();
        for (statement, content) in self.contents() {
            match segments.last_mut() {
                Some(last) if last.from == statement.from => last.content.lay(content),
                Some(last) => {
                    let mut laid = last.content.clone();
                    laid.lay(content);
                    last.until = Some(statement.from);
                    segments.push(Segment { from: statement.from, until: None, content: laid });
                }
                None => segments.push(Segment {
                    from: statement.from,
                    until: None,
                    content: content.clone(),
                }),
            }
        }
        segments
    }

    /// The values of something over time: spans in which `of` answers the same are joined.
    pub fn spans<T: PartialEq>(&self, of: impl Fn(&Content) -> T) -> Vec<(Day, Option<Day>, T)> {
        let mut spans: Vec<(Day, Option<Day>, T)> = Vec::new();
        for segment in self.segments() {
            let value = of(&segment.content);
            match spans.last_mut() {
                Some((_, until, last)) if *last == value => *until = segment.until,
                _ => spans.push((segment.from, segment.until, value)),
            }
        }
        spans
    }

    /// The newest standing statement that says something about `field` on `day`, by its API name.
    pub fn said_by(&self, field: &str, day: Day) -> Option<&Statement> {
        self.contents()
            .take_while(|(statement, _)| statement.from <= day)
            .filter(|(_, content)| content.texts().iter().any(|(name, _)| name == field))
            .last()
            .map(|(statement, _)| statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::content::{Fields, Shared},
        kernel::{id::Kind, time::Month},
    };
    use expect_test::{Expect, expect};
    use proptest::prelude::*;
    use std::fmt::Write as _;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn content(name: &str) -> Content {
        let mut content = Content::empty(Kind::Building);
        if let Fields::Building(fields) = &mut content.fields {
            let (field, value) = name.split_once('=').unwrap();
            let value = (value != "?").then(|| value.to_owned());
            if field == "name" { fields.name = Some(value) } else { fields.address = Some(value) }
        }
        content
    }

    /// One line a saying: `register 1980s name=a`, `change 1990-01-01 name=b`, `end 2000-01-01`,
    /// `correct 2: change …`, `retract 2`.
    fn timeline(script: &str) -> Timeline {
        let lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
        Timeline::fold(lines.enumerate().map(|(index, line)| {
            let seq = Seq::try_from(index).unwrap() + 1;
            let (corrects, line) = match line.strip_prefix("correct ") {
                Some(rest) => {
                    let (of, rest) = rest.split_once(": ").unwrap();
                    (vec![of.parse().unwrap()], rest)
                }
                None => (vec![], line),
            };
            let words = line.split(' ').collect::<Vec<_>>();
            let (from, saying, corrects) = match words[0] {
                "register" => (
                    Day::MIN,
                    Saying::Registered {
                        exists_from: words[1].parse().unwrap(),
                        content: content(words[2]),
                    },
                    corrects,
                ),
                "change" => (day(words[1]), Saying::Changed(content(words[2])), corrects),
                "end" => (
                    words[1].parse::<ImpreciseDay>().unwrap().earliest(),
                    Saying::Ended { day: words[1].parse().unwrap(), cause: EndCause::Demolished },
                    corrects,
                ),
                _ => (Day::MIN, Saying::Retracted, vec![words[1].parse().unwrap()]),
            };
            (Statement { seq, from, second: None, key: vec![], saying }, corrects)
        }))
    }

    #[expect(clippy::needless_pass_by_value, reason = "expect! makes values")]
    fn check(script: &str, days: &[&str], expected: Expect) {
        let timeline = timeline(script);
        let mut told = String::new();
        for text in days {
            let on = day(text);
            let fields = timeline.content_at(on).map(|content| content.texts()).unwrap_or_default();
            write!(told, "{text} {:?}", timeline.presence(on)).unwrap();
            for (name, value) in fields {
                write!(told, " {name}={}", value.unwrap_or_else(|| "?".to_owned())).unwrap();
            }
            told.push('\n');
        }
        expected.assert_eq(&told);
    }

    #[test]
    fn a_change_holds_from_its_day() {
        check(
            "register 1980s name=a
             change 1999-05-01 name=b
             change 1995-01-01 address=x
             end 2010-03-04",
            &["1975-01-01", "1985-01-01", "1990-01-01", "1996-01-01", "2000-01-01", "2010-03-04"],
            expect![[r"
                1975-01-01 NotYet name=a
                1985-01-01 Unknown name=a
                1990-01-01 Exists name=a
                1996-01-01 Exists address=x name=a
                2000-01-01 Exists address=x name=b
                2010-03-04 Ended address=x name=b
            "]],
        );
    }

    #[test]
    fn a_correction_stands_in_the_place_and_later_days_still_win() {
        check(
            "register 1980-01-01 name=a
             change 2000-01-01 name=b
             correct 1: register 1981-01-01 name=z
             correct 2: change 2001-01-01 name=y
             correct 4: change 2002-01-01 name=x",
            &["1980-06-01", "1990-01-01", "2000-06-01", "2001-06-01", "2002-06-01"],
            expect![[r"
                1980-06-01 NotYet name=z
                1990-01-01 Exists name=z
                2000-06-01 Exists name=z
                2001-06-01 Exists name=z
                2002-06-01 Exists name=x
            "]],
        );
    }

    #[test]
    fn a_retraction_can_itself_be_corrected() {
        check(
            "register 1980-01-01 name=a
             end 2000-01-01
             retract 2
             correct 3: end 2005-01-01",
            &["2001-01-01", "2006-01-01"],
            expect![[r"
                2001-01-01 Exists name=a
                2006-01-01 Ended name=a
            "]],
        );
        check(
            "register 1980-01-01 name=a
             retract 1",
            &["2001-01-01"],
            expect![[r"
                2001-01-01 EnteredInError
            "]],
        );
    }

    #[test]
    fn segments_join_to_the_content_of_every_day() {
        let timeline = timeline(
            "register 1980-01-01 name=a
             change 1990-01-01 name=?
             change 1990-01-01 address=x
             change 1985-01-01 address=w",
        );
        for segment in timeline.segments() {
            assert_eq!(timeline.content_at(segment.from).as_ref(), Some(&segment.content));
        }
        let spans = timeline.spans(|content| content.texts().len());
        assert_eq!(
            spans,
            vec![(Day::MIN, Some(day("1985-01-01")), 1), (day("1985-01-01"), None, 2),]
        );
        let _ = Month { year: 1, month: 1 };
        let _ = Shared::default();
    }

    fn sayings() -> impl Strategy<Value = Vec<(Statement, Vec<Seq>)>> {
        let one = (0..4_u8, 0..40_i32, 0..12_u64);
        proptest::collection::vec(one, 1..12).prop_map(|list| {
            let mut sayings = Vec::new();
            for (index, (what, offset, target)) in list.into_iter().enumerate() {
                let seq = Seq::try_from(index).unwrap() + 1;
                let from = Day::from_number(offset).unwrap();
                let exists_from = ImpreciseDay::exactly(from);
                let saying = match what {
                    0 => Saying::Registered { exists_from, content: content("name=r") },
                    1 => Saying::Changed(content(&format!("name={seq}"))),
                    2 => Saying::Ended { day: exists_from, cause: EndCause::Other },
                    _ => Saying::Retracted,
                };
                let corrects = if target > 0 && target < seq { vec![target] } else { vec![] };
                sayings
                    .push((Statement { seq, from, second: None, key: vec![], saying }, corrects));
            }
            sayings
        })
    }

    /// The same by the plainest reading of the rule: walk every chain to its newest, then lay.
    #[expect(clippy::option_option, reason = "a field may be said to be unknown")]
    fn plain_name(sayings: &[(Statement, Vec<Seq>)], on: Day) -> Option<Option<String>> {
        let mut standing: Vec<(Seq, &Statement, Day)> = Vec::new();
        let mut root_of: Vec<(Seq, Seq)> = Vec::new();
        for (statement, corrects) in sayings {
            let root = corrects
                .first()
                .and_then(|seq| root_of.iter().find(|(by, _)| by == seq).map(|(_, root)| *root));
            let day_of = |standing: &[(Seq, &Statement, Day)]| {
                let old = standing.iter().find(|(root_seq, ..)| Some(*root_seq) == root);
                match (&statement.saying, old) {
                    (Saying::Retracted, Some((_, _, day))) => *day,
                    _ => statement.from,
                }
            };
            let day = day_of(&standing);
            let root = root.unwrap_or(statement.seq);
            standing.retain(|(other, ..)| *other != root);
            standing.push((root, statement, day));
            root_of.push((statement.seq, root));
        }
        standing.sort_by_key(|(root, _, day)| (*day, *root));
        let mut name = None;
        for (_, statement, day) in standing {
            if day > on {
                continue;
            }
            if let Saying::Registered { content, .. } | Saying::Changed(content) = &statement.saying
                && let Fields::Building(fields) = &content.fields
                && fields.name.is_some()
            {
                name.clone_from(&fields.name);
            }
        }
        name
    }

    fn holds(sayings: &[(Statement, Vec<Seq>)]) {
        let timeline = Timeline::fold(sayings.iter().cloned());
        for number in -1..42 {
            let on = Day::from_number(number).unwrap();
            let name = timeline.content_at(on).and_then(|content| match content.fields {
                Fields::Building(fields) => fields.name,
                _ => None,
            });
            assert_eq!(name, plain_name(sayings, on), "on {on}");
        }
    }

    proptest! {
        #[test]
        fn folding_follows_every_chain_to_its_newest(sayings in sayings()) {
            holds(&sayings);
        }
    }
}

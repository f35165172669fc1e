//! What a life is on a day, and what of it was otherwise before or will be after: the form in which a
//! whole life stands in one row of a file.
//!
//! Only days on which the subject is, or may be, there are told. What is unknown or none is told as
//! what was never said, and doubts are left out.

use std::collections::BTreeSet;

use crate::{
    domain::{
        content::Content,
        timeline::{Edge, Timeline},
    },
    kernel::time::Day,
};

/// A life around a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Periods {
    /// The fields on the day; before and after the life those of its first and last day.
    pub now: Content,
    /// What was otherwise before: each up to its day, laid over what follows it.
    pub earlier: Vec<Period>,
    /// What will be otherwise: each from its day on, laid over what goes before.
    pub later: Vec<Period>,
    /// Of merges and splits in which it does not end: its edges, with the days.
    pub going_on: Vec<(Day, Edge)>,
}

/// Fields that are otherwise up to a day, or from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// The day.
    pub day: Day,
    /// Fields with other values.
    pub fields: Content,
    /// Fields that are unknown or none, by the names of [`Content::texts`].
    pub none: Vec<String>,
}

impl Period {
    /// What is said by `one` and not by `other`.
    fn of(day: Day, one: &Content, other: &Content) -> Option<Self> {
        let differing = differing(one, other);
        let mut fields = one.clone();
        fields.retain(&|field| differing.contains(field));
        let texts = fields.texts();
        let has_value =
            |field: &String| texts.iter().any(|(name, value)| name == field && value.is_some());
        let none: Vec<_> = differing.iter().filter(|field| !has_value(field)).cloned().collect();
        fields.retain(&|field| !none.iter().any(|name| name == field));
        let is_nothing = differing.is_empty();
        (!is_nothing).then_some(Self { day, fields, none })
    }
}

/// The life around a day; `None` of what never was.
pub fn around(timeline: &Timeline, day: Day) -> Option<Periods> {
    let (first, beyond) = timeline.possible_span()?;
    // What is said of the day of a merge or split belongs to it.
    let is_succession = timeline.end().is_some_and(|end| end.cause.is_succession());
    // A life that ends before it begins has its first day alone.
    let last = if is_succession { beyond } else { beyond.previous() }.max(first);
    let is_lived =
        |from: Day, until: Option<Day>| from <= last && until.is_none_or(|until| until > first);
    let segments = timeline.segments().into_iter();
    let states = segments.filter(|segment| is_lived(segment.from, segment.until));
    let states = states.map(|segment| {
        let mut content = segment.content;
        content.shared.doubts.clear();
        (segment.from, content)
    });
    let states = states.collect::<Vec<_>>();
    let day = day.clamp(first, last);
    let now = states.iter().rfind(|(from, _)| *from <= day).or(states.first())?.clone();
    let mut going_on = Vec::new();
    for (statement, edges, _) in timeline.successions().filter(|(.., ends)| ends.is_none()) {
        going_on.extend(edges.iter().map(|edge| (statement.from, *edge)));
    }
    let (earlier, later) = (Vec::new(), Vec::new());
    let mut periods = Periods { now: now.1, earlier, later, going_on };
    for ((_, before), (from, after)) in states.iter().zip(states.iter().skip(1)) {
        if *from <= now.0 {
            periods.earlier.extend(Period::of(*from, before, after));
        } else {
            periods.later.extend(Period::of(*from, after, before));
        }
    }
    Some(periods)
}

/// The fields of which two contents say different things. What is unknown or none is as what is not
/// said.
pub fn differing(one: &Content, other: &Content) -> BTreeSet<String> {
    let known = |content: &Content| {
        let texts = content.texts().into_iter();
        let known = texts.filter_map(|(field, value)| value.map(|_| field));
        known.collect::<BTreeSet<_>>()
    };
    let (mine, theirs) = (known(one), known(other));
    let only = |content: &Content, field: &str| {
        let mut content = content.clone();
        content.retain(&|name| name == field);
        content
    };
    let is_same = |field: &str| {
        mine.contains(field) && theirs.contains(field) && only(one, field) == only(other, field)
    };
    mine.union(&theirs).filter(|field| !is_same(field)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            content::Fields,
            timeline::{EndCause, Saying, Statement},
        },
        kernel::id::Kind,
    };
    use expect_test::expect;

    /// `storeys=6 address=?`, each for the field that it names.
    fn content(text: &str) -> Content {
        let mut content = Content::empty(Kind::Building);
        for word in text.split_whitespace() {
            let (field, value) = word.split_once('=').unwrap();
            let known = (value != "?").then_some(value);
            match (&mut content.fields, field) {
                (Fields::Building(fields), "name") => fields.name = Some(known.map(Into::into)),
                (Fields::Building(fields), "storeys") => {
                    fields.storeys_above = Some(known.map(|value| value.parse().unwrap()));
                }
                _ => {
                    let values = known.map(str::to_owned).into_iter().collect();
                    content.shared.identifiers.insert(field.to_owned(), values);
                }
            }
        }
        content
    }

    fn life(exists_from: &str, changes: &[(&str, &str)], end: Option<&str>) -> Timeline {
        let statement =
            |seq, from: Day, saying| Statement { seq, from, second: None, key: Vec::new(), saying };
        let mut timeline = Timeline::default();
        let (_, first) = changes[0];
        let exists_from = exists_from.parse().unwrap();
        let saying = Saying::Registered { exists_from, content: content(first) };
        timeline.push(statement(1, Day::MIN, saying), &[]);
        for (seq, (from, said)) in (2..).zip(&changes[1..]) {
            let saying = Saying::Changed(content(said));
            timeline.push(statement(seq, from.parse().unwrap(), saying), &[]);
        }
        if let Some(day) = end {
            let saying = Saying::Ended { day: day.parse().unwrap(), cause: EndCause::Other };
            let from = timeline.exists_from().unwrap().earliest();
            timeline.push(statement(99, from, saying), &[]);
        }
        timeline
    }

    fn told(timeline: &Timeline, day: &str) -> String {
        let periods = around(timeline, day.parse().unwrap()).unwrap();
        let show = |content: &Content, none: &[String]| {
            let texts = content.texts().into_iter();
            let said =
                texts.map(|(field, value)| format!(" {field}={}", value.unwrap_or_default()));
            let none = none.iter().map(|field| format!(" {field}=none"));
            said.chain(none).collect::<String>()
        };
        let mut lines = Vec::new();
        for period in &periods.earlier {
            lines.push(format!("until {}{}", period.day, show(&period.fields, &period.none)));
        }
        lines.push(format!("now{}", show(&periods.now, &[])));
        for period in &periods.later {
            lines.push(format!("from {}{}", period.day, show(&period.fields, &period.none)));
        }
        lines.join("\n")
    }

    #[test]
    fn a_life_is_told_around_a_day() {
        let life = life(
            "1980",
            &[
                ("", "name=a storeys=6"),
                ("1990-01-01", "storeys=7 census=41"),
                ("2000-01-01", "name=a"),
                ("2010-01-01", "storeys=? census=?"),
                ("2030-01-01", "name=b"),
            ],
            None,
        );
        let told = ["1979-01-01", "1995-01-01", "2031-01-01"].map(|day| told(&life, day));
        expect![[r"
            now name=a storeys_above=6
            from 1990-01-01 identifiers.census=41 storeys_above=7
            from 2010-01-01 identifiers.census=none storeys_above=none
            from 2030-01-01 name=b

            until 1990-01-01 storeys_above=6 identifiers.census=none
            now identifiers.census=41 name=a storeys_above=7
            from 2010-01-01 identifiers.census=none storeys_above=none
            from 2030-01-01 name=b

            until 1990-01-01 storeys_above=6 identifiers.census=none
            until 2010-01-01 identifiers.census=41 storeys_above=7
            until 2030-01-01 name=a
            now identifiers.census= name=b storeys_above="]]
        .assert_eq(&told.join("\n\n"));
    }

    #[test]
    fn what_was_said_of_days_outside_the_life_is_not_told() {
        let life = life(
            "1980-05-01",
            &[
                ("", "name=a"),
                ("1970-01-01", "name=b"),
                ("1990-01-01", "name=c"),
                ("2001-01-01", "name=d"),
            ],
            Some("2000-01-01"),
        );
        for day in ["1960-01-01", "1985-01-01"] {
            assert_eq!(told(&life, day), "now name=b\nfrom 1990-01-01 name=c");
        }
        assert_eq!(told(&life, "2005-01-01"), "until 1990-01-01 name=b\nnow name=c");
    }
}

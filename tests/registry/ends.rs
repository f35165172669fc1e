//! Ends that were wrong: what ended with a building moves and comes back with it, and what ended by
//! itself does not.

use std::{fmt::Write as _, sync::Arc};

use anju::{
    domain::{
        content::{Content, Fields},
        timeline::EndCause,
    },
    kernel::{
        id::SubjectId,
        position::Seq,
        time::{ImpreciseDay, KnownAt, ReadTime},
    },
    registry::{Command, Correct, End, Error, Fact, Outcome, replay},
    store::{Store, memory::MemoryStore},
};
use expect_test::expect;
use proptest::prelude::*;

use crate::{
    city::{City, building, day, said},
    oracle::{Oracle, answered, entries},
    rebuild::{journal_of, state},
    story::cases,
};

/// A block with two flats, and a part of it that is sold by itself with one more.
struct Block {
    kept: Arc<MemoryStore>,
    city: City,
    compound: SubjectId,
    whole: SubjectId,
    part: SubjectId,
    /// Two of the block, one of the part.
    flats: [SubjectId; 3],
}

impl Block {
    fn new() -> Self {
        let kept = Arc::new(MemoryStore::new());
        let city = City::on(Arc::clone(&kept) as Arc<dyn Store>);
        let community = city.community("甲社区", city.street("一街道"));
        let compound = city.compound("示例小区", community);
        let block = city.building(compound, "1990-05-01", 3_000);
        let mut content = building(compound, 1_500);
        if let Fields::Building(fields) = &mut content.fields {
            fields.physical = Some(Some(block.try_into().unwrap()));
        }
        let part = city.register(content, "1990-05-01", false).unwrap();
        let flats = [block, block, part].map(|holder| city.unit(holder, "1990-05-01"));
        Self { kept, city, compound, whole: block, part, flats }
    }

    fn all(&self) -> [SubjectId; 5] {
        [self.whole, self.part, self.flats[0], self.flats[1], self.flats[2]]
    }

    fn end(&self, subject: SubjectId, on: &str) -> Result<Outcome, Error> {
        let cause = EndCause::Demolished;
        let end = End { subject, etag: None, day: said(on), cause };
        self.city.run(self.city.home(), Command::End(end))
    }

    fn correct(&self, subject: SubjectId, on: &str) -> Result<Outcome, Error> {
        self.city.correct(Correct {
            subject,
            etag: None,
            entry: None,
            from: None,
            content: Content::empty(subject.kind()),
            exists_from: None,
            ended_on: Some(said(on)),
            sentences: Vec::new(),
        })
    }

    /// Takes back what says that a subject ended.
    fn retract(&self, subject: SubjectId) -> Result<Outcome, Error> {
        let seen = self.city.registry.get(subject, ReadTime::NOW).unwrap();
        let Some(end) = seen.end else {
            return self.city.retract(subject, Some(Seq::MAX));
        };
        self.city.retract(subject, Some(end.said_by))
    }

    /// Takes back what last took an end of a subject back.
    fn reinstate(&self, subject: SubjectId) -> Result<Outcome, Error> {
        let taken = entries(self.kept.as_ref(), self.city.home()).into_iter().rfind(|entry| {
            let fact = entry.body.as_ref().map(|body| &body.fact);
            matches!(fact, Some(Fact::Retracted { subjects }) if subjects.contains(&subject))
        });
        self.city.retract(subject, Some(taken.map_or(Seq::MAX, |entry| entry.seq)))
    }

    fn ends(&self) -> [Option<ImpreciseDay>; 5] {
        self.all().map(|id| {
            let seen = self.city.registry.get(id, ReadTime::NOW).unwrap();
            seen.end.map(|end| end.day)
        })
    }

    fn told(&self, what: &str) -> String {
        let ends = self.ends().map(|end| end.map_or("-".to_owned(), |day| day.to_string()));
        let open = self.city.registry.work_under_way(self.city.home()).unwrap().open_case_count;
        format!("{what}: {}, {open} cases\n", ends.join(" "))
    }

    /// Totals are those of a recount, and the state is that of a rebuild.
    fn check(&self) {
        let registry = &self.city.registry;
        let head = registry.frontier(self.city.home()).seq;
        let oracle = Oracle::read(registry.store(), self.city.home(), head);
        for valid in ["1995-01-01", "2015-06-01", "2019-01-01", "2026-01-01"] {
            let counted = oracle.totals(day(valid));
            for node in [self.compound, self.city.district] {
                let time = ReadTime { valid_at: Some(day(valid)), known_at: KnownAt::Now };
                let told = answered(&registry.totals(node, time).unwrap());
                assert_eq!(told, counted.get(&node).cloned().unwrap_or_default(), "{node} {valid}");
            }
        }
        let copy = journal_of(self.kept.as_ref());
        replay(&copy, &copy, &mut |_, _| {}).unwrap();
        assert!(state(&copy) == state(self.kept.as_ref()));
    }
}

#[test]
fn what_ended_with_a_building_is_corrected_and_taken_back_with_it() {
    let block = Block::new();
    let mut told = String::new();
    block.end(block.flats[1], "2012-03-01").unwrap();
    told += &block.told("a flat ended by itself");
    block.end(block.whole, "2018-03-01").unwrap();
    told += &block.told("the block ended");
    block.correct(block.whole, "2019-04-01").unwrap();
    told += &block.told("in truth later");
    block.correct(block.whole, "2015").unwrap();
    told += &block.told("in truth earlier");
    block.correct(block.part, "2014-02-01").unwrap();
    told += &block.told("its part earlier still");
    block.correct(block.whole, "2016-05-01").unwrap();
    told += &block.told("the block after all later");
    block.check();
    let answer = block.retract(block.whole).unwrap();
    assert_eq!(answer.decided.subjects, [block.whole]);
    told += &block.told("it was not demolished");
    block.reinstate(block.whole).unwrap();
    told += &block.told("it was after all");
    block.retract(block.whole).unwrap();
    told += &block.told("it really was not");
    block.retract(block.part).unwrap();
    told += &block.told("nor was its part");
    block.check();
    block.end(block.whole, "2020-01-01").unwrap();
    told += &block.told("the block ended");
    block.retract(block.flats[0]).unwrap();
    told += &block.told("a flat did not");
    block.retract(block.whole).unwrap();
    told += &block.told("nor did it");
    block.check();
    let page = anju::kernel::page::PageRequest { rows: 100, after: Vec::new() };
    let cases = block.city.registry.cases(block.city.home(), None, true, KnownAt::Now, &page);
    for (_, case) in cases.unwrap().rows {
        writeln!(told, "a case: {}", case.what.message()).unwrap();
    }
    expect![[r"
        a flat ended by itself: - - - 2012-03-01 -, 0 cases
        the block ended: 2018-03-01 2018-03-01 2018-03-01 2012-03-01 2018-03-01, 0 cases
        in truth later: 2019-04-01 2019-04-01 2019-04-01 2012-03-01 2019-04-01, 0 cases
        in truth earlier: 2015 2015 2015 2012-03-01 2015, 0 cases
        its part earlier still: 2015 2014-02-01 2015 2012-03-01 2014-02-01, 0 cases
        the block after all later: 2016-05-01 2014-02-01 2016-05-01 2012-03-01 2014-02-01, 0 cases
        it was not demolished: - 2014-02-01 - 2012-03-01 2014-02-01, 0 cases
        it was after all: 2016-05-01 2014-02-01 2016-05-01 2012-03-01 2014-02-01, 0 cases
        it really was not: - 2014-02-01 - 2012-03-01 2014-02-01, 0 cases
        nor was its part: - - - 2012-03-01 -, 0 cases
        the block ended: 2020-01-01 2020-01-01 2020-01-01 2012-03-01 2020-01-01, 0 cases
        a flat did not: 2020-01-01 2020-01-01 - 2012-03-01 2020-01-01, 1 cases
        nor did it: - - - 2012-03-01 -, 0 cases
        a case: it is there on days when what it is in is not
    "]]
    .assert_eq(&told);
}

/// With what somebody said last of an end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    /// It has not been spoken of since.
    AtFirst,
    /// What it ended with was corrected, and it along with that.
    AlongWith(usize),
    /// It was spoken of itself.
    ByItself,
}

/// The end of one subject, and what the command that said it was about.
#[derive(Clone, Copy)]
struct Ended {
    on: ImpreciseDay,
    command: usize,
    main: usize,
    said: Said,
}

/// What the ends of a block are to be, by the plainest reading. Subjects by their place in
/// [`Block::all`].
#[derive(Default)]
struct Model {
    ends: [Option<Ended>; 5],
    command_count: usize,
    retractions: Vec<Retraction>,
    /// The retraction that last took an end of each subject back.
    last: [Option<usize>; 5],
}

/// What was taken back at once.
struct Retraction {
    main: usize,
    /// Without what was said again since.
    taken: [Option<Ended>; 5],
}

impl Model {
    const BLOCK: usize = 0;
    const PART: usize = 1;
    const FLAT_OF_PART: usize = 4;

    fn end(&mut self, subject: usize, on: ImpreciseDay) -> bool {
        if self.ends[subject].is_some() {
            return false;
        }
        let is_part_there = self.ends[Self::PART].is_none();
        let with = match subject {
            Self::BLOCK if is_part_there => vec![1, 2, 3, 4],
            Self::BLOCK => vec![2, 3],
            Self::PART => vec![Self::FLAT_OF_PART],
            _ => Vec::new(),
        };
        self.command_count += 1;
        let ended = Ended { on, command: self.command_count, main: subject, said: Said::AtFirst };
        for other in with.into_iter().chain([subject]) {
            self.ends[other].get_or_insert(ended);
        }
        true
    }

    /// What goes along when something is said of a subject's end.
    fn along(&self, subject: usize) -> Vec<usize> {
        let Some(own) = self.ends[subject] else { return Vec::new() };
        let is_along = |other: &usize| {
            let holds =
                subject == own.main || subject == Self::PART && *other == Self::FLAT_OF_PART;
            let goes = |ended: &Ended| {
                ended.command == own.command
                    && match ended.said {
                        Said::AtFirst => true,
                        Said::AlongWith(with) => with == subject || with == own.main,
                        Said::ByItself => false,
                    }
            };
            *other != subject && holds && self.ends[*other].as_ref().is_some_and(goes)
        };
        (0..5).filter(is_along).collect()
    }

    fn correct(&mut self, subject: usize, on: ImpreciseDay) -> bool {
        let Some(own) = self.ends[subject] else { return false };
        if own.on != on {
            for other in self.along(subject) {
                let said = Said::AlongWith(subject);
                self.ends[other] = self.ends[other].map(|ended| Ended { on, said, ..ended });
            }
        }
        self.ends[subject] = Some(Ended { on, said: Said::ByItself, ..own });
        true
    }

    fn retract(&mut self, subject: usize) -> bool {
        if self.ends[subject].is_none() {
            return false;
        }
        let mut taken = [None; 5];
        for other in self.along(subject).into_iter().chain([subject]) {
            taken[other] = self.ends[other].take();
            self.last[other] = Some(self.retractions.len());
        }
        self.retractions.push(Retraction { main: subject, taken });
        true
    }

    fn reinstate(&mut self, subject: usize) -> bool {
        let Some(retraction) = self.last[subject].map(|last| &mut self.retractions[last]) else {
            return false;
        };
        if retraction.taken[subject].is_none() || self.ends[subject].is_some() {
            return false;
        }
        for other in 0..5 {
            let goes = other == subject
                || retraction.main == subject
                || subject == Self::PART && other == Self::FLAT_OF_PART;
            // One that ended again since stays as it is.
            if !goes || self.ends[other].is_some() {
                continue;
            }
            let said = if other == subject { Said::ByItself } else { Said::AlongWith(subject) };
            let again = retraction.taken[other].take();
            self.ends[other] = again.map(|ended| Ended { said, ..ended });
        }
        true
    }
}

/// What happens, to which subject, and the day.
fn ends_are_as_modelled(acts: &[(u8, usize, usize)]) {
    const DAYS: [&str; 6] =
        ["2012-03-01", "2014", "2015-06-01", "2018-03-01", "2018-03-02", "2020-01-01"];
    let block = Block::new();
    let mut model = Model::default();
    for (what, subject, on) in acts {
        let (id, on) = (block.all()[*subject], DAYS[*on]);
        let (told, modelled) = match what {
            0..=3 => (block.end(id, on), model.end(*subject, said(on))),
            4..=7 => (block.correct(id, on), model.correct(*subject, said(on))),
            8..=9 => (block.retract(id), model.retract(*subject)),
            _ => (block.reinstate(id), model.reinstate(*subject)),
        };
        match &told {
            Ok(outcome) => assert_eq!(outcome.decided.subjects, [id]),
            Err(Error::Refused(_)) => {}
            Err(error) => panic!("{error}"),
        }
        assert_eq!(told.is_ok(), modelled, "{told:?}");
        assert_eq!(block.ends(), model.ends.map(|end| end.map(|end| end.on)));
    }
    block.check();
}

proptest! {
    #![proptest_config(cases(240))]

    #[test]
    fn ends_move_and_go_with_what_they_came_with(
        acts in proptest::collection::vec((0_u8..12, 0_usize..5, 0_usize..6), 1..32)
    ) {
        ends_are_as_modelled(&acts);
    }
}

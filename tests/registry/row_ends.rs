//! Ends that rows of a source say: a whole life at once, an end as by its own command, and never
//! over what somebody said.

use std::{fmt::Write as _, sync::Arc};

use anju::{
    domain::{content::Content, timeline::EndCause},
    kernel::{
        hash::Hash,
        id::{Kind, SubjectId},
        time::{KnownAt, ReadTime},
    },
    registry::{
        Command, Correct, End, Import, ImportRow, ItemOutcome, Outcome, Reference, RowEnd, RowLife,
        RowMode, replay,
    },
    store::{Store, memory::MemoryStore},
};
use expect_test::expect;

use crate::{
    city::{City, at, building, day, said},
    oracle::{Oracle, answered},
    rebuild::{journal_of, state},
};

/// A made-up compound, and what a survey says of it.
struct Files {
    city: City,
    compound: SubjectId,
    store: Arc<MemoryStore>,
}

/// A row of a building: key, area in m², since when, and how it ended: `2020 demolished`,
/// `2018-05-01 merged b4`, `2019-03-01 split b6;1/3 b7;2/3`.
type Says<'a> = (&'a str, u64, &'a str, &'a str);

fn cause(word: &str) -> EndCause {
    let found = EndCause::ALL.into_iter().find(|cause| cause.word().eq_ignore_ascii_case(word));
    found.unwrap()
}

fn end(text: &str) -> Option<RowEnd> {
    let mut words = text.split_whitespace();
    let day = said(words.next()?);
    let cause = cause(words.next().unwrap());
    let successor = |word: &str| {
        let (key, share) = word.split_once(';').unwrap_or((word, "1/1"));
        let (part, whole) = share.split_once('/').unwrap();
        (Reference::Key(key.to_owned()), (part.parse().unwrap(), whole.parse().unwrap()))
    };
    Some(RowEnd { day, cause, successors: words.map(successor).collect() })
}

impl Files {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let city = City::on(Arc::clone(&store) as Arc<dyn Store>);
        let compound = city.compound("示例小区", city.community("甲社区", city.street("一街道")));
        Self { city, compound, store }
    }

    fn row(&self, says: Says<'_>) -> ImportRow {
        let (key, area_m2, since, ended) = says;
        let mut content = building(self.compound, area_m2);
        content.retain(&|field| field != "compound_id");
        ImportRow {
            key: key.to_owned(),
            hash: Hash::of(&[format!("{says:?}").as_bytes()]),
            seed: self.city.seed(),
            content,
            references: vec![("compound_id", Kind::Compound, Reference::Id(self.compound))],
            exists_from: Some(said(since)),
            exists_from_when_new: None,
            from: None,
            end: end(ended),
            life: RowLife::default(),
            opens_partition: false,
            paper: None,
        }
    }

    fn send(&self, mode: RowMode, rows: Vec<ImportRow>) -> Outcome {
        let rows = (0..).zip(rows).collect();
        let (source, unread) = ("survey".to_owned(), Vec::new());
        let import = Import { source, mode, within: None, insurers: None, rows, unread };
        self.city.run(self.city.home(), Command::Import(import)).unwrap()
    }

    /// What becomes of rows: `created`, `conflict ended_on 2020/2019`, `refused REQUIRED end_cause`.
    fn told(&self, mode: RowMode, rows: &[Says<'_>]) -> String {
        let outcome = self.send(mode, rows.iter().map(|says| self.row(*says)).collect());
        let mut told = Vec::new();
        for index in 0..u32::try_from(rows.len()).unwrap() {
            let items = &outcome.decided.items;
            let Some(item) = items.iter().find(|item| item.index == index) else {
                told.push("created".to_owned());
                continue;
            };
            let mut text = match item.outcome {
                ItemOutcome::Conflict if item.is_partly_taken => "partly".to_owned(),
                other => format!("{other:?}").to_lowercase(),
            };
            for conflict in &item.conflicts {
                let [row, has] = [&conflict.row, &conflict.registry]
                    .map(|value| value.as_deref().unwrap_or("-"));
                write!(text, " {} {row}/{has}", conflict.field).unwrap();
            }
            for refusal in &item.refusals {
                write!(text, " {} {}", refusal.reason, refusal.field).unwrap();
            }
            told.push(text);
        }
        told.join(", ")
    }

    fn change(&self, rows: &[Says<'_>]) -> String {
        self.told(RowMode::Change, rows)
    }

    /// The ids of rows, which are there.
    fn ids(&self, rows: &[Says<'_>]) -> Vec<SubjectId> {
        rows.iter().map(|says| self.id(says.0)).collect()
    }

    fn id(&self, key: &str) -> SubjectId {
        // It says nothing but its key.
        let row = ImportRow {
            content: Content::empty(Kind::Building),
            references: Vec::new(),
            exists_from: None,
            ..self.row((key, 1, "1990", ""))
        };
        let mut call = self.city.call(self.city.home());
        call.validate_only = true;
        let rows = vec![(0, row)];
        let (source, mode, unread) = ("survey".to_owned(), RowMode::Change, Vec::new());
        let import = Import { source, mode, within: None, insurers: None, rows, unread };
        let outcome = self.city.registry.execute(call, Command::Import(import)).unwrap();
        outcome.decided.items[0].subject.unwrap()
    }

    /// When and why subjects ended.
    fn ends(&self, ids: &[SubjectId]) -> String {
        let ends = ids.iter().map(|id| {
            let seen = self.city.registry.get(*id, ReadTime::NOW).unwrap();
            seen.end.map_or("-".to_owned(), |end| format!("{} {:?}", end.day, end.cause))
        });
        ends.collect::<Vec<_>>().join(", ")
    }

    fn end_entry(&self, id: SubjectId) -> u64 {
        self.city.registry.get(id, ReadTime::NOW).unwrap().end.unwrap().said_by
    }

    fn person_ends(&self, subject: SubjectId, on: &str) {
        let end = End { subject, etag: None, day: said(on), cause: EndCause::Demolished };
        self.city.run(self.city.home(), Command::End(end)).unwrap();
    }

    fn person_corrects_end(&self, subject: SubjectId, on: &str) {
        self.city
            .correct(Correct {
                subject,
                etag: None,
                entry: None,
                from: None,
                content: Content::empty(subject.kind()),
                exists_from: None,
                ended_on: Some(said(on)),
                sentences: Vec::new(),
            })
            .unwrap();
    }

    fn head(&self) -> u64 {
        self.city.registry.frontier(self.city.home()).seq
    }

    fn totals(&self, on: &str) -> String {
        self.city.totals(self.city.district, at(on, KnownAt::Now))
    }

    /// Totals are those of a recount, and the state is that of a rebuild.
    fn check(&self) {
        let oracle = Oracle::read(self.city.registry.store(), self.city.home(), self.head());
        for valid in ["1995-01-01", "2018-04-30", "2018-05-01", "2019-06-01", "2026-01-01"] {
            let counted = oracle.totals(day(valid));
            let time = at(valid, KnownAt::Now);
            let told = answered(&self.city.registry.totals(self.city.district, time).unwrap());
            assert_eq!(told, counted.get(&self.city.district).cloned().unwrap_or_default());
        }
        let copy = journal_of(self.store.as_ref());
        replay(&copy, &copy, &mut |_, _| {}).unwrap();
        assert!(state(&copy) == state(self.store.as_ref()));
    }
}

const LIVES: [Says<'static>; 7] = [
    ("b1", 500, "1990", "2020-01-01 demolished"),
    ("b4", 700, "2018-05-01", ""),
    ("b2", 300, "1990", "2018-05-01 merged b4"),
    ("b3", 400, "1990", "2018-05-01 merged b4"),
    ("b6", 200, "2019-03-01", ""),
    ("b7", 400, "2019-03-01", "2022 destroyed"),
    ("b5", 600, "1990", "2019-03-01 split b6;1/3 b7;2/3"),
];

#[test]
fn a_row_tells_a_whole_life_and_told_again_changes_nothing() {
    let files = Files::new();
    assert_eq!(files.change(&LIVES), ["created"; 7].join(", "));
    let ids = files.ids(&LIVES);
    let mut told = files.ends(&ids);
    for on in ["2017-06-01", "2018-05-01", "2019-03-01", "2020-06-01", "2026-01-01"] {
        write!(told, "\n{on} {}", files.totals(on)).unwrap();
    }
    expect![[r"
        2020-01-01 Demolished, -, 2018-05-01 Merged, 2018-05-01 Merged, -, 2022 Destroyed, 2019-03-01 Split
        2017-06-01 4 buildings 1800 m², 0 units, 1 compounds
        2018-05-01 3 buildings 1800 m², 0 units, 1 compounds
        2019-03-01 4 buildings 1800 m², 0 units, 1 compounds
        2020-06-01 3 buildings 1300 m², 0 units, 1 compounds
        2026-01-01 2 buildings 900 m², 0 units, 1 compounds"]]
    .assert_eq(&told);
    let seen = files.city.registry.get(ids[6], ReadTime::NOW).unwrap();
    let shares = seen.edges.iter().map(|(_, edge)| (edge.share_numerator, edge.share_denominator));
    assert_eq!(shares.collect::<Vec<_>>(), [(1, 3), (2, 3)]);
    files.check();
    for _ in 0..2 {
        let head = files.head();
        assert_eq!(files.change(&LIVES), ["unchanged"; 7].join(", "));
        assert_eq!(files.head(), head);
    }
}

#[test]
fn what_is_wrong_with_an_end_is_told_by_its_field() {
    let files = Files::new();
    let living = ("b9", 100, "1990", "");
    assert_eq!(files.change(&[living]), "created");
    let rows = [
        ("1", 100, "1990", "1980 demolished"),
        ("2", 100, "1990", "2030-01-01 demolished"),
        ("3", 100, "1990", "2018 merged b9"),
        ("4", 100, "1990", "2018-05-01 merged"),
        ("5", 100, "1990", "2018-05-01 merged nowhere"),
        ("6", 100, "1990", "2018-05-01 demolished b9"),
        ("7", 100, "1990", "2018-05-01 split b9;1/3 b9;1/3"),
        ("8", 100, "1980", "1985-01-01 merged b9"),
        ("9", 100, "1990", "2018-05-01 merged b9;1/2"),
    ];
    let told = rows.map(|row| format!("{}: {}", row.0, files.change(&[row])));
    expect![[r"
        1: refused ENDS_BEFORE_IT_BEGINS ended_on
        2: refused FUTURE_DATE ended_on
        3: refused MALFORMED ended_on
        4: refused REQUIRED successors
        5: refused REFERENCE_NOT_FOUND successors[0]
        6: refused END_CAUSE end_cause
        7: refused SPLIT_PARTS successors
        8: refused NOT_THERE successors
        9: refused SHARE successors"]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn what_lives_on_ends_as_by_its_own_command() {
    let files = Files::new();
    let begun = [("b1", 500, "1990", ""), ("b2", 300, "1990", ""), ("b4", 700, "2018-05-01", "")];
    files.change(&begun);
    let [whole, old, new] = files.ids(&begun)[..] else { panic!("three rows") };
    let flats = [whole, old].map(|holder| files.city.unit(holder, "1990"));
    assert_eq!(files.change(&[("b1", 500, "1990", "2020-01-01 demolished")]), "changed");
    assert_eq!(files.ends(&[whole, flats[0]]), "2020-01-01 Demolished, 2020-01-01 Demolished");
    // What is in what was merged goes along.
    assert_eq!(files.change(&[("b2", 300, "1990", "2018-05-01 merged b4")]), "changed");
    assert_eq!(files.ends(&[old, new, flats[1]]), "2018-05-01 Merged, -, -");
    let holder = files.city.registry.get(flats[1], ReadTime::NOW).unwrap().content.holders();
    assert_eq!(holder, [new]);
    // The area of what it went into is its own row's.
    assert_eq!(files.totals("2019-01-01"), "2 buildings 1200 m², 2 units, 1 compounds");
    for row in
        [("b1", 500, "1990", "2020-01-01 demolished"), ("b2", 300, "1990", "2018-05-01 merged b4")]
    {
        assert_eq!(files.change(&[row]), "unchanged");
    }
    // Refused as the command would be: units go somewhere when their building is split.
    files.city.unit(new, "2019");
    let parts = [("b6", 200, "2020-01-01", ""), ("b7", 400, "2020-01-01", "")];
    files.change(&parts);
    let split = ("b4", 700, "2018-05-01", "2020-01-01 split b6;1/3 b7;2/3");
    assert_eq!(files.change(&[split]), "refused UNASSIGNED_CHILDREN successors");
    // What the row says anew holds from today, when it is no more.
    let both = ("b6", 250, "2020-01-01", "2021-01-01 demolished");
    assert_eq!(files.change(&[both]), "refused SAID_AFTER_ITS_END from");
    let dated = ImportRow { from: Some(day("2020-06-01")), ..files.row(both) };
    let outcome = files.send(RowMode::Change, vec![dated]);
    assert_eq!(outcome.decided.items[0].outcome, ItemOutcome::Changed);
    assert_eq!(files.ends(&files.ids(&[both])), "2021-01-01 Demolished");
    files.check();
}

#[test]
fn an_end_that_somebody_said_otherwise_stays_and_is_told_for_ever() {
    let files = Files::new();
    let living = [("b1", 500, "1990", ""), ("b2", 300, "1990", ""), ("b3", 400, "1990", "")];
    files.change(&living);
    let ids = files.ids(&living);
    files.person_ends(ids[0], "2019-01-01");
    let row = ("b1", 500, "1990", "2020-01-01 destroyed");
    for run in 0..3 {
        let head = files.head();
        let told = "conflict ended_on 2020-01-01/2019-01-01 end_cause DESTROYED/DEMOLISHED";
        assert_eq!(files.change(&[row]), told);
        assert_eq!(files.head() - head, u64::from(run == 0));
    }
    // The same end from somebody else is no conflict.
    assert_eq!(files.change(&[("b1", 500, "1990", "2019-01-01 demolished")]), "unchanged");
    // One that was taken back is not said again.
    let row = ("b2", 300, "1990", "2020-01-01 demolished");
    assert_eq!(files.change(&[row]), "changed");
    files.city.retract(ids[1], Some(files.end_entry(ids[1]))).unwrap();
    for _ in 0..2 {
        assert_eq!(files.change(&[row]), "conflict ended_on 2020-01-01/-");
    }
    assert_eq!(files.ends(&ids[1..2]), "-");
    // Nor one that was corrected.
    let row = ("b3", 400, "1990", "2020-01-01 demolished");
    assert_eq!(files.change(&[row]), "changed");
    files.person_corrects_end(ids[2], "2020-02-01");
    for mode in [RowMode::Change, RowMode::Correction] {
        assert_eq!(files.told(mode, &[row]), "conflict ended_on 2020-01-01/2020-02-01");
    }
    // What else a row says is taken.
    let row = ImportRow {
        from: Some(day("2010-01-01")),
        ..files.row(("b3", 450, "1990", "2020-01-01 demolished"))
    };
    let outcome = files.send(RowMode::Change, vec![row]);
    assert!(outcome.decided.items[0].is_partly_taken);
    files.check();
}

#[test]
fn a_source_corrects_its_own_end_and_does_not_change_it() {
    let files = Files::new();
    assert_eq!(files.change(&[("b1", 500, "1990", "2020-01-01 demolished")]), "created");
    let moved = ("b1", 500, "1990", "2021-01-01 demolished");
    assert_eq!(files.change(&[moved]), "refused NOT_CHANGEABLE ended_on");
    assert_eq!(files.told(RowMode::Correction, &[moved]), "changed");
    assert_eq!(files.ends(&files.ids(&[moved])), "2021-01-01 Demolished");
    for mode in [RowMode::Change, RowMode::Correction] {
        assert_eq!(files.told(mode, &[moved]), "unchanged");
    }
    let other = ("b1", 500, "1990", "2021-01-01 destroyed");
    assert_eq!(files.told(RowMode::Correction, &[other]), "refused NOT_CHANGEABLE end_cause");
    // With its area in one.
    let both = ("b1", 550, "1990", "2022-01-01 demolished");
    assert_eq!(files.told(RowMode::Correction, &[both]), "changed");
    assert_eq!(files.ends(&files.ids(&[both])), "2022-01-01 Demolished");
    files.check();
}

#[test]
fn rows_of_one_batch_are_corrected_and_taken_back_each_by_itself() {
    let files = Files::new();
    let living = [("b8", 100, "1990", ""), ("b9", 100, "1990", "")];
    files.change(&living);
    let homes = files.ids(&living);
    let flats = [0, 1].map(|index| files.city.unit(homes[index], "1990"));
    let ended = [
        ("b8", 100, "1990", "2020-01-01 demolished"),
        ("b9", 100, "1990", "2020-01-01 demolished"),
    ];
    let rows = [ended.as_slice(), LIVES.as_slice()].concat();
    let told = files.change(&rows);
    assert!(!told.contains("refused"), "{told}");
    let ids = files.ids(&rows);
    let [first, second, demolished, merged, old] = [0, 1, 2, 3, 4].map(|index| ids[index]);
    // One end is corrected, with that of the flat in it, and no other.
    files.person_corrects_end(second, "2021-01-01");
    assert_eq!(
        files.ends(&[first, flats[0], second, flats[1], demolished]),
        "2020-01-01 Demolished, 2020-01-01 Demolished, 2021-01-01 Demolished, 2021-01-01 Demolished, \
         2020-01-01 Demolished"
    );
    files.city.retract(first, Some(files.end_entry(first))).unwrap();
    assert_eq!(
        files.ends(&[first, flats[0], second, flats[1], demolished]),
        "-, -, 2021-01-01 Demolished, 2021-01-01 Demolished, 2020-01-01 Demolished"
    );
    // A merge that a row said is undone by itself: what the rows began stays.
    files.city.retract(old, Some(files.end_entry(old))).unwrap();
    assert_eq!(files.ends(&[old, ids[5], merged]), "-, 2018-05-01 Merged, -");
    let there = files.city.registry.get(old, at("2017-01-01", KnownAt::Now)).unwrap();
    assert!(there.exists_from.is_some());
    files.check();
}

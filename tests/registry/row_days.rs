//! What rows of a source say of other days: whole lives at once, compared and never said over what is
//! known.

use std::{fmt::Write as _, sync::Arc};

use anju::{
    domain::content::{Content, Fields},
    kernel::{
        hash::Hash,
        id::{Kind, SubjectId},
        time::{KnownAt, ReadTime},
    },
    registry::{
        Command, Import, ImportRow, ItemOutcome, Outcome, Reference, RowLife, RowMode, RowPart,
        RowPeriod, replay,
    },
    store::{Store, memory::MemoryStore},
};
use expect_test::expect;

use crate::{
    city::{City, at, building, day, fields, said},
    oracle::{Oracle, answered},
    rebuild::{journal_of, state},
};

struct Files {
    city: City,
    compounds: [SubjectId; 2],
    store: Arc<MemoryStore>,
}

/// What is said of a building on other days: `2010-01-01 500 1`: a day, the area in m² (`-` for
/// nothing, `?` for unknown), and the index of a compound.
type Days<'a> = &'a [&'a str];

/// A row: key, area and compound now, since when, earlier, later, and what was taken out:
/// `2015-01-01 b2 1/3`.
type Says<'a> = (&'a str, u64, usize, &'a str, Days<'a>, Days<'a>, Days<'a>);

impl Files {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let city = City::on(Arc::clone(&store) as Arc<dyn Store>);
        let community = city.community("甲社区", city.street("一街道"));
        let compounds = ["东院", "西院"].map(|name| city.compound(name, community));
        Self { city, compounds, store }
    }

    fn period(&self, text: &str) -> RowPeriod {
        let words = text.split_whitespace().collect::<Vec<_>>();
        let content = fields(Kind::Building, |fields| {
            if let (Fields::Building(fields), Some(area)) = (fields, words.get(1)) {
                fields.floor_area_cm2 = match *area {
                    "-" => None,
                    "?" => Some(None),
                    area => Some(Some(area.parse::<u64>().unwrap() * 10_000)),
                };
            }
        });
        let named = words.get(2).map(|index| match index.parse::<usize>() {
            Ok(index) => Reference::Id(self.compounds[index]),
            Err(_) => Reference::Key((*index).to_owned()),
        });
        let references = named.map(|named| ("compound_id", Kind::Compound, named));
        RowPeriod { day: day(words[0]), content, references: references.into_iter().collect() }
    }

    fn row(&self, says: Says<'_>) -> ImportRow {
        let (key, area_m2, compound, since, earlier, later, split_off) = says;
        let mut content = building(self.compounds[compound], area_m2);
        content.retain(&|field| field != "compound_id");
        let part = |text: &&str| {
            let words = text.split_whitespace().collect::<Vec<_>>();
            let (part, whole) = words[2].split_once('/').unwrap();
            RowPart {
                day: day(words[0]),
                part: Reference::Key(words[1].to_owned()),
                share: (part.parse().unwrap(), whole.parse().unwrap()),
            }
        };
        let life = RowLife {
            earlier: earlier.iter().map(|text| self.period(text)).collect(),
            later: later.iter().map(|text| self.period(text)).collect(),
            split_off: split_off.iter().map(part).collect(),
        };
        let reference = Reference::Id(self.compounds[compound]);
        ImportRow {
            key: key.to_owned(),
            hash: Hash::of(&[format!("{says:?}").as_bytes()]),
            seed: self.city.seed(),
            content,
            references: vec![("compound_id", Kind::Compound, reference)],
            exists_from: Some(said(since)),
            exists_from_when_new: None,
            from: None,
            end: None,
            life,
            opens_partition: false,
            paper: None,
        }
    }

    fn send(&self, mode: RowMode, rows: &[Says<'_>]) -> Outcome {
        let rows = (0..).zip(rows.iter().map(|says| self.row(*says))).collect();
        let (source, unread) = ("survey".to_owned(), Vec::new());
        let import = Import { source, mode, within: None, insurers: None, rows, unread };
        self.city.run(self.city.home(), Command::Import(import)).unwrap()
    }

    fn told(&self, mode: RowMode, says: Says<'_>) -> String {
        let outcome = self.send(mode, &[says]);
        let Some(item) = outcome.decided.items.first() else { return "created".to_owned() };
        let mut text = match item.outcome {
            ItemOutcome::Conflict if item.is_partly_taken => "partly".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        };
        for conflict in &item.conflicts {
            let [row, has] =
                [&conflict.row, &conflict.registry].map(|value| value.as_deref().unwrap_or("-"));
            write!(text, " {} [{row}] [{has}]", conflict.field).unwrap();
        }
        for refusal in &item.refusals {
            write!(text, " {} {}", refusal.reason, refusal.field).unwrap();
        }
        text
    }

    fn say(&self, says: Says<'_>) -> String {
        self.told(RowMode::Change, says)
    }

    /// The subject of a row that is there.
    fn id(&self, says: Says<'_>) -> SubjectId {
        let mut call = self.city.call(self.city.home());
        call.validate_only = true;
        let row = ImportRow { content: Content::empty(Kind::Building), ..self.row(says) };
        let rows = vec![(0, ImportRow { references: Vec::new(), ..row })];
        let (source, mode, unread) = ("survey".to_owned(), RowMode::Change, Vec::new());
        let import = Import { source, mode, within: None, insurers: None, rows, unread };
        let outcome = self.city.registry.execute(call, Command::Import(import)).unwrap();
        outcome.decided.items[0].subject.unwrap()
    }

    /// What is in each compound on days.
    fn totals(&self, days: &[&str]) -> String {
        let mut told = String::new();
        for on in days {
            let both = self.compounds.map(|id| self.city.totals(id, at(on, KnownAt::Now)));
            writeln!(told, "{on} {} | {}", both[0], both[1]).unwrap();
        }
        told
    }

    /// Totals are those of a recount, and the state is that of a rebuild.
    fn check(&self) {
        let oracle = Oracle::read(self.city.registry.store(), self.city.home(), self.head());
        for valid in ["1995-01-01", "2012-01-01", "2019-01-01", "2026-11-23", "2030-01-01"] {
            let counted = oracle.totals(day(valid));
            for node in self.compounds.into_iter().chain([self.city.district]) {
                let told = self.city.registry.totals(node, at(valid, KnownAt::Now)).unwrap();
                let counted = counted.get(&node).cloned().unwrap_or_default();
                assert_eq!(answered(&told), counted, "{valid}");
            }
        }
        let copy = journal_of(self.store.as_ref());
        replay(&copy, &copy, &mut |_, _| {}).unwrap();
        assert!(state(&copy) == state(self.store.as_ref()));
    }

    fn head(&self) -> u64 {
        self.city.registry.frontier(self.city.home()).seq
    }
}

/// In 东院 with 250 m², with 300 m² from 2010 on, in 西院 from 2018 on and with nobody-knows from 2022
/// on; back in 东院 from 2027 on.
const LIFE: Says<'_> = (
    "b1",
    500,
    1,
    "1990",
    &["2010-01-01 250 0", "2018-05-01 300 0", "2022-01-01 ?"],
    &["2027-01-01 - 0"],
    &["2015-01-01 b2 1/3"],
);
const PART: Says<'_> = ("b2", 150, 0, "2015-01-01", &[], &[], &[]);

#[test]
fn a_row_tells_what_was_before_and_will_be_and_told_again_changes_nothing() {
    let files = Files::new();
    assert_eq!(files.say(PART), "created");
    assert_eq!(files.say(LIFE), "created");
    let days = ["1989-01-01", "2009-12-31", "2010-01-01", "2018-05-01", "2022-01-01", "2027-01-01"];
    expect![[r"
        1989-01-01 0 buildings 0 m², 0 units, 0 compounds | 0 buildings 0 m², 0 units, 0 compounds
        2009-12-31 1 buildings 250 m², 0 units, 0 compounds | 0 buildings 0 m², 0 units, 0 compounds
        2010-01-01 1 buildings 300 m², 0 units, 0 compounds | 0 buildings 0 m², 0 units, 0 compounds
        2018-05-01 1 buildings 150 m², 0 units, 0 compounds | 1 buildings 0 m², 0 units, 0 compounds
        2022-01-01 1 buildings 150 m², 0 units, 0 compounds | 1 buildings 500 m², 0 units, 0 compounds
        2027-01-01 2 buildings 650 m², 0 units, 0 compounds | 0 buildings 0 m², 0 units, 0 compounds
    "]].assert_eq(&files.totals(&days));
    files.check();
    let id = files.id(LIFE);
    let seen = files.city.registry.get(id, ReadTime::NOW).unwrap();
    let edges = seen
        .edges
        .iter()
        .map(|(on, edge)| (on.to_string(), edge.from == id, edge.share_denominator));
    assert_eq!(edges.collect::<Vec<_>>(), [("2015-01-01".to_owned(), true, 3)]);
    assert!(seen.end.is_none());
    for mode in [RowMode::Change, RowMode::Correction] {
        let head = files.head();
        assert_eq!(files.told(mode, LIFE), "unchanged");
        assert_eq!(files.head(), head);
    }
    // Another word of the same source on what is now is taken where it stands now.
    let more = ("b1", 550, 1, "1990", LIFE.4, LIFE.5, LIFE.6);
    assert_eq!(files.told(RowMode::Correction, more), "changed");
    assert_eq!(files.say(more), "unchanged");
    expect![[r"
        1989-01-01 0 buildings 0 m², 0 units, 0 compounds | 0 buildings 0 m², 0 units, 0 compounds
        2009-12-31 1 buildings 250 m², 0 units, 0 compounds | 0 buildings 0 m², 0 units, 0 compounds
        2010-01-01 1 buildings 300 m², 0 units, 0 compounds | 0 buildings 0 m², 0 units, 0 compounds
        2018-05-01 1 buildings 150 m², 0 units, 0 compounds | 1 buildings 0 m², 0 units, 0 compounds
        2022-01-01 1 buildings 150 m², 0 units, 0 compounds | 1 buildings 550 m², 0 units, 0 compounds
        2027-01-01 2 buildings 700 m², 0 units, 0 compounds | 0 buildings 0 m², 0 units, 0 compounds
    "]].assert_eq(&files.totals(&days));
    files.check();
}

#[test]
fn of_what_is_known_other_days_are_compared_and_only_a_split_is_taken() {
    let files = Files::new();
    let short = ("b1", 500, 1, "1990", LIFE.4, &[][..], &[][..]);
    assert_eq!([files.say(PART), files.say(short)].join(" "), "created created");
    assert_eq!(files.say(("b1", 500, 1, "1990", LIFE.4, &[], LIFE.6)), "changed");
    assert_eq!(files.say(("b1", 500, 1, "1990", LIFE.4, &[], LIFE.6)), "unchanged");
    let others: [Days<'_>; 3] = [
        &["2010-01-01 250 0", "2018-05-01 310 0", "2022-01-01 ?"],
        &["2012-01-01 250 0"],
        &["2010-01-01 ? 1"],
    ];
    let mut told =
        others.map(|earlier| files.say(("b1", 500, 1, "1990", earlier, &[], &[]))).to_vec();
    told.push(files.say(("b1", 500, 1, "1990", &[], &["2027-01-01 - 0"], &[])));
    told.push(files.say(("b1", 500, 1, "1990", &[], &[], &["2015-01-01 b2 1/4"])));
    told.push(files.say(("b1", 510, 1, "1990", &["2010-01-01 260"], &[], &[])));
    // A split that was taken back is not said again.
    let id = files.id(LIFE);
    let page = anju::kernel::page::PageRequest { rows: 50, after: Vec::new() };
    let history = files.city.registry.history(id, KnownAt::Now, &page).unwrap().rows;
    let split = history.iter().find(|row| row.entry.subjects.len() == 2).unwrap();
    files.city.retract(id, Some(split.entry.seq)).unwrap();
    told.push(files.say(("b1", 510, 1, "1990", &[], &[], LIFE.6)));
    expect![[r"
        conflict earlier [until 2018-05-01 floor_area_cm2=3100000] [from 2010-01-01 floor_area_cm2=3000000]
        conflict earlier [until 2012-01-01 floor_area_cm2=2500000] [from 2010-01-01 floor_area_cm2=3000000]
        conflict earlier [until 2010-01-01 compound_id=cmp_01KAV9FT00000020000000000D] [from 1990-01-01 compound_id=cmp_01KAV9FT00000020000000000B] earlier [until 2010-01-01 floor_area_cm2=(none)] [from 1990-01-01 floor_area_cm2=2500000]
        conflict later [from 2027-01-01 compound_id=cmp_01KAV9FT00000020000000000B] [from 2027-01-01 compound_id=cmp_01KAV9FT00000020000000000D]
        conflict split_off [2015-01-01 bld_01KAV9FT00000020000000000F;1/4] [2015-01-01 bld_01KAV9FT00000020000000000F;1/3]
        partly earlier [until 2010-01-01 floor_area_cm2=2600000] [from 1990-01-01 floor_area_cm2=2500000]
        conflict split_off [2015-01-01 bld_01KAV9FT00000020000000000F;1/3] [-]"]].assert_eq(&told.join("\n"));
    files.check();
}

#[test]
fn what_is_wrong_with_other_days_is_told_by_its_path() {
    let files = Files::new();
    assert_eq!(files.say(PART), "created");
    let rows: [Says<'_>; 10] = [
        ("1", 500, 1, "1990", &["2018-05-01 250", "2010-01-01 300"], &["2009-01-01 - 0"], &[]),
        ("2", 500, 1, "1990", &["1985-01-01 250"], &[], &[]),
        ("3", 500, 1, "1990", &[], &["2030-01-01 600"], &[]),
        ("4", 500, 1, "1990", &["2010-01-01 250 nowhere"], &["2027-01-01 - neither"], &[]),
        ("5", 500, 1, "1990", &["2010-01-01 1"], &["2027-01-01 1 0"], &[]),
        ("6", 500, 1, "1970", &["2010-01-01 - 0"], &[], &[]),
        ("7", 500, 1, "1990", &[], &[], &["2015-01-01 b2 1/1"]),
        ("8", 500, 1, "1990", &[], &[], &["2014-01-01 b2 1/3"]),
        ("9", 500, 1, "1990", &[], &[], &["2015-01-01 b2 1/3", "2015-01-01 b2 1/3"]),
        ("10", 1, 1, "1990", &["2010-01-01 -  0"], &[], &["2015-01-01 none 1/3"]),
    ];
    let told = rows.map(|row| format!("{}: {}", row.0, files.say(row)));
    expect![[r"
        1: refused MALFORMED earlier[1].day MALFORMED later[0].day
        2: refused SAID_BEFORE_IT_BEGINS earlier[0].day
        3: refused FUTURE_DATE later[0].day
        4: refused REFERENCE_NOT_FOUND earlier[0].compound_id REFERENCE_NOT_FOUND later[0].compound_id
        5: refused FLOOR_AREA earlier[0].fields.floor_area_cm2 FUTURE_DATE later[0].day
        6: refused OUTSIDE_PARENT_LIFE exists_from
        7: refused SHARES_SUM split_off
        8: refused NOT_THERE split_off
        9: refused SPLIT_PARTS split_off
        10: refused REFERENCE_NOT_FOUND split_off[0] FLOOR_AREA fields.floor_area_cm2"]].assert_eq(&told.join("\n"));
}

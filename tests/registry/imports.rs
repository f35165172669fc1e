//! Rows of a source against what people say: never overwritten, told as long as it stands, and a
//! source never in conflict with itself.

use std::{fmt::Write as _, sync::Arc};

use anju::{
    domain::{
        building::BuildingUse,
        content::{Content, Fields},
    },
    kernel::{
        hash::Hash,
        id::{Kind, SubjectId},
        time::KnownAt,
    },
    registry::{
        Change, Command, Correct, Import, ImportRow, ItemOutcome, ItemRecord, Outcome, Reference,
        RowLife, RowMode,
    },
    store::{Store, memory::MemoryStore},
};

use crate::city::{City, at, day, fields, said};

/// A made-up city and a compound in it.
struct Files {
    city: City,
    compound: SubjectId,
    store: Arc<MemoryStore>,
}

/// What a row says of a building.
#[derive(Clone, Copy, Default, Hash)]
struct Says {
    from: &'static str,
    area_m2: Option<u64>,
    storeys: Option<u16>,
    is_office: Option<bool>,
    /// Since when it exists; the first of May 1990 when that is empty.
    since: &'static str,
}

fn content(says: Says) -> Content {
    fields(Kind::Building, |fields| {
        if let Fields::Building(fields) = fields {
            fields.floor_area_cm2 = says.area_m2.map(|area| Some(area * 10_000));
            fields.storeys_above = says.storeys.map(Some);
            fields.building_use = says.is_office.map(|is_office| {
                Some(if is_office { BuildingUse::Office } else { BuildingUse::Dwelling })
            });
        }
    })
}

impl Files {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let city = City::on(Arc::clone(&store) as Arc<dyn Store>);
        let compound = city.compound("示例小区", city.community("甲社区", city.street("一街道")));
        Self { city, compound, store }
    }

    fn row(&self, key: &str, says: Says) -> ImportRow {
        let since = if says.since.is_empty() { "1990-05-01" } else { says.since };
        let text = format!("{key} {} {since} {:?}", says.from, content(says).texts());
        ImportRow {
            key: key.to_owned(),
            hash: Hash::of(&[text.as_bytes()]),
            seed: self.city.seed(),
            content: content(says),
            references: vec![("compound_id", Kind::Compound, Reference::Id(self.compound))],
            exists_from: Some(said(since)),
            exists_from_when_new: None,
            from: (!says.from.is_empty()).then(|| day(says.from)),
            life: RowLife::default(),
            opens_partition: false,
            end: None,
            paper: None,
        }
    }

    fn send(&self, mode: RowMode, rows: &[(&str, Says)]) -> Outcome {
        let rows = (0..).zip(rows.iter().map(|(key, says)| self.row(key, *says)));
        let source = "survey".to_owned();
        let import = Import {
            source,
            mode,
            within: None,
            insurers: None,
            rows: rows.collect(),
            unread: Vec::new(),
        };
        self.city.run(self.city.home(), Command::Import(import)).unwrap()
    }

    /// One row, and what became of it: `conflict floor_area_cm2 20000000/10000000`.
    fn told(&self, mode: RowMode, says: Says) -> String {
        let outcome = self.send(mode, &[("1", says)]);
        outcome.decided.items.iter().map(words).collect()
    }

    fn change(&self, says: Says) -> String {
        self.told(RowMode::Change, says)
    }

    fn correction(&self, says: Says) -> String {
        self.told(RowMode::Correction, says)
    }

    /// The first row of a building.
    fn begun(&self, says: Says) -> SubjectId {
        self.send(RowMode::Change, &[("1", says)]).decided.subjects[0]
    }

    fn person_changes(&self, subject: SubjectId, says: Says) {
        let change = Change {
            subject,
            etag: None,
            from: day(says.from),
            second_of_day: None,
            order_key: Vec::new(),
            content: content(says),
            sentences: Vec::new(),
        };
        self.city.run(self.city.home(), Command::Change(change)).unwrap();
    }

    fn person_corrects(&self, subject: SubjectId, says: Says) {
        let correct = Correct {
            subject,
            etag: None,
            entry: None,
            from: None,
            content: content(says),
            exists_from: None,
            ended_on: None,
            sentences: Vec::new(),
        };
        self.city.correct(correct).unwrap();
    }

    fn head(&self) -> u64 {
        self.city.registry.frontier(self.city.home()).seq
    }

    fn etag(&self, subject: SubjectId) -> u64 {
        self.city.registry.get(subject, at("2024-01-01", KnownAt::Now)).unwrap().etag
    }

    fn value(&self, subject: SubjectId, field: &str, on: &str) -> String {
        let seen = self.city.registry.get(subject, at(on, KnownAt::Now)).unwrap();
        let texts = seen.content.texts();
        let text = texts.into_iter().find(|(name, _)| name == field);
        text.and_then(|(_, value)| value).unwrap_or_default()
    }

    fn values(&self, subject: SubjectId, field: &str, days: &[&str]) -> Vec<String> {
        days.iter().map(|on| self.value(subject, field, on)).collect()
    }
}

fn words(item: &ItemRecord) -> String {
    let mut told = match item.outcome {
        ItemOutcome::Created => "created",
        ItemOutcome::Changed => "changed",
        ItemOutcome::Unchanged => "unchanged",
        ItemOutcome::Conflict if item.is_partly_taken => "partly",
        ItemOutcome::Conflict => "conflict",
        ItemOutcome::Refused => "refused",
    }
    .to_owned();
    for conflict in &item.conflicts {
        let [row, registry] = [&conflict.row, &conflict.registry].map(|value| value.as_deref());
        let (row, registry) = (row.unwrap_or("?"), registry.unwrap_or("?"));
        write!(told, " {} {row}/{registry}", conflict.field).unwrap();
    }
    for refusal in &item.refusals {
        write!(told, " {} {}", refusal.field, refusal.reason).unwrap();
    }
    told
}

const NOTHING: Says = Says { from: "", area_m2: None, storeys: None, is_office: None, since: "" };

fn area(from: &'static str, area_m2: u64) -> Says {
    Says { from, area_m2: Some(area_m2), ..NOTHING }
}

fn storeys(from: &'static str, storeys: u16) -> Says {
    Says { from, storeys: Some(storeys), ..NOTHING }
}

#[test]
fn what_a_person_said_of_any_day_of_which_a_row_speaks_stays() {
    let files = Files::new();
    let id = files.begun(area("", 100));
    files.person_changes(id, area("2010-01-01", 200));
    // Today it is as the source said: only the days between tell that somebody spoke.
    files.person_changes(id, area("2020-01-01", 100));
    let days = ["2005-01-01", "2016-01-01", "2021-01-01"];
    let before = files.values(id, "floor_area_cm2", &days);
    assert_eq!(files.change(area("2015-01-01", 300)), "conflict floor_area_cm2 3000000/1000000");
    assert_eq!(files.change(area("2012-01-01", 400)), "conflict floor_area_cm2 4000000/1000000");
    assert_eq!(files.values(id, "floor_area_cm2", &days), before);
}

#[test]
fn a_correction_overwrites_no_person_on_no_day() {
    let files = Files::new();
    let id = files.begun(area("", 100));
    files.person_changes(id, area("2010-01-01", 200));
    files.person_changes(id, area("2020-01-01", 100));
    assert_eq!(files.correction(area("", 110)), "conflict floor_area_cm2 1100000/1000000");
    let days = ["2005-01-01", "2016-01-01", "2021-01-01"];
    let kept = ["1000000", "2000000", "1000000"];
    assert_eq!(files.values(id, "floor_area_cm2", &days), kept);
}

#[test]
fn a_conflict_is_told_as_long_as_it_stands_and_moves_nothing() {
    let mut files = Files::new();
    let id = files.begun(Says { storeys: Some(5), ..area("", 1000) });
    files.person_corrects(id, storeys("", 6));
    let row = storeys("2015-01-01", 7);
    let etag = files.etag(id);
    for run in 0..3 {
        let head = files.head();
        assert_eq!(files.change(row), "conflict storeys_above 7/6", "run {run}");
        // The first run remembers what the source said; the subject knows nothing of it.
        assert_eq!(files.head() - head, u64::from(run == 0), "run {run}");
        assert_eq!(files.etag(id), etag);
    }
    let told = |files: &Files| files.change(row);
    files.city.reopen(Arc::clone(&files.store) as Arc<dyn Store>);
    assert_eq!(told(&files), "conflict storeys_above 7/6");
    anju::registry::rebuild(files.store.as_ref(), &mut |_, _| {}).unwrap();
    let store = Arc::clone(&files.store) as Arc<dyn Store>;
    files.city.reopen(store);
    let head = files.head();
    assert_eq!(told(&files), "conflict storeys_above 7/6");
    assert_eq!(files.head(), head, "what the source said is remembered");
    // The row changes: so does what is told of it; and back.
    assert_eq!(files.change(storeys("2015-01-01", 8)), "conflict storeys_above 8/6");
    assert_eq!(files.change(storeys("2015-01-01", 5)), "conflict storeys_above 5/6");
    assert_eq!(told(&files), "conflict storeys_above 7/6");
    // It is settled when the person comes round to the source.
    files.person_corrects(id, storeys("", 7));
    assert_eq!(told(&files), "unchanged");
    assert_eq!(told(&files), "unchanged");
}

#[test]
fn of_a_row_that_is_partly_in_conflict_the_rest_is_taken_once() {
    let files = Files::new();
    let id = files.begun(Says { storeys: Some(5), ..area("", 1000) });
    files.person_corrects(id, storeys("", 6));
    let row = Says { storeys: Some(7), ..area("2015-01-01", 2000) };
    assert_eq!(files.change(row), "partly storeys_above 7/6");
    let head = files.head();
    assert_eq!(files.change(row), "conflict storeys_above 7/6");
    assert_eq!(files.change(row), "conflict storeys_above 7/6");
    assert_eq!(files.head(), head);
    assert_eq!(files.value(id, "floor_area_cm2", "2016-01-01"), "20000000");
    assert_eq!(files.value(id, "storeys_above", "2016-01-01"), "6");
}

#[test]
fn a_row_that_a_person_corrected_is_told_and_one_that_was_changed_later_is_not() {
    let files = Files::new();
    let id = files.begun(storeys("", 5));
    assert_eq!(files.change(storeys("", 5)), "unchanged");
    // The world changed after the row: both are right.
    files.person_changes(id, storeys("2020-01-01", 7));
    let head = files.head();
    assert_eq!(files.change(storeys("", 5)), "unchanged");
    // The row was wrong, says somebody; the source does not.
    files
        .city
        .correct(Correct {
            subject: id,
            etag: None,
            entry: Some(files.first_entry(id)),
            from: None,
            content: content(storeys("", 6)),
            exists_from: None,
            ended_on: None,
            sentences: Vec::new(),
        })
        .unwrap();
    for _ in 0..2 {
        assert_eq!(files.change(storeys("", 5)), "conflict storeys_above 5/6");
    }
    assert_eq!(files.head(), head + 1);
}

impl Files {
    fn first_entry(&self, id: SubjectId) -> u64 {
        let page = anju::kernel::page::PageRequest { rows: 50, after: Vec::new() };
        let rows = self.city.registry.history(id, KnownAt::Now, &page).unwrap().rows;
        rows.iter().map(|row| row.position.seq).min().unwrap()
    }
}

#[test]
fn a_source_is_never_in_conflict_with_itself() {
    let days = ["2010-01-01", "2022-01-01", "2025-06-01"];
    let files = Files::new();
    let id = files.begun(area("", 1000));
    files.city.tick("2026-06-01T04:00:00Z");
    assert_eq!(files.change(area("2025-01-01", 1100)), "changed");
    assert_eq!(files.change(area("2020-01-01", 1050)), "changed");
    let values = |files: &Files| files.values(id, "floor_area_cm2", &days);
    assert_eq!(values(&files), ["10000000", "10500000", "11000000"]);
    // A correction is of what the source said last, although today's value is another.
    assert_eq!(files.correction(area("", 1060)), "changed");
    assert_eq!(values(&files), ["10000000", "10600000", "11000000"]);
    assert_eq!(files.correction(area("", 1100)), "changed");
    assert_eq!(values(&files), ["10000000", "11000000", "11000000"]);
    assert_eq!(files.correction(area("", 1100)), "unchanged");
}

#[test]
fn what_was_taken_back_by_mistake_is_its_sources_own_when_it_stands_again() {
    let files = Files::new();
    let id = files.begun(area("", 1000));
    files.city.retract(id, None).unwrap();
    assert_eq!(files.change(area("2015-01-01", 1100)), "refused id ENTERED_IN_ERROR");
    let retraction = files.etag(id);
    files.city.retract(id, Some(retraction)).unwrap();
    assert_eq!(files.change(area("", 1000)), "unchanged");
    assert_eq!(files.change(area("2015-01-01", 1100)), "changed");
    // What a person said stays theirs.
    files.person_changes(id, area("2020-01-01", 1200));
    let change = files.etag(id);
    files.city.retract(id, Some(change)).unwrap();
    let retraction = files.etag(id);
    files.city.retract(id, Some(retraction)).unwrap();
    let told = files.change(area("2021-01-01", 1300));
    assert_eq!(told, "conflict floor_area_cm2 13000000/12000000");
}

#[test]
fn a_correction_of_what_was_said_at_several_times_is_taken_as_a_whole_or_not_at_all() {
    let files = Files::new();
    let id = files.begun(Says { storeys: Some(5), ..area("", 1000) });
    assert_eq!(files.change(Says { storeys: Some(5), ..area("2010-01-01", 1100) }), "changed");
    assert_eq!(files.correction(Says { storeys: Some(6), ..area("", 1200) }), "changed");
    let days = ["2000-01-01", "2011-01-01"];
    assert_eq!(files.values(id, "floor_area_cm2", &days), ["10000000", "12000000"]);
    assert_eq!(files.values(id, "storeys_above", &days), ["6", "6"]);
    let head = files.head();
    let row = Says { storeys: Some(290), ..area("", 1300) };
    assert!(files.correction(row).starts_with("refused"), "290 storeys are implausible here");
    assert_eq!(files.head(), head);
}

#[test]
fn many_conflicts_are_remembered_in_as_many_entries_as_they_need() {
    let files = Files::new();
    let keys: Vec<String> = (0..400).map(|number| format!("{number:0>90}")).collect();
    let all = |says: Says| keys.iter().map(|key| (key.as_str(), says)).collect::<Vec<_>>();
    let made = files.send(RowMode::Change, &all(storeys("", 5))).decided.subjects;
    for id in &made {
        files.person_corrects(*id, storeys("", 6));
    }
    let head = files.head();
    let rows = all(storeys("", 7)).into_iter().map(|(key, says)| files.row(key, says));
    let rows = (0..).zip(rows);
    let command = Command::Import(Import {
        source: "survey".to_owned(),
        mode: RowMode::Change,
        within: None,
        insurers: None,
        rows: rows.collect(),
        unread: Vec::new(),
    });
    let call = files.city.call(files.city.home());
    let first = files.city.registry.execute(call.clone(), command.clone()).unwrap();
    assert!(first.decided.items.iter().all(|item| words(item) == "conflict storeys_above 7/6"));
    assert!(files.head() > head + 1, "one entry cannot hold them");
    let again = files.city.registry.execute(call, command).unwrap();
    assert!(again.repeated);
    assert_eq!(again.decided, first.decided);
    let head = files.head();
    let told = files.send(RowMode::Change, &all(storeys("", 7)));
    assert!(told.decided.items.iter().all(|item| words(item) == "conflict storeys_above 7/6"));
    assert_eq!(files.head(), head);
}

fn since(since: &'static str) -> Says {
    Says { since, ..area("", 1000) }
}

impl Files {
    fn beginning(&self, subject: SubjectId) -> String {
        let seen = self.city.registry.get(subject, at("2024-01-01", KnownAt::Now)).unwrap();
        seen.exists_from.map(|day| day.to_string()).unwrap_or_default()
    }
}

#[test]
fn since_when_something_exists_is_corrected_and_does_not_change() {
    let files = Files::new();
    let id = files.begun(since("1990"));
    let head = files.head();
    assert_eq!(files.change(since("1991")), "refused exists_from NOT_CHANGEABLE");
    // Nothing else of such a row is taken, and what is wrong with it is told too.
    let more = Says { since: "1991", ..storeys("2015-01-01", 290) };
    let told = files.change(more);
    assert!(told.starts_with("refused exists_from NOT_CHANGEABLE fields.storeys"), "{told}");
    assert_eq!((files.head(), files.beginning(id)), (head, "1990".to_owned()));
    // All rules hold for a correction.
    let told = files.correction(since("2090"));
    assert_eq!(told, "refused exists_from FUTURE_DATE");
    assert_eq!(files.head(), head);
    assert_eq!(files.correction(since("1991")), "changed");
    assert_eq!(files.beginning(id), "1991");
    assert_eq!(files.correction(since("1991")), "unchanged");
    assert_eq!(files.change(since("1991")), "unchanged");
    // With a field of the registration it is one correction, beside the entry of the batch.
    let head = files.head();
    assert_eq!(files.correction(Says { since: "1992", ..area("", 1100) }), "changed");
    assert_eq!((files.head() - head, files.beginning(id)), (2, "1992".to_owned()));
    assert_eq!(files.correction(since("1990")), "changed");
    assert_eq!(files.beginning(id), "1990");
}

#[test]
fn what_a_person_said_of_a_beginning_stays() {
    let files = Files::new();
    let id = files.begun(since("1990"));
    let correct = Correct {
        subject: id,
        etag: None,
        entry: None,
        from: None,
        content: Content::empty(Kind::Building),
        exists_from: Some(said("1989-03-01")),
        ended_on: None,
        sentences: Vec::new(),
    };
    files.city.correct(correct).unwrap();
    for _ in 0..2 {
        assert_eq!(files.change(since("1990")), "conflict exists_from 1990/1989-03-01");
        assert_eq!(files.correction(since("1991")), "conflict exists_from 1991/1989-03-01");
    }
    let row = Says { since: "1991", ..area("2015-01-01", 2000) };
    assert_eq!(files.change(row), "partly exists_from 1991/1989-03-01");
    assert_eq!(files.change(row), "conflict exists_from 1991/1989-03-01");
    assert_eq!(files.beginning(id), "1989-03-01");
    assert_eq!(files.value(id, "floor_area_cm2", "2016-01-01"), "20000000");
    // The source comes round.
    assert_eq!(files.change(Says { since: "1989-03-01", ..row }), "unchanged");
}

#[test]
fn a_beginning_that_is_only_for_new_rows_says_nothing_of_others() {
    let files = Files::new();
    let id = files.begun(since("1990"));
    for mode in [RowMode::Change, RowMode::Correction] {
        let row = ImportRow {
            exists_from: None,
            exists_from_when_new: Some(said("2001")),
            hash: Hash::of(&[b"another"]),
            ..files.row("1", area("", 1000))
        };
        let rows = vec![(0, row)];
        let source = "survey".to_owned();
        let import =
            Import { source, mode, within: None, insurers: None, rows, unread: Vec::new() };
        let outcome = files.city.run(files.city.home(), Command::Import(import)).unwrap();
        assert_eq!(outcome.decided.items.iter().map(words).collect::<String>(), "unchanged");
    }
    assert_eq!(files.beginning(id), "1990");
}

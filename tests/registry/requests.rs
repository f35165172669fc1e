//! Requests sent twice, at once, after a restart, after a week; commands in one group; full queues.

use std::{
    sync::{Arc, mpsc::channel},
    thread,
};

use anju::{
    domain::{
        content::{Content, Fields},
        region::Level,
        timeline::EndCause,
    },
    kernel::{
        hash::Hash,
        id::{Kind, SubjectId},
        position::{Partition, Seq},
        time::{ReadTime, Stamp},
    },
    registry::{
        Call, Change, Command, Correct, End, Error, Import, ImportRow, Merge, MergeInto, Options,
        Outcome, Reference, Register, Retract, RowLife, RowMode, Split, SplitPart,
    },
    store::{
        Store,
        embedded::{EmbeddedOptions, EmbeddedStore, Reserve},
        memory::MemoryStore,
    },
};

use crate::{
    city::{City, building, day, fields, said},
    gate::Gate,
    rebuild::state,
};

fn reason(answer: &Result<Outcome, Error>) -> &str {
    match answer {
        Ok(_) => "",
        Err(Error::Refused(refusals)) => &refusals[0].reason,
        Err(error) => panic!("{error}"),
    }
}

fn name(subject: SubjectId, etag: Option<Seq>, name: &str) -> Command {
    let content = fields(Kind::Building, |fields| {
        if let Fields::Building(fields) = fields {
            fields.name = Some(Some(name.to_owned()));
        }
    });
    Command::Change(Change {
        subject,
        etag,
        from: day("2020-01-01"),
        second_of_day: None,
        order_key: Vec::new(),
        content,
        sentences: Vec::new(),
    })
}

fn register(city: &City, compound: SubjectId) -> Command {
    Command::Register(Register {
        seed: city.seed(),
        content: building(compound, 500),
        exists_from: said("1990-05-01"),
        opens_partition: false,
        sentences: Vec::new(),
    })
}

fn compound_of(city: &City) -> SubjectId {
    city.compound("示例小区", city.community("甲社区", city.street("一街道")))
}

/// The same command from sixteen threads at once, each with its own call.
fn at_once(city: &City, calls: Vec<Call>, command: &Command) -> Vec<Result<Outcome, Error>> {
    thread::scope(|scope| {
        let threads = calls
            .into_iter()
            .map(|call| scope.spawn(|| city.registry.execute(call, command.clone())))
            .collect::<Vec<_>>();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_request_sent_sixteen_times_at_once_is_done_once() {
    let city = City::new();
    let compound = compound_of(&city);
    let head = city.registry.frontier(city.home()).seq;
    let call = city.call(city.home());
    let answers = at_once(&city, vec![call; 16], &register(&city, compound));
    assert_eq!(city.registry.frontier(city.home()).seq, head + 1);
    let answers = answers.into_iter().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(answers.iter().filter(|answer| !answer.repeated).count(), 1);
    for answer in &answers {
        let same = Outcome { repeated: answers[0].repeated, ..answer.clone() };
        assert_eq!(same, answers[0]);
    }
}

#[test]
fn a_request_id_is_not_taken_for_another_request() {
    let city = City::new();
    let compound = compound_of(&city);
    let call = city.call(city.home());
    city.registry.execute(call.clone(), register(&city, compound)).unwrap();
    let mut other = call.clone();
    other.request.as_mut().unwrap().hash = Hash::of(&[b"another body"]);
    let head = city.registry.frontier(city.home()).seq;
    let answer = city.registry.execute(other, register(&city, compound));
    assert_eq!(reason(&answer), "REQUEST_ID_REUSED");
    assert_eq!(city.registry.frontier(city.home()).seq, head);
}

#[test]
fn of_sixteen_clients_with_one_etag_one_wins() {
    let city = City::new();
    let building = city.building(compound_of(&city), "1990-05-01", 500);
    let etag = city.registry.get(building, ReadTime::NOW).unwrap().etag;
    let calls = (0..16).map(|_| city.call(city.home())).collect();
    let answers = at_once(&city, calls, &name(building, Some(etag), "1号楼"));
    let won = answers.iter().filter(|answer| answer.is_ok()).count();
    let lost = answers.iter().filter(|answer| reason(answer) == "ETAG_MISMATCH").count();
    assert_eq!((won, lost), (1, 15));
}

#[test]
fn etags_and_requests_outlive_a_restart_and_a_rebuild() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let options = EmbeddedOptions {
            reserve: Reserve { bytes: 0, percent: 0 },
            cache_bytes: 16 * 1024 * 1024,
            ..EmbeddedOptions::default()
        };
        Arc::new(EmbeddedStore::open(directory.path(), options).unwrap().0)
    };
    let mut city = City::on(open());
    let building = city.building(compound_of(&city), "1990-05-01", 500);
    let etag = city.registry.get(building, ReadTime::NOW).unwrap().etag;
    let call = city.call(city.home());
    let command = name(building, Some(etag), "1号楼");
    let first = city.registry.execute(call.clone(), command.clone()).unwrap();
    for is_rebuilt in [false, true] {
        // The old store must be gone before its directory is opened again.
        city.reopen(Arc::new(MemoryStore::new()));
        let store = open();
        if is_rebuilt {
            anju::registry::rebuild(store.as_ref(), &mut |_, _| {}).unwrap();
        }
        city.reopen(store);
        let again = city.registry.execute(call.clone(), command.clone()).unwrap();
        assert!(again.repeated);
        assert_eq!(Outcome { repeated: false, ..again }, first);
        let stale = city.run(city.home(), name(building, Some(etag), "2号楼"));
        assert_eq!(reason(&stale), "ETAG_MISMATCH");
    }
    let seen = city.registry.get(building, ReadTime::NOW).unwrap();
    assert_eq!(seen.etag, first.entries[0]);
}

/// Holds the writer up with one command, so that the others make up one group.
fn in_one_group(gate: &Gate, city: &City, commands: Vec<Command>) -> Vec<Result<Outcome, Error>> {
    gate.close_after(0);
    let (sender, receiver) = channel();
    let send = |index: usize, command: Command| {
        let sender = sender.clone();
        city.registry.submit(city.call(city.home()), command, move |answer| {
            sender.send((index, answer)).unwrap();
        });
    };
    send(0, register_street(city));
    gate.wait_for_a_commit();
    let count = commands.len();
    for (index, command) in commands.into_iter().enumerate() {
        send(index + 1, command);
    }
    gate.open();
    let mut answers = (0..=count).map(|_| receiver.recv().unwrap()).collect::<Vec<_>>();
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().skip(1).map(|(_, answer)| answer).collect()
}

fn register_street(city: &City) -> Command {
    let content = fields(Kind::Region, |fields| {
        if let Fields::Region(fields) = fields {
            fields.level = Some(Level::Street);
            fields.name = Some(Some("二街道".to_owned()));
            fields.parent = Some(Some(city.district.try_into().unwrap()));
        }
    });
    Command::Register(Register {
        seed: city.seed(),
        content,
        exists_from: said("<2023-07-01"),
        opens_partition: false,
        sentences: Vec::new(),
    })
}

#[test]
fn refused_and_panicking_commands_harm_no_other_of_their_group() {
    let gate = Arc::new(Gate::default());
    let city = City::on(Arc::clone(&gate) as Arc<dyn Store>);
    let compound = compound_of(&city);
    let one = city.building(compound, "1990-05-01", 500);
    let trapped = city.building(compound, "1990-05-01", 500);
    let _opened = gate.opened_at_the_end();
    let head = city.registry.frontier(city.home()).seq;
    gate.panic_on(Some(trapped.to_bytes().to_vec()));
    let answers = in_one_group(
        &gate,
        &city,
        vec![
            name(one, None, "1号楼"),
            name(trapped, None, "2号楼"),
            name(one, Some(1), "3号楼"),
            register(&city, compound),
            name(trapped, None, "4号楼"),
            name(one, None, "5号楼"),
        ],
    );
    gate.panic_on(None);
    assert_eq!(city.registry.observed().last_commands, 6, "they were not one group");
    let told = answers
        .iter()
        .map(|answer| match answer {
            Ok(outcome) => format!("entry {}", outcome.entries[0] - head),
            Err(Error::Bug(what)) => what.clone(),
            Err(_) => reason(answer).to_owned(),
        })
        .collect::<Vec<_>>();
    let panicked = "a command panicked: the trap was trodden on";
    assert_eq!(told, ["entry 2", panicked, "ETAG_MISMATCH", "entry 3", panicked, "entry 4"]);
    let name_of = |id| {
        let seen = city.registry.get(id, ReadTime::NOW).unwrap();
        seen.content.texts().into_iter().find(|(field, _)| field == "name")
    };
    assert_eq!(name_of(one), Some(("name".to_owned(), Some("5号楼".to_owned()))));
    assert_eq!(name_of(trapped), None);
    // And the state is what its entries say.
    let live = state(city.registry.store());
    anju::registry::rebuild(city.registry.store(), &mut |_, _| {}).unwrap();
    assert!(live == state(city.registry.store()));
}

#[test]
fn a_full_queue_says_when_to_come_again_and_loses_nothing() {
    let gate = Arc::new(Gate::default());
    let options = Options { queue: 2, ..Options::default() };
    let city = City::with(Arc::clone(&gate) as Arc<dyn Store>, options);
    let compound = compound_of(&city);
    let _opened = gate.opened_at_the_end();
    let head = city.registry.frontier(city.home()).seq;
    gate.close_after(0);
    let (sender, receiver) = channel();
    let send = |command: Command| {
        let sender = sender.clone();
        city.registry.submit(city.call(city.home()), command, move |answer| {
            sender.send(answer).unwrap();
        });
    };
    send(register(&city, compound));
    gate.wait_for_a_commit();
    assert_eq!(city.registry.waiting(), 0, "what is being written does not wait");
    for _ in 0..5 {
        send(register(&city, compound));
    }
    assert_eq!(city.registry.waiting(), 2, "what was turned away does not wait");
    for _ in 0..3 {
        match receiver.recv().unwrap() {
            Err(Error::Busy(after)) => assert!(!after.is_zero()),
            other => panic!("{other:?}"),
        }
    }
    gate.open();
    for _ in 0..3 {
        receiver.recv().unwrap().unwrap();
    }
    assert_eq!(city.registry.waiting(), 0);
    assert_eq!(city.registry.frontier(city.home()).seq, head + 3);
}

#[test]
fn a_request_is_remembered_for_seven_days_of_stamps() {
    const DAY: i64 = 24 * 3_600_000_000;
    let city = City::new();
    let building = city.building(compound_of(&city), "1990-05-01", 500);
    let start = city.registry.now().micros();
    let call = city.call(city.home());
    let first = city.registry.execute(call.clone(), name(building, None, "1号楼")).unwrap();
    for days in [1, 6, 7] {
        city.clock.set(Stamp::from_micros(start + days * DAY));
        // Other requests of these days must not make it forgotten early.
        for _ in 0..20 {
            city.run(city.home(), name(building, None, "2号楼")).unwrap();
        }
        let again = city.registry.execute(call.clone(), name(building, None, "1号楼")).unwrap();
        assert!(again.repeated, "after {days} days");
        assert_eq!(again.entries, first.entries);
    }
    city.clock.set(Stamp::from_micros(start + 8 * DAY));
    let anew = city.registry.execute(call, name(building, None, "1号楼")).unwrap();
    assert!(!anew.repeated);
    // What is forgotten takes no room either.
    city.clock.set(Stamp::from_micros(start + 40 * DAY));
    for _ in 0..20 {
        city.run(city.home(), name(building, None, "2号楼")).unwrap();
    }
    let home = city.home().to_bytes();
    let kept = state(city.registry.store());
    let requests = kept.keys().filter(|key| key.starts_with(&home) && key[3] == b'Q').count();
    assert_eq!(requests, 20);
}

/// A row of an outside source that is new when its key is.
fn row(city: &City, compound: SubjectId, key: &str, area_m2: u64) -> ImportRow {
    ImportRow {
        key: key.to_owned(),
        hash: Hash::of(&[key.as_bytes(), &area_m2.to_be_bytes()]),
        seed: city.seed(),
        content: fields(Kind::Building, |fields| {
            if let Fields::Building(fields) = fields {
                fields.floor_area_cm2 = Some(Some(area_m2 * 10_000));
            }
        }),
        references: vec![("compound_id", Kind::Compound, Reference::Id(compound))],
        exists_from: (area_m2 > 0).then(|| said("1990-05-01")),
        exists_from_when_new: None,
        from: Some(day("2010-01-01")),
        life: RowLife::default(),
        opens_partition: false,
        end: None,
        paper: None,
    }
}

fn import(city: &City, compound: SubjectId, rows: &[(&str, u64)]) -> Command {
    let rows = (0..).zip(rows.iter().map(|(key, area)| row(city, compound, key, *area)));
    let (source, mode) = ("survey".to_owned(), RowMode::Change);
    Command::Import(Import {
        source,
        mode,
        within: None,
        insurers: None,
        rows: rows.collect(),
        unread: Vec::new(),
    })
}

/// Every kind of command. Each is sent when those before it were done.
fn every_command(city: &City, mut send: impl FnMut(&'static str, Command) -> Outcome) {
    let community = city.community("甲社区", city.street("一街道"));
    let compound = city.compound("示例小区", community);
    let other = city.compound("另一小区", community);
    let [one, two, three, four, five] = [0; 5].map(|_| city.building(compound, "1990-05-01", 500));
    let unit = city.unit(two, "1990-05-01");
    city.unit(three, "1990-05-01");
    let flats = [city.unit(four, "1990-05-01"), city.unit(four, "1990-05-01")];
    let end = |subject| {
        let day = said("2020-01-01");
        Command::End(End { subject, etag: None, day, cause: EndCause::Demolished })
    };
    let retract = |subject, entry| Command::Retract(Retract { subject, etag: None, entry });
    let correct = |subject: SubjectId, from: Option<&str>, to: Option<&str>| {
        Command::Correct(Correct {
            subject,
            etag: None,
            entry: None,
            from: None,
            content: Content::empty(subject.kind()),
            exists_from: from.map(said),
            ended_on: to.map(said),
            sentences: Vec::new(),
        })
    };
    let split = |subject: SubjectId, children: &[SubjectId]| {
        let content = || fields(subject.kind(), |_| {});
        let part = || SplitPart { seed: city.seed(), content: content(), share: (1, 2) };
        Command::Split(Split {
            subject,
            etag: None,
            day: day("2019-01-01"),
            parts: vec![part(), part()],
            assignments: children.iter().map(|child| (*child, 1)).collect(),
            keeps: false,
        })
    };
    let merge = |kind, subjects, into| {
        Command::Merge(Merge { kind, subjects, day: day("2021-01-01"), into })
    };
    let new = |kind| MergeInto::New { seed: city.seed(), content: Box::new(fields(kind, |_| {})) };
    send("register", register(city, compound));
    let item = || match register(city, compound) {
        Command::Register(item) => item,
        _ => unreachable!(),
    };
    let items = vec![item(), Register { content: Content::empty(Kind::Unit), ..item() }, item()];
    send("register several", Command::RegisterAll { items, per_item: true });
    send("change", name(one, None, "1号楼"));
    send("correct", correct(one, Some("1991"), None));
    send("split a unit", split(unit, &[]));
    send("end a building with units", end(two));
    send("correct the end to a later day", correct(two, None, Some("2021-01-01")));
    let ended = send("correct the end to an earlier day", correct(two, None, Some("2019-06-01")));
    send("take the end back", retract(two, ended.entries.last().copied()));
    let halves = send("split a building", split(four, &flats));
    let merge_halves = merge(Kind::Building, halves.decided.subjects.clone(), new(Kind::Building));
    let merged = send("merge two into a new one", merge_halves);
    let second = halves.decided.subjects[1];
    send("take the merge back", retract(second, merged.entries.last().copied()));
    send("take the split back", retract(four, halves.entries.last().copied()));
    let into = MergeInto::Existing(other);
    send("merge compounds", merge(Kind::Compound, vec![compound], into));
    send("import new rows", import(city, other, &[("a", 100), ("b", 0), ("c", 300)]));
    send("import changed rows", import(city, other, &[("a", 110), ("c", 310)]));
    let rows = [("d", 100), ("a", 110), ("c", 320), ("e", 0), ("f", 9)];
    send("import rows of all kinds", import(city, other, &rows));
    send("take back a building with units", retract(three, None));
    send("merge into a new one", merge(Kind::Building, vec![one, five], new(Kind::Building)));
}

/// Takes back what is there, and that again: an end, a merge, a split and a registration, each with
/// what goes along.
fn every_undoing(city: &City, mut send: impl FnMut(&'static str, Command) -> Outcome) {
    let compound = city.compound("第三小区", city.community("乙社区", city.street("二街道")));
    let [one, two, three, four] = [0; 4].map(|_| city.building(compound, "1990-05-01", 500));
    let flats = [one, two, three, four].map(|block| city.unit(block, "1990-05-01"));
    let content = || fields(Kind::Building, |_| {});
    let ended = said("2020-01-01");
    let demolished = EndCause::Demolished;
    let end = End { subject: one, etag: None, day: ended, cause: demolished };
    send("end a building with a unit", Command::End(end));
    let into = MergeInto::New { seed: city.seed(), content: Box::new(content()) };
    let (kind, day) = (Kind::Building, day("2019-01-01"));
    send("merge", Command::Merge(Merge { kind, subjects: vec![two, three], day, into }));
    let part = || SplitPart { seed: city.seed(), content: content(), share: (1, 2) };
    let split = Split {
        subject: four,
        etag: None,
        day,
        parts: vec![part(), part()],
        assignments: vec![(flats[3], 1)],
        keeps: false,
    };
    let parts = send("split", Command::Split(split)).decided.subjects;
    let mut last_of = |what, id| {
        let entry = Some(city.registry.get(id, ReadTime::NOW).unwrap().etag);
        send(what, Command::Retract(Retract { subject: id, etag: None, entry }))
    };
    for _ in 0..2 {
        last_of("take the end back, or that", one);
        last_of("take the merge back, or that", three);
        last_of("take the split back, or that", four);
    }
    // By others that took part.
    last_of("take the merge back", two);
    last_of("take that back", three);
    last_of("take the split back", parts[1]);
    let entry = Some(city.registry.get(four, ReadTime::NOW).unwrap().etag);
    let undo = |subject, entry| Command::Retract(Retract { subject, etag: None, entry });
    send("take that back", undo(parts[0], entry));
    send("take a building with a unit back", undo(one, None));
    let entry = Some(city.registry.get(one, ReadTime::NOW).unwrap().etag);
    send("take that back", undo(one, entry));
}

/// Every kind of command, sent again at once, after what it made was taken back, after a restart and
/// after a rebuild: the answer is the first.
#[test]
fn every_command_sent_again_is_answered_as_at_first() {
    let kept = Arc::new(MemoryStore::new());
    let mut city = City::on(Arc::clone(&kept) as Arc<dyn Store>);
    let mut sent: Vec<(&str, Call, Command, Outcome)> = Vec::new();
    let check = |city: &City, sent: &[(&str, Call, Command, Outcome)]| {
        for (what, call, command, first) in sent {
            let again = city.registry.execute(call.clone(), command.clone()).unwrap();
            assert!(again.repeated, "{what}");
            assert_eq!(Outcome { repeated: false, ..again }, *first, "{what}");
        }
    };
    let mut first_time = |what, command: Command| {
        let call = city.call(city.home());
        let first = city.registry.execute(call.clone(), command.clone());
        let first = first.unwrap_or_else(|error| panic!("{what}: {error}"));
        sent.push((what, call, command, first.clone()));
        check(&city, &sent[sent.len() - 1..]);
        first
    };
    every_undoing(&city, &mut first_time);
    every_command(&city, &mut first_time);
    let mut subjects =
        sent.iter().flat_map(|(_, _, _, first)| first.decided.subjects.clone()).collect::<Vec<_>>();
    subjects.sort_unstable();
    subjects.dedup();
    // The last merge goes first: what was merged cannot go before that.
    let (_, _, _, merge) = &sent[sent.len() - 1];
    city.retract(merge.decided.subjects[0], merge.entries.last().copied()).unwrap();
    let gone = subjects.iter().filter(|id| city.retract(**id, None).is_ok()).count();
    assert!(gone >= 8, "{gone} of {} were taken back", subjects.len());
    check(&city, &sent);
    city.reopen(Arc::clone(&kept) as Arc<dyn Store>);
    check(&city, &sent);
    anju::registry::rebuild(kept.as_ref(), &mut |_, _| {}).unwrap();
    city.reopen(kept);
    check(&city, &sent);
}

#[test]
fn an_import_into_one_partition_writes_nothing_into_another() {
    let city = City::new();
    let here = city.compound("示例小区", city.community("甲社区", city.street("一街道")));
    let elsewhere = city.region(Level::City, "洛阳市", Some(city.province), true);
    let district = city.region(Level::District, "涧西区", Some(elsewhere), false);
    let street = city.region(Level::Street, "一街道", Some(district), false);
    let there = city.compound("示例小区", city.community("甲社区", street));
    assert_ne!(there.partition(), city.home());
    let heads = || city.registry.partitions();
    let reasons = |partition, command| {
        let items = city.run(partition, command).unwrap().decided.items;
        items
            .iter()
            .flat_map(|item| item.refusals.clone())
            .map(|one| one.reason)
            .collect::<Vec<_>>()
    };
    let before = heads();
    let foreign = || import(&city, there, &[("a", 100)]);
    for partition in [city.home(), Partition::ROOT] {
        assert_eq!(reasons(partition, foreign()), ["OTHER_PARTITION"]);
    }
    assert_eq!(heads(), before);
    assert!(reasons(there.partition(), foreign()).is_empty());
    // Nor may a row that is known there, or exported from there, be changed from here.
    let before = heads();
    let id = city.building(there, "1990-05-01", 500);
    let Command::Import(mut exported) = import(&city, here, &[(&id.to_string(), 700)]) else {
        unreachable!()
    };
    "anju-export".clone_into(&mut exported.source);
    assert_eq!(reasons(city.home(), Command::Import(exported)), ["OTHER_PARTITION"]);
    assert_eq!(heads().get(1), before.get(1));
}

//! Requests sent twice, at once, after a restart, after a week; commands in one group; full queues.

use std::{
    sync::{Arc, mpsc::channel},
    thread,
};

use anju::{
    domain::{content::Fields, timeline::EndCause},
    kernel::{
        hash::Hash,
        id::{Kind, SubjectId},
        position::Seq,
        time::{ReadTime, Stamp},
    },
    registry::{
        Call, Change, Command, Correct, End, Error, Merge, MergeInto, Options, Outcome, Register,
        Retract, Split, SplitPart,
    },
    store::{
        Store,
        embedded::{EmbeddedOptions, EmbeddedStore, Reserve},
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
        city.reopen(Arc::new(anju::store::memory::MemoryStore::new()));
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
            fields.level = Some(anju::domain::region::Level::Street);
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

/// Every kind of command, sent twice: the second answer is the first.
#[test]
fn every_command_sent_again_is_answered_as_at_first() {
    let city = City::new();
    let community = city.community("甲社区", city.street("一街道"));
    let compound = city.compound("示例小区", community);
    let other = city.compound("另一小区", community);
    let [one, two, three] = [0; 3].map(|_| city.building(compound, "1990-05-01", 500));
    let unit = city.unit(two, "1990-05-01");
    city.unit(three, "1990-05-01");
    let end = |subject| {
        let day = said("2020-01-01");
        Command::End(End { subject, etag: None, day, cause: EndCause::Demolished })
    };
    let seed = || city.seed();
    let part = |share| SplitPart { seed: seed(), content: fields(Kind::Unit, |_| {}), share };
    let commands = vec![
        ("register", register(&city, compound)),
        ("change", name(one, None, "1号楼")),
        (
            "correct",
            Command::Correct(Correct {
                subject: one,
                etag: None,
                entry: None,
                from: None,
                content: fields(Kind::Building, |_| {}),
                exists_from: Some(said("1991")),
                ended_on: None,
                sentences: Vec::new(),
            }),
        ),
        (
            "split a unit",
            Command::Split(Split {
                subject: unit,
                etag: None,
                day: day("2019-01-01"),
                parts: vec![part((1, 2)), part((1, 2))],
                assignments: Vec::new(),
                keeps: false,
            }),
        ),
        ("end a building with units", end(two)),
        (
            "merge compounds",
            Command::Merge(Merge {
                kind: Kind::Compound,
                subjects: vec![compound],
                day: day("2021-01-01"),
                into: MergeInto::Existing(other),
            }),
        ),
        (
            "take back a building with units",
            Command::Retract(Retract { subject: three, etag: None, entry: None }),
        ),
    ];
    let mut wrong = Vec::new();
    for (what, command) in commands {
        let call = city.call(city.home());
        let first = city.registry.execute(call.clone(), command.clone()).unwrap();
        let again = city.registry.execute(call, command).unwrap();
        assert!(again.repeated, "{what}");
        assert_eq!(again.position, first.position, "{what}");
        assert_eq!(again.entries, first.entries, "{what}");
        assert_eq!(again.stamp, first.stamp, "{what}");
        if again.decided.subjects != first.decided.subjects {
            wrong.push((what, first.decided.subjects, again.decided.subjects));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

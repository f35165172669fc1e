//! A state that is found damaged while the registry runs: it is computed again by itself, and until
//! that is done nobody is told anything from it.

use std::{
    fs,
    os::unix::fs::FileExt as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anju::{
    kernel::{
        id::{Kind, SubjectId},
        page::PageRequest,
        position::{Partition, Seq},
        time::{KnownAt, ReadTime},
    },
    registry::{Command, Error, ListOf, Register, Registry, Search, Sought},
    store::{
        Limit, Store, StoreError,
        embedded::{EmbeddedOptions, EmbeddedStore, Reserve},
        memory::MemoryStore,
    },
};

use crate::{
    city::{City, building, said},
    gate::{Damage, Gate},
    rebuild::{journal_of, state},
};

/// How long damage may stay unnoticed by readers who ask for everything.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the readers ask, one number a question.
struct Questions {
    buildings: Vec<SubjectId>,
    compound: SubjectId,
    district: SubjectId,
    head: Seq,
}

impl Questions {
    /// A compound of so many buildings.
    fn of(city: &City, count: u64) -> Self {
        let community = city.community("甲社区", city.street("一街道"));
        let compound = city.compound("示例小区", community);
        let mut buildings = Vec::new();
        for hundred in 0..count.div_ceil(100) {
            let items = (0..100)
                .map(|number| Register {
                    seed: city.seed(),
                    content: building(compound, 1_000 + hundred * 100 + number),
                    exists_from: said("1986-05-01"),
                    opens_partition: false,
                    sentences: Vec::new(),
                })
                .collect();
            let command = Command::RegisterAll { items, per_item: false };
            buildings.extend(city.run(city.home(), command).unwrap().decided.subjects);
        }
        let head = city.registry.frontier(city.home()).seq;
        Self { buildings, compound, district: city.district, head }
    }

    fn count(&self) -> usize {
        self.buildings.len() + 6
    }

    /// The answer to a question, as text.
    fn ask(&self, registry: &Registry, number: usize) -> Result<String, Error> {
        let page = |rows| PageRequest { rows, after: Vec::new() };
        let home = self.district.partition();
        let then = ReadTime { valid_at: None, known_at: KnownAt::Seq(self.head / 2) };
        let asked = |answer: Result<String, Error>| registry.noticed(answer);
        if let Some(id) = self.buildings.get(number) {
            return asked(registry.get(*id, ReadTime::NOW).map(|seen| format!("{seen:?}")));
        }
        let list = |of, time| {
            let list = registry.list(of, time, &page(5_000))?;
            Ok(list.rows.iter().map(|row| row.id.to_string()).collect::<String>())
        };
        asked(match number - self.buildings.len() {
            0 => list(ListOf::Below(Kind::Building, self.district), ReadTime::NOW),
            1 => list(ListOf::Below(Kind::Building, self.compound), then),
            2 => registry
                .totals(self.district, ReadTime::NOW)
                .map(|totals| format!("{:?}", totals.amounts)),
            3 => registry.totals(self.district, then).map(|totals| format!("{:?}", totals.amounts)),
            4 => registry.checkpoint(home, None).map(|checkpoint| format!("{checkpoint:?}")),
            _ => {
                let search = Search {
                    partition: home,
                    kinds: vec![Kind::Compound],
                    below: None,
                    sought: Sought::Text("示例小区".to_owned()),
                };
                let found = registry.search(&search, ReadTime::NOW, &page(10))?;
                Ok(format!("{:?}", found.rows))
            }
        })
    }

    fn answers(&self, registry: &Registry) -> Vec<String> {
        (0..self.count()).map(|number| self.ask(registry, number).unwrap()).collect()
    }
}

fn is_rebuilding<T: std::fmt::Debug>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::Store(StoreError::Rebuilding { .. })))
}

#[test]
fn damage_that_only_a_read_meets_is_mended_and_nothing_half_built_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions {
        // Little is kept in memory; the rest must be read from the file.
        cache_bytes: 256 * 1024,
        // What is not in sled cannot be damaged there.
        buffer_bytes: 16 * 1024,
        reserve: Reserve { bytes: 0, percent: 0 },
        ..EmbeddedOptions::default()
    };
    let (store, _) = EmbeddedStore::open(directory.path(), options).unwrap();
    let city = City::on(Arc::new(store));
    let questions = Questions::of(&city, 3_000);
    let before = questions.answers(&city.registry);
    let kept = state(city.registry.store());

    let db = directory.path().join("state/db");
    let length = usize::try_from(fs::metadata(&db).unwrap().len()).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&db).unwrap();
    file.write_all_at(&vec![0x5a; length], 0).unwrap();

    let (answered, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let stop = AtomicBool::new(false);
    let reader = |first: usize| {
        let mut number = first;
        while !stop.load(Ordering::SeqCst) {
            number = (number + 7) % questions.count();
            match questions.ask(&city.registry, number) {
                Ok(told) => {
                    assert!(told == before[number], "question {number}: {told}");
                    let answered = answered.fetch_add(1, Ordering::SeqCst);
                    assert!(answered < 20 * questions.count(), "nobody met the damage");
                }
                answer if is_rebuilding(&answer) => {
                    refused.fetch_add(1, Ordering::SeqCst);
                }
                Err(error) => panic!("question {number}: {error}"),
            }
        }
    };
    let begun = Instant::now();
    thread::scope(|scope| {
        let readers = [scope.spawn(|| reader(0)), scope.spawn(|| reader(3))];
        let has_failed = || readers.iter().any(thread::ScopedJoinHandle::is_finished);
        let is_mended = || directory.path().join("state.aside").exists();
        while !(has_failed() || is_mended() && questions.ask(&city.registry, 0).is_ok()) {
            assert!(begun.elapsed() < PATIENCE, "nobody met the damage");
            // The journal is read as ever.
            assert_eq!(city.registry.frontier(city.home()).seq, questions.head);
            city.registry.bytes(city.home(), questions.head).unwrap();
        }
        stop.store(true, Ordering::SeqCst);
    });
    assert!(refused.load(Ordering::SeqCst) > 0, "nobody was refused");
    assert!(questions.answers(&city.registry) == before);
    assert!(state(city.registry.store()) == kept);
    city.building(questions.compound, "1990", 500);
}

#[test]
fn while_the_state_is_computed_again_only_the_journal_is_read() {
    let gate = Arc::new(Gate::default());
    let city = City::on(Arc::clone(&gate) as Arc<dyn Store>);
    let questions = Questions::of(&city, 200);
    let before = questions.answers(&city.registry);
    let _opened = gate.opened_at_the_end();
    gate.hold_replays_after(0);
    gate.damage(Damage::Unread(questions.buildings[0].to_bytes().to_vec()), true);
    assert!(is_rebuilding(&questions.ask(&city.registry, 0)));
    gate.wait_for_a_replay();
    // Nothing is there yet; then what lies between cities is, and the rest is not.
    let of_root = city.registry.frontier(Partition::ROOT).seq;
    let total = of_root + questions.head;
    for done in [0, of_root] {
        let progress = format!("{done} of {total} entries");
        for number in 0..questions.count() {
            let told = questions.ask(&city.registry, number).unwrap_err().to_string();
            assert!(told.ends_with(&progress), "question {number}: {told}");
        }
        let limit = Limit { entries: 1_000, bytes: usize::MAX };
        let entries = city.registry.entries(city.home(), 1, limit).unwrap();
        assert_eq!(entries.len() as u64, questions.head);
        let item = Register {
            seed: city.seed(),
            content: building(questions.compound, 500),
            exists_from: said("1990"),
            opens_partition: false,
            sentences: Vec::new(),
        };
        assert!(is_rebuilding(&city.run(city.home(), Command::Register(item))));
        if done == 0 {
            gate.pass_one_replay();
        }
    }
    gate.open();
    while is_rebuilding(&questions.ask(&city.registry, 0)) {
        thread::yield_now();
    }
    assert_eq!(questions.answers(&city.registry), before);
    assert_eq!(city.registry.frontier(city.home()).seq, questions.head);
}

#[test]
fn a_value_that_cannot_be_read_is_computed_again_but_not_again_and_again() {
    let gate = Arc::new(Gate::default());
    let city = City::on(Arc::clone(&gate) as Arc<dyn Store>);
    let questions = Questions::of(&city, 100);
    let before = questions.answers(&city.registry);
    let bytes = questions.buildings[3].to_bytes().to_vec();
    gate.damage(Damage::Garbled(bytes.clone()), true);
    assert!(is_rebuilding(&questions.ask(&city.registry, 3)));
    while is_rebuilding(&questions.ask(&city.registry, 0)) {
        thread::yield_now();
    }
    assert_eq!(questions.answers(&city.registry), before);
    // What is still so after that is told of the one subject, and the others are served.
    gate.damage(Damage::Garbled(bytes), false);
    let told = questions.ask(&city.registry, 3);
    assert!(matches!(told, Err(Error::StateDamaged(_))), "{told:?}");
    assert_eq!(questions.ask(&city.registry, 4).unwrap(), before[4]);
}

#[test]
fn a_group_that_reached_the_journal_and_not_the_state_is_there_when_the_state_is_whole() {
    let gate = Arc::new(Gate::default());
    let city = City::on(Arc::clone(&gate) as Arc<dyn Store>);
    let questions = Questions::of(&city, 100);
    let total = city.totals(city.district, ReadTime::NOW);
    assert!(total.starts_with("100 buildings"), "{total}");
    let call = city.call(city.home());
    let item = Register {
        seed: city.seed(),
        content: building(questions.compound, 500),
        exists_from: said("1990"),
        opens_partition: false,
        sentences: Vec::new(),
    };
    gate.damage(Damage::Unwritten, true);
    let answer = city.registry.execute(call.clone(), Command::Register(item.clone()));
    assert!(matches!(answer, Err(Error::Store(StoreError::Unavailable(_)))), "{answer:?}");
    let again = loop {
        let answer = city.registry.execute(call.clone(), Command::Register(item.clone()));
        if !is_rebuilding(&answer) {
            break answer.unwrap();
        }
        thread::yield_now();
    };
    assert!(again.repeated);
    assert_eq!(city.registry.frontier(city.home()).seq, questions.head + 1);
    let total = city.totals(city.district, ReadTime::NOW);
    assert!(total.starts_with("101 buildings"), "{total}");
    let copy: MemoryStore = journal_of(city.registry.store());
    anju::registry::replay(&copy, &copy, &mut |_, _| {}).unwrap();
    assert!(state(&copy) == state(city.registry.store()));
}

#[test]
fn a_state_that_is_found_damaged_at_the_start_is_computed_again() {
    let gate = Arc::new(Gate::default());
    let mut city = City::on(Arc::clone(&gate) as Arc<dyn Store>);
    let questions = Questions::of(&city, 100);
    let before = questions.answers(&city.registry);
    for damage in [Damage::Unread, Damage::Garbled] {
        gate.damage(damage(city.home().to_bytes().to_vec()), true);
        city.reopen(Arc::clone(&gate) as Arc<dyn Store>);
        assert_eq!(questions.answers(&city.registry), before);
    }
}

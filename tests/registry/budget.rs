//! What a command costs, counted: the budget of state keys is held here and not in a benchmark.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use anju::{
    domain::{content::Fields, finding::catalogue::Severity},
    kernel::{
        id::{Kind, SubjectId},
        page::PageRequest,
        position::{Partition, Seq},
        time::ReadTime,
    },
    registry::{Command, Register, ReportStep, Search, Sought},
    store::{
        Direction, Group, Head, Key, KeyRange, Limit, Stats, Step, Store, StoreError, Value, View,
        memory::MemoryStore,
    },
};

use crate::{
    boxes::{around, placed},
    city::{City, building, compound, day, fields, said},
    papers::{Desk, crack, survey},
};

/// A memory store that remembers the last group's keys and how many keys of places were walked.
struct Counting {
    inner: MemoryStore,
    keys: Arc<Mutex<Vec<Vec<u8>>>>,
    walked: Arc<AtomicUsize>,
}

struct CountingView<'a> {
    inner: Box<dyn View + 'a>,
    walked: &'a AtomicUsize,
}

impl View for CountingView<'_> {
    fn applied(&self, partition: Partition) -> Seq {
        self.inner.applied(partition)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.inner.get(key)
    }

    fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, StoreError> {
        let rows = self.inner.scan(range, direction, limit)?;
        let places = rows.iter().filter(|(key, _)| key.get(3) == Some(&b'L')).count();
        self.walked.fetch_add(places, Ordering::SeqCst);
        Ok(rows)
    }
}

impl Store for Counting {
    fn view(&self) -> Result<Box<dyn View + '_>, StoreError> {
        Ok(Box::new(CountingView { inner: self.inner.view()?, walked: &self.walked }))
    }

    fn commit(&self, group: Group) -> Result<(), StoreError> {
        let writes = group.steps.iter().flat_map(|step| &step.writes);
        *self.keys.lock().unwrap() = writes.map(|write| write.key.clone()).collect();
        self.inner.commit(group)
    }

    fn replay(&self, steps: Vec<Step>) -> Result<(), StoreError> {
        self.inner.replay(steps)
    }

    fn entries(
        &self,
        partition: Partition,
        from: Seq,
        limit: Limit,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        self.inner.entries(partition, from, limit)
    }

    fn entries_at(&self, partition: Partition, at: &[Seq]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.inner.entries_at(partition, at)
    }

    fn overwrite(&self, partition: Partition, seq: Seq, bytes: &[u8]) -> Result<(), StoreError> {
        self.inner.overwrite(partition, seq, bytes)
    }

    fn heads(&self) -> Vec<Head> {
        self.inner.heads()
    }

    fn clear_state(&self) -> Result<(), StoreError> {
        self.inner.clear_state()
    }

    fn stats(&self) -> Stats {
        self.inner.stats()
    }
}

fn full_building(city: &City, compound: SubjectId, number: u64) -> Register {
    let mut content = building(compound, 2_400);
    if let Fields::Building(fields) = &mut content.fields {
        fields.name = Some(Some(format!("{number}号楼")));
        fields.address = Some(Some(format!("人民路12号{number}号楼")));
        fields.completed = Some(Some(said("1986")));
        fields.storeys_above = Some(Some(6));
    }
    content.shared.identifiers.insert("census".to_owned(), vec![format!("41010200{number}")]);
    Register {
        seed: city.seed(),
        content,
        exists_from: said("1986-05-01"),
        opens_partition: false,
        sentences: Vec::new(),
    }
}

#[test]
fn a_new_building_writes_at_most_twelve_keys_of_its_own() {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let walked = Arc::default();
    let store = Counting { inner: MemoryStore::new(), keys: Arc::clone(&keys), walked };
    let city = City::on(Arc::new(store));
    let community = city.community("甲社区", city.street("一街道"));
    let compound = city.compound("示例小区", community);
    // The first brings shapes of texts that later ones share.
    city.run(city.home(), Command::Register(full_building(&city, compound, 1))).unwrap();
    city.run(city.home(), Command::Register(full_building(&city, compound, 2))).unwrap();
    // Partition, tile and request belong to the command; a batch of 500 has them once.
    let shared = |space: char| matches!(space, 'M' | 'E' | 'Q');
    let one = spaces(&keys.lock().unwrap());
    let own = one.chars().filter(|space| !shared(*space)).count();
    assert!(own <= 12, "{own} keys of its own: {one}");
    assert_eq!(one, "CEMNNQRTTTTX", "a key more or less is a decision: say so here");
    let items = (3..503).map(|number| full_building(&city, compound, number)).collect();
    city.run(city.home(), Command::RegisterAll { items, per_item: false }).unwrap();
    let batch = keys.lock().unwrap().len();
    assert!(batch <= 500 * 8, "{batch} keys for a batch of 500 in one compound");
}

/// As [`full_building`], by these texts.
fn named_building(city: &City, compound: SubjectId, name: &str, address: &str) -> Register {
    let mut register = full_building(city, compound, 1);
    if let Fields::Building(fields) = &mut register.content.fields {
        fields.name = Some(Some(name.to_owned()));
        fields.address = Some(Some(address.to_owned()));
    }
    register.content.shared.identifiers.clear();
    register
}

#[test]
fn a_latin_name_is_found_by_letters_within_it_and_costs_a_building_no_more_keys() {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let walked = Arc::default();
    let store = Counting { inner: MemoryStore::new(), keys: Arc::clone(&keys), walked };
    let city = City::on(Arc::new(store));
    let compound = city.compound("示例小区", city.community("甲社区", city.street("一街道")));
    let register = |number: u64| {
        let name = format!("Block {number}, Jinguang Garden");
        let address = format!("{number} Jinguang Lu");
        let building = named_building(&city, compound, &name, &address);
        let written = city.run(city.home(), Command::Register(building)).unwrap();
        (written.decided.subjects[0], spaces(&keys.lock().unwrap()))
    };
    let (_, first) = register(1);
    let (second, next) = register(2);
    // Shapes and their grams are those of the first; what is its own is as of a Chinese name.
    assert_eq!(next, "CEMNNQRTTTT", "a key more or less is a decision: say so here");
    let grams = first.chars().filter(|space| *space == 'G').count();
    assert_eq!(grams, 44, "grams of two shapes: {first}");

    let find = |words: &str| {
        let search = Search {
            partition: city.home(),
            sought: Sought::Text(words.to_owned()),
            kinds: vec![Kind::Building],
            below: None,
        };
        let found = city.registry.search(
            &search,
            ReadTime::NOW,
            &PageRequest { rows: 10, after: Vec::new() },
        );
        found.map(|page| page.rows.into_iter().map(|seen| seen.id).collect::<Vec<_>>())
    };
    for words in ["ingua", "INGUANG gar", "nguang", "2 jingua", "lock 2"] {
        assert!(find(words).unwrap().contains(&second), "{words}");
    }
    for words in ["gu", "inguan gard en", "inguax", "arden jing"] {
        assert!(find(words).unwrap().is_empty(), "{words}");
    }

    // Letters that very many names have say nothing, and hide nothing of those that few have.
    let letter = |number: u32| char::from_u32(u32::from('a') + number % 26).unwrap();
    let word = |number: u32| {
        let letters = [number, number / 26, number / 676].map(letter);
        format!("{}garden", String::from_iter(letters))
    };
    let numbers = (0..5_100).collect::<Vec<u32>>();
    for some in numbers.chunks(500) {
        let item = |number: &u32| named_building(&city, compound, &word(*number), "人民路");
        let items = some.iter().map(item).collect();
        city.run(city.home(), Command::RegisterAll { items, per_item: false }).unwrap();
    }
    let refused = find("garden").unwrap_err().to_string();
    assert!(refused.contains("too many names and addresses"), "{refused}");
    assert_eq!(find("acbgarden").unwrap().len(), 1);
    assert!(find("inguang garden").unwrap().contains(&second));
}

fn spaces(keys: &[Vec<u8>]) -> String {
    let mut spaces = keys.iter().map(|key| char::from(*key.get(3).unwrap())).collect::<Vec<_>>();
    spaces.sort_unstable();
    spaces.into_iter().collect()
}

#[test]
fn a_report_with_three_findings_writes_as_many_keys_as_are_named_here() {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let walked = Arc::default();
    let store = Counting { inner: MemoryStore::new(), keys: Arc::clone(&keys), walked };
    let desk = Desk::on(Arc::new(MemoryStore::new()), City::on(Arc::new(store)));
    for (table, text) in [
        ("grades", include_str!("../../data/reference/grades-example.toml")),
        ("colours", include_str!("../../data/reference/colours-example.toml")),
        ("findings", include_str!("../../data/reference/findings-example.toml")),
        ("cycle", include_str!("../../data/reference/cycle/zhengzhou-2025-draft.toml")),
    ] {
        desk.load(table, text);
    }
    let completed = fields(Kind::Building, |fields| {
        if let Fields::Building(building) = fields {
            building.completed = Some(Some(said("1990-05-01")));
            building.design_life_years = Some(Some(50));
            building.building_use = anju::domain::building::BuildingUse::from_number(1).map(Some);
        }
    });
    for building in [desk.building, desk.other] {
        desk.city.change(building.into(), "1992-01-01", completed.clone()).unwrap();
    }
    let record = |inspected: &str| {
        let mut report = desk.draft(inspected, vec![survey("B")]);
        let sightings =
            (0..3).map(|index| (index, desk.sighting(inspected, None, crack(Severity::RepairBy))));
        report.findings = sightings.collect();
        let on = day(inspected);
        report.steps = vec![(desk.signed(), on), (ReportStep::Submit, on)];
        desk.run_as("li", Command::RecordReport(Box::new(report))).unwrap();
        let written = keys.lock().unwrap().clone();
        (spaces(&written), written)
    };
    // The first brings the terms of what it counts.
    let (first, _) = record("2025-03-01");
    let (next, written) = record("2025-04-01");
    assert_eq!(first, "CCCCCCCEMQRRRRTTTTTTTTYYYYYYyyyyyy");
    // Twenty-two, where fifteen were aimed at. Seven say under what they are found: the report under
    // building, order, body and signer, each finding under the building. Four are the records, which
    // are the lists of their kinds, too. Eight are cells of totals: compound, community, street
    // and district, each in the month of the inspection and in that in which the findings become
    // unsafe by themselves. Tile, partition and request belong to the command. The due list is left
    // alone while what is due stays the same.
    assert_eq!(next, "CCCCCCCEMQRRRRTTTTTTTT", "a key is a decision: say so here: {written:?}");
}

#[test]
fn a_page_of_the_compounds_in_a_box_walks_no_buildings() {
    let walked = Arc::new(AtomicUsize::new(0));
    let keys = Arc::default();
    let store = Counting { inner: MemoryStore::new(), keys, walked: Arc::clone(&walked) };
    let city = City::on(Arc::new(store));
    let community = city.community("甲社区", city.street("一街道"));
    let compounds = (0..5_i64).map(|number| {
        let content = placed(compound(&format!("{number}号院"), community), 1_134_000_000 + number);
        city.register(content, "1980", false).unwrap()
    });
    let compounds = compounds.collect::<Vec<_>>();
    let items = (0..400).map(|number| {
        let item = full_building(&city, compounds[0], number);
        Register { content: placed(item.content, 1_134_000_000), ..item }
    });
    let all = Command::RegisterAll { items: items.collect(), per_item: false };
    city.run(city.home(), all).unwrap();
    let walk = |kind, rows| {
        let search = Search {
            partition: city.home(),
            sought: Sought::Box(around(1_134_000_000, 1_134_000_100)),
            kinds: vec![kind],
            below: None,
        };
        walked.store(0, Ordering::SeqCst);
        let page = PageRequest { rows, after: Vec::new() };
        let found = city.registry.search(&search, ReadTime::NOW, &page).unwrap();
        (found.rows.len(), walked.load(Ordering::SeqCst))
    };
    assert_eq!(walk(Kind::Compound, 50), (5, 5));
    let (found, walked) = walk(Kind::Building, 50);
    assert_eq!(found, 50);
    assert!(walked <= 256, "{walked}");
}

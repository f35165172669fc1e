//! What a command costs, counted: the budget of state keys is held here and not in a benchmark.

use std::sync::{Arc, Mutex};

use anju::{
    domain::content::Fields,
    kernel::{
        id::SubjectId,
        position::{Partition, Seq},
    },
    registry::{Command, Register},
    store::{Group, Head, Limit, Stats, Step, Store, StoreError, View, memory::MemoryStore},
};

use crate::city::{City, building, said};

/// A memory store that remembers the last group's keys.
struct Counting {
    inner: MemoryStore,
    keys: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Store for Counting {
    fn view(&self) -> Result<Box<dyn View + '_>, StoreError> {
        self.inner.view()
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
    let store = Counting { inner: MemoryStore::new(), keys: Arc::clone(&keys) };
    let city = City::on(Arc::new(store));
    let community = city.community("甲社区", city.street("一街道"));
    let compound = city.compound("示例小区", community);
    // The first brings shapes of texts that later ones share.
    city.run(city.home(), Command::Register(full_building(&city, compound, 1))).unwrap();
    city.run(city.home(), Command::Register(full_building(&city, compound, 2))).unwrap();
    let spaces = |keys: &[Vec<u8>]| {
        let mut spaces =
            keys.iter().map(|key| char::from(*key.get(3).unwrap())).collect::<Vec<_>>();
        spaces.sort_unstable();
        spaces.into_iter().collect::<String>()
    };
    // Partition, tile and request belong to the command; a batch of 500 has them once.
    let shared = |space: char| matches!(space, 'M' | 'E' | 'Q');
    let one = spaces(&keys.lock().unwrap());
    let own = one.chars().filter(|space| !shared(*space)).count();
    assert!(own <= 12, "{own} keys of its own: {one}");
    assert_eq!(one, "CEJMNNQRTTTTX", "a key more or less is a decision: say so here");
    let items = (3..503).map(|number| full_building(&city, compound, number)).collect();
    city.run(city.home(), Command::RegisterAll { items, per_item: false }).unwrap();
    let batch = keys.lock().unwrap().len();
    assert!(batch <= 500 * 8, "{batch} keys for a batch of 500 in one compound");
}

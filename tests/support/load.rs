//! Clients that write as fast as they are answered, and what must hold of what they were told.
//!
//! A client knows what it asked and what it was answered, and nothing of the server's insides.

use std::collections::{BTreeMap, BTreeSet};

use anju::{
    client::Connection,
    proto::v1::{
        BatchCreateBuildingsRequest, BuildingFields, ChangeBuildingRequest, Checkpoint,
        CreateBuildingRequest, GetCheckpointRequest, WatchRequest, WriteReceipt,
        watch_response::Event,
    },
};
use tokio::task::JoinSet;
use tonic::Status;

use crate::support::city::{City, building, context};

/// One square metre.
const METRE: i64 = 10_000;

/// A command that was sent.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Create(CreateBuildingRequest),
    Batch(BatchCreateBuildingsRequest),
    Change(ChangeBuildingRequest),
}

/// What a command was answered: the buildings that it made or changed, and the receipt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    ids: Vec<String>,
    receipt: WriteReceipt,
}

/// A building as its clients know it: name and area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    name: String,
    area_cm2: i64,
}

impl Known {
    fn of(fields: &BuildingFields) -> Self {
        Self { name: fields.name.clone().unwrap(), area_cm2: fields.floor_area_cm2.unwrap() }
    }
}

impl Asked {
    async fn send(&self, connection: &Connection) -> Result<Said, Status> {
        let mut client = connection.buildings();
        match self.clone() {
            Self::Create(request) => {
                let answer = client.create_building(request).await?.into_inner();
                Ok(Said {
                    ids: vec![answer.building.unwrap().id],
                    receipt: answer.receipt.unwrap(),
                })
            }
            Self::Batch(request) => {
                let answer = client.batch_create_buildings(request).await?.into_inner();
                let ids = answer.results.into_iter().map(|result| result.id).collect();
                Ok(Said { ids, receipt: answer.receipt.unwrap() })
            }
            Self::Change(request) => {
                let answer = client.change_building(request).await?.into_inner();
                Ok(Said {
                    ids: vec![answer.building.unwrap().id],
                    receipt: answer.receipt.unwrap(),
                })
            }
        }
    }

    /// The buildings that it makes, in order.
    fn made(&self) -> Vec<Known> {
        let of = |request: &CreateBuildingRequest| Known::of(request.fields.as_ref().unwrap());
        match self {
            Self::Create(request) => vec![of(request)],
            Self::Batch(request) => request.requests.iter().map(of).collect(),
            Self::Change(_) => Vec::new(),
        }
    }

    /// Whether what is listed shows it as done; it is not if it shows it as half done.
    fn is_done(&self, listed: &BTreeMap<String, Known>, before: &Ledger) -> bool {
        if let Self::Change(request) = self {
            let new = request.fields.as_ref().unwrap().floor_area_cm2.unwrap();
            let found = listed.get(&request.id).unwrap();
            let is_old = before.buildings.get(&request.id) == Some(found);
            assert!(found.area_cm2 == new || is_old, "{found:?} after {request:?}");
            return found.area_cm2 == new;
        }
        let made = self.made();
        let there = made.iter().filter(|one| listed.values().any(|known| known == *one)).count();
        assert!(there == 0 || there == made.len(), "{there} of {made:?}");
        there > 0
    }
}

/// What was answered so far, and must be so for ever.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) buildings: BTreeMap<String, Known>,
    /// Entries, each of one command.
    entries: BTreeSet<u64>,
    /// Commands.
    pub(crate) answered: u64,
}

impl Ledger {
    /// Takes over what clients were told; what they were not, each with how it was refused.
    pub(crate) fn take(&mut self, clients: Vec<Written>) -> (Vec<Asked>, Vec<Status>) {
        let (mut unanswered, mut refused) = (Vec::new(), Vec::new());
        for written in clients {
            for (asked, said) in &written.answered {
                self.note(asked, said);
            }
            unanswered.push(written.unanswered);
            refused.push(written.status);
        }
        (unanswered, refused)
    }

    fn note(&mut self, asked: &Asked, said: &Said) {
        if let Asked::Change(request) = asked {
            let known = self.buildings.get_mut(&request.id).unwrap();
            known.area_cm2 = request.fields.as_ref().unwrap().floor_area_cm2.unwrap();
        } else {
            assert_eq!(said.ids.len(), asked.made().len());
            for (id, known) in said.ids.iter().zip(asked.made()) {
                let earlier = self.buildings.insert(id.clone(), known);
                assert_eq!(earlier, None, "{id} was given twice");
            }
        }
        for entry in &said.receipt.entries {
            assert!(self.entries.insert(*entry), "entry {entry} was answered twice");
        }
        self.answered += 1;
    }
}

/// A command of a client's, the `number`th of a round.
fn next(compound: &str, label: &str, number: u64, own: Option<&String>) -> Asked {
    let area = |of: u64| METRE * i64::try_from(100 + (number * 7 + of) % 900).unwrap();
    match (number % 4, own) {
        (1, _) => {
            let of = |index| building(compound, &format!("{label}-{number}-{index}"), area(index));
            let requests: Vec<_> = (0..2 + number % 5).map(of).collect();
            Asked::Batch(BatchCreateBuildingsRequest {
                context: Some(context()),
                // The context of the whole is the one that counts.
                requests: requests
                    .into_iter()
                    .map(|one| CreateBuildingRequest { context: None, ..one })
                    .collect(),
                per_item: false,
            })
        }
        (3, Some(id)) => Asked::Change(ChangeBuildingRequest {
            context: Some(context()),
            id: id.clone(),
            from: "2020-01-01".to_owned(),
            fields: Some(BuildingFields {
                floor_area_cm2: Some(area(3) + 1),
                ..BuildingFields::default()
            }),
            ..ChangeBuildingRequest::default()
        }),
        _ => Asked::Create(building(compound, &format!("{label}-{number}"), area(0))),
    }
}

/// What a client came to when it was refused for the first time.
pub(crate) struct Written {
    answered: Vec<(Asked, Said)>,
    unanswered: Asked,
    status: Status,
}

/// Writes until it is refused, or the server is gone.
async fn write(connection: Connection, compound: String, label: String) -> Written {
    let mut answered: Vec<(Asked, Said)> = Vec::new();
    let mut number = 0;
    loop {
        let own = answered.last().and_then(|(_, said)| said.ids.first());
        let asked = next(&compound, &label, number, own);
        match asked.send(&connection).await {
            Ok(said) => {
                assert!(!said.receipt.repeated);
                answered.push((asked, said));
            }
            Err(status) => return Written { answered, unanswered: asked, status },
        }
        number += 1;
    }
}

/// Lets several clients write; each ends with its first refusal.
pub(crate) fn clients(
    compound: &str,
    label: &str,
    connections: impl IntoIterator<Item = Connection>,
) -> JoinSet<Written> {
    let mut clients = JoinSet::new();
    for (number, connection) in connections.into_iter().enumerate() {
        clients.spawn(write(connection, compound.to_owned(), format!("{label}-{number}")));
    }
    clients
}

pub(crate) async fn checkpoint(
    connection: &Connection,
    partition: u32,
) -> Result<Checkpoint, Status> {
    let request = GetCheckpointRequest { partition, ..GetCheckpointRequest::default() };
    Ok(connection.histories().get_checkpoint(request).await?.into_inner().checkpoint.unwrap())
}

/// What is listed, by id; no name is there twice.
pub(crate) async fn listed(city: &City, connection: &Connection) -> BTreeMap<String, Known> {
    let buildings = city.buildings(connection).await.unwrap();
    let count = buildings.len();
    let of = |fields: Option<BuildingFields>| Known::of(&fields.unwrap());
    let listed: BTreeMap<_, _> =
        buildings.into_iter().map(|building| (building.id, of(building.fields))).collect();
    assert_eq!(listed.len(), count, "a building is listed twice");
    let names: BTreeSet<_> = listed.values().map(|known| &known.name).collect();
    assert_eq!(names.len(), count, "a building was made twice");
    listed
}

/// The numbers of the entries after `from`, as the feed gives them, up to `to`.
async fn assert_gapless(connection: &Connection, partition: u32, from: u64, to: u64) {
    let request = WatchRequest { after: vec![format!("{partition}:{from}")] };
    let mut feed = connection.watches().watch(request).await.unwrap().into_inner();
    for seq in from + 1..=to {
        match feed.message().await.unwrap().unwrap().event.unwrap() {
            Event::Entry(entry) => {
                assert_eq!(entry.position, format!("{partition}:{seq}"));
                assert!(!entry.entry.is_empty() && entry.leaf.len() == 32);
            }
            Event::Idle(idle) => panic!("{idle:?} before entry {seq}"),
        }
    }
}

/// Everything that must hold after a start; commands that were not answered are asked again.
pub(crate) async fn check(
    connection: &Connection,
    city: &City,
    ledger: &mut Ledger,
    unanswered: Vec<Asked>,
    from: u64,
) -> u64 {
    let found = listed(city, connection).await;
    let done: Vec<_> = unanswered.iter().map(|asked| asked.is_done(&found, ledger)).collect();
    let mut changed = BTreeSet::new();
    let mut expected = ledger.buildings.len();
    for (asked, done) in unanswered.iter().zip(&done) {
        expected += if *done { asked.made().len() } else { 0 };
        if let Asked::Change(request) = asked {
            changed.insert(&request.id);
        }
    }
    for (id, known) in &ledger.buildings {
        let is_there = if changed.contains(id) {
            found.contains_key(id)
        } else {
            found.get(id) == Some(known)
        };
        assert!(is_there, "{id} was answered as {known:?}, and is {:?}", found.get(id));
    }
    assert_eq!(found.len(), expected, "there is what nobody asked for");

    for (asked, done) in unanswered.iter().zip(done) {
        let said = asked.send(connection).await.unwrap();
        assert_eq!(said.receipt.repeated, done, "{asked:?}");
        ledger.note(asked, &said);
        let again = asked.send(connection).await.unwrap();
        assert!(again.receipt.repeated);
        let first = WriteReceipt { repeated: true, ..said.receipt.clone() };
        assert_eq!(again, Said { receipt: first, ..said });
    }

    let found = listed(city, connection).await;
    assert!(found == ledger.buildings, "asked again, and it is not what it was asked to be");
    let areas = found.values().map(|known| known.area_cm2).sum::<i64>();
    let count = i64::try_from(found.len()).unwrap();
    assert_eq!(city.totals(connection).await.unwrap(), [count, areas]);
    let size = checkpoint(connection, city.partition).await.unwrap().size;
    let first = *ledger.entries.first().unwrap_or(&size);
    let entries: BTreeSet<_> = (first..=size).collect();
    assert!(ledger.entries == entries, "an entry is nobody's, or is missing");
    assert_gapless(connection, city.partition, from, size).await;
    size
}

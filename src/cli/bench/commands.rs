//! Durable commands: each is answered only when it is on the disk.

use std::{future::Future, pin::Pin, time::Duration};

use tonic::Status;

use crate::{
    cli::bench::{
        city::{Callers, City, Ids, building, changed, write_context},
        figure::Figures,
        load::{Answered, drive},
    },
    kernel::time::{Clock as _, SystemClock},
    proto::v1::{ChangeBuildingRequest, CreateBuildingRequest},
};

/// Rounds of each kind of command, turn by turn.
const ROUNDS: u32 = 2;

/// Measures creations and changes.
pub(super) async fn measure(
    city: &City,
    clients: u16,
    span: Duration,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let callers = city.building_clients(clients)?;
    let mut creations = Answered::default();
    let mut changes = Answered::default();
    for _ in 0..ROUNDS {
        creations.add(drive(clients, span / ROUNDS, create(&city.ids, &callers)).await?);
        changes.add(drive(clients, span / ROUNDS, change(&city.ids, &callers)).await?);
    }
    creations.tell("commands", &format!("CreateBuilding, {clients} clients"), figures);
    changes.tell("commands", &format!("ChangeBuilding, {clients} clients"), figures);
    Ok(())
}

/// What a caller does again and again.
pub(super) type Calls =
    Box<dyn FnMut(u64) -> Pin<Box<dyn Future<Output = Result<(), Status>> + Send>> + Send>;

/// Callers that create buildings.
pub(super) fn create<'c>(ids: &'c Ids, clients: &'c Callers) -> impl Fn(u16) -> Calls + 'c {
    move |number| {
        let client = clients.get(usize::from(number)).cloned();
        let ids = ids.clone();
        Box::new(move |_| {
            let (client, number) = (client.clone(), ids.next());
            let (compound, done) = (ids.compound(number), ids.done.clone());
            let request = CreateBuildingRequest {
                context: Some(write_context()),
                fields: Some(building(number, compound.clone())),
                exists_from: "2024-03-01".to_owned(),
            };
            Box::pin(async move {
                client.ok_or_else(nobody)?.create_building(request).await?;
                done.note("create", number, &compound);
                Ok(())
            })
        })
    }
}

/// Callers that change buildings of the imported city.
pub(super) fn change<'c>(ids: &'c Ids, clients: &'c Callers) -> impl Fn(u16) -> Calls + 'c {
    let today = SystemClock.now().day().to_string();
    move |number| {
        let client = clients.get(usize::from(number)).cloned();
        let (ids, today) = (ids.clone(), today.clone());
        Box::new(move |_| {
            let (client, number) = (client.clone(), ids.next());
            let (id, done) = (ids.building(number), ids.done.clone());
            let request = ChangeBuildingRequest {
                context: Some(write_context()),
                id: id.clone(),
                from: today.clone(),
                fields: Some(changed(number)),
                ..ChangeBuildingRequest::default()
            };
            Box::pin(async move {
                client.ok_or_else(nobody)?.change_building(request).await?;
                done.note("change", number, &id);
                Ok(())
            })
        })
    }
}

fn nobody() -> Status {
    Status::internal("more callers than clients")
}

//! One building's current record over gRPC, beside an empty echo of the same size.

use std::time::Duration;

use anyhow::Context as _;
use tonic::codec::CompressionEncoding;

use crate::{
    cli::{
        bench::{
            city::{Callers, City, Ids, callers},
            commands::Calls,
            echo::Echo,
            figure::{Budget, Figure, Figures, Unit, ratio},
            load::{Answered, drive},
        },
        import::refused,
    },
    proto::v1::GetBuildingRequest,
};

/// Rounds of each contestant; in every second one the other begins.
const ROUNDS: u32 = 4;

/// Measures both, turn by turn.
pub(super) async fn measure(
    city: &City,
    clients: u16,
    span: Duration,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let ours = city.building_clients(clients)?;
    let id = city.ids.buildings.first().context("the city has no building")?;
    let first = ours.first().cloned().context("nobody calls")?.get_building(asked(id)).await;
    let answer = first.map_err(|status| refused("a read", status))?.into_inner();
    let echo = Echo::serve(answer).await?;
    let theirs = callers(echo.address, city.secret(), clients)?;
    let gzip = ours.iter().cloned().map(|c| c.accept_compressed(CompressionEncoding::Gzip));
    let gzip: Callers = gzip.collect();
    let turn = span / ROUNDS;
    let [mut read, mut echoed, mut zipped] = [const { None::<Answered> }; 3];
    for round in 0..=ROUNDS {
        let mut results = Vec::new();
        let order: [&Callers; 3] =
            if round % 2 == 0 { [&ours, &theirs, &gzip] } else { [&gzip, &theirs, &ours] };
        for contestant in order {
            results.push(drive(clients, turn, caller(&city.ids, contestant)).await?);
        }
        if round % 2 == 1 {
            results.reverse();
        }
        // The first round warms caches and connections and is not counted.
        if round > 0 {
            for (sum, result) in [&mut read, &mut echoed, &mut zipped].into_iter().zip(results) {
                sum.get_or_insert_default().add(result);
            }
        }
    }
    let [read, echoed, zipped] = [read, echoed, zipped].map(Option::unwrap_or_default);
    read.tell("reads", &format!("GetBuilding, {clients} clients"), figures);
    echoed.tell("reads", &format!("empty echo, {clients} clients"), figures);
    let rate = zipped.per_second();
    let name = format!("GetBuilding answered in gzip, {clients} clients");
    figures.add(Figure::new("reads", name, rate, Unit::PerSecond));
    let ratio = ratio(read.per_second(), echoed.per_second());
    figures.add(
        Figure::new("reads", format!("ratio, {clients} clients"), ratio, Unit::Thousandths)
            .within(Budget::AtLeast(700)),
    );
    Ok(())
}

fn asked(id: &str) -> GetBuildingRequest {
    GetBuildingRequest { context: None, id: id.to_owned() }
}

/// Callers that each ask for one building after the other.
pub(super) fn caller<'c>(ids: &'c Ids, clients: &'c Callers) -> impl Fn(u16) -> Calls + 'c {
    move |number| {
        let client = clients.get(usize::from(number)).cloned();
        let ids = ids.clone();
        Box::new(move |count| {
            let (client, id) = (client.clone(), ids.building(count * 64 + u64::from(number)));
            Box::pin(async move {
                let missing = || tonic::Status::internal("more callers than clients");
                client.ok_or_else(missing)?.get_building(asked(&id)).await.map(drop)
            })
        })
    }
}

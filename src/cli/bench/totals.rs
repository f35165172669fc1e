//! Totals of a community, its street, district and city: now/now.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use tonic::Request;

use crate::{
    cli::{
        bench::{
            city::{City, changed, subject, write_context},
            figure::{Budget, Figure, Figures, Unit},
            load::Answered,
        },
        import::refused,
    },
    kernel::time::{Clock as _, ReadTime, SystemClock},
    proto::v1::{ChangeBuildingRequest, GetTotalsRequest},
};

/// Reads of what was read before.
const WARM_READS: usize = 5_000;
/// Reads after a write; each waits for a sync.
const COLD_READS: usize = 100;
/// The budget of every level, in process.
const BUDGET: Budget = Budget::AtMost(200_000);
const LEVELS: [&str; 4] = ["community", "street", "district", "city"];

/// Measures all levels at the present size, what is warm and what is cold for `span` at most.
pub(super) async fn measure(
    city: &City,
    size: u64,
    span: Duration,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let span = span / u32::try_from(LEVELS.len())?;
    for (level, region) in LEVELS.into_iter().zip(city.regions.clone()) {
        let region = subject(region);
        let mut warm = Answered::default();
        let started = Instant::now();
        for _ in 0..WARM_READS {
            if started.elapsed() > span {
                break;
            }
            let begin = Instant::now();
            city.registry.totals(region, ReadTime::NOW)?;
            warm.note(begin.elapsed());
        }
        let mut cold = Answered::default();
        let mut remote = Answered::default();
        let mut client = city.connection()?.totals();
        let request = GetTotalsRequest { subject_id: region.to_string(), ..Default::default() };
        let started = Instant::now();
        for number in 0..COLD_READS {
            if number > 0 && started.elapsed() > span {
                break;
            }
            write(city).await?;
            let begin = Instant::now();
            city.registry.totals(region, ReadTime::NOW)?;
            cold.note(begin.elapsed());
            write(city).await?;
            let begin = Instant::now();
            let answer = client.get_totals(Request::new(request.clone())).await;
            remote.note(begin.elapsed());
            answer.map_err(|status| refused("a total", status))?;
        }
        let name = |what: &str| format!("{level}, {size} buildings, {what}");
        let figure =
            |what: &str, value| Figure::new("totals", name(what), value, Unit::Nanoseconds);
        figures.add(figure("again, p50", warm.percentile(500)).within(BUDGET));
        figures.add(figure("after a write, p50", cold.percentile(500)).within(BUDGET));
        figures.add(figure("after a write, p99", cold.percentile(990)));
        figures.add(figure("after a write over gRPC, p50", remote.percentile(500)));
    }
    Ok(())
}

/// A change of a building somewhere in the city.
async fn write(city: &City) -> anyhow::Result<()> {
    let number = city.ids.next();
    let id = city.ids.building(number);
    let request = ChangeBuildingRequest {
        context: Some(write_context()),
        id: id.clone(),
        from: SystemClock.now().day().to_string(),
        fields: Some(changed(number)),
        ..ChangeBuildingRequest::default()
    };
    let mut client = city.building_clients(1)?.pop().context("nobody calls")?;
    client.change_building(request).await.map_err(|status| refused("a change", status))?;
    city.ids.done.note("change", number, &id);
    Ok(())
}

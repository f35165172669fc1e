//! A building with a long history, as of any two times, in process and warm.

use std::time::Instant;

use anyhow::Context as _;

use crate::{
    cli::{
        bench::{
            city::{City, building, changed, write_context},
            figure::{Budget, Figure, Figures, Unit},
            load::Answered,
        },
        import::refused,
    },
    kernel::{
        id::SubjectId,
        time::{Day, KnownAt, ReadTime},
    },
    proto::v1::{ChangeBuildingRequest, CreateBuildingRequest},
};

/// Entries of the history.
pub(super) const ENTRIES: u64 = 200;
/// Reads that are timed, and as many that are not before them.
const READS: u64 = 5_000;
/// Days between the days of two changes.
const DAYS_APART: u64 = 4;
/// The budget of one read.
const BUDGET: Budget = Budget::AtMost(1_000_000);

/// Writes the history and reads it.
pub(super) async fn measure(city: &City, figures: &mut Figures) -> anyhow::Result<()> {
    let (id, seqs, first) = write(city).await?;
    let mut answered = Answered::default();
    for read in 0..READS * 2 {
        let known = usize::try_from(read.wrapping_mul(7_919) % ENTRIES)?;
        let known = *seqs.get(known).context("an entry too few")?;
        let days = i32::try_from(read.wrapping_mul(104_729) % (ENTRIES * DAYS_APART))?;
        let valid_at = Day::from_number(first.number() + days);
        let time = ReadTime { valid_at, known_at: KnownAt::Seq(known) };
        let begin = Instant::now();
        city.registry.get(id, time)?;
        if read >= READS {
            answered.note(begin.elapsed());
        }
    }
    let name = format!("a building with {ENTRIES} entries at any (T, K)");
    let median = answered.percentile(500);
    figures.add(
        Figure::new("histories", format!("{name}, p50"), median, Unit::Nanoseconds).within(BUDGET),
    );
    let slowest = answered.percentile(990);
    figures.add(
        Figure::new("histories", format!("{name}, p99"), slowest, Unit::Nanoseconds).within(BUDGET),
    );
    Ok(())
}

/// A building, the numbers of its entries, and its first day.
pub(super) async fn write(city: &City) -> anyhow::Result<(SubjectId, Vec<u64>, Day)> {
    let mut client = city.building_clients(1)?.pop().context("nobody calls")?;
    let number = city.ids.next();
    let first: Day = "2024-03-01".parse()?;
    let request = CreateBuildingRequest {
        context: Some(write_context()),
        fields: Some(building(number, city.ids.compound(number))),
        exists_from: first.to_string(),
    };
    let created = client.create_building(request).await;
    let created = created.map_err(|status| refused("a creation", status))?.into_inner();
    let id = created.building.context("nothing was created")?.id;
    let mut seqs = created.receipt.map(|receipt| receipt.entries).unwrap_or_default();
    for change in 1..ENTRIES {
        let from = Day::from_number(first.number() + i32::try_from(change * DAYS_APART)?);
        let request = ChangeBuildingRequest {
            context: Some(write_context()),
            id: id.clone(),
            from: from.context("a day beyond all days")?.to_string(),
            fields: Some(changed(city.ids.next())),
            ..ChangeBuildingRequest::default()
        };
        let changed = client.change_building(request).await;
        let changed = changed.map_err(|status| refused("a change", status))?.into_inner();
        seqs.extend(changed.receipt.map(|receipt| receipt.entries).unwrap_or_default());
    }
    Ok((id.parse()?, seqs, first))
}

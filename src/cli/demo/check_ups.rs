//! Loads the demo's check-ups: reference data, bodies and signers, plans, orders, and the story of
//! each building.
//!
//! Every request bears an id that is made of what it says, so that a run that was cut short is made
//! again and goes on: what was done is answered as it was, for as long as the registry remembers
//! requests.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    cli::demo::{
        asked::{region, told},
        check_ups::desk::Desk,
        story::{self, Act, STORIES},
    },
    client::Connection,
    kernel::time::Day,
    proto::v1::{self, BuildingUse, due_service_client::DueServiceClient},
};

mod desk;
mod teller;

/// The districts whose buildings are checked, by their codes.
const DISTRICTS: [&str; 4] = ["410102", "410103", "410104", "410105"];
/// The buildings of a district that have a story: each story twice.
const BUILDINGS: usize = 2 * STORIES;
/// Buildings of a district that are in this year's plan, with nothing done yet.
const PLANNED: usize = 8;
/// Stories that are told at one time.
const TOLD_AT_ONCE: usize = 32;
/// How long the registry surely remembers a request, less a day.
pub(super) const RESUMABLE: Duration = Duration::from_secs(6 * 24 * 60 * 60);

/// The editions of reference data, grades before their colours.
const EDITIONS: [(&str, &str); 4] = [
    ("grades", include_str!("../../../data/reference/grades-example.toml")),
    ("colours", include_str!("../../../data/reference/colours-example.toml")),
    ("findings", include_str!("../../../data/reference/findings-example.toml")),
    ("cycle", include_str!("../../../data/reference/cycle/zhengzhou-2025-draft.toml")),
];

/// How much was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Loaded {
    /// Orders.
    pub orders: usize,
    /// Reports.
    pub reports: usize,
    /// Findings.
    pub findings: usize,
    /// Acts that lie ahead of today and were left out.
    pub ahead: usize,
}

/// A building with a story, or with an order alone.
#[derive(Clone)]
struct Chosen {
    id: String,
    census: String,
    acts: Vec<Act>,
    year: i16,
    number: usize,
}

/// Loads all, as far as it is past on `today`.
pub(super) async fn load(connection: &Connection, today: Day) -> anyhow::Result<Loaded> {
    let mut desk = Desk::of(connection, today)?;
    let city = region(connection, "410100").await?;
    // Another registry has other ids, and with them other requests.
    desk.seed.clone_from(&city);
    desk.references(&city).await?;
    let bodies = desk.bodies(&city).await?;
    let mut loaded = Loaded::default();
    for code in DISTRICTS {
        let district = region(connection, code).await?;
        let chosen = chosen(connection, &district).await?;
        let orders = desk.orders(code, &district, &chosen, &bodies).await?;
        loaded.orders += orders.len();
        desk.tell(chosen, orders, &bodies, &mut loaded).await?;
    }
    desk.find_lapsed(&bodies).await?;
    Ok(loaded)
}

/// The building of the last district whose check-up is due first, if any is.
pub(super) async fn first_due(connection: &Connection) -> anyhow::Result<Option<String>> {
    let [.., code] = DISTRICTS;
    let request = v1::ListDueRequest {
        holder_id: region(connection, code).await?,
        page_size: 1,
        ..v1::ListDueRequest::default()
    };
    let dues = DueServiceClient::new(connection.service());
    let answer = call!(dues, list_due, request, "what is due")?;
    Ok(answer.rows.into_iter().next().map(|row| row.building_id))
}

/// The buildings of a district that are checked, in the order of their census numbers.
async fn chosen(connection: &Connection, district: &str) -> anyhow::Result<Vec<Chosen>> {
    let mut old = BTreeMap::new();
    let mut shops = BTreeMap::new();
    let mut request = v1::ListBuildingsRequest {
        region_id: district.to_owned(),
        page_size: 1_000,
        ..v1::ListBuildingsRequest::default()
    };
    loop {
        let page = call!(connection.buildings(), list_buildings, request.clone(), "buildings")?;
        for building in page.buildings {
            let fields = building.fields.unwrap_or_default();
            // Only those whose day of completion is known exactly, so that nothing is uncertain.
            let completed: Option<Day> = fields.completed().parse().ok();
            let census = fields.identifiers.iter().find(|number| number.scheme == "census");
            let (Some(completed), Some(census)) = (completed, census) else { continue };
            let entry = (census.value.clone(), building.id);
            match fields.r#use() {
                BuildingUse::Dwelling if completed.year() < 1996 => old.extend([entry]),
                BuildingUse::Commerce if completed.year() < 1986 => shops.extend([entry]),
                _ => {}
            }
        }
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let told = old.into_iter().take(BUILDINGS + PLANNED).enumerate();
    let mut chosen: Vec<Chosen> = told
        .map(|(number, (census, id))| {
            let is_told = number < BUILDINGS;
            let acts = if is_told { story::of_building(number) } else { Vec::new() };
            let year = if is_told { story::planned_in(number) } else { 2026 };
            Chosen { id, census, acts, year, number }
        })
        .collect();
    chosen.extend(shops.into_iter().map(|(census, id)| {
        let acts = story::of_shops();
        Chosen { id, census, acts, year: 2024, number: 0 }
    }));
    Ok(chosen)
}

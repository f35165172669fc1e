//! What a run did, and what the registry holds after it: a peer that did the same must come to the
//! same answers, or the two were not measured at the same work.
//!
//! Two files of tab-separated lines: `work.tsv` has the commands in the order of their answers,
//! `held.tsv` every total of the city's nodes and what is known of each imported building. Nodes
//! are named as outside: regions by the digits of their statistical code, all else by its key.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;

use crate::{
    cli::{bench::city::City, import::refused},
    domain::{
        due::DueAnswer,
        totals::{Certainty, Measure},
    },
    kernel::{
        id::{BuildingId, SubjectId},
        time::{Day, ReadTime},
    },
    proto::v1::{GetBuildingRequest, ListRegionsRequest, RegionLevel},
    registry::Wanted,
};

/// The file of commands.
const WORK: &str = "work.tsv";
/// The file of answers.
const HELD: &str = "held.tsv";
/// What is counted by terms on both sides.
const TERMED: [Measure; 4] = [
    Measure::FindingsByClass,
    Measure::FindingsBySeverity,
    Measure::FindingsByStage,
    Measure::Indicator,
];
/// Rows of a page.
const PAGE: i32 = 500;

/// A command that was answered: what it did, its number, and the subject that it named.
type Command = (&'static str, u64, String);

/// The commands that were answered. Keeps none unless it is asked to.
#[derive(Clone, Debug, Default)]
pub(super) struct Done(Option<Arc<Mutex<Vec<Command>>>>);

impl Done {
    /// Keeps them.
    pub(super) fn kept() -> Self {
        Self(Some(Arc::default()))
    }

    /// Notes a command that was answered.
    pub(super) fn note(&self, what: &'static str, number: u64, id: &str) {
        if let Some(commands) = &self.0 {
            let mut commands = commands.lock().unwrap_or_else(PoisonError::into_inner);
            commands.push((what, number, id.to_owned()));
        }
    }

    fn list(&self) -> Vec<Command> {
        let Some(commands) = &self.0 else { return Vec::new() };
        commands.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Writes both files.
pub(super) async fn write(city: &City, directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)?;
    let mut work = String::new();
    for (what, number, id) in city.ids.done.list() {
        writeln!(work, "{what}\t{number}\t{}", key(city, id.parse()?)?)?;
    }
    fs::write(directory.join(WORK), work)?;
    let mut held = String::new();
    for (node, name) in regions(city).await? {
        totals(city, node, &name, &mut held)?;
    }
    for id in city.ids.compounds.iter() {
        let id = id.parse()?;
        totals(city, id, &key(city, id)?, &mut held)?;
    }
    for id in city.ids.buildings.iter() {
        building(city, id, &mut held).await?;
    }
    fs::write(directory.join(HELD), held)?;
    Ok(())
}

/// The key by which the import named a subject.
fn key(city: &City, id: SubjectId) -> anyhow::Result<String> {
    let seen = city.registry.get(id, ReadTime::NOW)?;
    let (_, key) = seen.source.with_context(|| format!("{id} was not imported"))?;
    Ok(key)
}

/// The city and all regions below it, with the digits of their codes.
async fn regions(city: &City) -> anyhow::Result<Vec<(SubjectId, String)>> {
    let top = *city.regions.last().context("the city has no region")?;
    let mut client = city.connection()?.regions();
    let mut found: Vec<(SubjectId, String)> = Vec::new();
    let mut next = vec![top.to_string()];
    while let Some(parent_id) = next.pop() {
        let mut page_token = String::new();
        loop {
            let request = ListRegionsRequest {
                parent_id: parent_id.clone(),
                page_size: PAGE,
                page_token,
                ..ListRegionsRequest::default()
            };
            let page = client.list_regions(request).await;
            let page = page.map_err(|status| refused("a list of regions", status))?.into_inner();
            for region in page.regions {
                let fields = region.fields.unwrap_or_default();
                let digits = match fields.level() {
                    RegionLevel::District => 6,
                    RegionLevel::Street => 9,
                    _ => 12,
                };
                let name = fields.codes.iter().find_map(|code| code.value.get(..digits));
                let name = name.with_context(|| format!("{} has no code", region.id))?;
                found.push((region.id.parse()?, name.to_owned()));
                if digits < 12 {
                    next.push(region.id);
                }
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
    }
    let (_, first) = found.first().context("the city has no district")?;
    let own = first.get(..4).unwrap_or_default().to_owned();
    found.push((top.into(), own));
    Ok(found)
}

/// The totals of a node, but for those that no peer has. What is possible is told with what is
/// certain: the peer knows one amount.
fn totals(city: &City, node: SubjectId, name: &str, to: &mut String) -> anyhow::Result<()> {
    let totals = city.registry.totals_of(node, ReadTime::NOW, Wanted::Terms)?;
    for measure in [Measure::Buildings, Measure::FloorArea] {
        let of_measure = totals.amounts.iter().filter(|(cell, _)| cell.measure() == Some(measure));
        let (mut certain, mut possible) = (0, 0);
        for (cell, amount) in of_measure {
            possible += amount;
            certain += if cell.certainty() == Certainty::Certain { amount } else { 0 };
        }
        line(to, [name, measure.name(), ""], certain, possible)?;
    }
    for (measure, term, certain, possible) in totals.termed.iter() {
        if !TERMED.contains(&measure) {
            continue;
        }
        line(to, [name, measure.name(), term], certain, possible)?;
    }
    Ok(())
}

fn line(to: &mut String, named: [&str; 3], certain: i64, possible: i64) -> std::fmt::Result {
    let named = named.join("\t");
    match (certain, possible) {
        (0, 0) => Ok(()),
        _ if certain == possible => writeln!(to, "total\t{named}\t{certain}"),
        _ => writeln!(to, "total\t{named}\t{certain}..{possible}"),
    }
}

/// What is known of a building: its name and area, its reports and open findings, and when its
/// check-up is due.
async fn building(city: &City, id: &str, to: &mut String) -> anyhow::Result<()> {
    let request = GetBuildingRequest { id: id.to_owned(), ..GetBuildingRequest::default() };
    let answer = city.connection()?.buildings().get_building(request).await;
    let answer = answer.map_err(|status| refused("a building", status))?.into_inner();
    let fields = answer.building.and_then(|building| building.fields).unwrap_or_default();
    let id: SubjectId = id.parse()?;
    let known = city.registry.check_ups(BuildingId::try_from(id)?, ReadTime::NOW)?;
    let day = |day: Option<Day>| day.map_or_else(String::new, |day| day.to_string());
    let (answer, on) = match known.due.map(|segment| segment.answer) {
        Some(DueAnswer::Due { on }) => ("due", day(Some(on))),
        Some(DueAnswer::Exempt { until, .. }) if until.earliest == until.latest => {
            ("exempt", day(until.earliest))
        }
        _ => ("unknown", String::new()),
    };
    let counts = format!("{}\t{}", known.papers.len(), known.open_finding_count);
    let (name, area) = (fields.name(), fields.floor_area_cm2());
    writeln!(to, "building\t{}\t{name}\t{area}\t{counts}\t{answer}\t{on}", key(city, id)?)?;
    Ok(())
}

//! A bulk import: the rows of the made-up city through `ImportRows`, all rules on.
//!
//! Making the rows up is the caller's work and shares the processors with the server, as reading a
//! file would.

use std::{
    fs,
    io::{BufWriter, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tokio::task::JoinSet;

use crate::{
    cli::{
        bench::{
            city::{City, write_context},
            figure::{Budget, Figure, Figures, Unit},
            load::nanoseconds,
            machine::processor_time,
        },
        import::{Clients, Service, patiently, refused},
        offline::rate,
    },
    client::Credentials,
    exchange::{
        column::FileKind,
        draft::Draft,
        sample::{SOURCE, SampleCity},
    },
    kernel::limit::BATCH_ITEMS_MAX,
    proto::v1::{
        ImportRow, ImportRowsRequest, ImportRowsResponse, Reference, RowMode, RowOutcome,
        import_service_client::ImportServiceClient, reference,
    },
};

/// Ids that are kept of each kind, for reads and changes.
const IDS_KEPT: u64 = 100_000;
/// The budget of a million buildings.
const BUILDINGS_PER_SECOND: u64 = 16_667;

/// The rows of a city that were not taken yet.
pub(super) struct Rows<'a> {
    sample: &'a SampleCity,
    buildings: Box<dyn Iterator<Item = Draft> + Send + 'a>,
    compounds: Box<dyn Iterator<Item = Draft> + Send + 'a>,
    building_count: u64,
    compound_count: u64,
    every: u64,
}

impl<'a> Rows<'a> {
    pub(super) fn new(sample: &'a SampleCity, buildings: u64) -> Self {
        Self {
            sample,
            buildings: Box::new(sample.buildings()),
            compounds: Box::new(sample.compounds()),
            building_count: 0,
            compound_count: 0,
            every: buildings.div_ceil(IDS_KEPT),
        }
    }

    /// How many compounds the first so many buildings are in.
    fn compounds_of(&self, buildings: u64) -> u64 {
        let last = usize::try_from(buildings - 1).unwrap_or(usize::MAX);
        let last = self.sample.buildings().nth(last);
        last.and_then(|draft| key_of(draft.compound_of.as_ref()?)?.get(2..)?.parse().ok())
            .unwrap_or(0)
    }
}

fn key_of(reference: &Reference) -> Option<&str> {
    match &reference.reference {
        Some(reference::Reference::Key(key)) => Some(key),
        _ => None,
    }
}

/// What an import took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    buildings: u64,
    compounds: u64,
    on_buildings: Duration,
    on_compounds: Duration,
    /// Processor time of server and caller together.
    processor: Duration,
}

impl Spent {
    pub(super) fn add(&mut self, other: Self) {
        self.buildings += other.buildings;
        self.compounds += other.compounds;
        self.on_buildings += other.on_buildings;
        self.on_compounds += other.on_compounds;
        self.processor += other.processor;
    }

    pub(super) fn tell(&self, figures: &mut Figures) {
        let figure = |name: &str, value, unit| Figure::new("import", name, value, unit);
        let buildings = rate(self.buildings, self.on_buildings);
        figures.add(figure("buildings", self.buildings, Unit::Count));
        figures.add(figure("time", nanoseconds(self.on_buildings), Unit::Nanoseconds));
        figures.add(
            figure("buildings taken", buildings, Unit::PerSecond)
                .within(Budget::AtLeast(BUILDINGS_PER_SECOND)),
        );
        let processor = nanoseconds(self.processor);
        let each = processor.checked_div(self.buildings).unwrap_or(0);
        figures.add(figure("processor time of a building", each, Unit::Nanoseconds));
        let compounds = rate(self.compounds, self.on_compounds);
        figures.add(figure("compounds taken", compounds, Unit::PerSecond));
    }
}

/// Takes rows until there are `target` buildings.
pub(super) async fn stage(
    city: &mut City,
    rows: &mut Rows<'_>,
    target: u64,
    in_flight: u8,
) -> anyhow::Result<Spent> {
    let compounds = rows.compounds_of(target).saturating_sub(rows.compound_count);
    let buildings = target.saturating_sub(rows.building_count);
    if city.regions.is_empty() {
        let first = rows.sample.compounds().next().context("the city has no compound")?;
        let community = first.community_of.and_then(|reference| reference.reference);
        let Some(reference::Reference::Identifier(code)) = community else {
            bail!("the first compound names no community");
        };
        city.look_from(&code.value)?;
    }
    let clients = Clients::new(city.connection()?.service());
    let mut taking = Taking {
        client: clients.import,
        partition: city.partition,
        in_flight: usize::from(in_flight),
        every: 1,
        flights: JoinSet::new(),
        ids: Vec::new(),
    };
    let begin = Instant::now();
    taking.take(FileKind::Compounds, &mut rows.compounds, compounds).await?;
    let on_compounds = begin.elapsed();
    keep(&mut city.ids.compounds, std::mem::take(&mut taking.ids));
    taking.every = rows.every;
    let (begin, worked) = (Instant::now(), processor_time());
    taking.take(FileKind::Buildings, &mut rows.buildings, buildings).await?;
    let on_buildings = begin.elapsed();
    let processor = processor_time().saturating_sub(worked);
    keep(&mut city.ids.buildings, taking.ids);
    rows.compound_count += compounds;
    rows.building_count += buildings;
    Ok(Spent { buildings, compounds, on_buildings, on_compounds, processor })
}

fn keep(known: &mut std::sync::Arc<Vec<String>>, new: Vec<String>) {
    let mut all = known.as_ref().clone();
    all.extend(new);
    *known = std::sync::Arc::new(all);
}

/// Batches on their way.
struct Taking {
    client: ImportServiceClient<Service<Credentials>>,
    partition: u32,
    in_flight: usize,
    /// Of so many ids one is kept.
    every: u64,
    flights: JoinSet<Result<ImportRowsResponse, tonic::Status>>,
    ids: Vec<String>,
}

impl Taking {
    async fn take(
        &mut self,
        kind: FileKind,
        drafts: &mut (dyn Iterator<Item = Draft> + Send + '_),
        count: u64,
    ) -> anyhow::Result<()> {
        let mut left = usize::try_from(count)?;
        while left > 0 {
            let wanted = left.min(BATCH_ITEMS_MAX);
            let rows: Vec<_> = drafts.take(wanted).map(|draft| draft.into_row(kind)).collect();
            anyhow::ensure!(rows.len() == wanted, "the made-up city has too few rows");
            left -= wanted;
            while self.flights.len() >= self.in_flight {
                self.land().await?;
            }
            self.send(rows);
        }
        while !self.flights.is_empty() {
            self.land().await?;
        }
        Ok(())
    }

    fn send(&mut self, rows: Vec<ImportRow>) {
        let request = ImportRowsRequest {
            context: Some(write_context()),
            source: SOURCE.to_owned(),
            mode: RowMode::Change.into(),
            partition: self.partition,
            rows,
        };
        let client = self.client.clone();
        self.flights.spawn(async move {
            let answer = patiently(|| {
                let (mut client, request) = (client.clone(), request.clone());
                async move { client.import_rows(request).await }
            });
            answer.await.map(tonic::Response::into_inner)
        });
    }

    async fn land(&mut self) -> anyhow::Result<()> {
        let Some(flight) = self.flights.join_next().await else { return Ok(()) };
        let answer = flight.context("a sending task failed")?;
        let answer = answer.map_err(|status| refused("a batch", status))?;
        for (index, result) in (0_u64..).zip(answer.results) {
            if result.outcome() != RowOutcome::Created {
                bail!("a made-up row was not taken: {result:?}");
            }
            if index % self.every == 0 {
                self.ids.push(result.id);
            }
        }
        Ok(())
    }
}

/// Writes the rows of a city for PostgreSQL's `COPY`: compound, community's code, and what is said
/// of the building.
pub(super) fn write_rows(sample: &SampleCity, count: u64, path: &Path) -> anyhow::Result<()> {
    let file =
        fs::File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
    let mut file = BufWriter::new(file);
    let mut communities = sample.compounds().filter_map(|draft| {
        let code = match draft.community_of?.reference? {
            reference::Reference::Identifier(code) => code.value,
            _ => return None,
        };
        Some((draft.key?, code))
    });
    let mut current = communities.next().unwrap_or_default();
    for draft in sample.buildings().take(usize::try_from(count)?) {
        let compound = draft.compound_of.as_ref().and_then(key_of).unwrap_or_default();
        while current.0 != compound {
            current = communities.next().context("a building in no compound")?;
        }
        let fields = &draft.building;
        let number = |value: Option<u32>| value.map_or("\\N".to_owned(), |value| value.to_string());
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "\\N".to_owned());
        let census = fields.identifiers.iter().find(|each| each.scheme == "census");
        let cells = [
            text(&draft.key),
            current.0.clone(),
            current.1.clone(),
            text(&fields.name),
            text(&fields.address),
            text(&draft.exists_from),
            text(&fields.completed),
            fields.structure.to_string(),
            number(fields.storeys_above),
            number(fields.storeys_below),
            number(fields.height_cm),
            fields.floor_area_cm2.map_or("\\N".to_owned(), |area| area.to_string()),
            fields.r#use.to_string(),
            number(fields.lift_count),
            text(&draft.longitude),
            text(&draft.latitude),
            census.map_or("\\N".to_owned(), |each| each.value.clone()),
        ];
        writeln!(file, "{}", cells.join("\t"))?;
    }
    file.flush()?;
    Ok(())
}

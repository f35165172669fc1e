//! Check-ups: an inspection with three findings, recorded over gRPC by several callers, and a rule
//! that changes for every building while somebody goes on writing.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Context as _;

use crate::{
    cli::bench::{
        city::{Callers, City, Ids, connect_all, write_context},
        commands::{Calls, change},
        figure::{Budget, Figure, Figures, Unit, ratio},
        load::{drive, nanoseconds},
        step,
    },
    client::Authenticated,
    kernel::position::Partition,
    proto::v1::{
        self, body_service_client::BodyServiceClient,
        inspection_service_client::InspectionServiceClient,
        reference_service_client::ReferenceServiceClient,
    },
};

const WORK: &str = "check-ups";
/// Of the rate of a writer while a rule is counted anew, to that before, in thousandths.
const BESIDE: Budget = Budget::AtLeast(500);
/// How often the progress of a recount is told.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// How long to look whether a recount is over.
const PAUSE: Duration = Duration::from_millis(20);

/// The files that check-ups are judged by; all of them are examples or drafts.
const FILES: [&str; 4] = [
    include_str!("../../../data/reference/grades-example.toml"),
    include_str!("../../../data/reference/colours-example.toml"),
    include_str!("../../../data/reference/findings-example.toml"),
    include_str!("../../../data/reference/cycle/zhengzhou-2025-draft.toml"),
];

/// Loads what reports are judged by, while the city is small: each file is counted for every building
/// that there is.
pub(super) async fn prepare(city: &City) -> anyhow::Result<()> {
    let region = region(city)?;
    let mut references = ReferenceServiceClient::new(city.connection()?.service());
    // The rules come last: they are what is counted anew.
    for text in FILES.iter().take(3) {
        references.load_reference(load(text, &region)).await?;
        wait(city).await?;
    }
    Ok(())
}

fn region(city: &City) -> anyhow::Result<String> {
    Ok(city.regions.last().context("the city has no region")?.to_string())
}

/// Measures both. [`prepare`] comes before.
pub(super) async fn measure(
    city: &City,
    clients: &[u16],
    span: Duration,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let region = region(city)?;
    let rules = FILES.last().copied().unwrap_or_default();
    let first = RuleChange {
        text: rules.to_owned(),
        loaded: "the first rules are loaded",
        beside: "ChangeBuilding while the first rules are counted : without rules, 16 clients",
        budget: None,
    };
    first.measure(city, &region, span, figures).await?;
    let second = RuleChange {
        text: next_edition(rules),
        loaded: "a rule changes",
        beside: "ChangeBuilding while a changed rule is counted : before, 16 clients",
        budget: Some(BESIDE),
    };
    second.measure(city, &region, span, figures).await?;
    let signed = signer(city, &region).await?;
    for number in clients {
        let callers = inspectors(city, *number)?;
        let recorded = drive(*number, span, record(&city.ids, &callers, &signed)).await?;
        let name = format!("RecordReport with three findings, {number} clients");
        recorded.tell(WORK, &name, figures);
    }
    Ok(())
}

fn load(text: &str, region: &str) -> v1::LoadReferenceRequest {
    v1::LoadReferenceRequest {
        context: Some(write_context()),
        text: text.to_owned(),
        region_id: region.to_owned(),
        ..v1::LoadReferenceRequest::default()
    }
}

/// Another edition of the rules, by which dwellings are checked more often.
fn next_edition(rules: &str) -> String {
    rules
        .replace("edition = \"2025-draft\"", "edition = \"bench\"")
        .replace("from = 2026-01-01", "from = 2026-07-01\nduty_since = 2026-01-01")
        .replace("every = \"10 years\"", "every = \"8 years\"")
}

/// Rules that concern every building.
struct RuleChange {
    text: String,
    /// What is measured: the answer, with the recount, and the rate of writers beside it.
    loaded: &'static str,
    beside: &'static str,
    budget: Option<Budget>,
}

impl RuleChange {
    /// Loads the rules, and writes meanwhile. The rate beside the recount is compared with that of
    /// the same writers just before.
    async fn measure(
        &self,
        city: &City,
        region: &str,
        span: Duration,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let mut references = ReferenceServiceClient::new(city.connection()?.service());
        let callers: Callers = city.building_clients(16)?;
        let before = drive(16, span, change(&city.ids, &callers)).await?.per_second();
        let begun = Instant::now();
        references.load_reference(load(&self.text, region)).await?;
        let answered = begun.elapsed();
        let mut beside = Vec::new();
        let mut told = Instant::now();
        while let Some(done) = counted(city)? {
            let turn = drive(16, Duration::from_secs(1), change(&city.ids, &callers)).await?;
            beside.push(turn.per_second());
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                let writes = turn.per_second();
                step(&format!("{done} buildings counted anew, {writes} writes a second"));
            }
        }
        let took = begun.elapsed();
        let figure = |name: &str, value, unit| Figure::new(WORK, name, value, unit);
        figures.add(figure(self.loaded, nanoseconds(answered), Unit::Nanoseconds));
        let all = format!("{}, and every building counted anew, beside 16 writers", self.loaded);
        figures.add(figure(&all, nanoseconds(took), Unit::Nanoseconds));
        // The last second may have been free already.
        let whole = beside.len().saturating_sub(1);
        if let Some(count) = u64::try_from(whole).ok().filter(|count| *count > 0) {
            let mean = beside.iter().take(whole).sum::<u64>() / count;
            let figure = figure(self.beside, ratio(mean, before), Unit::Thousandths);
            figures.add(match self.budget {
                Some(budget) => figure.within(budget),
                None => figure,
            });
        }
        Ok(())
    }
}

/// How many buildings the recount under way has done.
fn counted(city: &City) -> anyhow::Result<Option<u64>> {
    let partition = Partition::new(city.partition).context("no partition")?;
    Ok(city.registry.work_under_way(partition)?.recounted_count)
}

async fn wait(city: &City) -> anyhow::Result<()> {
    while counted(city)?.is_some() {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Who signs, and for whom.
#[derive(Clone)]
struct Signed {
    body: String,
    signer: String,
}

async fn signer(city: &City, region: &str) -> anyhow::Result<Signed> {
    let mut bodies = BodyServiceClient::new(city.connection()?.service());
    let licence = v1::Qualification {
        scope: "structure".to_owned(),
        certificate: "EXAMPLE-1".to_owned(),
        from: "2010-01-01".to_owned(),
        ..v1::Qualification::default()
    };
    let request = v1::CreateBodyRequest {
        context: Some(write_context()),
        fields: Some(v1::BodyFields {
            region_id: Some(region.to_owned()),
            name: Some("示例检测机构".to_owned()),
            qualifications: vec![licence.clone()],
            ..v1::BodyFields::default()
        }),
        exists_from: "2010-01-01".to_owned(),
    };
    let body = bodies.create_body(request).await?.into_inner().body.context("no body")?.id;
    let request = v1::CreateSignerRequest {
        context: Some(write_context()),
        fields: Some(v1::SignerFields {
            region_id: Some(region.to_owned()),
            qualifications: vec![licence],
            employments: vec![v1::Employment {
                body_id: body.clone(),
                from: "2010-01-01".to_owned(),
                until: String::new(),
            }],
            identifiers: vec![v1::Identifier {
                scheme: "person".to_owned(),
                value: "EXAMPLE-P1".to_owned(),
            }],
            ..v1::SignerFields::default()
        }),
        exists_from: "2010-01-01".to_owned(),
    };
    let signer = bodies.create_signer(request).await?.into_inner().signer.context("no signer")?.id;
    Ok(Signed { body, signer })
}

type Inspectors = Vec<InspectionServiceClient<Authenticated>>;

fn inspectors(city: &City, clients: u16) -> anyhow::Result<Inspectors> {
    let connections = connect_all(city, clients)?;
    Ok(connections.iter().map(|one| InspectionServiceClient::new(one.service())).collect())
}

/// Callers that record inspections, each of another building.
fn record<'c>(
    ids: &'c Ids,
    clients: &'c Inspectors,
    signed: &'c Signed,
) -> impl Fn(u16) -> Calls + 'c {
    move |number| {
        let client = clients.get(usize::from(number)).cloned();
        let (ids, signed) = (ids.clone(), signed.clone());
        Box::new(move |_| {
            let (client, number) = (client.clone(), ids.next());
            let (building, done) = (ids.building(number), ids.done.clone());
            let request = inspection(&building, number, &signed);
            Box::pin(async move {
                let nobody = || tonic::Status::internal("more callers than clients");
                client.ok_or_else(nobody)?.record_report(request).await?;
                done.note("inspection", number, &building);
                Ok(())
            })
        })
    }
}

fn inspection(building: &str, number: u64, signed: &Signed) -> v1::RecordReportRequest {
    let day = format!("2026-0{}-{:02}", 1 + number % 9, 1 + number / 9 % 28);
    let mut fields = v1::ReportFields {
        building_id: Some(building.to_owned()),
        body_id: Some(signed.body.clone()),
        grades: vec![grade(number)],
        dimensions: vec!["STR".to_owned(), "GAS".to_owned()],
        ..v1::ReportFields::default()
    };
    fields.set_kind(v1::ReportKind::CheckUp);
    v1::RecordReportRequest {
        context: Some(write_context()),
        fields: Some(fields),
        inspected_on: day.clone(),
        findings: ["STR.CRACK", "GAS.RISER", "STA.CLUTTER"]
            .iter()
            .map(|class| finding(class, number))
            .collect(),
        signatures: Some(v1::Signature {
            signer_ids: vec![signed.signer.clone()],
            scope: "structure".to_owned(),
            on: day.clone(),
        }),
        submitted_on: day,
    }
}

fn grade(number: u64) -> v1::Grade {
    let values = BTreeMap::from([(0, "A"), (1, "B"), (2, "C")]);
    let mut grade = v1::Grade {
        edition: "2020".to_owned(),
        value: values.get(&(number % 3)).copied().unwrap_or("A").to_owned(),
        ..v1::Grade::default()
    };
    grade.set_scale(v1::GradeScale::Survey);
    grade.set_scope(v1::GradeScope::Building);
    grade
}

fn finding(class: &str, number: u64) -> v1::ReportedFinding {
    let mut seen = v1::Observation {
        observer: "EXAMPLE-P1".to_owned(),
        class: class.to_owned(),
        place: Some(v1::FindingPlace {
            entrance: Some(format!("{}", 1 + number % 6)),
            ..v1::FindingPlace::default()
        }),
        ..v1::Observation::default()
    };
    seen.set_source(v1::ObservationSource::Inspector);
    seen.set_severity(v1::Severity::RepairBy);
    v1::ReportedFinding { observation: Some(seen), ..v1::ReportedFinding::default() }
}

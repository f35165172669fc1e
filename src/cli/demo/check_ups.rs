//! Loads the demo's check-ups: reference data, bodies and signers, plans, orders, and the story of
//! each building.
//!
//! Every request bears an id that is made of what it says, so that a run that was cut short is made
//! again and goes on: what was done is answered as it was, for as long as the registry remembers
//! requests.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use prost_types::FieldMask;
use tokio::{sync::Semaphore, task::JoinSet};
use tonic::{Response, Status};

use crate::{
    cli::{
        demo::story::{self, Act, Paper, STORIES, Seen, Stands, Step, What, YEARS},
        import::{patiently, refused},
    },
    client::{Authenticated, Connection},
    kernel::{hash::Hash, time::Day},
    proto::v1::{
        self, BodyFields, BuildingUse, Employment, FindingPlace, Grade, GradeScope, Identifier,
        Observation, OrderFields, Payer, PlanFields, Qualification, ReportFields, ReportKind,
        ReportedFinding, Signature, SignerFields, WriteContext,
        body_service_client::BodyServiceClient, due_service_client::DueServiceClient,
        finding_saying::Saying, finding_service_client::FindingServiceClient,
        inspection_service_client::InspectionServiceClient, plan_service_client::PlanServiceClient,
        reference_service_client::ReferenceServiceClient,
    },
};

/// The districts whose buildings are checked, by their codes.
const DISTRICTS: [&str; 4] = ["410102", "410103", "410104", "410105"];
/// The buildings of a district that have a story: each story twice.
const BUILDINGS: usize = 2 * STORIES;
/// Buildings of a district that are in this year's plan, with nothing done yet.
const PLANNED: usize = 8;
/// Stories that are told at one time.
const TOLD_AT_ONCE: usize = 32;
/// How long the registry surely remembers a request, less a day.
pub(super) const RESUMABLE: Duration = Duration::from_hours(6 * 24);

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

/// The services, each as the person who calls it.
#[derive(Clone)]
struct Desk {
    references: ReferenceServiceClient<Authenticated>,
    bodies: BodyServiceClient<Authenticated>,
    plans: PlanServiceClient<Authenticated>,
    inspector: InspectionServiceClient<Authenticated>,
    clerk: InspectionServiceClient<Authenticated>,
    seen: FindingServiceClient<Authenticated>,
    builder: FindingServiceClient<Authenticated>,
    verifier: FindingServiceClient<Authenticated>,
    /// What the ids of all requests are made of.
    seed: String,
    today: Day,
}

/// Who makes check-ups.
#[derive(Clone)]
struct Bodies {
    inspects: String,
    appraises: String,
    signer: String,
    appraiser: String,
    lapsed: String,
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

/// A call that is made until it is answered; `what` says in errors what it was for.
async fn told<T, F>(what: &str, call: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    match patiently(call).await {
        Ok(answer) => Ok(answer.into_inner()),
        Err(status) => Err(refused(what, status)),
    }
}

/// Calls one method of a client with a request, patiently.
macro_rules! call {
    ($client:expr, $method:ident, $request:expr, $what:expr) => {{
        let (client, request) = (&$client, $request);
        told($what, || {
            let (mut client, request) = (client.clone(), request.clone());
            async move { client.$method(request).await }
        })
        .await
    }};
}

/// Loads all, as far as it is past on `today`.
pub(super) async fn load(connection: &Connection, today: Day) -> anyhow::Result<Loaded> {
    let of = |person: &str| connection.clone().for_person(person).map(|it| it.service());
    let [clerk, inspector] = [of("example-clerk")?, of("example-inspector")?];
    let mut desk = Desk {
        references: ReferenceServiceClient::new(clerk.clone()),
        bodies: BodyServiceClient::new(clerk.clone()),
        plans: PlanServiceClient::new(clerk.clone()),
        inspector: InspectionServiceClient::new(inspector.clone()),
        clerk: InspectionServiceClient::new(clerk),
        seen: FindingServiceClient::new(inspector),
        builder: FindingServiceClient::new(of("example-builder")?),
        verifier: FindingServiceClient::new(of("example-verifier")?),
        seed: String::new(),
        today,
    };
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

/// The id of the region with a code.
async fn region(connection: &Connection, code: &str) -> anyhow::Result<String> {
    let request = v1::ResolveCodeRequest {
        scheme: "gbt2260".to_owned(),
        code: code.to_owned(),
        ..v1::ResolveCodeRequest::default()
    };
    let what = format!("code {code} could not be looked up");
    let answer = call!(connection.regions(), resolve_code, request, &what)?;
    let found = answer.candidates.into_iter().find_map(|candidate| candidate.region);
    Ok(found.with_context(|| format!("there is no region {code}"))?.id)
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

impl Desk {
    fn write(&self, what: &str, reason: &str) -> Option<WriteContext> {
        let hash = Hash::of(&[b"anju demo 1\n", self.seed.as_bytes(), b"\n", what.as_bytes()]);
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(hash.0).for_each(|(byte, of_hash)| *byte = of_hash);
        // The eighth version: made as its maker likes.
        let id = uuid::Builder::from_bytes(bytes)
            .with_variant(uuid::Variant::RFC4122)
            .with_version(uuid::Version::Custom)
            .into_uuid();
        Some(WriteContext {
            request_id: id.to_string(),
            reason: reason.to_owned(),
            ..WriteContext::default()
        })
    }

    async fn references(&self, city: &str) -> anyhow::Result<()> {
        for (table, text) in EDITIONS {
            let request = v1::LoadReferenceRequest {
                context: self.write(table, ""),
                text: text.to_owned(),
                region_id: city.to_owned(),
                ..v1::LoadReferenceRequest::default()
            };
            call!(self.references, load_reference, request, table)?;
        }
        Ok(())
    }

    async fn bodies(&self, city: &str) -> anyhow::Result<Bodies> {
        let inspects = self.body(city, "示例·房屋体检站", "structure").await?;
        let appraises = self.body(city, "示例·房屋鉴定所", "appraisal").await?;
        Ok(Bodies {
            signer: self.signer(city, "example-signer-1", &inspects, "structure").await?,
            lapsed: self.signer(city, "example-signer-2", &inspects, "structure").await?,
            appraiser: self.signer(city, "example-signer-3", &appraises, "appraisal").await?,
            inspects,
            appraises,
        })
    }

    async fn body(&self, city: &str, name: &str, scope: &str) -> anyhow::Result<String> {
        let request = v1::CreateBodyRequest {
            context: self.write(name, ""),
            fields: Some(BodyFields {
                region_id: Some(city.to_owned()),
                name: Some(name.to_owned()),
                qualifications: vec![licence(scope, "")],
                ..BodyFields::default()
            }),
            exists_from: "2018-01-01".to_owned(),
        };
        let answer = call!(self.bodies, create_body, request, name)?;
        Ok(answer.body.context("no body")?.id)
    }

    async fn signer(
        &self,
        city: &str,
        key: &str,
        body: &str,
        scope: &str,
    ) -> anyhow::Result<String> {
        let request = v1::CreateSignerRequest {
            context: self.write(key, ""),
            fields: Some(SignerFields {
                region_id: Some(city.to_owned()),
                qualifications: vec![licence(scope, "")],
                employments: vec![Employment {
                    body_id: body.to_owned(),
                    from: "2018-01-01".to_owned(),
                    until: String::new(),
                }],
                identifiers: vec![identifier("person", key)],
                ..SignerFields::default()
            }),
            exists_from: "2018-01-01".to_owned(),
        };
        let answer = call!(self.bodies, create_signer, request, key)?;
        Ok(answer.signer.context("no signer")?.id)
    }

    /// A licence turns out to have ended before its holder signed by it.
    async fn find_lapsed(&self, bodies: &Bodies) -> anyhow::Result<()> {
        let request = v1::CorrectSignerRequest {
            context: self.write("lapsed", "示例：证书已于2024年底到期"),
            id: bodies.lapsed.clone(),
            fields: Some(SignerFields {
                qualifications: vec![licence("structure", "2024-12-31")],
                ..SignerFields::default()
            }),
            update_mask: Some(FieldMask { paths: vec!["qualifications".to_owned()] }),
            ..v1::CorrectSignerRequest::default()
        };
        call!(self.bodies, correct_signer, request, "the licence that had lapsed")?;
        Ok(())
    }

    /// The plans of a district with their orders: the order of each building, by its id.
    async fn orders(
        &self,
        code: &str,
        district: &str,
        chosen: &[Chosen],
        bodies: &Bodies,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let mut orders = BTreeMap::new();
        for year in YEARS {
            let day = Day::from_ymd(year, 1, 10).filter(|day| *day <= self.today);
            let Some(day) = day else { continue };
            let key = format!("{code} {year}");
            let request = v1::CreatePlanRequest {
                context: self.write(&key, ""),
                fields: Some(PlanFields {
                    region_id: Some(district.to_owned()),
                    year: Some(i32::from(year)),
                    title: Some(format!("示例·{year}年度房屋体检计划")),
                    ..PlanFields::default()
                }),
                exists_from: day.to_string(),
            };
            let plan = call!(self.plans, create_plan, request, &key)?.plan.context("no plan")?.id;
            let of_year: Vec<&Chosen> = chosen.iter().filter(|each| each.year == year).collect();
            let asked = of_year.iter().map(|each| order(each, &plan, day, bodies));
            let request = v1::BatchCreateOrdersRequest {
                context: self.write(&format!("orders {key}"), ""),
                requests: asked.collect(),
                per_item: false,
            };
            let answer = call!(self.plans, batch_create_orders, request, &key)?;
            for (each, made) in of_year.iter().zip(answer.results) {
                orders.insert(each.id.clone(), made.id);
            }
        }
        self.cancel(chosen, &orders).await?;
        Ok(orders)
    }

    /// The orders of the last two buildings are cancelled.
    async fn cancel(
        &self,
        chosen: &[Chosen],
        orders: &BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        for each in chosen.iter().filter(|each| each.number >= BUILDINGS + PLANNED - 2) {
            let Some(order) = orders.get(&each.id) else { continue };
            let request = v1::CancelOrderRequest {
                context: self.write(&format!("cancel {}", each.id), "示例：列入整体改造"),
                id: order.clone(),
                ..v1::CancelOrderRequest::default()
            };
            call!(self.plans, cancel_order, request, "the order to cancel")?;
        }
        Ok(())
    }

    /// Tells the stories of a district, many at once.
    async fn tell(
        &self,
        chosen: Vec<Chosen>,
        orders: BTreeMap<String, String>,
        bodies: &Bodies,
        loaded: &mut Loaded,
    ) -> anyhow::Result<()> {
        let at_once = Arc::new(Semaphore::new(TOLD_AT_ONCE));
        let mut tellers = JoinSet::new();
        for each in chosen.into_iter().filter(|each| !each.acts.is_empty()) {
            let teller = Teller {
                desk: self.clone(),
                bodies: bodies.clone(),
                order: orders.get(&each.id).cloned(),
                building: each,
                reports: Vec::new(),
                findings: Vec::new(),
            };
            let at_once = Arc::clone(&at_once);
            tellers.spawn(async move {
                let _place = at_once.acquire().await?;
                teller.tell().await
            });
        }
        while let Some(done) = tellers.join_next().await {
            let done = done??;
            loaded.reports += done.reports;
            loaded.findings += done.findings;
            loaded.ahead += done.ahead;
        }
        Ok(())
    }
}

fn licence(scope: &str, until: &str) -> Qualification {
    Qualification {
        scope: scope.to_owned(),
        certificate: format!("EXAMPLE-{scope}"),
        from: "2018-01-01".to_owned(),
        until: until.to_owned(),
        suspensions: Vec::new(),
    }
}

fn identifier(scheme: &str, value: &str) -> Identifier {
    Identifier { scheme: scheme.to_owned(), value: value.to_owned() }
}

/// The order of a building. Of those without a story, half have no body yet.
fn order(of: &Chosen, plan: &str, set: Day, bodies: &Bodies) -> v1::CreateOrderRequest {
    let has_body = !of.acts.is_empty() || of.number.is_multiple_of(2);
    v1::CreateOrderRequest {
        context: None,
        fields: Some(OrderFields {
            building_id: Some(of.id.clone()),
            plan_id: Some(plan.to_owned()),
            kind: ReportKind::CheckUp.into(),
            body_id: has_body.then(|| bodies.inspects.clone()),
            payer: Payer::PublicAccount.into(),
            payment_reference: Some(format!("EXAMPLE-{}", of.census)),
            ..OrderFields::default()
        }),
        exists_from: set.to_string(),
    }
}

/// Tells the story of one building.
struct Teller {
    desk: Desk,
    bodies: Bodies,
    order: Option<String>,
    building: Chosen,
    reports: Vec<String>,
    findings: Vec<String>,
}

impl Teller {
    async fn tell(mut self) -> anyhow::Result<Loaded> {
        let acts = std::mem::take(&mut self.building.acts);
        let today = self.desk.today;
        // What lies ahead has not happened, and nothing that came of it has.
        let past = acts.iter().take_while(|act| act.on <= today).count();
        let ahead = acts.len() - past;
        for (number, act) in acts.into_iter().take(past).enumerate() {
            let key = format!("{} {number}", self.building.id);
            let of = || format!("building {} ({}), act {number}", self.building.census, act.on);
            let what = of();
            self.act(&key, act).await.context(what)?;
        }
        let (reports, findings) = (self.reports.len(), self.findings.len());
        Ok(Loaded { reports, findings, ahead, ..Loaded::default() })
    }

    async fn act(&mut self, key: &str, act: Act) -> anyhow::Result<()> {
        let Act { on, what } = act;
        match what {
            What::Record(paper) => self.record(key, &paper).await,
            What::Step(report, step) => self.step(key, &self.report(report)?, step, on).await,
            What::Redate { report, inspected } => {
                let request = v1::CorrectReportRequest {
                    context: self.desk.write(key, "示例：体检日期抄错"),
                    id: self.report(report)?,
                    exists_from: inspected.to_string(),
                    ..v1::CorrectReportRequest::default()
                };
                call!(self.desk.clerk, correct_report, request, "the day of a report")?;
                Ok(())
            }
            What::See(seen) => self.see(key, &seen, on).await,
            What::Say { finding, saying, reason } => {
                let id = self.finding(finding)?;
                self.desk.say(key, id, saying, reason, on).await
            }
            What::Merge { from, into } => {
                let request = v1::MergeFindingsRequest {
                    context: self.desk.write(key, "示例：同一处问题"),
                    ids: vec![self.finding(from)?],
                    into_id: self.finding(into)?,
                    day: on.to_string(),
                };
                call!(self.desk.seen, merge_findings, request, "findings that are one")?;
                Ok(())
            }
        }
    }

    fn report(&self, number: usize) -> anyhow::Result<String> {
        self.reports.get(number).cloned().ok_or_else(|| anyhow!("there is no report {number}"))
    }

    fn finding(&self, number: usize) -> anyhow::Result<String> {
        self.findings.get(number).cloned().ok_or_else(|| anyhow!("there is no finding {number}"))
    }

    fn observation(&self, seen: &Seen) -> Observation {
        let who = match seen.source {
            v1::ObservationSource::Patrol => "example-patrol",
            v1::ObservationSource::Owner => "example-owner",
            _ => "example-inspector",
        };
        let part = Some(format!("示例·{}", seen.part));
        Observation {
            source: seen.source.into(),
            observer: who.to_owned(),
            class: seen.class.to_owned(),
            severity: seen.severity.into(),
            place: Some(FindingPlace { part, ..FindingPlace::default() }),
            report_id: String::new(),
        }
    }

    async fn record(&mut self, key: &str, paper: &Paper) -> anyhow::Result<()> {
        let mut found = Vec::new();
        for seen in &paper.found {
            found.push(ReportedFinding {
                finding_id: seen
                    .known
                    .map(|known| self.finding(known))
                    .transpose()?
                    .unwrap_or_default(),
                observed_on: String::new(),
                observation: Some(self.observation(seen)),
            });
        }
        let request = v1::RecordReportRequest {
            context: self.desk.write(key, ""),
            fields: Some(self.fields(paper)),
            inspected_on: paper.inspected.to_string(),
            findings: found,
            signatures: self.signatures(paper),
            submitted_on: match paper.stands {
                Stands::Submitted => later(paper.inspected, 9).to_string(),
                Stands::Drafted | Stands::Signed => String::new(),
            },
        };
        let answer = call!(self.desk.inspector, record_report, request, "a report")?;
        self.reports.push(answer.report.context("no report")?.id);
        let new = paper.found.iter().zip(answer.findings).filter(|(seen, _)| seen.known.is_none());
        self.findings.extend(new.map(|(_, finding)| finding.id));
        Ok(())
    }

    fn fields(&self, paper: &Paper) -> ReportFields {
        let number = format!("EXAMPLE-{}-{}", self.building.census, self.reports.len() + 1);
        let hash = Hash::of(&[number.as_bytes()]);
        let body = match paper.kind {
            ReportKind::Patrol => None,
            ReportKind::Appraisal => Some(self.bodies.appraises.clone()),
            _ => Some(self.bodies.inspects.clone()),
        };
        ReportFields {
            building_id: Some(self.building.id.clone()),
            order_id: self.order.clone().filter(|_| paper.is_ordered),
            kind: paper.kind.into(),
            body_id: body,
            grades: paper.grade.iter().map(grade).collect(),
            dimensions: ["STR", "ENV", "ROF", "FIR", "ELE"].map(str::to_owned).to_vec(),
            triggers_appraisal: paper.triggers_appraisal.then_some(true),
            documents: vec![v1::Document {
                sha256: hash.to_string(),
                size_bytes: 1,
                media_type: "application/pdf".to_owned(),
                uri: String::new(),
            }],
            identifiers: vec![identifier("report", &number)],
            ..ReportFields::default()
        }
    }

    fn signatures(&self, paper: &Paper) -> Option<Signature> {
        if paper.stands == Stands::Drafted {
            return None;
        }
        let (signer, scope) = match paper.kind {
            ReportKind::Appraisal => (&self.bodies.appraiser, "appraisal"),
            _ if paper.by_the_lapsed => (&self.bodies.lapsed, "structure"),
            _ => (&self.bodies.signer, "structure"),
        };
        Some(Signature {
            signer_ids: vec![signer.clone()],
            scope: scope.to_owned(),
            on: later(paper.inspected, 7).to_string(),
        })
    }

    async fn step(&self, key: &str, id: &str, step: Step, on: Day) -> anyhow::Result<()> {
        let (id, on) = (id.to_owned(), on.to_string());
        let etag = String::new();
        match step {
            Step::Accept => {
                let context = self.desk.write(key, "");
                let request = v1::AcceptReportRequest { context, id, etag, on };
                call!(self.desk.clerk, accept_report, request, "an acceptance")?;
            }
            Step::Return => {
                let context = self.desk.write(key, "示例：照片不全");
                let request = v1::ReturnReportRequest { context, id, etag, on };
                call!(self.desk.clerk, return_report, request, "a return")?;
            }
            Step::SupersededBy(newer) => {
                let (context, by_id) = (self.desk.write(key, ""), self.report(newer)?);
                let request = v1::SupersedeReportRequest { context, id, etag, by_id, on };
                call!(self.desk.clerk, supersede_report, request, "a succession")?;
            }
        }
        Ok(())
    }

    async fn see(&mut self, key: &str, seen: &Seen, on: Day) -> anyhow::Result<()> {
        let request = v1::ObserveFindingRequest {
            context: self.desk.write(key, ""),
            building_id: self.building.id.clone(),
            observed_on: on.to_string(),
            observation: Some(self.observation(seen)),
            ..v1::ObserveFindingRequest::default()
        };
        let answer = call!(self.desk.seen, observe_finding, request, "an observation")?;
        self.findings.push(answer.finding.context("no finding")?.id);
        Ok(())
    }
}

impl Desk {
    /// Says something of a finding, by the call and the person whose it is to say.
    async fn say(
        &self,
        key: &str,
        id: String,
        saying: Saying,
        reason: &str,
        on: Day,
    ) -> anyhow::Result<()> {
        /// The four calls take the same.
        macro_rules! asked {
            ($request:ident, $saying:expr) => {
                v1::$request {
                    context: self.write(key, reason),
                    id,
                    on: on.to_string(),
                    saying: story::said($saying),
                    ..v1::$request::default()
                }
            };
        }
        match saying {
            Saying::Planned(_) | Saying::RepairBegan(_) | Saying::ReportedFixed(_) => {
                let request = asked!(ReportRepairRequest, saying);
                call!(self.builder, report_repair, request, "a repair")?;
            }
            Saying::Verified(_) | Saying::VerificationFailed(_) => {
                let request = asked!(VerifyRepairRequest, saying);
                call!(self.verifier, verify_repair, request, "a verification")?;
            }
            Saying::Monitored(_)
            | Saying::MonitoringEnded(_)
            | Saying::MeasureTaken(_)
            | Saying::MeasureLifted(_) => {
                let request = asked!(SecureFindingRequest, saying);
                call!(self.seen, secure_finding, request, "a measure")?;
            }
            _ => {
                let request = asked!(FollowFindingRequest, saying);
                call!(self.seen, follow_finding, request, "what follows on a finding")?;
            }
        }
        Ok(())
    }
}

fn grade(of: &(v1::GradeScale, &str, &str)) -> Grade {
    let (scale, edition, value) = *of;
    Grade {
        scale: scale.into(),
        edition: edition.to_owned(),
        scope: GradeScope::Building.into(),
        aspect: v1::GradeAspect::Whole.into(),
        value: value.to_owned(),
    }
}

fn later(day: Day, days: i32) -> Day {
    Day::from_number(day.number().saturating_add(days)).unwrap_or(Day::MAX)
}

//! Those who call, and what they set up before any building's story: reference data, bodies and
//! signers, plans and orders.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context as _;
use prost_types::FieldMask;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    cli::demo::{
        asked::{self, told},
        check_ups::{BUILDINGS, Chosen, EDITIONS, Loaded, PLANNED, TOLD_AT_ONCE, teller::Teller},
        story::YEARS,
    },
    client::{Authenticated, Connection},
    kernel::time::Day,
    proto::v1::{
        self, BodyFields, Employment, Identifier, OrderFields, Payer, PlanFields, Qualification,
        ReportKind, SignerFields, WriteContext, body_service_client::BodyServiceClient,
        finding_service_client::FindingServiceClient,
        inspection_service_client::InspectionServiceClient, plan_service_client::PlanServiceClient,
        reference_service_client::ReferenceServiceClient,
    },
};

/// The services, each as the person who calls it.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) references: ReferenceServiceClient<Authenticated>,
    pub(super) bodies: BodyServiceClient<Authenticated>,
    pub(super) plans: PlanServiceClient<Authenticated>,
    pub(super) inspector: InspectionServiceClient<Authenticated>,
    pub(super) clerk: InspectionServiceClient<Authenticated>,
    pub(super) seen: FindingServiceClient<Authenticated>,
    pub(super) builder: FindingServiceClient<Authenticated>,
    pub(super) verifier: FindingServiceClient<Authenticated>,
    /// What the ids of all requests are made of.
    pub(super) seed: String,
    pub(super) today: Day,
}

/// Who makes check-ups.
#[derive(Clone)]
pub(super) struct Bodies {
    pub(super) inspects: String,
    pub(super) appraises: String,
    pub(super) signer: String,
    pub(super) appraiser: String,
    pub(super) lapsed: String,
}

impl Desk {
    /// Each of them over one connection.
    pub(super) fn of(connection: &Connection, today: Day) -> anyhow::Result<Self> {
        let of = |person: &str| connection.clone().for_person(person).map(|it| it.service());
        let [clerk, inspector] = [of("example-clerk")?, of("example-inspector")?];
        Ok(Self {
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
        })
    }

    pub(super) fn write(&self, what: &str, reason: &str) -> WriteContext {
        asked::write(&self.seed, what, reason)
    }

    pub(super) async fn references(&self, city: &str) -> anyhow::Result<()> {
        for (table, text) in EDITIONS {
            let request = v1::LoadReferenceRequest {
                context: Some(self.write(table, "")),
                text: text.to_owned(),
                region_id: city.to_owned(),
                ..v1::LoadReferenceRequest::default()
            };
            call!(self.references, load_reference, request, table)?;
        }
        Ok(())
    }

    pub(super) async fn bodies(&self, city: &str) -> anyhow::Result<Bodies> {
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
            context: Some(self.write(name, "")),
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
            context: Some(self.write(key, "")),
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
    pub(super) async fn find_lapsed(&self, bodies: &Bodies) -> anyhow::Result<()> {
        let request = v1::CorrectSignerRequest {
            context: Some(self.write("lapsed", "示例：证书已于2024年底到期")),
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
    pub(super) async fn orders(
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
                context: Some(self.write(&key, "")),
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
                context: Some(self.write(&format!("orders {key}"), "")),
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
                context: Some(self.write(&format!("cancel {}", each.id), "示例：列入整体改造")),
                id: order.clone(),
                ..v1::CancelOrderRequest::default()
            };
            call!(self.plans, cancel_order, request, "the order to cancel")?;
        }
        Ok(())
    }

    /// Tells the stories of a district, many at once.
    pub(super) async fn tell(
        &self,
        chosen: Vec<Chosen>,
        orders: BTreeMap<String, String>,
        bodies: &Bodies,
        loaded: &mut Loaded,
    ) -> anyhow::Result<()> {
        let at_once = Arc::new(Semaphore::new(TOLD_AT_ONCE));
        let mut tellers = JoinSet::new();
        for each in chosen.into_iter().filter(|each| !each.acts.is_empty()) {
            let order = orders.get(&each.id).cloned();
            let teller = Teller::of(self.clone(), bodies.clone(), order, each);
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

pub(super) fn identifier(scheme: &str, value: &str) -> Identifier {
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
            deadline: Some(format!("{}-11-30", set.year())),
            payer: Payer::PublicAccount.into(),
            payment_reference: Some(format!("EXAMPLE-{}", of.census)),
            ..OrderFields::default()
        }),
        exists_from: set.to_string(),
    }
}

//! Claims: one after another from the notice to the end, a durable command a step, by several callers,
//! beside an echo.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::sync::Mutex;
use tonic::{Request, Status, metadata::MetadataValue};

use crate::{
    cli::bench::{
        city::{City, callers, connect_all, write_context},
        commands::Calls,
        echo::Echo,
        figure::Figures,
        load::drive,
        reads, underwriting,
    },
    client::{Authenticated, PERSON_KEY},
    proto::v1::{
        self, claim_service_client::ClaimServiceClient, claim_step::Step,
        policy_service_client::PolicyServiceClient,
    },
};

const WORK: &str = "claims";
/// Policies on which there are claims, each of another building where there are as many.
const POLICIES: u64 = 1_000;
/// What is approved of each claim, in fen.
const APPROVED: u64 = 10_000;
/// The day of the notice and of every step.
const DAY: &str = "2024-05-03";

/// Measures the commands of claims. The list of products is loaded before.
pub(super) async fn measure(
    city: &City,
    clients: &[u16],
    span: Duration,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let policies = Arc::new(insure(city).await?);
    let building = v1::Building { id: city.ids.building(0), ..v1::Building::default() };
    for number in clients {
        let ours: Vec<_> = connect_all(city, *number)?
            .iter()
            .map(|connection| ClaimServiceClient::new(connection.service()))
            .collect();
        let ids = city.ids.clone();
        let claiming = |caller: u16| -> Calls {
            let claimant = ours.get(usize::from(caller)).cloned().map(|client| {
                let (policies, ids) = (Arc::clone(&policies), ids.clone());
                Arc::new(Mutex::new(Claimant { client, policies, ids, under_way: None }))
            });
            Box::new(move |_| {
                let claimant = claimant.clone();
                Box::pin(async move {
                    let claimant = claimant.ok_or_else(nobody)?;
                    let mut claimant = claimant.lock().await;
                    claimant.next().await
                })
            })
        };
        let claimed = drive(*number, span, claiming).await?;
        claimed.tell(WORK, &format!("commands of claims, {number} clients"), figures);
        let answer = v1::GetBuildingResponse {
            building: Some(building.clone()),
            ..v1::GetBuildingResponse::default()
        };
        let echo = Echo::serve(answer).await?;
        let theirs = callers(echo.address, city.secret(), *number)?;
        let echoed = drive(*number, span, reads::caller(&city.ids, &theirs)).await?;
        echoed.tell(WORK, &format!("an echo, {number} clients"), figures);
    }
    Ok(())
}

/// Insures buildings by policies that name their days; the ids of these with those of the buildings.
async fn insure(city: &City) -> anyhow::Result<Vec<(String, String)>> {
    let connection = city.connection()?;
    let region = city.regions.last().context("the city has no region")?.to_string();
    let mut client = PolicyServiceClient::new(connection.service());
    let mut insured = Vec::new();
    for number in 0..POLICIES {
        let building = city.ids.building(number);
        let mut request = underwriting::policy(city, &region, number);
        request.context = Some(write_context());
        if let Some(fields) = &mut request.fields {
            fields.policy_number = Some(format!("EXAMPLE-CLAIMS-{number:09}"));
            for cover in &mut fields.covers {
                "2024-03-01".clone_into(&mut cover.from);
                "2034-02-28".clone_into(&mut cover.until);
            }
        }
        let policy = client.create_policy(request).await?.into_inner().policy;
        insured.push((policy.context("a policy was created without one")?.id, building));
    }
    Ok(insured)
}

/// Somebody who has one claim under way at a time.
struct Claimant {
    client: ClaimServiceClient<Authenticated>,
    policies: Arc<Vec<(String, String)>>,
    ids: super::city::Ids,
    /// The claim, its number, and how many steps it has taken.
    under_way: Option<(String, u64, usize)>,
}

impl Claimant {
    /// The next command.
    async fn next(&mut self) -> Result<(), Status> {
        let Some((id, number, taken)) = self.under_way.take() else {
            let number = self.ids.next();
            let id = self.notice(number).await?;
            self.under_way = Some((id, number, 0));
            return Ok(());
        };
        let steps = steps(number);
        let step = steps.get(taken).cloned();
        let is_last = taken + 1 >= steps.len();
        let step =
            step.ok_or_else(|| Status::internal("a claim took more steps than there are"))?;
        self.step(&id, step).await?;
        self.under_way = (!is_last).then_some((id, number, taken + 1));
        Ok(())
    }

    async fn notice(&mut self, number: u64) -> Result<String, Status> {
        let count = u64::try_from(self.policies.len()).unwrap_or(u64::MAX);
        let place = usize::try_from(number.checked_rem(count).unwrap_or(0)).unwrap_or(0);
        let (policy, building) = self.policies.get(place).cloned().ok_or_else(nobody)?;
        let request = v1::CreateClaimRequest {
            context: Some(write_context()),
            exists_from: DAY.to_owned(),
            fields: Some(v1::ClaimFields {
                building_id: Some(building),
                policy_id: Some(policy),
                cover: Some("WTR".to_owned()),
                part: Some("WATERPROOFING".to_owned()),
                cause: Some("LATENT_DEFECT".to_owned()),
                lost_on: Some("2024-05-01".to_owned()),
                claimant: Some("EXAMPLE-owner".to_owned()),
                claimed_fen: Some(APPROVED),
                ..v1::ClaimFields::default()
            }),
        };
        let answer = self.client.create_claim(request).await?.into_inner();
        answer.claim.map(|claim| claim.id).ok_or_else(nobody)
    }

    async fn step(&mut self, id: &str, step: Step) -> Result<(), Status> {
        let (context, id, from) = (Some(write_context()), id.to_owned(), DAY.to_owned());
        let etag = String::new();
        match &step {
            Step::Accepted(_) => {
                let step = Some(v1::ClaimStep { step: Some(step) });
                let request = v1::AnswerClaimRequest { context, id, etag, from, step };
                self.client.answer_claim(of("EXAMPLE-owner", request)).await.map(drop)
            }
            Step::Paid(_) => {
                let step = Some(v1::ClaimStep { step: Some(step) });
                let request = v1::PayClaimRequest { context, id, etag, from, step };
                self.client.pay_claim(of("EXAMPLE-cashier", request)).await.map(drop)
            }
            _ => {
                let step = Some(v1::ClaimStep { step: Some(step) });
                let request = v1::AdvanceClaimRequest { context, id, etag, from, step };
                self.client.advance_claim(of("EXAMPLE-adjuster", request)).await.map(drop)
            }
        }
    }
}

/// A request of a person: whoever approves does not pay.
fn of<T>(person: &'static str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(PERSON_KEY, MetadataValue::from_static(person));
    request
}

/// What follows on the notice, in its order.
fn steps(number: u64) -> [Step; 9] {
    let sum = || v1::ClaimSum { amount_fen: APPROVED };
    [
        Step::Registered(v1::ClaimRegistered { claim_number: format!("EXAMPLE-{number}") }),
        Step::CoverageChecked(v1::ClaimCoverageChecked::default()),
        Step::Surveyed(sum()),
        Step::Approved(sum()),
        Step::Reserved(sum()),
        Step::Settling(v1::ClaimSettling { settlement: v1::Settlement::Cash.into() }),
        Step::Accepted(v1::ClaimPlain {}),
        Step::Paid(v1::ClaimPayment {
            amount_fen: APPROVED,
            paid_to: "EXAMPLE-owner".to_owned(),
            ..v1::ClaimPayment::default()
        }),
        Step::Closed(v1::ClaimPlain {}),
    ]
}

fn nobody() -> Status {
    Status::internal("more callers than clients")
}

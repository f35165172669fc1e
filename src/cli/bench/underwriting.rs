//! Insurance: the underwriter's file of a building with a long history, and which covers answer for a
//! damage where many policies are held. Each beside an echo of the same bytes.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::JoinSet;

use crate::{
    cli::bench::{
        city::{City, callers, connect_all, write_context},
        commands::Calls,
        echo::Echo,
        figure::{Figure, Figures, Unit},
        histories::{self, ENTRIES},
        load::{Answered, drive},
    },
    client::{ANSWER_BYTES_MAX, Authenticated},
    kernel::limit::BATCH_ITEMS_MAX,
    proto::v1::{
        self, policy_service_client::PolicyServiceClient,
        reference_service_client::ReferenceServiceClient,
        underwriting_service_client::UnderwritingServiceClient,
    },
};

const WORK: &str = "underwriting";
/// Files that are asked for and timed, and half as many that are not before them.
const FILES: u64 = 200;
/// Batches of policies under way at once.
const IN_FLIGHT: usize = 4;
/// The list of products; an example.
const PRODUCTS: &str = include_str!("../../../data/reference/products-example.toml");

/// Loads the list of products, once.
pub(super) async fn prepare(city: &City) -> anyhow::Result<()> {
    let region = city.regions.last().context("the city has no region")?.to_string();
    let mut references = ReferenceServiceClient::new(city.connection()?.service());
    let products = v1::LoadReferenceRequest {
        context: Some(write_context()),
        text: PRODUCTS.to_owned(),
        region_id: region,
        ..v1::LoadReferenceRequest::default()
    };
    references.load_reference(products).await?;
    Ok(())
}

/// Measures both. [`prepare`] comes before.
pub(super) async fn measure(
    city: &City,
    clients: &[u16],
    span: Duration,
    policies: u64,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    files(city, figures).await?;
    insure(city, policies, figures).await?;
    for number in clients {
        coverage(city, *number, span, policies, figures).await?;
    }
    Ok(())
}

/// One caller asks for the file of one building again and again, in turn with the echo.
async fn files(city: &City, figures: &mut Figures) -> anyhow::Result<()> {
    let (building, ..) = histories::write(city).await?;
    let service = city.connection()?.service();
    let mut client = UnderwritingServiceClient::new(service);
    let request = v1::GetUnderwritingFileRequest {
        building_id: building.to_string(),
        ..v1::GetUnderwritingFileRequest::default()
    };
    let size = fetch(&mut client, request.clone()).await?.0;
    let echo = Echo::serve(filled(size)).await?;
    let peers = callers(echo.address, city.secret(), 1)?;
    let peer = peers.into_iter().next().context("nobody calls")?;
    let mut peer = peer.max_decoding_message_size(ANSWER_BYTES_MAX);
    let [mut whole, mut first, mut echoed] = [const { None::<Answered> }; 3];
    for round in 0..FILES + FILES / 2 {
        let ours_begins = round % 2 == 0;
        let mut took = None;
        if ours_begins {
            took = Some(timed(&mut client, &request).await?);
        }
        let begun = Instant::now();
        peer.get_building(v1::GetBuildingRequest::default()).await?;
        let echo_took = begun.elapsed();
        let (all, to_first) = match took {
            Some(took) => took,
            None => timed(&mut client, &request).await?,
        };
        // The first ones warm caches and connections and are not counted.
        if round >= FILES / 2 {
            whole.get_or_insert_default().note(all);
            first.get_or_insert_default().note(to_first);
            echoed.get_or_insert_default().note(echo_took);
        }
    }
    let name = format!("the file of a building with {ENTRIES} entries");
    whole.unwrap_or_default().tell_latency(WORK, &name, figures);
    first.unwrap_or_default().tell_latency(WORK, &format!("{name}, its first part"), figures);
    echoed.unwrap_or_default().tell_latency(WORK, "an echo of as many bytes", figures);
    figures.add(Figure::new(WORK, name, u64::try_from(size)?, Unit::Bytes));
    Ok(())
}

/// How long the whole file took, and its first part.
async fn timed(
    client: &mut UnderwritingServiceClient<Authenticated>,
    request: &v1::GetUnderwritingFileRequest,
) -> anyhow::Result<(Duration, Duration)> {
    let begun = Instant::now();
    let (_, first) = fetch(client, request.clone()).await?;
    Ok((begun.elapsed(), first))
}

/// How many bytes a file has, and after what time its first part came.
async fn fetch(
    client: &mut UnderwritingServiceClient<Authenticated>,
    request: v1::GetUnderwritingFileRequest,
) -> anyhow::Result<(usize, Duration)> {
    let begun = Instant::now();
    let mut parts = client.get_underwriting_file(request).await?.into_inner();
    let (mut size, mut first) = (0, None);
    while let Some(answer) = parts.message().await? {
        first.get_or_insert_with(|| begun.elapsed());
        size += answer.part.len();
    }
    Ok((size, first.unwrap_or_default()))
}

/// An answer of so many bytes, but for a few.
fn filled(size: usize) -> v1::GetBuildingResponse {
    let fields = v1::BuildingFields { name: Some("x".repeat(size)), ..Default::default() };
    let building = v1::Building { fields: Some(fields), ..v1::Building::default() };
    v1::GetBuildingResponse { building: Some(building), ..v1::GetBuildingResponse::default() }
}

/// Writes so many policies, several batches at once.
async fn insure(city: &City, policies: u64, figures: &mut Figures) -> anyhow::Result<()> {
    let connection = city.connection()?;
    let region = city.regions.last().context("the city has no region")?.to_string();
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    let mut number = 0;
    while number < policies || !tasks.is_empty() {
        if number < policies && tasks.len() < IN_FLIGHT {
            let last = policies.min(number + u64::try_from(BATCH_ITEMS_MAX)?);
            let requests = (number..last).map(|number| policy(city, &region, number));
            let request = v1::BatchCreatePoliciesRequest {
                context: Some(write_context()),
                requests: requests.collect(),
                ..v1::BatchCreatePoliciesRequest::default()
            };
            number = last;
            let mut client = PolicyServiceClient::new(connection.service())
                .max_decoding_message_size(ANSWER_BYTES_MAX);
            tasks.spawn(async move { client.batch_create_policies(request).await.map(drop) });
        } else if let Some(done) = tasks.join_next().await {
            done.context("a batch failed")??;
        }
    }
    let rate = crate::cli::offline::rate(policies, begun.elapsed());
    let name = format!("BatchCreatePolicies, {policies} policies");
    figures.add(Figure::new(WORK, name, rate, Unit::PerSecond));
    Ok(())
}

/// An inherent-defects policy of one building.
pub(super) fn policy(city: &City, region: &str, number: u64) -> v1::CreatePolicyRequest {
    let cover = |code: &str| v1::PolicyCover {
        cover: code.to_owned(),
        sum_insured_fen: 100_000_000,
        ..v1::PolicyCover::default()
    };
    let insurer = v1::Insurer {
        company: "EXAMPLE-insurer".to_owned(),
        share_numerator: 1,
        share_denominator: 1,
    };
    v1::CreatePolicyRequest {
        exists_from: "2024-03-01".to_owned(),
        fields: Some(v1::PolicyFields {
            region_id: Some(region.to_owned()),
            policy_number: Some(format!("EXAMPLE-{number:09}")),
            product: Some("IDI".to_owned()),
            clause: Some("2019-example".to_owned()),
            insurers: vec![insurer],
            beneficiary: v1::Beneficiary::Owners.into(),
            object_ids: vec![city.ids.building(number)],
            covers: vec![cover("STR"), cover("WTR")],
            policy_standing: v1::PolicyStanding::Bound.into(),
            ..v1::PolicyFields::default()
        }),
        ..v1::CreatePolicyRequest::default()
    }
}

/// Callers ask which covers answer, in turn with an echo of the same size.
async fn coverage(
    city: &City,
    clients: u16,
    span: Duration,
    policies: u64,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let ours: Vec<_> = connect_all(city, clients)?
        .iter()
        .map(|connection| PolicyServiceClient::new(connection.service()))
        .collect();
    let mut client = ours.first().cloned().context("nobody calls")?;
    let answer = client.check_coverage(damage(&city.ids.building(0))).await?.into_inner();
    let size = prost::Message::encoded_len(&answer);
    let echo = Echo::serve(filled(size)).await?;
    let theirs = callers(echo.address, city.secret(), clients)?;
    let ids = city.ids.clone();
    let asking = |number: u16| -> Calls {
        let (client, ids) = (ours.get(usize::from(number)).cloned(), ids.clone());
        Box::new(move |count| {
            let (client, id) = (client.clone(), ids.building(count * 64 + u64::from(number)));
            Box::pin(async move {
                let mut client = client.ok_or_else(nobody)?;
                client.check_coverage(damage(&id)).await.map(drop)
            })
        })
    };
    let covered = drive(clients, span, asking).await?;
    let echoed = drive(clients, span, super::reads::caller(&city.ids, &theirs)).await?;
    let name = format!("CheckCoverage with {policies} policies, {clients} clients");
    covered.tell(WORK, &name, figures);
    echoed.tell(WORK, &format!("an echo of its size, {clients} clients"), figures);
    Ok(())
}

fn damage(building: &str) -> v1::CheckCoverageRequest {
    v1::CheckCoverageRequest {
        of: Some(v1::check_coverage_request::Of::BuildingId(building.to_owned())),
        part: "STRUCTURE".to_owned(),
        cause: "LATENT_DEFECT".to_owned(),
        lost_on: "2026-05-01".to_owned(),
        ..v1::CheckCoverageRequest::default()
    }
}

fn nobody() -> tonic::Status {
    tonic::Status::internal("more callers than clients")
}

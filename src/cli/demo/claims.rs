//! Loads the demo's claims: falling plaster under the districts' policies of this year, one claim for
//! each stage that a claim can stand in.
//!
//! Losses, parties and amounts are made up. As with policies, a run that was cut short goes on.

use crate::{
    cli::demo::asked::{self, told},
    client::{Authenticated, Connection},
    proto::v1::{self, claim_service_client::ClaimServiceClient, claim_step::Step as Said},
};

/// The notice of every loss, and the days of the steps that follow on it.
const NOTICED: &str = "2026-03-12";
const LOST: &str = "2026-03-10";

/// Who works on claims: one who handles them, and one who pays.
pub(super) struct Desk {
    handler: ClaimServiceClient<Authenticated>,
    cashier: ClaimServiceClient<Authenticated>,
    seed: String,
}

/// How far a claim goes: its steps, with the days.
type Way = Vec<(&'static str, Said)>;

fn sum(amount_fen: u64) -> v1::ClaimSum {
    v1::ClaimSum { amount_fen }
}

fn plain() -> v1::ClaimPlain {
    v1::ClaimPlain {}
}

fn party_sum(amount_fen: u64, party: &str) -> v1::ClaimPartySum {
    v1::ClaimPartySum { amount_fen, party: party.to_owned() }
}

fn payment(amount_fen: u64) -> Said {
    Said::Paid(v1::ClaimPayment {
        amount_fen,
        paid_to: "example-owner".to_owned(),
        invoice_sha256: String::new(),
        work_id: String::new(),
    })
}

/// The whole way to the end, of which every claim goes a part.
fn whole_way(number: &str) -> Way {
    let registered = v1::ClaimRegistered { claim_number: number.to_owned() };
    let settling = v1::ClaimSettling { settlement: v1::Settlement::Repair.into() };
    vec![
        ("2026-03-13", Said::Registered(registered)),
        ("2026-03-14", Said::CoverageChecked(v1::ClaimCoverageChecked::default())),
        ("2026-03-18", Said::Surveyed(sum(4_800_000))),
        ("2026-03-25", Said::Approved(sum(4_500_000))),
        ("2026-03-25", Said::Reserved(sum(4_500_000))),
        ("2026-03-26", Said::Settling(settling)),
        ("2026-04-20", Said::Accepted(plain())),
        ("2026-04-22", payment(4_000_000)),
        ("2026-06-01", Said::Recovered(party_sum(1_200_000, "example-builder"))),
        ("2026-07-01", Said::Closed(plain())),
    ]
}

/// The ways of a district's claims: so many steps of the whole way, and what comes after.
fn ways() -> Vec<(usize, Way)> {
    let declined = || Said::Declined(v1::ClaimDeclined { code: "EXAMPLE-WEAR".to_owned() });
    let disputed = || ("2026-03-30", Said::Disputed(plain()));
    let appraised = Said::Appraised(party_sum(5_200_000, "example-institute"));
    let mut ways: Vec<(usize, Way)> = (0..=10).map(|steps| (steps, Vec::new())).collect();
    ways.extend([
        (2, vec![("2026-03-20", declined())]),
        (1, vec![("2026-03-20", Said::Withdrawn(plain()))]),
        (4, vec![disputed()]),
        (4, vec![disputed(), ("2026-04-15", appraised)]),
        (2, vec![("2026-03-20", declined()), ("2026-05-01", Said::Reopened(plain()))]),
    ]);
    ways
}

impl Desk {
    pub(super) fn new(connection: &Connection, seed: &str) -> anyhow::Result<Self> {
        let of = |person: &str| connection.clone().for_person(person);
        Ok(Self {
            handler: ClaimServiceClient::new(of("example-claims-handler")?.service()),
            cashier: ClaimServiceClient::new(of("example-cashier")?.service()),
            seed: seed.to_owned(),
        })
    }

    /// Tells the claims of a district on its policy, each of another building; how many.
    pub(super) async fn tell(
        &self,
        code: &str,
        policy: &str,
        buildings: &[String],
    ) -> anyhow::Result<usize> {
        let mut count = 0;
        for ((index, (steps, more)), building) in ways().into_iter().enumerate().zip(buildings) {
            let number = format!("EXAMPLE-C-{code}-{index:02}");
            let what = format!("claim {number}");
            let request = v1::CreateClaimRequest {
                context: Some(asked::write(&self.seed, &what, "")),
                fields: Some(v1::ClaimFields {
                    building_id: Some(building.clone()),
                    policy_id: Some(policy.to_owned()),
                    cover: Some("FALLING".to_owned()),
                    part: Some("FACADE".to_owned()),
                    cause: Some("FALLING_OBJECT".to_owned()),
                    lost_on: Some(LOST.to_owned()),
                    claimant: Some("example-owner".to_owned()),
                    event_key: Some(format!("EXAMPLE-STORM-{code}")),
                    claimed_fen: Some(5_000_000),
                    ..v1::ClaimFields::default()
                }),
                exists_from: NOTICED.to_owned(),
            };
            let made = call!(self.handler, create_claim, request, &what)?;
            let id = made.claim.map(|claim| claim.id).unwrap_or_default();
            let way = whole_way(&number).into_iter().take(steps).chain(more);
            for (nth, (on, said)) in way.enumerate() {
                self.step(&what, nth, &id, (on, said)).await?;
            }
            count += 1;
        }
        Ok(count)
    }

    async fn step(
        &self,
        claim: &str,
        nth: usize,
        id: &str,
        (on, said): (&str, Said),
    ) -> anyhow::Result<()> {
        let what = format!("{claim}, step {nth}");
        let context = Some(asked::write(&self.seed, &what, "示例"));
        let (id, from) = (id.to_owned(), on.to_owned());
        let is_answer = matches!(said, Said::Accepted(_) | Said::Disputed(_) | Said::Withdrawn(_));
        let is_paid = matches!(said, Said::Paid(_));
        let is_appraised = matches!(said, Said::Appraised(_));
        let step = Some(v1::ClaimStep { step: Some(said) });
        let etag = String::new();
        if is_paid {
            let request = v1::PayClaimRequest { context, id, etag, from, step };
            call!(self.cashier, pay_claim, request, &what)?;
        } else if is_answer {
            let request = v1::AnswerClaimRequest { context, id, etag, from, step };
            call!(self.handler, answer_claim, request, &what)?;
        } else if is_appraised {
            let request = v1::AppraiseClaimRequest { context, id, etag, from, step };
            call!(self.handler, appraise_claim, request, &what)?;
        } else {
            let request = v1::AdvanceClaimRequest { context, id, etag, from, step };
            call!(self.handler, advance_claim, request, &what)?;
        }
        Ok(())
    }
}

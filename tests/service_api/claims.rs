//! Insurance claims over the API: their steps, what is payable, whose eyes, and what a later correction
//! makes of what was approved.

use anju::proto::v1::{
    self, check_coverage_request::Of as Damaged, claim_service_client::ClaimServiceClient,
    claim_step::Step as Said, list_claims_request::Of as ClaimsOf,
};
use expect_test::expect;
use tonic::{Status, transport::Channel};

use crate::{
    harness::{City, told, write, write_because},
    policies::{Desk, policies},
};

pub(crate) fn claims(city: &City) -> ClaimServiceClient<Channel> {
    ClaimServiceClient::new(city.channel.clone())
}

/// A leak of May 2019, four years after the completion, told on the 20th.
pub(crate) fn leak(desk: &Desk, policy: &str) -> v1::CreateClaimRequest {
    v1::CreateClaimRequest {
        context: write(),
        exists_from: "2019-05-20".to_owned(),
        fields: Some(v1::ClaimFields {
            building_id: Some(desk.building.clone()),
            policy_id: Some(policy.to_owned()),
            cover: Some("WTR".to_owned()),
            part: Some("WATERPROOFING".to_owned()),
            cause: Some("LATENT_DEFECT".to_owned()),
            lost_on: Some("2019-05-10".to_owned()),
            claimant: Some("owner-7".to_owned()),
            claimed_fen: Some(9_000_000),
            ..v1::ClaimFields::default()
        }),
    }
}

pub(crate) fn sum(amount_fen: u64) -> v1::ClaimSum {
    v1::ClaimSum { amount_fen }
}

pub(crate) fn registered(number: &str) -> Said {
    Said::Registered(v1::ClaimRegistered { claim_number: number.to_owned() })
}

pub(crate) fn checked() -> Said {
    Said::CoverageChecked(v1::ClaimCoverageChecked::default())
}

pub(crate) fn paid(amount_fen: u64) -> Said {
    Said::Paid(v1::ClaimPayment {
        amount_fen,
        paid_to: "owner-7".to_owned(),
        invoice_sha256: String::new(),
        work_id: String::new(),
    })
}

pub(crate) fn settling() -> Said {
    Said::Settling(v1::ClaimSettling { settlement: v1::Settlement::Cash.into() })
}

pub(crate) fn plain() -> v1::ClaimPlain {
    v1::ClaimPlain {}
}

/// Where a claim stands, and what its stages come to.
pub(crate) fn stands(claim: &v1::Claim) -> String {
    let amounts = claim.amounts.as_ref().unwrap();
    let named = [
        ("claimed", amounts.claimed_fen),
        ("assessed", amounts.assessed_fen),
        ("approved", amounts.approved_fen),
        ("reserved", amounts.reserved_fen),
        ("paid", amounts.paid_fen),
        ("recovered", amounts.recovered_fen),
    ];
    let mut text = claim.state().as_str_name().trim_start_matches("CLAIM_STAGE_").to_owned();
    for (name, amount) in named {
        if let Some(amount) = amount {
            text = format!("{text} {name} {amount}");
        }
    }
    text
}

impl Desk {
    pub(crate) async fn claim(
        &self,
        who: &str,
        message: v1::CreateClaimRequest,
    ) -> Result<String, Status> {
        let asked = self.city.asking(who, message);
        Ok(claims(&self.city).create_claim(asked).await?.into_inner().claim.unwrap().id)
    }

    /// Takes a step by the call that it is of.
    pub(crate) async fn step(
        &self,
        who: &str,
        id: &str,
        on: &str,
        said: Said,
    ) -> Result<v1::Claim, Status> {
        let context = match said {
            Said::Declined(_) | Said::Withdrawn(_) | Said::Disputed(_) | Said::Reopened(_) => {
                write_because("as the letter says")
            }
            _ => write(),
        };
        let (id, from, mut client) = (id.to_owned(), on.to_owned(), claims(&self.city));
        let is_paid = matches!(said, Said::Paid(_));
        let is_answer = matches!(said, Said::Accepted(_) | Said::Disputed(_) | Said::Withdrawn(_));
        let step = Some(v1::ClaimStep { step: Some(said) });
        let etag = String::new();
        let claim = if is_paid {
            let message = v1::PayClaimRequest { context, id, etag, from, step };
            client.pay_claim(self.city.asking(who, message)).await?.into_inner().claim
        } else if is_answer {
            let message = v1::AnswerClaimRequest { context, id, etag, from, step };
            client.answer_claim(self.city.asking(who, message)).await?.into_inner().claim
        } else {
            let message = v1::AdvanceClaimRequest { context, id, etag, from, step };
            client.advance_claim(self.city.asking(who, message)).await?.into_inner().claim
        };
        Ok(claim.unwrap())
    }

    /// A claim that is surveyed, with its number.
    pub(crate) async fn surveyed(&self, policy: &str, number: &str, assessed: u64) -> String {
        let mut message = leak(self, policy);
        // Each is the loss of a household of its own: else it would be told already.
        message.fields.as_mut().unwrap().household_key = Some(number.to_owned());
        let id = self.claim("insurer", message).await.unwrap();
        self.step("insurer", &id, "2019-05-21", registered(number)).await.unwrap();
        self.step("insurer", &id, "2019-05-22", checked()).await.unwrap();
        let said = Said::Surveyed(sum(assessed));
        self.step("insurer", &id, "2019-05-27", said).await.unwrap();
        id
    }

    pub(crate) async fn get(&self, who: &str, id: &str, day: &str) -> Result<v1::Claim, Status> {
        let message = v1::GetClaimRequest {
            context: Some(v1::ReadContext {
                read_time: Some(v1::ReadTime { valid_at: day.to_owned(), ..Default::default() }),
                ..v1::ReadContext::default()
            }),
            id: id.to_owned(),
        };
        let asked = self.city.asking(who, message);
        Ok(claims(&self.city).get_claim(asked).await?.into_inner().claim.unwrap())
    }

    async fn listed(&self, who: &str, of: ClaimsOf, stages: &[v1::ClaimStage]) -> usize {
        let message = v1::ListClaimsRequest {
            of: Some(of),
            stages: stages.iter().map(|stage| (*stage).into()).collect(),
            ..v1::ListClaimsRequest::default()
        };
        let asked = self.city.asking(who, message);
        claims(&self.city).list_claims(asked).await.unwrap().into_inner().claims.len()
    }

    /// What is left of the waterproofing's sum insured.
    async fn left(&self) -> u64 {
        let message = v1::CheckCoverageRequest {
            of: Some(Damaged::BuildingId(self.building.clone())),
            part: "WATERPROOFING".to_owned(),
            cause: "LATENT_DEFECT".to_owned(),
            lost_on: "2019-05-10".to_owned(),
            ..v1::CheckCoverageRequest::default()
        };
        let asked = self.city.asking("operator", message);
        let answer = policies(&self.city).check_coverage(asked).await.unwrap().into_inner();
        answer.covers[0].left_fen
    }

    /// The open cases: reason and whom they are of.
    pub(crate) async fn cases(&self) -> Vec<String> {
        let message = v1::ListCasesRequest {
            partition: self.city.partition.number(),
            ..v1::ListCasesRequest::default()
        };
        let mut client = v1::case_service_client::CaseServiceClient::new(self.city.channel.clone());
        let asked = self.city.asking("operator", message);
        let listed = client.list_cases(asked).await.unwrap().into_inner().cases;
        let open = listed.into_iter().filter(|case| case.closed_by_entry.is_none());
        open.map(|case| format!("{} {}", case.reason, &case.subject_ids[0][..3])).collect()
    }

    /// Corrects the completion; how many cases the answer tells of.
    async fn completed(&self, day: &str) -> usize {
        let message = v1::CorrectBuildingRequest {
            context: write_because("the acceptance certificate was found"),
            id: self.building.clone(),
            fields: Some(v1::BuildingFields {
                completed: Some(day.to_owned()),
                ..v1::BuildingFields::default()
            }),
            ..v1::CorrectBuildingRequest::default()
        };
        let asked = self.city.asking("operator", message);
        let answer = self.city.buildings().correct_building(asked).await.unwrap();
        answer.into_inner().case_ids.len()
    }
}

#[tokio::test]
async fn a_claim_goes_from_the_notice_to_recourse_by_those_who_may() {
    let desk = Desk::start().await;
    let policy = desk.create("insurer", desk.defects()).await.unwrap();
    let id = desk.claim("east", leak(&desk, &policy)).await.unwrap();
    let mut lines = Vec::new();
    let steps = [
        ("insurer", "2019-05-21", checked()),
        ("insurer", "2019-05-21", registered("")),
        ("insurer", "2019-05-21", registered("C-2019-1")),
        ("insurer", "2019-05-22", checked()),
        ("insurer", "2019-05-27", Said::Surveyed(sum(8_000_000))),
        ("insurer", "2019-06-01", Said::Approved(sum(8_000_001))),
        ("insurer", "2019-06-01", Said::Approved(sum(7_500_000))),
        ("insurer", "2019-06-01", Said::Reserved(sum(7_500_000))),
        ("insurer", "2019-06-02", settling()),
        ("operator", "2019-06-03", paid(1)),
        ("east", "2019-06-03", Said::Accepted(plain())),
        ("insurer", "2019-06-04", paid(5_000_000)),
        ("operator", "2019-06-04", paid(7_500_001)),
        ("operator", "2019-06-04", paid(5_000_000)),
        ("operator", "2019-06-30", paid(2_500_000)),
        ("east", "2019-06-30", Said::Closed(plain())),
        ("insurer", "2019-07-30", Said::Closed(plain())),
        ("insurer", "2099-07-30", Said::Reopened(plain())),
    ];
    for (who, on, said) in steps {
        let line = match desk.step(who, &id, on, said).await {
            Ok(claim) => stands(&claim),
            Err(status) => told(&status).replace('\n', " | "),
        };
        lines.push(format!("{on} {who}: {line}"));
    }
    lines.push(format!(
        "on 2019-06-03: {}",
        stands(&desk.get("east", &id, "2019-06-03").await.unwrap())
    ));
    let message = v1::AnswerClaimRequest {
        context: write(),
        id: id.clone(),
        step: Some(v1::ClaimStep { step: Some(paid(1)) }),
        ..v1::AnswerClaimRequest::default()
    };
    let asked = desk.city.asking("operator", message);
    lines.push(told(&claims(&desk.city).answer_claim(asked).await.unwrap_err()));
    expect![[r"
        2019-05-21 insurer: FailedPrecondition CLAIM_NOT_REGISTERED | CLAIM_NOT_REGISTERED step
        2019-05-21 insurer: InvalidArgument REQUIRED | REQUIRED step.registered.claim_number
        2019-05-21 insurer: REGISTERED claimed 9000000
        2019-05-22 insurer: CHECKED claimed 9000000
        2019-05-27 insurer: SURVEYED claimed 9000000 assessed 8000000
        2019-06-01 insurer: FailedPrecondition APPROVED_ABOVE_LIMIT | APPROVED_ABOVE_LIMIT step.approved.amount_fen
        2019-06-01 insurer: APPROVED claimed 9000000 assessed 8000000 approved 7500000
        2019-06-01 insurer: RESERVED claimed 9000000 assessed 8000000 approved 7500000 reserved 7500000
        2019-06-02 insurer: SETTLING claimed 9000000 assessed 8000000 approved 7500000 reserved 7500000
        2019-06-03 operator: FailedPrecondition CLAIM_NOT_ACCEPTED | CLAIM_NOT_ACCEPTED step
        2019-06-03 east: ACCEPTED claimed 9000000 assessed 8000000 approved 7500000 reserved 7500000
        2019-06-04 insurer: FailedPrecondition FOUR_EYES | FOUR_EYES step
        2019-06-04 operator: FailedPrecondition PAID_ABOVE_APPROVED | PAID_ABOVE_APPROVED step.paid.amount_fen
        2019-06-04 operator: PAID claimed 9000000 assessed 8000000 approved 7500000 reserved 7500000 paid 5000000
        2019-06-30 operator: PAID claimed 9000000 assessed 8000000 approved 7500000 reserved 7500000 paid 7500000
        2019-06-30 east: PermissionDenied ROLE_NOT_PERMITTED
        2019-07-30 insurer: CLOSED claimed 9000000 assessed 8000000 approved 7500000 reserved 7500000 paid 7500000
        2099-07-30 insurer: InvalidArgument FUTURE_DATE | FUTURE_DATE from
        on 2019-06-03: ACCEPTED claimed 9000000 assessed 8000000 approved 7500000 reserved 7500000
        InvalidArgument NOT_HERE
        NOT_HERE step"]].assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_notice_is_told_at_once_and_nothing_is_written() {
    let desk = Desk::start().await;
    let policy = desk.create("insurer", desk.defects()).await.unwrap();
    let other = desk.city.building(&desk.compound, "2号楼").await.id;
    let before = desk.last();
    let with = |change: &dyn Fn(&mut v1::ClaimFields)| {
        let mut message = leak(&desk, &policy);
        change(message.fields.as_mut().unwrap());
        message
    };
    let refused = [
        // Never insured, by no such cover, of no such part, told before it happened.
        with(&|fields| {
            fields.building_id = Some(other.clone());
            fields.cover = Some("ROOF".to_owned());
            fields.part = Some("WALLS".to_owned());
            fields.lost_on = Some("2019-05-21".to_owned());
        }),
        // Outside every period: the structure is covered from July 2017, all else from completion on.
        with(&|fields| fields.lost_on = Some("2015-06-29".to_owned())),
        with(&|fields| {
            fields.building_id = None;
            fields.cause = None;
        }),
        with(&|fields| {
            fields.claimed_fen = Some(u64::MAX);
            fields.finding_ids = vec!["fnd_1".to_owned()];
            fields.step = Some(v1::ClaimStep { step: Some(paid(0)) });
        }),
    ];
    let mut lines = Vec::new();
    for (index, mut message) in refused.into_iter().enumerate() {
        if index == 1 {
            message.exists_from = "2015-06-29".to_owned();
        }
        lines.push(told(&desk.claim("operator", message).await.unwrap_err()));
    }
    let mut roughly = leak(&desk, &policy);
    roughly.exists_from = "2019".to_owned();
    lines.push(told(&desk.claim("operator", roughly).await.unwrap_err()));
    assert_eq!(desk.last(), before);
    expect![[r"
        InvalidArgument OUT_OF_RANGE
        OUT_OF_RANGE fields.lost_on
        PART_UNKNOWN fields.part
        COVER_UNKNOWN fields.cover
        NOT_INSURED fields.policy_id
        LOSS_OUTSIDE_COVER fields.lost_on

        FailedPrecondition LOSS_OUTSIDE_COVER
        LOSS_OUTSIDE_COVER fields.lost_on

        InvalidArgument REQUIRED
        REQUIRED fields.building_id
        REQUIRED fields.cause

        InvalidArgument INVALID_REQUEST
        OUT_OF_RANGE fields.claimed_fen
        OUT_OF_RANGE fields.step.paid.amount_fen
        MALFORMED fields.finding_ids[0]

        InvalidArgument OUT_OF_RANGE
        OUT_OF_RANGE exists_from"]]
    .assert_eq(&lines.join("\n\n"));
}

#[tokio::test]
async fn insurers_work_on_claims_of_their_own_policies_alone() {
    let desk = Desk::start().await;
    let policy = desk.create("insurer", desk.defects()).await.unwrap();
    let theirs = desk.claim("rival", leak(&desk, &policy)).await.unwrap_err();
    let id = desk.surveyed(&policy, "C-1", 8_000_000).await;
    let approve = desk.step("rival", &id, "2019-06-01", Said::Approved(sum(1))).await.unwrap_err();
    let get = desk.get("rival", &id, "").await.unwrap_err();
    let of = || ClaimsOf::BuildingId(desk.building.clone());
    let all = [v1::ClaimStage::Surveyed];
    let lines = [
        told(&theirs),
        told(&approve),
        told(&get),
        format!(
            "{} and {}",
            desk.listed("insurer", of(), &[]).await,
            desk.listed("rival", of(), &[]).await
        ),
        format!("{} of the policy", desk.listed("insurer", ClaimsOf::PolicyId(policy), &all).await),
        format!(
            "{} of the compound",
            desk.listed("east", ClaimsOf::CompoundId(desk.compound.clone()), &all).await
        ),
        format!(
            "{} of the street",
            desk.listed("east", ClaimsOf::RegionId(desk.city.streets[0].clone()), &[]).await
        ),
        format!("{} paid", desk.listed("east", of(), &[v1::ClaimStage::Paid]).await),
    ];
    expect![[r"
        NotFound NOT_FOUND
        NOT_FOUND fields.policy_id
        NotFound NOT_FOUND
        NOT_FOUND id
        NotFound NOT_FOUND
        NOT_FOUND id
        1 and 0
        1 of the policy
        1 of the compound
        1 of the street
        0 paid"]]
    .assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn many_at_once_do_not_overspend_one_limit() {
    let desk = Desk::start().await;
    // 200 000 yuan are insured, and 24 claims of 30 000 yuan are approved at the same moment.
    let policy = desk.create("insurer", desk.defects()).await.unwrap();
    let mut ids = Vec::new();
    for number in 0..24 {
        ids.push(desk.surveyed(&policy, &format!("C-{number}"), 3_000_000).await);
    }
    assert_eq!(desk.left().await, 20_000_000);
    let approvals = ids.iter().map(|id| {
        let message = v1::AdvanceClaimRequest {
            context: write(),
            id: id.clone(),
            from: "2019-06-01".to_owned(),
            step: Some(v1::ClaimStep { step: Some(Said::Approved(sum(3_000_000))) }),
            ..v1::AdvanceClaimRequest::default()
        };
        let asked = desk.city.asking("insurer", message);
        let mut client = claims(&desk.city);
        tokio::spawn(async move { client.advance_claim(asked).await.map(|_| ()) })
    });
    let approvals: Vec<_> = approvals.collect();
    let (mut approved, mut reasons) = (0_u64, std::collections::BTreeSet::new());
    for approval in approvals {
        match approval.await.unwrap() {
            Ok(()) => approved += 1,
            Err(status) => drop(reasons.insert(told(&status))),
        }
    }
    // Counted by hand: six of them are 180 000 yuan, and a seventh would be more than is insured.
    assert_eq!(approved, 6);
    assert_eq!(desk.left().await, 2_000_000);
    expect![[r"
        FailedPrecondition APPROVED_ABOVE_LIMIT
        APPROVED_ABOVE_LIMIT step.approved.amount_fen"]]
    .assert_eq(&reasons.into_iter().collect::<Vec<_>>().join("\n\n"));
}

#[tokio::test]
async fn what_was_approved_and_is_covered_no_more_becomes_a_case() {
    let desk = Desk::start().await;
    let policy = desk.create("insurer", desk.defects()).await.unwrap();
    let id = desk.surveyed(&policy, "C-1", 8_000_000).await;
    desk.step("insurer", &id, "2019-06-01", Said::Approved(sum(8_000_000))).await.unwrap();
    let second = desk.surveyed(&policy, "C-2", 8_000_000).await;
    let mut lines = vec![format!("{:?}", desk.cases().await)];
    // Completed five and a half years before the loss: the cover had ended.
    // The answer tells of the case, which is of a claim and not of the building.
    assert_eq!(desk.completed("2013-11-30").await, 1);
    lines.push(format!("{:?}", desk.cases().await));
    let said = Said::Approved(sum(1));
    lines.push(told(&desk.step("insurer", &second, "2019-06-01", said).await.unwrap_err()));
    assert_eq!(desk.completed("2015-06-30").await, 0);
    lines.push(format!("{:?}", desk.cases().await));
    // Less was insured than the policy was read to say.
    let insured = |fen: u64| v1::CorrectPolicyRequest {
        context: write_because("the schedule was misread"),
        id: policy.clone(),
        fields: Some(v1::PolicyFields {
            covers: vec![v1::PolicyCover {
                cover: "WTR".to_owned(),
                sum_insured_fen: fen,
                ..v1::PolicyCover::default()
            }],
            ..v1::PolicyFields::default()
        }),
        ..v1::CorrectPolicyRequest::default()
    };
    for fen in [7_999_999, 8_000_000] {
        let asked = desk.city.asking("insurer", insured(fen));
        policies(&desk.city).correct_policy(asked).await.unwrap();
        lines.push(format!("{:?}", desk.cases().await));
    }
    // Nothing was deleted.
    lines.push(stands(&desk.get("insurer", &id, "").await.unwrap()));
    expect![[r#"
        []
        ["CLAIM_NOT_COVERED clm"]
        FailedPrecondition CLAIM_NOT_COVERED
        CLAIM_NOT_COVERED step
        []
        ["APPROVED_ABOVE_LIMIT clm"]
        []
        APPROVED claimed 9000000 assessed 8000000 approved 8000000"#]]
    .assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn a_policy_of_a_demolished_building_is_to_be_endorsed_and_its_claim_is_paid() {
    let desk = Desk::start().await;
    let policy = desk.create("insurer", desk.defects()).await.unwrap();
    let id = desk.surveyed(&policy, "C-1", 8_000_000).await;
    let end = v1::EndBuildingRequest {
        context: write(),
        id: desk.building.clone(),
        ended_on: "2019-05-30".to_owned(),
        cause: v1::EndCause::Demolished.into(),
        ..v1::EndBuildingRequest::default()
    };
    desk.city.buildings().end_building(desk.city.asking("operator", end)).await.unwrap();
    let mut lines = vec![format!("{:?}", desk.cases().await)];
    // It happened before the end.
    desk.step("insurer", &id, "2019-06-01", Said::Approved(sum(8_000_000))).await.unwrap();
    let mut late = leak(&desk, &policy);
    late.exists_from = "2019-06-01".to_owned();
    late.fields.as_mut().unwrap().lost_on = Some("2019-05-30".to_owned());
    lines.push(told(&desk.claim("insurer", late).await.unwrap_err()));
    let cancel = v1::CancelPolicyRequest {
        context: write_because("the building is demolished"),
        id: policy,
        from: "2019-05-30".to_owned(),
        ..v1::CancelPolicyRequest::default()
    };
    policies(&desk.city).cancel_policy(desk.city.asking("insurer", cancel)).await.unwrap();
    lines.push(format!("{:?}", desk.cases().await));
    desk.step("insurer", &id, "2019-06-02", Said::Reserved(sum(8_000_000))).await.unwrap();
    desk.step("insurer", &id, "2019-06-02", settling()).await.unwrap();
    desk.step("east", &id, "2019-06-02", Said::Accepted(plain())).await.unwrap();
    let claim = desk.step("operator", &id, "2019-06-03", paid(8_000_000)).await.unwrap();
    lines.push(stands(&claim));
    expect![[r#"
        ["ENDORSEMENT_WANTED pol"]
        FailedPrecondition OBJECT_ABSENT
        OBJECT_ABSENT fields.building_id
        []
        PAID claimed 9000000 assessed 8000000 approved 8000000 reserved 8000000 paid 8000000"#]]
    .assert_eq(&lines.join("\n"));
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one page after another")]
async fn corrections_and_retractions_keep_to_the_limits() {
    let desk = Desk::start().await;
    let policy = desk.create("insurer", desk.defects()).await.unwrap();
    let first = desk.surveyed(&policy, "C-1", 15_000_000).await;
    let approved =
        desk.step("insurer", &first, "2019-06-01", Said::Approved(sum(15_000_000))).await.unwrap();
    let entry = approved.steps.last().unwrap().entry;
    let correct = |amount: u64| v1::CorrectClaimRequest {
        context: write_because("mistyped"),
        id: first.clone(),
        entry: Some(entry),
        fields: Some(v1::ClaimFields {
            step: Some(v1::ClaimStep { step: Some(Said::Approved(sum(amount))) }),
            ..v1::ClaimFields::default()
        }),
        ..v1::CorrectClaimRequest::default()
    };
    let send = |message: v1::CorrectClaimRequest| {
        let asked = desk.city.asking("operator", message);
        let mut client = claims(&desk.city);
        async move {
            match client.correct_claim(asked).await {
                Ok(answer) => stands(&answer.into_inner().claim.unwrap()),
                Err(status) => told(&status),
            }
        }
    };
    let mut lines = vec![send(correct(15_000_001)).await, send(correct(12_000_000)).await];
    // The operator corrected what was approved, and the insurer approved it all the same: neither pays.
    for said in [Said::Reserved(sum(1)), settling()] {
        desk.step("insurer", &first, "2019-06-02", said).await.unwrap();
    }
    let offer = desk.step("insurer", &first, "2019-06-02", Said::Accepted(plain())).await;
    lines.push(told(&offer.unwrap_err()));
    desk.step("city", &first, "2019-06-02", Said::Accepted(plain())).await.unwrap();
    let own = desk.step("insurer", &first, "2019-06-03", paid(1)).await.unwrap_err();
    lines.push(told(&own));
    // Nor does who corrected what was approved.
    let corrector = desk.step("operator", &first, "2019-06-03", paid(1)).await.unwrap_err();
    lines.push(told(&corrector));
    desk.step("city", &first, "2019-06-03", paid(11_000_000)).await.unwrap();
    lines.push(send(correct(10_999_999)).await);
    let retract = |id: &str, entry: u64| v1::RetractClaimRequest {
        context: write_because("of another claim"),
        id: id.to_owned(),
        entry: Some(entry),
        ..v1::RetractClaimRequest::default()
    };
    let take_back = |message: v1::RetractClaimRequest| {
        let asked = desk.city.asking("operator", message);
        let mut client = claims(&desk.city);
        async move {
            match client.retract_claim(asked).await {
                Ok(answer) => Ok(answer.into_inner()),
                Err(status) => Err(told(&status)),
            }
        }
    };
    // Money went out on it.
    lines.push(take_back(retract(&first, entry)).await.unwrap_err());
    // Another's approval is taken back, its room is used, and it does not come back.
    let second = desk.surveyed(&policy, "C-2", 8_000_000).await;
    let said = Said::Approved(sum(8_000_000));
    let claim = desk.step("insurer", &second, "2019-06-05", said).await.unwrap();
    let gone = take_back(retract(&second, claim.steps.last().unwrap().entry)).await.unwrap();
    lines.push(format!("{} left {}", stands(&gone.claim.unwrap()), desk.left().await));
    let third = desk.surveyed(&policy, "C-3", 5_000_000).await;
    let said = Said::Approved(sum(5_000_000));
    desk.step("insurer", &third, "2019-06-05", said).await.unwrap();
    let entry = gone.receipt.unwrap().entries[0];
    lines.push(take_back(retract(&second, entry)).await.unwrap_err());
    expect![[r"
        FailedPrecondition APPROVED_ABOVE_LIMIT
        APPROVED_ABOVE_LIMIT fields.step.approved.amount_fen

        APPROVED claimed 9000000 assessed 15000000 approved 12000000

        PermissionDenied ROLE_NOT_PERMITTED

        FailedPrecondition FOUR_EYES
        FOUR_EYES step

        FailedPrecondition FOUR_EYES
        FOUR_EYES step

        FailedPrecondition PAID_ABOVE_APPROVED
        PAID_ABOVE_APPROVED fields.step.paid.amount_fen

        FailedPrecondition FOUR_EYES
        FOUR_EYES id
        CLAIM_NOT_APPROVED id
        CLAIM_NOT_RESERVED id
        CLAIM_NOT_SETTLED id
        CLAIM_NOT_ACCEPTED id

        SURVEYED claimed 9000000 assessed 8000000 left 8000000

        FailedPrecondition APPROVED_ABOVE_LIMIT
        APPROVED_ABOVE_LIMIT id"]]
    .assert_eq(&lines.join("\n\n"));
}

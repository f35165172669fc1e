//! Insurance over the API: who writes a policy of several insurers, whose loss it is, what each insurer
//! bears, and what is wrong with a policy or claim and leaves no entry.

use anju::proto::v1::{self, claim_step::Step as Said};
use expect_test::expect;
use tonic::Status;

use crate::{
    claims::{checked, claims, leak, paid, plain, registered, settling, stands, sum},
    harness::{told, write, write_because},
    policies::{Desk, insurer, policies},
};

impl Desk {
    /// A policy that the insurer leads, and that the rival follows.
    fn shared(&self) -> v1::CreatePolicyRequest {
        let mut message = self.defects();
        message.fields.as_mut().unwrap().insurers =
            vec![insurer("EXAMPLE-insurer", 2, 3), insurer("EXAMPLE-rival", 1, 3)];
        message
    }

    /// Everything that is said of a policy after it was made, by one caller; the reasons for refusals.
    async fn written_by(&self, who: &str, id: &str) -> Vec<String> {
        let shares = || v1::PolicyFields {
            insurers: vec![insurer("EXAMPLE-insurer", 1, 3), insurer("EXAMPLE-rival", 2, 3)],
            ..v1::PolicyFields::default()
        };
        let (id, because) = (id.to_owned(), || write_because("as agreed"));
        let mut client = policies(&self.city);
        let change = v1::ChangePolicyRequest {
            context: write(),
            id: id.clone(),
            from: "2020-01-01".to_owned(),
            fields: Some(shares()),
            ..v1::ChangePolicyRequest::default()
        };
        let correct = v1::CorrectPolicyRequest {
            context: because(),
            id: id.clone(),
            fields: Some(shares()),
            ..v1::CorrectPolicyRequest::default()
        };
        let retract = v1::RetractPolicyRequest {
            context: because(),
            id: id.clone(),
            ..v1::RetractPolicyRequest::default()
        };
        let cancel = v1::CancelPolicyRequest {
            context: because(),
            id: id.clone(),
            from: "2025-01-01".to_owned(),
            ..v1::CancelPolicyRequest::default()
        };
        let lapse = v1::LapsePolicyRequest {
            context: because(),
            id: id.clone(),
            from: "2025-01-01".to_owned(),
            ..v1::LapsePolicyRequest::default()
        };
        let bind =
            v1::BindPolicyRequest { context: write(), id, ..v1::BindPolicyRequest::default() };
        let answers: [Result<(), Status>; 6] = [
            client.change_policy(self.city.asking(who, change)).await.map(drop),
            client.correct_policy(self.city.asking(who, correct)).await.map(drop),
            client.bind_policy(self.city.asking(who, bind)).await.map(drop),
            client.cancel_policy(self.city.asking(who, cancel)).await.map(drop),
            client.lapse_policy(self.city.asking(who, lapse)).await.map(drop),
            client.retract_policy(self.city.asking(who, retract)).await.map(drop),
        ];
        let told = answers.iter().map(|answer| match answer {
            Ok(()) => "done".to_owned(),
            Err(status) => told(status).replace('\n', " | "),
        });
        told.collect()
    }

    /// A claim that is accepted, for 75 000 yuan.
    async fn accepted(&self, policy: &str) -> String {
        let id = self.surveyed(policy, "C-1", 8_000_000).await;
        for said in [Said::Approved(sum(7_500_000)), Said::Reserved(sum(7_500_000)), settling()] {
            self.step("insurer", &id, "2019-06-01", said).await.unwrap();
        }
        self.step("east", &id, "2019-06-03", Said::Accepted(plain())).await.unwrap();
        id
    }
}

#[tokio::test]
async fn an_insurer_that_follows_reads_the_policy_and_does_not_write_it() {
    let desk = Desk::start().await;
    let theirs = desk.create("rival", desk.shared()).await.unwrap_err();
    let id = desk.create("insurer", desk.shared()).await.unwrap();
    let before = desk.last();
    let mut lines = vec![told(&theirs).replace('\n', " | ")];
    lines.extend(desk.written_by("rival", &id).await);
    assert_eq!(desk.last(), before);
    let get = v1::GetPolicyRequest { id: id.clone(), ..v1::GetPolicyRequest::default() };
    let read = policies(&desk.city).get_policy(desk.city.asking("rival", get)).await.unwrap();
    let shares = read.into_inner().policy.unwrap().fields.unwrap().insurers;
    lines.push(format!("{} insurers are read by one that follows", shares.len()));
    // What it reads it may tell a loss of.
    desk.claim("rival", leak(&desk, &id)).await.unwrap();
    lines.push("the leader:".to_owned());
    lines.extend(desk.written_by("insurer", &id).await);
    expect![[r"
        PermissionDenied OUT_OF_REACH | OUT_OF_REACH fields.insurers
        PermissionDenied OUT_OF_REACH | OUT_OF_REACH id
        PermissionDenied OUT_OF_REACH | OUT_OF_REACH id
        PermissionDenied OUT_OF_REACH | OUT_OF_REACH id
        PermissionDenied OUT_OF_REACH | OUT_OF_REACH id
        PermissionDenied OUT_OF_REACH | OUT_OF_REACH id
        PermissionDenied ROLE_NOT_PERMITTED
        2 insurers are read by one that follows
        the leader:
        done
        done
        FailedPrecondition POLICY_STATE | POLICY_STATE id
        done
        FailedPrecondition POLICY_STATE | POLICY_STATE id
        PermissionDenied ROLE_NOT_PERMITTED"]]
    .assert_eq(&lines.join("\n"));
}

/// What the issue names as bad input, one by one.
#[tokio::test]
async fn each_bad_input_has_a_reason_of_its_own_and_leaves_no_entry() {
    let desk = Desk::start().await;
    let policy = desk.create("insurer", desk.defects()).await.unwrap();
    let other = desk.city.building(&desk.compound, "2号楼").await.id;
    let claim = desk.accepted(&policy).await;
    let before = desk.last();
    let with_policy = |change: &dyn Fn(&mut v1::PolicyFields)| {
        let mut message = desk.defects();
        let fields = message.fields.as_mut().unwrap();
        fields.policy_number = Some("IDI-2013-0002".to_owned());
        change(fields);
        message
    };
    let with_claim = |change: &dyn Fn(&mut v1::ClaimFields)| {
        let mut message = leak(&desk, &policy);
        change(message.fields.as_mut().unwrap());
        message
    };
    let overlapping = with_policy(&|fields| fields.covers.push(fields.covers[1].clone()));
    let shares = with_policy(&|fields| fields.insurers[1] = insurer("EXAMPLE-other", 1, 4));
    let clause = with_policy(&|fields| fields.clause = Some("2018-example".to_owned()));
    let mut outside = with_claim(&|fields| fields.lost_on = Some("2015-06-29".to_owned()));
    outside.exists_from = "2015-06-29".to_owned();
    let never = with_claim(&|fields| fields.building_id = Some(other.clone()));
    let refused = [
        ("overlapping cover", desk.create("insurer", overlapping).await.unwrap_err()),
        ("shares that are not one", desk.create("insurer", shares).await.unwrap_err()),
        ("loss outside every period", desk.claim("insurer", outside).await.unwrap_err()),
        (
            "payment above approval",
            desk.step("operator", &claim, "2019-06-04", paid(7_500_001)).await.unwrap_err(),
        ),
        ("object never insured", desk.claim("insurer", never).await.unwrap_err()),
        ("unknown clause", desk.create("insurer", clause).await.unwrap_err()),
    ];
    let mut reasons = std::collections::BTreeSet::new();
    let lines = refused.iter().map(|(what, status)| {
        let told = told(status);
        reasons.insert(told.lines().next().unwrap().to_owned());
        format!("{what}: {}", told.replace('\n', " | "))
    });
    let lines: Vec<String> = lines.collect();
    assert_eq!(desk.last(), before);
    assert_eq!(reasons.len(), refused.len());
    expect![[r"
        overlapping cover: InvalidArgument COVER_OVERLAP | COVER_OVERLAP fields.covers[2]
        shares that are not one: InvalidArgument INSURER_SHARES | INSURER_SHARES fields.insurers
        loss outside every period: FailedPrecondition LOSS_OUTSIDE_COVER | LOSS_OUTSIDE_COVER fields.lost_on
        payment above approval: FailedPrecondition PAID_ABOVE_APPROVED | PAID_ABOVE_APPROVED step.paid.amount_fen
        object never insured: FailedPrecondition NOT_INSURED | NOT_INSURED fields.policy_id | LOSS_OUTSIDE_COVER fields.lost_on
        unknown clause: FailedPrecondition CLAUSE_UNKNOWN | CLAUSE_UNKNOWN fields.clause"]]
    .assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn each_insurer_bears_its_share_of_what_was_paid() {
    let desk = Desk::start().await;
    let policy = desk.create("insurer", desk.defects()).await.unwrap();
    let id = desk.accepted(&policy).await;
    let borne = |claim: &v1::Claim| {
        let parts = claim.borne.iter().map(|part| format!("{} {}", part.company, part.paid_fen));
        parts.collect::<Vec<_>>().join(", ")
    };
    let mut lines = vec![borne(&desk.get("insurer", &id, "").await.unwrap())];
    // Two thirds and one third of what does not divide; and of the sum, not of each payment.
    for (on, amount) in [("2019-06-04", 100), ("2019-06-05", 100), ("2019-06-06", 101)] {
        lines.push(borne(&desk.step("operator", &id, on, paid(amount)).await.unwrap()));
    }
    lines.push(borne(&desk.get("insurer", &id, "2019-06-04").await.unwrap()));
    expect![[r"

        EXAMPLE-insurer 67, EXAMPLE-other 33
        EXAMPLE-insurer 133, EXAMPLE-other 67
        EXAMPLE-insurer 201, EXAMPLE-other 100
        EXAMPLE-insurer 67, EXAMPLE-other 33"]]
    .assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn a_limit_per_person_or_household_is_of_a_loss_that_is_somebodys() {
    let desk = Desk::start().await;
    let mut message = desk.defects();
    let covers = &mut message.fields.as_mut().unwrap().covers;
    covers[1].per_event_fen = Some(9_000_000);
    covers[1].per_person_fen = Some(1_000_000);
    let policy = desk.create("insurer", message).await.unwrap();
    let tell = async |number: &str, of: &dyn Fn(&mut v1::ClaimFields)| {
        let mut message = leak(&desk, &policy);
        of(message.fields.as_mut().unwrap());
        let id = desk.claim("insurer", message).await.unwrap();
        for said in [registered(number), checked(), Said::Surveyed(sum(8_000_000))] {
            desk.step("insurer", &id, "2019-05-21", said).await.unwrap();
        }
        id
    };
    let approve = async |id: &str, amount: u64| {
        let said = Said::Approved(sum(amount));
        match desk.step("insurer", id, "2019-06-01", said).await {
            Ok(claim) => stands(&claim),
            Err(status) => told(&status).replace('\n', " | "),
        }
    };
    // Nobody's loss, and a household's, where the limit is of persons.
    let nobodys = tell("C-1", &|_| {}).await;
    let households = tell("C-2", &|fields| fields.household_key = Some("home-1".to_owned())).await;
    let persons = tell("C-3", &|fields| fields.person_key = Some("p-1".to_owned())).await;
    let before = desk.last();
    let mut lines = vec![approve(&nobodys, 500_000).await, approve(&households, 500_000).await];
    lines.push(approve(&persons, 1_000_001).await);
    assert_eq!(desk.last(), before);
    lines.push(approve(&persons, 1_000_000).await);
    // It is somebody's after all.
    let change = v1::ChangeClaimRequest {
        context: write(),
        id: nobodys.clone(),
        from: "2019-06-01".to_owned(),
        fields: Some(v1::ClaimFields {
            person_key: Some("p-2".to_owned()),
            ..v1::ClaimFields::default()
        }),
        ..v1::ChangeClaimRequest::default()
    };
    claims(&desk.city).change_claim(desk.city.asking("insurer", change)).await.unwrap();
    lines.push(approve(&nobodys, 500_000).await);
    expect![[r"
        FailedPrecondition WHOSE_LOSS | WHOSE_LOSS step
        FailedPrecondition WHOSE_LOSS | WHOSE_LOSS step
        FailedPrecondition APPROVED_ABOVE_LIMIT | APPROVED_ABOVE_LIMIT step.approved.amount_fen
        APPROVED claimed 9000000 assessed 8000000 approved 1000000
        APPROVED claimed 9000000 assessed 8000000 approved 500000"]]
    .assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn a_loss_that_another_claim_tells_of_is_taken_when_the_caller_insists() {
    let desk = Desk::start().await;
    let policy = desk.create("insurer", desk.defects()).await.unwrap();
    let first = desk.claim("insurer", leak(&desk, &policy)).await.unwrap();
    let before = desk.last();
    let again = desk.claim("east", leak(&desk, &policy)).await.unwrap_err();
    assert_eq!(desk.last(), before);
    assert!(again.message().contains(&first), "{}", again.message());
    let mut insists = leak(&desk, &policy);
    let mut context = write_because("two roofs leaked on one day").unwrap();
    context.overrides = vec!["LOSS_TOLD_ALREADY".to_owned()];
    insists.context = Some(context);
    desk.claim("east", insists).await.unwrap();
    // Nobody has to look at what was insisted on.
    let lines = [told(&again), format!("{:?}", desk.cases().await)];
    expect![[r"
        InvalidArgument LOSS_TOLD_ALREADY
        LOSS_TOLD_ALREADY fields.lost_on

        []"]]
    .assert_eq(&lines.join("\n\n"));
}

//! Insurance policies over the API: what they say, where they stand, what they answer for.

use anju::proto::v1::{
    self, check_coverage_request::Of as Damaged, list_policies_request::Of as PoliciesOf,
    policy_service_client::PolicyServiceClient,
};
use expect_test::expect;
use tonic::{Status, transport::Channel};

use crate::{
    actors::references,
    harness::{City, building, told, write, write_because},
};

const PRODUCTS: &str = include_str!("../../data/reference/products-example.toml");

pub(crate) fn policies(city: &City) -> PolicyServiceClient<Channel> {
    PolicyServiceClient::new(city.channel.clone())
}

/// A city with a list of products, a compound in the east street and a building that was completed
/// on the last day of June 2015.
pub(crate) struct Desk {
    pub(crate) city: City,
    pub(crate) compound: String,
    pub(crate) building: String,
}

impl Desk {
    pub(crate) async fn start() -> Self {
        let city = City::start().await;
        let message = v1::LoadReferenceRequest {
            context: write(),
            text: PRODUCTS.to_owned(),
            ..v1::LoadReferenceRequest::default()
        };
        references(&city).load_reference(city.asking("operator", message)).await.unwrap();
        let compound = city.compound(&city.communities[0], "东院").await.id;
        let mut message = building(&compound, "1号楼");
        message.fields.as_mut().unwrap().completed = Some("2015-06-30".to_owned());
        let made = city.buildings().create_building(city.asking("operator", message)).await;
        let building = made.unwrap().into_inner().building.unwrap().id;
        Self { city, compound, building }
    }

    /// An inherent-defects policy of two insurers, bound before the building was there.
    pub(crate) fn defects(&self) -> v1::CreatePolicyRequest {
        let cover = |cover: &str, sum: u64| v1::PolicyCover {
            cover: cover.to_owned(),
            sum_insured_fen: sum,
            ..v1::PolicyCover::default()
        };
        v1::CreatePolicyRequest {
            context: write(),
            exists_from: "2013-03-01".to_owned(),
            fields: Some(v1::PolicyFields {
                region_id: Some(self.city.streets[0].clone()),
                policy_number: Some("IDI-2013-0001".to_owned()),
                product: Some("IDI".to_owned()),
                clause: Some("2019-example".to_owned()),
                insurers: vec![insurer("EXAMPLE-insurer", 2, 3), insurer("EXAMPLE-other", 1, 3)],
                policyholder: Some("EXAMPLE-DEVELOPER".to_owned()),
                beneficiary: v1::Beneficiary::Owners.into(),
                object_ids: vec![self.building.clone()],
                covers: vec![cover("STR", 100_000_001), cover("WTR", 20_000_000)],
                premiums: vec![v1::PolicyPremium {
                    amount_fen: 1_500_000,
                    payer: v1::PremiumPayer::Developer.into(),
                    reference: String::new(),
                }],
                policy_standing: v1::PolicyStanding::Bound.into(),
                ..v1::PolicyFields::default()
            }),
        }
    }

    pub(crate) async fn create(
        &self,
        who: &str,
        message: v1::CreatePolicyRequest,
    ) -> Result<String, Status> {
        let asked = self.city.asking(who, message);
        Ok(policies(&self.city).create_policy(asked).await?.into_inner().policy.unwrap().id)
    }

    pub(crate) async fn state(&self, id: &str, day: &str) -> Result<String, Status> {
        let message = v1::GetPolicyRequest {
            context: Some(v1::ReadContext {
                read_time: Some(v1::ReadTime { valid_at: day.to_owned(), ..Default::default() }),
                ..v1::ReadContext::default()
            }),
            id: id.to_owned(),
        };
        let asked = self.city.asking("operator", message);
        let policy = policies(&self.city).get_policy(asked).await?.into_inner().policy.unwrap();
        Ok(policy.state().as_str_name().trim_start_matches("POLICY_STATE_").to_owned())
    }

    /// Which covers answer for a latent defect, a line each; with the last entry known.
    async fn covered(&self, who: &str, part: &str, on: &str, known: Option<u64>) -> String {
        let message = v1::CheckCoverageRequest {
            context: Some(v1::ReadContext {
                read_time: Some(v1::ReadTime { known_at_seq: known, ..Default::default() }),
                ..v1::ReadContext::default()
            }),
            of: Some(Damaged::BuildingId(self.building.clone())),
            part: part.to_owned(),
            cause: "LATENT_DEFECT".to_owned(),
            lost_on: on.to_owned(),
            noticed_on: String::new(),
        };
        match policies(&self.city).check_coverage(self.city.asking(who, message)).await {
            Ok(answer) => lines(&answer.into_inner()),
            Err(status) => told(&status),
        }
    }

    pub(crate) fn last(&self) -> u64 {
        let partition = self.city.partition;
        self.city.registry.frontier(partition).seq
    }
}

pub(crate) fn insurer(company: &str, share_numerator: u64, share_denominator: u64) -> v1::Insurer {
    v1::Insurer { company: company.to_owned(), share_numerator, share_denominator }
}

fn lines(answer: &v1::CheckCoverageResponse) -> String {
    let short = |answer: v1::CoverageAnswer| {
        answer.as_str_name().trim_start_matches("COVERAGE_ANSWER_").to_owned()
    };
    let mut lines = vec![format!("{}, completed {}", short(answer.answer()), answer.completed)];
    for cover in &answer.covers {
        let reasons: Vec<_> = cover.objections.iter().map(|one| one.reason.as_str()).collect();
        let parts: Vec<_> = cover
            .insurers
            .iter()
            .map(|part| format!("{} {}", part.company, part.sum_insured_fen))
            .collect();
        lines.push(format!(
            "{} {} {}..{} {} [{}] {}",
            cover.policy_number,
            cover.item.as_ref().unwrap().cover,
            cover.from,
            cover.until,
            short(cover.answer()),
            reasons.join(" "),
            parts.join(", "),
        ));
    }
    lines.join("\n")
}

#[tokio::test]
async fn a_leak_in_the_sixth_year_is_covered_once_the_acceptance_is_corrected() {
    let desk = Desk::start().await;
    desk.create("insurer", desk.defects()).await.unwrap();
    let before = desk.last();
    // Five years of waterproofing end with 30 June 2020; the structure is covered for ten.
    let mut lines = vec![
        desk.covered("operator", "WATERPROOFING", "2020-06-30", None).await,
        desk.covered("operator", "WATERPROOFING", "2020-07-01", None).await,
        desk.covered("operator", "STRUCTURE", "2020-07-01", None).await,
    ];
    // The acceptance was eight months later than the registry had been told.
    let message = v1::CorrectBuildingRequest {
        context: write_because("the acceptance certificate was found"),
        id: desk.building.clone(),
        fields: Some(v1::BuildingFields {
            completed: Some("2016-02-29".to_owned()),
            ..v1::BuildingFields::default()
        }),
        ..v1::CorrectBuildingRequest::default()
    };
    let asked = desk.city.asking("operator", message);
    desk.city.buildings().correct_building(asked).await.unwrap();
    lines.push(desk.covered("operator", "WATERPROOFING", "2020-07-01", None).await);
    // What was known before the correction is answered as it was then.
    lines.push(desk.covered("operator", "WATERPROOFING", "2020-07-01", Some(before)).await);
    expect![[r"
        YES, completed 2015-06-30
        IDI-2013-0001 WTR 2015-06-30..2020-06-30 YES [] EXAMPLE-insurer 13333333, EXAMPLE-other 6666667
        IDI-2013-0001 STR 2017-07-01..2025-06-30 NO [PART_NOT_COVERED] EXAMPLE-insurer 66666667, EXAMPLE-other 33333334

        NO, completed 2015-06-30
        IDI-2013-0001 STR 2017-07-01..2025-06-30 NO [PART_NOT_COVERED] EXAMPLE-insurer 66666667, EXAMPLE-other 33333334
        IDI-2013-0001 WTR 2015-06-30..2020-06-30 NO [AFTER_COVER] EXAMPLE-insurer 13333333, EXAMPLE-other 6666667

        YES, completed 2015-06-30
        IDI-2013-0001 STR 2017-07-01..2025-06-30 YES [] EXAMPLE-insurer 66666667, EXAMPLE-other 33333334
        IDI-2013-0001 WTR 2015-06-30..2020-06-30 NO [PART_NOT_COVERED AFTER_COVER] EXAMPLE-insurer 13333333, EXAMPLE-other 6666667

        YES, completed 2016-02-29
        IDI-2013-0001 WTR 2016-02-29..2021-02-28 YES [] EXAMPLE-insurer 13333333, EXAMPLE-other 6666667
        IDI-2013-0001 STR 2018-03-01..2026-02-28 NO [PART_NOT_COVERED] EXAMPLE-insurer 66666667, EXAMPLE-other 33333334

        NO, completed 2015-06-30
        IDI-2013-0001 STR 2017-07-01..2025-06-30 NO [PART_NOT_COVERED] EXAMPLE-insurer 66666667, EXAMPLE-other 33333334
        IDI-2013-0001 WTR 2015-06-30..2020-06-30 NO [AFTER_COVER] EXAMPLE-insurer 13333333, EXAMPLE-other 6666667"]].assert_eq(&lines.join("\n\n"));
}

#[tokio::test]
async fn where_a_policy_stands_follows_from_its_days_and_from_what_was_said() {
    let desk = Desk::start().await;
    let mut message = desk.defects();
    message.fields.as_mut().unwrap().policy_standing = 0;
    let id = desk.create("insurer", message).await.unwrap();
    let bind = |from: &str| v1::BindPolicyRequest {
        context: write(),
        id: id.clone(),
        from: from.to_owned(),
        ..v1::BindPolicyRequest::default()
    };
    let asked = desk.city.asking("insurer", bind("2013-04-01"));
    policies(&desk.city).bind_policy(asked).await.unwrap();
    let asked = desk.city.asking("insurer", bind("2013-05-01"));
    let again = policies(&desk.city).bind_policy(asked).await.unwrap_err();
    let mut lines = vec![told(&again)];
    let lapse = v1::LapsePolicyRequest {
        context: write_because("the premium was not paid"),
        id: id.clone(),
        from: "2024-01-01".to_owned(),
        ..v1::LapsePolicyRequest::default()
    };
    let asked = desk.city.asking("insurer", lapse);
    policies(&desk.city).lapse_policy(asked).await.unwrap();
    let change = v1::ChangePolicyRequest {
        context: write(),
        id: id.clone(),
        from: "2024-06-01".to_owned(),
        fields: Some(v1::PolicyFields {
            policy_standing: v1::PolicyStanding::Cancelled.into(),
            ..v1::PolicyFields::default()
        }),
        ..v1::ChangePolicyRequest::default()
    };
    // Without its own command nobody would be asked why.
    let asked = desk.city.asking("insurer", change);
    lines.push(told(&policies(&desk.city).change_policy(asked).await.unwrap_err()));
    for day in ["2013-03-31", "2013-04-01", "2015-06-29", "2015-06-30", "2023-12-31", "2024-01-01"]
    {
        lines.push(format!("{day} {}", desk.state(&id, day).await.unwrap()));
    }
    expect![[r"
        FailedPrecondition POLICY_STATE
        POLICY_STATE id
        InvalidArgument NOT_HERE
        NOT_HERE fields.policy_standing
        2013-03-31 QUOTED
        2013-04-01 BOUND
        2015-06-29 BOUND
        2015-06-30 IN_FORCE
        2023-12-31 IN_FORCE
        2024-01-01 LAPSED"]]
    .assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_policy_is_told_at_once_and_nothing_is_written() {
    let desk = Desk::start().await;
    let before = desk.last();
    let mut message = desk.defects();
    let fields = message.fields.as_mut().unwrap();
    fields.insurers = vec![insurer("EXAMPLE-insurer", 1, 3), insurer("EXAMPLE-insurer", 1, 3)];
    fields.object_ids.push(desk.city.streets[0].clone());
    fields.object_ids.push(desk.building.clone());
    fields.covers[0].deductible_fen = 100_000_001;
    fields.covers[1].per_event_fen = Some(20_000_001);
    fields.covers.push(fields.covers[1].clone());
    fields.covers.push(v1::PolicyCover {
        cover: "ROOF".to_owned(),
        from: "2020-01-01".to_owned(),
        until: "2019-01-01".to_owned(),
        sum_insured_fen: 1,
        ..v1::PolicyCover::default()
    });
    let refused = desk.create("operator", message).await.unwrap_err();
    let mut unread = desk.defects();
    let fields = unread.fields.as_mut().unwrap();
    fields.clause = Some("1".to_owned());
    fields.insurers[1] = insurer("a/b", 4, 3);
    fields.covers[0].sum_insured_fen = u64::MAX;
    fields.premiums[0].payer = 9;
    let unread = desk.create("operator", unread).await.unwrap_err();
    expect![[r"
        InvalidArgument REPEATED
        REPEATED fields.insurers[1].company
        INSURER_SHARES fields.insurers
        OBJECT_KIND fields.object_ids[1]
        REPEATED fields.object_ids[2]
        COVER_LIMIT fields.covers[0].deductible_fen
        COVER_LIMIT fields.covers[1].per_event_fen
        COVER_LIMIT fields.covers[2].per_event_fen
        OUT_OF_RANGE fields.covers[3].until
        COVER_OVERLAP fields.covers[2]
        COVER_UNKNOWN fields.covers[3].cover

        InvalidArgument INVALID_REQUEST
        MALFORMED fields.insurers[1].company
        OUT_OF_RANGE fields.insurers[1].share_numerator
        OUT_OF_RANGE fields.covers[0].sum_insured_fen
        UNKNOWN_VALUE fields.premiums[0].payer
        CLAUSE_UNKNOWN fields.clause"]]
    .assert_eq(&format!("{}\n\n{}", told(&refused), told(&unread)));
    assert_eq!(desk.last(), before);
}

#[tokio::test]
async fn a_number_is_one_insurers_own() {
    let desk = Desk::start().await;
    let id = desk.create("insurer", desk.defects()).await.unwrap();
    let taken = desk.create("insurer", desk.defects()).await.unwrap_err();
    // Another insurer may have the same number.
    let mut other = desk.defects();
    other.fields.as_mut().unwrap().insurers = vec![insurer("EXAMPLE-rival", 1, 1)];
    desk.create("rival", other).await.unwrap();
    expect![[r"
        FailedPrecondition IDENTIFIER_TAKEN
        IDENTIFIER_TAKEN fields.policy_number"]]
    .assert_eq(&told(&taken).replace(&id, "pol_…"));
}

#[tokio::test]
async fn insurers_see_their_own_policies_and_no_others() {
    let desk = Desk::start().await;
    let id = desk.create("insurer", desk.defects()).await.unwrap();
    let others = desk.create("rival", desk.defects()).await.unwrap_err();
    let list = |who: &'static str| {
        let message = v1::ListPoliciesRequest {
            of: Some(PoliciesOf::BuildingId(desk.building.clone())),
            ..v1::ListPoliciesRequest::default()
        };
        let asked = desk.city.asking(who, message);
        let mut client = policies(&desk.city);
        async move { client.list_policies(asked).await.unwrap().into_inner().policies.len() }
    };
    let get = |who: &'static str| {
        let message = v1::GetPolicyRequest { id: id.clone(), ..v1::GetPolicyRequest::default() };
        let asked = desk.city.asking(who, message);
        let mut client = policies(&desk.city);
        async move { client.get_policy(asked).await.map(|_| ()) }
    };
    let lines = [
        told(&others),
        format!("{} and {}", list("insurer").await, list("rival").await),
        format!("{}", get("insurer").await.is_ok()),
        told(&get("rival").await.unwrap_err()).replace(&id, "pol_…"),
        desk.covered("rival", "STRUCTURE", "2020-07-01", None).await,
    ];
    expect![[r"
        PermissionDenied OUT_OF_REACH
        OUT_OF_REACH fields.insurers
        1 and 0
        true
        NotFound NOT_FOUND
        NOT_FOUND id
        NO, completed 2015-06-30"]]
    .assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn a_compound_insures_what_is_in_it_from_an_endorsement_on() {
    let desk = Desk::start().await;
    let mut message = desk.defects();
    let fields = message.fields.as_mut().unwrap();
    let other = desk.city.building(&desk.compound, "2号楼").await.id;
    fields.object_ids = vec![other];
    let id = desk.create("insurer", message).await.unwrap();
    let change = v1::ChangePolicyRequest {
        context: write(),
        id,
        from: "2018-01-01".to_owned(),
        fields: Some(v1::PolicyFields {
            object_ids: vec![desk.compound.clone()],
            ..v1::PolicyFields::default()
        }),
        ..v1::ChangePolicyRequest::default()
    };
    let asked = desk.city.asking("insurer", change);
    policies(&desk.city).change_policy(asked).await.unwrap();
    let lines = [
        desk.covered("operator", "STRUCTURE", "2017-12-31", None).await,
        desk.covered("operator", "STRUCTURE", "2018-01-01", None).await,
        desk.covered("operator", "STRUCTURE", "2099-01-01", None).await,
        desk.covered("operator", "WALLS", "2018-01-01", None).await,
    ];
    expect![[r"
        NO, completed 2015-06-30
        IDI-2013-0001 STR 2017-07-01..2025-06-30 NO [NOT_INSURED] EXAMPLE-insurer 66666667, EXAMPLE-other 33333334
        IDI-2013-0001 WTR 2015-06-30..2020-06-30 NO [NOT_INSURED PART_NOT_COVERED] EXAMPLE-insurer 13333333, EXAMPLE-other 6666667

        YES, completed 2015-06-30
        IDI-2013-0001 STR 2017-07-01..2025-06-30 YES [] EXAMPLE-insurer 66666667, EXAMPLE-other 33333334
        IDI-2013-0001 WTR 2015-06-30..2020-06-30 NO [PART_NOT_COVERED] EXAMPLE-insurer 13333333, EXAMPLE-other 6666667

        InvalidArgument FUTURE_DATE
        FUTURE_DATE lost_on

        InvalidArgument PART_UNKNOWN
        PART_UNKNOWN part"]].assert_eq(&lines.join("\n\n"));
}

impl Desk {
    /// The open cases of the partition: reason, what is in doubt, sentence.
    async fn case_sentences(&self) -> Vec<String> {
        let message = v1::ListCasesRequest {
            partition: self.city.partition.number(),
            ..v1::ListCasesRequest::default()
        };
        let asked = self.city.asking("operator", message);
        let mut client = v1::case_service_client::CaseServiceClient::new(self.city.channel.clone());
        let cases = client.list_cases(asked).await.unwrap().into_inner().cases;
        cases.into_iter().map(|case| format!("{}: {}", case.reason, case.message)).collect()
    }

    async fn demolish(&self, building: &str, on: &str) {
        let message = v1::EndBuildingRequest {
            context: write(),
            id: building.to_owned(),
            ended_on: on.to_owned(),
            cause: v1::EndCause::Demolished.into(),
            ..v1::EndBuildingRequest::default()
        };
        let asked = self.city.asking("operator", message);
        self.city.buildings().end_building(asked).await.unwrap();
    }

    async fn endorse(&self, id: &str, from: &str, objects: Vec<String>) {
        let change = v1::ChangePolicyRequest {
            context: write(),
            id: id.to_owned(),
            from: from.to_owned(),
            fields: Some(v1::PolicyFields { object_ids: objects, ..v1::PolicyFields::default() }),
            ..v1::ChangePolicyRequest::default()
        };
        let asked = self.city.asking("insurer", change);
        policies(&self.city).change_policy(asked).await.unwrap();
    }

    /// Insured buildings of the street on a day, by product.
    async fn insured(&self, on: &str) -> String {
        let message = v1::GetTotalsRequest {
            context: Some(v1::ReadContext {
                read_time: Some(v1::ReadTime { valid_at: on.to_owned(), ..Default::default() }),
                ..v1::ReadContext::default()
            }),
            subject_id: self.city.streets[0].clone(),
            measures: vec![
                "insured_buildings_by_product".to_owned(),
                "policies_by_state".to_owned(),
                "premium_by_payer_fen".to_owned(),
            ],
            ..v1::GetTotalsRequest::default()
        };
        let asked = self.city.asking("operator", message);
        let mut client =
            v1::totals_service_client::TotalsServiceClient::new(self.city.channel.clone());
        let amounts = client.get_totals(asked).await.unwrap().into_inner().amounts;
        let told = amounts.iter().map(|one| format!("{} {}", one.term, one.certain));
        told.collect::<Vec<_>>().join(", ")
    }
}

#[tokio::test]
async fn what_is_demolished_is_insured_up_to_that_day_and_an_endorsement_is_asked_for() {
    let desk = Desk::start().await;
    let other = desk.city.building(&desk.compound, "2号楼").await.id;
    let mut message = desk.defects();
    message.fields.as_mut().unwrap().object_ids = vec![desk.building.clone(), other.clone()];
    let id = desk.create("insurer", message).await.unwrap();
    let mut lines = vec![desk.insured("2024-03-31").await, desk.case_sentences().await.join("; ")];
    desk.demolish(&desk.building, "2024-04-01").await;
    lines.extend(desk.case_sentences().await);
    for on in ["2024-03-31", "2024-04-01"] {
        lines.push(desk.covered("operator", "STRUCTURE", on, None).await);
        lines.push(desk.insured(on).await);
    }
    // The insurer has taken note: nothing is left to be done.
    desk.endorse(&id, "2024-05-15", vec![other]).await;
    lines.push(desk.case_sentences().await.join("; "));
    expect![[r"
        IDI 1, any 1, IDI in_force 1, developer 1500000



        ENDORSEMENT_WANTED: a policy goes on insuring what is no more: it is to be endorsed or cancelled; it is insured from 2024-04-01 on, and by entry 13 was there from 1986-01-01 to before 2024-04-01

        YES, completed 2015-06-30
        IDI-2013-0001 STR 2017-07-01..2025-06-30 YES [] EXAMPLE-insurer 66666667, EXAMPLE-other 33333334
        IDI-2013-0001 WTR 2015-06-30..2020-06-30 NO [PART_NOT_COVERED AFTER_COVER] EXAMPLE-insurer 13333333, EXAMPLE-other 6666667

        IDI 1, any 1, IDI in_force 1, developer 1500000

        NO, completed 2015-06-30
        IDI-2013-0001 STR 2017-07-01..2025-06-30 NO [OBJECT_GONE] EXAMPLE-insurer 66666667, EXAMPLE-other 33333334
        IDI-2013-0001 WTR 2015-06-30..2020-06-30 NO [OBJECT_GONE PART_NOT_COVERED AFTER_COVER] EXAMPLE-insurer 13333333, EXAMPLE-other 6666667

        IDI in_force 1, developer 1500000

    "]]
    .assert_eq(&lines.join("\n\n"));
}

#[tokio::test]
async fn what_was_split_stays_insured_by_the_policy_of_what_it_came_from() {
    let desk = Desk::start().await;
    let id = desk.create("insurer", desk.defects()).await.unwrap();
    let part = |name: &str| v1::SplitBuildingPart {
        fields: Some(v1::BuildingFields {
            name: Some(name.to_owned()),
            completed: Some("2024".to_owned()),
            ..v1::BuildingFields::default()
        }),
        share_numerator: 1,
        share_denominator: 2,
    };
    let message = v1::SplitBuildingRequest {
        context: write(),
        id: desk.building.clone(),
        day: "2024-04-01".to_owned(),
        parts: vec![part("1号楼东"), part("1号楼西")],
        ..v1::SplitBuildingRequest::default()
    };
    let asked = desk.city.asking("operator", message);
    let split = desk.city.buildings().split_building(asked).await.unwrap().into_inner();
    let parts: Vec<String> = split.parts.iter().map(|part| part.id.clone()).collect();
    let mut lines = desk.case_sentences().await;
    let whole = desk.building.clone();
    let east = Desk { building: parts[0].clone(), ..desk };
    for (on, of) in [("2024-04-01", &whole), ("2024-04-01", &east.building)] {
        lines.push(format!("{on} {}", if *of == whole { "whole" } else { "east" }));
        let desk = &east;
        let message = v1::CheckCoverageRequest {
            of: Some(Damaged::BuildingId(of.clone())),
            part: "STRUCTURE".to_owned(),
            cause: "LATENT_DEFECT".to_owned(),
            lost_on: on.to_owned(),
            ..v1::CheckCoverageRequest::default()
        };
        let asked = desk.city.asking("operator", message);
        let answer = policies(&desk.city).check_coverage(asked).await.unwrap().into_inner();
        lines.push(self::lines(&answer));
        lines.extend(answer.covers.iter().map(|cover| {
            let is_whole = cover.object_id == whole;
            format!("by predecessor {}, object the whole {is_whole}", cover.by_predecessor)
        }));
    }
    lines.push(east.insured("2024-03-31").await);
    lines.push(east.insured("2024-04-01").await);
    // From the endorsement on the parts are insured by their own names, and only the one named.
    east.endorse(&id, "2024-06-01", vec![east.building.clone()]).await;
    lines.extend(east.case_sentences().await);
    lines.push(east.insured("2024-06-01").await);
    expect![[r"
        ENDORSEMENT_WANTED: a policy goes on insuring what is no more: it is to be endorsed or cancelled; it is insured from 2024-04-01 on, and by entry 14 was there from 1986-01-01 to before 2024-04-01
        2024-04-01 whole
        NO, completed 2015-06-30
        IDI-2013-0001 STR 2017-07-01..2025-06-30 NO [OBJECT_GONE] EXAMPLE-insurer 66666667, EXAMPLE-other 33333334
        IDI-2013-0001 WTR 2015-06-30..2020-06-30 NO [OBJECT_GONE PART_NOT_COVERED AFTER_COVER] EXAMPLE-insurer 13333333, EXAMPLE-other 6666667
        by predecessor false, object the whole true
        by predecessor false, object the whole true
        2024-04-01 east
        YES, completed 2024
        IDI-2013-0001 STR 2017-07-01..2025-06-30 YES [] EXAMPLE-insurer 66666667, EXAMPLE-other 33333334
        IDI-2013-0001 WTR 2015-06-30..2020-06-30 NO [PART_NOT_COVERED AFTER_COVER] EXAMPLE-insurer 13333333, EXAMPLE-other 6666667
        by predecessor true, object the whole true
        by predecessor true, object the whole true
        IDI 1, any 1, IDI in_force 1, developer 1500000
        IDI 2, any 2, IDI in_force 1, developer 1500000
        IDI 0, any 0, IDI unknown 1, developer 1500000"]]
    .assert_eq(&lines.join("\n"));
}

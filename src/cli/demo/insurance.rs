//! Loads the demo's insurance: an example list of products, policies of every product, in every state,
//! and claims on them.
//!
//! Insurers, numbers and amounts are made up. As with check-ups, a run that was cut short goes on.

use crate::{
    cli::demo::{
        asked::{self, region, told},
        claims,
    },
    client::{Authenticated, Connection},
    proto::v1::{
        self, Beneficiary, BuildingUse, PolicyStanding, PremiumPayer,
        policy_service_client::PolicyServiceClient,
        reference_service_client::ReferenceServiceClient,
    },
};

/// The list of products.
const PRODUCTS: &str = include_str!("../../../data/reference/products-example.toml");
/// The districts that have policies, by their codes.
const DISTRICTS: [&str; 4] = ["410102", "410103", "410104", "410105"];
/// Compounds that a district insures against collapse and falling objects.
const COMPOUNDS: usize = 20;
/// Inherent-defects policies of a district.
const DEFECTS: usize = 6;

/// What becomes of a policy once it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// Nothing more is said.
    Stays,
    /// It is cancelled.
    Cancelled(&'static str),
    /// It lapses.
    Lapsed(&'static str),
}

/// A policy of the demo.
struct Told {
    from: &'static str,
    fields: v1::PolicyFields,
    then: Then,
}

/// Who insures: the city's registry and its policies.
struct Desk {
    policies: PolicyServiceClient<Authenticated>,
    seed: String,
}

/// What there is to insure in a district.
#[derive(Default)]
struct Found {
    compounds: Vec<String>,
    /// Dwellings that were completed since 2014, on a day that is known.
    young: Vec<String>,
    /// Buildings with lifts.
    lifts: Vec<String>,
    /// Buildings of the compounds that the district insures.
    insured: Vec<String>,
}

/// Loads all; how many policies and claims there are.
pub(super) async fn load(connection: &Connection) -> anyhow::Result<(usize, usize)> {
    let clerk = connection.clone().for_person("example-underwriter")?.service();
    let references = ReferenceServiceClient::new(clerk.clone());
    let city = region(connection, "410100").await?;
    let request = v1::LoadReferenceRequest {
        context: Some(asked::write(&city, "products", "")),
        text: PRODUCTS.to_owned(),
        region_id: city.clone(),
        ..v1::LoadReferenceRequest::default()
    };
    call!(references, load_reference, request, "products")?;
    let desk = Desk { policies: PolicyServiceClient::new(clerk), seed: city.clone() };
    let claims = claims::Desk::new(connection, &city)?;
    let (mut count, mut claimed) = (0, 0);
    let mut all = Vec::new();
    for code in DISTRICTS {
        let district = region(connection, code).await?;
        let found = find(connection, &district).await?;
        all.extend(found.compounds.iter().take(COMPOUNDS).cloned());
        for policy in of_district(code, &district, &found) {
            let is_of_claims = policy.fields.policy_number() == of_claims(code);
            let id = desk.tell(policy).await?;
            count += 1;
            if is_of_claims {
                claimed += claims.tell(code, &id, &found.insured).await?;
            }
        }
    }
    for policy in of_city(&city, &all) {
        desk.tell(policy).await?;
        count += 1;
    }
    Ok((count, claimed))
}

/// The number of the district's policy on which its claims are.
fn of_claims(code: &str) -> String {
    format!("EXAMPLE-EBS-{code}-2026")
}

/// What there is to insure, in the order of ids.
async fn find(connection: &Connection, district: &str) -> anyhow::Result<Found> {
    let mut found = Found::default();
    let request = v1::ListCompoundsRequest {
        region_id: district.to_owned(),
        page_size: 100,
        ..v1::ListCompoundsRequest::default()
    };
    let page = call!(connection.compounds(), list_compounds, request, "compounds")?;
    found.compounds.extend(page.compounds.into_iter().map(|compound| compound.id));
    let request = v1::ListBuildingsRequest {
        region_id: district.to_owned(),
        page_size: 1_000,
        ..v1::ListBuildingsRequest::default()
    };
    let page = call!(connection.buildings(), list_buildings, request, "buildings")?;
    for building in page.buildings {
        let fields = building.fields.unwrap_or_default();
        let is_young = fields.r#use() == BuildingUse::Dwelling
            && fields.completed().len() == "2014-01-01".len()
            && fields.completed() >= "2014";
        let is_insured =
            found.compounds.iter().take(COMPOUNDS).any(|it| it == fields.compound_id());
        if is_insured {
            found.insured.push(building.id.clone());
        }
        if fields.lift_count() > 0 {
            found.lifts.push(building.id.clone());
        }
        if is_young {
            found.young.push(building.id);
        }
    }
    Ok(found)
}

fn insurer(company: &str, numerator: u64, denominator: u64) -> v1::Insurer {
    v1::Insurer {
        company: company.to_owned(),
        share_numerator: numerator,
        share_denominator: denominator,
    }
}

fn cover(code: &str, sum_insured_fen: u64) -> v1::PolicyCover {
    v1::PolicyCover { cover: code.to_owned(), sum_insured_fen, ..v1::PolicyCover::default() }
}

fn of_days(code: &str, from: &str, until: &str, sum_insured_fen: u64) -> v1::PolicyCover {
    v1::PolicyCover {
        from: from.to_owned(),
        until: until.to_owned(),
        ..cover(code, sum_insured_fen)
    }
}

/// A policy that is whole but for what is its own.
fn policy(region: &str, number: &str, product: (&str, &str)) -> v1::PolicyFields {
    let (code, clause) = product;
    v1::PolicyFields {
        region_id: Some(region.to_owned()),
        policy_number: Some(number.to_owned()),
        product: Some(code.to_owned()),
        clause: Some(clause.to_owned()),
        insurers: vec![insurer("EXAMPLE-INSURER-A", 1, 1)],
        policy_standing: PolicyStanding::Bound.into(),
        ..v1::PolicyFields::default()
    }
}

fn premium(amount_fen: u64, payer: PremiumPayer) -> Vec<v1::PolicyPremium> {
    vec![v1::PolicyPremium { amount_fen, payer: payer.into(), reference: String::new() }]
}

/// The policies of a district: of new buildings against their defects, of its old compounds, and of
/// lifts.
fn of_district(code: &str, district: &str, found: &Found) -> Vec<Told> {
    let mut policies = Vec::new();
    for (number, building) in found.young.iter().take(DEFECTS).enumerate() {
        let number = format!("EXAMPLE-IDI-{code}-{number:02}");
        let fields = v1::PolicyFields {
            insurers: vec![insurer("EXAMPLE-INSURER-A", 2, 3), insurer("EXAMPLE-INSURER-B", 1, 3)],
            policyholder: Some("EXAMPLE-DEVELOPER".to_owned()),
            beneficiary: Beneficiary::Owners.into(),
            object_ids: vec![building.clone()],
            covers: vec![
                cover("STR", 3_000_000_000),
                v1::PolicyCover { deductible_fen: 50_000, ..cover("WTR", 400_000_001) },
                cover("FIN", 150_000_000),
            ],
            premiums: premium(18_000_000, PremiumPayer::Developer),
            ..policy(district, &number, ("IDI", "2019-example"))
        };
        policies.push(Told { from: "2013-06-01", fields, then: Then::Stays });
    }
    let years = [
        ("2024", "2024-01-01", "2024-12-31", "2023-12-01"),
        ("2026", "2026-01-01", "2026-12-31", "2025-12-01"),
    ];
    for (year, from, until, quoted) in years {
        let number = format!("EXAMPLE-EBS-{code}-{year}");
        let fields = v1::PolicyFields {
            policyholder: Some("EXAMPLE-DISTRICT".to_owned()),
            beneficiary: Beneficiary::ThirdParties.into(),
            object_ids: found.compounds.iter().take(COMPOUNDS).cloned().collect(),
            covers: vec![
                v1::PolicyCover {
                    per_event_fen: Some(1_000_000_000),
                    per_person_fen: Some(100_000_000),
                    ..of_days("COLLAPSE", from, until, 5_000_000_000)
                },
                of_days("FALLING", from, until, 500_000_000),
            ],
            premiums: premium(30_000_000, PremiumPayer::Government),
            visits_per_year: Some(4),
            ..policy(district, &number, ("EBS", "2024-example"))
        };
        policies.push(Told { from: quoted, fields, then: Then::Stays });
    }
    let fates = [
        ("0", PolicyStanding::Bound, Then::Stays),
        ("1", PolicyStanding::Bound, Then::Lapsed("2026-03-01")),
        ("2", PolicyStanding::Bound, Then::Cancelled("2026-05-01")),
        ("3", PolicyStanding::Quoted, Then::Stays),
    ];
    for ((number, standing, then), building) in fates.into_iter().zip(&found.lifts) {
        let number = format!("EXAMPLE-LLI-{code}-{number}");
        let fields = v1::PolicyFields {
            insurers: vec![insurer("EXAMPLE-INSURER-B", 1, 1)],
            policyholder: Some("EXAMPLE-PROPERTY-COMPANY".to_owned()),
            beneficiary: Beneficiary::ThirdParties.into(),
            object_ids: vec![building.clone()],
            covers: vec![of_days("LIFT", "2026-01-01", "2026-12-31", 200_000_000)],
            premiums: premium(120_000, PremiumPayer::PropertyCompany),
            policy_standing: standing.into(),
            ..policy(district, &number, ("LLI", "2024-example"))
        };
        policies.push(Told { from: "2025-12-15", fields, then });
    }
    policies
}

/// The policies of the city: of residents' homes, and against catastrophes, this year's and one that
/// is bound for the next.
fn of_city(city: &str, compounds: &[String]) -> Vec<Told> {
    let mut policies = Vec::new();
    let kinds = [
        ("RES", "HOME", "2026", "2026-01-01", "2026-12-31"),
        ("CAT", "NATURAL", "2026", "2026-01-01", "2026-12-31"),
        ("CAT", "NATURAL", "2031", "2031-01-01", "2031-12-31"),
    ];
    for (product, code, year, from, until) in kinds {
        let fields = v1::PolicyFields {
            insurers: vec![insurer("EXAMPLE-INSURER-A", 3, 5), insurer("EXAMPLE-INSURER-C", 2, 5)],
            policyholder: Some("EXAMPLE-CITY".to_owned()),
            beneficiary: Beneficiary::Owners.into(),
            object_ids: compounds.to_vec(),
            covers: vec![v1::PolicyCover {
                per_household_fen: Some(30_000_000),
                ..of_days(code, from, until, 20_000_000_000)
            }],
            premiums: premium(90_000_000, PremiumPayer::Government),
            ..policy(city, &format!("EXAMPLE-{product}-{year}"), (product, "2024-example"))
        };
        policies.push(Told { from: "2025-11-01", fields, then: Then::Stays });
    }
    policies
}

impl Desk {
    /// Makes a policy, and says what became of it; its id.
    async fn tell(&self, policy: Told) -> anyhow::Result<String> {
        let number = policy.fields.policy_number().to_owned();
        let what = format!("policy {number}");
        let request = v1::CreatePolicyRequest {
            context: Some(asked::write(&self.seed, &what, "")),
            fields: Some(policy.fields),
            exists_from: policy.from.to_owned(),
        };
        let made = call!(self.policies, create_policy, request, &what)?;
        let id = made.policy.map(|policy| policy.id).unwrap_or_default();
        let what = format!("{what}, its end");
        match policy.then {
            Then::Stays => {}
            Then::Cancelled(from) => {
                let request = v1::CancelPolicyRequest {
                    context: Some(asked::write(&self.seed, &what, "示例: the lift was taken out")),
                    id: id.clone(),
                    from: from.to_owned(),
                    ..v1::CancelPolicyRequest::default()
                };
                call!(self.policies, cancel_policy, request, &what)?;
            }
            Then::Lapsed(from) => {
                let request = v1::LapsePolicyRequest {
                    context: Some(asked::write(&self.seed, &what, "示例: no premium came")),
                    id: id.clone(),
                    from: from.to_owned(),
                    ..v1::LapsePolicyRequest::default()
                };
                call!(self.policies, lapse_policy, request, &what)?;
            }
        }
        Ok(id)
    }
}

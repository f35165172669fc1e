//! The underwriter's file over the API: for whom, of what, and the same for ever.

use std::io::Cursor;

use anju::{
    proto::v1::{
        self, policy_service_client::PolicyServiceClient,
        underwriting_service_client::UnderwritingServiceClient,
    },
    registry::underwriting::{Checked, Line, check},
};
use tonic::Status;

use crate::{
    actors::references,
    harness::{City, told, write, write_because},
};

const PRODUCTS: &str = include_str!("../../data/reference/products-example.toml");

/// A city with a building in the east street that two insurers insure, each by a policy of its own.
struct Desk {
    city: City,
    building: String,
    /// A building in the west street.
    elsewhere: String,
}

impl Desk {
    async fn start() -> Self {
        let city = City::start().await;
        let message = v1::LoadReferenceRequest {
            context: write(),
            text: PRODUCTS.to_owned(),
            ..v1::LoadReferenceRequest::default()
        };
        references(&city).load_reference(city.asking("operator", message)).await.unwrap();
        let east = city.compound(&city.communities[0], "东院").await.id;
        let west = city.compound(&city.communities[1], "西院").await.id;
        let [building, elsewhere] =
            [city.building(&east, "1号楼").await.id, city.building(&west, "2号楼").await.id];
        let desk = Self { city, building, elsewhere };
        for company in ["EXAMPLE-insurer", "EXAMPLE-rival"] {
            desk.insure(company).await;
        }
        desk
    }

    async fn insure(&self, company: &str) {
        let cover = v1::PolicyCover {
            cover: "STR".to_owned(),
            sum_insured_fen: 100_000_000,
            ..v1::PolicyCover::default()
        };
        let insurer =
            v1::Insurer { company: company.to_owned(), share_numerator: 1, share_denominator: 1 };
        let message = v1::CreatePolicyRequest {
            context: write(),
            exists_from: "2020-01-01".to_owned(),
            fields: Some(v1::PolicyFields {
                // Kept for the whole district, of which insurers reach one street.
                region_id: Some(self.city.district.clone()),
                policy_number: Some(format!("{company}-1")),
                product: Some("IDI".to_owned()),
                clause: Some("2019-example".to_owned()),
                insurers: vec![insurer],
                beneficiary: v1::Beneficiary::Owners.into(),
                object_ids: vec![self.building.clone()],
                covers: vec![cover],
                ..v1::PolicyFields::default()
            }),
        };
        let mut client = PolicyServiceClient::new(self.city.channel.clone());
        client.create_policy(self.city.asking("operator", message)).await.unwrap();
    }

    async fn file(
        &self,
        who: &str,
        building: &str,
        time: Option<v1::ReadTime>,
    ) -> Result<Vec<u8>, Status> {
        let message = v1::GetUnderwritingFileRequest {
            context: Some(v1::ReadContext { read_time: time, ..v1::ReadContext::default() }),
            building_id: building.to_owned(),
            since_size: None,
        };
        let mut client = UnderwritingServiceClient::new(self.city.channel.clone());
        let answer = client.get_underwriting_file(self.city.asking(who, message)).await?;
        let (mut parts, mut bytes) = (answer.into_inner(), Vec::new());
        while let Some(answer) = parts.message().await? {
            bytes.extend(answer.part);
        }
        Ok(bytes)
    }

    async fn refused(&self, who: &str, building: &str, time: Option<v1::ReadTime>) -> String {
        told(&self.file(who, building, time).await.unwrap_err())
    }
}

/// What a check comes to, and every line.
fn looked(bytes: &[u8]) -> (Checked, Vec<Line>) {
    let mut lines = Vec::new();
    let found = check(&mut Cursor::new(bytes), None, &mut |line| lines.push(line.clone()));
    let found = found.unwrap();
    assert_eq!(found.wrong, []);
    (found, lines)
}

fn policy_numbers(lines: &[Line]) -> Vec<String> {
    let of = |line: &Line| match line {
        Line::Item(item) => item.says.get("policy_number").cloned().flatten(),
        _ => None,
    };
    let mut numbers = lines.iter().filter_map(of).collect::<Vec<_>>();
    // They stand in the order of their ids, which are of one millisecond.
    numbers.sort();
    numbers
}

#[tokio::test]
async fn an_insurer_is_handed_the_file_of_a_building_with_its_own_policies_alone() {
    let desk = Desk::start().await;
    let (_, all) = looked(&desk.file("operator", &desk.building, None).await.unwrap());
    assert_eq!(policy_numbers(&all), ["EXAMPLE-insurer-1", "EXAMPLE-rival-1"]);
    let bytes = desk.file("insurer", &desk.building, None).await.unwrap();
    let (found, lines) = looked(&bytes);
    assert_eq!(policy_numbers(&lines), ["EXAMPLE-insurer-1"]);
    assert!(!String::from_utf8(bytes).unwrap().contains("rival"));
    let header = found.header.unwrap();
    assert_eq!(header.reader.role, "insurer");
    assert_eq!(header.reader.companies, Some(vec!["EXAMPLE-insurer".to_owned()]));
    assert_eq!(header.reader.regions, Some(vec![desk.city.streets[0].clone()]));
    assert_eq!(header.building, desk.building);
    assert!(found.withheld > 0 && found.said > 20);
    for who in ["east", "city", "auditor"] {
        let (_, lines) = looked(&desk.file(who, &desk.building, None).await.unwrap());
        assert_eq!(policy_numbers(&lines).len(), 2, "{who}");
    }
}

#[tokio::test]
async fn the_same_question_at_the_same_position_has_the_same_answer_to_the_byte() {
    let desk = Desk::start().await;
    let before = desk.file("insurer", &desk.building, None).await.unwrap();
    let header = looked(&before).0.header.unwrap();
    let (_, seq) = header.known_at.split_once(':').unwrap();
    let asked = v1::ReadTime {
        valid_at: header.valid_at.clone(),
        known_at_seq: Some(seq.parse().unwrap()),
        ..v1::ReadTime::default()
    };
    // The building turns out to be younger, its compound moves to the other street, and another
    // policy is written.
    let message = v1::CorrectBuildingRequest {
        context: write_because("misread"),
        id: desk.building.clone(),
        fields: Some(v1::BuildingFields {
            completed: Some("1994".to_owned()),
            ..v1::BuildingFields::default()
        }),
        ..v1::CorrectBuildingRequest::default()
    };
    let asking = desk.city.asking("operator", message);
    desk.city.buildings().correct_building(asking).await.unwrap();
    let again = desk.file("insurer", &desk.building, Some(asked.clone())).await.unwrap();
    assert_eq!(before, again);
    let now = desk.file("insurer", &desk.building, None).await.unwrap();
    assert_ne!(before, now);
    looked(&now);
    let other = desk.file("rival", &desk.building, Some(asked)).await.unwrap();
    assert_ne!(before, other);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_its_reason() {
    let desk = Desk::start().await;
    let missing = "NotFound NOT_FOUND\nNOT_FOUND building_id";
    assert_eq!(desk.refused("insurer", &desk.elsewhere, None).await, missing);
    let nobody = "bld_01HF7YAT000000E0000000001A";
    for who in ["operator", "insurer"] {
        assert_eq!(desk.refused(who, nobody, None).await, missing, "{who}");
    }
    let role = "PermissionDenied ROLE_NOT_PERMITTED";
    for who in ["grid", "inspector", "public"] {
        assert_eq!(desk.refused(who, &desk.building, None).await, role, "{who}");
    }
    let later = v1::ReadTime {
        known_at: Some(prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 }),
        ..v1::ReadTime::default()
    };
    assert_eq!(
        desk.refused("insurer", &desk.building, Some(later)).await,
        "InvalidArgument KNOWN_AT_FUTURE\nKNOWN_AT_FUTURE context.read_time.known_at"
    );
    let bad = v1::ReadTime { valid_at: "yesterday".to_owned(), ..v1::ReadTime::default() };
    assert_eq!(
        desk.refused("insurer", "no building", Some(bad)).await,
        "InvalidArgument MALFORMED\nMALFORMED building_id\nMALFORMED context.read_time.valid_at"
    );
    let before = v1::ReadTime { known_at_seq: Some(2), ..v1::ReadTime::default() };
    assert_eq!(desk.refused("operator", &desk.building, Some(before)).await, missing);
}

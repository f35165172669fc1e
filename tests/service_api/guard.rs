//! Who is let in, and how far.

use anju::proto::v1;
use tonic::{Code, Request};

use crate::harness::{City, building, told, write, write_because};

#[tokio::test]
async fn nobody_calls_without_a_credential() {
    let city = City::start().await;
    let refusal = city.registries().who_am_i(v1::WhoAmIRequest {}).await.unwrap_err();
    assert_eq!(told(&refusal), "Unauthenticated TOKEN_MISSING");
    let mut request = Request::new(v1::WhoAmIRequest {});
    request.metadata_mut().insert("authorization", "Bearer anju_nonsense".parse().unwrap());
    let refusal = city.registries().who_am_i(request).await.unwrap_err();
    assert_eq!(told(&refusal), "Unauthenticated TOKEN_UNKNOWN");
}

#[tokio::test]
async fn a_caller_is_told_who_it_is_and_a_person_must_be_a_key() {
    let city = City::start().await;
    let mut request = city.asking("east", v1::WhoAmIRequest {});
    request.metadata_mut().insert("x-anju-person", "p-17".parse().unwrap());
    let answer = city.registries().who_am_i(request).await.unwrap().into_inner();
    assert_eq!(
        (answer.subject.as_str(), answer.role.as_str(), answer.person.as_str()),
        ("east", "district_operator", "p-17")
    );
    assert_eq!((answer.region_ids, answer.everywhere), (vec![city.streets[0].clone()], false));
    let mut request = city.asking("east", v1::WhoAmIRequest {});
    request.metadata_mut().insert("x-anju-person", "13812345678".parse().unwrap());
    let refusal = city.registries().who_am_i(request).await.unwrap_err();
    assert_eq!(told(&refusal), "Unauthenticated PERSON_MALFORMED");
}

/// A message with the number of an id's field, in which there need be no text.
#[derive(Clone, PartialEq, prost::Message)]
struct Bytes {
    #[prost(bytes = "vec", tag = "2")]
    id: Vec<u8>,
}

#[tokio::test]
async fn what_is_no_request_of_ours_is_refused_with_a_reason() {
    let city = City::start().await;
    let get = "/anju.v1.BuildingService/GetBuilding";
    for (id, path, expected) in [
        (vec![0xff], get, "InvalidArgument NOT_THE_MESSAGE"),
        (vec![b'a'; 9 << 20], get, "OutOfRange MESSAGE_TOO_LARGE"),
        (Vec::new(), "/anju.v1.BuildingService/PaintBuilding", "Unimplemented UNKNOWN_CALL"),
        (Vec::new(), "/anju.v2.BuildingService/GetBuilding", "Unimplemented UNKNOWN_CALL"),
    ] {
        let mut client = tonic::client::Grpc::new(city.channel.clone());
        client.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<Bytes, v1::Building>::default();
        let path = path.parse().unwrap();
        let request = city.asking("city", Bytes { id });
        let refusal = client.unary(request, path, codec).await.unwrap_err();
        assert_eq!(told(&refusal), expected, "{refusal}");
    }
}

#[tokio::test]
async fn a_role_without_a_part_is_denied_before_anything_is_read() {
    let city = City::start().await;
    let message = v1::CreateBuildingRequest::default();
    let refusal =
        city.buildings().create_building(city.asking("public", message)).await.unwrap_err();
    assert_eq!(told(&refusal), "PermissionDenied ROLE_NOT_PERMITTED");
}

#[tokio::test]
async fn what_is_out_of_reach_is_answered_as_if_it_were_not_there() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let get = |id: &str| v1::GetBuildingRequest { context: None, id: id.to_owned() };
    city.buildings().get_building(city.asking("east", get(&there.id))).await.unwrap();
    city.buildings().get_building(city.asking("city", get(&there.id))).await.unwrap();

    // The same partition, but nothing was ever born with this id.
    let absent = format!("{}ZZZZ", &there.id[..there.id.len() - 4]);
    for id in [&there.id, &absent] {
        let hidden = city.buildings().get_building(city.asking("west", get(id))).await.unwrap_err();
        let missing =
            city.buildings().get_building(city.asking("auditor", get(&absent))).await.unwrap_err();
        assert_eq!(hidden.code(), Code::NotFound);
        assert_eq!(told(&hidden), told(&missing));
        assert_eq!(hidden.message(), missing.message().replace(&absent, id));
    }

    let refusal = city
        .buildings()
        .create_building(city.asking("west", building(&compound.id, "2号楼")))
        .await
        .unwrap_err();
    assert_eq!(told(&refusal), "NotFound NOT_FOUND\nNOT_FOUND fields.compound_id");
    let end = v1::EndBuildingRequest {
        context: write(),
        id: there.id.clone(),
        ended_on: "2025-01-01".to_owned(),
        cause: v1::EndCause::Demolished.into(),
        ..v1::EndBuildingRequest::default()
    };
    let refusal = city.buildings().end_building(city.asking("west", end)).await.unwrap_err();
    assert_eq!(told(&refusal), "NotFound NOT_FOUND\nNOT_FOUND id");
    let list = v1::ListBuildingsRequest {
        region_id: city.district.clone(),
        ..v1::ListBuildingsRequest::default()
    };
    let refusal = city.buildings().list_buildings(city.asking("west", list)).await.unwrap_err();
    assert_eq!(told(&refusal), "PermissionDenied OUT_OF_REACH\nOUT_OF_REACH region_id");
}

/// What is told, and the sentence of the first refusal.
async fn refused<T: Send>(
    answer: impl Future<Output = Result<tonic::Response<T>, tonic::Status>> + Send,
) -> (String, String) {
    match answer.await {
        Ok(_) => ("taken".to_owned(), String::new()),
        Err(status) => (told(&status), status.message().to_owned()),
    }
}

#[tokio::test]
async fn a_region_out_of_reach_is_told_as_that_and_named_with_the_reach() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let east = &city.streets[0];
    let (mut dues, mut totals, mut searches) = (
        v1::due_service_client::DueServiceClient::new(city.channel.clone()),
        v1::totals_service_client::TotalsServiceClient::new(city.channel.clone()),
        v1::search_service_client::SearchServiceClient::new(city.channel.clone()),
    );
    let mut history = v1::history_service_client::HistoryServiceClient::new(city.channel.clone());
    let due =
        |holder: &str| v1::ListDueRequest { holder_id: holder.to_owned(), ..Default::default() };
    let total = |subject: &str| v1::ListTotalsRequest {
        region_id: subject.to_owned(),
        ..Default::default()
    };
    let search = v1::SearchRequest {
        text: "东院".to_owned(),
        region_id: east.clone(),
        ..v1::SearchRequest::default()
    };
    let past = v1::GetHistoryRequest { subject_id: east.clone(), ..Default::default() };
    let list = v1::ListCompoundsRequest { region_id: east.clone(), ..Default::default() };
    let create = v1::CreateCompoundRequest {
        context: write(),
        fields: Some(v1::CompoundFields {
            name: Some("南院".to_owned()),
            community_id: Some(city.communities[0].clone()),
            ..v1::CompoundFields::default()
        }),
        exists_from: "1985".to_owned(),
    };
    for ((what, sentence), field) in [
        (refused(dues.list_due(city.asking("west", due(east)))).await, "holder_id"),
        (refused(totals.list_totals(city.asking("public", total(east)))).await, "taken"),
        (refused(searches.search(city.asking("west", search))).await, "region_id"),
        (refused(history.get_history(city.asking("west", past))).await, "subject_id"),
        (refused(city.compounds().list_compounds(city.asking("west", list))).await, "region_id"),
        (
            refused(city.compounds().create_compound(city.asking("west", create))).await,
            "fields.community_id",
        ),
    ] {
        if field == "taken" {
            // Totals are everybody's.
            assert_eq!(what, "taken", "{sentence}");
            continue;
        }
        assert_eq!(what, format!("PermissionDenied OUT_OF_REACH\nOUT_OF_REACH {field}"));
        let reach = format!("the regions of the credential: 西街 ({})", city.streets[1]);
        let name = if field.starts_with("fields") {
            format!("第一社区 ({})", city.communities[0])
        } else {
            format!("东街 ({east})")
        };
        assert_eq!(sentence, format!("{name} lies outside {reach}"));
    }
    // One that is nowhere is not told to be somewhere, and no building is told to be there.
    let absent = format!("{}ZZZZ", &east[..east.len() - 4]);
    for (id, reason) in
        [(&absent, "NOT_FOUND"), (&compound.id, "NOT_FOUND"), (&there.id, "NOT_FOUND")]
    {
        let (what, _) = refused(dues.list_due(city.asking("west", due(id)))).await;
        assert_eq!(what, format!("NotFound {reason}\n{reason} holder_id"));
    }
}

#[tokio::test]
async fn what_was_entered_in_error_is_reached_from_where_it_last_stood() {
    let city = City::start().await;
    let [east, west] = [
        city.compound(&city.communities[0], "东院").await,
        city.compound(&city.communities[1], "西院").await,
    ];
    let one = city.building(&east.id, "1号楼").await;
    let two = city.building(&east.id, "2号楼").await;
    let merge = v1::MergeBuildingsRequest {
        context: write(),
        ids: vec![one.id.clone(), two.id.clone()],
        day: "2020-01-01".to_owned(),
        into: Some(v1::BuildingFields::default()),
        ..v1::MergeBuildingsRequest::default()
    };
    let merge = || city.asking("east", merge.clone());
    let merged = city.buildings().merge_buildings(merge()).await.unwrap().into_inner();
    let whole = merged.building.clone().unwrap();
    let entry = merged.receipt.clone().unwrap().entries.last().copied();
    let retract = |id: &str, entry| v1::RetractBuildingRequest {
        context: write_because("a slip of the pen"),
        id: id.to_owned(),
        entry,
        ..v1::RetractBuildingRequest::default()
    };
    let taken = retract(&whole.id, entry);
    city.buildings().retract_building(city.asking("east", taken)).await.unwrap();
    city.buildings().retract_building(city.asking("east", retract(&one.id, None))).await.unwrap();
    // The clerk who did it sees what it was, and is answered as at first; another is not.
    let get = |id: &str| v1::GetBuildingRequest { context: None, id: id.to_owned() };
    let history = |id: &str| v1::GetHistoryRequest {
        subject_id: id.to_owned(),
        ..v1::GetHistoryRequest::default()
    };
    let histories = v1::history_service_client::HistoryServiceClient::new(city.channel.clone());
    for id in [&whole.id, &one.id] {
        let seen = city.buildings().get_building(city.asking("east", get(id))).await.unwrap();
        let life = seen.into_inner().building.unwrap().life.unwrap();
        assert_eq!(life.presence, i32::from(v1::Presence::EnteredInError));
        let told = histories.clone().get_history(city.asking("east", history(id))).await.unwrap();
        assert!(told.into_inner().entries.len() >= 2);
        for refusal in [
            city.buildings().get_building(city.asking("west", get(id))).await.unwrap_err(),
            histories.clone().get_history(city.asking("west", history(id))).await.unwrap_err(),
        ] {
            assert_eq!(refusal.code(), Code::NotFound);
        }
    }
    let again = city.buildings().merge_buildings(merge()).await.unwrap().into_inner();
    assert_eq!(again.building, merged.building);
    assert!(again.receipt.unwrap().repeated);
    // What had moved before is reached from where it had moved to, then as now.
    let change = v1::ChangeBuildingRequest {
        context: write(),
        id: two.id.clone(),
        from: "2025-01-01".to_owned(),
        fields: Some(v1::BuildingFields {
            compound_id: Some(west.id),
            ..v1::BuildingFields::default()
        }),
        ..v1::ChangeBuildingRequest::default()
    };
    city.buildings().change_building(city.asking("city", change)).await.unwrap();
    city.buildings().retract_building(city.asking("west", retract(&two.id, None))).await.unwrap();
    city.buildings().get_building(city.asking("west", get(&two.id))).await.unwrap();
    let refusal = city.buildings().get_building(city.asking("east", get(&two.id))).await;
    assert_eq!(refusal.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn nothing_is_moved_into_what_is_out_of_reach() {
    let city = City::start().await;
    let [east, west] = [
        city.compound(&city.communities[0], "东院").await,
        city.compound(&city.communities[1], "西院").await,
    ];
    let there = city.building(&east.id, "1号楼").await;
    let change = v1::ChangeBuildingRequest {
        context: write(),
        id: there.id,
        from: "2025-01-01".to_owned(),
        fields: Some(v1::BuildingFields {
            compound_id: Some(west.id),
            ..v1::BuildingFields::default()
        }),
        ..v1::ChangeBuildingRequest::default()
    };
    let refusal =
        city.buildings().change_building(city.asking("east", change.clone())).await.unwrap_err();
    assert_eq!(told(&refusal), "NotFound NOT_FOUND\nNOT_FOUND fields.compound_id");
    city.buildings().change_building(city.asking("city", change)).await.unwrap();
}

#[tokio::test]
async fn a_box_shows_what_is_in_reach_and_nothing_else() {
    let city = City::start().await;
    for (community, name) in [(0, "东"), (1, "西")] {
        let compound = city.compound(&city.communities[community], name).await;
        let mut message = building(&compound.id, name);
        message.fields.as_mut().unwrap().location = Some(v1::Location {
            system: v1::CoordinateSystem::Cgcs2000.into(),
            longitude: format!("113.70{community}"),
            latitude: "34.8".to_owned(),
        });
        city.buildings().create_building(city.asking("operator", message)).await.unwrap();
    }
    let asked = v1::ListBuildingsRequest {
        r#box: Some(v1::BoundingBox {
            system: v1::CoordinateSystem::Cgcs2000.into(),
            longitude_min: "113.6".to_owned(),
            latitude_min: "34.7".to_owned(),
            longitude_max: "113.8".to_owned(),
            latitude_max: "34.9".to_owned(),
        }),
        ..v1::ListBuildingsRequest::default()
    };
    for (subject, expected) in
        [("east", vec!["东"]), ("west", vec!["西"]), ("city", vec!["东", "西"])]
    {
        let mut asked = asked.clone();
        let mut names = Vec::new();
        loop {
            let request = city.asking(subject, asked.clone());
            let page = city.buildings().list_buildings(request).await.unwrap().into_inner();
            names.extend(page.buildings.into_iter().map(|one| one.fields.unwrap().name.unwrap()));
            asked.page_token = page.next_page_token;
            if asked.page_token.is_empty() {
                break;
            }
        }
        names.sort();
        assert_eq!(names, expected, "{subject}");
    }
}

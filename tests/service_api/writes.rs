//! Writes: everything wrong is told at once, a request id stands for one request, and an answer
//! shows what was written.

use anju::proto::v1;
use expect_test::expect;

use crate::harness::{City, building, told, write, write_because};

#[tokio::test]
async fn everything_that_is_wrong_with_a_request_is_told_at_once() {
    let city = City::start().await;
    let message = v1::CreateBuildingRequest {
        context: Some(v1::WriteContext {
            request_id: "not-a-uuid".to_owned(),
            reason: "call 13812345678".to_owned(),
            validate_only: false,
            overrides: vec!["area".to_owned()],
        }),
        fields: Some(v1::BuildingFields {
            name: Some(" ".to_owned()),
            compound_id: Some("bld_01HF7YAT000000E0000000001A".to_owned()),
            completed: Some("last year".to_owned()),
            design_life_years: Some(0),
            structure: 99,
            floor_area_cm2: Some(-1),
            location: Some(v1::Location {
                system: 0,
                longitude: "1".to_owned(),
                latitude: "1".to_owned(),
            }),
            identifiers: vec![v1::Identifier {
                scheme: "Census!".to_owned(),
                value: "1".to_owned(),
            }],
            doubts: vec![v1::FieldDoubt { field: "colour".to_owned(), sentence: "?".to_owned() }],
            ..v1::BuildingFields::default()
        }),
        exists_from: String::new(),
    };
    let refusal =
        city.buildings().create_building(city.asking("operator", message)).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED context.request_id
        UNKNOWN_VALUE context.overrides[0]
        PHONE_NUMBER context.reason
        REQUIRED exists_from
        EMPTY fields.name
        MALFORMED fields.compound_id
        MALFORMED fields.completed
        OUT_OF_RANGE fields.design_life_years
        UNKNOWN_VALUE fields.structure
        OUT_OF_RANGE fields.floor_area_cm2
        CRS_MISSING fields.location
        MALFORMED fields.identifiers[0].scheme
        UNKNOWN_PATH fields.doubts[0].field"]]
    .assert_eq(&told(&refusal));
}

#[tokio::test]
async fn a_mask_names_fields_that_are_there_and_what_it_names_without_a_value_is_unknown() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let change = |paths: &[&str], name: Option<&str>| v1::ChangeBuildingRequest {
        context: write(),
        id: there.id.clone(),
        from: "2020-01-01".to_owned(),
        fields: Some(v1::BuildingFields {
            name: name.map(str::to_owned),
            ..v1::BuildingFields::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
        ..v1::ChangeBuildingRequest::default()
    };
    let wrong = change(&["name", "colour", "identifiers"], Some("甲楼"));
    let refusal =
        city.buildings().change_building(city.asking("operator", wrong)).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        SCHEME_MISSING update_mask
        UNKNOWN_PATH update_mask"]]
    .assert_eq(&told(&refusal));

    let unknown = change(&["completed", "name"], Some("甲楼"));
    let answer = city.buildings().change_building(city.asking("operator", unknown)).await.unwrap();
    let fields = answer.into_inner().building.unwrap().fields.unwrap();
    assert_eq!((fields.name.as_deref(), fields.completed), (Some("甲楼"), None));
    // What the mask does not name stays.
    assert_eq!(fields.floor_area_cm2, Some(2_000 * 10_000));
    let get = |day: &str| v1::GetBuildingRequest {
        context: Some(v1::ReadContext {
            read_time: Some(v1::ReadTime { valid_at: day.to_owned(), ..v1::ReadTime::default() }),
            min_commit: String::new(),
        }),
        id: there.id.clone(),
    };
    let before = city
        .buildings()
        .get_building(city.asking("operator", get("2019-12-31")))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(before.building.unwrap().fields.unwrap().completed.as_deref(), Some("1986"));
}

#[tokio::test]
async fn a_request_id_stands_for_one_request() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let message = building(&compound.id, "1号楼");
    let request = || city.asking("operator", message.clone());
    let first = city.buildings().create_building(request()).await.unwrap().into_inner();
    let again = city.buildings().create_building(request()).await.unwrap().into_inner();
    let [first_receipt, again_receipt] =
        [&first, &again].map(|answer| answer.receipt.clone().unwrap());
    assert!(!first_receipt.repeated && again_receipt.repeated);
    assert_eq!(v1::WriteReceipt { repeated: false, ..again_receipt }, first_receipt);
    assert_eq!(first.building, again.building);

    let mut other = message.clone();
    other.exists_from = "1987".to_owned();
    let refusal =
        city.buildings().create_building(city.asking("operator", other)).await.unwrap_err();
    expect![[r"
        AlreadyExists REQUEST_ID_REUSED
        REQUEST_ID_REUSED context.request_id"]]
    .assert_eq(&told(&refusal));
}

#[tokio::test]
async fn what_is_only_judged_is_not_written_and_needs_no_id() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let entries = city.registry.frontier(city.partition);
    let mut message = building(&compound.id, "1号楼");
    message.context = Some(v1::WriteContext { validate_only: true, ..Default::default() });
    let answer = city
        .buildings()
        .create_building(city.asking("operator", message.clone()))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.building, None);
    assert_eq!(answer.receipt, Some(v1::WriteReceipt::default()));
    assert_eq!(city.registry.frontier(city.partition), entries);
    // Judged it is: the same with a fault is refused.
    message.exists_from = "2027-01-01".to_owned();
    city.buildings().create_building(city.asking("operator", message)).await.unwrap_err();
}

#[tokio::test]
async fn a_correction_says_why() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let correct = |context| v1::CorrectBuildingRequest {
        context,
        id: there.id.clone(),
        fields: Some(v1::BuildingFields {
            floor_area_cm2: Some(1_500 * 10_000),
            ..v1::BuildingFields::default()
        }),
        ..v1::CorrectBuildingRequest::default()
    };
    let request = city.asking("operator", correct(write()));
    let refusal = city.buildings().correct_building(request).await.unwrap_err();
    assert_eq!(told(&refusal), "InvalidArgument REASON_MISSING\nREASON_MISSING context.reason");
    let request = city.asking("operator", correct(write_because("measured anew")));
    let answer = city.buildings().correct_building(request).await.unwrap().into_inner();
    let building = answer.building.unwrap();
    assert_eq!(building.fields.unwrap().floor_area_cm2, Some(1_500 * 10_000));
    assert_ne!(building.etag, there.etag);
}

#[tokio::test]
async fn a_batch_answers_each_item_or_refuses_all() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let item = |name: &str, exists_from: &str| {
        let mut item = building(&compound.id, name);
        item.context = None;
        item.exists_from = exists_from.to_owned();
        item
    };
    let batch = |per_item| v1::BatchCreateBuildingsRequest {
        context: write(),
        requests: vec![item("1号楼", "1986"), item("2号楼", "then"), item("3号楼", "2027-01-01")],
        per_item,
    };
    let request = city.asking("operator", batch(false));
    let refusal = city.buildings().batch_create_buildings(request).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED requests[1].exists_from
        FUTURE_DATE requests[2].exists_from"]]
    .assert_eq(&told(&refusal));

    let request = city.asking("operator", batch(true));
    let answer = city.buildings().batch_create_buildings(request).await.unwrap().into_inner();
    let results = answer.results.iter().map(|result| {
        let refusals: Vec<_> = result.refusals.iter().map(|refusal| &refusal.reason).collect();
        format!("{} {} {refusals:?}", result.index, !result.id.is_empty())
    });
    expect![[r#"
        0 true []
        1 false ["MALFORMED"]
        2 false ["FUTURE_DATE"]"#]]
    .assert_eq(&results.collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn a_code_that_is_not_as_its_standard_has_it_is_taken_with_a_warning() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let mut message = building(&compound.id, "1号楼");
    message.fields.as_mut().unwrap().identifiers =
        vec![v1::Identifier { scheme: "jgjt246".to_owned(), value: "4101".to_owned() }];
    let answer = city.buildings().create_building(city.asking("operator", message)).await.unwrap();
    let warning = answer.metadata().get("anju-warning").unwrap().to_str().unwrap();
    assert!(warning.starts_with("jgjt246 "), "{warning}");
}

#[tokio::test]
async fn a_retraction_is_taken_back_by_its_number_with_all_that_went_along() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let numbered = |name: &str| {
        let mut message = building(&compound.id, name);
        let house = v1::Identifier { scheme: "house".to_owned(), value: "H1".to_owned() };
        message.fields.as_mut().unwrap().identifiers.push(house);
        city.asking("operator", message)
    };
    let made = city.buildings().create_building(numbered("1号楼")).await.unwrap().into_inner();
    let block = made.building.unwrap();
    let units = v1::unit_service_client::UnitServiceClient::new(city.channel.clone());
    let message = v1::CreateUnitRequest {
        context: write(),
        fields: Some(v1::UnitFields {
            building_id: Some(block.id.clone()),
            ..v1::UnitFields::default()
        }),
        exists_from: "1986".to_owned(),
    };
    let flat = units.clone().create_unit(city.asking("operator", message)).await.unwrap();
    let flat = flat.into_inner().unit.unwrap();
    let presence = async || {
        let get = v1::GetBuildingRequest { context: None, id: block.id.clone() };
        let whole = city.buildings().get_building(city.asking("operator", get)).await.unwrap();
        let get = v1::GetUnitRequest { context: None, id: flat.id.clone() };
        let part = units.clone().get_unit(city.asking("operator", get)).await.unwrap();
        let whole = whole.into_inner().building.unwrap();
        let part = part.into_inner().unit.unwrap();
        let lives = [whole.life.unwrap().presence(), part.life.unwrap().presence()];
        assert_eq!(lives[0], lives[1]);
        (lives[0], whole.etag.parse::<u64>().unwrap())
    };
    let retract = |entry| v1::RetractBuildingRequest {
        context: write_because("registered twice"),
        id: block.id.clone(),
        entry,
        ..v1::RetractBuildingRequest::default()
    };
    let send =
        async |message| city.buildings().retract_building(city.asking("operator", message)).await;
    send(retract(None)).await.unwrap();
    let (there, retraction) = presence().await;
    assert_eq!(there, v1::Presence::EnteredInError);
    for entry in [None, Some(retraction + 1)] {
        let refusal = send(retract(entry)).await.unwrap_err();
        expect![[r"
            NotFound ENTRY_NOT_FOUND
            ENTRY_NOT_FOUND entry"]]
        .assert_eq(&told(&refusal));
    }
    // Its house code was given away since.
    city.buildings().create_building(numbered("2号楼")).await.unwrap();
    let nobody = v1::RetractBuildingRequest { context: write(), ..retract(Some(retraction)) };
    let refusal = send(nobody).await.unwrap_err();
    expect![[r"
        InvalidArgument REASON_MISSING
        REASON_MISSING context.reason"]]
    .assert_eq(&told(&refusal));
    let undo = retract(Some(retraction));
    let answer = send(undo.clone()).await.unwrap().into_inner();
    assert_eq!(answer.case_ids.len(), 1);
    assert_eq!(presence().await.0, v1::Presence::Exists);
    assert_eq!(answer.building.as_ref().map(|seen| &seen.id), Some(&block.id));
    let again = send(undo).await.unwrap().into_inner();
    assert!(again.receipt.unwrap().repeated);
    assert_eq!((again.building, again.case_ids), (answer.building, answer.case_ids));
}

#[tokio::test]
async fn what_rules_say_is_told_beside_what_is_implausible() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let taken = v1::Identifier { scheme: "census".to_owned(), value: "1".to_owned() };
    let mut first = building(&compound.id, "1号楼");
    first.fields.as_mut().unwrap().identifiers.push(taken.clone());
    city.buildings().create_building(city.asking("operator", first)).await.unwrap();
    let mut second = building(&compound.id, "2号楼");
    second.exists_from = "1970".to_owned();
    let fields = second.fields.as_mut().unwrap();
    fields.identifiers.push(taken);
    fields.storeys_above = Some(2);
    fields.height_cm = Some(40_000);
    let refusal =
        city.buildings().create_building(city.asking("operator", second)).await.unwrap_err();
    let told = told(&refusal);
    for expected in [
        "STOREY_HEIGHT fields.height_cm",
        "IDENTIFIER_TAKEN fields.identifiers",
        "OUTSIDE_PARENT_LIFE exists_from",
    ] {
        assert!(told.contains(expected), "{told}");
    }
}

#[tokio::test]
async fn an_end_before_the_beginning_names_what_is_said_after_it() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let change = v1::ChangeBuildingRequest {
        context: write(),
        id: there.id.clone(),
        from: "2020-05-01".to_owned(),
        fields: Some(v1::BuildingFields { lift_count: Some(1), ..v1::BuildingFields::default() }),
        ..v1::ChangeBuildingRequest::default()
    };
    let changed = city.buildings().change_building(city.asking("operator", change)).await.unwrap();
    let etag = changed.into_inner().building.unwrap().etag;
    let end = v1::EndBuildingRequest {
        context: write(),
        id: there.id.clone(),
        ended_on: "1980-01-01".to_owned(),
        cause: v1::EndCause::Demolished.into(),
        ..v1::EndBuildingRequest::default()
    };
    let refusal = city.buildings().end_building(city.asking("operator", end)).await.unwrap_err();
    let told = told(&refusal);
    assert!(told.contains("ENDS_BEFORE_IT_BEGINS ended_on"), "{told}");
    assert!(told.contains("SAID_AFTER_ITS_END ended_on"), "{told}");
    let wanted = format!("entry {etag} holds from 2020-05-01");
    assert!(refusal.message().contains(&wanted), "{}", refusal.message());

    // Of what never existed nothing is told, whatever was changed of it.
    let retract = v1::RetractBuildingRequest {
        context: write_because("entered twice"),
        id: there.id.clone(),
        ..v1::RetractBuildingRequest::default()
    };
    let answer = city.buildings().retract_building(city.asking("operator", retract)).await;
    let fields = answer.unwrap().into_inner().building.unwrap().fields.unwrap();
    assert_eq!(fields, v1::BuildingFields::default());
}

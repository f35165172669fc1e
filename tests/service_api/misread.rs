//! Requests whose form is wrong are judged by the rules all the same: a caller learns at once what
//! both have against them, and nothing of what is out of reach.

use anju::proto::v1;
use expect_test::expect;

use crate::harness::{City, building, told, write, write_because};

/// A building with a fault of form, the design life, and one of plausibility, the completion.
fn wrong_twice(compound: &str, name: &str) -> v1::CreateBuildingRequest {
    let mut message = building(compound, name);
    let fields = message.fields.as_mut().unwrap();
    fields.design_life_years = Some(500);
    fields.completed = Some("2035-02-02".to_owned());
    message
}

fn refusals_of(refusals: &[v1::ItemRefusal]) -> String {
    let told = refusals.iter().map(|refusal| format!("{} {}", refusal.reason, refusal.field));
    told.collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn a_building_is_told_what_is_wrong_with_its_form_and_what_cannot_be() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let before = city.registry.frontier(city.partition);
    let mut message = wrong_twice(&compound.id, "1号楼");
    let request = city.asking("operator", message.clone());
    let refusal = city.buildings().create_building(request).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        OUT_OF_RANGE fields.design_life_years
        FUTURE_DATE fields.completed"]]
    .assert_eq(&told(&refusal));
    assert!(refusal.message().contains("fields.completed: "), "{}", refusal.message());

    // The day that could not be read is told once, and nothing that follows from its absence.
    message.exists_from = "then".to_owned();
    message.fields.as_mut().unwrap().name = Some(" ".to_owned());
    let request = city.asking("operator", message.clone());
    let refusal = city.buildings().create_building(request).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED exists_from
        EMPTY fields.name
        OUT_OF_RANGE fields.design_life_years
        FUTURE_DATE fields.completed"]]
    .assert_eq(&told(&refusal));

    // What comes with the write is of the form, too.
    let mut message = wrong_twice(&compound.id, "1号楼");
    message.context.as_mut().unwrap().request_id = "7".to_owned();
    message.fields.as_mut().unwrap().design_life_years = None;
    let request = city.asking("operator", message);
    let refusal = city.buildings().create_building(request).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED context.request_id
        FUTURE_DATE fields.completed"]]
    .assert_eq(&told(&refusal));
    assert_eq!(city.registry.frontier(city.partition), before);

    // What is left may be well: it is not written for that.
    let mut message = wrong_twice(&compound.id, "1号楼");
    message.fields.as_mut().unwrap().completed = None;
    let refusal =
        city.buildings().create_building(city.asking("operator", message)).await.unwrap_err();
    assert_eq!(
        told(&refusal),
        "InvalidArgument OUT_OF_RANGE\nOUT_OF_RANGE fields.design_life_years"
    );
    assert_eq!(city.registry.frontier(city.partition), before);

    // Nothing was remembered either: the request id is free.
    let mut message = wrong_twice(&compound.id, "1号楼");
    let request = city.asking("operator", message.clone());
    city.buildings().create_building(request).await.unwrap_err();
    let fields = message.fields.as_mut().unwrap();
    (fields.design_life_years, fields.completed) = (None, None);
    let answer = city.buildings().create_building(city.asking("operator", message)).await.unwrap();
    assert!(!answer.into_inner().receipt.unwrap().repeated);
}

#[tokio::test]
async fn a_missing_holder_is_told_beside_a_field_that_is_wrong() {
    let city = City::start().await;
    let mut message = wrong_twice("", "1号楼");
    message.fields.as_mut().unwrap().compound_id = None;
    let request = city.asking("operator", message);
    let refusal = city.buildings().create_building(request).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        OUT_OF_RANGE fields.design_life_years
        REQUIRED fields.compound_id"]]
    .assert_eq(&told(&refusal));
}

#[tokio::test]
async fn what_is_out_of_reach_is_told_as_if_it_were_not_there() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let elsewhere = City::start().await;
    let nowhere = elsewhere.compound(&elsewhere.communities[0], "东院").await;
    for id in [&compound.id, &nowhere.id] {
        let request = city.asking("west", wrong_twice(id, "1号楼"));
        let refusal = city.buildings().create_building(request).await.unwrap_err();
        expect![[r"
            InvalidArgument INVALID_REQUEST
            OUT_OF_RANGE fields.design_life_years
            FUTURE_DATE fields.completed
            NOT_FOUND fields.compound_id"]]
        .assert_eq(&told(&refusal));
    }
    // A role without a part in the call learns nothing at all.
    let request = city.asking("public", wrong_twice(&compound.id, "1号楼"));
    let refusal = city.buildings().create_building(request).await.unwrap_err();
    assert_eq!(told(&refusal), "PermissionDenied ROLE_NOT_PERMITTED");
}

#[tokio::test]
async fn a_change_and_a_correction_are_told_both() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let fields = wrong_twice(&compound.id, "1号楼").fields;
    let change = v1::ChangeBuildingRequest {
        context: write(),
        id: there.id.clone(),
        etag: "1000000".to_owned(),
        from: "2020-01-01".to_owned(),
        fields: fields.clone(),
        ..v1::ChangeBuildingRequest::default()
    };
    let request = city.asking("operator", change.clone());
    let refusal = city.buildings().change_building(request).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        OUT_OF_RANGE fields.design_life_years
        FUTURE_DATE fields.completed
        ETAG_MISMATCH etag"]]
    .assert_eq(&told(&refusal));
    let change = v1::ChangeBuildingRequest { etag: String::new(), from: String::new(), ..change };
    let refusal =
        city.buildings().change_building(city.asking("operator", change)).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REQUIRED from
        OUT_OF_RANGE fields.design_life_years
        FUTURE_DATE fields.completed"]]
    .assert_eq(&told(&refusal));

    let correct = |context, fields| v1::CorrectBuildingRequest {
        context,
        id: there.id.clone(),
        fields,
        ..v1::CorrectBuildingRequest::default()
    };
    let request = city.asking("operator", correct(write(), fields.clone()));
    let refusal = city.buildings().correct_building(request).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REASON_MISSING context.reason
        OUT_OF_RANGE fields.design_life_years
        FUTURE_DATE fields.completed"]]
    .assert_eq(&told(&refusal));
    // Nothing is left to be corrected: that no entry says it is no news.
    let only = v1::BuildingFields { design_life_years: Some(500), ..Default::default() };
    let request = city.asking("operator", correct(write_because("read anew"), Some(only)));
    let refusal = city.buildings().correct_building(request).await.unwrap_err();
    expect![[r"
        InvalidArgument OUT_OF_RANGE
        OUT_OF_RANGE fields.design_life_years"]]
    .assert_eq(&told(&refusal));
}

#[tokio::test]
async fn items_of_a_batch_are_told_both() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let bare =
        |item: v1::CreateBuildingRequest| v1::CreateBuildingRequest { context: None, ..item };
    let lost = v1::CreateBuildingRequest {
        fields: Some(v1::BuildingFields {
            compound_id: Some("?".to_owned()),
            completed: Some("2035".to_owned()),
            ..v1::BuildingFields::default()
        }),
        ..building(&compound.id, "")
    };
    let mut late = building(&compound.id, "4号楼");
    late.exists_from = "2035".to_owned();
    let items = [
        lost,
        wrong_twice(&compound.id, "1号楼"),
        building(&compound.id, "2号楼"),
        wrong_twice(&compound.id, "3号楼"),
        late,
    ];
    let batch = |per_item| v1::BatchCreateBuildingsRequest {
        context: write(),
        requests: items.iter().cloned().map(bare).collect(),
        per_item,
    };
    let before = city.registry.frontier(city.partition);
    let request = city.asking("operator", batch(false));
    let refusal = city.buildings().batch_create_buildings(request).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED requests[0].fields.compound_id
        OUT_OF_RANGE requests[1].fields.design_life_years
        OUT_OF_RANGE requests[3].fields.design_life_years
        FUTURE_DATE requests[1].fields.completed
        FUTURE_DATE requests[3].fields.completed
        FUTURE_DATE requests[4].exists_from"]]
    .assert_eq(&told(&refusal));
    assert_eq!(city.registry.frontier(city.partition), before);

    let request = city.asking("operator", batch(true));
    let answer = city.buildings().batch_create_buildings(request).await.unwrap().into_inner();
    let results = answer.results.iter().map(|result| {
        format!("{} {} {}", result.index, !result.id.is_empty(), refusals_of(&result.refusals))
    });
    expect![[r"
        0 false MALFORMED fields.compound_id
        1 false OUT_OF_RANGE fields.design_life_years, FUTURE_DATE fields.completed
        2 true 
        3 false OUT_OF_RANGE fields.design_life_years, FUTURE_DATE fields.completed
        4 false FUTURE_DATE exists_from"]]
    .assert_eq(&results.collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn a_row_of_an_import_is_told_both() {
    let city = City::start().await;
    let mut imports = v1::import_service_client::ImportServiceClient::new(city.channel.clone());
    let compound = v1::ImportRow {
        key: "c1".to_owned(),
        exists_from: "1985".to_owned(),
        row: Some(v1::import_row::Row::Compound(v1::ImportCompound {
            fields: Some(v1::CompoundFields {
                name: Some("东院".to_owned()),
                community_id: Some(city.communities[0].clone()),
                ..v1::CompoundFields::default()
            }),
            community: None,
        })),
        ..v1::ImportRow::default()
    };
    let row = |key: &str, exists_from: &str, compound: &str| {
        let fields =
            v1::BuildingFields { compound_id: None, ..wrong_twice("", "楼").fields.unwrap() };
        v1::ImportRow {
            key: key.to_owned(),
            exists_from: exists_from.to_owned(),
            row: Some(v1::import_row::Row::Building(v1::ImportBuilding {
                fields: Some(fields),
                compound: Some(v1::Reference {
                    reference: Some(v1::reference::Reference::Key(compound.to_owned())),
                }),
                ..v1::ImportBuilding::default()
            })),
            ..v1::ImportRow::default()
        }
    };
    let message = v1::ImportRowsRequest {
        context: write(),
        source: "census-2025".to_owned(),
        mode: v1::RowMode::Change.into(),
        partition: city.partition.number(),
        // The compound is a row of the same request; what has no key is no row of anything.
        rows: vec![
            compound,
            row("b1", "1986", "c1"),
            row("b2", "then", "c1"),
            row("", "1986", "c1"),
            row("b4", "1986", "c2"),
        ],
    };
    let answer = imports.import_rows(city.asking("city", message.clone())).await.unwrap();
    let results = |answer: v1::ImportRowsResponse| {
        let told = answer.results.iter().map(|result| {
            let outcome = result.outcome();
            format!("{} {outcome:?} {}", result.index, refusals_of(&result.refusals))
        });
        told.collect::<Vec<_>>().join("\n")
    };
    let first = results(answer.into_inner());
    expect![[r"
        0 Created 
        1 Refused OUT_OF_RANGE fields.design_life_years, FUTURE_DATE fields.completed
        2 Refused MALFORMED exists_from, OUT_OF_RANGE fields.design_life_years, FUTURE_DATE fields.completed
        3 Refused REQUIRED key, OUT_OF_RANGE fields.design_life_years, FUTURE_DATE fields.completed
        4 Refused OUT_OF_RANGE fields.design_life_years, REFERENCE_NOT_FOUND compound_id, FUTURE_DATE fields.completed"]].assert_eq(&first);
    // The same request is answered the same.
    let again = imports.import_rows(city.asking("city", message)).await.unwrap().into_inner();
    assert!(again.receipt.as_ref().unwrap().repeated);
    assert_eq!(results(again), first);
}

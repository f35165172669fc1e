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
        REQUIRED fields.compound_id
        FUTURE_DATE fields.completed"]]
    .assert_eq(&told(&refusal));
}

/// What is told of a building of two storeys and 200 m that begins later.
async fn told_of_a_creation(city: &City, who: &'static str, compound: Option<&str>) -> String {
    let fields = v1::BuildingFields {
        compound_id: compound.map(str::to_owned),
        completed: Some("2060".to_owned()),
        storeys_above: Some(2),
        height_cm: Some(20_000),
        ..v1::BuildingFields::default()
    };
    let exists_from = "2050".to_owned();
    let message = v1::CreateBuildingRequest { context: write(), fields: Some(fields), exists_from };
    told(&city.buildings().create_building(city.asking(who, message)).await.unwrap_err())
}

#[tokio::test]
async fn what_belongs_nowhere_is_judged_by_all_that_it_is_itself() {
    let city = City::start().await;
    for who in ["operator", "west"] {
        expect![[r"
            InvalidArgument INVALID_REQUEST
            REQUIRED fields.compound_id
            FUTURE_DATE exists_from
            FUTURE_DATE fields.completed
            STOREY_HEIGHT fields.height_cm"]]
        .assert_eq(&told_of_a_creation(&city, who, None).await);
        expect![[r"
            InvalidArgument INVALID_REQUEST
            MALFORMED fields.compound_id
            FUTURE_DATE exists_from
            FUTURE_DATE fields.completed
            STOREY_HEIGHT fields.height_cm"]]
        .assert_eq(&told_of_a_creation(&city, who, Some("?")).await);
    }
    let region = |level: i32, parent: Option<&str>| v1::CreateRegionRequest {
        context: write(),
        fields: Some(v1::RegionFields {
            level,
            parent_id: parent.map(str::to_owned),
            ..v1::RegionFields::default()
        }),
        exists_from: "1990".to_owned(),
        opens_partition: false,
    };
    let ask = async |message| {
        let request = city.asking("city", message);
        told(&city.regions().create_region(request).await.unwrap_err())
    };
    expect![[r"
        InvalidArgument REQUIRED
        REQUIRED fields.level
        REQUIRED fields.name"]]
    .assert_eq(&ask(region(0, Some(&city.streets[0]))).await);
    // Whether a parent is missing hangs on the level.
    expect![[r"
        InvalidArgument INVALID_REQUEST
        UNKNOWN_VALUE fields.level
        REQUIRED fields.name"]]
    .assert_eq(&ask(region(77, None)).await);
}

#[tokio::test]
async fn an_end_is_told_both() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let end = async |ended_on: &str, cause: v1::EndCause| {
        let message = v1::EndBuildingRequest {
            context: write(),
            id: there.id.clone(),
            etag: "1".to_owned(),
            ended_on: ended_on.to_owned(),
            cause: cause.into(),
        };
        told(&city.buildings().end_building(city.asking("operator", message)).await.unwrap_err())
    };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REQUIRED cause
        FUTURE_DATE ended_on
        ETAG_MISMATCH etag"]]
    .assert_eq(&end("2050", v1::EndCause::Unspecified).await);
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED ended_on
        ETAG_MISMATCH etag"]]
    .assert_eq(&end("x", v1::EndCause::Demolished).await);
    // A compound with something in it, of which it is not known whether that is there on the day.
    let message = v1::EndCompoundRequest {
        context: write(),
        id: compound.id.clone(),
        etag: "1".to_owned(),
        ended_on: "x".to_owned(),
        cause: v1::EndCause::Abolished.into(),
    };
    let request = city.asking("operator", message);
    let refusal = city.compounds().end_compound(request).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED ended_on
        ETAG_MISMATCH etag"]]
    .assert_eq(&told(&refusal));
}

#[tokio::test]
async fn a_split_and_a_merge_are_told_both() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let part = |fields| v1::SplitBuildingPart {
        fields: Some(fields),
        share_numerator: 1,
        share_denominator: 3,
    };
    let tall = v1::BuildingFields { storeys_above: Some(900), ..v1::BuildingFields::default() };
    let late =
        v1::BuildingFields { completed: Some("2050".to_owned()), ..v1::BuildingFields::default() };
    let split = v1::SplitBuildingRequest {
        context: write(),
        id: there.id.clone(),
        etag: "1".to_owned(),
        day: "2035-01-01".to_owned(),
        parts: vec![part(tall), part(late.clone())],
        ..v1::SplitBuildingRequest::default()
    };
    let ask = async |message| {
        let request = city.asking("operator", message);
        told(&city.buildings().split_building(request).await.unwrap_err())
    };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        OUT_OF_RANGE parts[0].fields.storeys_above
        FUTURE_DATE day
        SHARES_SUM parts
        FUTURE_DATE parts[1].fields.completed
        ETAG_MISMATCH etag"]]
    .assert_eq(&ask(split.clone()).await);
    // Without its day, and with a share that is none: neither their sum nor what lives in it is told.
    let mut dayless = split;
    dayless.day = "x".to_owned();
    dayless.parts[0].share_numerator = 0;
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED day
        OUT_OF_RANGE parts[0].share_numerator
        OUT_OF_RANGE parts[0].fields.storeys_above
        FUTURE_DATE parts[1].fields.completed
        ETAG_MISMATCH etag"]]
    .assert_eq(&ask(dayless).await);

    let merge = |ids: &[&str], day: &str| v1::MergeBuildingsRequest {
        context: write(),
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        day: day.to_owned(),
        into: Some(late.clone()),
        into_id: String::new(),
    };
    let ask = async |message| {
        let request = city.asking("operator", message);
        told(&city.buildings().merge_buildings(request).await.unwrap_err())
    };
    let id = there.id.as_str();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REPEATED ids[1]
        FUTURE_DATE day
        FUTURE_DATE into.completed"]]
    .assert_eq(&ask(merge(&[id, id], "2035-01-01")).await);
    // What is not there is told by its index in the request.
    let elsewhere = City::start().await;
    let court = elsewhere.compound(&elsewhere.communities[0], "东院").await;
    let nowhere = elsewhere.building(&court.id, "1号楼").await;
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED ids[0]
        FUTURE_DATE day
        FUTURE_DATE into.completed
        NOT_FOUND ids[1]"]]
    .assert_eq(&ask(merge(&["x", &nowhere.id, id], "2035-01-01")).await);
}

#[tokio::test]
async fn a_transfer_is_told_both() {
    let city = City::start().await;
    let transfer = async |parent: &str, from: &str| {
        let message = v1::TransferRegionRequest {
            context: write(),
            region_id: city.communities[0].clone(),
            etag: "1".to_owned(),
            parent_id: parent.to_owned(),
            from: from.to_owned(),
        };
        told(&city.regions().transfer_region(city.asking("city", message)).await.unwrap_err())
    };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED from
        ETAG_MISMATCH etag"]]
    .assert_eq(&transfer(&city.streets[1], "x").await);
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REQUIRED parent_id
        ETAG_MISMATCH etag"]]
    .assert_eq(&transfer("", "2020-01-01").await);
}

#[tokio::test]
async fn a_read_is_told_both() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let ask = async |valid_at: &str, min_commit: &str| {
        let known_at = Some(prost_types::Timestamp { seconds: 32_472_144_000, nanos: 0 });
        let valid_at = valid_at.to_owned();
        let read_time = Some(v1::ReadTime { valid_at, known_at, known_at_seq: None });
        let context = Some(v1::ReadContext { read_time, min_commit: min_commit.to_owned() });
        let message = v1::GetBuildingRequest { context, id: there.id.clone() };
        told(&city.buildings().get_building(city.asking("operator", message)).await.unwrap_err())
    };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED context.read_time.valid_at
        KNOWN_AT_FUTURE context.read_time.known_at"]]
    .assert_eq(&ask("x", "").await);
    let far = format!("{}:999999", city.partition.number());
    expect![[r"
        InvalidArgument KNOWN_AT_FUTURE
        KNOWN_AT_FUTURE context.read_time.known_at
        BEYOND_SIZE context.min_commit"]]
    .assert_eq(&ask("", &far).await);
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
        FUTURE_DATE requests[0].fields.completed
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
        0 false MALFORMED fields.compound_id, FUTURE_DATE fields.completed
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

/// Something that cannot be yet, in a compound.
fn late(compound: &str) -> v1::BuildingFields {
    v1::BuildingFields {
        completed: Some("2050".to_owned()),
        compound_id: Some(compound.to_owned()),
        ..v1::BuildingFields::default()
    }
}

#[tokio::test]
async fn what_a_request_is_about_hides_nothing_else_when_it_cannot_be_read() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let elsewhere = City::start().await;
    let nowhere = elsewhere.compound(&elsewhere.communities[0], "东院").await;
    let before = city.registry.frontier(city.partition);
    let change = |compound: &str| v1::ChangeBuildingRequest {
        context: write(),
        id: "x".to_owned(),
        from: "2020-01-01".to_owned(),
        fields: Some(late(compound)),
        ..v1::ChangeBuildingRequest::default()
    };
    let ask = async |message| {
        let request = city.asking("operator", message);
        told(&city.buildings().change_building(request).await.unwrap_err())
    };
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED id
        FUTURE_DATE fields.completed
        NOT_FOUND fields.compound_id"]]
    .assert_eq(&ask(change(&nowhere.id)).await);
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED id
        FUTURE_DATE fields.completed"]]
    .assert_eq(&ask(change(&compound.id)).await);
    // Nothing is judged that is out of reach.
    let request = city.asking("west", change(&compound.id));
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED id
        FUTURE_DATE fields.completed
        NOT_FOUND fields.compound_id"]]
    .assert_eq(&told(&city.buildings().change_building(request).await.unwrap_err()));

    assert_eq!(city.registry.frontier(city.partition), before);
}

#[tokio::test]
async fn a_correction_or_end_of_what_cannot_be_read_is_judged_all_the_same() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let before = city.registry.frontier(city.partition);
    let correct = v1::CorrectBuildingRequest {
        context: write(),
        fields: Some(late(&compound.id)),
        exists_from: "2051".to_owned(),
        ..v1::CorrectBuildingRequest::default()
    };
    let request = city.asking("operator", correct);
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REASON_MISSING context.reason
        REQUIRED id
        FUTURE_DATE fields.completed
        FUTURE_DATE exists_from"]]
    .assert_eq(&told(&city.buildings().correct_building(request).await.unwrap_err()));

    let end = v1::EndBuildingRequest {
        context: write(),
        id: compound.id.clone(),
        ended_on: "2050".to_owned(),
        cause: v1::EndCause::Merged.into(),
        ..v1::EndBuildingRequest::default()
    };
    let request = city.asking("operator", end);
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED id
        END_CAUSE cause
        FUTURE_DATE ended_on"]]
    .assert_eq(&told(&city.buildings().end_building(request).await.unwrap_err()));

    assert_eq!(city.registry.frontier(city.partition), before);
}

#[tokio::test]
async fn what_is_merged_split_or_moved_hides_nothing_else_when_it_cannot_be_read() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let elsewhere = City::start().await;
    let nowhere = elsewhere.compound(&elsewhere.communities[0], "东院").await;
    let before = city.registry.frontier(city.partition);
    let part = |share| v1::SplitBuildingPart {
        fields: Some(late(&compound.id)),
        share_numerator: 1,
        share_denominator: share,
    };
    let split = v1::SplitBuildingRequest {
        context: write(),
        id: "x".to_owned(),
        day: "2035-01-01".to_owned(),
        parts: vec![part(2), part(3)],
        ..v1::SplitBuildingRequest::default()
    };
    let request = city.asking("operator", split);
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED id
        SHARES_SUM parts
        FUTURE_DATE parts[0].fields.completed
        FUTURE_DATE parts[1].fields.completed"]]
    .assert_eq(&told(&city.buildings().split_building(request).await.unwrap_err()));

    let merge = v1::MergeBuildingsRequest {
        context: write(),
        ids: vec!["x".to_owned(), "y".to_owned()],
        day: "2035-01-01".to_owned(),
        into: Some(late(&nowhere.id)),
        ..v1::MergeBuildingsRequest::default()
    };
    let request = city.asking("operator", merge);
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED ids[0]
        MALFORMED ids[1]
        FUTURE_DATE day
        FUTURE_DATE into.completed
        NOT_FOUND into.compound_id"]]
    .assert_eq(&told(&city.buildings().merge_buildings(request).await.unwrap_err()));

    let transfer = v1::TransferRegionRequest {
        context: write(),
        parent_id: elsewhere.streets[0].clone(),
        from: "2020-01-01".to_owned(),
        ..v1::TransferRegionRequest::default()
    };
    let request = city.asking("city", transfer);
    expect![[r"
        InvalidArgument INVALID_REQUEST
        REQUIRED region_id
        NOT_FOUND parent_id"]]
    .assert_eq(&told(&city.regions().transfer_region(request).await.unwrap_err()));
    assert_eq!(city.registry.frontier(city.partition), before);
}

#[tokio::test]
async fn a_transfer_is_refused_by_the_names_of_its_own_fields() {
    let city = City::start().await;
    let transfer = |region: &str, parent: &str| v1::TransferRegionRequest {
        context: write(),
        region_id: region.to_owned(),
        etag: String::new(),
        parent_id: parent.to_owned(),
        from: "2020-01-01".to_owned(),
    };
    let elsewhere = City::start().await;
    for (region, parent, expected) in [
        // A community comes under a street.
        (&city.communities[0], &city.district, "FailedPrecondition LEVEL\nLEVEL parent_id"),
        (&elsewhere.communities[0], &city.streets[0], "NotFound NOT_FOUND\nNOT_FOUND region_id"),
        (&city.communities[0], &elsewhere.streets[0], "NotFound NOT_FOUND\nNOT_FOUND parent_id"),
    ] {
        let request = city.asking("operator", transfer(region, parent));
        let refusal = city.regions().transfer_region(request).await.unwrap_err();
        assert_eq!(told(&refusal), expected);
    }
}

#[tokio::test]
async fn a_difference_is_refused_by_the_names_of_its_own_fields() {
    let city = City::start().await;
    let mut history = v1::history_service_client::HistoryServiceClient::new(city.channel.clone());
    let compound = city.compound(&city.communities[0], "东院").await;
    let late = Some(prost_types::Timestamp { seconds: 32_472_144_000, nanos: 0 });
    let diff = v1::DiffRequest { subject_id: compound.id.clone(), ..v1::DiffRequest::default() };
    for (asked, expected) in [
        (
            v1::DiffRequest {
                subject_id: "x".to_owned(),
                known_from: late,
                known_to: late,
                ..diff.clone()
            },
            "InvalidArgument INVALID_REQUEST\nMALFORMED subject_id\nKNOWN_AT_FUTURE known_from\n\
             KNOWN_AT_FUTURE known_to",
        ),
        (
            v1::DiffRequest { known_from_seq: Some(900_000), known_to_seq: Some(900_001), ..diff },
            "FailedPrecondition BEYOND_SIZE\nBEYOND_SIZE known_from_seq\nBEYOND_SIZE known_to_seq",
        ),
    ] {
        let refusal = history.diff(city.asking("operator", asked)).await.unwrap_err();
        assert_eq!(told(&refusal), expected);
    }
}

#[tokio::test]
async fn a_checkpoint_far_beyond_the_end_is_refused_at_once() {
    let city = City::start().await;
    let mut history = v1::history_service_client::HistoryServiceClient::new(city.channel.clone());
    let partition = city.partition.number();
    let head = city.registry.frontier(city.partition).seq;
    let ask = |size| v1::GetCheckpointRequest { partition, size: Some(size), ..Default::default() };
    let far = city.asking("public", ask(head + 1_000_000));
    let refusal = history.get_checkpoint(far).await.unwrap_err();
    assert_eq!(told(&refusal), "FailedPrecondition BEYOND_SIZE\nBEYOND_SIZE size");
    // What is next may come.
    let refusal = history.get_checkpoint(city.asking("public", ask(head + 1))).await.unwrap_err();
    assert_eq!(told(&refusal), "Unavailable NOT_REACHED");
    let grown = v1::GetConsistencyProofRequest {
        partition,
        old_size: 1,
        new_size: Some(head + 1_000_000),
        ..v1::GetConsistencyProofRequest::default()
    };
    let refusal = history.get_consistency_proof(city.asking("public", grown)).await.unwrap_err();
    assert_eq!(told(&refusal), "FailedPrecondition BEYOND_SIZE\nBEYOND_SIZE new_size");
}

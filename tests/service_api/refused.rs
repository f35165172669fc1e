//! Several refusals are one answer: all of them, under the code of what has to be mended first.

use anju::proto::v1;
use expect_test::{Expect, expect};

use crate::harness::{City, building, told, write};

/// A change of a building that says this.
fn change(id: &str, etag: &str, fields: v1::BuildingFields) -> v1::ChangeBuildingRequest {
    v1::ChangeBuildingRequest {
        context: write(),
        id: id.to_owned(),
        etag: etag.to_owned(),
        from: "2020-01-01".to_owned(),
        fields: Some(fields),
        ..v1::ChangeBuildingRequest::default()
    }
}

fn named(name: &str) -> v1::BuildingFields {
    v1::BuildingFields { name: Some(name.to_owned()), ..v1::BuildingFields::default() }
}

impl City {
    async fn refused(&self, who: &str, message: v1::ChangeBuildingRequest, expected: &Expect) {
        let before = self.registry.frontier(self.partition);
        let request = self.asking(who, message);
        let refusal = self.buildings().change_building(request).await.unwrap_err();
        expected.assert_eq(&told(&refusal));
        assert_eq!(self.registry.frontier(self.partition), before);
    }
}

#[tokio::test]
async fn the_code_says_what_has_to_be_mended_first() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let elsewhere = City::start().await;
    let nowhere = elsewhere.compound(&elsewhere.communities[0], "东院").await.id;
    // An etag alone: read again and ask again.
    city.refused(
        "operator",
        change(&there.id, "1", named("2号楼")),
        &expect![[r"
            Aborted ETAG_MISMATCH
            ETAG_MISMATCH etag"]],
    )
    .await;
    // Asking again does not help as long as what is named is not there,
    let lost = v1::BuildingFields { compound_id: Some(nowhere), ..named("2号楼") };
    city.refused(
        "operator",
        change(&there.id, "1", lost.clone()),
        &expect![[r"
            NotFound NOT_FOUND
            ETAG_MISMATCH etag
            NOT_FOUND fields.compound_id"]],
    )
    .await;
    // nor as long as what is said cannot be, whatever there is.
    let late = v1::BuildingFields { completed: Some("2035".to_owned()), ..lost };
    city.refused(
        "operator",
        change(&there.id, "1", late),
        &expect![[r"
            InvalidArgument FUTURE_DATE
            FUTURE_DATE fields.completed
            ETAG_MISMATCH etag
            NOT_FOUND fields.compound_id"]],
    )
    .await;
}

#[tokio::test]
async fn what_is_out_of_reach_hides_nothing_of_what_is_in_reach() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let west = city.compound(&city.communities[1], "西院").await;
    let own = city.building(&west.id, "2号楼").await;
    let moved = v1::BuildingFields {
        compound_id: Some(compound.id.clone()),
        physical_id: Some(there.id.clone()),
        completed: Some("2035".to_owned()),
        ..v1::BuildingFields::default()
    };
    city.refused(
        "west",
        change(&own.id, "1", moved.clone()),
        &expect![[r"
            InvalidArgument FUTURE_DATE
            FUTURE_DATE fields.completed
            NOT_FOUND fields.compound_id
            NOT_FOUND fields.physical_id
            ETAG_MISMATCH etag"]],
    )
    .await;
    // Whether the etag of what is out of reach is right is nobody's business.
    city.refused(
        "west",
        change(&there.id, "1", moved),
        &expect![[r"
            InvalidArgument FUTURE_DATE
            FUTURE_DATE fields.completed
            NOT_FOUND id
            NOT_FOUND fields.compound_id
            NOT_FOUND fields.physical_id"]],
    )
    .await;
    // Of a change nothing may be left: that it says nothing is no news.
    let only = v1::BuildingFields {
        compound_id: Some(compound.id.clone()),
        ..v1::BuildingFields::default()
    };
    city.refused(
        "west",
        change(&own.id, "", only),
        &expect![[r"
            NotFound NOT_FOUND
            NOT_FOUND fields.compound_id"]],
    )
    .await;
}

#[tokio::test]
async fn items_and_regions_out_of_reach_are_told_each() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let west = city.compound(&city.communities[1], "西院").await;
    let mut late = building(&compound.id, "3号楼");
    late.exists_from = "2035".to_owned();
    late.context = None;
    let mut first = building(&west.id, "4号楼");
    first.context = None;
    let mut flawed = late.clone();
    flawed.fields.as_mut().unwrap().design_life_years = Some(500);
    let mut batch = v1::BatchCreateBuildingsRequest {
        context: write(),
        requests: vec![first.clone(), late.clone(), late],
        per_item: false,
    };
    let request = city.asking("west", batch.clone());
    let refusal = city.buildings().batch_create_buildings(request).await.unwrap_err();
    expect![[r"
        InvalidArgument FUTURE_DATE
        FUTURE_DATE requests[1].exists_from
        FUTURE_DATE requests[2].exists_from
        NOT_FOUND requests[1].fields.compound_id
        NOT_FOUND requests[2].fields.compound_id"]]
    .assert_eq(&told(&refusal));
    // Items that cannot even be judged do not shift the others.
    let mut lost = first;
    lost.fields.as_mut().unwrap().compound_id = Some("?".to_owned());
    batch.requests = vec![lost, flawed];
    let request = city.asking("west", batch);
    let refusal = city.buildings().batch_create_buildings(request).await.unwrap_err();
    expect![[r"
        InvalidArgument INVALID_REQUEST
        MALFORMED requests[0].fields.compound_id
        OUT_OF_RANGE requests[1].fields.design_life_years
        FUTURE_DATE requests[1].exists_from
        NOT_FOUND requests[1].fields.compound_id"]]
    .assert_eq(&told(&refusal));

    let elsewhere = City::start().await;
    // The same for a region that comes under another parent.
    let transfer = v1::TransferRegionRequest {
        context: write(),
        region_id: elsewhere.communities[0].clone(),
        etag: "1".to_owned(),
        parent_id: elsewhere.streets[0].clone(),
        from: "2020-01-01".to_owned(),
    };
    let refusal = city.regions().transfer_region(city.asking("city", transfer)).await.unwrap_err();
    expect![[r"
        NotFound NOT_FOUND
        NOT_FOUND region_id
        NOT_FOUND parent_id"]]
    .assert_eq(&told(&refusal));
}

//! Reads: pages, times, and waiting for a write.

use anju::proto::v1;

use crate::harness::{City, building, told, write};

#[tokio::test]
async fn pages_join_to_the_list_and_a_token_belongs_to_its_question() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let mut made = Vec::new();
    for number in 1..=5 {
        made.push(city.building(&compound.id, &format!("{number}号楼")).await.id);
    }
    made.sort();
    let asked = v1::ListBuildingsRequest {
        compound_id: compound.id.clone(),
        page_size: 2,
        ..v1::ListBuildingsRequest::default()
    };
    let list = |message| city.asking("operator", message);
    let mut listed = Vec::new();
    let mut next = asked.clone();
    let mut first_token = String::new();
    loop {
        let page = city.buildings().list_buildings(list(next.clone())).await.unwrap().into_inner();
        assert!(page.buildings.len() <= 2);
        listed.extend(page.buildings.into_iter().map(|building| building.id));
        if first_token.is_empty() {
            first_token.clone_from(&page.next_page_token);
        }
        // A page of another size is a page of the same list.
        next.page_size = 1;
        next.page_token = page.next_page_token;
        if next.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, made);

    let foreign = "InvalidArgument PAGE_TOKEN_FOREIGN\nPAGE_TOKEN_FOREIGN page_token";
    let other_list = v1::ListBuildingsRequest {
        compound_id: String::new(),
        region_id: city.district.clone(),
        page_token: first_token.clone(),
        ..asked.clone()
    };
    let refusal = city.buildings().list_buildings(list(other_list)).await.unwrap_err();
    assert_eq!(told(&refusal), foreign);
    let other_time = v1::ListBuildingsRequest {
        context: Some(v1::ReadContext {
            read_time: Some(v1::ReadTime {
                valid_at: "2020-01-01".to_owned(),
                ..v1::ReadTime::default()
            }),
            min_commit: String::new(),
        }),
        page_token: first_token.clone(),
        ..asked.clone()
    };
    let refusal = city.buildings().list_buildings(list(other_time)).await.unwrap_err();
    assert_eq!(told(&refusal), foreign);
    let other_call = v1::ListCompoundsRequest {
        region_id: city.district.clone(),
        page_token: first_token,
        ..v1::ListCompoundsRequest::default()
    };
    let refusal =
        city.compounds().list_compounds(city.asking("operator", other_call)).await.unwrap_err();
    assert_eq!(told(&refusal), foreign);
}

#[tokio::test]
async fn a_list_is_of_one_thing_and_in_the_order_of_ids() {
    let city = City::start().await;
    let asked = v1::ListBuildingsRequest {
        region_id: city.district.clone(),
        compound_id: city.district.clone(),
        order_by: "name".to_owned(),
        page_size: -1,
        ..v1::ListBuildingsRequest::default()
    };
    let refusal =
        city.buildings().list_buildings(city.asking("operator", asked)).await.unwrap_err();
    assert_eq!(
        told(&refusal),
        "InvalidArgument INVALID_REQUEST\nOUT_OF_RANGE page_size\nORDER_UNKNOWN order_by\n\
         ONE_OF region_id"
    );
    let past = v1::ListCompoundsRequest {
        context: Some(v1::ReadContext {
            read_time: Some(v1::ReadTime {
                valid_at: "2020-01-01".to_owned(),
                ..v1::ReadTime::default()
            }),
            min_commit: String::new(),
        }),
        region_id: city.district.clone(),
        order_by: "name".to_owned(),
        ..v1::ListCompoundsRequest::default()
    };
    let refusal = city.compounds().list_compounds(city.asking("operator", past)).await.unwrap_err();
    assert_eq!(told(&refusal), "InvalidArgument ORDER_ONLY_NOW\nORDER_ONLY_NOW order_by");
}

fn place(longitude: &str) -> v1::Location {
    v1::Location {
        system: v1::CoordinateSystem::Cgcs2000.into(),
        longitude: longitude.to_owned(),
        latitude: "34.75".to_owned(),
    }
}

/// The compounds between two longitudes, in a band around the latitude of [`place`].
fn between(west: &str, east: &str) -> v1::ListCompoundsRequest {
    v1::ListCompoundsRequest {
        r#box: Some(v1::BoundingBox {
            system: v1::CoordinateSystem::Cgcs2000.into(),
            longitude_min: west.to_owned(),
            latitude_min: "34.74".to_owned(),
            longitude_max: east.to_owned(),
            latitude_max: "34.76".to_owned(),
        }),
        page_size: 1,
        ..v1::ListCompoundsRequest::default()
    }
}

/// The names of the compounds on all pages.
async fn names_on(city: &City, mut asked: v1::ListCompoundsRequest) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let request = city.asking("operator", asked.clone());
        let page = city.compounds().list_compounds(request).await.unwrap().into_inner();
        assert!(page.compounds.len() <= 1);
        names.extend(page.compounds.into_iter().map(|one| one.fields.unwrap().name.unwrap()));
        asked.page_token = page.next_page_token;
        if asked.page_token.is_empty() {
            names.sort();
            return names;
        }
    }
}

async fn compound_at(city: &City, name: &str, longitude: &str) -> v1::Compound {
    let message = v1::CreateCompoundRequest {
        context: write(),
        fields: Some(v1::CompoundFields {
            name: Some(name.to_owned()),
            community_id: Some(city.communities[0].clone()),
            location: Some(place(longitude)),
            ..v1::CompoundFields::default()
        }),
        exists_from: "1985".to_owned(),
    };
    let answer = city.compounds().create_compound(city.asking("operator", message)).await.unwrap();
    answer.into_inner().compound.unwrap()
}

#[tokio::test]
async fn a_compound_is_in_the_box_of_its_point_and_in_no_other() {
    let city = City::start().await;
    // One has no location, and a building in the place of another is no compound.
    city.compound(&city.communities[0], "无处").await;
    let east = compound_at(&city, "东院", "113.71").await;
    compound_at(&city, "西院", "113.61").await;
    let mut message = building(&east.id, "1号楼");
    message.fields.as_mut().unwrap().location = Some(place("113.71"));
    city.buildings().create_building(city.asking("operator", message)).await.unwrap();
    for (west, east, expected) in [
        ("113.70", "113.72", vec!["东院"]),
        ("113.60", "113.62", vec!["西院"]),
        ("113.60", "113.72", vec!["东院", "西院"]),
        // Beside the point by the smallest part, and on it.
        ("113.70", "113.7099999", vec![]),
        ("113.70", "113.71", vec!["东院"]),
        ("113.63", "113.69", vec![]),
    ] {
        assert_eq!(names_on(&city, between(west, east)).await, expected, "{west} {east}");
    }
    let both =
        v1::ListCompoundsRequest { region_id: city.district.clone(), ..between("113.7", "113.8") };
    for asked in [both, v1::ListCompoundsRequest::default()] {
        let request = city.asking("operator", asked);
        let refusal = city.compounds().list_compounds(request).await.unwrap_err();
        assert_eq!(told(&refusal), "InvalidArgument ONE_OF\nONE_OF region_id");
    }
}

#[tokio::test]
async fn a_point_that_was_moved_is_found_where_it_was_as_of_a_day_before() {
    let city = City::start().await;
    let compound = compound_at(&city, "东院", "113.71").await;
    let change = v1::ChangeCompoundRequest {
        context: write(),
        id: compound.id,
        etag: compound.etag,
        from: "2000-01-01".to_owned(),
        fields: Some(v1::CompoundFields {
            location: Some(place("113.65")),
            ..v1::CompoundFields::default()
        }),
        ..v1::ChangeCompoundRequest::default()
    };
    city.compounds().change_compound(city.asking("operator", change)).await.unwrap();
    // Nothing is listed of days before it was there.
    for (day, before, after) in
        [("1984-12-31", 0, 0), ("1985-01-01", 1, 0), ("1999-12-31", 1, 0), ("2000-01-01", 0, 1)]
    {
        let read_time = v1::ReadTime { valid_at: day.to_owned(), ..v1::ReadTime::default() };
        let context = v1::ReadContext { read_time: Some(read_time), min_commit: String::new() };
        let at = |asked| v1::ListCompoundsRequest { context: Some(context.clone()), ..asked };
        let found = [between("113.70", "113.72"), between("113.64", "113.66")].map(at);
        let [there, here] = found;
        let counts = (names_on(&city, there).await.len(), names_on(&city, here).await.len());
        assert_eq!(counts, (before, after), "{day}");
    }
}

#[tokio::test]
async fn what_was_known_before_a_write_is_still_told() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let known_at_seq = there.etag.parse::<u64>().unwrap();
    let change = v1::ChangeBuildingRequest {
        context: crate::harness::write(),
        id: there.id.clone(),
        etag: there.etag.clone(),
        from: "2020-01-01".to_owned(),
        fields: Some(v1::BuildingFields {
            name: Some("甲楼".to_owned()),
            ..v1::BuildingFields::default()
        }),
        ..v1::ChangeBuildingRequest::default()
    };
    let request = city.asking("operator", change.clone());
    let answer = city.buildings().change_building(request).await.unwrap().into_inner();
    let token = answer.receipt.unwrap().commit_token;
    let get = |read_time| v1::GetBuildingRequest {
        context: Some(v1::ReadContext { read_time, min_commit: token.clone() }),
        id: there.id.clone(),
    };
    let name = |answer: v1::GetBuildingResponse| answer.building.unwrap().fields.unwrap().name;
    let now = city.buildings().get_building(city.asking("operator", get(None))).await.unwrap();
    assert_eq!(now.get_ref().read_at, token);
    assert_eq!(name(now.into_inner()).as_deref(), Some("甲楼"));
    let then = v1::ReadTime { known_at_seq: Some(known_at_seq), ..v1::ReadTime::default() };
    let then = get(Some(then));
    let then = city.buildings().get_building(city.asking("operator", then)).await.unwrap();
    assert_eq!(name(then.into_inner()).as_deref(), Some("1号楼"));

    // The etag of before is of no use any more.
    let late = v1::ChangeBuildingRequest { context: crate::harness::write(), ..change };
    let refusal =
        city.buildings().change_building(city.asking("operator", late)).await.unwrap_err();
    assert_eq!(refusal.code(), tonic::Code::Aborted);
}

#[tokio::test]
async fn a_position_that_is_not_reached_is_waited_for_and_then_refused() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let beyond = city.registry.frontier(city.partition).seq + 1_000;
    let asked = v1::GetCompoundRequest {
        context: Some(v1::ReadContext {
            read_time: Some(v1::ReadTime { known_at_seq: Some(beyond), ..v1::ReadTime::default() }),
            min_commit: String::new(),
        }),
        id: compound.id,
    };
    let id = asked.id.clone();
    let refusal = city.compounds().get_compound(city.asking("operator", asked)).await.unwrap_err();
    assert_eq!(told(&refusal), "Unavailable NOT_REACHED");
    let read_time = v1::ReadTime { known_at_seq: Some(999_999), ..v1::ReadTime::default() };
    let context = v1::ReadContext { read_time: Some(read_time), min_commit: String::new() };
    let asked = v1::GetCompoundRequest { context: Some(context), id: id.clone() };
    let refusal = city.compounds().get_compound(city.asking("operator", asked)).await.unwrap_err();
    assert_eq!(
        told(&refusal),
        "FailedPrecondition BEYOND_SIZE\nBEYOND_SIZE context.read_time.known_at_seq"
    );
    // What will never come is not waited for.
    let far = format!("{}:999999", city.partition.number());
    for (min_commit, expected) in [
        ("77:1", "NotFound NOT_FOUND\nNOT_FOUND context.min_commit"),
        (&far, "FailedPrecondition BEYOND_SIZE\nBEYOND_SIZE context.min_commit"),
    ] {
        let context = v1::ReadContext { min_commit: min_commit.to_owned(), read_time: None };
        let asked = v1::GetCompoundRequest { context: Some(context), id: id.clone() };
        let refusal = city.compounds().get_compound(city.asking("operator", asked)).await;
        assert_eq!(told(&refusal.unwrap_err()), expected);
    }
}

#[tokio::test]
async fn regions_are_listed_and_found_by_their_code() {
    let city = City::start().await;
    let create = v1::CreateRegionRequest {
        context: crate::harness::write(),
        fields: Some(v1::RegionFields {
            level: v1::RegionLevel::Community.into(),
            name: Some("第二社区".to_owned()),
            parent_id: Some(city.streets[0].clone()),
            codes: vec![v1::Identifier {
                scheme: "stats12".to_owned(),
                value: "410105001002".to_owned(),
            }],
            doubts: vec![],
        }),
        exists_from: "2001-05-01".to_owned(),
        opens_partition: false,
    };
    let request = city.asking("east", create);
    let made = city.regions().create_region(request).await.unwrap().into_inner().region.unwrap();
    let list = v1::ListRegionsRequest {
        parent_id: city.streets[0].clone(),
        ..v1::ListRegionsRequest::default()
    };
    let listed = city.regions().list_regions(city.asking("public", list)).await.unwrap();
    let mut listed: Vec<_> = listed.into_inner().regions.into_iter().map(|one| one.id).collect();
    listed.sort();
    let mut expected = vec![city.communities[0].clone(), made.id.clone()];
    expected.sort();
    assert_eq!(listed, expected);
    let resolve = |date: &str| v1::ResolveCodeRequest {
        scheme: "stats12".to_owned(),
        code: "410105001002".to_owned(),
        date: date.to_owned(),
        ..v1::ResolveCodeRequest::default()
    };
    for (date, expected) in [
        ("2010-01-01", v1::CodeAnswer::One),
        ("", v1::CodeAnswer::One),
        ("1999-01-01", v1::CodeAnswer::None),
    ] {
        let request = city.asking("public", resolve(date));
        let answer = city.regions().resolve_code(request).await.unwrap().into_inner();
        assert_eq!(answer.answer(), expected, "{date}");
        let heads = city.registry.partitions();
        let heads = heads.iter().map(|(partition, head)| format!("{partition}:{}", head.seq));
        assert_eq!(answer.read_at, heads.collect::<Vec<_>>());
        if expected == v1::CodeAnswer::One {
            let region = answer.candidates[0].region.as_ref().unwrap();
            assert_eq!(region.id, made.id);
            assert_eq!(region.life.as_ref().unwrap().presence(), v1::Presence::Exists);
        }
    }
    // Of a code of the past, without a date, the region is told as it was on the last of its days.
    let end = v1::EndRegionRequest {
        context: crate::harness::write(),
        id: made.id,
        ended_on: "2024-01-01".to_owned(),
        cause: v1::EndCause::Abolished.into(),
        ..v1::EndRegionRequest::default()
    };
    city.regions().end_region(city.asking("east", end)).await.unwrap();
    for (date, expected) in [("", v1::CodeAnswer::One), ("2024-01-01", v1::CodeAnswer::None)] {
        let request = city.asking("public", resolve(date));
        let answer = city.regions().resolve_code(request).await.unwrap().into_inner();
        assert_eq!(answer.answer(), expected, "{date}");
        for found in answer.candidates {
            assert_eq!(found.until, "2024-01-01");
            let life = found.region.unwrap().life.unwrap();
            assert_eq!(life.presence(), v1::Presence::Exists);
        }
    }
}

#[tokio::test]
async fn the_status_names_every_partition() {
    let city = City::start().await;
    let request = city.asking("auditor", v1::GetStatusRequest {});
    let status = city.registries().get_status(request).await.unwrap().into_inner();
    let told: Vec<_> = status
        .partitions
        .iter()
        .map(|partition| (partition.partition, partition.name.as_str()))
        .collect();
    assert_eq!(told, [(0, ""), (city.partition.number(), "郑州市")]);
    assert_eq!(status.registry_id.len(), 32);
    assert!(!status.read_only);
}

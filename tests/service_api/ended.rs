//! What has ended, by files from one registry into another.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anju::{
    cli::{
        export::{self, ExportArgs},
        import::{Clients, ImportArgs, Outcome},
        read::ReadArgs,
    },
    exchange::column::FileKind,
    kernel::{id::SubjectId, time::KnownAt},
    proto::v1,
    registry::{ListOf, Registry},
};
use tonic::{Request, Status, metadata::MetadataValue, service::interceptor::InterceptedService};

use crate::{
    harness::{City, write, write_because},
    imports::run,
};

/// A city with lives of every kind: what was demolished with its units, merged, split, abolished and
/// entered in error, and what lives on.
#[expect(clippy::too_many_lines, reason = "one event after another")]
async fn eventful() -> City {
    let city = City::start().await;
    let east = &city.communities[0];
    let there = city.compound(east, "东院").await;
    let gone = city.compound(east, "旧院").await;
    let mut ids = BTreeMap::new();
    for name in ["拆", "并一", "并二", "分", "在", "误"] {
        ids.insert(name, city.building(&there.id, name).await.id);
    }
    for number in ["101", "102"] {
        let fields = v1::UnitFields {
            building_id: Some(ids["拆"].clone()),
            number: Some(number.to_owned()),
            area_cm2: Some(80 * 10_000),
            ..v1::UnitFields::default()
        };
        let (context, fields) = (write(), Some(fields));
        let exists_from = "1990".to_owned();
        let message = v1::CreateUnitRequest { context, fields, exists_from };
        let mut units = v1::unit_service_client::UnitServiceClient::new(city.channel.clone());
        units.create_unit(city.asking("operator", message)).await.unwrap();
    }
    let mut buildings = city.buildings();
    let change = v1::ChangeBuildingRequest {
        context: write(),
        id: ids["拆"].clone(),
        from: "2010-01-01".to_owned(),
        fields: Some(v1::BuildingFields {
            floor_area_cm2: Some(2_500 * 10_000),
            ..v1::BuildingFields::default()
        }),
        ..v1::ChangeBuildingRequest::default()
    };
    buildings.change_building(city.asking("operator", change)).await.unwrap();
    let end = v1::EndBuildingRequest {
        context: write(),
        id: ids["拆"].clone(),
        ended_on: "2020-01-01".to_owned(),
        cause: v1::EndCause::Demolished.into(),
        ..v1::EndBuildingRequest::default()
    };
    buildings.end_building(city.asking("operator", end)).await.unwrap();
    let merge = v1::MergeBuildingsRequest {
        context: write(),
        ids: vec![ids["并一"].clone(), ids["并二"].clone()],
        day: "2018-05-01".to_owned(),
        into: Some(v1::BuildingFields::default()),
        ..v1::MergeBuildingsRequest::default()
    };
    buildings.merge_buildings(city.asking("operator", merge)).await.unwrap();
    let part = |part| v1::SplitBuildingPart {
        fields: Some(v1::BuildingFields::default()),
        share_numerator: part,
        share_denominator: 3,
    };
    let split = v1::SplitBuildingRequest {
        context: write(),
        id: ids["分"].clone(),
        day: "2019-03-01".to_owned(),
        parts: vec![part(1), part(2)],
        ..v1::SplitBuildingRequest::default()
    };
    buildings.split_building(city.asking("operator", split)).await.unwrap();
    let retract = v1::RetractBuildingRequest {
        context: write_because("entered twice"),
        id: ids["误"].clone(),
        ..v1::RetractBuildingRequest::default()
    };
    buildings.retract_building(city.asking("operator", retract)).await.unwrap();
    let abolish = v1::EndCompoundRequest {
        context: write(),
        id: gone.id,
        ended_on: "2012".to_owned(),
        cause: v1::EndCause::Abolished.into(),
        ..v1::EndCompoundRequest::default()
    };
    city.compounds().end_compound(city.asking("operator", abolish)).await.unwrap();
    let street = v1::EndRegionRequest {
        context: write(),
        id: city.communities[1].clone(),
        ended_on: "2015-07-01".to_owned(),
        cause: v1::EndCause::Abolished.into(),
        ..v1::EndRegionRequest::default()
    };
    city.regions().end_region(city.asking("operator", street)).await.unwrap();
    city
}

/// Exports all of a kind, ended or not, into a file.
pub(crate) async fn exported(
    city: &City,
    directory: &tempfile::TempDir,
    (kind, partition, name): (FileKind, u32, &str),
) -> PathBuf {
    let token = city.asking("operator", ()).metadata().get("authorization").unwrap().clone();
    let service = InterceptedService::new(
        city.channel.clone(),
        move |mut request: Request<()>| -> Result<Request<()>, Status> {
            let token: MetadataValue<_> = token.clone();
            request.metadata_mut().insert("authorization", token);
            Ok(request)
        },
    );
    let path = directory.path().join(name);
    let (out, read) = (Some(path.clone()), ReadArgs::default());
    let args = ExportArgs { kind, partition, out, bom: false, with_ended: true, read };
    export::run(args, Clients::new(service), &mut Vec::new()).await.unwrap();
    path
}

/// The rows of a file by their keys, without the cells that are of one registry only.
pub(crate) fn rows(path: &PathBuf) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let headers = reader.headers().unwrap().clone();
    let rows = reader.records().map(|record| {
        let record = record.unwrap();
        let cells =
            headers.iter().zip(&record).map(|(name, cell)| (name.to_owned(), cell.to_owned()));
        let mut cells: BTreeMap<_, _> = cells.collect();
        cells.remove("id");
        (cells["key"].clone(), cells)
    });
    rows.collect()
}

/// The regions of a name, with their totals on a day.
fn totals(registry: &Registry, name: &str, on: &str) -> Vec<String> {
    let valid_at = Some(on.parse().unwrap());
    let time = anju::kernel::time::ReadTime { valid_at, known_at: KnownAt::Now };
    let page = anju::kernel::page::PageRequest { rows: 100, after: Vec::new() };
    let mut told = Vec::new();
    for (partition, _) in registry.partitions() {
        let listed = ListOf::Ever(anju::kernel::id::Kind::Region, partition);
        let rows = registry.list(listed, time, &page).unwrap().rows;
        let is_named = |seen: &&anju::registry::Seen| {
            seen.content.texts().iter().any(|(_, value)| value.as_deref() == Some(name))
        };
        for seen in rows.iter().filter(is_named) {
            let amounts = registry.totals(seen.id, time).unwrap().amounts;
            let list = amounts.iter().map(|(cell, amount)| format!("{cell:?} {amount}"));
            told.push(list.collect::<Vec<_>>().join("; "));
        }
    }
    told
}

#[tokio::test]
async fn lives_that_ended_go_from_one_registry_into_another_by_files() {
    let first = eventful().await;
    let second = City::start().await;
    let directory = tempfile::tempdir().unwrap();
    let home = first.partition.number();
    let files = [
        (FileKind::Regions, 0, "0.csv"),
        (FileKind::Regions, home, "regions.csv"),
        (FileKind::Compounds, home, "compounds.csv"),
        (FileKind::Buildings, home, "buildings.csv"),
        (FileKind::Units, home, "units.csv"),
    ];
    let next = Some(home + 1);
    for file in files {
        let path = exported(&first, &directory, file).await;
        let count = rows(&path).len();
        let args = || ImportArgs {
            partition: next.filter(|_| file.1 != 0),
            ..ImportArgs::of(file.0, vec![path.clone()])
        };
        let (outcome, summary) = run(&second, "operator", args()).await;
        assert_eq!(outcome, Outcome::Whole, "{summary:#}");
        // The district is in two of the files.
        let counts = &summary["files"][0]["counts"];
        let taken = counts["created"].as_u64().unwrap() + counts["unchanged"].as_u64().unwrap();
        assert_eq!(taken, count as u64, "{summary:#}");
        let (_, summary) = run(&second, "operator", args()).await;
        let counts = &summary["files"][0]["counts"];
        assert_eq!(counts["unchanged"].as_u64(), Some(count as u64), "{summary:#}");
        if file.1 != 0 {
            let again = format!("again-{}", file.2);
            let again = exported(&second, &directory, (file.0, home + 1, &again)).await;
            assert_eq!(rows(&again), rows(&path));
        }
    }
    // Of the kinds of ends that there are.
    let text = fs::read_to_string(directory.path().join("buildings.csv")).unwrap();
    for word in ["DEMOLISHED", "MERGED", "SPLIT", ";1/3|"] {
        assert!(text.contains(word), "{text}");
    }
    for on in [
        "2011-06-01",
        "2015-06-30",
        "2015-07-01",
        "2018-04-30",
        "2018-05-01",
        "2019-12-31",
        "2020-01-01",
    ] {
        for name in ["金水区", "东街"] {
            let told = totals(&first.registry, name, on);
            assert!(told.iter().any(|told| !told.is_empty()));
            let again = totals(&second.registry, name, on);
            assert!(
                told.iter().all(|told| again.contains(told)),
                "{on} {name}\n{told:?}\n{again:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_file_in_chinese_says_how_buildings_ended_in_any_order() {
    let city = City::start().await;
    let there = city.compound(&city.communities[0], "东院").await;
    let directory = tempfile::tempdir().unwrap();
    let head = "编号,小区标识,始存日期,建筑面积,灭失日期,终止原因,去向编号";
    let compound = &there.id;
    let text = format!(
        "{head}\n\
         1,{compound},1990,100,2018-05-01,合并,9\n\
         2,{compound},1990,100,2019-03-01,拆分,3;1/4|4;3/4\n\
         3,{compound},2019-03-01,25,,,\n\
         4,{compound},2019-03-01,75,2021年3月,拆除,\n\
         9,{compound},2018-05-01,100,,,\n\
         7,{compound},1990,100,2018-05-01,合并,没有\n\
         8,{compound},1990,100,2018-05-01,,\n\
         6,{compound},1990,100,,拆除,\n\
         5,{compound},1990,100,2018-05-01,消失,\n"
    );
    let path = directory.path().join("b.csv");
    fs::write(&path, text).unwrap();
    let source = Some("census".to_owned());
    let args = || ImportArgs {
        source: source.clone(),
        ..ImportArgs::of(FileKind::Buildings, vec![path.clone()])
    };
    // Nothing is written in a dry run, and what a row refers to would be there.
    let (_, summary) = run(&city, "operator", ImportArgs { dry_run: true, ..args() }).await;
    let counts = &summary["files"][0]["counts"];
    assert_eq!((counts["refused"].as_u64(), counts["unjudged"].as_u64()), (Some(4), Some(2)));
    let (_, summary) = run(&city, "operator", args()).await;
    let counts = &summary["files"][0]["counts"];
    assert_eq!((counts["created"].as_u64(), counts["refused"].as_u64()), (Some(5), Some(4)));
    let told = summary["files"][0]["first_rejected"].as_array().unwrap();
    let told =
        told.iter().map(|each| each["reasons"].as_str().unwrap().split(": ").next().unwrap());
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "去向编号 REFERENCE_NOT_FOUND",
            "终止原因 REQUIRED",
            "灭失日期 REQUIRED",
            "终止原因 UNKNOWN_WORD"
        ]
    );
    let id: SubjectId = compound.parse().unwrap();
    let mut ends = Vec::new();
    let page = anju::kernel::page::PageRequest { rows: 100, after: Vec::new() };
    let now = anju::kernel::time::ReadTime::NOW;
    let listed = ListOf::Ever(anju::kernel::id::Kind::Building, id.partition());
    for seen in city.registry.list(listed, now, &page).unwrap().rows {
        let key = seen.source.unwrap().1;
        let end = seen.end.map_or("-".to_owned(), |end| format!("{} {:?}", end.day, end.cause));
        ends.push(format!("{key} {end}"));
    }
    ends.sort();
    let expected =
        ["1 2018-05-01 Merged", "2 2019-03-01 Split", "3 -", "4 2021-03 Demolished", "9 -"];
    assert_eq!(ends, expected);
}

//! Imports by who does not reach all of a city, over the API and with the command line's own client.

use std::{fs, path::PathBuf};

use anju::{
    cli::import::{self, Answer, Clients, ImportArgs, Outcome},
    exchange::column::FileKind,
    kernel::id::SubjectId,
    proto::v1,
};
use tonic::{
    Code, Request, Status, metadata::MetadataValue, service::interceptor::InterceptedService,
};

use crate::harness::{City, told, write, write_because};

fn named(reference: v1::reference::Reference) -> v1::Reference {
    v1::Reference { reference: Some(reference) }
}

fn compound(key: &str, community: &str) -> v1::ImportRow {
    v1::ImportRow {
        key: key.to_owned(),
        exists_from: "1985".to_owned(),
        row: Some(v1::import_row::Row::Compound(v1::ImportCompound {
            fields: Some(v1::CompoundFields {
                name: Some(key.to_owned()),
                ..v1::CompoundFields::default()
            }),
            community: Some(named(v1::reference::Reference::Id(community.to_owned()))),
        })),
        ..v1::ImportRow::default()
    }
}

fn building(key: &str, compound: &str, life_years: u32) -> v1::ImportRow {
    v1::ImportRow {
        key: key.to_owned(),
        exists_from: "1986".to_owned(),
        row: Some(v1::import_row::Row::Building(v1::ImportBuilding {
            fields: Some(v1::BuildingFields {
                storeys_above: Some(6),
                design_life_years: Some(life_years),
                ..v1::BuildingFields::default()
            }),
            compound: Some(named(v1::reference::Reference::Key(compound.to_owned()))),
            ..v1::ImportBuilding::default()
        })),
        ..v1::ImportRow::default()
    }
}

fn import(partition: u32, rows: Vec<v1::ImportRow>) -> v1::ImportRowsRequest {
    v1::ImportRowsRequest {
        context: write(),
        source: "census-2025".to_owned(),
        mode: v1::RowMode::Change.into(),
        partition,
        rows,
    }
}

/// What became of each row: its outcome, whether its subject is named, and the refusals.
fn outcomes(answer: &v1::ImportRowsResponse) -> Vec<String> {
    let told = answer.results.iter().map(|result| {
        let refusals =
            result.refusals.iter().map(|each| format!(" {} {}", each.reason, each.field));
        let id = if result.id.is_empty() { "" } else { " with id" };
        format!("{:?}{id}{}", result.outcome(), refusals.collect::<String>())
    });
    told.collect()
}

/// The partition of a city beside the one of the tests.
async fn another_city(city: &City) -> u32 {
    let mut parent = city.district.clone();
    for _ in 0..2 {
        let asked = v1::GetRegionRequest { context: None, id: parent };
        let answer = city.regions().get_region(city.asking("operator", asked)).await.unwrap();
        parent = answer.into_inner().region.unwrap().fields.unwrap().parent_id.unwrap();
    }
    let message = v1::CreateRegionRequest {
        context: write(),
        fields: Some(v1::RegionFields {
            level: v1::RegionLevel::City.into(),
            name: Some("开封市".to_owned()),
            parent_id: Some(parent),
            ..v1::RegionFields::default()
        }),
        exists_from: "1980".to_owned(),
        opens_partition: true,
    };
    let answer = city.regions().create_region(city.asking("operator", message)).await.unwrap();
    let id: SubjectId = answer.into_inner().region.unwrap().id.parse().unwrap();
    id.partition().number()
}

#[tokio::test]
async fn rows_in_reach_are_taken_and_others_are_refused_one_by_one() {
    let city = City::start().await;
    let mut imports = v1::import_service_client::ImportServiceClient::new(city.channel.clone());
    let home = city.partition.number();
    let [east, west] = &city.communities;
    let rows = vec![compound("w", west), building("wb", "w", 50)];
    let answer = imports.import_rows(city.asking("city", import(home, rows))).await.unwrap();
    assert_eq!(outcomes(answer.get_ref()), ["Created with id", "Created with id"]);

    let rows = vec![
        compound("e", east),
        building("eb", "e", 50),
        compound("w2", west),
        compound("w", west),
        building("wb", "w", 50),
        building("new", "w", 50),
        // What cannot be read is told no more of what is out of reach.
        building("wb", "w", 50_000),
        building("eb2", "e", 50_000),
    ];
    let message = import(home, rows);
    let answer = imports.import_rows(city.asking("east", message.clone())).await.unwrap();
    let expected = [
        "Created with id",
        "Created with id",
        "Refused OUT_OF_REACH community_id",
        "Refused OUT_OF_REACH ",
        "Refused OUT_OF_REACH ",
        "Refused REFERENCE_NOT_FOUND compound_id",
        "Refused OUT_OF_RANGE fields.design_life_years OUT_OF_REACH ",
        "Refused OUT_OF_RANGE fields.design_life_years",
    ];
    assert_eq!(outcomes(answer.get_ref()), expected);
    let again = imports.import_rows(city.asking("east", message)).await.unwrap().into_inner();
    assert!(again.receipt.as_ref().unwrap().repeated);
    assert_eq!(outcomes(&again), expected);

    // Of what lies between cities each row is refused.
    let street = v1::ImportRow {
        key: "410199".to_owned(),
        exists_from: "1990".to_owned(),
        row: Some(v1::import_row::Row::Region(v1::ImportRegion {
            fields: Some(v1::RegionFields {
                level: v1::RegionLevel::Province.into(),
                name: Some("山西省".to_owned()),
                ..v1::RegionFields::default()
            }),
            ..v1::ImportRegion::default()
        })),
        ..v1::ImportRow::default()
    };
    let answer = imports.import_rows(city.asking("city", import(0, vec![street]))).await.unwrap();
    assert_eq!(outcomes(answer.get_ref()), ["Refused OUT_OF_REACH "]);
    // What is another city's is refused as a whole.
    let other = another_city(&city).await;
    for (partition, expected) in
        [(other, "PermissionDenied OUT_OF_REACH"), (999, "NotFound NOT_FOUND\nNOT_FOUND partition")]
    {
        let message = import(partition, vec![compound("x", east)]);
        let refusal = imports.import_rows(city.asking("east", message)).await.unwrap_err();
        assert_eq!(told(&refusal), expected);
    }
    // Who may not import at all is told so.
    let rows = vec![compound("x", east)];
    let refusal = imports.import_rows(city.asking("auditor", import(home, rows))).await;
    assert_eq!(refusal.unwrap_err().code(), Code::PermissionDenied);
}

/// Imports files with a token of the city, and gives the summary.
pub(crate) async fn run(
    city: &City,
    subject: &str,
    args: ImportArgs,
) -> (Outcome, serde_json::Value) {
    let token = city.asking(subject, ()).metadata().get("authorization").unwrap().clone();
    let service = InterceptedService::new(
        city.channel.clone(),
        move |mut request: Request<()>| -> Result<Request<()>, Status> {
            let token: MetadataValue<_> = token.clone();
            request.metadata_mut().insert("authorization", token);
            Ok(request)
        },
    );
    let mut out = Vec::new();
    let outcome = import::run(args, Clients::new(service), Answer::Json, &mut out).await.unwrap();
    (outcome, serde_json::from_slice(&out).unwrap())
}

#[tokio::test]
async fn a_file_of_a_whole_city_is_taken_as_far_as_it_is_in_reach() {
    let city = City::start().await;
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| -> PathBuf {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let [east, west] = &city.communities;
    let compounds = file(
        "compounds.csv",
        format!("key,name,exists_from,community_id\ne,东院,1985,{east}\nw,西院,1985,{west}\n"),
    );
    // The first building stands above others that are refused, and in a compound of the same source.
    let buildings = file(
        "buildings.csv",
        "key,compound_key,exists_from,storeys_above\ne1,e,1986,6\nw1,w,1986,6\n".to_owned(),
    );
    let args = |kind, path: &PathBuf| ImportArgs {
        source: Some("census".to_owned()),
        ..ImportArgs::of(kind, vec![path.clone()])
    };
    // The partition is found by the regions of the credential: this role may not ask for the status.
    for (kind, path, refused) in [
        (FileKind::Compounds, &compounds, "community_id OUT_OF_REACH"),
        (FileKind::Buildings, &buildings, "compound_key REFERENCE_NOT_FOUND"),
    ] {
        let (outcome, summary) = run(&city, "east", args(kind, path)).await;
        assert_eq!(outcome, Outcome::Partly);
        let counts = &summary["files"][0]["counts"];
        assert_eq!((counts["created"].as_u64(), counts["refused"].as_u64()), (Some(1), Some(1)));
        let rejected = summary["files"][0]["first_rejected"][0]["reasons"].as_str().unwrap();
        assert!(rejected.contains(refused), "{rejected}");
        assert_eq!(summary["files"][0]["first_rejected"][0]["line"], 3);
    }
    // The rows of another city are refused, and end nothing.
    let partition = Some(another_city(&city).await);
    let elsewhere = ImportArgs { partition, ..args(FileKind::Buildings, &buildings) };
    let (outcome, summary) = run(&city, "east", elsewhere).await;
    assert_eq!(
        (outcome, summary["files"][0]["counts"]["refused"].as_u64()),
        (Outcome::Partly, Some(2))
    );
    let rejected = summary["files"][0]["first_rejected"][1]["reasons"].as_str().unwrap();
    assert!(rejected.contains("OUT_OF_REACH"), "{rejected}");
}

/// A cell that cannot be read in each column of a file of buildings.
const BAD_CELLS: &[(&str, &str)] = &[
    ("address", "{long}"),
    ("compound_id", "here"),
    ("compound_source", "{long}"),
    ("compound_identifier", "here"),
    ("community_code", "12"),
    ("community_id", "here"),
    ("city_code", "{long}"),
    ("design_life_years", "long"),
    ("structure", "straw"),
    ("storeys_above", "many"),
    ("height_m", "high"),
    ("floor_area_m2", "1万"),
    ("longitude", "200"),
    ("location_system", "?"),
    ("physical_id", "here"),
    ("physical_source", "{long}"),
    ("identifiers", "none"),
    ("jgjt246", "{long}"),
    ("exists_from", "then"),
    ("from", "2035"),
    ("ended_on", "then"),
    ("key", "{long}"),
    ("key", ""),
    ("source", "{long}"),
    ("id", "{long}"),
];

#[tokio::test]
async fn a_cell_that_cannot_be_read_hides_nothing_of_its_row() {
    let city = City::start().await;
    let there = city.compound(&city.communities[0], "东院").await;
    let directory = tempfile::tempdir().unwrap();
    let mut hidden = Vec::new();
    for (column, cell) in BAD_CELLS {
        let cell = cell.replace("{long}", &"长".repeat(500));
        let mut cells = vec![("key", "b1"), ("completed", "2035"), ("exists_from", "2001")];
        if !column.starts_with("com") {
            cells.push(("compound_id", &there.id));
        } else if *column == "compound_source" {
            cells.push(("compound_key", "c1"));
        }
        cells.retain(|(name, _)| name != column);
        cells.push((column, &cell));
        let (names, cells): (Vec<_>, Vec<_>) = cells.into_iter().unzip();
        let path = directory.path().join("buildings.csv");
        fs::write(&path, format!("{}\n{}\n", names.join(","), cells.join(","))).unwrap();
        let source = Some("census".to_owned());
        let args =
            ImportArgs { source, dry_run: true, ..ImportArgs::of(FileKind::Buildings, vec![path]) };
        let (_, summary) = run(&city, "operator", args).await;
        let told = summary["files"][0]["first_rejected"][0]["reasons"].to_string();
        if !told.contains("completed FUTURE_DATE") || !told.contains(&format!("{column} ")) {
            hidden.push(format!("{column}: {told}"));
        }
    }
    assert!(hidden.is_empty(), "{}", hidden.join("\n"));
}

#[tokio::test]
async fn an_export_of_a_part_tells_no_keys_of_the_rest() {
    let city = City::start().await;
    let mut imports = v1::import_service_client::ImportServiceClient::new(city.channel.clone());
    let home = city.partition.number();
    let [east, west] = &city.communities;
    let mut logical = building("eb", "e", 50);
    if let Some(v1::import_row::Row::Building(row)) = &mut logical.row {
        row.physical = Some(named(v1::reference::Reference::Key("wb".to_owned())));
    }
    let rows = vec![compound("e", east), compound("w", west), building("wb", "w", 50), logical];
    let answer = imports.import_rows(city.asking("city", import(home, rows))).await.unwrap();
    assert_eq!(outcomes(answer.get_ref()), ["Created with id"; 4]);
    for (subject, expected) in [
        ("city", vec!["wb: compound_id w", "eb: compound_id e, physical_id wb"]),
        ("east", vec!["eb: compound_id e"]),
    ] {
        let kind = v1::ExportKind::Buildings.into();
        let partition = home;
        let export = v1::ExportRowsRequest { partition, kind, ..Default::default() };
        let answer = imports.export_rows(city.asking(subject, export)).await.unwrap();
        let (mut stream, mut told) = (answer.into_inner(), Vec::new());
        while let Some(message) = stream.message().await.unwrap() {
            told.extend(message.rows.into_iter().map(|row| {
                let named =
                    row.references.iter().map(|each| format!("{} {}", each.field, each.key));
                format!("{}: {}", row.key, named.collect::<Vec<_>>().join(", "))
            }));
        }
        told.sort_by_key(|row| row.starts_with("eb"));
        assert_eq!(told, expected, "{subject}");
    }
}

/// A file of a directory, and an import of it by a source.
fn file_of(
    directory: &tempfile::TempDir,
    kind: FileKind,
    (name, text): (&str, &str),
) -> ImportArgs {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    let source = Some("census".to_owned());
    ImportArgs { source, ..ImportArgs::of(kind, vec![path]) }
}

/// The only row that was not taken, as people are told of it.
fn rejected(summary: &serde_json::Value) -> &str {
    summary["files"][0]["first_rejected"][0]["reasons"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn since_when_a_building_exists_is_corrected_by_a_file() {
    let city = City::start().await;
    let there = city.compound(&city.communities[0], "东院").await;
    let directory = tempfile::tempdir().unwrap();
    let buildings = |name: &str, column: &str, day: &str| {
        let text = format!("编号,compound_id,{column}\nb1,{},{day}\n", there.id);
        file_of(&directory, FileKind::Buildings, (name, &text))
    };
    let file = |name: &str, day: &str| buildings(name, "始存日期", day);
    let correction = |args: ImportArgs| ImportArgs {
        mode: Some(import::ModeArg::Correction),
        reason: Some("the census was wrong".to_owned()),
        ..args
    };
    let count = |summary: &serde_json::Value, name: &str| summary["files"][0]["counts"][name] == 1;
    let (_, summary) = run(&city, "operator", file("a.csv", "1990")).await;
    assert!(count(&summary, "created"), "{summary}");
    let (outcome, summary) = run(&city, "operator", file("b.csv", "1991")).await;
    assert_eq!(outcome, Outcome::Partly);
    assert!(rejected(&summary).starts_with("始存日期 NOT_CHANGEABLE: "), "{summary}");
    let (_, summary) = run(&city, "operator", correction(file("c.csv", "1991"))).await;
    assert!(count(&summary, "changed"), "{summary}");
    // What is only for new rows is no word on this one.
    let silent = ImportArgs {
        exists_from: Some("2001".to_owned()),
        ..buildings("d.csv", "storeys_above", "")
    };
    for args in [silent.clone(), correction(silent), file("e.csv", "1991")] {
        let (_, summary) = run(&city, "operator", args).await;
        assert!(count(&summary, "unchanged"), "{summary}");
    }
}

#[tokio::test]
async fn conflicts_and_ranges_are_told_in_the_words_of_the_file() {
    let city = City::start().await;
    let directory = tempfile::tempdir().unwrap();
    let east = &city.communities[0];
    let text =
        format!("key,name,exists_from,community_id\nc1,东院,1985,{east}\nc2,西院,1985,{east}\n");
    let compounds = file_of(&directory, FileKind::Compounds, ("c.csv", &text));
    run(&city, "operator", compounds).await;
    let text = "key,小区编号,exists_from\nb1,c1,1990\n";
    let buildings = || file_of(&directory, FileKind::Buildings, ("b.csv", text));
    run(&city, "operator", buildings()).await;
    let mut imports = v1::import_service_client::ImportServiceClient::new(city.channel.clone());
    let home = city.partition.number();
    let kept = |kind: v1::ExportKind| v1::ExportRowsRequest {
        partition: home,
        kind: kind.into(),
        ..v1::ExportRowsRequest::default()
    };
    let mut ids = Vec::new();
    for kind in [v1::ExportKind::Compounds, v1::ExportKind::Buildings] {
        let answer = imports.export_rows(city.asking("operator", kept(kind))).await.unwrap();
        let rows = answer.into_inner().message().await.unwrap().unwrap().rows;
        let row = rows.into_iter().find(|row| ["c2", "b1"].contains(&row.key.as_str())).unwrap();
        ids.push(match row.subject.unwrap() {
            v1::export_row::Subject::Compound(compound) => compound.id,
            v1::export_row::Subject::Building(building) => building.id,
            other => panic!("{other:?}"),
        });
    }
    let correct = v1::CorrectBuildingRequest {
        context: write_because("it stands in the other one"),
        id: ids[1].clone(),
        fields: Some(v1::BuildingFields {
            compound_id: Some(ids[0].clone()),
            ..v1::BuildingFields::default()
        }),
        ..v1::CorrectBuildingRequest::default()
    };
    city.buildings().correct_building(city.asking("operator", correct)).await.unwrap();
    let (outcome, summary) = run(&city, "operator", buildings()).await;
    assert_eq!(outcome, Outcome::Partly);
    let expected =
        "小区编号 CONFLICT: the row says \"c1\", but somebody has said \"c2\" since; it stays";
    assert_eq!(rejected(&summary), expected);

    let text = "key,小区编号,exists_from,建筑面积(m²),height_cm\nb2,c1,1990,0,200001\n";
    let wrong = file_of(&directory, FileKind::Buildings, ("w.csv", text));
    let (_, summary) = run(&city, "operator", wrong).await;
    let expected = "建筑面积(m²) OUT_OF_RANGE: 0 m² is not between 0.0001 and 1000000 m²; \
                    height_cm OUT_OF_RANGE: 200001 cm is not between 1 and 200000 cm";
    assert_eq!(rejected(&summary), expected);
}

#[tokio::test]
async fn an_export_tells_how_many_that_have_ended_are_left_out() {
    let city = City::start().await;
    let there = city.compound(&city.communities[0], "东院").await;
    let mut ids = Vec::new();
    for name in ["1号楼", "2号楼"] {
        let asked = city.asking("operator", crate::harness::building(&there.id, name));
        let answer = city.buildings().create_building(asked).await.unwrap();
        ids.push(answer.into_inner().building.unwrap().id);
    }
    let end = v1::EndBuildingRequest {
        context: write(),
        id: ids[0].clone(),
        ended_on: "2020-01-01".to_owned(),
        cause: v1::EndCause::Demolished.into(),
        ..v1::EndBuildingRequest::default()
    };
    city.buildings().end_building(city.asking("operator", end)).await.unwrap();
    let mut imports = v1::import_service_client::ImportServiceClient::new(city.channel.clone());
    let read = |day: &str| {
        let valid_at = day.to_owned();
        let read_time = Some(v1::ReadTime { valid_at, ..v1::ReadTime::default() });
        Some(v1::ReadContext { read_time, ..v1::ReadContext::default() })
    };
    for (context, with_ended, expected) in [
        (None, false, (vec![&ids[1]], 1)),
        (None, true, (vec![&ids[0], &ids[1]], 0)),
        (read("2019-12-31"), false, (vec![&ids[0], &ids[1]], 0)),
    ] {
        let request = v1::ExportRowsRequest {
            context,
            partition: city.partition.number(),
            kind: v1::ExportKind::Buildings.into(),
            with_ended,
        };
        let answer = imports.export_rows(city.asking("operator", request)).await.unwrap();
        let (mut stream, mut exported, mut left_out) = (answer.into_inner(), Vec::new(), 0);
        while let Some(message) = stream.message().await.unwrap() {
            left_out += message.ended_left_out;
            exported.extend(message.rows.into_iter().filter_map(|row| match row.subject? {
                v1::export_row::Subject::Building(building) => Some(building.id),
                _ => None,
            }));
        }
        exported.sort();
        let (mut ids, ended) = expected;
        ids.sort();
        assert_eq!((exported.iter().collect::<Vec<_>>(), left_out), (ids, ended));
    }
}

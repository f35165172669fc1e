//! What is derived: totals, searches, histories with proofs, cases, and rows in and out.

use anju::{
    domain::{merkle, region::Level},
    kernel::{hash::Hash, id::SubjectId},
    proto::v1,
    registry::Entry,
};
use tonic::Code;

use crate::harness::{City, building, region, told, write, write_because};

fn told_of(amounts: Vec<v1::Amount>) -> Vec<String> {
    let lines = amounts.into_iter().map(|one| {
        let decade = one.built_decade.map(|year| format!(" {year}s {}", one.structure));
        let decade = decade.unwrap_or_default();
        format!("{}{decade}: {} {}", one.measure, one.certain, one.possible)
    });
    lines.collect()
}

/// A compound of three buildings in the first community.
async fn three_buildings(city: &City) -> v1::Compound {
    let compound = city.compound(&city.communities[0], "东院").await;
    for number in 1..=3 {
        city.building(&compound.id, &format!("{number}号楼")).await;
    }
    compound
}

#[tokio::test]
async fn totals_are_broken_down_and_followed_by_month() {
    let city = City::start().await;
    let mut totals = v1::totals_service_client::TotalsServiceClient::new(city.channel.clone());
    let compound = three_buildings(&city).await;
    let get = |subject: &str, breakdown| v1::GetTotalsRequest {
        subject_id: subject.to_owned(),
        measures: vec!["buildings".to_owned(), "units".to_owned()],
        breakdown,
        ..v1::GetTotalsRequest::default()
    };
    for subject in [&city.district, &city.streets[0], &compound.id] {
        let request = city.asking("public", get(subject, false));
        let answer = totals.get_totals(request).await.unwrap().into_inner();
        assert_eq!(told_of(answer.amounts), ["buildings: 3 3", "units: 0 0"], "{subject}");
        assert_eq!(answer.valid_at, "2026-06-01");
    }
    let request = city.asking("public", get(&city.district, true));
    let answer = totals.get_totals(request).await.unwrap().into_inner();
    assert_eq!(told_of(answer.amounts), ["buildings 1980s UNKNOWN: 3 3", "units: 0 0"]);

    let list = v1::ListTotalsRequest {
        region_id: city.district.clone(),
        measures: vec!["buildings".to_owned()],
        ..v1::ListTotalsRequest::default()
    };
    let answer = totals.list_totals(city.asking("public", list)).await.unwrap().into_inner();
    let mut children: Vec<_> = answer
        .children
        .into_iter()
        .map(|child| (child.name, told_of(child.amounts).concat()))
        .collect();
    children.sort();
    let expected = [("东街", "buildings: 3 3"), ("西街", "buildings: 0 0")]
        .map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(children, expected);

    let series = v1::GetSeriesRequest {
        subject_id: city.district.clone(),
        measures: vec!["buildings".to_owned()],
        from_month: "1985-12".to_owned(),
        to_month: "1987-01".to_owned(),
        ..v1::GetSeriesRequest::default()
    };
    let answer = totals.get_series(city.asking("public", series)).await.unwrap().into_inner();
    let months: Vec<_> = answer
        .months
        .into_iter()
        .map(|month| format!("{} {}", month.month, told_of(month.amounts).concat()))
        .collect();
    assert_eq!(months.first().unwrap(), "1985-12 buildings: 0 0");
    assert_eq!(months[1], "1986-01 buildings: 0 3");
    assert_eq!(months.last().unwrap(), "1987-01 buildings: 3 3");
    assert_eq!(months.len(), 14);
}

#[tokio::test]
async fn a_total_is_explained_to_those_who_may_see_its_rows() {
    let city = City::start().await;
    let mut totals = v1::totals_service_client::TotalsServiceClient::new(city.channel.clone());
    three_buildings(&city).await;
    let explain = v1::ExplainTotalRequest {
        subject_id: city.district.clone(),
        measure: "buildings".to_owned(),
        ..v1::ExplainTotalRequest::default()
    };
    let request = city.asking("auditor", explain.clone());
    let rows = totals.explain_total(request).await.unwrap().into_inner().rows;
    let sum: i64 = rows.iter().map(|row| row.amount.as_ref().unwrap().certain).sum();
    assert_eq!((rows.len(), sum), (3, 3));
    // The number is everybody's, its rows are not.
    let refusal = totals.explain_total(city.asking("public", explain.clone())).await.unwrap_err();
    assert_eq!(refusal.code(), Code::PermissionDenied);
    let refusal = totals.explain_total(city.asking("east", explain)).await.unwrap_err();
    assert_eq!(told(&refusal), "PermissionDenied OUT_OF_REACH\nOUT_OF_REACH subject_id");

    let wrong = v1::GetSeriesRequest {
        measures: vec!["storeys".to_owned()],
        from_month: "2020-13".to_owned(),
        ..v1::GetSeriesRequest::default()
    };
    let refusal = totals.get_series(city.asking("public", wrong)).await.unwrap_err();
    assert_eq!(
        told(&refusal),
        "InvalidArgument INVALID_REQUEST\nUNKNOWN_VALUE measures[0]\n\
         MALFORMED from_month\nMALFORMED to_month"
    );
}

/// One amount in the whole, and where it was read.
type Told = (i64, Vec<String>);

/// Totals of a registry of two cities in partitions of their own.
struct Two {
    city: City,
    totals: v1::totals_service_client::TotalsServiceClient<tonic::transport::Channel>,
}

impl Two {
    async fn new() -> Self {
        let city = City::start().await;
        let district: SubjectId = city.district.parse().unwrap();
        let province = city.registry.regions_above(district).unwrap()[2];
        let other = region(&city.registry, Level::City, "开封市", Some(province));
        let district = region(&city.registry, Level::District, "龙亭区", Some(other));
        let street = region(&city.registry, Level::Street, "北街", Some(district));
        let community = region(&city.registry, Level::Community, "第一社区", Some(street));
        three_buildings(&city).await;
        let compound = city.compound(&community.to_string(), "北院").await;
        city.building(&compound.id, "1号楼").await;
        let totals = v1::totals_service_client::TotalsServiceClient::new(city.channel.clone());
        Self { city, totals }
    }

    fn asked(subject: &str, level: v1::RegionLevel) -> v1::GetTotalsRequest {
        v1::GetTotalsRequest {
            subject_id: subject.to_owned(),
            measures: vec!["buildings".to_owned()],
            level: level.into(),
            ..v1::GetTotalsRequest::default()
        }
    }

    async fn get(&mut self, subject: &str, level: v1::RegionLevel) -> Told {
        let asked = self.city.asking("public", Self::asked(subject, level));
        let answer = self.totals.get_totals(asked).await.unwrap().into_inner();
        (answer.amounts[0].certain, answer.read_at)
    }

    async fn refused(&mut self, who: &str, asked: v1::GetTotalsRequest) -> String {
        told(&self.totals.get_totals(self.city.asking(who, asked)).await.unwrap_err())
    }

    /// Side by side, by pages of one.
    async fn list(&mut self, region: &str, level: v1::RegionLevel) -> Vec<(String, i64)> {
        let mut rows = Vec::new();
        let mut page_token = String::new();
        loop {
            let asked = v1::ListTotalsRequest {
                region_id: region.to_owned(),
                measures: vec!["buildings".to_owned()],
                level: level.into(),
                page_size: 1,
                page_token,
                ..v1::ListTotalsRequest::default()
            };
            let asked = self.city.asking("auditor", asked);
            let answer = self.totals.list_totals(asked).await.unwrap().into_inner();
            assert!(!answer.read_at.is_empty());
            for child in answer.children {
                rows.push((child.name, child.amounts[0].certain));
            }
            if answer.next_page_token.is_empty() {
                rows.sort();
                return rows;
            }
            page_token = answer.next_page_token;
        }
    }
}

#[tokio::test]
async fn the_whole_registry_is_the_sum_over_its_partitions_and_of_each_level() {
    use v1::RegionLevel::{City as Cities, District, Province, Street, Unspecified};
    let mut two = Two::new().await;
    let district: SubjectId = two.city.district.parse().unwrap();
    let above = two.city.registry.regions_above(district).unwrap();
    let [city, province] = [above[1], above[2]].map(|region| region.to_string());
    let heads = two.city.registry.partitions();
    let heads = heads.iter().map(|(partition, frontier)| format!("{partition}:{}", frontier.seq));
    let heads: Vec<_> = heads.collect();
    assert_eq!(heads.len(), 3);
    let whole = two.get("", Unspecified).await;
    assert_eq!(whole, (4, heads));
    for (subject, level) in [
        ("", Province),
        ("", Cities),
        ("", District),
        (&province, Unspecified),
        (&province, Cities),
    ] {
        assert_eq!(two.get(subject, level).await, whole, "{subject} {level:?}");
    }
    let one = two.get(&city, Unspecified).await;
    assert_eq!((one.0, one.1.len()), (3, 2));
    assert_eq!(two.get(&city, District).await, one);
    assert_eq!(two.get(&city, Province).await.0, 0);

    let row = |name: &str, amount| (name.to_owned(), amount);
    assert_eq!(two.list("", Unspecified).await, [row("河南省", 4)]);
    assert_eq!(two.list("", Cities).await, [row("开封市", 1), row("郑州市", 3)]);
    assert_eq!(two.list("", District).await, [row("金水区", 3), row("龙亭区", 1)]);
    assert_eq!(two.list(&city, District).await, [row("金水区", 3)]);

    let refused = two.refused("auditor", Two::asked("", Street)).await;
    assert_eq!(refused, "InvalidArgument LEVEL\nLEVEL level");
    let unknown = v1::GetTotalsRequest { level: 17, ..Two::asked("", Unspecified) };
    let refused = two.refused("auditor", unknown).await;
    assert_eq!(refused, "InvalidArgument UNKNOWN_VALUE\nUNKNOWN_VALUE level");
    for level in [Unspecified, Cities] {
        let read_time = v1::ReadTime { known_at_seq: Some(1), ..v1::ReadTime::default() };
        let context = v1::ReadContext { read_time: Some(read_time), ..v1::ReadContext::default() };
        let asked = v1::GetTotalsRequest { context: Some(context), ..Two::asked("", level) };
        let refused = two.refused("auditor", asked).await;
        let reason = "POSITION_OF_ONE_PARTITION";
        let field = "context.read_time.known_at_seq";
        assert_eq!(refused, format!("InvalidArgument {reason}\n{reason} {field}"));
    }
}

#[tokio::test]
async fn the_whole_registry_is_followed_by_month_and_explained() {
    let mut two = Two::new().await;
    let series = v1::GetSeriesRequest {
        measures: vec!["buildings".to_owned()],
        from_month: "1985-12".to_owned(),
        to_month: "1987-01".to_owned(),
        ..v1::GetSeriesRequest::default()
    };
    let asked = two.city.asking("auditor", series);
    let answer = two.totals.get_series(asked).await.unwrap().into_inner();
    let months: Vec<_> = answer.months.iter().map(|month| month.amounts[0].certain).collect();
    assert_eq!((months[0], months[13], answer.read_at.len()), (0, 4, 3));
    let explain = v1::ExplainTotalRequest { measure: "buildings".to_owned(), ..Default::default() };
    let asked = two.city.asking("auditor", explain.clone());
    let answer = two.totals.explain_total(asked).await.unwrap().into_inner();
    let sum: i64 = answer.rows.iter().map(|row| row.amount.as_ref().unwrap().certain).sum();
    assert_eq!((answer.rows.len(), sum, answer.read_at.len()), (4, 4, 3));
    // The number is everybody's, its rows are not.
    let asked = two.city.asking("east", explain);
    let refusal = two.totals.explain_total(asked).await.unwrap_err();
    assert_eq!(told(&refusal), "PermissionDenied OUT_OF_REACH");
}

#[tokio::test]
async fn a_search_is_within_the_reach() {
    let city = City::start().await;
    let mut search = v1::search_service_client::SearchServiceClient::new(city.channel.clone());
    for (community, name) in [(0, "人民路12号院"), (1, "人民路21号院")] {
        city.compound(&city.communities[community], name).await;
    }
    let asked = |region: &str, partition| v1::SearchRequest {
        text: "人民路".to_owned(),
        region_id: region.to_owned(),
        partition,
        ..v1::SearchRequest::default()
    };
    let number = Some(city.partition.number());
    for (subject, region, partition, expected) in [
        ("operator", "", number, 2),
        ("city", "", number, 2),
        ("east", city.streets[0].as_str(), None, 1),
    ] {
        let request = city.asking(subject, asked(region, partition));
        let answer = search.search(request).await.unwrap().into_inner();
        assert_eq!(answer.hits.len(), expected, "{subject}");
    }
    // Of a partition of which a part is in reach, that part is searched.
    let answer = search.search(city.asking("east", asked("", number))).await.unwrap();
    assert_eq!(answer.into_inner().hits.len(), 1);
    let refusal = search.search(city.asking("east", asked("", Some(0)))).await.unwrap_err();
    assert_eq!(told(&refusal), "PermissionDenied OUT_OF_REACH");
    let refusal = search.search(city.asking("east", asked("", Some(999)))).await.unwrap_err();
    assert_eq!(told(&refusal), "NotFound NOT_FOUND\nNOT_FOUND partition");
    let west = asked(&city.streets[1], None);
    let refusal = search.search(city.asking("east", west)).await.unwrap_err();
    assert_eq!(told(&refusal), "PermissionDenied OUT_OF_REACH\nOUT_OF_REACH region_id");
    let nothing = v1::SearchRequest::default();
    let refusal = search.search(city.asking("operator", nothing)).await.unwrap_err();
    assert_eq!(told(&refusal), "InvalidArgument INVALID_REQUEST\nONE_OF text\nREQUIRED region_id");
}

#[tokio::test]
async fn a_history_is_proved_by_what_the_registry_hands_out() {
    let city = City::start().await;
    let mut history = v1::history_service_client::HistoryServiceClient::new(city.channel.clone());
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let asked = v1::GetHistoryRequest {
        subject_id: there.id.clone(),
        with_bytes: true,
        ..v1::GetHistoryRequest::default()
    };
    let request = city.asking("east", asked.clone());
    let answer = history.get_history(request).await.unwrap().into_inner();
    let entry = &answer.entries[0];
    assert_eq!((entry.kind.as_str(), entry.actor_subject.as_str()), ("registered", "operator"));
    assert!(entry.values.iter().any(|one| one.field == "name"));
    let (read, leaf) = Entry::decode(&entry.entry).unwrap();

    let prove = v1::GetInclusionProofRequest {
        partition: city.partition.number(),
        seq: read.seq,
        ..v1::GetInclusionProofRequest::default()
    };
    for (subject, is_reached) in [("east", true), ("west", false)] {
        let request = city.asking(subject, prove.clone());
        let proved = history.get_inclusion_proof(request).await.unwrap().into_inner();
        let checkpoint = proved.checkpoint.unwrap();
        assert_eq!(Hash::from_slice(&proved.leaf), Some(leaf), "{subject}");
        // Who reaches nothing of it learns not even of what it is, by whom and when.
        assert_eq!(proved.entry.is_empty(), !is_reached, "{subject}");
        if is_reached {
            let (entry, same_leaf) = Entry::decode(&proved.entry).unwrap();
            assert_eq!((entry.body.is_some(), same_leaf), (true, leaf), "{subject}");
        }
        let proof: Vec<Hash> =
            proved.proof.iter().map(|hash| Hash::from_slice(hash).unwrap()).collect();
        let root = Hash::from_slice(&checkpoint.root).unwrap();
        merkle::verify_inclusion(leaf, read.seq - 1, checkpoint.size, &proof, root).unwrap();
    }
    let refusal = history.get_history(city.asking("west", asked)).await.unwrap_err();
    assert_eq!(told(&refusal), "NotFound NOT_FOUND\nNOT_FOUND subject_id");

    let diff = v1::DiffRequest {
        subject_id: city.district.clone(),
        known_from_seq: Some(read.seq - 1),
        known_to_seq: Some(read.seq),
        ..v1::DiffRequest::default()
    };
    let answer = history.diff(city.asking("auditor", diff)).await.unwrap().into_inner();
    let subjects: Vec<_> = answer.diffs.iter().map(|diff| diff.subject_id.as_str()).collect();
    assert_eq!(subjects, [there.id.as_str()]);
}

#[tokio::test]
async fn differences_and_proofs_wait_for_a_commit_and_refuse_what_will_never_come() {
    let city = City::start().await;
    let mut history = v1::history_service_client::HistoryServiceClient::new(city.channel.clone());
    let compound = city.compound(&city.communities[0], "东院").await;
    let partition = city.partition.number();
    let head = format!("{partition}:{}", compound.etag);
    for (min_commit, expected) in [
        (head.as_str(), None),
        ("77:1", Some("NotFound NOT_FOUND\nNOT_FOUND min_commit")),
        ("1", Some("InvalidArgument MALFORMED\nMALFORMED min_commit")),
    ] {
        let min_commit = min_commit.to_owned();
        let diff = v1::DiffRequest {
            subject_id: compound.id.clone(),
            min_commit: min_commit.clone(),
            ..v1::DiffRequest::default()
        };
        let checkpoint = v1::GetCheckpointRequest {
            partition,
            min_commit: min_commit.clone(),
            ..v1::GetCheckpointRequest::default()
        };
        let inclusion = v1::GetInclusionProofRequest {
            partition,
            seq: 1,
            min_commit: min_commit.clone(),
            ..v1::GetInclusionProofRequest::default()
        };
        let consistency = v1::GetConsistencyProofRequest {
            partition,
            old_size: 1,
            min_commit,
            ..v1::GetConsistencyProofRequest::default()
        };
        let refusals = [
            history.diff(city.asking("auditor", diff)).await.err(),
            history.get_checkpoint(city.asking("auditor", checkpoint)).await.err(),
            history.get_inclusion_proof(city.asking("auditor", inclusion)).await.err(),
            history.get_consistency_proof(city.asking("auditor", consistency)).await.err(),
        ];
        for refusal in refusals {
            assert_eq!(refusal.map(|refusal| told(&refusal)).as_deref(), expected);
        }
    }
}

#[tokio::test]
async fn a_history_of_a_day_has_what_bears_on_it() {
    let city = City::start().await;
    let mut history = v1::history_service_client::HistoryServiceClient::new(city.channel.clone());
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let lifts = |count| v1::BuildingFields { lift_count: Some(count), ..Default::default() };
    for (from, count) in [("2010-01-01", 1), ("2020-01-01", 2)] {
        let change = v1::ChangeBuildingRequest {
            context: write(),
            id: there.id.clone(),
            from: from.to_owned(),
            fields: Some(lifts(count)),
            ..v1::ChangeBuildingRequest::default()
        };
        city.buildings().change_building(city.asking("operator", change)).await.unwrap();
    }
    let mut kinds = async |valid_at: &str| {
        let read_time = v1::ReadTime { valid_at: valid_at.to_owned(), ..Default::default() };
        let context = v1::ReadContext { read_time: Some(read_time), ..Default::default() };
        let mut told = Vec::new();
        let mut asked = v1::GetHistoryRequest {
            context: Some(context),
            subject_id: there.id.clone(),
            page_size: 1,
            ..v1::GetHistoryRequest::default()
        };
        loop {
            let request = city.asking("east", asked.clone());
            let answer = history.get_history(request).await.unwrap().into_inner();
            told.extend(answer.entries.into_iter().map(|one| (one.kind, one.valid_from)));
            if answer.next_page_token.is_empty() {
                return told
                    .iter()
                    .map(|(kind, from)| format!("{kind} {from}"))
                    .collect::<Vec<_>>();
            }
            asked.page_token = answer.next_page_token;
        }
    };
    assert_eq!(kinds("1980-01-01").await, [""; 0]);
    assert_eq!(kinds("2009-12-31").await, ["registered 1986"]);
    assert_eq!(kinds("2010-01-01").await, ["registered 1986", "changed 2010-01-01"]);
    // What says that the change was of a later day bears on the days of which that had been said.
    let correct = v1::CorrectBuildingRequest {
        context: write_because("misread"),
        id: there.id.clone(),
        entry: Some(there.etag.parse::<u64>().unwrap() + 1),
        from: "2015-01-01".to_owned(),
        fields: Some(lifts(1)),
        ..v1::CorrectBuildingRequest::default()
    };
    city.buildings().correct_building(city.asking("operator", correct)).await.unwrap();
    let all = ["registered 1986", "changed 2010-01-01", "changed 2015-01-01"];
    assert_eq!(kinds("2010-01-01").await, all);
    assert_eq!(kinds("2009-12-31").await, all[..1]);
}

#[tokio::test]
async fn a_case_is_settled_by_another_than_its_opener() {
    let city = City::start().await;
    let mut cases = v1::case_service_client::CaseServiceClient::new(city.channel.clone());
    let compound = city.compound(&city.communities[0], "东院").await;
    let there = city.building(&compound.id, "1号楼").await;
    let correct = v1::CorrectCompoundRequest {
        context: write_because("the papers say so"),
        id: compound.id.clone(),
        exists_from: "1999".to_owned(),
        ..v1::CorrectCompoundRequest::default()
    };
    let request = city.asking("operator", correct);
    city.compounds().correct_compound(request).await.unwrap();
    let list =
        v1::ListCasesRequest { subject_id: there.id.clone(), ..v1::ListCasesRequest::default() };
    let request = city.asking("east", list.clone());
    let answer = cases.list_cases(request).await.unwrap().into_inner();
    let head = city.registry.frontier(city.partition).seq;
    let head = format!("{}:{head}", city.partition);
    assert_eq!(answer.read_at, head);
    let found = answer.cases;
    assert_eq!(found.len(), 1);
    let case = &found[0];
    assert_eq!((case.reason.as_str(), case.state()), ("OUTSIDE_PARENT_LIFE", v1::CaseState::Open));
    let get = v1::GetCaseRequest { id: case.id.clone(), ..v1::GetCaseRequest::default() };
    let answer = cases.get_case(city.asking("east", get.clone())).await.unwrap().into_inner();
    assert_eq!((answer.case.as_ref(), answer.read_at.as_str()), (Some(case), head.as_str()));
    let refusal = cases.get_case(city.asking("west", get.clone())).await.unwrap_err();
    assert_eq!(told(&refusal), "NotFound NOT_FOUND\nNOT_FOUND id");

    let assign = v1::AssignCaseRequest {
        context: write(),
        id: case.id.clone(),
        assignee: "13812345678".to_owned(),
    };
    let refusal = cases.assign_case(city.asking("east", assign.clone())).await.unwrap_err();
    assert_eq!(told(&refusal), "InvalidArgument MALFORMED\nMALFORMED assignee");
    let assign = v1::AssignCaseRequest { assignee: "desk-3".to_owned(), ..assign };
    let answer = cases.assign_case(city.asking("east", assign)).await.unwrap().into_inner();
    assert_eq!(answer.case.unwrap().state(), v1::CaseState::Assigned);

    let settle = || v1::SettleCaseRequest {
        context: write(),
        id: case.id.clone(),
        outcome: v1::CaseOutcome::Stands.into(),
    };
    let refusal = cases.settle_case(city.asking("operator", settle())).await.unwrap_err();
    assert_eq!(refusal.code(), Code::FailedPrecondition);
    let answer = cases.settle_case(city.asking("city", settle())).await.unwrap().into_inner();
    assert_eq!(answer.case.unwrap().state(), v1::CaseState::Settled);
    let now = cases.list_cases(city.asking("east", list)).await.unwrap().into_inner().cases;
    assert_eq!(now, []);
}

#[tokio::test]
async fn rows_are_taken_in_each_by_itself_and_come_out_again() {
    let city = City::start().await;
    let mut imports = v1::import_service_client::ImportServiceClient::new(city.channel.clone());
    let by_key = |key: &str| {
        Some(v1::Reference { reference: Some(v1::reference::Reference::Key(key.to_owned())) })
    };
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
    let building_row = |key: &str, storeys| v1::ImportRow {
        key: key.to_owned(),
        exists_from: "1986".to_owned(),
        row: Some(v1::import_row::Row::Building(v1::ImportBuilding {
            fields: Some(v1::BuildingFields {
                storeys_above: Some(storeys),
                ..v1::BuildingFields::default()
            }),
            compound: by_key("c1"),
            ..v1::ImportBuilding::default()
        })),
        ..v1::ImportRow::default()
    };
    let import = |rows| v1::ImportRowsRequest {
        context: write(),
        source: "census-2025".to_owned(),
        mode: v1::RowMode::Change.into(),
        partition: city.partition.number(),
        rows,
    };
    let rows = vec![compound.clone(), building_row("b1", 6), building_row("b2", 5_000)];
    let request = city.asking("city", import(rows));
    let answer = imports.import_rows(request).await.unwrap().into_inner();
    let outcomes: Vec<_> = answer.results.iter().map(v1::RowResult::outcome).collect();
    assert_eq!(
        outcomes,
        [v1::RowOutcome::Created, v1::RowOutcome::Created, v1::RowOutcome::Refused],
        "{:?}",
        answer.results
    );
    assert_eq!(answer.results[2].refusals[0].field, "fields.storeys_above");
    let request = city.asking("city", import(vec![compound.clone(), building_row("b1", 6)]));
    let again = imports.import_rows(request).await.unwrap().into_inner();
    let outcomes: Vec<_> = again.results.iter().map(v1::RowResult::outcome).collect();
    assert_eq!(outcomes, [v1::RowOutcome::Unchanged; 2]);
    // A street is less than the partition: its rows are taken, and those of others are not.
    for (subject, outcome) in
        [("east", v1::RowOutcome::Unchanged), ("west", v1::RowOutcome::Refused)]
    {
        let request = city.asking(subject, import(vec![compound.clone()]));
        let answer = imports.import_rows(request).await.unwrap().into_inner();
        assert_eq!(answer.results[0].outcome(), outcome, "{subject}");
        assert_eq!(answer.results[0].id.is_empty(), subject == "west");
    }

    let ids = exported(&city).await;
    assert_eq!(ids, [answer.results[1].id.clone()]);
}

/// The ids of the buildings that an export tells.
#[tokio::test]
async fn a_row_with_an_odd_code_is_taken_with_a_warning_of_its_own() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let mut imports = v1::import_service_client::ImportServiceClient::new(city.channel.clone());
    let row = |key: &str, codes: &[(&str, &str)], storeys| v1::ImportRow {
        key: key.to_owned(),
        exists_from: "1986".to_owned(),
        row: Some(v1::import_row::Row::Building(v1::ImportBuilding {
            fields: Some(v1::BuildingFields {
                compound_id: Some(compound.id.clone()),
                storeys_above: Some(storeys),
                identifiers: codes
                    .iter()
                    .map(|(scheme, value)| v1::Identifier {
                        scheme: (*scheme).to_owned(),
                        value: (*value).to_owned(),
                    })
                    .collect(),
                ..v1::BuildingFields::default()
            }),
            ..v1::ImportBuilding::default()
        })),
        ..v1::ImportRow::default()
    };
    let rows = vec![
        row("good", &[("jgjt246", "41010200119850001000007"), ("census", "1")], 6),
        row("odd", &[("jgjt246", "4101"), ("bdcdyh", "4101")], 6),
        // What is refused is not warned of as well.
        row("refused", &[("jgjt246", "4101")], 5_000),
    ];
    for outcome in [v1::RowOutcome::Created, v1::RowOutcome::Unchanged] {
        let request = v1::ImportRowsRequest {
            context: write(),
            source: "census-2025".to_owned(),
            mode: v1::RowMode::Change.into(),
            partition: city.partition.number(),
            rows: rows.clone(),
        };
        let answer = imports.import_rows(city.asking("city", request)).await.unwrap().into_inner();
        let told: Vec<_> = answer
            .results
            .iter()
            .map(|result| {
                let told =
                    result.warnings.iter().map(|one| format!("{} {}", one.reason, one.field));
                (result.outcome(), told.collect::<Vec<_>>().join(", "))
            })
            .collect();
        let both = "LENGTH fields.identifiers.jgjt246, LENGTH fields.identifiers.bdcdyh";
        assert_eq!(
            told,
            [
                (outcome, String::new()),
                (outcome, both.to_owned()),
                (v1::RowOutcome::Refused, String::new())
            ]
        );
        assert_eq!(
            answer.results[1].warnings[0].message,
            "the code has 4 characters instead of 23"
        );
    }
}

async fn exported(city: &City) -> Vec<String> {
    let mut imports = v1::import_service_client::ImportServiceClient::new(city.channel.clone());
    let export = v1::ExportRowsRequest {
        context: None,
        partition: city.partition.number(),
        kind: v1::ExportKind::Buildings.into(),
        with_ended: false,
    };
    let mut stream =
        imports.export_rows(city.asking("auditor", export)).await.unwrap().into_inner();
    let mut ids = Vec::new();
    let head = city.registry.frontier(city.partition).seq;
    let head = format!("{}:{head}", city.partition);
    while let Some(message) = stream.message().await.unwrap() {
        // All of it is of one position, and says of which.
        assert_eq!(message.read_at, head);
        for row in message.rows {
            let subject = row.subject.unwrap();
            assert!(matches!(subject, v1::export_row::Subject::Building(_)));
            if let v1::export_row::Subject::Building(building) = subject {
                ids.push(building.id);
            }
        }
    }
    ids
}

#[tokio::test]
async fn answers_are_compressed_and_requests_that_are_too_large_refused() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let gzip = tonic::codec::CompressionEncoding::Gzip;
    let mut buildings = city.buildings().send_compressed(gzip).accept_compressed(gzip);
    let request = city.asking("operator", building(&compound.id, "1号楼"));
    let answer = buildings.create_building(request).await.unwrap();
    assert_eq!(answer.metadata().get("grpc-encoding").unwrap(), "gzip");
    let mut large = building(&compound.id, "1号楼");
    // A megabyte that is small on the wire.
    large.fields.as_mut().unwrap().address = Some("a".repeat(2 * 1024 * 1024));
    let refusal = buildings.create_building(city.asking("operator", large)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::ResourceExhausted);
}

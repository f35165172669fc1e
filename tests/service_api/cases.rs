//! Cases over the API: one of many subjects, in both languages, page by page.

use anju::proto::v1;

use crate::harness::{City, building, write_because};

/// All that is in doubt in a case, a few at a time.
async fn in_doubt(city: &City, id: &str) -> Vec<String> {
    let mut cases = v1::case_service_client::CaseServiceClient::new(city.channel.clone());
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let get = v1::GetCaseRequest {
            id: id.to_owned(),
            page_size: 5,
            page_token,
            ..v1::GetCaseRequest::default()
        };
        let answer = cases.get_case(city.asking("operator", get)).await.unwrap().into_inner();
        assert!(answer.in_doubt.len() <= 5);
        assert!(answer.in_doubt.iter().all(|one| one.entries_in_doubt.len() == 1));
        found.extend(answer.in_doubt.into_iter().map(|one| one.subject_id));
        if answer.next_page_token.is_empty() {
            return found;
        }
        page_token = answer.next_page_token;
    }
}

/// What is in doubt, each with its own days, which the case tells of all of them together.
async fn each_has_its_own_days(city: &City, case: &str, ids: &[String], entry: u64) {
    let mut cases = v1::case_service_client::CaseServiceClient::new(city.channel.clone());
    let get = v1::GetCaseRequest { id: case.to_owned(), ..v1::GetCaseRequest::default() };
    let answer = cases.get_case(city.asking("operator", get)).await.unwrap().into_inner();
    for (number, id) in ids.iter().enumerate() {
        let own = answer.in_doubt.iter().find(|one| one.subject_id == *id).unwrap();
        let from = format!("{}-05-01", 1986 + number % 3);
        let told = [&own.from, &own.until, &own.against_from, &own.against_until];
        assert_eq!(told, [&from, "", "1990-02-03", ""], "{own:?}");
        assert_eq!(
            own.message,
            format!(
                "accepted is from {from}, and by entry {entry} what it is in is there from 1990-02-03"
            )
        );
        assert_eq!(
            own.message_zh,
            format!(
                "已采用的是自 {from} 起，而按第 {entry} 条记录，其所在对象自 1990-02-03 起存在"
            )
        );
    }
}

#[tokio::test]
async fn one_case_of_many_buildings_names_the_days_and_is_paged_by_what_is_in_doubt() {
    let city = City::start().await;
    let there = city.compound(&city.communities[0], "东院").await;
    let mut ids = Vec::new();
    for number in 0..12 {
        let mut create = building(&there.id, &format!("{number}号楼"));
        create.exists_from = format!("{}-05-01", 1986 + number % 3);
        let asked = city.asking("operator", create);
        let answer = city.buildings().create_building(asked).await.unwrap();
        ids.push(answer.into_inner().building.unwrap().id);
    }
    let correct = v1::CorrectCompoundRequest {
        context: write_because("no deed before"),
        id: there.id.clone(),
        exists_from: "1990-02-03".to_owned(),
        ..v1::CorrectCompoundRequest::default()
    };
    let answer = city.compounds().correct_compound(city.asking("operator", correct)).await.unwrap();
    let entry = *answer.into_inner().receipt.unwrap().entries.last().unwrap();
    let mut cases = v1::case_service_client::CaseServiceClient::new(city.channel.clone());
    let partition = city.partition.number();
    let list = v1::ListCasesRequest { partition, ..v1::ListCasesRequest::default() };
    let listed =
        cases.list_cases(city.asking("operator", list.clone())).await.unwrap().into_inner();
    assert_eq!(listed.cases.len(), 1, "{listed:?}");
    let case = &listed.cases[0];
    assert_eq!((case.in_doubt_count, case.subject_ids.len()), (12, 9));
    assert_eq!(case.subject_ids.last(), Some(&there.id));
    assert_eq!(
        case.message,
        format!(
            "of 12 subjects each: it is there on days when what it is in is not; taken together, accepted is from \
             1986-05-01, and by entry {entry} what it is in is there from 1990-02-03"
        )
    );
    assert_eq!(
        case.message_zh,
        format!(
            "12 个对象均如此：在其所在对象不存在的日子存在；合起来看，已采用的是自 1986-05-01 起，而按第 {entry} \
             条记录，其所在对象自 1990-02-03 起存在"
        )
    );
    let mut found = in_doubt(&city, &case.id).await;
    let mut all = ids.clone();
    all.sort();
    found.sort();
    assert_eq!(found, all);
    each_has_its_own_days(&city, &case.id, &ids, entry).await;
    // Each of them shows it, with its own entry; who reaches another street sees nothing of it.
    let get = v1::GetBuildingRequest { context: None, id: ids[11].clone() };
    let seen = city.buildings().get_building(city.asking("operator", get)).await.unwrap();
    let seen = seen.into_inner().building.unwrap();
    assert_eq!((seen.case_ids.len(), seen.entries_in_doubt.len()), (1, 1));
    let none = cases.list_cases(city.asking("west", list.clone())).await.unwrap().into_inner();
    assert!(none.cases.is_empty());
    let east = cases.list_cases(city.asking("east", list)).await.unwrap().into_inner();
    assert_eq!(east.cases.len(), 1);
}

//! Entries about several subjects: who reaches one of them is shown what is said of that one.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use anju::{
    domain::{author::Author, merkle},
    kernel::{
        hash::Hash,
        id::SubjectId,
        position::{Position, Seq},
    },
    proto::v1::{self, watch_response::Event},
    registry::{Body, Call, Entry, Erase, Fact},
};

use crate::harness::{City, write_because};

/// The edges of a merge, and those it ends, as far as these bytes show them.
fn shown(bytes: &[u8]) -> (Vec<(String, String)>, Vec<String>) {
    let (entry, _) = Entry::decode(bytes).unwrap();
    let Some(Body { fact: Fact::Succession { edges, ended, .. }, .. }) = entry.body else {
        panic!("it shows no merge: {entry:?}");
    };
    let edges = edges.iter().map(|edge| (edge.from.to_string(), edge.into.to_string()));
    (edges.collect(), ended.iter().map(SubjectId::to_string).collect())
}

/// The entry as the feed hands it out.
async fn watched(city: &City, subject: &str, seq: Seq) -> v1::WatchedEntry {
    let after = Position { partition: city.partition, seq: seq - 1 };
    let message = v1::WatchRequest { after: vec![after.to_string()] };
    let mut stream =
        city.watches().watch(city.asking(subject, message)).await.unwrap().into_inner();
    loop {
        if let Some(Event::Entry(entry)) = stream.message().await.unwrap().unwrap().event {
            return entry;
        }
    }
}

/// Each asks for what became of a building of its own, in three ways, and all three say the same.
async fn sees(city: &City, subject: &str, own: &str, seq: Seq) -> Vec<u8> {
    let mut history = v1::history_service_client::HistoryServiceClient::new(city.channel.clone());
    let asked = v1::GetHistoryRequest {
        subject_id: own.to_owned(),
        with_bytes: true,
        ..v1::GetHistoryRequest::default()
    };
    let answer = history.get_history(city.asking(subject, asked)).await.unwrap().into_inner();
    let position = Position { partition: city.partition, seq }.to_string();
    let row = answer.entries.into_iter().find(|row| row.position == position).unwrap();
    let prove = v1::GetInclusionProofRequest {
        partition: city.partition.number(),
        seq,
        ..Default::default()
    };
    let request = city.asking(subject, prove);
    let proved = history.get_inclusion_proof(request).await.unwrap().into_inner();
    let watched = watched(city, subject, seq).await;
    assert_eq!((&row.entry, &row.entry), (&proved.entry, &watched.entry), "{subject}");
    assert_eq!(row.reason, "one house", "{subject}");

    let (_, leaf) = Entry::decode(&row.entry).unwrap();
    assert_eq!(leaf.0.as_slice(), watched.leaf);
    let checkpoint = proved.checkpoint.unwrap();
    let path: Vec<_> = proved.proof.iter().map(|hash| Hash::from_slice(hash).unwrap()).collect();
    let root = Hash::from_slice(&checkpoint.root).unwrap();
    merkle::verify_inclusion(leaf, seq - 1, checkpoint.size, &path, root).unwrap();

    // What is told field by field is what the bytes show.
    if row.kind == "succession" {
        let told = row.values.into_iter().map(|value| value.value.unwrap());
        let told: Vec<_> = told.map(|edge| edge.replace(": 1/1", "")).collect();
        let edges = shown(&row.entry).0.into_iter();
        assert_eq!(told, edges.map(|(from, into)| format!("{from} to {into}")).collect::<Vec<_>>());
    }
    row.entry
}

#[tokio::test]
async fn who_reaches_one_of_the_merged_is_shown_what_became_of_it_and_no_more() {
    let city = City::start().await;
    let east = city.compound(&city.communities[0], "东院").await;
    let west = city.compound(&city.communities[1], "西院").await;
    let one = city.building(&east.id, "1号楼").await.id;
    let two = city.building(&west.id, "2号楼").await.id;
    let into = city.building(&east.id, "3号楼").await.id;
    let merge = v1::MergeBuildingsRequest {
        context: write_because("one house"),
        ids: vec![one.clone(), two.clone()],
        day: "2026-05-01".to_owned(),
        into_id: into.clone(),
        ..v1::MergeBuildingsRequest::default()
    };
    let request = city.asking("operator", merge);
    city.buildings().merge_buildings(request).await.unwrap();
    let head = city.registry.frontier(city.partition).seq;
    let is_merge = |seq: &Seq| {
        let bytes = city.registry.bytes(city.partition, *seq).unwrap();
        let (entry, _) = Entry::decode(&bytes).unwrap();
        matches!(entry.body.unwrap().fact, Fact::Succession { .. })
    };
    let seq = (1..=head).rev().find(is_merge).unwrap();

    let both = vec![(one.clone(), into.clone()), (two.clone(), into.clone())];
    for subject in ["operator", "auditor"] {
        let whole = sees(&city, subject, &one, seq).await;
        assert_eq!(shown(&whole), (both.clone(), vec![one.clone(), two.clone()]));
        assert_eq!(whole, city.registry.bytes(city.partition, seq).unwrap());
    }
    // The east has what is left, and so is told of all that went into it; not that the other ended.
    let of_east = sees(&city, "east", &one, seq).await;
    assert_eq!(shown(&of_east), (both, vec![one.clone()]));
    assert_eq!(sees(&city, "east", &into, seq).await, of_east);
    let of_west = sees(&city, "west", &two, seq).await;
    assert_eq!(shown(&of_west), (vec![(two.clone(), into)], vec![two.clone()]));

    let retract = v1::RetractBuildingRequest {
        context: write_because("one house"),
        id: one,
        entry: Some(seq),
        ..v1::RetractBuildingRequest::default()
    };
    let request = city.asking("operator", retract);
    city.buildings().retract_building(request).await.unwrap();
    let head = city.registry.frontier(city.partition).seq;
    let taken_back = (seq + 1..=head).find(|seq| {
        let bytes = city.registry.bytes(city.partition, *seq).unwrap();
        Entry::decode(&bytes).unwrap().0.subjects.len() == 3
    });
    let bytes = sees(&city, "west", &two, taken_back.unwrap()).await;
    let (entry, _) = Entry::decode(&bytes).unwrap();
    let subjects = vec![two.parse().unwrap()];
    assert_eq!(entry.body.unwrap().fact, Fact::Retracted { subjects });
    assert_eq!(entry.hidden.subjects.len(), 2);
}

#[tokio::test]
async fn a_history_shows_that_a_text_was_erased_and_by_whose_order() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let id = city.building(&compound.id, "1号楼").await.id;
    let change = v1::ChangeBuildingRequest {
        context: write_because("as the tenant of 301 said"),
        id: id.clone(),
        from: "2026-01-01".to_owned(),
        fields: Some(v1::BuildingFields { lift_count: Some(2), ..v1::BuildingFields::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["lift_count".to_owned()] }),
        ..v1::ChangeBuildingRequest::default()
    };
    let request = city.asking("operator", change);
    let receipt = city.buildings().change_building(request).await.unwrap().into_inner().receipt;
    let seq = *receipt.unwrap().entries.last().unwrap();
    let before = city.registry.checkpoint(city.partition, None).unwrap();

    let call = Call {
        partition: city.partition,
        author: Author::registry(),
        request: None,
        reason: "names a tenant".to_owned(),
        validate_only: false,
        overrides: vec![],
        seed: [3; 32],
    };
    let erase = Erase {
        entries: vec![seq],
        kinds: vec![2],
        order: "2026-yu-01-1".to_owned(),
        ordered_by: "court-12".to_owned(),
    };
    let by = city.registry.erase(call, erase).unwrap().entries[0];
    let mut history = v1::history_service_client::HistoryServiceClient::new(city.channel.clone());
    let asked = v1::GetHistoryRequest {
        subject_id: id,
        with_bytes: true,
        ..v1::GetHistoryRequest::default()
    };
    for subject in ["operator", "east"] {
        let request = city.asking(subject, asked.clone());
        let rows = history.get_history(request).await.unwrap().into_inner().entries;
        let [_, changed, erased] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((changed.reason.as_str(), changed.text_erased_by), ("", Some(by)));
        assert_eq!(changed.values[0].value.as_deref(), Some("2"));
        assert_eq!((erased.kind.as_str(), erased.reason.as_str()), ("erased", "names a tenant"));
        let told: Vec<_> =
            erased.values.iter().map(|one| (one.field.as_str(), one.value.as_deref())).collect();
        let text = seq.to_string();
        let expected = [
            ("erased_entry", Some(text.as_str())),
            ("order", Some("2026-yu-01-1")),
            ("ordered_by", Some("court-12")),
        ];
        assert_eq!(told, expected);
        assert_eq!(erased.position, Position { partition: city.partition, seq: by }.to_string());
        // What was proved before is still.
        let (_, leaf) = Entry::decode(&changed.entry).unwrap();
        let (then, bytes, path) =
            city.registry.inclusion(city.partition, seq, Some(before.size)).unwrap();
        assert_eq!((&then, &bytes), (&before, &changed.entry));
        merkle::verify_inclusion(leaf, seq - 1, then.size, &path, before.root).unwrap();
    }
}

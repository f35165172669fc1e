//! The feed: in order, without gaps, and no slower than its readers may be.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anju::{
    domain::merkle,
    kernel::{hash::Hash, position::Position},
    proto::v1::{self, watch_response::Event},
    registry::Entry,
    service::Settings,
};
use prost::Message as _;
use tonic_types::StatusExt as _;

use crate::harness::{City, told, write_because};

/// The next message; a feed that says nothing for long has lost something.
async fn next(stream: &mut tonic::Streaming<v1::WatchResponse>) -> Event {
    let message = tokio::time::timeout(Duration::from_secs(20), stream.message());
    message.await.unwrap().unwrap().unwrap().event.unwrap()
}

async fn entry(stream: &mut tonic::Streaming<v1::WatchResponse>) -> v1::WatchedEntry {
    loop {
        match next(stream).await {
            Event::Entry(entry) => return entry,
            Event::Idle(_) => {}
        }
    }
}

#[tokio::test]
async fn a_watcher_sees_every_entry_in_order_and_those_that_come() {
    let city = City::start().await;
    let first = Position { partition: city.partition, seq: 0 };
    let message = v1::WatchRequest { after: vec![first.to_string()] };
    let request = city.asking("operator", message);
    let mut stream = city.watches().watch(request).await.unwrap().into_inner();
    let known = city.registry.frontier(city.partition).seq;
    let compound = city.compound(&city.communities[0], "东院").await;
    let _ = city.building(&compound.id, "1号楼").await;
    let last = city.registry.frontier(city.partition).seq;
    assert!(last >= known + 2);
    for seq in 1..=last {
        let entry = entry(&mut stream).await;
        assert_eq!(entry.position, Position { seq, ..first }.to_string());
        let (_, leaf) = Entry::decode(&entry.entry).unwrap();
        assert_eq!(entry.leaf, leaf.0);
    }
    // Resumed in the middle, it goes on there.
    let message = v1::WatchRequest { after: vec![Position { seq: 2, ..first }.to_string()] };
    let request = city.asking("operator", message);
    let mut stream = city.watches().watch(request).await.unwrap().into_inner();
    assert_eq!(entry(&mut stream).await.position, Position { seq: 3, ..first }.to_string());
}

#[tokio::test]
async fn a_watcher_of_everything_learns_of_all_partitions_and_of_idleness() {
    let settings = Settings { watch_idle: Duration::from_millis(1), ..Settings::default() };
    let city = City::start_with(settings).await;
    let request = city.asking("auditor", v1::WatchRequest::default());
    let mut stream = city.watches().watch(request).await.unwrap().into_inner();
    let heads = city.registry.partitions();
    let mut expected: Vec<String> = heads
        .iter()
        .map(|(partition, frontier)| {
            Position { partition: *partition, seq: frontier.seq }.to_string()
        })
        .collect();
    expected.sort();
    loop {
        if let Event::Idle(idle) = next(&mut stream).await {
            let mut positions = idle.positions;
            positions.sort();
            assert_eq!(positions, expected);
            return;
        }
    }
}

#[tokio::test]
async fn a_position_that_is_not_reached_cannot_be_resumed_from() {
    let city = City::start().await;
    let message = v1::WatchRequest { after: vec!["0:999999".to_owned()] };
    let refusal = city.watches().watch(city.asking("operator", message)).await.unwrap_err();
    assert_eq!(told(&refusal), "FailedPrecondition BEYOND_SIZE\nBEYOND_SIZE after");
    let message = v1::WatchRequest { after: vec!["9:0".to_owned()] };
    let refusal = city.watches().watch(city.asking("operator", message)).await.unwrap_err();
    assert_eq!(told(&refusal), "NotFound NOT_FOUND\nNOT_FOUND after");
    let message =
        v1::WatchRequest { after: vec!["0:1".to_owned(), "0:2".to_owned(), "x".to_owned()] };
    let refusal = city.watches().watch(city.asking("operator", message)).await.unwrap_err();
    assert_eq!(
        told(&refusal),
        "InvalidArgument INVALID_REQUEST\nREPEATED after[1]\nMALFORMED after[2]"
    );
}

/// Compound, building and a corrected address in a community; words of theirs that are nobody else's,
/// and their ids.
async fn something_in(city: &City, community: &str, word: &str) -> (Vec<String>, Vec<String>) {
    let name = |of: &str| format!("{word}{of}");
    let compound = city.compound(community, &name("小区")).await;
    let there = city.building(&compound.id, &name("楼")).await;
    let correct = v1::CorrectBuildingRequest {
        context: write_because(&name("的房产证")),
        id: there.id.clone(),
        fields: Some(v1::BuildingFields {
            address: Some(name("路12号")),
            ..v1::BuildingFields::default()
        }),
        ..v1::CorrectBuildingRequest::default()
    };
    city.buildings().correct_building(city.asking("operator", correct)).await.unwrap();
    let words = ["小区", "楼", "的房产证", "路12号"].map(name);
    (words.to_vec(), vec![compound.id, there.id])
}

/// The feed of a partition up to its last entry, each message as it is on the wire too.
async fn feed(city: &City, subject: &str) -> Vec<(v1::WatchedEntry, Vec<u8>)> {
    let first = Position { partition: city.partition, seq: 0 };
    let message = v1::WatchRequest { after: vec![first.to_string()] };
    let mut stream =
        city.watches().watch(city.asking(subject, message)).await.unwrap().into_inner();
    let last = city.registry.frontier(city.partition).seq;
    let mut entries = Vec::new();
    for seq in 1..=last {
        let watched = entry(&mut stream).await;
        assert_eq!(watched.position, Position { seq, ..first }.to_string(), "{subject}");
        let bytes = watched.encode_to_vec();
        entries.push((watched, bytes));
    }
    entries
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn what_is_out_of_reach_is_a_number_and_a_leaf_that_the_checkpoint_binds() {
    let city = City::start().await;
    let (east_words, east) = something_in(&city, &city.communities[0], "东").await;
    let (west_words, west) = something_in(&city, &city.communities[1], "西").await;
    let whole = feed(&city, "operator").await;
    assert_eq!(whole.len(), feed(&city, "auditor").await.len());
    for (subject, street, own, own_words, other_words) in
        [("east", 0, &east, &east_words, &west_words), ("west", 1, &west, &west_words, &east_words)]
    {
        let regions = [&city.streets[street], &city.communities[street]];
        let own: BTreeSet<_> = own.iter().chain(regions).map(String::as_str).collect();
        let mut withheld = Vec::new();
        for ((seen, bytes), (full, _)) in feed(&city, subject).await.into_iter().zip(&whole) {
            let (read, leaf) = Entry::decode(&full.entry).unwrap();
            let is_own = read.subjects.iter().any(|link| {
                let id = link.subject.to_string();
                own.contains(id.as_str())
            });
            assert_eq!((&seen.leaf, seen.leaf.as_slice()), (&full.leaf, &leaf.0[..]));
            if is_own {
                assert_eq!(seen.entry, full.entry, "{subject} {}", seen.position);
                continue;
            }
            assert_eq!(seen.entry, [0; 0], "{subject} {}", seen.position);
            // A number of a few digits, 32 bytes, and what goes before each: there is no room.
            assert!(bytes.len() <= 2 + seen.position.len() + 2 + 32, "{}", bytes.len());
            for word in other_words {
                assert!(!holds(&bytes, word.as_bytes()), "{subject} {word}");
            }
            withheld.push((read.seq, leaf));
        }
        // A compound, a building and its correction of the other side's at least, and not all.
        assert!((3..whole.len()).contains(&withheld.len()), "{}", withheld.len());
        for word in own_words {
            assert!(whole.iter().any(|(_, bytes)| holds(bytes, word.as_bytes())), "{word}");
        }
        are_bound(&city, subject, &withheld, other_words).await;
    }
}

/// Each leaf is in the tree that the checkpoint names; what goes with the proof says nothing of the
/// body either.
async fn are_bound(city: &City, subject: &str, leaves: &[(u64, Hash)], words: &[String]) {
    let mut history = v1::history_service_client::HistoryServiceClient::new(city.channel.clone());
    let partition = city.partition.number();
    let ask = v1::GetCheckpointRequest { partition, ..v1::GetCheckpointRequest::default() };
    let request = city.asking(subject, ask);
    let checkpoint =
        history.get_checkpoint(request).await.unwrap().into_inner().checkpoint.unwrap();
    let root = Hash::from_slice(&checkpoint.root).unwrap();
    for (seq, leaf) in leaves {
        let ask = v1::GetInclusionProofRequest {
            partition,
            seq: *seq,
            size: Some(checkpoint.size),
            ..Default::default()
        };
        let request = city.asking(subject, ask);
        let proved = history.get_inclusion_proof(request).await.unwrap().into_inner();
        let proof: Vec<Hash> =
            proved.proof.iter().map(|hash| Hash::from_slice(hash).unwrap()).collect();
        merkle::verify_inclusion(*leaf, seq - 1, checkpoint.size, &proof, root).unwrap();
        let other = Hash::of(&[&leaf.0]);
        merkle::verify_inclusion(other, seq - 1, checkpoint.size, &proof, root).unwrap_err();
        for word in words {
            assert!(!holds(&proved.entry, word.as_bytes()), "{subject} {seq} {word}");
        }
    }
}

#[tokio::test]
async fn who_may_not_take_rows_away_may_not_watch() {
    let city = City::start().await;
    let request = city.asking("public", v1::WatchRequest::default());
    let refusal = city.watches().watch(request).await.unwrap_err();
    assert_eq!(told(&refusal), "PermissionDenied ROLE_NOT_PERMITTED");
}

/// The service itself, since a connection has buffers of its own.
#[tokio::test]
async fn a_reader_that_takes_nothing_is_dropped_and_told_from_where_to_resume() {
    use anju::{
        auth::{
            actor::{Actor, Reach, Regions},
            role::Role,
        },
        proto::v1::watch_service_server::WatchService as _,
        service::{Api, guard::Caller},
    };
    use tokio_stream::StreamExt as _;

    let city = City::start().await;
    let settings = Settings {
        watch_buffer_entries: 3,
        watch_patience: Duration::from_millis(1),
        ..Settings::default()
    };
    let (_stop, stopping) = tokio::sync::watch::channel(false);
    let api = Api::new(Arc::clone(&city.registry), settings, city.metrics.clone(), stopping);
    let mut request = tonic::Request::new(v1::WatchRequest { after: vec!["1:0".to_owned()] });
    let reach = Reach { regions: Regions::All, institutions: BTreeSet::default() };
    let actor = Actor {
        subject: "slow".to_owned(),
        person: None,
        role: Role::Operator,
        institution: None,
        reach,
    };
    let rpc = "anju.v1.WatchService/Watch";
    request.extensions_mut().insert(Caller { actor: Arc::new(actor), rpc });
    let stream = api.watch(request).await.unwrap().into_inner();
    // It is dropped without having taken anything: its watcher is gone when nobody sends any more.
    while !stream.is_over() {
        tokio::task::yield_now().await;
    }
    let items: Vec<_> = stream.collect().await;
    assert_eq!(items.len(), 4);
    let refusal = items[3].as_ref().unwrap_err();
    assert_eq!(told(refusal), "ResourceExhausted SLOW_READER");
    let metadata = refusal.get_details_error_info().unwrap().metadata;
    assert_eq!(metadata.get("after").map(String::as_str), Some("1:3"));
}

//! The feed: in order, without gaps, and no slower than its readers may be.

use std::{sync::Arc, time::Duration};

use anju::{
    kernel::position::Position,
    proto::v1::{self, watch_response::Event},
    registry::Entry,
    service::Settings,
};
use tonic_types::StatusExt as _;

use crate::harness::{City, told};

async fn entry(stream: &mut tonic::Streaming<v1::WatchResponse>) -> v1::WatchedEntry {
    loop {
        match stream.message().await.unwrap().unwrap().event.unwrap() {
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
        if let Event::Idle(idle) = stream.message().await.unwrap().unwrap().event.unwrap() {
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
    assert_eq!(told(&refusal), "Unavailable NOT_REACHED");
    let message =
        v1::WatchRequest { after: vec!["0:1".to_owned(), "0:2".to_owned(), "x".to_owned()] };
    let refusal = city.watches().watch(city.asking("operator", message)).await.unwrap_err();
    assert_eq!(
        told(&refusal),
        "InvalidArgument INVALID_REQUEST\nREPEATED after[1]\nMALFORMED after[2]"
    );
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
    let reach = Reach { regions: Regions::All, institutions: Default::default() };
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

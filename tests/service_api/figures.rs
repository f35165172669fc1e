//! The page of metrics while the registry works.

use std::{sync::mpsc, time::Duration};

use anju::{proto::v1, telemetry};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::harness::{City, building};

/// How long the page may take to say what it is to say.
const PATIENCE: Duration = Duration::from_secs(20);

/// The value of a figure without labels, from the page as a scraper gets it.
async fn figure(address: std::net::SocketAddr, name: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let ask = b"GET /metrics HTTP/1.1\r\nhost: anju\r\nconnection: close\r\n\r\n";
    stream.write_all(ask).await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    let found = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    assert!(found.is_some(), "there is no {name} in\n{page}");
    found.unwrap().to_owned()
}

/// Reads the page until a figure has a value.
async fn until(address: std::net::SocketAddr, name: &str, value: &str) {
    let mut last = String::new();
    let reached = async {
        while last != value {
            last = figure(address, name).await;
        }
    };
    let reached = tokio::time::timeout(PATIENCE, reached).await;
    assert!(reached.is_ok(), "{name} is {last}, not {value}");
}

#[tokio::test]
async fn the_page_tells_how_many_commands_wait_while_the_writer_is_held_up() {
    let city = City::start().await;
    let compound = city.compound(&city.communities[0], "东院").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let never = std::future::pending::<()>();
    let page = tokio::spawn(telemetry::serve_metrics(listener, city.metrics.clone(), never));
    assert_eq!(figure(address, "anju_queue_depth").await, "0");

    // The writer calls this after its next commit, and goes on when the other end is gone.
    let (held, is_held) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    city.registry.on_commit(move || {
        let _ = held.send(());
        let _ = released.recv();
        false
    });
    let write = |name: &str| {
        let message: v1::CreateBuildingRequest = building(&compound.id, name);
        let (mut client, request) = (city.buildings(), city.asking("operator", message));
        tokio::spawn(async move { client.create_building(request).await })
    };
    let first = write("1号楼");
    tokio::task::spawn_blocking(move || is_held.recv_timeout(PATIENCE)).await.unwrap().unwrap();
    let waiting = ["2号楼", "3号楼", "4号楼"].map(write);
    until(address, "anju_queue_depth", "3").await;
    assert!(!first.is_finished() && waiting.iter().all(|write| !write.is_finished()));
    drop(release);
    first.await.unwrap().unwrap();
    for write in waiting {
        write.await.unwrap().unwrap();
    }
    assert_eq!(figure(address, "anju_queue_depth").await, "0");
    page.abort();
}

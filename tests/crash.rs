//! A server that is killed while sixteen clients write to it: after every start all that was
//! answered is there, nothing is half there, and what was not answered can be asked again.
//!
//! `ANJU_TEST_CRASH_ROUNDS` says how many times it is killed; 20 when it does not.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]
#![expect(clippy::print_stdout, reason = "how much was tried is told with --nocapture")]
#![expect(dead_code, reason = "not all that tests share is used by each")]

mod support;

use std::time::{Duration, Instant};

use anju::{
    client::Connection,
    domain::merkle,
    kernel::hash::Hash,
    proto::v1::{Checkpoint, GetConsistencyProofRequest},
};
use support::{
    city::City,
    load::{Ledger, Written, check, checkpoint, clients},
    server::{Home, Server},
};
use tonic_types::StatusExt as _;

const CLIENTS: usize = 16;
const ROUNDS: u64 = 20;
/// The server is killed after clients have written for so long, by chance.
const WRITING_MS: std::ops::Range<u64> = 20..400;
/// A start that is cut short too is killed after so long, by chance.
const STARTING_MS: std::ops::Range<u64> = 1..200;

/// Asks for checkpoints until the server is gone; the last one.
async fn follow_root(connection: Connection, partition: u32) -> Option<Checkpoint> {
    let mut last = None;
    while let Ok(checkpoint) = checkpoint(&connection, partition).await {
        last = Some(checkpoint);
    }
    last
}

/// The tree now begins with the tree of then.
async fn assert_grew_from(connection: &Connection, old: &Checkpoint) {
    let request = GetConsistencyProofRequest {
        partition: old.partition,
        old_size: old.size,
        ..Default::default()
    };
    let proof = connection.histories().get_consistency_proof(request).await.unwrap().into_inner();
    let new = proof.new.unwrap();
    assert!(new.size >= old.size);
    let hashes: Vec<_> = proof.proof.iter().map(|bytes| hash(bytes)).collect();
    merkle::verify_consistency(old.size, hash(&old.root), new.size, hash(&new.root), &hashes)
        .unwrap();
}

fn hash(bytes: &[u8]) -> Hash {
    Hash(bytes.try_into().unwrap())
}

/// Lets all clients write and kills the server; what they were told, and the last root seen.
async fn write_and_kill(
    home: &Home,
    server: Server,
    city: &City,
    round: u64,
) -> (Vec<Written>, Option<Checkpoint>) {
    let connections = (0..CLIENTS).map(|_| server.connect(home));
    let writing = clients(&city.compound, &round.to_string(), connections);
    let root = tokio::spawn(follow_root(server.connect(home), city.partition));
    tokio::time::sleep(Duration::from_millis(by_chance(WRITING_MS))).await;
    server.kill();
    (writing.join_all().await, root.await.unwrap())
}

/// Starts the server, and kills it before, while or after it is ready.
async fn start_and_kill(home: &Home) {
    let mut command = home.command(&[], &[]);
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    tokio::time::sleep(Duration::from_millis(by_chance(STARTING_MS))).await;
    child.kill().unwrap();
    child.wait().unwrap();
}

fn by_chance(range: std::ops::Range<u64>) -> u64 {
    let random = u64::try_from(uuid::Uuid::new_v4().as_u128() >> 64).unwrap();
    range.start + random % (range.end - range.start)
}

fn rounds() -> u64 {
    match std::env::var("ANJU_TEST_CRASH_ROUNDS") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => ROUNDS,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_there_after_a_kill_and_nothing_is_half_there() {
    let began = Instant::now();
    let home = Home::new();
    let mut server = home.serve();
    let city = City::found(&server.connect(&home)).await;
    let mut ledger = Ledger::default();
    let mut size = checkpoint(&server.connect(&home), city.partition).await.unwrap().size;
    let mut roots = Vec::new();
    let mut torn_count = 0;
    for round in 0..rounds() {
        let (written, root) = write_and_kill(&home, server, &city, round).await;
        roots.extend(root);
        let (unanswered, refused) = ledger.take(written);
        for status in refused {
            // Who is killed gives no reason; a refusal has one.
            assert!(status.get_details_error_info().is_none(), "{status:?}");
        }
        if round % 4 == 3 {
            start_and_kill(&home).await;
        }
        server = home.serve();
        torn_count += usize::from(server.log().contains("cut what nobody was told"));
        let connection = server.connect(&home);
        size = check(&connection, &city, &mut ledger, unanswered, size).await;
        for root in &roots {
            assert_grew_from(&connection, root).await;
        }
    }
    println!(
        "{} kills, {} commands answered, {} buildings, {size} entries, {torn_count} torn tails, \
         {:.1} s",
        rounds(),
        ledger.answered,
        ledger.buildings.len(),
        began.elapsed().as_secs_f32()
    );
    let (status, ..) = server.terminate();
    assert!(status.success());
}

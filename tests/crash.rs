//! A server that is killed while sixteen clients write to it: after every start all that was
//! answered is there, nothing is half there, and what was not answered can be asked again. And a
//! command that erases texts, killed at every moment of its run.
//!
//! `ANJU_TEST_CRASH_ROUNDS` says how many times it is killed; 20 when it does not.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends at the first surprise"
)]
#![expect(clippy::print_stdout, reason = "how much was tried is told with --nocapture")]
#![expect(dead_code, reason = "not all that tests share is used by each")]

mod support;

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anju::{
    client::Connection,
    domain::merkle,
    kernel::{hash::Hash, position::Seq},
    proto::v1::{
        ChangeCompoundRequest, Checkpoint, CompoundFields, GetConsistencyProofRequest,
        GetInclusionProofRequest, WriteContext,
    },
    registry::{Entry, Fact, Gone},
    store::embedded::for_each_entry,
};
use support::{
    city::{City, context},
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

/// Says something of the compound for a reason of its own; the number of the entry.
async fn said(connection: &Connection, city: &City, round: u64) -> Seq {
    let request = ChangeCompoundRequest {
        context: Some(WriteContext { reason: words(round), ..context() }),
        id: city.compound.clone(),
        from: "2020-01-01".to_owned(),
        fields: Some(CompoundFields {
            name: Some(format!("向阳小区{round}")),
            ..CompoundFields::default()
        }),
        ..ChangeCompoundRequest::default()
    };
    let answer = connection.compounds().change_compound(request).await.unwrap().into_inner();
    answer.receipt.unwrap().entries[0]
}

/// What a court wants to be gone, so long that it lies in several sectors.
fn words(round: u64) -> String {
    format!("租户第{round}号长期拖欠房租，").repeat(40)
}

fn holds(path: &Path, words: &[u8]) -> bool {
    if path.is_dir() {
        return fs::read_dir(path).unwrap().any(|entry| holds(&entry.unwrap().path(), words));
    }
    fs::read(path).unwrap().windows(words.len()).any(|window| window == words)
}

/// The entries of which others say that their texts were erased.
fn said_to_be_erased(data: &Path) -> BTreeSet<Seq> {
    let mut erased = BTreeSet::new();
    let mut look = |_, _, bytes: &[u8]| {
        let (entry, _) = Entry::decode(bytes).unwrap();
        if let Some(Fact::Erased { seq, .. }) = entry.body.map(|body| body.fact) {
            erased.insert(seq);
        }
        Ok(())
    };
    for_each_entry(data, &mut look, &mut |_, _| {}).unwrap();
    erased
}

/// Begins to erase a text and kills the command after a while; without one it ends by itself.
async fn erase_and_kill(home: &Home, entry: &str, after: Option<Duration>) {
    let order = ["--order", "1", "--ordered-by", "court-12", "--reason", "names a tenant"];
    let mut command = home.offline(&[&["erase", entry][..], &order].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    if let Some(after) = after {
        tokio::time::sleep(after).await;
        child.kill().unwrap();
        child.wait().unwrap();
    } else {
        assert!(child.wait().unwrap().success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_is_erased_or_as_it_was_whenever_the_command_is_killed() {
    let home = Home::new();
    let server = home.serve();
    let connection = server.connect(&home);
    let city = City::found(&connection).await;
    let rounds = rounds();
    let mut seqs = Vec::new();
    for round in 0..=rounds {
        seqs.push(said(&connection, &city, round).await);
    }
    let kept = checkpoint(&connection, city.partition).await.unwrap();
    assert!(server.terminate().0.success());

    let began = Instant::now();
    erase_and_kill(&home, &format!("{}:{}", city.partition, seqs[0]), None).await;
    let took = began.elapsed();
    for (round, seq) in (0..=rounds).zip(&seqs).skip(1) {
        // From the first moment to one at which it may have ended by itself.
        let after =
            took.mul_f64(1.1) * u32::try_from(round - 1).unwrap() / u32::try_from(rounds).unwrap();
        erase_and_kill(&home, &format!("{}:{seq}", city.partition), Some(after)).await;
        // What is said and not done is done by whoever opens the directory next, however often
        // that is cut short.
        if round % 2 == 0 {
            let mut next = home.offline(&["verify"]);
            let mut next = next.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            tokio::time::sleep(after / 3).await;
            next.kill().unwrap();
            next.wait().unwrap();
        }
        let verified = home.offline(&["verify"]).output().unwrap();
        assert!(verified.status.success(), "{verified:?}");
        let is_said = said_to_be_erased(&home.data()).contains(seq);
        assert_eq!(
            holds(&home.data(), words(round).as_bytes()),
            !is_said,
            "killed after {after:?}"
        );
    }

    let erased = said_to_be_erased(&home.data());
    println!("{} of {} texts were erased, {took:?} each", erased.len(), seqs.len());
    assert!(erased.len() >= 2 && erased.len() < seqs.len(), "{erased:?}");
    let server = home.serve();
    let connection = server.connect(&home);
    assert_grew_from(&connection, &kept).await;
    assert_proved(&connection, &kept, &seqs, &erased).await;
}

/// Every entry is proved by the tree of then, with its text or without.
async fn assert_proved(
    connection: &Connection,
    kept: &Checkpoint,
    seqs: &[Seq],
    erased: &BTreeSet<Seq>,
) {
    for seq in seqs.iter().copied() {
        let request = GetInclusionProofRequest {
            partition: kept.partition,
            seq,
            size: Some(kept.size),
            ..GetInclusionProofRequest::default()
        };
        let proof = connection.histories().get_inclusion_proof(request).await.unwrap().into_inner();
        let (entry, leaf) = Entry::decode(&proof.entry).unwrap();
        let gone = erased.contains(&seq).then_some(Gone::Blanked);
        assert_eq!((entry.text.is_none(), entry.hidden.text), (gone.is_some(), gone), "{seq}");
        let path: Vec<_> = proof.proof.iter().map(|bytes| hash(bytes)).collect();
        merkle::verify_inclusion(leaf, seq - 1, kept.size, &path, hash(&kept.root)).unwrap();
    }
}

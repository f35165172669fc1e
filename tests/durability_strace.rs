//! No answer before it is durable, as the operating system saw it: between the write of a command
//! into the journal and the first byte of its answer lies a completed `fdatasync` of that file.
//!
//! The system calls are those that `strace` noted. A command is known by the name of its building,
//! which stands in the entry and in the answer.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends at the first surprise"
)]
#![expect(dead_code, reason = "not all that tests share is used by each")]

mod support;

use std::{collections::BTreeMap, ffi::OsString, fs, path::Path};

use anju::proto::v1::building_service_client::BuildingServiceClient;
use support::{
    city::{City, building},
    need::{runs, skipped},
    server::{Home, Server},
};
use tokio::task::JoinSet;

/// One after another, each alone in its group.
const ALONE: usize = 30;
/// Clients that write at the same time, and share groups.
const CLIENTS: usize = 8;
const EACH: usize = 10;
const CALLS: &str = "trace=fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg";

/// A system call; times are line numbers of the trace.
struct SystemCall {
    name: String,
    /// What the file is called, for a socket its number.
    file: String,
    /// The bytes that it was given.
    bytes: Vec<u8>,
    began: usize,
    /// When it ended, and what it came to.
    ended: Option<(usize, String)>,
}

/// Reads a trace of `strace -f -y -xx`: a line a call, or two when others came between.
fn parse(trace: &str) -> Vec<SystemCall> {
    let mut calls: Vec<SystemCall> = Vec::new();
    let mut under_way: BTreeMap<&str, usize> = BTreeMap::new();
    for (line_number, line) in trace.lines().enumerate() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let rest = rest.trim_start();
        let ended = |text: &str| {
            let (_, result) = text.rsplit_once(" = ").unwrap();
            Some((line_number, result.to_owned()))
        };
        if rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if rest.starts_with("<... ") {
            let call = &mut calls[under_way.remove(thread).unwrap()];
            call.ended = ended(rest);
            continue;
        }
        let (name, arguments) = rest.split_once('(').unwrap();
        let (_, file) = arguments.split_once('<').unwrap();
        let (file, given) = file.split_once('>').unwrap();
        let is_whole = !rest.ends_with("<unfinished ...>");
        if !is_whole {
            under_way.insert(thread, calls.len());
        }
        calls.push(SystemCall {
            name: name.to_owned(),
            file: String::from_utf8(plain(file)).unwrap(),
            bytes: given.split('"').skip(1).step_by(2).flat_map(plain).collect(),
            began: line_number,
            ended: if is_whole { ended(rest) } else { None },
        });
    }
    calls
}

/// Bytes written as `\x2f\x68`; what is not so written stays.
fn plain(text: &str) -> Vec<u8> {
    if !text.starts_with("\\x") {
        return text.as_bytes().to_vec();
    }
    text.split("\\x").skip(1).map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

impl SystemCall {
    fn says(&self, name: &str) -> bool {
        self.bytes.windows(name.len()).any(|window| window == name.as_bytes())
    }

    fn is_to_a_client(&self) -> bool {
        self.file.starts_with("socket:") || self.file.starts_with("TCP")
    }

    fn is_of_journal(&self) -> bool {
        self.file.contains("/journal/")
    }
}

/// Holds the order of system calls around the command that named a building so.
fn assert_durable_before_answered(calls: &[SystemCall], name: &str) {
    let written: Vec<_> =
        calls.iter().filter(|call| call.is_of_journal() && call.says(name)).collect();
    let [written] = written[..] else {
        panic!("{name} was written into the journal {} times", written.len());
    };
    assert_eq!(written.name, "pwrite64");
    let (written_at, _) = written.ended.as_ref().unwrap();
    let answered = calls.iter().find(|call| call.is_to_a_client() && call.says(name));
    let answered = answered.unwrap_or_else(|| panic!("no answer says {name}"));
    let synced = calls.iter().any(|call| {
        let is_sync = call.name == "fdatasync" || call.name == "fsync";
        let is_between = |(ended, result): &(usize, String)| {
            call.began > *written_at && *ended < answered.began && result == "0"
        };
        is_sync && call.file == written.file && call.ended.as_ref().is_some_and(is_between)
    });
    assert!(
        synced,
        "{name}: written at line {}, answered at line {}, and no sync of {} between",
        written.began, answered.began, written.file
    );
}

/// Writes buildings over plain connections, whose answers are not packed; their names.
async fn write(home: &Home, server: &Server, city: &City) -> Vec<String> {
    let client = |server: &Server| BuildingServiceClient::new(server.connect(home).service());
    let name_of = |label: &str, number: usize| format!("durable-{label}-{number:04}");
    let mut names = Vec::new();
    let mut alone = client(server);
    for number in 0..ALONE {
        let name = name_of("alone", number);
        alone.create_building(building(&city.compound, &name, 10_000_000)).await.unwrap();
        names.push(name);
    }
    let mut together = JoinSet::new();
    for label in 0..CLIENTS {
        let (mut client, compound) = (client(server), city.compound.clone());
        let own: Vec<_> = (0..EACH).map(|number| name_of(&label.to_string(), number)).collect();
        names.extend(own.clone());
        together.spawn(async move {
            for name in own {
                client.create_building(building(&compound, &name, 10_000_000)).await.unwrap();
            }
        });
    }
    together.join_all().await;
    names
}

fn strace(arguments: &[&str], trace: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["strace".into()];
    // Detached, so that the process that we start is the server itself.
    words.extend(["-D", "-f", "-y", "-xx", "-s", "65536"].map(OsString::from));
    words.extend(arguments.iter().map(OsString::from));
    words.extend(["-o".into(), trace.as_os_str().to_owned()]);
    words
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_comes_after_an_fdatasync_of_what_it_answers() {
    if !runs(Path::new("strace"), &["-f", "-o", "/dev/null", "true"]) {
        return skipped("strace");
    }
    let home = Home::new();
    let path = home.path().join("trace");
    let command = home.command(&strace(&["-e", CALLS], &path), &[]);
    let server = Server::start(command).unwrap_or_else(|log| panic!("no start:\n{log}"));
    let city = City::found(&server.connect(&home)).await;
    let names = write(&home, &server, &city).await;
    // The log ends when strace, which holds it too, has written all.
    let (status, ..) = server.terminate();
    assert!(status.success(), "{status}");

    let calls = parse(&fs::read_to_string(&path).unwrap());
    assert_eq!(names.len(), ALONE + CLIENTS * EACH);
    for name in &names {
        assert_durable_before_answered(&calls, name);
    }
}

#[test]
fn a_trace_without_the_sync_is_told_from_one_with_it() {
    let written = "7  pwrite64(11</d/journal/1.seg>, \"\\x6e\\x31\"..., 2, 64) = 2\n";
    let synced = "7  fdatasync(11</d/journal/1.seg> <unfinished ...>\n";
    let resumed = "7  <... fdatasync resumed>) = 0\n";
    let other = "8  writev(9<socket:[5]>, [{iov_base=\"\\x00\", iov_len=1}], 1) = 1\n";
    let answered = "8  writev(9<socket:[5]>, [{iov_base=\"\\x00\\x6e\\x31\", iov_len=3}], 1) = 3\n";
    let holds = |lines: &[&str]| {
        let calls = parse(&lines.concat());
        std::panic::catch_unwind(|| assert_durable_before_answered(&calls, "n1")).is_ok()
    };
    assert!(holds(&[written, synced, other, resumed, answered]));
    for wrong in [
        &[written, answered, synced, resumed][..],
        &[written, synced, answered, resumed],
        &[synced, written, resumed, answered],
        &[written, synced, "7  <... fdatasync resumed>) = -1 EIO (E)\n", answered],
        &[written, answered],
    ] {
        assert!(!holds(wrong), "{wrong:?}");
    }
}

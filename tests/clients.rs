//! Clients that we did not write: Python's grpcio, which learns everything by reflection, and `buf`.
//! What the README tells people to type is typed as it stands there.
//!
//! `.ci/run` puts both under `target/`; where they are not, the tests say so and pass.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]
#![expect(dead_code, reason = "not all that tests share is used by each")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use support::{
    city::{City, building},
    need::{runs, skipped},
    server::{Home, Server},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// The address that the README shows.
const SHOWN: &str = "127.0.0.1:50051";

/// A Python that has grpcio and can reflect.
fn python() -> Option<PathBuf> {
    let own = Path::new(ROOT).join("target/test-venv/bin/python");
    let needs = ["-c", "import grpc, grpc_reflection.v1alpha, google.protobuf"];
    [own, PathBuf::from("python3")].into_iter().find(|python| runs(python, &needs))
}

fn buf() -> Option<PathBuf> {
    let own = Path::new(ROOT).join("target/test-node/node_modules/.bin/buf");
    [own, PathBuf::from("buf")].into_iter().find(|buf| runs(buf, &["--version"]))
}

/// Runs a command that must be fine; its output.
fn fine(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{command:?}\n{out}\n{err}");
    out
}

/// The README's fenced blocks of a language that say `word`, with the address of a server.
fn shown(language: &str, word: &str, server: &Server) -> String {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let fence = format!("```{language}\n");
    let blocks = readme.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap());
    let found: Vec<_> = blocks.filter(|block| block.contains(word)).collect();
    let [block] = found[..] else { panic!("{} blocks with {word}", found.len()) };
    assert!(block.contains(SHOWN), "{block}");
    block.replace(SHOWN, server.url().strip_prefix("http://").unwrap())
}

/// A server with a building, and the operator's token where `demo` leaves it; the building's id.
async fn serve(home: &Home) -> (Server, String) {
    let server = home.serve();
    let connection = server.connect(home);
    let city = City::found(&connection).await;
    let request = building(&city.compound, "1号楼", 10_000_000);
    let answer = connection.buildings().create_building(request).await.unwrap().into_inner();
    let directory = home.path().join("anju-data");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("client.token"), format!("{}\n", home.secret())).unwrap();
    (server, answer.building.unwrap().id)
}

#[test]
fn python_drives_the_registry_by_reflection_alone() {
    let Some(python) = python() else {
        return skipped("python3 with grpcio and grpcio-reflection");
    };
    let home = Home::new();
    let server = home.serve();
    let mut command = Command::new(python);
    command.arg(Path::new(ROOT).join("tests/clients/by_reflection.py"));
    command.arg(server.url().strip_prefix("http://").unwrap()).arg(home.secret());
    assert_eq!(fine(&mut command), "all is well\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_of_the_readme_works() {
    let Some(python) = python() else {
        return skipped("python3 with grpcio and grpcio-reflection");
    };
    let home = Home::new();
    let (server, _) = serve(&home).await;
    let script = shown("python", "reflection", &server);
    let out = fine(Command::new(python).args(["-c", &script]).current_dir(home.path()));
    assert!(out.contains("CODE_ANSWER_ONE") && out.contains("410102"), "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_buf_curl_lines_of_the_readme_work() {
    let Some(buf) = buf() else { return skipped("buf") };
    let home = Home::new();
    let (server, id) = serve(&home).await;
    // The block shows grpcurl too, which not everybody has: the lines of buf and the token.
    let block = shown("sh", "buf curl", &server).replace("\\\n", " ");
    let wanted = |line: &&str| line.starts_with("TOKEN=") || line.starts_with("buf curl");
    let lines: Vec<_> = block.lines().filter(wanted).collect();
    assert!(lines.len() >= 2, "{block}");
    let script = lines.join("\n").replace("bld_…", &id);
    let mut path = buf.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &script]).current_dir(home.path()).env("PATH", path);
    let out = fine(shell.env("HOME", home.path()));
    assert!(out.contains(&id) && out.contains("1号楼"), "{out}");
}

#[test]
fn buf_has_nothing_to_say_about_our_protobuf() {
    let Some(buf) = buf() else { return skipped("buf") };
    let home = tempfile::tempdir().unwrap();
    let mut lint = Command::new(buf);
    lint.args(["lint", "proto"]).current_dir(ROOT).env("HOME", home.path());
    assert_eq!(fine(&mut lint), "");
}

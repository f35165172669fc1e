//! The comparison with PostgreSQL, small and against a real one that lives as long as the test: what
//! is measured side by side has to be the same work. PostgreSQL does again what Anju was seen to do,
//! and then both hold the same totals, buildings, reports, findings and due days.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]
#![expect(dead_code, reason = "not all that tests share is used by each")]

mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use support::{
    need::{runs, skipped},
    server::without_settings,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What is compared: name, and whether both sides have a figure for it.
const COMPARED: [(&str, bool); 8] = [
    ("load/s", true),
    ("create 2/s", true),
    ("create 2 without totals", false),
    ("change 2/s", true),
    ("change 2 without totals", false),
    ("inspection 2/s", true),
    ("inspection 2 without totals", false),
    ("city (ns)", true),
];

/// Where the programs of a PostgreSQL are, its server's among them; Debian keeps those off the path.
fn binaries() -> Option<PathBuf> {
    let has_all = |directory: &Path| {
        let programs = ["initdb", "postgres", "psql", "pgbench", "pg_isready"];
        programs.iter().all(|program| runs(&directory.join(program), &["--version"]))
    };
    let configured = Command::new("pg_config").arg("--bindir").output().ok();
    let configured = configured.and_then(|output| String::from_utf8(output.stdout).ok());
    let configured = configured.map(|path| PathBuf::from(path.trim()));
    let debian = Path::new("/usr/lib/postgresql").read_dir().into_iter().flatten().flatten();
    let debian = debian.map(|version| version.path().join("bin"));
    configured.into_iter().chain(debian).find(|directory| has_all(directory))
}

/// Runs the comparison in a directory; `None` where something for it is missing.
fn compare(directory: &Path, more: &[&str]) -> Option<Output> {
    let Some(binaries) = binaries().filter(|_| runs(Path::new("python3"), &["--version"])) else {
        skipped("python3 and PostgreSQL");
        return None;
    };
    let mut command = Command::new("python3");
    command.arg(Path::new(ROOT).join("benches/postgres/compare"));
    command.arg("--anju").arg(env!("CARGO_BIN_EXE_anju"));
    command.arg("--binaries").arg(binaries).arg("--directory").arg(directory);
    let small = ["--buildings", "200", "--clients", "2", "--seconds", "1", "--rounds", "1"];
    command.args(small).args(["--anju-seconds", "1"]);
    without_settings(&mut command);
    Some(command.args(more).output().unwrap())
}

/// The number before a word, as in `12 × create`.
fn counted(text: &str, word: &str) -> u64 {
    let found = text.find(word).unwrap_or_else(|| panic!("no {word:?} in\n{text}"));
    let (before, _) = text.split_at(found);
    before.split_whitespace().next_back().unwrap().parse().unwrap()
}

#[test]
fn both_do_the_same_work_and_hold_the_same_after_it() {
    let directory = tempfile::tempdir().unwrap();
    // Run by root, PostgreSQL's server becomes a user who has to get in.
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let Some(output) = compare(directory.path(), &["--check"]) else { return };
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{out}\n{err}");

    for (name, is_of_both) in COMPARED {
        let line = out
            .lines()
            .find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        let line = line.unwrap_or_else(|| panic!("no figure of {name}:\n{out}\n{err}"));
        let figures = line[name.len()..].split_whitespace();
        let figures: Vec<_> =
            figures.map_while(|word| word.trim_end_matches('×').parse::<f64>().ok()).collect();
        assert_eq!(figures.len(), if is_of_both { 3 } else { 1 }, "{line}");
        assert!(figures.iter().take(2).all(|figure| *figure > 0.0), "{line}");
    }
    for work in ["× create", "× change", "× inspection"] {
        assert!(counted(&out, work) > 0, "{out}");
    }
    assert_eq!(counted(&out, "buildings, of which"), 200, "{out}");
    assert!(counted(&out, "totals and") > 300, "{out}");
    assert_eq!(counted(&out, "differ"), 0, "{out}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "something is left behind");
}

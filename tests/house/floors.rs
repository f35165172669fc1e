//! Which floor uses which: every `crate::` path under `src`, against the floors of the house.
//!
//! A file may use its own floor's room and what lies below. Rooms of one floor that must not know
//! each other are named in `STRANGERS`.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Rooms and their floors.
const FLOORS: &[(&str, u8)] = &[
    ("kernel", 0),
    ("proto", 0),
    ("domain", 1),
    ("store", 1),
    ("registry", 2),
    ("auth", 3),
    ("exchange", 4),
    ("service", 4),
    ("web", 4),
    ("upward", 4),
    ("client", 4),
    ("config", 5),
    ("listener", 5),
    ("server", 5),
    ("telemetry", 5),
    ("cli", 6),
    ("main", 7),
    ("lib", 7),
];

/// Rooms of one floor that do not know each other.
const STRANGERS: &[(&str, &str)] = &[
    ("domain", "store"),
    ("store", "domain"),
    ("kernel", "proto"),
    ("proto", "kernel"),
    ("client", "service"),
    ("service", "client"),
    ("exchange", "service"),
    ("service", "exchange"),
    ("client", "exchange"),
    ("exchange", "client"),
];

/// Arrows that run up, each with its reason.
const EXCEPTIONS: &[(&str, &str, &str)] =
    &[("service", "telemetry", "a watcher is counted for as long as it watches")];

/// Generated messages, and the rooms that may use them.
const MESSAGES: &[(&str, &[&str])] = &[
    ("proto::fact", &["registry"]),
    // Files hold the rows of the API: what is imported is what is sent.
    // The server names its calls by their descriptors, for reflection and for the permissions.
    ("proto::v1", &["service", "client", "exchange", "cli", "server"]),
];

/// Lines of the longest file.
const LINES_MAX: usize = 900;

struct Source {
    /// Below `src`, with slashes.
    path: String,
    text: String,
}

impl Source {
    fn room(&self) -> &str {
        self.path.split('/').next().unwrap().trim_end_matches(".rs")
    }
}

fn sources() -> Vec<Source> {
    fn walk(directory: &Path, root: &Path, to: &mut Vec<Source>) {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                walk(&path, root, to);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                to.push(Source { path: below, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found
}

/// The text without comments.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// Every path that begins with `crate::`, with braces written out: two segments of each.
fn used(text: &str) -> Vec<String> {
    let text = code(text);
    let mut found = Vec::new();
    for (start, _) in text.match_indices("crate::") {
        let rest = &text[start + "crate::".len()..];
        spell_out("", rest, &mut found);
    }
    found
}

/// Reads `a::b`, `a::{b, c::{d}}` or `{a, b}` at the beginning of a text; gives what is left.
fn spell_out<'t>(prefix: &str, text: &'t str, to: &mut Vec<String>) -> &'t str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start().trim_start_matches(',').trim_start();
            if let Some(rest) = rest.strip_prefix('}') {
                return rest;
            }
            if rest.is_empty() {
                return rest;
            }
            rest = spell_out(prefix, rest, to);
        }
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '*'));
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    if name.is_empty() {
        // Something that is no path: go on behind it.
        let mut rest = text.chars();
        rest.next();
        return rest.as_str();
    }
    let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}::{name}") };
    if let Some(rest) = rest.strip_prefix("::") {
        return spell_out(&path, rest, to);
    }
    to.push(path);
    // A path may have another name here.
    let renamed = rest.trim_start().strip_prefix("as ");
    renamed.map_or(rest, |rest| {
        rest.trim_start().trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
    })
}

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

/// What is wrong with one file.
fn faults(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    let room = source.room();
    let Some(own) = floor(room) else {
        return vec![format!("{}: {room} has no floor: say which it is on", source.path)];
    };
    for path in used(&source.text) {
        let other = path.split("::").next().unwrap();
        let Some(others) = floor(other) else {
            if room != "lib" {
                faults.push(format!("{}: {path} is in no room", source.path));
            }
            continue;
        };
        let is_strange = STRANGERS.contains(&(room, other));
        let is_excepted = EXCEPTIONS.iter().any(|(from, to, _)| *from == room && *to == other);
        if (others > own || is_strange) && !is_excepted {
            faults.push(format!("{}: {path} is not below {room}", source.path));
        }
        for (messages, rooms) in MESSAGES {
            if path.starts_with(messages) && !rooms.contains(&room) {
                faults.push(format!("{}: {path} is not for {room}", source.path));
            }
        }
    }
    faults.extend(house_rules(source));
    faults
}

fn house_rules(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    let path = &source.path;
    let code = code(&source.text);
    if !source.text.starts_with("//!") {
        faults.push(format!("{path}: it does not say what it is"));
    }
    if code.contains("super::super") {
        faults.push(format!("{path}: super::super"));
    }
    for line in code.lines().map(str::trim) {
        let is_glob = line.contains("::*") && (line.starts_with("use ") || line.ends_with(','));
        // A test module sees its own file, and proptest is made to be used so.
        let is_usual = ["use super::*;", "use proptest::prelude::*;"].contains(&line);
        if is_glob && !is_usual {
            faults.push(format!("{path}: a glob import: {line}"));
        }
    }
    for line in source.text.lines() {
        if let Some((_, rest)) = line.split_once("TODO")
            && !rest.starts_with("(#")
        {
            faults.push(format!("{path}: a TODO without the number of its issue"));
        }
    }
    let lines = source.text.lines().count();
    if lines > LINES_MAX {
        faults.push(format!("{path}: {lines} lines, more than {LINES_MAX}"));
    }
    faults
}

#[test]
fn no_floor_uses_what_is_above_it() {
    let sources = sources();
    assert!(sources.len() > 60, "only {} files were found", sources.len());
    let faults = sources.iter().flat_map(faults).collect::<Vec<_>>();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_room_is_used_by_somebody_above_so_paths_are_really_read() {
    let sources = sources();
    let arrows = |from: &str, to: &str| {
        let of_room = sources.iter().filter(|source| source.room() == from);
        of_room.flat_map(|source| used(&source.text)).any(|path| path.starts_with(to))
    };
    for (from, to) in [
        ("registry", "proto::fact"),
        ("registry", "domain::timeline"),
        ("registry", "store::Store"),
        ("domain", "kernel::time::Day"),
        ("client", "proto::v1"),
    ] {
        assert!(arrows(from, to), "{from} does not use {to}?");
    }
}

#[test]
fn faults_put_in_by_hand_are_seen() {
    let see = |path: &str, text: &str| {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        faults(&source).join("; ")
    };
    let told = [
        see("domain/unit.rs", "//! A.\nuse crate::{kernel::id, store::{Store, View}};"),
        see("kernel/id.rs", "//! A.\nfn a() -> crate::domain::unit::UnitUse {}"),
        see("service/unit.rs", "//! A.\nuse crate::proto::{fact as stored, v1};"),
        see("auth/token.rs", "//! A.\nuse crate::{\n    kernel::{id::Kind},\n    cli,\n};"),
        see("attic.rs", "//! A.\n"),
        see("kernel/id.rs", "use std::fmt;"),
        see("kernel/id.rs", "//! A.\nuse std::collections::*;\nuse super::super::a; // TODO later"),
        see(
            "kernel/id.rs",
            "//! A.\n// crate::cli in a comment is no arrow\nuse crate::kernel::id;",
        ),
        see("kernel/id.rs", &format!("//! A.\n{}", "\n".repeat(LINES_MAX))),
    ];
    expect_test::expect![[r"
        domain/unit.rs: store::Store is not below domain; domain/unit.rs: store::View is not below domain
        kernel/id.rs: domain::unit::UnitUse is not below kernel
        service/unit.rs: proto::fact is not for service
        auth/token.rs: cli is not below auth
        attic.rs: attic has no floor: say which it is on
        kernel/id.rs: it does not say what it is
        kernel/id.rs: super::super; kernel/id.rs: a glob import: use std::collections::*;; kernel/id.rs: a TODO without the number of its issue

        kernel/id.rs: 901 lines, more than 900"]].assert_eq(&told.join("\n"));
}

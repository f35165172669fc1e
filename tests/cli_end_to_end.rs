//! The program as people run it: the demo's city, every question of the README asked of it, a server
//! that is stopped, started, secured and damaged, all through the binary and its exit codes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]
#![expect(dead_code, reason = "not all that tests share is used by each")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use support::{
    city::{City, building},
    files::{State, copy},
    server::{Home, Server, signal, without_settings},
};

/// What the binary came to.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    /// Its output, when it is fine.
    fn fine(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self.out
    }

    fn json(self) -> Value {
        serde_json::from_str(&self.fine()).unwrap()
    }
}

/// A command of the binary.
fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anju"));
    without_settings(&mut command);
    command.args(words).stdin(Stdio::null());
    command
}

fn ran(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Ran { code: output.status.code().unwrap(), out, err }
}

/// Runs the binary against a server, in a directory of its own.
struct Shell<'a> {
    url: String,
    token: &'a str,
    directory: &'a Path,
}

impl Shell<'_> {
    fn run(&self, words: &[&str]) -> Ran {
        ran(self.command(words))
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = command(words);
        command.env("ANJU_SERVER", &self.url).env("ANJU_TOKEN", self.token);
        command.current_dir(self.directory);
        command
    }

    /// All rows of a partition and its totals, as files and JSON.
    fn everything(&self, partition: &str) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for kind in ["regions", "compounds", "buildings", "units"] {
            let rows = self.run(&["export", kind, "--partition", partition]).fine();
            all.insert(kind.to_owned(), rows);
        }
        let totals = self.run(&["totals", "--code", "gbt2260:410100", "--json"]).json();
        let amounts = totals.pointer("/amounts").unwrap();
        all.insert("totals".to_owned(), format!("{amounts:#}"));
        all
    }
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("no {path} in {value:#}"))
}

/// The amount that is certain of a measure.
fn certain(totals: &Value, measure: &str) -> i64 {
    let amounts = totals.pointer("/amounts").unwrap().as_array().unwrap();
    let of = amounts.iter().find(|amount| text(amount, "/measure") == measure).unwrap();
    // Nought is left out.
    of.get("certain").map_or(0, |certain| certain.as_str().unwrap().parse().unwrap())
}

/// Ctrl-C while it loads ends it in good order, and says what to do.
fn is_interrupted(mut demo: Command) {
    let mut child = demo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.by_ref().any(|line| line.contains("created")), "no file was loaded");
    signal("INT", child.id());
    let rest: Vec<_> = lines.collect();
    let log = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}\n{log}");
    assert!(rest.iter().any(|line| line.contains("start again to go on")), "{rest:?}");
    assert!(!log.contains("anju: "), "{log}");
}

#[test]
fn the_city_of_the_demo_is_found_corrected_counted_exported_and_proved() {
    let home = Home::new();
    let data = format!("data_dir={}", home.data().display());
    let demo = ["demo", "--no-serve", "--setting", "listen=127.0.0.1:0", "--setting", &data];
    is_interrupted(command(&demo));
    assert!(ran(command(&demo)).fine().contains("Loaded in "));
    // A second time there is nothing to load.
    assert!(ran(command(&demo)).fine().contains("holds the example city already"));

    let token = fs::read_to_string(home.data().join("client.token")).unwrap();
    let tokens = home.data().join("tokens.toml");
    let tokens = tokens.to_str().unwrap();
    let server = Server::start(home.command(&[], &[("auth.token_file", tokens)])).unwrap();
    let shell = Shell { url: server.url(), token: token.trim(), directory: home.path() };
    holds_its_check_ups(&shell);
    let size = asks_and_corrects(&shell);
    what_was_exported_changes_nothing(&shell);
    what_was_exported_goes_into_another_registry(&shell);
    proves(&shell, size);
    let (status, ..) = server.terminate();
    assert!(status.success());
    let verified = ran(command(&["verify", "--journal", "--setting", &data])).fine();
    assert!(verified.contains("all is well"), "{verified}");
}

/// All records that a list has, page after page.
fn all(shell: &Shell<'_>, words: &[&str], name: &str) -> Vec<Value> {
    let listed = shell.run(&[words, &["--all", "--json"]].concat()).fine();
    let pages = serde_json::Deserializer::from_str(&listed).into_iter::<Value>();
    let records = pages.map(|page| match page.unwrap().get(name) {
        Some(Value::Array(records)) => records.clone(),
        other => panic!("no {name}: {other:?}"),
    });
    records.flatten().collect()
}

/// How many records say what at a path.
fn by<'a>(records: &'a [Value], path: &str) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for record in records {
        *counts.entry(text(record, path)).or_insert(0) += 1;
    }
    counts
}

/// Reports and orders in every state, findings in every stage and severity, and every hard case.
fn holds_its_check_ups(shell: &Shell<'_>) {
    let city = ["--region", "gbt2260:410100"];
    let reports = all(shell, &[&["report", "list"], &city[..]].concat(), "reports");
    let expected = [
        ("REPORT_STATE_ACCEPTED", 189),
        ("REPORT_STATE_DRAFTED", 8),
        ("REPORT_STATE_RETURNED", 8),
        ("REPORT_STATE_SIGNED", 8),
        ("REPORT_STATE_SUBMITTED", 16),
        ("REPORT_STATE_SUPERSEDED", 8),
    ];
    assert_eq!(by(&reports, "/state"), BTreeMap::from(expected));
    let expected = [
        ("REPORT_KIND_APPRAISAL", 8),
        ("REPORT_KIND_CHECK_UP", 209),
        ("REPORT_KIND_PATROL", 8),
        ("REPORT_KIND_SPECIAL_CHECK", 12),
    ];
    assert_eq!(by(&reports, "/fields/kind"), BTreeMap::from(expected));
    // Those whose signer's licence turned out to have lapsed.
    let expected = [("REPORT_DOUBT_CERTAIN", 8), ("REPORT_DOUBT_NONE", 229)];
    assert_eq!(by(&reports, "/doubt"), BTreeMap::from(expected));
    for report in &reports {
        let number = text(report, "/fields/identifiers/0/value");
        assert!(number.starts_with("EXAMPLE-"), "{report:#}");
    }

    let orders = all(shell, &[&["list", "orders"], &city[..]].concat(), "orders");
    let expected = [
        ("ORDER_STATE_CANCELLED", 8),
        ("ORDER_STATE_DONE", 161),
        ("ORDER_STATE_ORDERED", 44),
        ("ORDER_STATE_PLANNED", 12),
    ];
    assert_eq!(by(&orders, "/state"), BTreeMap::from(expected));
    let plans = all(shell, &[&["list", "plans"], &city[..]].concat(), "plans");
    assert_eq!(plans.len(), 12);
    holds_its_findings(shell);
    late_papers_and_corrections_are_where_they_belong(&reports);
}

fn holds_its_findings(shell: &Shell<'_>) {
    let list = ["findings", "--region", "gbt2260:410100"];
    let findings = all(shell, &list, "findings");
    // The one that was merged into another is listed as that one, or not at all.
    let of_one = findings.iter().filter(|finding| finding.get("leadsToId").is_none());
    let findings: Vec<Value> = of_one.cloned().collect();
    let expected = [
        ("FINDING_STAGE_CLOSED", 8),
        ("FINDING_STAGE_NOTIFIED", 32),
        ("FINDING_STAGE_OBJECT_GONE", 8),
        // What drafts and signed reports found is not open yet.
        ("FINDING_STAGE_OPEN", 80),
        ("FINDING_STAGE_PLANNED", 8),
        ("FINDING_STAGE_REPORTED_FIXED", 8),
        ("FINDING_STAGE_UNDER_REPAIR", 8),
        ("FINDING_STAGE_VERIFIED", 8),
        ("FINDING_STAGE_WAIVED", 8),
    ];
    assert_eq!(by(&findings, "/stage"), BTreeMap::from(expected));
    // A house with defects of several kinds: what is counted by kind is more than there are houses.
    let open: Vec<_> =
        findings.iter().filter(|it| text(it, "/stage") == "FINDING_STAGE_OPEN").collect();
    let homes: BTreeSet<_> = open.iter().map(|it| text(it, "/buildingId")).collect();
    let kinds: BTreeSet<_> = open
        .iter()
        .map(|it| (text(it, "/buildingId"), text(it, "/class").split('.').next().unwrap()))
        .collect();
    assert!(homes.len() < kinds.len(), "{homes:?}");
    let severities = by(&findings, "/severity");
    assert_eq!(severities.len(), 3, "{severities:?}");
    let says = |finding: &&Value, saying: &str| {
        let events = finding.get("events").and_then(Value::as_array).unwrap();
        events.iter().any(|event| event.pointer(&format!("/saying/{saying}")).is_some())
    };
    let count = |saying: &str| findings.iter().filter(|it| says(it, saying)).count();
    assert_eq!((count("monitored"), count("measureTaken"), count("included")), (8, 24, 8));
    assert_eq!(count("verificationFailed"), 16);
    // What two saw, each without the other, is one finding with what both saw.
    let twins = findings.iter().filter(|finding| {
        let ids = finding.get("ids").and_then(Value::as_array).unwrap();
        ids.len() == 2 && text(finding, "/class") == "GAS.RISER"
    });
    assert_eq!(twins.count(), 8);
    // Overdue ones only become more with the days.
    let overdue = all(shell, &[&list[..], &["--overdue"]].concat(), "findings");
    assert!(overdue.len() >= 24, "{}", overdue.len());
    let due = shell.run(&["due", "--region", "gbt2260:410105", "--json"]).json();
    assert_eq!(due.pointer("/rows/0/due/overdue"), Some(&Value::Bool(true)), "{due:#}");
    let why = shell.run(&["explain", "due", text(&due, "/rows/0/buildingId")]).fine();
    assert!(why.contains("2025-draft"), "{why}");
    // There is a claim in every stage, each counted where its building lies.
    let ask = ["totals", "--code", "gbt2260:410105", "--measure", "claims_by_stage"];
    let claims = shell.run(&ask).fine();
    for stage in anju::domain::claim::Stage::ALL {
        let label = format!("claims by stage 赔案按环节: EBS {}", stage.word());
        assert!(claims.contains(&label), "{label}: {claims}");
    }
}

/// A paper that came late stands by the day of its inspection, and so does one that was corrected.
fn late_papers_and_corrections_are_where_they_belong(reports: &[Value]) {
    let day = |report: &Value| text(report, "/life/existsFrom").to_owned();
    let mut of_building: BTreeMap<&str, Vec<(u64, String)>> = BTreeMap::new();
    for report in reports.iter().filter(|it| text(it, "/state") == "REPORT_STATE_ACCEPTED") {
        let etag = text(report, "/etag").parse().unwrap();
        let building = text(report, "/fields/buildingId");
        of_building.entry(building).or_default().push((etag, day(report)));
    }
    for papers in of_building.values_mut() {
        papers.sort();
    }
    let late = of_building.values().filter(|papers| {
        papers.windows(2).any(|pair| matches!(pair, [one, other] if one.1 > other.1))
    });
    assert_eq!(late.count(), 8);
    // One that was signed long after the inspection was first said to be of a month later.
    let corrected = reports.iter().filter(|it| {
        let signed = it.pointer("/signature/on").and_then(Value::as_str);
        signed.is_some_and(|signed| days_between(&day(it), signed) == 37)
    });
    assert_eq!(corrected.count(), 8);
}

/// Whole days from one day to another.
fn days_between(from: &str, to: &str) -> i64 {
    let [from, to] = [from, to].map(|day| day.parse::<anju::kernel::time::Day>().unwrap());
    i64::from(to.number() - from.number())
}

/// Search, get, history, correct and totals; the number of the last entry.
fn asks_and_corrects(shell: &Shell<'_>) -> u64 {
    let hits = shell.run(&["search", "柳泉街124", "--kind", "building", "--json"]).json();
    let id = text(&hits, "/hits/0/building/id");
    let get = |words: &[&str]| shell.run(&[&["get", id, "--json"], words].concat()).json();
    let before = get(&[]);
    assert!(text(&before, "/building/fields/address").contains("柳泉街124号"));
    let old = text(&before, "/building/fields/completed");

    let totals = |words: &[&str]| {
        let ask = ["totals", "--code", "gbt2260:410100", "--json"];
        shell.run(&[&ask, words].concat()).json()
    };
    let counted = totals(&[]);
    let status = shell.run(&["status", "--json"]).json();
    let moment = text(&status, "/now");
    assert_eq!(certain(&counted, "buildings"), 3507);

    let area =
        |value: &Value| -> i64 { text(value, "/building/fields/floorAreaCm2").parse().unwrap() };
    let set = ["correct", id, "--set", "completed=1985", "--set", "floor_area_m2=5000"];
    let refused = shell.run(&set);
    assert_eq!(refused.code, 2, "a correction without a reason: {refused:?}");
    let corrected = shell.run(&[&set[..], &["--reason", "misread deed", "--json"]].concat()).json();
    assert_eq!(text(&corrected, "/building/fields/completed"), "1985");
    let (position, entry) = (text(&before, "/readAt"), text(&corrected, "/receipt/entries/0"));
    let (_, known) = position.split_once(':').unwrap();

    let history = shell.run(&["history", id, "--json"]).json();
    let kinds: Vec<_> = history.pointer("/entries").unwrap().as_array().unwrap().iter().collect();
    let [first, last] = kinds[..] else { panic!("{history:#}") };
    assert_eq!(text(first, "/correctedBy"), entry);
    assert_eq!(text(last, "/reason"), "misread deed");
    assert_eq!(text(last, "/actorSubject"), "demo");
    // What was known before stays known as what was known before.
    let then = get(&["--known-at", known]);
    assert_eq!(text(&then, "/building/fields/completed"), old);
    assert_eq!(text(&get(&[]), "/building/fields/completed"), "1985");

    let recounted = totals(&[]);
    let moved = certain(&recounted, "floor_area_cm2") - certain(&counted, "floor_area_cm2");
    assert_eq!(moved, area(&corrected) - area(&before));
    assert_eq!(certain(&recounted, "buildings"), 3507);
    let of_before = totals(&["--known-at", moment]);
    assert_eq!(certain(&of_before, "floor_area_cm2"), certain(&counted, "floor_area_cm2"));
    // By the number of an entry too, which partition 0, where codes are looked up, has not reached.
    let of_number = |words: &[&str]| {
        let ask = ["totals", "--code", "gbt2260:410105", "--json", "--known-at"];
        shell.run(&[&ask, words].concat()).json()
    };
    let amounts = [of_number(&[known]), of_number(&[moment])];
    let [by_number, by_moment] = amounts.each_ref().map(|totals| totals.pointer("/amounts"));
    assert!(certain(&amounts[0], "buildings") > 0 && by_number == by_moment, "{amounts:#?}");

    let unknown = shell.run(&["get", "bld_01HF7YAT000000E0000000001A"]);
    assert_eq!(unknown.code, 4, "{unknown:?}");
    entry.parse().unwrap()
}

/// Names what differs, since the whole is long.
fn assert_same(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) {
    for (name, text) in before {
        let lines = text.lines().zip(after.get(name).unwrap().lines());
        let differs: Vec<_> = lines.filter(|(one, other)| one != other).take(5).collect();
        assert!(differs.is_empty(), "{name}: {differs:#?}");
    }
    assert!(before == after);
}

/// Every kind of row goes out and comes back without a change.
fn what_was_exported_changes_nothing(shell: &Shell<'_>) {
    let before = shell.everything("1");
    let status = || shell.run(&["status", "--json"]).json().pointer("/partitions").cloned();
    let noted = status();
    for kind in ["regions", "compounds", "buildings", "units"] {
        let file = format!("{kind}.csv");
        shell.run(&["export", kind, "--partition", "1", "--out", &file]).fine();
        let told = shell.run(&["import", kind, &file, "--json"]).json();
        let counts = told.pointer("/files/0/counts").unwrap();
        let count = |name: &str| counts.get(name).and_then(Value::as_u64).unwrap();
        assert!(count("read") > 0 && count("unchanged") == count("read"), "{kind}: {counts:#}");
    }
    // Not one entry was written, also for the building that was corrected since.
    assert_eq!(status(), noted);
    assert_same(&before, &shell.everything("1"));
}

/// The rows of a file without their ids, which are the registry's own, and in no order.
fn rows_without_ids(path: &Path) -> Vec<String> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let id = reader.headers().unwrap().iter().position(|header| header == "id").unwrap();
    let row = |record: csv::StringRecord| {
        let cells = record.iter().enumerate().filter(|(index, _)| *index != id);
        cells.map(|(_, cell)| format!("{cell:?}")).collect::<Vec<_>>().join(",")
    };
    let mut rows: Vec<_> = reader.records().map(|record| row(record.unwrap())).collect();
    rows.sort();
    rows
}

/// What one registry exports, an empty one takes whole, and exports the same; also what no source
/// said, in what a source did. There a conflict is told, in the words of the file, run after run.
fn what_was_exported_goes_into_another_registry(shell: &Shell<'_>) {
    let hits = shell.run(&["list", "compounds", "--region", "gbt2260:410102", "--json"]).json();
    let compound = text(&hits, "/compounds/0/id").to_owned();
    let name = ["name=手工登记楼", "floor_area_m2=1000", "use=DWELLING"];
    let within = format!("compound_id={compound}");
    let sets = [&name[..], &[&within]].concat();
    let building = created(shell, "building", "2025-06-01", &sets);
    created(shell, "unit", "2025-06-01", &["number=101", &format!("building_id={building}")]);

    let home = Home::new();
    let server = home.serve();
    let other = Shell { url: server.url(), token: home.secret(), directory: shell.directory };
    let files = [
        ("regions", "0"),
        ("regions", "1"),
        ("compounds", "1"),
        ("buildings", "1"),
        ("units", "1"),
    ];
    let export = |of: &Shell<'_>, prefix: &str| {
        for (kind, partition) in files {
            let file = format!("{prefix}-{kind}-{partition}.csv");
            of.run(&["export", kind, "--partition", partition, "--out", &file]).fine();
        }
    };
    export(shell, "one");
    for (kind, partition) in files {
        let file = format!("one-{kind}-{partition}.csv");
        other.run(&["import", kind, &file]).fine();
        // Again, as a file that was read before.
        let told = other.run(&["import", kind, &file]).fine();
        assert!(told.contains("nothing changed"), "{told}");
    }
    export(&other, "two");
    for (kind, partition) in files {
        let of = |prefix: &str| shell.directory.join(format!("{prefix}-{kind}-{partition}.csv"));
        let [one, two] = ["one", "two"].map(|prefix| rows_without_ids(&of(prefix)));
        let differs: Vec<_> =
            one.iter().zip(&two).filter(|(one, two)| one != two).take(3).collect();
        assert!(one == two && !one.is_empty(), "{kind} {partition}: {differs:#?}");
    }
    // Neither a file called `-` nor today, when another day is asked for.
    let export = ["export", "buildings", "--partition", "1", "--out", "-"];
    let count = |words: &[&str]| other.run(&[&export[..], words].concat()).fine().lines().count();
    assert!(!shell.directory.join("-").exists());
    assert!(count(&[]) > 3508 && count(&["--known-at", "1"]) == 1);
    conflicts_are_told_in_the_words_of_the_file(&other);
    assert!(server.terminate().0.success());
}

fn conflicts_are_told_in_the_words_of_the_file(shell: &Shell<'_>) {
    let header = "编号,社区代码,楼栋名称,建筑面积(m²),用途,地上层数,存在起始\n";
    let write = |name: &str, row: &str| {
        fs::write(shell.directory.join(name), format!("{header}{row}\n")).unwrap();
    };
    write("first.csv", "P1,410102001006,丙,1000,住宅,5,1985");
    write("second.csv", "P1,410102001006,丙,2000,商业,7,1985");
    let import =
        |words: &[&str]| shell.run(&[&["import", "buildings", "--source", "pp"], words].concat());
    import(&["first.csv"]).fine();
    let rows = shell.run(&["search", "丙", "--kind", "building", "--json"]).json();
    let id = text(&rows, "/hits/0/building/id").to_owned();
    let set = ["--set", "floor_area_m2=1001.5", "--set", "use=OFFICE", "--reason", "counted"];
    shell.run(&[&["correct", &id], &set[..]].concat()).fine();
    let told = import(&["second.csv", "--from", "2024-01-01"]);
    assert_eq!(told.code, 3, "{told:?}");
    for words in [
        "建筑面积(m²) CONFLICT: the row says \"2000\", but somebody has said \"1001.5\" since",
        "用途 CONFLICT: the row says \"商业\", but somebody has said \"OFFICE 办公\" since",
    ] {
        assert!(told.out.contains(words), "{words}\n{}", told.out);
    }
    // The storeys were taken: that is a change.
    assert!(!told.out.contains("nothing changed"), "{}", told.out);
    let history = || shell.run(&["history", &id, "--json"]).fine();
    let before = history();
    // Again, and the rejects as they are: nothing is changed, and the conflict is still told.
    for words in [&["second.csv", "--from", "2024-01-01"][..], &["second.rejects.csv"]] {
        let told = import(words);
        assert_eq!(told.code, 3, "{told:?}");
        assert!(told.out.contains("CONFLICT") && told.out.contains("nothing changed"), "{told:?}");
    }
    assert_eq!(history(), before);
}

/// A proof of the last entry, checked without the server, also against what was kept from before.
fn proves(shell: &Shell<'_>, seq: u64) {
    let seq = seq.to_string();
    shell.run(&["prove", "checkpoint", "--partition", "1", "--out", "old.json"]).fine();
    let hits = shell.run(&["search", "柳泉街124", "--kind", "building", "--json"]).json();
    let id = text(&hits, "/hits/1/building/id");
    shell.run(&["change", id, "--from", "2024-07-01", "--set", "lift_count=3"]).fine();
    let fetch = ["prove", "fetch", &seq, "--partition", "1", "--since", "old.json"];
    shell.run(&[&fetch[..], &["--out", "proof.json"]].concat()).fine();
    let nowhere = Shell { url: "http://127.0.0.1:1".to_owned(), ..*shell };
    let check = ["prove", "check", "proof.json", "--checkpoint", "old.json"];
    let checked = nowhere.run(&check).fine();
    assert!(checked.contains("misread deed"), "{checked}");
    // One changed digit of the entry, and it proves nothing.
    let path = shell.directory.join("proof.json");
    let mut proof: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let mut entry = text(&proof, "/entry").to_owned();
    let digit = entry.pop().unwrap();
    entry.push(if digit == '0' { '1' } else { '0' });
    *proof.pointer_mut("/entry").unwrap() = Value::from(entry);
    fs::write(&path, proof.to_string()).unwrap();
    let checked = nowhere.run(&check);
    assert_eq!(checked.code, 3, "{checked:?}");
    underwrites(shell, &nowhere, id);
}

/// The underwriter's file: shown, saved, the same again though the building was changed, and checked
/// without the server.
fn underwrites(shell: &Shell<'_>, nowhere: &Shell<'_>, id: &str) {
    let ask = ["underwrite", id, "--since", "old.json", "--out", "house.jsonl"];
    let shown = shell.run(&ask).fine();
    for told in ["existence 存续", "illegal alterations 违法改建加建", "NOT RECORDED 未登记"]
    {
        assert!(shown.contains(told), "{shown}");
    }
    let read = |name: &str| fs::read(shell.directory.join(name)).unwrap();
    let first = read("house.jsonl");
    let head = first.split(|byte| *byte == b'\n').next().unwrap();
    let head: Value = serde_json::from_slice(head).unwrap();
    let (day, known) = (text(&head, "/valid_at"), text(&head, "/known_at"));
    let (_, seq) = known.split_once(':').unwrap();
    let again = format!("--valid-at {day} --known-at {seq}");
    assert!(shown.contains(&again), "{shown}");
    shell.run(&["change", id, "--from", "2024-08-01", "--set", "lift_count=4"]).fine();
    let ask = ["underwrite", id, "--since", "old.json", "--out", "again.jsonl"];
    shell.run(&[&ask[..], &["--valid-at", day, "--known-at", seq]].concat()).fine();
    assert_eq!(first, read("again.jsonl"));
    // What is there is never written over.
    assert_eq!(shell.run(&ask).code, 1);
    let lines = shell.run(&["underwrite", id, "--json"]).fine();
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{lines}");
    assert!(
        lines.contains("\"value\":\"4\"") && !first.windows(11).any(|it| it == b"\"value\":\"4\"")
    );

    let prove = ["prove", "house.jsonl", "--against", "old.json"];
    let checked = nowhere.run(&prove).fine();
    assert!(checked.contains("the file's tree grew out of the one of"), "{checked}");
    let mut bad = first.clone();
    let middle = bad.len() / 2;
    *bad.get_mut(middle).unwrap() ^= 1;
    fs::write(shell.directory.join("house.jsonl"), bad).unwrap();
    let line = first.iter().take(middle).filter(|byte| **byte == b'\n').count() + 1;
    let checked = nowhere.run(&prove);
    assert_eq!(checked.code, 3, "{checked:?}");
    assert!(checked.out.contains(&format!("line {line}: ")), "{checked:?}");
    let unknown = shell.run(&["underwrite", "bld_01HF7YAT000000E0000000001A"]);
    assert_eq!(unknown.code, 4, "{unknown:?}");
}

/// A small city over gRPC; the server that holds it.
async fn small_city(home: &Home) -> (Server, City) {
    let server = home.serve();
    let connection = server.connect(home);
    let city = City::found(&connection).await;
    for number in 0..20 {
        let request = building(&city.compound, &format!("{number}号楼"), 10_000_000);
        connection.buildings().create_building(request).await.unwrap();
    }
    (server, city)
}

fn ids(shell: &Shell<'_>, city: &City) -> Vec<String> {
    let listed =
        shell.run(&["list", "buildings", "--compound", &city.compound, "--all", "--json"]).fine();
    let page = |page: Value| match page.pointer("/buildings") {
        Some(Value::Array(buildings)) => buildings.clone(),
        _ => vec![page],
    };
    let values = serde_json::Deserializer::from_str(&listed).into_iter::<Value>();
    let buildings = values.flat_map(|value| page(value.unwrap()));
    buildings.map(|building| text(&building, "/id").to_owned()).collect()
}

/// The fenced blocks of a language below a heading of a page, line by line without remarks.
fn typed(page: &str, heading: &str, language: &str) -> Vec<String> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let (_, rest) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let mut lines = Vec::new();
    let mut is_inside = false;
    for line in section.lines() {
        match line.strip_prefix("```") {
            Some(opened) => is_inside = opened == language,
            None if is_inside => lines.push(line.to_owned()),
            None => {}
        }
    }
    assert!(!lines.is_empty(), "nothing is typed under {heading}");
    lines
}

/// The lines of a shell without remarks.
fn commands(page: &str, heading: &str) -> Vec<String> {
    let lines = typed(page, heading, "sh").into_iter();
    let lines = lines.map(|line| line.split(" # ").next().unwrap().trim().to_owned());
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The ids that answers named, the first of each kind.
struct Named(BTreeMap<String, String>);

impl Named {
    fn note(&mut self, answer: &Value) {
        match answer {
            Value::String(text) if text.parse::<anju::kernel::id::SubjectId>().is_ok() => {
                let kind = text.split('_').next().unwrap().to_owned();
                self.0.entry(kind).or_insert_with(|| text.clone());
            }
            Value::Array(all) => {
                for one in all {
                    self.note(one);
                }
            }
            Value::Object(fields) => {
                for one in fields.values() {
                    self.note(one);
                }
            }
            _ => {}
        }
    }

    /// The same with ids in the place of `bld_…` and its like.
    fn put_into(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (kind, id) in &self.0 {
            line = line.replace(&format!("{kind}_…"), id);
        }
        assert!(!line.contains("_…"), "no line before has answered an id of that kind: {line}");
        line
    }
}

/// Every line of the page, as it stands there, by a shell and against a server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_up_goes_from_the_rule_to_the_closed_finding_as_the_page_has_it_typed() {
    let home = Home::new();
    let server = home.serve();
    let city = City::found(&server.connect(&home)).await;
    let shell = Shell { url: server.url(), token: home.secret(), directory: home.path() };
    // The code by which the file of cycles names the city.
    let code = "codes.stats12=410100000000";
    shell.run(&["change", &city.id, "--from", "2023-07-01", "--set", code]).fine();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::os::unix::fs::symlink(root.join("data"), home.path().join("data-files")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_anju"), home.path().join("anju")).unwrap();

    let mut named = Named(BTreeMap::new());
    named.0.insert("cmp".to_owned(), city.compound.clone());
    named.0.insert("rgn".to_owned(), city.id.clone());
    let lines = commands("docs/cli.md", "A check-up");
    let mut answers: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for line in &lines {
        if line.contains("report.json") {
            let file = named.put_into(&typed("docs/cli.md", "A check-up", "json").join("\n"));
            fs::write(home.path().join("report.json"), file).unwrap();
        }
        // The data directory of the test has the name of the repository's.
        let typed = named.put_into(line).replace("data/reference", "data-files/reference");
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{typed} --json")]).stdin(Stdio::null());
        without_settings(&mut command);
        command.env("ANJU_SERVER", &shell.url).env("ANJU_TOKEN", shell.token);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", home.path().display()));
        command.current_dir(home.path());
        let told = ran(command);
        assert_eq!(told.code, 0, "{typed}\n{}\n{}", told.out, told.err);
        let values = serde_json::Deserializer::from_str(&told.out).into_iter::<Value>();
        let values: Vec<Value> = values.map(Result::unwrap).collect();
        for value in &values {
            named.note(value);
        }
        let verb = line.split(" --").next().unwrap();
        answers.entry(verb).or_default().extend(values);
    }
    let answered = |verb: &str, nth: usize| {
        answers.get(verb).and_then(|all| all.get(nth)).unwrap_or_else(|| panic!("{verb} {nth}"))
    };
    let building = &named.0["bld"];
    let finding = &named.0["fnd"];
    assert_eq!(
        text(answered("anju reference list", 0), "/references/0/fields/edition"),
        "2025-draft"
    );
    assert_eq!(text(answered("anju due", 0), "/rows/0/buildingId"), building);
    // Built in 1988: first in 2027; then ten years after the day of the inspection.
    assert_eq!(text(answered("anju explain due bld_…", 0), "/due/dueOn"), "2027-12-31");
    assert_eq!(text(answered("anju explain due bld_…", 1), "/due/dueOn"), "2036-04-10");
    let record = answered("anju report record", 0);
    assert_eq!(text(record, "/findings/0/id"), finding);
    assert_eq!(record.pointer("/findings/0/stage"), None, "nobody has submitted it: {record:#}");
    let notified = answered("anju finding notify fnd_…", 0);
    assert_eq!(text(notified, "/finding/stage"), "FINDING_STAGE_NOTIFIED");
    assert_eq!(text(notified, "/finding/deadline"), "2026-10-18");
    // The list of open notices, and perhaps of what is overdue, by the day on which this is run.
    assert_eq!(text(answered("anju findings", 0), "/findings/0/id"), finding);
    let closed = answered("anju get fnd_…", 0);
    assert_eq!(text(closed, "/finding/stage"), "FINDING_STAGE_CLOSED");
    let reported = answered("anju report list", 0);
    assert_eq!(text(reported, "/reports/0/state"), "REPORT_STATE_ACCEPTED");
    let order = answered("anju order list", 0);
    assert_eq!(text(order, "/orders/0/state"), "ORDER_STATE_DONE");
    assert_eq!(text(order, "/orders/0/fields/paymentReference"), "F-2026-17");
    assert_eq!(answered("anju list orders", 0).pointer("/orders/0"), None, "it was answered");
    for line in commands("README.md", "Check-ups") {
        assert!(lines.contains(&line), "the page does not have the README's {line:?}");
    }
    // Nothing of it is only on the page: the whole journal is sound.
    let data = format!("data_dir={}", home.data().display());
    server.terminate();
    assert!(ran(command(&["verify", "--setting", &data])).fine().contains("all is well"));
}

/// Writes a file of rows below a header.
fn write_rows(shell: &Shell<'_>, name: &str, rows: &[&str]) {
    fs::write(shell.directory.join(name), format!("\u{FEFF}{}\n", rows.join("\n"))).unwrap();
}

/// A run of an import: its exit code, what became of the rows, and the reasons of those that were not
/// taken.
fn imported(shell: &Shell<'_>, words: &[&str]) -> (i32, String, Vec<String>) {
    let told = shell.run(&[words, &["--json"]].concat());
    let summary: Value =
        serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {told:?}"));
    let file = summary.pointer("/files/0").unwrap();
    let count = |name: &str| file.pointer(&format!("/counts/{name}")).unwrap().as_u64().unwrap();
    let names = ["created", "changed", "unchanged", "conflicts", "refused", "warned"];
    let counts = names.map(|name| format!("{name} {}", count(name)));
    let rejected = file.pointer("/first_rejected").unwrap().as_array().unwrap();
    let reasons = |row: &Value| {
        let line = row.pointer("/line").unwrap();
        // A sentence may have the sign that stands between faults.
        let faults = text(row, "/reasons").split("; ").filter_map(|fault| {
            let (head, _) = fault.split_once(": ")?;
            let reason = head.rsplit(' ').next()?;
            let is_reason = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
            reason.bytes().all(is_reason).then_some(head)
        });
        format!("{line}: {}", faults.collect::<Vec<_>>().join(", "))
    };
    (told.code, counts.join(", "), rejected.iter().map(reasons).collect())
}

/// Reference data, two buildings known to a census, a body and somebody who signs for it.
fn furnished(shell: &Shell<'_>, city: &City) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/reference");
    for file in ["grades-example.toml", "findings-example.toml"] {
        let file = data.join(file);
        let file = file.to_str().unwrap();
        shell.run(&["reference", "load", file, "--region", "gbt2260:410100"]).fine();
    }
    let header = "key,compound_id,name,exists_from";
    let rows = ["B-1", "B-2"].map(|key| format!("{key},{},{key},1990", city.compound));
    write_rows(shell, "buildings.csv", &[header, &rows[0], &rows[1]]);
    shell.run(&["import", "buildings", "buildings.csv", "--source", "census"]).fine();
    let region = format!("region_id={}", city.id);
    let licence = |certificate: &str| {
        format!("qualifications=scope=structure,certificate={certificate},from=2015")
    };
    let sets = [&region, "name=示例检测站", "identifiers.uscc=9141", &licence("ZJ-17")];
    let body = created(shell, "body", "2010", &sets);
    let employed = format!("employments=body_id={body},from=2020");
    let sets = [&region, "identifiers.person=p-81", &licence("QM-4"), &employed];
    created(shell, "signer", "2015", &sets);
}

const REPORTS: &str = "编号,楼栋编号,楼栋来源,报告类型,检查日期,机构外部编号,等级,检查内容,签字人,\
    签字范围,签字日期,提交日期,状态,报告文件";
const FINDINGS: &str = "编号,楼栋编号,楼栋来源,报告编号,发现日期,问题类别,严重程度,发现来源,发现人,楼层,通知日期,整改期限";

/// Replaces what is wrong in a file of rejects.
fn mend(shell: &Shell<'_>, name: &str, wrong: &[(&str, &str)]) {
    let path = shell.directory.join(name);
    let mut rows = fs::read_to_string(&path).unwrap();
    for (wrong, right) in wrong {
        assert!(rows.contains(wrong), "{wrong} is not in {rows}");
        rows = rows.replace(wrong, right);
    }
    fs::write(path, rows).unwrap();
}

/// Writes bytes, packed.
fn write_packed(shell: &Shell<'_>, name: &str, bytes: &[u8]) {
    let file = fs::File::create(shell.directory.join(name)).unwrap();
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    std::io::Write::write_all(&mut packed, bytes).unwrap();
    packed.finish().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn papers_go_in_packed_in_another_encoding_and_by_a_mapping() {
    let home = Home::new();
    let server = home.serve();
    let city = City::found(&server.connect(&home)).await;
    let shell = Shell { url: server.url(), token: home.secret(), directory: home.path() };
    furnished(&shell, &city);
    let told = |created: u32, changed: u32, unchanged: u32, refused: u32| {
        format!(
            "created {created}, changed {changed}, unchanged {unchanged}, conflicts 0, refused {refused}, warned 0"
        )
    };
    let reports = format!(
        "# anju: source=office\n{REPORTS}\n\
         报-1,B-1,census,体检,2025-04-10,uscc:9141,排查分类;2020;整幢;B,STR,person:p-81,structure,2025-04-12,2025-04-13,已提交,\n\
         报-2,B-2,census,巡查,2025年4月11日,,,,,,,2025-04-12,,\n\
         报-3,B-2,census,胡来,2025年4月11日,,,,,,,2025-04-12,,\n"
    );
    // GB18030, packed; the rejects are read again as they were written, in UTF-8.
    let (bytes, _, _) = encoding_rs::GB18030.encode(&reports);
    write_packed(&shell, "reports.csv.gz", &bytes);
    let import = ["import", "inspections", "reports.csv.gz"];
    let wrong = vec!["5: 报告类型 UNKNOWN_WORD".to_owned()];
    assert_eq!(imported(&shell, &import), (3, told(2, 0, 0, 1), wrong.clone()));
    assert_eq!(imported(&shell, &import), (3, told(0, 0, 2, 1), wrong));
    mend(&shell, "reports.rejects.csv", &[("胡来", "巡查")]);
    let rejects = ["import", "inspections", "reports.rejects.csv"];
    assert_eq!(imported(&shell, &rejects), (0, told(1, 0, 0, 0), Vec::new()));
    // The same rows in UTF-8 are the same.
    write_rows(&shell, "again.csv", &reports.lines().collect::<Vec<_>>());
    let again = imported(&shell, &["import", "inspections", "again.csv"]);
    assert_eq!((again.0, again.1), (3, told(0, 0, 2, 1)));

    // Findings with the headers of another system, packed and in GB18030 as well.
    let mapping = "key = \"流水\"\nbuilding_key = \"幢\"\nbuilding_source = \"幢源\"\nreport_key = \"报告\"\n\
                   observed_on = \"日\"\nclass = \"类\"\nseverity = \"级\"\nseen_by = \"方\"\nobserver = \"人\"\n\
                   ignore = [\"备注\"]\n";
    fs::write(shell.directory.join("findings.toml"), mapping).unwrap();
    let findings = "流水,幢,幢源,报告,日,类,级,方,人,备注\n\
                    问-1,B-1,census,报-1,2025-04-10,STR.CRACK,限期整改,体检人员,p-81,裂缝\n\
                    问-2,B-2,census,报-2,2025-04-11,STR.CRACK,观察,巡查,g-1,\n\
                    问-3,B-2,census,报-2,2025-04-11,STR.CRACK,甚重,巡查,g-1,\n";
    let (bytes, _, _) = encoding_rs::GB18030.encode(findings);
    write_packed(&shell, "findings.csv.gz", &bytes);
    let import = [
        "import",
        "findings",
        "findings.csv.gz",
        "--source",
        "office",
        "--mapping",
        "findings.toml",
    ];
    let wrong = vec!["4: 级 UNKNOWN_WORD".to_owned()];
    assert_eq!(imported(&shell, &import), (3, told(2, 0, 0, 1), wrong.clone()));
    assert_eq!(imported(&shell, &import), (3, told(0, 0, 2, 1), wrong));
    mend(&shell, "findings.rejects.csv", &[("甚重", "危险")]);
    let rejects = ["import", "findings", "findings.rejects.csv", "--mapping", "findings.toml"];
    assert_eq!(imported(&shell, &rejects), (0, told(1, 0, 0, 0), Vec::new()));
    // A day for the whole file is not of papers.
    write_rows(&shell, "dated.csv", &["# anju: source=office, from=2025-01-01", REPORTS]);
    let refused = shell.run(&["import", "inspections", "dated.csv"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("`from` in the first line is not of inspections"), "{refused:?}");
    server.terminate();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one file after another")]
async fn reports_and_findings_go_in_from_files_once_and_mended_rows_are_fed_back() {
    let home = Home::new();
    let server = home.serve();
    let city = City::found(&server.connect(&home)).await;
    let shell = Shell { url: server.url(), token: home.secret(), directory: home.path() };
    furnished(&shell, &city);

    let paper = format!("{};48211;application/pdf", "9f".repeat(32));
    let good = format!(
        "R-1,B-1,census,体检,2025-04-10,uscc:9141,排查分类;2020;整幢;B,STR,person:p-81,structure,2025-04-12,\
         2025-04-13,已验收,{paper}"
    );
    let reports = [
        REPORTS,
        &good,
        "R-2,B-2,census,巡查,2025年4月11日,,,,,,,2025-04-12,,",
        "R-3,B-9,census,体检,2025-04-10,uscc:9999,,,,,,,,",
        "R-4,B-2,census,体检,2025-04-31,uscc:9141,B,,,,,,,",
        "R-5,B-2,census,体检,2025-04-10,uscc:9141,SURVEY;2020;BUILDING;Z,NIX,,,,,,",
        "R-6,B-2,census,体检,2025-04-10,uscc:9141,,,person:p-81,structure,2025-04-12,2025-04-13,已退回,",
        "R-7,B-2,census,体检,2025-04-10,uscc:9141,,,person:p-81,structure,2025-04-01,,,",
    ];
    write_rows(&shell, "reports.csv", &reports);
    let import = ["import", "inspections", "reports.csv", "--source", "office"];
    let dry = [&import[..], &["--dry-run"]].concat();
    let wrong = [
        "4: 楼栋编号 REFERENCE_NOT_FOUND, 机构外部编号 REFERENCE_NOT_FOUND",
        "5: 检查日期 NOT_A_DAY, 等级 NOT_A_GRADE",
        "6: 等级 GRADE_VALUE, 检查内容 DIMENSION_UNKNOWN",
        "7: 状态 STATE_NOT_TAKEN",
        "8: 签字日期 DAYS_OUT_OF_ORDER",
    ]
    .map(str::to_owned)
    .to_vec();
    let counts = |created: u32, unchanged: u32| {
        format!(
            "created {created}, changed 0, unchanged {unchanged}, conflicts 0, refused 5, warned 1"
        )
    };
    assert_eq!(imported(&shell, &dry), (3, counts(2, 0), wrong.clone()));
    assert_eq!(imported(&shell, &import), (3, counts(2, 0), wrong.clone()));
    // Running it again changes nothing; the rejects of both runs are kept.
    assert_eq!(imported(&shell, &import), (3, counts(0, 2), wrong));
    let mended = [
        ("B-9", "B-1"),
        ("uscc:9999", "uscc:9141"),
        ("2025-04-31,uscc:9141,B,", "2025-04-30,uscc:9141,,"),
        ("BUILDING;Z,NIX", "BUILDING;C,STR"),
        ("已退回", "已提交"),
        ("2025-04-01", "2025-04-12"),
    ];
    mend(&shell, "reports.rejects.csv", &mended);
    let rejects = ["import", "inspections", "reports.rejects.csv"];
    let all = "created 5, changed 0, unchanged 0, conflicts 0, refused 0, warned 0";
    assert_eq!(imported(&shell, &rejects), (0, all.to_owned(), Vec::new()));
    assert_eq!(
        imported(&shell, &rejects).1,
        all.replace("created 5", "created 0").replace("unchanged 0", "unchanged 5")
    );

    let first =
        "W-1,B-1,census,R-1,2025-04-10,STR.CRACK,限期整改,体检人员,p-81,3,2025-04-20,2025-06-30";
    let findings = [
        FINDINGS,
        first,
        "W-1,B-1,census,,2025-05-01,STR.CRACK,危险,业主报告,o-1,3层,,",
        "W-2,B-2,census,R-2,2025-04-11,NO.SUCH,观察,巡查,g-1,,,",
        "W-3,B-2,census,R-1,2025-04-11,STR.CRACK,观察,巡查,g-1,,,",
        "W-4,B-2,census,,2999-04-11,STR.CRACK,观察,巡查,g-1,,,",
        "W-5,B-2,census,,2025-04-11,STR.CRACK,很严重,巡查,g-1,,,2025-06-30",
        first,
    ];
    write_rows(&shell, "findings.csv", &findings);
    let import = ["import", "findings", "findings.csv", "--source", "office"];
    let wrong = [
        "4: 问题类别 CLASS_UNKNOWN",
        "5: 报告编号 REPORT_OTHER_BUILDING",
        "6: 发现日期 FUTURE_DATE",
        "7: 严重程度 UNKNOWN_WORD, 通知日期 REQUIRED",
        "8: 编号 DUPLICATE_KEY",
    ]
    .map(str::to_owned)
    .to_vec();
    let counts = |created: u32, changed: u32, unchanged: u32| {
        format!(
            "created {created}, changed {changed}, unchanged {unchanged}, conflicts 0, refused 5, warned 0"
        )
    };
    assert_eq!(imported(&shell, &import), (3, counts(1, 1, 0), wrong.clone()));
    assert_eq!(imported(&shell, &import), (3, counts(0, 0, 2), wrong));
    let mended = [
        ("NO.SUCH", "STR.CRACK"),
        ("census,R-1,2025-04-11", "census,R-2,2025-04-11"),
        ("2999", "2025"),
        ("很严重,巡查,g-1,,,2025-06-30", "危险,巡查,g-1,,2025-04-15,2025-06-30"),
    ];
    mend(&shell, "findings.rejects.csv", &mended);
    let rejects = ["import", "findings", "findings.rejects.csv"];
    let all = "created 4, changed 0, unchanged 1, conflicts 0, refused 0, warned 0";
    assert_eq!(imported(&shell, &rejects), (0, all.to_owned(), Vec::new()));

    // A row that says otherwise is a correction, and nothing else.
    write_rows(&shell, "worse.csv", &[FINDINGS, &first.replace("限期整改", "危险")]);
    let worse = ["import", "findings", "worse.csv", "--source", "office"];
    let (code, _, told) = imported(&shell, &worse);
    assert_eq!((code, told), (3, vec!["2: 严重程度 ROW_DIFFERS".to_owned()]));
    let correction = [&worse[..], &["--mode", "correction", "--reason", "读数有误"]].concat();
    let (code, told, _) = imported(&shell, &correction);
    assert_eq!((code, told.contains("changed 1")), (0, true), "{told}");

    let building = ["search", "B-1", "--json"];
    let found = shell.run(&building).json();
    let id = text(&found, "/hits/0/building/id").to_owned();
    let reports = shell.run(&["report", "list", "--building", &id, "--json"]).json();
    assert_eq!(text(&reports, "/reports/0/state"), "REPORT_STATE_SUBMITTED");
    let listed = shell.run(&["findings", "--building", &id, "--json"]).json();
    assert_eq!(listed.pointer("/findings").unwrap().as_array().unwrap().len(), 1);
    assert_eq!(text(&listed, "/findings/0/stage"), "FINDING_STAGE_NOTIFIED");
    assert_eq!(text(&listed, "/findings/0/deadline"), "2025-06-30");
    assert_eq!(text(&listed, "/findings/0/severity"), "SEVERITY_UNSAFE");
    let data = format!("data_dir={}", home.data().display());
    server.terminate();
    assert!(ran(command(&["verify", "--setting", &data])).fine().contains("all is well"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_is_gone_old_or_foreign_changes_nothing() {
    let home = Home::new();
    let (server, city) = small_city(&home).await;
    server.terminate();
    let older = home.path().join("older");
    copy(&home.data().join("state"), &older);

    let mut server = home.serve();
    let partition = city.partition.to_string();
    let shell =
        |server: &Server| Shell { url: server.url(), token: home.secret(), directory: home.path() };
    for id in ids(&shell(&server), &city).iter().step_by(3) {
        let change = ["change", id, "--from", "2024-07-01", "--set", "floor_area_m2=500.5"];
        shell(&server).run(&change).fine();
    }
    let before = shell(&server).everything(&partition);
    for (number, state) in State::ALL.into_iter().cycle().skip(1).take(9).enumerate() {
        let is_killed = number % 2 == 0;
        if is_killed {
            server.kill();
        } else {
            assert!(server.terminate().0.success());
        }
        state.put(&home.data(), &older);
        server = home.serve();
        assert_same(&before, &shell(&server).everything(&partition));
    }
    // The rebuilt state is the one that the journal gives.
    server.terminate();
    let data = format!("data_dir={}", home.data().display());
    let verified = ran(command(&["verify", "--setting", &data])).fine();
    assert!(verified.contains("all is well"), "{verified}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flipped_bytes_of_the_journal_are_found_by_verify() {
    let home = Home::new();
    let (server, _) = small_city(&home).await;
    server.terminate();
    let path = home.data().join("journal").join("00000001.seg");
    let bytes = fs::read(&path).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let data = format!("data_dir={}", home.data().display());
    let verify = || ran(command(&["verify", "--journal", "--setting", &data]));
    verify().fine();
    for at in (0..used).step_by(used / 40) {
        let mut flipped = bytes.clone();
        let byte = flipped.get_mut(at).unwrap();
        *byte ^= 1 << (at % 8);
        fs::write(&path, &flipped).unwrap();
        let found = verify();
        assert_eq!(found.code, 3, "byte {at} of {used}: {found:?}");
        assert!(found.out.contains("JOURNAL_DAMAGED"), "byte {at}: {found:?}");
        // Nor is it served.
        let refused = Server::start(home.command(&[], &[])).err().unwrap();
        assert!(refused.contains("journal"), "byte {at}: {refused}");
    }
    fs::write(&path, &bytes).unwrap();
    verify().fine();
    assert!(home.serve().terminate().0.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_asked_to_stop_stops_soon_and_starts_at_once() {
    let home = Home::new();
    let (server, city) = small_city(&home).await;
    let shell = Shell { url: server.url(), token: home.secret(), directory: home.path() };
    // A reader that would stay for ever.
    let after = format!("{}:0", city.partition);
    let mut watch = shell.command(&["watch", "--after", &after, "--json"]);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(watch.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("position"), "{line}");

    let (status, took, log) = server.terminate();
    watch.kill().unwrap();
    watch.wait().unwrap();
    assert!(status.success() && took < Duration::from_secs(10), "{status} after {took:?}\n{log}");
    assert!(log.contains("\"stopped\"") && log.contains("Finished"), "{log}");
    let began = Instant::now();
    let server = home.serve();
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(server.log().contains("\"clean\":true"), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_on_where_it_was_when_the_server_comes_back() {
    let home = Home::new();
    let (server, city) = small_city(&home).await;
    let url = server.url();
    let shell = Shell { url: url.clone(), token: home.secret(), directory: home.path() };
    let id = ids(&shell, &city).swap_remove(0);
    let change = |set: &str| {
        shell.run(&["change", &id, "--from", "2024-07-01", "--set", set, "--json"]).json()
    };
    let first = change("lift_count=1");
    let token = text(&first, "/receipt/commitToken");
    let (_, seq) = token.split_once(':').unwrap();
    let seq: u64 = seq.parse().unwrap();
    let mut watch = shell.command(&["watch", "--after", token, "--count", "3", "--json"]);
    let mut watch = watch.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut position = || {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        text(&line, "/entry/position").to_owned()
    };
    let expected = |after: u64| format!("{}:{}", city.partition, seq + after);

    change("lift_count=2");
    assert_eq!(position(), expected(1));
    server.kill();
    // On the same port.
    let listen = url.strip_prefix("http://").unwrap();
    let server = Server::start(home.command(&[], &[("listen", listen)])).unwrap();
    change("lift_count=3");
    change("lift_count=4");
    assert_eq!([position(), position()], [expected(2), expected(3)]);
    assert!(watch.wait().unwrap().success());
    drop(server);
}

/// Creates one subject by flags; its id.
fn created(shell: &Shell<'_>, kind: &str, exists_from: &str, sets: &[&str]) -> String {
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    let words = ["create", kind, "--exists-from", exists_from, "--json"].into_iter().chain(sets);
    let answer = shell.run(&words.collect::<Vec<_>>()).json();
    text(&answer, &format!("/{kind}/id")).to_owned()
}

/// Creates a province by flags and a city by a file, twice with one request id; the city's id.
fn founded(shell: &Shell<'_>) -> String {
    let province = created(shell, "region", "<1980", &["level=province", "name=河南省"]);
    let fields = serde_json::json!({
        "name": "郑州市", "level": "REGION_LEVEL_CITY", "parentId": province,
    });
    let city = serde_json::json!({
        "existsFrom": "1980", "opensPartition": true, "fields": fields,
    });
    fs::write(shell.directory.join("city.json"), city.to_string()).unwrap();
    let create = ["create", "region", "--file", "city.json"];
    let judged = shell.run(&[&create[..], &["--dry-run"]].concat()).fine();
    assert!(judged.contains("nothing was written"), "{judged}");
    let request = ["--json", "--request-id", "5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11"];
    let create = [&create[..], &request].concat();
    let [first, again] = [(); 2].map(|()| shell.run(&create).json());
    assert_eq!(again.pointer("/receipt/repeated"), Some(&Value::Bool(true)), "{again:#}");
    assert_eq!(first.pointer("/region"), again.pointer("/region"));
    text(&first, "/region/id").to_owned()
}

/// Registers a compound and a building of it with a point, and finds them by boxes of a map.
fn are_found_in_their_box(shell: &Shell<'_>, in_community: &str) {
    let place = "location=cgcs2000:113.62,34.76";
    let compound = created(shell, "compound", "1985", &["name=乙院", in_community, place]);
    let in_compound = format!("compound_id={compound}");
    let building = created(shell, "building", "1986", &["name=乙楼", &in_compound, place]);
    for (kinds, id) in [("compounds", &compound), ("buildings", &building)] {
        let list = |around| shell.run(&["list", kinds, "--box", around, "--json"]).json();
        let found = list("cgcs2000:113.61,34.75;113.63,34.77");
        assert_eq!(text(&found, &format!("/{kinds}/0/id")), id);
        assert_eq!(found.pointer(&format!("/{kinds}/1")), None, "{found:#}");
        let beside = list("cgcs2000:113.63,34.75;113.65,34.77");
        assert_eq!(beside.pointer(&format!("/{kinds}")), None, "{beside:#}");
    }
    let both = ["--region", "gbt2260:410105", "--box", "cgcs2000:113.61,34.75;113.63,34.77"];
    for flags in [&both[..], &[]] {
        let refused = shell.run(&[&["list", "compounds"], flags].concat());
        assert_eq!(refused.code, 2, "{refused:?}");
    }
}

#[test]
fn a_city_is_founded_merged_split_and_moved_by_commands_alone() {
    let home = Home::new();
    let server = home.serve();
    let shell = Shell { url: server.url(), token: home.secret(), directory: home.path() };
    let region = |level: &str, name: &str, parent: &str| {
        let (level, name) = (format!("level={level}"), format!("name={name}"));
        let parent = format!("parent_id={parent}");
        created(&shell, "region", "1980", &[&level, &name, &parent])
    };
    let city = founded(&shell);
    let district = region("district", "金水区", &city);
    let streets = ["东街道", "西街道"].map(|name| region("street", name, &district));
    let community = region("community", "甲社区", &streets[0]);
    let in_community = format!("community_id={community}");
    let compound = created(&shell, "compound", "1985", &["name=甲院", &in_community]);
    let in_compound = format!("compound_id={compound}");
    let [one, two] = ["1号楼", "2号楼"].map(|name| {
        let name = format!("name={name}");
        created(&shell, "building", "1986", &[&name, &in_compound, "floor_area_m2=600"])
    });
    let in_one = format!("building_id={one}");
    let unit = created(&shell, "unit", "1986", &[&in_one, "number=101", "area_m2=60"]);
    let buildings = |id: &str, day: &str| {
        certain(&shell.run(&["totals", id, "--valid-at", day, "--json"]).json(), "buildings")
    };
    let parent = |id: &str, field: &str| {
        let record = shell.run(&["get", id, "--json"]).json();
        let pointer = format!("/{}/fields/{field}", if id == unit { "unit" } else { "region" });
        text(&record, &pointer).to_owned()
    };

    // Two become one, in which the unit of the first now is.
    let merge = ["merge", &one, &two, "--on", "2000-01-01", "--set", "name=大楼", "--json"];
    let merge = [&merge[..], &["--set", "floor_area_m2=1200"]].concat();
    shell.run(&[&merge[..], &["--dry-run"]].concat()).fine();
    assert_eq!(buildings(&compound, "2000-01-01"), 2);
    let merged = text(&shell.run(&merge).json(), "/building/id").to_owned();
    assert_eq!((buildings(&compound, "1999-12-31"), buildings(&compound, "2000-01-01")), (2, 1));
    assert_eq!(parent(&unit, "buildingId"), merged);

    // It is split again, and the unit goes to the second part.
    let split = ["split", &merged, "--on", "2010-01-01", "--json", "--part", "1/3;name=东楼"];
    let split = [&split[..], &["--part", "2/3;name=西楼;floor_area_m2=800"]].concat();
    let refused = shell.run(&split);
    assert_eq!(refused.code, 5, "{refused:?}");
    assert!(refused.err.contains("UNASSIGNED_CHILDREN"), "{refused:?}");
    let child = format!("{unit}=2");
    let parts = shell.run(&[&split[..], &["--child", &child]].concat()).json();
    assert_eq!(text(&parts, "/parts/0/fields/name"), "东楼");
    assert_eq!(parent(&unit, "buildingId"), text(&parts, "/parts/1/id"));
    assert_eq!(buildings(&compound, "2010-01-01"), 2);

    // The community comes under the other street, with all that is in it.
    let transfer = ["transfer", &community, "--to", &streets[1], "--from", "2020-01-01"];
    shell.run(&[&transfer[..], &["--dry-run"]].concat()).fine();
    assert_eq!(parent(&community, "parentId"), streets[0]);
    shell.run(&transfer).fine();
    assert_eq!(parent(&community, "parentId"), streets[1]);
    let of_streets = |day: &str| [0, 1].map(|street: usize| buildings(&streets[street], day));
    assert_eq!([of_streets("2019-12-31"), of_streets("2020-01-01")], [[2, 0], [0, 2]]);
    let moved_away = shell.run(&["transfer", &community, "--to", &city, "--from", "2021-01-01"]);
    assert_eq!(moved_away.code, 5, "{moved_away:?}");
    are_found_in_their_box(&shell, &in_community);
}

#[test]
fn who_has_no_token_or_a_wrong_one_is_turned_away() {
    let home = Home::new();
    let server = home.serve();
    let shell = Shell { url: server.url(), token: "anju_wrong", directory: home.path() };
    let wrong = shell.run(&["status"]);
    assert_eq!(wrong.code, 6, "{wrong:?}");
    assert!(wrong.err.contains("TOKEN_UNKNOWN"), "{wrong:?}");
    assert!(wrong.err.contains("the token of --token or ANJU_TOKEN was not taken"), "{wrong:?}");
    for words in [&["status"][..], &["watch"], &["history", "bld_01HF7YAT000000E0000000001A"]] {
        let mut none = command(words);
        none.env("ANJU_SERVER", server.url()).current_dir(home.path());
        let none = ran(none);
        assert_eq!(none.code, 6, "{none:?}");
        for told in [
            "TOKEN_MISSING",
            "no --token (ANJU_TOKEN)",
            "no --token-file (ANJU_TOKEN_FILE)",
            "no ./anju-data/client.token",
            "`anju token new`",
        ] {
            assert!(none.err.contains(told), "{none:?}");
        }
    }
    let right = Shell { token: home.secret(), ..shell };
    assert!(right.run(&["whoami"]).fine().contains("tester"));
}

#[test]
fn a_second_server_of_a_directory_says_whose_it_is_and_ends() {
    let home = Home::new();
    let first = home.serve();
    let refused = Server::start(home.command(&[], &[])).err().unwrap();
    let data = home.data().display().to_string();
    assert!(refused.contains(&data) && refused.contains("in use by another process"), "{refused}");
    assert!(refused.contains("exit status: 1"), "{refused}");
    // The first one is none the worse for it.
    let shell = Shell { url: first.url(), token: home.secret(), directory: home.path() };
    shell.run(&["status"]).fine();
    first.kill();
    home.serve();
}

#[test]
fn a_secured_server_is_reached_by_those_who_trust_its_authority_alone() {
    let home = Home::new();
    let authority = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        fs::write(home.path().join(name), authority.pem()).unwrap();
        authority
    };
    let (trusted, _) = (authority("ca.pem"), authority("other.pem"));
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &trusted).unwrap();
    let [certificate_path, key_path] =
        ["server.pem", "server.key"].map(|name| home.path().join(name));
    fs::write(&certificate_path, certificate.pem()).unwrap();
    fs::write(&key_path, key.serialize_pem()).unwrap();
    let settings = [
        ("tls.certificate", certificate_path.to_str().unwrap()),
        ("tls.key", key_path.to_str().unwrap()),
    ];
    let server = Server::start(home.command(&[], &settings)).unwrap();
    let (_, port) = server
        .url()
        .rsplit_once(':')
        .map(|(host, port)| (host.to_owned(), port.to_owned()))
        .unwrap();
    let at = |url: String| Shell { url, token: home.secret(), directory: home.path() };
    let secured = at(format!("https://localhost:{port}"));
    assert!(secured.run(&["whoami", "--ca", "ca.pem"]).fine().contains("tester"));
    for (words, code) in [(&["status", "--ca", "other.pem"][..], 6), (&["status"], 2)] {
        let ran = secured.run(words);
        assert_eq!(ran.code, code, "{words:?}: {ran:?}");
    }
    let in_clear = at(format!("http://localhost:{port}")).run(&["status"]);
    assert_eq!(in_clear.code, 7, "{in_clear:?}");
    assert!(in_clear.err.contains("seems to speak TLS"), "{in_clear:?}");
}

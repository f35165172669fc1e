//! Files of policies, imported with the command line's own client over the API.

use std::{fs, path::PathBuf};

use anju::{
    cli::import::ImportArgs,
    exchange::column::FileKind,
    proto::v1::{self, list_policies_request::Of},
};
use expect_test::expect;
use tempfile::TempDir;

use crate::{
    imports::run,
    policies::{Desk, policies},
};

const HEADER: &str = "key,region_id,policy_number,product,clause,insurers,object_ids,building_keys,\
    object_source,covers,premiums,policy_standing,bound_on,over_on,exists_from,from";

/// An office that gets files of policies, and a building B-1 of the census.
struct Files {
    desk: Desk,
    directory: TempDir,
}

impl Files {
    async fn start() -> Self {
        let files = Self { desk: Desk::start().await, directory: tempfile::tempdir().unwrap() };
        let compound = &files.desk.compound;
        let text = format!("key,compound_id,exists_from\nB-1,{compound},2012\n");
        let path = files.path("buildings.csv");
        fs::write(&path, text).unwrap();
        let source = Some("census".to_owned());
        let args = ImportArgs { source, ..ImportArgs::of(FileKind::Buildings, vec![path]) };
        run(&files.desk.city, "operator", args).await;
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The cells of a policy of the insurer: the key, the cells that are said, and all others as usual.
    fn row(&self, key: &str, said: &[(&str, &str)]) -> String {
        let usual = |column: &str| match column {
            "key" => key.to_owned(),
            "region_id" => self.desk.city.streets[0].clone(),
            "policy_number" => format!("NO-{key}"),
            "product" => "IDI".to_owned(),
            "clause" => "2019-example".to_owned(),
            "insurers" => "EXAMPLE-insurer 60%|EXAMPLE-other 40%".to_owned(),
            "building_keys" => "B-1".to_owned(),
            "object_source" => "census".to_owned(),
            "covers" => "STR;sum=1000000|WTR;sum=200000.50".to_owned(),
            "premiums" => "15000;DEVELOPER".to_owned(),
            "exists_from" => "2013-03-01".to_owned(),
            _ => String::new(),
        };
        let cells = HEADER.split(',').map(|column| {
            let column = column.trim();
            let own = said.iter().find(|(name, _)| *name == column);
            own.map_or_else(|| usual(column), |(_, cell)| (*cell).to_owned())
        });
        cells.collect::<Vec<_>>().join(",")
    }

    async fn send(&self, who: &str, kind: FileKind, text: &str, correction: bool) -> String {
        let path = self.path("rows.csv");
        fs::write(&path, text).unwrap();
        let rejects = self.path("rejects.csv");
        let _ = fs::remove_file(&rejects);
        let args = ImportArgs {
            source: Some("insurer-2026".to_owned()),
            mode: correction.then_some(anju::cli::import::ModeArg::Correction),
            reason: correction.then(|| "misread".to_owned()),
            rejects: Some(rejects),
            ..ImportArgs::of(kind, vec![path])
        };
        let (_, summary) = run(&self.desk.city, who, args).await;
        let file = &summary["files"][0];
        let mut lines = vec![];
        for name in ["created", "changed", "unchanged", "conflicts", "refused"] {
            let count = file["counts"][name].as_u64().unwrap();
            if count > 0 {
                lines.push(format!("{name} {count}"));
            }
        }
        let rejected = file["first_rejected"].as_array().unwrap().iter();
        lines.extend(
            rejected.map(|row| format!("{}: {}", row["line"], row["reasons"].as_str().unwrap())),
        );
        // Ids are drawn anew by every run.
        let told = lines.join("\n");
        let words =
            told.split(' ').map(|word| if word.starts_with("bld_") { "bld_…" } else { word });
        words.collect::<Vec<_>>().join(" ")
    }

    /// Imports rows of policies, and tells what became of them.
    async fn import(&self, who: &str, rows: &[String]) -> String {
        let text = format!("{HEADER}\n{}\n", rows.join("\n"));
        self.send(who, FileKind::Policies, &text, false).await
    }

    async fn correct(&self, who: &str, rows: &[String]) -> String {
        let text = format!("{HEADER}\n{}\n", rows.join("\n"));
        self.send(who, FileKind::Policies, &text, true).await
    }

    /// The id of the policy with a number.
    async fn id(&self, number: &str) -> String {
        let message = v1::ListPoliciesRequest {
            of: Some(Of::RegionId(self.desk.city.streets[0].clone())),
            ..v1::ListPoliciesRequest::default()
        };
        let asked = self.desk.city.asking("operator", message);
        let listed = policies(&self.desk.city).list_policies(asked).await.unwrap().into_inner();
        let has = |policy: &&v1::Policy| {
            policy.fields.as_ref().unwrap().policy_number.as_deref() == Some(number)
        };
        listed.policies.iter().find(has).unwrap().id.clone()
    }

    /// Where a policy stands on days.
    async fn states(&self, number: &str, days: &[&str]) -> String {
        let id = self.id(number).await;
        let mut states = Vec::new();
        for day in days {
            states.push(format!("{day} {}", self.desk.state(&id, day).await.unwrap()));
        }
        states.join(", ")
    }
}

#[tokio::test]
async fn a_file_of_policies_is_taken_once_and_steps_are_taken_as_they_come() {
    let files = Files::start().await;
    let building = files.desk.building.clone();
    let mut told = Vec::new();
    let bound = files.row("P-1", &[("policy_standing", "BOUND"), ("bound_on", "2013-04-01")]);
    let other = [("object_ids", building.as_str()), ("building_keys", ""), ("object_source", "")];
    let quoted = files.row("P-2", &other);
    let over = [
        ("policy_standing", "退保"),
        ("bound_on", "2013-04-01"),
        ("over_on", "2014-01-01"),
        ("exists_from", ""),
        ("insurers", "EXAMPLE-insurer"),
    ];
    let rows = [bound, quoted, files.row("P-3", &over)];
    told.push(files.import("insurer", &rows).await);
    let size = files.desk.last();
    told.push(files.import("insurer", &rows).await);
    assert_eq!(files.desk.last(), size, "the same file writes nothing");
    let days = ["2013-03-01", "2013-03-31", "2013-04-01", "2013-12-31", "2014-01-01"];
    told.push(files.states("NO-P-1", &days).await);
    told.push(files.states("NO-P-2", &days).await);
    told.push(files.states("NO-P-3", &["2013-04-01", "2013-12-31", "2014-01-01"]).await);

    // What was a quotation is bound, and lapses; an endorsement holds from its day.
    let step = |said: &[(&'static str, &'static str)]| {
        let said = other.iter().chain(said).copied().collect::<Vec<_>>();
        files.row("P-2", &said)
    };
    let bound = [("policy_standing", "BOUND"), ("bound_on", "2013-06-01")];
    told.push(files.import("insurer", &[step(&bound)]).await);
    let more = [("covers", "STR;sum=1500000;deductible=500"), ("from", "2015-01-01")];
    told.push(files.import("insurer", &[step(&[bound[0], bound[1], more[0], more[1]])]).await);
    let lapsed = [("policy_standing", "LAPSED"), bound[1], ("over_on", "2016-01-01"), more[0]];
    told.push(files.import("insurer", &[step(&lapsed)]).await);
    told.push(files.import("insurer", &[step(&lapsed)]).await);
    told.push(
        files.states("NO-P-2", &["2013-05-31", "2013-06-01", "2015-12-31", "2016-01-01"]).await,
    );
    // A step on another day stays as the registry has it, and is told by every run; what was wrong is
    // corrected beside it. A step that is new is a change.
    let moved = [lapsed[0], ("bound_on", "2013-07-01"), lapsed[2], more[0]];
    told.push(files.import("insurer", &[step(&moved)]).await);
    let holder = ("policy_number", "NO-P-2-B");
    told.push(
        files
            .correct("insurer", &[step(&[lapsed[0], lapsed[1], lapsed[2], more[0], holder])])
            .await,
    );
    told.push(files.states("NO-P-2-B", &["2013-05-31", "2016-01-01"]).await);
    let anew = [lapsed[0], ("bound_on", "2013-04-01"), lapsed[2]];
    told.push(files.correct("insurer", &[files.row("P-1", &anew)]).await);
    let elsewhen = [anew[0], anew[1], anew[2], ("from", "2016-02-01")];
    told.push(files.import("insurer", &[files.row("P-1", &elsewhen)]).await);
    expect![[r#"
        created 3
        unchanged 3
        2013-03-01 QUOTED, 2013-03-31 QUOTED, 2013-04-01 UNKNOWN, 2013-12-31 UNKNOWN, 2014-01-01 UNKNOWN
        2013-03-01 QUOTED, 2013-03-31 QUOTED, 2013-04-01 QUOTED, 2013-12-31 QUOTED, 2014-01-01 QUOTED
        2013-04-01 UNKNOWN, 2013-12-31 UNKNOWN, 2014-01-01 CANCELLED
        changed 1
        changed 1
        changed 1
        unchanged 1
        2013-05-31 QUOTED, 2013-06-01 BOUND, 2015-12-31 BOUND, 2016-01-01 LAPSED
        conflicts 1
        2: bound_on CONFLICT: the row says "2013-07-01", but somebody has said "2013-06-01" since; it stays
        changed 1
        2013-05-31 QUOTED, 2016-01-01 LAPSED
        refused 1
        2: policy_standing POLICY_STATE: that it is lapsed since 2016-01-01 is imported as a change; id POLICY_STATE: what is quoted on 2013-04-01 does not become lapsed
        refused 1
        2: from CONFLICTING: by over_on it is lapsed since 2016-01-01: give no other day"#]].assert_eq(&told.join("\n"));
}

#[tokio::test]
async fn every_bad_row_of_a_file_of_policies_is_told_by_its_column() {
    let files = Files::start().await;
    let overlap =
        "STR;sum=1;from=2016-01-01;until=2017-01-01|STR;sum=1;from=2016-06-01;until=2018-01-01";
    let rows = [
        files.row("Q-1", &[("clause", "1999")]),
        files.row("Q-2", &[("insurers", "EXAMPLE-insurer 60%|EXAMPLE-other 30%")]),
        files.row("Q-3", &[("building_keys", "B-1|B-9")]),
        files.row("Q-4", &[("covers", overlap)]),
        files.row("Q-5", &[("covers", "NIX;sum=1")]),
        files.row("Q-6", &[("insurers", "EXAMPLE-other")]),
        files.row("Q-7", &[("policy_standing", "BOUND"), ("bound_on", "2012-01-01")]),
        files.row("Q-8", &[("bound_on", "2014-01-01")]),
        files.row("Q-9", &[("policy_standing", "LAPSED"), ("bound_on", "2014-01-01")]),
        files.row("Q-10", &[("policy_standing", "CANCELLED")]),
        files.row("Q-11", &[("region_id", ""), ("exists_from", ""), ("covers", "STR;sum=1万")]),
        files.row("Q-12", &[("building_keys", "B-1|B-1")]),
        files.row("Q-13", &[]),
    ];
    let mut told = Vec::new();
    // A summary tells the first five.
    for rows in rows.chunks(5) {
        told.push(files.import("insurer", rows).await);
    }
    // The rejects are mended and fed back, as the file that they are.
    told.push(files.import("insurer", &rows[..2]).await);
    let rejects = fs::read_to_string(files.path("rejects.csv")).unwrap();
    let mended = rejects.replace("1999", "2019-example").replace("30%", "40%");
    told.push(files.send("insurer", FileKind::Policies, &mended, false).await);
    expect![[r#"
        refused 5
        2: clause CLAUSE_UNKNOWN: no list of products has "IDI" with the clause "1999"
        3: insurers INSURER_SHARES: 600000/1000000 + 300000/1000000 is not one exactly
        4: building_keys REFERENCE_NOT_FOUND: no building within the regions of the credential is known by this reference
        5: covers COVER_OVERLAP: cover "STR" is there already: STR 2016-01-01 to 2017-01-01 sum 1.00
        6: covers COVER_UNKNOWN: "NIX" is none of the clause's covers: FIN, STR, WTR
        refused 5
        2: insurers OUT_OF_REACH: an insurer writes policies that it leads: the first of the insurers leads
        3: bound_on SAID_BEFORE_IT_BEGINS: it is there since 2013-03-01, and not on 2012-01-01 yet
        4: bound_on CONFLICTING: a policy that is quoted has no bound_on
        5: over_on REQUIRED: since when it is lapsed is said with since when it was bound; policy_standing POLICY_STATE: a policy begins as quoted or bound, not lapsed
        6: policy_standing POLICY_STATE: a policy begins as quoted or bound, not cancelled
        created 1
        refused 2
        2: covers UNIT_NOT_TAKEN: numbers in 万 or 亿 are not taken: write all digits; exists_from REQUIRED: a new row says since when it exists; region_id REQUIRED: a policy is kept for a region
        3: object_ids REPEATED: bld_… is named twice
        refused 2
        2: clause CLAUSE_UNKNOWN: no list of products has "IDI" with the clause "1999"
        3: insurers INSURER_SHARES: 600000/1000000 + 300000/1000000 is not one exactly
        created 2"#]].assert_eq(&told.join("\n"));
}

#[tokio::test]
async fn insurers_import_their_own_policies_and_nothing_else() {
    let files = Files::start().await;
    let mine = files.row("P-1", &[("insurers", "EXAMPLE-insurer")]);
    let mut told = vec![files.import("insurer", std::slice::from_ref(&mine)).await];
    // Another insurer neither learns of it nor changes it, and has its own beside it.
    let taken = files.row("P-1", &[("insurers", "EXAMPLE-rival")]);
    let own = files.row("P-9", &[("insurers", "EXAMPLE-rival")]);
    told.push(files.import("rival", &[mine.clone(), own.clone()]).await);
    told.push(files.import("rival", &[taken]).await);
    told.push(files.import("insurer", &[mine.clone(), own.clone()]).await);
    // Who follows reads it, and neither changes it nor makes itself the leader of it.
    let shared = |insurers: &str| files.row("P-5", &[("insurers", insurers)]);
    let led = shared("EXAMPLE-insurer 60%|EXAMPLE-rival 40%");
    told.push(files.import("rival", std::slice::from_ref(&led)).await);
    told.push(files.import("insurer", std::slice::from_ref(&led)).await);
    told.push(files.import("rival", &[shared("EXAMPLE-rival 60%|EXAMPLE-insurer 40%")]).await);
    told.push(files.import("rival", std::slice::from_ref(&led)).await);
    // Who may not create policies imports none; insurers import nothing else.
    told.push(files.import("east", std::slice::from_ref(&mine)).await);
    let compound = &files.desk.compound;
    let text = format!("key,compound_id,exists_from\nB-2,{compound},2012\n");
    told.push(files.send("insurer", FileKind::Buildings, &text, false).await);
    // The bureau imports those of all.
    told.push(files.import("city", &[mine, own]).await);
    expect![[r"
        created 1
        created 1
        refused 1
        2: OUT_OF_REACH: what this row is about is not within the regions of the credential
        refused 1
        2: OUT_OF_REACH: what this row is about is not within the regions of the credential
        unchanged 1
        refused 1
        3: OUT_OF_REACH: what this row is about is not within the regions of the credential
        refused 1
        2: insurers OUT_OF_REACH: an insurer writes policies that it leads: the first of the insurers leads
        created 1
        refused 1
        2: OUT_OF_REACH: an insurer writes policies that it leads: the first of the insurers leads
        refused 1
        2: OUT_OF_REACH: an insurer writes policies that it leads: the first of the insurers leads
        refused 1
        2: row ROLE_NOT_PERMITTED: the role district_operator sends no rows of this kind
        refused 1
        2: row ROLE_NOT_PERMITTED: the role insurer sends no rows of this kind
        unchanged 2"]]
    .assert_eq(&told.join("\n"));
}

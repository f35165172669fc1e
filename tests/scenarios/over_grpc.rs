//! The server, asked over a connection: requests and answers by the names of the API, as JSON.

use std::{collections::BTreeSet, sync::Arc};

use anju::{
    auth::role::Role,
    cli::{message, set::enum_number},
    client::{ClientTls, Connection, POOL, method},
    kernel::{
        hash::Hash,
        id::{Kind, SubjectId},
        position::Position,
        time::Day,
    },
    store::memory::MemoryStore,
};
use prost_reflect::{DynamicMessage, Kind as FieldKind, SerializeOptions};
use serde_json::{Map, Value, json};
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::{
    floor::{
        Act, ClaimStep, ClaimView, Correct, CoverLine, Done, DueView, FindingView, Floor, Follow,
        Fund, Into, Known, Loss, Observed, Paper, Relative, Said, Saying, Split, Step, Time, Told,
        Total, View, Who, Wrong,
    },
    in_process::{end_of, morning},
    served::Serving,
};

/// The largest page of any list: no scenario has more rows.
const ROWS: i32 = 500;

pub(crate) struct OverGrpc {
    serving: Serving,
    /// A connection for each who acts, in the order of [`Who::ALL`].
    connections: Vec<Connection>,
}

const fn role(who: Who) -> Role {
    match who {
        Who::Office => Role::Operator,
        Who::Inspector => Role::InspectionBody,
        Who::Insurer => Role::Insurer,
        Who::Patrol => Role::GridWorker,
        Who::Bureau => Role::MunicipalOperator,
    }
}

impl OverGrpc {
    pub(crate) fn new() -> Self {
        let now = morning("2020-01-01".parse().unwrap());
        let who = Who::ALL.map(|who| (who.name(), role(who)));
        let serving = Serving::start(Arc::new(MemoryStore::new()), now, &who);
        let within = serving.runtime.enter();
        let connection = |secret: &String| {
            let tls = ClientTls::default();
            Connection::open(&serving.address, Some(secret.clone()), &tls).unwrap()
        };
        let connections = serving.secrets.iter().map(connection).collect();
        drop(within);
        Self { serving, connections }
    }

    fn call(&self, who: Who, service: &str, name: &str, asked: Value) -> Result<Value, Vec<Wrong>> {
        let method = method(service, name).unwrap_or_else(|| panic!("{service}.{name}"));
        let request = DynamicMessage::deserialize(method.input(), asked.clone());
        let request = request.unwrap_or_else(|error| panic!("{name} {asked}: {error}"));
        let at = Who::ALL.iter().position(|one| *one == who).unwrap();
        let connection = &self.connections[at];
        let answer = self.serving.runtime.block_on(connection.call(&method, &request));
        let answer = answer.map_err(|status| wrong(&status))?.into_inner();
        let options =
            SerializeOptions::new().use_proto_field_name(true).stringify_64_bit_integers(false);
        Ok(answer.serialize_with_options(serde_json::value::Serializer, &options).unwrap())
    }

    fn ask(&self, service: &str, name: &str, asked: Value) -> Result<Value, Vec<Wrong>> {
        self.call(Who::Office, service, name, asked)
    }

    fn seen(&self, id: &str, time: &Time) -> Result<Value, Vec<Wrong>> {
        let kind = kind_of(id);
        let noun = message::noun(kind);
        let asked = json!({ "context": reading(time), "id": id });
        let answer = self.ask(message::service(kind), &format!("Get{noun}"), asked)?;
        Ok(answer[noun.to_lowercase()].clone())
    }
}

fn kind_of(id: &str) -> Kind {
    id.parse::<SubjectId>().unwrap().kind()
}

/// What comes with a write.
fn writing(reason: &str) -> Value {
    json!({ "requestId": uuid::Uuid::new_v4().to_string(), "reason": reason })
}

/// What comes with a read.
fn reading(time: &Time) -> Value {
    let mut read = Map::new();
    if let Some(day) = time.valid {
        read.insert("validAt".to_owned(), json!(day.to_string()));
    }
    match time.known {
        Known::Now => {}
        Known::Day(day) => {
            read.insert("knownAt".to_owned(), json!(end_of(day).to_string()));
        }
        Known::Seq(seq) => {
            read.insert("knownAtSeq".to_owned(), json!(seq));
        }
    }
    json!({ "readTime": read })
}

/// Everything that a status says is wrong.
fn wrong(status: &Status) -> Vec<Wrong> {
    let details = status.get_error_details();
    let fields = details.bad_request().map(|bad| &bad.field_violations);
    let fields = fields.into_iter().flatten().map(|one| (one.reason.clone(), one.field.clone()));
    let rules = details.precondition_failure().map(|failure| &failure.violations);
    let rules = rules.into_iter().flatten().map(|one| (one.r#type.clone(), one.subject.clone()));
    let all = fields.chain(rules).collect::<Vec<_>>();
    if all.is_empty() {
        let reason = details.error_info().map(|info| info.reason.clone());
        return vec![(reason.unwrap_or_else(|| status.to_string()), String::new())];
    }
    all
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// A value of an enumeration without its prefix.
fn word(value: &Value, field: &str, prefix: &str) -> String {
    text(value, field).trim_start_matches(prefix).to_owned()
}

fn number(value: &Value, field: &str) -> i64 {
    value[field].as_i64().unwrap_or_default()
}

fn list<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value[field].as_array().into_iter().flatten()
}

fn texts(value: &Value, field: &str) -> Vec<String> {
    list(value, field).map(|one| one.as_str().unwrap_or_default().to_owned()).collect()
}

/// The fields of a request, and the mask that names them.
#[expect(clippy::too_many_lines, reason = "one arm for each thing that is said")]
fn fields(saying: &Saying) -> (Value, String) {
    let descriptor =
        POOL.get_message_by_name(&format!("anju.v1.{}Fields", message::noun(saying.kind))).unwrap();
    let (mut fields, mut mask) = (Map::new(), BTreeSet::new());
    let mut put = |name: &str, value: Option<Value>, is_list: bool| {
        mask.insert(name.to_owned());
        let Some(value) = value else { return };
        if is_list {
            let list = fields.entry(name).or_insert_with(|| json!([]));
            list.as_array_mut().unwrap().push(value);
        } else {
            fields.insert(name.to_owned(), value);
        }
    };
    for said in &saying.said {
        match said {
            Said::Field { name, value } => {
                let field = descriptor.get_field_by_name(name);
                let field = field.unwrap_or_else(|| panic!("the API has no {name}"));
                let value = value.as_ref().map(|value| match field.kind() {
                    FieldKind::Enum(of) => json!(enum_number(&of, value).unwrap()),
                    _ => json!(value),
                });
                put(name, value, false);
            }
            Said::Number { scheme, value } => {
                let name = if saying.kind == Kind::Region { "codes" } else { "identifiers" };
                put(name, Some(json!({ "scheme": scheme, "value": value })), true);
            }
            Said::Doubt { field, sentence } => {
                put("doubts", Some(json!({ "field": field, "sentence": sentence })), true);
            }
            Said::Licence { scope, from, until } => {
                let licence = json!({
                    "scope": scope, "certificate": "C-1", "from": from, "until": until
                });
                put("qualifications", Some(licence), true);
            }
            Said::Employed { body, from } => {
                put("employments", Some(json!({ "bodyId": body, "from": from })), true);
            }
            Said::Funding { source, amount } => {
                let (source, amount) = (source.clone(), *amount);
                put("funding", Some(funding(&Fund { source, amount, invoice: None })), false);
            }
            Said::Insurer { company } => {
                let whole = json!({
                    "company": company, "shareNumerator": 1, "shareDenominator": 1
                });
                put("insurers", Some(whole), true);
            }
            Said::Insures { ids } => {
                for id in ids {
                    put("object_ids", Some(json!(id)), true);
                }
            }
            Said::Covers { items } => {
                for (cover, sum) in items {
                    let item = json!({ "cover": cover, "sumInsuredFen": sum });
                    put("covers", Some(item), true);
                }
            }
            Said::Grade { value } => {
                let grade = json!({
                    "scale": "GRADE_SCALE_SURVEY", "edition": "2020",
                    "scope": "GRADE_SCOPE_BUILDING", "aspect": "GRADE_ASPECT_WHOLE",
                    "value": value
                });
                put("grades", Some(grade), true);
            }
        }
    }
    let mask = mask.iter().map(|name| camel(name)).collect::<Vec<_>>();
    (Value::Object(fields), mask.join(","))
}

/// A name of a field as JSON has it.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.extend(letters);
    }
    camel
}

fn observation(seen: &Observed) -> Value {
    let place = seen.storey.map(|storey| json!({ "floor": storey }));
    json!({
        "source": format!("OBSERVATION_SOURCE_{}", seen.source.to_uppercase()),
        "observer": seen.observer,
        "class": seen.class,
        "severity": format!("SEVERITY_{}", seen.severity.to_uppercase()),
        "place": place,
    })
}

/// The service, the method and the request of an act, without what comes with a write.
fn request(act: &Act) -> (&'static str, String, Value) {
    let of = |kind: Kind, verb: &str, asked: Value| {
        let nouns = if verb == "Merge" { "s" } else { "" };
        (message::service(kind), format!("{verb}{}{nouns}", message::noun(kind)), asked)
    };
    match act {
        Act::Register { saying, from, opens_partition } => {
            let mut asked = json!({ "fields": fields(saying).0, "existsFrom": from });
            if *opens_partition {
                asked["opensPartition"] = json!(true);
            }
            of(saying.kind, "Create", asked)
        }
        Act::Reference { text, region } => {
            let asked = json!({ "text": text, "regionId": region });
            ("ReferenceService", "LoadReference".to_owned(), asked)
        }
        Act::Change { id, from, saying } => {
            let (fields, mask) = fields(saying);
            let asked = json!({ "id": id, "from": from, "fields": fields, "updateMask": mask });
            of(kind_of(id), "Change", asked)
        }
        Act::Correct(correct) => of(kind_of(&correct.id), "Correct", correct_request(correct)),
        Act::End { id, on, cause } => {
            let cause = format!("END_CAUSE_{}", cause.to_uppercase());
            of(kind_of(id), "End", json!({ "id": id, "endedOn": on, "cause": cause }))
        }
        Act::Merge { kind, ids, into, on } => {
            let asked = match into {
                Into::Known(id) => json!({ "ids": ids, "intoId": id, "day": on }),
                Into::New(saying) => json!({ "ids": ids, "into": fields(saying).0, "day": on }),
            };
            of(*kind, "Merge", asked)
        }
        Act::Split(split) => of(kind_of(&split.id), "Split", split_request(split)),
        Act::Retract { id, entry } => {
            of(kind_of(id), "Retract", json!({ "id": id, "entry": entry }))
        }
        Act::Transfer { id, parent, from } => of(
            Kind::Region,
            "Transfer",
            json!({ "regionId": id, "parentId": parent, "from": from }),
        ),
        Act::Report(paper) => {
            ("InspectionService", "RecordReport".to_owned(), paper_request(paper))
        }
        Act::Advance { report, step, on } => {
            let (verb, asked) = step_request(report, step, on);
            of(Kind::Report, verb, asked)
        }
        Act::Observe { building, etag, seen } => {
            let asked = json!({
                "buildingId": building,
                "findingId": seen.finding.clone().unwrap_or_default(),
                "etag": etag.map(|etag| etag.to_string()).unwrap_or_default(),
                "observedOn": seen.on,
                "observation": observation(seen),
            });
            of(Kind::Finding, "Observe", asked)
        }
        Act::Follow { finding, on, follow } => {
            let (name, saying) = follow_request(follow);
            let asked = json!({ "id": finding, "on": on, "saying": saying });
            ("FindingService", name.to_owned(), asked)
        }
        Act::Claim { .. } | Act::Fund { .. } | Act::Cancel { .. } => insured_request(act),
    }
}

fn correct_request(correct: &Correct) -> Value {
    let mut asked = json!({ "id": correct.id, "entry": correct.entry });
    let days =
        [("from", &correct.from), ("existsFrom", &correct.began), ("endedOn", &correct.ended)];
    for (name, day) in days {
        if let Some(day) = day {
            asked[name] = json!(day);
        }
    }
    if !correct.saying.said.is_empty() {
        let (fields, mask) = fields(&correct.saying);
        (asked["fields"], asked["updateMask"]) = (fields, json!(mask));
    }
    asked
}

fn step_request(report: &str, step: &Step, on: &str) -> (&'static str, Value) {
    let mut asked = json!({ "id": report, "on": on });
    let verb = match step {
        Step::Sign { signers, scope } => {
            (asked["signerIds"], asked["scope"]) = (json!(signers), json!(scope));
            "Sign"
        }
        Step::Submit => "Submit",
        Step::Accept => "Accept",
        Step::Return => "Return",
        Step::Supersede { by } => {
            asked["byId"] = json!(by);
            "Supersede"
        }
    };
    (verb, asked)
}

fn follow_request(follow: &Follow) -> (&'static str, Value) {
    match follow {
        Follow::Notified { deadline } => {
            let deadline = deadline.clone().unwrap_or_default();
            ("FollowFinding", json!({ "notified": { "deadline": deadline } }))
        }
        Follow::Fixed { repairer } => {
            ("ReportRepair", json!({ "reportedFixed": { "repairer": repairer } }))
        }
        Follow::Verified { verifier } => {
            ("VerifyRepair", json!({ "verified": { "verifier": verifier } }))
        }
        Follow::Closed => ("FollowFinding", json!({ "closed": {} })),
    }
}

/// The same of an act about a policy, a claim or work.
fn insured_request(act: &Act) -> (&'static str, String, Value) {
    match act {
        Act::Claim { claim, on, step } => {
            let (name, step) = claim_request(step);
            let asked = json!({ "id": claim, "from": on, "step": step });
            ("ClaimService", name.to_owned(), asked)
        }
        Act::Fund { work, on, fund } => {
            let asked = json!({ "id": work, "from": on, "funding": funding(fund) });
            ("WorkService", "FundWork".to_owned(), asked)
        }
        Act::Cancel { policy, from } => {
            let asked = json!({ "id": policy, "from": from });
            ("PolicyService", "CancelPolicy".to_owned(), asked)
        }
        other => panic!("{other:?}"),
    }
}

fn sha256(text: &str) -> String {
    Hash::of(&[text.as_bytes()]).to_string()
}

fn funding(fund: &Fund) -> Value {
    json!({
        "source": format!("FUNDING_SOURCE_{}", fund.source.to_uppercase()),
        "amountFen": fund.amount,
        "invoiceSha256": fund.invoice.as_deref().map(sha256).unwrap_or_default(),
    })
}

fn claim_request(step: &ClaimStep) -> (&'static str, Value) {
    let sum = |amount: &u64| json!({ "amountFen": amount });
    let advanced = match step {
        ClaimStep::Registered { number } => json!({ "registered": { "claimNumber": number } }),
        ClaimStep::Checked => json!({ "coverageChecked": {} }),
        ClaimStep::Surveyed { amount } => json!({ "surveyed": sum(amount) }),
        ClaimStep::Approved { amount } => json!({ "approved": sum(amount) }),
        ClaimStep::Reserved { amount } => json!({ "reserved": sum(amount) }),
        ClaimStep::Cash => json!({ "settling": { "settlement": "SETTLEMENT_CASH" } }),
        ClaimStep::Repair => json!({ "settling": { "settlement": "SETTLEMENT_REPAIR" } }),
        ClaimStep::Closed => json!({ "closed": {} }),
        ClaimStep::Reopened => json!({ "reopened": {} }),
        ClaimStep::Declined { code } => json!({ "declined": { "code": code } }),
        ClaimStep::Paid { amount, to, work, invoice } => {
            let paid = json!({
                "amountFen": amount, "paidTo": to, "workId": work.clone().unwrap_or_default(),
                "invoiceSha256": invoice.as_deref().map(sha256).unwrap_or_default(),
            });
            return ("PayClaim", json!({ "paid": paid }));
        }
        ClaimStep::Accepted => return ("AnswerClaim", json!({ "accepted": {} })),
        ClaimStep::Withdrawn => return ("AnswerClaim", json!({ "withdrawn": {} })),
    };
    ("AdvanceClaim", advanced)
}

fn split_request(split: &Split) -> Value {
    let parts = split.parts.iter().map(|part| {
        let (over, under) = part.share;
        json!({
            "fields": fields(&part.saying).0, "shareNumerator": over, "shareDenominator": under
        })
    });
    let assigned = split.assignments.iter();
    let assigned = assigned.map(|(child, part)| json!({ "childId": child, "part": part }));
    json!({
        "id": split.id,
        "day": split.on,
        "parts": parts.collect::<Vec<_>>(),
        "assignments": assigned.collect::<Vec<_>>(),
        "keeps": split.keeps,
    })
}

fn paper_request(paper: &Paper) -> Value {
    let findings = paper.findings.iter().map(|seen| {
        json!({
            "findingId": seen.finding.clone().unwrap_or_default(),
            "observedOn": seen.on,
            "observation": observation(seen),
        })
    });
    let mut asked = json!({
        "fields": fields(&paper.saying).0,
        "inspectedOn": paper.inspected,
        "findings": findings.collect::<Vec<_>>(),
    });
    if let Some((signers, scope)) = &paper.signed {
        asked["signatures"] =
            json!({ "signerIds": signers, "scope": scope, "on": paper.inspected });
    }
    if paper.is_submitted {
        asked["submittedOn"] = json!(paper.inspected);
    }
    asked
}

/// The ids of what an answer tells of, the first of them of what was made or was written about.
fn ids(answer: &Value) -> Vec<String> {
    let mut ids = Vec::new();
    let nouns = [
        "region", "compound", "building", "unit", "body", "signer", "report", "finding", "policy",
        "claim", "work",
    ];
    for noun in nouns {
        if answer[noun].is_object() {
            ids.push(text(&answer[noun], "id"));
        }
    }
    for field in ["parts", "findings"] {
        ids.extend(list(answer, field).map(|one| text(one, "id")));
    }
    ids
}

fn relatives(life: &Value, field: &str) -> Vec<Relative> {
    let relatives = list(life, field).map(|one| {
        let number = |field| u64::try_from(number(one, field)).unwrap();
        let share = (number("share_numerator"), number("share_denominator"));
        Relative { id: text(one, "id"), day: text(one, "day"), share }
    });
    relatives.collect()
}

/// A value of a field as a history would tell it.
fn shown(kind: Kind, name: &str, value: &Value) -> Option<String> {
    let descriptor = POOL.get_message_by_name(&format!("anju.v1.{}Fields", message::noun(kind)))?;
    match (descriptor.get_field_by_name(name)?.kind(), value) {
        (FieldKind::Enum(of), Value::String(word)) => {
            let prefix = of.get_value(0)?.name().trim_end_matches("UNSPECIFIED").to_owned();
            let word = word.strip_prefix(&prefix)?.to_owned();
            Some(if kind == Kind::Report { word.to_lowercase() } else { word })
        }
        (FieldKind::Message(_), _) | (_, Value::Array(_)) => None,
        (_, Value::String(text)) => Some(text.clone()),
        (_, other) => Some(other.to_string()),
    }
}

fn bounds(due: &Value, field: &str) -> (String, String) {
    (text(&due[field], "earliest"), text(&due[field], "latest"))
}

impl Floor for OverGrpc {
    fn tick(&mut self, day: Day) {
        self.serving.clock.set(morning(day));
    }

    fn act(&mut self, who: Who, reason: &str, act: &Act) -> Result<Done, Vec<Wrong>> {
        let (service, name, mut asked) = request(act);
        asked["context"] = writing(reason);
        let answer = self.call(who, service, &name, asked)?;
        let receipt = &answer["receipt"];
        let position: Position = text(receipt, "commit_token").parse().unwrap();
        Ok(Done {
            ids: ids(&answer),
            entries: list(receipt, "entries").filter_map(Value::as_u64).collect(),
            seq: position.seq,
            alike: match act {
                Act::Observe { .. } => texts(&answer, "possible_duplicates"),
                _ => Vec::new(),
            },
        })
    }

    fn totals(&mut self, id: &str, time: &Time) -> Result<Vec<Total>, Vec<Wrong>> {
        let asked = json!({ "context": reading(time), "subjectId": id });
        let answer = self.ask("TotalsService", "GetTotals", asked)?;
        let amounts = list(&answer, "amounts").map(|one| {
            let (certain, possible) = (number(one, "certain"), number(one, "possible"));
            (text(one, "measure"), text(one, "term"), certain, possible)
        });
        Ok(amounts.collect())
    }

    fn explain(
        &mut self,
        id: &str,
        measure: &str,
        time: &Time,
    ) -> Result<Vec<(String, i64, i64)>, Vec<Wrong>> {
        let asked = json!({
            "context": reading(time), "subjectId": id, "measure": measure, "pageSize": ROWS
        });
        let answer = self.ask("TotalsService", "ExplainTotal", asked)?;
        let rows = list(&answer, "rows").map(|row| {
            // Of a measure that is broken down by terms, a row has one for each.
            let amounts = list(row, "terms").chain(row.get("amount"));
            let (certain, possible) = amounts.fold((0, 0), |(certain, possible), one| {
                (certain + number(one, "certain"), possible + number(one, "possible"))
            });
            (text(row, "subject_id"), certain, possible)
        });
        Ok(rows.collect())
    }

    fn get(&mut self, id: &str, time: &Time) -> Result<View, Vec<Wrong>> {
        let seen = self.seen(id, time)?;
        let life = &seen["life"];
        let mut view = View {
            etag: text(&seen, "etag").parse().unwrap(),
            presence: word(life, "presence", "PRESENCE_"),
            since: text(life, "exists_from"),
            successors: relatives(life, "successors"),
            predecessors: relatives(life, "predecessors"),
            ..View::default()
        };
        let ended = text(life, "ended_on");
        if !ended.is_empty() {
            view.end = Some((ended, word(life, "end_cause", "END_CAUSE_").to_lowercase()));
        }
        let fields = seen["fields"].as_object().into_iter().flatten();
        view.fields = fields
            .filter_map(|(name, value)| Some((name.clone(), shown(kind_of(id), name, value)?)))
            .collect();
        for field in ["codes", "identifiers"] {
            for one in list(&seen["fields"], field) {
                let value = view.fields.entry(format!("identifiers.{}", text(one, "scheme")));
                let value = value.or_default();
                if !value.is_empty() {
                    value.push(',');
                }
                value.push_str(&text(one, "value"));
            }
        }
        for doubt in list(&seen["fields"], "doubts") {
            let name = format!("doubts.{}", text(doubt, "field"));
            view.fields.insert(name, text(doubt, "sentence"));
        }
        if kind_of(id) == Kind::Report {
            let state = word(&seen, "state", "REPORT_STATE_").to_lowercase();
            view.report = Some((state, word(&seen, "doubt", "REPORT_DOUBT_")));
        }
        Ok(view)
    }

    fn history(&mut self, id: &str, known: Known) -> Result<Vec<Told>, Vec<Wrong>> {
        let time = Time { valid: None, known };
        let asked = json!({ "context": reading(&time), "subjectId": id, "pageSize": ROWS });
        let answer = self.ask("HistoryService", "GetHistory", asked)?;
        let told = list(&answer, "entries").map(|entry| Told {
            kind: text(entry, "kind"),
            from: text(entry, "valid_from"),
            is_corrected: entry["corrected_by"].is_number(),
            is_in_doubt: entry["in_doubt"] == json!(true),
            reason: text(entry, "reason"),
        });
        Ok(told.collect())
    }

    fn due(&mut self, id: &str, time: &Time) -> Result<DueView, Vec<Wrong>> {
        let asked = json!({ "context": reading(time), "buildingId": id });
        let answer = self.ask("DueService", "ExplainDue", asked)?;
        let (due, basis, colour) = (&answer["due"], &answer["basis"], &answer["colour"]);
        let in_doubt = |grade: &Value| grade["in_doubt"] == json!(true);
        let grades =
            list(&answer, "grades").map(|one| (text(&one["grade"], "value"), in_doubt(one)));
        Ok(DueView {
            answer: word(due, "answer", "DUE_ANSWER_"),
            on: text(due, "due_on") + &text(due, "ended_on"),
            is_overdue: due["overdue"] == json!(true),
            exempt_until: bounds(due, "exempt_until"),
            next: bounds(due, "next_due"),
            because: texts(due, "because"),
            counted_from: text(basis, "counted_from"),
            grades: grades.collect(),
            colour: colour
                .is_object()
                .then(|| (text(colour, "colour"), in_doubt(&colour["basis"]))),
            open_findings: u32::try_from(number(basis, "open_finding_count")).unwrap(),
        })
    }

    fn due_list(&mut self, id: &str) -> Result<Vec<(String, String)>, Vec<Wrong>> {
        let asked = json!({ "holderId": id, "withUncertain": true, "pageSize": ROWS });
        let answer = self.ask("DueService", "ListDue", asked)?;
        let rows = list(&answer, "rows").map(|row| {
            let due = &row["due"];
            let told = |day: String| if day.is_empty() { "never".to_owned() } else { day };
            let day = match word(due, "answer", "DUE_ANSWER_").as_str() {
                "DUE" => told(text(due, "due_on")),
                "EXEMPT" => format!("{} after its exemption", told(bounds(due, "next_due").0)),
                _ => format!("{} or later", told(bounds(due, "next_due").0)),
            };
            (text(row, "building_id"), day)
        });
        Ok(rows.collect())
    }

    fn cases(&mut self, id: &str, known: Known) -> Result<Vec<(String, Vec<String>)>, Vec<Wrong>> {
        let time = Time { valid: None, known };
        let asked = json!({ "context": reading(&time), "subjectId": id, "pageSize": ROWS });
        let answer = self.ask("CaseService", "ListCases", asked)?;
        let cases = list(&answer, "cases");
        Ok(cases.map(|case| (text(case, "reason"), texts(case, "subject_ids"))).collect())
    }

    fn code(
        &mut self,
        scheme: &str,
        code: &str,
        day: Option<Day>,
    ) -> Result<Vec<(String, String, String)>, Vec<Wrong>> {
        let date = day.map(|day| day.to_string()).unwrap_or_default();
        let asked = json!({ "scheme": scheme, "code": code, "date": date });
        let answer = self.ask("RegionService", "ResolveCode", asked)?;
        let candidates = list(&answer, "candidates")
            .map(|one| (text(&one["region"], "id"), text(one, "from"), text(one, "until")));
        Ok(candidates.collect())
    }

    fn finding(&mut self, id: &str, time: &Time) -> Result<FindingView, Vec<Wrong>> {
        let seen = self.seen(id, time)?;
        let mut observed = Vec::new();
        for event in list(&seen, "events") {
            let observation = &event["saying"]["observed"];
            if observation.is_object() {
                let severity = word(observation, "severity", "SEVERITY_").to_lowercase();
                observed.push((text(event, "on"), text(observation, "observer"), severity));
            }
        }
        observed.sort();
        Ok(FindingView {
            stage: word(&seen, "stage", "FINDING_STAGE_").to_lowercase(),
            since: text(&seen, "since"),
            class: text(&seen, "class"),
            severity: word(&seen, "severity", "SEVERITY_").to_lowercase(),
            deadline: text(&seen, "deadline"),
            ids: texts(&seen, "ids").len(),
            stands_in: texts(&seen, "stands_in_ids"),
            seen: observed,
        })
    }

    fn claim(&mut self, id: &str, time: &Time) -> Result<ClaimView, Vec<Wrong>> {
        let seen = self.seen(id, time)?;
        let names = ["claimed", "assessed", "approved", "reserved", "paid"];
        let amounts = names.into_iter().filter_map(|name| {
            let amount = seen["amounts"][format!("{name}_fen")].as_u64()?;
            Some((name.to_owned(), amount))
        });
        Ok((word(&seen, "state", "CLAIM_STAGE_").to_lowercase(), amounts.collect()))
    }

    fn paid(&mut self, id: &str, time: &Time) -> Result<Vec<(String, u64, String)>, Vec<Wrong>> {
        let seen = self.seen(id, time)?;
        let paid = list(&seen, "funded").map(|paid| {
            let funding = &paid["funding"];
            let amount = u64::try_from(number(funding, "amount_fen")).unwrap();
            let source = word(funding, "source", "FUNDING_SOURCE_").to_lowercase();
            (text(paid, "on"), amount, source)
        });
        Ok(paid.collect())
    }

    fn coverage(
        &mut self,
        id: &str,
        loss: &Loss,
        known: Known,
    ) -> Result<Vec<CoverLine>, Vec<Wrong>> {
        let time = Time { valid: None, known };
        let asked = json!({
            "context": reading(&time), "buildingId": id, "part": loss.part, "cause": loss.cause,
            "lostOn": loss.lost, "noticedOn": loss.noticed.clone().unwrap_or_default(),
        });
        let answer = self.ask("PolicyService", "CheckCoverage", asked)?;
        let lines = list(&answer, "covers").map(|cover| {
            let against = list(cover, "objections").map(|one| text(one, "reason")).collect();
            let left = u64::try_from(number(cover, "left_fen")).unwrap();
            let answer = word(cover, "answer", "COVERAGE_ANSWER_");
            let item = text(&cover["item"], "cover");
            (text(cover, "policy_number"), item, answer, left, against)
        });
        Ok(lines.collect())
    }

    fn list(&mut self, kind: Kind, holder: &str, time: &Time) -> Result<Vec<String>, Vec<Wrong>> {
        let plural = match kind {
            Kind::Compound => "compounds",
            Kind::Building => "buildings",
            _ => "units",
        };
        let field = match kind_of(holder) {
            Kind::Region => "regionId",
            Kind::Compound => "compoundId",
            _ => "buildingId",
        };
        let mut asked = json!({ "context": reading(time), "pageSize": ROWS, "orderBy": "id" });
        asked[field] = json!(holder);
        let name = format!("List{}s", message::noun(kind));
        let answer = self.ask(message::service(kind), &name, asked)?;
        Ok(list(&answer, plural).map(|one| text(one, "id")).collect())
    }
}

//! Whole requests: messages made up for every call of the API, and bytes that are none, sent to the
//! real server by every kind of caller.
//!
//! Each answer is a proper status with a reason of ours, what is refused leaves no entry, the server
//! goes on, and the state that all of it left is the one that the journal gives.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use anju::{
    auth::role::Role,
    client::POOL,
    kernel::{
        id::{Kind, SubjectId},
        position::{Partition, Seq},
        time::Stamp,
    },
    registry::{Entry, Registry, replay},
    store::{
        Direction, Group, Key, KeyRange, Limit, NewEntry, Store, Value as Stored,
        memory::MemoryStore,
    },
};
use http::uri::PathAndQuery;
use prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind as FieldKind, MessageDescriptor, MethodDescriptor, Value,
};
use tonic::{Code, Request, Status, transport::Channel};
use tonic_types::StatusExt as _;

use crate::{
    mutate::{Dice, Door, keep, rounds, seed},
    raw::Raw,
    served::Serving,
};

/// Calls of one round.
const CALLS: usize = 2_500;
/// Ids of a kind, and tokens, that are remembered.
const REMEMBERED: usize = 40;
/// How deep messages are filled.
const DEPTH: usize = 5;
/// How long an answer may take, on a slow machine and with a server that waits for what may come.
const PATIENCE: Duration = Duration::from_secs(30);
/// Now.
const NOW: &str = "2026-06-01T04:00:00Z";

const WHO: &[(&str, Role)] = &[
    ("office", Role::Operator),
    ("auditor", Role::Auditor),
    ("public", Role::Public),
    ("inspector", Role::InspectionBody),
    ("grid", Role::GridWorker),
    ("insurer", Role::Insurer),
    ("city", Role::MunicipalOperator),
];

const REFERENCE: &[&str] = &[
    include_str!("../../data/reference/grades-example.toml"),
    include_str!("../../data/reference/colours-example.toml"),
    include_str!("../../data/reference/findings-example.toml"),
    include_str!("../../data/reference/cycle/zhengzhou-2025-draft.toml"),
];

const DAYS: &[&str] = &[
    "1985",
    "1980s",
    "<1986",
    "1983..1985",
    "unknown",
    "1990-05-01",
    "2020-06-01",
    "2024-02-29",
    "2026-05-31",
    "2026-06-01",
    "2026-06-02",
    "2027-01-01",
    "0001-01-01",
    "9999-12-31",
    "then",
    "",
];

const WORDS: &[&str] = &[
    "1号楼",
    "示例小区",
    "office",
    "structure",
    "STR.CRACK",
    "STR",
    "p-81",
    "census",
    "gb2260",
    "410100",
    "id",
    "name",
    "age",
    "day",
    "buildings",
    "floor_area_cm2",
    "buildings_by_grade",
    "open_findings_by_severity",
    "2025-01",
    "12:30",
    "113.6654",
    "34.7579",
    "2020",
    "B",
    "A",
    "application/pdf",
    "abababababababababababababababababababababababababababababababab",
    "SAID_AFTER_ITS_END",
    "EXISTS",
    "13812345678",
    " ",
    "",
];

/// What fields of a name may well say.
const SAID: &[(&str, &[&str])] = &[
    ("name", &["1号楼", "示例小区", "东街", "检测站"]),
    ("class", &["STR.CRACK", "STR"]),
    ("scope", &["structure", "electric"]),
    ("edition", &["2020"]),
    ("value", &["A", "B", "C", "77"]),
    ("observer", &["p-81", "p-82"]),
    ("repairer", &["p-81", "p-90"]),
    ("verifier", &["p-82", "office"]),
    ("assignee", &["p-7"]),
    ("scheme", &["census", "gb2260", "person"]),
    ("field", &["completed", "floor_area_cm2"]),
    ("sentence", &["as the neighbours say"]),
    ("reason", &["as the paper says", "seen again"]),
    ("table", &["grades", "cycle"]),
    ("longitude", &["113.6654", "113.7"]),
    ("latitude", &["34.7579", "34.8"]),
    ("longitude_min", &["113.6"]),
    ("longitude_max", &["113.7"]),
    ("latitude_min", &["34.7"]),
    ("latitude_max", &["34.8"]),
    ("cover", &["WTR", "STR"]),
    ("paid_to", &["owner-7"]),
    ("party", &["builder-3"]),
    ("claim_number", &["C-1", "C-2"]),
    ("measure", &["buildings", "units", "buildings_by_grade", "floor_area_cm2"]),
    ("measures", &["buildings", "units", "buildings_by_due_state"]),
    ("from_month", &["2020-01"]),
    ("to_month", &["2026-05"]),
    ("source", &["census", "paper"]),
    ("key", &["k1", "k2", "k3"]),
    ("query", &["1号楼", "小区"]),
    ("code", &["410100"]),
    ("sha256", &["abababababababababababababababababababababababababababababababab"]),
    ("media_type", &["application/pdf"]),
    ("certificate", &["C-1"]),
    ("companies", &["company-1"]),
    ("company", &["company-1"]),
    ("dimensions", &["STR"]),
    ("address", &["人民路12号"]),
    ("aliases", &["老院"]),
    ("number", &["101", "102"]),
    ("entrance", &["1"]),
    ("part", &["roof"]),
    ("payer", &["public_account"]),
];

/// Days that are one day, and those that may be several.
const EXACT: &[&str] =
    &["1990-05-01", "2015-01-01", "2020-06-01", "2024-02-29", "2026-05-30", "2026-06-01"];
const ROUGH: &[&str] = &["1985", "1980s", "<1986", "1983..1985", "1990-05-01", "2012-03"];

/// Makes up requests, of what was answered before.
struct Maker {
    dice: Dice,
    /// Whether the request that is being made is to be a good one as far as can be.
    is_careful: bool,
    /// Ids by the word of their kind.
    ids: BTreeMap<Kind, Vec<String>>,
    tokens: Vec<String>,
    commits: Vec<String>,
}

impl Maker {
    fn new(seed: u64) -> Self {
        let (tokens, commits) = (Vec::new(), Vec::new());
        Self { dice: Dice::new(seed), is_careful: true, ids: BTreeMap::new(), tokens, commits }
    }

    fn id(&mut self, kind: Option<Kind>) -> String {
        let kind = kind.filter(|_| self.is_careful || !self.dice.happens(6));
        let kind = kind.unwrap_or_else(|| *self.dice.one(&Kind::ALL));
        match self.ids.get(&kind) {
            Some(ids) if self.is_careful || !self.dice.happens(6) => self.dice.one(ids).clone(),
            _ => format!("{}_01KAV9FT00000020000000000Q", kind.prefix()),
        }
    }

    /// A text that a field of this name may well have.
    fn text(&mut self, of: &str, name: &str) -> String {
        if self.is_careful
            && let Some(text) = self.careful(name)
        {
            return text;
        }
        if !self.is_careful && self.dice.happens(6) {
            let length = *self.dice.one(&[1, 2, 10, 300, 3_000]);
            return (*self.dice.one(&["x", "楼", "\u{0}", "𠮷", "\u{202e}", "9"])).repeat(length);
        }
        match name {
            "request_id" => {
                let (high, low) = (self.dice.number(), self.dice.number());
                uuid::Uuid::from_u64_pair(high, low).to_string()
            }
            "page_token" => self.remembered(|maker| &maker.tokens),
            "min_commit" => self.remembered(|maker| &maker.commits),
            "etag" => {
                let none = if self.is_careful { 95 } else { 60 };
                let some = if self.dice.happens(none) { 0 } else { 1 + self.dice.below(40) };
                if some == 0 { String::new() } else { some.to_string() }
            }
            "text" if of.contains("Reference") => (*self.dice.one(REFERENCE)).to_owned(),
            "id" => self.id(kind_in(of)),
            _ if name.ends_with("id") || name.ends_with("ids") => {
                let kind = kind_in_name(name).or_else(|| kind_in(of));
                self.id(kind)
            }
            "on" | "from" | "until" | "day" | "date" | "exists_from" | "ended_on" | "completed"
            | "built" | "deadline" | "valid_at" | "to" | "holds_on" => {
                (*self.dice.one(DAYS)).to_owned()
            }
            _ if name.ends_with("_on") => (*self.dice.one(DAYS)).to_owned(),
            _ => (*self.dice.one(WORDS)).to_owned(),
        }
    }

    /// What a careful caller says in a field of this name, if that is not an id.
    fn careful(&mut self, name: &str) -> Option<String> {
        let list = match name {
            "exists_from" | "ended_on" | "completed" | "built" => ROUGH,
            "on" | "from" | "day" | "date" | "valid_at" | "observed_on" | "inspected_on"
            | "submitted_on" => EXACT,
            "until" | "to" | "deadline" => &["2027-01-01", "2026-12-31", ""],
            "holds_on" => &["", "2026-06-01"],
            "order_by" | "time" | "order_key" | "uri" | "term" | "project_id" => &[""],
            "reason" if self.dice.happens(20) => &[""],
            _ => SAID.iter().find(|(known, _)| *known == name)?.1,
        };
        Some((*self.dice.one(list)).to_owned())
    }

    fn remembered(&mut self, list: impl Fn(&Self) -> &Vec<String>) -> String {
        let length = list(self).len();
        if length == 0 || self.dice.happens(60) {
            return String::new();
        }
        let at = self.dice.below(length);
        let mut text = list(self)[at].clone();
        if self.dice.happens(20) {
            let place = self.dice.below(text.len());
            let is_boundary = text.is_char_boundary(place);
            if is_boundary {
                text.truncate(place);
            }
        }
        text
    }

    fn whole(&mut self, name: &str) -> i64 {
        let small = i64::try_from(self.dice.below(60)).unwrap();
        if self.is_careful {
            return match name {
                "partition" | "share_numerator" => 1,
                "page_size" => small % 3,
                "share_denominator" => 2,
                "year" => 2026,
                "floor_area_cm2" | "area_cm2" => 1_000_000 + small * 10_000,
                "design_life_years" => 50,
                "height_cm" => 2_000,
                "bucket_from_days" => 0,
                "part" => small % 2,
                _ => 1 + small % 20,
            };
        }
        match name {
            "page_size" => *self.dice.one(&[0, 0, 1, 2, 10, 1_000, -1, i64::from(i32::MAX)]),
            "entry" | "seq" | "known_at_seq" | "size" | "old_size" | "new_size" => small,
            "partition" => *self.dice.one(&[0, 1, 1, 1, 2, 16_777_215, 16_777_216]),
            "share_numerator" => 1 + small % 2,
            "share_denominator" => 2,
            _ if self.dice.happens(70) => small,
            _ => *self.dice.one(&[
                -1,
                0,
                255,
                65_536,
                1_000_000,
                i64::from(i32::MAX),
                i64::from(i32::MIN),
                i64::from(u32::MAX),
                i64::MAX,
                i64::MIN,
            ]),
        }
    }

    fn value(&mut self, of: &str, field: &FieldDescriptor, depth: usize) -> Value {
        let name = field.name();
        let whole = self.whole(name);
        match field.kind() {
            FieldKind::String => Value::String(self.text(of, name)),
            FieldKind::Bool => Value::Bool(self.dice.happens(30)),
            FieldKind::Int32 | FieldKind::Sint32 | FieldKind::Sfixed32 => {
                Value::I32(i32::try_from(whole).unwrap_or(i32::MAX))
            }
            FieldKind::Int64 | FieldKind::Sint64 | FieldKind::Sfixed64 => Value::I64(whole),
            FieldKind::Uint32 | FieldKind::Fixed32 => {
                Value::U32(u32::try_from(whole).unwrap_or(u32::MAX))
            }
            FieldKind::Uint64 | FieldKind::Fixed64 => {
                Value::U64(u64::try_from(whole).unwrap_or(u64::MAX))
            }
            FieldKind::Enum(of) => {
                let numbers: Vec<i32> = of.values().map(|value| value.number()).collect();
                let odd = *self.dice.one(&[-1, 99, i32::MAX]);
                let one = *self.dice.one(&numbers);
                Value::EnumNumber(if !self.is_careful && self.dice.happens(6) { odd } else { one })
            }
            FieldKind::Message(of) => Value::Message(self.message(&of, depth + 1)),
            FieldKind::Bytes => Value::Bytes(vec![7; self.dice.below(40)].into()),
            FieldKind::Double | FieldKind::Float => Value::F64(0.5),
        }
    }

    fn message(&mut self, of: &MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(of.clone());
        if of.full_name() == "google.protobuf.FieldMask" {
            let paths = ["name", "compound_id", "floor_area_cm2", "grades", "level", "nothing"];
            let paths =
                (0..self.dice.below(3)).map(|_| Value::String((*self.dice.one(&paths)).to_owned()));
            let paths = paths.collect();
            message.set_field_by_name("paths", Value::List(paths));
            return message;
        }
        for field in of.fields() {
            let is_message = field.kind().as_message().is_some();
            let often = match field.name() {
                "context" | "fields" | "request_id" | "observation" | "id" => 97,
                "validate_only" => 10,
                "overrides" | "update_mask" | "box" | "boundary" if self.is_careful => 0,
                "read_time" if self.is_careful => 15,
                "reason" | "exists_from" | "from" | "on" | "observed_on" | "inspected_on"
                | "kind" | "class" | "severity" | "building_id" | "name" | "scheme" | "value"
                | "edition" | "scope" | "parts" | "ids" | "saying" | "signer_ids"
                | "certificate" | "sha256" | "media_type" | "size_bytes" | "source"
                | "observer" | "text" | "subject_id" | "region_id" | "cause" | "outcome"
                | "assignee" | "system" | "longitude" | "latitude" | "share_numerator"
                | "share_denominator" | "measure" | "level"
                    if self.is_careful =>
                {
                    100
                }
                "etag" | "page_token" | "min_commit" | "keeps" | "doubts" | "documents"
                    if self.is_careful =>
                {
                    10
                }
                _ if self.is_careful && is_message => 40,
                _ if self.is_careful => 35,
                "read_time" | "page_token" | "min_commit" | "update_mask" | "overrides" => 25,
                "reason" => 60,
                _ if is_message => 55,
                _ => 60,
            };
            if depth > DEPTH || !self.dice.happens(often) {
                continue;
            }
            if field.is_list() {
                let many = !self.is_careful && self.dice.happens(1);
                let least = usize::from(self.is_careful);
                let count = least + self.dice.below(if many { 600 } else { 3 - least });
                let values = (0..count).map(|_| self.value(of.name(), &field, depth)).collect();
                message.set_field(&field, Value::List(values));
            } else if !field.is_map() {
                let value = self.value(of.name(), &field, depth);
                message.set_field(&field, value);
            }
        }
        message
    }

    /// Remembers the ids and tokens of an answer.
    fn learn(&mut self, message: &DynamicMessage) {
        for (field, value) in message.fields() {
            match value {
                Value::String(text) => self.learn_text(field.name(), text),
                Value::Message(message) => self.learn(message),
                Value::List(list) => {
                    for value in list.iter().take(10) {
                        match value {
                            Value::String(text) => self.learn_text(field.name(), text),
                            Value::Message(message) => self.learn(message),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn learn_text(&mut self, name: &str, text: &str) {
        let place = match name {
            "next_page_token" => &mut self.tokens,
            "commit_token" => &mut self.commits,
            _ => match text.parse::<SubjectId>() {
                Ok(id) => self.ids.entry(id.kind()).or_default(),
                Err(_) => return,
            },
        };
        if !text.is_empty() && !place.iter().any(|known| known == text) {
            if place.len() >= REMEMBERED {
                place.remove(self.dice.below(REMEMBERED / 2));
            }
            place.push(text.to_owned());
        }
    }
}

fn kind_of_word(word: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.word() == word)
}

/// The kind that a message's name tells of: `ChangeBuildingRequest`.
fn kind_in(of: &str) -> Option<Kind> {
    let of = of.to_lowercase();
    let plural = of.replace("bodies", "body").replace("inspection", "report");
    Kind::ALL.into_iter().find(|kind| plural.contains(kind.word()))
}

/// The kind that a field's name tells of: `building_id`, `into_id`.
fn kind_in_name(name: &str) -> Option<Kind> {
    let word = name.trim_end_matches('s').trim_end_matches("_id");
    let word = match word {
        "parent" | "community" => "region",
        "physical" => "building",
        other => other,
    };
    kind_of_word(word)
}

/// The last numbers of all partitions.
fn heads(registry: &Registry) -> BTreeMap<Partition, Seq> {
    registry.partitions().into_iter().map(|(number, front)| (number, front.seq)).collect()
}

/// What was written between, without what the registry goes on with by itself.
fn written(store: &dyn Store, before: &BTreeMap<Partition, Seq>) -> Vec<String> {
    let limit = Limit { entries: usize::MAX, bytes: usize::MAX };
    let mut words = Vec::new();
    for head in store.heads() {
        let from = before.get(&head.partition).copied().unwrap_or(0) + 1;
        if from > head.seq {
            continue;
        }
        for bytes in store.entries(head.partition, from, limit).unwrap() {
            let (entry, _) = Entry::decode(&bytes).unwrap();
            let word = entry.body.unwrap().fact.word();
            if !matches!(word, "sweep step" | "recount step") {
                words.push(word.to_owned());
            }
        }
    }
    words
}

/// What a refusal may be. None is a fault of the server's, and each has a reason of ours.
fn is_proper(status: &Status) -> Result<(), String> {
    let faults = [Code::Internal, Code::Unknown, Code::DataLoss, Code::Cancelled];
    if faults.contains(&status.code()) {
        return Err(format!("a fault: {status:?}"));
    }
    match status.get_details_error_info() {
        Some(info) if info.domain == "anju" && !info.reason.is_empty() => Ok(()),
        _ => Err(format!("no reason: {status:?}")),
    }
}

struct Caller {
    serving: Serving,
    channel: Channel,
    store: Arc<MemoryStore>,
}

impl Caller {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let now = NOW.parse::<Stamp>().unwrap();
        let serving = Serving::start(Arc::clone(&store) as Arc<dyn Store>, now, WHO);
        let endpoint = Channel::from_shared(serving.address.clone()).unwrap();
        let channel = serving.runtime.block_on(endpoint.connect()).unwrap();
        Self { serving, channel, store }
    }

    /// Sends bytes, and takes the answer, of a stream the first.
    fn send(&self, who: usize, method: &MethodDescriptor, bytes: &[u8]) -> Result<Vec<u8>, Status> {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let path = PathAndQuery::from_maybe_shared(path).unwrap();
        let mut request = Request::new(bytes.to_vec());
        let secret = format!("Bearer {}", self.serving.secrets[who]);
        request.metadata_mut().insert("authorization", secret.parse().unwrap());
        let mut grpc = tonic::client::Grpc::new(self.channel.clone())
            .max_decoding_message_size(64 * 1024 * 1024);
        self.serving.runtime.block_on(async {
            grpc.ready().await.unwrap();
            if method.is_server_streaming() {
                let mut stream = grpc.server_streaming(request, path, Raw).await?.into_inner();
                let first = tokio::time::timeout(Duration::from_millis(20), stream.message()).await;
                return Ok(first.unwrap_or(Ok(None))?.unwrap_or_default());
            }
            let answer = tokio::time::timeout(PATIENCE, grpc.unary(request, path, Raw)).await;
            let late = |_| Status::internal(format!("no answer within {PATIENCE:?}"));
            answer.map_err(late)?.map(tonic::Response::into_inner)
        })
    }

    /// One call, with all that has to be so after it.
    fn ask(
        &self,
        who: usize,
        method: &MethodDescriptor,
        bytes: &[u8],
    ) -> Result<Option<DynamicMessage>, String> {
        let before = heads(&self.serving.registry);
        match self.send(who, method, bytes) {
            Ok(answer) => {
                let answer = DynamicMessage::decode(method.output(), &answer[..]);
                answer.map(Some).map_err(|error| format!("the answer: {error}"))
            }
            Err(status) => {
                is_proper(&status)?;
                let words = written(self.store.as_ref(), &before);
                if words.is_empty() {
                    Ok(None)
                } else {
                    Err(format!("refused, and wrote {}: {status:?}", words.join(", ")))
                }
            }
        }
    }
}

/// Every call of the API.
fn methods() -> Vec<MethodDescriptor> {
    let services = POOL.services().filter(|one| one.full_name().starts_with("anju.v1."));
    services.flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

/// A request in JSON, for what comes first.
fn request(method: &MethodDescriptor, json: serde_json::Value) -> Vec<u8> {
    DynamicMessage::deserialize(method.input(), json).unwrap().encode_to_vec()
}

/// A small city, so that what is made up has something to name.
fn found_city(caller: &Caller, maker: &mut Maker) {
    let context = || serde_json::json!({ "requestId": uuid::Uuid::new_v4().to_string() });
    let make = |maker: &mut Maker, service: &str, name: &str, mut json: serde_json::Value| {
        json["context"] = context();
        let method = anju::client::method(service, name).unwrap();
        let answer = caller.send(0, &method, &request(&method, json)).unwrap();
        let answer = DynamicMessage::decode(method.output(), &answer[..]).unwrap();
        maker.learn(&answer);
    };
    let newest = |maker: &Maker, kind: Kind| maker.ids[&kind].last().unwrap().clone();
    for (level, name) in [(1, "河南省"), (2, "郑州市"), (3, "金水区"), (4, "东街"), (5, "一社区")]
    {
        let mut fields = serde_json::json!({ "level": level, "name": name });
        if level > 1 {
            fields["parentId"] = newest(maker, Kind::Region).into();
        }
        let json = serde_json::json!({
            "fields": fields, "existsFrom": "1980", "opensPartition": level == 2
        });
        make(maker, "RegionService", "CreateRegion", json);
        if level == 2 {
            for text in REFERENCE {
                let region = newest(maker, Kind::Region);
                let json = serde_json::json!({ "text": text, "regionId": region });
                make(maker, "ReferenceService", "LoadReference", json);
            }
        }
    }
    let community = newest(maker, Kind::Region);
    let fields = serde_json::json!({ "name": "东院", "communityId": community });
    let json = serde_json::json!({ "fields": fields, "existsFrom": "1985" });
    make(maker, "CompoundService", "CreateCompound", json);
    for name in ["1号楼", "2号楼"] {
        let fields = serde_json::json!({
            "name": name, "compoundId": newest(maker, Kind::Compound), "completed": "1986",
            "floorAreaCm2": "20000000"
        });
        let json = serde_json::json!({ "fields": fields, "existsFrom": "1986" });
        make(maker, "BuildingService", "CreateBuilding", json);
    }
    let fields =
        serde_json::json!({ "buildingId": newest(maker, Kind::Building), "number": "101" });
    let json = serde_json::json!({ "fields": fields, "existsFrom": "1986" });
    make(maker, "UnitService", "CreateUnit", json);
    let licence = serde_json::json!([{ "scope": "structure", "certificate": "C", "from": "2010" }]);
    let fields = serde_json::json!({
        "name": "检测站", "regionId": community, "qualifications": licence
    });
    let json = serde_json::json!({ "fields": fields, "existsFrom": "2000" });
    make(maker, "BodyService", "CreateBody", json);
    let employed = serde_json::json!([{ "bodyId": newest(maker, Kind::Body), "from": "2010" }]);
    let fields = serde_json::json!({
        "regionId": community, "qualifications": licence, "employments": employed,
        "identifiers": [{ "scheme": "person", "value": "p-1" }]
    });
    let json = serde_json::json!({ "fields": fields, "existsFrom": "2010" });
    make(maker, "BodyService", "CreateSigner", json);
}

/// Every key of the state with its value.
fn state(store: &dyn Store) -> BTreeMap<Key, Stored> {
    let range = KeyRange { from: Vec::new(), to: vec![0xff; 8] };
    let view = store.view().unwrap();
    view.scan(&range, Direction::Up, usize::MAX).unwrap().into_iter().collect()
}

/// What the journal alone gives is what is there.
fn rebuilt_equals_live(store: &dyn Store) {
    let copy = MemoryStore::new();
    let limit = Limit { entries: usize::MAX, bytes: usize::MAX };
    for head in store.heads() {
        let entries = store.entries(head.partition, 1, limit).unwrap();
        let partition = head.partition;
        let entries =
            (1..).zip(entries).map(|(seq, bytes)| NewEntry { partition, seq, bytes }).collect();
        copy.commit(Group { entries, steps: Vec::new() }).unwrap();
    }
    replay(&copy, &copy, &mut |_, _| {}).unwrap();
    let (live, rebuilt) = (state(store), state(&copy));
    let keys = live.keys().chain(rebuilt.keys()).collect::<BTreeSet<_>>();
    let differ = keys.into_iter().filter(|key| live.get(*key) != rebuilt.get(*key));
    let differ = differ.map(|key| {
        let (live, rebuilt) = (live.get(key), rebuilt.get(key));
        format!("{}: live {live:?}, rebuilt {rebuilt:?}", key.escape_ascii())
    });
    let differ = differ.collect::<Vec<_>>();
    assert!(differ.is_empty(), "the journal gives another state:\n{}", differ.join("\n"));
}

/// Requests that broke something once, and are refused: call and message. The regions are those of
/// [`found_city`], from the province down.
fn found(regions: &[String]) -> Vec<(&'static str, &'static str, serde_json::Value)> {
    let context = || {
        let id = uuid::Uuid::new_v4().to_string();
        serde_json::json!({ "requestId": id, "reason": "as the paper says" })
    };
    let [province, _, district, street, community] = regions else {
        panic!("five levels of regions");
    };
    vec![
        // It was told back in the headers of the answer, which it did not fit.
        (
            "BuildingService",
            "BatchCreateBuildings",
            serde_json::json!({ "context": { "requestId": "𠮷".repeat(3_000) } }),
        ),
        // The community came to be in itself, and the writer never came out of it.
        (
            "RegionService",
            "MergeRegions",
            serde_json::json!({
                "context": context(), "ids": [street], "intoId": community, "day": "2026-06-01"
            }),
        ),
        (
            "RegionService",
            "MergeRegions",
            serde_json::json!({
                "context": context(), "ids": [district, street], "day": "2026-06-01",
                "into": { "name": "新区" }
            }),
        ),
        // The province came to be in itself, and its totals were added up for ever.
        (
            "RegionService",
            "TransferRegion",
            serde_json::json!({
                "context": context(), "regionId": province, "parentId": province,
                "from": "2024-02-29"
            }),
        ),
    ]
}

#[test]
fn what_broke_something_once_is_refused_properly() {
    let caller = Caller::new();
    let mut maker = Maker::new(0);
    found_city(&caller, &mut maker);
    for (service, name, json) in found(&maker.ids[&Kind::Region]) {
        let method = anju::client::method(service, name).unwrap();
        let answer = caller.ask(0, &method, &request(&method, json.clone()));
        let answer = answer.unwrap_or_else(|what| panic!("{name} {json}: {what}"));
        assert!(answer.is_none(), "{name} {json} was taken: {answer:?}");
    }
}

/// Its units went to nobody in a step of the same command, which began another bucket.
#[test]
fn a_building_that_is_taken_back_with_its_units_is_counted_the_same_when_rebuilt() {
    let caller = Caller::new();
    let mut maker = Maker::new(0);
    found_city(&caller, &mut maker);
    let method = anju::client::method("BuildingService", "RetractBuilding").unwrap();
    for building in maker.ids[&Kind::Building].clone() {
        let context = serde_json::json!({
            "requestId": uuid::Uuid::new_v4().to_string(), "reason": "it never was"
        });
        let asked = serde_json::json!({ "context": context, "id": building });
        caller.send(0, &method, &request(&method, asked)).unwrap();
    }
    caller.serving.registry.close();
    rebuilt_equals_live(caller.store.as_ref());
}

#[test]
fn made_up_requests_are_answered_properly_and_leave_nothing_when_refused() {
    let seed = seed();
    eprintln!("ANJU_FUZZ_SEED={seed} gives this run again");
    let caller = Caller::new();
    let mut maker = Maker::new(seed);
    found_city(&caller, &mut maker);
    let methods = methods();
    let (mut taken, mut refused) = (BTreeMap::<String, usize>::new(), 0);
    for call in 0..CALLS * rounds() {
        // The clock goes on, and a day is over now and then.
        if call % 500 == 499 {
            let now = caller.serving.registry.now().micros() + 86_400_000_000;
            caller.serving.clock.set(Stamp::from_micros(now));
        }
        let method = maker.dice.one(&methods).clone();
        let who = if maker.dice.happens(75) { 0 } else { maker.dice.below(WHO.len()) };
        maker.is_careful = maker.dice.happens(65);
        let mut bytes = maker.message(&method.input(), 0).encode_to_vec();
        if !maker.is_careful && maker.dice.happens(25) {
            let door = Door { name: "", samples: vec![bytes], words: &[], inputs: 0 };
            bytes = door.input(&mut maker.dice);
        }
        match caller.ask(who, &method, &bytes) {
            Ok(Some(answer)) => {
                *taken.entry(method.name().to_owned()).or_default() += 1;
                maker.learn(&answer);
            }
            Ok(None) => refused += 1,
            Err(what) => {
                let path = keep(&format!("request-{}-{seed}", method.name()), &bytes);
                let message = DynamicMessage::decode(method.input(), &bytes[..]);
                panic!(
                    "{} by {}: {what}\nANJU_FUZZ_SEED={seed}, call {call}, kept in {}: {}",
                    method.full_name(),
                    WHO[who].0,
                    path.display(),
                    message.map(|message| message.to_string()).unwrap_or_default()
                );
            }
        }
    }
    let all: usize = taken.values().sum();
    eprintln!("{all} taken of {} calls, {refused} refused: {taken:?}", taken.len());
    // What is only ever refused has not been reached.
    assert!(taken.len() > methods.len() / 3, "only {taken:?} were ever taken, seed {seed}");
    let status = anju::client::method("RegistryService", "GetStatus").unwrap();
    assert!(caller.ask(0, &status, &[]).unwrap().is_some(), "the server goes on");
    let store = Arc::clone(&caller.store);
    // Nothing goes on behind it any more.
    caller.serving.registry.close();
    rebuilt_equals_live(store.as_ref());
}

//! The command line against a server that answers what it is told: what is sent, what is shown,
//! what is repeated, and the exit codes. Whether the answers are right is tested elsewhere.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anju::{
    cli::{self, Arguments},
    client::POOL,
    domain::{
        author::Author,
        content::{Content, Fields},
        timeline::EndCause,
    },
    kernel::{
        id::{Kind, SubjectId},
        position::Partition,
    },
    proto::v1,
    registry::{Body, Entry, Fact, Hidden, Link, Text},
};
use clap::{CommandFactory as _, Parser as _};
use expect_test::{Expect, expect};
use prost::Message;
use prost_reflect::DynamicMessage;
use tonic::{Code, Request, Response, Status, metadata::MetadataMap};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::raw::Raw;

const BUILDING: &str = "bld_01HF7YAT000000E0000000001A";
const COMPOUND: &str = "cmp_01HF7YAT000000E0000000001A";
const REGION: &str = "rgn_01HF7YAT000000E0000000001A";
const CASE: &str = "cas_01HF7YAT000000E0000000001A";

type Reply = Result<Vec<Vec<u8>>, Status>;

/// What a server was asked, and what it is to answer.
#[derive(Default)]
struct Script {
    /// `Service/Method` and the replies to its calls, in order; the last one stays.
    replies: Vec<(String, VecDeque<Reply>)>,
    /// `Service/Method request` of each call, the request as JSON.
    asked: Vec<String>,
    metadata: MetadataMap,
    /// What every answer warns of.
    warnings: Vec<String>,
}

/// A server on a port of its own that follows a script.
#[derive(Clone)]
struct Server {
    script: Arc<Mutex<Script>>,
    address: SocketAddr,
}

impl Server {
    async fn start() -> Self {
        Self::begin(tonic::transport::Server::builder()).await
    }

    async fn begin(builder: tonic::transport::Server) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self { script: Arc::default(), address };
        let handler = server.clone();
        let service = tower::service_fn(move |request| {
            let answer = handler.clone().handle(request);
            async move { Ok::<_, std::convert::Infallible>(answer.await) }
        });
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        tokio::spawn(async move {
            builder.serve_with_incoming(service, incoming).await.unwrap();
        });
        server
    }

    /// The same behind TLS; also the PEM of the authority to trust.
    async fn start_secured() -> (Self, String) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let identity = tonic::transport::Identity::from_pem(&certificate, key);
        let tls = tonic::transport::ServerTlsConfig::new().identity(identity);
        let server = tonic::transport::Server::builder().tls_config(tls).unwrap();
        (Self::begin(server).await, certificate)
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a reply to the next calls of a method: messages of a stream, or the one of a unary call.
    fn reply<M: Message>(&self, call: &str, messages: &[M]) {
        self.add(call, Ok(messages.iter().map(Message::encode_to_vec).collect()));
    }

    fn refuse(&self, call: &str, status: Status) {
        self.add(call, Err(status));
    }

    fn add(&self, call: &str, reply: Reply) {
        let mut script = self.script();
        match script.replies.iter_mut().find(|(known, _)| known == call) {
            Some((_, replies)) => replies.push_back(reply),
            None => script.replies.push((call.to_owned(), VecDeque::from([reply]))),
        }
    }

    /// What was asked so far, one call a line; the random request ids are left out.
    fn asked(&self) -> String {
        self.script().asked.join("\n")
    }

    async fn handle(
        self,
        request: http::Request<tonic::body::Body>,
    ) -> http::Response<tonic::body::Body> {
        let call = request.uri().path().trim_start_matches("/anju.v1.").to_owned();
        let answering = Answering { server: self, call };
        tonic::server::Grpc::new(Raw).server_streaming(answering, request).await
    }

    fn answer(&self, call: &str, request: &Request<Vec<u8>>) -> Reply {
        let (service, name) = call.split_once('/').unwrap();
        let method = anju::client::method(service, name).unwrap();
        let message = DynamicMessage::decode(method.input(), request.get_ref().as_slice()).unwrap();
        assert_eq!(message.unknown_fields().count(), 0, "{call}");
        let mut script = self.script();
        script.asked.push(format!("{call} {}", serde_json::to_string(&message).unwrap()));
        script.metadata = request.metadata().clone();
        let Some((_, replies)) = script.replies.iter_mut().find(|(known, _)| known == call) else {
            return Err(Status::unimplemented(format!("the script has no {call}")));
        };
        if replies.len() > 1 {
            replies.pop_front().unwrap()
        } else {
            replies.front().unwrap().clone()
        }
    }
}

struct Answering {
    server: Server,
    call: String,
}

impl tonic::server::ServerStreamingService<Vec<u8>> for Answering {
    type Response = Vec<u8>;
    type ResponseStream = tokio_stream::Iter<std::vec::IntoIter<Result<Vec<u8>, Status>>>;
    type Future = std::future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Vec<u8>>) -> Self::Future {
        let reply = self.server.answer(&self.call, &request);
        std::future::ready(reply.map(|messages| {
            let messages: Vec<_> = messages.into_iter().map(Ok).collect();
            let mut response = Response::new(tokio_stream::iter(messages));
            for warning in &self.server.script().warnings {
                response.metadata_mut().append("anju-warning", warning.parse().unwrap());
            }
            response
        }))
    }
}

/// Runs `anju` against the server and answers its exit code and all that it says.
async fn anju(server: &Server, arguments: &[&str]) -> (u8, String) {
    let address = format!("http://{}", server.address);
    let whole = ["anju", "--server", &address, "--token", "t0ken"];
    let arguments = whole.iter().copied().chain(arguments.iter().copied());
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return (2, error.to_string()),
    };
    let mut written = Vec::new();
    let result = cli::run(&arguments, &mut written, false).await;
    let mut said = String::from_utf8(written).unwrap();
    if let Err(error) = &result {
        let told = cli::told(error, arguments.global.json);
        said = format!("{said}{}\n", told.strip_prefix("anju: ").unwrap_or(&told));
    }
    (cli::exit_code(&result), said)
}

/// Runs it and holds that it ends with this code and says this object.
async fn check_code(server: &Server, arguments: &[&str], code: u8, expected: &Expect) {
    let (ended, said) = anju(server, arguments).await;
    let object: serde_json::Value = serde_json::from_str(&said).unwrap();
    expected.assert_eq(&format!("{object:#}\n"));
    assert_eq!(ended, code);
}

/// Runs it and holds that it succeeds and says this.
async fn check(server: &Server, arguments: &[&str], expected: &Expect) {
    let (code, said) = anju(server, arguments).await;
    assert_eq!(code, 0, "{said}");
    expected.assert_eq(&said);
}

fn moment() -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: 1_720_000_000, nanos: 0 }
}

fn building() -> v1::Building {
    v1::Building {
        id: BUILDING.to_owned(),
        etag: "42".to_owned(),
        life: Some(v1::Life {
            exists_from: "1983..1985".to_owned(),
            presence: v1::Presence::Exists.into(),
            ..v1::Life::default()
        }),
        fields: Some(v1::BuildingFields {
            name: Some("12号楼".to_owned()),
            address: Some("人民路12号".to_owned()),
            completed: Some("1985".to_owned()),
            structure: v1::Structure::BrickConcrete.into(),
            storeys_above: Some(6),
            floor_area_cm2: Some(42_105_000),
            location: Some(v1::Location {
                system: v1::CoordinateSystem::Wgs84.into(),
                longitude: "113.6654".to_owned(),
                latitude: "34.7579".to_owned(),
            }),
            identifiers: vec![v1::Identifier { scheme: "census".into(), value: "123".into() }],
            ..v1::BuildingFields::default()
        }),
        case_ids: vec![CASE.to_owned()],
        entries_in_doubt: vec![17],
    }
}

fn get_response() -> v1::GetBuildingResponse {
    v1::GetBuildingResponse { building: Some(building()), read_at: "7:42".to_owned() }
}

#[test]
fn the_commands_fit_together() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_has_help_and_examples() {
    // On a terminal wide enough for every example.
    let mut command = Arguments::command().term_width(0).max_term_width(0);
    command.build();
    for sub in command.get_subcommands_mut() {
        let name = sub.get_name().to_owned();
        let help = sub.render_long_help().to_string();
        assert!(help.contains("Examples:\n"), "{name}");
        assert!(sub.get_about().is_some(), "{name}");
        // An example of a command is one that parses.
        for line in help.lines().filter_map(|line| line.trim().strip_prefix("anju ")) {
            parses(line.split(" > ").next().unwrap());
        }
    }
}

fn parses(line: &str) {
    let mut words = vec!["anju".to_owned()];
    for (index, piece) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            let glued = line.split('\'').take(index).last().unwrap().ends_with('=');
            let word = if glued { words.pop().unwrap() + piece } else { piece.to_owned() };
            words.push(word);
        } else {
            words.extend(piece.split_whitespace().map(str::to_owned));
        }
    }
    if let Err(error) = Arguments::try_parse_from(words) {
        panic!("{line}: {error}");
    }
}

#[test]
fn the_exit_codes_are_told_the_same_everywhere() {
    let help = Arguments::command().render_long_help().to_string();
    let page = include_str!("../../docs/cli.md");
    for (code, meaning) in cli::EXIT_CODES {
        assert!(help.contains(&format!("  {code}  {meaning}")), "{code}");
        assert!(page.contains(&format!("| {code} | {meaning} |")), "{code}");
    }
}

#[test]
fn every_service_of_the_api_is_known_by_name() {
    let services: Vec<_> = POOL.services().map(|service| service.name().to_owned()).collect();
    assert_eq!(services.len(), 22, "{services:?}");
}

#[tokio::test]
async fn a_building_is_shown_label_by_label() {
    let server = Server::start().await;
    server.reply("BuildingService/GetBuilding", &[get_response()]);
    check(
        &server,
        &["get", BUILDING],
        &expect![[r"
        building                       bld_01HF7YAT000000E0000000001A
        etag 版本                      42
        life 存续                      from 1983..1985: exists 存续
        name 名称                      12号楼
        address 地址                   人民路12号
        completed 竣工日期             1985
        structure 结构类型             brick concrete 砖混
        storeys above ground 地上层数  6
        floor area 建筑面积 m²         4210.5
        location 位置                  wgs84:113.6654,34.7579
        outside numbers 外部编号       census:123
        open cases 待办事项            cas_01HF7YAT000000E0000000001A
        entries in doubt 存疑记录      17
    "]],
    )
    .await;
    check(
        &server,
        &["get", BUILDING, "--json"],
        &expect![[r#"
        {
          "building": {
            "id": "bld_01HF7YAT000000E0000000001A",
            "etag": "42",
            "life": {
              "existsFrom": "1983..1985",
              "presence": "PRESENCE_EXISTS"
            },
            "fields": {
              "name": "12号楼",
              "address": "人民路12号",
              "completed": "1985",
              "structure": "STRUCTURE_BRICK_CONCRETE",
              "storeysAbove": 6,
              "floorAreaCm2": "42105000",
              "location": {
                "system": "COORDINATE_SYSTEM_WGS84",
                "longitude": "113.6654",
                "latitude": "34.7579"
              },
              "identifiers": [
                {
                  "scheme": "census",
                  "value": "123"
                }
              ]
            },
            "caseIds": [
              "cas_01HF7YAT000000E0000000001A"
            ],
            "entriesInDoubt": [
              "17"
            ]
          },
          "readAt": "7:42"
        }
    "#]],
    )
    .await;
}

#[tokio::test]
async fn the_two_times_of_a_read_are_sent() {
    let server = Server::start().await;
    server.reply("BuildingService/GetBuilding", &[get_response()]);
    for times in [
        ["--valid-at", "1990-01-01", "--known-at", "2024-07-01"],
        ["--known-at", "42", "--min-commit", "7:42"],
        ["--known-at", "2024-07-01T12:00:00+08:00", "--person", "p-1"],
    ] {
        let arguments: Vec<_> = ["get", BUILDING].into_iter().chain(times).collect();
        assert_eq!(anju(&server, &arguments).await.0, 0);
    }
    expect![[r#"
        BuildingService/GetBuilding {"context":{"readTime":{"validAt":"1990-01-01","knownAt":"2024-07-01T15:59:59.999999Z"}},"id":"bld_01HF7YAT000000E0000000001A"}
        BuildingService/GetBuilding {"context":{"readTime":{"knownAtSeq":"42"},"minCommit":"7:42"},"id":"bld_01HF7YAT000000E0000000001A"}
        BuildingService/GetBuilding {"context":{"readTime":{"knownAt":"2024-07-01T04:00:00Z"}},"id":"bld_01HF7YAT000000E0000000001A"}"#]].assert_eq(&server.asked());
    let metadata = server.script().metadata.clone();
    assert_eq!(metadata.get("authorization").unwrap(), "Bearer t0ken");
    assert_eq!(metadata.get("x-anju-person").unwrap(), "p-1");
}

#[tokio::test]
async fn a_list_goes_on_page_by_page() {
    let server = Server::start().await;
    let page = |token: &str| v1::ListBuildingsResponse {
        buildings: vec![building()],
        next_page_token: token.to_owned(),
        read_at: "7:42".to_owned(),
    };
    server.reply("BuildingService/ListBuildings", &[page("next")]);
    server.reply("BuildingService/ListBuildings", &[page("next")]);
    server.reply("BuildingService/ListBuildings", &[page("")]);
    check(&server, &["list", "buildings", "--compound", COMPOUND], &expect![[r"
        id 编号                         name 名称  address 地址  since 起始  state 状态   details 详情
        bld_01HF7YAT000000E0000000001A  12号楼     人民路12号    1983..1985  exists 存续  1985, brick concrete 砖混, 6 storeys 层, 4210.5 m²
        more 更多: --page-token next
    "]]).await;
    let all = ["list", "buildings", "--region", REGION, "--all", "--json", "--page-size", "1"];
    let (code, said) = anju(&server, &all).await;
    assert_eq!((code, said.lines().count()), (0, 2), "{said}");
    expect![[r#"
        BuildingService/ListBuildings {"context":{},"compoundId":"cmp_01HF7YAT000000E0000000001A","pageSize":50}
        BuildingService/ListBuildings {"context":{},"regionId":"rgn_01HF7YAT000000E0000000001A","pageSize":1}
        BuildingService/ListBuildings {"context":{},"regionId":"rgn_01HF7YAT000000E0000000001A","pageSize":1,"pageToken":"next"}"#]].assert_eq(&server.asked());
}

#[tokio::test]
async fn a_history_says_who_said_what_and_what_became_of_it() {
    let server = Server::start().await;
    let value = |field: &str, value: Option<&str>| v1::FieldValue {
        field: field.to_owned(),
        value: value.map(str::to_owned),
    };
    let registered = v1::HistoryEntry {
        position: "7:12".to_owned(),
        recorded_at: Some(moment()),
        kind: "registered".to_owned(),
        valid_from: "1983..1985".to_owned(),
        actor_subject: "bureau".to_owned(),
        actor_role: "municipality".to_owned(),
        actor_person: "p-1042".to_owned(),
        corrected_by: Some(42),
        values: vec![value("name", Some("12号楼")), value("floor_area_cm2", Some("42105000"))],
        ..v1::HistoryEntry::default()
    };
    let corrected = v1::HistoryEntry {
        position: "7:42".to_owned(),
        recorded_at: Some(moment()),
        kind: "changed".to_owned(),
        actor_subject: "bureau".to_owned(),
        reason: "misread deed".to_owned(),
        corrects: vec![12],
        values: vec![value("completed", None)],
        in_doubt: true,
        ..v1::HistoryEntry::default()
    };
    let answer = v1::GetHistoryResponse {
        entries: vec![registered, corrected],
        ..v1::GetHistoryResponse::default()
    };
    server.reply("HistoryService/GetHistory", &[answer]);
    check(&server, &["history", BUILDING], &expect![[r"
        entry 记录  recorded 记录时间 (+08:00)  valid from 生效  who 谁                 kind 类别   what 内容                                     corrected by 更正
        12          2024-07-03 17:46:40         1983..1985       bureau (municipality)  registered  name 名称: 12号楼                             42
                                                                 for p-1042                         floor area 建筑面积 m²: 4210.5
        42          2024-07-03 17:46:40                          bureau                 changed     completed 竣工日期: unknown or none 不明或无  in doubt 存疑
                                                                                                    corrects 更正 12
                                                                                                    reason 原因: misread deed
    "]]).await;
}

#[tokio::test]
async fn a_difference_shows_old_and_new() {
    let server = Server::start().await;
    let change = v1::FieldDiff {
        field: "floor_area_cm2".to_owned(),
        from: "1985-01-01".to_owned(),
        until: String::new(),
        old: Some("42105000".to_owned()),
        new: None,
    };
    let diff = v1::SubjectDiff {
        subject_id: BUILDING.to_owned(),
        entries: vec![42, 43],
        fields: vec![change],
    };
    let answer = v1::DiffResponse { diffs: vec![diff], ..v1::DiffResponse::default() };
    server.reply("HistoryService/Diff", &[answer]);
    check(&server, &["diff", BUILDING, "--from", "12"], &expect![[r"
        subject 对象                    field 字段              from 起     until 止  old 旧  new 新  entries 记录
        bld_01HF7YAT000000E0000000001A  floor area 建筑面积 m²  1985-01-01            4210.5          42, 43
    "]]).await;
    let mixed = ["diff", BUILDING, "--from", "12", "--to", "2024-07-01"];
    assert_eq!(anju(&server, &mixed).await.0, 2);
}

fn amount(measure: &str, certain: i64, possible: i64) -> v1::Amount {
    v1::Amount { measure: measure.to_owned(), certain, possible, ..v1::Amount::default() }
}

fn amounts() -> Vec<v1::Amount> {
    vec![amount("buildings", 12, 15), amount("floor_area_cm2", 125_000, 125_000)]
}

#[tokio::test]
async fn uncertain_totals_are_shown_as_both_numbers() {
    let server = Server::start().await;
    let plain = v1::GetTotalsResponse {
        amounts: amounts(),
        valid_at: "2024-07-01".to_owned(),
        ..v1::GetTotalsResponse::default()
    };
    let mut broken = plain.clone();
    broken.amounts[0].built_decade = Some(1980);
    broken.amounts[0].structure = "BRICK_CONCRETE".to_owned();
    broken.amounts[1].built_decade = Some(0);
    broken.amounts[1].structure = "UNKNOWN".to_owned();
    server.reply("TotalsService/GetTotals", &[plain]);
    server.reply("TotalsService/GetTotals", &[broken]);
    check(
        &server,
        &["totals", REGION],
        &expect![[r"
        measure 指标            on 2024-07-01 当日
        buildings 楼栋                       12–15
        floor area 建筑面积 m²                12.5
    "]],
    )
    .await;
    check(
        &server,
        &["totals", REGION, "--breakdown"],
        &expect![[r"
        measure 指标            built 建成年代  structure 结构类型   on 2024-07-01 当日
        buildings 楼栋          1980s           brick concrete 砖混               12–15
        floor area 建筑面积 m²  unknown 不明    unknown 不明                       12.5
    "]],
    )
    .await;
}

#[tokio::test]
async fn totals_are_shown_over_months_children_and_rows() {
    let server = Server::start().await;
    let month = |month: &str| v1::MonthTotals { month: month.into(), amounts: amounts() };
    let months = vec![month("2020-01"), month("2020-02")];
    let answer = v1::GetSeriesResponse { months, ..v1::GetSeriesResponse::default() };
    server.reply("TotalsService/GetSeries", &[answer]);
    check(
        &server,
        &["totals", REGION, "--series", "2020-01..2020-02"],
        &expect![[r"
        month 月份  buildings 楼栋  floor area 建筑面积 m²
        2020-01              12–15                    12.5
        2020-02              12–15                    12.5
    "]],
    )
    .await;
    let child = v1::ChildTotals {
        subject_id: REGION.into(),
        name: "人民路街道".into(),
        amounts: amounts(),
    };
    let answer = v1::ListTotalsResponse { children: vec![child], ..Default::default() };
    server.reply("TotalsService/ListTotals", &[answer]);
    check(
        &server,
        &["totals", REGION, "--children"],
        &expect![[r"
        id 编号                         name 名称   buildings 楼栋  floor area 建筑面积 m²
        rgn_01HF7YAT000000E0000000001A  人民路街道           12–15                    12.5
    "]],
    )
    .await;
    let row = v1::TotalRow {
        subject_id: BUILDING.to_owned(),
        label: "12号楼".to_owned(),
        amount: Some(amount("buildings", 0, 1)),
        entries: vec![12, 42],
        terms: Vec::new(),
    };
    let answer = v1::ExplainTotalResponse { rows: vec![row], ..Default::default() };
    server.reply("TotalsService/ExplainTotal", &[answer]);
    check(
        &server,
        &["totals", REGION, "--explain", "buildings"],
        &expect![[r"
        subject 对象                    name 名称  adds 计入  entries 记录
        bld_01HF7YAT000000E0000000001A  12号楼           0–1  12, 42
    "]],
    )
    .await;
    expect![[r#"
        TotalsService/GetSeries {"context":{},"subjectId":"rgn_01HF7YAT000000E0000000001A","fromMonth":"2020-01","toMonth":"2020-02"}
        TotalsService/ListTotals {"context":{},"regionId":"rgn_01HF7YAT000000E0000000001A","pageSize":50}
        TotalsService/ExplainTotal {"context":{},"subjectId":"rgn_01HF7YAT000000E0000000001A","measure":"buildings","pageSize":50}"#]].assert_eq(&server.asked());
}

#[tokio::test]
async fn a_code_that_was_reused_asks_for_a_day() {
    let server = Server::start().await;
    let candidate = |id: &str, from: &str, until: &str| v1::CodeCandidate {
        region: Some(v1::Region { id: id.to_owned(), ..v1::Region::default() }),
        from: from.to_owned(),
        until: until.to_owned(),
    };
    let both = v1::ResolveCodeResponse {
        answer: v1::CodeAnswer::Ambiguous.into(),
        candidates: vec![
            candidate(REGION, "1983-01-01", "2003-01-01"),
            candidate(&REGION.replace("1A", "2B"), "2010-01-01", ""),
        ],
        ..Default::default()
    };
    server.reply("RegionService/ResolveCode", &[both]);
    server.reply("RegionService/ResolveCode", &[v1::ResolveCodeResponse::default()]);
    let arguments = ["totals", "--code", "gbt2260:410102", "--date", "1990-01-01"];
    let (code, said) = anju(&server, &arguments).await;
    assert_eq!(code, 2);
    expect![[r"
        the command line is wrong
          several regions had this code; say the day (gbt2260:410102@2020-12-31), or take an id 该代码先后属于多个区划，请写明日期或编号:
          rgn_01HF7YAT000000E0000000001A from 1983-01-01 until 2003-01-01
          rgn_01HF7YAT000000E0000000002B from 2010-01-01 until now
    "]]
    .assert_eq(&said);
    let (code, said) = anju(&server, &arguments).await;
    assert_eq!((code, said.as_str()), (4, "no region has the code gbt2260:410102\n"));
}

#[tokio::test]
async fn a_code_is_looked_up_by_days_and_moments_and_not_by_a_number_of_another_partition() {
    let server = Server::start().await;
    let region = v1::Region { id: REGION.to_owned(), ..v1::Region::default() };
    let found = v1::CodeCandidate { region: Some(region), ..v1::CodeCandidate::default() };
    let answer = v1::ResolveCodeResponse {
        answer: v1::CodeAnswer::One.into(),
        candidates: vec![found],
        ..Default::default()
    };
    server.reply("RegionService/ResolveCode", &[answer]);
    server.reply("TotalsService/GetTotals", &[v1::GetTotalsResponse::default()]);
    server.reply("RegionService/ListRegions", &[v1::ListRegionsResponse::default()]);
    let code = "gbt2260:410102";
    for asked in [
        &["totals", "--code", code, "--known-at", "42", "--json"][..],
        &["totals", "--code", code, "--known-at", "42", "--valid-at", "2020-12-31", "--json"],
        &["totals", "--code", code, "--known-at", "2024-07-01T12:00:00Z", "--json"],
        &["list", "regions", "--parent", code, "--known-at", "42", "--json"],
    ] {
        let (code, said) = anju(&server, asked).await;
        assert_eq!(code, 0, "{asked:?}: {said}");
    }
    expect![[r#"
        RegionService/ResolveCode {"context":{},"scheme":"gbt2260","code":"410102"}
        TotalsService/GetTotals {"context":{"readTime":{"knownAtSeq":"42"}},"subjectId":"rgn_01HF7YAT000000E0000000001A"}
        RegionService/ResolveCode {"context":{"readTime":{"validAt":"2020-12-31"}},"scheme":"gbt2260","code":"410102"}
        TotalsService/GetTotals {"context":{"readTime":{"validAt":"2020-12-31","knownAtSeq":"42"}},"subjectId":"rgn_01HF7YAT000000E0000000001A"}
        RegionService/ResolveCode {"context":{"readTime":{"knownAt":"2024-07-01T12:00:00Z"}},"scheme":"gbt2260","code":"410102"}
        TotalsService/GetTotals {"context":{"readTime":{"knownAt":"2024-07-01T12:00:00Z"}},"subjectId":"rgn_01HF7YAT000000E0000000001A"}
        RegionService/ResolveCode {"context":{},"scheme":"gbt2260","code":"410102"}
        RegionService/ListRegions {"context":{"readTime":{"knownAtSeq":"42"}},"parentId":"rgn_01HF7YAT000000E0000000001A","pageSize":50}"#]].assert_eq(&server.asked());
}

#[tokio::test]
async fn a_search_looks_in_the_only_city() {
    let server = Server::start().await;
    let partition = |partition: u32| v1::PartitionStatus { partition, ..Default::default() };
    let status = v1::GetStatusResponse {
        partitions: vec![partition(0), partition(7)],
        ..v1::GetStatusResponse::default()
    };
    server.reply("RegistryService/GetStatus", &[status]);
    let hit = v1::SearchHit { subject: Some(v1::search_hit::Subject::Building(building())) };
    let answer = v1::SearchResponse { hits: vec![hit], ..v1::SearchResponse::default() };
    server.reply("SearchService/Search", &[answer]);
    server.reply("SearchService/Search", &[v1::SearchResponse::default()]);
    check(&server, &["search", "人民路12", "--kind", "building"], &expect![[r"
        id 编号                         name 名称  address 地址  since 起始  state 状态   details 详情
        bld_01HF7YAT000000E0000000001A  12号楼     人民路12号    1983..1985  exists 存续  1985, brick concrete 砖混, 6 storeys 层, 4210.5 m²
    "]]).await;
    server.reply("RegionService/ResolveCode", &[v1::ResolveCodeResponse::default()]);
    let (code, said) = anju(&server, &["get", "--identifier", "census:9"]).await;
    assert_eq!((code, said.as_str()), (4, "nothing has the census 9\n"));
    expect![[r#"
        RegistryService/GetStatus {}
        SearchService/Search {"context":{},"text":"人民路12","kinds":["SUBJECT_KIND_BUILDING"],"partition":7,"pageSize":50}
        RegionService/ResolveCode {"context":{},"scheme":"census","code":"9"}
        RegistryService/GetStatus {}
        SearchService/Search {"context":{},"identifier":{"scheme":"census","value":"9"},"kinds":["SUBJECT_KIND_COMPOUND","SUBJECT_KIND_BUILDING","SUBJECT_KIND_UNIT"],"partition":7}"#]].assert_eq(&server.asked());
}

#[tokio::test]
async fn an_outside_number_is_looked_for_wherever_it_may_be() {
    let server = Server::start().await;
    let partition = |partition: u32| v1::PartitionStatus { partition, ..Default::default() };
    let status = v1::GetStatusResponse {
        partitions: vec![partition(0), partition(7), partition(8)],
        ..v1::GetStatusResponse::default()
    };
    server.reply("RegistryService/GetStatus", &[status]);
    for _ in 0..2 {
        let everywhere = v1::WhoAmIResponse { everywhere: true, ..Default::default() };
        server.reply("RegistryService/WhoAmI", &[everywhere]);
    }
    let own = v1::WhoAmIResponse { region_ids: vec![REGION.to_owned()], ..Default::default() };
    server.reply("RegistryService/WhoAmI", &[own]);
    // A region's code is of no partition.
    let region = v1::Region {
        id: REGION.to_owned(),
        fields: Some(v1::RegionFields {
            name: Some("金水区".to_owned()),
            ..v1::RegionFields::default()
        }),
        ..v1::Region::default()
    };
    let found = v1::CodeCandidate { region: Some(region), ..v1::CodeCandidate::default() };
    let answer = v1::ResolveCodeResponse { candidates: vec![found], ..Default::default() };
    server.reply("RegionService/ResolveCode", &[answer]);
    server.reply("RegionService/ResolveCode", &[v1::ResolveCodeResponse::default()]);
    let (code, said) = anju(&server, &["get", "--identifier", "gbt2260:410105"]).await;
    assert!(code == 0 && said.contains(REGION) && said.contains("金水区"), "{code}: {said}");
    // Anything else is in one of the cities.
    server.reply("SearchService/Search", &[v1::SearchResponse::default()]);
    let hit = v1::SearchHit { subject: Some(v1::search_hit::Subject::Building(building())) };
    server.reply(
        "SearchService/Search",
        &[v1::SearchResponse { hits: vec![hit], ..Default::default() }],
    );
    let (code, said) = anju(&server, &["get", "--identifier", "census:9"]).await;
    assert!(code == 0 && said.contains(BUILDING), "{code}: {said}");
    // The number of an entry counts the entries of one of them.
    let then = ["get", "--identifier", "census:9", "--known-at", "42"];
    let (code, said) = anju(&server, &then).await;
    assert!(code == 2 && said.contains("say which --partition"), "{code}: {said}");
    // Who answers for one city looks there, though the others are shown as well.
    let (code, said) = anju(&server, &["get", "--identifier", "census:9"]).await;
    assert!(code == 0 && said.contains(BUILDING), "{code}: {said}");
    expect![[r#"
        RegionService/ResolveCode {"context":{},"scheme":"gbt2260","code":"410105"}
        RegionService/ResolveCode {"context":{},"scheme":"census","code":"9"}
        RegistryService/GetStatus {}
        RegistryService/WhoAmI {}
        SearchService/Search {"context":{},"identifier":{"scheme":"census","value":"9"},"kinds":["SUBJECT_KIND_COMPOUND","SUBJECT_KIND_BUILDING","SUBJECT_KIND_UNIT"],"partition":7}
        SearchService/Search {"context":{},"identifier":{"scheme":"census","value":"9"},"kinds":["SUBJECT_KIND_COMPOUND","SUBJECT_KIND_BUILDING","SUBJECT_KIND_UNIT"],"partition":8}
        RegionService/ResolveCode {"context":{},"scheme":"census","code":"9"}
        RegistryService/GetStatus {}
        RegistryService/WhoAmI {}
        RegionService/ResolveCode {"context":{},"scheme":"census","code":"9"}
        RegistryService/GetStatus {}
        RegistryService/WhoAmI {}
        SearchService/Search {"context":{},"identifier":{"scheme":"census","value":"9"},"kinds":["SUBJECT_KIND_COMPOUND","SUBJECT_KIND_BUILDING","SUBJECT_KIND_UNIT"],"partition":7}"#]].assert_eq(&server.asked());
}

#[tokio::test]
async fn a_correction_is_sent_with_its_mask_and_answers_its_receipt() {
    let server = Server::start().await;
    let receipt = v1::WriteReceipt {
        commit_token: "7:43".to_owned(),
        recorded_at: Some(moment()),
        entries: vec![43],
        ..v1::WriteReceipt::default()
    };
    let answer = v1::CorrectBuildingResponse {
        receipt: Some(receipt),
        building: Some(building()),
        case_ids: vec![CASE.to_owned()],
    };
    server.reply("BuildingService/CorrectBuilding", &[answer]);
    let id = "5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11";
    let arguments = [
        "correct",
        BUILDING,
        "--set",
        "completed=1985",
        "--unset",
        "name",
        "--reason",
        "misread deed",
        "--entry",
        "12",
        "--from",
        "2024-01-01",
        "--etag",
        "42",
        "--request-id",
        id,
        "--override",
        "AREA_PER_UNIT",
    ];
    check(
        &server,
        &arguments,
        &expect![[r"
        recorded 已记录 2024-07-03 17:46:40 (+08:00), entries 43, commit token 7:43
        cases opened 产生待办: cas_01HF7YAT000000E0000000001A
        building                       bld_01HF7YAT000000E0000000001A
        etag 版本                      42
        life 存续                      from 1983..1985: exists 存续
        name 名称                      12号楼
        address 地址                   人民路12号
        completed 竣工日期             1985
        structure 结构类型             brick concrete 砖混
        storeys above ground 地上层数  6
        floor area 建筑面积 m²         4210.5
        location 位置                  wgs84:113.6654,34.7579
        outside numbers 外部编号       census:123
        open cases 待办事项            cas_01HF7YAT000000E0000000001A
        entries in doubt 存疑记录      17
    "]],
    )
    .await;
    expect![[r#"BuildingService/CorrectBuilding {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11","reason":"misread deed","overrides":["AREA_PER_UNIT"]},"id":"bld_01HF7YAT000000E0000000001A","etag":"42","entry":"12","from":"2024-01-01","fields":{"completed":"1985"},"updateMask":"completed,name"}"#]].assert_eq(&server.asked());
    let (code, said) = anju(&server, &["correct", BUILDING, "--set", "completed=1985"]).await;
    assert_eq!(code, 2);
    assert!(said.contains("--reason"), "{said}");
}

#[tokio::test]
async fn every_verb_reaches_its_method_for_every_kind() {
    let server = Server::start().await;
    let reason = ["--reason", "why"];
    let kinds = [("rgn", "region"), ("cmp", "compound"), ("bld", "building"), ("unt", "unit")];
    for (prefix, kind) in kinds {
        let id = BUILDING.replace("bld", prefix);
        let other = id.replace("1A", "2B");
        let verbs: [&[&str]; 8] = [
            &["create", kind, "--exists-from", "1986", "--set", "doubts.name=x"],
            &["merge", &id, &other, "--on", "2024-07-01", "--set", "doubts.name=x"],
            &["merge", &id, "--into", &other, "--on", "2024-07-01"],
            &["split", &id, "--on", "2024-07-01", "--part", "1/2", "--part", "1/2"],
            &["change", &id, "--from", "2024-07-01", "--unset", "doubts.name"],
            &["correct", &id, "--exists-from", "1980s"],
            &["retract", &id, "--entry", "12"],
            &["end", &id, "--on", "2024", "--cause", "拆除", "--validate-only"],
        ];
        for verb in verbs {
            let arguments: Vec<_> = verb.iter().chain(&reason).copied().collect();
            // The script has no answer; that the method exists and takes the request is the point.
            let (code, said) = anju(&server, &arguments).await;
            assert_eq!(code, 1, "{said}");
            assert!(said.contains("the script has no"), "{said}");
        }
    }
    let asked = server.asked();
    assert_eq!(asked.lines().count(), 32, "{asked}");
    // Bodies, signers, plans and orders have the verbs that make sense for them.
    let lived = [("bdy", "body"), ("sgn", "signer"), ("pln", "plan"), ("ord", "order")];
    for (prefix, kind) in lived {
        let id = BUILDING.replace("bld", prefix);
        let mut verbs: Vec<Vec<&str>> = vec![
            vec!["create", kind, "--exists-from", "2020", "--set", "doubts.name=x"],
            vec!["correct", &id, "--exists-from", "1980s"],
            vec!["retract", &id, "--entry", "12"],
        ];
        verbs.push(vec!["change", &id, "--from", "2024-07-01", "--unset", "doubts.name"]);
        if prefix == "bdy" || prefix == "sgn" {
            verbs.push(vec!["end", &id, "--on", "2024", "--cause", "拆除"]);
        }
        for verb in verbs {
            let arguments: Vec<_> = verb.iter().chain(&reason).copied().collect();
            let (code, said) = anju(&server, &arguments).await;
            assert_eq!(code, 1, "{said}");
            assert!(said.contains("the script has no"), "{said}");
        }
    }
    let order = BUILDING.replace("bld", "ord");
    let (code, said) = anju(&server, &["end", &order, "--on", "2024", "--cause", "other"]).await;
    assert!(code == 2 && said.contains("anju order"), "{said}");
    for method in ["ChangeRegion", "CorrectCompound", "RetractUnit", "EndBuilding"] {
        assert!(asked.contains(method), "{method}");
    }
    for method in ["CreateUnit", "MergeCompounds", "SplitRegion"] {
        assert!(asked.contains(method), "{method}");
    }
    for of_a_case in [
        &["retract", CASE, "--reason", "why"][..],
        &["merge", CASE, CASE, "--on", "2024-07-01", "--set", "name=x"],
        &["split", CASE, "--on", "2024-07-01", "--part", "1/1"],
    ] {
        assert_eq!(anju(&server, of_a_case).await.0, 2, "{of_a_case:?}");
    }
}

#[tokio::test]
async fn the_help_of_retract_says_what_goes_along_and_how_it_is_undone() {
    let server = Server::start().await;
    let (_, said) = anju(&server, &["retract", "--help"]).await;
    for told in ["The units of a building", "when nothing is in it", "A retraction is an entry too"]
    {
        assert!(said.contains(told), "{said}");
    }
}

const REQUEST: &str = "5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11";

#[tokio::test]
async fn what_is_created_is_said_by_flags_or_by_a_file() {
    let server = Server::start().await;
    let created = v1::CreateBuildingResponse {
        receipt: Some(v1::WriteReceipt { entries: vec![43], ..v1::WriteReceipt::default() }),
        building: Some(building()),
    };
    server.reply("BuildingService/CreateBuilding", &[created]);
    server.reply("RegionService/CreateRegion", &[v1::CreateRegionResponse::default()]);
    let run = async |words: &[&str]| {
        anju(&server, &[&["create"], words, &["--request-id", REQUEST, "--json"]].concat()).await
    };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("building.json");
    let file = file.to_str().unwrap();
    let of_file = ["building", "--file", file, "--dry-run"];
    let flags = ["--exists-from", "1986", "--set"];
    let of_building = [&["building"], &flags[..], &["name=12号楼", "--reason", "deed"]].concat();
    let of_region = [&["region", "--opens-partition"], &flags[..], &["level=地级"]].concat();
    std::fs::write(file, r#"{"existsFrom": "1980s", "fields": {"floorAreaCm2": "5", "use": 2}}"#)
        .unwrap();
    for words in [&of_building[..], &of_region, &of_file] {
        let (code, said) = run(words).await;
        assert_eq!(code, 0, "{words:?}: {said}");
    }
    expect![[r#"
        BuildingService/CreateBuilding {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11","reason":"deed"},"fields":{"name":"12号楼"},"existsFrom":"1986"}
        RegionService/CreateRegion {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11"},"fields":{"level":"REGION_LEVEL_CITY"},"existsFrom":"1986","opensPartition":true}
        BuildingService/CreateBuilding {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11","validateOnly":true},"fields":{"floorAreaCm2":"5","use":"BUILDING_USE_MIXED"},"existsFrom":"1980s"}"#]].assert_eq(&server.asked());
    for (text, expected) in [
        ("{", "is no CreateBuildingRequest in JSON"),
        (r#"{"fields": {"colour": "red"}}"#, "colour"),
        (r#"{"fields": {}} {}"#, "trailing"),
        (r#"{"context": {"requestId": "x"}}"#, "the file has a context"),
    ] {
        std::fs::write(file, text).unwrap();
        let (code, said) = run(&of_file).await;
        assert_eq!(code, 2, "{text}: {said}");
        assert!(said.contains(expected), "{text}: {said}");
    }
    for (words, expected) in [
        (&["building"][..], "--exists-from"),
        (&["building", "--file", file, "--set", "name=x"], "cannot be used with"),
        (&["case", "--exists-from", "1986", "--set", "name=x"], "invalid value 'case'"),
        (
            &["unit", "--opens-partition", "--exists-from", "1986", "--set", "number=1"],
            "only a region",
        ),
    ] {
        let (code, said) = run(words).await;
        assert_eq!(code, 2, "{words:?}: {said}");
        assert!(said.contains(expected), "{words:?}: {said}");
    }
    assert_eq!(run(&["building", "--file", "/nowhere.json"]).await.0, 1);
    // Nothing of these was sent, but what was left of the unit, to be judged.
    let asked = server.asked();
    assert_eq!(asked.lines().count(), 4);
    assert!(asked.lines().last().unwrap().contains(r#""validateOnly":true"#), "{asked}");
}

#[tokio::test]
async fn a_day_that_is_none_hides_nothing_of_its_line() {
    let server = Server::start().await;
    let set = ["--set", "storeys_above=many", "--set", "colour=red"];
    let lines: [(&[&str], &str); 6] = [
        (&["create", "building", "--exists-from", "sometime"], "sometime"),
        (&["change", BUILDING, "--from", "2024-13"], "2024-13"),
        (&["correct", BUILDING, "--reason", "a slip", "--from", "1.1.2024"], "1.1.2024"),
        (&["correct", BUILDING, "--reason", "a slip", "--exists-from", "never"], "never"),
        (&["correct", BUILDING, "--reason", "a slip", "--ended-on", "later"], "later"),
        (&["merge", BUILDING, BUILDING, "--on", "someday"], "someday"),
    ];
    for (words, day) in lines {
        let (code, said) = anju(&server, &[words, &set].concat()).await;
        assert_eq!(code, 2, "{said}");
        for wrong in [day, "many", "colour"] {
            assert!(said.contains(wrong), "{words:?} {wrong}: {said}");
        }
    }
    let (code, said) =
        anju(&server, &["end", BUILDING, "--on", "someday", "--cause", "boredom"]).await;
    assert!(code == 2 && said.contains("someday") && said.contains("boredom"), "{said}");
}

#[tokio::test]
async fn merges_splits_and_transfers_are_sent_and_shown() {
    let server = Server::start().await;
    let receipt = Some(v1::WriteReceipt {
        commit_token: "7:43".to_owned(),
        recorded_at: Some(moment()),
        entries: vec![42, 43],
        ..v1::WriteReceipt::default()
    });
    let part = |id: &str| v1::Unit { id: id.to_owned(), ..v1::Unit::default() };
    let unit = BUILDING.replace("bld", "unt");
    let other = unit.replace("1A", "2B");
    let parts = vec![part(&unit), part(&other)];
    server.reply("UnitService/SplitUnit", &[v1::SplitUnitResponse { receipt, parts }]);
    server.reply("BuildingService/SplitBuilding", &[v1::SplitBuildingResponse::default()]);
    server.reply("UnitService/MergeUnits", &[v1::MergeUnitsResponse::default()]);
    server.reply("RegionService/TransferRegion", &[v1::TransferRegionResponse::default()]);
    let run =
        async |words: &[&str]| anju(&server, &[words, &["--request-id", REQUEST]].concat()).await;
    let day = ["--on", "2024-07-01"];
    let of_parts = ["--part", "1/3;number=301", "--part", "2/3;number=302;area_m2=50.5"];
    let (code, said) = run(&[&["split", &unit, "--etag", "7"], &day[..], &of_parts].concat()).await;
    assert_eq!(code, 0, "{said}");
    expect![[r"
        recorded 已记录 2024-07-03 17:46:40 (+08:00), entries 42, 43, commit token 7:43
        unit       unt_01HF7YAT000000E0000000001A
        etag 版本
        unit       unt_01HF7YAT000000E0000000002B
        etag 版本
    "]]
    .assert_eq(&said);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("split.json");
    let of_file = ["split", BUILDING, "--file", file.to_str().unwrap()];
    std::fs::write(&file, format!(r#"{{"id": "{BUILDING}", "day": "2024-07-01"}}"#)).unwrap();
    let child = format!("{unit}=2");
    let kept = ["split", BUILDING, "--part", "1/2;name=东楼", "--child", &child, "--keeps"];
    let (into, anew) =
        (["merge", &unit, "--into", &other], ["merge", &unit, &other, "--set", "number=301"]);
    let region = REGION.replace("1A", "2B");
    let transfer = ["transfer", REGION, "--to", &region, "--from", "2024-07-01", "--dry-run"];
    for words in [
        &[&kept, &day[..]].concat()[..],
        &of_file,
        &[&into, &day[..]].concat(),
        &[&anew, &day[..]].concat(),
        &transfer,
    ] {
        let (code, said) = run(words).await;
        assert_eq!(code, 0, "{words:?}: {said}");
    }
    expect![[r#"
        UnitService/SplitUnit {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11"},"id":"unt_01HF7YAT000000E0000000001A","etag":"7","day":"2024-07-01","parts":[{"fields":{"number":"301"},"shareNumerator":"1","shareDenominator":"3"},{"fields":{"number":"302","areaCm2":"505000"},"shareNumerator":"2","shareDenominator":"3"}]}
        BuildingService/SplitBuilding {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11"},"id":"bld_01HF7YAT000000E0000000001A","day":"2024-07-01","parts":[{"fields":{"name":"东楼"},"shareNumerator":"1","shareDenominator":"2"}],"assignments":[{"childId":"unt_01HF7YAT000000E0000000001A","part":1}],"keeps":true}
        BuildingService/SplitBuilding {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11"},"id":"bld_01HF7YAT000000E0000000001A","day":"2024-07-01"}
        UnitService/MergeUnits {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11"},"ids":["unt_01HF7YAT000000E0000000001A"],"day":"2024-07-01","intoId":"unt_01HF7YAT000000E0000000002B"}
        UnitService/MergeUnits {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11"},"ids":["unt_01HF7YAT000000E0000000001A","unt_01HF7YAT000000E0000000002B"],"day":"2024-07-01","into":{"number":"301"}}
        RegionService/TransferRegion {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11","validateOnly":true},"regionId":"rgn_01HF7YAT000000E0000000001A","parentId":"rgn_01HF7YAT000000E0000000002B","from":"2024-07-01"}"#]].assert_eq(&server.asked());
    let count = server.asked().lines().count();
    for (words, expected) in [
        (&["merge", &unit, BUILDING, "--on", "2024-07-01", "--set", "number=1"][..], "of one kind"),
        (&["merge", &unit, "--on", "2024-07-01"], "--set"),
        (&["split", &unit, "--on", "2024-07-01", "--part", "1/2;colour=red"], "part 1.colour"),
        (&["split", &unit, "--file", of_file[3]], "the file is about bld_"),
        (&["transfer", BUILDING, "--to", REGION, "--from", "2024-07-01"], "invalid value"),
    ] {
        let (code, said) = run(words).await;
        assert_eq!(code, 2, "{words:?}: {said}");
        assert!(said.contains(expected), "{words:?}: {said}");
    }
    // Nothing of these was sent, but what was left of the merge and the split, to be judged.
    let judged = |call: &str| call.contains(r#""validateOnly":true"#);
    assert_eq!(server.asked().lines().skip(count).map(judged).collect::<Vec<_>>(), [true; 2]);
}

/// Lines with flags that cannot be read (`#` stands for the digits of an id): the call that they are
/// of, and the fields that the flags are for.
const UNREADABLE: [(&str, &str, &[&str]); 12] = [
    ("RegionService/TransferRegion", "transfer rgn_# --to rgn_# --from 2024-02-30", &["from"]),
    (
        "InspectionService/SignReport",
        "report sign rpt_# --signer sgn_# --scope structure --on someday",
        &["on"],
    ),
    ("InspectionService/SubmitReport", "report submit rpt_# --on someday", &["on"]),
    ("FindingService/FollowFinding", "finding close fnd_# --on someday", &["on"]),
    (
        "FindingService/FollowFinding",
        "finding notify fnd_# --deadline soon --on someday",
        &["on", "saying.notified.deadline"],
    ),
    (
        "FindingService/FollowFinding",
        "finding move fnd_# --deadline soon --on someday",
        &["on", "saying.deadline_moved.deadline"],
    ),
    ("FindingService/MergeFindings", "finding merge fnd_# --into fnd_# --on someday", &["day"]),
    (
        "FindingService/ObserveFinding",
        "finding observe --building bld_# --class STR.CRACK --severity unsafe --observer p-1 --on now",
        &["observed_on"],
    ),
    (
        "PlanService/MoveOrderDeadline",
        "order move ord_# --deadline soon --from now",
        &["deadline", "from"],
    ),
    ("PlanService/CancelOrder", "order cancel ord_# --from now", &["from"]),
    (
        "BuildingService/SplitBuilding",
        "split bld_# --on someday --part 1/2 --part half --child unt_#=0 --child all",
        &["day", "parts[1]", "assignments[0]", "assignments[1]"],
    ),
    (
        "BuildingService/MergeBuildings",
        "merge bld_# unt_# --into cmp_# --on someday",
        &["day", "ids[1]", "into_id"],
    ),
];

#[tokio::test]
async fn a_flag_that_cannot_be_read_hides_nothing_that_the_registry_has_against_the_rest() {
    for (call, line, wrong) in UNREADABLE {
        let server = Server::start().await;
        // What the registry says of these fields is no news; something else is.
        let follows = wrong.iter().map(|field| ("MALFORMED", *field, "it cannot be read"));
        let more = [("REQUEST_ID_REUSED", "context.request_id", "it was used")];
        let fields: Vec<_> = follows.chain(more).collect();
        server.refuse(call, refusal(Code::InvalidArgument, &fields, &[]));
        let line = line.replace('#', "01HF7YAT000000E0000000001A");
        let (code, said) = anju(&server, &line.split(' ').collect::<Vec<_>>()).await;
        assert_eq!(code, 2, "{said}");
        for field in wrong {
            assert!(said.contains(&format!("\n  {field}: ")), "{field}: {said}");
        }
        let (_, rest) = said.split_once("\nand of what is left of it 其余部分\n").unwrap();
        let used = "  context.request_id: it was used [REQUEST_ID_REUSED]\n    \
                    该请求编号已用于另一请求；请换用新的请求编号\n";
        assert_eq!(rest, used, "{said}");
        let asked = server.asked();
        assert!(asked.starts_with(call) && asked.contains(r#""validateOnly":true"#), "{asked}");
    }
}

#[tokio::test]
async fn a_case_is_listed_assigned_and_settled() {
    let server = Server::start().await;
    let case = v1::Case {
        id: CASE.to_owned(),
        reason: "BASIS_CORRECTED".to_owned(),
        message: "entry 17 rests on entry 12, which was corrected".to_owned(),
        subject_ids: vec![BUILDING.to_owned()],
        opened_by_entry: 42,
        entries_in_doubt: vec![17],
        opened_at: Some(moment()),
        state: v1::CaseState::Open.into(),
        ..v1::Case::default()
    };
    let cases = vec![case.clone()];
    server.reply("CaseService/ListCases", &[v1::ListCasesResponse { cases, ..Default::default() }]);
    server.reply(
        "CaseService/GetCase",
        &[v1::GetCaseResponse { case: Some(case.clone()), ..Default::default() }],
    );
    let settled = v1::SettleCaseResponse { receipt: None, case: Some(case) };
    server.reply("CaseService/SettleCase", &[settled]);
    check(&server, &["case", "list", "--subject", BUILDING], &expect![[r"
        id 编号                         opened 建立          reason 原因      state 状态   assignee 经办  subjects 对象                   what 说明
        cas_01HF7YAT000000E0000000001A  2024-07-03 17:46:40  BASIS_CORRECTED  open 待处理                 bld_01HF7YAT000000E0000000001A  entry 17 rests on entry 12, which was corrected
    "]]).await;
    check(
        &server,
        &["case", "show", CASE],
        &expect![[r"
        case                       cas_01HF7YAT000000E0000000001A
        reason 原因                BASIS_CORRECTED
                                   entry 17 rests on entry 12, which was corrected
        state 状态                 open 待处理
        opened 建立                2024-07-03 17:46:40
        by entry 起因              42
        subjects 对象              bld_01HF7YAT000000E0000000001A
        entries in doubt 存疑记录  17
    "]],
    )
    .await;
    let settle = ["case", "settle", CASE, "--outcome", "stands", "--validate-only"];
    check(
        &server,
        &settle,
        &expect![[r"
        it would be accepted; nothing was written 可以接受，未写入
        case                       cas_01HF7YAT000000E0000000001A
        reason 原因                BASIS_CORRECTED
                                   entry 17 rests on entry 12, which was corrected
        state 状态                 open 待处理
        opened 建立                2024-07-03 17:46:40
        by entry 起因              42
        subjects 对象              bld_01HF7YAT000000E0000000001A
        entries in doubt 存疑记录  17
    "]],
    )
    .await;
}

#[tokio::test]
async fn what_a_case_puts_in_doubt_is_told_with_its_own_days() {
    let server = Server::start().await;
    let in_doubt = v1::CaseSubject {
        subject_id: BUILDING.to_owned(),
        entries_in_doubt: vec![17, 19],
        from: "1986-05-01".to_owned(),
        until: "2001-01-01".to_owned(),
        against_from: "1990-02-03".to_owned(),
        against_until: String::new(),
        message: "accepted is from 1986-05-01".to_owned(),
        message_zh: "已采用的是自 1986-05-01 起".to_owned(),
    };
    let never = v1::CaseSubject {
        subject_id: BUILDING.to_owned(),
        from: "1986-05-01".to_owned(),
        ..v1::CaseSubject::default()
    };
    server.reply(
        "CaseService/GetCase",
        &[v1::GetCaseResponse { in_doubt: vec![in_doubt, never], ..Default::default() }],
    );
    check(&server, &["case", "subjects", CASE], &expect![[r"
        id 编号                         entries in doubt 存疑记录  accepted 已采用           against 与之矛盾  what 说明
        bld_01HF7YAT000000E0000000001A  17 19                      1986-05-01 … <2001-01-01  1990-02-03 …      已采用的是自 1986-05-01 起
                                                                                                               accepted is from 1986-05-01
        bld_01HF7YAT000000E0000000001A                             1986-05-01 …              -
    "]]).await;
}

fn watched(position: &str, entry: Vec<u8>) -> v1::WatchResponse {
    let (position, leaf) = (position.to_owned(), vec![0xab; 32]);
    let entry = v1::WatchedEntry { position, leaf, entry };
    v1::WatchResponse { event: Some(v1::watch_response::Event::Entry(entry)) }
}

/// The bytes of the entry that says a fact.
fn entry_of(seq: u64, fact: Fact, corrects: Vec<u64>, reason: &str) -> Vec<u8> {
    let links = fact.subjects().into_iter().map(|subject| Link {
        subject,
        previous_seq: 0,
        previous_leaf: None,
        entry_count: 1,
    });
    let subjects = links.collect();
    let text = Text { reason: reason.to_owned(), sentences: Vec::new() };
    let entry = Entry {
        registry: [7; 16],
        partition: Partition::new(7).unwrap(),
        seq,
        stamp: "2024-07-03T09:46:40Z".parse().unwrap(),
        valid_from: Some("2024-07-01".parse().unwrap()),
        second_of_day: None,
        order_key: Vec::new(),
        author: Author {
            subject: "bureau-desk-1".to_owned(),
            person: "p-17".to_owned(),
            role: "municipal_operator".to_owned(),
            institution: String::new(),
        },
        request: None,
        corrects,
        basis: Vec::new(),
        subjects,
        command_seq: seq,
        body: Some(Body { fact, overridden: Vec::new(), source_row: None }),
        text: (!reason.is_empty()).then_some(text),
        hidden: Hidden::default(),
    };
    entry.encode(&[1; 32]).0
}

#[tokio::test]
async fn people_are_shown_what_an_entry_says_and_programs_the_feed() {
    let server = Server::start().await;
    let building: SubjectId = BUILDING.parse().unwrap();
    let mut content = Content::empty(Kind::Building);
    if let Fields::Building(fields) = &mut content.fields {
        fields.name = Some(Some("东楼\u{1b}[2J".to_owned()));
        fields.floor_area_cm2 = Some(Some(42_105_000));
    }
    let changed = Fact::Changed { subject: building, content };
    let day = "2024-07".parse().unwrap();
    let ended = Fact::Ended { subject: building, day, cause: EndCause::Demolished };
    let retracted = Fact::Retracted { subjects: vec![building] };
    let entries = [
        watched("7:1", entry_of(1, changed, Vec::new(), "")),
        watched("7:2", entry_of(2, ended, Vec::new(), "")),
        watched("7:3", entry_of(3, retracted, vec![2], "another block")),
        watched("7:4", vec![0xff; 9]),
    ];
    server.reply("WatchService/Watch", &entries);
    let arguments = ["watch", "--after", "7:0", "--count", "4"];
    check(&server, &arguments, &expect![[r"
        7:1  2024-07-03 17:46:40  changed  bld_01HF7YAT000000E0000000001A  by bureau-desk-1 (municipal_operator) for p-17  from 2024-07-01  floor area 建筑面积 m²: 4210.5; name 名称: 东楼�[2J
        7:2  2024-07-03 17:46:40  ended  bld_01HF7YAT000000E0000000001A  by bureau-desk-1 (municipal_operator) for p-17  from 2024-07  ended on 终止日期: 2024-07; cause 原因: DEMOLISHED
        7:3  2024-07-03 17:46:40  retracted  bld_01HF7YAT000000E0000000001A  by bureau-desk-1 (municipal_operator) for p-17  from 2024-07-01  corrects 更正 2; reason 原因: another block
        7:4  cannot be read by this version 此版本无法读取  abababababababababababababababababababababababababababababababab
    "]]).await;
    let (code, said) = anju(&server, &[&arguments[..], &["--json"]].concat()).await;
    assert_eq!((code, said.lines().count()), (0, 4), "{said}");
    assert!(said.starts_with(r#"{"entry":{"position":"7:1","leaf":"q6ur"#), "{said}");
}

#[tokio::test]
async fn who_has_a_token_that_is_not_taken_is_told_which() {
    let server = Server::start().await;
    let info = ErrorDetails::with_error_info("TOKEN_UNKNOWN", "anju", []);
    let refused = Status::with_error_details(Code::Unauthenticated, "no such token", info);
    server.refuse("RegistryService/WhoAmI", refused.clone());
    server.refuse("WatchService/Watch", refused);
    let address = format!("http://{}", server.address);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mine.token");
    std::fs::write(&file, "s3cret").unwrap();
    for command in [&["whoami"][..], &["watch", "--after", "7:0"]] {
        let words = [&["anju", "--server", &address][..], command].concat();
        let mut arguments = Arguments::try_parse_from(words).unwrap();
        for (token, token_file, expected) in [
            (Some("s3cret"), None, "the token of --token or ANJU_TOKEN was not taken: ".to_owned()),
            (None, Some(&file), format!("the token in {} was not taken: ", file.display())),
        ] {
            arguments.global.token = token.map(str::to_owned);
            arguments.global.token_file = token_file.cloned();
            let result = cli::run(&arguments, &mut Vec::new(), false).await;
            assert_eq!(cli::exit_code(&result), 6);
            let told = format!("{:#}", result.unwrap_err());
            assert!(told.starts_with(&expected) && told.contains("TOKEN_UNKNOWN"), "{told}");
        }
    }
}

#[tokio::test]
async fn the_feed_resumes_behind_the_last_entry_that_was_shown() {
    let server = Server::start().await;
    let entry = |position: &str| watched(position, Vec::new());
    server.reply("WatchService/Watch", &[entry("7:1"), entry("8:1")]);
    server.refuse("WatchService/Watch", Status::unavailable("restarting"));
    server.reply("WatchService/Watch", &[entry("7:2"), entry("7:3")]);
    let arguments = ["watch", "--after", "7:0", "--after", "8:0", "--count", "3"];
    check(
        &server,
        &arguments,
        &expect![[r"
        7:1  withheld 不公开  abababababababababababababababababababababababababababababababab
        8:1  withheld 不公开  abababababababababababababababababababababababababababababababab
        7:2  withheld 不公开  abababababababababababababababababababababababababababababababab
    "]],
    )
    .await;
    expect![[r#"
        WatchService/Watch {"after":["7:0","8:0"]}
        WatchService/Watch {"after":["7:1","8:1"]}
        WatchService/Watch {"after":["7:1","8:1"]}"#]]
    .assert_eq(&server.asked());
}

#[tokio::test]
async fn a_feed_that_ends_for_good_says_how_to_go_on() {
    let server = Server::start().await;
    server.reply("WatchService/Watch", &[watched("7:4", Vec::new())]);
    server.refuse("WatchService/Watch", Status::data_loss("a segment is damaged"));
    let arguments = ["watch", "--after", "7:3", "--after", "8:0"];
    let (code, said) = anju(&server, &arguments).await;
    assert!(code != 0 && said.contains("anju watch --after 7:4 --after 8:0"), "{said}");
}

#[tokio::test]
async fn who_is_not_told_the_partitions_is_told_to_name_them() {
    let server = Server::start().await;
    server.refuse("RegistryService/GetStatus", Status::permission_denied("no"));
    let (code, said) = anju(&server, &["watch"]).await;
    assert_eq!(code, 6, "{said}");
    assert!(said.contains("name the partitions to watch, for example --after 1:0"), "{said}");
}

#[tokio::test]
async fn programs_read_why_a_command_failed() {
    let server = Server::start().await;
    let mut details = ErrorDetails::with_error_info(
        "NAME_MISSING",
        "anju",
        [("field".to_owned(), "fields.name".to_owned())],
    );
    details.add_bad_request_violation("fields.name", "a building has a name");
    let refused = Status::with_error_details(Code::InvalidArgument, "no name", details);
    server.refuse("BuildingService/RetractBuilding", refused);
    let arguments = ["retract", BUILDING, "--reason", "twice", "--json"];
    check_code(
        &server,
        &arguments,
        5,
        &expect![[r#"
        {
          "error": {
            "code": "INVALID_ARGUMENT",
            "exitCode": 5,
            "facts": {
              "field": "fields.name"
            },
            "message": "NAME_MISSING: no name\n  fields.name: a building has a name",
            "reason": "NAME_MISSING",
            "violations": [
              {
                "field": "fields.name",
                "message": "a building has a name",
                "reason": ""
              }
            ]
          }
        }
    "#]],
    )
    .await;
    let arguments = [
        "change",
        BUILDING,
        "--from",
        "2024-01-01",
        "--set",
        "storeys_above=six",
        "--set",
        "nme=x",
        "--json",
    ];
    check_code(&server, &arguments, 2, &expect![[r#"
        {
          "error": {
            "beside": [
              "the registry could not judge the rest: UNIMPLEMENTED: the script has no BuildingService/ChangeBuilding"
            ],
            "exitCode": 2,
            "message": "the command line is wrong\n  storeys_above: \"six\" is not a whole number [NOT_A_NUMBER]\n    不是规定形式的数字；请只用数字和小数点填写\n  nme: there is no such field; there are name, address, compound_id, community_id, completed, design_life_years, structure, storeys_above, storeys_below, height_cm, floor_area_cm2, use, lift_count, protection, location, physical_id, identifiers, doubts [UNKNOWN_FIELD]\n    没有这样的字段；请从所列的字段中选用\nand of what is left of it 其余部分\n  the registry could not judge the rest: UNIMPLEMENTED: the script has no BuildingService/ChangeBuilding",
            "violations": [
              {
                "field": "storeys_above",
                "message": "\"six\" is not a whole number",
                "reason": "NOT_A_NUMBER"
              },
              {
                "field": "nme",
                "message": "there is no such field; there are name, address, compound_id, community_id, completed, design_life_years, structure, storeys_above, storeys_below, height_cm, floor_area_cm2, use, lift_count, protection, location, physical_id, identifiers, doubts",
                "reason": "UNKNOWN_FIELD"
              }
            ]
          }
        }
    "#]]).await;
}

#[tokio::test]
async fn a_busy_server_is_asked_the_same_again_when_it_says() {
    let server = Server::start().await;
    let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(1)));
    let busy = Status::with_error_details(Code::ResourceExhausted, "the queue is full", details);
    server.refuse("BuildingService/RetractBuilding", busy.clone());
    server.refuse("BuildingService/RetractBuilding", busy.clone());
    server.reply("BuildingService/RetractBuilding", &[v1::RetractBuildingResponse::default()]);
    let (code, said) = anju(&server, &["retract", BUILDING, "--reason", "twice"]).await;
    assert_eq!(code, 0, "{said}");
    let asked = server.asked();
    let calls: Vec<_> = asked.lines().collect();
    assert_eq!(calls.len(), 3, "{asked}");
    assert!(calls.iter().all(|call| *call == calls[0]), "{asked}");

    let server = Server::start().await;
    server.refuse("BuildingService/RetractBuilding", busy);
    let (code, _) = anju(&server, &["retract", BUILDING, "--reason", "twice"]).await;
    assert_eq!((code, server.asked().lines().count()), (7, 6));

    let server = Server::start().await;
    server.refuse("BuildingService/RetractBuilding", Status::unavailable("no word of when"));
    let (code, said) = anju(&server, &["retract", BUILDING, "--reason", "twice"]).await;
    assert_eq!((code, server.asked().lines().count()), (7, 1));
    assert!(
        said.contains("it is not known whether it was recorded; ask with --request-id"),
        "{said}"
    );
}

#[tokio::test]
async fn a_refusal_says_all_that_is_wrong() {
    let server = Server::start().await;
    let mut details = ErrorDetails::with_error_info(
        "REQUEST_ID_REUSED",
        "anju",
        [("position".to_owned(), "7:42".to_owned())],
    );
    let mut violation = FieldViolation::new("fields.completed", "a day still to come");
    violation.reason = "FUTURE_DAY".to_owned();
    details.set_bad_request(vec![violation, FieldViolation::new("fields.use", "is missing")]);
    details.add_precondition_failure_violation("LIFE", BUILDING, "it has ended");
    details.set_request_info("5f0c9b5e", "");
    let status = Status::with_error_details(Code::InvalidArgument, "the request is wrong", details);
    server.refuse("BuildingService/GetBuilding", status);
    let (code, said) = anju(&server, &["get", BUILDING]).await;
    assert_eq!(code, 5);
    expect![[r"
        REQUEST_ID_REUSED: the request is wrong
          该请求编号已用于另一请求；请换用新的请求编号
          fields.completed: a day still to come [FUTURE_DAY]
          fields.use: is missing
          LIFE bld_01HF7YAT000000E0000000001A: it has ended
          position = 7:42
          request 5f0c9b5e
    "]]
    .assert_eq(&said);
}

#[tokio::test]
async fn what_an_answer_warns_of_is_shown_to_people() {
    let server = Server::start().await;
    server.reply("BuildingService/ChangeBuilding", &[v1::ChangeBuildingResponse::default()]);
    server.script().warnings = vec!["jgjt246 LENGTH: short".to_owned(), "bdcdyh LENGTH: so".into()];
    let write = ["change", BUILDING, "--from", "2024-07-01", "--set", "name=x", "--dry-run"];
    let expected = expect![[r"
        warning 提示: jgjt246 LENGTH: short
        warning 提示: bdcdyh LENGTH: so
        it would be accepted; nothing was written 可以接受，未写入
    "]];
    check(&server, &write, &expected).await;
    // For programs the answer alone.
    let (_, said) = anju(&server, &[&write[..], &["--json"]].concat()).await;
    assert_eq!(said, "{}\n");
}

/// A refusal of several fields and conditions: reason, path, sentence.
fn refusal(code: Code, fields: &[(&str, &str, &str)], conditions: &[(&str, &str, &str)]) -> Status {
    let mut details = ErrorDetails::with_error_info("INVALID_REQUEST", "anju", []);
    let fields = fields.iter().map(|(reason, field, message)| FieldViolation {
        reason: (*reason).to_owned(),
        ..FieldViolation::new(*field, *message)
    });
    details.set_bad_request(fields.collect::<Vec<_>>());
    for (reason, subject, message) in conditions {
        details.add_precondition_failure_violation(*reason, *subject, *message);
    }
    Status::with_error_details(code, "refused", details)
}

/// What is said of a wrong command line.
async fn wrong_usage(server: &Server, words: &[&str]) -> String {
    let (code, said) = anju(server, words).await;
    assert_eq!(code, 2, "{said}");
    said
}

#[tokio::test]
async fn what_is_wrong_with_flags_does_not_hide_what_the_registry_says_of_the_rest() {
    let server = Server::start().await;
    let change =
        ["change", BUILDING, "--etag", "7", "--from", "2020-01-01", "--request-id", REQUEST];
    let run = async |words: &[&str]| wrong_usage(&server, words).await;
    // A day cannot be read, storeys neither: what hangs on these is no news, the rest is.
    let sets = ["--set", "completed=soon", "--set", "storeys_above=six", "--set", "lift_count=200"];
    let more = ["--set", "floor_area_m2=1", "--unset", "name", "--unset", "name"];
    let answer = refusal(
        Code::InvalidArgument,
        &[
            ("FLOOR_AREA", "fields.floor_area_cm2", "0 m² a storey is hardly so"),
            ("LIFT_COUNT", "fields.lift_count", "200 lifts are hardly there"),
            ("REQUIRED", "fields.completed", "it is not known"),
        ],
        &[("ETAG_MISMATCH", "etag", "its last entry is 9, not 7: read it again")],
    );
    // Nothing may be left: that nothing is said is no news.
    let nothing = refusal(
        Code::InvalidArgument,
        &[("NOTHING_SAID", "fields", "no field is named")],
        &[("ETAG_MISMATCH", "etag", "its last entry is 9, not 7: read it again")],
    );
    for answer in [answer.clone(), answer, nothing] {
        server.refuse("BuildingService/ChangeBuilding", answer);
    }
    let said = run(&[&change[..], &sets, &more].concat()).await;
    expect![[r#"
        the command line is wrong
          completed: a day that may be imprecise is written as 2024-07-01, 2024-07, 2024, 1980s, <1986, 1983..1985, or unknown [BAD_DAY]
            不是有效的日期；请按 2024-07-01 等形式填写
          storeys_above: "six" is not a whole number [NOT_A_NUMBER]
            不是规定形式的数字；请只用数字和小数点填写
          name: it is set or unset more than once [SAID_TWICE]
            同一字段不止一次给出；请只留一次
        and of what is left of it 其余部分
          fields.lift_count: 200 lifts are hardly there [LIFT_COUNT]
            电梯数超出常理；请核对，属实的可说明原因破例
          etag: its last entry is 9, not 7: read it again [ETAG_MISMATCH]
            期间已有他人改动；请重新查询后再办理
    "#]].assert_eq(&said);
    // Of a field that there is not nobody knows which was meant.
    let unknown = ["--set", "storeys=6", "--set", "floor_area_m2=1"];
    let said = run(&[&change[..], &unknown].concat()).await;
    expect![[r"
        the command line is wrong
          storeys: there is no such field; there are name, address, compound_id, community_id, completed, design_life_years, structure, storeys_above, storeys_below, height_cm, floor_area_cm2, use, lift_count, protection, location, physical_id, identifiers, doubts [UNKNOWN_FIELD]
            没有这样的字段；请从所列的字段中选用
        and of what is left of it 其余部分
          fields.lift_count: 200 lifts are hardly there [LIFT_COUNT]
            电梯数超出常理；请核对，属实的可说明原因破例
          etag: its last entry is 9, not 7: read it again [ETAG_MISMATCH]
            期间已有他人改动；请重新查询后再办理
    "]].assert_eq(&said);
    let said = run(&[&change[..], &["--set", "completed=soon"]].concat()).await;
    expect![[r"
        the command line is wrong
          completed: a day that may be imprecise is written as 2024-07-01, 2024-07, 2024, 1980s, <1986, 1983..1985, or unknown [BAD_DAY]
            不是有效的日期；请按 2024-07-01 等形式填写
        and of what is left of it 其余部分
          etag: its last entry is 9, not 7: read it again [ETAG_MISMATCH]
            期间已有他人改动；请重新查询后再办理
    "]].assert_eq(&said);
    expect![[r#"
        BuildingService/ChangeBuilding {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11","validateOnly":true},"id":"bld_01HF7YAT000000E0000000001A","etag":"7","from":"2020-01-01","fields":{"floorAreaCm2":"10000","liftCount":200},"updateMask":"liftCount,floorAreaCm2"}
        BuildingService/ChangeBuilding {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11","validateOnly":true},"id":"bld_01HF7YAT000000E0000000001A","etag":"7","from":"2020-01-01","fields":{"floorAreaCm2":"10000"},"updateMask":"floorAreaCm2"}
        BuildingService/ChangeBuilding {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11","validateOnly":true},"id":"bld_01HF7YAT000000E0000000001A","etag":"7","from":"2020-01-01","fields":{},"updateMask":""}"#]]
    .assert_eq(&server.asked());
}

#[tokio::test]
async fn every_verb_has_what_is_left_of_it_judged() {
    let server = Server::start().await;
    let run = async |words: &[&str]| wrong_usage(&server, words).await;
    let compound = "compound_id=bld_01HF7YAT000000E0000000001A";
    let sets = ["--set", compound, "--set", "design_life_years=500"];
    let homeless = refusal(
        Code::InvalidArgument,
        &[
            ("REQUIRED", "fields.compound_id", "a building is in a compound or in a community"),
            ("DESIGN_LIFE", "fields.design_life_years", "a design life of 500 years"),
        ],
        &[],
    );
    server.refuse("BuildingService/CreateBuilding", homeless);
    let create = ["create", "building", "--exists-from", "1986", "--request-id", REQUEST];
    expect![[r"
        the command line is wrong
          compound_id: this is the id of a building, not of a compound [WRONG_KIND]
            编号属于另一类对象；请核对编号
          opens_partition: only a region opens a partition [NOT_HERE]
            该项不能填在此处；请删去，或改用相应的命令
        and of what is left of it 其余部分
          fields.design_life_years: a design life of 500 years [DESIGN_LIFE]
            设计使用年限超出常理；请核对，属实的可说明原因破例
    "]]
    .assert_eq(&run(&[&create[..], &sets, &["--opens-partition"]].concat()).await);
    // Which field was meant is not known: it may have been the community, and was not the day.
    let nowhere = refusal(
        Code::InvalidArgument,
        &[
            ("REQUIRED", "fields.community_id", "what it belongs to is required"),
            ("FUTURE_DATE", "fields.built", "3000 is still to come"),
        ],
        &[],
    );
    server.refuse("CompoundService/CreateCompound", nowhere);
    let create = ["create", "compound", "--exists-from", "2000", "--request-id", REQUEST];
    let sets = ["--set", "name=k", "--set", "foo=1", "--set", "built=3000"];
    expect![[r"
        the command line is wrong
          foo: there is no such field; there are name, aliases, address, community_id, built, location, boundary, management, identifiers, doubts [UNKNOWN_FIELD]
            没有这样的字段；请从所列的字段中选用
        and of what is left of it 其余部分
          fields.built: 3000 is still to come [FUTURE_DATE]
            日期在将来，而此项只能在发生之后登记；请核对日期，不能破例
    "]]
    .assert_eq(&run(&[&create[..], &sets].concat()).await);
    // Of a region whose level cannot be read it is not known whether it has a parent.
    let levelless = refusal(
        Code::InvalidArgument,
        &[
            ("REQUIRED", "fields.level", "level is required"),
            ("REQUIRED", "fields.parent_id", "what it belongs to is required"),
            ("REQUIRED", "fields.name", "a region has a name"),
        ],
        &[],
    );
    server.refuse("RegionService/CreateRegion", levelless);
    let create = ["create", "region", "--exists-from", "2000", "--request-id", REQUEST];
    expect![[r#"
        the command line is wrong
          level: "x" is not one of province 省级, city 地级, district 县级, street 乡级, community 社区 [UNKNOWN_VALUE]
            没有这个取值；请从规定的取值中选用
        and of what is left of it 其余部分
          fields.name: a region has a name [REQUIRED]
            缺少必填项，或该项不能为不明；请补填
    "#]]
    .assert_eq(&run(&[&create[..], &["--set", "level=x"]].concat()).await);
    expect![[r#"
        BuildingService/CreateBuilding {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11","validateOnly":true},"fields":{"designLifeYears":500},"existsFrom":"1986"}
        CompoundService/CreateCompound {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11","validateOnly":true},"fields":{"name":"k","built":"3000"},"existsFrom":"2000"}
        RegionService/CreateRegion {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11","validateOnly":true},"fields":{},"existsFrom":"2000"}"#]]
    .assert_eq(&server.asked());
}

#[tokio::test]
async fn ends_and_splits_have_what_is_left_of_them_judged() {
    let server = Server::start().await;
    let run = async |words: &[&str]| wrong_usage(&server, words).await;
    let end = ["end", BUILDING, "--on", "2035", "--cause", "age", "--request-id", REQUEST];
    let late = refusal(
        Code::InvalidArgument,
        &[
            ("REQUIRED", "cause", "why is required"),
            ("FUTURE_DATE", "ended_on", "2035 is still to come"),
        ],
        &[],
    );
    server.refuse("BuildingService/EndBuilding", late);
    expect![[r#"
        the command line is wrong
          cause: "age" is not one of demolished 拆除, destroyed 灭失, merged 合并, split 拆分, abolished 撤销, other 其他 [UNKNOWN_VALUE]
            没有这个取值；请从规定的取值中选用
        and of what is left of it 其余部分
          ended_on: 2035 is still to come [FUTURE_DATE]
            日期在将来，而此项只能在发生之后登记；请核对日期，不能破例
    "#]].assert_eq(&run(&end).await);
    let split = ["split", BUILDING, "--on", "2024-07-01", "--request-id", REQUEST];
    let parts = ["--part", "1/2;name=", "--part", "1/2;name=东楼"];
    let taken = refusal(
        Code::FailedPrecondition,
        &[],
        &[
            ("X", "parts[0].fields.name", "it follows"),
            ("IDENTIFIER_TAKEN", "parts[1].fields.identifiers", "another has it"),
        ],
    );
    server.refuse("BuildingService/SplitBuilding", taken);
    expect![[r"
        the command line is wrong
          part 1.name: say --unset name for unknown or none [EMPTY]
            文字不能为空；请填写，或不填该项
        and of what is left of it 其余部分
          parts[1].fields.identifiers: another has it [IDENTIFIER_TAKEN]
            同一天另一同类对象已有此外部编号；请核对编号
    "]]
    .assert_eq(&run(&[&split[..], &parts].concat()).await);
    expect![[r#"
        BuildingService/EndBuilding {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11","validateOnly":true},"id":"bld_01HF7YAT000000E0000000001A","endedOn":"2035"}
        BuildingService/SplitBuilding {"context":{"requestId":"5f0c9b5e-3f0c-4d0b-9d52-0f3a5d7c1e11","validateOnly":true},"id":"bld_01HF7YAT000000E0000000001A","day":"2024-07-01","parts":[{"fields":{},"shareNumerator":"1","shareDenominator":"2"},{"fields":{"name":"东楼"},"shareNumerator":"1","shareDenominator":"2"}]}"#]].assert_eq(&server.asked());
}

#[tokio::test]
async fn the_registry_may_have_nothing_against_what_is_left_or_not_be_asked() {
    const OTHER: &str = "bld_01HF7YAT000000E0000000002B";
    let server = Server::start().await;
    let run = async |words: &[&str]| wrong_usage(&server, words).await;
    let correct = ["correct", BUILDING, "--reason", "why", "--set", "completed=soon"];
    server.reply("BuildingService/CorrectBuilding", &[v1::CorrectBuildingResponse::default()]);
    expect![[r"
        the command line is wrong
          completed: a day that may be imprecise is written as 2024-07-01, 2024-07, 2024, 1980s, <1986, 1983..1985, or unknown [BAD_DAY]
            不是有效的日期；请按 2024-07-01 等形式填写
    "]].assert_eq(&run(&correct).await);
    let merge = ["merge", BUILDING, OTHER, "--on", "2024-07-01", "--set", "completed=soon"];
    server.refuse("BuildingService/MergeBuildings", Status::permission_denied("not you"));
    expect![[r"
        the command line is wrong
          completed: a day that may be imprecise is written as 2024-07-01, 2024-07, 2024, 1980s, <1986, 1983..1985, or unknown [BAD_DAY]
            不是有效的日期；请按 2024-07-01 等形式填写
        and of what is left of it 其余部分
          the registry could not judge the rest: PERMISSION_DENIED: not you
    "]].assert_eq(&run(&merge).await);
}

#[tokio::test]
async fn a_box_is_asked_for_by_its_corners_and_its_reference_system() {
    let server = Server::start().await;
    server.reply("BuildingService/ListBuildings", &[v1::ListBuildingsResponse::default()]);
    let asked = |of: &'static str| ["list", "buildings", "--box", of];
    let (code, _) = anju(&server, &asked("cgcs2000:113.60,34.70;113.70,34.80")).await;
    assert_eq!(code, 0);
    expect![[r#"BuildingService/ListBuildings {"context":{},"pageSize":50,"box":{"system":"COORDINATE_SYSTEM_CGCS2000","longitudeMin":"113.60","latitudeMin":"34.70","longitudeMax":"113.70","latitudeMax":"34.80"}}"#]].assert_eq(&server.asked());
    for (wrong, why) in [
        ("113.60,34.70;113.70,34.80", "name the reference system"),
        ("cgcs2000:113.60,34.70", "south-west and its north-east corner"),
        ("mars:1,2;3,4", "is not one of"),
        ("gcj02:1;3,4", ""),
    ] {
        let (code, said) = anju(&server, &asked(wrong)).await;
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn what_a_refusal_says_is_said_once() {
    let field = || [("field".to_owned(), "fields.use".to_owned())];
    let violation = |field: &str, description: &str, reason: &str| {
        let mut violation = FieldViolation::new(field, description);
        violation.reason = reason.to_owned();
        violation
    };
    let mut several = ErrorDetails::with_error_info("OUT_OF_RANGE", "anju", []);
    several.set_bad_request(vec![
        violation("fields.lift_count", "from 0 to 1000", "OUT_OF_RANGE"),
        violation("fields.storeys_above", "from 0 to 300", "OUT_OF_RANGE"),
    ]);
    let mut one = ErrorDetails::with_error_info("UNKNOWN_VALUE", "anju", field());
    one.set_bad_request(vec![violation("fields.use", "no such use", "UNKNOWN_VALUE")]);
    let mut missing = ErrorDetails::with_error_info("NOT_FOUND", "anju", field());
    missing.add_precondition_failure_violation("NOT_FOUND", "fields.use", "it is not there");
    let listed = "the request is not valid: fields.lift_count: from 0 to 1000; \
                  fields.storeys_above: from 0 to 300";
    // Of several of different kinds the headline is the sentence of the reason.
    let mut mixed = ErrorDetails::with_error_info("NOT_FOUND", "anju", []);
    mixed.add_precondition_failure_violation("ETAG_MISMATCH", "etag", "its last entry is 9");
    mixed.add_precondition_failure_violation("NOT_FOUND", "compound_id", "it is nowhere");
    let both = "it is nowhere; its last entry is 9";
    let refusals =
        [(listed, several), ("no such use", one), ("it is not there", missing), (both, mixed)];
    let mut told = String::new();
    for (message, details) in refusals {
        let status = Status::with_error_details(Code::InvalidArgument, message, details);
        let server = Server::start().await;
        server.refuse("BuildingService/GetBuilding", status);
        told.push_str(&anju(&server, &["get", BUILDING]).await.1);
    }
    expect![[r"
        OUT_OF_RANGE: the request is not valid
          数值、大小或个数超出允许范围；请核对后改正
          fields.lift_count: from 0 to 1000 [OUT_OF_RANGE]
          fields.storeys_above: from 0 to 300 [OUT_OF_RANGE]
        UNKNOWN_VALUE: no such use
          没有这个取值；请从规定的取值中选用
          at fields.use
        NOT_FOUND: it is not there
          不存在，或不在管辖范围内；请核对编号
          field = fields.use
        NOT_FOUND: it is nowhere
          不存在，或不在管辖范围内；请核对编号
          ETAG_MISMATCH etag: its last entry is 9
            期间已有他人改动；请重新查询后再办理
    "]]
    .assert_eq(&told);
}

#[tokio::test]
async fn what_was_not_known_then_is_told_from_what_is_not_there() {
    let server = Server::start().await;
    server.refuse("BuildingService/GetBuilding", Status::not_found("it is not there"));
    let (code, said) = anju(&server, &["get", BUILDING, "--known-at", "5"]).await;
    assert_eq!(code, 4);
    assert!(said.contains("nothing was known of it by --known-at: NOT_FOUND"), "{said}");
}

#[tokio::test]
async fn every_class_of_refusal_has_its_exit_code() {
    for (code, expected) in [
        (Code::NotFound, 4),
        (Code::FailedPrecondition, 5),
        (Code::Aborted, 5),
        (Code::Unauthenticated, 6),
        (Code::PermissionDenied, 6),
        (Code::Unavailable, 7),
        (Code::Cancelled, 7),
        (Code::Internal, 1),
    ] {
        let server = Server::start().await;
        server.refuse("BuildingService/GetBuilding", Status::new(code, "no"));
        assert_eq!(anju(&server, &["get", BUILDING]).await.0, expected, "{code:?}");
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_an_exit_code_of_its_own() {
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let server = Server { script: Arc::default(), address };
    let (code, said) = anju(&server, &["status"]).await;
    assert_eq!(code, 7, "{said}");
    assert!(said.contains("refused"), "{said}");
}

#[tokio::test]
async fn a_token_is_not_sent_in_the_clear_to_another_machine() {
    let run = async |server: &str| {
        let arguments = ["anju", "--server", server, "--token", "t0ken", "status"];
        let arguments = Arguments::try_parse_from(arguments).unwrap();
        let result = cli::run(&arguments, &mut Vec::new(), false).await;
        (cli::exit_code(&result), result.unwrap_err().to_string())
    };
    let (code, said) = run("http://anju.example:50051").await;
    assert_eq!(code, 2);
    assert!(said.contains("in the clear"), "{said}");
    assert!(run("https://anju.example").await.1.contains("--ca"));
    assert!(run("ftp://localhost").await.1.contains("is not an address"));
    assert!(run("localhost:50051").await.1.contains("is not an address"));
}

#[tokio::test]
async fn tls_trusts_the_named_authority_and_no_other() {
    let (server, authority) = Server::start_secured().await;
    server.reply("RegistryService/WhoAmI", &[v1::WhoAmIResponse::default()]);
    let (_, stranger) = Server::start_secured().await;
    let directory = tempfile::tempdir().unwrap();
    let run = async |pem: &str| {
        let ca = directory.path().join("ca.pem");
        std::fs::write(&ca, pem).unwrap();
        let address = format!("https://localhost:{}", server.address.port());
        let ca = ca.to_str().unwrap();
        let words =
            ["anju", "--server", &address, "--ca", ca, "--token", "t0ken", "whoami", "--json"];
        let arguments = Arguments::try_parse_from(words).unwrap();
        let result = cli::run(&arguments, &mut Vec::new(), false).await;
        let said = result.as_ref().err().map(|error| format!("{error:#}")).unwrap_or_default();
        (cli::exit_code(&result), said)
    };
    assert_eq!(run(&authority).await, (0, String::new()));
    assert_eq!(server.script().metadata.get("authorization").unwrap(), "Bearer t0ken");
    let (code, said) = run(&stranger).await;
    let told = ["is not trusted: ", "give --ca (ANJU_CA)", "请用 --ca 给出其签发机构的证书文件"];
    assert!(code == 6 && told.iter().all(|words| said.contains(words)), "{code}: {said}");
    assert_eq!(run("no certificate").await.0, 2);
    assert_eq!(server.asked().lines().count(), 1);
}

#[tokio::test]
async fn a_server_that_is_called_by_the_wrong_scheme_is_told_by_what_it_speaks() {
    let (secured, authority) = Server::start_secured().await;
    let plain = Server::start().await;
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, authority).unwrap();
    let ca = ca.to_str().unwrap();
    let calls: [&[&str]; 4] = [
        &["whoami"],
        &["watch", "--after", "1:0"],
        &["list", "regions", "--all"],
        &["end", BUILDING, "--on", "2024", "--cause", "demolished"],
    ];
    for (scheme, server, expected) in [
        ("http", &secured, "seems to speak TLS; call it as https://… with --ca"),
        ("https", &plain, "does not seem to speak TLS; call it as http://…"),
    ] {
        let address = format!("{scheme}://localhost:{}", server.address.port());
        for call in calls {
            let global = ["anju", "--server", &address, "--ca", ca, "--token", "t0ken"];
            let arguments = Arguments::try_parse_from([&global[..], call].concat()).unwrap();
            let result = cli::run(&arguments, &mut Vec::new(), false).await;
            assert_eq!(cli::exit_code(&result), 7, "{call:?} at {address}: {result:?}");
            let said = format!("{:#}", result.unwrap_err());
            assert!(said.contains(expected) && said.contains(&address), "{call:?}: {said}");
        }
        assert_eq!(server.asked(), "");
    }
    // What is no registry of either kind, or nobody, is not taken for one.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"SSH-2.0-OpenSSH\r\n").await;
        }
    });
    // Nor is one whose certificate bears another name.
    let elsewhere = format!("https://127.0.0.1:{}", secured.address.port());
    let line = ["anju", "--server", &elsewhere, "--ca", ca, "--token", "t0ken", "whoami"];
    let result = cli::run(&Arguments::try_parse_from(line).unwrap(), &mut Vec::new(), false).await;
    assert_eq!(cli::exit_code(&result), 6);
    let said = format!("{:#}", result.unwrap_err());
    assert!(said.contains("call it by a name that its certificate bears"), "{said}");
    for scheme in ["http", "https"] {
        let address = format!("{scheme}://localhost:{}", address.port());
        let line = ["anju", "--server", &address, "--ca", ca, "--token", "t0ken", "whoami"];
        let arguments = Arguments::try_parse_from(line).unwrap();
        let said = cli::run(&arguments, &mut Vec::new(), false).await.unwrap_err();
        assert!(!format!("{said:#}").contains("speak TLS"), "{said:#}");
    }
}

#[tokio::test]
async fn who_and_what_the_registry_is() {
    let server = Server::start().await;
    let partition = v1::PartitionStatus {
        partition: 7,
        region_id: REGION.to_owned(),
        name: "郑州市".to_owned(),
        entry_count: 1300,
        sweep_count: 0,
        open_case_count: 2,
        recounted_count: None,
        recount_total: None,
    };
    let recounting = v1::PartitionStatus {
        partition: 8,
        sweep_count: 1,
        recounted_count: Some(2_500),
        recount_total: Some(40_000),
        ..partition.clone()
    };
    let status = v1::GetStatusResponse {
        version: "0.1.0".to_owned(),
        registry_id: "00112233445566778899aabbccddeeff".to_owned(),
        partitions: vec![partition, recounting],
        now: Some(moment()),
        read_only: true,
    };
    server.reply("RegistryService/GetStatus", &[status]);
    let caller = v1::WhoAmIResponse {
        subject: "bureau".to_owned(),
        role: "municipality".to_owned(),
        everywhere: true,
        ..v1::WhoAmIResponse::default()
    };
    server.reply("RegistryService/WhoAmI", &[caller]);
    check(&server, &["status"], &expect![[r"
        registry 00112233445566778899aabbccddeeff (anju 0.1.0), 2024-07-03 17:46:40 (+08:00)
        writes are refused until a restart 只读
        partition 分区  name 名称  region 区划                     entries 记录  open cases 待办                       sweeps 批量
                     7  郑州市     rgn_01HF7YAT000000E0000000001A          1300                2                                 0
                     8  郑州市     rgn_01HF7YAT000000E0000000001A          1300                2  1 (2500 of 共 40000 done 已重算)
    "]]).await;
    check(
        &server,
        &["whoami"],
        &expect![[r"
        subject 凭证  bureau
        role 角色     municipality
        reach 范围    everywhere 全部
    "]],
    )
    .await;
}

#[tokio::test]
async fn a_proof_is_saved_once_and_never_written_over() {
    let server = Server::start().await;
    let checkpoint = |size: u64| v1::Checkpoint {
        registry_id: "00112233445566778899aabbccddeeff".to_owned(),
        partition: 7,
        size,
        root: vec![0xcd; 32],
        suite: "rfc6962-sha256".to_owned(),
        stamp: Some(moment()),
    };
    let old = v1::GetCheckpointResponse { checkpoint: Some(checkpoint(10)) };
    server.reply("HistoryService/GetCheckpoint", &[old]);
    let answer = v1::GetInclusionProofResponse {
        checkpoint: Some(checkpoint(12)),
        entry: vec![1, 2, 255],
        proof: vec![vec![0xab; 32]],
        leaf: vec![0xcc; 32],
    };
    server.reply("HistoryService/GetInclusionProof", &[answer]);
    let answer =
        v1::GetConsistencyProofResponse { proof: vec![vec![0xef; 32]], ..Default::default() };
    server.reply("HistoryService/GetConsistencyProof", &[answer]);
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (old, proof) = (path("old.json"), path("proof.json"));
    let save = ["prove", "checkpoint", "--partition", "7", "--out", &old];
    assert_eq!(anju(&server, &save).await.0, 0);
    let fetch =
        ["prove", "fetch", "3", "--partition", "7", "--since", &old, "--out", &proof, "--json"];
    let (code, said) = anju(&server, &fetch).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(std::fs::read_to_string(&proof).unwrap(), said);
    expect![[r#"
        {
          "format": "anju-proof-1",
          "seq": 3,
          "entry": "0102ff",
          "checkpoint": {
            "registry_id": "00112233445566778899aabbccddeeff",
            "partition": 7,
            "size": 12,
            "root": "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
            "suite": "rfc6962-sha256",
            "stamp": "2024-07-03T09:46:40Z"
          },
          "inclusion": [
            "abababababababababababababababababababababababababababababababab"
          ],
          "older": {
            "checkpoint": {
              "registry_id": "00112233445566778899aabbccddeeff",
              "partition": 7,
              "size": 10,
              "root": "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
              "suite": "rfc6962-sha256",
              "stamp": "2024-07-03T09:46:40Z"
            },
            "consistency": [
              "efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef"
            ]
          }
        }
    "#]]
    .assert_eq(&said);
    let (code, said) = anju(&server, &fetch).await;
    assert_eq!(code, 1);
    assert!(said.contains("cannot be written"), "{said}");
}

#[tokio::test]
async fn completions_need_no_server() {
    for shell in ["bash", "zsh", "fish"] {
        let arguments = Arguments::try_parse_from(["anju", "completions", shell]).unwrap();
        let mut written = Vec::new();
        cli::run(&arguments, &mut written, false).await.unwrap();
        let script = String::from_utf8(written).unwrap();
        assert!(script.contains("whoami") && script.contains("known-at"), "{shell}");
    }
}

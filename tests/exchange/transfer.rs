//! Import and export over a real channel, against a small registry that keeps rows as the real one
//! promises to: known by source and key, judged by what they say with their references resolved.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends at the first surprise"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use anju::{
    cli::{
        export::{self, ExportArgs},
        import::{self, Answer, Clients, Counts, ImportArgs, Outcome},
        read::ReadArgs,
    },
    exchange::{
        carried::carried,
        column::FileKind,
        draft::{Draft, EXPORT_SOURCE, by_id},
    },
    kernel::{
        id::{Kind, RawId, SubjectId},
        position::Partition,
    },
    proto::v1::{
        self, Building, CodeCandidate, Compound, ExportKind, ExportRow, ExportRowsRequest,
        ExportRowsResponse, GetStatusRequest, GetStatusResponse, ImportRow, ImportRowsRequest,
        ImportRowsResponse, ItemRefusal, Life, PartitionStatus, Reference, Region, RegionLevel,
        ResolveCodeRequest, ResolveCodeResponse, RowConflict, RowOutcome, RowResult, RowWarning,
        Unit, WhoAmIRequest, WhoAmIResponse,
        export_row::Subject,
        import_service_server::{ImportService, ImportServiceServer},
        reference,
        region_service_server::{RegionService, RegionServiceServer},
        registry_service_server::{RegistryService, RegistryServiceServer},
    },
};
use clap::Parser;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Code, Request, Response, Status,
    service::interceptor::InterceptedService,
    transport::{Channel, Server},
};
use tonic_types::{ErrorDetails, StatusExt as _};

/// What is kept of a subject: its row with references resolved.
#[derive(Clone)]
struct Kept {
    id: SubjectId,
    kind: FileKind,
    source: String,
    key: String,
    draft: Draft,
    /// The partition that it has of its own.
    owns: Option<u32>,
}

#[derive(Default)]
struct Registry {
    kept: Vec<Kept>,
    by_key: BTreeMap<(String, FileKind, String), usize>,
    /// Statistical codes.
    by_code: BTreeMap<String, Vec<usize>>,
    partitions: u32,
    /// Keys whose `structure` somebody corrected to OTHER since.
    corrected: BTreeSet<String>,
    /// Answers by request id, and how often each was asked for.
    answered: BTreeMap<String, (ImportRowsResponse, u32)>,
    /// How many calls are answered with UNAVAILABLE after they were carried out.
    lost_answers: u32,
    /// A row with this key makes the whole request unreadable.
    unreadable: Option<String>,
    batches: usize,
    /// Who is told to end with this batch, how often, and whether the batch is never answered.
    stopped: Option<(usize, tokio::sync::watch::Sender<u32>, u32, bool)>,
    /// The batch with which the registry breaks.
    broken: Option<usize>,
}

impl Registry {
    /// An id of this registry ends in the place where the subject is kept.
    fn kept(&self, id: &str) -> Option<&Kept> {
        let [.., a, b, c, d] = id.parse::<SubjectId>().ok()?.raw().to_bytes();
        self.kept.get(u32::from_be_bytes([a, b, c, d]) as usize).filter(|k| k.id.to_string() == id)
    }

    fn find(&self, source: &str, kind: FileKind, reference: &Reference) -> Option<SubjectId> {
        match reference.reference.as_ref()? {
            reference::Reference::Id(id) => Some(self.kept(id)?.id),
            reference::Reference::Key(key) => {
                let place = self.by_key.get(&(source.to_owned(), kind, key.clone()))?;
                Some(self.kept[*place].id)
            }
            reference::Reference::SourceKey(of) => {
                let place = self.by_key.get(&(of.source.clone(), kind, of.key.clone()))?;
                Some(self.kept[*place].id)
            }
            reference::Reference::Identifier(code) => {
                let place = *self.by_code.get(&code.value)?.first()?;
                Some(self.kept[place].id)
            }
        }
    }

    /// The row with every reference by id; the fields whose reference is not there. A row without a
    /// key is judged by itself.
    fn resolved(&self, source: &str, row: ImportRow) -> Result<Draft, Vec<ItemRefusal>> {
        let is_by_itself = row.key.is_empty();
        let mut draft = Draft::of_row(None, row);
        let mut refusals = Vec::new();
        for (field, kind, reference, from) in [
            ("parent", FileKind::Regions, &mut draft.parent_of_region, &mut draft.parent_source),
            ("community", FileKind::Regions, &mut draft.community_of, &mut draft.community_source),
            ("compound", FileKind::Compounds, &mut draft.compound_of, &mut draft.compound_source),
            ("building", FileKind::Buildings, &mut draft.building_of, &mut draft.building_source),
            ("physical", FileKind::Buildings, &mut draft.physical_of, &mut draft.physical_source),
        ] {
            let from = from.take();
            if let Some(named) = reference.as_ref().filter(|_| !is_by_itself) {
                match self.find(from.as_deref().unwrap_or(source), kind, named) {
                    Some(id) => *reference = by_id(Some(id.to_string())),
                    None => refusals.push(ItemRefusal {
                        reason: "REFERENCE_NOT_FOUND".to_owned(),
                        field: field.to_owned(),
                        message: "there is no such thing".to_owned(),
                    }),
                }
            }
        }
        if is_by_itself {
            refusals.push(ItemRefusal {
                reason: "REQUIRED".to_owned(),
                field: "key".to_owned(),
                message: "key is required".to_owned(),
            });
        }
        if draft.building.storeys_above == Some(299) {
            refusals.push(ItemRefusal {
                reason: "IMPLAUSIBLE".to_owned(),
                field: "building.storeys_above".to_owned(),
                message: "too high".to_owned(),
            });
        }
        if refusals.is_empty() { Ok(draft) } else { Err(refusals) }
    }

    /// A row's result, with a warning for each outside number that is `odd`.
    fn warned_row(&mut self, request: &ImportRowsRequest, index: u32, row: ImportRow) -> RowResult {
        let identifiers = match &row.row {
            Some(v1::import_row::Row::Building(row)) => row.fields.clone().unwrap().identifiers,
            _ => Vec::new(),
        };
        let odd = identifiers.into_iter().filter(|identifier| identifier.value == "odd");
        let warnings = odd.map(|identifier| RowWarning {
            field: format!("fields.identifiers.{}", identifier.scheme),
            reason: "LENGTH".to_owned(),
            message: "it is too short".to_owned(),
        });
        RowResult { warnings: warnings.collect(), ..self.row(request, index, row) }
    }

    fn row(&mut self, request: &ImportRowsRequest, index: u32, row: ImportRow) -> RowResult {
        let kind = match row.row.as_ref().unwrap() {
            v1::import_row::Row::Region(_) => FileKind::Regions,
            v1::import_row::Row::Compound(_) => FileKind::Compounds,
            v1::import_row::Row::Building(_) => FileKind::Buildings,
            v1::import_row::Row::Unit(_) => FileKind::Units,
            v1::import_row::Row::Inspection(_) => FileKind::Inspections,
            v1::import_row::Row::Finding(_) => FileKind::Findings,
            v1::import_row::Row::Policy(_) => FileKind::Policies,
        };
        let key = (request.source.clone(), kind, row.key.clone());
        let opens = matches!(&row.row, Some(v1::import_row::Row::Region(r)) if r.opens_partition);
        let mut draft = match self.resolved(&request.source, row) {
            Ok(draft) => draft,
            Err(refusals) => {
                let outcome = RowOutcome::Refused.into();
                return RowResult { index, outcome, refusals, ..RowResult::default() };
            }
        };
        (draft.source, draft.key, draft.opens_partition) = (None, None, None);
        // It keeps the beginning, however that was said.
        draft.exists_from = draft.exists_from.take().or(draft.exists_from_when_new.take());
        let known = if request.source == EXPORT_SOURCE {
            let id: SubjectId = key.2.parse().unwrap();
            self.kept.iter().position(|kept| kept.id == id)
        } else {
            self.by_key.get(&key).copied()
        };
        let only_judged = request.context.as_ref().unwrap().validate_only;
        let Some(place) = known else {
            return self.create(request, index, key, draft, opens, only_judged);
        };
        let corrected = self.corrected.contains(&key.2);
        let kept = &mut self.kept[place];
        let mut result = RowResult { index, id: kept.id.to_string(), ..RowResult::default() };
        if kept.draft == draft {
            result.set_outcome(RowOutcome::Unchanged);
        } else if corrected && draft.building.structure != kept.draft.building.structure {
            result.set_outcome(RowOutcome::Conflict);
            result.conflicts.push(RowConflict {
                field: "structure".to_owned(),
                row_value: "STEEL".to_owned(),
                registry_value: "OTHER".to_owned(),
                registry_reference: None,
            });
        } else {
            result.set_outcome(RowOutcome::Changed);
            if !only_judged {
                kept.draft = draft;
            }
        }
        result
    }

    /// The partition of the nearest region above that has one of its own.
    fn owner_above(&self, draft: &Draft) -> Option<u32> {
        let Some(reference::Reference::Id(id)) = &draft.parent_of_region.as_ref()?.reference else {
            return None;
        };
        let parent = self.kept(id)?;
        parent.owns.or_else(|| self.owner_above(&parent.draft))
    }

    fn create(
        &mut self,
        request: &ImportRowsRequest,
        index: u32,
        key: (String, FileKind, String),
        draft: Draft,
        opens: bool,
        only_judged: bool,
    ) -> RowResult {
        let mut result = RowResult { index, ..RowResult::default() };
        result.set_outcome(RowOutcome::Created);
        if only_judged {
            return result;
        }
        let inherited = self.owner_above(&draft);
        let owns = opens.then(|| {
            self.partitions += 1;
            self.partitions
        });
        let partition = match key.1 {
            FileKind::Regions if draft.region.level() == RegionLevel::City => 0,
            FileKind::Regions => owns.or(inherited).unwrap_or(0),
            _ => request.partition,
        };
        if key.1 == FileKind::Regions && draft.region.level() == RegionLevel::Street {
            assert_eq!(request.partition, partition, "a street is sent to its city's partition");
        }
        let kind = [Kind::Region, Kind::Compound, Kind::Building, Kind::Unit][key.1 as usize];
        let number = u64::try_from(self.kept.len()).unwrap();
        let raw = RawId::new(1_700_000_000_000, Partition::new(partition).unwrap(), number);
        let id = SubjectId::new(kind, raw);
        result.id = id.to_string();
        result.partition = owns;
        let kept = Kept { id, kind: key.1, source: key.0.clone(), key: key.2.clone(), draft, owns };
        for code in kept.draft.region.codes.iter().filter(|code| code.scheme == "stats12") {
            self.by_code.entry(code.value.clone()).or_default().push(self.kept.len());
        }
        self.by_key.insert(key, self.kept.len());
        self.kept.push(kept);
        result
    }

    fn export(kept: &Kept) -> ExportRow {
        let id = kept.id.to_string();
        let mut draft = kept.draft.clone();
        let life = Some(Life {
            exists_from: draft.exists_from.take().unwrap_or_default(),
            ..Life::default()
        });
        let named = |reference: &Option<Reference>| match reference.as_ref()?.reference.as_ref()? {
            reference::Reference::Id(id) => Some(id.clone()),
            _ => None,
        };
        let [parent, community, compound, building, physical] = [
            named(&draft.parent_of_region),
            named(&draft.community_of),
            named(&draft.compound_of),
            named(&draft.building_of),
            named(&draft.physical_of),
        ];
        let subject = match draft.into_row(kept.kind).row.unwrap() {
            v1::import_row::Row::Region(row) => {
                let mut fields = row.fields.unwrap();
                fields.parent_id = parent;
                Subject::Region(Region { id, life, fields: Some(fields), ..Region::default() })
            }
            v1::import_row::Row::Compound(row) => {
                let mut fields = row.fields.unwrap();
                fields.community_id = community;
                Subject::Compound(Compound {
                    id,
                    life,
                    fields: Some(fields),
                    ..Compound::default()
                })
            }
            v1::import_row::Row::Building(row) => {
                let mut fields = row.fields.unwrap();
                (fields.compound_id, fields.community_id) = (compound, community);
                fields.physical_id = physical;
                Subject::Building(Building {
                    id,
                    life,
                    fields: Some(fields),
                    ..Building::default()
                })
            }
            v1::import_row::Row::Unit(row) => {
                let mut fields = row.fields.unwrap();
                fields.building_id = building;
                Subject::Unit(Unit { id, life, fields: Some(fields), ..Unit::default() })
            }
            other => panic!("this is not exported: {other:?}"),
        };
        let references = Vec::new();
        let (source, key) = (kept.source.clone(), kept.key.clone());
        ExportRow { source, key, subject: Some(subject), references, ..ExportRow::default() }
    }
}

#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Registry>>);

impl Fake {
    /// Tells the run to end when it is time, and whether this batch is never answered.
    fn is_lost(&self) -> bool {
        let registry = self.0.lock().unwrap();
        match &registry.stopped {
            Some((batch, sender, times, is_lost)) if registry.batches + 1 == *batch => {
                sender.send_replace(*times);
                *is_lost
            }
            _ => false,
        }
    }
}

#[tonic::async_trait]
impl ImportService for Fake {
    type ExportRowsStream =
        tokio_stream::Iter<std::vec::IntoIter<Result<ExportRowsResponse, Status>>>;

    async fn import_rows(
        &self,
        request: Request<ImportRowsRequest>,
    ) -> Result<Response<ImportRowsResponse>, Status> {
        let request = request.into_inner();
        if self.is_lost() {
            std::future::pending::<()>().await;
        }
        let mut registry = self.0.lock().unwrap();
        registry.batches += 1;
        assert!(request.rows.len() <= 500);
        if registry.broken.is_some_and(|broken| registry.batches >= broken) {
            return Err(Status::internal("broken"));
        }
        let bad =
            request.rows.iter().position(|row| Some(&row.key) == registry.unreadable.as_ref());
        if let Some(bad) = bad {
            let field = format!("rows[{bad}].building.name");
            let details = ErrorDetails::with_bad_request_violation(field, "unreadable");
            return Err(Status::with_error_details(Code::InvalidArgument, "bad", details));
        }
        let request_id = request.context.as_ref().unwrap().request_id.clone();
        if let Some((answer, times)) = registry.answered.get_mut(&request_id) {
            *times += 1;
            return Ok(Response::new(answer.clone()));
        }
        let rows = request.rows.clone();
        let results =
            (0..).zip(rows).map(|(index, row)| registry.warned_row(&request, index, row)).collect();
        let answer = ImportRowsResponse { receipt: None, results };
        registry.answered.insert(request_id, (answer.clone(), 1));
        if registry.lost_answers > 0 {
            registry.lost_answers -= 1;
            let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(1)));
            return Err(Status::with_error_details(Code::Unavailable, "gone", details));
        }
        Ok(Response::new(answer))
    }

    async fn export_rows(
        &self,
        request: Request<ExportRowsRequest>,
    ) -> Result<Response<Self::ExportRowsStream>, Status> {
        let request = request.into_inner();
        let kind = match request.kind() {
            ExportKind::Regions => FileKind::Regions,
            ExportKind::Compounds => FileKind::Compounds,
            ExportKind::Buildings => FileKind::Buildings,
            ExportKind::Units | ExportKind::Unspecified => FileKind::Units,
        };
        let registry = self.0.lock().unwrap();
        let wanted =
            |kept: &&Kept| kept.kind == kind && kept.id.partition().number() == request.partition;
        let rows: Vec<_> = registry.kept.iter().filter(wanted).map(Registry::export).collect();
        let answers: Vec<_> = rows
            .chunks(100)
            .map(|rows| {
                Ok(ExportRowsResponse { rows: rows.to_vec(), ..ExportRowsResponse::default() })
            })
            .collect();
        Ok(Response::new(tokio_stream::iter(answers)))
    }
}

#[tonic::async_trait]
impl RegistryService for Fake {
    async fn get_status(
        &self,
        _: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        let registry = self.0.lock().unwrap();
        let owners = registry.kept.iter().filter_map(|kept| {
            let region_id = kept.id.to_string();
            Some(PartitionStatus { partition: kept.owns?, region_id, ..PartitionStatus::default() })
        });
        let root = PartitionStatus::default();
        let partitions = std::iter::once(root).chain(owners).collect();
        Ok(Response::new(GetStatusResponse { partitions, ..GetStatusResponse::default() }))
    }

    async fn who_am_i(
        &self,
        _: Request<WhoAmIRequest>,
    ) -> Result<Response<WhoAmIResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
}

/// Declares the calls that nothing here makes.
macro_rules! not_asked {
    ($($call:ident $request:ident $response:ident),* $(,)?) => {
        #[tonic::async_trait]
        impl RegionService for Fake {
            async fn resolve_code(
                &self,
                request: Request<ResolveCodeRequest>,
            ) -> Result<Response<ResolveCodeResponse>, Status> {
                Ok(Response::new(self.resolve(&request.into_inner())))
            }
            async fn get_region(
                &self,
                request: Request<v1::GetRegionRequest>,
            ) -> Result<Response<v1::GetRegionResponse>, Status> {
                let registry = self.0.lock().unwrap();
                let kept = registry.kept(&request.into_inner().id).unwrap();
                let Some(Subject::Region(region)) = Registry::export(kept).subject else {
                    return Err(Status::not_found("no region"));
                };
                Ok(Response::new(v1::GetRegionResponse { region: Some(region), ..Default::default() }))
            }
            $(async fn $call(
                &self,
                _: Request<v1::$request>,
            ) -> Result<Response<v1::$response>, Status> {
                Err(Status::unimplemented("not asked here"))
            })*
        }
    };
}

not_asked! {
    create_region CreateRegionRequest CreateRegionResponse,
    batch_create_regions BatchCreateRegionsRequest BatchCreateRegionsResponse,
    list_regions ListRegionsRequest ListRegionsResponse,
    change_region ChangeRegionRequest ChangeRegionResponse,
    correct_region CorrectRegionRequest CorrectRegionResponse,
    end_region EndRegionRequest EndRegionResponse,
    merge_regions MergeRegionsRequest MergeRegionsResponse,
    split_region SplitRegionRequest SplitRegionResponse,
    retract_region RetractRegionRequest RetractRegionResponse,
    transfer_region TransferRegionRequest TransferRegionResponse,
}

impl Fake {
    fn resolve(&self, request: &ResolveCodeRequest) -> ResolveCodeResponse {
        let registry = self.0.lock().unwrap();
        assert_eq!(request.scheme, "stats12");
        let places = registry.by_code.get(&request.code).into_iter().flatten();
        let candidates = places.map(|place| CodeCandidate {
            region: Some(Region { id: registry.kept[*place].id.to_string(), ..Region::default() }),
            ..CodeCandidate::default()
        });
        ResolveCodeResponse { candidates: candidates.collect(), ..ResolveCodeResponse::default() }
    }
}

type Pass = fn(Request<()>) -> Result<Request<()>, Status>;

/// A registry on a port of this machine, and a directory for files.
struct Bench {
    registry: Arc<Mutex<Registry>>,
    clients: Clients<Pass>,
    directory: tempfile::TempDir,
}

#[derive(Parser)]
struct ImportCommand {
    #[command(flatten)]
    args: ImportArgs,
}

impl Bench {
    async fn new() -> Self {
        let fake = Fake::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder()
            .add_service(ImportServiceServer::new(fake.clone()))
            .add_service(RegionServiceServer::new(fake.clone()))
            .add_service(RegistryServiceServer::new(fake.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        let channel = Channel::from_shared(address).unwrap().connect().await.unwrap();
        let pass: Pass = |request| Ok(request);
        Self {
            registry: fake.0,
            clients: Clients::new(InterceptedService::new(channel, pass)),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// A registry that has the carried regions.
    async fn with_regions() -> Self {
        let bench = Self::new().await;
        let files = bench.carried(FileKind::Regions);
        bench.run("regions", &files, "").await.unwrap();
        bench
    }

    /// With one compound, to which buildings can refer.
    async fn with_compound() -> Self {
        let bench = Self::with_regions().await;
        let text = "key,name,community_code,exists_from\nc1,示例小区,410102001002,1990\n";
        let file = bench.file("compounds.csv", text);
        let (outcome, _, text) = bench.run("compounds", &[file], "--source s").await.unwrap();
        let rejects = fs::read_to_string(bench.path("compounds.rejects.csv"));
        assert_eq!(outcome, Outcome::Whole, "{text}{rejects:?}");
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn carried(&self, kind: FileKind) -> Vec<PathBuf> {
        let files = carried().into_iter().filter(|file| file.kind == kind);
        files.map(|file| self.file(file.name, file.bytes)).collect()
    }

    /// What a command line answers: the outcome, the counts of each file, and all that was written.
    async fn run(
        &self,
        kind: &str,
        files: &[PathBuf],
        flags: &str,
    ) -> anyhow::Result<(Outcome, Vec<Counts>, String)> {
        self.run_for(Answer::Table, kind, files, flags).await
    }

    async fn run_for(
        &self,
        answer: Answer,
        kind: &str,
        files: &[PathBuf],
        flags: &str,
    ) -> anyhow::Result<(Outcome, Vec<Counts>, String)> {
        let files = files.iter().map(|path| path.to_str().unwrap().to_owned());
        let words = ["import", kind].into_iter().map(str::to_owned).chain(files);
        let words = words.chain(flags.split_whitespace().map(str::to_owned));
        let wants_json = answer == Answer::Json;
        let args = ImportCommand::try_parse_from(words)?.args;
        let mut out = Vec::new();
        let outcome = import::run(args, self.clients.clone(), answer, &mut out).await?;
        let text = String::from_utf8(out).unwrap();
        let counts = if wants_json {
            let summary: serde_json::Value = serde_json::from_str(&text)?;
            summary["files"].as_array().unwrap().iter().map(counts_of).collect()
        } else {
            Vec::new()
        };
        Ok((outcome, counts, text))
    }

    async fn counts(&self, kind: &str, files: &[PathBuf], flags: &str) -> (Outcome, Counts) {
        let answer = self.run_for(Answer::Json, kind, files, flags).await;
        let (outcome, counts, _) = answer.unwrap();
        let sum = counts.into_iter().fold(Counts::default(), |a, b| Counts {
            read: a.read + b.read,
            created: a.created + b.created,
            changed: a.changed + b.changed,
            unchanged: a.unchanged + b.unchanged,
            conflicts: a.conflicts + b.conflicts,
            partly_taken: a.partly_taken + b.partly_taken,
            refused: a.refused + b.refused,
            unjudged: a.unjudged + b.unjudged,
            warned: a.warned + b.warned,
        });
        (outcome, sum)
    }

    fn kept_count(&self) -> usize {
        self.registry.lock().unwrap().kept.len()
    }
}

fn counts_of(file: &serde_json::Value) -> Counts {
    let count = |name: &str| file["counts"][name].as_u64().unwrap();
    Counts {
        read: count("read"),
        created: count("created"),
        changed: count("changed"),
        unchanged: count("unchanged"),
        conflicts: count("conflicts"),
        partly_taken: count("partly_taken"),
        refused: count("refused"),
        unjudged: count("unjudged"),
        warned: count("warned"),
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

const ODD: [(&str, &str); 4] = [
    ("p.csv", "code,name\n11,北京市\n44,广东省\n42,湖北省\n"),
    (
        "c.csv",
        "code,name,provinceCode\n1101,市辖区,11\n4419,东莞市,44\n4290,省直辖县级行政区划,42\n",
    ),
    (
        "a.csv",
        "code,name,cityCode,provinceCode\n110101,东城区,1101,11\n441900,东莞市,4419,44\n\
         429004,仙桃市,4290,42\n429005,潜江市,4290,42\n",
    ),
    (
        "s.csv",
        "code,name,areaCode,provinceCode,cityCode\n110101001,东华门街道,110101,11,1101\n\
         441900003,东城街道,441900,44,4419\n429004001,沙嘴街道,429004,42,4290\n\
         429005001,园林街道,429005,42,4290\n",
    ),
];

#[tokio::test]
async fn files_of_an_edition_in_any_order_build_the_tree_and_again_change_nothing() {
    let bench = Bench::new().await;
    let mut files = bench.carried(FileKind::Regions);
    files.reverse();
    let (outcome, counts) = bench.counts("regions", &files, "").await;
    assert_eq!(outcome, Outcome::Whole);
    assert_eq!((counts.read, counts.created), (3_531, 3_531));
    let (outcome, counts) = bench.counts("regions", &files, "").await;
    assert_eq!(outcome.exit_code(), 0);
    assert_eq!((counts.unchanged, counts.created, counts.changed), (3_531, 0, 0));
    let (_, _, text) = bench.run("regions", &files, "").await.unwrap();
    assert!(text.contains("nothing changed"), "{text}");
    assert!(text.contains("1 provinces, 1 cities, 15 districts, 208 streets, 3306 communities"));
}

#[tokio::test]
async fn odd_regions_open_the_partitions_that_are_theirs_and_are_told() {
    let bench = Bench::new().await;
    let files: Vec<_> = ODD.iter().map(|(name, text)| bench.file(name, text)).collect();
    let (outcome, _, text) = bench.run("regions", &files, "").await.unwrap();
    assert_eq!(outcome, Outcome::Whole, "{text}");
    let registry = bench.registry.lock().unwrap();
    let owners: BTreeSet<_> = registry
        .kept
        .iter()
        .filter(|kept| kept.owns.is_some())
        .map(|kept| kept.key.as_str())
        .collect();
    assert_eq!(owners, BTreeSet::from(["11", "4419", "429004", "429005"]));
    for told in [
        "placeholders, kept with their statistical code only: 2 (1101 市辖区, 4290 省直辖县级行政区划)",
        "districts directly under a province, each a partition: 2 (429004 仙桃市, 429005 潜江市)",
        "without the level below, one row standing in: 1 (441900 东莞市)",
    ] {
        assert!(text.contains(told), "{told}\n{text}");
    }
}

#[tokio::test]
async fn lower_levels_imported_later_find_their_partitions() {
    let bench = Bench::new().await;
    let files: Vec<_> = ODD.iter().map(|(name, text)| bench.file(name, text)).collect();
    bench.run("regions", &files[..3], "").await.unwrap();
    // The registry checks that each street is sent where its district is.
    let (outcome, counts) = bench.counts("regions", &files[3..], "").await;
    assert_eq!((outcome, counts.created), (Outcome::Whole, 4));
}

#[tokio::test]
async fn the_carried_city_is_taken_and_taken_again() {
    let bench = Bench::with_regions().await;
    for (kind, rows) in
        [(FileKind::Compounds, 330), (FileKind::Buildings, 3_507), (FileKind::Units, 3_230)]
    {
        let files = bench.carried(kind);
        let (outcome, counts) = bench.counts(kind.word(), &files, "").await;
        assert_eq!((outcome, counts.created, counts.refused), (Outcome::Whole, rows, 0));
        let (_, counts) = bench.counts(kind.word(), &files, "").await;
        assert_eq!((counts.unchanged, counts.created + counts.changed), (rows, 0));
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_under_the_same_request_id() {
    let bench = Bench::with_regions().await;
    bench.registry.lock().unwrap().lost_answers = 3;
    let files = bench.carried(FileKind::Compounds);
    let (_, counts) = bench.counts("compounds", &files, "--batch-rows 50").await;
    assert_eq!(counts.created, 330, "a row counted as unchanged would have been sent anew");
    let registry = bench.registry.lock().unwrap();
    let again = registry.answered.values().filter(|(_, times)| *times == 2).count();
    assert_eq!((again, registry.lost_answers), (3, 0));
}

/// The lines of a reject file, which stand in the order of the file whose rows they are.
fn lines_of(rejects: &str) -> String {
    rejects.trim_start_matches('\u{FEFF}').lines().collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn rejected_rows_stop_no_other_and_are_taken_once_mended() {
    let bench = Bench::with_compound().await;
    let text = "# anju: source=s\n编号,小区编号,层数,存在起始\nb1,c1,6,1990\nb2,c1,六,1990\n\
                b3,c1,299,1990\nb4,c9,6,1990\nb1,c1,7,1990\nb5,c1,6,1990\n";
    let file = bench.file("楼栋.csv", text);
    let (outcome, counts) = bench.counts("buildings", &[file], "").await;
    assert_eq!((outcome.exit_code(), counts.created, counts.refused), (3, 2, 4));

    let rejects = bench.path("楼栋.rejects.csv");
    let found = fs::read_to_string(&rejects).unwrap();
    expect_test::expect![[r#"
        # anju: source=s
        编号,小区编号,层数,存在起始,reject_line,reject_reasons
        b2,c1,六,1990,4,"层数 NOT_A_NUMBER: ""六"" is not a whole number 不是规定形式的数字；请只用数字和小数点填写"
        b3,c1,299,1990,5,层数 IMPLAUSIBLE: too high
        b4,c9,6,1990,6,小区编号 REFERENCE_NOT_FOUND: there is no such thing 所引用的对象不存在；请先登记它，或核对其编号
        b1,c1,7,1990,7,编号 DUPLICATE_KEY: line 3 has the same source and key 文件中前面已有来源和编号相同的行；请删去重复的行"#]]
    .assert_eq(&lines_of(&found));

    let mended = found.replace("六", "6").replace("299", "29").replace("c9", "c1");
    fs::write(&rejects, mended.replace("b1,", "b6,")).unwrap();
    let (outcome, counts) = bench.counts("buildings", &[rejects], "").await;
    assert_eq!((outcome, counts.created, counts.refused), (Outcome::Whole, 4, 0));
}

#[tokio::test]
async fn the_first_rejected_rows_are_told_without_their_file() {
    let bench = Bench::with_compound().await;
    let rows: Vec<_> = (1..=7).map(|row| format!("b{row},c1,六,1990")).collect();
    let text = format!("# anju: source=s\nkey,compound_key,层数,存在起始\n{}\n", rows.join("\n"));
    let file = bench.file("b.csv", text);
    let (_, _, text) = bench.run("buildings", std::slice::from_ref(&file), "").await.unwrap();
    let told: Vec<_> = text.lines().filter(|line| line.contains('行')).collect();
    expect_test::expect![[r#"
        line 3 行: 层数 NOT_A_NUMBER: "六" is not a whole number
        line 4 行: 层数 NOT_A_NUMBER: "六" is not a whole number
        line 5 行: 层数 NOT_A_NUMBER: "六" is not a whole number
        line 6 行: 层数 NOT_A_NUMBER: "六" is not a whole number
        line 7 行: 层数 NOT_A_NUMBER: "六" is not a whole number
        and 2 more 另有 2 行"#]]
    .assert_eq(&told.join("\n"));

    let (_, _, json) = bench.run_for(Answer::Json, "buildings", &[file], "").await.unwrap();
    let summary: serde_json::Value = serde_json::from_str(&json).unwrap();
    let first = summary["files"][0]["first_rejected"].as_array().unwrap();
    assert_eq!((first.len(), first[4]["line"].as_u64()), (5, Some(7)));
}

#[tokio::test]
async fn rows_with_warnings_are_taken_counted_and_the_first_told_by_column() {
    let bench = Bench::with_compound().await;
    let mut rows: Vec<_> = (1..=6).map(|row| format!("b{row},c1,odd,,1990")).collect();
    rows.insert(1, "b7,c1,fine,census:odd,1990".to_owned());
    rows.insert(2, "b8,c1,fine,,1990".to_owned());
    // The first row that refers to what is not there; it is refused and not warned of.
    rows.insert(3, "b9,c9,odd,,1990".to_owned());
    let header = "# anju: source=s\nkey,compound_key,房屋编码,identifiers,存在起始\n";
    let file = bench.file("b.csv", format!("{header}{}\n", rows.join("\n")));
    let (outcome, _, text) =
        bench.run("buildings", std::slice::from_ref(&file), "--batch-rows 3").await.unwrap();
    assert_eq!(outcome, Outcome::Partly);
    let told: Vec<_> = text.lines().filter(|line| line.contains("提示")).collect();
    expect_test::expect![[r"
        warning 提示: line 3 行: 房屋编码 LENGTH: it is too short
        warning 提示: line 4 行: identifiers LENGTH: census: it is too short
        warning 提示: line 7 行: 房屋编码 LENGTH: it is too short
        warning 提示: line 8 行: 房屋编码 LENGTH: it is too short
        warning 提示: line 9 行: 房屋编码 LENGTH: it is too short
        rows with warnings, not refused for them 有提示的行: 7"]]
    .assert_eq(&told.join("\n"));

    let good = bench.file("c.csv", format!("{header}b1,c1,odd,,1990\n"));
    let (outcome, counts, json) =
        bench.run_for(Answer::Json, "buildings", &[good], "").await.unwrap();
    assert_eq!((outcome, counts[0].warned, counts[0].unchanged), (Outcome::Whole, 1, 1));
    let summary: serde_json::Value = serde_json::from_str(&json).unwrap();
    let first = &summary["files"][0]["first_warned"];
    assert_eq!(
        *first,
        serde_json::json!([{"line": 3, "warnings": "房屋编码 LENGTH: it is too short"}])
    );
}

#[tokio::test]
async fn what_somebody_corrected_since_is_reported_and_stays() {
    let bench = Bench::with_compound().await;
    let header = "key,compound_key,structure,exists_from\n";
    let file = bench.file("b.csv", format!("{header}b1,c1,砖混,1990\nb2,c1,砖混,1990\n"));
    bench.run("buildings", &[file], "--source s").await.unwrap();
    {
        let mut registry = bench.registry.lock().unwrap();
        registry.corrected.insert("b1".to_owned());
    }
    let file = bench.file("b.csv", format!("{header}b1,c1,钢结构,1990\nb2,c1,钢结构,1990\n"));
    let (outcome, counts) = bench.counts("buildings", &[file], "--source s").await;
    assert_eq!((outcome.exit_code(), counts.conflicts, counts.changed), (3, 1, 1));
    let rejects = fs::read_to_string(bench.path("b.rejects.csv")).unwrap();
    assert!(rejects.contains("structure CONFLICT: the row says \"\"钢结构\"\", but somebody has said \"\"OTHER 其他\"\""), "{rejects}");
    let registry = bench.registry.lock().unwrap();
    let kept = registry.kept.iter().find(|kept| kept.key == "b1").unwrap();
    assert_eq!(kept.draft.building.structure, 1);
}

#[tokio::test]
async fn a_row_may_refer_to_one_that_stands_below_it() {
    let bench = Bench::with_compound().await;
    let text =
        "key,compound_key,physical_key,exists_from\nb1,c1,b2,1990\nb2,c1,b3,1990\nb3,c1,,1990\n";
    let file = bench.file("b.csv", text);
    let (outcome, counts) =
        bench.counts("buildings", &[file], "--source s --batch-rows 1 --in-flight 1").await;
    assert_eq!((outcome, counts.created), (Outcome::Whole, 3));
}

#[tokio::test]
async fn a_dry_run_judges_every_row_and_writes_nothing() {
    let bench = Bench::new().await;
    let files: Vec<_> = ODD.iter().map(|(name, text)| bench.file(name, text)).collect();
    let (outcome, counts) = bench.counts("regions", &files, "--dry-run").await;
    assert_eq!((outcome, counts.read, counts.refused), (Outcome::Whole, 14, 0));
    assert_eq!((counts.created, counts.unjudged), (3, 11));
    assert_eq!(bench.kept_count(), 0);
    let orphan = bench.file("a.csv", "code,name,cityCode,provinceCode\n410102,中原区,4101,41\n");
    let (outcome, counts) = bench.counts("regions", &[orphan], "--dry-run").await;
    assert_eq!((outcome, counts.refused), (Outcome::Partly, 1));
}

#[tokio::test]
async fn one_unreadable_row_does_not_take_its_batch_with_it() {
    let bench = Bench::with_compound().await;
    bench.registry.lock().unwrap().unreadable = Some("b33".to_owned());
    let rows: Vec<_> = (0..100).map(|number| format!("b{number},c1,1990")).collect();
    let rows = rows.join("\n");
    let file = bench.file("b.csv", format!("key,compound_key,exists_from\n{rows}"));
    let (outcome, counts) = bench.counts("buildings", &[file], "--source s").await;
    assert_eq!((outcome, counts.created, counts.refused), (Outcome::Partly, 99, 1));
    let rejects = fs::read_to_string(bench.path("b.rejects.csv")).unwrap();
    assert!(rejects.lines().any(|line| line.starts_with("b33,c1,1990,35,")), "{rejects}");
}

#[tokio::test]
async fn a_row_with_a_bad_cell_is_told_what_the_registry_says_of_the_rest() {
    let bench = Bench::with_compound().await;
    let before = bench.kept_count();
    // b6 refers to what stands below it, b7 to nothing; of b8 it cannot be said where it is.
    let text = "key,compound_key,层数,电梯数,physical_key,存在起始\n\
                b1,c1,299,二,,1990\nb2,c1,6,二,,1990\nb3,c9,299,二,,1990\nb4,c1,二九九,2,,1990\n\
                b6,c1,6,二,b9,1990\nb7,c9,299,2,,1990\nb8,,299,2,,1990\nb9,c1,6,2,,1990\n";
    let file = bench.file("b.csv", text);
    let (outcome, counts) = bench.counts("buildings", &[file], "--source s").await;
    assert_eq!((outcome, counts.created, counts.refused), (Outcome::Partly, 1, 7));
    assert_eq!(bench.kept_count(), before + 1);
    let found = fs::read_to_string(bench.path("b.rejects.csv")).unwrap();
    expect_test::expect![[r#"
        # anju: source=s
        key,compound_key,层数,电梯数,physical_key,存在起始,reject_line,reject_reasons
        b1,c1,299,二,,1990,2,"电梯数 NOT_A_NUMBER: ""二"" is not a whole number 不是规定形式的数字；请只用数字和小数点填写; 层数 IMPLAUSIBLE: too high"
        b2,c1,6,二,,1990,3,"电梯数 NOT_A_NUMBER: ""二"" is not a whole number 不是规定形式的数字；请只用数字和小数点填写"
        b3,c9,299,二,,1990,4,"电梯数 NOT_A_NUMBER: ""二"" is not a whole number 不是规定形式的数字；请只用数字和小数点填写; compound_key REFERENCE_NOT_FOUND: there is no such thing 所引用的对象不存在；请先登记它，或核对其编号; 层数 IMPLAUSIBLE: too high"
        b4,c1,二九九,2,,1990,5,"层数 NOT_A_NUMBER: ""二九九"" is not a whole number 不是规定形式的数字；请只用数字和小数点填写"
        b6,c1,6,二,b9,1990,6,"电梯数 NOT_A_NUMBER: ""二"" is not a whole number 不是规定形式的数字；请只用数字和小数点填写"
        b7,c9,299,2,,1990,7,compound_key REFERENCE_NOT_FOUND: there is no such thing 所引用的对象不存在；请先登记它，或核对其编号; 层数 IMPLAUSIBLE: too high
        b8,,299,2,,1990,8,compound_key REQUIRED: compound_id must not be empty 缺少必填项，或该项不能为不明；请补填; 层数 IMPLAUSIBLE: too high"#]].assert_eq(&lines_of(&found));

    // The same in a dry run, in which nothing that is referred to is ever there.
    fs::remove_file(bench.path("b.rejects.csv")).unwrap();
    let file = bench.file("b.csv", text.replace(",b9,", ",b10,").replace("b9,c1", "b10,c1"));
    let (_, counts) = bench.counts("buildings", &[file], "--source s --dry-run").await;
    assert_eq!((counts.created, counts.refused), (1, 7));
    let again = fs::read_to_string(bench.path("b.rejects.csv")).unwrap();
    assert_eq!(lines_of(&again).replace("b10", "b9"), lines_of(&found));
}

/// What a run says that is refused as a whole; it has written nothing, not even a reject file.
async fn refused_whole(bench: &Bench, kind: &str, files: &[PathBuf], flags: &str) -> String {
    let before = (bench.kept_count(), names(bench.directory.path()).len());
    let error = bench.run(kind, files, flags).await.unwrap_err();
    assert_eq!((bench.kept_count(), names(bench.directory.path()).len()), before);
    let place = format!("{}/", bench.directory.path().display());
    format!("{error:#}").replace(&place, "")
}

/// A file with a wrong header and wrong rows.
fn bad_table(bench: &Bench) -> PathBuf {
    let rows: Vec<_> = (3..=8).map(|row| format!("b{row},c1,299,二,红,1990")).collect();
    let head = "key,compound_key,层数,电梯数,颜色,存在起始\nb1,c1,6,2,红,1990\nb2,c9,6,2,红,1990";
    bench.file("bad.csv", format!("{head}\n{}\n", rows.join("\n")))
}

#[tokio::test]
async fn a_wrong_header_does_not_hide_what_is_wrong_with_rows() {
    let bench = Bench::with_compound().await;
    let good =
        bench.file("good.csv", "key,compound_key,层数,存在起始\nb1,c1,6,1990\nb2,c1,六,1990\n");
    let bad = bad_table(&bench);
    let told = refused_whole(&bench, "buildings", &[good.clone(), bad.clone()], "--source s").await;
    expect_test::expect![[r#"
        bad.csv: the header row cannot be used
          UNKNOWN_COLUMN: "颜色" is no column of buildings
            没有这样的列；请用 --mapping 指明，或用 --ignore-unknown 略去
          (--mapping names columns, --ignore-unknown leaves them aside)
        good.csv: rows that would not be taken either
          line 3 行: 层数 NOT_A_NUMBER: "六" is not a whole number
            不是规定形式的数字；请只用数字和小数点填写
        bad.csv: rows that would not be taken either
          line 3 行: compound_key REFERENCE_NOT_FOUND: there is no such thing
            所引用的对象不存在；请先登记它，或核对其编号
          line 4 行: 电梯数 NOT_A_NUMBER: "二" is not a whole number; 层数 IMPLAUSIBLE: too high
          line 5 行: 电梯数 NOT_A_NUMBER: "二" is not a whole number; 层数 IMPLAUSIBLE: too high
          line 6 行: 电梯数 NOT_A_NUMBER: "二" is not a whole number; 层数 IMPLAUSIBLE: too high
          line 7 行: 电梯数 NOT_A_NUMBER: "二" is not a whole number; 层数 IMPLAUSIBLE: too high
          and 2 more 另有 2 行
        nothing was written 未写入"#]]
    .assert_eq(&told);

    // A column that is missing is no fault of each row, nor is what only follows from it.
    let bare = bench.file("bare.csv", "编码号,小区,层数\nb1,c1,六\nb2,c1,6\n");
    let told = refused_whole(&bench, "buildings", &[bare], "--source s").await;
    expect_test::expect![[r#"
        bare.csv: the header row cannot be used
          UNKNOWN_COLUMN: "编码号" is no column of buildings
            没有这样的列；请用 --mapping 指明，或用 --ignore-unknown 略去
          UNKNOWN_COLUMN: "小区" is no column of buildings
          MISSING_COLUMN: the file has no column key
            缺少必需的列；请补上
          MISSING_COLUMN: the file has no column compound_id or compound_key or compound_identifier or community_id or community_code or community_key or community_identifier
          (--mapping names columns, --ignore-unknown leaves them aside)
        bare.csv: rows that would not be taken either
          line 2 行: 层数 NOT_A_NUMBER: "六" is not a whole number
            不是规定形式的数字；请只用数字和小数点填写
        nothing was written 未写入"#]].assert_eq(&told);

    // All that is wrong with the run is told, and the rows all the same.
    let told =
        refused_whole(&bench, "buildings", std::slice::from_ref(&bad), "--mode correction").await;
    expect_test::expect![[r#"
        bad.csv: the header row cannot be used
          UNKNOWN_COLUMN: "颜色" is no column of buildings
            没有这样的列；请用 --mapping 指明，或用 --ignore-unknown 略去
          (--mapping names columns, --ignore-unknown leaves them aside)
        bad.csv: say where the rows come from: --source, or `# anju: source=…` as the first line
        bad.csv: a correction needs a --reason
        bad.csv: rows that would not be taken either
          line 4 行: 电梯数 NOT_A_NUMBER: "二" is not a whole number; 层数 IMPLAUSIBLE: too high
            不是规定形式的数字；请只用数字和小数点填写
          line 5 行: 电梯数 NOT_A_NUMBER: "二" is not a whole number; 层数 IMPLAUSIBLE: too high
          line 6 行: 电梯数 NOT_A_NUMBER: "二" is not a whole number; 层数 IMPLAUSIBLE: too high
          line 7 行: 电梯数 NOT_A_NUMBER: "二" is not a whole number; 层数 IMPLAUSIBLE: too high
          line 8 行: 电梯数 NOT_A_NUMBER: "二" is not a whole number; 层数 IMPLAUSIBLE: too high
          and 1 more 另有 1 行
        nothing was written 未写入"#]]
    .assert_eq(&told);
}

#[tokio::test]
async fn where_the_registry_cannot_be_asked_cells_are_judged_by_themselves() {
    let bench = Bench::with_compound().await;
    let bad = bad_table(&bench);
    let told = refused_whole(&bench, "buildings", &[bad], "--source s --city 990000").await;
    expect_test::expect![[r#"
        bad.csv: the header row cannot be used
          UNKNOWN_COLUMN: "颜色" is no column of buildings
            没有这样的列；请用 --mapping 指明，或用 --ignore-unknown 略去
          (--mapping names columns, --ignore-unknown leaves them aside)
        bad.csv: rows that would not be taken either
          line 4 行: 电梯数 NOT_A_NUMBER: "二" is not a whole number
            不是规定形式的数字；请只用数字和小数点填写
          line 5 行: 电梯数 NOT_A_NUMBER: "二" is not a whole number
          line 6 行: 电梯数 NOT_A_NUMBER: "二" is not a whole number
          line 7 行: 电梯数 NOT_A_NUMBER: "二" is not a whole number
          line 8 行: 电梯数 NOT_A_NUMBER: "二" is not a whole number
          and 1 more 另有 1 行
        the registry could not judge the rows: the command line is wrong
          --city: the registry has no city 990000
        nothing was written 未写入"#]]
    .assert_eq(&told);
}

#[tokio::test]
async fn a_file_that_is_no_table_does_not_wait_for_the_rows_of_large_ones() {
    let bench = Bench::with_compound().await;
    let row = |number: u32| {
        let storeys = match number {
            5 | 2_050 => "299",
            2_080 => "六",
            _ => "6",
        };
        // A row far behind refers to one that the registry was not asked about.
        let physical = if number == 2_100 { "b2090" } else { "" };
        format!("b{number},c1,{storeys},{physical},1990\n")
    };
    let rows: String = (1..=2_100).map(row).collect();
    let text = format!("key,compound_key,层数,physical_key,存在起始\n{rows}");
    let readme = bench.file("README.md", "# Administrative divisions, 2023\n");
    let files = [bench.file("large.csv", text), readme];
    let before = bench.registry.lock().unwrap().batches;
    let told = refused_whole(&bench, "buildings", &files, "--source s").await;
    expect_test::expect![[r##"
        README.md: this is no table of buildings: its first row names none of the columns, it reads "# Administrative divisions", "2023"; leave the file out, or name its columns with --mapping
        large.csv: rows that would not be taken either
          line 6 行: 层数 IMPLAUSIBLE: too high
          line 2081 行: 层数 NOT_A_NUMBER: "六" is not a whole number
            不是规定形式的数字；请只用数字和小数点填写
        large.csv: of its rows the registry judged the first 2000 only 登记系统只核对了前 2000 行
        nothing was written 未写入"##]].assert_eq(&told);
    assert_eq!(bench.registry.lock().unwrap().batches - before, 4, "of 500 rows each");
}

#[tokio::test]
async fn a_file_that_is_no_table_is_named_and_the_command_line_is_wrong() {
    let bench = Bench::with_compound().await;
    let good =
        bench.file("good.csv", "key,compound_key,层数,存在起始\nb1,c1,6,1990\nb2,c1,六,1990\n");
    let readme =
        bench.file("README.md", "# Administrative divisions, 2023\n\nFive files, all CSV.\n");
    let files = [good, readme];
    let told = refused_whole(&bench, "buildings", &files, "--source s").await;
    expect_test::expect![[r##"
        README.md: this is no table of buildings: its first row names none of the columns, it reads "# Administrative divisions", "2023"; leave the file out, or name its columns with --mapping
        good.csv: rows that would not be taken either
          line 3 行: 层数 NOT_A_NUMBER: "六" is not a whole number
            不是规定形式的数字；请只用数字和小数点填写
        nothing was written 未写入"##]].assert_eq(&told);
    // Every file of the kind that a glob may take in, and no other.
    for (name, bytes) in
        [("picture.png", &[0x89, b'P', b'N', b'G', 0xFF, 0xFF][..]), ("empty", &[])]
    {
        let file = bench.file(name, bytes);
        let told =
            refused_whole(&bench, "buildings", std::slice::from_ref(&file), "--source s").await;
        assert!(told.starts_with(&format!("{name}: ")), "{told}");
        let error = bench.run("buildings", &[file], "--source s").await.unwrap_err();
        assert_eq!(anju::cli::exit_code(&Err(error)), 2);
    }
    let error = bench.run("buildings", &files, "--source s").await.unwrap_err();
    assert_eq!(anju::cli::exit_code(&Err(error)), 2);
}

/// Imports a file of many buildings one by one, until the registry tells with the third to end.
async fn interrupted(bench: &Bench, times: u32, is_lost: bool) -> (PathBuf, Counts, String) {
    let rows: Vec<_> = (0..600).map(|row| format!("b{row},c1,1990\n")).collect();
    let file = bench.file("b.csv", format!("key,compound_key,exists_from\n{}", rows.concat()));
    let (sender, receiver) = tokio::sync::watch::channel(0);
    {
        let mut registry = bench.registry.lock().unwrap();
        registry.stopped = Some((registry.batches + 3, sender, times, is_lost));
    }
    let mut told = Vec::new();
    for answer in [Answer::Json, Answer::Table] {
        let args = ImportArgs {
            source: Some("s".to_owned()),
            partition: Some(1),
            batch_rows: 1,
            in_flight: 1,
            ..ImportArgs::of(FileKind::Buildings, vec![file.clone()])
        };
        let (clients, stop) = (bench.clients.clone(), import::Stop::of(receiver.clone()));
        let mut out = Vec::new();
        let outcome = import::run_until(args, clients, answer, stop, &mut out).await.unwrap();
        assert_eq!(outcome.exit_code(), 130);
        told.push(String::from_utf8(out).unwrap());
    }
    bench.registry.lock().unwrap().stopped = None;
    let summary: serde_json::Value = serde_json::from_str(&told[0]).unwrap();
    assert_eq!(summary["interrupted"], true);
    // Asked before it began, the second run sent nothing.
    (file, counts_of(&summary["files"][0]), told.remove(1))
}

#[tokio::test]
async fn an_interrupted_run_tells_what_was_taken_and_is_made_again() {
    for (times, is_lost, taken) in [(1, false, 3), (2, true, 2)] {
        let bench = Bench::with_compound().await;
        let before = bench.kept_count();
        let (file, counts, told) = interrupted(&bench, times, is_lost).await;
        assert_eq!((counts.created, counts.refused), (taken, 0));
        assert!(counts.read > taken && counts.read < 600, "{counts:?}");
        assert_eq!(bench.kept_count() as u64 - before as u64, taken);
        assert!(told.contains("run the same again to go on"), "{told}");
        let (outcome, counts) = bench.counts("buildings", &[file], "--source s").await;
        assert_eq!(outcome, Outcome::Whole);
        assert_eq!((counts.created, counts.unchanged), (600 - taken, taken));
    }
}

#[tokio::test]
async fn a_run_that_fails_midway_tells_what_was_taken_and_is_made_again() {
    let bench = Bench::with_compound().await;
    let before = bench.kept_count();
    let rows: Vec<_> = (0..600).map(|row| format!("b{row},c1,1990\n")).collect();
    let file = bench.file("b.csv", format!("key,compound_key,exists_from\n{}", rows.concat()));
    let mut told = Vec::new();
    for (answer, taken) in [(Answer::Json, 200), (Answer::Table, 400)] {
        {
            let mut registry = bench.registry.lock().unwrap();
            registry.broken = Some(registry.batches + taken / 100 + 1);
        }
        let args = ImportArgs {
            source: Some("s".to_owned()),
            partition: Some(1),
            batch_rows: 100,
            in_flight: 3,
            ..ImportArgs::of(FileKind::Buildings, vec![file.clone()])
        };
        let mut out = Vec::new();
        let failed = import::run(args, bench.clients.clone(), answer, &mut out).await.unwrap_err();
        assert!(format!("{failed:#}").contains("run it again"), "{failed:#}");
        assert_eq!(bench.kept_count() - before, taken);
        told.push(String::from_utf8(out).unwrap());
    }
    let summary: serde_json::Value = serde_json::from_str(&told[0]).unwrap();
    assert_eq!((&summary["failed"], &summary["interrupted"]), (&true.into(), &false.into()));
    assert_eq!(counts_of(&summary["files"][0]).created, 200);
    let open = "ended early 提前结束: of the rows that were read, ";
    assert!(told[1].contains(open) && told[1].contains("run the same again"), "{}", told[1]);
    bench.registry.lock().unwrap().broken = None;
    let (outcome, counts) = bench.counts("buildings", &[file], "--source s").await;
    assert_eq!((outcome, counts.created, counts.unchanged), (Outcome::Whole, 200, 400));
}

#[tokio::test]
async fn a_file_that_breaks_off_is_taken_up_to_there_and_the_run_fails() {
    let bench = Bench::with_compound().await;
    let text =
        format!("key,compound_key,exists_from\nb1,c1,1990\nb2,\"{}", "x\n".repeat(1_000_000));
    let file = bench.file("b.csv", text);
    let error = bench.run("buildings", &[file], "--source s").await.unwrap_err();
    assert!(format!("{error:#}").contains("begins on line 3"), "{error:#}");
    let registry = bench.registry.lock().unwrap();
    assert!(registry.kept.iter().any(|kept| kept.key == "b1"));
}

#[tokio::test]
async fn importing_what_was_exported_changes_nothing() {
    let bench = Bench::with_regions().await;
    for kind in [FileKind::Compounds, FileKind::Buildings, FileKind::Units] {
        bench.run(kind.word(), &bench.carried(kind), "").await.unwrap();
    }
    // One that no source ever said.
    {
        let mut registry = bench.registry.lock().unwrap();
        let kept = registry.kept.iter_mut().find(|kept| kept.kind == FileKind::Units).unwrap();
        (kept.source, kept.key) = Default::default();
    }
    let everything = bench.kept_count();
    let mut rows = 0;
    for (kind, partition, name, bom) in [
        (FileKind::Regions, 0, "root.csv", false),
        (FileKind::Regions, 1, "regions.csv.gz", true),
        (FileKind::Compounds, 1, "compounds.csv", true),
        (FileKind::Buildings, 1, "buildings.csv.gz", false),
        (FileKind::Units, 1, "units.csv", false),
    ] {
        let out = Some(bench.path(name));
        let (with_ended, read) = (false, ReadArgs::default());
        let args = ExportArgs { kind, partition, out, bom, with_ended, read };
        let exported = export::run(args, bench.clients.clone(), &mut Vec::new()).await.unwrap();
        assert_eq!(exported.left_out, 0);
        rows += exported.rows;
        let (outcome, counts) = bench.counts(kind.word(), &[bench.path(name)], "").await;
        assert_eq!((outcome, counts.unchanged, counts.changed), (Outcome::Whole, exported.rows, 0));
    }
    assert_eq!(usize::try_from(rows).unwrap(), everything);
    assert_eq!(bench.kept_count(), everything);
    let left: Vec<_> = names(bench.directory.path());
    assert!(
        !left.iter().any(|name| name.ends_with(".partial") || name.contains("rejects")),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_dry_run_tells_rows_of_sources_apart_and_takes_bad_flags_with_the_files() {
    let bench = Bench::with_compound().await;
    // The key is there by another source only: in a real run it is found neither.
    let text = "source,key,compound_source,compound_key,physical_source,physical_key,exists_from\n\
                a,p1,s,c1,,,1990\na,l1,s,c1,,p1,1990\nb,l2,s,c1,,p1,1990\nb,l3,s,c1,a,p1,1990\n";
    let file = bench.file("b.csv", text);
    let (_, counts) = bench.counts("buildings", &[file], "--dry-run").await;
    assert_eq!((counts.created, counts.unjudged, counts.refused), (1, 2, 1));
    let rejects = fs::read_to_string(bench.path("b.rejects.csv")).unwrap();
    assert!(rejects.contains("l2,") && !rejects.contains("l3,"), "{rejects}");
    // A flag that is wrong hides nothing of the file.
    let file = bench.file("c.csv", "key,compound_key,层数,exists_from\nb1,c1,六,1990\n");
    let flags = "--source s --from 2024-13-01 --exists-from sometime --city 41O100";
    let told = refused_whole(&bench, "buildings", &[file], flags).await;
    for wrong in ["--from: ", "--exists-from: ", "--city: ", "line 2 行: 层数 NOT_A_NUMBER"] {
        assert!(told.contains(wrong), "{wrong}\n{told}");
    }
    // Papers have days of their own, whoever says otherwise.
    let text = "# anju: source=s, from=2024-01-01\nkey,building_key,kind,inspected_on\nr,b1,体检,2024-01-02\n";
    let file = bench.file("r.csv", text);
    let told = refused_whole(&bench, "inspections", &[file], "").await;
    assert!(told.contains("`from` in the first line is not of inspections"), "{told}");
}

#[tokio::test]
async fn without_a_city_the_rows_of_a_registry_of_many_are_refused_by_name() {
    let bench = Bench::with_compound().await;
    let odd: Vec<_> = ODD.iter().map(|(name, text)| bench.file(name, text)).collect();
    bench.run("regions", &odd, "").await.unwrap();
    let file = bench.file("b.csv", "key,compound_key,exists_from\nb1,c1,1990\n");
    let (_, counts) = bench.counts("buildings", std::slice::from_ref(&file), "--source s").await;
    assert_eq!(counts.refused, 1);
    let rejects = fs::read_to_string(bench.path("b.rejects.csv")).unwrap();
    assert!(rejects.contains("PARTITION_UNKNOWN"), "{rejects}");
    let (_, counts) = bench.counts("buildings", &[file], "--source s --city 410100").await;
    assert_eq!(counts.created, 1);
}

#[tokio::test]
async fn a_refusal_by_the_registry_is_the_cause_of_the_error() {
    let mut bench = Bench::with_compound().await;
    let file = bench.file("b.csv", "key,compound_key,exists_from\nb1,c1,1990\n");
    let deny: Pass = |_| Err(Status::permission_denied("not yours"));
    let channel = Channel::from_static("http://127.0.0.1:9").connect_lazy();
    bench.clients = Clients::new(InterceptedService::new(channel, deny));
    let flags = "--source s --partition 1";
    let error = bench.run("buildings", &[file], flags).await.unwrap_err();
    let status = error.chain().find_map(|cause| cause.downcast_ref::<Status>()).unwrap();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(format!("{error:#}").contains("not yours"), "{error:#}");
}

//! The API over gRPC: the wire types stop here.
//!
//! The way of a request: who calls and whether they may ([`guard`]), what is asked (read whole, all
//! that is wrong with it told at once), whether it is in the caller's reach, then one call of the
//! registry and its answer on the wire. What is out of reach is answered as if it were not there, but
//! for regions: everybody may read the tree of them, and is told that one lies outside the reach.

mod batch;
pub mod body;
pub mod building;
pub mod case;
pub mod claim;
pub mod common;
pub mod compound;
mod doubt;
pub mod due;
mod export_rows;
pub mod finding;
pub mod guard;
pub mod history;
pub mod import;
pub mod inspection;
pub mod kind;
pub(crate) mod misread;
pub mod page;
mod paper_row;
pub mod plan;
pub mod policy;
mod policy_row;
pub mod product;
mod reach;
pub mod reference;
pub mod region;
pub mod registry;
mod row_days;
pub mod search;
pub mod status;
pub mod totals;
pub mod underwriting;
pub mod unit;
pub mod watch;
pub mod work;

use std::{sync::Arc, time::Duration};

use prost::Message;
use tonic::{
    Code, Request, Response, Status, codec::CompressionEncoding, transport::server::Router,
};

use crate::{
    auth::permission::{self, Extent},
    domain::{
        author::Author,
        content::{Content, Fields},
    },
    kernel::{
        hash::Hash,
        id::{CaseId, Kind, RawId, SubjectId},
        limit,
        page::PageRequest,
        position::{Partition, Position},
        time::{KnownAt, ReadTime},
        violation::Violations,
    },
    proto::v1::{
        self, body_service_server, building_service_server, case_service_server,
        claim_service_server, compound_service_server, due_service_server, finding_service_server,
        history_service_server, import_service_server, inspection_service_server,
        plan_service_server, policy_service_server, product_service_server,
        reference_service_server, region_service_server, registry_service_server,
        search_service_server, totals_service_server, underwriting_service_server,
        unit_service_server, watch_service_server, work_service_server,
    },
    registry::{Call, Command, Error, Outcome, Refusal, Registry, RequestMark, Seen, beyond},
    service::{
        guard::Caller,
        misread::{LeftOut, Misread},
    },
    telemetry::Metrics,
};

/// The largest answer: a page of a thousand records.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Warnings of one answer, each in a header of its own.
const WARNINGS_MAX: usize = 8;
/// Milliseconds before a write's moment within which its entries lie.
const OPENED_WITHIN_MS: i64 = 1_000;
/// The header of warnings.
pub const WARNING_HEADER: &str = "anju-warning";

/// How the services behave.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Entries that wait for a watcher.
    pub watch_buffer_entries: usize,
    /// How long a watcher whose buffer is full may take nothing before it is dropped.
    pub watch_patience: Duration,
    /// After what time without an entry a watcher is told the positions.
    pub watch_idle: Duration,
    /// Watchers at one time.
    pub watcher_count_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            watch_buffer_entries: 1_024,
            watch_patience: Duration::from_secs(5),
            watch_idle: Duration::from_secs(10),
            watcher_count_max: 256,
        }
    }
}

/// All services of `anju.v1`. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    registry: Arc<Registry>,
    settings: Settings,
    metrics: Metrics,
    /// Becomes true when the server stops.
    stopping: tokio::sync::watch::Receiver<bool>,
    watchers: Arc<tokio::sync::Semaphore>,
}

impl Api {
    /// The services of a registry. `stopping` becomes true when streams are to end.
    pub fn new(
        registry: Arc<Registry>,
        settings: Settings,
        metrics: Metrics,
        stopping: tokio::sync::watch::Receiver<bool>,
    ) -> Self {
        let watchers = Arc::new(tokio::sync::Semaphore::new(settings.watcher_count_max));
        Self(Arc::new(Inner { registry, settings, metrics, stopping, watchers }))
    }

    /// Adds all services: gzip both ways, requests of at most so many bytes.
    pub fn add_to<L: Clone>(self, router: Router<L>, request_bytes_max: usize) -> Router<L> {
        // The generated servers have these methods, but no trait that has them.
        macro_rules! bounded {
            ($server:ty) => {
                <$server>::new(self.clone())
                    .accept_compressed(CompressionEncoding::Gzip)
                    .send_compressed(CompressionEncoding::Gzip)
                    .max_decoding_message_size(request_bytes_max)
                    .max_encoding_message_size(ANSWER_BYTES_MAX)
            };
        }
        router
            .add_service(bounded!(region_service_server::RegionServiceServer<Self>))
            .add_service(bounded!(compound_service_server::CompoundServiceServer<Self>))
            .add_service(bounded!(building_service_server::BuildingServiceServer<Self>))
            .add_service(bounded!(unit_service_server::UnitServiceServer<Self>))
            .add_service(bounded!(body_service_server::BodyServiceServer<Self>))
            .add_service(bounded!(plan_service_server::PlanServiceServer<Self>))
            .add_service(bounded!(product_service_server::ProductServiceServer<Self>))
            .add_service(bounded!(policy_service_server::PolicyServiceServer<Self>))
            .add_service(bounded!(claim_service_server::ClaimServiceServer<Self>))
            .add_service(bounded!(work_service_server::WorkServiceServer<Self>))
            .add_service(bounded!(reference_service_server::ReferenceServiceServer<Self>))
            .add_service(bounded!(inspection_service_server::InspectionServiceServer<Self>))
            .add_service(bounded!(finding_service_server::FindingServiceServer<Self>))
            .add_service(bounded!(case_service_server::CaseServiceServer<Self>))
            .add_service(bounded!(search_service_server::SearchServiceServer<Self>))
            .add_service(bounded!(totals_service_server::TotalsServiceServer<Self>))
            .add_service(bounded!(due_service_server::DueServiceServer<Self>))
            .add_service(bounded!(history_service_server::HistoryServiceServer<Self>))
            .add_service(bounded!(underwriting_service_server::UnderwritingServiceServer<Self>))
            .add_service(bounded!(watch_service_server::WatchServiceServer<Self>))
            .add_service(bounded!(import_service_server::ImportServiceServer<Self>))
            .add_service(bounded!(registry_service_server::RegistryServiceServer<Self>))
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Who calls, and what is asked.
    pub(crate) fn begin<M>(&self, request: Request<M>) -> Result<(Way, M), Status> {
        let (_, mut extensions, message) = request.into_parts();
        match extensions.remove::<Caller>() {
            Some(caller) => Ok((Way { api: self.clone(), caller }, message)),
            // The guard lets nobody through to a call of ours without it.
            None => Err(status::bug("a call came without its caller")),
        }
    }

    /// As [`Api::begin`], for a call that writes: what comes with it is taken out of the message.
    pub(crate) fn begin_write<M: Message>(
        &self,
        request: Request<M>,
        take: impl FnOnce(&mut M) -> Option<v1::WriteContext>,
    ) -> Result<(Write, M), Status> {
        let (way, mut message) = self.begin(request)?;
        let context = take(&mut message).unwrap_or_default();
        let hash = hash_of(way.caller.rpc, &message, &context);
        tracing::Span::current().record("request.id", context.request_id.as_str());
        Ok((Write { way, context, hash, names: &[] }, message))
    }
}

/// What a request id stands for: the call, and all that it says but the id itself and whether it is
/// only to be judged.
fn hash_of<M: Message>(rpc: &str, message: &M, context: &v1::WriteContext) -> Hash {
    let context = v1::WriteContext {
        request_id: String::new(),
        validate_only: false,
        reason: context.reason.clone(),
        overrides: context.overrides.clone(),
    };
    let [message, context] = [message.encode_to_vec(), context.encode_to_vec()];
    let length = u64::try_from(message.len()).unwrap_or(u64::MAX).to_be_bytes();
    Hash::of(&[rpc.as_bytes(), &[0], &length, &message, &context])
}

/// A request on its way.
#[derive(Clone)]
pub(crate) struct Way {
    api: Api,
    caller: Caller,
}

impl Way {
    /// The registry.
    pub(crate) fn registry(&self) -> &Registry {
        self.api.registry()
    }

    /// Runs what blocks or takes long on a thread for such work.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Registry) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Status> {
        let registry = Arc::clone(&self.api.0.registry);
        match tokio::task::spawn_blocking(move || registry.noticed(work(&registry))).await {
            Ok(done) => done.map_err(status::status),
            Err(panic) => Err(status::bug(&format!("a read ended badly: {panic}"))),
        }
    }

    fn extent(&self) -> Result<Extent<'_>, Status> {
        permission::extent(self.caller.rpc, &self.caller.actor)
            .map_err(|refusal| status::denied(&refusal))
    }

    /// Whether the caller reaches everything.
    pub(crate) fn reaches_everything(&self) -> Result<bool, Status> {
        Ok(self.extent()? == Extent::Everything)
    }

    /// Whether a subject is in the caller's reach, by the tree of now; a case, when something that it
    /// is about is.
    pub(crate) fn reaches(&self, subject: SubjectId) -> Result<bool, Status> {
        if matches!(subject.kind(), Kind::Policy | Kind::Claim)
            && !self.is_of_own_insurer(subject)?
        {
            return Ok(false);
        }
        match self.extent()? {
            Extent::Everything => Ok(true),
            Extent::Caller => Ok(false),
            Extent::Regions(_) if subject.kind() == Kind::Case => self.reaches_case_of(subject),
            Extent::Regions(regions) => {
                let registry = self.registry();
                let above = registry.noticed(registry.regions_above(subject));
                let above = above.map_err(status::status)?;
                Ok(above.iter().any(|region| regions.contains(region)))
            }
        }
    }

    /// Refuses what is out of reach, as [`Way::unreached`] says.
    pub(crate) fn check_reach(&self, field: &str, subject: SubjectId) -> Result<(), Status> {
        if self.reaches(subject)? {
            return Ok(());
        }
        Err(status::refused(&[self.unreached(field, subject)?]))
    }

    /// Refuses a caller that does not reach everything.
    pub(crate) fn check_everything(&self) -> Result<(), Status> {
        if self.reaches_everything()? {
            return Ok(());
        }
        Err(status::plain(
            Code::PermissionDenied,
            "OUT_OF_REACH",
            "this is about more than the regions of the credential",
        ))
    }

    /// Reads what comes with a read, and waits for the commit that it names.
    pub(crate) async fn reading(
        &self,
        context: Option<v1::ReadContext>,
        mut violations: Violations,
    ) -> Result<ReadTime, Status> {
        let context = context.unwrap_or_default();
        let time = common::read_time(&mut violations, context.read_time);
        let to_come = self.registry().to_come(time.known_at).into_iter().collect();
        let field = "context.min_commit";
        self.with_all_of(field, &context.min_commit, violations, to_come).await?;
        Ok(time)
    }

    /// Waits for the commit that a read names.
    pub(crate) async fn with_at_least(
        &self,
        field: &str,
        min_commit: &str,
        violations: Violations,
    ) -> Result<(), Status> {
        self.with_all_of(field, min_commit, violations, Vec::new()).await
    }

    /// The same where something is against the read already: all of it is told.
    async fn with_all_of(
        &self,
        field: &str,
        min_commit: &str,
        mut violations: Violations,
        mut refusals: Vec<Refusal>,
    ) -> Result<(), Status> {
        let least: Option<Position> = common::optional(&mut violations, field, min_commit);
        let least = least.filter(|least| self.registry().frontier(least.partition).seq < least.seq);
        // What is in flight may still come; what lies far ahead was told by another registry.
        let far = least.map(|least| {
            let seq = least.seq.saturating_sub(limit::ENTRIES_IN_FLIGHT_MAX);
            (field, Position { seq, ..least })
        });
        refusals.extend(self.of_positions(far));
        if !violations.is_empty() {
            return Err(status::misread(&violations, &refusals));
        }
        if !refusals.is_empty() {
            return Err(status::refused(&refusals));
        }
        match least {
            Some(least) => self.blocking(move |registry| registry.wait_for(least)).await,
            None => Ok(()),
        }
    }

    /// Refuses positions in partitions that are not there, and beyond their last entries.
    pub(crate) fn check_positions(&self, positions: Vec<(&str, Position)>) -> Result<(), Status> {
        let refusals = self.of_positions(positions);
        if refusals.is_empty() { Ok(()) } else { Err(status::refused(&refusals)) }
    }

    fn of_positions<'a>(
        &self,
        positions: impl IntoIterator<Item = (&'a str, Position)>,
    ) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        for (field, Position { partition, seq }) in positions {
            let head = self.registry().frontier(partition).seq;
            if head == 0 {
                refusals.push(Refusal::missing(field, format!("partition {partition}")));
            } else if seq > head {
                refusals.push(beyond(field, partition, head));
            }
        }
        refusals
    }

    /// Reads one subject.
    pub(crate) async fn get(&self, id: SubjectId, time: ReadTime) -> Result<Seen, Status> {
        self.check_reach("id", id)?;
        // A moment of the past may have to wait for what is in flight.
        if matches!(time.known_at, KnownAt::Stamp(_)) {
            return self.blocking(move |registry| registry.get(id, time)).await;
        }
        let registry = self.registry();
        registry.noticed(registry.get(id, time)).map_err(status::status)
    }
}

/// A write on its way.
pub(crate) struct Write {
    way: Way,
    context: v1::WriteContext,
    hash: Hash,
    /// Fields as the command has them, and as the request does, where the two differ.
    names: &'static [(&'static str, &'static str)],
}

/// What is to be done, and on what it depends.
pub(crate) struct Plan {
    /// The command.
    pub command: Command,
    /// Where it goes.
    pub partition: Partition,
    /// What it names, with the paths of the fields: all must be in the caller's reach.
    pub named: Vec<(String, SubjectId)>,
    /// Whether it needs a caller that reaches everything.
    pub needs_everything: bool,
    /// Whether it says that something was wrong, and must say why.
    pub needs_reason: bool,
    /// What to warn of.
    pub warnings: Vec<common::CodeWarning>,
}

/// What comes with a write, read.
struct Heading {
    mark: Option<RequestMark>,
    reason: String,
    overrides: Vec<String>,
}

impl Write {
    /// The registry.
    pub(crate) fn registry(&self) -> &Registry {
        self.way.registry()
    }

    /// Seeds of new ids.
    pub(crate) fn seeds(&self, count: usize) -> Result<Vec<crate::kernel::id::IdSeed>, Status> {
        common::seeds(self.registry(), count).map_err(status::status)
    }

    /// Does what was planned, or tells all that is wrong with the request.
    pub(crate) async fn run(
        mut self,
        plan: Result<Plan, impl Into<Misread<Plan>>>,
    ) -> Result<Written, Status> {
        let request_id = self.context.request_id.clone();
        let done = self.run_inner(plan.map_err(Into::into)).await;
        let (outcome, warnings) =
            done.map_err(|status| status::for_request(status, &request_id))?;
        let is_only_judged = self.context.validate_only;
        let warnings = warnings.iter().map(ToString::to_string).collect();
        Ok(Written { api: self.way.api, outcome, is_only_judged, about: None, warnings })
    }

    async fn run_inner(
        &mut self,
        plan: Result<Plan, Misread<Plan>>,
    ) -> Result<(Outcome, Vec<common::CodeWarning>), Status> {
        let needs_reason = match &plan {
            Ok(plan) => plan.needs_reason,
            Err(misread) => {
                let of_rest = misread.rest.as_ref().map(|plan| plan.needs_reason);
                of_rest.unwrap_or(misread.needs_reason)
            }
        };
        let (heading, mut violations) = self.heading(needs_reason);
        let plan = match plan {
            Ok(plan) if violations.is_empty() => plan,
            Ok(plan) => {
                let misread = Misread { rest: Some(Box::new(plan)), ..Misread::from(violations) };
                return Err(self.refuse(misread, heading.overrides).await);
            }
            Err(misread) => {
                kind::take_over(&mut violations, "", &misread.violations);
                let misread = Misread { violations, ..misread };
                return Err(self.refuse(misread, heading.overrides).await);
            }
        };
        if plan.needs_everything {
            self.way.check_everything()?;
        }
        let missing = self.out_of_reach(&plan.named)?;
        if !missing.is_empty() {
            let refusals = self.beside_missing(plan, heading.overrides, missing, &[]).await;
            return Err(status::refused(&refusals));
        }
        let call = Call {
            partition: plan.partition,
            author: author(&self.way.caller),
            request: heading.mark,
            reason: heading.reason,
            validate_only: self.context.validate_only,
            overrides: heading.overrides,
            seed: common::random().map_err(status::status)?,
        };
        let outcome = self.submit(call, plan.command).await.map_err(status::status)?;
        Ok((outcome, plan.warnings))
    }

    /// Hands a command over and waits for what comes of it.
    async fn submit(&self, call: Call, command: Command) -> Result<Outcome, Error> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.registry().submit(call, command, move |answer| {
            // The caller may have gone away; what was decided stands.
            let _ = sender.send(answer);
        });
        let answer = receiver.await;
        let stopped = |_| Err(Error::Unavailable("the writer stopped".to_owned()));
        answer.unwrap_or_else(stopped).map_err(|error| match error {
            Error::Refused(refusals) => {
                Error::Refused(refusals.into_iter().map(|refusal| self.as_asked(refusal)).collect())
            }
            error => error,
        })
    }

    /// A refusal by the name that its field has in the request.
    fn as_asked(&self, refusal: Refusal) -> Refusal {
        match self.names.iter().find(|(name, _)| *name == refusal.field) {
            Some((_, asked)) => Refusal { field: (*asked).to_owned(), ..refusal },
            None => refusal,
        }
    }

    /// The same write, of which fields have other names in the request than in the command.
    fn with_names(self, names: &'static [(&'static str, &'static str)]) -> Self {
        Self { names, ..self }
    }

    /// All that is wrong with a request: its form first, then what the registry has against the
    /// rest.
    async fn refuse(&self, misread: Misread<Plan>, overrides: Vec<String>) -> Status {
        let Misread { violations, rest, doubtful, indexes, needs_reason: _ } = misread;
        let left_out = LeftOut::new(&violations, doubtful);
        let refusals = match rest {
            // The rows of an import are told of one by one, once it is well formed itself.
            Some(plan) if !matches!(plan.command, Command::Import(_)) => {
                self.objections(*plan, overrides, &indexes).await
            }
            _ => Vec::new(),
        };
        status::misread(&violations, &left_out.beside(refusals))
    }

    /// Reads what comes with the write.
    fn heading(&mut self, needs_reason: bool) -> (Heading, Violations) {
        let mut violations = Violations::default();
        let context = &mut self.context;
        let field = "context.request_id";
        let id = if context.request_id.is_empty() && context.validate_only {
            None
        } else {
            let uuid = common::required::<String>(&mut violations, field, &context.request_id);
            let uuid = uuid.map(|text| {
                let message = "a request id is a UUID: 0193a5c4-7d21-7c3e-9f50-6b8a4c2d1e0f";
                text.parse::<uuid::Uuid>().map_err(|_| ("MALFORMED", message.to_owned()))
            });
            uuid.and_then(|uuid| violations.take(field, uuid))
        };
        if id.is_some_and(|id| id.is_nil()) {
            violations.add(field, "MALFORMED", "a request id of zeros is no id");
        }
        let reason = std::mem::take(&mut context.reason);
        let overrides = common::overrides(&mut violations, std::mem::take(&mut context.overrides));
        let field = "context.reason";
        if !reason.is_empty() {
            common::check_text(&mut violations, field, &reason, limit::TEXT_CHARS_MAX);
        } else if needs_reason || !overrides.is_empty() {
            let message = "corrections, retractions and overrides say why";
            violations.add(field, "REASON_MISSING", message);
        }
        let mark = id.map(|id| RequestMark { id: id.into_bytes(), hash: self.hash });
        (Heading { mark, reason, overrides }, violations)
    }
}

/// Who calls, as entries have it.
fn author(caller: &Caller) -> Author {
    let actor = &caller.actor;
    Author {
        subject: actor.subject.clone(),
        person: actor.person.clone().unwrap_or_default(),
        role: actor.role.name().to_owned(),
        institution: actor.institution.clone().unwrap_or_default(),
    }
}

/// A write that was done.
pub(crate) struct Written {
    api: Api,
    /// What came of it.
    pub outcome: Outcome,
    is_only_judged: bool,
    /// The subject that it is about, when there is one that was there before.
    about: Option<SubjectId>,
    warnings: Vec<String>,
}

impl Written {
    /// Whether nothing was written because nothing was to be.
    pub(crate) fn is_only_judged(&self) -> bool {
        self.is_only_judged
    }

    /// Warns of something that the write does.
    pub(crate) fn warn(&mut self, reason: &'static str, message: &str) {
        self.warnings.push(format!("{reason}: {message}"));
    }

    /// The receipt on the wire.
    pub(crate) fn receipt(&self) -> v1::WriteReceipt {
        common::receipt(&self.outcome, self.is_only_judged)
    }

    /// A subject as it was known with this write, on its day; `None` when nothing was written.
    pub(crate) fn see(&self, id: Option<SubjectId>) -> Result<Option<Seen>, Status> {
        let Some(id) = id.filter(|_| !self.is_only_judged) else { return Ok(None) };
        let position = self.outcome.position;
        // A region that begins a partition is known there, by another count.
        let known_at = if id.partition() == position.partition {
            KnownAt::Seq(position.seq)
        } else {
            KnownAt::Stamp(self.outcome.stamp)
        };
        let time = ReadTime { valid_at: Some(self.outcome.stamp.day()), known_at };
        let registry = self.api.registry();
        registry.noticed(registry.get(id, time)).map(Some).map_err(status::status)
    }

    /// The cases that the write opened, whatever they are of.
    pub(crate) fn opened_cases(&self) -> Result<Vec<String>, Status> {
        if self.is_only_judged {
            return Ok(Vec::new());
        }
        let partition = self.outcome.position.partition;
        let entries = &self.outcome.entries;
        // A case bears the moment of the entry that opened it, and those of one write lie close together.
        let stamp = self.outcome.stamp.micros() / 1_000 - OPENED_WITHIN_MS;
        let behind = RawId::new(u64::try_from(stamp).unwrap_or(0), partition, 0);
        let mut after = SubjectId::from(CaseId::new(behind)).to_bytes().to_vec();
        let registry = self.api.registry();
        let mut opened = Vec::new();
        loop {
            let page = PageRequest { rows: limit::VIEW_ROWS_MAX, after };
            let cases = registry.cases(partition, None, true, KnownAt::Now, &page);
            let cases = registry.noticed(cases).map_err(status::status)?;
            let is_later = cases.rows.iter().any(|(_, case)| case.opened_at > self.outcome.stamp);
            let own = cases.rows.into_iter().filter(|(_, case)| entries.contains(&case.opened_by));
            opened.extend(own.map(|(id, _)| id.to_string()));
            match cases.next.filter(|_| !is_later) {
                Some(next) => after = next,
                None => return Ok(opened),
            }
        }
    }

    /// The first subject that the write made.
    pub(crate) fn made(&self) -> Option<SubjectId> {
        self.outcome.decided.subjects.first().copied()
    }

    /// The answer, with warnings.
    pub(crate) fn answer<T>(&self, message: T) -> Response<T> {
        let mut response = Response::new(message);
        for warning in self.warnings.iter().take(WARNINGS_MAX) {
            // Header values are ASCII; a warning that is not says nothing of use without the rest.
            if let Ok(value) = warning.parse() {
                response.metadata_mut().append(WARNING_HEADER, value);
            }
        }
        response
    }
}

/// The subjects that a content names, with the names of the fields.
pub(crate) fn named(content: &Content) -> Vec<(&'static str, SubjectId)> {
    let mut named: Vec<(&'static str, SubjectId)> = Vec::new();
    let mut put = |field: &'static str, id: Option<SubjectId>| {
        named.extend(id.map(|id| (field, id)));
    };
    match &content.fields {
        Fields::Region(fields) => put("parent_id", fields.parent.flatten().map(Into::into)),
        Fields::Compound(fields) => {
            put("community_id", fields.community.flatten().map(Into::into));
        }
        Fields::Building(fields) => {
            put("compound_id", fields.compound.flatten().map(Into::into));
            put("community_id", fields.community.flatten().map(Into::into));
            put("physical_id", fields.physical.flatten().map(Into::into));
        }
        Fields::Unit(fields) => put("building_id", fields.building.flatten().map(Into::into)),
        // Bodies work all over a city, whoever keeps them in a list: naming one needs no reach.
        _ => {
            let everywhere = |id: &SubjectId| matches!(id.kind(), Kind::Body | Kind::Signer);
            return content.named().into_iter().filter(|(_, id)| !everywhere(id)).collect();
        }
    }
    named
}

//! `anju change`, `correct`, `retract`, `end`: what people say about the world, and what they take
//! back.
//!
//! `change` says that the world changed from a day on; `correct` says that the registry was wrong.
//! Each run makes one request id, so that a repeated call is not done twice.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};
use prost_types::FieldMask;
use tonic::Code;
use uuid::Uuid;

use crate::{
    cli::{
        BadUsage, Outcome, create, field,
        message::{self, noun, put, put_text, put_typed},
        read::{self, ReadArgs},
        record::{self, numbers},
        region::SubjectName,
        rest::Wrong,
        session::Session,
        set,
        typed::Typed,
    },
    client::Failure,
    kernel::{
        id::{Kind, SubjectId},
        time::{Day, ImpreciseDay},
    },
    proto::v1,
};

const CHANGE_EXAMPLES: &str = "\
Examples:
  anju change bld_01HF7YAT000000E0000000001A --from 2024-07-01 --set address=人民路12号
  anju change bld_01HF7YAT000000E0000000001A --from 2024-07-01 --set use=mixed --unset name
  anju change cmp_01HF7YAT000000E0000000001A --from 2024-07-01 --set management=company
  anju change bld_01HF7YAT000000E0000000001A --from 2024-07-01 --set floor_area_m2=4210.5
  anju change bld_01HF7YAT000000E0000000001A --from 2024-07-01 --set location=cgcs2000:113.66,34.75
  anju change bld_01HF7YAT000000E0000000001A --from 2024-07-01 --set identifiers.census=123
  anju change bld_01HF7YAT000000E0000000001A --from 2024-07-01 --set doubts.completed='plan says 1987'";

const CORRECT_EXAMPLES: &str = "\
Examples:
  anju correct bld_01HF7YAT000000E0000000001A --set completed=1985 --reason 'misread deed'
  anju correct bld_01HF7YAT000000E0000000001A --entry 12 --set storeys_above=6 --reason 'typing error'
  anju correct bld_01HF7YAT000000E0000000001A --entry 12 --from 2024-01-01 --reason 'wrong day'
  anju correct bld_01HF7YAT000000E0000000001A --exists-from 1980s --reason 'no deed before 1991'
  anju correct rpt_01HF7YAT000000E0000000001A --file grades.json --reason 'the table was misread'";

const RETRACT_EXAMPLES: &str = "\
Examples:
  anju retract bld_01HF7YAT000000E0000000001A --reason 'registered twice'
  anju retract bld_01HF7YAT000000E0000000001A --entry 12 --reason 'belongs to another building'
  anju retract bld_01HF7YAT000000E0000000001A --entry 15 --reason 'entry 15 took back the wrong one'";

/// What `anju retract` does, at length.
pub const RETRACT_ABOUT: &str = "Takes an entry back, as entered in error\n\n\
Without --entry it is the registration: the subject never existed. The units of a building never did \
either, and are taken back with it. A region or compound is only taken back when nothing is in it nor \
ever was, and a building when it has no logical buildings and no order, report or finding is about it: \
move or take those back first.\n\n\
With --entry it is a change, an end (and those of what ended with it), or a merge or split with all \
that its command did.\n\n\
A retraction is an entry too. The number of one (anju history shows it) takes that back: what it took \
back stands again where it stood, with all that was taken back along with it.";

const END_EXAMPLES: &str = "\
Examples:
  anju end bld_01HF7YAT000000E0000000001A --on 2024-07-01 --cause demolished
  anju end cmp_01HF7YAT000000E0000000001A --on 2024 --cause abolished --validate-only";

/// What comes with every write.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Writing")]
pub struct WriteArgs {
    /// Why, in one sentence; without names of people, identity numbers or phone numbers.
    #[arg(long, value_name = "SENTENCE")]
    pub reason: Option<String>,
    /// Break a plausibility rule, by its reason, for example `AREA_PER_UNIT`. May be repeated.
    #[arg(long = "override", value_name = "RULE")]
    pub overrides: Vec<String>,
    /// Judge the request and write nothing.
    #[arg(long, visible_alias = "dry-run")]
    pub validate_only: bool,
    /// The id of an earlier try, to hear what became of it instead of doing it twice.
    #[arg(long, value_name = "UUID")]
    pub request_id: Option<Uuid>,
}

impl WriteArgs {
    /// The part of a request that comes with every write; a new request id unless one is given.
    pub fn context(&self) -> v1::WriteContext {
        v1::WriteContext {
            request_id: self.request_id.unwrap_or_else(Uuid::new_v4).to_string(),
            reason: self.reason.clone().unwrap_or_default(),
            validate_only: self.validate_only,
            overrides: self.overrides.clone(),
        }
    }
}

/// Which subject, and that nothing came between.
#[derive(Args, Clone, Debug)]
pub struct TargetArgs {
    /// The id of the subject; its prefix says which kind. A region also by a code: gbt2260:410102.
    pub id: SubjectName,
    /// Only if this is still its etag, as an earlier answer gave it.
    #[arg(long, value_name = "ETAG")]
    pub etag: Option<String>,
}

impl TargetArgs {
    /// Looks up which subject it is.
    pub async fn find(&self, session: &Session<'_>) -> anyhow::Result<Target> {
        let id = self.id.id(&ReadArgs::default(), session).await?;
        Ok(Target { id, etag: self.etag.clone() })
    }
}

/// A subject that was found.
#[derive(Clone, Debug)]
pub struct Target {
    /// Which.
    pub id: SubjectId,
    /// The etag that it still has to have.
    pub etag: Option<String>,
}

/// What is said of its fields.
#[derive(Args, Clone, Debug, Default)]
pub struct FieldArgs {
    /// A field and its value. May be repeated; lists by repeating the same field.
    #[arg(long, value_name = "FIELD=VALUE")]
    pub set: Vec<String>,
    /// A field that is unknown or none. May be repeated.
    #[arg(long, value_name = "FIELD")]
    pub unset: Vec<String>,
    /// Fields in JSON, as the API has them, for what no flag can say, such as the grades of a report;
    /// `-` for standard input. A field that is null or an empty list is unknown or none.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Flags of `anju change`.
#[derive(Args, Clone, Debug)]
#[command(after_help = CHANGE_EXAMPLES)]
pub struct ChangeArgs {
    /// Which one.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The first day on which the new values hold.
    #[arg(long, value_name = "DAY")]
    pub from: Typed<Day>,
    /// The time on that day, when it matters for the order.
    #[arg(long, value_name = "HH:MM:SS")]
    pub time: Option<String>,
    /// A key that orders facts of the same day and time.
    #[arg(long, value_name = "KEY")]
    pub order_key: Option<String>,
    /// The new values.
    #[command(flatten)]
    pub fields: FieldArgs,
    /// What comes with every write.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// Flags of `anju correct`.
#[derive(Args, Clone, Debug)]
#[command(after_help = CORRECT_EXAMPLES)]
#[command(mut_arg("reason", |arg| arg.required(true)))]
pub struct CorrectArgs {
    /// Which one.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The entry that was wrong, as `anju history` numbers it. Default: the newest entry that says
    /// something about every field that is set or unset.
    #[arg(long, value_name = "SEQ")]
    pub entry: Option<u64>,
    /// The day from which the entry should have held. Default: the day it has.
    #[arg(long, value_name = "DAY")]
    pub from: Option<Typed<Day>>,
    /// Since when it exists, when the registration is what is wrong.
    #[arg(long, value_name = "DAY|ROUGHLY")]
    pub exists_from: Option<Typed<ImpreciseDay>>,
    /// The first day on which it was no more, when its end is what is wrong.
    #[arg(long, value_name = "DAY|ROUGHLY")]
    pub ended_on: Option<Typed<ImpreciseDay>>,
    /// What the entry should have said.
    #[command(flatten)]
    pub fields: FieldArgs,
    /// What comes with every write.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// Flags of `anju retract`.
#[derive(Args, Clone, Debug)]
#[command(after_help = RETRACT_EXAMPLES)]
#[command(mut_arg("reason", |arg| arg.required(true)))]
pub struct RetractArgs {
    /// Which one.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The entry to take back, which may itself be a retraction. Default: the registration.
    #[arg(long, value_name = "SEQ")]
    pub entry: Option<u64>,
    /// What comes with every write.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// Flags of `anju end`.
#[derive(Args, Clone, Debug)]
#[command(after_help = END_EXAMPLES)]
pub struct EndArgs {
    /// Which one.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The first day on which it is no more; may be rough, for example 2024 or 2024-07.
    #[arg(long, value_name = "DAY|ROUGHLY")]
    pub on: Typed<ImpreciseDay>,
    /// Why: demolished 拆除, destroyed 灭失, abolished 撤销, other 其他.
    #[arg(long)]
    pub cause: String,
    /// What comes with every write.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// The world changed.
pub async fn change(args: &ChangeArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let target = args.target.find(session).await?;
    let (said, mut wrong) = said(target.id, &args.fields)?;
    if said.mask.is_empty() && wrong.is_empty() {
        return Err(BadUsage::new("nothing changes: give --set, --unset or --file").into());
    }
    let mut request = begun("Change", &target, &args.write)?;
    let from = args.from.read("from", &mut wrong).map(|day| day.to_string());
    put_text(&mut request, "from", from.as_deref())?;
    put_text(&mut request, "time", args.time.as_deref())?;
    put_text(&mut request, "order_key", args.order_key.as_deref())?;
    put(&mut request, "fields", Value::Message(said.fields))?;
    put_typed(&mut request, "update_mask", &FieldMask { paths: said.mask })?;
    send_about("Change", target.id, request, wrong, &args.write, session).await
}

/// The registry was wrong.
pub async fn correct(args: &CorrectArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let target = args.target.find(session).await?;
    let (said, mut wrong) = said(target.id, &args.fields)?;
    let from = args.from.as_ref().and_then(|from| from.read("from", &mut wrong));
    let mut day = |name: &str, day: &Option<Typed<ImpreciseDay>>| {
        day.as_ref().and_then(|day| day.read(name, &mut wrong))
    };
    let days = [day("exists_from", &args.exists_from), day("ended_on", &args.ended_on)];
    let is_unsaid = said.mask.is_empty() && wrong.is_empty();
    if is_unsaid && from.is_none() && days.iter().all(Option::is_none) {
        let sentence = "nothing is corrected: give --set, --unset, --file, --from, --exists-from or --ended-on";
        return Err(BadUsage::new(sentence).into());
    }
    let mut request = begun("Correct", &target, &args.write)?;
    if let Some(entry) = args.entry {
        put(&mut request, "entry", Value::U64(entry))?;
    }
    put_text(&mut request, "from", from.map(|day| day.to_string()).as_deref())?;
    for (name, day) in ["exists_from", "ended_on"].into_iter().zip(days) {
        put_text(&mut request, name, day.map(|day| day.to_string()).as_deref())?;
    }
    if !said.mask.is_empty() {
        put(&mut request, "fields", Value::Message(said.fields))?;
        put_typed(&mut request, "update_mask", &FieldMask { paths: said.mask })?;
    }
    send_about("Correct", target.id, request, wrong, &args.write, session).await
}

/// It was entered in error, or was not after all.
pub async fn retract(args: &RetractArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let target = args.target.find(session).await?;
    let mut request = begun("Retract", &target, &args.write)?;
    if let Some(entry) = args.entry {
        put(&mut request, "entry", Value::U64(entry))?;
    }
    send_about("Retract", target.id, request, Wrong::default(), &args.write, session).await
}

/// It is no more.
pub async fn end(args: &EndArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let target = args.target.find(session).await?;
    let mut request = begun("End", &target, &args.write)?;
    let mut wrong = Wrong::default();
    let on = args.on.read("ended_on", &mut wrong).map(|day| day.to_string());
    put_text(&mut request, "ended_on", on.as_deref())?;
    let field = request.descriptor().get_field_by_name("cause").context("there is no cause")?;
    let kind = field.kind();
    let causes = kind.as_enum().context("the cause has no values")?;
    match set::enum_number(causes, &args.cause) {
        Ok(cause) => put(&mut request, "cause", Value::EnumNumber(cause))?,
        Err((reason, sentence)) => wrong.add("cause", reason, sentence),
    }
    send_about("End", target.id, request, wrong, &args.write, session).await
}

/// What the flags say of a subject's fields, and what is wrong with them.
fn said(id: SubjectId, fields: &FieldArgs) -> anyhow::Result<(set::Said, Wrong)> {
    let (said, mut violations) = set::read(id.kind(), &fields.set, &fields.unset);
    let Some(mut said) = said else { return Err(BadUsage(violations).into()) };
    if let Some(path) = &fields.file {
        let text = create::read(path)
            .with_context(|| format!("the fields in {} cannot be read", path.display()))?;
        set::add_json(&mut said, &text, &mut violations)
            .map_err(|error| BadUsage::new(&format!("{}: {error}", path.display())))?;
    }
    let mut wrong = Wrong::default();
    wrong.absorb_fields("fields", "", violations);
    Ok((said, wrong))
}

/// The request of a verb with what all of them have.
fn begun(verb: &str, target: &Target, write: &WriteArgs) -> anyhow::Result<DynamicMessage> {
    if target.id.kind() == Kind::Case {
        return Err(BadUsage::new("a case is worked on with anju case").into());
    }
    let kind = target.id.kind();
    let request = message::empty(&format!("{verb}{}Request", noun(kind)));
    let mut request = request.map_err(|_| BadUsage::new(other_way(kind)))?;
    put_typed(&mut request, "context", &write.context())?;
    put(&mut request, "id", Value::String(target.id.to_string()))?;
    put_text(&mut request, "etag", target.etag.as_deref())?;
    Ok(request)
}

/// How a kind is worked on that does not know a verb.
const fn other_way(kind: Kind) -> &'static str {
    match kind {
        Kind::Order => "an order is changed, assigned, moved or cancelled with anju order",
        Kind::Policy => "a policy is bound, cancelled and lapsed with anju policy",
        Kind::Work => "what paid for a work item is said with anju work",
        Kind::Claim => "a claim is closed, declined or withdrawn with anju claim",
        Kind::Report => "a report is signed, submitted, judged and superseded with anju report",
        Kind::Finding => "what follows on a finding is said with anju finding",
        Kind::Reference => "an edition is loaded or corrected with anju reference load",
        _ => "there is no such command for what has this id",
    }
}

/// Sends what says something about one subject.
async fn send_about(
    verb: &str,
    id: SubjectId,
    request: DynamicMessage,
    wrong: Wrong,
    write: &WriteArgs,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let kind = id.kind();
    send(kind, &format!("{verb}{}", noun(kind)), request, wrong, write, session).await
}

/// Calls a method of a kind's service and shows what it came to. With anything wrong, what is left
/// of the request is only judged.
pub(crate) async fn send(
    kind: Kind,
    method: &str,
    request: DynamicMessage,
    wrong: Wrong,
    write: &WriteArgs,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    if !wrong.is_empty() {
        return Err(wrong.tell(kind, method, request, write, session).await);
    }
    let request = &request;
    let method = message::method(message::service(kind), method)?;
    let answer = session.ask_with_warnings(&method, request).await;
    let (answer, warnings) = answer.map_err(|error| name_request(error, request))?;
    // JSON is the API's answer and nothing else.
    if !session.out.is_json() {
        for warning in warnings {
            session.out.line(format!("warning 提示: {warning}"))?;
        }
    }
    show(&answer, write.validate_only, session)
}

/// Names the request when it cannot be known whether it was done, so that it can be asked for.
fn name_request(error: anyhow::Error, request: &DynamicMessage) -> anyhow::Error {
    let is_open = error.downcast_ref::<Failure>().is_some_and(|failure| {
        matches!(
            failure.code,
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown
        )
    });
    if !is_open {
        return error;
    }
    let context = message::nested(request, "context");
    let id = context.map(|context| message::text(&context, "request_id")).unwrap_or_default();
    error.context(format!("it is not known whether it was recorded; ask with --request-id {id}"))
}

/// Shows what a write came to: the receipt, new cases, and the subject as it now is.
pub fn show(
    answer: &DynamicMessage,
    validate_only: bool,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    if session.out.is_json() {
        session.out.json(answer)?;
        return Ok(Outcome::Fine);
    }
    if validate_only {
        session.out.line("it would be accepted; nothing was written 可以接受，未写入")?;
    } else if let Some(receipt) = message::nested(answer, "receipt") {
        let receipt: v1::WriteReceipt = receipt.transcode_to()?;
        session.out.line(receipt_text(&receipt))?;
    }
    if let Some(cases) = field::shown(answer, "case_ids") {
        session.out.line(format!("cases opened 产生待办: {}", cases.replace('\n', ", ")))?;
    }
    if let Some(others) = field::shown(answer, "possible_duplicates") {
        session.out.line(format!("perhaps the same 可能重复: {}", others.replace('\n', ", ")))?;
    }
    for kind in Kind::ALL {
        if let Some(record) = message::nested(answer, kind.word()) {
            session.out.sheet(&record::page(&record))?;
        }
    }
    for part in message::list(answer, "parts") {
        session.out.sheet(&record::page(&part))?;
    }
    Ok(Outcome::Fine)
}

fn receipt_text(receipt: &v1::WriteReceipt) -> String {
    let recorded = read::clock_text(receipt.recorded_at.as_ref());
    let mut text = format!(
        "recorded 已记录 {recorded} (+08:00), entries {}, commit token {}",
        numbers(&receipt.entries),
        receipt.commit_token
    );
    if receipt.repeated {
        text.push_str("; this request had been made before");
    }
    if receipt.sweep_under_way {
        text.push_str("; what it causes on others is still under way");
    }
    text
}

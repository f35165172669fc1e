//! `anju finding` and `anju findings`: defects, what is done about them, and their lists.

use clap::{Args, Subcommand};
use prost::Message;
use prost_reflect::DynamicMessage;

use crate::{
    cli::{
        Outcome, field,
        list::id_of,
        message,
        page::{self, PageArgs},
        read::ReadArgs,
        region::RegionName,
        rest::Wrong,
        session::Session,
        table::Sheet,
        typed::{Typed, text_of},
        write::{self, WriteArgs},
    },
    kernel::{
        id::{BuildingId, CompoundId, FindingId, Kind, ReportId, UnitId},
        time::Day,
    },
    proto::v1::{self, finding_saying::Saying},
};

const EXAMPLES: &str = "\
Examples:
  anju finding observe --building bld_01HF7YAT000000E0000000001A --on 2026-03-01 --class STR.CRACK --severity repair-by --observer p-81
  anju finding observe --building bld_01HF7YAT000000E0000000001A --finding fnd_01HF7YAT000000E0000000001A --on 2026-04-01 --class STR.CRACK --severity unsafe --source patrol --observer grid-7
  anju finding notify fnd_01HF7YAT000000E0000000001A --on 2026-03-10
  anju finding fixed fnd_01HF7YAT000000E0000000001A --on 2026-05-01 --by firm-3
  anju finding verify fnd_01HF7YAT000000E0000000001A --on 2026-05-04 --by office-1
  anju finding close fnd_01HF7YAT000000E0000000001A --on 2026-05-05
  anju finding waive fnd_01HF7YAT000000E0000000001A --on 2026-05-05 --reason 'the wall is to go'
  anju finding merge fnd_01HF7YAT000000E0000000001B --into fnd_01HF7YAT000000E0000000001A";

const LIST_EXAMPLES: &str = "\
Examples:
  anju findings --region gbt2260:410102 --overdue
  anju findings --region gbt2260:410102 --aged
  anju findings --building bld_01HF7YAT000000E0000000001A --class STR
  anju findings --compound cmp_01HF7YAT000000E0000000001A --severity unsafe --valid-at 2026-06-30";

/// Flags of `anju finding`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct FindingArgs {
    /// What happened.
    #[command(subcommand)]
    pub action: FindingAction,
}

/// Which finding, and on which day.
#[derive(Args, Clone, Debug)]
pub struct EventArgs {
    /// Which one.
    pub id: FindingId,
    /// The day on which it happened.
    #[arg(long, value_name = "DAY")]
    pub on: Typed<Day>,
    /// Only if this is still its etag, as an earlier answer gave it.
    #[arg(long, value_name = "ETAG")]
    pub etag: Option<String>,
    /// What comes with every write.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// The same, with the party that did it.
#[derive(Args, Clone, Debug)]
pub struct PartyArgs {
    /// Who, by an opaque key; never a name or number of a person.
    #[arg(long, value_name = "KEY")]
    pub by: String,
    /// Which finding.
    #[command(flatten)]
    pub event: EventArgs,
}

/// The same, with an emergency measure.
#[derive(Args, Clone, Debug)]
pub struct MeasureArgs {
    /// The measure.
    #[arg(long, value_enum)]
    pub measure: MeasureName,
    /// Which finding.
    #[command(flatten)]
    pub event: EventArgs,
}

/// What can be said of findings.
#[derive(Subcommand, Clone, Debug)]
pub enum FindingAction {
    /// 发现: somebody saw it; a new one unless --finding names one.
    Observe(ObserveArgs),
    /// 评定: class and severity are settled; --reason says why.
    Assess {
        /// The class's code.
        #[arg(long, value_name = "CODE")]
        class: String,
        /// How bad it is.
        #[arg(long, value_enum)]
        severity: SeverityName,
        /// Which finding.
        #[command(flatten)]
        event: EventArgs,
    },
    /// 整改通知: a notice was served; the deadline is the rule's unless one is given.
    Notify {
        /// The last day for the repair.
        #[arg(long, value_name = "DAY")]
        deadline: Option<Typed<Day>>,
        /// Which finding.
        #[command(flatten)]
        event: EventArgs,
    },
    /// 改期: another deadline; --reason says why.
    Move {
        /// The last day for the repair.
        #[arg(long, value_name = "DAY")]
        deadline: Typed<Day>,
        /// Which finding.
        #[command(flatten)]
        event: EventArgs,
    },
    /// 整改方案: a repair is planned.
    Plan(PartyArgs),
    /// 开工: the repair began.
    Begin(PartyArgs),
    /// 报称完成: somebody says that it is repaired.
    Fixed(PartyArgs),
    /// 核验通过: another party has seen that it is.
    Verify(PartyArgs),
    /// 核验不通过: somebody has seen that it is not; --reason says why.
    Fail(PartyArgs),
    /// 销号: it is done.
    Close(EventArgs),
    /// 免于整改: --reason says why.
    Waive(EventArgs),
    /// 重新打开: --reason says why.
    Reopen(EventArgs),
    /// 标的灭失: what was defective is no more: --reason says why, and not the repairer.
    Gone(EventArgs),
    /// 监测: it is watched.
    Watch(EventArgs),
    /// 结束监测
    Unwatch(EventArgs),
    /// 应急措施: a measure was taken.
    Secure(MeasureArgs),
    /// 解除措施: a measure was lifted.
    Release(MeasureArgs),
    /// 纳入改造: a renovation project is to mend it.
    Include {
        /// The project's key: 32 hexadecimal digits.
        #[arg(long, value_name = "KEY")]
        project: String,
        /// Which finding.
        #[command(flatten)]
        event: EventArgs,
    },
    /// 移出改造
    Exclude(EventArgs),
    /// Joins findings that turned out to be one.
    Merge {
        /// Those that lead to the other from now on.
        #[arg(required = true)]
        ids: Vec<FindingId>,
        /// The one that goes on.
        #[arg(long, value_name = "FND")]
        into: FindingId,
        /// The day. Default: today.
        #[arg(long, value_name = "DAY")]
        on: Option<Typed<Day>>,
        /// What comes with every write.
        #[command(flatten)]
        write: WriteArgs,
    },
}

/// Flags of `anju finding observe`.
#[derive(Args, Clone, Debug)]
pub struct ObserveArgs {
    /// The building.
    #[arg(long, value_name = "BLD")]
    pub building: BuildingId,
    /// A finding that is known already.
    #[arg(long, value_name = "FND")]
    pub finding: Option<FindingId>,
    /// The day on which it was seen.
    #[arg(long, value_name = "DAY")]
    pub on: Typed<Day>,
    /// The class's code.
    #[arg(long, value_name = "CODE")]
    pub class: String,
    /// How bad it looked.
    #[arg(long, value_enum)]
    pub severity: SeverityName,
    /// In what part it was seen.
    #[arg(long, value_enum, default_value_t = SourceName::Inspector)]
    pub source: SourceName,
    /// Who saw it, by an opaque key; never a name or number of a person.
    #[arg(long, value_name = "KEY")]
    pub observer: String,
    /// The entrance (单元).
    #[arg(long)]
    pub entrance: Option<String>,
    /// The floor; below ground is negative.
    #[arg(long, allow_hyphen_values = true)]
    pub floor: Option<i32>,
    /// The unit (户).
    #[arg(long, value_name = "UNT")]
    pub unit: Option<UnitId>,
    /// The part, for example north façade.
    #[arg(long)]
    pub part: Option<String>,
    /// The report it stands in.
    #[arg(long, value_name = "RPT")]
    pub report: Option<ReportId>,
    /// What comes with every write.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// How bad a finding is.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeverityName {
    /// 观察
    Watch = 1,
    /// 限期整改
    RepairBy,
    /// 危险
    Unsafe,
}

/// Who saw it.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceName {
    /// 体检人员
    Inspector = 1,
    /// 巡查
    Patrol,
    /// 保险机构巡检
    Insurer,
    /// 业主报告
    Owner,
    /// 传感器报警
    Sensor,
}

/// What keeps people from harm.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureName {
    /// 围挡
    Fence = 1,
    /// 撤离
    Evacuation,
    /// 支撑
    Propping,
    /// 停用
    OutOfUse,
}

/// Flags of `anju findings`.
#[derive(Args, Clone, Debug)]
#[command(after_help = LIST_EXAMPLES)]
#[command(group = clap::ArgGroup::new("of").required(true))]
pub struct FindingsArgs {
    /// The region.
    #[arg(long, value_name = "RGN", group = "of")]
    pub region: Option<RegionName>,
    /// The compound.
    #[arg(long, value_name = "CMP", group = "of")]
    pub compound: Option<CompoundId>,
    /// The building.
    #[arg(long, value_name = "BLD", group = "of")]
    pub building: Option<BuildingId>,
    /// Of this class, or of this dimension: STR.CRACK, STR.
    #[arg(long, value_name = "CODE")]
    pub class: Option<String>,
    /// By now as bad as this; may be repeated.
    #[arg(long, value_enum)]
    pub severity: Vec<SeverityName>,
    /// Only those whose deadline has passed.
    #[arg(long)]
    pub overdue: bool,
    /// Only those with an open notice, the oldest notice first; as of now.
    #[arg(long)]
    pub aged: bool,
    /// Only those with an open notice, in the order of their ids; at any time.
    #[arg(long)]
    pub noticed: bool,
    /// Which days and which knowledge.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How much.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Lists findings.
pub async fn list(args: &FindingsArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    use v1::list_findings_request::Of;
    let of = match (&args.region, args.compound, args.building) {
        (Some(region), ..) => Some(Of::RegionId(id_of(Some(region), &args.read, session).await?)),
        (_, Some(compound), _) => Some(Of::CompoundId(compound.to_string())),
        (.., building) => building.map(|building| Of::BuildingId(building.to_string())),
    };
    let request = v1::ListFindingsRequest {
        context: Some(args.read.context()),
        of,
        class: args.class.clone().unwrap_or_default(),
        severities: args.severity.iter().map(|severity| *severity as i32).collect(),
        overdue_only: args.overdue,
        order_by: if args.aged { "age".to_owned() } else { String::new() },
        with_open_notice: args.noticed,
        ..v1::ListFindingsRequest::default()
    };
    let call = ("FindingService", "ListFindings");
    page::show(session, call, &request, &args.page, |answer| Ok(rows(answer))).await
}

/// Findings, a row each.
fn rows(answer: &DynamicMessage) -> Sheet {
    let mut sheet = Sheet::new([
        "id 编号",
        "class 类别",
        "severity 程度",
        "stage 阶段",
        "seen 发现",
        "deadline 期限",
        "overdue 逾期(天)",
        "notice 通知(天)",
        "building 楼栋",
    ])
    .numbers([6, 7]);
    for finding in message::list(answer, "findings") {
        let shown = |name: &str| field::shown(&finding, name).unwrap_or_default();
        let days = |name: &str| {
            if finding.has_field_by_name(name) { shown(name) } else { String::new() }
        };
        sheet.row([
            shown("id"),
            shown("class"),
            shown("severity"),
            shown("stage"),
            shown("first_observed_on"),
            shown("deadline"),
            days("overdue_days"),
            days("notice_age_days"),
            Some(shown("stands_in_ids").replace('\n', ", "))
                .filter(|stands_in| !stands_in.is_empty())
                .unwrap_or_else(|| shown("building_id")),
        ]);
    }
    sheet
}

/// One finding, label by label.
pub fn page(finding: &DynamicMessage) -> Sheet {
    let mut sheet = Sheet::default();
    let Ok(typed) = finding.transcode_to::<v1::Finding>() else { return sheet };
    let shown = |name: &str| field::shown(finding, name).unwrap_or_default();
    let mut row = |label: &str, value: String| {
        if !value.is_empty() {
            sheet.row([label.to_owned(), value]);
        }
    };
    row("finding", typed.id.clone());
    row("etag 版本", typed.etag.clone());
    row("leads to 并入", typed.leads_to_id.clone());
    row("building 楼栋", typed.building_id.clone());
    row("stands in 现在于", typed.stands_in_ids.join(", "));
    row("stage 阶段", shown("stage"));
    row("since 自", typed.since.clone());
    row("class 类别", typed.class.clone());
    row("severity 程度", shown("severity"));
    row("worse since 加重于", typed.escalated_on.clone());
    row("first seen 首次发现", typed.first_observed_on.clone());
    row("notified 通知", typed.notified_on.clone());
    row("deadline 期限", typed.deadline.clone());
    row(
        "overdue days 逾期天数",
        typed.overdue_days.map(|days| days.to_string()).unwrap_or_default(),
    );
    let age = typed.notice_age_days.map(|days| days.to_string()).unwrap_or_default();
    row("notice age 通知天数", age);
    row("reported fixed 报称完成", typed.reported_fixed_on.clone());
    row("watched since 监测自", typed.monitored_since.clone());
    row("measures 措施", shown("measures").replace('\n', ", "));
    row("project 改造项目", typed.project_id.clone());
    for event in message::list(finding, "events") {
        row("", event_text(&event));
    }
    row("open cases 待办", shown("case_ids").replace('\n', ", "));
    sheet
}

/// An event in one line: day, entry, what, why, and whether it changes nothing.
fn event_text(event: &DynamicMessage) -> String {
    let Ok(typed) = event.transcode_to::<v1::FindingEvent>() else { return String::new() };
    let said = typed.saying.and_then(|saying| saying.saying);
    let mut text = format!("{} #{} {}", typed.on, typed.entry, said.as_ref().map_or("", word));
    if let Some(who) = said.as_ref().and_then(party) {
        text = format!("{text} by {who}");
    }
    if !typed.institution.is_empty() {
        text = format!("{text} [{}]", typed.institution);
    }
    if !typed.reason.is_empty() {
        text = format!("{text}: {}", typed.reason);
    }
    if !typed.out_of_place.is_empty() {
        text = format!("{text} ({} 不起作用)", typed.out_of_place);
    }
    text
}

/// Who saw, repaired or verified, by the key that was said.
fn party(saying: &Saying) -> Option<&str> {
    let party = match saying {
        Saying::Observed(seen) => &seen.observer,
        Saying::Planned(repair) | Saying::RepairBegan(repair) | Saying::ReportedFixed(repair) => {
            &repair.repairer
        }
        Saying::Verified(seen) | Saying::VerificationFailed(seen) => &seen.verifier,
        _ => return None,
    };
    Some(party.as_str()).filter(|party| !party.is_empty())
}

/// What is said, in both languages.
const fn word(saying: &Saying) -> &'static str {
    match saying {
        Saying::Observed(_) => "observed 发现",
        Saying::Assessed(_) => "assessed 评定",
        Saying::Notified(_) => "notified 通知",
        Saying::DeadlineMoved(_) => "deadline moved 改期",
        Saying::Planned(_) => "planned 方案",
        Saying::RepairBegan(_) => "repair began 开工",
        Saying::ReportedFixed(_) => "reported fixed 报称完成",
        Saying::Verified(_) => "verified 核验通过",
        Saying::VerificationFailed(_) => "verification failed 核验不通过",
        Saying::Closed(_) => "closed 销号",
        Saying::Monitored(_) => "monitored 监测",
        Saying::MonitoringEnded(_) => "monitoring ended 结束监测",
        Saying::MeasureTaken(_) => "measure taken 采取措施",
        Saying::MeasureLifted(_) => "measure lifted 解除措施",
        Saying::Included(_) => "included 纳入改造",
        Saying::Excluded(_) => "excluded 移出改造",
        Saying::ObjectGone(_) => "object gone 标的灭失",
        Saying::Waived(_) => "waived 免于整改",
        Saying::Reopened(_) => "reopened 重新打开",
    }
}

/// Says what happened.
#[expect(clippy::too_many_lines, reason = "one arm for each event")]
pub async fn run(args: &FindingArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let repair = |party: &PartyArgs| v1::Repair { repairer: party.by.clone() };
    let verification = |party: &PartyArgs| v1::Verification { verifier: party.by.clone() };
    let measure = |args: &MeasureArgs| v1::Measure { measure: args.measure as i32 };
    let plain = v1::Plain {};
    let mut wrong = Wrong::default();
    let (method, event, saying) = match &args.action {
        FindingAction::Observe(args) => return observe(args, session).await,
        FindingAction::Merge { ids, into, on, write } => {
            let request = v1::MergeFindingsRequest {
                context: Some(write.context()),
                ids: ids.iter().map(ToString::to_string).collect(),
                into_id: into.to_string(),
                day: text_of(on.as_ref(), "day", &mut wrong),
            };
            return send("MergeFindings", (&request, wrong), write, session).await;
        }
        FindingAction::Assess { class, severity, event } => {
            let (class, severity) = (class.clone(), *severity as i32);
            ("FollowFinding", event, Saying::Assessed(v1::Assessed { class, severity }))
        }
        FindingAction::Notify { deadline, event } => {
            let deadline = text_of(deadline.as_ref(), "saying.notified.deadline", &mut wrong);
            ("FollowFinding", event, Saying::Notified(v1::Notified { deadline }))
        }
        FindingAction::Move { deadline, event } => {
            let deadline = deadline.text("saying.deadline_moved.deadline", &mut wrong);
            ("FollowFinding", event, Saying::DeadlineMoved(v1::DeadlineMoved { deadline }))
        }
        FindingAction::Include { project, event } => {
            let project_id = project.clone();
            ("FollowFinding", event, Saying::Included(v1::Included { project_id }))
        }
        FindingAction::Plan(party) => {
            ("ReportRepair", &party.event, Saying::Planned(repair(party)))
        }
        FindingAction::Begin(party) => {
            ("ReportRepair", &party.event, Saying::RepairBegan(repair(party)))
        }
        FindingAction::Fixed(party) => {
            ("ReportRepair", &party.event, Saying::ReportedFixed(repair(party)))
        }
        FindingAction::Verify(party) => {
            ("VerifyRepair", &party.event, Saying::Verified(verification(party)))
        }
        FindingAction::Fail(party) => {
            ("VerifyRepair", &party.event, Saying::VerificationFailed(verification(party)))
        }
        FindingAction::Close(event) => ("FollowFinding", event, Saying::Closed(plain)),
        FindingAction::Waive(event) => ("FollowFinding", event, Saying::Waived(plain)),
        FindingAction::Reopen(event) => ("FollowFinding", event, Saying::Reopened(plain)),
        FindingAction::Gone(event) => ("FollowFinding", event, Saying::ObjectGone(plain)),
        FindingAction::Exclude(event) => ("FollowFinding", event, Saying::Excluded(plain)),
        FindingAction::Watch(event) => ("SecureFinding", event, Saying::Monitored(plain)),
        FindingAction::Unwatch(event) => ("SecureFinding", event, Saying::MonitoringEnded(plain)),
        FindingAction::Secure(args) => {
            ("SecureFinding", &args.event, Saying::MeasureTaken(measure(args)))
        }
        FindingAction::Release(args) => {
            ("SecureFinding", &args.event, Saying::MeasureLifted(measure(args)))
        }
    };
    // The requests of all calls have the same fields.
    let request = v1::FollowFindingRequest {
        context: Some(event.write.context()),
        id: event.id.to_string(),
        etag: event.etag.clone().unwrap_or_default(),
        on: event.on.text("on", &mut wrong),
        saying: Some(v1::FindingSaying { saying: Some(saying) }),
        ..v1::FollowFindingRequest::default()
    };
    send(method, (&request, wrong), &event.write, session).await
}

async fn observe(args: &ObserveArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let text = |id: Option<String>| id.unwrap_or_default();
    let place = v1::FindingPlace {
        entrance: args.entrance.clone(),
        floor: args.floor,
        unit_id: args.unit.map(|id| id.to_string()),
        part: args.part.clone(),
    };
    let mut wrong = Wrong::default();
    let request = v1::ObserveFindingRequest {
        context: Some(args.write.context()),
        building_id: args.building.to_string(),
        finding_id: text(args.finding.map(|id| id.to_string())),
        observed_on: args.on.text("observed_on", &mut wrong),
        observation: Some(v1::Observation {
            source: args.source as i32,
            observer: args.observer.clone(),
            class: args.class.clone(),
            severity: args.severity as i32,
            place: Some(place),
            report_id: text(args.report.map(|id| id.to_string())),
        }),
        ..v1::ObserveFindingRequest::default()
    };
    send("ObserveFinding", (&request, wrong), &args.write, session).await
}

async fn send<Q: Message>(
    method: &str,
    (request, wrong): (&Q, Wrong),
    write: &WriteArgs,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let mut asked = message::empty(&format!("{method}Request"))?;
    asked.merge(request.encode_to_vec().as_slice())?;
    write::send(Kind::Finding, method, asked, wrong, write, session).await
}

//! `anju report`: reports of check-ups, from draft to acceptance.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use prost::Message;
use prost_reflect::DynamicMessage;

use crate::{
    cli::{
        Outcome, create,
        list::id_of,
        message::{self, put_typed},
        page::{self, PageArgs},
        read::ReadArgs,
        region::RegionName,
        rest::Wrong,
        session::Session,
        table::Sheet,
        typed::Typed,
        write::{self, WriteArgs},
    },
    kernel::{
        id::{BodyId, BuildingId, Kind, OrderId, ReportId, SignerId},
        time::Day,
    },
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju report record --file report.json
  anju report sign rpt_01HF7YAT000000E0000000001A --on 2026-03-05 --signer sgn_01HF7YAT000000E0000000001A --scope structure
  anju report submit rpt_01HF7YAT000000E0000000001A --on 2026-03-06
  anju report accept rpt_01HF7YAT000000E0000000001A --on 2026-03-10
  anju report return rpt_01HF7YAT000000E0000000001A --on 2026-03-10 --reason 'photos are missing'
  anju report supersede rpt_01HF7YAT000000E0000000001A --on 2026-04-01 --by rpt_01HF7YAT000000E0000000001B
  anju report list --building bld_01HF7YAT000000E0000000001A --state accepted

A file has the request in JSON, without its context:
  {\"inspectedOn\": \"2026-03-01\", \"fields\": {\"buildingId\": \"bld_…\", \"kind\": \"REPORT_KIND_CHECK_UP\",
   \"bodyId\": \"bdy_…\"}, \"findings\": [{\"observation\": {\"class\": \"STR.CRACK\", …}}]}";

/// Flags of `anju report`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ReportAction,
}

/// Which report, and on which day.
#[derive(Args, Clone, Debug)]
pub struct StepArgs {
    /// Which one.
    pub id: ReportId,
    /// The day of the step.
    #[arg(long, value_name = "DAY")]
    pub on: Typed<Day>,
    /// Only if this is still its etag, as an earlier answer gave it.
    #[arg(long, value_name = "ETAG")]
    pub etag: Option<String>,
    /// What comes with every write.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// What can be done with reports.
#[derive(Subcommand, Clone, Debug)]
pub enum ReportAction {
    /// Drafts a report with what it found, and signs and submits it when the file says so.
    Record {
        /// The request as JSON; - for standard input.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// What comes with every write.
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Signs a draft.
    Sign {
        /// Who signs; may be repeated.
        #[arg(long = "signer", value_name = "SGN", required = true)]
        signers: Vec<SignerId>,
        /// The scope that they sign for.
        #[arg(long, value_name = "CODE")]
        scope: String,
        /// Which report.
        #[command(flatten)]
        step: StepArgs,
    },
    /// Submits a signed report.
    Submit {
        /// Which report.
        #[command(flatten)]
        step: StepArgs,
    },
    /// Accepts a submitted report; not by whoever submitted it.
    Accept {
        /// Which report.
        #[command(flatten)]
        step: StepArgs,
    },
    /// Returns a submitted report; --reason says why.
    Return {
        /// Which report.
        #[command(flatten)]
        step: StepArgs,
    },
    /// Puts another report in its place.
    Supersede {
        /// The one that takes its place.
        #[arg(long, value_name = "RPT")]
        by: ReportId,
        /// Which report.
        #[command(flatten)]
        step: StepArgs,
    },
    /// Reports of a building, a body, a signer, an order or a region.
    List(ReportListArgs),
}

/// Flags of a list of reports.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("of").required(true))]
pub struct ReportListArgs {
    /// The building.
    #[arg(long, value_name = "BLD", group = "of")]
    pub building: Option<BuildingId>,
    /// The body.
    #[arg(long, value_name = "BDY", group = "of")]
    pub body: Option<BodyId>,
    /// The signer.
    #[arg(long, value_name = "SGN", group = "of")]
    pub signer: Option<SignerId>,
    /// The order.
    #[arg(long, value_name = "ORD", group = "of")]
    pub order: Option<OrderId>,
    /// The region.
    #[arg(long, value_name = "RGN", group = "of")]
    pub region: Option<RegionName>,
    /// Only in this state; may be repeated.
    #[arg(long, value_enum)]
    pub state: Vec<ReportStateName>,
    /// Which days and which knowledge.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How much.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Where a report stands.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportStateName {
    /// 草稿
    Drafted = 1,
    /// 已签字
    Signed,
    /// 已提交
    Submitted,
    /// 已验收
    Accepted,
    /// 已退回
    Returned,
    /// 已被替代
    Superseded,
}

/// Works on reports.
pub async fn run(args: &ReportArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match &args.action {
        ReportAction::Record { file, write } => {
            let mut request = create::from_file("RecordReportRequest", file)?;
            put_typed(&mut request, "context", &write.context())?;
            write::send(Kind::Report, "RecordReport", request, Wrong::default(), write, session)
                .await
        }
        ReportAction::Sign { signers, scope, step } => {
            let (context, id, etag, on) = parts(step);
            let signer_ids = signers.iter().map(ToString::to_string).collect();
            let scope = scope.clone();
            let request = v1::SignReportRequest { context, id, etag, signer_ids, scope, on };
            send("SignReport", &request, step, session).await
        }
        ReportAction::Submit { step } => {
            let (context, id, etag, on) = parts(step);
            let request = v1::SubmitReportRequest { context, id, etag, on };
            send("SubmitReport", &request, step, session).await
        }
        ReportAction::Accept { step } => {
            let (context, id, etag, on) = parts(step);
            let request = v1::AcceptReportRequest { context, id, etag, on };
            send("AcceptReport", &request, step, session).await
        }
        ReportAction::Return { step } => {
            let (context, id, etag, on) = parts(step);
            let request = v1::ReturnReportRequest { context, id, etag, on };
            send("ReturnReport", &request, step, session).await
        }
        ReportAction::Supersede { by, step } => {
            let (context, id, etag, on) = parts(step);
            let by_id = by.to_string();
            let request = v1::SupersedeReportRequest { context, id, etag, by_id, on };
            send("SupersedeReport", &request, step, session).await
        }
        ReportAction::List(args) => list(args, session).await,
    }
}

fn parts(step: &StepArgs) -> (Option<v1::WriteContext>, String, String, String) {
    let etag = step.etag.clone().unwrap_or_default();
    // What is wrong with the day is told when it is sent.
    let on = step.on.text("on", &mut Wrong::default());
    (Some(step.write.context()), step.id.to_string(), etag, on)
}

async fn send<Q: Message>(
    method: &str,
    request: &Q,
    step: &StepArgs,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let mut asked: DynamicMessage = message::empty(&format!("{method}Request"))?;
    asked.transcode_from(request)?;
    let mut wrong = Wrong::default();
    step.on.read("on", &mut wrong);
    write::send(Kind::Report, method, asked, wrong, &step.write, session).await
}

async fn list(args: &ReportListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    use v1::list_reports_request::Of;
    let of = if let Some(region) = &args.region {
        Some(Of::RegionId(id_of(Some(region), &args.read, session).await?))
    } else {
        let building = args.building.map(|id| Of::BuildingId(id.to_string()));
        let body = args.body.map(|id| Of::BodyId(id.to_string()));
        let signer = args.signer.map(|id| Of::SignerId(id.to_string()));
        let order = args.order.map(|id| Of::OrderId(id.to_string()));
        building.or(body).or(signer).or(order)
    };
    let request = v1::ListReportsRequest {
        context: Some(args.read.context()),
        states: args.state.iter().map(|state| *state as i32).collect(),
        of,
        ..v1::ListReportsRequest::default()
    };
    let call = ("InspectionService", "ListReports");
    page::show(session, call, &request, &args.page, |answer| Ok(rows(answer))).await
}

/// Reports, a row each.
fn rows(answer: &DynamicMessage) -> Sheet {
    let mut sheet = Sheet::new([
        "id 编号",
        "kind 类别",
        "inspected 检查日",
        "state 状态",
        "doubt 疑问",
        "grades 等级",
    ]);
    for report in message::list(answer, "reports") {
        let fields = message::nested(&report, "fields");
        let life = message::nested(&report, "life");
        let of = |name| fields.as_ref().and_then(|fields| crate::cli::field::shown(fields, name));
        let own = |name| crate::cli::field::shown(&report, name).unwrap_or_default();
        sheet.row([
            message::text(&report, "id"),
            of("kind").unwrap_or_default(),
            life.map(|life| message::text(&life, "exists_from")).unwrap_or_default(),
            own("state"),
            own("doubt"),
            fields.map(|fields| grades(&fields)).unwrap_or_default(),
        ]);
    }
    sheet
}

/// Grades as people write them: scale, edition and value.
pub fn grades(fields: &DynamicMessage) -> String {
    let grades = message::list(fields, "grades").into_iter().map(|grade| {
        let scale = crate::cli::field::shown(&grade, "scale").unwrap_or_default();
        let (edition, value) = (message::text(&grade, "edition"), message::text(&grade, "value"));
        format!("{scale} {edition}: {value}")
    });
    grades.collect::<Vec<_>>().join(", ")
}

/// What is beside the fields of a report, label by label.
pub fn beside(report: &DynamicMessage, sheet: &mut Sheet) {
    let shown = |name: &str| crate::cli::field::shown(report, name).unwrap_or_default();
    let mut row = |label: &str, value: String| {
        if !value.is_empty() {
            sheet.row([label.to_owned(), value]);
        }
    };
    row("state 状态", shown("state"));
    row("doubt 疑问", shown("doubt"));
    let objections = message::list(report, "objections").into_iter().filter_map(|one| {
        let objection = message::nested(&one, "objection")?;
        let signer = message::text(&one, "signer_id");
        Some(format!("{signer}: {}", message::text(&objection, "sentence")))
    });
    row("objections 异议", objections.collect::<Vec<_>>().join("\n"));
    if let Some(fields) = message::nested(report, "fields") {
        row("grades 等级", grades(&fields));
    }
    if let Some(signed) = message::nested(report, "signature") {
        let ids = crate::cli::field::shown(&signed, "signer_ids").unwrap_or_default();
        let (on, scope) = (message::text(&signed, "on"), message::text(&signed, "scope"));
        row("signed 签字", format!("{on}, {scope}\n{ids}"));
    }
    row("submitted 提交", message::text(report, "submitted_on"));
    row("judged 审定", message::text(report, "judged_on"));
    row("returned because 退回原因", message::text(report, "returned_because"));
    row("superseded 替代", message::text(report, "superseded_by_id"));
}

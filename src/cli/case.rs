//! `anju case`: the worklist of contradictions that people have to look at.

use clap::{Args, Subcommand};
use prost_reflect::DynamicMessage;

use crate::{
    cli::{
        Outcome, field,
        get::{self, GetArgs},
        message,
        page::{self, PageArgs},
        read::{self, ReadArgs},
        region::SubjectName,
        session::{Answer, Session},
        table::Sheet,
        write::{self, WriteArgs},
    },
    kernel::id::{CaseId, SubjectId},
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju case list --partition 1
  anju case list --subject bld_01HF7YAT000000E0000000001A --closed
  anju case show cas_01HF7YAT000000E0000000001A
  anju case subjects cas_01HF7YAT000000E0000000001A --page-size 100
  anju case assign cas_01HF7YAT000000E0000000001A --to office-7
  anju case settle cas_01HF7YAT000000E0000000001A --outcome stands --reason 'the deed says so'";

/// Flags of `anju case`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CaseArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: CaseAction,
}

/// What can be done with cases.
#[derive(Subcommand, Clone, Debug)]
pub enum CaseAction {
    /// The open cases, oldest first.
    List(CaseListArgs),
    /// One case.
    Show {
        /// Which one.
        id: CaseId,
        /// Which knowledge.
        #[command(flatten)]
        read: ReadArgs,
    },
    /// The subjects that a case puts in doubt, with their entries and their own days.
    Subjects {
        /// Which one.
        id: CaseId,
        /// Which knowledge.
        #[command(flatten)]
        read: ReadArgs,
        /// How much.
        #[command(flatten)]
        page: PageArgs,
    },
    /// Gives a case to somebody.
    Assign {
        /// Which one.
        id: CaseId,
        /// An opaque key of the person or office.
        #[arg(long, value_name = "KEY")]
        to: String,
        /// What comes with every write.
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Closes a case; not by the person whose entry opened it.
    Settle {
        /// Which one.
        id: CaseId,
        /// What it came to.
        #[arg(long, value_enum)]
        outcome: Settlement,
        /// What comes with every write.
        #[command(flatten)]
        write: WriteArgs,
    },
}

/// Flags of a list of cases.
#[derive(Args, Clone, Debug)]
pub struct CaseListArgs {
    /// The partition; not needed when there is one city.
    #[arg(long, value_name = "N")]
    pub partition: Option<u32>,
    /// Cases of this subject only.
    #[arg(long, value_name = "ID")]
    pub subject: Option<SubjectId>,
    /// Closed ones too.
    #[arg(long)]
    pub closed: bool,
    /// Which knowledge.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How much.
    #[command(flatten)]
    pub page: PageArgs,
}

/// What a case came to.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The later facts stand as they are (维持).
    Stands,
    /// What was wrong has been corrected (已更正).
    Corrected,
    /// It was no contradiction (不成立).
    Unfounded,
}

/// Works on cases.
pub async fn run(args: &CaseArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match &args.action {
        CaseAction::List(args) => list(args, session).await,
        CaseAction::Show { id, read } => {
            let args = GetArgs {
                id: Some(SubjectName::Id((*id).into())),
                identifier: None,
                partition: None,
                read: read.clone(),
            };
            get::run(&args, session).await
        }
        CaseAction::Subjects { id, read, page } => {
            let request = v1::GetCaseRequest {
                context: Some(read.context()),
                id: id.to_string(),
                ..v1::GetCaseRequest::default()
            };
            page::show(session, ("CaseService", "GetCase"), &request, page, in_doubt).await
        }
        CaseAction::Assign { id, to, write } => {
            let request = v1::AssignCaseRequest {
                context: Some(write.context()),
                id: id.to_string(),
                assignee: to.clone(),
            };
            let answer: Answer<v1::AssignCaseResponse> =
                session.ask("CaseService", "AssignCase", &request).await?;
            write::show(&answer.message, write.validate_only, session)
        }
        CaseAction::Settle { id, outcome, write } => {
            let outcome = match outcome {
                Settlement::Stands => v1::CaseOutcome::Stands,
                Settlement::Corrected => v1::CaseOutcome::Corrected,
                Settlement::Unfounded => v1::CaseOutcome::Unfounded,
            };
            let request = v1::SettleCaseRequest {
                context: Some(write.context()),
                id: id.to_string(),
                outcome: outcome.into(),
            };
            let answer: Answer<v1::SettleCaseResponse> =
                session.ask("CaseService", "SettleCase", &request).await?;
            write::show(&answer.message, write.validate_only, session)
        }
    }
}

/// Lists cases.
pub async fn list(args: &CaseListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let partition = match (args.partition, args.subject) {
        (None, Some(subject)) => subject.partition().number(),
        (named, _) => session.partition(named).await?,
    };
    let request = v1::ListCasesRequest {
        context: Some(args.read.context()),
        partition,
        subject_id: args.subject.map(|id| id.to_string()).unwrap_or_default(),
        include_closed: args.closed,
        ..v1::ListCasesRequest::default()
    };
    page::show(session, ("CaseService", "ListCases"), &request, &args.page, sheet).await
}

fn sheet(answer: &DynamicMessage) -> anyhow::Result<Sheet> {
    let mut sheet = Sheet::new([
        "id 编号",
        "opened 建立",
        "reason 原因",
        "state 状态",
        "assignee 经办",
        "subjects 对象",
        "what 说明",
    ]);
    for case in message::list(answer, "cases") {
        let typed: v1::Case = case.transcode_to()?;
        let subjects = subjects_of(&typed);
        sheet.row([
            typed.id,
            read::clock_text(typed.opened_at.as_ref()),
            typed.reason,
            field::shown(&case, "state").unwrap_or_default(),
            typed.assignee,
            subjects,
            format!("{}\n{}", typed.message_zh, typed.message).trim_start().to_owned(),
        ]);
    }
    Ok(sheet)
}

/// What is in doubt, a row a subject, each with its own days.
fn in_doubt(answer: &DynamicMessage) -> anyhow::Result<Sheet> {
    let mut sheet = Sheet::new([
        "id 编号",
        "entries in doubt 存疑记录",
        "accepted 已采用",
        "against 与之矛盾",
        "what 说明",
    ]);
    for one in message::list(answer, "in_doubt") {
        let typed: v1::CaseSubject = one.transcode_to()?;
        let entries = typed.entries_in_doubt.iter().map(ToString::to_string);
        sheet.row([
            typed.subject_id,
            entries.collect::<Vec<_>>().join(" "),
            days(&typed.from, &typed.until),
            days(&typed.against_from, &typed.against_until),
            format!("{}\n{}", typed.message_zh, typed.message).trim_start().to_owned(),
        ]);
    }
    Ok(sheet)
}

/// Days from one on, up to the day before another; `-` when there are none.
fn days(from: &str, until: &str) -> String {
    match (from, until) {
        ("", _) => "-".to_owned(),
        (from, "") => format!("{from} …"),
        (from, until) => format!("{from} … <{until}"),
    }
}

/// The subjects of a case; of many in doubt the first, and how many there are.
fn subjects_of(case: &v1::Case) -> String {
    let told = case.subject_ids.join("\n");
    match case.in_doubt_count {
        0 | 1 => told,
        count => format!("{told}\n{count} in doubt 存疑"),
    }
}

//! `anju diff`: what became known between two states of knowledge.

use clap::Args;
use prost_reflect::DynamicMessage;

use crate::{
    cli::{
        BadUsage, Outcome, field,
        page::{self, PageArgs},
        read::{self, Knowledge, ReadArgs},
        record::numbers,
        region::SubjectName,
        session::Session,
        table::Sheet,
    },
    kernel::{position::Position, time::Day},
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju diff bld_01HF7YAT000000E0000000001A --from 2024-07-01
  anju diff rgn_01HF7YAT000000E0000000001A --from 2024-06-30 --to 2024-12-31
  anju diff rgn_01HF7YAT000000E0000000001A --from 1200 --to 1300 --all --json";

/// Flags of `anju diff`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DiffArgs {
    /// The id of a subject, or of a region with all that is in it; also by a code: gbt2260:410102.
    pub id: SubjectName,
    /// Knowledge from here on, exclusive: an entry's number, a moment, or a day (its end in China).
    #[arg(long, value_name = "STAMP|SEQ")]
    pub from: Knowledge,
    /// Up to here, inclusive; in the same form. Default: now.
    #[arg(long, value_name = "STAMP|SEQ")]
    pub to: Option<Knowledge>,
    /// With at least this write: the commit token that it answered.
    #[arg(long, value_name = "PARTITION:SEQ")]
    pub min_commit: Option<Position>,
    /// How much.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Shows what differs.
pub async fn run(args: &DiffArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let id = args.id.id(&ReadArgs::default(), session).await?;
    let mut request = v1::DiffRequest { subject_id: id.to_string(), ..v1::DiffRequest::default() };
    request.min_commit = read::token_text(args.min_commit);
    match (args.from, args.to) {
        (Knowledge::Stamp(_), Some(Knowledge::Seq(_)))
        | (Knowledge::Seq(_), Some(Knowledge::Stamp(_))) => {
            let sentence = "--from and --to are both entries, or both moments or days";
            return Err(BadUsage::new(sentence).into());
        }
        (Knowledge::Stamp(from), to) => {
            request.known_from = Some(read::timestamp(from));
            if let Some(Knowledge::Stamp(to)) = to {
                request.known_to = Some(read::timestamp(to));
            }
        }
        (Knowledge::Seq(from), to) => {
            request.known_from_seq = Some(from);
            if let Some(Knowledge::Seq(to)) = to {
                request.known_to_seq = Some(to);
            }
        }
    }
    page::show(session, ("HistoryService", "Diff"), &request, &args.page, sheet).await
}

fn sheet(answer: &DynamicMessage) -> anyhow::Result<Sheet> {
    let answer: v1::DiffResponse = answer.transcode_to()?;
    let header =
        ["subject 对象", "field 字段", "from 起", "until 止", "old 旧", "new 新", "entries 记录"];
    let mut sheet = Sheet::new(header);
    for diff in &answer.diffs {
        let entries = numbers(&diff.entries);
        if diff.fields.is_empty() {
            sheet.row([diff.subject_id.as_str(), "", "", "", "", "", &entries]);
        }
        for change in &diff.fields {
            let value = |value: &Option<String>| {
                value
                    .as_deref()
                    .map_or_else(String::new, |text| field::text_amount(&change.field, text))
            };
            // What holds since ever has no day that people would know.
            let from = if change.from == Day::MIN.to_string() { "" } else { &change.from };
            sheet.row([
                diff.subject_id.clone(),
                field::label(&change.field),
                from.to_owned(),
                change.until.clone(),
                value(&change.old),
                value(&change.new),
                entries.clone(),
            ]);
        }
    }
    Ok(sheet)
}

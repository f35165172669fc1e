//! `anju history`: every entry about a subject, who said it, and what became of it.

use clap::Args;
use prost_reflect::DynamicMessage;

use crate::{
    cli::{
        Outcome, field,
        page::{self, PageArgs},
        read::{self, ReadArgs},
        record::numbers,
        region::SubjectName,
        session::Session,
        table::{Sheet, printable},
    },
    kernel::{id::SubjectId, time::Day},
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju history bld_01HF7YAT000000E0000000001A
  anju history bld_01HF7YAT000000E0000000001A --known-at 2024-07-01
  anju history bld_01HF7YAT000000E0000000001A --valid-at 2009-12-31
  anju history bld_01HF7YAT000000E0000000001A --all --json";

/// Flags of `anju history`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct HistoryArgs {
    /// The id of a region, compound, building or unit; a region also by a code: gbt2260:410102.
    pub id: SubjectName,
    /// Hand out the entries' bytes too (with --json, in base64).
    #[arg(long)]
    pub with_bytes: bool,
    /// Which knowledge; with a day the entries that bear on it.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How much.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Shows the entries, oldest first.
pub async fn run(args: &HistoryArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let request = v1::GetHistoryRequest {
        context: Some(args.read.context()),
        subject_id: args.id.id(&args.read, session).await?.to_string(),
        with_bytes: args.with_bytes,
        ..v1::GetHistoryRequest::default()
    };
    page::show(session, ("HistoryService", "GetHistory"), &request, &args.page, sheet).await
}

/// The entries of an answer, a row each.
pub fn sheet(answer: &DynamicMessage) -> anyhow::Result<Sheet> {
    let answer: v1::GetHistoryResponse = answer.transcode_to()?;
    let mut sheet = Sheet::new([
        "entry 记录",
        "recorded 记录时间 (+08:00)",
        "valid from 生效",
        "who 谁",
        "kind 类别",
        "what 内容",
        "corrected by 更正",
    ]);
    for entry in &answer.entries {
        let seq = entry.position.split_once(':').map_or(entry.position.as_str(), |(_, seq)| seq);
        sheet.row([
            seq.to_owned(),
            read::clock_text(entry.recorded_at.as_ref()),
            valid_from(entry).to_owned(),
            who(entry),
            entry.kind.clone(),
            what(entry),
            fate(entry),
        ]);
    }
    Ok(sheet)
}

/// The day from which on an entry holds; none for one that holds of all days.
fn valid_from(entry: &v1::HistoryEntry) -> &str {
    let always = Day::MIN.to_string();
    if entry.valid_from == always { "" } else { &entry.valid_from }
}

/// An entry on one line: its position, when it was recorded, its kind, what it is about, who said it,
/// and what.
pub fn line(entry: &v1::HistoryEntry, subjects: &[SubjectId]) -> String {
    let mut parts = vec![
        entry.position.clone(),
        read::clock_text(entry.recorded_at.as_ref()),
        entry.kind.clone(),
    ];
    parts.extend(subjects.iter().map(SubjectId::to_string));
    parts.push(format!("by {}", who(entry).replace('\n', " ")));
    if !valid_from(entry).is_empty() {
        parts.push(format!("from {}", valid_from(entry)));
    }
    let what = what(entry).replace('\n', "; ");
    if !what.is_empty() {
        parts.push(what);
    }
    printable(parts.join("  "))
}

/// The credential with its role and institution, and the person vouched for.
fn who(entry: &v1::HistoryEntry) -> String {
    let mut text = entry.actor_subject.clone();
    let standing = [entry.actor_role.as_str(), entry.actor_institution.as_str()];
    let standing: Vec<_> = standing.into_iter().filter(|word| !word.is_empty()).collect();
    if !standing.is_empty() {
        text = format!("{text} ({})", standing.join(", "));
    }
    if !entry.actor_person.is_empty() {
        text = format!("{text}\nfor {}", entry.actor_person);
    }
    text
}

/// What it says, why, and where it is from.
fn what(entry: &v1::HistoryEntry) -> String {
    let mut lines: Vec<_> = entry
        .values
        .iter()
        .map(|value| {
            let shown = value.value.as_deref().map(|text| field::text_amount(&value.field, text));
            let shown = shown.unwrap_or_else(|| "unknown or none 不明或无".to_owned());
            format!("{}: {shown}", field::label(&value.field))
        })
        .collect();
    if !entry.corrects.is_empty() {
        lines.push(format!("corrects 更正 {}", numbers(&entry.corrects)));
    }
    if !entry.reason.is_empty() {
        lines.push(format!("reason 原因: {}", entry.reason));
    }
    if !entry.overridden.is_empty() {
        lines.push(format!("overrides 破例: {}", entry.overridden.join(", ")));
    }
    if !entry.source.is_empty() {
        lines.push(format!("source 来源: {} {}", entry.source, entry.source_key));
    }
    lines.join("\n")
}

fn fate(entry: &v1::HistoryEntry) -> String {
    let corrected = entry.corrected_by.map(|seq| seq.to_string());
    let doubted = entry.in_doubt.then(|| "in doubt 存疑".to_owned());
    let erased = entry.text_erased_by.map(|seq| format!("text erased by 文字已删 {seq}"));
    corrected.into_iter().chain(doubted).chain(erased).collect::<Vec<_>>().join("\n")
}

//! `anju status` and `anju whoami`: what the registry holds, and whom it takes the caller for.

use clap::Args;

use crate::{
    cli::{
        Outcome, read,
        session::{Answer, Session},
        table::Sheet,
    },
    proto::v1,
};

const STATUS_EXAMPLES: &str = "\
Examples:
  anju status
  anju status --json
  anju --server https://anju.example:443 --ca authority.pem status";

const WHOAMI_EXAMPLES: &str = "\
Examples:
  anju whoami
  anju --token-file bureau.token --person p-1042 whoami";

/// Flags of `anju status`.
#[derive(Args, Clone, Debug)]
#[command(after_help = STATUS_EXAMPLES)]
pub struct StatusArgs {}

/// Flags of `anju whoami`.
#[derive(Args, Clone, Debug)]
#[command(after_help = WHOAMI_EXAMPLES)]
pub struct WhoAmIArgs {}

/// Shows partitions, positions and work under way.
pub async fn status(session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let answer: Answer<v1::GetStatusResponse> =
        session.ask("RegistryService", "GetStatus", &v1::GetStatusRequest {}).await?;
    if session.out.is_json() {
        session.out.json(&answer.message)?;
        return Ok(Outcome::Fine);
    }
    let status = answer.typed;
    let now = read::clock_text(status.now.as_ref());
    session.out.line(format!(
        "registry {} (anju {}), {now} (+08:00)",
        status.registry_id, status.version
    ))?;
    if status.read_only {
        session.out.line("writes are refused until a restart 只读")?;
    }
    session.out.sheet(&partitions(&status))?;
    Ok(Outcome::Fine)
}

/// The partitions, a row each.
pub fn partitions(status: &v1::GetStatusResponse) -> Sheet {
    let mut sheet = Sheet::new([
        "partition 分区",
        "name 名称",
        "region 区划",
        "entries 记录",
        "open cases 待办",
        "sweeps 批量",
    ])
    .numbers([0, 3, 4, 5]);
    for partition in &status.partitions {
        sheet.row([
            partition.partition.to_string(),
            partition.name.clone(),
            partition.region_id.clone(),
            partition.entry_count.to_string(),
            partition.open_case_count.to_string(),
            match partition.recounted_count {
                Some(done) => {
                    let of = partition.recount_total;
                    let of = of.map(|total| format!(" of 共 {total}")).unwrap_or_default();
                    format!("{} ({done}{of} done 已重算)", partition.sweep_count)
                }
                None => partition.sweep_count.to_string(),
            },
        ]);
    }
    sheet
}

/// Shows whom the registry takes the caller for.
pub async fn whoami(session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let answer: Answer<v1::WhoAmIResponse> =
        session.ask("RegistryService", "WhoAmI", &v1::WhoAmIRequest {}).await?;
    if session.out.is_json() {
        session.out.json(&answer.message)?;
        return Ok(Outcome::Fine);
    }
    let caller = answer.typed;
    let reach = if caller.everywhere {
        "everywhere 全部".to_owned()
    } else {
        caller.region_ids.join("\n")
    };
    let mut sheet = Sheet::default();
    for (label, value) in [
        ("subject 凭证", caller.subject),
        ("role 角色", caller.role),
        ("institution 机构", caller.institution),
        ("person 人员", caller.person),
        ("reach 范围", reach),
    ] {
        if !value.is_empty() {
            sheet.row([label.to_owned(), value]);
        }
    }
    session.out.sheet(&sheet)?;
    Ok(Outcome::Fine)
}

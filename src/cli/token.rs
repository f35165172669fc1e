//! `anju token`: credentials for calling systems and desks.
//!
//! The secret is written once, alone on its line, and kept nowhere: the server's file holds its hash.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::{
    cli::{Outcome, config::SettingArgs, read, session::Output},
    kernel::{id::RegionId, time::Stamp},
};

const EXAMPLES: &str = "\
Examples:
  anju token new --role municipal_operator --subject bureau-desk-1 --everywhere > bureau.token
  anju token new --role auditor --subject audit --everywhere --until 2026-12-31
  anju token new --role district_operator --subject d7 --region rgn_01HF7YAT000000E0000000001A";

/// Flags of `anju token`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct TokenArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: TokenAction,
}

/// What can be done with credentials.
#[derive(Subcommand, Clone, Debug)]
pub enum TokenAction {
    /// Makes a credential and writes its secret, once.
    New(NewTokenArgs),
}

/// Flags of `anju token new`.
#[derive(Args, Clone, Debug)]
pub struct NewTokenArgs {
    /// What it is for.
    #[arg(long)]
    pub role: String,
    /// An opaque key of the calling system or desk; no name of a person.
    #[arg(long, value_name = "KEY")]
    pub subject: String,
    /// The institution that holds it.
    #[arg(long, value_name = "KEY")]
    pub institution: Option<String>,
    /// A region that it reaches, with all that is in it. May be repeated.
    #[arg(long, value_name = "RGN", required_unless_present = "everywhere")]
    pub region: Vec<RegionId>,
    /// It reaches everything.
    #[arg(long, conflicts_with = "region")]
    pub everywhere: bool,
    /// The last moment at which it is good: a moment, or a day (its end in China).
    #[arg(long, value_name = "STAMP", value_parser = read::moment)]
    pub until: Option<Stamp>,
    /// The server's file of tokens. Default: what its settings say.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Where settings come from.
    #[command(flatten)]
    pub settings: SettingArgs,
}

#[derive(Serialize)]
struct Secret {
    token: String,
}

/// Makes a credential. `add` puts it into the server's file and answers its secret.
pub fn run(
    args: &TokenArgs,
    out: &mut Output<'_>,
    add: impl FnOnce(&NewTokenArgs) -> anyhow::Result<String>,
) -> anyhow::Result<Outcome> {
    let TokenAction::New(new) = &args.action;
    let token = add(new)?;
    if out.is_json() {
        out.value(&Secret { token })?;
    } else {
        out.line(token)?;
    }
    Ok(Outcome::Fine)
}

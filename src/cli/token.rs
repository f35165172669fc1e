//! `anju token`: credentials for calling systems and desks.
//!
//! The secret is written once, alone on its line, and kept nowhere: the server's file holds its hash.

use std::{collections::BTreeSet, fs, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::{
    auth::{
        actor::{Reach, Regions},
        role::Role,
        token::{NewToken, TokenFileError, add as add_token},
    },
    cli::{BadUsage, Outcome, config::SettingArgs, offline, read, session::Output},
    kernel::{
        id::RegionId,
        time::{Clock as _, Stamp, SystemClock},
        violation::Violations,
    },
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
    /// A region that it reaches, with all that is in it; or --everywhere. May be repeated.
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

/// Puts a new credential into the file that was named, or into that of the settings, and answers
/// its secret.
pub fn add(new: &NewTokenArgs) -> anyhow::Result<String> {
    let role = new.role.parse::<Role>().map_err(|error| {
        let mut violations = Violations::default();
        violations.add("--role", "UNKNOWN_ROLE", error.to_string());
        BadUsage(violations)
    })?;
    if let Some(until) = new.until.filter(|until| *until <= SystemClock.now()) {
        let mut violations = Violations::default();
        let message = format!("{until} is past: the credential would never be good");
        violations.add("--until", "OUT_OF_RANGE", message);
        return Err(BadUsage(violations).into());
    }
    let path = match &new.file {
        Some(path) => path.clone(),
        None => offline::settings(&new.settings)?.token_file,
    };
    let regions = if new.everywhere {
        Regions::All
    } else {
        Regions::List(new.region.iter().copied().collect())
    };
    let token = NewToken {
        subject: new.subject.clone(),
        role,
        institution: new.institution.clone(),
        reach: Reach { regions, institutions: BTreeSet::new() },
        not_after: new.until,
    };
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        // Credentials may be made before a server ever ran.
        fs::create_dir_all(directory)
            .with_context(|| format!("{} cannot be made", directory.display()))?;
    }
    add_token(&path, &token).map_err(|error| match error {
        TokenFileError::BadToken(violations) => BadUsage(violations).into(),
        other => other.into(),
    })
}

//! `anju config`: what a server would be started with, and whether it makes sense.
//!
//! The settings themselves belong to the server's configuration; here they are only named.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    cli::{Outcome, offline::BadSettings, session::Output},
    config::Config,
    kernel::violation::Violations,
    listener::Identity,
};

const EXAMPLES: &str = "\
Examples:
  anju config show
  anju config check --config /etc/anju/anju.toml
  anju config show --config anju.toml --setting store.cache_mib=512";

/// Flags of `anju config`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What can be done with a configuration.
#[derive(Subcommand, Clone, Debug)]
pub enum ConfigAction {
    /// Reads file, environment and flags, and says everything that is wrong with them.
    Check(SettingArgs),
    /// Shows every setting with its value and where that is from.
    Show(SettingArgs),
}

/// Where settings come from, besides the environment.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Settings")]
pub struct SettingArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "ANJU_CONFIG")]
    pub config: Option<PathBuf>,
    /// A setting and its value, before file and environment. May be repeated.
    #[arg(long = "setting", value_name = "NAME=VALUE", value_parser = pair)]
    pub settings: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("a setting is written as name=value, for example listen=[::1]:50051".to_owned()),
    }
}

/// Checks or shows. `read` reads the settings, or refuses with everything that is wrong.
pub fn run(
    args: &ConfigArgs,
    out: &mut Output<'_>,
    read: impl FnOnce(&SettingArgs) -> anyhow::Result<Config>,
) -> anyhow::Result<Outcome> {
    match &args.action {
        ConfigAction::Check(settings) => {
            check(&read(settings)?)?;
            out.line("the configuration is fine 配置无误")?;
        }
        ConfigAction::Show(settings) => {
            let config = read(settings)?;
            if out.is_json() {
                let each = config.settings().map(|(name, value, origin)| {
                    serde_json::json!({ "name": name, "value": value, "from": origin })
                });
                out.value(&serde_json::json!({ "settings": each.collect::<Vec<_>>() }))?;
            } else {
                out.line(config.render().trim_end())?;
            }
        }
    }
    Ok(Outcome::Fine)
}

/// Whether a server would find certificate and key as it needs them.
fn check(config: &Config) -> anyhow::Result<()> {
    let Some(tls) = &config.tls else { return Ok(()) };
    let Err(error) = Identity::load(&tls.certificate, &tls.key) else { return Ok(()) };
    let mut wrong = Violations::default();
    let message = format!("{:#}", anyhow::Error::new(error));
    wrong.add("tls.certificate", "BAD_VALUE", message);
    Err(BadSettings(wrong).into())
}

//! `anju serve`: a registry on this machine.

use anyhow::Context as _;
use clap::Args;

use crate::{
    cli::{Outcome, config::SettingArgs, offline},
    config::Config,
    server, telemetry,
};

const EXAMPLES: &str = "\
Examples:
  anju serve
  anju serve --config /etc/anju/anju.toml
  anju serve --setting data_dir=/var/lib/anju --setting listen=127.0.0.1:50061";

/// Flags of `anju serve`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    /// Where settings come from.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// Begins to write logs as the settings say.
pub(crate) fn log(config: &Config) -> anyhow::Result<()> {
    telemetry::init_tracing(config.log.format, &config.log.level)?;
    Ok(())
}

/// Serves until a signal ends it.
pub async fn run(args: &ServeArgs) -> anyhow::Result<Outcome> {
    let config = offline::settings(&args.settings)?;
    log(&config)?;
    let data_dir = config.data_dir.display().to_string();
    server::serve(config, move |address| {
        tracing::info!(%address, data_dir, "serving");
    })
    .await
    .context("the server ended")?;
    Ok(Outcome::Fine)
}

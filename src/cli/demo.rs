//! `anju demo`: a registry with an example city, ready to be asked.

use clap::Args;

use crate::cli::config::SettingArgs;

const EXAMPLES: &str = "\
Examples:
  anju demo
  anju demo --no-serve
  anju demo --setting data_dir=./try --setting listen=127.0.0.1:50061";

/// Flags of `anju demo`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DemoArgs {
    /// Fill the data directory and stop.
    #[arg(long)]
    pub no_serve: bool,
    /// Where settings come from.
    #[command(flatten)]
    pub settings: SettingArgs,
}

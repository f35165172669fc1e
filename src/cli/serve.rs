//! `anju serve`: a registry on this machine.

use clap::Args;

use crate::cli::config::SettingArgs;

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

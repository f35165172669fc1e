//! `anju rebuild`: makes the state anew from the journal. Must not run beside a server.

use clap::Args;

use crate::cli::config::SettingArgs;

const EXAMPLES: &str = "\
Examples:
  anju rebuild
  anju rebuild --setting data_dir=/var/lib/anju";

/// Flags of `anju rebuild`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct RebuildArgs {
    /// Where settings come from.
    #[command(flatten)]
    pub settings: SettingArgs,
}

//! `anju verify`: whether journal and state are whole. Needs no server, and must not run beside one.

use clap::Args;

use crate::cli::config::SettingArgs;

const EXAMPLES: &str = "\
Examples:
  anju verify
  anju verify --journal-only
  anju verify --setting data_dir=/var/lib/anju --json";

/// Flags of `anju verify`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    /// Leave the state aside: frames, entries and trees only.
    #[arg(long)]
    pub journal_only: bool,
    /// Where settings come from.
    #[command(flatten)]
    pub settings: SettingArgs,
}

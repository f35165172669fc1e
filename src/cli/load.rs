//! `anju load`: the entries of a dump into an empty data directory.

use std::path::PathBuf;

use clap::Args;

use crate::cli::config::SettingArgs;

const EXAMPLES: &str = "\
Examples:
  anju load anju.dump
  anju load anju.dump --setting data_dir=/var/lib/anju-restored";

/// Flags of `anju load`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct LoadArgs {
    /// The dump.
    pub file: PathBuf,
    /// Where settings come from.
    #[command(flatten)]
    pub settings: SettingArgs,
}

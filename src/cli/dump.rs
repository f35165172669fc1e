//! `anju dump`: all entries of a data directory in one file, to be loaded elsewhere.

use std::path::PathBuf;

use clap::Args;

use crate::cli::config::SettingArgs;

const EXAMPLES: &str = "\
Examples:
  anju dump --out anju.dump
  anju dump --partition 1 --out zhengzhou.dump
  anju dump --setting data_dir=/var/lib/anju --out anju.dump";

/// Flags of `anju dump`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DumpArgs {
    /// Only this partition; may be repeated. Default: all.
    #[arg(long, value_name = "N")]
    pub partition: Vec<u32>,
    /// Where to save it; must not exist yet.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Where settings come from.
    #[command(flatten)]
    pub settings: SettingArgs,
}

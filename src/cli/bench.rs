//! `anju bench`: how fast this machine is at the registry's work.

use clap::{Args, ValueEnum};

use crate::cli::config::SettingArgs;

const EXAMPLES: &str = "\
Examples:
  anju bench
  anju bench --work commands --clients 64 --seconds 30
  anju bench --work totals --json";

/// Flags of `anju bench`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct BenchArgs {
    /// Only this work; may be repeated. Default: all.
    #[arg(long, value_enum)]
    pub work: Vec<Work>,
    /// Callers at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub clients: u16,
    /// How long each work is measured.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// Where settings come from; the data directory must be empty.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// What is measured.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Durable commands.
    Commands,
    /// Current records.
    Reads,
    /// Totals of regions.
    Totals,
    /// Histories at any two times.
    Histories,
    /// A bulk import.
    Import,
    /// A rebuild of the state.
    Rebuild,
}

//! `anju completions`: what a shell needs to complete commands and flags.

use std::io::Write;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::{Arguments, Outcome};

const EXAMPLES: &str = "\
Examples:
  anju completions bash > ~/.local/share/bash-completion/completions/anju
  anju completions zsh > ~/.zfunc/_anju
  anju completions fish > ~/.config/fish/completions/anju.fish";

/// Flags of `anju completions`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// Which shell.
    pub shell: Shell,
}

/// Writes the script.
pub fn run(args: &CompletionsArgs, writer: &mut dyn Write) -> anyhow::Result<Outcome> {
    // Into memory first: the generator panics when its writer fails, as a closed pipe does.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "anju", &mut script);
    writer.write_all(&script)?;
    Ok(Outcome::Fine)
}

//! The `anju` command: reads the command line, does it, and says how it went.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use anju::cli::{self, Arguments, Outcome};

/// Much of what the registry allocates on one thread is freed on another, at which the system's
/// allocator is slow.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = cli::line::parse(std::env::args_os().collect());
    let arguments = arguments.unwrap_or_else(|error| error.exit());
    let result = run(&arguments);
    if let Err(error) = &result
        && !cli::is_closed_pipe(error)
    {
        // Nothing is left to be done when even this cannot be written.
        let _ = writeln!(io::stderr(), "{}", cli::told(error, arguments.global.json));
    }
    ExitCode::from(cli::exit_code(&result))
}

fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let stdout = io::stdout();
    let terminal = stdout.is_terminal();
    let mut writer = io::BufWriter::new(stdout.lock());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(cli::run(arguments, &mut writer, terminal))?;
    writer.flush()?;
    Ok(outcome)
}

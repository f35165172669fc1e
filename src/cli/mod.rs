//! The command line: one file a subcommand, over the API of a running registry.
//!
//! Nothing here decides anything about housing. What a subcommand came to is an [`Outcome`] or an
//! error, and [`exit_code`] turns both into the number that scripts see ([`EXIT_CODES`], never
//! renumbered). All output goes through the writer that [`run`] is given.

pub mod case;
pub mod completions;
pub mod diff;
pub mod field;
pub mod get;
pub mod history;
pub mod list;
pub mod message;
pub mod page;
pub mod prove;
pub mod read;
pub mod record;
pub mod search;
pub mod session;
pub mod set;
pub mod status;
pub mod table;
pub mod totals;
pub mod watch;
pub mod write;

use std::{
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use tonic::Code;

use crate::{
    cli::session::{Output, Session},
    client::{BadConnection, ClientTls, Connection, Failure, Retry},
    kernel::violation::Violations,
};

/// Where `anju demo` leaves the token of its client.
pub const DEMO_TOKEN_FILE: &str = "./anju-data/client.token";
/// The largest file that is taken for a token.
const TOKEN_BYTES_MAX: u64 = 4096;

/// What the exit codes mean. Scripts rely on them: never renumber.
pub const EXIT_CODES: [(u8, &str); 8] = [
    (0, "fine"),
    (1, "failed for another reason"),
    (2, "the command line is wrong"),
    (3, "partly refused (import), or damage found (verify, prove check)"),
    (4, "not found"),
    (5, "refused by a rule, or the request is wrong"),
    (6, "not authenticated, or not permitted"),
    (7, "the server is not reachable, or too busy"),
];

const AFTER_HELP: &str = "\
Exit codes:
  0  fine
  1  failed for another reason
  2  the command line is wrong
  3  partly refused (import), or damage found (verify, prove check)
  4  not found
  5  refused by a rule, or the request is wrong
  6  not authenticated, or not permitted
  7  the server is not reachable, or too busy

Examples:
  anju status
  anju search 人民路12号
  anju get bld_01HF7YAT000000E0000000001A --valid-at 1990-01-01
  anju totals --code gbt2260:410102 --breakdown
  anju correct bld_01HF7YAT000000E0000000001A --set completed=1985 --reason 'misread deed'";

/// Anju (安居): a housing lifecycle registry.
#[derive(Parser, Clone, Debug)]
#[command(name = "anju", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
pub struct Arguments {
    /// What holds for all subcommands.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for all subcommands.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection and output")]
pub struct GlobalArgs {
    /// The registry's address.
    #[arg(
        long,
        global = true,
        env = "ANJU_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:50051"
    )]
    pub server: String,
    /// The bearer token. Better given by file or environment: other users see command lines.
    #[arg(long, global = true, env = "ANJU_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// A file with the bearer token. Default: ./anju-data/client.token, where demo leaves it.
    #[arg(long, global = true, env = "ANJU_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// PEM file of the authority that signed the certificate of an https:// server.
    #[arg(long, global = true, env = "ANJU_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The person for whom the command is given: an opaque key of the calling system's.
    #[arg(long, global = true, env = "ANJU_PERSON", value_name = "KEY")]
    pub person: Option<String>,
    /// Canonical proto3 JSON for programs: one object, or one a line for streams.
    #[arg(long, global = true)]
    pub json: bool,
}

/// The subcommands.
#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Shows one subject, on any day, as known at any moment.
    Get(get::GetArgs),
    /// Lists regions, compounds, buildings, units or cases.
    List(list::ListArgs),
    /// Shows every entry about a subject, and who said it.
    History(history::HistoryArgs),
    /// Shows what became known between two states of knowledge.
    Diff(diff::DiffArgs),
    /// Shows totals, their parts, their course, or their rows.
    Totals(totals::TotalsArgs),
    /// Finds subjects by name and address.
    Search(search::SearchArgs),
    /// Shows entries as they come.
    Watch(watch::WatchArgs),
    /// Saves proofs that nothing was changed.
    Prove(prove::ProveArgs),
    /// Says that the world changed.
    Change(write::ChangeArgs),
    /// Says that an entry was wrong.
    Correct(write::CorrectArgs),
    /// Takes an entry back.
    Retract(write::RetractArgs),
    /// Ends a subject's life.
    End(write::EndArgs),
    /// Works on cases: what people have to look at.
    Case(case::CaseArgs),
    /// Shows what the registry holds.
    Status(status::StatusArgs),
    /// Shows whom the registry takes you for.
    #[command(name = "whoami")]
    WhoAmI(status::WhoAmIArgs),
    /// Writes what a shell needs to complete commands.
    Completions(completions::CompletionsArgs),
}

/// What a subcommand came to when nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was done.
    Fine,
    /// Part of it was refused, or what was checked is damaged.
    Partly,
}

/// What was looked for is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NothingFound(pub String);

/// The flags are wrong in a way that only the subcommand sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadUsage(pub Violations);

impl BadUsage {
    /// One sentence about the command line as a whole.
    pub fn new(sentence: &str) -> Self {
        let mut violations = Violations::default();
        violations.add("", "USAGE", sentence);
        Self(violations)
    }
}

impl std::error::Error for BadUsage {}

impl std::fmt::Display for BadUsage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the command line is wrong")?;
        for violation in self.0.list() {
            let at = if violation.field.is_empty() { "" } else { ": " };
            write!(f, "\n  {}{at}{}", violation.field, violation.message)?;
        }
        Ok(())
    }
}

/// Does what the command line says and writes the answer to `writer`. `terminal` says whether people
/// read it.
pub async fn run(
    arguments: &Arguments,
    writer: &mut dyn Write,
    terminal: bool,
) -> anyhow::Result<Outcome> {
    // What needs no server is done without a connection.
    if let Command::Completions(args) = &arguments.command {
        return completions::run(args, writer);
    }
    let connection = connect(&arguments.global)?;
    let out = Output::new(writer, arguments.global.json, terminal);
    let mut session = Session::new(connection, Retry::PATIENT, out);
    let outcome = dispatch(&arguments.command, &mut session).await;
    let outcome = outcome.map_err(|error| name_server(error, &arguments.global.server))?;
    session.out.flush()?;
    Ok(outcome)
}

/// Names the server when it did not even refuse.
fn name_server(error: anyhow::Error, server: &str) -> anyhow::Error {
    let is_silent = error
        .downcast_ref::<Failure>()
        .is_some_and(|failure| failure.code == Code::Unavailable && failure.reason.is_none());
    if is_silent { error.context(format!("no answer from {server}")) } else { error }
}

async fn dispatch(command: &Command, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match command {
        Command::Get(args) => get::run(args, session).await,
        Command::List(args) => list::run(args, session).await,
        Command::History(args) => history::run(args, session).await,
        Command::Diff(args) => diff::run(args, session).await,
        Command::Totals(args) => totals::run(args, session).await,
        Command::Search(args) => search::run(args, session).await,
        Command::Watch(args) => watch::run(args, session).await,
        Command::Prove(args) => prove::run(args, session).await,
        Command::Change(args) => write::change(args, session).await,
        Command::Correct(args) => write::correct(args, session).await,
        Command::Retract(args) => write::retract(args, session).await,
        Command::End(args) => write::end(args, session).await,
        Command::Case(args) => case::run(args, session).await,
        Command::Status(_) => status::status(session).await,
        Command::WhoAmI(_) => status::whoami(session).await,
        Command::Completions(args) => completions::run(args, session.out.writer()),
    }
}

/// The connection that the flags describe.
pub fn connect(global: &GlobalArgs) -> anyhow::Result<Connection> {
    let tls = ClientTls { ca_file: global.ca.clone(), server_name: None };
    let connection = Connection::open(&global.server, token(global)?, &tls)?;
    Ok(match &global.person {
        Some(person) => connection.for_person(person)?,
        None => connection,
    })
}

/// The token: given, from the file that was named, or from where demo leaves it.
fn token(global: &GlobalArgs) -> anyhow::Result<Option<String>> {
    if let Some(token) = &global.token {
        return Ok(Some(token.clone()));
    }
    let path = global.token_file.as_deref().unwrap_or(Path::new(DEMO_TOKEN_FILE));
    match read_token(path) {
        Ok(token) => Ok(Some(token)),
        Err(error) if error.kind() == ErrorKind::NotFound && global.token_file.is_none() => {
            Ok(None)
        }
        Err(error) => {
            Err(error).with_context(|| format!("the token in {} cannot be read", path.display()))
        }
    }
}

fn read_token(path: &Path) -> std::io::Result<String> {
    if fs::metadata(path)?.len() > TOKEN_BYTES_MAX {
        return Err(std::io::Error::other("it is too large to be a token"));
    }
    let text = fs::read_to_string(path)?;
    match text.trim() {
        "" => Err(std::io::Error::other("the file is empty")),
        token => Ok(token.to_owned()),
    }
}

/// The exit code of a run, as [`EXIT_CODES`] lists them.
pub fn exit_code(result: &anyhow::Result<Outcome>) -> u8 {
    let error = match result {
        Ok(Outcome::Fine) => return 0,
        Ok(Outcome::Partly) => return 3,
        Err(error) => error,
    };
    if is_closed_pipe(error) {
        return 0;
    }
    for cause in error.chain() {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure_code(failure.code);
        }
        if cause.is::<NothingFound>() {
            return 4;
        }
        if cause.is::<BadUsage>() || cause.is::<BadConnection>() {
            return 2;
        }
    }
    1
}

/// Whether whoever read the output has had enough, as `head` does: no failure.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    })
}

const fn failure_code(code: Code) -> u8 {
    match code {
        Code::NotFound => 4,
        Code::InvalidArgument
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::AlreadyExists
        | Code::OutOfRange => 5,
        Code::Unauthenticated | Code::PermissionDenied => 6,
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted => 7,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => 1,
    }
}

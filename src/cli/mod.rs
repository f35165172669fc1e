//! The command line: one file a subcommand, over the API of a running registry.
//!
//! Nothing here decides anything about housing. What a subcommand came to is an [`Outcome`] or an
//! error, and [`exit_code`] turns both into the number that scripts see ([`EXIT_CODES`], never
//! renumbered). All output goes through the writer that [`run`] is given.

pub mod bench;
pub mod case;
pub mod claim;
pub mod completions;
pub mod config;
pub mod coverage;
pub mod create;
pub mod demo;
pub mod diff;
pub mod due;
pub mod dump;
pub mod erase;
pub mod export;
pub mod field;
pub mod finding;
pub mod get;
pub mod history;
pub mod import;
pub mod line;
pub mod lineage;
pub mod list;
pub mod load;
pub mod message;
pub mod offline;
pub mod order;
pub mod page;
pub mod peer;
pub mod policy;
mod problem;
pub mod product;
pub mod prove;
pub mod read;
pub mod rebuild;
pub mod record;
pub mod reference;
pub mod region;
pub mod report;
mod rest;
pub mod search;
pub mod serve;
pub mod session;
pub mod set;
pub mod status;
pub mod table;
pub mod token;
pub mod totals;
mod transfer;
pub mod typed;
pub mod underwrite;
pub mod verify;
pub mod watch;
pub mod work;
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
    cli::{
        peer::Mismatch,
        session::{Output, Session},
    },
    client::{BadConnection, ClientTls, Connection, Failure, Retry, Sentences},
    kernel::violation::Violations,
    registry::{self, Class, DumpError},
    store::StoreError,
};

/// Where a registry is looked for.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:50051";
/// The variables of the environment that the command line reads, besides the server's settings.
pub const VARIABLES: [&str; 6] =
    ["ANJU_SERVER", "ANJU_TOKEN", "ANJU_TOKEN_FILE", "ANJU_CA", "ANJU_PERSON", "ANJU_CONFIG"];
/// Where `anju demo` leaves the token of its client.
pub const DEMO_TOKEN_FILE: &str = "./anju-data/client.token";
/// The largest file that is taken for a token.
const TOKEN_BYTES_MAX: u64 = 4096;

/// What the exit codes mean. Scripts rely on them: never renumber.
pub const EXIT_CODES: [(u8, &str); 9] = [
    (0, "fine"),
    (1, "failed for another reason"),
    (2, "the command line, or the configuration, is wrong"),
    (3, "partly refused (import), or damage found (verify, load, prove check and others)"),
    (4, "not found"),
    (5, "refused by a rule, or the request is wrong"),
    (6, "not authenticated (nor is a server whose certificate is not trusted), or not permitted"),
    (7, "the server is not reachable, or too busy"),
    (130, "interrupted (import tells what was taken so far)"),
];

const AFTER_HELP: &str = "\
Exit codes:
  0  fine
  1  failed for another reason
  2  the command line, or the configuration, is wrong
  3  partly refused (import), or damage found (verify, load, prove check and others)
  4  not found
  5  refused by a rule, or the request is wrong
  6  not authenticated (nor is a server whose certificate is not trusted), or not permitted
  7  the server is not reachable, or too busy
  130  interrupted (import tells what was taken so far)

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
        default_value = DEFAULT_SERVER
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
    /// Starts a registry with an example city.
    Demo(demo::DemoArgs),
    /// Serves a registry.
    Serve(serve::ServeArgs),
    /// Takes rows of files in.
    Import(import::ImportArgs),
    /// Writes rows to files that can be imported again.
    Export(export::ExportArgs),
    /// Shows one subject, on any day, as known at any moment.
    Get(get::GetArgs),
    /// Lists subjects of a kind, or cases.
    List(list::ListArgs),
    /// Shows every entry about a subject, and who said it.
    History(history::HistoryArgs),
    /// Shows what became known between two states of knowledge.
    Diff(diff::DiffArgs),
    /// Shows totals, their parts, their course, or their rows.
    Totals(totals::TotalsArgs),
    /// Lists the check-ups that are due, overdue first.
    Due(due::DueArgs),
    /// Explains an answer down to the rule and the inputs that it rests on.
    Explain(due::ExplainArgs),
    /// Finds subjects by name and address.
    Search(search::SearchArgs),
    /// Shows entries as they come.
    Watch(watch::WatchArgs),
    /// Saves and checks proofs that nothing was changed.
    Prove(prove::ProveArgs),
    /// Registers a subject.
    Create(create::CreateArgs),
    /// Says that the world changed.
    Change(write::ChangeArgs),
    /// Says that an entry was wrong.
    Correct(write::CorrectArgs),
    /// Takes an entry back.
    #[command(long_about = write::RETRACT_ABOUT)]
    Retract(write::RetractArgs),
    /// Ends a subject's life.
    End(write::EndArgs),
    /// Says that several became one.
    Merge(lineage::MergeArgs),
    /// Says that one became several.
    Split(lineage::SplitArgs),
    /// Says that a region came under another parent.
    Transfer(lineage::TransferArgs),
    /// Works on orders: assigns, moves, cancels, lists.
    Order(order::OrderArgs),
    /// Works on insurance policies: binds, cancels, lapses, lists.
    Policy(policy::PolicyArgs),
    /// Lists insurance products and shows what their clauses answer for.
    Product(product::ProductArgs),
    /// Works on insurance claims: takes them from the notice to the last payment, lists.
    Claim(claim::ClaimArgs),
    /// Works on work items: says what paid for a repair, lists.
    Work(work::WorkArgs),
    /// Tells which covers answer for a damage of a building or unit, and why the others do not.
    Coverage(coverage::CoverageArgs),
    /// Shows and saves the underwriter's file of a building, with its proof.
    Underwrite(underwrite::UnderwriteArgs),
    /// Works on reports of check-ups: records, signs, submits, accepts, returns, lists.
    Report(report::ReportArgs),
    /// Says what was seen of a defect and what is done about it.
    Finding(finding::FindingArgs),
    /// Lists findings: overdue, by class, by the age of their notices.
    Findings(finding::FindingsArgs),
    /// Loads, lists and compares editions of reference data.
    Reference(reference::ReferenceArgs),
    /// Works on cases: what people have to look at.
    Case(case::CaseArgs),
    /// Shows what the registry holds.
    Status(status::StatusArgs),
    /// Shows whom the registry takes you for.
    #[command(name = "whoami")]
    WhoAmI(status::WhoAmIArgs),
    /// Checks whether journal and state are whole. Needs no server.
    Verify(verify::VerifyArgs),
    /// Makes the state anew from the journal. Needs that no server runs.
    Rebuild(rebuild::RebuildArgs),
    /// Erases the free text of entries for ever, on an order. Needs that no server runs.
    Erase(erase::EraseArgs),
    /// Saves all entries of a data directory in one file, also beside a running server.
    Dump(dump::DumpArgs),
    /// Restores a dump into an empty data directory.
    Load(load::LoadArgs),
    /// Shows or checks the settings of a server.
    Config(config::ConfigArgs),
    /// Makes credentials.
    Token(token::TokenArgs),
    /// Measures this machine at the registry's work.
    Bench(bench::BenchArgs),
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
    /// A signal ended it before it was done; what was done stays.
    Interrupted,
}

/// What was looked for is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NothingFound(pub String);

/// The registry said no to what was done without a server: all that it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub Vec<registry::Refusal>);

impl std::error::Error for Refused {}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")?;
        let mut sentences = Sentences::default();
        for registry::Refusal { reason, field, message, .. } in &self.0 {
            let at = if field.is_empty() { "" } else { ": " };
            write!(f, "\n  {field}{at}{message} ({reason})")?;
            sentences.write(f, reason)?;
        }
        Ok(())
    }
}

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
        self.write(f, &mut Sentences::default())
    }
}

impl BadUsage {
    /// Writes it; a Chinese sentence that stands above already is not told again.
    fn write(
        &self,
        f: &mut std::fmt::Formatter<'_>,
        sentences: &mut Sentences,
    ) -> std::fmt::Result {
        f.write_str("the command line is wrong")?;
        for violation in self.0.list() {
            let at = if violation.field.is_empty() { "" } else { ": " };
            write!(f, "\n  {}{at}{}", violation.field, violation.message)?;
            if !violation.field.is_empty() {
                write!(f, " [{}]", violation.reason)?;
            }
            sentences.write(f, violation.reason)?;
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
    match &arguments.command {
        Command::Serve(args) => return serve::run(args).await,
        Command::Demo(args) => return demo::run(args, writer).await,
        _ => {}
    }
    let mut out = Output::new(writer, arguments.global.json, terminal);
    if let Command::Bench(args) = &arguments.command {
        let outcome = bench::run(args, &mut out).await?;
        out.flush()?;
        return Ok(outcome);
    }
    if let Some(done) = without_server(arguments, &mut out) {
        let outcome = done?;
        out.flush()?;
        return Ok(outcome);
    }
    let connection = connect(&arguments.global)?;
    let mut session = Session::new(connection, Retry::PATIENT, out);
    let outcome = dispatch(&arguments.command, &mut session).await;
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            let error = name_token(error, &arguments.global);
            return Err(name_server(error, &arguments.global.server).await);
        }
    };
    session.out.flush()?;
    Ok(outcome)
}

/// Does what needs no server; `None` for everything else.
fn without_server(arguments: &Arguments, out: &mut Output<'_>) -> Option<anyhow::Result<Outcome>> {
    Some(match &arguments.command {
        Command::Erase(args) => erase::run(args, arguments.global.person.as_deref(), out),
        Command::Verify(args) => verify::run(args, out),
        Command::Rebuild(args) => rebuild::run(args, out),
        Command::Dump(args) => dump::run(args, out),
        Command::Load(args) => load::run(args, out),
        Command::Config(args) => config::run(args, out, offline::settings),
        Command::Token(args) => token::run(args, out, token::add),
        Command::Prove(args) => prove::check(&args.check()?, out, prove::read_entry),
        Command::Completions(args) => completions::run(args, out.writer()),
        _ => return None,
    })
}

/// Names the server when it did not even refuse, and says so when it was called by the wrong scheme.
async fn name_server(error: anyhow::Error, server: &str) -> anyhow::Error {
    let Some(failure) = error.downcast_ref::<Failure>() else { return error };
    if let Some(mismatch) = peer::mismatch(failure, server).await {
        return mismatch.into();
    }
    let is_cut_off = matches!(failure.code, Code::Unavailable | Code::Cancelled);
    let is_silent = is_cut_off && failure.reason.is_none();
    if is_silent { error.context(format!("no answer from {server}")) } else { error }
}

/// Says which token was turned away, or where one was looked for and how to come by one.
fn name_token(error: anyhow::Error, global: &GlobalArgs) -> anyhow::Error {
    let code = error.downcast_ref::<Failure>().map(|failure| failure.code);
    if code != Some(Code::Unauthenticated) {
        return error;
    }
    let reason = error.downcast_ref::<Failure>().and_then(|failure| failure.reason.as_deref());
    if reason == Some("PERSON_MALFORMED") {
        return error.context("the person of --person or ANJU_PERSON was not taken");
    }
    if global.token.is_some() {
        return error.context("the token of --token or ANJU_TOKEN was not taken");
    }
    if let Some(path) = &global.token_file {
        return error.context(format!("the token in {} was not taken", path.display()));
    }
    if Path::new(DEMO_TOKEN_FILE).exists() {
        return error.context(format!("the token in {DEMO_TOKEN_FILE} was not taken"));
    }
    error.context(format!(
        "no token was sent: there is no --token (ANJU_TOKEN), no --token-file (ANJU_TOKEN_FILE), and \
         no {DEMO_TOKEN_FILE}, where `anju demo` leaves one; whoever runs the registry makes one with \
         `anju token new`"
    ))
}

async fn dispatch(command: &Command, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match command {
        Command::Import(args) => transfer::import(args, session).await,
        Command::Export(args) => transfer::export(args, session).await,
        Command::Get(args) => get::run(args, session).await,
        Command::List(args) => list::run(args, session).await,
        Command::History(args) => history::run(args, session).await,
        Command::Diff(args) => diff::run(args, session).await,
        Command::Totals(args) => totals::run(args, session).await,
        Command::Due(args) => due::run(args, session).await,
        Command::Explain(args) => due::explain(args, session).await,
        Command::Search(args) => search::run(args, session).await,
        Command::Watch(args) => watch::run(args, session).await,
        Command::Prove(args) => prove::run(args, session).await,
        Command::Create(args) => create::run(args, session).await,
        Command::Change(args) => write::change(args, session).await,
        Command::Correct(args) => write::correct(args, session).await,
        Command::Retract(args) => write::retract(args, session).await,
        Command::End(args) => write::end(args, session).await,
        Command::Merge(args) => lineage::merge(args, session).await,
        Command::Split(args) => lineage::split(args, session).await,
        Command::Transfer(args) => lineage::transfer(args, session).await,
        Command::Order(args) => order::run(args, session).await,
        Command::Policy(args) => policy::run(args, session).await,
        Command::Product(args) => product::run(args, session).await,
        Command::Claim(args) => claim::run(args, session).await,
        Command::Work(args) => work::run(args, session).await,
        Command::Coverage(args) => coverage::run(args, session).await,
        Command::Underwrite(args) => underwrite::run(args, session).await,
        Command::Report(args) => report::run(args, session).await,
        Command::Finding(args) => finding::run(args, session).await,
        Command::Findings(args) => finding::list(args, session).await,
        Command::Reference(args) => reference::run(args, session).await,
        Command::Case(args) => case::run(args, session).await,
        Command::Status(_) => status::status(session).await,
        Command::WhoAmI(_) => status::whoami(session).await,
        Command::Serve(_)
        | Command::Demo(_)
        | Command::Verify(_)
        | Command::Rebuild(_)
        | Command::Erase(_)
        | Command::Dump(_)
        | Command::Load(_)
        | Command::Config(_)
        | Command::Token(_)
        | Command::Bench(_)
        | Command::Completions(_) => anyhow::bail!("this is not asked of a server"),
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
        token if token.contains(char::is_whitespace) => {
            Err(std::io::Error::other("there is more than a token in it"))
        }
        token => Ok(token.to_owned()),
    }
}

/// What is said of a run that failed: sentences, or with `--json` an object on one line.
pub fn told(error: &anyhow::Error, json: bool) -> String {
    if json { problem::json(error).to_string() } else { format!("anju: {error:#}") }
}

/// The exit code of a run, as [`EXIT_CODES`] lists them.
pub fn exit_code(result: &anyhow::Result<Outcome>) -> u8 {
    let error = match result {
        Ok(Outcome::Fine) => return 0,
        Ok(Outcome::Partly) => return 3,
        // What shells say of a program that Ctrl-C ended.
        Ok(Outcome::Interrupted) => return 130,
        Err(error) => error,
    };
    failed_code(error)
}

/// The exit code of a run that failed.
pub(crate) fn failed_code(error: &anyhow::Error) -> u8 {
    if is_closed_pipe(error) {
        return 0;
    }
    for cause in error.chain() {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure_code(failure.code);
        }
        match cause.downcast_ref() {
            Some(Mismatch::Untrusted { .. }) => return 6,
            Some(Mismatch::SpeaksTls(_) | Mismatch::SpeaksInClear(_)) => return 7,
            None => {}
        }
        if is_damage(cause) {
            return 3;
        }
        if cause.is::<NothingFound>() {
            return 4;
        }
        if let Some(Refused(refusals)) = cause.downcast_ref() {
            let is_missing = |refusal: &registry::Refusal| refusal.class == Class::NotFound;
            return if refusals.iter().all(is_missing) { 4 } else { 5 };
        }
        let is_usage = cause.is::<BadUsage>()
            || cause.is::<rest::WrongAndRefused>()
            || cause.is::<import::Unusable>()
            || cause.is::<offline::BadSettings>();
        if is_usage || cause.is::<BadConnection>() {
            return 2;
        }
    }
    1
}

/// Whether something that was written is not what is read. An error that hands on what another says
/// hides it from the chain, so each of them is asked.
fn is_damage(cause: &(dyn std::error::Error + 'static)) -> bool {
    let is_damaged = |error: &StoreError| matches!(error, StoreError::Damage { .. });
    if let Some(error) = cause.downcast_ref::<DumpError>() {
        return error.is_damage();
    }
    if let Some(error) = cause.downcast_ref::<registry::Error>() {
        return matches!(error, registry::Error::Store(error) if is_damaged(error));
    }
    cause.downcast_ref::<StoreError>().is_some_and(is_damaged)
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
        // A call is cancelled by a connection that closes under it, never by the server.
        Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded | Code::ResourceExhausted => 7,
        Code::Ok | Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    /// The flags of what is done without a running registry.
    #[derive(Parser)]
    #[command(name = "anju")]
    enum Offline {
        Serve(serve::ServeArgs),
        Demo(demo::DemoArgs),
        Bench(bench::BenchArgs),
    }

    fn command(words: &[&str]) -> Command {
        Arguments::try_parse_from(words).unwrap().command
    }

    #[test]
    fn the_examples_of_offline_commands_parse() {
        Offline::command().debug_assert();
        for sub in Offline::command().get_subcommands_mut() {
            let help = sub.render_long_help().to_string();
            for line in help.lines().filter(|line| line.starts_with("  anju ")) {
                let line = line.trim();
                let line = line.split(" > ").next().unwrap().replace("--json", "");
                // The demo names commands that ask it.
                let words = || {
                    let parts = line.split('\'').enumerate();
                    parts.flat_map(|(nth, part)| match nth % 2 {
                        0 => part.split_whitespace().collect(),
                        _ => vec![part],
                    })
                };
                let asks = Arguments::try_parse_from(words()).is_ok();
                if let Err(error) = Offline::try_parse_from(words()).map(drop)
                    && !asks
                {
                    panic!("{line}: {error}");
                }
            }
        }
    }

    #[test]
    fn a_setting_is_a_name_and_a_value() {
        let parse = |setting: &str| {
            let flags = ["anju", "serve", "--setting", setting];
            match Offline::try_parse_from(flags) {
                Ok(Offline::Serve(args)) => args.settings.settings.first().cloned(),
                _ => None,
            }
        };
        assert_eq!(parse("listen = [::1]:5"), Some(("listen".to_owned(), "[::1]:5".to_owned())));
        assert_eq!(parse("log.level=a=b"), Some(("log.level".to_owned(), "a=b".to_owned())));
        assert_eq!(parse("listen"), None);
        assert_eq!(parse("=5"), None);
    }

    #[test]
    fn a_configuration_is_shown_and_checked() {
        let run = |words: &[&str], json: bool| {
            let Command::Config(args) = command(&[&["anju", "config"], words].concat()) else {
                panic!("no config")
            };
            let mut written = Vec::new();
            let mut out = Output::new(&mut written, json, false);
            let read = |args: &config::SettingArgs| {
                let loaded = crate::config::Config::load(None, &|_| None, &args.settings);
                loaded.map_err(|wrong| offline::BadSettings(wrong).into())
            };
            let result = config::run(&args, &mut out, read);
            (exit_code(&result), String::from_utf8(written).unwrap())
        };
        let (code, shown) = run(&["show", "--setting", "writer.queue=77"], false);
        assert!(code == 0 && shown.contains("writer.queue = 77  # "), "{shown}");
        let (_, shown) = run(&["show", "--setting", "writer.queue=77"], true);
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let settings = shown["settings"].as_array().unwrap();
        let queue = settings.iter().find(|one| one["name"] == "writer.queue").unwrap();
        assert_eq!(queue["value"], "77");
        assert_eq!(run(&["check"], false).1, "the configuration is fine 配置无误\n");
        assert_eq!(run(&["check", "--setting", "writer.queue=no"], false).0, 2);
        let absent = ["tls.certificate=nosuch.pem", "tls.key=nosuch.key"];
        let words = ["check", "--setting", absent[0], "--setting", absent[1]];
        assert_eq!(run(&words, false), (2, String::new()));
    }

    #[test]
    fn a_token_is_written_alone_on_its_line() {
        let words = "anju token new --role auditor --subject audit --everywhere --until 2026-12-31";
        let words = words.split(' ').collect::<Vec<_>>();
        let Command::Token(args) = command(&words) else { panic!("no token") };
        let mut written = Vec::new();
        let mut out = Output::new(&mut written, false, false);
        let add = |new: &token::NewTokenArgs| {
            assert_eq!(
                new.until.map(|stamp| stamp.to_string()).unwrap(),
                "2026-12-31T15:59:59.999999Z"
            );
            Ok("s3cret".to_owned())
        };
        token::run(&args, &mut out, add).unwrap();
        assert_eq!(written, b"s3cret\n");
    }

    #[test]
    fn every_variable_of_the_environment_is_known() {
        let command = Arguments::command();
        let used = command.get_arguments().filter_map(|flag| flag.get_env()?.to_str());
        assert_eq!(used.chain(["ANJU_CONFIG"]).collect::<Vec<_>>(), VARIABLES);
    }

    #[test]
    fn a_token_file_holds_one_word() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("client.token");
        for (text, token) in
            [("s3cret\n", Some("s3cret")), ("", None), ("\n", None), ("[[token]]\nhash = 1", None)]
        {
            fs::write(&path, text).unwrap();
            assert_eq!(read_token(&path).ok().as_deref(), token, "{text:?}");
        }
        fs::write(&path, "s".repeat(5000)).unwrap();
        assert!(read_token(&path).is_err());
    }
}

//! The server as a process of its own, on a port that the system chooses.
//!
//! The directory of a test that fails is kept and named, so that it can be looked at.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anju::{
    auth::{
        actor::{Reach, Regions},
        role::Role,
        token::{self, NewToken},
    },
    client::{ClientTls, Connection},
};
use tempfile::TempDir;

/// Far longer than a start takes here; a test that meets it has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A directory for a registry, with the token of an operator beside it.
pub(crate) struct Home {
    directory: Option<TempDir>,
    secret: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let secret = operator(&directory.path().join("tokens.toml"));
        Self { directory: Some(directory), secret }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.as_ref().unwrap().path()
    }

    /// Where journal and state are.
    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// The operator's token.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// Settings for small files and a port of the system's choice.
    fn settings(&self) -> Vec<(String, String)> {
        let of = |name: &str, value: String| (name.to_owned(), value);
        vec![
            of("data_dir", self.data().display().to_string()),
            of("auth.token_file", self.path().join("tokens.toml").display().to_string()),
            of("listen", "127.0.0.1:0".to_owned()),
            of("log.format", "json".to_owned()),
            of("log.level", "info,anju::request=warn".to_owned()),
            of("store.segment_mib", "1".to_owned()),
            of("store.cache_mib", "16".to_owned()),
            of("store.disk_reserve_mib", "16".to_owned()),
        ]
    }

    /// How the server of this directory is called. `more` goes before what is usual here.
    pub(crate) fn command(&self, wrapper: &[OsString], more: &[(&str, &str)]) -> Command {
        let server = [env!("CARGO_BIN_EXE_anju").into(), "serve".into()];
        let mut words = wrapper.iter().cloned().chain(server);
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        let mut settings = self.settings();
        settings.retain(|(name, _)| more.iter().all(|(other, _)| name != other));
        settings.extend(more.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        for (name, value) in settings {
            command.arg("--setting").arg(format!("{name}={value}"));
        }
        without_settings(&mut command);
        command
    }

    /// How a subcommand that works on this directory without a server is called.
    pub(crate) fn offline(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_anju"));
        command.args(words);
        for (name, value) in self.settings() {
            command.arg("--setting").arg(format!("{name}={value}"));
        }
        without_settings(&mut command);
        command
    }

    /// Starts the server and waits until it serves.
    pub(crate) fn serve(&self) -> Server {
        Server::start(self.command(&[], &[])).unwrap_or_else(|log| panic!("no start:\n{log}"))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(directory) = self.directory.take()
        {
            eprintln!("the directory is kept: {}", directory.keep().display());
        }
    }
}

/// Takes the environment's settings from a command: a test says itself how it wants things.
pub(crate) fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("ANJU_")) {
            command.env_remove(name);
        }
    }
}

/// Makes a token that may do everything everywhere.
pub(crate) fn operator(tokens: &Path) -> String {
    let new = NewToken {
        subject: "tester".to_owned(),
        role: Role::Operator,
        institution: None,
        reach: Reach { regions: Regions::All, institutions: BTreeSet::new() },
        not_after: None,
    };
    token::add(tokens, &new).unwrap()
}

/// A running server. It is killed when this goes.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    log: Log,
}

/// What a process writes to its standard error, as it comes.
struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    serving: Receiver<SocketAddr>,
    reader: Option<JoinHandle<()>>,
}

impl Log {
    fn of(child: &mut Child) -> Self {
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (told, serving) = channel();
        let kept = Arc::clone(&lines);
        let reader = std::thread::spawn(move || {
            for line in stderr.lines() {
                let Ok(line) = line else { return };
                if let Some(address) = serving_at(&line) {
                    // Nobody listens any more once the address is known.
                    let _ = told.send(address);
                }
                kept.lock().unwrap().push(line);
            }
        });
        Self { lines, serving, reader: Some(reader) }
    }

    fn text(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }
}

/// The address in the line by which a server says that it serves.
fn serving_at(line: &str) -> Option<SocketAddr> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    if line.get("message")? != "serving" {
        return None;
    }
    line.get("address")?.as_str()?.parse().ok()
}

impl Server {
    /// Starts a process and waits until it serves; the error is all that it wrote.
    pub(crate) fn start(mut command: Command) -> Result<Self, String> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = Log::of(&mut child);
        match log.serving.recv_timeout(PATIENCE) {
            Ok(address) => return Ok(Self { child, address, log }),
            Err(RecvTimeoutError::Timeout) => child.kill().unwrap(),
            Err(RecvTimeoutError::Disconnected) => {}
        }
        let status = child.wait().unwrap();
        log.reader.take().unwrap().join().unwrap();
        Err(format!("{}\n{status}", log.text()))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A connection of its own for the operator.
    pub(crate) fn connect(&self, home: &Home) -> Connection {
        let secret = Some(home.secret().to_owned());
        Connection::open(&self.url(), secret, &ClientTls::default()).unwrap()
    }

    /// What it wrote to its log so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: no line of the server's runs any more.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; how it ended, how long that took, and the whole log.
    pub(crate) fn terminate(mut self) -> (ExitStatus, Duration, String) {
        let began = Instant::now();
        signal("TERM", self.child.id());
        let status = self.child.wait().unwrap();
        let took = began.elapsed();
        self.log.reader.take().unwrap().join().unwrap();
        (status, took, self.log.text())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let skipped = log.lines().count().saturating_sub(40);
            let last: Vec<_> = log.lines().skip(skipped).collect();
            eprintln!("the server's log ends:\n{}", last.join("\n"));
        }
    }
}

/// Sends a signal by the shell, which every system has.
pub(crate) fn signal(name: &str, process: u32) {
    let script = format!("kill -s {name} {process}");
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
}

//! The server's configuration: one table of settings, read from file, environment and flags.
//!
//! A flag wins over the environment, which wins over the file, which wins over the default. What is
//! not a setting is refused, with a guess at what was meant, and all mistakes come back at once.
//! `docs/configuration.md` is written from the table. Settings are handed down as values: no lower
//! floor knows this file. Nothing here is secret: keys and tokens are named by path.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::kernel::violation::Violations;

/// Bytes of a configuration file.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What begins the name of a variable of the environment.
pub const ENVIRONMENT_PREFIX: &str = "ANJU_";

/// How the names begin by which the test suite is told what to do: no settings of a registry, and
/// none that it takes for mistyped ones.
const TEST_PREFIX: &str = "ANJU_TEST_";

/// One setting, as people are told about it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name in the file and as a flag, for example `store.cache_mib`.
    pub name: &'static str,
    /// Its value when nobody gives one; `None` when it is then not set.
    pub default: Option<&'static str>,
    /// What it can be.
    pub kind: Kind,
    /// What it is for.
    pub sentence: &'static str,
}

/// What a setting can be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A path, taken from the directory in which the server is started.
    Path,
    /// An address and a port.
    Address,
    /// A whole number.
    Count {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
        /// Of what.
        unit: &'static str,
    },
    /// True or false.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Which log lines to write: a level, or `target=level` pairs with commas between them.
    Targets,
}

/// Every setting, in the order in which people are shown them.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "data_dir",
        default: Some("./anju-data"),
        kind: Kind::Path,
        sentence: "Where journal and state are kept; one server at a time.",
    },
    Setting {
        name: "listen",
        default: Some("127.0.0.1:50051"),
        kind: Kind::Address,
        sentence: "Where gRPC is served. Without TLS it must be an address of this machine alone \
                   (127.0.0.1 or [::1]).",
    },
    Setting {
        name: "metrics_listen",
        default: None,
        kind: Kind::Address,
        sentence: "Where /metrics and /healthz are served, in plain HTTP and to anybody who can \
                   reach it; not served when not set.",
    },
    Setting {
        name: "tls.certificate",
        default: None,
        kind: Kind::Path,
        sentence: "PEM file of the server's certificate, followed by those that lead to the root.",
    },
    Setting {
        name: "tls.key",
        default: None,
        kind: Kind::Path,
        sentence: "PEM file of the certificate's private key.",
    },
    Setting {
        name: "tls.reload_s",
        default: Some("60"),
        kind: Kind::Count { min: 1, max: 86_400, unit: "seconds" },
        sentence: "How often the two files are looked at; a changed pair serves new connections.",
    },
    Setting {
        name: "auth.token_file",
        default: None,
        kind: Kind::Path,
        sentence: "The file of tokens that `anju token new` writes; tokens.toml in data_dir when \
                   not set. A change is noticed within a second.",
    },
    Setting {
        name: "log.format",
        default: Some("text"),
        kind: Kind::Choice(&["text", "json"]),
        sentence: "How log lines are written to standard error.",
    },
    Setting {
        name: "log.level",
        default: Some("info"),
        kind: Kind::Targets,
        sentence: "Which log lines are written: error, warn, info, debug, trace or off, or pairs \
                   such as `info,anju::request=warn`, which leaves out the line of every request.",
    },
    Setting {
        name: "store.cache_mib",
        default: Some("256"),
        kind: Kind::Count { min: 8, max: 1_048_576, unit: "MiB" },
        sentence: "Memory for the state's pages; the process takes more than this.",
    },
    Setting {
        name: "store.buffer_mib",
        default: Some("64"),
        kind: Kind::Count { min: 1, max: 4_096, unit: "MiB" },
        sentence: "Memory for changes of the state before they go to its pages together; up to \
                   twice as much is used while they do. More makes imports and rebuilds faster.",
    },
    Setting {
        name: "store.segment_mib",
        default: Some("64"),
        kind: Kind::Count { min: 1, max: 1_024, unit: "MiB" },
        sentence: "Size of a journal file; the next one is zero-filled in advance.",
    },
    Setting {
        name: "store.disk_reserve_mib",
        default: Some("1024"),
        kind: Kind::Count { min: 16, max: 16_777_216, unit: "MiB" },
        sentence: "Free room on the disk below which writes are refused and reads go on.",
    },
    Setting {
        name: "writer.queue",
        default: Some("1024"),
        kind: Kind::Count { min: 1, max: 1_000_000, unit: "commands" },
        sentence: "Commands that may wait to be written; the next one is told to come again.",
    },
    Setting {
        name: "writer.batch_commands_max",
        default: Some("256"),
        kind: Kind::Count { min: 1, max: 10_000, unit: "commands" },
        sentence: "Commands that may share one sync of the disk.",
    },
    Setting {
        name: "limits.request_mib",
        default: Some("8"),
        kind: Kind::Count { min: 1, max: 64, unit: "MiB" },
        sentence: "The largest request message.",
    },
    Setting {
        name: "limits.concurrent_requests",
        default: Some("1024"),
        kind: Kind::Count { min: 1, max: 1_000_000, unit: "requests" },
        sentence: "Requests served at one time, over all connections.",
    },
    Setting {
        name: "watch.buffer_entries",
        default: Some("1024"),
        kind: Kind::Count { min: 16, max: 1_000_000, unit: "entries" },
        sentence: "Entries by which a watcher may fall behind before it is dropped with what it \
                   needs to resume.",
    },
    Setting {
        name: "shutdown_s",
        default: Some("10"),
        kind: Kind::Count { min: 1, max: 600, unit: "seconds" },
        sentence: "How long running requests may take to end after the signal to stop.",
    },
    Setting {
        name: "clock.allow_behind",
        default: Some("false"),
        kind: Kind::Switch,
        sentence: "Start although the clock is behind the last stamp, or a day ahead of it. New \
                   stamps follow the last one all the same.",
    },
];

/// The configuration in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where journal and state are kept.
    pub data_dir: PathBuf,
    /// Where gRPC is served.
    pub listen: SocketAddr,
    /// Where metrics are served.
    pub metrics_listen: Option<SocketAddr>,
    /// Certificate and key; without them `listen` is a loopback address.
    pub tls: Option<Tls>,
    /// The file of tokens.
    pub token_file: PathBuf,
    /// Log lines.
    pub log: Log,
    /// The store.
    pub store: Store,
    /// The writer.
    pub writer: Writer,
    /// What is too much.
    pub limits: Limits,
    /// Entries by which a watcher may fall behind.
    pub watch_buffer_entries: usize,
    /// How long running requests may take to end.
    pub shutdown: Duration,
    /// Start although the clock is wrong.
    pub clock_allow_behind: bool,
    /// Every setting with its value and where that is from.
    effective: Vec<Effective>,
}

/// How connections are secured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of the chain.
    pub certificate: PathBuf,
    /// PEM file of the key.
    pub key: PathBuf,
    /// How often to look at them.
    pub reload: Duration,
}

/// How log lines are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Their form.
    pub format: LogFormat,
    /// Which ones, in the syntax of [`Targets`]; known to parse.
    pub level: String,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// An object a line.
    Json,
}

/// Settings of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    /// Memory for pages of the state.
    pub cache_bytes: u64,
    /// Memory for changes of the state on their way to its pages.
    pub buffer_bytes: u64,
    /// Size of a journal file.
    pub segment_bytes: u64,
    /// Room kept free on the disk.
    pub disk_reserve_bytes: u64,
}

/// Settings of the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer {
    /// Commands that may wait.
    pub queue: usize,
    /// Commands of one group commit.
    pub batch_commands_max: usize,
}

/// What is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest request message.
    pub request_bytes: usize,
    /// Requests served at one time.
    pub concurrent_requests: usize,
}

/// Where a value is from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Environment(String),
    Flag,
}

/// One setting's value in force.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Effective {
    name: &'static str,
    value: Option<Value>,
    origin: Origin,
}

/// A value that its kind accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Path(PathBuf),
    Address(SocketAddr),
    Count(u64),
    Switch(bool),
    Word(String),
}

impl Config {
    /// Reads the settings: from `file` if there is one, then from `environment` (asked for each
    /// variable by name), then from `flags` (pairs of setting and value; an empty value takes a
    /// setting that may be missing away).
    ///
    /// On refusal every mistake, each with the setting and where it was given.
    pub fn load(
        file: Option<&Path>,
        environment: &dyn Fn(&str) -> Option<String>,
        flags: &[(String, String)],
    ) -> Result<Self, Violations> {
        let mut loader = Loader::default();
        if let Some(path) = file {
            loader.file(path);
        }
        for setting in SETTINGS {
            let variable = setting.variable();
            // An empty variable is how some launchers say that there is none.
            if let Some(text) = environment(&variable).filter(|text| !text.is_empty()) {
                loader.text(setting, &text, Origin::Environment(variable));
            }
        }
        for (name, text) in flags {
            match find(name) {
                Some(setting) => loader.text(setting, text, Origin::Flag),
                None => loader.unknown(name, &Origin::Flag),
            }
        }
        loader.finish()
    }

    /// Every setting as a line of a configuration file, with where its value is from.
    pub fn render(&self) -> String {
        let line = |effective: &Effective| match &effective.value {
            Some(value) => format!("{} = {value}  # {}\n", effective.name, effective.origin),
            None => format!("# {} is not set\n", effective.name),
        };
        self.effective.iter().map(line).collect::<Vec<_>>().concat()
    }

    /// Every setting with its value, if it has one, and where that is from.
    pub fn settings(&self) -> impl Iterator<Item = (&'static str, Option<String>, String)> {
        self.effective.iter().map(|effective| {
            let value = effective.value.as_ref().map(ToString::to_string);
            (effective.name, value, effective.origin.to_string())
        })
    }
}

impl Setting {
    /// Its name in the environment, for example `ANJU_STORE_CACHE_MIB`.
    pub fn variable(&self) -> String {
        format!("{ENVIRONMENT_PREFIX}{}", self.name.replace('.', "_").to_ascii_uppercase())
    }
}

impl Kind {
    /// Reads a value from the environment or a flag.
    fn parse(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Path if text.contains('\0') => Err("a path has no zero byte in it".to_owned()),
            Self::Path => Ok(Value::Path(PathBuf::from(text))),
            Self::Address => text
                .parse()
                .map(Value::Address)
                .map_err(|_| "an address and a port, for example 127.0.0.1:50051".to_owned()),
            Self::Count { min, max, unit } => text
                .parse()
                .ok()
                .filter(|count| (min..=max).contains(count))
                .map(Value::Count)
                .ok_or_else(|| format!("a whole number of {unit} from {min} to {max}")),
            Self::Switch => match text {
                "true" => Ok(Value::Switch(true)),
                "false" => Ok(Value::Switch(false)),
                _ => Err("true or false".to_owned()),
            },
            Self::Choice(words) if words.contains(&text) => Ok(Value::Word(text.to_owned())),
            Self::Choice(words) => Err(format!("one of {}", words.join(", "))),
            // A bare word that is no level would be a target, and silence everything else.
            Self::Targets => match text.parse::<Targets>() {
                Ok(_) if text.split(',').all(|part| part.contains('=') || is_level(part)) => {
                    Ok(Value::Word(text.to_owned()))
                }
                _ => Err("error, warn, info, debug, trace or off, or pairs such as \
                               info,anju::request=warn"
                    .to_owned()),
            },
        }
    }

    /// Whether a value of the file has the type in which this kind is written there.
    fn is_written_as(self, value: &DeValue<'_>) -> bool {
        match self {
            Self::Path | Self::Address | Self::Choice(_) | Self::Targets => value.is_str(),
            Self::Count { .. } => value.is_integer(),
            Self::Switch => value.is_bool(),
        }
    }

    fn words(self) -> String {
        match self {
            Self::Path => "path".to_owned(),
            Self::Address => "address:port".to_owned(),
            Self::Count { min, max, unit } => format!("{unit}, {min} to {max}"),
            Self::Switch => "true, false".to_owned(),
            Self::Choice(words) => words.join(", "),
            Self::Targets => "levels".to_owned(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write_text(&path.to_string_lossy(), f),
            Self::Address(address) => write_text(&address.to_string(), f),
            Self::Count(count) => write!(f, "{count}"),
            Self::Switch(on) => write!(f, "{on}"),
            Self::Word(word) => write_text(word, f),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "default"),
            Self::File { path, line } => {
                write!(f, "{} line {line}", path.display().to_string().escape_debug())
            }
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::Flag => write!(f, "flag"),
        }
    }
}

fn is_level(word: &str) -> bool {
    word.trim().parse::<LevelFilter>().is_ok()
}

/// Writes a text as TOML does.
fn write_text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "\"")?;
    for letter in text.chars() {
        match letter {
            '"' | '\\' => write!(f, "\\{letter}")?,
            control if control.is_control() => write!(f, "\\u{:04x}", u32::from(control))?,
            plain => write!(f, "{plain}")?,
        }
    }
    write!(f, "\"")
}

/// What is wrong with the names of the environment's variables: those that begin as ours do and are
/// neither a setting's nor in `others`.
pub fn check_variables(
    names: impl IntoIterator<Item = String>,
    others: &[&str],
) -> Result<(), Violations> {
    let mut violations = Violations::default();
    for name in names.into_iter().filter(|name| name.starts_with(ENVIRONMENT_PREFIX)) {
        let ours = SETTINGS.iter().any(|setting| setting.variable() == name);
        let theirs = name.starts_with(TEST_PREFIX) || others.contains(&name.as_str());
        if !ours && !theirs {
            let guess = guess(&name, SETTINGS.iter().map(Setting::variable));
            let message = format!("there is no such setting{guess} (environment)");
            violations.add(shortened(&name), "UNKNOWN_SETTING", message);
        }
    }
    violations.or(())
}

/// Collects values and mistakes, layer by layer.
#[derive(Default)]
struct Loader {
    values: BTreeMap<&'static str, (Option<Value>, Origin)>,
    violations: Violations,
}

impl Loader {
    fn file(&mut self, path: &Path) {
        match read(path) {
            Ok(text) => self.file_text(path, &text),
            Err(error) => {
                let message = format!("{}: {error}", path.display());
                self.violations.add("file", "FILE_UNREADABLE", message);
            }
        }
    }

    fn file_text(&mut self, path: &Path, text: &str) {
        let (root, errors) = DeTable::parse_recoverable(text);
        let origin = |offset| Origin::File { path: path.into(), line: line_of(text, offset) };
        for error in &errors {
            let at = origin(error.span().map_or(0, |span| span.start));
            self.violations.add("file", "NOT_TOML", format!("{} ({at})", error.message()));
        }
        if errors.is_empty() {
            self.table("", root.get_ref(), &origin);
        }
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>, origin: &dyn Fn(usize) -> Origin) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            let at = origin(key.span().start);
            match (find(&name), value.get_ref()) {
                (Some(setting), _) => self.file_value(setting, value, at),
                (None, DeValue::Table(inner)) if !inner.is_empty() => {
                    self.table(&format!("{name}."), inner, origin);
                }
                // A heading with nothing below it, as in a file whose lines are commented out.
                (None, DeValue::Table(_)) if is_group(&name) => {}
                (None, _) => self.unknown(&name, &at),
            }
        }
    }

    fn file_value(&mut self, setting: &Setting, value: &Spanned<DeValue<'_>>, origin: Origin) {
        let value = value.get_ref();
        let text = match value {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => {
                let digits = i64::from_str_radix(number.as_str(), number.radix());
                digits.map_or_else(|_| number.to_string(), |digits| digits.to_string())
            }
            DeValue::Boolean(on) => on.to_string(),
            _ => String::new(),
        };
        if setting.kind.is_written_as(value) {
            self.text(setting, &text, origin);
        } else {
            let form = match setting.kind {
                Kind::Count { .. } => "a number without quotes",
                Kind::Switch => "true or false without quotes",
                _ => "a text in quotes",
            };
            let message = format!("is to be {form}, not {} ({origin})", value.type_str());
            self.violations.add(setting.name, "WRONG_TYPE", message);
        }
    }

    fn text(&mut self, setting: &Setting, text: &str, origin: Origin) {
        if text.is_empty() && setting.default.is_none() {
            self.values.insert(setting.name, (None, origin));
            return;
        }
        let parsed = if text.is_empty() {
            Err("is not to be empty".to_owned())
        } else {
            setting.kind.parse(text).map_err(|wanted| format!("is to be {wanted}; not {text:?}"))
        };
        match parsed {
            Ok(value) => {
                self.values.insert(setting.name, (Some(value), origin));
            }
            Err(message) => {
                self.violations.add(setting.name, "BAD_VALUE", format!("{message} ({origin})"));
            }
        }
    }

    fn unknown(&mut self, name: &str, origin: &Origin) {
        let guess = guess(name, SETTINGS.iter().map(|setting| setting.name.to_owned()));
        let message = format!("there is no such setting{guess} ({origin})");
        self.violations.add(shortened(name), "UNKNOWN_SETTING", message);
    }

    fn finish(mut self) -> Result<Config, Violations> {
        for setting in SETTINGS {
            if !self.values.contains_key(setting.name) {
                let value = setting.default.and_then(|text| setting.kind.parse(text).ok());
                self.values.insert(setting.name, (value, Origin::Default));
            }
        }
        let tls = self.tls();
        let listen = self.address("listen");
        if let Some(address) = listen
            && tls.is_none()
            && !address.ip().is_loopback()
        {
            let message = format!(
                "{address} can be reached from other machines and there is no TLS: set \
                 tls.certificate and tls.key, or listen on 127.0.0.1:{}",
                address.port()
            );
            self.violations.add("listen", "TLS_REQUIRED", message);
        }
        let data_dir = self.path("data_dir").unwrap_or_default();
        let config = Config {
            listen: listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
            metrics_listen: self.address("metrics_listen"),
            tls,
            token_file: self
                .path("auth.token_file")
                .unwrap_or_else(|| data_dir.join("tokens.toml")),
            data_dir,
            log: self.log(),
            store: Store {
                cache_bytes: self.mebibytes("store.cache_mib"),
                buffer_bytes: self.mebibytes("store.buffer_mib"),
                segment_bytes: self.mebibytes("store.segment_mib"),
                disk_reserve_bytes: self.mebibytes("store.disk_reserve_mib"),
            },
            writer: Writer {
                queue: self.size("writer.queue"),
                batch_commands_max: self.size("writer.batch_commands_max"),
            },
            limits: Limits {
                request_bytes: usize::try_from(self.mebibytes("limits.request_mib"))
                    .unwrap_or(usize::MAX),
                concurrent_requests: self.size("limits.concurrent_requests"),
            },
            watch_buffer_entries: self.size("watch.buffer_entries"),
            shutdown: self.seconds("shutdown_s"),
            clock_allow_behind: matches!(
                self.value("clock.allow_behind"),
                Some(Value::Switch(true))
            ),
            effective: self.effective(),
        };
        self.violations.or(config)
    }

    fn tls(&mut self) -> Option<Tls> {
        match (self.path("tls.certificate"), self.path("tls.key")) {
            (Some(certificate), Some(key)) => {
                Some(Tls { certificate, key, reload: self.seconds("tls.reload_s") })
            }
            (None, None) => None,
            (Some(_), None) => {
                self.violations.add(
                    "tls.key",
                    "REQUIRED",
                    "tls.certificate is set, so this must be",
                );
                None
            }
            (None, Some(_)) => {
                let message = "tls.key is set, so this must be";
                self.violations.add("tls.certificate", "REQUIRED", message);
                None
            }
        }
    }

    fn log(&self) -> Log {
        let word = |name| match self.value(name) {
            Some(Value::Word(word)) => word.clone(),
            _ => String::new(),
        };
        let format = if word("log.format") == "json" { LogFormat::Json } else { LogFormat::Text };
        Log { format, level: word("log.level") }
    }

    fn effective(&self) -> Vec<Effective> {
        let of = |setting: &Setting| {
            let (value, origin) = self.values.get(setting.name)?;
            Some(Effective { name: setting.name, value: value.clone(), origin: origin.clone() })
        };
        SETTINGS.iter().filter_map(of).collect()
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name).and_then(|(value, _)| value.as_ref())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        match self.value(name)? {
            Value::Path(path) => Some(path.clone()),
            _ => None,
        }
    }

    fn address(&self, name: &str) -> Option<SocketAddr> {
        match self.value(name)? {
            Value::Address(address) => Some(*address),
            _ => None,
        }
    }

    fn count(&self, name: &str) -> u64 {
        match self.value(name) {
            Some(Value::Count(count)) => *count,
            _ => 0,
        }
    }

    fn size(&self, name: &str) -> usize {
        usize::try_from(self.count(name)).unwrap_or(usize::MAX)
    }

    fn mebibytes(&self, name: &str) -> u64 {
        self.count(name).saturating_mul(1024 * 1024)
    }

    fn seconds(&self, name: &str) -> Duration {
        Duration::from_secs(self.count(name))
    }
}

fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// Whether settings are grouped under this name.
fn is_group(name: &str) -> bool {
    SETTINGS
        .iter()
        .any(|setting| setting.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

fn read(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(std::io::Error::other("a configuration file has at most 1 MiB"));
    }
    std::fs::read_to_string(path)
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// The one of `known` that `name` was probably to be, as the end of a sentence.
fn guess(name: &str, known: impl Iterator<Item = String>) -> String {
    known
        .map(|known| (distance(&known, name), known))
        .min()
        .filter(|(steps, known)| *steps <= (known.len() / 3).max(2))
        .map(|(_, known)| format!("; did you mean {known}?"))
        .unwrap_or_default()
}

/// Of a name that somebody made up, as much as a message needs.
fn shortened(name: &str) -> String {
    name.chars().take(80).collect()
}

/// Letters to insert, take away or replace to come from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(80).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut next = vec![index + 1];
        let mut left = index + 1;
        for ((above_left, above), found) in row.iter().zip(row.iter().skip(1)).zip(&other) {
            let replaced = above_left + usize::from(*found != letter);
            left = replaced.min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// The page about all settings.
pub fn document() -> String {
    let row = |setting: &Setting| {
        let default =
            setting.default.map_or_else(|| "not set".to_owned(), |text| format!("`{text}`"));
        format!(
            "| `{}` | `{}` | {default} | {} | {} |\n",
            setting.name,
            setting.variable(),
            setting.kind.words(),
            setting.sentence,
        )
    };
    format!("{HEAD}{}", SETTINGS.iter().map(row).collect::<Vec<_>>().concat())
}

const HEAD: &str = "\
# Configuration

Written from the table in `src/config.rs`; `UPDATE_EXPECT=1 cargo test --test house` writes it anew.

A setting is given in a TOML file, in the environment or as a flag. A flag wins over the
environment, which wins over the file, which wins over the default. What is not a setting is
refused, and all mistakes are named at once. Relative paths begin where the server is started.
An empty variable of the environment counts as not given; an empty flag takes away a setting that
may be missing.

```toml
data_dir = \"/var/lib/anju\"
listen = \"0.0.0.0:50051\"

[tls]
certificate = \"/etc/anju/server.pem\"
key = \"/etc/anju/server.key\"

[log]
format = \"json\"
```

| Setting | Environment | Default | Value | Meaning |
|---|---|---|---|---|
";

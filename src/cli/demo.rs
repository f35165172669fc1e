//! `anju demo`: a registry with an example city, ready to be asked.
//!
//! It takes the way of every user: it makes itself a token, starts the server, and imports the
//! carried files over gRPC. Run again it finds its data and starts at once; a run that was cut short
//! goes on, since a row that was taken changes nothing the second time, and a request that was
//! answered is answered as it was.

#[macro_use]
mod asked;
mod check_ups;
mod claims;
mod insurance;
mod story;

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use tokio::sync::oneshot;

use crate::{
    auth::{
        actor::{Reach, Regions},
        role::Role,
        token::{self, NewToken},
    },
    cli::{
        BadUsage, DEFAULT_SERVER, DEMO_TOKEN_FILE, Outcome,
        config::SettingArgs,
        import::{self, Clients, ImportArgs},
        offline,
        serve::log,
    },
    client::{ClientTls, Connection},
    config::Config,
    exchange::{
        carried::{CarriedFile, carried},
        column::FileKind,
    },
    kernel::time::{Clock as _, Stamp, SystemClock},
    proto::v1,
    server::{self, Interrupts},
};

const EXAMPLES: &str = "\
Examples:
  anju demo
  anju demo --no-serve
  anju demo --setting data_dir=./try --setting listen=127.0.0.1:50061

To try in another terminal while it serves:
  anju totals --code gbt2260:410100 --children
  anju search '柳泉街 124'
  anju list compounds --region gbt2260:410102
  anju due --region gbt2260:410105
  anju explain due bld_01HF7YAT000000E0000000001A
  anju findings --overdue --region gbt2260:410105
  anju policy list --region gbt2260:410105";

/// Says in the data directory that the example city is in it.
const LOADED: &str = "example.loaded";
/// Says since when its check-ups are being loaded, and then that they are.
const CHECK_UPS: &str = "example.check-ups";
/// What it says in the end.
const WHOLE: &str = "The example check-ups of `anju demo` were loaded into this directory.\n";
/// The demo's own token, for `anju` to find.
const CREDENTIAL: &str = "client.token";
/// Where the carried files lie while they are imported.
const FILES: &str = "example-files";
/// The order in which kinds refer to each other.
const KINDS: [FileKind; 4] =
    [FileKind::Regions, FileKind::Compounds, FileKind::Buildings, FileKind::Units];

/// Flags of `anju demo`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DemoArgs {
    /// Fill the data directory and stop.
    #[arg(long)]
    pub no_serve: bool,
    /// Where settings come from.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// Fills the data directory when it is empty, and serves.
pub async fn run(args: &DemoArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let mut settings = args.settings.clone();
    let quiet = [("log.level", "warn"), ("clock.allow_behind", "true")];
    for (name, value) in quiet {
        if !settings.settings.iter().any(|(given, _)| given == name) {
            settings.settings.push((name.to_owned(), value.to_owned()));
        }
    }
    let config = offline::settings(&settings)?;
    log(&config)?;
    fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("{} cannot be made", config.data_dir.display()))?;
    is_its_own(&config)?;
    let secret = credential(&config)?;
    let (ready, started) = oneshot::channel();
    let mut interrupts = Interrupts::new()?;
    let server = tokio::spawn(server::serve(config.clone(), move |address| {
        // Whoever waits may have given up.
        let _ = ready.send(address);
    }));
    let Ok(address) = started.await else {
        server.await??;
        anyhow::bail!("the server did not start");
    };
    tokio::select! {
        biased;
        // The server hears the same signal, and is about to close its door.
        () = interrupts.next() => {
            server.await??;
            writeln!(
                out,
                "Stopped while the example city was being loaded; start again to go on. \
                 载入未完成，再次运行即可继续。"
            )?;
            return Ok(Outcome::Interrupted);
        }
        filled = fill(&config, address, &secret, out) => filled?,
    }
    if !args.no_serve {
        hints(&config, address, &secret, out).await?;
        server.await??;
    }
    Ok(Outcome::Fine)
}

/// Refuses a directory in which a registry lives that is no demo: its entries would be there for ever.
fn is_its_own(config: &Config) -> anyhow::Result<()> {
    let directory = &config.data_dir;
    let is_demo = [CREDENTIAL, LOADED].iter().any(|mark| directory.join(mark).exists());
    if is_demo || !directory.join("journal").exists() {
        return Ok(());
    }
    let sentence = format!(
        "{} holds a registry that is no demo: give another directory with --setting data_dir=DIR, or \
         serve it with anju serve",
        directory.display()
    );
    Err(BadUsage::new(&sentence).into())
}

/// The demo's own credential: made once, kept beside the data for `anju` to find.
fn credential(config: &Config) -> anyhow::Result<String> {
    let path = config.data_dir.join(CREDENTIAL);
    if let Ok(secret) = fs::read_to_string(&path)
        && config.token_file.exists()
    {
        return Ok(secret.trim().to_owned());
    }
    let new = NewToken {
        subject: "demo".to_owned(),
        role: Role::Operator,
        institution: None,
        reach: Reach { regions: Regions::All, institutions: BTreeSet::default() },
        not_after: None,
    };
    let secret = token::add(&config.token_file, &new)?;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    writeln!(file, "{secret}")?;
    Ok(secret)
}

/// Imports the carried files, unless they are in, and says what there is and what to try.
async fn fill(
    config: &Config,
    address: SocketAddr,
    secret: &str,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let loaded = config.data_dir.join(LOADED);
    let url = format!("http://{address}");
    let connection = Connection::open(&url, Some(secret.to_owned()), &ClientTls::default())?;
    let check_ups = config.data_dir.join(CHECK_UPS);
    let begun = read(&check_ups)?;
    if loaded.exists() && begun.as_deref() == Some(WHOLE) {
        writeln!(out, "{} holds the example city already.", config.data_dir.display())?;
    } else {
        writeln!(
            out,
            "Loading the example city 载入示例城市 into {} …",
            config.data_dir.display()
        )?;
        out.flush()?;
        let started = Instant::now();
        if !loaded.exists() {
            for kind in KINDS {
                take(config, kind, &connection, out).await?;
            }
            fs::write(
                &loaded,
                "The example city of `anju demo` was loaded into this directory.\n",
            )?;
        }
        if begun.as_deref() != Some(WHOLE) {
            check(&check_ups, begun.as_deref(), &connection, out).await?;
        }
        writeln!(out, "Loaded in {:.1} s.", started.elapsed().as_secs_f32())?;
    }
    writeln!(
        out,
        "\nRegions are real (郑州市 and above, edition of mid-2023); compounds, buildings, units, \
         bodies, check-ups, policies and claims are made up.\n行政区划为真实数据；小区、楼栋、户、机构、体检、保单和理赔均为虚构示例。"
    )?;
    out.flush()?;
    Ok(())
}

/// What a file says; nothing, when it is not there.
fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Loads the check-ups, or goes on with them when they were begun and not finished.
async fn check(
    mark: &Path,
    begun: Option<&str>,
    connection: &Connection,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let now = SystemClock.now();
    if let Some(begun) = begun {
        let since = begun.trim().parse().map(Stamp::from_micros).ok();
        if !since.is_some_and(|since| may_go_on(since, now)) {
            anyhow::bail!(
                "the check-ups of the example city were begun and not finished, too long ago to go \
                 on; empty {} and start again",
                mark.parent().unwrap_or(mark).display()
            );
        }
    } else {
        fs::write(mark, format!("{}\n", now.micros()))
            .with_context(|| format!("{} cannot be written", mark.display()))?;
    }
    let loaded = check_ups::load(connection, now.day()).await.context(
        "the check-ups of the example city were not loaded as a whole; start again to go on",
    )?;
    writeln!(
        out,
        "check-ups 体检: {} orders 任务, {} reports 报告, {} findings 问题, with 4 editions of \
         example and draft reference data",
        loaded.orders, loaded.reports, loaded.findings
    )?;
    let (policies, claims) = insurance::load(connection).await.context(
        "the policies of the example city were not loaded as a whole; start again to go on",
    )?;
    writeln!(
        out,
        "insurance 保险: {policies} policies 保单, of every product of an example list, and {claims} claims 理赔, in every stage"
    )?;
    counted(connection).await?;
    if loaded.ahead > 0 {
        writeln!(out, "{} steps lie ahead of today and are left out 未到日期", loaded.ahead)?;
    }
    fs::write(mark, WHOLE).with_context(|| format!("{} cannot be written", mark.display()))?;
    Ok(())
}

/// Waits until all that was loaded is counted: what is asked next finds its totals.
async fn counted(connection: &Connection) -> anyhow::Result<()> {
    loop {
        let request = v1::GetStatusRequest::default();
        let status = connection.registry().get_status(request).await?.into_inner();
        if status.partitions.iter().all(|partition| partition.sweep_count == 0) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whether the registry still knows the requests that were made since then.
fn may_go_on(since: Stamp, now: Stamp) -> bool {
    let micros = now.micros().saturating_sub(since.micros());
    u64::try_from(micros).is_ok_and(|micros| Duration::from_micros(micros) < check_ups::RESUMABLE)
}

/// Commands to try next.
async fn hints(
    config: &Config,
    address: SocketAddr,
    secret: &str,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let url = format!("http://{address}");
    let connection = Connection::open(&url, Some(secret.to_owned()), &ClientTls::default())?;
    // The one that is due first is overdue, and has much to explain.
    let building = check_ups::first_due(&connection).await?;
    let building = building.unwrap_or_else(|| "BUILDING".to_owned());
    write!(
        out,
        "\nServing on {address}. Try, in another terminal:\n  \
         {caller} totals --code gbt2260:410100 --children\n  \
         {caller} search '柳泉街 124'\n  \
         {caller} explain due {building}\n\n\
         More: {program} demo --help\n\
         Stop with Ctrl-C.\n",
        caller = caller(config, address),
        program = program()
    )?;
    out.flush()?;
    Ok(())
}

/// How this registry is called, for commands to copy: with its address and token where they are not
/// those that are looked for.
fn caller(config: &Config, address: SocketAddr) -> String {
    let server = format!("http://{address}");
    let server =
        if server == DEFAULT_SERVER { String::new() } else { format!(" --server {server}") };
    let path = config.data_dir.join(CREDENTIAL);
    let is_usual = path == Path::new(DEMO_TOKEN_FILE);
    let token =
        if is_usual { String::new() } else { format!(" --token-file '{}'", path.display()) };
    format!("{}{server}{token}", program())
}

/// How this program was called, for commands to copy.
fn program() -> String {
    let path = std::env::args().next().unwrap_or_else(|| "anju".to_owned());
    if Path::new(&path).components().count() > 1 { path } else { "anju".to_owned() }
}

async fn take(
    config: &Config,
    kind: FileKind,
    connection: &Connection,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let directory = config.data_dir.join(FILES);
    fs::create_dir_all(&directory)?;
    let mut files = Vec::new();
    for file in carried().iter().filter(|file| file.kind == kind) {
        files.push(unpack(&directory, file)?);
    }
    let args = ImportArgs::of(kind, files);
    let mut told = Vec::new();
    let clients = Clients::new(connection.service());
    let outcome = import::run(args, clients, import::Answer::Table, &mut told).await?;
    if outcome != import::Outcome::Whole {
        io::stderr().write_all(&told)?;
        anyhow::bail!("the carried files of {kind:?} were not taken as a whole");
    }
    out.write_all(&told)?;
    out.flush()?;
    fs::remove_dir_all(&directory)?;
    Ok(())
}

fn unpack(directory: &Path, file: &CarriedFile) -> anyhow::Result<PathBuf> {
    let path = directory.join(file.name);
    fs::write(&path, file.bytes)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

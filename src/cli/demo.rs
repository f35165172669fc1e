//! `anju demo`: a registry with an example city, ready to be asked.
//!
//! It takes the way of every user: it makes itself a token, starts the server, and imports the
//! carried files over gRPC. Run again it finds its data and starts at once; a run that was cut short
//! goes on, since a row that was taken changes nothing the second time.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Instant,
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
        Outcome,
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
    server,
};

const EXAMPLES: &str = "\
Examples:
  anju demo
  anju demo --no-serve
  anju demo --setting data_dir=./try --setting listen=127.0.0.1:50061";

/// Says in the data directory that the example city is in it.
const LOADED: &str = "example.loaded";
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
    let secret = credential(&config)?;
    let (ready, started) = oneshot::channel();
    let server = tokio::spawn(server::serve(config.clone(), move |address| {
        // Whoever waits may have given up.
        let _ = ready.send(address);
    }));
    let Ok(address) = started.await else {
        server.await??;
        anyhow::bail!("the server did not start");
    };
    fill(&config, address, &secret, out).await?;
    if !args.no_serve {
        hints(address, out)?;
        server.await??;
    }
    Ok(Outcome::Fine)
}

/// The demo's own credential: made once, kept beside the data for `anju` to find.
fn credential(config: &Config) -> anyhow::Result<String> {
    let path = config.data_dir.join("client.token");
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
    if loaded.exists() {
        writeln!(out, "{} holds the example city already.", config.data_dir.display())?;
    } else {
        writeln!(
            out,
            "Loading the example city 载入示例城市 into {} …",
            config.data_dir.display()
        )?;
        out.flush()?;
        let began = Instant::now();
        for kind in KINDS {
            take(config, kind, &connection, out).await?;
        }
        fs::write(&loaded, "The example city of `anju demo` was loaded into this directory.\n")?;
        writeln!(out, "Loaded in {:.1} s.", began.elapsed().as_secs_f32())?;
    }
    writeln!(
        out,
        "\nRegions are real (郑州市 and above, edition of mid-2023); compounds, buildings and units \
         are made up.\n行政区划为真实数据；小区、楼栋、户均为虚构示例。"
    )?;
    out.flush()?;
    Ok(())
}

/// Three commands to try next.
fn hints(address: SocketAddr, out: &mut dyn Write) -> anyhow::Result<()> {
    write!(
        out,
        "\nServing on {address}. Try, in another terminal:\n  \
         {program} totals --code gbt2260:410100 --children\n  \
         {program} search '柳泉街 124'\n  \
         {program} list compounds --region gbt2260:410102\n\n\
         Stop with Ctrl-C.\n",
        program = program()
    )?;
    out.flush()?;
    Ok(())
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

//! A start after `kill -9`: a server process of its own, killed while it writes, started again.

use std::{
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use crate::{
    auth::token,
    cli::bench::{
        city::{Ids, callers, credential},
        commands::create,
        figure::{Budget, Figure, Figures, Unit},
        load::{drive, nanoseconds},
        machine::memory,
    },
    config::Config,
    proto::v1::GetBuildingRequest,
};

/// How long to wait for a first answer.
const PATIENCE: Duration = Duration::from_secs(600);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(5);
/// How long the server works before it is killed.
const WORK: Duration = Duration::from_secs(3);
/// Callers that write meanwhile.
const CLIENTS: u16 = 16;

/// A server process that is killed when its owner is gone.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Kills a server at work and times the next one's first answer.
pub(super) async fn measure(
    config: &Config,
    ids: &Ids,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let secret = token::add(&config.token_file, &credential())?;
    let (address, first) = start(config)?;
    let calm = first_answer(address, &secret, ids).await?;
    let clients = callers(address, &secret, CLIENTS)?;
    drive(CLIENTS, WORK, create(ids, &clients)).await?;
    // Writes are under way when it is killed.
    let busy = ids.clone();
    let writing =
        tokio::spawn(async move { drive(CLIENTS, WORK * 10, create(&busy, &clients)).await });
    tokio::time::sleep(WORK / 4).await;
    drop(first);
    anyhow::ensure!(writing.await?.is_err(), "the server lived on");
    let (address, second) = start(config)?;
    let killed = first_answer(address, &secret, ids).await?;
    let (now, most) = memory(&second.0.id().to_string());
    let figure = |name: &str, value, unit| Figure::new("start", name, value, unit);
    figures.add(figure("after a clean stop", nanoseconds(calm), Unit::Nanoseconds));
    figures.add(
        figure("after kill -9 under writes", nanoseconds(killed), Unit::Nanoseconds)
            .within(Budget::AtMost(5_000_000_000)),
    );
    figures.add(figure("memory then", now, Unit::Bytes).within(Budget::AtMost(1 << 30)));
    figures.add(figure("memory at most", most, Unit::Bytes));
    Ok(())
}

fn start(config: &Config) -> anyhow::Result<(SocketAddr, Process)> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let settings = [
        format!("data_dir={}", config.data_dir.display()),
        format!("listen={address}"),
        "log.level=warn".to_owned(),
        format!("store.cache_mib={}", config.store.cache_bytes >> 20),
        format!("store.buffer_mib={}", config.store.buffer_bytes >> 20),
    ];
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve").stdin(Stdio::null());
    for setting in settings {
        command.arg("--setting").arg(setting);
    }
    let child = command.spawn().context("the server cannot be started")?;
    Ok((address, Process(child)))
}

/// How long it takes until a call is answered, from now.
async fn first_answer(address: SocketAddr, secret: &str, ids: &Ids) -> anyhow::Result<Duration> {
    let request = GetBuildingRequest { context: None, id: ids.building(0) };
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let mut client = callers(address, secret, 1)?.pop().context("nobody calls")?;
        if client.get_building(request.clone()).await.is_ok() {
            return Ok(begin.elapsed());
        }
        tokio::time::sleep(PAUSE).await;
    }
    bail!("the server did not answer within {PATIENCE:?}");
}

//! Callers at work: each asks, waits for the answer, and asks again, until the time is up.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::task::JoinSet;
use tonic::Status;

use crate::cli::{
    bench::figure::{Figure, Figures, Unit},
    import::refused,
    offline::rate,
};

/// How fast callers were answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Answered {
    took: Duration,
    /// Nanoseconds of each call, sorted once they are asked for.
    latencies: Vec<u64>,
}

impl Answered {
    /// Calls a second.
    pub(super) fn per_second(&self) -> u64 {
        rate(u64::try_from(self.latencies.len()).unwrap_or(u64::MAX), self.took)
    }

    /// The latency that so many of a thousand calls did not exceed.
    pub(super) fn percentile(&self, of_thousand: usize) -> u64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let place = sorted.len().saturating_sub(1) * of_thousand / 1_000;
        sorted.get(place).copied().unwrap_or(0)
    }

    /// What another run of the same contestant came to, added.
    pub(super) fn add(&mut self, other: Self) {
        self.took += other.took;
        self.latencies.extend(other.latencies);
    }

    /// One call that was timed elsewhere.
    pub(super) fn note(&mut self, took: Duration) {
        self.took += took;
        self.latencies.push(nanoseconds(took));
    }

    /// Rate, median and the slowest hundredth.
    pub(super) fn tell(&self, work: &'static str, name: &str, figures: &mut Figures) {
        figures.add(Figure::new(work, name, self.per_second(), Unit::PerSecond));
        self.tell_latency(work, name, figures);
    }

    /// Median and the slowest hundredth.
    pub(super) fn tell_latency(&self, work: &'static str, name: &str, figures: &mut Figures) {
        for (label, of_thousand) in [("p50", 500), ("p99", 990)] {
            let value = self.percentile(of_thousand);
            figures.add(Figure::new(work, format!("{name}, {label}"), value, Unit::Nanoseconds));
        }
    }
}

/// A span in nanoseconds.
pub(super) fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Lets `clients` callers ask for `span`. `caller` makes the calls of the caller with a number; each
/// call is told how many that caller made before it. A call that is refused ends the run.
pub(super) async fn drive<C, F>(
    clients: u16,
    span: Duration,
    caller: impl Fn(u16) -> C,
) -> anyhow::Result<Answered>
where
    C: FnMut(u64) -> F + Send + 'static,
    F: Future<Output = Result<(), Status>> + Send,
{
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for number in 0..clients {
        let mut call = caller(number);
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            let mut count = 0;
            while begin.elapsed() < span {
                let asked = Instant::now();
                call(count).await?;
                latencies.push(nanoseconds(asked.elapsed()));
                count += 1;
            }
            Ok::<_, Status>(latencies)
        });
    }
    let mut answered = Answered::default();
    while let Some(ended) = tasks.join_next().await {
        let latencies = ended.context("a caller failed")?;
        let latencies = latencies.map_err(|status| refused("a measured call", status))?;
        answered.latencies.extend(latencies);
    }
    answered.took = begin.elapsed();
    Ok(answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_latency_that_was_seen() {
        let mut answered = Answered::default();
        for micros in (1..=100).rev() {
            answered.note(Duration::from_micros(micros));
        }
        assert_eq!(answered.percentile(500), 50_000);
        assert_eq!(answered.percentile(990), 99_000);
        assert_eq!(answered.percentile(1_000), 100_000);
        assert_eq!(Answered::default().percentile(500), 0);
    }

    #[tokio::test]
    async fn a_refused_call_ends_the_run() {
        let refuse = |_| |_| async { Err(Status::not_found("nothing")) };
        assert!(drive(2, Duration::from_secs(60), refuse).await.is_err());
        let fine = |_| |_| async { Ok(()) };
        assert!(drive(2, Duration::from_millis(5), fine).await.unwrap().per_second() > 0);
    }
}

//! Whoever waits for a run may ask for its end: once, so that it ends in good order, or again, so
//! that it waits for nothing.

use std::future::{Future, pending};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// How often the end of a run was asked for. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<u32>);

impl Stop {
    /// As often as the number says that is sent.
    pub const fn of(times: watch::Receiver<u32>) -> Self {
        Self(times)
    }

    /// Nobody asks.
    pub fn never() -> Self {
        let (_, times) = watch::channel(0);
        Self(times)
    }

    /// As often as the terminal's interrupt key is pressed, from now on. Otherwise it would end the
    /// process.
    pub fn by_interrupts() -> std::io::Result<Self> {
        let mut interrupts = signal(SignalKind::interrupt())?;
        let (sender, times) = watch::channel(0);
        tokio::spawn(async move {
            while interrupts.recv().await.is_some() {
                sender.send_modify(|times| *times += 1);
            }
        });
        Ok(Self(times))
    }

    /// Whether it was asked for.
    pub(super) fn is_asked(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Waits until it was asked for so often.
    pub(super) async fn asked(&mut self, times: u32) {
        if self.0.wait_for(|asked| *asked >= times).await.is_err() {
            // Nobody is left who could.
            pending::<()>().await;
        }
    }

    /// What comes of `work`, unless the end is asked for before.
    pub(super) async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut stop = self.clone();
        tokio::select! {
            biased;
            () = stop.asked(1) => None,
            done = work => Some(done),
        }
    }
}

//! How far a run is: a bar with rate and time left, or a line each five seconds where nobody looks.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const LINE_EVERY: Duration = Duration::from_secs(5);

/// Progress over all files of a run, by the bytes read of them.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    read: Arc<AtomicU64>,
    total: u64,
    began: Instant,
    last_line: Instant,
}

impl Progress {
    pub(super) fn new(total: u64) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let form = "{bar:30} {percent:>3}% {msg}, {eta} left";
            bar.with_style(
                ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()),
            )
        });
        let now = Instant::now();
        Self { bar, read: Arc::default(), total, began: now, last_line: now }
    }

    /// What files count their bytes into.
    pub(super) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }

    /// Shows that `rows` are done, when it is time to.
    pub(super) fn tick(&mut self, rows: u64) {
        let read = self.read.load(Ordering::Relaxed).min(self.total);
        let elapsed_ms = self.began.elapsed().as_millis().max(1);
        let rate = u128::from(rows) * 1000 / elapsed_ms;
        if let Some(bar) = &self.bar {
            bar.set_position(read);
            bar.set_message(format!("{rows} rows, {rate} rows/s"));
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            let percent = u128::from(read) * 100 / u128::from(self.total.max(1));
            let left_s =
                u128::from(self.total - read) * elapsed_ms / u128::from(read.max(1)) / 1000;
            // Nobody is hurt when nobody reads it.
            let _unread =
                writeln!(io::stderr(), "{percent}% {rows} rows, {rate} rows/s, {left_s} s left");
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

//! What a benchmark ran on: without it no figure means anything.

use std::{
    fs,
    os::unix::fs::FileExt as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde::Serialize;

/// Bytes of one write that is synced.
const BLOCK_BYTES: usize = 4096;
/// Blocks of the file that is written to.
const BLOCKS: u64 = 4096;
/// How long syncs are counted.
const SYNC_SPAN: Duration = Duration::from_secs(2);
/// How long the process is looked at, and the part of that time in which it may still work: a tenth.
const REST_LOOK: Duration = Duration::from_millis(400);
const REST_SHARE: u32 = 10;
/// How long rest is waited for.
const REST_PATIENCE: Duration = Duration::from_secs(120);

/// The machine, as it was when the run began.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    /// Average number of runnable processes in the last minute: whoever else was at work.
    load: String,
    /// `fdatasync` after each write of 4 KiB into a file that has its size, a second.
    fdatasync_per_second: u64,
    anju: String,
    rustc: String,
    is_release: bool,
}

impl Machine {
    /// Looks around, and measures the disk of `directory`.
    pub(super) fn look(directory: &Path) -> anyhow::Result<Self> {
        let processors = read("/proc/cpuinfo");
        let cpu = processors.lines().find_map(|line| line.strip_prefix("model name"));
        let cpu = cpu.unwrap_or("unknown").trim_start_matches([' ', '\t', ':']);
        let rustc = Command::new("rustc").arg("--version").output();
        let rustc = rustc.ok().and_then(|said| String::from_utf8(said.stdout).ok());
        Ok(Self {
            cpu: cpu.to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: read("/proc/sys/kernel/osrelease"),
            load: read("/proc/loadavg").split(' ').next().unwrap_or("unknown").to_owned(),
            fdatasync_per_second: sync_rate(directory)?,
            anju: env!("CARGO_PKG_VERSION").to_owned(),
            rustc: rustc.map_or_else(|| "unknown".to_owned(), |said| said.trim().to_owned()),
            is_release: !cfg!(debug_assertions),
        })
    }

    /// For people, line by line.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let build = if self.is_release { "release" } else { "DEBUG: figures mean nothing" };
        vec![
            ("cpu", format!("{}, {} cores", self.cpu, self.cores)),
            ("kernel", self.kernel.clone()),
            ("load at the start", self.load.clone()),
            ("fdatasync of the disk", format!("{} a second (4 KiB)", self.fdatasync_per_second)),
            ("anju", format!("{}, {build}", self.anju)),
            ("rustc in the path", self.rustc.clone()),
        ]
    }
}

/// How much memory a process has now and had at most, in bytes; zeros when it cannot be told.
pub(super) fn memory(process: &str) -> (u64, u64) {
    let status = read(&format!("/proc/{process}/status"));
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let digits = line.and_then(|line| line.split_ascii_whitespace().next());
        digits.and_then(|digits| digits.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    (kib("VmRSS:"), kib("VmHWM:"))
}

/// Processor time that this process has taken, over all its threads: what others do on a shared
/// machine does not count in it. In steps of 10 ms.
pub(super) fn processor_time() -> Duration {
    let told = read("/proc/self/stat");
    // The name may hold anything but ends with the last bracket; user and system time come 12th
    // and 13th after it, in hundredths of a second.
    let fields = told.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Waits until this process has nothing left to do, and answers how long that took: what an import
/// leaves behind is written to the state for some seconds after its last answer.
pub(super) async fn at_rest() -> Duration {
    let begin = Instant::now();
    while begin.elapsed() < REST_PATIENCE {
        let before = processor_time();
        tokio::time::sleep(REST_LOOK).await;
        if processor_time().saturating_sub(before) * REST_SHARE <= REST_LOOK {
            break;
        }
    }
    begin.elapsed()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn sync_rate(directory: &Path) -> std::io::Result<u64> {
    let path = directory.join("fdatasync");
    let file = fs::File::create(&path)?;
    let block = [0x5a; BLOCK_BYTES];
    let offset = |number: u64| number % BLOCKS * BLOCK_BYTES as u64;
    for number in 0..BLOCKS {
        file.write_all_at(&[0; BLOCK_BYTES], offset(number))?;
    }
    file.sync_all()?;
    let (begin, mut count) = (Instant::now(), 0);
    while begin.elapsed() < SYNC_SPAN {
        file.write_all_at(&block, offset(count))?;
        file.sync_data()?;
        count += 1;
    }
    let rate = count / SYNC_SPAN.as_secs();
    fs::remove_file(&path)?;
    Ok(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_processor_time() {
        let (before, begin) = (processor_time(), Instant::now());
        let mut sum = 0_u64;
        while begin.elapsed() < Duration::from_secs(30)
            && processor_time() < before + Duration::from_millis(30)
        {
            sum = sum.wrapping_mul(31).wrapping_add(std::hint::black_box(7));
        }
        std::hint::black_box(sum);
        assert!(processor_time() >= before + Duration::from_millis(30));
    }

    #[test]
    fn a_process_has_memory() {
        let (now, most) = memory("self");
        assert!(now > 0 && most >= now, "{now} {most}");
        assert_eq!(memory("no such process"), (0, 0));
    }
}

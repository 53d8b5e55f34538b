//! Time and memory of a run.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use causeway_tests::command;

/// One run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// Wall-clock time.
    pub(crate) wall: Duration,
    /// Processor time, user and system.
    pub(crate) cpu: Option<Duration>,
    /// Most resident memory of a program, in bytes.
    pub(crate) peak: Option<u64>,
}

impl Measured {
    /// The run in the middle, by wall-clock time; the most memory of all.
    pub(crate) fn median(mut runs: Vec<Self>) -> Self {
        runs.sort_by_key(|run| run.wall);
        Self {
            peak: runs.iter().filter_map(|run| run.peak).max(),
            ..runs[runs.len() / 2]
        }
    }

    /// How many times the other's processor time.
    pub(crate) fn cpu_ratio(&self, other: &Self) -> f64 {
        let seconds = |of: &Self| of.cpu.unwrap_or_default().as_secs_f64();
        seconds(self) / seconds(other)
    }

    /// How many times the other's wall-clock time.
    pub(crate) fn ratio(&self, other: &Self) -> f64 {
        self.wall.as_secs_f64() / other.wall.as_secs_f64()
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:6.2} s", self.wall.as_secs_f64())?;
        if let Some(cpu) = self.cpu {
            write!(f, ", cpu {:6.2} s", cpu.as_secs_f64())?;
        }
        if let Some(peak) = self.peak {
            write!(f, ", peak {:4} MiB", peak >> 20)?;
        }
        Ok(())
    }
}

/// Measures something several times.
pub(crate) fn repeat(runs: usize, mut run: impl FnMut() -> Measured) -> Measured {
    Measured::median((0..runs).map(|_| run()).collect())
}

/// Measures something that runs in this process.
pub(crate) fn timed(run: impl FnOnce()) -> Measured {
    let cpu = || cpu_time("/proc/self").unwrap();
    let (start, cpu_before) = (Instant::now(), cpu());
    run();
    Measured {
        wall: start.elapsed(),
        cpu: Some(cpu() - cpu_before),
        peak: None,
    }
}

/// Measures one of Causeway's programs from its start to its end.
pub(crate) fn run_program(program: &str, config: &Path, args: &[&str]) -> Measured {
    let start = Instant::now();
    let mut child = command(program)
        .args(args)
        .args(["--json", "--config"])
        .arg(config)
        .env("RUST_LOG", "error")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let proc = format!("/proc/{}", child.id());
    let (mut peak, mut cpu) = (0, Duration::ZERO);
    let status = loop {
        // Both are gone with the process, so they are read until it ends.
        peak = peak_memory(&proc).unwrap_or(peak);
        cpu = cpu_time(&proc).unwrap_or(cpu);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let wall = start.elapsed();
    assert!(
        matches!(status.code(), Some(0 | 3)),
        "{program} {args:?}: {status}"
    );
    Measured {
        wall,
        cpu: Some(cpu),
        peak: Some(peak),
    }
}

/// The most memory that a process had resident, in bytes.
pub(crate) fn peak_memory(proc: &str) -> Option<u64> {
    Some(field(&format!("{proc}/status"), "VmHWM:")? << 10)
}

/// The memory that a process has resident, in bytes.
pub(crate) fn resident_memory(proc: &str) -> Option<u64> {
    Some(field(&format!("{proc}/status"), "VmRSS:")? << 10)
}

/// The bytes that a process has sent to storage.
pub(crate) fn written(proc: &str) -> Option<u64> {
    field(&format!("{proc}/io"), "write_bytes:")
}

/// A number from one of the files that tell about a process.
fn field(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// User and system time; the kernel counts them in hundredths of a second.
pub(crate) fn cpu_time(proc: &str) -> Option<Duration> {
    let stat = fs::read_to_string(format!("{proc}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

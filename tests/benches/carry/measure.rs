//! Time and memory of a run.

use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use causeway_tests::{TestDatabase, command};

/// One run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// Wall-clock time.
    pub(crate) wall: Duration,
    /// Processor time, user and system.
    pub(crate) cpu: Option<Duration>,
    /// That of the PostgreSQL server meanwhile.
    pub(crate) server: Option<Duration>,
    /// Most resident memory of a program, in bytes.
    pub(crate) peak: Option<u64>,
}

impl Measured {
    /// The least of each figure, which other programs on the machine disturb least; the most memory.
    pub(crate) fn least(runs: &[Self]) -> Self {
        Self {
            wall: runs.iter().map(|run| run.wall).min().unwrap(),
            cpu: runs.iter().filter_map(|run| run.cpu).min(),
            server: runs.iter().filter_map(|run| run.server).min(),
            peak: runs.iter().filter_map(|run| run.peak).max(),
        }
    }

    /// How many times the other's processor time, the server's included.
    pub(crate) fn cpu_ratio(&self, other: &Self) -> f64 {
        let seconds = |of: &Self| {
            let [cpu, server] = [of.cpu, of.server].map(Option::unwrap_or_default);
            (cpu + server).as_secs_f64()
        };
        seconds(self) / seconds(other)
    }

    /// How many times the other's wall-clock time.
    pub(crate) fn ratio(&self, other: &Self) -> f64 {
        self.wall.as_secs_f64() / other.wall.as_secs_f64()
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:7.3} s", self.wall.as_secs_f64())?;
        if let Some(cpu) = self.cpu {
            write!(f, ", cpu {:7.3} s", cpu.as_secs_f64())?;
        }
        if let Some(server) = self.server {
            write!(f, ", server {:7.3} s", server.as_secs_f64())?;
        }
        if let Some(peak) = self.peak {
            write!(f, ", peak {:4} MiB", peak >> 20)?;
        }
        Ok(())
    }
}

/// Measures something several times.
pub(crate) fn repeat(runs: usize, mut run: impl FnMut() -> Measured) -> Measured {
    Measured::least(&(0..runs).map(|_| run()).collect::<Vec<_>>())
}

/// Measures something that runs in this process.
pub(crate) fn timed(run: impl FnOnce()) -> Measured {
    let cpu = || cpu_time("/proc/self").unwrap();
    let (start, cpu_before) = (Instant::now(), cpu());
    run();
    Measured {
        wall: start.elapsed(),
        cpu: Some(cpu() - cpu_before),
        server: None,
        peak: None,
    }
}

/// Measures one of Causeway's programs from its start to its end.
pub(crate) fn run_program(program: &str, config: &Path, args: &[&str]) -> Measured {
    let mut command = command(program);
    command.args(args).args(["--json", "--config"]).arg(config);
    run_command(command.env("RUST_LOG", "error"))
}

/// Measures a process from its start to its end.
pub(crate) fn run_command(command: &mut Command) -> Measured {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
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
        "{command:?}: {status}"
    );
    Measured {
        wall,
        cpu: Some(cpu),
        server: None,
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

/// The PostgreSQL server, by the process that all its others are children of.
pub(crate) struct Server(u32);

impl Server {
    pub(crate) async fn of(database: &TestDatabase) -> Self {
        let client = database.connect().await;
        let backend = client.query_one("SELECT pg_backend_pid()", &[]).await;
        let backend: i32 = backend.unwrap().get(0);
        let parent = field(&format!("/proc/{backend}/status"), "PPid:").unwrap();
        Self(parent.try_into().unwrap())
    }

    /// Something of this process with the server's share of it.
    pub(crate) async fn timed(&self, run: impl Future<Output = ()>) -> Measured {
        let own = || cpu_time("/proc/self").unwrap();
        let (start, cpu, server) = (Instant::now(), own(), self.cpu_time());
        run.await;
        Measured {
            wall: start.elapsed(),
            cpu: Some(own() - cpu),
            server: Some(self.cpu_time() - server),
            peak: None,
        }
    }

    /// A program with the server's share of it.
    pub(crate) fn with(&self, run: impl FnOnce() -> Measured) -> Measured {
        let before = self.cpu_time();
        let measured = run();
        Measured {
            server: Some(self.cpu_time() - before),
            ..measured
        }
    }

    /// Of all its processes, those that have ended included.
    fn cpu_time(&self) -> Duration {
        let pid = self.0;
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        let children = children.split_whitespace();
        let living = children.filter_map(|child| cpu_time(&format!("/proc/{child}")));
        living.sum::<Duration>() + ticks(&format!("/proc/{pid}"), 11..15).unwrap()
    }
}

/// User and system time; the kernel counts them in hundredths of a second.
pub(crate) fn cpu_time(proc: &str) -> Option<Duration> {
    ticks(proc, 11..13)
}

/// The sum of some fields of `stat`, counted from the state on.
fn ticks(proc: &str, fields: Range<usize>) -> Option<Duration> {
    let stat = fs::read_to_string(format!("{proc}/stat")).ok()?;
    let all: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = all.get(fields)?.iter().map(|ticks| ticks.parse::<u64>());
    let ticks: u64 = ticks.sum::<Result<u64, _>>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

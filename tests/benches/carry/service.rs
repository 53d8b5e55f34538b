//! What the agent costs as a service: for a minute in which nothing happens, for one changed row, and
//! for the application whose file it scans.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use causeway_shared::store::list_all;
use causeway_tests::deployment::Deployment;
use causeway_tests::gateway::{Asked, Fate, Gateway};
use causeway_tests::{DatabaseKind, StoreKind, command};
use rusqlite::Connection;
use tokio::time::sleep;

use crate::FROM;
use crate::data::{self, Shape};
use crate::measure::{cpu_time, peak_memory, resident_memory, written};

/// How long nothing happens.
const IDLE: Duration = Duration::from_secs(60);
/// After it the first look at the files and those that follow soon after are over.
const SETTLING: Duration = Duration::from_secs(35);
/// Changed rows, one after the other.
const CHANGES: usize = 3;
/// For how long commits of an application with the file to itself are timed.
const ALONE: Duration = Duration::from_secs(5);

/// What the systemd unit sets.
const AS_A_SERVICE: [(&str, &str); 2] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_TRIM_THRESHOLD_", "65536"),
];

/// A site of one size: migrated, then served.
pub(crate) async fn measure(appointments: i64) {
    let pair = (StoreKind::S3, DatabaseKind::Sqlite);
    let deployment = Deployment::create(pair, "meetassist", data::SQLITE_SOURCE).await;
    let database = deployment.site().join("site.db");
    let shape = Shape {
        appointments,
        days: 1_096,
        from: FROM,
    };
    data::write_sqlite(&database, shape);
    let migrated = deployment.agent(&["migrate"]);
    assert!(matches!(migrated.code, Some(0 | 3)), "{migrated}");
    let application = Connection::open(&database).unwrap();
    application.busy_timeout(Duration::from_secs(60)).unwrap();

    let upstream = &deployment.store.config().endpoint;
    let gateway = Gateway::start(upstream, |_: &Asked| Fate::Pass).await;
    let service = deployment
        .agent_program(&["run"])
        .envs([("CAUSEWAY_STORE__ENDPOINT", gateway.endpoint())])
        .envs(AS_A_SERVICE)
        .spawn();
    let proc = format!("/proc/{}", service.id());
    sleep(SETTLING).await;
    idle(&proc, &gateway).await;
    for n in 0..CHANGES {
        change(&deployment, &application, &proc, &gateway, n).await;
    }
    println!(
        "service                     resident {} MiB, at most {} MiB (aims 15 and 40)",
        resident_memory(&proc).unwrap() >> 20,
        peak_memory(&proc).unwrap() >> 20
    );
    let _ = service.terminate().expect_code(0);
    for mode in ["wal", "delete"] {
        application
            .pragma_update(None, "journal_mode", mode)
            .unwrap();
        report_latency(&deployment, &application, mode);
    }
}

async fn idle(proc: &str, gateway: &Gateway) {
    let look = || {
        let requests = gateway.asked().len();
        (requests, written(proc).unwrap(), cpu_time(proc).unwrap())
    };
    let (requests, bytes, cpu) = look();
    sleep(IDLE).await;
    let (requests_then, bytes_then, cpu_then) = look();
    println!(
        "idle for a minute           {} requests, {} bytes written, cpu {} ms, resident {} MiB",
        requests_then - requests,
        bytes_then - bytes,
        (cpu_then - cpu).as_millis(),
        resident_memory(proc).unwrap() >> 20
    );
}

/// Changes one row, and waits until its commit is there.
async fn change(
    deployment: &Deployment,
    application: &Connection,
    proc: &str,
    gateway: &Gateway,
    n: usize,
) {
    let store = deployment.store.open().await;
    let commits = async || {
        list_all(&*store, "sites/hcm-01/log/", None)
            .await
            .unwrap()
            .len()
    };
    let (before, asked) = (commits().await, gateway.asked().len());
    let cpu = cpu_time(proc).unwrap();
    let changed = Instant::now();
    let sql = "UPDATE appointment SET description = 'changed ' || ?1 WHERE appointmentid = ?1";
    assert_eq!(application.execute(sql, [n]).unwrap(), 1);
    while commits().await == before {
        sleep(Duration::from_millis(5)).await;
    }
    let took = changed.elapsed();
    // What follows the commit, too.
    sleep(Duration::from_secs(1)).await;
    let cpu = cpu_time(proc).unwrap() - cpu;
    let requests = &gateway.asked()[asked..];
    let bytes: u64 = requests.iter().map(|asked| asked.bytes).sum();
    println!(
        "one changed row             {:.2} s to its commit in S3, cpu {:.2} s, {} requests, {bytes} bytes",
        took.as_secs_f64(),
        cpu.as_secs_f64(),
        requests.len()
    );
    // A scan is followed by nine times as long without one; then come those for coarse clocks.
    sleep(cpu * 12 + SETTLING).await;
}

/// The application's commits, without the agent and while it scans. With a rollback journal they
/// wait until the agent has read the file.
fn report_latency(deployment: &Deployment, application: &Connection, mode: &str) {
    let until = Instant::now() + ALONE;
    let alone = commit_times(application, || Instant::now() < until);
    let mut scan = command("causeway-agent")
        .args(["plan", "--config"])
        .arg(deployment.path("agent.toml"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ended = AtomicBool::new(false);
    let scanned = thread::scope(|scope| {
        scope.spawn(|| {
            scan.wait().unwrap();
            ended.store(true, Ordering::Relaxed);
        });
        commit_times(application, || !ended.load(Ordering::Relaxed))
    });
    println!(
        "commits of the application  journal mode {mode}: alone {alone}; during a scan {scanned}"
    );
}

/// How long commits take.
struct Latency {
    median: Duration,
    most: Duration,
    commits: usize,
}

impl std::fmt::Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |of: Duration| of.as_secs_f64() * 1_000.0;
        write!(
            f,
            "median {:.2} ms, at most {:.2} ms of {}",
            ms(self.median),
            ms(self.most),
            self.commits
        )
    }
}

/// Commits one small change after the other.
fn commit_times(application: &Connection, mut goes_on: impl FnMut() -> bool) -> Latency {
    let mut times = Vec::new();
    while goes_on() {
        let started = Instant::now();
        let sql = "UPDATE customer SET fullname = fullname || '.' WHERE customerid = 'fb-1'";
        application.execute(sql, []).unwrap();
        times.push(started.elapsed());
        thread::sleep(Duration::from_millis(2));
    }
    times.sort_unstable();
    Latency {
        median: times[times.len() / 2],
        most: times[times.len() - 1],
        commits: times.len(),
    }
}

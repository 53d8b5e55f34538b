//! An agent whose site is quiet: it asks for nothing and writes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use causeway_tests::StoreKind;
use causeway_tests::gateway::{Asked, Fate, Gateway};

use crate::small::SmallSite;

/// Many polls.
const POLL: &str = "20ms";
/// After a file changed, the polls of the first two seconds scan it again, since the clocks of file systems are coarse:
/// on a slow machine, one or two.
const SETTLED: Duration = Duration::from_millis(2_500);
const IDLE: Duration = Duration::from_secs(3);

/// The bytes that a process has sent to storage.
fn written(pid: u32) -> u64 {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    line.unwrap().parse().unwrap()
}

/// When each file of a folder was written; what comes and goes meanwhile may be left out.
fn times(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let time = |entry: fs::DirEntry| Some((entry.path(), entry.metadata().ok()?.modified().ok()?));
    entries.filter_map(time).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_site_costs_no_request_and_no_write() {
    let site = SmallSite::new(StoreKind::S3).await;
    let upstream = &site.deployment.store.config().endpoint;
    let gateway = Gateway::start(upstream, |_: &Asked| Fate::Pass).await;
    let service = site.deployment.agent_program(&["run"]).envs([
        ("CAUSEWAY_STORE__ENDPOINT", gateway.endpoint().as_str()),
        ("CAUSEWAY_WATCH__POLL", POLL),
        ("CAUSEWAY_WATCH__DEBOUNCE", "10ms"),
    ]);
    let service = service.spawn();
    let state = site.deployment.path("state");
    let look = || (written(service.id()), gateway.asked(), times(&state));
    let mut before = look();
    loop {
        tokio::time::sleep(SETTLED).await;
        let now = look();
        if before == now && site.commits().await == 1 {
            break;
        }
        before = now;
    }
    tokio::time::sleep(IDLE).await;
    assert_eq!(look(), before);
    // It was awake all the while.
    site.change();
    while site.commits().await < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let _ = service.terminate().expect_code(0);
}

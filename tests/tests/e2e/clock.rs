//! A wall clock that jumps by years under an agent that runs.

use std::time::Duration;

use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::log::SiteLog;
use causeway_tests::StoreKind;
use causeway_tests::wrong_clock::WrongClock;

use crate::small::SmallSite;

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

async fn until_commits(site: &SmallSite, commits: usize) {
    while site.commits().await < commits {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An agent that looks often.
const OFTEN: [(&str, &str); 3] = [
    ("CAUSEWAY_WATCH__DEBOUNCE", "10ms"),
    ("CAUSEWAY_WATCH__MAX_DELAY", "50ms"),
    ("CAUSEWAY_WATCH__POLL", "100ms"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_holds_nothing_up_and_takes_nothing_away() {
    let clock = WrongClock::build();
    let site = SmallSite::new(StoreKind::Folder).await;
    let service = site.deployment.agent_program(&["run"]).envs(OFTEN);
    let service = service.envs(clock.variables()).spawn();
    until_commits(&site, 1).await;
    clock.jump_ahead(10 * YEAR);
    site.change();
    until_commits(&site, 2).await;
    clock.jump_back(20 * YEAR);
    site.change();
    until_commits(&site, 3).await;
    let _ = service.terminate().expect_code(0);

    let store = site.deployment.store.open().await;
    let log = SiteLog::new(store, SiteName::new("hcm-01").unwrap());
    let mut times = Vec::new();
    for seq in 1..=3 {
        times.push(log.commit(Seq(seq)).await.unwrap().unwrap().head.at);
    }
    assert!(times.is_sorted() && times[0] < times[1], "{times:?}");

    clock.jump_ahead(10 * YEAR);
    let vacuum = site.deployment.agent_program(&["vacuum"]);
    let refused = vacuum.envs(clock.variables()).run().expect_code(3);
    assert!(
        refused.stderr.contains("by this machine's clock"),
        "{refused}"
    );
    site.assert_converges("a clock that jumped");
}

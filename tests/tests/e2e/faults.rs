//! What goes wrong between an agent and S3, and on the disk of its state: each ends in another try or
//! in an error that says what to do, never in a gap, a false "nothing to push" or an agent that gives up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use causeway_tests::crash::{Crash, How};
use causeway_tests::gateway::{Asked, Fate, Gateway};
use causeway_tests::testbed::{ACCESS_KEY, SECRET_KEY};
use causeway_tests::{Finished, Program, Running, StoreKind};

use crate::small::SmallSite;

const SLOW_DOWN: Fate = Fate::Refuse(503, "SlowDown");
const BROKEN: Fate = Fate::Refuse(500, "InternalError");
const CONFLICT: Fate = Fate::Refuse(409, "ConditionalRequestConflict");
const WRONG_CLOCK: Fate = Fate::Refuse(403, "RequestTimeTooSkewed");
const EXPIRED: Fate = Fate::Refuse(400, "ExpiredToken");

/// How long something may take that is waited for.
const SOON: Duration = Duration::from_secs(60);

/// A command of the agent whose requests go through a gateway.
fn through(site: &SmallSite, gateway: &Gateway, command: &str) -> Program {
    let endpoint = ("CAUSEWAY_STORE__ENDPOINT", gateway.endpoint());
    site.deployment.agent_program(&[command]).envs([endpoint])
}

/// One cycle through a network that follows a script.
async fn sync_with(
    site: &SmallSite,
    script: impl Fn(&Asked) -> Fate + Send + Sync + 'static,
) -> (Finished, Gateway) {
    let upstream = &site.deployment.store.config().endpoint;
    let gateway = Gateway::start(upstream, script).await;
    let agent = through(site, &gateway, "sync").time_limit(Duration::from_secs(200));
    let ended = tokio::task::spawn_blocking(move || agent.run()).await;
    (ended.unwrap(), gateway)
}

/// Lets each request of a cycle meet a fault once; the cycle has to get through all the same.
async fn once_at_each_request(fault: Fate) {
    let site = SmallSite::new(StoreKind::S3).await;
    site.sync();
    for at in 1.. {
        site.change();
        let commits = site.commits().await;
        let fate = move |asked: &Asked| match asked.number == at {
            true => fault,
            false => Fate::Pass,
        };
        let (ended, gateway) = sync_with(&site, fate).await;
        let what = format!("{fault:?} of request {at}");
        assert_eq!(ended.code, Some(0), "{what}: {ended}");
        assert_eq!(ended.json()["commit"], commits + 1, "{what}");
        assert_eq!(site.commits().await, commits + 1, "{what}");
        site.assert_converges(&what);
        if (gateway.asked().len() as u64) < at {
            assert!(at > 3, "a cycle has requests to fail");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_is_made_again() {
    once_at_each_request(Fate::Close).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_breaks_off_is_sent_again() {
    once_at_each_request(Fate::Cut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_or_is_lost_is_asked_for_again() {
    once_at_each_request(Fate::CutAnswer).await;
    once_at_each_request(Fate::LoseAnswer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_busy_or_broken_for_a_moment_is_asked_again() {
    once_at_each_request(SLOW_DOWN).await;
    once_at_each_request(BROKEN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_of_two_writes_is_tried_again() {
    once_at_each_request(CONFLICT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stalls_is_not_waited_for() {
    let site = SmallSite::new(StoreKind::S3).await;
    site.sync();
    site.change();
    let stall = |asked: &Asked| match asked.number {
        1 => Fate::Stall,
        _ => Fate::Pass,
    };
    let (ended, _gateway) = sync_with(&site, stall).await;
    assert_eq!(ended.expect_code(0).json()["commit"], 2);
    site.assert_converges("a stall");
}

/// The commit's own request hangs once, before the server saw it or after.
async fn once_at_the_commit(fault: Fate) {
    let site = SmallSite::new(StoreKind::S3).await;
    site.sync();
    site.change();
    let hung = AtomicBool::new(false);
    let fate =
        move |asked: &Asked| match asked.writes("/log/") && !hung.swap(true, Ordering::Relaxed) {
            true => fault,
            false => Fate::Pass,
        };
    let (ended, _gateway) = sync_with(&site, fate).await;
    assert_eq!(ended.expect_code(0).json()["commit"], 2);
    assert_eq!(site.commits().await, 2);
    site.assert_converges("a commit that hangs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_stalls_on_its_way_is_sent_again() {
    once_at_the_commit(Fate::Stall).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_stalls_is_known_for_the_agents_own() {
    once_at_the_commit(Fate::StallAnswer).await;
}

/// A fault that stays: what is said of it, and what the next cycle then does.
async fn assert_said(site: &SmallSite, fault: Fate, words: &[&str]) {
    site.change();
    let commits = site.commits().await;
    let (ended, _gateway) = sync_with(site, move |_: &Asked| fault).await;
    let ended = ended.expect_code(1);
    for word in words {
        assert!(ended.stderr.contains(word), "{fault:?}, {word:?}: {ended}");
    }
    assert_eq!(site.commits().await, commits, "{fault:?}");
    let next = site.deployment.agent(&["sync"]).expect_code(0).json();
    assert_eq!(next["commit"], commits + 1, "{fault:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_is_said_with_its_remedy_and_nothing_is_lost() {
    let site = SmallSite::new(StoreKind::S3).await;
    site.sync();
    assert_said(
        &site,
        WRONG_CLOCK,
        &["RequestTimeTooSkewed", "set this machine's clock"],
    )
    .await;
    assert_said(
        &site,
        EXPIRED,
        &["ExpiredToken", "correct the AWS credentials"],
    )
    .await;
    assert_said(&site, SLOW_DOWN, &["503 SlowDown"]).await;
    assert_said(&site, BROKEN, &["500 InternalError"]).await;
    assert_said(&site, CONFLICT, &["409"]).await;
    assert_said(&site, Fate::Close, &["no answer"]).await;
    site.assert_converges("all of them");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let site = SmallSite::new(StoreKind::S3).await;
    let nowhere = [("CAUSEWAY_STORE__ENDPOINT", "http://127.0.0.1:1")];
    let ended = site.deployment.agent_program(&["sync"]).envs(nowhere).run();
    let ended = ended.expect_code(1);
    assert!(ended.stderr.contains("Connection refused"), "{ended}");
    site.assert_converges("refused connections");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_to_the_commit_makes_no_second_one() {
    let site = SmallSite::new(StoreKind::S3).await;
    // Until the agent's own tries are used up as well as the client's.
    let lost = |asked: &Asked| match asked.writes("/log/") {
        true => Fate::LoseAnswer,
        false => Fate::Pass,
    };
    let (ended, _gateway) = sync_with(&site, lost).await;
    assert_eq!(ended.expect_code(0).json()["commit"], 1);
    assert_eq!(site.commits().await, 1);
    site.assert_converges("a lost commit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_does_not_wait_for_a_store_that_stalls() {
    let site = SmallSite::new(StoreKind::S3).await;
    site.sync();
    let upstream = &site.deployment.store.config().endpoint;
    let gateway = Gateway::start(upstream, |_: &Asked| Fate::Stall).await;
    // The client alone would wait for 30 s, four times.
    let status = through(&site, &gateway, "status").time_limit(Duration::from_secs(20));
    let ended = tokio::task::spawn_blocking(move || status.run()).await;
    let status = ended.unwrap().expect_code(1).json();
    assert_eq!(status["store"]["error"], "no answer in 3 s");
    assert_eq!(status["commit"], 1, "what it knows by itself");
}

/// Starts the service so that it looks often.
fn serve(site: &SmallSite, variables: Vec<(String, String)>) -> Running {
    let often = [
        ("DEBOUNCE", "10ms"),
        ("MAX_DELAY", "50ms"),
        ("POLL", "100ms"),
    ];
    let often = often.map(|(key, value)| (format!("CAUSEWAY_WATCH__{key}"), value.to_owned()));
    let agent = site.deployment.agent_program(&["run"]);
    agent.envs(often).envs(variables).spawn()
}

/// Waits until the service has logged a line with all of these words.
async fn until_line(service: &Running, words: &[&str]) {
    let said = |line: &str| words.iter().all(|word| line.contains(word));
    while !service.stderr().lines().any(said) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until_commits(site: &SmallSite, commits: usize) {
    while site.commits().await < commits {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_outlives_every_fault_and_commits_once_when_it_is_over() {
    let site = SmallSite::new(StoreKind::S3).await;
    let network = Arc::new(Mutex::new(Fate::Pass));
    let fate = Arc::clone(&network);
    let upstream = &site.deployment.store.config().endpoint;
    let gateway = Gateway::start(upstream, move |_: &Asked| *fate.lock().unwrap()).await;
    let endpoint = ("CAUSEWAY_STORE__ENDPOINT".to_owned(), gateway.endpoint());
    let service = serve(&site, vec![endpoint]);
    until_commits(&site, 1).await;
    let faults = [
        (Fate::Close, "no answer"),
        (WRONG_CLOCK, "RequestTimeTooSkewed"),
        (EXPIRED, "ExpiredToken"),
        (SLOW_DOWN, "SlowDown"),
    ];
    for (commits, (fault, said)) in (1..).zip(faults) {
        *network.lock().unwrap() = fault;
        site.change();
        until_line(&service, &["the cycle failed", said]).await;
        site.change();
        let status = site.deployment.agent(&["status"]).json();
        assert_eq!(status["commit"], commits, "{fault:?}");
        let error = status["last_error"]["error"].to_string();
        assert!(error.contains(said), "{fault:?}: {status}");
        assert_ne!(status["pending"], serde_json::json!([]), "{fault:?}");
        *network.lock().unwrap() = Fate::Pass;
        until_commits(&site, commits + 1).await;
    }
    let ended = service.terminate().expect_code(0);
    assert_eq!(site.commits().await, 1 + faults.len(), "{ended}");
    site.assert_converges("all of them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_reads_a_credentials_file_that_was_renewed() {
    let site = SmallSite::new(StoreKind::S3).await;
    let file = site.deployment.path("credentials");
    let write = |key: &str, secret: &str| {
        let text =
            format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n");
        std::fs::write(&file, text).unwrap();
    };
    write("nobody", "expired");
    let of_file = [
        ("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap()),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
    ];
    let of_file = of_file.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let service = serve(&site, of_file.into());
    until_line(
        &service,
        &["the cycle failed", "correct the AWS credentials"],
    )
    .await;
    write(ACCESS_KEY, SECRET_KEY);
    until_commits(&site, 1).await;
    let _ = service.terminate().expect_code(0);
}

#[tokio::test]
async fn a_service_whose_state_disk_is_full_says_so_and_waits() {
    let crash = Crash::build();
    let site = SmallSite::new(StoreKind::Folder).await;
    for step in [1, 3, 6, 10, 15] {
        site.sync();
        site.change();
        let state = site.deployment.path("state");
        let full = crash.at(step, How::Full, &[&state], &[]);
        let mut service = serve(&site, full.into());
        let said = service.wait_for_line("the cycle failed", SOON);
        assert!(said.contains("space"), "step {step}: {said}");
        // It is no loop: a second try comes after a pause, in the same process.
        while service.stderr().matches("the cycle failed").count() < 2 {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = service.terminate().expect_code(0);
        site.assert_converges(&format!("a disk full from step {step} on"));
    }
}

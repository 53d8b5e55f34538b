//! A store that takes a request and never answers, where it is about one site: the others go on, and
//! a program that is asked to end does so.

use std::time::{Duration, Instant};

use causeway_tests::deployment::{Deployment, PAIRS};
use causeway_tests::gateway::{Asked, Fate, Gateway};
use causeway_tests::meetassist::MeetAssist;
use causeway_tests::stall::Stall;
use reqwest::Client;
use serde_json::Value;

use super::ground::Ground;
use crate::ground::deploy;

/// How long a command may take beside a site that does not answer.
const SOON: Duration = Duration::from_secs(30);
/// How long a program may take to end.
const LAST_WAIT: Duration = Duration::from_secs(10);

async fn wait_until(what: &str, is_so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The commit that a site's figures stand at.
async fn commit(url: &str, token: &str, site: &str) -> Value {
    let overview = Client::new().get(format!("{url}/api/v1/overview"));
    let overview = overview.bearer_auth(token).send().await.unwrap();
    let overview: Value = serde_json::from_str(&overview.text().await.unwrap()).unwrap();
    let mut sites = overview["fresh"].as_array().unwrap().iter();
    let found = sites.find(|of| of["site"] == site);
    found.map_or(Value::Null, |of| of["commit"].clone())
}

async fn beside_a_silent_site() -> (Deployment, MeetAssist, Gateway) {
    let (deployment, site) = deploy(PAIRS[1]).await;
    deployment.migrate_and_load();
    let store = deployment.store.open().await;
    let first = "sites/bad/log/00000000000000000001.json";
    store.put(first, b"{}".to_vec().into()).await.unwrap();
    let fate = |asked: &Asked| {
        let is_its = ["sites/bad/", "sites%2Fbad%2F"];
        match is_its.iter().any(|part| asked.path.contains(part)) {
            true => Fate::Stall,
            false => Fate::Pass,
        }
    };
    let gateway = Gateway::start(&deployment.store.config().endpoint, fate).await;
    (deployment, site, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_never_answers_keeps_no_other_waiting() {
    let (deployment, site, gateway) = beside_a_silent_site().await;
    let endpoint = gateway.endpoint();
    let store = [("CAUSEWAY_STORE__ENDPOINT", endpoint.as_str())];
    let status = deployment.hub_program(&["status"]).envs(store);
    let status = tokio::task::spawn_blocking(|| status.time_limit(SOON).run());
    let answer = status.await.unwrap().expect_code(1).json();
    assert_eq!(answer["store_error"], Value::Null, "{answer}");
    let sites = answer["sites"].as_array().unwrap().iter();
    let told = sites.map(|of| format!("{} {} {}", of["site"], of["behind"], of["log_error"]));
    let told: Vec<String> = told.collect();
    assert_eq!(
        told,
        [r#""bad" null "no answer in 5 s""#, r#""hcm-01" 0 null"#]
    );

    let token = deployment.token("viewer", &[]);
    let service = deployment.serve(&[store[0], ("CAUSEWAY_REFRESH__EVERY", "1s")]);
    let its = |asked: &Asked| {
        let hints = ["sites%2Fbad%2Fedits%2Flatest", "sites/bad/edits/latest"];
        hints.iter().any(|hint| asked.path.contains(hint))
    };
    let before = gateway.asked().iter().filter(|asked| its(asked)).count();
    wait_until("the silent site is not looked at", async || {
        gateway.asked().iter().filter(|asked| its(asked)).count() > before
    })
    .await;
    site.execute("UPDATE Customers SET Notes = 'waiting' WHERE CustomerId = 'fb-3'");
    let _ = deployment.agent(&["sync"]).expect_code(0);
    wait_until("a change beside a silent site is not loaded", async || {
        commit(&service.url, &token, "hcm-01").await == 2
    })
    .await;
    let asked = Instant::now();
    let _ = service.running.terminate().expect_code(0);
    assert!(asked.elapsed() < LAST_WAIT);
}

#[tokio::test]
async fn a_disk_that_falls_silent_under_one_site_keeps_nobody_waiting() {
    for silent in [
        "sites/bad/log/00000000000000000001.json",
        "sites/bad/data/note",
    ] {
        let ground = Ground::new();
        let _ = ground.hub(&["init"]).run().expect_code(0);

        let stall = Stall::build();
        let load = ground.hub(&["load"]).envs(stall.at(silent)).spawn();
        wait_until("the load does not come to the file", async || {
            stall.was_reached()
        })
        .await;
        let asked = Instant::now();
        let ended = load.terminate();
        assert!(asked.elapsed() < LAST_WAIT, "{silent}: {ended}");
        assert_eq!(ended.code, None, "a command ends by the signal: {ended}");

        let stall = Stall::build();
        let (serve, url) = ground.serving(&stall.at(silent));
        wait_until("the other site is not loaded", async || {
            commit(&url, ground.token(), "good").await == 1
        })
        .await;
        wait_until("the service does not come to the file", async || {
            stall.was_reached()
        })
        .await;
        assert_eq!(commit(&url, ground.token(), "bad").await, Value::Null);
        let asked = Instant::now();
        let ended = serve.terminate().expect_code(0);
        assert!(asked.elapsed() < LAST_WAIT, "{silent}: {ended}");

        // What was broken off left nothing that keeps the next load from its work.
        let loaded = ground.hub(&["load"]).run().expect_code(0).json();
        assert_eq!(loaded["sites"][0]["rows"]["inserted"], 2, "{loaded}");
    }
}

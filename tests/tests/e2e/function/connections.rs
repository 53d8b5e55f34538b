//! Connections that are gone when the function wakes, and servers that are away when it starts.

use std::fs;
use std::time::Duration;

use causeway_tests::deployment::Deployment;
use causeway_tests::lambda::{Function, HttpAnswer};
use causeway_tests::meetassist::MeetAssist;
use causeway_tests::silence::SilentWay;
use causeway_tests::testbed::{Cluster, Stop};
use causeway_tests::{DatabaseKind, StoreKind};
use serde_json::{Value, json};

use crate::ground::deploy;

/// All that an invocation may take: AWS would end one that takes longer.
const SOON: Duration = Duration::from_secs(3);

/// A function whose ways to its servers break on command.
struct Ground {
    cluster: Cluster,
    to_database: SilentWay,
    to_store: SilentWay,
    deployment: Deployment,
    site: MeetAssist,
    token: String,
}

impl Ground {
    async fn new() -> Self {
        let cluster = Cluster::start().await.unwrap();
        let url = cluster.url();
        let (_, server) = url.split_once('@').unwrap();
        let (server, _) = server.split_once('/').unwrap();
        let to_database = SilentWay::start(server).await;
        let (deployment, site) = deploy((StoreKind::S3, DatabaseKind::Sqlite)).await;
        let endpoint = deployment.store.config().endpoint.clone();
        let to_store = SilentWay::start(endpoint.trim_start_matches("http://")).await;
        let file = deployment.path("hub.toml");
        let config = fs::read_to_string(&file).unwrap();
        let url = url.replace(server, &to_database.address());
        let config = config.replace(&deployment.database.url(), &url);
        let config = config.replace(&endpoint, &format!("http://{}", to_store.address()));
        fs::write(&file, config).unwrap();
        deployment.migrate_and_load();
        let token = deployment.token("admin", &[]);
        Self {
            cluster,
            to_database,
            to_store,
            deployment,
            site,
            token,
        }
    }

    async fn ask(&self, function: &Function, request: (&str, &str), body: Value) -> HttpAnswer {
        let authorization = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", &*authorization),
            ("content-type", "application/json"),
        ];
        function.http_for(request, &headers, body, SOON).await
    }

    async fn reads(&self, function: &Function, what: &str) {
        let answer = self.ask(function, ("GET", "/api/v1/appointments"), Value::Null);
        let answer = answer.await;
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
    }

    fn booking(&self, what: &str) -> Value {
        json!({"customerid": "fb-8", "date": self.site.date(1).to_string(), "time": "17:30",
            "description": what})
    }

    async fn books(&self, function: &Function, what: &str) {
        let booking = self.booking(what);
        let answer = self.ask(function, ("POST", "/api/v1/appointments"), booking);
        let answer = answer.await;
        assert_eq!(answer.status, 201, "{what}: {answer:?}");
        assert_eq!(answer.json()["flushed"], true, "{what}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_away_between_two_requests_is_met_again() {
    let mut ground = Ground::new().await;
    let function = Function::start(&ground.deployment, &[]).await;
    ground.books(&function, "first").await;
    for (what, how) in [("stopped", Stop::Fast), ("crashed", Stop::Crash)] {
        ground.cluster.stop(how).await;
        ground.cluster.start_again().await.unwrap();
        ground.reads(&function, what).await;

        ground.cluster.stop(how).await;
        ground.cluster.start_again().await.unwrap();
        ground.books(&function, what).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_gone_without_a_word_hold_nobody_up() {
    let ground = Ground::new().await;
    let function = Function::start(&ground.deployment, &[]).await;
    ground.books(&function, "first").await;

    ground.to_database.silence();
    ground.reads(&function, "silent database").await;
    ground.to_database.silence();
    ground.books(&function, "silent database").await;
    ground.to_database.cut();
    ground.books(&function, "cut database").await;

    ground.to_store.silence();
    ground.reads(&function, "silent store").await;
    // The writer does not wait for the flush, but the answer does.
    let booking = ground.booking("silent store");
    let post = ("POST", "/api/v1/appointments");
    let booked = function.http(&ground.token, post, booking).await;
    assert_eq!(booked.status, 201, "{booked:?}");
    let status = function.invoke(&json!({"command": "status"})).await;
    assert_eq!(status["sites"][0]["edits_waiting"], 0, "{status}");
    ground.books(&function, "after the silence").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_starts_while_the_database_is_away_reads_from_the_store_and_goes_on() {
    let mut ground = Ground::new().await;
    ground.cluster.stop(Stop::Fast).await;
    let function = Function::start(&ground.deployment, &[]).await;
    // What it reads it has to load first.
    let get = ("GET", "/api/v1/appointments");
    let away = function.http(&ground.token, get, Value::Null).await;
    assert_eq!(away.status, 200, "{away:?}");
    let from_the_store = ("x-causeway-database".to_owned(), "asleep".to_owned());
    assert!(away.headers.contains(&from_the_store), "{away:?}");

    ground.cluster.start_again().await.unwrap();
    ground.books(&function, "back").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_cannot_be_used_is_told_to_each_request() {
    let (deployment, _) = deploy((StoreKind::S3, DatabaseKind::Postgres)).await;
    let function = Function::start(&deployment, &[("CAUSEWAY_AUTH__MODE", "none")]).await;
    for _ in 0..2 {
        let answer = function.http("", ("GET", "/healthz"), Value::Null).await;
        assert_eq!(answer.status, 503);
        let failed = function.try_invoke(&json!({"command": "status"})).await;
        let failed = failed.unwrap_err();
        assert_eq!(failed["errorType"], "Configuration");
        let said = failed["errorMessage"].as_str().unwrap();
        assert!(
            said.contains("auth.mode: a function is reached from everywhere"),
            "{said}"
        );
    }
}

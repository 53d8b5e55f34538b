//! Hub and keeper as functions.

use std::time::{Duration, Instant};

use causeway_tests::lambda::{Function, recorded};
use serde_json::{Value, json};

use super::{Ground, NOTICED};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_and_keeper_are_functions() {
    let ground = Ground::new("[aws]\nkeeper = true\n").await;
    let hub = Function::start(&ground.deployment, &[]).await;
    let names = ground.aws.env();
    let names = names.iter().map(|(name, value)| (*name, value.as_str()));
    let variables: Vec<_> = names.chain([("CAUSEWAY_KEEPER", "1")]).collect();
    let keeper = Function::start(&ground.deployment, &variables).await;
    let ask = async |method, path| {
        let answer = hub.http(&ground.token, (method, path), Value::Null).await;
        let is_asleep = answer
            .headers
            .iter()
            .any(|(name, _)| name == "x-causeway-database");
        (answer.status, is_asleep)
    };
    let (slept, read) = (("POST", "/api/v1/database/sleep"), "/api/v1/customers/fb-8");
    assert_eq!(ask(slept.0, slept.1).await, (200, false));
    let stopped = keeper.invoke(&json!({})).await;
    assert_eq!(
        (&stopped["steps"], &stopped["fulfils"]),
        (&json!(["stop"]), &json!(1))
    );
    ground.until_instance("stopped").await;
    assert_eq!(ask("GET", read).await, (200, true));
    let tick = json!({"command": "tick"});
    assert_eq!(hub.invoke(&tick).await, json!({"database": "asleep"}));
    let status = hub.invoke(&json!({"command": "status"})).await;
    assert_eq!(status["sleep"]["database"], "asleep", "{status}");
    // Also one that starts while the database sleeps.
    let another = Function::start(&ground.deployment, &[]).await;
    assert_eq!(another.invoke(&tick).await, json!({"database": "asleep"}));

    assert_eq!(ask("POST", "/api/v1/database/wake").await, (200, true));
    assert_eq!(keeper.invoke(&json!({})).await["steps"], json!(["start"]));
    ground.until_instance("available").await;
    let change = "UPDATE Customers SET FullName = 'Moved On' WHERE CustomerId = 'fb-8'";
    ground.site.execute(change);
    let _ = ground.deployment.agent(&["sync"]).expect_code(0);
    // A site that cannot be loaded for now keeps its last good data, and nobody waiting.
    let busy = ground.connect("hub").await;
    let lock = "SELECT pg_advisory_lock(hashtextextended('causeway load hcm-01', 0))";
    busy.batch_execute(lock).await.unwrap();
    for _ in 0..2 {
        // Reads leave it to ticks.
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(ask("GET", read).await, (200, true));
    }
    let began = Instant::now();
    while hub.invoke(&tick).await.get("load").is_none() {
        assert!(began.elapsed() < NOTICED, "it is not woken");
    }
    let site = &hub.invoke(&tick).await["load"]["sites"][0];
    let error = site["error"].as_str().unwrap();
    assert!(
        error.contains("the loader's lock of site hcm-01"),
        "{error}"
    );
    let status = hub.invoke(&json!({"command": "status"})).await;
    let last_error = &status["sites"][0]["last_error"];
    assert_eq!(
        *last_error,
        Value::Null,
        "whoever loads it notes how it goes"
    );
    assert_eq!(ask("GET", read).await, (200, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keeper_hands_the_servers_master_on_but_for_an_end() {
    let ground = Ground::new("").await;
    let names = ground.aws.env();
    let names = names.iter().map(|(name, value)| (*name, value.as_str()));
    let more = [
        ("CAUSEWAY_KEEPER", "1"),
        ("CAUSEWAY_DATABASE__SECRET", "rds!db-1"),
    ];
    let variables: Vec<_> = names.chain(more).collect();
    let keeper = Function::start(&ground.deployment, &variables).await;
    let url = keeper.response_url();
    let mut handed = Vec::new();
    for what in ["Create", "Delete"] {
        let replace = [("type", what), ("url", &*url), ("id", "causeway-hub")];
        let _ = keeper
            .invoke(&recorded("cloud_formation.json", &replace))
            .await;
        let calls = ground.aws.calls();
        let event = calls[0].strip_prefix("Invoke RequestResponse ").unwrap();
        let event: Value = serde_json::from_str(event).unwrap();
        assert_eq!(event["RequestType"], what);
        handed.push(event["Master"].clone());
    }
    assert_eq!(
        handed,
        [
            json!({"username": "master", "password": "hidden"}),
            Value::Null
        ]
    );
    assert!(!keeper.process.stderr().contains("hidden"));
}

//! A database falls asleep with nothing left behind, is read meanwhile, and wakes with everything.

use std::time::{Duration, Instant};

use causeway_tests::{DatabaseKind, StoreKind};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Ground, NOTICED, of_fb_8};
use crate::ground::deploy;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_is_read_while_the_database_sleeps_and_there_when_it_wakes() {
    let ground = Ground::new("").await;
    // What is written by SQL stays in the journal.
    let service = ground
        .serve(&[
            ("CAUSEWAY_EDITS__FLUSH", "1h"),
            ("CAUSEWAY_REFRESH__EVERY", "1s"),
        ])
        .await;
    let noted = ground.note(&service, "noted by the API").await;
    assert_eq!(noted.status, StatusCode::OK, "{}", noted.body);

    let writer = ground.connect("hub").await;
    let change =
        "BEGIN; UPDATE hcm_01.customer SET phonenumber = '0900000001' WHERE customerid = 'fb-8'";
    writer.batch_execute(change).await.unwrap();
    let refused = ground.hub(&["sleep", "--wait", "1s"]).await.expect_code(3);
    let error = refused.json()["error"].as_str().unwrap().to_owned();
    assert!(
        error.contains(r#"(user postgres, application "psql", since "#),
        "{error}"
    );
    assert_eq!(ground.aws.calls(), [] as [&str; 0]);
    // The database takes changes as before.
    writer.batch_execute("COMMIT").await.unwrap();
    let noted = ground.note(&service, "noted since").await;
    assert_eq!(noted.status, StatusCode::OK, "{}", noted.body);
    let waiting = "UPDATE hcm_01.customer SET phonenumber = '0900000002' WHERE customerid = 'fb-8'";
    writer.batch_execute(waiting).await.unwrap();

    let slept = ground.hub(&["sleep"]).await.expect_code(0).json();
    assert_eq!(
        (&slept["stopped_by"], &slept["sites"][0]["edits"]),
        (&json!("rds"), &json!(1)),
        "{slept}"
    );
    assert_eq!(ground.aws.calls(), ["StopDBInstance"]);
    ground.until_instance("stopped").await;
    // Once more, it has nothing to do.
    let _ = ground.hub(&["sleep"]).await.expect_code(0);
    assert_eq!(ground.aws.calls(), [] as [&str; 0]);

    let said = ground.hub(&["status"]).await.expect_code(1).json();
    let said = said["error"].as_str().unwrap();
    assert!(said.starts_with("the database sleeps since "), "{said}");

    let customer = "/api/v1/customers/fb-8";
    let read = ground
        .until(&service, customer, |answer| answer.asleep)
        .await;
    assert_eq!(
        (read.status, of_fb_8(&read)),
        (StatusCode::OK, "noted since".to_owned())
    );
    assert!(read.body.contains("0900000002"), "{}", read.body);
    let sync = ground.get(&service, "/api/v1/sync").await;
    let named = serde_json::from_str::<serde_json::Value>(&sync.body).unwrap();
    let named = named["database"].as_str().unwrap();
    assert!(named.starts_with("postgres"), "{named}");
    for path in ground.reads() {
        let read = ground.get(&service, &path).await;
        assert!(
            read.status.is_success() && read.asleep,
            "{path}: {} {}",
            read.status,
            read.body
        );
    }
    // Who balances load sends readers here.
    let ready = ground.get(&service, "/readyz").await;
    assert_eq!((ready.status, ready.asleep), (StatusCode::OK, true));
    // It is the database that is shown, and not what stands in for it.
    for path in ["/database", "/api/v1/database/stats"] {
        let shown = ground.get(&service, path).await.body;
        assert!(
            shown.contains("postgres://") && !shown.contains("sqlite:"),
            "{shown}"
        );
    }
    let page = ground.get(&service, "/customers?lang=en").await.body;
    assert!(
        page.contains("The database sleeps: everything can be looked at"),
        "{page}"
    );
    let refused = ground.note(&service, "too late").await;
    assert_eq!(
        (refused.status, refused.retry_after.as_deref()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("60"))
    );
    assert!(
        refused.body.contains(r#""code":"database_asleep""#),
        "{}",
        refused.body
    );

    // What the site commits meanwhile is read as well.
    ground
        .site
        .execute("UPDATE Customers SET FullName = 'Moved On'");
    let _ = ground.deployment.agent(&["sync"]).expect_code(0);
    ground
        .until(&service, customer, |answer| {
            answer.body.contains("Moved On")
        })
        .await;

    // The database is taken away while it sleeps.
    ground.aws.start_instance().await;
    let admin = ground.connect("postgres").await;
    admin
        .batch_execute("DROP DATABASE hub WITH (FORCE)")
        .await
        .unwrap();
    admin.batch_execute("CREATE DATABASE hub").await.unwrap();
    drop(admin);
    ground.aws.stop_instance().await;

    let woken = ground.hub(&["wake"]).await.expect_code(0).json();
    assert_eq!(
        (&woken["started_by"], &woken["sites"][0]["error"]),
        (&json!("rds"), &Value::Null),
        "{woken}"
    );
    assert_eq!(ground.aws.calls(), ["StartDBInstance"]);
    let read = ground
        .until(&service, customer, |answer| !answer.asleep)
        .await;
    assert_eq!(
        (read.status, of_fb_8(&read)),
        (StatusCode::OK, "noted since".to_owned())
    );
    assert!(read.body.contains("0900000002"), "{}", read.body);
    let noted = ground.note(&service, "awake").await;
    assert_eq!(noted.status, StatusCode::OK, "{}", noted.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_changes_what_would_not_be_in_the_store() {
    let ground = Ground::new("").await;
    let change = "UPDATE hcm_01.customer SET phonenumber = '0900000001' WHERE customerid = 'fb-8'";
    let other = "UPDATE hcm_01.customer SET phonenumber = '0900000002' WHERE customerid = 'fb-9'";
    // It would not see that the database is to sleep.
    let early = ground.connect("hub").await;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM hcm_01.customer";
    early.batch_execute(begin).await.unwrap();
    let killed = ground.deployment.hub_program(&["sleep", "--wait", "1h"]);
    let killed = killed.envs(ground.aws.env()).spawn();
    let another = ground.connect("hub").await;
    let began = Instant::now();
    let refused = loop {
        if let Err(refused) = another.batch_execute(other).await {
            break refused;
        }
        assert!(began.elapsed() < NOTICED, "changes are still taken");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let refused = refused.as_db_error().unwrap();
    assert_eq!(refused.code().code(), "25006");
    assert_eq!(
        refused.message(),
        "site hcm-01: it takes no changes: the database is going to sleep"
    );
    early.batch_execute(change).await.unwrap();
    let _ = killed.kill();

    // Killed in its middle, it goes on; what it waits for, it names.
    let refused = ground.hub(&["sleep", "--wait", "1s"]).await.expect_code(3);
    assert!(refused.json()["error"].as_str().unwrap().contains("psql"));
    another.batch_execute(other).await.unwrap();
    assert_eq!(ground.aws.calls(), [] as [&str; 0]);
    early.batch_execute("COMMIT").await.unwrap();
    let slept = ground.hub(&["sleep"]).await.expect_code(0).json();
    assert_ne!(slept["sites"][0]["edits"], json!(0), "{slept}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_left_halfway_to_sleep_takes_changes_again() {
    let ground = Ground::new("").await;
    let service = ground.serve(&[]).await;
    // As a `sleep` that was killed left it, or a snapshot of a database that slept. The service may see to it as soon
    // as it sees it, so that the refused change is in the same transaction.
    let told = "UPDATE causeway.copy SET body = '2025-11-28T00:00:00Z' WHERE key = 'sleep'";
    let change = "UPDATE hcm_01.customer SET notes = 'taken' WHERE customerid = 'fb-8'";
    let refused = format!(
        "{told}; DO $$ BEGIN {change}; RAISE 'it is taken'; \
         EXCEPTION WHEN read_only_sql_transaction THEN NULL; END $$"
    );
    let database = ground.connect("hub").await;
    database.batch_execute(&refused).await.unwrap();
    let began = Instant::now();
    while let Err(refused) = database.batch_execute(change).await {
        assert!(began.elapsed() < NOTICED, "{refused}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let path = "/api/v1/customers/fb-8";
    ground
        .until(&service, path, |answer| {
            !answer.asleep && answer.body.contains("taken")
        })
        .await;
}

#[tokio::test]
async fn files_have_no_server_to_stop() {
    let (deployment, _site) = deploy((StoreKind::Folder, DatabaseKind::Sqlite)).await;
    deployment.migrate_and_load();
    for command in ["sleep", "wake"] {
        let refused = deployment.hub(&[command]).expect_code(2).json();
        let said = refused["error"].as_str().unwrap();
        assert!(
            said.contains("has no server that could be stopped"),
            "{said}"
        );
    }
}

//! A store that is read and takes no writes: what is changed meanwhile waits in the database, is counted and
//! shown, and is in the store as soon as that takes writes again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::log::SiteLog;
use causeway_shared::store::Store;
use causeway_tests::crash::{Crash, How};
use causeway_tests::deployment::{Deployment, Service};
use causeway_tests::gateway::{Asked, Fate, Gateway};
use causeway_tests::{DatabaseKind, StoreKind};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::booking::{ask, serve_with};
use crate::ground::{deploy, rows};
use crate::rebuild::drop_database;

const WITHIN: Duration = Duration::from_secs(30);

/// The ids of all changes in the log of edits, each once.
pub(crate) async fn committed(deployment: &Deployment) -> BTreeSet<String> {
    let store: Store = deployment.store.open().await;
    let site = SiteName::new("hcm-01").unwrap();
    let log = SiteLog::<causeway_shared::commit::EditsLog>::of_kind(store, site);
    let mut ids = BTreeSet::new();
    let mut seq = Seq(1);
    while let Some(commit) = log.commit(seq).await.unwrap() {
        for row in commit.more.journal {
            assert!(ids.insert(row.id.clone()), "{} twice", row.id);
        }
        seq = seq.next();
    }
    ids
}

/// How many changes wait, by `status`.
pub(crate) fn waiting(deployment: &Deployment) -> u64 {
    let status = deployment.hub(&["status"]).json();
    let waiting = status["sites"][0]["edits_waiting"].as_u64();
    waiting.unwrap_or_else(|| panic!("{status}"))
}

pub(crate) async fn until_none_waits(deployment: &Deployment) {
    let began = Instant::now();
    while waiting(deployment) > 0 {
        assert!(began.elapsed() < WITHIN, "changes wait after {WITHIN:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A change that the database takes and the store does not.
async fn unflushed(service: &Service, token: &str, path: &str, body: Option<Value>) -> Value {
    let (status, row) = ask(service, token, (Method::POST, path), body).await;
    assert!(status.is_success(), "{status} {row}");
    assert_eq!(row["flushed"], false, "{row}");
    row
}

async fn listed(service: &Service, token: &str, date: &str) -> Vec<i64> {
    let path = format!("?date={date}&limit=500");
    let (status, listed) = ask(service, token, (Method::GET, &path), None).await;
    assert_eq!(status, StatusCode::OK, "{listed}");
    let items = listed["items"].as_array().unwrap().iter();
    items
        .map(|row| row["appointmentid"].as_i64().unwrap())
        .collect()
}

/// Everything is in the store, once, and in a database that is made again.
async fn is_all_there(
    deployment: &Deployment,
    (waited, before): (u64, &BTreeSet<String>),
    cold: &str,
) {
    let after = committed(deployment).await;
    assert!(after.is_superset(before));
    assert_eq!((after.len() - before.len()) as u64, waited);
    let loaded = rows(deployment).await;
    let _ = deployment.hub(&["verify"]).expect_code(0);
    drop_database(deployment).await;
    let _ = deployment.hub(&["init", "--take-over"]).expect_code(0);
    let _ = deployment.hub(&["load", "--date", cold]).expect_code(0);
    assert_eq!(rows(deployment).await, loaded);
    let _ = deployment.hub(&["verify"]).expect_code(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_wait_until_a_bucket_takes_writes_again() {
    for (database, status, code, exit) in [
        (DatabaseKind::Sqlite, 403, "AccessDenied", 3),
        (DatabaseKind::Postgres, 507, "InsufficientStorage", 1),
    ] {
        let (deployment, site) = deploy((StoreKind::S3, database)).await;
        deployment.migrate_and_load();
        let refuses = Arc::new(AtomicU16::new(0));
        let gateway = {
            let refuses = Arc::clone(&refuses);
            let script = move |asked: &Asked| match refuses.load(Ordering::Relaxed) {
                refused if refused > 0 && asked.method == "PUT" => Fate::Refuse(refused, code),
                _ => Fate::Pass,
            };
            Gateway::start(&deployment.store.config().endpoint, script).await
        };
        let endpoint = gateway.endpoint();
        let through = [
            ("CAUSEWAY_STORE__ENDPOINT", endpoint.as_str()),
            ("CAUSEWAY_EDITS__FLUSH", "200ms"),
            ("CAUSEWAY_REFRESH__EVERY", "1s"),
        ];
        let token = deployment.token("admin", &[]);
        let service = serve_with(&deployment, &token, &through).await;
        let date = site.date(1).to_string();
        let booking = |time: &str| json!({"customerid": "fb-8", "date": date, "time": time});
        // A service has keys for new rows from its first booking on.
        let book = (Method::POST, "");
        let (first, _) = ask(&service, &token, book, Some(booking("17:30"))).await;
        assert_eq!(first, StatusCode::CREATED);
        deployment.load();
        let before = committed(&deployment).await;

        refuses.store(status, Ordering::Relaxed);
        let booked = unflushed(&service, &token, "", Some(booking("18:30"))).await;
        let cancel = format!("/{}/cancel", site.first_appointment(1));
        unflushed(&service, &token, &cancel, None).await;
        if database == DatabaseKind::Postgres {
            let client = deployment.database.connect().await;
            let note = "UPDATE hcm_01.customer SET notes = 'waits' WHERE customerid = 'fb-3'";
            client.batch_execute(note).await.unwrap();
        }
        let waits = waiting(&deployment);
        assert!(waits >= 2, "{waits}");
        let flush = deployment.hub_program(&["flush"]).envs(through).run();
        let flush = flush.expect_code(exit).json();
        let error = flush["sites"][0]["error"].as_str().unwrap();
        assert!(error.contains(code), "{error}");
        assert_eq!((&flush["edits"], waiting(&deployment)), (&json!(0), waits));
        assert_eq!(committed(&deployment).await, before);
        // It is read as ever: what was changed, and a date that is not loaded.
        let shown = listed(&service, &token, &date).await;
        assert!(shown.contains(&booked["appointmentid"].as_i64().unwrap()));
        let cold = site.date(-30).to_string();
        let shown = listed(&service, &token, &cold).await;
        assert_eq!(shown.len(), 4, "{shown:?}");
        // The site goes on, in rows that the cloud has not changed and in one that it has.
        let (other, same) = (site.first_appointment(0), site.first_appointment(1));
        site.execute(&format!(
            "UPDATE Appointments SET Duration = 11 WHERE AppointmentId IN ({other}, {same})"
        ));
        let _ = deployment.agent(&["sync"]).expect_code(0);
        let command = deployment.hub_program(&["load"]).envs(through).run();
        let command = command.expect_code(exit).json();
        let error = command["sites"][0]["error"].as_str().unwrap();
        assert!(error.contains(code), "{error}");

        refuses.store(0, Ordering::Relaxed);
        until_none_waits(&deployment).await;
        let began = Instant::now();
        loop {
            let status = deployment.hub(&["status"]).json()["sites"][0].clone();
            if (&status["commit"], &status["last_error"]) == (&json!(2), &Value::Null) {
                break;
            }
            assert!(began.elapsed() < WITHIN, "the site is not loaded: {status}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let _ = service.running.terminate().expect_code(0);
        let appointments = crate::ground::loaded(&deployment, "appointment").await;
        let row = &appointments[&same.to_string()];
        assert_eq!(
            (row[5].as_deref(), row[7].as_deref()),
            (Some("11"), Some("cancelled"))
        );
        is_all_there(&deployment, (waits, &before), &cold).await;
    }
}

#[tokio::test]
async fn changes_wait_while_a_folder_s_disk_is_full() {
    let (deployment, site) = deploy((StoreKind::Folder, DatabaseKind::Sqlite)).await;
    deployment.migrate_and_load();
    let token = deployment.token("admin", &[]);
    let before = committed(&deployment).await;

    let crash = Crash::build();
    let store = deployment.store.folder().unwrap();
    let full = crash.at(1, How::Full, &[store], &[]);
    let full: Vec<_> = full.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let service = serve_with(&deployment, &token, &full).await;
    for n in 0..2 {
        let cancel = format!("/{}/cancel", site.first_appointment(1) + n);
        let row = unflushed(&service, &token, &cancel, None).await;
        assert_eq!(row["status"], "cancelled");
    }
    // A service on SQLite takes its keys for new rows when it starts.
    let date = site.date(1).to_string();
    let booking = json!({"customerid": "fb-8", "date": date, "time": "18:30"});
    let (status, refused) = ask(&service, &token, (Method::POST, ""), Some(booking)).await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")),
        "{refused}"
    );
    let waits = waiting(&deployment);
    assert!(waits >= 2, "{waits}");
    assert_eq!(listed(&service, &token, &date).await.len(), 4);
    let cold = site.date(-30).to_string();
    let shown = listed(&service, &token, &cold).await;
    assert_eq!(shown.len(), 4, "{shown:?}");
    let _ = service.running.kill();
    assert_eq!(committed(&deployment).await, before);

    // There is space again, and the service starts.
    let service = serve_with(&deployment, &token, &[("CAUSEWAY_EDITS__FLUSH", "200ms")]).await;
    until_none_waits(&deployment).await;
    let _ = service.running.terminate().expect_code(0);
    is_all_there(&deployment, (waits, &before), &cold).await;
}

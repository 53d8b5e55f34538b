//! A store that is read and takes no writes: what is changed meanwhile waits in the database, is counted and
//! shown, and is in the store as soon as that takes writes again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::log::SiteLog;
use causeway_shared::store::Store;
use causeway_tests::crash::{Crash, How};
use causeway_tests::deployment::{Deployment, Service};
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

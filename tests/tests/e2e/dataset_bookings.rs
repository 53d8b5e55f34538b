//! Appointments are booked and cancelled by the API while the site's dataset changes: every answer is right,
//! and everything that was taken is there, in tables that have followed.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use causeway_shared::dataset::Dataset;
use causeway_tests::deployment::{PAIRS, Service};
use causeway_tests::loaded::loaded_rows;
use causeway_tests::meetassist::SOURCES;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::booking::{ask, serve_with};
use crate::clinic::MEETASSIST;
use crate::ground::deploy;
use crate::rebuild::drop_database;
use crate::refused_writes::{committed, until_none_waits};

const CALLERS: usize = 4;
const OFTEN: [(&str, &str); 2] = [
    ("CAUSEWAY_REFRESH__EVERY", "1s"),
    ("CAUSEWAY_EDITS__FLUSH", "200ms"),
];
const WITHIN: Duration = Duration::from_secs(30);

/// The dataset after so many changes: columns of two tables, a longer text, and a new table.
fn changed(version: usize) -> String {
    let (mut notes, mut rooms, mut tables) = (String::new(), String::new(), String::new());
    for n in 1..=version {
        notes += &format!("\n  {{ name = \"note{n}\", type = \"text\", default = \"n{n}\" }},");
        rooms += &format!("\n  {{ name = \"room{n}\", type = \"int\" }},");
        tables += &format!(
            "\n[[table]]\nname = \"extra{n}\"\nkey = [\"id\"]\npartition = {{ buckets = 1 }}\n\
             column = [{{ name = \"id\", type = \"int\" }}]\n"
        );
    }
    let of_customer = "  { name = \"notes\", type = \"text\" },";
    let of_appointment = "  { name = \"updatedat\", type = \"timestamp\" },";
    let changed = MEETASSIST
        .replace(of_customer, &format!("{of_customer}{notes}"))
        .replace(of_appointment, &format!("{of_appointment}{rooms}"))
        .replace("max = 255", &format!("max = {}", 255 + version));
    assert_ne!(changed, MEETASSIST);
    changed + &tables
}

/// Books, and cancels every second booking, until it is told to stop.
async fn book(
    (service, token): (&Service, &str),
    (caller, date): (usize, &str),
    done: &AtomicBool,
    booked: &Mutex<BTreeSet<i64>>,
) {
    for n in 0.. {
        if done.load(Ordering::Relaxed) {
            return;
        }
        let booking = json!({"customerid": format!("fb-{}", 10 + caller), "date": date,
            "time": "17:30", "description": format!("{caller} {n}")});
        let (status, row) = ask(service, token, (Method::POST, ""), Some(booking)).await;
        assert_eq!(status, StatusCode::CREATED, "{row}");
        let id = row["appointmentid"].as_i64().unwrap();
        assert!(booked.lock().unwrap().insert(id), "{id} twice");
        if n % 2 == 1 {
            let cancel = format!("/{id}/cancel");
            let (status, row) = ask(service, token, (Method::POST, &cancel), None).await;
            assert_eq!(
                (status, &row["status"]),
                (StatusCode::OK, &json!("cancelled")),
                "{row}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bookings_go_on_while_the_dataset_changes() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let token = deployment.token("admin", &[]);
        let service = serve_with(&deployment, &token, &OFTEN).await;
        let date = site.date(1).to_string();
        let (done, booked) = (AtomicBool::new(false), Mutex::new(BTreeSet::new()));
        let change = async {
            for version in 1..=3 {
                let file = deployment.path(&format!("dataset{version}.toml"));
                fs::write(&file, changed(version)).unwrap();
                let name = file.to_str().unwrap();
                deployment.write_agent_config("agent.toml", "host-1", "state", name, SOURCES);
                site.execute(&format!(
                    "UPDATE Appointments SET Duration = {}",
                    30 + version
                ));
                let sync = deployment.agent_program(&["sync"]).spawn();
                let sync = tokio::task::spawn_blocking(|| sync.wait(WITHIN));
                let synced = sync.await.unwrap().expect_code(0).json();
                let began = Instant::now();
                loop {
                    let sync = format!("{}/api/v1/sync", service.url);
                    let sync = reqwest::Client::new().get(sync).bearer_auth(&token).send();
                    let sync: Value = sync.await.unwrap().json().await.unwrap();
                    if sync["sites"][0]["commit"] == synced["commit"] {
                        break;
                    }
                    assert!(began.elapsed() < WITHIN, "not loaded: {sync:#}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            done.store(true, Ordering::Relaxed);
        };
        let callers =
            (0..CALLERS).map(|caller| book((&service, &token), (caller, &date), &done, &booked));
        let ((), _) = tokio::join!(change, join_all(callers));
        until_none_waits(&deployment).await;
        let _ = service.running.terminate().expect_code(0);
        let booked = booked.into_inner().unwrap();
        assert!(booked.len() > 2 * CALLERS, "{} bookings", booked.len());

        let dataset = Dataset::from_toml(&changed(3)).unwrap();
        let check = async || {
            let rows = loaded_rows(&deployment.database, &dataset, "appointment").await;
            for id in &booked {
                let row = &rows[&id.to_string()];
                let n: u32 = row[8]
                    .as_deref()
                    .unwrap()
                    .split(' ')
                    .nth(1)
                    .unwrap()
                    .parse()
                    .unwrap();
                let status = if n % 2 == 1 { "cancelled" } else { "pending" };
                assert_eq!(row[7].as_deref(), Some(status), "{row:?}");
            }
            let born = rows
                .keys()
                .filter(|id| id.parse::<i64>().unwrap() >= 1_000_000_000);
            assert_eq!(born.count(), booked.len());
            let customers = loaded_rows(&deployment.database, &dataset, "customer").await;
            assert_eq!(customers["fb-1"].last(), Some(&Some("n3".to_owned())));
            let _ = deployment.hub(&["verify"]).expect_code(0);
            rows
        };
        let before = check().await;
        assert!(committed(&deployment).await.len() >= booked.len());
        drop_database(&deployment).await;
        let _ = deployment.hub(&["init", "--take-over"]).expect_code(0);
        deployment.load();
        assert!(
            check().await == before,
            "{pair:?}: another database has other rows"
        );
    }
}

//! What is published is what is true: the merged rows, as another engine reads them, with checksums that
//! go back to the site's commits.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use causeway_shared::ids::SiteName;
use causeway_shared::log::SiteLog;
use causeway_shared::store::{Store, list_all};
use causeway_tests::deployment::{Deployment, PAIRS};
use causeway_tests::duckdb::published_rows;
use causeway_tests::mirror::tables;
use causeway_tests::testbed::{Cluster, Stop};
use causeway_tests::{DatabaseKind, StoreKind};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::booking::{ask, serve};
use crate::ground::{deploy, loaded};
use crate::rebuild::drop_database;

/// Runs the archive.
fn run(deployment: &Deployment) -> Value {
    deployment
        .hub(&["archive", "run", "--json"])
        .expect_code(0)
        .json()
}

/// Copies what is published to a folder.
pub(crate) async fn fetch(store: &Store) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for object in list_all(&**store, "archive/", None).await.unwrap() {
        let path = folder.path().join(&object.key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let body = store.get(&object.key).await.unwrap();
        fs::write(path, body.bytes(10_000_000).await.unwrap()).unwrap();
    }
    folder
}

/// Whether `md5sum` agrees with every line.
pub(crate) fn assert_sums(archive: &Path) {
    let check = Command::new("md5sum")
        .args(["-c", "--quiet", "MD5SUMS"])
        .current_dir(archive)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&check.stdout);
    assert!(check.status.success(), "{said}");
}

/// Every table as another engine reads it, against the rows of the database, which holds all dates.
pub(crate) async fn assert_published(deployment: &Deployment, archive: &Path) {
    for table in tables() {
        let expected = loaded(deployment, table).await;
        let keys = if table == "programparticipant" { 2 } else { 1 };
        let published = published_rows(archive, table, keys);
        // A row at a time, since all of them would fill the screen.
        for (key, row) in &published {
            assert_eq!(Some(row), expected.get(key), "{table}");
        }
        assert_eq!(published.len(), expected.len(), "{table}");
    }
}

#[tokio::test]
async fn published_files_are_the_merged_rows() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let token = deployment.token("admin", &[]);
        let service = serve(&deployment, &token).await;
        let (date, last) = (site.date(1).to_string(), site.date(5).to_string());
        for (date, time, text) in [
            (&date, "12:00", "\"thuế\", luật\nhai dòng"),
            (&last, "17:30", "\\."),
        ] {
            let booking =
                json!({"customerid": "fb-8", "date": date, "time": time, "description": text});
            let book = (Method::POST, "");
            let (status, booked) = ask(&service, &token, book, Some(booking)).await;
            assert_eq!(status, StatusCode::CREATED, "{booked}");
        }
        let cancel = format!("/{}/cancel", site.first_appointment(1));
        let (status, cancelled) = ask(&service, &token, (Method::POST, &cancel), None).await;
        assert_eq!(status, StatusCode::OK, "{cancelled}");
        let _ = service.running.kill();

        let first = run(&deployment);
        let store = deployment.store.open().await;
        let archive = fetch(&store).await;
        let folder = archive.path().join("archive");
        assert_sums(&folder);
        let (from, to) = (site.date(-40).to_string(), site.date(5).to_string());
        let _ = deployment
            .hub(&["load", "--from", &from, "--to", &to])
            .expect_code(0);
        assert_published(&deployment, &folder).await;

        // Where the cloud changed nothing, the checksum is the one of the site's commit.
        let sums = fs::read_to_string(folder.join("MD5SUMS")).unwrap();
        let sums: BTreeSet<&str> = sums.lines().collect();
        let name = SiteName::new("hcm-01").unwrap();
        let log = SiteLog::new(Store::clone(&store), name);
        let catalog = log.read_catalog().await.unwrap();
        let sent = catalog.partitions.iter().filter(|((table, part), entry)| {
            let line = format!("{}  {table}/{part}/hcm-01.csv", entry.object.md5);
            !sums.contains(line.as_str())
        });
        let edited: Vec<String> = sent
            .map(|((table, part), _)| format!("{table} {part}"))
            .collect();
        let expected = [
            format!("appointment dt={date}"),
            format!("appointment dt={last}"),
        ];
        assert_eq!(edited, expected);

        // Nothing changed: also for a database that is made again.
        assert_eq!(run(&deployment)["requests"]["put"], 0);
        drop_database(&deployment).await;
        let _ = deployment.hub(&["init", "--take-over"]).expect_code(0);
        deployment.load();
        let again = run(&deployment);
        let published = |report: &Value| -> u64 {
            let tables = report["tables"].as_object().unwrap().values();
            tables
                .map(|table| table["published"].as_u64().unwrap())
                .sum()
        };
        assert!(published(&first) > 100, "{first}");
        assert_eq!(published(&again), 0, "{again}");
        assert_eq!(again["requests"]["put"], 0, "{again}");

        // One row at the site is one file, whatever the database knows of it.
        let id = site.first_appointment(-30);
        site.execute(&format!(
            "UPDATE Appointments SET Duration = 11 WHERE AppointmentId = {id}"
        ));
        let _ = deployment.agent(&["sync"]).expect_code(0);
        let changed = run(&deployment);
        assert_eq!(published(&changed), 1, "{changed}");
        assert_eq!(
            changed["requests"]["put"], 4,
            "the file, MD5SUMS, manifest, info: {changed}"
        );
        assert_sums(&fetch(&store).await.path().join("archive"));
    }
}

#[tokio::test]
async fn the_archive_is_run_while_the_database_is_down() {
    let mut cluster = Cluster::start().await.unwrap();
    let (deployment, site) = deploy((StoreKind::S3, DatabaseKind::Sqlite)).await;
    let file = deployment.path("hub.toml");
    let config = fs::read_to_string(&file).unwrap();
    let config = config.replace(&deployment.database.url(), &cluster.url());
    fs::write(&file, config).unwrap();
    deployment.migrate_and_load();
    let token = deployment.token("admin", &[]);
    let service = serve(&deployment, &token).await;
    let id = site.first_appointment(1);
    let cancel = format!("/{id}/cancel");
    let (status, cancelled) = ask(&service, &token, (Method::POST, &cancel), None).await;
    assert_eq!(status, StatusCode::OK, "{cancelled}");
    let _ = service.running.kill();
    cluster.stop(Stop::Fast).await;
    let changed = site.first_appointment(-30);
    site.execute(&format!(
        "UPDATE Appointments SET Duration = 11 WHERE AppointmentId = {changed}"
    ));
    let _ = deployment.agent(&["sync"]).expect_code(0);
    let _ = deployment.hub(&["load"]).expect_code(1);

    run(&deployment);
    let archive = fetch(&deployment.store.open().await).await;
    let folder = archive.path().join("archive");
    assert_sums(&folder);
    for (day, id, column, value) in [(1, id, 7, "cancelled"), (-30, changed, 5, "11")] {
        let file = format!("appointment/dt={}/hcm-01.csv", site.date(day));
        let csv = fs::read_to_string(folder.join(file)).unwrap();
        let row = csv.lines().find(|line| line.starts_with(&format!("{id},")));
        let row: Vec<&str> = row.unwrap().split(',').collect();
        assert_eq!(row[column], value, "{row:?}");
    }
}

#[tokio::test]
async fn a_service_publishes_by_the_switch() {
    for pair in PAIRS {
        let (deployment, _) = deploy(pair).await;
        deployment.migrate_and_load();
        let token = deployment.token("admin", &[]);
        let service = deployment.serve(&[("CAUSEWAY_ARCHIVE__EVERY", "1s")]);
        let (client, url) = (
            reqwest::Client::new(),
            format!("{}/api/v1/archive", service.url),
        );
        let status = async || -> Value {
            let asked = client.get(&url).bearer_auth(&token).send().await.unwrap();
            asked.json().await.unwrap()
        };
        let off = status().await;
        assert_eq!(
            (&off["enabled"], &off["last_run"]),
            (&json!(false), &Value::Null)
        );
        let _ = deployment.hub(&["archive", "enable"]).expect_code(0);
        while status().await["total_records"] == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let switch = client.put(format!("{url}/schedule")).bearer_auth(&token);
        let switched = switch
            .json(&json!({"enabled": false}))
            .send()
            .await
            .unwrap();
        assert_eq!(switched.status(), StatusCode::OK);
        let told = deployment
            .hub(&["archive", "status", "--json"])
            .expect_code(0)
            .json();
        assert_eq!(told["enabled"], false, "{told}");
        // One that the schedule began may still be in hand.
        let report: Value = loop {
            let run = client.post(format!("{url}/run")).bearer_auth(&token);
            let answer = run.send().await.unwrap();
            if answer.status() == StatusCode::OK {
                break answer.json().await.unwrap();
            }
        };
        assert_eq!(report["tables"]["customer"]["published"], 0, "{report}");
        let viewer = deployment.token("viewer", &[]);
        let refused = client
            .post(format!("{url}/run"))
            .bearer_auth(&viewer)
            .send()
            .await
            .unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    }
}

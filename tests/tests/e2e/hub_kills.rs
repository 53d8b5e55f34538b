//! `kill -9` of the hub while it flushes, at each request to S3 and within the transaction on PostgreSQL, while
//! it publishes, at each write to S3, and both at writes to a folder and to SQLite's files. Run again, nothing is lost, nothing
//! is there twice, and what says what is published is never ahead of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use causeway_shared::store::{Store, list_all};
use causeway_tests::crash::{Crash, How};
use causeway_tests::deployment::{Deployment, PAIRS};
use causeway_tests::meetassist::MeetAssist;
use causeway_tests::{DatabaseKind, StoreKind};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::archive::{assert_sums, fetch};
use crate::booking::{ask, serve};
use crate::ground::{deploy, rows};
use crate::kills::{is_write, killed, killed_at};
use crate::rebuild::{drop_database, until_nobody_loads};
use crate::refused_writes::committed;

/// All that is published, with what says so: by key, the bytes, or of what is compressed the text.
async fn published(store: &Store) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut keys: Vec<String> = list_all(&**store, "archive/", None)
        .await
        .unwrap()
        .into_iter()
        .map(|object| object.key)
        .collect();
    keys.extend(["archive_info.json", "archive_manifest.json.zst"].map(str::to_owned));
    for key in keys {
        let body = store.get(&key).await.unwrap();
        found.insert(key, body.bytes(10_000_000).await.unwrap());
    }
    found
}

/// The files that the manifest names, with their MD5s.
fn named(published: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, String> {
    let body = &published["archive_manifest.json.zst"];
    let manifest: Value = serde_json::from_slice(&zstd::decode_all(&body[..]).unwrap()).unwrap();
    let files = manifest["files"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    files
        .map(|file| {
            let [table, part, site] = ["table", "part", "site"].map(|name| text(&file[name]));
            let key = format!("archive/{table}/{part}/{site}.csv");
            (key, text(&file["published"]["md5"]))
        })
        .collect()
}

fn md5(bytes: &[u8]) -> String {
    format!("{:x}", md5::compute(bytes))
}

/// Of a run that was stopped: what is named is there, or what it has become when a run is whole; and the
/// summary speaks of the newest commit only where all of that is there.
fn assert_nothing_ahead(stopped: &BTreeMap<String, Vec<u8>>, whole: &BTreeMap<String, Vec<u8>>) {
    for (key, named) in named(stopped) {
        let there = stopped.get(&key).map(|bytes| md5(bytes));
        let then = whole.get(&key).map(|bytes| md5(bytes));
        assert!(
            there.as_ref() == Some(&named) || there == then,
            "{key} is {there:?}, named {named}"
        );
    }
    let at = |files: &BTreeMap<String, Vec<u8>>| {
        let info: Value = serde_json::from_slice(&files["archive_info.json"]).unwrap();
        info["sites"]["hcm-01"].clone()
    };
    if at(stopped) == at(whole) {
        assert_eq!(named(stopped), named(whole));
        assert_eq!(stopped["archive/MD5SUMS"], whole["archive/MD5SUMS"]);
    }
}

/// A row that is changed, one that is born, and one that goes, in the cloud.
async fn change(client: &Client, site: &MeetAssist, round: usize) {
    let (date, first) = (site.date(1), site.first_appointment(1));
    let sql = format!(
        "UPDATE hcm_01.appointment SET description = 'round {round}' WHERE appointmentid = {first}; \
         INSERT INTO hcm_01.appointment (customerid, date, time) VALUES ('fb-2', '{date}', '17:30'); \
         DELETE FROM hcm_01.appointment WHERE appointmentid IN \
           (SELECT min(appointmentid) FROM hcm_01.appointment \
            WHERE appointmentid >= 1000000000 HAVING count(*) > 3)"
    );
    client.batch_execute(&sql).await.unwrap();
}

async fn journaled(client: &Client) -> i64 {
    let count = "SELECT count(*) FROM causeway.journal";
    client.query_one(count, &[]).await.unwrap().get(0)
}

async fn same_again(deployment: &Deployment) {
    let before = rows(deployment).await;
    drop_database(deployment).await;
    let _ = deployment.hub(&["init", "--take-over"]).expect_code(0);
    deployment.load();
    assert_eq!(rows(deployment).await, before);
    let _ = deployment.hub(&["verify"]).expect_code(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushes_that_are_killed_at_any_request_go_on() {
    let (deployment, site) = deploy((StoreKind::S3, DatabaseKind::Postgres)).await;
    deployment.migrate_and_load();
    let client = deployment.database.connect().await;
    let (mut round, mut changes) = (0, 0);
    for answered in [false, true] {
        for at in 1.. {
            round += 1;
            change(&client, &site, round).await;
            changes += usize::try_from(journaled(&client).await).unwrap();
            let reached = killed(
                &deployment,
                deployment.hub_program(&["flush"]),
                at,
                answered,
            );
            let reached = reached.await;
            let _ = deployment.hub(&["flush"]).expect_code(0);
            assert_eq!(journaled(&client).await, 0, "request {at}");
            assert_eq!(committed(&deployment).await.len(), changes, "request {at}");
            if !reached {
                assert!(at > 5, "a flush sends requests to be killed at: {at}");
                break;
            }
        }
    }
    deployment.load();
    let _ = deployment.hub(&["verify"]).expect_code(0);
    drop(client);
    same_again(&deployment).await;
}

#[tokio::test]
async fn a_flush_that_is_killed_within_its_transaction_goes_on() {
    let (deployment, site) = deploy(PAIRS[1]).await;
    deployment.migrate_and_load();
    let client = deployment.database.connect().await;
    change(&client, &site, 1).await;
    let changes = journaled(&client).await;
    for _ in 0..3 {
        let holder = deployment.database.connect().await;
        let hold = "BEGIN; SELECT FROM causeway.site FOR UPDATE";
        holder.batch_execute(hold).await.unwrap();
        let flush = deployment.hub_program(&["flush"]).spawn();
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
            AND application_name = 'causeway-hub' AND wait_event_type = 'Lock'";
        while client.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let _ = flush.kill();
        drop(holder);
        until_nobody_loads(&deployment).await;
        assert_eq!(journaled(&client).await, changes);
        assert_eq!(committed(&deployment).await.len() as i64, changes);
    }
    let _ = deployment.hub(&["flush"]).expect_code(0);
    assert_eq!(journaled(&client).await, 0);
    assert_eq!(committed(&deployment).await.len() as i64, changes);
    deployment.load();
    drop(client);
    same_again(&deployment).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_of_the_archive_that_are_killed_at_any_write_go_on() {
    let (deployment, site) = deploy((StoreKind::S3, DatabaseKind::Postgres)).await;
    deployment.migrate_and_load();
    let _ = deployment.hub(&["archive", "run"]).expect_code(0);
    let store = deployment.store.open().await;
    let client = deployment.database.connect().await;
    let mut round = 0;
    for answered in [false, true] {
        for at in 1.. {
            round += 1;
            change(&client, &site, round).await;
            let _ = deployment.hub(&["flush"]).expect_code(0);
            // A date comes, and one goes.
            let far = site.date(-60);
            let other = match round % 2 {
                0 => format!("DELETE FROM Appointments WHERE Date = '{far}'"),
                _ => format!(
                    "INSERT INTO Appointments (AppointmentId, CustomerId, Date, Time) \
                     VALUES (900000, 'fb-1', '{far}', '09:00:00')"
                ),
            };
            site.execute(&other);
            let _ = deployment.agent(&["sync"]).expect_code(0);
            let run = deployment.hub_program(&["archive", "run"]);
            let reached = killed_at(&deployment, run, (is_write, at), answered).await;
            let stopped = published(&store).await;
            let _ = deployment.hub(&["archive", "run"]).expect_code(0);
            let whole = published(&store).await;
            assert_nothing_ahead(&stopped, &whole);
            assert_sums(&fetch(&store).await.path().join("archive"));
            if !reached {
                assert!(at > 5, "a run writes to be killed at: {at}");
                break;
            }
        }
    }
    let idle = deployment.hub(&["archive", "run"]).expect_code(0).json();
    assert_eq!(idle["requests"]["put"], 0, "{idle}");
}

#[tokio::test]
async fn two_runs_of_the_archive_at_once_leave_what_one_would() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        for round in 0..3 {
            site.execute(&format!(
                "UPDATE Appointments SET Duration = {}",
                20 + round
            ));
            let _ = deployment.agent(&["sync"]).expect_code(0);
            let runs = [(); 2].map(|()| deployment.hub_program(&["archive", "run"]).spawn());
            for run in runs {
                let _ = run.wait(Duration::from_secs(60)).expect_code(0);
            }
            let store = deployment.store.open().await;
            assert_sums(&fetch(&store).await.path().join("archive"));
            let idle = deployment.hub(&["archive", "run"]).expect_code(0).json();
            assert_eq!(idle["requests"]["put"], 0, "{pair:?}: {idle}");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// Puts a copy in the place of a folder's content.
fn put_back(from: &Path, to: &Path) {
    for entry in fs::read_dir(to).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => fs::remove_dir_all(entry.path()).unwrap(),
            false => fs::remove_file(entry.path()).unwrap(),
        }
    }
    copy(from, to);
}

#[tokio::test]
async fn flushes_and_runs_that_are_killed_at_any_write_to_a_folder_go_on() {
    let (deployment, site) = deploy((StoreKind::Folder, DatabaseKind::Sqlite)).await;
    deployment.migrate_and_load();
    let _ = deployment.hub(&["archive", "run"]).expect_code(0);
    let token = deployment.token("admin", &[]);
    let service = serve(&deployment, &token).await;
    let date = site.date(1).to_string();
    let book = async |time: &str| {
        let booking = json!({"customerid": "fb-8", "date": date, "time": time});
        let (status, booked) = ask(&service, &token, (Method::POST, ""), Some(booking)).await;
        assert_eq!(status, StatusCode::CREATED, "{booked}");
    };
    book("17:30").await;
    let store = deployment.store.folder().unwrap();
    let away = store.with_extension("away");
    fs::rename(store, &away).unwrap();
    book("18:30").await;
    let cancel = format!("/{}/cancel", site.first_appointment(1));
    let (status, _) = ask(&service, &token, (Method::POST, &cancel), None).await;
    assert_eq!(status, StatusCode::OK);
    let _ = service.running.kill();
    fs::rename(&away, store).unwrap();

    let expected = rows(&deployment).await;
    let url = deployment.database.url();
    let database = Path::new(url.strip_prefix("sqlite:").unwrap());
    let (kept_store, kept_database) = (deployment.path("kept-store"), deployment.path("kept-db"));
    copy(store, &kept_store);
    copy(database, &kept_database);
    let before = committed(&deployment).await.len();
    let _ = deployment.hub(&["flush"]).expect_code(0);
    let after = committed(&deployment).await.len();
    assert!(after > before + 1);
    let opened = deployment.store.open().await;
    let _ = deployment.hub(&["archive", "run"]).expect_code(0);
    let whole = published(&opened).await;
    let crash = Crash::build();
    for command in [&["flush"][..], &["archive", "run"]] {
        let mut step = 1;
        loop {
            put_back(&kept_store, store);
            put_back(&kept_database, database);
            if command[0] == "archive" {
                let _ = deployment.hub(&["flush"]).expect_code(0);
            }
            let variables = crash.at(step, How::Kill, &[database, store], &[]);
            let ended = deployment.hub_program(command).envs(variables).run();
            let is_whole = !crash.was_reached();
            assert_eq!(ended.code, is_whole.then_some(0), "step {step}: {ended}");
            let _ = deployment.hub(&["flush"]).expect_code(0);
            assert_eq!(committed(&deployment).await.len(), after, "step {step}");
            if command[0] == "archive" {
                let stopped = published(&opened).await;
                let _ = deployment.hub(&["archive", "run"]).expect_code(0);
                assert_nothing_ahead(&stopped, &whole);
                assert_sums(&store.join("archive"));
            }
            if is_whole {
                assert!(step > 20, "{command:?}: {step}");
                break;
            }
            // Most steps write a page; not each page has to be met.
            step += 1 + step / 5;
        }
        deployment.load();
        assert_eq!(rows(&deployment).await, expected);
        let _ = deployment.hub(&["verify"]).expect_code(0);
    }
    same_again(&deployment).await;
}

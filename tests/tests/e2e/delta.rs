//! What is published as Delta tables is what is true, at every version: two engines read it that share no
//! code with the hub.

use std::fs;
use std::path::Path;

use causeway_hub::testing::delta::{Expected, play, play_edges, play_kills, play_long, rows_of};
use causeway_hub::testing::model::asked_for;
use causeway_shared::layout::{ArchiveFile, DeltaKey};
use causeway_shared::store::{Store, list_all};
use causeway_tests::delta::{assert_documented, assert_found, assert_read, assert_unique};
use causeway_tests::deployment::{Deployment, PAIRS};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::archive::{assert_published, assert_sums, fetch};
use crate::booking::{ask, serve_with};
use crate::ground::deploy;

const BOTH: [(&str, &str); 2] = [
    ("CAUSEWAY_ARCHIVE__FORMATS__0", "csv"),
    ("CAUSEWAY_ARCHIVE__FORMATS__1", "delta"),
];

/// Histories that are played always.
const SEEDS: u64 = 8;

#[tokio::test]
async fn every_version_of_random_histories_is_read_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let seeds: Vec<u64> = asked_for().unwrap_or_else(|| (0..SEEDS).collect());
    let (mut folders, mut versions) = (Vec::new(), 0);
    for seed in &seeds {
        let of_seed = folder.path().join(seed.to_string());
        versions += play(*seed, &of_seed).await.unwrap();
        folders.extend(["before", "after"].map(|name| of_seed.join(name)));
    }
    assert!(
        (seeds.len() as u64) < SEEDS || versions > 4 * seeds.len(),
        "{versions} versions"
    );
    assert_read(&folders);
}

#[tokio::test]
async fn whichever_request_a_run_is_killed_after_all_versions_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let folders = play_kills(folder.path()).await.unwrap();
    assert!(folders.len() > 30, "{} states", folders.len());
    assert_read(folders);
}

#[tokio::test]
async fn versions_are_read_across_checkpoints_and_without_what_lies_before() {
    let folder = tempfile::tempdir().unwrap();
    play_long(folder.path()).await.unwrap();
    assert_read(["whole", "cut"].map(|name| folder.path().join(name)));
}

#[tokio::test]
async fn every_type_is_read_and_found_at_its_edges() {
    let folder = tempfile::tempdir().unwrap();
    play_edges(folder.path()).await.unwrap();
    assert_read([folder.path()]);
    assert_found(folder.path());
}

/// Publishes in both formats.
fn run(deployment: &Deployment) -> Value {
    let hub = deployment.hub_program(&["archive", "run"]).envs(BOTH);
    hub.run().expect_code(0).json()
}

/// What the CSV files in a folder hold, as the version that the report names.
fn expected(archive: &Path, report: &Value) -> Vec<Expected> {
    let tables = report["tables"].as_object().unwrap();
    let expected = tables.iter().map(|(table, ran)| {
        let mut rows = Vec::new();
        let parts = fs::read_dir(archive.join(table)).into_iter().flatten();
        for part in parts.map(|part| part.unwrap().path()) {
            for file in fs::read_dir(part).unwrap().map(|file| file.unwrap().path()) {
                let key = file.strip_prefix(archive.parent().unwrap()).unwrap();
                let of = ArchiveFile::parse(key.to_str().unwrap()).unwrap();
                rows.extend(rows_of(&of, &fs::read(&file).unwrap()).unwrap());
            }
        }
        Expected {
            table: table.parse().unwrap(),
            version: ran["delta"]["version"].as_u64().unwrap(),
            rows,
        }
    });
    expected.collect()
}

/// Whether a store's tables are read as these versions say. The folder has them in `tables/`.
async fn assert_versions(store: &Store, mut versions: Vec<Expected>) -> TempDir {
    versions.sort_by(|a, b| (&a.table, a.version).cmp(&(&b.table, b.version)));
    versions.dedup_by(|a, b| (&a.table, a.version) == (&b.table, b.version));
    let archive = fetch(store).await;
    let file = archive.path().join("expected.json");
    fs::write(file, serde_json::to_vec(&versions).unwrap()).unwrap();
    let tables = archive.path().join("tables");
    fs::rename(archive.path().join("archive/delta"), tables).unwrap();
    assert_read([archive.path()]);
    archive
}

#[tokio::test]
async fn delta_tables_hold_what_the_csv_holds() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let store = deployment.store.open().await;
        let mut versions = Vec::new();
        let id = site.first_appointment(-30);
        for duration in [11, 12] {
            site.execute(&format!(
                "UPDATE Appointments SET Duration = {duration} WHERE AppointmentId = {id}"
            ));
            let _ = deployment.agent(&["sync"]).expect_code(0);
            let before = list_all(&*store, "archive/delta/", None).await.unwrap();
            let report = run(&deployment);
            let archive = fetch(&store).await;
            versions.extend(expected(&archive.path().join("archive"), &report));
            if duration == 12 {
                assert_eq!(report["tables"]["appointment"]["delta"]["written"], 1);
                let after = list_all(&*store, "archive/delta/", None).await.unwrap();
                let new = after.iter().filter(|object| !before.contains(object));
                let new: Vec<_> = new
                    .map(|object| DeltaKey::parse(&object.key).unwrap().1)
                    .collect();
                assert!(
                    matches!(new[..], [DeltaKey::Commit(1), DeltaKey::Data(_)]),
                    "one file and one commit: {new:?}"
                );
            }
        }
        let again = run(&deployment);
        assert_eq!(again["requests"]["put"], 0, "{again}");

        let archive = assert_versions(&store, versions).await;
        assert_documented(&archive.path().join("tables/appointment"));

        let status = deployment.hub(&["archive", "status"]).expect_code(0);
        let delta = &status.json()["tables"]["appointment"]["delta"];
        assert_eq!(delta["version"], 1);
        assert_eq!(delta["commits"]["hcm-01"]["commit"], 3);
        let location = ["--location", "s3://bucket/prefix", "--format", "delta"];
        let ddl = deployment
            .hub(&[&["athena-ddl"][..], &location].concat())
            .expect_code(0);
        let statement = "CREATE EXTERNAL TABLE `appointment`\n\
            LOCATION 's3://bucket/prefix/archive/delta/appointment/'\n\
            TBLPROPERTIES ('table_type' = 'DELTA');\n";
        let ddl = ddl.json();
        assert!(ddl["ddl"].as_str().unwrap().contains(statement), "{ddl}");
    }
}

#[tokio::test]
async fn two_hubs_publish_at_once_while_the_cloud_books_and_the_site_moves() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let token = deployment.token("admin", &[]);
        let mut variables = vec![("CAUSEWAY_ARCHIVE__EVERY", "1s")];
        variables.extend(BOTH);
        let _ = deployment.hub(&["archive", "enable"]).expect_code(0);
        let hubs = [
            serve_with(&deployment, &token, &variables).await,
            deployment.serve(&variables),
        ];
        let publish = async |hub: usize| {
            let url = format!("{}/api/v1/archive/run", hubs[hub].url);
            let asked = reqwest::Client::new().post(url).bearer_auth(&token);
            let answer = asked.send().await.unwrap();
            assert!(
                answer.status().is_success(),
                "{}",
                answer.text().await.unwrap()
            );
        };
        let (moved, date) = (site.first_appointment(-30), site.date(1).to_string());
        for turn in 0..4 {
            let change = async {
                let time = format!("{}:30", 13 + turn);
                let booking = json!({"customerid": "fb-8", "date": date, "time": time});
                let book = (Method::POST, "");
                let (status, booked) = ask(&hubs[0], &token, book, Some(booking)).await;
                assert_eq!(status, StatusCode::CREATED, "{booked}");
                site.execute(&format!(
                    "UPDATE Appointments SET Date = '{}', Time = '20:00:00' WHERE AppointmentId = {moved}",
                    site.date(-30 + turn % 2)
                ));
                let _ = deployment.agent(&["sync"]).expect_code(0);
            };
            tokio::join!(publish(0), change, publish(1));
            tokio::join!(publish(1), publish(0));
        }
        for hub in hubs {
            let _ = hub.running.kill();
        }

        let report = run(&deployment);
        let store = deployment.store.open().await;
        let archive = fetch(&store).await;
        let folder = archive.path().join("archive");
        assert_sums(&folder);
        let (from, to) = (site.date(-40).to_string(), site.date(5).to_string());
        let load = ["load", "--from", &from, "--to", &to];
        let _ = deployment.hub(&load).expect_code(0);
        assert_published(&deployment, &folder).await;
        let archive = assert_versions(&store, expected(&folder, &report)).await;
        let table = archive.path().join("tables/appointment");
        assert_unique(&table, "appointmentid");
    }
}

//! What is published as Delta tables is what is true, at every version: two engines read it that share no
//! code with the hub.

use std::fs;
use std::path::Path;

use causeway_hub::testing::delta::{Expected, play, rows_of};
use causeway_shared::layout::{ArchiveFile, DeltaKey};
use causeway_shared::store::list_all;
use causeway_tests::delta::{Versions, assert_read};
use causeway_tests::deployment::{Deployment, PAIRS};
use serde_json::Value;

use crate::archive::fetch;
use crate::ground::deploy;

const BOTH: [(&str, &str); 2] = [
    ("CAUSEWAY_ARCHIVE__FORMATS__0", "csv"),
    ("CAUSEWAY_ARCHIVE__FORMATS__1", "delta"),
];

/// Histories that are played always.
const SEEDS: u64 = 4;

#[tokio::test]
async fn every_version_of_random_histories_is_read_as_it_was() {
    for seed in 0..SEEDS {
        let folder = tempfile::tempdir().unwrap();
        let versions = play(seed, folder.path()).await.unwrap();
        assert!(versions > 4, "seed {seed} has {versions} versions");
        let expected = folder.path().join("expected.json");
        assert_read(&folder.path().join("before"), &expected, Versions::All);
        assert_read(&folder.path().join("after"), &expected, Versions::Newest);
    }
}

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

        versions.sort_by(|a, b| (&a.table, a.version).cmp(&(&b.table, b.version)));
        versions.dedup_by(|a, b| (&a.table, a.version) == (&b.table, b.version));
        let archive = fetch(&store).await;
        let file = archive.path().join("expected.json");
        fs::write(&file, serde_json::to_vec(&versions).unwrap()).unwrap();
        assert_read(&archive.path().join("archive/delta"), &file, Versions::All);

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

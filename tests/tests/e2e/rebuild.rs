//! The database is a cache: dropped, cut off in the middle, changed behind the hub's back, it
//! becomes what the store says again.

use std::path::Path;
use std::time::Duration;

use causeway_tests::crash::{Crash, How};
use causeway_tests::deployment::{Deployment, PAIRS};
use causeway_tests::meetassist::MeetAssist;
use causeway_tests::{DatabaseKind, Program, StoreKind};
use serde_json::{Value, json};

use crate::ground::{assert_equal, deploy, loaded, rows};

/// Makes the database as empty as it was before its first `init`.
pub(crate) async fn drop_database(deployment: &Deployment) {
    match deployment.database.kind() {
        DatabaseKind::Postgres => {
            let schemas = "DROP SCHEMA causeway, hcm_01 CASCADE";
            let client = deployment.database.connect().await;
            client.batch_execute(schemas).await.unwrap();
        }
        DatabaseKind::Sqlite => {
            let url = deployment.database.url();
            std::fs::remove_dir_all(url.strip_prefix("sqlite:").unwrap()).unwrap();
        }
    }
}

/// Changes the database past its triggers, as nobody should.
async fn execute(deployment: &Deployment, sql: &str) {
    match deployment.database.kind() {
        DatabaseKind::Postgres => {
            let client = deployment.database.connect().await;
            let sql = format!("SET search_path = hcm_01; SET causeway.loader = on; {sql}");
            client.batch_execute(&sql).await.unwrap();
        }
        DatabaseKind::Sqlite => {
            let url = deployment.database.url();
            let file = format!("{}/hcm-01.db", url.strip_prefix("sqlite:").unwrap());
            let file = rusqlite::Connection::open(file).unwrap();
            // The triggers take changes from the hub alone.
            let triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger'";
            let triggers: Vec<String> = file
                .prepare(triggers)
                .and_then(|mut names| names.query_map([], |row| row.get(0))?.collect())
                .unwrap();
            for trigger in triggers {
                let drop = format!("DROP TRIGGER \"{trigger}\"");
                file.execute_batch(&drop).unwrap();
            }
            file.execute_batch(sql).unwrap();
        }
    }
}

/// Waits until the server has noticed that a killed hub is gone.
pub(crate) async fn until_nobody_loads(deployment: &Deployment) {
    if deployment.database.kind() == DatabaseKind::Sqlite {
        return;
    }
    let client = deployment.database.connect().await;
    let hubs = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND application_name = 'causeway-hub'";
    for _ in 0..6_000 {
        if client.query_one(hubs, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a killed hub is still at work after a minute");
}

/// A loaded site, and a commit that is not loaded: every customer and today's appointments differ.
async fn with_a_commit_waiting(deployment: &Deployment, site: &MeetAssist) {
    deployment.migrate_and_load();
    site.execute("UPDATE Customers SET Notes = 'waiting'");
    site.execute(&format!(
        "UPDATE Appointments SET Duration = 11 WHERE Date = '{}'",
        site.today
    ));
    let _ = deployment.agent(&["sync"]).expect_code(0);
}

#[tokio::test]
async fn a_dropped_database_is_the_same_again() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        with_a_commit_waiting(&deployment, &site).await;
        deployment.load();
        drop_database(&deployment).await;
        let without = deployment.hub(&["load"]);
        assert!(without.expect_code(2).stderr.contains("causeway-hub init"));

        let _ = deployment.hub(&["init"]).expect_code(0);
        assert_eq!(deployment.load()["commit"], 2);
        assert_equal(&deployment, &site).await;
    }
}

#[tokio::test]
async fn a_site_whose_schema_or_file_was_dropped_is_loaded_anew() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        match pair.1 {
            DatabaseKind::Postgres => execute(&deployment, "DROP SCHEMA hcm_01 CASCADE").await,
            DatabaseKind::Sqlite => {
                let url = deployment.database.url();
                let folder = url.strip_prefix("sqlite:").unwrap();
                std::fs::remove_file(format!("{folder}/hcm-01.db")).unwrap();
            }
        }
        deployment.load();
        assert_equal(&deployment, &site).await;
        let _ = deployment.hub(&["verify"]).expect_code(0);
    }
}

/// Holds the marks of the customers' partitions, which a load writes behind all rows: a hub that
/// waits for them is within its transaction and has changed rows.
async fn hold_the_marks(deployment: &Deployment) -> impl Sized {
    let client = deployment.database.connect().await;
    let hold = "BEGIN; SELECT * FROM causeway.loaded WHERE table_name = 'customer' FOR UPDATE";
    client.batch_execute(hold).await.unwrap();
    client
}

/// Waits for that.
async fn until_a_load_waits_for_its_marks(deployment: &Deployment) {
    let client = deployment.database.connect().await;
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                   AND application_name = 'causeway-hub' AND backend_xid IS NOT NULL
                   AND wait_event_type = 'Lock' AND query LIKE '%causeway.loaded%'";
    for _ in 0..3_000 {
        if client
            .query_one(waiting, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 1
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no load came as far as its marks in 30 s");
}

#[tokio::test]
async fn a_load_that_is_killed_behind_its_rows_changes_nothing() {
    let (deployment, site) = deploy(PAIRS[1]).await;
    with_a_commit_waiting(&deployment, &site).await;
    let before = rows(&deployment).await;
    for _ in 0..3 {
        let holder = hold_the_marks(&deployment).await;
        let load = deployment.hub_program(&["load"]).spawn();
        until_a_load_waits_for_its_marks(&deployment).await;
        let _ = load.kill();
        drop(holder);
        until_nobody_loads(&deployment).await;
        assert_eq!(rows(&deployment).await, before);
    }
    assert_eq!(deployment.load()["commit"], 2);
    assert_equal(&deployment, &site).await;
}

#[tokio::test]
async fn a_load_into_a_file_that_is_killed_at_any_write_changes_all_or_nothing() {
    let (deployment, site) = deploy(PAIRS[0]).await;
    with_a_commit_waiting(&deployment, &site).await;
    let before = rows(&deployment).await;
    let url = deployment.database.url();
    let folder = Path::new(url.strip_prefix("sqlite:").unwrap()).to_owned();
    let crash = Crash::build();
    let (mut step, mut changed_nothing) = (1, 0);
    loop {
        let variables = crash.at(step, How::Kill, &[&folder], &[]);
        let ended = deployment.hub_program(&["load"]).envs(variables).run();
        if !crash.was_reached() {
            assert_eq!(ended.code, Some(0), "step {step}: {ended}");
            break;
        }
        if rows(&deployment).await == before {
            changed_nothing += 1;
        } else {
            assert_equal(&deployment, &site).await;
        }
        // Most steps write a page; not each page has to be met.
        step += 1 + step / 8;
    }
    assert!(
        changed_nothing > 5,
        "{changed_nothing} kills before the end of the transaction"
    );
    assert_equal(&deployment, &site).await;
}

#[tokio::test]
async fn rows_changed_behind_the_hub_are_named_and_repaired() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let (early, id) = (site.date(-20).to_string(), site.first_appointment(-20));
        let _ = deployment.hub(&["load", "--date", &early]).expect_code(0);
        let before = loaded(&deployment, "appointment").await;
        execute(
            &deployment,
            &format!(
                "UPDATE appointment SET duration = 99 WHERE appointmentid = {id};
             DELETE FROM customer WHERE customerid = 'fb-3';
             INSERT INTO communityprogram
             (programid, programname, date, status, isdisabled, createdat)
             VALUES (77, 'theirs', '{early}', 'upcoming', false, '{early}T00:00:00');"
            ),
        )
        .await;

        let found = deployment.hub(&["verify"]).expect_code(3).json();
        let whats: Vec<_> = found["differences"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| found["what"].as_str().unwrap())
            .collect();
        assert_eq!(whats.len(), 3, "{found}");
        assert!(
            whats.contains(&"row fb-3 is missing from the database"),
            "{whats:?}"
        );
        assert!(
            whats.contains(&format!("row {id} differs in duration").as_str()),
            "{whats:?}"
        );
        assert!(
            whats.contains(&"1 row belongs to no partition"),
            "{whats:?}"
        );

        let repaired = deployment.hub(&["verify", "--repair"]).expect_code(0);
        let repaired = repaired.json()["differences"].clone();
        let repaired = repaired.as_array().unwrap();
        assert_eq!(repaired.len(), 3);
        assert!(repaired.iter().all(|found| found["repaired"] == true));
        assert_eq!(
            deployment.hub(&["verify"]).expect_code(0).json()["differences"],
            json!([])
        );
        assert_eq!(
            loaded(&deployment, "appointment").await,
            before,
            "also the date asked for"
        );
        deployment.load();
        assert_eq!(loaded(&deployment, "appointment").await, before);
    }
}

#[tokio::test]
async fn plans_say_what_is_done_then() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        site.execute(&format!(
            "DELETE FROM Appointments WHERE Date = '{}'",
            site.date(1)
        ));
        site.execute("UPDATE Customers SET Notes = 'x' WHERE CustomerId = 'fb-3'");
        let planned = deployment.agent(&["plan"]).expect_code(0).json();
        let (changed, removed): (Vec<Value>, Vec<Value>) = planned["changes"]
            .as_array()
            .unwrap()
            .iter()
            .cloned()
            .partition(|change| !change["md5"].is_null());
        assert_eq!((changed.len(), removed.len()), (1, 1), "{planned}");
        let again = deployment.agent(&["plan"]).expect_code(0).json();
        assert_eq!(
            again["changes"], planned["changes"],
            "a plan changes nothing"
        );
        let synced = deployment.agent(&["sync"]).expect_code(0).json();
        assert_eq!(
            (
                &synced["partitions"]["changed"],
                &synced["partitions"]["removed"]
            ),
            (&json!(1), &json!(1))
        );

        let planned = deployment.hub(&["plan"]).expect_code(0).json()["sites"][0].clone();
        let (load, evict) = (
            planned["load"].as_array().unwrap(),
            planned["evict"].as_array().unwrap(),
        );
        assert_eq!(load[0]["table"], "customer");
        assert_eq!(
            evict[0],
            json!({"table": "appointment", "part": format!("dt={}", site.date(1))})
        );
        let done = deployment.load();
        assert_eq!(done["commit"], planned["commit"]);
        assert_eq!(
            (
                &done["partitions"]["loaded"],
                &done["partitions"]["evicted"]
            ),
            (&json!(load.len()), &json!(evict.len()))
        );
        assert_equal(&deployment, &site).await;
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_a_reason_to_try_again() {
    for (_, database) in PAIRS {
        let (deployment, _) = deploy((StoreKind::S3, database)).await;
        deployment.migrate_and_load();
        for command in ["plan", "load"] {
            let away = Program::new("causeway-hub")
                .args([command, "--config"])
                .args([deployment.path("hub.toml")])
                .envs([("CAUSEWAY_STORE__ENDPOINT", "http://127.0.0.1:1")])
                .run();
            let _ = away.expect_code(1);
        }
    }
}

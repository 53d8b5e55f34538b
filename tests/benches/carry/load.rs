//! What the hub's loads into PostgreSQL take, against the least that the same rows take.

use std::fs;
use std::path::Path;
use std::time::Instant;

use causeway_tests::TestDatabase;
use causeway_tests::deployment::Deployment;
use futures_util::SinkExt as _;
use rusqlite::Connection;

use crate::RUNS;
use crate::baseline::{self, TABLES};
use crate::data::Shape;
use crate::measure::{Measured, run_program};

/// Every date, wherever today is.
const ALL_DATES: [&str; 5] = ["load", "--from", "2023-01-01", "--to", "2026-12-31"];

fn load(deployment: &Deployment) -> Measured {
    run_program("causeway-hub", &deployment.path("hub.toml"), &ALL_DATES)
}

/// A site that was migrated.
pub(crate) async fn measure(deployment: &Deployment, shape: Shape) {
    let _ = deployment.hub(&["init"]).expect_code(0);
    let _first = load(deployment);
    let objects = baseline::decompressed_objects(deployment.store.folder().unwrap());
    let mut copies = Vec::new();
    let mut loads = Vec::new();
    for _ in 0..RUNS {
        copies.push(baseline::copy(&deployment.database, &objects).await);
        baseline::drop_site(&deployment.database).await;
        let _ = deployment.hub(&["init"]).expect_code(0);
        loads.push(load(deployment));
    }
    drop(objects);
    let (copy, first) = (Measured::median(copies), Measured::median(loads));
    println!("COPY of the same bytes      {copy}");
    println!(
        "first load                  {first}   {:.2} x COPY (aim 0.6)",
        first.ratio(&copy)
    );
    triggers(deployment).await;
    one_partition(deployment, shape).await;
}

/// The same rows again, into tables with keys and indexes: with triggers, and with none that fires.
async fn triggers(deployment: &Deployment) {
    let database = &deployment.database;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        for (state, runs) in [("ENABLE", &mut with), ("DISABLE", &mut without)] {
            empty(database, state).await;
            runs.push(load(deployment));
        }
    }
    empty(database, "ENABLE").await;
    let _ = load(deployment);
    let (with, without) = (Measured::median(with), Measured::median(without));
    println!("load again, no triggers     {without}");
    println!(
        "load again, triggers        {with}   {:.2} x without (aim 1.1)",
        with.ratio(&without)
    );
}

/// Empties the tables, so that the hub loads all of it again.
async fn empty(database: &TestDatabase, triggers: &str) {
    let tables = TABLES.map(|table| format!("hcm_01.{table}")).join(", ");
    let alter = TABLES.map(|table| format!("ALTER TABLE hcm_01.{table} {triggers} TRIGGER USER"));
    let sql = format!(
        "SET session_replication_role = replica; TRUNCATE {tables}; DELETE FROM causeway.loaded; \
         {}; CHECKPOINT",
        alter.join("; ")
    );
    let client = database.connect().await;
    for statement in sql.split("; ") {
        client.batch_execute(statement).await.unwrap();
    }
}

/// All appointments of one day change.
async fn one_partition(deployment: &Deployment, shape: Shape) {
    let day = shape.day(shape.appointments / 2).to_string();
    let part = format!("dt={day}");
    let site = Connection::open(deployment.site().join("site.db")).unwrap();
    let (mut loads, mut by_hand) = (Vec::new(), Vec::new());
    for run in 0..RUNS + 2 {
        let change = "UPDATE appointment SET description = 'changed ' || ?1 WHERE date = ?2";
        site.execute(change, (run, &day)).unwrap();
        let _ = deployment.agent(&["sync"]).expect_code(0);
        loads.push(load(deployment));
        let folder = deployment
            .store
            .folder()
            .unwrap()
            .join("sites/hcm-01/data/appointment");
        by_hand.push(swap_by_hand(&deployment.database, &folder.join(&part), &part).await);
    }
    let (loads, by_hand) = (Measured::median(loads), Measured::median(by_hand));
    println!("one partition by hand       {by_hand}");
    println!(
        "load of one partition       {loads}   {:.2} x by hand (aim 2)",
        loads.ratio(&by_hand)
    );
}

/// The rows of one partition put anew, as a careful person would: from the compressed object, aside,
/// then in one transaction, by a connection made for it.
async fn swap_by_hand(database: &TestDatabase, folder: &Path, part: &str) -> Measured {
    let objects = fs::read_dir(folder).unwrap().map(|object| object.unwrap());
    let newest = objects.max_by_key(|object| object.metadata().unwrap().modified().unwrap());
    let newest = newest.unwrap().path();
    let start = Instant::now();
    let bytes = zstd::decode_all(fs::File::open(newest).unwrap()).unwrap();
    let header = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    let columns = std::str::from_utf8(&bytes[..header]).unwrap();
    let client = database.connect().await;
    let stage = format!(
        "SET causeway.loader = on; \
         CREATE TEMP TABLE stage AS SELECT {columns} FROM hcm_01.appointment WITH NO DATA"
    );
    client.batch_execute(&stage).await.unwrap();
    let copy = format!("COPY stage ({columns}) FROM STDIN (FORMAT csv)");
    let sink = client.copy_in(&copy).await.unwrap();
    let mut sink = std::pin::pin!(sink);
    let rows = bytes::Bytes::copy_from_slice(&bytes[header + 1..]);
    sink.send(rows).await.unwrap();
    sink.as_mut().finish().await.unwrap();
    let swap = format!(
        "BEGIN; LOCK TABLE hcm_01.appointment IN SHARE ROW EXCLUSIVE MODE; \
         DELETE FROM hcm_01.appointment WHERE causeway_part = '{part}'; \
         INSERT INTO hcm_01.appointment ({columns}, causeway_part) SELECT {columns}, '{part}' FROM stage; \
         COMMIT"
    );
    client.batch_execute(&swap).await.unwrap();
    Measured {
        wall: start.elapsed(),
        cpu: None,
        peak: None,
    }
}

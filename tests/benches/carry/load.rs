//! What the hub's loads take, against the least that the same rows take.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use causeway_shared::layout::SITES;
use causeway_tests::deployment::Deployment;
use causeway_tests::{DatabaseKind, TestDatabase};
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::RUNS;
use crate::baseline::{self, TABLES};
use crate::by_hand;
use crate::client::Client;
use crate::data::Shape;
use crate::hub::partials;
use crate::measure::{Measured, Server, run_program};

/// Every date, wherever today is.
const ALL_DATES: [&str; 5] = ["load", "--from", "2023-01-01", "--to", "2026-12-31"];

/// Days around today, which every date of the bench lies within.
const WHOLE_HISTORY: &str = "1500";

/// How often one partition is changed and loaded.
const CHANGES: usize = 7;

/// A site that was migrated into a folder.
pub(crate) async fn measure(deployment: &Deployment, shape: Shape, kinds: &[DatabaseKind]) {
    if kinds.contains(&DatabaseKind::Postgres) {
        let server = Server::of(&deployment.database).await;
        first(deployment, &server).await;
        triggers(deployment, &server).await;
        one_partition(deployment, shape, &server);
        one_partition_served(deployment, shape).await;
    }
    if kinds.contains(&DatabaseKind::Sqlite) {
        sqlite(deployment);
    }
}

fn load(deployment: &Deployment, config: &str) -> Measured {
    run_program("causeway-hub", &deployment.path(config), &ALL_DATES)
}

async fn first(deployment: &Deployment, server: &Server) {
    let _ = deployment.hub(&["init"]).expect_code(0);
    let _first = load(deployment, "hub.toml");
    let objects = baseline::decompressed_objects(deployment.store.folder().unwrap());
    let (mut copies, mut loads) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        copies.push(baseline::copy(&deployment.database, &objects, server).await);
        baseline::drop_site(&deployment.database).await;
        // It is another database than that which has the edits.
        let _ = deployment.hub(&["init", "--take-over"]).expect_code(0);
        loads.push(server.with(|| load(deployment, "hub.toml")));
    }
    let (copy, first) = (Measured::least(&copies), Measured::least(&loads));
    println!("COPY of the same bytes      {copy}");
    println!("first load                  {first}");
    print_ratios(&first, &copy, "COPY", 0.6);
}

fn print_ratios(of: &Measured, other: &Measured, what: &str, aim: f64) {
    let (wall, cpu) = (of.ratio(other), of.cpu_ratio(other));
    println!(
        "                            {wall:.2} x {what}, in processor time {cpu:.2} x (aim {aim})"
    );
}

/// The same rows again, into tables with keys and indexes: with triggers, and with none that fires.
async fn triggers(deployment: &Deployment, server: &Server) {
    let database = &deployment.database;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        for (state, runs) in [("ENABLE", &mut with), ("DISABLE", &mut without)] {
            empty(database, state).await;
            runs.push(server.with(|| load(deployment, "hub.toml")));
        }
    }
    empty(database, "ENABLE").await;
    let _ = load(deployment, "hub.toml");
    report_triggers(&with, &without);
}

fn report_triggers(with: &[Measured], without: &[Measured]) {
    let (with, without) = (Measured::least(with), Measured::least(without));
    println!("load again, no triggers     {without}");
    println!("load again, triggers        {with}");
    print_ratios(&with, &without, "without", 1.1);
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

/// The same into SQLite, from the same store.
fn sqlite(deployment: &Deployment) {
    let folder = deployment.path("sqlite");
    let config = fs::read_to_string(deployment.path("hub.toml")).unwrap();
    let url = format!("sqlite:{}", folder.display());
    let config = config.replace(&deployment.database.url(), &url);
    fs::write(deployment.path("sqlite.toml"), config).unwrap();
    let _init = run_program("causeway-hub", &deployment.path("sqlite.toml"), &["init"]);
    println!(
        "first load into SQLite      {}",
        load(deployment, "sqlite.toml")
    );
    let file = folder.join("hcm-01.db");
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        for (has_triggers, runs) in [(true, &mut with), (false, &mut without)] {
            empty_sqlite(&file, has_triggers);
            runs.push(load(deployment, "sqlite.toml"));
        }
    }
    report_triggers(&with, &without);
}

/// The triggers call what only the hub's connections have, so they are away while the rows go.
fn empty_sqlite(file: &Path, has_triggers: bool) {
    let db = Connection::open(file).unwrap();
    let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'";
    let mut triggers = db.prepare(sql).unwrap();
    let triggers = triggers.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let triggers: Vec<(String, String)> = triggers.unwrap().map(Result::unwrap).collect();
    for (name, _) in &triggers {
        db.execute_batch(&format!("DROP TRIGGER \"{name}\""))
            .unwrap();
    }
    for table in TABLES {
        db.execute_batch(&format!("DELETE FROM {table}")).unwrap();
    }
    db.execute_batch("DELETE FROM causeway_loaded").unwrap();
    for (_, create) in triggers.iter().filter(|_| has_triggers) {
        db.execute_batch(create).unwrap();
    }
    assert!(!triggers.is_empty(), "each load makes its triggers");
}

/// All appointments of one day change.
fn one_partition(deployment: &Deployment, shape: Shape, server: &Server) {
    let day = shape.day(shape.appointments / 2).to_string();
    let part = format!("dt={day}");
    let site = Connection::open(deployment.site().join("site.db")).unwrap();
    let (mut loads, mut swaps, mut by_psql) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..CHANGES {
        let change = "UPDATE appointment SET description = 'changed ' || ?1 WHERE date = ?2";
        site.execute(change, (run, &day)).unwrap();
        let _ = deployment.agent(&["sync"]).expect_code(0);
        loads.push(server.with(|| load(deployment, "hub.toml")));
        let url = deployment.database.url();
        let store = deployment.store.folder().unwrap();
        by_psql.push(server.with(|| by_hand::swap_by_psql(&url, store, &part)));
        swaps.push(server.with(|| by_hand::swap(&url, store, &part)));
    }
    let loads = Measured::least(&loads);
    println!("load of one partition       {loads}");
    for (runs, how) in [(by_psql, "by psql"), (swaps, "by a program for it")] {
        let runs = Measured::least(&runs);
        println!("{how:27} {runs}");
        print_ratios(&loads, &runs, how, 2.0);
    }
}

/// The same by programs that run already: a service, which says how long its round took, and a connection that is
/// open.
async fn one_partition_served(deployment: &Deployment, shape: Shape) {
    let day = shape.day(shape.appointments / 2).to_string();
    let part = format!("dt={day}");
    let site = Connection::open(deployment.site().join("site.db")).unwrap();
    let objects = deployment
        .store
        .folder()
        .unwrap()
        .join(SITES)
        .join("hcm-01");
    let by_hand = deployment.database.connect().await;
    let token = deployment.token("admin", &[]);
    let service = deployment.serve(&[
        ("CAUSEWAY_REFRESH__EVERY", "1h"),
        ("CAUSEWAY_WINDOW__BEFORE", WHOLE_HISTORY),
        ("CAUSEWAY_WINDOW__AFTER", WHOLE_HISTORY),
    ]);
    let mut client = Client::connect(&service.url, &token).await;
    let mut rounds = round_after(&mut client, 0).await.0;
    partials(&service).await;
    let (mut loads, mut swaps) = (Vec::new(), Vec::new());
    for run in 0..CHANGES {
        let change = "UPDATE appointment SET description = 'served ' || ?1 WHERE date = ?2";
        site.execute(change, (run, &day)).unwrap();
        let _ = deployment.agent(&["sync"]).expect_code(0);
        let notice = json!({"site": "hcm-01", "seq": 1});
        client.post("/api/v1/sync/notify", &notice).await;
        let round = round_after(&mut client, rounds).await;
        rounds = round.0;
        loads.push(round.1);
        let started = Instant::now();
        by_hand::swap_by(&by_hand, &objects, &part).await;
        swaps.push(started.elapsed().as_secs_f64());
        by_hand.batch_execute("DROP TABLE stage").await.unwrap();
    }
    let [load, swap] = [loads, swaps].map(|times| times.into_iter().fold(f64::MAX, f64::min));
    println!(
        "load of one, by a service   {:.1} ms, by hand on an open connection {:.1} ms: {:.2} x (aim 2)",
        load * 1_000.0,
        swap * 1_000.0,
        load / swap
    );
    let _ = service.running.terminate();
}

/// The first round of a service's that is not among these many, and how many seconds it took.
async fn round_after(client: &mut Client, rounds: u64) -> (u64, f64) {
    loop {
        let status = client.get("/api/v1/sync").await;
        let status: Value = serde_json::from_slice(&status).unwrap();
        let refresh = &status["refresh"];
        let done = refresh["rounds"].as_u64().unwrap();
        if done > rounds {
            return (done, refresh["last_seconds"].as_f64().unwrap());
        }
        sleep(Duration::from_millis(20)).await;
    }
}

//! How fast and how large the main job is, as ratios to limits measured in the same run.
//!
//! - `migrate` against reading the same rows with SQLite and writing them as plain CSV;
//! - `plan` (scan and partition, nothing sent) as a rate, and against the processor time of reading
//!   the same rows with SQLite and taking their MD5;
//! - a first `load` into PostgreSQL against `COPY` of the same CSV bytes into tables with the same
//!   keys and indexes; on both databases a load of the same rows into tables with triggers against one
//!   without; a load of one changed partition against the same done by hand;
//! - the peak memory of both programs, also for a CSV in shuffled order over 3 000 dates;
//! - what the agent costs as a service: idle, per change, and for the application beside it.
//!
//! `./bench` builds the programs as they are released and runs this; arguments are numbers of
//! appointments (each with a slot, and every second with feedback), `service` for the last part alone,
//! `load` for the hub's, `hub` for its service, `archive` for publishing, `function` for it as one of AWS (a path for another build of it), and `sites` for many sites in one hub
//! (numbers are those of sites then), and `admin` for what an admin waits for (numbers of customers); `postgres` or `sqlite` for one of the two.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench ends where it cannot go on, and prints what it measured"
)]

mod admin;
mod baseline;
mod by_hand;
mod client;
mod data;
mod function;
mod hub;
mod idle;
mod load;
mod measure;
mod service;

use std::path::Path;
use std::time::Duration;

use causeway_tests::deployment::Deployment;
use causeway_tests::{DatabaseKind, StoreKind};

use data::Shape;
use jiff::civil::{Date, date};
use measure::{Measured, repeat, run_program};

/// Runs of each measurement; the least counts.
const RUNS: usize = 3;

/// The first day of a site.
const FROM: Date = date(2023, 1, 1);

/// Fewer appointments are read in less time than the kernel counts in, so that ratios say nothing.
const RATIOS_FROM: i64 = 50_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [by_hand::ARGUMENT, ..] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return by_hand::run(&arguments[1..]);
    }
    let asked = |part: &str| arguments.iter().any(|argument| argument == part);
    let (only_service, only_load) = (asked("service"), asked("load"));
    let sizes: Vec<i64> = arguments
        .iter()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let sizes = if sizes.is_empty() {
        vec![5_000, 200_000, 1_000_000]
    } else {
        sizes
    };
    let is_of_hub = ["admin", "hub", "archive", "function", "sites"]
        .iter()
        .any(|part| asked(part));
    let mut runtime = match is_of_hub {
        true => tokio::runtime::Builder::new_multi_thread(),
        false => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build().unwrap();
    let mut kinds = vec![DatabaseKind::Postgres, DatabaseKind::Sqlite];
    if asked("sqlite") {
        kinds.remove(0);
    }
    if asked("postgres") {
        kinds.truncate(1);
    }
    if asked("admin") {
        for customers in sizes {
            runtime.block_on(admin::measure(customers, &kinds));
        }
        return;
    }
    if asked("hub") {
        for appointments in sizes {
            runtime.block_on(hub::measure(appointments, &kinds));
        }
        return;
    }
    if asked("archive") {
        for appointments in sizes {
            runtime.block_on(hub::measure_archive(appointments));
        }
        return;
    }
    if asked("function") {
        for appointments in sizes {
            let program = arguments.iter().find(|argument| argument.starts_with('/'));
            let program = program.map(Path::new);
            runtime.block_on(function::measure(appointments, program));
        }
        return;
    }
    if asked("sites") {
        for sites in sizes {
            runtime.block_on(hub::measure_sites(sites.try_into().unwrap(), &kinds));
        }
        return;
    }
    for appointments in sizes {
        if !only_service && appointments >= RATIOS_FROM {
            runtime.block_on(measure_carrying(appointments, only_load, &kinds));
        }
        if !only_load {
            runtime.block_on(service::measure(appointments));
        }
    }
    if !only_service && !only_load {
        runtime.block_on(measure_shuffled(1_000_000));
    }
}

/// The main job at one size.
async fn measure_carrying(appointments: i64, only_load: bool, kinds: &[DatabaseKind]) {
    println!(
        "\n{appointments} appointments, {appointments} slots, {} ratings",
        appointments / 2
    );
    let pair = (StoreKind::Folder, DatabaseKind::Postgres);
    let deployment = Deployment::create(pair, "meetassist", data::SQLITE_SOURCE).await;
    let shape = Shape {
        appointments,
        days: 1_096,
        from: FROM,
    };
    let rows = data::write_sqlite(&deployment.site().join("site.db"), shape);
    if only_load {
        let migrated = deployment.agent(&["migrate"]);
        assert!(matches!(migrated.code, Some(0 | 3)), "{migrated}");
    } else {
        measure_agent(&deployment, rows);
    }
    load::measure(&deployment, shape, kinds).await;
}

/// What the agent does.
fn measure_agent(deployment: &Deployment, rows: i64) {
    let (database, csv) = (deployment.site().join("site.db"), deployment.path("plain"));
    let selected = repeat(RUNS, || baseline::select_and_md5(&database));
    let plain = repeat(RUNS, || baseline::sqlite_to_csv(&database, &csv));
    let plan = repeat(RUNS, || {
        run_program("causeway-agent", &deployment.path("agent.toml"), &["plan"])
    });
    let migrate = repeat(RUNS, || {
        forget(deployment);
        run_program(
            "causeway-agent",
            &deployment.path("agent.toml"),
            &["migrate"],
        )
    });
    let flushed = repeat(RUNS, || {
        baseline::objects_flushed(
            deployment.store.folder().unwrap(),
            &deployment.path("flushed"),
        )
    });
    report_scan(rows, [&selected, &plain], &plan);
    report_migrate([&plain, &flushed], &migrate);
}

/// A million rows in shuffled order over 3 000 dates.
async fn measure_shuffled(appointments: i64) {
    println!("\n{appointments} appointments in a CSV in shuffled order over 3000 dates");
    let pair = (StoreKind::Folder, DatabaseKind::Sqlite);
    let deployment = Deployment::create(pair, "meetassist", data::CSV_SOURCE).await;
    data::write_shuffled_csv(
        &deployment.site(),
        Shape {
            appointments,
            days: 3_000,
            from: FROM,
        },
    );
    let migrate = repeat(RUNS, || {
        forget(&deployment);
        run_program(
            "causeway-agent",
            &deployment.path("agent.toml"),
            &["migrate"],
        )
    });
    println!("migrate                     {migrate}   (aim: at most 64 MiB)");
}

fn report_scan(rows: i64, [selected, plain]: [&Measured; 2], plan: &Measured) {
    let rate = rows as f64 / plan.wall.max(Duration::from_millis(1)).as_secs_f64();
    println!("SELECT and MD5 of it        {selected}");
    println!("SQLite to plain CSV         {plain}");
    println!(
        "scan and partition (plan)   {plan}   {rate:.0} rows/s, {:.2} x plain, {:.2} x the cpu of \
         SELECT and MD5 (aim 1.5)",
        plan.ratio(plain),
        plan.cpu_ratio(selected)
    );
}

fn report_migrate([plain, flushed]: [&Measured; 2], migrate: &Measured) {
    println!("its objects, each flushed   {flushed}");
    println!(
        "migrate                     {migrate}   {:.2} x plain (aim 2), {:.2} x plain and flushed",
        migrate.ratio(plain),
        migrate.wall.as_secs_f64() / (plain.wall + flushed.wall).as_secs_f64()
    );
}

/// Empties the store and the agent's state.
fn forget(deployment: &Deployment) {
    let store = deployment.store.folder().unwrap();
    for folder in [store.join("sites"), deployment.path("state")] {
        if folder.exists() {
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
}

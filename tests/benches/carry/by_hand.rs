//! What somebody would do who wrote a program for one partition and no other: read the newest commit, fetch
//! the object that it names, verify it, and put its rows in place of those that are there.
//!
//! A process of its own, as `load` is one.

use std::fs;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use causeway_shared::layout::SITES;
use futures_util::SinkExt as _;
use serde_json::Value;
use tokio_postgres::{Client, NoTls};

use crate::measure::{Measured, run_command};

/// The bench runs itself again with this, a database's URL, a store's folder and a partition.
pub(crate) const ARGUMENT: &str = "by-hand";

const TABLE: &str = "appointment";

/// Measures the swap of a partition of appointments.
pub(crate) fn swap(url: &str, store: &Path, part: &str) -> Measured {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([ARGUMENT, url]).arg(store).arg(part);
    run_command(&mut command)
}

/// Does it.
pub(crate) fn run(arguments: &[String]) {
    let [url, store, part] = arguments else {
        panic!("by-hand URL STORE PART");
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let site = Path::new(store).join(SITES).join("hcm-01");
    runtime.unwrap().block_on(async {
        let client = connect(url).await;
        swap_by(&client, &site, part).await;
    });
}

/// Does it by a connection that is open.
pub(crate) async fn swap_by(client: &Client, site: &Path, part: &str) {
    let rows = fetch(site, part);
    put(client, part, &rows).await;
}

/// Measures the same by the tools that are there: a shell, `zstd`, `md5sum` and `psql`.
pub(crate) fn swap_by_psql(url: &str, store: &Path, part: &str) -> Measured {
    let mut command = Command::new("bash");
    command.args(["-euc", include_str!("by_hand.sh"), "by_hand.sh", url]);
    run_command(command.arg(store.join(SITES).join("hcm-01")).arg(part))
}

/// The partition's CSV.
fn fetch(site: &Path, part: &str) -> Vec<u8> {
    let commits = fs::read_dir(site.join("log")).unwrap();
    let newest = commits.map(|commit| commit.unwrap().path()).max().unwrap();
    let commit: Value = serde_json::from_slice(&fs::read(newest).unwrap()).unwrap();
    let mut changes = commit["changes"].as_array().unwrap().iter();
    let of_part = |change: &&Value| change["table"] == TABLE && change["part"] == part;
    let md5 = changes.find(of_part).unwrap()["md5"].as_str().unwrap();
    let object = site.join(format!("data/{TABLE}/{part}/{md5}.csv.zst"));
    let csv = zstd::decode_all(fs::File::open(object).unwrap()).unwrap();
    assert_eq!(format!("{:x}", md5::compute(&csv)), *md5);
    csv
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Copies the rows aside, and swaps them in one transaction.
async fn put(client: &Client, part: &str, csv: &[u8]) {
    let header = csv.iter().position(|byte| *byte == b'\n').unwrap();
    let columns = std::str::from_utf8(&csv[..header]).unwrap();
    let stage = format!(
        "SET causeway.loader = on; \
         CREATE TEMP TABLE stage AS SELECT {columns} FROM hcm_01.{TABLE} WITH NO DATA"
    );
    client.batch_execute(&stage).await.unwrap();
    let copy = format!("COPY stage ({columns}) FROM STDIN (FORMAT csv)");
    let sink = client.copy_in(&copy).await.unwrap();
    let mut sink = std::pin::pin!(sink);
    let rows = Bytes::copy_from_slice(&csv[header + 1..]);
    sink.send(rows).await.unwrap();
    sink.as_mut().finish().await.unwrap();
    let swap = format!(
        "BEGIN; LOCK TABLE hcm_01.{TABLE} IN SHARE ROW EXCLUSIVE MODE; \
         DELETE FROM hcm_01.{TABLE} WHERE causeway_part = '{part}'; \
         INSERT INTO hcm_01.{TABLE} ({columns}, causeway_part) SELECT {columns}, '{part}' FROM stage; \
         COMMIT"
    );
    client.batch_execute(&swap).await.unwrap();
}

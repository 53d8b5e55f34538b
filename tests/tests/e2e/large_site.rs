//! A million rows in no order over three thousand dates, in little memory on both sides.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::time::Duration;

use causeway_tests::deployment::{Deployment, PAIRS};
use jiff::ToSpan as _;
use jiff::civil::date;

const DATASET: &str = r#"
name = "visits"
version = 1
[[table]]
name = "visit"
key = ["id"]
partition = { by = "day" }
column = [
  { name = "id", type = "int" }, { name = "day", type = "date", not_null = true },
  { name = "note", type = "text" },
]
"#;

const SOURCE: &str = "[[source]]\nkind = \"csv\"\npath = \"site\"\n";
const ROWS: u64 = 1_000_000;
const DAYS: u64 = 3_000;
const AGENT_MAX_BYTES: u64 = 64 << 20;
const HUB_MAX_BYTES: u64 = 128 << 20;
const TIME_LIMIT: Duration = Duration::from_secs(240);

/// Writes the rows so that neighbours in the file are neighbours in nothing else.
fn write(file: File) {
    let days: Vec<_> = (0..DAYS)
        .map(|day| date(2020, 1, 1).saturating_add(i64::try_from(day).unwrap().days()))
        .map(|day| day.to_string())
        .collect();
    let mut file = BufWriter::new(file);
    file.write_all(b"id,day,note\n").unwrap();
    for row in 0..ROWS {
        // 700 001 shares no factor with the number of rows, so each comes once.
        let id = row * 700_001 % ROWS;
        let day = &days[usize::try_from(id % DAYS).unwrap()];
        writeln!(file, "{id},{day},\"Tư vấn, lần {id}\"").unwrap();
    }
    file.flush().unwrap();
}

#[tokio::test]
async fn a_million_rows_over_3_000_dates_are_carried_in_little_memory_measured() {
    let deployment = Deployment::create(PAIRS[0], "visits.toml", SOURCE).await;
    fs::write(deployment.path("visits.toml"), DATASET).unwrap();
    write(File::create(deployment.site().join("visit.csv")).unwrap());

    let sync = deployment.agent_program(&["sync"]).spawn();
    let (synced, agent_bytes) = sync.wait_measured(TIME_LIMIT);
    let synced = synced.expect_code(0).json();
    assert_eq!(synced["rows"]["scanned"], ROWS);
    assert_eq!(synced["partitions"]["changed"], DAYS);

    let _ = deployment.hub(&["init"]).expect_code(0);
    let all = ["load", "--from", "2020-01-01", "--to", "2028-03-18"];
    let load = deployment.hub_program(&all).spawn();
    let (loaded, hub_bytes) = load.wait_measured(TIME_LIMIT);
    let loaded = loaded.expect_code(0).json();
    assert_eq!(loaded["sites"][0]["rows"]["inserted"], ROWS);

    assert!(agent_bytes < AGENT_MAX_BYTES, "agent: {agent_bytes} bytes");
    assert!(hub_bytes < HUB_MAX_BYTES, "hub: {hub_bytes} bytes");
}

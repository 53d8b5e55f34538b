//! A table that is partitioned by a timestamp goes the whole way, and moves when the site's zone
//! changes.

use std::fs;

use causeway_shared::dataset::Dataset;
use causeway_tests::deployment::{Deployment, PAIRS};
use causeway_tests::loaded::loaded_rows;
use jiff::ToSpan as _;
use rusqlite::Connection;
use serde_json::json;

use crate::ground::today;
use crate::history::get;

const DATASET: &str = r#"
name = "practice"
version = 1
[[table]]
name = "visit"
key = ["id"]
partition = { by = "at" }
unique = [{ columns = ["at", "room"] }]
summary = { count_by = ["room"] }
column = [
  { name = "id", type = "int" },
  { name = "at", type = "timestamp", source = "BeginsAt", not_null = true },
  { name = "room", type = "text" },
]
[[table]]
name = "bill"
key = ["id"]
partition = { via = "visit", on = "visit" }
summary = { sum = ["amount"] }
column = [
  { name = "id", type = "int" },
  { name = "visit", type = "int", not_null = true },
  { name = "amount", type = "decimal(2)" },
]
"#;

const SOURCE: &str = "[[source]]\nkind = \"sqlite\"\npath = \"site/practice.db\"\n";

#[tokio::test]
async fn visits_lie_on_the_date_of_their_moment() {
    let today = today();
    let before = |days: i64| today.saturating_sub(days.days());
    let (yesterday, long_ago) = (before(1), before(100));
    for pair in PAIRS {
        let deployment = Deployment::create(pair, "practice.toml", SOURCE).await;
        fs::write(deployment.path("practice.toml"), DATASET).unwrap();
        let db = Connection::open(deployment.site().join("practice.db")).unwrap();
        db.execute_batch(&format!(
            "CREATE TABLE visit (id INTEGER PRIMARY KEY, BeginsAt TEXT, room TEXT);
             CREATE TABLE bill (id INTEGER PRIMARY KEY, visit INTEGER, amount REAL);
             INSERT INTO visit VALUES (1, '{today} 00:00', 'A'), (2, '{yesterday}T17:00:00Z', 'B'),
               (3, '{yesterday}T16:59:59Z', 'B'), (4, '{long_ago}', 'A'), (5, NULL, 'A');
             INSERT INTO bill VALUES (1, 1, 10.5), (2, 2, 20), (3, 3, 30), (4, 4, 40);"
        ))
        .unwrap();
        deployment.migrate_and_load();
        let dataset = Dataset::from_toml(DATASET).unwrap();
        let rows = async |table: &str| {
            let rows = loaded_rows(&deployment.database, &dataset, table).await;
            let texts = rows.into_values().map(|row| {
                let fields = row.into_iter().map(Option::unwrap_or_default);
                fields.collect::<Vec<_>>().join("|")
            });
            texts.collect::<Vec<_>>()
        };
        let midnight = format!("{today}T00:00:00");
        assert_eq!(
            rows("visit").await,
            [
                format!("1|{midnight}|A"),
                format!("2|{midnight}|B"),
                format!("3|{yesterday}T23:59:59|B"),
            ]
        );
        assert_eq!(rows("bill").await, ["1|1|10.50", "2|2|20.00", "3|3|30.00"]);
        let refused = deployment.agent(&["quarantine"]).expect_code(0).json();
        assert_eq!(refused["rows"][0]["column"], json!("at"), "{refused:#}");

        // All four count, whatever is loaded; today is the second day of the window.
        let overview = get(&deployment, "/api/v1/overview").await;
        let figures = |overview: &serde_json::Value| {
            let pointers = [
                "/tables/0/daily",
                "/tables/0/rows",
                "/tables/0/loaded/rows",
                "/tables/0/dates/from",
                "/tables/0/per_day/0/rows",
                "/tables/0/per_day/1/rows",
                "/tables/0/per_day/1/summary/count_by/room/values",
                "/tables/1/per_day/0/rows",
                "/tables/1/per_day/1/rows",
            ];
            json!(pointers.map(|pointer| overview.pointer(pointer).cloned()))
        };
        assert_eq!(
            figures(&overview),
            json!([true, 4, 3, long_ago, 1, 2, {"A": 1, "B": 1}, 1, 2]),
            "{overview:#}"
        );
        let verified = deployment.hub(&["verify"]).expect_code(0).json();
        assert_eq!(verified["differences"], json!([]));

        // What was written with an offset is another local time now, and lies on another date.
        let config = fs::read_to_string(deployment.path("agent.toml")).unwrap();
        fs::write(
            deployment.path("agent.toml"),
            format!("timezone = \"UTC\"\n{config}"),
        )
        .unwrap();
        let _ = deployment.sync_and_load();
        assert_eq!(
            rows("visit").await,
            [
                format!("1|{midnight}|A"),
                format!("2|{yesterday}T17:00:00|B"),
                format!("3|{yesterday}T16:59:59|B"),
            ]
        );
        let overview = get(&deployment, "/api/v1/overview").await;
        assert_eq!(
            figures(&overview),
            json!([true, 4, 3, long_ago, 2, 1, {"A": 1}, 2, 1]),
            "{overview:#}"
        );
    }
}

//! A dataset that is not MeetAssist's goes the whole way without a line of code for it.

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
name = "shop"
version = 3
[[table]]
name = "article"
key = ["code"]
partition = { buckets = 3 }
column = [
  { name = "code", type = "text", max = 12 },
  { name = "price", type = "decimal(2)", not_null = true, min = 0 },
]
[[table]]
name = "orders"
source = "Bestellungen"
key = ["id"]
partition = { by = "day" }
summary = { sum = ["total"], count_by = ["paid"] }
column = [
  { name = "id", type = "int" },
  { name = "day", type = "date", source = "Tag", not_null = true },
  { name = "total", type = "decimal(2)" },
  { name = "paid", type = "bool", not_null = true, default = false },
]
[[table]]
name = "order_line"
key = ["order_id", "no"]
partition = { via = "orders", on = "order_id" }
column = [
  { name = "order_id", type = "int", references = "orders" },
  { name = "no", type = "int" },
  { name = "article", type = "text", references = "article" },
  { name = "amount", type = "float" },
]
"#;

const SOURCES: &str = r#"
[[source]]
kind = "sqlite"
path = "site/shop.sqlite"
[[source]]
kind = "csv"
path = "site"
"#;

#[tokio::test]
async fn orders_and_their_lines_arrive() {
    let today = today();
    for pair in PAIRS {
        let deployment = Deployment::create(pair, "shop.toml", SOURCES).await;
        fs::write(deployment.path("shop.toml"), DATASET).unwrap();
        fs::write(
            deployment.site().join("Article.csv"),
            "code,price\nA-1,1.50\nB-2,20\n",
        )
        .unwrap();
        let db = Connection::open(deployment.site().join("shop.sqlite")).unwrap();
        db.execute_batch(&format!(
            "CREATE TABLE Bestellungen (id INTEGER PRIMARY KEY, Tag TEXT, total REAL, paid TEXT);
             CREATE TABLE order_line (order_id INTEGER, no INTEGER, article TEXT, amount REAL,
                                      PRIMARY KEY (order_id, no));
             INSERT INTO Bestellungen VALUES (1, '{today}', 21.5, 'yes'), (2, '{0}', 3, NULL);
             INSERT INTO order_line VALUES (1, 2, 'B-2', 1), (1, 1, 'A-1', 1.25), (2, 1, 'A-1', 2);",
            today.saturating_sub(100.days())
        ))
        .unwrap();

        deployment.migrate_and_load();
        let dataset = Dataset::from_toml(DATASET).unwrap();
        let rows = async |table: &str| {
            let rows = loaded_rows(&deployment.database, &dataset, table).await;
            rows.into_values()
                .map(|row| {
                    row.into_iter()
                        .map(Option::unwrap)
                        .collect::<Vec<_>>()
                        .join("|")
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(rows("article").await, ["A-1|1.50", "B-2|20.00"]);
        assert_eq!(rows("orders").await, [format!("1|{today}|21.50|true")]);
        assert_eq!(rows("order_line").await, ["1|1|A-1|1.25", "1|2|B-2|1"]);
        let overview = get(&deployment, "/api/v1/overview").await;
        let figure = |pointer: &str| overview.pointer(pointer).cloned().unwrap_or_default();
        let figures = [
            "/tables/0/rows",
            "/tables/1/rows",
            "/tables/1/loaded/rows",
            "/tables/1/summary/sum/total/sum",
            "/tables/1/summary/count_by/paid/values/true",
            "/tables/1/per_day/1/summary/sum/total/sum",
            "/tables/2/daily",
            "/tables/2/per_day/1/rows",
        ];
        let expected = json!([2, 2, 1, "24.50", 1, "21.50", true, 2]);
        assert_eq!(json!(figures.map(figure)), expected, "{overview:#}");

        let verified = deployment.hub(&["verify"]).expect_code(0).json();
        assert_eq!(verified["differences"], json!([]));

        db.execute_batch("UPDATE Bestellungen SET paid = 'no'")
            .unwrap();
        let _ = deployment.agent(&["sync"]).expect_code(0);
        let status = deployment.hub(&["status"]).expect_code(0).json();
        let site = &status["sites"][0];
        assert_eq!(
            json!([site["commit"], site["log_head"], site["behind"]]),
            json!([1, 2, 1])
        );
    }
}

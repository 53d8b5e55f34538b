//! What a hub's database holds of site `hcm-01`, read without any of Causeway's own code.

use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::value::Type;
use rusqlite::{Connection, OpenFlags};

use crate::mirror::{Rows, key_of, read_rows};
use crate::{DatabaseKind, TestDatabase};

/// All loaded rows of a table, every value as canonical text, keyed by their key columns as text.
///
/// # Panics
/// Where the table cannot be read.
pub async fn loaded_rows(database: &TestDatabase, dataset: &Dataset, table: &str) -> Rows {
    let table = dataset.table(table).unwrap();
    match database.kind() {
        DatabaseKind::Sqlite => {
            let db = open_site(database);
            read_rows(&db, &select(table, "main", sqlite_text), table.key.len())
        }
        DatabaseKind::Postgres => {
            let client = database.connect().await;
            let sql = select(table, "hcm_01", postgres_text);
            let rows = client.query(&sql, &[]).await.unwrap();
            rows.iter()
                .map(|row| {
                    let values: Vec<Option<String>> =
                        (0..row.len()).map(|at| row.get(at)).collect();
                    (key_of(&values, table.key.len()), values)
                })
                .collect()
        }
    }
}

/// The site's own SQLite file of a SQLite hub.
///
/// # Panics
/// Where it cannot be opened, and for PostgreSQL.
#[must_use]
pub fn open_site(database: &TestDatabase) -> Connection {
    let url = database.url();
    let folder = url.strip_prefix("sqlite:").unwrap();
    let file = format!("{folder}/hcm-01.db");
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn select(table: &Table, schema: &str, as_text: fn(&str, Type) -> String) -> String {
    let columns: Vec<_> = table
        .columns
        .iter()
        .map(|column| as_text(&format!("\"{}\"", column.name), column.ty))
        .collect();
    format!(
        "SELECT {} FROM \"{schema}\".\"{}\"",
        columns.join(", "),
        table.name
    )
}

fn sqlite_text(column: &str, ty: Type) -> String {
    match ty {
        Type::Bool => format!("CASE {column} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"),
        _ => column.to_owned(),
    }
}

fn postgres_text(column: &str, ty: Type) -> String {
    match ty {
        Type::Timestamp => {
            let text = format!("to_char({column}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US')");
            format!("replace({text}, '.000000', '')")
        }
        _ => format!("{column}::text"),
    }
}

//! What a load does with a site's tables.

use causeway_shared::dataset::Table;
use causeway_shared::ids::{Md5, SiteName};

use super::{column_type, columns, target, trigger_name};
use crate::db::sql::{PART, literal, quote, staging_body, written};

/// Keeps others from the tables that are to be changed, and from writing to the others. In a transaction;
/// as [`lock`] it waits for one table alone.
pub(in crate::db::postgres) fn lock_to_change(
    site: &SiteName,
    (changed, others): (&[&Table], &[&Table]),
    attempt: usize,
) -> String {
    let lock = |mode: &'static str| {
        move |table: &&Table| format!("LOCK TABLE {} IN {mode} MODE", target(site, table))
    };
    let changed = changed.iter().map(lock("ACCESS EXCLUSIVE"));
    let mut locks: Vec<_> = changed
        .chain(others.iter().map(lock("SHARE ROW EXCLUSIVE")))
        .collect();
    let turned = attempt % locks.len().max(1);
    locks.rotate_left(turned);
    let mut wait = "";
    let mut sql = "SET LOCAL statement_timeout = '400ms';\n".to_owned();
    for lock in locks {
        sql += &format!("{lock}{wait};\n");
        wait = " NOWAIT";
    }
    sql + "SET LOCAL statement_timeout = '1h';\n"
}

/// Keeps others from writing to the tables; reading goes on. In a transaction.
///
/// Whoever waits for a second looks for a deadlock, and ends if it finds one. So only one of the tables
/// is waited for, the first of try 0, the second of try 1 and so on, for less than that and with no other
/// one locked. Once all are, no other program's transaction has changed a row of them, and a row that
/// it only refers to it does not lock: this one waits no more.
pub(in crate::db::postgres) fn lock(site: &SiteName, tables: &[&Table], attempt: usize) -> String {
    let mut names: Vec<String> = tables.iter().map(|table| target(site, table)).collect();
    let turned = attempt % names.len().max(1);
    names.rotate_left(turned);
    let lock = |tables: &[String], wait: &str| match tables {
        [] => String::new(),
        tables => format!(
            "LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE{wait};\n",
            tables.join(", ")
        ),
    };
    let (first, others) = names.split_at(names.len().min(1));
    format!(
        "SET LOCAL statement_timeout = '400ms';\n{}{}SET LOCAL statement_timeout = '1h';\n",
        lock(first, ""),
        lock(others, " NOWAIT")
    )
}

/// Whether there is no row.
pub(in crate::db::postgres) fn is_empty(site: &SiteName, table: &Table) -> String {
    format!("SELECT NOT EXISTS (SELECT FROM {})", target(site, table))
}

/// The staging table. A table's own name could grow over PostgreSQL's 63 bytes.
fn staging(table: &Table) -> String {
    let name = Md5::of(table.name.as_str().as_bytes());
    format!("pg_temp.{}", quote(&format!("causeway_stage_{name}")))
}

/// An empty staging table without keys, which ends with the connection.
pub(in crate::db::postgres) fn create_staging(table: &Table) -> String {
    format!(
        "DROP TABLE IF EXISTS {staging};
         CREATE TABLE {staging} ({});",
        staging_body(&columns(table)),
        staging = staging(table),
    )
}

/// Rows as CSV into a table or its staging table.
pub(in crate::db::postgres) fn copy(site: &SiteName, table: &Table, staged: bool) -> String {
    let into = if staged {
        staging(table)
    } else {
        target(site, table)
    };
    format!("COPY {into} ({}) FROM STDIN (FORMAT csv)", written(table))
}

/// The triggers that look at each row.
const ROW_TRIGGERS: [&str; 2] = ["before", "after"];

/// Takes the triggers that look at each row from a table, or gives them back. Locks no more than a load does.
pub(in crate::db::postgres) fn row_triggers(site: &SiteName, table: &Table, on: bool) -> String {
    let does = if on { "ENABLE" } else { "DISABLE" };
    let triggers = ROW_TRIGGERS.map(|name| format!("{does} TRIGGER {}", trigger_name(name)));
    format!(
        "ALTER TABLE {} {};\n",
        target(site, table),
        triggers.join(", ")
    )
}

/// All staged rows.
pub(in crate::db::postgres) fn insert_staged(site: &SiteName, table: &Table) -> String {
    format!(
        "INSERT INTO {} ({columns}) SELECT {columns} FROM {}",
        target(site, table),
        staging(table),
        columns = written(table),
    )
}

/// Whether the journal has changes of rows whose keys are staged.
pub(in crate::db::postgres) fn has_journaled_keys(table: &Table) -> String {
    let same = table.key.iter().map(|at| {
        let column = &table.columns[*at];
        let (key, ty) = (column.name.as_str(), column_type(column));
        // A key never changes.
        format!(
            "(coalesce(j.new, j.old) ->> {})::{ty} = s.{}",
            literal(key),
            quote(key)
        )
    });
    format!(
        "SELECT EXISTS (SELECT FROM causeway.journal AS j JOIN {} AS s ON {} \
         WHERE j.site = $1 AND j.table_name = $2)",
        staging(table),
        same.collect::<Vec<_>>().join(" AND ")
    )
}

/// The rows of some parts.
pub(in crate::db::postgres) fn delete_parts(site: &SiteName, table: &Table) -> String {
    format!(
        "DELETE FROM {} WHERE {} = ANY ($1::text[])",
        target(site, table),
        quote(PART)
    )
}

/// The rows of none of some parts.
pub(in crate::db::postgres) fn delete_strays(site: &SiteName, table: &Table) -> String {
    format!(
        "DELETE FROM {} WHERE {part} IS NULL OR {part} <> ALL ($1::text[])",
        target(site, table),
        part = quote(PART)
    )
}

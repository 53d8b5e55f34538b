//! The dataset as PostgreSQL's DDL and DML. No other file makes SQL from names.

mod search;

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::dataset::{Column, Default, Partitioning, Table};
use causeway_shared::ids::{Md5, SiteName};
use causeway_shared::value::{MAX_DECIMAL_DIGITS, Type, Value};

use crate::db::rules;
use crate::db::sql::{
    CLASH, PART, declared, list, literal, names, quote, ruled, staging_body, table_body,
    unique_index, written,
};

use search::search_column;
pub(super) use search::{add_search, create_folding};

/// Longest name in PostgreSQL, in bytes.
const MAX_NAME_BYTES: usize = 63;

/// A column's type, as `format_type` names it.
pub(super) fn column_type(column: &Column) -> String {
    match column.ty {
        Type::Int => "bigint".into(),
        Type::Float => "double precision".into(),
        Type::Decimal(scale) => format!("numeric({MAX_DECIMAL_DIGITS},{scale})"),
        Type::Bool => "boolean".into(),
        // Whatever its longest value: that may grow without a change of the table.
        Type::Text | Type::Phone => "text".into(),
        Type::Date => "date".into(),
        Type::Time => "time without time zone".into(),
        Type::Timestamp => "timestamp without time zone".into(),
    }
}

/// Name and type of each column of a table, the hidden ones last.
pub(super) fn columns(table: &Table) -> Vec<(String, String)> {
    let hidden = [(PART, "text"), (CLASH, "boolean")].map(|(name, ty)| (name.into(), ty.into()));
    let declared = table
        .columns
        .iter()
        .map(|column| (column.name.to_string(), column_type(column)));
    declared.chain(hidden).collect()
}

/// A value of a column's type.
pub(super) fn constant(value: &Value<'_>, ty: &str) -> String {
    format!(
        "{}::{ty}",
        literal(&canonical_text(value).unwrap_or_default())
    )
}

/// The site's schema.
pub(super) fn schema(site: &SiteName) -> String {
    quote(&site.schema())
}

/// The table in the site's schema.
pub(super) fn target(site: &SiteName, table: &Table) -> String {
    target_named(site, table.name.as_str())
}

/// The table of a name in the site's schema.
pub(super) fn target_named(site: &SiteName, table: &str) -> String {
    format!("{}.{}", schema(site), quote(table))
}

/// The staging table. A table's own name could grow over PostgreSQL's 63 bytes.
fn staging(table: &Table) -> String {
    let name = Md5::of(table.name.as_str().as_bytes());
    format!("pg_temp.{}", quote(&format!("causeway_stage_{name}")))
}

/// The site's schema.
pub(super) fn create_schema(site: &SiteName) -> String {
    format!("CREATE SCHEMA {}", schema(site))
}

/// An index's name: with a space in it, which no table has, since PostgreSQL names tables and
/// indexes in one space, and its own choice for table `a`, `a_pkey`, may be another table.
pub(super) fn index_name(table: &Table, what: &str) -> String {
    let name = format!("{} {what}", table.name);
    match name.len() {
        0..=MAX_NAME_BYTES => name,
        _ => format!("{} {what}", Md5::of(table.name.as_str().as_bytes())),
    }
}

/// The triggers that look at each row.
const ROW_TRIGGERS: [&str; 2] = ["before", "after"];

/// A trigger's name, quoted.
pub(super) fn trigger_name(what: &str) -> String {
    quote(&format!("causeway {what}"))
}

/// The table, without keys and indexes: it gets them after its first rows.
pub(super) fn create_table(site: &SiteName, table: &Table) -> String {
    let mut columns = columns(table);
    columns.extend(search_column(table.name.as_str(), &columns));
    let body = table_body(table, &columns, None);
    format!("CREATE TABLE {} {body}", target(site, table))
}

/// The name of the primary key's index.
pub(super) fn key_name(table: &Table) -> String {
    index_name(table, "key")
}

/// The names of a table's indexes, and the statements that make them.
pub(super) fn indexes(site: &SiteName, table: &Table) -> Vec<(String, String)> {
    let target = target(site, table);
    let index = |unique: &str, what: &str, on: &str, predicate: &str| {
        let name = index_name(table, what);
        let quoted = quote(&name);
        let create = format!("CREATE {unique}INDEX {quoted} ON {target} ({on}){predicate}");
        (name, create)
    };
    let mut all = vec![
        index("UNIQUE ", "key", &names(table, &table.key), ""),
        index("", "part", &quote(PART), ""),
    ];
    if let Partitioning::By { column } = table.partition {
        all.push(index("", "date", &names(table, &[column]), ""));
    }
    for (at, unique) in table.unique.iter().enumerate() {
        let predicate = format!(" WHERE {}", ruled(table, unique));
        let (what, columns) = unique_index(table, at);
        all.push(index("UNIQUE ", &what, &columns, &predicate));
    }
    all
}

/// The names of indexes that an earlier version of this program made, over which a load could fail.
pub(super) fn outgrown_indexes(table: &Table) -> impl Iterator<Item = String> + '_ {
    let across = rules::unique_across_parts(table);
    across.map(|(at, _)| index_name(table, &format!("unique {at}")))
}

/// Drops an index, unless somebody reads its table for long.
pub(super) fn drop_index(site: &SiteName, name: &str) -> String {
    let index = format!("{}.{}", schema(site), quote(name));
    format!("SET LOCAL lock_timeout = '400ms';\nDROP INDEX IF EXISTS {index};\n")
}

/// Makes the keys' indexes the tables' primary keys, in a transaction.
///
/// Others can not even read until that ends. So it waits for nobody: where somebody reads, it fails.
pub(super) fn set_keys_of(site: &SiteName, tables: &[&Table]) -> String {
    let targets = tables.iter().map(|table| target(site, table));
    let lock = list(targets);
    let keys = tables.iter().map(|table| {
        let name = quote(&key_name(table));
        format!(
            "ALTER TABLE {} ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name};\n",
            target(site, table)
        )
    });
    format!(
        "LOCK TABLE {lock} IN ACCESS EXCLUSIVE MODE NOWAIT;\n{}",
        keys.collect::<String>()
    )
}

/// Columns that a table lacks, with what its rows have in them. In a transaction that has the table to
/// itself.
pub(super) fn add_columns(site: &SiteName, table: &Table, lacking: &[usize]) -> String {
    let target = target(site, table);
    let mut sql = String::new();
    for column in lacking.iter().map(|at| &table.columns[*at]) {
        let (name, ty) = (quote(column.name.as_str()), column_type(column));
        let add = format!("ALTER TABLE {target} ADD COLUMN {name} {ty}");
        sql += &match &column.default {
            // The rows there take it without being written; rows to come are filled in by the triggers.
            Some(Default::Constant(value)) => format!(
                "{add} DEFAULT {};\nALTER TABLE {target} ALTER COLUMN {name} DROP DEFAULT;\n",
                constant(value, &ty)
            ),
            _ => format!("{add};\n"),
        };
    }
    for column in lacking.iter().map(|at| &table.columns[*at]) {
        let name = quote(column.name.as_str());
        if let Some(Default::Column(from)) = &column.default {
            sql += &format!("UPDATE {target} SET {name} = {};\n", names(table, &[*from]));
        }
        if column.not_null {
            sql += &format!("ALTER TABLE {target} ALTER COLUMN {name} SET NOT NULL;\n");
        }
    }
    sql + &search::renew(site, table, lacking)
}

/// Keeps others from the tables that are to be changed, and from writing to the others. In a transaction;
/// as [`lock`] it waits for one table alone.
pub(super) fn lock_to_change(
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
pub(super) fn lock(site: &SiteName, tables: &[&Table], attempt: usize) -> String {
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
pub(super) fn is_empty(site: &SiteName, table: &Table) -> String {
    format!("SELECT NOT EXISTS (SELECT FROM {})", target(site, table))
}

/// An empty staging table without keys, which ends with the connection.
pub(super) fn create_staging(table: &Table) -> String {
    format!(
        "DROP TABLE IF EXISTS {staging};
         CREATE TABLE {staging} ({});",
        staging_body(&columns(table)),
        staging = staging(table),
    )
}

/// Rows as CSV into a table or its staging table.
pub(super) fn copy(site: &SiteName, table: &Table, staged: bool) -> String {
    let into = if staged {
        staging(table)
    } else {
        target(site, table)
    };
    format!("COPY {into} ({}) FROM STDIN (FORMAT csv)", written(table))
}

/// Takes the triggers that look at each row from a table, or gives them back. Locks no more than a load does.
pub(super) fn row_triggers(site: &SiteName, table: &Table, on: bool) -> String {
    let does = if on { "ENABLE" } else { "DISABLE" };
    let triggers = ROW_TRIGGERS.map(|name| format!("{does} TRIGGER {}", trigger_name(name)));
    format!(
        "ALTER TABLE {} {};\n",
        target(site, table),
        triggers.join(", ")
    )
}

/// All staged rows.
pub(super) fn insert_staged(site: &SiteName, table: &Table) -> String {
    format!(
        "INSERT INTO {} ({columns}) SELECT {columns} FROM {}",
        target(site, table),
        staging(table),
        columns = written(table),
    )
}

/// Whether the journal has changes of rows whose keys are staged.
pub(super) fn has_journaled_keys(table: &Table) -> String {
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
pub(super) fn delete_parts(site: &SiteName, table: &Table) -> String {
    format!(
        "DELETE FROM {} WHERE {} = ANY ($1::text[])",
        target(site, table),
        quote(PART)
    )
}

/// The rows of none of some parts.
pub(super) fn delete_strays(site: &SiteName, table: &Table) -> String {
    format!(
        "DELETE FROM {} WHERE {part} IS NULL OR {part} <> ALL ($1::text[])",
        target(site, table),
        part = quote(PART)
    )
}

/// The rows of one part in key order, each value as text.
pub(super) fn select_rows(site: &SiteName, table: &Table) -> String {
    let column = |at: usize| format!("t.{}", quote(table.columns[at].name.as_str()));
    let columns = (0..table.columns.len()).map(|at| format!("{}::text", column(at)));
    let key = table.key.iter().map(|at| {
        // Text by bytes, whatever the database's collation.
        let is_text = table.columns[*at].ty.is_text();
        let collation = if is_text { " COLLATE \"C\"" } else { "" };
        format!("{}{collation}", column(*at))
    });
    format!(
        "SELECT {} FROM {} AS t WHERE t.{} = $1 ORDER BY {}",
        list(columns),
        target(site, table),
        quote(PART),
        list(key)
    )
}

/// Rows per part.
pub(super) fn part_counts(site: &SiteName, table: &Table) -> String {
    let part = quote(PART);
    format!(
        "SELECT {part}, count(*) FROM {} GROUP BY 1",
        target(site, table)
    )
}

/// Rows per part and value of a column.
pub(super) fn counts(site: &SiteName, table: &Table, column: usize) -> String {
    format!(
        "SELECT {part}, {}::text, count(*) FROM {} WHERE {part} IS NOT NULL GROUP BY 1, 2",
        names(table, &[column]),
        target(site, table),
        part = quote(PART)
    )
}

/// The site's tables by their bare names, before PostgreSQL's own and the hub's functions.
pub(super) fn search_path(site: &SiteName) -> String {
    format!("{}, pg_catalog, causeway", schema(site))
}

/// Begins a transaction that reads a site's tables by their bare names, as of one instant. Statements that stay
/// prepared are planned anew each time: which rows a list asks for decides how they are found.
pub(super) fn begin_query(site: &SiteName) -> String {
    format!(
        "{}SET LOCAL search_path = {};\nSET LOCAL plan_cache_mode = force_custom_plan",
        include_str!("sql/snapshot.sql"),
        search_path(site)
    )
}

/// A statement with the values that it answers as texts; without columns it answers none, and stays as it is.
pub(super) fn as_texts(sql: &str, columns: usize) -> String {
    if columns == 0 {
        return sql.to_owned();
    }
    let named = |prefix: &str, suffix: &str| {
        list((0..columns).map(|at| format!("{prefix}causeway_{at}{suffix}")))
    };
    format!(
        "WITH causeway_query ({}) AS (\n{sql}\n) SELECT {} FROM causeway_query",
        named("", ""),
        named("", "::text")
    )
}

/// A row of some columns' values, and the whole row that becomes of it.
pub(super) fn insert(site: &SiteName, table: &Table, columns: &[usize]) -> String {
    let values = list((1..=columns.len()).map(|at| format!("${at}")));
    let given = match columns {
        [] => "DEFAULT VALUES".to_owned(),
        columns => format!("({}) VALUES ({values})", names(table, columns)),
    };
    format!(
        "INSERT INTO {} {given} RETURNING {}",
        target(site, table),
        declared(table)
    )
}

/// A block of keys in place of the present one.
pub(super) fn set_keys(first: i64, last: i64) -> String {
    format!(
        "SET LOCAL lock_timeout = '400ms';
         ALTER SEQUENCE causeway.keys
         MINVALUE {first} MAXVALUE {last} START {first} RESTART {first}"
    )
}

#[cfg(test)]
mod tests {
    use causeway_shared::dataset::Dataset;

    use super::*;

    #[test]
    fn a_table_with_a_partial_unique_rule() {
        let dataset = Dataset::meetassist().unwrap();
        let site = SiteName::new("hcm-01").unwrap();
        let table = dataset.table("appointment").unwrap();
        let indexes = indexes(&site, table).into_iter().map(|(_, create)| create);
        let made = [create_table(&site, table)].into_iter().chain(indexes);
        let made: Vec<String> = made.chain([set_keys_of(&site, &[table])]).collect();
        insta::assert_snapshot!(made.join(";\n"), @r#"
        CREATE TABLE "hcm_01"."appointment" (
            "appointmentid" bigint NOT NULL,
            "consultantid" bigint,
            "customerid" text NOT NULL,
            "date" date NOT NULL,
            "time" time without time zone NOT NULL,
            "duration" bigint NOT NULL,
            "meetingurl" text,
            "status" text NOT NULL,
            "description" text,
            "createdat" timestamp without time zone NOT NULL,
            "updatedat" timestamp without time zone,
            "causeway_part" text,
            "causeway_clash" boolean NOT NULL DEFAULT false
        );
        CREATE UNIQUE INDEX "appointment key" ON "hcm_01"."appointment" ("appointmentid");
        CREATE INDEX "appointment part" ON "hcm_01"."appointment" ("causeway_part");
        CREATE INDEX "appointment date" ON "hcm_01"."appointment" ("date");
        CREATE UNIQUE INDEX "appointment unique 0" ON "hcm_01"."appointment" ("consultantid", "date", "time") WHERE NOT "causeway_clash" AND ("status" IS NULL OR "status" NOT IN ('cancelled'));
        LOCK TABLE "hcm_01"."appointment" IN ACCESS EXCLUSIVE MODE NOWAIT;
        ALTER TABLE "hcm_01"."appointment" ADD CONSTRAINT "appointment key" PRIMARY KEY USING INDEX "appointment key";
        "#);
    }
}

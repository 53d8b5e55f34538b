//! The dataset as PostgreSQL's DDL and DML. Nothing else makes SQL from names.

mod load;
mod search;
mod tables;

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::dataset::{Column, Table};
use causeway_shared::ids::{Md5, SiteName};
use causeway_shared::value::{MAX_DECIMAL_DIGITS, Type, Value};

use crate::db::sql::{CLASH, PART, declared, list, literal, names, quote};

pub(super) use load::{
    copy, create_staging, delete_parts, delete_strays, has_journaled_keys, insert_staged, is_empty,
    lock, lock_to_change, row_triggers,
};
pub(super) use search::{add_search, create_folding};
pub(super) use tables::{
    add_columns, create_schema, create_table, drop_index, indexes, key_name, outgrown_indexes,
    set_keys_of,
};

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

/// An index's name: with a space in it, which no table has, since PostgreSQL names tables and
/// indexes in one space, and its own choice for table `a`, `a_pkey`, may be another table.
pub(super) fn index_name(table: &Table, what: &str) -> String {
    let name = format!("{} {what}", table.name);
    match name.len() {
        0..=MAX_NAME_BYTES => name,
        _ => format!("{} {what}", Md5::of(table.name.as_str().as_bytes())),
    }
}

/// A trigger's name, quoted.
pub(super) fn trigger_name(what: &str) -> String {
    quote(&format!("causeway {what}"))
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

//! Names that a database keeps for itself, so that no table or column of a dataset can have them.
//!
//! One list for both databases: a dataset does not know which one it will be loaded into.

/// PostgreSQL's system columns, which every table has.
const POSTGRES_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// SQLite's names of tables: its own begin with `sqlite_`, and a table named like one of its
/// functions that return rows hides that function from the hub.
const SQLITE_TABLE_PREFIXES: [&str; 2] = ["sqlite_", "pragma_"];
const SQLITE_TABLES: [&str; 4] = ["dbstat", "fts3tokenize", "json_each", "json_tree"];

/// The database that keeps a column's name for itself.
#[must_use]
pub fn column_name_owner(name: &str) -> Option<&'static str> {
    POSTGRES_COLUMNS.contains(&name).then_some("PostgreSQL")
}

/// The database that keeps a table's name for itself.
#[must_use]
pub fn table_name_owner(name: &str) -> Option<&'static str> {
    let is_sqlites = SQLITE_TABLES.contains(&name)
        || SQLITE_TABLE_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix));
    is_sqlites.then_some("SQLite")
}

/// Why a name is refused, and what to write instead.
pub(super) fn problem(owner: &str, name: &str, source: Option<&str>) -> String {
    format!(
        "is a name that {owner} keeps for itself; choose another, with source = {:?}",
        source.unwrap_or(name)
    )
}

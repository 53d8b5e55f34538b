//! The SQL that reads a source: the only place that renders it.

/// The names of tables and views.
pub(super) const TABLES: &str = include_str!("tables.sql");

/// Whether a column (?2) of a table (?1) is its rowid under another name.
pub(super) const IS_ROWID: &str = include_str!("is_rowid.sql");

/// A query whose result columns are a table's; it is prepared, never run.
pub(super) fn all_columns(table: &str) -> String {
    format!("SELECT * FROM {}", quoted(table))
}

/// All rows of a table, in the order of a column if one is given.
pub(super) fn rows(table: &str, columns: &[&str], order: Option<&str>) -> String {
    let columns: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    let order = order
        .map(|column| format!(" ORDER BY {}", quoted(column)))
        .unwrap_or_default();
    format!(
        "SELECT {} FROM {}{order}",
        columns.join(", "),
        quoted(table)
    )
}

/// A name as an SQL identifier.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        insta::assert_snapshot!(
            rows("my \"own\" table", &["a", "select"], Some("a")),
            @r#"SELECT "a", "select" FROM "my ""own"" table" ORDER BY "a""#
        );
        insta::assert_snapshot!(rows("t", &["a"], None), @r#"SELECT "a" FROM "t""#);
    }
}

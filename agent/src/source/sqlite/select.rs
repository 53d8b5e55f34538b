//! The SQL that reads a source: the only place that renders it.

/// The names of tables and views.
pub(super) const TABLES: &str = include_str!("tables.sql");

/// A query whose result columns are a table's; it is prepared, never run.
pub(super) fn all_columns(table: &str) -> String {
    format!("SELECT * FROM {}", quoted(table))
}

/// All rows of a table, in the order of a column if one is given.
pub(super) fn rows(table: &str, columns: &[&str], order: Option<&str>) -> String {
    let columns = columns.iter().map(|column| quoted(column));
    select(table, columns.collect(), order)
}

/// All rows of a table, with two result columns for each of its own: the value, of which a text is
/// given as its bytes, and whether it is a text.
pub(super) fn rows_with_bytes(table: &str, columns: &[&str], order: Option<&str>) -> String {
    let with_bytes = |column: &&str| {
        let column = quoted(column);
        let is_text = format!("typeof({column}) = 'text'");
        format!("iif({is_text}, CAST({column} AS BLOB), {column}), {is_text}")
    };
    select(table, columns.iter().map(with_bytes).collect(), order)
}

fn select(table: &str, columns: Vec<String>, order: Option<&str>) -> String {
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
        insta::assert_snapshot!(
            rows_with_bytes("t", &["a"], None),
            @r#"SELECT iif(typeof("a") = 'text', CAST("a" AS BLOB), "a"), typeof("a") = 'text' FROM "t""#
        );
    }
}

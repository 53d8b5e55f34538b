//! The pieces of SQL that both databases write alike, rendered from the dataset.

use causeway_shared::dataset::{Table, Unique};

/// The hidden column that says which partition a row is from.
pub(super) const PART: &str = "causeway_part";
/// The hidden column that marks a row which breaks a unique rule and is kept all the same.
pub(super) const CLASH: &str = "causeway_clash";

/// An identifier as SQL takes it, whatever it is made of. Every identifier goes through here.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as an SQL literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The quoted names of some columns, by position.
pub(super) fn names(table: &Table, columns: &[usize]) -> String {
    list(
        columns
            .iter()
            .map(|column| quote(table.columns[*column].name.as_str())),
    )
}

/// The quoted names of all declared columns.
pub(super) fn declared(table: &Table) -> String {
    list(
        table
            .columns
            .iter()
            .map(|column| quote(column.name.as_str())),
    )
}

/// The declared columns and the hidden ones: what the loader writes.
pub(super) fn written(table: &Table) -> String {
    format!("{}, {}, {}", declared(table), quote(PART), quote(CLASH))
}

/// The rows that a unique rule is about: not those that clash, nor those that it leaves out.
pub(super) fn ruled(table: &Table, unique: &Unique) -> String {
    let left_out = unique.unless.iter().map(|(column, values)| {
        let column = quote(table.columns[*column].name.as_str());
        let values = list(values.iter().map(|value| literal(value)));
        // A row without a value is not left out.
        format!(" AND ({column} IS NULL OR {column} NOT IN ({values}))")
    });
    format!("NOT {}{}", quote(CLASH), left_out.collect::<String>())
}

/// Items with commas between them.
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(", ")
}

/// The body of a `CREATE TABLE`: a line per column, then one for the key if there is a `key`, which is
/// what SQL calls it. Without one its columns are not null all the same.
pub(super) fn table_body(table: &Table, columns: &[(String, String)], key: Option<&str>) -> String {
    let lines = columns.iter().enumerate().map(|(at, (name, ty))| {
        let rule = match table.columns.get(at) {
            Some(column) if column.not_null => " NOT NULL",
            Some(_) if key.is_none() && table.key.contains(&at) => " NOT NULL",
            None if name == CLASH => " NOT NULL DEFAULT false",
            _ => "",
        };
        format!("    {} {ty}{rule}", quote(name))
    });
    let key = key.map(|key| format!("    {key} ({})", names(table, &table.key)));
    let lines: Vec<String> = lines.chain(key).collect();
    format!("(\n{}\n)", lines.join(",\n"))
}

/// How the columns of a table that is there first differ from the declared ones.
pub(super) fn first_difference(
    declared: &[(String, String)],
    found: &[(String, String)],
) -> Option<String> {
    let show = |column: Option<&(String, String)>| match column {
        Some((name, ty)) => format!("column {name} {ty}"),
        None => "no further column".to_owned(),
    };
    let longest = declared.len().max(found.len());
    let differs = (0..longest).find(|at| declared.get(*at) != found.get(*at))?;
    Some(format!(
        "it has {} where {} is declared",
        show(found.get(differs)),
        show(declared.get(differs))
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_cannot_end_their_quotes() {
        assert_eq!(quote("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
    }
}

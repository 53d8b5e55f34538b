//! The pieces of SQL that both databases write alike, rendered from the dataset.

use causeway_shared::dataset::{Table, Unique};

use super::rules;
use crate::searched::SEARCHED;

/// The hidden column that says which partition a row is from.
pub(super) const PART: &str = "causeway_part";
/// The hidden column that marks a row which breaks a unique rule and is kept all the same.
pub(super) const CLASH: &str = "causeway_clash";
/// The hidden column of the texts that lists search, which the database computes.
pub(super) const SEARCH: &str = "causeway_search";

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

/// The columns of a table that lists search, and whether each is a telephone number: of those that it has, which are
/// given by name and type.
pub(super) fn searched<'c>(
    table: &str,
    columns: &'c [(String, String)],
) -> Vec<(&'c (String, String), bool)> {
    let Some(searched) = SEARCHED.iter().find(|searched| searched.table == table) else {
        return Vec::new();
    };
    let texts = searched.texts.iter().map(|name| (name, false));
    let phones = searched.phones.iter().map(|name| (name, true));
    let found = texts.chain(phones).filter_map(|(name, is_phone)| {
        let column = columns.iter().find(|(column, _)| column == name)?;
        Some((column, is_phone))
    });
    found
        .filter(|((_, ty), _)| ty.eq_ignore_ascii_case("text"))
        .collect()
}

/// The rows that a unique rule is about: not those that clash, nor those that it leaves out.
pub(super) fn ruled(table: &Table, unique: &Unique) -> String {
    format!("NOT {}{}", quote(CLASH), not_exempt(table, unique, ""))
}

/// What a unique rule's index is called, in a table, and its columns. Of a rule across partitions it holds
/// the partition too: then no load fails over it.
pub(super) fn unique_index(table: &Table, at: usize) -> (String, String) {
    let unique = &table.unique[at];
    let columns = names(table, &unique.columns);
    match rules::is_within_part(table, unique) {
        true => (format!("unique {at}"), columns),
        false => (
            format!("unique {at} in part"),
            format!("{columns}, {}", quote(PART)),
        ),
    }
}

/// The columns of a unique rule, as the message about its index has them.
pub(super) fn without_part(columns: &str) -> &str {
    let without = columns.strip_suffix(PART);
    without.map_or(columns, |columns| columns.trim_end_matches([' ', ',']))
}

/// The rows, by an alias, that a unique rule does not leave out whatever their marks.
pub(super) fn not_exempt(table: &Table, unique: &Unique, row: &str) -> String {
    let left_out = unique.unless.iter().map(|(column, values)| {
        let column = format!("{row}{}", quote(table.columns[*column].name.as_str()));
        let values = list(values.iter().map(|value| literal(value)));
        // A row without a value is not left out.
        format!(" AND ({column} IS NULL OR {column} NOT IN ({values}))")
    });
    left_out.collect()
}

/// Finds the row of a key, `$1` and so on, so that nobody else changes it: the declared columns, and its part.
pub(super) fn lock_row(table: &Table) -> String {
    let key = quote(table.columns[table.key[0]].name.as_str());
    format!(
        "UPDATE {} SET {key} = {key} WHERE {} RETURNING {}, {}",
        quote(table.name.as_str()),
        of_key(table),
        declared(table),
        quote(PART)
    )
}

/// Changes columns of the row of a key; their values come behind the key's.
pub(super) fn update_row(table: &Table, columns: &[usize]) -> String {
    let values = columns.iter().zip(table.key.len() + 1..);
    let set = values.map(|(column, at)| format!("{} = ${at}", names(table, &[*column])));
    let name = quote(table.name.as_str());
    format!("UPDATE {name} SET {} WHERE {}", list(set), of_key(table))
}

/// Deletes the row of a key.
pub(super) fn delete_row(table: &Table) -> String {
    let name = quote(table.name.as_str());
    format!("DELETE FROM {name} WHERE {}", of_key(table))
}

fn of_key(table: &Table) -> String {
    let columns = table.key.iter().zip(1..);
    let is = columns.map(|(column, at)| format!("{} = ${at}", names(table, &[*column])));
    is.collect::<Vec<_>>().join(" AND ")
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

/// The declared columns that a table which is there lacks, by position. Columns go by their names,
/// wherever they stand.
///
/// # Errors
/// In words, how its columns differ in another way, or lack one that cannot be added.
pub(super) fn lacking(
    table: &Table,
    declared: &[(String, String)],
    found: &[(String, String)],
) -> Result<Vec<usize>, String> {
    let is_declared = |name: &String| {
        // Also one that stays for a view, with a number.
        let rest = name.strip_prefix(SEARCH);
        let number = rest.and_then(|rest| rest.strip_prefix('_'));
        rest == Some("")
            || number.is_some_and(|number| number.parse::<u32>().is_ok())
            || declared.iter().any(|(declared, _)| declared == name)
    };
    if let Some((name, ty)) = found.iter().find(|(name, _)| !is_declared(name)) {
        return Err(format!("it has column {name} {ty}, which is not declared"));
    }
    let mut lacking = Vec::new();
    for (at, (name, ty)) in declared.iter().enumerate() {
        match found.iter().find(|(found, _)| found == name) {
            Some((_, is)) if is == ty => {}
            Some((_, is)) => {
                return Err(format!("it has column {name} {is} where {ty} is declared"));
            }
            None if at < table.columns.len() && table.can_be_added(at) => lacking.push(at),
            None => return Err(format!("it has no column {name} {ty}")),
        }
    }
    Ok(lacking)
}

/// The columns of a staging table, which rows of a table that is still to be changed go into.
pub(super) fn staging_body(columns: &[(String, String)]) -> String {
    list(
        columns
            .iter()
            .map(|(name, ty)| format!("{} {ty}", quote(name))),
    )
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

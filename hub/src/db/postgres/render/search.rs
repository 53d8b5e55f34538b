//! The column of the texts that lists search: generated and stored, so that PostgreSQL keeps it whoever writes a row.
//!
//! Its expression has built-in functions alone, so that a dump, a copy and a restore take it along.

use causeway_shared::dataset::Table;
use causeway_shared::ids::SiteName;

use super::{columns, target};
use crate::db::sql::{SEARCH, literal, quote, searched};
use crate::searched::{ALIKE, SEPARATORS};

/// Name and type, where the table has columns that lists search.
pub(in crate::db::postgres) fn search_column(
    table: &str,
    columns: &[(String, String)],
) -> Option<(String, String)> {
    let texts = searched(table, columns).into_iter();
    let texts = texts.map(|((name, _), is_phone)| match is_phone {
        true => format!("translate({}, {}, '')", quote(name), literal(SEPARATORS)),
        false => folded(&quote(name)),
    });
    let lines: Vec<String> = texts.map(|text| format!("coalesce({text}, '')")).collect();
    (!lines.is_empty()).then(|| {
        let lines = lines.join(" || chr(10) || ");
        let ty = format!("text GENERATED ALWAYS AS ({lines}) STORED");
        (SEARCH.to_owned(), ty)
    })
}

/// The function that folds other texts when they are searched.
pub(in crate::db::postgres) fn create_folding() -> String {
    format!(
        "CREATE OR REPLACE FUNCTION causeway.causeway_folded(given text) RETURNS text \
         LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN {};",
        folded("given")
    )
}

/// A text as [`crate::searched::fold`] has it, but for runs of more than four spaces. Most of its time goes into
/// `normalize`, which plain ASCII is spared. First ASCII's capitals become small, whatever the database's locale makes
/// of them, then all others that it knows.
fn folded(text: &str) -> String {
    let [from, to] = ALIKE.map(literal);
    let bare = format!(
        "CASE WHEN octet_length({text}) = char_length({text}) THEN {text} \
         ELSE regexp_replace(normalize({text}, NFD), '[\\u0300-\\u036f]', '', 'g') END"
    );
    format!(
        "replace(replace(lower(lower(translate({bare}, {from}, {to}) COLLATE \"C\") COLLATE \"default\"), \
         '  ', ' '), '  ', ' ')"
    )
}

/// Gives a table, whose columns these are, the column, which writes its rows anew.
pub(in crate::db::postgres) fn add_search(
    target: &str,
    table: &str,
    columns: &[(String, String)],
) -> Option<String> {
    let (name, ty) = search_column(table, columns)?;
    let name = quote(&name);
    Some(format!("ALTER TABLE {target} ADD COLUMN {name} {ty};\n"))
}

/// Makes the column anew where some of the texts in it are new. What a view shows cannot be dropped: there the old one
/// stays under a name with its number, and the view with it.
pub(super) fn renew(site: &SiteName, table: &Table, added: &[usize]) -> String {
    let (name, columns) = (table.name.as_str(), columns(table));
    let is_added = |column: &(String, String)| added.iter().any(|at| columns[*at] == *column);
    let mut searched = searched(name, &columns).into_iter();
    if !searched.any(|(column, _)| is_added(column)) {
        return String::new();
    }
    let target = target(site, table);
    let (column, of_table) = (literal(SEARCH), literal(&target));
    let take_away = format!(
        "BEGIN
           ALTER TABLE {target} DROP COLUMN IF EXISTS {};
         EXCEPTION WHEN dependent_objects_still_exist THEN
           EXECUTE (SELECT format('ALTER TABLE %s RENAME COLUMN %I TO %I', {of_table}, attname, attname || '_' || attnum)
                    FROM pg_attribute WHERE attrelid = {of_table}::regclass AND attname = {column});
         END",
        quote(SEARCH)
    );
    let add = add_search(&target, name, &columns).unwrap_or_default();
    format!("DO {};\n{add}", literal(&take_away))
}

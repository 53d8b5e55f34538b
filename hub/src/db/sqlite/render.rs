//! The dataset as SQLite's DDL and DML. No other file makes SQL from names.

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::dataset::{Default, Partitioning, Table};
use causeway_shared::value::{Type, Value};

use crate::db::rules;
use crate::db::sql::{
    CLASH, PART, SEARCH, declared, list, literal, names, quote, ruled, searched, staging_body,
    table_body, unique_index, written,
};
use crate::searched::SEPARATORS;

/// A column's declared type. Its affinity keeps values as they are written: text stays text.
pub(super) fn column_type(ty: Type) -> &'static str {
    match ty {
        Type::Int => "INTEGER",
        Type::Float => "REAL",
        Type::Bool => "BOOLEAN",
        // Decimals as text lose no digit; dates and times sort as they are written.
        Type::Decimal(_) | Type::Text | Type::Phone | Type::Date | Type::Time | Type::Timestamp => {
            "TEXT"
        }
    }
}

/// Name and type of each column of a table, the hidden ones last.
pub(super) fn columns(table: &Table) -> Vec<(String, String)> {
    let hidden = [(PART, "TEXT"), (CLASH, "BOOLEAN")];
    let declared = table
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column_type(column.ty)));
    declared
        .chain(hidden)
        .map(|(name, ty)| (name.to_owned(), ty.to_owned()))
        .collect()
}

fn target(table: &Table) -> String {
    format!("main.{}", quote(table.name.as_str()))
}

fn staging(table: &Table) -> String {
    format!("temp.{}", quote(&format!("causeway_stage_{}", table.name)))
}

/// The table without its indexes, which it gets after its first rows.
pub(super) fn create_table(table: &Table) -> String {
    let mut columns = columns(table);
    columns.extend(search_column(table.name.as_str(), &columns));
    let body = table_body(table, &columns, Some("PRIMARY KEY"));
    format!("CREATE TABLE {} {body};\n", target(table))
}

/// The column of the texts that lists search, as the function folds them that looks into it: name and type. It takes
/// no room, and others who open the file can read it.
fn search_column(table: &str, columns: &[(String, String)]) -> Option<(String, String)> {
    let texts = searched(table, columns).into_iter();
    let texts = texts.map(|((name, _), is_phone)| {
        let text = format!("coalesce({}, '')", quote(name));
        let separators = SEPARATORS.chars().filter(|_| is_phone);
        separators.fold(text, |text, separator| {
            format!("replace({text}, '{separator}', '')")
        })
    });
    let texts: Vec<String> = texts.collect();
    let lines = texts.join(" || char(10) || ");
    (!texts.is_empty()).then(|| {
        let ty = format!("TEXT GENERATED ALWAYS AS ({lines}) VIRTUAL");
        (SEARCH.to_owned(), ty)
    })
}

/// Gives a table, whose columns these are, the column of the texts that lists search.
pub(super) fn add_search(table: &str, columns: &[(String, String)]) -> Option<String> {
    let (name, ty) = search_column(table, columns)?;
    let target = format!("main.{}", quote(table));
    Some(format!(
        "ALTER TABLE {target} ADD COLUMN {} {ty};\n",
        quote(&name)
    ))
}

/// The indexes of a table, where they are missing.
pub(super) fn create_indexes(table: &Table) -> String {
    let mut sql = String::new();
    let mut index = |unique: &str, what: &str, on: &str, predicate: &str| {
        sql += &format!(
            "CREATE {unique}INDEX IF NOT EXISTS main.{} ON {} ({on}){predicate};\n",
            quote(&format!("{} {what}", table.name)),
            quote(table.name.as_str()),
        );
    };
    index("", "part", &quote(PART), "");
    if let Partitioning::By { column } = table.partition {
        index("", "date", &names(table, &[column]), "");
    }
    for (at, unique) in table.unique.iter().enumerate() {
        let predicate = format!(" WHERE {}", ruled(table, unique));
        let (what, columns) = unique_index(table, at);
        index("UNIQUE ", &what, &columns, &predicate);
    }
    sql
}

/// Drops indexes that an earlier version of this program made, over which a load could fail.
pub(super) fn drop_outgrown_indexes(table: &Table) -> String {
    let across = rules::unique_across_parts(table);
    let drop = across.map(|(at, _)| {
        let name = quote(&format!("{} unique {at}", table.name));
        format!("DROP INDEX IF EXISTS main.{name};\n")
    });
    drop.collect()
}

/// Columns that a table lacks, with what its rows have in them.
pub(super) fn add_columns(table: &Table, lacking: &[usize]) -> String {
    let target = target(table);
    let (mut add, mut fill) = (String::new(), String::new());
    for column in lacking.iter().map(|at| &table.columns[*at]) {
        let (name, ty) = (quote(column.name.as_str()), column_type(column.ty));
        // A default of the table's stays, and is never used: whoever inserts gives all values.
        let value = match &column.default {
            Some(Default::Constant(value)) => constant(value),
            Some(Default::Column(_)) if column.not_null => "''".to_owned(),
            _ => "NULL".to_owned(),
        };
        let rule = if column.not_null { " NOT NULL" } else { "" };
        add += &format!("ALTER TABLE {target} ADD COLUMN {name} {ty}{rule} DEFAULT {value};\n");
        if let Some(Default::Column(from)) = column.default {
            let from = &table.columns[from];
            let midnight = match (from.ty, column.ty) {
                (Type::Date, Type::Timestamp) => " || 'T00:00:00'",
                _ => "",
            };
            let from = quote(from.name.as_str());
            fill += &format!("UPDATE {target} SET {name} = {from}{midnight};\n");
        }
    }
    add + &fill + &renew_search(table, lacking)
}

/// Makes the column of the texts that lists search anew, where some of those texts are new.
fn renew_search(table: &Table, added: &[usize]) -> String {
    let (name, columns) = (table.name.as_str(), columns(table));
    let is_added = |column: &(String, String)| added.iter().any(|at| columns[*at] == *column);
    let searched = searched(name, &columns);
    let new = searched.iter().filter(|(column, _)| is_added(column));
    let drop = match new.count() {
        0 => return String::new(),
        // There was none.
        all if all == searched.len() => String::new(),
        _ => format!("ALTER TABLE {} DROP COLUMN {SEARCH};\n", target(table)),
    };
    drop + &add_search(name, &columns).unwrap_or_default()
}

/// A value as rows hold it.
fn constant(value: &Value<'_>) -> String {
    match (value, canonical_text(value)) {
        (_, None) => "NULL".to_owned(),
        (Value::Int(_) | Value::Float(_) | Value::Bool(_), Some(text)) => text,
        (_, Some(text)) => literal(&text),
    }
}

/// Whether there is no row.
pub(super) fn is_empty(table: &Table) -> String {
    format!("SELECT NOT EXISTS (SELECT 1 FROM {})", target(table))
}

/// An empty staging table without keys.
pub(super) fn create_staging(table: &Table) -> String {
    format!(
        "DROP TABLE IF EXISTS {staging};
         CREATE TABLE {staging} ({});",
        staging_body(&columns(table)),
        staging = staging(table)
    )
}

/// One row; parameters are the declared columns, then the hidden ones.
pub(super) fn insert_row(table: &Table, staged: bool) -> String {
    let into = if staged {
        staging(table)
    } else {
        target(table)
    };
    let parameters = list((1..=table.columns.len() + 2).map(|at| format!("?{at}")));
    format!(
        "INSERT INTO {into} ({}) VALUES ({parameters})",
        written(table)
    )
}

/// All staged rows.
pub(super) fn insert_staged(table: &Table) -> String {
    format!(
        "INSERT INTO {} ({columns}) SELECT {columns} FROM {}",
        target(table),
        staging(table),
        columns = written(table),
    )
}

/// Whether the journal has changes of rows whose keys are staged.
pub(super) fn has_journaled_keys(table: &Table) -> String {
    let same = table.key.iter().map(|at| {
        let column = &table.columns[*at];
        let name = column.name.as_str();
        // A key never changes.
        let journaled = format!("coalesce(j.new, j.old) ->> {}", literal(name));
        let journaled = match column.ty {
            Type::Int => format!("CAST({journaled} AS INTEGER)"),
            Type::Float => format!("CAST({journaled} AS REAL)"),
            Type::Bool => format!("({journaled} = 'true')"),
            _ => format!("({journaled})"),
        };
        format!("{journaled} = s.{}", quote(name))
    });
    format!(
        "SELECT EXISTS (SELECT 1 FROM causeway_journal AS j JOIN {} AS s ON {} \
         WHERE j.table_name = ?1)",
        staging(table),
        same.collect::<Vec<_>>().join(" AND ")
    )
}

/// The staging table, when it has served.
pub(super) fn drop_staging(table: &Table) -> String {
    format!("DROP TABLE IF EXISTS {}", staging(table))
}

/// The rows of the parts in a JSON list.
pub(super) fn delete_parts(table: &Table) -> String {
    format!(
        "DELETE FROM {} WHERE {} IN (SELECT value FROM json_each(?1))",
        target(table),
        quote(PART)
    )
}

/// The rows of none of the parts in a JSON list.
pub(super) fn delete_strays(table: &Table) -> String {
    format!(
        "DELETE FROM {} WHERE {part} IS NULL
         OR {part} NOT IN (SELECT value FROM json_each(?1))",
        target(table),
        part = quote(PART)
    )
}

/// The rows of one part in key order.
pub(super) fn select_rows(table: &Table) -> String {
    format!(
        "SELECT {} FROM {} WHERE {} = ?1 ORDER BY {}",
        declared(table),
        target(table),
        quote(PART),
        key_order(table)
    )
}

/// The order of the key by its values. Decimals are text of one scale here: those below zero come
/// first, the longest of them first; of the others the longest comes last.
fn key_order(table: &Table) -> String {
    let order = |at: &usize| {
        let name = names(table, &[*at]);
        match table.columns[*at].ty {
            Type::Decimal(_) => format!(
                "{name} LIKE '-%' DESC, iif({name} LIKE '-%', -length({name}), length({name})), \
                 iif({name} LIKE '-%', NULL, {name}), {name} DESC"
            ),
            _ => name,
        }
    };
    let terms: Vec<String> = table.key.iter().map(order).collect();
    terms.join(", ")
}

/// Any table, dropped.
pub(super) fn drop_table(name: &str) -> String {
    format!("DROP TABLE main.{}", quote(name))
}

/// How many rows there are.
pub(super) fn count(table: &Table) -> String {
    format!("SELECT count(*) FROM {}", target(table))
}

/// The part of the row with a key of one column.
pub(super) fn part_of_key(table: &Table) -> String {
    format!(
        "SELECT {} FROM {} WHERE {} = ?1",
        quote(PART),
        target(table),
        names(table, &table.key)
    )
}

/// Rows per part.
pub(super) fn part_counts(table: &Table) -> String {
    format!(
        "SELECT {part}, count(*) FROM {} GROUP BY 1",
        target(table),
        part = quote(PART)
    )
}

/// Rows per part and value of a column.
pub(super) fn counts(table: &Table, column: usize) -> String {
    format!(
        "SELECT {part}, {}, count(*) FROM {} WHERE {part} IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2",
        names(table, &[column]),
        target(table),
        part = quote(PART)
    )
}

/// Name and declared type of the columns of the table that is there, but for those that are computed.
pub(super) fn existing_columns(table: &str) -> String {
    let name = literal(table);
    format!("SELECT name, type FROM pragma_table_info({name}, 'main') ORDER BY cid")
}

#[cfg(test)]
mod tests {
    use causeway_shared::dataset::Dataset;

    use super::*;

    #[test]
    fn a_table_with_a_partial_unique_rule() {
        let dataset = Dataset::meetassist().unwrap();
        let table = dataset.table("appointment").unwrap();
        insta::assert_snapshot!(create_table(table) + &create_indexes(table), @r#"
        CREATE TABLE main."appointment" (
            "appointmentid" INTEGER NOT NULL,
            "consultantid" INTEGER,
            "customerid" TEXT NOT NULL,
            "date" TEXT NOT NULL,
            "time" TEXT NOT NULL,
            "duration" INTEGER NOT NULL,
            "meetingurl" TEXT,
            "status" TEXT NOT NULL,
            "description" TEXT,
            "createdat" TEXT NOT NULL,
            "updatedat" TEXT,
            "causeway_part" TEXT,
            "causeway_clash" BOOLEAN NOT NULL DEFAULT false,
            PRIMARY KEY ("appointmentid")
        );
        CREATE INDEX IF NOT EXISTS main."appointment part" ON "appointment" ("causeway_part");
        CREATE INDEX IF NOT EXISTS main."appointment date" ON "appointment" ("date");
        CREATE UNIQUE INDEX IF NOT EXISTS main."appointment unique 0" ON "appointment" ("consultantid", "date", "time") WHERE NOT "causeway_clash" AND ("status" IS NULL OR "status" NOT IN ('cancelled'));
        "#);
    }
}

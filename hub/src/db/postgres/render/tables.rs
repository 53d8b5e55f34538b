//! A site's tables and their indexes: made, and brought to what the dataset declares.

use causeway_shared::dataset::{Default, Partitioning, Table};
use causeway_shared::ids::SiteName;

use super::search::{renew, search_column};
use super::{column_type, columns, constant, index_name, schema, target};
use crate::db::rules;
use crate::db::sql::{PART, list, names, quote, ruled, table_body, unique_index};

/// The site's schema.
pub(in crate::db::postgres) fn create_schema(site: &SiteName) -> String {
    format!("CREATE SCHEMA {}", schema(site))
}

/// The table, without keys and indexes: it gets them after its first rows.
pub(in crate::db::postgres) fn create_table(site: &SiteName, table: &Table) -> String {
    let mut columns = columns(table);
    columns.extend(search_column(table.name.as_str(), &columns));
    let body = table_body(table, &columns, None);
    format!("CREATE TABLE {} {body}", target(site, table))
}

/// The name of the primary key's index.
pub(in crate::db::postgres) fn key_name(table: &Table) -> String {
    index_name(table, "key")
}

/// The names of a table's indexes, and the statements that make them.
pub(in crate::db::postgres) fn indexes(site: &SiteName, table: &Table) -> Vec<(String, String)> {
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
pub(in crate::db::postgres) fn outgrown_indexes(
    table: &Table,
) -> impl Iterator<Item = String> + '_ {
    let across = rules::unique_across_parts(table);
    across.map(|(at, _)| index_name(table, &format!("unique {at}")))
}

/// Drops an index, unless somebody reads its table for long.
pub(in crate::db::postgres) fn drop_index(site: &SiteName, name: &str) -> String {
    let index = format!("{}.{}", schema(site), quote(name));
    format!("SET LOCAL lock_timeout = '400ms';\nDROP INDEX IF EXISTS {index};\n")
}

/// Makes the keys' indexes the tables' primary keys, in a transaction.
///
/// Others can not even read until that ends. So it waits for nobody: where somebody reads, it fails.
pub(in crate::db::postgres) fn set_keys_of(site: &SiteName, tables: &[&Table]) -> String {
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
pub(in crate::db::postgres) fn add_columns(
    site: &SiteName,
    table: &Table,
    lacking: &[usize],
) -> String {
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
    sql + &renew(site, table, lacking)
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

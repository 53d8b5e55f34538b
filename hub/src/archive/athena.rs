//! Statements by which Athena reads what is published.
//!
//! OpenCSVSerde reads every column as a string, so that a view gives each its type. Its escape character is
//! set to NUL, which switches escaping off in Trino, Athena's engine: canonical CSV doubles its quotes, and
//! a backslash is a backslash. It cannot read a line break within a field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use causeway_shared::dataset::{Dataset, Partitioning, Table};
use causeway_shared::ids::{Name, Part, SiteName};
use causeway_shared::layout;
use causeway_shared::value::Type;
use jiff::civil::Date;

use super::info::ArchiveInfo;
use super::manifest::Manifest;

/// The statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statements {
    pub(crate) text: String,
    /// What makes one of them wrong, in words.
    pub(crate) problems: Vec<String>,
}

/// The statements for the published tables of some sites. `location` is the store's prefix, `s3://…`.
pub(super) fn statements(
    datasets: &BTreeMap<SiteName, Dataset>,
    mut problems: Vec<String>,
    manifest: &Manifest,
    (location, today): (&str, Date),
) -> Statements {
    let mut tables: BTreeMap<&Name, (&SiteName, &Table)> = BTreeMap::new();
    for (site, dataset) in datasets {
        for table in &dataset.tables {
            let (first, known) = *tables.entry(&table.name).or_insert((site, table));
            if !reads_alike(known, table) {
                problems.push(format!(
                    "table {}: the files of site {site} have other columns or partitions than those of \
                     {first}, and one statement cannot read both",
                    table.name
                ));
            }
        }
    }
    for (_, table) in tables.values() {
        problems.extend(taken_names(table, &tables));
    }
    let mut text = String::new();
    problems
        .iter()
        .for_each(|problem| comment(&mut text, problem));
    for (_, table) in tables.values() {
        external_table(&mut text, table, manifest, (location, today));
        view(&mut text, table);
    }
    Statements { text, problems }
}

/// The statements for the published Delta tables: columns and partitions are in their logs.
pub(super) fn delta_statements(info: &ArchiveInfo, location: &str) -> Statements {
    let mut text = String::new();
    let tables = info.tables.iter();
    for (name, _) in tables.filter(|(_, table)| table.delta.is_some()) {
        let _ = writeln!(
            text,
            "CREATE EXTERNAL TABLE `{name}`\nLOCATION '{}/{}{name}/'\n\
             TBLPROPERTIES ('table_type' = 'DELTA');\n",
            location.trim_end_matches('/'),
            layout::ARCHIVE_DELTA,
        );
    }
    let problem =
        "no Delta table is published: set [archive] formats, and run `causeway-hub archive run`";
    let problems = match text.is_empty() {
        true => vec![problem.to_owned()],
        false => Vec::new(),
    };
    problems
        .iter()
        .for_each(|problem| comment(&mut text, problem));
    Statements { text, problems }
}

/// The names of a table that the statements need for something else.
fn taken_names(table: &Table, tables: &BTreeMap<&Name, (&SiteName, &Table)>) -> Vec<String> {
    let taken = [partition_column(table), "site"];
    let columns = table.columns.iter().map(|column| column.name.as_str());
    let columns = columns.filter(|name| taken.contains(name));
    let mut problems: Vec<String> = columns
        .map(|name| {
            format!(
                "table {}: its column {name} has the name of one that is added",
                table.name
            )
        })
        .collect();
    let external = format!("{}_csv", table.name);
    if tables.keys().any(|name| name.as_str() == external) {
        problems.push(format!(
            "table {external} has the name that {} is read by",
            table.name
        ));
    }
    problems
}

/// Whether one statement reads the files of both.
fn reads_alike(one: &Table, other: &Table) -> bool {
    let columns = |table: &Table| -> Vec<_> {
        let columns = table.columns.iter();
        columns
            .map(|column| (column.name.clone(), column.ty))
            .collect()
    };
    columns(one) == columns(other) && buckets(one) == buckets(other)
}

/// How many buckets a table has; none for one by date.
fn buckets(table: &Table) -> Option<u32> {
    match table.partition {
        Partitioning::Buckets { count } => Some(count),
        Partitioning::By { .. } | Partitioning::Via { .. } => None,
    }
}

fn partition_column(table: &Table) -> &'static str {
    match buckets(table) {
        Some(_) => "b",
        None => "dt",
    }
}

fn external_table(
    text: &mut String,
    table: &Table,
    manifest: &Manifest,
    (location, today): (&str, Date),
) {
    let breaks: BTreeSet<&Name> = manifest
        .table(&table.name)
        .flat_map(|published| &published.breaks)
        .collect();
    if !breaks.is_empty() {
        let names: Vec<&str> = breaks.iter().map(|name| name.as_str()).collect();
        let names = names.join(", ");
        comment(
            text,
            &format!(
                "{}: a published value of {names} holds a line break, which OpenCSVSerde cannot read: \
                 such a row comes out as several, with wrong columns",
                table.name
            ),
        );
    }
    let columns = table.columns.iter();
    let columns: Vec<String> = columns.map(|c| format!("  `{}` string", c.name)).collect();
    let (name, by) = (&table.name, partition_column(table));
    let folder = format!("{}/archive/{name}/", location.trim_end_matches('/'));
    let _ = writeln!(
        text,
        "DROP TABLE IF EXISTS `{name}_csv`;\n\n\
         CREATE EXTERNAL TABLE `{name}_csv` (\n{}\n)\n\
         PARTITIONED BY (`{by}` string)\n\
         ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'\n\
         WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '\"', 'escapeChar' = '\\u0000')\n\
         LOCATION '{folder}'\n\
         TBLPROPERTIES (\n  'skip.header.line.count' = '1',\n  'projection.enabled' = 'true',\n{}  \
         'storage.location.template' = '{folder}{by}=${{{by}}}/'\n);\n",
        columns.join(",\n"),
        projection(table, manifest, today)
    );
}

/// Which partitions there can be, so that nobody has to tell Athena of new ones.
fn projection(table: &Table, manifest: &Manifest, today: Date) -> String {
    if let Some(count) = buckets(table) {
        let names = (0..count).map(|index| Part::Bucket(index, count).to_string());
        let values: Vec<String> = names.map(|name| name.replace("b=", "")).collect();
        let values = values.join(",");
        return format!("  'projection.b.type' = 'enum',\n  'projection.b.values' = '{values}',\n");
    }
    let files = manifest
        .files
        .keys()
        .filter(|file| file.table == table.name);
    let dates: BTreeSet<Date> = files.filter_map(|file| file.part.date()).collect();
    let first = dates.first().copied().unwrap_or(today);
    let next_year = today.saturating_add(jiff::Span::new().years(1));
    let last = match dates.last() {
        Some(last) if *last > next_year => last.to_string(),
        _ => "NOW+1YEARS".to_owned(),
    };
    format!(
        "  'projection.dt.type' = 'date',\n  'projection.dt.format' = 'yyyy-MM-dd',\n  \
         'projection.dt.range' = '{first},{last}',\n"
    )
}

/// The columns in their types; the site is the file's name.
fn view(text: &mut String, table: &Table) {
    let columns = table.columns.iter();
    let columns: Vec<String> = columns
        .map(|column| {
            format!(
                "  {} AS \"{}\"",
                typed(column.name.as_str(), column.ty),
                column.name
            )
        })
        .collect();
    let name = &table.name;
    let _ = writeln!(
        text,
        "CREATE OR REPLACE VIEW \"{name}\" AS SELECT\n{},\n  \"{}\",\n  \
         regexp_extract(\"$path\", '([^/]+)[.]csv$', 1) AS \"site\"\nFROM \"{name}_csv\";\n",
        columns.join(",\n"),
        partition_column(table)
    );
}

/// A column in its type. NULL and an empty text are one: the file tells them apart, OpenCSVSerde does not.
fn typed(name: &str, ty: Type) -> String {
    let text = format!("nullif(\"{name}\", '')");
    match ty {
        Type::Int => format!("cast({text} AS bigint)"),
        Type::Float => format!("cast({text} AS double)"),
        Type::Decimal(scale) => format!("cast({text} AS decimal(38, {scale}))"),
        Type::Bool => format!("cast({text} AS boolean)"),
        Type::Date => format!("cast({text} AS date)"),
        Type::Timestamp => format!("cast(replace({text}, 'T', ' ') AS timestamp)"),
        // Athena has no views with a time of day.
        Type::Text | Type::Phone | Type::Time => text,
    }
}

fn comment(text: &mut String, words: &str) {
    let _ = writeln!(text, "-- {words}");
}

#[cfg(test)]
mod tests {
    use causeway_shared::ids::Md5;
    use causeway_shared::layout::ArchiveFile;
    use causeway_shared::store::Version;

    use super::super::manifest::Published;
    use super::*;
    use crate::testing::SHOP;

    fn site(name: &str) -> SiteName {
        SiteName::new(name).unwrap()
    }

    fn manifest() -> Manifest {
        let file = ArchiveFile {
            table: Name::new("sale").unwrap(),
            part: Part::new("dt=2024-02-29").unwrap(),
            site: site("here"),
        };
        let published = Published {
            object: None,
            edits: None,
            dataset: Md5([0; 16]),
            bom: false,
            md5: Md5([0; 16]),
            rows: 1,
            bytes: 1,
            breaks: vec![Name::new("slot").unwrap()],
            version: Version(String::new()),
        };
        Manifest {
            files: BTreeMap::from([(file, published)]),
            ..Manifest::default()
        }
    }

    #[test]
    fn tables_are_read_as_strings_and_shown_in_their_types() {
        let dataset = Dataset::from_toml(SHOP).unwrap();
        let datasets = BTreeMap::from([(site("here"), dataset)]);
        let today = "2025-11-28".parse().unwrap();
        let statements = statements(
            &datasets,
            Vec::new(),
            &manifest(),
            ("s3://bucket/prefix", today),
        );
        assert!(statements.problems.is_empty());
        insta::assert_snapshot!(statements.text, @r#"
        DROP TABLE IF EXISTS `item_csv`;

        CREATE EXTERNAL TABLE `item_csv` (
          `id` string,
          `name` string
        )
        PARTITIONED BY (`b` string)
        ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
        WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\u0000')
        LOCATION 's3://bucket/prefix/archive/item/'
        TBLPROPERTIES (
          'skip.header.line.count' = '1',
          'projection.enabled' = 'true',
          'projection.b.type' = 'enum',
          'projection.b.values' = '0of2,1of2',
          'storage.location.template' = 's3://bucket/prefix/archive/item/b=${b}/'
        );

        CREATE OR REPLACE VIEW "item" AS SELECT
          cast(nullif("id", '') AS bigint) AS "id",
          nullif("name", '') AS "name",
          "b",
          regexp_extract("$path", '([^/]+)[.]csv$', 1) AS "site"
        FROM "item_csv";

        -- sale: a published value of slot holds a line break, which OpenCSVSerde cannot read: such a row comes out as several, with wrong columns
        DROP TABLE IF EXISTS `sale_csv`;

        CREATE EXTERNAL TABLE `sale_csv` (
          `id` string,
          `day` string,
          `slot` string,
          `state` string
        )
        PARTITIONED BY (`dt` string)
        ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
        WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\u0000')
        LOCATION 's3://bucket/prefix/archive/sale/'
        TBLPROPERTIES (
          'skip.header.line.count' = '1',
          'projection.enabled' = 'true',
          'projection.dt.type' = 'date',
          'projection.dt.format' = 'yyyy-MM-dd',
          'projection.dt.range' = '2024-02-29,NOW+1YEARS',
          'storage.location.template' = 's3://bucket/prefix/archive/sale/dt=${dt}/'
        );

        CREATE OR REPLACE VIEW "sale" AS SELECT
          cast(nullif("id", '') AS bigint) AS "id",
          cast(nullif("day", '') AS date) AS "day",
          nullif("slot", '') AS "slot",
          nullif("state", '') AS "state",
          "dt",
          regexp_extract("$path", '([^/]+)[.]csv$', 1) AS "site"
        FROM "sale_csv";
        "#);
    }

    #[test]
    fn sites_whose_files_differ_are_named() {
        let dataset = Dataset::from_toml(SHOP).unwrap();
        let other = SHOP.replace(
            "{ name = \"state\", type = \"text\" },",
            "{ name = \"state\", type = \"text\" },\n  { name = \"paid\", type = \"bool\" },",
        );
        let other = Dataset::from_toml(&other).unwrap();
        let datasets = BTreeMap::from([(site("here"), dataset), (site("there"), other)]);
        let today = "2025-11-28".parse().unwrap();
        let statements = statements(&datasets, Vec::new(), &manifest(), ("s3://bucket", today));
        insta::assert_snapshot!(statements.problems.join("\n"), @"table sale: the files of site there have other columns or partitions than those of here, and one statement cannot read both");
        assert!(statements.text.starts_with("-- table sale"));
    }
}

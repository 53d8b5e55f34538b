//! Whatever the values are, the proposed dataset takes every row that was looked at, but for those
//! that it names.

use causeway_shared::dataset::{Column, TableId};
use causeway_shared::value::{DateOrder, DecimalMark, Forms, Raw, Value, parse};
use proptest::prelude::*;
use rusqlite::types::Value as Stored;

use super::super::trial::forms;
use super::*;

/// Kinds of values that people keep in one column, so that columns are not all plain text.
fn value(kind: u8) -> BoxedStrategy<Stored> {
    let text = |strategy: BoxedStrategy<String>| strategy.prop_map(Stored::Text).boxed();
    match kind {
        0 => any::<i64>().prop_map(Stored::Integer).boxed(),
        1 => (0i64..2).prop_map(Stored::Integer).boxed(),
        2 => prop::num::f64::NORMAL.prop_map(Stored::Real).boxed(),
        3 => (-99_999i64..99_999)
            .prop_map(|v| Stored::Real(v as f64 / 100.0))
            .boxed(),
        4 => text("[^\0]{0,12}".boxed()),
        5 => text("(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9])( 00:00:00)?".boxed()),
        6 => text(
            "20[0-9]{2}-0[1-9]-[12][0-9]( [0-2][0-3]:[0-5][0-9]:[0-5][0-9])?(Z|\\+07:00)?".boxed(),
        ),
        7 => text("[0-3]?[0-9]/[01]?[0-9]/20[0-9]{2}".boxed()),
        8 => text("[0-2]?[0-9]:[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,7})?)?".boxed()),
        9 => text("[+-]?[0-9]{0,22}(\\.[0-9]{0,22})?(e-?[0-9]{1,2})?".boxed()),
        10 => text("[0-9]{1,4}\\.[0-9]{2}".boxed()),
        11 => text("true|false|yes|No|t|F|0|1".boxed()),
        12 => text("0?[0-9]{9}".boxed()),
        13 => text("-?[1-9][0-9]{0,2}(\\.[0-9]{3}){0,3}(,[0-9]{1,4})?".boxed()),
        _ => Just(Stored::Null).boxed(),
    }
}

/// A column: a declared type, and values mostly of one kind.
fn column(rows: usize) -> impl Strategy<Value = (String, Vec<Stored>)> {
    let declared = prop::sample::select(vec![
        "",
        "INTEGER",
        "TEXT",
        "NUMERIC(8,2)",
        "NUMERIC",
        "REAL",
        "DATE",
        "DATETIME",
        "TIME",
        "BOOLEAN",
        "VARCHAR(5)",
        "VARCHAR(40)",
        "BLOB",
    ]);
    let name = prop::sample::select(vec![
        "a",
        "is_b",
        "date",
        "created_at",
        "phone",
        "total",
        "x y",
        "ref_id",
    ]);
    let values = (0u8..15, 0u8..15).prop_flat_map(move |(most, few)| {
        let value = prop_oneof![20 => value(most), 1 => value(few), 1 => value(14)];
        proptest::collection::vec(value, rows)
    });
    (name, declared, values)
        .prop_map(|(name, declared, values)| (format!("{name}\u{1f} {declared}"), values))
}

/// Why a column refuses a value of a row, by the rules that rows are judged by.
fn refused(column: &Column, row: &[Stored], forms: &Forms) -> Option<String> {
    let name = column.source.as_deref().unwrap_or(column.name.as_str());
    let at: usize = name[1..].split('_').next().unwrap().parse().unwrap();
    match parse(raw(&row[at]), column.ty, forms) {
        Err(refusal) => Some(refusal.to_string()),
        Ok(value) => problem(column, &value),
    }
}

/// Of how many values `init` says that a column refuses them.
fn announced(dataset_toml: &str, column: &Column) -> usize {
    let start = format!("  {{ name = \"{}\"", column.name);
    let mut lines = dataset_toml.lines().filter(|line| line.starts_with(&start));
    let line = lines.next().unwrap();
    let mut questions = line.split("PLEASE DECIDE: ").skip(1);
    let is_odd = |question: &&str| question.split(": ").next().unwrap().contains("not of type");
    let odd = questions.find(is_odd);
    odd.map_or(0, |odd| odd.split(' ').next().unwrap().parse().unwrap())
}

fn problem(column: &Column, value: &Value<'_>) -> Option<String> {
    match value {
        Value::Null => column.not_null.then(|| "empty".to_owned()),
        Value::Text(text) => {
            let too_long = column
                .max_chars
                .is_some_and(|max| text.chars().count() > max as usize);
            too_long.then(|| "too long".to_owned())
        }
        _ => None,
    }
}

fn raw(value: &Stored) -> Raw<'_> {
    match value {
        Stored::Null => Raw::Null,
        Stored::Integer(v) => Raw::Int(*v),
        Stored::Real(v) => Raw::Real(*v),
        Stored::Text(v) => Raw::Text(v),
        Stored::Blob(v) => Raw::Blob(v),
    }
}

/// Makes a table `t` of the columns, with a key of its own in front.
fn site_of(columns: &[(String, Vec<Stored>)]) -> Site {
    let site = Site::new();
    let connection = Connection::open(site.folder.join("t.db")).unwrap();
    let names = columns.iter().enumerate().map(|(at, (name, _))| {
        let (name, declared) = name.split_once('\u{1f}').unwrap();
        format!("\"c{at}_{name}\"{declared}")
    });
    let names: Vec<String> = names.collect();
    connection
        .execute_batch(&format!(
            "CREATE TABLE t (c99 INTEGER PRIMARY KEY, {})",
            names.join(", ")
        ))
        .unwrap();
    let places = vec!["?"; columns.len()].join(", ");
    let mut insert = connection
        .prepare(&format!("INSERT INTO t VALUES (NULL, {places})"))
        .unwrap();
    for row in 0..columns[0].1.len() {
        insert
            .execute(rusqlite::params_from_iter(
                columns.iter().map(|(_, values)| &values[row]),
            ))
            .unwrap();
    }
    site
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_row_of_a_sqlite_table_is_refused_unsaid(columns in proptest::collection::vec(column(12), 1..5)) {
        let site = site_of(&columns);
        let proposal = site.propose();
        let dataset = dataset(&proposal);
        let order = match &proposal.agent_toml {
            text if text.contains("dates = \"dmy\"") => DateOrder::Dmy,
            text if text.contains("dates = \"mdy\"") => DateOrder::Mdy,
            _ => DateOrder::Iso,
        };
        let decimals = match proposal.agent_toml.contains("decimals = \"comma\"\n") {
            true => DecimalMark::Comma,
            false => DecimalMark::Point,
        };
        let forms = Forms { decimals, ..forms(order) };
        // As SQLite gives them back, converted by the declared types.
        let connection = Connection::open(site.folder.join("t.db")).unwrap();
        let mut rows = connection.prepare("SELECT * FROM t").unwrap();
        let count = rows.column_count();
        let mut found = rows.query([]).unwrap();
        let mut rows = Vec::new();
        while let Some(row) = found.next().unwrap() {
            let mut values: Vec<Stored> = (1..count).map(|at| row.get(at).unwrap()).collect();
            values.resize(100, Stored::Integer(1));
            rows.push(values);
        }
        let text = proposal.dataset_toml.as_deref().unwrap();
        for column in &dataset.tables[TableId(0)].columns {
            let refused: Vec<String> = rows.iter().filter_map(|row| refused(column, row, &forms)).collect();
            prop_assert_eq!(refused.len(), announced(text, column), "{}: {:?}\n{}", column.name, refused, text);
        }
    }
}

//! Every dataset that the validator takes, the database takes: its tables are made and loaded.

use causeway_shared::dataset::{Dataset, Partitioning};
use causeway_shared::ids::SiteName;
use causeway_shared::value::Type;
use serde_json::{Value, json};

use super::limits::Numbers;
use crate::testing::{HubDatabase, Outcome, TestHub, TestSite};

/// How many datasets are tried.
const TRIED: usize = 120;
/// How many of them are valid, at least.
const VALID: usize = 60;

const TYPES: [&str; 11] = [
    "text",
    "phone",
    "int",
    "float",
    "bool",
    "date",
    "time",
    "timestamp",
    "decimal(0)",
    "decimal(2)",
    "decimal(18)",
];

/// Names that mean something to a database, or to the hub's SQL.
const NAMES: [&str; 24] = [
    "select", "order", "group", "user", "table", "index", "values", "default", "null", "rowid",
    "oid", "excluded", "new", "old", "key", "primary", "check", "date", "time", "interval", "_",
    "a_pkey", "part", "main",
];

/// Texts that end a literal too early, or that somebody may take for something else.
const TEXTS: [&str; 14] = [
    "",
    "'",
    "''",
    "\\",
    "\\'",
    "'); DROP TABLE a; --",
    "$1",
    "?1",
    "%s",
    "\n",
    "\u{1}",
    "\u{feff}",
    "\u{10ffff}",
    "\u{0}",
];

fn pick<'a>(numbers: &mut Numbers, from: &[&'a str]) -> &'a str {
    from[numbers.below(from.len())]
}

/// A name that is the only one with its number.
fn name(numbers: &mut Numbers, number: usize) -> String {
    match numbers.below(4) {
        0 if number < NAMES.len() => NAMES[number].to_owned(),
        // As long as a name may be, and like the others but for its end.
        1 => format!("{}{number:05}", "x".repeat(58)),
        _ => format!("c{number}"),
    }
}

fn text(numbers: &mut Numbers) -> String {
    match numbers.below(3) {
        0 => pick(numbers, &TEXTS).to_owned(),
        1 => numbers.text(),
        _ => {
            let any = |numbers: &mut Numbers| {
                let code = u32::try_from(numbers.below(0x2_0000)).unwrap_or_default();
                char::from_u32(code).unwrap_or('ß')
            };
            let chars = numbers.below(40);
            (0..chars).map(|_| any(numbers)).collect()
        }
    }
}

/// Some names of a list, each once.
fn some(numbers: &mut Numbers, from: &[String], most: usize) -> Vec<String> {
    let mut from = from.to_vec();
    let count = (1 + numbers.below(most)).min(from.len());
    (0..count)
        .map(|_| from.swap_remove(numbers.below(from.len())))
        .collect()
}

fn unless(numbers: &mut Numbers, texts: &[String]) -> Value {
    let mut unless = serde_json::Map::new();
    let most = [1, 2, 16, 17][numbers.below(4)];
    if texts.is_empty() || numbers.below(3) == 0 {
        return Value::Object(unless);
    }
    for column in some(numbers, texts, most) {
        let values = [1, 1, 2, 3, 90, 101][numbers.below(6)];
        let values: Vec<String> = (0..values).map(|_| text(numbers)).collect();
        unless.insert(column, json!(values));
    }
    Value::Object(unless)
}

/// A table whose rules are as long as they may be.
fn table_with_the_longest_rules(numbers: &mut Numbers) -> Value {
    let columns = (0..40).map(|number| format!("{}{number:05}", "x".repeat(58)));
    let columns: Vec<String> = columns.collect();
    let rule = |numbers: &mut Numbers| {
        let values = |numbers: &mut Numbers| {
            let values = (0..6).map(|_| {
                let chars = (0..10).map(|_| b'!' + u8::try_from(numbers.below(90)).unwrap_or(0));
                chars.map(char::from).collect::<String>()
            });
            values.collect::<Vec<String>>()
        };
        let unless = columns[..16]
            .iter()
            .map(|column| (column.clone(), json!(values(numbers))));
        let unless: serde_json::Map<String, Value> = unless.collect();
        json!({ "columns": columns[..32], "unless": unless })
    };
    let rules: Vec<Value> = (0..32).map(|_| rule(numbers)).collect();
    let columns = columns
        .iter()
        .map(|name| json!({ "name": name, "type": "text", "max": 9 }));
    json!({
        "name": "longest",
        "key": columns.clone().take(32).map(|column| column["name"].clone()).collect::<Vec<_>>(),
        "partition": { "buckets": 1 },
        "unique": rules,
        "column": columns.collect::<Vec<_>>(),
    })
}

fn table(numbers: &mut Numbers, table_name: &str) -> Value {
    let count = [1, 2, 3, 5, 9, 40, 1_200][numbers.below(7)];
    let mut columns = Vec::new();
    let (mut names, mut texts, mut figures) = (Vec::new(), Vec::new(), Vec::new());
    let is_dated = numbers.below(3) == 0;
    for number in 0..count {
        let name = name(numbers, number);
        let ty = match (number, is_dated) {
            (0, true) => ["date", "timestamp"][numbers.below(2)],
            _ => pick(numbers, &TYPES),
        };
        let mut column = json!({ "name": name, "type": ty });
        if (number, is_dated) == (0, true) || (count < 50 && numbers.below(3) == 0) {
            column["not_null"] = json!(true);
        }
        if ty == "text" && numbers.below(3) == 0 {
            let max = [1, 10_485, 1_048_576][numbers.below(3)];
            column["max"] = json!(max);
        }
        match ty {
            "text" | "phone" => texts.push(name.clone()),
            "date" | "time" | "timestamp" | "bool" => {}
            _ => figures.push(name.clone()),
        }
        columns.push(column);
        names.push(name);
    }
    let most_keys = [1, 2, 32][numbers.below(3)];
    let partition = match is_dated {
        true => json!({ "by": names[0] }),
        false => {
            let buckets = [1, 16, 4_096][numbers.below(3)];
            json!({ "buckets": buckets })
        }
    };
    let rules = [0, 1, 1, 3, 20][numbers.below(5)];
    let unique = (0..rules).map(|_| {
        let mut of = some(numbers, &names, 4);
        if is_dated && !of.contains(&names[0]) {
            of.push(names[0].clone());
        }
        json!({ "columns": of, "unless": unless(numbers, &texts) })
    });
    let unique: Vec<Value> = unique.collect();
    json!({
        "name": table_name,
        "key": some(numbers, &names, most_keys),
        "partition": partition,
        "unique": unique,
        "summary": {
            "count_by": some(numbers, &names, 2),
            "sum": match figures.is_empty() {
                true => Vec::new(),
                false => some(numbers, &figures, 2),
            },
        },
        "column": columns,
    })
}

/// The first rule of the validator that a dataset breaks is another in each try.
pub async fn every_dataset_that_is_valid_is_taken(database: &HubDatabase) -> Outcome {
    let mut numbers = Numbers(1);
    let mut valid = 0;
    // A database takes the sites of one store.
    let mut test = TestHub::new(database).await?;
    for number in 0..TRIED {
        let tables = 1 + numbers.below(3);
        let names: Vec<String> = (0..tables).map(|at| name(&mut numbers, at)).collect();
        let mut tables: Vec<Value> = names.iter().map(|name| table(&mut numbers, name)).collect();
        if number == 0 {
            tables = vec![table_with_the_longest_rules(&mut numbers)];
        }
        let json = json!({ "name": "d", "version": 1, "table": tables }).to_string();
        let dataset = Dataset::from_json(json.as_bytes());
        assert!(number > 0 || dataset.is_ok(), "{dataset:?}");
        let Ok(dataset) = dataset else {
            continue;
        };
        valid += 1;
        let name = format!("d{number}");
        test.request.site = Some(SiteName::new(&name)?);
        let mut site = TestSite::of(&test.store, &name, dataset)?;
        // Twice, so that the second pass goes through the staging tables.
        for record in 0..2 {
            let tables: Vec<_> = site.dataset().tables.iter().cloned().collect();
            for table in &tables {
                let part = match table.partition {
                    Partitioning::Buckets { count } => {
                        format!("b={}of{count}", "0".repeat((count - 1).to_string().len()))
                    }
                    _ => "dt=2025-11-28".to_owned(),
                };
                // A row with a value in each of very many columns would not fit a page.
                let is_wide = table.columns.len() > 100;
                let values = table.columns.iter().map(|column| match column.ty {
                    _ if is_wide && !column.not_null => "",
                    Type::Text | Type::Phone => "a",
                    Type::Int | Type::Decimal(0) => "7",
                    Type::Float => "0.5",
                    Type::Decimal(2) => "7.25",
                    Type::Decimal(_) => "7.000000000000000001",
                    Type::Bool => "true",
                    Type::Date => "2025-11-28",
                    Type::Time => "09:30:00",
                    Type::Timestamp => "2025-11-28 09:30:00",
                });
                let values: Vec<&str> = values.collect();
                let row = values.join(",");
                let rows: &[&str] = if record == 0 { &[] } else { &[&row] };
                site.put(table.name.as_str(), &part, rows).await?;
            }
            site.commit().await?;
            let loaded = test.load_one().await;
            assert!(
                loaded.is_ok(),
                "{}: {loaded:?}",
                json.chars().take(2_000).collect::<String>()
            );
        }
    }
    assert!(valid >= VALID, "{valid} of {TRIED} are valid");
    Ok(())
}

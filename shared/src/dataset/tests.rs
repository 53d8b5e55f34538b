use insta::assert_snapshot;

use super::*;

const ORDERS: &str = r#"
    name = "orders"
    version = 1
    [[table]]
    name = "line"
    key = ["order_id", "no"]
    partition = { via = "order", on = "order_id" }
    column = [
      { name = "order_id", type = "int", references = "order" },
      { name = "no", type = "int" },
      { name = "price", type = "decimal(2)", min = 0, not_null = true },
    ]
    [[table]]
    name = "order"
    key = ["id"]
    partition = { by = "day" }
    column = [
      { name = "id", type = "int" },
      { name = "day", type = "date", not_null = true },
      { name = "sent", type = "timestamp", default = { column = "day" } },
    ]
"#;

fn refused(change: impl Fn(String) -> String) -> String {
    Dataset::from_toml(&change(ORDERS.to_owned()))
        .unwrap_err()
        .to_string()
}

#[test]
fn numbers_are_those_that_were_written_when_they_are_read_again() {
    let with = |column: &str| {
        let toml = ORDERS.replace("{ name = \"no\", type = \"int\" }", column);
        Dataset::from_toml(&toml)
    };
    for (bounds, min) in [
        (
            r#"type = "int", min = 9007199254740993"#,
            Value::Int(9_007_199_254_740_993),
        ),
        (
            r#"type = "int", min = -9223372036854775808"#,
            Value::Int(i64::MIN),
        ),
        (
            r#"type = "decimal(2)", min = 9007199254740993"#,
            Value::Decimal(900_719_925_474_099_300, 2),
        ),
        (r#"type = "decimal(2)", min = 4.25"#, Value::Decimal(425, 2)),
        (r#"type = "float", min = 1e300"#, Value::Float(1e300)),
        (r#"type = "float", min = 1e18"#, Value::Float(1e18)),
    ] {
        let dataset = with(&format!("{{ name = \"no\", {bounds} }}")).unwrap();
        assert_eq!(
            dataset.tables[TableId(0)].columns[1].min,
            Some(min),
            "{bounds}"
        );
        let again = Dataset::from_json(dataset.canonical_json().as_bytes());
        assert_eq!(again, Ok(dataset), "{bounds}");
    }
    let refused = with(r#"{ name = "no", type = "decimal(18)", min = 0.1234567890123456789 }"#);
    assert_snapshot!(refused.unwrap_err(), @"dataset, column line.no: 0.12345678901234568 may be another number than what was written, since it has more than 15 digits: write it as a text, in quotes");
}

#[test]
fn the_example_of_the_documentation_is_a_dataset() {
    let page = include_str!("../../../docs/dataset.md");
    let (_, example) = page.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let dataset = Dataset::from_toml(example).unwrap();
    assert_eq!(dataset.tables.len(), 2);
}

#[test]
fn meetassist_is_valid() {
    let dataset = Dataset::meetassist().unwrap();
    let names: Vec<_> = dataset
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "customer",
            "consultant",
            "consultantschedule",
            "appointment",
            "appointmentfeedback",
            "communityprogram",
            "programparticipant"
        ]
    );
    assert!(
        dataset.is_dated(TableId(4)),
        "feedback lives on its appointment's date"
    );
}

#[test]
fn canonical_json_is_sorted_and_leaves_defaults_out() {
    let dataset = Dataset::from_toml(ORDERS).unwrap();
    assert_snapshot!(dataset.canonical_json(), @r#"{"name":"orders","table":[{"column":[{"name":"order_id","references":"order","type":"int"},{"name":"no","type":"int"},{"min":0,"name":"price","not_null":true,"type":"decimal(2)"}],"key":["order_id","no"],"name":"line","partition":{"on":"order_id","via":"order"}},{"column":[{"name":"id","type":"int"},{"name":"day","not_null":true,"type":"date"},{"default":{"column":"day"},"name":"sent","type":"timestamp"}],"key":["id"],"name":"order","partition":{"by":"day"}}],"version":1}"#);
    assert_snapshot!(dataset.md5().to_string(), @"91ae185107344b584c7eaa11ed48ec2b");
}

#[test]
fn json_gives_the_same_dataset() {
    for dataset in [
        Dataset::from_toml(ORDERS).unwrap(),
        Dataset::meetassist().unwrap(),
    ] {
        assert_eq!(
            Dataset::from_json(dataset.canonical_json().as_bytes()),
            Ok(dataset)
        );
    }
}

#[test]
fn a_default_said_aloud_changes_nothing() {
    let quiet = Dataset::from_toml(ORDERS).unwrap();
    let aloud = ORDERS.replace(
        "key = [\"id\"]",
        "key = [\"id\"]\nmerge = \"cloud\"\nunique = []",
    );
    assert_eq!(Dataset::from_toml(&aloud).unwrap().md5(), quiet.md5());
}

#[test]
fn leading_zeros_are_dropped_where_a_whole_number_says_so() {
    let drop = |column: &str| {
        let declared = column.replace(" }", ", leading_zeros = \"drop\" }");
        Dataset::from_toml(&ORDERS.replace(column, &declared))
    };
    let dataset = drop("{ name = \"no\", type = \"int\" }").unwrap();
    let is_dropped = dataset
        .table("line")
        .unwrap()
        .columns
        .iter()
        .map(|c| c.drop_leading_zeros);
    assert!(is_dropped.eq([false, true, false]));
    let again = Dataset::from_json(dataset.canonical_json().as_bytes());
    assert_eq!(again, Ok(dataset));
    let refused = drop("{ name = \"day\", type = \"date\", not_null = true }");
    assert_snapshot!(refused.unwrap_err(), @"dataset, column order.day: `leading_zeros` is for columns of type int and decimal(0)");
}

#[test]
fn parents_come_first() {
    assert_eq!(
        Dataset::from_toml(ORDERS).unwrap().parents_first(),
        [TableId(1), TableId(0)]
    );
}

#[test]
fn a_table_is_partitioned_by_a_timestamp() {
    let by_sent = |unique: &str| {
        let text = ORDERS.replace("by = \"day\"", "by = \"sent\"").replace(
            "type = \"timestamp\"",
            "type = \"timestamp\", not_null = true",
        );
        let partition = "partition = { by";
        Dataset::from_toml(&text.replace(partition, &format!("{unique}\n{partition}")))
    };
    let dataset = by_sent("unique = [{ columns = [\"id\", \"sent\"] }]").unwrap();
    assert_eq!(
        dataset.tables[TableId(1)].partition,
        Partitioning::By { column: 2 }
    );
    assert!(dataset.is_dated(TableId(0)), "its lines are on its dates");
    let without = by_sent("unique = [{ columns = [\"day\"] }]").unwrap_err();
    assert_snapshot!(
        without.to_string(),
        @r#"dataset, table order: its unique rules must include "sent", the column it is partitioned by"#
    );
}

#[test]
fn what_cannot_work_is_refused_with_its_place() {
    assert_snapshot!(
        refused(|t| t.replace("by = \"day\"", "by = \"sent\"")),
        @"dataset, column order.sent: must be a date or timestamp and `not_null` to partition by it"
    );
    assert_snapshot!(
        refused(|t| t.replace("by = \"day\"", "by = \"id\"")),
        @"dataset, column order.id: must be a date or timestamp and `not_null` to partition by it"
    );
    assert_snapshot!(
        refused(|t| t.replace("via = \"order\"", "via = \"line\"")),
        @"dataset, table line: is partitioned via line, whose key has more than one column"
    );
    assert_snapshot!(
        refused(|t| t.replace("decimal(2)", "money")),
        @"dataset, column line.price: has no type \"money\"; write int, float, decimal(scale), bool, text, phone, date, time or timestamp"
    );
    assert_snapshot!(
        refused(|t| t.replace("key = [\"id\"]", "key = []")),
        @"dataset, table order: needs a `key`: the columns that tell its rows apart"
    );
    assert_snapshot!(
        refused(|t| t.replace("name = \"order\"", "name = \"Order\"").replace("\"order\"", "\"Order\"")),
        @r#"dataset: "Order" is not a table or column name: a lower-case letter, then up to 62 lower-case letters, digits or `_` (write the source's own name as `source`)"#
    );
    assert_snapshot!(
        refused(|t| t.replace("partition = { by", "unique = [{ columns = [\"sent\"] }]\npartition = { by")),
        @r#"dataset, table order: its unique rules must include "day", the column it is partitioned by"#
    );
    assert_snapshot!(
        refused(|t| t.replace("partition = { by", "merge = { latest = \"sent\" }\npartition = { by")),
        @r#"
    the dataset cannot be read: TOML parse error at line 16, column 15
       |
    16 |     merge = { latest = "sent" }
       |               ^^^^^^
    unknown variant `latest`, expected `cloud` or `site`
    "#
    );
    let noted = |t: String| {
        t.replace(
            "{ name = \"sent\"",
            "{ name = \"note\", type = \"text\" },\n      { name = \"sent\"",
        )
    };
    assert_snapshot!(
        refused(|t| noted(t).replace("partition = { by", "unique = [{ columns = [\"day\"], unless = { note = [] } }]\npartition = { by")),
        @"dataset, column order.note: `unless` lists no value; list one or take it out"
    );
    let unless = |values: &str| {
        let rule =
            format!("unique = [{{ columns = [\"day\"], unless = {{ note = {values} }} }}]\n");
        refused(|t| noted(t).replace("partition = { by", &format!("{rule}partition = {{ by")))
    };
    assert_snapshot!(unless(r#"["a\u0000"]"#), @"dataset, column order.note: `unless` lists a text with U+0000 in it, which no row has; take it out");
    assert_snapshot!(unless(&format!("{:?}", vec!["x".repeat(26); 40])), @"dataset, table order: `unless` of a unique rule lists 40 values of 1040 bytes in 1 column; it may list 100 of 1000 bytes in 16: shorten it, or take the rule out");
    assert_snapshot!(unless(&format!("{:?}", vec!["x"; 101])), @"dataset, table order: `unless` of a unique rule lists 101 values of 101 bytes in 1 column; it may list 100 of 1000 bytes in 16: shorten it, or take the rule out");
    let rules = r#"{ columns = ["day"] }, "#.repeat(33);
    assert_snapshot!(
        refused(|t| t.replace("partition = { by", &format!("unique = [{rules}]\npartition = {{ by"))),
        @"dataset, table order: has 33 unique rules; it may have 32: take some out"
    );
    assert_snapshot!(
        refused(|t| t.replace("min = 0", "min = \"low\"")),
        @r#"dataset, column line.price: `min`: "low" is not a value of type decimal(2)"#
    );
}

#[test]
fn lookups_of_both_forms_are_read_and_keep_their_own() {
    let with = |lookup: &str| {
        let toml = ORDERS.replace(
            "key = [\"id\"]",
            &format!("key = [\"id\"]\nlookup = {lookup}"),
        );
        Dataset::from_toml(&toml)
    };
    let (list, numbers) = (r#"["sent", "id"]"#, "{ id = 64, sent = 8 }");
    for (lookup, columns, json) in [
        (list, [2, 0], r#""lookup":["sent","id"]"#),
        (numbers, [0, 2], r#""lookup":{"id":64,"sent":8}"#),
    ] {
        let dataset = with(lookup).unwrap();
        assert_eq!(dataset.tables[TableId(1)].lookup, columns);
        assert!(
            dataset.canonical_json().contains(json),
            "{}",
            dataset.canonical_json()
        );
        let again = Dataset::from_json(dataset.canonical_json().as_bytes()).unwrap();
        assert_eq!(again.md5(), dataset.md5());
    }
    let refused = |lookup| with(lookup).unwrap_err().to_string();
    assert_snapshot!(refused(r#"["nope"]"#), @r#"dataset, table order: has no column "nope""#);
    assert_snapshot!(refused(r#"["id", "id"]"#), @r#"dataset, table order: names a column twice in ["id", "id"]"#);
    assert_snapshot!(refused("{ id = 0 }"), @"dataset, table order: a number of buckets is 1 to 4096, not 0");
    assert_snapshot!(refused("64"), @r#"
    the dataset cannot be read: TOML parse error at line 16, column 10
       |
    16 | lookup = 64
       |          ^^
    invalid type: integer `64`, expected a list of columns, `lookup = ["column"]`
    "#);
}

#[test]
fn groups_that_merge_together_are_checked() {
    let with = |groups: &str| {
        let key = format!("key = [\"id\"]\nmerge_together = {groups}");
        Dataset::from_toml(&ORDERS.replace("key = [\"id\"]", &key))
    };
    let dataset = with(r#"[["day", "sent"]]"#).unwrap();
    assert_eq!(dataset.tables[TableId(1)].merge_together, [[1, 2]]);
    let refused = |groups| with(groups).unwrap_err().to_string();
    assert_snapshot!(refused(r#"[["day"]]"#), @r#"dataset, table order: `merge_together` has a group ["day"]; a group has two columns or more"#);
    assert_snapshot!(refused(r#"[["day", "day"]]"#), @r#"dataset, table order: names a column twice in ["day", "day"]"#);
    assert_snapshot!(refused(r#"[["day", "later"]]"#), @r#"dataset, table order: has no column "later""#);
    assert_snapshot!(refused(r#"[["id", "day"]]"#), @"dataset, column order.id: is of the key, which never changes: take it out of `merge_together`");
    assert_snapshot!(refused(r#"[["day", "sent"], ["sent", "day"]]"#), @"dataset, column order.sent: is in two groups of `merge_together`");
}

#[test]
fn a_circle_of_parents_is_refused() {
    let circle = ORDERS.replace(
        "partition = { by = \"day\" }",
        "partition = { via = \"order\", on = \"id\" }",
    );
    assert_snapshot!(Dataset::from_toml(&circle).unwrap_err().to_string(), @"dataset, table line: its `via` chain runs in a circle");
}

#[test]
fn names_that_a_database_keeps_for_itself_are_refused() {
    assert_snapshot!(
        refused(|t| t.replace("\"price\"", "\"xmin\"")),
        @r#"dataset, column line.xmin: is a name that PostgreSQL keeps for itself; choose another, with source = "xmin""#
    );
    assert_snapshot!(
        refused(|t| t.replace("name = \"line\"", "name = \"json_each\"\nsource = \"Lines\"")),
        @r#"dataset, table json_each: is a name that SQLite keeps for itself; choose another, with source = "Lines""#
    );
    for table in ["sqlite_sequence", "pragma_table_info", "json_tree"] {
        let refused = refused(|t| t.replace("\"line\"", &format!("\"{table}\"")));
        assert!(
            refused.contains("that SQLite keeps for itself"),
            "{refused}"
        );
    }
    for column in ["tableoid", "cmin", "xmax", "cmax", "ctid"] {
        let refused = refused(|t| t.replace("\"no\"", &format!("\"{column}\"")));
        assert!(
            refused.contains("that PostgreSQL keeps for itself"),
            "{refused}"
        );
    }
}

/// A table of so many columns of a type, with this key.
fn wide(columns: usize, ty: &str, key: &str) -> Result<Dataset, DatasetError> {
    let columns: String = (0..columns)
        .map(|at| format!("{{ name = 'c{at}', type = '{ty}', not_null = true }},"))
        .collect();
    Dataset::from_toml(&format!(
        "name = 'd'\nversion = 1\n[[table]]\nname = 't'\nkey = [{key}]\n\
         partition = {{ buckets = 1 }}\ncolumn = [{columns}]"
    ))
}

#[test]
fn a_table_that_no_database_holds_is_refused() {
    let refused = |columns, ty, key: &str| wide(columns, ty, key).unwrap_err().to_string();
    assert!(wide(1_500, "text", "'c0'").is_ok() && wide(1_000, "int", "'c0'").is_ok());
    assert_snapshot!(refused(1_501, "text", "'c0'"), @"dataset, table t: has 1501 columns; declare 1 to 1500, or divide it: two views in the source, each with the key and some of the columns");
    assert_snapshot!(refused(1_020, "int", "'c0'"), @"dataset, table t: takes at least 8200 bytes a row in a page of PostgreSQL, which has 8160; declare fewer columns, or divide it: two views in the source, each with the key and some of the columns");
    let key: Vec<String> = (0..33).map(|at| format!("'c{at}'")).collect();
    assert_snapshot!(refused(40, "int", &key.join(", ")), @"dataset, table t: a key or unique rule may have at most 32 columns, not 33");
}

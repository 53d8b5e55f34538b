//! The scan's meaning, written down in the plainest way: everything in memory, every rule a loop.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::canonical_csv::{write_header, write_record};
use causeway_shared::dataset::{Dataset, Partitioning, Table, TableId};
use causeway_shared::ids::Part;
use causeway_shared::partition::own_part;
use causeway_shared::value::{Forms, Raw, Value, sort_key};

use super::super::judge::Judge;

/// A table's rows as its source holds them.
pub(super) type Rows = Vec<Vec<Option<String>>>;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// Canonical CSV by table and part.
    pub(super) parts: BTreeMap<(String, Part), String>,
    /// Refused rows by table.
    pub(super) refused: BTreeMap<TableId, u64>,
    /// Rows by table and column of a reference that dangles.
    pub(super) dangling: BTreeMap<(TableId, usize), u64>,
}

struct Row<'r> {
    part: Part,
    key: Vec<u8>,
    record: Vec<u8>,
    values: Vec<Value<'r>>,
}

pub(super) fn expected(dataset: &Dataset, source: &BTreeMap<TableId, Rows>) -> Expected {
    let mut expected = Expected::default();
    let mut committed: BTreeMap<TableId, Vec<Row<'static>>> = BTreeMap::new();
    for position in dataset.parents_first() {
        let (table, rows) = (&dataset.tables[position], &source[&position]);
        let mut good: Vec<Row<'static>> = rows
            .iter()
            .filter_map(|row| accepted(table, row, &committed))
            .collect();
        keep_first(
            &mut good,
            |row| Some(row.key.clone()),
            |row| row.record.clone(),
        );
        for unique in &table.unique {
            let shared = |row: &Row<'_>| {
                let exempt = unique.unless.iter().any(|(column, values)| {
                    matches!(&row.values[*column], Value::Text(t) if values.iter().any(|v| v == t))
                });
                let values: Vec<&Value<'_>> = unique
                    .columns
                    .iter()
                    .map(|column| &row.values[*column])
                    .collect();
                let free = exempt || values.iter().any(|value| value.is_null());
                (!free).then(|| sort_key(values))
            };
            keep_first(&mut good, shared, |row| row.key.clone());
        }
        expected
            .refused
            .insert(position, (rows.len() - good.len()) as u64);
        committed.insert(position, good);
    }
    for (position, rows) in &mut committed {
        rows.sort_by(|a, b| (a.part, &a.key).cmp(&(b.part, &b.key)));
        for row in &*rows {
            let table = &dataset.tables[*position];
            let csv = expected
                .parts
                .entry((table.name.to_string(), row.part))
                .or_insert_with(|| {
                    let mut header = Vec::new();
                    write_header(
                        table.columns.iter().map(|column| column.name.as_str()),
                        &mut header,
                    );
                    String::from_utf8(header).unwrap()
                });
            csv.push_str(std::str::from_utf8(&row.record).unwrap());
        }
    }
    for (position, rows) in &committed {
        for (column, declared) in dataset.tables[*position].columns.iter().enumerate() {
            let Some(target) = declared.references else {
                continue;
            };
            let keys: BTreeSet<&Vec<u8>> = committed[&target].iter().map(|row| &row.key).collect();
            let dangles = |row: &&Row<'_>| {
                !row.values[column].is_null() && !keys.contains(&sort_key([&row.values[column]]))
            };
            let count = rows.iter().filter(dangles).count() as u64;
            if count > 0 {
                expected.dangling.insert((*position, column), count);
            }
        }
    }
    expected
}

/// A row that is good in itself and has its parent.
fn accepted(
    table: &Table,
    row: &[Option<String>],
    committed: &BTreeMap<TableId, Vec<Row<'static>>>,
) -> Option<Row<'static>> {
    let raw: Vec<Raw<'_>> = row
        .iter()
        .map(|field| field.as_deref().map_or(Raw::Null, Raw::Text))
        .collect();
    let judge = Judge::new(table, Forms::default());
    let mut values = Vec::new();
    judge.row(&raw, &mut values).ok()?;
    let values: Vec<Value<'static>> = values.into_iter().map(Value::into_owned).collect();
    let part = match table.partition {
        Partitioning::Via { parent, on } => {
            let key = sort_key([&values[on]]);
            committed[&parent].iter().find(|row| row.key == key)?.part
        }
        _ => own_part(table, &values, &mut Vec::new())?,
    };
    let mut record = Vec::new();
    write_record(&values, &mut record);
    Some(Row {
        part,
        key: sort_key(table.key_of(&values)),
        record,
        values,
    })
}

/// Of the rows that share something keeps the one that comes first by an order.
fn keep_first<S: Ord, O: Ord>(
    rows: &mut Vec<Row<'static>>,
    shared: impl Fn(&Row<'_>) -> Option<S>,
    order: impl Fn(&Row<'_>) -> O,
) {
    rows.sort_by_key(&order);
    let mut seen = BTreeSet::new();
    rows.retain(|row| shared(row).is_none_or(|shared| seen.insert(shared)));
}

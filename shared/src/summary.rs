//! Counts and sums per partition, so that totals over all history need no row loaded.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::canonical_csv::write_value;
use crate::dataset::{MAX_COLUMNS, Table};
use crate::limits;
use crate::value::{Type, Value};

mod amount;

pub use amount::{Amount, Decimal};

/// Most values that are counted apart in one column of one partition.
pub const MAX_COUNTED_VALUES: usize = 256;

/// Longest value in bytes that is counted apart: counts are for people, and stand in each commit.
pub const MAX_COUNTED_BYTES: usize = 256;

/// Most bytes of a column's name.
const MAX_COLUMN_BYTES: usize = 63;

/// What a partition's rows add up to, per declared column.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Summary {
    /// Rows per value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[serde(deserialize_with = "limits::map::<MAX_COLUMNS, MAX_COLUMN_BYTES, _, _>")]
    pub count_by: BTreeMap<String, Counts>,
    /// Sums of numbers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[serde(deserialize_with = "limits::map::<MAX_COLUMNS, MAX_COLUMN_BYTES, _, _>")]
    pub sum: BTreeMap<String, Sum>,
}

/// Rows per value of one column.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Counts {
    /// Rows per value, in its canonical form.
    #[serde(deserialize_with = "counted_values")]
    pub values: BTreeMap<String, u64>,
    /// Rows without a value.
    #[serde(default, deserialize_with = "limits::count")]
    pub null: u64,
    /// Rows of the values past the first [`MAX_COUNTED_VALUES`] met, and of those longer than
    /// [`MAX_COUNTED_BYTES`].
    #[serde(default, skip_serializing_if = "is_zero")]
    #[serde(deserialize_with = "limits::count")]
    pub other: u64,
}

fn counted_values<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Count(#[serde(deserialize_with = "limits::count")] u64);

    let counted = limits::map::<MAX_COUNTED_VALUES, MAX_COUNTED_BYTES, Count, _>(from)?;
    let counted = counted.into_iter().map(|(value, count)| (value, count.0));
    Ok(counted.collect())
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde asks for"
)]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// The sum of one column.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sum {
    /// The sum of all values that are not NULL. Of integers and decimals it is exact; floats are
    /// added in key order within a partition, and in the catalog's order in a total.
    #[cfg_attr(feature = "openapi", schema(value_type = serde_json::Value))]
    pub sum: Amount,
    /// How many there are.
    #[serde(deserialize_with = "limits::count")]
    pub count: u64,
}

impl Sum {
    fn add(&mut self, sum: Amount, count: u64) {
        self.sum.add(sum);
        self.count = self.count.saturating_add(count);
    }
}

impl Summary {
    /// Adds another partition's summary, for totals. Values past the first [`MAX_COUNTED_VALUES`]
    /// count as others, so that the order of adding is the catalog's.
    pub fn add(&mut self, other: &Self) {
        for (column, theirs) in &other.count_by {
            let ours = self.count_by.entry(column.clone()).or_default();
            ours.null = ours.null.saturating_add(theirs.null);
            ours.other = ours.other.saturating_add(theirs.other);
            for (value, count) in &theirs.values {
                // A total over many partitions has the bound that each of them has.
                let is_full = ours.values.len() >= MAX_COUNTED_VALUES;
                let sum = match is_full && !ours.values.contains_key(value) {
                    true => &mut ours.other,
                    false => ours.values.entry(value.clone()).or_default(),
                };
                *sum = sum.saturating_add(*count);
            }
        }
        for (column, theirs) in &other.sum {
            let ours = self.sum.entry(column.clone()).or_default();
            ours.add(theirs.sum, theirs.count);
        }
    }

    /// The rows with a value in a counted column; 0 where nothing was counted.
    #[must_use]
    pub fn count(&self, column: &str, value: &str) -> u64 {
        self.count_by
            .get(column)
            .and_then(|c| c.values.get(value))
            .copied()
            .unwrap_or(0)
    }
}

/// A summary while its partition's rows pass by.
#[derive(Debug)]
pub struct SummaryBuilder {
    counted: Vec<Counted>,
    summed: Vec<(usize, Sum)>,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Counted {
    column: usize,
    /// Few values, so a search from the front beats a hash.
    values: Vec<(Vec<u8>, u64)>,
    null: u64,
    other: u64,
}

impl SummaryBuilder {
    /// An empty one for a table.
    #[must_use]
    pub fn new(table: &Table) -> Self {
        let counted = |column: &usize| Counted {
            column: *column,
            values: Vec::new(),
            null: 0,
            other: 0,
        };
        Self {
            counted: table.summary.count_by.iter().map(counted).collect(),
            summed: table
                .summary
                .sum
                .iter()
                .map(|column| (*column, nothing(table.columns[*column].ty)))
                .collect(),
            scratch: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn add(&mut self, row: &[Value<'_>]) {
        for counted in &mut self.counted {
            self.scratch.clear();
            write_value(&row[counted.column], &mut self.scratch);
            if row[counted.column].is_null() {
                counted.null += 1;
            } else if let Some((_, n)) = counted.values.iter_mut().find(|v| v.0 == self.scratch) {
                *n += 1;
            } else if counted.values.len() < MAX_COUNTED_VALUES
                && self.scratch.len() <= MAX_COUNTED_BYTES
            {
                counted.values.push((self.scratch.clone(), 1));
            } else {
                counted.other += 1;
            }
        }
        for (column, sum) in &mut self.summed {
            if let Some(value) = Amount::of(&row[*column]) {
                sum.add(value, 1);
            }
        }
    }

    /// The summary of the rows added, leaving the builder empty for the next partition.
    pub fn finish(&mut self, table: &Table) -> Summary {
        let name = |column: usize| table.columns[column].name.to_string();
        let count_by = self.counted.iter_mut().map(|counted| {
            let values = counted
                .values
                .drain(..)
                .map(|(value, n)| (String::from_utf8_lossy(&value).into_owned(), n))
                .collect();
            let counts = Counts {
                values,
                null: std::mem::take(&mut counted.null),
                other: std::mem::take(&mut counted.other),
            };
            (name(counted.column), counts)
        });
        let sum = self.summed.iter_mut().map(|(column, sum)| {
            let empty = nothing(table.columns[*column].ty);
            (name(*column), std::mem::replace(sum, empty))
        });
        Summary {
            count_by: count_by.collect(),
            sum: sum.collect(),
        }
    }
}

/// The sum of no values of a type.
fn nothing(ty: Type) -> Sum {
    let sum = match ty {
        Type::Decimal(scale) => Amount::Exact(Decimal::new(0, scale)),
        Type::Float => Amount::Float(0.0),
        _ => Amount::default(),
    };
    Sum { sum, count: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of an int `id` and a column `x`, of which a summary is made.
    fn table(summary: &str, ty: &str) -> Table {
        let dataset = format!(
            r#"
            name = "t"
            version = 1
            [[table]]
            name = "t"
            key = ["id"]
            partition = {{ buckets = 1 }}
            summary = {{ {summary} = ["x"] }}
            column = [{{ name = "id", type = "int" }}, {{ name = "x", type = "{ty}" }}]
            "#
        );
        let dataset = crate::dataset::Dataset::from_toml(&dataset).unwrap();
        dataset.tables[crate::dataset::TableId(0)].clone()
    }

    #[test]
    fn values_without_end_are_counted_together() {
        let table = table("count_by", "text");
        let mut builder = SummaryBuilder::new(&table);
        for length in [256, 257, 258] {
            builder.add(&[Value::Int(1), Value::Text("x".repeat(length).into())]);
        }
        let counts = &builder.finish(&table).count_by["x"];
        assert_eq!((counts.values.len(), counts.other), (1, 2));
    }

    #[test]
    fn a_total_counts_no_more_values_apart_than_a_partition_does() {
        let of = |values: std::ops::Range<u64>| Summary {
            count_by: BTreeMap::from([(
                "x".to_owned(),
                Counts {
                    values: values.map(|value| (format!("{value:03}"), 2)).collect(),
                    ..Counts::default()
                },
            )]),
            ..Summary::default()
        };
        let mut total = of(0..200);
        total.add(&of(100..300));
        let counts = &total.count_by["x"];
        assert_eq!((counts.values.len(), counts.other), (256, 44 * 2));
        assert_eq!((total.count("x", "150"), total.count("x", "299")), (4, 0));
    }

    #[test]
    fn sums_are_as_exact_as_their_columns() {
        let json = |ty: &str, values: &[Value<'_>]| {
            let table = table("sum", ty);
            let mut builder = SummaryBuilder::new(&table);
            for value in values {
                builder.add(&[Value::Int(1), value.clone()]);
            }
            serde_json::to_string(&builder.finish(&table).sum["x"]).unwrap()
        };
        let big = Value::Int(4_611_686_018_427_387_905);
        assert_eq!(
            json("int", &[big.clone(), big, Value::Null]),
            r#"{"sum":"9223372036854775810","count":2}"#
        );
        let tenth = Value::Decimal(10, 2);
        assert_eq!(
            json("decimal(2)", &[tenth.clone(), tenth.clone(), tenth]),
            r#"{"sum":"0.30","count":3}"#
        );
        assert_eq!(json("decimal(2)", &[]), r#"{"sum":"0.00","count":0}"#);
        assert_eq!(json("float", &[]), r#"{"sum":0.0,"count":0}"#);
    }

    #[test]
    fn a_sum_past_the_largest_float_can_be_read_again() {
        let table = table("sum", "float");
        let mut builder = SummaryBuilder::new(&table);
        for id in 0..2 {
            builder.add(&[Value::Int(id), Value::Float(f64::MAX)]);
        }
        let summary = builder.finish(&table);
        let json = serde_json::to_string(&summary).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
    }
}

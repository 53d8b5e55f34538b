//! Which partition a row belongs to.

use crate::canonical_csv::write_record;
use crate::dataset::{Partitioning, Table};
use crate::ids::Part;
use crate::value::Value;

/// The part that a row's own values give: by date, by the date of a timestamp, or by bucket. `None`
/// for a table that is partitioned `via` a parent (its rows are where the parent's are), and for a
/// row without a date.
#[must_use]
pub fn own_part(table: &Table, row: &[Value<'_>], scratch: &mut Vec<u8>) -> Option<Part> {
    match table.partition {
        Partitioning::By { column } => match row[column] {
            Value::Date(date) => Some(Part::Date(date)),
            // The value is local to the site's zone, and so is its date.
            Value::Timestamp(timestamp) => Some(Part::Date(timestamp.date())),
            _ => None,
        },
        Partitioning::Buckets { count } => Some(Part::Bucket(
            bucket(table.key_of(row), count, scratch),
            count,
        )),
        Partitioning::Via { .. } => None,
    }
}

/// The bucket of some values: the first four bytes, big-endian, of the MD5 of their canonical CSV
/// record without its line end, modulo the number of buckets. `scratch` saves an allocation.
pub fn bucket<'v, 'a: 'v>(
    values: impl IntoIterator<Item = &'v Value<'a>>,
    count: u32,
    scratch: &mut Vec<u8>,
) -> u32 {
    scratch.clear();
    write_record(values, scratch);
    scratch.pop();
    let [a, b, c, d, ..] = md5::compute(&scratch).0;
    u32::from_be_bytes([a, b, c, d]) % count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, TableId};

    #[test]
    fn a_timestamp_is_in_the_part_of_its_date() {
        let toml = "name = 't'\nversion = 1\n[[table]]\nname = 't'\nkey = ['at']\n\
            partition = { by = 'at' }\ncolumn = [{ name = 'at', type = 'timestamp', not_null = true }]";
        let dataset = Dataset::from_toml(toml).unwrap();
        let part = |text: &str| {
            let value = Value::Timestamp(text.parse().unwrap());
            own_part(&dataset.tables[TableId(0)], &[value], &mut Vec::new())
                .map(|part| part.to_string())
        };
        assert_eq!(
            part("2025-11-28T00:00:00").as_deref(),
            Some("dt=2025-11-28")
        );
        assert_eq!(
            part("2025-11-28T23:59:59.999999").as_deref(),
            Some("dt=2025-11-28")
        );
        assert_eq!(
            own_part(&dataset.tables[TableId(0)], &[Value::Null], &mut Vec::new()),
            None
        );
    }

    #[test]
    fn buckets_of_known_keys() {
        let name = |values: &[Value<'_>], of| {
            Part::Bucket(bucket(values, of, &mut Vec::new()), of).to_string()
        };
        assert_eq!(name(&[Value::Text("fb-777".into())], 16), "b=13of16");
        assert_eq!(
            name(&[Value::Int(12), Value::Text("fb-777".into())], 4),
            "b=1of4"
        );
        assert_eq!(name(&[Value::Int(7)], 1), "b=0of1");
    }
}

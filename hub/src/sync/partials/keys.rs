//! Which values a partition may hold in its table's lookup columns.
//!
//! Of each column a sorted list of hashes, cut to two, three or four bytes: as few as keep the chance
//! that a value is taken for one of the partition's below 1 in 4096 (with more than a million values,
//! below n / 2³²). A day of 274 appointments takes 3 bytes a value, and errs once in 61 000.

use causeway_shared::canonical_csv::Field;
use causeway_shared::dataset::Table;
use causeway_shared::ids::Md5;

/// Changes with the form of the body.
const FORMAT: u8 = 1;
/// Of a column's head: the width of a hash, and how many there are.
const HEAD: usize = 1 + 4;

/// Made of a partition's merged rows.
#[derive(Debug)]
pub(in crate::sync) struct KeyFilterBuilder<'t> {
    table: &'t Table,
    columns: Vec<Vec<u32>>,
}

impl<'t> KeyFilterBuilder<'t> {
    pub(in crate::sync) fn new(table: &'t Table) -> Self {
        Self {
            table,
            columns: vec![Vec::new(); table.lookup.len()],
        }
    }

    pub(in crate::sync) fn add(&mut self, row: &[Field<'_>]) {
        for (column, hashes) in self.table.lookup.iter().zip(&mut self.columns) {
            if let Some(text) = row.get(*column).and_then(|field| field.as_deref()) {
                hashes.push(hash(text));
            }
        }
    }

    pub(in crate::sync) fn finish(self) -> Vec<u8> {
        let mut body = vec![FORMAT];
        for mut hashes in self.columns {
            hashes.sort_unstable();
            hashes.dedup();
            let width = width(hashes.len());
            let cut = hashes.iter().map(|hash| hash >> (32 - 8 * width));
            let mut cut: Vec<u32> = cut.collect();
            cut.dedup();
            body.push(u8::try_from(width).unwrap_or(4));
            // A partition's rows are counted in less.
            body.extend(u32::try_from(cut.len()).unwrap_or(u32::MAX).to_be_bytes());
            for hash in cut {
                body.extend(&hash.to_be_bytes()[4 - width..]);
            }
        }
        body
    }
}

/// Read from a partial's body.
#[derive(Debug, Clone, Copy)]
pub(in crate::sync) struct KeyFilter<'b> {
    width: usize,
    /// In order.
    hashes: &'b [u8],
}

impl<'b> KeyFilter<'b> {
    /// The filter of one of a table's lookup columns; `None` where the body is none of this form.
    pub(in crate::sync) fn of(body: &'b [u8], table: &Table, column: usize) -> Option<Self> {
        let place = table.lookup.iter().position(|lookup| *lookup == column)?;
        let (format, mut rest) = body.split_first()?;
        if *format != FORMAT {
            return None;
        }
        for at in 0..=place {
            let (head, hashes) = rest.split_at_checked(HEAD)?;
            let width = usize::from(head[0]);
            let count = u32::from_be_bytes(head[1..].try_into().ok()?);
            let bytes = usize::try_from(count).ok()?.checked_mul(width)?;
            let (hashes, next) = hashes.split_at_checked(bytes)?;
            if at == place {
                return (1..=4).contains(&width).then_some(Self { width, hashes });
            }
            rest = next;
        }
        None
    }

    /// Whether the partition may hold a value. It holds none for which this is false.
    pub(in crate::sync) fn may_hold(&self, text: &str) -> bool {
        let hash = hash(text) >> (32 - 8 * self.width);
        let hash = &hash.to_be_bytes()[4 - self.width..];
        let (mut low, mut high) = (0, self.hashes.len() / self.width);
        while low < high {
            let middle = low + (high - low) / 2;
            let at = middle * self.width;
            match self.hashes[at..at + self.width].cmp(hash) {
                std::cmp::Ordering::Equal => return true,
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        false
    }
}

/// Bytes of a hash among this many.
fn width(values: usize) -> usize {
    match values {
        0..=16 => 2,
        17..=4096 => 3,
        _ => 4,
    }
}

/// The same on every machine and in every version.
fn hash(text: &str) -> u32 {
    let Md5([a, b, c, d, ..]) = Md5::of(text.as_bytes());
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use causeway_shared::dataset::Dataset;

    use super::*;

    fn filter_of(rows: &[(&str, &str)]) -> (Dataset, Vec<u8>) {
        let dataset = Dataset::meetassist().unwrap();
        let table = dataset.table("appointment").unwrap();
        let mut builder = KeyFilterBuilder::new(table);
        for (id, customer) in rows {
            let fields = [Some(*id), None, Some(*customer)];
            builder.add(&fields.map(|field| field.map(Cow::Borrowed)));
        }
        let body = builder.finish();
        (dataset, body)
    }

    fn may_hold((dataset, body): &(Dataset, Vec<u8>), column: &str, text: &str) -> bool {
        let table = dataset.table("appointment").unwrap();
        let column = table.column(column).unwrap();
        KeyFilter::of(body, table, column).unwrap().may_hold(text)
    }

    #[test]
    fn no_value_is_overlooked_and_few_are_taken_for_one() {
        for rows in [1_u32, 16, 17, 274, 4_096, 4_097, 20_000] {
            let ids: Vec<String> = (0..rows).map(|id| id.to_string()).collect();
            let rows: Vec<(&str, &str)> = ids.iter().map(|id| (&**id, "c1")).collect();
            let filter = filter_of(&rows);
            assert!(ids.iter().all(|id| may_hold(&filter, "appointmentid", id)));
            assert!(may_hold(&filter, "customerid", "c1"));
            assert!(!may_hold(&filter, "customerid", "c2"));
            let strangers = (0..40_960).map(|id| format!("x{id}"));
            let taken = strangers.filter(|id| may_hold(&filter, "appointmentid", id));
            assert!(taken.count() <= 30, "{} rows", rows.len());
        }
    }

    #[test]
    fn a_day_takes_three_bytes_a_value() {
        let ids: Vec<String> = (0..274).map(|id| id.to_string()).collect();
        let rows: Vec<(&str, &str)> = ids.iter().map(|id| (&**id, &**id)).collect();
        assert_eq!(filter_of(&rows).1.len(), 1 + 2 * (HEAD + 3 * 274));
    }

    #[test]
    fn another_body_is_no_filter() {
        let (dataset, body) = filter_of(&[("1", "c1")]);
        let table = dataset.table("appointment").unwrap();
        let customer = table.column("customerid").unwrap();
        for end in 0..body.len() {
            assert!(KeyFilter::of(&body[..end], table, customer).is_none());
        }
        let mut other = body;
        other[0] = 9;
        assert!(KeyFilter::of(&other, table, customer).is_none());
        // No lookup column.
        assert!(KeyFilter::of(&other, table, table.column("status").unwrap()).is_none());
    }
}

//! A row as the sorter holds it.
//!
//! Its key is its part (four bytes) and then its own key in sort form; its payload the number
//! that tells it from other rows, the places of the fields that are looked at again when the row
//! is written (summarised columns and references), and its canonical record.

use std::io;

use causeway_shared::dataset::{Dataset, Partitioning, Table, TableId};
use causeway_shared::ids::Part;
use jiff::civil::Date;

use super::record::Fields;

/// A part in a form that sorts as parts do, within one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartCode(pub(super) [u8; 4]);

impl PartCode {
    pub(super) fn new(part: Part) -> Self {
        Self(match part {
            Part::Bucket(index, _) => index.to_be_bytes(),
            Part::Date(date) => {
                // Years are 1900–2199, so the sign never matters.
                let [high, low] = date.year().to_be_bytes();
                [
                    high,
                    low,
                    date.month().unsigned_abs(),
                    date.day().unsigned_abs(),
                ]
            }
        })
    }

    /// The part, in a table whose parts are dates (`None`) or so many buckets.
    pub(super) fn part(self, buckets: Option<u32>) -> io::Result<Part> {
        if let Some(count) = buckets {
            return Ok(Part::Bucket(u32::from_be_bytes(self.0), count));
        }
        let [high, low, month, day] = self.0;
        let part = || {
            let year = i16::from_be_bytes([high, low]);
            Date::new(year, month.try_into().ok()?, day.try_into().ok()?)
                .ok()
                .map(Part::Date)
        };
        part().ok_or_else(damaged)
    }
}

/// How many buckets a table's parts are (its own or its root's); `None`: they are dates.
pub(super) fn buckets(dataset: &Dataset, table: TableId) -> Option<u32> {
    match dataset.tables[dataset.root(table)].partition {
        Partitioning::Buckets { count } => Some(count),
        _ => None,
    }
}

/// A temporary file that does not hold what was written to it.
pub(super) fn damaged() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "a temporary file has been damaged",
    )
}

/// Cuts a sorter's key into the part and the row's own key.
pub(super) fn split_key(key: &[u8]) -> io::Result<(PartCode, &[u8])> {
    let (part, own) = key.split_first_chunk().ok_or_else(damaged)?;
    Ok((PartCode(*part), own))
}

/// A stored row's payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored<'r> {
    /// What tells it from the table's other rows, as the source numbers them.
    pub(super) at: u64,
    /// The places of the kept fields, eight bytes each.
    spans: &'r [[u8; 8]],
    /// Its canonical record, with its line end.
    pub(super) record: &'r [u8],
}

impl<'r> Stored<'r> {
    /// Reads a payload.
    pub(super) fn read(payload: &'r [u8]) -> io::Result<Self> {
        let parts = || {
            let (at, rest) = payload.split_first_chunk()?;
            let (spans, rest) = rest.split_first_chunk()?;
            let spans_bytes = usize::from(u16::from_le_bytes(*spans)) * 8;
            let (spans, record) = rest.split_at_checked(spans_bytes)?;
            Some(Self {
                at: u64::from_le_bytes(*at),
                spans: spans.as_chunks().0,
                record,
            })
        };
        parts().ok_or_else(damaged)
    }

    /// The kept fields, in the order of [`Kept::columns`].
    pub(super) fn kept(&self) -> impl Iterator<Item = &'r [u8]> {
        let record = self.record;
        self.spans.iter().map(move |[a, b, c, d, e, f, g, h]| {
            let start = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            let bytes = u32::from_le_bytes([*e, *f, *g, *h]) as usize;
            record.get(start..start + bytes).unwrap_or_default()
        })
    }
}

/// Columns whose fields are looked at again when a row is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept(Vec<usize>);

impl Kept {
    /// The columns of a table's summary, and of the references that are to be judged.
    pub(super) fn new(table: &Table, references: impl Iterator<Item = usize>) -> Self {
        let summary = &table.summary;
        let mut columns: Vec<usize> = summary
            .count_by
            .iter()
            .chain(&summary.sum)
            .copied()
            .chain(references)
            .collect();
        columns.sort_unstable();
        columns.dedup();
        Self(columns)
    }

    /// The columns, ascending.
    pub(super) fn columns(&self) -> &[usize] {
        &self.0
    }

    /// Writes a row's payload.
    pub(super) fn write(&self, at: u64, fields: Fields<'_>, payload: &mut Vec<u8>) {
        // A table has at most 1 500 columns.
        let count = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
        payload.clear();
        payload.extend_from_slice(&at.to_le_bytes());
        payload.extend_from_slice(&count.to_le_bytes());
        for column in &self.0 {
            let (start, bytes) = fields.span(*column);
            payload.extend_from_slice(&start.to_le_bytes());
            payload.extend_from_slice(&bytes.to_le_bytes());
        }
        payload.extend_from_slice(fields.record());
    }
}

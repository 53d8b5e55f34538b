//! A row as one canonical CSV record, and where in it each field is.

use std::borrow::Cow;

use causeway_shared::canonical_csv::write_value;
use causeway_shared::value::Value;

/// A record being written or taken apart; its memory is kept from row to row.
#[derive(Debug, Default)]
pub(super) struct CanonicalRecord {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

/// A record's fields in canonical form, quotes included. Two values of a column are equal exactly
/// when these bytes are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'r> {
    record: &'r [u8],
    /// Where each field ends.
    ends: &'r [u32],
}

impl CanonicalRecord {
    /// Writes a row.
    pub(super) fn write(&mut self, row: &[Value<'_>]) -> Fields<'_> {
        self.bytes.clear();
        self.ends.clear();
        for value in row {
            write_value(value, &mut self.bytes);
            self.ends.push(offset(self.bytes.len()));
            self.bytes.push(b',');
        }
        if let Some(end) = self.bytes.last_mut() {
            *end = b'\n';
        }
        Fields {
            record: &self.bytes,
            ends: &self.ends,
        }
    }

    /// Finds the fields of a record that was written here before.
    pub(super) fn read<'r>(&'r mut self, record: &'r [u8]) -> Fields<'r> {
        self.ends.clear();
        let mut quoted = false;
        for (at, byte) in record.iter().enumerate() {
            match byte {
                b'"' => quoted = !quoted,
                b',' | b'\n' if !quoted => self.ends.push(offset(at)),
                _ => {}
            }
        }
        Fields {
            record,
            ends: &self.ends,
        }
    }
}

/// A place in a record. The most and longest columns that there can be stay far below 4 GiB.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl<'r> Fields<'r> {
    /// The whole record, with its line end.
    pub(super) fn record(&self) -> &'r [u8] {
        self.record
    }

    /// Where a column's field begins, and its length.
    pub(super) fn span(&self, column: usize) -> (u32, u32) {
        let start = column
            .checked_sub(1)
            .map_or(0, |before| self.ends[before] + 1);
        (start, self.ends[column] - start)
    }

    /// A column's field; empty is NULL.
    pub(super) fn get(&self, column: usize) -> &'r [u8] {
        let (start, bytes) = self.span(column);
        &self.record[start as usize..][..bytes as usize]
    }

    /// The fields of some columns as one record without its line end.
    pub(super) fn write_of(&self, columns: &[usize], out: &mut Vec<u8>) {
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(self.get(*column));
        }
    }

    /// The same as text, to show.
    pub(super) fn show_of(&self, columns: &[usize]) -> String {
        let mut shown = Vec::new();
        self.write_of(columns, &mut shown);
        String::from_utf8_lossy(&shown).into_owned()
    }
}

/// The text in a field; `None` for NULL.
pub(super) fn text_of(field: &[u8]) -> Option<Cow<'_, str>> {
    match field {
        [] => None,
        [b'"', inner @ .., b'"'] => {
            let inner = String::from_utf8_lossy(inner);
            Some(if inner.contains("\"\"") {
                inner.replace("\"\"", "\"").into()
            } else {
                inner
            })
        }
        plain => Some(String::from_utf8_lossy(plain)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_found(
            texts in prop::collection::vec(prop::option::of("[a,\"\n\r \\\\.é]{0,6}"), 1..6)
        ) {
            let row: Vec<Value<'_>> = texts.iter()
                .map(|text| text.as_deref().map_or(Value::Null, |text| Value::Text(text.into())))
                .collect();
            let (mut written, mut read) = (CanonicalRecord::default(), CanonicalRecord::default());
            let written = written.write(&row);
            let read = read.read(written.record());
            for (column, text) in texts.iter().enumerate() {
                prop_assert_eq!(written.get(column), read.get(column));
                let found = text_of(read.get(column));
                prop_assert_eq!(found.as_deref(), text.as_deref());
            }
        }
    }
}

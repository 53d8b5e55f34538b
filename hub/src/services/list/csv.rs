//! Rows as CSV for people: UTF-8 with a BOM, and no cell that a spreadsheet would compute.

use causeway_shared::canonical_csv::{write_header, write_record};
use causeway_shared::spreadsheet::guarded;
use causeway_shared::value::Value;

use crate::services::record::{Columns, Record};

/// How Excel knows UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What a file begins with.
pub(super) fn header(columns: Columns) -> Vec<u8> {
    let mut out = BYTE_ORDER_MARK.to_vec();
    write_header(["site"].into_iter().chain(Record::names(columns)), &mut out);
    out
}

/// A whole file of other values.
pub(in crate::services) fn table(columns: &[String], rows: &[Vec<Value<'static>>]) -> Vec<u8> {
    let mut out = BYTE_ORDER_MARK.to_vec();
    let names: Vec<_> = columns.iter().map(|name| guarded(name)).collect();
    write_header(names.iter().map(|name| &**name), &mut out);
    for row in rows {
        let values: Vec<Value<'_>> = row.iter().map(cell).collect();
        write_record(&values, &mut out);
    }
    out
}

pub(super) fn rows(records: &[Record]) -> Vec<u8> {
    let mut out = Vec::new();
    for record in records {
        let site = Value::Text(record.site.as_str().into());
        let values: Vec<Value<'_>> = record.values().iter().map(cell).collect();
        write_record([&site].into_iter().chain(&values), &mut out);
    }
    out
}

fn cell<'v>(value: &'v Value<'static>) -> Value<'v> {
    match value {
        Value::Text(text) => Value::Text(guarded(text)),
        other => other.clone(),
    }
}

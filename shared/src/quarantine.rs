//! The stored form of a table's refused rows, for people and for the hub.
//!
//! Canonical CSV with the columns of [`COLUMNS`], the newest first. Only so many rows are listed;
//! every line says how many are refused in all. A table without refused rows has no file.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::canonical_csv::{Field, Malformed, RecordSplitter, split_fields, write_record};
use crate::limits::{MAX_COUNT, cut, truncated};
use crate::runtime::program::count;
use crate::spreadsheet::{guarded, unguarded};
use crate::value::Value;

/// The columns, in order. `total` is the table's, the same on every line.
pub const COLUMNS: [&str; 7] = [
    "since", "source", "place", "column", "reason", "row", "total",
];

/// Most rows of a table that are listed.
pub const MAX_ROWS: usize = 1_000;

/// Most bytes of a file that a reader takes. The fields are shortened where they arise, to a few
/// hundred characters each.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Most characters of a field that a reader keeps; agents shorten theirs to less.
const MAX_FIELD_CHARS: usize = 4_000;

/// The refused rows of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefusedRows {
    /// All of them, listed or not.
    pub total: u64,
    /// Those that are listed, the newest first.
    pub listed: Vec<RefusedRow>,
}

/// A refused row.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusedRow {
    /// When the agent first listed it.
    pub since: Timestamp,
    /// The file that holds it.
    pub source: String,
    /// Where in that file: its key or its line.
    pub place: String,
    /// The column that does not fit, if it is one.
    pub column: Option<String>,
    /// Why it is refused.
    pub reason: String,
    /// Its fields, shortened.
    pub row: String,
}

/// A file that does not hold refused rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {record}: {problem}")]
pub struct QuarantineFormatError {
    /// The record, from 0, the header's number.
    pub record: u64,
    /// What is wrong with it.
    pub problem: String,
}

impl From<Malformed> for QuarantineFormatError {
    fn from(Malformed { record, problem }: Malformed) -> Self {
        Self {
            record,
            problem: problem.to_owned(),
        }
    }
}

impl RefusedRows {
    /// The file's bytes; `None` where no row is refused, and no file is to be.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        if self.total == 0 {
            return None;
        }
        let mut csv = Vec::new();
        write_record(&COLUMNS.map(text), &mut csv);
        let total = self.total.to_string();
        for row in self.listed.iter().take(MAX_ROWS) {
            let since = row.since.to_string();
            let column = row.column.as_deref().map_or(Value::Null, text);
            let [source, place, reason, fields] = [&row.source, &row.place, &row.reason, &row.row]
                .map(|field| Value::Text(guarded(field)));
            write_record(
                &[
                    text(&since),
                    source,
                    place,
                    column,
                    reason,
                    fields,
                    text(&total),
                ],
                &mut csv,
            );
        }
        // A table whose rows had no room in the list still says how many they are.
        if self.listed.is_empty() {
            let mut fields = [const { Value::Null }; COLUMNS.len()];
            fields[COLUMNS.len() - 1] = text(&total);
            write_record(&fields, &mut csv);
        }
        Some(csv)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`QuarantineFormatError`]
    pub fn decode(csv: &[u8]) -> Result<Self, QuarantineFormatError> {
        let mut read = Self::default();
        let mut splitter = RecordSplitter::default();
        splitter.push(csv, |record, bytes| {
            read.take(record, bytes)
                .map_err(|problem| QuarantineFormatError { record, problem })
        })?;
        splitter.finish()?;
        Ok(read)
    }

    fn take(&mut self, record: u64, bytes: &[u8]) -> Result<(), String> {
        let mut fields = Vec::new();
        split_fields(bytes, &mut fields)?;
        let fields: [Field<'_>; COLUMNS.len()] = fields
            .try_into()
            .map_err(|fields: Vec<_>| format!("it has {}", count(fields.len() as u64, "field")))?;
        if record == 0 {
            let is_header = fields.iter().map(Option::as_deref).eq(COLUMNS.map(Some));
            return is_header
                .then_some(())
                .ok_or_else(|| "it is not the header".to_owned());
        }
        let [since, source, place, column, reason, row, total] =
            fields.map(|field| field.map(Cow::into_owned));
        let total = total.unwrap_or_default();
        let number = total.parse().ok().filter(|total| *total <= MAX_COUNT);
        self.total = number.ok_or_else(|| format!("{:?} is no total", cut(&total)))?;
        let Some(since) = since else { return Ok(()) };
        let kept = |field: String| truncated(unguarded(&field).to_owned(), MAX_FIELD_CHARS);
        let text = |field: Option<String>| field.map(kept).unwrap_or_default();
        let listed = RefusedRow {
            since: since
                .parse()
                .map_err(|error| format!("{:?}: {}", cut(&since), cut(error)))?,
            source: text(source),
            place: text(place),
            column: column.map(kept),
            reason: text(reason),
            row: text(row),
        };
        if self.listed.len() == MAX_ROWS {
            return Err(format!("more than {MAX_ROWS} rows are listed"));
        }
        self.listed.push(listed);
        Ok(())
    }
}

fn text(field: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(field))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn row(since: i64, reason: &str) -> RefusedRow {
        RefusedRow {
            since: Timestamp::from_second(since).unwrap(),
            source: "csv/visit.csv".into(),
            place: "line 3".into(),
            column: Some("day".into()),
            reason: reason.into(),
            row: "3,,\"x\"".into(),
        }
    }

    #[test]
    fn the_newest_row_comes_first_and_each_line_has_the_total() {
        let rows = RefusedRows {
            total: 12,
            listed: vec![row(1_764_297_000, "a,b"), row(0, "c")],
        };
        let csv = rows.encode().unwrap();
        assert_snapshot!(String::from_utf8_lossy(&csv), @r#"
        since,source,place,column,reason,row,total
        2025-11-28T02:30:00Z,csv/visit.csv,line 3,day,"a,b","3,,""x""",12
        1970-01-01T00:00:00Z,csv/visit.csv,line 3,day,c,"3,,""x""",12
        "#);
        assert_eq!(RefusedRows::decode(&csv), Ok(rows));
    }

    #[test]
    fn a_cell_that_looks_like_a_formula_is_no_formula() {
        let rows = RefusedRows {
            total: 1,
            listed: vec![RefusedRow {
                source: "=1.csv".into(),
                place: "key @x".into(),
                reason: "'=' is not a value of type int".into(),
                row: "=HYPERLINK(\"https://x\"),2".into(),
                ..row(0, "")
            }],
        };
        let csv = rows.encode().unwrap();
        assert_snapshot!(String::from_utf8_lossy(&csv), @r#"
        since,source,place,column,reason,row,total
        1970-01-01T00:00:00Z,'=1.csv,key @x,day,''=' is not a value of type int,"'=HYPERLINK(""https://x""),2",1
        "#);
        assert_eq!(RefusedRows::decode(&csv), Ok(rows));
    }

    #[test]
    fn a_total_needs_no_row() {
        let rows = RefusedRows {
            total: 7,
            listed: vec![],
        };
        assert_eq!(RefusedRows::decode(&rows.encode().unwrap()), Ok(rows));
        assert_eq!(RefusedRows::default().encode(), None);
    }

    #[test]
    fn a_field_without_end_is_shortened() {
        let header = COLUMNS.join(",");
        let long = "é".repeat(1_000_000);
        let csv = format!("{header}\n2025-11-28T02:30:00Z,a.csv,line 3,,no,{long},1\n");
        let read = RefusedRows::decode(csv.as_bytes()).unwrap();
        assert_eq!(read.listed[0].row, "é".repeat(4_000) + "…");
    }

    #[test]
    fn other_files_are_refused() {
        let refusal = |csv: &str| RefusedRows::decode(csv.as_bytes()).unwrap_err().to_string();
        assert_snapshot!(refusal("id,name\n"), @"record 0: it has 2 fields");
        assert_snapshot!(refusal("since,source,place,column,reason,row,sum\n"), @"record 0: it is not the header");
        let header = COLUMNS.join(",");
        assert_snapshot!(refusal(&format!("{header}\nnow,a,b,c,d,e,1\n")), @r#"record 1: "now": expected four digit year (or leading sign for six digit year), but found end of input"#);
        assert_snapshot!(refusal(&format!("{header}\n,,,,,,many\n")), @r#"record 1: "many" is no total"#);
        assert_snapshot!(refusal(&format!("{header}\n,,,,,,18446744073709551615\n")), @r#"record 1: "18446744073709551615" is no total"#);
        assert_snapshot!(refusal(&format!("{header}\n,,,,,,\"1\n")), @"record 1: the data ends inside it");
    }
}

//! The rows in which two versions of one partition differ, by their keys.

use std::collections::VecDeque;
use std::io::{self, Read};

use causeway_shared::canonical_csv::{Malformed, RecordSplitter, split_fields};
use causeway_shared::dataset::Table;
use causeway_shared::row_diff::{self, RowDiff, RowDifferences};
use causeway_shared::value::{Forms, Raw, parse};

/// Most rows that are named.
const NAMED: usize = 5;

const CHUNK_BYTES: usize = 64 * 1024;

/// Tells which rows differ between the source and the object.
///
/// # Errors
/// Where one of them cannot be read as the table's CSV.
pub(super) fn differing_rows(
    table: &Table,
    source: impl Read,
    object: impl Read,
) -> io::Result<String> {
    let mut source = Rows::new(table, source)?;
    let mut object = Rows::new(table, object)?;
    let mut differences = RowDifferences::naming(NAMED);
    loop {
        source.fill()?;
        object.fill()?;
        let by_key = |ours: &Row, theirs: &Row| ours.order.cmp(&theirs.order);
        let (row, how) = match row_diff::next(&mut source.rows, &mut object.rows, by_key) {
            None => return Ok(words(source.header != object.header, &differences)),
            Some(RowDiff::Same) => continue,
            Some(RowDiff::Left(row)) => (row, "only in the source"),
            Some(RowDiff::Right(row)) => (row, "only in the object"),
            Some(RowDiff::Differs(row, _)) => (row, "differs"),
        };
        differences.add(|| format!("{} {how}", row.key));
    }
}

fn words(columns_differ: bool, RowDifferences { named, further, .. }: &RowDifferences) -> String {
    let columns = if columns_differ {
        "its columns differ; "
    } else {
        ""
    };
    let more = if *further > 0 {
        format!(", and {further} more")
    } else {
        String::new()
    };
    match named.as_slice() {
        [] => format!("{columns}no row differs"),
        [only] => format!("{columns}1 row: {only}"),
        named => {
            let rows = named.len() as u64 + further;
            format!("{columns}{rows} rows: {}{more}", named.join(", "))
        }
    }
}

/// A row.
struct Row {
    record: Vec<u8>,
    /// Its key in a form that sorts as keys do.
    order: Vec<u8>,
    /// Its key as a person reads it.
    key: String,
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.record == other.record
    }
}

/// The rows of a partition, one after another.
struct Rows<'t, R> {
    table: &'t Table,
    from: R,
    splitter: RecordSplitter,
    records: VecDeque<Vec<u8>>,
    /// The next row, once it was read.
    rows: VecDeque<Row>,
    header: Vec<u8>,
    /// Where the header has the key's columns.
    key: Vec<usize>,
    ended: bool,
}

impl<'t, R: Read> Rows<'t, R> {
    fn new(table: &'t Table, from: R) -> io::Result<Self> {
        let mut rows = Self {
            table,
            from,
            splitter: RecordSplitter::default(),
            records: VecDeque::new(),
            rows: VecDeque::new(),
            header: Vec::new(),
            key: Vec::new(),
            ended: false,
        };
        rows.header = rows.record()?.unwrap_or_default();
        let mut names = Vec::new();
        split_fields(&rows.header, &mut names).map_err(malformed)?;
        let position = |column: &usize| {
            let name = table.columns[*column].name.as_str();
            names
                .iter()
                .position(|found| found.as_deref() == Some(name))
        };
        let key: Option<Vec<usize>> = table.key.iter().map(position).collect();
        rows.key = key.ok_or_else(|| malformed("it lacks a column of the key"))?;
        Ok(rows)
    }

    /// Reads on until there is a row or the end.
    fn fill(&mut self) -> io::Result<()> {
        if !self.rows.is_empty() {
            return Ok(());
        }
        let Some(record) = self.record()? else {
            return Ok(());
        };
        let mut fields = Vec::new();
        split_fields(&record, &mut fields).map_err(malformed)?;
        let (mut order, mut shown) = (Vec::new(), Vec::new());
        for (column, at) in self.table.key.iter().zip(&self.key) {
            let field = fields.get(*at).and_then(Option::as_deref);
            let raw = field.map_or(Raw::Null, Raw::Text);
            let value = parse(raw, self.table.columns[*column].ty, &Forms::default());
            value
                .map_err(|error| malformed(&error.to_string()))?
                .write_sort_key(&mut order);
            shown.push(field.unwrap_or_default().to_owned());
        }
        drop(fields);
        self.rows.push_back(Row {
            record,
            order,
            key: shown.join(","),
        });
        Ok(())
    }

    fn record(&mut self) -> io::Result<Option<Vec<u8>>> {
        while self.records.is_empty() && !self.ended {
            let mut chunk = vec![0; CHUNK_BYTES];
            let n = self.from.read(&mut chunk)?;
            if n == 0 {
                self.ended = true;
                self.splitter
                    .finish()
                    .map_err(|error| malformed(&error.to_string()))?;
                break;
            }
            let records = &mut self.records;
            let pushed = self.splitter.push(&chunk[..n], |_, record| {
                records.push_back(record.to_vec());
                Ok::<_, Malformed>(())
            });
            pushed.map_err(|error| malformed(&error.to_string()))?;
        }
        Ok(self.records.pop_front())
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use causeway_shared::dataset::Dataset;

    use super::*;

    fn differing(source: &str, object: &str) -> String {
        let dataset = Dataset::meetassist().unwrap();
        let table = dataset.table("consultant").unwrap();
        let csv = |rows: &str| format!("consultantid,fullname\n{rows}");
        differing_rows(table, csv(source).as_bytes(), csv(object).as_bytes()).unwrap()
    }

    #[test]
    fn rows_are_named_by_their_keys() {
        insta::assert_snapshot!(differing("2,a\n10,b\n", "2,a\n10,b\n"), @"no row differs");
        insta::assert_snapshot!(differing("2,a\n10,c\n", "2,a\n10,b\n"), @"1 row: 10 differs");
        insta::assert_snapshot!(differing("2,a\n9,x\n11,c\n", "2,b\n10,b\n11,c\n"), @"3 rows: 2 differs, 9 only in the source, 10 only in the object");
        insta::assert_snapshot!(differing("1,\n2,\n3,\n4,\n5,\n6,\n7,\n", ""), @"7 rows: 1 only in the source, 2 only in the source, 3 only in the source, 4 only in the source, 5 only in the source, and 2 more");
    }
}

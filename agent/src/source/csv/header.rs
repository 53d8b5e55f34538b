//! What the first line of a CSV file says: its delimiter and its columns.

use causeway_shared::dataset::Table;

use crate::source::{Columns, Delimiter, names};

/// A header that has been understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// What stands between fields.
    pub(super) delimiter: u8,
    /// How many fields there are.
    pub(super) fields: usize,
    /// Where the declared columns are.
    pub(super) columns: Columns,
}

/// Reads the header at the start of a file. A delimiter is proven if the header names more of the
/// declared columns with it than with any other.
pub(super) fn read(head: &[u8], wanted: Delimiter, table: &Table) -> Result<Header, String> {
    let mut best: Option<(usize, Header)> = None;
    for delimiter in wanted.candidates() {
        let header = with(*delimiter, head, table)?;
        let known = header.columns.found.iter().flatten().count();
        if known > best.as_ref().map_or(0, |(most, _)| *most) {
            best = Some((known, header));
        }
    }
    best.map(|(_, header)| header).ok_or_else(|| {
        format!(
            "its first line names none of the declared columns, it begins {:?}; it has to be a \
             header, with `,` `;` or a tab between the names",
            beginning(head)
        )
    })
}

fn with(delimiter: u8, head: &[u8], table: &Table) -> Result<Header, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(head);
    let mut record = csv::ByteRecord::new();
    reader
        .read_byte_record(&mut record)
        .map_err(|error| format!("its header: {error}"))?;
    let names: Vec<String> = record
        .iter()
        .map(|name| String::from_utf8_lossy(name).trim().to_owned())
        .collect();
    let given: Vec<&str> = names.iter().map(String::as_str).collect();
    let columns = names::columns(table, &given).map_err(|names::Ambiguous(a, b)| {
        format!("its columns {a:?} and {b:?} both fit one declared column")
    })?;
    Ok(Header {
        delimiter,
        fields: names.len(),
        columns,
    })
}

/// The start of the first line, to show.
fn beginning(head: &[u8]) -> String {
    let line = head
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .next()
        .unwrap_or_default();
    String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned()
}

#[cfg(test)]
mod tests {
    use causeway_shared::dataset::Dataset;

    use super::*;

    fn feedback(head: &str) -> Result<(char, Vec<Option<usize>>), String> {
        let dataset = Dataset::meetassist().unwrap();
        let table = dataset.table("appointmentfeedback").unwrap();
        let header = read(head.as_bytes(), Delimiter::Auto, table)?;
        Ok((char::from(header.delimiter), header.columns.found))
    }

    #[test]
    fn the_header_proves_the_delimiter() {
        let all = vec![Some(1), Some(0), Some(2), Some(3)];
        for (head, delimiter) in [
            ("Rating,AppointmentID,customerfeedback,createdat\n", ','),
            (
                "rating;appointmentid;\"CustomerFeedback\";createdat\r\n1,5;2;3;4",
                ';',
            ),
            ("rating\tappointmentid\t customerfeedback\tcreatedat", '\t'),
        ] {
            assert_eq!(feedback(head), Ok((delimiter, all.clone())), "{head}");
        }
    }

    #[test]
    fn a_header_that_proves_nothing_is_refused() {
        assert_eq!(
            feedback("1|4.5|good\n").unwrap_err(),
            "its first line names none of the declared columns, it begins \"1|4.5|good\"; it has \
             to be a header, with `,` `;` or a tab between the names"
        );
        assert!(
            feedback("RATING,Rating\n")
                .unwrap_err()
                .contains("both fit")
        );
    }
}

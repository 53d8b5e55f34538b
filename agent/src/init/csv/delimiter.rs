//! What stands between the fields of a CSV file: told by its first part.

/// What it may be.
const CANDIDATES: [u8; 3] = *b",;\t";

/// What stands between fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::init) struct Delimiter {
    pub(in crate::init) byte: u8,
    /// Why, where it has to be declared: the header does not prove it.
    pub(in crate::init) why: Option<String>,
}

impl Delimiter {
    /// As `agent.toml` writes it.
    pub(in crate::init) fn setting(&self) -> &'static str {
        setting(self.byte)
    }
}

fn setting(byte: u8) -> &'static str {
    match byte {
        b';' => ";",
        b'\t' => "\\t",
        _ => ",",
    }
}

/// How a sample reads with one delimiter.
struct Reading {
    byte: u8,
    fields: usize,
    rows: usize,
    /// Rows with as many fields as the header.
    even: usize,
}

/// Tells the delimiter by a sample of a file's text.
pub(super) fn detect(sample: &[u8]) -> Result<Delimiter, String> {
    let readings = CANDIDATES.map(|byte| read(sample, byte));
    let mut likely: Vec<&Reading> = readings.iter().filter(|r| r.fields > 1).collect();
    // Most rows that are not ragged first, then most columns.
    likely.sort_by_key(|r| std::cmp::Reverse((r.even * 100 / r.rows.max(1), r.fields)));
    match likely[..] {
        [] => one_column(sample, &readings),
        [only] => Ok(Delimiter {
            byte: only.byte,
            why: None,
        }),
        [best, next, ..] => Ok(Delimiter {
            byte: best.byte,
            why: (next.even == next.rows).then(|| {
                format!(
                    "PLEASE CHECK: with {:?} the first {} rows have {} columns each, with {:?} {}",
                    setting(best.byte),
                    best.rows,
                    best.fields,
                    setting(next.byte),
                    next.fields
                )
            }),
        }),
    }
}

/// A header of one name proves nothing.
fn one_column(sample: &[u8], readings: &[Reading]) -> Result<Delimiter, String> {
    let first_line = sample
        .split(|b| matches!(b, b'\n' | b'\r'))
        .next()
        .unwrap_or_default();
    if first_line.contains(&b'|') {
        return Err(
            "its fields seem to stand between `|`; export it with `,` `;` or a tab".to_owned(),
        );
    }
    let even = readings.iter().find(|reading| reading.even == reading.rows);
    let byte = even.map_or(b',', |reading| reading.byte);
    Ok(Delimiter {
        byte,
        why: (byte != b',').then(|| "one column, and its values have commas in them".to_owned()),
    })
}

fn read(sample: &[u8], byte: u8) -> Reading {
    let mut reading = Reading {
        byte,
        fields: 0,
        rows: 0,
        even: 0,
    };
    // The last record may be cut.
    let mut fields_before: Option<usize> = None;
    let mut reader = records(sample, byte);
    let mut record = csv::ByteRecord::new();
    while let Ok(true) = reader.read_byte_record(&mut record) {
        if reading.fields == 0 {
            reading.fields = record.len();
            continue;
        }
        if let Some(fields) = fields_before.replace(record.len()) {
            reading.rows += 1;
            reading.even += usize::from(fields == reading.fields);
        }
    }
    reading
}

/// The names in the first line.
pub(super) fn header(sample: &[u8], byte: u8) -> Result<Vec<String>, String> {
    let mut record = csv::ByteRecord::new();
    let read = records(sample, byte).read_byte_record(&mut record);
    read.map_err(|error| format!("its header cannot be read: {error}"))?;
    Ok(record
        .iter()
        .map(|name| String::from_utf8_lossy(name).trim().to_owned())
        .collect())
}

fn records(sample: &[u8], byte: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(byte)
        .from_reader(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sample: &str) -> String {
        match detect(sample.as_bytes()) {
            Ok(delimiter) => format!(
                "{:?} {}",
                delimiter.setting(),
                delimiter.why.unwrap_or_default()
            ),
            Err(why) => why,
        }
    }

    #[test]
    fn delimiters() {
        insta::assert_snapshot!(told("id,name\n1,a;b\n2,c\n"), @r#""," "#);
        insta::assert_snapshot!(told("id;name;sum\n1;a,b;1,5\n2;c;2,5\n"), @r#"";" "#);
        insta::assert_snapshot!(told("id\tname\n1\ta\n"), @r#""\\t" "#);
        insta::assert_snapshot!(told("a,b;c,d\n1,2;3,4\n5,6;7,8\n"), @r#""," PLEASE CHECK: with "," the first 1 rows have 3 columns each, with ";" 2"#);
        insta::assert_snapshot!(told("name\nNguyễn, An\nLê, Bình\nTrần, Chi\n"), @r#"";" one column, and its values have commas in them"#);
        insta::assert_snapshot!(told("id|name\n1|a\n"), @"its fields seem to stand between `|`; export it with `,` `;` or a tab");
    }
}

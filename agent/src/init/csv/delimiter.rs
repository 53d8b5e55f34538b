//! What stands between the fields of a CSV file: told by its first part.

use crate::source;
use crate::source::csv::{Lexer, Record, cleaned, two_lines};

/// What it may be.
pub(super) const CANDIDATES: [u8; 4] = *b",;\t|";

/// What stands between fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::init) struct DetectedDelimiter {
    pub(in crate::init) byte: u8,
    /// Why, where it has to be declared: the header does not prove it.
    pub(in crate::init) why: Option<String>,
}

impl DetectedDelimiter {
    /// As `agent.toml` writes it.
    pub(in crate::init) fn setting(&self) -> &'static str {
        setting(self.byte)
    }
}

/// A delimiter as `agent.toml` writes it.
pub(super) fn setting(byte: u8) -> &'static str {
    let known = source::Delimiter::Auto.candidates().iter();
    let found = known.copied().find(|(candidate, _)| *candidate == byte);
    found.map_or(",", |(_, delimiter)| delimiter.name())
}

/// How a sample reads with one delimiter.
struct DelimiterTrial {
    byte: u8,
    fields: usize,
    rows: usize,
    /// Rows with as many fields as the header.
    even: usize,
}

/// Tells the delimiter by a sample of a file's text, or takes the one that its first line names.
pub(super) fn detect(sample: &[u8], named: Option<source::Delimiter>) -> DetectedDelimiter {
    if let Some([(byte, _)]) = named.map(source::Delimiter::candidates) {
        return DetectedDelimiter {
            byte: *byte,
            why: None,
        };
    }
    let readings = CANDIDATES.map(|byte| read(sample, byte));
    let mut likely: Vec<&DelimiterTrial> = readings.iter().filter(|r| r.fields > 1).collect();
    // Most rows that are not ragged first, then most columns.
    likely.sort_by_key(|r| std::cmp::Reverse((r.even * 100 / r.rows.max(1), r.fields)));
    match likely[..] {
        [] => one_column(&readings),
        [only] => DetectedDelimiter {
            byte: only.byte,
            why: None,
        },
        [best, next, ..] => DetectedDelimiter {
            byte: best.byte,
            why: (next.even == next.rows).then(|| {
                format!(
                    "PLEASE CHECK: with {:?} the first {} rows have {} columns each, with {:?} {}; \
                     its lines begin {}",
                    setting(best.byte),
                    best.rows,
                    best.fields,
                    setting(next.byte),
                    next.fields,
                    two_lines(sample, encoding_rs::UTF_8)
                )
            }),
        },
    }
}

/// A header of one name proves nothing.
fn one_column(readings: &[DelimiterTrial]) -> DetectedDelimiter {
    let even = readings.iter().find(|reading| reading.even == reading.rows);
    let byte = even.map_or(b',', |reading| reading.byte);
    DetectedDelimiter {
        byte,
        why: (byte != b',').then(|| "one column, and its values have commas in them".to_owned()),
    }
}

fn read(sample: &[u8], byte: u8) -> DelimiterTrial {
    let mut reading = DelimiterTrial {
        byte,
        fields: 0,
        rows: 0,
        even: 0,
    };
    // The last record may be cut.
    let mut fields_before: Option<usize> = None;
    each_record(sample, byte, |record| {
        if reading.fields == 0 {
            reading.fields = record.len();
        } else if let Some(fields) = fields_before.replace(record.len()) {
            reading.rows += 1;
            reading.even += usize::from(fields == reading.fields);
        }
        true
    });
    reading
}

/// The names in the first line.
pub(super) fn header(sample: &[u8], byte: u8) -> Vec<String> {
    let mut names = Vec::new();
    each_record(sample, byte, |record| {
        let fields = record.fields();
        names = fields
            .map(|name| cleaned(&String::from_utf8_lossy(name)))
            .collect();
        false
    });
    names
}

/// Gives the sample's records to `each`, as long as it wants more.
pub(super) fn each_record(sample: &[u8], byte: u8, mut each: impl FnMut(Record<'_>) -> bool) {
    let mut lexer = Lexer::new(byte);
    let mut rest = sample;
    loop {
        let (taken, is_whole) = lexer.feed(rest);
        rest = &rest[taken..];
        let is_whole = is_whole || matches!(lexer.finish(), Ok(true));
        if !is_whole || !each(lexer.record()) || rest.is_empty() {
            return;
        }
        lexer.begin();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sample: &str) -> String {
        let delimiter = detect(sample.as_bytes(), None);
        let why = delimiter.why.as_deref().unwrap_or_default();
        format!("{:?} {why}", delimiter.setting())
    }

    #[test]
    fn delimiters() {
        insta::assert_snapshot!(told("id,name\n1,a;b\n2,c\n"), @r#""," "#);
        insta::assert_snapshot!(told("id;name;sum\n1;a,b;1,5\n2;c;2,5\n"), @r#"";" "#);
        insta::assert_snapshot!(told("id\tname\n1\ta\n"), @r#""tab" "#);
        insta::assert_snapshot!(told("a,b;c,d\n1,2;3,4\n5,6;7,8\n"), @r#""," PLEASE CHECK: with "," the first 1 rows have 3 columns each, with ";" 2; its lines begin "a,b;c,d" and "1,2;3,4""#);
        insta::assert_snapshot!(told("name\nNguyễn, An\nLê, Bình\nTrần, Chi\n"), @r#"";" one column, and its values have commas in them"#);
        insta::assert_snapshot!(told("id|name\n1|a\n"), @r#""|" "#);
    }
}

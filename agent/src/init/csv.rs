//! A CSV file: its encoding, its delimiter, its header, and all its rows.

mod delimiter;
mod encoding;
mod header;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use causeway_shared::runtime::program::count;
use causeway_shared::runtime::regular_file;
use causeway_shared::value::Raw;

use super::shape::{ColumnShape, EachRow, Shape};
use crate::source::Encoding;
use crate::source::csv::{
    Decoder, Header, RecordError, Records, RepeatedHeader, named_delimiter, raw,
};
pub(super) use delimiter::DetectedDelimiter;
pub(super) use encoding::DetectedEncoding;
use header::FirstLine;

/// How much of a file the delimiter is told by.
const SAMPLE_BYTES: usize = 256 * 1024;

/// A file that has been understood.
pub(super) struct Sheet {
    /// Where it lies.
    pub(super) path: PathBuf,
    /// Its name without `.csv`.
    pub(super) stem: String,
    /// How its bytes stand for text.
    pub(super) encoding: DetectedEncoding,
    /// What stands between its fields.
    pub(super) delimiter: DetectedDelimiter,
    /// The length of a line before the header that only names the delimiter.
    first_line_bytes: usize,
    header: Vec<String>,
    before: (u64, Option<SystemTime>),
}

/// Rows that show nothing of a table, since they go to quarantine whatever is declared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Skipped {
    /// Another number of fields than the header has.
    ragged: Lines,
    /// No value in any field.
    blank: Lines,
    /// The header once more, as in files that were put together.
    headers: Lines,
}

/// Some of a file's rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Lines {
    /// How many.
    rows: u64,
    /// The line of the first.
    first: u64,
}

impl Lines {
    fn add(&mut self, line: u64) {
        if self.rows == 0 {
            self.first = line;
        }
        self.rows += 1;
    }
}

impl Skipped {
    /// What a person should look at.
    pub(super) fn remarks(&self) -> Vec<String> {
        let kinds = [
            (self.ragged, "with another number of fields than the header"),
            (self.blank, "of nothing but delimiters"),
            (self.headers, "of nothing but the header's names"),
        ];
        let seen = kinds.into_iter().filter(|(lines, _)| lines.rows > 0);
        seen.map(|(lines, what)| {
            format!(
                "PLEASE CHECK: {} {what} (the first in line {}); such rows go to quarantine",
                count(lines.rows, "row"),
                lines.first
            )
        })
        .collect()
    }
}

impl Sheet {
    /// Looks at a file. What is in the way is told in words for a person.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let before = state(path)?;
        let mut encoding = regular_file::open(path)
            .and_then(encoding::detect)
            .map_err(words)??;
        let sample = sample(path, encoding.encoding)?;
        if sample.iter().all(u8::is_ascii_whitespace) {
            return Err("it is empty; a table without rows still has its header".to_owned());
        }
        let (named, first_line_bytes) =
            named_delimiter(&sample).map_err(|error| error.to_string())?;
        let is_cut = sample.len() >= SAMPLE_BYTES;
        let sample = &sample[first_line_bytes..];
        let mut delimiter = delimiter::detect(sample, named);
        let header = delimiter::header(sample, delimiter.byte);
        let first_line = FirstLine {
            sample,
            is_cut,
            delimiter: delimiter.byte,
            is_named: named.is_some(),
            fields: &header,
        };
        if let Some(doubt) = first_line.doubt() {
            return Err(doubt);
        }
        let stem = path.file_stem().unwrap_or_default();
        let stem = stem.to_string_lossy().into_owned();
        // A setting is written for a whole folder.
        for why in [&mut encoding.why, &mut delimiter.why]
            .into_iter()
            .flatten()
        {
            why.insert_str(0, &format!("{stem}: "));
        }
        Ok(Self {
            path: path.to_owned(),
            stem,
            encoding,
            delimiter,
            first_line_bytes,
            header,
            before,
        })
    }

    /// Its header, as a table.
    pub(super) fn shape(&self) -> Shape {
        let column = |name: &String| ColumnShape {
            name: name.clone(),
            ..ColumnShape::default()
        };
        Shape {
            name: self.stem.clone(),
            columns: self.header.iter().map(column).collect(),
            ..Shape::default()
        }
    }

    /// Gives every row to `each`, except those that go to quarantine whatever is declared.
    pub(super) fn rows(&self, each: &mut EachRow<'_>) -> Result<Skipped, String> {
        let mut records = Records::new(decoder(&self.path, self.encoding.encoding)?);
        records.head().map_err(|error| error.to_string())?;
        records.start(self.delimiter.byte, self.first_line_bytes);
        let mut skipped = Skipped::default();
        let Some(first) = records.next().map_err(in_words)? else {
            return Ok(skipped);
        };
        let header = Header::of(first);
        while let Some(record) = records.next().map_err(in_words)? {
            match header.repeated_by(record) {
                Some(RepeatedHeader::Same) => {
                    skipped.headers.add(record.line);
                    continue;
                }
                Some(RepeatedHeader::OtherOrder) => {
                    return Err(format!(
                        "PLEASE DECIDE: line {} names its columns once more and in another order \
                         ({}), so that the file is refused: take it apart",
                        record.line,
                        Raw::Text(&record.text(self.delimiter.byte)).show()
                    ));
                }
                None => {}
            }
            if record.problem.is_some() || record.len() != self.header.len() {
                skipped.ragged.add(record.line);
                continue;
            }
            let fields: Vec<Raw<'_>> = record.fields().map(raw).collect();
            if fields.iter().all(|field| *field == Raw::Null) {
                skipped.blank.add(record.line);
            } else {
                each(Some(record.line), &fields)?;
            }
        }
        Ok(skipped)
    }

    /// Says if the file was written to since it was opened.
    pub(super) fn close(self) -> Result<(), String> {
        if state(&self.path)? == self.before {
            return Ok(());
        }
        Err("it was changed while it was read; run init again".to_owned())
    }
}

fn state(path: &Path) -> Result<(u64, Option<SystemTime>), String> {
    let metadata = std::fs::metadata(path).map_err(words)?;
    Ok((metadata.len(), metadata.modified().ok()))
}

fn words(error: io::Error) -> String {
    format!("it cannot be read: {error}")
}

fn decoder(path: &Path, encoding: Encoding) -> Result<Decoder<File>, String> {
    let file = regular_file::open(path).map_err(words)?;
    Decoder::new(file, encoding).map_err(|error| error.to_string())
}

/// The first part of a file's text.
fn sample(path: &Path, encoding: Encoding) -> Result<Vec<u8>, String> {
    let mut decoder = decoder(path, encoding)?;
    let mut text = Vec::new();
    while text.len() < SAMPLE_BYTES {
        if !decoder.fill(&mut text).map_err(|error| error.to_string())? {
            break;
        }
    }
    Ok(text)
}

fn in_words(error: RecordError) -> String {
    match error {
        RecordError::Decode(error) => error.to_string(),
        RecordError::OpenQuote { line } => {
            format!("a quote that opens in the row of line {line} is never closed")
        }
    }
}

//! A CSV file: its encoding, its delimiter, its header, and all its rows.

mod delimiter;
mod encoding;

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use causeway_shared::value::Raw;

use super::shape::{ColumnShape, Shape};
pub(super) use delimiter::Delimiter;
pub(super) use encoding::{Detected, Encoding};

/// Most bytes of one record: a quote that is never closed swallows the rest of the file.
const MAX_RECORD_BYTES: usize = 32 * 1024 * 1024;

/// How much of a file the delimiter is told by.
const SAMPLE_BYTES: u64 = 256 * 1024;

/// A file that has been understood.
pub(super) struct Sheet {
    /// Where it lies.
    pub(super) path: PathBuf,
    /// Its name without `.csv`.
    pub(super) stem: String,
    /// How its bytes stand for text.
    pub(super) encoding: Detected,
    /// What stands between its fields.
    pub(super) delimiter: Delimiter,
    header: Vec<String>,
    before: (u64, Option<SystemTime>),
}

/// Rows that have another number of fields than the header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ragged {
    /// How many.
    pub(super) rows: u64,
    /// The line of the first.
    pub(super) first_line: u64,
}

impl Sheet {
    /// Looks at a file. What is in the way is told in words for a person.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let before = state(path)?;
        let encoding = File::open(path).and_then(encoding::detect).map_err(words)?;
        let mut sample = Vec::new();
        reader(path, encoding.encoding)?
            .take(SAMPLE_BYTES)
            .read_to_end(&mut sample)
            .map_err(words)?;
        if sample.iter().all(u8::is_ascii_whitespace) {
            return Err("it is empty; a table without rows still has its header".to_owned());
        }
        let delimiter = delimiter::detect(&sample)?;
        let header = delimiter::header(&sample, delimiter.byte)?;
        if header.iter().all(|name| is_value(name)) {
            return Err(format!(
                "its first line holds values, not names: {}; write a header above it",
                Raw::Text(&header.join(", ")).show()
            ));
        }
        let stem = path.file_stem().unwrap_or_default();
        Ok(Self {
            path: path.to_owned(),
            stem: stem.to_string_lossy().into_owned(),
            encoding,
            delimiter,
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

    /// Gives every row to `each`, except the ragged ones.
    pub(super) fn rows(
        &self,
        each: &mut dyn FnMut(&[Raw<'_>]) -> Result<(), String>,
    ) -> Result<Ragged, String> {
        let since_record = Rc::new(Cell::new(0));
        let metered = Metered {
            inner: reader(&self.path, self.encoding.encoding)?,
            since_record: Rc::clone(&since_record),
        };
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .delimiter(self.delimiter.byte)
            .from_reader(metered);
        let mut record = csv::ByteRecord::new();
        let mut ragged = Ragged::default();
        loop {
            since_record.set(0);
            let more = reader.read_byte_record(&mut record).map_err(|error| {
                let line = reader.position().line();
                match since_record.get() {
                    ..=MAX_RECORD_BYTES => error.to_string(),
                    _ => format!(
                        "the record in line {line} is longer than 32 MiB; look for a quote that is \
                         not closed"
                    ),
                }
            })?;
            if !more {
                return Ok(ragged);
            }
            if record.len() == self.header.len() {
                let fields: Vec<Raw<'_>> = record.iter().map(raw).collect();
                each(&fields)?;
            } else {
                if ragged.rows == 0 {
                    ragged.first_line = record.position().map_or(0, csv::Position::line);
                }
                ragged.rows += 1;
            }
        }
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

fn reader(path: &Path, encoding: Encoding) -> Result<Box<dyn Read>, String> {
    let file = File::open(path).map_err(words)?;
    Ok(encoding::decoded(file, encoding))
}

/// An empty field is no value, quoted or not.
fn raw(field: &[u8]) -> Raw<'_> {
    match std::str::from_utf8(field) {
        Ok("") => Raw::Null,
        Ok(text) => Raw::Text(text),
        Err(_) => Raw::NotUtf8(field),
    }
}

/// Whether a field of the first line is more of a value than of a name.
fn is_value(field: &str) -> bool {
    field.is_empty() || !field.chars().any(char::is_alphabetic)
}

/// A reader that stops when a record has no end.
struct Metered<R> {
    inner: R,
    since_record: Rc<Cell<usize>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.since_record.set(self.since_record.get() + read);
        if self.since_record.get() > MAX_RECORD_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(read)
    }
}

//! The rows of one CSV file.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use causeway_shared::dataset::Table;
use causeway_shared::value::Raw;

use super::cannot_read;
use super::header;
use crate::source::file_state::FileState;
use crate::source::row::{Ragged, RowsError, SourceRow, reuse};
use crate::source::{Columns, Encoding, SourceConfig, Unreadable};

/// Most bytes that the header may have.
const MAX_HEADER_BYTES: u64 = 64 * 1024;

/// Most bytes that one record may have: a quote that is never closed swallows the rest of the
/// file.
const MAX_RECORD_BYTES: usize = 32 * 1024 * 1024;

const BUFFER_BYTES: usize = 64 * 1024;

const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// A CSV file about to be read.
pub(crate) struct CsvTable {
    path: PathBuf,
    reader: csv::Reader<Box<dyn Read>>,
    /// The bytes read since the last record ended.
    since_record: Rc<Cell<usize>>,
    header_fields: usize,
    pub(in crate::source) columns: Columns,
    before: FileState,
}

/// Opens a file and reads its header.
pub(in crate::source) fn open(
    path: &Path,
    config: &SourceConfig,
    table: &Table,
) -> Result<CsvTable, Unreadable> {
    let here = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Unreadable::Missing {
            why: format!("the CSV file {} is not there", path.display()),
            remedy: "put it back".to_owned(),
        },
        _ => cannot_read(path, &error),
    };
    let file = File::open(path).map_err(here)?;
    let before = FileState::from(&file.metadata().map_err(here)?);
    let (head, rest) = decoded(file, config.encoding, path)?;
    if head.is_empty() {
        return Err(Unreadable::not_ready(format!(
            "{} is empty; a table without rows still has its header",
            path.display()
        )));
    }
    let header = header::read(&head, config.delimiter, table)
        .map_err(|problem| Unreadable::failed(format!("{}: {problem}", path.display())))?;
    let since_record = Rc::new(Cell::new(0));
    let metered = Metered {
        inner: io::Cursor::new(head).chain(rest),
        since_record: Rc::clone(&since_record),
    };
    let reader = csv::ReaderBuilder::new()
        .has_headers(true)
        .flexible(true)
        .delimiter(header.delimiter)
        .buffer_capacity(BUFFER_BYTES)
        .from_reader(Box::new(metered) as Box<dyn Read>);
    Ok(CsvTable {
        path: path.to_owned(),
        reader,
        since_record,
        header_fields: header.fields,
        columns: header.columns,
        before,
    })
}

/// The file's text as UTF-8, without byte order mark: its beginning, long enough for any header,
/// and a reader of the rest.
fn decoded(
    mut file: File,
    encoding: Encoding,
    path: &Path,
) -> Result<(Vec<u8>, impl Read + 'static), Unreadable> {
    let mut head = Vec::new();
    let read = file.by_ref().take(MAX_HEADER_BYTES).read_to_end(&mut head);
    read.map_err(|error| cannot_read(path, &error))?;
    let declared = match encoding {
        Encoding::Auto if head.starts_with(b"\xff\xfe") => Encoding::Utf16Le,
        Encoding::Auto if head.starts_with(b"\xfe\xff") => Encoding::Utf16Be,
        declared => declared,
    };
    let name = match declared {
        Encoding::Auto | Encoding::Utf8 => {
            if head.starts_with(UTF8_BOM) {
                head.drain(..UTF8_BOM.len());
            }
            return Ok((head, file));
        }
        Encoding::Utf16Le | Encoding::Utf16Be => "UTF-16",
        Encoding::Windows1252 => "Windows-1252",
        Encoding::Windows1258 => "Windows-1258",
    };
    Err(Unreadable::failed(format!(
        "{} is in {name}, which is not supported yet; save it as UTF-8",
        path.display()
    )))
}

impl CsvTable {
    /// Gives every record after the header to `each`.
    pub(in crate::source) fn rows<E>(
        &mut self,
        each: &mut dyn FnMut(SourceRow<'_>) -> Result<(), E>,
    ) -> Result<(), RowsError<E>> {
        let header = self.reader.byte_headers().map(|_| ());
        header.map_err(|error| Unreadable::failed(format!("{}: {error}", self.path.display())))?;
        let mut record = csv::ByteRecord::new();
        let mut buffer: Vec<Raw<'static>> = Vec::new();
        // The header's line.
        let mut at = 1;
        while self.next(&mut record)? {
            // The parser counts line feeds alone: where lines end in CR its number stands still,
            // and rows would pass for one another.
            at = record.position().map_or(0, csv::Position::line).max(at + 1);
            if record.len() != self.header_fields {
                let ragged = Ragged {
                    expected: self.header_fields,
                    found: record.len(),
                    text: joined(&record),
                };
                each(SourceRow {
                    at,
                    fields: Err(ragged),
                })
                .map_err(RowsError::Taker)?;
                continue;
            }
            let mut fields = reuse(buffer);
            fields.extend(self.columns.found.iter().map(|position| {
                position
                    .and_then(|position| record.get(position))
                    .map_or(Raw::Null, raw)
            }));
            each(SourceRow {
                at,
                fields: Ok(&fields),
            })
            .map_err(RowsError::Taker)?;
            buffer = reuse(fields);
        }
        Ok(self.unchanged()?)
    }

    fn next(&mut self, record: &mut csv::ByteRecord) -> Result<bool, Unreadable> {
        self.since_record.set(0);
        let line = self.reader.position().line();
        self.reader.read_byte_record(record).map_err(|error| {
            let path = self.path.display();
            match self.since_record.get() {
                ..=MAX_RECORD_BYTES => Unreadable::failed(format!("{path}: {error}")),
                _ => Unreadable::failed(format!(
                    "{path}, line {line}: a record of more than {MAX_RECORD_BYTES} bytes begins \
                     here; look for a quote that is not closed"
                )),
            }
        })
    }

    /// A file that was written to, or exchanged, while it was read may be half a file.
    fn unchanged(&self) -> Result<(), Unreadable> {
        match FileState::of(&self.path) {
            Ok(after) if after == self.before => Ok(()),
            _ => Err(Unreadable::not_ready(format!(
                "{} was changed while it was read",
                self.path.display()
            ))),
        }
    }
}

/// A record's fields, to show.
fn joined(record: &csv::ByteRecord) -> String {
    let fields: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
    fields.join(",")
}

/// An empty field is no value, quoted or not: spreadsheets and dumps do not agree on the quotes.
fn raw(field: &[u8]) -> Raw<'_> {
    match std::str::from_utf8(field) {
        Ok("") => Raw::Null,
        Ok(text) => Raw::Text(text),
        Err(_) => Raw::NotUtf8(field),
    }
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

//! The rows of one CSV file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use causeway_shared::dataset::Table;
use causeway_shared::value::Raw;
use jiff::Timestamp;

use super::cannot_read;
use super::dialect::{self, Dialect, DialectError};
use super::encoding::{DecodeError, Decoder};
use super::lexer::{MAX_FIELDS, MAX_RECORD_BYTES, Problem, Record};
use super::records::{RecordError, Records};
use super::repair::raw;
use crate::source::file_state::FileState;
use crate::source::row::{Malformed, RowsError, SourceRow, reuse};
use crate::source::still::FRESH;
use crate::source::{Columns, SourceConfig, Unreadable};

/// A CSV file about to be read.
pub(crate) struct CsvTable {
    file: Origin,
    had_rows: bool,
    records: Records<File>,
    delimiter: u8,
    header_fields: usize,
    pub(in crate::source) columns: Columns,
}

/// What is known beforehand of a file that may still be written.
#[derive(Debug, Clone, Copy)]
pub(in crate::source) struct Expected {
    /// The time.
    pub(in crate::source) now: Timestamp,
    /// Whether its table has rows in the log.
    pub(in crate::source) had_rows: bool,
}

/// The file, and its state when it was opened.
struct Origin {
    path: PathBuf,
    before: FileState,
    now: Timestamp,
}

/// Opens a file and reads its header.
pub(in crate::source) fn open(
    path: &Path,
    config: &SourceConfig,
    table: &Table,
    expected: Expected,
) -> Result<CsvTable, Unreadable> {
    let here = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Unreadable::Missing {
            why: format!("the CSV file {} is not there", path.display()),
            remedy: "put it back".to_owned(),
        },
        _ => cannot_read(path, &error),
    };
    let source = File::open(path).map_err(here)?;
    let file = Origin {
        path: path.to_owned(),
        before: FileState::from(&source.metadata().map_err(here)?),
        now: expected.now,
    };
    let begun = begin(source, config, table);
    let (records, dialect) = begun.map_err(|trouble| file.unreadable(trouble))?;
    Ok(CsvTable {
        file,
        had_rows: expected.had_rows,
        records,
        delimiter: dialect.delimiter,
        header_fields: dialect.fields,
        columns: dialect.columns,
    })
}

/// Reads up to the end of the header.
fn begin<R: Read>(
    source: R,
    config: &SourceConfig,
    table: &Table,
) -> Result<(Records<R>, Dialect), Trouble> {
    let mut records = Records::new(Decoder::new(source, config.encoding)?);
    let (head, is_whole) = records.head()?;
    let dialect = dialect::prove(head, is_whole, config.delimiter, table)?;
    records.start(dialect.delimiter, dialect.first_line_bytes);
    records.next()?;
    Ok((records, dialect))
}

impl CsvTable {
    /// Gives every record after the header to `each`.
    pub(in crate::source) fn rows<E>(
        &mut self,
        each: &mut dyn FnMut(SourceRow<'_>) -> Result<(), E>,
    ) -> Result<(), RowsError<E>> {
        let mut buffer: Vec<Raw<'static>> = Vec::new();
        let mut has_rows = false;
        loop {
            let next = self.records.next();
            let next = next.map_err(|trouble| self.file.unreadable(trouble.into()))?;
            let Some(record) = next else { break };
            let mut fields = reuse(buffer);
            let row = match malformed(record, self.header_fields) {
                Some(reason) => Err(Malformed {
                    reason,
                    text: record.text(self.delimiter),
                }),
                None => {
                    let field = |at: &Option<usize>| at.and_then(|at| record.get(at));
                    let found = self.columns.found.iter();
                    fields.extend(found.map(|at| field(at).map_or(Raw::Null, raw)));
                    Ok(&fields[..])
                }
            };
            let row = SourceRow {
                at: record.line,
                fields: row,
            };
            each(row).map_err(RowsError::Taker)?;
            buffer = reuse(fields);
            has_rows = true;
        }
        self.file.unchanged()?;
        Ok(self.file.finished(
            self.records.has_last_line_end(),
            has_rows || !self.had_rows,
        )?)
    }
}

/// Why a record's fields cannot be told apart.
fn malformed(record: Record<'_>, header_fields: usize) -> Option<String> {
    match record.problem {
        Some(Problem::BehindQuote { field }) => Some(format!(
            "something stands behind the quote that closes field {field}; a quote within quotes \
             is written twice"
        )),
        Some(Problem::TooLong) => Some(format!(
            "the row has more than {MAX_RECORD_BYTES} bytes or {MAX_FIELDS} fields; look for a \
             quote that is not closed"
        )),
        None if record.len() != header_fields => Some(format!(
            "the row has {} fields, the header {header_fields}",
            record.len()
        )),
        None => None,
    }
}

/// What may go wrong between opening a file and its last row.
enum Trouble {
    Decode(DecodeError),
    Dialect(DialectError),
    OpenQuote { line: u64 },
}

impl From<DecodeError> for Trouble {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<DialectError> for Trouble {
    fn from(error: DialectError) -> Self {
        Self::Dialect(error)
    }
}

impl From<RecordError> for Trouble {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Decode(error) => Self::Decode(error),
            RecordError::OpenQuote { line } => Self::OpenQuote { line },
        }
    }
}

impl Origin {
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

    /// A file that was written a moment ago, and ends where one that is being written may end, is
    /// looked at again. One that was finished so is taken a few seconds later.
    fn finished(&self, has_last_line_end: bool, has_its_rows: bool) -> Result<(), Unreadable> {
        if self.before.still_for(self.now) >= FRESH || has_last_line_end && has_its_rows {
            return Ok(());
        }
        let what = if has_its_rows {
            "its last line has no end"
        } else {
            "it holds nothing but its header, where there were rows"
        };
        let path = self.path.display();
        let seconds = FRESH.as_secs();
        Err(Unreadable::not_ready(format!(
            "{path} was written to in the last {seconds} seconds, and {what}: it may still be \
             written"
        )))
    }

    /// What trouble means: of a file that changed meanwhile, nothing.
    fn unreadable(&self, trouble: Trouble) -> Unreadable {
        if let Err(changed) = self.unchanged() {
            return changed;
        }
        let path = self.path.display();
        let trouble = match trouble {
            Trouble::Decode(DecodeError::Io(error)) => cannot_read(&self.path, &error),
            Trouble::Decode(error @ DecodeError::CutOff) => {
                Unreadable::not_ready(format!("{path}: {error}"))
            }
            Trouble::Decode(error) => Unreadable::failed(format!("{path}: {error}")),
            Trouble::Dialect(error @ (DialectError::Empty | DialectError::OpenQuote)) => {
                Unreadable::not_ready(format!("{path}: {error}"))
            }
            Trouble::Dialect(error) => Unreadable::failed(format!("{path}: {error}")),
            Trouble::OpenQuote { line } => Unreadable::not_ready(format!(
                "{path}: a quote that opens in the row of line {line} is never closed: the file \
                 is still being written, or a quote is missing"
            )),
        };
        trouble.unless_abandoned(&self.path, self.now)
    }
}

/// The fields of all rows of a file that arrives in pieces of a given size; `None` if it is
/// refused.
#[cfg(test)]
pub(super) fn read_all(
    bytes: &[u8],
    piece_bytes: usize,
    config: &SourceConfig,
    table: &Table,
) -> Option<Vec<Vec<Vec<u8>>>> {
    let pieces = super::encoding::Pieces { bytes, piece_bytes };
    let (mut records, _) = begin(pieces, config, table).ok()?;
    let mut rows = Vec::new();
    while let Some(record) = records.next().ok()? {
        rows.push(record.fields().map(<[u8]>::to_vec).collect());
    }
    Some(rows)
}

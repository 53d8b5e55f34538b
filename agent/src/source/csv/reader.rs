//! The rows of one CSV file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use causeway_shared::dataset::Table;
use causeway_shared::runtime::program::count;
use causeway_shared::runtime::regular_file;
use causeway_shared::value::Raw;
use jiff::Timestamp;

use super::cannot_read;
use super::dialect::{self, Dialect, DialectError};
use super::encoding::{DecodeError, Decoder};
use super::header::{Header, RepeatedHeader};
use super::lexer::Record;
use super::records::{RecordError, Records};
use super::repair::raw;
use super::uncertain_rows::{UncertainRows, Verdict};
use crate::source::file_state::FileState;
use crate::source::row::{Malformed, RowsError, SourceRow, reuse};
use crate::source::still::FRESH;
use crate::source::{Columns, SourceConfig, Unreadable};

/// A CSV file about to be read.
pub(crate) struct CsvTable {
    file: CsvOrigin,
    had_rows: bool,
    records: Records<File>,
    delimiter: u8,
    header: Header,
    pub(in crate::source) columns: Columns,
}

/// What is known beforehand of a file that may still be written.
#[derive(Debug, Clone, Copy)]
pub(in crate::source) struct Expected {
    pub(in crate::source) now: Timestamp,
    /// Whether its table has rows in the log.
    pub(in crate::source) had_rows: bool,
    /// Whether its source has settings, by which somebody can declare how it is written.
    pub(in crate::source) has_settings: bool,
}

/// The file, and its state when it was opened.
struct CsvOrigin {
    path: PathBuf,
    before: FileState,
    now: Timestamp,
    has_settings: bool,
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
    let source = regular_file::open(path).map_err(here)?;
    let file = CsvOrigin {
        path: path.to_owned(),
        before: FileState::from(&source.metadata().map_err(here)?),
        now: expected.now,
        has_settings: expected.has_settings,
    };
    let begun = begin(source, config, table);
    let (records, dialect, header) = begun.map_err(|trouble| file.unreadable(trouble))?;
    Ok(CsvTable {
        file,
        had_rows: expected.had_rows,
        records,
        delimiter: dialect.delimiter,
        header,
        columns: dialect.columns,
    })
}

/// Reads up to the end of the header.
fn begin<R: Read>(
    source: R,
    config: &SourceConfig,
    table: &Table,
) -> Result<(Records<R>, Dialect, Header), Trouble> {
    let mut records = Records::new(Decoder::new(source, config.encoding)?);
    let (head, is_whole) = records.head()?;
    let dialect = dialect::prove(head, is_whole, config.delimiter, table)?;
    records.start(dialect.delimiter, dialect.first_line_bytes);
    let header = records.next()?.ok_or(DialectError::Empty)?;
    let header = Header::of(header);
    Ok((records, dialect, header))
}

impl CsvTable {
    /// Gives every record after the header to `each`.
    pub(in crate::source) fn rows<E>(
        &mut self,
        each: &mut dyn FnMut(SourceRow<'_>) -> Result<(), E>,
    ) -> Result<(), RowsError<E>> {
        let mut rows = CsvRows {
            columns: &self.columns,
            lacks: self.columns.lacking(),
            header: &self.header,
            delimiter: self.delimiter,
            buffer: Vec::new(),
            has_any: false,
        };
        let mut doubt: Option<UncertainRows> = None;
        loop {
            let next = self.records.next();
            let next = next.map_err(|trouble| self.file.unreadable(trouble.into()))?;
            let Some(record) = next else { break };
            if self.header.repeated_by(record) == Some(RepeatedHeader::OtherOrder) {
                let line = record.line;
                return Err(self.file.unreadable(Trouble::OtherHeader { line }).into());
            }
            let suspect = match &mut doubt {
                None => None,
                Some(before) => match before.look_at(record, self.header.len()) {
                    Verdict::Wait => continue,
                    Verdict::Rows => {
                        rows.give_all(before, None, each)?;
                        None
                    }
                    Verdict::Refused { line } => {
                        rows.give_all(before, Some(line), each)?;
                        Some(line)
                    }
                },
            };
            rows.give(record, suspect, each)?;
            doubt = UncertainRows::behind(record);
        }
        // No quote tells otherwise.
        if let Some(rest) = &doubt {
            rows.give_all(rest, None, each)?;
        }
        let has_rows = rows.has_any;
        self.file.unchanged()?;
        Ok(self
            .file
            .finished(self.records.has_last_line_end(), has_rows || !self.had_rows)?)
    }
}

/// Records on their way to whoever takes the rows.
struct CsvRows<'t> {
    columns: &'t Columns,
    /// The declared columns that the file does not have.
    lacks: Vec<usize>,
    header: &'t Header,
    delimiter: u8,
    /// Memory that is kept from row to row.
    buffer: Vec<Raw<'static>>,
    has_any: bool,
}

impl CsvRows<'_> {
    /// Gives one; `rest_of` says on which line a row begins whose rest it may be.
    fn give<E>(
        &mut self,
        record: Record<'_>,
        rest_of: Option<u64>,
        each: &mut dyn FnMut(SourceRow<'_>) -> Result<(), E>,
    ) -> Result<(), RowsError<E>> {
        let mut fields = reuse(std::mem::take(&mut self.buffer));
        let row = match malformed(record, rest_of, self.header) {
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
            lacks: &self.lacks,
        };
        each(row).map_err(RowsError::Taker)?;
        self.buffer = reuse(fields);
        self.has_any = true;
        Ok(())
    }

    /// Gives those that waited.
    fn give_all<E>(
        &mut self,
        doubt: &UncertainRows,
        rest_of: Option<u64>,
        each: &mut dyn FnMut(SourceRow<'_>) -> Result<(), E>,
    ) -> Result<(), RowsError<E>> {
        doubt
            .waiting()
            .try_for_each(|record| self.give(record, rest_of, each))
    }
}

/// Why a record is no row.
fn malformed(record: Record<'_>, rest_of: Option<u64>, header: &Header) -> Option<String> {
    match (record.problem, rest_of) {
        _ if header.repeated_by(record) == Some(RepeatedHeader::Same) => Some(
            "it repeats the header, as where files were put together; take the line away"
                .to_owned(),
        ),
        (Some(problem), _) => Some(problem.to_string()),
        (None, Some(line)) => Some(format!(
            "it may be the rest of the row of line {line}, whose quotes do not match"
        )),
        (None, None) if record.len() != header.len() => Some(format!(
            "the row has {}, the header {}",
            count(record.len() as u64, "field"),
            header.len()
        )),
        (None, None) => None,
    }
}

/// What may go wrong between opening a file and its last row.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Dialect(#[from] DialectError),
    #[error(
        "a quote that opens in the row of line {line} is never closed: the file is still being written, or a quote is missing"
    )]
    OpenQuote { line: u64 },
    #[error(
        "line {line} has the header's names in another order: what stands behind it is of another file; take the file apart there"
    )]
    OtherHeader { line: u64 },
}

impl Trouble {
    /// The same, where nobody can write a setting.
    fn without_settings(self) -> Self {
        match self {
            Self::Decode(error) => Self::Decode(error.without_settings()),
            Self::Dialect(error) => Self::Dialect(error.without_settings()),
            other => other,
        }
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

impl CsvOrigin {
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
        let trouble = match self.has_settings {
            true => trouble,
            false => trouble.without_settings(),
        };
        let why = format!("{}: {trouble}", self.path.display());
        let trouble = match trouble {
            Trouble::Decode(DecodeError::Io(error)) => cannot_read(&self.path, &error),
            Trouble::Decode(DecodeError::CutOff)
            | Trouble::Dialect(DialectError::Empty | DialectError::OpenQuote)
            | Trouble::OpenQuote { .. } => Unreadable::not_ready(why),
            Trouble::Decode(_) | Trouble::Dialect(_) | Trouble::OtherHeader { .. } => {
                Unreadable::failed(why)
            }
        };
        trouble.unless_abandoned(&self.path, self.now)
    }
}

/// The fields of all rows of a file that arrives in pieces of a given size, or why it is refused.
#[cfg(test)]
pub(super) fn read_all(
    bytes: &[u8],
    piece_bytes: usize,
    config: &SourceConfig,
    table: &Table,
) -> Result<Vec<Vec<Vec<u8>>>, String> {
    let read = || {
        let pieces = super::encoding::Pieces { bytes, piece_bytes };
        let (mut records, ..) = begin(pieces, config, table)?;
        let mut rows = Vec::new();
        while let Some(record) = records.next()? {
            rows.push(record.fields().map(<[u8]>::to_vec).collect());
        }
        Ok(rows)
    };
    read().map_err(|trouble: Trouble| trouble.to_string())
}

//! Rows that a reader of dumps took out of a file, put by until the scan takes them.
//!
//! A record of the file is its length (four bytes, little end first) and then, for a row, a zero, the line
//! where it begins (eight bytes) and each declared column's value behind a byte that says what it is; for
//! what is no row, a one, the line, why, and its text.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

use causeway_shared::dataset::Table;
use causeway_shared::value::Raw;

use crate::source::columns::{ColumnsError, columns};
use crate::source::row::{Malformed, RowsError, SourceRow, reuse};
use crate::source::{Columns, Unreadable};

/// How much of a refused row's text is kept, in bytes.
const MAX_TEXT_BYTES: usize = 2_000;

/// Most names of columns that are noted though the dataset does not have them.
const MAX_UNKNOWN: usize = 100;

/// Rows that may begin on one line before their numbers reach those of the next.
const ROWS_OF_LINE: u64 = 1 << 20;

/// The line on which the row of a number begins.
pub(crate) fn line_of(at: u64) -> u64 {
    at / ROWS_OF_LINE
}

/// Takes a table's rows.
#[derive(Debug)]
pub struct RowSpool {
    table: Table,
    path: PathBuf,
    file: BufWriter<File>,
    columns: Columns,
    rows: u64,
    record: Vec<u8>,
}

/// The columns of rows that were written together, in the order in which their values stand.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Per declared column its position among a row's values.
    found: Vec<Option<usize>>,
    values: usize,
}

impl RowSpool {
    /// A spool for a table's rows, in a file that is not there yet.
    ///
    /// # Errors
    /// The file's.
    pub fn create(path: PathBuf, table: &Table) -> io::Result<Self> {
        Ok(Self {
            table: table.clone(),
            file: BufWriter::new(File::create_new(&path)?),
            path,
            columns: Columns {
                found: vec![None; table.columns.len()],
                unknown: Vec::new(),
            },
            rows: 0,
            record: Vec::new(),
        })
    }

    /// The columns of the rows that come next, by the names that the file has for them.
    ///
    /// # Errors
    /// Which names fit no one column.
    pub fn statement(&mut self, names: &[String]) -> Result<Statement, String> {
        let Columns { found, unknown } =
            columns(&self.table, names).map_err(|error: ColumnsError| error.to_string())?;
        for (known, found) in self.columns.found.iter_mut().zip(&found) {
            *known = known.or(*found);
        }
        for name in unknown {
            let known = &self.columns.unknown;
            if known.len() < MAX_UNKNOWN && !known.contains(&name) {
                self.columns.unknown.push(name);
            }
        }
        Ok(Statement {
            found,
            values: names.len(),
        })
    }

    /// Takes a row that begins on a line, counted from 1.
    ///
    /// # Errors
    /// The file's.
    pub fn row(&mut self, line: u64, of: &Statement, values: &[Raw<'_>]) -> io::Result<()> {
        if values.len() != of.values {
            let reason = format!(
                "the row has {} values, and its statement {} columns",
                values.len(),
                of.values
            );
            let shown: Vec<String> = values.iter().map(Raw::show).collect();
            return self.malformed(line, &reason, &shown.join(","));
        }
        self.begin(0, line);
        for found in &of.found {
            let value = found.and_then(|at| values.get(at));
            write_field(value.copied(), &mut self.record);
        }
        self.end()
    }

    /// Takes what should be a row and is none, with the reason.
    ///
    /// # Errors
    /// The file's.
    pub fn malformed(&mut self, line: u64, reason: &str, text: &str) -> io::Result<()> {
        self.begin(1, line);
        write_bytes(reason.as_bytes(), &mut self.record);
        let shown = text.floor_char_boundary(MAX_TEXT_BYTES);
        write_bytes(&text.as_bytes()[..shown], &mut self.record);
        self.end()
    }

    fn begin(&mut self, kind: u8, line: u64) {
        self.record.clear();
        self.record.push(kind);
        self.record.extend_from_slice(&line.to_le_bytes());
    }

    fn end(&mut self) -> io::Result<()> {
        self.rows += 1;
        let bytes = u32::try_from(self.record.len()).map_err(io::Error::other)?;
        self.file.write_all(&bytes.to_le_bytes())?;
        self.file.write_all(&self.record)
    }

    /// How many rows it has taken.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Everything has been taken.
    ///
    /// # Errors
    /// The file's.
    pub fn finish(mut self) -> io::Result<SpooledRows> {
        self.file.flush()?;
        Ok(SpooledRows {
            path: self.path,
            columns: self.columns,
        })
    }
}

/// The rows of a table that were put by.
#[derive(Debug, Clone)]
pub struct SpooledRows {
    path: PathBuf,
    columns: Columns,
}

impl SpooledRows {
    /// Opens them for reading.
    pub(crate) fn open(&self) -> Result<SpooledTable, Unreadable> {
        let file = File::open(&self.path).map_err(|error| unreadable(&self.path, &error))?;
        Ok(SpooledTable {
            path: self.path.clone(),
            file: Some(BufReader::with_capacity(64 * 1024, file)),
            columns: self.columns.clone(),
        })
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Unreadable {
    Unreadable::failed(format!("{} cannot be read: {error}", path.display()))
}

/// Spooled rows about to be read.
pub(crate) struct SpooledTable {
    path: PathBuf,
    /// `None`: there are no rows.
    file: Option<BufReader<File>>,
    pub(crate) columns: Columns,
}

impl SpooledTable {
    /// No rows of a table, which counts as having all its columns.
    pub(super) fn nothing(table: &Table) -> Self {
        Self {
            path: PathBuf::new(),
            file: None,
            columns: Columns {
                found: (0..table.columns.len()).map(Some).collect(),
                unknown: Vec::new(),
            },
        }
    }

    /// Gives every row to `each`.
    pub(crate) fn rows<E>(
        &mut self,
        each: &mut dyn FnMut(SourceRow<'_>) -> Result<(), E>,
    ) -> Result<(), RowsError<E>> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let (mut record, mut buffer, mut lacks) =
            (Vec::new(), Vec::<Raw<'static>>::new(), Vec::new());
        let failed = |error: io::Error| unreadable(&self.path, &error);
        let mut at = 0;
        while next(file, &mut record).map_err(failed)? {
            let mut rest = Reader(&record);
            let mut fields: Vec<Raw<'_>> = reuse(buffer);
            lacks.clear();
            let row = rest.row(self.columns.found.len(), &mut fields, &mut lacks);
            let (line, malformed) = row.map_err(failed)?;
            // Any number of rows may begin on one line, and each has a number of its own.
            at = line.saturating_mul(ROWS_OF_LINE).max(at + 1);
            let row = SourceRow {
                at,
                fields: match malformed {
                    None => Ok(&fields),
                    Some(malformed) => Err(malformed),
                },
                lacks: &lacks,
            };
            each(row).map_err(RowsError::Taker)?;
            buffer = reuse(fields);
        }
        Ok(())
    }
}

/// Reads the next record; `false` at the end.
fn next(file: &mut impl Read, record: &mut Vec<u8>) -> io::Result<bool> {
    let mut bytes = [0; 4];
    match file.read(&mut bytes[..1])? {
        0 => return Ok(false),
        _ => file.read_exact(&mut bytes[1..])?,
    }
    record.resize(u32::from_le_bytes(bytes) as usize, 0);
    file.read_exact(record)?;
    Ok(true)
}

const LACKS: u8 = 0;
const NULL: u8 = 1;
const INT: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;
const NOT_UTF8: u8 = 5;
const REAL: u8 = 6;

fn write_field(value: Option<Raw<'_>>, record: &mut Vec<u8>) {
    match value {
        None => record.push(LACKS),
        Some(Raw::Null) => record.push(NULL),
        Some(Raw::Int(value)) => {
            record.push(INT);
            record.extend_from_slice(&value.to_le_bytes());
        }
        Some(Raw::Real(value)) => {
            record.push(REAL);
            record.extend_from_slice(&value.to_le_bytes());
        }
        Some(Raw::Text(text)) => {
            record.push(TEXT);
            write_bytes(text.as_bytes(), record);
        }
        Some(Raw::NotUtf8(bytes)) => {
            record.push(NOT_UTF8);
            write_bytes(bytes, record);
        }
        Some(Raw::Blob(bytes)) => {
            record.push(BLOB);
            write_bytes(bytes, record);
        }
    }
}

fn write_bytes(bytes: &[u8], record: &mut Vec<u8>) {
    // A statement has at most 16 MiB, and no value of it more.
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    record.extend_from_slice(&len.to_le_bytes());
    record.extend_from_slice(bytes);
}

/// What is left of a record.
struct Reader<'r>(&'r [u8]);

impl<'r> Reader<'r> {
    /// Reads the row, of so many columns: the line where it begins, and what is wrong with it.
    fn row(
        &mut self,
        columns: usize,
        fields: &mut Vec<Raw<'r>>,
        lacks: &mut Vec<usize>,
    ) -> io::Result<(u64, Option<Malformed>)> {
        let [kind] = self.fixed()?;
        let line = u64::from_le_bytes(self.fixed()?);
        if kind == 1 {
            let malformed = Malformed {
                reason: String::from_utf8_lossy(self.bytes()?).into_owned(),
                text: String::from_utf8_lossy(self.bytes()?).into_owned(),
            };
            return Ok((line, Some(malformed)));
        }
        for column in 0..columns {
            let [kind] = self.fixed()?;
            fields.push(match kind {
                LACKS => {
                    lacks.push(column);
                    Raw::Null
                }
                NULL => Raw::Null,
                INT => Raw::Int(i64::from_le_bytes(self.fixed()?)),
                REAL => Raw::Real(f64::from_le_bytes(self.fixed()?)),
                TEXT => Raw::Text(std::str::from_utf8(self.bytes()?).map_err(|_| damaged())?),
                NOT_UTF8 => Raw::NotUtf8(self.bytes()?),
                BLOB => Raw::Blob(self.bytes()?),
                _ => return Err(damaged()),
            });
        }
        Ok((line, None))
    }

    fn fixed<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn bytes(&mut self) -> io::Result<&'r [u8]> {
        let len = u32::from_le_bytes(self.fixed()?) as usize;
        let (bytes, rest) = self.0.split_at_checked(len).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(bytes)
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the rows put by are damaged")
}

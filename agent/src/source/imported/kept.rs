//! The store's rows of a table that stay beside those of a file: on disk, found by their key.
//!
//! A row of the file takes the place of the store's row of its key. Only when all rows are known it turns
//! out that one is refused, since it shares what it may not with another. Then the store's row has its place
//! again, and the table is read once more, without the row that is refused.

use std::cell::Cell;
use std::io;
use std::path::Path;

use causeway_shared::canonical_csv::{Field, split_fields};
use causeway_shared::dataset::Table;
use causeway_shared::value::{Forms, Raw, Value, parse};
use rusqlite::{Connection, OptionalExtension as _};

use crate::source::row::SourceRow;

/// The number of the first row of the store; the rows of files have smaller ones.
const FIRST: u64 = 1 << 62;

/// Whether a row of this number is one of the store's.
pub(crate) fn is_kept(at: u64) -> bool {
    at >= FIRST
}

/// The store's rows of one table.
#[derive(Debug)]
pub(crate) struct KeptRows {
    connection: Connection,
    table: Table,
    /// Whether rows of the file were refused that had taken a row's place, and whether since the table was
    /// read last.
    has_refused: Cell<bool>,
    has_news: Cell<bool>,
}

/// Why a row was refused: the column to blame, and what was found.
type Refusal = (Option<usize>, String);

impl KeptRows {
    /// None yet, in a file that is not there.
    pub(crate) fn create(path: &Path, table: &Table) -> io::Result<Self> {
        let connection = Connection::open(path).map_err(failed)?;
        connection
            .execute_batch(include_str!("kept/create.sql"))
            .map_err(failed)?;
        Ok(Self {
            connection,
            table: table.clone(),
            has_refused: Cell::new(false),
            has_news: Cell::new(false),
        })
    }

    /// Adds a canonical record, without its line feed.
    pub(crate) fn add(&mut self, record: &[u8]) -> io::Result<()> {
        let mut fields = Vec::new();
        split_fields(record, &mut fields).map_err(io::Error::other)?;
        let key = self.key(&fields, record);
        let mut insert = self
            .connection
            .prepare_cached(include_str!("kept/insert.sql"))
            .map_err(failed)?;
        insert.execute((key, record)).map_err(failed)?;
        Ok(())
    }

    /// A row's key in the form in which it sorts. A row whose key the dataset does not take any more
    /// is found by nobody; the scan refuses it.
    fn key(&self, fields: &[Field<'_>], record: &[u8]) -> Vec<u8> {
        key_of(&self.table, fields).unwrap_or_else(|| [b"\xff\xff", record].concat())
    }

    /// The row of a key, as a canonical record.
    pub(crate) fn find(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let mut one = self
            .connection
            .prepare_cached(include_str!("kept/one.sql"))
            .map_err(failed)?;
        one.query_row([key], |row| row.get(0))
            .optional()
            .map_err(failed)
    }

    /// Notes that a row of the file takes the place of the row of this key.
    pub(crate) fn replace(&self, key: &[u8], at: u64) -> io::Result<()> {
        let mut replace = self
            .connection
            .prepare_cached(include_str!("kept/replace.sql"))
            .map_err(failed)?;
        replace.execute((key, at)).map(drop).map_err(failed)
    }

    /// Notes that a row of the file is refused, if it has taken a row's place.
    pub(crate) fn refuse(&self, at: u64, column: Option<usize>, reason: &str) -> io::Result<()> {
        let mut refuse = self
            .connection
            .prepare_cached(include_str!("kept/refuse.sql"))
            .map_err(failed)?;
        if refuse.execute((at, column, reason)).map_err(failed)? > 0 {
            self.has_refused.set(true);
            self.has_news.set(true);
        }
        Ok(())
    }

    /// Why a row of the file was refused when the table was read before.
    pub(crate) fn refusal(&self, at: u64) -> io::Result<Option<Refusal>> {
        if !self.has_refused.get() {
            return Ok(None);
        }
        let mut refusal = self
            .connection
            .prepare_cached(include_str!("kept/refusal.sql"))
            .map_err(failed)?;
        refusal
            .query_row([at], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(failed)
    }

    /// Gives all rows their places back if one was taken by a row that is refused, which was not known
    /// before: then the table has to be read again.
    pub(crate) fn begin_again(&self) -> io::Result<bool> {
        if self.has_news.take() {
            let again = include_str!("kept/begin_again.sql");
            self.connection.execute(again, []).map_err(failed)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Gives every row that is left to `each`.
    pub(crate) fn rows<E: From<io::Error>>(
        &self,
        each: &mut dyn FnMut(SourceRow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut all = self
            .connection
            .prepare_cached(include_str!("kept/rest.sql"))
            .map_err(failed)?;
        let mut rows = all.raw_query();
        let mut at = FIRST;
        while let Some(row) = rows.next().map_err(failed)? {
            let record = row.get_ref(0).and_then(|value| Ok(value.as_blob()?));
            let record = record.map_err(failed)?;
            let mut fields = Vec::new();
            split_fields(record, &mut fields).map_err(io::Error::other)?;
            let raw: Vec<Raw<'_>> = fields.iter().map(raw).collect();
            each(SourceRow {
                at,
                fields: Ok(&raw),
                lacks: &[],
            })?;
            at += 1;
        }
        Ok(())
    }
}

/// A row's key in the form in which it sorts; `None` where the dataset does not take it any more.
pub(super) fn key_of(table: &Table, fields: &[Field<'_>]) -> Option<Vec<u8>> {
    let forms = Forms::default();
    let mut key = Vec::new();
    for column in &table.key {
        let value = match fields.get(*column) {
            Some(Some(text)) => parse(Raw::Text(text), table.columns[*column].ty, &forms),
            _ => Ok(Value::Null),
        };
        value.ok()?.write_sort_key(&mut key);
    }
    Some(key)
}

/// A canonical field as a raw value.
pub(crate) fn raw<'f>(field: &'f Field<'_>) -> Raw<'f> {
    field.as_deref().map_or(Raw::Null, Raw::Text)
}

fn failed(error: rusqlite::Error) -> io::Error {
    io::Error::other(error)
}

//! One published CSV file while it is made.

use std::io::{self, Write as _};

use causeway_shared::canonical_csv::{split_fields, write_header};
use causeway_shared::dataset::Table;
use causeway_shared::ids::{Md5, Name};

use super::manifest::Published;
use super::spool::{Spool, Spooled};

/// How Excel knows UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file of a table.
pub(super) struct CsvFile<'t> {
    table: &'t Table,
    spool: Spool,
    /// By column: whether a value holds a line break.
    breaks: Vec<bool>,
    failure: Option<io::Error>,
}

/// What a file holds.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    pub(super) md5: Md5,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// The columns in which a value holds a line break.
    pub(super) breaks: Vec<Name>,
}

impl Contents {
    /// Of a file that is published.
    pub(super) fn of(published: &Published) -> Self {
        Self {
            md5: published.md5,
            rows: published.rows,
            bytes: published.bytes,
            breaks: published.breaks.clone(),
        }
    }
}

/// A file, ready to be sent.
pub(super) struct WholeFile {
    pub(super) contents: Contents,
    pub(super) spooled: Spooled,
}

impl<'t> CsvFile<'t> {
    /// A file with its header.
    pub(super) fn new(table: &'t Table, bom: bool) -> Self {
        let mut header = Vec::new();
        if bom {
            header.extend_from_slice(BYTE_ORDER_MARK);
        }
        let names = table.columns.iter().map(|column| column.name.as_str());
        write_header(names, &mut header);
        let mut file = Self {
            table,
            spool: Spool::default(),
            breaks: vec![false; table.columns.len()],
            failure: None,
        };
        file.write(&header);
        file
    }

    /// Appends a canonical record, without its line feed. A failure shows in [`finish`](Self::finish).
    pub(super) fn push(&mut self, record: &[u8]) {
        if record.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            self.note_breaks(record);
        }
        self.write(record);
        self.write(b"\n");
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.failure.is_none() {
            self.failure = self.spool.write_all(bytes).err();
        }
    }

    fn note_breaks(&mut self, record: &[u8]) {
        let mut fields = Vec::new();
        // A record that is none was refused by its reader.
        if split_fields(record, &mut fields).is_ok() {
            for (holds, field) in self.breaks.iter_mut().zip(&fields) {
                *holds |= field
                    .as_ref()
                    .is_some_and(|text| text.contains(['\n', '\r']));
            }
        }
    }

    /// Says that the rows have ended.
    ///
    /// # Errors
    /// What the temporary folder says.
    pub(super) fn finish(self, rows: u64) -> io::Result<WholeFile> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let spooled = self.spool.finish()?;
        let columns = self.table.columns.iter().zip(&self.breaks);
        let breaks = columns.filter(|(_, holds)| **holds);
        Ok(WholeFile {
            contents: Contents {
                md5: spooled.md5,
                rows,
                bytes: spooled.bytes,
                breaks: breaks.map(|(column, _)| column.name.clone()).collect(),
            },
            spooled,
        })
    }
}

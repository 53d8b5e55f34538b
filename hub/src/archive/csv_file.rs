//! One published file while it is made: in memory, and past a size in a temporary file.

use std::io::{self, Write as _};

use causeway_shared::canonical_csv::{Digest, split_fields, write_header};
use causeway_shared::dataset::Table;
use causeway_shared::ids::{Md5, Name};
use causeway_shared::store::Body;
use tempfile::NamedTempFile;

use super::manifest::Published;

/// What is longer goes to a file.
const MOST_IN_MEMORY: usize = 4 * 1024 * 1024;

/// How Excel knows UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file of a table.
pub(super) struct CsvFile<'t> {
    table: &'t Table,
    /// What is not in the temporary file.
    buffer: Vec<u8>,
    file: Option<NamedTempFile>,
    digest: Digest,
    bytes: u64,
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
    pub(super) body: Body,
    /// Ends with this.
    _file: Option<NamedTempFile>,
}

impl<'t> CsvFile<'t> {
    /// A file with its header.
    pub(super) fn new(table: &'t Table, bom: bool) -> Self {
        let mut buffer = Vec::new();
        if bom {
            buffer.extend_from_slice(BYTE_ORDER_MARK);
        }
        let names = table.columns.iter().map(|column| column.name.as_str());
        write_header(names, &mut buffer);
        Self {
            table,
            buffer,
            file: None,
            digest: Digest::default(),
            bytes: 0,
            breaks: vec![false; table.columns.len()],
            failure: None,
        }
    }

    /// Appends a canonical record, without its line feed. A failure shows in [`finish`](Self::finish).
    pub(super) fn push(&mut self, record: &[u8]) {
        if record.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            self.note_breaks(record);
        }
        self.buffer.extend_from_slice(record);
        self.buffer.push(b'\n');
        if self.buffer.len() >= MOST_IN_MEMORY && self.failure.is_none() {
            self.failure = self.spill().err();
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

    fn count(&mut self) {
        self.digest.update(&self.buffer);
        self.bytes += self.buffer.len() as u64;
    }

    fn spill(&mut self) -> io::Result<()> {
        self.count();
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(NamedTempFile::new()?),
        };
        file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Says that the rows have ended.
    ///
    /// # Errors
    /// What the temporary folder says.
    pub(super) fn finish(mut self, rows: u64) -> io::Result<WholeFile> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let body = if self.file.is_some() {
            self.spill()?;
            self.file
                .as_ref()
                .map(|file| Body::File(file.path().to_owned()))
        } else {
            self.count();
            None
        };
        let columns = self.table.columns.iter().zip(&self.breaks);
        let breaks = columns.filter(|(_, holds)| **holds);
        Ok(WholeFile {
            contents: Contents {
                md5: self.digest.finish(),
                rows,
                bytes: self.bytes,
                breaks: breaks.map(|(column, _)| column.name.clone()).collect(),
            },
            body: body.unwrap_or_else(|| self.buffer.into()),
            _file: self.file,
        })
    }
}

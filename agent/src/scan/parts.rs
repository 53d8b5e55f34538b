//! Writing partitions: stored rows in the order of part and key, as canonical CSV with its MD5 and
//! summary.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};

use causeway_shared::canonical_csv::{Digest, write_header};
use causeway_shared::dataset::Table;
use causeway_shared::ids::{Md5, Part};
use causeway_shared::summary::SummaryBuilder;
use causeway_shared::value::{Forms, Raw, Type, Value, parse};

use super::OnPart;
use super::outcome::PartitionContent;
use super::read::{Halt, ReadTable};
use super::record::text_of;
use super::references::Noting;
use super::spill::SpillDir;
use super::stored::{PartCode, Stored, damaged, split_key};
use crate::source::reuse;

/// Most bytes of a partition that stay in memory.
const MAX_IN_MEMORY_BYTES: usize = 1024 * 1024;

/// A partition's bytes.
#[derive(Debug)]
pub(crate) enum PartBytes {
    /// In memory: a small one.
    Memory(Vec<u8>),
    /// In a temporary file that is gone when this is dropped.
    File {
        /// The file.
        file: File,
        bytes: u64,
    },
}

impl PartBytes {
    /// How many bytes there are.
    #[must_use]
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { bytes, .. } => *bytes,
        }
    }

    /// Reads them from the beginning.
    ///
    /// # Errors
    /// The temporary file's failure.
    pub(crate) fn reader(&mut self) -> io::Result<Box<dyn Read + '_>> {
        match self {
            Self::Memory(bytes) => Ok(Box::new(bytes.as_slice())),
            Self::File { file, .. } => {
                file.seek(SeekFrom::Start(0))?;
                Ok(Box::new(file))
            }
        }
    }
}

/// Writes all partitions of a table.
pub(super) fn write_parts(
    writer: &mut PartWriter<'_>,
    read: &ReadTable,
    references: &mut Noting<'_>,
    on_part: &mut OnPart<'_>,
) -> Result<BTreeMap<Part, PartitionContent>, Halt> {
    let mut stream = read.rows.stream()?;
    let mut current: Option<PartCode> = None;
    let mut parts = BTreeMap::new();
    let mut end = |writer: &mut PartWriter<'_>, part| {
        let (part, content, csv) = writer.finish(part)?;
        let object = (writer.table.name.clone(), part, content.md5);
        parts.insert(part, content);
        on_part(object, csv).map_err(Halt::Part)
    };
    let mut kept_buffer: Vec<&'static [u8]> = Vec::new();
    while stream.advance()? {
        let row = Stored::read(stream.payload())?;
        if read.refused.contains(row.at) {
            continue;
        }
        let (part, _) = split_key(stream.key())?;
        if current != Some(part) {
            if let Some(done) = current {
                end(writer, done)?;
            }
            current = Some(part);
        }
        let mut kept: Vec<&[u8]> = reuse(kept_buffer);
        kept.extend(row.kept());
        writer.add(row.record, read.kept.columns(), &kept)?;
        references.add(&kept)?;
        kept_buffer = reuse(kept);
    }
    if let Some(done) = current {
        end(writer, done)?;
    }
    Ok(parts)
}

/// The value that a field was written from: it reads back as just that.
fn value_of(field: &[u8], ty: Type) -> io::Result<Value<'_>> {
    let value = match text_of(field) {
        None => Ok(Value::Null),
        Some(Cow::Borrowed(text)) => parse(Raw::Text(text), ty, &Forms::default()),
        Some(Cow::Owned(text)) => {
            parse(Raw::Text(&text), ty, &Forms::default()).map(Value::into_owned)
        }
    };
    value.map_err(|_| damaged())
}

/// Writes one partition of a table after the other.
pub(super) struct PartWriter<'d> {
    table: &'d Table,
    /// The number of the table's buckets, or `None` if its parts are dates.
    buckets: Option<u32>,
    spill: &'d SpillDir,
    max_in_memory_bytes: usize,
    header: Vec<u8>,
    summary: SummaryBuilder,
    row: Vec<Value<'static>>,
    /// The partition's bytes that are not in the file.
    bytes: Vec<u8>,
    file: Option<BigPart>,
    rows: u64,
}

/// The part of a partition that has outgrown memory.
struct BigPart {
    file: File,
    bytes: u64,
    digest: Digest,
}

impl<'d> PartWriter<'d> {
    pub(super) fn new(
        table: &'d Table,
        buckets: Option<u32>,
        spill: &'d SpillDir,
        memory_bytes: usize,
    ) -> Self {
        let mut header = Vec::new();
        write_header(
            table.columns.iter().map(|column| column.name.as_str()),
            &mut header,
        );
        Self {
            table,
            buckets,
            spill,
            max_in_memory_bytes: MAX_IN_MEMORY_BYTES.min(memory_bytes / 8),
            bytes: header.clone(),
            header,
            summary: SummaryBuilder::new(table),
            row: Vec::new(),
            file: None,
            rows: 0,
        }
    }

    /// Adds a row, given its record and its kept fields.
    fn add(&mut self, record: &[u8], columns: &[usize], kept: &[&[u8]]) -> io::Result<()> {
        self.bytes.extend_from_slice(record);
        self.rows += 1;
        self.summarise(columns, kept)?;
        if self.bytes.len() > self.max_in_memory_bytes {
            self.outgrow()?;
        }
        Ok(())
    }

    fn summarise(&mut self, columns: &[usize], kept: &[&[u8]]) -> io::Result<()> {
        let spec = &self.table.summary;
        if spec.count_by.is_empty() && spec.sum.is_empty() {
            return Ok(());
        }
        let mut row: Vec<Value<'_>> = reuse(std::mem::take(&mut self.row));
        row.resize(self.table.columns.len(), Value::Null);
        for (column, field) in columns.iter().zip(kept) {
            if spec.count_by.contains(column) || spec.sum.contains(column) {
                row[*column] = value_of(field, self.table.columns[*column].ty)?;
            }
        }
        self.summary.add(&row);
        self.row = reuse(row);
        Ok(())
    }

    /// Moves what is in memory to a file.
    fn outgrow(&mut self) -> io::Result<()> {
        let big = match &mut self.file {
            Some(big) => big,
            none => none.insert(BigPart {
                file: self.spill.file()?,
                bytes: 0,
                digest: Digest::default(),
            }),
        };
        big.digest.update(&self.bytes);
        big.file.write_all(&self.bytes)?;
        big.bytes += self.bytes.len() as u64;
        self.bytes.clear();
        Ok(())
    }

    /// Ends the partition and begins the next.
    fn finish(&mut self, part: PartCode) -> io::Result<(Part, PartitionContent, PartBytes)> {
        if self.file.is_some() {
            self.outgrow()?;
        }
        // The next partition is likely to be about as large.
        let mut next = Vec::with_capacity(self.bytes.len() + self.bytes.len() / 8);
        next.extend_from_slice(&self.header);
        let bytes = std::mem::replace(&mut self.bytes, next);
        let (md5, csv) = match self.file.take() {
            None => (Md5::of(&bytes), PartBytes::Memory(bytes)),
            Some(big) => (
                big.digest.finish(),
                PartBytes::File {
                    file: big.file,
                    bytes: big.bytes,
                },
            ),
        };
        let content = PartitionContent {
            md5,
            rows: std::mem::take(&mut self.rows),
            summary: self.summary.finish(self.table),
        };
        Ok((part.part(self.buckets)?, content, csv))
    }
}

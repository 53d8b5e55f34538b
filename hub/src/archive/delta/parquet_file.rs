//! One partition's rows as a Parquet file.
//!
//! Written with the `parquet` crate without Arrow, which would take four times the build and no less time
//! to write. A row group is kept in memory until it is whole.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;

use causeway_shared::canonical_csv::Field;
use causeway_shared::dataset::{Column, Table};
use causeway_shared::log::ZSTD_LEVEL;
use causeway_shared::value::{MAX_DECIMAL_DIGITS, Type};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::Result as ParquetResult;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, Type as SchemaType};
use serde_json::{Map, Value as Json, json};

use super::columns::ColumnBuffer;

/// A row group has at most so many rows.
const ROWS_A_GROUP: u64 = 100_000;

/// Room is made beforehand for at most so many rows.
const MOST_ROWS_OF_ROOM: u64 = 1_000;

/// A row group that takes so many bytes is written.
const BYTES_A_GROUP: usize = 8 * 1024 * 1024;

/// A file whose first row group takes less is small, and not compressed: most partitions are a day's rows, for which it
/// would take three times as long as all the rest.
const MIN_COMPRESSED_BYTES: usize = 64 * 1024;

/// Why rows do not become a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParquetError {
    /// A record is none of the table.
    #[error("row {row} cannot be written to Parquet: {problem}")]
    Record { row: u64, problem: String },
    #[error("Parquet cannot be written: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
}

/// How the files of a table are written.
#[derive(Debug)]
pub(super) struct FileFormat<'t> {
    table: &'t Table,
    schema: Arc<SchemaType>,
    small: Arc<WriterProperties>,
    large: Arc<WriterProperties>,
}

impl<'t> FileFormat<'t> {
    pub(super) fn of(table: &'t Table) -> ParquetResult<Self> {
        // Engines leave a small file out by the log's statistics, or read all of it.
        let mut small = properties(false)?.set_statistics_enabled(EnabledStatistics::None);
        let mut large = properties(true)?;
        for column in table.columns.iter().filter(is_written_plain) {
            let path = ColumnPath::from(column.name.as_str());
            small = small.set_column_dictionary_enabled(path.clone(), false);
            large = large.set_column_dictionary_enabled(path, false);
        }
        Ok(Self {
            table,
            schema: Arc::new(parse_message_type(&message(table))?),
            small: Arc::new(small.build()),
            large: Arc::new(large.build()),
        })
    }
}

/// A file of a table.
pub(super) struct ParquetFile<'f, W: Write + Send> {
    format: &'f FileFormat<'f>,
    /// Where to write, until there is a writer.
    to: Option<W>,
    writer: Option<SerializedFileWriter<W>>,
    columns: Vec<ColumnBuffer>,
    rows: u64,
    /// Of the row group in hand.
    group_rows: u64,
    group_bytes: usize,
}

impl<'f, W: Write + Send> ParquetFile<'f, W> {
    /// A file of about so many rows.
    pub(super) fn new(format: &'f FileFormat<'f>, rows: u64, to: W) -> Self {
        let room = usize::try_from(rows.min(MOST_ROWS_OF_ROOM)).unwrap_or_default();
        let columns = format.table.columns.iter();
        Self {
            format,
            to: Some(to),
            writer: None,
            columns: columns
                .map(|column| ColumnBuffer::new(column, room))
                .collect(),
            rows: 0,
            group_rows: 0,
            group_bytes: 0,
        }
    }

    /// Appends a row: the fields of its canonical record.
    pub(super) fn push(&mut self, fields: &[Field<'_>]) -> Result<(), ParquetError> {
        self.rows += 1;
        let row = self.rows;
        let refuse = |problem| ParquetError::Record { row, problem };
        if fields.len() != self.columns.len() {
            return Err(refuse("it has another number of fields".to_owned()));
        }
        for (at, (column, field)) in self.columns.iter_mut().zip(fields).enumerate() {
            let pushed = column.push(field.as_deref());
            let name = &self.format.table.columns[at].name;
            self.group_bytes +=
                pushed.map_err(|problem| refuse(format!("column {name}: {problem}")))?;
        }
        self.group_rows += 1;
        if self.group_rows >= ROWS_A_GROUP || self.group_bytes >= BYTES_A_GROUP {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> ParquetResult<()> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            // Made when it is known how much there is to write.
            none => {
                let to = self.to.take().ok_or_else(failed_before)?;
                let properties = match self.group_bytes < MIN_COMPRESSED_BYTES {
                    true => &self.format.small,
                    false => &self.format.large,
                };
                let (schema, properties) = (&self.format.schema, Arc::clone(properties));
                let schema = Arc::clone(schema);
                none.insert(SerializedFileWriter::new(to, schema, properties)?)
            }
        };
        let mut group = writer.next_row_group()?;
        for column in &mut self.columns {
            if let Some(mut to) = group.next_column()? {
                column.write(&mut to)?;
                to.close()?;
            }
        }
        group.close()?;
        (self.group_rows, self.group_bytes) = (0, 0);
        Ok(())
    }

    /// Says that the rows have ended: what was written to, and Delta Lake's statistics.
    pub(super) fn finish(mut self) -> Result<(W, String), ParquetError> {
        if self.group_rows > 0 || self.writer.is_none() {
            self.write_group()?;
        }
        let stats = stats(self.format.table, &self.columns, self.rows);
        let writer = self.writer.ok_or_else(failed_before)?;
        // It ends the file as well.
        Ok((writer.into_inner()?, stats))
    }
}

fn failed_before() -> parquet::errors::ParquetError {
    parquet::errors::ParquetError::General("an earlier row group could not be written".to_owned())
}

/// Whether a column has no dictionary: most numbers differ, and a third of the time would go into looking for
/// those that do not.
fn is_written_plain(column: &&Column) -> bool {
    match column.ty {
        Type::Int | Type::Float | Type::Timestamp | Type::Decimal(_) => true,
        Type::Bool | Type::Date | Type::Time | Type::Text | Type::Phone => false,
    }
}

/// How files are written.
pub(super) fn properties(is_compressed: bool) -> ParquetResult<WriterPropertiesBuilder> {
    let compression = match is_compressed {
        true => Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?),
        false => Compression::UNCOMPRESSED,
    };
    Ok(WriterProperties::builder()
        .set_compression(compression)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true))
}

/// The schema in Parquet's words.
fn message(table: &Table) -> String {
    let mut message = "message row {\n".to_owned();
    for Column { name, ty, .. } in &table.columns {
        // Writing to a String cannot fail.
        let _ = match ty {
            Type::Int => writeln!(message, "optional int64 {name};"),
            Type::Float => writeln!(message, "optional double {name};"),
            Type::Bool => writeln!(message, "optional boolean {name};"),
            Type::Date => writeln!(message, "optional int32 {name} (DATE);"),
            Type::Timestamp => {
                writeln!(message, "optional int64 {name} (TIMESTAMP(MICROS,false));")
            }
            Type::Text | Type::Phone | Type::Time => {
                writeln!(message, "optional binary {name} (STRING);")
            }
            Type::Decimal(scale) => writeln!(
                message,
                "optional fixed_len_byte_array(16) {name} (DECIMAL({MAX_DECIMAL_DIGITS},{scale}));"
            ),
        };
    }
    message + "}"
}

fn stats(table: &Table, columns: &[ColumnBuffer], rows: u64) -> String {
    let (mut least, mut most, mut nulls) = (Map::new(), Map::new(), Map::new());
    for (Column { name, .. }, column) in table.columns.iter().zip(columns) {
        let named = [
            (&mut least, column.bounds.least()),
            (&mut most, column.bounds.most()),
        ];
        for (all, bound) in named {
            if let Some(bound) = bound {
                all.insert(name.to_string(), bound);
            }
        }
        nulls.insert(name.to_string(), json!(column.bounds.nulls));
    }
    let stats: Json = json!({
        "numRecords": rows,
        "minValues": least,
        "maxValues": most,
        "nullCount": nulls,
    });
    stats.to_string()
}

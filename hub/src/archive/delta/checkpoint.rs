//! Delta's checkpoints: a table's actions as one Parquet file, so that a reader need not replay its log.
//!
//! A row is an action; its columns nest. They are cut into Parquet's flat columns from the action's JSON, by the
//! schema alone.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::Result as ParquetResult;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;
use serde_json::Value as Json;

use super::actions::Action;
use super::parquet_file::{ParquetError, properties};

/// The columns of a checkpoint, as Delta's protocol has them.
const SCHEMA: &str = "message action {
    optional group txn {
        optional binary appId (STRING);
        optional int64 version;
        optional int64 lastUpdated;
    }
    optional group add {
        optional binary path (STRING);
        optional group partitionValues (MAP) {
            repeated group key_value { required binary key (STRING); optional binary value (STRING); }
        }
        optional int64 size;
        optional int64 modificationTime;
        optional boolean dataChange;
        optional group tags (MAP) {
            repeated group key_value { required binary key (STRING); optional binary value (STRING); }
        }
        optional binary stats (STRING);
    }
    optional group remove {
        optional binary path (STRING);
        optional int64 deletionTimestamp;
        optional boolean dataChange;
        optional boolean extendedFileMetadata;
        optional group partitionValues (MAP) {
            repeated group key_value { required binary key (STRING); optional binary value (STRING); }
        }
        optional int64 size;
    }
    optional group metaData {
        optional binary id (STRING);
        optional binary name (STRING);
        optional binary description (STRING);
        optional group format {
            optional binary provider (STRING);
            optional group options (MAP) {
                repeated group key_value { required binary key (STRING); optional binary value (STRING); }
            }
        }
        optional binary schemaString (STRING);
        optional group partitionColumns (LIST) {
            repeated group list { optional binary element (STRING); }
        }
        optional int64 createdTime;
        optional group configuration (MAP) {
            repeated group key_value { required binary key (STRING); optional binary value (STRING); }
        }
    }
    optional group protocol {
        optional int32 minReaderVersion;
        optional int32 minWriterVersion;
        optional group readerFeatures (LIST) {
            repeated group list { optional binary element (STRING); }
        }
        optional group writerFeatures (LIST) {
            repeated group list { optional binary element (STRING); }
        }
    }
}";

/// So many actions are cut at once.
const ACTIONS_A_GROUP: usize = 10_000;

/// Writes actions as a checkpoint.
pub(super) fn write<W: Write + Send>(actions: &[Action], to: W) -> Result<W, ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = Arc::new(properties(true)?.build());
    let mut writer = SerializedFileWriter::new(to, Arc::clone(&schema), properties)?;
    for some in actions.chunks(ACTIONS_A_GROUP) {
        let mut leaves = Leaves::default();
        for action in some {
            let json = serde_json::to_value(action).map_err(|error| ParquetError::Record {
                row: 0,
                problem: error.to_string(),
            })?;
            leaves.at = 0;
            for column in schema.get_fields() {
                leaves.cut(column, json.get(column.name()), Levels::default());
            }
        }
        let mut group = writer.next_row_group()?;
        for leaf in leaves.columns {
            if let Some(mut to) = group.next_column()? {
                leaf.write(&mut to)?;
                to.close()?;
            }
        }
        group.close()?;
    }
    Ok(writer.into_inner()?)
}

/// Where a value stands in its row: how many of what it lies in are there, and are repeated.
#[derive(Debug, Clone, Copy, Default)]
struct Levels {
    definition: i16,
    repetition: i16,
}

impl Levels {
    fn deeper(self, is: bool) -> Self {
        let definition = self.definition + i16::from(is);
        Self { definition, ..self }
    }
}

/// The flat columns.
#[derive(Debug, Default)]
struct Leaves {
    columns: Vec<Leaf>,
    /// The next of them.
    at: usize,
}

/// A flat column.
#[derive(Debug, Default)]
struct Leaf {
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    bytes: Vec<ByteArray>,
    int64: Vec<i64>,
    int32: Vec<i32>,
    bools: Vec<bool>,
    physical: Option<Physical>,
}

impl Leaves {
    /// Cuts a value of a column. The schema repeats nothing within what is repeated.
    fn cut(&mut self, column: &Type, value: Option<&Json>, levels: Levels) {
        let Some(value) = value.filter(|value| !value.is_null()) else {
            self.absent(column, levels);
            return;
        };
        let is_optional = column.get_basic_info().repetition() == Repetition::OPTIONAL;
        let levels = levels.deeper(is_optional);
        if column.is_primitive() {
            self.leaf(column, levels).push(value);
            return;
        }
        match (column.get_basic_info().logical_type_ref(), value) {
            (Some(LogicalType::Map), Json::Object(entries)) => {
                let entries = entries.iter();
                let entries =
                    entries.map(|(key, value)| vec![Json::from(key.as_str()), value.clone()]);
                self.repeated(column, entries, levels);
            }
            (Some(LogicalType::List), Json::Array(items)) => {
                self.repeated(column, items.iter().map(|item| vec![item.clone()]), levels);
            }
            _ => {
                for field in column.get_fields() {
                    self.cut(field, value.get(field.name()), levels);
                }
            }
        }
    }

    fn repeated(
        &mut self,
        column: &Type,
        entries: impl ExactSizeIterator<Item = Vec<Json>>,
        levels: Levels,
    ) {
        let Some(group) = column.get_fields().first() else {
            return;
        };
        if entries.len() == 0 {
            self.absent(group, levels);
            return;
        }
        let first = self.at;
        for (index, entry) in entries.enumerate() {
            self.at = first;
            let levels = Levels {
                definition: levels.definition + 1,
                repetition: i16::from(index > 0),
            };
            for (field, value) in group.get_fields().iter().zip(&entry) {
                self.cut(field, Some(value), levels);
            }
        }
    }

    /// Notes for each flat column of a column that there is nothing.
    fn absent(&mut self, column: &Type, levels: Levels) {
        if column.is_primitive() {
            self.leaf(column, levels);
            return;
        }
        for field in column.get_fields() {
            self.absent(field, levels);
        }
    }

    /// The next flat column, with its levels noted.
    fn leaf(&mut self, column: &Type, levels: Levels) -> &mut Leaf {
        if self.at == self.columns.len() {
            self.columns.push(Leaf::default());
        }
        let leaf = &mut self.columns[self.at];
        self.at += 1;
        leaf.physical = Some(column.get_physical_type());
        leaf.definitions.push(levels.definition);
        leaf.repetitions.push(levels.repetition);
        leaf
    }
}

impl Leaf {
    fn push(&mut self, value: &Json) {
        match self.physical {
            Some(Physical::INT64) => self.int64.push(value.as_i64().unwrap_or_default()),
            Some(Physical::INT32) => {
                let int = value.as_i64().and_then(|int| i32::try_from(int).ok());
                self.int32.push(int.unwrap_or_default());
            }
            Some(Physical::BOOLEAN) => self.bools.push(value.as_bool().unwrap_or_default()),
            _ => {
                let text = value.as_str().unwrap_or_default();
                self.bytes.push(ByteArray::from(text));
            }
        }
    }

    fn write(&self, to: &mut SerializedColumnWriter<'_>) -> ParquetResult<()> {
        let levels = (
            Some(self.definitions.as_slice()),
            Some(self.repetitions.as_slice()),
        );
        match self.physical {
            Some(Physical::INT64) => {
                let to = to.typed::<Int64Type>();
                to.write_batch(&self.int64, levels.0, levels.1)?;
            }
            Some(Physical::INT32) => {
                let to = to.typed::<Int32Type>();
                to.write_batch(&self.int32, levels.0, levels.1)?;
            }
            Some(Physical::BOOLEAN) => {
                let to = to.typed::<BoolType>();
                to.write_batch(&self.bools, levels.0, levels.1)?;
            }
            _ => {
                let to = to.typed::<ByteArrayType>();
                to.write_batch(&self.bytes, levels.0, levels.1)?;
            }
        }
        Ok(())
    }
}

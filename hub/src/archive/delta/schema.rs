//! The columns of a Delta table over all sites.
//!
//! A table has every column that one of its sites has, or had, by name; a file that lacks one reads as NULL
//! there. So sites whose datasets are at different versions lie in one table.

use causeway_shared::dataset::Table;
use causeway_shared::value::{MAX_DECIMAL_DIGITS, Type};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// The columns by which a table is partitioned.
pub(super) const PARTITION_COLUMNS: [&str; 2] = ["site", "part"];

/// What a timestamp without a zone is called; readers have to know it.
const TIMESTAMP: &str = "timestamp_ntz";

/// The columns of a table in Delta's words, without those that partition it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Schema(pub(super) Vec<Field>);

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Field {
    name: String,
    #[serde(rename = "type")]
    ty: String,
    nullable: bool,
    metadata: Map<String, Json>,
}

/// `schemaString`.
#[derive(Serialize, Deserialize)]
struct Struct {
    #[serde(rename = "type")]
    ty: String,
    fields: Vec<Field>,
}

/// Why a site's rows do not go into a table.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SchemaError {
    #[error(
        "its column {column} has the name of one that Delta tables add; declare another, with \
         source = {column:?}"
    )]
    Taken { column: String },
    #[error(
        "its column {column} is {now}, and the published Delta table has it as {was}; remove \
         archive/delta/{table}/, and the next run publishes it anew"
    )]
    OtherType {
        table: String,
        column: String,
        was: String,
        now: String,
    },
}

impl Field {
    fn new(name: &str, ty: &str) -> Self {
        Self {
            name: name.to_owned(),
            ty: ty.to_owned(),
            nullable: true,
            metadata: Map::new(),
        }
    }
}

impl Schema {
    /// The same with the columns of a site's table.
    pub(super) fn with(&self, table: &Table) -> Result<Self, SchemaError> {
        let mut schema = self.clone();
        for column in &table.columns {
            let (name, ty) = (column.name.as_str(), type_name(column.ty));
            if PARTITION_COLUMNS.contains(&name) {
                let column = name.to_owned();
                return Err(SchemaError::Taken { column });
            }
            match schema.0.iter().find(|field| field.name == name) {
                None => schema.0.push(Field::new(name, &ty)),
                Some(field) if field.ty == ty => {}
                Some(field) => {
                    return Err(SchemaError::OtherType {
                        table: table.name.to_string(),
                        column: name.to_owned(),
                        was: field.ty.clone(),
                        now: ty,
                    });
                }
            }
        }
        Ok(schema)
    }

    /// Whether readers have to know timestamps without a zone.
    pub(super) fn has_timestamps(&self) -> bool {
        self.0.iter().any(|field| field.ty == TIMESTAMP)
    }

    /// As the log has it.
    pub(super) fn to_text(&self) -> Result<String, serde_json::Error> {
        let partition = PARTITION_COLUMNS.map(|name| Field::new(name, "string"));
        let fields = self.0.iter().cloned().chain(partition);
        serde_json::to_string(&Struct {
            ty: "struct".to_owned(),
            fields: fields.collect(),
        })
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    pub(super) fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        let Struct { mut fields, .. } = serde_json::from_str(text)?;
        fields.retain(|field| !PARTITION_COLUMNS.contains(&field.name.as_str()));
        Ok(Self(fields))
    }
}

fn type_name(ty: Type) -> String {
    match ty {
        Type::Int => "long".to_owned(),
        Type::Float => "double".to_owned(),
        Type::Decimal(scale) => format!("decimal({MAX_DECIMAL_DIGITS},{scale})"),
        Type::Bool => "boolean".to_owned(),
        Type::Text | Type::Phone | Type::Time => "string".to_owned(),
        Type::Date => "date".to_owned(),
        Type::Timestamp => TIMESTAMP.to_owned(),
    }
}

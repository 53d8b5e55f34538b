//! The dataset as it is written: the TOML file, and the JSON of the same shape that a site's log
//! keeps. Every default is left out when it is written, so that two ways of saying the same give
//! the same canonical JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A dataset file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Its tables.
    #[serde(rename = "table")]
    pub tables: Vec<Table>,
}

/// A `[[table]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its name in the source, where that differs by more than case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The names of the key's columns.
    pub key: Vec<String>,
    /// Its partitioning.
    pub partition: Partition,
    /// Its merge rule.
    #[serde(default, skip_serializing_if = "is_default")]
    pub merge: Merge,
    /// Its unique rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unique: Vec<Unique>,
    /// Its summary.
    #[serde(default, skip_serializing_if = "is_default")]
    pub summary: Summary,
    /// Column name → number of buckets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lookup: BTreeMap<String, u32>,
    /// `left < right`, and the like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<String>,
    /// Its columns.
    #[serde(rename = "column")]
    pub columns: Vec<Column>,
}

/// `partition = …`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Partition {
    /// `{ by = "date" }`
    By(By),
    /// `{ via = "appointment", on = "appointmentid" }`
    Via(Via),
    /// `{ buckets = 16 }`
    Buckets(Buckets),
}

/// `{ by = "date" }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct By {
    /// The date or timestamp column.
    pub by: String,
}

/// `{ via = "appointment", on = "appointmentid" }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Via {
    /// The parent table.
    pub via: String,
    /// The child's column that holds the parent's key.
    pub on: String,
}

/// `{ buckets = 16 }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Buckets {
    /// How many.
    pub buckets: u32,
}

/// `merge = "cloud" | "site" | { latest = "<column>" }`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Merge {
    /// The cloud's value stands.
    #[default]
    Cloud,
    /// The site's value stands.
    Site,
    /// The later row by this column stands.
    Latest(String),
}

/// `{ columns = […], unless = { status = ["cancelled"] } }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unique {
    /// The columns.
    pub columns: Vec<String>,
    /// Column name → values that exempt a row.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unless: BTreeMap<String, Vec<String>>,
}

/// `{ count_by = […], sum = […] }`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Columns to count by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub count_by: Vec<String>,
    /// Columns to sum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sum: Vec<String>,
}

/// A `[[table.column]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type's name.
    #[serde(rename = "type")]
    pub ty: String,
    /// Its name in the source, where that differs by more than case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Least value of a number or a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Constant>,
    /// Greatest value of a number or a date; most code points of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Constant>,
    /// Whether a value is required.
    #[serde(default, skip_serializing_if = "is_default")]
    pub not_null: bool,
    /// What a missing value becomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<DefaultValue>,
    /// The only values allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The table whose key it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<String>,
}

/// `default = 60` or `default = { column = "date" }`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DefaultValue {
    /// Another column's value.
    Column(FromColumn),
    /// A constant.
    Constant(Constant),
}

/// `{ column = "date" }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromColumn {
    /// The column.
    pub column: String,
}

/// A constant: dates and times are written as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Constant {
    /// `true`
    Bool(bool),
    /// `60`
    Int(i64),
    /// `4.5`
    Float(f64),
    /// `"pending"`
    Text(String),
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

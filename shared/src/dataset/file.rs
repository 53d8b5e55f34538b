//! The dataset as it is written: the TOML file, and the JSON of the same shape that a site's log
//! keeps. Every default is left out when it is written, so that two ways of saying the same give
//! the same canonical JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A dataset file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetFile {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Its tables.
    #[serde(default, rename = "table")]
    pub tables: Vec<TableSection>,
}

/// A `[[table]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSection {
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
    pub unique: Vec<UniqueSection>,
    /// Its summary.
    #[serde(default, skip_serializing_if = "is_default")]
    pub summary: SummarySection,
    /// The columns by which rows are found in history.
    #[serde(default, skip_serializing_if = "Lookup::is_empty")]
    pub lookup: Lookup,
    /// Groups of columns that count as one value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merge_together: Vec<Vec<String>>,
    /// `left < right`, and the like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<String>,
    /// Its columns.
    #[serde(rename = "column")]
    pub columns: Vec<ColumnSection>,
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

/// `merge = "cloud" | "site"`: which value stands where site and cloud changed the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Merge {
    /// The cloud's value stands.
    #[default]
    Cloud,
    /// The site's value stands.
    Site,
}

/// `lookup = ["customerid"]`. Each form is written as it was read: commits name a dataset by the
/// MD5 of its JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Lookup {
    /// The columns.
    Columns(Vec<String>),
    /// The form of earlier versions, which are still in logs: a number of buckets per column.
    Buckets(BTreeMap<String, u32>),
}

impl Default for Lookup {
    fn default() -> Self {
        Self::Columns(Vec::new())
    }
}

impl Lookup {
    fn is_empty(&self) -> bool {
        match self {
            Self::Columns(columns) => columns.is_empty(),
            Self::Buckets(buckets) => buckets.is_empty(),
        }
    }
}

impl<'de> Deserialize<'de> for Lookup {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;

        impl<'de> Visitor<'de> for Form {
            type Value = Lookup;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of columns, `lookup = [\"column\"]`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Lookup, A::Error> {
                Deserialize::deserialize(SeqAccessDeserializer::new(list)).map(Lookup::Columns)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Lookup, A::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(map)).map(Lookup::Buckets)
            }
        }

        deserializer.deserialize_any(Form)
    }
}

/// `{ columns = […], unless = { status = ["cancelled"] } }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UniqueSection {
    /// The columns.
    pub columns: Vec<String>,
    /// Column name → values that exempt a row.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unless: BTreeMap<String, Vec<String>>,
}

/// `{ count_by = […], sum = […] }`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SummarySection {
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
pub struct ColumnSection {
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
    /// What becomes of a whole number's leading zeros; it is refused unless this is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leading_zeros: Option<LeadingZeros>,
}

/// `leading_zeros = "drop"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeadingZeros {
    /// They mean nothing, and neither does a plus.
    Drop,
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

//! The dataset: which tables a site carries, their columns, keys, partitioning and rules.
//!
//! A dataset is declared in one TOML file ([`mod@file`]) and validated into the types here, which
//! cannot hold a key that names no column or a `via` without its parent. What a commit names is
//! the MD5 of its canonical JSON (RFC 8785, defaults left out).

mod earlier;
pub mod file;
pub mod reserved;
mod tables;
mod validate;
mod width;

use crate::ids::{Md5, Name};
use crate::value::{Type, Value};

pub use earlier::RowOfNow;
pub use file::Merge;
pub use tables::{TableId, Tables};
pub use validate::{DatasetError, MAX_BYTES, MAX_COLUMNS};
pub use width::{MAX_ROW_WIDTH, row_width};

/// The dataset of MeetAssist, the default.
const MEETASSIST: &str = include_str!("../../config/meetassist.toml");

/// The declared tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Its version, counted by whoever declares it.
    pub version: u32,
    /// The tables, in declared order. A `via` parent may stand after its child.
    pub tables: Tables,
    /// The canonical JSON that it was made from or would be written as.
    json: String,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: Name,
    /// Its name in the source, where that differs by more than case.
    pub source: Option<String>,
    /// Its columns, in declared order.
    pub columns: Vec<Column>,
    /// The key's columns, by position, in declared order; never empty.
    pub key: Vec<usize>,
    /// Which partition a row belongs to.
    pub partition: Partitioning,
    /// How a conflict between the site and a cloud edit is settled.
    pub merge: Merge,
    /// Unique rules besides the key.
    pub unique: Vec<Unique>,
    /// What is counted and summed per partition.
    pub summary: SummarySpec,
    /// Columns by which rows are found in history.
    pub lookup: Vec<usize>,
    /// Groups of columns that count as one value when site and cloud changed a row.
    pub merge_together: Vec<Vec<usize>>,
    /// Comparisons that each row must satisfy.
    pub check: Vec<Check>,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: Name,
    /// Its name in the source, where that differs by more than case.
    pub source: Option<String>,
    /// The type of its values.
    pub ty: Type,
    /// Whether a row must have a value, from the source or by default. Key columns always must.
    pub not_null: bool,
    /// What a missing value becomes.
    pub default: Option<Default>,
    /// Least value, inclusive; never of a text column.
    pub min: Option<Value<'static>>,
    /// Greatest value, inclusive; never of a text column.
    pub max: Option<Value<'static>>,
    /// Most Unicode code points, of a text column.
    pub max_chars: Option<u32>,
    /// The only values allowed, of a text column; empty: any.
    pub values: Vec<String>,
    /// The table whose key a value should be.
    pub references: Option<TableId>,
    /// Whether a whole number's text may lose leading zeros and a plus.
    pub drop_leading_zeros: bool,
}

/// What a missing value becomes.
#[derive(Debug, Clone, PartialEq)]
pub enum Default {
    /// Always this value.
    Constant(Value<'static>),
    /// The value of another column of the same row (a date becomes its midnight).
    Column(usize),
}

/// How a table's rows are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitioning {
    /// By a date column, or by the date of a timestamp column.
    By {
        /// The column, by position.
        column: usize,
    },
    /// Where the parent row is.
    Via {
        /// The parent table.
        parent: TableId,
        /// The column that holds the parent's key, by position.
        on: usize,
    },
    /// By the hash of the key.
    Buckets {
        /// How many buckets, 1 to [`MAX_BUCKETS`](crate::ids::MAX_BUCKETS).
        count: u32,
    },
}

/// Columns whose values, taken together, only one row may have. Rows with a NULL among them are
/// free, as in SQL.
#[derive(Debug, Clone, PartialEq)]
pub struct Unique {
    /// The columns, by position.
    pub columns: Vec<usize>,
    /// Rows that the rule leaves out: a text column and the values that exempt a row.
    pub unless: Vec<(usize, Vec<String>)>,
}

/// What a partition's summary holds.
#[derive(Debug, Clone, PartialEq, Eq, std::default::Default)]
pub struct SummarySpec {
    /// Columns whose values are counted.
    pub count_by: Vec<usize>,
    /// Numeric columns that are summed.
    pub sum: Vec<usize>,
}

/// A comparison of two columns of one row. It holds where either is NULL, as in SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The column on the left, by position.
    pub left: usize,
    /// The comparison.
    pub operator: Operator,
    /// The column on the right, by position.
    pub right: usize,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
}

impl Operator {
    /// As a dataset file and SQL write it.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Equal => "=",
            Self::NotEqual => "<>",
        }
    }

    /// Whether it holds between two values of one type.
    #[must_use]
    pub fn holds(self, left: &Value<'_>, right: &Value<'_>) -> bool {
        let order = left.compare(right);
        match self {
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
        }
    }
}

impl Dataset {
    /// MeetAssist's dataset, which is embedded in the programs.
    ///
    /// # Errors
    /// None in a build whose tests pass: one of them reads it.
    pub fn meetassist() -> Result<Self, DatasetError> {
        Self::from_toml(MEETASSIST)
    }

    /// Reads a dataset file.
    ///
    /// # Errors
    /// [`DatasetError`] with the table and column that it is about.
    pub fn from_toml(text: &str) -> Result<Self, DatasetError> {
        let file: file::DatasetFile =
            toml::from_str(text).map_err(|error| DatasetError::Syntax {
                detail: error.to_string(),
            })?;
        validate::dataset(file)
    }

    /// Reads a dataset as a site's log holds it.
    ///
    /// # Errors
    /// [`DatasetError`] with the table and column that it is about.
    pub fn from_json(json: &[u8]) -> Result<Self, DatasetError> {
        let file: file::DatasetFile =
            serde_json::from_slice(json).map_err(|error| DatasetError::Syntax {
                detail: error.to_string(),
            })?;
        validate::dataset(file)
    }

    /// Its canonical JSON: RFC 8785, defaults left out.
    #[must_use]
    pub fn canonical_json(&self) -> &str {
        &self.json
    }

    /// The MD5 of its canonical JSON, by which commits name it.
    #[must_use]
    pub fn md5(&self) -> Md5 {
        Md5::of(self.json.as_bytes())
    }

    /// The table of this name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name.as_str() == name)
    }

    /// The table that begins a table's `via` chain: itself, if it has none.
    #[must_use]
    pub fn root(&self, table: TableId) -> TableId {
        let mut at = table;
        // Validation refuses circles, so this ends.
        while let Partitioning::Via { parent, .. } = self.tables[at].partition {
            at = parent;
        }
        at
    }

    /// The tables in an order in which every `via` parent stands before its children.
    #[must_use]
    pub fn parents_first(&self) -> Vec<TableId> {
        let mut order: Vec<TableId> = self.tables.ids().collect();
        order.sort_by_key(|table| self.depth(*table));
        order
    }

    /// How many parents stand above a table.
    fn depth(&self, table: TableId) -> usize {
        match self.tables[table].partition {
            Partitioning::Via { parent, .. } => 1 + self.depth(parent),
            _ => 0,
        }
    }

    /// The tables whose rows lie where their parents in this one lie, and the columns that name the parent.
    pub fn followers(&self, table: TableId) -> impl Iterator<Item = (&Table, usize)> {
        self.tables
            .iter()
            .filter_map(move |child| match child.partition {
                Partitioning::Via { parent, on } if parent == table => Some((child, on)),
                _ => None,
            })
    }

    /// Whether a table's parts are dates (its own or its root's).
    #[must_use]
    pub fn is_dated(&self, table: TableId) -> bool {
        matches!(
            self.tables[self.root(table)].partition,
            Partitioning::By { .. }
        )
    }
}

impl Table {
    /// The position of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| column.name.as_str() == name)
    }

    /// The values of a row's key.
    pub fn key_of<'r, 'a>(&'r self, row: &'r [Value<'a>]) -> impl Iterator<Item = &'r Value<'a>> {
        self.key.iter().map(|column| &row[*column])
    }
}

#[cfg(test)]
mod tests;

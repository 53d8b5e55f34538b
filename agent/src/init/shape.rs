//! What a source itself declares about a table.

use causeway_shared::value::Raw;

/// Takes a row and the line on which it begins, where its file has lines.
pub(super) type EachRow<'e> = dyn FnMut(Option<u64>, &[Raw<'_>]) -> Result<(), String> + 'e;

/// A table as its source declares it; of a CSV file, its header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) is_view: bool,
    pub(super) columns: Vec<ColumnShape>,
    /// The declared primary key, by position; empty for none.
    pub(super) primary_key: Vec<usize>,
    /// Declared unique rules besides that.
    pub(super) unique: Vec<UniqueIndex>,
    /// Declared references.
    pub(super) foreign_keys: Vec<ForeignKey>,
}

/// A column as its source declares it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ColumnShape {
    pub(super) name: String,
    /// Its SQL type; empty for none.
    pub(super) declared: String,
    pub(super) not_null: bool,
}

/// A unique rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UniqueIndex {
    pub(super) name: String,
    /// The columns, by position; `None` where the index is partial or on an expression.
    pub(super) columns: Option<Vec<usize>>,
}

/// A reference to another table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ForeignKey {
    /// The columns, by position.
    pub(super) columns: Vec<usize>,
    /// The other table's name.
    pub(super) table: String,
    /// The other table's columns; empty for its primary key.
    pub(super) to: Vec<String>,
}

impl Shape {
    /// The position of a column, by SQLite's rules for names.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| column.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.columns
            .iter()
            .map(|column| column.name.as_str())
            .collect()
    }
}

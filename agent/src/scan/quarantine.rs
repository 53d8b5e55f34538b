//! Quarantine: rows that a source holds and the dataset refuses, each with its reason.

use std::fmt;

use causeway_shared::dataset::TableId;
use causeway_shared::ids::Name;

/// A refused row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its table.
    pub table: TableId,
    /// The file that the row is in.
    pub source: String,
    /// Where in it.
    pub place: Place,
    /// The column that is to blame, where there is one.
    pub column: Option<Name>,
    /// What is wrong.
    pub reason: String,
    /// The row's fields, shortened.
    pub row: String,
}

/// Where a refused row is in its source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The line of a CSV file on which the row begins, from 1.
    Line(u64),
    /// The key of a row in a SQLite table, its columns separated by commas.
    Key(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Key(key) => write!(f, "key {key}"),
        }
    }
}

/// Takes refused rows as a scan meets them.
pub trait QuarantineSink {
    /// Takes one. Rows of a table whose scan then fails are to be forgotten with it.
    fn refuse(&mut self, refused: Refused);
}

impl QuarantineSink for Vec<Refused> {
    fn refuse(&mut self, refused: Refused) {
        self.push(refused);
    }
}

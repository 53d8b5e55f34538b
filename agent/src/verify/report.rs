//! What verifying found: the JSON of `verify`, and how the program ends.

use std::fmt;

use causeway_shared::ids::{Name, Part, SiteName};
use serde::Serialize;

use crate::error::Exit;

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct VerifyReport {
    pub site: SiteName,
    /// Partitions compared.
    pub partitions: u64,
    /// What differs, and what could not be compared.
    pub differences: Vec<Difference>,
    /// Tables that no source has and none ever had.
    pub absent: Vec<Name>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// The table, where it is about one.
    pub table: Option<Name>,
    /// The partition, where it is about one.
    pub part: Option<Part>,
    pub what: String,
    /// Whether it was mended.
    pub repaired: bool,
}

impl Difference {
    pub(super) fn of_part(table: &Name, part: Part, what: impl ToString) -> Self {
        let (table, part) = (Some(table.clone()), Some(part));
        Self {
            table,
            part,
            what: what.to_string(),
            repaired: false,
        }
    }

    pub(super) fn of_log(what: impl ToString) -> Self {
        Self {
            table: None,
            part: None,
            what: what.to_string(),
            repaired: false,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(table) = &self.table {
            write!(f, "{table}")?;
            if let Some(part) = &self.part {
                write!(f, " {part}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.what)?;
        if self.repaired {
            f.write_str(" (mended)")
        } else {
            Ok(())
        }
    }
}

impl VerifyReport {
    /// How the program ends.
    #[must_use]
    pub(crate) fn exit(&self) -> Exit {
        let mended = self
            .differences
            .iter()
            .all(|difference| difference.repaired);
        if mended { Exit::Done } else { Exit::Look }
    }
}

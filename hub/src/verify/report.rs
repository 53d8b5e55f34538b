//! What `verify` says, in the form of its JSON.

use causeway_shared::ids::{Name, Part, SiteName};
use serde::Serialize;

/// How database and store compare.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct VerifyReport {
    /// Sites that are loaded.
    pub sites: u64,
    /// Loaded partitions whose rows were compared.
    pub partitions: u64,
    /// Rows compared.
    pub rows: u64,
    /// What differs.
    pub differences: Vec<Difference>,
    /// Partitions that were loaded again.
    pub repaired: u64,
}

impl VerifyReport {
    /// Whether a person should look: something still differs, or a site cannot be verified.
    #[must_use]
    pub(crate) fn needs_a_look(&self) -> bool {
        self.left().any(|found| !found.is_put_off)
    }

    /// Whether something could not be verified for now, and trying again may help.
    #[must_use]
    pub(crate) fn is_retryable(&self) -> bool {
        self.left().any(|found| found.is_put_off)
    }

    fn left(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|found| !found.repaired)
    }
}

/// Something that differs between database and store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    pub site: SiteName,
    /// The table; `None`: it is about the whole site.
    pub table: Option<Name>,
    /// The partition; `None`: it is about rows that belong to no loaded one.
    pub part: Option<Part>,
    /// What differs, naming rows by their keys.
    pub what: String,
    /// Whether it was mended.
    pub repaired: bool,
    /// Whether it only says that something could not be verified for now.
    #[serde(skip)]
    pub is_put_off: bool,
}

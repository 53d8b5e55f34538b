//! The stored form of what the cloud changed in one partition: JSON lines in key order.
//!
//! The first line has the format and a random nonce, so that no name ever returns: an object that
//! a vacuum is about to delete is never the one that a new commit names. Each line after it is an
//! [`Entry`], its members in the order of RFC 8785. An object is named by the MD5 of its bytes,
//! uncompressed.

mod encoding;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::commit::RowKey;
use crate::ids::Part;

pub use encoding::{EditsObjectError, MAX_BYTES, decode, encode};

/// A row's values by column: canonical texts, `None` for NULL.
pub type Texts = BTreeMap<String, Option<String>>;

/// What the cloud did with one row of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The row's key.
    pub key: RowKey,
    /// How the row stands here.
    pub state: EntryState,
    /// What lost against the other side, until a person takes one.
    pub conflict: Conflict,
    /// Who changed it last.
    pub actor: String,
    /// When.
    pub at: Timestamp,
}

/// How a row with an entry stands in the entry's partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryState {
    /// The site's row, some columns of it changed.
    Changed {
        /// The whole row, as last merged.
        row: Texts,
        /// The site's value of each column that the cloud changed.
        was: Texts,
    },
    /// A row that the site does not have here.
    Born {
        /// The whole row.
        row: Texts,
        /// The partition that it was moved from, where it is the site's; `None`: born in the cloud.
        from: Option<Part>,
    },
    /// A row that is not here any more.
    Gone {
        /// The site's whole row; `None` where the site has deleted it as well.
        was: Option<Texts>,
        /// The partition that it was moved to; `None`: deleted.
        to: Option<Part>,
    },
}

/// What lost when site and cloud both changed a row. As JSON: per side the columns that lost; `null`: a
/// deletion that did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "encoding::StoredConflict", into = "encoding::StoredConflict")]
pub struct Conflict {
    /// What the site says, where the cloud's values stand.
    pub site: Option<Loser>,
    /// What the cloud said, where the site's values stand.
    pub cloud: Option<Loser>,
}

impl Conflict {
    /// Whether nothing lost.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.site.is_none() && self.cloud.is_none()
    }
}

/// What one side wanted and did not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loser {
    /// These values.
    Columns(Texts),
    /// That the row be deleted.
    Deletion,
}

impl Entry {
    /// The row as it is loaded; `None` where it is not here.
    #[must_use]
    pub fn row(&self) -> Option<&Texts> {
        match &self.state {
            EntryState::Changed { row, .. } | EntryState::Born { row, .. } => Some(row),
            EntryState::Gone { .. } => None,
        }
    }
}

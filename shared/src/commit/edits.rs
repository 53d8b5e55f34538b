//! The log of edits: what was changed in the cloud.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::{LogHead, LogKind, LogObject};
use crate::dataset::MAX_COLUMNS;
use crate::ids::{Md5, Name, Part, Seq};
use crate::layout::WhichLog;
use crate::limits;
use crate::summary::Summary;
use crate::value::{MAX_FIELD_BYTES, MAX_KEY_BYTES};

/// The log that the hubs of a site's owning database write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditsLog {}

impl LogKind for EditsLog {
    const LOG: WhichLog = WhichLog::Edits;
    const REPAIR: &'static str =
        "`causeway-hub verify --repair` with the database that owns the edits";
    const RESTART: &'static str = "delete everything under the site's `edits/`: edits that are \
                                   only there are lost";

    type Head = EditsHead;
    type Object = EditsObject;
    type More = Journal;
}

/// What a commit of edits says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditsHead {
    /// Its number.
    pub seq: Seq,
    /// When it was made: no earlier than 1 ms after the commit before.
    pub at: Timestamp,
    /// Grows by one with each new owner.
    #[serde(deserialize_with = "limits::count")]
    pub epoch: u64,
    /// The database whose hub wrote it.
    pub writer: Owner,
    /// The MD5 of the dataset that its objects are written with.
    pub dataset: Md5,
    /// The agent's commit that was current: a reader comes at least up to it.
    pub site_seq: Seq,
}

impl LogHead for EditsHead {
    type Writer = Owner;

    fn seq(&self) -> Seq {
        self.seq
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn writer(&self) -> &Owner {
        &self.writer
    }

    fn place(&self) -> &str {
        &self.writer.address
    }

    fn dataset(&self) -> Md5 {
        self.dataset
    }
}

/// The database whose edits count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Owner {
    /// Made by `init`: a database that was dropped and made again has another.
    #[serde(deserialize_with = "limits::name")]
    pub id: String,
    /// Where hubs reach it, without user and password.
    #[serde(deserialize_with = "limits::name")]
    pub address: String,
}

/// The edits of a partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EditsObject {
    /// The MD5 of its JSON lines, uncompressed.
    pub md5: Md5,
    /// Its entries.
    #[serde(deserialize_with = "limits::count")]
    pub edits: u64,
    /// Those of them that have a conflict, and merged rows that clash.
    #[serde(deserialize_with = "limits::count")]
    pub conflicts: u64,
    /// Keys to look for wherever the site changes something: rows that the cloud keeps though the
    /// site deleted them, `gone` entries whose site row is gone, keys born outside a block, and rows
    /// that follow a parent which is nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<RowKey>,
    /// What the partition is with these edits.
    pub merged: Merged,
}

impl LogObject for EditsObject {
    fn md5(&self) -> Md5 {
        self.md5
    }
}

/// A row's key: the canonical texts of its key columns, in the key's order.
///
/// At most [`MAX_KEY_BYTES`] in all, as the agent has it of the rows that it commits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RowKey(Vec<String>);

impl RowKey {
    /// The texts.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.0
    }
}

impl TryFrom<Vec<String>> for RowKey {
    type Error = String;

    fn try_from(texts: Vec<String>) -> Result<Self, String> {
        match texts.iter().map(|text| text.len().max(1)).sum::<usize>() {
            1..=MAX_KEY_BYTES => Ok(Self(texts)),
            bytes => Err(format!(
                "a key of {bytes} bytes; keys have 1 to {MAX_KEY_BYTES}"
            )),
        }
    }
}

impl From<RowKey> for Vec<String> {
    fn from(key: RowKey) -> Self {
        key.0
    }
}

/// A partition's merged rows, as they were when it was last settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Merged {
    /// The site's object under the edits; `None` where the site has no such partition.
    pub object: Option<Md5>,
    /// The site's object of the parents' partition, where rows lie where their parents do; `None` where
    /// the site has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parents: Option<Md5>,
    /// The agent's commit at which the partition was settled.
    pub site_seq: Seq,
    /// The merged rows.
    #[serde(deserialize_with = "limits::count")]
    pub rows: u64,
    /// What the merged rows add up to.
    #[serde(default)]
    pub summary: Summary,
}

/// Who changed what, row by row, in the order in which it was done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Journal {
    /// The rows of the journal that this commit folded.
    #[serde(default)]
    pub journal: Vec<JournalRow>,
}

/// A change of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JournalRow {
    /// A UUID: a row that is flushed again is known by it.
    #[serde(deserialize_with = "limits::name")]
    pub id: String,
    /// The table.
    pub table: Name,
    /// Where the row was, or came to be.
    pub part: Part,
    /// The row.
    pub key: RowKey,
    /// What was done.
    pub op: Operation,
    /// What each changed column was and became, in canonical texts; `None` is NULL.
    #[serde(deserialize_with = "changed_columns")]
    pub columns: BTreeMap<String, [Option<String>; 2]>,
    /// Who did it.
    #[serde(deserialize_with = "limits::name")]
    pub actor: String,
    /// When it was done.
    pub at: Timestamp,
}

/// What was done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Operation {
    /// It was born in the cloud.
    Insert,
    /// Columns were changed.
    Update,
    /// It was deleted.
    Delete,
    /// A side of a conflict was taken.
    Take,
    /// An edit was taken back.
    Undo,
}

fn changed_columns<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, [Option<String>; 2]>, D::Error> {
    let columns: BTreeMap<String, [Option<String>; 2]> =
        limits::map::<MAX_COLUMNS, { limits::MAX_NAME_BYTES }, _, _>(from)?;
    let mut values = columns.values().flatten().flatten();
    match values.find(|value| value.len() > MAX_FIELD_BYTES) {
        Some(value) => Err(D::Error::custom(format_args!(
            "a value of {} bytes is longer than {MAX_FIELD_BYTES}",
            value.len()
        ))),
        None => Ok(columns),
    }
}

//! The stored formats of a log: commit, checkpoint and the hint that names one.
//!
//! A site has two logs of one form: the agent's, and the log of edits. [`LogKind`] is what tells
//! them apart: who writes them, and what they say of a partition.
//!
//! Each object is JSON that says its `format` and ends in `"check"`, the MD5 of all that stands
//! before it, so that a changed byte is seen. A reader takes an object without a check (written by
//! hand, say) and fields that it does not know; it refuses another format.

mod agent;
mod edits;
mod encoding;

use std::fmt::Debug;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ids::{Md5, Name, Part, Seq, SiteName};
use crate::layout::WhichLog;

pub use agent::{AgentLog, Head, NoLookups, PartitionObject, Writer};
pub use edits::{
    EditsHead, EditsLog, EditsObject, Journal, JournalRow, Merged, Operation, Owner, RowKey,
};
pub use encoding::{FormatError, MAX_BYTES, MAX_HINT_BYTES, decode, decode_checkpoint, encode};

/// The version of the formats in this file.
pub const FORMAT: u32 = 1;

/// Every so many commits there is a checkpoint.
pub const CHECKPOINT_EVERY: u64 = 64;

/// A kind of log.
pub trait LogKind: Debug + Clone + PartialEq + Send + Sync + 'static {
    /// Which of a site's logs it is, for its keys in the store.
    const LOG: WhichLog;
    /// What a person runs to write a missing object of the log again.
    const REPAIR: &'static str;
    /// What a person does to begin a new log.
    const RESTART: &'static str;

    /// A commit's number, time, epoch and writer.
    type Head: LogHead;
    /// What a commit holds for a partition.
    type Object: LogObject;
    /// A commit's other members.
    type More: Debug + Clone + PartialEq + Send + Sync + Serialize + DeserializeOwned;
}

/// What a commit says of itself.
pub trait LogHead: Debug + Clone + Eq + Send + Sync + Serialize + DeserializeOwned {
    /// Who writes the log. Another writer at the same place has another id.
    type Writer: Debug + Clone + Eq + Send + Sync;

    /// Its number.
    fn seq(&self) -> Seq;
    /// When it was made: no earlier than 1 ms after the commit before.
    fn at(&self) -> Timestamp;
    /// Grows by one with each new writer.
    fn epoch(&self) -> u64;
    /// Who wrote it.
    fn writer(&self) -> &Self::Writer;
    /// Where that writer is: at one place there is one writer at a time.
    fn place(&self) -> &str;
    /// The MD5 of the dataset that its objects are written with.
    fn dataset(&self) -> Md5;
}

/// What a commit says of a partition.
pub trait LogObject:
    Debug + Clone + PartialEq + Send + Sync + Serialize + DeserializeOwned
{
    /// The name of the object in the store.
    fn md5(&self) -> Md5;
}

/// Commit n of a log: the partitions that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Commit<K: LogKind = AgentLog> {
    /// The version of the format.
    pub format: u32,
    /// The site.
    pub site: SiteName,
    /// Its number, time, epoch and writer.
    #[serde(flatten)]
    pub head: K::Head,
    /// The partitions that changed, in table and part order.
    pub changes: Vec<Change<K>>,
    /// Its other members.
    #[serde(flatten)]
    pub more: K::More,
}

/// A partition that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "", try_from = "StoredChange")]
pub struct Change<K: LogKind = AgentLog> {
    /// The table.
    pub table: Name,
    /// The partition.
    pub part: Part,
    /// What it is now.
    #[serde(flatten)]
    pub now: Now<K::Object>,
}

/// A change as it is stored: what it says of the partition is read apart, so that an error names
/// the field that is wrong.
#[derive(Deserialize)]
struct StoredChange {
    table: Name,
    part: Part,
    removed: Option<True>,
    #[serde(flatten)]
    object: serde_json::Map<String, serde_json::Value>,
}

impl<K: LogKind> TryFrom<StoredChange> for Change<K> {
    type Error = String;

    fn try_from(stored: StoredChange) -> Result<Self, String> {
        let (table, part) = (stored.table, stored.part);
        let now = match stored.removed {
            Some(True) => Now::removed(),
            None => K::Object::deserialize(serde_json::Value::Object(stored.object))
                .map(Now::Object)
                .map_err(|error| format!("{table}, {part}: {error}"))?,
        };
        Ok(Self { table, part, now })
    }
}

/// What something is after a commit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Now<T> {
    /// This object.
    Object(T),
    /// No longer there.
    Removed {
        /// Always true.
        removed: True,
    },
}

impl<T> Now<T> {
    /// No longer there.
    #[must_use]
    pub fn removed() -> Self {
        Self::Removed { removed: True }
    }

    /// The object, if there is one.
    pub fn object(&self) -> Option<&T> {
        match self {
            Self::Object(object) => Some(object),
            Self::Removed { .. } => None,
        }
    }
}

/// The JSON value `true` and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
pub struct True;

impl TryFrom<bool> for True {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Ok(Self) } else { Err("must be true") }
    }
}

impl From<True> for bool {
    fn from(_: True) -> Self {
        true
    }
}

/// The whole catalog at one commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Checkpoint<K: LogKind = AgentLog> {
    /// The version of the format.
    pub format: u32,
    /// The site.
    pub site: SiteName,
    /// The commit that it stands at.
    #[serde(flatten)]
    pub head: K::Head,
    /// Every partition, in table and part order.
    pub partitions: Vec<CatalogPartition<K>>,
}

/// A partition in a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct CatalogPartition<K: LogKind = AgentLog> {
    /// The table.
    pub table: Name,
    /// The partition.
    pub part: Part,
    /// Its object.
    #[serde(flatten)]
    pub object: K::Object,
    /// The dataset that the object was written with.
    pub dataset: Md5,
    /// The number of the commit that set it; earlier versions did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
}

/// The hint that names the newest checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    /// The version of the format.
    pub format: u32,
    /// The commit that the newest checkpoint stands at.
    pub checkpoint: Seq,
}

#[cfg(test)]
mod tests;

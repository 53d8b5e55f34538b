//! The agent's log: what a site's data is.

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{LogHead, LogKind, LogObject};
use crate::ids::{Md5, Seq};
use crate::layout::WhichLog;
use crate::limits;
use crate::summary::Summary;

/// The log that a site's agent writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentLog {}

impl LogKind for AgentLog {
    const LOG: WhichLog = WhichLog::Agent;
    const REPAIR: &'static str = "`causeway-agent verify --repair` at the site";
    const RESTART: &'static str = "delete the agent's `state_dir`, and `migrate` begins a new one";

    type Head = Head;
    type Object = PartitionObject;
    type More = NoLookups;
}

/// What one of the agent's commits says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its number.
    pub seq: Seq,
    /// When it was made: no earlier than 1 ms after the commit before.
    pub at: Timestamp,
    /// Grows by one with each new writer.
    #[serde(deserialize_with = "limits::count")]
    pub epoch: u64,
    /// Who wrote it.
    pub writer: Writer,
    /// The MD5 of the dataset that its objects are written with.
    pub dataset: Md5,
}

impl LogHead for Head {
    type Writer = Writer;

    fn seq(&self) -> Seq {
        self.seq
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn writer(&self) -> &Writer {
        &self.writer
    }

    fn place(&self) -> &str {
        &self.writer.host
    }

    fn dataset(&self) -> Md5 {
        self.dataset
    }
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// One state's life: made anew when the state is lost.
    #[serde(deserialize_with = "limits::name")]
    pub id: String,
    /// The machine.
    #[serde(deserialize_with = "limits::name")]
    pub host: String,
}

/// The object of a partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartitionObject {
    /// The MD5 of its canonical CSV, uncompressed.
    pub md5: Md5,
    /// Its rows.
    #[serde(deserialize_with = "limits::count")]
    pub rows: u64,
    /// Its size in bytes, compressed.
    #[serde(deserialize_with = "limits::count")]
    pub bytes: u64,
    /// What its rows add up to.
    #[serde(default)]
    pub summary: Summary,
}

impl LogObject for PartitionObject {
    fn md5(&self) -> Md5 {
        self.md5
    }
}

/// `"lookups":[]`: no lookup objects are written, and those that an older commit names are not
/// read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoLookups {
    #[serde(default)]
    lookups: EmptyList,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct EmptyList;

impl Serialize for EmptyList {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(std::iter::empty::<()>())
    }
}

impl<'de> Deserialize<'de> for EmptyList {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(from).map(|_| Self)
    }
}

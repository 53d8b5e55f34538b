//! Single values of the state, kept as JSON under a name.

use std::collections::BTreeMap;

use causeway_shared::commit::{Head, Writer};
use causeway_shared::ids::{Md5, Name, Seq, SiteName};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{AgentState, Notes, PresentColumns, StateError};
use crate::source::gate::SourceFingerprints;

pub(super) const WRITER: &str = "writer";
pub(super) const HEAD: &str = "head";
pub(super) const FINGERPRINTS: &str = "look";
pub(super) const COLUMNS: &str = "columns";
pub(super) const NOTES: &str = "notes";
pub(super) const PASSED_OVER: &str = "passed_over";
pub(super) const CYCLE: &str = "cycle";
pub(super) const QUARANTINE: &str = "quarantine";
pub(super) const QUARANTINE_DUE: &str = "quarantine_due";

/// Who this state says the agent is, and where that was true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredWriter {
    /// The site it writes for.
    pub site: SiteName,
    /// The store it writes to.
    pub store: String,
    /// The writer's id and machine.
    pub writer: Writer,
    pub epoch: u64,
    /// The state's file: another one is a copy.
    #[serde(flatten)]
    pub file: FileId,
    /// The boot that the state was written in. After another boot the disk may be a restored one.
    pub boot: String,
    /// The writer that has replaced it.
    pub fence: Option<Fence>,
    /// When the log was last found to stand where this state says.
    #[serde(default)]
    pub seen: Option<Timestamp>,
    /// Whether the store was found to keep what a writer relies on.
    #[serde(default)]
    pub store_checked: bool,
}

/// The writer that an agent is kept from writing by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// Its machine.
    pub host: String,
    pub epoch: u64,
    /// The commit that shows it.
    pub seq: Seq,
    /// That commit's time.
    pub at: Timestamp,
}

impl From<Head> for Fence {
    fn from(head: Head) -> Self {
        Self {
            host: head.writer.host,
            epoch: head.epoch,
            seq: head.seq,
            at: head.at,
        }
    }
}

/// What tells a file from a copy of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileId {
    /// Its inode. A file that is removed may leave its number to the one that replaces it.
    pub inode: u64,
    /// When it was made, where the file system tells.
    #[serde(default)]
    pub born: Option<Timestamp>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CycleOutcome {
    pub at: Timestamp,
    /// The error that ended it, if one did.
    pub error: Option<String>,
}

impl AgentState {
    /// Who the agent is; `None` in a new state.
    pub(crate) fn writer(&self) -> Result<Option<StoredWriter>, StateError> {
        self.fact(WRITER)
    }

    /// The sources' fingerprints at the start of the last completed cycle.
    pub(crate) fn fingerprints(&self) -> Result<Option<SourceFingerprints>, StateError> {
        self.fact(FINGERPRINTS)
    }

    /// Notes fingerprints by which nothing moved.
    pub(crate) fn note_fingerprints(
        &mut self,
        fingerprints: &SourceFingerprints,
    ) -> Result<(), StateError> {
        self.transaction(|db| put(db, FINGERPRINTS, fingerprints))
    }

    /// The columns that the sources had when their rows were last committed.
    pub(crate) fn columns(&self) -> Result<PresentColumns, StateError> {
        Ok(self.fact(COLUMNS)?.unwrap_or_default())
    }

    /// What sources and dataset did not have in common when it was last found out.
    pub(crate) fn notes(&self) -> Result<Notes, StateError> {
        Ok(self.fact(NOTES)?.unwrap_or_default())
    }

    /// Files that the last cycle could not look at, and why.
    pub(crate) fn passed_over(&self) -> Result<Vec<String>, StateError> {
        Ok(self.fact(PASSED_OVER)?.unwrap_or_default())
    }

    pub(crate) fn cycle(&self) -> Result<Option<CycleOutcome>, StateError> {
        self.fact(CYCLE)
    }

    /// The log's head as far as the state knows.
    pub(crate) fn head(&self) -> Result<Option<Head>, StateError> {
        self.fact(HEAD)
    }

    /// The quarantine's files in the store, by their MD5; `None` where that is not known.
    pub(crate) fn quarantine(&self) -> Result<Option<BTreeMap<Name, Md5>>, StateError> {
        self.fact(QUARANTINE)
    }

    /// Whether the quarantine's files in the store may be out of date.
    pub(crate) fn quarantine_is_due(&self) -> Result<bool, StateError> {
        Ok(self.fact(QUARANTINE_DUE)?.unwrap_or(false))
    }

    /// Notes that the quarantine's files in the store are these, and up to date.
    pub(crate) fn note_quarantine(
        &mut self,
        files: &BTreeMap<Name, Md5>,
    ) -> Result<(), StateError> {
        self.transaction(|db| {
            put(db, QUARANTINE, files)?;
            forget(db, QUARANTINE_DUE)
        })
    }

    /// Notes how a cycle ended that changed nothing else.
    pub(crate) fn note_cycle(&mut self, cycle: &CycleOutcome) -> Result<(), StateError> {
        put(&self.db, CYCLE, cycle).map_err(self.failed("written"))
    }

    /// Notes who the agent is, and nothing else.
    pub(crate) fn note_writer(&mut self, writer: &StoredWriter) -> Result<(), StateError> {
        put(&self.db, WRITER, writer).map_err(self.failed("written"))
    }

    /// Forgets who the agent is, so that the next cycle compares this state with the log.
    pub(crate) fn forget_writer(&mut self) -> Result<(), StateError> {
        forget(&self.db, WRITER).map_err(self.failed("written"))
    }

    fn fact<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StateError> {
        let json: Option<String> = self
            .db
            .query_row(include_str!("sql/fact_get.sql"), [name], |row| row.get(0))
            .optional()
            .map_err(self.failed("read"))?;
        let parsed = json.map(|json| serde_json::from_str(&json)).transpose();
        parsed.map_err(|error| self.damaged(format_args!("{name}: {error}")))
    }
}

/// Writes a value under a name.
pub(super) fn put<T: Serialize>(db: &Connection, name: &str, value: &T) -> rusqlite::Result<()> {
    let json = serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    db.execute(include_str!("sql/fact_put.sql"), [name, &json])
        .map(drop)
}

/// Forgets a value.
pub(super) fn forget(db: &Connection, name: &str) -> rusqlite::Result<()> {
    db.execute(include_str!("sql/fact_delete.sql"), [name])
        .map(drop)
}

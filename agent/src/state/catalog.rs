//! The catalog in the state, its last commits, and the objects sent for the next one.

use std::collections::BTreeMap;

use causeway_shared::catalog::{Catalog, Entry};
use causeway_shared::commit::{CHECKPOINT_EVERY, Commit, Now, PartitionObject, decode, encode};
use causeway_shared::ids::{Md5, Name, Part, Seq};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    AgentState, CycleOutcome, Findings, Notes, PresentColumns, StateError, StoredWriter, facts,
    findings,
};
use crate::plan::guard::HeldTable;
use crate::scan::ObjectId;
use crate::source::gate::SourceFingerprints;

/// The number of commits kept: as many as readers may need after a checkpoint.
const KEPT_COMMITS: u64 = CHECKPOINT_EVERY;

/// What a completed cycle leaves in the state.
#[derive(Debug)]
pub(crate) struct CompletedCycle<'s> {
    /// Who the agent is now.
    pub writer: &'s StoredWriter,
    /// The commit that was written, if one was.
    pub commit: Option<&'s Commit>,
    /// The sources' fingerprints at the cycle's start, without what has to be read again.
    pub fingerprints: &'s SourceFingerprints,
    /// What the scan found of the tables it read.
    pub findings: &'s Findings,
    /// The columns that the sources had when their rows were last committed.
    pub columns: &'s PresentColumns,
    /// What sources and dataset did not have in common when it was last found out.
    pub notes: &'s Notes,
    /// Files that could not be looked at, and why.
    pub passed_over: &'s [String],
    /// Tables whose findings are forgotten.
    pub undeclared: &'s [Name],
    pub held: &'s [HeldTable],
    /// Whether the quarantine's files in the store are not what was found.
    pub quarantine_is_due: bool,
    pub cycle: &'s CycleOutcome,
}

impl AgentState {
    /// The catalog at the log's head as far as the state knows; empty in a new state.
    pub(crate) fn catalog(&self, empty: Catalog) -> Result<Catalog, StateError> {
        Ok(Catalog {
            head: self.head()?,
            partitions: self.partitions()?.into(),
            ..empty
        })
    }

    /// Saves a completed cycle, in one transaction.
    ///
    /// # Errors
    /// [`StateError`]; the state is then as it was.
    pub(crate) fn settle(&mut self, completed: &CompletedCycle<'_>) -> Result<(), StateError> {
        self.transaction(|db| {
            if let Some(commit) = completed.commit {
                put_commit(db, commit)?;
                db.execute(include_str!("sql/upload_clear.sql"), [])?;
            }
            findings::put_findings(db, completed.findings)?;
            findings::forget(db, completed.undeclared)?;
            findings::put_held(db, completed.held)?;
            if completed.quarantine_is_due {
                facts::put(db, facts::QUARANTINE_DUE, &true)?;
            }
            facts::put(db, facts::WRITER, completed.writer)?;
            facts::put(db, facts::FINGERPRINTS, completed.fingerprints)?;
            facts::put(db, facts::COLUMNS, completed.columns)?;
            facts::put(db, facts::NOTES, completed.notes)?;
            facts::put(db, facts::PASSED_OVER, &completed.passed_over)?;
            facts::put(db, facts::CYCLE, completed.cycle)
        })
    }

    /// Replaces the state's catalog by one that was read from the log. It forgets the fingerprints, so
    /// that every source is read again, and the objects noted as sent, since the log may be another
    /// site's or lie in another store.
    ///
    /// # Errors
    /// [`StateError`]; the state is then as it was.
    pub(crate) fn adopt(
        &mut self,
        writer: &StoredWriter,
        catalog: &Catalog,
    ) -> Result<(), StateError> {
        self.transaction(|db| {
            db.execute(include_str!("sql/partition_clear.sql"), [])?;
            db.execute(include_str!("sql/recent_commit_clear.sql"), [])?;
            db.execute(include_str!("sql/upload_clear.sql"), [])?;
            for ((table, part), entry) in &catalog.partitions {
                put_partition(db, table, *part, entry)?;
            }
            match &catalog.head {
                Some(head) => {
                    facts::put(db, facts::HEAD, head)?;
                    facts::forget(db, facts::QUARANTINE)?;
                }
                // Before the first commit nobody has listed refused rows.
                None => {
                    facts::forget(db, facts::HEAD)?;
                    facts::put(db, facts::QUARANTINE, &BTreeMap::<Name, Md5>::new())?;
                }
            }
            facts::put(db, facts::WRITER, writer)?;
            facts::forget(db, facts::FINGERPRINTS)
        })
    }

    /// A commit as it was written, if the state still has it.
    pub(crate) fn recent_commit(&self, seq: Seq) -> Result<Option<Commit>, StateError> {
        let body: Option<Vec<u8>> = self
            .db
            .query_row(include_str!("sql/recent_commit_get.sql"), [seq.0], |row| {
                row.get(0)
            })
            .optional()
            .map_err(self.failed("read"))?;
        body.map(|body| decode(&body))
            .transpose()
            .map_err(|error| self.damaged(error))
    }

    /// Notes objects that are in the store, so that a cycle that is killed before its commit need
    /// not send them again.
    pub(crate) fn note_uploads(
        &mut self,
        uploads: &[(ObjectId, u64)],
        at: Timestamp,
    ) -> Result<(), StateError> {
        self.transaction(|db| {
            let mut put = db.prepare(include_str!("sql/upload_put.sql"))?;
            for ((table, part, md5), bytes) in uploads {
                let (part, md5) = (part.to_string(), md5.to_string());
                put.execute(params![
                    table.as_str(),
                    part,
                    md5,
                    bytes,
                    at.as_millisecond()
                ])?;
            }
            Ok(())
        })
    }

    /// Objects noted at or after a time, with their sizes.
    pub(crate) fn uploads(&self, since: Timestamp) -> Result<BTreeMap<ObjectId, u64>, StateError> {
        let failed = self.failed("read");
        let mut statement = self
            .db
            .prepare(include_str!("sql/upload_since.sql"))
            .map_err(&failed)?;
        let rows = statement
            .query_map([since.as_millisecond()], |row| {
                Ok((text(row, 0)?, text(row, 1)?, text(row, 2)?, row.get(3)?))
            })
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(&failed)?;
        rows.into_iter()
            .map(|(table, part, md5, bytes)| {
                Ok((
                    (self.name(&table)?, self.part(&part)?, self.md5(&md5)?),
                    bytes,
                ))
            })
            .collect()
    }

    /// Forgets all noted objects, since a vacuum may delete them.
    pub(crate) fn forget_uploads(&mut self) -> Result<(), StateError> {
        self.transaction(|db| {
            db.execute(include_str!("sql/upload_clear.sql"), [])
                .map(drop)
        })
    }

    /// Every partition in the log as far as the state knows.
    pub(crate) fn partitions(&self) -> Result<BTreeMap<(Name, Part), Entry>, StateError> {
        let failed = self.failed("read");
        let mut statement = self
            .db
            .prepare(include_str!("sql/partition_all.sql"))
            .map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        let mut partitions = BTreeMap::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let field = |at| text(row, at).map_err(&failed);
            let number = |at| row.get::<_, u64>(at).map_err(&failed);
            let object = PartitionObject {
                md5: self.md5(&field(2)?)?,
                rows: number(3)?,
                bytes: number(4)?,
                summary: serde_json::from_str(&field(5)?).map_err(|error| self.damaged(error))?,
            };
            let entry = Entry {
                object,
                dataset: self.md5(&field(6)?)?,
                seq: Seq(number(7)?),
            };
            partitions.insert((self.name(&field(0)?)?, self.part(&field(1)?)?), entry);
        }
        Ok(partitions)
    }

    fn part(&self, text: &str) -> Result<Part, StateError> {
        Part::new(text).map_err(|error| self.damaged(error))
    }

    fn md5(&self, text: &str) -> Result<Md5, StateError> {
        Md5::new(text).map_err(|error| self.damaged(error))
    }

    pub(super) fn transaction(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), StateError> {
        let path = self.path.clone();
        let failed = |source| StateError::Database {
            path: path.clone(),
            action: "written",
            source,
        };
        let transaction = self.db.transaction().map_err(failed)?;
        work(&transaction)
            .and_then(|()| transaction.commit())
            .map_err(failed)
    }
}

fn text(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<String> {
    row.get(at)
}

fn put_commit(db: &Connection, commit: &Commit) -> rusqlite::Result<()> {
    for change in &commit.changes {
        match &change.now {
            Now::Object(object) => {
                let entry = Entry {
                    object: object.clone(),
                    dataset: commit.head.dataset,
                    seq: commit.head.seq,
                };
                put_partition(db, &change.table, change.part, &entry)?;
            }
            Now::Removed { .. } => {
                let key = [change.table.as_str(), &change.part.to_string()];
                db.prepare_cached(include_str!("sql/partition_delete.sql"))?
                    .execute(key)?;
            }
        }
    }
    let body =
        encode(commit).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    db.execute(
        include_str!("sql/recent_commit_put.sql"),
        params![commit.head.seq.0, body],
    )?;
    let oldest = commit.head.seq.0.saturating_sub(KEPT_COMMITS);
    db.execute(include_str!("sql/recent_commit_prune.sql"), [oldest])?;
    facts::put(db, facts::HEAD, &commit.head)
}

fn put_partition(db: &Connection, table: &Name, part: Part, entry: &Entry) -> rusqlite::Result<()> {
    let PartitionObject {
        md5,
        rows,
        bytes,
        summary,
    } = &entry.object;
    let summary = serde_json::to_string(summary)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let (part, md5, dataset) = (part.to_string(), md5.to_string(), entry.dataset.to_string());
    db.prepare_cached(include_str!("sql/partition_put.sql"))?
        .execute(params![
            table.as_str(),
            part,
            md5,
            rows,
            bytes,
            summary,
            dataset,
            entry.seq.0
        ])
        .map(drop)
}

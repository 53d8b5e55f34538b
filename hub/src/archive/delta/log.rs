//! A table's log and files in the store.
//!
//! Creating the next commit is the only place where two hubs can meet, and the store decides it. Commits are
//! never deleted: a number that was free again could be taken by a hub whose state is old.

use std::collections::BTreeSet;

use causeway_shared::ids::{Md5, Name};
use causeway_shared::layout::{self, DeltaFile, DeltaKey};
use causeway_shared::store::{Store, StoreError, list_all};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use super::super::spool::Spool;
use super::checkpoint;
use super::error::DeltaError;
use super::table::DeltaTable;

/// Most commits that are held at once, and most reads that are under way.
const COMMITS_AT_ONCE: u64 = 64;
const READS_AT_ONCE: usize = 16;

/// The largest commit that is read: that of ten years of many sites has tens of megabytes.
const MAX_COMMIT_BYTES: u64 = 1024 * 1024 * 1024;

/// A table in the store.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeltaLog<'s> {
    pub(super) store: &'s Store,
    pub(super) table: &'s Name,
}

impl DeltaLog<'_> {
    /// The table as its log says it, read from where `known` stands, or from its beginning where it is
    /// another log than that.
    pub(super) async fn catch_up(&self, known: DeltaTable) -> Result<DeltaTable, DeltaError> {
        let is_same = match known.head {
            None => true,
            Some(head) => {
                let there = self.read(head.version).await?;
                there.is_some_and(|bytes| Md5::of(&bytes) == head.md5)
            }
        };
        let mut table = if is_same {
            known
        } else {
            DeltaTable::default()
        };
        let mut at_once = 1;
        loop {
            let from = table.next_version();
            let commits: Vec<_> = (from..from + at_once).map(|at| self.read(at)).collect();
            let commits = stream::iter(commits).buffered(READS_AT_ONCE);
            let commits: Vec<_> = commits.try_collect().await?;
            for commit in commits {
                let Some(bytes) = commit else {
                    return Ok(table);
                };
                let version = table.next_version();
                table = table.after(&bytes).map_err(|source| DeltaError::Foreign {
                    table: self.table.clone(),
                    version,
                    source,
                })?;
            }
            at_once = COMMITS_AT_ONCE.min(at_once * 2);
        }
    }

    async fn read(&self, version: u64) -> Result<Option<Vec<u8>>, StoreError> {
        match self
            .store
            .get(&DeltaKey::Commit(version).of(self.table))
            .await
        {
            Ok(fetched) => fetched.bytes(MAX_COMMIT_BYTES).await.map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Appends the next commit: the table after it, or `None` where another hub has made that version.
    pub(super) async fn append(
        &self,
        table: DeltaTable,
        commit: Vec<u8>,
    ) -> Result<Option<DeltaTable>, DeltaError> {
        let version = table.next_version();
        let next = table.after(&commit).map_err(|source| DeltaError::Foreign {
            table: self.table.clone(),
            version,
            source,
        })?;
        let key = DeltaKey::Commit(version).of(self.table);
        match self.store.create(&key, commit.clone().into()).await {
            Ok(_) => Ok(Some(next)),
            Err(StoreError::AlreadyExists { .. }) => {
                // An earlier try of this one, whose answer was lost, has the same bytes.
                let is_ours = self.read(version).await? == Some(commit);
                Ok(is_ours.then_some(next))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a checkpoint of the newest version. Readers do without it, or with an older one, until then.
    pub(super) async fn write_checkpoint(&self, table: &mut DeltaTable) -> Result<(), DeltaError> {
        let Some(head) = table.head else {
            return Ok(());
        };
        let actions = table.actions(self.table)?;
        let whole = checkpoint::write(&actions, Spool::default())?.finish()?;
        let key = DeltaKey::Checkpoint(head.version).of(self.table);
        self.store.put(&key, whole.body.clone()).await?;
        let hint = json!({ "version": head.version, "size": actions.len() }).to_string();
        let key = DeltaKey::LastCheckpoint.of(self.table);
        self.store.put(&key, hint.into_bytes().into()).await?;
        table.checkpoint = head.version;
        Ok(())
    }

    /// Looks at the table's files: deletes those that nothing names, and has those written again that are
    /// missing. How many were deleted.
    pub(super) async fn sweep(&self, table: &mut DeltaTable) -> Result<u64, DeltaError> {
        let prefix = layout::delta_data_prefix(self.table);
        let mut there: BTreeSet<(DeltaFile, u64)> = BTreeSet::new();
        let mut deleted = 0;
        for object in list_all(&**self.store, &prefix, None).await? {
            let Some((_, DeltaKey::Data(file))) = DeltaKey::parse(&object.key) else {
                continue;
            };
            if table.is_left_over(&file) {
                self.store.delete(&object.key).await?;
                deleted += 1;
            } else {
                there.insert((file, object.bytes));
            }
        }
        for (key, live) in &mut table.files {
            if !there.contains(&(live.file(key), live.bytes)) {
                live.made_of = None;
            }
        }
        Ok(deleted)
    }
}

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
use super::table::{Checkpoint, DeltaTable};

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
        let is_whole = !is_same || known.head.is_none();
        let mut table = if is_same {
            known
        } else {
            DeltaTable::default()
        };
        let (mut at_once, mut listed) = (1, None);
        'read: loop {
            let from = table.next_version();
            let commits: Vec<_> = (from..from + at_once).map(|at| self.read(at)).collect();
            let commits = stream::iter(commits).buffered(READS_AT_ONCE);
            let commits: Vec<_> = commits.try_collect().await?;
            for commit in commits {
                let version = table.next_version();
                let Some(bytes) = commit else {
                    // Where something is kept of the table, the newest commit is known to be there.
                    let again = is_whole && listed != Some(version) && self.goes_on(&table).await?;
                    if !again {
                        return Ok(table);
                    }
                    listed = Some(version);
                    continue 'read;
                };
                table = table.after(&bytes).map_err(|source| DeltaError::Foreign {
                    table: self.table.clone(),
                    version,
                    source,
                })?;
            }
            at_once = COMMITS_AT_ONCE.min(at_once * 2);
        }
    }

    /// Whether a log that was read to its end has the next commit all the same, which another hub has made
    /// meanwhile. One from which commits are missing is refused: readers would never see what is appended
    /// to what is left.
    async fn goes_on(&self, table: &DeltaTable) -> Result<bool, DeltaError> {
        let (prefix, version) = (layout::delta_log_prefix(self.table), table.next_version());
        let after = layout::delta_log_from(self.table, version);
        let listed = self.store.list_few(&prefix, Some(&after)).await?;
        let keys = listed.objects.iter();
        let keys: Vec<_> = keys
            .filter_map(|found| DeltaKey::parse(&found.key))
            .collect();
        let keys = || keys.iter().map(|(_, key)| key);
        if keys().any(|key| *key == DeltaKey::Commit(version)) {
            return Ok(true);
        }
        // Of a table that has commits, the hint is behind all of them.
        if keys().any(|key| *key != DeltaKey::LastCheckpoint || table.head.is_none()) {
            let table = self.table.clone();
            return Err(DeltaError::Gap { table, version });
        }
        Ok(false)
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
        let file = self.store.put(&key, whole.body.clone()).await?;
        let hint = json!({ "version": head.version, "size": actions.len() }).to_string();
        let key = DeltaKey::LastCheckpoint.of(self.table);
        let hint = self.store.put(&key, hint.into_bytes().into()).await?;
        table.checkpoint = Some(Checkpoint {
            version: head.version,
            file,
            hint,
        });
        Ok(())
    }

    /// Looks at what readers take of the log: the newest checkpoint, and the commits since. Where some of it is
    /// missing, or a checkpoint is not what was written, a new one does without it.
    pub(super) async fn repair_checkpoint(&self, table: &mut DeltaTable) -> Result<(), DeltaError> {
        let Some(head) = table.head else {
            return Ok(());
        };
        let from = table.checkpoint_version();
        let mut missing: BTreeSet<u64> = (from..=head.version).collect();
        let (mut file, mut hint) = (None, None);
        let prefix = layout::delta_log_prefix(self.table);
        let after = layout::delta_log_from(self.table, from);
        for object in list_all(&**self.store, &prefix, Some(&after)).await? {
            match DeltaKey::parse(&object.key) {
                Some((_, DeltaKey::Commit(version))) => drop(missing.remove(&version)),
                Some((_, DeltaKey::Checkpoint(version))) if version == from => {
                    file = Some(object.version);
                }
                Some((_, DeltaKey::LastCheckpoint)) => hint = Some(object.version),
                _ => {}
            }
        }
        let known = table.checkpoint.clone();
        let known = known.map(|newest| (newest.file, newest.hint)).unzip();
        if !missing.is_empty() || (file, hint) != known || table.wants_checkpoint() {
            self.write_checkpoint(table).await?;
        }
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

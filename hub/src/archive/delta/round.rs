//! The Delta tables in a round of the archive: caught up, changed site by site, committed.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::dataset::Table;
use causeway_shared::ids::{Name, Part, Seq, SiteName};
use causeway_shared::store::{Store, Version};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::super::ArchiveError;
use super::super::report::{ChangedFiles, Commits, DeltaCommitted, DeltaInfo, TableFailure};
use super::super::round::Scope;
use super::actions::MadeOf;
use super::error::DeltaError;
use super::log::DeltaLog;
use super::state::DeltaState;
use super::table::{Change, DeltaTable};
use super::write::{SiteFiles, Uploaded, made_of, write_files};
use crate::document::Document;
use crate::error::SiteError;
use crate::sync::{LogSnapshot, MergedSite, SitePart};

/// Tables whose logs are read at once.
const TABLES_AT_ONCE: usize = 4;

/// The tables while a round is under way.
pub(in super::super) struct DeltaRound<'a> {
    store: &'a Store,
    stored: DeltaState,
    stored_version: Option<Version>,
    tables: BTreeMap<Name, DeltaTable>,
    /// Tables whose logs cannot be used.
    unusable: BTreeMap<Name, TableFailure>,
    changes: BTreeMap<Name, TableChange>,
    changed_files: BTreeMap<Name, ChangedFiles>,
}

/// What the round changes in a table.
#[derive(Debug, Default)]
struct TableChange {
    commit: Change,
    /// Partitions that are made of something else, which gives the same rows.
    same: Vec<((SiteName, Part), MadeOf)>,
}

impl<'a> DeltaRound<'a> {
    /// Reads how the tables stand: before the sites' logs, so that a commit that the store takes holds no
    /// older rows than the version before it. `seen` are the tables that the store has.
    pub(in super::super) async fn begin(
        store: &'a Store,
        seen: BTreeSet<Name>,
        scope: Scope,
    ) -> Result<Self, ArchiveError> {
        let document = Document::<DeltaState>::new(Store::clone(store));
        let (stored, stored_version) = document.read().await?;
        let mut round = Self {
            store,
            stored_version,
            tables: BTreeMap::new(),
            unusable: BTreeMap::new(),
            changes: BTreeMap::new(),
            changed_files: BTreeMap::new(),
            stored,
        };
        let known = round.stored.tables.keys().cloned();
        let names: BTreeSet<Name> = known.chain(seen).collect();
        let tables: Vec<_> = names
            .iter()
            .map(|name| round.catch_up(name, scope))
            .collect();
        let tables = stream::iter(tables).buffered(TABLES_AT_ONCE);
        let tables: Vec<_> = tables.collect().await;
        for (name, table) in names.into_iter().zip(tables) {
            match table {
                Ok(table) => drop(round.tables.insert(name, table)),
                Err(error) => {
                    let error = error.of_all().map_or_else(Ok, Err)?;
                    round.unusable.insert(name, failure(&error));
                }
            }
        }
        Ok(round)
    }

    async fn catch_up(&self, name: &Name, scope: Scope) -> Result<DeltaTable, DeltaError> {
        let log = DeltaLog {
            store: self.store,
            table: name,
        };
        let known = self.stored.tables.get(name).cloned();
        let mut table = log.catch_up(known.unwrap_or_default()).await?;
        if scope.thorough {
            let limit = scope.now.saturating_sub(scope.keep);
            table.forget_removed_before(limit.unwrap_or(Timestamp::MIN).as_millisecond());
            log.sweep(&mut table).await?;
            log.repair_checkpoint(&mut table).await?;
        }
        Ok(table)
    }

    /// Writes the files of a site's partitions that are another version now. A table of which one cannot be
    /// written stays as it is for the site, since its rows may have moved; they are named. Also whether anything
    /// of the site is another version.
    pub(in super::super) async fn site(
        &mut self,
        site: &MergedSite,
        uploaded: &mut Uploaded,
    ) -> Result<(Vec<(Name, TableFailure)>, bool), SiteError> {
        let mut parts: BTreeMap<&Name, Vec<SitePart<'_>>> = BTreeMap::new();
        for part in site.parts().into_iter().filter(|part| part.rows() > 0) {
            parts.entry(&part.table.name).or_default().push(part);
        }
        let unsettled: BTreeSet<&Name> = site.unsettled().map(|(name, _)| name).collect();
        let (mut failed, mut is_changed) = (Vec::new(), false);
        for table in &site.logs.dataset.tables {
            let name = &table.name;
            if unsettled.contains(name) {
                continue;
            }
            if let Some(failure) = self.unusable.get(name) {
                failed.push((name.clone(), failure.clone()));
                continue;
            }
            let parts = parts.remove(name).unwrap_or_default();
            let error = match self.table(site, table, &parts, uploaded).await {
                Ok(changed) => {
                    is_changed |= changed;
                    continue;
                }
                Err(error) => error,
            };
            let error = error.of_all().map_or_else(Ok, |source| {
                let site = site.site().clone();
                Err(SiteError::Store { site, source })
            })?;
            failed.push((name.clone(), failure(&error)));
        }
        is_changed |= self.undeclared(site);
        Ok((failed, is_changed))
    }

    async fn table(
        &mut self,
        site: &MergedSite,
        declared: &Table,
        parts: &[SitePart<'_>],
        uploaded: &mut Uploaded,
    ) -> Result<bool, DeltaError> {
        let name = &declared.name;
        let table = &*self.tables.entry(name.clone()).or_default();
        let change = self.changes.get(name);
        let schema = change.map_or(&table.schema, |change| &change.commit.schema);
        let schema = schema.with(declared)?;

        let is_other = |part: &&SitePart<'_>| {
            let live = table.files.get(&(site.site().clone(), part.part));
            live.is_none_or(|live| live.made_of != Some(made_of(site, part)))
        };
        let others: Vec<_> = parts.iter().filter(is_other).collect();
        let SiteFiles { written, same } = match &*others {
            [] => SiteFiles::default(),
            others => write_files(self.store, (site, others), (declared, table), uploaded).await?,
        };
        let wanted: BTreeSet<Part> = parts.iter().map(|part| part.part).collect();
        let of_site = table.files.keys().filter(|(of, _)| of == site.site());
        let gone = of_site.filter(|(_, part)| !wanted.contains(part));
        let gone: Vec<_> = gone.cloned().collect();
        let is_changed = !(written.is_empty() && same.is_empty() && gone.is_empty());
        let change = self.changes.entry(name.clone()).or_default();
        change.commit.gone.extend(gone);
        change.commit.schema = schema;
        change.commit.written.extend(written);
        let commits = commits(&site.logs);
        change.commit.commits.insert(site.site().clone(), commits);
        change.same.extend(same);
        Ok(is_changed)
    }

    /// Removes what a site has in tables that it does not declare any more; whether there is anything.
    fn undeclared(&mut self, site: &MergedSite) -> bool {
        let mut is_changed = false;
        for (name, table) in &self.tables {
            let is_declared = site.logs.dataset.table(name.as_str()).is_some();
            if is_declared || site.holds_back(name) {
                continue;
            }
            let of_site = table.files.keys().filter(|(of, _)| of == site.site());
            let gone: Vec<_> = of_site.cloned().collect();
            if gone.is_empty() {
                continue;
            }
            let change = self.changes.entry(name.clone()).or_default();
            if change.commit.commits.is_empty() {
                change.commit.schema = table.schema.clone();
            }
            change.commit.gone.extend(gone);
            let commits = commits(&site.logs);
            change.commit.commits.insert(site.site().clone(), commits);
            is_changed = true;
        }
        is_changed
    }

    /// Commits what was written: one commit for each table that has news; then keeps how the tables stand.
    ///
    /// The order, and what a crash leaves: the files, of a version that is not there yet; the commits; a
    /// checkpoint where one is due; what is kept of all that. Whatever is missing of it, the next run reads
    /// the logs, and makes good.
    pub(in super::super) async fn commit(
        &mut self,
        now: Timestamp,
        uploaded: &mut Uploaded,
    ) -> Result<DeltaCommitted, ArchiveError> {
        let mut committed = DeltaCommitted::default();
        for (name, change) in std::mem::take(&mut self.changes) {
            match self.commit_table(&name, change, now).await {
                Ok(true) => {
                    let next = self.tables.get(&name).map_or(0, DeltaTable::next_version);
                    uploaded.forget_all_but(&name, next);
                }
                Ok(false) => {
                    committed.overtaken = true;
                    break;
                }
                Err(error) => {
                    let error = error.of_all().map_or_else(Ok, Err)?;
                    committed.failed.push((name, failure(&error)));
                }
            }
        }
        committed.overtaken = committed.overtaken || !self.write().await?;
        committed.tables = self.tables().collect();
        committed.changed_files = std::mem::take(&mut self.changed_files);
        Ok(committed)
    }

    async fn commit_table(
        &mut self,
        name: &Name,
        change: TableChange,
        now: Timestamp,
    ) -> Result<bool, DeltaError> {
        let TableChange { commit, same } = change;
        let mut table = self.tables.remove(name).unwrap_or_default();
        let log = DeltaLog {
            store: self.store,
            table: name,
        };
        if table.would_change(&commit) {
            let bytes = table.commit(name, &commit, now)?;
            let Some(next) = log.append(table, bytes).await? else {
                return Ok(false);
            };
            table = next;
            let changed = ChangedFiles {
                written: commit.written.len() as u64,
                removed: commit.gone.len() as u64,
            };
            self.changed_files.insert(name.clone(), changed);
        }
        for (key, made_of) in same {
            if let Some(live) = table.files.get_mut(&key) {
                live.made_of = Some(made_of);
            }
        }
        let written = match table.wants_checkpoint() {
            true => log.write_checkpoint(&mut table).await,
            false => Ok(()),
        };
        self.tables.insert(name.clone(), table);
        written.map(|()| true)
    }

    /// Keeps how the tables stand; `false` if another run has kept something meanwhile.
    async fn write(&mut self) -> Result<bool, ArchiveError> {
        let unusable = self.stored.tables.iter();
        let unusable = unusable.filter(|(name, _)| self.unusable.contains_key(*name));
        let unusable: Vec<_> = unusable
            .map(|(name, was)| (name.clone(), was.clone()))
            .collect();
        let mut state = DeltaState {
            tables: std::mem::take(&mut self.tables),
        };
        state.tables.extend(unusable);
        let document = Document::<DeltaState>::new(Store::clone(self.store));
        let is_kept = state == self.stored
            || document
                .replace(&state, self.stored_version.as_ref())
                .await?
                .is_some();
        self.tables = state.tables;
        self.tables
            .retain(|name, _| !self.unusable.contains_key(name));
        Ok(is_kept)
    }

    /// How the tables stand; those that cannot be used, as they stood.
    fn tables(&self) -> impl Iterator<Item = (Name, DeltaInfo)> {
        let unusable = self.stored.tables.iter();
        let unusable = unusable.filter(|(name, _)| self.unusable.contains_key(*name));
        self.tables
            .iter()
            .chain(unusable)
            .filter_map(|(name, table)| {
                let info = DeltaInfo {
                    version: table.head?.version,
                    files: table.files.len() as u64,
                    records: table.rows(),
                    commits: table.commits.clone(),
                };
                Some((name.clone(), info))
            })
    }
}

fn failure(error: &DeltaError) -> TableFailure {
    TableFailure {
        error: error.to_string(),
        retryable: error.is_retryable(),
    }
}

/// The heads of a site's logs.
fn commits(logs: &LogSnapshot) -> Commits {
    Commits {
        commit: logs.catalog.seq(),
        edits_commit: Some(logs.edits.seq()).filter(|seq| *seq != Seq::NONE),
    }
}

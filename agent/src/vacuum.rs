//! Vacuum: deleting what nobody can ask for any more.
//!
//! Retained are the catalog as it was `retention.keep` ago and every commit since: whatever one of
//! them names stays, so a reader may be that far behind, and `--as-of` reaches that far back. All
//! other objects, datasets and checkpoints go once they are older than that; what nothing names
//! and is younger may belong to a cycle that was killed and comes back for it. Commits stay for
//! ever: a number that was free again could be taken by a writer whose state is old, and nobody
//! would see that commit.
//!
//! # Order, and what each kill leaves
//! 1. The state forgets which objects it noted as sent. A kill costs the next cycle a look at those.
//! 2. Checkpoints, then objects, then datasets are deleted, none of them retained. A kill leaves the
//!    rest, which the next vacuum finds again.

use std::collections::BTreeSet;
use std::time::Instant;

use causeway_shared::catalog::Catalog;
use causeway_shared::clock;
use causeway_shared::commit::{Commit, Now};
use causeway_shared::ids::{Md5, Seq, SiteName};
use causeway_shared::layout::{self, SiteKey};
use causeway_shared::log::{LogError, SiteLog};
use causeway_shared::store::{ObjectMeta, RequestCounts, StoreError, list_all};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::agent::Agent;
use crate::error::AgentError;
use crate::stand::{Doubt, stand};
use crate::state::ObjectId;
use crate::writer::Fence;

/// Commits read at once.
const READ_AT_ONCE: usize = 8;

/// The newest checkpoints that stay whatever their age: the one that readers take, and the one they
/// fall back to.
const CHECKPOINTS_KEPT: usize = 2;

/// What a vacuum deleted, or would delete.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VacuumReport {
    /// The site.
    pub site: SiteName,
    /// Whether nothing was deleted, only counted.
    pub dry_run: bool,
    /// The oldest commit that can still be read with all its rows; `None` before the first.
    pub retained_from: Option<Seq>,
    /// Objects.
    pub objects: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Datasets.
    pub datasets: u64,
    /// Requests sent to the store.
    pub requests: RequestCounts,
    /// How long it took.
    pub seconds: f64,
}

impl Agent {
    /// Deletes what no retained commit names; with `dry_run`, only counts it.
    ///
    /// # Errors
    /// [`AgentError::Locked`] while another process works on the same state,
    /// [`AgentError::Fenced`] where another host writes this site, a log that is not whole, or the
    /// store's failure. Whatever was not deleted yet is found by the next vacuum.
    pub async fn vacuum(&self, dry_run: bool) -> Result<VacuumReport, AgentError> {
        self.vacuum_before(cut(self, clock::now()), dry_run).await
    }

    /// As [`vacuum`](Self::vacuum), of what is older than `cut`.
    async fn vacuum_before(
        &self,
        cut: Timestamp,
        dry_run: bool,
    ) -> Result<VacuumReport, AgentError> {
        let begun = Instant::now();
        let requests = self.store().requests();
        let _lock = if dry_run { None } else { Some(self.lock()?) };
        let retained = Retained::read(self.log(), cut).await?;
        if !dry_run {
            let mut state = self.state()?;
            let doubt = Doubt {
                ask: true,
                take_over: false,
            };
            stand(self, &mut state, doubt).await?;
            state.forget_uploads()?;
        }
        let mut vacuum = Vacuum {
            agent: self,
            retained: &retained,
            cut,
            report: VacuumReport {
                site: self.config().site.clone(),
                dry_run,
                retained_from: retained.from,
                objects: 0,
                bytes: 0,
                checkpoints: 0,
                datasets: 0,
                requests: RequestCounts::default(),
                seconds: 0.0,
            },
        };
        vacuum.checkpoints().await?;
        vacuum
            .under(&layout::data_prefix(self.log().site()))
            .await?;
        vacuum
            .under(&layout::dataset_prefix(self.log().site()))
            .await?;
        let mut report = vacuum.report;
        report.requests = self.store().requests().since(&requests);
        report.seconds = begun.elapsed().as_secs_f64();
        Ok(report)
    }
}

/// What was written before this, and is not retained, goes.
fn cut(agent: &Agent, now: Timestamp) -> Timestamp {
    let keep = SignedDuration::try_from(agent.config().keep).unwrap_or(SignedDuration::MAX);
    now.checked_sub(keep).unwrap_or(Timestamp::MIN)
}

/// What has to stay.
#[derive(Debug, Default)]
struct Retained {
    /// The oldest commit that stays whole.
    from: Option<Seq>,
    /// The newest.
    head: Seq,
    /// The checkpoint that a reader of the oldest commit begins with; older ones may go.
    checkpoint: Seq,
    objects: BTreeSet<ObjectId>,
    datasets: BTreeSet<Md5>,
    /// All checkpoints, ascending.
    checkpoints: Vec<Seq>,
}

impl Retained {
    /// Reads the log from the last checkpoint before `cut` to its head.
    async fn read(log: &SiteLog, cut: Timestamp) -> Result<Self, AgentError> {
        let checkpoints = log.checkpoints().await?;
        let start = start(log, &checkpoints, cut).await?;
        let mut retained = Self {
            checkpoint: start.seq(),
            checkpoints,
            ..Self::default()
        };
        let mut catalog = start;
        let seqs = listed(log, catalog.seq()).await?;
        let mut commits = stream::iter(seqs)
            .map(|seq| async move {
                log.commit(seq)
                    .await?
                    .ok_or_else(|| gap(log, seq, seq.next()))
            })
            .buffered(READ_AT_ONCE);
        let mut begun = false;
        while let Some(commit) = commits.try_next().await? {
            if commit.at > cut && !begun {
                retained.whole(&catalog);
                begun = true;
            }
            catalog.apply(&commit);
            if begun {
                retained.named_by(&commit);
            }
        }
        if !begun {
            retained.whole(&catalog);
        }
        retained.head = catalog.seq();
        Ok(retained)
    }

    /// Retains all that a catalog names, and whatever follows it.
    fn whole(&mut self, catalog: &Catalog) {
        self.from = catalog.head.as_ref().map(|head| head.seq);
        self.datasets
            .extend(catalog.head.iter().map(|head| head.dataset));
        for ((table, part), entry) in &catalog.partitions {
            self.objects
                .insert((table.clone(), *part, entry.object.md5));
            self.datasets.insert(entry.dataset);
        }
    }

    fn named_by(&mut self, commit: &Commit) {
        self.from.get_or_insert(commit.seq);
        self.datasets.insert(commit.dataset);
        for change in &commit.changes {
            if let Now::Object(object) = &change.now {
                self.objects
                    .insert((change.table.clone(), change.part, object.md5));
            }
        }
    }

    /// Whether what lies at a key has to stay, whatever its age.
    fn names(&self, key: &str) -> bool {
        match SiteKey::parse(key) {
            Some((_, SiteKey::Object(table, part, md5))) => {
                self.objects.contains(&(table, part, md5))
            }
            Some((_, SiteKey::Dataset(md5))) => self.datasets.contains(&md5),
            // Nobody knows what it is, so it is nobody's to delete.
            _ => true,
        }
    }
}

/// The numbers of all commits after `seq`, of which none may be missing.
async fn listed(log: &SiteLog, seq: Seq) -> Result<Vec<Seq>, AgentError> {
    let after = SiteKey::Commit(seq).of(log.site());
    let prefix = layout::log_prefix(log.site());
    let objects = list_all(&**log.store(), &prefix, Some(&after)).await;
    let objects = objects.map_err(|source| AgentError::Store {
        site: log.site().clone(),
        source,
    })?;
    let mut seqs = Vec::with_capacity(objects.len());
    let mut expected = seq.next();
    for object in objects {
        let Some((_, SiteKey::Commit(found))) = SiteKey::parse(&object.key) else {
            continue;
        };
        if found != expected {
            return Err(gap(log, expected, found).into());
        }
        seqs.push(found);
        expected = found.next();
    }
    Ok(seqs)
}

fn gap(log: &SiteLog, missing: Seq, later: Seq) -> LogError {
    LogError::Gap {
        site: log.site().clone(),
        missing,
        key: SiteKey::Commit(missing).of(log.site()),
        later,
    }
}

/// The catalog of the newest usable checkpoint whose commit was made before `cut`; an empty one
/// where there is none.
async fn start(log: &SiteLog, checkpoints: &[Seq], cut: Timestamp) -> Result<Catalog, LogError> {
    // Commits are small and their times ascend, so few of them tell which checkpoint it is.
    let (mut older, mut newer) = (0, checkpoints.len());
    while older < newer {
        let middle = older.midpoint(newer);
        let seq = checkpoints[middle];
        let commit = log.commit(seq).await?;
        let commit = commit.ok_or_else(|| gap(log, seq, seq.next()))?;
        if commit.at <= cut {
            older = middle + 1;
        } else {
            newer = middle;
        }
    }
    for seq in checkpoints[..older].iter().rev() {
        if let Some(checkpoint) = log.checkpoint(*seq).await? {
            return Ok(checkpoint.into());
        }
    }
    Ok(Catalog::empty(log.site().clone()))
}

/// A vacuum at work.
struct Vacuum<'v> {
    agent: &'v Agent,
    retained: &'v Retained,
    cut: Timestamp,
    report: VacuumReport,
}

impl Vacuum<'_> {
    /// Deletes checkpoints from before the retained commits.
    async fn checkpoints(&mut self) -> Result<(), AgentError> {
        let all = &self.retained.checkpoints;
        let old = all.len().saturating_sub(CHECKPOINTS_KEPT);
        let site = self.agent.log().site();
        let keys: Vec<String> = all[..old]
            .iter()
            .filter(|seq| **seq < self.retained.checkpoint)
            .map(|seq| SiteKey::Checkpoint(*seq).of(site))
            .collect();
        self.report.checkpoints += keys.len() as u64;
        self.delete(keys).await
    }

    /// Deletes what lies under a prefix, is older than the cut and not retained.
    async fn under(&mut self, prefix: &str) -> Result<(), AgentError> {
        let mut after = None;
        loop {
            let page = self.agent.store().list(prefix, after.as_deref()).await;
            let page = page.map_err(|source| self.failed(source))?;
            let goes = |object: &&ObjectMeta| {
                object.modified <= self.cut && !self.retained.names(&object.key)
            };
            let old: Vec<&ObjectMeta> = page.objects.iter().filter(goes).collect();
            let datasets = old.iter().filter(|object| is_dataset(&object.key)).count() as u64;
            self.report.datasets += datasets;
            self.report.objects += old.len() as u64 - datasets;
            self.report.bytes += old.iter().map(|object| object.bytes).sum::<u64>();
            let keys = old.into_iter().map(|object| object.key.clone()).collect();
            self.delete(keys).await?;
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Deletes keys, unless the log has moved on since it was read: a writer that took the site
    /// over may be about to name one of them.
    async fn delete(&self, keys: Vec<String>) -> Result<(), AgentError> {
        if keys.is_empty() || self.report.dry_run {
            return Ok(());
        }
        let log = self.agent.log();
        if let Some(commit) = log.commit(self.retained.head.next()).await? {
            return Err(AgentError::Fenced {
                site: log.site().clone(),
                fence: Fence {
                    host: commit.writer.host,
                    epoch: commit.epoch,
                    seq: commit.seq,
                    at: commit.at,
                },
            });
        }
        stream::iter(keys)
            .map(|key| async move { self.agent.store().delete(&key).await })
            .buffer_unordered(self.agent.config().upload.concurrency)
            .try_collect::<()>()
            .await
            .map_err(|source| self.failed(source))
    }

    fn failed(&self, source: StoreError) -> AgentError {
        AgentError::Store {
            site: self.agent.config().site.clone(),
            source,
        }
    }
}

fn is_dataset(key: &str) -> bool {
    matches!(SiteKey::parse(key), Some((_, SiteKey::Dataset(_))))
}

#[cfg(test)]
mod tests;

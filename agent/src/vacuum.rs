//! Vacuum: deleting what nobody can ask for any more.
//!
//! Retained are the catalog as it was `retention.keep` ago and every commit since: whatever one of
//! them names stays, so a reader may be that far behind, and `--as-of` reaches that far back. All
//! other objects, datasets and checkpoints go once they are older than that; what nothing names
//! and is younger may belong to a cycle that was killed and comes back for it. Commits stay for
//! ever: a number that was free again could be taken by a writer whose state is old, and nobody
//! would see that commit.
//!
//! Commits that are lost for good, and that a later checkpoint bridges, are passed as readers pass
//! them: what the checkpoint names stays.
//!
//! How old something is, two clocks say: the store's of its objects, this machine's of the present.
//! They are compared first, by writing the dataset again as it is; if they disagree by more than
//! [`MOST_SKEW`], nothing is deleted.
//!
//! Another host that takes the site over meanwhile writes old objects again before it names them.
//! So each is looked at once more just before it is deleted, and stays if it is no longer old.
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

/// How far this machine's clock may be from the store's; S3 itself refuses requests that are further
/// off.
const MOST_SKEW: SignedDuration = SignedDuration::from_mins(15);

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
    /// [`AgentError::Fenced`] where another host writes this site, [`AgentError::Clock`], a log that
    /// is not whole, or the store's failure. Whatever was not deleted yet is found by the next
    /// vacuum.
    pub async fn vacuum(&self, dry_run: bool) -> Result<VacuumReport, AgentError> {
        let now = clock::now();
        self.delete_before(cut(self, now), Some(now), dry_run).await
    }

    /// As [`vacuum`](Self::vacuum), of what is older than `cut`. `now` is what the store's clock is
    /// compared with.
    async fn delete_before(
        &self,
        cut: Timestamp,
        now: Option<Timestamp>,
        dry_run: bool,
    ) -> Result<VacuumReport, AgentError> {
        let begun = Instant::now();
        let requests = self.store().requests();
        if dry_run {
            let retained = Retained::read(self.log(), cut).await?;
            let counted = self.delete_unnamed(&retained, cut, dry_run).await?;
            return Ok(counted.finished(self, begun, &requests));
        }
        let deleted = async {
            let retained = Retained::read(self.log(), cut).await?;
            let mut state = self.state()?;
            let doubt = Doubt {
                ask: true,
                take_over: false,
            };
            stand(self, &mut state, doubt).await?;
            if let Some(now) = now {
                self.check_clock(now).await?;
            }
            state.forget_uploads()?;
            self.delete_unnamed(&retained, cut, dry_run).await
        };
        let deleted = self.lock()?.hold(deleted).await?;
        Ok(deleted.finished(self, begun, &requests))
    }

    /// Makes sure that this machine's clock agrees with the store's.
    async fn check_clock(&self, now: Timestamp) -> Result<(), AgentError> {
        let dataset = &self.config().dataset;
        let key = SiteKey::Dataset(dataset.md5()).of(self.log().site());
        let body = dataset.canonical_json().as_bytes().to_vec().into();
        let written = async {
            self.store().put(&key, body).await?;
            self.store().head(&key).await
        };
        let written = written.await.map_err(|source| AgentError::Store {
            site: self.config().site.clone(),
            source,
        })?;
        if now.duration_since(written.modified).abs() <= MOST_SKEW {
            return Ok(());
        }
        Err(AgentError::Clock {
            site: self.config().site.clone(),
            here: now,
            store: written.modified,
        })
    }

    /// Deletes what is older than `cut` and not retained.
    async fn delete_unnamed(
        &self,
        retained: &Retained,
        cut: Timestamp,
        dry_run: bool,
    ) -> Result<VacuumReport, AgentError> {
        let mut vacuum = Vacuum {
            agent: self,
            retained,
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
        Ok(vacuum.report)
    }
}

impl VacuumReport {
    /// With what it cost.
    fn finished(mut self, agent: &Agent, begun: Instant, before: &RequestCounts) -> Self {
        self.requests = agent.store().requests().since(before);
        self.seconds = begun.elapsed().as_secs_f64();
        self
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
            while commit.seq > catalog.seq().next() {
                let missing = catalog.seq().next();
                let bridge = retained.bridge(log, missing).await?;
                let bridge = bridge.ok_or_else(|| gap(log, missing, commit.seq))?;
                if is_after(&bridge, cut) && !begun {
                    retained.whole(&catalog);
                    begun = true;
                }
                if begun {
                    retained.whole(&bridge);
                }
                catalog = bridge;
            }
            if commit.at > cut && !begun {
                retained.whole(&catalog);
                begun = true;
            }
            // Of one before the bridge's end nobody knows what it added to.
            if commit.seq == catalog.seq().next() {
                catalog.apply(&commit);
            }
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

    /// The catalog of the first usable checkpoint at or after a missing commit.
    async fn bridge(&self, log: &SiteLog, missing: Seq) -> Result<Option<Catalog>, LogError> {
        for seq in self.checkpoints.iter().filter(|seq| **seq >= missing) {
            if let Some(checkpoint) = log.checkpoint(*seq).await? {
                return Ok(Some(checkpoint.into()));
            }
        }
        Ok(None)
    }

    /// Retains all that a catalog names, and whatever follows it.
    fn whole(&mut self, catalog: &Catalog) {
        self.from = self
            .from
            .or_else(|| catalog.head.as_ref().map(|head| head.seq));
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

/// Whether a catalog is of a commit that was made after `cut`.
fn is_after(catalog: &Catalog, cut: Timestamp) -> bool {
    catalog.head.as_ref().is_some_and(|head| head.at > cut)
}

/// The numbers of the commits after `seq` that are there.
async fn listed(log: &SiteLog, seq: Seq) -> Result<Vec<Seq>, AgentError> {
    let after = SiteKey::Commit(seq).of(log.site());
    let prefix = layout::log_prefix(log.site());
    let objects = list_all(&**log.store(), &prefix, Some(&after)).await;
    let objects = objects.map_err(|source| AgentError::Store {
        site: log.site().clone(),
        source,
    })?;
    let seq = |object: &ObjectMeta| match SiteKey::parse(&object.key) {
        Some((_, SiteKey::Commit(seq))) => Some(seq),
        _ => None,
    };
    Ok(objects.iter().filter_map(seq).collect())
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
        let at = match log.commit(seq).await? {
            Some(commit) => Some(commit.at),
            // Lost, and bridged by this very checkpoint.
            None => log.checkpoint(seq).await?.map(|checkpoint| checkpoint.at),
        };
        if at.ok_or_else(|| gap(log, seq, seq.next()))? <= cut {
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
        if keys.is_empty() || self.report.dry_run {
            return Ok(());
        }
        self.check_log().await?;
        let store = self.agent.store();
        stream::iter(keys)
            .map(|key| async move { store.delete(&key).await })
            .buffer_unordered(self.agent.config().upload.concurrency)
            .try_collect()
            .await
            .map_err(|source| self.failed(source))
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
            for object in self.delete_old(old).await? {
                if is_dataset(&object.key) {
                    self.report.datasets += 1;
                } else {
                    self.report.objects += 1;
                }
                self.report.bytes += object.bytes;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Deletes objects that still are old; those that it did delete, or would.
    async fn delete_old<'o>(
        &self,
        old: Vec<&'o ObjectMeta>,
    ) -> Result<Vec<&'o ObjectMeta>, AgentError> {
        if old.is_empty() || self.report.dry_run {
            return Ok(old);
        }
        self.check_log().await?;
        let deleted: Vec<Option<&ObjectMeta>> = stream::iter(old)
            .map(|object| async move {
                let is_old = self.is_still_old(&object.key).await?;
                if is_old {
                    self.agent.store().delete(&object.key).await?;
                }
                Ok(is_old.then_some(object))
            })
            .buffer_unordered(self.agent.config().upload.concurrency)
            .try_collect()
            .await
            .map_err(|source| self.failed(source))?;
        Ok(deleted.into_iter().flatten().collect())
    }

    /// Whether nobody has written an object again since it was listed.
    async fn is_still_old(&self, key: &str) -> Result<bool, StoreError> {
        match self.agent.store().head(key).await {
            Ok(object) => Ok(object.modified <= self.cut),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes sure that the log has not moved on since it was read: a writer that took the site over
    /// may be about to name what is to be deleted.
    async fn check_log(&self) -> Result<(), AgentError> {
        let log = self.agent.log();
        match log.commit(self.retained.head.next()).await? {
            None => Ok(()),
            Some(commit) => Err(AgentError::Fenced {
                site: log.site().clone(),
                fence: Fence {
                    host: commit.writer.host,
                    epoch: commit.epoch,
                    seq: commit.seq,
                    at: commit.at,
                },
            }),
        }
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

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
//! The log of edits names datasets too. So a dataset stays that any of its commits names; that log is
//! only read where a dataset would go, and where it cannot be read, none goes.
//!
//! How old something is, two clocks say: the store's of its objects, this machine's of the present.
//! They are compared first, by writing the dataset again as it is; if they disagree by more than
//! [`MAX_SKEW`], nothing is deleted.
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

use causeway_shared::commit::EditsLog;
use causeway_shared::ids::{Md5, Seq, SiteName};
use causeway_shared::layout::{self, LogKey, SiteKey, WhichLog};
use causeway_shared::log::{Retained, SiteLog};
use causeway_shared::runtime::clock;
use causeway_shared::store::{ObjectMeta, RequestCounts, Store, StoreError};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::agent::Agent;
use crate::error::AgentError;
use crate::push::session::{LogCheck, open_session};
use crate::push::store_check::check_before_first_write;

/// How far this machine's clock may be from the store's; S3 itself refuses requests that are further
/// off.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(15);

/// What a vacuum deleted, or would delete.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct VacuumReport {
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

/// Whether this machine's clock and the store's are compared before anything is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clocks {
    /// As always.
    Compared,
    /// The time to cut at was not read from a clock.
    #[cfg(test)]
    Ignored,
}

/// Deletes what no retained commit names; with `dry_run`, only counts it.
///
/// # Errors
/// [`AgentError::State`] while another process works on the same state, [`AgentError::Fenced`] where
/// another host writes this site, [`AgentError::Unfit`], [`AgentError::Clock`], a log that is not whole, or the store's
/// failure. Whatever was not deleted yet is found by the next vacuum.
pub(crate) async fn vacuum(agent: &Agent, dry_run: bool) -> Result<VacuumReport, AgentError> {
    let cut = cut(agent, clock::now());
    agent.delete_before(cut, Clocks::Compared, dry_run).await
}

impl Agent {
    /// As [`vacuum`], of what is older than `cut`.
    async fn delete_before(
        &self,
        cut: Timestamp,
        clocks: Clocks,
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
            let check = LogCheck {
                ask: true,
                take_over: false,
            };
            let mut session = open_session(self, &mut state, check).await?;
            check_before_first_write(self, &mut state, &mut session.writer).await?;
            if clocks == Clocks::Compared {
                self.check_clock().await?;
            }
            state.forget_uploads()?;
            self.delete_unnamed(&retained, cut, dry_run).await
        };
        let deleted = self.lock()?.hold(deleted).await?;
        Ok(deleted.finished(self, begun, &requests))
    }

    /// Makes sure that this machine's clock agrees with the store's.
    async fn check_clock(&self) -> Result<(), AgentError> {
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
        let now = clock::now();
        if now.duration_since(written.modified).abs() <= MAX_SKEW {
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
            edits: None,
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
        let site = self.log().site();
        vacuum.under(&WhichLog::Agent.objects(site)).await?;
        vacuum.under(&layout::dataset_prefix(site)).await?;
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

/// A vacuum at work.
struct Vacuum<'v> {
    agent: &'v Agent,
    retained: &'v Retained,
    cut: Timestamp,
    /// Which datasets the log of edits names, once it was asked.
    edits: Option<DatasetsOfEdits>,
    report: VacuumReport,
}

/// Which datasets the log of edits names.
enum DatasetsOfEdits {
    Named(BTreeSet<Md5>),
    /// Nobody can tell.
    Unknown,
}

impl Vacuum<'_> {
    /// Deletes checkpoints from before the retained commits.
    async fn checkpoints(&mut self) -> Result<(), AgentError> {
        let log = self.agent.log();
        let spare = self.retained.spare_checkpoints();
        let keys: Vec<String> = spare.map(|seq| log.key(&LogKey::Checkpoint(seq))).collect();
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
            let mut old: Vec<&ObjectMeta> = page.objects.iter().filter(goes).collect();
            if old.iter().any(|object| dataset_at(&object.key).is_some()) {
                let edits = self.datasets_of_edits().await?;
                old.retain(|object| !edits.may_name(&object.key));
            }
            for object in self.delete_old(old).await? {
                if dataset_at(&object.key).is_some() {
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

    /// Which datasets the log of edits names. It is read from its first commit on, since the hubs that
    /// write it may keep more of it than the agent keeps of its own.
    async fn datasets_of_edits(&mut self) -> Result<&DatasetsOfEdits, AgentError> {
        if self.edits.is_none() {
            let site = self.agent.log().site();
            let log = SiteLog::<EditsLog>::of_kind(Store::clone(self.agent.store()), site.clone());
            let edits = match Retained::read(&log, Timestamp::MIN).await {
                Ok(retained) => DatasetsOfEdits::Named(retained.datasets),
                Err(error) if error.is_retryable() => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%error, "no dataset is deleted: edits may be written with it");
                    DatasetsOfEdits::Unknown
                }
            };
            self.edits = Some(edits);
        }
        Ok(self.edits.as_ref().unwrap_or(&DatasetsOfEdits::Unknown))
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
                fence: commit.head.into(),
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

impl DatasetsOfEdits {
    /// Whether edits may be written with the dataset at a key.
    fn may_name(&self, key: &str) -> bool {
        match self {
            Self::Unknown => true,
            Self::Named(named) => dataset_at(key).is_some_and(|md5| named.contains(&md5)),
        }
    }
}

/// The dataset at a key, if one is there.
fn dataset_at(key: &str) -> Option<Md5> {
    match SiteKey::parse(key) {
        Some((_, SiteKey::Dataset(md5))) => Some(md5),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

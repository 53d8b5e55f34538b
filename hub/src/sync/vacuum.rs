//! Deleting edits objects that nobody can ask for any more, of the sites whose edits this database owns.
//!
//! Retained are the catalog of edits as it was `[edits] keep` ago and every commit since: whatever one
//! of them names stays, so that a past state can be loaded from that far back. Commits stay for ever.
//!
//! A flush that is under way has written objects that no commit names yet. They are young, and what is
//! younger than [`YOUNG`] stays however short `[edits] keep` is. No later commit can name what is deleted,
//! since each new edits object gets a name that no object had before, whatever its entries are.
//!
//! The store's clock says when an object was written, and this machine's what time it is. Both are compared
//! first, by writing a dataset again as it is: where they differ by more than [`MAX_SKEW`], nothing is
//! deleted.
//!
//! # Order, and what a crash leaves
//! Checkpoints, then objects, none of them retained, in any order. A crash leaves the rest, which the
//! next vacuum finds again.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use causeway_shared::commit::{EditsHead, EditsLog, Owner};
use causeway_shared::dataset;
use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::layout::{LogKey, SiteKey, WhichLog};
use causeway_shared::log::{Retained, SiteLog};
use causeway_shared::store::{RequestCounts, StoreError};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::time::sleep;

use super::discover::discover;
use super::edits_log::owns;
use super::hub::Hub;
use crate::error::{HubError, SiteError};

/// A flush takes minutes at most, and so does a load of the commits that it looked at.
const YOUNG: SignedDuration = SignedDuration::from_hours(1);
/// How far this machine's clock may be from the store's; S3 itself refuses requests that are further off.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(15);
/// Objects deleted at once.
const DELETED_AT_ONCE: usize = 8;

/// How long a service runs before its first vacuum, and how long it waits for each further one.
const FIRST_AFTER: Duration = Duration::from_secs(60 * 60);
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a vacuum deleted, or would delete.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct VacuumReport {
    /// Whether nothing was deleted, only counted.
    pub(crate) dry_run: bool,
    pub(crate) sites: Vec<SiteVacuumed>,
    pub(crate) requests: RequestCounts,
    pub(crate) seconds: f64,
}

/// What it deleted of a site's edits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SiteVacuumed {
    pub(crate) site: SiteName,
    /// The oldest commit of edits that can still be read with all its rows; `None` before the first.
    pub(crate) retained_from: Option<Seq>,
    pub(crate) objects: u64,
    /// The objects' size in bytes.
    pub(crate) bytes: u64,
    pub(crate) checkpoints: u64,
    /// Another database that owns the edits, so that nothing was deleted here.
    pub(crate) owner: Option<Owner>,
    pub(crate) error: Option<String>,
    #[serde(skip)]
    is_retryable: bool,
}

impl VacuumReport {
    /// Whether a person has to see to something first.
    pub(crate) fn needs_a_look(&self) -> bool {
        let mut sites = self.sites.iter();
        sites.any(|site| site.error.is_some() && !site.is_retryable)
    }

    pub(crate) fn is_retryable(&self) -> bool {
        self.sites.iter().any(|site| site.is_retryable)
    }
}

/// Which objects may go.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// The catalog then and all commits since stay whole, and whatever was written since by the store's
    /// clock.
    before: Timestamp,
    /// What that clock is compared with; `None`: it is not.
    now: Option<Timestamp>,
}

impl Hub {
    /// Deletes what no retained commit of the edits of this database's sites names; with `dry_run`, only
    /// counts it.
    ///
    /// # Errors
    /// [`HubError::UnknownSite`], [`HubError::PastDatabase`], or a failure of database or store. What
    /// fails for one site is in the report.
    pub(crate) async fn vacuum(
        &self,
        only: Option<&SiteName>,
        now: Timestamp,
        dry_run: bool,
    ) -> Result<VacuumReport, HubError> {
        let young = now.saturating_sub(YOUNG).unwrap_or(Timestamp::MIN);
        let cut = Cut {
            before: young.min(self.config().edits.kept_since(now)),
            now: Some(now),
        };
        self.vacuum_before(only, cut, dry_run).await
    }

    async fn vacuum_before(
        &self,
        only: Option<&SiteName>,
        cut: Cut,
        dry_run: bool,
    ) -> Result<VacuumReport, HubError> {
        self.refuse_past().await?;
        self.look_for_another_store().await?;
        let (begun, requests) = (Instant::now(), self.store().requests());
        let identity = self.identity().await?;
        let mut sites = discover(self.store()).await?;
        if let Some(only) = only {
            sites.retain(|site| site == only);
            if sites.is_empty() {
                return Err(HubError::UnknownSite { site: only.clone() });
            }
        }
        let mut vacuumed = Vec::new();
        for site in sites {
            let mut task = SiteVacuum::new(self, site, dry_run);
            if let Err(error) = task.run(&identity, cut).await {
                task.done.is_retryable = error.is_retryable();
                task.done.error = Some(error.to_string());
            }
            vacuumed.push(task.done);
        }
        Ok(VacuumReport {
            dry_run,
            sites: vacuumed,
            requests: self.store().requests().since(&requests),
            seconds: begun.elapsed().as_secs_f64(),
        })
    }

    /// Vacuums once a day, as long as it is not dropped.
    pub(crate) async fn keep_vacuuming(&self, clock: fn() -> Timestamp) {
        sleep(FIRST_AFTER).await;
        loop {
            if self.config().edits.write {
                self.vacuum_and_log(clock()).await;
            }
            sleep(EVERY).await;
        }
    }

    pub(crate) async fn vacuum_and_log(&self, now: Timestamp) {
        let what = "edits objects that nobody needs are not all deleted; the next vacuum goes on";
        let report = match self.vacuum(None, now, false).await {
            Ok(report) => report,
            // Its edits are another database's.
            Err(HubError::PastDatabase { .. }) => return,
            Err(error) => return tracing::warn!(%error, "{what}"),
        };
        for site in report.sites {
            let SiteVacuumed { objects, bytes, .. } = site;
            if objects > 0 {
                tracing::info!(site = %site.site, objects, bytes, "old edits objects are deleted");
            }
            if let Some(error) = site.error {
                tracing::warn!(site = %site.site, error, "{what}");
            }
        }
    }
}

/// A vacuum of a site's edits at work.
struct SiteVacuum<'h> {
    hub: &'h Hub,
    log: SiteLog<EditsLog>,
    dry_run: bool,
    done: SiteVacuumed,
}

impl<'h> SiteVacuum<'h> {
    fn new(hub: &'h Hub, site: SiteName, dry_run: bool) -> Self {
        Self {
            hub,
            log: hub.edits_log(&site),
            dry_run,
            done: SiteVacuumed {
                site,
                retained_from: None,
                objects: 0,
                bytes: 0,
                checkpoints: 0,
                owner: None,
                error: None,
                is_retryable: false,
            },
        }
    }

    async fn run(&mut self, identity: &Owner, cut: Cut) -> Result<(), SiteError> {
        let catalog = self.log.read_catalog().await?;
        let Some(head) = &catalog.head else {
            return Ok(());
        };
        if !owns(&catalog, identity) {
            self.done.owner = Some(head.writer.clone());
            return Ok(());
        }
        let retained = Retained::read(&self.log, cut.before).await?;
        self.done.retained_from = retained.from;
        if let Some(now) = cut.now.filter(|_| !self.dry_run) {
            self.check_clock(head, now).await?;
        }
        self.checkpoints(&retained).await?;
        self.objects(&retained, cut.before).await
    }

    /// Makes sure that this machine's clock agrees with the store's.
    async fn check_clock(&self, head: &EditsHead, now: Timestamp) -> Result<(), SiteError> {
        let store = self.hub.store();
        let key = SiteKey::Dataset(head.dataset).of(&self.done.site);
        let written = async {
            let body = store.get(&key).await?.bytes(dataset::MAX_BYTES as u64);
            store.put(&key, body.await?.into()).await?;
            store.head(&key).await
        };
        let began = Instant::now();
        let modified = written.await.map_err(|error| self.failed(error))?.modified;
        let now = now + SignedDuration::try_from(began.elapsed()).unwrap_or_default();
        if now.duration_since(modified).abs() <= MAX_SKEW {
            return Ok(());
        }
        Err(SiteError::Clocks {
            site: self.done.site.clone(),
            here: now,
            store: modified,
        })
    }

    /// Deletes checkpoints from before the retained commits.
    async fn checkpoints(&mut self, retained: &Retained<EditsLog>) -> Result<(), SiteError> {
        let spare = retained.spare_checkpoints();
        let keys: Vec<String> = spare
            .map(|seq| self.log.key(&LogKey::Checkpoint(seq)))
            .collect();
        self.done.checkpoints = self.delete(keys).await?;
        Ok(())
    }

    /// Deletes objects that are old and not retained.
    async fn objects(
        &mut self,
        retained: &Retained<EditsLog>,
        before: Timestamp,
    ) -> Result<(), SiteError> {
        let prefix = WhichLog::Edits.objects(&self.done.site);
        let mut after = None;
        loop {
            let page = self.hub.store().list(&prefix, after.as_deref()).await;
            let page = page.map_err(|source| self.failed(source))?;
            let mut old = page.objects;
            old.retain(|object| object.modified <= before && !retained.names(&object.key));
            let bytes = old.iter().map(|object| object.bytes).sum::<u64>();
            let keys = old.into_iter().map(|object| object.key).collect();
            self.done.objects += self.delete(keys).await?;
            self.done.bytes += bytes;
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Returns how many there were.
    async fn delete(&self, keys: Vec<String>) -> Result<u64, SiteError> {
        let count = keys.len() as u64;
        if self.dry_run {
            return Ok(count);
        }
        let store = self.hub.store();
        stream::iter(keys)
            .map(|key| async move { store.delete(&key).await })
            .buffer_unordered(DELETED_AT_ONCE)
            .try_collect::<()>()
            .await
            .map_err(|source| self.failed(source))?;
        Ok(count)
    }

    fn failed(&self, source: StoreError) -> SiteError {
        SiteError::Store {
            site: self.done.site.clone(),
            source,
        }
    }
}

//! One load of one site, from reading its logs to the commit of its rows.
//!
//! # Order, and what a crash leaves
//! 1. What waits in the journal is flushed, and edits that were merged with another object of the
//!    site's than the current one are settled and committed. A crash leaves a log that is whole. Where the
//!    store takes no flush, rows that nobody has changed since are loaded all the same.
//! 2. Tables that are missing are made. A crash leaves them empty.
//! 3. Rows for tables that hold some are staged where no reader sees them. A crash leaves nothing:
//!    the staging tables end with the connection.
//! 4. One transaction, if nobody has written to its tables meanwhile and no flush has moved the
//!    catalogs on; else all of it again, the last time with writers locked out. Rows that changed or
//!    are gone are deleted, in all tables; then the new ones are inserted, so that a row may move
//!    between partitions and two rows may swap a unique value; empty tables are filled straight from
//!    the store, which may take long but keeps nobody from a row, since there is none yet; the
//!    catalogs and what is loaded are written down. A crash before its commit leaves the last good
//!    data, a crash after it the new.

mod copy;
mod dataset;
mod edits;
mod execute;
mod news;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{EditsLog, Owner};
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::{Name, Part, Seq, SiteName};
use causeway_shared::log::SiteLog;
use causeway_shared::store::Store;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::cache::CachedSite;
use super::edits_log::owns;
use super::history::SiteHistory;
use super::hub::Hub;
use super::load_plan::{LoadPlan, load_plan};
use super::report::{NewConflict, PartitionCounts, SiteLoaded};
use super::window::Wanted;
use crate::db::{DbError, StoredSite};
use crate::error::{HubError, SiteError};
use dataset::with_other_values;
use edits::EditsInEffect;
use execute::{Counted, Executed, Work};
pub(crate) use snapshot::LogSnapshot;

/// A load that others wrote into is begun anew. From this attempt on they are locked out.
const ATTEMPTS: u32 = 3;
/// On a database that only hubs write to they are not, since the flush is one of them.
const MOST_ATTEMPTS: u32 = 20;

/// Most new conflicts that a load names.
const NAMED_CONFLICTS: usize = 20;

static NOTHING: BTreeSet<(Name, Part)> = BTreeSet::new();

/// A site to be loaded.
pub(crate) struct SiteTask<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) site: &'a SiteName,
    /// What the database held when it was last read.
    pub(crate) known: &'a StoredSite,
    /// What is to be loaded.
    pub(crate) wanted: &'a Wanted,
    /// Whether to make sure that the logs have no gap and are still those that were loaded.
    pub(crate) thorough: bool,
    /// Partitions to load again though they are loaded.
    pub(crate) again: &'a BTreeSet<(Name, Part)>,
    /// Whether to take out rows that neither the loader nor the journal knows.
    pub(crate) remove_strays: bool,
    /// Whether somebody waits for the rows.
    pub(crate) hurried: bool,
    /// The present.
    pub(crate) now: Timestamp,
}

impl<'a> SiteTask<'a> {
    /// One that loads what is wanted and changed, and no more.
    pub(crate) fn plain(
        hub: &'a Hub,
        site: &'a SiteName,
        known: &'a StoredSite,
        wanted: &'a Wanted,
        now: Timestamp,
    ) -> Self {
        Self {
            hub,
            site,
            known,
            wanted,
            thorough: false,
            again: &NOTHING,
            remove_strays: false,
            hurried: false,
            now,
        }
    }
}

impl SiteTask<'_> {
    fn store(&self) -> &Store {
        self.hub.store()
    }

    /// Reads the logs from where the database stands. `None`: the site has not committed.
    pub(crate) async fn read_log(&self) -> Result<Option<LogSnapshot>, SiteError> {
        let known = (
            &self.known.catalog,
            &self.known.edits,
            self.known.dataset.as_deref(),
        );
        LogSnapshot::read(self.store(), known, self.thorough).await
    }

    /// What a load of this snapshot does, with these edits.
    pub(crate) fn plan(
        &self,
        snapshot: &LogSnapshot,
        edits: &Catalog<EditsLog>,
        stored: &StoredSite,
    ) -> LoadPlan {
        self.plan_again(snapshot, (edits, self.again), stored)
    }

    fn plan_again(
        &self,
        snapshot: &LogSnapshot,
        (edits, again): (&Catalog<EditsLog>, &BTreeSet<(Name, Part)>),
        stored: &StoredSite,
    ) -> LoadPlan {
        let wanted = self.wanted.and_asked(stored);
        let catalogs = (&snapshot.catalog, edits);
        load_plan(&snapshot.dataset, catalogs, &stored.loaded, &wanted, again)
    }

    /// The plan of a load that would leave everything as it is stored; `None` where it would not. What
    /// waits in the journal is not a load's to look at.
    fn idle_plan(
        &self,
        snapshot: &LogSnapshot,
        stored: &StoredSite,
        identity: &Owner,
    ) -> Option<LoadPlan> {
        let stands = !self.remove_strays
            && snapshot.catalog.head == stored.catalog.head
            && snapshot.edits.head == stored.edits.head
            && (snapshot.edits.head.is_some() || !self.hub.config().edits.write)
            && stored.state.start_known
            && stored.state.writable
                == (self.hub.config().edits.write && owns(&snapshot.edits, identity))
            && self.wanted.asked_now(stored, self.now).is_empty();
        let plan = stands.then(|| self.plan(snapshot, &stored.edits_in_effect(), stored));
        plan.filter(LoadPlan::is_empty)
    }

    /// Loads a snapshot: waits for other loads of the site, plans again on what they left, and
    /// makes the rows equal to what is wanted.
    pub(crate) async fn load(&self, snapshot: LogSnapshot) -> Result<SiteLoaded, SiteError> {
        let identity = self.hub.identity().await;
        let identity = identity.map_err(|source| self.database_error(source))?;
        // Before the catalogs are copied: at each refresh of each site this is all that there is to do.
        let has_triggers = self.hub.has_triggers(self.site, &snapshot.dataset).await;
        let has_triggers = has_triggers.map_err(|source| self.database_error(source))?;
        let idle = self.idle_plan(&snapshot, self.known, &identity);
        if let Some(plan) = idle.filter(|_| has_triggers) {
            return Ok(self.report(&snapshot, &identity, &plan, Counted::default()));
        }
        // In the heap: a load is large, and whoever asks for a date may be deep in a request already.
        let once = Box::pin(self.load_once(snapshot.clone(), &identity, false));
        match once.await {
            Err(error) if error.is_of_one_key_twice() => {
                Box::pin(self.load_once(snapshot, &identity, true)).await
            }
            loaded => loaded,
        }
    }

    /// `doubts_blocks`: whether the site may bear keys that databases took from blocks.
    async fn load_once(
        &self,
        mut snapshot: LogSnapshot,
        identity: &Owner,
        doubts_blocks: bool,
    ) -> Result<SiteLoaded, SiteError> {
        let failed = |source| self.database_error(source);
        let database = self.hub.database();
        // The semaphore is never closed.
        let unhurried = &self.hub.inner.unhurried_loads;
        let _slot = match self.hurried {
            true => None,
            false => unhurried.acquire().await.ok(),
        };
        // Asked once: whoever waits for the load's locks may hold all other connections.
        self.hub.is_past().await.map_err(failed)?;
        let mut session = database.begin_load(self.site).await.map_err(failed)?;
        // Another load may have brought them meanwhile. As above, before tables are locked.
        let has_triggers = self.hub.has_triggers(self.site, &snapshot.dataset).await;
        let has_triggers = has_triggers.map_err(failed)?;
        let mut attempt = 1;
        // What an attempt settles is new to this load, also where another attempt finds it in the log.
        let mut known = None;
        loop {
            // The last time, whoever writes waits from here on, so that nothing can change any more.
            let is_locked = attempt >= ATTEMPTS && database.gives_keys();
            if is_locked {
                let zone = self.zone();
                let tables = session.create_tables(&snapshot.dataset, &zone);
                tables.await.map_err(failed)?;
                let all: Vec<&Table> = snapshot.dataset.tables.iter().collect();
                session.begin(&all).await.map_err(failed)?;
            }
            let ready = self
                .ready(&mut *session, &mut snapshot, doubts_blocks)
                .await?;
            let Some((stored, mut in_effect)) = ready else {
                let plan = LoadPlan::default();
                return Ok(self.report(&snapshot, identity, &plan, Counted::default()));
            };
            in_effect.known = known.get_or_insert(in_effect.known).clone();
            let mut again: BTreeSet<_> = self.again.union(&in_effect.again).cloned().collect();
            again.extend(with_other_values(&snapshot, &stored));
            let mut plan = self.plan_again(&snapshot, (&in_effect.edits, &again), &stored);
            plan.replace(&in_effect.again);
            let is_settled = has_triggers
                && plan.is_empty()
                && stored.settled == in_effect.settled
                && self.idle_plan(&snapshot, &stored, identity).is_some();
            if is_settled {
                return Ok(self.report(&snapshot, identity, &plan, Counted::default()));
            }
            let asked = self.wanted.asked_now(&stored, self.now);
            let forgotten = self.wanted.forgotten(&stored);
            let work = Work {
                asked,
                forgotten,
                snapshot: &snapshot,
                stored: &stored,
                in_effect: &in_effect,
                plan: &plan,
                is_locked,
                others: None,
            };
            match self.execute(session, &work).await? {
                Executed::Committed(counted) => {
                    let conflicts = in_effect.new_conflicts(&stored);
                    let report = self.report(&snapshot, identity, &plan, counted);
                    let known = in_effect.known.map(|edits| (edits, &snapshot.dataset));
                    return Ok(SiteLoaded {
                        conflicts: conflicts.values().sum(),
                        conflicting: self.name_new(&conflicts, stored, known).await,
                        ..report
                    });
                }
                Executed::Overtaken(left) => {
                    if let Some(error) = in_effect.unflushed.take() {
                        return Err(error);
                    }
                    if attempt >= MOST_ATTEMPTS {
                        return Err(self.database_error(DbError::Busy {
                            what: format!("the journal of site {}", self.site),
                            waited_s: 0,
                            is_at_work: false,
                        }));
                    }
                    session = left;
                }
            }
            attempt += 1;
        }
    }

    /// Names the first conflicts that a load has brought to some partitions. `known`: the edits that the log held
    /// before, where the database held nothing. The load has succeeded: what cannot be read is not named.
    async fn name_new(
        &self,
        conflicts: &BTreeMap<(Name, Part), u64>,
        mut before: StoredSite,
        known: Option<(Catalog<EditsLog>, &Arc<Dataset>)>,
    ) -> Vec<NewConflict> {
        if conflicts.is_empty() {
            return Vec::new();
        }
        let named = async {
            if let Some((edits, dataset)) = known {
                // As of the site's commit that they were settled with.
                let log = SiteLog::new(Store::clone(self.store()), self.site.clone());
                let settled = edits.head.as_ref().map(|head| head.site_seq);
                before.catalog = log.catalog_at(settled.unwrap_or_default()).await?;
                (before.edits, before.dataset) = (edits, Some(Arc::clone(dataset)));
            }
            let before = CachedSite::of(self.store(), before).await?;
            let before = SiteHistory::new(self.hub, Arc::new(before));
            let state = self.hub.state(self.site).await;
            let state = state.map_err(|source| self.not_opened(source))?;
            let after = SiteHistory::new(self.hub, self.hub.known(&state).await?);
            let Some(after) = after else {
                return Ok(Vec::new());
            };
            let parts = conflicts.keys();
            let new = after.conflicts_since(before.as_ref(), parts, NAMED_CONFLICTS);
            new.await
        };
        named.await.unwrap_or_else(|error: SiteError| {
            let what = "the site's new conflicts cannot be named";
            self.hub.log_failure(self.site, what, error);
            Vec::new()
        })
    }

    fn zone(&self) -> TimeZone {
        self.hub.zone()
    }

    fn report(
        &self,
        snapshot: &LogSnapshot,
        identity: &Owner,
        plan: &LoadPlan,
        counted: Counted,
    ) -> SiteLoaded {
        let owner = snapshot.edits.head.as_ref().map(|head| &head.writer);
        SiteLoaded {
            site: self.site.clone(),
            commit: Some(snapshot.catalog.seq()).filter(|seq| *seq != Seq::NONE),
            partitions: PartitionCounts {
                wanted: plan.wanted(),
                loaded: plan.load.len() as u64,
                evicted: plan.evict.len() as u64,
            },
            rows: counted.rows,
            conflicts: 0,
            conflicting: Vec::new(),
            owner: owner.filter(|owner| *owner != identity).cloned(),
            error: None,
            retryable: false,
            usage: false,
            busy: false,
        }
    }

    fn not_opened(&self, error: HubError) -> SiteError {
        SiteError::NotOpened {
            site: self.site.clone(),
            source: Box::new(error),
        }
    }

    fn database_error(&self, source: DbError) -> SiteError {
        SiteError::Database {
            site: self.site.clone(),
            source,
        }
    }
}

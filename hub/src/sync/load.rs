//! One load of one site, from reading its logs to the commit of its rows.
//!
//! # Order, and what a crash leaves
//! 1. What waits in the journal is flushed, and edits that were merged with another object of the
//!    site's than the current one are settled and committed. A crash leaves a log that is whole.
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
mod edits;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{EditsLog, Owner};
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::{Name, Part, Seq, SiteName};
use causeway_shared::limits;
use causeway_shared::log::SiteLog;
use causeway_shared::store::Store;
use jiff::Timestamp;
use jiff::civil::Date;

use super::dataset_change::first_obstacle;
use super::discover::{catalog_at_head, edits_at_head};
use super::edits_log::owns;
use super::hub::Hub;
use super::load_plan::{LoadPlan, Planned, load_plan};
use super::report::{PartitionCounts, RowCounts, SiteLoaded};
use super::window::Wanted;
use crate::db::{DbError, Look, Mark, RowSink, RowsAt, SiteChange, SiteLoad, StoredSite};
use crate::error::SiteError;
use copy::{Copied, copy_parts};
use edits::EditsInEffect;

/// A load that others wrote into is begun anew. From this attempt on they are locked out.
const ATTEMPTS: u32 = 3;
/// On a database that only hubs write to they are not, since the flush is one of them.
const MOST_ATTEMPTS: u32 = 20;

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
    /// The present.
    pub(crate) now: Timestamp,
}

/// A site's logs as they were read.
#[derive(Debug, Clone)]
pub(crate) struct LogSnapshot {
    /// The agent's catalog at the head of its log.
    pub(crate) catalog: Catalog,
    /// The catalog of edits at the head of theirs.
    pub(crate) edits: Catalog<EditsLog>,
    /// The dataset of the agent's head.
    pub(crate) dataset: Arc<Dataset>,
}

impl SiteTask<'_> {
    fn store(&self) -> &Store {
        self.hub.store()
    }

    /// Reads the logs from where the database stands. `None`: the site has not committed.
    pub(crate) async fn read_log(&self) -> Result<Option<LogSnapshot>, SiteError> {
        // Edits first: the agent's log then reaches at least to the commit that they know.
        let log = self.hub.edits_log(self.site);
        let edits = edits_at_head(&log, &self.known.edits, self.thorough).await?;
        let log = SiteLog::new(Store::clone(self.store()), self.site.clone());
        let catalog = catalog_at_head(&log, &self.known.catalog, self.thorough).await?;
        let Some(head) = &catalog.head else {
            return Ok(None);
        };
        let dataset = match &self.known.dataset {
            Some(dataset) if dataset.md5() == head.dataset => dataset.clone(),
            _ => log.dataset(head.dataset).await?,
        };
        Ok(Some(LogSnapshot {
            catalog,
            edits,
            dataset: Arc::new(dataset),
        }))
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
        let wanted = self.wanted.and_asked(stored, self.hub.config());
        let catalogs = (&snapshot.catalog, edits);
        load_plan(&snapshot.dataset, catalogs, &stored.loaded, &wanted, again)
    }

    /// Refuses a dataset whose rows the existing tables cannot hold.
    pub(crate) fn refuse_another_dataset(
        &self,
        snapshot: &LogSnapshot,
        stored: &StoredSite,
    ) -> Result<(), SiteError> {
        let was = stored.dataset.as_ref();
        match was.and_then(|was| first_obstacle(was, &snapshot.dataset)) {
            None => Ok(()),
            Some(detail) => Err(SiteError::DatasetChanged {
                site: self.site.clone(),
                detail,
            }),
        }
    }

    /// Whether a load would leave everything as it is stored. What waits in the journal is not a
    /// load's to look at.
    fn is_idle(&self, snapshot: &LogSnapshot, stored: &StoredSite, identity: &Owner) -> bool {
        let edits = stored.edits_in_effect();
        !self.remove_strays
            && snapshot.catalog.head == stored.catalog.head
            && snapshot.edits.head == stored.edits.head
            && (snapshot.edits.head.is_some() || !self.hub.config().edits.write)
            && stored.state.start_known
            && stored.state.writable
                == (self.hub.config().edits.write && owns(&snapshot.edits, identity))
            && self
                .wanted
                .asked_now(stored, self.hub.config(), self.now)
                .is_empty()
            && self.plan(snapshot, &edits, stored).is_empty()
    }

    /// Loads a snapshot: waits for other loads of the site, plans again on what they left, and
    /// makes the rows equal to what is wanted.
    pub(crate) async fn load(&self, mut snapshot: LogSnapshot) -> Result<SiteLoaded, SiteError> {
        let failed = |source| self.database_error(source);
        let identity = self.hub.identity().await.map_err(failed)?;
        if self.is_idle(&snapshot, self.known, &identity) {
            let plan = self.plan(&snapshot, &self.known.edits_in_effect(), self.known);
            return Ok(self.report(&snapshot, &plan, Counted::default()));
        }
        let database = self.hub.database();
        let mut session = database.begin_load(self.site).await.map_err(failed)?;
        let mut attempt = 1;
        loop {
            // The last time, whoever writes waits from here on, so that nothing can change any more.
            let is_locked = attempt >= ATTEMPTS && database.gives_keys();
            if is_locked {
                let tables = session.create_tables(&snapshot.dataset, self.zone());
                tables.await.map_err(failed)?;
                let all: Vec<&Table> = snapshot.dataset.tables.iter().collect();
                session.begin(&all).await.map_err(failed)?;
            }
            let ready = self.ready(&mut *session, &mut snapshot).await?;
            let Some((stored, in_effect)) = ready else {
                let plan = LoadPlan::default();
                return Ok(self.report(&snapshot, &plan, Counted::default()));
            };
            self.refuse_another_dataset(&snapshot, &stored)?;
            let again = self.again.union(&in_effect.again).cloned().collect();
            let mut plan = self.plan_again(&snapshot, (&in_effect.edits, &again), &stored);
            plan.replace(&in_effect.again);
            let is_settled = plan.is_empty()
                && stored.settled == in_effect.settled
                && stored.state.writable == in_effect.owner
                && self.is_idle(&snapshot, &stored, &identity);
            if is_settled {
                return Ok(self.report(&snapshot, &plan, Counted::default()));
            }
            let asked = self.wanted.asked_now(&stored, self.hub.config(), self.now);
            let work = Work {
                asked,
                snapshot: &snapshot,
                stored: &stored,
                in_effect: &in_effect,
                plan: &plan,
                is_locked,
            };
            match self.execute(session, &work).await? {
                Executed::Committed(mut counted) => {
                    counted.conflicts = in_effect.new_conflicts(&stored);
                    return Ok(self.report(&snapshot, &plan, counted));
                }
                Executed::Overtaken(left) if attempt < MOST_ATTEMPTS => session = left,
                Executed::Overtaken(_) => {
                    return Err(self.database_error(DbError::Busy {
                        what: format!("the journal of site {}", self.site),
                        waited_s: 0,
                    }));
                }
            }
            attempt += 1;
        }
    }

    fn zone(&self) -> &jiff::tz::TimeZone {
        &self.hub.config().window.timezone.0
    }

    async fn execute(
        &self,
        mut session: Box<dyn SiteLoad>,
        work: &Work<'_>,
    ) -> Result<Executed, SiteError> {
        let failed = |source| self.database_error(source);
        let Work { snapshot, plan, .. } = *work;
        if !work.is_locked {
            session
                .create_tables(&snapshot.dataset, self.zone())
                .await
                .map_err(failed)?;
        }
        let mut steps = self.steps(&snapshot.dataset, plan);
        for step in &mut steps {
            let is_empty = session.is_empty(step.table).await.map_err(failed)?;
            step.staged = !step.load.is_empty() && !is_empty;
            if step.staged {
                self.stage(&mut *session, step, work).await?;
            }
        }
        if !work.is_locked {
            let tables: Vec<&Table> = steps.iter().map(|step| step.table).collect();
            session.begin(&tables).await.map_err(failed)?;
        }
        let look = session.look().await.map_err(failed)?;
        if is_overtaken(&look, work, &steps) {
            session.rollback().await.map_err(failed)?;
            return Ok(Executed::Overtaken(session));
        }
        let mut counted = Counted::default();
        for step in &steps {
            counted.rows.deleted += self.delete(&mut *session, step, plan, work.stored).await?;
        }
        for step in &mut steps {
            counted.rows.inserted += self.insert(&mut *session, step, work).await?;
        }
        let clashes: BTreeMap<_, _> = steps.iter().flat_map(TableStep::clashes).collect();
        let loaded = plan.load.iter().map(|planned| {
            let key = (planned.table.clone(), planned.part);
            let mark = Mark {
                version: Some(planned.version()),
                rows: planned.rows(),
                clashes: clashes.get(&key).copied().unwrap_or(0),
            };
            (key, mark)
        });
        let loaded: Vec<_> = loaded.collect();
        let change = SiteChange {
            was: &work.stored.catalog,
            now: &snapshot.catalog,
            edits_was: &work.stored.edits,
            edits: &snapshot.edits,
            settled: &work.in_effect.settled,
            dataset: &snapshot.dataset,
            loaded: &loaded,
            evicted: &plan.evict,
            flushed: &work.in_effect.flushed,
            asked: &work.asked,
            writable: work.in_effect.owner,
            at: self.now,
        };
        session.commit(&change).await.map_err(failed)?;
        Ok(Executed::Committed(counted))
    }

    /// The plan, table by table in declared order.
    fn steps<'p>(&self, dataset: &'p Dataset, plan: &'p LoadPlan) -> Vec<TableStep<'p>> {
        let mut load: BTreeMap<&Name, Vec<&Planned>> = BTreeMap::new();
        let mut delete: BTreeMap<&Name, Vec<Part>> = BTreeMap::new();
        for planned in &plan.load {
            load.entry(&planned.table).or_default().push(planned);
            if planned.was.is_some() {
                delete.entry(&planned.table).or_default().push(planned.part);
            }
        }
        for (table, part) in &plan.evict {
            delete.entry(table).or_default().push(*part);
        }
        let step = |table: &'p Table| TableStep {
            table,
            load: load.remove(&table.name).unwrap_or_default(),
            delete: delete.remove(&table.name).unwrap_or_default(),
            staged: false,
            copied: None,
        };
        let mut steps: Vec<_> = dataset.tables.iter().map(step).collect();
        steps.retain(|step| self.remove_strays || !step.load.is_empty() || !step.delete.is_empty());
        steps
    }

    async fn stage(
        &self,
        session: &mut dyn SiteLoad,
        step: &mut TableStep<'_>,
        work: &Work<'_>,
    ) -> Result<(), SiteError> {
        let failed = |source| self.database_error(source);
        let sink = session.stage(step.table).await.map_err(failed)?;
        self.copy(step, work, sink).await.map(drop)
    }

    async fn delete(
        &self,
        session: &mut dyn SiteLoad,
        step: &TableStep<'_>,
        plan: &LoadPlan,
        stored: &StoredSite,
    ) -> Result<u64, SiteError> {
        let failed = |source| self.database_error(source);
        let mut deleted = 0;
        if !step.delete.is_empty() {
            let parts = &step.delete;
            deleted += session
                .delete_parts(step.table, parts)
                .await
                .map_err(failed)?;
        }
        if self.remove_strays {
            let kept = |((table, part), _): (&(Name, Part), &Mark)| {
                let gone = plan.evict.iter().any(|(t, p)| t == table && p == part);
                (*table == step.table.name && !gone).then_some(*part)
            };
            let kept: Vec<Part> = stored.loaded.iter().filter_map(kept).collect();
            deleted += session
                .delete_strays(step.table, &kept)
                .await
                .map_err(failed)?;
        }
        Ok(deleted)
    }

    async fn insert(
        &self,
        session: &mut dyn SiteLoad,
        step: &mut TableStep<'_>,
        work: &Work<'_>,
    ) -> Result<u64, SiteError> {
        let failed = |source| self.database_error(source);
        if step.load.is_empty() {
            return Ok(0);
        }
        if !step.staged {
            // The table was empty before it was locked. Somebody may have written since.
            if session.is_empty(step.table).await.map_err(failed)? {
                let sink = session.fill(step.table).await.map_err(failed)?;
                return self.copy(step, work, sink).await;
            }
            self.stage(session, step, work).await?;
        }
        let inserted = session.insert_staged(step.table).await.map_err(failed)?;
        self.check_taken(step, inserted)
    }

    /// Copies the rows of a step's partitions to where they go.
    async fn copy(
        &self,
        step: &mut TableStep<'_>,
        work: &Work<'_>,
        mut sink: Box<dyn RowSink + '_>,
    ) -> Result<u64, SiteError> {
        let from = (self.store(), self.site);
        let parts = (&*step.load, &work.in_effect.entries);
        step.copied = Some(copy_parts(from, step.table, parts, &mut *sink).await?);
        let taken = sink.finish().await;
        self.check_taken(step, taken.map_err(|source| self.database_error(source))?)
    }

    /// Makes sure that the database took every row, before it is said to hold the partitions.
    fn check_taken(&self, step: &TableStep<'_>, taken: u64) -> Result<u64, SiteError> {
        let rows = step.load.iter().map(|planned| planned.rows());
        let rows = limits::total(rows);
        if taken == rows {
            return Ok(taken);
        }
        Err(self.database_error(DbError::Refused {
            database: self.hub.database().describe(),
            action: "inserting",
            detail: format!(
                "it took {taken} of {rows} rows of table {}",
                step.table.name
            ),
            source: None,
        }))
    }

    fn report(&self, snapshot: &LogSnapshot, plan: &LoadPlan, counted: Counted) -> SiteLoaded {
        SiteLoaded {
            site: self.site.clone(),
            commit: Some(snapshot.catalog.seq()).filter(|seq| *seq != Seq::NONE),
            partitions: PartitionCounts {
                wanted: plan.wanted(),
                loaded: plan.load.len() as u64,
                evicted: plan.evict.len() as u64,
            },
            rows: counted.rows,
            conflicts: counted.conflicts,
            error: None,
            retryable: false,
        }
    }

    fn database_error(&self, source: DbError) -> SiteError {
        SiteError::Database {
            site: self.site.clone(),
            source,
        }
    }
}

/// What one attempt at a load works with.
struct Work<'w> {
    /// Dates that this load was asked for.
    asked: Vec<Date>,
    snapshot: &'w LogSnapshot,
    stored: &'w StoredSite,
    in_effect: &'w EditsInEffect,
    plan: &'w LoadPlan,
    /// Whether the transaction has begun, with all tables locked.
    is_locked: bool,
}

/// How an attempt ended.
enum Executed {
    Committed(Counted),
    /// Others wrote meanwhile: nothing was done.
    Overtaken(Box<dyn SiteLoad>),
}

#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    rows: RowCounts,
    /// Conflicts that were not there before.
    conflicts: u64,
}

/// What is done to one table.
struct TableStep<'p> {
    table: &'p Table,
    load: Vec<&'p Planned>,
    delete: Vec<Part>,
    /// Whether the rows to load wait in the staging table.
    staged: bool,
    /// What was copied.
    copied: Option<Copied>,
}

impl TableStep<'_> {
    fn clashes(&self) -> impl Iterator<Item = ((Name, Part), u64)> {
        let clashes = self.copied.iter().flat_map(|copied| &copied.clashes);
        clashes.map(|(part, clashes)| ((self.table.name.clone(), *part), *clashes))
    }
}

/// Whether what was staged is not what the rows have to become any more.
fn is_overtaken(look: &Look, work: &Work<'_>, steps: &[TableStep<'_>]) -> bool {
    // A database that does not own the edits loads over what it keeps.
    let is_written = work.in_effect.owner
        && look.journaled.iter().any(|(table, _)| {
            let mut steps = steps.iter();
            steps.any(|step| step.table.name == *table)
        });
    let stored = RowsAt {
        seq: work.stored.catalog.seq(),
        edits_seq: work.stored.edits.seq(),
    };
    is_written || look.at != stored
}

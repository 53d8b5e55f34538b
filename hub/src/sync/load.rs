//! One load of one site, from reading its log to the commit of its rows.
//!
//! # Order, and what a crash leaves
//! 1. Tables that are missing are made. A crash leaves them empty.
//! 2. Rows for tables that hold some are staged where no reader sees them. A crash leaves nothing:
//!    the staging tables end with the connection.
//! 3. One transaction: rows that changed or are gone are deleted, in all tables; then the new ones
//!    are inserted, so that a row may move between partitions and two rows may swap a unique
//!    value; empty tables are filled straight from the store, which may take long but keeps nobody
//!    from a row, since there is none yet; the catalog and what is loaded are
//!    written down. A crash before its commit leaves the last good data, a crash after it the new.

mod copy;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use causeway_shared::catalog::Catalog;
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::{Name, Part, Seq, SiteName};
use causeway_shared::limits;
use causeway_shared::log::SiteLog;
use causeway_shared::store::Store;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::dataset_change::first_obstacle;
use super::discover::catalog_at_head;
use super::load_plan::{LoadPlan, Planned, load_plan};
use super::report::{PartitionCounts, RowCounts, SiteLoaded};
use super::window::Wanted;
use crate::db::{Database, DbError, Mark, PartVersion, RowSink, SiteChange, SiteLoad, StoredSite};
use crate::error::SiteError;
use copy::copy_parts;

/// A site to be loaded.
pub(crate) struct SiteTask<'a> {
    pub(crate) store: &'a Store,
    pub(crate) database: &'a dyn Database,
    pub(crate) site: &'a SiteName,
    /// What the database held when it was last read.
    pub(crate) known: &'a StoredSite,
    /// What is to be loaded.
    pub(crate) wanted: &'a Wanted,
    /// Whether to make sure that the log has no gap and is still the one that was loaded.
    pub(crate) thorough: bool,
    /// Partitions to load again though they are loaded.
    pub(crate) again: &'a BTreeSet<(Name, Part)>,
    /// Whether to take out rows that the loader did not write.
    pub(crate) remove_strays: bool,
    /// The zone of rows that are born in the cloud.
    pub(crate) zone: &'a TimeZone,
    /// The present.
    pub(crate) now: Timestamp,
}

/// A site's log as it was read.
pub(crate) struct LogSnapshot {
    /// The catalog at the log's head.
    pub(crate) catalog: Catalog,
    /// The head's dataset.
    pub(crate) dataset: Arc<Dataset>,
}

impl SiteTask<'_> {
    fn log(&self) -> SiteLog {
        SiteLog::new(Store::clone(self.store), self.site.clone())
    }

    /// Reads the log from where the database stands. `None`: the site has not committed.
    pub(crate) async fn read_log(&self) -> Result<Option<LogSnapshot>, SiteError> {
        let log = self.log();
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
            dataset: Arc::new(dataset),
        }))
    }

    /// What a load of this snapshot does.
    pub(crate) fn plan(&self, snapshot: &LogSnapshot, stored: &StoredSite) -> LoadPlan {
        let (catalog, loaded) = (&snapshot.catalog, &stored.loaded);
        load_plan(&snapshot.dataset, catalog, loaded, self.wanted, self.again)
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

    /// Whether a plan leaves everything as it is stored.
    fn is_idle(&self, snapshot: &LogSnapshot, stored: &StoredSite, plan: &LoadPlan) -> bool {
        plan.is_empty() && !self.remove_strays && snapshot.catalog.head == stored.catalog.head
    }

    /// Loads a snapshot: waits for other loads of the site, plans again on what they left, and
    /// makes the rows equal to what is wanted.
    pub(crate) async fn load(&self, mut snapshot: LogSnapshot) -> Result<SiteLoaded, SiteError> {
        let plan = self.plan(&snapshot, self.known);
        if self.is_idle(&snapshot, self.known, &plan) {
            return Ok(self.report(&snapshot, &plan, RowCounts::default()));
        }
        let failed = |source| self.database_error(source);
        let mut session = self.database.begin_load(self.site).await.map_err(failed)?;
        let stored = session.stored().await.map_err(failed)?;
        if stored.catalog.seq() > snapshot.catalog.seq() {
            // Another load has read further than this snapshot.
            let task = SiteTask {
                known: &stored,
                ..*self
            };
            match task.read_log().await? {
                Some(further) => snapshot = further,
                None => return Ok(self.report(&snapshot, &plan, RowCounts::default())),
            }
        }
        self.refuse_another_dataset(&snapshot, &stored)?;
        let plan = self.plan(&snapshot, &stored);
        if self.is_idle(&snapshot, &stored, &plan) {
            return Ok(self.report(&snapshot, &plan, RowCounts::default()));
        }
        let rows = self.execute(session, &snapshot, &stored, &plan).await?;
        Ok(self.report(&snapshot, &plan, rows))
    }

    async fn execute(
        &self,
        mut session: Box<dyn SiteLoad>,
        snapshot: &LogSnapshot,
        stored: &StoredSite,
        plan: &LoadPlan,
    ) -> Result<RowCounts, SiteError> {
        let failed = |source| self.database_error(source);
        let session_ = &mut *session;
        session_
            .create_tables(&snapshot.dataset, self.zone)
            .await
            .map_err(failed)?;

        let mut steps = self.steps(&snapshot.dataset, plan);
        for step in &mut steps {
            step.staged =
                !step.load.is_empty() && !session_.is_empty(step.table).await.map_err(failed)?;
            if step.staged {
                self.stage(session_, step).await?;
            }
        }

        let tables: Vec<&Table> = steps.iter().map(|step| step.table).collect();
        session_.begin(&tables).await.map_err(failed)?;
        let mut rows = RowCounts::default();
        for step in &steps {
            rows.deleted += self.delete(session_, step, plan, stored).await?;
        }
        for step in &mut steps {
            rows.inserted += self.insert(session_, step).await?;
        }

        let loaded: Vec<_> = plan.load.iter().map(mark_of).collect();
        let change = SiteChange {
            was: &stored.catalog,
            now: &snapshot.catalog,
            edits_was: &stored.edits,
            edits: &stored.edits,
            settled: &stored.settled,
            dataset: &snapshot.dataset,
            loaded: &loaded,
            evicted: &plan.evict,
            flushed: &[],
            writable: false,
            at: self.now,
        };
        session.commit(&change).await.map_err(failed)?;
        Ok(rows)
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
        };
        let mut steps: Vec<_> = dataset.tables.iter().map(step).collect();
        steps.retain(|step| self.remove_strays || !step.load.is_empty() || !step.delete.is_empty());
        steps
    }

    async fn stage(
        &self,
        session: &mut dyn SiteLoad,
        step: &TableStep<'_>,
    ) -> Result<(), SiteError> {
        let failed = |source| self.database_error(source);
        let sink = session.stage(step.table).await.map_err(failed)?;
        self.copy(step, sink).await.map(drop)
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
    ) -> Result<u64, SiteError> {
        let failed = |source| self.database_error(source);
        if step.load.is_empty() {
            return Ok(0);
        }
        if !step.staged {
            // The table was empty before it was locked. Somebody may have written since.
            if session.is_empty(step.table).await.map_err(failed)? {
                let sink = session.fill(step.table).await.map_err(failed)?;
                return self.copy(step, sink).await;
            }
            self.stage(session, step).await?;
        }
        let inserted = session.insert_staged(step.table).await.map_err(failed)?;
        self.check_taken(step, inserted)
    }

    /// Copies the rows of a step's partitions to where they go.
    async fn copy(
        &self,
        step: &TableStep<'_>,
        mut sink: Box<dyn RowSink + '_>,
    ) -> Result<u64, SiteError> {
        copy_parts(self.store, self.site, step.table, &step.load, &mut *sink).await?;
        let taken = sink.finish().await;
        self.check_taken(step, taken.map_err(|source| self.database_error(source))?)
    }

    /// Makes sure that the database took every row, before it is said to hold the partitions.
    fn check_taken(&self, step: &TableStep<'_>, taken: u64) -> Result<u64, SiteError> {
        let rows = step.load.iter().map(|planned| planned.entry.object.rows);
        let rows = limits::total(rows);
        if taken == rows {
            return Ok(taken);
        }
        Err(self.database_error(DbError::Refused {
            database: self.database.describe(),
            action: "inserting",
            detail: format!(
                "it took {taken} of {rows} rows of table {}",
                step.table.name
            ),
            source: None,
        }))
    }

    fn report(&self, snapshot: &LogSnapshot, plan: &LoadPlan, rows: RowCounts) -> SiteLoaded {
        SiteLoaded {
            site: self.site.clone(),
            commit: Some(snapshot.catalog.seq()).filter(|seq| *seq != Seq::NONE),
            partitions: PartitionCounts {
                wanted: plan.wanted(),
                loaded: plan.load.len() as u64,
                evicted: plan.evict.len() as u64,
            },
            rows,
            conflicts: 0,
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

/// What is done to one table.
struct TableStep<'p> {
    table: &'p Table,
    load: Vec<&'p Planned>,
    delete: Vec<Part>,
    /// Whether the rows to load wait in the staging table.
    staged: bool,
}

/// The mark that a loaded partition leaves.
fn mark_of(planned: &Planned) -> ((Name, Part), Mark) {
    let object = &planned.entry.object;
    let version = PartVersion {
        object: Some(object.md5),
        edits: None,
    };
    let mark = Mark {
        version: Some(version),
        rows: object.rows,
        clashes: 0,
    };
    ((planned.table.clone(), planned.part), mark)
}

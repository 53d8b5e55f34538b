//! One attempt at a load: rows staged, then swapped in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::EditsLog;
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::{Name, Part};
use causeway_shared::limits;
use jiff::civil::Date;

use super::copy::{Copied, copy_parts};
use super::edits::EditsInEffect;
use super::{LogSnapshot, SiteTask};
use crate::db::{DbError, Look, Mark, RowSink, SiteChange, SiteLoad, StoredSite};
use crate::error::SiteError;
use crate::sync::load_plan::{LoadPlan, Planned};
use crate::sync::report::RowCounts;

/// What one attempt at a load works with.
pub(super) struct Work<'w> {
    /// Dates that this load was asked for.
    pub(super) asked: Vec<Date>,
    /// Dates that need not be remembered any more.
    pub(super) forgotten: Vec<Date>,
    pub(super) snapshot: &'w LogSnapshot,
    pub(super) stored: &'w StoredSite,
    pub(super) in_effect: &'w EditsInEffect,
    pub(super) plan: &'w LoadPlan,
    /// Whether the transaction has begun, with all tables locked.
    pub(super) is_locked: bool,
    /// How many other partitions are loaded, where `stored` is no more than an [outline](crate::db::Outline), read
    /// before the load had its lock.
    pub(super) others: Option<u64>,
}

/// How an attempt ended.
pub(super) enum Executed {
    Committed(Counted),
    /// Others wrote meanwhile: nothing was done.
    Overtaken(Box<dyn SiteLoad>),
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted {
    pub(super) rows: RowCounts,
}

impl SiteTask<'_> {
    pub(super) async fn execute(
        &self,
        mut session: Box<dyn SiteLoad>,
        work: &Work<'_>,
    ) -> Result<Executed, SiteError> {
        let failed = |source| self.database_error(source);
        let Work { snapshot, plan, .. } = *work;
        if !work.is_locked {
            session
                .create_tables(&snapshot.dataset, &self.zone())
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
        let Some(flushed) = self.flushed_meanwhile(&mut *session, work, &steps).await? else {
            session.rollback().await.map_err(failed)?;
            return Ok(Executed::Overtaken(session));
        };
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
        let (edits_was, edits) = match &flushed {
            Some(edits) => (edits, edits),
            None => (&work.stored.edits, &snapshot.edits),
        };
        let partitions = plan.wanted() + work.others.unwrap_or_default();
        let change = SiteChange {
            was: &work.stored.catalog,
            now: &snapshot.catalog,
            edits_was,
            edits,
            settled: &work.in_effect.settled,
            dataset: &snapshot.dataset,
            loaded: &loaded,
            evicted: &plan.evict,
            flushed: &work.in_effect.flushed,
            wanted: self.wanted.md5(&work.stored.asked, partitions),
            asked: &work.asked,
            forgotten: &work.forgotten,
            writable: work.in_effect.owner,
            at: self.now,
        };
        session.commit(&change).await.map_err(failed)?;
        Ok(Executed::Committed(counted))
    }

    /// Looks, under the load's lock, at what others did since it planned. `None`: what was staged is not
    /// what the rows have to become any more. `Some(Some(_))`: it still is, and a flush has moved the
    /// catalog of edits on to this.
    async fn flushed_meanwhile(
        &self,
        session: &mut dyn SiteLoad,
        work: &Work<'_>,
        steps: &[TableStep<'_>],
    ) -> Result<Option<Option<Catalog<EditsLog>>>, SiteError> {
        let failed = |source| self.database_error(source);
        let Work {
            stored, snapshot, ..
        } = *work;
        let look = session.look().await.map_err(failed)?;
        if work.others.is_some() && look.revision != stored.state.revision {
            return Ok(None);
        }
        if look.at.seq != stored.catalog.seq() || look.start_known != stored.state.start_known {
            return Ok(None);
        }
        // A database that does not own the edits loads over what it keeps.
        if work.in_effect.owner {
            for step in steps {
                let mut journaled = look.journaled.iter();
                let is_written = journaled.any(|(table, _)| *table == step.table.name);
                if is_written
                    && (self.remove_strays
                        || step.is_overtaken(&look, session).await.map_err(failed)?)
                {
                    return Ok(None);
                }
            }
        }
        if look.at.edits_seq == stored.edits.seq() {
            return Ok(Some(None));
        }
        // A flush may have moved rows to and fro, and what the site committed since is not settled with it.
        let is_of_stored = !self.remove_strays
            && snapshot.catalog.head == stored.catalog.head
            && snapshot.edits.head == stored.edits.head
            && work.in_effect.is_as_stored(stored);
        if !is_of_stored {
            return Ok(None);
        }
        let now = session.stored().await.map_err(failed)?;
        let again = (&now.edits, self.again);
        let is_same = now.settled.is_empty()
            && now.asked == stored.asked
            && self.plan_again(snapshot, again, &now) == *work.plan;
        Ok(is_same.then_some(Some(now.edits)))
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
    /// Whether the journal, which has rows of the table, has some of a partition that the step brings or
    /// takes out, or of a key that it brings.
    async fn is_overtaken(&self, look: &Look, session: &mut dyn SiteLoad) -> Result<bool, DbError> {
        let of_step = self.load.iter().map(|planned| planned.part);
        let of_step: BTreeSet<Part> = of_step.chain(self.delete.iter().copied()).collect();
        let mut journaled = look.journaled.iter();
        if journaled.any(|(table, part)| *table == self.table.name && of_step.contains(part)) {
            return Ok(true);
        }
        match (self.load.is_empty(), self.staged) {
            (true, _) => Ok(false),
            (false, true) => session.has_journaled_keys(self.table).await,
            // Nobody knows yet which keys it brings.
            (false, false) => Ok(true),
        }
    }

    fn clashes(&self) -> impl Iterator<Item = ((Name, Part), u64)> {
        let clashes = self.copied.iter().flat_map(|copied| &copied.clashes);
        clashes.map(|(part, clashes)| ((self.table.name.clone(), *part), *clashes))
    }
}

//! The flush: rows of the journal into edits objects, and a commit of edits that names them.
//!
//! # Order, and what a crash leaves
//! 1. The objects. A crash leaves objects that nobody names.
//! 2. The commit. A crash after it leaves rows in the journal that the log holds: the next flush
//!    knows them by their ids and does not fold them again.
//! 3. The database: the rows go, and its catalog of edits moves on, in one transaction.

mod change;
mod fold;

use std::collections::BTreeSet;
use std::sync::PoisonError;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{EditsHead, EditsLog, Owner};
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Name, Part, Seq, SiteName};
use jiff::Timestamp;

use super::discover::refuse_another_log;
use super::edits_log::{NewCommit, News, Written, append, catch_up, owns};
use super::hub::Hub;
use super::settle::changes;
use crate::db::{DbError, FlushChange, JournalEntry, SiteFlush, StoredSite};
use crate::error::{HubError, SiteError};
use change::{Versions, asked_dates, ids, new_version, only_the_catalog, parts_of};
pub(super) use fold::to_be_committed;

/// About how many rows of the journal go into one commit.
const MOST_ROWS: usize = 1_000;

/// How often a step that took nothing to the store is followed by another.
const ATTEMPTS: u32 = 8;

/// What a flush of a site needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct FlushTask<'a> {
    pub(super) hub: &'a Hub,
    pub(super) site: &'a SiteName,
    pub(super) now: Timestamp,
}

/// What a flush did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flushed {
    /// Rows of the journal that were committed.
    pub(crate) edits: u64,
    /// The last commit of edits that the database stands at.
    pub(crate) commit: Option<Seq>,
    /// Whether this database owns the edits, so that nothing of what it holds is left behind.
    pub(crate) owner: bool,
}

/// What one step of a flush works with.
#[derive(Clone, Copy)]
struct At<'a> {
    stored: &'a StoredSite,
    /// The edits at the head of their log.
    edits: &'a Catalog<EditsLog>,
    /// What the log holds that the database did not know.
    news: &'a News,
    identity: &'a Owner,
    /// Whether this database owns the edits and is to write them.
    owner: bool,
}

impl FlushTask<'_> {
    /// Flushes all that is in the journal when it begins.
    pub(super) async fn run(&self) -> Result<Flushed, SiteError> {
        let failed = |source| self.database_error(source);
        if self.hub.is_past().await.map_err(failed)? {
            // Nothing is ever written there.
            return Ok(Flushed::default());
        }
        let session = self.hub.database().begin_flush(self.site).await;
        let mut session = session.map_err(failed)?;
        let mut flushed = Flushed::default();
        let (mut waiting, mut attempts) = (None, 0);
        loop {
            let stored = session.stored().await.map_err(failed)?;
            let waiting = *waiting.get_or_insert(stored.state.edits_waiting);
            // In the heap: a flush is large, and a request waits for it deep within a write.
            let step = match Box::pin(self.step(&mut *session, &stored)).await {
                // A load may have brought another dataset since, with which the journal reads.
                Err(error) if attempts < ATTEMPTS => {
                    let now = session.stored().await.map_err(failed)?;
                    if now.dataset == stored.dataset {
                        return Err(error);
                    }
                    attempts += 1;
                    continue;
                }
                step => step?,
            };
            flushed.edits += step.edits;
            flushed.commit = step.commit;
            flushed.owner = step.owner;
            match step.next {
                Next::Done => return Ok(flushed),
                // What others write meanwhile is for the next flush.
                Next::More if flushed.edits >= waiting => return Ok(flushed),
                Next::More => {}
                Next::Again if attempts < ATTEMPTS => attempts += 1,
                Next::Again => {
                    return Err(self.database_error(DbError::Busy {
                        what: format!("the log of edits of site {}", self.site),
                        waited_s: 0,
                        is_at_work: false,
                    }));
                }
            }
        }
    }

    /// Reads the log of edits, and takes the first rows of the journal there if this database may.
    async fn step(
        &self,
        session: &mut dyn SiteFlush,
        stored: &StoredSite,
    ) -> Result<Step, SiteError> {
        let mut edits = stored.edits.clone();
        if stored.catalog.head.is_none() && stored.state.edits_waiting == 0 {
            // Nothing of the site was ever here: there is nothing to flush, and nothing to meet again.
            return Ok(Step::of(&edits, false, Next::Done));
        }
        let news = catch_up(&self.hub.edits_log(self.site), &mut edits).await?;
        let failed = |source| self.database_error(source);
        let identity = session.identity().await.map_err(failed)?;
        let identity = self.hub.identity_of(identity).await.map_err(failed)?;
        let at = At {
            stored,
            edits: &edits,
            news: &news,
            identity: &identity,
            owner: self.hub.config().edits.write && owns(&edits, &identity),
        };
        self.hub.note_owner(&stored.edits, &edits, &identity);
        if !stored.state.start_known {
            self.meet_again(session, at).await?;
            return Ok(Step::of(&edits, at.owner, Next::Again));
        }
        match &stored.dataset {
            Some(dataset) if at.owner => self.take(session, at, dataset).await,
            _ => {
                self.note_news(session, at).await?;
                Ok(Step::of(&edits, at.owner, Next::Done))
            }
        }
    }

    /// Looks once in a process whether the log is the one that the database stands at a commit of.
    pub(super) async fn make_sure_of_the_log(
        &self,
        head: Option<&EditsHead>,
    ) -> Result<(), SiteError> {
        let Some(head) = head else {
            return Ok(());
        };
        let seen = || {
            // The set is whole between any two of its operations, also if a holder panicked.
            let seen = self.hub.inner.seen_logs.lock();
            seen.unwrap_or_else(PoisonError::into_inner)
        };
        if !seen().contains(self.site) {
            refuse_another_log(&self.hub.edits_log(self.site), head).await?;
            seen().insert(self.site.clone());
        }
        Ok(())
    }

    /// Takes the first rows of the journal to the store: folds them, commits them, and writes that down.
    async fn take(
        &self,
        session: &mut dyn SiteFlush,
        at: At<'_>,
        dataset: &Dataset,
    ) -> Result<Step, SiteError> {
        let failed = |source| self.database_error(source);
        let mut most = MOST_ROWS;
        let (known, rows, is_all) = loop {
            let rows = session.journal(dataset, most).await.map_err(failed)?;
            let is_all = rows.len() < most;
            let (known, rows) = self.sort_out(rows, at.news, dataset);
            // Rows that are not declared stay at the head, and hide others.
            if is_all || !known.is_empty() || !rows.is_empty() {
                break (known, rows, is_all);
            }
            most *= 2;
        };
        if rows.is_empty() {
            return self.drop_known(session, at, &known, is_all).await;
        }
        self.make_sure_of_the_log(at.stored.edits.head.as_ref())
            .await?;
        let folded = self.fold(at.stored, dataset, at.edits, &rows).await?;
        let mut edits = at.edits.clone();
        let new = NewCommit {
            writer: at.identity,
            epoch: edits.head.as_ref().map_or(1, |head| head.epoch),
            dataset: folded.dataset,
            site_seq: folded.catalog_seq,
            changes: changes(&folded.parts, &edits),
            journal: folded.journal,
            now: self.now,
        };
        if append(&self.hub.edits_log(self.site), &mut edits, new).await? != Written::Yes {
            // The next step reads who was first, and whether this database still owns the edits.
            return Ok(Step::of(at.edits, at.owner, Next::Again));
        }
        let is_clean = folded.is_clean
            && known.is_empty()
            && at.edits.seq() == at.stored.rows_at.edits_seq
            && folded.catalog_seq == at.stored.catalog.seq();
        let mut versions = parts_of(known.iter().chain(&rows));
        if is_clean {
            // The entry of a row that was moved earlier lies where the site has the row as well.
            let others = folded.parts.keys();
            let others = others.filter(|key| at.stored.loaded.contains_key(*key));
            versions.extend(others.map(|key| (key.clone(), None)));
            for (key, version) in &mut versions {
                *version = new_version(at, &edits, &folded.parts, key);
            }
        }
        let change = FlushChange {
            flushed: &ids(known.iter().chain(&rows)),
            versions: &versions,
            moves_loaded_seq: is_clean,
            asked: &asked_dates(at.stored, &versions),
            ..only_the_catalog(at.stored, &edits, self.now)
        };
        session.commit(&change).await.map_err(failed)?;
        let next = if is_all { Next::Done } else { Next::More };
        Ok(Step {
            edits: rows.len() as u64,
            ..Step::of(&edits, at.owner, next)
        })
    }

    /// The rows of the journal that the log holds already, and those that are to be folded. Those of a
    /// table that is not declared are neither.
    fn sort_out(
        &self,
        rows: Vec<JournalEntry>,
        news: &News,
        dataset: &Dataset,
    ) -> (Vec<JournalEntry>, Vec<JournalEntry>) {
        let known: BTreeSet<&str> = news.journal.iter().map(String::as_str).collect();
        let is_known = |row: &JournalEntry| known.contains(row.id.as_str());
        let (known, mut rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_known);
        rows.retain(|row| {
            let is_declared = dataset.table(row.table.as_str()).is_some();
            if !is_declared {
                let (site, table) = (self.site, &row.table);
                let what = "the journal has rows of a table that is not declared; they wait there";
                self.hub.log_failure(site, what, table);
            }
            is_declared
        });
        (known, rows)
    }

    /// Nothing is to be folded: rows that the log holds go, and the catalog moves on.
    async fn drop_known(
        &self,
        session: &mut dyn SiteFlush,
        at: At<'_>,
        known: &[JournalEntry],
        is_all: bool,
    ) -> Result<Step, SiteError> {
        if !known.is_empty() || at.edits.seq() != at.stored.edits.seq() {
            let change = FlushChange {
                flushed: &ids(known.iter()),
                versions: &parts_of(known.iter()),
                ..only_the_catalog(at.stored, at.edits, self.now)
            };
            let written = session.commit(&change).await;
            written.map_err(|source| self.database_error(source))?;
        }
        let is_stuck = known.is_empty();
        let next = match is_all || is_stuck {
            true => Next::Done,
            false => Next::More,
        };
        Ok(Step::of(at.edits, at.owner, next))
    }

    /// A hub meets the database under another start than before: it may be an older self, restored in
    /// place, or a copy at another address. Unless it stands at the head of the log, its tables are closed
    /// until they are loaded.
    async fn meet_again(&self, session: &mut dyn SiteFlush, at: At<'_>) -> Result<(), SiteError> {
        let failed = |source| self.database_error(source);
        if self.hub.database().gives_keys() {
            // An older self may have given some of its block already.
            let taken = self.hub.take_keys(self.now).await;
            taken.map_err(|error| self.not_opened(error))?;
        }
        let At { stored, news, .. } = at;
        // Rows of partitions that were committed since may hold changes that their version does not. Of a
        // database that was restored from a dump nobody knows whether all of it was.
        let is_doubtful = |key: &&(Name, Part)| stored.state.restored || news.parts.contains(*key);
        let doubtful = stored.loaded.keys().filter(is_doubtful).cloned();
        let is_at_head = at.edits.seq() == stored.edits.seq() && !stored.state.restored;
        let is_itself = at.owner && is_at_head;
        // Rows of what the log holds of the journal may lie in partitions that are not loaded.
        let written = match is_itself {
            true => BTreeSet::new(),
            false => session.journal_parts().await.map_err(failed)?,
        };
        let doubtful = doubtful.chain(written).map(|key| (key, None));
        let change = FlushChange {
            flushed: &news.journal,
            versions: &doubtful.collect(),
            start_known: true,
            writable: (!is_itself).then_some(false),
            hold: !owns(at.edits, at.identity),
            ..only_the_catalog(stored, at.edits, self.now)
        };
        session.commit(&change).await.map_err(failed)
    }

    /// A database that does not own the edits keeps its journal, but for what the log holds.
    async fn note_news(&self, session: &mut dyn SiteFlush, at: At<'_>) -> Result<(), SiteError> {
        let At {
            stored,
            edits,
            news,
            owner,
            ..
        } = at;
        let is_same = news.journal.is_empty() && edits.seq() == stored.edits.seq();
        let is_held = !stored.state.writable && stored.state.edits_waiting == 0;
        if is_same && (owner || is_held) {
            return Ok(());
        }
        let mut versions = Versions::new();
        // What a database keeps once it does not own the edits any more is not shown, and what the log
        // holds of its changes comes with the log's objects.
        let is_replaced = !owner && stored.state.writable;
        if is_replaced || !news.journal.is_empty() {
            let written = session.journal_parts().await;
            let written = written.map_err(|source| self.database_error(source))?;
            versions.extend(written.into_iter().map(|key| (key, None)));
        }
        if !news.journal.is_empty() {
            let is_loaded = |key: &&(Name, Part)| stored.loaded.contains_key(*key);
            let parts = news.parts.iter().filter(is_loaded);
            versions.extend(parts.map(|key| (key.clone(), None)));
        }
        let change = FlushChange {
            flushed: &news.journal,
            versions: &versions,
            writable: (!owner).then_some(false),
            hold: !owner,
            ..only_the_catalog(stored, edits, self.now)
        };
        let written = session.commit(&change).await;
        written.map_err(|source| self.database_error(source))
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

/// How a step of a flush ended.
struct Step {
    edits: u64,
    commit: Option<Seq>,
    owner: bool,
    next: Next,
}

enum Next {
    Done,
    /// Rows left the journal, and there are more.
    More,
    /// The log or the database is another one than it was taken for.
    Again,
}

impl Step {
    /// One that took no row to the store and ended with this catalog.
    fn of(edits: &Catalog<EditsLog>, owner: bool, next: Next) -> Self {
        Self {
            edits: 0,
            commit: Some(edits.seq()).filter(|seq| *seq != Seq::NONE),
            owner,
            next,
        }
    }
}

#[cfg(test)]
mod takeover_tests;
#[cfg(test)]
mod tests;

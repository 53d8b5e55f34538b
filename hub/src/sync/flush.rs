//! The flush: rows of the journal into edits objects, and a commit of edits that names them.
//!
//! # Order, and what a crash leaves
//! 1. The objects. A crash leaves objects that nobody names.
//! 2. The commit. A crash after it leaves rows in the journal that the log holds: the next flush
//!    knows them by their ids and does not fold them again.
//! 3. The database: the rows go, and its catalog of edits moves on, in one transaction.

mod fold;

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::EditsLog;
use causeway_shared::ids::{Name, Part, Seq, SiteName};
use jiff::Timestamp;

use super::edits_log::{NewCommit, News, Written, append, catch_up, owns};
use super::hub::Hub;
use super::settle::{SettledParts, changes};
use crate::db::{DbError, FlushChange, JournalEntry, Mark, PartVersion, SiteFlush, StoredSite};
use crate::error::{HubError, SiteError};

/// About how many rows of the journal go into one commit.
const MOST_ROWS: usize = 1_000;

/// How often a commit is made again because another hub of this database got in first.
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

type Versions = BTreeMap<(Name, Part), Option<(PartVersion, PartVersion)>>;

impl FlushTask<'_> {
    /// Flushes all that is in the journal when it begins.
    pub(super) async fn run(&self) -> Result<Flushed, SiteError> {
        let failed = |source| self.database_error(source);
        let mut session = self
            .hub
            .database()
            .begin_flush(self.site)
            .await
            .map_err(failed)?;
        let mut flushed = Flushed::default();
        let mut behind = 0;
        loop {
            let stored = session.stored().await.map_err(failed)?;
            let step = self.step(&mut *session, &stored).await?;
            flushed.edits += step.edits;
            flushed.commit = step.commit;
            flushed.owner = step.owner;
            match step.next {
                Next::Done => return Ok(flushed),
                Next::More => {}
                Next::Behind if behind < ATTEMPTS => behind += 1,
                Next::Behind => {
                    return Err(self.database_error(DbError::Busy {
                        what: format!("the log of edits of site {}", self.site),
                        waited_s: 0,
                    }));
                }
            }
        }
    }

    /// One commit's worth of it.
    async fn step(
        &self,
        session: &mut dyn SiteFlush,
        stored: &StoredSite,
    ) -> Result<Step, SiteError> {
        let failed = |source| self.database_error(source);
        if stored.catalog.head.is_none() && stored.state.edits_waiting == 0 {
            // Nothing of the site was ever here: there is nothing to flush, and nothing to meet again.
            return Ok(Step::of(stored, false, Next::Done));
        }
        let mut edits = stored.edits.clone();
        let news = catch_up(&self.hub.edits_log(self.site), &mut edits).await?;
        let identity = self.hub.identity().await.map_err(failed)?;
        if !stored.state.start_known {
            let owner = owns(&edits, &identity);
            self.meet_again(session, stored, (&edits, &news), owner)
                .await?;
            return Ok(Step::of(stored, owner, Next::More));
        }
        let owner = self.hub.config().edits.write && owns(&edits, &identity);
        let Some(dataset) = stored.dataset.as_ref().filter(|_| owner) else {
            self.note_news(session, stored, (&edits, &news), owner)
                .await?;
            return Ok(Step {
                edits: 0,
                commit: Some(edits.seq()).filter(|seq| *seq != Seq::NONE),
                owner,
                next: Next::Done,
            });
        };
        let rows = session.journal(dataset, MOST_ROWS).await.map_err(failed)?;
        let more = rows.len() >= MOST_ROWS;
        let known: BTreeSet<&str> = news.journal.iter().map(String::as_str).collect();
        let (known, rows): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .partition(|row| known.contains(row.id.as_str()));
        let (rows, undeclared): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .partition(|row| dataset.table(row.table.as_str()).is_some());
        if let Some(row) = undeclared.first() {
            let (site, table) = (self.site, &row.table);
            tracing::error!(%site, %table, "the journal has rows of a table that is not declared; they wait there");
        }
        let known_ids: Vec<String> = known.iter().map(|row| row.id.clone()).collect();
        if rows.is_empty() {
            if !known_ids.is_empty() || edits.seq() != stored.edits.seq() {
                let versions = parts_of(known.iter());
                let change = FlushChange {
                    flushed: &known_ids,
                    versions: &versions,
                    ..only_the_catalog(stored, &edits, self.now)
                };
                session.commit(&change).await.map_err(failed)?;
            }
            let is_stuck = known_ids.is_empty();
            let next = if more && !is_stuck {
                Next::More
            } else {
                Next::Done
            };
            return Ok(Step {
                edits: 0,
                commit: Some(edits.seq()),
                owner,
                next,
            });
        }
        let folded = self.fold(stored, dataset, &edits, &rows).await?;
        let base = edits.clone();
        let new = NewCommit {
            writer: &identity,
            epoch: edits.head.as_ref().map_or(1, |head| head.epoch),
            dataset: dataset.md5(),
            site_seq: folded.catalog_seq,
            changes: changes(&folded.parts, &edits),
            journal: folded.journal,
            now: self.now,
        };
        match append(&self.hub.edits_log(self.site), &mut edits, new).await? {
            Written::Yes => {}
            Written::Behind => return Ok(Step::of(stored, owner, Next::Behind)),
            // The next step reads by whom.
            Written::Fenced => return Ok(Step::of(stored, false, Next::Behind)),
        }
        let is_clean = folded.is_clean
            && known.is_empty()
            && base.seq() == stored.rows_at.edits_seq
            && folded.catalog_seq == stored.catalog.seq();
        let mut versions = parts_of(known.iter().chain(&rows));
        if is_clean {
            for (key, version) in &mut versions {
                *version = new_version(stored, &base, &edits, &folded.parts, key);
            }
        }
        let asked = asked_dates(stored, &versions);
        let mut ids = known_ids;
        ids.extend(rows.iter().map(|row| row.id.clone()));
        let change = FlushChange {
            flushed: &ids,
            versions: &versions,
            moves_loaded_seq: is_clean,
            asked: &asked,
            ..only_the_catalog(stored, &edits, self.now)
        };
        session.commit(&change).await.map_err(failed)?;
        Ok(Step {
            edits: rows.len() as u64,
            commit: Some(edits.seq()),
            owner,
            next: if more { Next::More } else { Next::Done },
        })
    }

    /// A hub meets the database under another start than before: it may be an older self, restored in
    /// place, or a copy at another address.
    async fn meet_again(
        &self,
        session: &mut dyn SiteFlush,
        stored: &StoredSite,
        (edits, news): (&Catalog<EditsLog>, &News),
        owner: bool,
    ) -> Result<(), SiteError> {
        let failed = |source| self.database_error(source);
        if self.hub.database().gives_keys() {
            // An older self may have given some of its block already.
            let taken = self.hub.take_keys().await;
            taken.map_err(|error| self.not_opened(error))?;
        }
        // Rows of partitions that were committed since may hold changes that their version does not. Of a
        // database that was restored from a dump nobody knows whether all of it was.
        let is_doubtful = |key: &&(Name, Part)| stored.state.restored || news.parts.contains(*key);
        let doubtful = stored.loaded.keys().filter(is_doubtful);
        let versions: Versions = doubtful.map(|key| (key.clone(), None)).collect();
        let change = FlushChange {
            flushed: &news.journal,
            versions: &versions,
            start_known: true,
            writable: Some(false),
            hold: !owner,
            ..only_the_catalog(stored, edits, self.now)
        };
        session.commit(&change).await.map_err(failed)
    }

    /// A database that does not own the edits keeps its journal, but for what the log holds.
    async fn note_news(
        &self,
        session: &mut dyn SiteFlush,
        stored: &StoredSite,
        (edits, news): (&Catalog<EditsLog>, &News),
        owner: bool,
    ) -> Result<(), SiteError> {
        let is_same = news.journal.is_empty() && edits.seq() == stored.edits.seq();
        let is_held = !stored.state.writable && stored.state.edits_waiting == 0;
        if is_same && (owner || is_held) {
            return Ok(());
        }
        let mut versions = Versions::new();
        if !news.journal.is_empty() {
            let parts = news
                .parts
                .iter()
                .filter(|key| stored.loaded.contains_key(*key));
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
    More,
    Behind,
}

impl Step {
    fn of(stored: &StoredSite, owner: bool, next: Next) -> Self {
        Self {
            edits: 0,
            commit: Some(stored.edits.seq()).filter(|seq| *seq != Seq::NONE),
            owner,
            next,
        }
    }
}

/// What a flush writes down that does nothing but move the catalog of edits.
fn only_the_catalog<'a>(
    stored: &'a StoredSite,
    edits: &'a Catalog<EditsLog>,
    now: Timestamp,
) -> FlushChange<'a> {
    static NO_VERSIONS: Versions = Versions::new();
    FlushChange {
        flushed: &[],
        was: &stored.edits,
        now: edits,
        versions: &NO_VERSIONS,
        moves_loaded_seq: false,
        asked: &[],
        at: now,
        start_known: stored.state.start_known,
        writable: None,
        hold: false,
    }
}

/// The partitions of some rows, none of which is known any more.
fn parts_of<'r>(rows: impl Iterator<Item = &'r JournalEntry>) -> Versions {
    let parts = rows.flat_map(|row| {
        let places = row.old.iter().chain(&row.new);
        places.map(|(part, _)| ((row.table.clone(), *part), None))
    });
    parts.collect()
}

/// From which version to which a partition goes with a flush; `None` where its rows may be others.
fn new_version(
    stored: &StoredSite,
    base: &Catalog<EditsLog>,
    edits: &Catalog<EditsLog>,
    parts: &SettledParts,
    key: &(Name, Part),
) -> Option<(PartVersion, PartVersion)> {
    let edits_of = |edits: &Catalog<EditsLog>| edits.partitions.get(key).map(|e| e.object.md5);
    let object = stored
        .catalog
        .partitions
        .get(key)
        .map(|entry| entry.object.md5);
    let was = PartVersion {
        object,
        edits: edits_of(base),
    };
    let now = PartVersion {
        object,
        edits: edits_of(edits),
    };
    let is_loaded = stored.loaded.get(key).and_then(|mark: &Mark| mark.version) == Some(was);
    let clashes = parts.get(key).map_or(0, |part| part.clashes);
    (is_loaded && clashes == 0).then_some((was, now))
}

/// The dates that rows were written to and that are not loaded.
fn asked_dates(stored: &StoredSite, versions: &Versions) -> Vec<jiff::civil::Date> {
    let dates = versions.keys().filter_map(|(_, part)| part.date());
    let loaded: BTreeSet<_> = stored
        .loaded
        .keys()
        .filter_map(|key| key.1.date())
        .collect();
    let dates: BTreeSet<_> = dates.filter(|date| !loaded.contains(date)).collect();
    dates.into_iter().collect()
}

#[cfg(test)]
mod tests;

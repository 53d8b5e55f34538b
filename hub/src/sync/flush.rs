//! The flush: rows of the journal into edits objects, and a commit of edits that names them.
//!
//! # Order, and what a crash leaves
//! 1. The objects. A crash leaves objects that nobody names.
//! 2. The commit. A crash after it leaves rows in the journal that the log holds: the next flush
//!    knows them by their ids and does not fold them again.
//! 3. The database: the rows go, and its catalog of edits moves on, in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{EditsLog, JournalRow as CommittedRow, Operation, RowKey};
use causeway_shared::dataset::{Dataset, Partitioning, Table};
use causeway_shared::edits_object::Texts;
use causeway_shared::ids::{Md5, Name, Part, Seq, SiteName};
use causeway_shared::log::SiteLog;
use causeway_shared::store::Store;
use jiff::Timestamp;

use super::edits_log::{NewCommit, News, Written, append, catch_up, owns};
use super::hub::Hub;
use super::settle::{Seal, SettledParts, Settling, changes};
use super::site_rows::Search;
use crate::db::{DbError, FlushChange, JournalEntry, Mark, PartVersion, SiteFlush, StoredSite};
use crate::edits::{PlacedRow, RowChange, bucket_of, fold, is_of_block, journal_columns};
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
        let mut rows = session.journal(dataset, MOST_ROWS).await.map_err(failed)?;
        let more = rows.len() >= MOST_ROWS;
        let known: BTreeSet<&str> = news.journal.iter().map(String::as_str).collect();
        let (known, rows): (Vec<_>, Vec<_>) = rows
            .drain(..)
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
                let versions = unknown(known.iter());
                let change = FlushChange {
                    flushed: &known_ids,
                    versions: &versions,
                    ..nothing(stored, &edits, self.now)
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
        let mut versions = unknown(known.iter().chain(&rows));
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
            ..nothing(stored, &edits, self.now)
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
        // Rows of partitions that were committed since may hold changes that their version does not.
        let versions: Versions = news.parts.iter().map(|key| (key.clone(), None)).collect();
        let versions = versions
            .into_iter()
            .filter(|(key, _)| stored.loaded.contains_key(key))
            .collect();
        let change = FlushChange {
            flushed: &news.journal,
            versions: &versions,
            start_known: true,
            writable: Some(false),
            hold: !owner,
            ..nothing(stored, edits, self.now)
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
            ..nothing(stored, edits, self.now)
        };
        let written = session.commit(&change).await;
        written.map_err(|source| self.database_error(source))
    }

    /// Folds rows of the journal on the edits at the head of the log.
    async fn fold(
        &self,
        stored: &StoredSite,
        dataset: &Dataset,
        edits: &Catalog<EditsLog>,
        rows: &[JournalEntry],
    ) -> Result<Folded, SiteError> {
        let catalog = self.site_catalog(stored, edits).await?;
        let at = (self.hub.store(), self.site);
        let mut settling = Settling::new(at, dataset, &catalog, edits, stored);
        settling.forget_gone_before(self.hub.kept_since(self.now));
        let mut touched = BTreeSet::new();
        for row in rows {
            let places = row.old.iter().chain(&row.new);
            touched.extend(places.map(|(part, _)| (row.table.clone(), *part)));
            // Whoever settled since the row was read may have moved its entry.
            let moved = edits.table(row.table.as_str());
            let moved = moved.filter(|(_, entry)| entry.seq > row.edits_seq);
            for (part, _) in moved {
                settling.take(&row.table, part).await?;
            }
        }
        settling.settle_parts(&touched).await?;
        let bases = self.bases(&settling, stored, &catalog, rows).await?;
        let mut folded_keys: BTreeMap<Name, BTreeMap<RowKey, Seq>> = BTreeMap::new();
        let mut journal = Vec::new();
        for row in rows {
            let Some(table) = dataset.table(row.table.as_str()) else {
                continue;
            };
            let Some(mut change) = row_change(table, row, &bases) else {
                continue;
            };
            change.is_at_site =
                change.new.is_none() && self.is_at_site(&settling, table, row, &change).await?;
            journal.extend(committed_row(row, &change));
            let edit = settling.row(table, &change.key).await?;
            let new = fold(table, edit, &change).map_err(|error| settling.failed(error))?;
            settling.set(table, &change.key, new).await?;
            let after = look_after(&settling, table, row, &change);
            let keys = folded_keys.entry(table.name.clone()).or_default();
            let bound = keys.entry(change.key).or_insert(after);
            *bound = (*bound).min(after);
        }
        for id in dataset.parents_first() {
            let table = &dataset.tables[id];
            if let Some(keys) = folded_keys.get(&table.name) {
                settling.settle_keys(table, keys).await?;
            }
        }
        let is_held = rows.iter().any(|row| row.held);
        let parts = settling.seal(Seal::InStore).await?;
        Ok(Folded {
            is_clean: !settling.has_changed() && !is_held,
            parts,
            catalog_seq: catalog.seq(),
            journal,
        })
    }

    /// Whether the site has the row of a change now.
    async fn is_at_site(
        &self,
        settling: &Settling<'_>,
        table: &Table,
        row: &JournalEntry,
        change: &RowChange,
    ) -> Result<bool, SiteError> {
        let Some(old) = &change.old else {
            return Ok(false);
        };
        let home = match table.partition {
            Partitioning::Buckets { count } => {
                bucket_of(table, &change.key, count).map_err(|error| settling.failed(error))?
            }
            _ => old.part,
        };
        let search = Search {
            home,
            after: row.site_seq,
        };
        let wanted = BTreeMap::from([(change.key.clone(), search)]);
        let found = settling.site_rows().find(table, &wanted).await?;
        Ok(!found.is_empty())
    }

    /// The site's catalog, at least at the commit that the edits know.
    async fn site_catalog(
        &self,
        stored: &StoredSite,
        edits: &Catalog<EditsLog>,
    ) -> Result<Catalog, SiteError> {
        let known = edits.head.as_ref().map_or(Seq::NONE, |head| head.site_seq);
        let mut catalog = stored.catalog.clone();
        if catalog.seq() < known {
            let log = SiteLog::new(Store::clone(self.hub.store()), self.site.clone());
            log.catch_up(&mut catalog, false).await?;
        }
        Ok(catalog)
    }

    /// The site's rows of the rows' keys in the objects that the database had loaded.
    async fn bases(
        &self,
        settling: &Settling<'_>,
        stored: &StoredSite,
        catalog: &Catalog,
        rows: &[JournalEntry],
    ) -> Result<Bases, SiteError> {
        let mut wanted: BTreeMap<(Name, Part, Md5), BTreeSet<RowKey>> = BTreeMap::new();
        for row in rows {
            if let (Some((part, old)), Some(object)) = (&row.old, row.object)
                && let Some(table) = settling.dataset.table(row.table.as_str())
                && let Some(key) = key_of(table, old)
            {
                let keys = wanted
                    .entry((row.table.clone(), *part, object))
                    .or_default();
                keys.insert(key);
            }
        }
        let mut bases = Bases::new();
        for ((name, part, md5), keys) in wanted {
            let Some(table) = settling.dataset.table(name.as_str()) else {
                continue;
            };
            // An object that neither catalog names may be gone: what the writer saw has to do.
            let at = (name.clone(), part);
            let mut catalogs = [&stored.catalog, catalog].into_iter();
            let object = catalogs.find_map(|catalog| {
                let entry = catalog.partitions.get(&at)?;
                (entry.object.md5 == md5).then_some(&entry.object)
            });
            let Some(object) = object else { continue };
            let keys: BTreeSet<&RowKey> = keys.iter().collect();
            let site_rows = settling.site_rows();
            let rows = site_rows.rows_of(table, part, object, &keys).await?;
            bases.extend(
                rows.into_iter()
                    .map(|(key, row)| ((name.clone(), md5, key), row)),
            );
        }
        Ok(bases)
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

/// The site's rows, by table, object and key.
type Bases = BTreeMap<(Name, Md5, RowKey), Texts>;

struct Folded {
    parts: SettledParts,
    catalog_seq: Seq,
    journal: Vec<CommittedRow>,
    /// Whether nothing but the journal changed anything, and all of it was written on what is loaded.
    is_clean: bool,
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
fn nothing<'a>(
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
fn unknown<'r>(rows: impl Iterator<Item = &'r JournalEntry>) -> Versions {
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

fn key_of(table: &Table, row: &Texts) -> Option<RowKey> {
    let text = |column: &usize| row.get(table.columns[*column].name.as_str())?.clone();
    let texts: Option<Vec<String>> = table.key.iter().map(text).collect();
    RowKey::try_from(texts?).ok()
}

fn row_change(table: &Table, row: &JournalEntry, bases: &Bases) -> Option<RowChange> {
    let placed = |row: &Option<(Part, Texts)>| {
        row.as_ref().map(|(part, row)| PlacedRow {
            part: *part,
            row: row.clone(),
        })
    };
    let (old, new) = (placed(&row.old), placed(&row.new));
    let key = key_of(table, &new.as_ref().or(old.as_ref())?.row)?;
    let base = row.object.and_then(|object| {
        let at = (table.name.clone(), object, key.clone());
        bases.get(&at).cloned()
    });
    Some(RowChange {
        is_at_site: false,
        base,
        key,
        old,
        new,
        actor: row.actor.clone(),
        at: row.at,
    })
}

/// The commit of the site's after which its partitions are looked through for a folded key.
fn look_after(
    settling: &Settling<'_>,
    table: &Table,
    row: &JournalEntry,
    change: &RowChange,
) -> Seq {
    let is_via = matches!(table.partition, Partitioning::Via { .. });
    // The site may have had such a key all along, in a date that is not loaded.
    let is_inserted = row.old.is_none() && !is_of_block(table, &change.key) && !is_via;
    if row.held || is_inserted {
        return Seq::NONE;
    }
    let places = row.old.iter().chain(&row.new);
    let settled = places.map(|(part, _)| {
        let key = (table.name.clone(), *part);
        match settling.edits.partitions.contains_key(&key) {
            true => settling.settled_at(&table.name, *part),
            false => row.site_seq,
        }
    });
    settled.fold(row.site_seq, Seq::min)
}

/// A row of the journal as a commit has it.
fn committed_row(row: &JournalEntry, change: &RowChange) -> Option<CommittedRow> {
    let (old, new) = (row.old.as_ref(), row.new.as_ref());
    let op = match (old, new) {
        (None, _) => Operation::Insert,
        (_, None) => Operation::Delete,
        _ => Operation::Update,
    };
    Some(CommittedRow {
        id: row.id.clone(),
        table: row.table.clone(),
        part: new.or(old)?.0,
        key: change.key.clone(),
        op,
        columns: journal_columns(old.map(|o| &o.1), new.map(|n| &n.1)),
        actor: row.actor.clone(),
        at: row.at,
    })
}

#[cfg(test)]
mod tests;

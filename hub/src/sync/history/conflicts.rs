//! Conflicts of which nobody has taken a side: what the entries of a site's edits say lost, and rows that
//! clash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use causeway_shared::commit::RowKey;
use causeway_shared::dataset::Table;
use causeway_shared::edits_object::{Entry, Loser, Texts};
use causeway_shared::ids::{Md5, Name, Part, SiteName};

use super::SiteHistory;
use crate::edits::{SharedValues, disputed_columns, key_order};
use crate::error::SiteError;
use crate::sync::bounded_cache::BoundedCache;
use crate::sync::report::NewConflict;

/// Most bytes of rows that are kept in memory.
const MAX_BYTES: usize = 16 << 20;
/// What a row takes beside its texts, roughly.
const OVERHEAD: usize = 256;

/// The rows in conflict of partitions, by site and version.
#[derive(Debug)]
pub(in crate::sync) struct ConflictCache(BoundedCache<(SiteName, Name, Md5), Arc<[Disputed]>>);

impl Default for ConflictCache {
    fn default() -> Self {
        Self(BoundedCache::new(MAX_BYTES))
    }
}

/// A row in which site and cloud want different things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Disputed {
    /// Both changed it.
    Edit(Entry),
    /// It has values of another one that only one row may have.
    Clash(ClashingRow),
}

/// A row that is marked as clashing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClashingRow {
    pub(crate) key: RowKey,
    pub(crate) row: Texts,
    /// What it shares, and the entries of the rows that come first.
    pub(crate) with: Vec<(SharedValues, Entry)>,
}

impl Disputed {
    pub(crate) fn key(&self) -> &RowKey {
        match self {
            Self::Edit(entry) => &entry.key,
            Self::Clash(row) => &row.key,
        }
    }

    /// Its row, and whether it clashes.
    fn of_row(&self) -> (&RowKey, bool) {
        (self.key(), matches!(self, Self::Clash(_)))
    }
}

impl NewConflict {
    fn of(table: &Name, part: Part, row: &Disputed) -> Self {
        let columns: BTreeSet<String> = match row {
            Disputed::Edit(entry) => {
                let columns = disputed_columns(&entry.conflict, entry.row());
                columns.into_iter().map(ToOwned::to_owned).collect()
            }
            Disputed::Clash(row) => {
                let columns = row.with.iter().flat_map(|(shared, _)| &shared.columns);
                columns.map(ToString::to_string).collect()
            }
        };
        let clashes_with = match row {
            Disputed::Edit(_) => Vec::new(),
            Disputed::Clash(row) => row.with.iter().map(|(s, _)| s.key.clone()).collect(),
        };
        Self {
            table: table.clone(),
            part,
            key: row.key().clone(),
            columns,
            clashes_with,
        }
    }
}

impl SiteHistory {
    /// The partitions of declared tables in which there are conflicts, and how many.
    pub(crate) fn conflicted(&self) -> impl Iterator<Item = (&Table, Part, u64)> {
        let edits = self.cached.edits().partitions.iter();
        let conflicted = edits.filter(|(_, entry)| entry.object.conflicts > 0);
        conflicted.filter_map(|((table, part), entry)| {
            let table = self.dataset.table(table.as_str())?;
            Some((table, *part, entry.object.conflicts))
        })
    }

    /// The MD5 of a partition's edits.
    pub(crate) fn edits_object(&self, table: &Table, part: Part) -> Option<Md5> {
        let edits = &self.cached.edits().partitions;
        let edits = edits.get(&(table.name.clone(), part))?;
        Some(edits.object.md5)
    }

    /// The rows of a partition that are in conflict, in key order; of a row that also clashes the edit comes
    /// first.
    ///
    /// # Errors
    /// [`SiteError::EditsObject`], [`SiteError::Object`], a failure of the store.
    pub(crate) async fn conflicts(
        &self,
        table: &Table,
        part: Part,
    ) -> Result<Arc<[Disputed]>, SiteError> {
        let edits = &self.cached.edits().partitions;
        let edits = edits.get(&(table.name.clone(), part));
        let Some(edits) = edits.filter(|entry| entry.object.conflicts > 0) else {
            return Ok(Arc::from([]));
        };
        let cache = &self.hub.inner.conflicts.0;
        let at = (
            self.site.clone(),
            table.name.clone(),
            self.version(&[table], part),
        );
        if let Some(known) = cache.get(&at) {
            return Ok(known);
        }
        let entries = self.entries(table, part).await?;
        let lost = entries.iter().filter(|entry| !entry.conflict.is_none());
        let mut rows: Vec<Disputed> = lost.cloned().map(Disputed::Edit).collect();
        // What else is counted clashes.
        if (rows.len() as u64) < edits.object.conflicts {
            rows.extend(self.clashing((table, part), &entries).await?);
            rows.sort_by_cached_key(|row| key_order(table, row.key()).unwrap_or_default());
        }
        let bytes = rows.iter().map(bytes_of).sum();
        let rows: Arc<[Disputed]> = rows.into();
        cache.put(at, Arc::clone(&rows), bytes);
        Ok(rows)
    }

    /// Conflicts in some partitions that there were not before, the first of them.
    ///
    /// # Errors
    /// As [`conflicts`](Self::conflicts).
    pub(in crate::sync) async fn conflicts_since(
        &self,
        before: Option<&Self>,
        parts: impl Iterator<Item = &(Name, Part)>,
        most: usize,
    ) -> Result<Vec<NewConflict>, SiteError> {
        let mut new = Vec::new();
        for (name, part) in parts {
            let Some(table) = self.dataset.table(name.as_str()) else {
                continue;
            };
            let was = match before {
                Some(before) => before.conflicts(table, *part).await?,
                None => Arc::from([]),
            };
            let was: BTreeSet<_> = was.iter().map(Disputed::of_row).collect();
            let now = self.conflicts(table, *part).await?;
            let now = now.iter().filter(|row| !was.contains(&row.of_row()));
            let now = now.map(|row| NewConflict::of(name, *part, row));
            new.extend(now.take(most - new.len()));
            if new.len() >= most {
                break;
            }
        }
        Ok(new)
    }

    async fn clashing(
        &self,
        of: (&Table, Part),
        entries: &[Entry],
    ) -> Result<Vec<Disputed>, SiteError> {
        let by_key: BTreeMap<&RowKey, &Entry> =
            entries.iter().map(|entry| (&entry.key, entry)).collect();
        let mut rows = Ok(Vec::new());
        let merged = self.merge(of, entries, |row| {
            let (true, Ok(found)) = (row.is_clash, &mut rows) else {
                return;
            };
            match row.texts() {
                Ok((key, texts)) => {
                    let shared = row.shares_values(&key).into_iter();
                    let with = shared.filter_map(|shared| {
                        let first = by_key.get(&shared.key)?;
                        Some((shared, Entry::clone(first)))
                    });
                    let with = with.collect();
                    let row = texts;
                    found.push(Disputed::Clash(ClashingRow { key, row, with }));
                }
                Err(error) => rows = Err(error),
            }
        });
        merged.await?;
        rows.map_err(|error| self.failed(error))
    }
}

fn bytes_of(row: &Disputed) -> usize {
    match row {
        Disputed::Edit(entry) => bytes_of_entry(entry),
        Disputed::Clash(row) => {
            let with = row.with.iter().map(|(_, entry)| bytes_of_entry(entry));
            OVERHEAD + bytes_of_texts(&row.row) + with.sum::<usize>()
        }
    }
}

fn bytes_of_entry(entry: &Entry) -> usize {
    let losers = [&entry.conflict.site, &entry.conflict.cloud];
    let lost = losers.into_iter().flatten().map(|loser| match loser {
        Loser::Columns(columns) => bytes_of_texts(columns),
        Loser::Deletion => 0,
    });
    OVERHEAD + entry.row().map_or(0, bytes_of_texts) * 2 + lost.sum::<usize>()
}

fn bytes_of_texts(texts: &Texts) -> usize {
    let columns = texts.iter();
    let bytes = columns.map(|(name, text)| 72 + name.len() + text.as_ref().map_or(0, String::len));
    bytes.sum()
}

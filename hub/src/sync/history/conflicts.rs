//! Conflicts of which nobody has taken a side: what the entries of a site's edits say lost.

use std::sync::Arc;

use causeway_shared::dataset::Table;
use causeway_shared::edits_object::{Entry, Loser, Texts};
use causeway_shared::ids::{Md5, Part, SiteName};

use super::SiteHistory;
use crate::error::SiteError;
use crate::sync::bounded_cache::BoundedCache;

/// Most bytes of entries that are kept in memory.
const MAX_BYTES: usize = 16 << 20;
/// What an entry takes beside its texts, roughly.
const OVERHEAD: usize = 256;

/// The entries with conflicts of edits objects, which never change.
#[derive(Debug)]
pub(in crate::sync) struct ConflictCache(BoundedCache<(SiteName, Md5), Arc<[Entry]>>);

impl Default for ConflictCache {
    fn default() -> Self {
        Self(BoundedCache::new(MAX_BYTES))
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

    /// The entries of a partition that have a conflict, in key order.
    ///
    /// # Errors
    /// [`SiteError::EditsObject`], a failure of the store.
    pub(crate) async fn conflicts(
        &self,
        table: &Table,
        part: Part,
    ) -> Result<Arc<[Entry]>, SiteError> {
        let edits = self
            .cached
            .edits()
            .partitions
            .get(&(table.name.clone(), part));
        let Some(edits) = edits.filter(|entry| entry.object.conflicts > 0) else {
            return Ok(Arc::from([]));
        };
        let cache = &self.hub.inner.conflicts.0;
        let at = (self.site.clone(), edits.object.md5);
        if let Some(known) = cache.get(&at) {
            return Ok(known);
        }
        let mut entries = self.entries(table, part).await?;
        entries.retain(|entry| !entry.conflict.is_none());
        let bytes = entries.iter().map(bytes_of).sum();
        let entries: Arc<[Entry]> = entries.into();
        cache.put(at, Arc::clone(&entries), bytes);
        Ok(entries)
    }
}

fn bytes_of(entry: &Entry) -> usize {
    let texts = |texts: &Texts| {
        let columns = texts.iter();
        let bytes =
            columns.map(|(name, text)| 72 + name.len() + text.as_ref().map_or(0, String::len));
        bytes.sum::<usize>()
    };
    let losers = [&entry.conflict.site, &entry.conflict.cloud];
    let lost = losers.into_iter().flatten().map(|loser| match loser {
        Loser::Columns(columns) => texts(columns),
        Loser::Deletion => 0,
    });
    OVERHEAD + entry.row().map_or(0, texts) * 2 + lost.sum::<usize>()
}

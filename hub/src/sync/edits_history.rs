//! Who changed what: what the commits of edits say of it, and the rows that wait for one.

use std::sync::Arc;

use causeway_shared::commit::{EditsHead, JournalRow};
use causeway_shared::ids::{Seq, SiteName};
use jiff::Timestamp;

use super::bounded_cache::BoundedCache;
use super::flush::to_be_committed;
use super::hub::Hub;
use super::sites::SiteView;
use crate::db::DbError;
use crate::error::SiteError;

/// Most bytes of commits that are kept in memory.
const MAX_BYTES: usize = 32 << 20;
/// What a row takes beside its texts, roughly.
const OVERHEAD: usize = 256;

/// Commits of edits, which never change.
#[derive(Debug)]
pub(super) struct CommitCache(BoundedCache<(SiteName, Seq), Arc<CommittedEdits>>);

impl Default for CommitCache {
    fn default() -> Self {
        Self(BoundedCache::new(MAX_BYTES))
    }
}

/// What a commit of edits says was changed.
#[derive(Debug)]
pub(crate) struct CommittedEdits {
    /// When the commit was made.
    pub(crate) at: Timestamp,
    /// In the order in which it was done.
    pub(crate) rows: Vec<JournalRow>,
}

/// What was changed and waits for its commit.
#[derive(Debug)]
pub(crate) struct WaitingEdits {
    /// The commit of edits that the database stands at.
    pub(crate) head: Option<EditsHead>,
    /// The newest rows of the journal, the newest first.
    pub(crate) rows: Vec<JournalRow>,
}

impl Hub {
    /// A commit of a site's edits, up to the one that the database stands at.
    ///
    /// # Errors
    /// [`SiteError::Log`], also where it is not there.
    pub(crate) async fn committed_edits(
        &self,
        site: &SiteName,
        seq: Seq,
    ) -> Result<Arc<CommittedEdits>, SiteError> {
        let cache = &self.inner.edits_commits.0;
        let at = (site.clone(), seq);
        if let Some(known) = cache.get(&at) {
            return Ok(known);
        }
        let log = self.edits_log(site);
        let commit = log.commit(seq).await?;
        let commit = commit.ok_or_else(|| log.gap(seq, seq.next()))?;
        let read = Arc::new(CommittedEdits {
            at: commit.head.at,
            rows: commit.more.journal,
        });
        let bytes = OVERHEAD + read.rows.iter().map(bytes_of).sum::<usize>();
        cache.put(at, Arc::clone(&read), bytes);
        Ok(read)
    }

    /// The rows of a site's journal that no commit holds, the newest of them, and the commit that the
    /// database stands at.
    ///
    /// # Errors
    /// A failure of the database.
    pub(crate) async fn waiting_edits(
        &self,
        view: &SiteView,
        most: usize,
    ) -> Result<WaitingEdits, DbError> {
        let waiting = self.database().waiting(&view.site, &view.dataset, most);
        let (state, rows) = waiting.await?;
        let rows = rows.iter().filter_map(|row| {
            let committed = to_be_committed(&view.dataset, row);
            if committed.is_none() {
                tracing::warn!(site = %view.site, id = row.id, "a row of the journal cannot be read");
            }
            committed
        });
        Ok(WaitingEdits {
            head: state.edits_head,
            rows: rows.collect(),
        })
    }
}

fn bytes_of(row: &JournalRow) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len) + 24;
    let columns = row.columns.iter().map(|(name, [old, new])| {
        // A node of the map, roughly.
        64 + name.len() + text(old) + text(new)
    });
    let key = row.key.texts().iter().map(|text| 24 + text.len());
    OVERHEAD + row.actor.len() + columns.sum::<usize>() + key.sum::<usize>()
}

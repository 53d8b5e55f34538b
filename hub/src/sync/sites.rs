//! The sites as API, dashboard and `status` read them.

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::EditsHead;
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Name, Part, Seq, SiteName};
use causeway_shared::limits;
use jiff::Timestamp;
use jiff::civil::Date;

use super::cache::CachedSite;
use super::hub::{Hub, Inner};
use super::totals::SiteTotals;
use crate::db::{DbError, LoadedCount, SiteState};
use crate::error::HubError;

/// How often a site is read again because a load changed it meanwhile.
const READ_ATTEMPTS: u32 = 8;

/// A site as the API and the dashboard read it.
#[derive(Debug, Clone)]
pub(crate) struct SiteView {
    pub site: SiteName,
    /// As [`SiteState::revision`].
    pub revision: u64,
    /// The dataset of the loaded commit.
    pub dataset: Arc<Dataset>,
    /// The catalog at the loaded commit: totals over all history come from here.
    pub catalog: Arc<Catalog>,
    /// What that adds up to.
    pub totals: Arc<SiteTotals>,
    /// When the rows were last brought to a commit.
    pub loaded_at: Option<Timestamp>,
    /// The newest commit seen in the site's log, loaded or not.
    pub log_head: Option<Seq>,
    /// Why the last load failed, if it did; the rows are the last good ones.
    pub last_error: Option<String>,
    /// The partitions whose rows are in the database.
    pub loaded: Arc<[LoadedPart]>,
    /// The dates that were asked for, and when.
    pub asked: BTreeMap<Date, Timestamp>,
    /// How its edits stand.
    pub edits: SiteEdits,
}

/// How the edits of a site stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SiteEdits {
    /// The last commit of edits that the rows stand at.
    pub head: Option<EditsHead>,
    /// Changes in the journal that no commit holds yet.
    pub waiting: u64,
    /// Rows in which site and cloud want different things.
    pub conflicts: u64,
    /// Whether any stand.
    pub are_there: bool,
    /// Whether the tables take writes now.
    pub writable: bool,
    /// Whether they do as soon as a hub has read the log, which on SQLite each process does for itself.
    pub owned: bool,
}

impl SiteView {
    /// How many rows are in the database.
    pub(crate) fn loaded_rows(&self) -> u64 {
        limits::total(self.loaded.iter().map(|part| part.rows))
    }
}

/// A partition whose rows are in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoadedPart {
    pub table: Name,
    pub part: Part,
    /// How many rows it has.
    pub rows: u64,
}

impl Hub {
    /// The sites that were loaded or tried, in name order, or one of them. What they hold is kept
    /// in memory and read again only when a load changed it.
    ///
    /// # Errors
    /// [`HubError::UnknownSite`], or a failure of the database.
    pub(crate) async fn sites(&self, only: Option<&SiteName>) -> Result<Vec<SiteView>, HubError> {
        let mut views = Vec::new();
        for mut state in self.known_sites(only).await? {
            let Inner {
                cache,
                database,
                store,
                ..
            } = &*self.inner;
            let from = (&**database, store);
            let cached = cache.get_or_note(from, &mut state).await?;
            views.push(self.view(state, &cached));
        }
        Ok(views)
    }

    async fn known_sites(&self, only: Option<&SiteName>) -> Result<Vec<SiteState>, HubError> {
        let mut states = self.inner.database.sites().await?;
        if let Some(only) = only {
            states.retain(|state| state.site == *only);
            if states.is_empty() {
                return Err(HubError::UnknownSite { site: only.clone() });
            }
        }
        Ok(states)
    }

    fn view(&self, state: SiteState, cached: &CachedSite) -> SiteView {
        let dataset = cached.dataset.as_ref().unwrap_or(&self.inner.dataset);
        SiteView {
            edits: SiteEdits {
                conflicts: cached.conflicts,
                are_there: cached.has_edits,
                head: state.edits_head,
                waiting: state.edits_waiting,
                writable: state.writable && state.start_known,
                owned: state.writable,
            },
            asked: cached.stored.asked.clone(),
            site: state.site,
            revision: state.revision,
            dataset: Arc::clone(dataset),
            catalog: Arc::clone(cached.catalog()),
            totals: Arc::clone(cached.totals()),
            loaded_at: state.loaded_at,
            log_head: state.log_head,
            last_error: state.last_error,
            loaded: Arc::clone(&cached.loaded),
        }
    }

    /// As [`sites`](Self::sites), each with the number of loaded rows of a table per partition and
    /// value of a column, where the site's dataset has both. The counts are those of the commit that
    /// the site's catalog stands at.
    ///
    /// # Errors
    /// [`HubError::UnknownSite`], or a failure of the database.
    pub(crate) async fn sites_with_counts(
        &self,
        only: Option<&SiteName>,
        table: &str,
        column: &str,
    ) -> Result<Vec<(SiteView, Vec<LoadedCount>)>, HubError> {
        let mut sites = Vec::new();
        for state in self.known_sites(only).await? {
            sites.push(self.site_with_counts(state, table, column).await?);
        }
        Ok(sites)
    }

    async fn site_with_counts(
        &self,
        mut state: SiteState,
        table: &str,
        column: &str,
    ) -> Result<(SiteView, Vec<LoadedCount>), HubError> {
        let database = &*self.inner.database;
        for _ in 0..READ_ATTEMPTS {
            let cached = self
                .inner
                .cache
                .get_or_note((database, self.store()), &mut state)
                .await?;
            let at = cached.dataset.as_ref().and_then(|dataset| {
                let table = dataset.table(table)?;
                Some((table, table.column(column)?))
            });
            let Some((table, column)) = at else {
                return Ok((self.view(state, &cached), Vec::new()));
            };
            // Each change of a row is in the journal or moves the revision on.
            let key = (table.name.clone(), column, state.edits_waiting);
            if let Some(counts) = cached.counts(&key) {
                return Ok((self.view(state, &cached), counts));
            }
            let counted = database.counts(&state.site, table, column).await?;
            if counted.revision == cached.stored.state.revision {
                cached.keep_counts(key, &counted.counts);
                return Ok((self.view(state, &cached), counted.counts));
            }
            // A load committed between the two.
            state = database.stored(&state.site).await?.state;
        }
        Err(DbError::GaveUp {
            database: database.describe(),
            action: "counting",
            detail: format!("site {} was loaded again each time", state.site),
            source: None,
        }
        .into())
    }
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs), and
// these tests are about what is done with its answers.
#[cfg(test)]
mod tests {
    use causeway_shared::ids::Seq;

    use crate::testing::{Outcome, SHOP, TestHub, TestSite};

    #[tokio::test]
    async fn catalog_and_counts_are_of_one_commit() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
        site.put("sale", "dt=2025-11-28", &sales[..1]).await?;
        site.commit().await?;
        test.load_one().await?;
        let before = test.database.sites().await?.remove(0);
        test.hub.sites(None).await?;

        // Another hub loads between the look at the site and the count.
        site.put("sale", "dt=2025-11-28", &sales).await?;
        site.commit().await?;
        test.another()?.load_one().await?;

        let (view, counts) = test.hub.site_with_counts(before, "sale", "state").await?;
        assert_eq!(view.catalog.seq(), Seq(2));
        assert_eq!((counts.len(), counts[0].rows), (1, 2));
        Ok(())
    }

    #[tokio::test]
    async fn loaded_rows_are_counted_once_for_each_change() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
        site.put("sale", "dt=2025-11-28", &sales).await?;
        site.commit().await?;
        test.load_one().await?;
        let counts = async || {
            let sites = test.hub.sites_with_counts(None, "sale", "state").await?;
            let counts = sites[0].1.iter();
            let counts = counts.map(|count| (count.value.clone().unwrap_or_default(), count.rows));
            Outcome::Ok(counts.collect::<Vec<_>>())
        };
        let paid = |rows| ("paid".to_owned(), rows);
        assert_eq!(counts().await?, [paid(2)]);
        // Behind the triggers' backs: nobody looks.
        let file = rusqlite::Connection::open(folder.path().join("here.db"))?;
        file.execute_batch(
            "DROP TRIGGER \"sale before delete\"; DROP TRIGGER \"sale after delete\";
             DELETE FROM sale WHERE id = 2",
        )?;
        assert_eq!(counts().await?, [paid(2)]);
        // A change in the journal, that no flush has taken yet.
        test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
            .await?;
        assert_eq!(counts().await?, [("void".to_owned(), 1)]);
        Ok(())
    }
}

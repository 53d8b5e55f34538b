//! A load by a command of what a site committed since, without reading whole catalogs.
//!
//! A command knows nothing of a site, whose catalog may have thousands of partitions. Where the database
//! stands at commits of both logs as its last load left it, and the same dates are wanted as then, the commits that
//! follow tell which partitions may have to change, and only those are read. What is more than that is left to
//! a load that reads all: other dates, edits that wait, are to be settled or belong to another database, another
//! dataset, a log with a gap. Whether anything changed since it was read, is looked at under the load's lock.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use causeway_shared::commit::{AgentLog, Commit, EditsLog};
use causeway_shared::ids::Part;
use causeway_shared::log::SiteLog;
use causeway_shared::store::Store;
use jiff::Timestamp;

use super::execute::{Counted, Executed, Work};
use super::{EditsInEffect, LogSnapshot, SiteTask};
use crate::db::{Outline, RowsAt, SiteState, StoredSite};
use crate::error::SiteError;
use crate::sync::discover::commits_after;
use crate::sync::edits_log::owns;
use crate::sync::hub::Hub;
use crate::sync::report::SiteLoaded;
use crate::sync::window::Wanted;

/// Most partitions that are loaded like this: what takes long may be overtaken, and the catalogs are a small part
/// of it.
const MOST_PARTITIONS: usize = 100;

/// What a site committed after the commit at which a database stands.
struct News(Vec<Commit<AgentLog>>);

impl News {
    /// Reads both logs on. `None`: the catalogs are needed for more than what the agent's commits change.
    async fn read(
        store: &Store,
        state: &SiteState,
        thorough: bool,
    ) -> Result<Option<Self>, SiteError> {
        let (Some(head), Some(edits_head)) = (&state.head, &state.edits_head) else {
            return Ok(None);
        };
        // Edits first: the agent's log then reaches at least to the commit that they know.
        let log = SiteLog::<EditsLog>::of_kind(Store::clone(store), state.site.clone());
        let edits = commits_after(&log, edits_head, thorough).await?;
        if edits.is_none_or(|edits| !edits.is_empty()) {
            return Ok(None);
        }
        let log = SiteLog::<AgentLog>::new(Store::clone(store), state.site.clone());
        let Some(commits) = commits_after(&log, head, thorough).await? else {
            return Ok(None);
        };
        let newest = commits.last().map_or(head.seq, |commit| commit.head.seq);
        let is_usual = commits
            .iter()
            .all(|commit| commit.head.dataset == head.dataset)
            && edits_head.site_seq <= newest;
        Ok(is_usual.then_some(Self(commits)))
    }

    /// Where they changed something.
    fn parts(&self) -> BTreeSet<Part> {
        let changes = self.0.iter().flat_map(|commit| &commit.changes);
        changes.map(|change| change.part).collect()
    }

    /// The logs' end, as far as an outline has what they say.
    fn snapshot(&self, outline: &Outline) -> Option<LogSnapshot> {
        let stored = &outline.stored;
        let mut catalog = stored.catalog.clone();
        self.0.iter().for_each(|commit| catalog.apply(commit));
        let mut dataset = stored.dataset.as_deref()?.clone();
        dataset.take_bucket_counts(&catalog);
        Some(LogSnapshot {
            catalog,
            edits: stored.edits.clone(),
            dataset: Arc::new(dataset),
        })
    }
}

/// Whether a database has nothing to settle: its rows are those of its catalogs, as its last load and the flushes
/// since have marked them, and no change that the cloud made lies where the site's commits changed something, nor is
/// looked for there.
fn is_settled(outline: &Outline, changed: &BTreeSet<Part>) -> bool {
    let stored = &outline.stored;
    let at = RowsAt {
        seq: stored.catalog.seq(),
        edits_seq: stored.edits.seq(),
    };
    let mut edited = stored.edits.partitions.keys();
    let is_concerned =
        !changed.is_empty() && (outline.keeps || edited.any(|(_, part)| changed.contains(part)));
    stored.loaded.values().all(|mark| mark.version.is_some())
        && stored.rows_at == at
        && stored.settled.is_empty()
        && !is_concerned
}

impl Hub {
    /// Whether the database stands where such a load may begin, for all that is known before the logs are read.
    fn may_follow(&self, state: &SiteState) -> bool {
        let takes_changes = self.config().edits.write && state.writable && state.start_known;
        takes_changes && !state.restored && state.edits_waiting == 0
    }

    /// Notes what is wanted where a load that read all had nothing to do: the window rolls also over dates without
    /// partitions, and until the next commit each load would read all again.
    pub(in crate::sync) async fn note_wanted(
        &self,
        stored: &StoredSite,
        wanted: &Wanted,
        loaded: &SiteLoaded,
    ) {
        let (state, counts) = (&stored.state, loaded.partitions);
        let is_idle = (counts.loaded, counts.evicted) == (0, 0)
            && loaded.commit == state.head.as_ref().map(|head| head.seq);
        let wanted = wanted.md5(&stored.asked, counts.wanted);
        if !is_idle || stored.wanted == Some(wanted) || !self.may_follow(state) {
            return;
        }
        let noted = self
            .database()
            .note_wanted(&state.site, state.revision, wanted);
        if let Err(error) = noted.await {
            let what = "what is loaded cannot be noted: the next load reads whole catalogs again";
            self.log_failure(&state.site, what, error);
        }
    }

    /// Loads what is new of a site, as far as that is all there is to do. `None`: nothing was done.
    pub(in crate::sync) async fn load_news(
        &self,
        state: &SiteState,
        wanted: &Wanted,
        (now, thorough): (Timestamp, bool),
        seen: &AtomicU64,
    ) -> Result<Option<SiteLoaded>, SiteError> {
        if !self.may_follow(state) {
            return Ok(None);
        }
        let failed = |source| SiteError::Database {
            site: state.site.clone(),
            source,
        };
        let Some(news) = News::read(self.store(), state, thorough).await? else {
            return Ok(None);
        };
        let changed = news.parts();
        let outline = self.database().outline(&state.site, &changed).await;
        let outline = outline.map_err(failed)?;
        // Another load may have been there since the logs were read, from where it stood before.
        if !outline.stored.state.is_as(state) {
            return Ok(None);
        }
        let partitions = outline.others + outline.stored.loaded.len() as u64;
        if outline.stored.wanted != Some(wanted.md5(&outline.stored.asked, partitions)) {
            return Ok(None);
        }
        let identity = self.identity().await.map_err(failed)?;
        let snapshot = news.snapshot(&outline);
        let snapshot = snapshot.filter(|snapshot| owns(&snapshot.edits, &identity));
        let Some(snapshot) = snapshot.filter(|_| is_settled(&outline, &changed)) else {
            return Ok(None);
        };
        seen.store(snapshot.catalog.seq().0, Ordering::Relaxed);
        let stored = &outline.stored;
        let task = SiteTask::plain(self, &state.site, stored, wanted, now);
        let mut plan = task.plan(&snapshot, &snapshot.edits, stored);
        let asked = wanted.asked_now(stored, now);
        if news.0.is_empty() && plan.is_empty() && asked.is_empty() {
            let has_triggers = self.has_triggers(&state.site, &snapshot.dataset).await;
            plan.keep += outline.others;
            let report = task.report(&snapshot, &identity, &plan, Counted::default());
            return Ok(has_triggers.map_err(failed)?.then_some(report));
        }
        if plan.load.len() > MOST_PARTITIONS {
            return Ok(None);
        }
        // The semaphore is never closed.
        let _slot = self.inner.unhurried_loads.acquire().await.ok();
        let session = self.database().begin_load(&state.site).await;
        let in_effect = EditsInEffect::as_they_are(&snapshot);
        let work = Work {
            asked,
            forgotten: wanted.forgotten(stored),
            snapshot: &snapshot,
            stored,
            in_effect: &in_effect,
            plan: &plan,
            is_locked: false,
            others: Some(outline.others),
        };
        match task.execute(session.map_err(failed)?, &work).await {
            Ok(Executed::Committed(counted)) => {
                plan.keep += outline.others;
                Ok(Some(task.report(&snapshot, &identity, &plan, counted)))
            }
            Ok(Executed::Overtaken(_)) => Ok(None),
            Err(error) if error.is_of_one_key_twice() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

// On SQLite, which filters what PostgreSQL is asked for: both are held to db/conformance.rs.
#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::sync::DateRange;
    use crate::testing::{Outcome, SHOP, TestHub, TestSite};

    const TODAY: &str = "dt=2025-11-28";

    /// A site that is loaded, with a sale on each of two days of the window and one before it.
    async fn shop(folder: &std::path::Path) -> Outcome<(TestHub, TestSite)> {
        let test = TestHub::in_folder(folder).await?;
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        site.put("item", "b=0of2", &["1,apple"]).await?;
        for (id, day) in [(1, "2025-10-01"), (2, "2025-11-27"), (3, "2025-11-28")] {
            let sale = format!("{id},{day},a,paid");
            site.put("sale", &format!("dt={day}"), &[&sale]).await?;
        }
        site.commit().await?;
        test.load_one().await?;
        Ok((test, site))
    }

    async fn load_news(test: &TestHub) -> Outcome<Option<SiteLoaded>> {
        let state = test.database.sites().await?.remove(0);
        let wanted = test.hub.wanted(&test.request).await?;
        let (how, seen) = ((test.request.now, true), AtomicU64::new(0));
        let news = test.hub.load_news(&state, &wanted, how, &seen);
        Ok(news.await?)
    }

    #[tokio::test]
    async fn what_a_commit_changed_is_loaded_without_the_rest() -> Outcome {
        let folder = tempfile::tempdir()?;
        let (test, mut site) = shop(folder.path()).await?;
        site.put("sale", TODAY, &["3,2025-11-28,a,void"]).await?;
        site.remove("sale", "dt=2025-11-27")?;
        site.commit().await?;
        let loaded = load_news(&test).await?.ok_or("it was left to another")?;
        let counts = loaded.partitions;
        assert_eq!((counts.wanted, counts.loaded, counts.evicted), (2, 1, 1));
        assert_eq!(test.rows(&site, "sale").await?.len(), 1);
        let stored = test.database.stored(site.name()).await?;
        assert_eq!(stored.catalog, *site.catalog());

        let revision = stored.state.revision;
        let again = load_news(&test).await?.ok_or("it was left to another")?;
        assert_eq!((again.partitions.wanted, again.partitions.loaded), (2, 0));
        let stored = test.database.stored(site.name()).await?;
        assert_eq!(stored.state.revision, revision, "nothing is written");
        Ok(())
    }

    #[tokio::test]
    async fn other_dates_are_left_to_a_load_that_reads_all() -> Outcome {
        let folder = tempfile::tempdir()?;
        let (mut test, mut site) = shop(folder.path()).await?;
        test.request.dates = vec![DateRange::day("2025-10-01".parse()?)];
        assert_eq!(load_news(&test).await?, None);
        test.load_one().await?;
        assert!(load_news(&test).await?.is_some());
        test.request.dates.clear();
        site.put("sale", "dt=2025-10-01", &["1,2025-10-01,b,paid"])
            .await?;
        site.commit().await?;
        let loaded = load_news(&test).await?.ok_or("it was asked for")?;
        assert_eq!(loaded.partitions.loaded, 1);

        test.request.now += SignedDuration::from_hours(24);
        assert_eq!(load_news(&test).await?, None, "the window moved on");
        test.load_one().await?;
        assert!(load_news(&test).await?.is_some());
        // Somebody writes to a date that is not loaded.
        test.sell(&site, "2025-12-24", "a").await?;
        test.flush(&site).await?;
        assert_eq!(load_news(&test).await?, None);
        Ok(())
    }

    #[tokio::test]
    async fn a_night_that_brings_nothing_is_left_to_another_once() -> Outcome {
        let folder = tempfile::tempdir()?;
        let (mut test, mut site) = shop(folder.path()).await?;
        site.remove("sale", "dt=2025-11-27")?.commit().await?;
        test.load_one().await?;
        test.request.now += SignedDuration::from_hours(24);
        assert_eq!(load_news(&test).await?, None, "the window moved on");
        let loaded = test.load_one().await?;
        assert_eq!(
            (loaded.partitions.loaded, loaded.partitions.evicted),
            (0, 0)
        );
        assert!(load_news(&test).await?.is_some());
        Ok(())
    }

    #[tokio::test]
    async fn a_row_that_is_kept_beside_others_stays_as_it_is() -> Outcome {
        let folder = tempfile::tempdir()?;
        let (test, mut site) = shop(folder.path()).await?;
        let both = ["3,2025-11-28,a,paid", "4,2025-11-28,b,paid"];
        site.put("sale", TODAY, &both).await?.commit().await?;
        test.load_one().await?;
        test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 3")
            .await?;
        test.flush(&site).await?;
        // The cloud keeps a row that the site deletes.
        site.put("sale", TODAY, &both[1..]).await?.commit().await?;
        test.load_one().await?;
        let loaded = load_news(&test).await?.ok_or("nothing changed")?;
        assert_eq!((loaded.partitions.wanted, loaded.partitions.loaded), (3, 0));
        assert_eq!(test.rows(&site, "sale").await?.len(), 3);
        site.put("sale", "dt=2025-11-27", &[])
            .await?
            .commit()
            .await?;
        assert_eq!(load_news(&test).await?, None, "it may be there now");
        Ok(())
    }

    #[tokio::test]
    async fn an_edit_that_the_commit_concerns_is_left_to_a_load_that_reads_all() -> Outcome {
        let folder = tempfile::tempdir()?;
        let (test, mut site) = shop(folder.path()).await?;
        test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 3")
            .await?;
        assert_eq!(load_news(&test).await?, None, "it waits");
        test.flush(&site).await?;
        assert!(
            load_news(&test).await?.is_some(),
            "the site changed nothing"
        );
        site.put("sale", "dt=2025-11-27", &["2,2025-11-27,b,paid"])
            .await?;
        site.commit().await?;
        assert!(load_news(&test).await?.is_some(), "nor the edited one");
        site.put("sale", TODAY, &["3,2025-11-28,b,paid"]).await?;
        site.commit().await?;
        assert_eq!(load_news(&test).await?, None);
        test.load_one().await?;
        assert!(load_news(&test).await?.is_some(), "it is settled");
        Ok(())
    }
}

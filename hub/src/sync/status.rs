//! How things stand: what the database knows of the sites, and what the store says besides.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use causeway_shared::commit::{AgentLog, Owner};
use causeway_shared::ids::Seq;
use causeway_shared::log::SiteLog;
use causeway_shared::quarantine::RefusedRows;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::join;
use tokio::time::{Instant, timeout_at};

use super::discover::{discover_carried, refuse_another_log};
use super::hub::{Hub, LoadRequest};
use super::report::{KnownAndLoaded, SiteStatus, StatusReport, StoreProblem};
use super::sites::SiteView;
use crate::control::Control;
use crate::error::{HubError, SiteError};

/// How long the store may take to answer: whoever asks for the status waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many sites' logs are asked at once.
const ASKED_AT_ONCE: usize = 16;

impl Hub {
    /// How things stand, as the database knows it; the store is not asked.
    ///
    /// # Errors
    /// A failure of the database.
    pub(crate) async fn status(&self, now: Timestamp) -> Result<StatusReport, HubError> {
        let sites = self.sites(None).await?;
        let wanted = self.wanted(&LoadRequest::at(now)).await?;
        let database = self.database();
        let own = Owner {
            address: database.address().to_owned(),
            ..database.identity().await?
        };
        let statuses = sites.iter().map(|view| status(view, &own));
        let mut statuses: Vec<SiteStatus> = statuses.collect();
        let past = self.is_past().await?;
        for (status, view) in statuses.iter_mut().zip(&sites) {
            status.asked = wanted.kept(&view.asked);
            if past {
                // A past state is loaded as it would have been then.
                status.as_of = status.loaded_at.take();
            }
        }
        Ok(StatusReport {
            now,
            past,
            window: wanted.window,
            pinned: wanted.pinned,
            store: self.inner.store.describe(),
            store_error: None,
            database: self.inner.database.describe(),
            sleep: None,
            sites: statuses,
        })
    }

    /// How things stand, and what the store says of it: whether the database sleeps, how far each site's log is, which
    /// sites were never loaded, how many rows are in quarantine. A store that does not answer is part of
    /// the answer.
    ///
    /// # Errors
    /// A failure of the database.
    pub(crate) async fn full_status(&self, now: Timestamp) -> Result<StatusReport, HubError> {
        let mut report = self.status(now).await?;
        let until = Instant::now() + PATIENCE;
        let control = timeout_at(until, Control::read(&self.inner.store)).await;
        report.sleep = control.ok().and_then(Result::ok).map(|of| of.state);
        if let Err(problem) = self.ask_store(&mut report.sites, until).await {
            report.store_error = Some(problem);
            return Ok(report);
        }
        let sites: Vec<_> = report.sites.iter().map(|of| of.site.clone()).collect();
        let sites: Vec<_> = sites.iter().collect();
        let quarantines = self.quarantines_at_once(&sites, now).await;
        for (status, quarantine) in report.sites.iter_mut().zip(quarantines) {
            status.quarantined = quarantine.map(|quarantine| {
                let total = |rows: &Result<RefusedRows, String>| Some(rows.as_ref().ok()?.total);
                let tables = quarantine.iter();
                tables
                    .map(|(table, rows)| (table.clone(), total(rows)))
                    .collect()
            });
        }
        Ok(report)
    }

    /// Asks the store where the sites' logs end, those of sites that were never loaded included.
    /// An error is about all of them; what is wrong with one stands with it.
    async fn ask_store(
        &self,
        sites: &mut Vec<SiteStatus>,
        until: Instant,
    ) -> Result<(), StoreProblem> {
        // What the database knows is not what the store says now.
        sites.iter_mut().for_each(|status| status.behind = None);
        let before = sites.clone();
        // At once: where a listing takes long, each site's log is asked all the same.
        let listing = timeout_at(until, discover_carried(&self.inner.store));
        let (found, ()) = join!(listing, self.ask_logs(sites.iter_mut(), until));
        let found = match found {
            Ok(found) => found.map_err(|error| StoreProblem {
                retryable: error.is_retryable(),
                text: error.to_string(),
            }),
            Err(_) => Err(StoreProblem::silence(no_answer())),
        };
        if let Ok(found) = &found {
            let loaded = sites.iter().filter(|status| status.head.is_some());
            let loaded = loaded.map(|status| status.site.clone()).collect();
            if let Err(error) = self.refuse_another_store(&loaded, found) {
                // What another store's logs say is nothing of these sites.
                *sites = before;
                return Err(StoreProblem {
                    retryable: error.is_retryable(),
                    text: error.to_string(),
                });
            }
        }
        let mut others = found?;
        others.retain(|site| sites.iter().all(|status| status.site != *site));
        let mut others: Vec<_> = others.into_iter().map(SiteStatus::never_loaded).collect();
        self.ask_logs(others.iter_mut(), until).await;
        // The others have not committed yet, or are no sites.
        others.retain(|status| status.behind != Some(0));
        sites.append(&mut others);
        sites.sort_by(|a, b| a.site.cmp(&b.site));
        Ok(())
    }

    /// Asks several at once: a hub may have more sites than it can ask in a few seconds one by one.
    async fn ask_logs(&self, sites: impl Iterator<Item = &mut SiteStatus>, until: Instant) {
        let asked = stream::iter(sites);
        let ask = |status| self.ask_log(status, until);
        asked.for_each_concurrent(ASKED_AT_ONCE, ask).await;
    }

    async fn ask_log(&self, status: &mut SiteStatus, until: Instant) {
        let known = status.commit.unwrap_or(Seq::NONE);
        let log = SiteLog::<AgentLog>::new(Arc::clone(&self.inner.store), status.site.clone());
        let ask = async {
            let head = log.head_after(known).await?;
            // Of another log the end says nothing.
            if let Some(loaded) = &status.head {
                refuse_another_log(&log, loaded).await?;
            }
            Ok::<_, SiteError>(head)
        };
        let head = match timeout_at(until, ask).await {
            Ok(Ok(head)) => head,
            Ok(Err(error)) => {
                status.log_error = Some(StoreProblem {
                    retryable: error.is_retryable(),
                    text: error.to_string(),
                });
                return;
            }
            Err(_) => {
                status.log_error = Some(StoreProblem::silence(no_answer()));
                return;
            }
        };
        status.log_head = status
            .log_head
            .max(Some(head).filter(|head| *head != Seq::NONE));
        status.behind = Some(head.0.saturating_sub(known.0));
    }
}

fn no_answer() -> String {
    format!("no answer in {} s", PATIENCE.as_secs())
}

fn status(view: &SiteView, own: &Owner) -> SiteStatus {
    let owner = view.edits.head.as_ref().map(|head| head.writer.clone());
    let is_owner = owner.as_ref() == Some(own);
    let head = view.catalog.head.as_ref();
    let commit = head.map(|head| head.seq);
    let behind = view.log_head.unwrap_or_default().0;
    SiteStatus {
        site: view.site.clone(),
        commit,
        head: head.cloned(),
        committed_at: head.map(|head| head.at),
        loaded_at: view.loaded_at,
        as_of: None,
        log_head: view.log_head,
        behind: Some(behind.saturating_sub(commit.unwrap_or_default().0)),
        partitions: KnownAndLoaded {
            known: view.catalog.partitions.len() as u64,
            loaded: view.loaded.len() as u64,
        },
        rows: KnownAndLoaded {
            known: view.catalog.all_rows(),
            loaded: view.loaded_rows(),
        },
        asked: BTreeSet::new(),
        log_error: None,
        quarantined: None,
        last_error: view.last_error.clone(),
        edits_waiting: view.edits.waiting,
        edits_commit: view.edits.head.as_ref().map(|head| head.seq),
        conflicts: view.edits.conflicts,
        has_edits: view.edits.are_there,
        // A copy at another address holds what its original does, and owns nothing.
        read_only: !(view.edits.owned && is_owner),
        is_owner,
        owner,
    }
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs), and
// these tests are about what is done with its answers.
#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causeway_shared::ids::Seq;
    use causeway_shared::store::Store;
    use causeway_shared::store::failing::{FailingStore, Fault};
    use causeway_shared::store::folder::FolderStore;
    use causeway_shared::store::memory::MemoryStore;

    use crate::sync::Hub;
    use crate::testing::{Outcome, SHOP, TestHub, TestSite};

    #[tokio::test]
    async fn the_store_says_how_far_the_logs_are() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        site.put("item", "b=0of2", &["1,a"]).await?.commit().await?;
        test.load_one().await?;
        for name in ["b", "c", "d"] {
            let row = format!("1,{name}");
            site.put("item", "b=0of2", &[&row]).await?.commit().await?;
        }
        let mut other = TestSite::new(&test.store, "new", SHOP)?;
        other
            .put("item", "b=0of2", &["1,a"])
            .await?
            .commit()
            .await?;

        let report = test.hub.full_status(test.request.now).await?;
        let heads = report.sites.iter();
        let heads: Vec<_> = heads
            .map(|of| (of.site.as_str(), of.commit, of.log_head, of.behind))
            .collect();
        let (none, one, four) = (None, Some(Seq(1)), Some(Seq(4)));
        assert_eq!(
            heads,
            [("here", one, four, Some(3)), ("new", none, one, Some(1))]
        );
        Ok(())
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_asked_hides_no_other() -> Outcome {
        let folder = tempfile::tempdir()?;
        let mut test = TestHub::in_folder(folder.path()).await?;
        let root = tempfile::tempdir()?;
        test.store = Arc::new(FolderStore::open(root.path())?);
        test = test.another()?;
        for name in ["fails", "here"] {
            let mut site = TestSite::new(&test.store, name, SHOP)?;
            site.put("item", "b=0of2", &["1,a"]).await?.commit().await?;
        }
        let hint = root.path().join("sites/fails/latest.json");
        std::os::unix::net::UnixListener::bind(hint)?;

        let report = test.hub.full_status(test.request.now).await?;
        let heads = report.sites.iter().map(|of| (of.site.as_str(), of.behind));
        assert_eq!(
            heads.collect::<Vec<_>>(),
            [("fails", None), ("here", Some(1))]
        );
        let problem = report.sites[0].log_error.clone().map(String::from);
        insta::assert_snapshot!(problem.unwrap_or_default(), @"site fails: the store refuses read of sites/fails/latest.json: a socket lies there and no file; remove it");
        assert_eq!(report.store_error, None);
        assert!(report.needs_a_look() && !report.is_retryable());
        Ok(())
    }

    #[tokio::test]
    async fn a_store_that_does_not_answer_leaves_it_unknown() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        site.put("item", "b=0of2", &["1,a"]).await?.commit().await?;
        TestSite::new(&test.store, "there", SHOP)?.commit().await?;
        test.load().await?;

        let failing = FailingStore::new(test.store.clone(), [Fault::StopAt(1)]);
        let hub = Hub::with(
            test.hub.config().clone(),
            Arc::new(failing),
            Arc::clone(&test.database),
        )?;
        let report = hub.full_status(test.request.now).await?;
        let known = report.sites.iter().map(|site| (site.commit, site.behind));
        assert_eq!(known.collect::<Vec<_>>(), [(Some(Seq(1)), None); 2]);
        assert!(report.store_error.is_some() && report.is_retryable());
        Ok(())
    }

    #[tokio::test]
    async fn another_store_is_named_and_its_sites_are_not() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        site.put("item", "b=0of2", &["1,a"]).await?.commit().await?;
        test.load_one().await?;
        let store: Store = Arc::new(MemoryStore::new());
        TestSite::new(&store, "there", SHOP)?.commit().await?;

        let mistaken = test.with_store(store)?;
        let report = mistaken.hub.full_status(test.request.now).await?;
        let problem = report.store_error.clone().map(String::from);
        let problem = problem.unwrap_or_default();
        let says = "configuration, store.url: the store has there and none of the sites that";
        assert!(problem.starts_with(says), "{problem}");
        let sites = report.sites.iter();
        let sites: Vec<_> = sites.map(|of| (of.site.as_str(), of.behind)).collect();
        assert_eq!(sites, [("here", None)]);
        assert!(report.needs_a_look() && !report.is_retryable());
        Ok(())
    }

    #[tokio::test]
    async fn a_store_that_lacks_what_was_loaded_is_not_caught_up_with() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let mut site = TestSite::new(&test.store, "here", SHOP)?;
        site.put("item", "b=0of2", &["1,a"]).await?.commit().await?;
        test.load_one().await?;

        let unmounted = test.with_store(Arc::new(MemoryStore::new()))?;
        let report = unmounted.hub.full_status(test.request.now).await?;
        assert_eq!(report.sites[0].behind, None);
        let problem = report.sites[0].log_error.clone().map(String::from);
        insta::assert_snapshot!(problem.unwrap_or_default(), @"site here: the database stands at commit 1, which the log does not hold; if `[store] url` names another store, write the right one; if its disk is not mounted, mount it; if it was emptied, run `causeway-agent verify --repair` at the site. Only if the store was replaced on purpose, run `causeway-hub flush`, take the site's schema (SQLite: its file) away and load again: the database holds the last good data");
        assert!(report.needs_a_look() && !report.is_retryable());
        Ok(())
    }
}

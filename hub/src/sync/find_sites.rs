//! Which sites a pass goes over: those that the database knows, and those that the store has besides.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use causeway_shared::commit::AgentLog;
use causeway_shared::ids::SiteName;
use causeway_shared::log::SiteLog;
use causeway_shared::store::Store;

use super::discover::{discover_carried, refuse_another_log};
use super::hub::Hub;
use crate::db::SiteState;
use crate::error::{HubError, SiteError};

/// Most sites that a message names.
const NAMED_SITES: usize = 5;

impl Hub {
    /// Notes a site that is said to have committed, so that the next load reads its log although
    /// the database does not know the site yet.
    pub(crate) fn expect_site(&self, site: SiteName) {
        self.inner.failed_sites.forget(&site);
        self.inner.watchlist.add([site]);
    }

    /// How all sites stand, or one of them: those that the database knows, and those that the store
    /// has besides, for which it looks from time to time.
    pub(crate) async fn states(&self, only: Option<&SiteName>) -> Result<Vec<SiteState>, HubError> {
        let watchlist = &self.inner.watchlist;
        // Without the database nothing that the store says is of use, so the store is not asked then.
        let mut states = self.inner.database.sites().await?;
        let known: BTreeSet<SiteName> = states.iter().map(|state| state.site.clone()).collect();
        let unknown_asked = only.is_some_and(|site| !known.contains(site));
        let looks = watchlist.look_is_thorough(None) || known.is_empty() || unknown_asked;
        let found = match looks {
            true => Some(discover_carried(&self.inner.store).await),
            false => None,
        };
        match found {
            Some(Ok(found)) => {
                // Until it is mended each look is a thorough one: no site is loaded in between.
                self.refuse_another_store(&loaded_of(&states), &found)
                    .inspect_err(|_| watchlist.look_closely_next(None))?;
                watchlist.add(found);
                self.look_at_pins().await?;
            }
            // The load of each known site will report that the store cannot be reached.
            Some(Err(error)) if !known.is_empty() && !unknown_asked => {
                watchlist.look_closely_next(None);
                let failures = &self.inner.failures;
                failures.log(None, "cannot look for new sites", error);
            }
            Some(Err(error)) => return Err(error.into()),
            None => {}
        }
        let besides = watchlist.besides(&known).into_iter();
        states.extend(besides.map(SiteState::unknown));
        states.sort_by(|a, b| a.site.cmp(&b.site));
        if let Some(site) = only {
            states.retain(|state| state.site == *site);
            if states.is_empty() {
                return Err(HubError::UnknownSite { site: site.clone() });
            }
        }
        Ok(states)
    }

    /// Refuses another store than the one that the database was loaded from, after a look at both.
    ///
    /// # Errors
    /// [`HubError::Configuration`], or a failure of store or database.
    pub(crate) async fn look_for_another_store(&self) -> Result<(), HubError> {
        let states = self.inner.database.sites().await?;
        let found = discover_carried(&self.inner.store).await?;
        self.refuse_another_store(&loaded_of(&states), &found)
    }

    /// Refuses logs that lack the commits at which the database stands with a site, or hold others in their place.
    /// What else may be wrong with them is not looked for.
    ///
    /// # Errors
    /// [`SiteError::AnotherLog`]
    pub(crate) async fn refuse_other_logs(&self, state: &SiteState) -> Result<(), SiteError> {
        let another = |looked| match looked {
            Err(error @ SiteError::AnotherLog { .. }) => Err(error),
            _ => Ok(()),
        };
        if let Some(head) = &state.head {
            let log = SiteLog::<AgentLog>::new(Store::clone(self.store()), state.site.clone());
            another(refuse_another_log(&log, head).await)?;
        }
        match &state.edits_head {
            Some(head) => another(refuse_another_log(&self.edits_log(&state.site), head).await),
            None => Ok(()),
        }
    }

    /// Whether the store was another one when it was last looked at.
    pub(crate) fn is_over_another_store(&self) -> bool {
        self.inner.over_another_store.load(Ordering::Relaxed)
    }

    /// Refuses a store that has sites, but none of those that the database holds: its rows would come to lie
    /// beside another store's.
    pub(super) fn refuse_another_store(
        &self,
        loaded: &BTreeSet<SiteName>,
        found: &BTreeSet<SiteName>,
    ) -> Result<(), HubError> {
        let is_another = !loaded.is_empty() && !found.is_empty() && loaded.is_disjoint(found);
        let inner = &self.inner;
        inner
            .over_another_store
            .store(is_another, Ordering::Relaxed);
        if !is_another {
            return Ok(());
        }
        let named = |sites: &BTreeSet<SiteName>| {
            let few = sites.iter().take(NAMED_SITES).map(SiteName::as_str);
            let more = if sites.len() > NAMED_SITES {
                ", …"
            } else {
                ""
            };
            few.collect::<Vec<_>>().join(", ") + more
        };
        Err(HubError::Configuration {
            key: "store.url",
            problem: format!(
                "the store has {} and none of the sites that {} holds ({}), as if it were another one: name the \
                 store that the database was loaded from, or another [database] url; where those sites are gone \
                 for good, make the database anew (drop it, `init`, `load`)",
                named(found),
                self.database().describe(),
                named(loaded)
            ),
        })
    }
}

/// The sites that a database has rows of.
fn loaded_of(states: &[SiteState]) -> BTreeSet<SiteName> {
    let loaded = states.iter().filter(|state| state.head.is_some());
    loaded.map(|state| state.site.clone()).collect()
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs), and
// these tests are about what is done with its answers.
#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use causeway_shared::ids::Seq;
    use causeway_shared::layout::{LogKey, WhichLog};
    use causeway_shared::store::memory::MemoryStore;

    use crate::testing::{Outcome, SHOP, TestHub, TestSite};

    /// A hub that has loaded its one site, `here`.
    async fn loaded(folder: &Path) -> Outcome<(TestHub, TestSite)> {
        let test = TestHub::in_folder(folder).await?;
        let site = TestSite::with_an_apple(&test.store).await?;
        test.load_one().await?;
        Ok((test, site))
    }

    #[tokio::test]
    async fn another_store_is_refused_before_its_sites_are_loaded() -> Outcome {
        let (folder, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let (test, _) = loaded(folder.path()).await?;
        let other = TestHub::in_folder(elsewhere.path()).await?;
        let mut there = TestSite::new(&other.store, "there", SHOP)?;
        there
            .put("item", "b=0of2", &["1,b"])
            .await?
            .commit()
            .await?;

        let mistaken = test.with_store(Arc::clone(&other.store))?;
        // Also if somebody tells of the site in between.
        for _ in 0..2 {
            let refused = mistaken.load().await.unwrap_err().to_string();
            assert!(
                refused.contains("the store has there and none of the sites"),
                "{refused}"
            );
            mistaken.hub.expect_site(there.name().clone());
        }
        let now = test.request.now;
        let vacuumed = mistaken.hub.vacuum(None, now, true).await.unwrap_err();
        assert!(
            vacuumed.to_string().contains("none of the sites"),
            "{vacuumed}"
        );
        assert_eq!(test.database.sites().await?.len(), 1);
        // Sites that come to the store of those that are loaded are loaded.
        let mut besides = TestSite::new(&test.store, "besides", SHOP)?;
        besides
            .put("item", "b=0of2", &["1,c"])
            .await?
            .commit()
            .await?;
        let again = test.with_store(Arc::clone(&test.store))?;
        assert_eq!(again.load().await?.sites.len(), 2);
        Ok(())
    }

    #[tokio::test]
    async fn a_store_without_what_was_loaded_is_told_before_anything_else() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let site = TestSite::with_an_apple(&test.store).await?;
        test.load_one().await?;
        let unmounted = test.with_store(Arc::new(MemoryStore::new()))?;
        let says = |what: &str, of: &str| {
            let stands = format!(
                "{what}site here: the database stands at commit 1{of}, which the log does not hold; "
            );
            stands + "if `[store] url` names another store, write the right one"
        };
        let found = unmounted.differences().await?;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with(&says("cannot be verified: ", "")),
            "{found:?}"
        );
        let now = test.request.now;
        let flushed = unmounted.hub.flush(now).await?.sites.remove(0);
        let error = flushed.error.unwrap_or_default();
        assert!(error.starts_with(&says("", " of edits")), "{error}");

        // Over its own store it looks once.
        test.hub.flush(now).await?;
        let before = test.store.requests();
        assert_eq!(test.hub.flush(now).await?.sites[0].error, None);
        assert_eq!(test.store.requests().since(&before).total(), 1);
        assert_eq!(test.hub.flush_site(site.name(), now).await?.edits, 0);
        Ok(())
    }

    #[tokio::test]
    async fn stray_edits_do_not_make_another_store_the_right_one() -> Outcome {
        let (folder, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let (test, site) = loaded(folder.path()).await?;
        let other = TestHub::in_folder(elsewhere.path()).await?;
        TestSite::new(&other.store, "there", SHOP)?.commit().await?;
        let stray = LogKey::Commit(Seq(2)).of(WhichLog::Edits, site.name());
        other.store.put(&stray, b"{}".to_vec().into()).await?;

        let mistaken = test.with_store(Arc::clone(&other.store))?;
        let refused = mistaken.load().await.unwrap_err().to_string();
        assert!(refused.contains("none of the sites"), "{refused}");
        Ok(())
    }

    #[tokio::test]
    async fn the_store_is_not_asked_while_the_database_is_away() -> Outcome {
        let folder = tempfile::tempdir()?;
        let (test, _) = loaded(folder.path()).await?;
        let another = test.another()?;
        std::fs::write(folder.path().join("causeway.db"), "no database")?;
        let before = test.store.requests();
        for _ in 0..2 {
            assert!(another.load().await.is_err());
        }
        assert_eq!(test.store.requests().since(&before).total(), 0);
        Ok(())
    }
}

//! A site taken out of the database, where it came by mistake or is gone for good.

use std::collections::BTreeSet;

use causeway_shared::ids::SiteName;

use super::discover::{discover, discover_carried};
use super::hub::Hub;
use crate::error::HubError;

impl Hub {
    /// Takes a site out of the database that the store does not have. What was flushed of it stays in the store that
    /// it came from; what was not keeps it here.
    ///
    /// # Errors
    /// [`HubError::UnknownSite`], [`HubError::PastDatabase`], [`HubError::NotForgotten`], or a failure of database or
    /// store.
    pub(crate) async fn forget(&self, site: &SiteName) -> Result<(), HubError> {
        self.refuse_past().await?;
        let states = self.database().sites().await?;
        let (of_site, others): (Vec<_>, Vec<_>) =
            states.iter().partition(|state| state.site == *site);
        let [state] = of_site.as_slice() else {
            return Err(HubError::UnknownSite { site: site.clone() });
        };
        let refuse = |why: String| {
            let site = site.clone();
            Err(HubError::NotForgotten { site, why })
        };
        let store = self.store().describe();
        if discover(self.store()).await?.contains(site) {
            return refuse(format!(
                "{store} has it, and the next load would bring it again: if that is another store than this \
                 database's, name the right one as `[store] url`"
            ));
        }
        // A store that is another one, is not mounted or was emptied lacks the others, too.
        let carried = discover_carried(self.store()).await?;
        let mut loaded = others.iter().filter(|state| state.head.is_some());
        if !loaded.any(|state| carried.contains(&state.site)) {
            return refuse(format!(
                "{store} has none of the other sites that the database holds, as if it were another one, not \
                 mounted or emptied: name the right one as `[store] url`; where the sites are gone for good, make \
                 the database anew (drop it, `init`, `load`)"
            ));
        }
        let waits = "changes of it wait that no store has: `causeway-hub flush` takes them to the store that the site \
            came from, with that one as `[store] url`";
        if state.edits_waiting > 0 {
            return refuse(waits.to_owned());
        }
        self.database()
            .retain_partials(site, &BTreeSet::new())
            .await?;
        if !self.database().forget(site).await? {
            return refuse(waits.to_owned());
        }
        self.inner.watchlist.remove(site);
        self.inner.failed_sites.forget(site);
        Ok(())
    }
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs), and these tests are about
// what is done with its answers.
#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causeway_shared::ids::SiteName;
    use causeway_shared::store::memory::MemoryStore;

    use crate::testing::{Outcome, SHOP, TestHub, TestSite};

    /// Why a site stays, which has to do so.
    async fn refusal(test: &TestHub, site: &SiteName) -> Outcome<String> {
        let before = test.database.sites().await?;
        let refused = test.hub.forget(site).await.err().ok_or("it is gone")?;
        assert_eq!(test.database.sites().await?, before);
        Ok(refused.to_string())
    }

    #[tokio::test]
    async fn a_site_stays_that_a_store_may_have_or_lack() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        TestSite::with_an_apple(&test.store).await?;
        let mut there = TestSite::new(&test.store, "there", SHOP)?;
        there
            .put("item", "b=0of2", &["1,a"])
            .await?
            .commit()
            .await?;
        test.load().await?;

        insta::assert_snapshot!(refusal(&test, there.name()).await?, @"site there stays in the database: memory: has it, and the next load would bring it again: if that is another store than this database's, name the right one as `[store] url`");
        let unmounted = test.with_store(Arc::new(MemoryStore::new()))?;
        insta::assert_snapshot!(refusal(&unmounted, there.name()).await?, @"site there stays in the database: memory: has none of the other sites that the database holds, as if it were another one, not mounted or emptied: name the right one as `[store] url`; where the sites are gone for good, make the database anew (drop it, `init`, `load`)");
        test.change(&there, "UPDATE item SET name = 'b' WHERE id = 1")
            .await?;
        let right = test.without(&there).await?;
        insta::assert_snapshot!(refusal(&right, there.name()).await?, @"site there stays in the database: changes of it wait that no store has: `causeway-hub flush` takes them to the store that the site came from, with that one as `[store] url`");
        let nowhere = SiteName::new("nowhere")?;
        insta::assert_snapshot!(refusal(&right, &nowhere).await?, @"no site nowhere is known; `causeway-hub status` lists them");
        Ok(())
    }
}

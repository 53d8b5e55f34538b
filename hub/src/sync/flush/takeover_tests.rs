//! Another database takes over while a flush is in hand, which was killed at each of its requests. On SQLite alone: a flush asks the store the same whatever the database is.

use std::sync::Arc;

use causeway_shared::store::Store;
use causeway_shared::store::failing::{FailingStore, Fault};
use causeway_shared::store::memory::MemoryStore;

use crate::testing::{Outcome, SHOP, TestHub, TestSite};

/// A store with a site, and two databases of it; the first one owns the edits and has one to flush.
struct Two {
    store: Store,
    site: TestSite,
    first: TestHub,
    second: TestHub,
    _folders: [tempfile::TempDir; 2],
}

impl Two {
    async fn open() -> Outcome<Self> {
        let store: Store = Arc::new(MemoryStore::new());
        let mut site = TestSite::new(&store, "here", SHOP)?;
        let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
        site.put("sale", "dt=2025-11-28", &sales).await?;
        site.commit().await?;
        let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
        let first = TestHub::in_folder(folders[0].path()).await?;
        let first = first.with_store(Arc::clone(&store))?;
        first.load_one().await?;
        let second = first.in_another_folder(folders[1].path()).await?;
        second.load_one().await?;
        first.sell(&site, "2025-11-28", "c").await?;
        first
            .change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
            .await?;
        Ok(Self {
            store,
            site,
            first,
            second,
            _folders: folders,
        })
    }

    /// The second one becomes the owner and changes a row.
    async fn take_over(&self) -> Outcome {
        let second = &self.second;
        second.hub.take_over(None, second.request.now).await?;
        second.load_one().await?;
        second
            .change(&self.site, "UPDATE sale SET state = 'open' WHERE id = 2")
            .await?;
        second.sell(&self.site, "2025-11-28", "d").await?;
        second.flush(&self.site).await?;
        Ok(())
    }

    /// The first one takes over again, and both have every change, once.
    async fn ends_well(&self, step: u64) -> Outcome {
        let refused = self
            .first
            .change(&self.site, "UPDATE sale SET state = 'x' WHERE id = 2")
            .await;
        assert!(
            refused.is_err(),
            "step {step}: the replaced one takes changes"
        );
        let first = &self.first;
        first.hub.take_over(None, first.request.now).await?;
        first.load_one().await?;
        first.flush(&self.site).await?;
        first.load_one().await?;
        let rows = first.rows(&self.site, "sale").await?;
        let slots: Vec<&str> = rows
            .iter()
            .filter_map(|row| row.split(',').nth(2))
            .collect();
        assert_eq!(slots.len(), 4, "step {step}: {rows:?}");
        for slot in ["a", "b", "c", "d"] {
            assert!(slots.contains(&slot), "step {step}: {rows:?}");
        }
        assert!(
            rows[0].ends_with(",void") && rows[1].ends_with(",open"),
            "step {step}: {rows:?}"
        );
        let status = first.hub.status(first.request.now).await?.sites.remove(0);
        assert_eq!(
            (status.read_only, status.edits_waiting),
            (false, 0),
            "step {step}"
        );
        self.second.load_one().await?;
        assert_eq!(
            self.second.rows(&self.site, "sale").await?,
            rows,
            "step {step}"
        );
        for hub in [first, &self.second] {
            assert_eq!(hub.verify(false).await?.differences, [], "step {step}");
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_flush_killed_at_each_request_and_then_a_take_over_lose_and_double_nothing() -> Outcome {
    for fault in [Fault::StopAt, Fault::StopAfter] {
        for step in 1.. {
            let two = Two::open().await?;
            let failing = FailingStore::new(Arc::clone(&two.store), [fault(step)]);
            let killed = two.first.with_store(Arc::new(failing))?;
            let is_done = killed.flush(&two.site).await.is_ok();
            two.take_over().await?;
            two.first.load_one().await?;
            two.ends_well(step).await?;
            if is_done {
                assert!(step > 3, "a flush asks more than this");
                break;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_flush_after_a_take_over_is_fenced_and_keeps_its_changes() -> Outcome {
    let two = Two::open().await?;
    two.take_over().await?;
    let flushed = two.first.flush(&two.site).await?;
    assert_eq!((flushed.owner, flushed.edits), (false, 0));
    let status = two.first.hub.status(two.first.request.now).await?;
    let status = &status.sites[0];
    assert_eq!((status.read_only, status.edits_waiting), (true, 2));
    two.first.load_one().await?;
    two.ends_well(0).await
}

#[tokio::test]
async fn changes_of_a_database_that_was_replaced_are_not_shown() -> Outcome {
    let two = Two::open().await?;
    let (first, second) = (&two.first, &two.second);
    // Nobody else knows of this date.
    first.sell(&two.site, "2025-11-27", "e").await?;
    second.hub.take_over(None, second.request.now).await?;
    first.flush(&two.site).await?;
    first.load_one().await?;
    let shown = first.rows(&two.site, "sale").await?;
    assert_eq!(shown, second.rows(&two.site, "sale").await?);
    Ok(())
}

//! Loads beside readers, other loads, other sites and other programs.

use std::time::Duration;

use causeway_shared::dataset::TableId;
use causeway_shared::ids::Part;

use super::unchanged;
use crate::db::SiteChange;
use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

/// Readers neither wait for a load nor see half of one.
pub async fn readers_see_the_state_before_until_the_commit(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let site = TestSite::with_an_apple(&test.store).await?;
    test.load_one().await?;
    let item = &site.dataset().tables[TableId(0)];
    let before = database.0.stored(site.name()).await?;

    let mut load = database.0.begin_load(site.name()).await?;
    load.begin(&[item]).await?;
    load.delete_parts(item, &[Part::Bucket(0, 2)]).await?;
    assert_eq!(test.rows(&site, "item").await?, ["b=0of2 1,apple"]);
    assert_eq!(database.0.stored(site.name()).await?, before);
    let evicted: Vec<_> = before.loaded.keys().cloned().collect();
    let change = SiteChange {
        evicted: &evicted,
        ..unchanged(&before, site.dataset())?
    };
    load.commit(&change).await?;
    assert_eq!(database.0.part_counts(site.name(), item).await?, []);
    Ok(())
}

/// Two hubs load one site at once: one does the work, the other finds it done.
pub async fn a_second_load_waits_and_has_nothing_left_to_do(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let site = TestSite::with_an_apple(&test.store).await?;
    let others = [test.another()?, test.another()?, test.another()?];

    let held = database.0.begin_load(site.name()).await?;
    let loads = async {
        tokio::join!(
            others[0].load_one(),
            others[1].load_one(),
            others[2].load_one()
        )
    };
    let release = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(database.0.stored(site.name()).await?.loaded.len(), 0);
        drop(held);
        Outcome::Ok(())
    };
    let ((first, second, third), released) = tokio::join!(loads, release);
    released?;
    let mut inserted = [first?, second?, third?].map(|loaded| loaded.rows.inserted);
    inserted.sort_unstable();
    assert_eq!(inserted, [0, 0, 1]);
    assert_eq!(database.0.sites().await?[0].revision, 1);
    Ok(())
}

/// One site's load does not touch another's rows, nor wait for its load.
pub async fn sites_keep_apart(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut here = TestSite::new(&test.store, "here", SHOP)?;
    let mut there = TestSite::new(&test.store, "over-there", SHOP)?;
    here.put("item", "b=0of2", &["1,apple"])
        .await?
        .commit()
        .await?;
    there
        .put("item", "b=0of2", &["1,pear"])
        .await?
        .commit()
        .await?;
    test.load().await?;
    let held = database.0.begin_load(there.name()).await?;
    here.put("item", "b=0of2", &["1,plum"])
        .await?
        .commit()
        .await?;
    let mut only_here = test.another()?;
    only_here.request.site = Some(here.name().clone());
    only_here.load_one().await?;
    drop(held);
    assert_eq!(test.rows(&here, "item").await?, ["b=0of2 1,plum"]);
    assert_eq!(test.rows(&there, "item").await?, ["b=0of2 1,pear"]);
    Ok(())
}

/// Rows that got past loader and triggers: `verify` finds them, a load does not overwrite them, and a
/// repair takes them out.
pub async fn rows_that_nobody_journaled_are_found(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::with_an_apple(&test.store).await?;
    test.load_one().await?;
    let item = &site.dataset().tables[TableId(0)];
    let stored = database.0.stored(site.name()).await?;
    let mut load = database.0.begin_load(site.name()).await?;
    let mut rows = load.stage(item).await?;
    // One without a part, one of a part that is not loaded, one in the midst of a loaded part.
    rows.write("2,a,,f\n3,b,b=1of2,f\n4,c,b=0of2,f\n".into())
        .await?;
    rows.finish().await?;
    load.begin(&[item]).await?;
    load.insert_staged(item).await?;
    load.commit(&unchanged(&stored, site.dataset())?).await?;

    let found = test.verify(false).await?;
    let whats: Vec<&str> = found
        .differences
        .iter()
        .map(|found| found.what.as_str())
        .collect();
    assert_eq!(
        whats,
        [
            "row 4 is in the database and not in the store",
            "1 row belongs to no partition",
            "1 row belongs to b=1of2, which is not loaded",
        ]
    );

    site.put("item", "b=1of2", &["2,pear"])
        .await?
        .commit()
        .await?;
    let refused = test.load().await?.sites.remove(0).error.unwrap_or_default();
    assert!(
        refused.contains("`verify --repair` takes them out"),
        "{refused}"
    );
    test.verify(true).await?;
    assert_eq!(test.verify(false).await?.differences, []);
    assert_eq!(
        test.rows(&site, "item").await?,
        ["b=0of2 1,apple", "b=1of2 2,pear"]
    );
    Ok(())
}

//! Sites that are taken out.

use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

/// A site that the store does not have goes from the database as if it had never been there, beside one that
/// stays. Where changes of it wait, it stays too.
pub async fn a_site_of_another_store_is_taken_out(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let here = TestSite::with_an_apple(&test.store).await?;
    let mut there = TestSite::new(&test.store, "over-there", SHOP)?;
    there.put("item", "b=0of2", &["1,pear"]).await?;
    there
        .put("sale", "dt=2025-11-28", &["1,2025-11-28,a,paid"])
        .await?;
    there.commit().await?;
    test.load().await?;
    let before = database.0.stored(here.name()).await?;
    test.change(&there, "UPDATE item SET name = 'plum' WHERE id = 1")
        .await?;
    assert!(!database.0.forget(there.name()).await?, "a change waits");
    assert_eq!(test.rows(&there, "item").await?, ["b=0of2 1,plum"]);
    test.flush(&there).await?;

    let right = test.without(&there).await?;
    right.hub.forget(there.name()).await?;
    assert_eq!(right.hub.load(&test.request).await?.sites.len(), 1);
    let sites = database.0.sites().await?;
    assert_eq!(
        sites.iter().map(|of| &of.site).collect::<Vec<_>>(),
        [here.name()]
    );
    assert_eq!(database.0.stored(here.name()).await?, before);

    // It is another one, of the same name.
    let mut there = TestSite::new(&right.store, "over-there", SHOP)?;
    there
        .put("item", "b=0of2", &["2,fig"])
        .await?
        .commit()
        .await?;
    right.another()?.load().await?;
    assert_eq!(right.rows(&there, "item").await?, ["b=0of2 2,fig"]);
    assert_eq!(right.rows(&there, "sale").await?, [] as [&str; 0]);
    right
        .change(&there, "UPDATE item SET name = 'date' WHERE id = 2")
        .await?;
    assert_eq!(right.flush(&there).await?.edits, 1);
    Ok(())
}

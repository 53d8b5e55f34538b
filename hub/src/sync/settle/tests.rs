//! A site whose own numbers have reached those that databases give. On SQLite alone: what is settled is
//! the same on both.

use crate::testing::{Outcome, SHOP, TestHub, TestSite};

/// Its first sale of the cloud's has the number 1 000 000 000, and is in the store.
async fn sold(folder: &std::path::Path, day: &str) -> Outcome<(TestHub, TestSite)> {
    let test = TestHub::in_folder(folder).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("sale", "dt=2025-11-28", &["1,2025-11-28,a,paid"])
        .await?
        .commit()
        .await?;
    test.load_one().await?;
    assert_eq!(test.sell(&site, day, "b").await?, 1_000_000_000);
    Ok((test, site))
}

/// The site's row is a conflict of the cloud's, and everything goes on.
async fn goes_on(test: &TestHub, site: &TestSite, expected: &[&str]) -> Outcome {
    assert_eq!(test.rows(site, "sale").await?, expected);
    assert_eq!(test.verify(false).await?.differences, []);
    let status = test.hub.status(test.request.now).await?.sites.remove(0);
    assert!(status.conflicts > 0, "{status:?}");
    assert_eq!(test.load_one().await?.conflicts, 0);
    test.sell(site, "2025-11-29", "z").await?;
    assert_eq!(test.flush(site).await?.edits, 1);
    let another = tempfile::tempdir()?;
    let another = test.in_another_folder(another.path()).await?;
    assert_eq!(another.load_one().await?.conflicts, 0, "they are known");
    assert_eq!(another.verify(false).await?.differences, []);
    Ok(())
}

#[tokio::test]
async fn on_another_date() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (test, mut site) = sold(folder.path(), "2025-11-28").await?;
    test.flush(&site).await?;
    let theirs = [
        "1000000000,2025-11-29,c,paid",
        "1000000001,2025-11-29,d,paid",
    ];
    site.put("sale", "dt=2025-11-29", &theirs).await?;
    site.commit().await?;
    assert_eq!(test.load_one().await?.conflicts, 1);
    let expected = [
        "dt=2025-11-28 1,2025-11-28,a,paid",
        "dt=2025-11-28 1000000000,2025-11-28,b,",
        "dt=2025-11-29 1000000001,2025-11-29,d,paid",
    ];
    assert_eq!(test.rows(&site, "sale").await?, expected);
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

#[tokio::test]
async fn on_the_same_date() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (test, mut site) = sold(folder.path(), "2025-11-28").await?;
    test.flush(&site).await?;
    let theirs = ["1,2025-11-28,a,paid", "1000000000,2025-11-28,c,paid"];
    site.put("sale", "dt=2025-11-28", &theirs).await?;
    site.commit().await?;
    test.load_one().await?;
    let expected = [
        "dt=2025-11-28 1,2025-11-28,a,paid",
        "dt=2025-11-28 1000000000,2025-11-28,b,",
    ];
    goes_on(&test, &site, &expected).await
}

#[tokio::test]
async fn on_a_date_that_is_not_loaded() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (test, mut site) = sold(folder.path(), "2025-12-24").await?;
    let theirs = ["1000000000,2025-12-24,c,paid"];
    site.put("sale", "dt=2025-12-24", &theirs).await?;
    site.commit().await?;
    test.load_one().await?;
    let expected = [
        "dt=2025-11-28 1,2025-11-28,a,paid",
        "dt=2025-12-24 1000000000,2025-12-24,b,",
    ];
    goes_on(&test, &site, &expected).await
}

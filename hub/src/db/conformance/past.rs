//! A past state, loaded into a database of its own.

use causeway_shared::ids::Seq;
use jiff::civil::date;

use crate::sync::{AsOf, DateRange};
use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

/// A hub, and a site with two commits and a change in the cloud after each; its days are those of the
/// commits.
async fn shop(folder: &std::path::Path) -> Outcome<(TestHub, TestSite)> {
    let mut test = TestHub::in_folder(folder).await?;
    test.request.now = "2025-11-25T05:00:00Z".parse()?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("item", "b=0of2", &["1,apple", "2,pear"]).await?;
    let sales = ["1,2025-11-24,a,paid", "2,2025-11-24,b,paid"];
    site.put("sale", "dt=2025-11-24", &sales).await?;
    site.put("sale", "dt=2025-12-24", &["3,2025-12-24,a,open"])
        .await?;
    site.commit().await?;
    test.load_one().await?;
    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
        .await?;
    test.flush(&site).await?;
    let sales = ["1,2025-11-24,z,paid", "2,2025-11-24,b,paid"];
    site.put("sale", "dt=2025-11-24", &sales).await?;
    site.remove("sale", "dt=2025-12-24")?;
    site.commit().await?;
    test.load_one().await?;
    test.change(&site, "DELETE FROM item WHERE id = 2").await?;
    test.flush(&site).await?;
    Ok((test, site))
}

async fn refused<T: std::fmt::Debug>(
    refused: impl Future<Output = Result<T, crate::error::HubError>>,
) -> String {
    match refused.await {
        Ok(taken) => format!("it was taken: {taken:?}"),
        Err(error) => error.to_string(),
    }
}

/// The rows of a commit and the changes of then; it takes no writes, does not move on, and the hub's own
/// database is not touched.
pub async fn a_past_state_is_loaded_beside(database: &HubDatabase) -> Outcome {
    let folder = tempfile::tempdir()?;
    let (test, site) = shop(folder.path()).await?;
    let own = test.database.sites().await?;
    let first = AsOf::Commit(Seq(1));
    let report = test.hub.load_past(first, database.0.clone(), &test.request);
    let report = report.await?.sites.remove(0);
    assert_eq!((report.error, report.commit), (None, Some(Seq(1))));

    let past = test.with_database(database).await?;
    let items = ["b=0of2 1,apple", "b=0of2 2,pear"];
    let sales = [
        "dt=2025-11-24 1,2025-11-24,a,void",
        "dt=2025-11-24 2,2025-11-24,b,paid",
    ];
    assert_eq!(past.rows(&site, "item").await?, items);
    assert_eq!(past.rows(&site, "sale").await?, sales);
    assert_eq!(past.verify(false).await?.differences, []);
    let status = past.hub.status(past.request.now).await?;
    assert!(status.past && status.sites[0].read_only);
    assert_eq!(status.sites[0].commit, Some(Seq(1)));
    let written = past.change(&site, "UPDATE sale SET state = 'x' WHERE id = 1");
    let written = written.await.err().ok_or("it was taken")?.to_string();
    assert!(written.contains("holds a past state"), "{written}");

    // It stays what it is, whatever is done with it.
    past.load_one().await?;
    past.flush(&site).await?;
    let taken = refused(past.hub.take_over(None, past.request.now)).await;
    assert!(taken.contains("past state"), "{taken}");
    let day = DateRange::day(date(2025, 12, 24));
    past.hub.bring(site.name(), day, past.request.now).await?;
    assert_eq!(past.rows(&site, "sale").await?.len(), 3);
    assert_eq!(past.rows(&site, "item").await?, items);
    assert_eq!(past.rows(&site, "sale").await?[..2], sales);

    // The same once more adds dates, and another commit needs another database.
    let again = test.hub.load_past(first, database.0.clone(), &test.request);
    assert_eq!(again.await?.sites[0].error, None);
    let second = AsOf::Commit(Seq(2));
    let other = test
        .hub
        .load_past(second, database.0.clone(), &test.request);
    let other = other.await?.sites.remove(0).error.unwrap_or_default();
    assert!(other.contains("holds commit 1"), "{other}");
    assert_eq!(past.rows(&site, "item").await?, items);
    assert_eq!(test.database.sites().await?, own);
    Ok(())
}

/// The newest commit of a time, with what was changed in the cloud until then.
pub async fn a_past_state_is_that_of_a_time(database: &HubDatabase) -> Outcome {
    let folder = tempfile::tempdir()?;
    let (test, site) = shop(folder.path()).await?;
    let between = AsOf::Time("2025-11-24T16:00:01.500Z".parse()?);
    let report = test
        .hub
        .load_past(between, database.0.clone(), &test.request);
    assert_eq!(report.await?.sites[0].commit, Some(Seq(1)));
    let past = test.with_database(database).await?;
    assert_eq!(
        past.rows(&site, "sale").await?[0],
        "dt=2025-11-24 1,2025-11-24,a,paid",
        "it was changed in the cloud later"
    );

    let folder = tempfile::tempdir()?;
    let empty = test.in_another_folder(folder.path()).await?;
    let before = AsOf::Time("2025-11-24T16:00:00Z".parse()?);
    let early = test.hub.load_past(before, empty.database, &test.request);
    let early = refused(early).await;
    assert!(
        early.contains("the first commit is of 2025-11-24T16:00:01Z"),
        "{early}"
    );
    Ok(())
}

/// What is no place or no state for it is refused by name.
pub async fn a_past_state_needs_a_database_of_its_own(database: &HubDatabase) -> Outcome {
    let folder = tempfile::tempdir()?;
    let (test, site) = shop(folder.path()).await?;
    let first = AsOf::Commit(Seq(1));
    let own = refused(
        test.hub
            .load_past(first, test.database.clone(), &test.request),
    )
    .await;
    assert!(own.contains("own database"), "{own}");
    let other = test.with_database(database).await?;
    other.load_one().await?;
    let present = test.hub.load_past(first, database.0.clone(), &test.request);
    let present = refused(present).await;
    assert!(present.contains("as they are now"), "{present}");

    let folder = tempfile::tempdir()?;
    let empty = test.in_another_folder(folder.path()).await?;
    let of = async |as_of| {
        let report = test
            .hub
            .load_past(as_of, empty.database.clone(), &test.request);
        Ok::<_, crate::error::HubError>(report.await?.sites.remove(0).error.unwrap_or_default())
    };
    let unknown = of(AsOf::Commit(Seq(9))).await?;
    assert!(unknown.contains("no commit 9"), "{unknown}");
    let sales = ["1,2025-11-24,a,paid", "2,2025-11-24,b,paid"];
    let key = site.key("sale", "dt=2025-11-24", &sales)?;
    test.store.delete(&key).await?;
    let vacuumed = of(first).await?;
    assert!(vacuumed.contains("`[retention] keep`"), "{vacuumed}");
    let mut more = TestSite::new(&test.store, "there", SHOP)?;
    more.put("item", "b=0of2", &["1,fig"])
        .await?
        .commit()
        .await?;
    let which = refused(
        test.hub
            .load_past(first, empty.database.clone(), &test.request),
    )
    .await;
    assert!(which.contains("--site"), "{which}");
    let ahead = AsOf::Time(test.request.now + jiff::SignedDuration::from_secs(1));
    let ahead = test.hub.load_past(ahead, empty.database, &test.request);
    let ahead = refused(ahead).await;
    assert!(ahead.contains("ahead of now"), "{ahead}");
    Ok(())
}

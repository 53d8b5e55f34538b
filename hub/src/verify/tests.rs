//! On SQLite alone: the SQL of both databases is held to one suite (`db/conformance.rs`), and these tests
//! are about what is done with its answers.

use causeway_shared::ids::{Seq, SiteName};

use crate::sync::{AsOf, LoadRequest};
use crate::testing::{Outcome, SHOP, TestHub, TestSite};

#[tokio::test]
async fn rows_missing_at_the_end_are_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    let put = site.put("item", "b=0of2", &["1,a", "2,b", "3,c"]).await?;
    put.commit().await?;
    test.load_one().await?;
    let file = rusqlite::Connection::open(folder.path().join("here.db"))?;
    file.execute_batch(
        "DROP TRIGGER \"item before delete\"; DROP TRIGGER \"item after delete\";
         DELETE FROM item WHERE id > 1",
    )?;

    let found = test.verify(false).await?.differences;
    let whats: Vec<&str> = found.iter().map(|found| found.what.as_str()).collect();
    let missing = [2, 3].map(|id| format!("row {id} is missing from the database"));
    assert_eq!(whats, missing);
    Ok(())
}

#[tokio::test]
async fn a_site_that_cannot_be_verified_does_not_stop_the_others() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    for name in ["a", "b"] {
        let mut site = TestSite::new(&test.store, name, SHOP)?;
        site.put("item", "b=0of2", &["1,a"]).await?.commit().await?;
    }
    test.load().await?;
    let file = rusqlite::Connection::open(folder.path().join("a.db"))?;
    file.execute_batch("UPDATE causeway_partition SET md5 = 'x'")?;

    let report = test.verify(false).await?;
    assert_eq!((report.partitions, report.needs_a_look()), (1, true));
    let what = &report.differences[0].what;
    assert!(what.starts_with("cannot be verified: "), "{what}");
    Ok(())
}

#[tokio::test]
async fn a_site_of_which_nothing_is_loaded_is_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    for name in ["fails", "waits"] {
        let mut site = TestSite::new(&test.store, name, SHOP)?;
        site.put("item", "b=0of2", &["1,a"]).await?.commit().await?;
        if name == "fails" {
            let key = site.key("item", "b=0of2", &["1,a"])?;
            test.store.delete(&key).await?;
            test.load().await?;
        }
    }
    TestSite::new(&test.store, "silent", SHOP)?;

    let report = test.another()?.verify(false).await?;
    assert_eq!((report.sites, report.needs_a_look()), (0, true));
    let found = report.differences.iter();
    let found = found.map(|found| format!("{}: {}\n", found.site, found.what));
    insta::assert_snapshot!(found.collect::<String>(), @r#"
    fails: nothing is loaded; the last load failed: site fails, table item, partition b=0of2: sites/fails/data/item/b=0of2/97570fe1797bcf3e469b9a17b9f0abf4.csv.zst is missing; run `causeway-agent verify --repair` at the site
    waits: nothing is loaded; `causeway-hub load` loads it
    "#);
    Ok(())
}

/// In its database a load of the present is refused.
#[tokio::test]
async fn a_past_state_names_the_load_that_it_takes() -> Outcome {
    let (folder, past) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let test = TestHub::in_folder(folder.path()).await?;
    for name in ["held", "waits"] {
        let mut site = TestSite::new(&test.store, name, SHOP)?;
        site.put("item", "b=0of2", &["1,a"]).await?.commit().await?;
    }
    let past = test.in_another_folder(past.path()).await?;
    let request = LoadRequest {
        site: SiteName::new("held").ok(),
        ..test.request.clone()
    };
    let load = test
        .hub
        .load_past(AsOf::Commit(Seq(1)), past.database.clone(), &request);
    assert_eq!(load.await?.sites[0].error, None);
    let report = past.verify(false).await?;
    let found = report.differences.iter();
    let found = found.map(|found| format!("{}: {}\n", found.site, found.what));
    insta::assert_snapshot!(found.collect::<String>(), @"waits: nothing is loaded; `causeway-hub load --as-of … --into …` loads it");
    Ok(())
}

#[tokio::test]
async fn partitions_that_a_flush_emptied_are_compared_or_said_to_wait() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    for (part, row) in [
        ("dt=2025-11-28", "1,2025-11-28,a,paid"),
        ("dt=2025-12-25", "2,2025-12-25,a,paid"),
    ] {
        site.put("sale", part, &[row]).await?;
    }
    site.commit().await?;
    test.load_one().await?;
    test.sell(&site, "2025-12-24", "b").await?;
    test.flush(&site).await?;
    let report = test.verify(false).await?;
    assert_eq!((report.partitions, report.rows), (2, 2));
    assert_eq!(report.differences, []);

    // Of a date that the site has and nobody has loaded, the tables have the new row alone.
    test.sell(&site, "2025-12-25", "b").await?;
    test.flush(&site).await?;
    let report = test.verify(false).await?;
    assert!(report.is_retryable() && !report.needs_a_look());
    let [found] = report.differences.as_slice() else {
        return Err(format!("{report:?}").into());
    };
    insta::assert_snapshot!(found.what, @"it waits for `causeway-hub load`; until then row 2 is missing from the database");
    test.load_one().await?;
    let report = test.verify(false).await?;
    assert_eq!((report.partitions, report.rows), (3, 4));
    assert_eq!(report.differences, []);
    Ok(())
}

#[tokio::test]
async fn edits_that_a_read_only_database_settled_for_itself_are_compared() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(&folder.path().join("owner")).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    let day = "dt=2025-11-28";
    site.put("sale", day, &["1,2025-11-28,a,paid"]).await?;
    site.commit().await?;
    test.load_one().await?;
    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
        .await?;
    test.flush(&site).await?;
    let other = test.in_another_folder(&folder.path().join("other")).await?;
    // The owner has not seen it yet.
    site.put("sale", day, &["1,2025-11-28,b,paid"]).await?;
    site.commit().await?;
    other.load_one().await?;
    let own = "dt=2025-11-28 1,2025-11-28,b,void";
    assert_eq!(other.rows(&site, "sale").await?, [own]);
    let report = other.verify(false).await?;
    assert_eq!((report.differences, report.rows), (Vec::new(), 1));
    // The log moves on past what it has settled.
    test.load_one().await?;
    let report = other.verify(false).await?;
    assert_eq!((report.differences, report.rows), (Vec::new(), 1));
    test.change(&site, "UPDATE sale SET slot = 'c' WHERE id = 1")
        .await?;
    test.flush(&site).await?;
    assert!(!other.verify(false).await?.needs_a_look());
    other.load_one().await?;
    assert_eq!(other.verify(false).await?.differences, []);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_repaired_is_said() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("item", "b=0of2", &["1,a"]).await?.commit().await?;
    test.load_one().await?;
    let key = site.key("item", "b=0of2", &["1,a"])?;
    test.store.delete(&key).await?;

    let report = test.verify(true).await?;
    let last = report.differences.last().ok_or("no difference")?;
    assert!(
        last.what.starts_with("not repaired: site here, table item"),
        "{last:?}"
    );
    assert_eq!(report.repaired, 0);
    Ok(())
}

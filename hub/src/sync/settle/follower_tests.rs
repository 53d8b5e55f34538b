//! Rows that lie where their parents do, when the site takes those away. On SQLite alone: what is settled
//! is the same on both.

use causeway_shared::value::Value;

use crate::testing::{Outcome, SHOP, TestHub, TestSite};

const NOTES: &str = "\n[[table]]\nname = 'note'\nkey = ['id']\n\
    partition = { via = 'sale', on = 'id' }\n\
    column = [{ name = 'id', type = 'int' }, { name = 'body', type = 'text' }]";

const DAY_28: &str = "dt=2025-11-28";
const DAY_29: &str = "dt=2025-11-29";

/// A database with two sales; the first one is alone on its date, and the cloud bears a note of it.
async fn noted(folder: &std::path::Path) -> Outcome<(TestHub, TestSite)> {
    let test = TestHub::in_folder(folder).await?;
    let mut site = TestSite::new(&test.store, "here", &format!("{SHOP}{NOTES}"))?;
    site.put("sale", DAY_28, &["1,2025-11-28,a,paid"]).await?;
    site.put("sale", DAY_29, &["2,2025-11-29,b,paid"]).await?;
    site.commit().await?;
    test.load_one().await?;
    note(&test, &site, 1).await?;
    test.flush(&site).await?;
    Ok((test, site))
}

/// Somebody writes a note of a sale.
async fn note(test: &TestHub, site: &TestSite, sale: i64) -> Outcome {
    let table = site.dataset().table("note").ok_or("no such table")?;
    let write = test
        .database
        .begin_write(site.name(), site.dataset(), "lan");
    let mut write = write.await?;
    write.insert(table, &[(0, Value::Int(sale))]).await?;
    Ok(write.commit().await?)
}

/// The first sale is on the other's date.
async fn moved(site: &mut TestSite) -> Outcome {
    let sales = ["1,2025-11-29,c,paid", "2,2025-11-29,b,paid"];
    site.put("sale", DAY_29, &sales).await?;
    site.remove("sale", DAY_28)?;
    site.commit().await
}

async fn loaded(test: &TestHub, site: &TestSite) -> Outcome<Vec<String>> {
    test.load_one().await?;
    test.rows(site, "note").await
}

#[tokio::test]
async fn a_row_follows_a_parent_that_the_site_bears_again() -> Outcome {
    let (folder, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let (test, mut site) = noted(folder.path()).await?;
    let other = test.in_another_folder(elsewhere.path()).await?;
    site.remove("sale", DAY_28)?.commit().await?;
    for test in [&test, &other] {
        assert_eq!(loaded(test, &site).await?, ["dt=2025-11-28 1,"]);
    }
    site.put("item", "b=0of2", &["1,apple"]).await?;
    site.commit().await?;
    loaded(&test, &site).await?;
    let sales = ["1,2025-11-29,c,paid", "2,2025-11-29,b,paid"];
    site.put("sale", DAY_29, &sales).await?;
    site.commit().await?;
    for test in [&other, &test, &other] {
        assert_eq!(loaded(test, &site).await?, ["dt=2025-11-29 1,"]);
    }
    assert_eq!(test.differences().await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_database_that_owns_no_edits_has_it_there_whatever_else_the_site_commits() -> Outcome {
    let (folder, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let (test, mut site) = noted(folder.path()).await?;
    let other = test.in_another_folder(elsewhere.path()).await?;
    assert_eq!(loaded(&other, &site).await?, ["dt=2025-11-28 1,"]);
    moved(&mut site).await?;
    assert_eq!(loaded(&other, &site).await?, ["dt=2025-11-29 1,"]);
    site.put("item", "b=0of2", &["1,apple"]).await?;
    site.commit().await?;
    assert_eq!(loaded(&other, &site).await?, ["dt=2025-11-29 1,"]);
    Ok(())
}

#[tokio::test]
async fn so_has_one_that_takes_over_before_it_loads() -> Outcome {
    let (folder, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let (test, mut site) = noted(folder.path()).await?;
    moved(&mut site).await?;
    let other = test.in_another_folder(elsewhere.path()).await?;
    other.take_over().await?;
    assert_eq!(loaded(&other, &site).await?, ["dt=2025-11-29 1,"]);
    Ok(())
}

/// A key that the database gives is looked for at no site: only the parent tells that the row has to go.
#[tokio::test]
async fn a_row_with_a_key_of_its_own_follows_a_parent_of_the_sites() -> Outcome {
    let (folder, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let test = TestHub::in_folder(folder.path()).await?;
    let notes = NOTES.replace("on = 'id'", "on = 'sale'");
    let notes = notes.replace(
        "'body', type = 'text'",
        "'sale', type = 'int', not_null = true",
    );
    let mut site = TestSite::new(&test.store, "here", &format!("{SHOP}{notes}"))?;
    site.put("sale", DAY_28, &["1,2025-11-28,a,paid"]).await?;
    site.put("sale", DAY_29, &["2,2025-11-29,b,paid"]).await?;
    site.commit().await?;
    test.load_one().await?;
    test.hub.ensure_keys(test.request.now).await?;
    let table = site.dataset().table("note").ok_or("no such table")?;
    let write = test
        .database
        .begin_write(site.name(), site.dataset(), "lan");
    let mut write = write.await?;
    write.insert(table, &[(1, Value::Int(1))]).await?;
    write.commit().await?;
    test.flush(&site).await?;
    let other = test.in_another_folder(elsewhere.path()).await?;
    assert!(loaded(&other, &site).await?[0].starts_with(DAY_28));
    moved(&mut site).await?;
    for test in [&other, &test, &other] {
        let rows = loaded(test, &site).await?;
        assert!(rows[0].starts_with(DAY_29), "{rows:?}");
    }

    // The parent is gone for a while.
    site.put("sale", DAY_29, &["2,2025-11-29,b,paid"]).await?;
    site.commit().await?;
    loaded(&test, &site).await?;
    site.put("item", "b=0of2", &["1,apple"]).await?;
    site.commit().await?;
    loaded(&test, &site).await?;
    site.put("sale", DAY_28, &["1,2025-11-28,a,paid"]).await?;
    site.commit().await?;
    for test in [&other, &test, &other] {
        let rows = loaded(test, &site).await?;
        assert!(rows[0].starts_with(DAY_28), "{rows:?}");
        assert_eq!(rows.len(), 1);
    }
    assert_eq!(test.differences().await?, [""; 0]);
    Ok(())
}

/// What was kept over a fence may be of a date that the parent left before the partition was settled last.
#[tokio::test]
async fn a_row_that_was_kept_over_a_fence_goes_to_its_parent() -> Outcome {
    let (folder, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let test = TestHub::in_folder(folder.path()).await?;
    let mut site = TestSite::new(&test.store, "here", &format!("{SHOP}{NOTES}"))?;
    let sales = ["1,2025-11-28,a,paid", "3,2025-11-28,c,paid"];
    site.put("sale", DAY_28, &sales).await?.commit().await?;
    test.load_one().await?;
    site.put("sale", DAY_28, &["3,2025-11-28,c,paid"]).await?;
    site.put("sale", DAY_29, &["1,2025-11-29,a,paid"]).await?;
    site.commit().await?;
    let other = test.in_another_folder(elsewhere.path()).await?;
    other.take_over().await?;
    other.load_one().await?;
    note(&other, &site, 3).await?;
    other.flush(&site).await?;
    note(&test, &site, 1).await?;
    test.load_one().await?;
    test.take_over().await?;
    let expected = ["dt=2025-11-28 3,", "dt=2025-11-29 1,"];
    assert_eq!(loaded(&test, &site).await?, expected);
    assert_eq!(test.differences().await?, [""; 0]);
    Ok(())
}

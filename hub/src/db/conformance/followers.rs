//! Edits that go where their rows go: into other buckets, and along with a parent.

use causeway_shared::value::Value;

use super::moves::NOTES;
use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

/// The number of buckets changes under an edit and a deletion.
pub async fn edits_follow_another_number_of_buckets(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("item", "b=0of2", &["1,apple", "3,plum"]).await?;
    site.put("item", "b=1of2", &["2,pear"]).await?;
    site.commit().await?;
    test.load_one().await?;
    test.change(&site, "UPDATE item SET name = 'Apple' WHERE id = 1")
        .await?;
    test.change(&site, "DELETE FROM item WHERE id = 2").await?;
    test.flush(&site).await?;
    site.declare(&SHOP.replace("buckets = 2", "buckets = 1"))?;
    site.remove("item", "b=0of2")?.remove("item", "b=1of2")?;
    site.put("item", "b=0of1", &["1,apple", "2,pear", "3,plum"])
        .await?
        .commit()
        .await?;
    assert_eq!(test.load_one().await?.conflicts, 0);
    let expected = ["b=0of1 1,Apple", "b=0of1 3,plum"];
    assert_eq!(test.rows(&site, "item").await?, expected);
    test.change(&site, "UPDATE item SET name = 'Plum' WHERE id = 3")
        .await?;
    test.flush(&site).await?;
    test.load_one().await?;
    assert_eq!(test.rows(&site, "item").await?[1], "b=0of1 3,Plum");
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

/// A row that the cloud bore beside a parent of the site's goes along when the site moves the parent.
pub async fn a_child_of_the_cloud_follows_its_parent(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", &format!("{SHOP}{NOTES}"))?;
    let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
    site.put("sale", "dt=2025-11-28", &sales).await?;
    site.commit().await?;
    test.load_one().await?;
    let mut write = test
        .database
        .begin_write(site.name(), site.dataset(), "admin/lan")
        .await?;
    let table = site.dataset().table("note").ok_or("no such table")?;
    let values = [(0, Value::Int(2)), (1, Value::Text("late".into()))];
    write.insert(table, &values).await?;
    write.commit().await?;
    test.flush(&site).await?;
    assert_eq!(test.rows(&site, "note").await?, ["dt=2025-11-28 2,late"]);

    site.put("sale", "dt=2025-11-28", &sales[..1]).await?;
    site.put("sale", "dt=2025-11-29", &["2,2025-11-29,b,paid"])
        .await?;
    site.commit().await?;
    test.load_one().await?;
    assert_eq!(test.rows(&site, "note").await?, ["dt=2025-11-29 2,late"]);
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

/// A row that the cloud keeps though the site deleted it goes along with its parent, which the site moved in
/// the same commit.
pub async fn a_child_that_is_kept_follows_its_parent(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", &format!("{SHOP}{NOTES}"))?;
    site.put("sale", "dt=2025-11-28", &["1,2025-11-28,a,paid"])
        .await?;
    site.put("note", "dt=2025-11-28", &["1,late"]).await?;
    site.commit().await?;
    test.load_one().await?;
    test.change(&site, "UPDATE note SET body = 'very late' WHERE id = 1")
        .await?;
    test.flush(&site).await?;

    site.remove("sale", "dt=2025-11-28")?
        .remove("note", "dt=2025-11-28")?;
    site.put("sale", "dt=2025-11-29", &["1,2025-11-29,a,paid"])
        .await?;
    site.commit().await?;
    assert_eq!(test.load_one().await?.conflicts, 1);
    assert_eq!(
        test.rows(&site, "note").await?,
        ["dt=2025-11-29 1,very late"]
    );
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

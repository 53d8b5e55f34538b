//! Rows that the cloud deleted in one partition and inserts again in another: they are the same rows.

use causeway_shared::value::Value;

use super::moves::NOTES;
use super::undos::{newest, take_back};
use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

const DAY_28: &str = "dt=2025-11-28";

/// A sale with a note, both of which the cloud has brought to the next day. The site wins.
async fn moved(database: &HubDatabase) -> Outcome<(TestHub, TestSite)> {
    let test = TestHub::new(database).await?;
    let shop = SHOP.replace("name = \"sale\"\n", "name = \"sale\"\nmerge = \"site\"\n");
    let notes = NOTES.replace("name = 'note'\n", "name = 'note'\nmerge = 'site'\n");
    let mut site = TestSite::new(&test.store, "here", &format!("{shop}{notes}"))?;
    site.put(
        "sale",
        DAY_28,
        &["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"],
    )
    .await?;
    site.put("note", DAY_28, &["1,good", "2,well"]).await?;
    site.commit().await?;
    test.load_one().await?;
    let away = "UPDATE sale SET day = '2025-11-29' WHERE id = 1";
    test.change(&site, away).await?;
    test.flush(&site).await?;
    Ok((test, site))
}

async fn note(test: &TestHub, site: &TestSite, body: &str) -> Outcome {
    let table = site.dataset().table("note").ok_or("no such table")?;
    let write = test
        .database
        .begin_write(site.name(), site.dataset(), "lan");
    let mut write = write.await?;
    let values = [(0, Value::Int(1)), (1, Value::Text(body.to_owned().into()))];
    write.insert(table, &values).await?;
    Ok(write.commit().await?)
}

/// The rows of a table, in this database and in one that is made anew.
async fn rows(test: &TestHub, site: &TestSite, table: &str) -> Outcome<Vec<String>> {
    test.load_one().await?;
    assert_eq!(test.verify(false).await?.differences, []);
    let rows = test.rows(site, table).await?;
    let folder = tempfile::tempdir()?;
    let other = test.in_another_folder(folder.path()).await?;
    other.load_one().await?;
    assert_eq!(other.rows(site, table).await?, rows);
    Ok(rows)
}

/// Feedback that is written anew after it was deleted, where the appointment lies by now.
pub async fn a_row_is_inserted_again_beside_its_moved_parent(database: &HubDatabase) -> Outcome {
    let (test, mut site) = moved(database).await?;
    test.change(&site, "DELETE FROM note WHERE id = 1").await?;
    test.flush(&site).await?;
    note(&test, &site, "again").await?;
    test.flush(&site).await?;
    let again = ["dt=2025-11-28 2,well", "dt=2025-11-29 1,again"];
    assert_eq!(rows(&test, &site, "note").await?, again);

    // The site's change of a row that was moved is a conflict, whatever the rule.
    site.put("note", DAY_28, &["1,better", "2,well"]).await?;
    site.commit().await?;
    assert_eq!(test.load_one().await?.conflicts, 1);
    assert_eq!(rows(&test, &site, "note").await?, again);

    // Deleted on both sides, and then there again on both.
    test.change(&site, "DELETE FROM note WHERE id = 1").await?;
    test.flush(&site).await?;
    site.put("note", DAY_28, &["2,well"])
        .await?
        .commit()
        .await?;
    assert_eq!(rows(&test, &site, "note").await?, again[..1]);
    note(&test, &site, "once more").await?;
    test.flush(&site).await?;
    site.put("note", DAY_28, &["1,back", "2,well"]).await?;
    site.commit().await?;
    let both = ["dt=2025-11-28 2,well", "dt=2025-11-29 1,once more"];
    assert_eq!(rows(&test, &site, "note").await?, both);
    Ok(())
}

/// A deletion that is taken back, of a row that the cloud had moved before.
pub async fn a_moved_row_comes_back_without_a_conflict(database: &HubDatabase) -> Outcome {
    let (test, mut site) = moved(database).await?;
    test.change(&site, "DELETE FROM note WHERE id = 1").await?;
    test.change(&site, "DELETE FROM sale WHERE id = 1").await?;
    test.flush(&site).await?;
    take_back(&test, &newest(&test, 1).await?).await?;
    let expected = [
        "dt=2025-11-28 2,2025-11-28,b,paid",
        "dt=2025-11-29 1,2025-11-29,a,paid",
    ];
    assert_eq!(test.load_one().await?.conflicts, 0);
    assert_eq!(rows(&test, &site, "sale").await?, expected);

    // The site deletes it, while the cloud has, and brings it back.
    test.change(&site, "DELETE FROM sale WHERE id = 1").await?;
    test.flush(&site).await?;
    site.put("sale", DAY_28, &["2,2025-11-28,b,paid"]).await?;
    site.put("note", DAY_28, &["2,well"])
        .await?
        .commit()
        .await?;
    assert_eq!(rows(&test, &site, "sale").await?, expected[..1]);
    take_back(&test, &newest(&test, 1).await?).await?;
    let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
    site.put("sale", DAY_28, &sales).await?.commit().await?;
    assert_eq!(rows(&test, &site, "sale").await?, expected);
    Ok(())
}

/// A key of the writer's, on a date that is not loaded, of a row that has it on another.
pub async fn a_key_of_ones_own_is_looked_for_everywhere(database: &HubDatabase) -> Outcome {
    let tags = "\n[[table]]\nname = 'tag'\nkey = ['name']\n\
        partition = { via = 'sale', on = 'sale' }\n\
        column = [{ name = 'name', type = 'text' }, { name = 'sale', type = 'int', not_null = true }]";
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", &format!("{SHOP}{tags}"))?;
    site.put("sale", DAY_28, &["1,2025-11-28,a,paid"]).await?;
    site.put("sale", "dt=2025-12-19", &["2,2025-12-19,b,paid"])
        .await?;
    site.put("tag", "dt=2025-12-19", &["red,2"]).await?;
    site.commit().await?;
    test.load_one().await?;
    let table = site.dataset().table("tag").ok_or("no such table")?;
    let write = test
        .database
        .begin_write(site.name(), site.dataset(), "lan");
    let mut write = write.await?;
    let values = [(0, Value::Text("red".into())), (1, Value::Int(1))];
    write.insert(table, &values).await?;
    write.commit().await?;
    test.flush(&site).await?;
    assert_eq!(rows(&test, &site, "tag").await?, ["dt=2025-11-28 red,1"]);
    let site_view = test.hub.sites(None).await?.remove(0);
    assert_eq!(site_view.catalog.rows("tag"), 1);
    Ok(())
}

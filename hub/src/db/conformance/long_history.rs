//! What a load of the window reads, however much history there is.

use std::sync::Arc;

use causeway_shared::store::Store;
use causeway_shared::store::failing::FailingStore;
use jiff::ToSpan as _;
use jiff::civil::date;

use crate::db::sqlite::SqliteDatabase;
use crate::sync::DateRange;
use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

/// The rows and the requests for objects of a first load into a database, where each of so many days has a row
/// that the cloud has changed.
async fn first_load(days: i64, database: &HubDatabase) -> Outcome<(u64, u64)> {
    let folder = tempfile::tempdir()?;
    let mut test = TestHub::in_folder(folder.path()).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    let last = date(2025, 11, 29);
    site.put("item", "b=0of2", &["1,apple"]).await?;
    for n in 0..days {
        let day = last.saturating_sub(n.days());
        let sale = format!("{n},{day},a,paid");
        site.put("sale", &format!("dt={day}"), &[&sale]).await?;
    }
    site.commit().await?;
    let all = DateRange::new(last.saturating_sub(days.days()), last)?;
    test.request.dates = vec![all];
    test.load_one().await?;
    test.change(&site, "UPDATE sale SET state = 'void'").await?;
    while test.flush(&site).await?.edits > 0 {}

    // Catalogs apart.
    let store = FailingStore::new(Arc::clone(&test.store), []).leave_out("/log/");
    let store = Arc::new(store);
    let counted = test.with_store(Arc::clone(&store) as Store)?;
    let fresh = counted.with_database(database).await?;
    let loaded = fresh.load_one().await?;
    assert_eq!(fresh.rows(&site, "sale").await?.len(), 3);
    Ok((loaded.rows.inserted, store.calls()))
}

/// A month, a year, and ten years, of which the last go into this database.
pub async fn a_load_of_the_window_reads_the_same_whatever_the_history_is(
    database: &HubDatabase,
) -> Outcome {
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let in_folder = |folder: &tempfile::TempDir| {
        let (folder, name) = (folder.path(), folder.path().display().to_string());
        HubDatabase(Arc::new(SqliteDatabase::open(folder, name)))
    };
    let month = first_load(31, &in_folder(&folders[0])).await?;
    assert_eq!(month.0, 4);
    let year = first_load(365, &in_folder(&folders[1])).await?;
    assert_eq!(year, month, "a year");
    let decade = first_load(3_652, database).await?;
    assert_eq!(decade, month, "ten years");
    Ok(())
}

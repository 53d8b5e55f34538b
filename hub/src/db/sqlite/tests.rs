//! The conformance suite on files, and what only files can be.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::testing::{HubDatabase, Outcome, TestHub, TestSite};

async fn empty() -> (HubDatabase, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let database = SqliteDatabase::open(&folder.path().join("hub"));
    (HubDatabase(Arc::new(database)), folder)
}

crate::database_conformance!(empty());

#[tokio::test]
async fn files_of_a_newer_version_are_refused() -> Outcome {
    let (database, folder) = empty().await;
    database.0.init().await?;
    let file = Connection::open(folder.path().join("hub/causeway.db"))?;
    file.pragma_update(None, "user_version", 99)?;
    let error = database.0.sites().await.unwrap_err().to_string();
    assert!(error.ends_with("upgrade causeway-hub"), "{error}");
    Ok(())
}

#[tokio::test]
async fn its_folder_is_nobody_elses_business() -> Outcome {
    let (database, folder) = empty().await;
    database.0.init().await?;
    let folder = std::fs::metadata(folder.path().join("hub"))?;
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    Ok(())
}

#[tokio::test]
async fn a_sites_file_that_was_taken_away_is_made_again() -> Outcome {
    let (database, folder) = empty().await;
    let test = TestHub::new(&database).await?;
    let site = TestSite::with_an_apple(&test.store).await?;
    test.load_one().await?;
    std::fs::remove_file(folder.path().join("hub/here.db"))?;
    assert_eq!(test.load_one().await?.rows.inserted, 1);
    assert_eq!(test.rows(&site, "item").await?, ["b=0of2 1,apple"]);
    Ok(())
}

#[tokio::test]
async fn a_table_that_somebody_else_made_is_refused() -> Outcome {
    let (database, folder) = empty().await;
    let test = TestHub::new(&database).await?;
    let site = TestSite::with_an_apple(&test.store).await?;
    database.0.note(site.name(), None, None).await?;
    let file = Connection::open(folder.path().join("hub/here.db"))?;
    file.execute_batch("CREATE TABLE item (id INTEGER, title TEXT)")?;
    let error = test.load_one().await.unwrap_err().to_string();
    assert!(
        error.contains("here.db.item is not as the dataset declares it"),
        "{error}"
    );
    assert!(
        error.contains("column title TEXT where column name TEXT is declared"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_catalog_that_did_not_keep_which_commit_set_a_partition_takes_the_loaded_one() -> Outcome
{
    let (database, folder) = empty().await;
    let test = TestHub::new(&database).await?;
    let mut site = TestSite::with_an_apple(&test.store).await?;
    site.put("item", "b=1of2", &["2,pear"])
        .await?
        .commit()
        .await?;
    test.load_one().await?;
    let stored = async || -> Outcome<Vec<u64>> {
        let stored = database.0.stored(site.name()).await?;
        let entries = stored.catalog.partitions.values();
        Ok(entries.map(|entry| entry.seq.0).collect())
    };
    assert_eq!(stored().await?, [1, 2]);
    let file = Connection::open(folder.path().join("hub/here.db"))?;
    file.execute_batch("ALTER TABLE causeway_partition DROP COLUMN seq; PRAGMA user_version = 2")?;
    assert_eq!(stored().await?, [2, 2]);
    Ok(())
}

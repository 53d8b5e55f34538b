//! Runs of the archive over a store in memory. With edits made by SQL, and read by other programs, it
//! is tested end to end.

mod troubles;

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_shared::layout::{self, ArchiveFile};
use causeway_shared::store::memory::MemoryStore;
use causeway_shared::store::{RequestCounts, Store, list_all};
use jiff::Timestamp;

use super::*;
use crate::testing::{NOON, Outcome, SHOP, TestHub, TestSite};

fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

fn archive(store: &Store) -> Archive {
    Archive::new(Arc::clone(store), HubConfig::default())
}

async fn run(store: &Store) -> Outcome<ArchiveReport> {
    Ok(archive(store).run(noon()).await?)
}

/// What a site sold on two days, and an apple.
async fn shop(store: &Store) -> Outcome<TestSite> {
    let mut site = TestSite::new(store, "here", SHOP)?;
    site.put("item", "b=0of2", &["1,apple"]).await?;
    site.put("sale", "dt=2025-11-27", &["1,2025-11-27,a,paid"])
        .await?;
    site.put("sale", "dt=2025-11-28", &["2,2025-11-28,a,paid"])
        .await?;
    site.commit().await?;
    Ok(site)
}

async fn bytes(store: &Store, key: &str) -> Outcome<Vec<u8>> {
    Ok(store.get(key).await?.bytes(1_000_000).await?)
}

async fn text(store: &Store, key: &str) -> Outcome<String> {
    Ok(String::from_utf8(bytes(store, key).await?)?)
}

/// What lies under `archive/`.
async fn published(store: &Store) -> Outcome<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for object in list_all(&**store, layout::ARCHIVE, None).await? {
        found.insert(object.key.clone(), bytes(store, &object.key).await?);
    }
    Ok(found)
}

/// What a run over a store with the same logs, and nothing published, publishes.
async fn expected(store: &Store) -> Outcome<BTreeMap<String, Vec<u8>>> {
    let fresh: Store = Arc::new(MemoryStore::new());
    for object in list_all(&**store, layout::SITES, None).await? {
        let body = bytes(store, &object.key).await?;
        fresh.put(&object.key, body.into()).await?;
    }
    run(&fresh).await?;
    published(&fresh).await
}

fn sent(store: &Store, before: &RequestCounts) -> (u64, u64) {
    let sent = store.requests().since(before);
    (sent.put, sent.delete)
}

fn table_name(table: &str) -> causeway_shared::ids::Name {
    causeway_shared::ids::Name::new(table).unwrap()
}

#[tokio::test]
async fn every_partition_is_published_once_and_again_when_it_changes() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    let mut site = shop(&store).await?;
    let archive = archive(&store);
    let report = archive.run(noon()).await?;
    let sale = &report.tables[&table_name("sale")];
    assert_eq!((sale.partitions, sale.published, sale.records), (2, 2, 2));
    let day = "archive/sale/dt=2025-11-28/here.csv";
    assert_eq!(
        text(&store, day).await?,
        "id,day,slot,state\n2,2025-11-28,a,paid\n"
    );
    insta::assert_snapshot!(text(&store, layout::MD5SUMS).await?, @r#"
    ad18496abaf7337f98115ce33af27dcb  item/b=0of2/here.csv
    090da1fc969e91ff9c9b7ebb6677848d  sale/dt=2025-11-27/here.csv
    219a98110e96806f0bc61cbf55671f2a  sale/dt=2025-11-28/here.csv
    "#);
    // The checksums are those of the site's commit.
    let sums = text(&store, layout::MD5SUMS).await?;
    for entry in site.catalog().partitions.values() {
        assert!(sums.contains(&entry.object.md5.to_string()));
    }

    let before = store.requests();
    let idle = archive.run(noon()).await?;
    assert_eq!(sent(&store, &before), (0, 0), "nothing changed");
    let sale = &idle.tables[&table_name("sale")];
    assert_eq!((sale.published, sale.skipped), (0, 2));

    site.put("sale", "dt=2025-11-28", &["2,2025-11-28,a,void"])
        .await?;
    site.remove("sale", "dt=2025-11-27")?.commit().await?;
    let before = store.requests();
    let report = archive.run(noon()).await?;
    // The file, MD5SUMS, the manifest, archive_info.json; and the file that is gone.
    assert_eq!(sent(&store, &before), (4, 1));
    let sale = &report.tables[&table_name("sale")];
    assert_eq!((sale.published, sale.removed, sale.records), (1, 1, 1));
    assert_eq!(published(&store).await?, expected(&store).await?);
    Ok(())
}

#[tokio::test]
async fn the_info_says_what_is_published() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    shop(&store).await?;
    run(&store).await?;
    insta::assert_snapshot!(text(&store, layout::ARCHIVE_INFO).await?, @r#"
    {
      "format": 1,
      "last_updated": "2025-11-28T05:00:00Z",
      "last_full_archive": "2025-11-28T05:00:00Z",
      "enabled": false,
      "total_records": 3,
      "tables": {
        "item": {
          "record_count": 1,
          "checksum": "c051ff4c1efc2f2d9b4706017acf76b8",
          "partitions": 1,
          "last_archived": "2025-11-28T05:00:00Z",
          "uploaded": 1,
          "skipped": 0,
          "last_error": null,
          "last_error_time": null
        },
        "sale": {
          "record_count": 2,
          "checksum": "946b56575f003dba6f1d38936dd28acd",
          "partitions": 2,
          "last_archived": "2025-11-28T05:00:00Z",
          "uploaded": 2,
          "skipped": 0,
          "last_error": null,
          "last_error_time": null
        }
      },
      "sites": {
        "here": {
          "commit": 1,
          "edits_commit": null
        }
      },
      "archive_history": [
        {
          "timestamp": "2025-11-28T05:00:00Z",
          "tables_count": 2,
          "total_records": 3,
          "uploaded_count": 3,
          "skipped_count": 0,
          "success_count": 2,
          "error_count": 0
        }
      ]
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn what_the_cloud_changed_is_in_it() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    let mut site = shop(&test.store).await?;
    test.load_one().await?;
    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 2")
        .await?;
    test.change(&site, "DELETE FROM sale WHERE id = 1").await?;
    test.flush(&site).await?;
    run(&test.store).await?;
    let files = published(&test.store).await?;
    let day = "archive/sale/dt=2025-11-28/here.csv";
    assert_eq!(
        String::from_utf8_lossy(&files[day]),
        "id,day,slot,state\n2,2025-11-28,a,void\n"
    );
    let deleted = "archive/sale/dt=2025-11-27/here.csv";
    assert!(!files.contains_key(deleted), "it has no row any more");

    // The site moves the edited row to another day, and no database has settled that yet.
    site.put("sale", "dt=2025-11-29", &["2,2025-11-29,b,paid"])
        .await?;
    site.remove("sale", "dt=2025-11-28")?.commit().await?;
    run(&test.store).await?;
    let files = published(&test.store).await?;
    assert!(!files.contains_key(day));
    assert_eq!(
        String::from_utf8_lossy(&files["archive/sale/dt=2025-11-29/here.csv"]),
        "id,day,slot,state\n2,2025-11-29,b,void\n"
    );
    // Nor does it change anything that the owner settles it now.
    test.load_one().await?;
    let before = published(&test.store).await?;
    let report = run(&test.store).await?;
    assert_eq!(report.tables[&table_name("sale")].published, 0);
    assert_eq!(published(&test.store).await?, before);
    Ok(())
}

#[tokio::test]
async fn excel_gets_a_byte_order_mark() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    shop(&store).await?;
    run(&store).await?;
    let mut config = HubConfig::default();
    config.archive.excel = true;
    let excel = Archive::new(Arc::clone(&store), config);
    excel.run(noon()).await?;
    for (key, body) in published(&store).await? {
        let has_mark = body.starts_with(b"\xef\xbb\xbf");
        assert_eq!(has_mark, ArchiveFile::parse(&key).is_some(), "{key}");
    }
    Ok(())
}

#[tokio::test]
async fn the_switch_is_the_stores() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    shop(&store).await?;
    let archive = archive(&store);
    assert!(!archive.is_enabled().await?, "it is off at first");
    archive.run(noon()).await?;
    archive.set_enabled(true).await?;
    let mut config = HubConfig::default();
    config.archive.enabled = false;
    let other = Archive::new(Arc::clone(&store), config);
    assert!(other.is_enabled().await?);
    assert!(
        text(&store, layout::ARCHIVE_INFO)
            .await?
            .contains("\"enabled\": true")
    );
    other.set_enabled(false).await?;
    assert!(!archive.status().await?.info.enabled);
    Ok(())
}

//! Databases that are not what they were: restored, copied, made again. On SQLite alone, whose files
//! can be copied.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use causeway_shared::ids::Seq;
use causeway_shared::layout::{LogKey, WhichLog};
use causeway_shared::store::Store;
use causeway_shared::store::memory::MemoryStore;
use jiff::Timestamp;

use crate::testing::{NOON, Outcome, SHOP, TestHub, TestSite};

/// A hub with a database in a folder, as a process that starts finds it.
async fn start(store: &Store, folder: &Path) -> Outcome<TestHub> {
    let first = tempfile::tempdir()?;
    let test = TestHub::in_folder(first.path()).await?;
    test.with_store(Arc::clone(store))?
        .in_another_folder(folder)
        .await
}

fn copy(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        fs::remove_file(entry?.path())?;
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

async fn shop(store: &Store) -> Outcome<TestSite> {
    let mut site = TestSite::new(store, "here", SHOP)?;
    let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
    site.put("sale", "dt=2025-11-28", &sales).await?;
    site.commit().await?;
    Ok(site)
}

/// A shop, and a hub with a database in a folder that has loaded it.
async fn loaded(store: &Store, folder: &Path) -> Outcome<(TestSite, TestHub)> {
    let site = shop(store).await?;
    let test = start(store, folder).await?;
    test.load_one().await?;
    Ok((site, test))
}

async fn sell(test: &TestHub, site: &TestSite, slot: &str) -> Outcome<i64> {
    test.sell(site, "2025-11-28", slot).await
}

/// The sales that a database which is made anew loads from a store.
async fn sales_in_another_database(store: &Store, site: &TestSite) -> Outcome<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let another = start(store, folder.path()).await?;
    another.load_one().await?;
    another.rows(site, "sale").await
}

/// A store with what another one holds by now.
async fn copied(store: &Store) -> Outcome<Store> {
    let copy: Store = Arc::new(MemoryStore::new());
    for object in store.list("", None).await?.objects {
        let body = store.get(&object.key).await?.bytes(1 << 20).await?;
        copy.put(&object.key, body.into()).await?;
    }
    Ok(copy)
}

#[tokio::test]
async fn no_change_is_taken_to_an_older_copy_of_the_log() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    let folder = tempfile::tempdir()?;
    let (site, test) = loaded(&store, folder.path()).await?;
    sell(&test, &site, "c").await?;
    test.flush(&site).await?;
    let older = copied(&store).await?;
    sell(&test, &site, "d").await?;
    test.flush(&site).await?;
    let born = sell(&test, &site, "e").await?;
    let mistaken = test.with_store(older)?;
    let refused = mistaken.flush(&site).await.unwrap_err().to_string();
    assert!(refused.contains("does not hold"), "{refused}");

    test.with_store(Arc::clone(&store))?.flush(&site).await?;
    let rows = sales_in_another_database(&store, &site).await?;
    let born = format!("dt=2025-11-28 {born},2025-11-28,e,");
    assert!(rows.contains(&born), "{rows:?}");
    Ok(())
}

#[tokio::test]
async fn no_change_is_taken_to_a_store_without_the_log() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    let folder = tempfile::tempdir()?;
    let (site, test) = loaded(&store, folder.path()).await?;
    let born = sell(&test, &site, "c").await?;
    // As one whose disk is not mounted, or that `[store] url` names by mistake.
    let mistaken = test.with_store(Arc::new(MemoryStore::new()))?;
    let refused = mistaken.flush(&site).await.unwrap_err().to_string();
    assert!(refused.contains("does not hold"), "{refused}");

    let again = test.with_store(Arc::clone(&store))?;
    again.flush(&site).await?;
    let rows = sales_in_another_database(&store, &site).await?;
    let born = format!("dt=2025-11-28 {born},2025-11-28,c,");
    assert!(rows.contains(&born), "{rows:?}");
    Ok(())
}

#[tokio::test]
async fn an_older_self_restored_in_place_doubles_nothing_and_gives_no_key_twice() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    let folders = tempfile::tempdir()?;
    let (live, backup) = (folders.path().join("live"), folders.path().join("backup"));
    let (site, test) = loaded(&store, &live).await?;
    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
        .await?;
    let first = sell(&test, &site, "c").await?;
    copy(&live, &backup)?;
    test.flush(&site).await?;
    // What the backup does not know: the change is taken back, a row is born and another deleted.
    test.change(&site, "UPDATE sale SET state = 'paid' WHERE id = 1")
        .await?;
    test.change(&site, "DELETE FROM sale WHERE id = 2").await?;
    let second = sell(&test, &site, "d").await?;
    test.flush(&site).await?;
    let expected = test.rows(&site, "sale").await?;
    drop(test);

    copy(&backup, &live)?;
    let test = start(&store, &live).await?;
    assert_eq!(test.database.sites().await?[0].edits_waiting, 2);
    let refused = test
        .change(&site, "UPDATE sale SET state = 'x' WHERE id = 1")
        .await;
    let refused = refused.err().ok_or("it was taken")?.to_string();
    assert!(refused.contains("causeway-hub load"), "{refused}");
    test.load_one().await?;
    assert_eq!(test.database.sites().await?[0].edits_waiting, 0);
    assert_eq!(test.rows(&site, "sale").await?, expected);
    assert_eq!(test.verify(false).await?.differences, []);
    let third = sell(&test, &site, "e").await?;
    assert!(third > second && second > first, "{first} {second} {third}");
    assert_eq!(test.flush(&site).await?.edits, 1);
    Ok(())
}

#[tokio::test]
async fn an_older_self_has_no_old_row_where_nothing_is_loaded() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    let folders = tempfile::tempdir()?;
    let (live, backup) = (folders.path().join("live"), folders.path().join("backup"));
    let (site, test) = loaded(&store, &live).await?;
    let id = test.sell(&site, "2025-12-19", "a").await?;
    copy(&live, &backup)?;
    test.flush(&site).await?;
    let sql = format!("UPDATE sale SET state = 'void' WHERE id = {id}");
    test.change(&site, &sql).await?;
    test.flush(&site).await?;
    drop(test);

    copy(&backup, &live)?;
    let test = start(&store, &live).await?;
    test.load_one().await?;
    assert_eq!(test.verify(false).await?.differences, []);
    assert_eq!(test.rows(&site, "sale").await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn files_put_back_under_a_program_that_runs_take_no_change_until_it_has_loaded() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    let folders = tempfile::tempdir()?;
    let (live, backup) = (folders.path().join("live"), folders.path().join("backup"));
    let (site, test) = loaded(&store, &live).await?;
    let first = sell(&test, &site, "c").await?;
    copy(&live, &backup)?;
    let second = sell(&test, &site, "d").await?;
    test.flush(&site).await?;
    let expected = test.rows(&site, "sale").await?;

    copy(&backup, &live)?;
    let refused = sell(&test, &site, "e").await;
    let refused = refused.err().ok_or("it was taken")?.to_string();
    assert!(refused.contains("causeway-hub load"), "{refused}");
    test.load_one().await?;
    assert_eq!(test.rows(&site, "sale").await?, expected);
    assert_eq!(test.verify(false).await?.differences, []);
    let third = sell(&test, &site, "e").await?;
    assert!(third > second && second > first, "{first} {second} {third}");
    assert_eq!(test.flush(&site).await?.edits, 1);
    Ok(())
}

#[tokio::test]
async fn a_flush_by_another_process_leaves_the_tables_open() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    let folder = tempfile::tempdir()?;
    let (site, service) = loaded(&store, folder.path()).await?;
    for (n, state) in ["void", "open"].into_iter().enumerate() {
        let change = format!("UPDATE sale SET state = '{state}' WHERE id = 1");
        service.change(&site, &change).await?;
        let command = start(&store, folder.path()).await?;
        assert_eq!(command.flush(&site).await?.edits, 1);
        let status = command.hub.status(command.request.now).await?;
        assert!(!status.sites[0].read_only);
        // What has read the log takes changes itself.
        let change = format!("UPDATE sale SET slot = 's{n}' WHERE id = 2");
        command.change(&site, &change).await?;
        assert_eq!(command.flush(&site).await?.edits, 1);
    }
    service.load_one().await?;
    assert_eq!(service.verify(false).await?.differences, []);
    let rows = [
        "dt=2025-11-28 1,2025-11-28,a,open",
        "dt=2025-11-28 2,2025-11-28,s1,paid",
    ];
    assert_eq!(service.rows(&site, "sale").await?, rows);
    Ok(())
}

#[tokio::test]
async fn a_database_in_use_keeps_its_identity_for_a_hub_that_reaches_it_elsewhere() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    let folder = tempfile::tempdir()?;
    let (_, test) = loaded(&store, folder.path()).await?;
    let identity = test.database.identity().await?;
    let elsewhere = causeway_shared::commit::Owner {
        address: "elsewhere".to_owned(),
        ..identity.clone()
    };
    test.database.set_identity(&elsewhere).await?;
    let error = test.hub.identity().await.err().ok_or("it was taken")?;
    let error = error.to_string().replace(&identity.address, "<here>");
    insta::assert_snapshot!(error, @"configuration, database: other hubs know this database as elsewhere, and this one reaches it as <here>: write the first as `address` under [database]");
    assert_eq!(test.database.identity().await?, elsewhere);
    Ok(())
}

#[tokio::test]
async fn a_copy_at_another_address_keeps_what_it_has_until_it_takes_over() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    let folders = tempfile::tempdir()?;
    let (live, elsewhere) = (folders.path().join("live"), folders.path().join("copy"));
    let (site, test) = loaded(&store, &live).await?;
    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
        .await?;
    copy(&live, &elsewhere)?;
    let other = start(&store, &elsewhere).await?;
    other.load_one().await?;
    assert_ne!(
        other.database.identity().await?,
        test.database.identity().await?
    );
    let status = other.hub.status(other.request.now).await?.sites.remove(0);
    assert_eq!((status.read_only, status.edits_waiting), (true, 1));
    assert_eq!(
        other.rows(&site, "sale").await?[0],
        "dt=2025-11-28 1,2025-11-28,a,paid"
    );

    // The original flushes the same change: the copy's is the same one.
    test.flush(&site).await?;
    other.hub.take_over(None, other.request.now).await?;
    other.load_one().await?;
    let status = other.hub.status(other.request.now).await?.sites.remove(0);
    assert_eq!((status.read_only, status.edits_waiting), (false, 0));
    assert_eq!(
        other.rows(&site, "sale").await?[0],
        "dt=2025-11-28 1,2025-11-28,a,void"
    );
    let refused = test.flush(&site).await?;
    assert!(!refused.owner);
    Ok(())
}

#[tokio::test]
async fn a_database_that_is_made_again_has_every_edit_and_has_to_take_over() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    let folders = tempfile::tempdir()?;
    let live = folders.path().join("live");
    let (site, test) = loaded(&store, &live).await?;
    let mut last = 0;
    // More commits than lie between two checkpoints.
    for n in 0..70 {
        last = sell(&test, &site, &format!("s{n}")).await?;
        test.flush(&site).await?;
    }
    let (rows, totals) = (test.rows(&site, "sale").await?, totals(&test).await?);
    assert_eq!(rows.len(), 72);
    drop(test);
    fs::remove_dir_all(&live)?;

    let test = start(&store, &live).await?;
    test.load_one().await?;
    assert_eq!(test.rows(&site, "sale").await?, rows);
    assert_eq!(totals, self::totals(&test).await?);
    assert_eq!(test.verify(false).await?.differences, []);
    assert!(
        sell(&test, &site, "z").await.is_err(),
        "it is another database"
    );
    test.hub.take_over(None, test.request.now).await?;
    test.load_one().await?;
    assert!(sell(&test, &site, "z").await? > last);
    Ok(())
}

#[tokio::test]
async fn keys_go_on_above_all_that_were_given_where_nothing_says_which_were() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    let folders = tempfile::tempdir()?;
    let (site, test) = loaded(&store, &folders.path().join("first")).await?;
    let mut last = sell(&test, &site, "c").await?;
    assert_eq!(last, 1_000_000_000);
    test.flush(&site).await?;
    for (again, slot, now) in [
        ("second", "d", NOON),
        ("third", "e", "1970-01-01T00:00:00Z"),
    ] {
        store.delete("hub/keys.json").await?;
        let mut test = start(&store, &folders.path().join(again)).await?;
        // Each of its blocks is of a later second.
        test.request.now = now.parse::<Timestamp>()?;
        test.hub.take_over(None, test.request.now).await?;
        test.load_one().await?;
        let next = sell(&test, &site, slot).await?;
        // Above each block that a database may have taken and not told of.
        assert!(next > last && next > 1_000_000_000_000_000, "{last} {next}");
        assert!(
            next < 9_007_199_254_740_992,
            "a JSON number holds it: {next}"
        );
        test.flush(&site).await?;
        last = next;
    }
    Ok(())
}

#[tokio::test]
async fn a_damaged_commit_of_edits_is_bridged_by_the_database_that_owns_them() -> Outcome {
    // One in the middle of the log, and its last one.
    for damaged in [2, 3] {
        let store: Store = Arc::new(MemoryStore::new());
        let folders = tempfile::tempdir()?;
        let (site, test) = loaded(&store, &folders.path().join("live")).await?;
        for slot in ["c", "d"] {
            sell(&test, &site, slot).await?;
            test.flush(&site).await?;
        }
        let rows = test.rows(&site, "sale").await?;
        let key = LogKey::Commit(Seq(damaged)).of(WhichLog::Edits, site.name());
        store.put(&key, b"no commit".to_vec().into()).await?;

        let another = start(&store, &folders.path().join("another")).await?;
        let error = another.load().await?.sites.remove(0).error;
        let error = error.ok_or("it was read")?;
        assert!(error.contains(&key), "{error}");
        let remedy = "or run `causeway-hub verify --repair` with the database that owns the edits";
        assert!(error.ends_with(remedy), "{error}");

        let found = test.verify(false).await?;
        assert!(found.needs_a_look(), "{found:?}");
        let repaired = test.verify(true).await?;
        assert!(!repaired.needs_a_look(), "{repaired:?}");
        assert_eq!(test.verify(false).await?.differences, []);
        another.load_one().await?;
        assert_eq!(another.rows(&site, "sale").await?, rows);
        sell(&test, &site, "e").await?;
        assert_eq!(test.flush(&site).await?.edits, 1);
    }
    Ok(())
}

async fn totals(test: &TestHub) -> Outcome<String> {
    let view = test.hub.sites(None).await?.remove(0);
    Ok(format!(
        "{:?} {}",
        view.catalog.total("sale"),
        view.catalog.rows("sale")
    ))
}

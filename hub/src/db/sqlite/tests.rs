//! The conformance suite on files, and what only files can be.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

mod writes;

use tempfile::TempDir;

use super::*;
use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

async fn empty() -> (HubDatabase, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let database = SqliteDatabase::open(&folder.path().join("hub"), "here".to_owned());
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

#[test]
fn a_disk_without_room_is_told_as_that_whatever_sqlite_calls_it() {
    let folder = tempfile::tempdir().unwrap();
    let database = SqliteDatabase::open(folder.path(), "here".to_owned());
    let told = |code| {
        let error = rusqlite::ffi::Error::new(code);
        let error = rusqlite::Error::SqliteFailure(error, None);
        database.files.error("loading", error)
    };
    for code in [
        rusqlite::ffi::SQLITE_FULL,
        rusqlite::ffi::SQLITE_IOERR_SHMSIZE,
    ] {
        let told = told(code);
        assert!(matches!(told, DbError::Full { .. }), "{code}: {told:?}");
    }
    let other = told(rusqlite::ffi::SQLITE_IOERR_READ);
    assert!(!matches!(other, DbError::Full { .. }), "{other:?}");
}

#[test]
fn a_table_may_have_the_name_of_every_module_that_is_not_reserved() -> Outcome {
    let file = Connection::open_in_memory()?;
    let mut modules = file.prepare("SELECT name FROM pragma_module_list")?;
    let modules: Result<Vec<String>, _> = modules.query_map([], |row| row.get(0))?.collect();
    let modules = modules?;
    assert!(modules.iter().any(|name| name == "pragma_module_list"));
    for name in modules {
        if causeway_shared::dataset::reserved::table_name_owner(&name).is_none() {
            let table = format!("main.\"{name}\"");
            file.execute_batch(&format!(
                "CREATE TABLE {table} (id); INSERT INTO {table} VALUES (7)"
            ))?;
            let id = file.query_row(&format!("SELECT id FROM {table}"), [], |row| {
                row.get::<_, i64>(0)
            });
            assert_eq!(id, Ok(7), "{name}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn its_folder_is_nobody_elses_business() -> Outcome {
    let (database, folder) = empty().await;
    database.0.init().await?;
    let made = std::fs::metadata(folder.path().join("hub"))?;
    assert_eq!(made.permissions().mode() & 0o777, 0o700);
    Ok(())
}

#[tokio::test]
async fn in_a_folder_that_others_may_enter_its_files_are_still_nobody_elses_business() -> Outcome {
    let (database, folder) = empty().await;
    let hub = folder.path().join("hub");
    std::fs::create_dir(&hub)?;
    std::fs::set_permissions(&hub, std::fs::Permissions::from_mode(0o755))?;
    database.0.init().await?;
    let test = TestHub::new(&database).await?;
    TestSite::with_an_apple(&test.store).await?;
    test.load_one().await?;
    let open = Connection::open(hub.join("here.db"))?;
    open.execute_batch("CREATE TABLE more (id)")?;
    let mut files = Vec::new();
    for file in std::fs::read_dir(&hub)? {
        let file = file?;
        let mode = file.metadata()?.permissions().mode() & 0o777;
        files.push(format!("{} {mode:o}", file.file_name().display()));
    }
    files.sort();
    insta::assert_snapshot!(files.join("\n"), @r#"
    causeway.db 600
    here.db 600
    here.db-shm 600
    here.db-wal 600
    here.lock 644
    "#);
    Ok(())
}

#[tokio::test]
async fn an_older_self_is_seen_in_place_of_a_file_that_nobody_changed_for_a_while() -> Outcome {
    let folder = tempfile::tempdir()?;
    let database = SqliteDatabase::open(&folder.path().join("hub"), "here".to_owned());
    let files = Arc::clone(&database.files);
    let test = TestHub::new(&HubDatabase(Arc::new(database))).await?;
    let mut site = TestSite::with_an_apple(&test.store).await?;
    test.load_one().await?;
    let (file, older) = (
        folder.path().join("hub/here.db"),
        folder.path().join("older"),
    );
    std::fs::copy(&file, &older)?;
    site.put("item", "b=0of2", &["1,pear"]).await?;
    site.commit().await?;
    test.load_one().await?;

    let stands = async || {
        let state = test.database.sites().await?.remove(0);
        Outcome::Ok((state.head.map(|head| head.seq.0), state.start_known))
    };
    assert_eq!(stands().await?, (Some(2), true));
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    assert_eq!(stands().await?, (Some(2), true));
    assert!(files.records.is_known(&file));
    assert_eq!(stands().await?, (Some(2), true));
    std::fs::rename(&older, &file)?;
    assert_eq!(stands().await?, (Some(1), false));
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
async fn a_sites_file_that_is_damaged_hides_no_other_site() -> Outcome {
    let (database, folder) = empty().await;
    let test = TestHub::new(&database).await?;
    TestSite::with_an_apple(&test.store).await?;
    let mut other = TestSite::new(&test.store, "there", SHOP)?;
    other.put("item", "b=0of2", &["2,pear"]).await?;
    other.commit().await?;
    test.load().await?;
    std::fs::write(folder.path().join("hub/here.db"), "no database")?;
    std::fs::remove_file(folder.path().join("hub/here.db-wal")).ok();

    other.put("item", "b=0of2", &["2,plum"]).await?;
    other.commit().await?;
    let loaded = test.load().await?;
    let told = loaded.sites.iter().map(|site| match &site.error {
        Some(error) => format!("{}: {error}", site.site),
        None => format!("{}: commit {:?}", site.site, site.commit),
    });
    let told = told.collect::<Vec<_>>().join("\n");
    let told = told.replace(&folder.path().display().to_string(), "");
    insta::assert_snapshot!(told, @r#"
    here: site here: what sqlite:/hub holds of site here cannot be read: file is not a database; take its schema (SQLite: its file) away and load again
    there: commit Some(Seq(2))
    "#);
    let views = test.hub.sites(None).await?;
    assert!(views[0].last_error.is_some());
    assert_eq!((views[1].catalog.seq().0, &views[1].last_error), (2, &None));
    assert_eq!(
        test.hub
            .sites_with_counts(None, "sale", "state")
            .await?
            .len(),
        2
    );
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
        error.contains("column title TEXT, which is not declared"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn partials_take_little_more_than_their_bytes() -> Outcome {
    const BYTES: usize = 1_100;
    let (database, folder) = empty().await;
    database.0.init().await?;
    let site = SiteName::new("here")?;
    let partials = (0..500).map(|n| Partial {
        part: Part::Bucket(n, 500),
        version: causeway_shared::ids::Md5::of(b""),
        body: vec![b'x'; BYTES].into(),
    });
    let partials: Vec<Partial> = partials.collect();
    database.0.put_partials(&site, "figures", &partials).await?;
    let file = Connection::open(folder.path().join("hub/here.partials.db"))?;
    let of_file = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    let bytes = file.query_row(of_file, [], |row| row.get::<_, usize>(0))?;
    assert!(bytes < 500 * BYTES * 3 / 2, "{bytes}");
    Ok(())
}

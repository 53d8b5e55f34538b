//! What only files need: other programs, loose types, and triggers that come and go with a load.

use causeway_shared::ids::Part;
use causeway_shared::value::{Type, Value};

use super::*;
use crate::db::SLEEP;
use crate::db::conformance::clinic::{Clinic, refused, text, visit};
use crate::db::conformance::search;

fn file(folder: &TempDir) -> Connection {
    Connection::open(folder.path().join("hub/here.db")).unwrap()
}

fn triggers(folder: &TempDir) -> Vec<String> {
    let file = file(folder);
    let names = "SELECT name FROM sqlite_schema WHERE type = 'trigger' ORDER BY name";
    let mut names = file.prepare(names).unwrap();
    let names = names.query_map([], |row| row.get(0)).unwrap();
    names.collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn a_change_by_another_program_fails_as_a_whole() -> Outcome {
    let (database, folder) = empty().await;
    let clinic = Clinic::open(&database).await?;
    let file = file(&folder);
    for sql in [
        "UPDATE visit SET state = 'void'",
        "UPDATE visit SET state = state",
        "DELETE FROM visit",
        "DELETE FROM remark",
        "INSERT INTO remark (visit) VALUES (7)",
        "INSERT OR REPLACE INTO visit (id, day, starts) VALUES (7, '2025-11-28', '08:00:00')",
        "UPDATE visit SET causeway_part = 'x'",
        "UPDATE visit SET causeway_clash = true",
    ] {
        let error = file.execute(sql, []).unwrap_err().to_string();
        assert!(
            error.contains("no such function: causeway_only_the_hub_changes_rows"),
            "{sql}: {error}"
        );
    }
    assert!(clinic.is_untouched().await?);
    Ok(())
}

#[tokio::test]
async fn an_upgraded_hub_brings_its_triggers_though_nothing_is_to_be_loaded() -> Outcome {
    let (database, folder) = empty().await;
    let test = TestHub::new(&database).await?;
    TestSite::with_an_apple(&test.store).await?;
    test.load_one().await?;
    let made = triggers(&folder);
    let older = "DROP TRIGGER \"item after delete\"; UPDATE causeway_site SET triggers = 'older'";
    file(&folder).execute_batch(older)?;
    test.load_one().await?;
    assert_ne!(triggers(&folder), made, "it looks once");
    test.another()?.load_one().await?;
    assert_eq!(triggers(&folder), made);
    Ok(())
}

#[tokio::test]
async fn values_that_are_not_of_their_columns_type_are_refused() -> Outcome {
    let (database, _folder) = empty().await;
    let clinic = Clinic::open(&database).await?;
    for (set, column) in [
        ("doctor SET since = 'yesterday'", "doctor.since"),
        ("doctor SET since = '2025-11-28 09:30:00'", "doctor.since"),
        ("doctor SET fee = 1.5", "doctor.fee"),
        ("doctor SET off = 2", "doctor.off"),
        ("doctor SET off = 'true'", "doctor.off"),
        ("doctor SET name = x'41'", "doctor.name"),
        ("doctor SET name = 'a' || char(0)", "doctor.name"),
        ("visit SET doctor = 1.5", "visit.doctor"),
        ("visit SET doctor = 'one'", "visit.doctor"),
        ("visit SET score = 'good'", "visit.score"),
        ("visit SET starts = '9:00'", "visit.starts"),
        ("visit SET ends = '24:00:00'", "visit.ends"),
        ("visit SET phone = x'30'", "visit.phone"),
    ] {
        let refused = refused(clinic.run(&format!("UPDATE {set}"), &[]).await);
        assert_eq!(refused.0, "23514", "{set}: {}", refused.1);
        assert!(refused.1.starts_with(column), "{set}: {}", refused.1);
    }
    assert!(clinic.is_untouched().await?);
    Ok(())
}

#[tokio::test]
async fn statements_that_go_round_the_hubs_filling_are_refused() -> Outcome {
    let (database, _folder) = empty().await;
    let clinic = Clinic::open(&database).await?;
    for sql in [
        "INSERT INTO visit (day, starts, state) VALUES ('2025-11-28', '08:00:00', 'open')",
        "INSERT OR REPLACE INTO doctor (id, name, since, off) VALUES (1, 'x', '2020-01-01T00:00:00', 0)",
        "UPDATE visit SET causeway_clash = true",
        "UPDATE visit SET causeway_part = NULL",
    ] {
        assert_eq!(refused(clinic.run(sql, &[]).await).0, "0A000", "{sql}");
    }
    assert!(clinic.is_untouched().await?);
    // A row that another one replaces does not go without a trace.
    clinic
        .insert("visit", &visit("2025-11-28", "11:00:00"))
        .await?;
    let replaces = "UPDATE OR REPLACE visit SET starts = '09:00:00', ends = NULL WHERE id <> 7";
    clinic.run(replaces, &[]).await?;
    let gone = clinic.journal().await?;
    assert!(gone.iter().any(|line| line.ends_with("> -")), "{gone:?}");
    Ok(())
}

#[tokio::test]
async fn a_load_leaves_the_triggers_as_they_were() -> Outcome {
    let (database, folder) = empty().await;
    let clinic = Clinic::open(&database).await?;
    let made = triggers(&folder);
    assert_eq!(made.len(), 18);
    let raises = "SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%raise%'";
    let raises = file(&folder).query_row(raises, [], |row| row.get::<_, i64>(0))?;
    assert_eq!(raises, 0, "SQLite before 3.47 could not read the file");
    let visit = clinic.site.dataset().table("visit").ok_or("no table")?;
    let part = Part::new("dt=2025-11-28")?;
    for rolls_back in [true, false] {
        let mut load = database.0.begin_load(clinic.site.name()).await?;
        load.begin(&[visit]).await?;
        load.delete_parts(visit, &[part]).await?;
        if rolls_back {
            load.rollback().await?;
        }
        drop(load);
        assert_eq!(triggers(&folder), made);
    }
    assert!(clinic.is_untouched().await?);
    Ok(())
}

#[tokio::test]
async fn a_process_that_has_not_read_the_log_takes_no_changes() -> Outcome {
    let (database, folder) = empty().await;
    let clinic = Clinic::open(&database).await?;
    let another = SqliteDatabase::open(&folder.path().join("hub"), "here".to_owned());
    let (site, dataset) = (clinic.site.name(), clinic.site.dataset());
    let mut write = another.begin_write(site, dataset, "ann").await?;
    let refused = refused(
        write
            .query("UPDATE visit SET state = 'void'", &[], &[])
            .await,
    );
    assert_eq!(refused.0, "25006");
    assert!(refused.1.contains("has not read the log"), "{}", refused.1);
    drop(write);
    assert!(clinic.is_untouched().await?);
    Ok(())
}

#[tokio::test]
async fn a_row_of_very_many_columns_is_journaled() -> Outcome {
    let (database, _folder) = empty().await;
    let columns: Vec<String> = (0..1_499)
        .map(|at| format!("{{ name = 'c{at}', type = 'int' }}"))
        .collect();
    let dataset = format!(
        "name = 'd'\nversion = 1\n[[table]]\nname = 't'\nkey = ['id']\npartition = {{ buckets = 1 }}\n\
         column = [{{ name = 'id', type = 'int' }}, {}]",
        columns.join(", ")
    );
    let clinic = Clinic::with(&database, &dataset, &[("t", "b=0of1", &[])]).await?;
    clinic.insert("t", &[("c1498", Value::Int(5))]).await?;
    clinic.run("UPDATE t SET c700 = 7", &[]).await?;
    let entries = clinic.entries().await?;
    let texts = &entries[1].new.as_ref().ok_or("no row")?.1;
    assert_eq!(texts.len(), 1_500);
    let expected = [("c700", Some("7")), ("c1498", Some("5")), ("c1", None)];
    for (column, expected) in expected {
        assert_eq!(texts[column].as_deref(), expected);
    }
    // PostgreSQL could not load it.
    let all: Vec<String> = (0..1_499).map(|at| format!("c{at} = 1")).collect();
    let wide = clinic
        .run(&format!("UPDATE t SET {}", all.join(", ")), &[])
        .await;
    let (state, message) = refused(wide);
    assert_eq!(state, "23514");
    assert!(message.contains("a page of PostgreSQL"), "{message}");
    Ok(())
}

#[tokio::test]
async fn keys_that_no_edits_object_takes_are_refused() -> Outcome {
    let (database, _folder) = empty().await;
    let dataset = "name = 'd'\nversion = 1\n[[table]]\nname = 't'\nkey = ['a', 'b']\n\
        partition = { buckets = 1 }\n\
        column = [{ name = 'a', type = 'text' }, { name = 'b', type = 'text' }]";
    let clinic = Clinic::with(&database, dataset, &[("t", "b=0of1", &[])]).await?;
    let half = |bytes: usize| Value::Text("é".repeat(bytes / 2).into());
    let insert = async |a, b| clinic.insert("t", &[("a", half(a)), ("b", half(b))]).await;
    assert_eq!(refused(insert(1_000, 1_002).await).0, "23514");
    insert(1_000, 1_000).await?;
    let missing = refused(clinic.insert("t", &[("a", text("x"))]).await);
    assert_eq!(missing.0, "23502");
    Ok(())
}

#[tokio::test]
async fn files_of_earlier_versions_are_made_again() -> Outcome {
    let (database, folder) = empty().await;
    std::fs::create_dir_all(folder.path().join("hub"))?;
    let hub = Connection::open(folder.path().join("hub/causeway.db"))?;
    hub.execute_batch(
        "CREATE TABLE site (site TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
         CREATE TABLE copy (key TEXT NOT NULL PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
         INSERT INTO site VALUES ('here'); PRAGMA user_version = 2; PRAGMA journal_mode = wal",
    )?;
    let old = file(&folder);
    old.execute_batch(include_str!("site_3.sql"))?;
    drop((hub, old));

    database.0.init().await?;
    let sites = database.0.sites().await?;
    assert_eq!(
        (sites.len(), sites[0].revision, &sites[0].head),
        (1, 0, &None)
    );
    let clinic = Clinic::open(&database).await?;
    clinic.run("UPDATE visit SET state = 'void'", &[]).await?;
    assert_eq!(clinic.journal().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_file_of_the_version_before_keeps_what_waits_to_be_flushed() -> Outcome {
    let (database, folder) = empty().await;
    let clinic = Clinic::open(&database).await?;
    clinic.run("UPDATE visit SET state = 'void'", &[]).await?;
    let before = clinic.entries().await?;
    file(&folder)
        .execute_batch("ALTER TABLE causeway_journal DROP COLUMN mark; ALTER TABLE causeway_site DROP COLUMN wanted;
         PRAGMA user_version = 4")?;
    Connection::open(folder.path().join("hub/causeway.db"))?
        .execute("DELETE FROM copy WHERE key = 'sleep'", [])?;
    database.0.init().await?;
    assert_eq!(database.0.copied(SLEEP).await?.as_deref(), Some(&b""[..]));
    assert_eq!(clinic.entries().await?, before);
    clinic.run("UPDATE visit SET state = 'open'", &[]).await?;
    assert_eq!(clinic.journal().await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_file_of_an_earlier_version_gets_what_lists_search() -> Outcome {
    let (database, folder) = empty().await;
    let test = TestHub::new(&database).await?;
    let site = search::loaded(&test).await?;
    file(&folder).execute_batch(
        "ALTER TABLE customer DROP COLUMN causeway_search; ALTER TABLE causeway_site DROP COLUMN wanted;
         PRAGMA user_version = 5",
    )?;
    database.0.init().await?;
    assert_eq!(search::found(&test, &site, "nguyen duc").await?, "1");
    Ok(())
}

#[tokio::test]
async fn a_committed_change_is_on_the_disk() -> Outcome {
    let (database, folder) = empty().await;
    let clinic = Clinic::open(&database).await?;
    let (site, dataset) = (clinic.site.name(), clinic.site.dataset());
    let mut write = database.0.begin_write(site, dataset, "ann").await?;
    let full = write
        .query(
            "SELECT synchronous FROM pragma_synchronous",
            &[],
            &[Type::Int],
        )
        .await?;
    assert_eq!(full, [[Value::Int(2)]]);
    let mode = file(&folder).query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0))?;
    assert_eq!(mode, "wal");
    Ok(())
}

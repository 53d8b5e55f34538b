//! A PostgreSQL database that is an older self again while its server goes on running: restored from a
//! dump, or a copy put in its place.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use causeway_hub::testing::HubDatabase;
use causeway_tests::run_beside;
use tokio_postgres::Client;

use crate::clinic::{Clinic, refusal};

/// Runs one of PostgreSQL's own programs.
fn run(program: &str, args: &[&str]) {
    let done = Command::new(program).args(args).output().unwrap();
    assert!(
        done.status.success(),
        "{program} {args:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// Books a slot, as a program that knows nothing of hubs. Returns the key that the row was given.
async fn book(bot: &Client, time: &str) -> i64 {
    let sql = format!(
        "INSERT INTO appointment (customerid, consultantid, date, time) \
         VALUES ('c1', 1, '2025-11-28', '{time}') RETURNING appointmentid"
    );
    bot.query_one(&sql, &[]).await.unwrap().get(0)
}

struct Place {
    url: String,
    name: String,
    dump: String,
}

/// Brings an older self back in each of the ways in which that is done without a restart of the server.
#[derive(Debug, Clone, Copy)]
enum Restore {
    OverItself,
    IntoANewOne,
    CopyPutInItsPlace,
    RowsOfTheHubAlone,
}

impl Restore {
    async fn back_up(self, place: &Place) {
        let Place { url, name, dump } = place;
        match self {
            Self::OverItself => run("pg_dump", &["--clean", "--if-exists", "-f", dump, url]),
            Self::IntoANewOne => run("pg_dump", &["-Fc", "-f", dump, url]),
            Self::RowsOfTheHubAlone => {
                run("pg_dump", &["-a", "-n", "causeway", "-f", dump, url]);
            }
            Self::CopyPutInItsPlace => {
                run_beside(&[
                    &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
                    &end_of_connections(name),
                    &format!("CREATE DATABASE {name}_backup TEMPLATE {name}"),
                    &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"),
                ])
                .await;
            }
        }
    }

    async fn bring_back(self, place: &Place) {
        let Place { url, name, dump } = place;
        match self {
            Self::OverItself => run("psql", &["-q1", "-v", "ON_ERROR_STOP=1", "-f", dump, url]),
            Self::IntoANewOne => {
                run_beside(&[
                    &format!("DROP DATABASE {name} WITH (FORCE)"),
                    &format!("CREATE DATABASE {name}"),
                ])
                .await;
                run("pg_restore", &["-d", url, dump]);
            }
            Self::RowsOfTheHubAlone => {
                let empty = "SELECT set_config('search_path', 'causeway', false); \
                    TRUNCATE asked, copy, database, dataset, edits_partition, journal, loaded, partition, \
                    site, version";
                let args = ["-q1", "-v", "ON_ERROR_STOP=1", "-c", empty, "-f", dump, url];
                run("psql", &args);
            }
            Self::CopyPutInItsPlace => {
                run_beside(&[
                    &format!("DROP DATABASE {name} WITH (FORCE)"),
                    &format!("ALTER DATABASE {name}_backup RENAME TO {name}"),
                ])
                .await;
            }
        }
    }
}

fn end_of_connections(name: &str) -> String {
    format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
}

async fn open(folder: &Path) -> (Clinic, Client, Place) {
    let clinic = Clinic::open().await;
    let bot = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let url = clinic.place.url();
    let name = url.rsplit('/').next().unwrap().split('?').next().unwrap();
    let place = Place {
        name: name.to_owned(),
        dump: folder.join("dump").display().to_string(),
        url,
    };
    (clinic, bot, place)
}

#[tokio::test]
async fn an_older_self_restored_while_the_server_runs_loses_no_edit_and_gives_no_key_twice() {
    for restore in [
        Restore::OverItself,
        Restore::IntoANewOne,
        Restore::CopyPutInItsPlace,
        Restore::RowsOfTheHubAlone,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (clinic, bot, place) = open(folder.path()).await;
        let first = book(&bot, "09:00").await;
        clinic.test.flush_rows(&clinic.site).await.unwrap();
        clinic.test.load_rows().await.unwrap();
        // In the backup and not in the store yet.
        let waits = "UPDATE customer SET notes = 'waits' WHERE customerid = 'c1'";
        bot.batch_execute(waits).await.unwrap();
        restore.back_up(&place).await;
        let bot = clinic.another("bot").await;
        let second = book(&bot, "10:00").await;
        let later = "UPDATE appointment SET status = 'cancelled' WHERE time = '09:00'; \
            UPDATE customer SET notes = 'later' WHERE customerid = 'c1'";
        bot.batch_execute(later).await.unwrap();
        clinic.test.flush_rows(&clinic.site).await.unwrap();
        let expected = rows(&clinic).await;

        restore.bring_back(&place).await;
        let bot = clinic.another("bot").await;
        let refused = refusal(bot.batch_execute("DELETE FROM customer WHERE false").await);
        assert!(refused.starts_with("25006 "), "{restore:?}: {refused}");
        assert!(
            refused.contains("or the database was restored; wait for the next refresh of a hub"),
            "{restore:?}: {refused}"
        );
        clinic.test.load_rows().await.unwrap();
        assert_eq!(rows(&clinic).await, expected, "{restore:?}");
        assert_eq!(clinic.test.differences().await.unwrap(), [""; 0]);
        let third = book(&bot, "11:00").await;
        assert!(
            third > second && second > first,
            "{restore:?}: {first} {second} {third}"
        );
        assert_eq!(clinic.test.flush_rows(&clinic.site).await.unwrap(), 1);
    }
}

async fn rows(clinic: &Clinic) -> Vec<String> {
    let mut all = Vec::new();
    for table in ["customer", "appointment"] {
        all.extend(clinic.test.rows(&clinic.site, table).await.unwrap());
    }
    all
}

#[tokio::test]
async fn a_copy_beside_the_original_is_another_database_that_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let (clinic, bot, place) = open(folder.path()).await;
    let waits = "UPDATE customer SET notes = 'waits' WHERE customerid = 'c1'";
    bot.batch_execute(waits).await.unwrap();
    Restore::CopyPutInItsPlace.back_up(&place).await;
    let url = place
        .url
        .replace(&place.name, &format!("{}_backup", place.name));
    let copy = HubDatabase::postgres(&url, None).unwrap();
    let copy = clinic.test.with_database(&copy).await.unwrap();
    copy.load_rows().await.unwrap();

    let original = clinic.test.load_rows().await;
    assert!(original.is_ok(), "{original:?}");
    let bot = clinic.another("bot").await;
    let later = "UPDATE customer SET notes = 'later' WHERE customerid = 'c1'";
    bot.batch_execute(later).await.unwrap();
    assert_eq!(clinic.test.flush_rows(&clinic.site).await.unwrap(), 2);
    assert_eq!(copy.flush_rows(&clinic.site).await.unwrap(), 0);
    drop_copy(&place);
}

fn drop_copy(place: &Place) {
    let name = format!("{}_backup", place.name);
    run(
        "dropdb",
        &["--force", "--maintenance-db", &place.url, &name],
    );
}

/// The copy takes over before the original has flushed: what both hold comes in once, and what the original
/// took until it heard of that comes in when it takes over again.
#[tokio::test]
async fn what_waits_in_a_database_and_in_its_copy_is_one_change() {
    let folder = tempfile::tempdir().unwrap();
    let (clinic, bot, place) = open(folder.path()).await;
    let waits = "UPDATE customer SET notes = 'waits' WHERE customerid = 'c1'";
    bot.batch_execute(waits).await.unwrap();
    let first = book(&bot, "09:00").await;
    Restore::CopyPutInItsPlace.back_up(&place).await;
    let url = place
        .url
        .replace(&place.name, &format!("{}_backup", place.name));
    let copy = HubDatabase::postgres(&url, None).unwrap();
    let copy = clinic.test.with_database(&copy).await.unwrap();
    copy.load_rows().await.unwrap();
    copy.take_over().await.unwrap();
    copy.load_rows().await.unwrap();
    let customers = copy.rows(&clinic.site, "customer").await.unwrap();
    assert!(customers[0].ends_with(",waits"), "{customers:?}");
    assert_eq!(copy.differences().await.unwrap(), [""; 0]);

    let bot = clinic.another("bot").await;
    let later = "UPDATE customer SET fullname = 'later' WHERE customerid = 'c1'";
    bot.batch_execute(later).await.unwrap();
    assert_eq!(clinic.test.flush_rows(&clinic.site).await.unwrap(), 0);
    let client = clinic.place.connect().await;
    let left = "SELECT count(*) FROM causeway.journal";
    let left = client.query_one(left, &[]).await.unwrap();
    assert_eq!(left.get::<_, i64>(0), 1, "the log has the others");
    clinic.test.take_over().await.unwrap();
    clinic.test.load_rows().await.unwrap();
    copy.load_rows().await.unwrap();
    for hub in [&clinic.test, &copy] {
        let customers = hub.rows(&clinic.site, "customer").await.unwrap();
        assert!(customers[0].contains(",later,"), "{customers:?}");
        assert!(customers[0].ends_with(",waits"), "{customers:?}");
        let booked = hub.rows(&clinic.site, "appointment").await.unwrap();
        let booked = booked.iter().filter(|row| row.contains(&first.to_string()));
        assert_eq!(booked.count(), 1);
        assert_eq!(hub.differences().await.unwrap(), [""; 0]);
    }
    drop_copy(&place);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_in_many_transactions_beside_a_hub_gives_no_key_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (clinic, bot, place) = open(folder.path()).await;
    let mut keys = Vec::new();
    let insert = "INSERT INTO hcm_01.appointment (customerid, date, time) \
        VALUES ('c1', '2025-11-28', '09:00') RETURNING appointmentid";
    for _ in 0..3 {
        keys.push(bot.query_one(insert, &[]).await.unwrap().get::<_, i64>(0));
    }
    clinic.test.flush_rows(&clinic.site).await.unwrap();
    clinic.test.load_rows().await.unwrap();
    run("pg_dump", &["-Fc", "-f", &place.dump, &place.url]);
    for _ in 0..30 {
        keys.push(bot.query_one(insert, &[]).await.unwrap().get::<_, i64>(0));
    }
    clinic.test.flush_rows(&clinic.site).await.unwrap();
    drop(bot);
    let done = AtomicBool::new(false);
    let write = async |client: &Client| {
        let mut keys = Vec::new();
        while !done.load(Ordering::Relaxed) {
            // It fails while tables are missing, and while the database takes no changes.
            match client.query_one(insert, &[]).await {
                Ok(row) => keys.push(row.get::<_, i64>(0)),
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
        keys
    };
    let refresh = async {
        while !done.load(Ordering::Relaxed) {
            let _ = clinic.test.load_rows().await;
            let _ = clinic.test.flush_rows(&clinic.site).await;
        }
    };
    let restore = async {
        for _ in 0..6 {
            let (dump, url) = (place.dump.clone(), place.url.clone());
            let restore = tokio::task::spawn_blocking(move || {
                // It fails where the database stands at something newer already, as at its keys.
                let mut restore = Command::new("pg_restore");
                restore
                    .args(["--clean", "-d", &url, &dump])
                    .output()
                    .unwrap();
            });
            restore.await.unwrap();
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        done.store(true, Ordering::Relaxed);
    };
    let [first, second] = [clinic.place.connect().await, clinic.place.connect().await];
    let (a, b, (), ()) = tokio::join!(write(&first), write(&second), refresh, restore);
    keys.extend(a);
    keys.extend(b);
    keys.sort_unstable();
    let twice: Vec<_> = keys.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

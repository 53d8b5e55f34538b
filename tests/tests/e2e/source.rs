//! The site's files belong to its application: whatever the agent does, they are as they were, and
//! what the application has not committed is not there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use causeway_agent::{
    Agent, AgentConfig, CycleReport, Exit, Progress, Step, SyncOptions, sync, sync_with,
};
use causeway_shared::store::memory::MemoryStore;
use causeway_tests::StoreKind;
use rusqlite::Connection;

use crate::small::SmallSite;

const CYCLES: usize = 100;

/// A site whose database is in a journal mode, and an agent of its own.
struct Watched {
    site: SmallSite,
    agent: Agent,
}

impl Watched {
    async fn new(journal_mode: &str) -> Self {
        let site = SmallSite::new(StoreKind::Folder).await;
        site.execute(&format!("PRAGMA journal_mode = {journal_mode}"));
        let file = site.deployment.path("agent.toml");
        let config = AgentConfig::load(Some(&file), &[]).unwrap();
        let agent = Agent::with_store(config, Arc::new(MemoryStore::new())).unwrap();
        Self { site, agent }
    }

    async fn sync(&self) -> CycleReport {
        sync(&self.agent, SyncOptions::default()).await.unwrap()
    }

    /// A connection as the application holds it.
    fn open(&self) -> Connection {
        Connection::open(self.site.deployment.site().join("site.db")).unwrap()
    }

    /// Runs a cycle, which may change nothing in the site's folder.
    async fn sync_unseen(&self) -> CycleReport {
        let before = files(&self.site.deployment.site());
        let report = self.sync().await;
        assert_eq!(files(&self.site.deployment.site()), before);
        report
    }
}

/// The names and contents of a folder's files. Readers of a SQLite file note in its `-shm` how far
/// they have read; it holds nothing that the other files do not, so only its name counts.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let content = match name.ends_with("-shm") {
            true => Vec::new(),
            false => fs::read(&path).unwrap(),
        };
        (name, content)
    });
    entries.collect()
}

/// The rows of a plain copy of the database file alone.
fn rows_of_a_copy(database: &Path) -> i64 {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    fs::copy(database, &copy).unwrap();
    count(&Connection::open(copy).unwrap())
}

fn count(db: &Connection) -> i64 {
    db.query_row("SELECT count(*) FROM Appointment", [], |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn a_site_whose_application_is_closed_stays_as_it_is() {
    for mode in ["wal", "delete"] {
        let watched = Watched::new(mode).await;
        for _ in 0..CYCLES {
            watched.site.change();
            assert!(watched.sync_unseen().await.commit.is_some(), "{mode}");
        }
        for _ in 0..CYCLES {
            let idle = watched.sync_unseen().await;
            assert_eq!((idle.commit, idle.requests.total()), (None, 0), "{mode}");
        }
        let names: Vec<String> = files(&watched.site.deployment.site()).into_keys().collect();
        assert_eq!(names, ["consultant.csv", "site.db"], "{mode}");
    }
}

#[tokio::test]
async fn a_site_whose_application_has_it_open_stays_as_it_is() {
    for mode in ["wal", "delete", "truncate", "persist"] {
        let watched = Watched::new("delete").await;
        let application = watched.open();
        application
            .pragma_update(None, "journal_mode", mode)
            .unwrap();
        for n in 0..CYCLES {
            let change = "UPDATE Appointment SET Description = ?1 WHERE AppointmentId = 2";
            application.execute(change, [n]).unwrap();
            assert!(watched.sync_unseen().await.commit.is_some(), "{mode}");
        }
        for _ in 0..CYCLES {
            let idle = watched.sync_unseen().await;
            assert_eq!((idle.commit, idle.requests.total()), (None, 0), "{mode}");
        }
    }
}

#[tokio::test]
async fn the_applications_last_close_writes_its_wal_back() {
    let watched = Watched::new("wal").await;
    let application = watched.open();
    watched.sync().await;
    let sql = "INSERT INTO Appointment VALUES (3, 'fb-3', '2025-01-03', '09:00', '')";
    application.execute(sql, []).unwrap();
    assert!(watched.sync().await.commit.is_some());
    drop(application);
    let folder = watched.site.deployment.site();
    assert!(!folder.join("site.db-wal").exists());
    assert_eq!(rows_of_a_copy(&folder.join("site.db")), 3);
}

/// A transaction so large that its pages are written before it is committed.
fn begin_a_large_transaction(application: &Connection) {
    application
        .execute_batch(
            "PRAGMA cache_size = 5; BEGIN;
             WITH RECURSIVE n (n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)
             INSERT INTO Appointment SELECT n, 'fb-1', '2025-01-01', '09:00', 'uncommitted' FROM n;
             UPDATE Appointment SET Description = 'uncommitted'",
        )
        .unwrap();
    application.cache_flush().unwrap();
}

#[tokio::test]
async fn rows_that_are_not_committed_are_not_read() {
    for (mode, is_readable) in [("wal", true), ("delete", false)] {
        let watched = Watched::new(mode).await;
        watched.sync().await;
        let application = watched.open();
        begin_a_large_transaction(&application);
        let during = watched.sync_unseen().await;
        assert_eq!(during.commit, None, "{mode}");
        // In rollback mode nobody can read until the transaction ends: it is tried again.
        let exit = if is_readable {
            Exit::Done
        } else {
            Exit::Failed
        };
        assert_eq!(during.exit(), exit, "{mode}");
        application.execute_batch("ROLLBACK").unwrap();
        let rolled_back = watched.sync().await;
        assert_eq!((rolled_back.commit, rolled_back.exit()), (None, Exit::Done));
        begin_a_large_transaction(&application);
        application.execute_batch("COMMIT").unwrap();
        let committed = watched.sync().await;
        assert_eq!(committed.partitions.changed, 2, "{mode}");
    }
}

#[tokio::test]
async fn a_hot_journal_is_left_to_the_application() {
    let watched = Watched::new("delete").await;
    watched.sync().await;
    let folder = watched.site.deployment.site();
    let application = watched.open();
    begin_a_large_transaction(&application);
    // What a crash in the middle leaves: the files as they are, and nobody who holds them.
    let crashed = files(&folder);
    application.execute_batch("ROLLBACK").unwrap();
    drop(application);
    for (name, content) in &crashed {
        fs::write(folder.join(name), content).unwrap();
    }
    let hot = watched.sync_unseen().await;
    assert_eq!((hot.commit, hot.exit()), (None, Exit::Failed));
    assert!(
        hot.held[0].to_string().contains("hot journal"),
        "{:?}",
        hot.held
    );
    // Its application starts again and undoes it.
    assert_eq!(count(&watched.open()), 2);
    let after = watched.sync_unseen().await;
    assert_eq!((after.commit, after.exit()), (None, Exit::Done));
}

/// Does something once, in the middle of a scan.
struct Meanwhile<F>(Mutex<Option<F>>);

impl<F: FnOnce() + Send> Progress for Meanwhile<F> {
    fn step(&self, step: Step) {
        if matches!(step, Step::Reading { .. })
            && let Some(work) = self.0.lock().unwrap().take()
        {
            work();
        }
    }
}

/// Whether a checkpoint was kept from finishing.
fn checkpoint_is_held_up(application: &Connection) -> bool {
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    application
        .query_row(sql, [], |row| row.get::<_, i64>(0))
        .unwrap()
        == 1
}

#[tokio::test]
async fn a_scan_holds_up_one_checkpoint_and_no_commit() {
    let watched = Watched::new("wal").await;
    let application = watched.open();
    application.busy_timeout(Duration::ZERO).unwrap();
    begin_a_large_transaction(&application);
    application.execute_batch("COMMIT").unwrap();
    let held_up = Arc::new(Mutex::new(None));
    let meanwhile = {
        let held_up = Arc::clone(&held_up);
        move || {
            let sql = "INSERT INTO Appointment VALUES (3, 'fb-3', '2025-01-03', '09:00', '')";
            application.execute(sql, []).unwrap();
            let held = checkpoint_is_held_up(&application);
            *held_up.lock().unwrap() = Some((held, application));
        }
    };
    let during = Arc::new(Meanwhile(Mutex::new(Some(meanwhile))));
    let options = SyncOptions::default();
    let report = sync_with(&watched.agent, options, during).await.unwrap();
    let (held, application) = held_up.lock().unwrap().take().unwrap();
    assert!(held, "the scan reads from the WAL");
    assert_eq!(
        report.partitions.changed, 3,
        "as it was when the scan began"
    );
    assert!(!checkpoint_is_held_up(&application), "after the scan");
    assert_eq!(watched.sync().await.partitions.changed, 1);
}

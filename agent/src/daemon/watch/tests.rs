//! Against a real file system: what wakes the agent, and what does not.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::*;

/// Long beside what an event takes, short beside a test's patience.
const POLL: Duration = Duration::from_millis(700);
/// So many polls, and no change is told of any more.
const PATIENCE: u32 = 30;

impl Watcher {
    /// Whether a change wakes it, however long the system takes to write and to tell.
    async fn is_woken(&mut self) -> bool {
        for _ in 0..PATIENCE {
            if self.next().await == Wake::Changed {
                return true;
            }
        }
        false
    }

    /// As [`is_woken`](Self::is_woken), and then until the system has told all that it has to tell of the change.
    async fn is_woken_and_quiet_again(&mut self) -> bool {
        let is_woken = self.is_woken().await;
        while self.next().await == Wake::Changed {}
        is_woken
    }
}

fn watcher(sources: impl IntoIterator<Item = WatchedPath>) -> Watcher {
    let settings = WatchSettings {
        debounce: Duration::from_millis(40),
        max_delay: Duration::from_millis(400),
        poll: POLL,
    };
    Watcher::start(sources.into_iter().collect(), settings)
}

fn sqlite(path: &Path) -> WatchedPath {
    WatchedPath::SqliteFile(path.to_owned())
}

/// A database in a journal mode with one table, and a connection that stays open.
fn database(path: &Path, journal: &str) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .pragma_update(None, "journal_mode", journal)
        .unwrap();
    connection
        .execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        .unwrap();
    connection
}

#[tokio::test]
async fn a_commit_wakes_in_every_journal_mode() {
    for journal in ["wal", "delete", "truncate", "persist"] {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("a.db");
        let connection = database(&file, journal);
        let mut watcher = watcher([sqlite(&file)]);
        connection.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert!(watcher.is_woken_and_quiet_again().await, "{journal}");
    }
}

#[tokio::test]
async fn reading_the_source_does_not_wake() {
    for journal in ["wal", "delete"] {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("a.db");
        let _application = database(&file, journal);
        fs::write(dir.path().join("t.csv"), "x\n1\n").unwrap();
        let csv = WatchedPath::CsvFolder(dir.path().into());
        let mut watcher = watcher([sqlite(&file), csv]);
        let reader = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let rows: i64 = reader
            .query_row("SELECT count(*) FROM t", (), |row| row.get(0))
            .unwrap();
        drop(reader);
        fs::read(dir.path().join("t.csv")).unwrap();
        assert_eq!((rows, watcher.next().await), (1, Wake::Poll), "{journal}");
    }
}

#[tokio::test]
async fn csv_files_wake_however_they_are_put_there() {
    let dir = TempDir::new().unwrap();
    let mut watcher = watcher([WatchedPath::CsvFolder(dir.path().into())]);
    let (file, draft) = (dir.path().join("t.CSV"), dir.path().join("draft"));
    fs::write(&file, "x\n").unwrap();
    assert!(watcher.is_woken_and_quiet_again().await, "written");
    fs::write(&draft, "x\n1\n").unwrap();
    assert_eq!(watcher.next().await, Wake::Poll, "not a CSV file yet");
    fs::rename(&draft, &file).unwrap();
    assert!(watcher.is_woken_and_quiet_again().await, "renamed over");
    fs::remove_file(&file).unwrap();
    assert!(watcher.is_woken().await, "removed");
}

#[tokio::test]
async fn a_folder_that_comes_later_is_watched_from_the_next_poll() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("csv");
    let mut watcher = watcher([WatchedPath::CsvFolder(folder.clone())]);
    fs::create_dir(&folder).unwrap();
    assert_eq!(watcher.next().await, Wake::Poll);
    fs::write(folder.join("t.csv"), "x\n").unwrap();
    assert!(watcher.is_woken().await);
}

#[tokio::test]
async fn a_folder_that_is_replaced_wakes_and_is_watched_anew() {
    let dir = TempDir::new().unwrap();
    let (folder, new) = (dir.path().join("csv"), dir.path().join("new"));
    fs::create_dir(&folder).unwrap();
    fs::create_dir(&new).unwrap();
    let mut watcher = watcher([WatchedPath::CsvFolder(folder.clone())]);
    fs::rename(&folder, dir.path().join("old")).unwrap();
    fs::rename(&new, &folder).unwrap();
    assert!(watcher.is_woken_and_quiet_again().await);
    fs::write(dir.path().join("old/t.csv"), "x\n").unwrap();
    assert_eq!(watcher.next().await, Wake::Poll, "the old one is nobody's");
    fs::write(folder.join("t.csv"), "x\n").unwrap();
    assert!(watcher.is_woken().await);
}

#[tokio::test]
async fn a_folder_that_is_deleted_and_made_again_is_watched_anew() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("csv");
    fs::create_dir(&folder).unwrap();
    let mut watcher = watcher([WatchedPath::CsvFolder(folder.clone())]);
    for _ in 0..3 {
        fs::remove_dir_all(&folder).unwrap();
        assert!(watcher.is_woken_and_quiet_again().await);
        fs::create_dir(&folder).unwrap();
        assert_eq!(watcher.next().await, Wake::Poll);
        fs::write(folder.join("t.csv"), "x\n").unwrap();
        assert!(watcher.is_woken_and_quiet_again().await);
    }
}

#[tokio::test]
async fn a_database_that_is_replaced_by_rename_wakes() {
    let dir = TempDir::new().unwrap();
    let (file, new) = (dir.path().join("a.db"), dir.path().join("new.db"));
    drop(database(&file, "delete"));
    drop(database(&new, "delete"));
    let mut watcher = watcher([sqlite(&file)]);
    fs::rename(&new, &file).unwrap();
    assert!(watcher.is_woken().await);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_followed_and_found_again_when_it_turns() {
    let dir = TempDir::new().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    fs::create_dir(&one).unwrap();
    fs::create_dir(&two).unwrap();
    let link = dir.path().join("a.db");
    std::os::unix::fs::symlink(one.join("real.db"), &link).unwrap();
    let first = database(&one.join("real.db"), "wal");
    let mut watcher = watcher([sqlite(&link)]);
    first.execute("INSERT INTO t VALUES (2)", ()).unwrap();
    assert!(watcher.is_woken_and_quiet_again().await);
    fs::remove_file(&link).unwrap();
    let second = database(&two.join("real.db"), "wal");
    std::os::unix::fs::symlink(two.join("real.db"), &link).unwrap();
    assert_eq!(watcher.next().await, Wake::Poll);
    second.execute("INSERT INTO t VALUES (2)", ()).unwrap();
    assert!(watcher.is_woken().await);
}

#[tokio::test]
async fn a_storm_is_few_wakes_and_a_ceaseless_one_wakes_now_and_then() {
    let dir = TempDir::new().unwrap();
    let mut watcher = watcher([WatchedPath::CsvFolder(dir.path().into())]);
    for n in 0..5_000 {
        fs::write(dir.path().join(format!("{}.csv", n % 50)), "x\n").unwrap();
    }
    let mut wakes = 0;
    while watcher.next().await == Wake::Changed {
        wakes += 1;
    }
    // More than one only if the system is behind with telling.
    assert!((1..=5).contains(&wakes), "{wakes}");
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (file, is_over) = (dir.path().join("busy.csv"), Arc::clone(&is_over));
        move || {
            while !is_over.load(Ordering::Relaxed) {
                fs::write(&file, "x\n").unwrap();
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    });
    let is_woken = watcher.is_woken().await;
    is_over.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert!(is_woken, "after max_delay, though it never was quiet");
}

#[tokio::test]
async fn a_call_that_is_dropped_loses_nothing() {
    let dir = TempDir::new().unwrap();
    let mut watcher = watcher([WatchedPath::CsvFolder(dir.path().into())]);
    fs::write(dir.path().join("t.csv"), "x\n").unwrap();
    let short = Duration::from_millis(10);
    let first = tokio::time::timeout(short, watcher.next()).await;
    // On a slow machine the source is quiet already, and the first call is not dropped.
    assert!(first == Ok(Wake::Changed) || watcher.is_woken().await);
}

//! The agent, stopped at each of its steps: killed, killed in the middle of a write, with a state on a
//! disk that breaks or fills up. Whatever it leaves, the next start goes on from there.
//!
//! A step is a call that changes a file of the state or of the store, here a folder. What waits in
//! the spool and in sorted runs is swept by every cycle, so those files are no steps.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use causeway_tests::crash::{Crash, How};
use causeway_tests::deployment::Deployment;
use causeway_tests::{DatabaseKind, StoreKind};
use rusqlite::Connection;

const SOURCES: &str = r#"
[[source]]
kind = "sqlite"
path = "site/site.db"
[[source]]
kind = "csv"
path = "site"
"#;
const SWEPT: [&str; 2] = ["/spool", "/spill"];
/// With it a vacuum takes all that the newest commit does not need.
const KEEP_NOTHING: (&str, &str) = ("CAUSEWAY_RETENTION__KEEP", "0s");

/// A site of two dates and two consultants.
struct Site {
    deployment: Deployment,
    changes: Cell<u32>,
}

impl Site {
    async fn new() -> Self {
        let pair = (StoreKind::Folder, DatabaseKind::Sqlite);
        let deployment = Deployment::create(pair, "meetassist", SOURCES).await;
        let site = Self {
            deployment,
            changes: Cell::new(0),
        };
        site.execute(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE Appointment (AppointmentId INTEGER PRIMARY KEY, CustomerId TEXT,
               Date TEXT, Time TEXT, Description TEXT);
             INSERT INTO Appointment VALUES
               (1, 'fb-1', '2025-01-01', '09:00', ''), (2, 'fb-2', '2025-01-02', '09:00', '');",
        );
        site.change();
        site
    }

    fn execute(&self, sql: &str) {
        let db = Connection::open(self.deployment.site().join("site.db")).unwrap();
        db.execute_batch(sql).unwrap();
    }

    /// Changes a row of each source.
    fn change(&self) {
        let n = self.changes.get() + 1;
        self.changes.set(n);
        self.execute(&format!(
            "UPDATE Appointment SET Description = '{n}' WHERE AppointmentId = 1"
        ));
        let text = format!("consultantid,fullname,email,joindate\n1,An {n},a@x,2020-01-01\n");
        fs::write(self.deployment.site().join("consultant.csv"), text).unwrap();
    }

    fn sync(&self) {
        let _ = self.deployment.agent(&["sync"]).expect_code(0);
    }

    fn state(&self) -> PathBuf {
        self.deployment.path("state")
    }

    fn store(&self) -> &Path {
        self.deployment.store.folder().unwrap()
    }

    /// Runs the agent and stops it; false where it was done before.
    fn stopped(&self, crash: &Crash, how: How, step: u64, command: &str) -> bool {
        let (state, store) = (self.state(), self.store());
        let under = match how {
            How::Kill | How::Torn => [&*state, store].to_vec(),
            How::Broken | How::Full => [&*state].to_vec(),
        };
        let variables = crash.at(step, how, &under, &SWEPT);
        let agent = self.deployment.agent_program(&[command]).envs(variables);
        let kept = (command == "vacuum").then_some(KEEP_NOTHING);
        let ended = agent.envs(kept).run();
        if !crash.was_reached() {
            assert_eq!(ended.code, Some(0), "{command}, step {step}: {ended}");
            return false;
        }
        match how {
            How::Kill | How::Torn => assert_eq!(ended.code, None, "{ended}"),
            // What it can do without it does without, and says the rest.
            How::Broken | How::Full => {
                assert!(matches!(ended.code, Some(0 | 1)), "step {step}: {ended}");
                assert!(!ended.stderr.contains("panicked"), "step {step}: {ended}");
            }
        }
        true
    }

    /// Goes on as a supervisor does, then compares every row on both sides and reads the log from
    /// its first commit on.
    fn assert_converges(&self, what: &str) {
        for command in ["sync", "verify"] {
            let ended = self.deployment.agent(&[command]);
            assert_eq!(ended.code, Some(0), "{what}: {ended}");
        }
    }

    /// Stops a command at every step in some ways, each time from how the site stands now.
    fn stop_everywhere(&self, command: &str, ways: [How; 2]) {
        let crash = Crash::build();
        let before = Copied::of(&[&self.state(), self.store()]);
        for how in ways {
            let mut step = 1;
            while self.stopped(&crash, how, step, command) {
                self.assert_converges(&format!("{command}, {how:?} at step {step}"));
                before.put_back();
                step += 1;
            }
            assert!(step > 5, "{command} has {step} steps to meet {how:?} at");
            before.put_back();
        }
    }
}

/// Files as they were.
struct Copied {
    folders: Vec<PathBuf>,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Copied {
    fn of(folders: &[&Path]) -> Self {
        let read = |path: PathBuf| (path.clone(), fs::read(path).unwrap());
        let folders: Vec<PathBuf> = folders.iter().map(|folder| (*folder).to_owned()).collect();
        let files = folders.iter().flat_map(|folder| files_in(folder));
        Self {
            files: files.map(read).collect(),
            folders,
        }
    }

    /// Makes them so again. Their inodes stay, by which a state knows itself.
    fn put_back(&self) {
        for path in self.folders.iter().flat_map(|folder| files_in(folder)) {
            if !self.files.contains_key(&path) {
                fs::remove_file(path).unwrap();
            }
        }
        for (path, content) in &self.files {
            if fs::read(path).ok().as_ref() != Some(content) {
                fs::write(path, content).unwrap();
            }
        }
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let of = |path: PathBuf| {
        if path.is_dir() {
            files_in(&path)
        } else {
            vec![path]
        }
    };
    entries
        .flat_map(|entry| of(entry.unwrap().path()))
        .collect()
}

const KILLED: [How; 2] = [How::Kill, How::Torn];
const DISK_FAILS: [How; 2] = [How::Broken, How::Full];

/// What a first migration, a cycle, a cycle with a checkpoint and a vacuum begin with.
async fn before_migration() -> Site {
    Site::new().await
}

async fn before_a_cycle() -> Site {
    let site = Site::new().await;
    site.sync();
    site.change();
    site
}

async fn before_a_checkpoint() -> Site {
    let site = Site::new().await;
    for _ in 1..64 {
        site.sync();
        site.change();
    }
    site
}

async fn before_a_vacuum() -> Site {
    let site = Site::new().await;
    for _ in 0..3 {
        site.sync();
        site.change();
    }
    site.sync();
    site
}

#[tokio::test]
async fn a_migration_that_is_killed_anywhere_goes_on() {
    before_migration().await.stop_everywhere("migrate", KILLED);
}

#[tokio::test]
async fn a_migration_whose_state_fails_anywhere_goes_on() {
    before_migration()
        .await
        .stop_everywhere("migrate", DISK_FAILS);
}

#[tokio::test]
async fn a_cycle_that_is_killed_anywhere_goes_on() {
    before_a_cycle().await.stop_everywhere("sync", KILLED);
}

#[tokio::test]
async fn a_cycle_whose_state_fails_anywhere_goes_on() {
    before_a_cycle().await.stop_everywhere("sync", DISK_FAILS);
}

#[tokio::test]
async fn a_checkpoint_that_is_killed_anywhere_goes_on() {
    before_a_checkpoint().await.stop_everywhere("sync", KILLED);
}

#[tokio::test]
async fn a_checkpoint_whose_state_fails_anywhere_goes_on() {
    before_a_checkpoint()
        .await
        .stop_everywhere("sync", DISK_FAILS);
}

#[tokio::test]
async fn a_vacuum_that_is_killed_anywhere_takes_nothing_that_is_needed() {
    before_a_vacuum().await.stop_everywhere("vacuum", KILLED);
}

#[tokio::test]
async fn a_vacuum_whose_state_fails_anywhere_takes_nothing_that_is_needed() {
    before_a_vacuum()
        .await
        .stop_everywhere("vacuum", DISK_FAILS);
}

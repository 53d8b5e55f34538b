//! A site small enough to be carried hundreds of times by one test.

use std::cell::Cell;
use std::fs;

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

/// Two dates of appointments in a SQLite file, and a CSV file with a consultant.
pub(crate) struct SmallSite {
    pub(crate) deployment: Deployment,
    changes: Cell<u32>,
}

impl SmallSite {
    /// Nothing of it is pushed yet.
    pub(crate) async fn new(store: StoreKind) -> Self {
        let pair = (store, DatabaseKind::Sqlite);
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

    /// Runs SQL as its application does.
    pub(crate) fn execute(&self, sql: &str) {
        let db = Connection::open(self.deployment.site().join("site.db")).unwrap();
        db.execute_batch(sql).unwrap();
    }

    /// Changes one partition of each source.
    pub(crate) fn change(&self) {
        let n = self.changes.get() + 1;
        self.changes.set(n);
        self.execute(&format!(
            "UPDATE Appointment SET Description = '{n}' WHERE AppointmentId = 1"
        ));
        let text = format!("consultantid,fullname,email,joindate\n1,An {n},a@x,2020-01-01\n");
        fs::write(self.deployment.site().join("consultant.csv"), text).unwrap();
    }

    pub(crate) fn sync(&self) {
        let _ = self.deployment.agent(&["sync"]).expect_code(0);
    }

    /// The number of its last commit, by the store's log.
    pub(crate) async fn commits(&self) -> usize {
        let store = self.deployment.store.open().await;
        let log = "sites/hcm-01/log/";
        let keys = causeway_shared::store::list_all(&*store, log, None).await;
        keys.unwrap().len()
    }

    /// Goes on as a supervisor does, then compares every row on both sides and reads the log from
    /// its first commit on.
    pub(crate) fn assert_converges(&self, what: &str) {
        assert_converges(&self.deployment, what);
    }
}

/// As [`SmallSite::assert_converges`].
pub(crate) fn assert_converges(deployment: &Deployment, what: &str) {
    for command in ["sync", "verify"] {
        let ended = deployment.agent(&[command]);
        assert_eq!(ended.code, Some(0), "{what}: {ended}");
    }
}

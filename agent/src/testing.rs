//! A small site for tests of whole cycles.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use causeway_shared::catalog::Catalog;
use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::layout::{self, LogKey, SiteKey};
use causeway_shared::quarantine::RefusedRows;
use causeway_shared::store::memory::MemoryStore;
use causeway_shared::store::{Store, list_all};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::agent::Agent;
use crate::config::{AgentConfig, Machine};
use crate::cycle::attempt::SyncOptions;
use crate::cycle::report::CycleReport;
use crate::cycle::sync::sync;
use crate::progress::Silent;
use crate::state::StoredWriter;
use crate::verify::report::VerifyReport;
use crate::verify::verify;

/// A site with a CSV folder of consultants and 120 appointments over 12 days.
pub(crate) struct Site {
    folder: TempDir,
    pub(crate) store: Store,
}

impl Site {
    /// 120 appointments over 12 days, enough for the guard.
    pub(crate) fn new() -> Self {
        Self::with_appointments(120)
    }

    /// 30 appointments over 3 days, for tests of many cycles.
    pub(crate) fn small() -> Self {
        Self::with_appointments(30)
    }

    fn with_appointments(appointments: u32) -> Self {
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
            store: Arc::new(MemoryStore::new()),
        };
        fs::create_dir(site.folder.path().join("csv")).unwrap();
        site.write(
            "consultant",
            "consultantid,fullname,email,joindate\n1,An,an@x,2020-01-01\n",
        );
        site.write_appointments(0..appointments, "pending");
        site
    }

    pub(crate) fn csv(&self, table: &str) -> PathBuf {
        self.folder.path().join(format!("csv/{table}.csv"))
    }

    pub(crate) fn write(&self, table: &str, text: &str) {
        fs::write(self.csv(table), text).unwrap();
    }

    /// Appointments with these ids, ten a day; the first has the given status.
    pub(crate) fn write_appointments(&self, ids: std::ops::Range<u32>, first: &str) {
        let mut text =
            String::from("appointmentid,customerid,date,time,duration,status,createdat\n");
        for id in ids.clone() {
            let (day, hour) = (id / 10 + 1, id % 10 + 8);
            let status = if id == ids.start { first } else { "pending" };
            text += &format!("{id},fb-1,2025-01-{day:02},{hour:02}:00,60,{status},2025-01-01\n");
        }
        self.write("appointment", &text);
    }

    /// A consultant more, who is refused.
    pub(crate) fn refuse_a_consultant(&self) {
        self.write(
            "consultant",
            "consultantid,fullname,email,joindate\n1,An,an@x,2020-01-01\nx,Bo,b@x,2020-01-01\n",
        );
    }

    pub(crate) fn config(&self, host: &str, state: &str) -> AgentConfig {
        let text = format!(
            "site = \"a\"\nhost = \"{host}\"\nstate_dir = \"{state}\"\nstore.url = \"file:///s\"\n\
             [[source]]\nkind = \"csv\"\npath = \"csv\""
        );
        let machine = Machine {
            host: String::new(),
            boot: "b".into(),
        };
        let file = toml::from_str(&text).unwrap();
        AgentConfig::from_file(file, self.folder.path().into(), &machine).unwrap()
    }

    pub(crate) fn agent_on(&self, host: &str, store: Store) -> Agent {
        Agent::with_store(self.config(host, &format!("state-{host}")), store).unwrap()
    }

    /// The agent of the first machine.
    pub(crate) fn agent(&self) -> Agent {
        self.agent_on("one", Arc::clone(&self.store))
    }

    pub(crate) fn state(&self, host: &str) -> PathBuf {
        self.folder.path().join(format!("state-{host}"))
    }

    pub(crate) async fn sync(&self) -> CycleReport {
        sync(&self.agent(), SyncOptions::default()).await.unwrap()
    }

    /// Takes a commit away behind the agent's back.
    pub(crate) async fn remove_commit(&self, seq: u64) {
        let key = self.agent().log().key(&LogKey::Commit(Seq(seq)));
        self.store.delete(&key).await.unwrap();
    }

    /// As if the log had not been asked for long.
    pub(crate) fn forget_when_the_log_was_asked(&self) {
        let mut state = self.agent().state().unwrap();
        let writer = state.writer().unwrap().unwrap();
        state
            .note_writer(&StoredWriter {
                seen: None,
                ..writer
            })
            .unwrap();
    }

    /// The numbers of the commits that are there.
    pub(crate) async fn commits(&self) -> Vec<u64> {
        let listed = list_all(&*self.store, "sites/a/log/", None).await.unwrap();
        let seq = |key: &str| match SiteKey::parse(key) {
            Some((_, SiteKey::Log(_, LogKey::Commit(seq)))) => Some(seq.0),
            _ => None,
        };
        listed
            .iter()
            .filter_map(|object| seq(&object.key))
            .collect()
    }

    /// What `verify --repair` mends.
    pub(crate) async fn repair(&self) -> VerifyReport {
        let repaired = verify(&self.agent(), true, Arc::new(Silent)).await;
        repaired.unwrap()
    }

    /// Every partition of the log, by a reader that starts with nothing.
    pub(crate) async fn log(&self) -> (Seq, u64, usize) {
        let catalog = self.agent().log().read_catalog().await.unwrap();
        let head = catalog.head.as_ref().unwrap();
        (head.seq, head.epoch, catalog.partitions.len())
    }

    /// Fails unless the log is whole, names what is in the store, and says what the source says.
    pub(crate) async fn assert_converged(&self) {
        let catalog = self.agent().log().read_catalog().await.unwrap();
        for ((table, part), entry) in &catalog.partitions {
            let object = LogKey::Object(table.clone(), *part, entry.object.md5);
            let key = self.agent().log().key(&object);
            let read = causeway_shared::object::contents(&*self.store, &key)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(
                (read.md5, read.rows, read.bytes),
                (entry.object.md5, entry.object.rows, entry.object.bytes),
                "{key}"
            );
        }
        let fresh = self.agent_on("fresh", Arc::new(MemoryStore::new()));
        let _ = fs::remove_dir_all(self.state("fresh"));
        sync(&fresh, SyncOptions::default()).await.unwrap();
        let expected = fresh.log().read_catalog().await.unwrap();
        let objects = |catalog: &Catalog| {
            let entries = catalog.partitions.iter();
            entries
                .map(|(key, entry)| (key.clone(), entry.object.md5))
                .collect::<Vec<_>>()
        };
        assert_eq!(objects(&catalog), objects(&expected));
        assert_eq!(refused(&self.store).await, refused(fresh.store()).await);
    }
}

/// The refused rows in a store, by their files, without when they were first listed.
async fn refused(store: &Store) -> Vec<(String, RefusedRows)> {
    let prefix = layout::quarantine_prefix(&SiteName::new("a").unwrap());
    let mut files = Vec::new();
    for object in list_all(&**store, &prefix, None).await.unwrap() {
        let csv = store.get(&object.key).await.unwrap();
        let mut rows = RefusedRows::decode(&csv.bytes(1 << 20).await.unwrap()).unwrap();
        for row in &mut rows.listed {
            row.since = Timestamp::UNIX_EPOCH;
        }
        files.push((object.key, rows));
    }
    files
}

/// Copies a state, as a backup does.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::copy(from.join("state.db"), to.join("state.db")).unwrap();
}

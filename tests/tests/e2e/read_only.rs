//! A source where nobody can write: not the database, and no file beside it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use causeway_tests::{StoreKind, TestStore, command, may_mount};
use rusqlite::Connection;

const DATASET: &str = r#"
name = "pairs"
version = 1
[[table]]
name = "pair"
key = ["a"]
partition = { buckets = 1 }
column = [{ name = "a", type = "int" }]
"#;

/// Makes the folder of the source read-only for the program that follows, and for it alone.
const MOUNT: &str = "mount --bind site site && mount -o remount,ro,bind site || exit 99
! touch site/x 2>/dev/null && exec \"$0\" sync --json";

/// Runs one cycle on a site that is mounted read-only; `None` where nobody may mount.
fn synced(folder: &Path, store: &TestStore) -> Option<Output> {
    let agent = command("causeway-agent");
    let mut unshared = Command::new("unshare");
    // Less what belongs to the run.
    for (variable, _) in agent.get_envs() {
        unshared.env_remove(variable);
    }
    let output = unshared
        .args(["--map-root-user", "--mount", "sh", "-c", MOUNT])
        .arg(agent.get_program())
        .current_dir(folder)
        .envs(store.env())
        .output()
        .ok()?;
    let is_refused = output.status.code() == Some(99) || output.stderr.starts_with(b"unshare:");
    (!is_refused).then_some(output)
}

#[test]
fn a_database_on_a_read_only_mount_is_read() {
    // Closed, and with a writer that keeps its -wal and -shm there.
    for (mode, in_use) in [("delete", false), ("wal", false), ("wal", true)] {
        let folder = tempfile::tempdir().unwrap();
        let store = TestStore::create(StoreKind::Folder);
        fs::create_dir(folder.path().join("site")).unwrap();
        fs::write(folder.path().join("pairs.toml"), DATASET).unwrap();
        let config = "site = \"hcm-01\"\ndataset = \"pairs.toml\"\n\
                      [[source]]\nkind = \"sqlite\"\npath = \"site/site.db\"\n";
        fs::write(folder.path().join("agent.toml"), config).unwrap();
        let db = Connection::open(folder.path().join("site/site.db")).unwrap();
        db.execute_batch(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE pair (a); INSERT INTO pair VALUES (1), (2)"
        ))
        .unwrap();
        let db = Some(db).filter(|_| in_use);
        let Some(output) = synced(folder.path(), &store) else {
            assert!(
                !may_mount(),
                "./test found that it may mount, and this test may not"
            );
            eprintln!("not tested: nobody may mount here");
            return;
        };
        drop(db);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["rows"]["scanned"], 2, "{mode} {in_use}: {output:?}");
    }
}

//! The agent, stopped at each of its steps: killed, killed in the middle of a write, with a state on a
//! disk that breaks or fills up. Whatever it leaves, the next start goes on from there.
//!
//! A step is a call that changes a file of the state or of the store, here a folder. What waits in
//! the spool and in sorted runs is swept by every cycle, so those files are no steps.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::layout::{LogKey, WhichLog};
use causeway_tests::StoreKind;
use causeway_tests::crash::{Crash, How};

use crate::small::SmallSite;

const SWEPT: [&str; 2] = ["/spool", "/spill"];
/// With it a vacuum takes all that the newest commit does not need.
const KEEP_NOTHING: (&str, &str) = ("CAUSEWAY_RETENTION__KEEP", "0s");

/// A small site whose store is a folder.
struct Ground(SmallSite);

impl Ground {
    async fn new() -> Self {
        Self(SmallSite::new(StoreKind::Folder).await)
    }

    /// A site with so many commits and a change.
    async fn committed(commits: u32) -> Self {
        let ground = Self::new().await;
        for _ in 0..commits {
            ground.0.sync();
            ground.0.change();
        }
        ground
    }

    /// The first checkpoint that is due.
    fn checkpoint(&self) -> PathBuf {
        let key =
            LogKey::Checkpoint(Seq(64)).of(WhichLog::Agent, &SiteName::new("hcm-01").unwrap());
        self.0.deployment.store.folder().unwrap().join(key)
    }

    /// The cycle that was stopped everywhere writes a checkpoint where nothing stops it.
    fn assert_checkpoint_is_a_step(&self) {
        self.0.sync();
        assert!(self.checkpoint().exists(), "no checkpoint was due");
    }

    /// Runs the agent and stops it; false where it was done before.
    fn stopped(&self, crash: &Crash, how: How, step: u64, command: &str) -> bool {
        let deployment = &self.0.deployment;
        let (state, store) = (deployment.path("state"), deployment.store.folder().unwrap());
        let under = match how {
            How::Kill | How::Torn => [&*state, store].to_vec(),
            How::Broken | How::Full => [&*state].to_vec(),
        };
        let variables = crash.at(step, how, &under, &SWEPT);
        let agent = deployment.agent_program(&[command]).envs(variables);
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

    /// Stops a command at every step in some ways, each time from how the site stands now.
    fn stop_everywhere(&self, command: &str, ways: [How; 2]) {
        let crash = Crash::build();
        let deployment = &self.0.deployment;
        let store = deployment.store.folder().unwrap();
        let before = Copied::of(&[&deployment.path("state"), store]);
        for how in ways {
            let mut step = 1;
            while self.stopped(&crash, how, step, command) {
                self.0
                    .assert_converges(&format!("{command}, {how:?} at step {step}"));
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

async fn before_a_vacuum() -> Ground {
    let ground = Ground::committed(4).await;
    ground.0.sync();
    ground
}

#[tokio::test]
async fn a_migration_that_is_killed_anywhere_goes_on() {
    Ground::new().await.stop_everywhere("migrate", KILLED);
}

#[tokio::test]
async fn a_migration_whose_state_fails_anywhere_goes_on() {
    Ground::new().await.stop_everywhere("migrate", DISK_FAILS);
}

#[tokio::test]
async fn a_cycle_that_is_killed_anywhere_goes_on() {
    Ground::committed(1).await.stop_everywhere("sync", KILLED);
}

#[tokio::test]
async fn a_cycle_whose_state_fails_anywhere_goes_on() {
    Ground::committed(1)
        .await
        .stop_everywhere("sync", DISK_FAILS);
}

/// A site whose next commit has a checkpoint.
async fn before_a_checkpoint() -> Ground {
    let ground = Ground::committed(63).await;
    assert!(!ground.checkpoint().exists());
    ground
}

#[tokio::test]
async fn a_checkpoint_that_is_killed_anywhere_goes_on() {
    let ground = before_a_checkpoint().await;
    ground.stop_everywhere("sync", KILLED);
    ground.assert_checkpoint_is_a_step();
}

#[tokio::test]
async fn a_checkpoint_whose_state_fails_anywhere_goes_on() {
    let ground = before_a_checkpoint().await;
    ground.stop_everywhere("sync", DISK_FAILS);
    ground.assert_checkpoint_is_a_step();
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

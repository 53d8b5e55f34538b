//! A site, its store and two hubs, to be damaged again and again.
//!
//! A folder and SQLite alone: the damage is found by what reads the store, before a database is
//! asked. What a refused load leaves in either database is held to in `damage.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use causeway_shared::catalog::Catalog;
use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::layout::{LogKey, SiteKey, WhichLog};
use causeway_shared::log::SiteLog;
use causeway_shared::store::folder::FolderStore;
use causeway_tests::{Finished, Program};
use tempfile::TempDir;

use super::kinds::{Damage, Thing, flipped, middle, newer};

const DATASET: &str = r#"
name = "notes"
version = 2
[[table]]
name = "note"
key = ["id"]
partition = { buckets = 1 }
column = [{ name = "id", type = "int" }, { name = "body", type = "text" }]
[[table]]
name = "memo"
key = ["id"]
partition = { buckets = 1 }
column = [{ name = "id", type = "int" }, { name = "body", type = "text" }]
"#;

/// A site, its store and two hubs in a folder, and a copy of it all to begin again from.
pub(super) struct Ground {
    folder: TempDir,
    /// The object of the rows at each commit.
    pub(super) objects: Vec<PathBuf>,
}

fn site() -> SiteName {
    SiteName::new("hcm-01").unwrap()
}

impl Ground {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut ground = Self {
            folder,
            objects: Vec::new(),
        };
        fs::create_dir_all(ground.path("work/store")).unwrap();
        ground.write("notes.toml", DATASET);
        let store = format!(
            "[store]\nurl = \"file://{}\"\n",
            ground.path("work/store").display()
        );
        ground.write(
            "agent.toml",
            &format!(
                "site = \"hcm-01\"\ndataset = \"notes.toml\"\nstate_dir = \"work/state\"\n{store}\
                 [[source]]\nkind = \"csv\"\npath = \"work/csv\"\n"
            ),
        );
        for hub in ["loaded", "new"] {
            let database = ground.path(&format!("work/{hub}"));
            let database = format!("[database]\nurl = \"sqlite:{}\"\n", database.display());
            ground.write(&format!("{hub}.toml"), &format!("{store}{database}"));
            let _ = ground.hub(hub, "init").expect_code(0);
        }
        fs::create_dir(ground.path("work/csv")).unwrap();
        ground.edit_source("memo", "version 1");
        for seq in 1..=3 {
            ground.commit(seq).await;
        }
        copy(&ground.path("work"), &ground.path("kept"));
        ground
    }

    /// Changes the source, pushes it, and keeps what a later damage puts in its place.
    async fn commit(&mut self, seq: u64) {
        self.edit_source("note", &format!("version {seq}"));
        let _ = self.agent(&["sync"]).expect_code(0);
        let known = self.objects.clone();
        let objects = fs::read_dir(self.path("work/store/sites/hcm-01/data/note/b=0of1")).unwrap();
        let mut objects = objects.map(|object| object.unwrap().path());
        let fresh = objects.find(|object| !known.contains(object));
        self.objects.push(fresh.expect("a new object"));
        if seq != 2 {
            self.write_checkpoint().await;
        }
        if seq == 1 {
            fs::copy(self.path("work/state/state.db"), self.path("older.db")).unwrap();
            let _ = self.hub("loaded", "load").expect_code(0);
        }
        copy(
            &self.path("work/store"),
            &self.path(&format!("store-{seq}")),
        );
    }

    async fn write_checkpoint(&self) {
        let folder = FolderStore::open(&self.path("work/store")).unwrap();
        let log = SiteLog::new(Arc::new(folder), site());
        let catalog: Catalog = log.read_catalog().await.unwrap();
        log.write_checkpoint(&catalog).await.unwrap();
    }

    /// Puts everything back as it was before the damage, each file in its place.
    pub(super) fn restore(&self) {
        restore(&self.path("kept"), &self.path("work"));
    }

    pub(super) fn edit_source(&self, table: &str, body: &str) {
        let rows = format!("id,body\n1,{body}\n2,other\n");
        self.write(&format!("work/csv/{table}.csv"), &rows);
    }

    fn thing(&self, thing: Thing, seq: u64) -> String {
        let log = |key| SiteKey::Log(WhichLog::Agent, key);
        let key = match thing {
            Thing::Object => {
                let object = &self.objects[usize::try_from(seq).unwrap() - 1];
                return object.display().to_string();
            }
            Thing::State => return self.path("work/state/state.db").display().to_string(),
            Thing::Commit | Thing::Head | Thing::BareHead => log(LogKey::Commit(Seq(seq))),
            Thing::Checkpoint => log(LogKey::Checkpoint(Seq(seq))),
            Thing::Latest => log(LogKey::Latest),
            Thing::Dataset => {
                let dataset = causeway_shared::dataset::Dataset::from_toml(DATASET).unwrap();
                SiteKey::Dataset(dataset.md5())
            }
        };
        let store = self.path("work/store");
        store.join(key.of(&site())).display().to_string()
    }

    pub(super) fn inflict(&self, thing: Thing, damage: Damage) {
        let seq = if matches!(thing, Thing::Commit) { 2 } else { 3 };
        if matches!(thing, Thing::BareHead) {
            fs::remove_file(self.thing(Thing::Checkpoint, 3)).unwrap();
            let older = self.older(Thing::Latest, 1);
            fs::write(self.thing(Thing::Latest, 1), older).unwrap();
        }
        let file = PathBuf::from(self.thing(thing, seq));
        let mut bytes = fs::read(&file).unwrap();
        match damage {
            Damage::Missing => return fs::remove_file(file).unwrap(),
            Damage::Truncated => bytes.truncate(middle(thing, &bytes)),
            Damage::FlippedBit => bytes = flipped(thing, bytes),
            Damage::Older => bytes = self.older(thing, seq),
            Damage::Newer => bytes = newer(thing, &file, bytes),
            Damage::Empty => bytes.clear(),
        }
        fs::write(file, bytes).unwrap();
    }

    /// What stood, or might have stood, in its place before.
    fn older(&self, thing: Thing, seq: u64) -> Vec<u8> {
        let before = match thing {
            Thing::State => return fs::read(self.path("older.db")).unwrap(),
            Thing::Dataset => {
                let older = DATASET.replace("version = 2", "version = 1");
                let older = causeway_shared::dataset::Dataset::from_toml(&older).unwrap();
                return older.canonical_json().as_bytes().to_vec();
            }
            Thing::Latest => {
                let [now, then] = ["work/store", "store-1"].map(|store| self.path(store));
                let latest = self.thing(thing, 1);
                latest.replace(now.to_str().unwrap(), then.to_str().unwrap())
            }
            Thing::Checkpoint => self.thing(thing, 1),
            Thing::Object | Thing::Commit | Thing::Head | Thing::BareHead => {
                self.thing(thing, seq - 1)
            }
        };
        fs::read(before).unwrap()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(super) fn agent(&self, args: &[&str]) -> Finished {
        self.run("causeway-agent", "agent.toml", args)
    }

    pub(super) fn hub(&self, hub: &str, command: &str) -> Finished {
        self.run("causeway-hub", &format!("{hub}.toml"), &[command])
    }

    fn run(&self, program: &str, config: &str, args: &[&str]) -> Finished {
        Program::new(program)
            .current_dir(self.folder.path())
            .args(args)
            .args(["--json", "--config", config])
            .run()
    }
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Makes a folder equal to another one, writing into the files that are there.
fn restore(from: &Path, to: &Path) {
    for entry in fs::read_dir(to).unwrap() {
        let entry = entry.unwrap();
        if !from.join(entry.file_name()).exists() {
            match entry.file_type().unwrap().is_dir() {
                true => fs::remove_dir_all(entry.path()).unwrap(),
                false => fs::remove_file(entry.path()).unwrap(),
            }
        }
    }
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&to).unwrap();
            restore(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

//! A site, its store and two hubs, to be damaged again and again.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use causeway_shared::catalog::Catalog;
use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::layout::SiteKey;
use causeway_shared::log::SiteLog;
use causeway_shared::store::folder::FolderStore;
use causeway_tests::{Finished, Program};
use rusqlite::Connection;
use tempfile::TempDir;

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

/// What lies in the store, or beside the agent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Thing {
    /// The rows as of commit 3.
    Object,
    /// A commit with another one behind it.
    Commit,
    /// The newest commit.
    Head,
    /// The newest of two.
    Checkpoint,
    Latest,
    Dataset,
    State,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Damage {
    Missing,
    Truncated,
    FlippedBit,
    Older,
    Newer,
    Empty,
}

const DAMAGES: [Damage; 6] = [
    Damage::Missing,
    Damage::Truncated,
    Damage::FlippedBit,
    Damage::Older,
    Damage::Newer,
    Damage::Empty,
];

/// A site, its store and two hubs in a folder, and a copy of it all to begin again from.
pub(crate) struct Ground {
    folder: TempDir,
    /// The object of the rows at each commit.
    objects: Vec<PathBuf>,
}

fn site() -> SiteName {
    SiteName::new("hcm-01").unwrap()
}

impl Ground {
    pub(crate) async fn new() -> Self {
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
        let catalog: Catalog = log.load().await.unwrap();
        log.write_checkpoint(&catalog).await.unwrap();
    }

    /// Puts everything back as it was before the damage, each file in its place.
    fn restore(&self) {
        restore(&self.path("kept"), &self.path("work"));
    }

    fn edit_source(&self, table: &str, body: &str) {
        let rows = format!("id,body\n1,{body}\n2,other\n");
        self.write(&format!("work/csv/{table}.csv"), &rows);
    }

    fn thing(&self, thing: Thing, seq: u64) -> String {
        let key = match thing {
            Thing::Object => {
                let object = &self.objects[usize::try_from(seq).unwrap() - 1];
                return object.display().to_string();
            }
            Thing::State => return self.path("work/state/state.db").display().to_string(),
            Thing::Commit | Thing::Head => SiteKey::Commit(Seq(seq)),
            Thing::Checkpoint => SiteKey::Checkpoint(Seq(seq)),
            Thing::Latest => SiteKey::Latest,
            Thing::Dataset => {
                let dataset = causeway_shared::dataset::Dataset::from_toml(DATASET).unwrap();
                SiteKey::Dataset(dataset.md5())
            }
        };
        let store = self.path("work/store");
        store.join(key.of(&site())).display().to_string()
    }

    fn inflict(&self, thing: Thing, damage: Damage) {
        let seq = if matches!(thing, Thing::Commit) { 2 } else { 3 };
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
            Thing::Object | Thing::Commit | Thing::Head => self.thing(thing, seq - 1),
        };
        fs::read(before).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn agent(&self, args: &[&str]) -> Finished {
        self.run("causeway-agent", "agent.toml", args)
    }

    fn hub(&self, hub: &str, command: &str) -> Finished {
        self.run("causeway-hub", &format!("{hub}.toml"), &[command])
    }

    fn run(&self, program: &str, config: &str, args: &[&str]) -> Finished {
        Program::new(program)
            .current_dir(self.folder.path())
            .args(args)
            .args(["--json", "--config", config])
            .run()
    }

    /// A text without what is another in each run.
    fn masked(&self, text: &str) -> String {
        let mut text = text.replace(&self.path("").display().to_string(), "");
        for (seq, object) in (1..).zip(&self.objects) {
            let name = object.file_name().unwrap().to_str().unwrap();
            let md5 = name.trim_end_matches(".csv.zst");
            text = text.replace(md5, &format!("<{seq}>"));
        }
        text = text
            .replace("sites/hcm-01/", "…/")
            .replace("00000000000000000", "…");
        // The length of a commit's time is not always the same.
        if let Some((before, column)) = text.split_once("column ") {
            let rest = column.trim_start_matches(|c: char| c.is_ascii_digit());
            text = format!("{before}column n{rest}");
        }
        let words = text.split_inclusive([' ', '.', '/', ',']).map(|word| {
            let is_md5 = word.len() > 31 && word.as_bytes()[..32].iter().all(u8::is_ascii_hexdigit);
            if is_md5 {
                format!("<md5>{}", &word[32..])
            } else {
                word.to_owned()
            }
        });
        words.collect()
    }

    /// What the programs make of it, a line each.
    fn outcome(&self, thing: Thing, damage: Damage) -> String {
        self.restore();
        self.inflict(thing, damage);
        let mut told = format!("{damage:?}\n");
        for hub in ["loaded", "new"] {
            let answer = self.masked(&load(&self.hub(hub, "load")));
            writeln!(told, "  {hub} hub: {answer}").unwrap();
        }

        self.restore();
        self.inflict(thing, damage);
        self.edit_source("memo", "version 4");
        let answer = self.masked(&sync(&self.agent(&["sync"])));
        writeln!(told, "  sync: {answer}").unwrap();
        let verified = self.masked(&verify(&self.agent(&["verify"])));
        writeln!(told, "  verify: {verified}").unwrap();
        let repaired = self.masked(&verify(&self.agent(&["verify", "--repair"])));
        if repaired != verified {
            writeln!(told, "  repair: {repaired}").unwrap();
        }
        let synced = sync(&self.agent(&["sync"]));
        let loaded = ["loaded", "new"].map(|hub| load(&self.hub(hub, "load")));
        let after = verify(&self.agent(&["verify"]));
        let is_whole = ["loaded", "new"]
            .iter()
            .all(|hub| self.holds_the_sources_rows(hub));
        if !(is_whole && after == "whole") {
            let after = self.masked(&format!("{synced}; {loaded:?}; {after}"));
            writeln!(told, "  afterwards: {after}").unwrap();
        }
        told
    }

    fn holds_the_sources_rows(&self, hub: &str) -> bool {
        let db = Connection::open(self.path(&format!("work/{hub}/hcm-01.db"))).unwrap();
        let sql =
            "SELECT note.body || ', ' || memo.body FROM note, memo WHERE note.id + memo.id = 2";
        let bodies = db.query_row(sql, [], |row| row.get::<_, String>(0));
        bodies.is_ok_and(|bodies| bodies == "version 3, version 4")
    }

    pub(crate) fn outcomes(&self, thing: Thing) -> String {
        let outcome = |damage| self.outcome(thing, damage);
        DAMAGES.map(outcome).concat()
    }
}

/// Where a file is cut: half of it, or within a word that each commit has.
fn middle(thing: Thing, bytes: &[u8]) -> usize {
    match thing {
        Thing::Commit | Thing::Head => find(bytes, b"writer"),
        _ => bytes.len() / 2,
    }
}

/// The bytes with one bit flipped: of a number, where it leaves JSON as JSON.
fn flipped(thing: Thing, mut bytes: Vec<u8>) -> Vec<u8> {
    let number: &[u8] = match thing {
        Thing::Commit | Thing::Head | Thing::Checkpoint => b"\"rows\":2",
        Thing::Latest => b"\"checkpoint\":3",
        Thing::Dataset => b"\"version\":2",
        Thing::Object | Thing::State => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            return bytes;
        }
    };
    // Its compression has no check of its own.
    if matches!(thing, Thing::Checkpoint) {
        bytes = zstd::bulk::decompress(&bytes, 1 << 20).unwrap();
    }
    let at = find(&bytes, number) + number.len() - 1;
    bytes[at] ^= 1;
    match thing {
        Thing::Checkpoint => zstd::bulk::compress(&bytes, 3).unwrap(),
        _ => bytes,
    }
}

fn find(bytes: &[u8], text: &[u8]) -> usize {
    let mut windows = bytes.windows(text.len());
    windows.position(|window| window == text).expect("the text")
}

/// What a program of the future would have written there.
fn newer(thing: Thing, file: &Path, bytes: Vec<u8>) -> Vec<u8> {
    let compressed = |text: &[u8]| zstd::bulk::compress(text, 3).unwrap();
    let upgraded = |text: Vec<u8>| {
        let text = String::from_utf8(text).unwrap();
        text.replace("\"format\":1", "\"format\":7").into_bytes()
    };
    match thing {
        Thing::Object => compressed(b"id,body,mood\n1,version 3,good\n2,other,good\n"),
        Thing::Commit | Thing::Head | Thing::Latest => upgraded(bytes),
        Thing::Checkpoint => {
            compressed(&upgraded(zstd::bulk::decompress(&bytes, 1 << 20).unwrap()))
        }
        Thing::Dataset => {
            let text = String::from_utf8(bytes).unwrap();
            text.replacen('{', "{\"mood\":\"good\",", 1).into_bytes()
        }
        Thing::State => {
            let db = Connection::open(file).unwrap();
            db.pragma_update(None, "user_version", 99).unwrap();
            drop(db);
            fs::read(file).unwrap()
        }
    }
}

fn load(finished: &Finished) -> String {
    let report = finished.json();
    let site = &report["sites"][0];
    match site["error"].as_str() {
        Some(error) => {
            let code = finished.code.unwrap();
            format!("exit {code}, stays at {}: {error}", site["commit"])
        }
        None => format!("at {}", site["commit"]),
    }
}

fn sync(finished: &Finished) -> String {
    match finished.code {
        Some(0) => format!("commit {}", finished.json()["commit"]),
        _ => failed(finished),
    }
}

fn verify(finished: &Finished) -> String {
    let report = finished.json();
    let Some(differences) = report["differences"].as_array() else {
        return failed(finished);
    };
    let difference = |of: &serde_json::Value| {
        let table = of["table"].as_str().map(|table| format!("{table}: "));
        let mended = if of["repaired"] == true {
            " (mended)"
        } else {
            ""
        };
        let what = of["what"].as_str().unwrap();
        format!("{}{what}{mended}", table.unwrap_or_default())
    };
    match differences
        .iter()
        .map(difference)
        .collect::<Vec<_>>()
        .join("; ")
    {
        none if none.is_empty() => "whole".to_owned(),
        some => some,
    }
}

/// What a program says that gives no answer.
fn failed(finished: &Finished) -> String {
    format!(
        "exit {}: {}",
        finished.code.unwrap(),
        finished.json()["error"]
    )
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

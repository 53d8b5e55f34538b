//! Two sites in a store, and what the hub's programs tell of it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use causeway_tests::{Finished, Program, Running};
use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;

const DATASET: &str = r#"
name = "notes"
version = 1
[[table]]
name = "note"
key = ["id"]
partition = { buckets = 1 }
summary = { count_by = ["body"], sum = ["amount"] }
column = [
  { name = "id", type = "int" },
  { name = "body", type = "text" },
  { name = "amount", type = "int" },
]
"#;

/// How long each program may take, on a machine with other work.
const SOON: Duration = Duration::from_secs(60);
/// How long a service may take to end.
const LAST_WAIT: Duration = Duration::from_secs(10);
/// The most memory that each may take, in MiB: as a rule, and where a store holds as much as a reader
/// takes of one commit or checkpoint.
pub(super) const FEW_MIB: u64 = 128;
pub(super) const MANY_MIB: u64 = 384;

/// What a case is called, and what is done to the store.
pub(super) type Case<'c> = (&'c str, &'c dyn Fn(&Ground));

/// A store with the sites `bad` and `good`, and a hub.
pub(super) struct Ground {
    folder: TempDir,
    token: String,
}

impl Ground {
    pub(super) fn new() -> Self {
        let mut ground = Self {
            folder: tempfile::tempdir().unwrap(),
            token: String::new(),
        };
        fs::create_dir_all(ground.path("store")).unwrap();
        fs::create_dir(ground.path("csv")).unwrap();
        ground.write("csv/note.csv", "id,body,amount\n1,a,5\n2,b,6\n");
        ground.write("notes.toml", DATASET);
        let store = format!(
            "[store]\nurl = \"file://{}\"\n",
            ground.path("store").display()
        );
        let database = format!(
            "[database]\nurl = \"sqlite:{}\"\n[refresh]\nevery = \"1s\"\n",
            ground.path("database").display()
        );
        ground.write(
            "hub.toml",
            &format!("dataset = \"notes.toml\"\n{store}{database}"),
        );
        for site in ["bad", "good"] {
            ground.write(
                "agent.toml",
                &format!(
                    "site = \"{site}\"\ndataset = \"notes.toml\"\nstate_dir = \"{site}\"\n{store}\
                     [[source]]\nkind = \"csv\"\npath = \"csv\"\n"
                ),
            );
            let _ = ground
                .program("causeway-agent", &["sync", "--config", "agent.toml"])
                .run()
                .expect_code(0);
        }
        let made = ground
            .hub(&["token", "create", "--role", "viewer", "--name", "v"])
            .run();
        ground.token = made.expect_code(0).json()["token"]
            .as_str()
            .unwrap()
            .to_owned();
        copy(&ground.path("store"), &ground.path("kept"));
        ground
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn program(&self, name: &str, args: &[&str]) -> Program {
        let program = Program::new(name).current_dir(self.folder.path());
        program.args(args).args(["--json"]).time_limit(SOON)
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn hub(&self, args: &[&str]) -> Program {
        self.program("causeway-hub", args)
            .args(["--config", "hub.toml"])
    }

    /// A file of the site `bad`.
    pub(super) fn bad(&self, key: &str) -> PathBuf {
        self.path("store/sites/bad").join(key)
    }

    /// The only object of the site `bad`.
    pub(super) fn object(&self) -> PathBuf {
        let folder = self.bad("data/note/b=0of1");
        let object = fs::read_dir(folder).unwrap().next().unwrap();
        object.unwrap().path()
    }

    /// The only commit of the site `bad`, changed; without the check that it ended in.
    pub(super) fn change_commit(&self, change: impl FnOnce(&mut Value)) -> String {
        let file = self.bad("log/00000000000000000001.json");
        let mut commit: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        commit.as_object_mut().unwrap().remove("check");
        change(&mut commit);
        let text = commit.to_string();
        fs::write(file, &text).unwrap();
        text
    }

    /// What becomes of some cases: of those that come to the same, once.
    pub(super) async fn outcomes(&self, most_mib: u64, cases: &[Case<'_>]) -> String {
        let mut told: Vec<(String, String)> = Vec::new();
        for (name, inflict) in cases {
            let outcome = self.outcome((name, most_mib), *inflict).await;
            match told.iter_mut().find(|(_, known)| *known == outcome) {
                Some((names, _)) => write!(names, "; {name}").unwrap(),
                None => told.push(((*name).to_owned(), outcome)),
            }
        }
        let told = told
            .iter()
            .map(|(names, outcome)| format!("{names}\n{outcome}"));
        told.collect()
    }

    async fn outcome(&self, case: (&str, u64), inflict: &dyn Fn(&Self)) -> String {
        let (name, _) = case;
        for gone in ["store", "database"] {
            // The first time there is no database.
            let _ = fs::remove_dir_all(self.path(gone));
        }
        copy(&self.path("kept"), &self.path("store"));
        inflict(self);
        let _ = self.hub(&["init"]).run().expect_code(0);
        let mut told = String::new();

        let load = self.measured(case, &["load"]);
        let answer = load.json();
        let sites = answer["sites"].as_array().unwrap();
        let good = &sites.iter().find(|site| site["site"] == "good").unwrap();
        assert_eq!(good["rows"]["inserted"], 2, "{name}: {load}");
        writeln!(told, "  load: exit {}", load.code.unwrap()).unwrap();
        let failed = sites.iter().filter(|site| !site["error"].is_null()).count();
        if failed > 1 {
            writeln!(told, "    {failed} of {} sites fail", sites.len()).unwrap();
        }
        for site in sites.iter().filter(|site| site["site"] != "good").take(3) {
            let how = match site["error"].as_str() {
                Some(error) => error.to_owned(),
                None => format!(
                    "{}: {} rows in",
                    site["site"].as_str().unwrap(),
                    site["rows"]["inserted"]
                ),
            };
            writeln!(told, "    {}", self.masked(&how)).unwrap();
        }

        let status = self.measured(case, &["status"]);
        let answer = status.json();
        let sites = answer["sites"].as_array().unwrap();
        let good = sites.iter().find(|site| site["site"] == "good").unwrap();
        let of_good = [&good["commit"], &good["behind"], &good["rows"]["loaded"]];
        assert_eq!(of_good, [1, 0, 2], "{name}: {status}");
        assert_eq!(answer["store_error"], Value::Null, "{name}: {status}");
        writeln!(told, "  status: exit {}", status.code.unwrap()).unwrap();
        for site in sites.iter().filter(|site| site["site"] == "bad") {
            let behind = match site["log_error"].as_str() {
                Some(error) => error.to_owned(),
                None => format!("{} behind", site["behind"]),
            };
            writeln!(told, "    {}", self.masked(&behind)).unwrap();
            if let Some((table, rows)) = site["quarantined"]
                .as_object()
                .and_then(|of| of.iter().next())
            {
                writeln!(told, "    refused rows of {table}: {rows}").unwrap();
            }
        }
        self.serve(case).await;
        told
    }

    fn measured(&self, (name, most_mib): (&str, u64), args: &[&str]) -> Finished {
        let (finished, peak_bytes) = self.hub(args).spawn().wait_measured(SOON);
        let peak_mib = peak_bytes >> 20;
        assert!(peak_mib < most_mib, "{name}: {peak_mib} MiB: {finished}");
        finished
    }

    /// A service at work, and its address.
    pub(super) fn serving(&self, variables: &[(String, String)]) -> (Running, String) {
        let serve = self.hub(&["serve"]).envs(variables.iter().cloned());
        let serve = serve.envs([("CAUSEWAY_HTTP__LISTEN", "127.0.0.1:0")]);
        let mut running = serve.spawn();
        let line = running.wait_for_line("{\"address\":", SOON);
        let said: Value = serde_json::from_str(&line).unwrap();
        (running, said["address"].as_str().unwrap().to_owned())
    }

    /// A service goes round, answers for the site that is well, and ends.
    async fn serve(&self, (name, most_mib): (&str, u64)) {
        let began = Instant::now();
        let (running, url) = self.serving(&[]);
        let client = Client::builder().timeout(SOON).build().unwrap();
        let get = async |path: &str| -> Value {
            let request = client.get(format!("{url}{path}")).bearer_auth(&self.token);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 200, "{name}: {path}");
            serde_json::from_str(&answer.text().await.unwrap()).unwrap()
        };
        loop {
            let sync = get("/api/v1/sync").await;
            if sync["refresh"]["rounds"].as_u64().unwrap() > 1 {
                break;
            }
            assert!(began.elapsed() < SOON, "{name}: {sync}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let overview = get("/api/v1/overview?site=good").await;
        assert_eq!(overview["tables"][0]["rows"], 2, "{name}: {overview}");
        let _ = get("/api/v1/overview").await;
        let peak_mib = running.peak_bytes().unwrap() >> 20;
        assert!(peak_mib < most_mib, "{name}: {peak_mib} MiB");
        let asked = Instant::now();
        let ended = running.terminate().expect_code(0);
        assert!(asked.elapsed() < LAST_WAIT, "{name}: {ended}");
        assert!(!ended.stderr.contains("panicked"), "{name}: {ended}");
    }

    /// A text without what is another in each run.
    fn masked(&self, text: &str) -> String {
        let text = text
            .replace(&self.path("").display().to_string(), "")
            .replace("sites/bad/", "…/")
            .replace("00000000000000000", "…");
        let words = text.split_inclusive([' ', '.', '/', ',']).map(|word| {
            let is_md5 = word.len() > 31 && word.as_bytes()[..32].iter().all(u8::is_ascii_hexdigit);
            match is_md5 {
                true => format!("<md5>{}", &word[32..]),
                false => word.to_owned(),
            }
        });
        let text: String = words.collect();
        // The length of a commit's time is not always the same.
        match text.split_once("at line 1 column ") {
            Some((before, column)) => {
                let rest = column.trim_start_matches(|c: char| c.is_ascii_digit());
                format!("{before}at line 1 column n{rest}")
            }
            None => text,
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").args([from, to]).status();
    assert!(copied.unwrap().success());
}

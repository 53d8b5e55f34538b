//! A whole deployment in a folder of its own: a site, a store, a database, both configurations,
//! and the two programs run on them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::{DatabaseKind, Finished, Program, Running, StoreKind, TestDatabase, TestStore};

/// How long the hub may take until it listens.
const SERVES_WITHIN: Duration = Duration::from_secs(30);

/// The stores and databases that are tested together.
pub const PAIRS: [(StoreKind, DatabaseKind); 2] = [
    (StoreKind::Folder, DatabaseKind::Sqlite),
    (StoreKind::S3, DatabaseKind::Postgres),
];

/// A site's folder, its store and its hub's database.
#[derive(Debug)]
pub struct Deployment {
    folder: TempDir,
    /// The store.
    pub store: TestStore,
    /// The hub's database.
    pub database: TestDatabase,
}

impl Deployment {
    /// A site `hcm-01` whose sources are the given `[[source]]` tables, on a store and a database
    /// of the given kinds.
    ///
    /// # Panics
    /// Where store or database cannot be had.
    pub async fn create(
        (store, database): (StoreKind, DatabaseKind),
        dataset: &str,
        sources: &str,
    ) -> Self {
        let deployment = Self {
            folder: tempfile::tempdir().unwrap(),
            store: TestStore::create(store),
            database: TestDatabase::create(database).await,
        };
        fs::create_dir(deployment.site()).unwrap();
        deployment.write_agent_config("agent.toml", "host-1", "state", dataset, sources);
        let hub = format!(
            "{}[database]\nurl = \"{}\"\n",
            deployment.store_table(),
            deployment.database.url()
        );
        fs::write(deployment.path("hub.toml"), hub).unwrap();
        deployment
    }

    /// Writes a configuration of an agent for the same site: another host, another state.
    ///
    /// # Panics
    /// Where the file cannot be written.
    pub fn write_agent_config(
        &self,
        file: &str,
        host: &str,
        state: &str,
        dataset: &str,
        sources: &str,
    ) {
        let mut text = format!(
            "site = \"hcm-01\"\ndataset = \"{dataset}\"\nhost = \"{host}\"\n\
             state_dir = \"{state}\"\n"
        );
        text += &self.store_table();
        let _ = write!(text, "{sources}");
        fs::write(self.path(file), text).unwrap();
    }

    fn store_table(&self) -> String {
        let config = self.store.config();
        format!(
            "[store]\nurl = \"{}\"\nendpoint = \"{}\"\npath_style = {}\n",
            config.url, config.endpoint, config.path_style
        )
    }

    /// A file of the deployment's own folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The site's folder, where its sources lie.
    #[must_use]
    pub fn site(&self) -> PathBuf {
        self.path("site")
    }

    /// Runs the agent with `--json`.
    #[must_use]
    pub fn agent(&self, args: &[&str]) -> Finished {
        self.agent_with("agent.toml", args)
    }

    /// The agent with `--json`, not started yet.
    #[must_use]
    pub fn agent_program(&self, args: &[&str]) -> Program {
        program("causeway-agent", &self.path("agent.toml"), args)
    }

    /// Runs the agent with another configuration, with `--json`.
    #[must_use]
    pub fn agent_with(&self, config: &str, args: &[&str]) -> Finished {
        run("causeway-agent", &self.path(config), args)
    }

    /// The hub with `--json`, not started yet.
    #[must_use]
    pub fn hub_program(&self, args: &[&str]) -> Program {
        program("causeway-hub", &self.path("hub.toml"), args)
    }

    /// Runs the hub with `--json`.
    #[must_use]
    pub fn hub(&self, args: &[&str]) -> Finished {
        run("causeway-hub", &self.path("hub.toml"), args)
    }

    /// Starts the hub's service on a free port, with more variables in its environment.
    ///
    /// # Panics
    /// If it does not listen in time.
    #[must_use]
    pub fn serve(&self, variables: &[(&str, &str)]) -> Service {
        let mut running = self
            .hub_program(&["serve"])
            .envs([("CAUSEWAY_HTTP__LISTEN", "127.0.0.1:0")])
            .envs(variables.iter().copied())
            .spawn();
        let line = running.wait_for_line("{\"address\":", SERVES_WITHIN);
        let said: Value = serde_json::from_str(&line).unwrap();
        let url = said["address"].as_str().unwrap().to_owned();
        Service { url, running }
    }

    /// Makes a token for the hub.
    ///
    /// # Panics
    /// If none is made.
    #[must_use]
    pub fn token(&self, role: &str, more: &[&str]) -> String {
        let args = ["token", "create", "--role", role, "--name", role];
        let args: Vec<&str> = args.into_iter().chain(more.iter().copied()).collect();
        let made = self.hub(&args).expect_code(0).json();
        made["token"].as_str().unwrap().to_owned()
    }

    /// One cycle of the agent and one load of the hub, both without anything to look at; the
    /// load's site.
    ///
    /// # Panics
    /// If either says otherwise.
    pub fn sync_and_load(&self) -> Value {
        let _ = self.agent(&["sync"]).expect_code(0);
        self.load()
    }

    /// One load of the hub without anything to look at; its site.
    ///
    /// # Panics
    /// If it says otherwise.
    pub fn load(&self) -> Value {
        self.hub(&["load"]).expect_code(0).json()["sites"][0].clone()
    }

    /// Migrates, makes the database and loads it.
    ///
    /// # Panics
    /// If a step ends with another code than 0, or 3 for the migration of a site with rows to
    /// look at.
    pub fn migrate_and_load(&self) -> Value {
        let migrated = self.agent(&["migrate"]);
        assert!(matches!(migrated.code, Some(0 | 3)), "{migrated}");
        let _ = self.hub(&["init"]).expect_code(0);
        self.load()
    }
}

/// The hub's service at work; killed when dropped.
#[derive(Debug)]
pub struct Service {
    /// Where it listens, as `http://127.0.0.1:port`.
    pub url: String,
    /// Its process.
    pub running: Running,
}

fn run(name: &str, config: &Path, args: &[&str]) -> Finished {
    program(name, config, args).run()
}

fn program(name: &str, config: &Path, args: &[&str]) -> Program {
    let (command, rest) = args.split_first().expect("a command");
    Program::new(name)
        .args([*command, "--json", "--config"])
        .args([config])
        .args(rest)
}

//! Sample databases that everybody knows, from `init` to rows in a database, as somebody does it
//! who tries the programs out: no file is edited in between.

use std::fs;

use causeway_shared::dataset::{Dataset, Table};
use causeway_tests::deployment::PAIRS;
use causeway_tests::loaded::loaded_rows;
use causeway_tests::{DatabaseKind, Finished, Program, StoreKind, TestDatabase, TestStore};
use rusqlite::Connection;
use tempfile::TempDir;

/// A database's file, what makes it, and the dates of its dated rows.
struct Sample {
    file: &'static str,
    sql: &'static str,
    dates: [&'static str; 2],
}

const SAMPLES: [Sample; 2] = [
    Sample {
        file: "chinook.sqlite",
        sql: include_str!("../../fixtures/samples/chinook.sql"),
        dates: ["2013-11-30", "2013-12-31"],
    },
    Sample {
        file: "northwind.db",
        sql: include_str!("../../fixtures/samples/northwind.sql"),
        dates: ["2016-07-04", "2016-07-31"],
    },
];

/// A sample in a folder of its own, with the store and the database that its programs use.
struct Trial {
    folder: TempDir,
    store: TestStore,
    database: TestDatabase,
}

impl Trial {
    async fn of(sample: &Sample, (store, database): (StoreKind, DatabaseKind)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Connection::open(folder.path().join(sample.file)).unwrap();
        db.execute_batch(sample.sql).unwrap();
        Self {
            folder,
            store: TestStore::create(store),
            database: TestDatabase::create(database).await,
        }
    }

    fn run(&self, program: &str, args: &[&str], env: &[(&str, &str)]) -> Finished {
        Program::new(program)
            .current_dir(self.folder.path())
            .envs(self.store.env())
            .envs(env.iter().copied())
            .args(args)
            .args(["--json"])
            .run()
    }

    fn agent(&self, args: &[&str]) -> Finished {
        self.run("causeway-agent", args, &[("CAUSEWAY_SITE", "hcm-01")])
    }

    fn hub(&self, args: &[&str]) -> Finished {
        let database = self.database.url();
        self.run(
            "causeway-hub",
            args,
            &[("CAUSEWAY_DATABASE__URL", &database)],
        )
    }

    /// The dataset that `init` wrote.
    fn dataset(&self) -> Dataset {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut files = entries.map(|entry| entry.unwrap().path());
        let is_dataset = |path: &std::path::PathBuf| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
                && path.file_name().is_some_and(|name| name != "agent.toml")
        };
        let file = files.find(is_dataset).expect("a dataset");
        Dataset::from_toml(&fs::read_to_string(file).unwrap()).unwrap()
    }

    /// How many rows the sample has of a table.
    fn rows_in_source(&self, sample: &Sample, table: &Table) -> usize {
        let name = table.source.as_deref().unwrap_or(table.name.as_str());
        let db = Connection::open(self.folder.path().join(sample.file)).unwrap();
        let sql = format!("SELECT count(*) FROM \"{name}\"");
        db.query_row(&sql, [], |row| row.get(0)).unwrap()
    }
}

#[tokio::test]
async fn a_sample_database_goes_the_whole_way_unedited() {
    for sample in &SAMPLES {
        for pair in PAIRS {
            let trial = Trial::of(sample, pair).await;
            let _ = trial.agent(&["init", sample.file]).expect_code(0);
            let plan = trial.agent(&["plan"]).expect_code(0).json();
            let migrated = trial.agent(&["migrate"]).expect_code(0).json();
            assert_eq!(
                plan["changes"].as_array().unwrap().len() as u64,
                migrated["partitions"]["changed"].as_u64().unwrap()
            );
            let _ = trial.hub(&["init"]).expect_code(0);
            let [from, to] = sample.dates;
            let load = ["load", "--from", from, "--to", to];
            let _ = trial.hub(&load).expect_code(0);

            let dataset = trial.dataset();
            for table in &dataset.tables {
                let rows = loaded_rows(&trial.database, &dataset, table.name.as_str()).await;
                let expected = trial.rows_in_source(sample, table);
                assert_eq!(rows.len(), expected, "{} of {}", table.name, sample.file);
            }
            for verified in [trial.agent(&["verify"]), trial.hub(&["verify"])] {
                let verified = verified.expect_code(0).json();
                assert_eq!(verified["differences"], serde_json::json!([]));
            }
        }
    }
}

//! Random histories of databases on PostgreSQL against a model in memory, as the hub's own tests play them on
//! SQLite; a third of what is written there comes from a role that owns nothing.

use std::path::Path;

use async_trait::async_trait;
use causeway_hub::testing::model::{Servers, asked_for, play};
use causeway_hub::testing::{HubDatabase, Outcome};
use causeway_tests::delta::assert_read;
use causeway_tests::{DatabaseKind, TestDatabase, run_beside, soaks};
use tempfile::TempDir;

/// Databases beside one that is there for its name.
struct Databases {
    first: TestDatabase,
    writer: String,
    /// Of the published Delta tables.
    tables: TempDir,
}

impl Databases {
    fn live(&self, at: usize) -> String {
        format!("{}_{at}", self.first.name())
    }

    fn backup(&self, at: usize) -> String {
        format!("{}_backup", self.live(at))
    }

    fn url(&self, at: usize) -> String {
        self.first.url().replace(self.first.name(), &self.live(at))
    }

    async fn remove_all(&self) {
        for at in 0..self.count() {
            drop_database(&self.live(at)).await;
            drop_database(&self.backup(at)).await;
        }
        run_beside(&[&format!("DROP ROLE {}", self.writer)]).await;
    }
}

async fn drop_database(name: &str) {
    run_beside(&[&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")]).await;
}

/// Puts a copy of a database in the place of another.
async fn copy(from: &str, to: &str) {
    drop_database(to).await;
    run_beside(&[
        &format!("ALTER DATABASE {from} ALLOW_CONNECTIONS false"),
        &format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{from}'"
        ),
        &format!("CREATE DATABASE {to} TEMPLATE {from}"),
        &format!("ALTER DATABASE {from} ALLOW_CONNECTIONS true"),
        &format!("ALTER DATABASE {to} ALLOW_CONNECTIONS true"),
    ])
    .await;
}

#[async_trait]
impl Servers for Databases {
    fn count(&self) -> usize {
        3
    }

    async fn open(&self, at: usize) -> Outcome<HubDatabase> {
        let live = self.live(at);
        let admin = self.first.connect().await;
        let found = "SELECT 1 FROM pg_database WHERE datname = $1";
        if admin.query_opt(found, &[&live]).await?.is_none() {
            run_beside(&[&format!("CREATE DATABASE {live}")]).await;
        }
        HubDatabase::postgres_with_roles(&self.url(at), &[], &[&self.writer])
    }

    async fn remove(&self, at: usize) -> Outcome {
        drop_database(&self.live(at)).await;
        Ok(())
    }

    async fn back_up(&self, at: usize) -> Outcome {
        copy(&self.live(at), &self.backup(at)).await;
        Ok(())
    }

    async fn restore(&self, from: usize, to: usize) -> Outcome {
        copy(&self.backup(from), &self.live(to)).await;
        Ok(())
    }

    fn writer(&self) -> Option<&str> {
        Some(&self.writer)
    }

    fn tables(&self) -> Option<&Path> {
        Some(self.tables.path())
    }
}

/// Whether a role wrote something, and the Delta tables that were published.
async fn play_one(seed: u64) -> Outcome<(bool, TempDir)> {
    let first = TestDatabase::create(DatabaseKind::Postgres).await;
    let databases = Databases {
        writer: format!("{}_writer", first.name()),
        first,
        tables: tempfile::tempdir()?,
    };
    run_beside(&[&format!("CREATE ROLE {}", databases.writer)]).await;
    let played = play(seed, &databases).await;
    databases.remove_all().await;
    let counted = played?;
    Ok((counted.contains_key("written by a role"), databases.tables))
}

/// Three histories, with `./test --soak` thirty.
#[tokio::test]
async fn histories_on_postgresql_are_as_the_model_says() -> Outcome {
    let always = || (0..if soaks() { 30 } else { 3 }).collect();
    let seeds = asked_for().unwrap_or_else(always);
    let (mut written_by_a_role, mut tables) = (0, Vec::new());
    for seed in &seeds {
        let (is_written, published) = play_one(*seed).await?;
        written_by_a_role += u32::from(is_written);
        tables.push(published);
    }
    assert!(seeds.len() < 3 || written_by_a_role > 0);
    assert_read(tables.iter().map(TempDir::path));
    Ok(())
}

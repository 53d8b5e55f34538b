//! A database of a test's own, on either kind of server.

use std::path::PathBuf;
use std::thread;

use causeway_shared::runtime::chance;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use crate::servers;

/// The databases that a hub can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// A database on the testbed's PostgreSQL cluster.
    Postgres,
    /// SQLite files in a folder.
    Sqlite,
}

/// An empty database, removed when it is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    place: Place,
}

#[derive(Debug)]
enum Place {
    Postgres { name: String },
    Sqlite { folder: TempDir },
}

impl TestDatabase {
    /// Makes an empty database.
    ///
    /// # Panics
    /// Where it cannot, for one because the testbed does not run.
    pub async fn create(kind: DatabaseKind) -> Self {
        let place = match kind {
            DatabaseKind::Sqlite => Place::Sqlite {
                folder: tempfile::tempdir().unwrap(),
            },
            DatabaseKind::Postgres => {
                let name = format!("t_{}", chance::random_id().unwrap());
                run_sql("postgres", &format!("CREATE DATABASE {name}"))
                    .await
                    .unwrap();
                Place::Postgres { name }
            }
        };
        Self { place }
    }

    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> DatabaseKind {
        match self.place {
            Place::Postgres { .. } => DatabaseKind::Postgres,
            Place::Sqlite { .. } => DatabaseKind::Sqlite,
        }
    }

    /// What `[database] url` is to be.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.place {
            // Over the loopback, encryption only costs time.
            Place::Postgres { name } => format!("{}?sslmode=disable", url_of(name)),
            Place::Sqlite { folder } => format!("sqlite:{}", folder.path().display()),
        }
    }

    /// The name of a PostgreSQL database.
    ///
    /// # Panics
    /// For SQLite.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.place {
            Place::Postgres { name } => name,
            Place::Sqlite { folder } => panic!("{} is SQLite", folder.path().display()),
        }
    }

    /// Where the PostgreSQL server listens, as `host:port`.
    ///
    /// # Panics
    /// For SQLite.
    #[must_use]
    pub fn server(&self) -> String {
        let url = self.url();
        let (_, rest) = url.split_once('@').unwrap();
        rest.split('/').next().unwrap().to_owned()
    }

    /// The URL of a PostgreSQL database for a user who is let in over TLS alone, by the host that
    /// the server's certificate is for; with an empty query.
    ///
    /// # Panics
    /// For SQLite.
    #[must_use]
    pub fn tls_url(&self) -> String {
        let url = self.url();
        let (url, _) = url.split_once("sslmode").unwrap();
        url.replace("postgres://postgres@", "postgres://tls_only@")
    }

    /// A connection of its own to a PostgreSQL database.
    ///
    /// # Panics
    /// For SQLite, and where there is no connection.
    pub async fn connect(&self) -> Client {
        match &self.place {
            Place::Postgres { name } => connect(name).await.unwrap(),
            Place::Sqlite { folder } => panic!("{} is SQLite", folder.path().display()),
        }
    }
}

/// Runs statements in the PostgreSQL cluster's own database: another database is made or renamed there.
///
/// # Panics
/// Where one fails.
pub async fn run_beside(statements: &[&str]) {
    let client = connect("postgres").await.unwrap();
    for statement in statements {
        client.batch_execute(statement).await.unwrap();
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Place::Postgres { name } = &self.place else {
            return;
        };
        let sql = format!("DROP DATABASE {name} WITH (FORCE)");
        // A test's own runtime may be in the middle of this very drop, so it cannot wait here.
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime
                .block_on(run_sql("postgres", &sql))
                .map_err(std::io::Error::other)
        });
        // The whole cluster goes at the end of the run; a test does not fail for this.
        let _ = dropped.join();
    }
}

async fn run_sql(database: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    connect(database).await?.batch_execute(sql).await
}

async fn connect(database: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(&url_of(database), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A file of the folder with the cluster's certificate, `server.crt`, and its issuer's, `ca.crt`.
#[must_use]
pub fn certificate(name: &str) -> PathBuf {
    PathBuf::from(servers::server(servers::CERTIFICATES)).join(name)
}

/// The cluster's URL ends in the name of a database.
fn url_of(database: &str) -> String {
    let cluster = servers::server(servers::POSTGRES);
    let (server, _) = cluster.rsplit_once('/').expect("a URL with a database");
    format!("{server}/{database}")
}

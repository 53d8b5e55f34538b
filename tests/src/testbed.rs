//! The servers that end-to-end tests talk to: one throw-away PostgreSQL cluster and one
//! SeaweedFS, on free ports and in a folder that goes with them.

mod certificate;
mod postgres;
mod seaweed;

pub use seaweed::{ACCESS_KEY, SECRET_KEY};

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::process::Child;
use tokio::time;

use crate::servers;
use postgres::Postgres;
pub use postgres::{Durability, Stop};
use seaweed::Seaweed;

/// How long a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(60);
const START_POLL: Duration = Duration::from_millis(100);
/// How much of a log a failure shows.
const LOG_TAIL_LINES: usize = 20;

/// Both servers, at work.
#[derive(Debug)]
pub struct Testbed {
    postgres: Postgres,
    seaweed: Seaweed,
    /// Holds all that they write; removed last.
    _folder: TempDir,
}

impl Testbed {
    /// Starts both servers and waits until they answer.
    ///
    /// # Errors
    /// If a server is not installed or does not start; what it logged is in the error.
    pub async fn start(durability: Durability) -> Result<Self> {
        let folder = open_folder()?;
        let (postgres, seaweed) = tokio::try_join!(
            Postgres::start(folder.path().join("postgres"), durability),
            Seaweed::start(folder.path().join("seaweed")),
        )?;
        Ok(Self {
            postgres,
            seaweed,
            _folder: folder,
        })
    }

    /// The variables that lead programs and tests to the servers.
    #[must_use]
    pub fn env(&self) -> Vec<(&'static str, String)> {
        vec![
            (servers::POSTGRES, self.postgres.url()),
            (servers::CERTIFICATES, self.postgres.certificates()),
            (servers::S3, self.seaweed.endpoint()),
            ("AWS_ACCESS_KEY_ID", seaweed::ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", seaweed::SECRET_KEY.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            // No profile of whoever runs the tests takes part.
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// Stops both servers and removes their folder.
    ///
    /// # Errors
    /// If the folder cannot be removed.
    pub async fn stop(self) -> Result<()> {
        let Self {
            mut postgres,
            seaweed,
            _folder: folder,
        } = self;
        tokio::join!(postgres.stop(Stop::Crash), seaweed.stop());
        folder.close().context("the testbed's folder")
    }
}

/// A PostgreSQL cluster that is one test's alone, which may stop it.
#[derive(Debug)]
pub struct Cluster {
    postgres: Postgres,
    /// Removed last.
    _folder: TempDir,
}

impl Cluster {
    /// Starts one. What it has committed it has after each stop.
    ///
    /// # Errors
    /// If it does not start; what it logged is in the error.
    pub async fn start() -> Result<Self> {
        let folder = open_folder()?;
        let postgres = Postgres::start(folder.path().join("postgres"), Durability::Server).await?;
        Ok(Self {
            postgres,
            _folder: folder,
        })
    }

    /// A URL of a superuser and a database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}?sslmode=disable", self.postgres.url())
    }

    /// Stops it and waits until it has ended.
    pub async fn stop(&mut self, how: Stop) {
        self.postgres.stop(how).await;
    }

    /// Starts it where it was.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_again(&mut self) -> Result<()> {
        self.postgres.start_again().await
    }
}

/// A folder that PostgreSQL's own user gets into: it refuses to run as root.
fn open_folder() -> Result<TempDir> {
    let folder = tempfile::Builder::new()
        .prefix("causeway-testbed-")
        .tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// The ports of servers. Those above are given to whoever connects, or listens where it does not matter: a server that
/// is down for a while could find its port taken.
const PORTS: Range<u16> = 10_000..32_768;
/// How many of them are tried.
const PORT_ATTEMPTS: u32 = 1_000;

/// Ports that are free at this moment, each another one, and none that was given before.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut is_free =
        |port: &u16| given.insert(*port) && TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let mut ports = [0; N];
    for port in &mut ports {
        let mut tried = (0..PORT_ATTEMPTS).map(|_| fastrand::u16(PORTS));
        *port = tried.find(&mut is_free).context("no port is free")?;
    }
    Ok(ports)
}

/// Waits until a server answers, or says why it does not.
async fn wait_ready(
    name: &str,
    server: &mut Child,
    log: &Path,
    answers: impl AsyncFn() -> bool,
) -> Result<()> {
    let ready = async {
        loop {
            if answers().await {
                return Ok(());
            }
            if let Some(status) = server.try_wait()? {
                bail!("{name} ended with {status}:\n{}", log_tail(log));
            }
            time::sleep(START_POLL).await;
        }
    };
    match time::timeout(START_LIMIT, ready).await {
        Ok(outcome) => outcome,
        Err(_) => bail!(
            "{name} does not answer within {START_LIMIT:?}:\n{}",
            log_tail(log)
        ),
    }
}

fn log_tail(log: &Path) -> String {
    let content = fs::read(log).unwrap_or_default();
    let content = String::from_utf8_lossy(&content);
    let lines: Vec<_> = content.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}

/// A program in one of `PATH`'s folders.
#[expect(
    clippy::disallowed_methods,
    reason = "servers are found as a shell finds them"
)]
fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|p| p.is_file())?;
    // Its neighbours lie beside the program itself, not beside a link to it.
    Some(fs::canonicalize(&found).unwrap_or(found))
}

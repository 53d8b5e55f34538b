//! A PostgreSQL cluster of its own. It does not outlive the run.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tokio::process::{Child, Command};
use tokio_postgres::NoTls;

use super::certificate::Certificate;
use super::{free_ports, log_tail, wait_ready};

/// Where Debian keeps the programs of each version.
const DEBIAN_DIR: &str = "/usr/lib/postgresql";
/// Users without rights of whom one is there, for a testbed that root started.
const UNPRIVILEGED_USERS: [&str; 2] = ["postgres", "nobody"];
const SUPERUSER: &str = "postgres";
/// A user who is let in over TLS alone, as all are where a server insists on it.
const TLS_USER: &str = "tls_only";

/// A cluster, which runs unless it was stopped.
#[derive(Debug)]
pub(super) struct Postgres {
    server: Child,
    programs: Programs,
    folder: PathBuf,
    port: u16,
    certificate: Certificate,
    durability: Durability,
}

/// What a cluster still has of what it committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing has to be kept.
    Nothing,
    /// After a crash of the server, all of it.
    Server,
    /// After a power cut too, as in earnest.
    Disk,
}

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It ends its connections, and writes all down.
    Fast,
    /// At once, as if it crashed.
    Crash,
}

/// PostgreSQL's programs and the user that runs them, if it is another one.
#[derive(Debug)]
struct Programs {
    dir: PathBuf,
    user: Option<(u32, u32)>,
}

impl Postgres {
    /// Starts a cluster.
    pub(super) async fn start(folder: PathBuf, durability: Durability) -> Result<Self> {
        fs::create_dir(&folder)?;
        let programs = Programs {
            dir: programs_dir()?,
            user: unprivileged_user(&folder)?,
        };
        if let Some((user, group)) = programs.user {
            chown(&folder, Some(user), Some(group))?;
        }
        programs.init(&folder.join("data")).await?;
        let certificate = Certificate::issue(folder.join("tls"), programs.user).await?;
        insist_on_tls(&folder.join("data"))?;

        let [port] = free_ports()?;
        let server = programs.serve(&folder, port, &certificate, durability);
        let server = server.await?;
        let (client, connection) = tokio_postgres::connect(&url(port), NoTls).await?;
        tokio::spawn(connection);
        let role = format!("CREATE ROLE {TLS_USER} SUPERUSER LOGIN");
        client.batch_execute(&role).await?;
        Ok(Self {
            server,
            programs,
            folder,
            port,
            certificate,
            durability,
        })
    }

    /// A URL of a superuser; it ends in the name of a database.
    pub(super) fn url(&self) -> String {
        url(self.port)
    }

    /// The folder of the server's certificate and its issuer's.
    pub(super) fn certificates(&self) -> String {
        self.certificate.folder.display().to_string()
    }

    /// Stops the server and waits until it has ended.
    pub(super) async fn stop(&mut self, how: Stop) {
        let mode = match how {
            Stop::Fast => "fast",
            Stop::Crash => "immediate",
        };
        let mut stop = self.programs.command("pg_ctl");
        stop.args(["stop", "-w", "-m", mode, "-D"])
            .arg(self.folder.join("data"))
            .stdout(Stdio::null());
        // Should this fail, dropping the server kills it.
        let _ = stop.status().await;
        let _ = self.server.kill().await;
    }

    /// Starts it on the same port, with all that it has kept.
    pub(super) async fn start_again(&mut self) -> Result<()> {
        let (folder, certificate) = (&self.folder, &self.certificate);
        let server = self
            .programs
            .serve(folder, self.port, certificate, self.durability);
        self.server = server.await?;
        Ok(())
    }
}

fn url(port: u16) -> String {
    format!("postgres://{SUPERUSER}@127.0.0.1:{port}/postgres")
}

/// Refuses one user's connections that are not encrypted.
fn insist_on_tls(data_dir: &Path) -> Result<()> {
    let file = data_dir.join("pg_hba.conf");
    let rules = fs::read_to_string(&file)?;
    let rule = format!("hostnossl all {TLS_USER} all reject\n");
    Ok(fs::write(&file, rule + &rules)?)
}

fn settings(durability: Durability) -> Vec<&'static str> {
    let keeping: &[&str] = match durability {
        Durability::Nothing => &[
            "fsync=off",
            "full_page_writes=off",
            "synchronous_commit=off",
        ],
        Durability::Server => &["fsync=off", "full_page_writes=off"],
        Durability::Disk => &[],
    };
    let all = [
        "listen_addresses=127.0.0.1",
        "max_connections=200",
        "max_wal_size=4GB",
    ];
    all.iter().chain(keeping).copied().collect()
}

impl Programs {
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.dir.join(name));
        // The folder that the tests run in may be closed to PostgreSQL's user.
        command
            .current_dir("/")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// Starts the server and waits until it answers.
    async fn serve(
        &self,
        folder: &Path,
        port: u16,
        certificate: &Certificate,
        durability: Durability,
    ) -> Result<Child> {
        let log = folder.join("log");
        let mut server = self
            .command("postgres")
            .arg("-D")
            .arg(folder.join("data"))
            .arg("-k")
            .arg(folder)
            .args(["-p", &port.to_string()])
            .args(settings(durability).iter().flat_map(|of| ["-c", *of]))
            .args(certificate.settings().iter().flat_map(|of| ["-c", of]))
            .stdout(File::options().create(true).append(true).open(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .spawn()?;
        let url = url(port);
        let answers = async || tokio_postgres::connect(&url, NoTls).await.is_ok();
        wait_ready("PostgreSQL", &mut server, &log, answers).await?;
        Ok(server)
    }

    async fn init(&self, data_dir: &Path) -> Result<()> {
        let options = [
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "-U",
            SUPERUSER,
        ];
        let log = data_dir.with_file_name("initdb-log");
        let status = self
            .command("initdb")
            .args(options)
            .arg(data_dir)
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .status()
            .await?;
        ensure!(
            status.success(),
            "initdb ended with {status}:\n{}",
            log_tail(&log)
        );
        Ok(())
    }
}

/// The folder of the newest PostgreSQL here.
fn programs_dir() -> Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(DEBIAN_DIR)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, dir)| dir.join("initdb").is_file())
        .collect();
    versions.sort_unstable();
    let newest = versions.pop().map(|(_, dir)| dir);
    newest
        .or_else(|| super::in_path("initdb")?.parent().map(Path::to_owned))
        .context("no initdb in /usr/lib/postgresql/*/bin or PATH; ./test installs it")
}

/// The user that PostgreSQL's programs have to change to, where root made `folder`.
fn unprivileged_user(folder: &Path) -> Result<Option<(u32, u32)>> {
    if fs::metadata(folder)?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let found = UNPRIVILEGED_USERS
        .iter()
        .find_map(|name| user_ids(&users, name));
    found
        .context("root cannot run PostgreSQL, and there is no user postgres or nobody")
        .map(Some)
}

/// The user and group numbers of a user in `/etc/passwd`.
fn user_ids(users: &str, name: &str) -> Option<(u32, u32)> {
    let user = users
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut fields = user.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let users = "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:7::/:/bin/sh\npostgres:x:101:104:,,,:/:/bin/sh\n";
        assert_eq!(user_ids(users, "postgres"), Some((101, 104)));
        assert_eq!(user_ids(users, "nobody"), None);
    }
}

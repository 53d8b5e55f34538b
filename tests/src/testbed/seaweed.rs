//! A SeaweedFS of its own: an S3 server that honours conditional writes and checksums.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result};
use tokio::process::{Child, Command};

use super::{free_ports, wait_ready};
use crate::servers;

/// What the tests sign with; worth nothing anywhere else.
pub const ACCESS_KEY: &str = "causeway-test";
/// By this secret.
pub const SECRET_KEY: &str = "causeway-test-secret";

/// A running SeaweedFS.
#[derive(Debug)]
pub(super) struct Seaweed {
    server: Child,
    s3_port: u16,
    _sockets: Sockets,
}

/// The sockets that it makes in `/tmp` whatever it is told, and leaves there.
#[derive(Debug)]
struct Sockets(Vec<PathBuf>);

impl Drop for Sockets {
    fn drop(&mut self) {
        for socket in &self.0 {
            // It may not have come so far as to make it.
            let _ = fs::remove_file(socket);
        }
    }
}

impl Seaweed {
    pub(super) async fn start(folder: PathBuf) -> Result<Self> {
        let data_dir = folder.join("data");
        fs::create_dir_all(&data_dir)?;
        let identities = folder.join("identities.json");
        fs::write(&identities, identities_json())?;

        let ports = Ports {
            http: free_ports()?,
            grpc: free_ports()?,
        };
        let [s3_port, filer_port, ..] = ports.http;
        let sockets = ports.sockets();
        let log = folder.join("log");
        let mut server = Command::new(program()?)
            .arg("mini")
            .args(flags(&ports))
            .arg(format!("-dir={}", data_dir.display()))
            .arg(format!("-s3.config={}", identities.display()))
            .arg(format!(
                "-s3.localSocket={}",
                folder.join("s3.sock").display()
            ))
            .arg(format!(
                "-filer.localSocket={}",
                folder.join("filer.sock").display()
            ))
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .kill_on_drop(true)
            .spawn()?;
        // The bucket is the last thing that it makes.
        let bucket = format!("http://127.0.0.1:{filer_port}/buckets/{}/", servers::BUCKET);
        let answers = async || match reqwest::get(&bucket).await {
            Ok(answer) => answer.status().is_success(),
            Err(_) => false,
        };
        wait_ready("SeaweedFS", &mut server, &log, answers).await?;
        Ok(Self {
            server,
            s3_port,
            _sockets: sockets,
        })
    }

    /// The S3 endpoint.
    pub(super) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.s3_port)
    }

    pub(super) async fn stop(mut self) {
        // All that it keeps is thrown away.
        let _ = self.server.kill().await;
    }
}

/// The parts of SeaweedFS that listen, in the order of their ports.
const PARTS: [&str; 5] = ["s3", "filer", "master", "volume", "admin"];

/// A port for each part and protocol, so that several SeaweedFS can run.
struct Ports {
    http: [u16; PARTS.len()],
    grpc: [u16; PARTS.len()],
}

impl Ports {
    fn sockets(&self) -> Sockets {
        let sockets = PARTS.iter().zip(self.grpc);
        let path = |(part, port)| format!("/tmp/seaweedfs-{part}-grpc-{port}.sock").into();
        Sockets(sockets.map(path).collect())
    }
}

/// All ports are chosen; what is not needed stays off.
fn flags(ports: &Ports) -> Vec<String> {
    let ports = PARTS
        .iter()
        .zip(ports.http)
        .zip(ports.grpc)
        .flat_map(|((part, http), grpc)| {
            [
                format!("-{part}.port={http}"),
                format!("-{part}.port.grpc={grpc}"),
            ]
        });
    let off = [
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        "-admin.ui=false",
    ];
    let here = [
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
    ];
    let bucket = format!("-bucket={}", servers::BUCKET);
    ports
        .chain(off.map(str::to_owned))
        .chain(here.map(str::to_owned))
        .chain([bucket])
        .collect()
}

fn identities_json() -> String {
    serde_json::json!({"identities": [{
        "name": "tests",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }]})
    .to_string()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the variable chooses another SeaweedFS"
)]
fn program() -> Result<PathBuf> {
    let chosen = std::env::var_os("CAUSEWAY_WEED").map(PathBuf::from);
    let installed = Path::new(env!("CARGO_MANIFEST_DIR"))
        .with_file_name(".venv")
        .join("bin/weed");
    chosen
        .or_else(|| installed.is_file().then_some(installed))
        .or_else(|| super::in_path("weed"))
        .context("no weed in .venv/bin or PATH; ./test installs it")
}

//! The certificate of the throw-away PostgreSQL cluster, and of who issued it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

/// A folder with `ca.crt`, and `server.crt` and `server.key` for 127.0.0.1.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) folder: PathBuf,
}

impl Certificate {
    /// Has one issued that the given user may read.
    pub(super) async fn issue(folder: PathBuf, user: Option<(u32, u32)>) -> Result<Self> {
        fs::create_dir(&folder)?;
        let key = "-nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1";
        let ca = format!("req -x509 {key} -days 2 -keyout ca.key -out ca.crt -subj /CN=testbed");
        let request = format!("req {key} -keyout server.key -out server.csr -subj /CN=server");
        let sign = "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
                    -extfile names -out server.crt";
        fs::write(folder.join("names"), "subjectAltName = IP:127.0.0.1\n")?;
        for command in [&ca, &request, sign] {
            openssl(&folder, command).await?;
        }
        let server_key = folder.join("server.key");
        fs::set_permissions(&server_key, fs::Permissions::from_mode(0o600))?;
        if let Some((user, group)) = user {
            chown(&server_key, Some(user), Some(group))?;
        }
        Ok(Self { folder })
    }

    /// The server's settings.
    pub(super) fn settings(&self) -> [String; 3] {
        let file = |name: &str| self.folder.join(name).display().to_string();
        [
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", file("server.crt")),
            format!("ssl_key_file={}", file("server.key")),
        ]
    }
}

async fn openssl(folder: &Path, arguments: &str) -> Result<()> {
    let output = Command::new("openssl")
        .current_dir(folder)
        .args(arguments.split_whitespace())
        .output()
        .await
        .context("openssl, which ./test installs")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "openssl {arguments}:\n{said}");
    Ok(())
}

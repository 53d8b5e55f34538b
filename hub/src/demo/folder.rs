//! The demo's folder: what lies where in it, one demo at a time, and the configuration files that
//! the programs read there.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::site::{CSV, DATABASE};

/// The demo's site.
pub(super) const SITE: &str = "hcm-01";

/// What marks a folder as a demo's, and is locked while one runs there.
const LOCK: &str = "demo.lock";

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum FolderError {
    /// Another process.
    #[error("a demo is running in {} already; stop it, or choose another --dir", dir.display())]
    Running { dir: PathBuf },
    /// It holds files that no demo wrote.
    #[error(
        "{} holds files that no demo wrote, and a demo would write over an agent.toml and a \
         hub.toml there; choose another --dir",
        dir.display()
    )]
    NotADemo { dir: PathBuf },
    /// The path is not text, which configuration files are.
    #[error("{} is not valid UTF-8; choose another --dir", dir.display())]
    NotText { dir: PathBuf },
    /// The file system.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl FolderError {
    /// Whether another folder has to be named.
    #[must_use]
    pub(crate) fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Running { .. } | Self::NotADemo { .. } | Self::NotText { .. }
        )
    }
}

/// The folder of a demo that is this process's alone.
#[derive(Debug)]
pub(crate) struct Folder {
    /// As it was named, for messages.
    named: PathBuf,
    /// Absolute, so that the configuration files hold wherever they are read from.
    dir: String,
    /// Locked as long as this is open.
    _lock: File,
}

impl Folder {
    /// Makes the folder, if it is missing, and locks it.
    ///
    /// # Errors
    /// [`FolderError::Running`] if another process has it, [`FolderError::NotADemo`] if it holds what
    /// no demo wrote: a site's own configuration would be written over.
    pub(crate) fn open(dir: &Path) -> Result<Self, FolderError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| FolderError::Io { path, source }
        };
        fs::create_dir_all(dir).map_err(failed(dir))?;
        let absolute = fs::canonicalize(dir).map_err(failed(dir))?;
        let absolute = absolute.into_os_string().into_string();
        let absolute = absolute.map_err(|_| FolderError::NotText {
            dir: dir.to_owned(),
        })?;
        let path = dir.join(LOCK);
        let others = |mut entries: fs::ReadDir| entries.next().is_some();
        if !path.exists() && fs::read_dir(dir).map(others).map_err(failed(dir))? {
            return Err(FolderError::NotADemo {
                dir: dir.to_owned(),
            });
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed(&path))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => FolderError::Running {
                dir: dir.to_owned(),
            },
            TryLockError::Error(source) => FolderError::Io { path, source },
        })?;
        // A folder store is made by hand, so that a disk that is not mounted is noticed.
        let store = dir.join("store");
        fs::create_dir_all(&store).map_err(failed(&store))?;
        Ok(Self {
            named: dir.to_owned(),
            dir: absolute,
            _lock: lock,
        })
    }

    /// The folder of the site's files.
    pub(super) fn site(&self) -> PathBuf {
        self.named.join("site")
    }

    /// The site's database.
    pub(super) fn database(&self) -> PathBuf {
        self.site().join(DATABASE)
    }

    /// The agent's configuration, for `causeway-agent --config`.
    pub(super) fn agent_toml(&self) -> PathBuf {
        self.named.join("agent.toml")
    }

    /// The hub's configuration, for `causeway-hub --config`.
    pub(super) fn hub_toml(&self) -> PathBuf {
        self.named.join("hub.toml")
    }

    /// The token of the demo's dashboard.
    pub(super) fn token(&self) -> PathBuf {
        self.named.join("demo-token")
    }

    /// Writes both configuration files, anew at each start, since the folder may have been moved.
    pub(super) fn write_configuration(&self) -> Result<(), FolderError> {
        let within = |name: &str| quoted(&format!("{}/{name}", self.dir));
        let store = quoted(&format!("file://{}/store", self.dir));
        let database = quoted(&format!("sqlite:{}/hub", self.dir));
        let agent = format!(
            "# Written by `causeway-hub demo` at each start.\n\
             site = \"{SITE}\"\n\
             state_dir = {}\n\n\
             [store]\nurl = {store}\n\n\
             [[source]]\nkind = \"sqlite\"\npath = {}\n\n\
             [[source]]\nkind = \"csv\"\npath = {}\n\n\
             [watch]\ndebounce = \"200ms\"\npoll = \"1s\"\n",
            within("agent"),
            within(&format!("site/{DATABASE}")),
            within(&format!("site/{CSV}")),
        );
        let hub = format!(
            "# Written by `causeway-hub demo` at each start.\n\
             [store]\nurl = {store}\n\n\
             [database]\nurl = {database}\n\n\
             [window]\nafter = 30\n\n\
             [refresh]\nevery = \"5s\"\n",
        );
        write(&self.agent_toml(), &agent)?;
        write(&self.hub_toml(), &hub)
    }

    /// The text of the token's file, if there is one.
    pub(super) fn read_token(&self) -> Option<String> {
        fs::read_to_string(self.token()).ok()
    }

    /// Keeps a token where only this user can read it.
    pub(super) fn write_token(&self, token: &str) -> Result<(), FolderError> {
        let path = self.token();
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options
            .open(&path)
            .and_then(|mut file| writeln!(file, "{token}"));
        written.map_err(|source| FolderError::Io { path, source })
    }
}

fn write(path: &Path, text: &str) -> Result<(), FolderError> {
    fs::write(path, text).map_err(|source| FolderError::Io {
        path: path.to_owned(),
        source,
    })
}

/// A text as TOML writes it: JSON's escapes are TOML's too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

//! The agent's state: a SQLite file that spares a cycle from asking the log what it says.
//!
//! The log is the truth: the agent rebuilds a lost state from it. It moves a state that it cannot
//! read aside first, so that a person can still look at it.
//!
//! Rollback-journal mode, so that a copy of the one file is a whole state, and so that its inode
//! tells a copy from the original.

mod catalog;
mod facts;
mod findings;
pub(crate) mod lock;
pub(crate) mod refused_kinds;

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags};

pub(crate) use catalog::CompletedCycle;
pub(crate) use facts::{CycleOutcome, Fence, FileId, StoredWriter};
pub(crate) use findings::{Findings, Notes, PresentColumns};

/// The state's file in the agent's folder.
pub(crate) const FILE: &str = "state.db";

/// The version of the schema, kept as SQLite's `user_version`.
const VERSION: i64 = 3;

/// How a state of each earlier version becomes one of the next, from version 1 on.
const UPGRADES: [&str; 2] = [
    include_str!("state/sql/upgrade_2.sql"),
    include_str!("state/sql/upgrade_3.sql"),
];

/// How long one process waits for another's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Most files that are moved aside; the next one replaces the last of them.
const MAX_ASIDE: usize = 9;

#[derive(Debug)]
pub(crate) struct AgentState {
    db: Connection,
    path: PathBuf,
}

/// Why a state cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// SQLite failed.
    #[error("the state {} cannot be {action}: {source}{}", path.display(), hint(source))]
    Database {
        /// Its file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// SQLite's error.
        #[source]
        source: rusqlite::Error,
    },
    /// A value in it is not what was written.
    #[error("the state {} is damaged: {detail}", path.display())]
    Damaged {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A newer program wrote it.
    #[error("the state {} is of version {found}, and this program knows {VERSION}: upgrade causeway-agent", path.display())]
    Newer {
        /// Its file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// An earlier program wrote it, and only a program that holds the lock upgrades it.
    #[error(
        "the state {} is of an earlier version; run `causeway-agent sync` first, which upgrades it",
        path.display()
    )]
    Earlier {
        /// Its file.
        path: PathBuf,
    },
    /// Another process works on it.
    #[error(
        "another causeway-agent{} is working on {}; wait for it, or stop it first if it is `run`",
        process.map(|process| format!(" (process {process})")).unwrap_or_default(),
        state_dir.display()
    )]
    Locked {
        /// The folder.
        state_dir: PathBuf,
        /// The other process; `None` where it has not written its number yet, or cannot.
        process: Option<u32>,
    },
    /// A file or folder of it cannot be made, locked or moved.
    #[error("cannot {action} {}: {source}{}", path.display(), file_hint(source))]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What to do about an error of the file system, where that is known.
pub(crate) fn file_hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull => "; free space on that disk, nothing is lost",
        ErrorKind::PermissionDenied => "; let the agent's user write there",
        _ => "",
    }
}

/// What to do about an error of SQLite, where that is known.
fn hint(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "; free space on that disk, nothing is lost",
        // Its journal may be what cannot be made.
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => {
            "; is there space on that disk, is it whole, and may the agent's user write there?"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            "; let the agent's user write there"
        }
        _ => "",
    }
}

impl StateError {
    /// Whether the file itself is damaged; otherwise opening it later may succeed.
    fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Database { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
            ),
            Self::Newer { .. } | Self::Earlier { .. } => false,
            Self::Locked { .. } | Self::File { .. } => false,
        }
    }
}

impl AgentState {
    /// Opens the state in a folder, or makes one. A state that cannot be read is moved aside with a
    /// warning, and a new one made.
    pub(crate) fn open(folder: &Path) -> Result<Self, StateError> {
        let path = folder.join(FILE);
        fs::create_dir_all(folder).map_err(|source| file_error(folder, "make", source))?;
        match Self::open_file(&path) {
            Err(error) if error.is_damage() => {
                let aside = move_aside(&path)?;
                tracing::warn!(
                    %error, aside = %aside.display(),
                    "the state cannot be read; it is rebuilt from the log"
                );
                Self::open_file(&path)
            }
            opened => opened,
        }
    }

    /// Opens the state in a folder for reading, beside an agent that may be running; `None` where
    /// there is none.
    ///
    /// # Errors
    /// [`StateError::Earlier`], or a state that cannot be used.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, StateError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db =
            Connection::open_with_flags(&path, flags).map_err(|source| StateError::Database {
                path: path.clone(),
                action: "opened",
                source,
            })?;
        let state = Self { db, path };
        state.configure()?;
        match state.version()? {
            // Just being made.
            0 => Ok(None),
            VERSION => Ok(Some(state)),
            _ => Err(StateError::Earlier { path: state.path }),
        }
    }

    /// Identifies the file, so that a copy can be told from the original.
    pub(crate) fn file_id(&self) -> Result<FileId, StateError> {
        let metadata = fs::metadata(&self.path);
        let metadata = metadata.map_err(|source| file_error(&self.path, "look at", source))?;
        Ok(FileId {
            inode: metadata.ino(),
            born: metadata
                .created()
                .ok()
                .and_then(|born| Timestamp::try_from(born).ok()),
        })
    }

    fn open_file(path: &Path) -> Result<Self, StateError> {
        // Refused rows stand in it: they are nobody else's business on this machine.
        let mut private = OpenOptions::new();
        let made = private.append(true).create(true).mode(0o600).open(path);
        made.map_err(|source| file_error(path, "make", source))?;
        let db = Connection::open(path).map_err(|source| StateError::Database {
            path: path.to_owned(),
            action: "opened",
            source,
        })?;
        let mut state = Self {
            db,
            path: path.to_owned(),
        };
        state.configure()?;
        match usize::try_from(state.version()?) {
            Ok(0) => state.make("made", include_str!("state/sql/schema.sql"))?,
            Ok(found) if found <= UPGRADES.len() => {
                state.make("upgraded", &UPGRADES[found - 1..].concat())?;
            }
            _ => {}
        }
        state.check()?;
        Ok(state)
    }

    fn configure(&self) -> Result<(), StateError> {
        self.db
            .busy_timeout(BUSY_TIMEOUT)
            // A commit that the state loses costs no data, since the log has it. But a shop's machine
            // loses power often, and each replay of the log costs requests.
            .and_then(|()| self.db.pragma_update(None, "synchronous", "FULL"))
            .map_err(self.failed("configured"))
    }

    fn version(&self) -> Result<i64, StateError> {
        let found = self
            .db
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(self.failed("read"))?;
        if found > VERSION {
            return Err(StateError::Newer {
                path: self.path.clone(),
                found,
            });
        }
        Ok(found)
    }

    /// Brings the schema to the present version.
    fn make(&mut self, action: &'static str, schema: &str) -> Result<(), StateError> {
        let path = self.path.clone();
        let failed = |source| StateError::Database {
            path: path.clone(),
            action,
            source,
        };
        let transaction = self.db.transaction().map_err(failed)?;
        transaction
            .execute_batch(schema)
            .and_then(|()| transaction.pragma_update(None, "user_version", VERSION))
            .and_then(|()| transaction.commit())
            .map_err(failed)
    }

    /// Reads everything once, so that damage is found here and not in the middle of a cycle.
    fn check(&self) -> Result<(), StateError> {
        let verdict: String = self
            .db
            .pragma_query_value(None, "quick_check", |row| row.get(0))
            .map_err(self.failed("checked"))?;
        if verdict != "ok" {
            return Err(self.damaged(verdict));
        }
        self.partitions()?;
        self.writer()?;
        self.head()?;
        self.fingerprints()?;
        self.held()?;
        self.findings()?;
        self.columns()?;
        self.notes()?;
        self.passed_over()?;
        Ok(())
    }

    fn failed(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> StateError + '_ {
        move |source| StateError::Database {
            path: self.path.clone(),
            action,
            source,
        }
    }

    fn damaged(&self, detail: impl ToString) -> StateError {
        StateError::Damaged {
            path: self.path.clone(),
            detail: detail.to_string(),
        }
    }
}

fn file_error(path: &Path, action: &'static str, source: std::io::Error) -> StateError {
    StateError::File {
        path: path.to_owned(),
        action,
        source,
    }
}

/// Moves a state and its journal out of the way.
fn move_aside(path: &Path) -> Result<PathBuf, StateError> {
    let numbered = |number: usize| path.with_extension(format!("db.damaged.{number}"));
    let free = (1..MAX_ASIDE)
        .find(|number| !numbered(*number).exists())
        .unwrap_or(MAX_ASIDE);
    let aside = numbered(free);
    fs::rename(path, &aside).map_err(|source| file_error(path, "move aside", source))?;
    // A journal belongs to its file; left alone it would be played into the new one.
    let journal = path.with_extension("db-journal");
    match fs::rename(&journal, aside.with_extension(format!("{free}-journal"))) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(file_error(&journal, "move aside", error))
        }
        _ => Ok(aside),
    }
}

#[cfg(test)]
mod tests;

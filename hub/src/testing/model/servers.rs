//! Where a history's databases are.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;

use crate::db::sqlite::SqliteDatabase;
use crate::testing::{HubDatabase, Outcome};

/// Places for databases, numbered from 0. None is there at first.
#[async_trait]
pub trait Servers: Send + Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// Opens one as a process that starts, and makes it empty if it is not there.
    async fn open(&self, at: usize) -> Outcome<HubDatabase>;

    /// Removes one, which nobody has open.
    async fn remove(&self, at: usize) -> Outcome;

    /// Puts a copy of one aside, in place of an earlier one. Nobody has it open.
    async fn back_up(&self, at: usize) -> Outcome;

    /// Puts what was set aside from one place in the place of another, or of the same, which nobody has open.
    async fn restore(&self, from: usize, to: usize) -> Outcome;

    /// A role that owns nothing and may write, where databases have such.
    fn writer(&self) -> Option<&str> {
        None
    }

    /// Where the published Delta tables go in the end, with what is to be read there.
    fn tables(&self) -> Option<&Path> {
        None
    }
}

/// SQLite databases in folders.
#[derive(Debug)]
pub struct Folders {
    root: TempDir,
}

impl Folders {
    /// Three places.
    ///
    /// # Errors
    /// Where no folder can be made.
    pub fn new() -> Outcome<Self> {
        // In memory, where the system has such a place: a commit is then as fast as it can be.
        let memory = Path::new("/dev/shm");
        let root = match memory.is_dir() {
            true => tempfile::tempdir_in(memory)?,
            false => tempfile::tempdir()?,
        };
        Ok(Self { root })
    }

    fn live(&self, at: usize) -> PathBuf {
        self.root.path().join(format!("live-{at}"))
    }

    fn backup(&self, at: usize) -> PathBuf {
        self.root.path().join(format!("backup-{at}"))
    }
}

#[async_trait]
impl Servers for Folders {
    fn count(&self) -> usize {
        3
    }

    async fn open(&self, at: usize) -> Outcome<HubDatabase> {
        let database = SqliteDatabase::open(&self.live(at), format!("place-{at}"));
        Ok(HubDatabase(Arc::new(database)))
    }

    async fn remove(&self, at: usize) -> Outcome {
        remove(&self.live(at))
    }

    async fn back_up(&self, at: usize) -> Outcome {
        copy(&self.live(at), &self.backup(at))
    }

    async fn restore(&self, from: usize, to: usize) -> Outcome {
        copy(&self.backup(from), &self.live(to))
    }
}

fn remove(folder: &Path) -> Outcome {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Outcome {
    remove(to)?;
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

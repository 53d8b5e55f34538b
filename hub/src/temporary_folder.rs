//! Folders for what is in hand, of an import or while the database sleeps. Each goes with its owner; what a killed
//! process left, the next start takes away.
//!
//! A folder is its owner's as long as that holds a lock on a file in it, which the system frees when the
//! process ends. Where a file system knows no locks, folders are left as they are.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use causeway_shared::runtime::regular_file;
use tempfile::TempDir;

/// What the name of each begins with.
const PREFIX: &str = "causeway-hub-";
/// The file in it that is locked.
const LOCK: &str = "lock";

/// A folder among the temporary ones, until it is dropped.
#[derive(Debug)]
pub(crate) struct TemporaryFolder {
    folder: TempDir,
    _lock: File,
}

impl TemporaryFolder {
    /// # Errors
    /// Where it cannot be made; the error names the folder.
    pub(crate) fn make() -> io::Result<Self> {
        Self::make_in(&std::env::temp_dir())
    }

    fn make_in(temporary: &Path) -> io::Result<Self> {
        loop {
            let folder = TempDir::with_prefix_in(PREFIX, temporary)?;
            let path = folder.path().join(LOCK);
            let lock = File::create_new(&path).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })?;
            let _ = lock.lock();
            // A sweep may have had the lock first, and then the folder is gone.
            if path.exists() {
                return Ok(Self {
                    folder,
                    _lock: lock,
                });
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Takes away the folders whose owners were killed: how many.
///
/// # Errors
/// Where nobody can tell which there are.
pub(crate) fn sweep() -> io::Result<u64> {
    sweep_in(&std::env::temp_dir())
}

fn sweep_in(temporary: &Path) -> io::Result<u64> {
    let mut swept = 0;
    for entry in fs::read_dir(temporary)? {
        let entry = entry?;
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        // Another user's cannot be opened, and a folder without a lock is being made.
        let Ok(lock) = regular_file::open(&entry.path().join(LOCK)) else {
            continue;
        };
        if lock.try_lock().is_ok() && fs::remove_dir_all(entry.path()).is_ok() {
            swept += 1;
        }
    }
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_is_swept() {
        let temporary = tempfile::tempdir().unwrap();
        let held = TemporaryFolder::make_in(temporary.path()).unwrap();
        let left = |name: &str, files: &[&str]| {
            let folder = temporary.path().join(name);
            fs::create_dir(&folder).unwrap();
            for file in files {
                fs::write(folder.join(file), "x").unwrap();
            }
            folder
        };
        let killed = left("causeway-hub-1", &[LOCK, "file"]);
        let others = [
            left("causeway-hub-2", &[]),
            left("another", &[LOCK, "file"]),
        ];
        fs::write(temporary.path().join("causeway-hub-3"), "x").unwrap();
        assert_eq!(sweep_in(temporary.path()).unwrap(), 1);
        assert!(!killed.exists());
        assert!(others.iter().all(|folder| folder.exists()));
        assert!(held.path().exists());

        let path = held.path().to_owned();
        drop(held);
        assert!(!path.exists());
        assert_eq!(sweep_in(temporary.path()).unwrap(), 0);
    }
}

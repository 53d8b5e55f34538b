//! Programs that may take so much memory and no more, as a function of AWS.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// A control group of processes whose memory is limited, page cache included. It goes when this is dropped.
#[derive(Debug)]
pub struct MemoryLimit {
    group: PathBuf,
}

impl MemoryLimit {
    /// Makes a group for this process's programs.
    ///
    /// # Errors
    /// Where no group may be made, or the system has none for memory.
    pub fn new(bytes: u64) -> io::Result<Self> {
        let root = Path::new("/sys/fs/cgroup");
        // The first form of control groups has a tree for memory alone.
        let (tree, limit) = match root.join("memory") {
            memory if memory.is_dir() => (memory, "memory.limit_in_bytes"),
            _ => (root.to_owned(), "memory.max"),
        };
        let group = tree.join(format!("causeway-{}", std::process::id()));
        fs::create_dir(&group)?;
        let made = Self { group };
        fs::write(made.group.join(limit), bytes.to_string())?;
        Ok(made)
    }

    /// Where a process writes its number, to be one of the group.
    #[must_use]
    pub fn members(&self) -> PathBuf {
        self.group.join("cgroup.procs")
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        // A group that has members yet stays, and the next run makes another.
        let _ = fs::remove_dir(&self.group);
    }
}

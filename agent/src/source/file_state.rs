//! What tells that a file was written to or replaced.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};

/// The file beside a SQLite file whose name ends so.
pub(crate) fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A file's identity, size and time of change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileState {
    bytes: u64,
    modified: Option<SystemTime>,
    /// Where there are inodes.
    inode: Option<Inode>,
}

/// What an inode tells.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Inode {
    device: u64,
    number: u64,
    /// Its last change: unlike the time of modification no program can set it back.
    changed: Option<Timestamp>,
}

impl FileState {
    /// The state of the file that has this path now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::from(&metadata))
    }

    /// The state of a file that SQLite keeps beside a database, by what tells of its content alone:
    /// whoever opens one as root touches the inode, since SQLite then gives it the database's owner.
    pub(super) fn of_companion(path: &Path) -> io::Result<Self> {
        let mut state = Self::of(path)?;
        if let Some(inode) = &mut state.inode {
            inode.changed = None;
        }
        Ok(state)
    }

    /// How long ago it last changed. A file from the future, which a clock that was wrong leaves,
    /// counts as that much older; one whose times are not told as new.
    pub(super) fn still_for(&self, now: Timestamp) -> SignedDuration {
        let modified = self.modified.and_then(|at| Timestamp::try_from(at).ok());
        let changed = self.inode.as_ref().and_then(|inode| inode.changed);
        let last = modified.max(changed).unwrap_or(now);
        now.duration_since(last).abs()
    }
}

impl From<&Metadata> for FileState {
    fn from(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            inode: inode(metadata),
        }
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
fn inode(metadata: &Metadata) -> Option<Inode> {
    use std::os::unix::fs::MetadataExt as _;
    let nanoseconds = i32::try_from(metadata.ctime_nsec()).unwrap_or(0);
    Some(Inode {
        device: metadata.dev(),
        number: metadata.ino(),
        changed: Timestamp::new(metadata.ctime(), nanoseconds).ok(),
    })
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> Option<Inode> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{File, FileTimes};

    use super::*;

    #[test]
    fn a_time_that_was_put_back_hides_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "id\n1\n").unwrap();
        let written = std::fs::metadata(&path).unwrap();
        let before = FileState::from(&written);
        // The clock that a file system stamps with ticks every few milliseconds.
        while FileState::of(&path).unwrap() == before {
            std::fs::write(&path, "id\n2\n").unwrap();
            let times = FileTimes::new().set_modified(written.modified().unwrap());
            File::options()
                .write(true)
                .open(&path)
                .and_then(|file| file.set_times(times))
                .unwrap();
        }
        assert_eq!(
            std::fs::metadata(&path).unwrap().modified().unwrap(),
            written.modified().unwrap()
        );
    }
}

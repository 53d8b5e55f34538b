//! What was read of a file, kept for as long as the file stays as it was.
//!
//! No connection is kept: one that is open while somebody puts another file in its place would spoil
//! that. The file's entry in its folder tells enough, and costs no lock.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Two changes of a file may bear one time if they are closer than its file system counts: some
/// count in twos of seconds.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(2);

/// What was read last of each file.
#[derive(Debug)]
pub(super) struct Unchanged<T>(Mutex<HashMap<PathBuf, (Stamp, T)>>);

/// A file as its folder names it; nobody can set the last of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed_at: Timestamp,
}

impl Stamp {
    /// `None` where the file does not tell what is in the database: it is not there, or a log with
    /// what was committed last lies beside it. Such a log comes before what it says is seen.
    fn of(file: &Path) -> Option<Self> {
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        match fs::metadata(log) {
            Ok(log) if log.len() == 0 => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            _ => return None,
        }
        let file = fs::metadata(file).ok()?;
        let nanoseconds = file.ctime_nsec().try_into().ok()?;
        Some(Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            changed_at: Timestamp::new(file.ctime(), nanoseconds).ok()?,
        })
    }

    /// Whether each later change gives another stamp.
    fn is_settled(&self, now: Timestamp) -> bool {
        now.duration_since(self.changed_at) > SETTLED_AFTER
    }
}

impl<T> Default for Unchanged<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Unchanged<T> {
    /// What was read of the file, or is read now if the file may be another since.
    pub(super) fn get_or_read<E>(
        &self,
        file: &Path,
        now: Timestamp,
        read: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        // Before it is read, so that what changes meanwhile is seen the next time.
        let stamp = Stamp::of(file);
        let known = self.lock().get(file).cloned();
        if let Some((of, known)) = known
            && Some(of) == stamp
        {
            return Ok(known);
        }
        let found = read()?;
        if let Some(stamp) = stamp.filter(|stamp| stamp.is_settled(now)) {
            self.lock().insert(file.to_owned(), (stamp, found.clone()));
        }
        Ok(found)
    }

    #[cfg(test)]
    pub(super) fn is_known(&self, file: &Path) -> bool {
        self.lock().contains_key(file)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, (Stamp, T)>> {
        // The map is whole between any two of its operations, also if a holder panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use causeway_shared::runtime::clock;

    use super::*;
    use crate::testing::Outcome;

    /// Longer than a kernel's clock stands still.
    const TICK: Duration = Duration::from_millis(30);

    #[test]
    fn a_file_is_read_once_for_each_change() -> Outcome {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        let (known, mut reads) = (Unchanged::default(), 0);
        let mut read = |now: Timestamp| {
            let text = known.get_or_read(&at("db"), now, || {
                reads += 1;
                fs::read_to_string(at("db"))
            });
            text.map(|text| format!("{text}, {reads} read"))
        };
        let later = clock::now() + SignedDuration::from_secs(60);

        fs::write(at("db"), "a")?;
        assert_eq!([read(later)?, read(later)?], ["a, 1 read", "a, 1 read"]);
        // Another in its place, as large.
        fs::write(at("other"), "b")?;
        fs::rename(at("other"), at("db"))?;
        assert_eq!([read(later)?, read(later)?], ["b, 2 read", "b, 2 read"]);
        // The same file, as large, with the time that it had.
        let had = fs::metadata(at("db"))?.modified()?;
        thread::sleep(TICK);
        fs::write(at("db"), "c")?;
        fs::File::options()
            .write(true)
            .open(at("db"))?
            .set_modified(had)?;
        assert_eq!([read(later)?, read(later)?], ["c, 3 read", "c, 3 read"]);
        // A log without a word changes nothing; one with words may say anything.
        fs::write(at("db-wal"), "")?;
        assert_eq!(read(later)?, "c, 3 read");
        fs::write(at("db-wal"), "d")?;
        assert_eq!([read(later)?, read(later)?], ["c, 4 read", "c, 5 read"]);
        fs::remove_file(at("db-wal"))?;
        assert_eq!(read(later)?, "c, 5 read");
        // Its next change may bear the same time.
        thread::sleep(TICK);
        fs::write(at("db"), "e")?;
        let now = clock::now();
        assert_eq!([read(now)?, read(now)?], ["e, 6 read", "e, 7 read"]);
        fs::remove_file(at("db"))?;
        assert!(read(later).is_err());
        Ok(())
    }
}

//! Opening a SQLite file without leaving a trace.
//!
//! SQLite reads some files only after it has made others beside them. Which way of opening leaves
//! nothing behind depends on the journal mode, which the file's header tells, and on the files
//! that lie beside it now.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use causeway_shared::runtime::regular_file;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::unreadable;
use crate::source::Unreadable;
use crate::source::file_state::{FileState, companion};

/// How long to wait for a lock. A writer holds one for the moment of a commit; one that holds it
/// for longer is waited for in the next cycle.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);

/// SQLite's page cache for one file, in KiB. A scan reads each page once.
const CACHE_KIB: i64 = 2_048;

/// A file opened for reading.
pub(super) struct Opened {
    /// The file's own path, symbolic links resolved.
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    /// Of what is read although nothing locks it: the files' states before, to be compared
    /// afterwards.
    unlocked: Vec<Unlocked>,
}

/// A file that is read without a lock, and its state before.
type Unlocked = (PathBuf, fn(&Path) -> io::Result<FileState>, FileState);

/// The way to open a file.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// Read-only, with SQLite's locks.
    Locked,
    /// Read-only, without locks: for a WAL-mode file that nobody has open, where locking would
    /// leave a `-wal` and a `-shm` behind. In rollback-journal mode this would read uncommitted
    /// pages.
    Immutable,
    /// Read-only, without locks, and with the log's index in memory: for a WAL-mode file whose
    /// `-shm` is not there, as in a copy or on a read-only mount. Whoever has such a file open has
    /// made one, unless he keeps everybody else out and the index in his memory.
    Alone,
}

/// What lies beside a database file.
#[derive(Debug, Clone, Copy, Default)]
struct Beside {
    /// The size of the `-wal`.
    wal_bytes: Option<u64>,
    shm: bool,
    journal: bool,
}

/// Decides from a file's first bytes and from what lies beside it.
fn way(header: &[u8], beside: Beside) -> Result<Way, &'static str> {
    let wal_mode = matches!(header.get(18..20), Some([2, 2]));
    match beside {
        _ if !wal_mode => Ok(Way::Locked),
        Beside { journal: true, .. } => Err(
            "has a -journal beside it although it is in WAL mode: its journal mode is being \
                 changed, or its application ended in the middle of that",
        ),
        Beside {
            wal_bytes: None | Some(0),
            shm: false,
            ..
        } => Ok(Way::Immutable),
        Beside {
            wal_bytes: Some(_),
            shm: false,
            ..
        } => Ok(Way::Alone),
        Beside {
            wal_bytes: None,
            shm: true,
            ..
        } => Ok(Way::Immutable),
        Beside {
            wal_bytes: Some(_),
            shm: true,
            ..
        } => Ok(Way::Locked),
    }
}

/// Opens a file in the way that leaves nothing behind.
pub(super) fn open(path: &Path) -> Result<Opened, Unreadable> {
    let path = path
        .canonicalize()
        .map_err(|error| cannot_read(path, &error))?;
    let before = unlocked(&path, FileState::of)?;
    let header = header(&path).map_err(|error| cannot_read(&path, &error))?;
    let way = way(&header, beside(&path)?)
        .map_err(|problem| Unreadable::not_ready(format!("{} {problem}", path.display())))?;
    let unlocked = match way {
        Way::Locked => Vec::new(),
        Way::Immutable => vec![before],
        Way::Alone => {
            let wal = companion(&path, "-wal");
            vec![before, unlocked(&wal, FileState::of_companion)?]
        }
    };
    let connect = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(uri(&path, &way), flags)?;
        if way == Way::Alone {
            // Before the first read, so that SQLite asks for no -shm (sqlite.org/wal.html, "use of
            // WAL without shared-memory").
            connection.pragma_update(None, "locking_mode", "exclusive")?;
        }
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // A reader that closes last would otherwise write the WAL back into the file.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        Ok(connection)
    };
    let connection = connect().map_err(|error| unreadable(&path, &error))?;
    Ok(Opened {
        path,
        connection,
        unlocked,
    })
}

impl Opened {
    /// Closes the file.
    ///
    /// # Errors
    /// [`Unreadable::NotReady`] if it changed while nothing locked it: what was read is worthless.
    pub(super) fn close(self) -> Result<(), Unreadable> {
        // SQLite has no way to fail here that would matter: nothing was written.
        drop(self.connection);
        for (path, state, before) in self.unlocked {
            if state(&path).ok() != Some(before) {
                return Err(Unreadable::not_ready(format!(
                    "{} was changed while it was read",
                    path.display()
                )));
            }
        }
        Ok(())
    }
}

/// The state of a file, before it is read without a lock.
fn unlocked(
    path: &Path,
    state: fn(&Path) -> io::Result<FileState>,
) -> Result<Unlocked, Unreadable> {
    let before = state(path).map_err(|error| cannot_read(path, &error))?;
    Ok((path.to_owned(), state, before))
}

fn cannot_read(path: &Path, error: &io::Error) -> Unreadable {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => Unreadable::Missing {
            why: format!("the SQLite file {path} is not there"),
            remedy: "put it back, or correct `path` of this source".to_owned(),
        },
        _ => Unreadable::failed(format!("{path} cannot be read: {error}")),
    }
}

/// The bytes that hold the journal mode; fewer of an empty file, which is an empty database.
fn header(path: &Path) -> io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(20);
    regular_file::open(path)?
        .take(20)
        .read_to_end(&mut header)?;
    Ok(header)
}

/// SQLite opens what lies there without asking what it is.
fn beside(path: &Path) -> Result<Beside, Unreadable> {
    let with = |suffix: &str| {
        let path = companion(path, suffix);
        match regular_file::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot_read(&path, &error)),
        }
    };
    Ok(Beside {
        wal_bytes: with("-wal")?.map(|metadata| metadata.len()),
        shm: with("-shm")?.is_some(),
        journal: with("-journal")?.is_some(),
    })
}

/// The path as SQLite's URI.
fn uri(path: &Path, way: &Way) -> String {
    let mut uri = String::from("file:");
    if cfg!(windows) {
        uri.push_str("///");
    }
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b':' => {
                uri.push(char::from(*byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str(match way {
        Way::Locked => "?mode=ro",
        Way::Immutable => "?mode=ro&immutable=1",
        Way::Alone => "?mode=ro&vfs=unix-none",
    });
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAL: [u8; 20] = [2; 20];
    const ROLLBACK: [u8; 20] = [1; 20];

    #[test]
    fn only_a_wal_file_that_nobody_has_open_is_immutable() {
        let open = Beside {
            wal_bytes: Some(4_152),
            shm: true,
            journal: false,
        };
        assert_eq!(way(&WAL, Beside::default()), Ok(Way::Immutable));
        assert_eq!(way(&WAL, open), Ok(Way::Locked));
        assert_eq!(way(&ROLLBACK, Beside::default()), Ok(Way::Locked));
        assert_eq!(
            way(
                &ROLLBACK,
                Beside {
                    journal: true,
                    ..open
                }
            ),
            Ok(Way::Locked)
        );
        assert_eq!(way(&[], Beside::default()), Ok(Way::Locked));
    }

    #[test]
    fn a_wal_file_without_its_index_is_read_alone_and_one_that_changes_its_mode_is_not() {
        assert!(
            way(
                &WAL,
                Beside {
                    journal: true,
                    ..Beside::default()
                }
            )
            .is_err()
        );
        let copied = Beside {
            wal_bytes: Some(32),
            ..Beside::default()
        };
        assert_eq!(way(&WAL, copied), Ok(Way::Alone));
    }

    #[test]
    fn a_path_is_escaped_in_a_uri() {
        let path = Path::new("/data/a b?#%.db");
        assert_eq!(
            uri(path, &Way::Locked),
            "file:/data/a%20b%3F%23%25.db?mode=ro"
        );
    }
}

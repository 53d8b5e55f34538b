//! Opening a SQLite file without leaving a trace beside it.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::words;

/// The first bytes of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// How long to wait for a lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);

/// A file opened for reading.
pub(super) struct Opened {
    path: PathBuf,
    pub(super) connection: Connection,
    /// Of a file that nothing locks: its state before.
    unlocked: Option<State>,
}

/// What tells that a file was written to.
type State = (u64, Option<SystemTime>);

/// Whether a file begins as a SQLite database does, whatever its name.
pub(in crate::init) fn is_database(path: &Path) -> std::io::Result<bool> {
    Ok(header(path)?.starts_with(MAGIC))
}

fn header(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(20);
    File::open(path)?.take(20).read_to_end(&mut header)?;
    Ok(header)
}

impl Opened {
    /// Opens a file. One in WAL mode that nobody has open is opened as immutable, since SQLite
    /// would make two files beside it otherwise; any other is opened with SQLite's own locks.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let path = path.canonicalize().map_err(|error| error.to_string())?;
        let header = header(&path).map_err(|error| error.to_string())?;
        let is_wal = matches!(header.get(18..20), Some([2, 2]));
        let immutable = is_wal && !is_beside(&path, "-wal") && !is_beside(&path, "-journal");
        if is_wal && !immutable && !is_beside(&path, "-shm") {
            return Err(
                "a -wal or -journal lies beside it that its application left behind; start \
                        the application once"
                    .to_owned(),
            );
        }
        let unlocked = if immutable { Some(state(&path)?) } else { None };
        let connection = connect(&path, immutable).map_err(words)?;
        Ok(Self {
            path,
            connection,
            unlocked,
        })
    }

    /// Closes the file.
    pub(super) fn close(self) -> Result<(), String> {
        drop(self.connection);
        match self.unlocked {
            Some(before) if state(&self.path)? != before => {
                Err("it was changed while it was read; run init again".to_owned())
            }
            _ => Ok(()),
        }
    }
}

fn connect(path: &Path, immutable: bool) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri(path, immutable), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // A reader that closes last would otherwise write the WAL back into the file.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

fn state(path: &Path) -> Result<State, String> {
    let of = |metadata: Metadata| (metadata.len(), metadata.modified().ok());
    std::fs::metadata(path)
        .map(of)
        .map_err(|error| error.to_string())
}

fn is_beside(path: &Path, suffix: &str) -> bool {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    Path::new(&name).exists()
}

/// The path as SQLite's URI.
fn uri(path: &Path, immutable: bool) -> String {
    use std::fmt::Write as _;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b':' => {
                uri.push(char::from(*byte));
            }
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri.push_str(if immutable {
        "?mode=ro&immutable=1"
    } else {
        "?mode=ro"
    });
    uri
}

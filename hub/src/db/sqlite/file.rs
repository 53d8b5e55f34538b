//! The files: opened, made, upgraded, locked; and what their errors mean.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::ffi::{
    SQLITE_CONSTRAINT_NOTNULL, SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_ROWID,
    SQLITE_CONSTRAINT_UNIQUE, SQLITE_IOERR_SHMSIZE,
};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use causeway_shared::ids::SiteName;
use causeway_shared::runtime::{chance, clock};

use super::functions::REFUSED;
use super::{Files, change, render};
use crate::db::{DbError, rules, sql};
use crate::searched::{SEARCHED, Searched};

/// How a file's tables are made. A file of an early version holds no edits, so that all of its tables but
/// `keep` are made again; later ones may, and are altered.
struct Layout {
    version: i64,
    make: &'static str,
    keep: Option<&'static str>,
    /// The versions that are altered, and what brings each to the next one.
    steps: &'static [(i64, Step)],
}

enum Step {
    Statements(&'static str),
    /// The sites' tables get the column of the texts that lists search.
    Search,
}

/// Of `causeway.db`.
const HUB: Layout = Layout {
    version: 3,
    make: include_str!("sql/hub.sql"),
    keep: Some("site"),
    steps: &[],
};
/// Of a site's file.
const SITE: Layout = Layout {
    version: 7,
    make: include_str!("sql/site.sql"),
    keep: None,
    steps: &[
        (4, Step::Statements(include_str!("sql/site_upgrade_4.sql"))),
        (5, Step::Search),
        (6, Step::Statements(include_str!("sql/site_upgrade_6.sql"))),
    ],
};
/// Of a site's partials, which can be made again.
const PARTIALS: Layout = Layout {
    version: 2,
    make: include_str!("sql/partials.sql"),
    keep: None,
    steps: &[],
};

/// How long a statement waits for another's lock. Loads of one site wait for each other on a lock
/// of their own, so this is only ever a short transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a load waits for another load of its site, and a flush for another flush.
const LOCK_TIMEOUT: Duration = Duration::from_secs(600);
/// How often it looks.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Runs something that may block on a thread made for that.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DbError> + Send + 'static,
) -> Result<T, DbError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            Err(DbError::GaveUp {
                database: "SQLite".to_owned(),
                action: "work",
                detail: error.to_string(),
                source: Some(Box::new(error)),
            })
        })
}

impl Step {
    fn take(&self, connection: &Connection) -> rusqlite::Result<()> {
        if let Self::Statements(sql) = self {
            return connection.execute_batch(sql);
        }
        for Searched { table, .. } in &SEARCHED {
            let columns = change::existing(connection, table)?;
            if let Some(add) = render::add_search(table, &columns) {
                connection.execute_batch(&add)?;
            }
        }
        Ok(())
    }
}

impl Files {
    pub(super) fn describe(&self) -> String {
        format!("sqlite:{}", self.folder.display())
    }

    fn hub_path(&self) -> PathBuf {
        self.folder.join("causeway.db")
    }

    /// Makes or upgrades all files.
    pub(super) fn init(&self, address: &str) -> Result<(), DbError> {
        // The rows are of people: they are nobody else's business on this machine.
        let mut folder = DirBuilder::new();
        let made = folder.recursive(true).mode(0o700).create(&self.folder);
        made.map_err(|error| self.unusable("making the folder", error))?;
        let hub = self.open(self.hub_path(), true, &HUB)?;
        let id = chance::random_id().map_err(|error| self.unusable("making an identity", error))?;
        hub.execute(include_str!("sql/identity_make.sql"), [&id, address])
            .map_err(|error| self.error("making an identity", error))?;
        hub.execute(include_str!("sql/sleep_make.sql"), [])
            .map_err(|error| self.error("writing", error))?;
        for site in self.known()? {
            self.site(&site)?;
        }
        Ok(())
    }

    /// The sites that have been added, in name order.
    pub(super) fn known(&self) -> Result<Vec<SiteName>, DbError> {
        let path = self.hub_path();
        self.known
            .get_or_read(&path, clock::now(), || self.read_known())
    }

    fn read_known(&self) -> Result<Vec<SiteName>, DbError> {
        let connection = self.hub()?;
        let names = connection
            .prepare(include_str!("sql/hub_sites.sql"))
            .and_then(|mut sites| {
                sites
                    .query_map([], |row| row.get::<_, String>(0))?
                    .collect::<rusqlite::Result<Vec<_>>>()
            })
            .map_err(|error| self.error("reading", error))?;
        // Only names are ever added; another's row would be no site of ours.
        Ok(names
            .iter()
            .filter_map(|name| SiteName::new(name).ok())
            .collect())
    }

    /// `causeway.db`, which [`init`](Self::init) makes.
    pub(super) fn hub(&self) -> Result<Connection, DbError> {
        if !self.hub_path().exists() {
            return Err(DbError::NotInitialised {
                database: self.describe(),
            });
        }
        self.open(self.hub_path(), false, &HUB)
    }

    pub(super) fn site_path(&self, site: &SiteName) -> PathBuf {
        self.folder.join(format!("{site}.db"))
    }

    /// A site's file, made if somebody took it away.
    pub(super) fn site(&self, site: &SiteName) -> Result<Connection, DbError> {
        let opened = self.open(self.site_path(site), true, &SITE);
        opened.map_err(|error| self.error_of_site(site, error))
    }

    /// The file of a site's partials: their writers are in nobody's way.
    pub(super) fn partials(&self, site: &SiteName) -> Result<Connection, DbError> {
        let path = self.folder.join(format!("{site}.partials.db"));
        self.open(path, true, &PARTIALS)
    }

    /// What an error of SQLite means that was met in reading a site's file.
    pub(super) fn site_error(&self, site: &SiteName, error: rusqlite::Error) -> DbError {
        self.error_of_site(site, self.error("reading", error))
    }

    /// A file that is damaged is one site's alone.
    fn error_of_site(&self, site: &SiteName, error: DbError) -> DbError {
        match error {
            DbError::Refused { detail, .. } => DbError::Unreadable {
                database: self.describe(),
                site: site.to_string(),
                what: detail,
            },
            other => other,
        }
    }

    /// A site's file, added to the known ones.
    pub(super) fn add_site(&self, site: &SiteName) -> Result<Connection, DbError> {
        self.hub()?
            .execute(include_str!("sql/hub_add.sql"), [site.as_str()])
            .map_err(|error| self.error("writing", error))?;
        self.site(site)
    }

    fn open(&self, path: PathBuf, create: bool, layout: &Layout) -> Result<Connection, DbError> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
        if create && !path.exists() {
            // SQLite gives the log beside it the same rights. What is there already, it opens.
            let mut private = OpenOptions::new();
            let made = private.write(true).create(true).mode(0o600).open(&path);
            made.map_err(|error| self.unusable("making a file", error))?;
        }
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open_with_flags(&path, flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            Ok(connection)
        };
        let mut connection = open().map_err(|error| self.error("opening", error))?;
        self.upgrade(&mut connection, layout)?;
        Ok(connection)
    }

    /// Makes the tables of a file that is new or of an earlier version.
    fn upgrade(&self, connection: &mut Connection, layout: &Layout) -> Result<(), DbError> {
        let known = layout.version;
        let version = |connection: &Connection| {
            connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
        };
        let found = version(connection).map_err(|error| self.error("opening", error))?;
        if found > known {
            return Err(DbError::Newer {
                database: self.describe(),
                found,
                known,
            });
        }
        if found == known {
            return Ok(());
        }
        let mut take = || -> rusqlite::Result<()> {
            // WAL is a property of the file: readers go on while a load writes.
            connection.pragma_update(None, "journal_mode", "wal")?;
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            // Another process may have made them meanwhile.
            let found = version(&transaction)?;
            if found < known {
                match layout.steps.iter().position(|(from, _)| *from == found) {
                    Some(first) => {
                        for (_, step) in &layout.steps[first..] {
                            step.take(&transaction)?;
                        }
                    }
                    None => {
                        drop_tables(&transaction, layout.keep)?;
                        transaction.execute_batch(layout.make)?;
                    }
                }
                transaction.pragma_update(None, "user_version", known)?;
            }
            transaction.commit()
        };
        take().map_err(|error| self.error("upgrading", error))
    }

    /// The lock that one load of a site holds, waited for.
    pub(super) async fn loader_lock(&self, site: &SiteName) -> Result<File, DbError> {
        self.lock(site, "lock", "loader").await
    }

    /// The lock that one flush of a site holds, waited for.
    pub(super) async fn flush_lock(&self, site: &SiteName) -> Result<File, DbError> {
        self.lock(site, "flush.lock", "flush").await
    }

    async fn lock(&self, site: &SiteName, ending: &str, whose: &str) -> Result<File, DbError> {
        let path = self.folder.join(format!("{site}.{ending}"));
        let file = File::create(&path).map_err(|error| self.unusable("locking", error))?;
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(self.unusable("locking", error)),
                Err(TryLockError::WouldBlock) if waited >= LOCK_TIMEOUT => {
                    return Err(DbError::Busy {
                        what: format!("the {whose}'s lock of site {site}"),
                        waited_s: waited.as_secs(),
                        is_at_work: true,
                    });
                }
                Err(TryLockError::WouldBlock) => {
                    tokio::time::sleep(LOCK_POLL).await;
                    waited += LOCK_POLL;
                }
            }
        }
    }

    /// What an error of the file system means.
    fn unusable(&self, action: &'static str, error: io::Error) -> DbError {
        let (database, detail) = (self.describe(), error.to_string());
        let kind = error.kind();
        let source = Some(Box::new(error).into());
        match kind {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                DbError::Refused {
                    database,
                    action,
                    detail,
                    source,
                }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DbError::Full {
                database,
                action,
                detail,
                source,
            },
            _ => DbError::Unreachable {
                database,
                detail,
                source,
            },
        }
    }

    /// What an error of SQLite means that was met in changing rows: the triggers, keys and rules of the
    /// tables refuse what a rule forbids.
    pub(super) fn rejected(&self, action: &'static str, error: rusqlite::Error) -> DbError {
        match refusal(&error) {
            Some((state, message)) => DbError::Rejected { state, message },
            None => self.error(action, error),
        }
    }

    /// What an error of SQLite means.
    pub(super) fn error(&self, action: &'static str, error: rusqlite::Error) -> DbError {
        let (database, detail) = (self.describe(), error.to_string());
        let code = error.sqlite_error_code();
        // The file by which connections share a WAL could not grow.
        let is_full =
            error.sqlite_error().map(|error| error.extended_code) == Some(SQLITE_IOERR_SHMSIZE);
        let code = if is_full {
            Some(ErrorCode::DiskFull)
        } else {
            code
        };
        let source = Some(Box::new(error).into());
        match code {
            Some(ErrorCode::DiskFull) => DbError::Full {
                database,
                action,
                detail,
                source,
            },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => DbError::GaveUp {
                database,
                action,
                detail,
                source,
            },
            Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => DbError::Unreachable {
                database,
                detail,
                source,
            },
            Some(ErrorCode::ConstraintViolation) => DbError::Clash {
                database,
                detail,
                source,
            },
            _ => DbError::Refused {
                database,
                action,
                detail,
                source,
            },
        }
    }
}

/// Drops every table of a file but one.
fn drop_tables(connection: &Connection, keep: Option<&str>) -> rusqlite::Result<()> {
    let mut tables = connection.prepare(include_str!("sql/tables_read.sql"))?;
    let tables = tables.query_map([keep], |row| row.get::<_, String>(0))?;
    for table in tables.collect::<rusqlite::Result<Vec<_>>>()? {
        connection.execute_batch(&render::drop_table(&table))?;
    }
    Ok(())
}

/// SQLSTATE and words of an error that says which rule a row breaks.
fn refusal(error: &rusqlite::Error) -> Option<(String, String)> {
    let rusqlite::Error::SqliteFailure(code, Some(message)) = error else {
        return None;
    };
    let columns = |message: &str| {
        let (table, _) = message.split_once('.')?;
        let columns = message.replace(&format!("{table}."), "");
        Some((table.to_owned(), columns))
    };
    if let Some(refusal) = message.strip_prefix(REFUSED) {
        let (state, message) = refusal.split_once(' ')?;
        return Some((state.to_owned(), message.to_owned()));
    }
    match code.extended_code {
        SQLITE_CONSTRAINT_UNIQUE | SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_ROWID => {
            let (table, columns) = columns(message.strip_prefix("UNIQUE constraint failed: ")?)?;
            let message = rules::message_of_clash(&table, sql::without_part(&columns));
            Some(("23505".to_owned(), message))
        }
        SQLITE_CONSTRAINT_NOTNULL => {
            let column = message.strip_prefix("NOT NULL constraint failed: ")?;
            Some(("23502".to_owned(), format!("{column} must have a value")))
        }
        _ => None,
    }
}

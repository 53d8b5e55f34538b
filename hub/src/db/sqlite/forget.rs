//! A site taken out: its file, and its name in `causeway.db`.
//!
//! # Order, and what a crash leaves
//! 1. The file's tables go, in one transaction: whoever waits to write to it finds none. A crash after it leaves a
//!    site that was never loaded.
//! 2. The site's name goes. A crash after it leaves a file that counts as a new one.
//! 3. The files go.

use std::fs;
use std::io;

use rusqlite::{Transaction, TransactionBehavior};

use causeway_shared::ids::SiteName;

use super::Files;
use super::file::drop_tables;
use crate::db::DbError;

impl Files {
    /// Whether it did: not where somebody has changed rows.
    pub(super) fn remove_site(&self, site: &SiteName) -> Result<bool, DbError> {
        if !self.empty(site)? {
            return Ok(false);
        }
        let remove = include_str!("sql/hub_remove.sql");
        let removed = self.hub()?.execute(remove, [site.as_str()]);
        removed.map_err(|error| self.error("taking a site out", error))?;
        self.known_sites.forget(site);
        self.starts_known().remove(site);
        for path in [self.site_path(site), self.partials_path(site)] {
            for ending in ["", "-wal", "-shm"] {
                let mut path = path.clone().into_os_string();
                path.push(ending);
                match fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(self.unusable("removing a file", error));
                    }
                    _ => {}
                }
            }
        }
        Ok(true)
    }

    /// Makes a site's file one that is yet to be made, unless its journal holds changes.
    fn empty(&self, site: &SiteName) -> Result<bool, DbError> {
        let connection = self.site(site)?;
        let empty = || -> rusqlite::Result<bool> {
            let immediate = TransactionBehavior::Immediate;
            let transaction = Transaction::new_unchecked(&connection, immediate)?;
            let is_empty = include_str!("sql/journal_is_empty.sql");
            if !transaction.query_row(is_empty, [], |row| row.get::<_, bool>(0))? {
                return Ok(false);
            }
            drop_tables(&transaction, None)?;
            transaction.pragma_update(None, "user_version", 0)?;
            transaction.commit()?;
            Ok(true)
        };
        empty().map_err(|error| self.error("taking a site out", error))
    }
}

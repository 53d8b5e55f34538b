//! A load as a database carries it out.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::tz::TimeZone;

use causeway_shared::commit::Owner;
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::Part;

#[cfg(doc)]
use super::Database;
use super::{DbError, Look, SiteChange, StoredSite};

/// One load of one site, holding the site's loader lock. Dropped before [`commit`](Self::commit)
/// it leaves nothing behind.
///
/// [`stage`](Self::stage) comes first, with no lock held that others would notice; then
/// [`begin`](Self::begin), and from there on all in one transaction.
#[async_trait]
pub(crate) trait SiteLoad: Send {
    /// What is held of the site, which no other load can change now.
    ///
    /// # Errors
    /// A failure of the database.
    async fn stored(&mut self) -> Result<StoredSite, DbError>;

    /// As [`Database::identity`], by the load's own connection: whoever waits for its locks may hold all
    /// others.
    ///
    /// # Errors
    /// A failure of the database, or [`DbError::NotInitialised`].
    async fn identity(&mut self) -> Result<Owner, DbError>;

    /// Makes the site's tables, where they are missing, and their triggers, where they are others.
    /// `zone` says what time it is for rows that are born here.
    ///
    /// # Errors
    /// A failure of the database, or [`DbError::AnotherTable`] where a table is there that
    /// cannot become the dataset's by more columns.
    async fn create_tables(&mut self, dataset: &Dataset, zone: &TimeZone) -> Result<(), DbError>;

    /// Whether a table has no rows, so that it may be [filled](Self::fill). Where tables are yet to become
    /// those of another dataset, none may.
    ///
    /// # Errors
    /// A failure of the database.
    async fn is_empty(&mut self, table: &Table) -> Result<bool, DbError>;

    /// Takes rows aside, unseen, for [`insert_staged`](Self::insert_staged).
    ///
    /// # Errors
    /// A failure of the database.
    async fn stage(&mut self, table: &Table) -> Result<Box<dyn RowSink + '_>, DbError>;

    /// Begins the transaction and keeps others from writing to these tables until it ends. Tables of
    /// another dataset are made to fit, with whoever writes to one of the site's kept out, and whoever
    /// reads a table that gets columns.
    ///
    /// # Errors
    /// A failure of the database, or [`DbError::Busy`].
    async fn begin(&mut self, tables: &[&Table]) -> Result<(), DbError>;

    /// What a load has to know that was not there when it planned. From here to the end of the
    /// transaction no flush writes down anything.
    ///
    /// # Errors
    /// A failure of the database.
    async fn look(&mut self) -> Result<Look, DbError>;

    /// Whether the journal has changes of rows whose keys are [staged](Self::stage) for a table.
    ///
    /// # Errors
    /// A failure of the database.
    async fn has_journaled_keys(&mut self, table: &Table) -> Result<bool, DbError>;

    /// Ends the transaction without a trace. Whoever goes on stages again.
    ///
    /// # Errors
    /// A failure of the database.
    async fn rollback(&mut self) -> Result<(), DbError>;

    /// Deletes the rows of some parts. Returns how many there were.
    ///
    /// # Errors
    /// A failure of the database.
    async fn delete_parts(&mut self, table: &Table, parts: &[Part]) -> Result<u64, DbError>;

    /// Deletes the rows that belong to none of these parts. Returns how many there were.
    ///
    /// # Errors
    /// A failure of the database.
    async fn delete_strays(&mut self, table: &Table, loaded: &[Part]) -> Result<u64, DbError>;

    /// Inserts what was staged for a table. Returns how many.
    ///
    /// # Errors
    /// [`DbError::Clash`] where a row of the same key is there, or a failure of the database.
    async fn insert_staged(&mut self, table: &Table) -> Result<u64, DbError>;

    /// Writes straight into a table, which must be [empty](Self::is_empty).
    ///
    /// # Errors
    /// A failure of the database.
    async fn fill(&mut self, table: &Table) -> Result<Box<dyn RowSink + '_>, DbError>;

    /// Writes down the catalog and what is loaded, and ends the transaction: from here on every
    /// reader sees the new state, whole.
    ///
    /// # Errors
    /// A failure of the database: the load may have happened or not; what is stored says which.
    async fn commit(self: Box<Self>, change: &SiteChange<'_>) -> Result<(), DbError>;
}

/// Where rows are written to.
#[async_trait]
pub(crate) trait RowSink: Send {
    /// Takes whole canonical CSV records of the table's columns, each with two more fields: its part,
    /// and `t` where it clashes with another row, else `f`.
    ///
    /// # Errors
    /// A failure of the database, or a row that it does not take.
    async fn write(&mut self, records: Bytes) -> Result<(), DbError>;

    /// Says that all rows were written. Returns how many.
    ///
    /// # Errors
    /// A failure of the database, or a row that it does not take.
    async fn finish(self: Box<Self>) -> Result<u64, DbError>;
}

//! The database: what the hub asks of one, and what each implementation promises.
//!
//! Two implementations pass one conformance suite: [`postgres`] and [`sqlite`]. What the rest of
//! the hub builds on is exactly this:
//!
//! - a site's rows, catalog and load marks change together, in one transaction, or not at all;
//! - readers see the state before or after a load, never one between;
//! - one load of a site at a time: a second waits for the first;
//! - a load that is dropped at any point leaves nothing behind.

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod error;
mod known_sites;
mod loading;
mod open;
mod outline;
mod partial;
pub(crate) mod postgres;
mod records;
mod rules;
mod sql;
pub(crate) mod sqlite;
mod stored;
pub(crate) mod value;
mod writer;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use causeway_shared::commit::Owner;
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::{Md5, Name, Part, Seq, SiteName};
use causeway_shared::value::Value;
use jiff::tz::TimeZone;

pub(crate) use error::{DbError, Source};
pub(crate) use loading::{RowSink, SiteLoad};
pub(crate) use open::{address, open};
pub(crate) use outline::Outline;
pub(crate) use partial::Partial;
pub(crate) use stored::{
    CatalogDelta, LoadedCount, LoadedCounts, Look, Mark, Marks, PartVersion, RowsAt, SiteChange,
    SiteState, StoredSite, is_asked_of_late, with_settled,
};
pub(crate) use writer::Writer;
pub(crate) use writing::{FlushChange, JournalEntry, JournalMark, Query, SiteFlush, SiteWrite};

/// By which a database that sleeps, or is about to, keeps since when, beside its copies of the store's files;
/// nothing where it is awake. The triggers look there.
pub(crate) const SLEEP: &str = "sleep";

/// By which its triggers' refusal is known.
pub(crate) const SLEEPS: &str = "the database is going to sleep";

/// What the hub asks of a database.
#[async_trait]
pub(crate) trait Database: Send + Sync + fmt::Debug {
    /// The database as a person would name it in a message, without its password.
    fn describe(&self) -> String;

    /// Whether rows are born in it that no hub knows of, so that it has to have keys at any time.
    fn gives_keys(&self) -> bool;

    /// How many loads it takes at a time; others wait.
    fn loads_at_once(&self) -> usize;

    /// Whether it is on a server, which can be stopped.
    fn has_server(&self) -> bool {
        false
    }

    /// Whether the server answers, by a connection that nobody else uses.
    ///
    /// # Errors
    /// Why it does not.
    async fn ping(&self) -> Result<(), DbError> {
        Ok(())
    }

    /// Who may still change rows though it is told to [`SLEEP`]: whoever has done so in a transaction that is
    /// open, and whoever does not see yet that it is told so.
    ///
    /// # Errors
    /// A failure of the database.
    async fn writers(&self) -> Result<Vec<Writer>, DbError> {
        Ok(Vec::new())
    }

    /// Whether the triggers of a site's tables are those that this program makes for a dataset and a zone.
    ///
    /// # Errors
    /// A failure of the database.
    async fn has_triggers(
        &self,
        site: &SiteName,
        dataset: &Dataset,
        zone: &TimeZone,
    ) -> Result<bool, DbError>;

    /// Where hubs reach the database: as configured, or its URL without user, password and options.
    fn address(&self) -> &str;

    /// Creates or upgrades the hub's own tables; any number of times. A database without an identity
    /// gets one.
    ///
    /// # Errors
    /// A failure of the database, or [`DbError::Newer`].
    async fn init(&self) -> Result<(), DbError>;

    /// Who this database is, and at which address it was when it was last told.
    ///
    /// # Errors
    /// A failure of the database, or [`DbError::NotInitialised`].
    async fn identity(&self) -> Result<Owner, DbError>;

    /// Makes it another: a copy at another address is not the database that it was copied from.
    ///
    /// # Errors
    /// A failure of the database.
    async fn set_identity(&self, identity: &Owner) -> Result<(), DbError>;

    /// How many keys are left of the block that it gives to rows which are born here.
    ///
    /// # Errors
    /// A failure of the database.
    async fn keys_left(&self) -> Result<u64, DbError>;

    /// Gives it a block of keys in place of the one that it has.
    ///
    /// # Errors
    /// A failure of the database.
    async fn set_keys(&self, keys: RangeInclusive<i64>) -> Result<(), DbError>;

    /// Takes away the block that it has: it gives no keys until it gets another.
    ///
    /// # Errors
    /// A failure of the database.
    async fn drop_keys(&self) -> Result<(), DbError>;

    /// How each known site stands, in name order.
    ///
    /// # Errors
    /// A failure of the database, or [`DbError::NotInitialised`].
    async fn sites(&self) -> Result<Vec<SiteState>, DbError>;

    /// What is held of a site, all of it as of one instant. A site that was never loaded has an
    /// empty catalog.
    ///
    /// # Errors
    /// A failure of the database.
    async fn stored(&self, site: &SiteName) -> Result<StoredSite, DbError>;

    /// The same as far as a load has to know it of what commits changed in these partitions. Somebody may change it
    /// meanwhile, and the revision tells.
    ///
    /// # Errors
    /// A failure of the database.
    async fn outline(&self, site: &SiteName, changed: &BTreeSet<Part>) -> Result<Outline, DbError>;

    /// Notes how looking at a site went, apart from any load: the newest commit seen (never an
    /// older one than is noted already), and why it failed.
    ///
    /// # Errors
    /// A failure of the database.
    async fn note(
        &self,
        site: &SiteName,
        log_head: Option<Seq>,
        error: Option<&str>,
    ) -> Result<(), DbError>;

    /// Notes that what is [wanted](StoredSite::wanted) is loaded, where the site still is of this revision, which
    /// stays.
    ///
    /// # Errors
    /// A failure of the database.
    async fn note_wanted(&self, site: &SiteName, revision: u64, wanted: Md5)
    -> Result<(), DbError>;

    /// Keeps a copy of one of the hub's own files in the store.
    ///
    /// # Errors
    /// A failure of the database.
    async fn copy(&self, key: &str, body: &[u8]) -> Result<(), DbError>;

    /// The copy that was kept last; `None` where there is none.
    ///
    /// # Errors
    /// A failure of the database.
    async fn copied(&self, key: &str) -> Result<Option<Vec<u8>>, DbError>;

    /// Keeps `now` under a key in place of `was`; an empty one stands for none, too. Whether that is there then: nobody
    /// else has written another.
    ///
    /// # Errors
    /// A failure of the database.
    async fn replace_copy(&self, key: &str, was: &[u8], now: &[u8]) -> Result<bool, DbError>;

    /// The partials of a site that are kept under a name, of these partitions.
    ///
    /// # Errors
    /// A failure of the database.
    async fn partials(
        &self,
        site: &SiteName,
        what: &str,
        parts: &[Part],
    ) -> Result<Vec<Partial>, DbError>;

    /// The versions of all partials of a site that are kept under a name.
    ///
    /// # Errors
    /// A failure of the database.
    async fn partial_versions(
        &self,
        site: &SiteName,
        what: &str,
    ) -> Result<BTreeMap<Part, Md5>, DbError>;

    /// Keeps partials of a site under a name, each in place of an earlier one of its partition.
    ///
    /// # Errors
    /// A failure of the database.
    async fn put_partials(
        &self,
        site: &SiteName,
        what: &str,
        partials: &[Partial],
    ) -> Result<(), DbError>;

    /// Drops the partials of a site, whatever their name, of all but these partitions. Returns how
    /// many.
    ///
    /// # Errors
    /// A failure of the database.
    async fn retain_partials(&self, site: &SiteName, kept: &BTreeSet<Part>)
    -> Result<u64, DbError>;

    /// How a site stands, and the newest rows of its journal, the newest first, at most so many; both as
    /// of one instant.
    ///
    /// # Errors
    /// A failure of the database, or a row that cannot be read.
    async fn waiting(
        &self,
        site: &SiteName,
        dataset: &Dataset,
        most: usize,
    ) -> Result<(SiteState, Vec<JournalEntry>), DbError>;

    /// Begins a flush: waits until no other flush of the site is under way.
    ///
    /// # Errors
    /// A failure of the database, or [`DbError::Busy`] after a long wait.
    async fn begin_flush(&self, site: &SiteName) -> Result<Box<dyn SiteFlush>, DbError>;

    /// Begins a transaction that changes rows of a site in somebody's name.
    ///
    /// # Errors
    /// A failure of the database.
    async fn begin_write(
        &self,
        site: &SiteName,
        dataset: &Dataset,
        actor: &str,
    ) -> Result<Box<dyn SiteWrite>, DbError>;

    /// Runs statements that read, as [`SiteWrite::query`] does, all as of one instant. `None`: then the
    /// rows of some of these partitions are not in the database, or not known.
    ///
    /// # Errors
    /// A failure of the database.
    async fn query(
        &self,
        site: &SiteName,
        queries: &[Query],
        loaded: &BTreeSet<(Name, Part)>,
    ) -> Result<Option<Vec<Vec<Row>>>, DbError>;

    /// Begins a load: waits until no other load of the site is under way.
    ///
    /// # Errors
    /// A failure of the database, or [`DbError::Busy`] after a long wait.
    async fn begin_load(&self, site: &SiteName) -> Result<Box<dyn SiteLoad>, DbError>;

    /// The rows of one partition, in key order (text by bytes), in batches.
    ///
    /// A value that is not of its column's type (written by another program) comes as text.
    ///
    /// # Errors
    /// A failure of the database, here or as the stream's last item.
    async fn rows(&self, site: &SiteName, table: &Table, part: Part)
    -> Result<RowBatches, DbError>;

    /// How many rows a table has per part, as the rows say it.
    ///
    /// # Errors
    /// A failure of the database.
    async fn part_counts(
        &self,
        site: &SiteName,
        table: &Table,
    ) -> Result<Vec<(Option<String>, u64)>, DbError>;

    /// How many bytes each of a site's tables takes, its indexes included; tables that are none of the
    /// dataset's may be among them.
    ///
    /// # Errors
    /// A failure of the database.
    async fn sizes(&self, site: &SiteName) -> Result<BTreeMap<String, u64>, DbError>;

    /// The rows of a table per partition and value of one column, and at which of the site's
    /// revisions they were. Rows without a partition, which the loader did not write, are left out.
    ///
    /// # Errors
    /// A failure of the database.
    async fn counts(
        &self,
        site: &SiteName,
        table: &Table,
        column: usize,
    ) -> Result<LoadedCounts, DbError>;
}

/// A row's values, in declared column order.
pub(crate) type Row = Vec<Value<'static>>;

/// Rows in bounded batches.
pub(crate) type RowBatches = BoxStream<'static, Result<Vec<Row>, DbError>>;

//! What is changed in the database by others than the loader: write transactions, the journal that the
//! triggers keep of them, and the flush that takes it to the store.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{EditsLog, Operation, Owner, RowKey};
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::edits_object::{Conflict, Texts};
use causeway_shared::ids::{Md5, Name, Part, Seq};
use causeway_shared::value::{Type, Value};

use super::{DbError, PartVersion, Row, StoredSite};

/// A row of the journal: a change of one row of a site's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JournalEntry {
    /// A UUID, by which commits know it.
    pub id: String,
    /// Changes of one transaction have the same one.
    pub tx: i64,
    pub table: Name,
    /// The row before, canonical texts by column, and the partition that it was in.
    pub old: Option<(Part, Texts)>,
    /// The row after; one of the two is there, or the row says of what kind it is.
    pub new: Option<(Part, Texts)>,
    /// The site's object that the old row's partition was loaded from.
    pub object: Option<Md5>,
    /// The agent's commit that the loaded rows stood at.
    pub site_seq: Seq,
    /// The commit of edits that they stood at.
    pub edits_seq: Seq,
    pub actor: String,
    pub at: Timestamp,
    /// Whether it was kept while another database owned the edits.
    pub held: bool,
    /// Of which kind it is, where it is not a change like any other.
    pub mark: Option<JournalMark>,
}

impl JournalEntry {
    /// The partitions that it is about.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        let rows = self.old.iter().chain(&self.new).map(|(part, _)| *part);
        rows.chain(self.mark.iter().map(|mark| mark.part))
    }
}

/// What makes a row of the journal one of its own kind. It may change no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JournalMark {
    /// [`Operation::Take`] or [`Operation::Undo`].
    pub op: Operation,
    pub part: Part,
    pub key: RowKey,
    /// The conflict that a side was taken of: what lost, as it was seen. It is closed.
    #[serde(default, skip_serializing_if = "Conflict::is_none")]
    pub taken: Conflict,
}

/// One flush of one site, holding the site's flush lock. Dropped at any point it changes nothing.
#[async_trait]
pub(crate) trait SiteFlush: Send {
    /// What is held of the site now.
    ///
    /// # Errors
    /// A failure of the database.
    async fn stored(&mut self) -> Result<StoredSite, DbError>;

    /// As [`Database::identity`](super::Database::identity), by the flush's own connection: a load may
    /// wait for the flush, with writers that hold all others waiting for the load.
    ///
    /// # Errors
    /// A failure of the database, or [`DbError::NotInitialised`].
    async fn identity(&mut self) -> Result<Owner, DbError>;

    /// The first rows of the journal, in the order in which each row of a table was changed. Whole
    /// transactions only: with `most` rows the last of them is still whole.
    ///
    /// # Errors
    /// A failure of the database, or a row that cannot be read.
    async fn journal(
        &mut self,
        dataset: &Dataset,
        most: usize,
    ) -> Result<Vec<JournalEntry>, DbError>;

    /// The partitions, loaded or not, that rows of the journal were in or came to.
    ///
    /// # Errors
    /// A failure of the database.
    async fn journal_parts(&mut self) -> Result<BTreeSet<(Name, Part)>, DbError>;

    /// Writes down what a flush did, in one transaction.
    ///
    /// # Errors
    /// A failure of the database: it may have happened or not; what is stored says which.
    async fn commit(&mut self, change: &FlushChange<'_>) -> Result<(), DbError>;
}

/// What a flush writes down. The site's revision grows by one.
#[derive(Debug, Clone)]
pub(crate) struct FlushChange<'a> {
    /// Journal rows that are in the store's log now, by id: they go.
    pub flushed: &'a [String],
    /// The catalog of edits that is stored, and the one that is stored now. Where the database's own
    /// has moved on meanwhile (its number is not that of `was`), nothing of it is written.
    pub was: &'a Catalog<EditsLog>,
    pub now: &'a Catalog<EditsLog>,
    /// Partitions whose rows are known to be another version now: where the loaded version still is the
    /// first, it becomes the second; elsewhere the rows are not known any more. Without a second they
    /// are not known any more whatever they were. A partition that is not loaded becomes one whose rows
    /// are not known (somebody wrote rows into it). One that neither side has any more is none.
    pub versions: &'a BTreeMap<(Name, Part), Option<(PartVersion, PartVersion)>>,
    /// Whether the rows stand at `now` as if a load had left them there: only the flush's own changes
    /// lie between.
    pub moves_loaded_seq: bool,
    /// Dates that rows were written to and that are not loaded: they count as asked for.
    pub asked: &'a [jiff::civil::Date],
    /// The present.
    pub at: Timestamp,
    /// Whether a hub has read the log under the server's present start.
    pub start_known: bool,
    /// Whether writes are taken from now on; `None`: as before.
    pub writable: Option<bool>,
    /// Whether the journal rows that stay are kept over a fence.
    pub hold: bool,
}

impl FlushChange<'_> {
    /// Whether of some partition nothing is left, of the site's or of the cloud's.
    pub(super) fn empties_partitions(&self) -> bool {
        let mut versions = self.versions.values().flatten();
        versions.any(|(_, now)| *now == PartVersion::default())
    }
}

/// A transaction that changes a site's rows in somebody's name. Dropped before
/// [`commit`](Self::commit) it changes nothing.
#[async_trait]
pub(crate) trait SiteWrite: Send {
    /// Runs a statement and answers its rows, each value of the type named. `$1`, `$2`, … are texts that
    /// take the type of what they are compared with or written to; the site's tables go by their bare
    /// names. On both databases alike, so only what both understand.
    ///
    /// # Errors
    /// [`DbError::Rejected`] where a rule forbids it, or a failure of the database.
    async fn query(
        &mut self,
        sql: &str,
        parameters: &[Option<String>],
        types: &[Type],
    ) -> Result<Vec<Row>, DbError>;

    /// Whether the rows of all these partitions are in the database and known. Of a table that the
    /// transaction has written to that stays so until it ends.
    ///
    /// # Errors
    /// A failure of the database.
    async fn are_loaded(&mut self, parts: &BTreeSet<(Name, Part)>) -> Result<bool, DbError>;

    /// Inserts a row: columns by position and their values; key, defaults and part are filled in. Answers
    /// the whole row as it was taken.
    ///
    /// # Errors
    /// [`DbError::Rejected`] where a rule forbids it, or a failure of the database.
    async fn insert(
        &mut self,
        table: &Table,
        values: &[(usize, Value<'static>)],
    ) -> Result<Row, DbError>;

    /// The row of a key, and the partition that it lies in. From then on nobody else changes it, and no
    /// load puts it in or takes it out, until the transaction ends; whoever else locks it waits, whether it
    /// is there or not.
    ///
    /// # Errors
    /// [`DbError::Rejected`] where the tables take no changes, or a failure of the database.
    async fn lock_row(
        &mut self,
        table: &Table,
        key: &RowKey,
    ) -> Result<Option<(Part, Texts)>, DbError>;

    /// Makes of the row that [`lock_row`](Self::lock_row) answered another; `None` is no row. One that
    /// was not there comes with its key, and nothing is filled in but its part.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    async fn put_row(
        &mut self,
        table: &Table,
        key: &RowKey,
        was: Option<&Texts>,
        row: Option<&Texts>,
    ) -> Result<(), DbError>;

    /// Whether a conflict is as it was read with the edits of its partition, behind
    /// [`lock_row`](Self::lock_row) of its row: they are current, and nobody has taken a side since.
    ///
    /// # Errors
    /// A failure of the database.
    async fn conflict_stands(
        &mut self,
        table: &Name,
        part: Part,
        edits: Md5,
        key: &RowKey,
    ) -> Result<bool, DbError>;

    /// Says of which kind the transaction's changes of a table are. Where it has made none, the journal
    /// gets a row that changes nothing.
    ///
    /// # Errors
    /// [`DbError::Rejected`] where the tables take no changes, or a failure of the database.
    async fn mark(&mut self, table: &Table, mark: &JournalMark) -> Result<(), DbError>;

    /// Ends the transaction: the change and its journal rows are there, or the error says why not.
    ///
    /// # Errors
    /// [`DbError::Rejected`], or a failure of the database.
    async fn commit(self: Box<Self>) -> Result<(), DbError>;
}

/// A statement, its parameters, and the types of the columns that it answers.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub sql: Cow<'static, str>,
    pub parameters: Vec<Option<String>>,
    pub types: Vec<Type>,
}

//! What can go wrong in the hub, each error with what it is about and what to do.

use std::path::PathBuf;

use causeway_shared::commit::FormatError;
use causeway_shared::dataset::DatasetError;
use causeway_shared::ids::{Name, Part, Seq, SiteName};
use causeway_shared::layout::{SiteKey, WhichLog};
use causeway_shared::log::LogError;
use causeway_shared::object::ObjectError;
use causeway_shared::runtime::settings::SettingsError;
use causeway_shared::store::StoreError;
use jiff::civil::Date;

use crate::archive::ArchiveError;
use crate::db::DbError;
use crate::document::DocumentError;
use crate::edits::EditsError;

/// Why the hub could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum HubError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A key's value cannot be used.
    #[error("configuration, {key}: {problem}")]
    Configuration {
        key: &'static str,
        /// What is wrong, and what to write.
        problem: String,
    },
    /// The dataset's file cannot be read.
    #[error("cannot read the dataset {}: {source}", path.display())]
    DatasetFile {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The dataset is not valid.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A small file of the hub's in the store cannot be used.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Nothing, or no more, could be published.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// One site failed; others are not touched by it.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// Only the database that owns the edits knows what their log held.
    #[error(
        "this database does not own the edits of site {site}: run `causeway-hub verify --repair` with \
         the one that does"
    )]
    NotOwner { site: SiteName },
    /// The database does not move on.
    #[error(
        "{database} holds a past state of the sites, which `load --as-of` brought there: it takes no \
         changes and does not move on; use a hub's own database"
    )]
    PastDatabase { database: String },
    /// No such site is known.
    #[error("no site {site} is known; `causeway-hub status` lists them")]
    UnknownSite { site: SiteName },
    /// No more dates can be pinned.
    #[error("{most} dates are pinned, which is the most; unpin one first")]
    TooManyPins { most: usize },
    /// No row can be of the date.
    #[error("no row can be of {date}: dates are of the years 1900 to 2199")]
    NoDateOfParts { date: Date },
}

impl HubError {
    /// Whether the same call may succeed later without anybody's help.
    #[must_use]
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::Database(error) => error.is_retryable(),
            Self::Site(error) => error.is_retryable(),
            Self::Document(error) => error.is_retryable(),
            Self::Archive(error) => error.is_retryable(),
            Self::Settings(_)
            | Self::Configuration { .. }
            | Self::DatasetFile { .. }
            | Self::Dataset(_)
            | Self::NotOwner { .. }
            | Self::PastDatabase { .. }
            | Self::UnknownSite { .. }
            | Self::TooManyPins { .. }
            | Self::NoDateOfParts { .. } => false,
        }
    }

    /// Whether the cause is wrong usage or configuration, so that trying again is of no use.
    #[must_use]
    pub(crate) fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Settings(_)
                | Self::Configuration { .. }
                | Self::DatasetFile { .. }
                | Self::Dataset(_)
                | Self::PastDatabase { .. }
                | Self::UnknownSite { .. }
                | Self::Store(StoreError::Config { .. })
        ) || match self {
            Self::Database(error) => is_usage(error),
            Self::Site(error) => error.is_usage(),
            _ => false,
        }
    }
}

/// Whether a database fails for wrong usage or configuration.
fn is_usage(error: &DbError) -> bool {
    matches!(
        error,
        DbError::Configuration { .. }
            | DbError::NotInitialised { .. }
            | DbError::Newer { .. }
            | DbError::Untrusted { .. }
    )
}

/// What to do about a log that cannot be read, where it does not say so itself.
fn remedy(error: &LogError) -> &'static str {
    match error {
        LogError::Damaged {
            source: FormatError::Version { .. },
            ..
        } => "",
        LogError::Damaged { key, .. } | LogError::Misplaced { key, .. }
            if matches!(
                SiteKey::parse(key),
                Some((_, SiteKey::Log(WhichLog::Edits, _)))
            ) =>
        {
            "; restore it from the bucket's versions or a backup, or run `causeway-hub verify --repair` \
             with the database that owns the edits"
        }
        LogError::Damaged { .. } | LogError::Misplaced { .. } | LogError::Dataset { .. } => {
            "; run `causeway-agent verify --repair` at the site"
        }
        _ => "",
    }
}

/// Why one site could not be loaded or read. Its last good data stays as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SiteError {
    /// Its log cannot be read.
    #[error("{0}{todo}", todo = remedy(.0))]
    Log(#[from] LogError),
    /// The store failed while its objects were read.
    #[error("site {site}: {source}")]
    Store {
        site: SiteName,
        #[source]
        source: StoreError,
    },
    /// The database failed.
    #[error("site {site}: {source}")]
    Database {
        site: SiteName,
        #[source]
        source: DbError,
    },
    /// An object is not what its commit says.
    #[error(
        "site {site}, table {table}, partition {part}: {key} {source}; \
         run `causeway-agent verify --repair` at the site"
    )]
    Object {
        site: SiteName,
        table: Name,
        part: Part,
        /// The object's key.
        key: String,
        /// What is wrong with it.
        #[source]
        source: ObjectError,
    },
    /// An edits object is not what its commit says.
    #[error(
        "site {site}, table {table}, partition {part}: the edits object {key} {problem}; restore \
         it from the bucket's versions or from a backup"
    )]
    EditsObject {
        site: SiteName,
        table: Name,
        part: Part,
        /// The object's key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Its database could not be made ready for changes.
    #[error("site {site}: its tables cannot take changes: {source}")]
    NotOpened {
        site: SiteName,
        #[source]
        source: Box<HubError>,
    },
    /// The edits do not go together with each other, or with the site's rows.
    #[error("site {site}: its edits cannot be applied: {source}")]
    Edits {
        site: SiteName,
        #[source]
        source: EditsError,
    },
    /// The log does not hold the commit that the database stands at.
    #[error(
        "site {site}: the database stands at commit {seq}{of}, which the log {found}; \
         if `[store] url` names another store, write the right one; if its disk is not mounted, mount it; \
         if it was emptied, {mend}. Only if the store was replaced on purpose, {first}, \
         take the site's schema (SQLite: its file) away and load again: the database holds the last good data",
        of = match which { WhichLog::Agent => "", WhichLog::Edits => " of edits" },
        mend = match which {
            WhichLog::Agent => "run `causeway-agent verify --repair` at the site",
            WhichLog::Edits => "bring its newest objects back, as from the bucket's versions",
        },
        first = match which {
            WhichLog::Agent => "run `causeway-hub flush`",
            WhichLog::Edits => "note what waits to be flushed",
        }
    )]
    AnotherLog {
        site: SiteName,
        /// Which log.
        which: WhichLog,
        /// The commit that the database stands at.
        seq: Seq,
        /// What the log holds in its place.
        found: &'static str,
    },
    /// Its logs hold less than what is published of them.
    #[error(
        "site {site}: what is published is of commit {seq}, and its log ends before that, or is another; \
         its files stay. If its disk is not mounted, mount it; if the log was damaged, run \
         `causeway-agent verify --repair` at the site. Only if the store was replaced on purpose, or \
         the site is gone for good, remove archive_manifest.json.zst and archive/*/*/{site}.csv: the \
         next run publishes everything that there is"
    )]
    ArchivedLog {
        site: SiteName,
        /// The commit that is published.
        seq: Seq,
    },
    /// Its log takes longer than a log may.
    #[error(
        "site {site}: its log was not read to its end within {minutes} min; look at what \
         lies under its log/ in the store; `causeway-agent verify` at the site says what is wrong \
         with it"
    )]
    TooSlow { site: SiteName, minutes: u64 },
    /// The time was over that a function has.
    #[error(
        "site {site}: its load did not end in the function's time; its last good data stays, and the next tick \
         tries again. Where it never ends, give the function more time or memory, or run `causeway-hub load` elsewhere"
    )]
    CutOff { site: SiteName },
    /// The site's dataset changed in a way that loaded tables cannot follow.
    #[error(
        "site {site}: its dataset changed: {detail}; its tables cannot follow that with their rows in \
         place, so the last good data stays: declare it at the site as it was, or run \
         `causeway-hub flush`, drop the site's schema (SQLite: its file) and load again"
    )]
    DatasetChanged {
        site: SiteName,
        /// What changed.
        detail: String,
    },
    /// The site has no such commit.
    #[error("site {site}: there is no commit {seq}: its last one is {head}")]
    NoSuchCommit {
        site: SiteName,
        seq: Seq,
        /// The last commit of its log.
        head: Seq,
    },
    /// The database holds another past state of the site.
    #[error(
        "site {site}: the database holds commit {seq} of it already, with the changes made in the cloud \
         until then; give each past state a database of its own"
    )]
    AnotherPast { site: SiteName, seq: Seq },
    /// An object of a past state is gone.
    #[error(
        "site {site}: {key} is not there any more: what no commit of the last `[retention] keep` \
         (agent.toml) or `[edits] keep` (hub.toml) names is vacuumed; take a later commit, or dates that \
         have not changed since"
    )]
    Vacuumed { site: SiteName, key: String },
    /// Nobody can tell how old an object is.
    #[error(
        "site {site}: it is {here} by this machine's clock and {store} by the store's, so nobody can tell \
         how old an object is: set the clock that is wrong"
    )]
    Clocks {
        site: SiteName,
        here: jiff::Timestamp,
        store: jiff::Timestamp,
    },
    /// What an earlier dataset wrote cannot be read with the newest.
    #[error(
        "site {site}: {detail}, and the site has not carried the table since: see there why it is held \
         back (`causeway-agent status`)"
    )]
    HeldTable {
        site: SiteName,
        /// What changed.
        detail: String,
    },
}

impl SiteError {
    /// Whether the same load may succeed later without anybody's help.
    #[must_use]
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Log(error) => error.is_retryable(),
            Self::Store { source, .. } => source.is_retryable(),
            Self::Database { source, .. } => source.is_retryable(),
            Self::Object { source, .. } => source.is_retryable(),
            Self::NotOpened { source, .. } => source.is_retryable(),
            Self::CutOff { .. } => true,
            Self::AnotherLog { .. }
            | Self::ArchivedLog { .. }
            | Self::DatasetChanged { .. }
            | Self::HeldTable { .. }
            | Self::NoSuchCommit { .. }
            | Self::AnotherPast { .. }
            | Self::Vacuumed { .. }
            | Self::Clocks { .. }
            | Self::TooSlow { .. }
            | Self::EditsObject { .. }
            | Self::Edits { .. } => false,
        }
    }

    /// Whether the cause is wrong usage or configuration, so that trying again is of no use.
    #[must_use]
    pub(crate) fn is_usage(&self) -> bool {
        match self {
            Self::Database { source, .. } => is_usage(source),
            Self::NotOpened { source, .. } => source.is_usage(),
            _ => false,
        }
    }

    /// Whether it comes of two rows that have one key.
    #[must_use]
    pub(crate) fn is_of_one_key_twice(&self) -> bool {
        match self {
            Self::Edits { source, .. } => matches!(source, EditsError::Unsettled { .. }),
            Self::Database { source, .. } => matches!(source, DbError::Clash { .. }),
            _ => false,
        }
    }

    /// Whether the database is at fault.
    #[must_use]
    pub(crate) fn is_of_database(&self) -> bool {
        matches!(self, Self::Database { .. })
    }

    /// Whether the same load fails again until the store holds something else.
    #[must_use]
    pub(crate) fn is_of_store(&self) -> bool {
        let is_lasting = !self.is_retryable();
        match self {
            // Nothing that lies in the store changes when it takes writes again.
            Self::Log(LogError::Store { source, .. }) | Self::Store { source, .. } => {
                is_lasting && !source.is_refused_write()
            }
            Self::Log(_) | Self::Object { .. } => is_lasting,
            Self::DatasetChanged { .. }
            | Self::HeldTable { .. }
            | Self::EditsObject { .. }
            | Self::Edits { .. } => true,
            Self::Database { .. }
            | Self::NotOpened { .. }
            | Self::AnotherLog { .. }
            | Self::ArchivedLog { .. }
            | Self::NoSuchCommit { .. }
            | Self::AnotherPast { .. }
            | Self::Vacuumed { .. }
            | Self::Clocks { .. }
            | Self::CutOff { .. }
            | Self::TooSlow { .. } => false,
        }
    }

    /// The table that it is about, where others may be well.
    #[must_use]
    pub(crate) fn table(&self) -> Option<&Name> {
        match self {
            Self::Object { table, .. } | Self::EditsObject { table, .. } => Some(table),
            _ => None,
        }
    }

    /// The key of the object that it is about, where it is about one.
    #[must_use]
    pub(crate) fn object(&self) -> Option<&str> {
        match self {
            Self::Log(error) => error.object(),
            Self::Store { source, .. } => source.key(),
            Self::Object { key, .. } | Self::EditsObject { key, .. } => Some(key),
            _ => None,
        }
    }
}

//! Why a site's log cannot be read or written.

use crate::commit::FormatError;
use crate::ids::{Seq, SiteName};
use crate::store::StoreError;

/// Why a log cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The store failed.
    #[error("site {site}: {source}")]
    Store {
        /// The site.
        site: SiteName,
        /// The store's error.
        #[source]
        source: StoreError,
    },
    /// An object of the log is damaged or of another format.
    #[error("site {site}: {key} is damaged: {source}")]
    Damaged {
        /// The site.
        site: SiteName,
        /// The object.
        key: String,
        /// What is wrong with it.
        #[source]
        source: FormatError,
    },
    /// An object of the log cannot be written.
    #[error("site {site}: {key} cannot be written: {source}")]
    Unwritable {
        /// The site.
        site: SiteName,
        /// The object.
        key: String,
        /// Why.
        #[source]
        source: FormatError,
    },
    /// An object of the log belongs somewhere else.
    #[error("site {site}: {key} is damaged: it says that it is {found}")]
    Misplaced {
        /// The site.
        site: SiteName,
        /// The object.
        key: String,
        /// What the object says of itself.
        found: String,
    },
    /// A commit is missing, though later ones are there.
    #[error(
        "site {site}: commit {missing} ({key}) is missing, though {later} is there; \
         run {repair}"
    )]
    Gap {
        /// The site.
        site: SiteName,
        /// The missing commit.
        missing: Seq,
        /// Its key.
        key: String,
        /// A later commit.
        later: Seq,
        /// What mends it.
        repair: &'static str,
    },
    /// The end of a log that was there before is no longer there.
    #[error(
        "site {site}: commit {seq} ({key}), where the log stood, is no longer there, nor any later \
         one; {repair} writes it again. If the log was taken away on purpose, {restart}"
    )]
    Lost {
        /// The site.
        site: SiteName,
        /// The last commit that was known.
        seq: Seq,
        /// Its key.
        key: String,
        /// What mends it.
        repair: &'static str,
        /// What begins a new log.
        restart: &'static str,
    },
    /// The store is empty, though a log was in it.
    #[error(
        "site {site}: {store} holds nothing at all, though commit {seq} was written to it; if its \
         disk is not mounted, mount it. If it was emptied, {repair} writes everything again"
    )]
    Blank {
        /// The site.
        site: SiteName,
        /// The store.
        store: String,
        /// The last commit that was known.
        seq: Seq,
        /// What mends it.
        repair: &'static str,
    },
    /// A dataset that a commit names is missing, damaged or not valid.
    #[error("site {site}: the dataset {key} cannot be used: {detail}")]
    Dataset {
        /// The site.
        site: SiteName,
        /// The object.
        key: String,
        /// What is wrong.
        detail: String,
    },
}

impl LogError {
    /// Whether the same call may succeed later without anybody's help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Store { source, .. } if source.is_retryable())
    }

    /// The key of the object that it is about, where it is about one.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        match self {
            Self::Damaged { key, .. }
            | Self::Unwritable { key, .. }
            | Self::Misplaced { key, .. }
            | Self::Gap { key, .. }
            | Self::Lost { key, .. }
            | Self::Dataset { key, .. } => Some(key),
            Self::Store { source, .. } => source.key(),
            Self::Blank { .. } => None,
        }
    }
}

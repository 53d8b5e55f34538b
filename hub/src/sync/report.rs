//! What `load`, `plan`, `verify` and `status` say, in the form of their JSON.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::commit::{Head, Owner, RowKey};
use causeway_shared::ids::{Md5, Name, Part, Seq, SiteName};
use causeway_shared::store::RequestCounts;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::window::Window;
use crate::control::DatabaseState;

/// What a load did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct LoadReport {
    /// Each site, in name order.
    pub sites: Vec<SiteLoaded>,
    /// Requests sent to the store.
    pub requests: RequestCounts,
    /// How long it took.
    pub seconds: f64,
}

impl LoadReport {
    /// Whether a person should look: a site that is damaged, or conflicts.
    #[must_use]
    pub(crate) fn needs_a_look(&self) -> bool {
        let damaged = |site: &SiteLoaded| site.error.is_some() && !site.retryable;
        self.sites
            .iter()
            .any(|site| damaged(site) || site.conflicts > 0)
    }

    /// Whether a site could not be loaded for now, and trying again may help.
    #[must_use]
    pub(crate) fn is_retryable(&self) -> bool {
        self.sites.iter().any(|site| site.retryable)
    }

    /// Whether a site could not be loaded for a wrong configuration.
    #[must_use]
    pub(crate) fn is_usage(&self) -> bool {
        self.sites.iter().any(|site| site.usage)
    }
}

/// What a load did to one site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SiteLoaded {
    pub site: SiteName,
    /// The commit that its rows stand at now; `None` before the first.
    pub commit: Option<Seq>,
    pub partitions: PartitionCounts,
    pub rows: RowCounts,
    /// New conflicts between the site and changes made in the cloud.
    pub conflicts: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicting: Vec<NewConflict>,
    /// The database that owns the site's edits, where this one is read-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Why the site could not be loaded; its last good data stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether that may pass without anybody's help.
    #[serde(skip)]
    pub retryable: bool,
    /// Whether the cause is a wrong configuration.
    #[serde(skip)]
    pub usage: bool,
    /// Whether all that is wrong is that somebody else is about it, a load of another process for one.
    #[serde(skip)]
    pub busy: bool,
}

/// A conflict that was not there before a load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NewConflict {
    pub table: Name,
    pub part: Part,
    pub key: RowKey,
    /// In which a side lost values, or in which two rows have the same; none: only a deletion lost.
    pub columns: BTreeSet<String>,
    /// The rows that have the same, where the row clashes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clashes_with: Vec<RowKey>,
}

/// Partitions of one load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct PartitionCounts {
    /// That are to be in the database.
    pub wanted: u64,
    /// Whose rows were loaded.
    pub loaded: u64,
    /// Whose rows were taken out, because they left the window or the site.
    pub evicted: u64,
}

/// Rows of one load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct RowCounts {
    /// Written.
    pub inserted: u64,
    /// Taken out.
    pub deleted: u64,
}

/// What a load would do to one site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SitePlan {
    pub site: SiteName,
    /// The commit that its rows would stand at.
    pub commit: Option<Seq>,
    /// What would be loaded.
    pub load: Vec<PlannedPart>,
    /// What would be taken out.
    pub evict: Vec<PartName>,
    /// Partitions that are loaded and stay as they are.
    pub keep: u64,
    /// Why the site could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether that may pass without anybody's help.
    #[serde(skip)]
    pub retryable: bool,
}

/// A partition that would be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PlannedPart {
    pub table: Name,
    pub part: Part,
    /// The MD5 of the site's object; `None` where only the cloud has rows in it.
    pub md5: Option<Md5>,
    /// The MD5 of the edits object; `None` where the cloud changed nothing.
    pub edits: Option<Md5>,
    pub rows: u64,
    /// The rows of it that are loaded now and would be replaced; `None`: none is loaded.
    pub was_rows: Option<u64>,
}

/// A partition by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PartName {
    pub table: Name,
    pub part: Part,
}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StatusReport {
    /// When this was asked.
    pub now: Timestamp,
    /// Whether the database holds a past state, that of each site's commit, and stays at it.
    pub past: bool,
    /// The dates that are to be loaded.
    pub window: Window,
    /// Dates that stay loaded until they are unpinned.
    pub pinned: BTreeSet<Date>,
    /// The store, by its URL without credentials.
    pub store: String,
    /// Why the store could not be asked how far the sites are, or is another one; `None` where it answered,
    /// or was not asked.
    pub store_error: Option<StoreProblem>,
    /// The database, without its password.
    pub database: String,
    /// Whether it sleeps; `None` where the store was not asked, or did not answer.
    pub sleep: Option<DatabaseState>,
    /// Each site, in name order.
    pub sites: Vec<SiteStatus>,
}

impl StatusReport {
    /// Whether the store could not be asked, so that trying again may help.
    #[must_use]
    pub(crate) fn is_retryable(&self) -> bool {
        self.store_problems().any(|problem| problem.retryable)
    }

    /// Whether a person should look: a site whose last load failed, or whose log cannot be read, or another store.
    #[must_use]
    pub(crate) fn needs_a_look(&self) -> bool {
        self.sites.iter().any(|site| site.last_error.is_some())
            || self.store_problems().any(|problem| !problem.retryable)
    }

    fn store_problems(&self) -> impl Iterator<Item = &StoreProblem> {
        let of_sites = self.sites.iter().filter_map(|site| site.log_error.as_ref());
        self.store_error.iter().chain(of_sites)
    }
}

/// How one site stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct SiteStatus {
    pub site: SiteName,
    /// The commit that its rows stand at.
    pub commit: Option<Seq>,
    /// The same, with who made it.
    #[serde(skip)]
    pub head: Option<Head>,
    /// When that was committed.
    pub committed_at: Option<Timestamp>,
    /// When it was loaded; null in a past state.
    pub loaded_at: Option<Timestamp>,
    /// Of a past state, the time of which it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// The newest commit seen in its log.
    pub log_head: Option<Seq>,
    /// How many commits the database is behind the newest one; `None` where the store was asked
    /// for that and did not say.
    pub behind: Option<u64>,
    /// Why its log could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub log_error: Option<StoreProblem>,
    /// Dates beyond the window that were asked for and are kept for now.
    pub asked: BTreeSet<Date>,
    /// Partitions of all history, and how many of them are loaded.
    pub partitions: KnownAndLoaded,
    /// Rows of all history, and how many of them are loaded.
    pub rows: KnownAndLoaded,
    /// Rows in quarantine by table, null where a table's list cannot be read; `None` where the
    /// store was not asked, or did not answer.
    pub quarantined: Option<BTreeMap<Name, Option<u64>>>,
    /// Why the last load failed, if it did.
    pub last_error: Option<String>,
    /// Changes in the journal that no commit of edits holds yet.
    pub edits_waiting: u64,
    /// The last commit of edits that its rows stand at.
    pub edits_commit: Option<Seq>,
    /// Whether the rows have any edits.
    #[serde(skip)]
    pub has_edits: bool,
    /// Rows in which site and cloud want different things.
    pub conflicts: u64,
    /// Whether its tables take no writes, also after a hub has read the log.
    pub read_only: bool,
    /// Whether this database is the owner.
    #[serde(skip)]
    pub is_owner: bool,
    /// The database whose edits count; `None` where nobody owns them yet.
    pub owner: Option<Owner>,
}

impl SiteStatus {
    /// A site that lies in the store and was never loaded.
    #[must_use]
    pub(crate) fn never_loaded(site: SiteName) -> Self {
        Self {
            site,
            commit: None,
            head: None,
            committed_at: None,
            loaded_at: None,
            as_of: None,
            log_head: None,
            behind: None,
            log_error: None,
            asked: BTreeSet::new(),
            partitions: KnownAndLoaded::default(),
            rows: KnownAndLoaded::default(),
            quarantined: None,
            last_error: None,
            edits_waiting: 0,
            edits_commit: None,
            has_edits: false,
            conflicts: 0,
            read_only: true,
            is_owner: false,
            owner: None,
        }
    }
}

/// Why the store, or a site's log in it, could not be asked, or is not the one that was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub(crate) struct StoreProblem {
    pub text: String,
    /// Whether that may pass without anybody's help.
    pub retryable: bool,
}

impl StoreProblem {
    /// What may pass by itself.
    pub(super) fn silence(text: String) -> Self {
        Self {
            text,
            retryable: true,
        }
    }
}

impl From<StoreProblem> for String {
    fn from(problem: StoreProblem) -> Self {
        problem.text
    }
}

/// A figure over all history, and over what is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub(crate) struct KnownAndLoaded {
    /// Over all history.
    pub known: u64,
    /// Over what is loaded.
    pub loaded: u64,
}

//! What a database holds of a site besides its rows: how it stands, its catalog, what is loaded.

use std::collections::BTreeMap;

use jiff::Timestamp;

use causeway_shared::catalog::{Catalog, Entry};
use causeway_shared::commit::Head;
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Md5, Name, Part, Seq, SiteName};

use super::DbError;

/// How a site stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SiteState {
    pub site: SiteName,
    /// Grows with each load, so that what was read of the site can be kept until it does.
    pub revision: u64,
    /// The commit that its rows stand at; `None` before the first load.
    pub head: Option<Head>,
    /// When its rows were brought there.
    pub loaded_at: Option<Timestamp>,
    /// The newest commit seen in its log.
    pub log_head: Option<Seq>,
    /// Why the last load failed, if it did.
    pub last_error: Option<String>,
}

impl SiteState {
    /// A site that nothing is known of.
    #[must_use]
    pub(crate) fn unknown(site: SiteName) -> Self {
        Self {
            site,
            revision: 0,
            head: None,
            loaded_at: None,
            log_head: None,
            last_error: None,
        }
    }

    /// How a site stands, or that what the database holds of it cannot be read: the others can.
    ///
    /// # Errors
    /// A failure that is not this site's alone.
    pub(super) fn or_unreadable(site: &str, read: Result<Self, DbError>) -> Result<Self, DbError> {
        match (read, SiteName::new(site)) {
            (Err(error @ DbError::Unreadable { .. }), Ok(site)) => Ok(Self {
                last_error: Some(error.to_string()),
                ..Self::unknown(site)
            }),
            (read, _) => read,
        }
    }
}

/// What is held of a site besides its rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredSite {
    /// How it stands.
    pub state: SiteState,
    /// Its catalog at the loaded commit.
    pub catalog: Catalog,
    /// The dataset of the loaded commit.
    pub dataset: Option<Dataset>,
    /// The partitions whose rows are in the database.
    pub loaded: Marks,
}

impl StoredSite {
    /// A site that was never loaded.
    #[must_use]
    pub(crate) fn empty(state: SiteState) -> Self {
        Self {
            catalog: Catalog::empty(state.site.clone()),
            state,
            dataset: None,
            loaded: Marks::new(),
        }
    }
}

/// Partitions whose rows are in the database.
pub(crate) type Marks = BTreeMap<(Name, Part), Mark>;

/// What was loaded of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The MD5 of the object that the rows are from.
    pub md5: Md5,
    /// How many rows.
    pub rows: u64,
}

/// What a load writes down beside the rows.
#[derive(Debug, Clone)]
pub(crate) struct SiteChange<'a> {
    /// The catalog that is stored now.
    pub was: &'a Catalog,
    /// The catalog that the rows stand at after the load.
    pub now: &'a Catalog,
    pub dataset: &'a Dataset,
    /// Partitions that were loaded, new or again.
    pub loaded: &'a [((Name, Part), Mark)],
    /// Partitions that are no longer loaded.
    pub evicted: &'a [(Name, Part)],
    /// When.
    pub at: Timestamp,
}

/// What differs between two catalogs of one site.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct CatalogDelta<'a> {
    /// Partitions that are new or changed.
    pub partitions: Vec<(&'a (Name, Part), &'a Entry)>,
    /// Partitions that are gone.
    pub removed_partitions: Vec<&'a (Name, Part)>,
}

impl<'a> CatalogDelta<'a> {
    /// What leads from one catalog to another.
    #[must_use]
    pub(crate) fn between(was: &'a Catalog, now: &'a Catalog) -> Self {
        let (was, now) = (&was.partitions, &now.partitions);
        let changed = now
            .iter()
            .filter(|(key, entry)| was.get(key) != Some(entry));
        let removed = was.keys().filter(|key| !now.contains_key(key));
        Self {
            partitions: changed.collect(),
            removed_partitions: removed.collect(),
        }
    }
}

/// The loaded rows of a table per partition and value, as of one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoadedCounts {
    /// The site's [revision](SiteState::revision) then.
    pub revision: u64,
    pub counts: Vec<LoadedCount>,
}

/// Loaded rows with one value in one column of one partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LoadedCount {
    pub part: Part,
    /// The value, in the form in which a summary counts it; `None`: NULL.
    pub value: Option<String>,
    /// How many rows.
    pub rows: u64,
}

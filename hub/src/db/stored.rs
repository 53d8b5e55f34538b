//! What a database holds of a site besides its rows: how it stands, its catalog, what is loaded.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use causeway_shared::catalog::{Catalog, Entry};
use causeway_shared::commit::{AgentLog, Change, EditsHead, EditsLog, Head, LogKind};
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Md5, Name, Part, Seq, SiteName};

use super::DbError;

/// How a site stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SiteState {
    pub site: SiteName,
    /// Grows with each load and each flush, so that what was read of the site can be kept until it
    /// does.
    pub revision: u64,
    /// The agent's commit that its catalog stands at; `None` before the first load.
    pub head: Option<Head>,
    /// The commit that its catalog of edits stands at; `None` where nothing was ever changed in the
    /// cloud.
    pub edits_head: Option<EditsHead>,
    /// Whether its tables take writes, if the [start is known](Self::start_known).
    pub writable: bool,
    /// Whether a hub has read the log since the database started, or was restored: it may be an older
    /// self.
    pub start_known: bool,
    /// Whether it was restored from a dump while its server ran on, so that nobody knows which rows its
    /// tables hold.
    pub restored: bool,
    /// Rows of the journal, which no flush has taken to the store yet.
    pub edits_waiting: u64,
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
            edits_head: None,
            writable: false,
            start_known: false,
            restored: false,
            edits_waiting: 0,
            loaded_at: None,
            log_head: None,
            last_error: None,
        }
    }

    /// Whether all that the database holds of the site is what it was when it stood like this.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        self.revision == other.revision
            && self.head == other.head
            && self.edits_head == other.edits_head
            // The server may have started again, and nothing else be different.
            && self.start_known == other.start_known
            && self.writable == other.writable
            // In a database that was made anew meanwhile, revision and head may be the same.
            && self.loaded_at == other.loaded_at
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
    /// The agent's catalog.
    pub catalog: Catalog,
    /// The catalog of edits.
    pub edits: Catalog<EditsLog>,
    /// What a database that does not own the edits has settled for itself, over `edits`.
    pub settled: Vec<Change<EditsLog>>,
    /// The numbers of both catalogs as the last load left the rows.
    pub rows_at: RowsAt,
    /// Tells apart what the last load left that changed something: the MD5 of the dates that were wanted, and of how
    /// many partitions they had; `None`: that is not known.
    pub wanted: Option<Md5>,
    /// The dates that were asked for, and when they last were, as far as an hour matters.
    pub asked: BTreeMap<Date, Timestamp>,
    /// The dataset of the loaded commit.
    pub dataset: Option<Arc<Dataset>>,
    /// The partitions whose rows are in the database.
    pub loaded: Arc<Marks>,
}

impl StoredSite {
    /// A site that was never loaded.
    #[must_use]
    pub(crate) fn empty(state: SiteState) -> Self {
        Self {
            catalog: Catalog::empty(state.site.clone()),
            edits: Catalog::empty(state.site.clone()),
            settled: Vec::new(),
            rows_at: RowsAt::default(),
            wanted: None,
            asked: BTreeMap::new(),
            state,
            dataset: None,
            loaded: Arc::default(),
        }
    }
}

impl StoredSite {
    /// The catalog of edits that the rows are merged with.
    #[must_use]
    pub(crate) fn edits_in_effect(&self) -> Cow<'_, Catalog<EditsLog>> {
        if self.settled.is_empty() {
            return Cow::Borrowed(&self.edits);
        }
        Cow::Owned(with_settled(&self.edits, &self.settled))
    }
}

/// A catalog of edits with what a database has settled for itself.
#[must_use]
pub(crate) fn with_settled(
    edits: &Catalog<EditsLog>,
    settled: &[Change<EditsLog>],
) -> Catalog<EditsLog> {
    let mut edits = edits.clone();
    for change in settled {
        let key = (change.table.clone(), change.part);
        let Some(object) = change.now.object() else {
            edits.partitions.remove(&key);
            continue;
        };
        let entry = Entry {
            object: object.clone(),
            // An object that no store holds; nobody reads it as of this dataset.
            dataset: edits.head.as_ref().map_or(object.md5, |head| head.dataset),
            seq: edits.seq(),
        };
        edits.partitions.insert(key, entry);
    }
    edits
}

/// When a date was asked for, as it is written down: of two texts the later time has the greater one, also
/// where many dates are asked for within a second.
#[must_use]
pub(super) fn asked_at(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// Whether a date was asked for less than an hour ago: asking again is not written down.
#[must_use]
pub(crate) fn is_asked_of_late(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < SignedDuration::from_hours(1)
}

/// Partitions whose rows are in the database.
pub(crate) type Marks = BTreeMap<(Name, Part), Mark>;

/// What was loaded of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// What the rows are; `None` where that is not known, so that they are loaded again.
    pub version: Option<PartVersion>,
    /// How many rows.
    pub rows: u64,
    /// How many of them bear the clash mark.
    pub clashes: u64,
}

/// The version of a partition: the same version has the same merged rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PartVersion {
    /// The MD5 of the site's object; `None` where only the cloud has the partition.
    pub object: Option<Md5>,
    /// The MD5 of the edits object; `None` where nothing was changed in the cloud.
    pub edits: Option<Md5>,
}

/// The commits that the rows stand at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RowsAt {
    /// The agent's.
    pub seq: Seq,
    /// That of edits.
    pub edits_seq: Seq,
}

/// What others did to a site while it was staged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Look {
    /// The partitions that rows of the journal are about.
    pub journaled: BTreeSet<(Name, Part)>,
    /// Those that rows are about which are kept over a fence, and are not what the tables hold.
    pub held: BTreeSet<(Name, Part)>,
    /// Where the catalogs stand.
    pub at: RowsAt,
    /// As [`SiteState::revision`].
    pub revision: u64,
    /// As [`SiteState::start_known`].
    pub start_known: bool,
}

/// What a load writes down beside the rows. Journal rows that `edits` holds already go.
#[derive(Debug, Clone)]
pub(crate) struct SiteChange<'a> {
    /// The catalogs that are stored now.
    pub was: &'a Catalog,
    pub edits_was: &'a Catalog<EditsLog>,
    /// The catalogs that the rows stand at after the load.
    pub now: &'a Catalog,
    pub edits: &'a Catalog<EditsLog>,
    /// What this database has settled for itself.
    pub settled: &'a [Change<EditsLog>],
    pub dataset: &'a Dataset,
    /// Partitions that were loaded, new or again.
    pub loaded: &'a [((Name, Part), Mark)],
    /// Partitions that are no longer loaded.
    pub evicted: &'a [(Name, Part)],
    /// Journal rows that the log of edits holds, by id: they go.
    pub flushed: &'a [String],
    /// Tells apart what is loaded then: the MD5 of the dates that are wanted, all of which are, and of how many
    /// partitions they have.
    pub wanted: Md5,
    /// Dates that were asked for just now.
    pub asked: &'a [Date],
    /// Dates that are no longer remembered to be asked for.
    pub forgotten: &'a [Date],
    /// Whether the tables take writes from now on.
    pub writable: bool,
    /// When.
    pub at: Timestamp,
}

/// What differs between two catalogs of one site.
#[derive(Debug, PartialEq)]
pub(crate) struct CatalogDelta<'a, K: LogKind = AgentLog> {
    /// Partitions that are new or changed.
    pub partitions: Vec<(&'a (Name, Part), &'a Entry<K>)>,
    /// Partitions that are gone.
    pub removed_partitions: Vec<&'a (Name, Part)>,
}

impl<'a, K: LogKind> CatalogDelta<'a, K> {
    /// What leads from one catalog to another.
    #[must_use]
    pub(crate) fn between(was: &'a Catalog<K>, now: &'a Catalog<K>) -> Self {
        let (was, now) = (&was.partitions, &now.partitions);
        if was.are_shared(now) {
            return Self {
                partitions: Vec::new(),
                removed_partitions: Vec::new(),
            };
        }
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

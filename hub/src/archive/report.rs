//! What a run of the archive did, in the form of its JSON.

use std::collections::BTreeMap;

use causeway_shared::ids::{Name, Seq, SiteName};
use causeway_shared::store::RequestCounts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct ArchiveReport {
    pub tables: BTreeMap<Name, TableArchived>,
    pub sites: BTreeMap<SiteName, SiteArchived>,
    /// Requests sent to the store.
    pub requests: RequestCounts,
    /// How long it took.
    pub seconds: f64,
}

/// What it did about a table, over all sites.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TableArchived {
    /// Files that are published now.
    pub partitions: u64,
    /// Files written.
    pub published: u64,
    /// Files left as they were.
    pub skipped: u64,
    /// Files removed.
    pub removed: u64,
    /// Rows that are published now.
    pub records: u64,
    /// Why some of it is not published as it is now; its last files stay.
    pub error: Option<String>,
    /// Whether that may pass without anybody's help.
    #[serde(skip)]
    pub retryable: bool,
    /// The Delta table, where tables are published as such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<DeltaArchived>,
}

/// What is published of a table as a Delta table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DeltaArchived {
    /// The newest version.
    pub version: u64,
    /// Its files.
    pub files: u64,
    /// Its rows.
    pub records: u64,
    /// Files written.
    pub written: u64,
    /// Files of partitions that are gone.
    pub removed: u64,
    /// The commits that its rows are of.
    pub commits: BTreeMap<SiteName, Commits>,
}

/// What is published of a table as a Delta table, whenever that was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct DeltaInfo {
    /// The newest version.
    pub version: u64,
    /// Its files.
    pub files: u64,
    /// Its rows.
    pub records: u64,
    /// The commits that its rows are of, site by site.
    pub commits: BTreeMap<SiteName, Commits>,
}

/// The commits of a site that rows are of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Commits {
    pub commit: Seq,
    /// None: nothing was ever changed in the cloud.
    pub edits_commit: Option<Seq>,
}

/// Why some of a table is not published.
#[derive(Debug, Clone)]
pub(super) struct TableFailure {
    pub(super) error: String,
    pub(super) retryable: bool,
}

/// What a round made of the Delta tables.
#[derive(Debug, Default)]
pub(super) struct DeltaCommitted {
    /// Whether another run has committed, or kept something, meanwhile.
    pub(super) overtaken: bool,
    /// Tables that could not be committed.
    pub(super) failed: Vec<(Name, TableFailure)>,
    /// How the tables stand.
    pub(super) tables: BTreeMap<Name, DeltaInfo>,
    /// Of each table that was committed.
    pub(super) changed_files: BTreeMap<Name, ChangedFiles>,
}

/// How many files of a Delta table a commit changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChangedFiles {
    pub(super) written: u64,
    /// Those of partitions that are gone.
    pub(super) removed: u64,
}

/// What is published of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SiteArchived {
    /// The commit that is published whole.
    pub commit: Option<Seq>,
    pub edits_commit: Option<Seq>,
    /// Why the site could not be read; its last files stay.
    pub error: Option<String>,
    /// Whether that may pass without anybody's help.
    #[serde(skip)]
    pub retryable: bool,
}

impl ArchiveReport {
    /// The errors, and whether each may pass without anybody's help.
    fn errors(&self) -> impl Iterator<Item = (&str, bool)> {
        let tables = self.tables.values().map(|ran| (&ran.error, ran.retryable));
        let sites = self.sites.values().map(|ran| (&ran.error, ran.retryable));
        let all = tables.chain(sites);
        all.filter_map(|(error, retryable)| Some((error.as_deref()?, retryable)))
    }

    /// What a round has written, for the next round of the same run to go on from.
    pub(super) fn written_so_far(&self) -> Self {
        let written = |(name, ran): (&Name, &TableArchived)| {
            let written = TableArchived {
                published: ran.published,
                removed: ran.removed,
                delta: ran.delta.clone(),
                ..TableArchived::default()
            };
            (name.clone(), written)
        };
        Self {
            tables: self.tables.iter().map(written).collect(),
            ..Self::default()
        }
    }

    /// One of the errors, if there are any.
    #[must_use]
    pub(crate) fn first_error(&self) -> Option<&str> {
        self.errors().next().map(|(error, _)| error)
    }

    #[must_use]
    pub(crate) fn has_errors(&self) -> bool {
        self.first_error().is_some()
    }

    /// Whether a person should look.
    #[must_use]
    pub(crate) fn needs_a_look(&self) -> bool {
        self.errors().any(|(_, retryable)| !retryable)
    }

    /// Whether something could not be published for now, and trying again may help.
    #[must_use]
    pub(crate) fn is_retryable(&self) -> bool {
        self.errors().any(|(_, retryable)| retryable)
    }
}

//! What a run of the archive did, in the form of its JSON.

use std::collections::BTreeMap;

use causeway_shared::ids::{Name, Seq, SiteName};
use causeway_shared::store::RequestCounts;
use serde::Serialize;
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

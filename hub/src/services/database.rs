//! The sites' tables in the database: how many rows there are, how many are loaded, and what they take.

use std::sync::Arc;

use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Name, SiteName};
use causeway_shared::limits;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::HubError;
use crate::sync::{Hub, KnownAndLoaded, SiteView};

/// A site's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TableStats {
    pub(crate) site: SiteName,
    pub(crate) table: Name,
    pub(crate) rows: KnownAndLoaded,
    pub(crate) partitions: KnownAndLoaded,
    /// What it takes in the database, its indexes included; null where it has not been made yet.
    pub(crate) bytes: Option<u64>,
}

/// A site's tables, in declared order.
#[derive(Debug)]
pub(crate) struct SiteStats {
    pub(crate) site: SiteName,
    pub(crate) dataset: Arc<Dataset>,
    pub(crate) tables: Vec<TableStats>,
}

/// The declared tables of the sites, or of one.
///
/// # Errors
/// [`HubError::UnknownSite`], or a failure of the database.
pub(crate) async fn stats(hub: &Hub, only: Option<&SiteName>) -> Result<Vec<SiteStats>, HubError> {
    let mut stats = Vec::new();
    for view in hub.sites(only).await? {
        let sizes = hub.database().sizes(&view.site).await?;
        let tables = view.dataset.tables.iter();
        let tables = tables.map(|table| TableStats {
            bytes: sizes.get(table.name.as_str()).copied(),
            ..of_table(&view, &table.name)
        });
        stats.push(SiteStats {
            tables: tables.collect(),
            dataset: Arc::clone(&view.dataset),
            site: view.site,
        });
    }
    Ok(stats)
}

fn of_table(view: &SiteView, table: &Name) -> TableStats {
    let totals = view.totals.table(table.as_str());
    let loaded = view.loaded.iter().filter(|part| part.table == *table);
    TableStats {
        site: view.site.clone(),
        table: table.clone(),
        rows: KnownAndLoaded {
            known: totals.map_or(0, |totals| totals.rows),
            loaded: limits::total(loaded.clone().map(|part| part.rows)),
        },
        partitions: KnownAndLoaded {
            known: totals.map_or(0, |totals| totals.partitions),
            loaded: loaded.count() as u64,
        },
        bytes: None,
    }
}

//! The rows that the sites' agents refused.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use causeway_shared::ids::{Name, SiteName};
use causeway_shared::limits;
use causeway_shared::quarantine::RefusedRow;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::HubError;
use crate::sync::{Hub, Quarantine, SiteView};

/// Which refused rows are asked for.
#[derive(Debug, Clone)]
pub(crate) struct RefusedQuery {
    pub site: Option<SiteName>,
    pub table: Option<Name>,
    /// How many rows come before these.
    pub start: usize,
    pub limit: usize,
}

/// Some refused rows, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusedPage {
    pub(crate) items: Vec<RefusedItem>,
    /// Where the next page starts; null after the last row that is listed.
    pub(crate) next: Option<usize>,
    /// All refused rows, listed or not.
    pub(crate) total: u64,
    pub(crate) tables: Vec<RefusedTable>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusedItem {
    pub(crate) site: SiteName,
    pub(crate) table: Name,
    #[serde(flatten)]
    pub(crate) row: RefusedRow,
}

/// How many rows of a table are refused.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusedTable {
    pub(crate) site: SiteName,
    /// Null where the lists of the whole site cannot be read.
    table: Option<Name>,
    /// Null where the list cannot be read.
    total: Option<u64>,
    pub(crate) error: Option<String>,
}

/// Lists refused rows.
///
/// # Errors
/// [`HubError::UnknownSite`], or a failure of the database. Where the store fails, the sites that
/// it concerns say so.
pub(crate) async fn list(
    hub: &Hub,
    query: &RefusedQuery,
    now: Timestamp,
) -> Result<RefusedPage, HubError> {
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for SiteView { site, .. } in hub.sites(query.site.as_ref()).await? {
        match hub.quarantine(&site, now).await {
            Ok(quarantine) => found.push((site, quarantine)),
            Err(error) => unreadable.push(RefusedTable {
                site,
                table: None,
                total: None,
                error: Some(error.to_string()),
            }),
        }
    }
    let is_asked = |table: &Name| query.table.as_ref().is_none_or(|asked| asked == table);
    let tables = found
        .iter()
        .flat_map(|(site, quarantine)| totals(site, quarantine))
        .filter(|of| of.table.as_ref().is_none_or(is_asked));
    let tables: Vec<RefusedTable> = tables.chain(unreadable).collect();
    let mut items: Vec<RefusedItem> = found
        .iter()
        .flat_map(|(site, quarantine)| rows(site, quarantine))
        .filter(|item| is_asked(&item.table))
        .collect();
    items.sort_by_key(|item| Reverse(item.row.since));
    let start = query.start.min(items.len());
    let end = items.len().min(start.saturating_add(query.limit));
    Ok(RefusedPage {
        next: (end < items.len()).then_some(end),
        items: items.drain(start..end).collect(),
        total: limits::total(tables.iter().filter_map(|of| of.total)),
        tables,
    })
}

fn totals<'q>(
    site: &'q SiteName,
    quarantine: &'q Quarantine,
) -> impl Iterator<Item = RefusedTable> + 'q {
    quarantine.iter().map(|(table, rows)| RefusedTable {
        site: site.clone(),
        table: Some(table.clone()),
        total: rows.as_ref().ok().map(|rows| rows.total),
        error: rows.as_ref().err().cloned(),
    })
}

fn rows<'q>(
    site: &'q SiteName,
    quarantine: &'q Quarantine,
) -> impl Iterator<Item = RefusedItem> + 'q {
    let readable = quarantine
        .iter()
        .filter_map(|(table, rows)| Some((table, rows.as_ref().ok()?)));
    readable.flat_map(|(table, rows)| {
        rows.listed.iter().map(|row| RefusedItem {
            site: site.clone(),
            table: table.clone(),
            row: row.clone(),
        })
    })
}

/// How many rows are refused, as far as the store says so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RefusedTotals {
    pub of_sites: BTreeMap<SiteName, u64>,
    pub of_tables: BTreeMap<Name, u64>,
}

/// How many rows of some sites are refused; of a site whose list does not come at once, none.
pub(crate) async fn totals_at_once<'v>(
    hub: &Hub,
    sites: impl Iterator<Item = &'v SiteView>,
    now: Timestamp,
) -> RefusedTotals {
    let mut totals = RefusedTotals::default();
    let sites: Vec<&SiteName> = sites.map(|view| &view.site).collect();
    let quarantines = hub.quarantines_at_once(&sites, now).await;
    for (site, quarantine) in sites.into_iter().zip(quarantines) {
        let tables = quarantine.iter().flat_map(|of| of.iter());
        let mut of_site = 0;
        for (table, rows) in tables {
            let Ok(rows) = rows else { continue };
            let of_table = totals.of_tables.entry(table.clone()).or_default();
            *of_table = of_table.saturating_add(rows.total);
            of_site = rows.total.saturating_add(of_site);
        }
        totals.of_sites.insert(site.clone(), of_site);
    }
    totals
}

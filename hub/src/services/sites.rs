//! The sites that have tables as a service needs them.

use causeway_shared::dataset::Dataset;
use causeway_shared::ids::SiteName;

use super::error::ServiceError;
use super::record::Columns;
use crate::sync::{Hub, SiteView};

/// Tables, and the columns of each that statements name.
pub(super) type Needed = [(&'static str, Columns)];

/// The sites that have what is needed in the database, or one of them; `what` says it in a message.
///
/// # Errors
/// [`ServiceError::NotFound`], or a failure of the database.
pub(super) async fn having(
    hub: &Hub,
    only: Option<&SiteName>,
    needed: &Needed,
    what: &str,
) -> Result<Vec<SiteView>, ServiceError> {
    let mut sites = hub.sites(only).await?;
    sites.retain(|view| has(view, needed));
    if !sites.is_empty() {
        return Ok(sites);
    }
    Err(ServiceError::NotFound(match only {
        Some(site) => format!("site {site} has no {what} as MeetAssist's dataset declares them"),
        None => format!("no site with MeetAssist's {what} is loaded"),
    }))
}

/// The one site that a change is meant for.
///
/// # Errors
/// [`ServiceError::SiteRequired`] where there are several, [`ServiceError::NotFound`], or a failure
/// of the database.
pub(super) async fn the_one(
    hub: &Hub,
    named: Option<&SiteName>,
    needed: &Needed,
    what: &str,
) -> Result<SiteView, ServiceError> {
    if named.is_none() {
        let known = hub.sites(None).await?;
        if known.len() > 1 {
            let names = known.into_iter().map(|view| view.site);
            return Err(ServiceError::SiteRequired(names.collect()));
        }
    }
    let mut sites = having(hub, named, needed, what).await?;
    Ok(sites.remove(0))
}

/// Whether rows are loaded, of tables that have all of it.
pub(super) fn has(view: &SiteView, needed: &Needed) -> bool {
    view.catalog.head.is_some() && declares(&view.dataset, needed)
}

/// Whether the tables of a dataset have all of it.
pub(super) fn declares(dataset: &Dataset, needed: &Needed) -> bool {
    let has = |(table, columns): &(&str, Columns)| {
        let table = dataset.table(table);
        table.is_some_and(|table| {
            columns.iter().all(|(name, ty)| {
                let column = table.column(name).map(|at| &table.columns[at]);
                column.is_some_and(|column| column.ty == *ty)
            })
        })
    };
    needed.iter().all(has)
}

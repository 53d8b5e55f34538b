//! `GET /api/v1/overview`: the first page of figures.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use causeway_shared::ids::SiteName;
use jiff::Timestamp;
use serde::Deserialize;

use super::access::Reader;
use super::problem::Problem;
use super::request::Params;
use crate::app::App;
use crate::error::HubError;
use crate::hub::{Hub, SiteView};
use crate::stats::{self, Overview, STATUS, tables};

/// Which sites a figure covers.
#[derive(Debug, Clone, Deserialize)]
pub struct SiteParam {
    /// One site; without it all.
    pub site: Option<SiteName>,
}

/// Answers with the overview.
pub(crate) async fn overview(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(of): Params<SiteParam>,
) -> Result<Json<Overview>, Problem> {
    let sites = sites(&app.hub, of.site.as_ref()).await?;
    Ok(Json(read(&app.hub, &sites, (app.clock)()).await?))
}

/// One site as a list, or all of them.
///
/// # Errors
/// [`HubError::UnknownSite`], or a failure of the database.
pub async fn sites(hub: &Hub, only: Option<&SiteName>) -> Result<Vec<SiteView>, HubError> {
    let mut sites = hub.sites().await?;
    if let Some(only) = only {
        sites.retain(|view| view.site == *only);
        if sites.is_empty() {
            return Err(HubError::UnknownSite { site: only.clone() });
        }
    }
    Ok(sites)
}

/// Reads what the overview of some sites needs, and makes it.
///
/// # Errors
/// A failure of the database.
pub async fn read(hub: &Hub, sites: &[SiteView], now: Timestamp) -> Result<Overview, HubError> {
    let mut loaded = Vec::new();
    for view in sites {
        let table = view.dataset.table(tables::APPOINTMENT);
        if table.is_some_and(|table| table.column(STATUS).is_some()) {
            loaded.extend(
                hub.count_loaded(&view.site, tables::APPOINTMENT, STATUS)
                    .await?,
            );
        }
    }
    let now_there = now.to_zoned(hub.config().window.timezone.0.clone());
    Ok(stats::overview(
        now_there,
        hub.window(now),
        hub.dataset(),
        sites,
        &loaded,
    ))
}

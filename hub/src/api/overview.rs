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
pub(crate) struct SiteParam {
    /// One site; without it all.
    pub site: Option<SiteName>,
}

/// Answers with the overview.
pub(crate) async fn overview(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(of): Params<SiteParam>,
) -> Result<Json<Overview>, Problem> {
    let (overview, _) = read(&app.hub, of.site.as_ref(), (app.clock)()).await?;
    Ok(Json(overview))
}

/// Reads what the overview of a site or all of them needs, and makes it; the sites as it shows them.
///
/// # Errors
/// [`HubError::UnknownSite`], or a failure of the database.
pub(crate) async fn read(
    hub: &Hub,
    only: Option<&SiteName>,
    now: Timestamp,
) -> Result<(Overview, Vec<SiteView>), HubError> {
    let read = hub.sites_with_counts(only, tables::APPOINTMENT, STATUS);
    let (sites, counts): (Vec<_>, Vec<_>) = read.await?.into_iter().unzip();
    let overview = stats::overview(
        now.to_zoned(hub.config().window.timezone.0.clone()),
        hub.window(now),
        hub.dataset(),
        &sites,
        &counts.concat(),
    );
    Ok((overview, sites))
}

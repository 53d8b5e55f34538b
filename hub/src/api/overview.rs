//! `GET /api/v1/overview`: the first page of figures.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use causeway_shared::ids::SiteName;
use serde::Deserialize;

use crate::http::App;
use crate::http::callers::Reader;
use crate::http::problem::Problem;
use crate::http::request::Params;
use crate::services::overview::{self, Overview};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverviewParams {
    /// Without it all sites.
    site: Option<SiteName>,
}

pub(super) async fn overview(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(of): Params<OverviewParams>,
) -> Result<Json<Overview>, Problem> {
    let overview = overview::read(&app.hub, of.site.as_ref(), (app.clock)());
    Ok(Json(overview.await?))
}

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
use crate::services;
use crate::stats::Overview;

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
    let (overview, _) = services::overview::read(&app.hub, of.site.as_ref(), (app.clock)()).await?;
    Ok(Json(overview))
}

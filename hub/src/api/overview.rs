//! `GET /api/v1/overview`: the first page of figures.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use causeway_shared::ids::SiteName;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::App;
use crate::http::callers::Reader;
use crate::http::problem::Problem;
use crate::http::request::Params;
use crate::services::overview::{self, Overview};

/// Which sites are meant.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SitesParams {
    /// One site; without it all of them.
    pub(super) site: Option<SiteName>,
}

/// Read the figures of the first page.
#[utoipa::path(
    get,
    path = "/api/v1/overview",
    params(SitesParams),
    responses((status = 200, body = Overview), (status = 404)),
)]
pub(super) async fn overview(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(of): Params<SitesParams>,
) -> Result<Json<Overview>, Problem> {
    let overview = overview::read(&app.hub, of.site.as_ref(), (app.clock)());
    Ok(Json(overview.await?))
}

//! `GET /api/v1/sync/quarantine`: rows that the sites' agents refused, each with its reason.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use causeway_shared::ids::{Name, SiteName};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::App;
use crate::http::callers::Reader;
use crate::http::problem::Problem;
use crate::http::request::{Params, limit};
use crate::services::quarantine::{self, RefusedPage, RefusedQuery};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct QuarantineParams {
    /// One site; without it all of them.
    site: Option<SiteName>,
    /// Of one table.
    table: Option<Name>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
    /// The `next` of the answer before.
    cursor: Option<usize>,
}

/// List the rows that the sites' agents refused, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/sync/quarantine",
    params(QuarantineParams),
    responses((status = 200, body = RefusedPage), (status = 404)),
)]
pub(super) async fn list(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(asked): Params<QuarantineParams>,
) -> Result<Json<RefusedPage>, Problem> {
    let query = RefusedQuery {
        site: asked.site,
        table: asked.table,
        start: asked.cursor.unwrap_or(0),
        limit: limit(asked.limit)?,
    };
    Ok(Json(
        quarantine::list(&app.hub, &query, (app.clock)()).await?,
    ))
}

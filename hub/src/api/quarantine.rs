//! `GET /api/v1/sync/quarantine`: rows that the sites' agents refused, each with its reason.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use causeway_shared::ids::{Name, SiteName};
use serde::Deserialize;

use crate::http::App;
use crate::http::callers::Reader;
use crate::http::problem::Problem;
use crate::http::request::Params;
use crate::services::quarantine::{self, RefusedPage, RefusedQuery};

/// Rows of an answer, unless its caller says otherwise.
const USUAL_LIMIT: usize = 50;

/// Most rows of an answer.
const MAX_LIMIT: usize = 500;

#[derive(Debug, Deserialize)]
pub(super) struct QuarantineParams {
    site: Option<SiteName>,
    table: Option<Name>,
    limit: Option<usize>,
    /// The `next` of the answer before.
    cursor: Option<usize>,
}

pub(super) async fn list(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(asked): Params<QuarantineParams>,
) -> Result<Json<RefusedPage>, Problem> {
    let limit = asked.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let detail = format!("write a limit from 1 to {MAX_LIMIT}");
        return Err(Problem::bad_request(detail));
    }
    let query = RefusedQuery {
        site: asked.site,
        table: asked.table,
        start: asked.cursor.unwrap_or(0),
        limit,
    };
    Ok(Json(
        quarantine::list(&app.hub, &query, (app.clock)()).await?,
    ))
}

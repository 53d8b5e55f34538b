//! `/api/v1/sync/conflicts`: rows in which site and cloud want different things.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use causeway_shared::ids::SiteName;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::http::App;
use crate::http::callers::{Editor, Reader};
use crate::http::problem::{Code, Problem};
use crate::http::request::{JsonBody, Params, PathOf, limit};
use crate::services::conflicts::{self, ConflictsPage, ConflictsQuery, Side, Taken};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ConflictsParams {
    /// One site; without it all of them.
    site: Option<SiteName>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
    /// The `next` of the answer before.
    cursor: Option<String>,
}

/// List the rows in which site and cloud want different things.
#[utoipa::path(
    get,
    path = "/api/v1/sync/conflicts",
    params(ConflictsParams),
    responses((status = 200, body = ConflictsPage), (status = 404)),
)]
pub(super) async fn list(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(asked): Params<ConflictsParams>,
) -> Result<Json<ConflictsPage>, Problem> {
    let after = asked.cursor.map(|cursor| cursor.parse()).transpose();
    let query = ConflictsQuery {
        site: asked.site,
        after: after.map_err(|what: &str| Problem::unreadable("the query", "cursor", what))?,
        limit: limit(asked.limit)?,
    };
    let page = conflicts::list(&app.hub, &query, (app.clock)());
    Ok(Json(page.await?))
}

/// Whose values are to stand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TakeBody {
    take: Side,
}

/// Take a side of a conflict.
#[utoipa::path(
    post,
    path = "/api/v1/sync/conflicts/{id}",
    params(("id" = String, Path, description = "The conflict's id.")),
    request_body = TakeBody,
    responses(
        (status = 200, body = Taken),
        (status = 409), (status = 412), (status = 415), (status = 422),
    ),
)]
pub(super) async fn take(
    editor: Editor,
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<String>,
    JsonBody(TakeBody { take: side }): JsonBody<TakeBody>,
) -> Result<Json<Taken>, Problem> {
    let id = id.parse();
    let id = id.map_err(|what: &str| Problem::new(Code::NotFound, what))?;
    let taken = conflicts::take(&app.hub, &id, side, editor.by());
    Ok(Json(taken.await?))
}

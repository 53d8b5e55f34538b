//! `/api/v1/sync/edits`: who changed what in the cloud.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use causeway_shared::ids::{Name, SiteName};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::App;
use crate::http::callers::{Editor, Reader};
use crate::http::problem::Problem;
use crate::http::request::{IsoDate, JsonBody, Params, limit};
use crate::services::edits::{
    self, EditPeriod, EditRef, EditsPage, EditsQuery, Undone, key_of_text,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct EditsParams {
    /// One site; without it all of them.
    site: Option<SiteName>,
    /// Of one table.
    table: Option<Name>,
    /// Of one row: its key, or an array of texts where it has several columns.
    key: Option<String>,
    /// Made by one.
    actor: Option<String>,
    /// Those of this day in the hub's zone and later.
    from: Option<IsoDate>,
    /// Those of this day and before.
    to: Option<IsoDate>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
    /// The `next` of the answer before.
    cursor: Option<String>,
}

/// List who changed what in the cloud, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/sync/edits",
    params(EditsParams),
    responses((status = 200, body = EditsPage), (status = 404)),
)]
pub(super) async fn list(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(asked): Params<EditsParams>,
) -> Result<Json<EditsPage>, Problem> {
    let cursor = asked.cursor.map(|cursor| cursor.parse()).transpose();
    let query = EditsQuery {
        site: asked.site,
        table: asked.table,
        key: asked.key.as_deref().map(key_of_text),
        actor: asked.actor,
        days: EditPeriod::between(
            asked.from.map(|IsoDate(date)| date),
            asked.to.map(|IsoDate(date)| date),
            &app.hub.zone(),
        )?,
        after: cursor.map_err(|what| Problem::unreadable("the query", "cursor", what))?,
        limit: limit(asked.limit)?,
    };
    Ok(Json(edits::list(&app.hub, &query).await?))
}

/// Take an edit back, as a new edit.
#[utoipa::path(
    post,
    path = "/api/v1/sync/edits/undo",
    request_body = EditRef,
    responses(
        (status = 200, body = Undone),
        (status = 404), (status = 409), (status = 412), (status = 415), (status = 422),
    ),
)]
pub(super) async fn undo(
    editor: Editor,
    State(app): State<Arc<App>>,
    JsonBody(which): JsonBody<EditRef>,
) -> Result<Json<Undone>, Problem> {
    let undone = edits::undo(&app.hub, &which, editor.by());
    Ok(Json(undone.await?))
}

//! `/api/v1/sync/edits`: who changed what in the cloud.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use causeway_shared::ids::{Name, SiteName};
use serde::Deserialize;

use crate::http::App;
use crate::http::callers::{Editor, Reader};
use crate::http::problem::Problem;
use crate::http::request::{IsoDate, JsonBody, Params, limit};
use crate::services::edits::{
    self, EditPeriod, EditRef, EditsPage, EditsQuery, Undone, key_of_text,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EditsParams {
    site: Option<SiteName>,
    table: Option<Name>,
    key: Option<String>,
    actor: Option<String>,
    from: Option<IsoDate>,
    to: Option<IsoDate>,
    limit: Option<usize>,
    /// The `next` of the answer before.
    cursor: Option<String>,
}

/// Lists edits, the newest first.
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
        ),
        after: cursor.map_err(|what| Problem::unreadable("the query", "cursor", what))?,
        limit: limit(asked.limit)?,
    };
    Ok(Json(edits::list(&app.hub, &query).await?))
}

/// Takes one edit back.
pub(super) async fn undo(
    editor: Editor,
    State(app): State<Arc<App>>,
    JsonBody(which): JsonBody<EditRef>,
) -> Result<Json<Undone>, Problem> {
    let undone = edits::undo(&app.hub, &which, editor.by());
    Ok(Json(undone.await?))
}

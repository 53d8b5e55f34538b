//! `/api/v1/programs/{id}/participants`: who takes part in a community program.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use causeway_shared::ids::SiteName;
use serde::Deserialize;

use crate::http::App;
use crate::http::callers::Reader;
use crate::http::lists::{ListForm, answer};
use crate::http::problem::Problem;
use crate::http::request::{Params, PathOf};
use crate::services::programs;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParticipantsParams {
    site: Option<SiteName>,
    status: Option<String>,
    limit: Option<usize>,
    /// The `next` of the answer before.
    cursor: Option<String>,
}

pub(super) async fn participants(
    _: Reader,
    State(app): State<Arc<App>>,
    form: ListForm,
    PathOf(id): PathOf<String>,
    Params(asked): Params<ParticipantsParams>,
) -> Result<Response, Problem> {
    let (site, status) = (asked.site.as_ref(), asked.status.as_deref());
    let listing = programs::participants(&app.hub, site, &id, status).await?;
    let page = (asked.cursor.as_deref(), asked.limit);
    answer(&app, form, listing, page, "participants").await
}

#[cfg(test)]
mod tests;

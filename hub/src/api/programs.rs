//! `/api/v1/programs/{id}/participants`: who takes part in a community program.

use axum::response::Response;
use causeway_shared::ids::SiteName;
use serde::Deserialize;

use crate::http::lists::ListRequest;
use crate::http::problem::Problem;
use crate::http::request::PathOf;
use crate::services::programs;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParticipantsParams {
    site: Option<SiteName>,
    status: Option<String>,
}

pub(super) async fn participants(
    list: ListRequest<ParticipantsParams>,
    PathOf(id): PathOf<String>,
) -> Result<Response, Problem> {
    let (site, status) = (list.asked.site.as_ref(), list.asked.status.as_deref());
    let listing = programs::participants(&list.app.hub, site, &id, status).await?;
    list.answer(listing, "participants").await
}

#[cfg(test)]
mod tests;

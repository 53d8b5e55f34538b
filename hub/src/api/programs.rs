//! `/api/v1/programs/{id}/participants`: who takes part in a community program.

use axum::response::Response;
use causeway_shared::ids::SiteName;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::lists::{ListRequest, PageParams};
use crate::http::problem::Problem;
use crate::http::request::PathOf;
use crate::services::programs;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ParticipantsParams {
    /// The program's site; needed where there are several.
    site: Option<SiteName>,
    /// How they stand.
    status: Option<String>,
}

/// List who takes part in a program.
#[utoipa::path(
    get,
    path = "/api/v1/programs/{id}/participants",
    params(("id" = i64, Path, description = "Its number.", example = 1), ParticipantsParams, PageParams),
    responses(
        (status = 200, content((ref("ParticipantList") = "application/json"), (String = "text/csv"))),
        (status = 422),
    ),
)]
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

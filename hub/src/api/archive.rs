//! `/api/v1/archive`: what is published, a run now, and the schedule.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::archive::{ArchiveReport, ArchiveStatus};
use crate::error::HubError;
use crate::http::App;
use crate::http::callers::{Editor, Reader};
use crate::http::problem::Problem;
use crate::http::request::JsonBody;
use crate::services::archive::{Published, publish};

/// Read what is published, and how the last runs went.
#[utoipa::path(
    get,
    path = "/api/v1/archive",
    responses((status = 200, body = ArchiveStatus)),
)]
pub(super) async fn status(
    _: Reader,
    State(app): State<Arc<App>>,
) -> Result<Json<ArchiveStatus>, Problem> {
    let status = app.archive.status().await;
    Ok(Json(status.map_err(HubError::from)?))
}

/// Publish now. A run that takes longer than ten seconds goes on after the answer.
#[utoipa::path(
    post,
    path = "/api/v1/archive/run",
    responses(
        (status = 202, description = "A run goes on.", body = ArchiveStatus),
        (status = 200, description = "What was done.", body = ArchiveReport),
    ),
)]
pub(super) async fn run(_: Editor, State(app): State<Arc<App>>) -> Result<Response, Problem> {
    if let Published::Done(report) = publish(&app.archive, (app.clock)()).await? {
        return Ok(Json(report).into_response());
    }
    let status = app.archive.status().await.map_err(HubError::from)?;
    Ok((StatusCode::ACCEPTED, Json(status)).into_response())
}

/// Whether it runs by itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Schedule {
    enabled: bool,
}

/// Switch the schedule on or off, for all hubs of the store.
#[utoipa::path(
    put,
    path = "/api/v1/archive/schedule",
    request_body = Schedule,
    responses((status = 200, body = ArchiveStatus), (status = 415)),
)]
pub(super) async fn schedule(
    _: Editor,
    State(app): State<Arc<App>>,
    JsonBody(asked): JsonBody<Schedule>,
) -> Result<Json<ArchiveStatus>, Problem> {
    let set = app.archive.set_enabled(asked.enabled).await;
    set.map_err(HubError::from)?;
    let status = app.archive.status().await;
    Ok(Json(status.map_err(HubError::from)?))
}

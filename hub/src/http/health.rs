//! For those who watch over the process: alive, ready, metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::callers::MetricsReader;
use super::metrics::{Work, render};
use super::problem::{Code, Problem};
use super::state::App;

/// What the document of the API has of it.
#[derive(OpenApi)]
#[openapi(paths(alive, ready, metrics))]
pub(crate) struct HealthDocument;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

#[derive(Debug, Serialize, ToSchema)]
struct Health {
    status: &'static str,
}

const HEALTHY: Health = Health { status: "ok" };

/// Tell that the process answers.
#[utoipa::path(
    get,
    path = "/healthz",
    security(()),
    responses((status = 200, body = Health)),
)]
async fn alive() -> Json<Health> {
    Json(HEALTHY)
}

/// Tell whether database and store answer, too; while the database sleeps, whether reads are answered from the store.
#[utoipa::path(
    get,
    path = "/readyz",
    security(()),
    responses((status = 200, body = Health)),
)]
async fn ready(State(app): State<Arc<App>>) -> Result<Json<Health>, Problem> {
    match app.readiness.look(&app.hub, (app.clock)()).await {
        None => Ok(Json(HEALTHY)),
        Some(missing) => Err(Problem::new(Code::Unavailable, missing)),
    }
}

/// Read figures for Prometheus. They name sites and count rows, so not everybody gets them.
#[utoipa::path(
    get,
    path = "/metrics",
    responses(
        (status = 200, body = String, content_type = "text/plain; version=0.0.4; charset=utf-8"),
    ),
)]
async fn metrics(_: MetricsReader, State(app): State<Arc<App>>) -> impl IntoResponse {
    let sites = app.sites_for_metrics.read(&app.hub).await;
    let text = render(
        &app.metrics,
        &app.refresher.status(),
        sites.as_deref(),
        &Work {
            store: app.hub.store().requests(),
            flushes: app.hub.flushes(),
            archive: app.archive.runs(),
            database_sleeps: app.standby.sleeps(),
        },
    );
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    )
}

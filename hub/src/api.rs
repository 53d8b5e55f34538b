//! The admin API: one file per resource.
//!
//! Every handler says in its signature what its caller must be allowed ([`access`]) and answers
//! with JSON or a [`problem::Problem`].

pub(crate) mod access;
pub(crate) mod health;
pub(crate) mod overview;
pub(crate) mod problem;
pub(crate) mod quarantine;
pub(crate) mod request;
pub(crate) mod stats;
pub(crate) mod sync;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

/// The open routes for those who watch over the process.
pub(crate) fn health() -> Router<Arc<App>> {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
}

/// The API's routes.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/overview", get(overview::overview))
        .route("/api/v1/stats/appointments", get(stats::appointments))
        .route("/api/v1/sync", get(sync::status))
        .route("/api/v1/sync/notify", post(sync::notify))
        .route("/api/v1/sync/quarantine", get(quarantine::list))
}

#[cfg(test)]
mod tests;

//! The admin API: one file per resource.
//!
//! Every handler says in its signature what its caller must be allowed ([`callers`](crate::http::callers)) and answers
//! with JSON or a [`Problem`](crate::http::problem::Problem).

mod appointments;
pub(crate) mod archive;
mod conflicts;
mod consultants;
mod customers;
mod database;
mod edits;
#[cfg(feature = "import")]
pub(crate) mod imports;
pub(crate) mod overview;
mod programs;
pub(crate) mod quarantine;
mod rows;
pub(crate) mod stats;
pub(crate) mod sync;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, patch, post, put};

use crate::http::App;
use crate::services::consultants::CONSULTANTS;
use crate::services::customers::CUSTOMERS;
use crate::services::programs::PROGRAMS;

/// The routes whose body goes to disk as it comes.
pub(crate) fn uploads() -> Router<Arc<App>> {
    #[cfg(feature = "import")]
    return imports::uploads();
    #[cfg(not(feature = "import"))]
    Router::new()
}

/// The API's routes.
pub(crate) fn routes() -> Router<Arc<App>> {
    #[cfg(feature = "import")]
    let router = imports::routes();
    #[cfg(not(feature = "import"))]
    let router = Router::new();
    router
        .route("/api/v1/overview", get(overview::overview))
        .route(
            "/api/v1/appointments",
            get(appointments::list).post(appointments::book),
        )
        .route(
            "/api/v1/appointments/{id}",
            get(appointments::one).patch(appointments::change),
        )
        .route(
            "/api/v1/appointments/{id}/assign",
            post(appointments::assign),
        )
        .route(
            "/api/v1/appointments/{id}/confirm",
            post(appointments::confirm),
        )
        .route(
            "/api/v1/appointments/{id}/complete",
            post(appointments::complete),
        )
        .route(
            "/api/v1/appointments/{id}/cancel",
            post(appointments::cancel),
        )
        .route(
            "/api/v1/customers/{id}/appointments",
            get(customers::appointments),
        )
        .merge(rows::routes(&CUSTOMERS))
        .route("/api/v1/consultants/{id}/slots", get(consultants::slots))
        .route(
            "/api/v1/consultants/{id}/slots/generate",
            post(consultants::generate),
        )
        .route("/api/v1/slots/{id}", patch(consultants::set_slot))
        .merge(rows::routes(&CONSULTANTS))
        .route(
            "/api/v1/programs/{id}/participants",
            get(programs::participants),
        )
        .merge(rows::routes(&PROGRAMS))
        .route("/api/v1/stats/appointments", get(stats::appointments))
        .route("/api/v1/archive", get(archive::status))
        .route("/api/v1/archive/run", post(archive::run))
        .route("/api/v1/archive/schedule", put(archive::schedule))
        .route("/api/v1/stats/consultants", get(stats::consultants))
        .route("/api/v1/stats/customers", get(stats::customers))
        .route("/api/v1/stats/programs", get(stats::programs))
        .route("/api/v1/database/schema", get(database::schema))
        .route("/api/v1/database/stats", get(database::stats))
        .route("/api/v1/sync", get(sync::status))
        .route("/api/v1/sync/notify", post(sync::notify))
        .route("/api/v1/sync/load", post(sync::load))
        .route(
            "/api/v1/sync/pins/{date}",
            put(sync::pin).delete(sync::unpin),
        )
        .route("/api/v1/sync/edits", get(edits::list))
        .route("/api/v1/sync/conflicts", get(conflicts::list))
        .route("/api/v1/sync/conflicts/{id}", post(conflicts::take))
        .route("/api/v1/sync/edits/undo", post(edits::undo))
        .route("/api/v1/sync/quarantine", get(quarantine::list))
}

#[cfg(test)]
mod tests;

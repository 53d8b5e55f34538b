//! The admin API: one file per resource.
//!
//! Every handler says in its signature what its caller must be allowed ([`callers`](crate::http::callers)) and answers
//! with JSON or a [`Problem`](crate::http::problem::Problem). Its annotation is its part of the document of the API
//! ([`openapi`]).

mod appointments;
mod archive;
mod conflicts;
mod consultants;
mod customers;
pub(crate) mod database;
mod edits;
#[cfg(feature = "import")]
pub(crate) mod imports;
pub(crate) mod openapi;
pub(crate) mod overview;
mod programs;
pub(crate) mod quarantine;
mod rows;
pub(crate) mod stats;
pub(crate) mod sync;

use std::sync::Arc;

use axum::Router;
use axum::routing::MethodRouter;
use utoipa::OpenApi;

use crate::http::App;
use crate::http::request::IsoDate;

/// The routes whose body goes to disk as it comes.
pub(crate) fn uploads() -> Router<Arc<App>> {
    #[cfg(feature = "import")]
    return imports::uploads();
    #[cfg(not(feature = "import"))]
    Router::new()
}

/// The API's routes.
pub(crate) fn routes() -> Router<Arc<App>> {
    let router = listed().merge(rows::routes());
    #[cfg(feature = "import")]
    let router = router.merge(imports::routes());
    router
}

/// Addresses with their methods and handlers: what the router serves, and what the document tells.
macro_rules! routes {
    ($($path:literal: $($method:ident $module:ident::$handler:ident),+;)+) => {
        fn listed() -> Router<Arc<App>> {
            Router::new()$(.route($path, MethodRouter::new()$(.$method($module::$handler))+))+
        }

        /// What the handlers' annotations say.
        #[derive(OpenApi)]
        #[openapi(
            paths(
                $($($module::$handler,)+)+
                rows::list, rows::create, rows::one, rows::change, rows::disable
            ),
            components(schemas(IsoDate))
        )]
        struct Annotated;

        #[cfg(test)]
        const ROUTES: &[(&str, &str)] = &[$($(($path, stringify!($method)),)+)+];
    };
}

routes! {
    "/api/v1/overview": get overview::overview;
    "/api/v1/openapi.json": get openapi::served;
    "/api/v1/appointments": get appointments::list, post appointments::book;
    "/api/v1/appointments/{id}": get appointments::one, patch appointments::change;
    "/api/v1/appointments/{id}/assign": post appointments::assign;
    "/api/v1/appointments/{id}/confirm": post appointments::confirm;
    "/api/v1/appointments/{id}/complete": post appointments::complete;
    "/api/v1/appointments/{id}/cancel": post appointments::cancel;
    "/api/v1/customers/{id}/appointments": get customers::appointments;
    "/api/v1/consultants/{id}/slots": get consultants::slots;
    "/api/v1/consultants/{id}/slots/generate": post consultants::generate;
    "/api/v1/slots/{id}": patch consultants::set_slot;
    "/api/v1/programs/{id}/participants": get programs::participants;
    "/api/v1/stats/appointments": get stats::appointments;
    "/api/v1/stats/consultants": get stats::consultants;
    "/api/v1/stats/customers": get stats::customers;
    "/api/v1/stats/programs": get stats::programs;
    "/api/v1/archive": get archive::status;
    "/api/v1/archive/run": post archive::run;
    "/api/v1/archive/schedule": put archive::schedule;
    "/api/v1/database/schema": get database::schema;
    "/api/v1/database/stats": get database::stats;
    "/api/v1/database/sleep": get database::state, post database::sleep;
    "/api/v1/database/wake": post database::wake;
    "/api/v1/sync": get sync::status;
    "/api/v1/sync/notify": post sync::notify;
    "/api/v1/sync/load": post sync::load;
    "/api/v1/sync/pins/{date}": put sync::pin, delete sync::unpin;
    "/api/v1/sync/edits": get edits::list;
    "/api/v1/sync/edits/undo": post edits::undo;
    "/api/v1/sync/conflicts": get conflicts::list;
    "/api/v1/sync/conflicts/{id}": post conflicts::take;
    "/api/v1/sync/quarantine": get quarantine::list;
}

#[cfg(test)]
mod tests;

//! The dashboard: pages rendered here, with a little script that keeps the figures fresh.
//!
//! Each page is one file: what it shows, its template's struct, its handler, its tests.

mod appointments;
mod assets;
mod chart;
mod language;
mod login;
mod overview;
mod per_table;
mod share;
mod texts;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use crate::auth::{Action, Caller};
use crate::config::AuthMode;
use crate::http::App;
use crate::http::callers::recognise;
use crate::http::problem::{Code, Problem};

/// The dashboard's routes.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(overview::page))
        .route("/live", get(overview::live))
        .route(
            "/appointments",
            get(appointments::page).post(appointments::book),
        )
        .route("/appointments/{id}/cancel", post(appointments::cancel))
        .route("/login", get(login::page).post(login::sign_in))
        .route("/logout", post(login::sign_out))
        .route("/assets/{name}", get(assets::asset))
        .route("/favicon.ico", get(assets::icon))
}

/// Somebody who may look at pages. Others are sent to sign in.
#[derive(Debug, Clone)]
struct Visitor(Caller);

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        match recognise(&parts.method, &parts.headers, app).await {
            Ok(Some(caller)) if caller.role.allows(Action::Read) => Ok(Self(caller)),
            Ok(_) => Err(Redirect::to("/login").into_response()),
            Err(problem) => Err(problem.into_response()),
        }
    }
}

/// The name of a visitor's token; `None` where nobody signs in.
fn signed_in<'c>(app: &App, caller: &'c Caller) -> Option<&'c str> {
    (app.hub.config().auth.mode == AuthMode::Token).then_some(caller.name.as_str())
}

/// A template's page. One that cannot be rendered is a mistake of this program.
fn html(page: &impl Template) -> Result<Html<String>, Problem> {
    page.render().map(Html).map_err(|error| {
        let detail = "the page cannot be shown; see the hub's log";
        Problem::new(Code::Internal, detail).because(error)
    })
}

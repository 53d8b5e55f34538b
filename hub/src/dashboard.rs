//! The dashboard: pages rendered here, with a little script that keeps the figures fresh.
//!
//! Each page is one file: what it shows, its template's struct, its handler, its tests.

mod appointments;
mod archive;
mod asleep;
mod assets;
mod bars;
mod chart;
mod conflicts;
mod database;
mod days;
mod docs;
mod edits;
mod figures;
#[cfg(feature = "import")]
mod import;
mod language;
mod lists;
mod login;
mod overview;
mod per_table;
mod rows;
mod share;
mod sync;
mod texts;

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequestParts, Request};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Form, Router};

use self::assets::address;
use self::language::{Language, ReaderLanguage};
use self::texts::{Texts, sentence};
use crate::auth::{Action, Caller, Role};
use crate::config::AuthMode;
use crate::http::callers::{Editor, recognise};
use crate::http::problem::{Code, Problem};
use crate::http::request_id::RequestId;
use crate::http::{App, absence};

/// The dashboard's routes.
pub(crate) fn routes() -> Router<Arc<App>> {
    let pages = Router::new()
        .route("/", get(overview::page))
        .route(
            "/appointments",
            get(appointments::page).post(appointments::book),
        )
        .route("/appointments/list", get(appointments::list::page))
        .route("/appointments/list.csv", get(appointments::list::csv))
        .route("/appointments/{id}", get(appointments::one::page))
        .route("/appointments/{id}/move", post(appointments::move_here))
        .route("/appointments/{id}/{step}", post(appointments::step))
        .route("/archive", get(archive::page))
        .route("/archive/run", post(archive::run))
        .route("/archive/switch", post(archive::switch))
        .route("/database", get(database::page))
        .route("/database/sleep", post(database::sleep))
        .route("/database/wake", post(database::wake))
        .route("/sync", get(sync::page))
        .route("/docs", get(docs::page))
        .route("/days", get(days::page))
        .route("/days/pin", post(days::pin))
        .route("/days/unpin", post(days::unpin))
        .route("/conflicts", get(conflicts::page))
        .route("/conflicts/take", post(conflicts::take))
        .route("/edits", get(edits::page))
        .route("/edits/undo", post(edits::undo))
        .route("/login", get(login::page).post(login::sign_in))
        .route("/logout", post(login::sign_out))
        .merge(figures::routes())
        .merge(rows::routes());
    #[cfg(feature = "import")]
    let pages = pages
        .route("/import", get(import::page))
        .route("/import/{id}", get(import::job))
        .route("/import/{id}/run", post(import::run));
    let pages = pages.route_layer(from_fn(problems_as_pages));
    pages
        .route("/live", get(overview::live))
        .route("/assets/{name}", get(assets::asset))
        .route("/favicon.ico", get(assets::icon))
}

/// The routes whose body goes to disk as it comes.
pub(crate) fn uploads() -> Router<Arc<App>> {
    let pages = Router::new();
    #[cfg(feature = "import")]
    let pages = pages
        .route("/import/preview", post(import::preview))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .route_layer(from_fn(problems_as_pages));
    pages
}

/// What is shown where a request cannot be answered as asked.
#[derive(Debug, Template)]
#[template(path = "problem.html")]
struct ProblemPage<'p> {
    language: Language,
    t: &'static Texts,
    detail: &'p str,
    request_id: &'p str,
    /// Whether the page is to be asked for again by itself, until it can be shown.
    tries_again: bool,
}

/// Shows people a page in place of the JSON that programs get.
async fn problems_as_pages(
    reading: ReaderLanguage,
    Extension(id): Extension<RequestId>,
    request: Request,
    next: Next,
) -> Response {
    // A form that was sent is not sent again by itself.
    let is_read = request.method() == Method::GET;
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let language = reading.language;
    let detail = match (language, &problem.errors[..]) {
        (Language::Vietnamese, errors) if !errors.is_empty() => sentence(language, errors),
        _ => problem.detail.clone(),
    };
    let page = html(&ProblemPage {
        language,
        t: language.texts(),
        detail: &detail,
        request_id: id.as_str(),
        tries_again: is_read && problem.code == Code::Unavailable,
    });
    match page {
        Ok(page) => problem.into_page((reading.headers(), page)),
        Err(unrendered) => unrendered.into_response(),
    }
}

/// Somebody who may look at pages. Others are sent to sign in.
#[derive(Debug, Clone)]
struct Visitor(Caller);

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        match recognise(&parts.method, &parts.headers, app).await {
            Ok(Some(caller)) if caller.role.allows(Action::Read) => {
                Ok(Self(looking_on(caller, parts.uri.path())))
            }
            Ok(_) => Err(Redirect::to("/login").into_response()),
            Err(problem) => Err(problem.into_response()),
        }
    }
}

/// A caller as somebody who may only look on, where what the address changes is asleep: pages show no forms then.
fn looking_on(caller: Caller, path: &str) -> Caller {
    match absence::why() {
        Some(_)
            if caller.role == Role::Admin
                && !absence::takes_changes(path)
                && path != "/database" =>
        {
            Caller {
                role: Role::Viewer,
                ..caller
            }
        }
        _ => caller,
    }
}

/// The name of a visitor's token; `None` where nobody signs in.
fn signed_in<'c>(app: &App, caller: &'c Caller) -> Option<&'c str> {
    (app.hub.config().auth.mode == AuthMode::Token).then_some(caller.name.as_str())
}

/// A request for a page: of which service, whose, and in which language.
#[derive(Debug, Clone)]
struct Visit {
    app: Arc<App>,
    caller: Caller,
    reading: ReaderLanguage,
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let Visitor(caller) = Visitor::from_request_parts(parts, app).await?;
        let Ok(reading) = ReaderLanguage::from_request_parts(parts, app).await;
        Ok(Self {
            app: Arc::clone(app),
            caller,
            reading,
        })
    }
}

impl Visit {
    /// What a page is made with.
    fn parts(&self) -> (&App, Language, &'static Texts) {
        (&self.app, self.reading.language, self.texts())
    }

    fn texts(&self) -> &'static Texts {
        self.reading.language.texts()
    }

    /// The name of the visitor's token; `None` where nobody signs in.
    fn signed_in(&self) -> Option<&str> {
        signed_in(&self.app, &self.caller)
    }

    /// Whether the visitor may change things.
    fn is_editor(&self) -> bool {
        self.caller.role.allows(Action::Change)
    }

    /// The visitor as somebody who may change things.
    fn editor(&self) -> Result<Editor, Problem> {
        let t = self.texts();
        Editor::of(&self.caller, &self.app).ok_or_else(|| match absence::why() {
            Some(_) => Problem::new(Code::DatabaseAsleep, t.of_sleep.refused),
            None => Problem::new(Code::Forbidden, t.of_day.not_allowed),
        })
    }

    fn answer(&self, page: &impl Template) -> Result<Response, Problem> {
        Ok((self.reading.headers(), html(page)?).into_response())
    }
}

/// A form as it was sent.
fn read<T>(form: Result<Form<T>, FormRejection>) -> Result<T, Problem> {
    let read = form.map(|Form(form)| form);
    read.map_err(|rejection| Problem::of_body(rejection.status(), rejection.body_text()))
}

/// For templates: a text's pieces, and whether each is code, which has backticks around it.
fn prose(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let pieces = text.split('`').enumerate();
    pieces.map(|(place, piece)| (place % 2 == 1, piece))
}

/// A template's page. One that cannot be rendered is a mistake of this program.
fn html(page: &impl Template) -> Result<Html<String>, Problem> {
    page.render().map(Html).map_err(|error| {
        let detail = "the page cannot be shown; see the hub's log";
        Problem::new(Code::Internal, detail).because(error)
    })
}

//! Who answers a request: the database's own service, or what stands in for it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use tower::ServiceExt as _;

use super::Standby;
use crate::http::App;
use crate::http::absence::{self, Absence};
use crate::http::problem::{Code, Problem};
use crate::http::request::header_text;
use crate::http::server::{self, MAX_BODY_BYTES};
use crate::sleep::ask_to_wake;

/// Tells that an answer was made from the store.
const X_CAUSEWAY_DATABASE: HeaderName = HeaderName::from_static("x-causeway-database");

/// The service's addresses, and what answers there while the database sleeps.
pub(in crate::serve) fn router(app: Arc<App>, routes: fn(Arc<App>) -> Router) -> Router {
    let own = routes(Arc::clone(&app));
    if !app.hub.database().has_server() {
        return own;
    }
    // Before any route is looked for: each of the two services does that for itself.
    Router::new().fallback(move |request: Request| {
        let (app, own) = (Arc::clone(&app), own.clone());
        async move { answer(&app, own, routes, request).await }
    })
}

/// Whether an address tells of the process alone.
fn is_of_the_process(path: &str) -> bool {
    matches!(path, "/healthz" | "/metrics" | "/favicon.ico") || path.starts_with("/assets/")
}

async fn answer(
    app: &Arc<App>,
    own: Router,
    routes: fn(Arc<App>) -> Router,
    request: Request,
) -> Response {
    let standby = &app.standby;
    if is_of_the_process(request.uri().path()) {
        return call(own, request).await;
    }
    Standby::look_now_and_then(app);
    if !is_read(&request) {
        return answer_change(app, own, routes, request).await;
    }
    let (parts, body) = request.into_parts();
    let again = Request::from_parts(parts.clone(), Body::empty());
    if standby.why().is_none() {
        let answer = tokio::select! {
            answer = call(own, Request::from_parts(parts, body)) => Some(answer),
            () = standby.silence(app) => None,
        };
        if let Some(answer) = answer
            && (!is_away(&answer) || standby.is_there(app).await)
        {
            return answer;
        }
        standby.fall_silent(app).await;
    }
    match standby.why() {
        None => call(routes(Arc::clone(app)), again).await,
        Some(why) => answer_from_store(app, routes, why, again).await,
    }
}

/// What changes something goes to one service and is answered by it: whether a change is done whose answer is lost,
/// nobody knows, and it must not be done twice.
async fn answer_change(
    app: &Arc<App>,
    own: Router,
    routes: fn(Arc<App>) -> Router,
    request: Request,
) -> Response {
    let standby = &app.standby;
    match standby.why() {
        Some(why @ (Absence::Asleep | Absence::Waking)) if is_short(&request) => {
            answer_from_store(app, routes, why, request).await
        }
        // A file that is on its way is told there what is in its way.
        Some(Absence::Asleep | Absence::Waking) => call(own, request).await,
        // One that fell silent may be back, and whoever changes something finds out.
        None | Some(Absence::Silent) => {
            let answer = call(own, request).await;
            if is_away(&answer) && !standby.is_there(app).await {
                // Whoever comes next is told why.
                standby.fall_silent(app).await;
            }
            answer
        }
    }
}

/// Whether a request's body is not one that is read as it comes.
fn is_short(request: &Request) -> bool {
    match header_text(request.headers(), header::CONTENT_LENGTH) {
        Some(length) => length
            .parse()
            .is_ok_and(|length: usize| length <= MAX_BODY_BYTES),
        None => axum::body::HttpBody::is_end_stream(request.body()),
    }
}

fn is_read(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// Whether an answer says that the database is not there.
fn is_away(answer: &Response) -> bool {
    matches!(
        answer.status(),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

async fn answer_from_store(
    app: &Arc<App>,
    routes: fn(Arc<App>) -> Router,
    why: Absence,
    request: Request,
) -> Response {
    let Some(stand_in) = app.standby.stand_in(app, routes).await else {
        let detail =
            "the database does not answer, and the store not in time; try again in a moment";
        return server::refuse(Problem::new(Code::Unavailable, detail), request).await;
    };
    stand_in.refresh(app.clock).await;
    let is_write = !is_read(&request);
    let mut answer = absence::scope(why, call(stand_in.router.clone(), request)).await;
    let asleep = HeaderValue::from_static("asleep");
    answer.headers_mut().insert(X_CAUSEWAY_DATABASE, asleep);
    let is_refused = is_write && answer.status() == StatusCode::SERVICE_UNAVAILABLE;
    if is_refused && why == Absence::Asleep && app.hub.config().database.wake {
        let now = (app.clock)();
        if let Err(error) = ask_to_wake(&app.hub, now).await {
            tracing::error!(%error, "the database cannot be woken");
        }
    }
    answer
}

async fn call(router: Router, request: Request) -> Response {
    match router.oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::control::{Control, SleepState};
    use crate::serve::testbed::{Testbed, now};

    /// How often a service was asked, whichever it is.
    static ASKED: AtomicU32 = AtomicU32::new(0);

    fn service(_: Arc<App>) -> Router {
        Router::new().fallback(async || {
            ASKED.fetch_add(1, Ordering::Relaxed);
            StatusCode::SERVICE_UNAVAILABLE
        })
    }

    #[tokio::test]
    async fn a_change_whose_answer_is_lost_is_not_made_again() {
        let bed = Testbed::new().await;
        let app = &bed.app;
        let store = app.hub.store();
        Control::set_state(store, SleepState::Asleep, now(), false)
            .await
            .unwrap();
        app.standby.counts_as_away().await;
        let request = Request::post("/api/v1/appointments").body(Body::empty());
        let answered = answer(app, service(Arc::clone(app)), service, request.unwrap()).await;
        assert_eq!(answered.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(ASKED.load(Ordering::Relaxed), 1);
        assert_eq!(
            app.standby.why(),
            Some(Absence::Asleep),
            "whoever comes next is told"
        );
    }
}

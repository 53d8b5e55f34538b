//! What every request passes through: a place and a time limit, security headers, counting.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::problem::{Code, Problem};
use super::state::App;

/// How long an answer may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// What pages may load and who may show them: all from here, nothing inline, in no frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// Gives the request a place and a limit of time.
pub(super) async fn limit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Ok(_place) = app.places.try_acquire() else {
        let detail = "too many requests at once; try again in a moment";
        return Problem::new(Code::Busy, detail).into_response();
    };
    match timeout(ANSWERS_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("no answer within {} seconds", ANSWERS_WITHIN.as_secs());
            Problem::new(Code::Timeout, detail).into_response()
        }
    }
}

/// Adds what keeps browsers from doing more than they should with an answer.
pub(super) async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::X_FRAME_OPTIONS, "DENY");
    // Assets, which may be kept, say so themselves.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Counts the request by its route, method and status.
pub(super) async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    // The route, not the address: there are few of them, whatever callers ask for.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let began = Instant::now();
    let response = next.run(request).await;
    if let Some(route) = route {
        app.metrics
            .count(route.as_str(), &method, response.status(), began.elapsed());
    }
    response
}

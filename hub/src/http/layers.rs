//! What every request passes through: a place and a time limit, security headers, counting.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest as _, MatchedPath, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};

use super::connections::ClientWait;
use super::problem::{Cause, Code, Problem};
use super::state::App;

/// How long the body of a request may take to come.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// How long an answer may take, from then on.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// Answers up to this size go as they are: in one packet of the network, whatever is saved.
const PLAIN_UP_TO_BYTES: u16 = 1024;

/// What pages may load and who may show them: all from here, nothing inline, in no frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// The same for a page whose script may also send to another origin.
#[cfg(feature = "import")]
pub(crate) fn content_security_policy(origin: &str) -> String {
    let connect = format!("connect-src 'self' {origin}");
    CONTENT_SECURITY_POLICY.replace("connect-src 'self'", &connect)
}

/// Compresses answers for callers that take gzip, but for those with an `ETag`, which stands for these very bytes. A page or an answer holds no secret beside what its caller wrote, which
/// the length could give away: forms are told apart by their origin, and sessions are cookies.
pub(super) fn compression() -> CompressionLayer<impl Predicate> {
    let is_untagged = |_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions| {
        !headers.contains_key(header::ETAG)
    };
    CompressionLayer::new()
        .gzip(true)
        .compress_when(SizeAbove::new(PLAIN_UP_TO_BYTES).and(is_untagged))
}

/// Waits for the request's body, then gives the request a place and a limit of time.
pub(super) async fn limit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let request = match with_body(request).await {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    let Ok(_place) = app.request_slots.try_acquire() else {
        let detail = "too many requests at once; try again in a moment";
        return Problem::new(Code::Busy, detail).into_response();
    };
    let wait = request.extensions().get::<Arc<ClientWait>>();
    let _at_work = wait.map(ClientWait::pause);
    match timeout(ANSWERS_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("no answer within {} seconds", ANSWERS_WITHIN.as_secs());
            Problem::new(Code::Timeout, detail).into_response()
        }
    }
}

/// The request with its whole body in memory, so that a client that sends it slowly takes no place.
async fn with_body(request: Request) -> Result<Request, Problem> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let whole = Bytes::from_request(Request::from_parts(parts.clone(), body), &());
    match timeout(BODY_WITHIN, whole).await {
        Ok(Ok(bytes)) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Ok(Err(rejection)) => Err(Problem::of_body(rejection.status(), rejection.body_text())),
        Err(_) => {
            let detail = format!("no body within {} seconds", BODY_WITHIN.as_secs());
            Err(Problem::new(Code::RequestTimeout, detail))
        }
    }
}

/// Adds what keeps browsers from doing more than they should with an answer.
pub(super) async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Not `no-referrer`: with it a form's own request would have no `Origin` to be known by.
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_FRAME_OPTIONS, "DENY");
    // A page that sends files elsewhere says so itself.
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    // Assets, which may be kept, say so themselves.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Counts the request by its route, method and status, and logs why it failed, once for all that
/// fail for one reason.
pub(super) async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    // The route, not the address: there are few of them, whatever callers ask for.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let began = Instant::now();
    let mut response = next.run(request).await;
    let (route, status) = (route.as_ref().map(MatchedPath::as_str), response.status());
    if let Some(route) = route {
        app.metrics.count(route, &method, status, began.elapsed());
    }
    if let Some(Cause(error)) = response.extensions_mut().remove()
        && let Some(unlogged) = app.failures.count(error.clone(), Instant::now())
    {
        let status = status.as_u16();
        tracing::error!(
            error,
            route,
            status,
            unlogged,
            "a request could not be answered"
        );
    }
    response
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::http::{Method, Request};
    use flate2::read::GzDecoder;

    use crate::serve::testbed::Testbed;

    use super::*;

    async fn fetch(bed: &Testbed, path: &str, kind: &str, codings: &str) -> (String, Vec<u8>) {
        let request = Request::get(path)
            .header(header::COOKIE, bed.cookie().await)
            .header(header::ACCEPT, kind)
            .header(header::ACCEPT_ENCODING, codings);
        let (answer, body) = bed
            .send_for_bytes(request.body(Body::empty()).unwrap())
            .await;
        let coding = answer.headers.get(header::CONTENT_ENCODING);
        let coding = coding.map_or("", |coding| coding.to_str().unwrap());
        (coding.to_owned(), body)
    }

    #[tokio::test]
    async fn long_answers_are_compressed_for_whoever_takes_it() {
        let bed = Testbed::with_a_day(&["hcm-01"]).await;
        for (path, kind) in [
            ("/api/v1/appointments", "application/json"),
            ("/api/v1/appointments", "text/csv"),
            ("/appointments", "text/html"),
        ] {
            let (coding, plain) = fetch(&bed, path, kind, "br").await;
            assert_eq!(coding, "", "{path} as {kind}");
            let (coding, packed) = fetch(&bed, path, kind, "br, gzip").await;
            assert_eq!(coding, "gzip", "{path} as {kind}");
            let mut unpacked = Vec::new();
            let read = GzDecoder::new(&*packed).read_to_end(&mut unpacked);
            assert_eq!(read.unwrap(), plain.len(), "{path} as {kind}");
            assert_eq!(unpacked, plain, "{path} as {kind}");
        }
    }

    #[tokio::test]
    async fn an_answer_with_a_tag_is_sent_as_it_is() {
        let bed = Testbed::with_a_day(&["hcm-01"]).await;
        let long = format!("{{\"notes\":\"{}\"}}", "long ".repeat(500));
        let path = "/api/v1/customers/c1";
        let changed = bed.call(Method::PATCH, &bed.admin, path, &long).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
        let (coding, body) = fetch(&bed, path, "*/*", "gzip").await;
        assert!(coding.is_empty() && body.len() > 2_000);
    }

    #[tokio::test]
    async fn short_answers_are_sent_as_they_are() {
        let bed = Testbed::new().await;
        for path in ["/healthz", "/api/v1/appointments/9"] {
            let (coding, body) = fetch(&bed, path, "*/*", "gzip").await;
            assert!(coding.is_empty() && body.starts_with(b"{"), "{path}");
        }
    }
}

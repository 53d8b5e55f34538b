//! The id of each request, by which its answer, the log and whoever reports a failure name it.

use std::fmt;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use causeway_shared::runtime::chance::random_id;
use tracing::Instrument as _;

use super::problem::Problem;
use super::request::header_text;

/// The header in which callers may name a request, and in which its answer does.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_CHARS: usize = 64;

/// What names a request: 1 to 64 characters of `[A-Za-z0-9._-]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// The caller's own, where it can stand in a log and a page as it is; else a fresh one.
    fn of(headers: &HeaderMap) -> Self {
        let given = header_text(headers, X_REQUEST_ID).filter(|given| is_plain(given));
        let id = match given {
            Some(given) => Ok(given.to_owned()),
            None => random_id(),
        };
        // Without randomness a request is answered all the same, as one of many.
        Self(id.unwrap_or_else(|_| "unknown".to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_plain(text: &str) -> bool {
    let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAX_CHARS).contains(&text.len()) && text.bytes().all(is_taken)
}

/// Gives the request its id, in its log lines and its answer. A problem that nobody has made a page of becomes JSON here.
pub(crate) async fn identify(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    // At the highest level, so that it is there whatever lines the log shows.
    let span = tracing::error_span!("request", request_id = id.as_str());
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).instrument(span).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = problem.into_json(response, id.as_str());
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode, header};

    use super::*;
    use crate::serve::testbed::{Answer, Testbed, json_of};

    async fn named(bed: &Testbed, path: &str, id: &str) -> Answer {
        let cookie = bed.cookie().await;
        let request = Request::get(path).header(header::COOKIE, cookie);
        let request = request.header(X_REQUEST_ID, id).body(Body::empty());
        bed.send(request.unwrap()).await
    }

    #[tokio::test]
    async fn the_callers_name_of_a_request_is_in_its_answer() {
        let bed = Testbed::new().await;
        for (path, status) in [
            ("/api/v1/overview", StatusCode::OK),
            ("/", StatusCode::OK),
            ("/api/v1/appointments/9", StatusCode::NOT_FOUND),
            ("/nothing", StatusCode::NOT_FOUND),
        ] {
            let answer = named(&bed, path, "Job-7_a.b").await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(answer.header(X_REQUEST_ID), "Job-7_a.b", "{path}");
        }
    }

    #[tokio::test]
    async fn without_a_name_that_is_taken_each_request_gets_one() {
        let bed = Testbed::new().await;
        let first = bed.get("/api/v1/overview").await;
        let second = bed.get("/api/v1/overview").await;
        assert_eq!(first.header(X_REQUEST_ID).len(), 32);
        assert_ne!(first.header(X_REQUEST_ID), second.header(X_REQUEST_ID));
        let long = "a".repeat(65);
        for hostile in ["", " ", "a b", "<script>", "a\"}", "đ", &long] {
            let answer = named(&bed, "/nothing", hostile).await;
            assert_eq!(answer.header(X_REQUEST_ID).len(), 32, "{hostile:?}");
        }
    }

    #[tokio::test]
    async fn a_problem_tells_the_id_of_its_request() {
        let bed = Testbed::new().await;
        for path in [
            "/api/v1/appointments/9",
            "/api/v1/overview?site=A",
            "/nothing",
        ] {
            let problem = named(&bed, path, "job-7").await;
            assert_eq!(json_of(&problem)["request_id"], "job-7", "{path}");
        }
    }

    #[tokio::test]
    async fn a_page_of_an_error_shows_the_id_of_its_request() {
        let bed = Testbed::new().await;
        let missing = named(&bed, "/customers/nobody?lang=en", "job-7").await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND);
        assert!(
            missing.body.contains("Request <code>job-7</code>"),
            "{}",
            missing.body
        );
        bed.lose_the_database();
        let unavailable = named(&bed, "/?lang=vi", "job-8").await;
        assert_eq!(unavailable.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(
            unavailable.body.contains("Yêu cầu <code>job-8</code>"),
            "{}",
            unavailable.body
        );
    }
}

//! What requests carry, checked: query and body, with a [`Problem`] for what cannot be read.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use jiff::civil::Date;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::sync::DateRange;

/// A header's text, where it is ASCII.
pub(crate) fn header_text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// A query string's parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        match read {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(Problem::bad_request(rejection.body_text())),
        }
    }
}

/// A JSON body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read: Result<Json<T>, JsonRejection> = Json::from_request(request, state).await;
        read.map(|Json(body)| Self(body))
            .map_err(|rejection| Problem::of_body(rejection.status(), rejection.body_text()))
    }
}

/// Rows of an answer, unless its caller says otherwise.
const USUAL_LIMIT: usize = 50;
/// Most rows of an answer.
const MAX_LIMIT: usize = 500;

/// How many rows an answer is to have at most.
///
/// # Errors
/// A problem that says what to write.
pub(crate) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(USUAL_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) {
        Ok(limit)
    } else {
        Err(Problem::bad_request(format!(
            "write a limit from 1 to {MAX_LIMIT}"
        )))
    }
}

/// `from` and `to`, both or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct RangeParams {
    /// The first date.
    pub from: Option<Date>,
    /// The last date.
    pub to: Option<Date>,
}

impl RangeParams {
    /// The range asked for; `None` where none is.
    ///
    /// # Errors
    /// A problem that says what to write.
    pub(crate) fn range(self) -> Result<Option<DateRange>, Problem> {
        match (self.from, self.to) {
            (None, None) => Ok(None),
            (Some(from), Some(to)) => DateRange::new(from, to)
                .map(Some)
                .map_err(Problem::bad_request),
            _ => Err(Problem::bad_request(
                "write both from and to, as YYYY-MM-DD, or neither",
            )),
        }
    }
}

//! `ETag` and `If-Match`.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use causeway_shared::ids::Md5;
use serde::Serialize;

use super::problem::Problem;
use crate::services::precondition::Precondition;

/// JSON about a row, with the row's tag.
#[derive(Debug)]
pub(crate) struct Tagged<T>(pub Md5, pub T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let tag = format!("\"{}\"", self.0);
        ([(header::ETAG, tag)], Json(self.1)).into_response()
    }
}

/// The rows that `If-Match` allows to be changed.
#[derive(Debug)]
pub(crate) struct IfMatch(pub Precondition);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if !parts.headers.contains_key(header::IF_MATCH) {
            return Ok(Self(Precondition::Any));
        }
        let mut tags = Vec::new();
        for value in parts.headers.get_all(header::IF_MATCH) {
            for given in value.to_str().map_err(|_| unreadable())?.split(',') {
                let given = given.trim();
                if given == "*" {
                    return Ok(Self(Precondition::Any));
                }
                // A weak tag promises less than a change needs.
                let strong = given.strip_prefix("W/").unwrap_or(given);
                let text = strong
                    .strip_prefix('"')
                    .and_then(|text| text.strip_suffix('"'))
                    .ok_or_else(unreadable)?;
                // Any other text is no row's tag.
                if let Ok(tag) = Md5::new(text)
                    && strong == given
                {
                    tags.push(tag);
                }
            }
        }
        Ok(Self(Precondition::Tags(tags)))
    }
}

fn unreadable() -> Problem {
    Problem::bad_request("write If-Match as the answer's ETag is, in quotation marks")
}

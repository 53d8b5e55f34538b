//! Errors as callers get them: RFC 9457, with a code that stays the same from version to version.

mod code;
mod of_errors;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use crate::services::field_error::FieldError;
use crate::services::record::Record;

pub(crate) use code::Code;

/// An error as a caller gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Its kind.
    pub code: Code,
    /// What went wrong this time, and what to do.
    pub detail: String,
    /// What is wrong with each member of the body.
    pub errors: Vec<FieldError>,
    /// The row that stands in the way, as it is now.
    present: Option<Value>,
    /// Why, for the log alone.
    cause: Option<Cause>,
}

/// Why a request was not answered as asked: it goes with the response to whoever logs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause(pub String);

impl Problem {
    /// An error of a kind.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            present: None,
            cause: None,
        }
    }

    /// The body that programs get, of a request of that id.
    pub(crate) fn members<'p>(&'p self, request_id: &'p str) -> ProblemMembers<'p> {
        let status = self.code.status();
        ProblemMembers {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code: self.code.as_str(),
            detail: &self.detail,
            request_id,
            errors: &self.errors,
            present: self.present.as_ref(),
        }
    }

    /// Its answer, with the body that programs get, of a request of that id.
    pub(super) fn into_json(self, mut answer: Response, request_id: &str) -> Response {
        let body = Json(self.members(request_id));
        *answer.body_mut() = body.into_response().into_body();
        let headers = answer.headers_mut();
        // That of the answer without a body.
        headers.remove(header::CONTENT_LENGTH);
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        answer
    }

    /// The answer where a page is shown in its stead.
    pub(crate) fn into_page(self, page: impl IntoResponse) -> Response {
        let mut response = (self.code.status(), page).into_response();
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }

    /// The same, with the row that stands in the way.
    fn with_present(mut self, present: Option<Box<Record>>) -> Self {
        // A row without a JSON form is none that anybody could be shown.
        self.present = present.and_then(|row| serde_json::to_value(*row).ok());
        self
    }

    /// The same, said in other words.
    pub(crate) fn saying(self, detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            ..self
        }
    }

    /// The same, with its cause for the log.
    pub(crate) fn because(mut self, cause: impl ToString) -> Self {
        self.cause = Some(Cause(cause.to_string()));
        self
    }

    /// What a log says of it.
    pub(crate) fn for_the_log(&self) -> &str {
        self.cause
            .as_ref()
            .map_or(&self.detail, |Cause(cause)| cause)
    }

    /// A body that cannot be read, by the status that says why.
    pub(crate) fn of_body(why: StatusCode, detail: String) -> Self {
        let code = match why {
            StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
            _ => Code::BadRequest,
        };
        Self::new(code, detail)
    }

    /// A part of a request that cannot be read, by the member that is to blame where one is.
    pub(crate) fn unreadable(what: &str, member: &str, message: impl ToString) -> Self {
        let message = message.to_string();
        let member = member.trim_start_matches(['.', '?']);
        if let Some((member, message)) = member_at_fault(member, &message) {
            return Self {
                errors: vec![FieldError::new(&member, &*message)],
                ..Self::bad_request(format!("{what} cannot be read: {member}: {message}"))
            };
        }
        if member.is_empty() {
            return Self::bad_request(format!("{what} cannot be read: {message}"));
        }
        Self {
            errors: vec![FieldError::new(member, &*message)],
            ..Self::bad_request(format!("{what} cannot be read: {member}: {message}"))
        }
    }

    /// A request that cannot be read.
    pub(crate) fn bad_request(detail: impl ToString) -> Self {
        Self::new(Code::BadRequest, detail.to_string())
    }
}

/// The member that is missing, or that there may not be, and what to write; where the library that reads
/// bodies says so of the object around it.
fn member_at_fault(path: &str, message: &str) -> Option<(String, String)> {
    let within = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    if let Some(rest) = message.strip_prefix("missing field `") {
        let (name, _) = rest.split_once('`')?;
        return Some((within(name), "is needed".to_owned()));
    }
    let (name, rest) = message.strip_prefix("unknown field `")?.split_once('`')?;
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let message = match known.as_slice() {
        [] => "is not taken".to_owned(),
        known => format!("is not taken; write some of {}", known.join(", ")),
    };
    // The path ends in the member itself.
    let member = if path == name || path.ends_with(&format!(".{name}")) {
        path.to_owned()
    } else {
        within(name)
    };
    Some((member, message))
}

/// The members of `application/problem+json`.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemMembers<'p> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'p str,
    request_id: &'p str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'p [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    present: Option<&'p Value>,
}

impl IntoResponse for Problem {
    /// An answer whose body is still to be written: [`identify`](super::request_id::identify) writes it for programs, and
    /// where people look, a page says it instead.
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        let headers = response.headers_mut();
        if self.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let retry_after = match self.code {
            Code::Busy | Code::Unavailable => Some("1"),
            // A server takes minutes to start.
            Code::DatabaseAsleep => Some("60"),
            _ => None,
        };
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if let Some(cause) = self.cause.clone() {
            response.extensions_mut().insert(cause);
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_member_at_fault_is_named_in_plain_words() {
        let detail = |member: &str, message: &str| {
            let problem = Problem::unreadable("the body", member, message);
            let field = problem.errors.first().map(|error| error.field.clone());
            (field.unwrap_or_default(), problem.detail)
        };
        for (member, message, field, said) in [
            (
                "",
                "missing field `enabled` at line 1 column 2",
                "enabled",
                "the body cannot be read: enabled: is needed",
            ),
            (
                "on",
                "unknown field `on`, expected `enabled` or `every` at line 1 column 5",
                "on",
                "the body cannot be read: on: is not taken; write some of enabled, every",
            ),
            (
                "",
                "unknown field `on`, expected `enabled`",
                "on",
                "the body cannot be read: on: is not taken; write some of enabled",
            ),
            (
                "",
                "EOF while parsing",
                "",
                "the body cannot be read: EOF while parsing",
            ),
        ] {
            assert_eq!(detail(member, message), (field.to_owned(), said.to_owned()));
        }
    }
}

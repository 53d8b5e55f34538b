//! What requests carry, checked: query and body, with a [`Problem`] for what cannot be read.

use std::borrow::Cow;
use std::fmt;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use jiff::civil::Date;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::problem::{Code, Problem};
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

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parameters(parts, |_| true, &[]).map(Self)
    }
}

/// Reads those of the query's parameters whose names are to be read here. Others may be read elsewhere, which
/// callers are told of as well.
pub(super) fn parameters<T: DeserializeOwned>(
    parts: &Parts,
    is_read: impl Fn(&str) -> bool,
    others: &[&str],
) -> Result<T, Problem> {
    let query = parts.uri.query().unwrap_or_default();
    let mut text = form_urlencoded::Serializer::new(String::new());
    let pairs = form_urlencoded::parse(query.as_bytes());
    text.extend_pairs(pairs.filter(|(name, _)| is_read(name)));
    let text = text.finish();
    let pairs = form_urlencoded::parse(text.as_bytes());
    let read = serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs));
    read.map_err(|error| {
        let parameter = error.path().to_string();
        let mut message = error.inner().to_string();
        if message.starts_with("unknown field") {
            message.extend(others.iter().map(|other| format!(" or `{other}`")));
        }
        Problem::unreadable("the query", &parameter, message)
    })
}

/// What the path names, in the place of [`axum::extract::Path`], which answers with plain text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathOf<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        let Path(of) = path.map_err(|error| Problem::bad_request(error.body_text()))?;
        Ok(Self(of))
    }
}

/// A date as the API writes it, and in no other form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = Date)]
pub(crate) struct IsoDate(pub Date);

impl<'de> Deserialize<'de> for IsoDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        iso_date(&text).map(Self).map_err(D::Error::custom)
    }
}

/// A date written as `2025-11-28`.
///
/// # Errors
/// What to write.
pub(crate) fn iso_date(text: &str) -> Result<Date, &'static str> {
    let date = text.parse().ok();
    // No database knows a year before 1.
    let date = date.filter(|date: &Date| date.to_string() == text && date.year() > 0);
    date.ok_or("write a date as YYYY-MM-DD, like 2025-11-28")
}

/// The date in a request's path.
///
/// # Errors
/// A problem that says what to write.
pub(crate) fn date_of_path(text: &str) -> Result<Date, Problem> {
    iso_date(text).map_err(|what| Problem::unreadable("the path", "date", what))
}

/// A JSON body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "send the body with the header `Content-Type: application/json`";
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
        let body = Bytes::from_request(request, state).await;
        let body =
            body.map_err(|rejection| Problem::of_body(rejection.status(), rejection.body_text()))?;
        json(&body).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = header_text(headers, header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    kind == "application/json" || kind.starts_with("application/") && kind.ends_with("+json")
}

/// What a body of JSON says.
///
/// # Errors
/// A problem that names the member that cannot be read.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let member = error.path().to_string();
        Problem::unreadable("the body", &member, error.inner())
    })?;
    let ended = deserializer.end();
    ended.map_err(|error| Problem::unreadable("the body", "", error))?;
    Ok(read)
}

/// The members of a JSON object, each there once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Members(pub Map<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Members, A::Error> {
        let mut members = Map::new();
        while let Some((name, value)) = object.next_entry::<String, Value>()? {
            if members.contains_key(&name) {
                let twice = format!("the member {name:?} is there twice");
                return Err(A::Error::custom(twice));
            }
            members.insert(name, value);
        }
        Ok(Members(members))
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

/// The dates of a list: one, or `from` and `to`.
///
/// # Errors
/// A problem that says what to write.
pub(crate) fn dates(
    date: Option<IsoDate>,
    range: RangeParams,
    otherwise: Date,
) -> Result<DateRange, Problem> {
    match (date, range.range()?) {
        (Some(_), Some(_)) => Err(Problem::bad_request(
            "write a date, or from and to, not both",
        )),
        (Some(IsoDate(date)), None) => Ok(DateRange::day(date)),
        (None, range) => Ok(range.unwrap_or(DateRange::day(otherwise))),
    }
}

/// `from` and `to`, both or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct RangeParams {
    /// The first date.
    pub from: Option<IsoDate>,
    /// The last date.
    pub to: Option<IsoDate>,
}

impl RangeParams {
    /// The range asked for; `None` where none is.
    ///
    /// # Errors
    /// A problem that says what to write.
    pub(crate) fn range(self) -> Result<Option<DateRange>, Problem> {
        match (self.from, self.to) {
            (None, None) => Ok(None),
            (Some(IsoDate(from)), Some(IsoDate(to))) => DateRange::new(from, to)
                .map(Some)
                .map_err(Problem::bad_request),
            _ => Err(Problem::bad_request(
                "write both from and to, as YYYY-MM-DD, or neither",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_one_form() {
        assert!(iso_date("2025-11-28").is_ok());
        for other in [
            "2025-11-28T00:00",
            " 2025-11-28",
            "2025-11-28 ",
            "20251128",
            "+002025-11-28",
            "2025-11-28[UTC]",
            "2025-2-1",
            "2025-02-30",
            "0000-01-01",
            "-000001-01-01",
            "",
        ] {
            assert!(iso_date(other).is_err(), "{other:?}");
        }
    }

    #[test]
    fn a_member_is_there_once() {
        let twice = json::<Members>(br#"{"date":"2025-11-28","time":"10:00","date":"2025-11-29"}"#);
        let detail = twice.unwrap_err().detail;
        assert!(
            detail.contains(r#"the member "date" is there twice"#),
            "{detail}"
        );
        assert!(json::<Members>(br#"{"date":1}"#).is_ok());
        assert!(json::<Members>(b"{} {}").is_err());
        assert!(json::<Members>(b"[]").is_err());
    }
}

//! A request as API Gateway and function URLs send it, and its answer as they take it.
//!
//! Read and written here and not by `lambda_http`: that takes a byte-order mark off a CSV, and panics
//! over a path that is no address.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::http::header::{COOKIE, HOST, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Value, json};

use super::runtime_api::Answer;
use crate::http::problem::{Code, Problem};
use crate::http::server;

/// The longest body of an answer; as base64 it is the most that the runtime takes.
const MAX_BODY_BYTES: usize = 4_600_000;

/// A request of payload 1.0 or 2.0, as far as it is used. What is absent may also be `null`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpEvent {
    request_context: RequestContext,
    http_method: Option<String>,
    path: Option<String>,
    raw_path: Option<String>,
    query_string_parameters: Option<BTreeMap<String, String>>,
    multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
    raw_query_string: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    cookies: Option<Vec<String>>,
    body: Option<Value>,
    is_base64_encoded: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    http: Option<HttpContext>,
    stage: Option<String>,
    domain_name: Option<String>,
}

#[derive(Deserialize)]
struct HttpContext {
    method: String,
}

/// The payload's version, which its answer has as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    V1,
    V2,
}

impl HttpEvent {
    pub(super) fn form(&self) -> Form {
        match self.request_context.http {
            Some(_) => Form::V2,
            None => Form::V1,
        }
    }

    /// The request for the router.
    ///
    /// # Errors
    /// What it is that is no HTTP.
    pub(super) fn into_request(self) -> Result<Request<Body>, Problem> {
        let form = self.form();
        let wrong = |what: &str, error: &dyn std::fmt::Display| {
            Problem::bad_request(format!("{what} cannot be read: {error}"))
        };
        let method = match (&self.request_context.http, &self.http_method) {
            (Some(http), _) => http.method.as_bytes(),
            (None, method) => method.as_deref().unwrap_or_default().as_bytes(),
        };
        let method = Method::from_bytes(method).map_err(|error| wrong("the method", &error))?;
        let headers = self.header_map();
        let headers =
            headers.map_err(|(name, error)| wrong(&format!("the header {name}"), &error))?;
        let (path, query) = match form {
            Form::V1 => (self.path.as_deref().unwrap_or_default(), self.query()),
            Form::V2 => (self.path_without_stage(), self.raw_query_string.clone()),
        };
        let mut address = as_path(path);
        if let Some(query) = query.filter(|query| !query.is_empty()) {
            address = format!("{address}?{query}");
        }
        let is_base64 = self.is_base64_encoded == Some(true);
        let body = match self.body {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) if is_base64 => BASE64
                .decode(text)
                .map_err(|error| wrong("the body", &error))?,
            Some(Value::String(text)) => text.into_bytes(),
            // As whoever invokes the function by hand may write it.
            Some(json) => json.to_string().into_bytes(),
        };
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = address.parse().map_err(|error| wrong("the path", &error))?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn header_map(&self) -> Result<HeaderMap, (String, String)> {
        let mut map = HeaderMap::new();
        let mut add = |name: &str, value: &str| -> Result<(), (String, String)> {
            let failed = |error: &dyn std::fmt::Display| (name.to_owned(), error.to_string());
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|error| failed(&error))?;
            let value =
                HeaderValue::from_bytes(value.as_bytes()).map_err(|error| failed(&error))?;
            map.append(key, value);
            Ok(())
        };
        match self
            .multi_value_headers
            .as_ref()
            .filter(|of| !of.is_empty())
        {
            Some(headers) => {
                for (name, values) in headers {
                    values.iter().try_for_each(|value| add(name, value))?;
                }
            }
            None => {
                for (name, value) in self.headers.iter().flatten() {
                    add(name, value)?;
                }
            }
        }
        let cookies = self.cookies.as_ref().filter(|cookies| !cookies.is_empty());
        if let Some(cookies) = cookies {
            add(COOKIE.as_str(), &cookies.join("; "))?;
        }
        if let Some(domain) = self.request_context.domain_name.as_ref()
            && !map.contains_key(HOST)
            && let Ok(domain) = HeaderValue::from_str(domain)
        {
            map.insert(HOST, domain);
        }
        Ok(map)
    }

    /// The query of payload 1.0, which has it in parts, decoded.
    fn query(&self) -> Option<String> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        match self.multi_value_query_string_parameters.as_ref() {
            Some(many) if !many.is_empty() => {
                for (name, values) in many {
                    query.extend_pairs(values.iter().map(|value| (name, value)));
                }
            }
            _ => {
                query.extend_pairs(self.query_string_parameters.iter().flatten());
            }
        }
        Some(query.finish())
    }

    /// The path of payload 2.0, which begins with the stage unless that is `$default`.
    fn path_without_stage(&self) -> &str {
        let path = self.raw_path.as_deref().unwrap_or_default();
        let stage = self.request_context.stage.as_deref().unwrap_or("$default");
        let rest = path
            .strip_prefix('/')
            .and_then(|path| path.strip_prefix(stage));
        match rest {
            Some("") => "/",
            Some(rest) if rest.starts_with('/') => rest,
            _ => path,
        }
    }
}

/// A path in which only what may not stand in an address is encoded: API Gateway decodes some of it.
fn as_path(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        encoded.push('/');
    }
    for byte in path.bytes() {
        match byte {
            b'"' | b'#' | b'<' | b'>' | b'?' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                encoded += &format!("%{byte:02X}");
            }
            b'!'..=b'~' => encoded.push(char::from(byte)),
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}

/// The answer as API Gateway and function URLs take it.
pub(super) async fn answer(form: Form, response: Response<Body>) -> Answer {
    if let Some(answer) = written(form, response).await {
        return answer;
    }
    let detail =
        "the answer has more than a function may send (4.6 MB): ask for less, or accept gzip";
    refuse(form, Problem::new(Code::TooLarge, detail)).await
}

/// The answer to a request that no router sees.
pub(super) async fn refuse(form: Form, problem: Problem) -> Answer {
    let response = server::refuse(problem, Request::default()).await;
    written(form, response)
        .await
        .unwrap_or_else(Answer::nothing)
}

/// `None`: it is too large.
async fn written(form: Form, response: Response<Body>) -> Option<Answer> {
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_BODY_BYTES).await.ok()?;
    let (body, is_base64) = match std::str::from_utf8(&body) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (BASE64.encode(&body), true),
    };
    let status = parts.status.as_u16();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let answer = match form {
        Form::V1 => {
            let mut headers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
            for (name, value) in &parts.headers {
                headers.entry(name.as_str()).or_default().push(text(value));
            }
            json!({ "statusCode": status, "multiValueHeaders": headers, "body": body, "isBase64Encoded": is_base64 })
        }
        Form::V2 => {
            let cookies = parts.headers.get_all(SET_COOKIE).iter().map(text);
            let cookies: Vec<String> = cookies.collect();
            parts.headers.remove(SET_COOKIE);
            let mut headers: BTreeMap<&str, String> = BTreeMap::new();
            for (name, value) in &parts.headers {
                let joined = headers.entry(name.as_str()).or_default();
                if !joined.is_empty() {
                    joined.push_str(", ");
                }
                joined.push_str(&text(value));
            }
            json!({ "statusCode": status, "headers": headers, "cookies": cookies, "body": body, "isBase64Encoded": is_base64 })
        }
    };
    let answer = Answer::Done(answer.to_string());
    (!answer.is_too_large()).then_some(answer)
}

#[cfg(test)]
mod tests;

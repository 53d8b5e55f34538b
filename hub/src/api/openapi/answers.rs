//! What operations have in common: refusals by status with an example for each code, headers, and who may call.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::http::problem::{Code, Problem};
use crate::services::error::ServiceError;
use crate::services::field_error::{FieldError, Wrong};

/// What is refused before a handler is asked.
const OF_ALL: [StatusCode; 3] = [
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];
const OF_CALLERS: [StatusCode; 3] = [
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
];
const OF_BODIES: [StatusCode; 2] = [StatusCode::REQUEST_TIMEOUT, StatusCode::PAYLOAD_TOO_LARGE];

/// What `If-Match` may hold.
const ETAGS: &str = "^(\\*|\"[0-9a-f]{32}\"(, *\"[0-9a-f]{32}\")*)$";

/// The name of the answer by which a status is told.
fn name(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("Other");
    reason.replace(' ', "")
}

/// Says of an operation how it refuses, and shows an example of what it takes and answers.
pub(super) fn complete(operation: &mut Value, is_open: bool, example: Option<&Value>) {
    let of = |name: &str| example.and_then(|example| example.get(name));
    let has_body = operation.get("requestBody").is_some();
    if has_body {
        operation["requestBody"]["required"] = true.into();
        if let Some(contents) = operation["requestBody"]["content"].as_object_mut() {
            for (kind, content) in contents {
                show(content, of(&format!("body {kind}")).or(of("body")));
            }
        }
    }
    let mut names_something = false;
    for parameter in operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        names_something |= parameter["in"] == "path";
        if parameter["name"] == "If-Match" {
            parameter["schema"] = json!({"type": "string", "pattern": ETAGS});
            parameter["description"] =
                "The row's `ETag`: it is changed only if it is still the same.".into();
        }
    }
    let Some(responses) = operation["responses"].as_object_mut() else {
        return;
    };
    let mut refusals = OF_ALL.to_vec();
    if !is_open {
        refusals.extend(OF_CALLERS);
    }
    if has_body {
        refusals.extend(OF_BODIES);
    }
    if names_something {
        refusals.push(StatusCode::NOT_FOUND);
    }
    for status in refusals {
        responses.entry(status.as_str()).or_insert(Value::Null);
    }
    for (status, response) in responses {
        let status = StatusCode::from_bytes(status.as_bytes()).unwrap_or_default();
        if status.is_success() {
            let example = of(&format!("answer_{}", status.as_str()));
            succeed(response, example.or(of("answer")));
        } else {
            *response = json!({"$ref": format!("#/components/responses/{}", name(status))});
        }
    }
}

fn succeed(response: &mut Value, example: Option<&Value>) {
    if let Some(json) = response.pointer_mut("/content/application~1json") {
        show(json, example);
    }
    for header in ["X-Request-Id", "X-Causeway-Database"] {
        response["headers"][header] = json!({"$ref": format!("#/components/headers/{header}")});
    }
}

fn show(content: &mut Value, example: Option<&Value>) {
    if let Some(example) = example {
        content["example"] = example.clone();
    }
}

/// The headers of answers.
pub(super) fn headers() -> Value {
    json!({"X-Request-Id": {
        "description": "The request's id: the caller's, where it can be taken, or a fresh one.",
        "required": true,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
        "example": "job-7",
    }, "X-Causeway-Database": {
        "description": "There while the database sleeps or does not answer: the answer was made from the store.",
        "required": false,
        "schema": {"type": "string", "enum": ["asleep"]},
    }})
}

/// What a problem is.
pub(super) fn schemas() -> Map<String, Value> {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let problem = json!({
        "type": "object",
        "description": "Why a request was not answered as asked (RFC 9457).",
        "required": ["type", "title", "status", "code", "detail", "request_id"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": codes, "description": "Does not change from version to version."},
            "detail": {"type": "string", "description": "What went wrong this time, and what to do."},
            "request_id": {"type": "string", "description": "Names the request in the hub's log."},
            "errors": {
                "type": "array",
                "description": "What is wrong with each member.",
                "items": {"type": "object", "required": ["field", "message"],
                    "properties": {"field": {"type": "string"}, "message": {"type": "string"}}},
            },
            "present": {"description": "What stands in the way, as it is now."},
        },
    });
    Map::from_iter([("Problem".to_owned(), problem)])
}

/// The refusals by their names, with an example for each code.
pub(super) fn responses() -> Value {
    let mut responses = Map::new();
    for code in Code::ALL {
        let status = code.status();
        let response = responses.entry(name(status)).or_insert_with(|| {
            let mut headers = json!({"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}});
            if status == StatusCode::SERVICE_UNAVAILABLE {
                headers["Retry-After"] = json!({"schema": {"type": "integer"}, "description": "In how many seconds to try again."});
            }
            json!({"headers": headers, "content": {"application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}}})
        });
        let meaning = format!("`{}`: {}", code.as_str(), meaning(code));
        let description = match response["description"].as_str() {
            Some(others) => format!("{others}; {meaning}"),
            None => meaning,
        };
        response["description"] = description.into();
        let examples = &mut response["content"]["application/problem+json"]["examples"];
        examples[code.as_str()] = json!({"value": example(code)});
    }
    responses.into()
}

/// When a code is told.
fn meaning(code: Code) -> &'static str {
    match code {
        Code::BadRequest => {
            "a parameter or the body cannot be read; `errors` names it, where one is to blame"
        }
        Code::Unauthorized => "no token, or one that is not valid",
        Code::Forbidden => {
            "the token does not allow this, or another site's page made a browser ask"
        }
        Code::NotFound => "no such site or row, or no site with MeetAssist's tables",
        Code::MethodNotAllowed => "the address does not take this method",
        Code::TooLarge => "the body is longer than is taken",
        Code::NoRoom => "the hub's folder for temporary files takes no more",
        Code::RequestTimeout => "the body did not come in time",
        Code::UnsupportedMediaType => "the body is of another type than is taken",
        Code::RangeTooLong => "more days than one answer holds",
        Code::Invalid => "values that cannot be taken; `errors` names each",
        Code::SiteRequired => "several sites are known, and none is named",
        Code::Clash => "another row has what was asked for; `present` is that row",
        Code::Changed => "it is not what it was any more; `present` is how it is now",
        Code::NotAllowedNow => {
            "the present state does not allow it; `present` is what stands in the way"
        }
        Code::NoUploads => "the store is a folder, which takes no uploads; send the file itself",
        Code::ReadOnly => "this database takes no writes; `detail` says which one does",
        Code::DatabaseAsleep => "the database sleeps; reads are answered, writes once it is woken",
        Code::Internal => "a mistake in the hub; its log says more",
        Code::Unavailable => "the database or the store cannot be used now",
        Code::Busy => "more at once than is taken",
        Code::Timeout => "the answer took too long",
    }
}

/// A problem of each code.
fn example(code: Code) -> Value {
    let present = || json!({"site": "hcm-01", "appointmentid": 7, "status": "confirmed"});
    let detail = match code {
        Code::BadRequest => "the query cannot be read: limit: invalid digit found in string",
        Code::Unauthorized => {
            "send a valid token as `Authorization: Bearer TOKEN`; `causeway-hub token create` makes one"
        }
        Code::Forbidden => "a token of role viewer does not allow this",
        Code::NotFound => "there is no appointment 9",
        Code::MethodNotAllowed => "this address does not take this method",
        Code::TooLarge => "length limit exceeded",
        Code::NoRoom => "there is no room for the file",
        Code::RequestTimeout => "no body within 10 seconds",
        Code::UnsupportedMediaType => {
            "send the body with the header `Content-Type: application/json`"
        }
        Code::RangeTooLong => {
            "90 days are too many; at most 62 at a time ([window] on_demand_days)"
        }
        Code::Invalid => "fullname must not be empty",
        Code::SiteRequired => "name the site: write site=hcm-01 or site=hcm-02",
        Code::Clash => "another appointment has this consultant at this time",
        Code::Changed => "the row is not any more what it was",
        Code::NotAllowedNow => "only a pending appointment can be confirmed",
        Code::NoUploads => {
            "the store is a folder, which takes no uploads: send the file itself to POST /api/v1/imports"
        }
        Code::ReadOnly => "this database takes no writes; another one owns the site's edits",
        Code::DatabaseAsleep => "the database sleeps and takes no changes; an admin wakes it",
        Code::Internal => "the run stopped; see the hub's log",
        Code::Unavailable => "the database or the store cannot be reached now; see the hub's log",
        Code::Busy => "too many requests at once; try again in a moment",
        Code::Timeout => "no answer within 30 seconds",
    };
    let problem = match code {
        Code::Invalid => {
            let what = FieldError::new("fullname", Wrong::Empty);
            Problem::from(ServiceError::Invalid(vec![what]))
        }
        code => Problem::new(code, detail),
    };
    let mut example = json!(problem.members("job-7"));
    if matches!(code, Code::Clash | Code::Changed | Code::NotAllowedNow) {
        example["present"] = present();
    }
    example
}

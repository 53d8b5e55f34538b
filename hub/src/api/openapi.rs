//! The API's OpenAPI document: what the handlers' annotations say, and what all of them share.
//!
//! An annotation names what is its handler's own: parameters, bodies, and by which statuses it refuses. What a status of
//! refusal means, who may call, examples, and rows by their dataset are added here, once for all.

mod answers;
mod rows;

use std::sync::LazyLock;

use axum::Json;
use causeway_shared::dataset::{Dataset, DatasetError};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::rows::RESOURCES;
use crate::http::callers::COOKIE;
use crate::http::health::HealthDocument;
use crate::http::problem::{Code, Problem};
use crate::services::rows::Resource;

/// What may be sent to an operation, and what it answers then, by its id.
const EXAMPLES: &str = include_str!("openapi/examples.json");

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenApiError {
    #[error("the dataset of MeetAssist cannot be read: {0}")]
    Dataset(#[from] DatasetError),
    #[error("the document is no JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<&OpenApiError> for Problem {
    fn from(error: &OpenApiError) -> Self {
        Self::new(
            Code::Internal,
            "the document of the API cannot be made; see the hub's log",
        )
        .because(error)
    }
}

static DOCUMENT: LazyLock<Result<Value, OpenApiError>> = LazyLock::new(make);

/// The document.
///
/// # Errors
/// [`OpenApiError`]: a mistake in this program.
pub(crate) fn document() -> Result<&'static Value, &'static OpenApiError> {
    DOCUMENT.as_ref()
}

/// The document as `docs/openapi.json` has it.
///
/// # Errors
/// [`OpenApiError`]: a mistake in this program.
pub(crate) fn text() -> Result<String, &'static OpenApiError> {
    // `{:#}` of JSON is JSON, on lines.
    Ok(format!("{:#}\n", document()?))
}

/// Read this document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    security(()),
    responses((status = 200, body = Object)),
)]
pub(super) async fn served() -> Result<Json<&'static Value>, Problem> {
    Ok(Json(document()?))
}

fn make() -> Result<Value, OpenApiError> {
    let mut annotated = super::Annotated::openapi();
    annotated.merge(HealthDocument::openapi());
    #[cfg(feature = "import")]
    annotated.merge(super::imports::ImportsDocument::openapi());
    let mut document = serde_json::to_value(annotated)?;
    let examples: Map<String, Value> = serde_json::from_str(EXAMPLES)?;
    document["info"] = json!({
        "title": "Causeway",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "The admin API of MeetAssist's data. `docs/api.md` tells it with examples for curl. \
            A request may have an id, `X-Request-Id`, which the answer and the hub's log have as well.",
        "license": {"name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE")},
    });
    document["servers"] = json!([{"url": "/"}]);
    let mut paths = Map::new();
    for (path, item) in members(document["paths"].take()) {
        for (path, item) in for_each_resource(path, item) {
            paths.insert(path.clone(), finished(&path, item, &examples));
        }
    }
    document["paths"] = paths.into();
    name_schemas(&mut document["paths"]);
    plain(&mut document["components"]);
    let dataset = Dataset::meetassist()?;
    let components = &mut document["components"];
    extend(&mut components["schemas"], rows::schemas(&dataset));
    extend(&mut components["schemas"], answers::schemas());
    components["responses"] = answers::responses();
    components["headers"] = answers::headers();
    components["securitySchemes"] = json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "A token of `causeway-hub token create`."},
        "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE,
            "description": "The session of somebody who signed in to the dashboard."},
    });
    Ok(document)
}

fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn extend(object: &mut Value, more: Map<String, Value>) {
    if let Value::Object(members) = object {
        members.extend(more);
    }
}

/// Annotations name schemas that are made here without saying where they are.
fn name_schemas(of: &mut Value) {
    match of {
        Value::Object(members) => {
            if let Some(Value::String(name)) = members.get_mut("$ref")
                && !name.starts_with('#')
            {
                *name = format!("#/components/schemas/{name}");
            }
            members.values_mut().for_each(name_schemas);
        }
        Value::Array(values) => values.iter_mut().for_each(name_schemas),
        _ => {}
    }
}

/// Descriptions are comments on code, which have a few words of its own.
fn plain(of: &mut Value) {
    match of {
        Value::Object(members) => {
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = text
                    .replace("`None`", "null")
                    .replace("[`", "`")
                    .replace("`]", "`");
            }
            members.values_mut().for_each(plain);
        }
        Value::Array(values) => values.iter_mut().for_each(plain),
        _ => {}
    }
}

/// A path of rows as it is for each resource; any other is itself.
fn for_each_resource(path: String, item: Value) -> Vec<(String, Value)> {
    if !path.contains("{resource}") {
        return vec![(path, item)];
    }
    let of = |resource: &&'static Resource| {
        let schema = rows::name_of(resource);
        let key = if schema == "Customer" { "c1" } else { "1" };
        let item = item.to_string();
        let item = item.replace("\"$ref\":\"Row", &format!("\"$ref\":\"{schema}"));
        let item = item.replace("the rows", &format!("the {}", resource.name()));
        let item = item.replace("a row", &format!("a {}", schema.to_lowercase()));
        let item = item.replace("{key}", key);
        let path = path.replace("{resource}", resource.name());
        // What was JSON is JSON, whatever name stands in it.
        (path, serde_json::from_str(&item).unwrap_or_default())
    };
    RESOURCES.iter().map(of).collect()
}

/// A path's operations with what their annotations leave out.
fn finished(path: &str, item: Value, examples: &Map<String, Value>) -> Value {
    let mut item = members(item);
    for method in METHODS {
        let Some(operation) = item.get_mut(method) else {
            continue;
        };
        let id = operation_id(method, path);
        operation["tags"] = json!([tag(path)]);
        // What an annotation says of security is that nobody has to sign in.
        let is_open = operation.get("security").is_some();
        operation["security"] = match is_open {
            true => json!([]),
            false => json!([{"bearer": []}, {"cookie": []}]),
        };
        answers::complete(operation, is_open, examples.get(&id));
        operation["operationId"] = id.into();
    }
    item.into()
}

/// A name for an operation: `get_appointments_id`.
fn operation_id(method: &str, path: &str) -> String {
    let path = path.trim_start_matches("/api/v1");
    let parts = path
        .split(['/', '{', '}', '.'])
        .filter(|part| !part.is_empty());
    [method]
        .into_iter()
        .chain(parts)
        .collect::<Vec<_>>()
        .join("_")
}

/// What an operation is about.
fn tag(path: &str) -> &str {
    let Some(path) = path.strip_prefix("/api/v1/") else {
        return "monitoring";
    };
    path.split(['/', '.']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests;

//! The document against the router, and against the file that is checked in.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};

use super::*;
use crate::api::ROUTES;
use crate::serve::testbed::{Testbed, json_of};

/// Every documented path and method.
fn documented() -> BTreeSet<(String, String)> {
    let paths = document().unwrap()["paths"].as_object().unwrap();
    let methods = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        item.keys().map(|method| (path.clone(), method.clone()))
    });
    methods.collect()
}

/// Every path and method that is written down where routes are made.
fn routed() -> BTreeSet<(String, String)> {
    let of_rows = RESOURCES.iter().flat_map(|resource| {
        let path = format!("/api/v1/{}", resource.name());
        let one = format!("{path}/{{id}}");
        let methods = [
            (&path, "get"),
            (&path, "post"),
            (&one, "get"),
            (&one, "patch"),
            (&one, "delete"),
        ];
        methods.map(|(path, method)| (path.clone(), method.to_owned()))
    });
    let others = [
        ("/healthz", "get"),
        ("/readyz", "get"),
        ("/metrics", "get"),
        ("/api/v1/imports", "post"),
        ("/api/v1/imports/{id}", "get"),
        ("/api/v1/imports/uploads", "post"),
    ];
    let others = ROUTES.iter().chain(&others);
    let others = others.map(|(path, method)| ((*path).to_owned(), (*method).to_owned()));
    of_rows.chain(others).collect()
}

#[test]
fn the_file_is_what_the_program_prints() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let (file, text) = (std::fs::read_to_string(file).unwrap(), text().unwrap());
    assert!(
        file == text,
        "run `causeway-hub openapi > docs/openapi.json`"
    );
}

#[test]
fn every_route_is_documented() {
    assert_eq!(documented(), routed());
}

/// What somebody without a token gets.
async fn answer_to_nobody(bed: &Testbed, path: &str, method: &str) -> StatusCode {
    let address = path.replace("{date}", "2025-11-28").replace("{id}", "1");
    let request = Request::builder()
        .method(method.to_ascii_uppercase().as_str())
        .uri(address);
    let answer = bed.send(request.body(Body::empty()).unwrap()).await;
    answer.status
}

#[tokio::test]
async fn every_documented_operation_is_served() {
    let bed = Testbed::new().await;
    for (path, method) in documented() {
        let status = answer_to_nobody(&bed, &path, &method).await;
        assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert_ne!(status, StatusCode::NOT_FOUND, "{method} {path}");
    }
}

#[tokio::test]
async fn nothing_of_the_api_but_its_document_is_answered_without_a_token() {
    let bed = Testbed::new().await;
    let of_api = documented()
        .into_iter()
        .filter(|(path, _)| path.starts_with("/api/"));
    for (path, method) in of_api.filter(|(path, _)| path != "/api/v1/openapi.json") {
        let status = answer_to_nobody(&bed, &path, &method).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
}

#[tokio::test]
async fn the_document_is_served_to_everybody() {
    let bed = Testbed::new().await;
    let request = Request::get("/api/v1/openapi.json").body(Body::empty());
    let answer = bed.send(request.unwrap()).await;
    assert_eq!(json_of(&answer)["openapi"], "3.1.0");
}

#[test]
fn every_answer_and_every_code_has_an_example() {
    let document = document().unwrap();
    for (path, method) in documented() {
        let responses = &document["paths"][path.as_str()][method.as_str()]["responses"];
        for (status, response) in responses.as_object().unwrap() {
            if let Some(json) = response.pointer("/content/application~1json") {
                assert!(json.get("example").is_some(), "{method} {path} {status}");
            }
        }
    }
    let refusals = document["components"]["responses"].to_string();
    for code in crate::http::problem::Code::ALL {
        assert!(refusals.contains(&format!("\"code\":\"{}\"", code.as_str())));
    }
}

/// Operations that need more than a day of rows.
const OTHERS: [&str; 7] = [
    "get_openapi_json",
    "post_imports",
    "post_imports_uploads",
    "get_imports_id",
    // A server that can be stopped.
    "post_database_sleep",
    "post_sync_conflicts_id",
    "post_sync_edits_undo",
];

/// Operations that list what a day of one site has none of.
const LISTS_OF_NONE: [&str; 7] = [
    "get_archive",
    "get_stats_programs",
    "get_sync",
    "get_sync_conflicts",
    "get_sync_edits",
    "get_sync_quarantine",
    "put_archive_schedule",
];

/// Whether two texts of JSON have the same members, of the same types; a list without entries is like one with
/// some only where it `may_be_empty`.
fn is_alike(one: &Value, other: &Value, may_be_empty: bool) -> bool {
    match (one, other) {
        (Value::Null, _) | (_, Value::Null) => true,
        // Of what is named by tables or sites there may be none.
        (Value::Object(one), Value::Object(other)) if one.is_empty() || other.is_empty() => true,
        (Value::Object(one), Value::Object(other)) => {
            one.keys().eq(other.keys())
                && one
                    .iter()
                    .all(|(name, of_one)| is_alike(of_one, &other[name], may_be_empty))
        }
        (Value::Array(one), Value::Array(other)) => {
            let mut entries = one.iter().zip(other);
            (may_be_empty || one.is_empty() == other.is_empty())
                && entries.all(|(one, other)| is_alike(one, other, may_be_empty))
        }
        (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

#[tokio::test]
async fn examples_are_like_what_the_hub_answers() {
    let mut wrong = Map::new();
    for (path, method) in documented() {
        let operation = &document().unwrap()["paths"][path.as_str()][method.as_str()];
        let id = operation["operationId"].as_str().unwrap();
        if OTHERS.contains(&id) || path == "/metrics" {
            continue;
        }
        let mut address = path.clone();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let example = parameter["example"].to_string();
            let name = format!("{{{}}}", parameter["name"].as_str().unwrap());
            address = address.replace(&name, example.trim_matches('"'));
        }
        let body = operation.pointer("/requestBody/content/application~1json/example");
        let body = body.map(Value::to_string).unwrap_or_default();
        let bed = Testbed::with_a_day(&["hcm-01"]).await;
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
        let answer = bed.call(method, &bed.admin, &address, &body).await;
        let json = json_of(&answer);
        let pointer = format!(
            "/responses/{}/content/application~1json/example",
            answer.status.as_u16()
        );
        let example = operation.pointer(&pointer);
        let may_be_empty = LISTS_OF_NONE.contains(&id);
        if !example.is_some_and(|example| is_alike(example, &json, may_be_empty)) {
            wrong.insert(id.to_owned(), json);
        }
    }
    assert!(wrong.is_empty(), "{:#}", Value::from(wrong));
}

#[test]
fn rows_are_as_the_dataset_declares_them() {
    let schemas = &document().unwrap()["components"]["schemas"];
    let appointment = &schemas["Appointment"]["properties"];
    assert_eq!(appointment["customerid"]["maxLength"], 50);
    assert_eq!(
        appointment["consultantid"]["type"],
        json!(["integer", "null"])
    );
    let statuses = json!(["pending", "confirmed", "completed", "cancelled"]);
    assert_eq!(appointment["status"]["enum"], statuses);
    assert_eq!(
        schemas["CustomerNew"]["required"],
        json!(["fullname", "email"])
    );
}

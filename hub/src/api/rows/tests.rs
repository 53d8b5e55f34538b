//! Each resource that is kept by its key, as callers list, create, change and disable its rows. What is
//! tried with a column follows from its declaration.
//!
//! On SQLite alone: the SQL of both databases is held to one suite (`db/conformance.rs`).

mod refusals;

use axum::http::{Method, header};
use causeway_shared::dataset::{Column, Dataset};
use causeway_shared::value::Type;
use serde_json::json;

use super::*;
use crate::serve::testbed::{Answer, Testbed, json_of, refusal, refused};
use crate::services::consultants::CONSULTANTS;
use crate::services::customers::CUSTOMERS;
use crate::services::programs::PROGRAMS;

const HOSTILE: &str = "'); DROP TABLE x; -- <script>alert(1)</script> \\ % é";

/// Each resource, and a row that it takes.
fn resources() -> Vec<(&'static Resource, Value)> {
    vec![
        (
            &CUSTOMERS,
            json!({"fullname": "Đỗ Hạnh", "email": "hanh@example.vn", "phonenumber": "0911 222 333",
                   "dateofbirth": "1990-02-28", "notes": "line\nline", "isdisabled": false}),
        ),
        (
            &CONSULTANTS,
            json!({"fullname": "Võ Giang", "email": "giang@example.vn", "phonenumber": "0911 222 333",
                   "imageurl": "https://example.vn/g.png", "specialties": "thuế\nluật",
                   "qualifications": "MBA", "joindate": "2024-02-29", "isdisabled": false}),
        ),
        (
            &PROGRAMS,
            json!({"programname": "Ngày hội", "date": "2026-02-28", "status": "upcoming",
                   "organizer": "Đoàn", "url": "https://example.vn", "description": "a", "content": "b\nc",
                   "isdisabled": false}),
        ),
    ]
}

fn columns(resource: &Resource) -> Vec<Column> {
    let dataset = Dataset::meetassist().unwrap();
    let table = dataset.table(resource.table()).unwrap();
    let settable = resource.settable().iter();
    settable
        .map(|name| table.columns[table.column(name).unwrap()].clone())
        .collect()
}

fn path(resource: &Resource) -> String {
    format!("/api/v1/{}", resource.name())
}

async fn call(bed: &Testbed, method: Method, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    bed.call(method, &bed.admin, path, &body).await
}

async fn create(bed: &Testbed, resource: &Resource, row: &Value) -> Value {
    let answer = call(bed, Method::POST, &path(resource), row).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    json_of(&answer)
}

/// The address of a row, which has no site where one is known.
fn address(resource: &Resource, row: &Value) -> String {
    let key = &row[resource.key()];
    let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
    format!("{}/{key}", path(resource))
}

async fn total(bed: &Testbed, resource: &Resource, query: &str) -> u64 {
    let listed = json_of(&bed.get(&format!("{}{query}", path(resource))).await);
    listed["total"].as_u64().unwrap()
}

#[tokio::test]
async fn a_row_is_created_changed_and_disabled() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    for (resource, valid) in resources() {
        let before = total(&bed, resource, "").await;
        let created = create(&bed, resource, &valid).await;
        for (name, value) in valid.as_object().unwrap() {
            assert_eq!(created[name], *value, "{name}");
        }
        assert_eq!(
            (&created["site"], &created["flushed"]),
            (&json!("hcm-01"), &json!(true))
        );
        assert_eq!(total(&bed, resource, "").await, before + 1);
        let address = address(resource, &created);
        let read = json_of(&bed.get(&address).await);
        for column in columns(resource) {
            let name = column.name.as_str();
            assert_eq!(read[name], valid[name], "{name}");
            // One at a time, and the others stay.
            let value = match column.ty {
                Type::Text if !column.values.is_empty() => json!(column.values[1]),
                Type::Text | Type::Phone => json!(HOSTILE),
                Type::Date => json!("2000-02-29"),
                Type::Bool => json!(true),
                _ => json!(7),
            };
            let answer = call(&bed, Method::PATCH, &address, &json!({name: value})).await;
            assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.body);
            let changed = json_of(&bed.get(&address).await);
            let mut expected = read.clone();
            expected[name] = value;
            assert_eq!(changed, expected, "{name}");
            let back = json!({name: read[name]});
            assert_eq!(
                call(&bed, Method::PATCH, &address, &back).await.status,
                StatusCode::OK
            );
            if !column.not_null {
                let answer = call(&bed, Method::PATCH, &address, &json!({name: null})).await;
                assert_eq!(json_of(&answer)[name], Value::Null, "{}", answer.body);
                call(&bed, Method::PATCH, &address, &back).await;
            }
        }
        assert_eq!(json_of(&bed.get(&address).await), read);
        let active = total(&bed, resource, "?isdisabled=false").await;
        for _ in 0..2 {
            let answer = call(&bed, Method::DELETE, &address, &Value::Null).await;
            assert_eq!(json_of(&answer)["isdisabled"], true, "{}", answer.body);
        }
        assert_eq!(total(&bed, resource, "?isdisabled=false").await, active - 1);
        assert_eq!(total(&bed, resource, "").await, before + 1, "it stays");
    }
}

#[tokio::test]
async fn rows_of_several_sites_are_listed_and_changed_by_site() {
    let bed = Testbed::with_a_day(&["hcm-01", "hcm-02"]).await;
    for (resource, valid) in resources() {
        let answer = call(&bed, Method::POST, &path(resource), &valid).await;
        assert_eq!(refusal(&answer), refused(400, "site_required", ""));
        let mut row = valid.clone();
        row["site"] = json!("hcm-02");
        let created = create(&bed, resource, &row).await;
        assert_eq!(created["site"], "hcm-02");
        let one = address(resource, &created);
        for (method, body) in [
            (Method::GET, Value::Null),
            (Method::PATCH, json!({"isdisabled": true})),
            (Method::DELETE, Value::Null),
        ] {
            let answer = call(&bed, method.clone(), &one, &body).await;
            assert_eq!(
                refusal(&answer),
                refused(400, "site_required", ""),
                "{method}"
            );
            let elsewhere = call(&bed, method.clone(), &format!("{one}?site=hcm-01"), &body).await;
            assert_eq!(
                refusal(&elsewhere),
                refused(404, "not_found", ""),
                "{method}"
            );
        }
        let both = call(
            &bed,
            Method::DELETE,
            &format!("{one}?site=hcm-02"),
            &json!({"site": "hcm-01"}),
        )
        .await;
        assert_eq!(refusal(&both), refused(400, "bad_request", ""));
        // Page by page, and all at once.
        let mut seen = Vec::new();
        let mut next = format!("{}?limit=1", path(resource));
        loop {
            let page = json_of(&bed.get(&next).await);
            seen.extend(page["items"].as_array().unwrap().clone());
            let Some(cursor) = page["next"].as_str() else {
                break;
            };
            next = format!("{}?limit=1&cursor={cursor}", path(resource));
        }
        let all = json_of(&bed.get(&path(resource)).await);
        assert_eq!(all["items"], json!(seen));
        assert_eq!(all["total"], seen.len());
        let bearer = format!("Bearer {}", bed.viewer.reveal());
        let request = axum::http::Request::get(path(resource))
            .header(header::AUTHORIZATION, bearer)
            .header(header::ACCEPT, "text/csv");
        let file = bed
            .send(request.body(axum::body::Body::empty()).unwrap())
            .await;
        assert!(file.body.starts_with("\u{feff}site,"), "{}", file.body);
        let rows = file.body.lines().filter(|line| line.starts_with("hcm-"));
        assert_eq!(rows.count(), seen.len());
    }
}

#[tokio::test]
async fn a_customer_keeps_the_number_that_it_comes_with() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    let customer = |id: Value| json!({"customerid": id, "fullname": "A", "email": "a@example.vn"});
    let created = create(&bed, &CUSTOMERS, &customer(json!("6754 x/~"))).await;
    assert_eq!(created["customerid"], "6754 x/~");
    let read = bed.get("/api/v1/customers/6754%20x%2F~").await;
    assert_eq!(json_of(&read)["fullname"], "A", "{}", read.body);
    let again = call(
        &bed,
        Method::POST,
        "/api/v1/customers",
        &customer(json!("c1")),
    )
    .await;
    assert_eq!(refusal(&again), refused(409, "clash", ""));
    assert_eq!(json_of(&again)["present"]["fullname"], "Nguyễn An");
    for id in [json!(""), json!(" "), json!("x".repeat(51)), json!(5)] {
        let answer = call(&bed, Method::POST, "/api/v1/customers", &customer(id)).await;
        assert_eq!(refusal(&answer), refused(422, "invalid", "customerid"));
    }
    let change = json!({"customerid": "c9"});
    let answer = call(&bed, Method::PATCH, "/api/v1/customers/c1", &change).await;
    assert_eq!(refusal(&answer), refused(422, "invalid", "customerid"));
    let made = create(&bed, &CUSTOMERS, &customer(Value::Null)).await;
    let id = made["customerid"].as_str().unwrap();
    assert_eq!(
        (id.len(), &id[14..15], &id[..13]),
        (36, "7", "019ac84b-c440"),
        "{id}"
    );
    assert_eq!(total(&bed, &CUSTOMERS, "?q=nguyen").await, 1);
    let booking = json!({"customerid": id, "date": "2025-11-28", "time": "17:00"});
    let booked = call(&bed, Method::POST, "/api/v1/appointments", &booking).await;
    assert_eq!(booked.status, StatusCode::CREATED, "{}", booked.body);
}

#[tokio::test]
async fn what_another_has_changed_is_changed_with_its_new_tag_alone() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    for (resource, valid) in resources() {
        let address = address(resource, &create(&bed, resource, &valid).await);
        let send = async |method: Method, tag: &str, body: &Value| {
            let bearer = format!("Bearer {}", bed.admin.reveal());
            let request = axum::http::Request::builder()
                .method(method)
                .uri(&address)
                .header(header::AUTHORIZATION, bearer)
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::IF_MATCH, tag);
            let request = request.body(axum::body::Body::from(body.to_string()));
            bed.send(request.unwrap()).await
        };
        let (on, off) = (json!({"isdisabled": true}), json!({"isdisabled": false}));
        let early = bed.get(&address).await.header(header::ETAG).to_owned();
        let changed = send(Method::PATCH, &early, &on).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
        let tag = changed.header(header::ETAG).to_owned();
        assert_ne!(tag, early);
        assert_eq!(bed.get(&address).await.header(header::ETAG), tag);
        for method in [Method::PATCH, Method::DELETE] {
            let late = send(method.clone(), &early, &json!({})).await;
            assert_eq!(refusal(&late), refused(412, "changed", ""), "{method}");
            assert_eq!(json_of(&late)["present"]["isdisabled"], true);
        }
        let wrong = send(Method::PATCH, "x", &off).await;
        assert_eq!(refusal(&wrong), refused(400, "bad_request", ""));
        let back = send(Method::PATCH, &format!("\"x\", {tag}"), &off).await;
        assert_eq!(back.header(header::ETAG), early, "{}", back.body);
    }
}

#[tokio::test]
async fn customers_and_programs_have_figures_of_any_dates() {
    let bed = Testbed::with_a_day(&["hcm-01", "hcm-02"]).await;
    for (path, expected) in [
        (
            "customers?from=2024-12-15&to=2025-01-31",
            json!({"items": [{"month": "2024-12", "total": 0}, {"month": "2025-01", "total": 4}]}),
        ),
        (
            "customers?from=2024-12-15&to=2025-01-31&site=hcm-02",
            json!({"items": [{"month": "2024-12", "total": 0}, {"month": "2025-01", "total": 2}]}),
        ),
        (
            "programs?from=2025-11-01&to=2025-12-31&site=hcm-01",
            json!({"items": [{"site": "hcm-01", "programid": 1, "programname": "Hướng nghiệp 12",
                "date": "2025-12-05", "status": "upcoming",
                "by_status": {"registered": 1, "attended": 0, "cancelled": 1}}]}),
        ),
        ("programs", json!({"items": []})),
    ] {
        let answer = bed.get(&format!("/api/v1/stats/{path}")).await;
        assert_eq!(json_of(&answer), expected, "{path}");
    }
    for of in ["customers", "programs"] {
        for (query, expected) in [
            ("from=2025-01-01", refused(400, "bad_request", "")),
            ("from=2025-01-01&to=x", refused(400, "bad_request", "to")),
            (
                "from=2000-01-01&to=2025-01-01",
                refused(400, "range_too_long", ""),
            ),
            ("x=1", refused(400, "bad_request", "x")),
            ("site=hcm-09", refused(404, "not_found", "")),
        ] {
            let answer = bed.get(&format!("/api/v1/stats/{of}?{query}")).await;
            assert_eq!(refusal(&answer), expected, "{of} {query}");
        }
        let path = format!("/api/v1/stats/{of}");
        let agent = bed.call(Method::GET, &bed.agent, &path, "").await;
        assert_eq!(refusal(&agent), refused(403, "forbidden", ""));
    }
}

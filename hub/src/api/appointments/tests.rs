//! Appointments, as callers read, book and cancel them.
//!
//! On SQLite alone: the SQL of both databases is held to one suite (`db/conformance.rs`), and
//! `tests/e2e/booking.rs` books on PostgreSQL.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use causeway_shared::dataset::Dataset;
use causeway_shared::store::Store;
use causeway_shared::store::memory::MemoryStore;
use serde_json::{Value, json};

use crate::auth::Token;
use crate::config::AuthMode;
use crate::serve::testbed::{Answer, Testbed, json_of, refusal, refused};
use crate::testing::TestSite;

mod changes;
mod moves;
mod steps;

const ALL: &str = "/api/v1/appointments";

async fn bed() -> Testbed {
    Testbed::with_a_day(&["hcm-01"]).await
}

/// The numbers of the appointments of an answer.
fn ids(answer: &Answer) -> Vec<i64> {
    let listed = json_of(answer);
    let items = listed["items"].as_array().unwrap();
    items
        .iter()
        .map(|row| row["appointmentid"].as_i64().unwrap())
        .collect()
}

/// A booking at consultant 1's free slot, with some members changed; null takes one away.
fn booking(changes: Value) -> String {
    let mut body =
        json!({"customerid": "c1", "consultantid": 1, "date": "2025-11-28", "time": "10:00"});
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(name);
        } else {
            body[name] = value.clone();
        }
    }
    body.to_string()
}

async fn book(bed: &Testbed, changes: Value) -> Answer {
    bed.post(&bed.admin, ALL, &booking(changes)).await
}

#[tokio::test]
async fn a_days_appointments_are_listed_with_names() {
    let bed = bed().await;
    let answer = bed.get(ALL).await;
    assert_eq!(
        (answer.status, ids(&answer)),
        (StatusCode::OK, vec![1, 4, 2, 3])
    );
    let listed = json_of(&answer);
    assert_eq!(
        (&listed["total"], &listed["next"]),
        (&json!(4), &Value::Null)
    );
    insta::assert_snapshot!(listed["items"][0], @r#"{"appointmentid":1,"consultantid":1,"consultantname":"Lê Dung","createdat":"2025-11-20T08:00:00","customerid":"c1","customername":"Nguyễn An","date":"2025-11-28","description":null,"duration":60,"meetingurl":null,"site":"hcm-01","status":"confirmed","time":"09:00:00","updatedat":null}"#);
    let of_date = bed.get(&format!("{ALL}?date=2025-11-27")).await;
    assert_eq!(of_date.body, r#"{"items":[],"next":null,"total":0}"#);
}

#[tokio::test]
async fn a_list_is_filtered() {
    let bed = bed().await;
    for (query, expected) in [
        ("status=pending", vec![2]),
        ("consultantid=1", vec![1, 4, 2]),
        ("customerid=c1", vec![1, 4, 3]),
        (
            "customerid=c1&status=cancelled&site=hcm-01&date=2025-11-28",
            vec![4],
        ),
        ("customerid=' OR 1=1 --", vec![]),
        ("q=nguyen", vec![1, 4, 3]),
        ("q=dung&status=pending", vec![2]),
        ("q=' OR 1=1 --", vec![]),
        ("q=%3Cb%3Eb", vec![2]),
        ("from=2025-11-01&to=2025-12-20&status=completed", vec![3]),
    ] {
        let answer = bed
            .get(&format!("{ALL}?{}", query.replace(' ', "%20")))
            .await;
        assert_eq!(ids(&answer), expected, "{query}");
        assert_eq!(json_of(&answer)["total"], expected.len(), "{query}");
    }
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let bed = Testbed::with_a_day(&["hcm-01", "hcm-02"]).await;
    let mut found = Vec::new();
    let mut path = format!("{ALL}?limit=3");
    loop {
        let answer = bed.get(&path).await;
        let listed = json_of(&answer);
        assert_eq!(listed["total"], 8);
        for row in listed["items"].as_array().unwrap() {
            found.push(format!(
                "{} {}",
                row["site"].as_str().unwrap(),
                row["appointmentid"]
            ));
        }
        let Some(next) = listed["next"].as_str() else {
            break;
        };
        path = format!("{ALL}?limit=3&cursor={next}");
    }
    let expected = ["hcm-01", "hcm-02"].map(|site| [1, 4, 2, 3].map(|id| format!("{site} {id}")));
    assert_eq!(found, expected.concat());
}

#[tokio::test]
async fn a_list_that_cannot_be_is_refused() {
    let bed = bed().await;
    for (query, expected) in [
        ("date=28/11/2025", refused(400, "bad_request", "date")),
        ("limit=0", refused(400, "bad_request", "")),
        ("limit=501", refused(400, "bad_request", "")),
        ("cursor=hcm-01~9", refused(400, "bad_request", "")),
        (
            "consultantid=one",
            refused(400, "bad_request", "consultantid"),
        ),
        ("x=Nguyen", refused(400, "bad_request", "x")),
        ("from=2025-11-28", refused(400, "bad_request", "")),
        (
            "from=2025-11-29&to=2025-11-28",
            refused(400, "bad_request", ""),
        ),
        (
            "date=2025-11-28&from=2025-11-28&to=2025-11-28",
            refused(400, "bad_request", ""),
        ),
        (
            "from=2025-01-01&to=2025-03-04",
            refused(400, "range_too_long", ""),
        ),
        (
            "cursor=hcm-01~2025-11-28~09:00:00~1~1",
            refused(400, "bad_request", ""),
        ),
        (
            "cursor=hcm-01~2025-11-28~09:00:00~!zz",
            refused(400, "bad_request", ""),
        ),
        ("site=hcm-09", refused(404, "not_found", "")),
        ("status=open", refused(422, "invalid", "status")),
        ("customerid=%00", refused(422, "invalid", "customerid")),
        (
            &format!("q={}", "x".repeat(101)),
            refused(422, "invalid", "q"),
        ),
    ] {
        let answer = bed.get(&format!("{ALL}?{query}")).await;
        assert_eq!(refusal(&answer), expected, "{query}: {}", answer.body);
        // Also where CSV is asked for.
        if !query.starts_with("limit") && !query.starts_with("cursor") {
            let answer = csv(&bed, query).await;
            assert_eq!(refusal(&answer), expected, "{query}: {}", answer.body);
        }
    }
    for query in ["limit=50", "cursor=hcm-01~2025-11-28~09:00:00~1"] {
        assert_eq!(
            refusal(&csv(&bed, query).await),
            refused(400, "bad_request", "")
        );
    }
}

async fn csv(bed: &Testbed, query: &str) -> Answer {
    let bearer = format!("Bearer {}", bed.viewer.reveal());
    let request = Request::get(format!("{ALL}?{query}"))
        .header(header::AUTHORIZATION, bearer)
        .header(header::ACCEPT, "text/csv");
    bed.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_list_is_a_file_of_all_its_rows() {
    let store: Store = Arc::new(MemoryStore::new());
    for name in ["hcm-01", "hcm-02"] {
        let mut site = TestSite::of(&store, name, Dataset::meetassist().unwrap()).unwrap();
        let rows = (1..=2_001).map(|id| {
            format!("{id},,c1,2025-11-28,09:00:00,60,,pending,=1+1,2025-11-20T08:00:00,")
        });
        let rows: Vec<String> = rows.collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        site.put("appointment", "dt=2025-11-28", &rows)
            .await
            .unwrap();
        site.commit().await.unwrap();
    }
    let bed = Testbed::over(AuthMode::Token, store).await;
    let answer = csv(&bed, "status=pending").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let kind = answer.header(header::CONTENT_TYPE);
    let file = answer.header(header::CONTENT_DISPOSITION);
    assert_eq!(kind, "text/csv; charset=utf-8");
    assert_eq!(file, "attachment; filename=\"appointments.csv\"");
    let lines: Vec<&str> = answer.body.lines().collect();
    assert_eq!(
        lines[0],
        "\u{feff}site,appointmentid,consultantid,customerid,date,time,duration,meetingurl,status,description,createdat,updatedat,customername,consultantname"
    );
    let line = |(at, id): (usize, usize)| {
        let site = ["hcm-01", "hcm-02"][at / 2_001];
        format!("{site},{id},,c1,2025-11-28,09:00:00,60,,pending,'=1+1,2025-11-20T08:00:00,,,")
    };
    let ids = (1..=2_001).chain(1..=2_001);
    let expected: Vec<String> = ids.enumerate().map(line).collect();
    for (at, line) in expected.iter().enumerate() {
        assert_eq!(lines[at + 1], line);
    }
    assert_eq!(lines.len(), expected.len() + 1);
}

#[tokio::test]
async fn one_appointment_is_read_by_its_number() {
    let bed = bed().await;
    let answer = bed.get(&format!("{ALL}/2")).await;
    assert_eq!(json_of(&answer)["customername"], "<b>Bình</b>");
    for id in ["99", "x", "99999999999999999999"] {
        let answer = bed.get(&format!("{ALL}/{id}")).await;
        assert_eq!(refusal(&answer), refused(404, "not_found", ""), "{id}");
    }
}

#[tokio::test]
async fn a_site_without_meetassists_tables_has_no_appointments() {
    let bed = Testbed::with_a_shop().await;
    for answer in [bed.get(ALL).await, book(&bed, json!({})).await] {
        assert_eq!(refusal(&answer), refused(404, "not_found", ""));
    }
}

#[tokio::test]
async fn dates_are_loaded_when_an_admin_asks() {
    let bed = bed().await;
    let load = "/api/v1/sync/load";
    let asked = json!({"from": "2025-12-20", "to": "2025-12-24"}).to_string();
    let answer = bed.post(&bed.admin, load, &asked).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(
        json_of(&answer),
        json!({"from": "2025-12-20", "to": "2025-12-24", "sites": ["hcm-01"]})
    );
    for (asked, expected) in [
        (
            json!({"from": "2025-12-20"}),
            refused(400, "bad_request", "to"),
        ),
        (
            json!({"from": "2025-12-24", "to": "2025-12-20"}),
            refused(400, "bad_request", ""),
        ),
        (
            json!({"from": "2025-01-01", "to": "2025-12-20"}),
            refused(400, "range_too_long", ""),
        ),
        (
            json!({"from": "2025-12-20", "to": "2025-12-20", "site": "hcm-09"}),
            refused(404, "not_found", ""),
        ),
    ] {
        let answer = bed.post(&bed.admin, load, &asked.to_string()).await;
        assert_eq!(refusal(&answer), expected, "{asked}");
    }
    let answer = bed.post(&bed.viewer, load, &asked).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn where_no_date_is_kept_beside_the_window_one_is_read_and_none_loaded() {
    let bed = Testbed::with_a_day_and(&["hcm-01"], |config| config.window.on_demand_days = 0).await;
    let read = bed.get(&format!("{ALL}?date=2025-12-20")).await;
    assert_eq!(read.status, StatusCode::OK, "{}", read.body);
    let asked = json!({"from": "2025-12-20", "to": "2025-12-20"}).to_string();
    let loaded = bed.post(&bed.admin, "/api/v1/sync/load", &asked).await;
    assert_eq!(refusal(&loaded), refused(400, "range_too_long", ""));
    let detail = json_of(&loaded)["detail"].clone();
    assert_eq!(
        detail,
        "1 day is too many; at most 0 at a time ([window] on_demand_days)"
    );
}

#[tokio::test]
async fn a_query_that_cannot_be_read_names_its_parameter() {
    let bed = bed().await;
    for (query, field) in [
        ("date=2025-11-28T00:00", "date"),
        ("date=%202025-11-28", "date"),
        ("date=tomorrow", "date"),
        ("limit=many", "limit"),
        ("consultantid=x", "consultantid"),
        ("site=%20", "site"),
    ] {
        let answer = bed.get(&format!("{ALL}?{query}")).await;
        assert_eq!(
            refusal(&answer),
            refused(400, "bad_request", field),
            "{query}"
        );
        assert!(!answer.body.contains("deserialize"), "{}", answer.body);
    }
    let unknown = bed.get(&format!("{ALL}?day=2025-11-28")).await;
    assert_eq!(refusal(&unknown).1, "bad_request");
}

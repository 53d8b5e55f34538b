use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use causeway_shared::ids::{Md5, SiteName};
use causeway_shared::layout;
use serde_json::Value;
use tokio::time::sleep;

use crate::auth::Token;
use crate::serve::testbed::{Answer, Testbed, json_of, refusal, refused};
use crate::sync::LoadRequest;

const SQL: &str = "INSERT INTO appointment (appointmentid, customerid, date, time) VALUES \
                   (1, 'c', '2025-11-28', '09:00'), (2, 'c', 'soon', '10:00');";

async fn send(bed: &Testbed, token: &Token, query: &str, kind: &str, body: &str) -> Answer {
    let request = Request::post(format!("/api/v1/imports?{query}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", token.reveal()))
        .header(header::CONTENT_TYPE, kind);
    bed.send(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

/// What came of an import that was begun.
async fn ended(bed: &Testbed, begun: &Answer) -> Value {
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{}", begun.body);
    let id: Value = serde_json::from_str(&begun.body).unwrap();
    let path = format!("/api/v1/imports/{}", id["id"].as_str().unwrap());
    loop {
        let answer = bed.get(&path).await;
        let job: Value = serde_json::from_str(&answer.body).unwrap();
        if job["stage"] == "done" || job["stage"] == "failed" {
            return job;
        }
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_file_is_imported_and_loaded() {
    let bed = Testbed::new().await;
    let plan = send(
        &bed,
        &bed.admin,
        "site=hcm-02&dry_run",
        "application/sql",
        SQL,
    )
    .await;
    let plan = ended(&bed, &plan).await;
    assert_eq!(plan["result"]["commit"], Value::Null);
    let begun = send(&bed, &bed.admin, "site=hcm-02", "application/sql", SQL).await;
    let job = ended(&bed, &begun).await;
    assert_eq!(job["result"]["commit"], 1, "{job}");
    assert_eq!(
        job["result"]["rows"],
        serde_json::json!({"scanned": 2, "quarantined": 1})
    );
    assert_eq!(job["result"]["changes"], plan["result"]["changes"]);
    assert_eq!((&job["rows"], &plan["rows"]), (&2.into(), &2.into()));
    for of in [&plan, &job] {
        let dangling = &of["result"]["dangling"];
        assert_eq!(
            dangling[0]["examples"],
            serde_json::json!(["c"]),
            "{dangling}"
        );
    }
    // What `serve` does when it is woken.
    let loaded = bed
        .app
        .hub
        .load(&LoadRequest::at((bed.app.clock)()))
        .await
        .unwrap();
    assert!(
        loaded
            .sites
            .iter()
            .any(|site| site.site.as_str() == "hcm-02")
    );
    let listed = bed
        .get("/api/v1/appointments?site=hcm-02&date=2025-11-28")
        .await;
    let listed: Value = serde_json::from_str(&listed.body).unwrap();
    assert_eq!(listed["items"][0]["customerid"], "c");
    let refused = bed.get("/api/v1/sync/quarantine?site=hcm-02").await;
    assert!(refused.body.contains("soon"), "{}", refused.body);
}

#[tokio::test]
async fn csv_says_its_table() {
    let bed = Testbed::new().await;
    let csv = "appointmentid,customerid,date,time\n1,c,2025-11-28,09:00\n";
    let refused = send(&bed, &bed.admin, "site=hcm-02", "text/csv", csv).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let query = "site=hcm-02&name=appointment.csv&add=true";
    let job = ended(&bed, &send(&bed, &bed.admin, query, "text/csv", csv).await).await;
    assert_eq!(job["result"]["commit"], 1, "{job}");
}

#[tokio::test]
async fn the_site_of_an_agent_is_refused_with_what_to_do() {
    let bed = Testbed::new().await;
    let begun = send(&bed, &bed.admin, "site=hcm-01", "application/sql", SQL).await;
    let job = ended(&bed, &begun).await;
    insta::assert_snapshot!(job["error"].as_str().unwrap(), @"site hcm-01 is written by an agent (host h): give the rows to it, as a source in its agent.toml, or import them as another site. If that agent is gone for good, import with --take-over, over HTTP with `take_over=true`");
}

#[tokio::test]
async fn requests_that_cannot_be_taken_are_refused() {
    let bed = Testbed::new().await;
    let status = async |token: &Token, query: &str, kind: &str| {
        send(&bed, token, query, kind, SQL).await.status
    };
    let sql = "application/sql";
    assert_eq!(
        status(&bed.viewer, "site=hcm-02", sql).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        status(&bed.agent, "site=hcm-01", sql).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(status(&bed.admin, "", sql).await, StatusCode::BAD_REQUEST);
    assert_eq!(
        status(&bed.admin, "site=No", sql).await,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        status(&bed.admin, "site=hcm-02&ad=1", sql).await,
        StatusCode::BAD_REQUEST
    );
    let form = status(&bed.admin, "site=hcm-02", "multipart/form-data").await;
    assert_eq!(form, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let json = status(&bed.admin, "site=hcm-02", "application/json").await;
    assert_eq!(json, StatusCode::BAD_REQUEST);
    assert_eq!(
        bed.get("/api/v1/imports/nobody").await.status,
        StatusCode::NOT_FOUND
    );
    let jobs = &bed.app.imports;
    let site = SiteName::new("hcm-02").unwrap();
    let begin = |id: &str| jobs.begin(id.to_owned(), site.clone(), "a.sql".into(), false);
    let running = (begin("1").unwrap(), begin("2").unwrap());
    assert_eq!(
        status(&bed.admin, "site=hcm-02", sql).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    drop(running);
    let cut_off = bed.get("/api/v1/imports/1").await;
    assert!(cut_off.body.contains("cut off"), "{}", cut_off.body);
}

#[tokio::test]
async fn a_file_that_is_said_to_be_too_large_is_refused_at_once() {
    let bed = Testbed::new().await;
    for (bytes, status) in [
        (1_u64 << 30, StatusCode::ACCEPTED),
        ((1 << 30) + 1, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let bearer = format!("Bearer {}", bed.admin.reveal());
        let request = Request::post("/api/v1/imports?site=hcm-02&dry_run")
            .header(header::AUTHORIZATION, bearer)
            .header(header::CONTENT_LENGTH, bytes);
        let answer = bed.send(request.body(Body::from(SQL)).unwrap()).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    assert_eq!(bed.app.imports.newest().len(), 1);
}

#[tokio::test]
async fn a_file_that_is_neither_sql_nor_csv_by_its_name_is_not_taken() {
    let bed = Testbed::new().await;
    let asked = "site=hcm-02&name=dump.txt";
    let answer = send(&bed, &bed.admin, asked, "application/sql", SQL).await;
    assert_eq!(refusal(&answer), refused(400, "bad_request", "name"));
}

#[tokio::test]
async fn a_file_larger_than_other_bodies_goes_to_disk() {
    let bed = Testbed::new().await;
    let row = |id: u32| format!("({id}, 'c', '2025-11-28', '09:00', '{}')", "x".repeat(200));
    let rows: Vec<String> = (0..2_000).map(row).collect();
    let sql = format!(
        "INSERT INTO appointment (appointmentid, customerid, date, time, description) VALUES {};",
        rows.join(",\n")
    );
    let begun = send(&bed, &bed.admin, "site=hcm-02", "application/sql", &sql).await;
    assert_eq!(
        ended(&bed, &begun).await["result"]["rows"]["scanned"],
        2_000
    );
}

/// Imports a file that lies in the store.
async fn send_key(bed: &Testbed, key: &str) -> Answer {
    let body = serde_json::json!({ "key": key }).to_string();
    send(bed, &bed.admin, "site=hcm-02", "application/json", &body).await
}

#[tokio::test]
async fn an_uploaded_file_is_imported_as_one_that_is_sent() {
    let bed = Testbed::new().await;
    let site = SiteName::new("hcm-02").unwrap();
    let key = layout::import_file(&site, Md5::of(SQL.as_bytes()), "sql");
    let missing = send_key(&bed, &key).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND, "{}", missing.body);
    let store = bed.app.hub.store();
    store
        .put(&key, SQL.as_bytes().to_vec().into())
        .await
        .unwrap();
    let job = ended(&bed, &send_key(&bed, &key).await).await;
    assert_eq!(job["result"]["commit"], 1, "{job}");
    assert_eq!(job["result"]["kept"], serde_json::json!([key]));

    store.put(&key, b"another".to_vec().into()).await.unwrap();
    let another = send_key(&bed, &key).await;
    assert_eq!(
        another.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        another.body
    );
}

#[tokio::test]
async fn keys_that_name_no_uploaded_file_of_the_site_are_refused() {
    let bed = Testbed::new().await;
    let other = SiteName::new("hcm-03").unwrap();
    let of_other = layout::import_file(&other, Md5::of(b""), "sql");
    for key in [&*of_other, "hub/tokens.json", "imports/hcm-02/x.sql"] {
        let answer = send_key(&bed, key).await;
        let (status, _, fields) = refusal(&answer);
        assert_eq!((status, &*fields), (400, "key"), "{key}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_store_that_takes_no_uploads_says_what_to_do() {
    let bed = Testbed::new().await;
    let ask = async |body: Value| {
        let body = body.to_string();
        let token = bed.admin.reveal();
        let request = Request::post("/api/v1/imports/uploads")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json");
        bed.send(request.body(Body::from(body)).unwrap()).await
    };
    let file = |bytes: u64, ext: &str| serde_json::json!({"site": "hcm-02", "bytes": bytes, "md5": Md5::of(b""), "ext": ext});
    let refused = ask(file(5, "sql")).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    insta::assert_snapshot!(json_of(&refused)["detail"].as_str().unwrap(), @"the store is a folder, which takes no uploads: send the file itself to POST /api/v1/imports");
    assert_eq!(ask(file(0, "sql")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(ask(file(5, "zip")).await.status, StatusCode::BAD_REQUEST);
    let too_large = ask(file((1 << 30) + 1, "csv")).await;
    assert_eq!(too_large.status, StatusCode::PAYLOAD_TOO_LARGE);
}

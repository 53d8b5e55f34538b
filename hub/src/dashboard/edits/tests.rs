//! The page of the edits, as visitors see it.

use axum::http::{StatusCode, header};
use causeway_shared::runtime::clock;
use serde_json::Value;

use crate::serve::testbed::{Answer, Testbed};

/// A service in which ann has cancelled appointment 1.
async fn bed() -> Testbed {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    let path = "/api/v1/appointments/1/cancel";
    let cancelled = bed.post(&bed.admin, path, "").await;
    assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.body);
    bed
}

async fn visit(bed: &Testbed, path: &str, language: &str) -> Answer {
    let cookie = format!("{}; causeway_lang={language}", bed.cookie().await);
    bed.visit(path, &cookie).await
}

#[tokio::test]
async fn the_page_says_who_changed_what() {
    let bed = bed().await;
    let page = visit(&bed, "/edits", "en").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for part in [
        "<h1>Who changed what</h1>",
        "appointment 1</a>",
        "<dt>status</dt><dd><del>confirmed</del> <ins>cancelled</ins></dd>",
        ">admin/ann</a>",
        "href=\"/edits?site=hcm-01&#38;table=appointment&#38;key=1\"",
    ] {
        assert!(page.body.contains(part), "{part}\n{}", page.body);
    }
    let page = visit(&bed, "/edits", "vi").await;
    assert!(page.body.contains("<h1>Ai đã sửa gì</h1>"));
}

#[tokio::test]
async fn the_filter_is_the_address() {
    let bed = bed().await;
    let page = visit(&bed, "/edits?table=appointment&key=1&actor=", "en").await;
    assert!(page.body.contains("appointment 1</a>"));
    assert!(page.body.contains("name=\"key\" value=\"1\""));
    assert!(
        page.body
            .contains("href=\"?table=appointment&#38;key=1&#38;lang=vi\""),
        "{}",
        page.body
    );
    let page = visit(&bed, "/edits?key=2", "en").await;
    assert!(page.body.contains("Nothing was changed."));
    // It was made just now, and committed by a hub that lives on 2025-11-28.
    let today = clock::now().to_zoned(bed.app.hub.zone()).date();
    let yesterday = today.yesterday().unwrap();
    for (days, is_found) in [
        (format!("from=2025-11-28&to={today}"), true),
        (format!("from=2025-11-28&to={yesterday}"), false),
        (format!("from=2025-11-29&to={today}"), false),
        ("from=2025-11-28".to_owned(), true),
        (format!("to={today}"), true),
        (format!("to={yesterday}"), false),
    ] {
        let page = visit(&bed, &format!("/edits?{days}"), "en").await;
        let is_shown = page.body.contains("appointment 1</a>");
        assert_eq!(is_shown, is_found, "{days}: {}", page.body);
    }
    for wrong in ["from=28.11.2025", "from=2025-11-29&to=2025-11-28"] {
        let wrong = visit(&bed, &format!("/edits?{wrong}"), "en").await;
        assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{}", wrong.body);
    }
    let wrong = visit(&bed, "/edits?cursor=7", "en").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.header(header::CONTENT_TYPE).starts_with("text/html"));
    for path in ["/appointments/1", "/customers/c1"] {
        let of_row = visit(&bed, path, "en").await;
        assert!(of_row.body.contains("id=\"changes\""), "{}", of_row.body);
        let is_changed = of_row.body.contains("<ins>cancelled</ins>");
        assert_eq!(is_changed, path == "/appointments/1", "{}", of_row.body);
    }
}

#[tokio::test]
async fn the_api_lists_edits_with_what_they_changed() {
    let bed = bed().await;
    let answer = bed.get("/api/v1/sync/edits?table=appointment&key=1").await;
    let list: Value = serde_json::from_str(&answer.body).unwrap();
    let item = &list["items"][0];
    let names: Vec<_> = item.as_object().unwrap().keys().cloned().collect();
    let mut expected = [
        "site", "commit", "id", "table", "part", "key", "op", "columns", "actor", "at",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(
        item["columns"]["status"],
        serde_json::json!(["confirmed", "cancelled"])
    );
    assert_eq!(
        (&item["op"], &item["actor"]),
        (&"update".into(), &"admin/ann".into())
    );
    assert_eq!(
        (&item["commit"], &item["key"]),
        (&2.into(), &serde_json::json!(["1"]))
    );
    assert_eq!((&list["total"], &list["next"]), (&1.into(), &Value::Null));
    for (wrong, member) in [
        ("cursor=x", "cursor"),
        ("site=A", "site"),
        ("table=1", "table"),
    ] {
        let answer = bed.get(&format!("/api/v1/sync/edits?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
        assert!(
            answer.body.contains(&format!("\"field\":\"{member}\"")),
            "{}",
            answer.body
        );
    }
}

#[tokio::test]
async fn an_edit_is_taken_back_by_the_api_and_by_a_form() {
    let bed = bed().await;
    let answer = bed.get("/api/v1/sync/edits?table=appointment&key=1").await;
    let list: Value = serde_json::from_str(&answer.body).unwrap();
    let (commit, id) = (
        &list["items"][0]["commit"],
        list["items"][0]["id"].as_str().unwrap(),
    );
    let body = format!("{{\"site\":\"hcm-01\",\"commit\":{commit},\"id\":\"{id}\"}}");
    let path = "/api/v1/sync/edits/undo";
    let viewer = bed.post(&bed.viewer, path, &body).await;
    assert_eq!(viewer.status, StatusCode::FORBIDDEN);
    let undone = bed.post(&bed.admin, path, &body).await;
    assert_eq!(undone.status, StatusCode::OK, "{}", undone.body);
    let undone: Value = serde_json::from_str(&undone.body).unwrap();
    assert_eq!(
        (&undone["row"]["status"], &undone["flushed"]),
        (&"confirmed".into(), &true.into())
    );
    let again = bed.post(&bed.admin, path, &body).await;
    assert_eq!(
        again.status,
        StatusCode::PRECONDITION_FAILED,
        "{}",
        again.body
    );
    let problem: Value = serde_json::from_str(&again.body).unwrap();
    assert_eq!(
        (&problem["code"], &problem["present"]["status"]),
        (&"changed".into(), &"confirmed".into())
    );

    let cookie = format!("{}; causeway_lang=en", bed.cookie_of(&bed.admin).await);
    let send = async |body: String| {
        let request = axum::http::Request::post("/edits/undo")
            .header(header::COOKIE, &cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        bed.send(request.body(body.into()).unwrap()).await
    };
    let refused = send(format!("site=hcm-01&commit={commit}&id={id}")).await;
    assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED);
    assert!(
        refused.body.contains("The row was changed since"),
        "{}",
        refused.body
    );
    let answer = bed.get("/api/v1/sync/edits?table=appointment&key=1").await;
    let list: Value = serde_json::from_str(&answer.body).unwrap();
    let (commit, id) = (
        &list["items"][0]["commit"],
        list["items"][0]["id"].as_str().unwrap(),
    );
    let seen = send(format!("site=hcm-01&commit={commit}&id={id}")).await;
    assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.body);
    let row = "/edits?site=hcm-01&table=appointment&key=1";
    let taken_back = format!("{row}&undone=true");
    assert_eq!(seen.header(header::LOCATION), taken_back);
    let page = bed.visit(&taken_back, &cookie).await;
    assert!(page.body.contains("The change is taken back."));
    assert!(
        page.body.contains("<b>Taken back</b>") && page.body.contains("action=\"/edits/undo\"")
    );
}

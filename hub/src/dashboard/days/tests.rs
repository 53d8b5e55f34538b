//! The page of the days, as visitors see it and as its forms change it.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use crate::auth::Token;
use crate::serve::testbed::{Answer, Testbed};

/// Beside the window, and without a row.
const DAY: &str = "2025-12-24";

async fn bed() -> Testbed {
    Testbed::with_a_day(&["hcm-01"]).await
}

async fn cookie(bed: &Testbed, token: &Token) -> String {
    format!("{}; causeway_lang=en", bed.cookie_of(token).await)
}

async fn visit(bed: &Testbed, token: &Token) -> Answer {
    bed.visit("/days", &cookie(bed, token).await).await
}

/// Sends a form as a browser does that says where the request comes from.
async fn send(bed: &Testbed, token: &Token, path: &str, date: &str, from: &str) -> Answer {
    let request = Request::post(path)
        .header(header::COOKIE, cookie(bed, token).await)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", from);
    let body = Body::from(format!("date={date}"));
    bed.send(request.body(body).unwrap()).await
}

/// Why a day is there, as the page says it.
fn why(answer: &Answer, date: &str) -> Option<String> {
    let cell = format!("data-figure=\"why-{date}\">");
    let (_, rest) = answer.body.split_once(&cell)?;
    Some(rest.split_once('<')?.0.to_owned())
}

#[tokio::test]
async fn a_day_is_pinned_and_unpinned_by_forms() {
    let bed = bed().await;
    let page = visit(&bed, &bed.admin).await;
    assert_eq!(why(&page, "2025-11-28").as_deref(), Some("around today"));
    assert_eq!(why(&page, DAY), None);

    let pinned = send(&bed, &bed.admin, "/days/pin", DAY, "same-origin").await;
    assert_eq!(pinned.status, StatusCode::SEE_OTHER, "{}", pinned.body);
    assert_eq!(pinned.header(header::LOCATION), "/days#d-2025-12-24");
    let page = visit(&bed, &bed.admin).await;
    assert_eq!(why(&page, DAY).as_deref(), Some("pinned"));
    assert!(page.body.contains("action=\"/days/unpin\""));

    send(&bed, &bed.admin, "/days/unpin", DAY, "same-origin").await;
    let page = visit(&bed, &bed.admin).await;
    assert_eq!(why(&page, DAY), None);
}

#[tokio::test]
async fn a_day_that_somebody_opened_says_so() {
    let bed = bed().await;
    let cookie = cookie(&bed, &bed.admin).await;
    bed.visit(&format!("/appointments?date={DAY}"), &cookie)
        .await;
    let page = visit(&bed, &bed.admin).await;
    assert_eq!(why(&page, DAY).as_deref(), Some("somebody opened it"));
}

#[tokio::test]
async fn another_sites_page_and_a_viewer_pin_nothing() {
    let bed = bed().await;
    for path in ["/days/pin", "/days/unpin"] {
        let forged = send(&bed, &bed.admin, path, DAY, "cross-site").await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
        let viewer = send(&bed, &bed.viewer, path, DAY, "same-origin").await;
        assert_eq!(viewer.status, StatusCode::FORBIDDEN);
    }
    let page = visit(&bed, &bed.viewer).await;
    assert_eq!(why(&page, DAY), None);
    assert!(
        !page.body.contains("<form method=\"post\" action=\"/days"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn what_is_no_day_gets_a_page_and_not_json() {
    let bed = bed().await;
    let answer = send(&bed, &bed.admin, "/days/pin", "tomorrow", "same-origin").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.header(header::CONTENT_TYPE).starts_with("text/html"));
    assert!(
        answer.body.contains("write a date as YYYY-MM-DD"),
        "{}",
        answer.body
    );
}

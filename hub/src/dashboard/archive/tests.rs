//! The page of the archive, as visitors see it and as its buttons change it.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
#[cfg(feature = "delta")]
use causeway_shared::ids::Name;

use crate::auth::Token;
use crate::serve::testbed::{Answer, Testbed};

async fn cookie(bed: &Testbed, token: &Token) -> String {
    format!("{}; causeway_lang=en", bed.cookie_of(token).await)
}

async fn visit(bed: &Testbed, path: &str) -> Answer {
    bed.visit(path, &cookie(bed, &bed.admin).await).await
}

/// Presses a button of the page, of this site or of another.
async fn press(bed: &Testbed, token: &Token, (path, form): (&str, &str), from: &str) -> Answer {
    let request = Request::post(path)
        .header(header::COOKIE, cookie(bed, token).await)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", from);
    bed.send(request.body(Body::from(form.to_owned())).unwrap())
        .await
}

#[tokio::test]
async fn a_run_shows_what_it_published() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    let page = visit(&bed, "/archive").await;
    assert!(
        page.body.contains("Nothing is published yet."),
        "{}",
        page.body
    );
    let run = press(&bed, &bed.admin, ("/archive/run", ""), "same-origin").await;
    assert_eq!(run.status, StatusCode::SEE_OTHER, "{}", run.body);
    assert_eq!(run.header(header::LOCATION), "/archive?done=run");
    let page = visit(&bed, "/archive?done=run").await;
    let customers = "data-figure=\"archive-customer\">";
    let (_, rows) = page.body.split_once(customers).unwrap();
    assert_ne!(rows.split_once('<').unwrap().0, "0");
    assert!(
        page.body.contains("Published up to commit <b>1</b>"),
        "{}",
        page.body
    );
}

#[cfg(feature = "delta")]
#[tokio::test]
async fn a_delta_table_shows_its_version_and_the_commits_that_it_is_of() {
    let bed = Testbed::with_a_day_and(&["hcm-01"], |config| {
        config.archive = toml::from_str("formats = ['csv', 'delta']").unwrap();
    })
    .await;
    press(&bed, &bed.admin, ("/archive/run", ""), "same-origin").await;
    let status = bed.app.archive.status().await.unwrap();
    let customers = Name::new("customer").unwrap();
    let published = status.info.tables[&customers].delta.clone().unwrap();
    for (language, of) in [
        ("en", "commit 1 and commit of edits 1"),
        ("vi", "lần gửi 1 và lần ghi thay đổi 1"),
    ] {
        let cookie = bed.cookie_of(&bed.viewer).await;
        let cookie = format!("{cookie}; causeway_lang={language}");
        let page = bed.visit("/archive", &cookie).await.body;
        let shown = format!(
            "data-figure=\"delta-customer\">{}</b> (hcm-01: {of})",
            published.version
        );
        assert!(page.contains(&shown), "{page}");
    }
}

#[tokio::test]
async fn the_switch_is_everybodys() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    assert!(
        visit(&bed, "/archive")
            .await
            .body
            .contains("Does not run by itself")
    );
    let on = ("/archive/switch", "enabled=true");
    let switched = press(&bed, &bed.admin, on, "same-origin").await;
    assert_eq!(switched.status, StatusCode::SEE_OTHER, "{}", switched.body);
    assert!(bed.app.archive.is_enabled().await.unwrap());
    assert!(
        visit(&bed, "/archive")
            .await
            .body
            .contains("Runs by itself every 5 min")
    );
    let off = ("/archive/switch", "enabled=false");
    press(&bed, &bed.admin, off, "same-origin").await;
    assert!(!bed.app.archive.is_enabled().await.unwrap());
}

#[tokio::test]
async fn another_sites_page_and_a_viewer_change_nothing() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    for button in [("/archive/run", ""), ("/archive/switch", "enabled=true")] {
        let forged = press(&bed, &bed.admin, button, "cross-site").await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
        let viewer = press(&bed, &bed.viewer, button, "same-origin").await;
        assert_eq!(viewer.status, StatusCode::FORBIDDEN);
    }
    assert!(!bed.app.archive.is_enabled().await.unwrap());
    assert_eq!(bed.app.archive.status().await.unwrap().last_run, None);
    let page = bed
        .visit("/archive", &cookie(&bed, &bed.viewer).await)
        .await;
    assert!(!page.body.contains("action=\"/archive/"), "{}", page.body);
    let wrong = press(
        &bed,
        &bed.admin,
        ("/archive/switch", "enabled=perhaps"),
        "same-origin",
    )
    .await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}

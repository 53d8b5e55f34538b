//! The page of the sites, as visitors see it.

use axum::http::StatusCode;
use causeway_shared::ids::{Name, SiteName};
use causeway_shared::layout::SiteKey;
use causeway_shared::quarantine::{RefusedRow, RefusedRows};

use crate::serve::testbed::{Answer, Testbed, now};

async fn visit(bed: &Testbed, path: &str) -> Answer {
    let cookie = format!("{}; causeway_lang=en", bed.cookie_of(&bed.viewer).await);
    bed.visit(path, &cookie).await
}

/// A figure, as the page says it.
fn figure<'a>(page: &'a Answer, name: &str) -> Option<&'a str> {
    let (_, rest) = page.body.split_once(&format!("data-figure=\"{name}\">"))?;
    Some(rest.split_once('<')?.0)
}

async fn refuse(bed: &Testbed, rows: usize) {
    let row = |number: usize| RefusedRow {
        since: now(),
        source: "site.db".into(),
        place: format!("key {number}"),
        column: Some("rating".into()),
        reason: "<b>no number</b>".into(),
        row: "7,x".into(),
    };
    let refused = RefusedRows {
        total: rows as u64,
        listed: (0..rows).map(row).collect(),
    };
    let key = SiteKey::Quarantine(Name::new("appointmentfeedback").unwrap());
    let key = key.of(&SiteName::new("hcm-01").unwrap());
    let body = refused.encode().unwrap().into();
    bed.app.hub.store().put(&key, body).await.unwrap();
}

#[tokio::test]
async fn each_site_says_how_it_stands() {
    let bed = Testbed::with_a_day(&["hcm-01", "hcm-02"]).await;
    let page = visit(&bed, "/sync").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(figure(&page, "commit-hcm-01"), Some("1"));
    assert_eq!(figure(&page, "waiting-hcm-02"), Some("0"));
    assert_eq!(figure(&page, "quarantine"), Some("0"));
    assert!(
        page.body.contains("No row is in quarantine."),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn refused_rows_are_shown_page_by_page_with_their_reasons() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    refuse(&bed, 51).await;
    let page = visit(&bed, "/sync").await;
    assert_eq!(figure(&page, "quarantine"), Some("51"));
    assert_eq!(page.body.matches("key ").count(), 50);
    assert!(!page.body.contains("<b>no number</b>"), "{}", page.body);
    assert!(
        page.body.contains("/sync?cursor=50#quarantine"),
        "{}",
        page.body
    );
    let last = visit(&bed, "/sync?cursor=50").await;
    assert_eq!(last.body.matches("key ").count(), 1);
    assert_eq!(
        visit(&bed, "/sync?cursor=x").await.status,
        StatusCode::BAD_REQUEST
    );
}

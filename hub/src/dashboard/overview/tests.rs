//! The page's figures and sentences.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::Name;

use super::*;
use crate::config::WindowConfig;
use crate::serve::testbed::Testbed;
use crate::services::overview::sample_page;
use crate::stats::samples::{at, loaded, site, site_of};
use crate::sync::SiteView;
use crate::testing::SHOP;

fn sample() -> SiteView {
    let done = r#"{"count_by":{"status":{"values":{"completed":1234}}}}"#;
    let open = r#"{"count_by":{"status":{"values":{"pending":2}}}}"#;
    let rated = r#"{"sum":{"rating":{"sum":8.5,"count":2}}}"#;
    site(
        "hcm-01",
        &[
            ("appointment", "dt=2020-01-01", done, 1_234),
            ("appointment", "dt=2025-11-28", open, 2),
            ("appointmentfeedback", "dt=2020-01-01", rated, 2),
        ],
    )
}

fn rendered(language: Language, sites: &[SiteView]) -> String {
    let now = at("2025-11-28T02:30:00Z");
    let now = now.to_zoned(WindowConfig::default().timezone.0);
    let counts = vec![loaded("dt=2025-11-28", "pending", 2)];
    let sites = sites.iter().map(|view| (view.clone(), counts.clone()));
    let refused = RefusedTotals {
        of_sites: BTreeMap::from([(SiteName::new("hcm-01").unwrap(), 1_200)]),
        of_tables: BTreeMap::from([(Name::new("item").unwrap(), 9)]),
    };
    let page = sample_page(now, &sites.collect::<Vec<_>>(), refused);
    Live::new(language, page).render().unwrap()
}

/// The text of the element whose `data-figure` is this.
fn figure<'h>(html: &'h str, name: &str) -> &'h str {
    let begin = html.find(&format!("data-figure=\"{name}\"")).unwrap();
    let text = &html[begin..][html[begin..].find('>').unwrap() + 1..];
    &text[..text.find('<').unwrap()]
}

#[test]
fn figures_are_shown_as_the_reader_writes_them() {
    let html = rendered(Language::Vietnamese, &[sample()]);
    let shown = ["appointments", "today", "rating"].map(|name| figure(&html, name));
    assert_eq!(shown, ["1.236", "2", "4,25"]);
    let html = rendered(Language::English, &[sample()]);
    assert_eq!(figure(&html, "appointments"), "1,236");
}

#[test]
fn what_counts_appointments_says_so() {
    let html = rendered(Language::English, &[sample()]);
    let title = html.find("<h2>Appointments loaded</h2>").unwrap();
    let card = &html[title..][..html[title..].find("</article>").unwrap()];
    assert_eq!(figure(card, "window"), "2");
    assert!(
        card.contains("<p>on the days loaded, 27 Nov – 29 Nov</p>"),
        "{card}"
    );
}

#[test]
fn the_chart_can_be_read_without_seeing_it() {
    let html = rendered(Language::English, &[sample()]);
    assert!(
        html.contains("<title>Friday, 28 Nov 2025: 2 (Pending 2)</title>"),
        "{html}"
    );
    assert_eq!(
        html.matches("<tr").count(),
        1 + 29,
        "a row per day under the heading"
    );
}

/// A site of items and of sales, which lie on dates.
fn shop(sold_on: &str) -> SiteView {
    let sold = r#"{"count_by":{"state":{"values":{"paid":3,"<void>":1}}}}"#;
    let parts = [("item", "b=0of2", "{}", 7), ("sale", sold_on, sold, 4)];
    site_of("shop", Dataset::from_toml(SHOP).unwrap(), &parts)
}

#[test]
fn any_dataset_has_figures_and_a_chart() {
    let html = rendered(Language::English, &[shop("dt=2025-11-28")]);
    let shown = ["rows-item", "rows-sale", "today-sale", "sale-state-v1"];
    assert_eq!(shown.map(|name| figure(&html, name)), ["7", "4", "4", "3"]);
    assert_eq!(figure(&html, "refused-of-item"), "9");
    assert!(html.contains("<title>Friday, 28 Nov 2025: 4 (paid 3, &#60;void&#62; 1)</title>"));
    assert!(!html.contains("data-figure=\"appointments\""), "{html}");
}

#[test]
fn a_page_of_two_datasets_shows_both() {
    let html = rendered(Language::English, &[sample(), shop("dt=2025-11-28")]);
    let shown = ["appointments", "rows-sale"].map(|name| figure(&html, name));
    assert_eq!(shown, ["1,236", "4"]);
    assert!(!html.contains("rows-consultantschedule"), "{html}");
}

#[test]
fn days_without_rows_are_said_to_be_so() {
    let html = rendered(Language::English, &[shop("dt=2020-01-01")]);
    assert!(
        html.contains("the last day with rows is 1 Jan 2020"),
        "{html}"
    );
    assert!(!html.contains("<svg class=\"chart\""), "{html}");
}

#[test]
fn a_site_that_was_never_loaded_has_no_figures() {
    let mut never = shop("dt=2025-11-28");
    never.catalog =
        std::sync::Arc::new(causeway_shared::catalog::Catalog::empty(never.site.clone()));
    let html = rendered(Language::English, &[never]);
    assert!(
        html.contains(Language::English.texts().nothing_loaded),
        "{html}"
    );
    assert!(!html.contains("data-figure"), "{html}");
}

#[test]
fn freshness_is_shown_and_failures_are() {
    let html = rendered(Language::English, &[sample()]);
    assert!(html.contains("hcm-01") && html.contains("42") && html.contains("state-fresh"));
    assert_eq!(figure(&html, "refused-hcm-01"), "1,200");
    let failing = SiteView {
        last_error: Some("<damaged>".into()),
        ..sample()
    };
    let html = rendered(Language::English, &[failing]);
    assert!(
        html.contains("state-failing") && html.contains("&#60;damaged&#62;"),
        "{html}"
    );
}

#[tokio::test]
async fn what_the_script_has_already_is_not_sent_again() {
    let bed = Testbed::new().await;
    let cookie = bed.cookie().await;
    let first = bed.visit("/live", &cookie).await;
    let again = Request::get("/live")
        .header(header::COOKIE, &cookie)
        .header(header::IF_NONE_MATCH, first.header(header::ETAG));
    let again = bed.send(again.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (first.status, again.status),
        (StatusCode::OK, StatusCode::NOT_MODIFIED)
    );
    assert_eq!(figure(&first.body, "today"), "2");
    assert_eq!(
        bed.visit("/live", "").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_language_is_kept_once_it_is_chosen() {
    let bed = Testbed::new().await;
    let cookie = bed.cookie().await;
    let answer = bed.visit("/?lang=en", &cookie).await;
    assert!(answer.body.contains("<html lang=\"en\">") && answer.body.contains("Sign out"));
    assert!(
        answer
            .header(header::SET_COOKIE)
            .starts_with("causeway_lang=en;")
    );
}

#[tokio::test]
async fn without_a_database_the_page_says_so_and_tries_again() {
    let bed = Testbed::new().await;
    let cookie = bed.cookie().await;
    bed.lose_the_database();
    let answer = bed.visit("/?lang=en", &cookie).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.body.contains("cannot be shown now") && answer.body.contains("refresh"));
}

#[test]
fn without_a_site_the_page_says_what_to_do() {
    let html = rendered(Language::Vietnamese, &[]);
    assert!(
        html.contains(Language::Vietnamese.texts().no_sites),
        "{html}"
    );
    assert!(!html.contains("data-figure"), "no zeros: {html}");
}

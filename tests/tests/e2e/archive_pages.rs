//! The pages of the archive, the sites and the database in a real browser: by mouse and by keyboard alone.

use causeway_tests::browser::{Browser, ENTER};
use causeway_tests::meetassist::MeetAssist;
use serde_json::json;

use crate::edits_pages::{cancel, ground};
use crate::every_page::assert_is_well;
use crate::pages::signed_in_at;

/// What a page says of a figure, its digits alone.
async fn figure(browser: &Browser, name: &str) -> u64 {
    let text = browser.text(&format!("[data-figure=\"{name}\"]")).await;
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{name}: {text}"))
}

fn count(site: &MeetAssist, table: &str) -> u64 {
    let sql = format!("SELECT count(*) FROM {table}");
    let count = site.open().query_row(&sql, [], |row| row.get::<_, i64>(0));
    count.unwrap().unsigned_abs()
}

#[tokio::test]
async fn the_archive_is_switched_on_and_run() {
    let (deployment, site, service, token) = ground().await;
    let browser = signed_in_at(&service, &token, "/archive").await;
    assert_is_well(&browser, "archive-empty").await;
    let run = "form[action=\"/archive/run\"] button";
    browser.click(run).await;
    browser
        .wait_for("location.search.includes('done=run')")
        .await;
    let rows = count(&site, "Customers");
    assert_eq!(figure(&browser, "archive-customer").await, rows);
    assert_is_well(&browser, "archive").await;

    // One edit more, by keyboard alone: one file is written.
    cancel(&service, &token, site.first_appointment(1)).await;
    browser.open(&format!("{}/archive", service.url)).await;
    browser.tab_to(run).await;
    browser.press(ENTER).await;
    browser
        .wait_for("location.search.includes('done=run')")
        .await;
    let newest =
        "return document.querySelector('section:last-of-type tbody td:nth-of-type(2)').innerText";
    assert_eq!(browser.run(newest, json!([])).await, "1");
    let switch = "form[action=\"/archive/switch\"] button";
    browser.tab_to(switch).await;
    browser.press(ENTER).await;
    browser.wait_for("document.querySelector('[data-figure=\"archive-switch\"]')?.innerText.includes('every')").await;
    let status = deployment.hub(&["archive", "status"]).expect_code(0);
    assert_eq!(status.json()["enabled"], true);
}

#[tokio::test]
async fn the_database_and_the_sites_say_what_sql_says() {
    let (_deployment, site, service, token) = ground().await;
    let browser = signed_in_at(&service, &token, "/database").await;
    for (table, source) in [("customer", "Customers"), ("appointment", "Appointments")] {
        let known = figure(&browser, &format!("known-{table}")).await;
        assert_eq!(known, count(&site, source), "{table}");
    }
    assert!(figure(&browser, "loaded-appointment").await <= count(&site, "Appointments"));
    assert_is_well(&browser, "database").await;
    browser.open(&format!("{}/sync", service.url)).await;
    assert_eq!(figure(&browser, "commit-hcm-01").await, 1);
    assert_is_well(&browser, "sync").await;
}

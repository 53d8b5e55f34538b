//! What an admin does, by the keyboard alone in a real browser: signs in, books, is told that somebody was faster,
//! searches, and pins a date. Assigning stands in `day_pages`, conflicts, edits and imports in `edits_pages`, the
//! archive in `archive_pages`.

use causeway_tests::browser::{Browser, DOWN, ENTER};
use causeway_tests::deployment::PAIRS;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::booking::{self, ask};
use crate::ground::{deploy, today};

/// Goes to a field and writes into it.
async fn fill(browser: &Browser, css: &str, text: &str) {
    browser.tab_to(css).await;
    browser.type_there(text).await;
}

/// Goes to a list and chooses a value of it.
async fn choose(browser: &Browser, css: &str, value: &str) {
    browser.tab_to(css).await;
    for _ in 0..50 {
        let chosen = browser.run("return document.activeElement.value", json!([]));
        if chosen.await == value {
            return;
        }
        browser.press(DOWN).await;
    }
    panic!("{css} has no {value}");
}

/// Fills in the form of a booking, up to its button.
async fn fill_booking(browser: &Browser, find: &str, slot: &str) {
    fill(browser, "#find", find).await;
    browser.press(ENTER).await;
    browser
        .wait_for("document.querySelectorAll('#customerid option').length === 1")
        .await;
    choose(browser, "#slot", slot).await;
    fill(browser, "#description", "by keyboard").await;
    browser.tab_to("#book form[method=post] button").await;
}

#[tokio::test]
async fn an_admin_needs_no_mouse() {
    let (deployment, site) = deploy(PAIRS[0]).await;
    deployment.migrate_and_load();
    let token = deployment.token("admin", &[]);
    let service = booking::serve(&deployment, &token).await;
    let open = |path: String| format!("{}{path}", service.url);
    let browser = Browser::start().await;

    browser.open(&open("/login?lang=en".to_owned())).await;
    fill(&browser, "#token", &token).await;
    browser.press(ENTER).await;
    browser
        .wait_for("document.querySelector('form[action=\"/logout\"]')")
        .await;

    // Consultant 1 has the last slot of tomorrow, which is free.
    let tomorrow = today().tomorrow().unwrap();
    let slot = "1 12:00:00";
    browser
        .open(&open(format!("/appointments?date={tomorrow}")))
        .await;
    fill_booking(&browser, "c8@example", slot).await;
    browser.press(ENTER).await;
    let said = browser.text("[role=status]").await;
    assert!(said.starts_with("The appointment is booked."), "{said}");
    let row = browser.text("li:target").await;
    assert!(row.contains("by keyboard"), "{row}");
    let id = browser.run("return location.hash", json!([])).await;
    let mut id = id.as_str().unwrap().replace("#a-", "");

    // While somebody fills in the form, the slot is taken: in both languages.
    for (language, refusal) in [
        ("en", "The consultant has another appointment at this time."),
        ("vi", "Tư vấn viên đã có lịch hẹn vào giờ này."),
    ] {
        let cancel = format!("/{id}/cancel");
        let cancelled = ask(&service, &token, (Method::POST, &cancel), None).await;
        assert_eq!(cancelled.0, StatusCode::OK, "{}", cancelled.1);
        browser
            .open(&open(format!(
                "/appointments?date={tomorrow}&lang={language}"
            )))
            .await;
        fill_booking(&browser, "c10@example", slot).await;
        let faster = json!({"customerid": "fb-10", "consultantid": 1, "date": tomorrow,
            "time": "12:00"});
        let faster = ask(&service, &token, (Method::POST, ""), Some(faster)).await;
        assert_eq!(faster.0, StatusCode::CREATED, "{}", faster.1);
        id = faster.1["appointmentid"].to_string();
        browser.press(ENTER).await;
        let said = browser.text("[role=alert]").await;
        assert!(said.contains(refusal), "{said}");
        let asked = format!("?q=by%20keyboard&date={tomorrow}&status=pending");
        let listed = ask(&service, &token, (Method::GET, &asked), None).await;
        assert_eq!(listed.1["total"], 0, "{}", listed.1);
    }

    browser.open(&open("/customers?lang=en".to_owned())).await;
    for (asked, found) in [
        (
            "nguyen",
            "SELECT count(*) FROM Customers WHERE FullName LIKE 'Nguyễn%'",
        ),
        (
            "0912",
            "SELECT count(*) FROM Customers WHERE PhoneNumber LIKE '0912%'",
        ),
    ] {
        let count = site.open().query_row(found, [], |row| row.get::<_, i64>(0));
        browser.tab_to("#q").await;
        browser
            .run("document.activeElement.select()", json!([]))
            .await;
        browser.type_there(asked).await;
        browser.press(ENTER).await;
        browser
            .wait_for(&format!("location.search.includes('q={asked}')"))
            .await;
        let total = browser.text("[data-figure=total]").await;
        assert_eq!(total, count.unwrap().to_string(), "{asked}");
    }

    // A date that is not loaded; the browser asks for month, day and year.
    let date = site.date(-20);
    browser.open(&open("/days".to_owned())).await;
    let typed = date.strftime("%m%d%Y").to_string();
    fill(&browser, "#date", &typed).await;
    browser.press(ENTER).await;
    let why = browser.text(&format!("[data-figure=\"why-{date}\"]")).await;
    assert!(why.contains("pinned"), "{why}");
    let rows = browser.text(&format!("#d-{date} td")).await;
    assert_ne!(rows, "–");
}

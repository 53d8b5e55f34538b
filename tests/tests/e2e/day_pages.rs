//! The table of a day in a real browser.

use causeway_tests::browser::{ENTER, TAB};
use causeway_tests::deployment::PAIRS;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::booking::{self, ask};
use crate::ground::{deploy, today};
use crate::pages::signed_in_at;

/// Most keys that somebody needs who assigns an appointment on the page that they look at.
const MAX_KEYS: u32 = 6;

#[tokio::test]
async fn an_appointment_is_assigned_with_few_keys_and_two_clicks() {
    let (deployment, _) = deploy(PAIRS[0]).await;
    deployment.migrate_and_load();
    let token = deployment.token("admin", &[]);
    let service = booking::serve(&deployment, &token).await;
    let tomorrow = today().tomorrow().unwrap();
    // Consultant 1 has the last slot of tomorrow, which is free.
    let booking = json!({"customerid": "fb-10", "date": tomorrow, "time": "12:00"});
    let booked = ask(&service, &token, (Method::POST, ""), Some(booking)).await;
    assert_eq!(booked.0, StatusCode::CREATED, "{}", booked.1);
    let id = booked.1["appointmentid"].as_i64().unwrap();

    let day = format!("/appointments?date={tomorrow}#day");
    let browser = signed_in_at(&service, &token, &day).await;
    let assign = format!("a[href$=\"move={id}\"]");
    let at = "return document.activeElement.matches(arguments[0])";
    let mut keys = 0;
    while browser.run(at, json!([assign])).await != json!(true) {
        browser.press(TAB).await;
        keys += 1;
        assert!(keys < MAX_KEYS, "the link is far away");
    }
    browser.press(ENTER).await;
    browser
        .wait_for("document.activeElement.matches('button.free')")
        .await;
    browser.press(ENTER).await;
    keys += 2;
    assert!(keys <= MAX_KEYS, "{keys}");
    browser
        .wait_for("location.search.includes('done=moved')")
        .await;
    let row = browser.text(&format!("#a-{id}")).await;
    assert!(row.contains("Trần Thị A") && row.contains("12:00"), "{row}");
    let held = format!(".hours a[href=\"#a-{id}\"]");
    assert!(browser.text(&held).await.contains("Nguyễn Văn 10"));

    // Back again, and with a mouse.
    let (status, row) = ask(
        &service,
        &token,
        (Method::PATCH, &format!("/{id}")),
        Some(json!({"consultantid": null})),
    )
    .await;
    assert_eq!(status, StatusCode::OK, "{row}");
    browser.open(&format!("{}{day}", service.url)).await;
    browser.click(&format!(".waiting {assign}")).await;
    browser.click("button.free[value=\"1 12:00:00\"]").await;
    browser
        .wait_for("location.search.includes('done=moved')")
        .await;
}

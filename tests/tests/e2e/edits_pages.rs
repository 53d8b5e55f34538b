//! The pages of what was changed in the cloud, and of imports, in a real browser: by mouse and by keyboard
//! alone, on a phone and on a screen, light and dark.

use std::fs;

use causeway_tests::browser::{Browser, ENTER};
use causeway_tests::deployment::{Deployment, PAIRS, Service};
use causeway_tests::meetassist::MeetAssist;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::booking::{ask, serve_with};
use crate::every_page::assert_is_well;
use crate::ground::deploy;
use crate::pages::signed_in_at;

/// How somebody works.
#[derive(Debug, Clone, Copy)]
enum With {
    Mouse,
    Keyboard,
}

impl With {
    /// Follows a link or presses a button.
    async fn press(self, browser: &Browser, css: &str) {
        match self {
            Self::Mouse => browser.click(css).await,
            Self::Keyboard => {
                browser.tab_to(css).await;
                browser.press(ENTER).await;
            }
        }
    }

    /// Once is enough.
    async fn look_at(self, browser: &Browser, name: &str) {
        if matches!(self, Self::Mouse) {
            assert_is_well(browser, name).await;
        }
    }

    async fn fill(self, browser: &Browser, css: &str, text: &str) {
        match self {
            Self::Mouse => browser.type_into(css, text).await,
            Self::Keyboard => {
                browser.tab_to(css).await;
                browser.type_there(text).await;
            }
        }
    }
}

/// A service that looks often, of a site.
pub(crate) async fn ground() -> (Deployment, MeetAssist, Service, String) {
    let (deployment, site) = deploy(PAIRS[0]).await;
    deployment.migrate_and_load();
    let token = deployment.token("admin", &[]);
    let often = [("CAUSEWAY_REFRESH__EVERY", "1s")];
    let service = serve_with(&deployment, &token, &often).await;
    (deployment, site, service, token)
}

pub(crate) async fn cancel(service: &Service, token: &str, id: i64) {
    let cancel = format!("/{id}/cancel");
    let (status, cancelled) = ask(service, token, (Method::POST, &cancel), None).await;
    assert_eq!(status, StatusCode::OK, "{cancelled}");
}

async fn status_of(service: &Service, token: &str, id: i64) -> String {
    let (_, row) = ask(service, token, (Method::GET, &format!("/{id}")), None).await;
    row["status"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn conflicts_are_opened_from_the_overview_and_settled() {
    let (deployment, site, service, token) = ground().await;
    let ids = [1, 0].map(|day| site.first_appointment(day));
    for id in ids {
        cancel(&service, &token, id).await;
        site.execute(&format!(
            "UPDATE Appointments SET Status = 'completed' WHERE AppointmentId = {id}"
        ));
    }
    let _ = deployment.agent(&["sync"]).expect_code(0);

    let browser = signed_in_at(&service, &token, "/").await;
    browser
        .wait_for(
            "document.querySelector('a[href=\"/conflicts?site=hcm-01\"]')?.innerText.includes('2')",
        )
        .await;
    let mut left = ids.to_vec();
    for (with, side, status) in [
        (With::Mouse, "site", "completed"),
        (With::Keyboard, "cloud", "cancelled"),
    ] {
        browser.open(&service.url).await;
        let link = "a[href=\"/conflicts?site=hcm-01\"]";
        browser.text(link).await;
        with.press(&browser, link).await;
        browser.wait_for_path("/conflicts?site=hcm-01").await;
        let heading = browser.text("article.conflict h2").await;
        let id = left.iter().position(|id| heading.contains(&id.to_string()));
        let id = left.remove(id.unwrap_or_else(|| panic!("{heading}")));
        assert!(heading.contains(&format!("appointment {id}")), "{heading}");
        let values = browser.text("article.conflict tbody").await;
        assert!(
            values.contains("completed") && values.contains("cancelled (shown now)"),
            "{values}"
        );
        with.look_at(&browser, "conflicts").await;
        let button = format!("button[name=take][value={side}]");
        with.press(&browser, &button).await;
        let taken = format!("location.search.includes('taken={side}')");
        browser.wait_for(&taken).await;
        let said = browser.text("[role=status]").await;
        assert_eq!(said, format!("The {side}'s values stand."));
        let shown = "return document.querySelectorAll('article.conflict').length";
        assert_eq!(browser.run(shown, json!([])).await, left.len());
        assert_eq!(status_of(&service, &token, id).await, status, "{with:?}");
    }
    assert_is_well(&browser, "conflicts-none").await;
}

#[tokio::test]
async fn edits_are_opened_from_the_overview_and_taken_back() {
    let (_deployment, site, service, token) = ground().await;
    // Two without a consultant, so that no slot changes with them.
    let ids = [site.first_appointment(0) + 1, site.first_appointment(2) + 2];
    for (with, id) in [With::Mouse, With::Keyboard].into_iter().zip(ids) {
        let before = status_of(&service, &token, id).await;
        cancel(&service, &token, id).await;
        let browser = signed_in_at(&service, &token, "/").await;
        with.press(&browser, "a[href=\"/edits\"]").await;
        browser.wait_for_path("/edits").await;
        let newest = browser.text(".edits tbody tr").await;
        assert!(
            newest.contains(&format!("appointment {id}")) && newest.contains("cancelled"),
            "{newest}"
        );
        with.look_at(&browser, "edits").await;
        let summary = ".edits tr:first-child details summary";
        with.press(&browser, summary).await;
        with.look_at(&browser, "edits-undo").await;
        with.press(&browser, ".edits tr:first-child details[open] button")
            .await;
        browser
            .wait_for("location.search.includes('undone=true')")
            .await;
        let said = browser.text("[role=status]").await;
        assert!(said.starts_with("The change is taken back."), "{said}");
        let newest = browser.text(".edits tbody tr").await;
        assert!(newest.contains("Taken back"), "{newest}");
        assert_eq!(status_of(&service, &token, id).await, before, "{with:?}");
        with.look_at(&browser, "edits-undone").await;
    }
}

#[tokio::test]
async fn files_are_uploaded_previewed_and_imported() {
    let (deployment, _, service, token) = ground().await;
    for (with, name) in [(With::Mouse, "one"), (With::Keyboard, "two")] {
        let file = deployment.path(&format!("{name}.sql"));
        let sql = format!(
            "CREATE TABLE x (y int); INSERT INTO customer (customerid, fullname, email) VALUES \
             ('{name}', 'Lê C', '{name}@x'), ('d', NULL, 'd@x');"
        );
        fs::write(&file, sql).unwrap();
        let browser = signed_in_at(&service, &token, "/").await;
        with.press(&browser, "a[href=\"/import\"]").await;
        browser.wait_for_path("/import").await;
        let site = format!("hcm-{name}");
        with.fill(&browser, "#site", &site).await;
        with.fill(&browser, "#file", file.to_str().unwrap()).await;
        with.press(&browser, "form[action=\"/import/preview\"] button")
            .await;
        let said = browser.text("[data-figure=result]").await;
        assert!(said.starts_with("Nothing is written yet."), "{said}");
        assert_eq!(browser.text("[data-figure=refused]").await, "1");
        let table = browser.text("tbody").await;
        assert!(table.contains("customer"), "{table}");
        with.look_at(&browser, "import-preview").await;
        with.press(&browser, "form[action$=\"/run\"] button").await;
        let done =
            "document.querySelector('[data-figure=result]')?.innerText.startsWith('Imported')";
        browser.wait_for(done).await;
        with.look_at(&browser, "import-done").await;
        browser.open(&format!("{}/import", service.url)).await;
        let listed = browser.text("tbody").await;
        let last = listed.lines().next().unwrap_or_default();
        assert!(
            last.contains(&format!("{name}.sql")) && last.contains(&site),
            "{listed}"
        );
    }
    // What cannot be imported.
    let file = deployment.path("cut.sql");
    fs::write(&file, "INSERT INTO customer VALUES ('c").unwrap();
    let browser = signed_in_at(&service, &token, "/import?lang=vi").await;
    browser.type_into("#site", "hcm-three").await;
    browser.type_into("#file", file.to_str().unwrap()).await;
    browser
        .click("form[action=\"/import/preview\"] button")
        .await;
    let said = browser.text("[role=alert]").await;
    assert!(
        said.contains("Tệp không đầy đủ") && said.contains("it is cut off"),
        "{said}"
    );
    assert_is_well(&browser, "import-failed").await;
}

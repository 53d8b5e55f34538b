//! Every page in a real browser, on a phone and on a screen, light and dark.

use std::path::PathBuf;
use std::{env, fs};

use causeway_tests::browser::Browser;
use serde_json::json;

use crate::edits_pages::{cancel, ground};
use crate::pages::signed_in_at;

/// Fails where the page is wider than the screen, or axe-core finds something. With `CAUSEWAY_PICTURES` it
/// keeps pictures in that folder.
pub(crate) async fn assert_is_well(browser: &Browser, name: &str) {
    let wrong = wrong_with(browser, name).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn wrong_with(browser: &Browser, name: &str) -> Vec<String> {
    let beyond =
        "const root = document.documentElement; return root.scrollWidth - root.clientWidth";
    let ground = "return getComputedStyle(document.body).backgroundColor";
    let mut wrong = Vec::new();
    let mut grounds = Vec::new();
    for (width, scheme) in [
        (320, "light"),
        (320, "dark"),
        (1280, "dark"),
        (1280, "light"),
    ] {
        browser.show_on(width, scheme).await;
        let what = format!("{name}, {scheme}, {width} px");
        let wide = browser.run(beyond, json!([])).await;
        if wide != 0 {
            wrong.push(format!("{what}: {wide} px too wide"));
        }
        grounds.push(browser.run(ground, json!([])).await);
        let found = browser.findings().await;
        wrong.extend(found.iter().map(|found| format!("{what}: {found}")));
        if let Some(folder) = pictures() {
            let file = folder.join(format!("{name}-{scheme}-{width}.png"));
            fs::write(file, browser.picture().await).unwrap();
        }
    }
    assert_ne!(grounds[0], grounds[1], "{name}: light and dark");
    wrong
}

/// Keeps a picture of a page as most see it, where the tests are told to.
pub(crate) async fn keep_picture(browser: &Browser, name: &str) {
    if let Some(folder) = pictures() {
        browser.show_on(1280, "light").await;
        fs::write(folder.join(format!("{name}.png")), browser.picture().await).unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says it")]
fn pictures() -> Option<PathBuf> {
    env::var_os("CAUSEWAY_PICTURES").map(PathBuf::from)
}

/// Opens pages of a site with a changed row, and tells what is wrong with them. `ID` is that row's number.
async fn assert_are_well(language: &str, pages: &[(&str, &str)]) {
    let (_deployment, site, service, token) = ground().await;
    let id = site.first_appointment(1);
    cancel(&service, &token, id).await;
    let browser = signed_in_at(&service, &token, &format!("/edits?lang={language}")).await;
    let mut wrong = Vec::new();
    for (name, path) in pages {
        let path = path.replace("ID", &id.to_string());
        browser.open(&format!("{}{path}", service.url)).await;
        wrong.extend(wrong_with(&browser, name).await);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn pages_of_appointments_can_be_used_by_everybody() {
    let pages = [
        ("overview", "/"),
        ("appointments", "/appointments"),
        ("appointments-list", "/appointments/list?q=nguyen"),
        ("appointment", "/appointments/ID?site=hcm-01"),
        ("days", "/days"),
        ("figures-consultants", "/stats/consultants"),
        ("figures-customers", "/stats/customers"),
        ("figures-programs", "/stats/programs"),
    ];
    assert_are_well("en", &pages).await;
}

#[tokio::test]
async fn pages_of_people_can_be_used_by_everybody() {
    let pages = [
        ("consultants", "/consultants"),
        ("consultant", "/consultants/1?site=hcm-01"),
        ("consultant-new", "/new/consultants"),
        ("customers", "/customers?q=0912"),
        ("customer", "/customers/fb-9?site=hcm-01"),
        ("customer-new", "/new/customers"),
    ];
    assert_are_well("en", &pages).await;
}

#[tokio::test]
async fn other_pages_can_be_used_by_everybody() {
    let pages = [
        ("programs", "/programs"),
        ("program", "/programs/1?site=hcm-01"),
        ("program-new", "/new/programs"),
        ("import", "/import"),
        ("docs", "/docs"),
        ("nothing-found", "/customers?q=nobody"),
        ("problem", "/customers/nobody?site=hcm-01"),
    ];
    assert_are_well("en", &pages).await;
}

#[tokio::test]
async fn pages_can_be_used_by_everybody_in_vietnamese() {
    let pages = [
        ("overview-vi", "/"),
        ("appointments-vi", "/appointments"),
        ("import-vi", "/import"),
        ("docs-vi", "/docs"),
    ];
    assert_are_well("vi", &pages).await;
}

#[tokio::test]
async fn the_login_page_can_be_used_by_everybody() {
    let (_deployment, _, service, _) = ground().await;
    let browser = Browser::start().await;
    browser
        .open(&format!("{}/login?lang=vi", service.url))
        .await;
    assert_is_well(&browser, "login").await;
}

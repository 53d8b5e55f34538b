//! The dashboard's pages in a real browser.

use causeway_tests::browser::Browser;
use causeway_tests::deployment::{Deployment, PAIRS, Service};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::ground::{deploy, today};

/// A host name that is this machine to the browser alone, so that plain HTTP to it is as over a
/// network.
const HOST: &str = "hub.example";

/// A loaded site, its hub's service, and a token to sign in with.
async fn serve() -> (Deployment, Service, String) {
    let (deployment, _) = deploy(PAIRS[0]).await;
    deployment.migrate_and_load();
    let token = deployment.token("admin", &[]);
    let service = deployment.serve(&[]);
    (deployment, service, token)
}

/// The session's cookie.
async fn session(browser: &Browser) -> Value {
    let cookies = browser.cookies().await;
    let mut cookies = cookies.into_iter();
    cookies
        .find(|cookie| cookie["name"] == "causeway_session")
        .unwrap_or_default()
}

/// A browser that has signed in and shows a page.
pub(crate) async fn signed_in_at(service: &Service, token: &str, path: &str) -> Browser {
    let browser = Browser::start().await;
    let link = format!("{}/login?lang=en#token={token}", service.url);
    browser.open(&link).await;
    assert_signed_in(&browser).await;
    browser.open(&format!("{}{path}", service.url)).await;
    browser
}

async fn assert_signed_in(browser: &Browser) {
    browser.wait_for_path("/").await;
    browser
        .wait_for("document.querySelector('form[action=\"/logout\"]')")
        .await;
}

#[tokio::test]
async fn a_login_link_signs_in_and_signing_out_ends_the_session() {
    let (_deployment, service, token) = serve().await;
    let browser = Browser::start().await;
    browser.open(&service.url).await;
    browser.wait_for_path("/login").await;

    browser
        .open(&format!("{}/login?lang=en#token={token}", service.url))
        .await;
    assert_signed_in(&browser).await;
    let cookie = session(&browser).await;
    assert_eq!(
        (&cookie["httpOnly"], &cookie["sameSite"], &cookie["secure"]),
        (&json!(true), &json!("Strict"), &json!(false))
    );
    let seen = browser.run("return document.cookie", json!([])).await;
    assert!(
        !seen.as_str().unwrap().contains("causeway_session"),
        "{seen}"
    );

    browser.click("form[action=\"/logout\"] button").await;
    browser.wait_for_path("/login").await;
    assert_eq!(session(&browser).await, Value::Null);
    let old = reqwest::Client::new().get(format!("{}/live", service.url));
    let old = old.header(
        "cookie",
        format!("causeway_session={}", cookie["value"].as_str().unwrap()),
    );
    assert_eq!(
        old.send().await.unwrap().status(),
        reqwest::StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_login_link_signs_in_where_the_login_page_is_open_already() {
    let (_deployment, service, token) = serve().await;
    let browser = Browser::start().await;
    browser.open(&format!("{}/login", service.url)).await;
    browser.wait_for_path("/login").await;
    browser
        .open(&format!("{}/login#token={token}", service.url))
        .await;
    assert_signed_in(&browser).await;
}

#[tokio::test]
async fn a_wrong_token_is_said_to_be_wrong_and_a_right_one_taken() {
    let (_deployment, service, token) = serve().await;
    let browser = Browser::start().await;
    browser
        .open(&format!("{}/login?lang=en", service.url))
        .await;
    browser.type_into("#token", "cw_wrong").await;
    browser.click("button[type=\"submit\"]").await;
    let notice = browser.text("[role=\"alert\"]").await;
    assert_eq!(notice, "This token is wrong or was revoked.");
    browser.type_into("#token", &token).await;
    browser.click("button[type=\"submit\"]").await;
    assert_signed_in(&browser).await;
}

/// A site with one page, which sends a form elsewhere as soon as it is shown; its port.
async fn evil_site(action: &str, token: &str) -> u16 {
    let page = format!(
        "<form method=post action='{action}'><input name=token value='{token}'></form>\
         <script>document.forms[0].submit()</script>"
    );
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{page}",
        page.len()
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // The browser may give up a connection that it opened in advance.
            let _ = stream.read(&mut [0; 4_096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    port
}

#[tokio::test]
async fn over_plain_http_another_site_signs_nobody_in_or_out() {
    let (deployment, service, token) = serve().await;
    let evil_token = deployment.token("viewer", &[]);
    let browser = Browser::that_knows(HOST).await;
    let url = service.url.replace("127.0.0.1", HOST);
    browser.open(&format!("{url}/login#token={token}")).await;
    assert_signed_in(&browser).await;
    let is_secure = browser
        .run("return window.isSecureContext", json!([]))
        .await;
    assert_eq!(is_secure, false, "the browser sends no Sec-Fetch-Site");
    let before = session(&browser).await["value"].clone();

    for path in ["/logout", "/login"] {
        let port = evil_site(&format!("{url}{path}"), &evil_token).await;
        browser.open(&format!("http://127.0.0.1:{port}/")).await;
        browser.wait_for_path(path).await;
        let said = browser.text("body").await;
        assert!(
            said.contains("the request comes from another site's page"),
            "{said}"
        );
        browser.open(&url).await;
        assert_signed_in(&browser).await;
        assert_eq!(session(&browser).await["value"], before, "{path}");
    }

    browser.click("form[action=\"/logout\"] button").await;
    browser.wait_for_path("/login").await;
}

#[tokio::test]
async fn a_day_is_opened_and_an_appointment_booked_and_cancelled() {
    let (_deployment, service, token) = serve().await;
    // The last slot of tomorrow is free; it is consultant 1's.
    let tomorrow = today().tomorrow().unwrap();
    let browser = signed_in_at(&service, &token, "/").await;
    browser.click("a[href=\"/appointments\"]").await;
    browser.wait_for_path("/appointments").await;
    browser
        .open(&format!("{}/appointments?date={tomorrow}", service.url))
        .await;
    browser.type_into("#find", "c8@example").await;
    browser.click("#book form[method=get] button").await;
    browser
        .wait_for("document.querySelectorAll('#customerid option').length === 1")
        .await;
    browser.type_into("#description", "<i>thuế</i>").await;
    let slot = "#slot option[value=\"1 12:00:00\"]";
    assert_eq!(browser.text(slot).await, "Trần Thị A, 12:00–13:00");
    browser.click(slot).await;
    browser.click("#book form[method=post] button").await;
    let said = browser.text("[role=status]").await;
    assert!(said.starts_with("The appointment is booked."), "{said}");
    let row = browser.text("li:target").await;
    assert!(
        row.contains("12:00") && row.contains("Pending") && row.contains("<i>thuế</i>"),
        "{row}"
    );

    browser.click("li:target .who a").await;
    browser.click("details.confirm summary").await;
    browser.click("details.confirm button.danger").await;
    browser
        .wait_for("location.search.includes('done=cancelled')")
        .await;
    let row = browser.text("li:target").await;
    assert!(row.contains("Cancelled"), "{row}");
    let forms = "return document.querySelectorAll('li:target button').length";
    assert_eq!(browser.run(forms, json!([])).await, 0);
}

#[tokio::test]
async fn a_viewer_sees_a_day_without_forms() {
    let (deployment, service, _) = serve().await;
    let viewer = deployment.token("viewer", &[]);
    let browser = signed_in_at(&service, &viewer, "/appointments").await;
    let shown = browser.text("main").await;
    assert!(shown.contains("09:00"), "{shown}");
    let forms = "return document.querySelectorAll('main form[method=post]').length";
    assert_eq!(browser.run(forms, json!([])).await, 0);
}

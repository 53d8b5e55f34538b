//! The page of imports in a browser: a file that is too large for a request goes straight to the store.

use std::fs;
use std::sync::Arc;

use causeway_tests::browser::Browser;
use causeway_tests::lambda::serve_over_http;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::Ground;
use crate::every_page::assert_is_well;

/// Bytes that a request to a function may not have.
const TOO_LARGE: usize = 4_200_000;
const SQL: &str =
    "INSERT INTO customer (customerid, fullname, email) VALUES ('c', 'Lê C', 'c@x');\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_is_uploaded_to_the_store_and_imported() {
    let Ground {
        deployment,
        function,
        token,
        ..
    } = Ground::new().await;
    let file = deployment.path("large.sql");
    let comment = "-- nothing\n".repeat(TOO_LARGE / 11);
    fs::write(&file, SQL.to_owned() + &comment).unwrap();
    let function = Arc::new(Mutex::new(function));
    let address = serve_over_http(Arc::clone(&function)).await;
    let tick = async || {
        let tick = json!({"command": "tick"});
        function.lock().await.invoke(&tick).await["imports"].clone()
    };
    let browser = Browser::start().await;
    let link = format!("{address}/login?lang=en#token={token}");
    browser.open(&link).await;
    browser.wait_for_path("/").await;

    browser.open(&format!("{address}/import")).await;
    assert_is_well(&browser, "import-large").await;
    browser.type_into("#site", "hcm-02").await;
    browser
        .type_into("#file", &file.display().to_string())
        .await;
    browser.click("#import button").await;
    browser
        .wait_for("location.pathname.startsWith('/import/')")
        .await;
    let preview = browser.run("return location.pathname", json!([])).await;
    let preview = preview.as_str().unwrap().to_owned();
    assert_eq!(tick().await.as_array().unwrap().len(), 1);
    browser.open(&format!("{address}{preview}")).await;
    browser
        .click(&format!("form[action=\"{preview}/run\"] button"))
        .await;
    browser
        .wait_for(&format!(
            "location.pathname.startsWith('/import/') && location.pathname !== {preview:?}"
        ))
        .await;
    assert_eq!(tick().await.as_array().unwrap().len(), 1);
    let get = ("GET", "/api/v1/customers/c?site=hcm-02");
    let customer = function.lock().await.http(&token, get, Value::Null).await;
    assert_eq!(customer.json()["fullname"], "Lê C", "{customer:?}");
}

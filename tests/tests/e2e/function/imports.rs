//! Imports into a function: it has no time for them within a request, and takes no large bodies.

use causeway_tests::lambda::{HttpAnswer, http_answer, v2};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::Ground;

const SQL: &str = "INSERT INTO customer (customerid, fullname, email) VALUES ('c', 'Lê C', 'c@x'), ('d', NULL, 'd@x');";

impl Ground {
    async fn post(&self, path: &str, kind: &str, body: Value) -> HttpAnswer {
        let authorization = format!("Bearer {}", self.token);
        let headers = [("authorization", &*authorization), ("content-type", kind)];
        http_answer(
            &self
                .function
                .invoke(&v2(("POST", path), &headers, body))
                .await,
        )
    }

    /// Signs an upload of a file of so many bytes.
    async fn sign(&self, bytes: usize, md5: &str) -> Value {
        let body = json!({"site": "hcm-02", "bytes": bytes, "md5": md5, "ext": "sql"});
        let path = "/api/v1/imports/uploads";
        let signed = self.post(path, "application/json", body).await;
        assert_eq!(signed.status, 200, "{signed:?}");
        signed.json()
    }

    async fn job(&self, begun: &HttpAnswer) -> Value {
        assert_eq!(begun.status, 202, "{begun:?}");
        let id = begun.json()["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/imports/{id}");
        let job = self
            .function
            .http(&self.token, ("GET", &path), Value::Null)
            .await;
        job.json()
    }
}

/// Uploads a body as a signature says: the store's status.
async fn upload(signed: &Value, body: &str) -> StatusCode {
    let mut request = Client::new().put(signed["url"].as_str().unwrap());
    for (name, value) in signed["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    request.body(body.to_owned()).send().await.unwrap().status()
}

fn md5(text: &str) -> String {
    format!("{:x}", md5::compute(text))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_uploaded_file_is_imported_by_the_next_tick() {
    let ground = Ground::new().await;
    let signed = ground.sign(SQL.len(), &md5(SQL)).await;
    assert_eq!(upload(&signed, SQL).await, StatusCode::OK);
    assert_eq!(upload(&signed, SQL).await, StatusCode::PRECONDITION_FAILED);

    let key = json!({ "key": signed["key"] });
    let import = async |query: &str| {
        let path = format!("/api/v1/imports?site=hcm-02{query}");
        ground.post(&path, "application/json", key.clone()).await
    };
    let (preview, import) = (import("&dry_run").await, import("").await);
    assert_eq!(ground.job(&preview).await["stage"], "waiting");
    let tick = ground.function.invoke(&json!({"command": "tick"})).await;
    assert_eq!(
        tick["imports"],
        json!([preview.json()["id"], import.json()["id"]])
    );
    assert_eq!(ground.job(&preview).await["result"]["commit"], Value::Null);
    let job = ground.job(&import).await;
    assert_eq!(job["result"]["commit"], 1, "{job}");
    assert_eq!(
        job["result"]["rows"],
        json!({"scanned": 2, "quarantined": 1})
    );

    let loaded = tick["load"]["sites"].as_array().unwrap();
    assert!(loaded.iter().any(|site| site["site"] == "hcm-02"), "{tick}");
    let path = "/api/v1/customers/c?site=hcm-02";
    let customer = ground
        .function
        .http(&ground.token, ("GET", path), Value::Null)
        .await;
    assert_eq!(customer.json()["fullname"], "Lê C");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_takes_nothing_but_what_was_signed_for() {
    let ground = Ground::new().await;
    let signed = ground.sign(SQL.len(), &md5(SQL)).await;
    let other = SQL.replace("Lê C", "Lê D");
    assert!(
        upload(&signed, &other).await.is_client_error(),
        "another MD5"
    );
    assert!(
        upload(&signed, &SQL[1..]).await.is_client_error(),
        "another length"
    );
    let mut elsewhere = signed.clone();
    elsewhere["url"] = json!(signed["url"].as_str().unwrap().replace("hcm-02", "hcm-01"));
    assert!(
        upload(&elsewhere, SQL).await.is_client_error(),
        "another key"
    );
    let missing = json!({ "key": signed["key"] });
    let path = "/api/v1/imports?site=hcm-02";
    let refused = ground.post(path, "application/json", missing).await;
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (404, &json!("not_found"))
    );
    assert_eq!(upload(&signed, SQL).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_fits_into_a_request_waits_for_the_tick_as_well() {
    let ground = Ground::new().await;
    let path = "/api/v1/imports?site=hcm-02";
    let begun = ground.post(path, "application/sql", json!(SQL)).await;
    let of_agent = "/api/v1/imports?site=hcm-01";
    let of_agent = ground.post(of_agent, "application/sql", json!(SQL)).await;
    ground.function.invoke(&json!({"command": "tick"})).await;
    assert_eq!(ground.job(&begun).await["result"]["commit"], 1);
    let refused = ground.job(&of_agent).await;
    assert_eq!(refused["stage"], "failed");
    let error = refused["error"].as_str().unwrap();
    assert!(
        error.starts_with("site hcm-01 is written by an agent"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_imports_may_send_large_files_to_the_store() {
    let ground = Ground::new().await;
    let page = async |request: (&str, &str), kind: &str, body: &str| {
        let authorization = format!("Bearer {}", ground.token);
        let headers = [
            ("authorization", &*authorization),
            ("accept", "text/html"),
            ("content-type", kind),
        ];
        http_answer(
            &ground
                .function
                .invoke(&v2(request, &headers, json!(body)))
                .await,
        )
    };
    let header = |answer: &HttpAnswer, name: &str| {
        let mut headers = answer.headers.iter();
        headers.find(|(known, _)| known == name).unwrap().1.clone()
    };
    let form = page(("GET", "/import"), "", "").await;
    let html = String::from_utf8(form.body.clone()).unwrap();
    assert!(
        html.contains("data-limit=\"4000000\"") && html.contains("import.js"),
        "{html}"
    );
    let policy = header(&form, "content-security-policy");
    let bucket = &ground.deployment.store.config().endpoint;
    assert!(
        policy.contains(&format!("connect-src 'self' {bucket};")),
        "{policy}"
    );

    // What the script does for a large file, a form does for a small one.
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let file = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.sql\"\r\n\r\n{SQL}\r\n--b--\r\n"
    );
    let sent = [part("site", "hcm-02"), part("add", "false"), file].concat();
    let kind = "multipart/form-data; boundary=b";
    let previewed = page(("POST", "/import/preview"), kind, &sent).await;
    assert_eq!(previewed.status, 303, "{previewed:?}");
    let job = header(&previewed, "location");
    ground.function.invoke(&json!({"command": "tick"})).await;
    let shown = page(("GET", &job), "", "").await;
    let html = String::from_utf8(shown.body).unwrap();
    assert!(html.contains(&format!("action=\"{job}/run\"")), "{html}");

    let form = "application/x-www-form-urlencoded";
    let run = page(("POST", &format!("{job}/run")), form, "").await;
    assert_eq!(run.status, 303, "{run:?}");
    ground.function.invoke(&json!({"command": "tick"})).await;
    let path = "/api/v1/customers/c?site=hcm-02";
    let customer = ground
        .function
        .http(&ground.token, ("GET", path), Value::Null)
        .await;
    assert_eq!(customer.status, 200, "{customer:?}");
}

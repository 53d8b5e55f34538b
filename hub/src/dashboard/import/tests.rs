//! The page of imports, as visitors see it.

use axum::http::{StatusCode, header};
use causeway_shared::ids::SiteName;
use causeway_shared::layout::WhichLog;
use causeway_shared::store::list_all;
use tokio::time::{Duration, sleep};

use crate::serve::testbed::{Answer, Testbed};

const SQL: &str = "INSERT INTO appointment (appointmentid, customerid, date, time) VALUES \
                   (1, 'c', '2025-11-28', '09:00'), (2, 'c', 'soon', '10:00'); DROP TABLE x;";

async fn admin(bed: &Testbed) -> String {
    format!("{}; causeway_lang=en", bed.cookie_of(&bed.admin).await)
}

/// Sends the form, with a file of this name.
async fn send(bed: &Testbed, cookie: &str, fields: &[(&str, &str)], file: (&str, &str)) -> Answer {
    let mut body = String::new();
    for (name, value) in fields {
        body +=
            &format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    let (name, text) = file;
    body += &format!(
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/sql\r\n\r\n{text}\r\n--x--\r\n"
    );
    post(
        bed,
        cookie,
        "/import/preview",
        "multipart/form-data; boundary=x",
        body,
    )
    .await
}

async fn post(bed: &Testbed, cookie: &str, path: &str, kind: &str, body: String) -> Answer {
    let request = axum::http::Request::post(path)
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, kind)
        .header("sec-fetch-site", "same-origin");
    bed.send(request.body(body.into()).unwrap()).await
}

/// The page that an import leads to, once it has ended.
async fn ended(bed: &Testbed, cookie: &str, begun: &Answer) -> (String, Answer) {
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.body);
    let path = begun.header(header::LOCATION).to_owned();
    loop {
        let page = bed.visit(&path, cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        if !page.body.contains("http-equiv=\"refresh\"") {
            return (path, page);
        }
        sleep(Duration::from_millis(5)).await;
    }
}

fn assert_has(page: &Answer, parts: &[&str]) {
    for part in parts {
        assert!(page.body.contains(part), "{part}\n{}", page.body);
    }
}

#[tokio::test]
async fn a_file_is_previewed_and_imported_as_it_was_shown() {
    let bed = Testbed::new().await;
    let cookie = admin(&bed).await;
    let form = bed.visit("/import", &cookie).await;
    assert_has(
        &form,
        &["<h1>Import a file</h1>", "enctype=\"multipart/form-data\""],
    );
    let overview = bed.visit("/", &cookie).await;
    assert_has(&overview, &["<a href=\"/import\">Import a file</a>"]);

    let fields = [("site", "hcm-02"), ("add", "false"), ("dialect", "")];
    let sent = send(&bed, &cookie, &fields, ("C:\\dumps\\day.sql", SQL)).await;
    let (path, preview) = ended(&bed, &cookie, &sent).await;
    assert_has(
        &preview,
        &[
            "<h1>day.sql</h1>",
            "Nothing is written yet.",
            "2 rows read, <span data-figure=\"refused\">1</span> in quarantine",
            "<th scope=\"row\">appointment</th><td>0</td><td>1</td><td>1</td><td>0</td><td>1</td>",
            "date: ",
            "Not executed: DROP TABLE (1)",
        ],
    );
    let view = bed.get("/api/v1/sync").await;
    assert!(!view.body.contains("hcm-02"), "{}", view.body);

    let run = format!("{path}/run");
    let kind = "application/x-www-form-urlencoded";
    let begun = post(&bed, &cookie, &run, kind, String::new()).await;
    let (_, done) = ended(&bed, &cookie, &begun).await;
    assert_has(&done, &["Imported: commit 1"]);
    // Its file is used up.
    let again = post(&bed, &cookie, &run, kind, String::new()).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    assert_has(&again, &["The previewed file is not kept any more."]);

    let sent = send(&bed, &cookie, &fields, ("day.sql", SQL)).await;
    let (_, preview) = ended(&bed, &cookie, &sent).await;
    assert_has(&preview, &["there is nothing to write"]);
    assert!(!preview.body.contains("/run\""), "{}", preview.body);
    let form = bed.visit("/import", &cookie).await;
    assert_eq!(form.body.matches("day.sql</a>").count(), 3);
    let in_vietnamese = bed.visit("/import", &cookie.replace("=en", "=vi")).await;
    assert_has(
        &in_vietnamese,
        &["<h1>Nhập dữ liệu từ tệp</h1>", "xem trước: xong"],
    );
}

#[tokio::test]
async fn what_the_store_has_lost_is_shown_and_put_back() {
    let bed = Testbed::new().await;
    let cookie = admin(&bed).await;
    let fields = [("site", "hcm-02"), ("add", "false"), ("dialect", "")];
    let kind = "application/x-www-form-urlencoded";
    let import = async || {
        let sent = send(&bed, &cookie, &fields, ("day.sql", SQL)).await;
        let (path, preview) = ended(&bed, &cookie, &sent).await;
        let run = format!("{path}/run");
        let begun = post(&bed, &cookie, &run, kind, String::new()).await;
        (preview, ended(&bed, &cookie, &begun).await.1)
    };
    import().await;
    let store = bed.app.hub.store();
    let objects = WhichLog::Agent.objects(&SiteName::new("hcm-02").unwrap());
    let [object] = &list_all(&**store, &objects, None).await.unwrap()[..] else {
        panic!("one object");
    };
    store.delete(&object.key).await.unwrap();

    let (preview, done) = import().await;
    let lost = "Lost objects of the store that the file puts back: 1";
    assert_has(&preview, &["Nothing is written yet.", lost]);
    assert_has(&done, &[lost]);
    assert!(!done.body.contains("nothing changed"), "{}", done.body);
    let again = list_all(&**store, &objects, None).await.unwrap();
    assert_eq!(again[0].key, object.key);
}

#[tokio::test]
async fn what_cannot_be_imported_is_said() {
    let bed = Testbed::new().await;
    let cookie = admin(&bed).await;
    let site = |site: &'static str| [("site", site)];
    for (fields, file, why) in [
        (site("hcm-01"), "a.sql", "An agent writes this site."),
        (site("No"), "a.sql", "Name the site in lower-case letters"),
        (site("hcm-02"), "", "Choose a .sql or .csv file."),
    ] {
        let refused = send(&bed, &cookie, &fields, (file, SQL)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{why}");
        assert_has(&refused, &[why, "enctype=\"multipart/form-data\""]);
    }
    let sent = send(&bed, &cookie, &site("hcm-02"), ("a.txt", SQL)).await;
    let (_, failed) = ended(&bed, &cookie, &sent).await;
    assert_has(
        &failed,
        &["Nothing was imported: a.txt is neither SQL nor CSV"],
    );

    let in_vietnamese = cookie.replace("=en", "=vi");
    let (_, failed) = ended(&bed, &in_vietnamese, &sent).await;
    assert_has(
        &failed,
        &[
            "Không nhập được: Tên tệp phải kết thúc bằng .sql hoặc .csv.",
            "<p lang=\"en\">a.txt is neither SQL nor CSV",
        ],
    );
    let jobs = &bed.app.imports;
    let other = |id: &str| jobs.begin(id.into(), "hcm-02".parse().unwrap(), "x.sql".into(), true);
    let running = (other("1"), other("2"));
    let busy = send(&bed, &in_vietnamese, &site("hcm-02"), ("a.sql", SQL)).await;
    assert_eq!(busy.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_has(&busy, &["Đang có các lần nhập khác."]);
    drop(running);

    let viewer = format!("{}; causeway_lang=en", bed.cookie_of(&bed.viewer).await);
    let form = bed.visit("/import", &viewer).await;
    assert!(
        !form.body.contains("<form class=\"fields\""),
        "{}",
        form.body
    );
    let refused = send(&bed, &viewer, &site("hcm-02"), ("a.sql", SQL)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused
            .header(header::CONTENT_TYPE)
            .starts_with("text/html")
    );
    let long = "x".repeat(201);
    let refused = send(&bed, &cookie, &[("site", &long)], ("a.sql", SQL)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let broken = post(
        &bed,
        &cookie,
        "/import/preview",
        "text/plain",
        String::new(),
    )
    .await;
    assert_eq!(broken.status, StatusCode::BAD_REQUEST, "{}", broken.body);
    let nobody = bed.visit("/import/nobody", &cookie).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_table_that_would_shrink_is_imported_if_somebody_agrees() {
    let bed = Testbed::new().await;
    let cookie = admin(&bed).await;
    let kind = "application/x-www-form-urlencoded";
    let rows: Vec<String> = (1..300)
        .map(|id| format!("('c{id}', 'C', 'c{id}@x')"))
        .collect();
    let sql = |rows: &[String]| {
        let rows = rows.join(", ");
        format!("INSERT INTO customer (customerid, fullname, email) VALUES {rows};")
    };
    for (rows, agrees, text) in [
        (&rows[..], "", "commit 1"),
        (&rows[..9], "allow_shrink=true", "commit 2"),
    ] {
        let sent = send(&bed, &cookie, &[("site", "hcm-02")], ("a.sql", &sql(rows))).await;
        let (path, preview) = ended(&bed, &cookie, &sent).await;
        let asks = preview.body.contains("name=\"allow_shrink\"");
        assert_eq!(asks, !agrees.is_empty(), "{}", preview.body);
        if asks {
            assert_has(
                &preview,
                &[
                    "would shrink from 299 rows to 9; if the rows are meant to go, agree to it below",
                ],
            );
            let preview = bed.visit(&path, &cookie.replace("=en", "=vi")).await;
            assert_has(
                &preview,
                &["customer được giữ nguyên: bảng sẽ giảm từ 299 còn 9 dòng; nếu đúng"],
            );
        }
        let run = format!("{path}/run");
        let begun = post(&bed, &cookie, &run, kind, agrees.to_owned()).await;
        let (_, done) = ended(&bed, &cookie, &begun).await;
        assert_has(&done, &[text]);
    }
}

//! Appointments that are booked and cancelled in the cloud are the store's: whatever becomes of the
//! service and the database, they are there again.

use std::path::Path;
use std::time::Duration;

use causeway_tests::deployment::{Deployment, PAIRS, Service};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::ground::{deploy, rows};
use crate::rebuild::drop_database;

/// A request with a token, answered with JSON.
pub(crate) async fn ask(
    service: &Service,
    token: &str,
    (method, path): (Method, &str),
    body: Option<Value>,
) -> (StatusCode, Value) {
    let url = format!("{}/api/v1/appointments{path}", service.url);
    let request = reqwest::Client::new().request(method, url);
    let mut request = request.bearer_auth(token);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// A service whose database takes writes.
pub(crate) async fn serve(deployment: &Deployment, token: &str) -> Service {
    serve_with(deployment, token, &[]).await
}

/// The same with more variables in its environment.
pub(crate) async fn serve_with(
    deployment: &Deployment,
    token: &str,
    variables: &[(&str, &str)],
) -> Service {
    let service = deployment.serve(variables);
    let client = reqwest::Client::new();
    loop {
        let metrics = client.get(format!("{}/metrics", service.url));
        let metrics = metrics.bearer_auth(token).send().await.unwrap();
        let metrics = metrics.text().await.unwrap();
        if metrics.contains("causeway_site_writable{site=\"hcm-01\"} 1") {
            return service;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn appointments(deployment: &Deployment, token: &str, date: &str) -> Value {
    let service = deployment.serve(&[]);
    let path = format!("?date={date}&limit=500");
    let (status, listed) = ask(&service, token, (Method::GET, &path), None).await;
    assert_eq!(status, StatusCode::OK, "{listed}");
    listed
}

#[tokio::test]
async fn bookings_outlive_the_service_and_the_database() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let token = deployment.token("admin", &[]);
        let service = serve(&deployment, &token).await;
        let date = site.date(1).to_string();
        // The day's last slot: its appointment is cancelled.
        let booking = json!({"customerid": "fb-8", "consultantid": 1, "date": date, "time": "12:00",
            "description": "thuế, luật"});
        let book = (Method::POST, "");
        let (status, booked) = ask(&service, &token, book.clone(), Some(booking.clone())).await;
        assert_eq!(
            (status, &booked["flushed"]),
            (StatusCode::CREATED, &json!(true)),
            "{booked}"
        );
        let (status, refused) = ask(&service, &token, book.clone(), Some(booking)).await;
        assert_eq!(
            (status, &refused["code"]),
            (StatusCode::CONFLICT, &json!("clash")),
            "{refused}"
        );
        assert_eq!(refused["present"]["appointmentid"], booked["appointmentid"]);
        let waiting = json!({"customerid": "fb-10", "date": date, "time": "17:30"});
        let (status, waiting) = ask(&service, &token, book, Some(waiting)).await;
        assert_eq!(
            (status, &waiting["flushed"]),
            (StatusCode::CREATED, &json!(true)),
            "{waiting}"
        );
        let cancel = format!("/{}/cancel", site.first_appointment(1));
        let (status, cancelled) = ask(&service, &token, (Method::POST, &cancel), None).await;
        assert_eq!(
            (status, &cancelled["flushed"]),
            (StatusCode::OK, &json!(true)),
            "{cancelled}"
        );
        let _ = service.running.kill();

        let (listed, before) = (
            appointments(&deployment, &token, &date).await,
            rows(&deployment).await,
        );
        assert_eq!(listed["total"], 6, "{listed}");
        drop_database(&deployment).await;
        let _ = deployment.hub(&["init"]).expect_code(0);
        deployment.load();
        assert_eq!(rows(&deployment).await, before);
        assert_eq!(appointments(&deployment, &token, &date).await, listed);
        let _ = deployment.hub(&["verify"]).expect_code(0);
    }
}

#[tokio::test]
async fn of_many_who_book_one_slot_at_once_one_gets_it() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let token = deployment.token("admin", &[]);
        let service = serve(&deployment, &token).await;
        let date = site.date(1).to_string();
        let bookings = (1..=8).map(|n| {
            let booking = json!({"customerid": format!("fb-{n}"), "consultantid": 1, "date": date,
                "time": "12:00"});
            ask(&service, &token, (Method::POST, ""), Some(booking))
        });
        let answers = futures_util::future::join_all(bookings).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers
            .into_iter()
            .partition(|(status, _)| *status == StatusCode::CREATED);
        assert_eq!(won.len(), 1, "{won:?} {lost:?}");
        for (status, refused) in lost {
            assert_eq!(
                (status, &refused["code"]),
                (StatusCode::CONFLICT, &json!("clash")),
                "{refused}"
            );
            assert_eq!(
                refused["present"]["appointmentid"],
                won[0].1["appointmentid"]
            );
        }
    }
}

#[tokio::test]
async fn both_databases_refuse_alike() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let token = deployment.token("admin", &[]);
        let service = serve(&deployment, &token).await;
        let date = site.date(1).to_string();
        let last = format!("/{}/cancel", site.first_appointment(1) + 3);
        for (path, changes, status, code, field) in [
            (
                "",
                json!({"customerid": "nobody"}),
                422,
                "invalid",
                "customerid",
            ),
            (
                "",
                json!({"consultantid": 99}),
                422,
                "invalid",
                "consultantid",
            ),
            (
                "",
                json!({"meetingurl": format!("https://{}", "x".repeat(248))}),
                422,
                "invalid",
                "meetingurl",
            ),
            (
                "",
                json!({"duration": i64::MAX, "date": "1899-12-31"}),
                422,
                "invalid",
                "date",
            ),
            ("", json!({"consultantid": 3}), 409, "not_allowed_now", ""),
            ("", json!({"time": "07:00"}), 409, "not_allowed_now", ""),
            ("", json!({"time": "09:00"}), 409, "clash", ""),
            (last.as_str(), json!({}), 409, "not_allowed_now", ""),
            ("/999999/cancel", json!({}), 404, "not_found", ""),
        ] {
            let mut body = json!({});
            if path.is_empty() {
                body = json!({"customerid": "fb-8", "consultantid": 1, "date": date,
                    "time": "12:00"});
            }
            let members = changes.as_object().unwrap().clone();
            body.as_object_mut().unwrap().extend(members);
            let (found, refused) = ask(&service, &token, (Method::POST, path), Some(body)).await;
            let fields = refused["errors"].as_array().into_iter().flatten();
            let fields: Vec<&str> = fields.filter_map(|e| e["field"].as_str()).collect();
            assert_eq!(
                (found.as_u16(), refused["code"].as_str(), fields.join(" ")),
                (status, Some(code), field.to_owned()),
                "{changes}: {refused}"
            );
        }
        let description = "'); DROP TABLE appointment; -- <b> \\ %";
        let booking = json!({"customerid": "fb-8", "consultantid": 1, "date": date,
            "time": "12:00", "meetingurl": format!("https://{}", "x".repeat(247)), "description": description});
        let (status, booked) = ask(&service, &token, (Method::POST, ""), Some(booking)).await;
        assert_eq!(
            (status, &booked["description"]),
            (StatusCode::CREATED, &json!(description)),
            "{booked}"
        );
    }
}

/// What `status` and the service say of whether the database takes changes.
async fn said_read_only(
    deployment: &Deployment,
    variables: &[(&str, &str)],
    (service, token): (&Service, &str),
) -> [Value; 2] {
    let status = deployment.hub_program(&["status"]);
    let status = status.envs(variables.iter().copied()).run().json();
    let sync = reqwest::Client::new().get(format!("{}/api/v1/sync", service.url));
    let sync = sync.bearer_auth(token).send().await.unwrap();
    let sync: Value = sync.json().await.unwrap();
    [status, sync].map(|said| said["sites"][0]["read_only"].clone())
}

#[tokio::test]
async fn status_and_the_service_agree_on_who_takes_changes() {
    for pair in PAIRS {
        let (deployment, _) = deploy(pair).await;
        deployment.migrate_and_load();
        let token = deployment.token("viewer", &[]);
        let service = serve(&deployment, &token).await;
        let said = said_read_only(&deployment, &[], (&service, &token)).await;
        assert_eq!(said, [json!(false), json!(false)], "{pair:?}");
        drop(service);
        let never = [("CAUSEWAY_EDITS__WRITE", "false")];
        let load = deployment.hub_program(&["load"]).envs(never).run();
        let _ = load.expect_code(0);
        let service = deployment.serve(&never);
        let said = said_read_only(&deployment, &never, (&service, &token)).await;
        assert_eq!(said, [json!(true), json!(true)], "{pair:?}");
    }
}

#[tokio::test]
async fn a_database_that_does_not_own_the_edits_names_the_one_that_does() {
    let (deployment, site) = deploy(PAIRS[0]).await;
    deployment.migrate_and_load();
    let token = deployment.token("admin", &[]);
    let other = format!("sqlite:{}", deployment.path("other").display());
    let other = [("CAUSEWAY_DATABASE__URL", other.as_str())];
    for command in ["init", "load"] {
        let _ = deployment.hub_program(&[command]).envs(other).run();
    }
    let service = deployment.serve(&other);
    let date = site.date(1).to_string();
    let booking = json!({"customerid": "fb-8", "consultantid": 1, "date": date, "time": "12:00"});
    let (status, refused) = ask(&service, &token, (Method::POST, ""), Some(booking)).await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::CONFLICT, &json!("read_only")),
        "{refused}"
    );
    let said = said_read_only(&deployment, &other, (&service, &token)).await;
    assert_eq!(said, [json!(true), json!(true)]);
    let owner = deployment.database.url();
    assert!(
        refused["detail"].as_str().unwrap().contains(&owner),
        "{refused}"
    );
    let page = reqwest::Client::new().get(format!("{}/appointments?lang=en", service.url));
    let page = page.bearer_auth(&token).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(
        page.contains("This database is read-only.") && page.contains(&owner),
        "{page}"
    );
    assert!(!page.contains("id=\"book\""), "{page}");
}

#[tokio::test]
async fn a_booking_while_the_store_is_away_is_flushed_when_it_is_back() {
    let (deployment, site) = deploy(PAIRS[0]).await;
    deployment.migrate_and_load();
    let token = deployment.token("admin", &[]);
    let service = serve(&deployment, &token).await;
    let date = site.date(1).to_string();
    // A service has keys for new rows from its first booking on.
    let waiting = json!({"customerid": "fb-10", "date": date, "time": "17:30"});
    let (status, waiting) = ask(&service, &token, (Method::POST, ""), Some(waiting)).await;
    assert_eq!(status, StatusCode::CREATED, "{waiting}");
    let store = deployment.store.config().url.clone();
    let store = Path::new(store.strip_prefix("file://").unwrap());
    let away = store.with_extension("away");
    std::fs::rename(store, &away).unwrap();
    let booking = json!({"customerid": "fb-8", "consultantid": 1, "date": date, "time": "12:00"});
    let (status, booked) = ask(&service, &token, (Method::POST, ""), Some(booking)).await;
    assert_eq!(
        (status, &booked["flushed"]),
        (StatusCode::CREATED, &json!(false)),
        "{booked}"
    );
    std::fs::rename(&away, store).unwrap();
    let _ = deployment.hub(&["flush"]).expect_code(0);
    let commits = store.join("sites/hcm-01/edits/log").read_dir().unwrap();
    let commits = commits.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let actors = commits.map(|commit| commit.matches(r#""actor":"admin/admin""#).count());
    assert_eq!(
        actors.sum::<usize>(),
        3,
        "two bookings and the slot that one took"
    );
    let _ = service.running.kill();

    let before = rows(&deployment).await;
    drop_database(&deployment).await;
    let _ = deployment.hub(&["init"]).expect_code(0);
    deployment.load();
    assert_eq!(rows(&deployment).await, before);
    let listed = appointments(&deployment, &token, &date).await;
    assert_eq!(listed["total"], 6, "{listed}");
}

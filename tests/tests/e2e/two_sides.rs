//! What the site takes away and the cloud has changed, by the programs: the table's rule says what stands, the
//! conflict is listed until somebody takes a side, and all of it is the same in a database made again.

use causeway_tests::DatabaseKind;
use causeway_tests::deployment::{PAIRS, Service};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::booking::{ask, serve};
use crate::ground::{deploy, loaded, rows};
use crate::rebuild::drop_database;
use crate::refused_writes::until_none_waits;

async fn call(service: &Service, token: &str, call: (Method, &str), body: Option<Value>) -> Value {
    let url = format!("{}/api/v1/{}", service.url, call.1);
    let request = reqwest::Client::new()
        .request(call.0, url)
        .bearer_auth(token);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{}: {body}", call.1);
    body
}

/// The tables and keys of the conflicts that are open, with what the site lost.
async fn conflicts(service: &Service, token: &str) -> Vec<(String, String, Value)> {
    let listed = call(service, token, (Method::GET, "sync/conflicts"), None).await;
    let items = listed["items"].as_array().unwrap();
    assert_eq!(listed["total"], items.len());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let conflict = |item: &Value| {
        let of = format!("{} {}", text(&item["table"]), text(&item["key"][0]));
        (of, text(&item["id"]), item["lost"].clone())
    };
    items.iter().map(conflict).collect()
}

#[tokio::test]
async fn rows_that_the_site_deletes_and_the_cloud_changed_are_settled_by_rule() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        site.execute(
            "INSERT INTO Customers (CustomerId, FullName, Email) VALUES ('alone', 'A', 'a@x')",
        );
        deployment.migrate_and_load();
        let token = deployment.token("admin", &[]);
        let service = serve(&deployment, &token).await;
        let first = site.first_appointment(1);
        let [one, other, third] = [first, first + 1, first + 2].map(|id| id.to_string());
        for id in [&one, &other, &third] {
            let cancel = format!("/{id}/cancel");
            let (status, row) = ask(&service, &token, (Method::POST, &cancel), None).await;
            assert_eq!(status, StatusCode::OK, "{row}");
        }
        // Customers are changed by SQL alone, and their rule is the site's.
        let has_sql = pair.1 == DatabaseKind::Postgres;
        if has_sql {
            let client = deployment.database.connect().await;
            let note = "UPDATE hcm_01.customer SET notes = 'edited' WHERE customerid = 'alone'";
            client.batch_execute(note).await.unwrap();
            until_none_waits(&deployment).await;
        }
        let _ = service.running.terminate().expect_code(0);
        site.execute(&format!(
            "DELETE FROM Appointments WHERE AppointmentId IN ({one}, {other}, {third}); \
             DELETE FROM Customers WHERE CustomerId = 'alone'"
        ));
        let _ = deployment.agent(&["sync"]).expect_code(0);

        // New conflicts are something to look at, once.
        let load = deployment.hub(&["load"]).expect_code(3).json();
        let found = if has_sql { 4 } else { 3 };
        assert_eq!(load["sites"][0]["conflicts"], found, "{load}");
        assert_eq!(deployment.load()["conflicts"], 0);
        let status = deployment.hub(&["status"]).expect_code(0).json();
        assert_eq!(status["sites"][0]["conflicts"], found, "{status}");
        let appointments = loaded(&deployment, "appointment").await;
        for id in [&one, &other, &third] {
            assert_eq!(appointments[id][7].as_deref(), Some("cancelled"), "{id}");
        }
        let customers = loaded(&deployment, "customer").await;
        assert!(!customers.contains_key("alone"), "the site's rule");

        let service = serve(&deployment, &token).await;
        let open = conflicts(&service, &token).await;
        assert_eq!(open.len(), found, "{open:?}");
        let take = async |of: &str, side: &str| {
            let (_, id, _) = open.iter().find(|(found, ..)| found == of).unwrap();
            let path = format!("sync/conflicts/{id}");
            let body = json!({ "take": side });
            let taken = call(&service, &token, (Method::POST, &path), Some(body)).await;
            assert_eq!(taken["flushed"], true, "{taken}");
        };
        take(&format!("appointment {one}"), "site").await;
        take(&format!("appointment {other}"), "cloud").await;
        let mut left = vec![format!("appointment {third}")];
        if has_sql {
            take("customer alone", "cloud").await;
        }
        let open = conflicts(&service, &token).await;
        let open: Vec<String> = open.into_iter().map(|(of, ..)| of).collect();
        assert_eq!(open, left);
        let overview = call(&service, &token, (Method::GET, "overview"), None).await;
        let sql = rusqlite::Connection::open(site.database()).unwrap();
        let at_site = "SELECT count(*) FROM Appointments";
        let at_site: i64 = sql.query_row(at_site, [], |row| row.get(0)).unwrap();
        assert_eq!(overview["appointments"]["total"], at_site + 2);
        let _ = service.running.terminate().expect_code(0);

        let check = async || {
            let appointments = loaded(&deployment, "appointment").await;
            assert!(!appointments.contains_key(&one), "the site's side");
            assert!(appointments.contains_key(&other), "the cloud's side");
            let customers = loaded(&deployment, "customer").await;
            assert_eq!(customers.contains_key("alone"), has_sql);
            if has_sql {
                assert_eq!(customers["alone"][7].as_deref(), Some("edited"));
            }
            let _ = deployment.hub(&["verify"]).expect_code(0);
            rows(&deployment).await
        };
        deployment.load();
        let before = check().await;
        drop_database(&deployment).await;
        let _ = deployment.hub(&["init", "--take-over"]).expect_code(0);
        // The conflict that is open was known: it is no new one to a database that is made anew.
        let _ = deployment.hub(&["load"]).expect_code(0);
        assert_eq!(check().await, before);
        let service = serve(&deployment, &token).await;
        let open = conflicts(&service, &token).await;
        assert_eq!(open.into_iter().map(|(of, ..)| of).next(), left.pop());
    }
}

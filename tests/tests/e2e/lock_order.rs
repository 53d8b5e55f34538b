//! An admin and a chatbot want the same rows, and come to them in one order: the customer, then what else. In
//! another they would wait for each other, and PostgreSQL would end one of them.

use std::time::{Duration, Instant};

use causeway_tests::deployment::{Deployment, PAIRS, Service};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::booking::{ask, serve, serve_with};
use crate::chatbot::booking_with;
use crate::edits_pages::cancel;
use crate::fifty_clients::{TIMES, chatbots, make_slots};
use crate::ground::deploy;

/// Within which the hub comes to a row that a chatbot holds, or knows of a conflict.
const HUB_WAITS_WITHIN: Duration = Duration::from_secs(30);

/// The chatbot's one statement takes the customer's row, the new slot's place and the old appointment, in this order:
/// the last of them when the hub waits for it.
async fn book_instead(
    deployment: &Deployment,
    bot: &Client,
    (own, elsewhere): (i64, &str),
    meanwhile: impl Future<Output = (StatusCode, Value)>,
) -> (StatusCode, Value) {
    bot.batch_execute("BEGIN").await.unwrap();
    bot.query_one(elsewhere, &[]).await.unwrap();
    let go_on = async {
        let watcher = deployment.database.connect().await;
        let waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() \
            AND application_name = 'causeway-hub' AND wait_event_type = 'Lock'";
        let hub_waits = async {
            while !watcher
                .query_one(waits, &[])
                .await
                .unwrap()
                .get::<_, bool>(0)
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(HUB_WAITS_WITHIN, hub_waits).await;
        waited.expect("the hub waits for the chatbot");
        let cancel = format!(
            "UPDATE appointment SET status = 'cancelled' WHERE appointmentid = {own}; COMMIT"
        );
        bot.batch_execute(&cancel).await
    };
    let (answer, cancelled) = tokio::join!(meanwhile, go_on);
    cancelled.unwrap();
    answer
}

/// An admin moves the appointment to the place that the chatbot books instead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_and_a_chatbot_who_move_one_appointment_to_one_slot_do_not_block_each_other() {
    let (deployment, site) = deploy(PAIRS[1]).await;
    deployment.migrate_and_load();
    let token = deployment.token("admin", &[]);
    let service = serve(&deployment, &token).await;
    let date = site.date(1).to_string();
    make_slots(&service, &token, &date).await;
    let bots = chatbots(&deployment, 1).await;
    let (time, elsewhere) = (TIMES[0], booking_with(2, "bot-1", &date, TIMES[0]));
    let booking = booking_with(1, "bot-1", &date, time);
    let own: i64 = bots[0].query_one(&booking, &[]).await.unwrap().get(0);

    let path = format!("/{own}/assign");
    let body = Some(json!({"consultantid": 2}));
    let assign = ask(&service, &token, (Method::POST, &path), body);
    let (status, said) = book_instead(&deployment, &bots[0], (own, &elsewhere), assign).await;
    let refused = (status, said["code"].as_str());
    assert_eq!(refused, (StatusCode::CONFLICT, Some("clash")), "{said}");

    // Taking a move back is a move, too.
    let own: i64 = bots[0].query_one(&booking, &[]).await.unwrap().get(0);
    let elsewhere = booking_with(1, "bot-1", &date, time);
    let path = format!("/{own}/assign");
    let body = Some(json!({"consultantid": 2}));
    cancel_all_of(&bots[0], 2, &date, time).await;
    let (status, said) = ask(&service, &token, (Method::POST, &path), body).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    let edits = format!("{}/api/v1/sync/edits", service.url);
    let newest = format!("{edits}?table=appointment&key={own}&limit=1");
    let newest = reqwest::Client::new().get(newest);
    let newest = newest.bearer_auth(&token).send().await.unwrap();
    let newest: Value = newest.json().await.unwrap();
    let edit = &newest["items"][0];
    let which = json!({"site": edit["site"], "commit": edit["commit"], "id": edit["id"]});
    let undo = post(&service, &token, "edits/undo", &which);
    let (status, said) = book_instead(&deployment, &bots[0], (own, &elsewhere), undo).await;
    // The place is the cancelled one's no more.
    let row = &said["row"];
    let expected = (StatusCode::OK, &json!("cancelled"), &json!(1));
    assert_eq!(
        (status, &row["status"], &row["consultantid"]),
        expected,
        "{said}"
    );
}

/// Leaves a consultant's place to whoever comes.
async fn cancel_all_of(bot: &Client, consultant: i64, date: &str, time: &str) {
    let cancel = format!(
        "UPDATE appointment SET status = 'cancelled' \
         WHERE consultantid = {consultant} AND date = '{date}' AND time = '{time}'"
    );
    bot.batch_execute(&cancel).await.unwrap();
}

/// Posts to an address under `/api/v1/sync`.
async fn post(service: &Service, token: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let url = format!("{}/api/v1/sync/{path}", service.url);
    let request = reqwest::Client::new().post(url).bearer_auth(token);
    let answer = request.json(body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// The number of a conflict, as soon as the service knows of one.
async fn conflict(service: &Service, token: &str) -> String {
    let url = format!("{}/api/v1/sync/conflicts", service.url);
    let began = Instant::now();
    loop {
        let listed = reqwest::Client::new().get(&url).bearer_auth(token);
        let listed: Value = listed.send().await.unwrap().json().await.unwrap();
        if let Some(id) = listed["items"][0]["id"].as_str() {
            return id.to_owned();
        }
        assert!(
            began.elapsed() < HUB_WAITS_WITHIN,
            "no conflict is known: {listed}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The site's side of a conflict brings an appointment back to the place that its customer books again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_who_settles_a_conflict_and_a_chatbot_do_not_block_each_other() {
    let (deployment, site) = deploy(PAIRS[1]).await;
    deployment.migrate_and_load();
    let token = deployment.token("admin", &[]);
    let often = [("CAUSEWAY_REFRESH__EVERY", "1s")];
    let service = serve_with(&deployment, &token, &often).await;
    let own = site.first_appointment(1);
    cancel(&service, &token, own).await;
    site.execute(&format!(
        "UPDATE Appointments SET Status = 'completed' WHERE AppointmentId = {own}"
    ));
    let _ = deployment.agent(&["sync"]).expect_code(0);
    let id = conflict(&service, &token).await;

    let bots = chatbots(&deployment, 1).await;
    let row = "SELECT consultantid, customerid, date::text, time::text FROM appointment \
        WHERE appointmentid = $1";
    let row = bots[0].query_one(row, &[&own]).await.unwrap();
    let again = booking_with(row.get(0), row.get(1), row.get(2), row.get(3));
    let path = format!("conflicts/{id}");
    let side = json!({"take": "site"});
    let take = post(&service, &token, &path, &side);
    let (status, said) = book_instead(&deployment, &bots[0], (own, &again), take).await;
    let refused = (status, said["code"].as_str());
    let expected = (StatusCode::CONFLICT, Some("not_allowed_now"));
    assert_eq!(refused, expected, "{said}");
}

//! Fifty clients want the same ten slots, and book, move, assign, confirm and cancel all at once: admins by the
//! API, and a chatbot by SQL of its own. Who loses is told so in one way, and what is left is the store's, too.

use std::collections::BTreeSet;

use causeway_tests::deployment::{Deployment, PAIRS, Service};
use causeway_tests::soaks;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::booking::{ask, serve};
use crate::chatbot::{booking_with, instead_of};
use crate::ground::{deploy, loaded, rows};
use crate::rebuild::drop_database;

const CLIENTS: usize = 50;
/// How often each client books and does something else.
fn rounds() -> usize {
    if soaks() { 20 } else { 4 }
}

/// Times at which two consultants have a slot each.
pub(crate) const TIMES: [&str; 5] = ["13:00:00", "14:00:00", "15:00:00", "16:00:00", "17:00:00"];

/// A slot: consultant and time.
fn slot(number: usize) -> (i64, &'static str) {
    let consultant = if number.is_multiple_of(2) { 1 } else { 2 };
    (consultant, TIMES[number / 2 % TIMES.len()])
}

/// Makes the ten slots.
pub(crate) async fn make_slots(service: &Service, token: &str, date: &str) {
    for consultant in [1, 2] {
        let url = format!(
            "{}/api/v1/consultants/{consultant}/slots/generate",
            service.url
        );
        let slots = json!({"from": date, "to": date, "start": "13:00", "end": "18:00",
            "minutes": 60, "weekends": true});
        let made = reqwest::Client::new().post(url).bearer_auth(token);
        let made: Value = made
            .json(&slots)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!((&made["created"], &made["kept"]), (&json!(5), &json!(0)));
    }
}

/// What became of what a client tried.
#[derive(Debug, Default)]
struct Outcome {
    won: usize,
    lost: usize,
    /// Appointments whose slot it took through the hub.
    took: BTreeSet<i64>,
}

impl Outcome {
    /// An answer of the API: what was asked for, or that somebody else was faster.
    fn answer(&mut self, what: &str, (status, said): &(StatusCode, Value)) -> Option<i64> {
        let is_done = matches!(*status, StatusCode::OK | StatusCode::CREATED);
        if !is_done {
            let code = said["code"].as_str().unwrap_or_default();
            let is_known = matches!(code, "clash" | "not_allowed_now");
            assert!(
                *status == StatusCode::CONFLICT && is_known,
                "{what}: {status} {said}"
            );
            self.lost += 1;
            return None;
        }
        self.won += 1;
        said["appointmentid"].as_i64()
    }

    /// An answer to the chatbot's SQL.
    fn returned(
        &mut self,
        booked: Result<tokio_postgres::Row, tokio_postgres::Error>,
    ) -> Option<i64> {
        match booked {
            Ok(row) => {
                self.won += 1;
                Some(row.get(0))
            }
            Err(error) => {
                assert_eq!(error.code(), Some(&SqlState::UNIQUE_VIOLATION), "{error:?}");
                self.lost += 1;
                None
            }
        }
    }
}

/// Books, and does something to an appointment that is there, whoever's it is.
async fn admin(service: &Service, token: &str, date: &str, number: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let customer = format!("fb-{}", 1 + number % 6);
    for round in 0..rounds() {
        let (consultant, time) = slot(number + 3 * round);
        let booking =
            json!({"customerid": customer, "consultantid": consultant, "date": date, "time": time});
        let booked = ask(service, token, (Method::POST, ""), Some(booking)).await;
        let booked = outcome.answer("book", &booked);
        outcome.took.extend(booked);

        let path = format!("?date={date}&limit=500");
        let (status, listed) = ask(service, token, (Method::GET, &path), None).await;
        assert_eq!(status, StatusCode::OK, "{listed}");
        let open = listed["items"].as_array().unwrap().iter().filter(|row| {
            let is_of_race = TIMES.contains(&row["time"].as_str().unwrap());
            is_of_race && matches!(row["status"].as_str(), Some("pending" | "confirmed"))
        });
        let open: Vec<&Value> = open.collect();
        if open.is_empty() {
            continue;
        }
        let row = open[(7 * number + round) % open.len()];
        let id = row["appointmentid"].as_i64().unwrap();
        let other = json!({"consultantid": 3 - row["consultantid"].as_i64().unwrap()});
        let elsewhere = json!({"time": slot(number + round).1});
        let (method, step, body) = match (number + round) % 4 {
            0 => (Method::POST, "/confirm", None),
            1 => (Method::POST, "/cancel", None),
            2 => (Method::POST, "/assign", Some(other)),
            _ => (Method::PATCH, "", Some(elsewhere)),
        };
        let path = format!("/{id}{step}");
        let done = ask(service, token, (method, &path), body).await;
        let is_same_place = done.1["time"] == row["time"] && step.is_empty();
        if outcome.answer(&path, &done).is_some() && step != "/cancel" && !is_same_place {
            outcome.took.insert(id);
        }
    }
    outcome
}

/// Looks for free slots, books, books another one instead, and cancels, as one customer.
async fn chatbot(client: &Client, date: &str, number: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let customer = format!("bot-{number}");
    let mut own: Option<i64> = None;
    for round in 0..rounds() {
        let free = "SELECT s.consultantid, s.starttime::text FROM consultantschedule s \
            WHERE s.date >= current_date AND s.isavailable AND NOT EXISTS ( \
                SELECT 1 FROM appointment a WHERE a.consultantid = s.consultantid \
                AND a.date = s.date AND a.time = s.starttime AND a.status <> 'cancelled') \
            ORDER BY s.date, s.starttime";
        client.query(free, &[]).await.unwrap();
        // The other consultant at the same time is where an admin may be putting it, too.
        let (consultant, time) = slot(number + 3 * (round / 2) + round % 2);
        let booking = booking_with(consultant, &customer, date, time);
        let sql = match own {
            Some(old) => instead_of(&customer, old, &booking),
            None => booking,
        };
        own = outcome.returned(client.query_one(&sql, &[]).await).or(own);
        let theirs = "SELECT appointmentid, status FROM appointment WHERE customerid = $1";
        client.query(theirs, &[&customer]).await.unwrap();
        if let (Some(id), true) = (own, (number + round).is_multiple_of(3)) {
            let cancel =
                format!("UPDATE appointment SET status = 'cancelled' WHERE appointmentid = {id}");
            client.batch_execute(&cancel).await.unwrap();
            own = None;
        }
    }
    outcome
}

/// Connections of a role that owns nothing.
pub(crate) async fn chatbots(deployment: &Deployment, number: usize) -> Vec<Client> {
    let role = format!("bot_{}", deployment.database.name());
    let make = format!(
        "CREATE ROLE {role}; GRANT USAGE ON SCHEMA hcm_01 TO {role}; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA hcm_01 TO {role}"
    );
    let admin = deployment.database.connect().await;
    admin.batch_execute(&make).await.unwrap();
    let connect = (0..number).map(async |_| {
        let client = deployment.database.connect().await;
        let become_it = format!("SET SESSION AUTHORIZATION {role}; SET search_path = hcm_01");
        client.batch_execute(&become_it).await.unwrap();
        client
    });
    join_all(connect).await
}

/// What stands at the ten slots in the end: of each whether it is available, and the appointments that have it.
async fn standing(deployment: &Deployment, date: &str) -> Vec<(String, bool, Vec<i64>)> {
    let appointments = loaded(deployment, "appointment").await;
    let slots = loaded(deployment, "consultantschedule").await;
    let text = |row: &[Option<String>], at: usize| row[at].clone().unwrap_or_default();
    let of_race = slots
        .values()
        .filter(|slot| text(slot, 2) == date && TIMES.contains(&text(slot, 3).as_str()));
    let standing = of_race.map(|slot| {
        let key = [text(slot, 1), text(slot, 2), text(slot, 3)];
        let held = appointments.values().filter(|row| {
            key == [text(row, 1), text(row, 3), text(row, 4)] && text(row, 7) != "cancelled"
        });
        let held = held.map(|row| text(row, 0).parse().unwrap());
        (key.join(" "), text(slot, 5) == "true", held.collect())
    });
    standing.collect()
}

/// Nothing that is in the database is lost with it.
async fn assert_rebuilt(deployment: &Deployment, service: Service) {
    let _ = service.running.kill();
    let _ = deployment.hub(&["flush"]).expect_code(0);
    let before = rows(deployment).await;
    drop_database(deployment).await;
    let _ = deployment.hub(&["init", "--take-over"]).expect_code(0);
    deployment.load();
    assert_eq!(rows(deployment).await, before);
    let _ = deployment.hub(&["verify"]).expect_code(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_admins_at_the_same_slots_no_two_get_one() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let token = deployment.token("admin", &[]);
        let service = serve(&deployment, &token).await;
        let date = site.date(1).to_string();
        make_slots(&service, &token, &date).await;
        let clients = (0..CLIENTS).map(|number| admin(&service, &token, &date, number));
        let outcomes = join_all(clients).await;
        let won: usize = outcomes.iter().map(|outcome| outcome.won).sum();
        let lost: usize = outcomes.iter().map(|outcome| outcome.lost).sum();
        assert!(
            won > TIMES.len() && lost > TIMES.len(),
            "{won} won, {lost} lost"
        );

        let standing = standing(&deployment, &date).await;
        assert_eq!(standing.len(), 2 * TIMES.len());
        for (slot, is_available, held) in standing {
            assert!(held.len() <= 1, "{pair:?}, {slot}: {held:?}");
            assert_eq!(is_available, held.is_empty(), "{pair:?}, {slot}: {held:?}");
        }
        assert_rebuilt(&deployment, service).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_admins_and_chatbots_at_the_same_slots_no_two_get_one() {
    let (deployment, site) = deploy(PAIRS[1]).await;
    deployment.migrate_and_load();
    let token = deployment.token("admin", &[]);
    let service = serve(&deployment, &token).await;
    let date = site.date(1).to_string();
    make_slots(&service, &token, &date).await;
    let bots = chatbots(&deployment, CLIENTS / 2).await;
    let admins = (0..CLIENTS / 2).map(|number| admin(&service, &token, &date, number));
    let bots = bots.iter().enumerate();
    let bots = bots.map(|(number, client)| chatbot(client, &date, number));
    let (admins, bots) = tokio::join!(join_all(admins), join_all(bots));
    for side in [&admins, &bots] {
        let won: usize = side.iter().map(|outcome| outcome.won).sum();
        let lost: usize = side.iter().map(|outcome| outcome.lost).sum();
        assert!(won > 0 && lost > 0, "{won} won, {lost} lost");
    }

    let took: BTreeSet<i64> = admins
        .iter()
        .flat_map(|outcome| outcome.took.clone())
        .collect();
    for (slot, is_available, held) in standing(&deployment, &date).await {
        assert!(held.len() <= 1, "{slot}: {held:?}");
        // A chatbot writes appointments and never slots.
        let is_taken = held.iter().any(|id| took.contains(id));
        assert!(!(is_taken && is_available), "{slot}: {held:?}");
    }
    assert_rebuilt(&deployment, service).await;
}

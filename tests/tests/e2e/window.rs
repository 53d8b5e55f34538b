//! Which dates are in the database, whoever asks for them: commands, callers one after the other, and
//! many callers of several hubs at once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use causeway_tests::deployment::{Deployment, PAIRS, Service};
use causeway_tests::meetassist::MeetAssist;
use causeway_tests::{DatabaseKind, StoreKind};
use futures_util::future::join_all;
use jiff::civil::Date;
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

use crate::ground::{deploy, loaded};

/// As many as `[window] on_demand_days` keeps, and the days of the window.
const BUDGET: usize = 62;
const WINDOW: usize = 3;
/// The days of history that [`with_history`] adds.
const HISTORY: i64 = 200;

/// Adds an appointment on each of many days before the site's own.
fn with_history(site: &MeetAssist) {
    site.execute(&format!(
        "INSERT INTO Appointments
         WITH RECURSIVE days (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM days WHERE n < {HISTORY})
         SELECT 100000 + n, NULL, 'fb-1', date('{}', '-' || n || ' days'), '09:00:00', 60, NULL,
                'completed', NULL, NULL, NULL FROM days",
        site.date(-50)
    ));
}

/// The days that [`with_history`] adds.
fn history(site: &MeetAssist) -> Vec<Date> {
    (1..=HISTORY).map(|n| site.date(-50 - n)).collect()
}

async fn ask(
    client: &Client,
    url: &str,
    token: &str,
    (method, path): (Method, &str),
) -> (StatusCode, Value) {
    let url = format!("{url}/api/v1{path}");
    let answer = client
        .request(method, url)
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// The numbers of a day's appointments.
async fn numbers(client: &Client, url: &str, token: &str, date: Date) -> Vec<i64> {
    let path = format!("/appointments?date={date}&limit=500");
    let (status, listed) = ask(client, url, token, (Method::GET, &path)).await;
    assert_eq!(status, StatusCode::OK, "{listed}");
    let items = listed["items"].as_array().unwrap();
    items
        .iter()
        .map(|row| row["appointmentid"].as_i64().unwrap())
        .collect()
}

/// The dates whose appointments are in the database.
async fn dates(deployment: &Deployment) -> BTreeSet<Date> {
    let rows = loaded(deployment, "appointment").await;
    rows.values()
        .map(|row| row[3].as_deref().unwrap().parse().unwrap())
        .collect()
}

/// Waits until the service has gone round so often.
async fn rounds(service: &Service, token: &str, more: u64) {
    let client = Client::new();
    let mut until = None;
    loop {
        let (_, sync) = ask(&client, &service.url, token, (Method::GET, "/sync")).await;
        let rounds = sync["refresh"]["rounds"].as_u64().unwrap();
        if rounds >= *until.get_or_insert(rounds + more) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_date_that_a_command_loads_stays_in_a_service() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let token = deployment.token("admin", &[]);
        let service = deployment.serve(&[("CAUSEWAY_REFRESH__EVERY", "1s")]);
        rounds(&service, &token, 1).await;
        let (asked, pinned) = (site.date(-10), site.date(-11));
        let _ = deployment
            .hub(&["load", "--date", &asked.to_string()])
            .expect_code(0);
        let client = Client::new();
        let pin = format!("/sync/pins/{pinned}");
        let (status, pins) = ask(&client, &service.url, &token, (Method::PUT, &pin)).await;
        assert_eq!(status, StatusCode::OK, "{pins}");
        rounds(&service, &token, 2).await;
        let loaded = dates(&deployment).await;
        assert!(
            loaded.contains(&asked) && loaded.contains(&pinned),
            "{loaded:?}"
        );
        let status = deployment.hub(&["status"]).expect_code(0).json();
        assert_eq!(status["pinned"][0], pinned.to_string(), "{status}");
        assert_eq!(
            status["sites"][0]["asked"][0],
            asked.to_string(),
            "{status}"
        );

        let (status, _) = ask(&client, &service.url, &token, (Method::DELETE, &pin)).await;
        assert_eq!(status, StatusCode::OK);
        rounds(&service, &token, 2).await;
        let loaded = dates(&deployment).await;
        assert!(
            loaded.contains(&asked) && !loaded.contains(&pinned),
            "{loaded:?}"
        );
    }
}

#[tokio::test]
async fn hundreds_of_dates_are_read_within_the_budget() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        with_history(&site);
        deployment.migrate_and_load();
        let token = deployment.token("admin", &[]);
        let service = deployment.serve(&[("CAUSEWAY_REFRESH__EVERY", "1s")]);
        let client = Client::new();
        let days = history(&site);
        let pinned = days[100];
        let pin = format!("/sync/pins/{pinned}");
        let (status, pins) = ask(&client, &service.url, &token, (Method::PUT, &pin)).await;
        assert_eq!(status, StatusCode::OK, "{pins}");
        for (n, day) in days.iter().enumerate() {
            let found = numbers(&client, &service.url, &token, *day).await;
            let expected = i64::try_from(n).unwrap() + 100_001;
            assert_eq!(found, [expected], "{day}");
            if n % 20 == 19 {
                let loaded = dates(&deployment).await;
                assert!(
                    loaded.len() <= BUDGET + WINDOW + 1,
                    "{} at {n}",
                    loaded.len()
                );
                assert!(loaded.contains(&pinned));
            }
        }
        let loaded = dates(&deployment).await;
        let last = &days[days.len() - BUDGET..];
        assert!(last.iter().all(|day| loaded.contains(day)), "{loaded:?}");
    }
}

/// Three hubs, fifty callers, dates in no order: each date's rows are loaded once, whoever asks for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_of_several_hubs_load_each_date_once() {
    const CONNECTIONS: i64 = 4;
    let (deployment, site) = deploy((StoreKind::S3, DatabaseKind::Postgres)).await;
    with_history(&site);
    deployment.migrate_and_load();
    let token = deployment.token("admin", &[]);
    let connections = CONNECTIONS.to_string();
    let variables = [
        ("CAUSEWAY_DATABASE__CONNECTIONS", connections.as_str()),
        ("CAUSEWAY_REFRESH__EVERY", "1s"),
    ];
    let before = inserted(&deployment).await;
    let services: Vec<Service> = (0..3).map(|_| deployment.serve(&variables)).collect();
    for service in &services {
        rounds(service, &token, 1).await;
    }
    let days: Vec<Date> = history(&site).into_iter().take(40).collect();
    let watcher = deployment.database.connect().await;
    let done = AtomicBool::new(false);
    let watch = async {
        let count = "SELECT count(*) FROM pg_stat_activity \
            WHERE datname = current_database() AND application_name = 'causeway-hub'";
        let mut most = 0;
        while !done.load(Ordering::Relaxed) {
            let counted = watcher.query_one(count, &[]).await.unwrap();
            most = most.max(counted.get::<_, i64>(0));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        most
    };
    let client = Client::new();
    let caller = |number: u8| {
        let mut chance = fastrand::Rng::with_seed(u64::from(number));
        let service = &services[usize::from(number) % services.len()];
        let (client, token, days) = (&client, &token, &days);
        async move {
            for _ in 0..20 {
                let n = chance.usize(..days.len());
                let found = numbers(client, &service.url, token, days[n]).await;
                assert_eq!(found, [i64::try_from(n).unwrap() + 100_001], "{}", days[n]);
            }
        }
    };
    let work = async {
        join_all((0..50).map(caller)).await;
        done.store(true, Ordering::Relaxed);
    };
    let (most, ()) = tokio::join!(watch, work);
    assert!(most <= 3 * (CONNECTIONS + 2), "{most} connections");

    for service in services {
        let _ = service.running.terminate().expect_code(0);
    }
    let each_once = i64::try_from(days.len()).unwrap();
    assert_eq!(inserted(&deployment).await - before, each_once);
}

/// How many appointments were ever inserted, by the server's own count, which a connection adds to when it
/// ends.
async fn inserted(deployment: &Deployment) -> i64 {
    let hubs = "SELECT count(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND application_name = 'causeway-hub'";
    let count = "SELECT n_tup_ins FROM pg_stat_user_tables \
        WHERE schemaname = 'hcm_01' AND relname = 'appointment'";
    loop {
        let client = deployment.database.connect().await;
        if client.query_one(hubs, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            return client.query_one(count, &[]).await.unwrap().get(0);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

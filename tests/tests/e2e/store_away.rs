//! A hub that starts while the store is away and the database answers.

use std::time::{Duration, Instant};

use causeway_tests::deployment::{Deployment, Service};
use causeway_tests::{DatabaseKind, StoreKind};
use reqwest::header::{AUTHORIZATION, COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};

use crate::ground::deploy;

/// Nothing listens there.
const AWAY: &str = "http://127.0.0.1:1";
/// A token that nobody has.
const UNKNOWN: &str = "cw_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A client that follows no redirection.
fn client() -> Client {
    Client::builder().redirect(Policy::none()).build().unwrap()
}

async fn post(service: &Service, path: &str, cookie: &str, body: String) -> Response {
    let request = client()
        .post(format!("{}{path}", service.url))
        .header(COOKIE, cookie)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    request.send().await.unwrap()
}

/// Signs in; the cookie.
async fn sign_in(service: &Service, token: &str) -> String {
    let answer = post(service, "/login", "", format!("token={token}")).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// Where the first page sends somebody with this cookie; `None`: nowhere, it is shown.
async fn first_page(service: &Service, cookie: &str) -> Option<String> {
    let request = client().get(&service.url).header(COOKIE, cookie);
    let answer = request.send().await.unwrap();
    let location = answer.headers().get(LOCATION);
    location.map(|location| location.to_str().unwrap().to_owned())
}

async fn set_up(database: DatabaseKind) -> (Deployment, String) {
    let (deployment, _) = deploy((StoreKind::S3, database)).await;
    deployment.migrate_and_load();
    let token = deployment.token("viewer", &[]);
    (deployment, token)
}

#[tokio::test]
async fn callers_are_known_from_the_database_while_the_store_is_away() {
    for database in [DatabaseKind::Postgres, DatabaseKind::Sqlite] {
        let (deployment, token) = set_up(database).await;
        let service = deployment.serve(&[]);
        let kept = sign_in(&service, &token).await;
        assert_eq!(first_page(&service, &kept).await, None);
        let _ = service.running.terminate().expect_code(0);

        let service = deployment.serve(&[("CAUSEWAY_STORE__ENDPOINT", AWAY)]);
        assert_eq!(
            first_page(&service, &kept).await,
            None,
            "the session of before"
        );
        let new = sign_in(&service, &token).await;
        assert_eq!(first_page(&service, &new).await, None);
        let overview = client().get(format!("{}/api/v1/overview", service.url));
        let overview = overview.bearer_auth(&token).send().await.unwrap();
        assert_eq!(overview.status(), StatusCode::OK);

        // The store may have taken even the new one, and only its answer was lost.
        for session in [&new, &kept] {
            let answer = post(&service, "/logout", session, String::new()).await;
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(first_page(&service, session).await, None, "it goes on");
        }
        let _ = service.running.terminate().expect_code(0);
    }
}

#[tokio::test]
async fn what_fails_again_and_again_is_logged_once() {
    for database in [DatabaseKind::Postgres, DatabaseKind::Sqlite] {
        // No token was ever made and no hub has served, so the database has no copy.
        let (deployment, _) = deploy((StoreKind::S3, database)).await;
        deployment.migrate_and_load();
        let service = deployment.serve(&[("CAUSEWAY_STORE__ENDPOINT", AWAY)]);
        let client = client();
        let began = Instant::now();
        let mut refused = 0;
        while began.elapsed() < Duration::from_secs(6) {
            let request = client.get(format!("{}/api/v1/overview", service.url));
            let answer = request
                .header(AUTHORIZATION, format!("Bearer {UNKNOWN}"))
                .header("x-request-id", format!("job-{refused}"))
                .send()
                .await;
            assert_eq!(answer.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
            refused += 1;
        }
        assert!(refused > 20, "{refused}");
        let ended = service.running.terminate().expect_code(0);
        let lines = ended.stderr.lines();
        let failed = lines.filter(|line| line.contains("a request could not be answered"));
        let failed: Vec<&str> = failed.collect();
        assert_eq!(failed.len(), 1, "{ended}");
        assert!(failed[0].contains("job-0"), "{ended}");
        assert!(ended.stderr.lines().count() < 30, "{ended}");
    }
}

#[tokio::test]
async fn a_session_ends_on_every_hub_of_a_store() {
    let (deployment, token) = set_up(DatabaseKind::Postgres).await;
    let (here, elsewhere) = (deployment.serve(&[]), deployment.serve(&[]));
    let cookie = sign_in(&here, &token).await;
    let other = sign_in(&here, &token).await;
    assert_ne!(cookie, other);
    assert_eq!(first_page(&elsewhere, &cookie).await, None);
    let _ = post(&here, "/logout", &cookie, String::new()).await;
    assert_eq!(first_page(&here, &cookie).await.as_deref(), Some("/login"));
    let began = Instant::now();
    while first_page(&elsewhere, &cookie).await.is_none() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it works on elsewhere"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(
        first_page(&elsewhere, &other).await,
        None,
        "another browser's goes on"
    );
}

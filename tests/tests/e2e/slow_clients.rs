//! The hub beside clients that are slow on purpose, and beside a database that says nothing.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use causeway_tests::deployment::{Deployment, PAIRS, Service};
use reqwest::StatusCode;
use tokio::net::TcpListener;

use crate::ground::deploy;

/// Most connections that a hub takes.
const MAX_CONNECTIONS: usize = 1_024;
/// Requests that a client sends at once, and never reads the answers to: more than the system holds.
const PIPELINED: usize = 1_000;
/// How much memory a hub may take beside them, in bytes.
const MAX_MEMORY: u64 = 512 << 20;
/// How long anybody else may wait beside slow clients. Who is kept out waits for half a minute.
const SOON: Duration = Duration::from_secs(5);
/// How long beside a silent database, of which the hub itself gives up the connection after five seconds.
const BESIDE_SILENCE: Duration = Duration::from_secs(3);

/// One answer, and how long it took.
async fn get(service: &Service, path: &str, within: Duration) -> (StatusCode, String) {
    let started = Instant::now();
    // A connection of its own, as of somebody who comes anew.
    let client = reqwest::Client::builder().timeout(within).build().unwrap();
    let answer = client.get(format!("{}{path}", service.url)).send().await;
    let answer = answer.unwrap_or_else(|error| panic!("{path}: {error:?}"));
    let answer = (answer.status(), answer.text().await.unwrap());
    assert!(
        started.elapsed() <= within,
        "{path}: {:?}",
        started.elapsed()
    );
    answer
}

async fn assert_well(service: &Service) {
    let (status, _) = get(service, "/healthz", SOON).await;
    assert_eq!(status, StatusCode::OK);
    let began = Instant::now();
    loop {
        let (status, metrics) = get(service, "/metrics", SOON).await;
        assert_eq!(status, StatusCode::OK);
        // They are told without the sites where the database takes more than a moment.
        if metrics.contains("causeway_site_failing{site=\"hcm-01\"} 0") {
            break;
        }
        assert!(began.elapsed() < 4 * SOON, "{metrics}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let (status, _) = get(service, "/login", SOON).await;
    assert_eq!(status, StatusCode::OK);
}

/// A connection with some bytes sent, as many as the system takes at once.
fn connect(service: &Service, bytes: &[u8]) -> TcpStream {
    let address = service.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nonblocking(true).unwrap();
    match stream.write(bytes) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        Err(error) => panic!("{error}"),
    }
    stream
}

/// How many connections fill a hub that may open as many files as this process.
fn all_places() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = files.unwrap().split_whitespace().nth(3).unwrap();
    soft.parse::<usize>()
        .map_or(MAX_CONNECTIONS, |soft| MAX_CONNECTIONS.min(soft / 2))
}

async fn loaded(pair: (causeway_tests::StoreKind, causeway_tests::DatabaseKind)) -> Deployment {
    let (deployment, _) = deploy(pair).await;
    deployment.migrate_and_load();
    deployment
}

#[tokio::test]
async fn clients_that_never_read_keep_nobody_out_measured() {
    for pair in PAIRS {
        let deployment = loaded(pair).await;
        let service = deployment.serve(&[]);
        assert_well(&service).await;
        let request = b"GET /assets/dashboard.css HTTP/1.1\r\nHost: hub\r\n\r\n".repeat(PIPELINED);
        let mut clients: Vec<_> = (0..all_places() + 16)
            .map(|_| connect(&service, &request))
            .collect();
        for _ in 0..5 {
            assert_well(&service).await;
            // They send as much as is taken, and read nothing.
            for client in &mut clients {
                let _closed_or_full = client.write(&request);
            }
        }
        drop(clients);
        assert_well(&service).await;
        let peak_bytes = service.running.peak_bytes().unwrap();
        assert!(peak_bytes < MAX_MEMORY, "{peak_bytes}");
        let ended = service.running.terminate().expect_code(0);
        assert!(ended.stderr.lines().count() < 50, "{ended}");
    }
}

#[tokio::test]
async fn half_sent_bodies_take_nobody_s_place_measured() {
    let deployment = loaded(PAIRS[0]).await;
    let token = deployment.token("viewer", &[]);
    let service = deployment.serve(&[]);
    let half = b"POST /login HTTP/1.1\r\nHost: hub\r\nContent-Length: 100\r\n\
        Content-Type: application/x-www-form-urlencoded\r\n\r\ntoken=";
    let mut clients: Vec<_> = (0..300).map(|_| connect(&service, half)).collect();
    assert_well(&service).await;
    let overview = reqwest::Client::new().get(format!("{}/api/v1/overview", service.url));
    let overview = overview.bearer_auth(token).send().await.unwrap();
    assert_eq!(overview.status(), StatusCode::OK);

    let mut answer = vec![0; 4_096];
    let mut client = tokio::net::TcpStream::from_std(clients.pop().unwrap()).unwrap();
    let read = tokio::io::AsyncReadExt::read(&mut client, &mut answer);
    let read = tokio::time::timeout(Duration::from_secs(20), read).await;
    let answer = String::from_utf8_lossy(&answer[..read.unwrap().unwrap()]).into_owned();
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
    assert!(answer.contains("no body within 10 seconds"), "{answer}");
    drop(clients);
    let _ = service.running.terminate().expect_code(0);
}

/// A server that takes connections and says nothing.
async fn silence() -> (u16, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let taking = tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            taken.push(stream);
        }
    });
    (port, taking)
}

#[tokio::test]
async fn a_silent_database_holds_up_neither_health_nor_metrics_measured() {
    let deployment = loaded(PAIRS[0]).await;
    let token = deployment.token("viewer", &[]);
    let (port, _taking) = silence().await;
    let url = format!("postgres://nobody@127.0.0.1:{port}/hub?sslmode=disable");
    let service = deployment.serve(&[("CAUSEWAY_DATABASE__URL", &url)]);
    // The pages' own requests wait for the database all the while.
    let overview = format!("{}/api/v1/overview", service.url);
    let waiting: Vec<_> = (0..300)
        .map(|_| {
            let request = reqwest::Client::new().get(&overview).bearer_auth(&token);
            tokio::spawn(request.send())
        })
        .collect();
    for _ in 0..3 {
        let health = get(&service, "/healthz", BESIDE_SILENCE).await;
        assert_eq!(health.0, StatusCode::OK);
        let metrics = || get(&service, "/metrics", BESIDE_SILENCE);
        let (one, other) = tokio::join!(metrics(), metrics());
        for (status, metrics) in [one, other] {
            assert_eq!(status, StatusCode::OK);
            assert!(metrics.contains("\ncauseway_database_up 0\n"), "{metrics}");
            assert!(!metrics.contains("causeway_sites "), "{metrics}");
        }
    }
    for request in &waiting {
        request.abort();
    }
    let ended = service.running.terminate().expect_code(0);
    let told = ended
        .stderr
        .matches("metrics are without the sites")
        .count();
    assert_eq!(told, 1, "{ended}");
}

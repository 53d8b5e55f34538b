//! Files that come with requests: too large, where there is no room for them, and left by a hub that was
//! killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use causeway_tests::crash::{Crash, How};
use causeway_tests::deployment::{Deployment, PAIRS, Service};
use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SOON: Duration = Duration::from_secs(10);
const SQL: &str = "INSERT INTO customer (customerid, fullname, email) VALUES ('c', 'Lê C', 'c@x');";

/// A hub without a site, its token, and a folder for its temporary files.
async fn ground() -> (Deployment, String, PathBuf) {
    let deployment = Deployment::create(PAIRS[0], "meetassist", "").await;
    let _ = deployment.hub(&["init"]).expect_code(0);
    let token = deployment.token("admin", &[]);
    let temporary = deployment.path("tmp");
    fs::create_dir(&temporary).unwrap();
    (deployment, token, temporary)
}

/// Begins an upload of so many bytes, and sends the first ones.
async fn begin(service: &Service, token: &str, bytes: u64) -> TcpStream {
    let address = service.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/imports?site=hcm-02 HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/sql\r\nContent-Length: {bytes}\r\n\r\nINSERT"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

fn folders(temporary: &Path) -> usize {
    fs::read_dir(temporary).unwrap().count()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < SOON, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_a_killed_hub_had_in_hand_goes_with_the_next_start() {
    let (deployment, token, temporary) = ground().await;
    let variables = [("TMPDIR", temporary.to_str().unwrap())];
    let (second, second_token, _) = ground().await;
    let (killed, other) = (deployment.serve(&variables), second.serve(&variables));
    let _uploads = [
        begin(&killed, &token, 1_000).await,
        begin(&other, &second_token, 1_000).await,
    ];
    until("two uploads in hand", || folders(&temporary) == 2).await;
    let _ = killed.running.kill();
    assert_eq!(folders(&temporary), 2);
    let next = deployment.serve(&variables);
    until("the killed hub's is gone", || folders(&temporary) == 1).await;
    // The other hub's upload goes on.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(folders(&temporary), 1);
    let _ = (next.running.kill(), other.running.kill());
    let file = deployment.path("dump.sql");
    fs::write(&file, SQL).unwrap();
    let import = ["import", file.to_str().unwrap(), "--site", "hcm-02"];
    let program = deployment.hub_program(&import).envs(variables);
    let _ = program.run().expect_code(0);
    assert_eq!(folders(&temporary), 0);
}

#[tokio::test]
async fn a_file_that_is_said_to_be_too_large_is_not_waited_for() {
    let (deployment, token, _) = ground().await;
    let service = deployment.serve(&[]);
    let mut stream = begin(&service, &token, (1 << 30) + 1).await;
    let mut answer = [0; 12];
    let read = tokio::time::timeout(SOON, stream.read_exact(&mut answer)).await;
    read.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

/// The folder for temporary files takes nothing from some step on, each in turn.
#[tokio::test]
async fn a_file_for_which_there_is_no_room_is_refused_with_what_to_do() {
    let (deployment, token, temporary) = ground().await;
    let crash = Crash::build();
    let mut steps = 0;
    let mut refused = 0;
    loop {
        steps += 1;
        let mut variables = crash.at(steps, How::Full, &[&temporary], &[]).to_vec();
        variables.push(("TMPDIR".to_owned(), temporary.to_str().unwrap().to_owned()));
        let variables: Vec<(&str, &str)> = variables.iter().map(|(n, v)| (&**n, &**v)).collect();
        let service = deployment.serve(&variables);
        let client = reqwest::Client::new();
        let url = format!("{}/api/v1/imports", service.url);
        let sent = client
            .post(format!("{url}?site=hcm-02&dry_run"))
            .bearer_auth(&token)
            .header("content-type", "application/sql")
            .body(SQL)
            .send();
        let sent = sent.await.unwrap();
        let status = sent.status();
        let said: Value = sent.json().await.unwrap();
        if status == StatusCode::INSUFFICIENT_STORAGE {
            refused += 1;
            assert_eq!(said["code"], "no_room", "{said}");
            assert_says_where(&said["detail"], &temporary);
        } else {
            assert_eq!(status, StatusCode::ACCEPTED, "step {steps}: {said}");
            let job = format!("{url}/{}", said["id"].as_str().unwrap());
            let ended = loop {
                let job = client.get(&job).bearer_auth(&token).send().await.unwrap();
                let job: Value = job.json().await.unwrap();
                if ["done", "failed"].map(Value::from).contains(&job["stage"]) {
                    break job;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            if !crash.was_reached() {
                assert_eq!(ended["stage"], "done", "{ended}");
                break;
            }
            // What it can do without it does without.
            if ended["stage"] == "failed" {
                assert_says_where(&ended["error"], &temporary);
            }
        }
        assert_eq!(folders(&temporary), 0, "step {steps}");
    }
    assert!(refused >= 3 && steps > refused, "{refused} of {steps}");
}

fn assert_says_where(said: &Value, temporary: &Path) {
    let said = said.as_str().unwrap();
    assert!(said.contains(temporary.to_str().unwrap()), "{said}");
}

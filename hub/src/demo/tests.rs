//! The demo from an empty folder to its figures, which plain SQL on its site must find as well.
//!
//! On SQLite alone, which is what a demo has: it needs no server.

use std::fs;
use std::io::BufRead as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;

use super::*;

/// 28 November 2025, 09:30 in Ho Chi Minh City.
fn now() -> Timestamp {
    Timestamp::from_second(1_764_297_000).unwrap()
}

fn options(dir: &Path) -> DemoOptions {
    DemoOptions {
        dir: dir.to_owned(),
        appointments: Some(300),
        seed: Some(1),
        once: true,
        json: true,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
    }
}

/// Runs the demo once; answers with the overview that it prints.
async fn once(dir: &Path) -> Value {
    let mut out = Vec::new();
    run(&options(dir), now, &mut out, std::future::pending())
        .await
        .unwrap();
    serde_json::from_slice(&out).unwrap()
}

/// The site's files behind one SQL connection: the CSV files as tables of text.
fn site(dir: &Path) -> Connection {
    let connection = Connection::open(dir.join("site/meetassist.db")).unwrap();
    for table in [
        "consultant",
        "appointmentfeedback",
        "communityprogram",
        "programparticipant",
    ] {
        let file = dir.join(format!("site/csv/{table}.csv"));
        let mut csv = csv::Reader::from_path(file).unwrap();
        let columns = csv.headers().unwrap().iter().collect::<Vec<_>>().join(",");
        connection
            .execute_batch(&format!("CREATE TEMP TABLE {table} ({columns})"))
            .unwrap();
        for record in csv.records() {
            let record = record.unwrap();
            let marks = vec!["?"; record.len()].join(",");
            let insert = format!("INSERT INTO {table} VALUES ({marks})");
            connection
                .execute(&insert, rusqlite::params_from_iter(&record))
                .unwrap();
        }
    }
    connection
}

/// What is good of the appointments: the demo's dirt is a date that is none and an old status.
const GOOD: &str = "FROM appointment WHERE date(Date) = Date AND Status <> 'no-show'";

#[tokio::test]
async fn the_overview_is_what_sql_finds_in_the_site() {
    let dir = tempfile::tempdir().unwrap();
    let overview = once(dir.path()).await;
    let site = site(dir.path());
    let sql = |query: &str| {
        site.query_row(query, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let good = |rest: &str| sql(&format!("SELECT count(*) {GOOD} {rest}"));

    let expected = serde_json::json!({
        "total": good(""),
        "by_status": {
            "pending": good("AND Status = 'pending'"),
            "confirmed": good("AND Status = 'confirmed'"),
            "completed": good("AND Status = 'completed'"),
            "cancelled": good("AND Status = 'cancelled'"),
        },
    });
    let appointments = &overview["appointments"];
    assert_eq!(appointments["total"], expected["total"]);
    assert_eq!(appointments["by_status"], expected["by_status"]);
    assert_eq!(
        appointments["today"]["total"],
        good("AND Date = '2025-11-28'")
    );
    let window = good("AND Date BETWEEN '2025-11-27' AND '2025-12-28'");
    assert_eq!(appointments["window"]["total"], window);

    assert_eq!(
        overview["customers"]["total"],
        sql("SELECT count(*) FROM customer")
    );
    let active = sql("SELECT count(*) FROM consultant WHERE isdisabled = 'false'");
    assert_eq!(overview["consultants"]["active"], active);
    let programs = sql("SELECT count(*) FROM communityprogram");
    assert_eq!(overview["programs"]["total"], programs);
    let participants =
        sql("SELECT count(*) FROM (SELECT DISTINCT programid, customerid FROM programparticipant)");
    assert_eq!(overview["participants"]["total"], participants);
    let rated = format!(
        "FROM appointmentfeedback WHERE CAST(rating AS REAL) <= 5
         AND CAST(appointmentid AS INTEGER) IN (SELECT AppointmentId {GOOD})"
    );
    assert_eq!(
        overview["feedback"]["count"],
        sql(&format!("SELECT count(*) {rated}"))
    );
    let mean: f64 = site
        .query_row(&format!("SELECT avg(rating) {rated}"), [], |row| row.get(0))
        .unwrap();
    let shown = overview["feedback"]["average_rating"].as_f64().unwrap();
    assert!((shown - mean).abs() < 1e-9, "{shown} is not {mean}");
}

#[tokio::test]
async fn started_twice_it_goes_on_with_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let first = once(dir.path()).await;
    site(dir.path())
        .execute("DELETE FROM appointment WHERE AppointmentId = 1", [])
        .unwrap();
    let second = once(dir.path()).await;
    let total = |overview: &Value| overview["appointments"]["total"].as_i64().unwrap();
    assert_eq!(total(&second), total(&first) - 1);
    assert_eq!(second["fresh"][0]["commit"], 2);
}

#[test]
fn what_is_asked_of_a_new_site_is_not_dropped_in_silence() {
    let asked = options(Path::new("there"));
    insta::assert_snapshot!(asked.ignored(false).unwrap(), @"--rows 300 --seed 1 counts for nothing: there has a site already, which is gone on with; remove that folder, or choose another --dir");
    assert_eq!(asked.ignored(true), None);
    let nothing = DemoOptions {
        appointments: None,
        seed: None,
        ..asked
    };
    assert_eq!(nothing.ignored(false), None);
}

#[tokio::test]
async fn nothing_is_left_beside_the_sites_files() {
    let dir = tempfile::tempdir().unwrap();
    once(dir.path()).await;
    let files = fs::read_dir(dir.path().join("site")).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["csv", "meetassist.db"]);
}

#[test]
fn a_folder_with_files_of_others_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("agent.toml"), "site = \"mine\"\n").unwrap();
    let error = Folder::open(dir.path()).unwrap_err();
    assert!(error.is_usage(), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn two_at_once_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Folder::open(dir.path()).unwrap();
    let second = run(
        &options(dir.path()),
        now,
        &mut Vec::new(),
        std::future::pending(),
    )
    .await;
    assert!(
        second.as_ref().is_err_and(DemoError::is_usage),
        "{second:?}"
    );
    let message = second.unwrap_err().to_string();
    assert!(message.contains("is running in"), "{message}");
}

#[tokio::test]
async fn a_link_signs_in_and_an_edit_in_the_site_shows() {
    let dir = tempfile::tempdir().unwrap();
    let options = DemoOptions {
        once: false,
        ..options(dir.path())
    };
    let (stop, stopping) = oneshot::channel::<()>();
    let stopping = async {
        let _ = stopping.await;
    };
    let (said, mut out) = io::pipe().unwrap();
    let demo = run(&options, now, &mut out, stopping);
    let visit = async {
        let said = first_line(said).await;
        let token = fs::read_to_string(dir.path().join("demo-token")).unwrap();
        let (address, token) = (said["address"].as_str().unwrap(), token.trim());
        assert_eq!(said["login"], format!("{address}/login#token={token}"));

        site(dir.path())
            .execute("DELETE FROM appointment WHERE AppointmentId = 1", [])
            .unwrap();
        let wanted = said["overview"]["appointments"]["total"].as_i64().unwrap() - 1;
        let shown = eventually(address, token, wanted).await;
        drop(stop);
        assert_eq!(shown, wanted, "the figure within ten seconds");
    };
    let (ended, ()) = tokio::join!(demo, visit);
    ended.unwrap();
}

/// The JSON that the demo says, as soon as it says it.
async fn first_line(said: io::PipeReader) -> Value {
    let read = move || {
        let mut line = String::new();
        io::BufReader::new(said).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

/// The overview's total, as soon as it is `wanted`, or after ten seconds.
async fn eventually(address: &str, token: &str, wanted: i64) -> i64 {
    let mut total = -1;
    for _ in 0..100 {
        total = total_of(address, token).await;
        if total == wanted {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    total
}

async fn total_of(address: &str, token: &str) -> i64 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let host = address.trim_start_matches("http://");
    let mut connection = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!(
        "GET /api/v1/overview HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let json: Value = serde_json::from_str(body).unwrap();
    json["appointments"]["total"].as_i64().unwrap()
}

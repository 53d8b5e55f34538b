//! The PostgreSQL server stops and starts, ends the hub's connections, or the way to it is cut, in the middle
//! of a load, of a flush and of a change by the API: the hub goes on by itself, and every change that was
//! taken is there once.

use std::time::{Duration, Instant};

use causeway_tests::deployment::{Deployment, Service};
use causeway_tests::meetassist::MeetAssist;
use causeway_tests::silence::SilentWay;
use causeway_tests::testbed::{Cluster, Stop};
use causeway_tests::{DatabaseKind, StoreKind};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

use crate::booking::serve_with;
use crate::ground::deploy;

/// How long the hub may take until it is at work again.
const AGAIN: Duration = Duration::from_secs(30);
/// How long a server may keep what it locked for somebody of whom it hears nothing.
const LET_GO: Duration = Duration::from_secs(100);
/// A hub that looks often.
const OFTEN: [(&str, &str); 2] = [
    ("CAUSEWAY_REFRESH__EVERY", "1s"),
    ("CAUSEWAY_EDITS__FLUSH", "200ms"),
];

/// What the hub has in hand when the server stops, and what holds it up there.
const STATIONS: [(&str, &str, &str); 3] = [
    (
        "load",
        "SELECT FROM causeway.loaded WHERE table_name = 'customer' FOR UPDATE",
        "%INSERT INTO causeway.loaded%",
    ),
    (
        "flush",
        "SELECT FROM causeway.site FOR UPDATE",
        "%edits_head ->> ''seq''%FOR UPDATE%",
    ),
    (
        "booking",
        "SELECT FROM hcm_01.consultantschedule FOR UPDATE",
        "%consultantschedule%",
    ),
];

/// What happens to the hub's connections, and a day and a consultant whose last slot is free, for it alone.
const TROUBLES: [(Trouble, i64, i64); 4] = [
    (Trouble::Stop(Stop::Fast), 1, 1),
    (Trouble::Stop(Stop::Crash), 2, 2),
    (Trouble::Ended, 4, 1),
    (Trouble::Cut, 5, 2),
];

#[derive(Debug, Clone, Copy)]
enum Trouble {
    /// The server stops, and starts again.
    Stop(Stop),
    /// The server ends them.
    Ended,
    /// The way to the server is cut.
    Cut,
}

struct Ground {
    cluster: Cluster,
    /// How the hub reaches it.
    way: SilentWay,
    deployment: Deployment,
    site: MeetAssist,
    service: Service,
    token: String,
    /// What every booking that was taken says of itself.
    taken: Vec<String>,
}

impl Ground {
    async fn new() -> Self {
        let cluster = Cluster::start().await.unwrap();
        let url = cluster.url();
        let (_, server) = url.split_once('@').unwrap();
        let (server, _) = server.split_once('/').unwrap();
        let way = SilentWay::start(server).await;
        let url = url.replace(server, &way.address());
        let (deployment, site) = deploy((StoreKind::S3, DatabaseKind::Sqlite)).await;
        let file = deployment.path("hub.toml");
        let config = std::fs::read_to_string(&file).unwrap();
        let config = config.replace(&deployment.database.url(), &url);
        // The window has the free slots.
        let config = format!("{config}[window]\nafter = 5\n");
        std::fs::write(&file, config).unwrap();
        deployment.migrate_and_load();
        let token = deployment.token("admin", &[]);
        let service = serve_with(&deployment, &token, &OFTEN).await;
        Self {
            cluster,
            way,
            deployment,
            site,
            service,
            token,
            taken: Vec::new(),
        }
    }

    async fn connect(&self) -> Client {
        let url = self.cluster.url();
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// A booking on its way; the status of its answer.
    fn book(&self, booking: &Value) -> JoinHandle<StatusCode> {
        let request = reqwest::Client::new()
            .post(format!("{}/api/v1/appointments", self.service.url))
            .bearer_auth(&self.token)
            .json(booking);
        tokio::spawn(async move { request.send().await.unwrap().status() })
    }

    /// Books what nobody else books until it is taken.
    async fn book_until_taken(&mut self, what: &str) {
        let began = Instant::now();
        for attempt in 0.. {
            let name = format!("{what}, {attempt}");
            let booking = json!({"customerid": "fb-8", "date": self.site.date(1).to_string(),
                "time": "17:30", "description": name});
            let status = self.book(&booking).await.unwrap();
            if status == StatusCode::CREATED {
                self.taken.push(name);
                return;
            }
            assert!(began.elapsed() < AGAIN, "{what}: {status}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until a statement answers true.
    async fn until(&self, what: &str, sql: &str) {
        self.until_within(AGAIN, what, sql).await;
    }

    async fn until_within(&self, limit: Duration, what: &str, sql: &str) {
        let client = self.connect().await;
        let began = Instant::now();
        while !client.query_one(sql, &[]).await.unwrap().get::<_, bool>(0) {
            assert!(began.elapsed() < limit, "{what}: {sql}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Makes trouble while the hub has something in hand.
    async fn trouble_within(
        &mut self,
        (station, hold, waits): (&str, &str, &str),
        (trouble, day, consultant): (Trouble, i64, i64),
    ) {
        let what = format!("{station} {trouble:?}");
        let slot = json!({"customerid": "fb-8", "consultantid": consultant,
            "date": self.site.date(day).to_string(), "time": "12:00", "description": what});
        let holder = self.connect().await;
        let hold = format!("BEGIN; {hold}");
        holder.batch_execute(&hold).await.unwrap();
        let mut booking = None;
        match station {
            "load" => self.change_the_site(&what),
            "flush" => self.insert(&what).await,
            _ => booking = Some(self.book(&slot)),
        }
        self.until(&what, &waiting(waits)).await;
        match trouble {
            Trouble::Stop(how) => self.cluster.stop(how).await,
            Trouble::Ended => {
                let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                    WHERE application_name = 'causeway-hub'";
                self.connect().await.batch_execute(end).await.unwrap();
            }
            Trouble::Cut => self.way.cut(),
        }
        if let Some(booking) = booking {
            let status = booking.await.unwrap();
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{what}");
        }
        if let Trouble::Stop(_) = trouble {
            self.cluster.start_again().await.unwrap();
        }
        drop(holder);

        // By itself, and all of it.
        self.book_until_taken(&what).await;
        match station {
            "load" => {
                let loaded =
                    format!("SELECT count(*) > 0 FROM hcm_01.customer WHERE notes = '{what}'");
                self.until(&what, &loaded).await;
            }
            "flush" => {}
            _ => {
                let status = self.book(&slot).await.unwrap();
                assert_eq!(status, StatusCode::CREATED, "{what}: the slot is free");
                self.taken.push(what.clone());
            }
        }
        let flushed = "SELECT count(*) = 0 FROM causeway.journal";
        self.until(&what, flushed).await;
    }

    /// A customer, by plain SQL.
    async fn insert(&self, id: &str) {
        let insert = format!(
            "INSERT INTO hcm_01.customer (customerid, fullname, email) VALUES ('{id}', 'x', 'x')"
        );
        self.connect().await.batch_execute(&insert).await.unwrap();
    }

    fn change_the_site(&self, note: &str) {
        let change = format!("UPDATE Customers SET Notes = '{note}'");
        self.site.execute(&change);
        let _ = self.deployment.agent(&["sync"]).expect_code(0);
    }

    /// What was made in the cloud, and how often it is there.
    async fn made(&self) -> Vec<(String, i64)> {
        let sql = "SELECT description, count(*) FROM hcm_01.appointment \
            WHERE appointmentid >= 1000000000 GROUP BY 1 \
            UNION ALL SELECT customerid, count(*) FROM hcm_01.customer \
            WHERE customerid LIKE 'flush%' GROUP BY 1 ORDER BY 1";
        let rows = self.connect().await.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }
}

/// Whether the hub waits in a statement.
fn waiting(statement: &str) -> String {
    format!(
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'causeway-hub' \
         AND wait_event_type = 'Lock' AND query LIKE '{statement}'"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_end_in_the_middle_lose_and_double_nothing() {
    let mut ground = Ground::new().await;
    ground.book_until_taken("first").await;
    for trouble in TROUBLES {
        for station in STATIONS {
            ground.trouble_within(station, trouble).await;
        }
    }
    let made = ground.made().await;
    let mut expected = ground.taken.clone();
    expected.extend(TROUBLES.map(|(trouble, ..)| format!("flush {trouble:?}")));
    // A try whose answer was lost may have been taken too.
    for name in &expected {
        assert!(made.contains(&(name.clone(), 1)), "{name} in {made:#?}");
    }
    assert!(made.iter().all(|(_, times)| *times == 1), "{made:#?}");

    let _ = ground.deployment.hub(&["flush"]).expect_code(0);
    let _ = ground.deployment.hub(&["verify"]).expect_code(0);
    let drop = "DROP SCHEMA causeway, hcm_01 CASCADE";
    ground.connect().await.batch_execute(drop).await.unwrap();
    let init = ground.deployment.hub(&["init", "--take-over"]);
    let _ = init.expect_code(0);
    ground.deployment.load();
    assert_eq!(ground.made().await, made);
}

/// Neither end hears anything of the other any more, and both keep their ends open: what the hub had locked
/// is free once the server has waited for it long enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_that_falls_silent_in_the_middle_loses_and_locks_nothing() {
    let mut ground = Ground::new().await;
    let slot = json!({"customerid": "fb-8", "consultantid": 1,
        "date": ground.site.date(1).to_string(), "time": "12:00", "description": "silent"});
    let mut holders = Vec::new();
    let stations = &STATIONS[1..];
    for (_, hold, _) in stations {
        let holder = ground.connect().await;
        holder
            .batch_execute(&format!("BEGIN; {hold}"))
            .await
            .unwrap();
        holders.push(holder);
    }
    ground.insert("flush silent").await;
    let booking = ground.book(&slot);
    for (station, _, waits) in stations {
        ground.until(station, &waiting(waits)).await;
    }
    ground.way.silence();
    drop(holders);
    let status = booking.await.unwrap();
    assert!(status.is_server_error(), "{status}");
    // By other connections the hub goes on.
    ground.book_until_taken("meanwhile").await;
    let began = Instant::now();
    while ground.book(&slot).await.unwrap() != StatusCode::CREATED {
        assert!(began.elapsed() < LET_GO, "the slot is not free");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let flushed = "SELECT count(*) = 0 FROM causeway.journal";
    ground.until_within(LET_GO, "flush", flushed).await;
    let _ = ground.deployment.hub(&["verify"]).expect_code(0);
    let made = ground.made().await;
    for name in ["flush silent", "meanwhile, 0", "silent"] {
        assert!(made.contains(&(name.to_owned(), 1)), "{name} in {made:#?}");
    }
}

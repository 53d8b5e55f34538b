//! Another database takes a site's edits over while a commit of them is on its way to S3: whoever was first,
//! no change is lost and none is there twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use causeway_shared::dataset::Dataset;
use causeway_tests::deployment::{Deployment, PAIRS, Service};
use causeway_tests::gateway::{Asked, Fate, Gateway};
use causeway_tests::loaded::loaded_rows;
use causeway_tests::mirror::{Rows, tables};
use causeway_tests::{DatabaseKind, StoreKind, TestDatabase};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::booking::{ask, serve_with};
use crate::ground::deploy;
use crate::refused_writes::committed;

const WITHIN: Duration = Duration::from_secs(30);
const OFTEN: [(&str, &str); 2] = [
    ("CAUSEWAY_EDITS__FLUSH", "200ms"),
    ("CAUSEWAY_REFRESH__EVERY", "1s"),
];

/// Where the commit is when the other database takes over.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Commit {
    /// It has not reached the store, and gets there after the other one's.
    IsLate,
    /// The store has it, and whoever sent it is killed before it hears of that.
    IsThere,
}

struct Two {
    deployment: Deployment,
    second: TestDatabase,
}

impl Two {
    /// The `status` of either database's site.
    fn status(&self, of_second: bool) -> Value {
        let status = self.hub(of_second, &["status"]).run().json();
        status["sites"][0].clone()
    }

    fn hub(&self, of_second: bool, args: &[&str]) -> causeway_tests::Program {
        let program = self.deployment.hub_program(args);
        match of_second {
            true => program.envs([("CAUSEWAY_DATABASE__URL", self.second.url())]),
            false => program,
        }
    }

    async fn rows(&self, of_second: bool) -> Vec<Rows> {
        let dataset = Dataset::meetassist().unwrap();
        let database = match of_second {
            true => &self.second,
            false => &self.deployment.database,
        };
        let mut rows = Vec::new();
        for table in tables() {
            rows.push(loaded_rows(database, &dataset, table).await);
        }
        rows
    }

    /// The second database becomes the owner, and cancels an appointment.
    async fn take_over_and_cancel(&self, token: &str, id: i64) {
        let _ = self
            .hub(true, &["init", "--take-over"])
            .run()
            .expect_code(0);
        let _ = self.hub(true, &["load"]).run().expect_code(0);
        let url = self.second.url();
        let variables = [("CAUSEWAY_DATABASE__URL", url.as_str())];
        let service = serve_with(&self.deployment, token, &variables).await;
        let cancel = format!("/{id}/cancel");
        let (status, cancelled) = ask(&service, token, (Method::POST, &cancel), None).await;
        assert_eq!(
            (status, &cancelled["flushed"]),
            (StatusCode::OK, &json!(true)),
            "{cancelled}"
        );
        let _ = service.running.terminate().expect_code(0);
    }

    /// Waits until the first database has noticed that it is replaced.
    async fn until_replaced(&self, waits: u64) {
        let began = Instant::now();
        loop {
            let status = self.status(false);
            let (read_only, waiting) = (&status["read_only"], &status["edits_waiting"]);
            if (read_only, waiting) == (&json!(true), &json!(waits)) {
                let owner = status["owner"]["address"].as_str().unwrap();
                let url = self.second.url();
                let place = url.rsplit('/').next().unwrap().split('?').next().unwrap();
                assert!(owner.ends_with(place), "{owner} is not {url}");
                return;
            }
            assert!(began.elapsed() < WITHIN, "{status}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn refused(service: &Service, token: &str, date: &str) {
    let booking = json!({"customerid": "fb-10", "date": date, "time": "18:30"});
    let (status, refused) = ask(service, token, (Method::POST, ""), Some(booking)).await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::CONFLICT, &json!("read_only")),
        "{refused}"
    );
}

async fn taken_over_meanwhile(database: DatabaseKind, commit: Commit) {
    let (deployment, site) = deploy((StoreKind::S3, database)).await;
    deployment.migrate_and_load();
    let second = TestDatabase::create(database).await;
    let two = Two { deployment, second };
    let deployment = &two.deployment;
    let _ = two.hub(true, &["init"]).run();
    let _ = two.hub(true, &["load"]).run().expect_code(0);
    let token = deployment.token("admin", &[]);

    let armed = Arc::new(AtomicBool::new(false));
    let gateway = {
        let armed = Arc::clone(&armed);
        let script = move |asked: &Asked| match commit {
            _ if !armed.load(Ordering::Acquire) || !asked.writes("/edits/log/") => Fate::Pass,
            Commit::IsLate => Fate::Hold,
            Commit::IsThere => Fate::StallAnswer,
        };
        Gateway::start(&deployment.store.config().endpoint, script).await
    };
    let endpoint = gateway.endpoint();
    let through = [
        ("CAUSEWAY_STORE__ENDPOINT", endpoint.as_str()),
        OFTEN[0],
        OFTEN[1],
    ];
    let service = serve_with(deployment, &token, &through).await;
    armed.store(true, Ordering::Release);
    let date = site.date(1).to_string();
    let booking = json!({"customerid": "fb-8", "date": date, "time": "17:30"});
    let (status, booked) = ask(&service, &token, (Method::POST, ""), Some(booking)).await;
    assert_eq!(
        (status, &booked["flushed"]),
        (StatusCode::CREATED, &json!(false)),
        "{booked}"
    );
    let id = booked["appointmentid"].to_string();
    let log = committed(deployment).await.len();
    let cancelled = site.first_appointment(1);
    let service = match commit {
        Commit::IsLate => {
            assert_eq!(log, 0, "the commit is held");
            two.take_over_and_cancel(&token, cancelled).await;
            gateway.release();
            service
        }
        Commit::IsThere => {
            assert_eq!(log, 1, "the store has the commit");
            let _ = service.running.kill();
            two.take_over_and_cancel(&token, cancelled).await;
            deployment.serve(&OFTEN)
        }
    };

    // The first one keeps what is not in the store, drops what is, and takes nothing more.
    two.until_replaced(u64::from(commit == Commit::IsLate))
        .await;
    refused(&service, &token, &date).await;
    let _ = service.running.terminate().expect_code(0);
    let _ = two.hub(false, &["load"]).run().expect_code(0);
    let appointments = two.rows(false).await.remove(3);
    assert_eq!(appointments.contains_key(&id), commit == Commit::IsThere);
    let status = appointments[&cancelled.to_string()][7].as_deref();
    assert_eq!(status, Some("cancelled"));

    // It takes over again, and brings in what it kept.
    let _ = two
        .hub(false, &["init", "--take-over"])
        .run()
        .expect_code(0);
    for of_second in [false, true] {
        let _ = two.hub(of_second, &["load"]).run().expect_code(0);
        let _ = two.hub(of_second, &["verify"]).run().expect_code(0);
    }
    let (first, second) = (two.rows(false).await, two.rows(true).await);
    assert!(first[3].contains_key(&id));
    assert!(
        first == second,
        "{database:?} {commit:?}: the databases differ"
    );
    let status = two.status(false);
    assert_eq!(
        (&status["read_only"], &status["edits_waiting"]),
        (&json!(false), &json!(0))
    );
    // The booking, the cancelled appointment and the slot that it freed, each once.
    assert!(committed(deployment).await.len() >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_arrives_after_a_take_over_is_too_late() {
    for (_, database) in PAIRS {
        taken_over_meanwhile(database, Commit::IsLate).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_sender_was_killed_and_replaced_counts_once() {
    for (_, database) in PAIRS {
        taken_over_meanwhile(database, Commit::IsThere).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_says_once_that_it_is_replaced_and_once_that_it_takes_over() {
    for (_, database) in PAIRS {
        let (deployment, _) = deploy((StoreKind::Folder, database)).await;
        deployment.migrate_and_load();
        let second = TestDatabase::create(database).await;
        let two = Two { deployment, second };
        let mut service = two.deployment.serve(&OFTEN);
        let said = [
            "another database owns the site's edits now",
            "this database owns the site's edits now",
        ];
        for (of_second, said) in [true, false].into_iter().zip(said) {
            let takes_over = two.hub(of_second, &["init", "--take-over"]).run();
            let _ = takes_over.expect_code(0);
            let line = service.running.wait_for_line(said, WITHIN);
            assert!(line.contains("hcm-01"), "{line}");
        }
        let (logged, _) = (service.running.stderr(), service.running.terminate());
        assert_eq!(
            said.map(|said| logged.matches(said).count()),
            [1, 1],
            "{logged}"
        );
    }
}

//! The database sleeps, reads are answered from the store, and it wakes with everything: over a PostgreSQL whose
//! server the programs stop and start as they would an instance of RDS.

use std::time::{Duration, Instant};

use causeway_tests::aws::{FUNCTION, RULE, StandInAws};
use causeway_tests::deployment::{Deployment, Service};
use causeway_tests::lambda::{Function, recorded};
use causeway_tests::meetassist::MeetAssist;
use causeway_tests::testbed::Cluster;
use causeway_tests::{DatabaseKind, Finished, StoreKind};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_postgres::{Client, NoTls};

use crate::booking::serve_with;
use crate::ground::deploy;

/// How long the hub may take until it has noticed.
const NOTICED: Duration = Duration::from_secs(40);

/// A deployment whose database is on a server that can be stopped.
struct Ground {
    aws: StandInAws,
    /// A URL of the server, without a database.
    server: String,
    deployment: Deployment,
    site: MeetAssist,
    token: String,
}

struct Answer {
    status: StatusCode,
    /// Whether it was made from the store.
    asleep: bool,
    retry_after: Option<String>,
    body: String,
}

impl Ground {
    async fn new(more_config: &str) -> Self {
        let cluster = Cluster::start().await.unwrap();
        let url = cluster.url();
        let (server, _) = url.rsplit_once('/').unwrap();
        let (deployment, site) = deploy((StoreKind::S3, DatabaseKind::Sqlite)).await;
        let file = deployment.path("hub.toml");
        let config = std::fs::read_to_string(&file).unwrap();
        let hub = format!("{server}/hub?sslmode=disable");
        let config = config.replace(&deployment.database.url(), &hub);
        std::fs::write(&file, config + more_config).unwrap();
        let mut ground = Self {
            aws: StandInAws::start(cluster).await,
            server: server.to_owned(),
            deployment,
            site,
            token: String::new(),
        };
        ground
            .connect("postgres")
            .await
            .batch_execute("CREATE DATABASE hub")
            .await
            .unwrap();
        ground.deployment.migrate_and_load();
        ground.token = ground.deployment.token("admin", &[]);
        ground
    }

    async fn connect(&self, database: &str) -> Client {
        let url = format!(
            "{}/{database}?sslmode=disable&application_name=psql",
            self.server
        );
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// Runs the hub where it reaches AWS, as on a laptop.
    async fn hub(&self, args: &[&str]) -> Finished {
        let program = self.deployment.hub_program(args).envs(self.aws.env());
        // The stand-in works meanwhile.
        tokio::task::spawn_blocking(|| program.run()).await.unwrap()
    }

    async fn serve(&self, variables: &[(&str, &str)]) -> Service {
        serve_with(&self.deployment, &self.token, variables).await
    }

    async fn ask(
        &self,
        service: &Service,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let request = reqwest::Client::new()
            .request(method, format!("{}{path}", service.url))
            .bearer_auth(&self.token);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let header = |name: &str| {
            let value = answer.headers().get(name);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        Answer {
            status: answer.status(),
            asleep: header("x-causeway-database").as_deref() == Some("asleep"),
            retry_after: header("retry-after"),
            body: answer.text().await.unwrap(),
        }
    }

    async fn get(&self, service: &Service, path: &str) -> Answer {
        self.ask(service, Method::GET, path, None).await
    }

    /// Asks until an answer is as it is to be.
    async fn until(
        &self,
        service: &Service,
        path: &str,
        is_so: impl Fn(&Answer) -> bool,
    ) -> Answer {
        let began = Instant::now();
        loop {
            let answer = self.get(service, path).await;
            if is_so(&answer) {
                return answer;
            }
            let Answer {
                status,
                asleep,
                body,
                ..
            } = answer;
            assert!(
                began.elapsed() < NOTICED,
                "{path}: {status} {asleep} {body}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn until_instance(&self, state: &str) {
        let began = Instant::now();
        while self.aws.instance() != state {
            assert!(began.elapsed() < NOTICED, "{}", self.aws.instance());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn note(&self, service: &Service, notes: &str) -> Answer {
        let body = json!({ "notes": notes });
        let path = "/api/v1/customers/fb-8";
        self.ask(service, Method::PATCH, path, Some(body)).await
    }

    /// Everything that can be read by the API, and every page.
    fn reads(&self) -> Vec<String> {
        let document = include_str!("../../../docs/openapi.json");
        let document: Value = serde_json::from_str(document).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let read = paths.iter().filter(|(_, item)| item.get("get").is_some());
        let appointment = self.site.first_appointment(0).to_string();
        let filled = read.filter_map(|(path, _)| {
            let id = match path.as_str() {
                // The process's own, and a job that there is none of.
                "/healthz" | "/metrics" | "/api/v1/imports/{id}" => return None,
                path if path.starts_with("/api/v1/appointments") => appointment.as_str(),
                path if path.starts_with("/api/v1/customers") => "fb-8",
                _ => "1",
            };
            let path = path.replace("{id}", id);
            let from_to = ["stats/appointments", "stats/consultants", "slots"];
            let needs_dates = from_to.iter().any(|end| path.ends_with(end));
            let (from, to) = (self.site.date(-9), self.site.date(9));
            Some(match needs_dates {
                true => format!("{path}?from={from}&to={to}"),
                false => path,
            })
        });
        let far = self.site.date(9);
        let pages = [
            "/",
            "/appointments",
            "/appointments/list",
            "/archive",
            "/database",
            "/sync",
            "/docs",
            "/days",
            "/conflicts",
            "/edits",
            "/consultants",
            "/customers",
            "/programs",
            "/stats/consultants",
            "/import",
            "/live",
        ];
        let pages = pages.iter().map(ToString::to_string);
        let beyond_the_window = [format!("/api/v1/appointments?date={far}")];
        filled.chain(pages).chain(beyond_the_window).collect()
    }
}

fn of_fb_8(answer: &Answer) -> String {
    let row: Value = serde_json::from_str(&answer.body).unwrap();
    row["notes"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_is_read_while_the_database_sleeps_and_there_when_it_wakes() {
    let ground = Ground::new("").await;
    // What is written by SQL stays in the journal.
    let service = ground
        .serve(&[
            ("CAUSEWAY_EDITS__FLUSH", "1h"),
            ("CAUSEWAY_REFRESH__EVERY", "1s"),
        ])
        .await;
    let noted = ground.note(&service, "noted by the API").await;
    assert_eq!(noted.status, StatusCode::OK, "{}", noted.body);

    let writer = ground.connect("hub").await;
    let change =
        "BEGIN; UPDATE hcm_01.customer SET phonenumber = '0900000001' WHERE customerid = 'fb-8'";
    writer.batch_execute(change).await.unwrap();
    let refused = ground.hub(&["sleep", "--wait", "1s"]).await.expect_code(3);
    let error = refused.json()["error"].as_str().unwrap().to_owned();
    assert!(
        error.contains(r#"(user postgres, application "psql", since "#),
        "{error}"
    );
    assert_eq!(ground.aws.calls(), [] as [&str; 0]);
    // The database takes changes as before.
    writer.batch_execute("COMMIT").await.unwrap();
    let noted = ground.note(&service, "noted since").await;
    assert_eq!(noted.status, StatusCode::OK, "{}", noted.body);
    let waiting = "UPDATE hcm_01.customer SET phonenumber = '0900000002' WHERE customerid = 'fb-8'";
    writer.batch_execute(waiting).await.unwrap();

    let slept = ground.hub(&["sleep"]).await.expect_code(0).json();
    assert_eq!(
        (&slept["stopped_by"], &slept["sites"][0]["edits"]),
        (&json!("rds"), &json!(1)),
        "{slept}"
    );
    assert_eq!(ground.aws.calls(), ["StopDBInstance"]);
    ground.until_instance("stopped").await;
    // Once more, it has nothing to do.
    let _ = ground.hub(&["sleep"]).await.expect_code(0);
    assert_eq!(ground.aws.calls(), [] as [&str; 0]);

    let said = ground.hub(&["status"]).await.expect_code(1).json();
    let said = said["error"].as_str().unwrap();
    assert!(said.starts_with("the database sleeps since "), "{said}");

    let customer = "/api/v1/customers/fb-8";
    let read = ground
        .until(&service, customer, |answer| answer.asleep)
        .await;
    assert_eq!(
        (read.status, of_fb_8(&read)),
        (StatusCode::OK, "noted since".to_owned())
    );
    assert!(read.body.contains("0900000002"), "{}", read.body);
    for path in ground.reads() {
        let read = ground.get(&service, &path).await;
        assert!(
            read.status.is_success() && read.asleep,
            "{path}: {} {}",
            read.status,
            read.body
        );
    }
    let page = ground.get(&service, "/customers?lang=en").await.body;
    assert!(
        page.contains("The database sleeps: everything can be looked at"),
        "{page}"
    );
    let refused = ground.note(&service, "too late").await;
    assert_eq!(
        (refused.status, refused.retry_after.as_deref()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("60"))
    );
    assert!(
        refused.body.contains(r#""code":"database_asleep""#),
        "{}",
        refused.body
    );

    // What the site commits meanwhile is read as well.
    ground
        .site
        .execute("UPDATE Customers SET FullName = 'Moved On'");
    let _ = ground.deployment.agent(&["sync"]).expect_code(0);
    ground
        .until(&service, customer, |answer| {
            answer.body.contains("Moved On")
        })
        .await;

    // The database is taken away while it sleeps.
    ground.aws.start_instance().await;
    let admin = ground.connect("postgres").await;
    admin
        .batch_execute("DROP DATABASE hub WITH (FORCE)")
        .await
        .unwrap();
    admin.batch_execute("CREATE DATABASE hub").await.unwrap();
    drop(admin);
    ground.aws.stop_instance().await;

    let woken = ground.hub(&["wake"]).await.expect_code(0).json();
    assert_eq!(
        (&woken["started_by"], &woken["sites"][0]["error"]),
        (&json!("rds"), &Value::Null),
        "{woken}"
    );
    assert_eq!(ground.aws.calls(), ["StartDBInstance"]);
    let read = ground
        .until(&service, customer, |answer| !answer.asleep)
        .await;
    assert_eq!(
        (read.status, of_fb_8(&read)),
        (StatusCode::OK, "noted since".to_owned())
    );
    assert!(read.body.contains("0900000002"), "{}", read.body);
    let noted = ground.note(&service, "awake").await;
    assert_eq!(noted.status, StatusCode::OK, "{}", noted.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_changes_what_would_not_be_in_the_store() {
    let ground = Ground::new("").await;
    let change = "UPDATE hcm_01.customer SET phonenumber = '0900000001' WHERE customerid = 'fb-8'";
    let other = "UPDATE hcm_01.customer SET phonenumber = '0900000002' WHERE customerid = 'fb-9'";
    // It would not see that the database is to sleep.
    let early = ground.connect("hub").await;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM hcm_01.customer";
    early.batch_execute(begin).await.unwrap();
    let killed = ground.deployment.hub_program(&["sleep", "--wait", "1h"]);
    let killed = killed.envs(ground.aws.env()).spawn();
    let another = ground.connect("hub").await;
    let began = Instant::now();
    let refused = loop {
        if let Err(refused) = another.batch_execute(other).await {
            break refused;
        }
        assert!(began.elapsed() < NOTICED, "changes are still taken");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let refused = refused.as_db_error().unwrap();
    assert_eq!(refused.code().code(), "25006");
    assert_eq!(
        refused.message(),
        "site hcm-01: it takes no changes: the database is going to sleep"
    );
    early.batch_execute(change).await.unwrap();
    let _ = killed.kill();

    // Killed in its middle, it goes on; what it waits for, it names.
    let refused = ground.hub(&["sleep", "--wait", "1s"]).await.expect_code(3);
    assert!(refused.json()["error"].as_str().unwrap().contains("psql"));
    another.batch_execute(other).await.unwrap();
    assert_eq!(ground.aws.calls(), [] as [&str; 0]);
    early.batch_execute("COMMIT").await.unwrap();
    let slept = ground.hub(&["sleep"]).await.expect_code(0).json();
    assert_ne!(slept["sites"][0]["edits"], json!(0), "{slept}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keeper_does_what_hubs_wish_for_once() {
    let ground = Ground::new("wake = true\n[aws]\nkeeper = true\n").await;
    let service = ground.serve(&[("CAUSEWAY_REFRESH__EVERY", "1s")]).await;
    let keeper = async || {
        let program = ground
            .deployment
            .hub_program(&["keeper"])
            .envs(ground.aws.env());
        let program = program.envs([("CAUSEWAY_KEEPER", "1")]);
        let kept = tokio::task::spawn_blocking(|| program.run()).await.unwrap();
        let _ = kept.expect_code(0);
        ground.aws.calls()
    };
    let nothing: [&str; 0] = [];
    assert_eq!(keeper().await, nothing);

    let on = Some(json!({"enabled": true}));
    let path = "/api/v1/archive/schedule";
    let switched = ground.ask(&service, Method::PUT, path, on).await;
    assert!(
        switched.body.contains(r#""enabled":true"#),
        "{}",
        switched.body
    );
    assert_eq!(keeper().await, ["EnableRule"]);
    assert_eq!(keeper().await, nothing);
    let asked = ground
        .ask(&service, Method::POST, "/api/v1/archive/run", None)
        .await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    assert_eq!(keeper().await, [r#"Invoke Event {"command":"archive"}"#]);
    assert_eq!(keeper().await, nothing);

    let asleep = ground
        .ask(&service, Method::POST, "/api/v1/database/sleep", None)
        .await;
    assert!(
        asleep.body.contains(r#""database":"asleep""#),
        "{}",
        asleep.body
    );
    assert_eq!(keeper().await, ["StopDBInstance"]);
    ground.until_instance("stopped").await;
    assert_eq!(keeper().await, nothing);
    // As RDS does after seven days.
    ground.aws.start_instance().await;
    let read = ground.get(&service, "/api/v1/overview").await;
    assert!(read.status.is_success() && read.asleep);
    assert_eq!(keeper().await, ["StopDBInstance"]);
    ground.until_instance("stopped").await;

    // Whoever wants to change something wakes it.
    let refused = ground.note(&service, "wake up").await;
    assert!(refused.body.contains("database_asleep"), "{}", refused.body);
    assert_eq!(keeper().await, ["StartDBInstance"]);
    ground.until_instance("available").await;
    ground
        .until(&service, "/api/v1/overview", |answer| !answer.asleep)
        .await;
    let noted = ground.note(&service, "woken").await;
    assert_eq!(noted.status, StatusCode::OK, "{}", noted.body);
    assert_eq!(keeper().await, nothing);

    // Somebody stops it at the console, and it is missed.
    ground.aws.stop_instance().await;
    let path = "/api/v1/database/wake";
    let asked = ground.ask(&service, Method::POST, path, None).await;
    assert!(
        asked.body.contains(r#""database":"waking""#),
        "{}",
        asked.body
    );
    assert_eq!(keeper().await, ["StartDBInstance"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keeper_that_does_not_find_the_instance_sees_to_the_archive_once() {
    let ground = Ground::new("[aws]\nkeeper = true\n").await;
    let _ = ground
        .deployment
        .hub_program(&["archive", "enable"])
        .run()
        .expect_code(0);
    let keeper = async || {
        let program = ground
            .deployment
            .hub_program(&["keeper"])
            .envs(ground.aws.env())
            .envs([("CAUSEWAY_KEEPER", "1"), ("CAUSEWAY_AWS__INSTANCE", "gone")]);
        let kept = tokio::task::spawn_blocking(|| program.run()).await.unwrap();
        let said = kept.expect_code(1).json();
        assert!(
            said["error"]
                .as_str()
                .unwrap()
                .contains("DBInstanceNotFound")
        );
        ground.aws.calls()
    };
    assert_eq!(keeper().await, ["EnableRule"]);
    assert_eq!(keeper().await, [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_left_halfway_to_sleep_takes_changes_again() {
    let ground = Ground::new("").await;
    let service = ground.serve(&[]).await;
    // As a `sleep` that was killed left it, or a snapshot of a database that slept. The service may see to it as soon
    // as it sees it, so that the refused change is in the same transaction.
    let told = "INSERT INTO causeway.copy (key, body) VALUES ('sleep', '2025-11-28T00:00:00Z')";
    let change = "UPDATE hcm_01.customer SET notes = 'taken' WHERE customerid = 'fb-8'";
    let refused = format!(
        "{told}; DO $$ BEGIN {change}; RAISE 'it is taken'; \
         EXCEPTION WHEN read_only_sql_transaction THEN NULL; END $$"
    );
    let database = ground.connect("hub").await;
    database.batch_execute(&refused).await.unwrap();
    let began = Instant::now();
    while let Err(refused) = database.batch_execute(change).await {
        assert!(began.elapsed() < NOTICED, "{refused}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let path = "/api/v1/customers/fb-8";
    ground
        .until(&service, path, |answer| {
            !answer.asleep && answer.body.contains("taken")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rule_is_the_archives_switch_and_the_function_publishes() {
    let ground = Ground::new("").await;
    let enabled = async || {
        let status = ground
            .hub(&["archive", "status"])
            .await
            .expect_code(0)
            .json();
        status["enabled"].clone()
    };
    assert_eq!(enabled().await, json!(false), "{RULE} is off");
    let _ = ground.hub(&["archive", "enable"]).await.expect_code(0);
    assert_eq!(
        (ground.aws.calls(), enabled().await),
        (vec!["EnableRule".to_owned()], json!(true))
    );
    let _ = ground.hub(&["archive", "disable"]).await.expect_code(0);
    assert_eq!(
        (ground.aws.calls(), enabled().await),
        (vec!["DisableRule".to_owned()], json!(false))
    );

    ground.aws.answer_of_function(r#"{"tables":{}}"#, false);
    let ran = ground.hub(&["archive", "run"]).await.expect_code(0).json();
    assert_eq!(ran, json!({"tables": {}}));
    assert_eq!(
        ground.aws.calls(),
        [r#"Invoke RequestResponse {"command":"archive"}"#]
    );
    ground
        .aws
        .answer_of_function(r#"{"errorMessage":"no room"}"#, true);
    let failed = ground.hub(&["archive", "run"]).await.expect_code(1).json();
    let said = failed["error"].as_str().unwrap();
    assert!(
        said.starts_with(&format!("the function {FUNCTION} failed (Unhandled): ")),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_and_keeper_are_functions() {
    let ground = Ground::new("[aws]\nkeeper = true\n").await;
    let hub = Function::start(&ground.deployment, &[]).await;
    let names = ground.aws.env();
    let names = names.iter().map(|(name, value)| (*name, value.as_str()));
    let variables: Vec<_> = names.chain([("CAUSEWAY_KEEPER", "1")]).collect();
    let keeper = Function::start(&ground.deployment, &variables).await;
    let ask = async |method, path| {
        let answer = hub.http(&ground.token, (method, path), Value::Null).await;
        let is_asleep = answer
            .headers
            .iter()
            .any(|(name, _)| name == "x-causeway-database");
        (answer.status, is_asleep)
    };
    let (slept, read) = (("POST", "/api/v1/database/sleep"), "/api/v1/customers/fb-8");
    assert_eq!(ask(slept.0, slept.1).await, (200, false));
    let stopped = keeper.invoke(&json!({})).await;
    assert_eq!(
        (&stopped["steps"], &stopped["fulfils"]),
        (&json!(["stop"]), &json!(1))
    );
    ground.until_instance("stopped").await;
    assert_eq!(ask("GET", read).await, (200, true));
    let tick = json!({"command": "tick"});
    assert_eq!(hub.invoke(&tick).await, json!({"database": "asleep"}));
    // Also one that starts while the database sleeps.
    let another = Function::start(&ground.deployment, &[]).await;
    assert_eq!(another.invoke(&tick).await, json!({"database": "asleep"}));

    assert_eq!(ask("POST", "/api/v1/database/wake").await, (200, true));
    assert_eq!(keeper.invoke(&json!({})).await["steps"], json!(["start"]));
    ground.until_instance("available").await;
    let change = "UPDATE Customers SET FullName = 'Moved On' WHERE CustomerId = 'fb-8'";
    ground.site.execute(change);
    let _ = ground.deployment.agent(&["sync"]).expect_code(0);
    // A site that cannot be loaded for now keeps its last good data, and nobody waiting.
    let busy = ground.connect("hub").await;
    let lock = "SELECT pg_advisory_lock(hashtextextended('causeway load hcm-01', 0))";
    busy.batch_execute(lock).await.unwrap();
    for _ in 0..2 {
        // Reads leave it to ticks.
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(ask("GET", read).await, (200, true));
    }
    let began = Instant::now();
    while hub.invoke(&tick).await.get("load").is_none() {
        assert!(began.elapsed() < NOTICED, "it is not woken");
    }
    let site = &hub.invoke(&tick).await["load"]["sites"][0];
    let error = site["error"].as_str().unwrap();
    assert!(
        error.contains("the loader's lock of site hcm-01"),
        "{error}"
    );
    assert_eq!(ask("GET", read).await, (200, false));
}

#[tokio::test]
async fn files_have_no_server_to_stop() {
    let (deployment, _site) = deploy((StoreKind::Folder, DatabaseKind::Sqlite)).await;
    deployment.migrate_and_load();
    for command in ["sleep", "wake"] {
        let refused = deployment.hub(&[command]).expect_code(2).json();
        let said = refused["error"].as_str().unwrap();
        assert!(
            said.contains("has no server that could be stopped"),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keeper_hands_the_servers_master_on_but_for_an_end() {
    let ground = Ground::new("").await;
    let names = ground.aws.env();
    let names = names.iter().map(|(name, value)| (*name, value.as_str()));
    let more = [
        ("CAUSEWAY_KEEPER", "1"),
        ("CAUSEWAY_DATABASE__SECRET", "rds!db-1"),
    ];
    let variables: Vec<_> = names.chain(more).collect();
    let keeper = Function::start(&ground.deployment, &variables).await;
    let url = keeper.response_url();
    let mut handed = Vec::new();
    for what in ["Create", "Delete"] {
        let replace = [("type", what), ("url", &*url), ("id", "causeway-hub")];
        let _ = keeper
            .invoke(&recorded("cloud_formation.json", &replace))
            .await;
        let calls = ground.aws.calls();
        let event = calls[0].strip_prefix("Invoke RequestResponse ").unwrap();
        let event: Value = serde_json::from_str(event).unwrap();
        assert_eq!(event["RequestType"], what);
        handed.push(event["Master"].clone());
    }
    assert_eq!(
        handed,
        [
            json!({"username": "master", "password": "hidden"}),
            Value::Null
        ]
    );
    assert!(!keeper.process.stderr().contains("hidden"));
}

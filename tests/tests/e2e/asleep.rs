//! The database sleeps, reads are answered from the store, and it wakes with everything: over a PostgreSQL whose
//! server the programs stop and start as they would an instance of RDS.

mod at_once;
mod function;
mod keeper;
mod pages;
mod reads;

use std::time::{Duration, Instant};

use causeway_tests::aws::StandInAws;
use causeway_tests::deployment::{Deployment, Service};
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

//! Totals cover all history, whatever is loaded.

use causeway_shared::runtime::clock;
use causeway_tests::StoreKind;
use causeway_tests::deployment::{Deployment, PAIRS};
use causeway_tests::gateway::{Asked, Fate, Gateway};
use causeway_tests::mirror::{Mirror, Rows};
use serde_json::{Value, json};

use crate::ground::{deploy, loaded};

/// A figure that the server gives.
pub(crate) async fn get(deployment: &Deployment, path: &str) -> Value {
    // A name of its own, since some ask twice.
    let name = format!("viewer-{}", clock::now().as_microsecond());
    let made = deployment.hub(&["token", "create", "--role", "viewer", "--name", &name]);
    let made = made.expect_code(0).json();
    let token = made["token"].as_str().unwrap();
    let service = deployment.serve(&[]);
    let url = format!("{}{path}", service.url);
    let answer = reqwest::Client::new()
        .get(url)
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let body = answer.text().await.unwrap();
    let _ = service.running.terminate().expect_code(0);
    serde_json::from_str(&body).unwrap()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

#[tokio::test]
async fn every_figure_of_the_overview_is_what_sql_says_of_the_site() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let overview = get(&deployment, "/api/v1/overview").await;
        let mirror = Mirror::of(&site);
        let (from, to) = (site.date(-1), site.date(1));
        assert_eq!(
            overview["window"],
            json!({"from": from.to_string(), "to": to.to_string()})
        );

        let appointments = "FROM Appointments WHERE 1";
        let in_window = format!("{appointments} AND Date BETWEEN '{from}' AND '{to}'");
        let today = format!("{appointments} AND Date = '{}'", site.today);
        let mut figures = vec![
            (
                "/customers/total",
                "SELECT count(*) FROM Customers".to_owned(),
            ),
            (
                "/customers/active",
                "SELECT count(*) FROM Customers WHERE NOT coalesce(isdisabled, 0)".into(),
            ),
            (
                "/consultants/total",
                "SELECT count(*) FROM consultant".into(),
            ),
            (
                "/consultants/active",
                "SELECT count(*) FROM consultant WHERE isdisabled IN ('0', 'false')".into(),
            ),
            (
                "/appointments/total",
                format!("SELECT count(*) {appointments}"),
            ),
            (
                "/appointments/window/total",
                format!("SELECT count(*) {in_window}"),
            ),
            (
                "/appointments/today/total",
                format!("SELECT count(*) {today}"),
            ),
            (
                "/feedback/count",
                "SELECT count(*) FROM AppointmentFeedback".into(),
            ),
            (
                "/feedback/average_rating",
                "SELECT avg(rating) FROM AppointmentFeedback".into(),
            ),
            (
                "/programs/total",
                "SELECT count(*) FROM communityprogram".into(),
            ),
            (
                "/participants/total",
                "SELECT count(*) FROM programparticipant".into(),
            ),
        ];
        for status in ["pending", "confirmed", "completed", "cancelled"] {
            for (place, rows) in [
                ("", appointments),
                ("/window", in_window.as_str()),
                ("/today", today.as_str()),
            ] {
                let path = format!("/appointments{place}/by_status/{status}").leak();
                figures.push((
                    path,
                    format!("SELECT count(*) {rows} AND Status = '{status}'"),
                ));
            }
        }
        for status in ["upcoming", "ongoing", "completed"] {
            let path = format!("/programs/by_status/{status}").leak();
            figures.push((path, format!(
                "SELECT count(*) FROM communityprogram WHERE coalesce(status, 'upcoming') = '{status}'"
            )));
        }
        for (path, sql) in figures {
            let shown = overview.pointer(path).map(number);
            assert_eq!(shown, Some(mirror.number(&sql)), "{path} in {overview:#}");
        }
        let per_day: Vec<_> = (-1..=1)
            .map(|day| {
                let date = site.date(day);
                let total = mirror.number(&format!(
                    "SELECT count(*) {appointments} AND Date = '{date}'"
                ));
                (date.to_string(), total)
            })
            .collect();
        let shown: Vec<_> = overview["appointments"]["per_day"]
            .as_array()
            .unwrap()
            .iter()
            .map(|day| {
                (
                    day["date"].as_str().unwrap().to_owned(),
                    number(&day["total"]),
                )
            })
            .collect();
        assert_eq!(shown, per_day);
        // Most of what was counted is not in the database.
        let in_database = loaded(&deployment, "appointment").await.len() as f64;
        assert!(number(&overview["appointments"]["total"]) > 5.0 * in_database);
    }
}

#[tokio::test]
async fn figures_per_day_reach_back_beyond_what_is_loaded() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let (from, to) = (site.date(-30), site.date(-28));
        let days = get(
            &deployment,
            &format!("/api/v1/stats/appointments?from={from}&to={to}"),
        )
        .await;
        let mirror = Mirror::of(&site);
        let days = days["days"].as_array().unwrap();
        assert_eq!(days.len(), 3);
        for day in days {
            let date = day["date"].as_str().unwrap();
            for status in ["completed", "cancelled"] {
                let expected = mirror.number(&format!(
                    "SELECT count(*) FROM Appointments WHERE Date = '{date}' AND Status = '{status}'"
                ));
                assert_eq!(
                    number(&day["by_status"][status]),
                    expected,
                    "{date} {status}"
                );
            }
        }
    }
}

/// A customer's history and consultants' figures over years are what the site's rows say. Nothing is
/// loaded for them, and the second time no object is asked for.
#[tokio::test]
async fn history_is_answered_without_loading_it() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let in_window = loaded(&deployment, "appointment").await;
        let endpoint = &deployment.store.config().endpoint;
        let gateway = match pair.0 {
            StoreKind::S3 => Some(Gateway::start(endpoint, |_: &Asked| Fate::Pass).await),
            _ => None,
        };
        let through = gateway.as_ref().map(Gateway::endpoint);
        let through = through
            .iter()
            .map(|endpoint| ("CAUSEWAY_STORE__ENDPOINT", &**endpoint));
        let token = deployment.token("viewer", &[]);
        let service = deployment.serve(&through.collect::<Vec<_>>());
        let client = reqwest::Client::new();
        let get = async |path: String| {
            let url = format!("{}/api/v1/{path}", service.url);
            let answer = client.get(url).bearer_auth(&token).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path}");
            serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap()
        };
        let mirror = Mirror::of(&site);
        let appointments = mirror.rows("appointment");
        let (from, to) = (site.date(-2_000), site.date(1_600));
        let figures = format!("stats/consultants?from={from}&to={to}");
        let mut of: std::collections::BTreeMap<&str, u32> = std::collections::BTreeMap::new();
        for row in appointments.values() {
            *of.entry(row[2].as_deref().unwrap()).or_default() += 1;
        }
        let mut customers: Vec<(u32, &str)> = of.into_iter().map(|(id, rows)| (rows, id)).collect();
        customers.sort_unstable();
        // Those with the most.
        let customers = customers.into_iter().rev().take(3).map(|(_, id)| id);
        let customers: Vec<&str> = customers.collect();
        let objects_read = || {
            let asked = gateway.as_ref().map(Gateway::asked).unwrap_or_default();
            let asked = asked.iter().filter(|asked| asked.method == "GET");
            asked.filter(|asked| asked.path.contains("/data/")).count()
        };
        let mut objects = 0;
        for is_first in [true, false] {
            for customer in &customers {
                let history = get(format!("customers/{customer}/appointments?limit=500")).await;
                assert_eq!(shown(&history), of_customer(&appointments, customer));
                assert_eq!(history["total"], shown(&history).len());
            }
            let figures = get(figures.clone()).await;
            assert_eq!(by_consultant(&figures), counted(&appointments));
            if is_first && gateway.is_some() {
                objects = until_prepared(objects_read).await;
                assert!(objects > 0);
            }
            assert_eq!(objects_read(), objects, "objects are read again");
        }
        assert_eq!(loaded(&deployment, "appointment").await, in_window);
        let _ = service.running.terminate().expect_code(0);
    }
}

/// How many objects were read once the service, which looks every five seconds, has prepared all that it prepares.
async fn until_prepared(objects_read: impl Fn() -> usize) -> usize {
    loop {
        let before = objects_read();
        tokio::time::sleep(std::time::Duration::from_secs(6)).await;
        if objects_read() == before {
            return before;
        }
    }
}

/// Numbers and dates of a history.
fn shown(history: &Value) -> Vec<(String, String)> {
    let items = history["items"].as_array().unwrap().iter();
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    items
        .map(|row| (text(&row["appointmentid"]), text(&row["date"])))
        .collect()
}

fn of_customer(appointments: &Rows, customer: &str) -> Vec<(String, String)> {
    let of = appointments
        .iter()
        .filter(|(_, row)| row[2].as_deref() == Some(customer));
    let mut of: Vec<_> = of
        .map(|(id, row)| {
            let when = std::cmp::Reverse((row[3].clone(), row[4].clone()));
            (when, id.parse::<i64>().unwrap())
        })
        .collect();
    of.sort();
    assert!(of.len() > 1, "{customer}");
    of.into_iter()
        .map(|(when, id)| (id.to_string(), when.0.0.unwrap()))
        .collect()
}

type Counted = std::collections::BTreeMap<(String, String), u64>;

/// Appointments by consultant and status.
fn by_consultant(figures: &Value) -> Counted {
    let items = figures["items"].as_array().unwrap().iter();
    let counts = items.flat_map(|of| {
        let by_status = of["by_status"].as_object().unwrap().iter();
        by_status.map(|(status, rows)| {
            let key = (of["consultantid"].to_string(), status.clone());
            (key, rows.as_u64().unwrap())
        })
    });
    counts.filter(|(_, rows)| *rows > 0).collect()
}

fn counted(appointments: &Rows) -> Counted {
    let mut counted = Counted::new();
    for row in appointments.values() {
        if let Some(consultant) = &row[1] {
            let status = row[7].clone().unwrap();
            *counted.entry((consultant.clone(), status)).or_default() += 1;
        }
    }
    counted
}

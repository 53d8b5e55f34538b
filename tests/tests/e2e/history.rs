//! Totals cover all history, whatever is loaded.

use causeway_tests::deployment::{Deployment, PAIRS};
use causeway_tests::mirror::Mirror;
use serde_json::{Value, json};

use crate::ground::{deploy, loaded};

/// A figure that the server gives.
pub(crate) async fn get(deployment: &Deployment, path: &str) -> Value {
    let token = deployment.token("viewer", &[]);
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

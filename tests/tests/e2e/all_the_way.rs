//! Booked, changed, deleted and cancelled by everybody who may, on dates that are loaded and that are not, in
//! dated tables and in others; then the service is killed and the database dropped: rows, overview, figures
//! per day and `verify` are what they were, and what SQL over the site and the changes says.

use std::collections::BTreeMap;

use causeway_tests::DatabaseKind;
use causeway_tests::deployment::{Deployment, PAIRS, Service};
use causeway_tests::meetassist::MeetAssist;
use causeway_tests::mirror::Mirror;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::booking::{ask, serve, serve_with};
use crate::ground::{deploy, loaded, rows};
use crate::rebuild::drop_database;
use crate::refused_writes::until_none_waits;

/// The overview without what is of the moment, and the figures of each day.
async fn figures(service: &Service, token: &str, site: &MeetAssist) -> (Value, Value) {
    let get = async |path: String| -> Value {
        let url = format!("{}/api/v1/{path}", service.url);
        let answer = reqwest::Client::new().get(url).bearer_auth(token);
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    };
    let mut overview = get("overview".to_owned()).await;
    let members = overview.as_object_mut().unwrap();
    for name in ["now", "fresh"] {
        assert!(members.remove(name).is_some());
    }
    // How much of it is loaded is no figure.
    for table in members["tables"].as_array_mut().unwrap() {
        assert!(table.as_object_mut().unwrap().remove("loaded").is_some());
    }
    let (from, to) = (site.date(-60), site.date(60));
    let days = get(format!("stats/appointments?from={from}&to={to}")).await;
    (overview, days["days"].clone())
}

/// What SQL over the mirror says of the same.
fn assert_as_sql_says(mirror: &Mirror, (overview, days): &(Value, Value)) {
    let of = "FROM Appointments AS a WHERE coalesce(status, '') = 'cancelled' OR NOT EXISTS (
        SELECT 1 FROM Appointments AS b WHERE b.appointmentid < a.appointmentid
        AND (b.consultantid, b.date, b.time) = (a.consultantid, a.date, a.time)
        AND coalesce(b.status, '') <> 'cancelled')";
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value}"));
    let appointments = &overview["appointments"];
    let total = mirror.number(&format!("SELECT count(*) {of}"));
    assert_eq!(number(&appointments["total"]), total);
    for status in ["pending", "confirmed", "completed", "cancelled"] {
        let sql = format!("SELECT count(*) FROM (SELECT * {of}) WHERE status = '{status}'");
        assert_eq!(
            number(&appointments["by_status"][status]),
            mirror.number(&sql),
            "{status}"
        );
    }
    for (path, sql) in [
        ("/customers/total", "SELECT count(*) FROM Customers"),
        (
            "/customers/active",
            "SELECT count(*) FROM Customers WHERE NOT coalesce(isdisabled, 0)",
        ),
        (
            "/feedback/count",
            "SELECT count(*) FROM AppointmentFeedback",
        ),
        (
            "/feedback/average_rating",
            "SELECT avg(rating) FROM AppointmentFeedback",
        ),
    ] {
        let shown = number(overview.pointer(path).unwrap());
        assert!((shown - mirror.number(sql)).abs() < 1e-9, "{path}: {shown}");
    }
    let mut all = 0.0;
    for day in days.as_array().unwrap() {
        let date = day["date"].as_str().unwrap();
        let sql = format!("SELECT count(*) FROM (SELECT * {of}) WHERE date = '{date}'");
        assert_eq!(number(&day["total"]), mirror.number(&sql), "{date}");
        all += number(&day["total"]);
    }
    assert_eq!(all, total, "every appointment is of one of the days");
}

/// The columns of appointments that no clock fills.
async fn timeless(deployment: &Deployment) -> BTreeMap<String, Vec<Option<String>>> {
    let mut rows = loaded(deployment, "appointment").await;
    for row in rows.values_mut() {
        row.truncate(9);
    }
    rows
}

#[tokio::test]
async fn everything_is_there_again_and_as_sql_says() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let token = deployment.token("admin", &[]);
        let often = [("CAUSEWAY_EDITS__FLUSH", "200ms")];
        let service = serve_with(&deployment, &token, &often).await;
        let mirror = Mirror::of(&site);
        let mut keys = Vec::new();
        // On a date that is loaded, one that the site has and is not loaded, one that no object has, and one
        // so far that it has the highest key.
        let days = [1, 4, 20, 40].map(|day| site.date(day).to_string());
        for (n, date) in days.iter().enumerate() {
            let booking = json!({"customerid": "fb-8", "date": date, "time": "17:30",
                "description": format!("booked {n}")});
            let (status, row) = ask(&service, &token, (Method::POST, ""), Some(booking)).await;
            assert_eq!(status, StatusCode::CREATED, "{row}");
            let id = row["appointmentid"].as_i64().unwrap();
            mirror.execute(&format!(
                "INSERT INTO Appointments (AppointmentId, CustomerId, Date, Time, Duration, Status, \
                 Description) VALUES ({id}, 'fb-8', '{date}', '17:30:00', 60, 'pending', 'booked {n}')"
            ));
            keys.push(id);
        }
        for id in [
            site.first_appointment(1),
            site.first_appointment(4),
            keys[2],
        ] {
            let cancel = format!("/{id}/cancel");
            let (status, row) = ask(&service, &token, (Method::POST, &cancel), None).await;
            assert_eq!(status, StatusCode::OK, "{row}");
            mirror.execute(&format!(
                "UPDATE Appointments SET Status = 'cancelled' WHERE AppointmentId = {id}"
            ));
        }
        if pair.1 == DatabaseKind::Postgres {
            let client = deployment.database.connect().await;
            let (changed, gone) = (site.first_appointment(0), site.first_appointment(0) + 1);
            let (cold, far) = (site.date(3), site.date(33));
            let sql = format!(
                "SET search_path = hcm_01; \
                 UPDATE appointment SET description = 'by psql', duration = 15 \
                   WHERE appointmentid = {changed}; \
                 DELETE FROM appointment WHERE appointmentid = {gone}; \
                 UPDATE customer SET notes = 'by psql', isdisabled = true WHERE customerid = 'fb-4'; \
                 INSERT INTO customer (customerid, fullname, email) VALUES ('psql', 'P', 'p@x'); \
                 INSERT INTO appointmentfeedback (appointmentid, rating) VALUES ({changed}, 4.5); \
                 INSERT INTO appointment (customerid, date, time, description) \
                   VALUES ('psql', '{cold}', '18:30', 'cold'), ('psql', '{far}', '18:30', 'far')"
            );
            client.batch_execute(&sql).await.unwrap();
            let born = "SELECT appointmentid, date::text, description FROM hcm_01.appointment \
                WHERE customerid = 'psql' ORDER BY 1";
            for row in client.query(born, &[]).await.unwrap() {
                let (id, date, what): (i64, &str, &str) = (row.get(0), row.get(1), row.get(2));
                mirror.execute(&format!(
                    "INSERT INTO Appointments (AppointmentId, CustomerId, Date, Time, Duration, Status, \
                     Description) VALUES ({id}, 'psql', '{date}', '18:30:00', 60, 'pending', '{what}')"
                ));
                keys.push(id);
            }
            mirror.execute(&format!(
                "UPDATE Appointments SET Description = 'by psql', Duration = 15 \
                   WHERE AppointmentId = {changed}; \
                 DELETE FROM Appointments WHERE AppointmentId = {gone}; \
                 UPDATE Customers SET Notes = 'by psql', IsDisabled = 1 WHERE CustomerId = 'fb-4'; \
                 INSERT INTO Customers (CustomerId, FullName, Email) VALUES ('psql', 'P', 'p@x'); \
                 INSERT INTO AppointmentFeedback (appointmentid, rating) VALUES ({changed}, 4.5)"
            ));
        }
        until_none_waits(&deployment).await;
        let (from, to) = (site.date(-1).to_string(), site.date(40).to_string());
        let all = ["load", "--from", &from, "--to", &to];
        let _ = deployment.hub(&all).expect_code(0);
        let before = figures(&service, &token, &site).await;
        let _ = service.running.kill();
        assert_as_sql_says(&mirror, &before);
        let expected = mirror
            .rows("appointment")
            .into_iter()
            .filter_map(|(id, mut row)| {
                row.truncate(9);
                let date: jiff::civil::Date = row[3].as_deref()?.parse().ok()?;
                (site.date(-1) <= date).then_some((id, row))
            });
        let expected: BTreeMap<_, _> = expected.collect();
        assert_eq!(timeless(&deployment).await, expected);
        let before_rows = rows(&deployment).await;
        let _ = deployment.hub(&["verify"]).expect_code(0);

        drop_database(&deployment).await;
        let _ = deployment.hub(&["init", "--take-over"]).expect_code(0);
        deployment.load();
        // Nothing of the far dates is loaded: no key is given again for that.
        let service = serve(&deployment, &token).await;
        assert_eq!(figures(&service, &token, &site).await, before);
        let booking = json!({"customerid": "fb-9", "date": site.date(1), "time": "18:45"});
        let (status, row) = ask(&service, &token, (Method::POST, ""), Some(booking)).await;
        assert_eq!(status, StatusCode::CREATED, "{row}");
        let next = row["appointmentid"].as_i64().unwrap();
        assert!(keys.iter().all(|key| *key < next), "{keys:?} {next}");
        let _ = service.running.terminate().expect_code(0);
        let _ = deployment.hub(&all).expect_code(0);
        let mut after = rows(&deployment).await;
        assert!(after[3].remove(&next.to_string()).is_some());
        assert_eq!(after, before_rows);
        let _ = deployment.hub(&["verify"]).expect_code(0);
    }
}

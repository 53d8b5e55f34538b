//! A past state beside the present, by the programs.

use causeway_tests::TestDatabase;
use causeway_tests::deployment::PAIRS;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::booking::ask;
use crate::ground::deploy;

#[tokio::test]
async fn a_past_state_is_served_as_it_was_and_takes_no_changes() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let commit = deployment.load()["commit"].as_u64().unwrap();
        let (near, far) = (site.first_appointment(1), site.date(-40).to_string());
        site.execute(&format!(
            "UPDATE Appointments SET Status = 'cancelled' WHERE AppointmentId = {near}; \
             INSERT INTO Appointments VALUES (900001, NULL, 'fb-1', '{far}', '09:00:00', 60, NULL, \
             'completed', NULL, NULL, NULL)"
        ));
        deployment.sync_and_load();

        let other = TestDatabase::create(pair.1).await;
        let commit = commit.to_string();
        let day = site.date(1).to_string();
        let args = [
            "load",
            "--as-of",
            &commit,
            "--into",
            &other.url(),
            "--date",
            &day,
        ];
        let _ = deployment.hub(&args).expect_code(0);
        let url = other.url();
        let variables = [
            ("CAUSEWAY_DATABASE__URL", url.as_str()),
            ("CAUSEWAY_REFRESH__EVERY", "1s"),
            ("CAUSEWAY_WINDOW__ON_DEMAND_DAYS", "0"),
        ];
        let token = deployment.token("admin", &[]);
        let service = deployment.serve(&variables);
        // Tokens are read from the store within seconds.
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        let path = format!("?date={day}&limit=500");
        let (status, listed) = ask(&service, &token, (Method::GET, &path), None).await;
        assert_eq!(status, StatusCode::OK, "{listed}");
        let mut items = listed["items"].as_array().unwrap().iter();
        let row = items.find(|row| row["appointmentid"] == near).unwrap();
        assert_ne!(row["status"], "cancelled");
        let path = format!("?date={far}&limit=500");
        let (status, listed) = ask(&service, &token, (Method::GET, &path), None).await;
        assert_eq!(status, StatusCode::OK, "{listed}");
        let mut items = listed["items"].as_array().unwrap().iter();
        assert!(items.all(|row| row["appointmentid"] != 900_001), "{listed}");
        let booking = json!({"customerid": "fb-10", "date": day, "time": "17:30"});
        let (status, refused) = ask(&service, &token, (Method::POST, ""), Some(booking)).await;
        assert_eq!(
            (status, &refused["code"]),
            (StatusCode::CONFLICT, &json!("read_only")),
            "{refused}"
        );
        let ended = service.running.kill();
        assert!(
            !ended.stderr.contains("another [window]"),
            "{}",
            ended.stderr
        );
        // The present is as it was.
        assert_eq!(deployment.load()["partitions"]["loaded"], 0);
    }
}

//! The main job: a site's data reaches the hub's database whole, and its totals with it.

use causeway_tests::DatabaseKind;
use causeway_tests::deployment::PAIRS;

use crate::ground::{assert_equal, deploy, loaded, wanted};

#[tokio::test]
async fn a_site_arrives_whole() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        assert_equal(&deployment, &site).await;
        let differences = deployment.agent(&["verify"]).expect_code(0).json();
        assert_eq!(
            differences["differences"],
            serde_json::json!([]),
            "{pair:?}"
        );
        let differences = deployment.hub(&["verify"]).expect_code(0).json();
        assert_eq!(
            differences["differences"],
            serde_json::json!([]),
            "{pair:?}"
        );
    }
}

#[tokio::test]
async fn every_kind_of_change_arrives() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        // The day's first appointment is rated, and would leave its feedback without a parent below.
        let (yesterday, today) = (site.first_appointment(-1) + 1, site.first_appointment(0));
        let changes = [
            ("insert", format!(
                "INSERT INTO Appointments VALUES (9001, 2, 'fb-1', '{}', '15:00:00', 30, NULL,
                 'pending', 'new', NULL, NULL)", site.today)),
            ("update", format!("UPDATE Appointments SET Status = 'confirmed', Description = NULL
                 WHERE AppointmentId = {}", today + 1)),
            ("delete", format!("DELETE FROM Appointments WHERE AppointmentId = {}", today + 2)),
            ("move into the window", format!("UPDATE Appointments SET Date = '{}', Time = '16:00'
                 WHERE AppointmentId = 5", site.today)),
            ("move inside the window", format!("UPDATE Appointments SET Date = '{}', Time = '17:00:00'
                 WHERE AppointmentId = {yesterday}", site.date(1))),
            ("move out of the window", format!("UPDATE Appointments SET Date = '{}', Time = '18:00:00'
                 WHERE AppointmentId = {}", site.date(-20), yesterday + 1)),
            ("swap a unique value", format!(
                "UPDATE Slots SET StartTime = '00:00:00' WHERE ScheduleId = {today};
                 UPDATE Slots SET ConsultantId = 3, StartTime = '08:30:00' WHERE ScheduleId = {0};
                 UPDATE Slots SET ConsultantId = 3, StartTime = '08:00:00' WHERE ScheduleId = {today};",
                today + 1)),
            ("swap it again", format!(
                "UPDATE Slots SET StartTime = '00:00:00' WHERE ScheduleId = {today};
                 UPDATE Slots SET StartTime = '08:00:00' WHERE ScheduleId = {0};
                 UPDATE Slots SET StartTime = '08:30:00' WHERE ScheduleId = {today};", today + 1)),
            ("empty a date", format!("DELETE FROM Appointments WHERE Date = '{}'", site.date(1))),
        ];
        for (change, sql) in changes {
            site.execute(&sql);
            deployment.sync_and_load();
            assert_equal(&deployment, &site).await;
            eprintln!("{pair:?}: {change}: arrived");
        }
    }
}

#[tokio::test]
async fn feedback_in_an_unchanged_csv_follows_its_appointment() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let rated = site.first_appointment(-30);
        site.execute(&format!(
            "UPDATE Appointments SET Date = '{}', Time = '19:00:00' WHERE AppointmentId = {rated}",
            site.today
        ));
        deployment.sync_and_load();
        let feedback = wanted(&site, "appointmentfeedback");
        assert!(
            feedback.contains_key(&rated.to_string()),
            "the test's own ground"
        );
        assert_equal(&deployment, &site).await;
    }
}

#[tokio::test]
async fn a_value_that_breaks_a_rule_is_kept_aside_until_it_is_mended() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        deployment.migrate_and_load();
        let id = site.first_appointment(0);
        site.execute(&format!(
            "UPDATE Appointments SET Status = 'maybe' WHERE AppointmentId = {id}"
        ));
        let synced = deployment.agent(&["sync"]).expect_code(3).json();
        assert_eq!(synced["rows"]["quarantined"], 1);
        deployment.load();
        assert!(
            !loaded(&deployment, "appointment")
                .await
                .contains_key(&id.to_string())
        );

        site.execute(&format!(
            "UPDATE Appointments SET Status = 'pending' WHERE AppointmentId = {id}"
        ));
        deployment.sync_and_load();
        assert_equal(&deployment, &site).await;
    }
}

#[tokio::test]
async fn nothing_changed_costs_no_request_and_one_row_costs_two() {
    for (store, _) in PAIRS {
        let (deployment, site) = deploy((store, DatabaseKind::Sqlite)).await;
        deployment.migrate_and_load();
        let idle = deployment.agent(&["sync"]).expect_code(0).json();
        assert_eq!(idle["commit"], serde_json::Value::Null);
        assert_eq!(requests(&idle), [0; 5]);

        let id = site.first_appointment(0);
        site.execute(&format!(
            "UPDATE Appointments SET Duration = 31 WHERE AppointmentId = {id}"
        ));
        let one_row = deployment.agent(&["sync"]).expect_code(0).json();
        assert_eq!(one_row["commit"], 2);
        assert_eq!(
            requests(&one_row),
            [2, 0, 0, 0, 0],
            "its object and one commit"
        );
    }
}

/// Put, get, head, list, delete.
fn requests(report: &serde_json::Value) -> [u64; 5] {
    ["put", "get", "head", "list", "delete"].map(|kind| report["requests"][kind].as_u64().unwrap())
}

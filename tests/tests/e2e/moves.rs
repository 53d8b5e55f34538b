//! Appointments that are moved to another date, by SQL of a program that owns nothing.

use causeway_hub::testing::HubDatabase;
use causeway_tests::{DatabaseKind, TestDatabase};
use jiff::civil::date;

use crate::clinic::{Clinic, refusal, while_open};

/// All that is loaded of appointments and feedback.
async fn rows(clinic: &Clinic) -> Vec<String> {
    let mut rows = Vec::new();
    for table in ["appointment", "appointmentfeedback"] {
        rows.extend(clinic.test.rows(&clinic.site, table).await.unwrap());
    }
    rows
}

/// The same in a database made anew that has loaded all dates.
async fn rows_made_anew(clinic: &Clinic) -> Vec<String> {
    let place = TestDatabase::create(DatabaseKind::Postgres).await;
    let another = HubDatabase::postgres(&place.url(), None).unwrap();
    let mut another = clinic.test.with_database(&another).await.unwrap();
    another.ask_for(&[date(2025, 12, 19)]);
    another.load_rows().await.unwrap();
    assert_eq!(another.differences().await.unwrap(), [""; 0]);
    let mut rows = Vec::new();
    for table in ["appointment", "appointmentfeedback"] {
        rows.extend(another.rows(&clinic.site, table).await.unwrap());
    }
    rows
}

fn moved_to(day: &str) -> [String; 2] {
    [
        format!("dt={day} 7,1,c1,{day},08:00:00,60,,confirmed,,2025-11-20T09:30:00.120000,"),
        format!("dt={day} 7,4.5,tốt,2025-11-28T10:00:00"),
    ]
}

#[tokio::test]
async fn a_role_that_owns_nothing_moves_an_appointment_with_its_feedback() {
    let clinic = Clinic::open().await;
    let bot = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    // Whoever it says it is: what is taken along is journaled.
    bot.batch_execute("SET causeway.loader = on; SET causeway.actor = 'lan'")
        .await
        .unwrap();
    for day in ["2025-11-29", "2025-12-19", "2025-11-27", "2025-11-28"] {
        let away = format!("UPDATE appointment SET date = '{day}' WHERE appointmentid = 7");
        bot.batch_execute(&away).await.unwrap();
        let journal = "SELECT actor, count(*) FROM causeway.journal GROUP BY actor";
        let journal = clinic.admin.query_one(journal, &[]).await.unwrap();
        let actor = format!("{}/lan", clinic.role_name("bot"));
        assert_eq!((journal.get(0), journal.get(1)), (actor, 2_i64));
        assert_eq!(clinic.test.flush_rows(&clinic.site).await.unwrap(), 2);
        clinic.test.load_rows().await.unwrap();
        assert_eq!(clinic.test.differences().await.unwrap(), [""; 0]);
        assert_eq!(rows(&clinic).await, moved_to(day));
        assert_eq!(rows_made_anew(&clinic).await, moved_to(day));
    }
    // Neither a row nor what follows it is put anywhere by its part alone.
    let parts = "UPDATE appointment SET causeway_part = 'dt=2025-11-29'; \
        UPDATE appointmentfeedback SET causeway_part = 'dt=2025-11-29'";
    bot.batch_execute(parts).await.unwrap();
    assert_eq!(clinic.test.flush_rows(&clinic.site).await.unwrap(), 0);
    assert_eq!(rows(&clinic).await, moved_to("2025-11-28"));
    let never = bot.batch_execute("UPDATE appointment SET date = '1899-12-31'");
    let never = refusal(never.await);
    assert!(never.starts_with("23514 appointment.date"), "{never}");
}

/// Feedback that comes while its appointment is being moved by somebody else.
#[tokio::test]
async fn feedback_of_an_appointment_that_is_just_being_moved_follows_it() {
    let mut clinic = Clinic::open().await;
    let none = clinic.site.put("appointmentfeedback", "dt=2025-11-28", &[]);
    none.await.unwrap();
    clinic.load().await;
    let bot = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let other = clinic.another("bot").await;
    let away = "UPDATE appointment SET date = '2025-11-29' WHERE appointmentid = 7";
    let feedback = "INSERT INTO appointmentfeedback (appointmentid, rating, createdat) \
        VALUES (7, 5, '2025-11-28T11:00:00')";
    let written = while_open(&clinic, (&bot, away), (&other, feedback)).await;
    written.unwrap();
    clinic.test.flush_rows(&clinic.site).await.unwrap();
    clinic.test.load_rows().await.unwrap();
    let mut expected = moved_to("2025-11-29");
    expected[1] = "dt=2025-11-29 7,5,,2025-11-28T11:00:00".to_owned();
    assert_eq!(rows(&clinic).await, expected);
    assert_eq!(rows_made_anew(&clinic).await, expected);
    assert_eq!(clinic.test.differences().await.unwrap(), [""; 0]);
}

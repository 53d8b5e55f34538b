//! Programs whose transactions do not see what others have committed since they began.

use crate::clinic::{Clinic, refusal};

/// What somebody does whose transaction began before others did something.
async fn late(clinic: &Clinic, level: &str, others: &str, what: &str) -> String {
    let (bot, other) = (clinic.another("bot").await, clinic.another("bot").await);
    let begin = format!("BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM customer");
    bot.batch_execute(&begin).await.unwrap();
    other.batch_execute(others).await.unwrap();
    refusal(bot.batch_execute(what).await)
}

#[tokio::test]
async fn a_row_refers_to_none_that_others_have_deleted_or_moved() {
    let clinic = Clinic::open().await;
    let bot = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let away = "UPDATE appointment SET date = '2025-11-27' WHERE appointmentid = 7";
    let feedback = "INSERT INTO appointmentfeedback (appointmentid, rating) VALUES (7, 3)";
    bot.batch_execute("DELETE FROM appointmentfeedback")
        .await
        .unwrap();
    for (at, level) in ["REPEATABLE READ", "SERIALIZABLE"].iter().enumerate() {
        let customer = format!(
            "INSERT INTO customer (customerid, fullname, email) VALUES ('x{at}', 'x', 'x')"
        );
        bot.batch_execute(&customer).await.unwrap();
        let gone = format!("DELETE FROM customer WHERE customerid = 'x{at}'");
        let book = format!(
            "INSERT INTO appointment (customerid, date, time) VALUES ('x{at}', '2025-11-28', '09:00')"
        );
        let refused = late(&clinic, level, &gone, &book).await;
        assert!(refused.starts_with("40001 "), "{refused}");
    }
    let refused = late(&clinic, "REPEATABLE READ", away, feedback).await;
    assert!(refused.starts_with("40001 "), "{refused}");
    // Where nobody was in between, it is written as ever.
    let alone = format!("BEGIN ISOLATION LEVEL SERIALIZABLE; {feedback}; COMMIT");
    bot.batch_execute(&alone).await.unwrap();
    clinic.test.flush_rows(&clinic.site).await.unwrap();
    clinic.test.load_rows().await.unwrap();
    let rows = clinic.test.rows(&clinic.site, "appointmentfeedback").await;
    assert!(rows.unwrap()[0].starts_with("dt=2025-11-27 7,3,"));
    assert_eq!(clinic.test.differences().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn rows_that_others_may_refer_to_are_not_deleted() {
    let clinic = Clinic::open().await;
    let bot = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let customer = "INSERT INTO customer (customerid, fullname, email) VALUES ('x', 'x', 'x')";
    bot.batch_execute(customer).await.unwrap();
    let book =
        "INSERT INTO appointment (customerid, date, time) VALUES ('x', '2025-11-28', '09:00')";
    let gone = "DELETE FROM customer WHERE customerid = 'x'";
    assert_eq!(
        late(&clinic, "REPEATABLE READ", book, gone).await,
        "0A000 customer: a transaction that is REPEATABLE READ cannot delete rows that others may \
         refer to; do it under READ COMMITTED"
    );
    let none = "BEGIN ISOLATION LEVEL SERIALIZABLE; DELETE FROM customer WHERE customerid = 'y'; \
        DELETE FROM appointmentfeedback; COMMIT";
    bot.batch_execute(none).await.unwrap();
}

/// Feedback that comes while its appointment is moved by somebody who does not see it.
#[tokio::test]
async fn what_follows_a_moved_row_unseen_is_there_with_the_flush() {
    let mut clinic = Clinic::open().await;
    let none = clinic.site.put("appointmentfeedback", "dt=2025-11-28", &[]);
    none.await.unwrap();
    clinic.load().await;
    let bot = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let other = clinic.another("bot").await;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM customer";
    bot.batch_execute(begin).await.unwrap();
    let feedback = "INSERT INTO appointmentfeedback (appointmentid, rating) VALUES (7, 3)";
    other.batch_execute(feedback).await.unwrap();
    let away = "UPDATE appointment SET date = '2025-11-27' WHERE appointmentid = 7; COMMIT";
    bot.batch_execute(away).await.unwrap();
    clinic.test.flush_rows(&clinic.site).await.unwrap();
    clinic.test.load_rows().await.unwrap();
    let rows = clinic.test.rows(&clinic.site, "appointmentfeedback").await;
    assert!(rows.unwrap()[0].starts_with("dt=2025-11-27 7,3,"));
    assert_eq!(clinic.test.differences().await.unwrap(), [""; 0]);
}

//! What other programs change in PostgreSQL by SQL of their own is in the store after a flush, and in
//! each database that is loaded from there.

use causeway_hub::testing::HubDatabase;
use causeway_tests::{DatabaseKind, TestDatabase};
use jiff::civil::date;

use crate::clinic::{Clinic, refusal};

#[tokio::test]
async fn a_database_made_again_has_what_was_changed_by_sql() {
    let mut clinic = Clinic::open().await;
    let bot = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let changes = "INSERT INTO customer (customerid, fullname, email) VALUES ('fb, \"1\"', 'Lan', 'l@x'); \
        INSERT INTO appointment (customerid, consultantid, date, time) VALUES \
            ('fb, \"1\"', 1, '2025-11-28', '09:00:00.12'), ('c1', 1, '2025-11-29', '10:00'), \
            ('c1', 1, '2025-12-19', '11:00'); \
        UPDATE appointment SET status = 'cancelled' WHERE date = '2025-11-29'; \
        UPDATE customer SET notes = E'two\nlines' WHERE customerid = 'c1'; \
        DELETE FROM appointmentfeedback";
    bot.batch_execute(changes).await.unwrap();
    // A row that was deleted before it was anywhere else, and one that is what it was.
    let nothing = "INSERT INTO customer (customerid, fullname, email) VALUES ('gone', 'x', 'x'); \
        DELETE FROM customer WHERE customerid = 'gone'; \
        UPDATE consultant SET fullname = 'x'; UPDATE consultant SET fullname = 'Lê An' WHERE \
        consultantid = 1; UPDATE consultant SET fullname = 'Hồ Bình' WHERE consultantid = 2";
    bot.batch_execute(nothing).await.unwrap();
    assert_eq!(clinic.test.flush_rows(&clinic.site).await.unwrap(), 13);
    clinic.test.load_rows().await.unwrap();
    assert_eq!(clinic.test.differences().await.unwrap(), [""; 0]);

    let place = TestDatabase::create(DatabaseKind::Postgres).await;
    let another = HubDatabase::postgres(&place.url(), None).unwrap();
    let mut another = clinic.test.with_database(&another).await.unwrap();
    // The first one was asked for this date by the write itself.
    another.ask_for(&[date(2025, 12, 19)]);
    another.load_rows().await.unwrap();
    let site = &clinic.site;
    for (table, rows) in [
        ("customer", 2),
        ("consultant", 2),
        ("appointment", 4),
        ("appointmentfeedback", 0),
    ] {
        let expected = clinic.test.rows(site, table).await.unwrap();
        assert_eq!(expected.len(), rows, "{expected:?}");
        assert_eq!(another.rows(site, table).await.unwrap(), expected);
    }
    assert_eq!(another.differences().await.unwrap(), [""; 0]);
    let client = place.connect().await;
    let write = client.batch_execute("DELETE FROM hcm_01.customer").await;
    let refused = refusal(write);
    assert!(
        refused.contains("its edits belong to the database"),
        "{refused}"
    );
    // The first one goes on.
    clinic.site.put("customer", "b=06of16", &[]).await.unwrap();
    clinic.load().await;
    bot.batch_execute("UPDATE customer SET notes = NULL")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_row_that_is_seen_late_is_in_the_next_flush() {
    let clinic = Clinic::open().await;
    let slow = clinic.role("slow", "SELECT, INSERT, UPDATE, DELETE").await;
    let quick = clinic.role("quick", "SELECT, INSERT, UPDATE, DELETE").await;
    let many = |name: &str| {
        format!(
            "INSERT INTO customer (customerid, fullname, email) \
             SELECT '{name}' || n, 'x', 'x' FROM generate_series(1, 700) AS n"
        )
    };
    slow.batch_execute(&format!("BEGIN; {}", many("slow")))
        .await
        .unwrap();
    quick.batch_execute(&many("quick")).await.unwrap();
    slow.batch_execute("UPDATE appointment SET status = 'completed'")
        .await
        .unwrap();
    assert_eq!(clinic.test.flush_rows(&clinic.site).await.unwrap(), 700);
    assert_eq!(clinic.test.flush_rows(&clinic.site).await.unwrap(), 0);
    slow.batch_execute("COMMIT").await.unwrap();
    // Two transactions, each within one commit of edits, one after the other.
    quick.batch_execute(&many("again")).await.unwrap();
    quick
        .batch_execute("UPDATE appointment SET status = 'cancelled'")
        .await
        .unwrap();
    assert_eq!(clinic.test.flush_rows(&clinic.site).await.unwrap(), 1402);
    clinic.test.load_rows().await.unwrap();
    assert_eq!(clinic.test.differences().await.unwrap(), [""; 0]);
    let customers = clinic.test.rows(&clinic.site, "customer").await.unwrap();
    assert_eq!(customers.len(), 2101);
    let appointments = clinic.test.rows(&clinic.site, "appointment").await.unwrap();
    assert!(appointments[0].contains(",cancelled,"), "{appointments:?}");
}

#[tokio::test]
async fn rows_of_a_table_that_is_not_declared_hide_no_others() {
    let clinic = Clinic::open().await;
    let strange = "INSERT INTO causeway.journal \
        (site, tx, table_name, new_part, new, site_seq, edits_seq, actor) \
        SELECT 'hcm-01', 0, 'strange', 'b=0of1', '{\"id\":\"1\"}', 1, 1, 'ann' \
        FROM generate_series(1, 1500)";
    clinic.admin.batch_execute(strange).await.unwrap();
    let change = "UPDATE hcm_01.customer SET notes = 'x'";
    clinic.admin.batch_execute(change).await.unwrap();
    assert_eq!(clinic.test.flush_rows(&clinic.site).await.unwrap(), 1);
    let left = "SELECT count(*) FROM causeway.journal";
    let left = clinic.admin.query_one(left, &[]).await.unwrap();
    assert_eq!(left.get::<_, i64>(0), 1500);
}

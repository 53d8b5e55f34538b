//! A chatbot's own SQL on a site's PostgreSQL tables, as a role that owns nothing: what DOMAIN.md says
//! it runs, word for word.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::clinic::{Clinic, refusal};

fn booking(customer: &str, date: &str, time: &str) -> String {
    booking_with(1, customer, date, time)
}

/// The customer's upsert with an appointment, as one statement.
pub(crate) fn booking_with(consultant: i64, customer: &str, date: &str, time: &str) -> String {
    format!(
        "WITH customer_upsert AS (
            INSERT INTO customer (customerid, fullname, email, phonenumber)
            VALUES ('{customer}', 'Trần Thị Lan', 'lan@example.vn', '0912345678')
            ON CONFLICT (customerid) DO UPDATE
            SET fullname = EXCLUDED.fullname, email = EXCLUDED.email, phonenumber = EXCLUDED.phonenumber
            RETURNING customerid
        )
        INSERT INTO appointment (customerid, consultantid, date, time, status)
        SELECT customerid, {consultant}, DATE '{date}', TIME '{time}', 'pending' FROM customer_upsert
        RETURNING appointmentid"
    )
}

/// A booking, with the customer's old appointment cancelled first.
pub(crate) fn instead_of(customer: &str, old: i64, booking: &str) -> String {
    booking.replacen(
        "WITH ",
        &format!(
            "WITH cancelled AS (
                UPDATE appointment SET status = 'cancelled', updatedat = '2025-11-28 12:00:00'
                WHERE appointmentid = {old} AND customerid = '{customer}'
            ), "
        ),
        1,
    )
}

async fn book(bot: &Client, sql: &str) -> Result<i64, tokio_postgres::Error> {
    Ok(bot.query_one(sql, &[]).await?.get(0))
}

/// Each journal row: the table, what was done, who did it, the part, and a column.
pub(crate) async fn journal(clinic: &Clinic, column: &str) -> Vec<String> {
    let sql = format!(
        "SELECT concat_ws(' ', table_name, CASE WHEN old IS NULL THEN 'born' WHEN new IS NULL THEN \
         'gone' ELSE 'changed' END, coalesce(new_part, old_part), new ->> '{column}') \
         FROM causeway.journal ORDER BY seq"
    );
    let rows = clinic.admin.query(&sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_booking_takes_key_defaults_and_part() {
    let clinic = Clinic::open().await;
    let bot = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let first = book(&bot, &booking("fb-777", "2025-11-28", "09:00")).await;
    let first = first.unwrap();
    assert!(first >= 1_000_000_000, "{first}");
    // Again, by a customer who is known now, three weeks ahead: a date that is not loaded.
    let second = book(&bot, &booking("fb-777", "2025-12-19", "09:00")).await;
    let second = second.unwrap();
    assert!(second > first);
    let row = "SELECT duration, meetingurl, causeway_part, causeway_clash, \
        abs(extract(epoch FROM createdat - timezone('Asia/Ho_Chi_Minh', now()))) < 60 \
        FROM appointment WHERE appointmentid = $1";
    let row = bot.query_one(row, &[&second]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 60);
    assert_eq!(row.get::<_, Option<&str>>(1), None);
    assert_eq!(row.get::<_, &str>(2), "dt=2025-12-19");
    assert!(!row.get::<_, bool>(3));
    assert!(row.get::<_, bool>(4), "it is dated by the zone's clock");
    // The second upsert changed nothing.
    assert_eq!(
        journal(&clinic, "status").await,
        [
            "customer born b=13of16",
            "appointment born dt=2025-11-28 pending",
            "appointment born dt=2025-12-19 pending",
        ]
    );
    let actors = "SELECT DISTINCT actor FROM causeway.journal";
    let actors = clinic.admin.query_one(actors, &[]).await.unwrap();
    assert_eq!(actors.get::<_, &str>(0), clinic.role_name("bot"));
    bot.batch_execute("SET causeway.actor = 'chatbot/lan'")
        .await
        .unwrap();
    book(&bot, &booking("fb-778", "2025-11-28", "10:00"))
        .await
        .unwrap();
    let actors = "SELECT actor FROM causeway.journal ORDER BY seq DESC LIMIT 1";
    let actors = clinic.admin.query_one(actors, &[]).await.unwrap();
    let claimed = format!("{}/chatbot/lan", clinic.role_name("bot"));
    assert_eq!(actors.get::<_, &str>(0), claimed);
}

#[tokio::test]
async fn a_rebooking_cancels_the_old_appointment() {
    let clinic = Clinic::open().await;
    let bot = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let old = book(&bot, &booking("fb-777", "2025-11-28", "09:00")).await;
    let old = old.unwrap();
    let moved = instead_of("fb-777", old, &booking("fb-777", "2025-11-29", "10:00"));
    let new = book(&bot, &moved).await.unwrap();
    let states =
        "SELECT appointmentid, status FROM appointment WHERE appointmentid >= $1 ORDER BY 1";
    let states = bot.query(states, &[&old]).await.unwrap();
    let states: Vec<(i64, &str)> = states.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(states, [(old, "cancelled"), (new, "pending")]);
    // A plain cancel of what is cancelled already leaves no trace.
    let cancel = format!("UPDATE appointment SET status = 'cancelled' WHERE appointmentid = {old}");
    bot.batch_execute(&cancel).await.unwrap();
    let mut left = journal(&clinic, "status").await.split_off(2);
    // The order of what one statement does is PostgreSQL's own affair.
    left.sort();
    assert_eq!(
        left,
        [
            "appointment born dt=2025-11-29 pending",
            "appointment changed dt=2025-11-28 cancelled",
        ]
    );
}

#[tokio::test]
async fn of_two_bookings_of_one_slot_one_is_refused() {
    let clinic = Clinic::open().await;
    let bots = [
        clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await,
        clinic.another("bot").await,
    ];
    let [first, second] = [
        booking("fb-1", "2025-11-28", "09:00"),
        booking("fb-2", "2025-11-28", "09:00"),
    ];
    let (first, second) = tokio::join!(book(&bots[0], &first), book(&bots[1], &second));
    let errors: Vec<_> = [first, second]
        .into_iter()
        .filter_map(Result::err)
        .collect();
    let [error] = &errors[..] else {
        panic!("not one of the two was refused: {errors:?}");
    };
    assert_eq!(error.code(), Some(&SqlState::UNIQUE_VIOLATION));
    // The loser's customer is not there either.
    let born = journal(&clinic, "status").await;
    assert_eq!(born.len(), 2, "{born:?}");
    // A cancelled appointment frees the slot.
    let cancel = "UPDATE appointment SET status = 'cancelled'";
    bots[0].batch_execute(cancel).await.unwrap();
    let third = booking("fb-3", "2025-11-28", "09:00");
    book(&bots[0], &third).await.unwrap();
}

#[tokio::test]
async fn history_is_not_deleted_by_accident() {
    let clinic = Clinic::open().await;
    let bot = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let many = "INSERT INTO appointment (customerid, date, time) \
        SELECT 'c1', '2025-11-28', '09:00' FROM generate_series(1, 150)";
    bot.batch_execute(many).await.unwrap();
    let refused = bot.batch_execute("DELETE FROM appointment").await;
    assert_eq!(
        refusal(refused),
        "23514 appointment: this deletes 151 of 151 rows, from the history as well; where that is meant, \
         set causeway.allow_shrink = on in the transaction"
    );
    // Nor in many small steps of one transaction.
    let first = "SELECT min(appointmentid) FROM appointment WHERE appointmentid >= 1000000000";
    let first: i64 = bot.query_one(first, &[]).await.unwrap().get(0);
    let some = |from: i64, to: i64| {
        let (from, to) = (first + from, first + to);
        format!("DELETE FROM appointment WHERE appointmentid BETWEEN {from} AND {to}; ")
    };
    let steps = format!("BEGIN; {}{}COMMIT", some(0, 89), some(90, 139));
    let refused = refusal(bot.batch_execute(&steps).await);
    assert!(refused.contains("deletes 140 of 151 rows"), "{refused}");
    bot.batch_execute("ROLLBACK").await.unwrap();
    let refused = bot.batch_execute("TRUNCATE appointment").await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
    let refused = clinic
        .admin
        .batch_execute("TRUNCATE hcm_01.appointment")
        .await;
    assert_eq!(
        refusal(refused),
        "0A000 appointment: TRUNCATE would leave no trace of the rows; on purpose: BEGIN; SET LOCAL \
         causeway.allow_shrink = on; DELETE FROM hcm_01.appointment; COMMIT"
    );
    let meant = "BEGIN; SET LOCAL causeway.allow_shrink = on; DELETE FROM appointment; COMMIT";
    // What others refer to stays, even so.
    assert_eq!(
        refusal(bot.batch_execute(meant).await),
        "23503 appointment: rows of appointmentfeedback refer to it by appointmentid; delete them first"
    );
    bot.batch_execute("ROLLBACK; DELETE FROM appointmentfeedback")
        .await
        .unwrap();
    bot.batch_execute(meant).await.unwrap();
    let gone =
        "SELECT count(*) FROM causeway.journal WHERE new IS NULL AND table_name = 'appointment'";
    let gone = clinic.admin.query_one(gone, &[]).await.unwrap();
    assert_eq!(gone.get::<_, i64>(0), 151);
}

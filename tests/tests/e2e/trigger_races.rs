//! What the triggers of a site's tables in PostgreSQL make of writers and loads that are at work at once.

use crate::clinic::{Clinic, refusal, while_open};

#[tokio::test]
async fn a_writer_and_a_load_of_what_it_refers_to_do_not_wait_for_each_other() {
    let clinic = Clinic::open().await;
    let bot = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let booking =
        "INSERT INTO appointment (customerid, date, time) VALUES ('c1', '2025-11-28', '09:00')";
    bot.batch_execute(&format!("BEGIN; {booking}"))
        .await
        .unwrap();
    let load = "SET causeway.loader = on; BEGIN; SET LOCAL lock_timeout = '1s'; \
        CREATE TEMPORARY TABLE taken AS SELECT * FROM hcm_01.customer; \
        ALTER TABLE taken DROP COLUMN causeway_search; \
        DELETE FROM hcm_01.customer; INSERT INTO hcm_01.customer SELECT * FROM taken";
    clinic.admin.batch_execute(load).await.unwrap();
    bot.batch_execute(&format!("{booking}; COMMIT"))
        .await
        .unwrap();
    clinic.admin.batch_execute("COMMIT").await.unwrap();
}

#[tokio::test]
async fn a_parent_is_not_deleted_under_a_child() {
    let clinic = Clinic::open().await;
    let first = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let second = clinic.another("bot").await;
    let customers = "INSERT INTO customer (customerid, fullname, email) VALUES ('a', 'x', 'x'), ('b', 'x', 'x')";
    first.batch_execute(customers).await.unwrap();
    let delete = |customer: &str| format!("DELETE FROM customer WHERE customerid = '{customer}'");
    let book = |customer: &str| {
        format!(
            "INSERT INTO appointment (customerid, date, time) \
             VALUES ('{customer}', '2025-11-28', '09:00')"
        )
    };
    for (one, other, expected) in [
        (
            book("a"),
            delete("a"),
            "23503 customer: rows of appointment refer to it by customerid; delete them first",
        ),
        (
            delete("b"),
            book("b"),
            "23503 appointment.customerid: \"b\" is not in customer",
        ),
    ] {
        let result = while_open(&clinic, (&first, &one), (&second, &other)).await;
        assert_eq!(refusal(result), expected);
    }
}

#[tokio::test]
async fn a_child_that_comes_while_its_parent_is_moved_lies_where_that_lies() {
    let clinic = Clinic::open().await;
    let first = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let second = clinic.another("bot").await;
    let move_to =
        |date: &str| format!("UPDATE appointment SET date = '{date}' WHERE appointmentid = 7");
    let again = "DELETE FROM appointmentfeedback WHERE appointmentid = 7; \
        INSERT INTO appointmentfeedback (appointmentid, rating) VALUES (7, 3)";
    let place = "SELECT causeway_part FROM hcm_01.appointmentfeedback";
    let place = async || -> String { clinic.admin.query_one(place, &[]).await.unwrap().get(0) };
    let moved = while_open(&clinic, (&first, again), (&second, &move_to("2025-11-29"))).await;
    moved.unwrap();
    assert_eq!(place().await, "dt=2025-11-29");
    let moved = while_open(&clinic, (&first, &move_to("2025-11-27")), (&second, again)).await;
    moved.unwrap();
    assert_eq!(place().await, "dt=2025-11-27");
    clinic.test.flush_rows(&clinic.site).await.unwrap();
    clinic.test.load_rows().await.unwrap();
    assert_eq!(clinic.test.differences().await.unwrap(), [""; 0]);
}

/// Members in two buckets, of which 1 and 3 lie in the first.
const CLUB: &str = r#"
name = "club"
version = 1
[[table]]
name = "member"
key = ["id"]
partition = { buckets = 2 }
unique = [{ columns = ["email"] }]
column = [{ name = "id", type = "int" }, { name = "email", type = "text" }]
"#;

#[tokio::test]
async fn two_writers_do_not_bring_one_value_into_two_buckets() {
    let mut clinic = Clinic::of(CLUB).await;
    clinic
        .site
        .put("member", "b=0of2", &["1,ada"])
        .await
        .unwrap();
    clinic.load().await;
    let first = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let second = clinic.another("bot").await;
    let bob = |id: i64| format!("INSERT INTO member VALUES ({id}, 'bob')");
    let result = while_open(&clinic, (&first, &bob(5)), (&second, &bob(3))).await;
    assert_eq!(
        refusal(result),
        "23505 member: another row has the same email"
    );
    // Who does not see what others have committed cannot tell.
    let eve = "BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO member VALUES (7, 'eve')";
    let refused = refusal(second.batch_execute(eve).await);
    assert!(
        refused.starts_with("0A000 member: a transaction that is SERIALIZABLE cannot bring values"),
        "{refused}"
    );
}

#[tokio::test]
async fn an_index_over_which_loads_could_fail_goes_with_the_next_load() {
    let mut clinic = Clinic::of(CLUB).await;
    clinic
        .site
        .put("member", "b=0of2", &["1,ada"])
        .await
        .unwrap();
    clinic.load().await;
    let index = "CREATE UNIQUE INDEX \"member unique 0\" ON hcm_01.member (email)";
    clinic.admin.batch_execute(index).await.unwrap();
    let bob = "INSERT INTO hcm_01.member VALUES (5, 'bob')";
    clinic.admin.batch_execute(bob).await.unwrap();
    clinic.test.flush_rows(&clinic.site).await.unwrap();
    clinic
        .site
        .put("member", "b=0of2", &["1,ada", "3,bob"])
        .await
        .unwrap();
    clinic.load().await;
    assert_eq!(
        clinic
            .test
            .rows(&clinic.site, "member")
            .await
            .unwrap()
            .len(),
        3
    );
}

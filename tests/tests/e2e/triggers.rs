//! What the triggers of a site's tables in PostgreSQL take, fill in and refuse, whoever writes and
//! whatever that session's settings are.

use crate::clinic::{Clinic, refusal};
use causeway_hub::testing::HubDatabase;

#[tokio::test]
async fn every_rule_is_named() {
    let clinic = Clinic::open().await;
    let bot = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let customer = |columns: &str, values: &str| {
        format!("INSERT INTO customer (customerid{columns}) VALUES ('c2'{values})")
    };
    let appointment = |columns: &str, values: &str| {
        format!("INSERT INTO appointment (customerid, date, time{columns}) VALUES {values}")
    };
    let feedback = |rating: &str| format!("UPDATE appointmentfeedback SET rating = {rating}");
    let slot = |times: &str| {
        format!(
            "INSERT INTO consultantschedule (consultantid, date, starttime, endtime) \
             VALUES (1, '2025-11-28', {times})"
        )
    };
    let long = "ễ".repeat(101);
    for (sql, expected) in [
        (
            customer(", fullname", ", 'Lan'"),
            "23502 customer.email must have a value",
        ),
        (
            customer(", email, fullname", &format!(", 'l@x', '{long}'")),
            "23514 customer.fullname must have at most 100 characters",
        ),
        (
            appointment(", status", "('c1', '2025-11-28', '09:00', 'done')"),
            "23514 appointment.status must be one of pending, confirmed, completed, cancelled",
        ),
        (
            feedback("5.01"),
            "23514 appointmentfeedback.rating must be at most 5",
        ),
        (
            feedback("-0.5"),
            "23514 appointmentfeedback.rating must be at least 0",
        ),
        (
            feedback("'NaN'"),
            "23514 appointmentfeedback.rating must be a number",
        ),
        (
            feedback("'Infinity'"),
            "23514 appointmentfeedback.rating must be a number",
        ),
        (
            slot("'10:00', '10:00'"),
            "23514 consultantschedule: it must be that starttime < endtime",
        ),
        (
            appointment("", "('c1', '2025-11-28', '24:00')"),
            "23514 appointment.time must be a time like 09:30:00 or 09:30:00.120000",
        ),
        (
            appointment("", "('c1', 'infinity', '09:00')"),
            "23514 appointment.date must be a date like 2025-11-28, from 1900 to 2199",
        ),
        (
            appointment("", "('c1', '2025-11-28 BC', '09:00')"),
            "23514 appointment.date must be a date like 2025-11-28, from 1900 to 2199",
        ),
        (
            "UPDATE customer SET createdat = '2200-01-01'".to_owned(),
            "23514 customer.createdat must be a date and time like 2025-11-28T09:30:00 or with \
             .120000, from 1900 to 2199",
        ),
        (
            appointment("", "('nobody', '2025-11-28', '09:00')"),
            "23503 appointment.customerid: \"nobody\" is not in customer",
        ),
        (
            "INSERT INTO appointmentfeedback (appointmentid, rating) VALUES (99, 4)".to_owned(),
            "23503 appointmentfeedback.appointmentid: \"99\" is not in appointment among the dates that \
             are loaded; load its date first",
        ),
        (
            appointment(", appointmentid", "('c1', '2025-11-28', '09:00', 5)"),
            "23514 appointment.appointmentid is given by the database: another row may have the number \
             on a date that is not loaded; leave it out",
        ),
        (
            "UPDATE appointment SET appointmentid = 8".to_owned(),
            "0A000 appointment: a key never changes; delete the row and insert another",
        ),
        (
            "DELETE FROM consultant WHERE consultantid = 1".to_owned(),
            "23503 consultant: rows of appointment refer to it by consultantid; delete them first",
        ),
        (
            appointment(", consultantid", "('c1', '2025-11-28', '08:00', 1)"),
            "23505 duplicate key value violates unique constraint \"appointment unique 0\"",
        ),
    ] {
        assert_eq!(refusal(bot.batch_execute(&sql).await), expected, "{sql}");
    }
    let journal = "SELECT count(*) FROM causeway.journal";
    let journal = clinic.admin.query_one(journal, &[]).await.unwrap();
    assert_eq!(journal.get::<_, i64>(0), 0);
    // What is refused in one row may be changed in others, and what was there before may stay.
    let tightened = "SET causeway.loader = on; UPDATE hcm_01.appointment SET status = 'from before'; \
        SET causeway.loader = off";
    clinic.admin.batch_execute(tightened).await.unwrap();
    let other =
        "UPDATE appointment SET description = 'x'; UPDATE appointment SET status = 'cancelled'";
    bot.batch_execute(other).await.unwrap();
}

#[tokio::test]
async fn a_database_that_takes_no_changes_says_why() {
    let clinic = Clinic::open().await;
    let bot = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let refused = async |state: &str| {
        let set = format!("UPDATE causeway.site SET {state}");
        clinic.admin.batch_execute(&set).await.unwrap();
        // Not even where no row is there to change.
        refusal(bot.batch_execute("DELETE FROM customer WHERE false").await)
    };
    assert_eq!(
        refused("server_start = server_start - interval '1 second'").await,
        "25006 site hcm-01: it takes no changes until a hub has read its log: the database server has \
         started again, or the database was restored; wait for the next refresh of a hub that runs, or run \
         `causeway-hub load`"
    );
    let restored = refused("server_start = pg_postmaster_start_time(), place = 'x'").await;
    assert!(
        restored.contains("or the database was restored"),
        "{restored}"
    );
    assert_eq!(
        refused("writable = false, edits_head = NULL").await,
        "25006 site hcm-01: it takes no changes here: no database owns its edits yet; run \
         `causeway-hub load` with `write = true` under [edits]"
    );
    let head = r#"{"seq":3,"writer":{"id":"a1","address":"postgres://rds/clinic"}}"#;
    assert_eq!(
        refused(&format!("edits_head = '{head}'")).await,
        "25006 site hcm-01: it is read-only here: its edits belong to the database a1 at \
         postgres://rds/clinic; write there, or make this database the owner with `causeway-hub init \
         --take-over`"
    );
    let before = "edits_head = json_build_object('writer', json_build_object('id', 'a1', 'address', \
        (SELECT address FROM causeway.database)))";
    assert_eq!(
        refused(before).await,
        "25006 site hcm-01: it is read-only here: its edits belong to the database a1, which was at this \
         address before this one was made; make this database the owner with `causeway-hub init \
         --take-over`"
    );
    assert_eq!(
        refused("seq = NULL, edits_head = NULL").await,
        "25006 site hcm-01: it takes no changes here: nothing of it is loaded yet; run `causeway-hub \
         load`, which says what is in the way"
    );
    clinic
        .admin
        .batch_execute("UPDATE causeway.site SET seq = 1")
        .await
        .unwrap();
    let own = "edits_head = json_build_object('writer', (SELECT row_to_json(d) FROM causeway.database AS d))";
    assert_eq!(
        refused(own).await,
        "25006 site hcm-01: it takes no changes at present; run `causeway-hub load`"
    );
}

#[tokio::test]
async fn triggers_are_made_once_and_with_each_new_table() {
    let mut clinic = Clinic::open().await;
    let made = async |clinic: &Clinic| {
        let sql = "SELECT string_agg(xmin::text, ' ' ORDER BY oid) FROM pg_trigger WHERE NOT tgisinternal";
        let made = clinic.admin.query_one(sql, &[]).await.unwrap();
        made.get::<_, String>(0)
    };
    let first = made(&clinic).await;
    clinic.site.put("customer", "b=09of16", &[]).await.unwrap();
    clinic.load().await;
    assert_eq!(made(&clinic).await, first);
    // Somebody takes a table away, which other rows need no more.
    let drop = "DROP TABLE hcm_01.programparticipant";
    clinic.admin.batch_execute(drop).await.unwrap();
    clinic.site.put("customer", "b=06of16", &[]).await.unwrap();
    clinic.load().await;
    let insert = "INSERT INTO hcm_01.programparticipant (programid, customerid) VALUES (1, 'c1')";
    assert_eq!(
        refusal(clinic.admin.batch_execute(insert).await),
        "23503 programparticipant.programid: \"1\" is not in communityprogram"
    );
}

#[tokio::test]
async fn an_upgraded_hub_brings_its_triggers_though_nothing_is_to_be_loaded() {
    let clinic = Clinic::open().await;
    let older = "DROP TRIGGER \"causeway after\" ON hcm_01.customer; \
        UPDATE causeway.site SET triggers = 'older'";
    clinic.admin.batch_execute(older).await.unwrap();
    let database = HubDatabase::postgres(&clinic.place.url(), None).unwrap();
    let upgraded = clinic.test.with_database(&database).await.unwrap();
    upgraded.load_rows().await.unwrap();
    let count = "SELECT count(*) FROM pg_trigger WHERE tgname = 'causeway after'";
    let there: i64 = clinic.admin.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(there, 7);
    let sql = "UPDATE hcm_01.customer SET notes = 'x' WHERE customerid = 'c1'";
    clinic.admin.batch_execute(sql).await.unwrap();
    assert_eq!(upgraded.flush_rows(&clinic.site).await.unwrap(), 1);
}

#[tokio::test]
async fn the_settings_and_objects_of_a_session_change_nothing() {
    let clinic = Clinic::open().await;
    let plain = clinic.role("plain", "SELECT, INSERT, UPDATE, DELETE").await;
    let odd = clinic.role("odd", "SELECT, INSERT, UPDATE, DELETE").await;
    let settings = "SET datestyle = 'SQL, DMY'; SET timezone = 'America/New_York'; \
        SET extra_float_digits = -15; SET standard_conforming_strings = off; \
        SET escape_string_warning = off; SET transform_null_equals = on; SET lc_time = 'C'; \
        SET plpgsql.extra_errors = 'all'; \
        CREATE TEMPORARY TABLE journal (site text); CREATE TEMPORARY TABLE site (site text); \
        CREATE FUNCTION pg_temp.octet_length(text) RETURNS int LANGUAGE sql AS 'SELECT 1/0'; \
        CREATE FUNCTION pg_temp.txid_current() RETURNS bigint LANGUAGE sql AS 'SELECT 1/0'; \
        SET search_path = pg_temp, hcm_01, pg_catalog";
    odd.batch_execute(settings).await.unwrap();
    for bot in [&plain, &odd] {
        let write = "UPDATE hcm_01.appointmentfeedback SET rating = 0.1::float8 + 0.2::float8; \
            INSERT INTO hcm_01.appointment (customerid, date, time, description, createdat) VALUES \
            ('c1', DATE '2025-11-28', '09:00:00.12', E'a\\\\b', TIMESTAMP '2025-11-28 01:02:03.4'); \
            DELETE FROM hcm_01.appointment WHERE appointmentid > 999; \
            UPDATE hcm_01.appointmentfeedback SET rating = 4.5";
        bot.batch_execute(write).await.unwrap();
    }
    let written = "SELECT regexp_replace(concat_ws(' ', old, new), '10\\d{8}', 'key', 'g') \
        FROM causeway.journal WHERE actor = $1 ORDER BY seq";
    let mut journals = Vec::new();
    for role in ["plain", "odd"] {
        let rows = clinic
            .admin
            .query(written, &[&clinic.role_name(role)])
            .await;
        let rows = rows.unwrap();
        let rows = rows.iter().map(|row| row.get::<_, String>(0));
        journals.push(rows.collect::<Vec<_>>());
    }
    assert_eq!(journals[0], journals[1]);
    let all = journals[0].join("\n");
    for text in [
        "0.30000000000000004",
        "2025-11-28 01:02:03.4",
        "09:00:00.12",
        r"a\\b",
    ] {
        assert!(all.contains(text), "{text} in {all}");
    }
}

#[tokio::test]
async fn names_that_plpgsql_or_the_triggers_use_are_taken() {
    let long = "x".repeat(63);
    let names = [
        "old", "new", "found", "tg_op", "sqlstate", "causeway", "user", "text", "length",
    ];
    let columns: String = names
        .iter()
        .map(|name| {
            format!("{{ name = '{name}', type = 'text', max = 9, values = ['a', 'it''s $$'] }}, ")
        })
        .collect();
    let columns = columns.replace("'it''s $$'", "\"it's $causeway$ $$ \\\\\"");
    let table = |name: &str, parent: &str| {
        format!(
            "[[table]]\nname = '{name}'\nkey = ['j']\npartition = {{ buckets = 3 }}\n\
             unique = [{{ columns = ['old', 'new'] }}]\n\
             column = [{{ name = 'j', type = 'text' }}, {columns} \
             {{ name = '{long}', type = 'text', references = '{parent}' }}]\n"
        )
    };
    let tables = ["new", "old", "causeway", &long];
    let dataset: String = tables.iter().map(|name| table(name, "old")).collect();
    let mut clinic = Clinic::of(&format!("name = 'd'\nversion = 1\n{dataset}")).await;
    clinic.site.put("old", "b=0of3", &[]).await.unwrap();
    clinic.load().await;
    for name in ["old", "new", "causeway", &long] {
        let write = format!(
            "INSERT INTO hcm_01.\"{name}\" (j, old, new, found, tg_op, \"{long}\") \
             VALUES ('k', 'a', 'a', 'a', NULL, {parent}); \
             UPDATE hcm_01.\"{name}\" SET new = NULL, sqlstate = 'a', \"user\" = 'a', text = 'a'",
            parent = if name == "old" { "NULL" } else { "'k'" },
        );
        clinic.admin.batch_execute(&write).await.unwrap();
        let bad = format!("UPDATE hcm_01.\"{name}\" SET tg_op = 'b'");
        let refused = refusal(clinic.admin.batch_execute(&bad).await);
        assert_eq!(
            refused,
            format!("23514 {name}.tg_op must be one of a, it's $causeway$ $$ \\")
        );
    }
    let kept = refusal(clinic.admin.batch_execute("DELETE FROM hcm_01.old").await);
    assert!(
        kept.starts_with("23503 old: rows of new refer to it by xxx"),
        "{kept}"
    );
    let rows = "SELECT count(*) FROM causeway.journal";
    let rows = clinic.admin.query_one(rows, &[]).await.unwrap();
    assert_eq!(rows.get::<_, i64>(0), 8);
}

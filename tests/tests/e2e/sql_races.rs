//! Other programs write by SQL while hubs load and flush and the site changes the same rows: none of them
//! sees an error, and what was committed is there in the end, in the database and in one made again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use causeway_hub::testing::{HubDatabase, TestHub, TestSite};
use causeway_tests::{DatabaseKind, TestDatabase, soaks};
use tokio_postgres::Client;

use crate::clinic::Clinic;

/// How many programs write.
const BOTS: usize = 3;

/// How often the site changes its rows.
fn rounds() -> usize {
    if soaks() { 60 } else { 9 }
}

/// One appointment for each bot, at a time that is no other's, and the customer of all of them. The first
/// bot's moves to another date and back.
async fn commit(site: &mut TestSite, round: usize) {
    let appointment = |bot: usize, day: usize| {
        let duration = 60 + round;
        format!("{bot},1,c1,2025-11-{day},08:00:0{bot},{duration},,pending,,2025-11-20T09:30:00,")
    };
    for day in [28, 29] {
        let bots = (0..BOTS).filter(|bot| day_of(*bot, round) == day);
        let rows: Vec<String> = bots.map(|bot| appointment(bot, day)).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let part = format!("dt=2025-11-{day}");
        site.put("appointment", &part, &rows).await.unwrap();
    }
    let customer = format!("c1,Chi {round},chi@example.vn,,,2021-01-01T08:00:00,false,");
    site.put("customer", "b=09of16", &[&customer])
        .await
        .unwrap();
    site.commit().await.unwrap();
}

/// On which day a bot's appointment is.
fn day_of(bot: usize, round: usize) -> usize {
    if bot == 0 { 28 + round % 2 } else { 28 }
}

/// Writes until it is told to stop: its own appointment of the site, and bookings. Returns how many
/// transactions it committed.
async fn write(bot: Client, number: usize, stop: &AtomicBool) -> usize {
    let mut done = 0;
    while !stop.load(Ordering::Relaxed) {
        let (hour, minute, second) = (9 + number, done / 60, done % 60);
        let change = format!(
            "UPDATE appointment SET description = 'said {done}' WHERE appointmentid = {number}"
        );
        let book = format!(
            "INSERT INTO appointment (customerid, consultantid, date, time, description) VALUES \
             ('c1', 1, '2025-11-{}', '{hour}:{minute:02}:{second:02}', '{number} {done}')",
            27 + done % 4
        );
        let customer = format!(
            "INSERT INTO customer (customerid, fullname, email) VALUES ('b{number}-{done}', 'x', 'x')"
        );
        let order = match done % 3 {
            0 => [&change, &book, &customer],
            1 => [&customer, &change, &book],
            _ => [&book, &customer, &change],
        };
        let sql = format!("BEGIN; {}; {}; {}; COMMIT", order[0], order[1], order[2]);
        bot.batch_execute(&sql).await.unwrap();
        done += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    done
}

/// Flushes until it is told to stop.
async fn serve(hub: &TestHub, site: &TestSite, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        hub.flush_rows(site).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_between_writers_loads_and_flushes() {
    let mut clinic = Clinic::open().await;
    commit(&mut clinic.site, 0).await;
    clinic.test.load_rows().await.unwrap();
    let database = HubDatabase::postgres(&clinic.place.url(), None).unwrap();
    let second = clinic.test.with_database(&database).await.unwrap();
    let third = clinic.test.with_database(&database).await.unwrap();

    let stop = AtomicBool::new(false);
    clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let bots = [
        clinic.another("bot").await,
        clinic.another("bot").await,
        clinic.another("bot").await,
    ];
    let [a, b, c] = bots;
    let watched = TestSite::new(&clinic.test.store, "hcm-01", crate::clinic::MEETASSIST).unwrap();
    let site = &mut clinic.site;
    let hub = &clinic.test;
    let rounds = rounds();
    let change = async {
        for round in 1..=rounds {
            commit(site, round).await;
            let (first, other) = tokio::join!(hub.load_rows(), third.load_rows());
            first.unwrap();
            other.unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    };
    let (a, b, c, (), ()) = tokio::join!(
        write(a, 0, &stop),
        write(b, 1, &stop),
        write(c, 2, &stop),
        serve(&second, &watched, &stop),
        change
    );
    let done = [a, b, c];
    assert!(done.iter().all(|done| *done > 5), "{done:?}");

    // What is there before the last flush and load is there after it, and elsewhere.
    let rows = async |client: &Client| {
        let sql = "SELECT concat_ws(' ', appointmentid, date, duration, description, causeway_part) \
            FROM hcm_01.appointment WHERE date <= '2025-11-29' \
            UNION ALL SELECT concat_ws(' ', customerid, fullname, causeway_part) FROM hcm_01.customer \
            ORDER BY 1";
        let rows = client.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    let before = rows(&clinic.admin).await;
    for (bot, done) in done.iter().enumerate() {
        let day = day_of(bot, rounds);
        let own = format!(
            "{bot} 2025-11-{day} {} said {} dt=2025-11-{day}",
            60 + rounds,
            done - 1
        );
        assert!(before.contains(&own), "{own} is not in {before:#?}");
    }
    let customers = before.iter().filter(|row| row.starts_with('b')).count();
    assert_eq!(customers, done.iter().sum::<usize>());
    clinic.test.flush_rows(&clinic.site).await.unwrap();
    clinic.test.load_rows().await.unwrap();
    assert_eq!(rows(&clinic.admin).await, before);
    assert_eq!(clinic.test.differences().await.unwrap(), [""; 0]);
    let booked = "SELECT count(*) FROM hcm_01.appointment WHERE appointmentid >= 1000000000";
    let booked = clinic.admin.query_one(booked, &[]).await.unwrap();
    let booked = usize::try_from(booked.get::<_, i64>(0)).unwrap();
    assert_eq!(booked, done.iter().sum::<usize>());

    let place = TestDatabase::create(DatabaseKind::Postgres).await;
    let another = HubDatabase::postgres(&place.url(), None).unwrap();
    let another = clinic.test.with_database(&another).await.unwrap();
    another.load_rows().await.unwrap();
    assert_eq!(rows(&place.connect().await).await, before);
}

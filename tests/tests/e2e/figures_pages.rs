//! Figures on the pages in a real browser, against plain SQL over all of the site's history.

use causeway_tests::browser::Browser;
use causeway_tests::mirror::Mirror;
use serde_json::json;

use crate::edits_pages::{cancel, ground};
use crate::pages::signed_in_at;

/// The overview's figures, and SQL for each.
const OVERVIEW: [(&str, &str); 15] = [
    ("appointments", "SELECT count(*) FROM Appointments"),
    (
        "appointments-pending",
        "SELECT count(*) FROM Appointments WHERE coalesce(Status, 'pending') = 'pending'",
    ),
    (
        "appointments-confirmed",
        "SELECT count(*) FROM Appointments WHERE Status = 'confirmed'",
    ),
    (
        "appointments-completed",
        "SELECT count(*) FROM Appointments WHERE Status = 'completed'",
    ),
    (
        "appointments-cancelled",
        "SELECT count(*) FROM Appointments WHERE Status = 'cancelled'",
    ),
    ("customers", "SELECT count(*) FROM Customers"),
    (
        "customers-active",
        "SELECT count(*) FROM Customers WHERE NOT coalesce(IsDisabled, 0)",
    ),
    ("consultants", "SELECT count(*) FROM consultant"),
    (
        "consultants-active",
        "SELECT count(*) FROM consultant WHERE isdisabled NOT IN ('true', '1')",
    ),
    ("feedback", "SELECT count(*) FROM AppointmentFeedback"),
    (
        "today",
        "SELECT count(*) FROM Appointments WHERE Date = :today",
    ),
    (
        "window",
        "SELECT count(*) FROM Appointments WHERE Date BETWEEN date(:today, '-1 day') AND date(:today, '+1 day')",
    ),
    ("programs", "SELECT count(*) FROM communityprogram"),
    ("participants", "SELECT count(*) FROM programparticipant"),
    (
        "programs-completed",
        "SELECT count(*) FROM communityprogram WHERE status = 'completed'",
    ),
];

/// What the page's rows say: the text of each cell.
async fn table(browser: &Browser) -> Vec<Vec<String>> {
    let script = "return [...document.querySelectorAll('main table.list tbody tr')].map((row) => \
        [...row.cells].map((cell) => cell.innerText))";
    let rows = browser.run(script, json!([])).await;
    serde_json::from_value(rows).unwrap()
}

#[tokio::test]
async fn figures_on_the_pages_are_those_of_sql_over_all_history() {
    let (_deployment, site, service, token) = ground().await;
    // A change of the cloud's, which SQL makes as well.
    let cancelled = site.first_appointment(1);
    cancel(&service, &token, cancelled).await;
    let mirror = Mirror::of(&site);
    mirror.execute(&format!(
        "UPDATE Appointments SET Status = 'cancelled' WHERE AppointmentId = {cancelled}"
    ));
    let today = format!("'{}'", site.today);
    let count = |sql: &str| format!("{}", mirror.number(&sql.replace(":today", &today)));

    let browser = signed_in_at(&service, &token, "/").await;
    let shown = |name: &str, text: &str| {
        format!("document.querySelector('[data-figure=\"{name}\"]')?.innerText === '{text}'")
    };
    let all = count("SELECT count(*) FROM Appointments WHERE Status = 'cancelled'");
    browser
        .wait_for(&shown("appointments-cancelled", &all))
        .await;
    for (name, sql) in OVERVIEW {
        let text = browser.text(&format!("[data-figure=\"{name}\"]")).await;
        assert_eq!(text, count(sql), "{name}");
    }
    let rating = mirror.number("SELECT avg(rating) FROM AppointmentFeedback");
    let text = browser.text("[data-figure=rating]").await;
    assert_eq!(text, format!("{rating:.2}"));

    // Of each consultant, over all days.
    let (from, to) = (site.date(-40), site.date(5));
    let range = format!("from={from}&to={to}");
    browser
        .open(&format!("{}/stats/consultants?{range}", service.url))
        .await;
    let rows = table(&browser).await;
    assert_eq!(rows.len(), 3);
    for (id, name) in [(1, "Trần Thị A"), (2, "Lê B"), (3, "Phạm C")] {
        let row = rows.iter().find(|row| row[0] == name).unwrap();
        let of = format!("FROM Appointments WHERE ConsultantId = {id}");
        let statuses = ["completed", "confirmed", "pending", "cancelled"];
        for (cell, status) in row[1..5].iter().zip(statuses) {
            let sql = format!("SELECT count(*) {of} AND coalesce(Status, 'pending') = '{status}'");
            assert_eq!(*cell, count(&sql), "{name}: {status}");
        }
        let rating = mirror.number(&format!(
            "SELECT avg(f.rating) FROM AppointmentFeedback AS f \
             JOIN Appointments AS a ON a.AppointmentId = f.appointmentid WHERE a.ConsultantId = {id}"
        ));
        assert_eq!(row[5], format!("{rating:.2}"), "{name}");
        let offered = count(&format!(
            "SELECT count(*) FROM Slots WHERE ConsultantId = {id}"
        ));
        let slots = row[6].split(" / ").nth(1);
        assert_eq!(slots, Some(offered.as_str()), "{name}: {row:?}");
    }

    browser
        .open(&format!(
            "{}/stats/customers?from=2024-05-01&to=2024-06-30",
            service.url
        ))
        .await;
    let of_may = "SELECT count(*) FROM Customers WHERE CreatedAt LIKE '2024-05-%'";
    let new = browser.text("[data-figure=customers]").await;
    assert_eq!(new, count(of_may));
    let months = table(&browser).await;
    assert_eq!(
        [&*months[0][1], &*months[1][1]],
        [&*count(of_may), "0"],
        "{months:?}"
    );

    let far = format!("from={}&to={}", site.date(-60), site.date(60));
    browser
        .open(&format!("{}/stats/programs?{far}", service.url))
        .await;
    for row in table(&browser).await {
        let people = |status: &str| {
            count(&format!(
                "SELECT count(*) FROM programparticipant AS r \
                 JOIN communityprogram AS p ON p.programid = r.programid \
                 WHERE p.programname = '{}' AND r.status = '{status}'",
                row[0]
            ))
        };
        let expected = ["attended", "registered", "cancelled"].map(people);
        assert_eq!(row[3..], expected, "{row:?}");
    }
}

//! A day of an admin, done in a real browser by the pages alone.

use causeway_tests::browser::Browser;
use causeway_tests::deployment::Service;
use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use serde_json::{Value, json};

use crate::edits_pages::ground;
use crate::every_page::{assert_is_well, keep_picture};
use crate::ground::today;
use crate::pages::signed_in_at;

/// Whoever sits at a browser.
struct Admin {
    browser: Browser,
}

impl Admin {
    async fn sits_down(service: &Service, token: &str) -> Self {
        Self {
            browser: signed_in_at(service, token, "/").await,
        }
    }

    /// Follows one of the links to pages that every page has.
    async fn goes_to(&self, path: &str) {
        self.browser
            .click(&format!("nav.pages a[href=\"{path}\"]"))
            .await;
        self.browser.wait_for_path(path).await;
    }

    /// Chooses a value of a field, as its picker does.
    async fn chooses(&self, css: &str, value: &str) {
        self.browser
            .wait_for(&format!("document.querySelector({css:?})"))
            .await;
        let set = "const field = document.querySelector(arguments[0]); field.value = arguments[1]; \
                   field.dispatchEvent(new Event('change'))";
        self.browser.run(set, json!([css, value])).await;
    }

    async fn reads(&self, css: &str) -> String {
        self.browser.text(css).await
    }

    /// What a script finds on the page.
    async fn finds(&self, script: &str, arguments: Value) -> Value {
        self.browser.run(script, arguments).await
    }

    async fn opens_day(&self, date: Date) {
        self.goes_to("/appointments").await;
        self.chooses("nav.days input[name=date]", &date.to_string())
            .await;
        self.browser.click("nav.days form button").await;
        self.browser
            .wait_for(&format!("location.search.includes('date={date}')"))
            .await;
    }
}

/// Who has a free slot at a time, by the day's table.
const FREE_AT: &str = "const table = document.querySelector('table.hours'); \
    const names = [...table.tHead.rows[0].cells].map((cell) => cell.innerText); \
    const row = [...table.tBodies[0].rows].find((row) => row.cells[0].innerText === arguments[0]); \
    return [...row.cells].flatMap((cell, at) => cell.querySelector('button.free') ? [names[at]] : [])";

/// The first Friday from tomorrow on.
fn friday() -> Date {
    let days = (1..=7).map(|days| today().saturating_add(days.days()));
    let mut fridays = days.filter(|date| date.weekday() == Weekday::Friday);
    fridays.next().unwrap()
}

#[tokio::test]
async fn an_admins_day_is_done_by_the_pages_alone() {
    let (_deployment, site, service, token) = ground().await;
    let admin = Admin::sits_down(&service, &token).await;
    keep_picture(&admin.browser, "overview").await;

    // Today's list.
    admin.goes_to("/appointments").await;
    let day = admin.reads("main .heading").await;
    assert!(day.contains("today"), "{day}");
    assert_eq!(admin.reads("[data-figure=appointments]").await, "4");

    // Somebody has walked in, and waits for a consultant.
    admin.browser.type_into("#find", "van 8").await;
    admin.browser.click("#book form[method=get] button").await;
    admin
        .browser
        .wait_for("document.querySelectorAll('#customerid option').length === 1")
        .await;
    admin.browser.click("#slot option[value=none]").await;
    let now = causeway_shared::runtime::clock::now()
        .in_tz("Asia/Ho_Chi_Minh")
        .unwrap();
    admin
        .chooses("#time", &now.strftime("%H:%M").to_string())
        .await;
    admin.browser.type_into("#description", "walked in").await;
    admin.browser.click("#book form[method=post] button").await;
    let said = admin.reads("[role=status]").await;
    assert!(said.starts_with("The appointment is booked."), "{said}");
    assert!(admin.reads("li:target").await.contains("walked in"));

    // Tomorrow's first appointment is moved to the slot that is free.
    admin.opens_day(site.date(1)).await;
    let id = site.first_appointment(1);
    let row = format!("#a-{id}");
    admin
        .browser
        .click(&format!("{row} button[name=move]"))
        .await;
    admin
        .browser
        .wait_for("document.querySelector('#move')")
        .await;
    admin
        .browser
        .click("button.free[value=\"1 12:00:00\"]")
        .await;
    admin
        .browser
        .wait_for("location.search.includes('done=moved')")
        .await;
    let moved = admin.reads("li:target").await;
    assert!(
        moved.contains("12:00") && moved.contains("Trần Thị A"),
        "{moved}"
    );
    keep_picture(&admin.browser, "day").await;

    // A customer is found by a part of the name, and by a part of the number.
    admin.goes_to("/customers").await;
    for (asked, found) in [("nguyen", "30"), ("0912", "20")] {
        admin.chooses("#q", asked).await;
        admin.browser.click("form.filters button").await;
        admin
            .browser
            .wait_for(&format!("location.search.includes('q={asked}')"))
            .await;
        assert_eq!(admin.reads("[data-figure=total]").await, found, "{asked}");
    }

    // Who is free on Friday at ten?
    let friday = friday();
    for consultant in ["1", "2"] {
        admin.goes_to("/consultants").await;
        admin
            .browser
            .click(&format!("th a[href^=\"/consultants/{consultant}?\"]"))
            .await;
        admin.browser.click("#slots details summary").await;
        for (name, value) in [("from", friday.to_string()), ("to", friday.to_string())] {
            admin.chooses(&format!("#slots #{name}"), &value).await;
        }
        for (name, value) in [("start", "10:00"), ("end", "11:00")] {
            admin.chooses(&format!("#slots #{name}"), value).await;
        }
        admin.browser.click("#slots details button").await;
        admin
            .browser
            .wait_for("location.search.includes('done=generated')")
            .await;
    }
    admin.opens_day(friday).await;
    let free = admin.finds(FREE_AT, json!(["10:00"])).await;
    // Of the site's own slots of that day some are taken.
    let held = "SELECT ConsultantId FROM Slots WHERE Date = ?1 AND StartTime = '10:00:00'";
    let held = site
        .open()
        .query_row(held, [friday.to_string()], |row| row.get::<_, i64>(0));
    let names: Vec<&str> = [(1, "Trần Thị A"), (2, "Lê B")]
        .into_iter()
        .filter(|(id, _)| held.as_ref().ok() != Some(id))
        .map(|(_, name)| name)
        .collect();
    for name in names {
        assert!(
            free.as_array().unwrap().contains(&json!(name)),
            "{name}: {free}"
        );
    }

    // How did a consultant do this quarter? And a file of it.
    admin.goes_to("/stats/consultants").await;
    assert_is_well(&admin.browser, "figures").await;
    let quarter = admin.reads("nav.bar a[aria-current]").await;
    assert_eq!(quarter, "This quarter");
    let shown = admin.finds(
        "const row = [...document.querySelectorAll('tbody tr')].find((row) => row.innerText.includes('Lê B')); \
         return [...row.cells].map((cell) => cell.innerText)",
        json!([]),
    );
    let shown = shown.await;
    keep_picture(&admin.browser, "figures").await;
    let file =
        "return fetch(document.querySelector('a[download]').href).then((file) => file.text())";
    let file = admin.finds(file, json!([])).await;
    let line = file
        .as_str()
        .unwrap()
        .lines()
        .find(|line| line.contains("Lê B"));
    let line: Vec<&str> = line.unwrap().split(',').collect();
    // Both say the same: completed, confirmed, pending, cancelled; the file has pending first.
    let of_page: Vec<&str> = (1..5).map(|at| shown[at].as_str().unwrap()).collect();
    assert_eq!(
        of_page,
        [line[5], line[4], line[3], line[6]],
        "{shown} {line:?}"
    );

    // What changed, and who did it; yesterday it was nobody.
    admin.goes_to("/edits").await;
    let newest = admin.reads(".edits tbody").await;
    assert!(
        newest.contains("admin/admin") && newest.contains(&format!("appointment {id}")),
        "{newest}"
    );
    let yesterday = site.date(-1).to_string();
    for end in ["#from", "#to"] {
        admin.chooses(end, &yesterday).await;
    }
    admin.browser.click("form.fields button").await;
    admin
        .browser
        .wait_for("location.search.includes('from=')")
        .await;
    let main = admin.reads("main").await;
    assert!(main.contains("Nothing was changed."), "{main}");
}

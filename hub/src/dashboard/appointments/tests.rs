//! The page of a day, as visitors see it.

mod crowded;
mod forms;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use super::*;
use crate::auth::Token;
use crate::serve::testbed::{Answer, Testbed};

async fn bed() -> Testbed {
    Testbed::with_a_day(&["hcm-01"]).await
}

async fn visit(bed: &Testbed, token: &Token, path: &str) -> Answer {
    let cookie = format!("{}; causeway_lang=en", bed.cookie_of(token).await);
    bed.visit(path, &cookie).await
}

/// Sends a form of the day as a browser does.
async fn send(bed: &Testbed, token: &Token, path: &str, fields: &str) -> Answer {
    let cookie = format!("{}; causeway_lang=en", bed.cookie_of(token).await);
    let body = format!("site=hcm-01&date=2025-11-28&{fields}");
    let request = Request::post(path)
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin");
    bed.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn a_day_shows_its_appointments_and_free_slots() {
    let bed = bed().await;
    let html = visit(&bed, &bed.admin, "/appointments").await.body;
    assert!(html.contains("Friday, 28 Nov 2025, today"), "{html}");
    let times: Vec<&str> = html
        .match_indices("<time>")
        .map(|(at, tag)| &html[at + tag.len()..][..5])
        .collect();
    assert_eq!(times, ["09:00", "10:00", "11:00", "16:00"]);
    for shown in [
        "Nguyễn An",
        "Lê Dung",
        "no consultant yet",
        "&#60;b&#62;Bình&#60;/b&#62;",
    ] {
        assert!(html.contains(shown), "{shown}: {html}");
    }
    assert!(!html.contains("<b>Bình"), "{html}");
    let slots: Vec<&str> = html
        .match_indices("<option value=\"1 ")
        .map(|(at, tag)| &html[at + tag.len()..][..8])
        .collect();
    assert_eq!(
        slots,
        ["10:00:00", "14:00:00"],
        "free ones of consultants who are not disabled"
    );
    let hours: Vec<&str> = html
        .split("<th scope=\"row\">")
        .skip(1)
        .map(|row| row.split_once("</tr>").unwrap().0)
        .collect();
    // A held slot, one that is free, one that a program booked, one that is closed.
    for (hour, time, shown) in [
        (
            0,
            "09:00",
            "<a class=\"s-confirmed\" href=\"#a-1\">Nguyễn An",
        ),
        (
            1,
            "10:00",
            "<button name=\"slot\" value=\"1 10:00:00\" class=\"free\">10:00–11:00",
        ),
        (
            2,
            "11:00",
            "<a class=\"s-pending\" href=\"#a-2\">&#60;b&#62;Bình",
        ),
        (3, "14:00", "value=\"1 14:00:00\""),
        (4, "15:00", "<span class=\"closed\">closed</span>"),
    ] {
        assert!(hours[hour].starts_with(time), "{time}: {}", hours[hour]);
        assert!(hours[hour].contains(shown), "{shown}: {}", hours[hour]);
    }
    assert_eq!(hours.len(), 5);
    assert_eq!(hours[0].matches("<td>").count(), 2, "{}", hours[0]);
    assert!(html.contains("<a href=\"/consultants/1?site=hcm-01\">Lê Dung</a>"));
    let forms: Vec<&str> = html
        .split("action=\"/appointments/")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0))
        .collect();
    // Of pending and confirmed ones; they are cancelled on their own page.
    assert_eq!(forms, ["1/complete", "2/confirm"]);
    assert_eq!(html.matches("<form method=\"post\">").count(), 1);
}

#[tokio::test]
async fn the_hours_of_today_that_are_over_are_shown_as_such() {
    let bed = bed().await;
    let early =
        r#"{"from":"2025-11-28","to":"2025-11-28","start":"07:30","end":"09:00","minutes":90}"#;
    let slots = "/api/v1/consultants/1/slots/generate";
    bed.post(&bed.admin, slots, early).await;
    send(&bed, &bed.admin, "/appointments/1/cancel", "").await;
    let html = visit(&bed, &bed.admin, "/appointments").await.body;
    let over = "<th scope=\"row\">07:30</th><td><span class=\"closed\">over</span>";
    assert!(html.contains(over), "{html}");
    for shown in [
        "value=\"1 09:00:00\" class=\"free\">09:00–10:00 (has begun)<",
        "<option value=\"1 09:00:00\">Lê Dung, 09:00–10:00 (has begun)</option>",
    ] {
        assert!(html.contains(shown), "{shown}: {html}");
    }
    assert!(!html.contains("value=\"1 07:30:00\""), "{html}");
    let late = "customerid=c1&slot=1+07:30:00";
    let refused = send(&bed, &bed.admin, "/appointments", late).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("The slot at this time is over."));
}

#[tokio::test]
async fn viewers_see_no_forms() {
    let bed = bed().await;
    let html = visit(&bed, &bed.viewer, "/appointments").await.body;
    assert!(html.contains("Nguyễn An"));
    assert!(
        !html.contains("action=\"/appointments/") && !html.contains("id=\"book\""),
        "{html}"
    );
    for path in ["/appointments", "/appointments/2/cancel"] {
        let answer = send(&bed, &bed.viewer, path, "customerid=c1&time=08:00").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_sent_to_do_so() {
    let bed = bed().await;
    let answer = bed.visit("/appointments", "").await;
    assert_eq!(answer.header(header::LOCATION), "/login");
}

#[tokio::test]
async fn a_list_is_searched_by_a_form_and_downloaded() {
    let bed = bed().await;
    let path = "/appointments/list?q=nguyen&from=2025-11-28&to=2025-11-29&status=&consultantid=&customerid=";
    let page = visit(&bed, &bed.viewer, path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let html = page.body;
    let rows: Vec<&str> = html.split("<tr>").skip(2).collect();
    assert_eq!(rows.len(), 3, "{html}");
    assert!(
        rows[0].contains(
            "<a href=\"/appointments?date=2025-11-28&#38;site=hcm-01#a-1\">28 Nov 2025</a>"
        ),
        "{}",
        rows[0]
    );
    assert!(rows[0].contains("Nguyễn An") && rows[0].contains("Lê Dung"));
    assert!(html.contains("<b data-figure=\"total\">3</b>"), "{html}");
    assert!(html.contains("value=\"nguyen\"") && html.contains("28 Nov 2025 – 29 Nov 2025"));
    let csv = "/appointments/list.csv?from=2025-11-28&#38;to=2025-11-29&#38;q=nguyen";
    assert!(html.contains(csv), "{html}");
    let file = visit(&bed, &bed.viewer, &csv.replace("&#38;", "&")).await;
    assert_eq!(file.header(header::CONTENT_TYPE), "text/csv; charset=utf-8");
    assert_eq!(file.body.lines().count(), 4, "{}", file.body);
    let none = visit(&bed, &bed.viewer, "/appointments/list?q=%3Cscript%3E")
        .await
        .body;
    assert!(
        none.contains("Nothing was found.") && !none.contains("<script>"),
        "{none}"
    );
    assert!(none.contains("value=\"&#60;script&#62;\""), "{none}");
    for wrong in [
        "from=28.11.2025",
        "consultantid=x",
        "cursor=x",
        "site=%20",
        "status=open",
        "from=2025-01-01&to=2025-12-31",
    ] {
        for path in ["/appointments/list", "/appointments/list.csv"] {
            let answer = visit(&bed, &bed.viewer, &format!("{path}?{wrong}")).await;
            if path.ends_with("csv") && wrong.starts_with("cursor") {
                continue;
            }
            assert!(answer.status.is_client_error(), "{path} {wrong}");
            assert!(answer.body.contains("That did not work"), "{path} {wrong}");
        }
    }
    let answer = bed.visit("/appointments/list.csv", "").await;
    assert_eq!(answer.header(header::LOCATION), "/login");
}

#[tokio::test]
async fn customers_are_found_by_part_of_what_is_known_of_them() {
    let bed = bed().await;
    for (find, expected) in [
        ("", vec!["c2", "c1"]),
        ("nguy", vec!["c1"]),
        ("binh@", vec!["c2"]),
        ("c2", vec!["c2"]),
        ("%25", vec![]),
        ("%00", vec![]),
    ] {
        let html = visit(&bed, &bed.admin, &format!("/appointments?find={find}"))
            .await
            .body;
        let found: Vec<&str> = html
            .match_indices("<option value=\"c")
            .map(|(at, tag)| &html[at + tag.len() - 1..][..2])
            .collect();
        assert_eq!(found, expected, "{find}");
        assert_eq!(html.contains("No customer was found."), expected.is_empty());
    }
}

#[tokio::test]
async fn any_day_can_be_opened() {
    let bed = bed().await;
    let answer = visit(&bed, &bed.admin, "/appointments?date=2025-12-24").await;
    assert!(answer.body.contains("id=\"book\""), "{}", answer.body);
    let answer = visit(
        &bed,
        &bed.admin,
        "/appointments?date=2025-11-29&site=hcm-01&lang=vi",
    )
    .await;
    assert!(
        answer.body.contains("Ngày này chưa có lịch hẹn nào."),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_language_keeps_the_day() {
    let bed = bed().await;
    let answer = visit(&bed, &bed.admin, "/appointments?date=2025-11-27").await;
    let link = "href=\"?date=2025-11-27&amp;site=hcm-01&amp;lang=vi\"";
    assert!(answer.body.contains(link), "{}", answer.body);
}

#[tokio::test]
async fn without_appointments_anywhere_the_page_says_so() {
    let bed = Testbed::with_a_shop().await;
    let answer = visit(&bed, &bed.admin, "/appointments").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(
        answer.body.contains("There are no appointments here"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn without_a_database_the_page_tries_again() {
    let bed = bed().await;
    let cookie = bed.cookie_of(&bed.admin).await;
    bed.lose_the_database();
    let answer = bed.visit("/appointments", &cookie).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        answer
            .body
            .contains(r#"<meta http-equiv="refresh" content="5">"#),
        "{}",
        answer.body
    );
}

#[test]
fn a_read_only_database_names_its_owner_and_shows_no_forms() {
    let site = SiteName::new("hcm-01").unwrap();
    let date: Date = "2025-11-28".parse().unwrap();
    let t = Language::English.texts();
    let page = |writes| Page {
        language: Language::English,
        t,
        d: &t.of_day,
        visitor: None,
        is_editor: true,
        day: Some(DayPage {
            moving: None,
            date,
            today: date,
            sites: vec![site.clone()],
            site: site.clone(),
            writes,
            rows: DayRows::default(),
        }),
        notice: None,
        form: BookForm::default(),
    };
    let owner = causeway_shared::commit::Owner {
        id: "1".to_owned(),
        address: "postgres://<db>/causeway".to_owned(),
    };
    let html = page(Writes::Elsewhere(owner)).render().unwrap();
    assert!(
        html.contains("Changes are taken by the database <b>postgres://&#60;db&#62;/causeway</b>"),
        "{html}"
    );
    assert!(!html.contains("id=\"book\""), "{html}");
    let html = page(Writes::Never).render().unwrap();
    assert!(
        html.contains("forbids changes") && !html.contains("id=\"book\""),
        "{html}"
    );
    let html = page(Writes::NotYet).render().unwrap();
    assert!(
        html.contains("Changes are not taken now") && !html.contains("id=\"book\""),
        "{html}"
    );
    let html = page(Writes::Taken).render().unwrap();
    assert!(
        html.contains("id=\"book\"") && !html.contains("read-only"),
        "{html}"
    );
}

#[tokio::test]
async fn what_an_address_says_wrongly_gets_a_page_and_not_json() {
    let bed = bed().await;
    for path in [
        "/appointments?date=28.11.2025",
        "/appointments?date=2025-11-28T00:00",
        "/appointments?site=%20",
        "/appointments?cursor=x",
        "/appointments?waits=perhaps",
    ] {
        let answer = visit(&bed, &bed.admin, path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        let kind = answer.header(header::CONTENT_TYPE);
        assert!(kind.starts_with("text/html"), "{path}: {kind}");
        assert!(answer.body.contains("That did not work"), "{path}");
    }
}

#[tokio::test]
async fn an_appointment_is_opened_with_its_changes_and_a_change_is_taken_back() {
    let bed = bed().await;
    let day = visit(&bed, &bed.viewer, "/appointments").await.body;
    let link = "<a href=\"/appointments/1\">Nguyễn An</a>";
    assert!(day.contains(link), "{day}");
    let path = "/appointments/1?site=hcm-01";
    let html = visit(&bed, &bed.admin, path).await.body;
    for shown in [
        "<h1>Nguyễn An</h1>",
        "Friday, 28 Nov 2025, 09:00</a>",
        "<a href=\"/consultants/1?site=hcm-01\">Lê Dung</a>",
        "action=\"/appointments/1/complete\"",
        "action=\"/appointments/1/cancel\"",
        "move=1\">Move</a>",
        "Nothing was changed.",
    ] {
        assert!(html.contains(shown), "{shown}: {html}");
    }
    let cancelled = send(&bed, &bed.admin, "/appointments/1/cancel", "").await;
    assert_eq!(cancelled.status, StatusCode::SEE_OTHER);
    let html = visit(&bed, &bed.admin, path).await.body;
    assert!(
        html.contains("<del>confirmed</del> <ins>cancelled</ins>"),
        "{html}"
    );
    assert!(!html.contains("action=\"/appointments/1/"), "{html}");
    let viewers = visit(&bed, &bed.viewer, path).await.body;
    assert!(
        viewers.contains("<ins>cancelled</ins>") && !viewers.contains("action=\"/edits/undo\""),
        "{viewers}"
    );
    let field = |name: &str| {
        let (_, rest) = html
            .split_once(&format!("name=\"{name}\" value=\""))
            .unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let form = format!(
        "commit={}&id={}&of_row={}",
        field("commit"),
        field("id"),
        field("of_row")
    );
    let undone = send(&bed, &bed.admin, "/edits/undo", &form).await;
    assert_eq!(undone.status, StatusCode::SEE_OTHER, "{}", undone.body);
    let back = "/appointments/1?site=hcm-01&done=undone#changes";
    assert_eq!(undone.header(header::LOCATION), back);
    let html = visit(&bed, &bed.admin, &back.replace("#changes", ""))
        .await
        .body;
    assert!(html.contains("The change is taken back."), "{html}");
    assert!(
        html.contains("action=\"/appointments/1/complete\""),
        "{html}"
    );
    for path in ["/appointments/99", "/appointments/x"] {
        let none = visit(&bed, &bed.viewer, path).await;
        assert_eq!(none.status, StatusCode::NOT_FOUND, "{path}");
    }
    let answer = bed.visit(path, "").await;
    assert_eq!(answer.header(header::LOCATION), "/login");
}

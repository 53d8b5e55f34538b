//! The page of a day, as visitors see it and as its forms change it.

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

/// The page behind an answer that sends the browser on.
async fn follow(bed: &Testbed, answer: &Answer) -> Answer {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let to = answer.header(header::LOCATION);
    let (path, _) = to.split_once('#').unwrap();
    visit(bed, &bed.admin, path).await
}

/// What the page says of what was done or refused.
fn notice(answer: &Answer) -> String {
    let html = &answer.body;
    let begin = html.find("<div class=\"notice").unwrap();
    let text = &html[begin..][..html[begin..].find("</div>").unwrap()];
    let mut words = String::new();
    for piece in text.split('<').skip(1) {
        words += piece.split_once('>').map_or("", |(_, text)| text);
    }
    let words = words.replace("&#39;", "'");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
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
    let forms: Vec<&str> = html
        .split("action=\"/appointments/")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0))
        .collect();
    // Of pending and confirmed ones; at their time nobody is free.
    assert_eq!(forms, ["1/complete", "1/cancel", "2/confirm", "2/cancel"]);
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
async fn a_slot_is_booked_and_cancelled_by_forms() {
    let bed = bed().await;
    let form = "customerid=c2&slot=1+10:00:00&time=&description=%3Cscript%3Ealert(1)%3C/script%3E";
    let booked = send(&bed, &bed.admin, "/appointments", form).await;
    let page = follow(&bed, &booked).await;
    assert!(
        notice(&page).starts_with("The appointment is booked."),
        "{}",
        page.body
    );
    assert!(
        page.body
            .contains("&#60;script&#62;alert(1)&#60;/script&#62;")
            && !page.body.contains("<script>")
    );
    assert!(
        !page.body.contains("value=\"1 10:00:00\""),
        "the slot is taken"
    );

    let location = booked.header(header::LOCATION);
    let (_, id) = location.split_once("#a-").unwrap();
    let cancelled = send(&bed, &bed.admin, &format!("/appointments/{id}/cancel"), "").await;
    let page = follow(&bed, &cancelled).await;
    assert!(
        notice(&page).starts_with("The appointment is cancelled."),
        "{}",
        page.body
    );
    assert!(
        page.body.contains("value=\"1 10:00:00\""),
        "the slot is free"
    );
}

#[tokio::test]
async fn an_appointment_waits_for_a_consultant() {
    let bed = bed().await;
    let booked = send(
        &bed,
        &bed.admin,
        "/appointments",
        "customerid=c1&slot=none&time=08:15",
    )
    .await;
    let page = follow(&bed, &booked).await;
    assert!(page.body.contains("<time>08:15</time>"), "{}", page.body);
}

#[tokio::test]
async fn an_appointment_is_taken_from_step_to_step_by_forms() {
    let bed = bed().await;
    let form = "customerid=c2&slot=none&time=14:00";
    let booked = send(&bed, &bed.admin, "/appointments", form).await;
    let page = follow(&bed, &booked).await.body;
    let (_, id) = booked.header(header::LOCATION).split_once("#a-").unwrap();
    let assign = format!("<select id=\"assign-{id}\" name=\"consultantid\">");
    let (_, choices) = page.split_once(&assign).unwrap();
    let choices = choices.split_once("</select>").unwrap().0.trim();
    assert_eq!(choices, "<option value=\"1\">Lê Dung, 14:00–15:00</option>");
    for (step, form, expected) in [
        ("assign", "consultantid=1", "The consultant is assigned."),
        ("confirm", "", "The appointment is confirmed."),
        ("complete", "", "The appointment is completed."),
    ] {
        let path = format!("/appointments/{id}/{step}");
        let stepped = send(&bed, &bed.admin, &path, form).await;
        let page = follow(&bed, &stepped).await;
        assert!(notice(&page).starts_with(expected), "{step}: {}", page.body);
    }
    for (step, form, status, expected) in [
        ("assign", "", 422, "Not saved: consultantid is needed"),
        (
            "assign",
            "consultantid=1",
            409,
            "Only a pending or confirmed appointment can be given to a consultant. At present: 14:00 · &#60;b&#62;Bình&#60;/b&#62; · Lê Dung · Completed",
        ),
        (
            "confirm",
            "",
            409,
            "Only a pending appointment can be confirmed. At present: 14:00 · &#60;b&#62;Bình&#60;/b&#62; · Lê Dung · Completed",
        ),
        (
            "complete",
            "",
            409,
            "Only a confirmed appointment can be completed. At present: 14:00 · &#60;b&#62;Bình&#60;/b&#62; · Lê Dung · Completed",
        ),
    ] {
        let path = format!("/appointments/{id}/{step}");
        let answer = send(&bed, &bed.admin, &path, form).await;
        let found = (answer.status.as_u16(), notice(&answer));
        assert_eq!(found, (status, expected.to_owned()), "{step}");
    }
    let none = send(&bed, &bed.admin, &format!("/appointments/{id}/reopen"), "").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
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
async fn a_refused_form_says_why_and_what_is_there() {
    let bed = bed().await;
    for (path, form, status, expected) in [
        (
            "/appointments",
            "customerid=c1&slot=1+11:00:00",
            409,
            "The consultant has another appointment at this time. At present: 11:00 · &#60;b&#62;Bình&#60;/b&#62; · Lê Dung · Pending",
        ),
        (
            "/appointments",
            "customerid=c1&slot=1+15:00:00",
            409,
            "The consultant's slot at this time is not available any more. At present: 15:00",
        ),
        (
            "/appointments",
            "customerid=c1&slot=1+07:00:00",
            409,
            "The consultant has no slot at this time.",
        ),
        (
            "/appointments",
            "customerid=c1&slot=2+09:00:00",
            409,
            "This consultant takes no new appointments.",
        ),
        (
            "/appointments",
            "customerid=&slot=&time=",
            422,
            "Not saved: slot is needed",
        ),
        (
            "/appointments",
            "customerid=c1&slot=one+09:00:00",
            422,
            "Not saved: consultantid must be a whole number",
        ),
        (
            "/appointments/3/cancel",
            "",
            409,
            "Only a pending or confirmed appointment can be cancelled. At present: 16:00 · Nguyễn An · Completed",
        ),
        (
            "/appointments/99/cancel",
            "",
            404,
            "This appointment is not on the days that are loaded any more.",
        ),
    ] {
        let answer = send(&bed, &bed.admin, path, form).await;
        assert_eq!(
            (answer.status.as_u16(), notice(&answer).as_str()),
            (status, expected),
            "{path} {form}"
        );
        assert!(
            answer.body.contains("<time>16:00</time>"),
            "the day is shown: {}",
            answer.body
        );
    }
    let answer = send(
        &bed,
        &bed.admin,
        "/appointments",
        "customerid=c2&slot=1+07:00:00&description=tax",
    )
    .await;
    assert!(answer.body.contains("value=\"c2\" selected") && answer.body.contains("value=\"tax\""));
}

#[tokio::test]
async fn a_form_of_another_sites_page_changes_nothing() {
    let bed = bed().await;
    let cookie = bed.cookie_of(&bed.admin).await;
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("origin", "http://evil.example"),
    ] {
        let request = Request::post("/appointments/2/cancel")
            .header(header::HOST, "hub.example")
            .header(header::COOKIE, &cookie)
            .header(name, value)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let body = Body::from("site=hcm-01&date=2025-11-28");
        let answer = bed.send(request.body(body).unwrap()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{value}");
    }
    let html = visit(&bed, &bed.admin, "/appointments").await.body;
    assert!(html.contains("/appointments/2/cancel"), "{html}");
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
        ("%00", vec!["c2", "c1"]),
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
        answer.body.contains("5; url=/appointments"),
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
async fn another_sites_page_books_and_cancels_nothing() {
    let bed = bed().await;
    let cookie = bed.cookie_of(&bed.admin).await;
    for path in ["/appointments", "/appointments/2/cancel"] {
        let body = "site=hcm-01&date=2025-11-28&customerid=c1&slot=1+10:00:00";
        let request = Request::post(path)
            .header(header::COOKIE, &cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "cross-site");
        let answer = bed.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    let page = visit(&bed, &bed.admin, "/appointments").await;
    assert_eq!(page.body.matches("<time>").count(), 4, "{}", page.body);
    assert!(page.body.contains("action=\"/appointments/2/cancel\""));
}

#[tokio::test]
async fn a_form_says_whether_a_consultant_is_wanted() {
    let bed = bed().await;
    for slot in ["", "slot=&"] {
        let form = format!("customerid=c1&{slot}time=17:00");
        let refused = send(&bed, &bed.admin, "/appointments", &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(notice(&refused), "Not saved: slot is needed");
    }
}

//! The page of a day, as its forms change it.

use super::*;

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
        "customerid=c1&slot=none&time=16:15",
    )
    .await;
    let page = follow(&bed, &booked).await;
    assert!(page.body.contains("<time>16:15</time>"), "{}", page.body);
}

#[tokio::test]
async fn an_appointment_is_taken_from_step_to_step_by_forms() {
    let bed = bed().await;
    let form = "customerid=c2&slot=none&time=14:00";
    let booked = send(&bed, &bed.admin, "/appointments", form).await;
    let page = follow(&bed, &booked).await.body;
    let (_, id) = booked.header(header::LOCATION).split_once("#a-").unwrap();
    let assign = format!("/appointments?date=2025-11-28&amp;site=hcm-01&amp;move={id}");
    assert!(
        page.contains(&format!("href=\"{assign}\">Assign")),
        "{page}"
    );
    // The slot at its time comes first.
    let page = visit(&bed, &bed.admin, &assign.replace("&amp;", "&")).await;
    let slot = "<button name=\"slot\" value=\"1 14:00:00\" class=\"free\" autofocus>14:00–15:00";
    assert!(page.body.contains(slot), "{}", page.body);
    assert_eq!(page.body.matches("autofocus").count(), 1);
    for (step, form, expected) in [
        ("move", "slot=1+14:00:00", "The appointment is moved."),
        ("confirm", "", "The appointment is confirmed."),
        ("complete", "", "The appointment is completed."),
    ] {
        let path = format!("/appointments/{id}/{step}");
        let stepped = send(&bed, &bed.admin, &path, form).await;
        let page = follow(&bed, &stepped).await;
        assert!(notice(&page).starts_with(expected), "{step}: {}", page.body);
    }
    for (step, form, status, expected) in [
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
            "Not saved – Slot: is needed",
        ),
        (
            "/appointments",
            "customerid=c1&slot=one+09:00:00",
            422,
            "Not saved – Consultant number: must be a whole number",
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
    assert!(
        html.contains("formaction=\"/appointments/2/confirm\""),
        "{html}"
    );
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
    assert!(page.body.contains("formaction=\"/appointments/2/confirm\""));
}

#[tokio::test]
async fn a_form_says_whether_a_consultant_is_wanted() {
    let bed = bed().await;
    for slot in ["", "slot=&"] {
        let form = format!("customerid=c1&{slot}time=17:00");
        let refused = send(&bed, &bed.admin, "/appointments", &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(notice(&refused), "Not saved – Slot: is needed");
        let refused = send(&bed, &bed.admin, "/appointments?lang=vi", &form).await;
        let expected = "Không lưu được – Khung giờ: cần có giá trị";
        assert_eq!(notice(&refused), expected);
    }
}

#[tokio::test]
async fn what_is_to_be_moved_and_is_not_there_is_refused() {
    let bed = bed().await;
    let page = visit(&bed, &bed.admin, "/appointments?date=2025-12-20&move=99").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    let gone = "This appointment is not on the days that are loaded any more.";
    assert!(page.body.contains(gone), "{}", page.body);
    assert!(
        !page
            .body
            .contains("<form method=\"post\" action=\"/appointments"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn an_appointment_is_moved_to_another_day_by_links_and_a_form() {
    let bed = bed().await;
    let page = visit(&bed, &bed.admin, "/appointments").await.body;
    let button = |id: i64| format!("<button form=\"to-move\" name=\"move\" value=\"{id}\">Move");
    assert!(page.contains(&button(1)), "{page}");
    assert!(!page.contains(&button(3)), "it is completed: {page}");
    // The day is chosen with the same links as ever.
    let page = visit(&bed, &bed.admin, "/appointments?move=1").await.body;
    let tomorrow = "/appointments?date=2025-11-29&#38;site=hcm-01&#38;move=1";
    assert!(page.contains(tomorrow), "{page}");
    assert!(page.contains("name=\"move\" value=\"1\""), "{page}");
    let page = visit(&bed, &bed.admin, "/appointments?date=2025-12-20&move=1").await;
    let html = &page.body;
    for shown in [
        "Friday, 28 Nov 2025 · 09:00 · Nguyễn An · Lê Dung · Confirmed",
        "action=\"/appointments/1/move\"",
        "<button name=\"slot\" value=\"1 09:00:00\" class=\"free\" autofocus>",
        "<button name=\"slot\" value=\"1 08:00:00\" class=\"free\">",
    ] {
        assert!(html.contains(shown), "{shown}: {html}");
    }
    let viewers = visit(&bed, &bed.viewer, "/appointments?date=2025-12-20&move=1").await;
    assert!(!viewers.body.contains("/move"), "{}", viewers.body);

    let to = |slot: &str| format!("date=2025-12-20&site=hcm-01&slot={slot}");
    let path = "/appointments/1/move";
    for (slot, status, expected) in [
        ("", 422, "Not saved – Slot: is needed"),
        ("none", 422, "Not saved – Time: is needed"),
        (
            "1+08:00:00",
            422,
            "Not saved – Minutes: is longer than the consultant's slot of 30 minutes",
        ),
        (
            "1+11:00:00",
            409,
            "The consultant has no slot at this time.",
        ),
    ] {
        let answer = send_form(&bed, path, &to(slot)).await;
        assert_eq!(
            (answer.status.as_u16(), notice(&answer).as_str()),
            (status, expected)
        );
        assert!(
            answer.body.contains("action=\"/appointments/1/move\""),
            "{slot}"
        );
    }
    let moved = send_form(&bed, path, &to("1+09:00:00")).await;
    let page = follow(&bed, &moved).await;
    assert_eq!(notice(&page), "The appointment is moved.");
    assert!(page.body.contains("Saturday, 20 Dec 2025"), "{}", page.body);
    assert!(page.body.contains("id=\"a-1\""), "{}", page.body);
    assert!(!page.body.contains("id=\"move\""), "{}", page.body);
    let without = send_form(&bed, path, &format!("{}&time=10:15", to("none"))).await;
    let page = follow(&bed, &without).await;
    assert!(page.body.contains("no consultant yet"), "{}", page.body);
    let path = "/appointments/1/move";
    let answer = send(&bed, &bed.viewer, path, "slot=1+10:00:00").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

/// Sends a form of another day as the admin's browser does.
async fn send_form(bed: &Testbed, path: &str, body: &str) -> Answer {
    let cookie = format!("{}; causeway_lang=en", bed.cookie_of(&bed.admin).await);
    let request = Request::post(path)
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin");
    bed.send(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

//! Booking and cancelling.

use super::*;

#[tokio::test]
async fn a_booking_takes_the_slot_and_fills_what_was_left_out() {
    let bed = bed().await;
    let answer = book(&bed, json!({})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let mut row = json_of(&answer);
    let id = row["appointmentid"].as_i64().unwrap();
    assert!(row["flushed"].is_boolean(), "{row}");
    for given in ["appointmentid", "flushed", "createdat"] {
        row.as_object_mut().unwrap().remove(given).unwrap();
    }
    insta::assert_snapshot!(row, @r#"{"consultantid":1,"consultantname":"Lê Dung","customerid":"c1","customername":"Nguyễn An","date":"2025-11-28","description":null,"duration":60,"meetingurl":null,"site":"hcm-01","status":"pending","time":"10:00:00","updatedat":"2025-11-28T09:30:00"}"#);
    let listed = bed.get(ALL).await;
    assert!(ids(&listed).contains(&id), "{}", listed.body);

    let again = book(&bed, json!({"customerid": "c2"})).await;
    assert_eq!(refusal(&again), refused(409, "clash", ""));
    assert_eq!(json_of(&again)["present"]["appointmentid"], id);
}

#[tokio::test]
async fn without_a_consultant_no_slot_is_needed() {
    let bed = bed().await;
    let answer = book(&bed, json!({"consultantid": null, "time": "08:30:15"})).await;
    let row = json_of(&answer);
    assert_eq!(
        (answer.status, &row["consultantid"], &row["time"]),
        (StatusCode::CREATED, &Value::Null, &json!("08:30:15"))
    );
}

#[tokio::test]
async fn an_hour_of_today_that_runs_can_be_booked_and_one_that_is_over_cannot() {
    let bed = bed().await;
    let early =
        r#"{"from":"2025-11-28","to":"2025-11-28","start":"08:30","end":"09:00","minutes":30}"#;
    let slots = "/api/v1/consultants/1/slots/generate";
    let made = bed.post(&bed.admin, slots, early).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    bed.post(&bed.admin, &format!("{ALL}/1/cancel"), "").await;
    // It is half past nine.
    let over = book(&bed, json!({"time": "08:30"})).await;
    assert_eq!(refusal(&over), refused(409, "not_allowed_now", ""));
    let present = json_of(&over)["present"].take();
    assert_eq!(
        (&present["starttime"], &present["isavailable"]),
        (&json!("08:30:00"), &json!(true))
    );
    let nobody = json!({"consultantid": null, "time": "08:30"});
    assert_eq!(
        refusal(&book(&bed, nobody).await),
        refused(422, "invalid", "time")
    );
    let there = json!({"time": "08:30"}).to_string();
    let moved = bed
        .call(Method::PATCH, &bed.admin, &format!("{ALL}/2"), &there)
        .await;
    assert_eq!(refusal(&moved), refused(409, "not_allowed_now", ""));
    let there = json!({"time": "08:30", "consultantid": null}).to_string();
    let moved = bed
        .call(Method::PATCH, &bed.admin, &format!("{ALL}/2"), &there)
        .await;
    assert_eq!(refusal(&moved), refused(422, "invalid", "time"));

    let walked_in = book(&bed, json!({"time": "09:00"})).await;
    assert_eq!(walked_in.status, StatusCode::CREATED, "{}", walked_in.body);
    let longer = json!({"consultantid": null, "time": "08:30", "duration": 61});
    assert_eq!(book(&bed, longer).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_date_that_had_no_rows_takes_a_booking() {
    let bed = bed().await;
    let changes = json!({"consultantid": null, "date": "2025-11-29"});
    let booked = json_of(&book(&bed, changes).await);
    assert_eq!(booked["flushed"], true, "{booked}");
    let listed = bed.get(&format!("{ALL}?date=2025-11-29")).await;
    assert_eq!(ids(&listed), [booked["appointmentid"].as_i64().unwrap()]);
    let overview = json_of(&bed.get("/api/v1/overview").await);
    let appointments = &overview["appointments"];
    assert_eq!(
        (&appointments["total"], &appointments["window"]["total"]),
        (&json!(5), &json!(5)),
        "{appointments}"
    );
}

#[tokio::test]
async fn what_a_booking_may_not_be_is_refused_and_changes_nothing() {
    let bed = bed().await;
    let long = "x".repeat(256);
    for (changes, expected) in [
        (json!({"time": "11:00"}), refused(409, "clash", "")),
        (json!({"time": "09:00"}), refused(409, "clash", "")),
        (
            json!({"time": "15:00"}),
            refused(409, "not_allowed_now", ""),
        ),
        (
            json!({"time": "07:00"}),
            refused(409, "not_allowed_now", ""),
        ),
        (
            json!({"consultantid": 2, "time": "09:00"}),
            refused(409, "not_allowed_now", ""),
        ),
        (
            json!({"consultantid": 9}),
            refused(422, "invalid", "consultantid"),
        ),
        (
            json!({"customerid": "c9"}),
            refused(422, "invalid", "customerid"),
        ),
        (
            json!({"customerid": "c9", "consultantid": null}),
            refused(422, "invalid", "customerid"),
        ),
        (
            json!({"customerid": null, "date": null}),
            refused(422, "invalid", "customerid date"),
        ),
        (
            json!({"consultantid": "1"}),
            refused(422, "invalid", "consultantid"),
        ),
        (
            json!({"customerid": 1}),
            refused(422, "invalid", "customerid"),
        ),
        (
            json!({"customerid": "a\u{0}b"}),
            refused(422, "invalid", "customerid"),
        ),
        (
            json!({"date": "28.11.2025"}),
            refused(422, "invalid", "date"),
        ),
        (
            json!({"date": "2025-12-24"}),
            refused(409, "not_allowed_now", ""),
        ),
        (
            json!({"date": "1899-12-31"}),
            refused(422, "invalid", "date"),
        ),
        (json!({"time": "25:00"}), refused(422, "invalid", "time")),
        (
            json!({"duration": 1.5}),
            refused(422, "invalid", "duration"),
        ),
        (
            json!({"duration": true}),
            refused(422, "invalid", "duration"),
        ),
        (
            json!({"meetingurl": long}),
            refused(422, "invalid", "meetingurl"),
        ),
        (
            json!({"status": "completed"}),
            refused(422, "invalid", "status"),
        ),
        (
            json!({"appointmentid": 7}),
            refused(422, "invalid", "appointmentid"),
        ),
        (json!({"site": 7}), refused(400, "bad_request", "")),
        (json!({"site": "hcm-09"}), refused(404, "not_found", "")),
    ] {
        let answer = book(&bed, changes.clone()).await;
        assert_eq!(refusal(&answer), expected, "{changes}: {}", answer.body);
        assert!(!answer.body.contains("SELECT") && !answer.body.contains("INSERT"));
    }
    let unavailable = json_of(&book(&bed, json!({"time": "15:00"})).await);
    insta::assert_snapshot!(unavailable["present"], @r#"{"consultantid":1,"date":"2025-11-28","endtime":"16:00:00","isavailable":false,"scheduleid":5,"site":"hcm-01","starttime":"15:00:00"}"#);
    assert_eq!(ids(&bed.get(ALL).await), [1, 4, 2, 3]);
    let free = book(&bed, json!({})).await;
    assert_eq!(free.status, StatusCode::CREATED, "the slot is free still");
}

#[tokio::test]
async fn a_body_that_is_no_object_of_json_is_refused() {
    let bed = bed().await;
    for (body, expected) in [
        (
            "{\"customerid\":",
            refused(400, "bad_request", "customerid"),
        ),
        ("[]", refused(400, "bad_request", "")),
        ("7", refused(400, "bad_request", "")),
        ("", refused(415, "unsupported_media_type", "")),
    ] {
        let answer = bed.post(&bed.admin, ALL, body).await;
        assert_eq!(refusal(&answer), expected, "{body}");
    }
    let long = format!("{{\"description\":\"{}\"}}", "x".repeat(70_000));
    let answer = bed.post(&bed.admin, ALL, &long).await;
    assert_eq!(refusal(&answer), refused(413, "too_large", ""));
    let cancel = format!("{ALL}/2/cancel");
    for body in ["{", "[]", r#"{"reason":"x"}"#, r#"{"site":7}"#] {
        let answer = bed.post(&bed.admin, &cancel, body).await;
        assert_eq!(refusal(&answer), refused(400, "bad_request", ""), "{body}");
    }
}

#[tokio::test]
async fn texts_stay_as_they_are() {
    let bed = bed().await;
    let description =
        "'); DROP TABLE appointment; -- <script>alert(\"x\")</script> \\ % Tiếng Việt\n";
    let url = format!("https://{}", "x".repeat(255 - 8));
    let answer = book(&bed, json!({"description": description, "meetingurl": url})).await;
    let row = json_of(&answer);
    assert_eq!(
        (&row["description"], &row["meetingurl"]),
        (&json!(description), &json!(url))
    );
    let id = &row["appointmentid"];
    let read = json_of(&bed.get(&format!("{ALL}/{id}")).await);
    assert_eq!(read["description"], description);
}

#[tokio::test]
async fn cancelling_frees_the_slot_once() {
    let bed = bed().await;
    let booked = json_of(&book(&bed, json!({})).await);
    for (id, status) in [(booked["appointmentid"].as_i64().unwrap(), 200), (2, 200)] {
        let path = format!("{ALL}/{id}/cancel");
        let answer = bed.post(&bed.admin, &path, "").await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        let row = json_of(&answer);
        assert_eq!(
            (&row["status"], &row["updatedat"]),
            (&json!("cancelled"), &json!("2025-11-28T09:30:00"))
        );
        let again = bed.post(&bed.admin, &path, r#"{"site":"hcm-01"}"#).await;
        assert_eq!(refusal(&again), refused(409, "not_allowed_now", ""));
        assert_eq!(json_of(&again)["present"]["status"], "cancelled");
    }
    for time in ["10:00", "11:00"] {
        let answer = book(&bed, json!({"time": time})).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    }
    for (id, expected) in [
        ("3", refused(409, "not_allowed_now", "")),
        ("99", refused(404, "not_found", "")),
        ("-1", refused(404, "not_found", "")),
        ("x", refused(404, "not_found", "")),
    ] {
        let answer = bed
            .post(&bed.admin, &format!("{ALL}/{id}/cancel"), "")
            .await;
        assert_eq!(refusal(&answer), expected, "{id}");
    }
}

#[tokio::test]
async fn of_two_bookings_at_once_one_wins() {
    let bed = bed().await;
    let (one, other) = tokio::join!(
        book(&bed, json!({})),
        book(&bed, json!({"customerid": "c2"}))
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "{} {}", one.body, other.body);
}

#[tokio::test]
async fn admins_alone_change_appointments() {
    let bed = bed().await;
    for path in [ALL.to_owned(), format!("{ALL}/2/cancel")] {
        for token in [&bed.viewer, &bed.agent] {
            let answer = bed.post(token, &path, &booking(json!({}))).await;
            assert_eq!(refusal(&answer), refused(403, "forbidden", ""), "{path}");
        }
        let nobody = Token::parse(&format!("cw_{}", "a".repeat(43))).unwrap();
        let answer = bed.post(&nobody, &path, &booking(json!({}))).await;
        assert_eq!(refusal(&answer), refused(401, "unauthorized", ""), "{path}");
    }
    let agent = format!("Bearer {}", bed.agent.reveal());
    let request = Request::get(ALL).header(header::AUTHORIZATION, agent);
    let answer = bed.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(refusal(&answer), refused(403, "forbidden", ""));
    assert_eq!(ids(&bed.get(ALL).await), [1, 4, 2, 3]);
}

#[tokio::test]
async fn another_sites_page_changes_nothing() {
    let bed = bed().await;
    let cookie = bed.cookie_of(&bed.admin).await;
    let request = |from: &str| {
        Request::post(format!("{ALL}/2/cancel"))
            .header(header::COOKIE, &cookie)
            .header("sec-fetch-site", from)
            .body(Body::empty())
            .unwrap()
    };
    let answer = bed.send(request("cross-site")).await;
    assert_eq!(refusal(&answer), refused(403, "forbidden", ""));
    let answer = bed.send(request("same-origin")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[tokio::test]
async fn of_several_sites_a_change_names_one() {
    let bed = Testbed::with_a_day(&["hcm-01", "hcm-02"]).await;
    let answer = book(&bed, json!({})).await;
    assert_eq!(refusal(&answer), refused(400, "site_required", ""));
    insta::assert_snapshot!(json_of(&answer)["detail"], @r#""name the site: write site=hcm-01 or site=hcm-02""#);
    let answer = book(&bed, json!({"site": "hcm-02"})).await;
    assert_eq!(json_of(&answer)["site"], "hcm-02", "{}", answer.body);
    let path = format!("{ALL}/2/cancel?site=hcm-02");
    let answer = bed.post(&bed.admin, &path, r#"{"site":"hcm-01"}"#).await;
    assert_eq!(refusal(&answer), refused(400, "bad_request", ""));
    let answer = bed.post(&bed.admin, &path, "").await;
    assert_eq!(json_of(&answer)["site"], "hcm-02");
    let one = bed.get(&format!("{ALL}/2?site=hcm-01")).await;
    assert_eq!(json_of(&one)["status"], "pending", "the other site's");
    let all = bed.get(&format!("{ALL}/2")).await;
    assert_eq!(refusal(&all), refused(400, "site_required", ""));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_field() {
    let bed = bed().await;
    for (changes, field) in [
        (json!({"duration": 0}), "duration"),
        (json!({"duration": -30}), "duration"),
        (json!({"duration": 1441, "consultantid": null}), "duration"),
        (json!({"duration": 61}), "duration"),
        (json!({"date": "2025-11-27"}), "date"),
        (json!({"date": "2025-11-28T00:00"}), "date"),
        (json!({"date": " 2025-11-28"}), "date"),
        (json!({"time": "10:00:00.0000000"}), "time"),
        (json!({"meetingurl": "javascript:alert(1)"}), "meetingurl"),
        (json!({"meetingurl": "ftp://meet.example/1"}), "meetingurl"),
        (json!({"meetingurl": "https://"}), "meetingurl"),
        (
            json!({"meetingurl": "https://meet.example/a b"}),
            "meetingurl",
        ),
    ] {
        let answer = book(&bed, changes.clone()).await;
        assert_eq!(
            refusal(&answer),
            refused(422, "invalid", field),
            "{changes}"
        );
    }
    let twice = r#"{"customerid":"c1","date":"2025-11-28","date":"2025-11-29","time":"10:00"}"#;
    let answer = bed.post(&bed.admin, ALL, twice).await;
    assert_eq!(refusal(&answer).1, "bad_request");
    let cancel = format!("{ALL}/2/cancel");
    let answer = bed
        .post(&bed.admin, &cancel, r#"{"site":"hcm-01","site":"hcm-01"}"#)
        .await;
    assert_eq!(refusal(&answer).1, "bad_request");
    // Nothing of it was booked.
    let answer = book(&bed, json!({"meetingurl": "https://meet.example/1"})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let row = json_of(&answer);
    assert_eq!(
        (&row["createdat"], &row["updatedat"]),
        (&json!("2025-11-28T09:30:00"), &json!("2025-11-28T09:30:00"))
    );
}

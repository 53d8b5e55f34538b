//! Moving an appointment.

use axum::body::Body;
use axum::http::{Request, header};

use super::*;

async fn patch(bed: &Testbed, id: i64, if_match: Option<&str>, body: &Value) -> Answer {
    let bearer = format!("Bearer {}", bed.admin.reveal());
    let mut request = Request::patch(format!("{ALL}/{id}"))
        .header(header::AUTHORIZATION, bearer)
        .header(header::CONTENT_TYPE, "application/merge-patch+json");
    if let Some(tag) = if_match {
        request = request.header(header::IF_MATCH, tag);
    }
    bed.send(request.body(Body::from(body.to_string())).unwrap())
        .await
}

/// The hours of a day's free slots.
async fn free(bed: &Testbed, date: &str) -> Vec<String> {
    let cookie = bed.cookie_of(&bed.admin).await;
    let path = format!("/appointments?date={date}");
    let html = bed.visit(&path, &cookie).await.body;
    let slots = html.match_indices("<option value=\"1 ");
    slots
        .map(|(at, tag)| html[at + tag.len()..][..5].to_owned())
        .collect()
}

async fn per_day(bed: &Testbed) -> Value {
    let range = "/api/v1/stats/appointments?from=2025-11-28&to=2025-12-20";
    let mut days = json_of(&bed.get(range).await)["days"].take();
    let days = days.as_array_mut().unwrap();
    days.retain(|day| day["total"] != 0);
    days.iter()
        .map(|day| json!([day["date"], day["total"]]))
        .collect()
}

#[tokio::test]
async fn an_appointment_moves_to_a_free_slot_of_a_date_that_is_not_loaded_and_back() {
    let bed = bed().await;
    assert_eq!(free(&bed, "2025-11-28").await, ["10:00", "14:00"]);
    let there = json!({"date": "2025-12-20", "time": "09:00"});
    let answer = patch(&bed, 1, None, &there).await;
    let row = json_of(&answer);
    assert_eq!(
        (answer.status, &row["date"], &row["time"], &row["flushed"]),
        (
            StatusCode::OK,
            &json!("2025-12-20"),
            &json!("09:00:00"),
            &json!(true)
        ),
        "{row}"
    );
    assert_eq!(row["updatedat"], "2025-11-28T09:30:00");
    assert_eq!(free(&bed, "2025-11-28").await, ["09:00", "10:00", "14:00"]);
    assert_eq!(free(&bed, "2025-12-20").await, ["08:00"]);
    assert_eq!(ids(&bed.get(ALL).await), [4, 2, 3]);
    let later = bed.get(&format!("{ALL}?date=2025-12-20")).await;
    assert_eq!(ids(&later), [1]);
    assert_eq!(
        per_day(&bed).await,
        json!([["2025-11-28", 3], ["2025-12-20", 1]])
    );
    let found = bed.get(&format!("{ALL}/1")).await;
    assert_eq!(json_of(&found)["date"], "2025-12-20");

    let back = json!({"date": "2025-11-28", "time": "14:00"});
    assert_eq!(patch(&bed, 1, None, &back).await.status, StatusCode::OK);
    assert_eq!(free(&bed, "2025-11-28").await, ["09:00", "10:00"]);
    assert_eq!(free(&bed, "2025-12-20").await, ["08:00", "09:00"]);
    assert_eq!(per_day(&bed).await, json!([["2025-11-28", 4]]));
}

#[tokio::test]
async fn what_is_not_given_stays_and_nobody_needs_a_slot() {
    let bed = bed().await;
    let row = json_of(&patch(&bed, 1, None, &json!({"consultantid": null})).await);
    assert_eq!(
        (&row["consultantid"], &row["time"]),
        (&Value::Null, &json!("09:00:00"))
    );
    assert_eq!(free(&bed, "2025-11-28").await[0], "09:00");
    let row = json_of(&patch(&bed, 1, None, &json!({"time": "20:15"})).await);
    assert_eq!(row["time"], "20:15:00");
    let row = json_of(&patch(&bed, 1, None, &json!({"consultantid": 1, "time": "09:00"})).await);
    assert_eq!(row["consultantid"], 1);
    let same = json_of(&patch(&bed, 1, None, &json!({})).await);
    assert_eq!((&same["time"], &same["date"]), (&row["time"], &row["date"]));
    assert_eq!(free(&bed, "2025-11-28").await, ["10:00", "14:00"]);
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_move_is_named() {
    let bed = bed().await;
    for (id, body, expected) in [
        (1, json!({"time": "11:00"}), refused(409, "clash", "")),
        (
            1,
            json!({"time": "15:00"}),
            refused(409, "not_allowed_now", ""),
        ),
        (
            1,
            json!({"date": "2025-12-19"}),
            refused(409, "not_allowed_now", ""),
        ),
        (
            1,
            json!({"consultantid": 2}),
            refused(409, "not_allowed_now", ""),
        ),
        (
            1,
            json!({"consultantid": 9}),
            refused(422, "invalid", "consultantid"),
        ),
        (
            1,
            json!({"date": "2025-11-27"}),
            refused(422, "invalid", "date"),
        ),
        (1, json!({"date": null}), refused(422, "invalid", "date")),
        (
            1,
            json!({"status": "pending"}),
            refused(422, "invalid", "status"),
        ),
        (
            1,
            json!({"date": "2025-12-20", "time": "08:00"}),
            refused(422, "invalid", "duration"),
        ),
        (
            3,
            json!({"time": "17:00"}),
            refused(409, "not_allowed_now", ""),
        ),
        (
            4,
            json!({"time": "14:00"}),
            refused(409, "not_allowed_now", ""),
        ),
        (99, json!({"time": "14:00"}), refused(404, "not_found", "")),
    ] {
        let answer = patch(&bed, id, None, &body).await;
        assert_eq!(refusal(&answer), expected, "{id} {body}: {}", answer.body);
    }
    assert_eq!(free(&bed, "2025-11-28").await, ["10:00", "14:00"]);
    assert_eq!(free(&bed, "2025-12-20").await, ["08:00", "09:00"]);
    let clash = patch(&bed, 1, None, &json!({"time": "11:00"})).await;
    assert_eq!(json_of(&clash)["present"]["appointmentid"], 2);
}

#[tokio::test]
async fn a_move_of_what_another_has_changed_is_refused() {
    let bed = bed().await;
    let read = bed.get(&format!("{ALL}/1")).await;
    let tag = read.header(header::ETAG).to_owned();
    let moved = patch(&bed, 1, Some(&tag), &json!({"time": "10:00"})).await;
    assert_eq!(moved.status, StatusCode::OK, "{}", moved.body);
    let late = patch(&bed, 1, Some(&tag), &json!({"time": "14:00"})).await;
    assert_eq!(refusal(&late), refused(412, "changed", ""));
    assert_eq!(json_of(&late)["present"]["time"], "10:00:00");
    let read = bed.get(&format!("{ALL}/1")).await;
    assert_eq!(read.header(header::ETAG), moved.header(header::ETAG));
    for tag in ["*", &format!("\"x\", {}", moved.header(header::ETAG))] {
        let answer = patch(&bed, 1, Some(tag), &json!({})).await;
        assert_eq!(answer.status, StatusCode::OK, "{tag}: {}", answer.body);
    }
    let answer = patch(&bed, 1, Some("x"), &json!({})).await;
    assert_eq!(refusal(&answer), refused(400, "bad_request", ""));
    let weak = format!("W/{}", moved.header(header::ETAG));
    let answer = patch(&bed, 1, Some(&weak), &json!({})).await;
    assert_eq!(refusal(&answer), refused(412, "changed", ""));
}

#[tokio::test]
async fn of_two_moves_to_one_slot_one_wins() {
    let bed = bed().await;
    let there = json!({"date": "2025-12-20", "time": "09:00"});
    let (one, other) = tokio::join!(patch(&bed, 1, None, &there), patch(&bed, 2, None, &there));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.body, other.body);
}

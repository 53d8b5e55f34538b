//! Consultants' slots, as callers list, make, open and close them.
//!
//! On SQLite alone: the SQL of both databases is held to one suite (`db/conformance.rs`).

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use crate::auth::Token;
use crate::serve::testbed::{Answer, Testbed, json_of, refusal, refused};

const SLOTS: &str = "/api/v1/consultants/1/slots";
const GENERATE: &str = "/api/v1/consultants/1/slots/generate";

async fn bed() -> Testbed {
    Testbed::with_a_day(&["hcm-01"]).await
}

async fn call(bed: &Testbed, method: Method, path: &str, body: &Value) -> Answer {
    bed.call(method, &bed.admin, path, &body.to_string()).await
}

/// A plan of four slots, two on a Friday and two on a Monday, with some members changed.
fn plan(changes: &Value) -> Value {
    let mut body = json!({"from": "2026-01-02", "to": "2026-01-05", "start": "08:00", "end": "10:30",
        "minutes": 60});
    let changes = changes.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(changes);
    body
}

/// Number, start, whether it can be booked, and who has it.
fn slots(answer: &Answer) -> Vec<Value> {
    let listed = json_of(answer);
    let items = listed["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", answer.body));
    let of = |slot: &Value| {
        json!([
            slot["scheduleid"],
            slot["starttime"],
            slot["isfree"],
            slot["appointmentid"]
        ])
    };
    items.iter().map(of).collect()
}

/// What each slot of a day is, as the list says.
async fn states(bed: &Testbed, date: &str) -> Vec<String> {
    let listed = bed.get(&format!("{SLOTS}?from={date}&to={date}")).await;
    let listed = json_of(&listed);
    let items = listed["items"].as_array().unwrap().iter();
    let of = |slot: &Value| {
        let start = slot["starttime"].as_str().unwrap();
        format!("{} {}", &start[..5], slot["state"].as_str().unwrap())
    };
    items.map(of).collect()
}

#[tokio::test]
async fn a_slot_of_today_is_free_until_it_begins_and_over_when_it_ends() {
    let bed = bed().await;
    let early =
        r#"{"from":"2025-11-28","to":"2025-11-28","start":"07:30","end":"09:00","minutes":90}"#;
    let made = bed
        .post(&bed.admin, &format!("{SLOTS}/generate"), early)
        .await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    bed.post(&bed.admin, "/api/v1/appointments/1/cancel", "")
        .await;
    // It is half past nine.
    assert_eq!(
        states(&bed, "2025-11-28").await,
        [
            "07:30 over",
            "09:00 begun",
            "10:00 free",
            "11:00 held",
            "14:00 free",
            "15:00 closed"
        ]
    );
    let of_two = bed
        .get("/api/v1/consultants/2/slots?from=2025-11-28&to=2025-11-28")
        .await;
    assert_eq!(
        json_of(&of_two)["items"][0]["state"],
        "closed",
        "the consultant is disabled"
    );
}

#[tokio::test]
async fn slots_are_listed_with_the_appointment_that_has_each() {
    let bed = bed().await;
    let all = bed.get(SLOTS).await;
    let expected = json!([
        [1, "09:00:00", false, 1],
        [2, "10:00:00", true, null],
        [3, "11:00:00", false, 2],
        [4, "14:00:00", true, null],
        [5, "15:00:00", false, null],
    ]);
    assert_eq!(json!(slots(&all)), expected, "{}", all.body);
    insta::assert_snapshot!(json_of(&all)["items"][0], @r#"{"appointmentid":1,"consultantid":1,"consultantname":"Lê Dung","customerid":"c1","customername":"Nguyễn An","date":"2025-11-28","endtime":"10:00:00","isavailable":false,"isfree":false,"scheduleid":1,"site":"hcm-01","starttime":"09:00:00","state":"held","status":"confirmed"}"#);

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = bed.get(&format!("{SLOTS}?limit=2{cursor}")).await;
        assert_eq!(json_of(&page)["total"], 5);
        seen.extend(slots(&page));
        let Some(next) = json_of(&page)["next"].as_str().map(str::to_owned) else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(json!(seen), expected);

    let cold = bed
        .get(&format!("{SLOTS}?from=2025-12-19&to=2025-12-20"))
        .await;
    assert_eq!(
        json!(slots(&cold)),
        json!([[7, "08:00:00", true, null], [8, "09:00:00", true, null]])
    );
    let disabled = bed.get("/api/v1/consultants/2/slots").await;
    assert_eq!(
        json!(slots(&disabled)),
        json!([[6, "09:00:00", false, null]])
    );
    let request = Request::get(SLOTS)
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", bed.viewer.reveal()),
        )
        .header(header::ACCEPT, "text/csv");
    let file = bed.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(file.body.lines().count(), 6, "{}", file.body);
}

#[tokio::test]
async fn slots_that_cannot_be_listed_are_refused() {
    let bed = bed().await;
    for (path, expected) in [
        (
            format!("{SLOTS}?from=2025-11-28"),
            refused(400, "bad_request", ""),
        ),
        (
            format!("{SLOTS}?from=2025-11-28&to=28.11.2025"),
            refused(400, "bad_request", "to"),
        ),
        (
            format!("{SLOTS}?from=2025-11-28&to=2025-11-27"),
            refused(400, "bad_request", ""),
        ),
        (
            format!("{SLOTS}?from=2025-01-01&to=2025-11-27"),
            refused(400, "range_too_long", ""),
        ),
        (
            format!("{SLOTS}?limit=501"),
            refused(400, "bad_request", ""),
        ),
        (format!("{SLOTS}?cursor=x"), refused(400, "bad_request", "")),
        (
            format!("{SLOTS}?free=1"),
            refused(400, "bad_request", "free"),
        ),
        (
            format!("{SLOTS}?site=hcm-09"),
            refused(404, "not_found", ""),
        ),
        (
            "/api/v1/consultants/9/slots".to_owned(),
            refused(404, "not_found", ""),
        ),
        (
            "/api/v1/consultants/x'/slots".to_owned(),
            refused(404, "not_found", ""),
        ),
    ] {
        let answer = bed.get(&path).await;
        assert_eq!(refusal(&answer), expected, "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn slots_are_made_for_working_days_and_those_that_are_there_stay() {
    let bed = bed().await;
    for (changes, created, kept) in [
        (json!({}), 4, 0),
        (json!({}), 0, 4),
        (json!({"weekends": true}), 4, 4),
        // The first begins in the middle of a slot that is there.
        (
            json!({"start": "08:30", "end": "11:00", "minutes": 30}),
            4,
            6,
        ),
        // On a date that is not loaded, where slots are from 08:00 to 08:30 and from 09:00 to 10:00.
        (
            json!({"from": "2025-12-20", "to": "2025-12-20", "end": "11:00", "weekends": true}),
            1,
            2,
        ),
    ] {
        let answer = call(&bed, Method::POST, GENERATE, &plan(&changes)).await;
        let expected = json!({"created": created, "kept": kept, "flushed": true});
        assert_eq!(json_of(&answer), expected, "{changes}");
    }
    let range = "from=2025-12-20&to=2026-01-05";
    let made = bed.get(&format!("{SLOTS}?{range}")).await;
    let made = json_of(&made);
    let times: Vec<String> = made["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slot| format!("{} {}-{}", slot["date"], slot["starttime"], slot["endtime"]))
        .map(|slot| slot.replace(['"'], "").replace(":00-", "-"))
        .filter(|slot| slot.starts_with("2025-12-20") || slot.starts_with("2026-01-02"))
        .collect();
    assert_eq!(
        times,
        [
            "2025-12-20 08:00-08:30:00",
            "2025-12-20 09:00-10:00:00",
            "2025-12-20 10:00-11:00:00",
            "2026-01-02 08:00-09:00:00",
            "2026-01-02 09:00-10:00:00",
            "2026-01-02 10:00-10:30:00",
            "2026-01-02 10:30-11:00:00",
        ]
    );
    let booking =
        json!({"customerid": "c1", "consultantid": 1, "date": "2026-01-05", "time": "09:00"});
    let booked = call(&bed, Method::POST, "/api/v1/appointments", &booking).await;
    assert_eq!(booked.status, StatusCode::CREATED, "{}", booked.body);
}

#[tokio::test]
async fn a_plan_that_cannot_be_is_refused_by_its_member() {
    let bed = bed().await;
    for (changes, expected) in [
        (
            json!({"from": "2025-11-27"}),
            refused(422, "invalid", "from"),
        ),
        (
            json!({"from": "28.11.2025"}),
            refused(422, "invalid", "from"),
        ),
        (json!({"to": "2026-01-01"}), refused(422, "invalid", "to")),
        (json!({"start": "25:00"}), refused(422, "invalid", "start")),
        (json!({"end": "08:59"}), refused(422, "invalid", "end")),
        (json!({"minutes": 0}), refused(422, "invalid", "minutes")),
        (json!({"minutes": "60"}), refused(422, "invalid", "minutes")),
        (json!({"minutes": 1.5}), refused(422, "invalid", "minutes")),
        (json!({"minutes": null}), refused(422, "invalid", "minutes")),
        (
            json!({"weekends": "yes"}),
            refused(422, "invalid", "weekends"),
        ),
        (
            json!({"consultantid": 2}),
            refused(422, "invalid", "consultantid"),
        ),
        (
            json!({"to": "2026-06-01"}),
            refused(400, "range_too_long", ""),
        ),
        (
            json!({"to": "2026-02-20", "start": "00:00", "end": "23:59", "minutes": 5}),
            refused(422, "invalid", "minutes"),
        ),
        (json!({"site": 7}), refused(400, "bad_request", "")),
        (json!({"site": "hcm-09"}), refused(404, "not_found", "")),
    ] {
        let answer = call(&bed, Method::POST, GENERATE, &plan(&changes)).await;
        assert_eq!(refusal(&answer), expected, "{changes}: {}", answer.body);
    }
    for (id, expected) in [
        ("2", refused(409, "not_allowed_now", "")),
        ("9", refused(404, "not_found", "")),
        ("x", refused(404, "not_found", "")),
    ] {
        let path = format!("/api/v1/consultants/{id}/slots/generate");
        let answer = call(&bed, Method::POST, &path, &plan(&json!({}))).await;
        assert_eq!(refusal(&answer), expected, "{id}: {}", answer.body);
    }
    let none = bed
        .get(&format!("{SLOTS}?from=2026-01-01&to=2026-01-31"))
        .await;
    assert_eq!(json_of(&none)["total"], 0);
}

#[tokio::test]
async fn a_slot_is_closed_and_opened() {
    let bed = bed().await;
    let set = async |id: &str, body: Value| {
        call(&bed, Method::PATCH, &format!("/api/v1/slots/{id}"), &body).await
    };
    let closed = set("2", json!({"isavailable": false})).await;
    insta::assert_snapshot!(json_of(&closed), @r#"{"consultantid":1,"date":"2025-11-28","endtime":"11:00:00","flushed":true,"isavailable":false,"scheduleid":2,"site":"hcm-01","starttime":"10:00:00"}"#);
    let booking =
        json!({"customerid": "c1", "consultantid": 1, "date": "2025-11-28", "time": "10:00"});
    let refused_booking = call(&bed, Method::POST, "/api/v1/appointments", &booking).await;
    assert_eq!(
        refusal(&refused_booking),
        refused(409, "not_allowed_now", "")
    );
    for _ in 0..2 {
        let opened = set("2", json!({"isavailable": true})).await;
        assert_eq!(json_of(&opened)["isavailable"], true, "{}", opened.body);
    }
    let booked = call(&bed, Method::POST, "/api/v1/appointments", &booking).await;
    assert_eq!(booked.status, StatusCode::CREATED, "{}", booked.body);

    let held = set("1", json!({"isavailable": true})).await;
    assert_eq!(refusal(&held), refused(409, "clash", ""));
    assert_eq!(json_of(&held)["present"]["appointmentid"], 1);
    // Of an appointment by a program that left it as it was, and on a date that is not loaded.
    for id in ["3", "7"] {
        let closed = set(id, json!({"isavailable": false})).await;
        assert_eq!(json_of(&closed)["isavailable"], false, "{}", closed.body);
    }
    for (id, body, expected) in [
        ("2", json!({}), refused(422, "invalid", "isavailable")),
        (
            "2",
            json!({"isavailable": null}),
            refused(422, "invalid", "isavailable"),
        ),
        (
            "2",
            json!({"isavailable": "true"}),
            refused(422, "invalid", "isavailable"),
        ),
        (
            "2",
            json!({"starttime": "09:00"}),
            refused(422, "invalid", "starttime"),
        ),
        ("2", json!([]), refused(400, "bad_request", "")),
        (
            "2",
            json!({"site": "hcm-09", "isavailable": true}),
            refused(404, "not_found", ""),
        ),
        (
            "99",
            json!({"isavailable": true}),
            refused(404, "not_found", ""),
        ),
        (
            "x",
            json!({"isavailable": true}),
            refused(404, "not_found", ""),
        ),
    ] {
        let answer = set(id, body.clone()).await;
        assert_eq!(refusal(&answer), expected, "{id} {body}: {}", answer.body);
    }
}

#[tokio::test]
async fn admins_alone_change_slots_and_name_the_site() {
    let bed = Testbed::with_a_day(&["hcm-01", "hcm-02"]).await;
    let nobody = Token::parse(&format!("cw_{}", "a".repeat(43))).unwrap();
    let body = plan(&json!({"site": "hcm-02"})).to_string();
    let slot = json!({"site": "hcm-02", "isavailable": false}).to_string();
    for (method, path, body) in [
        (Method::POST, GENERATE, &body),
        (Method::PATCH, "/api/v1/slots/2", &slot),
    ] {
        for token in [&bed.viewer, &bed.agent] {
            let answer = bed.call(method.clone(), token, path, body).await;
            assert_eq!(refusal(&answer), refused(403, "forbidden", ""), "{path}");
        }
        let answer = bed.call(method.clone(), &nobody, path, body).await;
        assert_eq!(refusal(&answer), refused(401, "unauthorized", ""), "{path}");
        for (body, expected) in [
            ("{", refused(400, "bad_request", "")),
            ("7", refused(400, "bad_request", "")),
            ("", refused(415, "unsupported_media_type", "")),
            ("{\"isavailable\":true}", refused(400, "site_required", "")),
            (&" ".repeat(70_000), refused(413, "too_large", "")),
        ] {
            let answer = bed.call(method.clone(), &bed.admin, path, body).await;
            assert_eq!(refusal(&answer), expected, "{path} {body:.40}");
        }
        let answer = bed.call(method, &bed.admin, path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    }
    for (token, status) in [
        (&bed.viewer, 400),
        (&bed.admin, 400),
        (&bed.agent, 403),
        (&nobody, 401),
    ] {
        let answer = bed.call(Method::GET, token, SLOTS, "").await;
        assert_eq!(answer.status.as_u16(), status);
    }
    let there = bed
        .get(&format!(
            "{SLOTS}?site=hcm-02&from=2026-01-01&to=2026-01-31"
        ))
        .await;
    assert_eq!(json_of(&there)["total"], 4, "{}", there.body);
    let here = bed
        .get(&format!(
            "{SLOTS}?site=hcm-01&from=2026-01-01&to=2026-01-31"
        ))
        .await;
    assert_eq!(json_of(&here)["total"], 0);
}

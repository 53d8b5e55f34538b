//! Confirming, completing and assigning.

use super::*;

async fn change(bed: &Testbed, path: &str, body: &str) -> Answer {
    bed.post(&bed.admin, &format!("{ALL}/{path}"), body).await
}

#[tokio::test]
async fn an_appointment_is_confirmed_and_completed() {
    let bed = bed().await;
    for (path, expected) in [
        ("2/complete", "pending"),
        ("2/confirm", ""),
        ("2/confirm", "confirmed"),
        ("2/complete", ""),
        ("2/complete", "completed"),
        ("2/confirm", "completed"),
        ("2/cancel", "completed"),
        ("1/complete", ""),
        ("4/confirm", "cancelled"),
        ("3/confirm", "completed"),
    ] {
        let answer = change(&bed, path, "").await;
        let row = json_of(&answer);
        if expected.is_empty() {
            assert_eq!(answer.status, StatusCode::OK, "{path}: {row}");
            assert_eq!(row["updatedat"], "2025-11-28T09:30:00");
            assert_eq!(row["flushed"], true);
        } else {
            let refusal = refusal(&answer);
            assert_eq!(refusal, refused(409, "not_allowed_now", ""), "{path}");
            assert_eq!(row["present"]["status"], expected, "{path}");
        }
    }
}

#[tokio::test]
async fn an_appointment_is_given_to_a_consultant() {
    let bed = bed().await;
    let mut waiting = Vec::new();
    for time in ["14:00", "14:00", "11:00", "15:00", "17:00", "09:00"] {
        let booked = book(&bed, json!({"consultantid": null, "time": time})).await;
        waiting.push(json_of(&booked)["appointmentid"].to_string());
    }
    let to = |consultant: Value| json!({"consultantid": consultant}).to_string();
    for (id, consultant, expected) in [
        (&waiting[0], json!(1), refused(200, "", "")),
        // Once more changes nothing.
        (&waiting[0], json!(1), refused(200, "", "")),
        (&waiting[1], json!(1), refused(409, "clash", "")),
        (&waiting[2], json!(1), refused(409, "clash", "")),
        (&waiting[3], json!(1), refused(409, "not_allowed_now", "")),
        (&waiting[4], json!(1), refused(409, "not_allowed_now", "")),
        (&waiting[5], json!(2), refused(409, "not_allowed_now", "")),
        (
            &waiting[5],
            json!(9),
            refused(422, "invalid", "consultantid"),
        ),
        (
            &waiting[5],
            json!(null),
            refused(422, "invalid", "consultantid"),
        ),
        (
            &waiting[5],
            json!("1"),
            refused(422, "invalid", "consultantid"),
        ),
        (
            &waiting[5],
            json!(1.5),
            refused(422, "invalid", "consultantid"),
        ),
        (
            &"3".to_owned(),
            json!(1),
            refused(409, "not_allowed_now", ""),
        ),
        (
            &"4".to_owned(),
            json!(1),
            refused(409, "not_allowed_now", ""),
        ),
        (&"99".to_owned(), json!(1), refused(404, "not_found", "")),
    ] {
        let answer = change(&bed, &format!("{id}/assign"), &to(consultant.clone())).await;
        if expected.0 == 200 {
            let row = json_of(&answer);
            assert_eq!(answer.status, StatusCode::OK, "{row}");
            assert_eq!(row["consultantname"], "Lê Dung");
        } else {
            assert_eq!(
                refusal(&answer),
                expected,
                "{id} to {consultant}: {}",
                answer.body
            );
        }
    }
    let clash = json_of(&change(&bed, &format!("{}/assign", waiting[1]), &to(json!(1))).await);
    assert_eq!(clash["present"]["appointmentid"].to_string(), waiting[0]);
}

#[tokio::test]
async fn what_is_no_step_is_refused() {
    let bed = bed().await;
    for (path, body, expected) in [
        ("2/confirm", "{", refused(400, "bad_request", "")),
        ("2/confirm", "[]", refused(400, "bad_request", "")),
        (
            "2/confirm",
            r#"{"consultantid":1}"#,
            refused(400, "bad_request", ""),
        ),
        (
            "2/complete",
            r#"{"site":7}"#,
            refused(400, "bad_request", ""),
        ),
        ("2/assign", "", refused(415, "unsupported_media_type", "")),
        ("2/assign", "{", refused(400, "bad_request", "")),
        ("2/assign", "{}", refused(422, "invalid", "consultantid")),
        (
            "2/assign",
            r#"{"consultantid":1,"status":"x"}"#,
            refused(400, "bad_request", ""),
        ),
        (
            "2/assign",
            r#"{"consultantid":1,"consultantid":1}"#,
            refused(400, "bad_request", ""),
        ),
        (
            "2/assign?site=hcm-09",
            r#"{"consultantid":1}"#,
            refused(404, "not_found", ""),
        ),
        ("2/confirm?x=1", "", refused(400, "bad_request", "x")),
        ("99/confirm", "", refused(404, "not_found", "")),
        ("x/complete", "", refused(404, "not_found", "")),
    ] {
        let answer = change(&bed, path, body).await;
        assert_eq!(refusal(&answer), expected, "{path} {body}: {}", answer.body);
    }
    for step in ["confirm", "complete", "assign"] {
        let path = format!("{ALL}/2/{step}");
        for token in [&bed.viewer, &bed.agent] {
            let answer = bed.post(token, &path, r#"{"consultantid":1}"#).await;
            assert_eq!(refusal(&answer), refused(403, "forbidden", ""), "{path}");
        }
        let nobody = Token::parse(&format!("cw_{}", "a".repeat(43))).unwrap();
        let answer = bed.post(&nobody, &path, "").await;
        assert_eq!(refusal(&answer), refused(401, "unauthorized", ""), "{path}");
    }
    let row = json_of(&bed.get(&format!("{ALL}/2")).await);
    assert_eq!(
        (&row["status"], &row["updatedat"]),
        (&json!("pending"), &Value::Null)
    );
}

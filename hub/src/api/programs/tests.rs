//! Programs and who takes part, as callers list them.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::serve::testbed::{Answer, Testbed, json_of, refusal, refused};

const OF_PROGRAM: &str = "/api/v1/programs/1/participants";

async fn bed() -> Testbed {
    Testbed::with_a_day(&["hcm-01"]).await
}

fn of(answer: &Answer, name: &str) -> Vec<Value> {
    let listed = json_of(answer);
    let items = listed["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", answer.body));
    items.iter().map(|row| row[name].clone()).collect()
}

#[tokio::test]
async fn programs_are_listed_with_the_number_of_participants() {
    let bed = bed().await;
    let all = bed.get("/api/v1/programs").await;
    assert_eq!(
        of(&all, "programid"),
        [1, 2],
        "the latest first: {}",
        all.body
    );
    // One of the two has cancelled.
    assert_eq!(of(&all, "participants"), [1, 0]);
    let one = json_of(&bed.get("/api/v1/programs/1").await);
    assert_eq!(
        (&one["participants"], &one["status"]),
        (&json!(1), &json!("upcoming"))
    );
    for (q, expected) in [
        ("huong nghiep", vec![1]),
        ("so giao duc", vec![1]),
        ("2", vec![1, 2]),
        ("%3Ci%3E", vec![2]),
    ] {
        let found = bed
            .get(&format!("/api/v1/programs?q={}", q.replace(' ', "%20")))
            .await;
        assert_eq!(of(&found, "programid"), expected, "{q}");
    }
}

#[tokio::test]
async fn participants_are_listed_by_name_and_status() {
    let bed = bed().await;
    let all = bed.get(OF_PROGRAM).await;
    assert_eq!(of(&all, "customerid"), ["c2", "c1"], "{}", all.body);
    insta::assert_snapshot!(json_of(&all)["items"][1], @r#"{"customerid":"c1","email":"an@example.vn","fullname":"Nguyễn An","phonenumber":null,"programid":1,"registeredtime":"2025-11-02T08:00:00","site":"hcm-01","status":"registered"}"#);
    let first = bed.get(&format!("{OF_PROGRAM}?limit=1")).await;
    let next = json_of(&first)["next"].as_str().unwrap().to_owned();
    let second = bed
        .get(&format!("{OF_PROGRAM}?limit=1&cursor={next}"))
        .await;
    assert_eq!(
        (of(&first, "customerid"), of(&second, "customerid")),
        (vec![json!("c2")], vec![json!("c1")])
    );
    let registered = bed.get(&format!("{OF_PROGRAM}?status=registered")).await;
    assert_eq!(of(&registered, "customerid"), ["c1"]);
    let none = bed.get("/api/v1/programs/2/participants").await;
    assert_eq!(none.body, r#"{"items":[],"next":null,"total":0}"#);
    let bearer = format!("Bearer {}", bed.viewer.reveal());
    let request = Request::get(OF_PROGRAM)
        .header(header::AUTHORIZATION, bearer)
        .header(header::ACCEPT, "text/csv");
    let file = bed.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(file.body.lines().count(), 3, "{}", file.body);
    for (path, expected) in [
        (
            format!("{OF_PROGRAM}?status=open"),
            refused(422, "invalid", "status"),
        ),
        (
            format!("{OF_PROGRAM}?limit=0"),
            refused(400, "bad_request", ""),
        ),
        (
            format!("{OF_PROGRAM}?cursor=x"),
            refused(400, "bad_request", ""),
        ),
        (
            format!("{OF_PROGRAM}?x=1"),
            refused(400, "bad_request", "x"),
        ),
        (
            format!("{OF_PROGRAM}?site=hcm-09"),
            refused(404, "not_found", ""),
        ),
        (
            "/api/v1/programs/9/participants".to_owned(),
            refused(404, "not_found", ""),
        ),
        (
            "/api/v1/programs/x/participants".to_owned(),
            refused(404, "not_found", ""),
        ),
    ] {
        let answer = bed.get(&path).await;
        assert_eq!(refusal(&answer), expected, "{path}: {}", answer.body);
    }
    let agent = bed
        .call(axum::http::Method::GET, &bed.agent, OF_PROGRAM, "")
        .await;
    assert_eq!(refusal(&agent), refused(403, "forbidden", ""));
}

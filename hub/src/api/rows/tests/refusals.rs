//! What is refused of each resource: values that its columns do not take, rows that are not there, callers who may
//! not, lists that cannot be.

use super::*;
use crate::auth::Token;

#[tokio::test]
async fn what_a_column_does_not_take_is_refused_by_its_name() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    for (resource, valid) in resources() {
        let created = create(&bed, resource, &valid).await;
        let one = address(resource, &created);
        let before = json_of(&bed.get(&one).await);
        let mut wrong = vec![
            ("nothing".to_owned(), json!(1)),
            ("createdat".to_owned(), json!("2020-01-01T00:00:00")),
        ];
        for column in columns(resource) {
            let mut add = |value: Value| wrong.push((column.name.to_string(), value));
            add(json!({"a": 1}));
            add(json!([]));
            match column.ty {
                Type::Text | Type::Phone => {
                    add(json!(5));
                    add(json!(true));
                    add(json!("a\u{0}b"));
                    if let Some(max) = column.max_chars {
                        add(json!("é".repeat(max as usize + 1)));
                    }
                    if !column.values.is_empty() {
                        add(json!(HOSTILE));
                    }
                }
                Type::Date => add(json!("28.11.2025")),
                Type::Bool => add(json!("true")),
                _ => add(json!("7")),
            }
            if column.not_null {
                if column.default.is_none() {
                    add(Value::Null);
                }
                if column.ty == Type::Text && column.values.is_empty() {
                    add(json!(" "));
                }
            }
        }
        let count = total(&bed, resource, "").await;
        for (name, value) in wrong {
            let mut row = valid.clone();
            row[&name] = value.clone();
            for (method, path, body) in [
                (Method::POST, path(resource), row),
                (Method::PATCH, one.clone(), json!({&name: value})),
            ] {
                let answer = call(&bed, method.clone(), &path, &body).await;
                assert_eq!(
                    refusal(&answer),
                    refused(422, "invalid", &name),
                    "{method} {body}: {}",
                    answer.body
                );
            }
        }
        assert_eq!(total(&bed, resource, "").await, count);
        assert_eq!(json_of(&bed.get(&one).await), before);
        let long = format!("{{\"fullname\":\"{}\"}}", "x".repeat(70_000));
        for (method, path) in [(Method::POST, path(resource)), (Method::PATCH, one)] {
            for (body, expected) in [
                ("{", refused(400, "bad_request", "")),
                ("[]", refused(400, "bad_request", "")),
                ("7", refused(400, "bad_request", "")),
                ("", refused(415, "unsupported_media_type", "")),
                (
                    "{\"isdisabled\":true,\"isdisabled\":true}",
                    refused(400, "bad_request", ""),
                ),
                ("{\"site\":7}", refused(400, "bad_request", "")),
                (&long, refused(413, "too_large", "")),
            ] {
                let answer = bed.call(method.clone(), &bed.admin, &path, body).await;
                assert_eq!(refusal(&answer), expected, "{method} {:.40}", body);
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_row_is_not_found() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    for (resource, _) in resources() {
        for key in ["nobody", "%00", "99999", "x%27%20OR%201=1"] {
            let path = format!("{}/{key}", path(resource));
            for (method, body) in [
                (Method::GET, Value::Null),
                (Method::PATCH, json!({"isdisabled": true})),
                (Method::DELETE, Value::Null),
            ] {
                let answer = call(&bed, method.clone(), &path, &body).await;
                assert_eq!(
                    refusal(&answer),
                    refused(404, "not_found", ""),
                    "{method} {path}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_customer_whom_no_row_can_hold_has_no_appointments() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    for id in ["nobody", "%00"] {
        let path = format!("/api/v1/customers/{id}/appointments");
        let answer = bed.get(&path).await;
        assert_eq!(refusal(&answer), refused(404, "not_found", ""), "{path}");
    }
}

#[tokio::test]
async fn a_list_names_all_parameters_that_it_takes() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    let answer = bed.get("/api/v1/programs?page=2").await;
    assert_eq!(refusal(&answer), refused(400, "bad_request", "page"));
    let detail = json_of(&answer)["detail"].to_string();
    insta::assert_snapshot!(detail, @r#""the query cannot be read: page: is not taken; write some of site, isdisabled, q, limit, cursor""#);
}

#[tokio::test]
async fn admins_alone_change_rows() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    let nobody = Token::parse(&format!("cw_{}", "a".repeat(43))).unwrap();
    for (resource, valid) in resources() {
        let one = address(resource, &create(&bed, resource, &valid).await);
        let body = valid.to_string();
        for (method, path) in [
            (Method::POST, path(resource)),
            (Method::PATCH, one.clone()),
            (Method::DELETE, one.clone()),
        ] {
            for token in [&bed.viewer, &bed.agent] {
                let answer = bed.call(method.clone(), token, &path, &body).await;
                assert_eq!(refusal(&answer), refused(403, "forbidden", ""), "{method}");
            }
            let answer = bed.call(method.clone(), &nobody, &path, &body).await;
            assert_eq!(
                refusal(&answer),
                refused(401, "unauthorized", ""),
                "{method}"
            );
        }
        for path in [path(resource), one] {
            for (token, status) in [
                (&bed.viewer, 200),
                (&bed.admin, 200),
                (&bed.agent, 403),
                (&nobody, 401),
            ] {
                let answer = bed.call(Method::GET, token, &path, "").await;
                assert_eq!(answer.status.as_u16(), status, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_is_refused() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    for (resource, _) in resources() {
        for (query, expected) in [
            ("limit=0", refused(400, "bad_request", "")),
            ("limit=501", refused(400, "bad_request", "")),
            ("cursor=x", refused(400, "bad_request", "")),
            ("isdisabled=2", refused(400, "bad_request", "isdisabled")),
            ("date=2025-11-28", refused(400, "bad_request", "date")),
            ("site=hcm-09", refused(404, "not_found", "")),
            (
                &format!("q={}", "x".repeat(101)),
                refused(422, "invalid", "q"),
            ),
        ] {
            let answer = bed.get(&format!("{}?{query}", path(resource))).await;
            assert_eq!(refusal(&answer), expected, "{query}: {}", answer.body);
        }
        assert_eq!(total(&bed, resource, "?q=%27%20OR%201=1%20--").await, 0);
    }
}

use axum::body::to_bytes;
use axum::http::header;

use super::*;

/// A request as the router gets it: its first line, headers and body.
async fn passed_on(event: Value) -> String {
    let event: HttpEvent = serde_json::from_value(event).unwrap();
    let request = match event.into_request() {
        Ok(request) => request,
        Err(problem) => return problem.detail,
    };
    let mut lines = vec![format!("{} {}", request.method(), request.uri())];
    for (name, value) in request.headers() {
        lines.push(format!(
            "{name}: {}",
            String::from_utf8_lossy(value.as_bytes())
        ));
    }
    let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
    lines.push(format!("{:?}", String::from_utf8_lossy(&body)));
    lines.join("\n")
}

fn v1(more: Value) -> Value {
    let mut event = json!({
        "httpMethod": "POST", "path": "/api/v1/customers", "headers": null, "multiValueHeaders": null,
        "queryStringParameters": null, "multiValueQueryStringParameters": null, "body": null,
        "isBase64Encoded": false, "requestContext": { "stage": "prod", "path": "/prod/api/v1/customers" },
    });
    let fields = event.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    event
}

fn v2(more: Value) -> Value {
    let mut event = json!({
        "version": "2.0", "rawPath": "/", "rawQueryString": "",
        "requestContext": { "http": { "method": "GET" }, "stage": "$default", "domainName": "hub.example" },
    });
    let fields = event.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    event
}

#[tokio::test]
async fn payload_1_has_headers_and_queries_in_parts() {
    let event = v1(json!({
        "multiValueHeaders": { "Accept": ["text/csv"], "Cookie": ["a=1", "b=2"], "Host": ["hub.example"] },
        "headers": { "Accept": "text/html" },
        "multiValueQueryStringParameters": { "q": ["An Nguyễn"], "status": ["a&b", "c"] },
        "body": "{\"a\":1}",
    }));
    insta::assert_snapshot!(passed_on(event).await, @r#"
    POST /api/v1/customers?q=An+Nguy%E1%BB%85n&status=a%26b&status=c
    accept: text/csv
    cookie: a=1
    cookie: b=2
    host: hub.example
    "{\"a\":1}"
    "#);
    let event =
        v1(json!({ "headers": { "Accept": "*/*" }, "queryStringParameters": { "q": "a b" } }));
    insta::assert_snapshot!(passed_on(event).await, @r#"
    POST /api/v1/customers?q=a+b
    accept: */*
    ""
    "#);
}

#[tokio::test]
async fn payload_2_has_cookies_apart_and_the_host_in_its_context() {
    let event = v2(json!({
        "rawPath": "/api/v1/rows/khách hàng/a%2Fb", "rawQueryString": "from=2025-11-28&q=a%20b",
        "cookies": ["causeway_session=s", "lang=vi"], "headers": { "accept": "*/*" },
    }));
    insta::assert_snapshot!(passed_on(event).await, @r#"
    GET /api/v1/rows/kh%C3%A1ch%20h%C3%A0ng/a%2Fb?from=2025-11-28&q=a%20b
    accept: */*
    cookie: causeway_session=s; lang=vi
    host: hub.example
    ""
    "#);
}

#[tokio::test]
async fn a_stage_is_no_part_of_the_path() {
    let of = async |stage: &str, path: &str| {
        let context = json!({ "http": { "method": "GET" }, "stage": stage });
        let passed = passed_on(v2(json!({ "rawPath": path, "requestContext": context }))).await;
        passed.lines().next().unwrap().to_owned()
    };
    assert_eq!(of("prod", "/prod/healthz").await, "GET /healthz");
    assert_eq!(of("prod", "/prod").await, "GET /");
    assert_eq!(of("prod", "/production").await, "GET /production");
    assert_eq!(of("$default", "/healthz").await, "GET /healthz");
}

#[tokio::test]
async fn a_body_comes_as_text_as_base64_or_as_json() {
    let of = async |body: Value, is_base64: bool| {
        let event = v1(json!({ "body": body, "isBase64Encoded": is_base64 }));
        passed_on(event).await.lines().last().unwrap().to_owned()
    };
    assert_eq!(of(json!("ngày"), false).await, "\"ngày\"");
    assert_eq!(of(json!("bmfDoHk="), true).await, "\"ngày\"");
    assert_eq!(of(json!({ "a": 1 }), false).await, r#""{\"a\":1}""#);
    let wrong = of(json!("%"), true).await;
    assert!(wrong.starts_with("the body cannot be read: "), "{wrong}");
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let method = v1(json!({ "httpMethod": "G T" }));
    assert_eq!(
        passed_on(method).await,
        "the method cannot be read: invalid HTTP method"
    );
    let header = v1(json!({ "headers": { "a b": "c" } }));
    assert_eq!(
        passed_on(header).await,
        "the header a b cannot be read: invalid HTTP header name"
    );
    let value = v1(json!({ "headers": { "a": "b\nc" } }));
    assert_eq!(
        passed_on(value).await,
        "the header a cannot be read: failed to parse header value"
    );
}

/// An answer of a form, as JSON.
async fn answered(form: Form, body: impl Into<Body>) -> Value {
    let response = Response::builder()
        .status(201)
        .header(header::SET_COOKIE, "a=1")
        .header(header::SET_COOKIE, "b=2")
        .header(header::VARY, "accept")
        .header(header::VARY, "cookie")
        .body(body.into());
    match answer(form, response.unwrap()).await {
        Answer::Done(body) => serde_json::from_str(&body).unwrap(),
        Answer::Failed { body, .. } => panic!("{body}"),
    }
}

#[tokio::test]
async fn answers_have_the_form_of_their_events() {
    assert_eq!(
        answered(Form::V1, "\u{feff}a").await,
        json!({
            "statusCode": 201, "body": "\u{feff}a", "isBase64Encoded": false,
            "multiValueHeaders": { "set-cookie": ["a=1", "b=2"], "vary": ["accept", "cookie"] },
        })
    );
    assert_eq!(
        answered(Form::V2, vec![0x1f, 0x8b]).await,
        json!({
            "statusCode": 201, "body": "H4s=", "isBase64Encoded": true,
            "headers": { "vary": "accept, cookie" }, "cookies": ["a=1", "b=2"],
        })
    );
}

#[tokio::test]
async fn an_answer_that_a_function_cannot_send_says_so() {
    for body in [vec![0xff; MAX_BODY_BYTES + 1], vec![b'"'; MAX_BODY_BYTES]] {
        let answer = answered(Form::V2, body).await;
        assert_eq!(answer["statusCode"], 413);
        let problem: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!(problem["code"], "too_large");
    }
}

//! Answers over HTTP are those of `serve`.

use causeway_tests::lambda::{Function, HttpAnswer, http_answer, v1, v2};
use reqwest::Method;
use serde_json::{Value, json};

use super::Ground;

/// What an answer has of its own: its time, and what belongs to its way.
const OF_THE_MOMENT: [&str; 4] = ["date", "content-length", "connection", "transfer-encoding"];

fn base64(text: &str) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(text)
}

/// A request, and how it is sent to the function.
struct Asked {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
}

impl Asked {
    fn event(&self, number: usize) -> Value {
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let body = match &self.body {
            None => Value::Null,
            Some(body) if number.is_multiple_of(3) => json!(base64(body)),
            Some(body) => json!(body),
        };
        let request = (self.method, self.path.as_str());
        let mut event = match number % 2 {
            0 => v1(request, &headers, body),
            _ => v2(request, &headers, body),
        };
        event["isBase64Encoded"] = json!(self.body.is_some() && number.is_multiple_of(3));
        event
    }

    async fn of_function(&self, function: &Function, number: usize) -> HttpAnswer {
        http_answer(&function.invoke(&self.event(number)).await)
    }

    async fn of_service(&self, url: &str) -> HttpAnswer {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let method = Method::from_bytes(self.method.as_bytes()).unwrap();
        let mut request = client.request(method, format!("{url}{}", self.path));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in answer.headers() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            match headers.iter_mut().find(|(known, _)| known == name.as_str()) {
                Some((_, values)) => *values = format!("{values}, {value}"),
                None => headers.push((name.to_string(), value)),
            }
        }
        headers.sort();
        let body = answer.bytes().await.unwrap().to_vec();
        HttpAnswer {
            status,
            headers,
            body,
        }
    }
}

/// An answer without what is another each time.
fn plain(mut answer: HttpAnswer) -> (u16, Vec<(String, String)>, String) {
    answer
        .headers
        .retain(|(name, _)| !OF_THE_MOMENT.contains(&name.as_str()));
    let body = match String::from_utf8(answer.body) {
        Ok(text) => text,
        Err(packed) => unpacked(packed.as_bytes()),
    };
    (answer.status, answer.headers, without_times(&body))
}

fn unpacked(packed: &[u8]) -> String {
    use std::io::Read as _;
    let mut text = String::new();
    let mut reader = flate2::read::GzDecoder::new(packed);
    reader.read_to_string(&mut text).unwrap();
    text
}

/// Times to the second and finer, and how long ago something was, are those of the answer.
fn without_times(body: &str) -> String {
    let mut plain = String::new();
    let mut rest = body;
    while let Some(at) = rest.find('T') {
        let (before, time) = rest.split_at(at);
        let is_time = time.len() > 9
            && time.as_bytes()[3] == b':'
            && time.as_bytes()[6] == b':'
            && before.ends_with(|c: char| c.is_ascii_digit());
        plain.push_str(before);
        if is_time {
            let end = time[1..].find(|c: char| !"0123456789:.".contains(c));
            let end = end.map_or(time.len(), |end| end + 1);
            plain.push_str("T…");
            rest = &time[end..];
        } else {
            plain.push('T');
            rest = &time[1..];
        }
    }
    plain + rest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_requests_are_answered_as_serve_does() {
    let ground = Ground::new().await;
    let (site, token) = (&ground.site, &ground.token);
    let service = ground
        .deployment
        .serve(&[("CAUSEWAY_REFRESH__EVERY", "1h")]);
    let (first, date, past) = (site.first_appointment(1), site.date(1), site.date(-20));
    let get = |path: &str| ("GET", path.to_owned(), None);
    let change = |method, path: &str, body: Value| (method, path.to_owned(), Some(body));
    let asked = [
        get("/healthz"),
        get("/api/v1/overview"),
        get("/api/v1/stats/appointments?from=2025-01-01&to=2025-01-31"),
        get(&format!("/api/v1/stats/appointments?from={past}&to={date}")),
        get("/api/v1/stats/customers"),
        get("/api/v1/stats/programs"),
        get(&format!("/api/v1/stats/consultants?from={past}&to={date}")),
        get("/api/v1/appointments"),
        get(&format!("/api/v1/appointments?date={date}&status=pending")),
        get(&format!(
            "/api/v1/appointments?from={past}&to={past}&limit=2"
        )),
        get("/api/v1/appointments?limit=0"),
        get(&format!("/api/v1/appointments/{first}")),
        get("/api/v1/appointments/999999"),
        get("/api/v1/customers?q=Nguyễn%20Văn%203"),
        get("/api/v1/customers?q=0912&limit=5"),
        get("/api/v1/customers/fb-9"),
        get("/api/v1/customers/fb-9/appointments"),
        get("/api/v1/consultants"),
        get(&format!(
            "/api/v1/consultants/1/slots?from={date}&to={date}"
        )),
        get("/api/v1/programs"),
        get("/api/v1/programs/1/participants"),
        get("/api/v1/database/schema"),
        get("/api/v1/sync/conflicts"),
        get("/api/v1/sync/quarantine"),
        get("/api/v1/archive"),
        get("/api/v1/nothing"),
        get("/"),
        get("/appointments"),
        get("/customers?q=nguyen&lang=vi"),
        get("/database"),
        get("/assets/dashboard.css"),
        get("/docs"),
        change(
            "POST",
            "/api/v1/appointments",
            json!({"customerid": "nobody", "date": "2020-01-01"}),
        ),
        change("POST", "/api/v1/appointments", json!({"date": 7})),
        change(
            "PATCH",
            "/api/v1/customers/fb-7",
            json!({"notes": "Gọi lại sau"}),
        ),
        change("PATCH", "/api/v1/customers/nobody", json!({"notes": "x"})),
        change(
            "PATCH",
            &format!("/api/v1/appointments/{first}"),
            json!({"description": "thuế"}),
        ),
        change(
            "POST",
            "/api/v1/sync/load",
            json!({"from": past, "to": past}),
        ),
        change("PUT", &format!("/api/v1/sync/pins/{date}"), json!({})),
        change("DELETE", &format!("/api/v1/sync/pins/{date}"), json!({})),
    ];
    assert_eq!(asked.len(), 40);
    for (number, (method, path, body)) in asked.into_iter().enumerate() {
        let accept = match number {
            7 | 14 => "text/csv",
            _ if path.starts_with("/api/") => "application/json",
            _ => "text/html",
        };
        let mut headers = vec![
            ("authorization", format!("Bearer {token}")),
            ("accept", accept.to_owned()),
            ("host", "hub.example".to_owned()),
            ("x-request-id", format!("r{number}")),
        ];
        if number % 4 == 1 {
            headers.push(("accept-encoding", "gzip".to_owned()));
        }
        if body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        let asked = Asked {
            method,
            path,
            headers,
            body: body.map(|body| body.to_string()),
        };
        let of_service = asked.of_service(&service.url).await;
        let of_function = asked.of_function(&ground.function, number).await;
        assert_eq!(
            plain(of_function),
            plain(of_service),
            "{} {}",
            asked.method,
            asked.path
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_signs_in_and_out_by_cookies() {
    let ground = Ground::new().await;
    let page = [
        ("accept", "text/html"),
        ("host", "hub.example"),
        ("x-forwarded-proto", "https"),
    ];
    let form = [
        page[0],
        page[1],
        page[2],
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let answer = async |request: (&str, &str), headers: &[(&str, &str)], body: Value| {
        http_answer(&ground.function.invoke(&v2(request, headers, body)).await)
    };
    let signed_out = answer(("GET", "/"), &page, Value::Null).await;
    assert_eq!(signed_out.status, 303, "{signed_out:?}");

    let body = json!(base64(&format!("token={}", ground.token)));
    let mut event = v2(("POST", "/login"), &form, body);
    event["isBase64Encoded"] = json!(true);
    let signed_in = ground.function.invoke(&event).await;
    let cookie = signed_in["cookies"][0].as_str().unwrap();
    assert!(cookie.contains("Secure"), "HTTPS ends at AWS: {cookie}");
    let cookie = cookie.split(';').next().unwrap();

    let with_cookie = [page[0], page[1], ("cookie", "lang=vi"), ("cookie", cookie)];
    let overview = answer(("GET", "/"), &with_cookie, Value::Null).await;
    assert_eq!(overview.status, 200, "{overview:?}");
    let left = answer(("POST", "/logout"), &with_cookie, Value::Null).await;
    assert_eq!(left.status, 303, "{left:?}");
    let signed_out = answer(("GET", "/"), &with_cookie, Value::Null).await;
    assert_eq!(signed_out.status, 303, "{signed_out:?}");
}

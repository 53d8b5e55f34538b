//! The API as callers see it: requests to the router, answers read whole.
//!
//! On SQLite alone: the SQL of both databases is held to one suite (`db/conformance.rs`), and these
//! tests are about what is made of its answers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use causeway_shared::ids::{Name, SiteName};
use causeway_shared::layout::SiteKey;
use causeway_shared::quarantine::{RefusedRow, RefusedRows};
use jiff::Timestamp;
use tokio::time::{sleep, timeout};

use crate::auth::{Role, Tokens};
use crate::config::AuthMode;
use crate::serve::testbed::{Answer, Testbed, now};
use crate::sync::LoadRequest;
use crate::testing::{SHOP, TestSite};

fn code(answer: &Answer) -> String {
    let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        answer.header(header::CONTENT_TYPE),
        "application/problem+json"
    );
    assert_eq!(problem["status"], answer.status.as_u16());
    problem["code"].as_str().unwrap().to_owned()
}

fn notify(bearer: &str, body: &'static str) -> Request<Body> {
    Request::post("/api/v1/sync/notify")
        .header(header::AUTHORIZATION, format!("Bearer {bearer}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .unwrap()
}

#[tokio::test]
async fn the_overview_counts_what_is_loaded_and_what_is_known() {
    let answer = Testbed::new().await.get("/api/v1/overview").await;
    let overview: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    insta::assert_snapshot!(
        overview["appointments"]["today"],
        @r#"{"by_status":{"cancelled":1,"completed":0,"confirmed":0,"pending":1},"total":2}"#
    );
    assert_eq!(
        (
            &overview["fresh"][0]["site"],
            &overview["fresh"][0]["commit"]
        ),
        (&"hcm-01".into(), &1.into())
    );
    assert_eq!(overview["now"], "2025-11-28T09:30:00+07:00");
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
}

#[tokio::test]
async fn one_site_can_be_asked_for() {
    let bed = Testbed::new().await;
    assert_eq!(
        bed.get("/api/v1/overview?site=hcm-01").await.status,
        StatusCode::OK
    );
    let unknown = bed.get("/api/v1/overview?site=hcm-02").await;
    assert_eq!(
        (unknown.status, code(&unknown).as_str()),
        (StatusCode::NOT_FOUND, "not_found")
    );
    assert_eq!(
        code(&bed.get("/api/v1/overview?site=A").await),
        "bad_request"
    );
}

#[tokio::test]
async fn days_are_of_the_window_or_of_any_range() {
    let bed = Testbed::new().await;
    let days = |answer: Answer| {
        let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        json["days"]
            .as_array()
            .unwrap()
            .iter()
            .map(|day| day["total"].to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(days(bed.get("/api/v1/stats/appointments").await), "0 2 0");
    let range = "/api/v1/stats/appointments?from=2025-11-28&to=2025-12-01";
    assert_eq!(days(bed.get(range).await), "2 0 0 0");
}

#[tokio::test]
async fn ranges_that_cannot_be_are_refused() {
    let bed = Testbed::new().await;
    for (query, expected) in [
        ("from=2025-11-28", "bad_request"),
        ("from=2025-11-28&to=2025-11-27", "bad_request"),
        ("from=28/11/2025&to=2025-11-29", "bad_request"),
        ("from=1990-01-01&to=2025-11-28", "range_too_long"),
    ] {
        let answer = bed
            .get(&format!("/api/v1/stats/appointments?{query}"))
            .await;
        assert_eq!(
            (answer.status, code(&answer).as_str()),
            (StatusCode::BAD_REQUEST, expected)
        );
    }
}

#[tokio::test]
async fn nobody_reads_without_a_token() {
    let bed = Testbed::new().await;
    for path in [
        "/api/v1/overview",
        "/api/v1/stats/appointments",
        "/api/v1/sync",
        "/api/v1/sync/quarantine",
    ] {
        let answer = bed
            .send(Request::get(path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(
            (answer.status, code(&answer).as_str()),
            (StatusCode::UNAUTHORIZED, "unauthorized")
        );
        assert_eq!(answer.header(header::WWW_AUTHENTICATE), "Bearer");
    }
}

#[tokio::test]
async fn a_path_that_is_not_utf8_is_a_problem() {
    let bed = Testbed::new().await;
    for path in [
        "/api/v1/appointments/%C3",
        "/api/v1/customers/%ff/appointments",
        "/api/v1/imports/%C3",
    ] {
        let answer = bed.get(path).await;
        assert_eq!(
            (code(&answer).as_str(), answer.status),
            ("bad_request", StatusCode::BAD_REQUEST),
            "{path}"
        );
    }
}

#[tokio::test]
async fn roles_are_kept_apart() {
    let bed = Testbed::new().await;
    let read = Request::get("/api/v1/overview").header(
        header::AUTHORIZATION,
        format!("Bearer {}", bed.agent.reveal()),
    );
    let answer = bed.send(read.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (answer.status, code(&answer).as_str()),
        (StatusCode::FORBIDDEN, "forbidden")
    );
    let answer = bed
        .send(notify(bed.viewer.reveal(), r#"{"site":"hcm-01","seq":2}"#))
        .await;
    assert_eq!(
        (answer.status, code(&answer).as_str()),
        (StatusCode::FORBIDDEN, "forbidden")
    );
}

#[tokio::test]
async fn news_are_taken() {
    let bed = Testbed::new().await;
    let answer = bed
        .send(notify(bed.agent.reveal(), r#"{"site":"hcm-01","seq":2}"#))
        .await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::ACCEPTED, r#"{"accepted":true}"#)
    );
    let answer = bed
        .send(notify(bed.agent.reveal(), r#"{"site":"Public","seq":2}"#))
        .await;
    assert_eq!(
        (answer.status, code(&answer).as_str()),
        (StatusCode::BAD_REQUEST, "bad_request")
    );
}

#[tokio::test]
async fn an_agent_tells_of_its_own_site_alone() {
    let bed = Testbed::new().await;
    let of_another = notify(bed.agent.reveal(), r#"{"site":"hcm-02","seq":2}"#);
    let answer = bed.send(of_another).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    insta::assert_snapshot!(
        problem["detail"].as_str().unwrap(), @"this token is for site hcm-01, not for hcm-02"
    );
}

#[tokio::test]
async fn a_new_site_is_loaded_as_soon_as_it_tells() {
    let bed = Testbed::new().await;
    let mut site = TestSite::new(bed.app.hub.store(), "new", SHOP).unwrap();
    let put = site.put("item", "b=0of2", &["1,apple"]).await.unwrap();
    put.commit().await.unwrap();
    let named = SiteName::new("new").ok();
    let tokens = Tokens::new(bed.app.hub.store());
    let made = tokens.create("new", Role::Agent, named, now()).await;
    let (agent, _) = made.unwrap();
    let told = notify(agent.reveal(), r#"{"site":"new","seq":1}"#);
    assert_eq!(bed.send(told).await.status, StatusCode::ACCEPTED);
    let report = bed.app.hub.load(&LoadRequest::at(now())).await.unwrap();
    let sites: Vec<&str> = report.sites.iter().map(|of| of.site.as_str()).collect();
    assert_eq!(sites, ["hcm-01", "new"]);
}

#[tokio::test]
async fn sync_says_how_the_sites_stand() {
    let answer = Testbed::new().await.get("/api/v1/sync").await;
    let sync: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let site = &sync["sites"][0];
    let shown = [
        "site",
        "commit",
        "behind",
        "commit_age_seconds",
        "partitions",
        "last_error",
    ];
    let shown: Vec<String> = shown.map(|key| format!("{key} {}", site[key])).into();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    site "hcm-01"
    commit 1
    behind 0
    commit_age_seconds 0
    partitions {"known":1,"loaded":1}
    last_error null
    "#);
}

#[tokio::test]
async fn sync_says_so_where_the_store_does_not_answer() {
    let sync = async |bed: &Testbed| {
        let answer = bed.get("/api/v1/sync").await;
        serde_json::from_str::<serde_json::Value>(&answer.body).unwrap()
    };
    let bed = Testbed::new().await;
    // Somebody has signed in, so that the database has copies of both files.
    bed.cookie().await;
    assert!(sync(&bed).await["store_error"].is_null());
    let away = sync(&bed.without_its_store().await).await;
    assert!(away["store_error"].is_string(), "{away}");
    assert_eq!(away["sites"][0]["commit"], 1, "as the database knows it");
}

#[tokio::test]
async fn other_addresses_and_methods_are_problems_too() {
    let bed = Testbed::new().await;
    let answer = bed.get("/api/v2/overview").await;
    assert_eq!(
        (answer.status, code(&answer).as_str()),
        (StatusCode::NOT_FOUND, "not_found")
    );
    let delete = Request::delete("/api/v1/overview")
        .body(Body::empty())
        .unwrap();
    let answer = bed.send(delete).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(code(&answer), "method_not_allowed");
}

#[tokio::test]
async fn whoever_watches_needs_no_token() {
    let bed = Testbed::new().await;
    let get = async |path: &str| {
        bed.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    };
    assert_eq!(get("/healthz").await.status, StatusCode::OK);
    assert_eq!(get("/readyz").await.body, r#"{"status":"ok"}"#);
    let answer = get("/metrics").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let metrics = bed.get("/metrics").await.body;
    assert!(
        metrics.contains("causeway_site_commit{site=\"hcm-01\"} 1"),
        "{metrics}"
    );
    let counted = "causeway_http_requests_total{route=\"/readyz\",method=\"GET\",status=\"200\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test]
async fn this_machine_s_programs_read_metrics_without_a_token() {
    let bed = Testbed::new().await;
    let get = async |peer: &str, name: &str, value: &str| {
        let peer: SocketAddr = peer.parse().unwrap();
        let request = Request::get("/metrics")
            .header(header::HOST, "localhost:8080")
            .header(name, value)
            .extension(ConnectInfo(peer));
        bed.send(request.body(Body::empty()).unwrap()).await.status
    };
    assert_eq!(get("127.0.0.1:5", "accept", "*/*").await, StatusCode::OK);
    assert_eq!(get("[::1]:5", "accept", "*/*").await, StatusCode::OK);
    for (peer, name, value) in [
        ("192.0.2.1:5", "accept", "*/*"),
        ("127.0.0.1:5", "x-forwarded-for", "192.0.2.1"),
        ("127.0.0.1:5", "forwarded", "for=192.0.2.1"),
    ] {
        let status = get(peer, name, value).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{peer} {name}");
    }
    let rebound = Request::get("/metrics")
        .header(header::HOST, "rebound.example")
        .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 5))));
    let answer = bed.send(rebound.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "a page elsewhere");
}

#[tokio::test]
async fn a_place_is_free_again_in_a_moment() {
    let bed = Testbed::new().await;
    let _all = bed.app.request_slots.acquire_many(256).await.unwrap();
    let answer = bed.get("/api/v1/overview").await;
    assert_eq!(
        (
            answer.status,
            code(&answer).as_str(),
            answer.header(header::RETRY_AFTER)
        ),
        (StatusCode::SERVICE_UNAVAILABLE, "busy", "1")
    );
    assert_eq!(bed.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_does_not_come_takes_no_place() {
    let bed = Testbed::new().await;
    let _others = bed.app.request_slots.acquire_many(255).await.unwrap();
    let never = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, io::Error>>());
    let slow = Request::post("/login").body(never).unwrap();
    let slow = timeout(Duration::from_millis(300), bed.send(slow));
    let meanwhile = async {
        sleep(Duration::from_millis(50)).await;
        bed.get("/api/v1/overview").await.status
    };
    let (slow, meanwhile) = tokio::join!(slow, meanwhile);
    assert_eq!(meanwhile, StatusCode::OK);
    assert!(slow.is_err(), "{slow:?}");
}

#[tokio::test]
async fn a_hub_without_its_database_is_alive_but_not_ready() {
    let bed = Testbed::new().await;
    bed.lose_the_database();
    assert_eq!(bed.get("/healthz").await.status, StatusCode::OK);
    for path in ["/readyz", "/api/v1/overview"] {
        let answer = bed.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(code(&answer), "unavailable", "{path}");
    }
}

#[tokio::test]
async fn without_tokens_only_this_machine_is_answered() {
    let bed = Testbed::with_mode(AuthMode::None).await;
    let get = async |host: &str| {
        let request = Request::get("/api/v1/overview").header(header::HOST, host);
        bed.send(request.body(Body::empty()).unwrap()).await.status
    };
    assert_eq!(get("127.0.0.1:8080").await, StatusCode::OK);
    assert_eq!(get("rebound.example:8080").await, StatusCode::FORBIDDEN);

    let elsewhere = Request::post("/api/v1/sync/notify")
        .header(header::HOST, "127.0.0.1:8080")
        .header(header::CONTENT_TYPE, "application/json")
        .header("sec-fetch-site", "cross-site")
        .body(Body::from(r#"{"site":"hcm-01","seq":2}"#));
    let answer = bed.send(elsewhere.unwrap()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "another site's page");
}

#[tokio::test]
async fn pages_are_kept_to_themselves() {
    let answer = Testbed::new().await.get("/").await;
    assert_eq!(answer.status, StatusCode::OK);
    let policy = answer.header(header::CONTENT_SECURITY_POLICY);
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(!answer.body.contains("style=") && !answer.body.contains("<script>"));
}

#[tokio::test]
async fn refused_rows_are_listed_page_by_page_the_newest_first() {
    let bed = Testbed::new().await;
    let row = |since: i64, reason: &str| RefusedRow {
        since: Timestamp::from_second(since).unwrap(),
        source: "site.db".into(),
        place: "key 7".into(),
        column: Some("date".into()),
        reason: reason.into(),
        row: "7,,".into(),
    };
    for (table, total, listed) in [
        ("appointment", 9, vec![row(30, "c"), row(10, "a")]),
        ("customer", 1, vec![row(20, "b")]),
    ] {
        let key = SiteKey::Quarantine(Name::new(table).unwrap());
        let key = key.of(&SiteName::new("hcm-01").unwrap());
        let csv = RefusedRows { total, listed }.encode().unwrap();
        bed.app.hub.store().put(&key, csv.into()).await.unwrap();
    }
    let path = "/api/v1/sync/quarantine";
    insta::assert_snapshot!(bed.get(&format!("{path}?limit=2")).await.body, @r#"{"items":[{"site":"hcm-01","table":"appointment","since":"1970-01-01T00:00:30Z","source":"site.db","place":"key 7","column":"date","reason":"c","row":"7,,"},{"site":"hcm-01","table":"customer","since":"1970-01-01T00:00:20Z","source":"site.db","place":"key 7","column":"date","reason":"b","row":"7,,"}],"next":2,"total":10,"tables":[{"site":"hcm-01","table":"appointment","total":9,"error":null},{"site":"hcm-01","table":"customer","total":1,"error":null}]}"#);
    let last: serde_json::Value =
        serde_json::from_str(&bed.get(&format!("{path}?limit=2&cursor=2")).await.body).unwrap();
    assert_eq!(
        (&last["items"][0]["reason"], &last["next"]),
        (&"a".into(), &().into())
    );
    let one: serde_json::Value =
        serde_json::from_str(&bed.get(&format!("{path}?table=customer")).await.body).unwrap();
    assert_eq!(
        (&one["total"], one["items"].as_array().unwrap().len()),
        (&1.into(), 1)
    );
    for wrong in ["limit=0", "limit=501", "cursor=x", "site=A"] {
        assert_eq!(
            code(&bed.get(&format!("{path}?{wrong}")).await),
            "bad_request"
        );
    }
    let status: serde_json::Value =
        serde_json::from_str(&bed.get("/api/v1/sync").await.body).unwrap();
    assert_eq!(status["sites"][0]["quarantined"]["appointment"], 9);
}

//! Events that are no requests over HTTP: recorded ones of each kind.

use std::time::{Duration, Instant};

use causeway_tests::lambda::{Function, http_answer, recorded};
use serde_json::{Value, json};

use super::{Ground, ON_AWS, count};
use crate::ground::deploy;

/// How long a token may take to be known that was made a moment ago.
const KNOWN_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_each_kind_are_answered() {
    let ground = Ground::new().await;
    for name in [
        "api_gateway_v1.json",
        "api_gateway_v2.json",
        "function_url.json",
    ] {
        let answer = http_answer(&ground.function.invoke(&recorded(name, &[])).await);
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert_eq!(answer.json()["status"], "ok", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_of_the_store_are_a_reason_to_look() {
    let ground = Ground::new().await;
    for (number, name) in ["s3.json", "event_bridge_s3.json"].into_iter().enumerate() {
        let note = format!("note {number}");
        ground
            .site
            .execute(&format!("UPDATE Customers SET Notes = '{note}'"));
        let pushed = ground.deployment.agent(&["sync"]).expect_code(0).json();
        let looked = ground.function.invoke(&recorded(name, &[])).await;
        assert_eq!(
            looked["sites"][0]["commit"], pushed["commit"],
            "{name}: {looked}"
        );
        let path = "/api/v1/customers/fb-9";
        let customer = ground
            .function
            .http(&ground.token, ("GET", path), Value::Null)
            .await;
        assert_eq!(customer.json()["notes"], json!(note), "{name}");
    }
    let tried = ground.function.invoke(&recorded("s3_test.json", &[])).await;
    assert_eq!(tried, json!({}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_and_an_empty_event_archive() {
    let ground = Ground::new().await;
    let archived = ground
        .function
        .invoke(&recorded("schedule.json", &[]))
        .await;
    assert!(
        archived["tables"]["customer"]["published"].as_u64() > Some(0),
        "{archived}"
    );
    let again = ground.function.invoke(&json!({})).await;
    assert_eq!(again["tables"]["customer"]["published"], 0, "{again}");
    assert_eq!(again["requests"]["put"], 0, "{again}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_answer_as_the_program_does() {
    let ground = Ground::new().await;
    let of = async |command: &str| ground.function.invoke(&json!({ "command": command })).await;
    let of_program = |args: &[&str]| ground.deployment.hub(args).expect_code(0).json();
    let status = of("status").await;
    let keys =
        |report: &Value| -> Vec<String> { report.as_object().unwrap().keys().cloned().collect() };
    let expected = of_program(&["status"]);
    assert_eq!(keys(&status), keys(&expected));
    assert_eq!(status["sites"][0]["commit"], expected["sites"][0]["commit"]);

    assert_eq!(keys(&of("load").await), keys(&of_program(&["load"])));
    assert_eq!(of("flush").await, of_program(&["flush"]));
    let archived = of("archive").await;
    assert_eq!(keys(&archived), keys(&of_program(&["archive", "run"])));
    let vacuumed = of("vacuum").await;
    assert_eq!(keys(&vacuumed), keys(&of_program(&["vacuum"])));
    assert_eq!(vacuumed["sites"][0]["site"], "hcm-01", "{vacuumed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_admins_token_is_made_once() {
    let (deployment, _) = deploy(ON_AWS).await;
    let _ = deployment.hub(&["init"]).expect_code(0);
    let function = Function::start(&deployment, &[]).await;
    let ask = async || function.invoke(&json!({"command": "token"})).await;
    let made = ask().await;
    let token = made["token"].as_str().unwrap();
    assert_eq!(ask().await, json!({ "token": null }));
    // A hub asks the store for tokens that it does not know, once a second at most.
    let began = Instant::now();
    let status = async || {
        let read = function.http(token, ("GET", "/api/v1/sync"), Value::Null);
        read.await.status
    };
    while status().await != 200 {
        assert!(began.elapsed() < KNOWN_WITHIN, "it is not known");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_does_what_a_service_does_by_timers() {
    let ground = Ground::new().await;
    // The site has news, and a program has changed a row of the database.
    ground
        .site
        .execute("UPDATE Customers SET Notes = 'news' WHERE CustomerId = 'fb-2'");
    let pushed = ground.deployment.agent(&["sync"]).expect_code(0).json();
    let database = ground.deployment.database.connect().await;
    let write = "UPDATE hcm_01.customer SET notes = 'cloud' WHERE customerid = 'fb-3'";
    database.batch_execute(write).await.unwrap();

    let tick = ground.function.invoke(&json!({"command": "tick"})).await;
    assert_eq!(tick["flush"]["edits"], 1, "{tick}");
    assert_eq!(
        tick["load"]["sites"][0]["commit"], pushed["commit"],
        "{tick}"
    );
    let waiting = "SELECT count(*) FROM causeway.journal";
    assert_eq!(count(&database, waiting).await, 0);
    let partials = "SELECT count(*) FROM causeway.partial";
    assert!(count(&database, partials).await > 0);

    let idle = ground.function.invoke(&json!({"command": "tick"})).await;
    assert_eq!(idle["load"]["requests"]["put"], 0, "{idle}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_in_the_store_when_it_is_answered() {
    let ground = Ground::new().await;
    let booking = ground.booking("kept");
    let post = ("POST", "/api/v1/appointments");
    let booked = ground.function.http(&ground.token, post, booking).await;
    assert_eq!(booked.status, 201, "{booked:?}");
    assert_eq!(booked.json()["flushed"], true);
    let database = ground.deployment.database.connect().await;
    let waiting = "SELECT count(*) FROM causeway.journal";
    assert_eq!(count(&database, waiting).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_tells_of_a_commit_finds_it_loaded() {
    let ground = Ground::new().await;
    ground.site.execute("UPDATE Customers SET Notes = 'told'");
    let pushed = ground.deployment.agent(&["sync"]).expect_code(0).json();
    let notice = json!({"site": "hcm-01", "seq": pushed["commit"]});
    let notify = ("POST", "/api/v1/sync/notify");
    let told = ground.function.http(&ground.token, notify, notice).await;
    assert_eq!(told.status, 202, "{told:?}");
    let status = ground.function.invoke(&json!({"command": "status"})).await;
    assert_eq!(status["sites"][0]["commit"], pushed["commit"], "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_unknown_is_refused_by_name_and_ends_nothing() {
    let ground = Ground::new().await;
    let refused = async |function: &Function, event: Value| {
        let refused = function.try_invoke(&event).await.unwrap_err();
        assert_eq!(refused["errorType"], "UnknownEvent");
        refused["errorMessage"].as_str().unwrap().to_owned()
    };
    let of_queue = refused(&ground.function, recorded("sqs.json", &[])).await;
    assert!(
        of_queue.starts_with("events of aws:sqs are not taken"),
        "{of_queue}"
    );
    let command = refused(&ground.function, json!({"command": "destroy"})).await;
    assert!(
        command.starts_with("there is no command \"destroy\""),
        "{command}"
    );
    let load = ground.function.invoke(&json!({"command": "load"})).await;
    assert_eq!(load["sites"][0]["site"], "hcm-01");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_has_two_connections_and_keeps_none_in_a_transaction() {
    let ground = Ground::new().await;
    let post = ("POST", "/api/v1/appointments");
    for number in 0..5 {
        let booking = ground.booking(&format!("booking {number}"));
        let booked = ground.function.http(&ground.token, post, booking).await;
        assert_eq!(booked.status, 201, "{booked:?}");
        ground.function.invoke(&json!({"command": "tick"})).await;
    }
    let database = ground.deployment.database.connect().await;
    let connections = "SELECT count(*), count(*) FILTER (WHERE state <> 'idle') FROM pg_stat_activity \
        WHERE application_name = 'causeway-hub' AND datname = current_database()";
    let row = database.query_one(connections, &[]).await.unwrap();
    let (all, busy): (i64, i64) = (row.get(0), row.get(1));
    assert!((1..=3).contains(&all) && busy == 0, "{all}, {busy} busy");
}

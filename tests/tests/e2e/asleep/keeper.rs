//! What is asked of AWS: by the keeper for hubs that do not reach it, and by commands that do.

use causeway_tests::aws::{FUNCTION, RULE};
use causeway_tests::{DatabaseKind, StoreKind};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::Ground;
use crate::ground::deploy;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keeper_does_what_hubs_wish_for_once() {
    let ground = Ground::new("wake = true\n[aws]\nkeeper = true\n").await;
    let service = ground.serve(&[("CAUSEWAY_REFRESH__EVERY", "1s")]).await;
    let keeper = async || {
        let program = ground
            .deployment
            .hub_program(&["keeper"])
            .envs(ground.aws.env());
        let program = program.envs([("CAUSEWAY_KEEPER", "1")]);
        let kept = tokio::task::spawn_blocking(|| program.run()).await.unwrap();
        let _ = kept.expect_code(0);
        ground.aws.calls()
    };
    let nothing: [&str; 0] = [];
    assert_eq!(keeper().await, nothing);

    let on = Some(json!({"enabled": true}));
    let path = "/api/v1/archive/schedule";
    let switched = ground.ask(&service, Method::PUT, path, on).await;
    assert!(
        switched.body.contains(r#""enabled":true"#),
        "{}",
        switched.body
    );
    assert_eq!(keeper().await, ["EnableRule"]);
    assert_eq!(keeper().await, nothing);
    let asked = ground
        .ask(&service, Method::POST, "/api/v1/archive/run", None)
        .await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    assert_eq!(keeper().await, [r#"Invoke Event {"command":"archive"}"#]);
    assert_eq!(keeper().await, nothing);

    let asleep = ground
        .ask(&service, Method::POST, "/api/v1/database/sleep", None)
        .await;
    assert!(
        asleep.body.contains(r#""database":"asleep""#),
        "{}",
        asleep.body
    );
    assert_eq!(keeper().await, ["StopDBInstance"]);
    ground.until_instance("stopped").await;
    assert_eq!(keeper().await, nothing);
    // As RDS does after seven days.
    ground.aws.start_instance().await;
    let read = ground.get(&service, "/api/v1/overview").await;
    assert!(read.status.is_success() && read.asleep);
    assert_eq!(keeper().await, ["StopDBInstance"]);
    ground.until_instance("stopped").await;

    // Whoever wants to change something wakes it.
    let refused = ground.note(&service, "wake up").await;
    assert!(refused.body.contains("database_asleep"), "{}", refused.body);
    assert_eq!(keeper().await, ["StartDBInstance"]);
    ground.until_instance("available").await;
    ground
        .until(&service, "/api/v1/overview", |answer| !answer.asleep)
        .await;
    let noted = ground.note(&service, "woken").await;
    assert_eq!(noted.status, StatusCode::OK, "{}", noted.body);
    assert_eq!(keeper().await, nothing);

    // Somebody stops it at the console, and it is missed.
    ground.aws.stop_instance().await;
    let path = "/api/v1/database/wake";
    let asked = ground.ask(&service, Method::POST, path, None).await;
    assert!(
        asked.body.contains(r#""database":"waking""#),
        "{}",
        asked.body
    );
    assert_eq!(keeper().await, ["StartDBInstance"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keeper_that_does_not_find_the_instance_sees_to_the_archive_once() {
    let ground = Ground::new("[aws]\nkeeper = true\n").await;
    let _ = ground
        .deployment
        .hub_program(&["archive", "enable"])
        .run()
        .expect_code(0);
    let keeper = async || {
        let program = ground
            .deployment
            .hub_program(&["keeper"])
            .envs(ground.aws.env())
            .envs([("CAUSEWAY_KEEPER", "1"), ("CAUSEWAY_AWS__INSTANCE", "gone")]);
        let kept = tokio::task::spawn_blocking(|| program.run()).await.unwrap();
        let said = kept.expect_code(1).json();
        assert!(
            said["error"]
                .as_str()
                .unwrap()
                .contains("DBInstanceNotFound")
        );
        ground.aws.calls()
    };
    assert_eq!(keeper().await, ["EnableRule"]);
    assert_eq!(keeper().await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_keeper_without_a_region_says_what_to_set() {
    let (deployment, _site) = deploy((StoreKind::Folder, DatabaseKind::Sqlite)).await;
    let keeper = deployment.hub_program(&["keeper"]).env_remove("AWS_REGION");
    let keeper = keeper.envs([("CAUSEWAY_AWS__INSTANCE", "hub")]);
    let kept = tokio::task::spawn_blocking(|| keeper.run()).await.unwrap();
    let kept = kept.expect_code(2);
    assert_eq!(
        kept.json()["error"],
        "AWS cannot be asked: no region is known; set aws.region in hub.toml, or AWS_REGION"
    );
    assert!(!kept.stderr.contains("IMDS"), "{kept}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rule_is_the_archives_switch_and_the_function_publishes() {
    let ground = Ground::new("").await;
    let enabled = async || {
        let status = ground
            .hub(&["archive", "status"])
            .await
            .expect_code(0)
            .json();
        status["enabled"].clone()
    };
    assert_eq!(enabled().await, json!(false), "{RULE} is off");
    let _ = ground.hub(&["archive", "enable"]).await.expect_code(0);
    assert_eq!(
        (ground.aws.calls(), enabled().await),
        (vec!["EnableRule".to_owned()], json!(true))
    );
    let _ = ground.hub(&["archive", "disable"]).await.expect_code(0);
    assert_eq!(
        (ground.aws.calls(), enabled().await),
        (vec!["DisableRule".to_owned()], json!(false))
    );

    ground.aws.answer_of_function(r#"{"tables":{}}"#, false);
    let ran = ground.hub(&["archive", "run"]).await.expect_code(0).json();
    assert_eq!(ran, json!({"tables": {}}));
    assert_eq!(
        ground.aws.calls(),
        [r#"Invoke RequestResponse {"command":"archive"}"#]
    );
    ground
        .aws
        .answer_of_function(r#"{"errorMessage":"no room"}"#, true);
    let failed = ground.hub(&["archive", "run"]).await.expect_code(1).json();
    let said = failed["error"].as_str().unwrap();
    assert!(
        said.starts_with(&format!("the function {FUNCTION} failed (Unhandled): ")),
        "{said}"
    );
}

//! What lies in `config/aws`: templates and scripts against a stand-in for AWS, and the agent's policy against what it sends.

use std::fs;

use causeway_shared::ids::{Md5, Seq, SiteName};
use causeway_shared::layout::{LogKey, SiteKey, WhichLog};
use causeway_tests::gateway::{Asked, Fate, Gateway};
use causeway_tests::python::{self, pytest};
use causeway_tests::{Finished, StoreKind};
use serde_json::{Value, json};

use crate::small::SmallSite;

#[test]
fn templates_are_as_they_have_to_be() {
    pytest("aws/test_templates.py");
}

#[test]
fn a_deployment_is_made_left_alone_changed_and_taken_down() {
    pytest("aws/test_deploy.py");
}

#[test]
fn an_agent_may_not_do_what_is_not_its_own() {
    pytest("aws/test_policies.py");
}

/// A site whose agent's requests are written down.
struct Watched {
    site: SmallSite,
    gateway: Gateway,
}

impl Watched {
    async fn new() -> Self {
        let site = SmallSite::new(StoreKind::S3).await;
        let upstream = &site.deployment.store.config().endpoint;
        let gateway = Gateway::start(upstream, |_: &Asked| Fate::Pass).await;
        Self { site, gateway }
    }

    fn agent(&self, args: &[&str]) -> Finished {
        let endpoint = self.gateway.endpoint();
        let keep = ("CAUSEWAY_RETENTION__KEEP", "0s");
        let program = self.site.deployment.agent_program(args);
        program
            .envs([("CAUSEWAY_STORE__ENDPOINT", endpoint.as_str()), keep])
            .run()
    }

    /// Two changes a day, of which each other is the first one again.
    fn month(&self) {
        for day in 0..31 {
            self.site.change();
            let _ = self.agent(&["sync"]).expect_code(0);
            self.site
                .execute("UPDATE Appointment SET Description = '1' WHERE AppointmentId = 1");
            let synced = self.agent(&["sync"]).expect_code(0);
            assert_ne!(synced.json()["commit"], Value::Null, "day {day}");
        }
    }

    fn requests(&self) -> Vec<Value> {
        let asked = self.gateway.asked().into_iter();
        asked
            .map(|asked| json!([asked.method, asked.path, asked.create_only]))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agents_policy_allows_a_month_of_its_life_and_no_more() {
    let watched = Watched::new().await;
    let Watched { site, .. } = &watched;
    let _ = watched.agent(&["store", "check"]).expect_code(0);
    let _ = watched.agent(&["migrate"]).expect_code(0);
    watched.month();
    site.execute("UPDATE Appointment SET Time = 'soon' WHERE AppointmentId = 2");
    let _ = watched.agent(&["sync"]).expect_code(3);
    site.execute("UPDATE Appointment SET Time = '10:00' WHERE AppointmentId = 2");
    let _ = watched.agent(&["sync"]).expect_code(0);
    for command in ["plan", "status", "quarantine"] {
        let _ = watched.agent(&[command]).expect_code(0);
    }
    let _ = watched.agent(&["verify", "--repair"]).expect_code(0);
    // Another machine goes on, without what the first one knew.
    fs::remove_dir_all(site.deployment.path("state")).unwrap();
    site.change();
    let _ = watched.agent(&["sync", "--take-over"]).expect_code(0);
    let month = watched.requests();

    // What a vacuum of later years meets: checkpoints and a dataset that nobody needs.
    let store = site.deployment.store.open().await;
    let name = SiteName::new("hcm-01").unwrap();
    let checkpoint = |n| SiteKey::Log(WhichLog::Agent, LogKey::Checkpoint(Seq(n)));
    for old in [
        checkpoint(1),
        checkpoint(2),
        SiteKey::Dataset(Md5::of(b"old")),
    ] {
        let _ = store
            .put(&old.of(&name), b"old".to_vec().into())
            .await
            .unwrap();
    }
    let vacuumed = watched.agent(&["vacuum"]).expect_code(0).json();
    assert!(vacuumed["objects"].as_u64() > Some(30), "{vacuumed}");
    let vacuum = watched.requests().split_off(month.len());

    let url = &site.deployment.store.config().url;
    let (bucket, prefix) = url.strip_prefix("s3://").unwrap().split_once('/').unwrap();
    let told = json!({
        "bucket": bucket,
        "prefix": format!("{prefix}/"),
        "site": "hcm-01",
        "agent": month,
        "vacuum": vacuum,
    });
    python::run("aws/replay.py", &told.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(
    clippy::disallowed_methods,
    reason = "the test bed's keys are in the environment"
)]
async fn an_agent_takes_credentials_from_a_program() {
    let site = SmallSite::new(StoreKind::S3).await;
    let deployment = &site.deployment;
    let [key, secret] =
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| std::env::var(name).unwrap());
    let given = json!({ "Version": 1, "AccessKeyId": key, "SecretAccessKey": secret });
    fs::write(deployment.path("given.json"), given.to_string()).unwrap();
    let given = deployment.path("given.json").display().to_string();
    fs::write(
        deployment.path("aws"),
        format!("[default]\ncredential_process = cat {given}\n"),
    )
    .unwrap();

    let config = deployment.path("aws").display().to_string();
    let agent = deployment.agent_program(&["migrate"]).envs([
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_CONFIG_FILE", config.as_str()),
    ]);
    let _ = agent.run().expect_code(0);
    assert_eq!(site.commits().await, 1);
}

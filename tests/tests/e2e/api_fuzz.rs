//! A running hub against the document of its API.

use std::time::Duration;
use std::{env, fs};

use causeway_tests::deployment::PAIRS;
use causeway_tests::schemathesis::{assert_answers_conform, assert_examples_conform};
use causeway_tests::{DatabaseKind, StoreKind};

use crate::booking::serve;
use crate::ground::deploy;

/// How long a hub is asked, unless `CAUSEWAY_FUZZ_SECONDS` says otherwise.
const SECONDS: u64 = 60;

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says it")]
fn lasting() -> Duration {
    let seconds = env::var("CAUSEWAY_FUZZ_SECONDS").ok();
    let seconds = seconds.map_or(SECONDS, |seconds| seconds.parse().unwrap());
    Duration::from_secs(seconds)
}

async fn assert_conforms(pair: (StoreKind, DatabaseKind)) {
    let (deployment, site) = deploy(pair).await;
    deployment.migrate_and_load();
    let token = deployment.token("admin", &[]);
    let service = serve(&deployment, &token).await;
    let (url, appointment) = (service.url.clone(), site.first_appointment(1));
    let asked = move || assert_answers_conform(&url, &token, appointment, lasting());
    tokio::task::spawn_blocking(asked).await.unwrap();
    let _ = service.running.terminate().expect_code(0);
}

#[tokio::test]
async fn answers_are_as_the_document_says_on_sqlite() {
    assert_conforms(PAIRS[0]).await;
}

#[tokio::test]
async fn answers_are_as_the_document_says_on_postgres() {
    assert_conforms(PAIRS[1]).await;
}

#[test]
fn examples_are_as_the_document_says() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    assert_examples_conform(&fs::read_to_string(file).unwrap());
}

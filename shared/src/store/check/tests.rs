#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use insta::assert_snapshot;

use super::*;
use crate::store::breaking::{BreakingStore, Flaw};
use crate::store::failing::{FailingStore, Fault};
use crate::store::memory::MemoryStore;

const PREFIX: &str = "sites/here/check/";

fn memory() -> Store {
    Arc::new(MemoryStore::new())
}

async fn keys(store: &Store) -> Vec<String> {
    let objects = list_all(&**store, "", None).await.unwrap();
    objects.into_iter().map(|object| object.key).collect()
}

/// What is said of a store with a flaw; what it wrote is gone afterwards.
async fn refusal(flaw: Flaw) -> String {
    let inner = memory();
    let store: Store = Arc::new(BreakingStore::new(Arc::clone(&inner), flaw));
    let refused = require(&store, PREFIX).await.unwrap_err().to_string();
    if flaw != Flaw::KeepsRemoved {
        assert_eq!(keys(&inner).await, [""; 0], "{flaw:?}");
    }
    let problems = refused.strip_prefix("memory: does not keep what Causeway relies on: ");
    let (problems, remedy) = problems.unwrap().split_once(". ").unwrap();
    assert_eq!(
        remedy,
        "Commits would be lost on it without an error; use another store, or a newer version of \
         its server"
    );
    problems.to_owned()
}

#[tokio::test]
async fn a_store_that_keeps_its_promises_is_taken_and_left_as_it_was() {
    let store = memory();
    store.put("sites/here/latest.json", vec![1].into()).await.unwrap();
    let report = require(&store, PREFIX).await.unwrap();
    assert_eq!(keys(&store).await, ["sites/here/latest.json"]);
    let counts = report.requests;
    assert_eq!((counts.put, counts.get, counts.list), (38, 6, 2));
    assert_snapshot!(report.text().replace(&format!("{:.1} s", report.seconds), "0 s"), @"");
}

#[tokio::test]
async fn each_broken_promise_is_named() {
    assert_snapshot!(refusal(Flaw::CreatesRace).await, @"");
    assert_snapshot!(refusal(Flaw::CreatesOverwrite).await, @"");
    assert_snapshot!(refusal(Flaw::ReplacesAnyVersion).await, @"");
    assert_snapshot!(refusal(Flaw::ReplacesNothing).await, @"");
    assert_snapshot!(refusal(Flaw::ReplacesNever).await, @"");
    assert_snapshot!(refusal(Flaw::NoConditions).await, @"");
    assert_snapshot!(refusal(Flaw::LosesWrites).await, @"");
    assert_snapshot!(refusal(Flaw::ReadsOldBodies).await, @"");
    let random = |text: String| text.split('/').map(|part| if part.len() == 32 { "…" } else { part }.to_owned()).collect::<Vec<_>>().join("/");
    assert_snapshot!(random(refusal(Flaw::ListsNothing).await), @"");
    assert_snapshot!(random(refusal(Flaw::KeepsRemoved).await), @"");
}

#[tokio::test]
async fn a_check_that_was_stopped_is_cleaned_up_by_the_next() {
    for step in 1.. {
        let inner = memory();
        let failing = Arc::new(FailingStore::new(Arc::clone(&inner), [Fault::StopAt(step)]));
        let store: Store = Arc::clone(&failing) as Store;
        let stopped = check(&store, PREFIX).await;
        if failing.failures() == 0 {
            assert!(stopped.unwrap().kept && step > 40, "{step}");
            return;
        }
        assert!(stopped.unwrap_err().is_transient(), "step {step}");
        assert!(check(&inner, PREFIX).await.unwrap().kept, "step {step}");
        assert_eq!(keys(&inner).await, [""; 0], "step {step}");
    }
}

#[tokio::test]
async fn checks_at_once_disturb_no_verdict() {
    let slow = || {
        let store = memory();
        Arc::new(FailingStore::new(store, [])) as Store
    };
    let store = slow();
    let (one, other) = tokio::join!(check(&store, PREFIX), check(&store, PREFIX));
    assert!(one.unwrap().kept && other.unwrap().kept);
    assert_eq!(keys(&store).await, [""; 0]);
}

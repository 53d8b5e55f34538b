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
    store
        .put("sites/here/latest.json", vec![1].into())
        .await
        .unwrap();
    let report = require(&store, PREFIX).await.unwrap();
    assert_eq!(keys(&store).await, ["sites/here/latest.json"]);
    let counts = report.requests;
    assert_eq!((counts.put, counts.get, counts.list), (38, 7, 2));
    assert_snapshot!(report.text().replace(&format!("{:.1} s", report.seconds), "0 s"), @r"
    memory: keeps what Causeway relies on (53 requests, 0 s)
      kept    what was written must be read back
      kept    a replacement of the present version must be taken (If-Match)
      kept    a replacement of another version must be refused (If-Match)
      kept    of 32 creates of one key at once one must win (If-None-Match: *)
      kept    a create over an existing key must be refused (If-None-Match: *)
      kept    what was written must be listed
      kept    what was removed must be gone
    ");
}

#[tokio::test]
async fn each_broken_promise_is_named() {
    assert_snapshot!(refusal(Flaw::CreatesRace).await, @"of 32 creates of one key at once one must win (If-None-Match: *): 32 won");
    assert_snapshot!(refusal(Flaw::CreatesOverwrite).await, @"of 32 creates of one key at once one must win (If-None-Match: *): 32 won; a create over an existing key must be refused (If-None-Match: *): it was taken");
    assert_snapshot!(refusal(Flaw::ReplacesAnyVersion).await, @"a replacement of another version must be refused (If-Match): it was taken");
    assert_snapshot!(refusal(Flaw::ReplacesNothing).await, @"a replacement of another version must be refused (If-Match): it was taken for a key that is not there");
    assert_snapshot!(refusal(Flaw::ReplacesNever).await, @"a replacement of the present version must be taken (If-Match): it was refused");
    assert_snapshot!(refusal(Flaw::NoConditions).await, @"a replacement of the present version must be taken (If-Match): 501 NotImplemented; a replacement of another version must be refused (If-Match): 501 NotImplemented; of 32 creates of one key at once one must win (If-None-Match: *): 501 NotImplemented");
    assert_snapshot!(refusal(Flaw::LosesWrites).await, @"what was written must be read back: nothing is there; a replacement of the present version must be taken (If-Match): it was refused; a replacement of another version must be refused (If-Match): it was refused, and yet nothing is there; of 32 creates of one key at once one must win (If-None-Match: *): 32 won; what was written must be listed: it is not");
    assert_snapshot!(refusal(Flaw::ReadsOldBodies).await, @r#"what was written must be read back: "first" is there, and "second" was written; a replacement of another version must be refused (If-Match): it was refused, and yet "first" is there, and "second" was written; what was removed must be gone: it is still there"#);
    assert_snapshot!(refusal(Flaw::ListsNothing).await, @"what was written must be listed: it is not");
    assert_snapshot!(refusal(Flaw::KeepsRemoved).await, @"what was removed must be gone: it is still there");
}

#[tokio::test]
async fn a_writer_that_may_remove_nothing_may_still_write() {
    let inner = memory();
    let flaw = Flaw::RefusesRemovals;
    let store: Store = Arc::new(BreakingStore::new(Arc::clone(&inner), flaw));
    let report = require(&store, PREFIX).await.unwrap();
    let tried = report.promises.iter().map(|tried| tried.promise);
    assert!(!tried.collect::<Vec<_>>().contains(&Promise::Removed));
    assert_eq!(keys(&inner).await.len(), 3, "what it wrote stays");
    // The next check removes that, and nothing else that lies there.
    let others = format!("{PREFIX}mine");
    inner.put(&others, vec![1].into()).await.unwrap();
    assert!(require(&inner, PREFIX).await.unwrap().kept);
    assert_eq!(keys(&inner).await, [others]);
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
        assert!(stopped.unwrap_err().is_retryable(), "step {step}");
        assert!(check(&inner, PREFIX).await.unwrap().kept, "step {step}");
        assert_eq!(keys(&inner).await, [""; 0], "step {step}");
    }
}

#[tokio::test]
async fn checks_at_once_disturb_no_verdict() {
    // Its answers take a while, in which the other check goes on.
    let store: Store = Arc::new(FailingStore::new(memory(), []));
    let checks = (0..4).map(|_| check(&store, PREFIX));
    for report in futures_util::future::join_all(checks).await {
        assert!(report.as_ref().unwrap().kept, "{}", report.unwrap().text());
    }
    assert_eq!(keys(&store).await, [""; 0]);
}

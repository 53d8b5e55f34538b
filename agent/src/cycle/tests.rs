//! Whole cycles against a store in memory: kills at every step, lost and copied states, second
//! machines.

mod guards;
mod session;

use std::fs;

use causeway_shared::ids::{Name, Seq, SiteName};
use causeway_shared::store::breaking::{BreakingStore, Flaw};
use causeway_shared::store::failing::{FailingStore, Fault};
use causeway_shared::store::{Store, list_all};

use super::migrate::migrate;
use super::preview::{PlanReport, preview};
use super::report::PartitionCounts;
use super::sync::sync;
use super::*;
use crate::error::Exit;
use crate::progress::Silent;
use crate::push::store_check::check_store;
use crate::state::StateError;
use crate::status::{quarantine, status};
use crate::testing::{Site, copy};
use crate::verify::verify;

#[tokio::test]
async fn the_first_cycle_sends_everything_and_the_second_nothing() {
    let site = Site::new();
    let first = site.sync().await;
    assert_eq!((first.commit, first.epoch), (Some(Seq(1)), 1));
    assert_eq!(
        first.partitions,
        PartitionCounts {
            scanned: 13,
            changed: 13,
            removed: 0
        }
    );
    // 13 objects, the dataset, the commit; before them a look for a log that is not there, and what
    // the store is tried with.
    assert_eq!(first.requests.put, 15 + 38);
    let second = site.sync().await;
    assert_eq!((second.commit, second.requests.total()), (None, 0));
    site.assert_converged().await;
}

#[tokio::test]
async fn a_store_that_would_lose_commits_is_not_written_to() {
    let site = Site::small();
    let flawed = BreakingStore::new(Arc::clone(&site.store), Flaw::CreatesOverwrite);
    let flawed = site.agent_on("one", Arc::new(flawed));
    let refused = sync(&flawed, SyncOptions::default()).await.unwrap_err();
    assert_eq!(
        (refused.exit(), refused.is_retryable()),
        (Exit::Look, false)
    );
    insta::assert_snapshot!(refused, @"site a: memory: does not keep what Causeway relies on: of 32 creates of one key at once one must win (If-None-Match: *): 32 won; a create over an existing key must be refused (If-None-Match: *): it was taken. Commits would be lost on it without an error; use another store, or a newer version of its server");
    assert_eq!(list_all(&*site.store, "", None).await.unwrap(), []);
    assert!(verify(&flawed, true, Arc::new(Silent)).await.is_err());
    // The same state goes on where the store is mended, and tries it once.
    assert_eq!(site.sync().await.requests.put, 4 + 2 + 38);
    site.write_appointments(0..30, "confirmed");
    assert_eq!(site.sync().await.requests.put, 2);
    // A check that was asked for leaves nothing either.
    let keys = list_all(&*site.store, "", None).await.unwrap().len();
    assert!(check_store(&site.agent()).await.unwrap().kept);
    assert_eq!(list_all(&*site.store, "", None).await.unwrap().len(), keys);
}

#[tokio::test]
async fn a_list_of_refused_rows_is_not_the_first_thing_a_bad_store_gets() {
    let site = Site::small();
    site.write(
        "consultant",
        "consultantid,fullname,email,joindate\nx,An,an@x,2020-01-01\n",
    );
    site.write(
        "appointment",
        "appointmentid,customerid,date,time,duration,status,createdat\n",
    );
    let flawed = BreakingStore::new(Arc::clone(&site.store), Flaw::ReplacesAnyVersion);
    let agent = site.agent_on("one", Arc::new(flawed));
    let report = sync(&agent, SyncOptions::default()).await.unwrap();
    assert_eq!((report.commit, report.in_quarantine), (None, 1));
    assert_eq!(list_all(&*site.store, "", None).await.unwrap(), []);
}

#[tokio::test]
async fn one_row_costs_its_object_and_a_commit() {
    let site = Site::new();
    site.sync().await;
    site.write_appointments(0..120, "confirmed");
    let report = site.sync().await;
    assert_eq!(report.commit, Some(Seq(2)));
    assert_eq!((report.requests.put, report.requests.total()), (2, 2));
    assert_eq!(report.partitions.changed, 1);
    site.assert_converged().await;
}

#[tokio::test]
async fn an_emptied_date_is_removed() {
    let site = Site::new();
    site.sync().await;
    site.write_appointments(0..110, "pending");
    let report = site.sync().await;
    assert_eq!(
        (report.partitions.changed, report.partitions.removed),
        (0, 1)
    );
    assert_eq!(report.requests.total(), 1);
    site.assert_converged().await;
}

#[tokio::test]
async fn as_many_objects_are_sent_at_once_as_the_configuration_says() {
    for concurrency in [1, 3] {
        let site = Site::new();
        let store = FailingStore::new(Arc::clone(&site.store), []).leave_out("/check/");
        let store = Arc::new(store);
        let mut config = site.config("one", "state-one");
        config.upload.concurrency = concurrency;
        let agent = Agent::with_store(config, Arc::clone(&store) as Store).unwrap();
        let sent = sync(&agent, SyncOptions::default()).await.unwrap();
        assert_eq!(sent.partitions.changed, 13);
        assert_eq!(store.most_in_flight(), concurrency as u64);
    }
}

/// Runs a cycle that is killed at its `step`-th request in each way, then cycles that are not;
/// false when the cycle was over before.
async fn killed_at(step: u64, fault: fn(u64) -> Fault, change: bool) -> bool {
    let site = Site::small();
    if change {
        site.sync().await;
        site.write_appointments(5..33, "confirmed");
    }
    site.refuse_a_consultant();
    // The requests of the store's check are failed in its own tests.
    let failing = FailingStore::new(Arc::clone(&site.store), [fault(step)]).leave_out("/check/");
    let failing = Arc::new(failing);
    let killed = site.agent_on("one", Arc::clone(&failing) as Store);
    let _ = sync(&killed, SyncOptions::default()).await;
    let reached = failing.calls() >= step;
    // The sources go on meanwhile in one case of two.
    if step.is_multiple_of(2) {
        site.write_appointments(3..31, "completed");
    }
    site.sync().await;
    site.assert_converged().await;
    let settled = site.sync().await;
    assert_eq!(
        (settled.commit, settled.requests.total()),
        (None, 0),
        "step {step}"
    );
    reached
}

#[tokio::test]
async fn killed_at_any_request_it_converges() {
    let faults: [fn(u64) -> Fault; 4] = [
        Fault::StopAt,
        Fault::StopAfter,
        Fault::LoseAnswerAt,
        Fault::UnavailableAt,
    ];
    for fault in faults {
        for change in [false, true] {
            let mut step = 1;
            while killed_at(step, fault, change).await {
                step += 1;
            }
            assert!(step > 3, "the cycle has requests to be killed at");
        }
    }
}

#[tokio::test]
async fn a_killed_first_cycle_sends_nothing_twice() {
    let site = Site::new();
    // Two reads find the empty log; the tenth object is the last that arrives.
    let failing = FailingStore::new(Arc::clone(&site.store), [Fault::StopAt(14)]);
    let failing = failing.leave_out("/check/");
    let killed = site.agent_on("one", Arc::new(failing));
    sync(&killed, SyncOptions::default()).await.unwrap_err();
    let there = list_all(&*site.store, "", None).await.unwrap().len() as u64;
    assert!(there > 5, "{there} objects arrived");
    let report = site.sync().await;
    assert_eq!(report.requests.put, 13 - there + 2);
    assert_eq!(report.requests.head, 0);
}

#[tokio::test]
async fn a_lost_commit_answer_is_adopted() {
    let site = Site::new();
    let failing = FailingStore::new(Arc::clone(&site.store), [Fault::LoseFirstWriteOf("/log/")]);
    let report = sync(
        &site.agent_on("one", Arc::new(failing)),
        SyncOptions::default(),
    )
    .await
    .unwrap();
    assert_eq!(report.commit, Some(Seq(1)));
    assert_eq!(site.log().await, (Seq(1), 1, 13));
}

#[tokio::test]
async fn every_64th_commit_has_a_checkpoint() {
    let site = Site::new();
    for round in 0..64 {
        let text = format!("consultantid,fullname,email,joindate\n1,An{round},a@x,2020-01-01\n");
        site.write("consultant", &text);
        site.sync().await;
    }
    let keys = list_all(&*site.store, "sites/a/checkpoint/", None)
        .await
        .unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(site.log().await, (Seq(64), 1, 13));
}

#[tokio::test]
async fn another_dataset_is_announced_by_a_commit() {
    let site = Site::new();
    site.sync().await;
    let mut config = site.config("one", "state-one");
    let json = config
        .dataset
        .canonical_json()
        .replace("\"version\":1", "\"version\":2");
    config.dataset = causeway_shared::dataset::Dataset::from_json(json.as_bytes()).unwrap();
    let agent = Agent::with_store(config, Arc::clone(&site.store)).unwrap();
    let planned = preview(&agent, Arc::new(Silent)).await.unwrap();
    assert_eq!((planned.changes.len(), planned.dataset_changed), (0, true));
    let report = sync(&agent, SyncOptions::default()).await.unwrap();
    assert_eq!(
        (report.commit, report.requests.put),
        (Some(Seq(2)), 2),
        "dataset and commit"
    );
}

#[tokio::test]
async fn a_cycle_can_run_on_any_thread() {
    let agent = Site::new().agent();
    let cycle = tokio::spawn(async move { sync(&agent, SyncOptions::default()).await });
    assert!(cycle.await.unwrap().is_ok());
}

#[tokio::test]
async fn two_processes_do_not_work_on_one_state() {
    let site = Site::new();
    let agent = site.agent();
    let _lock = agent.lock().unwrap();
    let error = sync(&agent, SyncOptions::default()).await.unwrap_err();
    assert!(
        matches!(error, AgentError::State(StateError::Locked { .. })),
        "{error}"
    );
}

/// A consultant whose row has a comma in it, and no whole number for a key.
const ODD: &str = "consultantid,fullname,email,joindate\n1,An,an@x,2020-01-01\nx,\"Bo, \"\"B\"\"\",b@x,2020-01-01\ny,C,,2020-01-01\n";

#[tokio::test]
async fn a_plan_says_what_would_be_refused_and_ends_as_its_cycle_would() {
    let site = Site::small();
    site.write("consultant", ODD);
    let planned = preview(&site.agent(), Arc::new(Silent)).await.unwrap();
    assert_eq!((planned.was_quarantined, planned.quarantined), (0, 2));
    let consultant = &planned.tables[&Name::new("consultant").unwrap()];
    assert_eq!(
        (consultant.rows, consultant.refused, consultant.new),
        (1, 2, 1)
    );
    insta::assert_snapshot!(consultant.reasons[0].reason, @r#""x" is not a value of type int"#);
    assert_eq!(
        (consultant.reasons[0].rows, planned.exit()),
        (2, Exit::Look)
    );

    assert_eq!(site.sync().await.exit(), Exit::Look);
    let again = site.sync().await;
    assert_eq!((again.in_quarantine, again.exit()), (2, Exit::Done));
    let planned = preview(&site.agent(), Arc::new(Silent)).await.unwrap();
    assert_eq!((planned.quarantined, planned.exit()), (2, Exit::Done));
    // It goes on to say so until somebody has mended it.
    assert_eq!(status(&site.agent()).await.unwrap().exit(), Exit::Look);
}

#[tokio::test]
async fn a_plan_lists_the_refused_rows_of_tables_that_it_does_not_scan() {
    let site = Site::small();
    site.refuse_a_consultant();
    let planned = preview(&site.agent(), Arc::new(Silent)).await.unwrap();
    site.sync().await;
    for moves in [false, true] {
        if moves {
            site.write_appointments(0..30, "confirmed");
        }
        let again = preview(&site.agent(), Arc::new(Silent)).await.unwrap();
        assert_eq!((again.changes.len(), again.quarantined), (moves.into(), 1));
        let consultant = |planned: &PlanReport| {
            let table = planned.tables[&Name::new("consultant").unwrap()].clone();
            (table.partitions, table.rows, table.refused, table.reasons)
        };
        assert_eq!(consultant(&again), consultant(&planned));
    }
}

#[tokio::test]
async fn a_plan_names_the_references_that_its_cycle_warns_of() {
    let site = Site::small();
    let of = |consultant| {
        let header = "appointmentid,customerid,consultantid,date,time";
        site.write(
            "appointment",
            &format!("{header}\n1,fb-1,{consultant},2025-01-01,09:00\n"),
        );
    };
    of(7);
    let planned = preview(&site.agent(), Arc::new(Silent)).await.unwrap();
    let told: Vec<String> = planned.dangling.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["1 row of appointment whose consultantid is not in consultant: 7"]
    );
    assert_eq!(site.sync().await.dangling, planned.dangling);
    // Also where nothing is to be done.
    let again = preview(&site.agent(), Arc::new(Silent)).await.unwrap();
    assert_eq!((again.changes.len(), again.dangling), (0, planned.dangling));
}

#[tokio::test]
async fn a_refused_row_is_listed_as_csv() {
    let site = Site::small();
    site.write("consultant", ODD);
    site.sync().await;
    let listed = quarantine(&site.config("one", "state-one")).unwrap().rows;
    let rows: Vec<&str> = listed.iter().map(|row| row.refused.row.as_str()).collect();
    insta::assert_snapshot!(rows.join("\n"), @r#"
    x,"Bo, ""B""",b@x,,,,,2020-01-01,,
    y,C,,,,,,2020-01-01,,
    "#);
}

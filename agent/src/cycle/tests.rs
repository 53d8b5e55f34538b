//! Whole cycles against a store in memory: kills at every step, lost and copied states, second
//! machines.

use std::fs;

use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::store::failing::{FailingStore, Fault};
use causeway_shared::store::{Store, list_all};

use super::*;
use crate::error::Exit;
use crate::progress::Silent;
use crate::testing::{Site, copy};

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
    // 13 objects, the dataset, the commit; before them a look for a log that is not there.
    assert_eq!(first.requests.put, 15);
    let second = site.sync().await;
    assert_eq!((second.commit, second.requests.total()), (None, 0));
    site.assert_converged().await;
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
async fn a_shrunken_table_is_held_until_a_person_accepts_it() {
    let site = Site::new();
    site.sync().await;
    site.write_appointments(0..20, "pending");
    site.write(
        "consultant",
        "consultantid,fullname,email,joindate\n1,Bo,b@x,2020-01-01\n",
    );
    let report = site.sync().await;
    assert_eq!((report.partitions.changed, report.exit()), (1, Exit::Look));
    // It stays so, without a request, until somebody looks.
    let again = site.sync().await;
    assert_eq!((again.requests.total(), again.exit()), (0, Exit::Look));
    let accepting = SyncOptions {
        allow_shrink: true,
        ..SyncOptions::default()
    };
    let accepted = site.agent().sync(accepting).await.unwrap();
    assert_eq!(
        (accepted.partitions.removed, accepted.exit()),
        (10, Exit::Done)
    );
    site.assert_converged().await;
}

#[tokio::test]
async fn a_table_that_a_wider_guard_lets_go_goes() {
    let site = Site::new();
    site.sync().await;
    site.write_appointments(0..80, "pending");
    assert_eq!(site.sync().await.exit(), Exit::Look);
    let mut config = site.config("one", "state-one");
    config.guard.shrink = 0.5;
    let agent = Agent::with_store(config, Arc::clone(&site.store)).unwrap();
    let report = agent.sync(SyncOptions::default()).await.unwrap();
    assert_eq!((report.partitions.removed, report.exit()), (4, Exit::Done));
    site.assert_converged().await;
}

#[tokio::test]
async fn a_missing_file_is_held_whatever_is_accepted_and_goes_on_when_it_is_back() {
    let site = Site::new();
    site.sync().await;
    fs::remove_file(site.csv("appointment")).unwrap();
    let accepting = SyncOptions {
        allow_shrink: true,
        ..SyncOptions::default()
    };
    let report = site.agent().sync(accepting).await.unwrap();
    assert_eq!((report.commit, report.held.len()), (None, 1));
    assert!(report.held[0].to_string().contains("appointment"));
    site.write_appointments(0..120, "confirmed");
    let back = site.sync().await;
    assert_eq!((back.partitions.changed, back.held.len()), (1, 0));
    site.assert_converged().await;
}

#[tokio::test]
async fn a_column_that_vanishes_holds_its_table() {
    let site = Site::new();
    let consultant = |name: &str, phone: bool| {
        let (column, value) = if phone {
            (",phonenumber", ",0912345678")
        } else {
            ("", "")
        };
        let header = format!("consultantid,fullname,email,joindate{column}");
        site.write(
            "consultant",
            &format!("{header}\n1,{name},a@x,2020-01-01{value}\n"),
        );
    };
    consultant("An", true);
    site.sync().await;
    consultant("An", false);
    site.write_appointments(0..120, "confirmed");
    let report = site.sync().await;
    assert_eq!((report.partitions.changed, report.exit()), (1, Exit::Look));
    insta::assert_snapshot!(
        report.held[0],
        @"table consultant is held back: its source no longer has column phonenumber, and every row would lose its value"
    );
    // It is back.
    consultant("Bo", true);
    assert_eq!(site.sync().await.partitions.changed, 1);

    consultant("Bo", false);
    let planned = site.agent().plan(Arc::new(Silent)).await.unwrap();
    let held = site.sync().await.held;
    assert_eq!((planned.held, held.len()), (held.clone(), 1));
    // It is meant to go.
    let accepting = SyncOptions {
        allow_shrink: true,
        ..SyncOptions::default()
    };
    let accepted = site.agent().sync(accepting).await.unwrap();
    assert_eq!(
        (accepted.partitions.changed, accepted.exit()),
        (1, Exit::Done)
    );
    consultant("An", false);
    assert_eq!(site.sync().await.exit(), Exit::Done);
    site.assert_converged().await;
}

#[tokio::test]
async fn a_column_that_held_nothing_may_vanish() {
    let site = Site::new();
    let row = |column: &str, value: &str| {
        format!("consultantid,fullname,email,joindate{column}\n1,An,a@x,2020-01-01{value}\n")
    };
    site.write("consultant", &row(",phonenumber", ","));
    site.sync().await;
    site.write("consultant", &row("", ""));
    let report = site.sync().await;
    assert_eq!((report.commit, report.exit()), (None, Exit::Done));
}

#[tokio::test]
async fn refused_rows_are_looked_at_once() {
    let site = Site::new();
    site.sync().await;
    site.write(
        "consultant",
        "consultantid,fullname,email,joindate\n1,An,an@x,2020-01-01\nx,,,\n",
    );
    let report = site.sync().await;
    assert_eq!((report.rows.quarantined, report.exit()), (1, Exit::Look));
    site.write(
        "consultant",
        "consultantid,fullname,email,joindate\n2,Bo,b@x,2020-01-01\nx,,,\n",
    );
    let next = site.sync().await;
    assert_eq!((next.rows.quarantined, next.exit()), (1, Exit::Done));
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
    let failing = Arc::new(FailingStore::new(Arc::clone(&site.store), [fault(step)]));
    let killed = site.agent_on("one", Arc::clone(&failing) as Store);
    let _ = killed.sync(SyncOptions::default()).await;
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
    let killed = site.agent_on("one", Arc::new(failing));
    killed.sync(SyncOptions::default()).await.unwrap_err();
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
    let report = site
        .agent_on("one", Arc::new(failing))
        .sync(SyncOptions::default())
        .await
        .unwrap();
    assert_eq!(report.commit, Some(Seq(1)));
    assert_eq!(site.log().await, (Seq(1), 1, 13));
}

#[tokio::test]
async fn a_lost_state_is_made_again_and_sends_nothing() {
    let site = Site::new();
    site.sync().await;
    fs::remove_dir_all(site.state("one")).unwrap();
    let again = site.sync().await;
    assert_eq!((again.commit, again.requests.put), (None, 0));
    site.write_appointments(0..120, "confirmed");
    let next = site.sync().await;
    assert_eq!(
        (next.commit, next.epoch, next.partitions.changed),
        (Some(Seq(2)), 2, 1)
    );
}

#[tokio::test]
async fn a_state_from_an_old_copy_reads_the_log_first() {
    let site = Site::new();
    site.sync().await;
    copy(&site.state("one"), &site.state("copy"));
    site.write_appointments(0..120, "confirmed");
    site.sync().await;
    fs::remove_dir_all(site.state("one")).unwrap();
    copy(&site.state("copy"), &site.state("one"));
    // Source and state restored together: only the log knows better.
    site.write_appointments(0..120, "pending");
    let report = site.sync().await;
    assert_eq!((report.commit, report.epoch), (Some(Seq(3)), 1));
    site.assert_converged().await;
}

#[tokio::test]
async fn a_state_that_falls_behind_while_it_runs_catches_up() {
    let site = Site::new();
    site.sync().await;
    let old = fs::read(site.state("one").join("state.db")).unwrap();
    site.write_appointments(0..120, "confirmed");
    site.sync().await;
    // Written in place: the same inode, so nothing tells that it is old.
    fs::write(site.state("one").join("state.db"), old).unwrap();
    site.write_appointments(0..120, "completed");
    let report = site.sync().await;
    assert_eq!(report.commit, Some(Seq(3)));
    site.assert_converged().await;
}

/// A site with five commits, whose state is a copy of what it was after the second.
async fn with_an_old_state() -> Site {
    let site = Site::new();
    for (commit, last) in [120, 130, 140, 150, 160].into_iter().enumerate() {
        site.write_appointments(0..last, "pending");
        site.sync().await;
        if commit == 1 {
            copy(&site.state("one"), &site.state("copy"));
        }
    }
    fs::remove_dir_all(site.state("one")).unwrap();
    copy(&site.state("copy"), &site.state("one"));
    site
}

#[tokio::test]
async fn a_hole_in_the_log_is_not_taken_for_its_head() {
    let site = with_an_old_state().await;
    site.remove_commit(3).await;
    site.write_appointments(0..120, "cancelled");
    let error = site.agent().sync(SyncOptions::default()).await.unwrap_err();
    assert!(
        error.to_string().contains("is missing, though 4"),
        "{error}"
    );
    assert_eq!(error.exit(), Exit::Look);
    assert_eq!(site.commits().await, [1, 2, 4, 5]);
}

#[tokio::test]
async fn a_log_that_was_emptied_is_not_written_on() {
    let site = Site::new();
    site.sync().await;
    site.remove_commit(1).await;
    site.write_appointments(0..120, "confirmed");
    let started = SyncOptions {
        ask_log: true,
        ..SyncOptions::default()
    };
    let error = site.agent().sync(started).await.unwrap_err();
    assert!(error.to_string().contains("verify --repair"), "{error}");
    assert_eq!(site.commits().await, [0; 0]);
    site.repair().await;
    site.sync().await;
    site.assert_converged().await;
}

#[tokio::test]
async fn a_log_that_nobody_asked_for_a_day_is_asked_before_a_commit() {
    let site = Site::new();
    site.sync().await;
    site.forget_when_the_log_was_asked();
    site.write_appointments(0..120, "confirmed");
    let asked = site.sync().await;
    assert_eq!((asked.requests.list, asked.requests.total()), (1, 3));
    site.write_appointments(0..120, "completed");
    assert_eq!(site.sync().await.requests.total(), 2);

    site.forget_when_the_log_was_asked();
    site.remove_commit(3).await;
    site.write_appointments(0..120, "cancelled");
    let error = site.agent().sync(SyncOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("no longer there"), "{error}");
    assert_eq!(site.commits().await, [1, 2]);
}

#[tokio::test]
async fn another_boot_asks_the_log_once() {
    let site = Site::new();
    site.sync().await;
    let mut config = site.config("one", "state-one");
    config.machine.boot = "another".into();
    let agent = Agent::with_store(config, Arc::clone(&site.store)).unwrap();
    let first = agent.sync(SyncOptions::default()).await.unwrap();
    assert_eq!((first.requests.list, first.requests.total()), (1, 1));
    let second = agent.sync(SyncOptions::default()).await.unwrap();
    assert_eq!(second.requests.total(), 0);
}

#[tokio::test]
async fn a_second_machine_is_refused_until_it_takes_over() {
    let site = Site::new();
    site.sync().await;
    let second = site.agent_on("two", Arc::clone(&site.store));
    let refused = second.sync(SyncOptions::default()).await.unwrap_err();
    assert_eq!(refused.exit(), Exit::Look);
    let text = refused.to_string();
    assert!(
        text.contains("host one") && text.contains("--take-over"),
        "{text}"
    );

    let taking = SyncOptions {
        take_over: true,
        ..SyncOptions::default()
    };
    let taken = second.sync(taking).await.unwrap();
    assert_eq!(
        (taken.commit, taken.epoch, taken.partitions.changed),
        (Some(Seq(2)), 2, 0)
    );
    assert_eq!(taken.requests.put, 1, "the commit alone");
    // Taking over what is one's own changes nothing.
    assert_eq!(second.sync(taking).await.unwrap().commit, None);

    site.write_appointments(0..120, "confirmed");
    let old = site.agent().sync(SyncOptions::default()).await.unwrap_err();
    assert!(old.to_string().contains("host two"), "{old}");
    // It stays fenced, also after another start.
    assert!(site.agent().sync(SyncOptions::default()).await.is_err());
    let report = second.sync(SyncOptions::default()).await.unwrap();
    assert_eq!(
        (report.commit, report.partitions.changed),
        (Some(Seq(3)), 1)
    );
    // And may take the site back.
    let back = site.agent().sync(taking).await.unwrap();
    assert_eq!((back.commit, back.epoch), (Some(Seq(4)), 3));
}

#[tokio::test]
async fn a_copy_of_the_whole_machine_is_refused() {
    let site = Site::new();
    site.sync().await;
    copy(&site.state("one"), &site.state("two"));
    let second = site.agent_on("two", Arc::clone(&site.store));
    assert!(second.sync(SyncOptions::default()).await.is_err());
}

#[tokio::test]
async fn a_take_over_killed_before_its_commit_is_still_announced() {
    let site = Site::new();
    site.sync().await;
    let reads = site
        .agent()
        .log()
        .load()
        .await
        .map(|_| site.store.requests().get)
        .unwrap();
    assert!(reads > 0);
    // Five reads find the log's head; the sixth request is the commit.
    let failing = FailingStore::new(Arc::clone(&site.store), [Fault::StopAt(6)]);
    let taking = SyncOptions {
        take_over: true,
        ..SyncOptions::default()
    };
    site.agent_on("two", Arc::new(failing))
        .sync(taking)
        .await
        .unwrap_err();
    let second = site.agent_on("two", Arc::clone(&site.store));
    let report = second.sync(SyncOptions::default()).await.unwrap();
    assert_eq!((report.commit, report.epoch), (Some(Seq(2)), 2));
}

#[tokio::test]
async fn another_site_is_another_log() {
    let site = Site::new();
    site.sync().await;
    let mut config = site.config("one", "state-one");
    config.site = SiteName::new("b").unwrap();
    let agent = Agent::with_store(config, Arc::clone(&site.store)).unwrap();
    let report = agent.sync(SyncOptions::default()).await.unwrap();
    assert_eq!(
        (report.commit, report.partitions.changed),
        (Some(Seq(1)), 13)
    );
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
    let planned = agent.plan(Arc::new(Silent)).await.unwrap();
    assert_eq!((planned.changes.len(), planned.dataset_changed), (0, true));
    let report = agent.sync(SyncOptions::default()).await.unwrap();
    assert_eq!(
        (report.commit, report.requests.put),
        (Some(Seq(2)), 2),
        "dataset and commit"
    );
}

#[tokio::test]
async fn a_cycle_can_run_on_any_thread() {
    let agent = Site::new().agent();
    let cycle = tokio::spawn(async move { agent.sync(SyncOptions::default()).await });
    assert!(cycle.await.unwrap().is_ok());
}

#[tokio::test]
async fn two_processes_do_not_work_on_one_state() {
    let site = Site::new();
    let agent = site.agent();
    let _lock = agent.lock().unwrap();
    let error = agent.sync(SyncOptions::default()).await.unwrap_err();
    assert!(matches!(error, AgentError::Locked { .. }), "{error}");
}

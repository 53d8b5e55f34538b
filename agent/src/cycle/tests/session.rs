//! States that are lost, old or another machine's, and logs that are not what a state says.

use super::*;

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
    let error = sync(&site.agent(), SyncOptions::default())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("is missing, though 4"),
        "{error}"
    );
    assert_eq!(error.exit(), Exit::Look);
    assert_eq!(site.commits().await, [1, 2, 4, 5]);
}

#[tokio::test]
async fn a_hole_where_the_state_stands_is_not_written_past() {
    let site = with_an_old_state().await;
    site.remove_commit(2).await;
    site.write_appointments(0..120, "cancelled");
    let error = sync(&site.agent(), SyncOptions::default())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "site a: commit 2 (sites/a/log/00000000000000000002.json) is missing, though 3 is there; \
         run `causeway-agent verify --repair` at the site"
    );
    assert_eq!(site.commits().await, [1, 3, 4, 5]);
    site.repair().await;
    site.write_appointments(0..160, "cancelled");
    site.sync().await;
    assert_eq!(site.commits().await, [1, 2, 3, 4, 5, 6]);
    site.assert_converged().await;
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
    let error = sync(&site.agent(), started).await.unwrap_err();
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
    let error = sync(&site.agent(), SyncOptions::default())
        .await
        .unwrap_err();
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
    let first = sync(&agent, SyncOptions::default()).await.unwrap();
    assert_eq!((first.requests.list, first.requests.total()), (1, 1));
    let second = sync(&agent, SyncOptions::default()).await.unwrap();
    assert_eq!(second.requests.total(), 0);
}

#[tokio::test]
async fn a_second_machine_is_refused_until_it_takes_over() {
    let site = Site::new();
    site.sync().await;
    let second = site.agent_on("two", Arc::clone(&site.store));
    let refused = sync(&second, SyncOptions::default()).await.unwrap_err();
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
    let taken = sync(&second, taking).await.unwrap();
    assert_eq!(
        (taken.commit, taken.epoch, taken.partitions.changed),
        (Some(Seq(2)), 2, 0)
    );
    assert_eq!(
        taken.requests.put,
        38 + 1,
        "the store is tried, then the commit"
    );
    // Taking over what is one's own changes nothing.
    assert_eq!(sync(&second, taking).await.unwrap().commit, None);

    site.write_appointments(0..120, "confirmed");
    let old = sync(&site.agent(), SyncOptions::default())
        .await
        .unwrap_err();
    assert!(old.to_string().contains("host two"), "{old}");
    // It stays fenced, also after another start.
    assert!(sync(&site.agent(), SyncOptions::default()).await.is_err());
    let report = sync(&second, SyncOptions::default()).await.unwrap();
    assert_eq!(
        (report.commit, report.partitions.changed),
        (Some(Seq(3)), 1)
    );
    // And may take the site back.
    let back = sync(&site.agent(), taking).await.unwrap();
    assert_eq!((back.commit, back.epoch), (Some(Seq(4)), 3));
}

#[tokio::test]
async fn a_copy_of_the_whole_machine_is_refused() {
    let site = Site::new();
    site.sync().await;
    copy(&site.state("one"), &site.state("two"));
    let second = site.agent_on("two", Arc::clone(&site.store));
    assert!(sync(&second, SyncOptions::default()).await.is_err());
}

#[tokio::test]
async fn a_take_over_killed_before_its_commit_is_still_announced() {
    let site = Site::new();
    site.sync().await;
    let reads = site
        .agent()
        .log()
        .read_catalog()
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
    sync(&site.agent_on("two", Arc::new(failing)), taking)
        .await
        .unwrap_err();
    let second = site.agent_on("two", Arc::clone(&site.store));
    let report = sync(&second, SyncOptions::default()).await.unwrap();
    assert_eq!((report.commit, report.epoch), (Some(Seq(2)), 2));
}

#[tokio::test]
async fn another_site_is_another_log() {
    let site = Site::new();
    site.sync().await;
    let mut config = site.config("one", "state-one");
    config.site = SiteName::new("b").unwrap();
    let agent = Agent::with_store(config, Arc::clone(&site.store)).unwrap();
    let report = sync(&agent, SyncOptions::default()).await.unwrap();
    assert_eq!(
        (report.commit, report.partitions.changed),
        (Some(Seq(1)), 13)
    );
}

#[tokio::test]
async fn a_status_says_nothing_of_another_store_or_site() {
    let site = Site::new();
    site.sync().await;
    site.refuse_a_consultant();
    site.sync().await;
    fs::remove_file(site.csv("appointment")).unwrap();
    site.sync().await;
    let mut config = site.config("one", "state-one");
    config.site = SiteName::new("b").unwrap();
    let other_site = Agent::with_store(config, Arc::clone(&site.store)).unwrap();
    let found = status(&other_site).await.unwrap();
    assert_eq!((found.commit, found.committed_at), (None, None));
    assert_eq!((found.tables.len(), found.held.len()), (0, 0));
    assert_eq!(found.pending, ["csv/consultant.csv"]);
    let same = status(&site.agent()).await.unwrap();
    assert_eq!((same.commit, same.held.len()), (Some(Seq(1)), 1));
    assert_eq!(same.pending, [""; 0]);
}

#[tokio::test]
async fn a_state_of_an_earlier_version_is_not_taken_for_an_empty_one() {
    let site = Site::new();
    site.refuse_a_consultant();
    site.sync().await;
    let state = rusqlite::Connection::open(site.state("one").join("state.db")).unwrap();
    let older = "ALTER TABLE partition DROP COLUMN seq; PRAGMA user_version = 2";
    state.execute_batch(older).unwrap();
    let config = site.config("one", "state-one");
    for error in [
        quarantine(&config).unwrap_err(),
        status(&site.agent()).await.unwrap_err(),
        preview(&site.agent(), Arc::new(Silent)).await.unwrap_err(),
        verify(&site.agent(), false, Arc::new(Silent))
            .await
            .unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(
            text.contains("is of an earlier version; run `causeway-agent sync` first"),
            "{text}"
        );
        assert_eq!(error.exit(), Exit::Failed);
    }
    site.sync().await;
    assert_eq!(quarantine(&config).unwrap().quarantined, 1);
}

#[tokio::test]
async fn an_error_is_over_once_a_cycle_ends_well_though_nothing_moved() {
    let site = Site::new();
    site.sync().await;
    let gone = FailingStore::new(Arc::clone(&site.store), [Fault::StopAt(1)]);
    let started = SyncOptions {
        ask_log: true,
        ..SyncOptions::default()
    };
    let failed = sync(&site.agent_on("one", Arc::new(gone)), started).await;
    failed.unwrap_err();
    let last_error = async || status(&site.agent()).await.unwrap().last_error;
    assert!(last_error().await.is_some());
    site.sync().await;
    assert_eq!(last_error().await, None);
}

#[tokio::test]
async fn a_migration_that_fails_is_noted_in_its_cycle_and_after_it() {
    let site = Site::small();
    let noted = async || status(&site.agent()).await.unwrap().last_error;
    let gone = FailingStore::new(Arc::clone(&site.store), [Fault::StopAt(1)]);
    let gone = site.agent_on("one", Arc::new(gone));
    let failed = migrate(&gone, Arc::new(Silent)).await.unwrap_err();
    assert_eq!(noted().await.unwrap().error, failed.to_string());
    migrate(&site.agent(), Arc::new(Silent)).await.unwrap();
    assert_eq!(noted().await, None);

    let objects = list_all(&*site.store, "sites/a/data/", None).await.unwrap();
    let other = b"not what was written".to_vec();
    site.store.put(&objects[0].key, other.into()).await.unwrap();
    migrate(&site.agent(), Arc::new(Silent)).await.unwrap_err();
    assert_eq!(
        noted().await.unwrap().error,
        "site a: 1 objects did not come back as they were written; run `causeway-agent verify --repair`"
    );
}

#[tokio::test]
async fn a_reference_dangles_on_while_other_tables_are_scanned() {
    let site = Site::new();
    site.write(
        "appointment",
        "appointmentid,customerid,consultantid,date,time,duration,status,createdat\n\
         1,fb-1,9,2025-01-01,09:00,60,pending,2025-01-01\n",
    );
    assert_eq!(site.sync().await.dangling.len(), 1);
    site.write(
        "communityprogram",
        "programid,programname,date\n1,Talk,2025-01-01\n",
    );
    let other = site.sync().await;
    assert_eq!((other.partitions.scanned, other.dangling.len()), (1, 1));
}

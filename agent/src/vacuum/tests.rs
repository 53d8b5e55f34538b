//! What a vacuum deletes and spares, on a small site.

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{Commit, EditsHead, FORMAT, Journal, Owner};
use causeway_shared::ids::Md5;
use causeway_shared::log::Appended;
use causeway_shared::store::breaking::{BreakingStore, Flaw};
use causeway_shared::store::failing::{FailingStore, Fault};
use causeway_shared::store::memory::MemoryStore;
use causeway_shared::store::{ObjectStore as _, Store, list_all};
use std::sync::Arc;

use super::*;
use crate::cycle::attempt::SyncOptions;
use crate::cycle::sync::sync;
use crate::error::Exit;
use crate::progress::Silent;
use crate::testing::Site;
use crate::verify::verify;

impl Agent {
    /// A vacuum that compares no clocks: the store's begins in 1970.
    async fn vacuum_before(
        &self,
        cut: Timestamp,
        dry_run: bool,
    ) -> Result<VacuumReport, AgentError> {
        self.delete_before(cut, Clocks::Ignored, dry_run).await
    }
}

/// A site of so many commits, each of which changes one partition of three; the first names four.
async fn committed(commits: u32) -> Site {
    let site = Site::small();
    site.sync().await;
    for round in 1..commits {
        site.write_appointments(0..30, ["confirmed", "pending"][round as usize % 2]);
        site.write("consultant", &consultants(round));
        site.sync().await;
    }
    site
}

fn consultants(round: u32) -> String {
    format!("consultantid,fullname,email,joindate\n1,An {round},an@x,2020-01-01\n")
}

async fn at(site: &Site, seq: u64) -> Timestamp {
    let commit = site.agent().log().commit(Seq(seq)).await.unwrap();
    commit.unwrap().head.at
}

/// The keys under a part of the site's folder.
async fn keys(site: &Site, folder: &str) -> Vec<String> {
    let prefix = format!("sites/a/{folder}/");
    let objects = list_all(&*site.store, &prefix, None).await.unwrap();
    objects.into_iter().map(|object| object.key).collect()
}

/// Fails unless every row that commit `seq` says is there.
async fn assert_readable(site: &Site, seq: u64) {
    let log = site.agent().log().clone();
    let mut catalog = Catalog::empty(log.site().clone());
    for seq in 1..=seq {
        catalog.apply(&log.commit(Seq(seq)).await.unwrap().unwrap());
    }
    for ((table, part), entry) in &catalog.partitions {
        let key = log.key(&LogKey::Object(table.clone(), *part, entry.object.md5));
        assert!(site.store.head(&key).await.is_ok(), "commit {seq}: {key}");
    }
}

#[tokio::test]
async fn what_was_replaced_before_the_cut_goes_and_the_rest_can_be_read() {
    let site = committed(5).await;
    let report = site
        .agent()
        .vacuum_before(at(&site, 3).await, false)
        .await
        .unwrap();
    // Of the consultants' five objects the first two; the appointments' two alternate.
    assert_eq!((report.retained_from, report.objects), (Some(Seq(3)), 2));
    for seq in 3..=5 {
        assert_readable(&site, seq).await;
    }
    assert_eq!(keys(&site, "log").await.len(), 5, "commits stay");
    site.assert_converged().await;
    assert_eq!(site.sync().await.requests.total(), 0);
}

#[tokio::test]
async fn a_store_that_no_writer_tried_is_tried_before_it_is_written_to() {
    let site = committed(2).await;
    std::fs::remove_dir_all(site.state("one")).unwrap();
    let flawed = BreakingStore::new(Arc::clone(&site.store), Flaw::CreatesOverwrite);
    let flawed = site.agent_on("one", Arc::new(flawed));
    let before = list_all(&*site.store, "", None).await.unwrap();
    let error = vacuum(&flawed, false).await.unwrap_err();
    assert!(matches!(error, AgentError::Unfit { .. }), "{error}");
    assert_eq!(list_all(&*site.store, "", None).await.unwrap(), before);
}

#[tokio::test]
async fn what_no_commit_names_goes_once_it_is_old() {
    let site = Site::small();
    // Four reads find no log, four objects are sent; the dataset is not, nor the commit.
    let stopped = FailingStore::new(Arc::clone(&site.store), [Fault::StopAt(9)]);
    let stopped = stopped.leave_out("/check/");
    let killed = site.agent_on("one", Arc::new(stopped));
    sync(&killed, SyncOptions::default()).await.unwrap_err();
    let sent = keys(&site, "data").await.len() as u64;
    assert_eq!(sent, 4);
    let young = site
        .agent()
        .vacuum_before(Timestamp::UNIX_EPOCH, false)
        .await
        .unwrap();
    assert_eq!(young.objects, 0);
    let old = site
        .agent()
        .vacuum_before(clock::now(), false)
        .await
        .unwrap();
    assert_eq!((old.objects, old.retained_from), (sent, None));
    // Forgotten by the state as well, so they are sent again.
    assert_eq!(site.sync().await.commit, Some(Seq(1)));
    site.assert_converged().await;
}

#[tokio::test]
async fn a_dry_run_counts_the_same_and_deletes_nothing() {
    let site = committed(4).await;
    let now = clock::now();
    let agent = site.agent();
    let at_work = agent.lock().unwrap();
    let counted = agent.vacuum_before(now, true).await.unwrap();
    assert_eq!((counted.dry_run, counted.requests.delete), (true, 0));
    assert!(agent.vacuum_before(now, false).await.is_err(), "locked");
    drop(at_work);
    let deleted = agent.vacuum_before(now, false).await.unwrap();
    assert_eq!(
        (deleted.objects, deleted.bytes, deleted.requests.delete),
        (counted.objects, counted.bytes, counted.objects)
    );
    assert_eq!(agent.vacuum_before(now, true).await.unwrap().objects, 0);
}

#[tokio::test]
async fn checkpoints_before_the_retained_commits_go_but_for_the_newest_two() {
    let site = Site::small();
    for round in 0..4 {
        site.write("consultant", &consultants(round));
        site.sync().await;
        let log = site.agent().log().clone();
        let catalog = log.read_catalog().await.unwrap();
        log.write_checkpoint(&catalog).await.unwrap();
    }
    let report = site
        .agent()
        .vacuum_before(clock::now(), false)
        .await
        .unwrap();
    assert_eq!(
        (report.checkpoints, report.retained_from),
        (2, Some(Seq(4)))
    );
    let left = [3, 4].map(|n| format!("sites/a/checkpoint/{n:020}.json.zst"));
    assert_eq!(keys(&site, "checkpoint").await, left);
    site.assert_converged().await;
    let verified = verify(&site.agent(), false, Arc::new(Silent))
        .await
        .unwrap();
    assert_eq!(verified.differences, []);
}

#[tokio::test]
async fn a_dataset_that_nothing_is_written_with_goes() {
    let site = committed(2).await;
    let used = keys(&site, "dataset").await;
    let key = SiteKey::Dataset(Md5::of(b"")).of(&site.agent().config().site);
    site.store.put(&key, b"{}".to_vec().into()).await.unwrap();
    let report = site
        .agent()
        .vacuum_before(clock::now(), false)
        .await
        .unwrap();
    assert_eq!(report.datasets, 1);
    assert_eq!(keys(&site, "dataset").await, used);
}

/// A dataset that only a commit of edits names, and one that nothing names.
async fn with_edits() -> (Site, [String; 2]) {
    let site = committed(2).await;
    let named = Md5::of(b"named");
    let keys = [named, Md5::of(b"unnamed")]
        .map(|md5| SiteKey::Dataset(md5).of(&site.agent().config().site));
    for key in &keys {
        site.store.put(key, b"{}".to_vec().into()).await.unwrap();
    }
    let log = SiteLog::<EditsLog>::of_kind(Arc::clone(&site.store), "a".parse().unwrap());
    for (seq, dataset) in [(1, named), (2, site.agent().config().dataset.md5())] {
        let commit = Commit {
            format: FORMAT,
            site: log.site().clone(),
            head: EditsHead {
                seq: Seq(seq),
                at: Timestamp::UNIX_EPOCH,
                epoch: 1,
                writer: Owner {
                    id: "db".into(),
                    address: "here".into(),
                },
                dataset,
                site_seq: Seq(1),
            },
            changes: vec![],
            more: Journal::default(),
        };
        log.append(commit).await.unwrap();
    }
    (site, keys)
}

#[tokio::test]
async fn a_dataset_that_any_commit_of_edits_names_stays() {
    let (site, [named, unnamed]) = with_edits().await;
    let vacuumed = site.agent().vacuum_before(clock::now(), false).await;
    assert_eq!(vacuumed.unwrap().datasets, 1);
    assert!(site.store.head(&named).await.is_ok());
    assert!(site.store.head(&unnamed).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn no_dataset_goes_where_the_log_of_edits_cannot_be_read() {
    let (site, _) = with_edits().await;
    let first = "sites/a/edits/log/00000000000000000001.json";
    let before = keys(&site, "dataset").await;
    assert_eq!(before.len(), 3);
    site.store.put(first, b"{}".to_vec().into()).await.unwrap();
    let damaged = site.agent().vacuum_before(clock::now(), false).await;
    site.store.delete(first).await.unwrap();
    let missing = site.agent().vacuum_before(clock::now(), false).await;
    for report in [damaged.unwrap(), missing.unwrap()] {
        assert_eq!(report.datasets, 0);
    }
    assert_eq!(keys(&site, "dataset").await, before);
}

#[tokio::test]
async fn where_no_dataset_would_go_the_log_of_edits_is_not_asked_for() {
    let site = committed(5).await;
    let cut = at(&site, 3).await;
    let vacuumed = site.agent().vacuum_before(cut, false).await.unwrap();
    // Checkpoints, commits, the head, objects, datasets.
    assert_eq!((vacuumed.objects, vacuumed.requests.list), (2, 5));
}

#[tokio::test]
async fn what_it_does_not_know_it_leaves_alone() {
    let site = committed(1).await;
    let theirs = "sites/a/data/notes.txt";
    site.store.put(theirs, vec![1].into()).await.unwrap();
    site.agent()
        .vacuum_before(clock::now(), false)
        .await
        .unwrap();
    assert!(site.store.head(theirs).await.is_ok());
}

#[tokio::test]
async fn another_hosts_site_is_refused() {
    let site = committed(3).await;
    let second = site.agent_on("two", Arc::clone(&site.store));
    let refused = second.vacuum_before(clock::now(), false).await.unwrap_err();
    assert_eq!(refused.exit(), Exit::Look);
    let taking = SyncOptions {
        take_over: true,
        ..SyncOptions::default()
    };
    sync(&second, taking).await.unwrap();
    let before = keys(&site, "data").await;
    let fenced = site.agent().vacuum_before(clock::now(), false).await;
    assert!(
        matches!(fenced, Err(AgentError::Fenced { .. })),
        "{fenced:?}"
    );
    assert_eq!(keys(&site, "data").await, before);
}

#[tokio::test]
async fn it_stops_where_the_log_moves_on_under_it() {
    let site = committed(3).await;
    let agent = site.agent();
    let retained = Retained::read(agent.log(), clock::now()).await.unwrap();
    let mut commit = agent.log().commit(Seq(3)).await.unwrap().unwrap();
    commit.head.seq = Seq(4);
    let appended = agent.log().append(commit.clone()).await.unwrap();
    assert_eq!(appended, Appended::Written(commit.into()));
    let listed = list_all(&*site.store, "sites/a/data/", None).await.unwrap();
    let vacuum = at_work(&agent, &retained, clock::now());
    let stopped = vacuum.delete_old(listed.iter().collect()).await;
    assert!(matches!(stopped, Err(AgentError::Fenced { .. })));
    assert_eq!(keys(&site, "data").await.len(), listed.len());
}

/// A vacuum that has begun.
fn at_work<'v>(agent: &'v Agent, retained: &'v Retained, cut: Timestamp) -> Vacuum<'v> {
    let report = VacuumReport {
        site: agent.config().site.clone(),
        dry_run: false,
        retained_from: retained.from,
        objects: 0,
        bytes: 0,
        checkpoints: 0,
        datasets: 0,
        requests: RequestCounts::default(),
        seconds: 0.0,
    };
    Vacuum {
        agent,
        retained,
        cut,
        edits: None,
        report,
    }
}

#[tokio::test]
async fn what_another_host_writes_again_after_it_was_listed_stays() {
    let site = committed(3).await;
    let agent = site.agent();
    let retained = Retained::read(agent.log(), clock::now()).await.unwrap();
    let listed = list_all(&*site.store, "sites/a/data/", None).await.unwrap();
    let unnamed = listed.iter().filter(|object| !retained.names(&object.key));
    let old: Vec<_> = unnamed.collect();
    let cut = listed.iter().map(|object| object.modified).max().unwrap();
    site.store.put(&old[0].key, vec![1].into()).await.unwrap();
    let vacuum = at_work(&agent, &retained, cut);
    let deleted = vacuum.delete_old(old.clone()).await.unwrap();
    assert!(!old[1..].is_empty());
    assert_eq!(deleted, old[1..]);
    assert!(site.store.head(&old[0].key).await.is_ok());
}

#[tokio::test]
async fn a_clock_that_disagrees_with_the_stores_deletes_nothing() {
    // The store's begins in 1970.
    let site = committed(3).await;
    let before = keys(&site, "data").await;
    let error = vacuum(&site.agent(), false).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Look);
    let text = error.to_string();
    assert!(
        text.contains("1970-01-01T00:00:00") && text.contains("set the one"),
        "{text}"
    );
    assert_eq!(keys(&site, "data").await, before);
}

#[tokio::test]
async fn a_lost_end_that_a_checkpoint_bridges_keeps_its_rows() {
    let site = committed(4).await;
    let log = site.agent().log().clone();
    let catalog = log.read_catalog().await.unwrap();
    log.write_checkpoint(&catalog).await.unwrap();
    site.remove_commit(4).await;
    std::fs::remove_dir_all(site.state("one")).unwrap();
    let report = site
        .agent()
        .vacuum_before(clock::now(), false)
        .await
        .unwrap();
    assert_eq!(report.retained_from, Some(Seq(4)));
    site.assert_converged().await;
}

#[tokio::test]
async fn a_gap_that_a_checkpoint_bridges_is_passed() {
    let site = committed(5).await;
    let log = site.agent().log().clone();
    let catalog = log.read_catalog().await.unwrap();
    log.write_checkpoint(&catalog).await.unwrap();
    site.write("consultant", &consultants(5));
    site.sync().await;
    let cut = at(&site, 2).await;
    site.remove_commit(3).await;
    let report = site.agent().vacuum_before(cut, false).await.unwrap();
    // Of the consultants' six objects the first is too old, and the third's commit is lost.
    assert_eq!((report.retained_from, report.objects), (Some(Seq(2)), 2));
    site.assert_converged().await;
}

#[tokio::test]
async fn a_log_with_a_gap_is_not_vacuumed() {
    let site = committed(3).await;
    let key = site.agent().log().key(&LogKey::Commit(Seq(2)));
    site.store.delete(&key).await.unwrap();
    let before = keys(&site, "data").await;
    let error = site.agent().vacuum_before(clock::now(), false).await;
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains("commit 2") && text.contains("verify --repair"),
        "{text}"
    );
    assert_eq!(keys(&site, "data").await, before);
}

/// Kills a vacuum at its `step`-th request; false when it was over before.
async fn killed_at(step: u64, fault: fn(u64) -> Fault) -> bool {
    let site = committed(4).await;
    let cut = at(&site, 3).await;
    let failing = Arc::new(FailingStore::new(Arc::clone(&site.store), [fault(step)]));
    let killed = site.agent_on("one", Arc::clone(&failing) as Store);
    let _ = killed.vacuum_before(cut, false).await;
    let reached = failing.calls() >= step;
    for seq in 3..=4 {
        assert_readable(&site, seq).await;
    }
    site.agent().vacuum_before(cut, false).await.unwrap();
    assert_eq!(
        site.agent().vacuum_before(cut, true).await.unwrap().objects,
        0
    );
    site.assert_converged().await;
    reached
}

#[tokio::test]
async fn killed_at_any_request_it_takes_nothing_that_is_retained() {
    for fault in [Fault::StopAt, Fault::StopAfter, Fault::LoseAnswerAt] {
        let mut step = 1;
        while killed_at(step, fault).await {
            step += 1;
        }
        assert!(step > 5, "it has requests to be killed at");
    }
}

#[tokio::test]
async fn the_clock_of_the_store_tells_what_is_young() {
    let site = committed(3).await;
    let store = Arc::new(MemoryStore::new());
    store.set_clock(Timestamp::from_second(1_000).unwrap());
    store
        .put(
            "sites/a/data/customer/b=0of1/d41d8cd98f00b204e9800998ecf8427e.csv.zst",
            vec![].into(),
        )
        .await
        .unwrap();
    let agent = site.agent_on("three", store);
    let cuts = [999, 1_001].map(|second| Timestamp::from_second(second).unwrap());
    let mut taken = Vec::new();
    for cut in cuts {
        taken.push(agent.vacuum_before(cut, true).await.unwrap().objects);
    }
    assert_eq!(taken, [0, 1]);
}

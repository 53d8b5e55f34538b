mod edits;

use std::sync::Arc;

use insta::assert_snapshot;
use jiff::Timestamp;

use super::*;
use crate::catalog::Catalog;
use crate::commit::{
    Change, Commit, FORMAT, Head, NoLookups, Now, PartitionObject, Writer, encode,
};
use crate::dataset::Dataset;
use crate::ids::{Md5, Name, Part};
use crate::layout::SiteKey;
use crate::store::failing::{FailingStore, Fault};
use crate::store::list_all;
use crate::store::memory::MemoryStore;
use crate::summary::Summary;

fn log() -> SiteLog {
    SiteLog::new(
        Arc::new(MemoryStore::default()),
        SiteName::new("hcm-01").unwrap(),
    )
}

/// Commit n, which writes its number as the row count of one partition.
fn commit(seq: u64) -> Commit {
    let object = PartitionObject {
        md5: Md5::of(&seq.to_be_bytes()),
        rows: seq,
        bytes: 1,
        summary: Summary::default(),
    };
    Commit {
        format: FORMAT,
        site: SiteName::new("hcm-01").unwrap(),
        head: Head {
            seq: Seq(seq),
            at: Timestamp::UNIX_EPOCH,
            epoch: 1,
            writer: Writer {
                id: "w".into(),
                host: "h".into(),
            },
            dataset: Md5::of(b""),
        },
        changes: vec![Change {
            table: Name::new("customer").unwrap(),
            part: Part::Bucket(0, 1),
            now: Now::Object(object),
        }],
        more: NoLookups::default(),
    }
}

/// A log with commits 1 to `head`, with a checkpoint after each that is named.
async fn log_with(head: u64, checkpoints: &[u64]) -> SiteLog {
    let log = log();
    let mut catalog = Catalog::empty(log.site().clone());
    for seq in 1..=head {
        let commit = commit(seq);
        let appended = log.append(commit.clone()).await.unwrap();
        assert_eq!(appended, Appended::Written(commit.clone().into()));
        catalog.apply(&commit);
        if checkpoints.contains(&seq) {
            log.write_checkpoint(&catalog).await.unwrap();
        }
    }
    log
}

async fn flip_a_bit(log: &SiteLog, key: String) {
    let mut bytes = log
        .store()
        .get(&key)
        .await
        .unwrap()
        .bytes(1 << 20)
        .await
        .unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    log.store().put(&key, bytes.into()).await.unwrap();
}

async fn remove(log: &SiteLog, key: &LogKey) {
    log.store().delete(&log.key(key)).await.unwrap();
}

#[tokio::test]
async fn an_empty_log_has_an_empty_catalog() {
    assert_eq!(log().read_catalog().await.unwrap().seq(), Seq::NONE);
}

#[tokio::test]
async fn a_taken_number_shows_who_has_it() {
    let log = log_with(1, &[]).await;
    let mut other = commit(1);
    other.head.writer.host = "another".into();
    let appended = log.append(other).await.unwrap();
    assert_eq!(appended, Appended::Fenced(commit(1).head));
}

#[tokio::test]
async fn a_reader_starts_at_the_checkpoint_and_replays_the_rest() {
    let log = log_with(5, &[3]).await;
    remove(&log, &LogKey::Commit(Seq(2))).await;
    let catalog = log.read_catalog().await.unwrap();
    assert_eq!((catalog.seq(), catalog.rows("customer")), (Seq(5), 5));
}

#[tokio::test]
async fn without_its_hint_the_newest_checkpoint_is_found() {
    let log = log_with(5, &[2, 4]).await;
    remove(&log, &LogKey::Latest).await;
    remove(&log, &LogKey::Commit(Seq(3))).await;
    assert_eq!(log.read_catalog().await.unwrap().seq(), Seq(5));
}

#[tokio::test]
async fn a_damaged_hint_or_checkpoint_only_costs_time() {
    for damaged in [LogKey::Latest, LogKey::Checkpoint(Seq(4))] {
        let log = log_with(5, &[2, 4]).await;
        flip_a_bit(&log, log.key(&damaged)).await;
        assert_eq!(
            log.read_catalog().await.unwrap().seq(),
            Seq(5),
            "{damaged:?}"
        );
    }
}

#[tokio::test]
async fn a_gap_is_bridged_by_a_later_checkpoint() {
    let log = log_with(5, &[4]).await;
    remove(&log, &LogKey::Commit(Seq(3))).await;
    let mut catalog = Catalog::empty(log.site().clone());
    log.catch_up(&mut catalog, true).await.unwrap();
    assert_eq!(catalog.seq(), Seq(5));
}

#[tokio::test]
async fn a_gap_without_a_checkpoint_is_reported() {
    let log = log_with(5, &[2]).await;
    remove(&log, &LogKey::Commit(Seq(4))).await;
    assert_snapshot!(
        log.read_catalog().await.unwrap_err().to_string(),
        @"site hcm-01: commit 4 (sites/hcm-01/log/00000000000000000004.json) is missing, though 5 is there; run `causeway-agent verify --repair` at the site"
    );
}

#[tokio::test]
async fn a_hole_where_the_log_stood_is_a_gap_too() {
    let log = log_with(4, &[]).await;
    let mut known = Catalog::empty(log.site().clone());
    (1..=3).for_each(|seq| known.apply(&commit(seq)));
    remove(&log, &LogKey::Commit(Seq(3))).await;
    assert!(!log.ends_at(Seq(3)).await.unwrap());
    assert_snapshot!(
        log.follow(&mut known.clone()).await.unwrap_err().to_string(),
        @"site hcm-01: commit 3 (sites/hcm-01/log/00000000000000000003.json) is missing, though 4 is there; run `causeway-agent verify --repair` at the site"
    );

    // A repair that did not know the commit either: its checkpoint counts.
    let mut bridge = known.clone();
    bridge.partitions.clear();
    log.write_checkpoint(&bridge).await.unwrap();
    bridge.apply(&commit(4));
    let mut followed = known.clone();
    log.follow(&mut followed).await.unwrap();
    assert_eq!(followed, bridge);

    remove(&log, &LogKey::Commit(Seq(4))).await;
    assert!(log.ends_at(Seq(3)).await.unwrap());
    log.follow(&mut known).await.unwrap();
    assert_eq!(known.seq(), Seq(3));
}

#[tokio::test]
async fn a_commit_written_since_it_was_asked_for_is_no_gap() {
    let log = log_with(3, &[]).await;
    let mut catalog = Catalog::empty(log.site().clone());
    // As if 1 had been asked for before any was there.
    assert!(log.bridge_gap(&mut catalog, Seq(1)).await.unwrap());
    assert_eq!(catalog.seq(), Seq(1));
}

#[tokio::test]
async fn a_reader_that_does_not_look_stops_before_the_gap() {
    let log = log_with(5, &[]).await;
    remove(&log, &LogKey::Commit(Seq(4))).await;
    let mut catalog = Catalog::empty(log.site().clone());
    log.catch_up(&mut catalog, false).await.unwrap();
    assert_eq!(catalog.seq(), Seq(3));
}

#[tokio::test]
async fn a_damaged_commit_is_named() {
    let log = log_with(3, &[]).await;
    flip_a_bit(&log, log.key(&LogKey::Commit(Seq(2)))).await;
    let error = log.read_catalog().await.unwrap_err().to_string();
    assert!(error.starts_with(
        "site hcm-01: sites/hcm-01/log/00000000000000000002.json is damaged: its bytes changed"
    ));
}

#[tokio::test]
async fn a_commit_under_another_number_is_misplaced() {
    let log = log_with(1, &[]).await;
    let key = log.key(&LogKey::Commit(Seq(2)));
    log.store()
        .put(&key, encode(&commit(1)).unwrap().into())
        .await
        .unwrap();
    assert_snapshot!(
        log.read_catalog().await.unwrap_err().to_string(),
        @"site hcm-01: sites/hcm-01/log/00000000000000000002.json is damaged: it says that it is commit 1 of hcm-01"
    );
}

#[tokio::test]
async fn a_dataset_is_read_as_it_was_written() {
    let (log, dataset) = (log(), Dataset::meetassist().unwrap());
    log.write_dataset(&dataset).await.unwrap();
    log.write_dataset(&dataset).await.unwrap();
    assert_eq!(log.dataset(dataset.md5()).await.unwrap(), dataset);
    flip_a_bit(&log, SiteKey::Dataset(dataset.md5()).of(log.site())).await;
    assert!(matches!(
        log.dataset(dataset.md5()).await,
        Err(LogError::Dataset { .. })
    ));
}

#[tokio::test]
async fn a_checkpoint_is_the_whole_catalog() {
    let log = log_with(3, &[]).await;
    let catalog = log.read_catalog().await.unwrap();
    assert_eq!(Catalog::from(catalog.checkpoint().unwrap()), catalog);
}

#[tokio::test]
async fn a_commit_all_of_whose_answers_are_lost_is_written_once() {
    let inner: Store = Arc::new(MemoryStore::default());
    let deaf = FailingStore::new(Arc::clone(&inner), [Fault::LoseWritesOf("/log/")]);
    let log = SiteLog::new(Arc::new(deaf), SiteName::new("hcm-01").unwrap());
    let appended = log.append(commit(1)).await.unwrap();
    assert_eq!(appended, Appended::Written(commit(1).into()));
    assert_eq!(list_all(&*inner, "", None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_entry_knows_the_commit_that_set_it() {
    let log = log_with(3, &[]).await;
    let mut elsewhere = commit(4);
    elsewhere.changes[0].part = Part::Bucket(0, 2);
    log.append(elsewhere).await.unwrap();
    let set_by = |catalog: &Catalog| -> Vec<u64> {
        let entries = catalog.partitions.values();
        entries.map(|entry| entry.seq.0).collect()
    };
    let replayed = log.read_catalog().await.unwrap();
    assert_eq!(set_by(&replayed), [3, 4]);

    log.write_checkpoint(&replayed).await.unwrap();
    remove(&log, &LogKey::Commit(Seq(3))).await;
    assert_eq!(set_by(&log.read_catalog().await.unwrap()), [3, 4]);
}

#[test]
fn a_checkpoint_without_the_numbers_of_commits_bounds_them_by_its_own() {
    let mut catalog = Catalog::empty(SiteName::new("hcm-01").unwrap());
    for seq in 1..=2 {
        catalog.apply(&commit(seq));
    }
    for (stored, read) in [(None, 2), (Some(Seq(1)), 1), (Some(Seq(9)), 2)] {
        let mut older = catalog.checkpoint().unwrap();
        older.partitions[0].seq = stored;
        let older = Catalog::from(older);
        let entry = older.table("customer").next().unwrap().1;
        assert_eq!(entry.seq, Seq(read), "{stored:?}");
        assert!(catalog.agrees_with(&older));
    }
    let mut other = catalog.clone();
    other.partitions.clear();
    assert!(!catalog.agrees_with(&other) && !other.agrees_with(&catalog));
}

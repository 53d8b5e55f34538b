//! Damage of each kind, found by name and mended.

mod lost_commits;

use causeway_shared::commit::{Checkpoint, decode_checkpoint, encode};
use causeway_shared::ids::{Name, Seq, SiteName};
use causeway_shared::layout::{LogKey, WhichLog};
use causeway_shared::log::SiteLog;
use causeway_shared::store::{Store, list_all};

use super::*;
use crate::cycle::attempt::SyncOptions;
use crate::cycle::sync::sync;
use crate::error::Exit;
use crate::progress::Silent;
use crate::testing::Site;

async fn verified(site: &Site, repair: bool) -> String {
    let report = verify(&site.agent(), repair, Arc::new(Silent))
        .await
        .unwrap();
    let lines: Vec<String> = report.differences.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn commit_key(seq: u64) -> String {
    LogKey::Commit(Seq(seq)).of(WhichLog::Agent, &SiteName::new("a").unwrap())
}

/// The one key that contains a text.
async fn key_of(store: &Store, part: &str) -> String {
    let objects = list_all(&**store, "", None).await.unwrap();
    let mut keys = objects
        .into_iter()
        .map(|object| object.key)
        .filter(|key| key.contains(part));
    keys.next().unwrap()
}

async fn flip_byte(store: &Store, key: &str) {
    let mut bytes = store.get(key).await.unwrap().bytes(1 << 20).await.unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    store.put(key, bytes.into()).await.unwrap();
}

/// Replaces a text in an object; what it is then.
async fn rewrite(store: &Store, key: &str, from: &str, to: &str) -> String {
    let bytes = store.get(key).await.unwrap().bytes(1 << 20).await.unwrap();
    let text = String::from_utf8(bytes).unwrap().replace(from, to);
    store
        .put(key, text.clone().into_bytes().into())
        .await
        .unwrap();
    text
}

/// A site with three commits.
async fn with_commits() -> Site {
    let site = Site::new();
    for status in ["pending", "confirmed", "completed"] {
        site.write_appointments(0..120, status);
        site.sync().await;
    }
    site
}

#[tokio::test]
async fn a_whole_site_has_no_difference() {
    let site = with_commits().await;
    let report = verify(&site.agent(), false, Arc::new(Silent))
        .await
        .unwrap();
    assert_eq!((report.partitions, report.differences), (13, vec![]));
}

#[tokio::test]
async fn rows_that_changed_since_are_named() {
    let site = with_commits().await;
    site.write_appointments(1..121, "pending");
    insta::assert_snapshot!(verified(&site, false).await, @r"
    appointment dt=2025-01-01: the source has changed since: 1 row: 0 only in the object
    appointment dt=2025-01-13: the source has it, the log does not; `sync` sends it
    ");
    site.write_appointments(0..110, "cancelled");
    insta::assert_snapshot!(verified(&site, false).await, @r"
    appointment dt=2025-01-01: the source has changed since: 1 row: 0 differs
    appointment dt=2025-01-12: the log has it, the source does not; `sync` removes it
    ");
}

#[tokio::test]
async fn a_damaged_or_missing_object_is_written_again() {
    for missing in [false, true] {
        let site = with_commits().await;
        let key = key_of(&site.store, "dt=2025-01-05").await;
        if missing {
            site.store.delete(&key).await.unwrap();
        } else {
            flip_byte(&site.store, &key).await;
        }
        let what = if missing { "missing" } else { "damaged" };
        let expected = format!("appointment dt=2025-01-05: object {key} is {what}");
        assert_eq!(verified(&site, false).await, expected);
        assert_eq!(verified(&site, true).await, format!("{expected} (mended)"));
        assert_eq!(verified(&site, false).await, "");
        site.assert_converged().await;
    }
}

#[tokio::test]
async fn a_damaged_object_of_rows_that_changed_since_is_left_to_sync() {
    let site = with_commits().await;
    let key = key_of(&site.store, "dt=2025-01-12").await;
    flip_byte(&site.store, &key).await;
    site.write_appointments(0..119, "completed");
    let text = verified(&site, true).await;
    assert!(
        text.ends_with("and the source has changed since: run `sync`"),
        "{text}"
    );
    site.sync().await;
    assert_eq!(verified(&site, false).await, "");
}

#[tokio::test]
async fn a_commit_that_the_state_knows_is_written_again_byte_for_byte() {
    for (seq, missing) in [(2, false), (2, true), (3, false), (3, true)] {
        let site = with_commits().await;
        let log = site.agent().log().clone();
        let before = encode(&log.commit(Seq(seq)).await.unwrap().unwrap()).unwrap();
        if missing {
            site.store.delete(&commit_key(seq)).await.unwrap();
        } else {
            flip_byte(&site.store, &commit_key(seq)).await;
        }
        assert!(verified(&site, false).await.contains(&commit_key(seq)));
        verified(&site, true).await;
        let after = site
            .store
            .get(&commit_key(seq))
            .await
            .unwrap()
            .bytes(1 << 20)
            .await
            .unwrap();
        assert_eq!(after, before);
        assert_eq!(verified(&site, false).await, "");
    }
}

#[tokio::test]
async fn a_checkpoint_is_not_written_past_a_commit_of_a_newer_program() {
    let site = Site::new();
    for round in 0..64 {
        site.write_appointments(round..120, "pending");
        site.sync().await;
    }
    let catalog = site.agent().log().read_catalog().await.unwrap();
    site.write_appointments(64..130, "pending");
    site.sync().await;
    rewrite(&site.store, &commit_key(65), "\"format\":1", "\"format\":7").await;
    flip_byte(&site.store, &key_of(&site.store, "latest.json").await).await;
    let text = verified(&site, true).await;
    assert!(text.contains("until a newer causeway-agent"), "{text}");
    assert!(!text.contains("mended"), "{text}");
    let checkpoints = list_all(&*site.store, "sites/a/checkpoint/", None).await;
    assert_eq!((checkpoints.unwrap().len(), catalog.seq()), (1, Seq(64)));
}

#[tokio::test]
async fn another_sites_checkpoint_is_none() {
    let site = Site::new();
    for round in 0..64 {
        site.write_appointments(round..120, "pending");
        site.sync().await;
    }
    let key = key_of(&site.store, "/checkpoint/").await;
    let mut other = site.agent().log().read_catalog().await.unwrap();
    other.site = SiteName::new("b").unwrap();
    let log = SiteLog::new(Arc::clone(&site.store), other.site.clone());
    log.write_checkpoint(&other).await.unwrap();
    let theirs = key.replace("sites/a/", "sites/b/");
    let bytes = site.store.get(&theirs).await.unwrap().bytes(1 << 20).await;
    site.store.put(&key, bytes.unwrap().into()).await.unwrap();
    let text = verified(&site, false).await;
    assert!(
        text.contains("says that it is checkpoint 64 of b"),
        "{text}"
    );
}

#[tokio::test]
async fn a_commit_of_a_newer_program_is_left_alone() {
    let site = with_commits().await;
    let newer = rewrite(&site.store, &commit_key(2), "\"format\":1", "\"format\":7").await;
    let text = verified(&site, true).await;
    assert!(
        text.contains("format 7") && !text.contains("mended"),
        "{text}"
    );
    let after = site
        .store
        .get(&commit_key(2))
        .await
        .unwrap()
        .bytes(1 << 20)
        .await
        .unwrap();
    assert_eq!(after, newer.into_bytes());
}

#[tokio::test]
async fn a_damaged_checkpoint_and_hint_are_written_again() {
    let site = Site::new();
    for round in 0..64 {
        site.write_appointments(round..120, "pending");
        site.sync().await;
    }
    for part in ["/checkpoint/", "latest.json"] {
        flip_byte(&site.store, &key_of(&site.store, part).await).await;
        let text = verified(&site, false).await;
        assert!(text.contains(part) && text.contains("damaged"), "{text}");
        assert!(verified(&site, true).await.contains("(mended)"));
        assert_eq!(verified(&site, false).await, "");
    }
}

#[tokio::test]
async fn a_checkpoint_of_an_earlier_version_is_no_difference() {
    let site = Site::new();
    for round in 0..64 {
        site.write_appointments(round..120, "pending");
        site.sync().await;
    }
    let key = key_of(&site.store, "/checkpoint/").await;
    let stored = site.store.get(&key).await.unwrap().bytes(1 << 20).await;
    let mut older: Checkpoint = decode_checkpoint(&stored.unwrap()).unwrap();
    older.partitions.iter_mut().for_each(|of| of.seq = None);
    let older = zstd::bulk::compress(&encode(&older).unwrap(), 3).unwrap();
    site.store.put(&key, older.into()).await.unwrap();
    assert_eq!(verified(&site, false).await, "");
}

#[tokio::test]
async fn a_damaged_dataset_is_written_again() {
    let site = with_commits().await;
    flip_byte(&site.store, &key_of(&site.store, "/dataset/").await).await;
    assert!(
        verified(&site, true)
            .await
            .contains("its bytes changed (mended)")
    );
    assert_eq!(verified(&site, false).await, "");
}

#[tokio::test]
async fn another_hosts_log_is_not_mended() {
    let site = with_commits().await;
    let second = site.agent_on("two", Arc::clone(&site.store));
    let error = verify(&second, true, Arc::new(Silent)).await.unwrap_err();
    assert!(matches!(error, AgentError::Fenced { .. }), "{error}");
    assert_eq!(
        verify(&second, false, Arc::new(Silent))
            .await
            .unwrap()
            .differences,
        []
    );
}

#[tokio::test]
async fn a_take_over_that_cannot_be_read_is_not_mended_by_the_agent_it_replaced() {
    let site = with_commits().await;
    let second = site.agent_on("two", Arc::clone(&site.store));
    let taking = SyncOptions {
        take_over: true,
        ..SyncOptions::default()
    };
    sync(&second, taking).await.unwrap();
    site.write_appointments(0..120, "cancelled");
    sync(&site.agent(), SyncOptions::default())
        .await
        .unwrap_err();
    flip_byte(&site.store, &commit_key(4)).await;
    let error = verify(&site.agent(), true, Arc::new(Silent))
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("site a is written by host two (epoch 2, commit 4 of "),
        "{text}"
    );
    assert_eq!(site.commits().await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_table_that_cannot_be_read_differs_though_the_log_has_nothing_of_it() {
    let site = Site::small();
    site.sync().await;
    let verify = async || {
        verify(&site.agent(), false, Arc::new(Silent))
            .await
            .unwrap()
    };
    let report = verify().await;
    assert_eq!((report.differences.len(), report.exit()), (0, Exit::Done));
    let absent: Vec<&str> = report.absent.iter().map(Name::as_str).collect();
    assert_eq!(absent[..2], ["customer", "consultantschedule"]);

    std::fs::create_dir(site.csv("customer")).unwrap();
    let report = verify().await;
    let customer = site.csv("customer").display().to_string();
    assert_eq!(
        report.differences[0].to_string(),
        format!(
            "customer: the source cannot be read: {customer} cannot be read: it is a folder, not a file"
        )
    );
    assert_eq!((report.differences.len(), report.exit()), (1, Exit::Look));
    // No repair mends that.
    assert_eq!(site.repair().await.exit(), Exit::Look);
}

//! Commits that are lost: written again by a state that knows them, bridged where none does.

use rusqlite::Connection;

use super::*;
use crate::testing::copy;

#[tokio::test]
async fn a_commit_that_nobody_knows_is_bridged() {
    for missing in [false, true] {
        let site = with_commits().await;
        std::fs::remove_dir_all(site.state("one")).unwrap();
        if missing {
            site.store.delete(&commit_key(2)).await.unwrap();
        } else {
            flip_byte(&site.store, &commit_key(2)).await;
        }
        assert!(sync(&site.agent(), Default::default()).await.is_err());
        let text = verified(&site, true).await;
        assert!(text.contains("a checkpoint bridges it"), "{text}");
        site.sync().await;
        assert_eq!(verified(&site, false).await, "");
        site.assert_converged().await;
    }
}

#[tokio::test]
async fn the_number_of_a_lost_commit_is_not_given_again() {
    for (lost, numbers) in [(vec![3], vec![1, 2, 4]), (vec![1, 2, 3], vec![4])] {
        let site = with_commits().await;
        let log = site.agent().log().clone();
        let mut reader = log.read_catalog().await.unwrap();
        std::fs::remove_dir_all(site.state("one")).unwrap();
        for seq in lost {
            flip_byte(&site.store, &commit_key(seq)).await;
        }
        site.write_appointments(0..120, "cancelled");
        let text = verified(&site, true).await;
        assert!(text.contains("which the next `sync` writes"), "{text}");
        // Nor by a second repair, once the damaged commit is gone.
        flip_byte(&site.store, &key_of(&site.store, "latest.json").await).await;
        site.repair().await;
        site.sync().await;
        assert_eq!(site.commits().await, numbers);
        assert_eq!(verified(&site, false).await, "");
        site.assert_converged().await;
        log.catch_up(&mut reader, true).await.unwrap();
        assert_eq!(reader.seq(), Seq(4));
    }
}

#[tokio::test]
async fn a_repair_asks_a_state_of_an_earlier_version_too() {
    for kept in [true, false] {
        let site = Site::new();
        for (ids, status) in [(120, "pending"), (130, "pending"), (130, "confirmed")] {
            site.write_appointments(0..ids, status);
            site.sync().await;
        }
        let state = Connection::open(site.state("one").join("state.db")).unwrap();
        let older = "ALTER TABLE partition DROP COLUMN seq; PRAGMA user_version = 2";
        state.execute_batch(older).unwrap();
        if !kept {
            state.execute("DELETE FROM recent_commit", []).unwrap();
        }
        flip_byte(&site.store, &commit_key(2)).await;
        assert_eq!(site.repair().await.exit(), Exit::Done);
        site.sync().await;
        assert_eq!(verified(&site, false).await, "");
        site.assert_converged().await;
    }
}

/// A site with four commits, whose state is what it was after the third, and which believes itself.
async fn with_a_state_that_is_behind() -> Site {
    let site = with_commits().await;
    copy(&site.state("one"), &site.state("copy"));
    site.write_appointments(0..120, "cancelled");
    site.sync().await;
    let old = std::fs::read(site.state("copy").join("state.db")).unwrap();
    std::fs::write(site.state("one").join("state.db"), old).unwrap();
    site
}

#[tokio::test]
async fn a_checkpoint_holds_what_a_commit_said_that_is_written_again() {
    let site = with_a_state_that_is_behind().await;
    site.store.delete(&commit_key(3)).await.unwrap();
    site.store.delete(&commit_key(2)).await.unwrap();
    assert!(site.repair().await.exit() == Exit::Done);
    assert_eq!(site.commits().await, [1, 2, 3, 4]);
    assert_eq!(verified(&site, false).await, "");
    site.assert_converged().await;
}

#[tokio::test]
async fn a_state_that_knows_no_better_is_made_again_after_a_bridge() {
    let site = with_a_state_that_is_behind().await;
    site.store.delete(&commit_key(4)).await.unwrap();
    site.write_appointments(0..130, "cancelled");
    let beyond = site.agent_on("one", Arc::clone(&site.store));
    std::fs::remove_dir_all(site.state("copy")).unwrap();
    // Commit 4 again, with other changes, then 5; the state stays at 3.
    copy(&site.state("one"), &site.state("copy"));
    sync(&beyond, Default::default()).await.unwrap();
    site.write_appointments(0..140, "cancelled");
    site.sync().await;
    let old = std::fs::read(site.state("copy").join("state.db")).unwrap();
    std::fs::write(site.state("one").join("state.db"), old).unwrap();
    site.store.delete(&commit_key(4)).await.unwrap();

    let text = verified(&site, true).await;
    assert!(text.contains("which the next `sync` writes"), "{text}");
    // Though no source moved.
    site.sync().await;
    assert_eq!(verified(&site, false).await, "");
    site.assert_converged().await;
}

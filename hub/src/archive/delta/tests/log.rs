//! What became of a table's log, of its checkpoints, and of what is kept of it.

use causeway_shared::store::failing::{FailingStore, Fault};

use super::super::log::DeltaLog;
use super::*;

/// Makes sure that readers get the newest version of the sales from the checkpoint that the hint names, and the
/// commits since.
async fn assert_checkpointed(store: &Store) -> Outcome {
    let sale = name("sale");
    let hint = bytes(store, &DeltaKey::LastCheckpoint.of(&sale)).await?;
    let hint: serde_json::Value = serde_json::from_slice(&hint)?;
    let version = hint["version"].as_u64().ok_or("it names no version")?;
    let checkpoint = bytes(store, &DeltaKey::Checkpoint(version).of(&sale)).await?;
    let checkpoint = SerializedFileReader::new(Bytes::from(checkpoint))?;
    let rows = u64::try_from(checkpoint.metadata().file_metadata().num_rows())?;
    assert_eq!(Some(rows), hint["size"].as_u64());
    let after = layout::delta_log_from(&sale, version + 1);
    let prefix = layout::delta_log_prefix(&sale);
    let since = list_all(&**store, &prefix, Some(&after)).await?;
    let since = since
        .iter()
        .filter_map(|object| DeltaKey::parse(&object.key));
    let since = since.map(|(_, key)| key).collect::<Vec<_>>();
    let mut expected: Vec<_> = (version + 1..version + since.len() as u64)
        .map(DeltaKey::Commit)
        .collect();
    expected.push(DeltaKey::LastCheckpoint);
    assert_eq!(since, expected, "after version {version}");
    Ok(())
}

#[tokio::test]
async fn a_checkpoint_that_is_lost_or_changed_is_written_again() -> Outcome {
    let (store, _) = shop_at(65).await?;
    assert_checkpointed(&store).await?;
    let sale = name("sale");
    let (checkpoint, hint) = (DeltaKey::Checkpoint(64), DeltaKey::LastCheckpoint);
    let (checkpoint, hint) = (checkpoint.of(&sale), hint.of(&sale));
    for key in [&checkpoint, &hint] {
        for body in [None, Some("{\"version\":7")] {
            let store = copy(&store).await?;
            // The store's versions are others in a copy: that is seen, too.
            run(&store).await?;
            match body {
                None => store.delete(key).await?,
                Some(body) => drop(store.put(key, body.as_bytes().to_vec().into()).await?),
            }
            run(&store).await?;
            assert_checkpointed(&store).await?;
            let requests = store.requests();
            run(&store).await?;
            assert_eq!(store.requests().since(&requests).put, 0, "{key}: once");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_checkpoint_does_without_a_commit_that_is_lost() -> Outcome {
    let (store, mut site) = shop_at(66).await?;
    store
        .delete(&DeltaKey::Commit(65).of(&name("sale")))
        .await?;
    assert!(!run(&store).await?.has_errors());
    assert_checkpointed(&store).await?;
    site.put("sale", "dt=2025-11-28", &["2,2025-11-28,a,void"])
        .await?
        .commit()
        .await?;
    assert!(!run(&store).await?.has_errors());
    let newest = DeltaKey::Commit(67).of(&name("sale"));
    assert!(store.head(&newest).await.is_ok(), "the log goes on");
    Ok(())
}

#[tokio::test]
async fn a_log_from_which_commits_are_missing_is_refused_where_nothing_is_kept() -> Outcome {
    let (store, _) = shop_at(65).await?;
    store.delete(layout::ARCHIVE_DELTA_STATE).await?;
    let sale = name("sale");
    let log = layout::delta_log_prefix(&sale);
    let mut errors = Vec::new();
    for lost in [30..31, 0..1, 0..66] {
        for version in lost {
            store.delete(&DeltaKey::Commit(version).of(&sale)).await?;
        }
        let before = keys(&store, &log).await?;
        let report = run(&store).await?;
        errors.extend(report.tables[&sale].error.clone());
        assert_eq!(keys(&store, &log).await?, before, "nothing is appended");
        assert!(report.tables[&name("item")].error.is_none());
    }
    insta::assert_snapshot!(errors.join("\n"), @r"
    not published as a Delta table: version 30 of its log is missing, and what came after it is there; remove archive/delta/sale/, and the next run publishes it anew
    not published as a Delta table: version 0 of its log is missing, and what came after it is there; remove archive/delta/sale/, and the next run publishes it anew
    not published as a Delta table: version 0 of its log is missing, and what came after it is there; remove archive/delta/sale/, and the next run publishes it anew
    ");
    for key in keys(&store, "archive/delta/sale/").await? {
        store.delete(&key).await?;
    }
    assert!(!run(&store).await?.has_errors());
    assert_eq!(published(&store).await?, expected(&store).await?);
    Ok(())
}

#[tokio::test]
async fn what_is_kept_may_be_older_than_the_log_or_of_another_one() -> Outcome {
    let (store, mut site) = shop_at(1).await?;
    let older = bytes(&store, layout::ARCHIVE_DELTA_STATE).await?;
    site.put("sale", "dt=2025-11-28", &["2,2025-11-28,a,void"])
        .await?
        .commit()
        .await?;
    run(&store).await?;
    let wanted = published(&store).await?;
    let versions = async || Outcome::Ok(table(&store, &name("sale")).await?.next_version());

    store.put(layout::ARCHIVE_DELTA_STATE, older.into()).await?;
    run(&store).await?;
    assert_eq!((published(&store).await?, versions().await?), (wanted, 3));

    // The log was put back as it was a version ago.
    store.delete(&DeltaKey::Commit(2).of(&name("sale"))).await?;
    run(&store).await?;
    assert_eq!(published(&store).await?, expected(&store).await?);
    assert_eq!(versions().await?, 3);

    // Another log of that length.
    let first = DeltaKey::Commit(2).of(&name("sale"));
    let other = String::from_utf8(bytes(&store, &first).await?)?.replace("WRITE", "WRITES");
    store.put(&first, other.into_bytes().into()).await?;
    run(&store).await?;
    assert_eq!(published(&store).await?, expected(&store).await?);
    Ok(())
}

#[tokio::test]
async fn what_is_kept_is_refused_where_it_cannot_be_read() -> Outcome {
    let (store, _) = shop_at(0).await?;
    let damaged = b"damaged".to_vec();
    store
        .put(layout::ARCHIVE_DELTA_STATE, damaged.into())
        .await?;
    let refused = run(&store).await.unwrap_err().to_string();
    insta::assert_snapshot!(refused, @"the archive cannot go on: archive_delta.json.zst cannot be used: Unknown frame descriptor; remove it, and the next run reads the logs of the Delta tables");
    store.delete(layout::ARCHIVE_DELTA_STATE).await?;
    assert!(!run(&store).await?.has_errors());
    assert_eq!(table(&store, &name("sale")).await?.next_version(), 1);
    Ok(())
}

#[tokio::test]
async fn a_newest_commit_that_is_damaged_is_refused() -> Outcome {
    let (store, _) = shop_at(1).await?;
    let newest = DeltaKey::Commit(1).of(&name("sale"));
    let mut damaged = bytes(&store, &newest).await?;
    damaged.truncate(200);
    store.put(&newest, damaged.into()).await?;
    let report = run(&store).await?;
    let error = report.tables[&name("sale")].error.as_deref();
    insta::assert_snapshot!(error.unwrap_or_default(), @"not published as a Delta table: version 1 of its log cannot be used: it is not what Causeway writes: EOF while parsing a string at line 4 column 5; remove archive/delta/sale/, and the next run publishes it anew");
    Ok(())
}

#[tokio::test]
async fn a_log_that_another_program_writes_is_refused() -> Outcome {
    let (store, _) = shop_at(0).await?;
    let commit = r#"{"commitInfo":{"timestamp":1,"operation":"OPTIMIZE","engineInfo":"x"}}
{"add":{"path":"part-0000.parquet"}}"#;
    let key = DeltaKey::Commit(1).of(&name("sale"));
    store.put(&key, commit.as_bytes().to_vec().into()).await?;
    let report = run(&store).await?;
    let error = report.tables[&name("sale")].error.as_deref();
    insta::assert_snapshot!(error.unwrap_or_default(), @"not published as a Delta table: version 1 of its log cannot be used: it is not what Causeway writes: missing field `partitionValues` at line 2 column 35; remove archive/delta/sale/, and the next run publishes it anew");
    assert!(report.tables[&name("item")].error.is_none());
    assert!(archive(&store).status().await?.needs_a_look());
    Ok(())
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_known_again() -> Outcome {
    let (store, _) = shop_at(0).await?;
    let sale = name("sale");
    let commit = r#"{"commitInfo":{"timestamp":1,"operation":"WRITE","engineInfo":"x"}}"#;
    store
        .create(
            &DeltaKey::Commit(1).of(&sale),
            commit.as_bytes().to_vec().into(),
        )
        .await?;
    let log = DeltaLog {
        store: &store,
        table: &sale,
    };
    let before = log.catch_up(DeltaTable::default()).await?;
    assert_eq!(before.next_version(), 2);
    let mut table = DeltaTable::default();
    table = table.after(&bytes(&store, &DeltaKey::Commit(0).of(&sale)).await?)?;
    let again = log
        .append(table.clone(), commit.as_bytes().to_vec())
        .await?;
    assert_eq!(again, Some(before));
    let other = commit.replace("WRITE", "OTHER").into_bytes();
    assert_eq!(log.append(table, other).await?, None, "it is another hub's");
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_stopped_at_a_checkpoint_is_made_good_by_the_next() -> Outcome {
    let (base, mut site) = shop_at(63).await?;
    site.put("sale", "dt=2025-11-28", &["2,2025-11-28,a,void"])
        .await?
        .commit()
        .await?;
    let wanted = expected(&base).await?;
    for part in [
        "64.json",
        "64.checkpoint.parquet",
        "_last_checkpoint",
        layout::ARCHIVE_DELTA_STATE,
    ] {
        for fault in [Fault::RefuseWritesOf(part), Fault::LoseFirstWriteOf(part)] {
            let store = copy(&base).await?;
            let failing: Store = Arc::new(FailingStore::new(Arc::clone(&store), [fault]));
            assert!(run(&failing).await.is_err(), "{fault:?}");
            assert!(!run(&store).await?.has_errors());
            assert_eq!(published(&store).await?, wanted, "{fault:?}");
            let versions = table(&store, &name("sale")).await?.next_version();
            assert_eq!(versions, 65, "{fault:?}: the change is made once");
            assert_checkpointed(&store).await?;
        }
    }
    Ok(())
}

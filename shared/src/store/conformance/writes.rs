//! Writing: who may, and who wins.

use std::sync::Arc;

use super::super::{Store, StoreError, check};
use super::{Outcome, body, read};

/// How many writers race.
const WRITERS: usize = 16;
/// How many of them race to replace, and how often each has to win.
const REPLACERS: usize = 4;
const REPLACEMENTS: usize = 5;

/// A second create of one key fails and changes nothing.
pub async fn create_writes_only_once(store: &Store) -> Outcome {
    store.create("log/1.json", body("first")).await?;
    let second = store.create("log/1.json", body("second")).await;
    assert!(
        matches!(second, Err(StoreError::AlreadyExists { .. })),
        "{second:?}"
    );
    assert_eq!(read(store, "log/1.json").await?, "first");
    Ok(())
}

/// Of many that create one key at once, one succeeds, and its body is there.
pub async fn create_has_one_winner(store: &Store) -> Outcome {
    let race = (0..WRITERS).map(|writer| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let created = store
                .create("log/1.json", body(&format!("writer {writer}")))
                .await;
            (writer, created)
        })
    });
    let mut winners = Vec::new();
    for writer in race.collect::<Vec<_>>() {
        match writer.await? {
            (writer, Ok(_)) => winners.push(format!("writer {writer}")),
            (_, Err(StoreError::AlreadyExists { .. })) => {}
            (_, Err(error)) => return Err(error.into()),
        }
    }
    assert_eq!(winners, [read(store, "log/1.json").await?]);
    Ok(())
}

/// An unconditional write takes the place of the object before it.
pub async fn put_writes_over_what_is_there(store: &Store) -> Outcome {
    let first = store
        .put("latest.json", body("a longer first body"))
        .await?;
    let second = store.put("latest.json", body("second")).await?;
    assert_ne!(first, second);
    assert_eq!(read(store, "latest.json").await?, "second");
    Ok(())
}

/// A replacement counts only against the version that is there.
pub async fn replace_needs_the_version_that_is_there(store: &Store) -> Outcome {
    let first = store.put("switch.json", body("on")).await?;
    let second = store.replace("switch.json", body("off"), &first).await?;

    let late = store.replace("switch.json", body("late"), &first).await;
    assert!(matches!(late, Err(StoreError::Changed { .. })), "{late:?}");
    assert_eq!(read(store, "switch.json").await?, "off");

    store.delete("switch.json").await?;
    let gone = store.replace("switch.json", body("gone"), &second).await;
    assert!(matches!(gone, Err(StoreError::Changed { .. })), "{gone:?}");
    let found = store.head("switch.json").await;
    assert!(
        matches!(found, Err(StoreError::NotFound { .. })),
        "{found:?}"
    );
    Ok(())
}

/// A counter that many raise by compare-and-swap ends at the sum.
pub async fn replace_loses_no_update_in_a_race(store: &Store) -> Outcome {
    store.put("counter", body("100")).await?;
    let race = (0..REPLACERS).map(|_| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            for _ in 0..REPLACEMENTS {
                raise_counter(&store).await?;
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        })
    });
    for replacer in race.collect::<Vec<_>>() {
        replacer.await??;
    }
    let sum = 100 + REPLACERS * REPLACEMENTS;
    assert_eq!(read(store, "counter").await?, sum.to_string());
    Ok(())
}

async fn raise_counter(store: &Store) -> Outcome {
    loop {
        let fetched = store.get("counter").await?;
        let version = fetched.meta.version.clone();
        let count: usize = String::from_utf8(fetched.bytes(100).await?)?.parse()?;
        match store
            .replace("counter", body(&(count + 1).to_string()), &version)
            .await
        {
            Ok(_) => return Ok(()),
            Err(StoreError::Changed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// A deleted object is gone, others stay, and deleting it again is no error.
pub async fn delete_removes_and_may_be_repeated(store: &Store) -> Outcome {
    store.put("data/a", body("a")).await?;
    store.put("data/b", body("b")).await?;
    store.delete("data/a").await?;
    store.delete("data/a").await?;
    let gone = store.get("data/a").await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })), "{gone:?}");
    assert_eq!(read(store, "data/b").await?, "b");
    Ok(())
}

/// After a deletion the key is free.
pub async fn a_deleted_key_can_be_created_again(store: &Store) -> Outcome {
    store.create("data/a", body("first")).await?;
    store.delete("data/a").await?;
    store.create("data/a", body("second")).await?;
    assert_eq!(read(store, "data/a").await?, "second");
    Ok(())
}

/// What `store check` tries.
pub async fn it_keeps_what_causeway_relies_on(store: &Store) -> Outcome {
    let report = check::require(store, "hub/check/").await?;
    assert!(report.kept, "{}", report.text());
    let left = store.list("", None).await?.objects;
    assert_eq!(left, []);
    Ok(())
}

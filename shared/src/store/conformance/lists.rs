//! Listing: what, in which order, and where to go on.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::super::{Store, StoreError, list_all};
use super::{Outcome, body};

/// More than fits two pages of 1 000.
const MANY_OBJECTS: usize = 2_001;
/// How many of them are written at once.
const CONCURRENCY: usize = 16;

async fn write_all(store: &Store, keys: &[&str]) -> Result<(), StoreError> {
    for key in keys {
        store.create(key, body("x")).await?;
    }
    Ok(())
}

async fn listed(
    store: &Store,
    prefix: &str,
    after: Option<&str>,
) -> Result<Vec<String>, StoreError> {
    Ok(list_all(store.as_ref(), prefix, after)
        .await?
        .into_iter()
        .map(|o| o.key)
        .collect())
}

/// A prefix may end anywhere in a key.
pub async fn a_prefix_is_a_string_and_no_folder(store: &Store) -> Outcome {
    write_all(
        store,
        &[
            "data/dt=2024-12-31/a",
            "data/dt=2025-01-01/a",
            "data/dt=2025-02-01/b",
        ],
    )
    .await?;
    let in_2025 = ["data/dt=2025-01-01/a", "data/dt=2025-02-01/b"];
    assert_eq!(listed(store, "data/dt=2025", None).await?, in_2025);
    assert_eq!(
        listed(store, "data/dt=2025-02-01/b", None).await?,
        in_2025[1..]
    );
    assert_eq!(listed(store, "data/", None).await?.len(), 3);
    assert_eq!(listed(store, "", None).await?.len(), 3);
    for nothing in ["data/dt=2025-02-01/b/", "datum/"] {
        assert_eq!(listed(store, nothing, None).await?, [""; 0], "{nothing:?}");
    }
    for wrong in ["../", "/", "data//", "."] {
        let refused = listed(store, wrong, None).await;
        assert!(
            matches!(refused, Err(StoreError::Refused { .. })),
            "{wrong:?}: {refused:?}"
        );
    }
    Ok(())
}

/// Keys sort by their bytes: capitals first, `é` after `z`.
///
/// S3 also sorts `a-b` and `a.b` before `a/b`; some compatible servers sort folder by folder, and
/// nothing in Causeway depends on it.
pub async fn keys_are_listed_in_byte_order(store: &Store) -> Outcome {
    let keys = ["A", "a/b", "a/é", "a0", "z", "é"];
    write_all(store, &["z", "a/é", "a0", "é", "a/b", "A"]).await?;
    assert_eq!(listed(store, "", None).await?, keys);
    Ok(())
}

/// A listing begins behind the key named, which need not exist.
pub async fn listing_goes_on_after_a_key(store: &Store) -> Outcome {
    write_all(store, &["log/1", "log/2", "log/2.d/x", "log/3", "other"]).await?;
    assert_eq!(
        listed(store, "log/", Some("log/2")).await?,
        ["log/2.d/x", "log/3"]
    );
    assert_eq!(
        listed(store, "log/", Some("log/2.d/w")).await?,
        ["log/2.d/x", "log/3"]
    );
    assert_eq!(listed(store, "log/", Some("log/20")).await?, ["log/3"]);
    assert_eq!(listed(store, "log/", Some("a")).await?.len(), 4);
    assert_eq!(listed(store, "log/", Some("log/3")).await?, [""; 0]);
    assert_eq!(listed(store, "log/", Some("z")).await?, [""; 0]);
    Ok(())
}

/// Pages hold at most 1 000 objects and together all of them, once, whichever way a server sorts
/// a folder and its continuations.
pub async fn a_long_listing_comes_in_pages(store: &Store) -> Outcome {
    let folders = ["b", "b-1", "b.2"];
    let keys: Vec<_> = (0..MANY_OBJECTS)
        .map(|n| format!("data/{}/{n:05}", folders[n % 3]))
        .collect();
    let writes = keys.iter().map(|key| store.create(key, body("x")));
    stream::iter(writes)
        .buffer_unordered(CONCURRENCY)
        .try_collect::<Vec<_>>()
        .await?;

    let first = store.list("data/", None).await?;
    assert!(
        first.objects.len() <= 1_000,
        "a page of {}",
        first.objects.len()
    );
    assert_eq!(
        first.next.as_ref(),
        first.objects.last().map(|last| &last.key)
    );
    let few = store.list_few("data/", None).await?;
    assert!(!few.objects.is_empty() && first.objects.starts_with(&few.objects));
    assert_eq!(few.next.as_ref(), few.objects.last().map(|last| &last.key));
    let sorted = |mut keys: Vec<String>| {
        keys.sort_unstable();
        keys
    };
    assert_eq!(sorted(listed(store, "data/", None).await?), sorted(keys));
    assert_eq!(
        listed(store, "data/b-", None).await?.len(),
        MANY_OBJECTS / 3
    );
    Ok(())
}

//! Failing: what was interrupted is not there.

use std::time::Duration;

use super::super::{Body, Store, StoreError};
use super::{Outcome, body};

/// The size of a body whose writing is given up.
const ABANDONED_BYTES: usize = 8 << 20;

/// A file that cannot be read to its end is no body: nothing comes to be there, and what was there
/// stays.
pub async fn a_write_without_a_body_leaves_nothing(store: &Store) -> Outcome {
    let folder = tempfile::tempdir()?;
    store.put("latest.json", body("before")).await?;
    for path in [folder.path().join("missing"), folder.path().to_owned()] {
        let created = store.create("data/a", Body::File(path.clone())).await;
        assert!(created.is_err(), "{created:?}");
        let put = store.put("latest.json", Body::File(path)).await;
        assert!(put.is_err(), "{put:?}");
    }
    let listed = super::super::list_all(store.as_ref(), "", None).await?;
    let listed: Vec<_> = listed.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(listed, ["latest.json"]);
    assert_eq!(super::read(store, "latest.json").await?, "before");
    Ok(())
}

/// Whenever a writer gives up, its object is there whole or not at all.
pub async fn an_abandoned_write_leaves_all_or_nothing(store: &Store) -> Outcome {
    for (number, after_ms) in [0, 1, 2, 5, 10].into_iter().enumerate() {
        let key = format!("data/{number}");
        let write = store.create(&key, vec![b'a'; ABANDONED_BYTES].into());
        let _ = tokio::time::timeout(Duration::from_millis(after_ms), write).await;
        match store.get(&key).await {
            Ok(there) => {
                let there = there.bytes(ABANDONED_BYTES as u64).await?;
                assert_eq!(there.len(), ABANDONED_BYTES);
            }
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

//! Reading: what was written, all of it, and as the keys are named.

use std::io::Write as _;
use std::sync::Arc;

use futures_util::StreamExt as _;

use super::super::{Body, RequestCounts, Store, StoreError, Version};
use super::{Outcome, body, read};

/// The size of a large body.
const LARGE_BYTES: usize = 20 << 20;
/// How much of a body may be in memory as one chunk.
const CHUNK_MAX_BYTES: usize = 1 << 20;
/// How often a body is written over while it is read, and how long it is.
const OVERWRITES: usize = 20;
const OVERWRITTEN_BYTES: usize = 600_000;

/// What was written is what is read.
pub async fn a_written_body_is_read_back(store: &Store) -> Outcome {
    store
        .put("data/a", body("Nguyễn Thị Hồng\r\n\u{feff}"))
        .await?;
    assert_eq!(read(store, "data/a").await?, "Nguyễn Thị Hồng\r\n\u{feff}");
    Ok(())
}

/// An object may be empty.
pub async fn an_empty_body_is_an_object(store: &Store) -> Outcome {
    store.create("data/empty", body("")).await?;
    assert_eq!(store.head("data/empty").await?.bytes, 0);
    assert_eq!(read(store, "data/empty").await?, "");
    Ok(())
}

/// The characters that Causeway's keys are made of come back as they are.
pub async fn the_keys_of_the_layout_work(store: &Store) -> Outcome {
    let keys = [
        "archive/appointment/dt=2025-11-28/hcm-01.csv",
        "sites/hcm-01/data/Order lines/b=07of16/0cc1.csv.zst",
        "sites/hcm-01/log/00000000000000000001.json",
        "sites/hcm-01/lookup/appointment.customerid/b=1of4/x+y (%20) ü.csv",
    ];
    for key in keys {
        store.create(key, body(key)).await?;
    }
    for key in keys {
        assert_eq!(read(store, key).await?, key);
    }
    let listed = super::super::list_all(store.as_ref(), "", None).await?;
    assert_eq!(
        listed
            .iter()
            .map(|object| object.key.as_str())
            .collect::<Vec<_>>(),
        keys
    );
    Ok(())
}

/// A key is never a way out of the store.
pub async fn keys_that_lead_elsewhere_are_refused(store: &Store) -> Outcome {
    for key in [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a//b",
        "a/",
        ".hidden",
        "a/.b",
    ] {
        let written = store.put(key, body("x")).await;
        assert!(
            matches!(written, Err(StoreError::Refused { .. })),
            "{key:?}: {written:?}"
        );
        let fetched = store.get(key).await;
        assert!(
            matches!(fetched, Err(StoreError::Refused { .. })),
            "{key:?}: {fetched:?}"
        );
    }
    Ok(())
}

/// Every operation says in its way that there is no such object.
pub async fn a_missing_key_is_told_by_every_operation(store: &Store) -> Outcome {
    let version = store.put("data/other", body("x")).await?;
    let key = "data/missing";
    let not_found = |error: StoreError| assert!(error.is_not_found(), "{error:?}");
    store
        .get(key)
        .await
        .map(drop)
        .map_or_else(not_found, |()| panic_found(key));
    store
        .head(key)
        .await
        .map(drop)
        .map_or_else(not_found, |()| panic_found(key));
    let conditional = store.get_if_changed(key, &version).await;
    conditional
        .map(drop)
        .map_or_else(not_found, |()| panic_found(key));
    let replaced = store.replace(key, body("x"), &version).await;
    assert!(
        matches!(replaced, Err(StoreError::Changed { .. })),
        "{replaced:?}"
    );
    store.delete(key).await?;
    assert_eq!(store.list(key, None).await?.objects, []);
    Ok(())
}

#[expect(clippy::panic, reason = "an assertion of a test")]
fn panic_found(key: &str) {
    panic!("{key} was found");
}

/// Write, look-up, read and listing name one version, size and time.
pub async fn metadata_agrees_wherever_it_is_asked_for(store: &Store) -> Outcome {
    let version = store.create("data/a", body("four")).await?;
    let head = store.head("data/a").await?;
    assert_eq!(
        (head.key.as_str(), head.bytes, &head.version),
        ("data/a", 4, &version)
    );
    assert_eq!(store.get("data/a").await?.meta.version, version);
    assert_eq!(store.get("data/a").await?.meta.bytes, 4);
    let listed = store.list("data/", None).await?.objects;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].bytes, &listed[0].version), (4, &version));
    assert_eq!(listed[0].modified.as_second(), head.modified.as_second());
    Ok(())
}

/// A conditional read answers only when there is something new.
pub async fn an_unchanged_object_is_not_read_again(store: &Store) -> Outcome {
    let first = store.put("latest.json", body("1")).await?;
    assert!(store.get_if_changed("latest.json", &first).await?.is_none());

    store.put("latest.json", body("2")).await?;
    let fetched = store.get_if_changed("latest.json", &first).await?;
    let content = match fetched {
        Some(fetched) => fetched.bytes(10).await?,
        None => Vec::new(),
    };
    assert_eq!(content, b"2");
    assert!(
        store
            .get_if_changed("latest.json", &Version("\"other\"".into()))
            .await?
            .is_some()
    );
    Ok(())
}

/// A body larger than any chunk goes from a file and comes back in pieces.
pub async fn a_large_file_is_streamed(store: &Store) -> Outcome {
    let content = numbers(LARGE_BYTES);
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(&content)?;

    store
        .create("data/large", Body::File(file.path().to_owned()))
        .await?;

    let mut fetched = store.get("data/large").await?;
    assert_eq!(fetched.meta.bytes, LARGE_BYTES as u64);
    let mut rest = content.as_slice();
    while let Some(chunk) = fetched.body.next().await {
        let chunk = chunk?;
        assert!(
            chunk.len() <= CHUNK_MAX_BYTES,
            "a chunk of {} bytes",
            chunk.len()
        );
        rest = rest.strip_prefix(&*chunk).ok_or("another body came back")?;
    }
    assert_eq!(rest.len(), 0);
    Ok(())
}

/// Bytes that repeat at no distance a chunk could have.
fn numbers(len: usize) -> Vec<u8> {
    (0..=len as u64 / 8)
        .flat_map(u64::to_le_bytes)
        .take(len)
        .collect()
}

/// The reader's limit holds.
pub async fn a_reader_that_takes_less_gets_an_error(store: &Store) -> Outcome {
    store.put("data/a", body("five!")).await?;
    let taken = store.get("data/a").await?.bytes(4).await;
    assert!(
        matches!(taken, Err(StoreError::TooLarge { limit_bytes: 4, .. })),
        "{taken:?}"
    );
    assert_eq!(store.get("data/a").await?.bytes(5).await?, b"five!");
    Ok(())
}

/// While a body is written over, a reader has the old one or the new one, never some of both.
pub async fn a_reader_sees_one_whole_body(store: &Store) -> Outcome {
    store
        .put("latest.json", vec![b'0'; OVERWRITTEN_BYTES].into())
        .await?;
    let writer = tokio::spawn({
        let store = Arc::clone(store);
        async move {
            for digit in (b'0'..=b'9').cycle().take(OVERWRITES) {
                store
                    .put("latest.json", vec![digit; OVERWRITTEN_BYTES].into())
                    .await?;
            }
            Ok::<_, StoreError>(())
        }
    });
    while !writer.is_finished() {
        let content = store.get("latest.json").await?.bytes(1 << 20).await?;
        assert_eq!(content.len(), OVERWRITTEN_BYTES);
        assert!(
            content.iter().all(|&byte| byte == content[0]),
            "two bodies mixed"
        );
    }
    Ok(writer.await??)
}

/// Each call is one request of its kind, also when it fails.
pub async fn every_request_is_counted(store: &Store) -> Outcome {
    let before = store.requests();
    let version = store.create("a", body("1")).await?;
    store.create("a", body("2")).await.map_or_else(drop, drop);
    store.put("b", body("3")).await?;
    store
        .replace("b", body("4"), &version)
        .await
        .map_or_else(drop, drop);
    store.get("a").await?;
    store.get("missing").await.map_or_else(drop, drop);
    store.get_if_changed("a", &version).await?;
    store.head("a").await?;
    store.list("", None).await?;
    store.delete("a").await?;
    let expected = RequestCounts {
        put: 4,
        get: 3,
        head: 1,
        list: 1,
        delete: 1,
    };
    assert_eq!(store.requests().since(&before), expected);
    Ok(())
}

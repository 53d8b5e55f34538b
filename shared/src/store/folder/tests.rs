#![allow(clippy::unwrap_used)]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::store::Store;

crate::store_conformance!(async {
    let (store, dir) = opened();
    (Arc::new(store) as Store, dir)
});

fn opened() -> (FolderStore, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (FolderStore::open(dir.path()).unwrap(), dir)
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_waited_for_and_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("disk");
    let store = FolderStore::open(&missing).unwrap();
    for outcome in [
        store.get("a").await.map(drop),
        store.list("", None).await.map(drop),
        store.is_blank().await.map(drop),
        store.put("a", vec![1].into()).await.map(drop),
        store.delete("a").await,
    ] {
        let told = outcome.unwrap_err();
        let remedy = "create it, or mount the disk it lies on";
        assert!(
            told.is_retryable() && told.to_string().contains(remedy),
            "{told}"
        );
    }
    assert!(!missing.exists());
    fs::create_dir(&missing).unwrap();
    store.put("a", vec![1].into()).await.unwrap();
}

#[test]
fn a_folder_that_has_to_be_there_is_refused_if_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    assert!(FolderStore::existing(&dir.path().join("disk")).is_err());
    assert!(FolderStore::open(Path::new("relative")).is_err());
}

#[tokio::test]
async fn reading_a_new_store_makes_nothing_in_it() {
    let (store, dir) = opened();
    assert!(store.is_blank().await.unwrap());
    assert!(store.get("a").await.unwrap_err().is_not_found());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_unmounted_folder_is_not_an_empty_store() {
    let (store, dir) = opened();
    store.put("log/0", vec![1].into()).await.unwrap();
    fs::remove_file(dir.path().join("log/0")).unwrap();
    fs::remove_dir_all(dir.path().join(".tmp")).unwrap();
    for outcome in [
        store.get("log/1").await.map(drop),
        store.head("log/1").await.map(drop),
        store.list("log/", None).await.map(drop),
        store.create("log/1", vec![1].into()).await.map(drop),
    ] {
        assert!(
            matches!(outcome, Err(StoreError::Unavailable { .. })),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_body_cut_short_under_the_reader_is_damaged() {
    let (store, dir) = opened();
    store
        .put("data/a", vec![7; 1_000_000].into())
        .await
        .unwrap();
    let fetched = store.get("data/a").await.unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(dir.path().join("data/a"))
        .unwrap()
        .set_len(500_000)
        .unwrap();
    let read = fetched.bytes(1 << 20).await;
    assert!(matches!(read, Err(StoreError::Damaged { .. })), "{read:?}");
}

#[tokio::test]
async fn a_writer_killed_before_the_body_got_its_name_leaves_nothing_to_see() {
    let (store, dir) = opened();
    fs::create_dir(dir.path().join(".tmp")).unwrap();
    fs::write(dir.path().join(".tmp/4711-0"), "half a bo").unwrap();
    assert_eq!(store.list("", None).await.unwrap().objects, []);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_leaves_nothing() {
    let (store, dir) = opened();
    let written = store
        .create("data/a", Body::File(dir.path().join("no such file")))
        .await;
    let message = written.unwrap_err().to_string();
    assert!(message.contains("no such file: "), "{message}");
    assert_eq!(store.list("", None).await.unwrap().objects, []);
    assert_eq!(fs::read_dir(dir.path().join(".tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn leftovers_are_swept_when_no_writer_can_be_at_work_on_them() {
    let (first, dir) = opened();
    first.put("a", vec![1].into()).await.unwrap();
    let store = FolderStore::open(dir.path()).unwrap();
    let (old, new) = (dir.path().join(".tmp/1-0"), dir.path().join(".tmp/1-1"));
    fs::write(&new, "").unwrap();
    let file = fs::File::create(&old).unwrap();
    let now = file.metadata().unwrap().modified().unwrap();
    file.set_modified(now - Duration::from_secs(25 * 60 * 60))
        .unwrap();
    store.put("a", vec![1].into()).await.unwrap();
    assert!(!old.exists() && new.exists());
}

#[tokio::test]
async fn a_version_never_comes_back_within_a_tick_of_the_clock() {
    let (store, _dir) = opened();
    let mut seen = Vec::new();
    for _ in 0..200 {
        let version = store.put("hub/pins.json", vec![1].into()).await.unwrap();
        assert!(!seen.contains(&version), "{version:?} came back");
        seen.push(version);
    }
}

#[tokio::test]
async fn a_key_that_continues_another_is_refused_with_the_reason() {
    let (store, _dir) = opened();
    store.put("a", vec![1].into()).await.unwrap();
    let refused = store
        .put("a/b", vec![1].into())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("a key cannot continue another key"),
        "{refused}"
    );
    assert!(store.get("a/b").await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn what_is_no_file_is_refused_without_being_opened() {
    let (store, dir) = opened();
    fs::create_dir(dir.path().join("log")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(dir.path().join("log/1"))
        .status();
    assert!(made.unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", dir.path().join("log/2")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("log/3")).unwrap();
    for (key, what) in [
        ("log/1", "a FIFO"),
        ("log/2", "a device"),
        ("log/3", "a socket"),
    ] {
        for (action, outcome) in [
            ("read", store.get(key).await.map(drop)),
            ("look-up", store.head(key).await.map(drop)),
        ] {
            let message = outcome.unwrap_err().to_string();
            let expected = format!(
                "the store refuses {action} of {key}: {what} lies there and no file; remove it"
            );
            assert_eq!(message, expected);
        }
        let created = store.create(key, vec![1].into()).await;
        assert!(
            matches!(created, Err(StoreError::AlreadyExists { .. })),
            "{created:?}"
        );
    }
    assert_eq!(store.list("", None).await.unwrap().objects, []);
    // It can be written over, as S3 has no such thing.
    store.put("log/1", vec![1].into()).await.unwrap();
    assert_eq!(
        store.get("log/1").await.unwrap().bytes(9).await.unwrap(),
        [1]
    );
}

#[tokio::test]
async fn nobody_but_the_owner_and_the_folder_s_group_may_read_what_is_written() {
    use std::os::unix::fs::PermissionsExt as _;
    for (folder, file, inner) in [(0o700, 0o600, 0o700), (0o755, 0o640, 0o750)] {
        let (store, dir) = opened();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(folder)).unwrap();
        store.create("data/a", vec![1].into()).await.unwrap();
        store.put("data/b", vec![1].into()).await.unwrap();
        let mode = |path: &str| {
            fs::metadata(dir.path().join(path))
                .unwrap()
                .permissions()
                .mode()
                & 0o777
        };
        for path in ["data/a", "data/b", ".lock"] {
            assert_eq!(mode(path), file, "{path} in a folder of {folder:o}");
        }
        for path in ["data", ".tmp"] {
            assert_eq!(mode(path), inner, "{path} in a folder of {folder:o}");
        }
    }
}

#[tokio::test]
async fn two_stores_on_one_folder_are_one_store() {
    let (one, dir) = opened();
    let other = FolderStore::open(dir.path()).unwrap();
    let version = one.put("a", vec![1].into()).await.unwrap();
    other.put("a", vec![2].into()).await.unwrap();
    let replaced = one.replace("a", vec![3].into(), &version).await;
    assert!(
        matches!(replaced, Err(StoreError::Changed { .. })),
        "{replaced:?}"
    );
}

#[tokio::test]
async fn a_name_is_sorted_by_the_key_it_stands_for() {
    let (store, _dir) = opened();
    for key in ["a/b", "a.b/c", "a0", "a-b"] {
        store.put(key, vec![1].into()).await.unwrap();
    }
    let listed = store.list("", None).await.unwrap().objects;
    let keys: Vec<_> = listed.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["a-b", "a.b/c", "a/b", "a0"]);
}

//! The S3 store against a real server, and against a network that fails.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_shared::store::s3::S3Store;
use causeway_shared::store::{self, Body, ObjectStore as _, Store, StoreConfig, StoreError};
use causeway_tests::deployment::{Deployment, PAIRS};
use causeway_tests::proxy::{Proxy, Trouble};
use causeway_tests::{Finished, StoreKind, TestStore};

causeway_shared::store_conformance!(async {
    let test_store = TestStore::create(StoreKind::S3);
    (test_store.open().await, test_store)
});

async fn opened(config: &StoreConfig) -> S3Store {
    S3Store::open(config.url.strip_prefix("s3://").unwrap(), config)
        .await
        .unwrap()
}

/// A store with one object, and the same store behind a proxy.
async fn behind(trouble: Trouble) -> (Store, S3Store, Proxy) {
    let test_store = TestStore::create(StoreKind::S3);
    let direct = test_store.open().await;
    direct
        .put("data/a", vec![b'a'; 100_000].into())
        .await
        .unwrap();
    let proxy = Proxy::start(&test_store.config().endpoint, trouble).await;
    let proxied = opened(&test_store.config_via(proxy.endpoint())).await;
    (direct, proxied, proxy)
}

/// How often a program's log says that the store was found to keep its promises.
fn checks(run: &Finished) -> usize {
    run.stderr.matches("keeps what Causeway relies on").count()
}

#[tokio::test]
async fn both_programs_try_a_store_and_leave_nothing_in_it() {
    for pair in PAIRS {
        let site = Deployment::create(pair, "meetassist", "").await;
        let store = site.store.open().await;
        for run in [
            site.agent(&["store", "check"]),
            site.hub(&["store", "check"]),
        ] {
            let report = run.expect_code(0).json();
            assert_eq!(report["kept"], true, "{report}");
            assert_eq!(
                report["promises"].as_array().map(Vec::len),
                Some(7),
                "{report}"
            );
            assert_eq!(report["requests"]["list"], 2, "{report}");
            assert_eq!(store.list("", None).await.unwrap().objects, []);
        }
    }
}

#[tokio::test]
async fn whoever_writes_first_tries_the_store_once() {
    for pair in PAIRS {
        let source = "[[source]]\nkind = \"csv\"\npath = \"site\"\n";
        let site = Deployment::create(pair, "meetassist", source).await;
        let rows = "consultantid,fullname,email,joindate\n1,An,an@x,2020-01-01\n";
        fs::write(site.site().join("consultant.csv"), rows).unwrap();
        let token = |name| site.hub(&["token", "create", "--role", "viewer", "--name", name]);
        assert_eq!(checks(&site.agent(&["sync"]).expect_code(0)), 1);
        assert_eq!(checks(&token("a").expect_code(0)), 1);

        let more = format!("{rows}2,Bo,bo@x,2020-01-01\n");
        fs::write(site.site().join("consultant.csv"), more).unwrap();
        let second = site.agent(&["sync"]).expect_code(0);
        assert_eq!((checks(&second), &second.json()["commit"]), (0, &2.into()));
        assert_eq!(checks(&token("b").expect_code(0)), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_byte_is_found_by_the_checksum() {
    let (_, proxied, _proxy) = behind(Trouble::FlipAnswer).await;
    let read = proxied.get("data/a").await.unwrap().bytes(1 << 20).await;
    assert!(matches!(read, Err(StoreError::Damaged { .. })), "{read:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_breaks_off_is_an_error() {
    let (_, proxied, _proxy) = behind(Trouble::CutAnswerAfter(50_000)).await;
    let read = proxied.get("data/a").await.unwrap().bytes(1 << 20).await;
    assert!(
        matches!(&read, Err(error) if error.is_retryable()),
        "{read:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_write_leaves_nothing() {
    let (direct, proxied, _proxy) = behind(Trouble::CutRequestAfter(50_000)).await;
    let written = proxied.create("data/b", vec![b'b'; 100_000].into()).await;
    assert!(
        matches!(&written, Err(error) if error.is_retryable()),
        "{written:?}"
    );
    let found = direct.head("data/b").await;
    assert!(
        matches!(found, Err(StoreError::NotFound { .. })),
        "{found:?}"
    );
    assert_eq!(direct.list("data/b", None).await.unwrap().objects, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_whose_answer_is_lost_finds_its_own_object() {
    let (direct, proxied, _proxy) = behind(Trouble::LoseAnswers).await;
    let created = proxied.create("data/b", vec![b'b'].into()).await;
    assert!(created.is_err(), "{created:?}");
    assert_eq!(
        direct.get("data/b").await.unwrap().bytes(10).await.unwrap(),
        b"b"
    );
    let again = direct.create("data/b", vec![b'b'].into()).await;
    assert!(
        matches!(again, Err(StoreError::AlreadyExists { .. })),
        "{again:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_server_is_asked_again_and_every_attempt_counts() {
    let (_, proxied, _proxy) = behind(Trouble::BusyFirst(2)).await;
    proxied.create("data/b", vec![b'b'].into()).await.unwrap();
    assert_eq!(proxied.requests().put, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stays_busy_is_unavailable_after_four_attempts() {
    let (_, proxied, _proxy) = behind(Trouble::BusyFirst(u64::MAX)).await;
    let read = proxied.get("data/a").await;
    assert!(
        matches!(read, Err(StoreError::Unavailable { .. })),
        "{read:?}"
    );
    assert_eq!(proxied.requests().get, 4);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let config = TestStore::create(StoreKind::S3).config_via("http://127.0.0.1:1".to_owned());
    let error = opened(&config).await.head("a").await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert!(error.to_string().contains("Connection refused"), "{error}");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_refused() {
    let config = TestStore::create(StoreKind::S3).config().clone();
    let config = StoreConfig {
        url: "s3://no-such-bucket/x".to_owned(),
        ..config
    };
    let error = opened(&config).await.get("a").await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("correct the bucket"), "{error}");
}

#[tokio::test]
async fn a_store_without_checksums_writes_and_reads() {
    let test_store = TestStore::create(StoreKind::S3);
    let plain = StoreConfig {
        checksums: false,
        ..test_store.config().clone()
    };
    let store: Store = Arc::new(opened(&plain).await);
    store.create("a", Body::Bytes("a".into())).await.unwrap();
    assert_eq!(store.get("a").await.unwrap().bytes(10).await.unwrap(), b"a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_share_a_bandwidth_and_arrive_whole() {
    let test_store = TestStore::create(StoreKind::S3);
    for checksums in [true, false] {
        let config = StoreConfig {
            checksums,
            ..test_store.config().clone()
        };
        let store = store::open(&config, Some(64 << 10)).await.unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [b'a'; 96 << 10]).unwrap();
        let started = Instant::now();
        let (a, b) = tokio::join!(
            store.put("a", Body::File(file.path().into())),
            store.put("b", vec![b'b'; 96 << 10].into()),
        );
        let took = started.elapsed();
        assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
        // 192 KiB, of which the first chunk of 16 goes at once.
        assert!(took >= Duration::from_millis(2_750), "{took:?}");
        let read = store.get("a").await.unwrap().bytes(1 << 20).await.unwrap();
        assert_eq!(read, [b'a'; 96 << 10]);
    }
}

#[tokio::test]
async fn a_bandwidth_that_cannot_be_kept_is_refused() {
    let config = TestStore::create(StoreKind::S3).config().clone();
    let error = store::open(&config, Some(100)).await.unwrap_err();
    assert!(error.to_string().contains("at least 16KiB"), "{error}");
}

#[tokio::test]
async fn a_url_without_a_bucket_is_refused() {
    let config = TestStore::create(StoreKind::S3).config().clone();
    let error = S3Store::open("/prefix", &config).await.unwrap_err();
    assert!(matches!(error, StoreError::Config { .. }), "{error:?}");
}

//! The harness keeps what it promises to the other tests.

use std::time::Duration;

use causeway_tests::{DatabaseKind, Program, StoreKind, TestDatabase, TestStore};

async fn tables(database: &TestDatabase) -> i64 {
    let client = database.connect().await;
    let sql = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn each_database_is_a_test_s_own() {
    let one = TestDatabase::create(DatabaseKind::Postgres).await;
    let other = TestDatabase::create(DatabaseKind::Postgres).await;
    one.connect()
        .await
        .batch_execute("CREATE TABLE t (a int)")
        .await
        .unwrap();
    assert_eq!((tables(&one).await, tables(&other).await), (1, 0));
}

#[tokio::test]
async fn a_dropped_database_is_gone() {
    let database = TestDatabase::create(DatabaseKind::Postgres).await;
    let url = database.url();
    drop(database);
    let gone = tokio_postgres::connect(&url, tokio_postgres::NoTls).await;
    assert!(gone.err().unwrap().to_string().contains("db error"));
}

#[tokio::test]
async fn each_store_is_a_test_s_own() {
    for kind in [StoreKind::Folder, StoreKind::S3] {
        let (one, other) = (TestStore::create(kind), TestStore::create(kind));
        one.open().await.put("a", vec![1].into()).await.unwrap();
        assert_eq!(
            other.open().await.list("", None).await.unwrap().objects,
            [],
            "{kind:?}"
        );
    }
}

#[test]
fn a_program_is_run_and_its_output_kept() {
    let run = Program::new("testbed").run().expect_code(1);
    assert_eq!(run.stdout, "");
    assert!(
        run.stderr
            .contains("usage: testbed [--durable] -- COMMAND…"),
        "{run}"
    );
}

#[test]
fn a_program_that_runs_is_asked_to_end() {
    let mut running = Program::new("testbed")
        .args(["--", "sh", "-c", "echo up; sleep 60"])
        .spawn();
    assert_eq!(running.wait_for_line("up", Duration::from_secs(60)), "up");
    assert_eq!(running.terminate().code, Some(143));
}

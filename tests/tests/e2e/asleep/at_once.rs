//! Two put the database to sleep at once.

use std::time::{Duration, Instant};

use super::{Ground, NOTICED};

/// How many hubs wait for writers.
const WAITING: &str = "SELECT count(DISTINCT pid) FROM pg_stat_activity \
    WHERE application_name = 'causeway-hub' AND query LIKE '%pg_locks%'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_put_it_to_sleep_at_once_both_have_it_asleep() {
    let ground = Ground::new("").await;
    let change = "UPDATE hcm_01.customer SET phonenumber = '0900000001' WHERE customerid = 'fb-8'";
    let writer = ground.connect("hub").await;
    writer
        .batch_execute(&format!("BEGIN; {change}"))
        .await
        .unwrap();
    let ends_once_both_wait = async {
        let look = ground.connect("postgres").await;
        let began = Instant::now();
        while look.query_one(WAITING, &[]).await.unwrap().get::<_, i64>(0) < 2 {
            assert!(began.elapsed() < NOTICED, "they do not wait");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        writer.batch_execute("COMMIT").await.unwrap();
    };
    let sleep = ground.hub(&["sleep"]);
    let (one, other, ()) = tokio::join!(sleep, ground.hub(&["sleep"]), ends_once_both_wait);
    let (one, other) = (one.expect_code(0).json(), other.expect_code(0).json());
    assert_eq!(
        (&one["stopped_by"], &other["stopped_by"]),
        (&"rds".into(), &"rds".into())
    );
    ground.until_instance("stopped").await;

    // All of it is in the store, and it takes no more.
    ground.aws.start_instance().await;
    let writer = ground.connect("hub").await;
    let waiting = "SELECT count(*) FROM causeway.journal";
    assert_eq!(
        writer
            .query_one(waiting, &[])
            .await
            .unwrap()
            .get::<_, i64>(0),
        0
    );
    let status = ground.hub(&["status"]).await.expect_code(0).json();
    assert_eq!(status["sleep"]["database"], "asleep", "{status}");
    let refused = writer.batch_execute(change).await.unwrap_err();
    assert_eq!(refused.as_db_error().unwrap().code().code(), "25006");
}

//! How many connections a hub has to PostgreSQL, and what it does when one of them is dead.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use causeway_hub::testing::{HubDatabase, SHOP, TestHub, TestSite};
use causeway_tests::silence::SilentWay;
use causeway_tests::{DatabaseKind, TestDatabase};
use futures_util::future::{join_all, try_join_all};

/// The hub's connections, as the server counts them.
const CONNECTIONS: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'causeway-hub'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loads_flushes_and_reads_get_by_with_the_configured_connections() {
    let place = TestDatabase::create(DatabaseKind::Postgres).await;
    let database = HubDatabase::postgres_with_connections(&place.url(), 3).unwrap();
    let test = TestHub::new(&database).await.unwrap();
    let mut sites = Vec::new();
    for number in 0..12 {
        let mut site = TestSite::new(&test.store, &format!("site-{number}"), SHOP).unwrap();
        let put = site.put("item", "b=0of2", &["1,apple"]).await.unwrap();
        put.commit().await.unwrap();
        sites.push(site);
    }
    let client = place.connect().await;
    let done = AtomicBool::new(false);
    let watch = async {
        let mut most = 0;
        while !done.load(Ordering::Relaxed) {
            let count = client.query_one(CONNECTIONS, &[]).await.unwrap();
            most = most.max(count.get::<_, i64>(0));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        most
    };
    let work = async {
        test.load_all().await.unwrap();
        for _ in 0..3 {
            let flushes = sites.iter().map(|site| test.flush_rows(site));
            let reads = (0..20).map(|_| database.count_sites());
            let (flushed, counted, loaded) =
                tokio::join!(try_join_all(flushes), try_join_all(reads), test.load_all());
            flushed.unwrap();
            loaded.unwrap();
            assert_eq!(counted.unwrap(), [12; 20]);
        }
        done.store(true, Ordering::Relaxed);
    };
    let (most, ()) = tokio::join!(watch, work);
    // Three, and two for flushes.
    assert!((2..=5).contains(&most), "{most}");
}

#[tokio::test]
async fn a_connection_that_died_in_silence_is_noticed() {
    let place = TestDatabase::create(DatabaseKind::Postgres).await;
    let way = SilentWay::start(&place.server()).await;
    let url = place.url().replace(&place.server(), &way.address());
    let database = HubDatabase::postgres(&url, None).unwrap();
    let test = TestHub::new(&database).await.unwrap();
    let site = TestSite::with_an_apple(&test.store).await.unwrap();
    test.load_rows().await.unwrap();
    // All connections of the pool, and one of a flush.
    join_all((0..20).map(|_| database.count_sites())).await;
    test.flush_rows(&site).await.unwrap();
    let client = place.connect().await;
    let open = client.query_one(CONNECTIONS, &[]).await.unwrap();
    assert!(open.get::<_, i64>(0) >= 8);

    tokio::time::sleep(Duration::from_millis(600)).await;
    way.silence();
    let began = Instant::now();
    let (counted, flushed) = tokio::join!(database.count_sites(), test.flush_rows(&site));
    assert_eq!(counted.unwrap(), 1);
    assert_eq!(flushed.unwrap(), 0);
    let took = began.elapsed();
    // Who does not notice waits for half a minute.
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_gets_through_though_writers_hold_all_connections() {
    let place = TestDatabase::create(DatabaseKind::Postgres).await;
    let database = HubDatabase::postgres_with_connections(&place.url(), 3).unwrap();
    let test = TestHub::new(&database).await.unwrap();
    let mut site = TestSite::new(&test.store, "here", SHOP).unwrap();
    let others = ["1,2025-11-28,a,paid", "3,2025-11-28,c,paid"];
    let sales = [others[0], "2,2025-11-28,b,paid", others[1]];
    site.put("sale", "dt=2025-11-28", &sales).await.unwrap();
    site.commit().await.unwrap();
    test.load_rows().await.unwrap();
    let written = TestSite::new(&test.store, "here", SHOP).unwrap();
    let done = AtomicBool::new(false);
    let write = async |id: u32| {
        while !done.load(Ordering::Relaxed) {
            let change = format!("UPDATE sale SET slot = slot || '.' WHERE id = {id}");
            test.change(&written, &change).await.unwrap();
        }
    };
    let load = async {
        for number in 0..3 {
            let state = format!("2,2025-11-28,b,{number}");
            let sales = [others[0], &state, others[1]];
            site.put("sale", "dt=2025-11-28", &sales).await.unwrap();
            site.commit().await.unwrap();
            let began = Instant::now();
            test.load_rows().await.unwrap();
            let took = began.elapsed();
            assert!(took < Duration::from_secs(8), "{took:?}");
        }
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(write(1), write(2), write(3), load);
}

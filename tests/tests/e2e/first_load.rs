//! A first load into PostgreSQL: keys and indexes come after the rows, whatever others have made of the
//! tables or read from them meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use causeway_hub::testing::{HubDatabase, TestHub, TestSite};
use causeway_tests::{DatabaseKind, TestDatabase};
use tokio_postgres::Client;

const SALE: (&str, &str, [&str; 2]) = (
    "sale",
    "dt=2025-11-28",
    ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"],
);

/// A site whose first load made its tables and then failed, since an object is missing.
async fn failed_once() -> (TestDatabase, TestHub, TestSite) {
    let place = TestDatabase::create(DatabaseKind::Postgres).await;
    let database = HubDatabase::postgres(&place.url(), None).unwrap();
    let test = TestHub::new(&database).await.unwrap();
    let mut site = TestSite::with_an_apple(&test.store).await.unwrap();
    let (table, part, rows) = SALE;
    site.put(table, part, &rows).await.unwrap();
    site.commit().await.unwrap();
    let key = site.key(table, part, &rows).unwrap();
    test.store.delete(&key).await.unwrap();
    test.load_rows().await.unwrap_err();
    (place, test, site)
}

async fn put_back(test: &TestHub, site: &mut TestSite) {
    let (table, part, rows) = SALE;
    site.put(table, part, &rows).await.unwrap();
    assert_eq!(test.load_rows().await.unwrap(), 3);
}

async fn indexes(client: &Client) -> Vec<String> {
    let sql = "SELECT indexrelid::regclass::text || CASE WHEN indisprimary THEN ', primary' ELSE '' END \
        FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid \
        WHERE relnamespace = 'here'::regnamespace ORDER BY 1";
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

const ALL: [&str; 6] = [
    "here.\"item key\", primary",
    "here.\"item part\"",
    "here.\"sale date\"",
    "here.\"sale key\", primary",
    "here.\"sale part\"",
    "here.\"sale unique 0\"",
];

#[tokio::test]
async fn keys_and_indexes_come_after_the_first_rows() {
    let (place, test, mut site) = failed_once().await;
    let client = place.connect().await;
    assert_eq!(indexes(&client).await, [""; 0]);
    let role = format!(
        "reader_{}",
        causeway_shared::runtime::chance::random_id().unwrap()
    );
    let theirs = format!(
        "CREATE ROLE {role}; GRANT SELECT ON here.sale TO {role}; \
         CREATE VIEW paid AS SELECT count(*) FROM here.sale WHERE state = 'paid'; \
         COMMENT ON TABLE here.sale IS 'theirs'"
    );
    client.batch_execute(&theirs).await.unwrap();

    put_back(&test, &mut site).await;
    assert_eq!(indexes(&client).await, ALL);
    let kept = format!(
        "SELECT (SELECT count FROM paid) = 2 AND has_table_privilege('{role}', 'here.sale', 'SELECT') \
         AND obj_description('here.sale'::regclass) = 'theirs'"
    );
    let kept = client.query_one(&kept, &[]).await.unwrap();
    assert!(kept.get::<_, bool>(0));
    let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    client.batch_execute(&drop).await.unwrap();
}

/// Reads both tables in transactions, beginning with one of them, until it is told to stop. The longest
/// time that one took.
async fn read(client: Client, [first, second]: [&str; 2], stop: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let sql = format!("BEGIN; SELECT FROM {first}; SELECT FROM {second}; COMMIT");
        client.batch_execute(&sql).await.unwrap();
        longest = longest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    longest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_load_is_in_nobody_s_way_who_reads() {
    let (place, test, mut site) = failed_once().await;
    let client = place.connect().await;
    let reader = place.connect().await;
    let open = "BEGIN; SELECT FROM here.sale";
    reader.batch_execute(open).await.unwrap();
    let others = [place.connect().await, place.connect().await];
    let [one, other] = others;
    let stop = AtomicBool::new(false);
    let load = async {
        put_back(&test, &mut site).await;
        stop.store(true, Ordering::Relaxed);
    };
    let (one, other, ()) = tokio::join!(
        read(one, ["here.item", "here.sale"], &stop),
        read(other, ["here.sale", "here.item"], &stop),
        load
    );
    for longest in [one, other] {
        // A load that is in their way is for three seconds.
        assert!(longest < Duration::from_secs(2), "{longest:?}");
    }
    // The open transaction kept the keys from being named so, and nothing else.
    let unnamed = ALL.map(|index| index.trim_end_matches(", primary"));
    assert_eq!(indexes(&client).await, unnamed);
    let twice =
        "SET causeway.loader = on; INSERT INTO here.sale (id, day) VALUES (1, '2025-11-28')";
    let refused = client.batch_execute(twice).await.unwrap_err();
    assert!(refused.code().unwrap().code() == "23505", "{refused}");
    reader.batch_execute("COMMIT").await.unwrap();
    let put = site.put("item", "b=0of2", &["1,pear"]).await.unwrap();
    put.commit().await.unwrap();
    test.load_rows().await.unwrap();
    assert_eq!(indexes(&client).await, ALL);
}

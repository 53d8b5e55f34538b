//! A dataset that changes while others write.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use causeway_hub::testing::SHOP;
use tokio_postgres::Client;

use crate::clinic::Clinic;

/// Rows that each writer begins with.
const ROWS: u64 = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dataset_change_under_writers_loses_no_edit() {
    let mut clinic = Clinic::of(SHOP).await;
    let sales: Vec<String> = (0..2 * ROWS)
        .map(|id| format!("{id},2025-11-28,s{id},0"))
        .collect();
    let sales: Vec<&str> = sales.iter().map(String::as_str).collect();
    clinic
        .site
        .put("sale", "dt=2025-11-28", &sales)
        .await
        .unwrap();
    clinic.load().await;
    let done = AtomicBool::new(false);
    let (written, born) = (AtomicU64::new(0), AtomicU64::new(0));
    // Each row counts its own changes.
    let count = async |client: Client, first: u64| {
        let mut expected = vec![0_u64; usize::try_from(ROWS).unwrap()];
        while !done.load(Ordering::Relaxed) {
            for (n, expected) in (0..ROWS).zip(&mut expected) {
                let id = first + n;
                let sql = format!(
                    "UPDATE hcm_01.sale SET state = (state::int + 1)::text WHERE id = {id}"
                );
                // A dataset change may end a statement that was prepared before: it is told to try again.
                while let Err(error) = client.batch_execute(&sql).await {
                    let error = error.as_db_error().expect("the connection stands").clone();
                    assert!(
                        matches!(error.code().code(), "0A000" | "55P03" | "40P01"),
                        "{error}"
                    );
                    assert_ne!(error.code().code(), "40P01", "a victim of a deadlock");
                }
                *expected += 1;
                written.fetch_add(1, Ordering::Relaxed);
            }
        }
        expected
    };
    let insert = async |client: Client| {
        while !done.load(Ordering::Relaxed) {
            let slot = born.load(Ordering::Relaxed);
            let sql =
                format!("INSERT INTO hcm_01.sale (day, slot) VALUES ('2025-11-29', 'n{slot}')");
            client.batch_execute(&sql).await.unwrap();
            born.fetch_add(1, Ordering::Relaxed);
        }
    };
    let (first, second, third) = (
        clinic.place.connect().await,
        clinic.place.connect().await,
        clinic.place.connect().await,
    );
    let (test, site) = (&clinic.test, &mut clinic.site);
    let change = async {
        let state = "{ name = \"state\", type = \"text\" },";
        for version in 1..=3 {
            let (mut columns, mut tables) = (String::new(), String::new());
            for n in 1..=version {
                columns +=
                    &format!("\n  {{ name = \"c{n}\", type = \"text\", default = \"d{n}\" }},");
                tables += &format!(
                    "[[table]]\nname = \"t{n}\"\nkey = [\"id\"]\npartition = {{ buckets = 1 }}\n\
                     column = [{{ name = \"id\", type = \"int\" }}]\n"
                );
            }
            site.declare(&(SHOP.replace(state, &format!("{state}{columns}")) + &tables))
                .unwrap();
            let (table, rows) = (format!("t{version}"), ["1", "2"]);
            site.put(&table, "b=0of1", &rows).await.unwrap();
            site.commit().await.unwrap();
            test.load_rows().await.unwrap();
            test.flush_rows(site).await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        done.store(true, Ordering::Relaxed);
    };
    let (of_first, of_second, (), ()) =
        tokio::join!(count(first, 0), count(second, ROWS), insert(third), change);
    assert!(written.load(Ordering::Relaxed) > ROWS);
    while test.flush_rows(site).await.unwrap() > 0 {}
    test.load_rows().await.unwrap();
    let rows = test.rows(site, "sale").await.unwrap();
    let mut counted: Vec<(u64, u64)> = Vec::new();
    let mut sold = 0;
    for row in &rows {
        let (part, row) = row.split_once(' ').unwrap();
        let fields: Vec<&str> = row.split(',').collect();
        assert_eq!(fields[4..], ["d1", "d2", "d3"], "{row}");
        match part {
            "dt=2025-11-29" => sold += 1,
            _ => counted.push((fields[0].parse().unwrap(), fields[3].parse().unwrap())),
        }
    }
    counted.sort_unstable();
    let expected = of_first.into_iter().chain(of_second);
    assert_eq!(counted, (0..).zip(expected).collect::<Vec<_>>());
    assert_eq!(sold, born.load(Ordering::Relaxed));
    assert_eq!(test.differences().await.unwrap(), [""; 0]);
}

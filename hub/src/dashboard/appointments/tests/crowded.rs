//! A day with more appointments than most have.

use std::sync::Arc;

use causeway_shared::dataset::Dataset;
use causeway_shared::store::Store;
use causeway_shared::store::memory::MemoryStore;

use super::*;
use crate::config::AuthMode;
use crate::testing::TestSite;

/// A day of five hundred appointments, each in a slot of its own.
async fn crowded() -> Testbed {
    let store: Store = Arc::new(MemoryStore::new());
    let mut site = TestSite::of(&store, "hcm-01", Dataset::meetassist().unwrap()).unwrap();
    let (consultants, customers) = (1..=25, 1..=500);
    let consultants: Vec<String> = consultants
        .map(|n| format!("{n},Nguyễn Thị Dung {n},dung{n}@example.vn,,,,,2020-01-01,2020-01-01T00:00:00,false"))
        .collect();
    let customers: Vec<String> = customers
        .map(|n| {
            format!(
                "fb-{n:010},Trần Nguyễn Văn An {n},an{n}@example.vn,,,2025-01-01T00:00:00,false,"
            )
        })
        .collect();
    let times = (0..20).map(|n| format!("{:02}:{:02}:00", 8 + n / 2, n % 2 * 30));
    let times: Vec<String> = times.collect();
    let (mut slots, mut appointments) = (Vec::new(), Vec::new());
    for n in 0..500 {
        let (consultant, at) = (1 + n % 25, n / 25);
        let (time, id) = (&times[at], 1_000_000_000 + n);
        let end = times.get(at + 1).map_or("18:00:00", String::as_str);
        slots.push(format!("{n},{consultant},2025-11-29,{time},{end},false"));
        let status = ["pending", "confirmed"][n % 2];
        appointments.push(format!(
            "{id},{consultant},fb-{:010},2025-11-29,{time},30,,{status},Tư vấn chọn ngành và trường,2025-11-20T08:00:00,",
            n + 1
        ));
    }
    for (table, part, rows) in [
        ("consultant", "b=0of1", &consultants),
        ("customer", "b=07of16", &customers),
        ("consultantschedule", "dt=2025-11-29", &slots),
        ("appointment", "dt=2025-11-29", &appointments),
    ] {
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        site.put(table, part, &rows).await.unwrap();
    }
    site.commit().await.unwrap();
    Testbed::over(AuthMode::Token, store).await
}

#[tokio::test]
async fn a_page_of_five_hundred_appointments_stays_under_three_hundred_kilobytes() {
    let bed = crowded().await;
    for language in ["en", "vi"] {
        let path = format!("/appointments?date=2025-11-29&lang={language}");
        let page = visit(&bed, &bed.admin, &path).await.body;
        assert_eq!(page.matches("<li id=\"a-").count(), 500);
        assert_eq!(page.matches("formaction=").count(), 500);
        assert!(page.len() < 300_000, "{language}: {} bytes", page.len());
    }
}

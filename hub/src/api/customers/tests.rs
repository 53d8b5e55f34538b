//! Appointments of dates that are not loaded, as callers read and cancel them.

use std::sync::Arc;

use axum::http::StatusCode;
use causeway_shared::dataset::Dataset;
use causeway_shared::store::Store;
use causeway_shared::store::memory::MemoryStore;
use serde_json::{Value, json};

use crate::config::AuthMode;
use crate::serve::testbed::{Answer, Testbed, now};
use crate::sync::LoadRequest;
use crate::testing::TestSite;

/// A site with a day of 2015, one of 2024 and today.
async fn write(store: &Store, name: &str) -> TestSite {
    let mut site = TestSite::of(store, name, Dataset::meetassist().unwrap()).unwrap();
    let customers = [
        "c1,Nguyễn An,an@example.vn,,,2015-01-01T00:00:00,false,",
        "c2,Trần Bình,binh@example.vn,,,2015-01-01T00:00:00,false,",
    ];
    let consultants = ["1,Lê Dung,dung@example.vn,,,,,2015-01-01,2015-01-01T00:00:00,false"];
    let days: [(&str, &[&str]); 3] = [
        (
            "2015-06-01",
            &[
                "1,1,c1,2015-06-01,09:00:00,60,,completed,,2015-05-01T08:00:00,",
                "2,,c1,2015-06-01,09:00:00,60,,confirmed,,2015-05-01T08:00:00,",
            ],
        ),
        (
            "2024-02-29",
            &["3,9,c1,2024-02-29,10:00:00,60,,cancelled,\"a, b\",2024-02-01T08:00:00,"],
        ),
        (
            "2025-11-28",
            &["4,1,c1,2025-11-28,11:00:00,60,,pending,,2025-11-20T08:00:00,"],
        ),
    ];
    site.put_summed("customer", "b=07of16", &customers)
        .await
        .unwrap();
    site.put_summed("consultant", "b=0of1", &consultants)
        .await
        .unwrap();
    for (date, rows) in days {
        let part = format!("dt={date}");
        site.put_summed("appointment", &part, rows).await.unwrap();
    }
    let feedback = ["1,4.5,good,2015-06-02T00:00:00"];
    let slots = [
        "1,1,2015-06-01,09:00:00,10:00:00,false",
        "2,1,2015-06-01,10:00:00,11:00:00,true",
    ];
    let part = "dt=2015-06-01";
    site.put_summed("appointmentfeedback", part, &feedback)
        .await
        .unwrap();
    site.put_summed("consultantschedule", part, &slots)
        .await
        .unwrap();
    site.commit().await.unwrap();
    site
}

async fn bed(sites: &[&str]) -> Testbed {
    let store: Store = Arc::new(MemoryStore::new());
    for site in sites {
        write(&store, site).await;
    }
    Testbed::over(AuthMode::Token, store).await
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

fn ids(answer: &Value) -> Vec<i64> {
    let items = answer["items"].as_array().unwrap().iter();
    items
        .map(|row| row["appointmentid"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn a_customers_appointments_are_listed_whatever_their_date() {
    let bed = bed(&["hcm-01"]).await;
    let listed = json_of(&bed.get("/api/v1/customers/c1/appointments").await);
    assert_eq!(
        (ids(&listed), &listed["total"]),
        (vec![4, 3, 1, 2], &json!(4))
    );
    insta::assert_snapshot!(listed["items"][2], @r#"{"appointmentid":1,"consultantid":1,"consultantname":"Lê Dung","createdat":"2015-05-01T08:00:00","customerid":"c1","customername":"Nguyễn An","date":"2015-06-01","description":null,"duration":60,"meetingurl":null,"site":"hcm-01","status":"completed","time":"09:00:00","updatedat":null}"#);
    // A consultant that is gone has no name.
    insta::assert_snapshot!(listed["items"][1], @r#"{"appointmentid":3,"consultantid":9,"consultantname":null,"createdat":"2024-02-01T08:00:00","customerid":"c1","customername":"Nguyễn An","date":"2024-02-29","description":"a, b","duration":60,"meetingurl":null,"site":"hcm-01","status":"cancelled","time":"10:00:00","updatedat":null}"#);
    let none = json_of(&bed.get("/api/v1/customers/c2/appointments").await);
    assert_eq!(none, json!({"items": [], "next": null, "total": 0}));
    for path in [
        "c9/appointments",
        "%00/appointments",
        "c1/appointments?site=hcm-09",
    ] {
        let answer = bed.get(&format!("/api/v1/customers/{path}")).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.body);
    }
    for query in ["limit=0", "cursor=4", "date=2025-11-28"] {
        let path = format!("/api/v1/customers/c1/appointments?{query}");
        assert_eq!(
            bed.get(&path).await.status,
            StatusCode::BAD_REQUEST,
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_history_is_read_page_by_page_over_all_sites() {
    let bed = bed(&["hcm-01", "hcm-02"]).await;
    let mut path = "/api/v1/customers/c1/appointments?limit=3".to_owned();
    let mut shown = Vec::new();
    loop {
        let page = json_of(&bed.get(&path).await);
        assert_eq!(page["total"], 8);
        for row in page["items"].as_array().unwrap() {
            shown.push(format!(
                "{} {}",
                row["site"].as_str().unwrap(),
                row["appointmentid"]
            ));
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/api/v1/customers/c1/appointments?limit=3&cursor={next}");
    }
    let both = |ids: &[i64]| {
        let of = |site: &str| {
            ids.iter()
                .map(|id| format!("{site} {id}"))
                .collect::<Vec<_>>()
        };
        [of("hcm-01"), of("hcm-02")].concat()
    };
    assert_eq!(shown, [both(&[4]), both(&[3]), both(&[1, 2])].concat());
}

#[tokio::test]
async fn an_appointment_of_long_ago_is_found_and_cancelled() {
    let bed = bed(&["hcm-01"]).await;
    let found = json_of(&bed.get("/api/v1/appointments/1").await);
    assert_eq!(found["customername"], "Nguyễn An");
    assert_eq!(found["consultantname"], "Lê Dung");
    // Nothing was loaded for it.
    let loaded = bed.app.hub.sites(None).await.unwrap().remove(0).loaded;
    assert!(
        loaded
            .iter()
            .all(|part| part.part.to_string() != "dt=2015-06-01")
    );

    let cancelled = bed
        .post(&bed.admin, "/api/v1/appointments/2/cancel", "")
        .await;
    assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.body);
    assert_eq!(json_of(&cancelled)["flushed"], true);
    let listed = json_of(&bed.get("/api/v1/customers/c1/appointments").await);
    assert_eq!(listed["items"][3]["status"], "cancelled");
    let closed = bed
        .post(&bed.admin, "/api/v1/appointments/1/cancel", "")
        .await;
    assert_eq!(closed.status, StatusCode::CONFLICT);
    assert_eq!(json_of(&closed)["present"]["appointmentid"], 1);
    for (path, admin) in [("7", false), ("7/cancel", true)] {
        let path = format!("/api/v1/appointments/{path}");
        let answer = match admin {
            true => bed.post(&bed.admin, &path, "").await,
            false => bed.get(&path).await,
        };
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", answer.body);
    }
}

#[tokio::test]
async fn consultants_figures_reach_back_beyond_what_is_loaded() {
    let bed = bed(&["hcm-01"]).await;
    let path = "/api/v1/stats/consultants?from=2015-11-01&to=2025-12-10";
    let later = json_of(&bed.get(path).await);
    insta::assert_snapshot!(later, @r#"{"items":[{"average_rating":null,"by_status":{"cancelled":0,"completed":0,"confirmed":0,"pending":1},"consultantid":1,"fullname":"Lê Dung","site":"hcm-01","slots":{"offered":0,"used":0}},{"average_rating":null,"by_status":{"cancelled":1,"completed":0,"confirmed":0,"pending":0},"consultantid":9,"fullname":null,"site":"hcm-01","slots":{"offered":0,"used":0}}]}"#);
    let path = "/api/v1/stats/consultants?from=2015-06-01&to=2015-06-01";
    insta::assert_snapshot!(json_of(&bed.get(path).await), @r#"{"items":[{"average_rating":4.5,"by_status":{"cancelled":0,"completed":1,"confirmed":0,"pending":0},"consultantid":1,"fullname":"Lê Dung","site":"hcm-01","slots":{"offered":2,"used":1}}]}"#);
    let path = "/api/v1/stats/consultants?from=2015-01-01&to=2025-12-31";
    let answer = bed.get(path).await;
    assert_eq!(json_of(&answer)["code"], "range_too_long");
}

#[tokio::test]
async fn what_was_read_is_not_asked_for_again_by_a_hub_that_starts() {
    let store: Store = Arc::new(MemoryStore::new());
    let mut site = write(&store, "hcm-01").await;
    let bed = Testbed::over(AuthMode::Token, Arc::clone(&store)).await;
    let hub = &bed.app.hub;
    crate::services::partials::make_all(hub, now()).await;
    let gets = || store.requests().get;
    // Who calls is read from the store once, and again by the copy that the database gets aside.
    bed.get("/api/v1/sync").await;
    crate::tasks::ended().await;
    let before = gets();
    let paths = [
        "/api/v1/customers/c2/appointments",
        "/api/v1/stats/consultants?from=2016-01-01&to=2025-11-28",
    ];
    for path in paths {
        assert_eq!(bed.get(path).await.status, StatusCode::OK);
    }
    assert_eq!(
        bed.get("/api/v1/appointments/7").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(gets(), before);
    // It is in the database, where others find it.
    let other = bed.restarted();
    other.get("/api/v1/sync").await;
    crate::tasks::ended().await;
    let before = gets();
    for path in paths {
        assert_eq!(other.get(path).await.status, StatusCode::OK);
    }
    assert_eq!(gets(), before);

    // One day that changes is read anew, and no other.
    let row = "3,1,c2,2024-02-29,10:00:00,60,,completed,,2024-02-01T08:00:00,";
    site.put_summed("appointment", "dt=2024-02-29", &[row])
        .await
        .unwrap();
    site.commit().await.unwrap();
    hub.load(&LoadRequest::at(now())).await.unwrap();
    let before = gets();
    let listed = json_of(&bed.get(paths[0]).await);
    assert_eq!((ids(&listed), gets() - before), (vec![3], 1));
}

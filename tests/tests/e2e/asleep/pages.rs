//! What a browser shows while the database sleeps.

use super::Ground;
use crate::every_page::assert_is_well;
use crate::pages::signed_in_at;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_that_say_that_the_database_sleeps_can_be_used_by_everybody() {
    let ground = Ground::new("").await;
    let service = ground.serve(&[]).await;
    let _ = ground.hub(&["sleep"]).await.expect_code(0);
    ground
        .until(&service, "/api/v1/overview", |answer| answer.asleep)
        .await;
    let browser = signed_in_at(&service, &ground.token, "/?lang=en").await;
    let banner = browser.text("#asleep").await;
    assert!(
        banner.starts_with("The database sleeps: everything can be looked at"),
        "{banner}"
    );
    assert_is_well(&browser, "asleep").await;
    for (name, path) in [
        ("asleep-customer", "/customers/fb-9?site=hcm-01"),
        ("asleep-database", "/database"),
    ] {
        browser.open(&format!("{}{path}", service.url)).await;
        let _ = browser.text("#asleep").await;
        assert_is_well(&browser, name).await;
    }
}

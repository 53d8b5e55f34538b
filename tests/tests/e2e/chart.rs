//! The dashboard's chart in a real browser.

use causeway_tests::browser::Browser;
use causeway_tests::deployment::PAIRS;
use serde_json::json;

use crate::ground::deploy;

#[tokio::test]
async fn every_label_lies_inside_the_chart() {
    let (deployment, _) = deploy(PAIRS[0]).await;
    deployment.migrate_and_load();
    let token = deployment.token("viewer", &[]);
    let service = deployment.serve(&[]);
    let browser = Browser::start().await;
    let link = format!("{}/login#token={token}", service.url);
    browser.open(&link).await;
    browser.wait_for_path("/").await;
    for language in ["en", "vi"] {
        browser
            .open(&format!("{}/?lang={language}", service.url))
            .await;
        let script = "const box = document.querySelector('svg.chart').getBoundingClientRect();
            return [...document.querySelectorAll('svg.chart text')].map((label) => {
                const { left, right, bottom } = label.getBoundingClientRect();
                return [label.textContent,
                    left >= box.left && right <= box.right && bottom <= box.bottom];
            })";
        let labels = browser.run(script, json!([])).await;
        let labels = labels.as_array().unwrap();
        assert!(labels.len() > 5, "the scale's and five days': {labels:?}");
        let cut: Vec<_> = labels.iter().filter(|label| label[1] != true).collect();
        assert!(cut.is_empty(), "{language}: {cut:?}");
    }
}

//! A hub that is told to write no edits.

use std::collections::BTreeSet;

use causeway_tests::DatabaseKind;
use causeway_tests::deployment::{Deployment, PAIRS};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::booking::ask;
use crate::clinic::refusal;
use crate::ground::{assert_equal, deploy};

const NONE: [(&str, &str); 2] = [
    ("CAUSEWAY_EDITS__WRITE", "false"),
    ("CAUSEWAY_REFRESH__EVERY", "1s"),
];

/// All that the store holds.
async fn keys(deployment: &Deployment) -> BTreeSet<String> {
    let store = deployment.store.open().await;
    let (mut keys, mut after) = (BTreeSet::new(), None);
    loop {
        let page = store.list("", after.as_deref()).await.unwrap();
        keys.extend(page.objects.into_iter().map(|object| object.key));
        match page.next {
            Some(next) => after = Some(next),
            None => return keys,
        }
    }
}

#[tokio::test]
async fn a_hub_that_writes_no_edits_leaves_nothing_behind_and_refuses_every_write() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        let _ = deployment.agent(&["migrate"]);
        let hub = |command: &str| deployment.hub_program(&[command]).envs(NONE).run();
        let _ = hub("init").expect_code(0);
        let token = deployment.token("admin", &[]);
        let before = keys(&deployment).await;
        for _ in 0..2 {
            let _ = hub("load").expect_code(0);
        }
        assert_eq!(keys(&deployment).await.difference(&before).count(), 0);
        assert_equal(&deployment, &site).await;
        let _ = hub("verify").expect_code(0);

        let service = deployment.serve(&NONE);
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        let day = site.date(1).to_string();
        let booking = json!({"customerid": "fb-10", "date": day, "time": "17:30"});
        let (status, refused) = ask(&service, &token, (Method::POST, ""), Some(booking)).await;
        assert_eq!(
            (status, &refused["code"]),
            (StatusCode::CONFLICT, &json!("read_only")),
            "{refused}"
        );
        if pair.1 == DatabaseKind::Postgres {
            let client = deployment.database.connect().await;
            for sql in [
                "INSERT INTO hcm_01.customer (customerid, fullname, email) VALUES ('x', 'X', 'x@y')",
                "UPDATE hcm_01.appointment SET description = 'x'",
                "DELETE FROM hcm_01.consultant WHERE false",
            ] {
                let refused = refusal(client.batch_execute(sql).await);
                assert!(refused.starts_with("25006 "), "{sql}: {refused}");
                assert!(
                    refused.contains("`write = true` under [edits]"),
                    "{refused}"
                );
            }
        }
        let _ = service.running.kill();
        let after = keys(&deployment).await;
        let left: Vec<_> = after.difference(&before).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

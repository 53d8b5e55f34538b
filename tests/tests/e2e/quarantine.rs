//! Refused rows, from the source to whoever looks after the site or the hub.

use causeway_shared::ids::{Name, SiteName};
use causeway_shared::layout::SiteKey;
use causeway_shared::quarantine::RefusedRows;
use causeway_shared::store::Store;
use causeway_tests::deployment::{Deployment, PAIRS};
use serde_json::{Value, json};

use crate::ground::deploy;

/// How many customers are refused, as the agent and the hub say.
fn customers(deployment: &Deployment) -> [Value; 2] {
    let agent = deployment.agent(&["status"]).json();
    let hub = deployment.hub(&["status"]).json();
    [
        agent["tables"]["customer"]["quarantined"].clone(),
        hub["sites"][0]["quarantined"]["customer"].clone(),
    ]
}

async fn listed(store: &Store) -> Option<RefusedRows> {
    let table = Name::new("customer").unwrap();
    let key = SiteKey::Quarantine(table).of(&SiteName::new("hcm-01").unwrap());
    let csv = store.get(&key).await.ok()?.bytes(1 << 20).await.unwrap();
    Some(RefusedRows::decode(&csv).unwrap())
}

#[tokio::test]
async fn a_row_is_listed_until_it_is_good() {
    for pair in PAIRS {
        let (deployment, site) = deploy(pair).await;
        let store = deployment.store.open().await;
        deployment.migrate_and_load();
        assert_eq!(customers(&deployment), [json!(0), Value::Null]);

        site.execute("UPDATE Customers SET DateOfBirth = 'soon' WHERE CustomerId = 'fb-4'");
        let _ = deployment.agent(&["sync"]).expect_code(3);
        assert_eq!(customers(&deployment), [json!(1), json!(1)]);
        let rows = listed(&store).await.unwrap().listed;
        let reasons = rows.iter().map(|row| (&*row.place, &*row.reason));
        assert!(
            reasons.eq([("key fb-4", "\"soon\" is not a value of type date")]),
            "{rows:?}"
        );

        site.execute("UPDATE Customers SET DateOfBirth = NULL WHERE CustomerId = 'fb-4'");
        let _ = deployment.agent(&["sync"]).expect_code(0);
        assert_eq!(customers(&deployment), [json!(0), Value::Null]);
        assert_eq!(listed(&store).await, None);
    }
}

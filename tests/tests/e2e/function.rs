//! The hub as a Lambda function: its process around which everything is as AWS has it, but for the
//! accounts. Between two invocations it is frozen.

mod answers;
mod connections;
mod events;
mod imports;
mod resource;
mod upload_page;

use causeway_tests::deployment::Deployment;
use causeway_tests::lambda::Function;
use causeway_tests::meetassist::MeetAssist;
use causeway_tests::{DatabaseKind, StoreKind};
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::ground::deploy;

const ON_AWS: (StoreKind, DatabaseKind) = (StoreKind::S3, DatabaseKind::Postgres);

/// What a query counts.
async fn count(database: &Client, sql: &str) -> i64 {
    database.query_one(sql, &[]).await.unwrap().get(0)
}

/// A loaded site, its hub as a function, and an admin's token.
struct Ground {
    deployment: Deployment,
    site: MeetAssist,
    function: Function,
    token: String,
}

impl Ground {
    async fn new() -> Self {
        let (deployment, site) = deploy(ON_AWS).await;
        deployment.migrate_and_load();
        let token = deployment.token("admin", &[]);
        let function = Function::start(&deployment, &[]).await;
        Self {
            deployment,
            site,
            function,
            token,
        }
    }

    /// A booking of a slot that is free.
    fn booking(&self, what: &str) -> Value {
        json!({"customerid": "fb-8", "date": self.site.date(1).to_string(), "time": "17:30",
            "description": what})
    }
}

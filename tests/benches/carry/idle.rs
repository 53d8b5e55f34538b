//! What a service costs while nothing happens.

use std::collections::BTreeMap;

use causeway_tests::DatabaseKind;
use causeway_tests::deployment::{Deployment, Service};
use causeway_tests::gateway::{Asked, Fate, Gateway};
use tokio::time::sleep;

use crate::hub::{IDLE, SETTLING};
use crate::measure::{cpu_time, resident_memory, written};

/// A minute in which nothing happens.
pub(crate) async fn idle(deployment: &Deployment) {
    let upstream = &deployment.store.config().endpoint;
    let gateway = Gateway::start(upstream, |_: &Asked| Fate::Pass).await;
    let endpoint = gateway.endpoint();
    let service = deployment.serve(&[
        ("CAUSEWAY_STORE__ENDPOINT", &endpoint),
        ("CAUSEWAY_REFRESH__EVERY", "10s"),
    ]);
    sleep(SETTLING).await;
    report_idle(&service, &gateway, deployment).await;
}

pub(crate) async fn report_idle(service: &Service, gateway: &Gateway, deployment: &Deployment) {
    let proc = format!("/proc/{}", service.running.id());
    let look = async || {
        (
            gateway.asked().len(),
            changed_rows(deployment).await,
            written(&proc).unwrap(),
            cpu_time(&proc).unwrap(),
        )
    };
    let before = look().await;
    sleep(IDLE).await;
    let after = look().await;
    let changed = after.1.iter().filter_map(|(table, rows)| {
        let new = rows - before.1.get(table).unwrap_or(&0);
        (new > 0).then(|| format!("{new} of {table}"))
    });
    let changed: Vec<String> = changed.collect();
    println!(
        "idle for a minute           {} requests, rows of the database changed: {}, {} bytes written, \
         cpu {} ms, resident {} MiB",
        after.0 - before.0,
        match changed.is_empty() {
            true => "none".to_owned(),
            false => changed.join(", "),
        },
        after.2 - before.2,
        (after.3 - before.3).as_millis(),
        resident_memory(&proc).unwrap() >> 20
    );
}

/// How many rows of each table were changed; PostgreSQL's own, which gather statistics by themselves,
/// are one.
async fn changed_rows(deployment: &Deployment) -> BTreeMap<String, i64> {
    if deployment.database.kind() == DatabaseKind::Sqlite {
        return BTreeMap::new();
    }
    let sql = "SELECT CASE WHEN schemaname IN ('pg_catalog', 'pg_toast', 'information_schema') \
                   THEN 'PostgreSQL''s own' ELSE schemaname || '.' || relname END, \
                   sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint \
               FROM pg_stat_all_tables GROUP BY 1";
    let client = deployment.database.connect().await;
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

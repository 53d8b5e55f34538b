//! Waking a database: its server starts, and it is made to hold what the store has.

use std::time::{Duration, Instant};

use causeway_shared::store::Store;
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::sleep;

use super::{Power, SleepError};
use crate::config::HubConfig;
use crate::control::{Control, Standing};
use crate::db::SLEEP;
use crate::sync::{Hub, LoadReport, LoadRequest};

/// How often the server is asked whether it is there.
const POLL: Duration = Duration::from_secs(1);

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct WakeReport {
    /// Who started the server: `rds`, `keeper` or `operator`.
    pub(crate) started_by: &'static str,
    #[serde(flatten)]
    pub(crate) load: LoadReport,
}

/// Has the server start, waits for it as long as said, and loads the database.
///
/// # Errors
/// [`SleepError`]: run again, it goes on.
pub(crate) async fn wake(
    hub: &Hub,
    wait: Duration,
    clock: fn() -> Timestamp,
) -> Result<WakeReport, SleepError> {
    if !hub.database().has_server() {
        let database = hub.database().describe();
        return Err(SleepError::NoServer { database });
    }
    let power = ask_to_wake(hub.store(), hub.config(), clock()).await?;
    wait_for_server(hub, wait).await?;
    Ok(WakeReport {
        started_by: power.name(),
        load: finish(hub, clock).await?,
    })
}

/// Says that the database is to be woken, where it sleeps, and has its server start.
///
/// # Errors
/// [`SleepError`]
pub(crate) async fn ask_to_wake(
    store: &Store,
    config: &HubConfig,
    now: Timestamp,
) -> Result<Power, SleepError> {
    let power = Power::open(config).await?;
    let keeper = matches!(power, Power::Keeper);
    Control::say(store, Standing::Waking, now, keeper).await?;
    power.start().await?;
    Ok(power)
}

async fn wait_for_server(hub: &Hub, wait: Duration) -> Result<(), SleepError> {
    let began = Instant::now();
    loop {
        let Err(error) = hub.database().ping().await else {
            return Ok(());
        };
        // What does not pass by itself is the operator's.
        if !error.is_retryable() {
            return Err(error.into());
        }
        if began.elapsed() >= wait {
            let waited_s = wait.as_secs();
            let detail = error.to_string();
            return Err(SleepError::NoAnswer { waited_s, detail });
        }
        tracing::info!(%error, "the database's server is waited for");
        sleep(POLL).await;
    }
}

/// Makes a database whose server is there one that is awake: it may be another one than that which fell asleep,
/// or empty.
///
/// # Errors
/// [`SleepError`]: the database counts as being woken until it is done again.
pub(crate) async fn finish(hub: &Hub, clock: fn() -> Timestamp) -> Result<LoadReport, SleepError> {
    hub.init().await?;
    hub.database().copy(SLEEP, b"").await?;
    hub.take_over(None, clock()).await?;
    let report = hub.load(&LoadRequest::at(clock())).await?;
    if report.is_retryable() {
        // Whoever asks says so, and tries again: what is loaded is.
        return Ok(report);
    }
    Control::say(hub.store(), Standing::Awake, clock(), false).await?;
    Ok(report)
}

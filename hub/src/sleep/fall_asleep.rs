//! Putting a database to sleep: the store has all of it before its server is stopped.

use std::time::{Duration, Instant};

use causeway_shared::commit::EditsHead;
use causeway_shared::ids::{Seq, SiteName};
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::sleep;
use utoipa::ToSchema;

use super::{Power, SleepError};
use crate::archive::Archive;
use crate::control::{Control, Standing};
use crate::db::SLEEP;
use crate::error::SiteError;
use crate::sync::Hub;

/// How often it is looked whether writers have ended.
const POLL: Duration = Duration::from_millis(200);
/// How often the journal is flushed again because it was not empty afterwards.
const FLUSHES: u32 = 3;

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct SleepReport {
    pub sites: Vec<SiteAsleep>,
    /// Files that the archive wrote; none where it is off.
    pub published: Option<u64>,
    /// Why not all of it was published, which waits until somebody has mended that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive_error: Option<String>,
    /// Who stops the server: `rds` (it was asked to), `keeper` or `operator`.
    pub stopped_by: &'static str,
    pub seconds: f64,
}

/// A site all of whose changes are in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SiteAsleep {
    pub site: SiteName,
    /// Changes that were taken there now.
    pub edits: u64,
    /// The last commit of edits, read back from there.
    pub commit: Option<Seq>,
}

/// Has the database take no more changes, takes what it has to the store, and has its server stopped. Writers
/// in hand are waited for as long as said.
///
/// # Errors
/// [`SleepError`]: unless it says otherwise, the database takes changes as before.
pub(crate) async fn fall_asleep(
    hub: &Hub,
    archive: &Archive,
    wait: Duration,
    clock: fn() -> Timestamp,
) -> Result<SleepReport, SleepError> {
    let began = Instant::now();
    let database = hub.database();
    if !database.has_server() {
        let database = database.describe();
        return Err(SleepError::NoServer { database });
    }
    if !hub.config().edits.write {
        return Err(SleepError::ReadOnly);
    }
    let power = Power::open(hub.config()).await?;
    let mut report = SleepReport {
        sites: Vec::new(),
        published: None,
        archive_error: None,
        stopped_by: power.name(),
        seconds: 0.0,
    };
    let sleeps = Control::read(hub.store()).await?.database == Standing::Asleep;
    // One that was killed after it had said so, or is asked for twice.
    if !sleeps || database.ping().await.is_ok() {
        hub.refuse_past().await?;
        refuse_others_edits(hub).await?;
        // Triggers that an earlier version made do not know that a database may sleep.
        database.init().await?;
        let since = clock().to_string();
        database.copy(SLEEP, since.as_bytes()).await?;
        match empty(hub, archive, wait, clock, &mut report).await {
            Ok(()) => {}
            Err(error) => return Err(stay_awake(hub, error).await),
        }
        // From here on it is not known whether the store says so: nothing is taken back.
        let keeper = matches!(power, Power::Keeper);
        let said = Control::say(hub.store(), Standing::Asleep, clock(), keeper);
        if let Err(error) = said.await {
            let source = Box::new(error.into());
            return Err(SleepError::Halfway { source });
        }
    }
    power.stop().await?;
    report.seconds = began.elapsed().as_secs_f64();
    Ok(report)
}

/// Refuses where another database owns what this one holds edits of.
async fn refuse_others_edits(hub: &Hub) -> Result<(), SleepError> {
    for state in hub.database().sites().await? {
        if let Some(head) = state.edits_head.filter(|_| !state.writable) {
            let (site, owner) = (state.site, head.writer);
            return Err(SleepError::NotOwner { site, owner });
        }
    }
    Ok(())
}

/// Waits for writers, and takes all that is in the database to the store.
async fn empty(
    hub: &Hub,
    archive: &Archive,
    wait: Duration,
    clock: fn() -> Timestamp,
    report: &mut SleepReport,
) -> Result<(), SleepError> {
    wait_for_writers(hub, wait).await?;
    for state in hub.database().sites().await? {
        report.sites.push(flush(hub, state.site, clock).await?);
    }
    if archive.is_enabled().await? {
        match archive.run(clock()).await {
            Ok(ran) => {
                report.published = Some(ran.tables.values().map(|table| table.published).sum());
                report.archive_error = ran.first_error().map(str::to_owned);
            }
            // What is not published yet is so from the store, at any time.
            Err(error) => report.archive_error = Some(error.to_string()),
        }
    }
    Ok(())
}

async fn wait_for_writers(hub: &Hub, wait: Duration) -> Result<(), SleepError> {
    let began = Instant::now();
    loop {
        let writers = hub.database().writers().await?;
        if writers.is_empty() {
            return Ok(());
        }
        if began.elapsed() >= wait {
            let waited_s = wait.as_secs();
            return Err(SleepError::Writers { waited_s, writers });
        }
        sleep(POLL).await;
    }
}

/// Flushes a site until its journal is empty, and compares the log's head with the database's.
async fn flush(
    hub: &Hub,
    site: SiteName,
    clock: fn() -> Timestamp,
) -> Result<SiteAsleep, SleepError> {
    let mut edits = 0;
    for _ in 0..FLUSHES {
        edits += hub.flush_site(&site, clock()).await?.edits;
        let state = hub.database().stored(&site).await?.state;
        if state.edits_waiting > 0 {
            continue;
        }
        let own = state.edits_head;
        let stored = hub.edits_log(&site).read_catalog().await;
        let stored = stored.map_err(SiteError::Log)?.head;
        if own == stored {
            let commit = own.map(|head| head.seq);
            return Ok(SiteAsleep {
                site,
                edits,
                commit,
            });
        }
        let seq = |head: Option<EditsHead>| head.map_or(Seq::NONE, |head| head.seq);
        return Err(SleepError::AnotherHead {
            site,
            stored: seq(stored),
            own: seq(own),
        });
    }
    let waiting = hub.database().stored(&site).await?.state.edits_waiting;
    Err(SleepError::Unflushed { site, waiting })
}

/// Has the database take changes again, and answers why it was not put to sleep.
async fn stay_awake(hub: &Hub, error: SleepError) -> SleepError {
    match hub.database().copy(SLEEP, b"").await {
        Ok(()) => error,
        Err(lasting) => {
            tracing::warn!(error = %lasting, "the database cannot be told to take changes again");
            let source = Box::new(error);
            SleepError::Halfway { source }
        }
    }
}

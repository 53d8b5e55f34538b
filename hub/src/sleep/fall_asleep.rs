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
use crate::control::{Control, DatabaseState, SleepState};
use crate::db::SLEEP;
use crate::document::DocumentError;
use crate::error::SiteError;
use crate::sync::{Hub, refuse_another_log};

/// How often it is looked whether writers have ended.
const POLL: Duration = Duration::from_millis(200);
/// How often the journal is flushed again because it was not empty afterwards, or the log had gone on.
const FLUSHES: u32 = 3;
/// How often the database is sealed again because somebody else did so at the same moment.
const SEALS: u32 = 10;
/// How long flushing and setting the state may take: a database that has been sealed for longer, and is not set to
/// sleep, was left by somebody who was killed.
const SETS_STATE_WITHIN: Duration = Duration::from_secs(5 * 60);

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
    let seen = Control::read(hub.store()).await?.state;
    let sleeps = seen.database == SleepState::Asleep;
    // One that was killed once it counted as asleep, or is asked for twice.
    if !sleeps || database.ping().await.is_ok() {
        let keeper = matches!(power, Power::Keeper);
        match empty_and_set_state(hub, wait, seen, keeper, clock).await {
            Ok(sites) => {
                report.sites = sites;
                publish(archive, clock, &mut report).await;
            }
            Err(error) => {
                // What somebody else has done meanwhile is what is asked for: it sleeps, or its server has gone.
                let may_be_done = error.may_come_of_another() && is_asleep(hub).await?;
                if !may_be_done || sleeps && database.ping().await.is_ok() {
                    return Err(error);
                }
            }
        }
    }
    // Publishing takes its time, in which somebody may have had it woken.
    if !is_asleep(hub).await? {
        return Err(SleepError::Overtaken);
    }
    power.stop().await?;
    report.seconds = began.elapsed().as_secs_f64();
    Ok(report)
}

/// Takes all that the database has to the store, from when on it counts as asleep.
async fn empty_and_set_state(
    hub: &Hub,
    wait: Duration,
    seen: DatabaseState,
    keeper: bool,
    clock: fn() -> Timestamp,
) -> Result<Vec<SiteAsleep>, SleepError> {
    hub.refuse_past().await?;
    hub.look_for_another_store().await?;
    refuse_others_edits(hub).await?;
    let sealed = seal(hub, wait, SETS_STATE_WITHIN, clock).await?;
    let to = SleepState::Asleep;
    let is_set = Control::set_state_after(hub.store(), seen, to, clock(), keeper).await;
    // Where that is not known, nothing is taken back. Who has taken the seal off has changed the state before.
    if !is_set.map_err(halfway)? {
        return Err(sealed.undo(hub, clock(), SleepError::Overtaken).await);
    }
    Ok(sealed.sites)
}

async fn is_asleep(hub: &Hub) -> Result<bool, SleepError> {
    let control = Control::read(hub.store()).await?;
    Ok(control.state.database == SleepState::Asleep)
}

fn halfway(error: impl Into<SleepError>) -> SleepError {
    let source = Box::new(error.into());
    SleepError::Halfway { source }
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

/// A database that takes no changes, all of which are in the store.
#[derive(Debug)]
pub(crate) struct Sealed {
    sites: Vec<SiteAsleep>,
    /// What it is told by.
    mark: String,
    /// What it was told before, by somebody else.
    before: Vec<u8>,
}

/// Has the database take no more changes, waits for writers, and takes all that it has to the store. Unless
/// its [state](Control) is set to sleep within `for_time`, whoever looks has it woken.
///
/// # Errors
/// [`SleepError`]: unless it says otherwise, the database takes changes as before.
pub(crate) async fn seal(
    hub: &Hub,
    wait: Duration,
    for_time: Duration,
    clock: fn() -> Timestamp,
) -> Result<Sealed, SleepError> {
    let database = hub.database();
    // Triggers that an earlier version made do not know that a database may sleep.
    database.init().await?;
    let until = clock().saturating_add(wait.saturating_add(for_time));
    let until = until.unwrap_or(Timestamp::MAX);
    let mark = until.to_string();
    // Of two who put it to sleep at once, the second one has to know of the first one's seal.
    let mut tries = 0..SEALS;
    let before = loop {
        let before = database.copied(SLEEP).await?.unwrap_or_default();
        let mark = mark.as_bytes();
        if database.replace_copy(SLEEP, &before, mark).await? {
            break before;
        }
        if tries.next().is_none() {
            return Err(SleepError::Overtaken);
        }
    };
    let mut sealed = Sealed {
        sites: Vec::new(),
        mark,
        before,
    };
    match empty(hub, wait, clock).await {
        Ok(sites) => {
            sealed.sites = sites;
            Ok(sealed)
        }
        Err(error) => Err(sealed.undo(hub, clock(), error).await),
    }
}

/// Takes off a seal that somebody else has put on a database whose state is as it was seen, and renews the state first:
/// that one cannot put it to sleep any more. Where somebody has changed the state meanwhile, the seal stays.
pub(super) async fn take_off(
    hub: &Hub,
    seal: &[u8],
    seen: DatabaseState,
    now: Timestamp,
) -> Result<(), SleepError> {
    if Control::renew_state(hub.store(), seen, now).await? {
        hub.database().replace_copy(SLEEP, seal, b"").await?;
    }
    Ok(())
}

impl Sealed {
    /// Has the database take changes again, unless somebody else has told it something since, or has put it to
    /// sleep before; and answers why.
    async fn undo(self, hub: &Hub, now: Timestamp, error: SleepError) -> SleepError {
        let mark = self.mark.as_bytes();
        let before: &[u8] = match self.may_take_off(hub, now).await {
            Ok(true) => b"",
            Ok(false) | Err(_) => &self.before,
        };
        match hub.database().replace_copy(SLEEP, mark, before).await {
            Ok(_) => error,
            Err(lasting) => {
                tracing::warn!(error = %lasting, "the database cannot be told to take changes again");
                halfway(error)
            }
        }
    }

    /// Whether nobody else has a seal on the database, or has one and can no longer put it to sleep by that.
    async fn may_take_off(&self, hub: &Hub, now: Timestamp) -> Result<bool, DocumentError> {
        if self.before.is_empty() {
            return Ok(true);
        }
        let seen = Control::read(hub.store()).await?.state;
        Ok(seen.database != SleepState::Asleep
            && Control::renew_state(hub.store(), seen, now).await?)
    }
}

/// Waits for writers, and takes all that is in the database to the store.
async fn empty(
    hub: &Hub,
    wait: Duration,
    clock: fn() -> Timestamp,
) -> Result<Vec<SiteAsleep>, SleepError> {
    wait_for_writers(hub, wait).await?;
    let mut sites = Vec::new();
    for state in hub.database().sites().await? {
        match state.edits_head {
            Some(head) if !state.writable => {
                if state.edits_waiting > 0 {
                    let (site, owner) = (state.site, head.writer);
                    return Err(SleepError::NotOwner { site, owner });
                }
            }
            _ => sites.push(flush(hub, state.site, clock).await?),
        }
    }
    Ok(sites)
}

/// Publishes what was flushed. What cannot be published now is so from the store, at any time.
async fn publish(archive: &Archive, clock: fn() -> Timestamp, report: &mut SleepReport) {
    let published = async {
        if !archive.is_enabled().await? {
            return Ok(());
        }
        let ran = archive.run(clock()).await?;
        report.published = Some(ran.tables.values().map(|table| table.published).sum());
        report.archive_error = ran.first_error().map(str::to_owned);
        Ok::<_, SleepError>(())
    };
    let published = published.await;
    if let Err(error) = published {
        report.archive_error = Some(error.to_string());
    }
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
    let mut tries = 0..FLUSHES;
    loop {
        edits += hub.flush_site(&site, clock()).await?.edits;
        let state = hub.database().stored(&site).await?.state;
        let log = hub.edits_log(&site);
        let stored = log.read_catalog().await;
        let (own, stored) = (state.edits_head, stored.map_err(SiteError::Log)?.head);
        let waiting = state.edits_waiting;
        if waiting == 0 && own == stored {
            let commit = own.map(|head| head.seq);
            return Ok(SiteAsleep {
                site,
                edits,
                commit,
            });
        }
        // A load that settles edits beside this may have moved the head on meanwhile.
        if tries.next().is_some() {
            continue;
        }
        if waiting > 0 {
            return Err(SleepError::Unflushed { site, waiting });
        }
        if let Some(own) = &own {
            // What a load does not catch up with.
            refuse_another_log(&log, own).await?;
        }
        let seq = |head: Option<EditsHead>| head.map_or(Seq::NONE, |head| head.seq);
        return Err(SleepError::AnotherHead {
            site,
            stored: seq(stored),
            own: seq(own),
        });
    }
}

#[cfg(test)]
mod tests;

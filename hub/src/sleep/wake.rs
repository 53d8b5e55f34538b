//! Waking a database: its server starts, and it is made to hold what the store has.

use std::time::{Duration, Instant};

use causeway_shared::ids::SiteName;
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::{sleep, timeout};

use super::fall_asleep::take_off;
use super::{Power, SleepError};
use crate::control::{Control, DatabaseState, SleepState};
use crate::db::{DbError, SLEEP};
use crate::document::DocumentError;
use crate::sync::{Hub, LoadReport, LoadRequest};

/// How often the server is asked whether it is there.
const POLL: Duration = Duration::from_secs(1);
/// How often it is logged that it is not.
const REMIND_EVERY: Duration = Duration::from_secs(60);
/// How long sites that cannot be loaded for now, and of which the database has nothing yet, keep the others waiting.
const WAITS_FOR_SITES: Duration = Duration::from_secs(20 * 60);
/// How long one that counts as awake may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

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
    let power = ask_to_wake(hub, clock()).await?;
    wait_for_server(hub, wait).await?;
    Ok(WakeReport {
        started_by: power.name(),
        load: finish(hub, clock).await?,
    })
}

/// Sets the state to waking, where the database is not up, and has its server start.
///
/// # Errors
/// [`SleepError`]
pub(crate) async fn ask_to_wake(hub: &Hub, now: Timestamp) -> Result<Power, SleepError> {
    let power = Power::open(hub.config()).await?;
    let keeper = matches!(power, Power::Keeper);
    let store = hub.store();
    let seen = Control::read(store).await?.state;
    if seen.database != SleepState::Awake {
        Control::set_state(store, SleepState::Waking, now, keeper).await?;
    } else if !is_up(hub).await? {
        // Where somebody else sets it meanwhile, that is newer than what was seen.
        Control::set_state_after(store, seen, SleepState::Waking, now, keeper).await?;
    }
    power.start().await?;
    Ok(power)
}

/// Whether a database that counts as awake is there and takes changes: somebody may have stopped its server by
/// hand, or a `sleep` was killed, or what was put back is a snapshot of one that slept.
async fn is_up(hub: &Hub) -> Result<bool, SleepError> {
    if !server_answers(hub, ANSWERS_WITHIN).await {
        return Ok(false);
    }
    match hub.database().copied(SLEEP).await {
        Ok(told) => Ok(told.is_none_or(|told| told.is_empty())),
        Err(DbError::NotInitialised { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Whether the database's server answers in time, whatever it says.
pub(crate) async fn server_answers(hub: &Hub, within: Duration) -> bool {
    match timeout(within, hub.database().ping()).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => !error.is_retryable(),
        Err(_) => false,
    }
}

/// Has a database woken that was told to take no changes, by somebody who has not set it to sleep in time.
/// Whether it is.
///
/// # Errors
/// [`DocumentError`]
pub(crate) async fn wake_forgotten(
    hub: &Hub,
    told: &[u8],
    control: &Control,
    now: Timestamp,
) -> Result<bool, DocumentError> {
    let told = std::str::from_utf8(told).ok();
    let until: Option<Timestamp> = told.and_then(|told| told.parse().ok());
    if control.state.database != SleepState::Awake || until.is_some_and(|until| until > now) {
        return Ok(false);
    }
    tracing::warn!("the database takes no changes though nobody has put it to sleep; it is woken");
    let seen = control.state;
    Control::set_state_after(hub.store(), seen, SleepState::Waking, now, false).await
}

/// Has a database that counts as awake take changes, whatever it was told before.
///
/// # Errors
/// [`SleepError`]
#[cfg(feature = "lambda")]
pub(crate) async fn unseal(hub: &Hub, now: Timestamp) -> Result<(), SleepError> {
    let (seal, seen) = seal_and_state(hub).await?;
    if seen.database == SleepState::Awake && !seal.is_empty() {
        take_off(hub, &seal, seen, now).await?;
    }
    Ok(())
}

/// What the database was told, and its state. In this order: whoever has put that seal there has not put it to sleep
/// before, or is seen to have.
async fn seal_and_state(hub: &Hub) -> Result<(Vec<u8>, DatabaseState), SleepError> {
    let seal = hub.database().copied(SLEEP).await?.unwrap_or_default();
    let seen = Control::read(hub.store()).await?.state;
    Ok((seal, seen))
}

async fn wait_for_server(hub: &Hub, wait: Duration) -> Result<(), SleepError> {
    let began = Instant::now();
    let mut reminded: Option<Instant> = None;
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
        if reminded.is_none_or(|at| at.elapsed() >= REMIND_EVERY) {
            tracing::info!(%error, "the database's server is waited for");
            reminded = Some(Instant::now());
        }
        sleep(POLL).await;
    }
}

/// Makes a database whose server is there one that is awake: it may be another one than that which fell asleep,
/// or empty. Others may be about the same, and somebody may put it to sleep meanwhile: that is newer.
///
/// # Errors
/// [`SleepError`]: the database counts as being woken until it is done again.
pub(crate) async fn finish(hub: &Hub, clock: fn() -> Timestamp) -> Result<LoadReport, SleepError> {
    hub.init().await?;
    loop {
        let seen = unsealed(hub, clock).await?;
        hub.take_over(None, clock()).await?;
        let report = hub.load(&LoadRequest::at(clock())).await?;
        if seen.database == SleepState::Awake {
            return Ok(report);
        }
        let waits = seen
            .since
            .and_then(|since| since.saturating_add(WAITS_FOR_SITES).ok());
        if waits.is_some_and(|until| clock() < until) && is_short_of_rows(hub, &report).await? {
            // Whoever asks says so, and tries again: what is loaded is.
            return Ok(report);
        }
        if Control::set_state_after(hub.store(), seen, SleepState::Awake, clock(), false).await? {
            tracing::info!("the database is awake");
            return Ok(report);
        }
        if Control::read(hub.store()).await?.state.database == SleepState::Awake {
            // Another one that finished was first.
            return Ok(report);
        }
    }
}

/// Has a database that is to be woken take changes. How it stands then; one that counts as awake is left alone.
async fn unsealed(hub: &Hub, clock: fn() -> Timestamp) -> Result<DatabaseState, SleepError> {
    loop {
        let (seal, seen) = seal_and_state(hub).await?;
        match seen.database {
            SleepState::Asleep => return Err(SleepError::Overtaken),
            SleepState::Waking if !seal.is_empty() => take_off(hub, &seal, seen, clock()).await?,
            SleepState::Waking | SleepState::Awake => return Ok(seen),
        }
    }
}

/// Whether there is a site whose rows are still to come. One that cannot be loaded for now and has its last good
/// data keeps no other asleep.
async fn is_short_of_rows(hub: &Hub, report: &LoadReport) -> Result<bool, SleepError> {
    let states = hub.database().sites().await?;
    let is_loaded = |site: &SiteName| {
        let mut states = states.iter();
        states.any(|state| state.site == *site && state.loaded_at.is_some())
    };
    let mut failing = report.sites.iter().filter(|site| site.retryable);
    Ok(failing.any(|site| !is_loaded(&site.site)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::testbed::{Testbed, now};

    const LONG_AGO: &[u8] = b"2025-11-27T00:00:00Z";

    async fn state_of(bed: &Testbed) -> (SleepState, Vec<u8>) {
        let hub = &bed.app.hub;
        let told = hub.database().copied(SLEEP).await.unwrap();
        let control = Control::read(hub.store()).await.unwrap();
        (control.state.database, told.unwrap_or_default())
    }

    #[tokio::test]
    async fn who_put_it_to_sleep_since_is_not_overruled() {
        let bed = Testbed::new().await;
        let hub = &bed.app.hub;
        hub.database().copy(SLEEP, LONG_AGO).await.unwrap();
        Control::set_state(hub.store(), SleepState::Asleep, now(), false)
            .await
            .unwrap();
        let finished = finish(hub, now).await;
        assert!(
            matches!(finished, Err(SleepError::Overtaken)),
            "{finished:?}"
        );
        assert_eq!(
            state_of(&bed).await,
            (SleepState::Asleep, LONG_AGO.to_vec())
        );
    }

    #[tokio::test]
    async fn one_that_was_told_to_sleep_and_never_did_is_woken() {
        let bed = Testbed::new().await;
        let hub = &bed.app.hub;
        hub.database().copy(SLEEP, LONG_AGO).await.unwrap();
        ask_to_wake(hub, now()).await.unwrap();
        assert_eq!(
            state_of(&bed).await,
            (SleepState::Waking, LONG_AGO.to_vec())
        );
        finish(hub, now).await.unwrap();
        assert_eq!(state_of(&bed).await, (SleepState::Awake, Vec::new()));
        // It is awake.
        ask_to_wake(hub, now()).await.unwrap();
        assert_eq!(state_of(&bed).await, (SleepState::Awake, Vec::new()));
    }

    #[tokio::test]
    async fn of_several_that_wake_it_at_once_none_fails() {
        let bed = Testbed::new().await;
        let hub = &bed.app.hub;
        for second in 0..20 {
            hub.database().copy(SLEEP, LONG_AGO).await.unwrap();
            let at = Timestamp::from_second(second).unwrap();
            for to in [SleepState::Asleep, SleepState::Waking] {
                let set = Control::set_state(hub.store(), to, at, false);
                set.await.unwrap();
            }
            let (one, other) = tokio::join!(finish(hub, now), finish(hub, now));
            one.and(other).unwrap();
            assert_eq!(state_of(&bed).await, (SleepState::Awake, Vec::new()));
        }
    }

    #[tokio::test]
    async fn a_sleep_that_is_killed_beside_a_waking_leaves_no_open_database_asleep() {
        let bed = Testbed::new().await;
        let (database, store) = (bed.app.hub.database(), bed.app.hub.store());
        for turn in 0..60 {
            let at = Timestamp::from_second(turn).unwrap();
            for to in [SleepState::Asleep, SleepState::Waking] {
                let set = Control::set_state(store, to, at, false);
                set.await.unwrap();
            }
            database.copy(SLEEP, LONG_AGO).await.unwrap();
            let seen = DatabaseState {
                database: SleepState::Waking,
                since: Some(at),
            };
            let killed = async {
                for _ in 0..turn * turn {
                    tokio::task::yield_now().await;
                }
                let set = Control::set_state_after(store, seen, SleepState::Asleep, now(), false);
                set.await.unwrap()
            };
            let (_, _) = tokio::join!(finish(&bed.app.hub, now), killed);
            let (state, told) = state_of(&bed).await;
            assert_eq!(told.is_empty(), state == SleepState::Awake, "{state:?}");
        }
    }

    #[tokio::test]
    async fn whoever_is_about_to_put_it_to_sleep_gets_the_time_for_it() {
        let bed = Testbed::new().await;
        let hub = &bed.app.hub;
        let awake = Control::default();
        for (told, is_woken) in [
            ("2025-11-28T02:30:01Z", false),
            ("2025-11-28T02:29:59Z", true),
        ] {
            let woken = wake_forgotten(hub, told.as_bytes(), &awake, now()).await;
            assert_eq!(woken.unwrap(), is_woken, "{told}");
        }
        assert_eq!(state_of(&bed).await.0, SleepState::Waking);
    }
}

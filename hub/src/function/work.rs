//! What events ask besides answers over HTTP: the commands, and what a tick does in a service's stead.

#[cfg(feature = "import")]
mod imports;

use std::time::Duration;

use causeway_shared::ids::SiteName;
use jiff::civil::{Date, DateTime};
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, timeout, timeout_at};

use super::event::Command;
use super::failure::Failure;
use super::runtime_api::Answer;
use super::state::State;
use crate::auth::{Role, Tokens};
use crate::control::{Control, SleepState};
use crate::error::HubError;
use crate::http::App;
use crate::http::absence::Absence;
use crate::scheduler::failing_sites;
use crate::serve::standby::Standby;
use crate::services::partials;
use crate::sync::{FlushReport, LoadReport, LoadRequest};

/// How long a tick prepares figures of the past, after all else.
const PREPARES_FOR: Duration = Duration::from_secs(5);

/// From this hour on, the first tick of a day vacuums edits objects.
const VACUUMS_FROM_HOUR: i8 = 3;

/// How long a database is waited for before a change that may not be there at all.
const MEETS_WITHIN: Duration = Duration::from_secs(3);

/// What a tick did.
#[derive(Debug, Serialize)]
struct TickReport {
    flush: FlushReport,
    load: LoadReport,
    /// The imports that were run, by their ids.
    imports: Vec<String>,
}

/// A token, or none where there is one already.
#[derive(Serialize)]
struct FirstToken {
    token: Option<String>,
}

/// # Errors
/// [`Failure`] where nothing could be done, or not all of it in time.
pub(super) async fn command(
    state: &State,
    command: Command,
    until: Instant,
) -> Result<Answer, Failure> {
    let now = (state.app.clock)();
    match command {
        Command::Load => of(&load(state, until).await?),
        Command::Flush => of(&in_time(until, state.hub().flush(now)).await?),
        Command::Status => status(state, until).await,
        Command::Archive => {
            let ran = timeout_at(until, state.app.archive.run(now)).await;
            of(&ran.map_err(|_| Failure::TimeIsOver)??)
        }
        // Of one that sleeps there is nothing to be flushed, and nothing to be loaded into it.
        Command::Tick => match timeout_at(until, Standby::tick(&state.app)).await {
            Err(_) => Err(Failure::TimeIsOver),
            Ok(Some(why)) => of(&json!({ "database": why })),
            Ok(None) => of(&tick(state, until).await?),
        },
        Command::Token => of(&first_token(state).await?),
        Command::Vacuum => of(&in_time(until, state.hub().vacuum(None, now, false)).await?),
    }
}

/// How things stand. Of a database that sleeps that alone is known: its server is not there.
async fn status(state: &State, until: Instant) -> Result<Answer, Failure> {
    // A store that does not say is a part of what the database answers.
    let control = timeout(MEETS_WITHIN, Control::read(state.hub().store())).await;
    let sleep = control
        .ok()
        .and_then(Result::ok)
        .map(|control| control.state);
    if let Some(sleep) = sleep.filter(|sleep| sleep.database == SleepState::Asleep) {
        return of(&json!({ "sleep": sleep }));
    }
    let now = (state.app.clock)();
    of(&in_time(until, state.hub().full_status(now)).await?)
}

/// What `serve` does by timers: changes to the store, the sites' news and today's window into the
/// database, and a little of what figures of the past are made from.
async fn tick(state: &State, until: Instant) -> Result<TickReport, Failure> {
    let flushed = in_time(until, state.hub().flush((state.app.clock)())).await;
    #[cfg(feature = "import")]
    let imports = imports::run(state, until).await;
    #[cfg(not(feature = "import"))]
    let imports = Vec::new();
    // A flush that fails keeps no news out.
    let loaded = load(state, until).await;
    let (flush, load) = (flushed?, loaded?);
    state.hub().see_to_keys((state.app.clock)()).await;
    let prepares_until = until.min(Instant::now() + PREPARES_FOR);
    let mut prepared = state.prepared.lock().await;
    // What was made by then is kept.
    let preparing = partials::make_some(state.hub(), &mut prepared, state.app.clock);
    let _ = timeout_at(prepares_until, preparing).await;
    vacuum(state, until).await;
    Ok(TickReport {
        flush,
        load,
        imports,
    })
}

/// Deletes edits objects that nobody needs, once a day. A process that is new may do so again, which finds none.
async fn vacuum(state: &State, until: Instant) {
    let now = (state.app.clock)();
    let local = now.to_zoned(state.hub().zone());
    let mut vacuumed = state.vacuumed.lock().await;
    if !state.hub().config().edits.write || !is_due(local.datetime(), *vacuumed) {
        return;
    }
    *vacuumed = Some(local.date());
    // What is not deleted by then the next day's finds.
    let _ = timeout_at(until, state.hub().vacuum_and_log(now)).await;
}

/// Whether it is late enough for it, and not done yet: a database may sleep at night.
fn is_due(now: DateTime, last: Option<Date>) -> bool {
    now.hour() >= VACUUMS_FROM_HOUR && last != Some(now.date())
}

pub(super) async fn load(state: &State, until: Instant) -> Result<LoadReport, HubError> {
    let began = (state.app.clock)();
    let loaded = state.hub().load_until(&LoadRequest::at(began), until).await;
    let sites = loaded.as_ref().map(|report| report.sites.as_slice());
    let refresher = &state.app.refresher;
    refresher.note((began, (state.app.clock)()), sites);
    let (busy, others): (Vec<_>, Vec<_>) = match sites {
        Ok(sites) => sites.iter().cloned().partition(|site| site.busy),
        Err(_) => Default::default(),
    };
    let failing = match sites {
        Ok(_) => Ok(failing_sites(&others)),
        Err(error) => Err(error.to_string()),
    };
    let is_under_way = |site: &SiteName| busy.iter().any(|busy| busy.site == *site);
    let now = std::time::Instant::now();
    state.failures.log(&failing, is_under_way, now);
    loaded
}

/// Loads what somebody brought news of.
pub(super) async fn refresh(state: &State, until: Instant) {
    if state.app.standby.why().is_some() {
        // Whoever reads has them loaded.
        return;
    }
    // It is logged.
    let _ = load(state, until).await;
}

/// Has a database that has started since it was last met take changes again, before somebody makes one. A
/// service's flushes do so by themselves.
pub(super) async fn meet(app: &App) {
    let hub = &app.hub;
    if matches!(app.standby.why(), Some(Absence::Asleep | Absence::Waking)) {
        return;
    }
    let Ok(states) = timeout(MEETS_WITHIN, hub.database().sites()).await else {
        // It may have been put to sleep since.
        return app.standby.begin(app).await;
    };
    // A database that is away the request itself reports.
    for state in states.unwrap_or_default() {
        if !state.start_known && state.head.is_some() {
            let met = hub
                .flush_site(&state.site, (causeway_shared::runtime::clock::now)())
                .await;
            if let Err(error) = met {
                let what =
                    "the database has started again, and its changes cannot be taken to the store";
                hub.log_failure(&state.site, what, error);
            }
        }
    }
}

/// Makes a token for an admin where there is none, so that whoever has deployed the function gets in. It can be
/// shown only now.
async fn first_token(state: &State) -> Result<FirstToken, Failure> {
    let tokens = Tokens::new(state.hub().store());
    let records = tokens.list().await?;
    if records.iter().any(|record| record.role == Role::Admin) {
        return Ok(FirstToken { token: None });
    }
    let made = tokens.create("first", Role::Admin, None, (state.app.clock)());
    let (token, _) = made.await?;
    Ok(FirstToken {
        token: Some(token.reveal().to_string()),
    })
}

async fn in_time<T>(
    until: Instant,
    work: impl Future<Output = Result<T, HubError>>,
) -> Result<T, Failure> {
    let done = timeout_at(until, work).await;
    Ok(done.map_err(|_| Failure::TimeIsOver)??)
}

fn of(report: &impl Serialize) -> Result<Answer, Failure> {
    Ok(Answer::Done(serde_json::to_string(report)?))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_vacuum_is_due_once_a_day() {
        let today = date(2025, 11, 28);
        let at = |hour| today.at(hour, 59, 0, 0);
        assert!(is_due(at(3), None) && is_due(at(3), today.yesterday().ok()));
        assert!(!is_due(at(3), Some(today)), "it is done");
        assert!(!is_due(at(2), None) && is_due(at(4), None));
    }
}

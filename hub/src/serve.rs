//! The service: API, dashboard and what runs beside them, put together.

pub(crate) mod standby;
#[cfg(test)]
pub(crate) mod testbed;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use causeway_shared::runtime::{chance, clock};
use tokio::net::TcpListener;
use tokio::task::JoinError;
use tokio::time::timeout;

use crate::auth::Tokens;
use crate::config::{AuthMode, HubConfig};
use crate::http::{App, server};
use crate::services::partials;
use crate::sync::Hub;
use crate::{api, dashboard, scheduler, temporary_folder};
use standby::Standby;

/// How long the last flush may take, before whoever stops the service kills it.
const LAST_FLUSH: Duration = Duration::from_secs(5);

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ServeError {
    /// Everybody would be let in from everywhere.
    #[error(
        "auth.mode = \"none\" lets everybody in, so it works only on 127.0.0.1 or [::1], \
         not on {listen}; set auth.mode = \"token\" or http.listen = \"127.0.0.1:8080\""
    )]
    OpenToAll { listen: SocketAddr },
    /// The network, or randomness for the service's own pauses.
    #[error("the service cannot run: {0}")]
    Io(#[from] io::Error),
    /// Nothing would be loaded any more.
    #[error("the scheduler stopped, so that nothing would be loaded any more: {0}; start again")]
    SchedulerStopped(#[source] JoinError),
}

impl ServeError {
    /// Whether the configuration has to be changed first.
    #[must_use]
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::OpenToAll { .. })
    }
}

/// Makes sure that a service which knows no callers can be reached from its own machine alone.
///
/// # Errors
/// [`ServeError::OpenToAll`]
pub(crate) fn refuse_open_to_all(config: &HubConfig, listen: SocketAddr) -> Result<(), ServeError> {
    match config.auth.mode {
        AuthMode::None if !listen.ip().is_loopback() => Err(ServeError::OpenToAll { listen }),
        AuthMode::None | AuthMode::Token => Ok(()),
    }
}

/// Serves API and dashboard, and refreshes the sites, until `shutdown`.
///
/// # Errors
/// [`ServeError`] if it cannot begin or its listener breaks.
pub(crate) async fn serve(
    hub: Hub,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let listen = listener.local_addr()?;
    refuse_open_to_all(hub.config(), listen)?;
    tokio::spawn(say_how_to_sign_in(hub.clone()));
    tokio::task::spawn_blocking(sweep);
    let mut seed = [0; 8];
    chance::fill(&mut seed)?;
    let chance = fastrand::Rng::with_seed(u64::from_le_bytes(seed));
    let app = Arc::new(App::new(hub, clock::now));
    let own = Arc::clone(&app);
    let refreshing = scheduler::run(
        app.hub.clone(),
        Arc::clone(&app.refresher),
        move || own.standby.sleeps(),
        app.clock,
        chance,
    );
    let mut refreshing = tokio::spawn(refreshing);
    let flushing = {
        let (hub, clock) = (app.hub.clone(), app.clock);
        tokio::spawn(async move { hub.keep_flushing(clock).await })
    };
    let archiving = {
        let (archive, clock) = (Arc::clone(&app.archive), app.clock);
        tokio::spawn(async move { archive.keep_running(clock).await })
    };
    let preparing = {
        let (hub, clock) = (app.hub.clone(), app.clock);
        tokio::spawn(async move { partials::keep_making(&hub, clock).await })
    };
    let vacuuming = {
        let (hub, clock) = (app.hub.clone(), app.clock);
        tokio::spawn(async move { hub.keep_vacuuming(clock).await })
    };
    let looking = tokio::spawn(Standby::keep_looking(Arc::clone(&app)));
    let hub = app.hub.clone();
    tracing::info!(%listen, "serving");
    let served = tokio::select! {
        served = server::run(listener, router(app), shutdown) => served.map_err(ServeError::Io),
        Err(stopped) = &mut refreshing => Err(ServeError::SchedulerStopped(stopped)),
    };
    // A load is one transaction: it is committed or it leaves nothing.
    refreshing.abort();
    flushing.abort();
    // What it has written and not named is named, or written again, by the next run.
    archiving.abort();
    preparing.abort();
    // What it has not deleted yet the next one finds.
    vacuuming.abort();
    // A database that is being woken is so by the next start.
    looking.abort();
    // What waits is in the journal, and goes with the next start at the latest.
    if let Ok(Err(error)) = timeout(LAST_FLUSH, hub.flush(clock::now())).await {
        tracing::warn!(%error, "the journal is not flushed; the next start goes on");
    }
    served
}

/// Takes away what killed processes left among the temporary files.
fn sweep() {
    match temporary_folder::sweep() {
        Ok(0) => {}
        Ok(folders) => tracing::info!(folders, "what killed processes left is taken away"),
        Err(error) => tracing::warn!(%error, "what killed processes may have left stays"),
    }
}

/// Warns where there is no token yet, so that nobody can sign in.
async fn say_how_to_sign_in(hub: Hub) {
    if hub.config().auth.mode == AuthMode::None {
        return;
    }
    // If the store does not answer, the first refresh reports it.
    let tokens = Tokens::new(hub.store()).list().await;
    if tokens.is_ok_and(|tokens| tokens.is_empty()) {
        tracing::warn!("nobody can sign in yet: make a token with `causeway-hub token create`");
    }
}

/// All addresses, answered from the store while the database sleeps.
pub(crate) fn router(app: Arc<App>) -> Router {
    standby::router(app, routes)
}

fn routes(app: Arc<App>) -> Router {
    server::router(
        app,
        api::routes().merge(dashboard::routes()),
        api::uploads().merge(dashboard::uploads()),
    )
}

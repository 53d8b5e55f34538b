//! The service: state, routes, and what runs beside them.

mod connections;
pub(crate) mod layers;
pub(crate) mod metrics;
pub(crate) mod refresh;
#[cfg(test)]
pub(crate) mod testbed;

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::{Router, middleware};
use causeway_shared::runtime::{chance, clock};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::api::health::{Readiness, SeenSites};
use crate::api::problem::{Code, Problem};
use crate::auth::{FailedLogins, TokenCache, Tokens};
use crate::config::AuthMode;
use crate::hub::Hub;
use crate::{api, dashboard};
use connections::Limits;
use metrics::Metrics;
use refresh::Refresher;

/// Longest body of a request that a route does not set its own limit for.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// Most requests in hand at once.
const MAX_REQUESTS: usize = 256;
/// How long requests in hand may take to end when the service stops.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

/// What handlers share.
pub(crate) struct App {
    /// The hub that is served.
    pub(crate) hub: Hub,
    /// Who may call.
    pub(crate) tokens: TokenCache,
    /// Failed sign-ins.
    pub(crate) failed_logins: FailedLogins,
    /// Keeps the database at the head of the sites' logs.
    pub(crate) refresher: Refresher,
    /// What was counted since the start.
    pub(crate) metrics: Metrics,
    /// Whether database and store answered last.
    pub(crate) readiness: Readiness,
    /// What the database last told of the sites, for metrics.
    pub(crate) seen_sites: SeenSites,
    /// Places for requests.
    pub(crate) places: Semaphore,
    /// Where time is read.
    pub(crate) clock: fn() -> Timestamp,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("hub", &self.hub)
            .finish_non_exhaustive()
    }
}

impl App {
    /// The state of a service that has just begun.
    #[must_use]
    pub(crate) fn new(hub: Hub, clock: fn() -> Timestamp) -> Self {
        Self {
            tokens: TokenCache::new(Tokens::new(Arc::clone(hub.store()))),
            failed_logins: FailedLogins::default(),
            refresher: Refresher::default(),
            metrics: Metrics::default(),
            readiness: Readiness::default(),
            seen_sites: SeenSites::default(),
            places: Semaphore::new(MAX_REQUESTS),
            clock,
            hub,
        }
    }
}

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ServeError {
    /// Everybody would be let in from everywhere.
    #[error(
        "auth.mode = \"none\" lets everybody in, so it works only on 127.0.0.1 or [::1], \
         not on {listen}; set auth.mode = \"token\" or http.listen = \"127.0.0.1:8080\""
    )]
    OpenToAll {
        /// The address.
        listen: std::net::SocketAddr,
    },
    /// The network, or randomness for the service's own pauses.
    #[error("the service cannot run: {0}")]
    Io(#[from] io::Error),
}

impl ServeError {
    /// Whether the configuration has to be changed first.
    #[must_use]
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::OpenToAll { .. })
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
    if hub.config().auth.mode == AuthMode::None && !listen.ip().is_loopback() {
        return Err(ServeError::OpenToAll { listen });
    }
    say_how_to_sign_in(&hub).await;
    let mut seed = [0; 8];
    chance::fill(&mut seed)?;
    let app = Arc::new(App::new(hub, clock::now));
    let (stop, stopping) = watch::channel(false);
    let chance = fastrand::Rng::with_seed(u64::from_le_bytes(seed));
    let refreshing = tokio::spawn(refresh::run(Arc::clone(&app), chance, stopping.clone()));
    let serving = connections::serve(listener, router(app), Limits::default(), stopping);
    let mut serving = tokio::spawn(serving);
    tracing::info!(%listen, "serving");

    let served = tokio::select! {
        () = shutdown => {
            stop.send_replace(true);
            // A browser that keeps a connection open must not keep the program.
            timeout(STOPS_WITHIN, &mut serving).await.unwrap_or_else(|_| {
                serving.abort();
                Ok(Ok(()))
            })
        }
        served = &mut serving => served,
    };
    stop.send_replace(true);
    // What it has in hand is one transaction: it is done or it is not.
    refreshing.abort();
    served.map_err(io::Error::other)?.map_err(ServeError::Io)
}

/// Tells whoever starts a new hub that nobody can sign in yet.
async fn say_how_to_sign_in(hub: &Hub) {
    if hub.config().auth.mode == AuthMode::None {
        return;
    }
    // A store that does not answer is the first refresh's to tell of.
    let tokens = Tokens::new(Arc::clone(hub.store())).list().await;
    if tokens.is_ok_and(|tokens| tokens.is_empty()) {
        tracing::warn!("nobody can sign in yet: make a token with `causeway-hub token create`");
    }
}

/// Ends when the service is to stop.
pub(crate) async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// All routes, with what their requests pass through.
pub(crate) fn router(app: Arc<App>) -> Router {
    let limit = middleware::from_fn_with_state(Arc::clone(&app), layers::limit);
    let limited = api::routes().merge(dashboard::routes()).layer(limit);
    Router::new()
        .merge(limited)
        // Whoever watches the process must hear from it when it has much to do.
        .merge(api::health())
        .fallback(async || Problem::new(Code::NotFound, "there is nothing at this address"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                Code::MethodNotAllowed,
                "this address does not take this method",
            )
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(layers::security_headers))
        .route_layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            layers::count,
        ))
        .with_state(app)
}

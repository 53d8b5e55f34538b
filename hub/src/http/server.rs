//! The server: what every request passes through, and connections until a stop.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request};
use axum::response::Response;
use axum::{Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tower::ServiceExt as _;

use super::problem::{Code, Problem};
use super::state::App;
use super::{connections, health, layers, request_id};

/// Longest body of a request that a route does not set its own limit for.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long requests in hand may take to end when the service stops.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

/// The routes with the layers that their requests pass through, those whose body is not taken into memory,
/// and the routes for monitoring.
pub(crate) fn router(app: Arc<App>, routes: Router<Arc<App>>, uploads: Router<Arc<App>>) -> Router {
    let limit = middleware::from_fn_with_state(Arc::clone(&app), layers::limit);
    Router::new()
        .merge(routes.layer(limit))
        .merge(uploads)
        // Monitoring must get its answers also while the service is busy.
        .merge(health::routes())
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
            layers::observe,
        ))
        .layer(middleware::from_fn(request_id::identify))
        .layer(layers::compression())
        .with_state(app)
}

/// The answer to a request that cannot be passed on to the routes, through the layers that all answers pass.
pub(crate) async fn refuse(problem: Problem, request: Request) -> Response {
    let router = Router::new()
        .fallback(async move || problem)
        .layer(middleware::from_fn(layers::security_headers))
        .layer(middleware::from_fn(request_id::identify));
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Answers what comes in until `shutdown`; then what is in hand is ended.
///
/// # Errors
/// If the listener is of no more use.
pub(crate) async fn run(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let limits = connections::Limits::default();
    let mut serving = tokio::spawn(connections::serve(listener, router, limits, stopping));
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
    served.map_err(io::Error::other)?
}

//! What the invocations of one process share.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Method;
use causeway_shared::runtime::clock;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use jiff::civil::Date;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};

use super::http_event::{self, HttpEvent};
use super::runtime_api::Answer;
use super::work;
use crate::config::{AuthMode, HubConfig};
use crate::error::HubError;
use crate::http::App;
use crate::http::problem::{Code, Problem};
use crate::scheduler::RoundFailures;
use crate::serve;
use crate::services::partials;
use crate::sync::Hub;

/// How long connecting may take before the first invocation.
const CONNECTS_WITHIN: Duration = Duration::from_secs(3);

/// How long a request that brings news may take to have them loaded: whoever brings them waits.
const LOADS_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct State {
    pub(super) app: Arc<App>,
    router: Router,
    /// The sites of which no partial is missing.
    pub(super) prepared: Mutex<partials::Done>,
    /// Why sites could not be loaded, as far as it was logged.
    pub(super) failures: RoundFailures,
    /// The day of the last vacuum of edits objects.
    pub(super) vacuumed: Mutex<Option<Date>>,
}

impl State {
    /// # Errors
    /// [`HubError`] where a configured value cannot be used.
    pub(super) async fn open(mut config: HubConfig) -> Result<Self, HubError> {
        if config.auth.mode == AuthMode::None {
            return Err(HubError::Configuration {
                key: "auth.mode",
                problem:
                    "a function is reached from everywhere, so callers need tokens; write \"token\""
                        .into(),
            });
        }
        config.database.may_freeze = true;
        let hub = Hub::open(config).await?;
        let app = Arc::new(App::of_function(hub, clock::now));
        Ok(Self {
            router: serve::router(Arc::clone(&app)),
            app,
            prepared: Mutex::default(),
            failures: RoundFailures::default(),
            vacuumed: Mutex::default(),
        })
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.app.hub
    }

    /// Opens a connection to the store and one to the database, so that the first request need not.
    /// One that cannot be had is no failure yet.
    pub(super) async fn connect(&self) {
        let connecting = async {
            let database = self.hub().database().sites();
            let store = self.app.authenticator.look((self.app.clock)());
            // One that sleeps is not waited for.
            self.app.standby.begin(&self.app).await;
            if self.app.standby.why().is_some() {
                return (Ok(Vec::new()), store.await);
            }
            tokio::join!(database, store)
        };
        match timeout(CONNECTS_WITHIN, connecting).await {
            Ok((Ok(_), Ok(()))) => {}
            Ok((Err(error), _)) => tracing::warn!(%error, "the database cannot be reached yet"),
            Ok((_, Err(error))) => tracing::warn!(%error, "the store cannot be reached yet"),
            Err(_) => tracing::warn!("store or database do not answer yet"),
        }
    }

    /// Answers a request as `serve` does.
    pub(super) async fn respond(&self, event: HttpEvent, until: Instant) -> Answer {
        let form = event.form();
        let request = match event.into_request() {
            Ok(request) => request,
            Err(problem) => return http_event::refuse(form, problem).await,
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            work::meet(&self.app).await;
        }
        let router = TowerToHyperService::new(self.router.clone());
        let answered = timeout_at(until, async {
            let response = match router.call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            http_event::answer(form, response).await
        });
        let Ok(answer) = answered.await else {
            let detail = "the function's time was over; ask for less, or give it more time";
            return http_event::refuse(form, Problem::new(Code::Timeout, detail)).await;
        };
        if self.app.refresher.take_news() {
            work::refresh(self, until.min(Instant::now() + LOADS_WITHIN)).await;
        }
        answer
    }
}

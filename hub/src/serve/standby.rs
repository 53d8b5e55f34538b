//! Reads while the database sleeps or does not answer: a second service over an embedded database in a temporary
//! folder, loaded from the store by the same code, stands in for the first. It is made when somebody first asks,
//! and goes when the database is back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use jiff::Timestamp;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

use crate::config::{DatabaseConfig, EditsConfig, HubConfig};
use crate::control::{Control, Standing};
use crate::dashboard::asleep::{self, Notice};
use crate::db::{self, SLEEP};
use crate::error::HubError;
use crate::http::App;
use crate::http::problem::{Code, Problem};
use crate::http::request::header_text;
use crate::http::server::MAX_BODY_BYTES;
use crate::sleep::{ask_to_wake, finish};
use crate::sync::{Hub, LoadRequest};
use crate::tasks;
use crate::temporary_folder::TemporaryFolder;

/// Tells that an answer was made from the store.
pub(crate) const X_CAUSEWAY_DATABASE: HeaderName = HeaderName::from_static("x-causeway-database");

/// How long a read waits before it is asked whether the server is there …
const PATIENCE: Duration = Duration::from_secs(1);
/// … and how long that may take: three seconds in all.
const PING_WITHIN: Duration = Duration::from_secs(2);
/// How long what was found out is good.
const PING_FOR: Duration = Duration::from_millis(500);
/// How often it is looked whether the database has gone to sleep, or is back.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long a read waits for the newest commits before it answers with those that are there.
const REFRESH_WAIT: Duration = Duration::from_secs(2);
/// How long it waits until the stand-in is made; that goes on beyond.
const MADE_WITHIN: Duration = Duration::from_secs(25);

/// What is known of the database, and what stands in for it.
#[derive(Default)]
pub(crate) struct Standby {
    /// Why the database is not asked; `None`: it is.
    why: Mutex<Option<Notice>>,
    looked: Mutex<Option<Instant>>,
    /// Whether the server was there, and when that was found out.
    pinged: tokio::sync::Mutex<Option<(Instant, bool)>>,
    stand_in: Mutex<Option<Making>>,
    finishes: AtomicBool,
}

type Making = Shared<BoxFuture<'static, Option<Arc<StandIn>>>>;

/// As long as a database is made one that is awake; it may be stopped in the middle.
struct Finishing(Arc<App>);

impl Drop for Finishing {
    fn drop(&mut self) {
        self.0.standby.finishes.store(false, Ordering::Relaxed);
    }
}

/// The service over the embedded database.
struct StandIn {
    hub: Hub,
    router: Router,
    /// When the sites' logs were last looked at.
    refreshed: tokio::sync::Mutex<Instant>,
    /// Goes last.
    _folder: TemporaryFolder,
}

impl Standby {
    /// Why the database is not asked; `None`: it is.
    pub(crate) fn why(&self) -> Option<Notice> {
        *lock(&self.why)
    }

    /// The same from now on; what stood in for a database that is back goes.
    fn set(&self, why: Option<Notice>) {
        let before = std::mem::replace(&mut *lock(&self.why), why);
        match (before, why) {
            (None, Some(why)) => tracing::warn!(?why, "reads are answered from the store"),
            (Some(_), None) => tracing::info!("reads are answered from the database again"),
            _ => {}
        }
        if why.is_none() {
            lock(&self.stand_in).take();
        }
    }

    /// Looks whether the database sleeps before anybody has to find out.
    pub(crate) async fn begin(&self, app: &App) {
        match Control::read(app.hub.store())
            .await
            .map(|control| control.database)
        {
            Ok(Standing::Asleep) => self.set(Some(Notice::Asleep)),
            Ok(Standing::Waking) => self.set(Some(Notice::Waking)),
            Ok(Standing::Awake) | Err(_) => {}
        }
    }

    /// What a function does from time to time in a service's stead: looks, and makes a database whose server has
    /// started one that is awake, beside. Why the database is not asked; `None`: it is.
    #[cfg(feature = "lambda")]
    pub(crate) async fn tick(app: &Arc<App>) -> Option<Notice> {
        let standby = &app.standby;
        if app.hub.database().has_server() && standby.why().is_none() {
            standby.begin(app).await;
        }
        if standby.why().is_some() {
            standby.look(app).await;
        }
        standby.why()
    }

    /// Looks every few seconds, until it is dropped.
    pub(super) async fn keep_looking(app: Arc<App>) {
        if !app.hub.database().has_server() {
            return std::future::pending().await;
        }
        app.standby.begin(&app).await;
        loop {
            sleep(LOOK_EVERY).await;
            app.standby.look(&app).await;
        }
    }

    /// Looks, where nobody has for a while, without keeping anybody waiting.
    fn look_now_and_then(app: &Arc<App>) {
        let mut looked = lock(&app.standby.looked);
        if looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return;
        }
        *looked = Some(Instant::now());
        drop(looked);
        let app = Arc::clone(app);
        tasks::spawn(async move { app.standby.look(&app).await });
    }

    /// Finds out whether the database has gone to sleep, or is back. While it is asked, the store is not: the
    /// database itself says that it sleeps.
    pub(crate) async fn look(&self, app: &Arc<App>) {
        *lock(&self.looked) = Some(Instant::now());
        let is_asleep = self.why().is_some();
        if !is_asleep {
            let told = timeout(PING_WITHIN, app.hub.database().copied(SLEEP)).await;
            // One that does not answer is found out by whoever reads.
            if !matches!(told, Ok(Ok(Some(since))) if !since.is_empty()) {
                return;
            }
        }
        let Ok(control) = Control::read(app.hub.store()).await else {
            return;
        };
        match control.database {
            Standing::Asleep => self.set(Some(Notice::Asleep)),
            Standing::Waking => {
                self.set(Some(Notice::Waking));
                if self.is_there(app).await {
                    self.finish_waking(app);
                }
            }
            Standing::Awake if is_asleep && self.is_there(app).await => self.set(None),
            Standing::Awake => {}
        }
    }

    /// Whether the server is there; asked once for all who ask together.
    async fn is_there(&self, app: &App) -> bool {
        let mut pinged = self.pinged.lock().await;
        if let Some((at, was_there)) = *pinged
            && at.elapsed() < PING_FOR
        {
            return was_there;
        }
        let ping = timeout(PING_WITHIN, app.hub.database().ping()).await;
        let is_there = match ping {
            Ok(Ok(())) => true,
            // It answers, whatever it says.
            Ok(Err(error)) => !error.is_retryable(),
            Err(_) => false,
        };
        *pinged = Some((Instant::now(), is_there));
        is_there
    }

    /// Ready when the server has not been there for three seconds.
    async fn silence(&self, app: &App) {
        loop {
            sleep(PATIENCE).await;
            if !self.is_there(app).await {
                return;
            }
        }
    }

    /// Makes a database whose server has started one that is awake, in the background.
    fn finish_waking(&self, app: &Arc<App>) {
        if self.finishes.swap(true, Ordering::Relaxed) {
            return;
        }
        let finishing = Finishing(Arc::clone(app));
        tasks::spawn(async move {
            let app = Arc::clone(&finishing.0);
            match finish(&app.hub, app.clock).await {
                Ok(_) => tracing::info!("the database is awake"),
                Err(error) => tracing::error!(%error, "the database is not woken yet"),
            }
            drop(finishing);
            app.standby.look(&app).await;
        });
    }

    /// What stands in for the database, made once for all who ask.
    async fn stand_in(
        &self,
        app: &Arc<App>,
        routes: fn(Arc<App>) -> Router,
    ) -> Option<Arc<StandIn>> {
        let making = {
            let mut stand_in = lock(&self.stand_in);
            // One that failed is made again.
            if matches!(stand_in.as_ref().and_then(Shared::peek), Some(None)) {
                stand_in.take();
            }
            let making = stand_in.get_or_insert_with(|| {
                let app = Arc::clone(app);
                // Whoever asks may go away.
                let made = tasks::spawn(async move { StandIn::make(&app, routes).await });
                async move { made.await.ok().flatten() }.boxed().shared()
            });
            making.clone()
        };
        timeout(MADE_WITHIN, making).await.ok().flatten()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Each is replaced whole, also if a holder panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StandIn {
    async fn make(app: &Arc<App>, routes: fn(Arc<App>) -> Router) -> Option<Arc<Self>> {
        let began = Instant::now();
        let made = Self::try_make(app, routes).await;
        match made {
            Ok(made) => {
                let seconds = began.elapsed().as_secs_f64();
                tracing::info!(seconds, "what is read is loaded from the store");
                Some(Arc::new(made))
            }
            Err(error) => {
                tracing::error!(%error, "what is read cannot be loaded from the store");
                None
            }
        }
    }

    async fn try_make(app: &App, routes: fn(Arc<App>) -> Router) -> Result<Self, HubError> {
        let no_folder = |error: std::io::Error| HubError::Configuration {
            key: "TMPDIR",
            problem: format!("there is no room for what is read from the store: {error}"),
        };
        let folder = TemporaryFolder::make().map_err(no_folder)?;
        let config = HubConfig {
            database: DatabaseConfig {
                url: format!("sqlite:{}", folder.path().join("db").display()),
                wake: app.hub.config().database.wake,
                ..DatabaseConfig::default()
            },
            // It takes no changes, and leaves nothing in the store.
            edits: EditsConfig {
                write: false,
                ..app.hub.config().edits.clone()
            },
            window: app.hub.window_config(),
            ..app.hub.config().clone()
        };
        let database = db::open(&config.database).await?;
        let hub = Hub::with(config, Arc::clone(app.hub.store()), database)?;
        hub.init().await?;
        load(&hub, (app.clock)()).await?;
        let stand_in = App {
            metrics: Arc::clone(&app.metrics),
            archive: Arc::clone(&app.archive),
            ..App::new(hub.clone(), app.clock)
        };
        Ok(Self {
            hub,
            router: routes(Arc::new(stand_in)),
            refreshed: tokio::sync::Mutex::new(Instant::now()),
            _folder: folder,
        })
    }

    /// Looks for new commits, where that was long ago.
    async fn refresh(self: &Arc<Self>, clock: fn() -> Timestamp) {
        let every = self.hub.config().refresh.every.0;
        let Ok(refreshed) = self.refreshed.try_lock() else {
            return;
        };
        if refreshed.elapsed() < every {
            return;
        }
        drop(refreshed);
        let stand_in = Arc::clone(self);
        let refreshing = tasks::spawn(async move {
            let mut refreshed = stand_in.refreshed.lock().await;
            *refreshed = Instant::now();
            if let Err(error) = load(&stand_in.hub, clock()).await {
                tracing::warn!(%error, "the sites cannot be refreshed; the last good data stays");
            }
        });
        // It goes on by itself.
        let _ = timeout(REFRESH_WAIT, refreshing).await;
    }
}

async fn load(hub: &Hub, now: Timestamp) -> Result<(), HubError> {
    for site in hub.load(&LoadRequest::at(now)).await?.sites {
        if let Some(error) = site.error {
            tracing::warn!(site = %site.site, error, "a site is not loaded from the store");
        }
    }
    Ok(())
}

/// The service's addresses, and what answers there while the database sleeps.
pub(super) fn router(app: Arc<App>, routes: fn(Arc<App>) -> Router) -> Router {
    let own = routes(Arc::clone(&app));
    if !app.hub.database().has_server() {
        return own;
    }
    // Before any route is looked for: each of the two services does that for itself.
    Router::new().fallback(move |request: Request| {
        let (app, own) = (Arc::clone(&app), own.clone());
        async move { answer(&app, own, routes, request).await }
    })
}

/// Whether an address tells of the process alone.
fn is_of_the_process(path: &str) -> bool {
    matches!(path, "/healthz" | "/metrics" | "/favicon.ico") || path.starts_with("/assets/")
}

async fn answer(
    app: &Arc<App>,
    own: Router,
    routes: fn(Arc<App>) -> Router,
    request: Request,
) -> Response {
    let standby = &app.standby;
    if is_of_the_process(request.uri().path()) {
        return sent(own, request).await;
    }
    Standby::look_now_and_then(app);
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let (request, again) = twice(request, is_read).await;
    let Some(again) = again else {
        // A file that is on its way goes to the database's own service, and says there what is in its way.
        return sent(own, request).await;
    };
    let is_asked = match standby.why() {
        None => true,
        // It may be back, and whoever changes something finds out.
        Some(Notice::Silent) => !is_read,
        Some(Notice::Asleep | Notice::Waking) => false,
    };
    if is_asked {
        let answer = tokio::select! {
            answer = sent(own, request) => Some(answer),
            () = standby.silence(app), if is_read => None,
        };
        if let Some(answer) = answer {
            let is_away = matches!(
                answer.status(),
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
            );
            if !is_away || standby.is_there(app).await {
                return answer;
            }
            if !is_read && !is_told_to_sleep(app).await {
                return answer;
            }
        }
        standby.set(Some(Notice::Silent));
        // Whether it sleeps, or is only away.
        standby.look(app).await;
    }
    let Some(why) = standby.why() else {
        return sent(routes(Arc::clone(app)), again).await;
    };
    answer_from_store(app, routes, why, again).await
}

async fn is_told_to_sleep(app: &App) -> bool {
    let control = Control::read(app.hub.store()).await;
    control.is_ok_and(|control| control.database != Standing::Awake)
}

async fn answer_from_store(
    app: &Arc<App>,
    routes: fn(Arc<App>) -> Router,
    why: Notice,
    request: Request,
) -> Response {
    let Some(stand_in) = app.standby.stand_in(app, routes).await else {
        let detail =
            "the database does not answer, and the store not in time; try again in a moment";
        return refused(Problem::new(Code::Unavailable, detail), request).await;
    };
    stand_in.refresh(app.clock).await;
    let is_write = !matches!(*request.method(), Method::GET | Method::HEAD);
    let mut answer = asleep::scope(why, sent(stand_in.router.clone(), request)).await;
    let asleep = HeaderValue::from_static("asleep");
    answer.headers_mut().insert(X_CAUSEWAY_DATABASE, asleep);
    let is_refused = is_write && answer.status() == StatusCode::SERVICE_UNAVAILABLE;
    if is_refused && why == Notice::Asleep && app.hub.config().database.wake {
        let now = (app.clock)();
        if let Err(error) = ask_to_wake(app.hub.store(), app.hub.config(), now).await {
            tracing::error!(%error, "the database cannot be woken");
        }
    }
    answer
}

/// A problem that no service answers with, by the layers that all answers pass through.
async fn refused(problem: Problem, request: Request) -> Response {
    let router = Router::new().fallback(async move || problem.into_response());
    let identify = axum::middleware::from_fn(crate::http::request_id::identify);
    sent(router.layer(identify), request).await
}

async fn sent(router: Router, request: Request) -> Response {
    match router.oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

/// A request, and the same again where its body is not so long that it is read as it comes.
async fn twice(request: Request, is_read: bool) -> (Request, Option<Request>) {
    let (parts, body) = request.into_parts();
    if is_read {
        let again = Request::from_parts(parts.clone(), Body::empty());
        return (Request::from_parts(parts, body), Some(again));
    }
    let length = header_text(&parts.headers, header::CONTENT_LENGTH);
    let length: Option<usize> = match length {
        Some(length) => length.parse().ok(),
        None if axum::body::HttpBody::is_end_stream(&body) => Some(0),
        None => None,
    };
    if length.is_none_or(|length| length > MAX_BODY_BYTES) {
        return (Request::from_parts(parts, body), None);
    }
    // A client that does not send what it announced gets no answer but that.
    let Ok(body) = timeout(PATIENCE * 10, to_bytes(body, MAX_BODY_BYTES)).await else {
        return (Request::from_parts(parts, Body::empty()), None);
    };
    let body = body.unwrap_or_default();
    let again = Request::from_parts(parts.clone(), Body::from(body.clone()));
    (Request::from_parts(parts, Body::from(body)), Some(again))
}

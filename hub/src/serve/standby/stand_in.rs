//! What stands in for a database: a second service over an embedded one in a temporary folder, loaded from the
//! store by the same code.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use jiff::Timestamp;
use tokio::time::timeout;

use crate::config::{DatabaseConfig, EditsConfig, HubConfig};
use crate::db;
use crate::error::HubError;
use crate::http::App;
use crate::sync::{Hub, LoadRequest};
use crate::tasks;
use crate::temporary_folder::TemporaryFolder;

/// How long a read waits for the newest commits before it answers with those that are there.
const REFRESH_WAIT: Duration = Duration::from_secs(2);

/// The service over the embedded database.
pub(super) struct StandIn {
    hub: Hub,
    pub(super) router: Router,
    /// When the sites' logs were last looked at.
    refreshed: tokio::sync::Mutex<Instant>,
    /// Goes last.
    _folder: TemporaryFolder,
}

impl StandIn {
    pub(super) async fn make(app: &Arc<App>, routes: fn(Arc<App>) -> Router) -> Option<Arc<Self>> {
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
            database_name: app.database_name.clone(),
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
    pub(super) async fn refresh(self: &Arc<Self>, clock: fn() -> Timestamp) {
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
                let what = "the sites cannot be refreshed from the store; the last good data stays";
                stand_in.hub.log_common_failure(what, error);
            }
        });
        // It goes on by itself.
        let _ = timeout(REFRESH_WAIT, refreshing).await;
    }
}

async fn load(hub: &Hub, now: Timestamp) -> Result<(), HubError> {
    for site in hub.load(&LoadRequest::at(now)).await?.sites {
        if let Some(error) = site.error {
            hub.log_failure(&site.site, "the site is not loaded from the store", error);
        }
    }
    Ok(())
}

//! The window that all hubs of one database share.
//!
//! Each has a configuration of its own. Were each to load by its own, hubs with different ones would take
//! out what the others brought, and make the triggers anew, in turn for ever. So the database holds the
//! settings that count: those of the service that began to load last. The others follow, and say so. A
//! command's settings count only until a service has told its own.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::hub::Hub;
use crate::config::WindowConfig;
use crate::db::DbError;

/// By which the database keeps it, beside its copies of the store's files.
const KEY: &str = "window";

/// Who tells the others which settings count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Teller {
    /// It loads again and again, and tells its settings again where a command has told others.
    Service,
    /// It loads once.
    Command,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
struct SharedWindow {
    window: WindowConfig,
    by: Teller,
}

impl Hub {
    /// The settings that count.
    pub(crate) fn window_config(&self) -> WindowConfig {
        // It is replaced whole, also if a holder panicked.
        let config = self.inner.window.read();
        config.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The zone whose day and time it is.
    pub(crate) fn zone(&self) -> TimeZone {
        self.window_config().timezone.0
    }

    /// Has all hubs of the database load by this one's configuration, once, as it begins to load: a command
    /// only where no service has told its own. Otherwise this one goes by what another has told.
    ///
    /// # Errors
    /// A failure of the database.
    pub(super) async fn tell_window(&self, who: Teller) -> Result<(), DbError> {
        let shared = self.shared_window().await?;
        let by = shared.as_ref().map(|shared| shared.by);
        let is_told = self.inner.window_is_told.load(Ordering::Relaxed);
        let is_anothers = match who {
            Teller::Service => is_told && by == Some(Teller::Service),
            Teller::Command => is_told || by == Some(Teller::Service),
        };
        if is_anothers {
            self.follow(shared);
            return Ok(());
        }
        let own = SharedWindow {
            window: self.config().window.clone(),
            by: who,
        };
        if shared.as_ref() != Some(&own) {
            // Numbers and names: it is always JSON.
            let json = serde_json::to_vec(&own).unwrap_or_default();
            self.database().copy(KEY, &json).await?;
        }
        self.inner.window_is_told.store(true, Ordering::Relaxed);
        self.follow(Some(own));
        Ok(())
    }

    /// Has the next command's settings count, where no service tells its own again.
    ///
    /// # Errors
    /// A failure of the database.
    pub(super) async fn forget_window(&self) -> Result<(), DbError> {
        let Some(shared) = self.shared_window().await? else {
            return Ok(());
        };
        let by = Teller::Command;
        let json = serde_json::to_vec(&SharedWindow { by, ..shared }).unwrap_or_default();
        self.database().copy(KEY, &json).await
    }

    /// Goes by what another hub of the database has told since.
    ///
    /// # Errors
    /// A failure of the database.
    pub(super) async fn follow_window(&self) -> Result<(), DbError> {
        let shared = self.shared_window().await?;
        self.follow(shared);
        Ok(())
    }

    fn follow(&self, shared: Option<SharedWindow>) {
        let Some(SharedWindow { window: shared, by }) = shared else {
            return;
        };
        if shared == self.window_config() {
            return;
        }
        if shared != self.config().window {
            tracing::warn!(
                before = shared.before,
                after = shared.after,
                timezone = shared.timezone.name(),
                on_demand_days = shared.on_demand_days,
                by = ?by,
                "another hub of this database has another [window], and began to load later: this one \
                 goes by it; write the same in all configurations (where that was a service that is gone, \
                 `causeway-hub init` forgets its [window])"
            );
        }
        let mut config = self
            .inner
            .window
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *config = shared;
    }

    /// What the database holds; `None` where that is nothing, or nothing that this version knows.
    async fn shared_window(&self) -> Result<Option<SharedWindow>, DbError> {
        let json = self.database().copied(KEY).await?;
        Ok(json.and_then(|json| serde_json::from_slice(&json).ok()))
    }
}

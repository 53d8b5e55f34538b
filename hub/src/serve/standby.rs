//! Reads while the database sleeps or does not answer: a second service over an embedded database, loaded from
//! the store, stands in for the first. It is made when somebody first asks, and goes when the database is back.

mod answers;
mod stand_in;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::{sleep, timeout};

pub(super) use answers::router;

use crate::control::{Control, SleepState};
use crate::db::SLEEP;
use crate::http::App;
use crate::http::absence::Absence;
use crate::scheduler::failing_sites;
use crate::sleep::{finish, server_answers, wake_forgotten};
use crate::sync::Hub;
use crate::tasks;
use stand_in::StandIn;

/// How long a read waits before it is asked whether the server is there …
const PATIENCE: Duration = Duration::from_secs(1);
/// … and how long that may take: three seconds in all.
const PING_WITHIN: Duration = Duration::from_secs(2);
/// How long what was found out is good.
const PING_FOR: Duration = Duration::from_millis(500);
/// How often it is looked whether the database has gone to sleep, or is back.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often the store is asked how the database is to stand while the database says that it is awake: a `wake` that was
/// killed at its end leaves a file which says that it is being woken, and nothing in the database.
const ASK_STORE_EVERY: Duration = Duration::from_secs(30);
/// How long it waits until the stand-in is made; that goes on beyond.
const MADE_WITHIN: Duration = Duration::from_secs(25);

/// What is known of the database, and what stands in for it.
#[derive(Default)]
pub(crate) struct Standby {
    /// Why the database is not asked; `None`: it is.
    why: Mutex<Option<Absence>>,
    looked: Mutex<Option<Instant>>,
    /// When the store was last asked how the database is to stand.
    asked_store: Mutex<Option<Instant>>,
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

impl Standby {
    /// Why the database is not asked; `None`: it is.
    pub(crate) fn why(&self) -> Option<Absence> {
        *lock(&self.why)
    }

    /// Whether it was put to sleep, or is being woken.
    pub(crate) fn sleeps(&self) -> bool {
        matches!(self.why(), Some(Absence::Asleep | Absence::Waking))
    }

    /// The same from now on; what stood in for a database that is back goes.
    fn set(&self, why: Option<Absence>) {
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
        *lock(&self.asked_store) = Some(Instant::now());
        match Control::read(app.hub.store())
            .await
            .map(|control| control.state.database)
        {
            Ok(SleepState::Asleep) => self.set(Some(Absence::Asleep)),
            Ok(SleepState::Waking) => self.set(Some(Absence::Waking)),
            Ok(SleepState::Awake) | Err(_) => {}
        }
    }

    /// What a function does from time to time in a service's stead: looks, and makes a database whose server has
    /// started one that is awake, beside. Why the database is not asked; `None`: it is.
    #[cfg(feature = "lambda")]
    pub(crate) async fn tick(app: &Arc<App>) -> Option<Absence> {
        let standby = &app.standby;
        if app.hub.database().has_server() {
            if standby.why().is_none() {
                standby.begin(app).await;
            }
            standby.see_to(app).await;
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
            app.standby.see_to(&app).await;
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

    /// Looks, and makes a database whose server has started one that is awake. That takes as long as a load, so
    /// that no request does it.
    async fn see_to(&self, app: &Arc<App>) {
        self.look(app).await;
        if self.why() == Some(Absence::Waking) && self.is_there(app).await {
            self.finish_waking(app);
        }
    }

    /// Finds out whether the database has gone to sleep, or is back. While it is asked, the store is so seldom: the
    /// database itself says that it sleeps.
    pub(crate) async fn look(&self, app: &App) {
        *lock(&self.looked) = Some(Instant::now());
        let mut told = Vec::new();
        let counts_as_awake = self.why().is_none();
        if counts_as_awake {
            let copied = timeout(PING_WITHIN, app.hub.database().copied(SLEEP)).await;
            // One that does not answer is found out by whoever reads.
            let Ok(Ok(copied)) = copied else { return };
            told = copied.unwrap_or_default();
            if told.is_empty() && !self.is_store_due() {
                return;
            }
        }
        *lock(&self.asked_store) = Some(Instant::now());
        let Ok(control) = Control::read(app.hub.store()).await else {
            return;
        };
        match control.state.database {
            // The file names no database: what is told of another one is not this one's to finish.
            SleepState::Asleep | SleepState::Waking
                if counts_as_awake && told.is_empty() && !owns_edits(&app.hub).await => {}
            SleepState::Asleep => self.set(Some(Absence::Asleep)),
            SleepState::Waking => self.set(Some(Absence::Waking)),
            SleepState::Awake if !told.is_empty() => {
                match wake_forgotten(&app.hub, &told, &control, (app.clock)()).await {
                    Ok(true) => self.set(Some(Absence::Waking)),
                    Ok(false) => {}
                    Err(error) => tracing::error!(%error, "the database cannot be woken"),
                }
            }
            SleepState::Awake if self.why().is_some() && self.is_there(app).await => self.set(None),
            SleepState::Awake => {}
        }
    }

    fn is_store_due(&self) -> bool {
        let asked = *lock(&self.asked_store);
        asked.is_none_or(|at| at.elapsed() >= ASK_STORE_EVERY)
    }

    /// A database that does not answer: whether it sleeps, or is only away.
    async fn fall_silent(&self, app: &App) {
        self.set(Some(Absence::Silent));
        self.look(app).await;
    }

    /// Whether the server is there; asked once for all who ask together.
    async fn is_there(&self, app: &App) -> bool {
        let mut pinged = self.pinged.lock().await;
        if let Some((at, was_there)) = *pinged
            && at.elapsed() < PING_FOR
        {
            return was_there;
        }
        let is_there = server_answers(&app.hub, PING_WITHIN).await;
        *pinged = Some((Instant::now(), is_there));
        is_there
    }

    /// As if its server had just been asked in vain.
    #[cfg(test)]
    async fn counts_as_away(&self) {
        *self.pinged.lock().await = Some((Instant::now(), false));
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
                Ok(report) => {
                    for (site, error) in failing_sites(&report.sites) {
                        app.hub
                            .log_failure(&site, "the site cannot be loaded", error);
                    }
                }
                Err(error) => {
                    let what = "the database is not woken yet";
                    app.hub.log_common_failure(what, error);
                }
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

/// Whether the database has the edits of its sites, as far as it knows. `false` where it does not say.
async fn owns_edits(hub: &Hub) -> bool {
    let states = hub.database().sites().await.unwrap_or_default();
    hub.config().edits.write && !states.is_empty() && states.iter().all(|state| state.writable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HubConfig;
    use crate::serve::testbed::{Testbed, now};

    #[tokio::test]
    async fn a_waking_that_was_left_is_finished_though_the_database_counts_as_awake() {
        let bed = Testbed::with_a_day(&["hcm-01"]).await;
        let (app, store) = (&bed.app, bed.app.hub.store());
        // As a `wake` leaves it that is killed once it is loaded, and the service has missed that it slept.
        for to in [SleepState::Asleep, SleepState::Waking] {
            Control::set_state(store, to, now(), false).await.unwrap();
        }
        assert_eq!(app.standby.why(), None);
        app.standby.see_to(app).await;
        assert_eq!(app.standby.why(), Some(Absence::Waking));
        while Control::read(store).await.unwrap().state.database != SleepState::Awake {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_another_database_is_about_is_left_to_its_own_hubs() {
        let follows = |config: &mut HubConfig| config.edits.write = false;
        let bed = Testbed::with_a_day_and(&["hcm-01"], follows).await;
        let (app, store) = (&bed.app, bed.app.hub.store());
        for to in [SleepState::Asleep, SleepState::Waking] {
            Control::set_state(store, to, now(), false).await.unwrap();
            *lock(&app.standby.asked_store) = None;
            app.standby.see_to(app).await;
            assert_eq!(app.standby.why(), None, "it only follows");
        }
    }

    #[tokio::test]
    async fn while_the_database_says_that_it_is_awake_the_store_is_seldom_asked() {
        let bed = Testbed::new().await;
        let app = &bed.app;
        app.standby.look(app).await;
        let before = app.hub.store().requests();
        for _ in 0..10 {
            app.standby.look(app).await;
        }
        assert_eq!(app.hub.store().requests(), before);
    }
}

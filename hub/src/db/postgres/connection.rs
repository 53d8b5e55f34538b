//! Connections: opened, pooled, set up.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use backon::Retryable as _;
use causeway_shared::runtime::retry;
use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Metrics, Object, Pool, PoolError,
    RecyclingMethod, Runtime, TimeoutType, Timeouts,
};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::grants::Roles;
use super::sign_in::{SignIn, SigningIn};
use super::tls::Encryption;
use super::upgrade::VERSION;
use super::{error, typed};
use crate::config::{DatabaseConfig, without_password};
use crate::db::DbError;
use crate::db::known_sites::KnownSites;

/// Fewest connections: a load keeps one, one of a date that somebody waits for another, and both need one
/// beside, as do reads.
const FEWEST_CONNECTIONS: u16 = 3;
/// As many as a function takes: one for the request in hand, one that it needs beside a load. There are
/// as many functions as requests at a time, and a micro server takes about 80 connections.
const FUNCTION_CONNECTIONS: usize = 2;

/// Fewest places of loads.
const FEWEST_PLACES: usize = 2;
/// Connections beside the configured ones, for flushes alone: a load waits for a flush, and so does
/// whoever changed something by the API, so that a flush waits for neither loads nor reads.
const FLUSH_CONNECTIONS: usize = 2;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection of the pool is waited for.
pub(super) const POOL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the network may lose what was sent before the connection counts as broken.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection that waits for an answer hears nothing before it asks whether the server is there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(10);
/// How long an answer may take. The server ends a statement itself before that, if it works.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(65);

/// A connection that nobody has taken for so long is tried before it is used.
const TRIED_AFTER: Duration = Duration::from_millis(500);
/// How long a connection that is tried may take to answer.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(1);

/// A database's connections.
pub(super) struct Connections {
    /// As many as are configured.
    pub(super) pool: Pool,
    /// Those for flushes alone.
    pub(super) reserve: Pool,
    /// One that finds out whether the server is there.
    pub(super) probe: Pool,
    /// Places of loads and flushes in the pool. They keep a connection for long, and need another one
    /// meanwhile: half of the pool is left to what is over soon.
    pub(super) places: Arc<Semaphore>,
    pub(super) places_at_most: usize,
    /// Whether they are a function's.
    pub(super) may_freeze: bool,
    described: String,
    /// Who else may use the sites' tables.
    pub(super) roles: Roles,
    /// Whether the hub's own tables were seen to be of this program's version.
    checked: AtomicBool,
    pub(super) known: Arc<KnownSites>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connections").field(&self.described).finish()
    }
}

impl Connections {
    pub(super) fn new(database: &DatabaseConfig, sign_in: SignIn) -> Result<Self, DbError> {
        let refuse = |problem: String| DbError::Configuration { problem };
        let url = &*database.url;
        let root_certificate = Some(Path::new(&database.root_certificate));
        let root_certificate = root_certificate.filter(|file| !file.as_os_str().is_empty());
        if !database.may_freeze && database.connections < FEWEST_CONNECTIONS {
            let problem = format!("`connections` must be at least {FEWEST_CONNECTIONS}");
            return Err(refuse(problem));
        }
        let sizes = match database.may_freeze {
            true => Sizes::OF_FUNCTION,
            false => Sizes::of(usize::from(database.connections)),
        };
        let tried_after = match database.may_freeze {
            true => Duration::ZERO,
            false => TRIED_AFTER,
        };
        let Encryption {
            url: plain_url,
            mode,
            connector,
            is_checked,
        } = Encryption::of(url, root_certificate).map_err(refuse)?;
        if matches!(sign_in, SignIn::Iam { .. }) && !is_checked {
            let problem = "with `iam` a token is sent as a password, so it has to be known who gets it: name RDS's \
                certificates as `root_certificate`, and write no other `sslmode` in `url` than verify-full";
            return Err(refuse(problem.into()));
        }
        let mut config: Config = plain_url.parse().map_err(|_| {
            refuse("`url` is not of the form postgres://user:password@host/database".into())
        })?;
        if mode == SslMode::Require && config.get_hosts().is_empty() {
            let problem =
                "a server that has to encrypt is known by its name; write `host` in `url`";
            return Err(refuse(problem.into()));
        }
        config
            .ssl_mode(mode)
            .application_name("causeway-hub")
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(NETWORK_TIMEOUT)
            .keepalives_idle(KEEPALIVE_AFTER)
            .keepalives_interval(KEEPALIVE_AFTER);
        let pool = |size| {
            let connect = SigningIn {
                tls: connector.clone(),
                sign_in: sign_in.clone(),
            };
            pool(&config, connect, (size, tried_after)).map_err(refuse)
        };
        Ok(Self {
            pool: pool(sizes.pool)?,
            reserve: pool(sizes.reserve)?,
            probe: pool(1)?,
            places: Arc::new(Semaphore::new(sizes.places)),
            places_at_most: sizes.places,
            may_freeze: database.may_freeze,
            described: without_password(url),
            roles: Roles {
                readers: database.readers.clone(),
                writers: database.writers.clone(),
                ..Roles::default()
            },
            checked: AtomicBool::new(false),
            known: Arc::default(),
        })
    }

    /// The database without its password.
    pub(super) fn describe(&self) -> &str {
        &self.described
    }

    /// Tries something that may be repeated, a few times while that may help.
    pub(super) async fn retrying<T, F: Future<Output = Result<T, DbError>>>(
        &self,
        work: impl Fn() -> F,
    ) -> Result<T, DbError> {
        let work = || self.answered(work());
        work.retry(retry::a_few_times())
            .when(DbError::is_retryable)
            .await
    }

    /// Gives up something short that a server which lives would have answered.
    pub(super) async fn answered<T>(
        &self,
        work: impl Future<Output = Result<T, DbError>>,
    ) -> Result<T, DbError> {
        answered(&self.described, work).await
    }

    /// A connection of the pool, to a database whose own tables are of this program's version.
    pub(super) async fn client(&self) -> Result<Object, DbError> {
        self.client_of(&self.pool).await
    }

    pub(super) async fn client_of(&self, pool: &Pool) -> Result<Object, DbError> {
        let client = self.pooled(pool).await?;
        self.check_once(&client).await?;
        Ok(client)
    }

    async fn check_once(&self, client: &Client) -> Result<(), DbError> {
        if !self.checked.load(Ordering::Relaxed) {
            self.check(client).await?;
            self.checked.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// A connection of the pool, if there is one that nobody has.
    pub(super) async fn client_at_once(&self) -> Result<Option<Object>, DbError> {
        let at_once = Timeouts {
            wait: Some(Duration::ZERO),
            ..self.pool.timeouts()
        };
        match self.pool.timeout_get(&at_once).await {
            Ok(client) => {
                self.check_once(&client).await?;
                Ok(Some(client))
            }
            Err(PoolError::Timeout(TimeoutType::Wait)) => Ok(None),
            Err(error) => Err(error::of_pool(&self.described, error)),
        }
    }

    pub(super) async fn pooled(&self, pool: &Pool) -> Result<Object, DbError> {
        let client = pool.get().await;
        client.map_err(|error| error::of_pool(&self.described, error))
    }

    /// Refuses a database whose own tables are missing, or newer than this program.
    async fn check(&self, client: &Client) -> Result<(), DbError> {
        let found = self.version(client).await?;
        if found < VERSION {
            // Older tables lack what this program asks for, like missing ones.
            return Err(DbError::NotInitialised {
                database: self.described.clone(),
            });
        }
        Ok(())
    }

    /// How many steps the hub's own tables have been through.
    pub(super) async fn version(&self, client: &Client) -> Result<i64, DbError> {
        let own = |error| error::of_own(&self.described, "reading", error);
        let sql = include_str!("sql/version_read.sql");
        let row = typed::row(client, sql, &[]).await.map_err(own)?;
        let found: i64 = row.try_get(0).map_err(own)?;
        if found > VERSION {
            return Err(DbError::Newer {
                database: self.described.clone(),
                found,
                known: VERSION,
            });
        }
        Ok(found)
    }
}

/// Gives up something short that a server which lives would have answered.
pub(super) async fn answered<T>(
    database: &str,
    work: impl Future<Output = Result<T, DbError>>,
) -> Result<T, DbError> {
    let within = timeout(ANSWER_TIMEOUT, work).await;
    within.unwrap_or_else(|_| {
        Err(DbError::Unreachable {
            database: database.to_owned(),
            detail: format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()),
            source: None,
        })
    })
}

/// How many connections there are at most, and how many places of loads.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    pool: usize,
    reserve: usize,
    places: usize,
}

impl Sizes {
    /// A flush within a load takes one more for as long as it lasts.
    const OF_FUNCTION: Self = Self {
        pool: FUNCTION_CONNECTIONS,
        reserve: 1,
        places: 1,
    };

    fn of(connections: usize) -> Self {
        Self {
            pool: connections,
            reserve: FLUSH_CONNECTIONS,
            places: (connections / 2).max(FEWEST_PLACES),
        }
    }
}

fn pool(
    config: &Config,
    connect: SigningIn<MakeRustlsConnect>,
    (size, tried_after): (usize, Duration),
) -> Result<Pool, String> {
    let manager = Manager::from_connect(
        config.clone(),
        connect,
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    let trial = Arc::new(Trial {
        after: tried_after,
        found_dead: Mutex::default(),
    });
    Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(POOL_TIMEOUT))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .post_create(Hook::async_fn(|client, _| {
            Box::pin(async move {
                let setup = client.batch_execute(include_str!("sql/session.sql"));
                match timeout(CONNECT_TIMEOUT, setup).await {
                    Ok(setup) => setup.map_err(HookError::Backend),
                    Err(_) => Err(HookError::message("the server does not answer")),
                }
            })
        }))
        .pre_recycle(Hook::async_fn(move |client, metrics| {
            let trial = Arc::clone(&trial);
            Box::pin(async move { trial.of(client, metrics).await })
        }))
        .build()
        .map_err(|error| error.to_string())
}

/// Tries connections that lay idle: the server, or the way to it, may have gone without a word.
#[derive(Debug)]
struct Trial {
    /// One that nobody has taken for so long is tried.
    after: Duration,
    /// When one was last found dead. Those that were last taken before that count as dead.
    found_dead: Mutex<Option<Instant>>,
}

impl Trial {
    async fn of(&self, client: &ClientWrapper, metrics: &Metrics) -> Result<(), HookError> {
        let dead = || HookError::message("the connection is dead");
        let used = metrics.recycled.unwrap_or(metrics.created);
        let found_dead = *self
            .found_dead
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if found_dead.is_some_and(|at| used < at) {
            return Err(dead());
        }
        if metrics.last_used() < self.after {
            return Ok(());
        }
        match timeout(TRIAL_TIMEOUT, client.simple_query("")).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => {
                let mut found_dead = self
                    .found_dead
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *found_dead = Some(Instant::now());
                Err(dead())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_that_somebody_waits_for_has_a_place_beside_a_long_load() {
        let places = [3, 4, 8].map(|connections| {
            let config = DatabaseConfig {
                url: "postgres://me@db/causeway".to_owned(),
                connections,
                ..DatabaseConfig::default()
            };
            Connections::new(&config, SignIn::Url)
                .unwrap()
                .places_at_most
        });
        assert_eq!(places, [2, 2, 4]);
    }
}

//! Connections: opened, pooled, set up; and the hub's own tables made and upgraded.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::Retryable as _;
use causeway_shared::runtime::{chance, retry};
use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime,
};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error;
use super::grants::Roles;
use super::tls::Encryption;
use crate::config::without_password;
use crate::db::DbError;

/// The version of the hub's own tables. Earlier ones hold no edits, so that all of them are made again.
const VERSION: i64 = 5;

/// The oldest version of PostgreSQL, as it numbers itself.
const OLDEST_VERSION: i32 = 140_000;

/// Most connections for reading. A micro server takes about 80 in all.
const POOL_CONNECTIONS: usize = 8;
/// How long connecting, or waiting for a connection of the pool, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the network may lose what was sent before the connection counts as broken.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(30);

/// A database's connections.
pub(super) struct Connections {
    config: Config,
    connector: MakeRustlsConnect,
    pool: Pool,
    described: String,
    /// Who else may use the sites' tables.
    pub(super) roles: Roles,
    /// Whether the hub's own tables were seen to be of this program's version.
    checked: AtomicBool,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connections").field(&self.described).finish()
    }
}

impl Connections {
    pub(super) fn new(url: &str, root_certificate: Option<&Path>) -> Result<Self, DbError> {
        let refuse = |problem: String| DbError::Configuration { problem };
        let Encryption {
            url: plain_url,
            mode,
            connector,
        } = Encryption::of(url, root_certificate).map_err(refuse)?;
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
            .keepalives_idle(NETWORK_TIMEOUT);
        let described = without_password(url);
        let manager = Manager::from_config(
            config.clone(),
            connector.clone(),
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager)
            .max_size(POOL_CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(CONNECT_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async move {
                    let setup = client.batch_execute(include_str!("sql/session.sql")).await;
                    setup.map_err(HookError::Backend)
                })
            }))
            .build()
            .map_err(|error| refuse(error.to_string()))?;
        Ok(Self {
            config,
            connector,
            pool,
            described,
            roles: Roles::default(),
            checked: AtomicBool::new(false),
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
        work.retry(retry::a_few_times())
            .when(DbError::is_retryable)
            .await
    }

    /// A connection of the pool, to a database whose own tables are of this program's version.
    pub(super) async fn client(&self) -> Result<Object, DbError> {
        let client = self.pooled().await?;
        if !self.checked.load(Ordering::Relaxed) {
            self.check(&client).await?;
            self.checked.store(true, Ordering::Relaxed);
        }
        Ok(client)
    }

    async fn pooled(&self) -> Result<Object, DbError> {
        let client = self.pool.get().await;
        client.map_err(|error| error::of_pool(&self.described, error))
    }

    /// A connection of its own, for a load.
    pub(super) async fn own(&self) -> Result<Client, DbError> {
        let failed = |error| error::of(&self.described, "connecting", error);
        let connected = self.config.connect(self.connector.clone()).await;
        let (client, connection) = connected.map_err(failed)?;
        tokio::spawn(async move {
            // Whoever uses the client meets the same error; here it is only for those who look.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the loader's connection ended");
            }
        });
        let session = concat!(
            include_str!("sql/session.sql"),
            include_str!("sql/session_loader.sql")
        );
        client.batch_execute(session).await.map_err(failed)?;
        Ok(client)
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
    async fn version(&self, client: &Client) -> Result<i64, DbError> {
        let own = |error| error::of_own(&self.described, "reading", error);
        let sql = include_str!("sql/version_read.sql");
        let row = client.query_one(sql, &[]).await.map_err(own)?;
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

    /// Makes or upgrades the hub's own tables, for a database that hubs reach at an address.
    pub(super) async fn upgrade(&self, address: &str) -> Result<(), DbError> {
        let mut client = self.pooled().await?;
        self.check_server(&client).await?;
        let failed = |error| error::of(&self.described, "upgrading", error);
        let transaction = client.transaction().await.map_err(failed)?;
        let lock = include_str!("sql/version_lock.sql");
        transaction.batch_execute(lock).await.map_err(failed)?;
        let there = include_str!("sql/version_there.sql");
        let there: bool = transaction
            .query_one(there, &[])
            .await
            .map_err(failed)?
            .get(0);
        if !there {
            let create = include_str!("sql/version_create.sql");
            transaction.batch_execute(create).await.map_err(failed)?;
        }
        let found = self.version(transaction.client()).await?;
        if found < VERSION {
            let make = concat!(
                include_str!("sql/empty_earlier.sql"),
                include_str!("sql/hub.sql"),
                include_str!("sql/trigger_functions.sql")
            );
            transaction.batch_execute(make).await.map_err(failed)?;
            let set = include_str!("sql/version_set.sql");
            let set = transaction.execute(set, &[&VERSION]).await;
            set.map_err(failed)?;
        }
        let id = chance::random_id().map_err(|error| DbError::Configuration {
            problem: format!("this system has no randomness to give: {error}"),
        })?;
        let make = include_str!("sql/identity_make.sql");
        let made = transaction.execute(make, &[&id, &address]).await;
        made.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        self.roles.grant(&client, &self.described, None).await
    }

    /// Only UTF-8 holds every text that a site may have, and only from version 14 on are triggers
    /// replaced.
    async fn check_server(&self, client: &Client) -> Result<(), DbError> {
        let row = client
            .query_one(include_str!("sql/server_read.sql"), &[])
            .await;
        let row = row.map_err(|error| error::of(&self.described, "reading", error))?;
        let (encoding, version): (&str, i32) = (row.get(0), row.get(1));
        let problem = if version < OLDEST_VERSION {
            format!("is of PostgreSQL {}; use 14 or newer", version / 10_000)
        } else if encoding != "UTF8" {
            format!("is encoded in {encoding}; create it with ENCODING 'UTF8'")
        } else {
            return Ok(());
        };
        Err(DbError::Configuration {
            problem: format!("{} {problem}", self.described),
        })
    }
}

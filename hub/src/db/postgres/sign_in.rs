//! How a connection signs in: by the URL's password, by one that a secret of AWS's holds, or by a token
//! that IAM vouches for.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use causeway_shared::runtime::clock;
use deadpool_postgres::Connect;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, Error, Socket};

use crate::aws::{Aws, AwsError, Secret};
use crate::config::{DatabaseConfig, without_password};
use crate::db::DbError;

/// The port of a URL that says none.
const PORT: u16 = 5_432;

/// By what a connection signs in.
#[derive(Clone)]
pub(super) enum SignIn {
    /// What the URL says.
    Url,
    Secret {
        aws: Arc<Aws>,
        id: String,
        /// As it was read last.
        known: Arc<RwLock<Secret>>,
    },
    Iam {
        aws: Arc<Aws>,
    },
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => "Url",
            Self::Secret { .. } => "Secret",
            Self::Iam { .. } => "Iam",
        })
    }
}

/// How a configuration says that connections sign in, and the configuration with the URL that a secret
/// completes.
///
/// # Errors
/// [`DbError::Configuration`], or [`DbError::Unreachable`] where AWS cannot be asked.
pub(super) async fn of(config: &DatabaseConfig) -> Result<(DatabaseConfig, SignIn), DbError> {
    let refuse = |problem: &str| {
        Err(DbError::Configuration {
            problem: problem.to_owned(),
        })
    };
    let (mut config, is_postgres) = (config.clone(), config.url.starts_with("postgres"));
    match (config.secret.as_str(), config.iam) {
        ("", false) => Ok((config, SignIn::Url)),
        ("", true) => {
            let sign_in = SignIn::by_iam().await;
            let sign_in = sign_in.map_err(|error| not_to_be_had(&config.url, &error))?;
            Ok((config, sign_in))
        }
        (_, true) => refuse("`secret` and `iam` are two ways to sign in; take one out"),
        (id, false) => {
            let read = SignIn::by_secret(id).await;
            let (sign_in, secret) = read.map_err(|error| not_to_be_had(id, &error))?;
            if !is_postgres {
                let Some(url) = secret.url() else {
                    return refuse(
                        "the secret says no `host`: write `url` as postgres://host/database",
                    );
                };
                config.url = url;
            }
            Ok((config, sign_in))
        }
    }
}

fn not_to_be_had(what: &str, error: &AwsError) -> DbError {
    match error.is_retryable() {
        true => DbError::Unreachable {
            database: without_password(what),
            detail: error.to_string(),
            source: None,
        },
        false => DbError::Configuration {
            problem: error.to_string(),
        },
    }
}

impl SignIn {
    /// By a secret, which is read at once.
    ///
    /// # Errors
    /// [`AwsError`]
    pub(super) async fn by_secret(id: &str) -> Result<(Self, Secret), AwsError> {
        let aws = Aws::of_environment().await?;
        let secret = aws.secret(id).await?;
        let sign_in = Self::Secret {
            aws: Arc::new(aws),
            id: id.to_owned(),
            known: Arc::new(RwLock::new(secret.clone())),
        };
        Ok((sign_in, secret))
    }

    /// # Errors
    /// [`AwsError`]
    pub(super) async fn by_iam() -> Result<Self, AwsError> {
        let aws = Arc::new(Aws::of_environment().await?);
        Ok(Self::Iam { aws })
    }

    /// The configuration with a user and a password that are good now.
    async fn ready(&self, config: &Config) -> Result<Config, AwsError> {
        let mut config = config.clone();
        match self {
            Self::Url => {}
            Self::Secret { known, .. } => {
                // It is replaced whole, also if a holder panicked.
                let known = known.read().unwrap_or_else(PoisonError::into_inner);
                config.user(&known.username).password(&known.password);
            }
            Self::Iam { aws } => {
                let host = config.get_hosts().first().and_then(|host| match host {
                    Host::Tcp(host) => Some(host.clone()),
                    Host::Unix(_) => None,
                });
                let port = config.get_ports().first().copied().unwrap_or(PORT);
                let user = config.get_user().unwrap_or_default().to_owned();
                let server = (host.as_deref().unwrap_or_default(), port);
                let token = aws.rds_token(server, &user, clock::now()).await?;
                config.password(token);
            }
        }
        Ok(config)
    }

    /// Reads the secret again: whether it is another.
    async fn renew(&self) -> Result<bool, AwsError> {
        let Self::Secret { aws, id, known } = self else {
            return Ok(false);
        };
        let secret = aws.secret(id).await?;
        let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
        let is_another = *known != secret;
        *known = secret;
        Ok(is_another)
    }
}

/// Opens the connections of a pool.
pub(super) struct SigningIn<T> {
    pub(super) tls: T,
    pub(super) sign_in: SignIn,
}

impl<T> Connect for SigningIn<T>
where
    T: MakeTlsConnect<Socket> + Clone + Sync + Send + 'static,
    T::Stream: Sync + Send,
    T::TlsConnect: Sync + Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    fn connect(&self, config: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        let config = config.clone();
        async move {
            match self.connect_once(&config).await {
                Err(error) if is_refused(&error) => {
                    // The secret may have been rotated since it was read.
                    match self.sign_in.renew().await {
                        Ok(true) => self.connect_once(&config).await,
                        Ok(false) => Err(error),
                        Err(why) => {
                            tracing::error!(error = %why, "the password is refused, and the secret cannot be read again");
                            Err(error)
                        }
                    }
                }
                connected => connected,
            }
        }
        .boxed()
    }
}

impl<T> SigningIn<T>
where
    T: MakeTlsConnect<Socket> + Clone + Sync + Send + 'static,
    T::Stream: Sync + Send,
    T::TlsConnect: Sync + Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    async fn connect_once(&self, config: &Config) -> Result<(Client, JoinHandle<()>), Error> {
        let ready = self.sign_in.ready(config).await;
        let ready = ready.unwrap_or_else(|error| {
            // The server then refuses whoever brings no password.
            tracing::error!(%error, "there is no token to sign in to the database with");
            config.clone()
        });
        let (client, connection) = ready.connect(self.tls.clone()).await?;
        let serving = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the database ended");
            }
        });
        Ok((client, serving))
    }
}

/// Whether the server does not take the password.
fn is_refused(error: &Error) -> bool {
    let refused = [
        SqlState::INVALID_PASSWORD,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
    ];
    error.code().is_some_and(|code| refused.contains(code))
}

#[cfg(test)]
mod tests;

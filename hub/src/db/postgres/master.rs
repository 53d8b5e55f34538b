//! The visits to a server of RDS's: its master makes the role that the hub signs in as by IAM, and gives it the
//! database, and those of the readers and writers that the hub knows. Any number of times.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use tokio_postgres::{Client, Config};

use super::error;
use super::tls::Encryption;
use crate::aws::Secret;
use crate::config::{DatabaseConfig, without_password};
use crate::db::DbError;
use crate::db::sql::quote;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who may do everything on a database server. It is handed on for one invocation and kept nowhere.
#[derive(Serialize, Deserialize)]
pub(crate) struct Master {
    username: String,
    password: String,
}

impl From<Secret> for Master {
    fn from(secret: Secret) -> Self {
        let Secret {
            username, password, ..
        } = secret;
        Self { username, password }
    }
}

impl fmt::Debug for Master {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Master")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Master {
    /// Has the user of a database's URL sign in by IAM and own that database. Readers and writers that are not
    /// there are made, and sign in by IAM too; those that are stay as they are.
    ///
    /// # Errors
    /// [`DbError`], without anything of the password. What was done until then stays, and is met again.
    pub(crate) async fn admit(&self, database: &DatabaseConfig) -> Result<(), DbError> {
        let refuse = |problem: String| DbError::Configuration { problem };
        let certificates = Some(Path::new(&database.root_certificate));
        let certificates = certificates.filter(|file| !file.as_os_str().is_empty());
        let Encryption {
            url,
            mode,
            connector,
            ..
        } = Encryption::of(&database.url, certificates).map_err(refuse)?;
        let parsed = url.parse::<Config>().ok();
        let names = parsed.as_ref().and_then(|config| {
            let user = config.get_user()?.to_owned();
            Some((user, quote(config.get_dbname()?)))
        });
        let (Some(mut server), Some((user, name))) = (parsed, names) else {
            return Err(refuse(
                "`url` has to name user and database: postgres://user@host/database".into(),
            ));
        };
        server
            .ssl_mode(mode)
            .application_name("causeway-hub")
            .user(&self.username)
            .password(&self.password);
        let described = without_password(&database.url);
        let working = async {
            let (client, connection) = server.connect(connector).await?;
            let driven = tokio::spawn(connection);
            let done = async {
                admit(&client, &user, &name).await?;
                for role in database.readers.iter().chain(&database.writers) {
                    make(&client, role).await?;
                }
                Ok(())
            };
            let done = done.await;
            driven.abort();
            done
        };
        match timeout(PATIENCE, working).await {
            Ok(done) => done.map_err(|error| error::of(&described, "making roles", error)),
            Err(_) => Err(DbError::Unreachable {
                database: described,
                detail: "it does not answer its master".to_owned(),
                source: None,
            }),
        }
    }
}

/// Makes a role that signs in by IAM, where there is none of its name. One that there is may sign in by a password,
/// which IAM would put an end to.
async fn make(client: &Client, name: &str) -> Result<(), tokio_postgres::Error> {
    let there = "SELECT FROM pg_catalog.pg_roles WHERE rolname = $1";
    if client.query_opt(there, &[&name]).await?.is_some() {
        return Ok(());
    }
    let role = quote(name);
    // Both or neither.
    let make = format!("CREATE ROLE {role} LOGIN; GRANT rds_iam TO {role}");
    client.batch_execute(&make).await
}

async fn admit(client: &Client, user: &str, database: &str) -> Result<(), tokio_postgres::Error> {
    make(client, user).await?;
    let role = quote(user);
    // Only a member may give a database away.
    client
        .batch_execute(&format!(
            "GRANT rds_iam TO {role};
             GRANT {role} TO CURRENT_USER;
             ALTER DATABASE {database} OWNER TO {role}"
        ))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masters_password_is_never_shown() {
        let master = Master {
            username: "m".to_owned(),
            password: "hidden".to_owned(),
        };
        assert_eq!(format!("{master:?}"), r#"Master { username: "m", .. }"#);
    }
}

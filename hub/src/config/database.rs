//! How the database is reached.

use std::fmt;

use serde::Deserialize;

/// The database: exactly one of `url`, `secret` and `iam` says how to reach it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DatabaseConfig {
    /// `sqlite:<folder>`, or `postgres://user:password@host/database?sslmode=…`.
    pub url: String,
    /// A PEM file of the certificates that a PostgreSQL server's may be issued by; empty: the
    /// system's.
    pub root_certificate: String,
    /// By which the database is known where hubs reach it by different URLs; empty: its URL without
    /// user, password and options.
    pub address: String,
    /// Most connections to a PostgreSQL server; flushes may have two more.
    pub connections: u16,
    /// Roles of PostgreSQL that may read the sites' tables.
    pub readers: Vec<String>,
    /// Roles of PostgreSQL that may read and write them.
    pub writers: Vec<String>,
    /// The id of an AWS Secrets Manager secret that holds the connection; empty: none.
    pub secret: String,
    /// Whether to sign in to RDS by IAM instead of a password.
    pub iam: bool,
    /// Whether the process may be frozen between requests, as a function is: then any connection may be
    /// gone without a word, and there is one request at a time. No key of the file.
    #[serde(skip)]
    pub may_freeze: bool,
    /// Whether a change that somebody asks for wakes it where it sleeps.
    pub wake: bool,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: "sqlite:causeway-hub".to_owned(),
            root_certificate: String::new(),
            address: String::new(),
            // A micro server takes about 80 in all.
            connections: 8,
            readers: Vec::new(),
            writers: Vec::new(),
            secret: String::new(),
            iam: false,
            may_freeze: false,
            wake: false,
        }
    }
}

impl fmt::Debug for DatabaseConfig {
    /// The URL without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("url", &without_password(&self.url))
            .field("root_certificate", &self.root_certificate)
            .field("address", &self.address)
            .field("connections", &self.connections)
            .field("readers", &self.readers)
            .field("writers", &self.writers)
            .field("secret", &self.secret)
            .field("iam", &self.iam)
            .field("wake", &self.wake)
            .finish()
    }
}

/// A URL whose user information and query, which may hold passwords, are cut down to the user.
pub(crate) fn without_password(url: &str) -> String {
    let (url, query) = url.split_once('?').unwrap_or((url, ""));
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let user = |rest: &str| rest.split(':').next().unwrap_or_default().to_owned();
    match rest.rsplit_once('@') {
        Some((before, host)) => format!("{scheme}://{}@{host}", user(before)),
        // The question mark may be one of the password's.
        None if query.contains('@') => format!("{scheme}://{}@…", user(rest)),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_never_shown() {
        let config = DatabaseConfig {
            url: "postgres://me:pa@ss@db.example/causeway?password=pass".to_owned(),
            ..DatabaseConfig::default()
        };
        assert_eq!(
            format!("{config:?}"),
            r#"DatabaseConfig { url: "postgres://me@db.example/causeway", root_certificate: "", address: "", connections: 8, readers: [], writers: [], secret: "", iam: false, wake: false }"#
        );
    }

    #[test]
    fn a_password_may_hold_any_mark() {
        let shown = |url: &str| without_password(&format!("postgres://{url}"));
        assert_eq!(shown("me:pa?ss@db.example/causeway"), "postgres://me@…");
        assert_eq!(
            shown("me:pa:ss@db/causeway?x=y"),
            "postgres://me@db/causeway"
        );
        assert_eq!(
            shown("db.example:5432/causeway?x=y"),
            "postgres://db.example:5432/causeway"
        );
    }
}

//! Whoever is about to change rows by a connection of their own.

use std::fmt;

use serde::Serialize;

/// A transaction that is open, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Writer {
    /// The server's process; `None`: the transaction is prepared, and has none.
    pub pid: Option<i64>,
    pub user: String,
    /// What the program calls itself, or the name of a prepared transaction.
    pub application: String,
    /// When it began; `None` where the hub's role may not see that.
    pub since: Option<String>,
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            user, application, ..
        } = self;
        match self.pid {
            Some(pid) => write!(f, "process {pid} (user {user}, application {application:?}")?,
            None => write!(f, "the prepared transaction {application:?} (user {user}")?,
        }
        match &self.since {
            Some(since) => write!(f, ", since {since})"),
            None => f.write_str(")"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_is_named_by_all_that_is_known() {
        let psql = Writer {
            pid: Some(42),
            user: "lan".into(),
            application: "psql".into(),
            since: Some("2025-11-28T09:30:00Z".into()),
        };
        insta::assert_snapshot!(psql, @r#"process 42 (user lan, application "psql", since 2025-11-28T09:30:00Z)"#);
        let prepared = Writer {
            pid: None,
            since: None,
            ..psql
        };
        insta::assert_snapshot!(prepared, @r#"the prepared transaction "psql" (user lan)"#);
    }
}

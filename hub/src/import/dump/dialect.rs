//! By which rules a dump is written: whatever says so in it, or the person who imports it.

use std::str::FromStr;

/// The database whose rules a dump follows.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dialect {
    /// MySQL and MariaDB.
    MySql,
    PostgreSql,
    Sqlite,
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "mysql" => Ok(Self::MySql),
            "postgresql" => Ok(Self::PostgreSql),
            "sqlite" => Ok(Self::Sqlite),
            _ => Err("write mysql, postgresql or sqlite".to_owned()),
        }
    }
}

/// What is known so far of how a dump is written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rules {
    pub(super) dialect: Option<Dialect>,
    /// Whether a backslash escapes in plain strings, where the dump says otherwise than its dialect does.
    said: Option<bool>,
}

impl Rules {
    pub(super) fn new(dialect: Option<Dialect>) -> Self {
        Self {
            dialect,
            said: None,
        }
    }

    pub(super) fn is_mysql(self) -> bool {
        self.dialect == Some(Dialect::MySql)
    }

    /// Whether a backslash escapes in plain strings; `None`: nothing says so.
    pub(super) fn backslash(self) -> Option<bool> {
        let usual = self.dialect.map(|dialect| dialect == Dialect::MySql);
        self.said.or(usual)
    }

    /// Takes note of what only one database's tools write.
    pub(super) fn is(&mut self, dialect: Dialect) {
        self.dialect.get_or_insert(dialect);
    }

    /// What a comment says.
    pub(super) fn comment(&mut self, text: &str) {
        const OF_MYSQL: [&str; 3] = ["MySQL dump", "MariaDB dump", "phpMyAdmin SQL Dump"];
        if OF_MYSQL.iter().any(|mark| text.contains(mark)) {
            self.is(Dialect::MySql);
        } else if text.contains("PostgreSQL database") {
            self.is(Dialect::PostgreSql);
        }
    }

    /// What a statement says, in upper case and with single spaces.
    pub(super) fn statement(&mut self, words: &str) {
        if words.starts_with("PRAGMA ") {
            self.is(Dialect::Sqlite);
        }
        if let Some(set) = words.strip_prefix("SET STANDARD_CONFORMING_STRINGS") {
            self.is(Dialect::PostgreSql);
            self.said = Some(set.contains("OFF"));
        }
        if words.contains("SQL_MODE") && words.contains("NO_BACKSLASH_ESCAPES") {
            self.said = Some(false);
        }
    }
}

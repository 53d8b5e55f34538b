//! The database: what the hub asks of one, and what each implementation promises.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use causeway_shared::ids::Part;

use crate::config::DatabaseConfig;

/// What the hub asks of a database.
#[async_trait]
pub trait Database: Send + Sync + fmt::Debug {
    /// Creates or upgrades the hub's own tables; any number of times.
    ///
    /// # Errors
    /// A failure of the database, or a database of a newer version.
    async fn init(&self) -> Result<(), DbError>;
}

/// Loaded rows with one value in one column of one partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoadedCount {
    /// The partition.
    pub part: Part,
    /// The value, as canonical CSV writes it without quotes; `None`: NULL.
    pub value: Option<String>,
    /// How many rows.
    pub rows: u64,
}

/// Why the database could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// The configured connection cannot be used.
    #[error("configuration, database: {problem}")]
    Configuration {
        /// What is wrong, and what to write.
        problem: String,
    },
}

impl DbError {
    /// Whether the same call may succeed later without anybody's help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Configuration { .. } => false,
        }
    }
}

/// Opens the database that a configuration names.
///
/// # Errors
/// [`DbError::Configuration`] if it names none that this program knows.
pub async fn open(_config: &DatabaseConfig) -> Result<Arc<dyn Database>, DbError> {
    Err(DbError::Configuration {
        problem: "not built yet".into(),
    })
}

//! Why a table is not published as a Delta table.

use std::io;

use causeway_shared::ids::Name;
use causeway_shared::store::StoreError;

use super::parquet_file::ParquetError;
use super::schema::SchemaError;
use super::table::ForeignCommit;
use crate::error::SiteError;

/// Why a table, or what a site has of it, is not published.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeltaError {
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error("the Delta table cannot be written: {0}")]
    Store(#[from] StoreError),
    #[error("the Delta table cannot be written to the temporary folder: {0}; make room there")]
    Spool(#[from] io::Error),
    #[error("not published as a Delta table: {0}")]
    Schema(#[from] SchemaError),
    #[error("not published as a Delta table: {0}")]
    Parquet(#[from] ParquetError),
    #[error("not published as a Delta table: its commit cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(
        "not published as a Delta table: version {version} of its log cannot be used: {source}; remove \
         archive/delta/{table}/, and the next run publishes it anew"
    )]
    Foreign {
        table: Name,
        version: u64,
        #[source]
        source: ForeignCommit,
    },
    #[error(
        "not published as a Delta table: version {version} of its log is missing, and what came after it is \
         there; remove archive/delta/{table}/, and the next run publishes it anew"
    )]
    Gap { table: Name, version: u64 },
}

impl DeltaError {
    /// The store's failure, which all tables would share.
    pub(super) fn of_all(self) -> Result<StoreError, Self> {
        match self {
            Self::Store(error) => Ok(error),
            error => Err(error),
        }
    }

    /// Whether the same run may succeed later without anybody's help.
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Self::Site(error) => error.is_retryable(),
            Self::Store(error) => error.is_retryable(),
            Self::Spool(_) => true,
            Self::Schema(_)
            | Self::Parquet(_)
            | Self::Json(_)
            | Self::Foreign { .. }
            | Self::Gap { .. } => false,
        }
    }
}

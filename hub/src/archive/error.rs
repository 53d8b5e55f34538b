//! Why a run of the archive failed.

use causeway_shared::store::StoreError;

use crate::aws::AwsError;
use crate::control::{Pending, Step};
use crate::document::DocumentError;

/// Why nothing, or no more, could be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ArchiveError {
    /// The store failed.
    #[error("the archive cannot go on: {0}")]
    Store(#[from] StoreError),
    /// The manifest, `archive_info.json` or the switch cannot be used.
    #[error("the archive cannot go on: {0}")]
    Document(#[from] DocumentError),
    /// The rule that publishes, or the function.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The keeper has something else to do first.
    #[error(
        "the keeper has not done yet what hub/wake.json asks for ({what:?}); it looks there every minute: try again then"
    )]
    KeeperBusy { what: Step },
    /// Others publish all the time.
    #[error("the archive was overtaken by other runs {times} times; they publish the same")]
    Overtaken { times: u32 },
    /// A fault of the program ended it.
    #[error("the run stopped; see the hub's log")]
    Stopped(#[source] tokio::task::JoinError),
    /// The program cannot.
    #[cfg(not(feature = "delta"))]
    #[error("this program is built without Delta tables")]
    NoDelta,
}

impl ArchiveError {
    /// Whether the same run may succeed later without anybody's help.
    #[must_use]
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::Document(error) => error.is_retryable(),
            Self::Aws(error) => error.is_retryable(),
            Self::KeeperBusy { .. } | Self::Overtaken { .. } => true,
            Self::Stopped(_) => false,
            #[cfg(not(feature = "delta"))]
            Self::NoDelta => false,
        }
    }
}

impl From<Pending> for ArchiveError {
    fn from(Pending(what): Pending) -> Self {
        Self::KeeperBusy { what }
    }
}

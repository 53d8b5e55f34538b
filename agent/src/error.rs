//! Why the agent could not do what it was asked, whether to try again, and how the program ends.

use std::io;
use std::path::PathBuf;

use causeway_shared::ids::{Md5, Name, Part, SiteName};
use causeway_shared::log::LogError;
use causeway_shared::object::ObjectError;
use causeway_shared::store::StoreError;
use causeway_shared::store::check::CheckError;
use jiff::Timestamp;

use crate::config::ConfigError;
use crate::init::InitError;
use crate::scan::ScanError;
use crate::source::SourceError;
use crate::state::{Fence, StateError, file_hint};

pub use causeway_shared::runtime::program::Exit;

/// Why the agent could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nothing can be proposed, or the proposal cannot be written.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The sources contradict the configuration.
    #[error(transparent)]
    Sources(#[from] SourceError),
    /// The state, or its lock.
    #[error(transparent)]
    State(#[from] StateError),
    /// A file of the agent's own.
    #[error("cannot {action} {}: {source}{}", path.display(), file_hint(source))]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The scan could not go on.
    #[error("the scan stopped: {0}")]
    Scan(#[from] ScanError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store.
    #[error("site {site}: {source}")]
    Store {
        /// The site.
        site: SiteName,
        /// The store's error.
        #[source]
        source: StoreError,
    },
    /// The store must not be written to.
    #[error("site {site}: {source}")]
    Unfit {
        /// The site.
        site: SiteName,
        /// What it does not keep.
        #[source]
        source: CheckError,
    },
    /// Another writer has this site's log.
    #[error(
        "site {site} is written by host {} (epoch {}, commit {} of {}); \
         if this host is to replace it, run `causeway-agent sync --take-over`",
        fence.host, fence.epoch, fence.seq, fence.at
    )]
    Fenced {
        /// The site.
        site: SiteName,
        /// The other writer.
        fence: Fence,
    },
    /// A plan names an object that neither the scan nor an earlier cycle made, which is a fault of
    /// this program.
    #[error(
        "site {site}: nothing was committed: the object {md5} of {table} {part} is neither in the spool \
         nor in the store. The next cycle reads the sources again; if this stays, move the agent's \
         `state_dir` away and report it"
    )]
    Unsent {
        /// The site.
        site: SiteName,
        /// The table.
        table: Name,
        /// The partition.
        part: Part,
        /// The object.
        md5: Md5,
    },
    /// An object whose rows an import was to keep is not whole.
    #[error(
        "site {site}: the object of {table} {part} {source}; import all rows of {table}, without --add"
    )]
    Kept {
        /// The site.
        site: SiteName,
        /// The table.
        table: Name,
        /// The partition.
        part: Part,
        /// What is wrong.
        #[source]
        source: ObjectError,
    },
    /// The log moved on each time that a commit was tried.
    #[error(
        "site {site}: the log moved on {attempts} times while a commit was prepared; try again"
    )]
    Unsettled {
        /// The site.
        site: SiteName,
        /// How often.
        attempts: u32,
    },
    /// What was read back after a migration is not what was written.
    #[error(
        "site {site}: {count} objects did not come back as they were written; \
         run `causeway-agent verify --repair`"
    )]
    NotVerified {
        /// The site.
        site: SiteName,
        /// How many.
        count: usize,
    },
    /// This machine's clock and the store's disagree, so that nobody knows how old something is.
    #[error(
        "site {site}: it is {here} by this machine's clock and {store} by the store's; set the one \
         that is wrong, then try again"
    )]
    Clock {
        /// The site.
        site: SiteName,
        /// The time here.
        here: Timestamp,
        /// The time there.
        store: Timestamp,
    },
    /// The system has no randomness, or a task ended before its time.
    #[error("the system failed: {source}")]
    System {
        /// How.
        #[source]
        source: io::Error,
    },
}

impl AgentError {
    /// Whether the same call may succeed later. A store that refuses today counts too, since its
    /// credentials may be renewed while the agent waits.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Log(LogError::Store { source, .. }) | Self::Store { source, .. } => {
                !matches!(source, StoreError::Config { .. })
            }
            // Its disk may be mounted later.
            Self::Log(LogError::Blank { .. }) => true,
            Self::Log(error) => error.is_retryable(),
            Self::Kept { source, .. } => source.is_retryable(),
            // Trying again does not upgrade the program.
            Self::State(StateError::Newer { .. }) => false,
            Self::State(_) | Self::File { .. } | Self::System { .. } => true,
            Self::Unsent { .. } | Self::Unsettled { .. } | Self::Scan(_) => true,
            Self::Config(_) | Self::Init(_) | Self::Sources(_) => false,
            Self::Unfit { .. } | Self::Fenced { .. } => false,
            Self::NotVerified { .. } | Self::Clock { .. } => false,
        }
    }

    /// Whether the store or its log is what failed.
    #[must_use]
    pub fn is_of_store(&self) -> bool {
        matches!(
            self,
            Self::Store { .. } | Self::Log(LogError::Store { .. } | LogError::Blank { .. })
        )
    }

    /// How the program ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Sources(_) => Exit::Usage,
            Self::Init(error) if error.is_usage() => Exit::Usage,
            Self::Store {
                source: StoreError::Config { .. },
                ..
            } => Exit::Usage,
            Self::Kept { source, .. } if !source.is_retryable() => Exit::Look,
            Self::Unfit { .. } | Self::Fenced { .. } => Exit::Look,
            Self::NotVerified { .. } | Self::Clock { .. } => Exit::Look,
            Self::Log(error) if !matches!(error, LogError::Store { .. }) => Exit::Look,
            Self::State(StateError::Newer { .. }) => Exit::Look,
            _ => Exit::Failed,
        }
    }
}

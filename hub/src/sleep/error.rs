//! Why a database is not put to sleep, or not woken.

use causeway_shared::commit::Owner;
use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::runtime::program::Exit;

use crate::archive::ArchiveError;
use crate::aws::AwsError;
use crate::db::{DbError, Writer};
use crate::document::DocumentError;
use crate::error::{HubError, SiteError};

/// Why a database is not put to sleep, or not woken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SleepError {
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error(
        "{database} has no server that could be stopped: end `causeway-hub serve` instead, after `causeway-hub flush`"
    )]
    NoServer { database: String },
    #[error(
        "edits.write is false, so that this database takes no changes, and the store has all of it: stop its server \
         as it is"
    )]
    ReadOnly,
    #[error(
        "the edits of site {site} belong to the database {} at {}, not to this one: put that one to sleep, or make \
         this one their owner with `causeway-hub init --take-over`", .owner.id, .owner.address
    )]
    NotOwner { site: SiteName, owner: Owner },
    #[error(
        "{} after {waited_s} s, so the database stays awake: have that end, or wait for longer (--wait)", open(.writers)
    )]
    Writers { waited_s: u64, writers: Vec<Writer> },
    #[error(
        "site {site}: {waiting} changes are not in the store after a flush, so the database stays awake; \
         `causeway-hub flush` says what is in the way"
    )]
    Unflushed { site: SiteName, waiting: u64 },
    #[error(
        "site {site}: the log of edits in the store ends with commit {stored}, and the database stands at {own}, so it \
         stays awake; run `causeway-hub load`, then try again"
    )]
    AnotherHead {
        site: SiteName,
        stored: Seq,
        own: Seq,
    },
    #[error(
        "the database's server does not answer within {waited_s} s: {detail}; start it, or wait for longer (--wait), \
         then run `causeway-hub wake` again"
    )]
    NoAnswer { waited_s: u64, detail: String },
    #[error(
        "somebody else puts the database to sleep or has it woken, and it is as they want it; try again"
    )]
    Overtaken,
    /// Some of it may be done; it goes on from there.
    #[error(
        "{source}; the database takes no changes now: run `causeway-hub sleep` again, or `causeway-hub wake` to have it \
         take some"
    )]
    Halfway {
        #[source]
        source: Box<SleepError>,
    },
}

impl SleepError {
    /// Whether the same call may succeed later without anybody's help.
    #[must_use]
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Hub(error) => error.is_retryable(),
            Self::Aws(error) => error.is_retryable(),
            Self::Halfway { source } => source.is_retryable(),
            Self::Unflushed { .. } | Self::NoAnswer { .. } | Self::Overtaken => true,
            Self::NoServer { .. }
            | Self::ReadOnly
            | Self::NotOwner { .. }
            | Self::Writers { .. }
            | Self::AnotherHead { .. } => false,
        }
    }

    /// Whether it may be because somebody else puts the database to sleep and has its server stopped.
    #[must_use]
    pub(super) fn may_come_of_another(&self) -> bool {
        match self {
            Self::Overtaken => true,
            Self::Hub(error) => error.is_retryable(),
            Self::Halfway { source } => source.may_come_of_another(),
            _ => false,
        }
    }

    /// How the program ends.
    #[must_use]
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Hub(error) if error.is_usage() => Exit::Usage,
            Self::Aws(error) if error.is_usage() => Exit::Usage,
            Self::NoServer { .. } | Self::ReadOnly => Exit::Usage,
            Self::Halfway { source } => source.exit(),
            error if error.is_retryable() => Exit::Failed,
            _ => Exit::Look,
        }
    }
}

impl From<DbError> for SleepError {
    fn from(error: DbError) -> Self {
        Self::Hub(error.into())
    }
}

impl From<SiteError> for SleepError {
    fn from(error: SiteError) -> Self {
        Self::Hub(error.into())
    }
}

impl From<ArchiveError> for SleepError {
    fn from(error: ArchiveError) -> Self {
        Self::Hub(error.into())
    }
}

impl From<DocumentError> for SleepError {
    fn from(error: DocumentError) -> Self {
        Self::Hub(error.into())
    }
}

fn open(writers: &[Writer]) -> String {
    let names: Vec<_> = writers.iter().map(ToString::to_string).collect();
    let verb = if writers.len() == 1 { "has" } else { "have" };
    format!("{} {verb} a transaction open", names.join(", "))
}

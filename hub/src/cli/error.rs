//! Why a command failed, and how the program ends then.

use std::io;

use causeway_shared::runtime::program::Exit;
use jiff::Timestamp;

use super::init::WriteConfigError;
use crate::api::openapi::OpenApiError;
use crate::auth::AuthError;
#[cfg(feature = "demo")]
use crate::demo::DemoError;
use crate::document::DocumentError;
use crate::error::HubError;
use crate::serve::ServeError;
use crate::sleep::SleepError;
use crate::sync::InvalidRange;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(transparent)]
    Range(#[from] InvalidRange),
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[cfg(feature = "demo")]
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[cfg(feature = "import")]
    #[error(transparent)]
    Import(#[from] crate::import::ImportError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Sleep(#[from] SleepError),
    #[error(transparent)]
    WriteConfig(#[from] WriteConfigError),
    #[error("cannot listen on {listen}: {source}; set http.listen to another address")]
    Listen {
        listen: String,
        #[source]
        source: io::Error,
    },
    #[error(
        "Athena reads S3, and the store is {store}: with --location s3://bucket/prefix say where its archive/ lies \
         for Athena, as a copy for example"
    )]
    NoLocation { store: String },
    #[error(
        "{location:?} is not where Athena finds a store: write --location s3://bucket/prefix, without quotes, \
         backslashes and $"
    )]
    BadLocation { location: String },
    #[error(transparent)]
    OpenApi(&'static OpenApiError),
    #[error("the database {is} since {since}; {todo} ({source})",
        is = if *is_waking { "is being woken" } else { "sleeps" },
        todo = if *is_waking { "`causeway-hub wake` goes on" } else { "wake it with `causeway-hub wake`" })]
    Asleep {
        /// Whether somebody has it woken, and it does not answer yet.
        is_waking: bool,
        since: Timestamp,
        #[source]
        source: Box<CliError>,
    },
    #[error("cannot write to standard output: {0}")]
    Output(#[source] io::Error),
}

impl CliError {
    /// How the program ends.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Hub(error) if error.is_usage() => Exit::Usage,
            Self::Auth(error) if error.is_usage() => Exit::Usage,
            Self::Auth(AuthError::Document(DocumentError::Unfit(_))) => Exit::Look,
            #[cfg(feature = "demo")]
            Self::Demo(error) => match error.is_usage() {
                true => Exit::Usage,
                false => Exit::Failed,
            },
            #[cfg(feature = "import")]
            Self::Import(error) => error.exit(),
            Self::Sleep(error) => error.exit(),
            Self::Asleep { source, .. } => source.exit(),
            Self::Serve(error) if error.is_usage() => Exit::Usage,
            Self::Range(_)
            | Self::NoLocation { .. }
            | Self::BadLocation { .. }
            | Self::WriteConfig(WriteConfigError::Exists { .. }) => Exit::Usage,
            Self::Hub(error) if !error.is_retryable() => Exit::Look,
            Self::Hub(_)
            | Self::Auth(_)
            | Self::Serve(_)
            | Self::WriteConfig(_)
            | Self::Listen { .. }
            | Self::OpenApi(_)
            | Self::Output(_) => Exit::Failed,
        }
    }
}

//! Why an invocation failed, as its caller gets it.

use serde_json::json;
use tokio::task::JoinError;

use super::event::UnknownEvent;
use super::runtime_api::Answer;
use crate::archive::ArchiveError;
use crate::auth::AuthError;
use crate::error::HubError;

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Unknown(#[from] UnknownEvent),
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(transparent)]
    Token(#[from] AuthError),
    #[error(
        "the function's time was over before all was done; what was done stays, and the next tick goes on. Where it \
         is never done, give the function more time or memory"
    )]
    TimeIsOver,
    /// The next round tries again.
    #[error("not all of what hub/wake.json asks for is done: {0}")]
    Keeper(String),
    #[error("CloudFormation cannot be answered: {0}")]
    NotTold(#[source] reqwest::Error),
    #[error("the invocation stopped: {0}; this is a mistake in the program")]
    Stopped(#[source] JoinError),
    #[error("the answer cannot be written as JSON: {0}")]
    Unwritten(#[from] serde_json::Error),
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        Self::Hub(error.into())
    }
}

impl Failure {
    /// The kind, for alarms and scripts.
    fn kind(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "UnknownEvent",
            Self::Hub(error) if error.is_usage() => "Configuration",
            Self::Hub(_) | Self::Token(_) => "Hub",
            Self::TimeIsOver => "TimeIsOver",
            Self::Keeper(_) => "Keeper",
            Self::NotTold(_) => "NotTold",
            Self::Stopped(_) | Self::Unwritten(_) => "Internal",
        }
    }

    /// The answer that makes the invocation a failed one.
    pub(super) fn into_answer(self) -> Answer {
        tracing::error!(error = %self, "the invocation failed");
        let body = json!({
            "errorType": self.kind(),
            "errorMessage": self.to_string(),
            "stackTrace": [],
        });
        Answer::Failed {
            kind: self.kind(),
            body: body.to_string(),
        }
    }
}
